import json
import re
import time

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from .common import DispatchCommon, ShopCommon
from .test_migrations import load
from .walks import PatientCase


@tagged("post_install", "-at_install")
class TestRuleAddresses(DispatchCommon):
    """What a rule of a channel says of addresses costs no page view more than some milliseconds."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.channel = cls._create_channel(cls._create_agent("agent"))

    def _make_rule(self, pattern, **vals):
        return self.env["im_livechat.channel.rule"].create(
            {"channel_id": self.channel.id, "regex_url": pattern, **vals}
        )

    def _find(self, url, country_id=False):
        return self.env["im_livechat.channel.rule"].match_rule(self.channel.id, url, country_id)

    def test_an_address_that_takes_too_long_is_refused(self):
        for pattern in ("((a{1,100}){1,100}){1,100}b", r"(a+)\1.*b.*c", "x" * 501, "(", "a**"):
            with self.subTest(pattern=pattern[:40]), self.assertRaises(ValidationError):
                self._make_rule(pattern)
        rule = self._make_rule("/shop")
        with self.assertRaises(ValidationError):
            rule.regex_url = "["

    def test_what_an_administrator_wrote_before_is_bounded_when_it_is_used(self):
        rule = self._make_rule("/shop")
        slow = "https://shop.example/?" + "a" * 28
        for pattern in ("(a+)+$b", "(a|a)*b", "(a?){60}a{60}b", "a*a*a*a*a*a*b", "("):
            self.env.cr.execute(
                "UPDATE im_livechat_channel_rule SET regex_url = %s WHERE id = %s",
                [pattern, rule.id],
            )
            rule.invalidate_recordset()
            began = time.monotonic()
            with self.subTest(pattern=pattern):
                self.assertFalse(self._find(slow))
                self.assertFalse(self._find("a" * 100_000))
                self.assertLess(time.monotonic() - began, 5)

    def test_rules_find_what_they_found(self):
        for pattern, url, found in (
            ("", "https://shop.example/", True),
            ("", None, True),
            ("/shop", "https://shop.example/shop/kettle", True),
            ("/shop", None, False),
            ("^https://shop", "https://shop.example/", True),
            (r"/shop/.*/kettle-\d+$", "https://shop.example/shop/a/kettle-12", True),
            (r"/(shop|store)/.*-\d+/x.*", "https://shop.example/store/a-12/xy", True),
            (r"\bsale\b.*/.*", "https://shop.example/sale/now", True),
            (r"\bsale\b.*/.*", "https://shop.example/wholesale/now", False),
            ("(?i)/SHOP.*", "https://shop.example/shop/a", True),
            ("/(shop)?/(store)+/", "https://x//store/", True),
        ):
            with self.subTest(pattern=pattern, url=url):
                rule = self._make_rule(pattern)
                self.assertEqual(self._find(url), rule if found else rule.browse())
                rule.unlink()

    def test_the_rules_of_a_country_go_first_and_conditions_hold(self):
        country = self.env.ref("base.be")
        usual = self._make_rule("/shop", sequence=1)
        here = self._make_rule("/shop", sequence=2, country_ids=country.ids)
        page = "https://shop.example/shop"
        self.assertEqual(self._find(page), usual)
        self.assertEqual(self._find(page, country.id), here)
        self.assertEqual(self._find(page, self.env.ref("base.fr").id), usual)
        here.chatbot_enabled_condition = "only_if_no_operator"
        self.assertEqual(self._find(page, country.id), usual)
        # A bot that says nothing.
        usual.chatbot_script_id = self.env["chatbot.script"].create({"title": "Mute"})
        self.assertFalse(self._find(page))


@tagged("post_install", "-at_install")
class TestTexts(DispatchCommon):
    """What each page view of a buyer loads has an end."""

    def test_a_text_that_every_page_loads_is_not_too_long(self):
        channel = self._create_channel(self._create_agent("agent"))
        bot = self.env["chatbot.script"].create(
            {
                "title": "Bot",
                "script_step_ids": [
                    Command.create(
                        {
                            "step_type": "question_selection",
                            "message": "What is it?",
                            "answer_ids": [Command.create({"name": "This"})],
                        }
                    )
                ],
            }
        )
        step = bot.script_step_ids
        settings = self.env["res.users.settings"]._find_or_create_for_user(channel.user_ids)
        for record, name, sound in (
            (channel, "name", 200),
            (channel, "button_text", 200),
            (channel, "default_message", 2000),
            (channel, "header_background_color", 50),
            (channel, "review_link", 2000),
            (bot, "title", 200),
            (step, "message", 19_000),
            (step.answer_ids, "name", 500),
            (step.answer_ids, "redirect_link", 2000),
            (settings, "livechat_username", 200),
        ):
            with self.subTest(record=record, field=name):
                text = "https://shop.example/" if name.endswith("_link") else ""
                record[name] = text.ljust(sound, "x")
                with self.assertRaises(ValidationError):
                    record[name] = text.ljust(20_001, "x")


@tagged("post_install", "-at_install")
class TestActivationMail(ShopCommon):
    def test_a_link_is_mailed_once_a_minute_and_a_shop_mails_twenty_a_day(self):
        self.env["ir.mail_server"].create({"name": "Post", "smtp_host": "127.0.0.1"})
        subaccounts = self.env["livechat.subaccount"]
        Mails = self.env["mail.mail"]

        def make(owner, name):
            values = {"name": name, "email": f"{name}@mail.example"}
            return subaccounts.with_user(owner).create(values)

        def ask(subaccount):
            before = Mails.search_count([])
            context = subaccount.action_activation_link()["context"]
            is_mailed = Mails.search_count([]) > before
            self.assertTrue(context["default_url"])
            self.assertEqual(bool(context["default_email"]), is_mailed)
            self.assertEqual(context["default_is_held_back"], not is_mailed)
            return is_mailed

        first = make(self.owner, "first")
        self.assertEqual([ask(first), ask(first)], [True, False])
        self.env.cr.execute(
            "UPDATE livechat_dispatch_rate SET asked_at = asked_at - interval '1 minute'"
        )
        self.assertTrue(ask(first))
        mailed = [ask(make(self.owner, f"desk{number}")) for number in range(20)]
        self.assertEqual(mailed, [True] * 18 + [False] * 2)
        self.assertTrue(ask(make(self.rival, "other")))
        without = subaccounts.with_user(self.owner).create({"name": "Without"})
        self.assertFalse(without.action_activation_link()["context"]["default_is_held_back"])


@tagged("post_install", "-at_install")
class TestPoolAddress(PatientCase, DispatchCommon):
    """Nothing is mailed to an address whose reader has not said that it wants it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = cls._create_agent("agent")
        cls._set_online(cls.agent, "offline")
        cls.channel = cls._create_channel(cls.agent, offline_rule="pool")

    def _find_mails(self, email):
        return self.env["mail.mail"].search([("email_to", "=", email)], order="id")

    def _leave_message(self):
        guest = self._create_guest()
        self._say(self._come(self.channel, guest, has_words=False), guest, "Call me")
        self.env["im_livechat.channel"]._run_dispatch_timers()

    def _get_url(self, mail):
        return re.search(r"/livechat/confirm/[\w-]+", mail.body_html)[0]

    def _post(self, url):
        token = re.search(r'name="csrf_token" value="(\w+)"', self.url_open(url).text)[1]
        answer = self.url_open(url, data={"csrf_token": token})
        self.env.invalidate_all()
        return answer

    def test_messages_are_mailed_only_after_the_click_and_none_is_lost(self):
        self.channel.pool_email = "desk@example.com"
        self.assertTrue(self.channel.pool_email_waits)
        self._leave_message()
        (asked,) = self._find_mails("desk@example.com")
        self.assertNotIn("Call me", asked.body_html)
        url = self._get_url(asked)
        # A program that looks at mails has opened it.
        self.assertEqual(self.url_open(url).status_code, 200)
        self.env.invalidate_all()
        self.assertTrue(self.channel.pool_email_waits)
        self.assertIn("is confirmed", self._post(url).text)
        self.assertFalse(self.channel.pool_email_waits)
        self.env["im_livechat.channel"]._run_dispatch_timers()
        self.assertIn("Call me", self._find_mails("desk@example.com")[-1].body_html)

    def test_another_address_is_asked_anew_and_old_links_are_void(self):
        self.channel.pool_email = "desk@example.com"
        url = self._get_url(self._find_mails("desk@example.com"))
        self._post(url)
        self.env.cr.execute(
            "UPDATE livechat_dispatch_rate SET asked_at = asked_at - interval '1 minute'"
        )
        self.channel.pool_email = "evil@example.com"
        self.assertTrue(self.channel.pool_email_waits)
        self.assertEqual(self.url_open(url).status_code, 404)
        self._leave_message()
        (asked,) = self._find_mails("evil@example.com")
        self.assertNotIn("Call me", asked.body_html)
        for forged in ("x", "AQ" * 40, url.rpartition("/")[2][:-2] + "xx", "%00", "é"):
            self.assertIn(self.url_open(f"/livechat/confirm/{forged}").status_code, (400, 404))

    def test_nobody_is_asked_without_end(self):
        self.channel.pool_email = "desk@example.com"
        with self.assertRaises(UserError):
            self.channel.action_ask_pool_email()
        self.assertEqual(len(self._find_mails("desk@example.com")), 1)

    def test_what_is_no_address_is_refused(self):
        for text in ("desk", "a@example.com, b@example.com", "@"):
            with self.subTest(text=text), self.assertRaises(ValidationError):
                self.channel.pool_email = text

    def test_who_got_messages_before_goes_on_to_get_them(self):
        self.env.cr.execute(
            "UPDATE im_livechat_channel SET pool_email = 'desk@example.com' WHERE id = %s",
            [self.channel.id],
        )
        load("19.0.1.2.0/post-pool-email")["migrate"](self.env.cr, "19.0.1.1.0")
        self.env.invalidate_all()
        self.assertFalse(self.channel.pool_email_waits)


