from odoo import models


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _update_values(self, src_partners, dst_partner):
        # Core has moved accounts from one contact to the other in SQL. What is stored of whose they
        # are follows now: an agent's contact is protected from whoever merges.
        self.env.invalidate_all()
        # sudo: res.users - whose contact this is, whoever merges; also who cannot log in yet
        users = self.env["res.users"].sudo().with_context(active_test=False)
        users.search([("partner_id", "=", dst_partner.id)]).modified(["partner_id"])
        # Core passes over what the person who merges may not read: the agent would be lost.
        # sudo: res.partner - a buyer keeps its agent, whoever finds that two contacts are one
        buyer = dst_partner.sudo()
        buyer.livechat_agent_id = (buyer + src_partners.sudo()).livechat_agent_id[:1]
        return super()._update_values(src_partners, dst_partner)
