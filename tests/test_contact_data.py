"""E-mail addresses and phone numbers of buyers are masked without *See contact data*."""

import json
from functools import partial

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.service.model import call_kw
from odoo.tests import new_test_user, tagged

from odoo.addons.mail.tests.common import MockEmail
from odoo.addons.mail.tools.discuss import Store

from ..tools.mask import mask
from .common import DispatchCommon
from .security_matrix import SecurityCommon
from .test_migrations import load
from .test_security_rpc import RpcCommon

MAIL = "zqsecret@hidden.example.com"
PHONE = "13800138642"

# What a page or a program asks for: ``(model, method, whose, args, kwargs)``.
_FIELDS = ["name", "display_name", "email", "email_normalized", "email_formatted", "phone"]
_OF_PARTNER = (
    ("read", [_FIELDS], {}),
    ("web_read", [{name: {} for name in _FIELDS}], {}),
    ("export_data", [["name", "email", "phone", "user_ids/login", "user_ids/email"]], {}),
    ("read", [["display_name"]], {"context": {"show_email": True}}),
    ("read", [["display_name"]], {"context": {"show_email": True, "formatted_display_name": 1}}),
    ("copy_data", [], {}),
    ("onchange", [{}, [], {name: {} for name in _FIELDS}], {}),
    ("onchange", [{"name": "Wei"}, ["name"], {name: {} for name in _FIELDS}], {}),
    ("web_read", [{"user_ids": {"fields": {"login": {}, "email": {}}}}], {}),
)


class ContactData:
    """A signed-in buyer of the flagship and a chat with it."""

    @classmethod
    def _set_up_buyer(cls):
        cls.buyer_user = new_test_user(
            cls.env, MAIL, "base.group_portal", name="Ming", email=MAIL, phone=PHONE
        )
        cls.buyer = cls.buyer_user.partner_id
        cls.chat = cls.shop["discuss.channel"]
        cls.env["discuss.channel.member"].create(
            {
                "channel_id": cls.chat.id,
                "partner_id": cls.buyer.id,
                "livechat_member_type": "visitor",
            }
        )
        cls.word = (
            cls.chat.with_user(cls.buyer_user)
            .sudo()
            .message_post(body="Hello", message_type="comment", subtype_xmlid="mail.mt_comment")
        )
        # What somebody has written is shown as it is.
        cls.buyer.message_ids.unlink()
        cls.named_by_mail = cls.env["res.partner"].create({"name": MAIL, "email": MAIL})
        cls.guest = cls.shop["guest"]
        cls.guest.email = MAIL
        cls.env.flush_all()

    @property
    def _reads(self):
        """Yield every way to contact data that core answers an agent."""
        for partner in self.buyer, self.named_by_mail:
            for method, args, kwargs in _OF_PARTNER:
                yield "res.partner", method, partner.ids, args, kwargs
        own = ("id", "in", (self.buyer | self.named_by_mail).ids)
        for args in (
            ["res.partner", "search_read", [[own]], {"fields": _FIELDS}],
            ["res.partner", "name_search", ["Ming"], {}],
            ["res.partner", "name_search", [""], {"domain": [own]}],
            ["res.partner", "formatted_read_group", [[own], ["email"], ["phone:array_agg"]], {}],
            ["res.partner", "read_group", [[own], ["phone:max"], ["email"]], {}],
            ["res.partner", "get_mention_suggestions", ["zq"], {}],
            ["res.partner", "get_mention_suggestions", ["Ming"], {}],
            [
                "res.users",
                "search_read",
                [[["id", "=", self.buyer_user.id]]],
                {"fields": ["login", "email", "phone"]},
            ],
            [
                "res.users",
                "formatted_read_group",
                [[["id", "=", self.buyer_user.id]], ["login"]],
                {},
            ],
            [
                "mail.guest",
                "search_read",
                [[["id", "=", self.guest.id]]],
                {"fields": ["email", "name"]},
            ],
            [
                "mail.message",
                "search_read",
                [[["id", "=", self.word.id]]],
                {"fields": ["email_from", "reply_to", "author_id"]},
            ],
            [
                "discuss.channel.member",
                "search_read",
                [[["channel_id", "=", self.chat.id]]],
                {"fields": ["partner_id", "display_name"]},
            ],
            [
                "discuss.channel.member",
                "web_search_read",
                [
                    [["channel_id", "=", self.chat.id]],
                    {"partner_id": {"fields": {"display_name": {}, "email": {}, "phone": {}}}},
                ],
                {},
            ],
        ):
            model, method, args, kwargs = args
            yield model, method, None, args, kwargs

    def _assert_hidden(self, answer, told=""):
        text = json.dumps(answer, default=str)
        for secret in ("zqsecret", PHONE[:8]):
            self.assertNotIn(secret, text, told)