@tagged("post_install", "-at_install")
class TestWrongTypes(PatientCase, DispatchCommon):
    """What no widget sends gets an answer without a traceback on each public route of ours."""

    VALUES = (None, True, -1, 0, 1.5, 10**30, "abc", "", [], [1], {}, {"id": 1}, "x" * 10_000)
    ROUTES = {
        "/im_livechat/get_session": {
            "channel_id",
            "previous_operator_id",
            "persisted",
            "wished_group_id",
            "order_number",
            "is_page_known",
        },
        "/im_livechat/cors/get_session": {"channel_id", "guest_token", "wished_group_id"},
        "/im_livechat/feedback": {"channel_id", "rate", "reason"},
        "/im_livechat/visitor_leave_session": {"channel_id"},
        "/chatbot/restart": {"channel_id", "chatbot_script_id"},
        "/chatbot/answer/save": {"channel_id", "message_id", "selected_answer_id"},
        "/chatbot/step/trigger": {"channel_id", "chatbot_script_id", "data_id"},
        "/chatbot/step/validate_email": {"channel_id"},
        "/im_livechat_subaccount/here": {"channel_ids", "anything"},
        "/im_livechat_subaccount/leave_message": {"channel_id"},
        "/im_livechat_subaccount/reach": {"channel_id", "email", "phone"},
        "/mail/message/update_content": {"message_id", "update_data"},
        "/mail/message/reaction": {"message_id", "content", "action"},
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.channel = cls._create_channel(cls._create_agent("agent"))

    def setUp(self):
        super().setUp()
        self.authenticate(None, None)
        self.env["ir.config_parameter"].set_param("im_livechat_subaccount.address_chats", "0")
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        self.chat = self.env["discuss.channel"].browse(answer["result"]["channel_id"])

    def _call(self, route, **params):
        answer = self.url_open(
            route,
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
            headers={"Content-Type": "application/json"},
        )
        self.assertLess(answer.status_code, 500)
        self.assertNotIn("Traceback", answer.text)
        return answer.json()

    def test_no_argument_of_the_wrong_type_ends_in_a_traceback(self):
        for route, names in self.ROUTES.items():
            sound = {
                "channel_id": self.channel.id if "get_session" in route else self.chat.id,
                "rate": 5,
            }
            self._call(route)
            for name in sorted(names):
                for value in self.VALUES:
                    with self.subTest(route=route, name=name, value=str(value)[:20]):
                        params = {key: sound[key] for key in names & sound.keys()}
                        self._call(route, **{**params, name: value})

    def test_a_message_of_the_wrong_shape_is_none(self):
        sound = {
            "thread_model": "discuss.channel",
            "thread_id": self.chat.id,
            "post_data": {"body": "Hello", "message_type": "comment"},
        }
        said = self.env["mail.message"].search_count([("res_id", "=", self.chat.id)])
        self.assertTrue(self._call("/mail/message/post", **sound)["result"]["message_id"])
        self._call("/mail/message/post")
        wrong = [
            {**sound, name: value}
            for name in ("thread_model", "thread_id", "post_data")
            for value in self.VALUES
        ]
        wrong += [
            {**sound, "post_data": {**sound["post_data"], name: value}}
            for name in ("body", "message_type", "subtype_xmlid", "attachment_ids", "partner_ids")
            for value in (True, 5, "abc" if name != "body" else [1], {"a": 1}, ["a"])
        ]
        wrong += [{**sound, "context": "text"}, {**sound, "canned_response_ids": 5}]
        for params in wrong:
            with self.subTest(params=str(params)[:200]):
                self.assertFalse(self._call("/mail/message/post", **params)["result"])
        self.env.invalidate_all()
        after = self.env["mail.message"].search_count([("res_id", "=", self.chat.id)])
        self.assertEqual(after, said + 1)
