from datetime import timedelta
from itertools import product
from unittest.mock import patch

from psycopg2.errors import CheckViolation

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.mail.tests.common import freeze_all_time

from ..dispatch import ledger, policy
from ..tools import here
from .common import DispatchCommon, ShopCommon


class ReassignCommon(DispatchCommon):
    def _ask(self, channel):
        """A buyer opens a chat and writes; the chat and the buyer."""
        guest = self._create_guest()
        chat = self._come(channel, guest)
        self._say(chat, guest, "Is it in stock?")
        return chat, guest

    def _let_pass(self, chat, seconds):
        chat.dispatch_assigned_at -= timedelta(seconds=seconds)
        if chat.dispatch_asked_at:
            chat.dispatch_asked_at -= timedelta(seconds=seconds)
        self.env.flush_all()

    def _last_decision(self, chat):
        return chat.dispatch_decision_ids.sorted("id")[-1]


@tagged("post_install", "-at_install")
class TestNoReply(ReassignCommon):
    def setUp(self):
        super().setUp()
        self.agents = self.env["res.users"].union(
            *(self._create_agent(f"agent{number}") for number in range(3))
        )
        self.channel = self._create_channel(self.agents, no_reply_seconds=60)

    def _run(self):
        self.env["discuss.channel"]._reassign_unanswered()

    def test_the_next_agent_gets_the_chat_and_never_the_same_until_all_have_tried(self):
        chat, _guest = self._ask(self.channel)
        seen = [self._agent_of(chat)]
        for _turn in range(5):
            self._let_pass(chat, 61)
            self._run()
            (agent,) = self._agent_of(chat)
            self.assertNotEqual(agent, seen[-1])
            seen.append(agent)
        self.assertEqual(len(set(seen[:3])), 3)
        decision = self._last_decision(chat)
        self.assertEqual((decision.kind, decision.previous_user_id), ("reassign", seen[-2]))
        self.assertEqual(chat.livechat_operator_id, seen[-1].partner_id)

    def test_a_chat_that_came_to_its_agent_past_dispatch_goes_by_its_clock_from_then_on(self):
        agent, guest = self.agents[0], self._create_guest()
        # As an agent of a website, or another addon, opens one.
        asked = self.env["discuss.channel"].create(
            {
                "name": "Asked",
                "channel_type": "livechat",
                "livechat_channel_id": self.channel.id,
                "livechat_operator_id": agent.partner_id.id,
                "channel_member_ids": [
                    Command.create(
                        {"partner_id": agent.partner_id.id, "livechat_member_type": "agent"}
                    ),
                    Command.create({"guest_id": guest.id, "livechat_member_type": "visitor"}),
                ],
            }
        )
        # And as they are when a channel has been Odoo's own.
        self.channel.dispatch_mode = "native"
        other = self._create_guest()
        before = self._come(self.channel, other)
        self._say(before, other, "Hello")
        self.channel.dispatch_mode = "share"
        for chat, buyer in ((asked, guest), (before, other)):
            with self.subTest(chat.name):
                agent = self._agent_of(chat)
                self._say(chat, agent, "May I help you?")
                self.assertFalse(chat.dispatch_state, "nobody waits for a word of its agent")
                self._say(chat, buyer, "Yes, please.")
                self.assertEqual(chat.dispatch_state, "assigned")
                decision = self._last_decision(chat)
                self.assertEqual(
                    (decision.kind, decision.rule, decision.user_id), ("assign", "by_hand", agent)
                )
                self._let_pass(chat, 61)
                self._run()
                self.assertNotEqual(self._agent_of(chat), agent)
                self.assertTrue(self._agent_of(chat))

    def test_who_transferred_the_chat_gets_it_back_after_all_others(self):
        chat, _guest = self._ask(self.channel)
        giver = self._agent_of(chat)
        taker, third = self.agents - giver
        chat.with_user(giver).transfer("asked", user_id=taker.id)
        for agent in (third, giver | taker):
            self._let_pass(chat, 61)
            self._run()
            self.assertIn(self._agent_of(chat), agent)

    def test_nothing_happens_before_time_without_a_message_or_after_an_answer(self):
        chat, _guest = self._ask(self.channel)
        agent = self._agent_of(chat)
        self._let_pass(chat, 30)
        self._run()
        self.assertEqual(self._agent_of(chat), agent)
        silent = self._come(self.channel)
        first = self._agent_of(silent)
        self._let_pass(silent, 3600)
        self._run()
        self.assertEqual(self._agent_of(silent), first)
        # One second before the timer an answer wins; the timer that comes late changes nothing.
        self._say(chat, agent, "Yes.")
        self._let_pass(chat, 3600)
        self._run()
        self.assertEqual(self._agent_of(chat), agent)

    def test_with_one_agent_the_chat_stays(self):
        (self.agents - self.agents[0]).dispatch_paused = True
        chat, _guest = self._ask(self.channel)
        self._let_pass(chat, 61)
        self._run()
        self.assertEqual(self._agent_of(chat), self.agents[0])
        self.assertFalse(self.agents[0].dispatch_miss_count)

    def test_three_misses_in_a_row_pause_the_agent_and_an_answer_starts_again(self):
        lazy = self.agents[0]
        rest = self.agents - lazy
        for number in range(3):
            rest.dispatch_paused = True
            chat, _guest = self._ask(self.channel)
            self.assertEqual(self._agent_of(chat), lazy)
            rest.dispatch_paused = False
            self._let_pass(chat, 61)
            self._run()
            self.assertEqual(lazy.dispatch_paused, number == 2)
        self.assertFalse(lazy.dispatch_miss_count)
        lazy.dispatch_paused = False
        lazy.dispatch_miss_count = 2
        rest.dispatch_paused = True
        chat, _guest = self._ask(self.channel)
        self._say(chat, lazy, "Hello!")
        self.assertFalse(lazy.dispatch_miss_count)

    def test_nobody_goes_above_capacity_for_it(self):
        self.channel.write({"max_sessions_mode": "limited", "max_sessions": 1})
        chats = [self._ask(self.channel)[0] for _buyer in range(3)]
        agents = [self._agent_of(chat) for chat in chats]
        for chat in chats:
            self._let_pass(chat, 61)
        self._run()
        self.assertEqual([self._agent_of(chat) for chat in chats], agents)

    def _run_and_note(self):
        """Let the timer run; return about which chats a decision was taken."""
        channels, tried = type(self.channel), []
        dispatch = channels._dispatch

        def note_and_dispatch(channel, *args, **kwargs):
            tried.append(kwargs["chat"])
            return dispatch(channel, *args, **kwargs)

        with patch.object(channels, "_dispatch", note_and_dispatch):
            self._run()
        return tried

    def test_what_nobody_takes_costs_no_decision_each_minute_and_goes_when_there_is_room(self):
        self.channel.write({"max_sessions_mode": "limited", "max_sessions": 2})
        one, other, third = self.agents
        group = self.env["livechat.dispatch.group"].create(
            {
                "name": "Lamps",
                "channel_id": self.channel.id,
                "user_ids": third.ids,
                "scope_ids": [
                    Command.create({"kind": "country", "country_id": self.env.ref("base.be").id})
                ],
            }
        )
        chats = self.env["discuss.channel"].union(
            *(self._ask(self.channel)[0] for _buyer in "1234")
        )
        self.assertEqual(self._agent_of(chats), one | other)
        for chat in chats:
            self._let_pass(chat, 61)
        # An agent of another group has room: that is found out by who of each agent is first.
        self.assertLessEqual(len(self._run_and_note()), 2)
        third.dispatch_paused = True
        self.assertEqual(self._run_and_note(), [])
        agents = [self._agent_of(chat) for chat in chats]
        one.dispatch_weight = 150
        self._run()
        moved = [chat for chat, agent in zip(chats, agents) if self._agent_of(chat) != agent]
        self.assertEqual([self._agent_of(chat) for chat in moved], [one])
        group.user_ids = False
        third.dispatch_paused = False
        self._run()
        self.assertEqual(len(self._agent_of(chats)), 3)

    def test_a_chat_that_nobody_else_takes_goes_to_its_buyers_own_agent_even_when_paused(self):
        self.channel.write({"max_sessions_mode": "limited", "max_sessions": 1})
        own = self.agents[0]
        buyer = new_test_user(self.env, "buyer", "base.group_portal")
        buyer.partner_id.livechat_agent_id = own
        self._set_online(own, "offline")
        mine = self._come(self.channel, buyer)
        self._say(mine, buyer, "Is it in stock?")
        other, _guest = self._ask(self.channel)
        agent = self._agent_of(other)
        self._set_online(own)
        own.dispatch_paused = True
        for chat in (other, mine):
            self._let_pass(chat, 61)
        self.assertEqual(set(self._run_and_note()), {mine})
        self.assertEqual(self._agent_of(mine), own)
        self.assertEqual(self._agent_of(other), agent)

    def test_a_chat_without_an_agent_is_given_to_one(self):
        chat, _guest = self._ask(self.channel)
        gone = self._agent_of(chat)
        chat.channel_member_ids.filtered(lambda row: row.partner_id == gone.partner_id).unlink()
        self.assertFalse(self._agent_of(chat))
        self._let_pass(chat, 61)
        self._run()
        self.assertTrue(self._agent_of(chat))
        self.assertNotEqual(self._agent_of(chat), gone)

    def test_a_chat_that_its_bot_starts_again_is_dispatched_anew(self):
        chat, _guest = self._ask(self.channel)
        chat.livechat_end_dt = fields.Datetime.now()
        chat.livechat_end_dt = False
        self.assertFalse(chat.dispatch_state)
        self._run()

    def test_whoever_takes_messages_while_away_is_not_hurried(self):
        self._set_online(self.agents, "offline")
        self.channel.write(
            {"offline_rule": "proxy", "proxy_user_ids": [Command.set(self.agents[:2].ids)]}
        )
        chat, _guest = self._ask(self.channel)
        proxy = self._agent_of(chat)
        for _turn in range(4):
            self._let_pass(chat, 3600)
            self._run()
            self.env["discuss.channel"]._leave_absent_agents()
        self.assertEqual(self._agent_of(chat), proxy)
        self.assertFalse(proxy.dispatch_paused)

    def test_whoever_takes_messages_while_away_keeps_them_however_they_came(self):
        proxies = self.agents[:2]
        self.channel.write(
            {
                "offline_rule": "proxy",
                "proxy_user_ids": [Command.set(proxies.ids)],
                "queue_enabled": True,
                "max_sessions_mode": "limited",
                "max_sessions": 1,
            }
        )
        self._set_online(proxies, "offline")
        here = self.agents - proxies
        handed_over, guest = self._ask(self.channel)
        queued, other_guest = self._ask(self.channel)
        self.assertEqual((self._agent_of(handed_over), queued.dispatch_state), (here, "queued"))
        here._leave_reception("elsewhere")
        self.channel._drain()
        for presence in proxies.presence_ids:
            presence.livechat_offline_since -= timedelta(hours=3)
        for chat, buyer in ((handed_over, guest), (queued, other_guest)):
            proxy = self._agent_of(chat)
            self.assertIn(proxy, proxies)
            self.assertTrue(chat.dispatch_is_away)
            for _turn in range(3):
                self._say(chat, buyer, "Hello?")
                self._let_pass(chat, 3600)
                self._run()
                self.env["discuss.channel"]._leave_absent_agents()
                self.assertEqual(self._agent_of(chat), proxy)

    def test_whoever_takes_messages_while_away_answers_them_later_and_keeps_them(self):
        owner = self._create_agent("owner")
        for rule in ("proxy", "main_account"):
            with self.subTest(rule=rule):
                taker = self.agents[0] if rule == "proxy" else owner
                self._set_online(self.agents | owner, "offline")
                self.channel.write(
                    {
                        "offline_rule": rule,
                        "main_account_id": owner.id,
                        "proxy_user_ids": [Command.set(self.agents[:1].ids)],
                        "queue_enabled": True,
                    }
                )
                answered, guest = self._ask(self.channel)
                unanswered, _guest = self._ask(self.channel)
                both = answered | unanswered
                self.assertEqual(self._agent_of(both), taker)
                self._set_online(self.agents | owner)
                self._say(answered, taker, "Good morning, it is.")
                self._say(answered, guest, "And in blue?")
                for chat in both:
                    self._let_pass(chat, 3600)
                    chat.last_interest_dt -= timedelta(days=2)
                taker._leave_reception("elsewhere")
                self._set_online(taker, "offline")
                taker.presence_ids.livechat_offline_since -= timedelta(hours=3)
                self._run()
                self.env["discuss.channel"]._leave_absent_agents()
                self.env["discuss.channel"]._gc_bot_only_ongoing_sessions()
                self.channel._drain()
                self._say(answered, guest, "Hello?")
                for chat in both:
                    self.assertEqual(self._agent_of(chat), taker)
                    self.assertFalse(chat.livechat_end_dt)
                self.assertFalse(taker.dispatch_paused)

    def test_no_chat_goes_from_somebody_who_is_here_to_somebody_who_is_not(self):
        here, proxy = self.agents[:2]
        self.channel.write(
            {
                "user_ids": [Command.set((here | proxy).ids)],
                "offline_rule": "proxy",
                "proxy_user_ids": [Command.set(proxy.ids)],
            }
        )
        self._set_online(proxy, "offline")
        chat, _guest = self._ask(self.channel)
        credits = ledger.read_credits(self.env.cr)
        self._let_pass(chat, 61)
        self._run()
        self.assertEqual(self._agent_of(chat), here)
        self.assertFalse(here.dispatch_miss_count)
        self.assertEqual(ledger.read_credits(self.env.cr), credits)

    def test_a_chat_that_changes_hands_is_not_answered_by_that(self):
        def transfer(chat, giver):
            taker = (self.agents - giver)[0]
            chat.with_user(giver).transfer("knowledge", user_id=taker.id)

        def leave(chat, giver):
            giver._leave_reception("elsewhere")

        def vanish(chat, giver):
            self._set_online(giver, "offline")
            giver.presence_ids.livechat_offline_since -= timedelta(hours=1)
            self.env.flush_all()
            self.env["discuss.channel"]._leave_absent_agents()

        for change in (transfer, leave, vanish):
            with self.subTest(change=change.__name__):
                chat, _guest = self._ask(self.channel)
                giver = self._agent_of(chat)
                change(chat, giver)
                self.assertNotEqual(self._agent_of(chat), giver)
                self._assert_unanswered(chat)
                self._set_online(giver)

    def test_a_chat_that_is_taken_out_of_the_line_is_not_answered_by_that(self):
        self.channel.write(
            {"queue_enabled": True, "max_sessions_mode": "limited", "max_sessions": 1}
        )
        for take in ("take", "transfer"):
            with self.subTest(take=take):
                chat, _guest = self._ask(self.channel)
                while chat.dispatch_state != "queued":
                    chat, _guest = self._ask(self.channel)
                self.channel.max_sessions += 1
                taker = self.agents[0]
                if take == "take":
                    chat.with_user(taker).action_take()
                else:
                    manager = new_test_user(
                        self.env, login="manager", groups="im_livechat.im_livechat_group_manager"
                    )
                    chat.with_user(manager).transfer("knowledge", user_id=taker.id)
                self.assertEqual(self._agent_of(chat), taker)
                self._assert_unanswered(chat)

    def _assert_unanswered(self, chat):
        agent = self._agent_of(chat)
        self.assertEqual(chat.livechat_failure, "no_answer")
        self.assertFalse(any(chat.livechat_agent_history_ids.mapped("response_time_hour")))
        self.env.flush_all()
        report = self.env["im_livechat.report.channel"].browse(chat.id)
        report.invalidate_recordset()
        self.assertFalse(report.time_to_answer)
        self.assertRegex(chat.message_ids.sorted("id")[-1].body, "takes over|is with you now")
        self._let_pass(chat, 61)
        self._run()
        self.assertNotEqual(self._agent_of(chat), agent)
        self._say(chat, self._agent_of(chat), "Good morning!")
        self.assertEqual(chat.livechat_failure, "no_failure")

    def _ask_twice_and_let_both_wait(self):
        chats = [self._ask(self.channel)[0] for _buyer in range(2)]
        for chat in chats:
            self._let_pass(chat, 61)
        return chats, [self._agent_of(chat) for chat in chats]

    def test_who_answers_while_the_timers_run_keeps_the_chat(self):
        (first, second), (slow, quick) = self._ask_twice_and_let_both_wait()
        with self._meanwhile(lambda: self._say(second, quick, "Here I am.")):
            self._run()
        self.assertNotEqual(self._agent_of(first), slow)
        self.assertEqual(self._agent_of(second), quick)
        self.assertFalse(quick.dispatch_miss_count)

    def test_a_chat_that_ends_while_the_timers_run_is_given_to_nobody(self):
        (_first, second), _agents = self._ask_twice_and_let_both_wait()
        with self._meanwhile(second._close_livechat_session):
            self._run()
        self.assertNotIn("reassign", second.dispatch_decision_ids.mapped("kind"))

    def test_limits_of_the_setting(self):
        for name, (seconds, refusal) in product(
            ("no_reply_seconds", "silence_seconds"),
            ((-1, ValidationError), (5, CheckViolation), (86401, ValidationError)),
        ):
            with (
                self.subTest(name=name, seconds=seconds),
                mute_logger("odoo.sql_db"),
                self.assertRaises(refusal),
                self.env.cr.savepoint(),
            ):
                self.channel[name] = seconds
                self.env.flush_all()


