import json
from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields, http
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tests.common import HOST
from odoo.tools import config

from ..dispatch.ledger import door
from .common import DispatchCommon, create_user
from .test_migrations import load
from .walks import PatientCase

_SHOP = "im_livechat_subaccount.group_main_account"


class BlockCommon(DispatchCommon):
    """Two shops, one of them with two channels."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner, cls.rival = (create_user(cls.env, name, _SHOP) for name in ("one", "two"))
        cls.agent = cls._create_agent("agent")
        cls.channel, cls.second = (
            cls._create_channel(cls.agent, main_account_id=cls.owner.id) for _channel in range(2)
        )
        cls.other = cls._create_channel(cls.agent, main_account_id=cls.rival.id)
        cls.native = cls._create_channel(
            cls.agent, main_account_id=cls.owner.id, dispatch_mode="native"
        )

    def _block(self, chat, owner=None, **vals):
        """As a dispatch manager does in the dialog."""
        action = chat.with_user(owner or self.owner).action_block()
        dialog = self.env["livechat.block.buyer"].with_user(owner or self.owner)
        dialog = dialog.with_context(**action["context"]).create(vals)
        dialog.action_block()
        return self.env["livechat.dispatch.block"].search([], limit=1)


@tagged("post_install", "-at_install")
class TestBlock(BlockCommon):
    """Who blocks whom, and what becomes of the chat."""

    def test_the_chat_ends_and_so_do_the_buyers_others_in_the_shop(self):
        guest = self._create_guest("Spammer")
        chat, second, foreign = (
            self._come(channel, guest) for channel in (self.channel, self.second, self.other)
        )
        someone = self._come(self.channel)
        block = self._block(chat, reason="Abuse")
        self.assertTrue(chat.livechat_end_dt)
        self.assertTrue(second.livechat_end_dt)
        self.assertFalse(foreign.livechat_end_dt or someone.livechat_end_dt)
        self.assertEqual((block.name, block.guest_id), ("Spammer", guest))
        self.assertEqual((block.create_uid, block.reason), (self.owner, "Abuse"))
        self.assertFalse(block.address)
        # Of those whom nobody has named one is told from the other, as on all pages.
        unnamed = self._block(someone)
        guest = someone.livechat_customer_history_ids.guest_id
        self.assertEqual((unnamed.name, unnamed.guest_id), (f"Visitor {guest.id}", guest))
        in_a_day = fields.Datetime.now() + timedelta(days=1)
        self.assertAlmostEqual(block.until, in_a_day, delta=timedelta(minutes=5))

    def test_what_comes_from_a_blocked_address_ends(self):
        """Whether the address is blocked with a buyer or by itself; what it may not answer would
        wait for nothing."""
        self.channel.write(
            {"queue_enabled": True, "max_sessions_mode": "limited", "max_sessions": 2}
        )
        colleague = new_test_user(self.env, "colleague", "base.group_user")
        chats = [self._come(self.channel) for _buyer in range(4)]
        chats.append(self._come(self.second))
        chats.append(self._come(self.other))
        chats.append(self._come(self.second, colleague))
        for chat, last in zip(chats, (7, 8, 7, 9, 8, 7, 7), strict=True):
            chat.dispatch_address = f"203.0.113.{last}"
        self.assertEqual([chat.dispatch_state for chat in chats[2:4]], ["queued", "queued"])

        def find_ended():
            return [number for number, chat in enumerate(chats) if chat.livechat_end_dt]

        self._block(chats[0], by_address=True)
        self.assertEqual(find_ended(), [0, 2], "whoever works here goes on, and other shops do")
        self.assertFalse(chats[2].dispatch_state)
        values = {"livechat_channel_id": self.channel.id, "address": "203.0.113.0/29"}
        block = self.env["livechat.dispatch.block"].with_user(self.owner).create(values)
        self.assertEqual(find_ended(), [0, 2])
        block.address = "203.0.113.8"
        self.assertEqual(find_ended(), [0, 1, 2, 4])

    def test_who_waits_is_blocked_as_well_and_the_line_goes_on(self):
        self.channel.write(
            {"queue_enabled": True, "max_sessions_mode": "limited", "max_sessions": 1}
        )
        for _buyer in range(2):
            chat = self._come(self.channel)
        self.assertEqual(chat.dispatch_state, "queued")
        self._block(chat, how_long="ever")
        self.assertFalse(chat.dispatch_state)
        self.assertTrue(chat.livechat_end_dt)
        self.assertFalse(self.env["livechat.dispatch.block"].search([], limit=1).until)

    def test_the_address_goes_with_the_chat(self):
        chat = self._come(self.channel)
        chat.dispatch_address = "203.0.113.7"
        with self.assertRaises(AccessError):
            chat.with_user(self.owner).read(["dispatch_address"])
        block = self._block(chat, by_address=True)
        self.assertEqual(block.address, "203.0.113.7")
        self.assertFalse(chat.dispatch_address)

    def test_the_dialog_offers_the_address_only_where_one_is_known(self):
        for address in ("203.0.113.7", False):
            chat = self._come(self.channel)
            chat.dispatch_address = address
            action = chat.with_user(self.owner).action_block()
            dialogs = self.env["livechat.block.buyer"].with_user(self.owner)
            self.assertEqual(
                Form(dialogs.with_context(**action["context"])).has_address, bool(address)
            )

    def test_only_the_shops_own_dispatch_managers_block_see_and_lift(self):
        chat = self._come(self.channel)
        blocks = self.env["livechat.dispatch.block"]
        for user in (self.rival, self.agent):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                chat.with_user(user)._block_buyer({}, False)
        block = self._block(chat)
        self.assertEqual(blocks.with_user(self.owner).search([]), block)
        self.assertFalse(blocks.with_user(self.rival).search([]))
        auditor = create_user(self.env, "auditor", "im_livechat_subaccount.group_auditor")
        for user in (self.rival, self.agent, auditor):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                block.with_user(user).action_lift()
        for values in ({"livechat_channel_id": self.channel.id, "address": "203.0.113.7"},):
            with self.assertRaises(AccessError):
                blocks.with_user(self.rival).create(values)
            blocks.with_user(self.owner).create(values)
        block.with_user(self.owner).action_lift()
        self.assertFalse(block.exists())

    def test_nobody_chooses_a_buyer_but_by_a_chat(self):
        values = {"livechat_channel_id": self.channel.id, "guest_id": self._create_guest().id}
        with self.assertRaises(AccessError):
            self.env["livechat.dispatch.block"].with_user(self.owner).create(values)

    def test_who_works_here_is_not_blocked(self):
        colleague = new_test_user(self.env, "colleague", "base.group_user")
        chat = self._come(self.channel, colleague)
        with self.assertRaises(UserError):
            chat.with_user(self.owner)._block_buyer({}, False)

    def test_an_address_is_one_or_the_first_part_of_some(self):
        blocks = self.env["livechat.dispatch.block"].with_user(self.owner)
        for text, known in (
            (" 192.0.2.7 ", "192.0.2.7"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("2001:DB8::1", "2001:db8::1"),
            ("2001:db8:1:2:3::/64", "2001:db8:1:2::/64"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ):
            block = blocks.create({"livechat_channel_id": self.channel.id, "address": text})
            self.assertEqual(block.address, known)
        for text in ("shop", "192.0.2", "0.0.0.0/0", "10.0.0.0/8", "::/0", "127.0.0.1", "1/2/3"):
            with self.subTest(text=text), self.assertRaises(ValidationError):
                blocks.create({"livechat_channel_id": self.channel.id, "address": text})
        with self.assertRaises(ValidationError):
            block.address = "nowhere"
        with self.assertRaises(ValidationError):
            block.until = fields.Datetime.now() - timedelta(days=1)

    def test_refusals_of_earlier_versions_are_kept(self):
        self.env.cr.execute(
            """
            DROP TABLE livechat_dispatch_refusal;
            CREATE TABLE livechat_dispatch_refusal (
                day date NOT NULL, what text NOT NULL, times integer NOT NULL,
                PRIMARY KEY (day, what)
            );
            INSERT INTO livechat_dispatch_refusal
            VALUES ((now() AT TIME ZONE 'UTC')::date, 'chat', 3)
            """
        )
        migrate = load("19.0.1.2.0/pre-refusals")["migrate"]
        for _time in range(2):
            migrate(self.env.cr, "19.0.1.1.0")
        since = fields.Datetime.now() - timedelta(days=1)
        self.assertEqual(door.count_refused(self.env.cr, since), {"often": 3, "blocked": 0})
        door.note_blocked(self.env, self.channel.id)
        door.note_blocked(self.env, self.channel.id)
        self.assertEqual(door.count_refused(self.env.cr, since), {"often": 3, "blocked": 2})

    def test_reception_tells_a_shop_of_its_own_refusals(self):
        door.note_blocked(self.env, self.channel.id)
        channels = self.env["im_livechat.channel"]
        counts = {
            owner: channels.with_user(owner).get_reception()["refused"]["blocked"]
            for owner in (self.owner, self.rival)
        }
        self.assertEqual(counts, {self.owner: 1, self.rival: 0})


@tagged("post_install", "-at_install")
class TestBlockedBuyer(PatientCase, BlockCommon):
    """What somebody who is blocked gets: on every public route a clear answer, and nothing else."""

    forwarded = {"X-Forwarded-Host": HOST, "X-Forwarded-For": "203.0.113.7"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(patch.dict(config.options, {"proxy_mode": True}))

    def setUp(self):
        super().setUp()
        self.authenticate(None, None)
        self.opener.cookies.pop("dgid", None)

    def _call(self, route, **params):
        answer = self.url_open(
            route,
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
            headers={"Content-Type": "application/json", **self.forwarded},
        ).json()
        self.assertNotIn("error", answer)
        self.env.invalidate_all()
        # What is nothing is left out.
        return answer.get("result")

    def _ask(self, channel=None, route="/im_livechat/get_session", **params):
        channel = channel or self.channel
        return self._call(route, **{"channel_id": channel.id, "persisted": True, **params})

    def _open(self, *args, **params):
        return self.env["discuss.channel"].browse(self._ask(*args, **params)["channel_id"])

    def _write(self, chat, route="/mail/message/post", **params):
        return self._call(
            route,
            thread_model="discuss.channel",
            thread_id=chat.id,
            post_data={"body": "Hello", "message_type": "comment"},
            **params,
        )

    def _is_available(self, channel=None):
        data = self._call(
            "/mail/data", fetch_params=[["init_livechat", (channel or self.channel).id]]
        )
        return data["Store"]["livechat_available"]

    def _block_address(self, text, **vals):
        self.env["livechat.dispatch.block"].create(
            {"livechat_channel_id": self.channel.id, "address": text, **vals}
        )
        self.env.flush_all()

    def assertRefused(self, answer):
        self.assertIn("not open to you", answer["dispatch_refusal"])
        self.assertFalse(answer["channel_id"] or answer["message_id"])

    def test_a_blocked_guest_opens_and_writes_nothing_in_the_shop_and_all_elsewhere(self):
        chat = self._open()
        token = chat.channel_member_ids.guest_id._format_auth_cookie()
        self.assertTrue(self._write(chat)["message_id"])
        self.assertEqual(chat.dispatch_address, "203.0.113.7")
        self._block(chat)
        bot = self.env["chatbot.script"].create(
            {"title": "Bot", "script_step_ids": [Command.create({"message": "Hello"})]}
        )
        guests = self.env["mail.guest"].search_count([])
        said = self.env["mail.message"].search_count(
            [("model", "=", "discuss.channel"), ("res_id", "=", chat.id)]
        )
        for channel in (self.channel, self.second, self.native):
            for persisted in (True, False):
                self.assertRefused(self._ask(channel, persisted=persisted))
                cors = "/im_livechat/cors/get_session"
                self.assertRefused(self._ask(channel, cors, persisted=persisted, guest_token=token))
            self.assertFalse(self._is_available(channel))
        self.assertRefused(self._write(chat))
        self.assertRefused(self._write(chat, "/im_livechat/cors/message/post", guest_token=token))
        self.assertFalse(self._call("/im_livechat_subaccount/leave_message", channel_id=chat.id))
        upload = self.url_open(
            "/mail/attachment/upload",
            data={
                "thread_id": chat.id,
                "thread_model": "discuss.channel",
                "csrf_token": http.Request.csrf_token(self),
            },
            files={"ufile": ("file.txt", b"spam")},
            headers=self.forwarded,
        )
        self.assertIn("not open to you", upload.json()["error"])
        message = self.env["mail.message"].search(
            [("model", "=", "discuss.channel"), ("res_id", "=", chat.id)], order="id", limit=1
        )
        for route, params in (
            ("update_content", {"update_data": {"body": "spam"}}),
            ("reaction", {"content": "x", "action": "add"}),
        ):
            self.assertFalse(self._call(f"/mail/message/{route}", message_id=message.id, **params))
        for route, params in (
            ("/im_livechat/feedback", {"rate": 1, "reason": "spam"}),
            ("/im_livechat/history", {"pid": self.agent.partner_id.id, "page_history": ["/x"]}),
            ("/mail/rtc/channel/join_call", {}),
            ("/discuss/channel/notify_typing", {"is_typing": True}),
            ("/chatbot/step/trigger", {"chatbot_script_id": bot.id}),
            ("/chatbot/step/validate_email", {}),
        ):
            self.assertFalse(self._call(route, channel_id=chat.id, **params), route)
        anew = {"channel_id": chat.id, "chatbot_script_id": bot.id}
        self.assertRefused(self._call("/chatbot/restart", **anew))
        guest = chat.livechat_customer_guest_ids
        self._call("/mail/guest/update_name", guest_id=guest.id, name="Spam")
        self.assertNotEqual(guest.name, "Spam")
        self.assertTrue(chat.livechat_end_dt)
        self.assertFalse(chat.rating_ids)
        self.assertEqual(self.env["mail.guest"].search_count([]), guests)
        self.assertEqual(
            self.env["mail.message"].search_count(
                [("model", "=", "discuss.channel"), ("res_id", "=", chat.id)]
            ),
            said,
        )
        since = fields.Datetime.now() - timedelta(hours=1)
        count = door.count_refused(self.env.cr, since, self.channel.ids)
        self.assertEqual(count["often"], 0)
        self.assertGreaterEqual(count["blocked"], 7)
        # Another shop, and somebody else.
        self.assertTrue(self._is_available(self.other))
        self.assertTrue(self._open(self.other))
        self.opener.cookies.clear()
        self.assertTrue(self._is_available())
        self.assertTrue(self._open())

    def test_an_account_is_blocked_in_every_browser(self):
        new_test_user(self.env, "buyer", "base.group_portal", password="sesame-open")
        self.authenticate("buyer", "sesame-open")
        self._block(self._open())
        self.authenticate("buyer", "sesame-open")
        self.opener.cookies.pop("dgid", None)
        self.assertRefused(self._ask())

    def _sign_in(self, login=None):
        """Sign in and stay the same browser: its guest's cookie stays."""
        cookie = self.opener.cookies["dgid"]
        self.authenticate(login, login and "sesame-open")
        self.opener.cookies["dgid"] = cookie

    def test_a_blocked_account_is_blocked_without_signing_in_as_well(self):
        """An account and a cookie both identify a buyer."""
        new_test_user(self.env, "buyer", "base.group_portal", password="sesame-open")
        guest = self._open(self.other).channel_member_ids.guest_id
        self._sign_in("buyer")
        chat, second = self._open(), self._open(self.second)
        self.assertEqual(chat.dispatch_guest_id, guest)
        self._block(chat)
        self.assertTrue(second.livechat_end_dt)
        self._sign_in()
        self.assertRefused(self._ask())
        self.opener.cookies.pop("dgid")
        self.assertTrue(self._open())

    def test_a_guest_who_is_blocked_has_nothing_open_as_an_account_either(self):
        new_test_user(self.env, "buyer", "base.group_portal", password="sesame-open")
        chat = self._open()
        self._sign_in("buyer")
        second = self._open(self.second)
        self.assertEqual(second.dispatch_guest_id, chat.channel_member_ids.guest_id)
        self._block(chat)
        self.assertRefused(self._write(second))
        self.assertTrue(second.livechat_end_dt)

    def test_what_is_refused_is_refused_in_the_buyers_language(self):
        """That of the page before that of the browser, as everything a buyer is told."""
        self.env["res.lang"]._activate_lang("zh_CN")
        chat = self._open(page_lang="zh-Hans")
        self._block(chat)
        refused = {"channel_id": self.channel.id, "persisted": True}
        for route in ("/im_livechat/get_session", "/im_livechat/cors/get_session"):
            token = chat.livechat_customer_guest_ids._format_auth_cookie()
            answers = {
                lang: self._call(route, **refused, guest_token=token, page_lang=lang)
                for lang in ("zh-TW", "en", "")
            }
            says = {lang: answer["dispatch_refusal"] for lang, answer in answers.items()}
            self.assertEqual(says["en"], says[""])
            self.assertIn("not open to you", says["en"])
            self.assertRegex(says["zh-TW"], "[\u4e00-\u9fff]")
        self.assertRegex(self._write(chat)["dispatch_refusal"], "[\u4e00-\u9fff]")

    def test_an_address_and_a_prefix_are_blocked_and_no_other(self):
        for text, address, refused in (
            ("203.0.113.7", "203.0.113.7", True),
            ("203.0.113.0/24", "203.0.113.200", True),
            ("203.0.113.0/24", "203.0.114.7", False),
            ("2001:db8:1:2::/64", "2001:db8:1:2:3:4:5:6", True),
            ("2001:db8:1:2::/64", "203.0.113.7", False),
            ("203.0.113.7", "::ffff:203.0.113.7", True),
            ("203.0.113.7", "not an address", False),
        ):
            with self.subTest(text=text, address=address):
                self.env["livechat.dispatch.block"].search([]).unlink()
                self._block_address(text)
                self.opener.cookies.clear()
                self.forwarded = {**self.forwarded, "X-Forwarded-For": address}
                answer = self._ask(persisted=False)
                self.assertEqual("dispatch_refusal" in answer, refused)

    def test_a_block_ends_by_itself_or_is_lifted(self):
        self._block_address("203.0.113.7")
        self.assertRefused(self._ask())
        block = self.env["livechat.dispatch.block"].search([])
        self.env.cr.execute("UPDATE livechat_dispatch_block SET until = until - interval '2 days'")
        self.assertTrue(self._open())
        self.env.cr.execute("UPDATE livechat_dispatch_block SET until = NULL")
        self.assertRefused(self._ask())
        block.action_lift()
        self.env.flush_all()
        self.assertTrue(self._open())

    def test_who_works_here_is_not_turned_away_by_an_address(self):
        self._block_address("203.0.113.7")
        new_test_user(self.env, "colleague", "base.group_user", password="sesame-open")
        self.authenticate("colleague", "sesame-open")
        self.assertTrue(self._open())

    def test_who_works_for_another_shop_is_a_buyer_here_and_none_at_home(self):
        """To core every employee may do what agents do."""
        self.rival.password = "sesame-open"
        self.authenticate(self.rival.login, "sesame-open")
        chat, home = self._open(), self._open(self.other)
        self.assertTrue(self._write(chat)["message_id"])
        mine = chat.with_user(self.rival)
        words = {"body": "x", "message_type": "comment", "subtype_xmlid": "mail.mt_comment"}
        with self.assertRaisesRegex(AccessError, "in the window"):
            mine.message_post(**words)
        for vals in ({"livechat_note": "x"}, {"livechat_status": "need_help"}, {"name": "x"}):
            with self.subTest(**vals), self.assertRaises(AccessError), self.env.cr.savepoint():
                mine.write(vals)
        mail = {"channel_id": chat.id, "email": "anybody@example.com"}
        answer = self.url_open(
            "/im_livechat/email_livechat_transcript",
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": mail}),
            headers={"Content-Type": "application/json", **self.forwarded},
        )
        self.assertIn("error", answer.json())
        # It has written as often as a buyer may.
        self.env.cr.execute(
            """
            UPDATE livechat_dispatch_rate
               SET level = amount, asked_at = clock_timestamp() AT TIME ZONE 'UTC'
             WHERE what = 'word'
            """
        )
        self.assertIn("wait a minute", self._write(chat)["dispatch_refusal"])
        self._block(chat, by_address=True)
        self.assertTrue(chat.livechat_end_dt)
        self.assertRefused(self._write(chat))
        self.assertRefused(self._ask())
        self.assertFalse(self._is_available())
        # Its own shop.
        self.assertFalse(home.livechat_end_dt)
        self.assertTrue(self._write(home)["message_id"])
        home.with_user(self.rival).message_post(**words)
        home.with_user(self.rival).livechat_note = "x"
        self._block_address("203.0.113.7", livechat_channel_id=self.other.id)
        self.assertTrue(self._write(home)["message_id"])
        with self.assertRaises(UserError):
            self._block(home, self.rival)

    def test_blocks_cost_no_query(self):
        channels = (
            self.env["im_livechat.channel"].sudo().with_user(self.env.ref("base.public_user"))
        )
        channels = channels.with_context(guest=self._create_guest()).sudo()
        channels._match_open_to_caller()
        self.env.flush_all()
        self.env.invalidate_all()
        with self.assertQueryCount(1):
            channels.search(
                fields.Domain("id", "=", self.channel.id) & channels._match_open_to_caller()
            )
