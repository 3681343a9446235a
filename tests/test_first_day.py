"""Where people begin, on their first day and each day after it."""

from odoo.tests import HttpCase, TransactionCase, tagged

from .common import create_user

MAIN_ACCOUNT = "im_livechat_subaccount.group_main_account"
AGENT = "im_livechat.im_livechat_group_user"


@tagged("post_install", "-at_install")
class TestWorkPage(HttpCase):
    def setUp(self):
        super().setUp()
        self.owner = create_user(self.env, "first_day_owner", MAIN_ACCOUNT)
        self.reception = self.env.ref("im_livechat_subaccount.livechat_reception_action")
        self.discuss = self.env.ref("mail.action_discuss")

    def _get_home(self, user):
        self.authenticate(user.login, user.login)
        return self.make_jsonrpc_request("/web/session/get_session_info", {})["home_action_id"]

    def test_people_open_on_their_work(self):
        people = {
            "overseer": ("im_livechat_subaccount.group_dispatch_manager", self.reception.id),
            "auditor": ("im_livechat_subaccount.group_auditor", self.reception.id),
            "agent": (AGENT, self.discuss.id),
            "clerk": ("base.group_user", False),
        }
        for name, (group, page) in people.items():
            with self.subTest(name):
                user = create_user(self.env, f"first_day_{name}", group)
                user.main_account_id = self.owner
                self.assertEqual(self._get_home(user), page)
        self.assertEqual(self._get_home(self.owner), self.reception.id)

    def test_people_who_are_nobodys_staff_open_where_they_did(self):
        agent = create_user(self.env, "first_day_stranger", AGENT)
        manager = create_user(
            self.env, "first_day_manager", "im_livechat.im_livechat_group_manager"
        )
        for user in (agent, manager):
            self.assertFalse(self._get_home(user))

    def test_the_page_that_somebody_chose_is_kept(self):
        chosen = self.env.ref("base.action_res_users_my")
        self.owner.action_id = chosen.id
        self.assertEqual(self._get_home(self.owner), chosen.id)

    def test_the_browser_of_a_main_account_shows_reception(self):
        self.browser_js(
            "/odoo",
            "console.log('test successful')",
            ready="!!document.querySelector('.o_livechat_reception')",
            login=self.owner.login,
        )


@tagged("post_install", "-at_install")
class TestOdooBot(TransactionCase):
    def test_odoobot_greets_nobody_who_comes_to_serve_buyers(self):
        owner = create_user(self.env, "first_day_owner", MAIN_ACCOUNT)
        subaccount = self.env["livechat.subaccount"].with_user(owner).create({"name": "Desk"})
        user = subaccount.sudo().user_id
        subaccount.sudo().user_id.active = True
        if "odoobot_state" not in user._fields:
            self.skipTest("OdooBot is not installed")
        user.with_user(user)._on_webclient_bootstrap()
        bot = self.env.ref("base.partner_root")
        chats = self.env["discuss.channel"].search(
            [("channel_type", "=", "chat"), ("channel_member_ids.partner_id", "=", bot.id)]
        )
        self.assertNotIn(user.partner_id, chats.channel_member_ids.partner_id)

    def test_odoobot_is_no_agent_of_a_channel_that_is_dispatched(self):
        odoobot = self.env.ref("base.user_root")
        channels = self.env["im_livechat.channel"].with_context(active_test=False)
        native = channels.create({"name": "Website"})
        self.assertIn(odoobot, native.user_ids, "as in core")
        self.assertNotIn(
            odoobot, channels.create({"name": "Shop", "dispatch_mode": "share"}).user_ids
        )
        native.dispatch_mode = "least_load"
        self.assertNotIn(odoobot, native.user_ids)
