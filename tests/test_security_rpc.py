import json
from base64 import b64encode
from datetime import timedelta

from odoo import exceptions, fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from .security_matrix import ALLOWED, NOTHING, SECRET, Attack, SecurityMatrix
from .walks import PatientCase

_QUIET = (
    "odoo.http",
    "odoo.sql_db",
    "odoo.addons.rpc.controllers.json2",
    "odoo.addons.base.models.res_users",
    "odoo.addons.base.models.ir_model",
    "odoo.addons.base.models.ir_rule",
    "werkzeug",
)


class Refused(exceptions.UserError):
    """A route that says no in words of HTTP."""


class RpcCommon(SecurityMatrix, PatientCase):
    """The matrix from outside, as a browser or a program calls."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Before any row: what a row makes is undone after it.
        tomorrow = fields.Datetime.now() + timedelta(days=1)
        cls.keys = {
            who: cls.env["res.users.apikeys"]
            .with_user(user)
            .sudo()
            ._generate("rpc", "security", tomorrow)
            for who, user in cls.users.items()
            if who != "public"
        }
        cls.env.cr.flush()

    def setUp(self):
        super().setUp()
        self._who = None
        # Errors are what these tests ask for.
        self.enterContext(mute_logger(*_QUIET))

    def _open(self, who):
        """Log in, unless the row before was of the same person."""
        if self._who != who:
            login = None if who == "public" else self.users[who].login
            self.authenticate(login, login)
            self._who = who

    def _log_out(self):
        self._who = None
        self.opener.cookies.pop("session_id", None)

    def _post(self, route, params):
        response = self.url_open(
            route, data=json.dumps({"params": params}), headers={"Content-Type": "application/json"}
        )
        if response.status_code != 200:
            raise Refused(str(response.status_code))
        answer = response.json()
        if "error" in answer:
            raise self._make_error(answer["error"]["data"])
        return answer.get("result")

    def _make_error(self, data):
        name = data["name"].rpartition(".")[2]
        known = {
            "AccessError": exceptions.AccessError,
            "AccessDenied": exceptions.AccessDenied,
            "MissingError": exceptions.MissingError,
            "UserError": exceptions.UserError,
            "ValidationError": exceptions.ValidationError,
            "RedirectWarning": exceptions.UserError,
            # What core's routes say.
            "NotFound": Refused,
            "Forbidden": Refused,
            "BadRequest": Refused,
            "UnprocessableEntity": Refused,
            "SessionExpiredException": Refused,
        }
        if name in known:
            return known[name](data["message"])
        return RuntimeError(f"{data['name']}: {data['message']}")

    def call_kw(self, attack):
        self.env.flush_all()
        self.env.transaction.clear()
        self._open(attack.who)
        args = [] if attack.ids is None else [attack.ids]
        return self._post(
            f"/web/dataset/call_kw/{attack.model}/{attack.method}",
            {
                "model": attack.model,
                "method": attack.method,
                "args": [*args, *attack.args],
                "kwargs": attack.kwargs,
            },
        )

    def call_json_2(self, attack):
        self.env.flush_all()
        self.env.transaction.clear()
        body = dict(self.name_arguments(attack))
        if attack.ids is not None:
            body["ids"] = attack.ids
        # No session: the key alone says who it is.
        self._log_out()
        response = self.url_open(
            f"/json/2/{attack.model}/{attack.method}",
            data=json.dumps(body),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self.keys[attack.who]}",
            },
        )
        answer = response.json()
        if response.status_code == 200:
            return answer
        if response.status_code in (401, 403, 404, 422) and "name" not in answer:
            raise Refused(str(response.status_code))
        raise self._make_error(answer)

    def _pick(self, rows, *who):
        """Return those rows that are worth the way through the network: of these people."""
        return [row for row in rows if row and row.who in who]


@tagged("post_install", "-at_install")
class TestSecurityCallKw(RpcCommon):
    """Through ``/web/dataset/call_kw``."""

    def test_nobody_touches_sub_accounts_of_another_shop(self):
        rows = self.rows_foreign_subaccounts()
        self.run_attacks(
            self._pick(rows, "main_account", "store_manager", "reception", "portal"), self.call_kw
        )

    def test_nobody_changes_roles_that_are_not_its_own(self):
        rows = self.rows_foreign_roles()
        self.run_attacks(self._pick(rows, "main_account", "store_manager"), self.call_kw)

    def test_nobody_changes_figures_or_sees_those_of_another_shop(self):
        rows = self._pick(self.rows_figures(), "main_account", "reception", "audit", "portal")
        self.run_attacks(rows, self.call_kw)

    def test_nobody_touches_dispatch_groups_of_another_shop(self):
        rows = self._pick(self.rows_foreign_groups(), "main_account", "planner")
        # Finding nothing is the same on every way.
        rows = [row for row in rows if row.method in ("create", "write", "web_save", "onchange")]
        self.run_attacks((*rows, *self.rows_own_groups()), self.call_kw)

    def test_reception_shows_and_changes_the_own_shop_only(self):
        rows = self._pick(self.rows_reception(), "main_account", "audit", "reception", "employee")
        self.run_attacks(rows, self.call_kw)

    def test_what_if_is_for_those_who_manage_the_dispatch(self):
        rows = self._pick(self.rows_whatif(), "main_account", "audit", "portal")
        self.run_attacks(rows, self.call_kw)

    def test_nobody_touches_dated_changes_of_another_shop_or_the_log(self):
        rows = self.rows_dated_changes()
        self.run_attacks(self._pick(rows, "main_account", "audit"), self.call_kw)

    def test_nobody_gains_or_gives_more_than_the_boundary(self):
        rows = (*self.rows_boundary(), *self.rows_managers())
        self.run_attacks(self._pick(rows, "main_account", "deputy"), self.call_kw)

    def test_nobody_adopts_or_gives_away_sub_accounts(self):
        rows = self.rows_adoption()
        self.run_attacks(self._pick(rows, "main_account", "store_manager"), self.call_kw)

    def test_nobody_finds_a_link_or_its_hash(self):
        rows = self.rows_secrets()
        self.run_attacks(self._pick(rows, "main_account", "portal"), self.call_kw)

    def test_one_shop_sees_nothing_of_another(self):
        self.run_attacks(self._pick(self.rows_foreign_chats(), "main_account"), self.call_kw)

    def test_audit_reads_and_changes_nothing(self):
        self.run_attacks(self.rows_audit(), self.call_kw)

    def test_wrong_types_get_a_clear_error(self):
        rows = (*self.rows_wrong_types(), *self.rows_wrong_ids())
        self.run_attacks(self._pick(rows, "main_account"), self.call_kw)

    def test_the_same_calls_work_in_the_own_shop(self):
        self.run_attacks(self.rows_own(), self.call_kw)

    def test_staff_makes_only_what_is_its_own_alone(self):
        rows = self._pick(self.rows_shared(), "main_account", "reception", "store_manager")
        self.run_attacks(rows, self.call_kw)

    def test_without_a_session_there_is_no_answer(self):
        self.authenticate(None, None)
        for row in self._pick(self.rows_outsiders(), "public"):
            type(self).vectors += 1
            with self.subTest(call=f"{row.model}.{row.method}"), self.assertRaises(Refused):
                self.call_kw(row)


@tagged("post_install", "-at_install")
class TestSecurityJson2(RpcCommon):
    """Through ``/json/2`` with an API key."""

    def test_nobody_touches_sub_accounts_of_another_shop(self):
        rows = self.rows_foreign_subaccounts()
        self.run_attacks(self._pick(rows, "main_account", "deputy", "audit"), self.call_json_2)

    def test_no_search_finds_the_staff_of_another_shop(self):
        rows = self.rows_foreign_searches()
        self.run_attacks(self._pick(rows, "main_account", "employee"), self.call_json_2)

    def test_nobody_gets_access_to_users(self):
        self.run_attacks(self._pick(self.rows_users(), "main_account"), self.call_json_2)

    def test_nobody_adopts_or_gives_away_sub_accounts(self):
        self.run_attacks(self._pick(self.rows_adoption(), "main_account"), self.call_json_2)

    def test_nobody_finds_a_link_or_its_hash(self):
        self.run_attacks(self._pick(self.rows_secrets(), "store_manager"), self.call_json_2)

    def test_one_shop_sees_nothing_of_another(self):
        self.run_attacks(self._pick(self.rows_foreign_chats(), "reception"), self.call_json_2)

    def test_audit_reads_and_changes_nothing(self):
        self.run_attacks(self.rows_audit(), self.call_json_2)

    def test_outsiders_get_nothing_new(self):
        rows = self.rows_outsiders()
        self.run_attacks(self._pick(rows, "employee", "portal"), self.call_json_2)

    def test_the_same_calls_work_in_the_own_shop(self):
        self.run_attacks(self._pick(self.rows_own(), "main_account"), self.call_json_2)

    def test_the_key_of_a_disabled_sub_account_is_worth_nothing(self):
        row = Attack("x", "colleague", "res.users", "context_get", None, expected=ALLOWED)
        type(self).vectors += 2
        self.assertTrue(self.call_json_2(row))
        colleague = self.subaccounts["colleague"].with_user(self.owner)
        for step in (colleague.action_disable, colleague.action_enable):
            step()
            self.env.cr.flush()
            with self.assertRaisesRegex(RuntimeError, "Invalid apikey"):
                self.call_json_2(row)


@tagged("post_install", "-at_install")
class TestSecurityRoutes(RpcCommon):
    """Core's own routes around live chats, and the activation page."""

    def call_route(self, attack):
        self.env.flush_all()
        self.env.transaction.clear()
        self._open(attack.who)
        answer = json.dumps(self._post(attack.model, attack.kwargs), ensure_ascii=False)
        # Core shows every internal user the names of the others.
        for user in (self.rival, *self.victims.user_id):
            answer = answer.replace(user.name, "somebody")
        return json.loads(answer)

    def _rows_chat(self, who, shop):
        """Every route that takes a chat, a message or a member."""
        chat, message = shop["discuss.channel"].id, shop["mail.message"].id
        thread = {"thread_model": "discuss.channel", "thread_id": chat}
        partner = self.users[who].partner_id.id
        for route, params in (
            (
                "/mail/message/post",
                {
                    **thread,
                    "post_data": {
                        "body": "x",
                        "message_type": "comment",
                        "subtype_xmlid": "mail.mt_comment",
                    },
                },
            ),
            (
                "/mail/message/post",
                {**thread, "post_data": {"body": "x"}, "context": {"mail_post_autofollow": True}},
            ),
            ("/mail/message/update_content", {"message_id": message, "update_data": {"body": "x"}}),
            (
                "/mail/message/update_content",
                {"message_id": message, "update_data": {"body": "", "attachment_ids": []}},
            ),
            ("/mail/message/reaction", {"message_id": message, "content": "x", "action": "add"}),
            (
                "/mail/message/reaction",
                {"message_id": message, "content": "👍", "action": "remove"},
            ),
            ("/mail/link_preview", {"message_id": message}),
            (
                "/mail/thread/subscribe",
                {"res_model": "discuss.channel", "res_id": chat, "partner_ids": [partner]},
            ),
            ("/discuss/channel/join", {"channel_id": chat}),
            ("/discuss/channel/mark_as_read", {"channel_id": chat, "last_message_id": message}),
            (
                "/discuss/channel/set_new_message_separator",
                {"channel_id": chat, "message_id": message},
            ),
            ("/discuss/channel/notify_typing", {"channel_id": chat, "is_typing": True}),
            ("/discuss/channel/update_avatar", {"channel_id": chat, "data": ""}),
            (
                "/discuss/channel/sub_channel/create",
                {"parent_channel_id": chat, "from_message_id": message},
            ),
            ("/discuss/settings/mute", {"minutes": 1, "channel_id": chat}),
            (
                "/discuss/settings/custom_notifications",
                {"custom_notifications": "all", "channel_id": chat},
            ),
            ("/mail/rtc/channel/join_call", {"channel_id": chat}),
            ("/mail/rtc/channel/leave_call", {"channel_id": chat}),
            ("/mail/rtc/channel/cancel_call_invitation", {"channel_id": chat}),
            ("/discuss/channel/ping", {"channel_id": chat}),
            ("/im_livechat/session/update_note", {"channel_id": chat, "note": "x"}),
            (
                "/im_livechat/session/update_status",
                {"channel_id": chat, "livechat_status": "waiting"},
            ),
            (
                "/im_livechat/conversation/update_tags",
                {"channel_id": chat, "tag_ids": shop["tag"].ids, "method": "DELETE"},
            ),
            (
                "/im_livechat/conversation/write_expertises",
                {"channel_id": chat, "orm_commands": [[4, 1]]},
            ),
            (
                "/im_livechat/conversation/create_and_link_expertise",
                {"channel_id": chat, "expertise_name": "x"},
            ),
            ("/im_livechat/feedback", {"channel_id": chat, "rate": 1, "reason": "x"}),
            ("/im_livechat/history", {"channel_id": chat, "pid": partner, "page_history": ["x"]}),
            (
                "/im_livechat/email_livechat_transcript",
                {"channel_id": chat, "email": "x@evil.example.com"},
            ),
            ("/im_livechat/visitor_leave_session", {"channel_id": chat}),
            ("/chatbot/restart", {"channel_id": chat, "chatbot_script_id": 1}),
            (
                "/chatbot/answer/save",
                {"channel_id": chat, "message_id": message, "selected_answer_id": 1},
            ),
            ("/chatbot/step/trigger", {"channel_id": chat, "chatbot_script_id": 1}),
            ("/chatbot/step/validate_email", {"channel_id": chat}),
        ):
            yield Attack("a chat to look at", who, route, "POST", kwargs=params, expected=NOTHING)

    def _rows_reading(self, who, shop):
        chat, message = shop["discuss.channel"].id, shop["mail.message"].id
        thread = {"thread_model": "discuss.channel", "thread_id": chat}
        for route, params in (
            ("/discuss/channel/messages", {"channel_id": chat}),
            ("/discuss/channel/members", {"channel_id": chat, "known_member_ids": []}),
            ("/discuss/channel/pinned_messages", {"channel_id": chat}),
            ("/discuss/channel/attachments", {"channel_id": chat}),
            ("/discuss/channel/sub_channel/fetch", {"parent_channel_id": chat}),
            ("/mail/thread/messages", thread),
            ("/mail/data", {"fetch_params": [["discuss.channel", [chat]]]}),
            (
                "/mail/data",
                {
                    "fetch_params": [
                        [
                            "mail.thread",
                            {
                                **thread,
                                "request_list": ["followers", "attachments", "display_name"],
                            },
                        ]
                    ]
                },
            ),
            (
                "/mail/data",
                {
                    "fetch_params": [
                        "/im_livechat/looking_for_help",
                        "im_livechat.channel",
                        "channels_as_member",
                        "init_messaging",
                    ]
                },
            ),
            ("/mail/data", {"fetch_params": [["/im_livechat/session/data", {"channel_id": chat}]]}),
            (
                "/mail/action",
                {"fetch_params": [["mail.canned.response"], ["discuss.channel", [chat]]]},
            ),
            ("/discuss/search", {"term": f"{SECRET} chat"}),
            ("/mail/link_preview", {"message_id": message}),
        ):
            yield Attack(
                "a chat of another shop", who, route, "POST", kwargs=params, expected=NOTHING
            )

    def test_no_route_leads_into_the_chats_of_another_shop(self):
        for who in ("main_account", "reception", "audit", "store_manager", "portal"):
            self.run_attacks(self._rows_chat(who, self.victim_shop), self.call_route)
            self.run_attacks(self._rows_reading(who, self.victim_shop), self.call_route)

    def test_no_route_lets_an_auditor_change_a_chat(self):
        self.run_attacks(self._rows_chat("audit", self.shop), self.call_route)

    def test_no_invitation_page_brings_an_auditor_into_a_chat(self):
        chat = self.shop["discuss.channel"]
        members = chat.channel_member_ids
        for who in ("audit",):
            type(self).vectors += 1
            self._open(who)
            self.url_open(f"/chat/{chat.id}/{chat.uuid}")
            self.env.invalidate_all()
            self.assertEqual(chat.channel_member_ids, members)

    def test_no_page_shows_the_chats_of_another_shop(self):
        other = self.victim_shop
        chat = other["discuss.channel"]
        for who in ("main_account", "reception", "audit", "employee", "portal", "public"):
            for url in (
                f"/im_livechat/download_transcript/{chat.id}",
                f"/discuss/channel/{chat.id}",
                f"/chat/{chat.id}/wrong",
                f"/mail/message/{other['mail.message'].id}",
                f"/mail/view?model=discuss.channel&res_id={chat.id}",
                f"/mail/view?model=livechat.subaccount&res_id={self.victim.id}",
                f"/web/image/livechat.subaccount/{self.victim.id}/image_1920",
                f"/web/content/livechat.subaccount/{self.victim.id}/activation_token_hash",
                f"/web/content/livechat.subaccount/{self.victim.id}/name",
                f"/web/image/discuss.channel/{chat.id}/avatar_128",
                f"/odoo/livechat.subaccount/{self.victim.id}",
                f"/json/1/livechat.subaccount/{self.victim.id}",
            ):
                type(self).vectors += 1
                self._open(who)
                with self.subTest(who=who, url=url):
                    before = self._take_snapshot()
                    response = self.url_open(url, allow_redirects=True)
                    for secret in ("note", "message", "chat", "buyer", "agent", "role"):
                        self.assertNotIn(f"{SECRET} {secret}", response.text)
                    self.assertNotIn(self.victim_pending.activation_token_hash, response.text)
                    after = self._take_snapshot()
                    # The web client remembers that it was opened, and Odoo's bot says hello.
                    changed = {table for table in after if after[table] != before[table]}
                    self.assertFalse({table for table in changed if "livechat" in table})
                    self.assertFalse(set(chat.message_ids) - {other["mail.message"]})

    def test_the_log_says_who_whatever_the_context(self):
        row = self.subaccounts["colleague"]
        for number, context in enumerate(
            ({}, {"tracking_disable": True}, {"mail_notrack": True}, {"install_mode": True})
        ):
            for method, vals in (
                ("write", {"dispatch_weight": 300 + number}),
                ("write", {"name": f"renamed {number}"}),
                # Reads afterwards what it has written, in the same context.
                ("web_save", {"dispatch_weight": 400 + number}),
            ):
                with self.subTest(context=context, method=method, vals=vals):
                    type(self).vectors += 1
                    before = row.message_ids
                    attack = Attack(
                        "x",
                        "store_manager",
                        "livechat.subaccount",
                        method,
                        row.ids,
                        (vals, {name: {} for name in vals}) if method == "web_save" else (vals,),
                        {"context": context},
                    )
                    self.call_kw(attack)
                    self.env.invalidate_all()
                    log = (row.message_ids - before).sudo()
                    self.assertTrue(log.tracking_value_ids)
                    self.assertEqual(log.author_id, self.users["store_manager"].partner_id)

    # ------------------------------------------------------------
    # The activation page
    # ------------------------------------------------------------

    def _make_token(self, row=None):
        row = row or self.subaccounts["pending"]
        action = row.with_user(self.owner).action_activation_link()
        self.env.cr.flush()
        return action["context"]["default_url"].rpartition("/")[2]

    def _forget_failures(self):
        self.env.registry._login_failures = None
        del self.env.registry._login_failures

    def _visit(self, token, **form):
        self._log_out()
        url = f"/livechat/activate/{token}"
        if not form:
            return self.url_open(url)
        page = self.url_open(url)
        csrf = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        return self.url_open(url, data={"csrf_token": csrf, **form})

    def _refused(self, response):
        return response.status_code == 404 and "o_livechat_activation_invalid" in response.text

    def test_the_activation_page_tells_nothing_and_gives_nothing(self):
        self.env["ir.config_parameter"].set_param("base.login_cooldown_after", 0)
        pending = self.subaccounts["pending"]
        used = self._make_token()
        pending._activate("first-password")
        voided = self._make_token()
        expired = self._make_token()
        pending._store({"activation_expiration": fields.Datetime.now()})
        self.env.flush_all()
        texts = set()
        snapshot = self._take_snapshot()
        for token in (
            "wrong",
            used,
            voided,
            expired,
            pending.activation_token_hash,
            "0" * 43,
            "x" * 5000,
            "%00",
            "%FF%FE",
            "%F0%9F%92%A5",
            "%ED%A0%80",
            "%27%20OR%201=1--",
            "%7B%7B7*7%7D%7D",
            "%3Cscript%3E",
            "-1",
            "None",
            "False",
            "%25",
            "_",
            self.victim.login,
            self.owner.login,
            "admin",
        ):
            for form in ({}, {"password": "evil-password", "confirm_password": "evil-password"}):
                type(self).vectors += 1
                with self.subTest(token=token[:40], form=bool(form)):
                    response = self._visit(token, **form)
                    if form and response.status_code == 400:
                        continue  # no CSRF token to be had from a page without a form
                    self.assertEqual(response.status_code, 404, token)
                    self.assertNotIn(pending.login, response.text)
                    body = response.text.partition("o_livechat_activation_invalid")
                    if body[1]:
                        texts.add(body[2].partition("</div>")[0])
        self.assertEqual(len(texts), 1, "the same answer for all")
        self.assertEqual(self._take_snapshot(), snapshot)

    def test_a_password_is_set_once_and_not_without_the_form(self):
        self._forget_failures() if hasattr(self.env.registry, "_login_failures") else None
        pending = self.subaccounts["pending"]
        token = self._make_token()
        good = {"password": "a-good-password", "confirm_password": "a-good-password"}
        for label, form in {
            "differing": {"password": "a-good-password", "confirm_password": "other-password"},
            "short": {"password": "1234567", "confirm_password": "1234567"},
            "blank": {"password": " " * 20, "confirm_password": " " * 20},
            "none": {"password": "", "confirm_password": ""},
            "huge": {"password": "x" * 10**6, "confirm_password": "x" * 10**6},
        }.items():
            type(self).vectors += 1
            with self.subTest(label):
                response = self._visit(token, **form)
                self.assertEqual(response.status_code, 200)
                self.assertIn("o_livechat_activation_form", response.text)
                self.env.invalidate_all()
                self.assertEqual(pending.state, "pending")
        type(self).vectors += 6
        self._log_out()
        self.assertEqual(
            self.url_open(f"/livechat/activate/{token}", data=good).status_code, 400, "no CSRF"
        )
        extra = {
            "login": "admin",
            "state": "enabled",
            "group_ids": "1",
            "subaccount": "1",
            "user_id": str(self.env.ref("base.user_admin").id),
            "role_ids": "1",
            "main_account_id": str(self.rival.id),
        }
        roles = pending.role_ids
        response = self._visit(token, **good, **extra)
        self.env.invalidate_all()
        self.assertTrue(response.url.endswith("/odoo"), "the person is in")
        self.assertEqual((pending.state, pending.role_ids), ("enabled", roles))
        self.assertEqual(pending.main_account_id, self.owner)
        (answer,) = response.history
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")
        again = {"password": "another-password", "confirm_password": "another-password"}
        self.assertNotEqual(self._visit(token, **again).status_code, 200)
        self.assertTrue(self._refused(self._visit(token)))
        session = self.authenticate(pending.login, "a-good-password")
        self.assertEqual(session.uid, pending.user_id.id)

    def test_tries_are_limited(self):
        if hasattr(self.env.registry, "_login_failures"):
            self._forget_failures()
        self.addCleanup(
            lambda: (
                self._forget_failures() if hasattr(self.env.registry, "_login_failures") else None
            )
        )
        self.env["ir.config_parameter"].set_param("base.login_cooldown_after", 5)
        self.env["ir.config_parameter"].set_param("base.login_cooldown_duration", 60)
        token = self._make_token()
        for number in range(5):
            type(self).vectors += 1
            self.assertTrue(self._refused(self._visit(f"wrong-{number}")))
        self.assertTrue(self._refused(self._visit(token)), "not even the right one, for a while")
        self.env.invalidate_all()
        self.assertEqual(self.subaccounts["pending"].state, "pending")

    def test_a_picture_is_no_program(self):
        text = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
        svg = b64encode(text).decode()
        type(self).vectors += 1
        row = self.subaccounts["colleague"]
        attack = Attack(
            "x", "main_account", "livechat.subaccount", "write", row.ids, ({"image_1920": svg},)
        )
        try:
            self.call_kw(attack)
        except exceptions.UserError:
            return
        for model, record in (
            ("res.users", row.user_id),
            ("res.partner", row.user_id.partner_id),
            ("livechat.subaccount", row),
        ):
            response = self.url_open(f"/web/image/{model}/{record.id}/image_1920")
            kind = response.headers["Content-Type"]
            policy = response.headers.get("Content-Security-Policy", "")
            self.assertTrue("svg" not in kind or "default-src 'none'" in policy, kind)
