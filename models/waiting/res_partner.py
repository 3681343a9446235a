from odoo import models


class ResPartner(models.Model):
    """Buyers who wait while an agent of their own is appointed, or taken away."""

    _inherit = "res.partner"

    def write(self, vals):
        result = super().write(vals)
        if any(self._says(name, "frees_seats") for name in vals):
            # sudo: discuss.channel, res.partner - whose regulars they are is dispatch's own note
            partners, channels = self.sudo(), self.env["im_livechat.channel"].sudo()
            companies = partners.commercial_partner_id
            waiting = channels._search_waiting(channels.search([("dispatch_mode", "!=", "native")]))
            waiting.filtered(
                lambda chat: (
                    partners.browse(chat._get_buyer().partner_id).commercial_partner_id & companies
                )
            )._note_regulars()
        return result
