"""What is held about people: for how long, as a file, and erased."""

import json
import logging
from base64 import b64encode
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.service.model import call_kw
from odoo.tests import new_test_user, tagged

from .common import DispatchCommon
from .security_matrix import SecurityCommon
from .test_security_rpc import RpcCommon

NAME = "Ming Wordsworth"
MAIL = "ming.w@hidden.example.com"
WORDS = "my street is 42 Hidden Lane"
# Who answers for no buyer of the flagship.
STRANGERS = ("reception", "audit", "planner", "deputy", "agent", "employee", "portal", "public")


class PersonalData:
    """A guest and a signed-in buyer who wrote to two shops."""

    @classmethod
    def _set_up_buyers(cls):
        cls.users["rival"] = cls.rival
        cls.guest = cls.env["mail.guest"].create({"name": NAME, "email": MAIL})
        cls.buyer_user = new_test_user(
            cls.env, MAIL, "base.group_portal", name=NAME, email=MAIL, phone="13800138642"
        )
        cls.buyer = cls.buyer_user.partner_id
        cls.chats = {
            (shop, kind): cls._write_to(channel, agent, buyer)
            for shop, channel, agent in (
                ("own", cls.shop["im_livechat.channel"], cls.users["reception"]),
                ("rival", cls.victim_shop["im_livechat.channel"], cls.victim.user_id),
            )
            for kind, buyer in (("guest", cls.guest), ("contact", cls.buyer))
        }
        cls.env["livechat.dispatch.total"]._count(wait=True)
        cls.env.flush_all()

    @classmethod
    def _write_to(cls, channel, agent, buyer):
        chat = cls.env["discuss.channel"].create(
            {
                **channel._get_livechat_discuss_channel_vals(
                    agent=agent, operator_partner=agent.partner_id, operator_model="res.users"
                ),
                "name": f"{NAME}, {agent.name}",
            }
        )
        is_guest = buyer._name == "mail.guest"
        cls.env["discuss.channel.member"].create(
            {
                "channel_id": chat.id,
                "guest_id" if is_guest else "partner_id": buyer.id,
                "livechat_member_type": "visitor",
            }
        )
        file = cls.env["ir.attachment"].create(
            {
                "name": "id-card.png",
                "raw": WORDS.encode(),
                "res_model": "discuss.channel",
                "res_id": chat.id,
            }
        )
        poster = chat.sudo()
        if is_guest:
            poster = chat.with_user(cls.env.ref("base.public_user")).with_context(guest=buyer)
        message = poster.sudo().message_post(
            body=WORDS,
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            attachment_ids=file.ids,
            **{"author_guest_id" if is_guest else "author_id": buyer.id},
        )
        cls.env["mail.message.reaction"].create(
            {
                "message_id": message.id,
                "content": "👍",
                "guest_id" if is_guest else "partner_id": buyer.id,
            }
        )
        chat.with_user(agent).sudo().message_post(
            body="Thank you",
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            author_id=agent.partner_id.id,
        )
        cls.env["rating.rating"].create(
            {
                "res_model_id": cls.env["ir.model"]._get_id("discuss.channel"),
                "res_id": chat.id,
                "rated_partner_id": agent.partner_id.id,
                "partner_id": False if is_guest else buyer.id,
                "rating": 5,
                "feedback": WORDS,
                "consumed": True,
            }
        )
        chat.livechat_note = f"<p>{NAME} is a dear customer</p>"
        chat.dispatch_page = "/hidden"
        chat.livechat_end_dt = fields.Datetime.now()
        return chat

    def _read_all(self, chat):
        """All that the database has of a chat, as text."""
        self.env.flush_all()
        texts = []
        for table, column in (
            ("discuss_channel t", "t.id"),
            ("mail_message t", "model = 'discuss.channel' AND res_id"),
            ("rating_rating t", "res_model = 'discuss.channel' AND res_id"),
            ("ir_attachment t", "res_model = 'discuss.channel' AND res_id"),
            ("discuss_channel_member t", "channel_id"),
            ("im_livechat_channel_member_history t", "channel_id"),
            ("livechat_dispatch_decision t", "discuss_channel_id"),
            (
                "mail_guest t JOIN discuss_channel_member m ON m.guest_id = t.id",
                "m.channel_id",
            ),
        ):
            query = f"SELECT to_jsonb(t) FROM {table} WHERE {column} = %s"
            self.env.cr.execute(query, [chat.id])
            texts += [json.dumps(row[0], ensure_ascii=False) for row in self.env.cr.fetchall()]
        return "\n".join(texts)

    def _assert_erased(self, chat, buyer):
        text = self._read_all(chat)
        for trace in (NAME, MAIL, WORDS, "/hidden", "id-card"):
            self.assertNotIn(trace, text)
        is_guest = buyer._name == "mail.guest"
        member = "guest_id" if is_guest else "partner_id"
        for records in (chat.channel_member_ids, chat.livechat_channel_member_history_ids):
            self.assertNotIn(buyer.id, records.mapped(member).ids)
        if not is_guest:
            self.assertNotIn(buyer, chat.livechat_customer_partner_ids)
        self.assertIn("Thank you", text)
        self.assertTrue(chat.dispatch_erased_at)

    def _read_figures(self):
        self.env["livechat.dispatch.total"]._count(fresh=True, wait=True)
        totals = self.env["livechat.dispatch.total"]
        sums = [f"{name}:sum" for name in totals._get_sums()]
        groups = totals._read_group([], ["main_account_id", "livechat_channel_id"], sums)
        return (
            [[record.id if hasattr(record, "id") else record for record in row] for row in groups],
            self.env["livechat.dispatch.decision"].search_count([]),
            self.env["discuss.channel"].search_count([]),
            self.env["mail.message"].search_count([("model", "=", "discuss.channel")]),
            self.env["im_livechat.channel.member.history"].search_count([]),
            self.env["rating.rating"].search([]).mapped("rating"),
        )


