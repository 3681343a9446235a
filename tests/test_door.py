import json
from base64 import b64encode
from datetime import timedelta
from functools import partial
from io import BytesIO
from unittest.mock import patch

from markupsafe import Markup
from PIL import Image

from odoo import Command, fields, http
from odoo.tests import new_test_user, tagged
from odoo.tests.common import HOST
from odoo.tools import config
from odoo.tools.pdf import PdfFileWriter

from odoo.addons.mail.tools import link_preview

from ..dispatch import route
from ..dispatch.ledger import door
from .common import DispatchCommon, create_user
from .walks import PatientCase


def draw_picture(kind, size):
    file = BytesIO()
    Image.new("L", size).save(file, kind)
    return file.getvalue()


def minimal_pdf():
    """A file of one empty page."""
    file = BytesIO()
    writer = PdfFileWriter()
    writer.addBlankPage(100, 100)
    writer.write(file)
    return file.getvalue()


@tagged("post_install", "-at_install")
class TestOneChat(PatientCase, DispatchCommon):
    """A buyer has one open chat a channel, whatever the browser sends."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agents = cls._create_agent("desk1") | cls._create_agent("desk2")
        cls.channel = cls._create_channel(cls.agents, queue_enabled=True)

    def setUp(self):
        super().setUp()
        self.authenticate(None, None)
        self._forget_cookie()

    def _forget_cookie(self):
        self.opener.cookies.pop("dgid", None)

    def _ask(self, channel=None, route="/im_livechat/get_session", **params):
        """What the route answers."""
        params = {"channel_id": (channel or self.channel).id, "persisted": True, **params}
        answer = self.url_open(
            route,
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
            headers={"Content-Type": "application/json"},
        ).json()
        self.assertNotIn("error", answer)
        self.env.invalidate_all()
        return answer["result"]

    def _open(self, *args, **params):
        return self.env["discuss.channel"].browse(self._ask(*args, **params)["channel_id"])

    def _count_decisions(self, channel=None):
        return self.env["livechat.dispatch.decision"].search_count(
            [("livechat_channel_id", "=", (channel or self.channel).id)]
        )

    def test_the_second_tab_of_a_cookie_goes_on_in_the_chat_of_the_first(self):
        first = self._ask()
        chat = self.env["discuss.channel"].browse(first["channel_id"])
        second = self._ask()
        self.assertEqual(second["channel_id"], chat.id)
        self.assertEqual(self._count_decisions(), 1)
        self.assertEqual(len(chat.channel_member_ids), 2)
        for models in (first, second):
            models["store_data"]["discuss.channel"][0].pop("isLoaded")
        names = [set(answer["store_data"]["discuss.channel"][0]) for answer in (first, second)]
        self.assertEqual(*names)
        self.assertEqual(
            *(answer["store_data"]["Store"]["guest_token"] for answer in (first, second))
        )

    def test_a_preview_is_one_as_before(self):
        self._open()
        self.assertEqual(self._ask(persisted=False)["channel_id"], -1)

    def test_the_token_of_a_page_elsewhere_does_as_well(self):
        route = "/im_livechat/cors/get_session"
        first = self._ask(route=route)
        self._forget_cookie()
        token = first["store_data"]["Store"]["guest_token"]
        again = self._ask(route=route, guest_token=token)
        self.assertEqual(again["channel_id"], first["channel_id"])
        self.assertNotEqual(self._ask(route=route)["channel_id"], first["channel_id"])

    def test_after_the_end_there_is_a_new_one(self):
        chat = self._open()
        self._close(chat)
        self.env.flush_all()
        again = self._open()
        self.assertTrue(again)
        self.assertNotEqual(again, chat)

    def test_another_channel_has_its_own(self):
        self.assertNotEqual(self._open(), self._open(self._create_channel(self.agents)))

    def test_odoos_own_channels_are_as_without_us(self):
        native = self._create_channel(self.agents, dispatch_mode="native")
        self.assertNotEqual(self._open(native), self._open(native))

    def test_who_waits_waits_once_in_line_and_in_the_pool(self):
        self.channel.write({"max_sessions_mode": "limited", "max_sessions": 1})
        for _agent in self.agents:
            self._come(self.channel)
        for state in ("queued", "pool"):
            with self.subTest(state=state):
                if state == "pool":
                    self.channel.write({"queue_enabled": False, "offline_rule": "pool"})
                    self.authenticate(None, None)
                    self._forget_cookie()
                chat = self._open()
                self._say(chat, chat.channel_member_ids.guest_id)
                self.assertEqual(chat.dispatch_state, state)
                decisions = self._count_decisions()
                self.env.flush_all()
                self.assertEqual(self._open(), chat)
                self.assertEqual(self._count_decisions(), decisions)

    def test_with_a_bot_as_well(self):
        bot = self.env["chatbot.script"].create(
            {
                "title": "Bot",
                "script_step_ids": [
                    Command.create({"step_type": "free_input_single", "message": "What is it?"})
                ],
            }
        )
        self.channel.rule_ids = [Command.create({"chatbot_script_id": bot.id})]
        chat = self._open(chatbot_script_id=bot.id)
        self.assertEqual(chat.livechat_operator_id, bot.operator_partner_id)
        self.assertEqual(self._open(chatbot_script_id=bot.id), chat)

    def test_a_guest_who_signs_in_goes_on_and_an_account_has_one(self):
        buyer = new_test_user(self.env, "buyer", "base.group_portal", password="sesame-open")
        chat = self._open()
        cookie = self.opener.cookies["dgid"]
        self.authenticate("buyer", "sesame-open")
        self.opener.cookies["dgid"] = cookie
        self.assertEqual(self._open(), chat)
        members = {
            member.partner_id: member.livechat_member_type for member in chat.channel_member_ids
        }
        self.assertEqual(members[buyer.partner_id], "visitor")
        self.assertTrue(chat.with_user(buyer).has_access("read"))
        # Another browser of the same account.
        self._forget_cookie()
        self.assertEqual(self._open(), chat)
        self.assertEqual(self._count_decisions(), 1)

    def test_the_first_page_after_signing_in_shows_the_chat_of_before(self):
        buyer = new_test_user(self.env, "buyer", "base.group_portal", password="sesame-open")
        new_test_user(self.env, "colleague", "base.group_user", password="sesame-open")
        chat = self._open()
        guest = chat.channel_member_ids.guest_id
        cookie = self.opener.cookies["dgid"]

        def load_page(login):
            self.authenticate(login, "sesame-open")
            self.opener.cookies["dgid"] = cookie
            asked = [["init_livechat", self.channel.id]]
            answer = self.make_jsonrpc_request("/mail/action", {"fetch_params": asked})
            self.env.invalidate_all()
            rows = answer.get("discuss.channel", ())
            return {row["id"]: row.get("open_chat_window") for row in rows}

        def find_buyers():
            members = chat.channel_member_ids
            buyers = members.filtered(lambda member: member.livechat_member_type == "visitor")
            return buyers.partner_id, buyers.guest_id

        nobody = self.env["res.partner"]
        # Who works here has only looked at the page as a buyer would.
        self.assertFalse(load_page("colleague"))
        self.assertEqual(find_buyers(), (nobody, guest))
        self.assertEqual(load_page("buyer"), {chat.id: True})
        self.assertEqual(find_buyers(), (buyer.partner_id, self.env["mail.guest"]))
        self.assertEqual(self._open(), chat)
        self.assertEqual(self._count_decisions(), 1)

    def test_agents_pages_are_told_who_it_is_that_has_signed_in(self):
        new_test_user(self.env, "buyer", "base.group_portal", password="sesame-open", name="Ella")
        chat = self._open()
        self.assertTrue(chat.dispatch_seat_partner_ids)
        cookie = self.opener.cookies["dgid"]
        self.env["bus.bus"].search([]).unlink()
        self.authenticate("buyer", "sesame-open")
        self.opener.cookies["dgid"] = cookie
        asked = [["init_livechat", self.channel.id]]
        self.make_jsonrpc_request("/mail/action", {"fetch_params": asked})
        self.env.invalidate_all()
        titles = [
            row["dispatch_title"]
            for message in map(json.loads, self.env["bus.bus"].search([]).mapped("message"))
            if message["type"] == "mail.record/insert"
            for row in message["payload"].get("discuss.channel", ())
            if "dispatch_title" in row
        ]
        self.assertEqual(titles, ["Ella"])

    def test_what_an_account_has_said_is_not_shown_to_who_signs_in_next_or_not_at_all(self):
        for login in ("one", "other"):
            new_test_user(self.env, login, "base.group_portal", password="sesame-open")
        first = self._open()
        cookie = self.opener.cookies["dgid"]
        self._close(first)
        chats = []
        for login in ("one", "other", None):
            self.authenticate(login, login and "sesame-open")
            self.opener.cookies["dgid"] = cookie
            chats.append(self._open())
        self.assertEqual(len(set(chats)), 3)

    def test_a_browser_without_a_cookie_is_known_by_its_session(self):
        chat = self._open()
        # The other tab asked before it heard of the cookie.
        self._forget_cookie()
        self.assertEqual(self._open(), chat)
        self.assertTrue(self.opener.cookies["dgid"])

    def test_what_an_agent_of_the_website_asked_a_visitor_is_no_chat_of_the_buyer(self):
        if "website.visitor" not in self.env:
            self.skipTest("website_livechat is not installed")
        chat = self._open()
        guest = chat.channel_member_ids.guest_id
        self._close(chat)
        asked = self.env["discuss.channel"].create(
            {
                "name": "Asked",
                "channel_type": "livechat",
                "livechat_channel_id": self.channel.id,
                "livechat_operator_id": self.agents[0].partner_id.id,
                "is_pending_chat_request": True,
            }
        )
        member = {"livechat_member_type": "visitor"}
        asked._add_members(guests=guest, create_member_params=member)
        self.env.flush_all()
        self.assertNotEqual(self._open(), asked)
        self._close(self._open())
        asked.is_pending_chat_request = False
        self.env.flush_all()
        self.assertEqual(self._open(), asked)


@tagged("post_install", "-at_install")
class TestWordless(DispatchCommon):
    """A seat, a place in line and a place in the pool belong to a buyer who has written."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = cls._create_agent("agent")

    def _open_channel(self, **vals):
        return self._create_channel(self.agent, max_sessions_mode="limited", max_sessions=1, **vals)

    def _open(self, channel, guest=None):
        return self._come(channel, guest, has_words=False)

    def _grow_old(self, chat, seconds=61):
        chat.dispatch_wordless_since -= timedelta(seconds=seconds)
        self.env.flush_all()

    def test_a_seat_is_held_for_a_minute_and_then_another_has_it_without_the_timers(self):
        channel = self._open_channel()
        chat = self._open(channel)
        self.assertEqual(self._agent_of(chat), self.agent)
        self.assertFalse(self._open(channel))
        self._grow_old(chat)
        self.assertEqual(self._read_agent(channel, self.agent).lively_chats, 0)
        self.assertTrue(channel._is_room_at_once())
        self.assertEqual(self._agent_of(self._come(channel)), self.agent)

    def test_the_timers_end_it_and_it_counts_as_nobodys_miss(self):
        channel = self._open_channel()
        chat, writer = self._open(channel), self._create_guest()
        self.env["discuss.channel"]._end_wordless()
        self.assertFalse(chat.livechat_end_dt)
        self._grow_old(chat)
        written = self._come(channel, writer)
        self._say(written, writer)
        self.env["discuss.channel"]._end_wordless()
        self.assertTrue(chat.livechat_end_dt)
        self.assertFalse(written.livechat_end_dt)
        self.assertFalse(channel._get_today_figures()[channel.id]["missed"])

    def test_the_first_word_keeps_the_seat(self):
        channel, guest = self._open_channel(), self._create_guest()
        chat = self._open(channel, guest)
        self._grow_old(chat, 30)
        self._say(chat, guest)
        self.assertFalse(chat.dispatch_wordless_since)
        self.assertEqual(self._agent_of(chat), self.agent)
        self.assertEqual(len(chat.dispatch_decision_ids), 1)

    def test_what_an_agent_says_is_no_word_of_the_buyer(self):
        chat = self._open(self._open_channel())
        self._say(chat, self.agent)
        self.assertTrue(chat.dispatch_wordless_since)

    def test_a_late_first_word_takes_what_there_is_then(self):
        channel, guest = self._open_channel(queue_enabled=True), self._create_guest()
        late = self._open(channel, guest)
        self._grow_old(late)
        self._come(channel)
        before = self._come(channel)
        before.dispatch_queued_at -= timedelta(seconds=1)
        self._say(late, guest)
        self.assertEqual(late.dispatch_state, "queued")
        self.assertFalse(self._agent_of(late))
        self.assertEqual(late._get_wait()["place"], 2)
        self.assertEqual(before._get_wait()["place"], 1)

    def test_line_and_pool_know_only_who_has_written(self):
        ways = {"queued": {"queue_enabled": True}, "pool": {"offline_rule": "pool"}}
        for state, vals in ways.items():
            with self.subTest(state=state):
                self._close(self.env["discuss.channel"].search([("livechat_end_dt", "=", False)]))
                channel, guest = self._open_channel(**vals), self._create_guest()
                first = self._come(channel)
                silent = [self._open(channel, guest), *(self._open(channel) for _buyer in range(3))]
                self.assertEqual({chat.dispatch_state for chat in silent}, {False})
                self.assertFalse(channel._count_waiting(self.env["livechat.dispatch.group"]))
                self.assertFalse(channel.dispatch_pool_count)
                self.assertFalse(channel._get_today_figures()[channel.id]["waiting"])
                self.assertEqual(len(first.dispatch_decision_ids), 1)
                self.assertFalse(silent[0].dispatch_decision_ids)
                writer = self._come(channel)
                writer.dispatch_queued_at -= timedelta(seconds=1)
                self._say(silent[0], guest, "Is it waterproof?")
                self.assertEqual(silent[0].dispatch_state, state)
                self.assertLess(writer._get_waiting(), silent[0]._get_waiting())
                self._close(first)
                channel._drain()
                self.assertEqual(self._agent_of(writer), self.agent)
                self._close(writer)
                channel._drain()
                self.assertEqual(self._agent_of(silent[0]), self.agent)

    def test_who_finds_a_seat_with_the_first_word_gets_it(self):
        channel, guest = self._open_channel(queue_enabled=True), self._create_guest()
        first = self._come(channel)
        chat = self._open(channel, guest)
        self._close(first)
        self._say(chat, guest)
        self.assertEqual(self._agent_of(chat), self.agent)
        self.assertEqual(chat.dispatch_decision_ids.mapped("kind"), ["assign"])

    def test_words_are_kept_when_everybody_has_gone_meanwhile(self):
        channel, guest = self._open_channel(queue_enabled=True), self._create_guest()
        self._come(channel)
        chat = self._open(channel, guest)
        self._set_online(self.agent, "offline")
        self._say(chat, guest)
        self.assertEqual(chat.dispatch_state, "pool")
        self.assertEqual(chat.livechat_status, "need_help")

    def test_a_chat_without_words_whose_agent_leaves_waits_for_the_first(self):
        channel, guest = self._open_channel(queue_enabled=True), self._create_guest()
        chat = self._open(channel, guest)
        chat._hand_over(self.agent)
        self.assertFalse(chat.dispatch_state)
        self._say(chat, guest)
        self.assertTrue(chat.dispatch_state)

    def test_nobody_is_forgotten_when_odoo_dispatches_itself_again(self):
        channel = self._open_channel(queue_enabled=True)
        first = self._come(channel)
        chat = self._open(channel)
        self._close(first)
        channel.dispatch_mode = "native"
        self.assertEqual(chat.livechat_operator_id, self.agent.partner_id)

    def test_what_a_bot_hands_over_without_a_word_holds_its_seat_for_a_minute(self):
        channel = self._open_channel(queue_enabled=True)
        script = self.env["chatbot.script"].create(
            {
                "title": "Bot",
                "script_step_ids": [Command.create({"step_type": "forward_operator"})],
            }
        )
        channel.rule_ids = [Command.create({"chatbot_script_id": script.id})]
        chats = []
        for words in (False, True):
            guest = self._create_guest()
            public = self.env.ref("base.public_user")
            asking = channel.with_user(public).with_context(guest=guest).sudo()
            info = asking._get_operator_info(
                lang=None, country_id=None, chatbot_script_id=script.id
            )
            values = asking._get_livechat_discuss_channel_vals(**info)
            chat = asking.env["discuss.channel"].create(values).with_env(self.env)
            self.assertFalse(chat.dispatch_wordless_since)
            if words:
                self._say(chat, guest)
            chat._forward_human_operator(script.script_step_ids)
            self.assertEqual(bool(chat.dispatch_wordless_since), not words)
            chats.append(chat)
        self.assertEqual([chat.dispatch_state for chat in chats], ["assigned", "queued"])
        self._grow_old(chats[0])
        channel._drain()
        self.assertEqual(self._agent_of(chats[1]), self.agent)


