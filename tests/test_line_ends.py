from datetime import datetime, timedelta

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.mail.tests.common import freeze_all_time

from ..tools.here import GRACE
from .common import ShopCommon, is_every_case_tried
from .test_shifts import ShiftCommon

RULES = ("native", "pool", "main_account", "proxy")
NOON = datetime(2026, 3, 2, 12)


class LineCommon(ShopCommon, ShiftCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.never = cls.env["resource.calendar"].create(
            {"name": "Never", "tz": "UTC", "attendance_ids": [Command.clear()]}
        )
        cls.timers = cls.env["im_livechat.channel"]._run_dispatch_timers
        cls.owner.group_ids += cls.receive_group

    def setUp(self):
        super().setUp()
        self.count = 0

    def _open(self, rule="native", **vals):
        """A channel with an agent for one chat, and who takes chats when nobody is here."""
        self.count += 1
        self.agent = self._create_agent(f"agent{self.count}", 10)
        self.taker = self._create_agent(f"taker{self.count}")
        self._set_online(self.taker, "offline")
        if rule == "main_account":
            self.taker = self.owner
        self.channel = self._create_channel(
            self.agent | (self.taker if rule == "proxy" else self.agent),
            **{
                "main_account_id": self.owner.id,
                "queue_enabled": True,
                "max_sessions_mode": "limited",
                "max_sessions": 10,
                "offline_rule": rule,
                "proxy_user_ids": self.taker.ids if rule == "proxy" else [],
                **vals,
            },
        )

    def _wait(self, count=2):
        """One buyer is served, and so many wait."""
        served, *waiting = chats = [self._come(self.channel) for _buyer in range(1 + count)]
        self.assertEqual(self._agent_of(served), self.agent)
        self.assertEqual({chat.dispatch_state for chat in waiting}, {"queued"} if count else set())
        return self.env["discuss.channel"].union(*chats[1:])

    def _check_offline(self, rule, chats):
        """Those who waited, and who comes now, are treated by the rule for when nobody is here."""
        late = self._come(self.channel)
        if rule in ("main_account", "proxy"):
            for chat in chats | late:
                self.assertEqual(self._agent_of(chat), self.taker)
                self.assertTrue(chat.dispatch_is_away)
            return
        self.assertEqual(set(chats.mapped("dispatch_state")), {"pool"})
        for chat in chats:
            self.assertEqual(chat._get_wait()["state"], "pool")
            self.assertFalse(chat.livechat_end_dt)
            self.assertFalse(self._agent_of(chat))
        looking = set(chats.mapped("livechat_status"))
        self.assertEqual(looking, {"need_help"} if rule == "native" else {"in_progress"})
        self.assertEqual(late.dispatch_state, "pool" if rule == "pool" else False)
        self.assertEqual(self.channel._is_livechat_available(), rule == "pool")

    def _is_announced(self):
        self.env.flush_all()
        return bool(self.env.cr.postcommit.data.pop("livechat_drain", None))


@tagged("post_install", "-at_install")
class TestLineEnds(LineCommon):
    """When nobody of a line will be here, the rule for that is for who waits and who comes."""

    def _log_out(self):
        self.agent._leave_reception("elsewhere")

    def _take_time_off(self):
        now = fields.Datetime.now()
        resource = self.env["resource.resource"].create({"name": "A", "user_id": self.agent.id})
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Off",
                "resource_id": resource.id,
                "date_from": now - timedelta(hours=1),
                "date_to": now + timedelta(days=3),
            }
        )

    def _list_ends(self):
        """Yield what takes the last agent away: its name, how it is done, and whether the line is
        looked at at once; the clock does so each minute."""
        agent = self.agent
        yield "goes", lambda: self._set_online(agent, "offline"), False
        yield "falls silent", lambda: self._silence(agent, minutes=4), False
        yield "logs out", self._log_out, True
        yield "is idle", lambda: agent.presence_ids.write({"status": "away"}), False
        yield "sets itself away", lambda: agent.write({"manual_im_status": "away"}), True
        yield "pauses", agent.dispatch_pause, True
        yield "has time off", self._take_time_off, True
        yield "is archived", lambda: agent.write({"active": False}), True
        yield (
            "loses the right",
            lambda: agent.write({"group_ids": [Command.unlink(self.receive_group.id)]}),
            True,
        )
        yield (
            "leaves the channel",
            lambda: self.channel.write({"user_ids": [Command.unlink(agent.id)]}),
            True,
        )
        yield (
            "leaves from its side",
            lambda: agent.write({"livechat_channel_ids": [Command.unlink(self.channel.id)]}),
            True,
        )
        yield "owes a second factor", lambda: agent.write({"second_factor_due": True}), True
        yield "has no shift", lambda: agent.write({"dispatch_calendar_id": self.never.id}), True
        yield "shop closes", lambda: self.channel.write({"calendar_id": self.never.id}), True

    def _check_ends(self, rule):
        self._open(rule)
        for number, (name, *_how) in enumerate([*self._list_ends()]):
            # Each end with one of the rules; with all of them in `dev/test long`.
            if not is_every_case_tried() and RULES[number % len(RULES)] != rule:
                continue
            self._open(rule)
            _name, end, at_once = [*self._list_ends()][number]
            with self.subTest(name, rule=rule):
                chats = self._wait()
                self._is_announced()
                end()
                if at_once:
                    self.assertTrue(self._is_announced())
                    self.channel._drain()
                else:
                    self.timers()
                self._check_offline(rule, chats)
            self._close(self.env["discuss.channel"].search([("livechat_end_dt", "=", False)]))

    def test_with_odoos_own_rule_they_look_for_help(self):
        self._check_ends("native")

    def test_with_a_pool_they_have_left_a_message(self):
        self._check_ends("pool")

    def test_with_a_main_account_that_stands_in_it_gets_them(self):
        self._check_ends("main_account")

    def test_with_proxies_these_get_them(self):
        self._check_ends("proxy")

    def test_who_looks_for_help_is_given_to_the_next_agent(self):
        self._open()
        guest = self._create_guest()
        self._wait(0)
        chat = self._come(self.channel, guest)
        self._say(chat, guest, "Is it waterproof?")
        self._set_online(self.agent, "offline")
        self.timers()
        self.assertEqual(chat.livechat_status, "need_help")
        colleague = self._create_agent("colleague")
        self.channel.user_ids |= colleague
        self.channel._drain()
        self.assertEqual(self._agent_of(chat), colleague)
        self.assertEqual(chat.livechat_status, "in_progress")
        self.assertIn("waterproof", "".join(chat.message_ids.mapped("body")))
        kinds = chat.dispatch_decision_ids.sorted("id").mapped("kind")
        self.assertEqual(kinds, ["queue", "pool", "assign"])

    def test_whom_a_colleague_helps_by_hand_waits_for_nobody_else(self):
        self._open()
        chat = self._wait(1)
        self._set_online(self.agent, "offline")
        self.timers()
        colleague = self._create_agent("colleague", 300)
        self.channel.user_ids |= colleague
        helper = self._create_agent("helper")
        self.channel.user_ids |= helper
        self.assertTrue(chat.with_user(helper).livechat_join_channel_needing_help())
        self.assertEqual((chat.dispatch_state, chat.livechat_status), ("assigned", "in_progress"))
        self.assertFalse(chat._get_wait())
        self.timers()
        self.assertEqual(self._agent_of(chat), helper)
        decision = chat.dispatch_decision_ids.sorted("id")[-1]
        self.assertEqual((decision.user_id, decision.rule), (helper, "by_hand"))

    def test_a_rule_that_changes_is_for_who_waits_too(self):
        for rule in RULES[1:]:
            with self.subTest(rule):
                self._open()
                chats = self._wait()
                self._set_online(self.agent, "offline")
                self.channel._drain()
                self._is_announced()
                if rule == "proxy":
                    self.channel.user_ids |= self.taker
                    self.channel.proxy_user_ids = self.taker
                elif rule == "main_account":
                    self.taker = self.owner
                self.channel.offline_rule = rule
                self.assertTrue(self._is_announced())
                self.channel._drain()
                if rule != "pool":
                    self._check_offline(rule, chats)
                self.assertEqual(set(chats.mapped("livechat_end_dt")), {False})

    def test_messages_of_a_pool_that_is_given_up_look_for_help(self):
        self._open("pool")
        self._set_online(self.agent, "offline")
        chat = self._come(self.channel)
        self.assertEqual((chat.dispatch_state, chat.livechat_status), ("pool", "in_progress"))
        self.channel.offline_rule = "native"
        self.channel._drain()
        self.assertEqual((chat.dispatch_state, chat.livechat_status), ("pool", "need_help"))

    def test_a_line_that_is_switched_off_ends_with_its_last_agent(self):
        self._open()
        chats = self._wait()
        self.channel.queue_enabled = False
        self.channel._drain()
        self.assertEqual(set(chats.mapped("dispatch_state")), {"queued"}, "its agent is here")
        self.assertFalse(self._come(self.channel), "there is no line")
        self._set_online(self.agent, "offline")
        self.timers()
        self._check_offline("native", chats)

    def test_the_buyers_of_a_line_that_becomes_odoos_own_are_told(self):
        self._open()
        chats = self._wait()
        self._set_online(self.agent, "offline")
        bus = self.env["bus.bus"]
        self.env.cr.precommit.run()
        last = bus.search([], order="id desc", limit=1).id
        self.channel.dispatch_mode = "native"
        self.env.cr.precommit.run()
        said = bus.search([("id", ">", last)]).mapped("message")
        self.assertEqual(set(chats.mapped("livechat_status")), {"need_help"})
        self.assertEqual(sum('"dispatch_wait":{"state":"pool"' in text for text in said), 2)

    def _create_group(self):
        return self.env["livechat.dispatch.group"].create(
            {
                "name": "After-sales",
                "channel_id": self.channel.id,
                "user_ids": [Command.set(self.agent.ids)],
            }
        )

    def test_a_group_that_is_emptied_is_deleted_and_its_buyers_go_on(self):
        for rule in RULES:
            for front in (True, False):
                with self.subTest(rule=rule, front_desk=front):
                    self._open(rule)
                    group = self._create_group()
                    chats = self._wait()
                    chats.dispatch_group_id = group
                    if not front:
                        self._set_online(self.agent, "offline")
                    group.user_ids = [Command.clear()]
                    self._is_announced()
                    group.unlink()
                    self.assertTrue(self._is_announced())
                    self.assertFalse(chats.dispatch_group_id)
                    self.channel._drain()
                    if front:
                        self.assertEqual(set(chats.mapped("dispatch_state")), {"queued"})
                        places = [chat._get_wait()["place"] for chat in chats]
                        self.assertEqual(places, [1, 2])
                    else:
                        self._check_offline(rule, chats)

    def test_a_line_ends_with_the_last_who_is_not_paused_in_its_group(self):
        for rule in RULES:
            with self.subTest(rule=rule):
                self._open(rule)
                group = self._create_group()
                chats = self._wait()
                chats.dispatch_group_id = group
                self._is_announced()
                group.set_agent_paused(self.agent.id, True)
                self.assertTrue(self._is_announced())
                self.channel._drain()
                if rule in ("main_account", "proxy"):
                    for chat in chats:
                        self.assertEqual(self._agent_of(chat), self.taker)
                else:
                    self.assertEqual(set(chats.mapped("dispatch_state")), {"pool"})

    def test_an_emptied_group_waits_for_those_above_only_while_they_will_be_here(self):
        self._open(main_account_participation="fallback")
        groups = self.env["livechat.dispatch.group"]
        above = groups.create(
            {"name": "Above", "channel_id": self.channel.id, "user_ids": self.agent.ids}
        )
        group = groups.create(
            {
                "name": "Below",
                "channel_id": self.channel.id,
                "parent_id": above.id,
                "overflow_seconds": 600,
            }
        )
        chats = self._wait()
        chats.dispatch_group_id = group
        self.channel._drain()
        self.assertEqual(set(chats.mapped("dispatch_state")), {"queued"})
        self._set_online(self.owner)
        self._set_online(self.agent, "offline")
        self.timers()
        self.assertEqual(set(chats.mapped("dispatch_state")), {"queued"}, "the owner will join")
        self._set_online(self.owner, "offline")
        self.timers()
        self.assertEqual(set(chats.mapped("livechat_status")), {"need_help"})