@tagged("post_install", "-at_install")
class TestPersonalData(PersonalData, SecurityCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_buyers()

    def _call(self, who, record, method, *args):
        self.env.flush_all()
        self.env.invalidate_all()
        model = self.env[record._name].with_user(self.users[who])
        return call_kw(model, method, [record.ids, *args], {})

    def test_a_guest_is_erased_from_the_own_shop_and_from_nowhere_else(self):
        before = self._read_figures()
        elsewhere = self._read_all(self.chats["rival", "guest"])
        self._call("main_account", self.chats["own", "guest"], "action_erase_buyer")
        self._assert_erased(self.chats["own", "guest"], self.guest)
        self.assertEqual(self._read_all(self.chats["rival", "guest"]), elsewhere)
        self.assertEqual(self.guest.name, NAME)
        self.assertEqual(self._read_figures(), before)
        self._call("rival", self.chats["rival", "guest"], "action_erase_buyer")
        self.assertFalse(self.guest.exists())
        self.assertEqual(self._read_figures(), before)

    def test_what_an_erased_buyer_thought_stays_a_matter_of_its_day(self):
        rating = self.chats["own", "guest"].rating_ids
        then = fields.Datetime.now() - timedelta(days=20)
        rating.rating = 1
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE rating_rating SET rated_on = %s, write_date = %s WHERE id = %s",
            [then, then, rating.id],
        )
        self._call("main_account", self.chats["own", "guest"], "action_erase_buyer")
        self.assertEqual((rating.feedback, rating.rated_on), (False, then))
        channels = self.env["im_livechat.channel"].with_user(self.owner)
        self.assertFalse(channels.get_reception()["unhappy"]["count"])

    def test_a_signed_in_buyer_loses_only_the_chats_of_this_shop(self):
        before = self._read_figures()
        elsewhere = self._read_all(self.chats["rival", "contact"])
        self._call("store_manager", self.buyer, "action_erase_personal_data")
        self._assert_erased(self.chats["own", "contact"], self.buyer)
        self.assertEqual(self._read_all(self.chats["rival", "contact"]), elsewhere)
        self.assertEqual((self.buyer.name, self.buyer.email), (NAME, MAIL))
        self.assertEqual(self._read_figures(), before)
        row = self.env["livechat.dispatch.log"].search([], limit=1)
        self.assertEqual(row.what, "personal_data.erase")
        self.assertEqual(row.user_id, self.users["store_manager"])
        self.assertEqual(row.main_account_id, self.owner)
        self.assertNotIn(NAME, row.subject)

    def test_an_administrator_erases_a_contact_that_nothing_else_names(self):
        partner = self.env["res.partner"].create({"name": NAME, "email": MAIL, "phone": "42424242"})
        chat = self._write_to(self.shop["im_livechat.channel"], self.users["reception"], partner)
        partner.with_user(self.env.ref("base.user_admin")).action_erase_personal_data()
        self._assert_erased(chat, partner)
        self.assertEqual(
            (partner.name, partner.email, partner.phone), ("Erased Buyer", False, False)
        )
        # The account needs its contact.
        self.buyer.with_user(self.env.ref("base.user_admin")).action_erase_personal_data()
        for shop in "own", "rival":
            self._assert_erased(self.chats[shop, "contact"], self.buyer)
        self.assertEqual(self.buyer.name, NAME)

    def test_nobody_else_exports_or_erases_a_buyer(self):
        chats = [self.chats["own", "guest"], self.chats["own", "contact"]]
        before = [self._read_all(chat) for chat in chats]
        for who in (*STRANGERS, "rival"):
            for record, method in (
                (chats[0], "action_export_buyer"),
                (chats[0], "action_erase_buyer"),
                (chats[1], "action_erase_buyer"),
                *(() if who == "rival" else [(self.buyer, "action_export_personal_data")]),
                *(() if who == "rival" else [(self.buyer, "action_erase_personal_data")]),
                (self.subaccounts["colleague"], "action_export_personal_data"),
                (self.subaccounts["pending"], "action_erase_personal_data"),
            ):
                with self.subTest(who=who, method=method), self._rollback():
                    with self.assertRaises(UserError):
                        self._call(who, record, method)
        self.assertEqual([self._read_all(chat) for chat in chats], before)

    def test_who_works_here_or_is_no_buyer_is_not_erased_as_one(self):
        stranger = self.env["res.partner"].create({"name": "Nobody's buyer"})
        for partner in (
            self.users["reception"].partner_id,
            self.users["employee"].partner_id,
            self.victim.user_id.partner_id,
            self.owner.partner_id,
            stranger,
        ):
            for who in ("main_account", "store_manager"):
                with self.subTest(partner=partner, who=who), self.assertRaises(UserError):
                    self._call(who, partner, "action_erase_personal_data")
        # Also while it buys here itself.
        chat = self._write_to(
            self.shop["im_livechat.channel"],
            self.users["reception"],
            self.users["employee"].partner_id,
        )
        with self.assertRaises(UserError):
            self._call("main_account", chat, "action_erase_buyer")

    def test_who_has_an_open_chat_is_not_erased(self):
        self.chats["own", "guest"].livechat_end_dt = False
        with self.assertRaisesRegex(UserError, "end it first"):
            self._call("main_account", self.chats["own", "guest"], "action_erase_buyer")

    def test_an_export_has_all_of_the_own_shop_and_nothing_of_others(self):
        for kind, record in (("guest", self.chats["own", "guest"]), ("contact", self.buyer)):
            data = record.with_user(self.owner)._export_personal_data()
            text = json.dumps(data, default=str)
            self.assertEqual(data["person"]["name"], NAME)
            self.assertEqual([chat["id"] for chat in data["chats"]], self.chats["own", kind].ids)
            for held in (MAIL, WORDS, "Thank you", "id-card.png", "/hidden", "dear customer"):
                self.assertIn(held, text)
            self.assertIn(b64encode(WORDS.encode()).decode(), text)
            self.assertNotIn(self.victim.name, text)
        row = self.env["livechat.dispatch.log"].search([], limit=1)
        self.assertEqual((row.what, row.user_id), ("personal_data.export", self.owner))

    def test_a_former_agent_is_exported_and_erased_and_no_figure_changes(self):
        row = self.subaccounts["reception"]
        user, partner, name = row.user_id, row.user_id.partner_id, row.name
        row.user_id.livechat_username = "Desk Maria"
        chat = self.chats["own", "guest"]
        row.with_user(self.owner).dispatch_weight = 170
        self.shop["discuss.channel"].livechat_end_dt = fields.Datetime.now()
        with self.assertRaisesRegex(UserError, "disable it first"):
            self._call("main_account", row, "action_erase_personal_data")
        row.with_user(self.owner).action_disable()
        data = row.with_user(self.owner)._export_personal_data()
        text = json.dumps(data, default=str)
        self.assertEqual(data["person"]["login"], user.login)
        self.assertIn(chat.id, [one["id"] for one in data["chats"]])
        self.assertIn("Thank you", text)
        self.assertNotIn(WORDS, text)
        self.assertTrue(data["figures"])
        before = self._read_figures()
        self._call("main_account", row, "action_erase_personal_data")
        self.assertFalse(row.exists())
        self.assertEqual(
            (partner.name, partner.email, partner.active), ("Former Agent", False, False)
        )
        self.assertEqual(chat.name, f"{NAME}, Former Agent")
        self.assertIn("Thank you", self._read_all(chat))
        self.assertEqual(self._read_figures(), before)
        log = self.env["livechat.dispatch.log"].search([("main_account_id", "=", self.owner.id)])
        for one in log:
            told = f"{one.user_name} {one.subject} {one.old_value} {one.new_value}"
            self.assertNotIn(f"{name} –", told)
            self.assertNotEqual(one.subject, name)

    def test_no_chat_is_named_after_a_former_agent(self):
        row, channel = self.subaccounts["reception"], self.shop["im_livechat.channel"]
        kind = {"chatbot_script": None, "operator_model": "res.users"}
        mine = self.chats["own", "guest"] | self.chats["own", "contact"]
        for chat, buyer in zip(mine, ({"guest": self.guest}, {"visitor_user": self.buyer_user})):
            # As core names each chat that comes to an agent.
            chat.name = channel._get_channel_name(agent=row.user_id, **buyer, **kind)
        other = self.shop["discuss.channel"]
        longer = f"{NAME} Mac{row.name}"
        other.write({"livechat_end_dt": fields.Datetime.now(), "name": longer})
        row.with_user(self.owner).action_disable()
        self._call("main_account", row, "action_erase_personal_data")
        self.assertEqual(mine.mapped("name"), [f"{NAME} Former Agent"] * 2)
        self.assertEqual(other.name, longer)

    def test_what_a_former_manager_did_with_chats_names_it_no_more(self):
        row, chat = self.subaccounts["planner"], self.chats["own", "guest"]
        self.env["res.lang"]._activate_lang("zh_CN")
        done = [
            chat._record({"kind": "watch", "rule": "by_hand", "reason": reason})
            for reason in (
                *(
                    chat.with_context(lang=lang).env._("By %s", row.name)
                    for lang in ("en_US", "zh_CN")
                ),
                f"By {row.name} the Second",
            )
        ]
        name = row.name
        self.assertNotEqual(done[0].reason, done[1].reason)
        row.with_user(self.owner).action_disable()
        self._call("main_account", row, "action_erase_personal_data")
        self.assertEqual([one.reason for one in done[:2]], ["By Former Agent"] * 2)
        self.assertEqual(done[2].reason, f"By {name} the Second")

    def test_what_stays_of_a_deleted_account_is_exported_with_all_it_did(self):
        row = self.subaccounts["reception"]
        user, partner = row.user_id, row.user_id.partner_id
        # Core keeps users who are needed, here as the one who runs a scheduled action.
        self.env["ir.cron"].create(
            {
                "name": "Needs its user",
                "model_id": self.env.ref("base.model_res_partner").id,
                "user_id": user.id,
            }
        )
        self.shop["discuss.channel"].livechat_end_dt = fields.Datetime.now()
        row.with_user(self.owner).action_disable()
        before = row.with_user(self.owner)._export_personal_data()
        row.with_user(self.owner).action_delete()
        self.assertTrue(user.exists())
        # The contact has another login of before that.
        twin = new_test_user(self.env, "__deleted_twin", name=partner.name, partner_id=partner.id)
        twin.active = partner.active = False
        after = partner.with_user(self.owner)._export_personal_data()
        for part in ("chats", "decisions", "pauses", "presence", "figures"):
            self.assertEqual(after[part], before[part], part)
        self.assertTrue(after["decisions"] and after["figures"])
        self.assertLess(len(before["changes"]), len(after["changes"]))

    def test_what_a_deleted_account_left_is_erased_on_its_contact(self):
        row = self.subaccounts["reception"]
        partner = row.user_id.partner_id
        self.shop["discuss.channel"].livechat_end_dt = fields.Datetime.now()
        row.with_user(self.owner).action_disable()
        row.with_user(self.owner).action_delete()
        for who in (*STRANGERS[1:], "rival"):
            with self.subTest(who=who), self._rollback(), self.assertRaises(UserError):
                self._call(who, partner, "action_erase_personal_data")
        self.assertTrue(partner.with_user(self.owner)._export_personal_data()["chats"])
        self._call("main_account", partner, "action_erase_personal_data")
        self.assertEqual(partner.name, "Former Agent")

    def test_the_account_log_of_a_former_agent_is_exported_and_forgets_who_it_was(self):
        row = self.subaccounts["reception"]
        user, partner, name, login = row.user_id, row.user_id.partner_id, row.name, row.login
        places = {"address": "192.0.2.7", "browser": "Firefox · Linux"}
        log = self.env["livechat.account.log"]
        with patch.object(type(log), "_get_source", lambda _log: places):
            self.env["res.users"].authenticate(
                {"login": login, "password": "reception-password", "type": "password"},
                {"interactive": True},
            )
            # sudo: as core's own change of a password
            user.with_user(user).sudo()._change_password("known-to-one-alone")
        with patch.object(
            type(log), "_get_source", lambda _log: {**places, "address": "192.0.2.9"}
        ):
            row.with_user(self.owner).action_disable()
        # A namesake is somebody else.
        other = self._create_staff(self.owner, "namesake", self.roles["reception"])
        other.user_id.name = name
        mine = [("account_id", "=", user.id)]
        count, others = log.search_count(mine), log.search([("account_id", "=", other.user_id.id)])
        self.assertTrue(count and others)
        told = others.read(["account_name", "user_name"])
        row.with_user(self.owner).action_delete()
        self.assertFalse(log.search(mine), "the account is gone")
        rows = partner.with_user(self.owner)._export_personal_data()["account log"]
        self.assertGreater(len(rows), count)
        self.assertIn("Deleted", [one["what"] for one in rows])
        self.assertEqual({one["of"] for one in rows}, {f"{name} ({login})"})
        text = json.dumps(rows, default=str)
        self.assertIn("Logged in", text)
        self.assertIn("192.0.2.7", text)
        self.assertNotIn("192.0.2.9", text, "the owner's")
        before = log.search([]).mapped(lambda one: (one.id, one.event, one.moment, one.times))
        self._call("main_account", partner, "action_erase_personal_data")
        after = log.search([]).mapped(lambda one: (one.id, one.event, one.moment, one.times))
        self.assertEqual(after, before)
        rows = log.search([("account_partner_id", "=", partner.id)])
        self.assertEqual(set(rows.mapped("account_name")), {"Former Agent"})
        for one in rows:
            text = f"{one.user_name} {one.counted_as} {one.address} {one.detail}"
            for word in (name, login, "192.0.2.7"):
                self.assertNotIn(word, text)
        self.assertIn("192.0.2.9", rows.mapped("address"))
        self.assertIn(self.owner.name, rows.mapped("user_name"))
        self.assertEqual(others.read(["account_name", "user_name"]), told)

    def test_a_lesser_manager_does_not_erase_whom_it_does_not_manage(self):
        role = self.Roles.create(
            {
                "name": "Data",
                "permission_ids": [
                    Command.set(
                        [
                            self.permissions["manage_subaccounts"].id,
                            self.env.ref("im_livechat_subaccount.permission_export_and_erase").id,
                        ]
                    )
                ],
            }
        )
        self.users["data"] = self._create_staff(self.owner, "data", role.with_env(self.env)).user_id
        row = self.subaccounts["store_manager"]
        row.with_user(self.owner).action_disable()
        with self.assertRaises(AccessError):
            self._call("data", row, "action_erase_personal_data")


