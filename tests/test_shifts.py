from datetime import datetime, timedelta

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.mail.tests.common import freeze_all_time

from .common import DispatchCommon, create_user
from .walks import PatientCase


class ShiftCommon(DispatchCommon):
    @classmethod
    def _create_calendar(cls, hour_from, hour_to, tz="UTC", days=range(7)):
        return cls.env["resource.calendar"].create(
            {
                "name": f"{hour_from}-{hour_to}",
                "tz": tz,
                "attendance_ids": [
                    Command.create(
                        {
                            "name": "Shift",
                            "dayofweek": str(day),
                            "hour_from": hour_from,
                            "hour_to": hour_to,
                            "day_period": "morning",
                        }
                    )
                    for day in days
                ],
            }
        )


@tagged("post_install", "-at_install")
class TestShifts(ShiftCommon):
    def _is_on_shift(self, calendar, *moment):
        with freeze_all_time(datetime(*moment)):
            return calendar._is_working_now()

    def test_hours_follow_the_calendars_time_zone_and_its_summer_time(self):
        calendar = self._create_calendar(8, 16, "Europe/Paris")
        # UTC+1 in winter, UTC+2 in summer.
        for moment, works in (
            ((2026, 1, 12, 7, 30), True),
            ((2026, 1, 12, 6, 30), False),
            ((2026, 7, 13, 6, 30), True),
            ((2026, 7, 13, 14, 30), False),
            ((2026, 1, 12, 14, 30), True),
            # The night in which the clock jumps, and the one in which it jumps back.
            ((2026, 3, 29, 6, 30), True),
            ((2026, 3, 28, 6, 30), False),
            ((2026, 10, 25, 6, 30), False),
            ((2026, 10, 24, 6, 30), True),
        ):
            with self.subTest(moment=moment):
                self.assertEqual(self._is_on_shift(calendar, *moment), works)

    def test_hours_that_say_how_long_and_not_when_are_any_of_that_day(self):
        """Core keeps them around noon, and no page shows that."""
        calendar = self.env["resource.calendar"].create(
            {
                "name": "Eight hours",
                "tz": "Asia/Shanghai",
                "duration_based": True,
                "attendance_ids": [
                    Command.create(
                        {
                            "name": period,
                            "dayofweek": day,
                            "day_period": period,
                            "duration_hours": hours,
                        }
                    )
                    for day, period, hours in (
                        ("0", "full_day", 8),
                        ("1", "morning", 3),
                        ("2", "afternoon", 3),
                    )
                ],
            }
        )
        lines = calendar.attendance_ids.sorted("dayofweek")
        self.assertEqual(lines.mapped("hour_from"), [8, 9, 12])
        # In Shanghai it is eight hours later.
        for moment, works in (
            ((2026, 1, 11, 15, 59), False),  # Sunday 23:59
            ((2026, 1, 11, 16, 1), True),  # Monday 00:01
            ((2026, 1, 12, 12, 0), True),  # Monday 20:00
            ((2026, 1, 12, 15, 59), True),  # Monday 23:59
            ((2026, 1, 12, 16, 1), True),  # Tuesday 00:01
            ((2026, 1, 13, 3, 59), True),  # Tuesday 11:59
            ((2026, 1, 13, 4, 1), False),  # Tuesday 12:01
            ((2026, 1, 14, 3, 59), False),  # Wednesday 11:59
            ((2026, 1, 14, 12, 0), True),  # Wednesday 20:00
            ((2026, 1, 14, 16, 1), False),  # Thursday 00:01
        ):
            with self.subTest(moment=moment):
                self.assertEqual(self._is_on_shift(calendar, *moment), works)
        opening = calendar._find_opening(datetime(2026, 1, 14, 16, 1))
        self.assertEqual(opening, datetime(2026, 1, 18, 16))
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Holiday",
                "calendar_id": calendar.id,
                "date_from": datetime(2026, 1, 12, 2),
                "date_to": datetime(2026, 1, 12, 4),
            }
        )
        self.assertFalse(self._is_on_shift(calendar, 2026, 1, 12, 3))
        self.assertTrue(self._is_on_shift(calendar, 2026, 1, 12, 5))

    def test_hours_up_to_midnight_and_after_it(self):
        evening = self._create_calendar(18, 24, "Asia/Shanghai")
        night = self._create_calendar(0, 2, "Asia/Shanghai")
        for hour, minute, shifts in (
            (15, 59, (True, False)),  # 23:59
            (16, 1, (False, True)),  # 00:01
            (18, 1, (False, False)),  # 02:01
            (9, 59, (False, False)),  # 17:59
        ):
            with self.subTest(hour=hour):
                moment = (2026, 11, 11, hour, minute)
                self.assertEqual(
                    tuple(self._is_on_shift(shift, *moment) for shift in (evening, night)), shifts
                )

    def test_who_is_off_shift_gets_no_new_buyers(self):
        works, rests = self._create_agent("works"), self._create_agent("rests", 300)
        hour = fields.Datetime.now().hour
        off = self._create_calendar((hour + 4) % 22, (hour + 4) % 22 + 1)
        rests.dispatch_calendar_id = off
        channel = self._create_channel(works | rests)
        chat = self._come(channel)
        self.assertEqual(self._agent_of(chat), works)
        self.assertEqual(chat.dispatch_decision_ids.excluded, {str(rests.id): "off_shift"})
        works.dispatch_calendar_id = off
        self.assertFalse(channel._is_livechat_available())
        self.assertFalse(self._come(channel))

    def test_a_closed_channel_follows_its_offline_rule(self):
        agent = self._create_agent("agent")
        hour = fields.Datetime.now().hour
        channel = self._create_channel(
            agent,
            calendar_id=self._create_calendar((hour + 4) % 22, (hour + 4) % 22 + 1).id,
            offline_rule="pool",
            queue_enabled=True,
        )
        self.assertEqual(self._come(channel).dispatch_state, "pool")
        channel._drain()
        self.assertEqual(channel.dispatch_pool_count, 1)
        channel.calendar_id = False
        channel._drain()
        self.assertEqual(channel.dispatch_pool_count, 0)

    def _add_leave(self, company=None, **vals):
        now = fields.Datetime.now()
        company = company or self.env.company
        return (
            self.env["resource.calendar.leaves"]
            .with_company(company)
            .create(
                {
                    "name": "Holiday",
                    "date_from": now - timedelta(hours=1),
                    "date_to": now + timedelta(hours=1),
                    **vals,
                }
            )
        )

    def test_only_holidays_of_the_calendars_company_close_it(self):
        always = self._create_calendar(0, 24)
        other = self.env["res.company"].create({"name": "Another Shop"})
        foreign = self.env["resource.calendar"].create({"name": "Theirs", "company_id": other.id})
        self.assertTrue(always.company_id)
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, calendar_id=always.id)
        for company, calendar, is_open in (
            (other, False, True),
            (other, foreign, True),
            (always.company_id, False, False),
            (always.company_id, always, False),
        ):
            leave = self._add_leave(company, calendar_id=calendar and calendar.id)
            self.assertEqual(leave.company_id, company)
            with self.subTest(company=company.name, calendar=calendar and calendar.name):
                self.assertEqual(always._is_working_now(), is_open)
                self.assertEqual(bool(channel._is_livechat_available()), is_open)
            leave.time_type = "other"
            self.assertTrue(always._is_working_now(), "no time off")

    def test_an_agents_own_time_off_counts_with_a_shift_and_without_one(self):
        agent, colleague = self._create_agent("agent", 300), self._create_agent("colleague")
        channel = self._create_channel(agent | colleague)
        resource = self.env["resource.resource"].create({"name": "Agent", "user_id": agent.id})
        always = self._create_calendar(0, 24)
        leave = self._add_leave(resource_id=resource.id)
        for shift in (False, always):
            with self.subTest(shift=shift):
                agent.dispatch_calendar_id = shift
                decision = self._come(channel).dispatch_decision_ids
                self.assertEqual(decision.user_id, colleague)
                self.assertEqual(decision.excluded, {str(agent.id): "off_shift"})
        self.assertTrue(channel._is_livechat_available())
        colleague.dispatch_paused = True
        self.assertFalse(channel._is_livechat_available())
        self.env.cr.postcommit.data.pop("livechat_drain", None)
        leave.unlink()
        self.assertTrue(self.env.cr.postcommit.data.get("livechat_drain"), "those who wait")
        self.assertTrue(channel._is_livechat_available())
        self.assertEqual(self._agent_of(self._come(channel)), agent)

    def test_time_off_of_who_has_left_and_was_hired_again_is_over(self):
        agent = self._create_agent("agent", tz="UTC")
        channel = self._create_channel(agent, queue_enabled=True)
        resource = self.env["resource.resource"].create({"name": "Agent", "user_id": agent.id})
        noon = datetime(2026, 1, 12, 12)
        with freeze_all_time(noon):
            self._set_online(agent)
            self._add_leave(resource_id=resource.id, date_to=noon + timedelta(days=3))
            self.assertTrue(self._read_agent(channel, agent).off_shift)
            self.assertTrue(agent._find_time_off())
            # As Employees does with what belongs to somebody who leaves.
            resource.active = False
            self.env["resource.resource"].create({"name": "Agent", "user_id": agent.id})
            self.env.flush_all()
            self.assertFalse(self._read_agent(channel, agent).off_shift)
            self.assertFalse(agent._find_time_off())
            self.assertEqual(self._agent_of(self._come(channel)), agent)
            # A pause for lunch is what keeps it away.
            agent.write(
                {"dispatch_paused": True, "dispatch_paused_until": noon + timedelta(hours=1)}
            )
            self.env.flush_all()
            self.assertTrue(self._read_agent(channel, agent).due)

    def test_a_calm_start_grows_the_weight(self):
        agent, other = self._create_agent("agent", 200), self._create_agent("other", 100)
        channel = self._create_channel(agent | other, ramp_minutes=60)
        long_ago = fields.Datetime.now() - timedelta(hours=3)
        (agent | other).presence_ids.livechat_online_since = long_ago
        self.assertEqual(self._read_agent(channel, agent).weight, 200)
        for minutes, weight in ((0, 10), (15, 50), (30, 100), (59, 197), (60, 200)):
            with self.subTest(minutes=minutes):
                agent.presence_ids.livechat_online_since = fields.Datetime.now() - timedelta(
                    minutes=minutes
                )
                self.assertAlmostEqual(self._read_agent(channel, agent).weight, weight, delta=1)
        self.assertEqual(self._read_agent(channel, other).weight, 100)


