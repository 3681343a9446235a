from odoo import fields, models


class LivechatDispatchGroup(models.Model):
    _name = "livechat.dispatch.group"
    _description = "Dispatch Group"
    _order = "sequence, id"
    _parent_store = True

    name = fields.Char(required=True)
    channel_id = fields.Many2one(
        "im_livechat.channel", required=True, index=True, ondelete="cascade"
    )
    parent_id = fields.Many2one(
        "livechat.dispatch.group", "Parent Group", index=True, ondelete="restrict"
    )
    parent_path = fields.Char(index=True)
    child_ids = fields.One2many("livechat.dispatch.group", "parent_id", "Groups Below")
    sequence = fields.Integer(default=10)
    user_ids = fields.Many2many("res.users", string="Agents")
    overflow_seconds = fields.Integer(
        "Overflow After (seconds)",
        default=60,
        help="When a buyer has waited so long, the agents of the parent group join.",
    )