@tagged("post_install", "-at_install")
class TestBusRows(DispatchCommon):
    """How many messages on the bus the end of one wait costs."""

    def _count_after_departure(self, length):
        channel = self._create_channel(
            self._create_agent(f"agent{length}"),
            max_sessions_mode="limited",
            max_sessions=1,
            queue_enabled=True,
            queue_limit=0,
        )
        chats = [self._come(channel) for _buyer in range(length + 1)][1:]
        self.env.cr.precommit.run()
        self.env.flush_all()
        Bus = self.env["bus.bus"].sudo()
        before = Bus.search_count([])
        self._close(chats[0])
        self.env.flush_all()
        self.env.cr.precommit.run()
        return Bus.search_count([]) - before

    def test_one_who_leaves_a_long_line_costs_as_many_as_one_who_leaves_a_short_one(self):
        self.assertEqual(self._count_after_departure(50), self._count_after_departure(5))


@tagged("post_install", "-at_install")
class TestLimits(PatientCase, DispatchCommon):
    """Nobody asks without end: not a buyer, and not an address."""

    #: As a proxy says on whose behalf it asks.
    forwarded = {"X-Forwarded-Host": HOST, "X-Forwarded-For": "203.0.113.7"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = cls._create_agent("agent")
        cls.channel = cls._create_channel(cls.agent)
        cls.startClassPatcher(patch.dict(config.options, {"proxy_mode": True}))

    def _limit(self, chats):
        self.env["ir.config_parameter"].set_param(
            "im_livechat_subaccount.address_chats", str(chats)
        )

    def _call(self, route, **params):
        answer = self.url_open(
            route,
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
            headers={"Content-Type": "application/json", **self.forwarded},
        )
        self.assertEqual(answer.status_code, 200)
        self.assertNotIn("Traceback", answer.text)
        # What is nothing is left out.
        return answer.json().get("result")

    def _ask(self, channel=None, persisted=True, route="/im_livechat/get_session", **params):
        """A new buyer asks for a chat, or looks at the widget; whether that is refused."""
        self.opener.cookies.clear()
        channel = channel or self.channel
        result = self._call(route, channel_id=channel.id, persisted=persisted, **params)
        refusal = result.get("dispatch_refusal", "")
        self.assertEqual(bool(refusal), not result["channel_id"])
        self.assertEqual("wait a minute" in refusal, bool(refusal))
        return bool(refusal)

    def _pass_time(self, minutes):
        self.env.cr.execute(
            "UPDATE livechat_dispatch_rate SET asked_at = asked_at - %s",
            [timedelta(minutes=minutes)],
        )

    def _fill(self, what):
        self.env.cr.execute(
            """
            UPDATE livechat_dispatch_rate
               SET level = amount, asked_at = clock_timestamp() AT TIME ZONE 'UTC'
             WHERE what = %s
            """,
            [what],
        )

    def test_an_address_opens_so_many_chats_an_hour_and_one_more_after_a_while(self):
        self._limit(6)
        routes = ("/im_livechat/get_session", "/im_livechat/cors/get_session")
        refused = [self._ask(route=routes[number % 2]) for number in range(8)]
        self.assertEqual(refused, [False] * 6 + [True] * 2)
        since = fields.Datetime.now() - timedelta(hours=1)
        self.assertEqual(door.count_refused(self.env.cr, since), {"often": 2, "blocked": 0})
        settings = self.env["res.config.settings"].create({})
        self.assertEqual(settings.dispatch_refused_today, 2)
        self.assertFalse(self._ask(persisted=False))
        self._pass_time(minutes=10)
        self.assertEqual([self._ask(), self._ask()], [False, True])

    def test_what_is_refused_opens_no_chat_and_no_guest(self):
        self._limit(1)
        self._ask()
        models = ("discuss.channel", "mail.guest", "livechat.dispatch.decision")
        counts = [self.env[model].search_count([]) for model in models]
        self.assertTrue(self._ask())
        self.assertEqual([self.env[model].search_count([]) for model in models], counts)

    def test_looks_and_second_tabs_have_a_limit_of_their_own(self):
        self._limit(1)
        self.assertFalse(self._ask(persisted=False))
        self._fill("look")
        self.assertTrue(self._ask(persisted=False))
        self.assertFalse(self._ask())
        # The other tab of the same buyer.
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        self.assertTrue(answer["dispatch_refusal"])

    def test_who_finds_nobody_any_more_reads_so(self):
        """Core's page says of no chat that nobody is here, and closes the window with the words."""
        ask = partial(self._call, "/im_livechat/get_session", channel_id=self.channel.id)
        self._set_online(self.agent, "offline")
        for place, how in (("", {}), ("/cors", {"guest_token": ""})):
            answer = self._call(
                f"/im_livechat{place}/get_session", channel_id=self.channel.id, **how
            )
            self.assertFalse(answer["channel_id"])
            self.assertIn("Nobody can answer right now", answer["dispatch_refusal"])
        # As core has it: there are no words yet, and elsewhere nothing of ours.
        self.assertIs(ask(persisted=False), False)
        self.channel.dispatch_mode = "native"
        self.assertIs(ask(), False)

    def _come_from(self, number):
        self.forwarded = {**self.forwarded, "X-Forwarded-For": f"203.0.113.{number}"}

    def _say_over_the_route(self, chat_id):
        return self._call(
            "/mail/message/post",
            thread_model="discuss.channel",
            thread_id=chat_id,
            post_data={"body": "Hello", "message_type": "comment"},
        )

    def _rush(self, level):
        """Let so much be asked of the channel within the minute."""
        self.env.cr.execute(
            """
            INSERT INTO livechat_dispatch_rate (what, who, amount, level, asked_at, is_refused)
            SELECT 'rush', %(who)s, 60, %(level)s, clock_timestamp() AT TIME ZONE 'UTC', false
                ON CONFLICT (what, who) DO UPDATE
               SET level = EXCLUDED.level, asked_at = EXCLUDED.asked_at
            """,
            {"who": f"channel {self.channel.id}", "level": level},
        )

    def test_while_very_many_ask_an_address_gets_its_share_of_each_minute(self):
        self._limit(60)
        # Before it, all of an hour may come at once.
        self.assertFalse(any(self._ask() for _buyer in range(3)))
        self._rush(150)
        self.assertEqual([self._ask(), self._ask()], [True, True])
        # Who comes from elsewhere is served: a look, a chat and some words.
        self._come_from(8)
        looks = [self._ask(persisted=False) for _look in range(4)]
        self.assertEqual(looks, [False, False, True, True])
        chat = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        words = [self._say_over_the_route(chat["channel_id"]) for _word in range(6)]
        self.assertEqual([bool(word["message_id"]) for word in words], [True] * 4 + [False] * 2)
        self.assertIn("wait a minute", words[-1]["dispatch_refusal"])
        self.assertTrue(self._ask())
        # A channel of which nobody asks much is as ever, and so is this one after a while.
        elsewhere = self._create_channel(self.agent)
        self.assertFalse(any(self._ask(elsewhere) for _buyer in range(3)))
        self._pass_time(minutes=2)
        self.assertFalse(any(self._ask() for _buyer in range(3)))

    def test_what_is_asked_makes_a_rush_and_what_is_refused_keeps_it_up(self):
        self._limit(60)
        self._rush(40)
        self.assertEqual([self._ask(), self._ask()], [False, False])
        # 60 at once are too many; of what was asked 2 a second run out.
        for number in range(60):
            self._come_from(100 + number)
            self.assertFalse(self._ask(persisted=False))
        self._come_from(7)
        self.assertTrue(self._ask())
        self._rush(180)
        for _number in range(3):
            self._pass_time(minutes=0.4)
            self._fill("rush chat")
            # What runs out meanwhile is asked again.
            for _time in range(24):
                self.assertTrue(self._ask())

    def test_a_class_at_one_school_makes_no_rush(self):
        self._limit(60)
        self.assertFalse(any(self._ask(persisted=False) for _pupil in range(80)))
        self.assertFalse(any(self._ask() for _pupil in range(5)))

    def test_what_is_refused_in_a_rush_costs_next_to_nothing(self):
        self._limit(60)
        self._ask()
        self._rush(150)
        self._ask()
        models = ("discuss.channel", "mail.guest", "livechat.dispatch.decision")
        counts = [self.env[model].search_count([]) for model in models]
        since = fields.Datetime.now() - timedelta(hours=1)
        refused = door.count_refused(self.env.cr, since)["often"]
        self.env.flush_all()
        self.opener.cookies.clear()
        # Odoo's own two of each request, the question, and what is counted.
        with self.assertQueryCount(4):
            self._call("/im_livechat/get_session", channel_id=self.channel.id)
        self.assertEqual([self.env[model].search_count([]) for model in models], counts)
        self.assertEqual(door.count_refused(self.env.cr, since)["often"], refused + 1)

    def _fill_of(self, what, buyer):
        """Let a buyer have asked as much as it may; whether it has asked before."""
        self.env.cr.execute(
            """
            UPDATE livechat_dispatch_rate
               SET level = amount, asked_at = clock_timestamp() AT TIME ZONE 'UTC'
             WHERE what = %s AND who = %s
            """,
            [what, f"{buyer._name} {buyer.id}"],
        )
        return bool(self.env.cr.rowcount)

    def _open_as_before(self):
        """The same browser asks for a chat; the chat, empty if that is refused."""
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        return self.env["discuss.channel"].browse(answer["channel_id"] or [])

    def test_a_buyer_opens_so_many_chats_an_hour_wherever_it_asks_from(self):
        most = door.PER_BUYER["chat"]
        opened = []
        # The first makes the guest, who is counted from then on.
        for number in range(most + 2):
            self._come_from(20 + number)
            chat = self._open_as_before()
            opened.append(bool(chat))
            self._close(chat)
            self.env.flush_all()
        self.assertEqual(opened, [True] * (most + 1) + [False])
        # Another buyer at the same address.
        self.assertFalse(self._ask())

    def test_each_thing_a_buyer_asks_for_has_a_limit_of_its_own_wherever_it_asks_from(self):
        self.channel.write(
            {"queue_enabled": True, "max_sessions_mode": "limited", "max_sessions": 1}
        )
        self._come(self.channel)
        chat = self._open_as_before()
        guest = chat.channel_member_ids.guest_id
        ours = "/im_livechat_subaccount"
        asks = {
            "word": lambda: self._say_over_the_route(chat.id)["message_id"],
            "look": self._open_as_before,
            "here": lambda: self._call(f"{ours}/here"),
            "leave": lambda: self._call(f"{ours}/leave_message", channel_id=chat.id),
        }
        for number, (what, ask) in enumerate(asks.items()):
            with self.subTest(what=what):
                self._come_from(50 + 2 * number)
                self.assertTrue(ask())
                self.assertTrue(self._fill_of(what, guest))
                self._come_from(51 + 2 * number)
                self.assertFalse(ask())
                self._pass_time(minutes=60)
                self.assertTrue(ask())

    def test_an_account_is_one_buyer_in_all_its_browsers(self):
        buyer = new_test_user(self.env, "buyer", "base.group_portal", password="sesame-open")
        for number in range(2):
            self._come_from(80 + number)
            self.authenticate("buyer", "sesame-open")
            self.opener.cookies.pop("dgid", None)
            chat = self._open_as_before()
            self.assertEqual(bool(chat), not number)
            self._close(chat)
            self.env.flush_all()
            self._fill_of("chat", buyer.partner_id)

    def _read_counted(self):
        """By what those who asked are known who are no guests."""
        self.env.cr.execute("SELECT DISTINCT who FROM livechat_dispatch_rate WHERE what = 'chat'")
        return {who for (who,) in self.env.cr.fetchall() if not who.startswith("mail.guest")}

    def _block(self, address):
        self.env["livechat.dispatch.block"].create(
            {"livechat_channel_id": self.channel.id, "name": "Noise", "address": address}
        )

    def test_behind_a_proxy_its_own_word_counts_and_not_what_a_browser_says_before(self):
        self._limit(1)
        asked = []
        for number in range(2):
            hops = f"198.51.100.{number}, 203.0.113.7"
            self.forwarded = {**self.forwarded, "X-Forwarded-For": hops}
            asked.append(self._ask())
        self.assertEqual(asked, [False, True])
        self.assertEqual(self._read_counted(), {"203.0.113.7"})
        self._limit(0)
        for blocked, is_refused in (("198.51.100.1", False), ("203.0.113.7", True)):
            self._block(blocked)
            answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
            self.assertEqual("not open" in answer.get("dispatch_refusal", ""), is_refused)

    def test_without_a_proxy_what_a_browser_says_of_its_address_changes_nothing(self):
        self.enterContext(patch.dict(config.options, {"proxy_mode": False}))
        self._limit(1)
        # Neither is somebody else kept out, nor does anybody get in so.
        self.assertFalse(any(self._ask() for _buyer in range(3)))
        self._block("203.0.113.7")
        self.assertFalse(self._ask())
        self.assertFalse(self._read_counted())
        self._come_from(8)
        self.assertFalse(self._ask())
        self.assertFalse(self._read_counted())

    def test_an_address_that_all_buyers_have_is_not_counted(self):
        self._limit(1)
        self.forwarded = {}
        self.assertFalse(any(self._ask() for _buyer in range(3)))

    def test_zero_is_no_limit_and_odoos_own_channels_have_none(self):
        self._limit(1)
        native = self._create_channel(self.agent, dispatch_mode="native")
        self.assertFalse(any(self._ask(native) for _buyer in range(3)))
        self._limit(0)
        self.assertFalse(any(self._ask() for _buyer in range(3)))

    def test_a_buyer_writes_without_end_only_to_who_has_answered(self):
        self._ask()
        chat = self.env["discuss.channel"].search([("livechat_channel_id", "=", self.channel.id)])

        def write(thread_id=chat.id):
            return self._say_over_the_route(thread_id)

        self.assertTrue(write()["message_id"])
        self._fill("word")
        said = self.env["mail.message"].search_count([("res_id", "=", chat.id)])
        for sent in (chat.id, str(chat.id), f" {chat.id} "):
            self.assertIn("wait a minute", write(sent)["dispatch_refusal"])
        self.assertEqual(self.env["mail.message"].search_count([("res_id", "=", chat.id)]), said)
        self._say(chat, self.agent)
        self.assertTrue(write()["message_id"])

    def test_after_the_end_a_buyer_writes_no_more_than_before_the_first_answer(self):
        """The pages of the agents who were in the chat show it."""
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        guest = chat.channel_member_ids.guest_id
        self.assertTrue(self._say_over_the_route(chat.id)["message_id"])
        said = chat.message_ids.filtered("author_guest_id")
        self._say(chat, self.agent)
        self._call("/im_livechat/visitor_leave_session", channel_id=chat.id)
        self.assertTrue(chat.livechat_end_dt)
        self.assertIn("has ended", self._say_over_the_route(chat.id)["dispatch_refusal"])
        self.assertTrue(self._fill_of("word", guest))
        self.assertIn("wait a minute", self._say_over_the_route(chat.id)["dispatch_refusal"])
        for path, params in (
            ("update_content", {"update_data": {"body": "Again"}}),
            ("reaction", {"content": "x", "action": "add"}),
        ):
            self.assertFalse(self._call(f"/mail/message/{path}", message_id=said.id, **params))
        self.assertNotIn("Again", said.body)

    def test_a_word_into_what_has_ended_is_not_kept_where_nobody_reads_it(self):
        """A page that slept when the agent ended the chat does not know of it yet."""
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        token = {"guest_token": chat.channel_member_ids.guest_id._format_auth_cookie()}
        self.assertTrue(self._say_over_the_route(chat.id)["message_id"])
        self._say(chat, self.agent)
        chat.with_user(self.agent).action_unfollow()
        self.assertTrue(chat.livechat_end_dt)
        said = self.env["mail.message"].search_count([("res_id", "=", chat.id)])
        post = {"body": "And the red one?", "message_type": "comment"}
        for path, more in (("/mail", {}), ("/im_livechat/cors", token)):
            answer = self._call(
                f"{path}/message/post",
                thread_model="discuss.channel",
                thread_id=chat.id,
                post_data=post,
                **more,
            )
            self.assertIn("has ended", answer.get("dispatch_refusal", ""))
            # From now on its page knows.
            (told,) = answer["store_data"]["discuss.channel"]
            self.assertTrue(told["livechat_end_dt"])
        self.assertEqual(self.env["mail.message"].search_count([("res_id", "=", chat.id)]), said)
        # Nor in what a word was to open again, as its page has read, before Odoo dispatched here.
        chat.dispatch_is_closed_silent = True
        self.channel.dispatch_mode = "native"
        answer = self._say_over_the_route(chat.id)
        self.assertIn("has ended", answer.get("dispatch_refusal", ""))
        self.assertIs(answer["store_data"]["discuss.channel"][0]["dispatch_reopens"], False)
        self.assertEqual(self.env["mail.message"].search_count([("res_id", "=", chat.id)]), said)
        chat.dispatch_is_closed_silent = False
        self.channel.dispatch_mode = "share"
        # A stranger learns nothing of it.
        self.opener.cookies.clear()
        answer = self.url_open(
            "/mail/message/post",
            data=json.dumps(
                {
                    "params": {
                        "thread_model": "discuss.channel",
                        "thread_id": chat.id,
                        "post_data": post,
                    }
                }
            ),
            headers={"Content-Type": "application/json", **self.forwarded},
        )
        self.assertNotIn("has ended", answer.text)

    def test_what_a_buyer_edits_is_a_message_as_well(self):
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        self.assertTrue(self._say_over_the_route(chat.id)["message_id"])
        said = chat.message_ids.filtered("author_guest_id")
        before = said.body
        self._say(chat, self.agent)
        for edited in (
            {"body": "x" * 100_001},
            {"body": 5},
            {"body": ["x"]},
            {"body": "\0"},
            {},
            {"body": "x", "attachment_ids": "x"},
            {"body": "x", "partner_ids": [{}]},
            {"body": "x", "partner_ids": [1], "partner_ids_mention_token": 5},
            {"body": "x", "role_ids": 5},
            {"body": "x", "partner_emails": ["a@example.com"]},
        ):
            with self.subTest(edited=str(edited)[:60]):
                call = {"message_id": said.id, "update_data": edited}
                self.assertFalse(self._call("/mail/message/update_content", **call))
                said.invalidate_recordset()
                self.assertEqual(said.body, before)
        call = {"message_id": said.id, "update_data": {"body": "Once more", "attachment_ids": []}}
        self.assertTrue(self._call("/mail/message/update_content", **call))
        said.invalidate_recordset()
        self.assertIn("Once more", said.body)

    def test_the_server_looks_at_no_page_for_strangers(self):
        """It would wait for whatever address they name, also one of its own network."""
        route, asked = "/html_editor/link_preview_external", {"preview_url": "http://10.0.0.1/"}
        buyer = new_test_user(self.env, "buyer", "base.group_portal", password="sesame-open")
        with patch.object(link_preview, "get_link_preview_from_url") as look:
            look.return_value = {"og_title": "A page"}
            self.authenticate(None, None)
            self.assertFalse(self._call(route, **asked))
            look.assert_not_called()
            self.authenticate("buyer", "sesame-open")
            self.assertFalse(self._call(route, preview_url=5))
            self.assertTrue(self._call(route, **asked))
            self.assertTrue(self._fill_of("preview", buyer.partner_id))
            self.assertFalse(self._call(route, **asked))
            self.authenticate(self.agent.login, self.agent.login)
            self.assertTrue(self._call(route, **asked))

    def test_files_are_taken_apart_for_strangers_not_without_end(self):
        self.authenticate(None, None)
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        guest = chat.channel_member_ids.guest_id
        about = {"res_model": "discuss.channel", "res_id": chat.id, "mimetype": "application/pdf"}
        file = self.env["ir.attachment"].create({"name": "a.pdf", "raw": minimal_pdf(), **about})
        token = file._get_ownership_token()

        def take_apart(number=file.id):
            path = f"/mail/attachment/pdf_first_page/{number}?access_token={token}"
            return self.url_open(path, headers=self.forwarded).status_code

        pixel = b64encode(draw_picture("PNG", (1, 1))).decode()

        def draw(thumbnail):
            params = {"attachment_id": file.id, "access_token": token, "thumbnail": thumbnail}
            self._call("/mail/attachment/update_thumbnail", **params)
            self.env.invalidate_all()
            return file.thumbnail

        self.assertEqual(take_apart(), 200)
        self.assertEqual(take_apart(2**40), 404)
        for raw, mimetype in (
            (b"%PDF-1.4 and no more", "application/pdf"),
            (b"no picture", "image/png"),
            (draw_picture("PNG", (1, 1)), "image/png"),
            (b"", "application/pdf"),
        ):
            file.sudo().write({"raw": raw, "mimetype": mimetype})
            self.assertEqual(take_apart(), 415)
        file.write({"raw": minimal_pdf(), "mimetype": "application/pdf"})
        self.assertFalse(draw("A" * 2_000_000))
        self.assertTrue(draw(pixel))
        # Of each that is no file of its own Odoo tells somebody.
        before = self.env["bus.bus"].search_count([])
        for nonsense in ("x", None, 2**40, [file.id]):
            self._call("/mail/attachment/delete", attachment_id=nonsense)
        self.assertEqual(self.env["bus.bus"].search_count([]), before)
        self.assertTrue(self._fill_of("preview", guest))
        self.assertEqual(take_apart(), 404)
        self.assertEqual(draw(False), draw(pixel))
        self.authenticate(self.agent.login, self.agent.login)
        self.assertEqual(take_apart(), 200)

    def test_a_small_file_that_is_a_vast_picture_is_not_drawn(self):
        """Its points would fill the memory of a server, which draws what is sent smaller."""
        self.authenticate(None, None)
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        for kind in ("PNG", "GIF"):
            for size, is_kept in (((100, 100), True), ((8000, 8000), False)):
                with self.subTest(kind=kind, size=size):
                    said = self._upload(chat, f"a.{kind}", draw_picture(kind, size))
                    self.assertEqual("data" in said, is_kept)
                    if not is_kept:
                        self.assertIn("too large", said["error"])

    def test_names_of_chats_are_not_looked_for_without_end(self):
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        guest = chat.channel_member_ids.guest_id

        def find(term=chat.name, **params):
            found = self._call("/discuss/search", term=term, **params) or {}
            return len(found.get("discuss.channel", ()))

        self.assertEqual(find(), 1)
        self.assertEqual(find(limit=10**6), 1)
        self.assertEqual(find("a" * 10_000), 0)
        for nonsense in ({"term": 5}, {"term": None}, {"limit": "x"}, {"limit": -1}):
            self.assertEqual(find(**nonsense), 0)
        self.assertTrue(self._fill_of("look", guest))
        self.assertEqual(find(), 0)
        self.authenticate(self.agent.login, self.agent.login)
        for nonsense in ({"term": [88]}, {"limit": [["id", "in", [1]]]}, {"limit": "x"}):
            self.assertEqual(find(**nonsense), 0)

    def test_what_odoo_tries_again_is_counted_once(self):
        """What was counted is committed, and a request that fails beside another begins again."""
        guest = self._create_guest()
        self.addCleanup(door._TOLD.pop, self.env.cr, None)
        self.startPatcher(patch.object(door, "http_request", True))

        def ask():
            asked = [door.Request("chat", f"mail.guest {guest.id}", 2)]
            admitted = [door.admit(self.env, asked) for _time in range(3)]
            mailed = [door.may_mail(self.env, "activation mail", "a", "b") for _time in range(2)]
            return admitted, mailed

        answers = []
        for _try in range(3):
            answers.append(ask())
            self.env.cr.postrollback.run()
        self.assertEqual(answers, [([True, True, False], [True, False])] * 3)
        self.env.cr.execute(
            "SELECT what, round(level) FROM livechat_dispatch_rate ORDER BY what, who"
        )
        counted = dict(self.env.cr.fetchall())
        self.assertEqual((counted["chat"], counted["activation mail"]), (2, 1))

    def test_a_message_names_few_people_and_files(self):
        """Odoo asks of each whether it may be named."""
        self._ask()
        chat = self.env["discuss.channel"].search([("livechat_channel_id", "=", self.channel.id)])
        for name in ("partner_ids", "role_ids", "attachment_ids", "attachment_tokens"):
            value = "x" if name == "attachment_tokens" else 1
            answer = self._call(
                "/mail/message/post",
                thread_model="discuss.channel",
                thread_id=chat.id,
                post_data={"body": "Hello", "message_type": "comment", name: [value] * 1000},
            )
            self.assertFalse(answer, name)

    def test_an_agent_mails_chats_not_without_end(self):
        chat = self._come(self.channel)
        owner = create_user(self.env, "owner", "im_livechat_subaccount.group_main_account")
        self.channel.main_account_id = self.agent.main_account_id = owner
        mails = type(self.env["mail.mail"])
        self.startPatcher(patch.object(mails, "send", lambda *args, **kwargs: True))
        self.authenticate(self.agent.login, self.agent.login)

        def mail(email="ada@example.com"):
            before = self.env["mail.mail"].search_count([])
            params = {"channel_id": chat.id, "email": email}
            self.url_open(
                "/im_livechat/email_livechat_transcript",
                data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
                headers={"Content-Type": "application/json", **self.forwarded},
            )
            return self.env["mail.mail"].search_count([]) - before

        self.assertEqual(mail(), 1)
        self.assertEqual(mail("nobody"), 0)
        self.assertTrue(self._fill_of("mailed", self.agent.partner_id))
        self.assertEqual(mail(), 0)

    def test_a_word_of_a_buyer_is_mailed_to_nobody(self):
        self.agent.write({"notification_type": "email", "email": "agent@example.com"})
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        for mentioned in (["everyone"], "everyone", None, 5):
            answer = self._call(
                "/mail/message/post",
                thread_model="discuss.channel",
                thread_id=chat.id,
                post_data={
                    "body": "Hello",
                    "message_type": "comment",
                    "subtype_xmlid": "mail.mt_comment",
                    "special_mentions": mentioned,
                },
            )
            message = self.env["mail.message"].browse(answer["message_id"])
            self.assertFalse(message.partner_ids or message.notification_ids)

    def test_who_says_everyone_in_a_channel_of_discuss_means_everyone(self):
        channel = self.env["discuss.channel"]._create_channel(name="Friends", group_id=None)
        channel._add_members(users=self.agent)
        guest = self._create_guest()
        channel._add_members(guests=guest)
        self.opener.cookies[guest._cookie_name] = guest._format_auth_cookie()
        answer = self._call(
            "/mail/message/post",
            thread_model="discuss.channel",
            thread_id=channel.id,
            post_data={
                "body": "Hello",
                "message_type": "comment",
                "subtype_xmlid": "mail.mt_comment",
                "special_mentions": ["everyone"],
            },
        )
        message = self.env["mail.message"].browse(answer["message_id"])
        self.assertIn(self.agent.partner_id, message.partner_ids)

    def test_by_the_link_of_a_chat_come_no_more_than_by_the_window(self):
        self._limit(2)
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])

        def follow_link():
            answer = self.url_open(f"/chat/{chat.id}/{chat.uuid}", headers=self.forwarded)
            self.env.invalidate_all()
            return answer.status_code

        members = chat.channel_member_ids
        # The buyer itself has come already.
        self.assertEqual(follow_link(), 200)
        self.assertEqual(chat.channel_member_ids, members)
        self.opener.cookies.clear()
        self.assertEqual(follow_link(), 200)
        newcomer = chat.channel_member_ids - members
        self.assertEqual(newcomer.mapped("livechat_member_type"), ["visitor"])
        self.opener.cookies.clear()
        self.assertEqual(follow_link(), 404)
        self.assertEqual(chat.channel_member_ids, members | newcomer)
        self._pass_time(minutes=60)
        self._block("203.0.113.7")
        self.env.flush_all()
        self.assertEqual(follow_link(), 404)
        self.env["livechat.dispatch.block"].search([]).unlink()
        self.env.flush_all()
        self.assertEqual(follow_link(), 200)

    def test_what_a_page_says_in_a_call_has_a_limit(self):
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        guest = chat.channel_member_ids.guest_id
        self._say(chat, guest)
        # An agent calls.
        chat.channel_member_ids.filtered("partner_id")._rtc_join_call()
        self.env.flush_all()
        self._call("/mail/rtc/channel/join_call", channel_id=chat.id)
        self.env.invalidate_all()
        own = chat.rtc_session_ids.filtered(lambda session: session.guest_id == guest)
        self.assertTrue(own)
        said = {
            "notify_call_members": {"peer_notifications": [[own.id, own.ids, "x"]]},
            "update_and_broadcast": {"session_id": own.id, "values": {"is_muted": True}},
        }

        def count_heard(path):
            self.env.cr.precommit.run()
            self.env["bus.bus"].search([]).unlink()
            self._call(f"/mail/rtc/session/{path}", **said[path])
            self.env.cr.precommit.run()
            return self.env["bus.bus"].search_count([])

        for path in said:
            self.assertTrue(count_heard(path), path)
        self.assertTrue(self._fill_of("here", guest))
        for path in said:
            self.assertFalse(count_heard(path), path)
        for nonsense in (None, 5, [5], [[]], [[own.id, 5, "x"]], [["x", [1], "x"]]):
            self._call("/mail/rtc/session/notify_call_members", peer_notifications=nonsense)

    def _upload(self, chat, name="file.txt", content=b"x"):
        answer = self.url_open(
            "/mail/attachment/upload",
            data={
                "thread_id": chat.id,
                "thread_model": "discuss.channel",
                "csrf_token": http.Request.csrf_token(self),
            },
            files={"ufile": (name, content)},
            headers=self.forwarded,
        )
        return answer.json()

    def test_files_have_a_limit_also_for_who_has_an_answer(self):
        self.authenticate(None, None)
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        guest = chat.channel_member_ids.guest_id
        self._say(chat, guest)
        self._say(chat, self.agent)
        self.assertIn("data", self._upload(chat))
        self.assertTrue(self._fill_of("file", guest))
        self.assertIn("wait a minute", self._upload(chat)["error"])
        self.assertTrue(self._say_over_the_route(chat.id)["message_id"])
        self.channel.dispatch_mode = "native"
        self.assertIn("data", self._upload(chat))

    def test_nobody_looks_for_so_much_that_the_server_takes_long(self):
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        guest = chat.channel_member_ids.guest_id
        words = [self._say(chat, guest, f"Lamp {number}") for number in range(120)]
        asked = []
        messages = type(self.env["mail.message"])
        fetch = messages._message_fetch

        def note(message, *args, **kwargs):
            asked.append(kwargs)
            return fetch(message, *args, **kwargs)

        self.startPatcher(patch.object(messages, "_message_fetch", note))

        def look(**params):
            path, more = "/discuss/channel/messages", {}
            if params.pop("is_elsewhere", False):
                path = "/im_livechat/cors/channel/messages"
                more = {"guest_token": guest._format_auth_cookie()}
            return self._call(path, channel_id=chat.id, fetch_params=params, **more)

        for is_elsewhere in (False, True):
            with self.subTest(is_elsewhere=is_elsewhere):
                found = look(search_term="lamp 7", is_elsewhere=is_elsewhere)
                self.assertIn(words[7].id, found["messages"])
                asked.clear()
                long = look(search_term="a" * 50_000, is_elsewhere=is_elsewhere)
                self.assertEqual((long["messages"], long["count"]), ([], 0))
                self.assertFalse(asked)
                most = look(limit=10**6, is_elsewhere=is_elsewhere)
                self.assertEqual(len(most["messages"]), 100)
                for nonsense in ({"limit": "x"}, {"before": "x"}, {"search_term": [1]}, {"x": 1}):
                    look(**nonsense, is_elsewhere=is_elsewhere)
        before = look(before=words[3].id, limit=2)["messages"]
        self.assertEqual(before, [words[2].id, words[1].id])
        self.assertTrue(self._fill_of("look", guest))
        self.assertFalse(look(search_term="lamp")["messages"])
        self.assertTrue(look()["messages"])

    def test_one_request_asks_for_what_a_page_asks_and_not_for_a_thousand_times_as_much(self):
        asked = []
        rules = type(self.env["im_livechat.channel.rule"])
        match = rules.match_rule

        def note(rule, *args, **kwargs):
            asked.append(args)
            return match(rule, *args, **kwargs)

        self.startPatcher(patch.object(rules, "match_rule", note))
        one = ["init_livechat", self.channel.id]
        for path in ("/mail/data", "/mail/action", "/im_livechat/cors/data"):
            with self.subTest(path=path):
                asked.clear()
                self.assertTrue(self._call(path, fetch_params=[one])["Store"])
                each = len(asked)
                self.assertTrue(each)
                self._call(path, fetch_params=[one] * 300)
                self.assertLessEqual(len(asked), 101 * each)

    def test_a_name_and_typing_have_a_limit_of_their_own(self):
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        guest = chat.channel_member_ids.guest_id
        self._say(chat, guest)

        def rename(name):
            self._call("/mail/guest/update_name", guest_id=guest.id, name=name)
            self.env.invalidate_all()
            return guest.name

        def type_on(is_elsewhere):
            self.env.cr.precommit.run()
            self.env["bus.bus"].search([]).unlink()
            path = "/discuss/channel/notify_typing"
            asked = {"channel_id": chat.id, "is_typing": True}
            if is_elsewhere:
                path = "/im_livechat/cors/channel/notify_typing"
                asked["guest_token"] = guest._format_auth_cookie()
            self._call(path, **asked)
            self.env.cr.precommit.run()
            return bool(self.env["bus.bus"].search_count([("message", "ilike", "typing")]))

        self.assertEqual(rename("Ella"), "Ella")
        self.assertTrue(self._fill_of("look", guest))
        self.assertEqual(rename("Pay at evil.example.com"), "Ella")
        for is_elsewhere in (False, True):
            self.assertTrue(type_on(is_elsewhere))
        self.assertTrue(self._fill_of("here", guest))
        for is_elsewhere in (False, True):
            self.assertFalse(type_on(is_elsewhere))

    def _make_bot(self, channel, **rule):
        bot = self.env["chatbot.script"].create(
            {
                "title": "Bot",
                "script_step_ids": [
                    Command.create({"step_type": "text", "message": "Hello"}),
                    Command.create({"step_type": "forward_operator", "message": "A moment"}),
                ],
            }
        )
        if rule:
            channel.rule_ids = [Command.create({"chatbot_script_id": bot.id, **rule})]
        return bot

    def _walk_with(self, bot, chat):
        """The page of a buyer starts this bot in a chat, and goes on to its last step."""
        asked = {"channel_id": chat.id, "chatbot_script_id": bot.id}
        for step in ("restart", "step/trigger", "step/trigger"):
            self._call(f"/chatbot/{step}", **asked)
        self.env.invalidate_all()

    def test_no_bot_begins_in_a_chat_that_has_an_agent(self):
        """Core lets a buyer start any bot there is, in any chat of its own."""
        self._limit(0)
        agents = self.agent | self._create_agent("second") | self._create_agent("third")
        channel = self._create_channel(agents)
        bot = self._make_bot(channel)
        answer = self._call("/im_livechat/get_session", channel_id=channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        self._say_over_the_route(chat.id)
        seated = self._agent_of(chat)
        self.assertEqual(len(seated), 1)
        decisions = self.env["livechat.dispatch.decision"].search_count([])
        for _time in range(3):
            self._walk_with(bot, chat)
        self.assertEqual(self._agent_of(chat), seated)
        self.assertEqual(chat.livechat_operator_id, seated.partner_id)
        self.assertEqual(self.env["livechat.dispatch.decision"].search_count([]), decisions)

    def test_a_bot_that_begins_anew_opens_no_chat_past_the_door(self):
        channel = self._create_channel(self.agent)
        bot = self._make_bot(channel, sequence=1)
        asked = {"channel_id": channel.id, "chatbot_script_id": bot.id}
        chat = self.env["discuss.channel"].browse(
            self._call("/im_livechat/get_session", **asked)["channel_id"]
        )
        guest = chat.channel_member_ids.guest_id
        self._say_over_the_route(chat.id)
        self._close(chat)
        self.env.flush_all()
        # One chat a channel.
        other = self.env["discuss.channel"].browse(
            self._call("/im_livechat/get_session", **asked)["channel_id"]
        )
        self._walk_with(bot, chat)
        self.assertTrue(chat.livechat_end_dt)
        anew = {"channel_id": chat.id, "chatbot_script_id": bot.id}
        self.assertIn("another", self._call("/chatbot/restart", **anew)["dispatch_refusal"])
        self._close(other)
        self.env.flush_all()
        # It costs what a chat does.
        self.assertTrue(self._fill_of("chat", guest))
        self._walk_with(bot, chat)
        self.assertTrue(chat.livechat_end_dt)
        self.assertIn("wait a minute", self._call("/chatbot/restart", **anew)["dispatch_refusal"])
        self._pass_time(minutes=60)
        self._walk_with(bot, chat)
        self.assertFalse(chat.livechat_end_dt)
        self.assertEqual(self._agent_of(chat), self.agent)
        self.assertEqual(chat.dispatch_address, "203.0.113.7")

    def test_no_message_lets_the_server_look_at_links_without_end(self):
        """Core looks at each link for up to three seconds, and counts those that answer only."""
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        guest = chat.channel_member_ids.guest_id
        looked_at = []
        self.startPatcher(
            patch(
                "odoo.addons.mail.models.mail_link_preview.get_link_preview_from_url",
                lambda url, session=None: looked_at.append(url),
            )
        )

        def preview(count, author=guest):
            links = "".join(f'<a href="https://{n}.example.com">x</a>' for n in range(count))
            message = self._say(chat, author, Markup(links))
            self.env.flush_all()
            looked_at.clear()
            token = guest._format_auth_cookie()
            for path, more in (
                ("/mail/link_preview", {}),
                ("/im_livechat/cors/link_preview", {"guest_token": token}),
            ):
                self._call(path, message_id=message.id, **more)
            return len(looked_at)

        self.assertEqual(preview(2), 0, "nobody has answered")
        self._say(chat, self.agent)
        self.assertEqual(preview(2), 4)
        self.assertEqual(preview(200), 0)
        self.assertTrue(self._fill_of("preview", guest))
        self.assertEqual(preview(2), 0)
        self.channel.dispatch_mode = "native"
        self.assertEqual(preview(7), 14, "as without us")

    def test_an_employees_links_are_looked_at_as_without_us(self):
        employee = new_test_user(self.env, "clerk", "base.group_user", password="sesame-open")
        looked_at = []
        self.startPatcher(
            patch(
                "odoo.addons.mail.models.mail_link_preview.get_link_preview_from_url",
                lambda url, session=None: looked_at.append(url),
            )
        )
        links = "".join(f'<a href="https://{n}.example.com">x</a>' for n in range(7))
        contact = employee.partner_id
        message = contact.message_post(body=Markup(links), author_id=contact.id)
        self.authenticate("clerk", "sesame-open")
        self._call("/mail/link_preview", message_id=message.id)
        self.assertEqual(len(looked_at), 7)

    def test_an_agent_is_told_of_pages_only_where_a_buyer_says_it_was(self):
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        pages = ["https://shop.example.com/a", "javascript:alert(1)", " data:x", 5, "y" * 5000]
        pages += [f"https://shop.example.com/{number}" for number in range(100)]
        self.env.cr.precommit.run()
        self.env["bus.bus"].search([]).unlink()
        ask = {"pid": self.agent.partner_id.id, "channel_id": chat.id}
        for history in (pages, {"a": 1}, "https://shop.example.com/b"):
            self._call("/im_livechat/history", **ask, page_history=history)
        self.env.cr.precommit.run()
        told = "".join(self.env["bus.bus"].search([]).mapped("message"))
        self.assertIn("shop.example.com/a", told)
        for wrong in ("javascript", "data:", "yyyy", "shop.example.com/50", "shop.example.com/b"):
            self.assertNotIn(wrong, told)

    def test_a_transcript_is_printed_so_often_and_no_more(self):
        answer = self._call("/im_livechat/get_session", channel_id=self.channel.id)
        chat = self.env["discuss.channel"].browse(answer["channel_id"])
        guest = chat.channel_member_ids.guest_id
        reports = type(self.env["ir.actions.report"])
        self.startPatcher(
            patch.object(reports, "_render_qweb_pdf", lambda *args, **kwargs: (b"pdf", "pdf"))
        )

        def load(cors=""):
            token = f"?guest_token={guest._format_auth_cookie()}" if cors else ""
            return self.url_open(
                f"/im_livechat/{cors}download_transcript/{chat.id}{token}", headers=self.forwarded
            )

        for cors in ("", "cors/"):
            with self.subTest(cors=cors):
                self.assertEqual(load(cors).content, b"pdf")
                self.assertTrue(self._fill_of("transcript", guest))
                answer = load(cors)
                self.assertEqual(answer.status_code, 429)
                self.assertIn("wait a minute", answer.text)
                self._pass_time(minutes=60)

    def test_leaving_a_message_has_a_limit(self):
        self.channel.write(
            {"queue_enabled": True, "max_sessions_mode": "limited", "max_sessions": 1}
        )
        self._come(self.channel)
        self._ask()
        chat = self.env["discuss.channel"].search([], order="id desc", limit=1)
        self._say(chat, chat.channel_member_ids.guest_id)
        self.assertEqual(chat.dispatch_state, "queued")
        self._limit(1)
        leave = "/im_livechat_subaccount/leave_message"
        self.assertFalse(self._call(leave, channel_id=self.channel.id))
        self.assertTrue(self._call(leave, channel_id=chat.id))
        self.assertFalse(self._call(leave, channel_id=chat.id))

    def test_the_activation_page_asks_to_wait(self):
        self._limit(1)
        pages = [
            self.url_open("/livechat/activate/none", headers=self.forwarded) for _time in range(2)
        ]
        self.assertEqual(pages[0].status_code, 404)
        answer = pages[1]
        self.assertEqual(answer.status_code, 429)
        self.assertIn("wait a minute", answer.text)

    def test_an_address_of_ipv6_is_its_network(self):
        for text, known in (
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("fe80::1%eth0", "fe80::/64"),
            ("unknown", None),
            (None, None),
            ("127.0.0.1", None),
            ("::1", None),
            ("::ffff:127.0.0.1", None),
        ):
            with self.subTest(text=text):
                self.assertEqual(door.read_address(text), known)

    def test_a_pool_and_a_line_have_an_end_by_default(self):
        self.assertEqual(self.channel.queue_limit, 100)
        channel = self._create_channel(self._create_agent("gone"), offline_rule="pool")
        self._set_online(channel.user_ids, "offline")
        first = self._come(channel)
        self.assertEqual(first.dispatch_state, "pool")
        self.env["discuss.channel"].create(
            [
                {
                    "name": "Kept",
                    "channel_type": "livechat",
                    "livechat_channel_id": channel.id,
                    "livechat_operator_id": channel.reception_partner_id.id,
                    "dispatch_state": "pool",
                    "dispatch_queued_at": first.dispatch_queued_at,
                }
                for _buyer in range(route.POOL_PLACES - 1)
            ]
        )
        self.assertFalse(channel._is_livechat_available())
        self.assertFalse(self._come(channel))
        self._close(first)
        self.assertTrue(channel._is_livechat_available())
        guest = self._create_guest()
        late = self._come(channel, guest, has_words=False)
        self.assertEqual(self._come(channel).dispatch_state, "pool")
        # Whose window was open before, and who writes when nothing can be kept any more, reads so.
        self._say(late, guest, "Is the lamp in stock?")
        self.assertTrue(late.livechat_end_dt)
        self.assertIn("no more messages can be taken", late.message_ids[:1].body)
        self.assertFalse(late.message_ids.filtered(lambda line: "Visitor left" in line.body))
