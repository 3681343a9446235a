from odoo import fields, models

from ..tools import sent


class LivechatSubaccountDisable(sent.Guard, models.TransientModel):
    """Asks who takes over the open chats of sub-accounts that are about to be disabled."""

    _name = "livechat.subaccount.disable"
    _description = "Disable Sub-accounts"

    subaccount_ids = fields.Many2many("livechat.subaccount", string="Sub-accounts", required=True)
    successor_id = fields.Many2one(
        "livechat.subaccount",
        "Give Open Chats To",
        domain="[('state', '=', 'enabled'), ('id', 'not in', subaccount_ids)]",
        help="Empty: each chat is dispatched again.",
    )

    def action_disable(self):
        """Disable and hand over."""
        self.ensure_one()
        self.subaccount_ids._disable(self.successor_id)
        return {"type": "ir.actions.act_window_close"}