@tagged("post_install", "-at_install")
class TestPersonalDataRpc(PersonalData, RpcCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_buyers()
        cls.env.flush_all()

    def test_the_file_is_for_who_may_have_it(self):
        paths = [
            f"/livechat/personal_data/{kind}/{record.id}"
            for kind, record in (
                ("chat", self.chats["own", "guest"]),
                ("contact", self.buyer),
                ("account", self.subaccounts["colleague"]),
            )
        ]
        for who in ("reception", "audit", "portal", "employee"):
            self._open(who)
            for path in paths:
                with self.subTest(who=who, path=path):
                    answer = self.url_open(path, allow_redirects=False)
                    self.assertEqual(answer.status_code, 404)
                    self.assertNotIn(WORDS, answer.text)
        self._log_out()
        for path in paths:
            answer = self.url_open(path, allow_redirects=False)
            self.assertIn(answer.status_code, (302, 303, 404))
        self.authenticate("rival", "rival")
        self._who = None
        for path in paths[::2]:
            self.assertEqual(self.url_open(path).status_code, 404)
        self._open("main_account")
        for path in paths:
            answer = self.url_open(path)
            self.assertEqual(answer.status_code, 200)
            self.assertIn("attachment", answer.headers["Content-Disposition"])
            self.assertIn("person", answer.json())
        for path in ("chat/0", "chat/99999999999999", "user/1", "contact/1"):
            answer = self.url_open(f"/livechat/personal_data/{path}")
            self.assertEqual(answer.status_code, 404)

    def test_no_call_from_outside_exports_or_erases_somebody_elses_buyer(self):
        chat = self.chats["own", "guest"]
        before = self._read_all(chat)
        calls = (
            (chat, "action_export_buyer"),
            (chat, "action_erase_buyer"),
            (self.subaccounts["colleague"], "action_erase_personal_data"),
            (self.users["reception"].partner_id, "action_erase_personal_data"),
        )
        for who in ("reception", "audit", "employee", "portal", "public", "rival"):
            if who == "rival":
                self.authenticate("rival", "rival")
                self._who = None
            else:
                self._open(who)
            for record, method in calls:
                params = {
                    "model": record._name,
                    "method": method,
                    "args": [record.ids],
                    "kwargs": {},
                }
                with self.subTest(who=who, method=method), self.assertRaises(UserError):
                    self._post(f"/web/dataset/call_kw/{record._name}/{method}", params)
        self.env.invalidate_all()
        self.assertEqual(self._read_all(chat), before)
        self._open("main_account")
        params = {
            "model": chat._name,
            "method": "action_erase_buyer",
            "args": [chat.ids],
            "kwargs": {},
        }
        self._post("/web/dataset/call_kw/discuss.channel/action_erase_buyer", params)
        self.env.invalidate_all()
        self._assert_erased(chat, self.guest)


@tagged("post_install", "-at_install")
class TestRetention(PersonalData, SecurityCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_buyers()
        cls.settings = cls.env["ir.config_parameter"]

    def _set(self, name, days):
        self.settings.set_param(f"im_livechat_subaccount.{name}", str(days))

    def _age(self, chat, days):
        chat.livechat_end_dt = fields.Datetime.now() - timedelta(days=days)
        self.env.flush_all()

    def test_what_guests_wrote_goes_after_the_days_and_stays_without(self):
        chats = self.env["discuss.channel"]
        old, recent = self.chats["own", "guest"], self.chats["rival", "guest"]
        for chat in (old, self.chats["own", "contact"]):
            self._age(chat, 40)
        before = self._read_figures()
        self.assertEqual(chats._gc_guests(), (0, 0))
        self.assertIn(WORDS, self._read_all(old))
        self._set("buyer_days", 30)
        with self.assertLogs("odoo.addons.im_livechat_subaccount", logging.INFO) as logs:
            done, more = chats._gc_guests()
        self.assertGreaterEqual(done, 1)
        self.assertFalse(more)
        self.assertIn("guests in", logs.output[-1])
        self._assert_erased(old, self.guest)
        for kept in (recent, self.chats["own", "contact"]):
            self.assertIn(WORDS, self._read_all(kept))
        self.assertTrue(self.guest.exists())
        self.assertEqual(self._read_figures(), before)
        self.assertEqual(chats._gc_guests(), (0, False))

    def test_a_spelling_mistake_in_the_settings_erases_nothing(self):
        self._age(self.chats["own", "guest"], 40)
        for nonsense in ("many", "-3", "", "1e2"):
            self._set("buyer_days", nonsense)
            self._set("figure_days", nonsense)
            self.assertEqual(self.env["discuss.channel"]._gc_guests(), (0, 0))
            self.assertEqual(self.env["livechat.dispatch.total"]._gc_agents(), (0, 0))

    def test_figures_lose_their_agent_and_the_shop_none_of_its_totals(self):
        totals = self.env["livechat.dispatch.total"]
        before = self._read_figures()
        old = totals.search([("user_id", "!=", False)])
        self.assertTrue(old)
        self.assertEqual(totals._gc_agents(), (0, 0))
        self.env.cr.execute("UPDATE livechat_dispatch_total SET hour = hour - interval '40 days'")
        self.env.invalidate_all()
        self._set("figure_days", 30)
        with self.assertLogs("odoo.addons.im_livechat_subaccount", logging.INFO) as logs:
            totals._gc_agents()
        self.assertIn("lost their agent", logs.output[-1])
        self.assertFalse(old.user_id)
        self.assertEqual(self._read_figures(), before)

    def test_what_is_deleted_of_decisions_is_told(self):
        self.env.cr.execute(
            "UPDATE livechat_dispatch_decision SET moment = moment - interval '1 year'"
        )
        self.env.invalidate_all()
        before = self._read_figures()[0]
        with self.assertLogs("odoo.addons.im_livechat_subaccount", logging.INFO) as logs:
            self.env["livechat.dispatch.decision"]._gc_old_decisions()
        self.assertIn("decision records", logs.output[-1])
        self.assertEqual(self._read_figures()[0], before)


@tagged("post_install", "-at_install")
class TestRetentionSettings(DispatchCommon):
    def test_the_days_are_set_on_the_page_and_zero_is_for_ever(self):
        settings = self.env["res.config.settings"]
        self.assertEqual(settings.create({}).dispatch_buyer_days, 0)
        self.assertEqual(settings.create({}).dispatch_figure_days, 0)
        for days in (30, 0):
            page = settings.create({"dispatch_buyer_days": days, "dispatch_figure_days": days})
            page.execute()
            self.assertEqual(settings._get_dispatch_buyer_days(), days)
            self.assertEqual(settings._get_dispatch_figure_days(), days)
