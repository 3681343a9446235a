from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.tests import tagged

from odoo.addons.mail.tests.common import freeze_all_time

from ..dispatch.line import WAITING
from .common import ShopCommon, create_user
from .test_shifts import ShiftCommon


@tagged("post_install", "-at_install")
class TestFreeSeats(ShopCommon, ShiftCommon):
    """Whatever gives an agent to somebody who waits says so, and the line is served at once.

    Each case is a buyer whom nobody can take, and what somebody then changes: that it is announced,
    and that it really was what the buyer waited for.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Groups = cls.env["livechat.dispatch.group"]
        cls.agent = cls._create_agent("agent")
        cls.channel = cls._create_channel(
            cls.agent,
            offline_rule="pool",
            max_sessions_mode="limited",
            max_sessions=1,
            main_account_participation="member",
        )
        hour = (fields.Datetime.now().hour + 4) % 22
        cls.elsewhen = cls._create_calendar(hour, hour + 1)
        cls.transfer = cls.env.ref("im_livechat_subaccount.permission_transfer_chats")
        cls.may_transfer = cls.env.ref("im_livechat_subaccount.group_transfer_chats")

    def setUp(self):
        super().setUp()
        self.env.cr.postcommit.data.pop("livechat_drain", None)

    def _is_announced(self):
        """Whether it was said since the last time that a seat may be free."""
        self.env.flush_all()
        return bool(self.env.cr.postcommit.data.pop("livechat_drain", None))

    def _wait(self, channel=None, group=None, buyer=None):
        """A buyer comes and waits."""
        channel = channel or self.channel
        chat = self._come(channel, buyer)
        self.assertIn(chat.dispatch_state, WAITING)
        if group:
            chat.dispatch_group_id = group
        channel._drain()
        self.assertIn(chat.dispatch_state, WAITING, "nobody can take it")
        self._is_announced()
        return chat

    def _check(self, chat, change, agent=None):
        """It is announced that this change may have freed a seat, and it did."""
        change()
        self.assertTrue(self._is_announced(), "nobody was told")
        chat.livechat_channel_id._drain()
        self.assertEqual(self._agent_of(chat), agent or self.agent)
        self.assertEqual(chat.dispatch_state, "assigned")

    def _take_seat(self):
        chat = self._come(self.channel)
        self.assertEqual(self._agent_of(chat), self.agent)
        return chat

    def _create_group(self, name, agents=None, **vals):
        return self.Groups.create(
            {
                "name": name,
                "channel_id": self.channel.id,
                "user_ids": [Command.set(agents.ids if agents else [])],
                **vals,
            }
        )

    # ------------------------------------------------------------
    # The agent
    # ------------------------------------------------------------

    def test_an_agent_who_resumes_comes_back_or_is_let_in(self):
        for blocked, free in (
            ({"dispatch_paused": True}, {"dispatch_paused": False}),
            ({"active": False}, {"active": True}),
            (
                {"dispatch_calendar_id": self.elsewhen.id},
                {"dispatch_calendar_id": False},
            ),
            ({"livechat_channel_ids": [Command.clear()]}, {"livechat_channel_ids": "channel"}),
        ):
            with self.subTest(**blocked):
                if free.get("livechat_channel_ids"):
                    free = {"livechat_channel_ids": [Command.link(self.channel.id)]}
                self.agent.write(blocked)
                chat = self._wait()
                self._check(chat, lambda free=free: self.agent.write(free))
                self._close(chat)

    def test_an_agent_who_comes(self):
        self._set_online(self.agent, "offline")
        self._check(self._wait(), lambda: self._set_online(self.agent))

    def test_a_main_account_that_comes(self):
        self._set_online(self.agent, "offline")
        self.channel.main_account_id = self.owner
        self.owner.group_ids += self.receive_group
        chat = self._wait()
        self._check(chat, lambda: self._set_online(self.owner), self.owner)

    def test_an_agent_who_may_have_more_chats(self):
        self._take_seat()
        self._check(self._wait(), lambda: self.agent.write({"dispatch_weight": 200}))
        self._check(self._wait(), lambda: self.channel.write({"max_sessions": 2}))
        self.agent.write({"dispatch_pause_above": 2, "dispatch_resume_below": 1})
        self.assertTrue(self.agent.dispatch_overloaded)
        self._check(
            self._wait(),
            lambda: self.agent.write({"dispatch_pause_above": 9, "dispatch_resume_below": 9}),
        )

    # ------------------------------------------------------------
    # What the agent may do
    # ------------------------------------------------------------

    def _forbid(self, teams):
        """Take the right to receive buyers from the agent, who stays the channel's."""
        self.agent.group_ids -= self.receive_group
        for team in teams:
            team.implied_ids -= self.receive_group
        self.assertFalse(self.agent._has_agent_group())
        # Whoever loses the right is taken out of the channel.
        self.channel.user_ids += self.agent

    def test_the_right_to_receive_buyers_from_whatever_side(self):
        Groups = self.env["res.groups"]
        teams = [Groups.create({"name": "Team", "user_ids": self.agent.ids}) for _team in range(2)]
        receive = [Command.link(self.receive_group.id)]
        for change in (
            lambda: self.agent.write({"group_ids": receive}),
            lambda: self.receive_group.write({"user_ids": [Command.link(self.agent.id)]}),
            lambda: teams[0].write({"implied_ids": receive}),
            lambda: self.receive_group.write({"implied_by_ids": [Command.link(teams[1].id)]}),
            lambda: Groups.create(
                {"name": "Crew", "implied_ids": receive, "user_ids": self.agent.ids}
            ),
        ):
            self._forbid(teams)
            chat = self._wait()
            self._check(chat, change)
            self._close(chat)

    def test_the_permission_that_a_group_asks_for(self):
        group = self._create_group(
            "Refunds", self.agent, required_permission_id=self.transfer.id, overflow_seconds=999
        )
        asked = self.transfer.group_xmlids
        for change in (
            lambda: group.write({"required_permission_id": False}),
            lambda: self.transfer.write({"group_xmlids": False}),
            lambda: self.agent.write({"group_ids": [Command.link(self.may_transfer.id)]}),
            lambda: self.receive_group.write({"implied_ids": [Command.link(self.may_transfer.id)]}),
        ):
            group.required_permission_id = self.transfer
            self.transfer.group_xmlids = asked
            self.agent.group_ids -= self.may_transfer
            chat = self._wait_in(group)
            self._check(chat, change)
            self._close(chat)

    def _wait_in(self, group, state="pool"):
        """A buyer waits for this group, which the agent is not in, or not yet for."""
        self.agent.dispatch_paused = True
        chat = self._come(self.channel)
        chat.write({"dispatch_group_id": group.id, "dispatch_state": state})
        self.agent.dispatch_paused = False
        self.channel._drain()
        self.assertEqual(chat.dispatch_state, state, "nobody can take it")
        self._is_announced()
        return chat

    def test_a_role_that_gives_more(self):
        role = self.Roles.create(
            {
                "name": "Role",
                "permission_ids": [Command.set(self.role_reception.permission_ids.ids)],
            }
        )
        role.permission_ids -= self.transfer
        staff = self.Subaccounts.create({"name": "Li", "role_ids": [Command.set(role.ids)]})
        staff._activate("sesame-open")
        user = staff.sudo().user_id
        self._set_online(user)
        self.channel.write({"main_account_id": self.owner.id, "user_ids": [Command.set(user.ids)]})
        group = self._create_group("Refunds", user, required_permission_id=self.transfer.id)
        user.dispatch_paused = True
        chat = self._come(self.channel)
        chat.dispatch_group_id = group
        user.dispatch_paused = False
        self.channel._drain()
        self._is_announced()
        self._check(chat, lambda: role.write({"permission_ids": [(4, self.transfer.id)]}), user)

    # ------------------------------------------------------------
    # Seats
    # ------------------------------------------------------------

    def test_a_chat_that_ends_is_left_or_deleted(self):
        for leave in (
            lambda chat: self._close(chat),
            lambda chat: chat.unlink(),
            lambda chat: chat.channel_member_ids.filtered(
                lambda member: member.partner_id == self.agent.partner_id
            ).unlink(),
        ):
            taken = self._take_seat()
            chat = self._wait()
            self._check(chat, lambda leave=leave, taken=taken: leave(taken))
            self._close(chat)

    def test_a_seat_of_one_shop_is_no_reason_to_try_the_lines_of_others(self):
        elsewhere = self._create_channel(
            self._create_agent("stranger"), offline_rule="pool", name="Elsewhere"
        )
        self._set_online(elsewhere.user_ids, "offline")
        taken, chat = self._take_seat(), self._wait()
        self._wait(elsewhere)
        self._close(taken)
        self.env.flush_all()
        asked = self.env.cr.postcommit.data.pop("livechat_drain")
        channels = type(self.channel)
        tried, drain = [], channels._drain

        def note_and_drain(channel):
            tried.append(channel.id)
            drain(channel)

        with patch.object(channels, "_drain", note_and_drain):
            self.channel._drain_all(asked)
            self.assertEqual(tried, self.channel.ids)
            self.assertEqual(self._agent_of(chat), self.agent)
            # What nobody knows the agents of may be anybody's.
            tried.clear()
            self._wait()
            self.channel._drain_all()
            self.assertLessEqual({*self.channel.ids, *elsewhere.ids}, {*tried})
        # The agent serves there as well.
        elsewhere.user_ids += self.agent
        self._is_announced()
        self._close(chat)
        self.env.flush_all()
        asked = self.env.cr.postcommit.data.pop("livechat_drain")
        self.assertEqual(asked, {*self.channel.ids, *elsewhere.ids})

    def test_what_an_agent_sets_is_no_reason_to_try_the_lines_of_other_shops(self):
        for change in (
            {"dispatch_paused": True},
            {"dispatch_paused": False},
            {"dispatch_weight": 200},
            {"manual_im_status": "away"},
        ):
            self.agent.write(change)
            self.env.flush_all()
            asked = self.env.cr.postcommit.data.pop("livechat_drain")
            self.assertEqual(asked, {*self.channel.ids}, change)
        # A main account that stands back gets what a colleague has promised it.
        standing_back = {"main_account_id": self.owner.id, "main_account_participation": "never"}
        self.channel.write(standing_back)
        self.env.flush_all()
        self.env.cr.postcommit.data.pop("livechat_drain")
        self.owner.dispatch_weight = 150
        self.env.flush_all()
        self.assertEqual(self.env.cr.postcommit.data.pop("livechat_drain"), {*self.channel.ids})
        # Who comes to serve elsewhere, or serves nowhere any more, may be what anybody waits for.
        self.agent.write({"livechat_channel_ids": [Command.clear()]})
        self.env.flush_all()
        self.assertEqual(self.env.cr.postcommit.data.pop("livechat_drain") & {None}, {None})

    def test_what_one_shop_does_is_no_reason_to_try_the_lines_of_others(self):
        stranger = self._create_agent("stranger")
        self._create_channel(stranger, name="Elsewhere")
        group = self._create_group("A", self.agent)
        other = self._create_group("B")
        other.scope_ids = [Command.create({"kind": "page", "page_pattern": "/b"})]
        self.agent.dispatch_calendar_id = self.elsewhen
        now = fields.Datetime.now()

        def take_time_off():
            resource = self.env["resource.resource"].create(
                {"name": "Agent", "user_id": self.agent.id, "calendar_id": False}
            )
            self.env["resource.calendar.leaves"].create(
                {"resource_id": resource.id, "date_from": now, "date_to": now + timedelta(hours=1)}
            )

        def end_call(agent):
            room = self.env["discuss.channel"].create(
                {"name": "Room", "channel_type": "group", "channel_member_ids": []}
            )
            member = self.env["discuss.channel.member"].create(
                {"channel_id": room.id, "partner_id": agent.partner_id.id}
            )
            sessions = self.env["discuss.channel.rtc.session"]
            sessions.create({"channel_member_id": member.id}).unlink()

        for name, change in {
            "hours": lambda: self.elsewhen.write({"attendance_ids": [Command.clear()]}),
            "time off": take_time_off,
            "a call": lambda: end_call(self.agent),
            "a setting": lambda: self.channel.write({"max_sessions": 3}),
            "a member": lambda: group.write({"user_ids": [Command.clear()]}),
            "a scope": lambda: other.scope_ids.write({"page_pattern": "/c"}),
            "a group": group.unlink,
            "log-out": lambda: self.agent._leave_reception("elsewhere"),
        }.items():
            with self.subTest(name):
                self._is_announced()
                change()
                self.env.flush_all()
                asked = self.env.cr.postcommit.data.pop("livechat_drain")
                self.assertEqual(asked, {*self.channel.ids})
        clerk = create_user(self.env, "clerk_who_calls", "base.group_user")
        self._is_announced()
        end_call(clerk)
        self.assertFalse(self._is_announced(), "who is no agent frees nothing")

    def test_a_quiet_chat_that_holds_less(self):
        self.channel.max_sessions = 2
        taken = self._take_seat() | self._take_seat()
        taken[0].last_interest_dt = fields.Datetime.now() - timedelta(minutes=20)
        settings = self.env["res.config.settings"].create({"dispatch_quiet_hold": 0})
        self._check(self._wait(), settings.execute)
        self._close(taken[1])
        parameters = self.env["ir.config_parameter"]
        self.channel._drain()
        parameters.set_param("im_livechat_subaccount.quiet_hold", "1")
        chat = self._wait()
        # By hand, among the system parameters.
        self._check(chat, lambda: parameters.set_param("im_livechat_subaccount.quiet_hold", "0.0"))

    def test_a_reservation_that_is_taken_back(self):
        self.assertEqual(self.channel._get_operator(), self.agent)
        self.assertTrue(self.env.cr.postrollback)

    def test_a_call_that_ends(self):
        self.channel.write({"block_assignment_during_call": True, "max_sessions": 5})
        room = self.env["discuss.channel"].create(
            {"name": "Room", "channel_type": "group", "channel_member_ids": []}
        )
        member = self.env["discuss.channel.member"].create(
            {"channel_id": room.id, "partner_id": self.agent.partner_id.id}
        )
        Sessions = self.env["discuss.channel.rtc.session"]
        call = Sessions.create({"channel_member_id": member.id})
        self._check(self._wait(), call.unlink)
        Sessions.create({"channel_member_id": member.id})
        self._check(
            self._wait(), lambda: self.channel.write({"block_assignment_during_call": False})
        )

    # ------------------------------------------------------------
    # Hours
    # ------------------------------------------------------------

    def test_hours_of_the_agent_the_group_and_the_channel(self):
        group = self._create_group("Team", self.agent)
        for record, name in (
            (self.agent, "dispatch_calendar_id"),
            (self.channel, "calendar_id"),
            (group, "calendar_id"),
        ):
            for change in (
                lambda record=record, name=name: record.write({name: False}),
                lambda: self._open_now(self.elsewhen),
                lambda: self._open_by_attendance(self.elsewhen),
            ):
                record.write({name: self.elsewhen.id})
                chat = self._wait_in(group) if record == group else self._wait()
                self._check(chat, change)
                self._close(chat)
                self.elsewhen.attendance_ids = [Command.clear()]
            record.write({name: False})

    def _open_now(self, calendar):
        calendar.attendance_ids = [
            Command.create(
                {
                    "name": "Always",
                    "dayofweek": str(day),
                    "hour_from": 0,
                    "hour_to": 24,
                    "day_period": "morning",
                }
            )
            for day in range(7)
        ]

    def _open_by_attendance(self, calendar):
        self.env["resource.calendar.attendance"].create(
            [
                {
                    "name": "Always",
                    "calendar_id": calendar.id,
                    "dayofweek": str(day),
                    "hour_from": 0,
                    "hour_to": 24,
                    "day_period": "morning",
                }
                for day in range(7)
            ]
        )

    def test_hours_that_change_in_the_calendar_alone(self):
        with freeze_all_time(fields.Datetime.now().replace(hour=12, minute=30)):
            self._set_online(self.agent)
            calendar = self.agent.dispatch_calendar_id = self._create_calendar(8, 9)
            for vals, change in (
                # There it is half past eight.
                ({"tz": "UTC"}, lambda: calendar.write({"tz": "Etc/GMT+4"})),
                ({"tz": "UTC"}, lambda: calendar.attendance_ids.write({"hour_to": 24})),
            ):
                calendar.write(vals)
                chat = self._wait()
                self._check(chat, change)
                self._close(chat)

    def test_a_holiday_that_is_taken_back(self):
        now = fields.Datetime.now()
        calendar = self._create_calendar(0, 24)
        holiday = self.env["resource.calendar.leaves"].create(
            {
                "name": "Holiday",
                "calendar_id": calendar.id,
                "date_from": now - timedelta(hours=1),
                "date_to": now + timedelta(hours=9),
            }
        )
        self.agent.dispatch_calendar_id = calendar
        chat = self._wait()
        self._check(chat, lambda: holiday.write({"date_from": now + timedelta(hours=8)}))
        self._close(chat)
        holiday.date_from = now - timedelta(hours=1)
        self._check(self._wait(), holiday.unlink)

    def test_a_pause_and_hours_that_end_by_the_clock(self):
        now = fields.Datetime.now().replace(hour=12, minute=0, second=0, microsecond=0)
        timers = self.env["im_livechat.channel"]._run_dispatch_timers
        for vals in (
            {"dispatch_paused": True, "dispatch_paused_until": now + timedelta(minutes=30)},
            {"dispatch_calendar_id": self._create_calendar(12.5, 13).id},
        ):
            with self.subTest(**vals):
                with freeze_all_time(now):
                    self._set_online(self.agent)
                    self.agent.write(vals)
                    chat = self._wait()
                with freeze_all_time(now + timedelta(minutes=31)):
                    self._set_online(self.agent)
                    timers()
                    self.assertEqual(self._agent_of(chat), self.agent)
                    self._close(chat)

    # ------------------------------------------------------------
    # Groups
    # ------------------------------------------------------------

    def test_an_agent_who_joins_the_group_from_whatever_side(self):
        group, other = self._create_group("B"), self._create_group("A", self.agent)
        for join in (
            lambda: group.write({"user_ids": [Command.link(self.agent.id)]}),
            lambda: self.channel.move_dispatch_agent(self.agent.id, other.id, group.id),
        ):
            chat = self._wait_in(group)
            self._check(chat, join)
            self._close(chat)
            group.user_ids -= self.agent
            other.user_ids += self.agent

    def test_a_sub_account_who_joins_the_group(self):
        staff = self.Subaccounts.create(
            {"name": "Li", "role_ids": [Command.set(self.role_reception.ids)]}
        )
        staff._activate("sesame-open")
        user = staff.sudo().user_id
        self._set_online(user)
        self.channel.write({"main_account_id": self.owner.id, "user_ids": [Command.set(user.ids)]})
        group = self._create_group("B")
        user.dispatch_paused = True
        chat = self._come(self.channel)
        chat.dispatch_group_id = group
        user.dispatch_paused = False
        self.channel._drain()
        self._is_announced()
        self._check(chat, lambda: staff.write({"dispatch_group_ids": [(4, group.id)]}), user)

    def test_the_tree_above_the_group(self):
        head, group = self._create_group("Head", self.agent), self._create_group("B")
        self._check(self._wait_in(group), lambda: group.write({"parent_id": head.id}))
        self._close(self.env["discuss.channel"].search([("dispatch_group_id", "=", group.id)]))
        self.channel.queue_enabled = True
        group.overflow_seconds = 300
        for change in (
            lambda: group.write({"overflow_seconds": 0}),
            lambda: self.channel.write({"queue_enabled": False}),
        ):
            group.overflow_seconds = 300
            chat = self._wait_in(group, "queued")
            self._check(chat, change)
            self._close(chat)

    def test_an_agent_whose_group_receives_everybody_again(self):
        lines = [Command.create({"kind": "page", "page_pattern": "/refund"})]
        group = self._create_group("A", self.agent, scope_ids=lines)
        for change in (
            lambda: group.write({"scope_ids": [Command.clear()]}),
            lambda: group.scope_ids.unlink(),
            lambda: group.write({"user_ids": [Command.clear()]}),
        ):
            chat = self._wait()
            self.assertFalse(chat.dispatch_group_id)
            self._check(chat, change)
            self._close(chat)
            group.write({"scope_ids": lines if not group.scope_ids else []})

    def test_a_message_whose_group_is_deleted(self):
        group = self._create_group("B")
        self._check(self._wait_in(group), group.unlink)

    # ------------------------------------------------------------
    # The channel
    # ------------------------------------------------------------

    def test_the_main_account_takes_chats(self):
        self.agent.dispatch_paused = True
        self.owner.group_ids += self.receive_group
        self._set_online(self.owner)
        chat = self._wait()
        self._check(
            chat, lambda: self.channel.write({"main_account_id": self.owner.id}), self.owner
        )
        self._close(chat)
        self.channel.main_account_participation = "never"
        chat = self._wait()
        self._check(
            chat,
            lambda: self.channel.write({"main_account_participation": "fallback"}),
            self.owner,
        )

    def test_the_rule_for_when_nobody_is_here(self):
        self._set_online(self.agent, "offline")
        chat = self._wait()
        self.channel.proxy_user_ids = self.agent
        self._is_announced()
        self._check(chat, lambda: self.channel.write({"offline_rule": "proxy"}))

    # ------------------------------------------------------------
    # The buyer
    # ------------------------------------------------------------

    def test_an_agent_appointed_to_a_buyer_who_waits(self):
        company = self.env["res.partner"].create({"name": "Buyer Ltd.", "is_company": True})
        buyers = [
            self.env["res.users"]
            .with_context(no_reset_password=True)
            .create(
                {
                    "name": f"Buyer {number}",
                    "login": f"buyer{number}",
                    "group_ids": [Command.set(self.env.ref("base.group_portal").ids)],
                }
            )
            for number in range(3)
        ]
        buyers[1].partner_id.parent_id = company
        self.channel.max_sessions = 5
        self.agent.dispatch_paused = True
        ahead = self._wait(buyer=self._create_guest())
        chats = [self._wait(buyer=buyer) for buyer in buyers]
        appointed = {"livechat_agent_id": self.agent.id}
        self._check(chats[0], lambda: buyers[0].partner_id.write(appointed))
        self._check(chats[1], lambda: company.write(appointed))
        self._check(chats[2], lambda: buyers[2].partner_id.write({"parent_id": company.id}))
        self.assertIn(ahead.dispatch_state, WAITING)

    def test_how_long_a_buyer_belongs_to_its_agent(self):
        guest = self._create_guest()
        self.channel.sticky_hours = 0
        answered = self._open_chat(self.channel, self.agent)
        answered._add_members(
            guests=guest, create_member_params={"livechat_member_type": "visitor"}
        )
        self._say(answered, self.agent, "Here you are.")
        self._close(answered)
        self.agent.dispatch_paused = True
        ahead, chat = self._wait(), self._wait(buyer=guest)
        self._check(chat, lambda: self.channel.write({"sticky_hours": 72}))
        self.assertIn(ahead.dispatch_state, WAITING)