@tagged("post_install", "-at_install")
class TestDueToday(LineCommon):
    """Who comes later today is worth waiting for in line."""

    def _open_at_noon(self, calendar=None, **vals):
        self._open(**vals)
        self._set_online(self.agent)
        self.chat = self._wait(1)
        self.agent.dispatch_calendar_id = calendar

    def _is_waited_for(self, minutes=0):
        """Whether who waits and who comes stays in line, so many minutes after noon."""
        with freeze_all_time(NOON + timedelta(minutes=minutes)):
            self.timers()
            waits = self.chat.dispatch_state == "queued"
            self.assertEqual(self._come(self.channel).dispatch_state == "queued", waits)
            self.assertEqual(bool(self.channel._is_livechat_available()), waits)
        return waits

    def test_a_shift_later_today_is_waited_for_whether_or_not_its_agent_is_here(self):
        later = self._create_calendar(14, 18)
        for is_here in (True, False):
            with self.subTest(is_here=is_here), freeze_all_time(NOON):
                self._open_at_noon(later)
                if not is_here:
                    self._set_online(self.agent, "offline")
                self.assertTrue(self._is_waited_for(60))
                if is_here:
                    self._set_online(self.agent)
                    self.assertTrue(self._is_waited_for(121), "has another chat, and is here")
                else:
                    self.assertTrue(self._is_waited_for(120), "is late")
                    self.assertFalse(self._is_waited_for(122), "has not come")
                    self.assertEqual(self.chat.livechat_status, "need_help")

    def test_other_hours_are_not(self):
        holiday = self._create_calendar(14, 18)
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Holiday",
                "calendar_id": holiday.id,
                "date_from": NOON,
                "date_to": NOON + timedelta(hours=12),
            }
        )
        for name, calendar in (
            ("this morning", self._create_calendar(8, 11)),
            ("now", self._create_calendar(8, 18)),
            ("tomorrow", self._create_calendar(14, 18, days=[1])),
            ("tomorrow in Shanghai", self._create_calendar(1, 5, "Asia/Shanghai")),
            ("on a holiday", holiday),
            ("never", self.never),
        ):
            with self.subTest(name), freeze_all_time(NOON):
                self._open_at_noon(calendar)
                self.owner.tz = calendar.tz
                self._set_online(self.agent, "offline")
                self.assertFalse(self._is_waited_for())

    def test_the_shop_says_when_a_day_is_over(self):
        # 20:00 in Shanghai, where the shop is; the shift begins in six hours.
        with freeze_all_time(NOON):
            for tz, is_today in (("UTC", True), ("Asia/Shanghai", False)):
                with self.subTest(tz):
                    self.owner.tz = tz
                    self._open_at_noon(self._create_calendar(18, 22))
                    self._set_online(self.agent, "offline")
                    self.assertEqual(self._is_waited_for(), is_today)

    def test_a_closed_shop_is_not_waited_for_and_its_hours_bound_the_shifts(self):
        later = self._create_calendar(16, 18)
        for opening, is_waited_for in (
            (self._create_calendar(8, 17), True),
            (self._create_calendar(8, 15), False),
            (self._create_calendar(14, 18), False),
        ):
            with self.subTest(opening.name), freeze_all_time(NOON):
                self._open_at_noon(later)
                self.channel.calendar_id = opening
                self.assertEqual(self._is_waited_for(), is_waited_for)

    def test_the_hours_of_the_group_count_as_well(self):
        with freeze_all_time(NOON):
            for hours, is_waited_for in (((14, 18), True), ((8, 11), False)):
                self._open_at_noon()
                group = self.env["livechat.dispatch.group"].create(
                    {
                        "name": "After-sales",
                        "channel_id": self.channel.id,
                        "user_ids": self.agent.ids,
                        "calendar_id": self._create_calendar(*hours).id,
                    }
                )
                self.chat.dispatch_group_id = group
                self.channel._drain()
                self.assertEqual(self.chat.dispatch_state == "queued", is_waited_for)

    def test_who_pauses_or_has_time_off_until_later_today_is_waited_for(self):
        def pause(until):
            self.agent.write({"dispatch_paused": True, "dispatch_paused_until": until})

        def take_time_off(until):
            resource = self.env["resource.resource"].create({"name": "A", "user_id": self.agent.id})
            self.env["resource.calendar.leaves"].create(
                {
                    "name": "Off",
                    "resource_id": resource.id,
                    "date_from": NOON - timedelta(hours=1),
                    "date_to": until,
                }
            )

        day = self._create_calendar(8, 18)
        for calendar in (None, day):
            for do in (pause, take_time_off):
                for hours, is_waited_for in ((3, True), (5, True), (7, not calendar), (20, False)):
                    with (
                        self.subTest(do.__name__, calendar=calendar, hours=hours),
                        freeze_all_time(NOON),
                    ):
                        self._open_at_noon(calendar)
                        do(NOON + timedelta(hours=hours))
                        self.assertEqual(self._is_waited_for(), is_waited_for)
        with freeze_all_time(NOON):
            self._open_at_noon()
            pause(NOON + timedelta(hours=3))
            self._set_online(self.agent, "offline")
            self.assertTrue(self._is_waited_for(179))
            self.assertFalse(self._is_waited_for(182), "has not come back")

    def test_who_may_not_receive_buyers_is_not_waited_for(self):
        later = self._create_calendar(14, 18)
        with freeze_all_time(NOON):
            self._open_at_noon(later)
            self.agent.active = False
            self.assertFalse(self._is_waited_for())

    def test_without_a_line_nobody_waits_for_later(self):
        with freeze_all_time(NOON):
            self._open(queue_enabled=False)
            self.agent.dispatch_calendar_id = self._create_calendar(14, 18)
            self.assertFalse(self._come(self.channel))
            self.assertFalse(self.channel._is_livechat_available())


