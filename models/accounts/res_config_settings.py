from odoo import api, fields, models

from ...tools import sent


class ResConfigSettings(models.TransientModel):
    _name = "res.config.settings"
    _inherit = ["res.config.settings", "livechat.field.mixin"]

    subaccount_limit = fields.Integer(
        "Sub-accounts per Main Account",
        at_least=0,
        at_most=sent.MANY,
        config_parameter="im_livechat_subaccount.subaccount_limit",
        help="How many sub-accounts each main account can have; 0 for as many as it likes.",
        logged=True,
    )

    @api.model
    def _get_dispatch_parameter(self, name, convert, default, valid):
        """Return a system parameter of ours, or ``default`` if it is not set or makes no sense.

        System parameters can be edited by hand; a typing mistake there must not close the shop.
        """
        # sudo: ir.config_parameter - reading our own settings, which are no secret
        text = self.env["ir.config_parameter"].sudo().get_param(f"im_livechat_subaccount.{name}")
        if not text:
            return default
        try:
            value = convert(text)
        except ValueError:
            return default
        return value if valid(value) else default

    @api.model
    def _get_subaccount_limit(self):
        """Return how many sub-accounts a main account can have, 0 for no limit."""
        return self._get_dispatch_parameter("subaccount_limit", int, 0, lambda limit: limit >= 0)
