import hashlib
import re
import secrets
from datetime import timedelta
from types import SimpleNamespace

from markupsafe import Markup

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tools import format_datetime, formataddr
from odoo.tools.urls import urljoin

from ...dispatch.ledger import door
from ...tools import here, names, phrase, sent
from ...tools.here import read_now
from ...tools.sender import get_sender
from ...tools.sentinels import MENDING

# What a main account says that is kept on the row and not on the user.
_OWN = ("login_addresses", "login_hour_from", "login_hour_to")

# Of a sub-account that is the caller's own, what it says itself.
_OWN_PAUSE = frozenset({"dispatch_paused", "dispatch_paused_until"})

# Of what is kept on the user: whoever manages the sub-account reads and says it here.
_SAID = {"readonly": False, "groups": False}


class LivechatSubaccount(sent.Reader, models.Model):
    """A member of a shop's staff, as its main account manages it.

    A plain model beside ``res.users``, on which a main account has no write access at all: the
    methods here check who asks, whom it is about and what may be said, and only then write to the
    user, with values built on the server. What can be said and is kept on the user are the fields
    that are related to it and not read-only; nothing else of a user is ever written for a main
    account.
    """

    _name = "livechat.subaccount"
    _description = "Sub-account"
    _inherit = ["mail.thread"]
    _order = "main_account_id, name, id"

    user_id = fields.Many2one(
        "res.users",
        "User",
        required=True,
        readonly=True,
        copy=False,
        index=True,
        ondelete="cascade",
    )
    main_account_id = fields.Many2one(
        "res.users",
        "Main Account",
        related="user_id.main_account_id",
        store=True,
        index=True,
        readonly=True,
        groups=False,
        falsy_value_label=phrase.NO_MAIN_ACCOUNT,
    )
    name = fields.Char(
        related="user_id.name", store=True, readonly=False, copy=False, tracking=True
    )
    login = fields.Char(related="user_id.login", store=True, tracking=True, **_SAID)
    email = fields.Char(related="user_id.email", store=True, readonly=False, tracking=True)
    phone = fields.Char(related="user_id.phone", readonly=False)
    lang = fields.Selection(related="user_id.lang", readonly=False)
    image_1920 = fields.Image(related="user_id.image_1920", readonly=False)
    avatar_128 = fields.Image(related="user_id.avatar_128")
    livechat_username = fields.Char(
        related="user_id.livechat_username",
        **_SAID,
        help="The name buyers see; the login is never shown to them.",
    )
    livechat_lang_ids = fields.Many2many("res.lang", related="user_id.livechat_lang_ids", **_SAID)
    livechat_expertise_ids = fields.Many2many(
        "im_livechat.expertise", related="user_id.livechat_expertise_ids", **_SAID
    )
    channel_ids = fields.Many2many(
        "im_livechat.channel",
        string="Channels",
        compute="_compute_channel_ids",
        readonly=False,
        help="The shop's channels where this sub-account receives buyers.",
    )
    dispatch_group_ids = fields.Many2many(
        "livechat.dispatch.group",
        string="Groups",
        compute="_compute_dispatch_group_ids",
        readonly=False,
        help="The dispatch groups whose buyers this sub-account receives.",
    )
    dispatch_weight = fields.Integer(
        related="user_id.dispatch_weight", store=True, aggregator=None, tracking=True, **_SAID
    )
    dispatch_paused = fields.Boolean(
        related="user_id.dispatch_paused", store=True, tracking=True, **_SAID
    )
    dispatch_paused_until = fields.Datetime(related="user_id.dispatch_paused_until", **_SAID)
    dispatch_pause_above = fields.Integer(related="user_id.dispatch_pause_above", **_SAID)
    dispatch_resume_below = fields.Integer(related="user_id.dispatch_resume_below", **_SAID)
    dispatch_calendar_id = fields.Many2one(related="user_id.dispatch_calendar_id", **_SAID)
    state = fields.Selection(
        [("pending", "Not activated"), ("enabled", "Enabled"), ("disabled", "Disabled")],
        compute="_compute_state",
        store=True,
        tracking=True,
        group_expand="_order_states",
    )
    role_ids = fields.Many2many(
        "livechat.role", string="Roles", tracking=True, falsy_value_label=phrase.NO_ROLE
    )
    permission_ids = fields.Many2many(
        "livechat.permission", string="Permissions", compute="_compute_permission_ids"
    )
    rights_differ = fields.Boolean(
        compute="_compute_rights_differ",
        help="Somebody has changed the access groups of the user or of a role elsewhere.",
    )
    has_user_roles = fields.Boolean(compute="_compute_has_user_roles")
    can_manage = fields.Boolean(
        compute="_compute_can_manage", help="Whether the reader may change more than the dispatch."
    )
    can_dispatch = fields.Boolean(
        compute="_compute_can_manage", help="Whether the reader may change how it is dispatched."
    )
    can_pause = fields.Boolean(
        compute="_compute_can_manage", help="Whether the reader may pause it; agents do themselves."
    )
    activated_on = fields.Datetime(readonly=True, copy=False)
    activation_token_hash = fields.Char(readonly=True, copy=False, groups=fields.NO_ACCESS)
    activation_expiration = fields.Datetime("Link Valid Until", readonly=True, copy=False)
    # Who made the open link, and the one with which the password was set: they may know it.
    link_maker_id = fields.Many2one(
        "res.users", ondelete="set null", readonly=True, copy=False, groups=fields.NO_ACCESS
    )
    password_maker_id = fields.Many2one(
        "res.users",
        index="btree_not_null",
        ondelete="set null",
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
    )
    waits_for_owner = fields.Boolean(
        "Waits for a Main Account",
        readonly=True,
        copy=False,
        help="Disabled because its main account is gone; an administrator hands the shop over.",
    )
    shares_company = fields.Boolean(compute="_compute_shares_company")
    login_date = fields.Datetime(related="user_id.login_date", string="Last Login")
    last_presence = fields.Datetime("Last Seen", compute="_compute_last_presence")
    presence = fields.Selection(
        [("online", "Online"), ("away", "Away"), ("offline", "Offline")],
        compute="_compute_presence",
    )
    open_chat_count = fields.Integer("Open Chats", compute="_compute_open_chat_count")

    _user_uniq = models.Constraint("UNIQUE (user_id)", "This user is a sub-account already.")
    _activation_token_hash_idx = models.UniqueIndex("(activation_token_hash)")

    @api.depends("name")
    @api.depends_context("uid")
    def _compute_display_name(self):
        # sudo: livechat.subaccount - taken away, except from the server's own user: Odoo shows what
        # a many-to-one refers to with sudo, whoever chose it
        readable = self.sudo(self.env.uid == SUPERUSER_ID)._filtered_access("read")
        for subaccount in self:
            subaccount.display_name = (
                subaccount.name if subaccount in readable else self.env._("Sub-account")
            )

    @api.depends("user_id.active", "activated_on")
    def _compute_state(self):
        for subaccount in self:
            former = "disabled" if subaccount.activated_on else "pending"
            subaccount.state = "enabled" if subaccount.user_id.active else former

    @api.model
    def _order_states(self, states, domain):
        """Return which columns there are, and in which order: on a phone only the first is seen."""
        return [state for state in ("enabled", "pending", "disabled") if state in states]

    @api.depends("user_id.livechat_channel_ids")
    def _compute_channel_ids(self):
        for subaccount in self:
            # sudo: res.users, im_livechat.channel - where its staff serves is a shop's business
            subaccount.channel_ids = subaccount.sudo().user_id.livechat_channel_ids

    @api.depends("user_id")
    def _compute_dispatch_group_ids(self):
        # sudo: livechat.dispatch.group, res.users - in which groups its staff is, a shop may know
        groups = self.env["livechat.dispatch.group"].sudo().with_context(active_test=False)
        groups = groups.search([("user_ids", "in", self.sudo().user_id.ids)])
        for subaccount in self:
            # sudo: res.users - as above
            user = subaccount.sudo().user_id
            subaccount.dispatch_group_ids = groups.filtered(
                lambda group, user=user: user in group.user_ids
            ).with_context(self.env.context)

    @api.depends("main_account_id")
    def _compute_shares_company(self):
        for subaccount in self:
            subaccount.shares_company = subaccount.main_account_id._shares_company()

    @api.depends("role_ids.permission_ids")
    def _compute_permission_ids(self):
        for subaccount in self:
            subaccount.permission_ids = subaccount.role_ids.permission_ids

    @api.depends("role_ids", "user_id.group_ids")
    def _compute_rights_differ(self):
        # sudo: livechat.role, res.users, res.groups - whether they differ, no more
        rows = self.sudo()
        role_groups = rows.env["livechat.role"].search([]).group_id
        forbidden = rows.env["livechat.permission"]._get_forbidden_groups()
        for subaccount, row in zip(self, rows, strict=True):
            groups = row.user_id.group_ids
            subaccount.rights_differ = bool(
                groups & role_groups != row.role_ids.group_id
                or groups & forbidden
                or row.role_ids._has_drifted()
            )

    @api.depends("user_id")
    def _compute_has_user_roles(self):
        for subaccount in self:
            subaccount.has_user_roles = subaccount.user_id._has_user_roles()

    @api.depends("role_ids", "user_id.group_ids")
    @api.depends_context("uid")
    def _compute_can_manage(self):
        for subaccount in self:
            # Of one that is new there is nothing yet: who manages makes it.
            row = subaccount._origin
            subaccount.can_manage = row._allows(row._check_manageable)
            subaccount.can_dispatch = subaccount.can_manage or row._allows(
                row._check_manageable, dispatch_only=True
            )
            subaccount.can_pause = subaccount.can_dispatch or row._allows(
                row._check_writable, _OWN_PAUSE
            )

    def _allows(self, check, *args, **kwargs):
        try:
            check(*args, **kwargs)
        except AccessError:
            return False
        return True

    def _compute_last_presence(self):
        # sudo: mail.presence - when its staff was there last is a shop's business
        presences = self.env["mail.presence"].sudo()
        domain = [("user_id", "in", self.user_id.ids)]
        last_by_user = dict(presences._read_group(domain, ["user_id"], ["last_presence:max"]))
        for subaccount in self:
            subaccount.last_presence = last_by_user.get(subaccount.user_id, False)

    def _compute_presence(self):
        now = read_now(self.env)
        # sudo: res.users, mail.presence - whether its staff is here is a shop's business
        for subaccount, row in zip(self, self.sudo(), strict=True):
            presence, by_hand = row.user_id.presence_ids, row.user_id.manual_im_status
            subaccount.presence = here.get_status(presence.status, presence.last_poll, by_hand, now)

    def _compute_open_chat_count(self):
        self.env["discuss.channel"].flush_model(["dispatch_seat_partner_ids"])
        # sudo: discuss.channel, res.users - how many chats its staff has is a shop's business
        chats = self.env["discuss.channel"].sudo()
        seat = "dispatch_seat_partner_ids"
        domain = [(seat, "in", self.sudo().user_id.partner_id.ids)]
        count_by_partner = dict(chats._read_group(domain, [seat], ["__count"]))
        for subaccount in self:
            # sudo: res.users - whose chats they are
            partner = subaccount.sudo().user_id.partner_id
            subaccount.open_chat_count = count_by_partner.get(partner, 0)

    @api.onchange("name", "main_account_id")
    def _onchange_name(self):
        owner = self.main_account_id or self.env.user._get_shop_owner()
        if self.name and owner and not self.login:
            self.login = owner._propose_subaccount_login()

    @api.onchange("name")
    def _onchange_name_defaults(self):
        # What a new user would get: the fields are the user's, who is not there yet.
        if not self._origin:
            self.lang = self.lang or self.env.lang
            weight = self.dispatch_weight or self.env["res.users"]._default_dispatch_weight()
            self.dispatch_weight = weight

    def _may_say(self, name):
        return super()._may_say(name) or (
            name == "main_account_id" and not self and self.env.is_admin()
        )

    @api.model_create_multi
    def create(self, vals_list):
        """Pre-register sub-accounts; nobody can log in before the activation link was used.

        :param vals_list: also with ``main_account_id``, from an administrator.
        :raise AccessError: the caller manages no sub-accounts, or says more than it may.
        :raise ValidationError: a login that is taken, a weight out of range, the limit reached.
        """
        self.check_access("create")
        # A form sends no commands for what was left empty: then the roles say in which channels.
        vals_list = [
            {name: value for name, value in vals.items() if value != []}
            for vals in self.browse()._read_sent(vals_list)
        ]
        user_vals_list = []
        for vals in vals_list:
            owner = self._get_owner(vals)
            user_vals = self._get_user_values({"name": False, **vals})
            if not user_vals.get("login"):
                taken = [other["login"] for other in user_vals_list]
                user_vals["login"] = owner._propose_subaccount_login(taken)
            self._check_login(user_vals["login"], owner)
            self._check_email(user_vals, user_vals_list)
            user_vals_list.append(
                {
                    **user_vals,
                    "active": False,
                    "main_account_id": owner.id,
                    "company_id": owner.company_id.id,
                    "company_ids": [Command.set(owner.company_id.ids)],
                    "group_ids": [Command.set(self.env.ref("base.group_user").ids)],
                }
            )
        roles_list, channels_list, groups_list = (
            [self.browse()._get_chosen(name, vals) for vals in vals_list]
            for name in ("role_ids", "channel_ids", "dispatch_group_ids")
        )
        # sudo: res.users - checked above; all values were built here
        users = self._sudo_clean().env["res.users"].create(user_vals_list)
        self._check_limit(users.main_account_id)
        subaccounts = self.browse(users.subaccount_ids.ids)
        subaccounts._set_roles_of_each(roles_list)
        for subaccount, vals, channels, groups in zip(
            subaccounts, vals_list, channels_list, groups_list, strict=True
        ):
            subaccount._store_own(vals)
            if "channel_ids" in vals:
                subaccount._set_channels(channels)
            if "dispatch_group_ids" in vals:
                subaccount._set_dispatch_groups(groups)
        return subaccounts

    def write(self, vals):
        """Change sub-accounts; see ``create`` for what can be said.

        :raise AccessError: not the caller's to change.
        """
        (vals,) = self._read_sent([vals])
        self._check_writable(vals)
        user_vals = self._get_user_values(vals)
        if "login" in user_vals:
            for subaccount in self:
                if user_vals["login"] != subaccount.login:
                    subaccount._check_login(user_vals["login"], subaccount.main_account_id)
        for number, subaccount in enumerate(self):
            if user_vals.get("email") != subaccount.email:
                subaccount._check_email(user_vals, [user_vals] * number)
        if user_vals:
            # sudo: res.users - checked above; all values were built here
            self._sudo_clean().user_id.write(user_vals)
        self._store_own(vals)
        if "role_ids" in vals:
            self._set_roles_of_each([one._get_chosen("role_ids", vals) for one in self])
        if "channel_ids" in vals:
            for subaccount in self:
                subaccount._set_channels(subaccount._get_chosen("channel_ids", vals))
        if "dispatch_group_ids" in vals:
            for subaccount in self:
                subaccount._set_dispatch_groups(subaccount._get_chosen("dispatch_group_ids", vals))
        # What follows from the user is logged now, before the caller's context has a say in it.
        self._sudo_clean().env.flush_all()
        return True

    def unlink(self):
        """Delete sub-accounts for good; their partners stay as the authors of what they wrote.

        :raise UserError: still enabled, or with chats that nobody has taken over.
        """
        self._check_manageable()
        self._check_deletable()
        # sudo: res.users - checked above
        for user in self._sudo_clean().user_id:
            user._delete_subaccount()
        return True

    def _check_deletable(self):
        for subaccount in self:
            if subaccount.state == "enabled":
                raise UserError(
                    self.env._("%(name)s is enabled; disable it first.", name=subaccount.name)
                )
            if subaccount.open_chat_count:
                raise UserError(
                    self.env._(
                        "%(name)s has open chats; hand them over first.", name=subaccount.name
                    )
                )

    def copy_data(self, default=None):
        sent.expect_ids(self)
        sent.expect_values(self.env, default or {})
        return [
            {
                "name": (default or {}).get("name") or self.env._("%s (copy)", subaccount.name),
                "role_ids": [Command.set(subaccount.role_ids.ids)],
                "dispatch_weight": subaccount.dispatch_weight,
                **(default or {}),
            }
            for subaccount in self
        ]

    @api.model
    def _create_for(self, users):
        """Open the row of users that became sub-accounts, from whatever side."""
        self.env["livechat.account.log"]._note("created", users)
        return super(LivechatSubaccount, self._sudo_clean()).create(
            [
                {
                    "user_id": user.id,
                    "activated_on": read_now(self.env) if user.active else False,
                }
                for user in users
            ]
        )

    def _drop(self):
        """Close the rows of users that are no sub-accounts any more; the users stay."""
        for subaccount in self:
            subaccount._set_roles(self.env["livechat.role"])
        return super().unlink()

    def _note(self, event, detail=None):
        """Write into the account log that something happens to these sub-accounts."""
        self.env["livechat.account.log"]._note(event, self._sudo_clean().user_id, detail)

    def _store(self, vals):
        """Write to the row itself; the caller has checked who asks."""
        # sudo: livechat.subaccount - all values are built on the server
        return super(LivechatSubaccount, self._sudo_clean()).write(vals)

    def _store_own(self, vals):
        """Write, of values that were read, what is kept on the row itself."""
        own = {name: vals[name] for name in _OWN if name in vals}
        if own:
            self._store(own)

    @api.model
    def _load_records(self, data_list, update=False):
        try:
            return super()._load_records(data_list, update=update)
        except UserError as error:
            if len(data_list) == 1:
                raise
            # An import then goes row by row. Core would blame the first row as well otherwise.
            raise ValueError(str(error)) from error

    # ------------------------------------------------------------
    # The account's life
    # ------------------------------------------------------------

    def action_activation_link(self):
        """Make a new link with which the person sets a password; older ones are void from now on.

        For a sub-account that is enabled already it is the way to a new password. The link is
        mailed when the sub-account has an address and the shop can send mail, once a minute and
        twenty times a day for a shop at most, and always shown.

        :return: an action that shows the link, in ``context["default_url"]``.
        :raise UserError: the sub-account is disabled.
        """
        self._check_manageable()
        if len(self) != 1:
            raise UserError(self.env._("A link is for one sub-account."))
        if self.state == "disabled":
            raise UserError(self.env._("%(name)s is disabled; enable it first.", name=self.name))
        token = secrets.token_urlsafe(32)
        self._store(
            {
                "activation_token_hash": _hash(token),
                "activation_expiration": read_now(self.env) + self._get_link_validity(),
                "link_maker_id": self.env.uid,
            }
        )
        url = urljoin(self.get_base_url(), f"/livechat/activate/{token}")
        mailed = self._mail_activation_link(url)
        self._sudo_clean()._message_log(body=self.env._("A new activation link was made."))
        self._note("link")
        return self._show_link(
            url=url,
            name=self.name,
            login=self.login,
            expiration=fields.Datetime.to_string(self.activation_expiration),
            email=self.email if mailed else False,
            is_held_back=mailed is False,
        )

    @api.model
    def _show_link(self, **shown):
        """Return the dialog that shows a link, once.

        :param shown: values of ``livechat.activation.link``.
        """
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Activation Link"),
            "res_model": "livechat.activation.link",
            "views": [(False, "form")],
            "target": "new",
            "context": {f"default_{name}": value for name, value in shown.items()},
        }

    def action_enable(self):
        """Let disabled sub-accounts log in and receive buyers again; their credit starts at zero.

        :raise UserError: one was never activated.
        """
        self._check_manageable()
        for subaccount in self:
            if subaccount.state == "pending":
                raise UserError(
                    self.env._(
                        "%(name)s has not been activated yet: send the activation link.",
                        name=subaccount.name,
                    )
                )
        disabled = self.filtered(lambda subaccount: subaccount.state == "disabled")
        for owner in disabled.main_account_id:
            if not owner._runs_shop():
                raise UserError(
                    self.env._(
                        "%(owner)s runs no shop any more: an administrator hands it over first.",
                        owner=owner.display_name,
                    )
                )
        self._check_limit(disabled.main_account_id)
        # sudo: res.users - checked above
        disabled._sudo_clean().user_id.write({"active": True})
        return True

    def action_apply_roles(self):
        """Give the access groups of the roles again, no less and no more, whoever changed them
        elsewhere; what an administrator gave by hand within the boundary stays."""
        self._check_manageable()
        # What goes beyond the boundary goes, one by one: meanwhile the others are still there.
        rows = self._sudo_clean().with_context(livechat_mending=MENDING)
        agents = rows.user_id.filtered(lambda user: user._has_agent_group())
        rows.role_ids._apply_permissions()
        forbidden = rows.env["livechat.permission"]._get_forbidden_groups()
        for user in rows.user_id:
            if beyond := user.group_ids & forbidden:
                user.write({"group_ids": [Command.unlink(group.id) for group in beyond]})
        rows._apply_roles(agents)
        for row in rows:
            row._message_log(body=self.env._("The rights of the roles were applied again."))
        return True

    def action_disable(self):
        """Refuse the login of sub-accounts at once and dispatch their open chats again.

        :raise UserError: one was never activated.
        """
        self._disable()
        return True

    def action_disable_wizard(self):
        """Ask who takes over the open chats, then disable."""
        self._check_manageable()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Disable Sub-accounts"),
            "res_model": "livechat.subaccount.disable",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_subaccount_ids": [Command.set(self.ids)]},
        }

    def _disable(self, successor=None):
        """Disable, and give the open chats to ``successor``, or dispatch them again.

        :param successor: a sub-account of the same shop that may receive buyers.
        """
        self._check_manageable()
        for subaccount in self:
            if subaccount.state == "pending":
                raise UserError(
                    self.env._(
                        "%(name)s was never activated; delete it instead.", name=subaccount.name
                    )
                )
        agent = self.env["res.users"]
        if successor:
            if successor in self or successor.main_account_id != self.main_account_id:
                raise UserError(self.env._("Choose somebody else of this shop for the chats."))
            agent = successor._sudo_clean().user_id
            if successor.state != "enabled" or not agent._has_agent_group():
                raise UserError(self.env._("%(name)s cannot receive buyers.", name=successor.name))
        # sudo: res.users - checked above
        leavers = self._sudo_clean().user_id.filtered("active")
        if agent:
            self.env["livechat.announcement"]._agent_leaves(leavers, agent)
        leavers.write({"active": False})

    def action_delete(self):
        """Delete disabled or pending sub-accounts; see ``unlink``."""
        self.unlink()
        return {
            "type": "ir.actions.act_window",
            "res_model": "livechat.subaccount",
            "name": self.env._("Sub-accounts"),
            "views": [(False, "list"), (False, "kanban"), (False, "form")],
            "target": "main",
        }

    def _get_link_validity(self):
        # The same settings as core's own invitation and reset links.
        name, hours = (
            ("auth_signup.signup.validity.hours", 144)
            if self.state == "pending"
            else ("auth_signup.reset_password.validity.hours", 4)
        )
        # sudo: ir.config_parameter - how long links live is no secret
        return timedelta(hours=int(self.env["ir.config_parameter"].sudo().get_param(name, hours)))

    def _mail_activation_link(self, url):
        """Mail the link, see :meth:`_mail`."""

        def describe(env):
            # An object, so that no browser can send it to the template.
            link = SimpleNamespace(
                name=self.name,
                login=self.login,
                owner_name=self.main_account_id.name,
                url=url,
                expiration=format_datetime(env, self.activation_expiration),
            )
            subject = env._("%(owner)s invites you to its live chat", owner=link.owner_name)
            # sudo: ir.qweb - all of it is built here
            templates = env["ir.qweb"].sudo()
            return subject, templates._render(
                "im_livechat_subaccount.activation_mail", {"link": link}
            )

        return self._mail(describe)

    def _mail(self, describe):
        """Mail something to the person if mail works and not too much was mailed.

        :param describe: called with the person's environment; returns subject and body.
        :return: whether it was queued; ``None`` when it cannot be mailed at all.
        """
        # sudo: ir.mail_server - whether mail works is no secret
        works = self.env["ir.mail_server"].sudo().search_count([], limit=1)
        if not (self.email and works):
            return None
        owner = self.main_account_id
        if not (sender := owner.email_formatted or get_sender(owner.company_id)):
            return None
        if not door.may_mail(self.env, "activation mail", str(self), str(owner)):
            return False
        subject, body = describe(self.with_context(lang=self.lang or self.env.lang).env)
        # sudo: mail.mail - all of it is built here. Attached to no record: whoever can see the
        # sub-account must not find the link in its mail.
        self.env["mail.mail"].sudo().create(
            {
                "subject": names.say_in_one_line(subject),
                "body_html": body,
                "email_to": formataddr((names.say_in_one_line(self.name), self.email)),
                "email_from": sender,
                "auto_delete": True,
            }
        )
        # sudo: ir.cron - mail that waits for its turn goes out soon
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()
        return True

    # Core mails with whatever view or text somebody names, about whatever record: this is for those
    # who manage the sub-account.

    def message_mail_with_source(self, source_ref, **kwargs):
        self._check_manageable()
        return super().message_mail_with_source(source_ref, **kwargs)

    def message_post_with_source(self, source_ref, **kwargs):
        self._check_manageable()
        return super().message_post_with_source(source_ref, **kwargs)

    def message_notify(self, **kwargs):
        self._check_manageable()
        return super().message_notify(**kwargs)

    @api.model
    def _find_by_token(self, token):
        """Return the sub-account an activation link belongs to, while the link is valid."""
        if not sent.is_text(token) or not token.isascii():
            return self.browse()
        # sudo: livechat.subaccount - whoever has the token is the person
        return self.sudo().search(
            [
                ("activation_token_hash", "=", _hash(token)),
                ("activation_expiration", ">", read_now(self.env)),
                ("state", "!=", "disabled"),
            ]
        )

    def _activate(self, password):
        """Set the password of the person who holds the activation link and let them in.

        :raise UserError: a password that is weak, see :mod:`tools.passwords`, or too long.
        """
        self.ensure_one()
        # sudo: res.users - whoever has the link is the person, and sets its own password
        user = self._sudo_clean().user_id
        user = user.with_user(user).sudo()
        if not password or not sent.is_text(password):
            raise UserError(user._say_weakness("short"))
        # sudo: livechat.subaccount - who made the link the person holds
        maker = self.sudo().link_maker_id
        # The link is spent before anything else, so that of two that come at once one fails.
        self._void_links()
        user.write({"password": password, "active": True})
        self._store({"password_maker_id": maker.id})

    # ------------------------------------------------------------
    # Who may do what
    # ------------------------------------------------------------

    def _check_writable(self, names):
        """Refuse to change what is not the caller's to change of these sub-accounts.

        :param names: of the fields.
        """
        if names and _OWN_PAUSE.issuperset(names) and self.user_id == self.env.user:
            self.check_access("write")
            self.user_id._check_pause()
        else:
            self._check_manageable(
                dispatch_only=all(name.startswith("dispatch_") for name in names)
            )

    def _check_manageable(self, dispatch_only=False):
        """Refuse to touch sub-accounts that are not the caller's to manage.

        A main account manages those of its shop. A sub-account manager those of its shop who have
        no more permissions than itself, and never itself. A dispatch manager only how they are
        dispatched, and never itself.
        """
        sent.expect_ids(self)
        if self.env.is_admin():
            return
        self.check_access("write")
        user = self.env.user
        shop = user._get_shop_owner()
        # sudo: livechat.subaccount - to compare
        for subaccount in self.sudo():
            if not shop or subaccount.main_account_id != shop:
                raise AccessError(self.env._("This sub-account belongs to another shop."))
            if subaccount.user_id == user:
                raise AccessError(self.env._("Nobody manages their own account."))
        if user == shop:
            return
        if dispatch_only and user.has_group("im_livechat_subaccount.group_dispatch_manager"):
            return
        if not user.has_group("im_livechat_subaccount.group_subaccount_manager"):
            raise AccessError(self.env._("You can change how agents are dispatched, no more."))
        # sudo: livechat.subaccount - who made whom, to compare
        if self.sudo() & user._get_subaccount()._get_makers():
            raise AccessError(self.env._("Nobody manages who made their own account."))
        # sudo: livechat.role, res.groups - what they may do, to compare it with the caller's rights
        if self.sudo()._reaches_beyond(user):
            raise AccessError(
                self.env._("You cannot manage somebody who has more permissions than you.")
            )

    def _get_makers(self):
        """Return the sub-accounts that made this one, those that made them, and so on."""
        makers, row = self.browse(), self
        while maker := row.create_uid._get_subaccount() - makers - self:
            makers |= maker
            row = maker
        return makers

    def _get_groups_by_hand(self):
        """Return the access groups these sub-accounts have besides their roles."""
        groups = self.user_id.group_ids - self.role_ids.group_id
        return groups.all_implied_ids

    @api.model
    def _get_owner(self, vals):
        """Return the main account that a new sub-account will belong to.

        :raise AccessError: it is not the caller's shop, or the caller manages no sub-accounts.
        """
        own = self.env.user._get_shop_owner()
        named = vals.get("main_account_id")
        if self.env.is_admin():
            # sudo: res.users - an administrator of accounts names a main account
            owner = self.env["res.users"].sudo().search([("id", "=", named or own.id)])
            if not owner:
                raise ValidationError(self.env._("A sub-account needs a main account."))
            return owner
        manages = self.env.user.has_group("im_livechat_subaccount.group_subaccount_manager")
        if not own or not manages:
            raise AccessError(self.env._("You do not manage sub-accounts."))
        if named and named != own.id:
            raise AccessError(self.env._("This sub-account would belong to another shop."))
        return own

    @api.model
    def _check_limit(self, owners):
        limit = self.env["res.config.settings"]._get_subaccount_limit()
        for owner in owners if limit else ():
            # sudo: livechat.subaccount - all of the shop count
            if self.sudo().search_count([("main_account_id", "=", owner.id)]) > limit:
                raise ValidationError(
                    self.env._(
                        "A main account has at most %(limit)s sub-accounts; see Settings.",
                        limit=limit,
                    )
                )

    def _check_login(self, login, owner):
        """Refuse a login that is taken, malformed, or looks like another shop's.

        :raise ValidationError:
        """
        if not login or re.search(r"[\s\x00-\x1f]", login):
            raise ValidationError(self.env._("A login has no spaces and is not empty."))
        # sudo: res.users - a login is unique among all users, whoever may read them
        users = self.env["res.users"].sudo().with_context(active_test=False)
        code, colon, _name = names.fold(login).partition(":")
        if colon and code != owner._get_main_account_code():
            if users.search_count([("main_account_code", "=", code)], limit=1):
                raise ValidationError(
                    self.env._("Logins that start with %(code)s: are another shop's.", code=code)
                )
        self._check_own_name(login)

    def _check_email(self, vals, others):
        """Refuse an e-mail address that is another's; see :meth:`_check_own_name`.

        :param others: values of sub-accounts that are saved together with this one.
        """
        email = vals.get("email")
        if not email:
            return
        if names.fold(email) in (names.fold(other.get("email") or "") for other in others):
            raise ValidationError(self.env._("%(name)s is taken.", name=email))
        self._check_own_name(email)

    def _check_own_name(self, name, users=None):
        """Refuse a login or an e-mail address that is another's, or looks like it.

        Odoo takes either for the other when somebody asks for a new password.

        :param users: whose it is to be, if not these sub-accounts'.
        :raise ValidationError:
        """
        if not names.is_plain(name):
            raise ValidationError(
                self.env._(
                    "%(name)s has invisible letters, or letters of several scripts in a word.",
                    name=name,
                )
            )
        folded = names.fold(name)
        like = folded.replace("\\", r"\\").replace("_", r"\_").replace("%", r"\%")
        # sudo: res.users - as above; of the own two one may be the other
        users = (users or self.sudo().user_id).sudo().with_context(active_test=False)
        domain = ["|", ("login", "=ilike", like), ("email", "=ilike", like)]
        if users.search_count([("id", "not in", users.ids), *domain], limit=1):
            raise ValidationError(self.env._("%(name)s is taken.", name=name))

    def _get_user_values(self, vals):
        """Return what is to be written to the user, of values that were read.

        :raise ValidationError: no name, or the end of a pause is past.
        """
        values = {
            name: value
            for name, value in vals.items()
            if self._fields[name].related and name != "main_account_id"
        }
        if values.get("login"):
            values["login"] = names.fold(values["login"])
        if not values.get("name", True):
            raise ValidationError(self.env._("A sub-account needs a name."))
        if not values.get("lang", True):
            # Nothing chosen in the form; users always have a language.
            del values["lang"]
        if "dispatch_paused_until" in values:
            until = self.env["res.users"]._read_until(values["dispatch_paused_until"])
            values["dispatch_paused_until"] = until
        return values

    def _get_chosen(self, name, vals):
        """Return the records that values which were read leave in a relation.

        :raise AccessError: groups, and the caller manages none.
        """
        manager = "im_livechat_subaccount.group_dispatch_manager"
        may_choose = self.env.is_admin() or self.env.user.has_group(manager)
        if name == "dispatch_group_ids" and name in vals and not may_choose:
            raise AccessError(self.env._("You do not manage dispatch groups."))
        return sent.get_chosen(self[name], vals.get(name, []))

    def _void_links(self):
        """Make the activation links of these sub-accounts worthless."""
        self._store(
            {
                "activation_token_hash": False,
                "activation_expiration": False,
                "link_maker_id": False,
            }
        )

    @api.model
    def _end_secrets_of_lesser(self, makers=None):
        """Void the links and passwords of those who may do more by now than whoever made the link,
        and let others whose maker manages them no more take another password.

        The maker may have used it, and would be let in where it cannot give itself the right to be.

        :param makers: of what these users have made, of nobody else's.
        """
        made = ("!=", False) if makers is None else ("in", makers.ids)
        # sudo: livechat.subaccount - whoever gave them more
        rows = self.sudo().with_context(active_test=False)
        rows = rows.search(["|", ("link_maker_id", *made), ("password_maker_id", *made)])
        rows.filtered(
            lambda row: row._outgrew(row.link_maker_id) or not row._is_managed_by(row.link_maker_id)
        )._void_links()
        for row in rows:
            maker = row.password_maker_id
            if row._outgrew(maker):
                row._end_password()
            elif maker != row.main_account_id and not row._is_managed_by(maker):
                row._doubt_password()

    def _doubt_password(self):
        """Let the person set another password: who made the link for the present one manages this
        account no more, and may know it. Nobody is locked out, as would be a whole team at once."""
        user = self._sudo_clean().user_id
        if user.password_is_foreign:
            return
        user.password_is_foreign = True
        user._end_keys()
        user._end_sessions()
        self._note("password_lost")
        self._sudo_clean()._message_log(
            body=self.env._(
                "Another password is asked for at the next log-in: whoever made the link for the "
                "present one manages this account no more."
            )
        )

    def _end_password(self):
        """End the password of somebody who may do more by now than whoever made the link for it."""
        self._store({"password_maker_id": False})
        user = self._sudo_clean().user_id
        user._lose_password()
        user._end_keys()
        user._end_sessions()
        self._note("password_lost")
        self._sudo_clean()._message_log(
            body=self.env._(
                "The password has ended: whoever made the link for it may do less than this "
                "account now. Make a new activation link."
            )
        )
        if self.state == "enabled":
            self._ask_for_password()

    def _is_managed_by(self, maker):
        """Tell whether who made a link for this sub-account may make one now; nobody has."""
        shop = self.main_account_id
        # OdooBot is never active.
        if not maker or maker.id == SUPERUSER_ID or (maker.active and maker._is_admin()):
            return True
        is_ours = maker == shop or maker.main_account_id == shop
        manager = "im_livechat_subaccount.group_subaccount_manager"
        return bool(is_ours and maker.active and maker._filter_given(manager))

    def _ask_for_password(self):
        """Tell somebody whose password has ended, and the main account, how there is a new one.

        No link goes out by itself: where it would be mailed may be a lesser manager's word.
        """
        owner = self.main_account_id

        def describe(env):
            text = env._(
                "Your password for %(login)s has ended, because you may do more now. Ask "
                "%(owner)s for a link with which you set a new one.",
                login=self.login,
                owner=owner.name,
            )
            subject = env._("%(owner)s: you need a new password", owner=owner.name)
            return subject, Markup("<p>{}</p>").format(text)

        self._mail(describe)
        env = owner.with_context(lang=owner.lang or self.env.lang).env
        owner._bus_send(
            "simple_notification",
            {
                "type": "warning",
                "sticky": True,
                "message": env._(
                    "%(name)s needs a new password now: see to the e-mail address, and make a new "
                    "activation link.",
                    name=self.name,
                ),
            },
        )

    def _outgrew(self, maker):
        """Tell whether this sub-account may do more than who made a link for it."""
        if not maker or maker == self.main_account_id or maker._is_admin() or maker == self.user_id:
            return False
        return self._reaches_beyond(maker)

    def _reaches_beyond(self, user):
        """Tell whether these sub-accounts may do or see more than the user."""
        return self.role_ids._reaches_beyond(user) or bool(
            self._get_groups_by_hand() - user.all_group_ids
        )

    def _set_roles_of_each(self, roles_list):
        """Give each of these sub-accounts its roles; together those who get the same, because each
        change of groups makes Odoo look at all of them."""
        for roles in set(roles_list):
            pairs = zip(self, roles_list, strict=True)
            self.browse(one.id for one, its in pairs if its == roles)._set_roles(roles)

    def _set_roles(self, roles):
        """Give exactly these roles to all of these sub-accounts; groups an administrator gave by
        hand stay.

        :raise AccessError: a role the caller may not give.
        """
        changing = self.filtered(lambda subaccount: subaccount.role_ids != roles)
        for role in roles:
            if any(role not in subaccount.role_ids for subaccount in changing):
                role._check_assignable()
        agents = changing._sudo_clean().user_id.filtered(lambda user: user._has_agent_group())
        for role in roles:
            changing.filtered(lambda row, role=role: role not in row.role_ids)._note(
                "role_given", role.name
            )
        for role in changing.role_ids - roles:
            changing.filtered(lambda row, role=role: role in row.role_ids)._note(
                "role_taken", role.name
            )
        changing._store({"role_ids": [Command.set(roles.ids)]})
        changing._sudo_clean().user_id._follow_second_factor()
        changing._apply_roles(agents)

    def _apply_roles(self, agents):
        """Give these sub-accounts the groups of their roles.

        :param agents: those of their users who could receive buyers before.
        """
        users = self._sudo_clean().user_id
        users._apply_roles()
        # Whoever may receive buyers now receives them; who may not any more has left.
        newcomers = (users - agents).filtered(
            lambda user: user._has_agent_group() and not user.livechat_channel_ids
        )
        for owner, members in newcomers.grouped("main_account_id").items():
            # A write, because assigning commands would forget the agents who are not active yet.
            commands = [Command.link(user.id) for user in members]
            self._filter_givable(owner, owner._get_shop_channels()).write({"user_ids": commands})

    @api.model
    def _filter_givable(self, owner, channels):
        """Return those of a shop's channels in which the caller lets others serve: who does not
        manage the dispatch there, only where it serves itself."""
        user = self.env.user
        if self.env.is_admin() or user == owner or user._manages_dispatch_of(owner):
            return channels
        # sudo: res.users - where the caller serves
        return channels & user.sudo().livechat_channel_ids

    def _check_may_join(self, user, joined):
        """Refuse channels or groups for somebody who may not receive buyers."""
        if joined and not user._has_agent_group():
            raise UserError(
                self.env._(
                    "%(name)s cannot receive buyers: none of its roles allows it.", name=self.name
                )
            )

    def _set_channels(self, channels):
        """Let this sub-account receive buyers in exactly these channels of its shop.

        :raise UserError: it may not receive buyers.
        :raise AccessError: a channel of somebody else.
        """
        self.ensure_one()
        user = self._sudo_clean().user_id
        joined = channels - user.livechat_channel_ids
        if joined - self.main_account_id._get_shop_channels():
            raise AccessError(self.env._("Only the channels of the own shop can be chosen."))
        if joined - self._filter_givable(self.main_account_id, joined):
            raise AccessError(self.env._("You can give only channels that you serve yourself."))
        self._check_may_join(user, joined)
        user.write({"livechat_channel_ids": [Command.set(channels.ids)]})

    def _set_dispatch_groups(self, groups):
        """Let this sub-account receive the buyers of exactly these groups of its shop.

        :raise UserError: it may not receive buyers.
        :raise AccessError: a group of somebody else.
        """
        self.ensure_one()
        clean = self._sudo_clean()
        user, groups = clean.user_id, clean.env["livechat.dispatch.group"].browse(groups.ids)
        joined, left = groups - clean.dispatch_group_ids, clean.dispatch_group_ids - groups
        if joined.channel_id - self.main_account_id._get_shop_channels():
            raise AccessError(self.env._("Only the groups of the own shop can be chosen."))
        self._check_may_join(user, joined)
        joined.write({"user_ids": [Command.link(user.id)]})
        left.write({"user_ids": [Command.unlink(user.id)]})

    def _clean_context(self):
        """Return the part of the caller's context that cannot change what is created."""
        return {
            **self.env["livechat.role"]._clean_context(),
            "mail_create_nosubscribe": True,
            "mail_auto_subscribe_no_notify": True,
            "no_reset_password": True,
        }

    def _sudo_clean(self):
        # sudo: livechat.subaccount - the caller has checked who asks, and builds all values itself
        return self.sudo().with_context(self._clean_context())


def _hash(token):
    # The token has 256 random bits, so that a plain hash cannot be searched.
    return hashlib.sha256(token.encode()).hexdigest()
