from odoo import api, fields, models


class ResPartner(models.Model):
    _inherit = "res.partner"

    livechat_main_account_id = fields.Many2one(
        "res.users",
        "Main Account of this Sub-account",
        compute="_compute_livechat_main_account_id",
        compute_sudo=True,
        store=True,
        index="btree_not_null",
        groups="base.group_erp_manager",
        help="The shop whose sub-account this contact is, activated or not.",
    )

    @api.depends("user_ids.main_account_id", "user_ids.active")
    def _compute_livechat_main_account_id(self):
        # Core's own rules about the contacts of users know the active ones only.
        users = self.env["res.users"].with_context(active_test=False)
        owner_by_partner = {
            user.partner_id: user.main_account_id
            for user in users.search(
                [("partner_id", "in", self.ids), ("main_account_id", "!=", False)]
            )
        }
        for partner in self:
            partner.livechat_main_account_id = owner_by_partner.get(partner._origin, False)

    def write(self, vals):
        # sudo: res.partner - whether it is a sub-account's
        if not self.env.su and self.sudo().livechat_main_account_id:
            # Core protects the contacts of active users so. Here also those that wait for their
            # activation link, which goes to the contact's address.
            self.env["res.users"].check_access("write")
        return super().write(vals)

    def _get_partner_from_token(self, token):
        partner = super()._get_partner_from_token(token)
        # A contact without an active user can sign up. Not with the contact of somebody who was or
        # will be an agent, whose chats would come with it; those are archived, or a sub-account's.
        if partner and not partner.user_ids:
            partner_sudo = partner.sudo()
            if not partner_sudo.active or partner_sudo.livechat_main_account_id:
                return None
        return partner
