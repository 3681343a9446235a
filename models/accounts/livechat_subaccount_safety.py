import pytz

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...tools import addresses, clock
from ...tools.here import read_now


class LivechatSubaccount(models.Model):
    """What keeps a sub-account the person's own: its second factor, its sessions, and from where
    and when it logs in."""

    _inherit = "livechat.subaccount"

    second_factor = fields.Boolean(
        "Second Factor",
        compute="_compute_second_factor",
        help="Whether the person logs in with Odoo's two-factor authentication.",
    )
    second_factor_due = fields.Boolean(related="user_id.second_factor_due", groups=False)

    # Of the log-in only: who is logged in goes on. A main account has no such row, and so cannot
    # lock itself out.
    login_addresses = fields.Char(
        "Logs In From",
        tracking=True,
        length_max=1000,
        help="Ranges of addresses, such as 192.0.2.0/24, with commas between them; empty: from "
        "everywhere. Sessions that are open go on.",
    )
    login_hour_from = fields.Float(
        "Logs In After",
        at_least=0,
        at_most=24,
        aggregator=None,
        tracking=True,
        help="Between these hours of each day, where the person is; the same hour twice: always. "
        "Sessions that are open go on.",
    )
    login_hour_to = fields.Float(
        "Logs In Before", at_least=0, at_most=24, aggregator=None, tracking=True
    )

    @api.constrains("login_addresses")
    def _check_login_addresses(self):
        for subaccount in self:
            wrong = addresses.find_wrong(subaccount.login_addresses)
            if wrong:
                raise ValidationError(
                    self.env._(
                        "%(address)s is no address and no range of addresses, such as "
                        "192.0.2.0/24.",
                        address=wrong,
                    )
                )

    def _find_login_refusal(self, address):
        """Return why this sub-account may not log in now from an address, ``None`` if it may.

        :param address: ``None`` for what the server does by itself, which is from nowhere.
        """
        self.ensure_one()
        # sudo: livechat.subaccount, res.users - what is said of the one who logs in
        row = self.sudo()
        if row.login_addresses and address:
            if not addresses.contain(row.login_addresses, address):
                return self.env._("This account does not log in from this address.")
        start, end = row.login_hour_from, row.login_hour_to
        zone = pytz.timezone(row.user_id.tz or row.main_account_id.tz or "UTC")
        now = clock.to_local(read_now(self.env), zone)
        hour = now.hour + now.minute / 60
        is_in = start <= hour < end if start <= end else hour >= start or hour < end
        if start != end and not is_in:
            return self.env._(
                "This account logs in between %(start)s and %(end)s only.",
                start=_format_hour(start),
                end=_format_hour(end),
            )
        return None

    @api.depends("user_id")
    def _compute_second_factor(self):
        for subaccount in self:
            # sudo: res.users - how its staff logs in is a shop's business
            subaccount.second_factor = subaccount.sudo().user_id._has_second_factor()

    def action_reset_second_factor(self):
        """Take away the second factor of sub-accounts whose person has lost it, and end their
        sessions; the password stays, and where a role asks for it another is to be set up.

        :raise UserError: one has none.
        """
        self._check_manageable()
        for subaccount in self:
            if not subaccount.second_factor:
                raise UserError(self.env._("%(name)s has no second factor.", name=subaccount.name))
        rows = self._sudo_clean()
        rows.user_id._lose_second_factor()
        rows._note("second_factor_reset")
        for row in rows:
            row._message_log(body=self.env._("The second factor was reset."))
        return True

    def action_sessions(self):
        """Show where a sub-account is logged in, with the means to end it.

        :return: an action.
        :raise AccessError: not the caller's to manage.
        """
        self._check_manageable()
        if len(self) != 1:
            raise UserError(self.env._("Look at the sessions of one sub-account at a time."))
        return self.env["livechat.subaccount.sessions"]._open_sessions(self)

    def _end_session(self, identifier):
        """End one session of this sub-account; the caller has checked who asks."""
        user = self._sudo_clean().user_id
        # sudo: res.device - as above
        devices = self.env["res.device"].sudo()
        devices = devices.search(
            [("user_id", "=", user.id), ("session_identifier", "=", identifier)]
        )
        if devices:
            devices._revoke()
            user._look_at_sessions()
            self._note("session_ended", devices[:1].display_name)

    def _find_email_sayer(self):
        """Return who has said the e-mail address of this sub-account, as its log has it."""
        # sudo: mail.tracking.value - who, and nothing else
        tracked = self.env["mail.tracking.value"].sudo()
        # Served by the indexes on the message's record and on the tracked message.
        said = tracked.search(
            [
                ("mail_message_id.model", "=", self._name),
                ("mail_message_id.res_id", "=", self.id),
                ("field_id.name", "=", "email"),
            ],
            order="id desc",
            limit=1,
        )
        # sudo: livechat.subaccount - who made it, with the first address
        return (said or self.sudo()).create_uid

    def _is_mail_foreign(self):
        """Tell whether the mailbox of this sub-account may be somebody else's, who may do less."""
        return self._outgrew(self._find_email_sayer())


def _format_hour(hour):
    minutes = round(hour * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"