@tagged("post_install", "-at_install")
class TestContactData(ContactData, SecurityCommon, MockEmail):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_buyer()

    def _ask(self, who, model, method, ids, args, kwargs):
        self.env.flush_all()
        self.env.invalidate_all()
        model = self.env[model].with_user(self.users[who])
        return call_kw(model, method, [ids, *args] if ids is not None else args, dict(kwargs))

    def test_an_agent_is_shown_masked_contact_data_on_every_way(self):
        for call in self._reads:
            with self.subTest(call=call):
                try:
                    answer = self._ask("reception", *call)
                except AccessError as error:
                    answer = str(error)
                self._assert_hidden(answer)
        row = self._ask("reception", "res.partner", "read", self.buyer.ids, [_FIELDS], {})[0]
        self.assertEqual(row["email"], "z***@hidden.example.com")
        self.assertEqual(row["phone"], "***42")
        self.assertEqual(row["name"], "Ming")

    def test_with_the_permission_contact_data_is_shown_as_it_is(self):
        for who in ("main_account", "after_sales", "store_manager", "agent", "employee"):
            with self.subTest(who=who):
                row = self._ask(who, "res.partner", "read", self.buyer.ids, [_FIELDS], {})[0]
                self.assertEqual((row["email"], row["phone"]), (MAIL, PHONE))
                domain = [("email", "=", MAIL)]
                found = self._ask(who, "res.partner", "search", None, [domain], {})
                self.assertIn(self.buyer.id, found)

    def test_no_search_tells_an_agent_what_is_masked(self):
        base = [("id", "=", self.buyer.id)]
        questions = [
            ("res.partner", lambda mail: [("email", "=", mail)]),
            ("res.partner", lambda mail: [("email", "ilike", mail[:4])]),
            ("res.partner", lambda mail: ["!", ("email", "ilike", mail[:4])]),
            ("res.partner", lambda mail: [("email", "not ilike", mail[:4])]),
            ("res.partner", lambda mail: [("email_normalized", "in", [mail])]),
            ("res.partner", lambda mail: [("user_ids.login", "=", mail)]),
            ("res.partner", lambda mail: [("user_ids", "any", [("partner_id.email", "=", mail)])]),
            ("res.partner", lambda mail: [("display_name", "=", mail)]),
            ("res.partner", lambda mail: [("child_ids.parent_id.email", "=", mail)]),
            ("res.partner", lambda mail: [("message_ids.email_from", "ilike", mail)]),
        ]
        for model, ask in questions:
            answers = [
                self._ask("reception", model, "search", None, [base + ask(mail)], {})
                for mail in (MAIL, "other@nowhere.example.com")
            ]
            with self.subTest(question=ask(MAIL)):
                self.assertEqual(*answers)
        for domain in (
            [("login", "=", MAIL)],
            [("email", "=", MAIL)],
            [("partner_id.email", "=", MAIL)],
            [("partner_id", "ilike", MAIL)],
            [("partner_id.display_name", "ilike", MAIL)],
        ):
            with self.subTest(of_users=domain):
                domain = [("id", "=", self.buyer_user.id), *domain]
                self.assertFalse(self._ask("reception", "res.users", "search", None, [domain], {}))
        for model in ("res.partner", "res.users"):
            found = self._ask("reception", model, "name_search", None, [MAIL], {})
            self.assertNotIn(
                self.buyer.id if model == "res.partner" else self.buyer_user.id, dict(found)
            )

    def test_what_makes_no_sense_as_a_search_is_refused_with_a_sentence(self):
        for domain in (
            3,
            "x",
            {"id": 1},
            [4],
            [[3, 4, [{}]]],
            [[4, ["id", "name"], 1]],
            [["display_name", "x", "A"]],
            [["user_ids", "any", [7]]],
        ):
            for method, args in (("search_read", [domain]), ("web_search_read", [domain, {}])):
                with self.subTest(domain=domain, method=method), self.assertRaises(UserError):
                    self._ask("reception", "res.partner", method, None, args, {})

    def test_no_order_tells_an_agent_what_is_masked(self):
        first, last = self.env["res.partner"].create(
            [{"name": "A", "email": "b@x.example.com"}, {"name": "B", "email": "a@x.example.com"}]
        )
        domain = [("id", "in", (first | last).ids)]
        for order in ("email, id", "email desc, id"):
            found = self._ask(
                "reception", "res.partner", "search", None, [domain], {"order": order}
            )
            self.assertEqual(found, [first.id, last.id])
        found = self._ask(
            "after_sales", "res.partner", "search", None, [domain], {"order": "email"}
        )
        self.assertEqual(found, [last.id, first.id])

    def test_colleagues_and_oneself_are_not_masked(self):
        colleague = self.users["colleague"]
        pending = self.subaccounts["pending"].user_id
        for user in (self.users["reception"], colleague, pending):
            row = self._ask(
                "reception", "res.partner", "read", user.partner_id.ids, [["email"]], {}
            )
            self.assertEqual(row[0]["email"], user.email)

    def test_no_page_of_an_agent_is_sent_what_is_masked(self):
        agent = self.users["reception"]
        for store in (
            Store(),
            Store(bus_channel=agent),
            Store(bus_channel=self.chat),
            Store(bus_channel=agent.partner_id),
        ):
            env = (
                self.env(user=agent) if not store.target.channel else self.env(user=self.buyer_user)
            )
            member = (
                env["discuss.channel.member"]
                .sudo()
                .browse(
                    self.chat.channel_member_ids.filtered(
                        lambda one: one.partner_id == self.buyer
                    ).ids
                )
            )
            self.env.invalidate_all()
            store.add(member)
            store.add(member.partner_id, ["email", "phone", "name"])
            store.add(member.partner_id, {"email": MAIL})
            store.add(env["mail.message"].sudo().browse(self.word.ids))
            store.add(env["mail.guest"].sudo().browse(self.guest.ids), ["name", "email"])
            with self.subTest(target=store.target.channel):
                self._assert_hidden(store.get_result())
        store = Store(bus_channel=self.users["employee"])
        store.add(self.buyer, ["email", "phone"])
        self.assertIn(MAIL, json.dumps(store.get_result()))

    def test_what_the_server_itself_needs_is_not_masked(self):
        self.env.invalidate_all()
        partner = self.buyer.with_user(self.users["reception"])
        self.assertEqual(partner.email, MAIL)
        self.assertEqual(self.buyer.email, MAIL)
        partner = self.buyer.with_user(self.users["reception"]).sudo()
        self.assertEqual(partner.search([("email", "=", MAIL)]), self.buyer | self.named_by_mail)

    def test_a_card_and_suggested_recipients_are_masked(self):
        partner = self.buyer.with_user(self.users["reception"])
        self._assert_hidden((partner._get_vcard_file() or b"").decode())
        self._assert_hidden(partner._message_get_suggested_recipients(reply_discussion=True))
        self.assertIn(MAIL, self.buyer._get_vcard_file().decode())

    def test_dialogs_tell_no_address_of_whom_they_write_to(self):
        values = {"name": "Welcome", "subject": "x", "email_to": "{{ object.email }}"}
        values["model_id"] = self.env["ir.model"]._get_id("res.partner")
        values["use_default_to"] = False
        template = self.env["mail.template"].create(values)
        about = {"mail_template_id": template.id, "resource_ref": f"res.partner,{self.buyer.id}"}
        shown = {"email_to": {}, "email_cc": {}}
        for who, is_hidden in (("reception", True), ("after_sales", False)):
            previews = self.env["mail.template.preview"].with_user(self.users[who])
            answers = [
                previews.create(about).read(list(shown)),
                previews.create(about).web_read(shown),
                previews.onchange(about, list(about), {**shown, **dict.fromkeys(about, {})})[
                    "value"
                ],
            ]
            if "sms.composer" in self.env:
                answers.append(self._look_at_message(who))
            for answer in answers:
                with self.subTest(who=who, answer=answer):
                    if is_hidden:
                        self._assert_hidden(answer)
                    else:
                        with self.assertRaises(AssertionError):
                            self._assert_hidden(answer)

    def _look_at_message(self, who):
        """The dialog for a text message to the buyer, as a page opens it."""
        composer = self.env["sms.composer"].with_user(self.users[who])
        about = {"res_model": "res.partner", "res_id": self.buyer.id, "composition_mode": "comment"}
        shown = {"recipient_single_number": {}, "recipient_single_number_itf": {}}
        return composer.onchange({**about, "body": "x"}, [], shown)["value"]

    def test_who_sees_no_addresses_writes_to_one_at_a_time(self):
        self.enterContext(self.mock_mail_gateway())
        both = self.buyer | self.named_by_mail
        mail = {"model": "res.partner", "subject": "x", "body": "Pay at …"}

        def send(who, contacts, mode):
            composer = self.env["mail.compose.message"].with_user(self.users[who])
            values = {**mail, "res_ids": repr(contacts.ids), "composition_mode": mode}
            composer.create(values).action_send_mail()

        for contacts, mode in ((both, "mass_mail"), (both, "comment"), (self.buyer, "mass_mail")):
            with self.subTest(mode=mode), self.assertRaisesRegex(AccessError, "one at a time"):
                send("reception", contacts, mode)
        about = {"name": "Sale", "model_id": self.env["ir.model"]._get_id("res.partner")}
        template = self.env["mail.template"].create({**about, "subject": "x", "body_html": "x"})
        with self.assertRaisesRegex(AccessError, "one at a time"):
            template.with_user(self.users["reception"]).send_mail_batch(both.ids)
        send("after_sales", both, "mass_mail")
        chats = self.env["discuss.channel"]
        for who in ("reception", "after_sales"):
            user = self.users[who]
            group = chats.with_user(user)._create_group(partners_to=user.partner_id.ids)
            if who == "after_sales":
                group.invite_by_email(["a@example.com"])
                continue
            with self.assertRaisesRegex(AccessError, "one at a time"):
                group.invite_by_email(["a@example.com"])
        if "sms.composer" in self.env:
            text = {"composition_mode": "numbers", "numbers": "+32456001122", "body": "x"}
            composer = self.env["sms.composer"]
            with self.assertRaisesRegex(AccessError, "one at a time"):
                composer.with_user(self.users["reception"]).create(text)
            self.assertTrue(composer.with_user(self.users["after_sales"]).create(text))
        if "snailmail.letter" in self.env:
            user = self.users["reception"]
            letters = self.env["snailmail.letter"].with_user(user)
            group = chats.with_user(user)._create_group(partners_to=user.partner_id.ids)
            about = {"model": "discuss.channel", "res_id": group.id, "partner_id": self.buyer.id}
            about["company_id"] = self.env.company.id
            with self.assertRaisesRegex(AccessError, "one at a time"):
                letters.create(about)

    def test_who_sees_no_addresses_names_few_in_one_message(self):
        self.enterContext(self.mock_mail_gateway())
        many = self.env["res.partner"].create(
            [{"name": f"Buyer {n}", "email": f"b{n}@example.com"} for n in range(6)]
        )
        words = {"body": "Pay at …", "message_type": "comment", "subtype_xmlid": "mail.mt_comment"}
        for who in ("reception", "after_sales"):
            channel = self.env["discuss.channel"].with_user(self.users[who])
            channel = channel._create_channel(name="Friends", group_id=None)
            for send in (
                partial(channel.message_post, **words, partner_ids=many.ids),
                # As the page does.
                partial(channel.sudo().message_post, **words, partner_ids=many.ids),
            ):
                with self.subTest(who=who, send=send.func), self.env.cr.savepoint():
                    if who == "after_sales":
                        send()
                        continue
                    with self.assertRaisesRegex(AccessError, "at once"):
                        send()
            channel.message_post(**words, partner_ids=many[:5].ids)

    def test_what_a_form_was_shown_masked_is_not_saved(self):
        user = self.users["reception"]
        user.group_ids |= self.env.ref("base.group_partner_manager")
        partner = self.buyer.with_user(user)
        partner.write({"email": "z***@hidden.example.com", "phone": "***42", "function": "Boss"})
        self.assertEqual((self.buyer.email, self.buyer.phone), (MAIL, PHONE))
        self.assertEqual(self.buyer.function, "Boss")
        partner.write({"phone": "13900139000"})
        self.assertEqual(self.buyer.phone, "13900139000")
        new = self.env["res.partner"].with_user(user)
        masked = {"email": "z***@hidden.example.com", "phone": "***42"}
        made = new.with_context(default_email="e***@example.com").create({"name": "New", **masked})
        self.assertFalse(made.sudo().email or made.sudo().phone)
        typed = new.onchange({"phone": PHONE, "email": MAIL}, [], {"email": {}, "phone": {}})
        self.assertEqual(typed["value"]["email"], MAIL)

    def test_a_contacts_former_address_is_not_told(self):
        self.buyer.email = "new@hidden.example.com"
        self.env.cr.precommit.run()
        self.env.flush_all()
        trackings = self.env["mail.tracking.value"].search(
            [
                ("mail_message_id.model", "=", "res.partner"),
                ("mail_message_id.res_id", "=", self.buyer.id),
            ]
        )
        self.assertTrue(trackings)
        env = self.env(user=self.users["reception"])
        self.assertFalse(trackings._filter_has_field_access(env))
        self.assertTrue(
            trackings._filter_has_field_access(self.env(user=self.users["after_sales"]))
        )

    def test_who_is_nobodys_staff_pays_no_query(self):
        user = self.users["employee"]
        partner = self.buyer.with_user(user)
        partner.read(["email"])
        self.env.invalidate_all()
        with self.assertQueryCount(0):
            self.env["res.users"].with_user(user)._sees_contacts_masked()


