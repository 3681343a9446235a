"""Lamps: web pages show which groups are there for buyers, and a click chooses one."""

from contextlib import contextmanager
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError
from odoo.sql_db import Cursor
from odoo.tests import TransactionCase, new_test_user, tagged

from ..models.channel import ir_module_module
from ..models.decision import im_livechat_channel_lamps as lamps
from .common import DispatchCommon, ShopCommon
from .walks import PatientCase

# What comes from other browsers than the widget's.
SENSELESS = (True, False, 0, -1, 1.5, 2**31, 2**70, "1", "", "x\0", [], [1], {}, {"id": 1}, None)


class LampsCommon(DispatchCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sales, cls.service = cls._create_agent("sales"), cls._create_agent("service")
        cls.channel = cls._create_channel(
            cls.sales | cls.service, max_sessions_mode="limited", max_sessions=1
        )
        cls.before = cls._create_group("Pre-sales", cls.sales, lamp="light")
        cls.after = cls._create_group("After-sales", cls.service, lamp="names")

    @classmethod
    def _create_group(cls, name, agents, channel=None, **values):
        channel = channel or cls.channel
        return cls.env["livechat.dispatch.group"].create(
            {"name": name, "channel_id": channel.id, "user_ids": agents.ids, **values}
        )

    def setUp(self):
        super().setUp()
        self._forget()

    def _forget(self):
        """As a server process whose last look was some time ago."""
        lamps._looks.clear()

    def _look(self, channel=None):
        """Return ``{group: whether its lamp is lit}`` as it is now."""
        self._forget()
        answer = (channel or self.channel).sudo()._get_lamps()
        return {lamp["name"]: lamp["lit"] for lamp in answer["lamps"]}


@tagged("post_install", "-at_install")
class TestLamps(LampsCommon):
    def test_a_lamp_is_lit_while_an_agent_of_its_group_is_there_for_buyers(self):
        lit, dark = {"Pre-sales": True, "After-sales": True}, {"Pre-sales": False}
        self.assertEqual(self._look(), lit)
        agent = self.sales
        for change in ("paused", "overloaded", "away", "offline", "silent", "off", "disabled"):
            with self.subTest(change=change), self.env.cr.savepoint() as savepoint:
                expected = {**lit, **dark}
                match change:
                    case "paused":
                        agent.dispatch_paused = True
                    case "overloaded":
                        # Is here and has room again soon.
                        agent.dispatch_overloaded, expected = True, lit
                    case "away" | "offline":
                        self._set_online(agent, change)
                    case "silent":
                        self._silence(agent, minutes=4)
                    case "off":
                        self.before.paused_user_ids = agent
                    case "disabled":
                        agent.active = False
                self.assertEqual(self._look(), expected)
                savepoint.rollback()
        self._arrive(self.channel)
        self._arrive(self.channel)
        self.assertEqual(self._look(), lit, "whoever has no room at the moment is here")

    def test_hours_and_permissions_count_as_in_a_decision(self):
        never = self.env["resource.calendar"].create({"name": "Never", "attendance_ids": []})
        self.before.calendar_id = never
        self.after.required_permission_id = self.env["livechat.permission"].create(
            {"name": "Whoever has it lights lamps", "group_xmlids": "base.group_partner_manager"}
        )
        self.assertEqual(self._look(), {"Pre-sales": False, "After-sales": False})

    def test_agents_of_the_group_above_light_no_lamp_below(self):
        self.before.parent_id = self.after
        self._set_online(self.sales, "offline")
        self.assertEqual(self._look(), {"Pre-sales": False, "After-sales": True})

    def test_a_page_shows_the_groups_that_the_shop_chose_and_no_others(self):
        self._create_group("Troublemakers", self.sales)
        other = self._create_channel(self.sales)
        self.assertEqual(list(self._look()), ["Pre-sales", "After-sales"])
        self.assertEqual(self._look(other), {})
        self.after.sequence = 1
        self.before.name = "Before you buy"
        self.assertEqual(list(self._look()), ["After-sales", "Before you buy"])
        self.before.lamp = False
        self.assertEqual(list(self._look()), ["After-sales"])
        self.channel.dispatch_mode = "native"
        self.assertEqual(self._look(), {})

    def test_a_copy_of_a_group_is_shown_nowhere(self):
        self.assertFalse(self.before.copy().lamp)

    def test_names_are_those_that_buyers_read_and_only_where_the_shop_wants_them(self):
        self.service.livechat_username = "Mei"
        self.service.email = "secret@shop.example"
        self._forget()
        before, after = self.channel.sudo()._get_lamps()["lamps"]
        self.assertEqual(before["agents"], [])
        self.assertEqual(after["agents"], ["Mei"])
        self.assertEqual(set(after), {"id", "name", "lit", "agents"})
        self.service.livechat_username = False
        self.service.name = "Mei Lin"
        self._forget()
        self.assertEqual(self.channel.sudo()._get_lamps()["lamps"][1]["agents"], ["Mei Lin"])

    def test_of_a_large_team_six_names_are_shown(self):
        team = self.env["res.users"]
        for number in range(lamps.NAMES_MAX + 2):
            team |= self._create_agent(f"team{number}", name=f"Team {number}")
        self.channel.user_ids |= team
        self.after.user_ids = team
        self._forget()
        names = self.channel.sudo()._get_lamps()["lamps"][1]["agents"]
        self.assertEqual(names, [f"Team {number}" for number in range(lamps.NAMES_MAX)])

    def test_what_was_just_seen_costs_no_query_and_is_looked_at_again_after_a_moment(self):
        channel = self.channel.sudo()
        self._forget()
        with patch.object(lamps.time, "monotonic") as now:
            now.return_value = 1000.0
            first = channel._get_lamps()
            self._set_online(self.sales, "offline")
            now.return_value += lamps.LOOK_LASTS - 0.1
            self.env.flush_all()
            with self.assertQueryCount(0):
                self.assertEqual(channel._get_lamps(), first)
            now.return_value += 0.2
            self.assertFalse(channel._get_lamps()["lamps"][0]["lit"])
            # What the shop changes is seen at once.
            self.before.lamp = False
            self.assertEqual(len(channel._get_lamps()["lamps"]), 1)

    def test_a_look_asks_as_often_for_many_agents_as_for_few(self):
        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self._look()
            return self.env.cr.sql_log_count - before

        count()
        few = count()
        team = self.env["res.users"]
        for number in range(12):
            team |= self._create_agent(f"more{number}")
        self.channel.user_ids |= team
        self.before.user_ids |= team
        self.after.user_ids |= team
        self._look()
        self.assertLessEqual(count(), few)

    def test_it_says_whether_a_click_leads_anywhere(self):
        self.assertTrue(self.channel.sudo()._get_lamps()["open"])
        self._set_online(self.sales | self.service, "offline")
        self.channel.offline_rule = "native"
        self._forget()
        self.assertFalse(self.channel.sudo()._get_lamps()["open"])
        self.channel.offline_rule = "pool"
        self._forget()
        self.assertTrue(self.channel.sudo()._get_lamps()["open"])

    def test_the_line_of_code_names_the_channel(self):
        self.assertEqual(
            self.channel.lamps_embed,
            f'<div class="o_livechat_lamps" data-channel-id="{self.channel.id}"></div>',
        )
        self.assertFalse(self.env["im_livechat.channel"].new({}).lamps_embed)


@tagged("post_install", "-at_install")
class TestWish(LampsCommon):
    def _find(self, wish, channel=None):
        channel = (channel or self.channel).sudo()
        return channel._find_dispatch_group(channel._describe_buyer(wish=wish)).sudo(False)

    def test_a_buyer_goes_to_the_group_it_asks_for_whatever_the_scopes_say(self):
        self.before.scope_ids = [Command.create({"kind": "visitor", "visitor": "guest"})]
        public = self.channel.with_user(self.env.ref("base.public_user"))
        self.assertEqual(self._find(None, public), self.before)
        self.assertEqual(self._find(self.after.id, public), self.after)

    def test_only_a_group_with_a_lamp_of_this_channel_is_chosen(self):
        hidden = self._create_group("Troublemakers", self.sales)
        elsewhere = self._create_group(
            "Elsewhere", self.sales, self._create_channel(self.sales), lamp="light"
        )
        gone = self._create_group("Gone", self.env["res.users"], lamp="light")
        gone_id = gone.id
        self.assertEqual(self._find(gone_id), gone)
        gone.unlink()
        for wish in (hidden.id, elsewhere.id, gone_id, *SENSELESS):
            with self.subTest(wish=wish):
                self.assertFalse(self._find(wish))

    def _come_for(self, group, **values):
        buyer = self.channel.sudo()._describe_buyer(wish=group.id)
        return self._come(self.channel.with_context(livechat_dispatch_buyer=buyer), **values)

    def test_the_chat_goes_to_an_agent_of_the_group_and_the_record_says_why(self):
        for group, agent in ((self.after, self.service), (self.before, self.sales)):
            chat = self._come_for(group)
            self.assertEqual(self._agent_of(chat), agent)
            decision = chat.dispatch_decision_ids
            self.assertEqual((decision.group_id.id, decision.by_wish), (group.id, True))
            self.assertIn("the buyer asked for this group", decision.sentence)
            self.assertEqual(decision.run_again(), agent.id)
        self._close(self.env["discuss.channel"].search([]).filtered("livechat_channel_id"))
        chat = self._come(self.channel)
        self.assertFalse(chat.dispatch_by_wish or chat.dispatch_decision_ids.by_wish)
        self.assertNotIn("asked for", chat.dispatch_decision_ids.sentence)

    def test_with_nobody_of_the_group_here_the_buyer_waits_as_the_channel_says(self):
        self.channel.write({"queue_enabled": True, "offline_rule": "pool"})
        self._set_online(self.service, "offline")
        chat = self._come_for(self.after)
        self.assertEqual((chat.dispatch_state, chat.dispatch_group_id), ("pool", self.after))
        self.assertTrue(chat.dispatch_decision_ids[-1:].by_wish)
        # Everybody of the group is busy: a place in line, though the other agent is free.
        self._set_online(self.service)
        first, second = self._come_for(self.after), self._come_for(self.after)
        self.assertEqual(self._agent_of(first), self.service)
        self.assertEqual((second.dispatch_state, second.dispatch_group_id), ("queued", self.after))

    def test_who_is_given_to_another_group_has_not_asked_for_that_one(self):
        chat = self._come_for(self.after)
        self.assertTrue(chat.dispatch_by_wish)
        chat.with_user(self.service).transfer("wrong_group", group_id=self.before.id)
        self.assertEqual(chat.dispatch_group_id, self.before)
        self.assertFalse(chat.dispatch_by_wish)


@tagged("post_install", "-at_install")
class TestLampRights(LampsCommon, ShopCommon):
    def test_who_edits_pages_or_dispatch_is_told_the_channels_with_lamps(self):
        self._create_channel(self.sales, name="Without lamps")
        native = self._create_channel(self.sales, name="Native")
        self._create_group("Shown", self.sales, native, lamp="light")
        native.dispatch_mode = "native"
        self.channel.main_account_id = self.owner
        allowed = [self.owner, self.env.ref("base.user_admin")]
        if "website" in self.env:
            allowed.append(
                new_test_user(self.env, "editor", "website.group_website_restricted_editor")
            )
        channels = self.env["im_livechat.channel"]
        for user in allowed:
            with self.subTest(login=user.login):
                found = channels.with_user(user).get_lamp_channels()
                names = {row["id"]: row["name"] for row in found}
                self.assertEqual(names.get(self.channel.id), self.channel.name)
                self.assertNotIn("Without lamps", names.values())
                self.assertNotIn(native.id, names)
        self.assertEqual(channels.with_user(self.rival).get_lamp_channels(), [])
        portal = new_test_user(self.env, "portal_of_lamps", "base.group_portal")
        for user in (self.sales, portal, self.env.ref("base.public_user")):
            with self.subTest(login=user.login), self.assertRaises(AccessError):
                channels.with_user(user).get_lamp_channels()

    def test_an_owner_lights_the_lamps_of_its_own_shop_only(self):
        self.channel.main_account_id = self.owner
        self.before.with_user(self.owner).lamp = "names"
        self.assertEqual(self.before.lamp, "names")
        for user in (self.rival, self.sales):
            with self.subTest(login=user.login), self.assertRaises(AccessError):
                self.before.with_user(user).lamp = False
        self.assertEqual(self.before.lamp, "names")


@tagged("post_install", "-at_install")
class TestLampRoutes(PatientCase, LampsCommon):
    def _ask(self, channel_id, **params):
        return self.url_open(f"/im_livechat_subaccount/lamps/{channel_id}", data=None, **params)

    @contextmanager
    def _counting(self):
        """Yield the list of statements that are run meanwhile."""
        statements, execute = [], Cursor.execute

        def note(cursor, query, params=None, log_exceptions=True):
            statements.append(getattr(query, "code", query))
            return execute(cursor, query, params, log_exceptions)

        with patch.object(Cursor, "execute", note):
            yield statements

    def test_every_page_may_ask_and_caches_may_keep_the_answer(self):
        self.service.livechat_username = "小美"
        self.assertIn("private", self._ask(self.channel.id).headers["Cache-Control"])
        response = self._ask(f"{self.channel.id}?lang=en")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.headers["Access-Control-Allow-Origin"], "*")
        self.assertEqual(response.headers["Cache-Control"], f"public, max-age={lamps.ANSWER_LASTS}")
        self.assertNotIn("Set-Cookie", response.headers)
        self.assertEqual(
            response.json(),
            {
                "open": True,
                "title": "Chat with us",
                "lamps": [
                    {
                        "id": self.before.id,
                        "name": "Pre-sales",
                        "lit": True,
                        "agents": [],
                        "state": "Here now",
                    },
                    {
                        "id": self.after.id,
                        "name": "After-sales",
                        "lit": True,
                        "agents": ["小美"],
                        "state": "Here now: 小美",
                    },
                ],
            },
        )

    def test_it_is_the_same_for_everybody(self):
        new_test_user(self.env, "portal_of_lamps", "base.group_portal")
        owner = new_test_user(
            self.env, "owner_of_lamps", "im_livechat_subaccount.group_main_account"
        )
        self.channel.main_account_id = owner
        answers = set()
        for login in (None, "portal_of_lamps", "sales", "owner_of_lamps"):
            self.authenticate(login, login)
            self._forget()
            answers.add(self._ask(self.channel.id).text)
        self.assertEqual(len(answers), 1)

    def test_a_page_view_takes_no_more_than_one_query(self):
        self._ask(self.channel.id)
        self._ask(self.channel.id)
        for channel_id in (self.channel.id, 2**31 - 1):
            with self.subTest(channel_id=channel_id), self._counting() as statements:
                self._ask(channel_id)
            asked = [text for text in statements if text.lstrip().startswith("SELECT")]
            self.assertLessEqual(len(asked), 1, statements)

    def test_senseless_questions_are_answered_that_there_is_nothing(self):
        for channel_id in (0, 2**31 - 1, 2**31, 2**70):
            with self.subTest(channel_id=channel_id):
                response = self._ask(channel_id)
                self.assertEqual((response.status_code, response.json()["lamps"]), (200, []))
        for channel_id in ("x", "1.5", "1x", "1/2"):
            with self.subTest(channel_id=channel_id):
                self.assertEqual(self._ask(channel_id).status_code, 404)
        # With a website, Odoo reads numbers with a sign.
        self.assertNotIn("Pre-sales", self._ask(-self.channel.id).text)
        for lang in ("x" * 5000, "%00", "zh-CN%00", "../..", "%F0%9F%92%A1", "1"):
            with self.subTest(lang=lang[:20]):
                response = self._ask(f"{self.channel.id}?lang={lang}&lang=en&x[]=1")
                self.assertEqual(response.status_code, 200)
                self.assertEqual(len(response.json()["lamps"]), 2)
        post = self.url_open(f"/im_livechat_subaccount/lamps/{self.channel.id}", data="x=1")
        self.assertEqual(post.status_code, 405)

    def _open(self, wish, route="/im_livechat/get_session", **params):
        self.opener.cookies.clear()  # another buyer
        session = self.make_jsonrpc_request(
            route,
            {"channel_id": self.channel.id, "persisted": True, "wished_group_id": wish, **params},
        )
        chat = self.env["discuss.channel"].browse(session["channel_id"])
        self.env.invalidate_all()
        return chat

    def test_a_click_opens_the_chat_in_that_group_here_and_elsewhere(self):
        for route in ("/im_livechat/get_session", "/im_livechat/cors/get_session"):
            for group, agent in ((self.after, self.service), (self.before, self.sales)):
                with self.subTest(route=route, group=group.name):
                    chat = self._open(group.id, route)
                    self.assertEqual((chat.dispatch_group_id, chat.dispatch_by_wish), (group, True))
                    self.assertEqual(self._agent_of(chat), agent)
                    self._close(chat)

    def test_senseless_wishes_go_the_ordinary_way(self):
        hidden = self._create_group("Troublemakers", self.sales)
        for wish in (hidden.id, *SENSELESS):
            with self.subTest(wish=wish):
                chat = self._open(wish)
                self.assertFalse(chat.dispatch_group_id or chat.dispatch_by_wish)
                self._close(chat)

    def test_who_has_a_chat_open_goes_on_with_it(self):
        chat = self._open(self.before.id)
        session = self.make_jsonrpc_request(
            "/im_livechat/get_session",
            {
                "channel_id": self.channel.id,
                "persisted": True,
                "wished_group_id": self.after.id,
            },
        )
        self.assertEqual(session["channel_id"], chat.id)
        self.env.invalidate_all()
        self.assertEqual(chat.dispatch_group_id, self.before)

    def test_a_bot_hands_over_to_the_group(self):
        script = self.env["chatbot.script"].create(
            {
                "title": "Bot",
                "script_step_ids": [
                    Command.create({"step_type": "text", "message": "Hello"}),
                    Command.create({"step_type": "forward_operator", "message": "A moment"}),
                ],
            }
        )
        chat = self._open(self.after.id, chatbot_script_id=script.id)
        self.assertEqual((chat.dispatch_group_id, chat.dispatch_by_wish), (self.after, True))
        chat._forward_human_operator(script.script_step_ids[1])
        self.assertEqual(self._agent_of(chat), self.service)
        self.assertTrue(chat.dispatch_decision_ids[-1:].by_wish)


