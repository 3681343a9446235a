from odoo import api, models


class IrConfigParameter(models.Model):
    """What a quiet chat or a ticket holds counts from the moment it is set, on the settings page or
    by hand."""

    _inherit = "ir.config_parameter"

    @api.model_create_multi
    def create(self, vals_list):
        parameters = super().create(vals_list)
        parameters._follow_holds()
        return parameters

    def write(self, vals):
        result = super().write(vals)
        self._follow_holds()
        return result

    def unlink(self):
        self._follow_holds()
        return super().unlink()

    def _follow_holds(self):
        holds = {f"im_livechat_subaccount.{name}" for name in ("quiet_hold", "ticket_load")}
        if holds.intersection(self.mapped("key")):
            announcement = self.env["livechat.announcement"]
            announcement._seat_may_be_free()
            # sudo: im_livechat.channel - whose pages show loads, whoever sets what counts
            channels = self.env["im_livechat.channel"].sudo()
            channels = channels.search([("dispatch_mode", "!=", "native")])
            for part in ("trees", "bars"):
                announcement._look_again(channels, part)