@tagged("post_install", "-at_install")
class TestByHand(DispatchCommon, PatientCase):
    def test_who_may_not_receive_buyers_is_not_invited(self):
        agent, colleague = self._create_agent("agent"), self._create_agent("colleague")
        packer = new_test_user(self.env, login="packer", groups="base.group_user")
        channel = self._create_channel(agent)
        chat = self._come(channel)
        with self.assertRaisesRegex(UserError, "may not receive buyers"):
            chat.with_user(agent).add_members(partner_ids=packer.partner_id.ids)
        chat.with_user(agent).add_members(partner_ids=colleague.partner_id.ids)
        self.assertIn(colleague.partner_id, chat.channel_member_ids.partner_id)
        native = self._create_channel(agent, dispatch_mode="native")
        chat = self._come(native)
        chat.with_user(agent).add_members(partner_ids=packer.partner_id.ids)
        self.assertIn(packer.partner_id, chat.channel_member_ids.partner_id)

    def test_an_agent_takes_a_waiting_chat_by_hand_within_its_capacity(self):
        agent, stranger = self._create_agent("agent"), self._create_agent("stranger")
        channel = self._create_channel(
            agent, max_sessions_mode="limited", max_sessions=1, offline_rule="pool"
        )
        self._set_online(agent, "offline")
        chats = self._come(channel) | self._come(channel)
        with self.assertRaisesRegex(UserError, "is offline"):
            chats[0].with_user(agent).action_take()
        self._set_online(agent)
        with self.assertRaisesRegex(UserError, "no agent of this channel"):
            chats[0].with_user(stranger).action_take()
        chats[1].with_user(agent).action_take()
        self.assertEqual(self._agent_of(chats[1]), agent)
        self.assertEqual(chats[1].dispatch_decision_ids.sorted("id")[-1].rule, "by_hand")
        with self.assertRaisesRegex(UserError, "no room"):
            chats[0].with_user(agent).action_take()
        with self.assertRaisesRegex(UserError, "does not wait"):
            chats[1].with_user(agent).action_take()

    def _create_channel_told_by_mail(self):
        agent = self._create_agent("agent")
        self._set_online(agent, "offline")
        return self._create_channel(
            agent,
            offline_rule="pool",
            pool_email="owner@example.com",
            pool_email_confirmed="owner@example.com",
        )

    def test_a_message_in_the_pool_is_told_by_mail_once(self):
        channel = self._create_channel_told_by_mail()
        guest = self._create_guest()
        chat = self._come(channel, guest, has_words=False)
        for body in ("Please call me back", "Really"):
            self._say(chat, guest, body)
        (mail,) = self.env["mail.mail"].search([("email_to", "=", "owner@example.com")])
        self.assertIn("call me back", mail.body_html)
        self.assertIn(channel.name, mail.subject)

    def test_what_a_buyer_adds_to_a_message_is_told_as_well(self):
        channel = self._create_channel_told_by_mail()
        guest = self._create_guest()
        chat = self._come(channel, guest, has_words=False)
        self._say(chat, guest, "Please call me back")
        self._say(chat, guest, "My number is 0470 12 34 56")
        told = [("email_to", "=", "owner@example.com")]
        self.assertEqual(self.env["mail.mail"].search_count(told), 1)
        for _minute in range(2):
            channel.pool_told_at -= timedelta(minutes=5, seconds=1)
            channel._run_dispatch_timers()
            mails = self.env["mail.mail"].search(told, order="id")
            self.assertEqual(len(mails), 2)
        self.assertIn("0470 12 34 56", mails[1].body_html)

    def test_what_was_taken_back_is_told_to_nobody(self):
        channel = self._create_channel_told_by_mail()
        self._come(channel)
        guest = self._create_guest()
        chat = self._come(channel, guest, has_words=False)
        message = self._say(chat, guest, "That was for somebody else")
        chat._message_update_content(message, body="")
        told = [("email_to", "=", "owner@example.com")]
        self.assertEqual(self.env["mail.mail"].search_count(told), 1)
        channel.pool_told_at -= timedelta(minutes=5, seconds=1)
        channel._run_dispatch_timers()
        self.assertEqual(self.env["mail.mail"].search_count(told), 1)
        self._say(chat, guest, "Is it in stock?")
        mail = self.env["mail.mail"].search(told, order="id desc", limit=1)
        self.assertIn("in stock", mail.body_html)

    def test_the_mail_of_the_pool_says_who_wrote_what_and_where_it_is_answered(self):
        channel = self._create_channel_told_by_mail()
        mails = self.env["mail.mail"].search([("email_to", "=", "owner@example.com")])
        self.assertFalse(mails)

        def read_new():
            nonlocal mails
            old = mails
            mails = mails.search([("email_to", "=", "owner@example.com")])
            return mails - old

        guests = [self._create_guest() for _number in range(3)]
        chats = [self._come(channel, guest, has_words=False) for guest in guests]
        chats[0].dispatch_page = "https://shop.example/lamp"
        self._say(chats[0], guests[0], "", attachments=[("torn-box.png", b"x")])
        mail = read_new()
        self.assertEqual(len(mail), 1)
        for text in (
            guests[0].name,
            "torn-box.png",
            "https://shop.example/lamp",
            f"discuss.channel_{chats[0].id}",
        ):
            self.assertIn(text, mail.body_html)
        # What others leave meanwhile comes in one mail, five minutes later at the earliest.
        for chat, guest in zip(chats[1:], guests[1:], strict=True):
            self._say(chat, guest, f"I am {guest.id}")
        channel._run_dispatch_timers()
        self.assertFalse(read_new())
        channel.pool_told_at -= timedelta(minutes=5, seconds=1)
        channel._run_dispatch_timers()
        mail = read_new()
        self.assertEqual(len(mail), 1)
        for guest in guests[1:]:
            self.assertIn(f"I am {guest.id}", mail.body_html)
        self.assertNotIn("torn-box", mail.body_html)
        channel.pool_told_at -= timedelta(minutes=6)
        channel._run_dispatch_timers()
        self.assertFalse(read_new())

    def test_the_mail_of_the_pool_says_how_to_reach_the_buyer_as_the_role_of_its_reader_does(self):
        owner = self._create_agent("owner", groups="im_livechat_subaccount.group_main_account")
        desk, callers = (
            self._create_agent(name, main_account_id=owner.id, email=f"{name}@example.com")
            for name in ("desk", "callers")
        )
        owner.email = "owner@example.com"
        callers.group_ids |= self.env.ref("im_livechat_subaccount.group_contact_data")
        channel = self._create_channel(desk, main_account_id=owner.id, offline_rule="pool")
        elsewhere = self._create_channel(self._create_agent("alone"), offline_rule="pool")
        self._set_online(desk | elsewhere.user_ids, "offline")
        for address, shop, is_masked in (
            ("owner@example.com", channel, False),
            ("Callers@Example.com", channel, False),
            ("desk@example.com", channel, True),
            ("notary@example.com", channel, True),
            ("anybody@example.com", elsewhere, False),
        ):
            with self.subTest(address=address):
                shop.write({"pool_email": address, "pool_email_confirmed": address})
                shop.pool_told_at = False
                buyer = create_user(
                    self.env,
                    f"buyer of {address}",
                    "base.group_portal",
                    name="Maria",
                    email="maria.buyer@example.com",
                )
                chat = self._come(shop, buyer, has_words=False)
                self._say(chat, buyer, "Please call me back")
                mail = self.env["mail.mail"].search([("email_to", "=", address)])
                self.assertEqual(len(mail), 1)
                shown = "m***@example.com" if is_masked else "maria.buyer@example.com"
                self.assertIn(shown, mail.body_html)
                self.assertEqual("maria.buyer" in mail.body_html, not is_masked)
                for text in ("Maria", "call me back", f"discuss.channel_{chat.id}"):
                    self.assertIn(text, mail.body_html)

    def test_who_logs_out_hands_over_its_chats_at_once(self):
        leaver = self._create_agent("leaver", 300, password="leaver-leaver")
        stays = self._create_agent("stays")
        channel = self._create_channel(leaver | stays)
        chat = self._come(channel)
        self.assertEqual(self._agent_of(chat), leaver)
        self.authenticate("leaver", "leaver-leaver")
        response = self.url_open("/web/session/logout", allow_redirects=False)
        self.assertEqual(response.status_code, 303)
        self.env.invalidate_all()
        self.assertEqual(self._agent_of(chat), stays)
        self.assertEqual(leaver.presence_ids.status, "offline")

    def test_a_main_account_that_takes_chats_hands_them_over_as_well(self):
        owner = self._create_agent(
            "boss", 300, groups="im_livechat_subaccount.group_main_account", password="boss-of-shop"
        )
        stays = self._create_agent("stays")
        channel = self._create_channel(
            stays, main_account_id=owner.id, main_account_participation="member"
        )
        chat = self._come(channel)
        self.assertEqual(self._agent_of(chat), owner)
        self.authenticate("boss", "boss-of-shop")
        self.url_open("/web/session/logout", allow_redirects=False)
        self.env.invalidate_all()
        self.assertEqual(self._agent_of(chat), stays)

    def test_who_logs_out_in_one_browser_stays_in_the_other(self):
        leaver = self._create_agent("leaver", 300, password="leaver-leaver")
        channel = self._create_channel(leaver | self._create_agent("stays"))
        chat = self._come(channel)
        self.env["res.device.log"].create(
            {
                "session_identifier": "x" * 42,
                "user_id": leaver.id,
                "platform": "android",
                "browser": "chrome",
                "first_activity": fields.Datetime.now(),
                "last_activity": fields.Datetime.now(),
            }
        )
        self.env.flush_all()
        self.authenticate("leaver", "leaver-leaver")
        self.url_open("/web/session/logout", allow_redirects=False)
        self.env.invalidate_all()
        self.assertEqual(self._agent_of(chat), leaver)
