from odoo import fields, models

from ...tools.rights import READERS


class ResUsers(models.Model):
    """Odoo's two-factor authentication, where a role asks for it."""

    _inherit = "res.users"

    second_factor_due = fields.Boolean(
        "Second Factor Missing",
        readonly=True,
        copy=False,
        groups=READERS,
        help="A role asks for two-factor authentication, and the user has not set it up: it gets "
        "no buyers.",
        frees_seats=True,
        shown=("staff", "agents", "bars"),
    )

    def _has_second_factor(self):
        """Tell whether this user logs in with a second factor; nobody does where Odoo's module for
        it is not installed."""
        # sudo: res.users - whether there is one
        return "totp_enabled" in self._fields and self.sudo().totp_enabled

    def _follow_second_factor(self):
        """Follow that one of these users has set up a second factor or lost it, or that its roles
        ask for one or no more."""
        for row in self._get_subaccount():
            is_due = any(row.role_ids.mapped("second_factor")) and (
                not row.user_id._has_second_factor()
            )
            if row.user_id.second_factor_due != is_due:
                row.user_id.second_factor_due = is_due

    def _lose_second_factor(self):
        """Let these users log in without a second factor once more, to set up another; whoever is
        logged in now, is so no more."""
        # sudo: res.users, auth_totp.device - whoever manages them
        self.sudo().write({"totp_secret": False})
        self.env["auth_totp.device"].sudo().search([("user_id", "in", self.ids)]).unlink()
        self._end_sessions()
