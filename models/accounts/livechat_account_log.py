from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError
from odoo.http import request
from odoo.modules import module

from ...tools import phrase
from ...tools.here import read_now
from ...tools.history import Outlived, Sealed
from ...tools.layers import lay_over_all_models

_VACUUM_LIMIT = 20_000

# Who may write here: this file alone. An object, because no browser can put it into a context.
_BY_LOG = object()

# Of what is counted an account leaves so many rows an hour: one for each address and browser, and
# one for all further. Who tries passwords without end fills no table.
_SOURCES_MAX = 20


class ExportLog(models.AbstractModel):
    """What the people of a shop export is written down, of whatever model."""

    _register = False
    _description = "Base"

    def export_data(self, fields_to_export):
        exported = super().export_data(fields_to_export)
        user = self.env.user
        if self and user._has_shop():
            name = self.env["ir.model"]._get(self._name).name
            if self._name == "discuss.channel":
                # As the page is called from which a shop's people export them.
                name = self.env._("Conversations")
            detail = phrase.label(self.env, name, len(self))
            self.env["livechat.account.log"]._note("exported", user, detail=detail)
        return exported


class LivechatAccountLog(Sealed, models.Model):
    """What happens to the accounts of a shop: who made, changed or closed which, who logged in or
    tried to, and from where.

    Written on the server together with what happens; nobody writes it otherwise. How the fields of
    a sub-account change is told in its own messages.
    """

    _name = "livechat.account.log"
    _description = "Account Log"
    _order = "id desc"
    _rec_name = "event"

    moment = fields.Datetime(
        "When", default=lambda self: read_now(self.env), required=True, index=True, readonly=True
    )
    event = fields.Selection(
        [
            ("created", "Made"),
            ("link", "Activation or password link made"),
            ("activated", "Activated"),
            ("password", "Password changed"),
            ("password_lost", "Password ended"),
            ("key", "API key made"),
            ("passkey", "Passkey made"),
            ("second_factor_reset", "Second factor reset"),
            ("session_ended", "Session ended"),
            ("role_given", "Role given"),
            ("role_taken", "Role taken away"),
            ("permission_given", "Permission put into a role"),
            ("permission_taken", "Permission taken out of a role"),
            ("enabled", "Enabled"),
            ("disabled", "Disabled"),
            ("deleted", "Deleted"),
            ("left", "Left its main account"),
            ("exported", "Records exported"),
            ("transcript", "Transcript mailed"),
            ("login", "Logged in"),
            ("login_failed", "Log-in failed"),
            ("login_refused", "Log-in refused by its hours or addresses"),
        ],
        "What",
        required=True,
        readonly=True,
    )
    account_id = Outlived("res.users", "Account")
    account_name = fields.Char(
        "Of",
        readonly=True,
        help="Whose account it is, by its name and login at the time.",
        falsy_value_label=phrase.NOBODY,
    )
    user_id = Outlived("res.users", "User")
    user_name = fields.Char(
        "By",
        readonly=True,
        help="Who did it, by the name at the time; empty for the server.",
        falsy_value_label=phrase.SERVER,
    )
    main_account_id = Outlived("res.users", "Main Account")
    # By its contact a person is found after the account is deleted.
    account_partner_id = Outlived("res.partner", groups=fields.NO_ACCESS)
    user_partner_id = Outlived("res.partner", groups=fields.NO_ACCESS)
    detail = fields.Char("Details", readonly=True)
    address = fields.Char(
        "From Address",
        readonly=True,
        help="Empty for what the server did by itself, and for log-ins from very many addresses.",
        falsy_value_label=phrase.NO_ADDRESS,
    )
    browser = fields.Char("From Browser", readonly=True)
    times = fields.Integer(
        default=1,
        readonly=True,
        aggregator="sum",
        help="Log-ins of one hour from the same address and browser are one row.",
    )
    last_moment = fields.Datetime("Last Time", readonly=True)
    counted_as = fields.Char(readonly=True, groups=fields.NO_ACCESS)

    _counted_as_uniq = models.UniqueIndex("(counted_as)")

    def _post_model_setup__(self):
        super()._post_model_setup__()
        lay_over_all_models(self.env.registry, ExportLog)

    @api.depends("event", "account_name")
    @api.depends_context("lang")
    def _compute_display_name(self):
        words = dict(self._fields["event"]._description_selection(self.env))
        for row in self:
            row.display_name = words.get(row.event)
            if row.account_name:
                name = phrase.label(self.env, row.display_name, row.account_name)
                row.display_name = name

    # ------------------------------------------------------------
    # Nobody writes history
    # ------------------------------------------------------------

    def _check_sealed(self):
        if self.env.context.get("livechat_account_log") is not _BY_LOG:
            raise AccessError(self.env._("The account log cannot be edited."))

    @api.autovacuum
    def _gc_old_rows(self):
        days = self.env["res.config.settings"]._get_account_log_days()
        if not days:
            return 0, False
        rows = self.with_context(livechat_account_log=_BY_LOG).search(
            [("moment", "<", fields.Datetime.subtract(read_now(self.env), days=days))],
            order="id",
            limit=_VACUUM_LIMIT,
        )
        rows.unlink()
        return len(rows), len(rows) == _VACUUM_LIMIT

    # ------------------------------------------------------------
    # Writing rows
    # ------------------------------------------------------------

    @api.model
    def _note(self, event, accounts, detail=None, shops=None):
        """Write down that something happens to these accounts now, by whoever asks for it.

        :param accounts: ``res.users``; none, for what is about a role.
        :param detail: words beside it, such as the name of a role.
        :param shops: whose it is, if it is about no account: main accounts.
        """
        if not accounts and not shops:
            return
        source = self._get_source()
        # sudo: res.users - names in a row of the log
        accounts = accounts.sudo()
        pairs = [(account, account._get_shop_owner()) for account in accounts]
        pairs += [(accounts.browse(), shop) for shop in shops or ()]
        # sudo: livechat.account.log - whoever does something to an account leaves a trace
        self.sudo().with_context({"livechat_account_log": _BY_LOG}).create(
            [
                {
                    **source,
                    **self._get_doer(),
                    "event": event,
                    "account_id": account.id,
                    "account_name": self._get_account_name(account),
                    "account_partner_id": account.partner_id.id,
                    "main_account_id": shop.id,
                    "detail": detail,
                }
                for account, shop in pairs
            ]
        )

    @api.model
    def _count(self, event):
        """Count that whoever asks, an account of a shop, logs in or fails to.

        Committed at once: a log-in that fails takes with it what its transaction wrote.
        """
        # sudo: res.users - one's own shop and name
        account = self.env.user.sudo()
        now = read_now(self.env)
        values = {
            **self._get_source(),
            "event": event,
            "account_id": account.id,
            "account_name": self._get_account_name(account),
            "account_partner_id": account.partner_id.id,
            "main_account_id": account._get_shop_owner().id,
            "user_partner_id": account.partner_id.id if event == "login" else None,
            "user_name": account.name if event == "login" else None,
            "user_id": account.id if event == "login" else None,
            "now": now,
            "hour": f"{event} {account.id} {now:%Y-%m-%d %H}",
            "most": _SOURCES_MAX,
        }
        if module.current_test:
            self._count_up(self.env.cr, values)
        else:
            with self.env.registry.cursor() as cr:
                cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
                self._count_up(cr, values)

    @api.model
    def _is_new_place(self):
        """Tell whether the caller logs in now with a browser or from an address that its log does
        not know; the first log-in of all is none."""
        source = self._get_source()
        # sudo: livechat.account.log - the rows of the caller itself. Served by the index on
        # account_id.
        known = self.sudo()._read_group(
            [("account_id", "=", self.env.uid), ("event", "=", "login")], ["address", "browser"]
        )
        addresses, browsers = zip(*known, strict=True) if known else ((), ())
        return bool(known) and not (
            (source["address"] or False) in addresses and (source["browser"] or False) in browsers
        )

    @api.model
    def _count_up(self, cr, values):
        # Served by the index on account_id and the unique one on counted_as.
        cr.execute(
            """
            WITH known AS (
                SELECT count(*) < %(most)s OR bool_or(counted_as = %(key)s) AS is_told
                  FROM livechat_account_log
                 WHERE account_id = %(account_id)s
                   AND event = %(event)s
                   AND counted_as LIKE %(like)s
            )
            INSERT INTO livechat_account_log AS log (
                event, account_id, account_name, account_partner_id,
                user_id, user_name, user_partner_id, main_account_id,
                address, browser, times, moment, last_moment, counted_as
            )
            SELECT %(event)s, %(account_id)s, %(account_name)s, %(account_partner_id)s,
                   %(user_id)s, %(user_name)s, %(user_partner_id)s, %(main_account_id)s,
                   CASE WHEN is_told THEN %(address)s END,
                   CASE WHEN is_told THEN %(browser)s END,
                   1, %(now)s, %(now)s,
                   CASE WHEN is_told THEN %(key)s ELSE %(hour)s END
              FROM known
                ON CONFLICT (counted_as) DO UPDATE
               SET times = log.times + 1, last_moment = EXCLUDED.last_moment
            """,
            {
                **values,
                "key": f"{values['hour']} {values['address']} {values['browser']}",
                "like": f"{values['hour']}%",
            },
        )
        self.invalidate_model()

    @api.model
    def _search_of(self, partner, shops):
        """Return what the log of shops holds about a person: what happened to its account, and what
        it did.

        :param partner: the contact of the account, also of one that is deleted.
        :param shops: main accounts.
        """
        # sudo: livechat.account.log - the caller has checked whose person it is
        return self.sudo().search(
            [
                ("main_account_id", "in", shops.ids),
                *("|", ("account_partner_id", "=", partner.id)),
                ("user_partner_id", "=", partner.id),
            ],
            order="id",
        )

    @api.model
    def _export_person(self, partner, shops):
        """Return in words what :meth:`_search_of` finds. From where others did something to the
        account is theirs."""
        events = dict(self._fields["event"]._description_selection(self.env))
        return [
            {
                "moment": row.moment,
                "last": row.last_moment,
                "what": events[row.event],
                "of": row.account_name,
                "by": row.user_name,
                "details": row.detail,
                "times": row.times,
                **(
                    {"address": row.address, "browser": row.browser}
                    if row._comes_from(partner)
                    else {}
                ),
            }
            for row in self._search_of(partner, shops)
        ]

    @api.model
    def _forget_person(self, partner, shops, other):
        """Take a person out of what :meth:`_search_of` finds: its names, and from where it came.

        That something happened to an account, when, and who did it stays: without it a shop could
        not tell any more who had been given what.

        :param other: what it is called from now on.
        """
        log = self.with_context({"livechat_account_log": _BY_LOG})
        for row in log._search_of(partner, shops):
            values = {}
            if row.account_partner_id == partner:
                values["account_name"] = other
            if row.user_partner_id == partner:
                values["user_name"] = other
            if row._comes_from(partner):
                # Addresses and browsers are part of by what log-ins are counted.
                values.update(address=False, browser=False, counted_as=False)
            row.write(values)

    def _comes_from(self, partner):
        """Tell whether it is this person's address and browser: it did it, or somebody nobody knows
        did it as this person."""
        self.ensure_one()
        return self.user_partner_id == partner or not self.user_name

    @api.model
    def _get_doer(self):
        """Return who does what is being noted; nobody, for the server by itself."""
        user = self.env.user
        if self.env.uid == SUPERUSER_ID or user._is_public():
            return {"user_id": False, "user_name": False, "user_partner_id": False}
        # sudo: res.users - one's own name
        user = user.sudo()
        return {"user_id": user.id, "user_name": user.name, "user_partner_id": user.partner_id.id}

    @api.model
    def _get_account_name(self, account):
        # Of the contact: while an account is being created its own name is not there yet, and that
        # would be remembered.
        return f"{account.partner_id.name} ({account.login})" if account else False

    @api.model
    def _get_source(self):
        """Return from where the request comes: an address, and a browser by its name."""
        if not request:
            return {"address": None, "browser": None}
        agent = request.httprequest.user_agent
        names = [name.capitalize() for name in (agent.browser, agent.platform) if name]
        return {
            "address": request.httprequest.remote_addr or None,
            "browser": " · ".join(names) or None,
        }