@tagged("post_install", "-at_install")
class TestTheSecondInBetween(LineCommon):
    """An absence shorter than the grace is worth waiting for."""

    def _check_return(self, come_back, **vals):
        for has_line in (True, False):
            for rule in RULES:
                with self.subTest(has_line=has_line, rule=rule):
                    self._open(rule, queue_enabled=has_line, max_sessions=100, **vals)
                    self._reload(self.agent)
                    self.assertTrue(self.channel._is_livechat_available())
                    self.assertTrue(self.channel._is_reception_open())
                    chats = [self._come(self.channel) for _buyer in range(8)]
                    self.assertEqual([chat.dispatch_state for chat in chats], ["queued"] * 8)
                    self.channel._drain()
                    self.timers()
                    self.assertEqual([chat.dispatch_state for chat in chats], ["queued"] * 8)
                    self._is_announced()
                    come_back()
                    self.assertTrue(self._is_announced())
                    self.channel._drain()
                    self.assertEqual([self._agent_of(chat) for chat in chats], [self.agent] * 8)

    def test_who_comes_while_the_page_is_loaded_anew_gets_its_agent(self):
        self._check_return(lambda: self._set_online(self.agent))

    def test_a_sign_of_life_brings_the_agent_back_too(self):
        self._check_return(lambda: self.env["mail.presence"]._give_sign(self.agent))

    def test_who_logs_out_is_not_about_to_be_back(self):
        self._open("pool")
        self.agent._leave_reception("elsewhere")
        self.assertEqual(self._come(self.channel).dispatch_state, "pool")

    def test_when_the_grace_is_over_the_rule_for_when_nobody_is_here_decides(self):
        for has_line in (True, False):
            for rule in RULES:
                with self.subTest(has_line=has_line, rule=rule):
                    self._open(rule, queue_enabled=has_line, max_sessions=100)
                    self._reload(self.agent)
                    chats = self._come(self.channel) | self._come(self.channel)
                    self.assertEqual(chats.mapped("dispatch_state"), ["queued", "queued"])
                    self.agent.presence_ids.livechat_offline_since -= GRACE
                    self.env.flush_all()
                    self.timers()
                    self._check_offline(rule, chats)

    def test_who_cannot_take_a_chat_when_it_is_back_is_not_waited_for_without_a_line(self):
        for name, vals in (
            ("paused", {"dispatch_paused": True}),
            ("off shift", {"dispatch_calendar_id": self.never.id}),
            ("set away", {"manual_im_status": "away"}),
        ):
            with self.subTest(name):
                self._open(queue_enabled=False)
                self.agent.write(vals)
                self._reload(self.agent)
                self.assertFalse(self._come(self.channel))
                self.assertFalse(self.channel._is_livechat_available())
        self._open(queue_enabled=False)
        self._wait(0)
        self._reload(self.agent)
        self.assertFalse(self._come(self.channel), "it has no room")

    def test_who_waits_for_one_who_comes_back_without_room_stays_in_line(self):
        self._open(queue_enabled=False)
        self._reload(self.agent)
        first, second = (self._come(self.channel) for _buyer in range(2))
        self._set_online(self.agent)
        self.channel._drain()
        self.assertEqual(self._agent_of(first), self.agent)
        self.assertEqual(second.dispatch_state, "queued")
        self._close(first)
        self.channel._drain()
        self.assertEqual(self._agent_of(second), self.agent)

    def test_a_chatbot_forwards_to_who_is_about_to_be_back(self):
        self._open(queue_enabled=False)
        self._reload(self.agent)
        chat, _bot = self._forward_from_bot(self.channel)
        self.assertEqual(chat.dispatch_state, "queued")
        self._set_online(self.agent)
        self.channel._drain()
        self.assertEqual(self._agent_of(chat), self.agent)

    def test_a_colleague_whose_page_is_loaded_anew_is_given_a_chat(self):
        self._open(queue_enabled=False)
        self._wait(0)
        chat = self.env["discuss.channel"].search(
            [("livechat_channel_id", "=", self.channel.id)], limit=1
        )
        colleague = self._create_agent("colleague")
        self.channel.user_ids |= colleague
        group = self.env["livechat.dispatch.group"].create(
            {"name": "B", "channel_id": self.channel.id, "user_ids": colleague.ids}
        )
        transfer = chat.with_user(self.agent).transfer
        self._set_online(colleague, "offline")
        for target in ({"user_id": colleague.id}, {"group_id": group.id}):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                transfer("knowledge", **target)
        self._set_online(colleague)
        self._reload(colleague)
        rows = chat.with_user(self.agent).get_transfer_targets()["agents"]
        self.assertEqual({row["id"] for row in rows if row["online"]}, {colleague.id})
        with self.env.cr.savepoint() as savepoint:
            self.assertEqual(transfer("knowledge", group_id=group.id)["state"], "queued")
            self._set_online(colleague)
            self.channel._drain()
            self.assertEqual(self._agent_of(chat), colleague)
            savepoint.rollback()
            self.env.invalidate_all()
        self.assertEqual(transfer("knowledge", user_id=colleague.id)["state"], "assigned")
        self.assertEqual(self._agent_of(chat), colleague)

    def test_what_an_agent_leaves_waits_for_a_colleague_who_is_about_to_be_back(self):
        self._open(queue_enabled=False)
        self._wait(0)
        chat = self.env["discuss.channel"].search(
            [("livechat_channel_id", "=", self.channel.id)], limit=1
        )
        colleague = self._create_agent("colleague")
        self.channel.user_ids |= colleague
        self._reload(colleague)
        self.agent.active = False
        self.assertEqual(chat.dispatch_state, "queued")
        self._set_online(colleague)
        self.channel._drain()
        self.assertEqual(self._agent_of(chat), colleague)
