"""Where people begin, on their first day and each day after it."""

import logging
from unittest.mock import patch
from urllib.parse import urlsplit

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, HttpCase, TransactionCase, new_test_user, tagged

from .common import DispatchCommon, create_user
from .walks import WalkCase, walk

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
        # In a shop of one person the administrator is its main account.
        administrator = create_user(
            self.env, "first_day_admin", f"base.group_system,{MAIN_ACCOUNT}"
        )
        self.assertEqual(self._get_home(administrator), self.reception.id)

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
        user.active = True
        if "odoobot_state" not in user._fields:
            self.skipTest("OdooBot is not installed")
        # As an administrator may make one as well.
        other = create_user(
            self.env, "first_day_agent", "base.group_user", main_account_id=owner.id
        )
        bot = self.env.ref("base.partner_root")
        for newcomer in (user, other, owner):
            newcomer.with_user(newcomer)._on_webclient_bootstrap()
            chats = self.env["discuss.channel"].search(
                [("channel_type", "=", "chat"), ("channel_member_ids.partner_id", "=", bot.id)]
            )
            self.assertNotIn(newcomer.partner_id, chats.channel_member_ids.partner_id)

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


@tagged("post_install", "-at_install")
class TestNewMainAccount(DispatchCommon):
    """*Settings ▸ Live Chat ▸ New main account*."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = create_user(
            cls.env,
            "first_day_admin",
            "base.group_erp_manager,base.group_partner_manager,"
            "im_livechat.im_livechat_group_manager",
        )
        cls.Dialog = cls.env["livechat.main.account"].with_user(cls.admin)

    def _open(self, **vals):
        values = {"name": "Lin Yue", "login": "lin@shop.example", "channel_name": "Lin's Shop"}
        return self.Dialog.create({"channel": "new", **values, **vals}).action_create()

    def test_somebody_new_gets_a_shop_and_a_link(self):
        action = self._open()
        owner = self.env["res.users"].search([("login", "=", "lin@shop.example")])
        self.assertTrue(owner.has_group(MAIN_ACCOUNT))
        self.assertFalse(owner._is_admin())
        self.assertEqual(owner._get_shop_owner(), owner)
        channel = owner._get_shop_channels()
        self.assertEqual((channel.name, channel.dispatch_mode), ("Lin's Shop", "share"))
        self.assertFalse(channel.user_ids, "not whoever made it")
        self.assertIn("token=", action["context"]["default_url"])
        self.assertEqual(action["context"]["default_login"], owner.login)

    def test_somebody_who_is_there_gets_a_channel_that_is_there(self):
        user = create_user(self.env, "first_day_existing", "base.group_user")
        channel = self.env["im_livechat.channel"].create({"name": "Website"})
        existing = {"person": "existing", "user_id": user.id}
        action = self._open(
            **existing, channel="existing", channel_id=channel.id, dispatch_mode="least_load"
        )
        self.assertEqual(action["res_id"], channel.id)
        self.assertEqual((channel.main_account_id, channel.dispatch_mode), (user, "least_load"))
        self.assertTrue(user.has_group(MAIN_ACCOUNT))

    def test_the_only_channel_of_a_new_website_is_proposed(self):
        channels = self.env["im_livechat.channel"].search([("main_account_id", "=", False)])
        channels.main_account_id = create_user(self.env, "first_day_other", MAIN_ACCOUNT)
        self.assertEqual(self.Dialog.create({}).channel, "new")
        channel = self.env["im_livechat.channel"].create({"name": "Website"})
        dialog = self.Dialog.create({})
        self.assertEqual((dialog.channel, dialog.channel_id), ("existing", channel))

    def test_what_is_missing_or_another_shops_is_refused(self):
        owner = create_user(self.env, "first_day_owner", MAIN_ACCOUNT)
        staff = create_user(self.env, "first_day_staff", "base.group_user")
        staff.main_account_id = owner
        taken = self._create_channel(self.env["res.users"], main_account_id=owner.id)
        for vals in (
            {"name": False},
            {"login": False},
            {"login": owner.login.upper()},
            {"channel_name": False},
            {"channel": "existing", "channel_id": taken.id},
            {"channel": "existing", "channel_id": False},
            {"person": "existing", "user_id": staff.id},
            {"person": "existing", "user_id": False},
        ):
            with self.subTest(vals), self.assertRaises(UserError):
                self._open(**vals)

    def test_only_administrators_open_shops(self):
        owner = create_user(self.env, "first_day_owner", MAIN_ACCOUNT)
        manager = create_user(
            self.env, "first_day_manager", "im_livechat.im_livechat_group_manager"
        )
        accounts_only = create_user(self.env, "first_day_accounts", "base.group_erp_manager")
        for user in (owner, manager, accounts_only):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.env["livechat.main.account"].with_user(user).create(
                    {"name": "Eve", "login": "eve", "channel": "new", "channel_name": "Eve's"}
                ).action_create()


@tagged("post_install", "-at_install")
class TestFirstDay(DispatchCommon):
    """The checklist on *Reception*: it says what is true."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = create_user(cls.env, "first_day_owner", MAIN_ACCOUNT)
        cls.channel = cls._create_channel(cls.env["res.users"], main_account_id=cls.owner.id)
        cls.Subaccounts = cls.env["livechat.subaccount"].with_user(cls.owner)
        cls.role = cls.env.ref("im_livechat_subaccount.role_reception")

    def _read(self, user=None):
        self.env.invalidate_all()
        channels = self.env["im_livechat.channel"].with_user(user or self.owner)
        return channels.get_first_day()

    def _read_done(self):
        return [step["name"] for step in self._read()["steps"] if step["done"]]

    def test_each_step_is_done_by_what_it_asks_for(self):
        self.assertEqual(self._read_done(), ["channel"])
        row = self.Subaccounts.create({"name": "Chen Jing", "role_ids": self.role.ids})
        self.assertEqual(self._read_done(), ["channel", "invite"])
        self.assertEqual([one["name"] for one in self._read()["pending"]], ["Chen Jing"])
        row._activate("sesame-open")
        self.assertEqual(self._read()["pending"], [])
        self.assertEqual(self._read_done(), ["channel", "invite"])
        agent = row.sudo().user_id
        self._set_online(agent)
        self.assertEqual(self._read_done(), ["channel", "invite", "duty"])
        self._come(self.channel)
        self._set_online(agent, "offline")
        self.assertEqual(self._read_done(), ["channel", "invite", "duty", "test"])
        self.channel.with_user(self.owner).offline_rule = "pool"
        self.assertFalse(self._read(), "all is true")

    def test_it_is_hidden_for_good(self):
        self.channel.with_user(self.owner).dispatch_setup_hidden = True
        self.assertFalse(self._read())

    def test_it_is_for_who_manages_the_dispatch_of_a_shop(self):
        agent = create_user(self.env, "first_day_agent", AGENT)
        agent.main_account_id = self.owner
        rival = create_user(self.env, "first_day_rival", MAIN_ACCOUNT)
        manager = create_user(
            self.env, "first_day_manager", "im_livechat.im_livechat_group_manager"
        )
        for user in (agent, rival, manager):
            with self.subTest(user.login):
                self.assertFalse(self._read(user))

    def test_who_manages_dispatch_but_no_accounts_invites_nobody(self):
        overseer = create_user(
            self.env, "first_day_overseer", "im_livechat_subaccount.group_dispatch_manager"
        )
        overseer.main_account_id = self.owner
        day = self._read(overseer)
        self.assertEqual((day["roles"], day["pending"]), ([], []))

    def test_an_agent_is_invited_with_a_role_that_receives_buyers(self):
        ids = [role["id"] for role in self._read()["roles"]]
        self.assertEqual(ids[0], self.role.id, "the template for agents is proposed")
        self.assertNotIn(self.env.ref("im_livechat_subaccount.role_audit").id, ids)

    def test_a_main_account_without_a_channel_adds_none(self):
        lost = create_user(self.env, "first_day_lost", MAIN_ACCOUNT)
        channels = self.env["im_livechat.channel"]
        self.assertFalse(channels.with_user(lost).get_reception()["may_add_channels"])
        self.env.invalidate_all()
        self.channel.dispatch_mode = "native"
        self.assertTrue(channels.with_user(self.owner).get_reception()["may_add_channels"])

    def test_a_new_form_says_channels_and_groups_or_leaves_them_to_the_roles(self):
        group = self.env["livechat.dispatch.group"].create(
            {"name": "Night", "channel_id": self.channel.id}
        )
        with Form(self.Subaccounts) as form:
            form.name = "Chen Jing"
            form.role_ids.add(self.role)
        self.assertEqual(form.record.channel_ids, self.channel, "by itself")
        second = self._create_channel(
            self.env["res.users"], name="Outlet", main_account_id=self.owner.id
        )
        with Form(self.Subaccounts) as form:
            form.name = "Wu Tao"
            form.role_ids.add(self.role)
            form.channel_ids.add(self.channel)
            form.dispatch_group_ids.add(group)
        self.assertEqual(form.record.channel_ids, self.channel)
        self.assertEqual(form.record.dispatch_group_ids, group)
        self.assertNotIn(second, form.record.channel_ids)


