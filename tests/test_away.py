from datetime import datetime, timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.mail.tests.common import freeze_all_time

from .test_reassign import ReassignCommon
from .test_reception import ReceptionCommon
from .test_shifts import ShiftCommon


@tagged("post_install", "-at_install")
class TestAway(ReassignCommon, ShiftCommon):
    """Who goes away hands over whose buyers wait, and colleagues know when somebody is back."""

    def setUp(self):
        super().setUp()
        self.goer, self.stayer = self._create_agent("goer"), self._create_agent("stayer")
        self.channel = self._create_channel(self.goer | self.stayer, offline_rule="native")
        self.stayer.dispatch_paused = True
        self.unanswered, _guest = self._ask(self.channel)
        self.silent, guest = self._ask(self.channel)
        self._say(self.silent, self.goer, "One moment.")
        self._say(self.silent, guest, "Are you there?")
        self.answered, _guest = self._ask(self.channel)
        self._say(self.answered, self.goer, "It is.")
        self.stayer.dispatch_paused = False

    def _go(self, **pause):
        return self.goer.with_user(self.goer).dispatch_away(**pause)

    def _hours_until_back(self):
        """As the other agent is told in the list of who could take its chat."""
        targets = self.unanswered.with_user(self.stayer).get_transfer_targets()
        (agent,) = targets["agents"]
        self.assertEqual(agent["id"], self.goer.id)
        until = fields.Datetime.to_datetime(agent["until"])
        return until and (until - fields.Datetime.now()) / timedelta(hours=1)

    def _add_leave(self, start, end):
        action = self.env["res.users"].with_user(self.goer).action_my_time_off()
        return (
            self.env["resource.calendar.leaves"]
            .with_user(self.goer)
            .with_context(action["context"])
            .create(
                {
                    "name": "Doctor",
                    "date_from": fields.Datetime.now() + timedelta(hours=start),
                    "date_to": fields.Datetime.now() + timedelta(hours=end),
                }
            )
        )

    def test_who_goes_away_is_paused_and_hands_over_each_chat_in_which_a_word_is_owed(self):
        self.assertEqual(self._go(), {"handed_over": 2, "kept": 0})

        self.assertTrue(self.goer._is_paused())
        for chat in (self.unanswered, self.silent):
            self.assertEqual(self._agent_of(chat), self.stayer)
            record = self._last_decision(chat)
            self.assertEqual(
                (record.kind, record.user_id, record.previous_user_id, record.reason),
                ("hand_over", self.stayer, self.goer, "Away by choice"),
            )
        self.assertEqual(self._agent_of(self.answered), self.goer)
        self.assertEqual(self._go(), {"handed_over": 0, "kept": 0})

    def test_a_chat_that_nobody_can_take_waits_or_stays(self):
        self._set_online(self.stayer, "offline")
        self.assertEqual(self._go(), {"handed_over": 0, "kept": 2})
        self.assertEqual(self._agent_of(self.unanswered), self.goer)

        self.channel.offline_rule = "pool"
        self.assertEqual(self._go(), {"handed_over": 2, "kept": 0})
        self.assertEqual(self.unanswered.dispatch_state, "pool")
        self.assertEqual(self._last_decision(self.unanswered).reason, "Away by choice")

    def test_a_pause_that_has_an_end_keeps_it(self):
        until = fields.Datetime.now() + timedelta(hours=1)
        self.goer.with_user(self.goer).dispatch_pause(until)
        self._go()
        self.assertEqual(self.goer.dispatch_paused_until, until)
        self._go(until=fields.Datetime.to_string(until + timedelta(hours=1)))
        self.assertEqual(self.goer.dispatch_paused_until, until + timedelta(hours=1))

    def test_nobody_sends_away_whom_it_may_not_pause(self):
        with self.assertRaises(AccessError):
            self.goer.with_user(self.stayer).dispatch_away()
        self.assertEqual(self._agent_of(self.unanswered), self.goer)

    def test_colleagues_see_when_somebody_is_back(self):
        self._go()
        with freeze_all_time(datetime(2026, 1, 12, 10)):
            self.assertFalse(self._hours_until_back(), "nobody knows")
            self.goer.dispatch_pause(datetime(2026, 1, 12, 11))
            self.assertEqual(self._hours_until_back(), 1)
            off = self._add_leave(-1, 2) | self._add_leave(1.5, 4)
            self.assertEqual(self._hours_until_back(), 4, "one time off passes into the next")
            self.goer.dispatch_calendar_id = self._create_calendar(16, 20)
            self.assertEqual(self._hours_until_back(), 6, "the shift begins later")
            self._set_online(self.goer, "offline")
            (off | self._add_leave(6, 30)).unlink()
            self.goer.dispatch_resume()
            self.assertEqual(self._hours_until_back(), 6, "whether or not a page is open")
        with freeze_all_time(datetime(2026, 1, 12, 17)):
            self.assertFalse(self._hours_until_back(), "at work, but not here")

    def test_an_agents_time_off_keeps_buyers_away_until_it_ends(self):
        leave = self._add_leave(-1, 2)
        self.assertEqual(leave.resource_id, self.goer.resource_ids)
        self.assertEqual(self._agent_of(self._come(self.channel)), self.stayer)
        self._add_leave(30, 40)
        self.assertEqual(len(self.goer.resource_ids), 1)
        self.assertIn(
            "You have time off until",
            self.env["res.users"].with_user(self.goer).get_why_no_buyers(),
        )


@tagged("post_install", "-at_install")
class TestTimeOff(ReceptionCommon):
    """Time off is one's own."""

    def test_another_shop_sees_nothing_of_it_and_nothing_stays_of_who_is_deleted(self):
        action = self.env["res.users"].with_user(self.maria).action_my_time_off()
        resource = self.maria.resource_ids
        now = fields.Datetime.now()
        leave = (
            self.env["resource.calendar.leaves"]
            .with_user(self.maria)
            .with_context(action["context"])
            .create({"name": "Doctor", "date_from": now, "date_to": now + timedelta(hours=1)})
        )
        self.assertEqual(leave.resource_id, resource)
        for stranger in (self.rival, self.foreign_agent):
            with self.assertRaises(AccessError):
                resource.with_user(stranger).read(["name", "email"])
            for operation in ("read", "write", "unlink"):
                self.assertFalse(leave.with_user(stranger).has_access(operation), operation)
        with self.assertRaises(AccessError):
            self.env["res.users"].with_user(self.auditor).action_my_time_off()

        self.maria.unlink()
        self.assertFalse(leave.exists() or resource.exists())