@tagged("post_install", "-at_install")
class TestAbsence(ReassignCommon):
    def setUp(self):
        super().setUp()
        self.here, self.gone = self._create_agent("here"), self._create_agent("gone")
        self.channel = self._create_channel(self.here | self.gone)
        self.here.dispatch_paused = True
        self.chat, self.guest = self._ask(self.channel)
        self.here.dispatch_paused = False
        self.assertEqual(self._agent_of(self.chat), self.gone)

    def _go(self, seconds):
        self._reload(self.gone)
        self.gone.presence_ids.livechat_offline_since -= timedelta(seconds=seconds)
        self.env.flush_all()
        self.env["discuss.channel"]._leave_absent_agents()

    def test_an_unanswered_chat_of_an_absent_agent_is_dispatched_again(self):
        self._go(61)
        self.assertEqual(self._agent_of(self.chat), self.here)
        self.assertEqual(self._last_decision(self.chat).kind, "hand_over")

    def test_after_the_servers_were_down_nobody_is_gone_or_late_before_pages_are_back(self):
        self.channel.write({"offline_rule": "pool", "queue_enabled": True, "no_reply_seconds": 60})
        cron = self.env.ref("im_livechat_subaccount.ir_cron_dispatch")
        timers = self.env["im_livechat.channel"].with_context(cron_id=cron.id)
        now = fields.Datetime.now()
        # Nobody was heard of for as long as no server was there.
        (self.here | self.gone).presence_ids.last_poll = now - timedelta(minutes=10)
        self._let_pass(self.chat, 600)
        cron.write({"lastcall": now - timedelta(minutes=11)})
        for nextcall, seconds, stays in (
            (now - timedelta(minutes=10), 0, True),
            # Colleagues come back before.
            (now + timedelta(seconds=60), 60, True),
            # Where a timer is late all the time, that is no reason to wait for ever.
            (now, 240, False),
        ):
            cron.write({"nextcall": nextcall})
            with freeze_all_time(now + timedelta(seconds=seconds)):
                if seconds:
                    self._set_online(self.here)
                timers._run_dispatch_timers()
                if stays:
                    self._say(self.chat, self.guest, "Hello?")
                    self.assertEqual(self.gone.dispatch_miss_count, 0)
            self.assertEqual(self._agent_of(self.chat), self.gone if stays else self.here)

    def test_a_second_outage_soon_after_is_one_as_well(self):
        cron = self.env.ref("im_livechat_subaccount.ir_cron_dispatch")
        timers = self.env["im_livechat.channel"].with_context(cron_id=cron.id)
        runs = self.env["ir.cron.progress"]
        now = fields.Datetime.now()
        minute = timedelta(minutes=1)

        def run(minutes, due):
            """The timers run at this minute; whether nothing follows from silence then."""
            progress = runs.create({"cron_id": cron.id})
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE ir_cron_progress SET create_date = %s WHERE id = %s",
                [now + minutes * minute, progress.id],
            )
            runs.invalidate_model()
            cron.write({"lastcall": now - minute, "nextcall": now + due * minute})
            with freeze_all_time(now + minutes * minute):
                timers.with_context(ir_cron_progress_id=progress.id)._follow_downtime()
                return here.is_deaf(self.env)

        self.assertFalse(run(0, 0))
        self.assertFalse(run(1, 1))
        self.assertTrue(run(10, 2), "the servers were down")
        self.assertTrue(run(11, 11))
        self.assertTrue(run(12, 12))
        self.assertFalse(run(14, 14))
        self.assertTrue(run(20, 15), "and once more")
        # Of a timer that is late all the time it is not believed so often.
        self.assertFalse(run(26, 21))
        self.assertFalse(run(32, 27))

    def test_what_nobody_takes_is_not_tried_chat_by_chat(self):
        self.here.dispatch_paused = True
        chats = self.chat.union(*(self._ask(self.channel)[0] for _buyer in range(4)))
        self._set_online(self.here, "offline")
        # The agent's own chat with the shop it cannot take: that says nothing of others.
        mine = self._come(self.channel, self.here)
        self._say(mine, self.here, "How is it for a buyer?")
        mine.dispatch_assigned_at -= timedelta(hours=1)
        mine.dispatch_asked_at -= timedelta(hours=1)
        self.assertEqual(self._agent_of(chats | mine), self.gone)
        channels, tried = type(self.channel), []
        dispatch = channels._dispatch

        def note_and_dispatch(channel, *args, **kwargs):
            tried.append(kwargs["chat"])
            return dispatch(channel, *args, **kwargs)

        with patch.object(channels, "_dispatch", note_and_dispatch):
            self._go(61)
        self.assertEqual(tried, [mine, chats[0]])
        self.assertEqual(self._agent_of(chats | mine), self.gone)
        self.here.dispatch_paused = False
        self._set_online(self.here)
        self._go(61)
        self.assertEqual(self._agent_of(chats), self.here)
        self.assertEqual(self._agent_of(mine), self.gone)

    def test_chats_of_absent_agents_are_read_together(self):
        self.here.dispatch_paused = True
        self._reload(self.gone)
        self.gone.presence_ids.livechat_offline_since -= timedelta(seconds=61)

        def count_statements():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            for chat, _agent in self.env["discuss.channel"]._find_absent_agents():
                self.assertFalse(chat.dispatch_held_until)
            return self.env.cr.sql_log_count - before

        few = count_statements()
        self._set_online(self.gone)
        for _buyer in range(4):
            self._ask(self.channel)
        self._reload(self.gone)
        self.gone.presence_ids.livechat_offline_since -= timedelta(seconds=61)
        self.assertEqual(count_statements(), few)

    def test_a_lost_connection_changes_nothing(self):
        self._go(30)
        self.assertEqual(self._agent_of(self.chat), self.gone)

    def test_who_comes_back_while_the_timers_run_keeps_its_chats(self):
        self.here.dispatch_paused = True
        second, _guest = self._ask(self.channel)
        self.here.dispatch_paused = False
        self.assertEqual(self._agent_of(second), self.gone)
        with self._meanwhile(lambda: self._set_online(self.gone)):
            self._go(61)
        agents = [self._agent_of(chat) for chat in (self.chat, second)]
        self.assertCountEqual(agents, [self.here, self.gone])

    def test_flapping_three_times_in_a_minute_changes_nothing(self):
        since = self.gone.presence_ids.livechat_online_since
        for _time in range(3):
            self._go(15)
            self._set_online(self.gone)
        self.assertEqual(self._agent_of(self.chat), self.gone)
        self.assertEqual(self.gone.presence_ids.livechat_online_since, since)

    def test_an_answered_chat_waits_for_the_buyers_next_message(self):
        self._say(self.chat, self.gone, "One moment.")
        self._go(61)
        self.assertEqual(self._agent_of(self.chat), self.gone)
        self._say(self.chat, self.guest, "Are you there?")
        self.assertEqual(self._agent_of(self.chat), self.here)

    def test_with_nobody_else_an_absent_agent_keeps_its_chat(self):
        self._set_online(self.here, "offline")
        self._go(61)
        self.assertEqual(self._agent_of(self.chat), self.gone)
        self._say(self.chat, self.gone, "One moment.")
        self._say(self.chat, self.guest, "Are you there?")
        self.assertEqual(self._agent_of(self.chat), self.gone)

    def test_with_nobody_else_the_chat_of_somebody_who_goes_for_good_is_kept_for_who_comes(self):
        self._set_online(self.here, "offline")
        self.gone._hand_over_chats()
        self.assertFalse(self._agent_of(self.chat))
        self.assertEqual(
            (self.chat.dispatch_state, self.chat.livechat_status), ("pool", "need_help")
        )
        self._set_online(self.here)
        self.channel._drain()
        self.assertEqual(self._agent_of(self.chat), self.here)
        self.assertEqual(self.chat.livechat_status, "in_progress")

    def test_who_leaves_at_the_same_time_gets_no_chat_of_the_other(self):
        third = self._create_agent("third", 10)
        self.channel.user_ids = [Command.link(third.id)]
        second, _guest = self._ask(self.channel)
        self.assertEqual(self._agent_of(second), self.here)
        (self.here | self.gone)._hand_over_chats()
        self.assertEqual(self._agent_of(self.chat), third)
        self.assertEqual(self._agent_of(second), third)

    def test_who_has_left_the_channel_and_logs_out_hands_over_as_well(self):
        self.channel.user_ids -= self.gone
        self.assertEqual(self._agent_of(self.chat), self.gone)
        self.gone._leave_reception("elsewhere")
        self.assertEqual(self._agent_of(self.chat), self.here)

    def test_an_archived_or_deleted_agent_hands_over_whoever_it_was(self):
        self._say(self.chat, self.gone, "One moment.")
        self.gone.active = False
        self.assertEqual(self._agent_of(self.chat), self.here)
        third = self._create_agent("third")
        self.channel.user_ids = [Command.link(third.id)]
        self.here.unlink()
        self.assertEqual(self._agent_of(self.chat), third)

    def test_with_nobody_left_the_chat_waits_in_line_or_pool_and_is_not_lost(self):
        self._set_online(self.here, "offline")
        self.channel.offline_rule = "pool"
        self._go(61)
        self.assertEqual(self.chat.dispatch_state, "pool")
        self.assertFalse(self._agent_of(self.chat))
        self.assertFalse(self.chat.livechat_end_dt)
        self._set_online(self.here)
        self.channel._drain()
        self.assertEqual(self._agent_of(self.chat), self.here)


