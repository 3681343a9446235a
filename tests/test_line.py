import random
import threading
import time
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from unittest.mock import MagicMock, call, patch

from freezegun import freeze_time
from lxml import etree
from psycopg2 import InterfaceError

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..dispatch.line import IS_WAITING, WAITING, Round, number_places
from ..models.waiting import im_livechat_channel
from .common import DispatchCommon

# To give a seat to the next of a line, with all that its agent, its buyer and the others are told.
# It may only get smaller.
STATEMENTS_MAX = 125


@tagged("post_install", "-at_install")
class TestLine(DispatchCommon):
    """The order of those who wait is one, in Python and in SQL."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agents = cls.env["res.users"].union(
            *(cls._create_agent(f"agent{number}") for number in range(3))
        )
        cls.channel = cls._create_channel(cls.agents, queue_enabled=True)
        cls.groups = cls.env["livechat.dispatch.group"].create(
            [{"name": f"Group {number}", "channel_id": cls.channel.id} for number in range(2)]
        )

    def _make_line(self, rng, length):
        """Chats on this channel and another, most of which wait."""
        elsewhere = self._create_channel(self.agents, name="Elsewhere")
        now = fields.Datetime.now()

        def pick_moment():
            return now - timedelta(seconds=rng.randrange(10))

        return self.env["discuss.channel"].create(
            [
                {
                    "name": f"Buyer {number}",
                    "channel_type": "livechat",
                    "livechat_channel_id": rng.choice([self.channel] * 5 + [elsewhere]).id,
                    "livechat_operator_id": self.channel.reception_partner_id.id,
                    "dispatch_state": rng.choice(["queued", "queued", "pool", "assigned", False]),
                    "dispatch_group_id": rng.choice([False, *self.groups.ids]),
                    "dispatch_queued_at": rng.choice([False, *(pick_moment() for _ in range(9))]),
                    "dispatch_assigned_at": rng.choice([False, False, False, pick_moment()]),
                    "dispatch_put_first": rng.choice([False] * 4 + [1, 2, 3]),
                    "dispatch_goes_first": rng.choice([False, False, True]),
                    "dispatch_regular_id": rng.choice([False, False, *self.agents.ids]),
                    "livechat_end_dt": rng.choice([False] * 7 + [now]),
                    "active": rng.random() < 0.9,
                }
                for number in range(length)
            ]
        )

    def test_sql_finds_the_same_next_one_on_random_rows(self):
        rng = random.Random(13)
        chats = self._make_line(rng, 120)
        line = [
            chat._get_waiting()
            for chat in chats
            if chat.livechat_channel_id == self.channel
            and chat.dispatch_state in WAITING
            and not chat.livechat_end_dt
            and chat.active
        ]
        self.assertGreater(len(line), 40)
        by_id = {waiting.number: waiting for waiting in line}
        for _serving in range(10):
            serving = Round()
            for _time in range(len(line) + 1):
                found = self.channel._get_next_in_line(serving)
                waiting = serving.find_next(line)
                self.assertEqual(found.id, waiting.number if waiting else False)
                if not waiting:
                    break
                if rng.random() < 0.5:
                    serving.skip(found.id)
                else:
                    agents = rng.sample(self.agents.ids, rng.randrange(3))
                    serving.pass_over(by_id[found.id], lambda agents=agents: agents)
            self.assertIsNone(waiting)

    def test_the_list_of_who_waits_has_the_order_in_which_they_are_served(self):
        self._make_line(random.Random(15), 60)
        chats = self.env["discuss.channel"]
        for kind in ("list", "kanban"):
            view = self.env.ref(f"im_livechat_subaccount.livechat_waiting_view_{kind}")
            order = etree.fromstring(view.arch).get("default_order")
            domain = [("livechat_channel_id", "=", self.channel.id), *IS_WAITING]
            self.assertEqual(
                chats.search(domain, order=order), self.channel._search_waiting(self.channel)
            )

    def test_pages_and_buyers_are_told_the_same_places(self):
        self._make_line(random.Random(14), 60)
        chats = self.channel._search_waiting(self.channel)
        self.assertEqual(chats, chats.sorted(lambda chat: chat._get_waiting()))
        places = number_places(chat._get_waiting() for chat in chats)
        for group in (self.groups.browse(), *self.groups):
            line = self.channel._get_line(group)
            self.assertEqual([places[chat.id] for chat in line], list(range(1, len(line) + 1)))
            for chat in line:
                self.assertEqual(chat._get_wait()["place"], places[chat.id])
        rows = self.channel._describe_waiting()
        self.assertEqual([row["id"] for row in rows], chats.ids)
        for row in rows:
            self.assertEqual(row["place"], places.get(row["id"], False))


@tagged("post_install", "-at_install")
class TestServing(DispatchCommon):
    """What it costs to give a seat that has become free to the next of the line."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agents = cls.env["res.users"].union(
            *(cls._create_agent(f"agent{number}") for number in range(3))
        )
        cls.channel = cls._create_channel(
            cls.agents, queue_enabled=True, max_sessions_mode="limited", max_sessions=1
        )
        # So many that it is known how long one takes.
        now = fields.Datetime.now()
        for _chat in range(20):
            cls._open_chat(cls.channel, cls.agents[0]).write(
                {"dispatch_assigned_at": now - timedelta(minutes=5), "livechat_end_dt": now}
            )
        cls.taken = cls.env["discuss.channel"].union(*(cls._come(cls.channel) for _ in range(3)))

    def _let_wait(self, count):
        chats = [self._come(self.channel) for _buyer in range(count)]
        self.assertEqual({chat.dispatch_state for chat in chats}, {"queued"})
        return chats

    def _commit(self):
        """Do what precedes a commit, and forget what a commit forgets."""
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.env.transaction.clear()

    def _serve_next(self):
        """A seat becomes free, and the line is served; how many statements that takes."""
        self._close(self.taken[:1])
        self.taken -= self.taken[:1]
        self._commit()
        before = self.env.cr.sql_log_count
        self.channel._drain()
        self._commit()
        return self.env.cr.sql_log_count - before

    def test_whoever_comes_is_told_its_place_however_many_wait(self):
        """Who does not know that it waits asks for nothing."""
        before = self._let_wait(5)
        self._forget_bus()
        last = self._come(self.channel)
        self.assertEqual(last.dispatch_state, "queued")
        places = {
            row["id"]: row["dispatch_wait"]["place"]
            for _channel, _kind, payload in self._read_bus()
            for row in payload.get("discuss.channel", ())
            if row.get("dispatch_wait")
        }
        known = {chat.id: place for place, chat in enumerate(before, 1)}
        self.assertEqual(places.pop(last.id), 6)
        # The others ask.
        self.assertLessEqual(places.items(), known.items())
        self.assertEqual(len(places), 3)

    def test_a_record_says_when_it_was_decided_however_long_it_took_to_be_written(self):
        (chat,) = self._let_wait(1)
        self._close(self.taken[:1])
        decided = fields.Datetime.now()
        with freeze_time(decided):
            outcome = self.channel._dispatch(chat._get_buyer(), chat=chat)
        self.assertTrue(outcome.agent)
        with freeze_time(decided + timedelta(seconds=20)):
            chat._assign(outcome)
        given = chat.dispatch_decision_ids.filtered("user_id")
        self.assertEqual(given.moment, decided)

    def test_its_agent_is_told_of_the_chat_once_and_of_no_wait(self):
        chat, _other = self._let_wait(2)
        self._forget_bus()
        self._serve_next()
        self.assertEqual(chat.dispatch_state, "assigned")
        told = [
            (kind, payload.get("data", payload))
            for channel, kind, payload in self._read_bus()
            if channel[1:] == ["res.partner", self._agent_of(chat).partner_id.id]
        ]
        rows = [
            (row, data)
            for kind, data in told
            for row in data.get("discuss.channel", ())
            if row["id"] == chat.id
        ]
        self.assertFalse([row for row, _data in rows if "dispatch_wait" in row])
        whole = [(row, data) for row, data in rows if "uuid" in row]
        self.assertEqual(len(whole), 1)
        ((row, data),) = whole
        self.assertEqual(row["name"], chat.name)
        self.assertEqual(row["livechat_operator_id"], chat.livechat_operator_id.id)
        members = {member["id"] for member in data["discuss.channel.member"]}
        self.assertEqual(members, {*chat.channel_member_ids.ids})

    def test_a_line_is_served_before_what_else_the_minute_brings(self):
        chat, _other = self._let_wait(2)
        self._close(self.taken[:1])
        chats, states = type(self.env["discuss.channel"]), []
        with patch.object(
            chats, "_end_wordless", side_effect=lambda: states.append(chat.dispatch_state)
        ):
            self.channel._run_dispatch_timers()
        self.assertEqual(states, ["assigned"])

    def test_the_desk_goes_and_nothing_of_it_stays(self):
        chat, _other = self._let_wait(2)
        desk = self.channel.reception_partner_id
        self.assertIn(desk, chat.channel_member_ids.partner_id)
        self._forget_bus()
        self._serve_next()
        agent = self._agent_of(chat).partner_id
        for read_anew in (False, True):
            if read_anew:
                self._commit()
            self.assertEqual(chat.channel_member_ids.partner_id, agent)
            self.assertEqual(chat.livechat_channel_member_history_ids.partner_id, agent)
            self.assertEqual(chat.livechat_agent_partner_ids, agent)
            self.assertFalse(chat.livechat_bot_partner_ids)
            self.assertEqual(len(chat.livechat_customer_history_ids), 1)
            self.assertEqual(chat.member_count, 2)
        # Nobody listens there.
        told = [channel[1:] for channel, _kind, _payload in self._read_bus()]
        self.assertNotIn(["res.partner", desk.id], told)

    def test_places_are_told_without_reading_who_has_them(self):
        chats = self._let_wait(5)
        self._commit()
        with self.assertQueryCount(1):
            places = self.channel._get_places(self.env["livechat.dispatch.group"])
        self.assertEqual(places, {chat.id: place for place, chat in enumerate(chats, 1)})

    def test_it_takes_no_more_statements_however_many_wait(self):
        self._let_wait(12)
        # What a process remembers afterwards.
        self._serve_next()
        counts = [self._serve_next()]
        self._close(self.channel._get_line(self.env["livechat.dispatch.group"])[2:])
        counts.append(self._serve_next())
        self.assertLessEqual(max(counts) - min(counts), 2)
        self.assertLessEqual(max(counts), STATEMENTS_MAX)

    def test_nobody_asks_how_long_a_line_takes_in_which_nobody_is_left(self):
        self._let_wait(1)
        with patch.object(type(self.channel), "_get_pace") as get_pace:
            self._serve_next()
        get_pace.assert_not_called()

    def test_of_many_who_wait_one_asks_how_long_it_takes(self):
        channels = type(self.channel)
        group = self.env["livechat.dispatch.group"]
        with (
            patch.object(channels, "_read_pace", side_effect=[(60, 5, 2), (30, 5, 2)]) as read,
            patch.object(im_livechat_channel.module, "current_test", None),
            patch.dict(im_livechat_channel._paces, clear=True),
        ):
            paces = [self.channel._get_pace(group) for _buyer in range(3)]
            self.assertEqual(read.call_count, 1)
            now = time.monotonic() + im_livechat_channel._PACE_LASTS
            with patch.object(im_livechat_channel.time, "monotonic", return_value=now):
                paces.append(self.channel._get_pace(group))
        self.assertEqual(paces, [(60, 5, 2)] * 3 + [(30, 5, 2)])

    def test_nobody_asks_who_has_room_for_regulars_while_none_of_them_waits(self):
        _next, *others = self._let_wait(3)
        for regular, calls in ((self.env["res.users"], 0), (self.agents[0], 1)):
            others[-1].dispatch_regular_id = regular
            policy = im_livechat_channel.policy
            with patch.object(policy, "find_roomy", wraps=policy.find_roomy) as find_roomy:
                self._serve_next()
            self.assertEqual(bool(find_roomy.call_count), bool(calls))

    def test_a_machine_without_threads_fails_no_commit_and_serves_the_next_time(self):
        drainer = im_livechat_channel._Drainer("nowhere")
        served = threading.Event()
        drainer._run = served.set
        with (
            patch.object(threading.Thread, "start", side_effect=RuntimeError("no more threads")),
            mute_logger(im_livechat_channel.__name__),
        ):
            drainer.ask()
        self.assertFalse(served.is_set())
        drainer.ask()
        self.assertTrue(served.wait(10))


