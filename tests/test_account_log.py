"""What happens to the accounts of a shop is written down, and who reads it."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessDenied, AccessError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .security_matrix import ALLOWED, EMPTY, Attack, SecurityCommon
from .test_security_rpc import RpcCommon


class AccountLogCommon(SecurityCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Log = cls.env["livechat.account.log"]

    def _news(self, *names):
        """What was written since the last look, the oldest first."""
        rows = self.Log.search([("id", ">", self.last)], order="id")
        self.last = max(self.last, *rows.ids, 0)
        return [tuple(row[name] for name in names) for row in rows]

    def setUp(self):
        super().setUp()
        self.last = self.Log.search([], order="id desc", limit=1).id

    def _log_in(self, login, password):
        credential = {"login": login, "password": password, "type": "password"}
        return self.env["res.users"].authenticate(credential, {"interactive": True})

    def _fail(self, call, *args):
        """Expect that this is denied; what it left stays, as it does outside of tests."""
        try:
            call(*args)
        except AccessDenied:
            return
        self.fail("let in")


@tagged("post_install", "-at_install")
class TestAccountLog(AccountLogCommon):
    def test_the_life_of_an_account_is_written_down_with_who_did_it(self):
        role = self.roles["reception"]
        row = self.Subaccounts.create({"name": "Chen", "role_ids": role.ids})
        user = row.sudo().user_id
        row.action_activation_link()
        row.sudo().with_user(self.env.ref("base.public_user")).sudo()._activate("open-sesame-1")
        row.role_ids = [Command.link(self.role_planner.id), Command.unlink(role.id)]
        row.action_disable()
        row.action_disable()
        row.action_enable()
        row.action_disable()
        name = f"Chen ({row.login})"
        row.action_delete()
        self.assertEqual(
            self._news("event", "user_id", "detail", "main_account_id"),
            [
                ("created", self.owner, False, self.owner),
                ("role_given", self.owner, role.name, self.owner),
                ("link", self.owner, False, self.owner),
                ("password", user.browse(), False, self.owner),
                ("activated", user.browse(), False, self.owner),
                ("role_given", self.owner, "Planner", self.owner),
                ("role_taken", self.owner, role.name, self.owner),
                ("disabled", self.owner, False, self.owner),
                ("enabled", self.owner, False, self.owner),
                ("disabled", self.owner, False, self.owner),
                ("deleted", self.owner, False, self.owner),
                ("role_taken", self.owner, "Planner", self.owner),
            ],
        )
        rows = self.Log.search([("account_name", "=", name)])
        self.assertEqual(len(rows), 12, "names stay when the account is gone")
        self.assertEqual(
            rows.filtered(lambda row: row.event in ("password", "activated")).mapped("user_name"),
            ["Chen", "Chen"],
            "the person itself",
        )

    def test_a_key_that_somebody_makes_is_written_down(self):
        """It opens the account without the password, and goes on when that is changed."""
        user = self.users["reception"]
        for name, scope in (("res.users.apikeys", None), ("auth_totp.device", "browser")):
            if name in self.env:
                keys = self.env[name].with_user(user).sudo()
                keys._generate(scope, "Robot", "2090-01-01")
        keys = self.env["res.users.apikeys"].with_user(self.users["employee"]).sudo()
        keys._generate(None, "Nobody's", "2090-01-01")
        self.assertEqual(
            self._news("event", "account_id", "user_id", "detail", "main_account_id"),
            [("key", user, user, "Robot", self.owner)],
        )

    def test_a_passkey_that_somebody_makes_is_written_down(self):
        if "auth.passkey.key" not in self.env:
            self.skipTest("auth_passkey is not installed")
        for who in ("reception", "employee"):
            user = self.users[who]
            key = {"name": "Phone", "credential_identifier": f"of {who}"}
            user.with_user(user).sudo().write({"auth_passkey_key_ids": [Command.create(key)]})
        self.assertEqual(
            self._news("event", "account_id", "user_id", "detail", "main_account_id"),
            [("passkey", self.users["reception"], self.users["reception"], "Phone", self.owner)],
        )

    def test_what_a_role_gives_from_now_on_is_written_down_in_the_shops_that_use_it(self):
        permission = self.permissions["receive_buyers"]
        self.role_planner.with_user(self.owner).toggle_permission(permission.id)
        self.role_planner.with_user(self.owner).toggle_permission(permission.id)
        detail = f"Planner: {permission.name}"
        self.assertEqual(
            self._news("event", "user_id", "detail", "main_account_id"),
            [
                ("permission_given", self.owner, detail, self.owner),
                ("permission_taken", self.owner, detail, self.owner),
            ],
        )
        admin = self.env.ref("base.user_admin")
        template = self.roles["reception"]
        template.with_user(admin).permission_ids = [
            Command.link(self.permissions["manage_dispatch"].id)
        ]
        news = self._news("event", "main_account_id")
        self.assertIn(("permission_given", self.owner), news)
        self.assertIn(("permission_given", self.rival), news)

    def test_log_ins_are_counted_by_the_hour_and_where_they_come_from(self):
        row = self.subaccounts["reception"]
        for _time in range(3):
            self._log_in(row.login, "reception-password")
            self._fail(self._log_in, row.login, "wrong")
        self._fail(self._log_in, self.owner.login, "wrong")
        self._log_in(self.owner.login, self.owner.login)
        self.assertEqual(
            self._news("event", "account_id", "user_id", "main_account_id", "times"),
            [
                ("login", row.user_id, row.user_id, self.owner, 3),
                ("login_failed", row.user_id, row.user_id.browse(), self.owner, 3),
                ("login_failed", self.owner, self.owner.browse(), self.owner, 1),
                ("login", self.owner, self.owner, self.owner, 1),
            ],
        )

    def test_who_tries_passwords_from_everywhere_fills_no_table(self):
        row = self.subaccounts["reception"]
        log = type(self.Log)
        for number in range(60):
            source = {"address": f"192.0.2.{number}", "browser": "Chrome"}
            with patch.object(log, "_get_source", lambda _self, source=source: source):
                self._fail(self._log_in, row.login, "wrong")
        news = self._news("address", "times")
        self.assertEqual(len(news), 21)
        self.assertEqual(news[-1], (False, 40))
        self.assertEqual({times for _address, times in news[:-1]}, {1})

    def test_a_wrong_password_of_the_rpc_and_of_the_own_change_counts_as_well(self):
        user = self.subaccounts["reception"].user_id
        self._fail(self.env["res.users"]._check_uid_passwd, user.id, "wrong")
        own = user.with_user(user)
        self._fail(own.change_password, "wrong", "another-password-2")
        self.assertEqual(self._news("event", "times"), [("login_failed", 2)])
        user.with_user(user).change_password("reception-password", "another-password-2")
        self.assertEqual(self._news("event", "user_id"), [("password", user)])

    def test_who_has_no_shop_leaves_no_row_and_costs_no_query_more(self):
        user = self.users["employee"]
        log = self.env["livechat.account.log"]
        users = user.with_user(user)
        users._has_shop()
        with self.assertQueryCount(0):
            self.assertFalse(users._has_shop())
        with patch.object(type(log), "_count") as count, patch.object(type(log), "_note") as note:
            self._log_in(user.login, user.login)
            self._fail(self._log_in, user.login, "wrong")
            self._fail(self._log_in, "nobody.of.this.name", "wrong")
            self.env["res.partner"].with_user(user).search([], limit=1).export_data(["name"])
        self.assertFalse(count.called or note.called)

    def test_an_export_is_written_down_with_what_and_how_many(self):
        partners = self.env["res.partner"].with_user(self.owner).search([], limit=2)
        partners.export_data(["name"])
        partners.browse().export_data(["name"])
        self.assertEqual(
            self._news("event", "account_id", "detail"),
            [("exported", self.owner, f"{partners._description}: {len(partners)}")],
        )

    def test_an_export_of_conversations_is_called_what_the_page_is(self):
        chat = self.shop["discuss.channel"].with_user(self.owner)
        chat.export_data(["name"])
        self.assertEqual(self._news("event", "detail"), [("exported", "Conversations: 1")])

    def test_what_was_exported_and_what_a_role_gives_is_told_in_the_language_of_who_did_it(self):
        self.env["res.lang"]._activate_lang("zh_CN")
        modules = self.env["ir.module.module"]
        modules._load_module_terms(["im_livechat", "im_livechat_subaccount"], ["zh_CN"])
        owner = self.owner.with_user(self.owner).with_context(lang="zh_CN")
        owner.env["livechat.subaccount"].search([], limit=1).export_data(["name"])
        permissions = self.permissions["receive_buyers"] | self.permissions["manage_dispatch"]
        role = owner.env["livechat.role"].create({"name": "夜班"})
        role.permission_ids = [Command.set(permissions.ids)]
        names = permissions.with_context(lang="zh_CN").sorted().mapped("name")
        self.assertEqual(
            self._news("event", "detail"),
            [("exported", "子账号：1"), ("permission_given", f"夜班：{'和'.join(names)}")],
        )
        row = self.Log.search([("event", "=", "exported")], limit=1)
        for lang, words in (("en_US", "Records exported: "), ("zh_CN", "已导出记录：")):
            with self.subTest(lang):
                name = row.with_context(lang=lang).display_name
                self.assertEqual(name, f"{words}{row.account_name}")

    def test_a_password_that_somebody_else_set_is_told_with_who_did(self):
        admin = self.env.ref("base.user_admin")
        self.owner.with_user(admin).password = "set-by-admin-3"
        self.assertEqual(self._news("event", "account_id"), [("password", self.owner)])
        self.assertEqual(self.Log.search([], limit=1).user_id, admin)

    def test_a_password_of_a_lesser_manager_that_ends_is_told(self):
        row = self.subaccounts["colleague"]
        row._store({"password_maker_id": self.users["deputy"].id})
        row.with_user(self.owner).role_ids = [Command.link(self.role_planner.id)]
        self.assertIn(("password_lost", row.user_id), self._news("event", "account_id"))

    def test_the_log_of_a_shop_goes_to_who_takes_it_over(self):
        successor = new_test_user(self.env, "successor", "base.group_user")
        before = self.Log.search_count([("main_account_id", "=", self.owner.id)])
        self.owner.action_hand_shop_over(successor.id)
        self.assertFalse(self.Log.search_count([("main_account_id", "=", self.owner.id)]))
        rows = self.Log.with_user(successor).search_count([])
        self.assertGreaterEqual(rows, before)

    def test_rows_are_kept_as_long_as_the_settings_say(self):
        old, new = self.Log.search([("event", "=", "created")], limit=2, order="id desc")
        moment = fields.Datetime.now() - timedelta(days=31)
        self.env.cr.execute(
            "UPDATE livechat_account_log SET moment = %s WHERE id = %s", [moment, old.id]
        )
        self.env.invalidate_all()
        parameters = self.env["ir.config_parameter"]
        for days, kept in (("0", True), ("nonsense", True), ("30", False)):
            parameters.set_param("im_livechat_subaccount.account_log_days", days)
            self.Log._gc_old_rows()
            self.assertEqual(bool(old.exists()), kept)
        self.assertTrue(new.exists())
        settings = self.env["res.config.settings"].create({"account_log_days": 7})
        settings.execute()
        self.assertEqual(self.env["res.config.settings"]._get_account_log_days(), 7)

    def test_an_administrator_deletes_a_user_that_the_log_names(self):
        row = self.subaccounts["colleague"]
        user = row.user_id
        self._log_in(row.login, "colleague-password")
        row.with_user(self.owner).action_disable()
        user.unlink()
        self.assertFalse(user.exists())
        self.assertEqual(self._news("event", "account_id")[0], ("login", user.browse()))

    def test_who_leaves_a_shop_is_told_there(self):
        user = self.subaccounts["colleague"].user_id
        user.main_account_id = self.rival
        news = self._news("event", "account_id", "main_account_id")
        self.assertEqual(news[0], ("left", user, self.owner))

    def test_an_administrator_who_runs_a_shop_is_in_the_log(self):
        chief = new_test_user(
            self.env, "the.chief", "base.group_system,im_livechat_subaccount.group_main_account"
        )
        self._log_in("the.chief", "the.chief")
        self.assertIn(("login", chief), self._news("event", "account_id"))


def rows_account_log(case):
    """Who reads the account log, and that nobody writes it; see ``security_matrix``."""
    model = "livechat.account.log"
    log = case.env[model].sudo()
    own = log.search([("main_account_id", "=", case.owner.id)], limit=1)
    foreign = log.search([("main_account_id", "=", case.rival.id)])
    vals = {"event": "login", "account_name": "x"}
    readers = ("main_account", "store_manager", "audit")
    for who in (*case.staff, *case.outsiders):
        for method, ids, args in (
            ("create", None, (vals,)),
            ("web_save", [], (vals, {})),
            ("write", own.ids, ({"detail": "x"},)),
            ("write", own.ids, ({"moment": "2000-01-01 00:00:00"},)),
            ("unlink", own.ids, ()),
            ("copy", own.ids, ()),
        ):
            yield Attack("nobody writes the account log", who, model, method, ids, args)
            yield Attack(
                "nor with a forged context",
                who,
                model,
                method,
                ids,
                args,
                {"context": {"livechat_account_log": True}} if method != "web_save" else {},
            )
        for method, ids, args in (
            ("read", foreign.ids, (["account_name", "address"],)),
            ("web_read", foreign.ids, ({"account_name": {}},)),
            ("export_data", foreign.ids, (["account_name"],)),
            ("search_read", None, ([("id", "in", foreign.ids)], ["account_name"])),
            ("web_search_read", None, ([("id", "in", foreign.ids)], {"account_name": {}})),
            (
                "formatted_read_group",
                None,
                ([("id", "in", foreign.ids)], ["account_name"], ["__count"]),
            ),
            ("search_count", None, ([("main_account_id.login", "=", "rival")],)),
        ):
            yield Attack("another shop's log", who, model, method, ids, args, expected=EMPTY)
        expected = {"expected": ALLOWED} if who in readers else {}
        args = (["account_name", "address", "times"],)
        yield Attack("the own shop's log", who, model, "read", own.ids, args, **expected)
        yield Attack("a key of the log", who, model, "read", own.ids, (["counted_as"],))


@tagged("post_install", "-at_install")
class TestAccountLogSecurity(AccountLogCommon):
    @mute_logger("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule")
    def test_who_reads_the_account_log_and_nobody_writes_it(self):
        self.run_attacks(rows_account_log(self))

    def test_an_administrator_reads_all_and_writes_nothing(self):
        admin = self.env.ref("base.user_admin")
        rows = self.Log.with_user(admin).search([])
        self.assertLessEqual({self.owner, self.rival}, set(rows.main_account_id))
        with self.assertRaises(AccessError):
            rows[:1].unlink()
        for change in (lambda: rows[:1].sudo().write({"detail": "x"}), rows[:1].sudo().unlink):
            with self.assertRaisesRegex(AccessError, "cannot be edited"):
                change()


@tagged("post_install", "-at_install")
class TestAccountLogRpc(RpcCommon):
    def test_who_reads_the_account_log_and_nobody_writes_it(self):
        who = ("main_account", "store_manager", "reception", "portal", "public")
        self.run_attacks(self._pick(rows_account_log(self), *who), self.call_kw)

    def test_who_reads_the_account_log_with_a_key(self):
        who = ("main_account", "agent", "portal")
        self.run_attacks(self._pick(rows_account_log(self), *who), self.call_json_2)

    def test_a_transcript_that_is_mailed_is_written_down_without_the_address(self):
        log, chat = self.env["livechat.account.log"], self.shop["discuss.channel"]
        before = log.search([])
        self._open("reception")
        call = {"channel_id": chat.id, "email": "ming@example.com"}
        self._post("/im_livechat/email_livechat_transcript", call)
        rows = log.search([("event", "=", "transcript")]) - before
        self.assertEqual(rows.account_id, self.users["reception"])
        self.assertEqual(rows.mapped("detail"), ["m***@example.com"])

    def test_a_log_in_is_written_down_with_its_address_and_browser(self):
        row = self.subaccounts["colleague"]
        for password in ("wrong", "colleague-password"):
            page = self.url_open("/web/login")
            csrf = page.text.split('name="csrf_token" value="')[1].split('"')[0]
            self.url_open(
                "/web/login",
                {"csrf_token": csrf, "login": row.login, "password": password},
                headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0"},
            )
        rows = self.env["livechat.account.log"].search(
            [("account_id", "=", row.user_id.id), ("event", "in", ("login", "login_failed"))]
        )
        self.assertEqual(set(rows.mapped("event")), {"login", "login_failed"})
        self.assertEqual(set(rows.mapped("address")), {"127.0.0.1"})
        self.assertEqual(set(rows.mapped("browser")), {"Firefox · Linux"})
