from datetime import timedelta

from odoo import fields
from odoo.exceptions import ValidationError
from odoo.tests import Form, tagged

from ..dispatch import policy
from .common import DispatchCommon


@tagged("post_install", "-at_install")
class TestChannelSettings(DispatchCommon):
    def test_the_form_shows_share_capacity_and_load_of_each_agent(self):
        heavy, light = self._create_agent("heavy", 300), self._create_agent("light", 100)
        packer = self._create_agent("packer", groups="base.group_user")
        channel = self._create_channel(
            heavy | light | packer, max_sessions_mode="limited", max_sessions=5
        )
        self._open_chat(self._create_channel(heavy), heavy)
        long_ago = fields.Datetime.now() - timedelta(hours=1)
        self._open_chat(channel, heavy, last_interest_dt=long_ago)
        agents = channel.web_read(
            {
                "user_ids": {
                    "fields": {
                        "dispatch_share": {},
                        "dispatch_capacity": {},
                        "dispatch_load": {},
                    },
                    "context": {"add_livechat_channel_ctx": True},
                }
            }
        )[0]["user_ids"]
        self.assertEqual(
            {
                agent["id"]: (
                    agent["dispatch_share"],
                    agent["dispatch_capacity"],
                    agent["dispatch_load"],
                )
                for agent in agents
            },
            {heavy.id: ("75.0 %", 15, 1.5), light.id: ("25.0 %", 5, 0), packer.id: (False, 5, 0)},
        )

    def test_what_is_no_whole_number_in_range_is_refused_with_a_sentence(self):
        channel = self._create_channel(self._create_agent("agent"))
        for name in (
            "sticky_hours",
            "queue_limit",
            "no_reply_seconds",
            "silence_seconds",
            "close_after_hours",
            "ramp_minutes",
        ):
            before = channel[name]
            for value in ("abc", "12", 1.5, 10**12, -(10**12), [1], True, -1):
                with self.subTest(name=name, value=value):
                    with self.assertRaisesRegex(ValidationError, "is a whole number from"):
                        channel.write({name: value})
                    with self.assertRaisesRegex(ValidationError, "is a whole number from"):
                        self._create_channel(self.env["res.users"], **{name: value})
            channel.invalidate_recordset()
            self.assertEqual(channel[name], before)

    def test_remaining_capacity_adds_up_what_each_agent_has_left(self):
        heavy, light = self._create_agent("heavy", 200), self._create_agent("light", 50)
        packer = self._create_agent("packer", groups="base.group_user")
        channel = self._create_channel(
            heavy | light | packer, max_sessions_mode="limited", max_sessions=4
        )
        self.assertEqual(channel.remaining_session_capacity, 10)
        channel.main_account_id = self._create_agent("owner")
        for participation, remaining in (("never", 10), ("fallback", 10), ("member", 14)):
            channel.main_account_participation = participation
            channel.invalidate_recordset()
            self.assertEqual(channel.remaining_session_capacity, remaining)
        channel.main_account_id = False
        self._arrive(channel)
        channel.invalidate_recordset()
        self.assertEqual(channel.remaining_session_capacity, 9)

    def test_a_dispatched_channel_has_a_reception_desk_that_carries_its_name(self):
        channel = self._create_channel(self._create_agent("agent"), dispatch_mode="native")
        self.assertFalse(channel.reception_partner_id)
        channel.dispatch_mode = "share"
        desk = channel.reception_partner_id
        self.assertEqual(desk.name, "Flagship Shop")
        self.assertFalse(desk.active)
        self.assertFalse(desk.user_ids)
        channel.name = "Outlet"
        self.assertEqual(desk.name, "Outlet")
        channel.dispatch_mode = "least_load"
        self.assertEqual(channel.reception_partner_id, desk)
        self.assertNotEqual(channel.copy().reception_partner_id, desk)

    def test_a_live_chat_manager_can_switch_the_mode(self):
        manager = self._create_agent("manager", groups="im_livechat.im_livechat_group_manager")
        channel = self._create_channel(manager, dispatch_mode="native")
        with Form(channel.with_user(manager)) as form:
            form.dispatch_mode = "share"
            form.max_sessions_mode = "limited"
            form.max_sessions = 3
            self.assertEqual(form.remaining_session_capacity, 3)
        self.assertEqual(channel.reception_partner_id.name, channel.name)

    def test_settings_are_kept_and_used(self):
        self.env["res.config.settings"].create(
            {
                "dispatch_mode_default": "least_load",
                "dispatch_weight_default": 70,
                "dispatch_quiet_hold": 0.25,
                "dispatch_ticket_load": 0.2,
            }
        ).execute()
        channel = self.env["im_livechat.channel"].create({"name": "New"})
        self.assertEqual(channel.dispatch_mode, "least_load")
        self.assertTrue(channel.reception_partner_id)
        self.assertEqual(channel._get_dispatch_rules().quiet_hold, 0.25)
        self.assertEqual(channel._get_dispatch_rules().ticket_load, 0.2)
        self.assertEqual(
            self.env["res.users"].default_get(["dispatch_weight"])["dispatch_weight"], 70
        )

    def test_a_quiet_chat_may_hold_nothing_at_all(self):
        channel = self._create_channel(self._create_agent("agent"))
        for hold in (0.0, 1.0, 0.5):
            self.env["res.config.settings"].create({"dispatch_quiet_hold": hold}).execute()
            self.assertEqual(channel._get_dispatch_rules().quiet_hold, hold)
            settings = self.env["res.config.settings"].create({})
            self.assertEqual(settings.dispatch_quiet_hold, hold)

    def test_settings_that_make_no_sense_are_refused(self):
        for vals in (
            {"dispatch_weight_default": 9},
            {"dispatch_weight_default": 1001},
            {"dispatch_quiet_hold": -0.1},
            {"dispatch_quiet_hold": 1.1},
            {"dispatch_ticket_load": -0.1},
            {"dispatch_ticket_load": 1.1},
        ):
            with self.subTest(vals=vals), self.assertRaises(ValidationError):
                self.env["res.config.settings"].create(vals)

    def test_system_parameters_that_make_no_sense_are_ignored(self):
        agent = self._create_agent("agent")
        for name, text in (
            ("quiet_hold", "a lot"),
            ("quiet_hold", "7"),
            ("quiet_hold", "nan"),
            ("dispatch_mode_default", "fairest"),
            ("dispatch_weight_default", "5"),
        ):
            with self.subTest(name=name, text=text):
                self.env["ir.config_parameter"].set_param(f"im_livechat_subaccount.{name}", text)
                channel = self.env["im_livechat.channel"].create(
                    {"name": "New", "user_ids": agent.ids}
                )
                self.assertEqual(channel.dispatch_mode, "native")
                self.assertEqual(channel._get_dispatch_rules().quiet_hold, 0.5)
                self.assertEqual(
                    self.env["res.users"].default_get(["dispatch_weight"])["dispatch_weight"], 100
                )

    def _change(self, channel, values, by_orm):
        if by_orm:
            channel.write(values)
            return
        # As the rows of another process, which tells nobody.
        columns = ", ".join(f"{name} = %s" for name in values)
        self.env.cr.execute(
            f"UPDATE im_livechat_channel SET {columns} WHERE id = %s",
            [*(value or None for value in values.values()), channel.id],
        )
        channel.invalidate_recordset()

    def test_a_decision_goes_by_the_settings_of_the_moment_whoever_changed_them(self):
        hours = self.env["resource.calendar"].create({"name": "Never", "attendance_ids": False})
        changes = [
            ({"max_sessions": 1}, False),
            ({"max_sessions": 2}, True),
            ({"max_sessions": 1}, False),
            ({"max_sessions_mode": "unlimited"}, True),
            ({"calendar_id": hours.id}, False),
            ({"calendar_id": False}, True),
            ({"block_assignment_during_call": True}, False),
            ({"block_assignment_during_call": False}, True),
        ]
        for by_orm in (True, False):
            agent = self._create_agent(f"agent{by_orm}")
            channel = self._create_channel(agent, max_sessions_mode="limited", max_sessions=9)
            chat = self._open_chat(channel, agent)
            member = chat.channel_member_ids.filtered(
                lambda member, agent=agent: member.partner_id == agent.partner_id
            )
            self.env["discuss.channel.rtc.session"].create({"channel_member_id": member.id})
            for values, is_open in changes:
                with self.subTest(by_orm=by_orm, values=values):
                    self._change(channel, values, by_orm)
                    self.assertEqual(channel._is_livechat_available(), is_open)
                    self.assertEqual(bool(channel._get_operator()), is_open)

    def test_who_chooses_is_known_at_once_whoever_changed_it(self):
        for by_orm in (True, False):
            agent = self._create_agent(f"agent{by_orm}", dispatch_paused=True)
            channel = self._create_channel(agent)
            self.assertFalse(channel._get_operator())
            # Odoo's own choice knows nothing of pauses.
            self._change(channel, {"dispatch_mode": "native"}, by_orm)
            self.assertTrue(channel._is_livechat_available())
            self.assertEqual(channel._get_operator(), agent)
            self._change(channel, {"dispatch_mode": "share"}, by_orm)
            self.assertFalse(channel._is_livechat_available())
            self.assertFalse(channel._get_operator())

    def test_opening_hours_that_are_gone_turn_nobody_away(self):
        agent = self._create_agent("agent")
        hours = self.env["resource.calendar"].create({"name": "Never", "attendance_ids": False})
        channel = self._create_channel(agent, calendar_id=hours.id)
        self.assertFalse(channel._get_operator())
        self._change(channel, {"calendar_id": False}, by_orm=False)
        self.env.cr.execute("DELETE FROM resource_calendar WHERE id = %s", [hours.id])
        self.env.invalidate_all()
        self.assertEqual(channel._get_operator(), agent)
        self.assertTrue(channel._is_livechat_available())

    def test_a_page_view_learns_that_opening_hours_are_gone(self):
        hours = self.env["resource.calendar"].create({"name": "Never", "attendance_ids": False})
        channel = self._create_channel(self._create_agent("agent"), calendar_id=hours.id)
        self.assertFalse(channel._is_livechat_available())
        self._change(channel, {"calendar_id": False}, by_orm=False)
        self.assertTrue(channel._is_room_at_once())

    def test_the_first_shift_of_the_shop_holds_at_once(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent)
        self.assertEqual(channel._get_operator(), agent)
        never = self.env["resource.calendar"].create({"name": "Never", "attendance_ids": False})
        self.env.cr.execute(
            "UPDATE res_users SET dispatch_calendar_id = %s WHERE id = %s", [never.id, agent.id]
        )
        self.env.invalidate_all()
        self.assertFalse(channel._is_livechat_available())
        self.assertFalse(channel._get_operator())

    def test_how_much_a_quiet_chat_holds_is_known_at_once(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, max_sessions_mode="limited", max_sessions=1)
        long_ago = fields.Datetime.now() - timedelta(hours=1)
        self._open_chat(channel, agent, last_interest_dt=long_ago)
        self.assertFalse(channel._get_operator())
        self.env["ir.config_parameter"].set_param("im_livechat_subaccount.quiet_hold", "0.0")
        self.assertEqual(channel._get_operator(), agent)

    def test_a_form_being_filled_in_has_its_own_settings(self):
        channel = self._create_channel(self._create_agent("agent"))
        draft = channel.new({"max_sessions_mode": "limited", "max_sessions": 9}, origin=channel)
        self.assertEqual(draft._get_dispatch_rules().max_sessions, 9)
        self.assertIsNone(channel._get_dispatch_rules().max_sessions)

    def test_a_shift_in_another_shop_makes_no_page_view_dearer(self):
        agent, stranger = self._create_agent("agent"), self._create_agent("stranger")
        channel, _other = self._create_channel(agent), self._create_channel(stranger)
        hours = self.env["resource.calendar"].create({"name": "Day"})
        stranger.dispatch_calendar_id = hours
        self.assertTrue(channel._is_room_at_once())
        # Whether it is its shift takes more to know; whether a colleague without one is here, not.
        agent.dispatch_calendar_id = hours
        self.assertFalse(channel._is_room_at_once())
        channel.user_ids += self._create_agent("colleague")
        self.assertTrue(channel._is_room_at_once())

    def test_a_channel_is_the_same_by_its_row_and_by_the_orm(self):
        hours = self.env["resource.calendar"].create({"name": "Day"})
        owner = self._create_agent("owner")
        channel = self._create_channel(self._create_agent("agent"))
        for values in (
            {},
            {"dispatch_mode": "least_load", "max_sessions_mode": "limited", "max_sessions": 7},
            {"max_sessions_mode": "unlimited", "block_assignment_during_call": True},
            {"main_account_id": owner.id, "main_account_participation": "member"},
            {"prefers_suited_agents": not channel.prefers_suited_agents, "ramp_minutes": 3},
            {"queue_enabled": True, "calendar_id": hours.id},
            {"dispatch_mode": "native"},
        ):
            with self.subTest(values=values):
                channel.write(values)
                read = channel._read_dispatch_channel()
                self.assertFalse(read.has_shifts)
                by_orm = channel._get_dispatch_channel()._replace(has_shifts=False)
                holds = read._fields.index("quiet_hold")
                self.assertEqual(
                    *(
                        [
                            *(value or False for value in settings[:holds]),
                            policy.read_quiet_hold(settings.quiet_hold),
                            policy.read_ticket_load(settings.ticket_load),
                        ]
                        for settings in (read, by_orm)
                    )
                )
                # What a form does not know, and what it knows in another way.
                ignored = {"now": None, "asks_in_call": 1, "circle": None}
                for users in (None, owner):
                    self.assertEqual(
                        channel._get_dispatch_query(users, read)._replace(**ignored),
                        channel._get_dispatch_query(users)._replace(**ignored),
                    )
                self.assertEqual(channel._get_dispatch_rules(read), channel._get_dispatch_rules())
