from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from odoo.addons.mail.tests.common import freeze_all_time

from .common import DispatchCommon, ShopCommon


class DatedChangeCommon(ShopCommon, DispatchCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner.tz = "Asia/Shanghai"
        reception = cls.env["livechat.subaccount"].with_user(cls.owner)
        cls.maria, cls.omar = (
            reception.create({"name": name, "role_ids": [Command.set(cls.role_reception.ids)]})
            .sudo()
            .user_id.with_env(cls.env)
            for name in ("Maria", "Omar")
        )
        cls.manager_row = reception.create(
            {"name": "Planner", "role_ids": [Command.set(cls.role_store_manager.ids)]}
        )
        (cls.maria | cls.omar | cls.manager_row.sudo().user_id).with_env(cls.env).active = True
        cls.manager = cls.manager_row.sudo().user_id.with_env(cls.env)
        cls.channel = cls._create_channel(
            cls.maria | cls.omar,
            main_account_id=cls.owner.id,
            max_sessions_mode="limited",
            max_sessions=5,
        )
        cls.Changes = cls.env["livechat.dispatch.change"].with_user(cls.owner)
        cls.Log = cls.env["livechat.dispatch.log"]

    @classmethod
    def _create_change(cls, user=None, weights=None, **vals):
        """A draft; 11 November 2026 in Shanghai, unless told otherwise."""
        weights = {cls.maria: 200} if weights is None else weights
        return (
            cls.env["livechat.dispatch.change"]
            .with_user(user or cls.owner)
            .create(
                {
                    "name": "11 November",
                    "channel_id": cls.channel.id,
                    "start": "2026-11-10 16:00:00",
                    "stop": "2026-11-11 16:00:00",
                    "line_ids": [
                        Command.create({"user_id": agent.id, "weight": weight})
                        for agent, weight in weights.items()
                    ],
                    **vals,
                }
            )
        )

    @contextmanager
    def _at(self, *moment):
        with freeze_all_time(datetime(*moment)):
            yield

    def _tick(self):
        """What the cron does every minute."""
        self.env["livechat.dispatch.change"]._run_due(lambda do: (do(), self.env.flush_all()))

    def _read_log(self, what, since=0):
        rows = self.Log.search([("what", "=", what), ("id", ">", since)], order="id")
        return [(row.old_value, row.new_value, row.way, row.remark) for row in rows]


@tagged("post_install", "-at_install")
class TestDatedChanges(DatedChangeCommon):
    def test_only_those_are_offered_whom_saving_takes(self):
        self.channel.user_ids |= self.manager | self.owner
        for user, offered in (
            (self.owner, self.maria | self.omar | self.manager | self.owner),
            # Neither itself nor the main account.
            (self.manager, self.maria | self.omar),
        ):
            change = self._create_change(user, {})
            with self.subTest(user=user.name):
                self.assertEqual(change.settable_ids, offered)
                for agent in self.channel.user_ids:
                    line = Command.create({"user_id": agent.id, "weight": 150})
                    with self._is_refused(agent not in offered):
                        change.line_ids = [line]

    @contextmanager
    def _is_refused(self, is_refused):
        if not is_refused:
            yield
            return
        with self.assertRaises(AccessError):
            yield

    def test_it_starts_and_ends_by_itself_and_puts_back_what_was_there(self):
        with self._at(2026, 11, 1, 12):
            change = self._create_change(
                dispatch_mode="least_load", max_sessions_mode="limited", max_sessions=9
            )
            change.action_plan()
            self.assertEqual(change.state, "planned")
            self.assertEqual(change.tz, "Asia/Shanghai")
            self.assertEqual(change.main_account_id, self.owner)
        with self._at(2026, 11, 10, 15, 59):
            self._tick()
            self.assertEqual(self.maria.dispatch_weight, 100)
        with self._at(2026, 11, 10, 16, 0):
            self._tick()
        self.assertEqual(change.state, "running")
        self.assertEqual(
            [self.maria.dispatch_weight, self.channel.dispatch_mode, self.channel.max_sessions],
            [200, "least_load", 9],
        )
        self.assertEqual(self.omar.dispatch_weight, 100)
        with self._at(2026, 11, 11, 15, 59):
            self._tick()
            self.assertEqual(self.maria.dispatch_weight, 200)
        with self._at(2026, 11, 11, 16, 0):
            self._tick()
        self.assertEqual(change.state, "done")
        self.assertEqual(
            [self.maria.dispatch_weight, self.channel.dispatch_mode, self.channel.max_sessions],
            [100, "share", 5],
        )

    def test_the_minute_cron_runs_it_and_the_log_says_which_change_did(self):
        with self._at(2026, 11, 1, 12):
            change = self._create_change()
            change.action_plan()
        last = self.Log.search([], limit=1).id
        with self._at(2026, 11, 10, 16, 1):
            self.env["im_livechat.channel"]._run_dispatch_timers()
        row = self.Log.search([("what", "=", "res.users.dispatch_weight"), ("id", ">", last)])
        self.assertEqual((row.old_value, row.new_value, row.way), (100, 200, "change"))
        self.assertEqual((row.cause_id, row.agent_id), (change, self.maria))
        self.assertFalse(row.user_id)
        self.assertEqual(row.who, "11 November")

    def test_it_is_woken_at_its_very_start_and_end(self):
        cron = self.env.ref("im_livechat_subaccount.ir_cron_dispatch")
        triggers = self.env["ir.cron.trigger"].search([("cron_id", "=", cron.id)])
        with self._at(2026, 11, 1, 12):
            self._create_change().action_plan()
        with self._at(2026, 11, 10, 16):
            self._tick()
        new = self.env["ir.cron.trigger"].search([("cron_id", "=", cron.id)]) - triggers
        self.assertEqual(
            sorted(new.mapped("call_at")), [datetime(2026, 11, 10, 16), datetime(2026, 11, 11, 16)]
        )

    def test_running_twice_changes_nothing_more(self):
        with self._at(2026, 11, 1, 12):
            change = self._create_change()
            change.action_plan()
        for moment, weight in (((2026, 11, 10, 16), 200), ((2026, 11, 11, 16), 100)):
            with self._at(*moment):
                self._tick()
                rows = self.Log.search_count([])
                self._tick()
                change._start_if_due()
                change._end_if_due()
            self.assertEqual(self.maria.dispatch_weight, weight)
            self.assertEqual(self.Log.search_count([]), rows)

    def test_a_late_start_applies_until_the_planned_end(self):
        with self._at(2026, 11, 1, 12):
            change = self._create_change()
            change.action_plan()
        with self._at(2026, 11, 11, 3):
            self._tick()
        self.assertEqual(self.maria.dispatch_weight, 200)
        self.assertEqual(change.next_stop, datetime(2026, 11, 11, 16))

    def test_when_start_and_end_were_missed_nothing_is_applied_and_the_log_says_so(self):
        with self._at(2026, 11, 1, 12):
            change = self._create_change()
            change.action_plan()
        last = self.Log.search([], limit=1).id
        with self._at(2026, 11, 12, 3):
            self._tick()
        self.assertEqual((change.state, self.maria.dispatch_weight), ("done", 100))
        self.assertFalse(self._read_log("res.users.dispatch_weight", last))
        self.assertIn(
            ("planned", "done", "change", "missed"),
            self._read_log("livechat.dispatch.change.state", last),
        )

    def test_after_a_long_stop_ends_come_before_starts(self):
        with self._at(2026, 11, 1, 12):
            first = self._create_change()
            second = self._create_change(
                name="Sale goes on",
                weights={self.maria: 300},
                start="2026-11-11 16:00:00",
                stop="2026-11-12 16:00:00",
            )
            first.action_plan()
            second.action_plan()
        with self._at(2026, 11, 11, 3):
            self._tick()
        with self._at(2026, 11, 12, 3):
            self._tick()
        self.assertEqual(self.maria.dispatch_weight, 300)
        with self._at(2026, 11, 13, 3):
            self._tick()
        self.assertEqual(self.maria.dispatch_weight, 100)
        self.assertEqual((first | second).mapped("state"), ["done", "done"])

    def test_a_value_set_by_hand_meanwhile_stays_and_the_log_says_so(self):
        with self._at(2026, 11, 1, 12):
            change = self._create_change(weights={self.maria: 200, self.omar: 200})
            change.action_plan()
        with self._at(2026, 11, 10, 16):
            self._tick()
        last = self.Log.search([], limit=1).id
        self.manager_row.env["livechat.subaccount"].search([("user_id", "=", self.maria.id)]).write(
            {"dispatch_weight": 150}
        )
        with self._at(2026, 11, 11, 16):
            self._tick()
        self.assertEqual([self.maria.dispatch_weight, self.omar.dispatch_weight], [150, 100])
        self.assertEqual(
            sorted(self._read_log("res.users.dispatch_weight", last), key=str),
            sorted(
                [
                    (200, 150, "hand", False),
                    (200, 150, "change", "kept"),
                    (200, 100, "change", False),
                ],
                key=str,
            ),
        )

    def test_who_comes_back_to_the_planned_value_by_hand_keeps_it(self):
        with self._at(2026, 11, 1, 12):
            self._create_change().action_plan()
        with self._at(2026, 11, 10, 16):
            self._tick()
        for weight in (150, 200):
            self.maria.dispatch_weight = weight
        with self._at(2026, 11, 11, 16):
            self._tick()
        self.assertEqual(self.maria.dispatch_weight, 200)

    def test_what_was_changed_by_hand_and_undone_is_put_back(self):
        with self._at(2026, 11, 1, 12):
            self._create_change().action_plan()
        with self._at(2026, 11, 10, 16):
            self._tick()
        self.maria.dispatch_weight = 150
        self.Log.with_user(self.owner).search([], limit=1).action_undo()
        self.assertEqual(self.maria.dispatch_weight, 200)
        with self._at(2026, 11, 11, 16):
            self._tick()
        self.assertEqual(self.maria.dispatch_weight, 100)

    def test_undo_ends_it_now_and_it_does_not_start_again_that_day(self):
        with self._at(2026, 11, 1, 12):
            change = self._create_change(recurrence="yearly")
            change.action_plan()
        with self._at(2026, 11, 10, 17):
            self._tick()
            self.assertEqual(self.maria.dispatch_weight, 200)
            change.action_undo()
            self._tick()
            self.assertEqual(self.maria.dispatch_weight, 100)
        self.assertEqual(change.state, "planned")
        self.assertEqual(change.next_start, datetime(2027, 11, 10, 16))
        with self.assertRaises(UserError):
            change.action_undo()

    def test_started_by_hand_it_lasts_as_long_as_planned_and_comes_again_as_planned(self):
        with self._at(2026, 11, 1, 12):
            change = self._create_change()
            change.action_start()
            self.assertEqual((change.state, self.maria.dispatch_weight), ("running", 200))
            self.assertEqual(change.next_stop, datetime(2026, 11, 2, 12))
        with self._at(2026, 11, 2, 12):
            self._tick()
        self.assertEqual((change.state, self.maria.dispatch_weight), ("planned", 100))
        self.assertEqual(change.next_start, datetime(2026, 11, 10, 16))

    def test_cancelling_puts_back_and_ends_the_plan(self):
        with self._at(2026, 11, 10, 17):
            change = self._create_change(recurrence="daily")
            change.action_plan()
            self.assertEqual((change.state, self.maria.dispatch_weight), ("running", 200))
            change.action_cancel()
            self._tick()
        self.assertEqual((change.state, self.maria.dispatch_weight), ("cancelled", 100))
        with self._at(2026, 11, 12, 17):
            self._tick()
        self.assertEqual(self.maria.dispatch_weight, 100)

    def test_an_evening_shift_keeps_its_hours_across_summer_time(self):
        self.owner.tz = "Europe/Paris"
        with self._at(2026, 10, 24, 9):
            change = self._create_change(
                start="2026-10-24 18:00:00", stop="2026-10-24 21:00:00", recurrence="daily"
            )
            change.action_plan()
        for moment, weight in (
            ((2026, 10, 24, 18, 0), 200),
            ((2026, 10, 24, 21, 0), 100),
            ((2026, 10, 25, 18, 30), 100),
            ((2026, 10, 25, 19, 0), 200),
            ((2026, 10, 25, 21, 30), 200),
            ((2026, 10, 25, 22, 0), 100),
        ):
            with self._at(*moment):
                self._tick()
            self.assertEqual(self.maria.dispatch_weight, weight, moment)

    def test_18_june_comes_every_year(self):
        with self._at(2026, 6, 1, 9):
            change = self._create_change(
                start="2026-06-17 16:00:00", stop="2026-06-18 16:00:00", recurrence="yearly"
            )
            change.action_plan()
        for year in (2026, 2027, 2028):
            with self._at(year, 6, 17, 16):
                self._tick()
                self.assertEqual(self.maria.dispatch_weight, 200)
            with self._at(year, 6, 18, 16):
                self._tick()
                self.assertEqual(self.maria.dispatch_weight, 100)
        self.assertEqual(change.next_start, datetime(2029, 6, 17, 16))

    def test_pauses_are_set_and_put_back_with_their_end(self):
        until = datetime(2026, 11, 20)
        with self._at(2026, 11, 10, 15):
            self.omar.write({"dispatch_paused": True, "dispatch_paused_until": until})
            self._create_change(
                weights={},
                line_ids=[
                    Command.create({"user_id": self.maria.id, "pause": "pause"}),
                    Command.create({"user_id": self.omar.id, "pause": "resume"}),
                ],
            ).action_plan()
        with self._at(2026, 11, 10, 16):
            self._tick()
        self.assertEqual([self.maria.dispatch_paused, self.omar.dispatch_paused], [True, False])
        with self._at(2026, 11, 11, 16):
            self._tick()
        self.assertEqual([self.maria.dispatch_paused, self.omar.dispatch_paused], [False, True])
        self.assertEqual(self.omar.dispatch_paused_until, until)

    # ------------------------------------------------------------
    # What is refused
    # ------------------------------------------------------------

    def test_an_overlap_of_the_same_value_is_refused_and_names_the_other(self):
        with self._at(2026, 11, 1, 12):
            self._create_change(
                name="Every evening",
                recurrence="daily",
                start="2026-11-02 10:00:00",
                stop="2026-11-02 14:00:00",
            ).action_plan()
            other = self._create_change(name="Big day")
            with self.assertRaisesRegex(ValidationError, "Every evening.*weight of Maria"):
                other.action_plan()
            # Another value, and another time, are no overlap.
            self._create_change(weights={self.omar: 300}).action_plan()
            self._create_change(
                start="2026-11-02 14:00:00", stop="2026-11-02 20:00:00"
            ).action_plan()

    def test_a_recurrence_is_compared_with_the_other_two_years_ahead(self):
        with self._at(2026, 11, 1, 12):
            self._create_change(recurrence="yearly").action_plan()
            late = self._create_change(start="2027-11-11 00:00:00", stop="2027-11-11 01:00:00")
            with self.assertRaises(ValidationError):
                late.action_plan()

    def test_a_planned_change_that_is_edited_is_checked_again(self):
        with self._at(2026, 11, 1, 12):
            first = self._create_change()
            first.action_plan()
            second = self._create_change(start="2026-11-20 00:00:00", stop="2026-11-21 00:00:00")
            second.action_plan()
            with self.assertRaises(ValidationError):
                second.write({"start": "2026-11-11 00:00:00"})
            first.write({"start": "2026-11-12 00:00:00", "stop": "2026-11-13 00:00:00"})
            self.assertEqual(first.next_start, datetime(2026, 11, 12))

    def test_starting_into_the_time_of_another_is_refused(self):
        with self._at(2026, 11, 10, 3):
            self._create_change(name="Big day").action_plan()
            long = self._create_change(start="2026-11-20 00:00:00", stop="2026-11-21 00:00:00")
            with self.assertRaisesRegex(ValidationError, "Big day"):
                long.action_start()

    def test_values_are_checked_when_the_change_is_saved(self):
        stranger = self._create_agent("stranger")
        for vals in (
            {"line_ids": [Command.create({"user_id": self.maria.id, "weight": 9})]},
            {"line_ids": [Command.create({"user_id": self.maria.id, "weight": 1001})]},
            {"line_ids": [Command.create({"user_id": self.maria.id, "weight": 0})]},
            {"line_ids": [Command.create({"user_id": self.maria.id, "weight": "200"})]},
            {"line_ids": [Command.create({"user_id": stranger.id, "weight": 200})]},
            {"line_ids": [Command.create({"user_id": True, "weight": 200})]},
            {"line_ids": "x"},
            {"max_sessions_mode": "limited"},
            {"max_sessions_mode": "limited", "max_sessions": -1},
            {"dispatch_mode": "random"},
            {"stop": "2026-11-10 16:00:00"},
            {"stop": "2028-11-10 16:00:00"},
            {"start": "yesterday"},
            {"start": False},
            {"recurrence": "weekly"},
            {"recurrence": "custom"},
            {"recurrence": "custom", "rule": "FREQ=SECONDLY"},
            {"recurrence": "custom", "rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"},
            {"tz": "Mars/Olympus"},
            {"state": "running"},
            {"replaced": {"since": 0, "values": []}},
            {"next_start": "2026-01-01 00:00:00"},
            {"name": " "},
            {"main_account_id": self.rival.id},
        ):
            with self.subTest(vals=vals), self.assertRaises(UserError):
                self._create_change(**vals)

    def test_what_changes_nothing_or_is_over_is_not_planned(self):
        with self._at(2026, 11, 1, 12), self.assertRaises(ValidationError):
            self._create_change(weights={}).action_plan()
        with self._at(2026, 11, 12, 12), self.assertRaises(ValidationError):
            self._create_change().action_plan()
        with self._at(2026, 11, 1, 12), self.assertRaises(ValidationError):
            self._create_change(recurrence="daily", stop="2026-11-12 16:00:00").action_plan()

    # ------------------------------------------------------------
    # What went away meanwhile
    # ------------------------------------------------------------

    def test_agents_who_left_or_were_deleted_are_left_alone(self):
        with self._at(2026, 11, 1, 12):
            change = self._create_change(weights={self.maria: 200, self.omar: 200})
            change.action_plan()
        self.channel.user_ids = [Command.unlink(self.omar.id)]
        with self._at(2026, 11, 10, 16):
            self._tick()
        self.assertEqual([self.maria.dispatch_weight, self.omar.dispatch_weight], [200, 100])
        self.assertIn((100, 100, "change", "gone"), self._read_log("res.users.dispatch_weight"))
        self.maria.active = False
        self.maria.unlink()
        with self._at(2026, 11, 11, 16):
            self._tick()
        self.assertEqual(change.state, "done")

    def test_a_disabled_agent_gets_its_weight_back(self):
        with self._at(2026, 11, 1, 12):
            self._create_change().action_plan()
        with self._at(2026, 11, 10, 16):
            self._tick()
        self.maria.active = False
        with self._at(2026, 11, 11, 16):
            self._tick()
        self.assertEqual(self.maria.dispatch_weight, 100)

    def test_a_channel_that_is_deleted_leaves_no_weight_behind(self):
        with self._at(2026, 11, 10, 17):
            change = self._create_change()
            change.action_plan()
            self.assertEqual(self.maria.dispatch_weight, 200)
            self.channel.unlink()
        self.assertEqual(self.maria.dispatch_weight, 100)
        self.assertFalse(change.exists())

    def test_what_is_in_force_is_not_deleted(self):
        with self._at(2026, 11, 10, 17):
            change = self._create_change()
            change.action_plan()
            with self.assertRaises(UserError):
                change.unlink()
            with self.assertRaises(UserError):
                change.write({"name": "x"})
            change.action_undo()
            change.unlink()

    # ------------------------------------------------------------
    # Who
    # ------------------------------------------------------------

    def test_a_dispatch_manager_plans_for_others_but_not_for_itself(self):
        self.channel.user_ids = [Command.link(self.manager.id), Command.link(self.owner.id)]
        with self._at(2026, 11, 1, 12):
            self._create_change(self.manager).action_plan()
            for agent in (self.manager, self.owner):
                with self.assertRaises(AccessError):
                    self._create_change(self.manager, {agent: 200})
            self._create_change(self.owner, {self.owner: 200})

    def test_agents_and_other_shops_see_nothing_of_it(self):
        change = self._create_change()
        for user in (self.maria, self.rival):
            with self.assertRaises(AccessError):
                change.with_user(user).read(["name"])
            for method in ("action_plan", "action_start", "action_undo", "unlink"):
                with self.assertRaises(AccessError):
                    getattr(change.with_user(user), method)()

    def test_two_nodes_start_it_once(self):
        with self._at(2026, 11, 1, 12):
            change = self._create_change()
            change.action_plan()
        with self._at(2026, 11, 10, 16):
            with patch.object(
                type(change), "try_lock_for_update", lambda self, **kwargs: self.browse()
            ):
                # The other node holds the row.
                change.sudo()._start_if_due()
            self.assertEqual(self.maria.dispatch_weight, 100)
            self._tick()
        self.assertEqual(self.maria.dispatch_weight, 200)

    # ------------------------------------------------------------
    # What is in force when
    # ------------------------------------------------------------

    def _forecast(self, moment, change=None):
        Forecast = self.env["livechat.dispatch.forecast"].with_user(self.owner)
        draft = change.sudo() if change else self.env["livechat.dispatch.change"].sudo()
        return Forecast._forecast(self.channel.sudo(), moment, draft)

    def test_the_preview_tells_weights_shares_and_capacities_and_by_which_change(self):
        with self._at(2026, 11, 1, 12):
            draft = self._create_change(
                weights={self.maria: 300}, max_sessions_mode="limited", max_sessions=10
            )
            now = self._forecast(fields.Datetime.now(), draft)
            then = self._forecast(datetime(2026, 11, 11), draft)
            after = self._forecast(datetime(2026, 11, 11, 16), draft)

        def rows(forecast):
            return {
                row["name"]: (row["weight"], row["share"], row["capacity"], row["by"])
                for row in forecast["agents"]
            }

        plain = {"Maria": (100, "50.0 %", 5, ""), "Omar": (100, "50.0 %", 5, "")}
        self.assertEqual(rows(now), plain)
        self.assertEqual(
            rows(then),
            {"Maria": (300, "75.0 %", 30, "11 November"), "Omar": (100, "25.0 %", 10, "")},
        )
        self.assertEqual(then["capacity_by"], "11 November")
        self.assertEqual(rows(after), plain)
        self.assertEqual([row["draft"] for row in now["occurrences"]], [True])

    def test_the_preview_after_a_running_change_tells_what_is_put_back(self):
        with self._at(2026, 11, 10, 17):
            self._create_change().action_plan()
            now = self._forecast(fields.Datetime.now())
            after = self._forecast(datetime(2026, 11, 11, 17))
        weights = [{row["name"]: row["weight"] for row in at["agents"]} for at in (now, after)]
        self.assertEqual(weights, [{"Maria": 200, "Omar": 100}, {"Maria": 100, "Omar": 100}])

    def test_the_preview_is_for_those_who_read_the_shops_dispatch(self):
        audit = (
            self.env["livechat.subaccount"]
            .with_user(self.owner)
            .create({"name": "Audit", "role_ids": [Command.set(self.role_audit.ids)]})
        )
        auditor = audit.sudo().user_id.with_env(self.env)
        auditor.active = True
        with self._at(2026, 11, 1, 12):
            self._create_change().action_plan()
        for user, sees in (
            (self.owner, True),
            (self.manager, True),
            (auditor, True),
            (self.rival, False),
        ):
            form = (
                self.env["livechat.dispatch.forecast"]
                .with_user(user)
                .new({"channel_id": self.channel.id, "moment": datetime(2026, 11, 11)})
            )
            self.assertEqual(bool(form.forecast), sees, user.name)
            if sees:
                self.assertIn("Maria", form.forecast)
        with self.assertRaises(AccessError):
            self.env["livechat.dispatch.forecast"].with_user(self.maria).create({})

    def test_presets_fill_in_times_of_the_shop(self):
        with self._at(2026, 11, 20, 12):
            form = self.Changes.new({"channel_id": self.channel.id, "preset": "singles_day"})
            form._onchange_preset()
        self.assertEqual(
            (form.name, form.recurrence, form.start, form.stop),
            ("11 November", "yearly", datetime(2027, 11, 10, 16), datetime(2027, 11, 11, 16)),
        )
        self.assertEqual(form.stop - form.start, timedelta(days=1))
