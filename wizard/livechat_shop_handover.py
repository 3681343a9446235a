from odoo import api, fields, models

from ..tools import sent


class LivechatShopHandover(sent.Guard, models.TransientModel):
    """Asks an administrator who runs a shop from now on, and says what happens then."""

    _name = "livechat.shop.handover"
    _description = "Hand Shop Over"

    main_account_id = fields.Many2one("res.users", "Main Account", required=True)
    successor_id = fields.Many2one(
        "res.users",
        "New Main Account",
        required=True,
        domain="[('share', '=', False), ('id', '!=', main_account_id),"
        " ('main_account_id', 'in', [False, main_account_id])]",
        help="An employee who works for no other shop, or a sub-account of this one.",
    )
    subaccount_count = fields.Integer("Sub-accounts", compute="_compute_counts")
    channel_count = fields.Integer("Channels", compute="_compute_counts")

    @api.depends("main_account_id")
    def _compute_counts(self):
        for dialog in self:
            # sudo: livechat.subaccount - how many come along, for who may hand the shop over
            rows = self.env["livechat.subaccount"].sudo()
            owner = dialog.main_account_id
            dialog.subaccount_count = rows.search_count([("main_account_id", "in", owner.ids)])
            dialog.channel_count = len(owner._get_shop_channels())

    def action_hand_over(self):
        """Make the successor the main account of this shop; see
        ``res.users.action_hand_shop_over``."""
        self.ensure_one()
        self.main_account_id.action_hand_shop_over(self.successor_id.id)
        return {"type": "ir.actions.client", "tag": "soft_reload"}
