import runpy
from datetime import timedelta

from odoo import fields
from odoo.tests import tagged
from odoo.tools import file_path

from odoo.addons.mail.tests.common import freeze_all_time

from .common import DispatchCommon


@tagged("post_install", "-at_install")
class TestTurns(DispatchCommon):
    """A chat is unanswered when the last word is the buyer's, and the present agent has not written
    since the chat is theirs."""

    def setUp(self):
        super().setUp()
        self.agents = self.env["res.users"].union(
            *(self._create_agent(f"agent{number}") for number in range(3))
        )
        self.channel = self._create_channel(self.agents, no_reply_seconds=60)
        self.now = fields.Datetime.now()
        self.guest = self._create_guest()
        with self._at(0):
            self.chat = self._come(self.channel, self.guest)
            self._say(self.chat, self.guest, "Is it in stock?")
        self.first = self._agent_of(self.chat)
        self.second, self.third = self.agents - self.first

    def _at(self, seconds):
        return freeze_all_time(self.now + timedelta(seconds=seconds))

    def _write(self, seconds, author, body="Hello"):
        with self._at(seconds):
            self._say(self.chat, author, body)
            self.env.flush_all()

    def _give(self, seconds, giver, taker):
        with self._at(seconds):
            self.chat.with_user(giver).transfer("knowledge", user_id=taker.id)
            self.env.flush_all()

    def _run_timers(self, seconds):
        """Let the timers run at a moment; who has the chat then."""
        with self._at(seconds):
            self.env.flush_all()
            self.env["discuss.channel"]._reassign_unanswered()
            self.env["discuss.channel"]._leave_absent_agents()
            self.env.flush_all()
            return self._agent_of(self.chat)

    def test_after_a_transfer_the_clock_runs_for_the_new_agent(self):
        self._write(10, self.first, "A colleague knows that.")
        self._write(20, self.guest, "Then let me talk to the colleague.")
        self._give(100, self.first, self.second)
        self.assertEqual(self._run_timers(159), self.second)
        self.assertEqual(self._run_timers(161), self.third)
        self.assertEqual(self.agents.mapped("dispatch_miss_count").count(1), 1)
        self.assertEqual(self.second.dispatch_miss_count, 1)

    def test_who_need_not_answer_is_not_hurried(self):
        self._write(10, self.first, "A colleague will write to you.")
        self._give(20, self.first, self.second)
        self.assertEqual(self._run_timers(3600), self.second)
        # From here on the buyer waits, and for no longer than that.
        self._write(3600, self.guest, "Are you there?")
        self.assertEqual(self._run_timers(3659), self.second)
        self.assertEqual(self._run_timers(3661), self.third)

    def test_who_has_written_since_the_chat_is_theirs_has_answered(self):
        self._write(10, self.first)
        self._give(20, self.first, self.second)
        self._write(30, self.second, "Good morning!")
        self._write(40, self.guest, "Is it in stock?")
        self.assertEqual(self._run_timers(3600), self.second)
        self._give(3600, self.second, self.first)
        # What the first agent said before was another turn.
        self.assertEqual(self._run_timers(3661), self.third)

    def test_silence_after_an_answer_gives_the_chat_to_another_agent_and_pauses_nobody(self):
        self._write(10, self.first)
        self._write(20, self.guest, "And in red?")
        # Off by default.
        self.assertEqual(self._run_timers(86_000), self.first)
        self.channel.silence_seconds = 300
        self.assertEqual(self._run_timers(319), self.first)
        self.first.dispatch_miss_count = 2
        self.assertNotEqual(taker := self._run_timers(321), self.first)
        self.assertFalse(self.first.dispatch_paused)
        self.assertEqual(self.first.dispatch_miss_count, 2)
        record = self.chat.dispatch_decision_ids[:1]
        self.assertEqual((record.kind, record.previous_user_id), ("reassign", self.first))
        self.env["livechat.dispatch.total"]._count()
        totals = self.env["livechat.dispatch.total"].search([("user_id", "=", self.first.id)])
        self.assertEqual(sum(totals.mapped("unanswered")), 1)
        # A new turn begins, and its first word is watched by the other clock.
        self.assertNotIn(self._run_timers(382), (self.first, taker))
        self.assertEqual(taker.dispatch_miss_count, 1)

    def test_silence_runs_from_the_buyers_first_word_that_waits(self):
        self.channel.write({"silence_seconds": 100, "no_reply_seconds": 0})
        # Nobody has answered yet: that is the other clock's.
        self.assertEqual(self._run_timers(3600), self.first)
        self._write(3600, self.first)
        # The last word is the agent's.
        self.assertEqual(self._run_timers(7200), self.first)
        self._write(7200, self.guest, "And in red?")
        self._write(7290, self.guest, "Hello?")
        self.assertEqual(self._run_timers(7299), self.first)
        self._write(7299, self.first, "Yes.")
        self.assertEqual(self._run_timers(7400), self.first)
        self._write(7400, self.guest, "And in blue?")
        self.assertNotEqual(self._run_timers(7501), self.first)

    def test_with_nobody_else_silence_leaves_the_chat_and_who_comes_gets_it(self):
        self.channel.write({"silence_seconds": 100, "user_ids": self.first.ids})
        self._write(10, self.first)
        self._write(20, self.guest, "And in red?")
        self.assertEqual(self._run_timers(121), self.first)
        # For this agent it is one silence, however often somebody else was looked for.
        self.assertEqual(self.chat.dispatch_assigned_at, self.now)
        self.channel.user_ids |= self.second
        self.assertEqual(self._run_timers(182), self.second)

    def test_what_a_bot_or_a_colleague_who_looks_in_says_is_no_answer(self):
        stranger = self._create_agent("stranger")
        self._write(10, stranger, "Good question")
        self.assertTrue(self.chat.dispatch_asked_at)
        self.assertFalse(self.chat.dispatch_answered_at)
        self.assertNotEqual(self._run_timers(61), self.first)

    def test_the_absent_agent_of_a_chat_that_was_answered_owes_the_next_word(self):
        self._write(10, self.first)
        with self._at(100):
            self._reload(self.first)
            self.env.flush_all()
        # A lost connection, so far.
        self._write(130, self.guest, "Are you there?")
        self.assertEqual(self._agent_of(self.chat), self.first)
        self.assertEqual(self._run_timers(150), self.first)
        self.assertNotEqual(self._run_timers(161), self.first)

    def test_a_turn_without_an_answer_is_a_missed_one_on_all_pages(self):
        self._write(12, self.first)
        self._give(20, self.first, self.second)
        self._write(30, self.guest, "Hello?")
        with self._at(50):
            self.chat.livechat_end_dt = fields.Datetime.now()
            self.env.flush_all()
        self.assertEqual(self.chat.livechat_failure, "no_failure")
        self.assertEqual(self.channel._get_today_figures()[self.channel.id]["missed"], 1)
        rows = self.env["im_livechat.report.channel"]._read_group(
            [("livechat_channel_id", "=", self.channel.id)],
            ["partner_id"],
            ["dispatch_missed:sum"],
        )
        self.assertEqual(rows, [(self.second.partner_id, 1)])

    def test_the_first_answer_is_each_agents_own(self):
        self._write(12, self.first)
        self._write(20, self.guest, "And in red?")
        self._give(30, self.first, self.second)
        self._write(75, self.second)
        self._give(80, self.second, self.first)
        self._write(100, self.guest, "And in blue?")
        self._write(134, self.first)
        medians = [
            user.with_user(user).get_my_dispatch_figures()["today"]["median_answer_seconds"]
            for user in (self.first, self.second, self.third)
        ]
        # 12 and 34 seconds: the second turn's time is from when the buyer asked.
        self.assertEqual(medians, [23, 45, None])

    def test_handling_is_each_agents_own_turns_on_all_pages(self):
        """A, B, A: 30 and 40 seconds of the first agent, 50 of the second."""
        self._write(12, self.first)
        self._give(30, self.first, self.second)
        self._write(35, self.guest, "And in red?")
        self._write(60, self.second)
        self._give(80, self.second, self.first)
        with self._at(120):
            self.chat.livechat_end_dt = fields.Datetime.now()
            self.env.flush_all()
        self.env["livechat.dispatch.total"]._count()
        self.env.invalidate_all()
        turns = self.chat.dispatch_decision_ids.sorted("id")
        self.assertEqual(turns.mapped("handling_seconds"), [30, 50, 40])
        domain = [("livechat_channel_id", "=", self.channel.id)]
        names = ("handled", "average_handling", "answered", "average_answer")
        aggregates = [
            f"{name}:{self.env['livechat.dispatch.total']._fields[name].aggregator}"
            for name in names
        ]
        rows = self.env["livechat.dispatch.total"]._read_group(domain, ["user_id"], aggregates)
        told = {user: row for user, *row in rows}
        self.assertEqual(told[self.first], [2, 35, 1, 12])
        self.assertEqual(told[self.second], [1, 50, 1, 25])
        rows = turns._read_group(
            domain, ["user_id"], ["handling_seconds:avg", "answer_seconds:avg"]
        )
        self.assertEqual(
            {user: row for user, *row in rows},
            {self.first: [35, 12], self.second: [50, 25]},
        )
        # Core's report by agent adds the turns of a chat up.
        for agent, seconds in ((self.first, 70), (self.second, 50)):
            history = self.chat.livechat_agent_history_ids.filtered(
                lambda history, agent=agent: history.partner_id == agent.partner_id
            )
            self.assertAlmostEqual(history.session_duration_hour * 3600, seconds, delta=2)

    def test_whoever_gave_the_chat_away_has_it_no_longer(self):
        self._give(30, self.first, self.second)
        self._write(3600, self.second)
        history = self.chat.livechat_agent_history_ids.filtered(
            lambda history: history.partner_id == self.first.partner_id
        )
        self.assertAlmostEqual(history.session_duration_hour * 3600, 30, delta=2)
        # Reassigned, handed over, disabled: in whatever way it leaves.
        self._write(3700, self.guest)
        with self._at(4000):
            self.chat._hand_over(self.second)
        turn = self.chat.dispatch_decision_ids.filtered(lambda row: row.user_id == self.second)
        self.assertEqual(turn.handling_seconds, 3970)

    def test_whoever_leaves_a_chat_as_odoo_lets_it_has_it_no_longer(self):
        """Its last agent ends it by leaving; who leaves it to a colleague does not."""
        self.chat.with_user(self.first).sudo()._add_members(users=self.second)
        with self._at(30):
            self.chat.with_user(self.first).action_unfollow()
            self.env.flush_all()
        self.assertFalse(self.chat.livechat_end_dt)
        turn = self.chat.dispatch_decision_ids.filtered(lambda row: row.user_id == self.first)
        self.assertEqual(turn.handling_seconds, 30)
        with self._at(40):
            other = self._come(self.channel)
            agent = self._agent_of(other)
        with self._at(90):
            other.with_user(agent).action_unfollow()
            self.env.flush_all()
        self.assertTrue(other.livechat_end_dt)
        turn = other.dispatch_decision_ids
        self.assertEqual((turn.handling_seconds, turn.ended_at), (50, other.livechat_end_dt))
        # Before, its turn went on for ever: the upgrade ends it.
        names = ["ended_at", "handling_seconds"]
        told = turn.read(names)
        self.env.cr.execute(
            "UPDATE livechat_dispatch_decision SET ended_at = NULL, handling_seconds = NULL"
            " WHERE id = %s",
            [turn.id],
        )
        self.env.invalidate_all()
        path = file_path("im_livechat_subaccount/migrations/19.0.1.3.0/post-turns.py")
        runpy.run_path(path)["migrate"](self.env.cr, "19.0.1.2.0")
        self.assertEqual(turn.read(names), told)

    def _bring(self, *agents):
        for agent in agents:
            self.chat.with_user(self.first).sudo()._add_members(users=agent)

    def test_to_whom_a_chat_is_left_it_is_a_turn_of_its_own(self):
        """Invited, and left alone with the buyer: how Odoo lets an agent give a chat away."""
        self._write(10, self.first, "A colleague knows that.")
        self._bring(self.second)
        self._write(20, self.guest, "And in blue?")
        with self._at(30):
            self.chat.with_user(self.first).action_unfollow()
            self.env.flush_all()
        decision = self.chat.dispatch_decision_ids.sorted("id")[-1]
        self.assertEqual(
            (decision.kind, decision.user_id, decision.previous_user_id),
            ("hand_over", self.second, self.first),
        )
        self.assertEqual(self.chat.livechat_operator_id, self.second.partner_id)
        self.assertEqual(self._run_timers(89), self.second)
        self.assertEqual(self._run_timers(91), self.third)
        self.assertEqual(self.second.dispatch_miss_count, 1)
        self.assertFalse(self.first.dispatch_miss_count)

    def test_a_colleague_who_stays_when_the_agent_is_taken_away_has_the_turn(self):
        self._write(10, self.first)
        self._bring(self.second)
        self._write(20, self.guest, "And in blue?")
        with self._at(30):
            self.chat._hand_over(self.first)
        self._write(50, self.second, "It is.")
        turn = self.chat.dispatch_decision_ids.sorted("id")[-1]
        self.assertEqual((turn.user_id, turn.answer_seconds), (self.second, 20))

    def test_a_helper_who_leaves_again_changes_nothing(self):
        self._bring(self.second)
        before = self.chat.dispatch_decision_ids
        for leave in (
            lambda: self.chat.with_user(self.second).action_unfollow(),
            lambda: self.chat._hand_over(self.third),
        ):
            self._bring(self.third)
            leave()
            self.assertEqual(self.chat.dispatch_decision_ids, before)
            self.assertEqual(self.chat.livechat_operator_id, self.first.partner_id)

    def test_of_two_who_are_gone_neither_is_given_the_chat(self):
        self._write(10, self.first)
        self._bring(self.second)
        with self._at(100):
            self._reload(self.first | self.second)
            self.env.flush_all()
        self._write(170, self.guest, "Are you there?")
        self.assertEqual(self.chat.livechat_operator_id, self.third.partner_id)

    def test_a_chat_that_core_cleans_up_was_handled_until_the_last_word(self):
        self._write(60, self.first)
        with self._at(3 * 24 * 3600):
            self.chat.livechat_end_dt = fields.Datetime.now()
        self.assertAlmostEqual(self.chat.dispatch_decision_ids.handling_seconds, 60, delta=2)

    def test_chats_that_are_open_at_the_upgrade_keep_their_turns(self):
        chats = self.chat
        self._write(12, self.first)
        self._write(20, self.guest, "And in red?")
        self._give(30, self.first, self.second)
        self._write(40, self.guest, "And in blue?")
        with self._at(50):
            answered, silent = self._come(self.channel), self._come(self.channel)
            self._say(answered, self._agent_of(answered))
        chats |= answered | silent
        self.env.flush_all()
        names = ["dispatch_asked_at", "dispatch_answered_at"]
        before = chats.read(names)
        measured = ["answer_seconds", "ended_at", "handling_seconds"]
        answers = chats.dispatch_decision_ids.read(measured)
        self.assertEqual([bool(row["dispatch_asked_at"]) for row in before], [True, False, False])
        self.env.cr.execute(
            """
            UPDATE discuss_channel SET dispatch_asked_at = NULL, dispatch_answered_at = NULL;
            UPDATE livechat_dispatch_decision
               SET answer_seconds = NULL, ended_at = NULL, handling_seconds = NULL
            """
        )
        self.env.invalidate_all()
        path = file_path("im_livechat_subaccount/migrations/19.0.1.1.0/post-turns.py")
        runpy.run_path(path)["migrate"](self.env.cr, "19.0.1.0.0")
        self.assertEqual(chats.read(names), before)
        self.assertEqual(chats.dispatch_decision_ids.read(measured), answers)
        self.assertTrue(any(row["ended_at"] for row in answers))
