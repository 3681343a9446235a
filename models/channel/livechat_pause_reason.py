from odoo import api, fields, models

from ...tools import sent


class LivechatPauseReason(sent.Guard, models.Model):
    """Why somebody pauses, from a list that each shop edits: lunch, training, …

    A shop without reasons of its own has those of no shop.
    """

    _name = "livechat.pause.reason"
    _description = "Reason of a Pause"
    _order = "sequence, id"

    def _default_main_account_id(self):
        return self.env.user._get_shop_owner()

    name = fields.Char(required=True, translate=True, length_max=40)
    sequence = fields.Integer(default=10, at_least=0, at_most=10000)
    active = fields.Boolean(default=True)
    main_account_id = fields.Many2one(
        "res.users",
        "Main Account",
        default=_default_main_account_id,
        readonly=True,
        index=True,
        ondelete="cascade",
        help="Whose shop uses it; empty: every shop without reasons of its own.",
    )

    @api.model
    def _find_of_shop(self, main_account):
        """Return the reasons from which the people of this shop choose."""
        # sudo: livechat.pause.reason - every agent chooses from its shop's list
        reasons = self.sudo()
        own = [("main_account_id", "=", main_account.id)] if main_account else []
        found = own and reasons.search(own)
        return found or reasons.search([("main_account_id", "=", False)])
