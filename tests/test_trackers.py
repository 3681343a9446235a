import json
from datetime import datetime, timedelta

from odoo import Command
from odoo.tests import tagged

from odoo.addons.mail.tests.common import freeze_all_time

from .common import DispatchCommon, ShopCommon, create_user
from .test_shifts import ShiftCommon
from .walks import PatientCase


class TrackersCommon(DispatchCommon):
    """What users of other live chats, and of Odoo's own, have reported to their trackers, in the
    fewest steps here."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = cls._create_agent("desk_of_trackers")
        cls.colleague = cls._create_agent("colleague_of_trackers")

    @classmethod
    def _create_line(cls, agents, **vals):
        vals = {"max_sessions_mode": "limited", "max_sessions": 1, "queue_enabled": True, **vals}
        return cls._create_channel(agents, **vals)

    @classmethod
    def _create_bot(cls, channel, text="Hello"):
        bot = cls.env["chatbot.script"].create(
            {
                "title": "Bot of trackers",
                "script_step_ids": [
                    Command.create({"step_type": "text", "message": f"<p>{text}</p>"}),
                    Command.create({"step_type": "forward_operator", "message": "<p>A moment</p>"}),
                ],
            }
        )
        channel.rule_ids = [Command.create({"chatbot_script_id": bot.id})]
        return bot


@tagged("post_install", "-at_install")
class TestBuyersOfTrackers(PatientCase, TrackersCommon):
    def setUp(self):
        super().setUp()
        self.authenticate(None, None)
        self.opener.cookies.pop("dgid", None)

    def _call(self, route, headers=None, **params):
        answer = self.url_open(
            route,
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
            headers={"Content-Type": "application/json", **(headers or {})},
        ).json()
        self.assertNotIn("error", answer)
        self.env.invalidate_all()
        return answer.get("result")

    def _open(self, channel, route="/im_livechat/get_session", **params):
        session = self._call(route, channel_id=channel.id, persisted=True, **params)
        return self.env["discuss.channel"].browse(session["channel_id"])

    def test_a_message_that_was_left_is_answered_though_its_buyer_closed_the_chat(self):
        channel = self._create_channel(self.agent, offline_rule="pool")
        self._set_online(self.agent, "offline")
        for elsewhere in (False, True):
            with self.subTest(elsewhere=elsewhere):
                self.opener.cookies.pop("dgid", None)
                cors = "cors/" if elsewhere else ""
                chat = self._open(channel, f"/im_livechat/{cors}get_session")
                guest = chat.channel_member_ids.guest_id
                self._say(chat, guest, "When do you open?")
                self.assertEqual(chat.dispatch_state, "pool")
                token = {"guest_token": guest._format_auth_cookie()} if elsewhere else {}
                self._call(f"/im_livechat/{cors}visitor_leave_session", channel_id=chat.id, **token)
                self.assertEqual((chat.dispatch_state, chat.livechat_end_dt), ("pool", False))
        self._set_online(self.agent)
        channel._drain()
        self.assertEqual(self._agent_of(chat), self.agent)
        # Who leaves an agent ends the chat, and so does who leaves the line.
        self._call("/im_livechat/cors/visitor_leave_session", channel_id=chat.id, **token)
        self.assertTrue(chat.livechat_end_dt)

    def test_names_of_buyers_break_no_mail_and_no_page(self):
        channel = self._create_channel(
            self.agent,
            offline_rule="pool",
            pool_email="desk@shop.example",
            pool_email_confirmed="desk@shop.example",
        )
        self._set_online(self.agent, "offline")
        for name in ("Eve\r\nBcc: all@shop.example", "<b>Eve</b>", "\N{PILE OF POO}" * 512, "ع‮ن"):
            with self.subTest(name=name[:20]):
                channel.pool_told_at = False
                chat = self._come(channel, self._create_guest(name))
                mail = self.env["mail.mail"].search([], order="id desc", limit=1)
                self.assertEqual(mail.email_to, channel.pool_email)
                message = self.env["ir.mail_server"]._build_email__(
                    email_from="shop@shop.example",
                    email_to=["desk@shop.example"],
                    subject=mail.subject,
                    body=mail.body_html,
                    subtype="html",
                )
                self.assertNotIn("Bcc", message)
                self.assertNotIn("<b>Eve", mail.body_html.replace("<b>Eve\r", ""))
                self._set_online(self.agent)
                channel._drain()
                self.assertEqual(self._agent_of(chat), self.agent)
                self._close(chat)
                self._set_online(self.agent, "offline")

    def test_a_chat_that_nobody_has_ended_goes_at_night_with_its_deleted_buyer(self):
        channel = self._create_channel(self.agent)
        buyers = self._create_guest() | self._create_guest()
        old, new = (self._come(channel, buyer) for buyer in buyers)
        old.last_interest_dt -= timedelta(hours=25)
        buyers.unlink()
        self.env.flush_all()
        self.env.invalidate_all()
        self.env["im_livechat.channel"]._run_dispatch_timers()
        self.assertEqual((bool(old.livechat_end_dt), bool(new.livechat_end_dt)), (False, True))
        self.env["discuss.channel"]._gc_deserted()
        self.assertTrue(old.livechat_end_dt)

    def test_a_buyer_who_is_deleted_leaves_the_line(self):
        channel = self._create_line(self.agent)
        self._come(channel)
        for kind in ("guest", "account"):
            with self.subTest(kind=kind):
                buyer = self._create_guest()
                if kind == "account":
                    buyer = create_user(self.env, "gone", "base.group_portal")
                chat, behind = self._come(channel, buyer), self._come(channel)
                self.assertEqual(chat.dispatch_state, "queued")
                if kind == "guest":
                    buyer.unlink()
                else:
                    partner = buyer.partner_id
                    buyer.unlink()
                    partner.unlink()
                self.env.invalidate_all()
                self.env["im_livechat.channel"]._run_dispatch_timers()
                self.assertEqual(behind._get_wait()["place"], 1)
                self.assertFalse(chat.exists().dispatch_state)
                self._close(behind)

    def test_a_contact_that_is_merged_keeps_its_place_and_its_agent(self):
        channel = self._create_line(self.agent | self.colleague)
        buyer = create_user(self.env, "merged", "base.group_portal", email="m@buyer.example")
        chat = self._come(channel, buyer)
        agent = self._agent_of(chat)
        self._say(chat, agent, "Hello")
        self._close(chat)
        for _buyer in range(2):
            self._come(channel)
        waiting = self._come(channel, buyer)
        self.assertEqual(waiting.dispatch_state, "queued")
        kept = self.env["res.partner"].create({"name": "Merged", "email": "m@buyer.example"})
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge((kept + buyer.partner_id).ids, kept)
        self.env.invalidate_all()
        self.assertEqual(buyer.partner_id, kept)
        self.assertEqual(waiting._get_wait()["place"], 1)
        self.assertEqual(channel.with_user(buyer).sudo()._join_open_chat(), waiting)
        self.assertEqual(channel._find_last_answer(waiting._get_buyer(), datetime.min)[0], agent)

    def test_a_picture_is_a_first_word(self):
        channel = self._create_line(self.agent)
        self._come(channel)
        guest = self._create_guest()
        chat = self._come(channel, guest, has_words=False)
        self.assertFalse(chat.dispatch_state)
        picture = self.env["ir.attachment"].create(
            {"name": "broken.png", "raw": b"\x89PNG", "res_model": "mail.compose.message"}
        )
        self._say(chat, guest, "", attachment_ids=picture.ids)
        self.assertEqual(chat.dispatch_state, "queued")

    def test_the_next_account_of_a_browser_does_not_come_into_the_last_ones_chat(self):
        channel = self._create_line(self.agent)
        first, second = (
            create_user(self.env, login, "base.group_portal", password="sesame-open")
            for login in ("first_of_browser", "second_of_browser")
        )
        chat = self._open(channel)
        cookie = self.opener.cookies["dgid"]
        self._say(chat, chat.channel_member_ids.guest_id, "Hello")
        chats = []
        for user in (first, second, None):
            self.authenticate(user and user.login, user and "sesame-open")
            self.opener.cookies["dgid"] = cookie
            chats.append(self._open(channel))
        self.assertEqual(chats[0], chat)
        self.assertEqual(len(set(chats)), 3)
        self.assertFalse(chat.with_user(second).has_access("read"))
        self.assertEqual(chat.livechat_customer_history_ids.partner_id, first.partner_id)

    def test_a_bot_elsewhere_speaks_the_language_of_the_page(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        channel = self._create_channel(self.agent)
        bot = self._create_bot(channel, "Hello")
        for step, french in zip(bot.script_step_ids, ("Bonjour", "Un moment"), strict=True):
            # As stored: the ORM takes so different a text for a new one, in English as well.
            step.flush_recordset()
            self.env.cr.execute(
                "UPDATE chatbot_script_step SET message = message || %s::jsonb WHERE id = %s",
                [json.dumps({"fr_FR": f"<p>{french}</p>"}), step.id],
            )
            step.invalidate_recordset()
        for route in ("/im_livechat/get_session", "/im_livechat/cors/get_session"):
            for params, accepted, said in (
                ({"page_lang": "fr"}, "en", "Bonjour"),
                ({}, "fr-CA,en;q=0.5", "Bonjour"),
                ({"page_lang": "en"}, "fr", "Hello"),
            ):
                with self.subTest(route=route, accepted=accepted, **params):
                    self.opener.cookies.pop("dgid", None)
                    self.opener.cookies.pop("frontend_lang", None)
                    session = self._call(
                        route,
                        {"Accept-Language": accepted},
                        channel_id=channel.id,
                        chatbot_script_id=bot.id,
                        persisted=True,
                        **params,
                    )
                    chat = self.env["discuss.channel"].browse(session["channel_id"])
                    self.assertIn(said, "".join(chat.message_ids.mapped("body")))
                    # And goes on in it.
                    self._set_online(self.agent)
                    cors = "cors/" if "cors" in route else ""
                    guest = chat.channel_member_ids.guest_id
                    self._call(
                        f"/chatbot/{cors}step/trigger",
                        {"Accept-Language": accepted},
                        channel_id=chat.id,
                        **({"guest_token": guest._format_auth_cookie()} if cors else {}),
                    )
                    went_on = "Un moment" if said == "Bonjour" else "A moment"
                    self.assertIn(went_on, "".join(chat.message_ids.mapped("body")))
                    self._close(chat)

    def test_a_rule_of_a_page_elsewhere_knows_the_page_and_not_only_its_site(self):
        channel = self._create_channel(self.agent)
        channel.rule_ids = [
            Command.create({"regex_url": "/returns", "action": "hide_button", "sequence": 1}),
            Command.create({"regex_url": "/", "action": "auto_popup", "sequence": 2}),
        ]
        for page, action in (
            ("https://elsewhere.example/returns/7", "hide_button"),
            ("https://elsewhere.example/lamps", "auto_popup"),
        ):
            with self.subTest(page=page):
                data = self._call(
                    "/im_livechat/cors/data",
                    {"Referer": "https://elsewhere.example/"},
                    fetch_params=[["init_livechat", channel.id]],
                    page_url=page,
                )
                (rule,) = data["im_livechat.channel.rule"]
                self.assertEqual(rule["action"], action)

    def test_a_regular_of_an_agent_who_is_gone_goes_to_another(self):
        channel = self._create_channel(self.agent | self.colleague)
        guest = self._create_guest()
        chat = self._come(channel, guest)
        agent = self._agent_of(chat)
        other = (self.agent | self.colleague) - agent
        self._say(chat, agent, "Hello")
        self._close(chat)
        for how in ("offline", "off the channel", "archived"):
            with self.subTest(how=how):
                if how == "offline":
                    self._set_online(agent, "offline")
                elif how == "off the channel":
                    self._set_online(agent)
                    channel.user_ids -= agent
                else:
                    channel.user_ids |= agent
                    agent.active = False
                again = self._come(channel, guest)
                self.assertEqual(self._agent_of(again), other)
                self._close(again)

    def test_a_phone_that_was_away_for_some_minutes_goes_on_in_line(self):
        channel = self._create_line(self.agent)
        self._come(channel)
        guest = self._create_guest()
        self.env["mail.presence"]._update_presence(guest)
        chat = self._come(channel, guest)
        guest.presence_ids.status = "offline"
        self._silence(guest, minutes=2)
        self.env["im_livechat.channel"]._run_dispatch_timers()
        self.assertEqual(chat.dispatch_state, "queued")
        self.env["mail.presence"]._give_sign(guest)
        self.assertEqual(guest.presence_ids.status, "online")
        self.assertEqual(chat._get_wait()["place"], 1)


@tagged("post_install", "-at_install")
class TestAgentsOfTrackers(TrackersCommon, ShiftCommon):
    def _rate(self, chat, value=1):
        return self.env["rating.rating"].create(
            {
                "res_model_id": self.env["ir.model"]._get_id("discuss.channel"),
                "res_id": chat.id,
                "rating": value,
                "consumed": True,
                "rated_partner_id": chat.channel_partner_ids[:1].id,
            }
        )

    def test_who_is_rated_after_the_end_is_the_agent_whose_chat_it_was(self):
        """Also of one who never answered, and of one who has left the shop since."""
        channel = self._create_channel(self.agent | self.colleague)
        buyer = create_user(self.env, "critic", "base.group_portal")
        chat = self._come(channel, buyer)
        agent = self._agent_of(chat)
        self._say(chat, buyer, "Hello?")
        chat._close_livechat_session()
        self.assertEqual(self._rate(chat).rated_partner_id, agent.partner_id)
        given = self._come(channel, buyer)
        giver = self._agent_of(given)
        taker = (self.agent | self.colleague) - giver
        given.with_user(giver).transfer("knowledge", user_id=taker.id)
        given._close_livechat_session()
        self.assertEqual(self._rate(given).rated_partner_id, taker.partner_id)

    def test_who_is_taken_off_the_channel_gets_no_buyers_and_ends_its_own(self):
        channel = self._create_channel(
            self.agent | self.colleague, no_reply_seconds=10, max_sessions_mode="unlimited"
        )
        answered, asked = self._come(channel), self._come(channel)
        agent, other = self._agent_of(answered), self._agent_of(asked)
        self._say(answered, agent, "Hello")
        channel.user_ids -= agent
        self.assertEqual(self._agent_of(answered), agent)
        self.assertTrue(answered.with_user(agent).has_access("write"))
        self.assertEqual(self._agent_of(self._come(channel)), other)
        answered.with_user(agent)._close_livechat_session()
        self.assertFalse(answered.dispatch_seat_partner_ids)

    def test_an_unanswered_chat_of_who_is_taken_off_the_channel_goes_on(self):
        channel = self._create_channel(self.agent | self.colleague, no_reply_seconds=10)
        guest = self._create_guest()
        chat = self._come(channel, guest)
        self._say(chat, guest)
        agent = self._agent_of(chat)
        channel.user_ids -= agent
        chat.dispatch_assigned_at -= timedelta(minutes=1)
        chat.dispatch_asked_at -= timedelta(minutes=1)
        self.env["im_livechat.channel"]._run_dispatch_timers()
        self.assertEqual(self._agent_of(chat), (self.agent | self.colleague) - agent)

    def test_who_is_renamed_keeps_channel_group_and_chats(self):
        channel = self._create_channel(self.agent)
        group = self.env["livechat.dispatch.group"].create(
            {"name": "Lamps", "channel_id": channel.id, "user_ids": self.agent.ids}
        )
        chat = self._come(channel)
        self.agent.write({"name": "陈静 \N{SMILING FACE WITH SMILING EYES}", "login": "renamed@x"})
        self.agent.livechat_username = "<i>Jing</i>"
        self.assertEqual(self._agent_of(chat), self.agent)
        self.assertEqual(group.user_ids, self.agent)
        self._close(chat)
        again = self._come(channel)
        self.assertEqual(self._agent_of(again), self.agent)
        self.assertIn("Jing", again.name)
        self.assertTrue(again.dispatch_decision_ids.sentence)

    def test_an_agent_whose_contact_is_merged_keeps_seat_and_chats(self):
        channel = self._create_line(self.agent)
        chat, waiting = self._come(channel), self._come(channel)
        kept = self.env["res.partner"].create({"name": "Desk", "email": self.agent.email})
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge((kept + self.agent.partner_id).ids, kept)
        self.env.invalidate_all()
        self.assertEqual(self.agent.partner_id, kept)
        self.assertEqual(self._agent_of(chat), self.agent)
        self.assertEqual(self._read_agent(channel, self.agent).lively_chats, 1)
        self._close(chat)
        channel._drain()
        self.assertEqual(self._agent_of(waiting), self.agent)

    def test_the_second_device_of_an_agent_who_closes_the_first_keeps_it_here(self):
        channel = self._create_line(self.agent)
        self.env.flush_all()
        # Odoo takes the end of one connection for that of the person.
        self.agent.presence_ids.status = "offline"
        self.env["mail.presence"]._give_sign(self.agent)
        self.assertEqual(self.agent.presence_ids.status, "online")
        self.assertTrue(self._come(channel))

    def test_who_has_set_itself_away_stays_away_on_every_device(self):
        channel = self._create_line(self.agent, queue_enabled=False)
        for status in ("away", "offline"):
            with self.subTest(status=status):
                self.agent.manual_im_status = status
                self.env["mail.presence"]._give_sign(self.agent)
                self.env["mail.presence"]._update_presence(self.agent)
                self.env.flush_all()
                self.assertFalse(self._come(channel))

    def test_flexible_hours_are_no_hours(self):
        """They say how long somebody works and not when; a holiday of theirs is one."""
        calendar = self.env["resource.calendar"].create(
            {"name": "Flexible", "tz": "UTC", "schedule_type": "flexible", "hours_per_day": 8}
        )
        self.agent.dispatch_calendar_id = calendar
        channel = self._create_channel(self.agent)
        for hour in (1, 6, 12, 20, 23):
            for day in (2, 5):  # A Wednesday and a Saturday.
                with (
                    self.subTest(hour=hour, day=day),
                    freeze_all_time(datetime(2026, 12, day, hour, 30)),
                ):
                    self._set_online(self.agent)
                    facts = self._read_agent(channel, self.agent)
                    self.assertFalse(facts.off_shift)
                    self.assertTrue(calendar._is_working_now())
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Singles' Day",
                "calendar_id": calendar.id,
                "date_from": datetime(2026, 12, 9),
                "date_to": datetime(2026, 12, 10),
            }
        )
        with freeze_all_time(datetime(2026, 12, 9, 12)):
            self.assertFalse(calendar._is_working_now())
            self.assertEqual(calendar._find_opening(datetime(2026, 12, 9)), datetime(2026, 12, 10))

    def test_a_chat_that_is_ended_twice_has_ended_once(self):
        channel = self._create_line(self.agent)
        chat, waiting, behind = (self._come(channel) for _buyer in range(3))
        for ended in (chat, waiting):
            ended._close_livechat_session()
            first = ended.livechat_end_dt
            decisions = len(ended.dispatch_decision_ids)
            with freeze_all_time(datetime.now() + timedelta(minutes=1)):
                ended._close_livechat_session()
                ended.with_user(self.agent).sudo()._action_unfollow(self.agent.partner_id)
            self.assertEqual(len(ended.dispatch_decision_ids), decisions)
            self.assertEqual(ended.livechat_end_dt, first)
        channel._drain()
        self.assertEqual(self._agent_of(behind), self.agent)
        self.assertEqual(self._read_agent(channel, self.agent).lively_chats, 1)

    def test_a_weight_that_is_lowered_while_busy_takes_no_chat_away(self):
        channel = self._create_line(self.agent, max_sessions=4)
        chats = [self._come(channel) for _buyer in range(5)]
        self.agent.dispatch_weight = 25
        self.assertEqual([self._agent_of(chat) for chat in chats[:4]], [self.agent] * 4)
        for chat in chats[:3]:
            self._close(chat)
            channel._drain()
        self.assertEqual(chats[4].dispatch_state, "queued")
        self._close(chats[3])
        channel._drain()
        self.assertEqual(self._agent_of(chats[4]), self.agent)

    def test_whoever_gives_a_chat_into_a_line_has_left_it(self):
        channel = self._create_line(self.agent | self.colleague)
        group = self.env["livechat.dispatch.group"].create(
            {"name": "Returns", "channel_id": channel.id, "user_ids": self.colleague.ids}
        )
        one, other = self._come(channel), self._come(channel)
        (mine,) = [chat for chat in (one, other) if self._agent_of(chat) == self.agent]
        result = mine.with_user(self.agent).transfer("wrong_group", group_id=group.id)
        self.assertEqual(result["state"], "queued")
        self.assertNotIn(self.agent.partner_id, mine.channel_member_ids.partner_id)
        self.assertFalse(self._read_agent(channel, self.agent).lively_chats)


@tagged("post_install", "-at_install")
class TestOwnersOfTrackers(ShopCommon, TrackersCommon, ShiftCommon):
    def test_a_copy_of_a_channel_is_a_channel_of_its_own(self):
        channel = self._create_channel(
            self.agent | self.colleague,
            offline_rule="proxy",
            proxy_user_ids=self.agent.ids,
            queue_enabled=True,
        )
        group = self.env["livechat.dispatch.group"].create(
            {"name": "Lamps", "channel_id": channel.id, "user_ids": self.agent.ids}
        )
        self._come(channel)
        copy = channel.copy()
        self.assertEqual(copy.user_ids, channel.user_ids)
        self.assertEqual(copy.proxy_user_ids, self.agent)
        self.assertTrue(copy.reception_partner_id)
        self.assertNotEqual(copy.reception_partner_id, channel.reception_partner_id)
        self.assertEqual(copy.reception_partner_id.name, copy.name)
        self.assertEqual(group.channel_id, channel)
        self.assertFalse(copy.dispatch_queued_count)
        self.assertTrue(self._come(copy))

    def test_what_a_shop_made_can_be_duplicated(self):
        channel = self._create_channel(self.agent, main_account_id=self.owner.id)
        group = self.env["livechat.dispatch.group"].with_user(self.owner)
        group = group.create(
            {
                "name": "Lamps",
                "channel_id": channel.id,
                "scope_ids": [Command.create({"kind": "page", "page_pattern": "/lamps"})],
            }
        )
        role = self.role_reception.with_user(self.owner).copy()
        for record in (group, role, role.copy()):
            with self.subTest(record=record):
                self.assertTrue(record.copy().name)
        self.assertTrue(group.copy({"name": "Lamps"}))

    def test_sub_accounts_are_exported_and_imported_again(self):
        names = ["name", "login", "dispatch_weight", "role_ids/.id"]
        made = self.Subaccounts.load(
            names,
            [
                ["陈静", "flagship:jing", "120", str(self.role_reception.id)],
                ["Omar", "flagship:omar", "80", str(self.role_reception.id)],
            ],
        )
        self.assertFalse(made["messages"])
        rows = self.Subaccounts.browse(made["ids"])
        self.assertEqual(rows.mapped("dispatch_weight"), [120, 80])
        data = rows.export_data(["id", "name", "dispatch_weight"])["datas"]
        data = [[*row[:2], str(row[2] + 10)] for row in data]
        again = self.Subaccounts.load(["id", "name", "dispatch_weight"], data)
        self.assertEqual(again["ids"], rows.ids, again["messages"])
        self.assertEqual(rows.mapped("dispatch_weight"), [130, 90])

    def test_an_owner_of_two_companies_hires_for_its_own_whichever_it_looks_at(self):
        company = self.env["res.company"].create({"name": "Second Company"})
        self.owner.company_ids |= company
        rows = self.Subaccounts.with_context(allowed_company_ids=company.ids)
        row = rows.create({"name": "Abroad", "role_ids": self.role_reception.ids})
        self.assertEqual(row.sudo().user_id.company_ids, self.owner.company_id)
        row._activate("sesame-open")
        user = row.sudo().user_id
        self._set_online(user)
        channel = self._create_channel(user, main_account_id=self.owner.id)
        self.assertEqual(self._agent_of(self._come(channel)), user)

    def test_an_archived_calendar_keeps_the_shops_hours_and_another_time_zone_moves_them(self):
        calendar = self._create_calendar(9, 17, "Europe/Berlin")
        channel = self._create_channel(self.agent, calendar_id=calendar.id)
        calendar.active = False
        for tz, hour, is_open in (
            ("Europe/Berlin", 7, False),
            ("Europe/Berlin", 9, True),
            ("Asia/Shanghai", 2, True),
            ("Asia/Shanghai", 10, False),
        ):
            calendar.tz = tz
            with self.subTest(tz=tz, hour=hour), freeze_all_time(datetime(2026, 12, 2, hour, 30)):
                self._set_online(self.agent)
                self.assertEqual(bool(channel._is_reception_open()), is_open)

    def test_a_shop_that_is_open_past_midnight_is_open_at_midnight_and_in_both_clock_changes(self):
        calendar = self._create_calendar(21, 24, "Europe/Berlin")
        calendar.attendance_ids = [
            Command.create(
                {
                    "name": "Night",
                    "dayofweek": str(day),
                    "hour_from": 0,
                    "hour_to": 3,
                    "day_period": "morning",
                }
            )
            for day in range(7)
        ]
        for moment, works in (
            (datetime(2026, 12, 2, 22, 59, 59), True),
            (datetime(2026, 12, 2, 23, 0, 0), True),
            (datetime(2026, 12, 3, 1, 59, 59), True),
            (datetime(2026, 12, 3, 2, 0, 1), False),
            # 02:30 does not exist in this night, and exists twice in the other.
            (datetime(2026, 3, 29, 0, 59, 59), True),
            (datetime(2026, 3, 29, 1, 0, 1), False),
            (datetime(2026, 10, 25, 0, 30), True),
            (datetime(2026, 10, 25, 1, 30), True),
            (datetime(2026, 10, 25, 2, 0, 1), False),
        ):
            with self.subTest(moment=moment):
                self.assertEqual(calendar._is_working(moment), works)

    def test_a_channel_that_is_deleted_leaves_its_open_chats_to_their_agents(self):
        channel = self._create_channel(self.agent)
        guest = self._create_guest()
        chat = self._come(channel, guest)
        channel.unlink()
        self.env.invalidate_all()
        self._say(chat, guest, "Still there?")
        self._say(chat, self.agent, "Yes.")
        self.env["im_livechat.channel"]._run_dispatch_timers()
        self.assertEqual(self._agent_of(chat), self.agent)
        chat.with_user(self.agent)._close_livechat_session()
        self.assertFalse(chat.dispatch_seat_partner_ids)

    def test_a_group_whose_agents_are_gone_does_not_get_the_agents_of_another(self):
        channel = self._create_channel(self.agent | self.colleague, offline_rule="pool")
        lamps, tables = self.env["livechat.dispatch.group"].create(
            [
                {
                    "name": name,
                    "channel_id": channel.id,
                    "user_ids": agent.ids,
                    "scope_ids": [Command.create({"kind": "page", "page_pattern": f"/{name}"})],
                }
                for name, agent in (("lamps", self.agent), ("tables", self.colleague))
            ]
        )
        self._set_online(self.agent, "offline")
        for group, state in ((lamps, "pool"), (tables, "assigned")):
            buyer = channel._describe_buyer(page=f"https://shop.example/{group.name}")
            chat = self._come(channel.with_context(livechat_dispatch_buyer=buyer))
            self.assertEqual((chat.dispatch_group_id, chat.dispatch_state), (group, state))

    def test_a_bot_hands_over_by_the_hours_of_the_shop_though_agents_are_here(self):
        calendar = self._create_calendar(8, 9, "UTC")
        channel = self._create_channel(
            self.agent, calendar_id=calendar.id, offline_rule="pool", queue_enabled=True
        )
        bot = self._create_bot(channel)
        with freeze_all_time(datetime(2026, 12, 2, 12, 0)):
            self._set_online(self.agent)
            guest = self._create_guest()
            public = channel.with_user(self.env.ref("base.public_user"))
            asking = public.with_context(guest=guest).sudo()
            chat = asking.env["discuss.channel"].create(
                asking._get_livechat_discuss_channel_vals(
                    chatbot_script=bot,
                    operator_partner=bot.operator_partner_id,
                    operator_model="chatbot.script",
                )
            )
            self._say(chat, guest, "A person, please")
            chat._forward_human_operator(bot.script_step_ids[1])
            self.assertEqual(chat.dispatch_state, "pool")
            self.assertFalse(self._agent_of(chat))
            self.assertEqual(chat.dispatch_decision_ids.excluded, {str(self.agent.id): "off_shift"})

    def test_a_language_that_is_switched_off_still_finds_its_group(self):
        lang = self.env["res.lang"]._activate_lang("fr_FR")
        channel = self._create_channel(self.agent | self.colleague)
        group = self.env["livechat.dispatch.group"].create(
            {
                "name": "French",
                "channel_id": channel.id,
                "user_ids": self.agent.ids,
                "scope_ids": [Command.create({"kind": "lang", "lang_id": lang.id})],
            }
        )
        lang.active = False
        self.env.invalidate_all()
        self.assertEqual(channel._find_dispatch_group(channel._describe_buyer(lang="fr")), group)
        self.assertTrue(group.scope_summary)
