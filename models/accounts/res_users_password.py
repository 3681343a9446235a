from odoo import SUPERUSER_ID, models
from odoo.exceptions import UserError

from ...tools import passwords, sent


class ResUsers(models.Model):
    """What is asked of the passwords of a shop's people, beside what Odoo's own policy asks of
    everybody's."""

    _inherit = "res.users"

    def _set_password(self):
        # sudo: res.users - whose people they are
        people = self.filtered(lambda user: user.sudo()._get_shop_owner())
        for user in people:
            user._check_new_password()
        result = super()._set_password()
        self.env["livechat.account.log"]._note("password", people)
        return result

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
