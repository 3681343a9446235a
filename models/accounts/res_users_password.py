import secrets

from odoo import SUPERUSER_ID, fields, models
from odoo.exceptions import AccessDenied, UserError

from ...tools import passwords, sent


class ResUsers(models.Model):
    """What is asked of the passwords of a shop's people, beside what Odoo's own policy asks of
    everybody's."""

    _inherit = "res.users"

    password_is_foreign = fields.Boolean(
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
        help="Somebody else may know the password: the person sets another one at the next log-in.",
        frees_seats=False,
        logged=False,
    )

    def _set_password(self):
        # sudo: res.users - whose people they are
        people = self.filtered(lambda user: user.sudo()._get_shop_owner())
        for user in people:
            user._check_new_password()
        result = super()._set_password()
        self.env["livechat.account.log"]._note("password", people)
        setter = self.env.user
        for user in people:
            # What the server sets by itself, nobody knows or is to be changed.
            is_foreign = setter != user and self.env.uid != SUPERUSER_ID and setter._is_admin()
            # sudo: res.users - by whom the password is known follows from who sets it
            if user.sudo().password_is_foreign != is_foreign:
                user.sudo().password_is_foreign = is_foreign
            subaccount = user._get_subaccount()
            if not is_foreign and subaccount.password_maker_id:
                # Whoever made the link for the former one does not know this one.
                subaccount._store({"password_maker_id": False})
        return result

    def _mfa_url(self):
        # Odoo asks where somebody goes who has given a right password and is not in yet.
        # sudo: res.users - before there is anybody who could ask
        if self.sudo().password_is_foreign:
            return "/livechat/own_password"
        return super()._mfa_url()

    def _check_password_is_own(self):
        """Refuse this user, or the caller, as long as somebody else knows its password.

        :raise AccessDenied: saying what to do.
        """
        # Who is asked for a second factor is not the caller yet.
        # sudo: res.users - of the person that logs in
        if (self or self.env.user).sudo().password_is_foreign:
            raise AccessDenied(
                self.env._(
                    "Somebody else may know this password. Log in with a browser and set one of "
                    "your own first."
                )
            )

    def _replace_foreign_password(self, given, password):
        """Set the own password of the person who was given one by somebody else.

        :param str given: what it was given; only who knows it is the person.
        :param str password: what it takes instead.
        :raise AccessDenied: another one was given.
        :raise UserError: a password that is weak, or the same.
        """
        self.ensure_one()
        # sudo: res.users - the person sets its own password; as core's `change_password`
        user = self.with_user(self).sudo()
        if not (sent.is_text(given) and sent.is_text(password) and given):
            raise AccessDenied
        with self._assert_can_auth(user=user.login):
            credential = {"type": "password", "login": user.login, "password": given}
            user._check_credentials(credential, {"interactive": True})
        if given == password.strip():
            raise UserError(self.env._("Take another password than the present one."))
        user._change_password(password)

    def _lose_password(self):
        """Give this user a password that nobody knows; what is asked of people's passwords is not
        asked of it."""
        password = self._crypt_context().hash(secrets.token_urlsafe(32))
        self._set_encrypted_password(self.id, password)
        # Sessions are bound to it.
        self.env.registry.clear_cache()

    def _end_keys(self):
        """End what lets somebody in as these users beside the password: API keys, passkeys and
        browsers that are trusted with the second factor. Whoever knew the password may have made
        them."""
        for name, field in (
            ("res.users.apikeys", "user_id"),
            ("auth.passkey.key", "create_uid"),
            ("auth_totp.device", "user_id"),
        ):
            if name in self.env:
                # sudo: these models - whoever gives them more than who knew the password may do
                self.env[name].sudo().search([(field, "in", self.ids)]).unlink()

    def _check_new_password(self):
        """Refuse a weak password that somebody of a shop sets for itself, and any that somebody
        else sets for a sub-account that has one: two would know it. The server itself sets what it
        likes, and an administrator who activates somebody by hand gives it a first one.

        :raise UserError: saying why.
        """
        setter = self.env.user
        if not self.password or self.env.uid == SUPERUSER_ID:
            return
        # sudo: res.users - names of the account and of its shop
        user = self.sudo()
        if setter != user and setter._is_admin():
            if user._get_subaccount().activated_on:
                raise UserError(
                    self.env._(
                        "Only %(name)s sets this password: make an activation link for the "
                        "sub-account instead.",
                        name=user.name,
                    )
                )
            return
        owner = user._get_shop_owner()
        names = (user.login, user.email, owner.login, owner.name, owner.main_account_code)
        weakness = passwords.find_weakness(self.password, names)
        if weakness:
            raise UserError(self._say_weakness(weakness))

    def _say_weakness(self, weakness):
        return {
            "short": self.env._(
                "A password has from %(minimum)s to %(maximum)s characters.",
                minimum=passwords.LENGTH_MIN,
                maximum=sent.TEXT_LENGTH_MAX,
            ),
            "common": self.env._(
                "This password is one of those that are tried first. Take several words instead."
            ),
            "own": self.env._(
                "This password is the name of the account or of the shop. Take several words "
                "instead."
            ),
            "row": self.env._(
                "This password is a row of keys or the same few characters. Take several words "
                "instead."
            ),
        }[weakness]