@tagged("post_install", "-at_install")
class TestContactDataRpc(ContactData, RpcCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_buyer()

    def test_no_call_of_a_page_tells_an_agent_what_is_masked(self):
        self._open("reception")
        for model, method, ids, args, kwargs in self._reads:
            with self.subTest(model=model, method=method, args=args):
                params = {
                    "model": model,
                    "method": method,
                    "args": [ids, *args] if ids else args,
                    "kwargs": kwargs,
                }
                try:
                    answer = self._post(f"/web/dataset/call_kw/{model}/{method}", params)
                except AccessError as error:
                    answer = str(error)
                self._assert_hidden(answer)

    def test_no_route_tells_an_agent_what_is_masked(self):
        self._open("reception")
        thread = {"thread_model": "res.partner", "thread_id": self.buyer.id}
        for route, params in (
            ("/mail/data", {"fetch_params": [["discuss.channel", [self.chat.id]]]}),
            (
                "/mail/data",
                {
                    "fetch_params": [
                        [
                            "mail.thread",
                            {
                                "thread_model": "res.partner",
                                "thread_id": self.buyer.id,
                                "request_list": ["suggestedRecipients", "followers"],
                            },
                        ]
                    ]
                },
            ),
            ("/discuss/channel/messages", {"channel_id": self.chat.id}),
            ("/mail/thread/messages", thread),
            (
                "/mail/thread/recipients/get_suggested_recipients",
                {**thread, "partner_ids": self.buyer.ids},
            ),
            ("/mail/thread/recipients", {**thread, "message_id": self.word.id}),
        ):
            with self.subTest(route=route, params=params):
                try:
                    answer = self._post(route, params)
                except Exception as error:
                    answer = str(error)
                self._assert_hidden(answer)
        found = self._post("/mail/partner/from_email", {**thread, "emails": [MAIL]})
        self.assertFalse([one for one in found if one["id"] == self.buyer.id])


@tagged("post_install", "-at_install")
class TestContactDataMigration(DispatchCommon):
    def test_roles_that_are_there_keep_what_their_holders_saw(self):
        permission = self.env.ref("im_livechat_subaccount.permission_see_contact_data")
        permission.role_ids = [Command.clear()]
        roles = self.env["livechat.role"].search([])
        self.assertFalse(roles.permission_ids & permission)
        load("19.0.1.2.0/post-contact-data")["migrate"](self.env.cr, "19.0.1.1.0")
        self.assertEqual(permission.role_ids, roles)
        self.assertIn(
            permission.env.ref("im_livechat_subaccount.group_contact_data"),
            roles[0].group_id.implied_ids,
        )


@tagged("post_install", "-at_install")
class TestMask(DispatchCommon):
    def test_a_mask_leaves_enough_to_recognise_and_too_little_to_use(self):
        for value, masked in (
            ("ming@example.com", "m***@example.com"),
            ('"Li Ming" <ming@example.com>', '"Li Ming" <m***@example.com>'),
            ("a@x.cn, b@y.cn", "a***@x.cn, b***@y.cn"),
            ("+86 138 0013 8642", "***42"),
            ("110", "***"),
            ("portal", "***"),
            ("", ""),
            (False, False),
        ):
            self.assertEqual(mask(value), masked)
