"""A buyer who has gone is reached by mail, and comes back by its link."""

import json
import re
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools import hash_sign

from odoo.addons.mail.tools.discuss import Store

from ..dispatch.ledger import door
from .common import DispatchCommon
from .walks import PatientCase

REACH = "/im_livechat_subaccount/reach"


@tagged("post_install", "-at_install")
class TestBuyerMail(DispatchCommon, PatientCase):
    def setUp(self):
        super().setUp()
        self.agent = self._create_agent("mail_agent")
        self.channel = self._create_channel(
            self.agent,
            queue_enabled=True,
            offline_rule="pool",
            max_sessions_mode="limited",
            max_sessions=1,
        )
        self.env["livechat.dispatch.decision"].flush_model()
        self.authenticate(None, None)

    def _call(self, route, **params):
        answer = self.url_open(
            route,
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
            headers={"Content-Type": "application/json"},
        )
        self.assertEqual(answer.status_code, 200)
        self.assertNotIn("Traceback", answer.text)
        self.env.invalidate_all()
        return answer.json()["result"]

    def _come_by_page(self):
        """A buyer whose browser has opened a chat and written."""
        session = self._call("/im_livechat/get_session", channel_id=self.channel.id, persisted=True)
        chat = self.env["discuss.channel"].browse(session["channel_id"])
        self._say(chat, chat.livechat_customer_history_ids.guest_id, "Is it in stock?")
        return chat

    def _come_anew(self):
        """Go on with another browser."""
        self.opener.cookies.clear()
        self.authenticate(None, None)

    def _reach(self, chat, **said):
        return self._call(REACH, channel_id=chat.id, **said)["error"]

    def _mails(self, email="ella@example.com"):
        return self.env["mail.mail"].search([("email_to", "=", email)], order="id")

    def _leave_pooled(self):
        self._set_online(self.agent, "offline")
        chat = self._come_by_page()
        self.assertEqual(chat.dispatch_state, "pool")
        return chat

    def _answer(self, chat, words="Yes, it is."):
        self._set_online(self.agent)
        self.channel._drain()
        self.assertEqual(self._agent_of(chat), self.agent)
        self._say(chat, self.agent, words)

    def _mail_later(self, **later):
        moment = fields.Datetime.now() + timedelta(**(later or {"minutes": 3}))
        with patch.object(fields.Datetime, "now", lambda *args: moment):
            self.env["discuss.channel"]._mail_answers()

    def _get_link(self, mail):
        return re.search(r"/livechat/return/[^\"'<\s]+", mail.body_html)[0]

    def test_who_left_a_message_gets_the_answer_with_the_transcript_by_mail(self):
        chat = self._leave_pooled()
        self.assertEqual(chat._get_wait()["mails"], False)
        self.assertFalse(self._reach(chat, email=" Ella@Example.com ", phone="+32 470 12 34 56"))
        self.assertEqual(chat._get_wait()["mails"], True)
        guest = chat.livechat_customer_history_ids.guest_id
        self.assertEqual(guest.email, "ella@example.com")
        self.assertIn(
            "+32 470 12 34 56",
            chat.message_ids.mapped("body")[0] + chat.message_ids.mapped("body")[1],
        )
        self._answer(chat)
        self._say(chat, self.agent, "Three are left.")
        self.env["discuss.channel"]._mail_answers()
        self.assertFalse(self._mails())
        self._mail_later()
        mail = self._mails()
        self.assertEqual(mail.subject, "Flagship Shop has answered")
        self.assertEqual(
            (mail.email_from, mail.author_id.ids), (self.env.company.email_formatted, [])
        )
        for words in ("Yes, it is.", "Three are left.", "Is it in stock?"):
            self.assertIn(words, mail.body_html)
        # Each word once.
        self._mail_later()
        self.assertEqual(self._mails(), mail)
        self._say(chat, self.agent, "Shall I keep one?")
        self._close(chat)
        self._mail_later()
        self.assertEqual(len(self._mails()), 2)

    def test_who_answers_a_mail_reaches_the_shop_and_not_a_mailbox_that_refuses_it(self):
        self.env.company.alias_domain_id = self.env["mail.alias.domain"].create(
            {"name": "shop.example", "catchall_alias": "nobody"}
        )
        chat = self._leave_pooled()
        self._reach(chat, email="ella@example.com")
        self._answer(chat)
        self._mail_later()
        self.assertEqual(self._mails().reply_to, self.env.company.email_formatted)

    def test_what_a_page_has_shown_is_not_mailed(self):
        chat = self._leave_pooled()
        self._reach(chat, email="ella@example.com")
        self._answer(chat)
        member = chat.channel_member_ids.filtered("guest_id")
        member.seen_message_id = chat.message_ids.sorted("id")[-1]
        self._mail_later()
        self.assertFalse(self._mails())

    def test_what_was_taken_back_is_not_mailed(self):
        chat = self._leave_pooled()
        self._reach(chat, email="ella@example.com")
        self._answer(chat)
        answer = chat.message_ids.filtered(lambda line: "Yes, it is." in line.body)
        chat._message_update_content(answer, body="")
        self._mail_later()
        self.assertFalse(self._mails())

    def test_who_waits_in_line_is_told_when_it_is_its_turn(self):
        other = self._come(self.channel)
        chat = self._come_by_page()
        self.assertEqual(chat.dispatch_state, "queued")
        self.assertFalse(self._reach(chat, email="ella@example.com"))
        self.assertFalse(self._mails())
        self._close(other)
        self.channel._drain()
        mail = self._mails()
        self.assertIn("is with you now", mail.subject)
        self.assertNotIn("Is it in stock?", mail.body_html)
        self.assertTrue(self._get_link(mail))
        self.assertFalse(chat.dispatch_mails_turn)

    def test_what_is_no_address_or_no_number_is_refused_with_a_sentence(self):
        chat = self._leave_pooled()
        for email in (
            "ella",
            "a@b, c@d.com",
            "Ella <x@y.com>, z@y.com",
            "a\n@b.com",
            "x" * 300 + "@b.com",
            7,
            {},
            ["a@b.com"],
            "a@b.com\nBcc: c@d.com",
            "\0@b.com",
        ):
            with self.subTest(email=email):
                self.assertIn("no e-mail address", self._reach(chat, email=email))
        for phone in (
            "12",
            "call me",
            "+" * 9,
            "1" * 40,
            470123456,
            {},
            "<b>12345678</b>",
            "1\n2345678",
        ):
            with self.subTest(phone=phone):
                self.assertIn("no telephone number", self._reach(chat, phone=phone))
        self.assertIn("Say where", self._reach(chat))
        self.assertFalse(chat.dispatch_reply_email)

    def test_numbers_and_addresses_are_read_in_the_digits_and_signs_of_all_keyboards(self):
        chat = self._leave_pooled()
        for said, number in (
            ("\u0660\u0663\u0660 \u0661\u0662\u0663\u0664\u0665", "030 12345"),
            ("\u06f0\u06f3\u06f0\u06f1\u06f2\u06f3\u06f4", "0301234"),
            ("\uff0b\uff18\uff16\uff0813\uff09\uff11\uff12\uff13\uff0d456", "+86(13)123-456"),
            # As people's address books give it.
            ("\u202a+49\u00a030\u20111234567\u202c", "+49 30-1234567"),
        ):
            with self.subTest(number=number):
                self.assertFalse(self._reach(chat, phone=said))
                # A number is read from left to right by everybody.
                words = chat.message_ids.sorted("id")[-1].body
                self.assertIn(f'<span dir="ltr">{number}</span>', words)
        for said in ("ella\uff20example.com", "\u202aella@example.com\u202c"):
            with self.subTest(said=said):
                chat.dispatch_reply_email = False
                self.assertFalse(self._reach(chat, email=said))
                self.assertEqual(chat.dispatch_reply_email, "ella@example.com")

    def test_who_left_a_message_reads_the_answer_on_the_next_page(self):
        chat = self._leave_pooled()

        def get_opened():
            asked = [["init_livechat", self.channel.id]]
            told = self._call("/mail/action", fetch_params=asked).get("discuss.channel", [])
            return [row["id"] for row in told if row.get("open_chat_window")]

        self.assertFalse(get_opened())
        self._answer(chat)
        self.assertEqual(get_opened(), chat.ids)
        member = chat.channel_member_ids.filtered("guest_id")
        member.seen_message_id = chat.message_ids.sorted("id")[-1]
        self.env.flush_all()
        self.assertFalse(get_opened())
        # The agent has gone by now, and a word leads back.
        self._say(chat, self.agent, "Shall I keep one?")
        self._close(chat)
        self.env.flush_all()
        self.assertEqual(get_opened(), chat.ids)
        self.assertTrue(chat._reopens())
        # It is nobody else's.
        self._come_anew()
        self.assertFalse(get_opened())

    def test_nobody_says_it_of_anothers_chat_nor_of_one_that_waits_no_more(self):
        chat = self._leave_pooled()
        self.opener.cookies.pop("dgid", None)
        for chat_id in (chat.id, 0, -1, "x", None, 10**12, [chat.id]):
            with self.subTest(chat_id=chat_id):
                self.assertTrue(
                    self._call(REACH, channel_id=chat_id, email="ella@example.com")["error"]
                )
        self.assertFalse(chat.dispatch_reply_email)
        mine = self._come_by_page()
        self._answer(chat)
        self._close(chat)
        self.channel._drain()
        self.assertEqual(mine.dispatch_state, "assigned")
        self.assertIn("do not wait any more", self._reach(mine, email="ella@example.com"))
        self.channel.mails_answers = False
        self.assertTrue(self._reach(mine, email="ella@example.com"))

    def test_who_writes_to_who_is_away_says_where_to_be_reached_and_is_mailed(self):
        self._set_online(self.agent, "offline")
        self.channel.write({"offline_rule": "proxy", "proxy_user_ids": self.agent.ids})
        chat = self._come_by_page()
        self.assertTrue(chat.dispatch_is_away)

        def get_told():
            data = Store().add(chat).get_result()
            return data["discuss.channel"][0].get("dispatch_away")

        told = {"state": "pool", "mails": False, "takes_email": True}
        self.assertEqual(get_told(), told)
        self.env.flush_all()
        self._forget_bus()
        said = {"email": "ella@example.com", "phone": "+49 30 1234567"}
        self.assertFalse(self._reach(chat, **said))
        self.assertIn("+49 30 1234567", str(chat.message_ids.mapped("body")))
        self.assertEqual(get_told(), {**told, "mails": True})
        self._say(chat, self.agent, "Yes, it is.")
        self.assertFalse(get_told())
        # The open page hears of both.
        heard = [
            thread["dispatch_away"]
            for _to, kind, payload in self._read_bus()
            if kind == "mail.record/insert"
            for thread in payload.get("discuss.channel", ())
            if "dispatch_away" in thread
        ]
        self.assertEqual(heard, [{**told, "mails": True}, False])
        self._mail_later()
        (mail,) = self._mails()
        self.assertIn("Yes, it is.", mail.body_html)
        self.assertIn("do not wait any more", self._reach(chat, email="bo@example.com"))

    def test_a_shop_without_an_address_asks_for_none_and_mails_when_it_has_one(self):
        chat = self._leave_pooled()
        self.assertTrue(chat._describe_reach()["takes_email"])
        self._reach(chat, email="ella@example.com")
        self.env.company.write({"email": False, "alias_domain_id": False})

        self._answer(chat)
        self._mail_later()
        self.assertFalse(self._mails())
        self._come_anew()
        self._come(self.channel)
        waiting = self._come_by_page()
        self.assertEqual(waiting.dispatch_state, "queued")
        self.assertEqual(waiting._describe_reach(), {})
        self._set_online(self.agent, "offline")
        self._come_anew()
        mine = self._come_by_page()
        self.assertEqual(mine._describe_reach(), {"mails": False, "takes_email": False})
        self.assertIn("cannot send e-mails", self._reach(mine, email="omar@example.com"))
        self.assertFalse(self._reach(mine, phone="+32 470 12 34 56"))
        self.assertTrue(self.channel.lacks_sender)

        self.env.company.email = "shop@example.com"
        # Core forgets to compute what it says of a company anew.
        self.env.invalidate_all()
        self._mail_later(hours=2)
        self.assertEqual(
            self._mails().email_from, self.env.company.email_formatted, "what was said is not lost"
        )
        self.assertFalse(self.channel.lacks_sender)

    def test_no_mailbox_is_flooded(self):
        chat = self._leave_pooled()
        self._reach(chat, email="ella@example.com")
        self._answer(chat)
        with patch.object(door, "MAILS_A_MAILBOX", 1):
            self._mail_later()
            self._say(chat, self.agent, "Anything else?")
            self._mail_later()
            self.assertEqual(len(self._mails()), 1)
        # It goes later, and is not lost.
        self._mail_later(hours=2)
        self.assertIn("Anything else?", self._mails()[-1].body_html)

    def test_who_corrects_an_address_is_known_by_the_right_one(self):
        chat = self._leave_pooled()
        guest = chat.livechat_customer_history_ids.guest_id
        self._reach(chat, email="ela@example.com")
        self._reach(chat, email="ella@example.com")
        self.assertEqual(chat.dispatch_reply_email, "ella@example.com")
        self.assertEqual(guest.email, "ella@example.com")
        # What it was known by before is not what it has mistyped here.
        guest.email = "shop@example.com"
        self._reach(chat, email="work@example.com")
        self.assertEqual(guest.email, "shop@example.com")

    def test_who_comes_back_finds_the_chat_also_where_nobody_else_is_taken(self):
        chat = self._leave_pooled()
        self._reach(chat, email="ella@example.com")
        self._answer(chat)
        self._mail_later()
        link = self._get_link(self._mails())
        self._close(chat)
        self._set_online(self.agent, "offline")
        self.channel.offline_rule = "native"
        self.env.flush_all()
        self.opener.cookies.clear()
        self.authenticate(None, None)
        loader = f"/im_livechat/loader/{self.channel.id}"
        self.assertIn("can_load_livechat: false", self.url_open(loader).text)
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.url_open(link).text)[1]
        self.url_open(link, data={"csrf_token": token}, allow_redirects=False)
        self.assertIn("can_load_livechat: true", self.url_open(loader).text)
        # Too late: it opens no more.
        chat.livechat_end_dt -= timedelta(days=8)
        self.env.flush_all()
        self.assertIn("can_load_livechat: false", self.url_open(loader).text)

    def test_the_address_is_for_nobody_to_read(self):
        chat = self._leave_pooled()
        self._reach(chat, email="ella@example.com")
        self._answer(chat)
        with self.assertRaises(Exception) as refusal:
            chat.with_user(self.agent).read(["dispatch_reply_email"])
        self.assertIn("AccessError", type(refusal.exception).__name__)

    def test_the_link_leads_its_buyer_back_to_what_has_ended_and_a_word_opens_it(self):
        chat = self._leave_pooled()
        guest = chat.livechat_customer_history_ids.guest_id
        self._reach(chat, email="ella@example.com")
        self._answer(chat)
        self._mail_later()
        link = self._get_link(self._mails())
        self._close(chat)
        # Another browser, that of the phone on which the mail is read.
        self.opener.cookies.clear()
        self.authenticate(None, None)
        page = self.url_open(link)
        self.assertIn("o_livechat_return_form", page.text)
        self.assertEqual(page.headers["Referrer-Policy"], "no-referrer")
        # Programs that look at mails open links as well.
        self.assertNotIn("dgid", self.opener.cookies)
        chat.invalidate_recordset()
        self.assertTrue(chat.livechat_end_dt)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
        answer = self.url_open(link, data={"csrf_token": token}, allow_redirects=False)
        self.assertIn(
            f"/im_livechat/support/{self.channel.id}#livechat-chat={chat.id}",
            answer.headers["Location"],
        )
        self.assertTrue(self.opener.cookies["dgid"].startswith(str(guest.id)))
        self.env.invalidate_all()
        # Coming back is no word: only with that the chat opens, and takes a seat.
        self.assertTrue(chat.livechat_end_dt and chat._reopens())
        self._say(chat, guest, "Here I am again.")
        self.assertFalse(chat.livechat_end_dt)
        self.assertEqual(self._agent_of(chat), self.agent)

    def test_what_was_promised_by_mail_is_mailed_where_odoo_itself_dispatches_by_now(self):
        chat = self._leave_pooled()
        self.assertFalse(self._reach(chat, email="ella@example.com"))
        self.channel.dispatch_mode = "native"
        chat.with_user(self.agent).livechat_join_channel_needing_help()
        self._say(chat, self.agent, "Yes, it is.")
        self._mail_later()
        (mail,) = self._mails()
        self.assertIn("Yes, it is.", mail.body_html)
        self.assertIn("o_livechat_return_form", self.url_open(self._get_link(mail)).text)

    def test_a_link_that_is_forged_or_old_or_anothers_leads_nowhere(self):
        chat = self._leave_pooled()
        history = chat.livechat_customer_history_ids
        url = chat._get_return_url()
        token = url.rpartition("/")[2]
        said = [chat.id, 0, history.guest_id.id]

        def sign(scope="im_livechat_subaccount return", values=said, hours=1):
            return hash_sign(self.env(su=True), scope, values, expiration_hours=hours)

        other = self._create_guest("Bo")
        for forged in (
            "x",
            "%00",
            "a.b.c",
            token[:-4] + "aaaa",
            token[::-1],
            sign(scope="im_livechat_subaccount pool_email"),
            sign(values=[chat.id, 0, other.id]),
            sign(values=[chat.id + 10**6, 0, history.guest_id.id]),
            sign(hours=-1),
        ):
            with self.subTest(forged=forged):
                answer = self.url_open(f"/livechat/return/{forged}")
                self.assertIn(answer.status_code, (400, 404))
                self.assertNotIn("Traceback", answer.text)
        self.assertIn("o_livechat_return_form", self.url_open(f"/livechat/return/{sign()}").text)
        # Who is logged in is not made somebody else.
        new_test_user(self.env, "mail_portal", "base.group_portal", password="mail_portal")
        self.authenticate("mail_portal", "mail_portal")
        answer = self.url_open(f"/livechat/return/{token}")
        self.assertEqual(answer.status_code, 403)
        self.assertNotIn("dgid", self.opener.cookies)
        # Nobody comes back to what is erased.
        self.authenticate(None, None)
        self._close(chat)
        chat._forget_buyer(history.guest_id)
        self.env.flush_all()
        self.assertEqual(self.url_open(f"/livechat/return/{token}").status_code, 404)

    def test_who_opens_a_chat_again_asks_for_one(self):
        chat = self._come_by_page()
        self._say(chat, self.agent, "Yes.")

        def write_to_closed():
            chat.write(
                {"livechat_end_dt": fields.Datetime.now(), "dispatch_is_closed_silent": True}
            )
            self.env.flush_all()
            return self._call(
                "/mail/message/post",
                thread_model="discuss.channel",
                thread_id=chat.id,
                post_data={"body": "Hello", "message_type": "comment"},
            )

        with patch.dict(door.PER_BUYER, {"chat": 1}):
            self.assertTrue(write_to_closed()["message_id"])
            self.assertFalse(chat.livechat_end_dt)
            self.assertIn("wait a minute", write_to_closed()["dispatch_refusal"])
            self.assertTrue(chat.livechat_end_dt)

    def test_an_account_is_asked_to_log_in_and_comes_back_as_itself(self):
        self._set_online(self.agent, "offline")
        buyer = new_test_user(self.env, "mail_buyer", "base.group_portal", password="mail_buyer")
        chat = self._come(self.channel, buyer)
        self.assertEqual(chat.dispatch_state, "pool")
        link = chat._get_return_url().partition("/livechat/")[2]
        answer = self.url_open(f"/livechat/{link}", allow_redirects=False)
        self.assertIn("/web/login?redirect=", answer.headers["Location"])
        self.authenticate("mail_buyer", "mail_buyer")
        self.assertIn("o_livechat_return_form", self.url_open(f"/livechat/{link}").text)

    def test_who_just_looks_is_told_that_words_are_kept_and_when_the_shop_opens(self):
        def look(**params):
            (chat,) = self._call(
                "/im_livechat/get_session", channel_id=self.channel.id, persisted=False, **params
            )["store_data"]["discuss.channel"]
            return chat.get("dispatch_wait")

        self.assertIsNone(look(), "somebody is here")
        self._come(self.channel)
        self.assertIsNone(look(), "there is a line")
        self._set_online(self.agent, "offline")
        self.assertEqual(look(), {"state": "pool"})
        day = fields.Date.today() + timedelta(days=2)
        hours = {"name": "Morning", "hour_from": 9, "hour_to": 12}
        hours["dayofweek"] = str(day.weekday())
        self.channel.calendar_id = self.env["resource.calendar"].create(
            {
                "name": "A morning",
                "tz": "UTC",
                "attendance_ids": [Command.clear(), Command.create(hours)],
            }
        )
        self.assertEqual(
            look(),
            {"state": "pool", "opens_at": f"{day} 09:00:00", "closes_at": f"{day} 12:00:00"},
        )
        bot = self.env["chatbot.script"].create(
            {
                "title": "Bot",
                "script_step_ids": [Command.create({"step_type": "text", "message": "Hello"})],
            }
        )
        self.channel.rule_ids = [Command.create({"regex_url": "/", "chatbot_script_id": bot.id})]
        self.assertIsNone(look(chatbot_script_id=bot.id), "a bot answers")
        self.channel.write({"offline_rule": "native", "rule_ids": [Command.clear()]})
        self.assertIs(
            self._call("/im_livechat/get_session", channel_id=self.channel.id, persisted=False),
            False,
        )

    def test_who_comes_outside_opening_hours_is_told_when_the_shop_opens(self):
        calendar = self.env["resource.calendar"].create(
            {
                "name": "Mondays",
                "tz": "Europe/Brussels",
                "attendance_ids": [
                    (0, 0, {"name": "Morning", "dayofweek": "0", "hour_from": 9, "hour_to": 12}),
                ],
            }
        )
        self.channel.calendar_id = calendar
        saturday = fields.Datetime.to_datetime("2026-11-28 10:00:00")
        with patch.object(fields.Datetime, "now", lambda *args: saturday):
            chat = self._come(self.channel)
            told = chat._get_wait()
            self.assertEqual(
                (told["opens_at"], told["closes_at"]),
                ("2026-11-30 08:00:00", "2026-11-30 11:00:00"),
            )
        monday = fields.Datetime.to_datetime("2026-11-30 08:30:00")
        with patch.object(fields.Datetime, "now", lambda *args: monday):
            self.assertNotIn("opens_at", chat._describe_pool())
