from ast import literal_eval
from datetime import timedelta
from unittest.mock import patch

from lxml import etree

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ..tools import clock
from .test_reception import ReceptionCommon


@tagged("post_install", "-at_install")
class TestPauses(ReceptionCommon):
    """Why somebody pauses, from a list that the shop edits, and for how long."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reasons = cls.env["livechat.pause.reason"]
        cls.lunch = cls.env.ref("im_livechat_subaccount.livechat_pause_reason_lunch")

    def _names(self, user, by=None):
        return [name for _id, name in user.with_user(by or user).get_pause_reasons()]

    def _pauses_of(self, user):
        return self.env["livechat.dispatch.pause"].search([("user_id", "=", user.id)], order="id")

    def test_a_shop_without_reasons_of_its_own_has_those_of_all_and_then_its_own_only(self):
        self.assertIn("Lunch", self._names(self.maria))
        self.assertNotIn("Three buyers in a row got no answer", self._names(self.maria))

        self.reasons.with_user(self.owner).create({"name": "Stocktaking"})

        self.assertEqual(self._names(self.maria), ["Stocktaking"])
        self.assertEqual(self._names(self.maria, self.owner), ["Stocktaking"])
        self.assertIn("Lunch", self._names(self.foreign_agent))

    def test_a_shop_edits_its_own_list_and_no_other(self):
        own = self.reasons.with_user(self.owner).create({"name": "Stocktaking"})
        self.assertEqual(own.main_account_id, self.owner)
        own.name = "Inventory"
        foreign = self.reasons.with_user(self.rival).create({"name": "Secret"})
        self.assertEqual(self.reasons.with_user(self.owner).search([]), own)
        for reason in (foreign, self.lunch):
            for change in (lambda row: row.write({"name": "x"}), lambda row: row.unlink()):
                with self.assertRaises(AccessError):
                    change(reason.with_user(self.owner))
        for user in (self.maria, self.auditor):
            with self.assertRaises(AccessError):
                self.reasons.with_user(user).create({"name": "x"})
        with self.assertRaises(AccessError):
            self.reasons.with_user(self.owner).create(
                {"name": "x", "main_account_id": self.rival.id}
            )

    def test_the_filter_finds_who_is_paused_and_nobody_whose_pause_is_over(self):
        view = self.env.ref("im_livechat_subaccount.livechat_subaccount_view_search")
        (node,) = etree.fromstring(view.arch).xpath("//filter[@name='paused']")
        accounts = self.env["livechat.subaccount"].with_user(self.owner)
        later = timedelta(hours=1)
        for until in (False, fields.Datetime.now() + later, fields.Datetime.now() - later):
            with self.subTest(until=until):
                self.maria.write({"dispatch_paused": True, "dispatch_paused_until": until})
                found = accounts.search(literal_eval(node.get("domain"))).user_id
                self.assertEqual(self.maria in found, self.maria._is_paused())

    def test_the_reason_is_shown_and_goes_with_the_pause(self):
        self.maria.with_user(self.planner).dispatch_pause(reason_id=self.lunch.id)

        (row,) = (row for row in self._read(self.owner)["agents"] if row["id"] == self.maria.id)
        self.assertEqual((row["paused"], row["pause_reason"]), (True, "Lunch"))
        status = self.env["res.users"].with_user(self.maria).get_dispatch_status()
        self.assertEqual(status["reason"], "Lunch")
        self.maria.with_user(self.maria).dispatch_resume()
        self.assertFalse(self.maria.dispatch_pause_reason_id)
        self.maria.with_user(self.maria).dispatch_pause()
        self.assertFalse(self.maria.dispatch_pause_reason_id)

    def test_a_reason_of_another_shop_or_of_nobody_is_refused(self):
        foreign = self.reasons.with_user(self.rival).create({"name": "Secret"})
        missed = self.env.ref("im_livechat_subaccount.livechat_pause_reason_missed")
        for reason_id in (foreign.id, missed.id, -1, 2**40, "1", [1], {"a": 1}, True):
            with self.subTest(reason_id=reason_id), self.assertRaises(ValidationError):
                self.maria.with_user(self.owner).dispatch_pause(reason_id=reason_id)
        for user in (self.omar, self.auditor, self.rival):
            with self.assertRaises(AccessError):
                self.maria.with_user(user).dispatch_pause(reason_id=self.lunch.id)
            with self.assertRaises(AccessError):
                self.maria.with_user(user).get_pause_reasons()
        self.assertFalse(self.maria.dispatch_paused)

    def test_who_left_three_buyers_without_an_answer_is_told_so(self):
        for _miss in range(3):
            self.maria._count_miss()

        self.assertTrue(self.maria.dispatch_paused)
        (row,) = (row for row in self._read(self.owner)["agents"] if row["id"] == self.maria.id)
        self.assertEqual(row["pause_reason"], "Three buyers in a row got no answer")

    def test_each_pause_is_kept_with_who_why_and_how_long(self):
        now = fields.Datetime.now()
        meeting = self.env.ref("im_livechat_subaccount.livechat_pause_reason_meeting")
        with patch.object(fields.Datetime, "now", lambda *args: now - timedelta(minutes=90)):
            self.maria.with_user(self.planner).dispatch_pause(reason_id=self.lunch.id)
        with patch.object(fields.Datetime, "now", lambda *args: now - timedelta(minutes=60)):
            self.maria.with_user(self.maria).dispatch_pause(reason_id=meeting.id)
        with patch.object(fields.Datetime, "now", lambda *args: now):
            self.maria.with_user(self.maria).dispatch_resume()

        first, second = self._pauses_of(self.maria)
        self.assertEqual(
            [(row.reason, row.hours, row.by_id) for row in (first, second)],
            [("Lunch", 0.5, self.planner), ("Meeting", 1.0, self.maria)],
        )
        self.assertEqual(first.main_account_id, self.owner)
        # As they were called at that moment.
        self.lunch.name = "Dinner"
        self.assertEqual(first.reason, "Lunch")

    def test_an_undone_resume_or_other_pause_is_a_pause_for_the_same_reason(self):
        begins = fields.Datetime.now().replace(microsecond=0)
        minutes = iter(range(100))

        def do(change):
            """A minute after what was done before."""
            now = begins + timedelta(minutes=next(minutes))
            with patch.object(fields.Datetime, "now", lambda *args: now):
                change()
                self.env.flush_all()

        def undo():
            row = self.env["livechat.dispatch.log"].search(
                [("agent_id", "=", self.maria.id)], limit=1
            )
            row.with_user(self.owner).action_undo()

        until = begins + timedelta(hours=9)
        maria = self.maria.with_user(self.owner)
        do(lambda: maria.dispatch_pause(until, self.lunch.id))
        for change in (
            maria.dispatch_resume,
            maria.dispatch_pause,
            # For the same as before.
            lambda: maria.dispatch_pause(reason_id=self.lunch.id),
        ):
            do(change)
            do(undo)
            self.assertEqual(self.maria.dispatch_paused_until, until)
            self.assertEqual(self.maria.dispatch_pause_reason_id, self.lunch)
        do(maria.dispatch_resume)
        for _miss in range(3):
            do(self.maria._count_miss)
        self.assertTrue(self.maria.dispatch_pause_reason_id)
        do(maria.dispatch_resume)
        do(undo)
        # Nobody chooses dispatch's own reason.
        self.assertTrue(self.maria.dispatch_paused)
        self.assertFalse(self.maria.dispatch_pause_reason_id)

    def test_the_team_page_says_for_what_somebody_paused(self):
        now = fields.Datetime.now()
        team = self.env["livechat.team"].with_context(tz="UTC")
        begin = clock.begin_day(clock.get_day(now, team.env.tz), team.env.tz)
        pauses = self.env["livechat.dispatch.pause"]
        pauses.create(
            [
                {
                    "user_id": user.id,
                    "main_account_id": owner.id,
                    "reason": reason,
                    "began_at": begin + timedelta(minutes=start),
                    "ended_at": begin + timedelta(minutes=end),
                }
                for user, owner, reason, start, end in (
                    (self.maria, self.owner, "Meeting", -60, -50),
                    # Over midnight: the part of the day counts.
                    (self.maria, self.owner, "Lunch", -10, 5),
                    (self.maria, self.owner, "Lunch", 6, 46),
                    (self.maria, self.owner, False, 50, 51),
                    (self.foreign_agent, self.rival, "Secret", 1, 2),
                )
            ]
        )
        expected = [
            {"reason": "Lunch", "count": 2, "seconds": 45 * 60},
            {"reason": False, "count": 1, "seconds": 60},
        ]
        for user in (self.owner, self.planner, self.auditor, self.maria):
            self.assertEqual(team.with_user(user).get_pauses(self.maria.id), expected)
        self.assertEqual(
            team.with_user(self.owner).get_pauses(self.maria.id, "yesterday"),
            [
                {"reason": "Lunch", "count": 1, "seconds": 10 * 60},
                {"reason": "Meeting", "count": 1, "seconds": 10 * 60},
            ],
        )
        self.assertEqual(team.with_user(self.owner).get_pauses(self.foreign_agent.id), [])
        self.assertEqual(team.with_user(self.omar).get_pauses(self.maria.id), [])
        with self.assertRaises(AccessError):
            team.with_user(self.env.ref("base.public_user")).get_pauses(self.maria.id)
        for arguments in (("1",), (None,), ([1],), (True,), (1, "year"), (1, None), (1, [1])):
            with self.subTest(arguments), self.assertRaises(UserError):
                team.with_user(self.owner).get_pauses(*arguments)

    def test_who_reads_pauses_and_nobody_writes_them(self):
        (self.maria | self.omar | self.foreign_agent).dispatch_paused = True
        pauses = self.env["livechat.dispatch.pause"]
        for user, expected in (
            (self.maria, self.maria),
            (self.owner, self.maria | self.omar),
            (self.planner, self.maria | self.omar),
            (self.rival, self.foreign_agent),
        ):
            seen = pauses.with_user(user).search([]).sudo().user_id
            ours = self.maria | self.omar | self.foreign_agent
            self.assertEqual(seen & ours, expected, user.name)
        row = self._pauses_of(self.maria)
        for user in (self.maria, self.owner, self.boss):
            with self.assertRaises(AccessError):
                pauses.with_user(user).create({"user_id": user.id})
            with self.assertRaises(AccessError):
                row.with_user(user).write({"reason": "x"})

    def test_who_is_paused_in_one_group_gets_none_of_its_buyers_and_goes_on_elsewhere(self):
        self.returns.user_ids |= self.maria
        other = self.env["livechat.dispatch.group"].create(
            {"name": "Shipping", "channel_id": self.channel.id, "user_ids": self.maria.ids}
        )
        self.assertFalse(self.returns.has_paused)

        self.returns.with_user(self.planner).set_agent_paused(self.maria.id, True)

        expected = {self.sofie.id: False, self.maria.id: "paused"}
        self.assertEqual(self._reasons(self.returns), expected)
        self.assertEqual(self._reasons(other), {self.maria.id: False})
        self.assertEqual(self.channel._find_exclusion(self.maria, self.returns), "paused")
        self.assertIsNone(self.channel._find_exclusion(self.maria, other))
        self.assertFalse(self.maria.dispatch_paused)
        row = self.env["livechat.dispatch.log"].search([("agent_id", "=", self.maria.id)], limit=1)
        self.assertEqual(row.what, "livechat.dispatch.group.paused_user_ids")
        self.assertEqual((row.group_id, row.user_id), (self.returns, self.planner))

        self.returns.with_user(self.owner).set_agent_paused(self.maria.id, False)
        self.assertEqual(self._reasons(self.returns)[self.maria.id], False)
        self.assertFalse(self.returns.has_paused)

    def test_who_leaves_a_group_is_paused_in_it_no_more(self):
        """Whoever brings an agent back finds no pause of long ago, on whichever side it left."""
        maria, planner = self.maria, self.planner

        def leave_the_group():
            self.returns.with_user(planner).write({"user_ids": [Command.unlink(maria.id)]})

        def leave_the_channel():
            self.channel.user_ids -= maria

        for leave in (leave_the_group, leave_the_channel):
            with self.subTest(leave.__name__):
                self.channel.user_ids |= maria
                self.returns.user_ids |= maria
                self.returns.with_user(planner).set_agent_paused(maria.id, True)
                self.assertEqual(self._reasons(self.returns)[maria.id], "paused")
                leave()
                self.assertFalse(self.returns.has_paused)
                self.channel.user_ids |= maria
                self.returns.user_ids |= maria
                self.assertEqual(self._reasons(self.returns)[maria.id], False)

    def test_only_who_manages_the_dispatch_pauses_in_a_group_and_only_its_agents(self):
        for user in (self.sofie, self.auditor, self.rival):
            with self.assertRaises(AccessError):
                self.returns.with_user(user).set_agent_paused(self.sofie.id, True)
        for user_id in (self.maria.id, self.foreign_agent.id, 2**30, "1", True):
            with self.subTest(user_id=user_id), self.assertRaises(UserError):
                self.returns.with_user(self.owner).set_agent_paused(user_id, True)
        with self.assertRaises(AccessError):
            self.returns.with_user(self.owner).write({"paused_user_ids": [(4, self.sofie.id)]})
        self.assertFalse(self.returns.paused_user_ids)
