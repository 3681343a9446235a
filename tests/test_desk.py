"""What an agent's desk is told: whom a word is owed, since when, and what the bar says."""

from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.exceptions import ValidationError
from odoo.tests import HttpCase, tagged

from odoo.addons.mail.tools.discuss import Store

from .common import DispatchCommon, create_user


class DeskCommon(DispatchCommon):
    """Maria and Omar serve a channel; Ada has a chat with Maria."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.maria = cls._create_agent("desk_maria", password="desk_maria")
        cls.omar = cls._create_agent("desk_omar")
        cls.channel = cls._create_channel(
            cls.maria, no_reply_seconds=300, max_sessions_mode="limited", max_sessions=2
        )
        cls.guest = cls._create_guest("Ada")
        cls.chat = cls._come(cls.channel, cls.guest)

    def _clock(self, chat=None):
        return (chat or self.chat)._get_reply_clock()

    def _at(self, moment):
        return patch.object(fields.Datetime, "now", lambda *args: moment)


@tagged("post_install", "-at_install")
class TestReplyClock(DeskCommon):
    def test_it_goes_from_the_buyers_first_word_until_a_person_answers(self):
        self.assertFalse(self._clock())
        now = fields.Datetime.now().replace(microsecond=0)
        with self._at(now + timedelta(seconds=10)):
            self._say(self.chat, self.guest)
        clock = {"since": fields.Datetime.to_string(now + timedelta(seconds=10)), "limit": 300}
        self.assertEqual(self._clock(), clock)
        with self._at(now + timedelta(seconds=20)):
            self._say(self.chat, self.guest, "Hello?")
        self.assertEqual(self._clock(), clock)

        # Neither the desk nor a colleague who looks in, nor a note of the system, is an answer.
        self._say(self.chat, self.env.ref("base.user_root"), "Somebody comes soon")
        self._say(self.chat, self.omar, "Which lamp?")
        self.chat.message_post(body="Ada has left", message_type="notification")
        self.assertEqual(self._clock(), clock)

        self._say(self.chat, self.maria, "Here I am")
        self.assertFalse(self._clock())

    def test_its_limit_is_that_of_the_word_that_is_owed(self):
        self._say(self.chat, self.guest)
        self.channel.silence_seconds = 120
        self.assertEqual(self._clock()["limit"], 300)
        self._say(self.chat, self.maria)
        self._say(self.chat, self.guest)
        self.assertEqual(self._clock()["limit"], 120)
        # One limit is a measure for both kinds of word, and none is none.
        self.channel.silence_seconds = 0
        self.assertEqual(self._clock()["limit"], 300)
        self.channel.no_reply_seconds = 0
        self.assertEqual(self._clock()["limit"], 0)
        self.channel.no_reply_seconds = 300
        self.chat.dispatch_is_away = True
        self.assertEqual(self._clock()["limit"], 0)

    def test_it_is_of_the_agents_turn_and_ends_with_the_chat(self):
        self._say(self.chat, self.guest)
        later = fields.Datetime.now().replace(microsecond=0) + timedelta(seconds=60)
        self.channel.user_ids |= self.omar
        with self._at(later):
            self.chat._hand_over(self.maria, self.omar)
        self.assertEqual(self._clock()["since"], fields.Datetime.to_string(later))
        self._close(self.chat)
        self.assertFalse(self._clock())

    def test_a_native_channel_has_none(self):
        self.channel.dispatch_mode = "native"
        data = Store().add(self.chat.with_user(self.maria)).get_result()
        self.assertNotIn("dispatch_clock", data["discuss.channel"][0])

    def test_agents_pages_are_told_when_it_begins_and_ends_and_buyers_pages_are_not(self):
        self._forget_bus()
        self._say(self.chat, self.guest)
        self._say(self.chat, self.maria)
        self._close(self.chat)

        told = [
            (channel, thread["dispatch_clock"])
            for channel, kind, payload in self._read_bus()
            if kind == "mail.record/insert"
            for thread in payload.get("discuss.channel", [])
            if "dispatch_clock" in thread
        ]

        self.assertEqual([bool(clock) for _channel, clock in told], [True, False])
        for channel, _clock in told:
            self.assertEqual(channel[-1], "internal_users")

    def test_an_agent_is_told_the_clock_with_the_buyers_first_words(self):
        """By its own bus channel: that of the chat its page may not listen to yet."""
        self._forget_bus()
        guest = self._create_guest("Bea")
        chat = self._come(self.channel, guest)
        self._say(chat, guest, "Is the lamp in stock?")
        told = [
            channel["dispatch_clock"]["since"]
            for bus_channel, kind, payload in self._read_bus()
            if kind == "discuss.channel/new_message"
            and ["res.partner", self.maria.partner_id.id] == bus_channel[1:3]
            for channel in payload["data"]["discuss.channel"]
            if channel["id"] == chat.id and "dispatch_clock" in channel
        ]
        self.assertEqual(told, [fields.Datetime.to_string(chat.dispatch_asked_at)])

    def test_the_chats_of_an_agent_come_with_their_clocks_and_a_buyers_without(self):
        self._say(self.chat, self.guest)
        data = Store().add(self.chat.with_user(self.maria)).get_result()
        (thread,) = data["discuss.channel"]
        self.assertEqual(thread["dispatch_clock"], self._clock())
        public = self.env.ref("base.public_user")
        chat = self.chat.with_user(public).with_context(guest=self.guest)
        data = Store(bus_channel=self.guest).add(chat).get_result()
        self.assertNotIn("dispatch_clock", data["discuss.channel"][0])

    def _count_queries(self, chats):
        chats = chats.with_user(self.maria)
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        Store().add(chats).get_result()
        return self.env.cr.sql_log_count - before

    def test_many_chats_cost_no_query_more_than_one_and_others_none(self):
        self.channel.max_sessions_mode = "unlimited"
        chats = self.chat.union(*(self._come(self.channel) for _chat in range(9)))
        for chat in chats:
            self._say(chat, chat.livechat_customer_history_ids.guest_id)
        group = (
            self.env["discuss.channel"]
            .with_user(self.maria)
            ._create_group(self.omar.partner_id.ids)
        )
        channels = type(self.env["discuss.channel"])

        def count(*args):
            self._count_queries(*args)  # What a process remembers.
            ours = self._count_queries(*args)
            with patch.object(channels, "_list_clocks_to_store", lambda chats: []):
                return ours, self._count_queries(*args)

        ours, without = count(group)
        self.assertEqual(ours, without)
        one, without = count(chats[0])
        many, many_without = count(chats)
        self.assertLessEqual(one, without + 1)
        self.assertEqual(many - many_without, one - without)


@tagged("post_install", "-at_install")
class TestBar(DeskCommon):
    def _status(self):
        return self.env["res.users"].with_user(self.maria).get_dispatch_status()

    def _is_told(self):
        partner = self.maria.partner_id.id
        return any(
            kind == "livechat_dispatch/status" and partner in channel
            for channel, kind, _payload in self._read_bus()
        )

    def test_it_counts_whole_chats_and_says_which_are_quiet_and_when_it_is_full(self):
        status = self._status()
        self.assertEqual((status["chats"], status["quiet"], status["full"]), (1, 0, False))
        self.chat.last_interest_dt -= timedelta(minutes=20)
        status = self._status()
        self.assertEqual(
            (status["chats"], status["quiet"], status["load"], status["full"]), (1, 1, 0.5, False)
        )
        self._come(self.channel)
        status = self._status()
        self.assertEqual((status["chats"], status["load"], status["full"]), (2, 1.5, True))
        self.channel.max_sessions_mode = "unlimited"
        self.assertFalse(self._status()["full"])
        self.maria.dispatch_overloaded = True
        self.assertTrue(self._status()["full"])

    def test_whoever_is_here_now_looks_again_why_no_buyers_came(self):
        why = self.env["res.users"].with_user(self.maria).get_why_no_buyers
        self._set_online(self.maria, "offline")
        self.assertTrue(why())
        self._forget_bus()
        self.env["mail.presence"]._update_presence(self.maria)
        self.assertTrue(self._is_told())
        self.assertFalse(why())

    def test_whoever_comes_to_a_channel_or_leaves_it_in_any_way_is_told(self):
        self._forget_bus()
        another = self._create_channel(self.maria)
        self.assertTrue(self._is_told())
        self._forget_bus()
        another.unlink()
        self.assertTrue(self._is_told())
        shrinks = {
            "leaves": lambda: self.channel.with_user(self.maria).action_quit(),
            "is taken out": lambda: self.channel.write({"user_ids": [Command.clear()]}),
            "is taken out from the other side": lambda: self.maria.write(
                {"livechat_channel_ids": [Command.clear()]}
            ),
            "loses the right": lambda: self.maria.write(
                {"group_ids": [Command.unlink(self.receive_group.id)]}
            ),
            "the channel is left to Odoo": lambda: self.channel.write({"dispatch_mode": "native"}),
        }
        for how, leave in shrinks.items():
            with self.subTest(how):
                self._forget_bus()
                leave()
                self.assertTrue(self._is_told())
            self._forget_bus()
            self.channel.dispatch_mode = "share"
            self.maria.group_ids |= self.receive_group
            self.channel.user_ids |= self.maria
            self.assertTrue(self._is_told())

    def test_an_end_before_the_first_answer_is_told_to_its_agent(self):
        """Whose page may not listen to the chat yet."""

        def read_ends():
            return [
                thread["livechat_end_dt"]
                for bus_channel, kind, payload in self._read_bus()
                if kind == "mail.record/insert"
                and ["res.partner", self.maria.partner_id.id] == bus_channel[1:3]
                for thread in payload.get("discuss.channel", [])
                if "livechat_end_dt" in thread
            ]

        self._say(self.chat, self.guest)
        answered = self._come(self.channel)
        self._say(answered, answered.livechat_customer_history_ids.guest_id)
        self._say(answered, self.maria)
        self._forget_bus()
        self.chat._close_livechat_session()
        self.assertEqual(read_ends(), [fields.Datetime.to_string(self.chat.livechat_end_dt)])
        self._forget_bus()
        answered._close_livechat_session()
        self.assertTrue(answered.livechat_end_dt)
        self.assertEqual(read_ends(), [])


@tagged("post_install", "-at_install")
class TestDeskRequests(DeskCommon, HttpCase):
    def _ask_owed(self, login, known=None):
        self.authenticate(login, login)
        question = ["livechat_dispatch_owed", known] if known else "livechat_dispatch_owed"
        return self.make_jsonrpc_request("/mail/data", {"fetch_params": [question]})

    def _ask(self, login):
        answer = self._ask_owed(login)
        chats = [thread["id"] for thread in answer.get("discuss.channel", [])]
        return sorted(chats), answer["Store"].get("livechat_dispatch_now")

    def test_a_page_that_is_loaded_anew_asks_in_which_chats_its_agent_owes_a_word(self):
        self.channel.max_sessions = 5
        self.channel.user_ids |= self.omar
        owed = self.chat
        self._say(owed, self.guest)
        answered, over, colleagues = (self._come(self.channel) for _chat in range(3))
        for chat in (answered, over, colleagues):
            if self._agent_of(chat) != self.maria and chat != colleagues:
                chat._hand_over(self.omar, self.maria)
            self._say(chat, chat.livechat_customer_history_ids.guest_id)
        if self._agent_of(colleagues) == self.maria:
            colleagues._hand_over(self.maria, self.omar)
        self._say(answered, self.maria)
        self._close(over)

        chats, now = self._ask("desk_maria")

        self.assertEqual(chats, owed.ids)
        self.assertTrue(now)
        # Who has no live chats is told of none.
        create_user(self.env, "desk_nobody", "base.group_user", password="desk_nobody")
        self.assertEqual(self._ask("desk_nobody")[0], [])

    def test_a_page_hears_of_each_chat_that_it_takes_to_be_owed_a_word(self):
        self._say(self.chat, self.guest)
        lost, strange = self._open_chat(self.channel, self.omar), 2**31 - 1
        held = self._open_chat(self.channel, self.maria, dispatch_state="assigned")
        self._say(held, self.guest)
        until = fields.Datetime.now() + timedelta(hours=1)
        held.with_user(self.maria).action_hold(fields.Datetime.to_string(until))
        known = [self.chat.id, held.id, lost.id, strange, -1, 2**40, "x", None, [1], {}]

        answer = self._ask_owed("desk_maria", known)

        told = {thread.pop("id"): thread for thread in answer["discuss.channel"]}
        self.assertTrue(told.pop(self.chat.id)["dispatch_clock"])
        # As of a chat that there is not: nothing is said of whose it is.
        nothing = {"dispatch_clock": False, "dispatch_proposal": False}
        self.assertEqual(
            told,
            {
                held.id: {**nothing, "dispatch_held_until": fields.Datetime.to_string(until)},
                lost.id: nothing,
                strange: nothing,
            },
        )
        for nothing in ({}, {"1": 1}, "x", 7, True):
            self.assertTrue(self._ask_owed("desk_maria", nothing)["discuss.channel"])

    def test_pages_of_agents_know_when_ended_chats_are_laid_aside(self):
        settings = self.env["res.config.settings"]
        self.authenticate("desk_maria", "desk_maria")

        def read():
            return self.make_jsonrpc_request("/web/session/get_session_info")

        self.assertEqual(read()["livechat_laid_aside"], 5)
        settings.create({"dispatch_laid_aside_minutes": 0}).execute()
        self.assertEqual(read()["livechat_laid_aside"], 0)
        for senseless in (-1, 1441):
            with self.assertRaises(ValidationError):
                settings.create({"dispatch_laid_aside_minutes": senseless}).execute()
        for nonsense in ("soon", "-5", "1441"):
            self.env["ir.config_parameter"].set_param(
                "im_livechat_subaccount.laid_aside_minutes", nonsense
            )
            self.assertEqual(read()["livechat_laid_aside"], 5)
