from datetime import date, datetime

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command, Date
from odoo.tests import tagged

from odoo.addons.im_livechat_subaccount.tools import sent

from .common import DispatchCommon, ShopCommon


@tagged("post_install", "-at_install")
class TestSent(ShopCommon, DispatchCommon):
    """What is read of what was sent; that nothing else gets through is in test_hostile_values."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent, cls.foreigner = cls._create_agent("agent"), cls._create_agent("foreigner")
        cls.agent.main_account_id, cls.foreigner.main_account_id = cls.owner, cls.rival
        cls.channel = cls._create_channel(cls.agent, main_account_id=cls.owner.id)
        cls.foreign_channel = cls._create_channel(cls.foreigner, main_account_id=cls.rival.id)
        cls.Changes = cls.env["livechat.dispatch.change"].with_user(cls.owner)
        cls.change = cls.Changes.create(
            {
                "name": "Evening",
                "channel_id": cls.channel.id,
                "line_ids": [Command.create({"user_id": cls.agent.id, "weight": 50})],
            }
        )

    def _read(self, records, **vals):
        (read,) = records._read_sent([vals])
        return read

    def _read_form(self, records, **vals):
        (read,) = records._read_sent([vals], form=True)
        return read

    # One value

    def test_moments(self):
        moment = datetime(2026, 2, 3, 10, 20, 30)
        self.assertEqual(sent.to_moment("2026-02-03 10:20:30"), moment)
        self.assertEqual(sent.to_moment(moment.replace(microsecond=5)), moment)
        self.assertEqual(sent.to_moment("2026-02-03", Date), date(2026, 2, 3))
        self.assertEqual(sent.to_moment(date(2026, 2, 3)), datetime(2026, 2, 3))
        for value in (None, 5, "", "abc", "2026-02-30", {}, "1999-12-31", "2101-01-01"):
            with self.subTest(value=value):
                self.assertIsNone(sent.to_moment(value))
                self.assertIsNone(sent.to_moment(value, Date))

    def test_commands_are_those_of_the_orm(self):
        for value, commands in (
            (False, [(5, 0, 0)]),
            (None, [(5, 0, 0)]),
            ([], []),
            ([7, 8], [(6, 0, [7, 8])]),
            ([[4, 7]], [(4, 7, 0)]),
            ([[6, False, [7]], (3, 8, 0)], [(6, 0, [7]), (3, 8, 0)]),
            ([[0, "virtual_1", {"a": 1}], [1, 7, {}]], [(0, "virtual_1", {"a": 1}), (1, 7, {})]),
            ("abc", None),
            ([7, "abc"], None),
            ([[6, 0, "78"]], None),
            ([[4, True]], None),
            ([4], [(6, 0, [4])]),
            ([[]], None),
        ):
            with self.subTest(value=value):
                self.assertEqual(sent.to_commands(value), commands)

    def test_chosen_records_are_those_that_commands_leave(self):
        users = self.agent | self.foreigner
        for commands, left in (
            ([], self.agent),
            ([Command.link(self.foreigner.id)], users),
            ([Command.unlink(self.agent.id)], users.browse()),
            ([Command.delete(self.foreigner.id)], self.agent),
            ([Command.create({"name": "New"})], self.agent),
            ([Command.update(self.agent.id, {"name": "New"})], self.agent),
            ([Command.clear(), Command.link(self.foreigner.id)], self.foreigner),
            ([Command.set(users.ids), Command.unlink(self.agent.id)], self.foreigner),
        ):
            with self.subTest(commands=commands):
                self.assertEqual(sent.get_chosen(self.agent, commands), left)

    # The values of a record

    def test_only_what_is_the_callers_to_set(self):
        for name in ("state", "next_start", "replaced", "main_account_id", "write_uid", "nonsense"):
            with self.subTest(name=name):
                with self.assertRaises(AccessError):
                    self._read(self.change, **{name: False})
                # A form says all that it shows.
                self.assertEqual(self._read_form(self.change, **{name: False}), {})
        # The server's own.
        self.assertEqual(self._read(self.change.sudo(), state="done"), {"state": "done"})

    def test_of_other_models_only_our_fields_are_read(self):
        user = self.agent.with_user(self.env.ref("base.user_admin"))
        self.assertEqual(self._read(user, name=[1], dispatch_weight=20.0)["name"], [1])
        with self.assertRaises(ValidationError):
            self._read(user, name="Chen", dispatch_weight="20")

    def test_limits_do_not_hold_while_somebody_types(self):
        line = self.change.line_ids
        self.assertEqual(self._read_form(line, weight=5000), {"weight": 5000})
        with self.assertRaisesRegex(ValidationError, "from 0 to 1000"):
            self._read(line, weight=5000)
        with self.assertRaises(ValidationError):
            self._read_form(line, weight=2**31)

    def test_a_record_that_the_caller_does_not_see_is_refused_but_where_it_is_already(self):
        for read in (self._read, self._read_form):
            with self.assertRaises(AccessError):
                read(self.change, channel_id=self.foreign_channel.id)
        # No longer the caller's to see.
        self.channel.main_account_id = self.rival
        self.env.flush_all()
        for read in (self._read, self._read_form):
            self.assertEqual(
                read(self.change, channel_id=self.channel.id), {"channel_id": self.channel.id}
            )

    def test_lines_are_the_records_own(self):
        line = self.change.line_ids
        other = self.change.copy().line_ids
        self.assertEqual(
            self._read(self.change, line_ids=[[1, line.id, {"weight": 60}], [4, line.id], [5]]),
            {"line_ids": [(1, line.id, {"weight": 60}), (2, line.id, 0)]},
        )
        self.assertEqual(
            self._read(self.change, line_ids=[[6, 0, []]]), {"line_ids": [(2, line.id, 0)]}
        )
        for command in (
            [1, other.id, {"weight": 60}],
            [2, other.id, 0],
            [4, other.id, 0],
            [6, 0, [line.id, other.id]],
            [1, line.id, {"change_id": self.change.id}],
            [0, 0, {"user_id": self.foreigner.id}],
        ):
            with self.subTest(command=command), self.assertRaises(AccessError):
                self._read(self.change, line_ids=[command])
        with self.assertRaisesRegex(ValidationError, "Agent is missing"):
            self._read(self.change, line_ids=[[0, 0, {"weight": 60}]])

    def test_the_form_around_a_line_says_no_more_than_it_may(self):
        read = self._read_form(
            self.change.line_ids,
            change_id={
                "id": self.change.id,
                "name": "Night",
                "state": "done",
                "line_ids": [[5]],
                "channel_id": {"id": self.channel.id, "name": "abc"},
            },
        )
        self.assertEqual(
            read["change_id"],
            {"id": self.change.id, "name": "Night", "channel_id": self.channel.id},
        )

    def test_new_records_are_complete(self):
        with self.assertRaisesRegex(ValidationError, "Channel is missing"):
            self.Changes.create({"name": "Night"})
        with self.assertRaisesRegex(ValidationError, "Name is missing"):
            self.Changes.create({"name": " ", "channel_id": self.channel.id})

    def test_a_context_says_where_a_record_is_to_be_and_no_more(self):
        groups = self.env["livechat.dispatch.group"].with_user(self.owner)
        names = ["channel_id", "overflow_seconds", "name"]
        for context, defaults in (
            ({"default_channel_id": self.channel.id}, {"channel_id": self.channel.id}),
            ({"default_channel_id": self.foreign_channel.id}, {}),
            ({"default_channel_id": {"a": 1}, "default_name": "a\0b"}, {}),
            ({"default_overflow_seconds": "abc"}, {}),
            ({"default_overflow_seconds": 30, "default_name": "evil"}, {}),
        ):
            with self.subTest(context=context):
                self.assertEqual(
                    groups.with_context(**context).default_get(names),
                    {"overflow_seconds": 60, **defaults},
                )
        rows = self.env["livechat.subaccount"].with_user(self.owner)
        template = self.env.ref("im_livechat_subaccount.role_store_manager")
        evil = {"default_email": "evil@example.com", "default_role_ids": template.ids}
        self.assertFalse(rows.with_context(**evil).default_get(["email", "role_ids"]))
        self.assertFalse(
            self.env["res.users"]
            .with_context(default_main_account_id=self.owner.id)
            .default_get(["main_account_id"])
        )
        sheets = self.env["livechat.dispatch.whatif"].with_user(self.owner)
        sheet = sheets.with_context(default_result={"changes": []}).create({})
        self.assertFalse(sheet.result)

    def test_copies_say_what_is_the_callers_to_set(self):
        group = self.env["livechat.dispatch.group"].create(
            {"name": "Refunds", "channel_id": self.channel.id, "user_ids": self.agent.ids}
        )
        role = self.Roles.create({"name": "Packer"})
        for record in (self.change, group.with_user(self.owner), role):
            with self.subTest(model=record._name):
                copy = record.copy()
                self.assertEqual(copy.name, f"{record.name} (copy)")
        self.assertEqual(self.change.copy().line_ids.user_id, self.agent)

    def test_what_are_no_values_at_all(self):
        for vals_list in (None, 5, "abc", {}, [None], [[]], ["abc"]):
            with self.subTest(vals_list=vals_list), self.assertRaises(UserError):
                self.change._read_sent(vals_list)
