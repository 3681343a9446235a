from odoo.tests import new_test_user, tagged

from .walks import WalkCase, walk


@tagged("post_install", "-at_install")
class TestTours(WalkCase):
    """What people see, in a real browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        receive = "im_livechat.im_livechat_group_user"
        cls.maria = new_test_user(
            cls.env, "maria_tour", receive, name="Maria Santos", dispatch_weight=300
        )
        cls.omar = new_test_user(
            cls.env, "omar_tour", receive, name="Omar Haddad", dispatch_weight=100
        )
        cls.channel = cls.env["im_livechat.channel"].create(
            {"name": "Flagship Shop", "user_ids": (cls.maria | cls.omar).ids}
        )
        cls.channel_url = f"/odoo/action-im_livechat.im_livechat_channel_action/{cls.channel.id}"

    def test_administrator_sets_up_dispatch_on_the_channel_form(self):
        admin = new_test_user(
            self.env,
            "admin_tour",
            "base.group_erp_manager,im_livechat.im_livechat_group_manager",
        )
        self.assertEqual(self.channel.dispatch_mode, "native")

        self.start_tour(
            self.channel_url, "im_livechat_subaccount.channel_dispatch", login=admin.login
        )

        self.assertEqual(self.channel.dispatch_mode, "share")
        self.assertEqual(self.channel.max_sessions_mode, "limited")
        self.assertEqual(self.channel.max_sessions, 4)
        self.assertEqual((self.maria | self.omar).mapped("dispatch_weight"), [100, 100])

    def test_live_chat_manager_cannot_edit_weights(self):
        manager = new_test_user(
            self.env, "manager_tour", "base.group_user,im_livechat.im_livechat_group_manager"
        )
        self.channel.write(
            {"dispatch_mode": "share", "max_sessions_mode": "limited", "max_sessions": 4}
        )

        self.start_tour(
            self.channel_url,
            "im_livechat_subaccount.channel_dispatch_readonly",
            login=manager.login,
        )

        self.assertEqual(self.channel.max_sessions, 2)
        self.assertEqual(self.maria.dispatch_weight, 300)

    @walk
    def test_settings_block_saves_and_refuses(self):
        admin = new_test_user(
            self.env, "system_tour", "base.group_system,im_livechat.im_livechat_group_manager"
        )

        self.start_tour(
            "/odoo/settings", "im_livechat_subaccount.dispatch_settings", login=admin.login
        )

        settings = self.env["res.config.settings"]
        self.assertEqual(settings._get_dispatch_mode_default(), "share")
        self.assertEqual(settings._get_dispatch_weight_default(), 120)
        self.assertEqual(settings._get_dispatch_quiet_hold(), 0)
        channel = self.env["im_livechat.channel"].create({"name": "A new channel"})
        self.assertEqual(channel.dispatch_mode, "share")
        self.assertEqual(new_test_user(self.env, "newcomer").dispatch_weight, 120)

    def test_buyer_meets_the_desk_then_the_chosen_agent(self):
        self.channel.dispatch_mode = "share"
        for agent in self.maria | self.omar:
            self.env["mail.presence"]._update_presence(agent)

        self.start_tour(
            f"/im_livechat/support/{self.channel.id}", "im_livechat_subaccount.buyer_dispatch"
        )

        chat = self.channel.channel_ids
        self.assertEqual(len(chat), 1)
        self.assertEqual(chat.livechat_operator_id, self.maria.partner_id)
