from datetime import timedelta

from odoo import api, fields, models

from ..tools import sent
from ..tools.here import read_now

_HOURS = {"hour": 1, "day": 24, "week": 7 * 24, "month": 30 * 24, "ever": None}


class LivechatBlockBuyer(sent.Guard, models.TransientModel):
    """Asks for how long the buyer of a chat is blocked."""

    _name = "livechat.block.buyer"
    _description = "Block Buyer"

    chat_id = fields.Many2one("discuss.channel", "Chat", required=True)
    how_long = fields.Selection(
        [
            ("hour", "An hour"),
            ("day", "A day"),
            ("week", "A week"),
            ("month", "30 days"),
            ("ever", "Until it is lifted"),
        ],
        "For",
        required=True,
        default="day",
    )
    has_address = fields.Boolean(compute="_compute_has_address")
    by_address = fields.Boolean(
        "Its address as well",
        help="For a buyer who comes again as somebody else. Whoever shares the address, as in an "
        "office, cannot chat either.",
    )
    reason = fields.Char(length_max=200)

    @api.depends("chat_id")
    def _compute_has_address(self):
        for dialog in self:
            # sudo: discuss.channel - whether its address is known, not which it is
            dialog.has_address = bool(dialog.chat_id.sudo().dispatch_address)

    def action_block(self):
        """Block the buyer and end the chat.

        :raise AccessError: for who does not manage the dispatch of the chat's shop.
        """
        self.ensure_one()
        hours = _HOURS[self.how_long]
        until = hours and read_now(self.env) + timedelta(hours=hours)
        self.chat_id._block_buyer({"until": until, "reason": self.reason}, self.by_address)
        return {"type": "ir.actions.act_window_close"}
