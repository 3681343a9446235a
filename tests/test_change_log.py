from datetime import datetime, timedelta
from unittest.mock import patch

from lxml import etree

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from .test_dated_changes import DatedChangeCommon


@tagged("post_install", "-at_install")
class TestChangeLog(DatedChangeCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.group = cls.env["livechat.dispatch.group"].create(
            {"name": "Returns", "channel_id": cls.channel.id, "user_ids": cls.maria.ids}
        )
        cls.calendar = cls.env["resource.calendar"].create({"name": "Early"})
        cls.tag = cls.env["res.partner.category"].create({"name": "VIP"})
        cls.permission = cls.env.ref("im_livechat_subaccount.permission_receive_buyers")

    def _count(self, do):
        """Return the rows that something leaves in the log, oldest first."""
        self.env.flush_all()
        last = self.Log.search([], limit=1).id
        do()
        self.env.flush_all()
        return self.Log.search([("id", ">", last)], order="id")

    def _get_other_value(self, record, name):
        """Another value of a field than the record has, as something to write."""
        field = record._fields[name]
        special = {
            "dispatch_pause_above": 7,
            "dispatch_resume_below": 0,
            "user_ids": [Command.link(self.omar.id)]
            if record == self.group
            else [Command.unlink(self.omar.id)],
            "livechat_channel_ids": [Command.clear()],
            "proxy_user_ids": [Command.link(self.maria.id)],
            "main_account_id": self.rival.id,
            "dispatch_calendar_id": self.calendar.id,
            "calendar_id": self.calendar.id,
            "required_permission_id": self.permission.id,
            "scope_ids": [Command.create({"kind": "page", "page_pattern": "/returns"})],
            "line_first_tag_id": self.tag.id,
            "paused_user_ids": [Command.link(self.omar.id)],
            "no_reply_seconds": 60,
            "silence_seconds": 60,
            "close_after_hours": 24,
            "pool_email": "desk@example.com",
            "offline_rule": "pool",
        }
        if name == "parent_id":
            return (
                self.env["livechat.dispatch.group"]
                .create({"name": "After-sales", "channel_id": self.channel.id})
                .id
            )
        if name in special:
            return special[name]
        if field.type == "boolean":
            return not record[name]
        if field.type == "integer":
            return record[name] + 10
        if field.type == "selection":
            keys = [key for key, _label in field._description_selection(self.env)]
            return next(key for key in keys if key != record[name])
        if field.type == "char":
            return "Something else"
        self.fail(f"no other value for {name}")

    def test_every_logged_setting_is_logged_once_when_it_changes_and_not_when_it_does_not(self):
        subjects = {
            "res.users": self.maria,
            "im_livechat.channel": self.channel,
            "livechat.dispatch.group": self.group,
        }
        self.maria.dispatch_resume_below = 1
        for model, record in subjects.items():
            # What is chosen of a helpdesk needs one: test_tickets.
            for name in {*self.Log._get_logged(model)} - {"helpdesk_team"}:
                with self.subTest(model=model, name=name):
                    self._check_logged(record, name)

    def _check_logged(self, record, name):
        value = self._get_other_value(record, name)
        same = record._fields[name].convert_to_write(record[name], record)
        self.assertFalse(self._count(lambda: record.write({name: same})))
        rows = self._count(lambda: record.write({name: value}))
        if name in ("livechat_channel_ids", "user_ids"):
            # Who leaves the channel leaves its groups.
            self.assertTrue(rows)
            self.assertEqual(len(rows), len(set(rows.mapped("what"))))
        else:
            self.assertEqual(rows.mapped("what"), [f"{record._name}.{name}"])
        row = rows[0]
        self.assertNotEqual(row.old_value, row.new_value)
        self.assertNotEqual(row.old_text, row.new_text)
        self.assertEqual((row.way, row.user_id), ("hand", self.env.user))
        self.assertTrue(row.subject)
        self.assertIn(row.what, dict(self.Log._get_whats()))

    def test_every_field_of_a_dated_change_is_logged(self):
        with self._at(2026, 11, 1, 12):
            rows = self._count(lambda: self._create_change())
            self.assertEqual(rows.mapped("what"), ["livechat.dispatch.change.create"])
            change = rows.change_id.with_user(self.owner)
            values = {
                "name": "Singles",
                "start": "2026-11-10 17:00:00",
                "stop": "2026-11-10 19:00:00",
                "tz": "UTC",
                "monday": True,
                "tuesday": True,
                "wednesday": True,
                "thursday": True,
                "friday": True,
                "saturday": True,
                "sunday": True,
                "recurrence": "weekly",
                "rule": "FREQ=DAILY",
                "until": "2027-01-01",
                "dispatch_mode": "share",
                "max_sessions": 5,
                "max_sessions_mode": "limited",
                "line_ids": [Command.update(change.line_ids.id, {"weight": 250})],
            }
            self.assertEqual({*values, "state"}, set(self.Log._get_logged(change._name)))
            for name, value in values.items():
                rows = self._count(lambda name=name, value=value: change.write({name: value}))
                self.assertEqual(rows.mapped("what"), [f"livechat.dispatch.change.{name}"])
                self.assertEqual(rows.user_id, self.owner)
                self.assertNotEqual(rows.old_text, rows.new_text, name)
            rows = self._count(change.action_plan)
            self.assertEqual(rows.mapped("new_text"), ["Planned"])
            rows = self._count(change.unlink)
            self.assertEqual(rows.mapped("what"), ["livechat.dispatch.change.unlink"])

    def test_settings_of_the_whole_database_are_logged(self):
        settings = self.env["res.config.settings"].create(
            {"dispatch_quiet_hold": 0.25, "dispatch_weight_default": 120}
        )
        rows = self._count(settings.execute)
        self.assertEqual(
            sorted((row.what, row.old_text, row.new_text, row.user_id.id) for row in rows),
            [
                ("res.config.settings.dispatch_quiet_hold", "0.5", "0.25", self.env.uid),
                ("res.config.settings.dispatch_weight_default", "100", "120", self.env.uid),
            ],
        )
        self.assertFalse(any(rows.mapped("can_undo")))
        self.assertFalse(self._count(settings.execute))
        for reader in (self.owner, self.maria):
            self.assertFalse(self.Log.with_user(reader).search([("id", "in", rows.ids)]))

    def test_a_weight_set_on_the_sub_account_is_logged_once_with_who(self):
        row = (
            self.env["livechat.subaccount"]
            .with_user(self.manager)
            .search([("user_id", "=", self.maria.id)])
        )
        (logged,) = self._count(lambda: row.write({"dispatch_weight": 130}))
        self.assertEqual(
            [logged.old_value, logged.new_value, logged.user_id, logged.who],
            [100, 130, self.manager, "Planner"],
        )
        self.assertEqual((logged.main_account_id, logged.agent_id), (self.owner, self.maria))

    def test_many_agents_cost_as_many_queries_as_one(self):
        agents = self.maria | self.omar

        def count(users, weight):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            users.write({"dispatch_weight": weight})
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count(agents, 110)
        one, both = count(self.maria, 120), count(agents, 130)
        self.assertLessEqual(both, one + 2)

    def test_groups_come_and_go_in_the_log_with_their_agents_and_scope(self):
        rows = self._count(
            lambda: self.env["livechat.dispatch.group"].create(
                {
                    "name": "Refunds",
                    "channel_id": self.channel.id,
                    "user_ids": self.omar.ids,
                    "scope_ids": [Command.create({"kind": "page", "page_pattern": "/refund"})],
                }
            )
        )
        self.assertCountEqual(
            rows.mapped("what"),
            [
                "livechat.dispatch.group.create",
                "livechat.dispatch.group.scope_ids",
                "livechat.dispatch.group.user_ids",
            ],
        )
        group = rows.group_id
        (row,) = self._count(lambda: group.scope_ids.write({"page_pattern": "/refunds"}))
        self.assertIn("/refunds", row.new_text)
        (row,) = self._count(lambda: group.scope_ids.unlink())
        self.assertEqual(row.new_text, "–")
        (row,) = self._count(lambda: group.write({"user_ids": [Command.clear()]}))
        self.assertEqual((row.agent_id, row.new_value), (self.omar, False))
        (row,) = self._count(group.unlink)
        self.assertEqual((row.what, row.old_text), ("livechat.dispatch.group.unlink", "Refunds"))
        self.assertFalse(row.group_id)
        self.assertEqual(row.new_text, "–")

    def test_an_agent_who_leaves_the_channel_leaves_its_groups_in_the_log_as_well(self):
        rows = self._count(
            lambda: self.maria.write({"livechat_channel_ids": [Command.unlink(self.channel.id)]})
        )
        self.assertCountEqual(
            rows.mapped("what"),
            ["im_livechat.channel.user_ids", "livechat.dispatch.group.user_ids"],
        )
        self.assertEqual(rows.agent_id, self.maria)
        # She may not write who serves the channel, and so does not join it by herself either.
        with self.assertRaises(AccessError):
            self.channel.with_user(self.maria).action_join()
        (row,) = self._count(lambda: self.channel.with_user(self.owner).action_join())
        self.assertEqual((row.new_value, row.agent_id, row.user_id), (True, self.owner, self.owner))

    def test_a_main_account_that_takes_chats_itself_can_be_deleted(self):
        owner = self._create_main_account("leaving")
        channel = self.env["im_livechat.channel"].create(
            {
                "name": "Last days",
                "dispatch_mode": "share",
                "main_account_id": owner.id,
                "user_ids": [Command.set(owner.ids)],
            }
        )
        log = self.env["livechat.dispatch.log"].search([], order="id desc", limit=1)
        owner.unlink()
        self.env.flush_all()
        self.assertFalse(channel.user_ids)
        (row,) = self.env["livechat.dispatch.log"].search(
            [("id", ">", log.id), ("what", "=", "im_livechat.channel.user_ids")]
        )
        self.assertFalse(row.main_account_id)
        self.assertFalse(row.agent_id)

    def test_deleting_leaves_the_log_readable(self):
        self.omar.dispatch_weight = 300
        rows = self.Log.search([("agent_id", "=", self.omar.id)])
        self.omar.active = False
        self.omar.unlink()
        self.assertTrue(rows.exists())
        self.assertFalse(rows.agent_id)
        self.assertIn("Omar", rows[0].subject)
        self.group.user_ids = False
        (row,) = self._count(self.channel.unlink)
        self.assertEqual((row.what, row.old_text), ("im_livechat.channel.unlink", "Flagship Shop"))

    def test_dispatch_pauses_by_itself_and_by_nobody(self):
        for _miss in range(2):
            self.assertFalse(self._count(self.maria._count_miss))
        (row,) = self._count(self.maria._count_miss)
        self.assertEqual((row.way, row.who, row.user_id.id), ("dispatch", "Dispatch", False))
        self.maria.dispatch_paused_until = fields.Datetime.now() - timedelta(minutes=1)
        (row,) = self._count(self.env["im_livechat.channel"]._run_dispatch_timers)
        self.assertEqual((row.way, row.new_text), ("dispatch", "Takes new buyers"))

    def test_a_pause_and_its_end_are_one_row(self):
        until = fields.Datetime.now().replace(microsecond=0) + timedelta(hours=1)
        (row,) = self._count(lambda: self.maria.with_user(self.maria).dispatch_pause(until))
        self.assertEqual(row.new_value, fields.Datetime.to_string(until))
        self.assertIn("Paused until", row.new_text)
        self.assertEqual(row.user_id, self.maria)

    # ------------------------------------------------------------
    # Undo
    # ------------------------------------------------------------

    def test_undo_sets_weight_mode_capacity_and_pause_back_and_is_logged(self):
        for do, read in (
            (
                lambda: self.maria.write({"dispatch_weight": 300}),
                lambda: self.maria.dispatch_weight,
            ),
            (
                lambda: self.maria.write({"dispatch_paused": True}),
                lambda: self.maria.dispatch_paused,
            ),
            (
                lambda: self.channel.write({"dispatch_mode": "least_load"}),
                lambda: self.channel.dispatch_mode,
            ),
            (lambda: self.channel.write({"max_sessions": 8}), lambda: self.channel.max_sessions),
        ):
            before = read()
            (row,) = self._count(do)
            self.assertNotEqual(read(), before)
            mine = row.with_user(self.owner)
            self.assertTrue(mine.can_undo)
            (undone,) = self._count(mine.action_undo)
            self.assertEqual(read(), before)
            self.assertEqual((undone.way, undone.user_id), ("undo", self.owner))
            mine.invalidate_recordset()
            self.assertFalse(mine.can_undo)

    def test_undo_of_what_was_changed_again_is_refused(self):
        (row,) = self._count(lambda: self.maria.write({"dispatch_weight": 300}))
        self.maria.dispatch_weight = 400
        with self.assertRaisesRegex(UserError, "it is 400 now"):
            row.with_user(self.owner).action_undo()
        self.assertEqual(self.maria.dispatch_weight, 400)

    def test_undo_is_of_the_last_change_only_though_the_value_is_back(self):
        (first,) = self._count(lambda: self.maria.write({"dispatch_weight": 300}))
        self.maria.dispatch_weight = 100
        (last,) = self._count(lambda: self.maria.write({"dispatch_weight": 300}))
        rows = (first | last).with_user(self.owner)
        self.assertEqual(rows.mapped("can_undo"), [False, True])
        with self.assertRaisesRegex(UserError, "changed again"):
            rows[0].action_undo()

    def test_undo_is_not_offered_of_a_pause_that_would_be_over(self):
        now = fields.Datetime.now()
        until = now + timedelta(hours=1)
        for do, current in (
            (self.maria.dispatch_resume, False),
            (lambda: self.maria.dispatch_pause(until + timedelta(days=1)), True),
        ):
            self.maria.dispatch_pause(until)
            (row,) = self._count(do)
            mine = row.with_user(self.owner)
            self.assertTrue(mine.can_undo)
            with patch.object(fields.Datetime, "now", lambda *args: until):
                mine.invalidate_recordset()
                self.assertFalse(mine.can_undo)
                with self.assertRaisesRegex(UserError, "is past"):
                    mine.action_undo()
            self.assertEqual(self.maria.dispatch_paused, current)

    def test_pauses_in_one_group_are_found_among_the_pauses(self):
        (everywhere,) = self._count(lambda: self.omar.with_user(self.owner).dispatch_pause())
        (in_group,) = self._count(lambda: self.group.set_agent_paused(self.maria.id, True))
        (other,) = self._count(lambda: self.maria.write({"dispatch_weight": 300}))
        view = self.env.ref("im_livechat_subaccount.livechat_dispatch_log_view_search")
        (node,) = etree.fromstring(view.arch).xpath("//filter[@name='pauses']")
        rows = everywhere | in_group | other
        found = rows.search([("id", "in", rows.ids), *safe_eval(node.get("domain"))])
        self.assertEqual(found, everywhere | in_group)

    def test_an_agents_own_pauses_can_be_left_out(self):
        (own,) = self._count(lambda: self.maria.with_user(self.maria).dispatch_pause())
        (given,) = self._count(lambda: self.omar.with_user(self.owner).dispatch_pause())
        rows = self.env["livechat.dispatch.log"].search(
            [("id", "in", (own | given).ids), ("is_own_pause", "!=", True)]
        )
        self.assertEqual(rows, given)
        self.assertEqual((own | given).mapped("is_own_pause"), [True, False])

    def test_the_end_of_a_pause_is_left_out_with_its_beginning_and_what_dispatch_does_is_not(self):
        until = fields.Datetime.now().replace(microsecond=0) + timedelta(hours=1)
        (own,) = self._count(lambda: self.maria.with_user(self.maria).dispatch_pause(until))
        self.maria.dispatch_paused_until = fields.Datetime.now() - timedelta(minutes=1)
        (end,) = self._count(self.env["im_livechat.channel"]._run_dispatch_timers)
        for _miss in range(2):
            self.omar._count_miss()
        (by_dispatch,) = self._count(self.omar._count_miss)
        rows = own | end | by_dispatch
        self.assertEqual(
            rows.search([("id", "in", rows.ids), ("is_own_pause", "!=", True)]), by_dispatch
        )
        self.assertEqual([row.is_own_pause for row in (own, end, by_dispatch)], [True, True, False])

    def test_undo_is_for_those_who_could_set_it(self):
        weight = self._count(lambda: self.maria.write({"dispatch_weight": 300}))
        mode = self._count(lambda: self.channel.write({"dispatch_mode": "least_load"}))
        own = self._count(lambda: self.manager.write({"dispatch_weight": 300}))
        for user, row in (
            (self.maria, weight),
            (self.omar, weight),
            (self.rival, weight),
            (self.maria, mode),
            (self.rival, mode),
            (self.manager, own),
        ):
            with self.assertRaises(AccessError):
                row.with_user(user).action_undo()
        for rows in (weight, mode):
            rows.with_user(self.manager).action_undo()
        self.assertEqual((self.maria.dispatch_weight, self.channel.dispatch_mode), (100, "share"))

    def test_what_is_no_simple_value_is_not_undone(self):
        rows = self._count(lambda: self.group.write({"name": "Refunds"}))
        self.assertFalse(rows.with_user(self.owner).can_undo)
        with self.assertRaises(UserError):
            rows.with_user(self.owner).action_undo()

    # ------------------------------------------------------------
    # Who reads, and that nobody writes
    # ------------------------------------------------------------

    def test_an_agent_reads_about_itself_a_shop_its_own_and_nobody_else(self):
        rows = self._count(lambda: self.maria.write({"dispatch_weight": 300}))
        rows |= self._count(lambda: self.omar.write({"dispatch_weight": 300}))
        rows |= self._count(lambda: self.channel.write({"dispatch_mode": "least_load"}))
        for user, count in (
            (self.maria, 1),
            (self.owner, 3),
            (self.manager, 3),
            (self.rival, 0),
            (self._create_agent("core_agent"), 0),
            (
                self._create_agent("boss", groups="im_livechat.im_livechat_group_manager"),
                3,
            ),
        ):
            found = self.Log.with_user(user).search([("id", "in", rows.ids)])
            self.assertEqual(len(found), count, user.name)
            found.read()

    def test_which_shop_a_channel_moved_to_is_for_administrators(self):
        (row,) = self._count(
            lambda: self.channel.write({"main_account_id": self.rival.id})
        ).filtered(lambda row: row.what == "im_livechat.channel.main_account_id")
        for user in (self.owner, self.rival):
            self.assertFalse(self.Log.with_user(user).search([("id", "=", row.id)]))

    def test_nobody_writes_the_log(self):
        (row,) = self._count(lambda: self.maria.write({"dispatch_weight": 300}))
        admin = self.env.ref("base.user_admin")
        for log in (self.Log, self.Log.with_user(admin), self.Log.with_user(self.owner)):
            mine = log.browse(row.id)
            for do in (
                lambda log=log: log.create(
                    {"what": "res.users.dispatch_weight", "old_value": 1, "new_value": 2}
                ),
                lambda mine=mine: mine.write({"new_value": 5}),
                lambda mine=mine: mine.unlink(),
            ):
                with self.assertRaises(AccessError):
                    do()
        forged = self.Log.with_context(livechat_dispatch_log=True)
        with self.assertRaises(AccessError):
            forged.browse(row.id).unlink()

    def test_rows_older_than_400_days_are_cleared_away(self):
        (row,) = self._count(lambda: self.maria.write({"dispatch_weight": 300}))
        self.env.cr.execute(
            "UPDATE livechat_dispatch_log SET moment = %s WHERE id = %s",
            [datetime(2020, 1, 1), row.id],
        )
        row.invalidate_recordset()
        (kept,) = self._count(lambda: self.maria.write({"dispatch_weight": 310}))
        self.Log._gc_old_rows()
        self.assertFalse(row.exists())
        self.assertTrue(kept.exists())
