"""A chat that rests: on hold until a moment, or silent until it closes by itself."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ..models.waiting import im_livechat_channel
from .common import create_user
from .test_desk import DeskCommon


@tagged("post_install", "-at_install")
class TestHold(DeskCommon):
    def setUp(self):
        super().setUp()
        self.channel.user_ids |= self.omar
        self._say(self.chat, self.guest)
        self.now = fields.Datetime.now()
        self.until = self.now + timedelta(hours=2)

    def _hold(self, until=None, user=None):
        moment = fields.Datetime.to_string(until or self.until)
        return self.chat.with_user(user or self.maria).action_hold(moment)

    def _run_at(self, **later):
        with self._at(self.now + timedelta(**later)):
            self.env["im_livechat.channel"]._run_dispatch_timers()

    def test_nobody_is_hurried_before_the_moment_and_the_agent_is_reminded_then(self):
        self._hold()
        self.assertFalse(self._clock())
        self._run_at(hours=1)
        self.assertEqual(self._agent_of(self.chat), self.maria)
        self._forget_bus()
        self._run_at(hours=2)
        rings = [load for _to, kind, load in self._read_bus() if kind == "livechat_dispatch/ring"]
        self.assertEqual(
            [(ring["id"], ring["note"]) for ring in rings], [(self.chat.id, "No longer on hold")]
        )
        # From now on the buyer waits as for any word, and no longer than any buyer.
        due = fields.Datetime.to_string(self.until)
        self.assertEqual(self._clock(), {"since": due, "limit": 300})
        self._run_at(hours=2, minutes=4)
        self.assertEqual(self._agent_of(self.chat), self.maria)
        self._run_at(hours=2, minutes=6)
        self.assertEqual(self._agent_of(self.chat), self.omar)
        self.assertFalse(self.chat.dispatch_reminded_at)

    def test_who_had_the_last_word_is_reminded_until_it_writes(self):
        self._say(self.chat, self.maria, "I ask the workshop.")
        self._hold()
        self._run_at(hours=3)
        owed = self.env["discuss.channel"].with_user(self.maria)._find_owed()
        self.assertEqual(owed, self.chat)
        self.assertEqual(self._clock()["limit"], 0)
        self._say(self.chat, self.maria, "It is mended.")
        self.assertFalse(self._clock())

    def test_an_agent_who_goes_home_keeps_what_is_on_hold_until_its_buyer_writes(self):
        self._hold()
        self._set_online(self.maria, "offline")
        self._run_at(minutes=10)
        self.assertEqual(self._agent_of(self.chat), self.maria)
        self._say(self.chat, self.guest, "Hello?")
        self.assertEqual(self._agent_of(self.chat), self.omar)
        self.assertFalse(self.chat.dispatch_held_until)

    def test_who_writes_before_its_agent_is_missed_is_given_to_another_as_well(self):
        self._hold()
        self._say(self.chat, self.guest, "Hello?")
        self._set_online(self.maria, "offline")
        self._run_at(minutes=10)
        self.assertEqual(self._agent_of(self.chat), self.omar)

    def test_the_daily_cleaning_leaves_what_has_an_end_of_its_own(self):
        self._say(self.chat, self.maria, "I ask the workshop.")
        self._hold(self.now + timedelta(days=5))
        self._clean_up_after_days(self.chat)
        self.assertFalse(self.chat.livechat_end_dt)
        self._run_at(days=5)
        self.assertTrue(self.chat.dispatch_reminded_at)
        self._clean_up_after_days(self.chat)
        self.assertFalse(self.chat.livechat_end_dt)
        self._say(self.chat, self.maria, "It is mended.")
        self.channel.close_after_hours = 72
        self._clean_up_after_days(self.chat)
        self.assertFalse(self.chat.livechat_end_dt)
        self.channel.close_after_hours = 0
        self._clean_up_after_days(self.chat)
        self.assertTrue(self.chat.livechat_end_dt)

    def _clean_up_after_days(self, chat):
        """Core's daily cleaning of chats in which everybody has read everything days ago."""
        chat.last_interest_dt = chat.channel_member_ids.last_seen_dt = self.now - timedelta(days=2)
        chat.channel_member_ids.new_message_separator = max(chat.message_ids.ids) + 1
        chat.channel_member_ids.unpin_dt = False
        self.env.flush_all()
        self.env["discuss.channel"]._gc_bot_only_ongoing_sessions()
        self.env["discuss.channel.member"]._gc_unpin_livechat_sessions()

    def test_it_ends_by_hand(self):
        self._hold()
        with self._at(self.now + timedelta(hours=1)):
            self.chat.with_user(self.maria).action_end_hold()
        # From then on, as if the buyer had just asked.
        since = fields.Datetime.to_string(self.now + timedelta(hours=1))
        self.assertEqual(self._clock(), {"since": since, "limit": 300})
        self._run_at(hours=1, minutes=4)
        self.assertEqual(self._agent_of(self.chat), self.maria)
        self._say(self.chat, self.maria, "I ask the workshop.")
        self._hold(self.now + timedelta(hours=3))
        self.chat.with_user(self.maria).action_end_hold()
        self.assertFalse(self._clock())

    def test_only_its_agent_and_the_managers_put_a_chat_on_hold(self):
        with self.assertRaises(AccessError):
            self._hold(user=self.omar)
        with self.assertRaises(AccessError):
            self._hold(user=create_user(self.env, "hold_portal", "base.group_portal"))
        self.assertFalse(self.chat.dispatch_held_until)
        self._close(self.chat)
        with self.assertRaises(UserError):
            self._hold()

    def test_what_is_no_moment_ahead_is_refused_with_a_sentence(self):
        for moment in (None, 7, "soon", {}, "1970-01-01", self.now, self.now + timedelta(days=40)):
            with self.subTest(moment=moment), self.assertRaises(ValidationError):
                self.chat.with_user(self.maria).action_hold(moment)
        with self.assertRaises(UserError):
            (self.chat | self._come(self.channel)).with_user(self.maria).action_hold(self.until)


