from odoo import models


class ResUsersApikeys(models.Model):
    _inherit = "res.users.apikeys"

    def _check_credentials(self, *, scope, key):
        """As core's; a key opens no door that its sub-account may not go through now."""
        uid = super()._check_credentials(scope=scope, key=key)
        if uid and self.env["res.users"].with_user(uid)._find_login_refusal():
            return None
        return uid
