from odoo import models
from odoo.tools import sql


class ResUsersApikeys(models.Model):
    _inherit = "res.users.apikeys"

    def init(self):
        """As core's, once: its index locks the table even where it exists, and core makes it again
        at each upgrade of a module that extends this model. A shop at work would wait."""
        if not sql.table_exists(self.env.cr, self._table):
            super().init()

    def _generate(self, scope, name, expiration_date):
        key = super()._generate(scope, name, expiration_date)
        # What a browser that is trusted with the second factor has is no key for programs.
        if self._name == "res.users.apikeys" and self.env.user._has_shop():
            self.env["livechat.account.log"]._note("key", self.env.user, detail=name)
        return key

    def _check_credentials(self, *, scope, key):
        """As core's; a key opens no door that its sub-account may not go through now."""
        uid = super()._check_credentials(scope=scope, key=key)
        if uid and self.env["res.users"].with_user(uid)._find_login_refusal():
            return None
        return uid