@tagged("post_install", "-at_install")
class TestSilence(DeskCommon):
    def setUp(self):
        super().setUp()
        self.channel.close_after_hours = 24
        self._say(self.chat, self.guest)
        self._say(self.chat, self.maria, "Yes, it is.")
        self.now = fields.Datetime.now()

    def _run_at(self, **later):
        with self._at(self.now + timedelta(**later)):
            self.env["discuss.channel"]._close_silent()

    def _lines(self):
        lines = self.chat.message_ids.filtered(lambda line: line.message_type == "notification")
        return "\n".join(lines.sorted("id").mapped("body"))

    def test_a_chat_without_a_word_closes_and_its_buyer_is_told_before(self):
        self._run_at(hours=22)
        self.assertNotIn("closes", self._lines())
        self._run_at(hours=23, minutes=1)
        self.assertIn("This chat closes in an hour", self._lines())
        self._run_at(hours=23, minutes=50)
        self._run_at(hours=24)
        # An hour after it was told.
        self.assertFalse(self.chat.livechat_end_dt)
        self._run_at(hours=24, minutes=1)
        self.assertTrue(self.chat.livechat_end_dt)
        self.assertIn("write to open it again", self._lines())
        self.assertEqual(self._lines().count("closes in an hour"), 1)
        self.assertEqual(self.chat.livechat_failure, "no_failure")

    def test_the_buyer_reads_in_one_line_who_ended_the_chat(self):
        self.chat.with_user(self.maria).action_unfollow()
        self.assertTrue(self.chat.livechat_end_dt)
        self.assertIn(f"{self.maria.name} has ended the chat", self._lines())
        self.assertNotIn("channel-left", self._lines())

    def test_a_late_timer_tells_late_and_closes_later(self):
        self._run_at(hours=40)
        self.assertFalse(self.chat.livechat_end_dt)
        self._run_at(hours=40, minutes=30)
        self.assertFalse(self.chat.livechat_end_dt)
        self._run_at(hours=41)
        self.assertTrue(self.chat.livechat_end_dt)

    def test_a_word_keeps_it_open_and_who_waits_is_never_closed(self):
        self._run_at(hours=23, minutes=1)
        with self._at(self.now + timedelta(hours=23, minutes=30)):
            self._say(self.chat, self.maria, "Anything else?")
        self._run_at(hours=30)
        self.assertFalse(self.chat.livechat_end_dt)
        with self._at(self.now + timedelta(hours=31)):
            self._say(self.chat, self.guest, "One more question")
        for hours in (60, 62, 700):
            self._run_at(hours=hours)
        self.assertFalse(self.chat.livechat_end_dt)

    def test_what_was_never_answered_or_is_on_hold_stays_open(self):
        bo = self._create_guest("Bo")
        unheard = self._come(self.channel, bo)
        self._say(unheard, bo)
        until = fields.Datetime.to_string(self.now + timedelta(days=20))
        self.chat.with_user(self.maria).action_hold(until)
        for hours in (60, 62, 400):
            self._run_at(hours=hours)
        self.assertFalse((unheard | self.chat).filtered("livechat_end_dt"))

    def test_after_a_hold_the_buyer_is_told_anew(self):
        self._run_at(hours=23, minutes=1)
        until = fields.Datetime.to_string(self.now + timedelta(days=3))
        with self._at(self.now + timedelta(hours=23, minutes=10)):
            self.chat.with_user(self.maria).action_hold(until)
        with self._at(self.now + timedelta(hours=30)):
            self.chat.with_user(self.maria).action_end_hold()
        self._run_at(hours=30, minutes=1)
        self.assertFalse(self.chat.livechat_end_dt)
        self.assertEqual(self._lines().count("closes in an hour"), 2)

    def test_a_chat_for_which_a_colleague_is_to_come_stays_open(self):
        self.chat.livechat_status = "need_help"
        for hours in (60, 62):
            self._run_at(hours=hours)
        self.assertFalse(self.chat.livechat_end_dt)

    def test_silence_is_no_work(self):
        self._close_silently()
        turn = self.env["livechat.dispatch.decision"].search(
            [("discuss_channel_id", "=", self.chat.id), ("ended_at", "!=", False)]
        )
        self.assertLess(turn.handling_seconds, 3600)
        self.patch(im_livechat_channel, "_ENOUGH_SERVICES", 1)
        self.env.flush_all()
        self.assertLess(self.channel._get_pace(self.env["livechat.dispatch.group"])[0], 3600)

    def test_who_comes_back_to_read_changes_nothing_and_a_word_opens_the_chat(self):
        self._say(self.chat, self.guest, "Hello?")
        self.chat.livechat_failure = "no_answer"
        self._close(self.chat)
        names = ["livechat_end_dt", "livechat_failure", "dispatch_state", "dispatch_asked_at"]
        before = self.chat.read(names)
        no_account = self.env["res.partner"]
        self.assertEqual(self.chat._return(no_account, self.guest), self.chat)
        self._run_at(minutes=5)
        self.env["im_livechat.channel"]._run_dispatch_timers()
        self.assertEqual(self.chat.read(names), before)
        self._say(self.chat, self.guest, "Is anybody there?")
        self.assertFalse(self.chat.livechat_end_dt)
        self.assertEqual(self._agent_of(self.chat), self.maria)

    def test_nothing_closes_by_itself_unless_the_shop_wants_it(self):
        self.channel.close_after_hours = 0
        for hours in (23, 25, 9999):
            self._run_at(hours=hours)
        self.assertFalse(self.chat.livechat_end_dt)

    def _close_silently(self):
        self._run_at(hours=30)
        self._run_at(hours=32)
        self.assertTrue(self.chat.livechat_end_dt)

    def test_its_buyer_opens_it_again_by_writing_and_gets_the_same_agent(self):
        self._close_silently()
        self.assertFalse(self.chat.dispatch_seat_partner_ids)
        self._say(self.chat, self.maria, "Good bye.")
        self.assertTrue(self.chat.livechat_end_dt)
        self._say(self.chat, self.guest, "It has broken!")
        self.assertFalse(self.chat.livechat_end_dt)
        self.assertEqual(self._agent_of(self.chat), self.maria)
        self.assertTrue(self.chat.dispatch_asked_at)
        self.assertEqual(self._clock()["limit"], 300)

    def test_who_writes_while_nobody_has_room_waits_in_line(self):
        self.channel.write({"queue_enabled": True, "max_sessions": 1})
        self._close_silently()
        self._come(self.channel)
        self._say(self.chat, self.guest, "It has broken!")
        self.assertFalse(self.chat.livechat_end_dt)
        self.assertEqual(self.chat.dispatch_state, "queued")
        self.assertFalse(self._agent_of(self.chat))

    def test_what_an_agent_closed_or_is_long_over_or_has_a_successor_stays_closed(self):
        closed = self._come(self.channel, self._create_guest("Bo"))
        self._close(closed)
        self.assertFalse(closed._reopens())
        self._close_silently()
        self.assertTrue(self.chat._reopens())
        with self._at(self.now + timedelta(days=20)):
            self.assertFalse(self.chat._reopens())
        self._come(self.channel, self.guest)
        self._say(self.chat, self.guest, "Hello?")
        self.assertTrue(self.chat.livechat_end_dt)
