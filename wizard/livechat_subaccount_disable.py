from odoo import api, fields, models

from ..tools import sent


class LivechatSubaccountDisable(sent.Guard, models.TransientModel):
    """Asks who takes over the open chats of sub-accounts that are about to be disabled."""

    _name = "livechat.subaccount.disable"
    _description = "Disable Sub-accounts"

    subaccount_ids = fields.Many2many("livechat.subaccount", string="Sub-accounts", required=True)
    successor_id = fields.Many2one(
        "livechat.subaccount",
        "Give Open Chats To",
        domain="[('id', 'in', successor_ids)]",
        help="Empty: each chat is dispatched again.",
    )
    successor_ids = fields.Many2many("livechat.subaccount", compute="_compute_successor_ids")

    @api.depends("subaccount_ids")
    @api.depends_context("uid")
    def _compute_successor_ids(self):
        for dialog in self:
            # Of the shop of those who leave, as far as the caller sees it.
            enabled = dialog.env["livechat.subaccount"].search(
                [
                    ("state", "=", "enabled"),
                    ("id", "not in", dialog.subaccount_ids.ids),
                    ("main_account_id", "in", dialog.subaccount_ids.main_account_id.ids),
                ]
            )
            # sudo: res.users - who may receive buyers
            dialog.successor_ids = enabled.filtered(
                lambda one: one.sudo().user_id._has_agent_group()
            )

    def action_disable(self):
        """Disable and hand over."""
        self.ensure_one()
        self.subaccount_ids._disable(self.successor_id)
        return {"type": "ir.actions.act_window_close"}