@tagged("post_install", "-at_install")
class TestLampsBlock(TransactionCase):
    """The building block of the module *Website*, which we do not depend on."""

    def test_the_menu_of_blocks_has_the_lamps_once_and_in_each_language(self):
        if "website" not in self.env:
            self.assertFalse(self.env.ref("im_livechat_subaccount.website_snippets", False))
            self.skipTest("there is no website")
        self.env["res.lang"]._activate_lang("zh_CN")
        modules = self.env["ir.module.module"]
        for _again in range(2):
            modules._load_module_terms(["im_livechat_subaccount"], ["zh_CN"])
            for code in ("en_US", "zh_CN"):
                menu = self.env.ref("website.snippets").with_context(lang=code)
                block = menu._get_combined_arch().findall(
                    ".//t[@t-snippet='im_livechat_subaccount.s_livechat_lamps']"
                )
                word = self.with_lang(code)
                self.assertEqual([found.get("string") for found in block], [word])

    def with_lang(self, code):
        modules = self.env["ir.module.module"].with_context(lang=code)
        return modules.env._("Live Chat Lamps")

    def test_without_the_menu_of_blocks_nothing_is_made(self):
        modules = self.env["ir.module.module"]
        view = self.env.ref("im_livechat_subaccount.website_snippets", False)
        menu = self.env.ref("website.snippets", False)
        if menu:
            # As uninstalling Website does.
            menu.with_context(_force_unlink=True).unlink()
            self.assertFalse(view.exists())
        modules._offer_lamps()
        self.assertFalse(self.env.ref("im_livechat_subaccount.website_snippets", False))

    def test_a_menu_without_a_place_for_them_keeps_nothing_from_being_installed(self):
        if "website" not in self.env:
            self.skipTest("there is no website")
        self.env.ref("im_livechat_subaccount.website_snippets").unlink()
        elsewhere = ir_module_module._BLOCKS.replace("snippet_content", "other_content")
        with (
            patch.object(ir_module_module, "_BLOCKS", elsewhere),
            self.assertLogs("odoo.addons.im_livechat_subaccount", "WARNING"),
        ):
            self.env["ir.module.module"]._offer_lamps()
        self.assertFalse(self.env.ref("im_livechat_subaccount.website_snippets", False))

    def test_what_a_page_keeps_is_a_place_and_nothing_else(self):
        block = str(self.env["ir.qweb"]._render("im_livechat_subaccount.s_livechat_lamps"))
        self.assertIn("o_livechat_lamps", block)
        self.assertNotIn("script", block)
        self.assertNotIn("http", block)