@tagged("post_install", "-at_install")
class TestTransfer(ReassignCommon, ShopCommon):
    def setUp(self):
        super().setUp()
        self.giver, self.taker = self._create_agent("giver"), self._create_agent("taker")
        self.channel = self._create_channel(
            self.giver | self.taker, max_sessions_mode="limited", max_sessions=1
        )
        self.taker.dispatch_paused = True
        self.chat, self.guest = self._ask(self.channel)
        self.taker.dispatch_paused = False
        self.assertEqual(self._agent_of(self.chat), self.giver)

    def _transfer(self, user=None, **params):
        params = {"reason": "knowledge", "user_id": self.taker.id, **params}
        return self.chat.with_user(user or self.giver).transfer(**params)

    def test_a_chat_goes_to_a_colleague_with_reason_and_history(self):
        answer = self._transfer(note="Knows the pumps.")
        self.assertEqual(answer, {"state": "assigned", "agent": self.taker.name})
        self.assertEqual(self._agent_of(self.chat), self.taker)
        self.assertIn(
            "in stock", "".join(self.chat.with_user(self.taker).message_ids.mapped("body"))
        )
        decision = self._last_decision(self.chat)
        self.assertEqual(
            (decision.kind, decision.rule, decision.user_id, decision.previous_user_id),
            ("transfer", "by_hand", self.taker, self.giver),
        )
        self.assertIn("Knows the pumps.", decision.reason)
        self.assertFalse(self.chat.livechat_end_dt)

    def test_a_reason_is_required(self):
        for params in (
            {"reason": ""},
            {"reason": "nonsense"},
            {"reason": "other"},
            {"note": "x" * 501},
            {"user_id": False},
            {"user_id": "1"},
        ):
            with self.subTest(**params), self.assertRaises(ValidationError):
                self._transfer(**params)
        self.assertEqual(self._agent_of(self.chat), self.giver)

    def test_a_full_colleague_takes_chats_from_a_dispatch_manager_only(self):
        self._open_chat(self.channel, self.taker)
        with self.assertRaisesRegex(UserError, "has no room"):
            self._transfer()
        manager = new_test_user(
            self.env, login="manager", groups="im_livechat.im_livechat_group_manager"
        )
        self._transfer(user=manager)
        self.assertEqual(self._agent_of(self.chat), self.taker)

    def test_only_permitted_agents_of_the_channel_take_chats(self):
        stranger = self._create_agent("stranger")
        with self.assertRaisesRegex(UserError, "no agent of the channel"):
            self._transfer(user_id=stranger.id)
        for state, text in (("offline", "is offline"), ("paused", "is paused")):
            with self.subTest(state=state), self.assertRaisesRegex(UserError, text):
                if state == "offline":
                    self._set_online(self.taker, "offline")
                else:
                    self._set_online(self.taker)
                    self.taker.dispatch_paused = True
                self._transfer()

    def test_nobody_else_gives_the_chat_away(self):
        stranger = self._create_agent("stranger")
        portal = new_test_user(self.env, login="a_portal", groups="base.group_portal")
        for user in (stranger, self.taker, portal, self.owner, self.rival):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self._transfer(user=user)
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.chat.with_user(user).get_transfer_targets()
        self.assertEqual(self._agent_of(self.chat), self.giver)

    def test_a_role_without_the_permission_does_not_transfer(self):
        self.channel.main_account_id = self.owner
        role = self.Roles.create(
            {
                "name": "Only receives",
                "permission_ids": [
                    Command.link(
                        self.env.ref("im_livechat_subaccount.permission_receive_buyers").id
                    )
                ],
            }
        )
        subaccount = self.Subaccounts.create(
            {"name": "Chen Jing", "role_ids": [Command.link(role.id)]}
        )
        subaccount._activate("sesame-open")
        agent = subaccount.sudo().user_id
        chat = self._open_chat(self.channel, agent)
        with self.assertRaisesRegex(AccessError, "Your role"):
            chat.with_user(agent).transfer("asked", user_id=self.taker.id)

    def test_the_targets_show_presence_and_load(self):
        self._set_online(self.giver, "offline")
        (agent,) = self.chat.with_user(self.giver).get_transfer_targets()["agents"]
        self.assertEqual(
            agent,
            {
                "id": self.taker.id,
                "name": self.taker.name,
                "online": True,
                "paused": False,
                "load": 0,
                "capacity": 1,
                "free": 1,
                "able": True,
                "why": False,
                "until": False,
                "soon": False,
            },
        )

    def test_a_freed_seat_goes_to_the_line(self):
        self.channel.queue_enabled = True
        third = self._create_agent("third")
        self.channel.user_ids = [Command.link(third.id)]
        self._come(self.channel)
        self._come(self.channel)
        waiting = self._come(self.channel)
        self.assertEqual(waiting.dispatch_state, "queued")
        self.channel.max_sessions = 2
        self.channel._drain()
        self.assertEqual(waiting.dispatch_state, "assigned")

    def _create_group(self, name, agents):
        return self.env["livechat.dispatch.group"].create(
            {"name": name, "channel_id": self.channel.id, "user_ids": [Command.set(agents.ids)]}
        )

    def test_an_agent_of_two_groups_moves_its_own_chat_to_the_other(self):
        sales = self._create_group("Sales", self.giver)
        returns = self._create_group("Returns", self.giver | self.taker)
        self.chat.dispatch_group_id = sales
        self._set_online(self.taker, "offline")
        for queue, rule in ((False, "native"), (False, "pool"), (True, "proxy")):
            with self.subTest(queue=queue, rule=rule):
                self.chat.dispatch_group_id = sales
                self.channel.write(
                    {
                        "queue_enabled": queue,
                        "offline_rule": rule,
                        "proxy_user_ids": [Command.set(self.taker.ids)],
                    }
                )
                answer = self._transfer(user_id=False, group_id=returns.id)
                self.assertEqual(answer, {"state": "assigned", "agent": self.giver.name})
                self.assertEqual(self.chat.dispatch_group_id, returns)
                self.assertEqual(self._agent_of(self.chat), self.giver)
                decision = self._last_decision(self.chat)
                self.assertEqual(
                    (decision.kind, decision.group_id, decision.user_id),
                    ("transfer", returns, self.giver),
                )
        self.channel.write({"queue_enabled": False, "offline_rule": "native"})
        shipping = self._create_group("Shipping", self.taker)
        with self.assertRaisesRegex(UserError, "Nobody in Shipping"), self.env.cr.savepoint():
            self._transfer(user_id=False, group_id=shipping.id)

    def test_who_has_room_in_the_other_group_gets_the_chat_of_an_agent_of_both(self):
        self.chat.dispatch_group_id = self._create_group("Sales", self.giver)
        returns = self._create_group("Returns", self.giver | self.taker)
        self._transfer(user_id=False, group_id=returns.id)
        self.assertEqual(self._agent_of(self.chat), self.taker)

    def test_no_chat_returns_to_its_giver_while_others_could_take_it(self):
        third = self._create_agent("third")
        self.channel.write(
            {
                "user_ids": [Command.link(third.id)],
                "queue_enabled": True,
                "offline_rule": "proxy",
                "proxy_user_ids": [Command.set(third.ids)],
            }
        )
        # The giver would be next by its credit.
        for _turn in range(3):
            self._close(self._open_chat(self.channel, third))
        self._transfer()
        self.taker._leave_reception("elsewhere")
        self.assertEqual(self._agent_of(self.chat), third)
        third._leave_reception("elsewhere")
        self.assertEqual(self._agent_of(self.chat), self.giver)

    def test_a_chat_in_line_waits_for_others_than_its_giver_and_holds_up_nobody(self):
        returns = self._create_group("Returns", self.taker)
        front = self._create_group("Front", self.giver | self.taker)
        returns.write({"parent_id": front.id, "overflow_seconds": 0})
        self.channel.queue_enabled = True
        blocking = self._open_chat(self.channel, self.taker)
        self._transfer(user_id=False, group_id=returns.id)
        self.assertEqual(self.chat.dispatch_state, "queued")
        busy = self._open_chat(self.channel, self.giver)
        later = self._come(self.channel)
        later.dispatch_group_id = returns
        self.assertEqual(later.dispatch_state, "queued")
        self._close(busy)
        self.channel._drain()
        self.assertEqual(self.chat.dispatch_state, "queued")
        self.assertEqual(self._agent_of(later), self.giver)
        self._close(later)
        self._close(blocking)
        self.channel._drain()
        self.assertEqual(self._agent_of(self.chat), self.taker)
        self._set_online(self.taker, "offline")
        self.taker.presence_ids.livechat_offline_since -= timedelta(hours=1)
        self.env["discuss.channel"]._leave_absent_agents()
        self.assertEqual(self._agent_of(self.chat), self.giver)

    def test_an_ended_chat_is_not_transferred(self):
        self._close(self.chat)
        with self.assertRaisesRegex(UserError, "open live chat"):
            self._transfer()


