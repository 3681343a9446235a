from odoo.exceptions import AccessDenied, AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import ShopCommon



@tagged("post_install", "-at_install")
class TestSubaccountLife(ShopCommon):
    def test_smoke(self):
        sub = self.Subaccounts.create({"name": "Chen Jing", "role_ids": [Command.link(self.role_reception.id)]})
        self.assertEqual(sub.state, "pending")
        self.assertEqual(sub.login, "flagship:desk1")
        action = sub.action_activation_link()
        token = action["context"]["default_url"].rsplit("/", 1)[1]
        found = self.env["livechat.subaccount"]._find_by_token(token)
        self.assertEqual(found.id, sub.id)
        found._activate("sesame-open")
        self.assertEqual(sub.state, "enabled")
        user = sub.sudo().user_id
        self.assertTrue(user.has_group("im_livechat.im_livechat_group_user"))
        sub.write({"dispatch_weight": 300})
        self.assertEqual(user.dispatch_weight, 300)
        sub.action_disable()
        self.assertFalse(user.active)
        self.assertEqual(sub.state, "disabled")
        sub.action_enable()
        self.assertEqual(sub.state, "enabled")
        sub.role_ids = [Command.clear()]
        self.assertFalse(user.has_group("im_livechat.im_livechat_group_user"))
        sub.action_disable()
        login = sub.login
        sub.action_delete()
        self.assertFalse(user.exists())
        self.assertFalse(self.env["res.users"].with_context(active_test=False).search([("login", "=", login)]))
