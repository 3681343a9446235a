"""Whoever logs in with a password that somebody else has set, sets another one first."""

import base64
import time
from unittest.mock import patch

from odoo.exceptions import AccessDenied, UserError
from odoo.tests import tagged

from odoo.addons.auth_totp.models.totp import hotp

from .common import ShopCommon
from .walks import PatientCase

GIVEN = "given-by-the-administrator"
OWN = "known-to-one-alone"
PAGE = "/livechat/own_password"
SECRET = "JBSWY3DPEHPK3PXP"


class ForeignPassword(ShopCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = cls.env.ref("base.user_admin")

    def _set(self, user, password, setter=None):
        """Let somebody set this password, as the form of a user does."""
        user.with_user(setter or self.admin).password = password
        self.env.flush_all()

    def _is_foreign(self, user):
        # sudo: res.users - nobody reads it
        return bool(user.sudo().password_is_foreign)

    def _log_in(self, user, password, **environment):
        credential = {"login": user.login, "password": password, "type": "password"}
        return self.env["res.users"].authenticate(credential, {"interactive": True, **environment})


@tagged("post_install", "-at_install")
class TestForeignPassword(ForeignPassword):
    def test_it_is_known_whose_password_somebody_else_has_set(self):
        self.assertFalse(self._is_foreign(self.owner))
        self._set(self.owner, GIVEN)
        self.assertTrue(self._is_foreign(self.owner))
        # sudo: as core's own change of a password
        self.owner.with_user(self.owner).sudo()._change_password(OWN)
        self.assertFalse(self._is_foreign(self.owner))
        self.owner.with_user(self.admin)._change_password(GIVEN)
        self.assertTrue(self._is_foreign(self.owner))
        # The link of Odoo's own mail.
        self.owner.with_user(self.env.ref("base.public_user")).sudo().password = OWN
        self.assertFalse(self._is_foreign(self.owner))

    def test_whom_an_administrator_activates_by_hand_is_concerned_as_well(self):
        row = self.Subaccounts.create({"name": "Chen Jing"}).sudo()
        row.user_id.with_user(self.admin).write({"password": GIVEN, "active": True})
        self.assertTrue(self._is_foreign(row.user_id))
        other = self.Subaccounts.create({"name": "Wu Tao"}).sudo()
        other.with_user(self.admin)._activate(OWN)
        self.assertFalse(self._is_foreign(other.user_id), "the person has the link")

    def test_who_has_no_shop_and_who_sets_its_own_are_not(self):
        stranger = self._create_plain("stranger")
        self._set(stranger, GIVEN)
        self.assertFalse(self._is_foreign(stranger))
        self.admin.group_ids |= self.env.ref("im_livechat_subaccount.group_main_account")
        self._set(self.admin, OWN)
        self.assertFalse(self._is_foreign(self.admin))

    def _create_plain(self, login):
        return self.env["res.users"].create({"name": login, "login": login, "password": OWN})

    def test_no_program_gets_in_and_it_is_told_why(self):
        users = self.env["res.users"]
        before = self.owner.login
        self._check(users, before)
        self._set(self.owner, GIVEN)
        with self.assertRaisesRegex(AccessDenied, "your own first"):
            self._check(users, GIVEN)
        with self.assertRaisesRegex(AccessDenied, "your own first"):
            self._log_in(self.owner, GIVEN, interactive=False)
        with self.assertRaises(AccessDenied):
            self._check(users, before)
        # sudo: as core's own change of a password
        self.owner.with_user(self.owner).sudo()._change_password(OWN)
        self._check(users, OWN)

    def test_no_secret_of_who_is_disabled_is_right(self):
        row = self.Subaccounts.create({"name": "Chen Jing"}).sudo()
        row._activate(OWN)
        user = row.user_id
        credential = {"login": user.login, "password": OWN, "type": "password"}
        user.with_user(user)._check_credentials(credential, {"interactive": True})
        row.with_user(self.owner).action_disable()
        with self.assertRaises(AccessDenied):
            user.with_user(user)._check_credentials(credential, {"interactive": True})
        if "totp_secret" in self.env["res.users"]._fields:
            # Who gives the second factor is not the caller yet.
            user.totp_secret = SECRET
            code = hotp(base64.b32decode(SECRET), int(time.time() / 30))
            with (
                patch.object(type(user), "_totp_rate_limit", lambda *args: None),
                patch.object(type(user), "_totp_rate_limit_purge", lambda *args: None),
                self.assertRaises(AccessDenied),
            ):
                user.with_user(self.env.ref("base.public_user"))._check_credentials(
                    {"type": "totp", "token": code}, {"interactive": True}
                )

    def _check(self, users, password):
        return users._check_uid_passwd(self.owner.id, password)

    def test_only_another_and_good_password_does(self):
        self._set(self.owner, GIVEN)
        for given, password, error in (
            ("another", OWN, AccessDenied),
            ("", OWN, AccessDenied),
            (None, OWN, AccessDenied),
            (GIVEN, {"a": 1}, AccessDenied),
            (GIVEN, GIVEN, UserError),
            (GIVEN, f" {GIVEN} ", UserError),
            (GIVEN, "password1", UserError),
            (GIVEN, "  ", UserError),
        ):
            with self.subTest(given=given, password=password), self.assertRaises(error):
                self.owner._replace_foreign_password(given, password)
        self.assertTrue(self._is_foreign(self.owner))
        self.owner._replace_foreign_password(GIVEN, OWN)
        self.assertFalse(self._is_foreign(self.owner))


@tagged("post_install", "-at_install")
class TestOwnPasswordPage(PatientCase, ForeignPassword):
    def _send(self, path, **form):
        page = self.url_open(path)
        csrf = page.text.split('name="csrf_token" value="')[1].split('"')[0]
        answer = self.url_open(path, {"csrf_token": csrf, **form})
        self.env.invalidate_all()
        return answer

    def _get_username(self):
        answer = self.url_open(
            "/web/session/get_session_info",
            data='{"params": {}}',
            headers={"Content-Type": "application/json"},
        ).json()
        return (answer.get("result") or {}).get("username")

    def _enter(self, password, **form):
        return self._send("/web/login", login=self.owner.login, password=password, **form)

    def test_the_browser_is_led_to_a_password_of_ones_own_and_then_in(self):
        self._set(self.owner, GIVEN)
        page = self._enter(GIVEN, redirect="/odoo/discuss")
        self.assertIn(PAGE, page.url)
        self.assertIn("Somebody else may know", page.text)
        self.assertEqual(page.headers["X-Frame-Options"], "DENY")
        self.assertIsNone(self._get_username())
        for form, words in (
            ({"given": GIVEN, "password": OWN, "confirm_password": "x"}, "differ"),
            ({"given": "x", "password": OWN, "confirm_password": OWN}, "not the password you have"),
            ({"given": GIVEN, "password": GIVEN, "confirm_password": GIVEN}, "another password"),
            ({"given": GIVEN, "password": "short", "confirm_password": "short"}, "from 8 to"),
        ):
            with self.subTest(words=words):
                self.assertIn(words, self._send(page.url, **form).text)
                self.assertIsNone(self._get_username())
        done = self._send(page.url, given=GIVEN, password=OWN, confirm_password=OWN)
        self.assertEqual(self._get_username(), self.owner.login)
        self.assertIn("/odoo/discuss", done.url)
        # From here on it is a log-in as any other.
        self.url_open("/web/session/logout")
        self.assertNotIn(PAGE, self._enter(OWN).url)
        self.assertEqual(self._get_username(), self.owner.login)

    def test_who_comes_otherwise_finds_no_form(self):
        for password in (None, self.owner.login):
            with self.subTest(password=password):
                self.authenticate(self.owner.login if password else None, password)
                page = self.url_open(PAGE)
                self.assertNotIn("o_livechat_own_password", page.text)
        self.authenticate(None, None)
        self._set(self.owner, GIVEN)
        self.assertNotIn("o_livechat_own_password", self.url_open(PAGE).text)

    def test_a_browser_that_was_on_the_page_before_does_not_get_in_later(self):
        self._set(self.owner, GIVEN)
        page = self._enter(GIVEN)
        self._set(self.owner, "given-another-time")
        text = self._send(page.url, given=GIVEN, password=OWN, confirm_password=OWN).text
        self.assertIn("not the password you have", text)
        self.assertTrue(self._is_foreign(self.owner))

    def test_who_is_disabled_between_two_steps_does_not_get_in_by_the_second(self):
        """Odoo looks at who is active when somebody begins to log in, and not again."""
        row = self.Subaccounts.create({"name": "Chen Jing"}).sudo()
        row.user_id.with_user(self.admin).write({"password": GIVEN, "active": True})
        self.env.flush_all()
        page = self._send("/web/login", login=row.login, password=GIVEN)
        self.assertIn(PAGE, page.url)
        row.with_user(self.owner).action_disable()
        self.env.flush_all()
        self._send(page.url, given=GIVEN, password=OWN, confirm_password=OWN)
        self.assertIsNone(self._get_username())

    def test_the_second_factor_is_asked_for_after_it_and_is_no_way_around(self):
        if "totp_secret" not in self.env["res.users"]._fields:
            self.skipTest("two-factor authentication is not installed")
        # sudo: as the person's own form does
        self.owner.with_user(self.owner).sudo().totp_secret = SECRET
        self._set(self.owner, GIVEN)
        page = self._enter(GIVEN)
        self.assertIn(PAGE, page.url)
        self.assertIn("your own first", self._give_second_factor().text)
        self.assertIsNone(self._get_username())
        self.url_open("/web/session/logout")
        page = self._enter(GIVEN)
        page = self._send(page.url, given=GIVEN, password=OWN, confirm_password=OWN)
        self.assertIn("/web/login/totp", page.url)
        self.assertIsNone(self._get_username())
        self._give_second_factor()
        self.assertEqual(self._get_username(), self.owner.login)

    def _give_second_factor(self):
        # The same second factor serves once; here it is to be asked for again.
        # sudo: as Odoo keeps it
        self.owner.sudo().totp_last_counter = False
        self.env.flush_all()
        token = hotp(base64.b32decode(SECRET), int(time.time() / 30))
        return self._send("/web/login/totp", totp_token=f"{token:06}")
