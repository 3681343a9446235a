from odoo import models

from ...tools.sent import expect_values, is_record_id


class ResPartner(models.Model):
    """Buyers who wait while an agent of their own is appointed, or taken away."""

    _inherit = "res.partner"

    def write(self, vals):
        expect_values(self.env, vals)
        parent = self.browse(vals.get("parent_id") if is_record_id(vals.get("parent_id")) else ())
        concerns_agents = any(self._says(name, "frees_seats") for name in vals)
        # Of who had no agent and has none nothing is looked up.
        had_agents = concerns_agents and (self | parent)._get_appointed_agents()
        result = super().write(vals)
        if had_agents or (concerns_agents and self._get_appointed_agents()):
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