@tagged("post_install", "-at_install")
class TestLongLine(DispatchCommon):
    """A line that takes long holds up neither its own groups, nor other lines, nor the timers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agents = cls._create_agent("one") | cls._create_agent("other")
        cls.channel = cls._create_channel(
            cls.agents, queue_enabled=True, max_sessions_mode="limited", max_sessions=2
        )
        cls.one, cls.other = cls.env["livechat.dispatch.group"].create(
            [
                {"name": agent.name, "channel_id": cls.channel.id, "user_ids": agent.ids}
                for agent in cls.agents
            ]
        )
        cls.taken = cls.env["discuss.channel"].union(*(cls._come(cls.channel) for _ in range(4)))

    def setUp(self):
        super().setUp()
        # Each look at the clock is ten seconds after the one before.
        clock = SimpleNamespace(monotonic=count(0, 10).__next__)
        self.patch(im_livechat_channel, "time", clock)

    def _let_wait(self, *groups):
        chats = [self._come(self.channel) for _group in groups]
        for chat, group in zip(chats, groups, strict=True):
            self.assertEqual(chat.dispatch_state, "queued")
            chat.dispatch_group_id = group
        return chats

    def _close_chats_of(self, agent):
        self._close(self.taken.filtered(lambda chat: self._agent_of(chat) == agent))

    def test_who_becomes_free_while_others_are_served_serves_the_own_group(self):
        first, *others = self._let_wait(self.other, self.one, self.one)
        self._close_chats_of(self.agents[0])
        channels = type(self.channel)
        serve = channels._serve

        def serve_and_free(channel, chat):
            moved = serve(channel, chat)
            if chat == others[0]:
                self._close_chats_of(self.agents[1])
            return moved

        with patch.object(channels, "_serve", serve_and_free):
            self.channel._drain()
        for chat, agent in ((first, 1), (others[0], 0), (others[1], 0)):
            self.assertEqual(self._agent_of(chat), self.agents[agent])

    def test_it_is_left_for_the_others_after_a_round(self):
        chats = self._let_wait(self.one, self.one)
        self._close_chats_of(self.agents[0])
        for served, left in ((1, self.channel.ids), (2, self.channel.ids), (2, [])):
            asked = self.channel._drain_all(self.channel.ids, in_turns=True)
            states = [chat.dispatch_state for chat in chats]
            self.assertEqual(states.count("assigned"), served)
            self.assertEqual([*asked], left)

    def test_what_is_left_is_asked_for_again_with_what_came_meanwhile(self):
        drainer = im_livechat_channel._Drainer("nowhere")
        drainer._asked, drainer._running = {1}, True
        calls = []

        def drain_all(asked, **how):
            calls.append((asked, how))
            if len(calls) == 1:
                drainer.ask({2})
            return {1} if len(calls) < 3 else set()

        channels = {"im_livechat.channel": SimpleNamespace(_drain_all=drain_all)}
        with (
            patch.object(im_livechat_channel, "Registry", MagicMock()),
            patch.object(im_livechat_channel.api, "Environment", lambda *_args: channels),
        ):
            thread = threading.Thread(target=drainer._run)
            thread.start()
            thread.join(10)
        self.assertEqual(calls, [(asked, {"in_turns": True}) for asked in ({1}, {1, 2}, {1})])
        self.assertFalse(drainer._running)

    def test_a_line_whose_connection_was_closed_is_served_with_another(self):
        drainer = im_livechat_channel._Drainer("nowhere")
        for failures, tried in ((1, 2), (5, 2)):
            drainer._asked, drainer._running = {1}, True
            fails = [InterfaceError("connection already closed")] * failures
            drain_all = MagicMock(side_effect=[*fails, set()])
            channels = {"im_livechat.channel": SimpleNamespace(_drain_all=drain_all)}
            make_env = MagicMock(return_value=channels)
            with (
                self.subTest(failures=failures),
                patch.object(im_livechat_channel, "Registry", MagicMock()),
                patch.object(im_livechat_channel.api, "Environment", make_env),
                mute_logger(im_livechat_channel.__name__),
            ):
                thread = threading.Thread(target=drainer._run)
                thread.start()
                thread.join(10)
                self.assertEqual(drain_all.call_args_list, [call({1}, in_turns=True)] * tried)
                self.assertFalse(drainer._running)

    def test_no_timer_waits_for_a_line(self):
        with (
            patch.object(im_livechat_channel.module, "current_test", False),
            patch.object(im_livechat_channel, "_drain_after_commit") as drain,
            patch.object(type(self.channel), "_drain_all") as drain_all,
        ):
            self.channel._drain_aside()
        drain.assert_called_once_with(self.env.cr.dbname)
        drain_all.assert_not_called()
