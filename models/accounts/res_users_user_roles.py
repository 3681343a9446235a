from odoo import api, fields, models

from ...tools import phrase

_AGENTS = "im_livechat.im_livechat_group_user"


class ResUsers(models.Model):
    """Roles of ours beside those of OCA's base_user_role, which need not be there: what is said of
    each other, and what it calls."""

    _inherit = "res.users"

    livechat_rights_note = fields.Char(
        compute="_compute_livechat_rights_note", groups="base.group_erp_manager"
    )

    @api.depends("subaccount_ids.role_ids.name")
    def _compute_livechat_rights_note(self):
        for user in self:
            notes = []
            if roles := user._get_subaccount().role_ids:
                notes.append(
                    self.env._(
                        "Roles of the reception give rights as well: %(roles)s. They are changed "
                        "on the sub-account.",
                        roles=phrase.join(self.env, roles.mapped("name")),
                    )
                )
                if user._has_user_roles():
                    notes.append(self.env._("User Roles neither give nor take them."))
            user.livechat_rights_note = " ".join(notes)

    def _has_user_roles(self):
        """Tell whether base_user_role gives this user groups: those of its roles and no others."""
        # sudo: res.users - whether there is any
        return "role_line_ids" in self._fields and bool(self.sudo().role_line_ids)

    @api.model
    def _get_self_writable_groups(self):
        """Return the groups that base_user_role leaves as they are: those of our roles as well,
        so that both kinds of roles stand beside each other."""
        # sudo: livechat.role, res.groups - which groups these are
        roles = self.env["livechat.role"].sudo().search([])
        return super()._get_self_writable_groups() | roles.group_id

    @api.private
    def set_groups_from_roles(self, force=False):
        """Follow what base_user_role changes, which goes past every other addon's ``write``."""
        # sudo: res.users - who is concerned, whoever changes a role
        users = self.sudo()
        before = {user: user.group_ids for user in users}
        known = users._filter_known()
        agents = known._filter_given(_AGENTS)
        result = super().set_groups_from_roles(force=force)
        changed = users.filtered(lambda user: user.group_ids != before[user])
        if concerned := (changed & known) | changed._filter_known():
            announcement = self.env["livechat.announcement"]
            self.env["res.groups"]._follow_rights()
            announcement._agent_leaves(agents - agents._filter_given(_AGENTS))
            announcement._look_again(concerned, "staff")
            announcement._seat_may_be_free()
        return result
