from datetime import datetime, timedelta

from odoo import Command, fields
from odoo.tests import tagged

from odoo.addons.http_routing.tests.common import MockRequest
from odoo.addons.mail.tests.common import freeze_all_time

from .common import ShopCommon
from .test_shifts import ShiftCommon


@tagged("post_install", "-at_install")
class TestWhyNoBuyers(ShiftCommon, ShopCommon):
    """An agent reads in one sentence why no buyers come."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = cls._create_agent("agent", tz="UTC")
        cls.channel = cls._create_channel(
            cls.agent, max_sessions_mode="limited", max_sessions=1, name="Shop"
        )

    def _why(self, user=None):
        return (user or self.agent).with_user(user or self.agent).get_why_no_buyers()

    def _create_group(self, **vals):
        group = self.env["livechat.dispatch.group"].create(
            {
                "name": "Refunds",
                "channel_id": self.channel.id,
                "user_ids": [Command.link(self.agent.id)],
                **vals,
            }
        )
        group.scope_ids = [Command.create({"kind": "page", "page_pattern": "/refund"})]
        return group

    def test_who_gets_buyers_and_who_is_no_agent_is_told_nothing(self):
        self.assertFalse(self._why())
        self.assertFalse(self._why(self.owner))
        stranger = self._create_agent("stranger")
        self.assertFalse(self._why(stranger))

    def test_a_main_account_that_takes_chats_sees_itself_as_an_agent_does(self):
        self.channel.write({"main_account_id": self.owner.id, "queue_enabled": True})
        self._set_online(self.owner)
        users = self.env["res.users"].with_user(self.owner)
        sockets = self.env["ir.websocket"].with_user(self.owner)
        self.assertFalse(users.get_dispatch_status(), "it stands back")
        with MockRequest(sockets.env):
            self.assertNotIn(self.channel, sockets._build_bus_channel_list([]))
        self.channel.main_account_participation = "fallback"
        self.env.flush_all()
        chats = [self._come(self.channel) for _buyer in range(3)]
        self.assertEqual([self._agent_of(chat) for chat in chats[:2]], [self.agent, self.owner])
        status = users.get_dispatch_status()
        self.assertEqual((status["load"], status["capacity"], status["waiting"]), (1, 1, 1))
        self.assertEqual(self._why(self.owner), "You have no room for another chat.")
        with MockRequest(sockets.env):
            self.assertIn(self.channel, sockets._build_bus_channel_list([]))
        line = (self.env.cr.dbname, "im_livechat.channel", self.channel.id)
        self.assertIn(line, self.env["bus.bus"].with_user(self.owner)._filter_heard([line]))

    def test_the_reason_is_that_of_the_decision(self):
        self.agent.dispatch_paused = True
        self.assertEqual(self._why(), "You are paused.")
        self.agent.dispatch_paused = False
        self.agent.manual_im_status = "away"
        self.assertEqual(self._why(), "You have set yourself away.")
        self.agent.manual_im_status = False
        self._set_online(self.agent, "offline")
        self.assertEqual(self._why(), "Nothing was heard of you for a while.")
        self._set_online(self.agent)
        self._open_chat(self.channel, self.agent)
        self.assertEqual(self._why(), "You have no room for another chat.")
        self.channel.max_sessions_mode = "unlimited"
        self.agent.write({"dispatch_pause_above": 1, "dispatch_resume_below": 1})
        self._come(self.channel)
        self.assertEqual(self._why(), "You have more chats than you want.")

    def test_one_channel_with_room_is_enough_and_room_comes_soonest(self):
        self._open_chat(self.channel, self.agent)
        other = self._create_channel(self.agent, calendar_id=self._create_calendar(0, 0.01).id)
        with freeze_all_time(datetime(2026, 1, 12, 12, 0)):
            self._set_online(self.agent)
            self.assertEqual(self._why(), "You have no room for another chat.")
            other.calendar_id = False
            self.assertFalse(self._why())

    def test_until_when_shift_group_and_channel_are_closed(self):
        with freeze_all_time(datetime(2026, 1, 12, 12, 0)):
            self._set_online(self.agent)
            self.agent.dispatch_calendar_id = self._create_calendar(14, 18)
            self.assertIn("You are off shift until 2:00", self._why())
            self.agent.lang = "en_US"
            self.agent.tz = "Asia/Shanghai"
            self.assertIn("You are off shift until 10:00", self._why())
            self.agent.tz = "UTC"
            # The shift begins before the shop opens.
            self.channel.calendar_id = self._create_calendar(15, 18)
            self.assertIn("Shop is closed until 3:00", self._why())
            self.channel.calendar_id = False
            self.agent.dispatch_calendar_id = self._create_calendar(8, 10)
            self.assertEqual(self._why(), "You are off shift until Tue 13 Jan 08:00.")
            self.agent.dispatch_calendar_id = False
            self._create_group(calendar_id=self._create_calendar(16, 18).id)
            self.assertIn("Refunds is closed until 4:00", self._why())
            self.agent.write(
                {"dispatch_paused": True, "dispatch_paused_until": datetime(2026, 1, 12, 13, 30)}
            )
            self.assertIn("You are paused until 1:30", self._why())

    def test_time_off_says_until_when(self):
        resource = self.env["resource.resource"].create(
            {"name": "Agent", "user_id": self.agent.id, "tz": "UTC"}
        )
        now = fields.Datetime.now()
        self.env["resource.calendar.leaves"].create(
            {
                "resource_id": resource.id,
                "date_from": now - timedelta(hours=1),
                "date_to": now + timedelta(days=3),
            }
        )
        self.assertIn("You have time off until", self._why())

    def test_who_is_paused_in_its_only_group_is_told_where(self):
        """It has nothing to resume by itself."""
        group = self._create_group()
        group.write({"paused_user_ids": [Command.link(self.agent.id)]})
        self.assertFalse(self.agent._is_paused())
        self.assertEqual(
            self._why(),
            "You are paused in Refunds: who manages dispatch lets you take its buyers again.",
        )
        self.agent.dispatch_paused = True
        self.assertEqual(self._why(), "You are paused.")

    def test_a_group_that_asks_for_a_permission_says_so(self):
        permission = self.env.ref("im_livechat_subaccount.permission_audit_conversations")
        self._create_group(required_permission_id=permission.id)
        self.assertEqual(
            self._why(), f"Refunds gives you no buyers: it asks for {permission.name}."
        )

    def test_a_sub_account_without_channel_or_right_is_told(self):
        subaccount = self.Subaccounts.create({"name": "Chen Jing"})
        subaccount._activate("sesame-open")
        user = subaccount.sudo().user_id
        self.assertEqual(self._why(user), "None of your roles lets you receive buyers.")
        subaccount.role_ids = self.role_reception
        self.assertEqual(self._why(user), "You are an agent of no channel.")
