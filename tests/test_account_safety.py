"""Accounts as safe as on the platforms that shops come from: second factor, passwords, sessions,
log-ins from new places."""

import contextlib
from datetime import timedelta
from unittest import SkipTest
from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessDenied, AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.http import root
from odoo.tests import tagged

from .common import DispatchCommon
from .security_matrix import ALLOWED, Attack
from .test_account_log import AccountLogCommon
from .test_security_rpc import Refused, RpcCommon

SECRET_KEY = "JBSWY3DPEHPK3PXP"


def add_session(user, identifier):
    """A browser in which this user is logged in; as the server notes it."""
    now = fields.Datetime.now()
    return user.env["res.device.log"].create(
        {
            "session_identifier": identifier,
            "platform": "linux",
            "browser": "firefox",
            "ip_address": "192.0.2.7",
            "user_id": user.id,
            "first_activity": now,
            "last_activity": now,
            "revoked": False,
        }
    )


@tagged("post_install", "-at_install")
class TestSecondFactor(AccountLogCommon, DispatchCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "totp_secret" not in cls.env["res.users"]._fields:
            raise SkipTest("two-factor authentication is not installed")
        cls.row = cls.subaccounts["reception"]
        cls.user = cls.row.user_id
        cls.channel = cls.shop["im_livechat.channel"]
        cls.role = cls.Roles.create(
            {"name": "Safe", "permission_ids": cls.permissions["receive_buyers"].ids}
        ).with_env(cls.env)
        cls.row.with_user(cls.owner).role_ids = [Command.set(cls.role.ids)]
        cls._set_online(cls.user)
        cls.env.cr.flush()

    def _is_candidate(self):
        agent = self._read_agent(self.channel, self.user)
        return bool(agent and agent.permitted)

    def _set_up(self, user, secret=SECRET_KEY):
        user.with_user(user).sudo().totp_secret = secret

    def test_who_holds_such_a_role_gets_no_buyers_before_the_second_factor_is_set_up(self):
        self.assertTrue(self._is_candidate())
        self.role.with_user(self.owner).second_factor = True
        self.assertTrue(self.row.second_factor_due)
        self.assertFalse(self._is_candidate())
        reason = self.env["res.users"].with_user(self.user).get_why_no_buyers()
        self.assertIn("second factor", reason)
        shown = self.channel._describe_agents(self.channel._read_staff().facts)
        self.assertTrue(shown[0]["second_factor_due"])
        self._set_up(self.user)
        self.assertFalse(self.row.second_factor_due)
        self.assertTrue(self._is_candidate())
        self._set_up(self.user, False)
        self.assertFalse(self._is_candidate())
        self.role.with_user(self.owner).second_factor = False
        self.assertTrue(self._is_candidate())

    def test_whether_the_shop_is_open_knows_it_as_well(self):
        channel = self._create_channel(self.user, main_account_id=self.owner.id)
        self.assertTrue(channel._is_livechat_available())
        self.role.with_user(self.owner).second_factor = True
        self.env.flush_all()
        self.assertFalse(channel._is_livechat_available())

    def test_it_comes_and_goes_with_the_role(self):
        self.role.with_user(self.owner).second_factor = True
        colleague = self.subaccounts["colleague"]
        mine = colleague.with_user(self.owner)
        mine.role_ids = [Command.link(self.role.id)]
        self.assertTrue(colleague.user_id.second_factor_due)
        mine.role_ids = [Command.unlink(self.role.id)]
        self.assertFalse(colleague.user_id.second_factor_due)
        mine.role_ids = [Command.link(self.role.id)]
        self.role.with_user(self.owner).unlink()
        self.assertFalse(colleague.user_id.second_factor_due)
        self.assertFalse(self.user.second_factor_due)

    def test_a_lost_one_is_reset_and_whoever_is_logged_in_is_so_no_more(self):
        self._set_up(self.user)
        if "auth_totp.device" in self.env:
            devices = self.env["auth_totp.device"].with_user(self.user).sudo()
            devices._generate("browser", "a browser", "2090-01-01")
        with patch.object(type(self.user), "_end_sessions") as end:
            self.row.with_user(self.owner).action_reset_second_factor()
        self.assertTrue(end.called)
        self.assertFalse(self.row.second_factor)
        self.assertFalse(self.env["auth_totp.device"].search([("user_id", "=", self.user.id)]))
        self.assertIn(("second_factor_reset", self.owner), self._news("event", "user_id"))
        self._log_in(self.row.login, "reception-password")
        with self.assertRaisesRegex(UserError, "no second factor"):
            self.row.with_user(self.owner).action_reset_second_factor()

    def test_only_who_manages_the_account_resets_its_second_factor(self):
        for row in (self.row, self.victim, self.subaccounts["store_manager"]):
            self._set_up(row.user_id)
        attacks = [
            Attack("reset", who, "livechat.subaccount", "action_reset_second_factor", ids)
            for who in (*self.staff, *self.outsiders)
            for ids in (self.victim.ids, (self.victim | self.row).ids)
        ]
        attacks += [
            Attack("reset", who, "livechat.subaccount", "action_reset_second_factor", row.ids)
            for who, row in (
                ("reception", self.row),
                ("audit", self.row),
                ("planner", self.row),
                ("agent", self.row),
                ("portal", self.row),
                ("store_manager", self.subaccounts["store_manager"]),
                ("deputy", self.subaccounts["store_manager"]),
            )
        ]
        attacks += [
            Attack("due", who, "res.users", "write", self.user.ids, ({"second_factor_due": False},))
            for who in (*self.staff, *self.outsiders)
        ]
        attacks += [
            Attack(
                "role", who, "livechat.role", "write", self.role.ids, ({"second_factor": False},)
            )
            for who in (*self.staff, *self.outsiders)
            if who != "main_account"
        ]
        self.run_attacks(attacks)
        self.run_attacks(
            [
                Attack(
                    "own",
                    who,
                    "livechat.subaccount",
                    "action_reset_second_factor",
                    self.row.ids,
                    expected=ALLOWED,
                )
                for who in ("main_account", "store_manager", "deputy")
            ]
        )

    def test_without_odoos_module_no_role_asks_for_it(self):
        role = type(self.role)

        def _unavailable(roles):
            roles.second_factor_available = False

        with (
            patch.object(role, "_compute_second_factor_available", _unavailable),
            self.assertRaisesRegex(ValidationError, "an administrator installs it"),
        ):
            self.role.with_user(self.owner).second_factor = True
            self.env.flush_all()


@tagged("post_install", "-at_install")
class TestPasswords(AccountLogCommon):
    weak = ("12345678", "Password2026!", "qwertyuiop", "Flagship123")

    def test_a_weak_password_is_refused_by_the_link_and_by_the_own_change(self):
        row = self.subaccounts["pending"]
        row.with_user(self.owner).action_activation_link()
        user = self.subaccounts["reception"].user_id
        with self.assertRaises(UserError):
            row._activate(row.login)
        for password in self.weak:
            with self.subTest(password=password):
                with self.assertRaises(UserError):
                    row._activate(password)
                with self.assertRaises(UserError):
                    user.with_user(user).change_password("reception-password", password)
                with self.assertRaises(UserError):
                    self.owner.with_user(self.owner).change_password(self.owner.login, password)
        self.assertEqual(row.state, "pending")
        user.with_user(user).change_password("reception-password", "four words in a row")
        self._log_in(user.login, "four words in a row")
        self.owner.with_user(self.owner).change_password(self.owner.login, "quite another one")

    def test_a_weak_password_is_refused_by_core_s_reset_as_well(self):
        user = self.subaccounts["reception"].user_id
        user.partner_id.signup_prepare(signup_type="reset")
        token = user.partner_id._generate_signup_token()
        public = self.env["res.users"].with_user(self.env.ref("base.public_user")).sudo()
        with self.assertRaises(UserError):
            public.signup({"login": user.login, "name": "x", "password": "12345678"}, token)
        public.signup({"login": user.login, "password": "quite another one"}, token)
        self._log_in(user.login, "quite another one")

    def test_nobody_but_the_person_sets_the_password_of_a_sub_account(self):
        admin = self.env.ref("base.user_admin")
        user = self.subaccounts["reception"].user_id
        wizards = self.env["change.password.wizard"].with_user(admin)
        wizard = wizards.create(
            {"user_ids": [Command.create({"user_id": user.id, "new_passwd": "known-to-two-1"})]}
        )
        for way, call in {
            "wizard": wizard.change_password_button,
            "password": lambda: user.with_user(admin).write({"password": "known-to-two-1"}),
        }.items():
            with self.subTest(way=way), self._rollback():
                with self.assertRaisesRegex(UserError, "activation link"):
                    call()
        # The field of the user's form, which sets nothing or raises as well.
        with contextlib.suppress(UserError):
            user.with_user(admin).write({"new_password": "known-to-two-1"})
        self._fail(self._log_in, user.login, "known-to-two-1")
        self._log_in(user.login, "reception-password")
        # Whom an administrator activates by hand has a first one from it.
        pending = self.subaccounts["pending"].user_id
        pending.with_user(admin).write({"password": "a first one", "active": True})
        self._log_in(pending.login, "a first one")
        # Of a main account and of everybody else as in Odoo.
        for other in (self.owner, self.users["employee"]):
            other.with_user(admin).password = "12345678"
            self._log_in(other.login, "12345678")

    def test_who_has_no_shop_has_the_password_that_it_likes(self):
        user = self.users["employee"]
        user.with_user(user).change_password(user.login, "password1")
        self._log_in(user.login, "password1")


@tagged("post_install", "-at_install")
class TestSessions(AccountLogCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.row = cls.subaccounts["reception"]
        cls.device = add_session(cls.row.user_id, "a" * 42)
        cls.other = add_session(cls.row.user_id, "b" * 42)
        cls.foreign = add_session(cls.victim.user_id, "c" * 42)
        cls.env.flush_all()

    def setUp(self):
        super().setUp()
        self.ended = []
        self.patch(
            type(root.session_store),
            "delete_from_identifiers",
            lambda _store, identifiers: self.ended.extend(identifiers),
        )

    def _look(self, row, who):
        action = row.with_user(self.users[who]).action_sessions()
        return self.env[action["res_model"]].with_user(self.users[who]).browse(action["res_id"])

    def test_the_owner_ends_one_session_of_its_sub_account(self):
        look = self._look(self.row, "main_account")
        self.assertEqual(look.line_ids.mapped("address"), ["192.0.2.7"] * 2)
        line = look.line_ids.filtered(lambda line: line.sudo().identifier == "a" * 42)
        action = line.action_end()
        self.assertEqual(self.ended, ["a" * 42])
        self.assertTrue(self.device.revoked)
        self.assertFalse(self.other.revoked)
        again = self.env[action["res_model"]].with_user(self.owner).browse(action["res_id"])
        self.assertEqual(len(again.line_ids), 1)
        self.assertIn(("session_ended", self.owner), self._news("event", "user_id"))

    def test_nobody_ends_the_sessions_of_others(self):
        look = self._look(self.row, "main_account")
        theirs = self.victim.with_user(self.rival).action_sessions()["res_id"]
        lines = self.env["livechat.subaccount.sessions"].sudo().browse(theirs).line_ids
        model = "livechat.subaccount"
        attacks = []
        for who in (*self.staff, *self.outsiders):
            attacks.append(Attack("foreign", who, model, "action_sessions", self.victim.ids))
            for name, ids in (("s", theirs), ("", lines.ids[0])):
                for method, args in (
                    ("read", (["display_name"],)),
                    ("write", ({"display_name": "x"},)),
                    ("unlink", ()),
                    ("action_end", ()),
                ):
                    if name and method == "action_end":
                        continue
                    attacks.append(
                        Attack("a look", who, f"{model}.session{name}", method, [ids], args)
                    )
            if who not in ("main_account", "store_manager", "deputy"):
                attacks.append(Attack("own", who, model, "action_sessions", self.row.ids))
            if who != "main_account":
                attacks.append(
                    Attack(
                        "another's look",
                        who,
                        f"{model}.session",
                        "action_end",
                        look.line_ids[:1].ids,
                    )
                )
            for name, vals in (
                ("s", {"subaccount_id": self.victim.id}),
                ("", {"sessions_id": look.id, "identifier": "c" * 42}),
            ):
                attacks.append(
                    Attack("made", who, f"{model}.session{name}", "create", None, (vals,))
                )
            attacks.append(
                Attack(
                    "the identifier",
                    who,
                    f"{model}.session",
                    "read",
                    look.line_ids.ids,
                    (["identifier"],),
                )
            )
        attacks.append(
            Attack(
                "more than it",
                "deputy",
                model,
                "action_sessions",
                self.subaccounts["store_manager"].ids,
            )
        )
        self.run_attacks(attacks)
        self.assertFalse(self.ended)

    def test_a_look_is_worth_nothing_once_the_account_is_no_more_ones_own(self):
        line = self._look(self.row, "main_account").line_ids[:1]
        self.row.user_id.main_account_id = self.rival
        self.env.flush_all()
        self.ended.clear()
        with self.assertRaises(AccessError):
            line.with_user(self.owner).action_end()
        self.assertFalse(self.ended)


@tagged("post_install", "-at_install")
class TestNewPlace(AccountLogCommon):
    def _come_from(self, address, browser="Firefox · Linux", login=None, password=None):
        """Log in from there; who was told."""
        before = self.env["mail.message"].search([], order="id desc", limit=1).id
        row = self.subaccounts["reception"]
        log = type(self.Log)
        source = {"address": address, "browser": browser}
        with (
            patch.object(log, "_get_source", lambda _self: source),
            patch(
                "odoo.addons.im_livechat_subaccount.models.accounts.res_users_log_in.request",
                True,
            ),
        ):
            self._log_in(login or row.login, password or "reception-password")
        messages = self.env["mail.message"].search([("id", ">", before)])
        return messages.notified_partner_ids

    def test_the_person_and_the_owner_are_told_of_a_new_place_and_only_then(self):
        both = self.subaccounts["reception"].user_id.partner_id | self.owner.partner_id
        self.assertFalse(self._come_from("192.0.2.1"), "the first of all")
        self.assertFalse(self._come_from("192.0.2.1"))
        self.assertEqual(self._come_from("192.0.2.2"), both)
        self.assertFalse(self._come_from("192.0.2.2"))
        self.assertEqual(self._come_from("192.0.2.1", "Chrome · Windows"), both)
        self.assertFalse(self._come_from("192.0.2.2", "Chrome · Windows"))

    def test_who_is_told_of_a_new_place_finds_the_way_there(self):
        row = self.subaccounts["reception"]
        self._come_from("192.0.2.1")
        before = self.env["mail.message"].search([], order="id desc", limit=1).id
        self._come_from("192.0.2.2")
        told = self.env["mail.message"].search([("id", ">", before)])
        base = self.env["ir.config_parameter"].get_param("web.base.url")
        for person, url in (
            (row.user_id, f"{base}/odoo"),
            (
                self.owner,
                f"{base}/odoo/action-im_livechat_subaccount.livechat_subaccount_action/{row.id}",
            ),
        ):
            message = told.filtered(
                lambda message, person=person: person.partner_id in message.notified_partner_ids
            )
            self.assertIn(f'href="{url}"', message.body)

    def test_a_main_account_is_told_of_its_own(self):
        mine = (self.owner.login, self.owner.login)
        self.assertFalse(self._come_from("192.0.2.1", "Firefox", *mine))
        self.assertEqual(self._come_from("192.0.2.9", "Firefox", *mine), self.owner.partner_id)

    def test_who_has_no_shop_is_told_nothing(self):
        employee = self.users["employee"]
        for address in ("192.0.2.1", "192.0.2.2"):
            self.assertFalse(self._come_from(address, "Firefox", employee.login, employee.login))


@tagged("post_install", "-at_install")
class TestLogInLimits(AccountLogCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.row = cls.subaccounts["reception"]
        cls.mine = cls.row.with_user(cls.owner)
        cls.row.user_id.tz = "Asia/Shanghai"

    def _try(self, address=None, hour=12):
        """Log in from there at this hour of Shanghai; the sentence if it is refused."""
        log = type(self.Log)
        source = {"address": address, "browser": None}
        with (
            patch.object(log, "_get_source", lambda _self: source),
            freeze_time(f"2026-06-01 {(hour - 8) % 24:02}:30:00"),
        ):
            try:
                self._log_in(self.row.login, "reception-password")
            except AccessDenied as error:
                return str(error)
            return None

    def test_a_sub_account_logs_in_from_its_addresses_only(self):
        self.mine.login_addresses = "192.0.2.0/24, 2001:db8::/32"
        self.assertFalse(self._try("192.0.2.9"))
        self.assertFalse(self._try("2001:db8::1"))
        self.assertFalse(self._try(None), "the server itself")
        self.assertRegex(self._try("198.51.100.1"), "this address")
        self.assertIn(("login_refused", self.owner), self._news("event", "main_account_id"))
        self.mine.login_addresses = False
        self.assertFalse(self._try("198.51.100.1"))

    def test_a_sub_account_logs_in_in_its_hours_only(self):
        for start, end, refused in (
            (9, 18, {3, 8, 18, 23}),
            (22, 6, {8, 12, 18}),
            (0, 0, set()),
            (9, 24, {3, 8}),
        ):
            self.mine.write({"login_hour_from": start, "login_hour_to": end})
            for hour in (3, 8, 12, 18, 23):
                with self.subTest(start=start, end=end, hour=hour):
                    self.assertEqual(bool(self._try(hour=hour)), hour in refused)
        self.mine.write({"login_hour_from": 9, "login_hour_to": 17.5})
        self.assertIn("09:00 and 17:30", self._try(hour=20))

    def test_neither_rpc_nor_a_key_is_a_way_around(self):
        user = self.row.user_id
        tomorrow = fields.Datetime.now() + timedelta(days=1)
        keys = self.env["res.users.apikeys"].with_user(user).sudo()
        key = keys._generate("rpc", "key", tomorrow)
        users = self.env["res.users"]
        users._check_uid_passwd(user.id, "reception-password")
        self.assertEqual(keys._check_credentials(scope="rpc", key=key), user.id)
        self.mine.login_addresses = "192.0.2.0/24"
        source = {"address": "198.51.100.1", "browser": None}
        with patch.object(type(self.Log), "_get_source", lambda _self: source):
            self._fail(users._check_uid_passwd, user.id, "reception-password")
            self.assertFalse(keys._check_credentials(scope="rpc", key=key))

    def test_what_is_no_range_is_refused_with_a_sentence(self):
        for text in ("office", "192.0.2.0/33", "192.0.2.0/24, 12", "999.1.1.1"):
            with self.subTest(text=text), self.assertRaises(ValidationError):
                self.mine.login_addresses = text
            with self.subTest(new=text), self.assertRaises(ValidationError):
                self.Subaccounts.create({"name": "New", "login_addresses": text})
        for hour in (-1, 25, "abc", 10**9):
            with self.subTest(hour=hour), self.assertRaises(ValidationError):
                self.mine.write({"login_hour_from": hour})
        made = self.Subaccounts.create({"name": "New", "login_addresses": "192.0.2.1"})
        self.assertEqual(made.login_addresses, "192.0.2.1")

    def test_nobody_changes_its_own_limits_and_no_main_account_has_any(self):
        vals = {"login_addresses": "198.51.100.0/24"}
        model = "livechat.subaccount"
        rows = {who: self.subaccounts[who] for who in self.staff if who != "main_account"}
        attacks = [
            Attack("own", who, model, "write", row.ids, (vals,)) for who, row in rows.items()
        ]
        attacks += [
            Attack("foreign", who, model, "write", self.victim.ids, (vals,))
            for who in (*self.staff, *self.outsiders)
        ]
        attacks += [
            Attack("by dispatch", "planner", model, "write", self.row.ids, (vals,)),
            Attack("by dispatch", "audit", model, "write", self.row.ids, (vals,)),
        ]
        self.run_attacks(attacks)
        self.assertFalse(self.owner._get_subaccount())


@tagged("post_install", "-at_install")
class TestAccountSafetyRpc(RpcCommon):
    """From outside, as a browser or a program calls."""

    def test_nobody_reaches_sessions_or_second_factors_of_others(self):
        add_session(self.victim.user_id, "c" * 42)
        theirs = self.victim.with_user(self.rival).action_sessions()["res_id"]
        lines = self.env["livechat.subaccount.sessions"].sudo().browse(theirs).line_ids
        self.env.cr.flush()
        model = "livechat.subaccount"
        rows = [
            attack
            for who in ("main_account", "store_manager", "reception", "agent", "portal", "public")
            for attack in (
                Attack("foreign", who, model, "action_sessions", self.victim.ids),
                Attack("foreign", who, model, "action_reset_second_factor", self.victim.ids),
                Attack("foreign", who, f"{model}.session", "action_end", lines.ids),
                Attack("foreign", who, f"{model}.session", "read", lines.ids, (["name"],)),
                Attack("private", who, model, "_end_session", self.victim.ids, ("c" * 42,)),
                Attack("private", who, "res.users", "_lose_second_factor", self.owner.ids),
                Attack("private", who, f"{model}.sessions", "_open_sessions", [], (1,)),
                Attack("private", who, "livechat.account.log", "_count", [], ("login",)),
            )
        ]
        self.run_attacks(rows, self.call_kw)
        self.run_attacks(
            self._pick(rows, "main_account", "store_manager", "agent", "portal"), self.call_json_2
        )

    def test_a_session_that_was_ended_is_worth_nothing(self):
        row = self.subaccounts["colleague"]
        self.authenticate(row.login, "colleague-password")
        ask = Attack("x", "colleague", "res.users", "context_get", None, expected=ALLOWED)
        self._who = "colleague"
        self.assertTrue(self.call_kw(ask))
        add_session(row.user_id, self.session.sid[:42])
        self.env.flush_all()
        action = row.with_user(self.owner).action_sessions()
        look = self.env[action["res_model"]].with_user(self.owner).browse(action["res_id"])
        for line in look.line_ids:
            line.action_end()
        self.env.cr.flush()
        with self.assertRaises(Refused):
            self.call_kw(ask)