@tagged("post_install", "-at_install")
class TestPause(ReassignCommon, ShopCommon):
    def test_an_agent_pauses_and_resumes_itself(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent)
        agent.with_user(agent).dispatch_pause()
        self.assertTrue(agent.dispatch_paused)
        self.assertFalse(self._come(channel))
        self.assertTrue(agent.with_user(agent).get_dispatch_status()["paused"])
        agent.with_user(agent).dispatch_resume()
        self.assertEqual(self._agent_of(self._come(channel)), agent)
        status = agent.with_user(agent).get_dispatch_status()
        reasons = self.env["livechat.pause.reason"].search([("main_account_id", "=", False)])
        self.assertLessEqual(set(reasons.mapped("name")), {name for _id, name in status["reasons"]})
        del status["reasons"]
        self.assertEqual(
            status,
            {
                "lines": {channel.id: 0},
                "paused": False,
                "reason": False,
                "until": False,
                "overloaded": False,
                "load": 1,
                "chats": 1,
                "quiet": 0,
                "tickets": 0,
                "full": False,
                "capacity": None,
                "waiting": 0,
            },
        )

    def test_a_pause_ends_by_itself_and_the_line_is_served(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent)
        until = fields.Datetime.now() + timedelta(minutes=30)
        agent.with_user(agent).dispatch_pause(fields.Datetime.to_string(until))
        self.assertFalse(self._come(channel))
        # Right even when nothing runs at that moment.
        agent.dispatch_paused_until = fields.Datetime.now() - timedelta(seconds=1)
        self.assertEqual(self._agent_of(self._come(channel)), agent)
        self.env["im_livechat.channel"]._run_dispatch_timers()
        self.assertFalse(agent.dispatch_paused)

    def test_a_pause_that_is_made_longer_while_the_timers_run_goes_on(self):
        agents = self._create_agent("one") | self._create_agent("other")
        now = fields.Datetime.now()
        agents.write({"dispatch_paused": True, "dispatch_paused_until": now - timedelta(seconds=1)})
        later = now.replace(microsecond=0) + timedelta(hours=1)
        first, second = agents.sorted("id")
        with self._meanwhile(
            lambda: second.write({"dispatch_paused": True, "dispatch_paused_until": later})
        ):
            self.env["im_livechat.channel"]._run_dispatch_timers()
        self.assertFalse(first.dispatch_paused)
        self.assertEqual((second.dispatch_paused, second.dispatch_paused_until), (True, later))

    def test_a_pause_that_makes_no_sense_is_refused(self):
        agent = self._create_agent("agent")
        for until in ("tomorrow", "2001-01-01 00:00:00", [1], 5):
            with self.subTest(until=until), self.assertRaises(ValidationError):
                agent.with_user(agent).dispatch_pause(until)
        self.assertFalse(agent.dispatch_paused)

    def test_who_may_pause_whom(self):
        subaccount = self.Subaccounts.create(
            {"name": "Chen Jing", "role_ids": [Command.link(self.role_reception.id)]}
        )
        subaccount._activate("sesame-open")
        staff = subaccount.sudo().user_id
        agent, other = self._create_agent("agent"), self._create_agent("other")
        portal = new_test_user(self.env, login="a_portal", groups="base.group_portal")
        allowed = {(agent, agent), (staff, staff), (self.owner, staff)}
        for who in (agent, staff, self.owner, self.rival, portal):
            for whom in (agent, other, staff, self.rival):
                with self.subTest(who=who.login, whom=whom.login):
                    if (who, whom) in allowed:
                        whom.with_user(who).dispatch_pause()
                        whom.with_user(who).dispatch_resume()
                    elif who == whom:
                        continue
                    else:
                        with self.assertRaises(AccessError):
                            whom.with_user(who).dispatch_pause()
                        with self.assertRaises(AccessError):
                            whom.with_user(who).dispatch_resume()
        self.assertFalse(portal.with_user(portal).get_dispatch_status())

    def test_an_agent_pauses_above_a_number_of_chats_and_resumes_below_another(self):
        agent = self._create_agent("agent", dispatch_pause_above=2, dispatch_resume_below=2)
        channel = self._create_channel(agent)
        chats = [self._come(channel) for _buyer in range(3)]
        self.assertTrue(agent.dispatch_overloaded)
        self.assertFalse(self._come(channel))
        self._close(chats[0])
        self.assertTrue(agent.dispatch_overloaded)
        self._close(chats[1])
        self.assertFalse(agent.dispatch_overloaded)
        self.assertTrue(self._come(channel))

    def test_buyers_wait_for_an_agent_who_has_more_chats_than_it_wants(self):
        agent = self._create_agent("agent", dispatch_pause_above=2, dispatch_resume_below=3)
        channel = self._create_channel(agent, queue_enabled=True)
        chats = [self._come(channel) for _buyer in range(3)]
        self.assertTrue(agent.dispatch_overloaded)
        self.assertTrue(channel._is_livechat_available())
        waiting = self._come(channel)
        self.assertEqual(waiting.dispatch_state, "queued")
        self.assertEqual(waiting.dispatch_decision_ids.excluded, {str(agent.id): "overloaded"})
        self.assertFalse(channel._get_available_operators_by_livechat_channel()[channel])
        with self.assertRaisesRegex(UserError, "has more chats than it wants"):
            waiting.with_user(agent).action_take()
        self._close(chats[0])
        channel._drain()
        self.assertEqual(self._agent_of(waiting), agent)
        # Who is away besides does not come back by itself.
        self._set_online(agent, "offline")
        self.assertFalse(self._come(channel))

    def test_who_paused_by_hand_is_paused_whatever_it_wants(self):
        agent = self._create_agent("agent", dispatch_pause_above=1)
        channel = self._create_channel(agent, queue_enabled=True)
        for _buyer in range(2):
            self._come(channel)
        self.assertTrue(agent.dispatch_overloaded)
        agent.dispatch_paused = True
        (fact,) = channel._read_dispatch_agents()
        self.assertTrue(fact.paused)
        self.assertEqual(policy.exclusion(fact, channel._get_dispatch_rules()), "paused")
        self.assertFalse(self._come(channel))
        agent.dispatch_paused = False
        (fact,) = channel._read_dispatch_agents()
        self.assertFalse(fact.paused)

    def test_a_main_account_sets_pause_and_shift_of_its_sub_accounts(self):
        subaccount = self.Subaccounts.create(
            {"name": "Chen Jing", "role_ids": [Command.link(self.role_reception.id)]}
        )
        subaccount._activate("sesame-open")
        agent = subaccount.sudo().user_id
        calendar = self.env["resource.calendar"].create({"name": "Day", "tz": "UTC"})
        until = fields.Datetime.now() + timedelta(hours=1)
        subaccount.write(
            {
                "dispatch_paused": True,
                "dispatch_paused_until": fields.Datetime.to_string(until),
                "dispatch_pause_above": 5,
                "dispatch_resume_below": 3,
                "dispatch_calendar_id": calendar.id,
            }
        )
        self.assertEqual(
            (agent.dispatch_paused_until, agent.dispatch_pause_above, agent.dispatch_resume_below),
            (until.replace(microsecond=0), 5, 3),
        )
        self.assertEqual(agent.dispatch_calendar_id, calendar)
        for vals in (
            {"dispatch_pause_above": -1},
            {"dispatch_pause_above": "many"},
            {"dispatch_resume_below": 10**9},
            {"dispatch_calendar_id": 10**9},
            {"dispatch_calendar_id": "x"},
            {"dispatch_paused_until": "2001-01-01"},
        ):
            for who in (self.owner, self.rival):
                with self.subTest(who=who.login, **vals), self.assertRaises(UserError):
                    subaccount.with_user(who).write(vals)
        with self.assertRaises(AccessError):
            subaccount.with_user(self.rival).write({"dispatch_pause_above": 4})

    def test_flapping_is_shorter_than_the_grace(self):
        self.assertLess(timedelta(seconds=20), here.GRACE)