@tagged("post_install", "-at_install")
class TestOwnChannel(DispatchCommon):
    """What an owner does with its own channel, and who leaves it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = create_user(cls.env, "first_day_owner", MAIN_ACCOUNT)
        cls.rival = create_user(cls.env, "first_day_rival", MAIN_ACCOUNT)
        cls.channel = cls._create_channel(cls.env["res.users"], main_account_id=cls.owner.id)

    def test_the_owner_edits_its_greeting_its_button_and_its_rules(self):
        with Form(self.channel.with_user(self.owner)) as form:
            form.default_message = "Good day! What may we look up for you?"
            form.button_text = "Ask us"
            form.button_background_color = "#00AA00"
            with form.rule_ids.new() as rule:
                rule.action = "hide_button"
                rule.regex_url = "/checkout"
        self.assertEqual(self.channel.rule_ids.mapped("regex_url"), ["/checkout"])
        self.assertEqual(self.channel.button_text, "Ask us")
        arch = self.env["im_livechat.channel"].with_user(self.owner).get_view(view_type="form")
        self.assertIn("script_external", arch["arch"])
        self.assertNotIn("chatbot_script_id", str(arch["models"]["im_livechat.channel"]))

    def test_agents_and_strangers_change_no_rule(self):
        agent = self._create_agent("first_day_agent")
        agent.main_account_id = self.owner
        self.channel.user_ids = agent
        rule = {"rule_ids": [Command.create({"regex_url": "/x", "action": "hide_button"})]}
        for user in (agent, self.rival):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.channel.with_user(user).write(rule)
        views = self.env["im_livechat.channel"]
        self.assertNotIn("rule_ids", views.with_user(agent).get_view(view_type="form")["arch"])

    def test_who_manages_leaves_and_the_owner_is_told(self):
        agents = self._create_agent("first_day_agent") | self._create_agent("first_day_manager")
        agents.main_account_id = self.owner
        agent, manager = agents
        manager.group_ids |= self.env.ref("im_livechat_subaccount.group_dispatch_manager")
        self.channel.user_ids = agents
        with self.assertRaises(AccessError):
            self.channel.with_user(agent).action_quit()
        self.assertIn(agent, self.channel.user_ids)
        with patch.object(type(manager), "_bus_send", autospec=True) as send:
            self.channel.with_user(manager).action_quit()
        self.assertNotIn(manager, self.channel.user_ids)
        (told,) = (
            call.args for call in send.call_args_list if call.args[1] == "simple_notification"
        )
        self.assertEqual(told[0], self.owner)
        self.assertIn(manager.name, told[2]["message"])

    def test_who_is_nobodys_staff_leaves_as_in_core(self):
        agent = self._create_agent("first_day_stranger")
        self.channel.user_ids = agent
        self.channel.with_user(agent).action_quit()
        self.assertFalse(self.channel.user_ids)


# From nothing to the first buyer served, as `docs/operations.md` tells.
_CLICKS, _SCREENS = 14, 8
# Odoo has the applications in its drawer.
_CLICKS_ON_A_PHONE = _CLICKS + 1


class _Counter(logging.Handler):
    """Counts what the tours say they did: clicks, and screens that people met."""

    def __init__(self):
        super().__init__()
        self.clicks, self.screens = 0, []

    def emit(self, record):
        text = record.getMessage()
        self.clicks += text.count("[first day] click")
        if "[first day] screen " in text:
            self.screens.append(text.partition("[first day] screen ")[2].partition("|")[0])


@tagged("post_install", "-at_install")
class TestFirstBuyer(WalkCase, DispatchCommon):
    """From nothing to the first buyer served: an administrator, an owner, an agent, a buyer."""

    @walk
    def test_the_first_buyer_is_served_after_few_clicks_and_screens(self):
        admin = new_test_user(
            self.env, "first_day_admin", "base.group_system,im_livechat.im_livechat_group_manager"
        )
        # As on a database with a new website: one channel, which is nobody's yet.
        free = self.env["im_livechat.channel"].search([("main_account_id", "=", False)])
        free.main_account_id = create_user(self.env, "first_day_other", MAIN_ACCOUNT)
        self.env["im_livechat.channel"].create({"name": "Website"})
        counter = _Counter()
        logger = self._logger
        logger.addHandler(counter)
        self.addCleanup(logger.removeHandler, counter)
        tour = "im_livechat_subaccount.first_day_"

        self.start_tour("/odoo", f"{tour}administrator", login=admin.login)

        owner = self.env["res.users"].search([("login", "=", "lin@shop.example")])
        link = urlsplit(owner.partner_id._get_signup_url())
        self.start_tour(f"{link.path}?{link.query}", f"{tour}owner", timeout=120)

        row = self.env["livechat.subaccount"].search([("name", "=", "Chen Jing")])
        # The link was shown to the owner only; this one is as good.
        url = row.with_user(owner).action_activation_link()["context"]["default_url"]
        self.start_tour(urlsplit(url).path, f"{tour}agent", timeout=120)
        agent = row.user_id
        self._set_online(agent)

        self.start_tour("/odoo", f"{tour}owner_tries", login=owner.login)
        channel = owner._get_shop_channels()
        self.start_tour(f"/im_livechat/support/{channel.id}", f"{tour}buyer")
        chat = channel.channel_ids
        self.assertEqual(chat.livechat_operator_id, agent.partner_id)

        # The agent clicks on the chat and answers, as in `test_subaccount_tours.py`.
        counter.clicks += 1
        self._say(chat, agent, "Four of them are left.")
        self.assertIn(agent.partner_id, chat.message_ids.author_id)

        clicks = _CLICKS_ON_A_PHONE if self.touch_enabled else _CLICKS
        self.assertEqual(counter.clicks, clicks)
        self.assertEqual(len(set(counter.screens)), _SCREENS, counter.screens)
        logger.info("First buyer: %s clicks, screens %s", counter.clicks, counter.screens)
