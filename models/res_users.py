import re
import secrets
from collections import defaultdict

from psycopg2 import IntegrityError

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command

from ..dispatch import credit, ledger, policy
from .livechat_role import CONVERSATION_SCOPES

WEIGHT_DEFAULT = 100
WEIGHT_MIN = 10
WEIGHT_MAX = 1000

# Who may see how agents are dispatched; nobody else meets these fields, not even by RPC. A shop's
# people read no sub-accounts of other shops at all: see the record rule on res.users.
READERS = ",".join(
    (
        "base.group_erp_manager",
        "im_livechat.im_livechat_group_user",
        "im_livechat_subaccount.group_auditor",
        "im_livechat_subaccount.group_dispatch_manager",
        "im_livechat_subaccount.group_report_reader",
        "im_livechat_subaccount.group_subaccount_manager",
    )
)


class ResUsers(models.Model):
    _inherit = "res.users"

    def _default_dispatch_weight(self):
        return self.env["res.config.settings"]._get_dispatch_weight_default()

    # None of these is in SELF_WRITEABLE_FIELDS: nobody raises their own weight.
    main_account_id = fields.Many2one(
        "res.users",
        "Main Account",
        index="btree_not_null",
        ondelete="restrict",
        copy=False,
        groups=READERS,
        help="The shop owner whose sub-account this user is.",
    )
    main_account_code = fields.Char(
        "Short Name",
        index="btree_not_null",
        copy=False,
        groups=READERS,
        help="What the logins of this main account's sub-accounts start with. It is set once.",
    )
    subaccount_ids = fields.One2many(
        "livechat.subaccount", "user_id", "Sub-account", groups="base.group_erp_manager"
    )
    dispatch_weight = fields.Integer(
        "Dispatch Weight",
        default=_default_dispatch_weight,
        required=True,
        aggregator=None,
        groups=READERS,
        help="How many buyers this agent gets compared with the others: 200 gets twice as many as "
        "100. It also scales how many chats the agent can have at the same time.",
    )
    dispatch_paused = fields.Boolean(
        "Dispatch Paused",
        copy=False,
        groups=READERS,
        help="No new buyers; the chats the agent already has go on.",
    )
    dispatch_share = fields.Char(
        "Share",
        compute="_compute_dispatch_share",
        groups=READERS,
        help="Part of its dispatch group's new chats that goes to this agent when everybody is "
        "there; of each group, if there are several with buyers of their own.",
    )
    dispatch_capacity = fields.Integer(
        "Capacity",
        compute="_compute_dispatch_share",
        groups=READERS,
        help="How many chats this agent can have at the same time; 0 for no limit.",
    )
    dispatch_load = fields.Float(
        "Load",
        compute="_compute_dispatch_share",
        digits=(16, 1),
        groups=READERS,
        help="Open chats of this agent on all channels; a quiet chat counts as the settings say.",
    )
    dispatch_credit = fields.Float(
        "Credit",
        compute="_compute_dispatch_credit",
        digits=(16, 2),
        groups=READERS,
        help="Chats this agent was entitled to, less the chats it got. The highest credit gets the "
        "next buyer.",
    )

    _dispatch_weight_range = models.Constraint(
        "CHECK (dispatch_weight BETWEEN 10 AND 1000)",
        "A dispatch weight is a whole number from 10 to 1000.",
    )

    _main_account_code_uniq = models.UniqueIndex(
        "(main_account_code)", "Another main account has this short name."
    )

    @api.depends("dispatch_weight", "dispatch_paused", "group_ids", "active")
    @api.depends_context("im_livechat_channel_id")
    def _compute_dispatch_share(self):
        channel = self.env["im_livechat.channel"].search(
            [("id", "=", self.env.context.get("im_livechat_channel_id", False))]
        )
        rules = channel._get_dispatch_rules() if channel else policy.Rules(mode="share")
        # A weight being typed may still be refused; what it would do shows at once.
        typed = {user._origin.id: max(WEIGHT_MIN, user.dispatch_weight) for user in self}
        shares = channel._describe_shares(typed) if channel else {}
        staff = channel._get_dispatch_staff() if channel else []
        loads = {agent.user_id: policy.load(agent, rules.quiet_hold) for agent in staff}
        for user in self:
            user.dispatch_share = shares.get(user._origin.id)
            user.dispatch_load = loads.get(user._origin.id, 0)
            user.dispatch_capacity = (
                policy.capacity(rules.max_sessions, user.dispatch_weight or WEIGHT_DEFAULT) or 0
            )

    def _compute_dispatch_credit(self):
        credits = ledger.read_credits(self.env.cr)
        for user in self:
            user.dispatch_credit = credits.get(user.id, 0) / credit.CHAT

    @api.constrains("group_ids", "main_account_id")
    def _check_main_account_id(self):
        # sudo: res.users - sub-accounts the editor does not see count as well
        owners = self.sudo().search([("main_account_id", "in", self.ids)]).main_account_id
        for user in self.filtered("main_account_id"):
            if user in owners or user.main_account_id.main_account_id:
                raise ValidationError(
                    self.env._(
                        "%(user)s cannot be a sub-account of %(main_account)s: a main account is "
                        "nobody's sub-account.",
                        user=user.display_name,
                        main_account=user.main_account_id.display_name,
                    )
                )
        self.env["livechat.role"]._check_boundary()

    @api.constrains("main_account_code")
    def _check_main_account_code(self):
        for user in self.filtered("main_account_code"):
            if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,31}", user.main_account_code):
                raise ValidationError(
                    self.env._("A short name has up to 32 small letters, digits, dots or dashes.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_dispatch_weight(vals)
        users = super().create(vals_list)
        users.filtered("main_account_id")._join_shop()
        return users

    def write(self, vals):
        self._check_dispatch_weight(vals)
        if "main_account_code" in vals and any(
            user.main_account_code and user.main_account_code != vals["main_account_code"]
            for user in self
        ):
            raise ValidationError(
                self.env._("The short name of a main account is set once: logins start with it.")
            )
        if vals.get("active") is False:
            # sudo: res.users - whether it is a sub-account, whoever disables it
            leavers = self.filtered(lambda user: user.active and user.sudo().main_account_id)
            leavers._end_access()
        returners = self.browse()
        if vals.get("active"):
            # sudo: res.users - as above, whoever enables it
            returners = self.filtered(lambda user: not user.active and user.sudo().main_account_id)
        result = super().write(vals)
        if "main_account_id" in vals:
            self._join_shop()
        if vals.get("active") is False:
            self._hand_over_chats()
        if returners:
            returners._return_to_reception()
        if "livechat_channel_ids" in vals:
            self.env["livechat.dispatch.group"]._release_former_agents()
        if "group_ids" in vals:
            self.env["im_livechat.channel"]._release_lost_agents()
        return result

    # ------------------------------------------------------------
    # Main accounts and their sub-accounts
    # ------------------------------------------------------------

    def _get_shop_owner(self):
        """Return the main account of the shop this user works for: its own, itself, or nobody.

        :rtype: res.users
        """
        self.ensure_one()
        # sudo: res.users - whom somebody works for does not depend on who asks
        user = self.sudo()
        if user.main_account_id:
            return user.main_account_id
        is_owner = user.has_group("im_livechat_subaccount.group_main_account")
        return user if is_owner else user.browse()

    def _is_shop_staff(self):
        """Tell whether this user sees its shop only.

        A sub-account or a main account; not an administrator, who may be a main account as well,
        and nobody else, for whom core's rules stay what they are.
        """
        self.ensure_one()
        return bool(self._get_shop_owner()) and not self._is_admin()

    def _has_agent_group(self):
        """Tell whether this user has the right to receive buyers."""
        self.ensure_one()
        return self.has_group("im_livechat.im_livechat_group_user")

    def _get_shop_channels(self):
        """Return the live chat channels of this main account.

        :rtype: im_livechat.channel
        """
        # sudo: im_livechat.channel - the own shop's
        return self.env["im_livechat.channel"].sudo().search([("main_account_id", "in", self.ids)])

    def _get_subaccount(self):
        # sudo: livechat.subaccount - the user's own row
        return self.env["livechat.subaccount"].sudo().search([("user_id", "in", self.ids)])

    def _get_conversation_domain(self):
        """Return which live chat conversations this user may read besides those it is in.

        Used by the record rules. Everything for those who are nobody's staff.

        :return: a domain on ``discuss.channel``.
        :rtype: list
        """
        self.ensure_one()
        if not self._is_shop_staff():
            return [(1, "=", 1)]
        owner = self._get_shop_owner()
        shop = ("livechat_channel_id.main_account_id", "=", owner.id)
        scope = self._get_subaccount().role_ids._get_conversation_scope()
        if self == owner or scope == CONVERSATION_SCOPES.index("shop"):
            return [shop]
        own = ("livechat_channel_member_history_ids.partner_id", "=", self.partner_id.id)
        if scope == CONVERSATION_SCOPES.index("group"):
            return ["&", shop, "|", own, ("livechat_channel_id.user_ids", "in", self.ids)]
        return ["&", shop, own]

    def _get_shop_domain(self, field="main_account_id"):
        """Return which records of a shop this user may read.

        :param field: where the record says whose it is.
        :rtype: list
        """
        self.ensure_one()
        if not self._is_shop_staff():
            return [(1, "=", 1)]
        return [(field, "=", self._get_shop_owner().id)]

    def _get_dispatch_manager_domain(self, field):
        """Return which records of a shop this user may change as a dispatch manager.

        :param field: where the record says whose it is.
        :rtype: list
        """
        self.ensure_one()
        if self._is_shop_staff() and not self.has_group(
            "im_livechat_subaccount.group_dispatch_manager"
        ):
            return [(0, "=", 1)]
        return self._get_shop_domain(field)

    def _get_join_domain(self):
        """Return which memberships of live chats this user may create.

        Its own where it may read the conversation, and those of colleagues in chats it is in, with
        the permission to transfer.

        :return: a domain on ``discuss.channel.member``.
        :rtype: list
        """
        self.ensure_one()
        if not self._is_shop_staff():
            return [(1, "=", 1)]
        join = [
            "&",
            ("is_self", "=", True),
            ("channel_id", "any", self._get_conversation_domain()),
        ]
        if not self.has_group("im_livechat_subaccount.group_transfer_chats"):
            return join
        # sudo: res.users - a colleague, a buyer or somebody who is nobody's staff
        colleague = (
            "partner_id.livechat_main_account_id",
            "in",
            [False, self._get_shop_owner().id],
        )
        return [
            "|",
            *("&", "&", ("is_self", "=", False), ("channel_id.is_member", "=", True), colleague),
            *join,
        ]

    def _get_rating_domain(self):
        """Return which ratings this user may read.

        :return: a domain on ``rating.rating``.
        :rtype: list
        """
        self.ensure_one()
        if not self._is_shop_staff():
            return [(1, "=", 1)]
        return [
            "|",
            ("parent_res_model", "!=", "im_livechat.channel"),
            ("parent_res_id", "in", self._get_shop_owner()._get_shop_channels().ids),
        ]

    def _is_reader_of_chats(self):
        """Tell whether this user reads live chats without being an agent."""
        self.ensure_one()
        return self.has_group("im_livechat_subaccount.group_auditor") and not self.has_group(
            "im_livechat.im_livechat_group_user"
        )

    def _propose_main_account_code(self):
        """Return the short name of this main account: the one it has, or what its login gives."""
        self.ensure_one()
        # sudo: res.users - the short name of a main account follows from its login
        owner = self.sudo()
        if owner.main_account_code:
            return owner.main_account_code
        base = re.sub(r"[^a-z0-9_.-]", "", owner.login.partition("@")[0].lower()).lstrip("_.-")
        base = base[:24] or f"shop{owner.id}"
        taken = owner.with_context(active_test=False).search_count(
            [("main_account_code", "=", base)], limit=1
        )
        return f"{base}{owner.id}" if taken else base

    def _get_main_account_code(self):
        """Return the short name of this main account; it is made of the login once and kept."""
        code = self._propose_main_account_code()
        # sudo: res.users - as above
        owner = self.sudo()
        if not owner.main_account_code:
            owner.main_account_code = code
        return code

    def _propose_subaccount_login(self, taken=()):
        """Return a login for a new sub-account of this main account: ``flagship:desk5``.

        :param taken: logins that others are about to get.
        """
        self.ensure_one()
        prefix = f"{self._propose_main_account_code()}:desk"
        # sudo: res.users - logins are unique among all users
        users = self.sudo().with_context(active_test=False)
        used = {*taken, *users.search([("login", "=like", f"{prefix}%")]).mapped("login")}
        number = 1 + len(used)
        while f"{prefix}{number}" in used:
            number += 1
        return f"{prefix}{number}"

    def _join_shop(self):
        """Keep the rows of ``livechat.subaccount`` in step with who is whose sub-account."""
        # sudo: livechat.subaccount, res.users - whoever may say whose sub-account a user is
        users = self.sudo()
        rows = self._get_subaccount()
        members = users.filtered("main_account_id")
        newcomers = members - rows.user_id
        # A link of the former shop is none of the new one's.
        rows._void_links()
        rows.filtered(lambda row: row.user_id not in members)._drop()
        # sudo: livechat.subaccount - as above
        self.env["livechat.subaccount"].sudo()._create_for(newcomers)
        owners = members.main_account_id.filtered(
            lambda owner: not owner.has_group("im_livechat_subaccount.group_main_account")
        )
        group = self.env.ref("im_livechat_subaccount.group_main_account")
        owners.write({"group_ids": [Command.link(group.id)]})
        for row in rows.exists():
            foreign = row.role_ids.filtered("main_account_id").filtered(
                lambda role, owner=row.main_account_id: role.main_account_id != owner
            )
            if foreign:
                row._set_roles(row.role_ids - foreign)
        # Record rules are cached and depend on it.
        self.env.registry.clear_cache()

    def _is_managed_by_user_roles(self):
        # OCA's base_user_role writes the groups of users to whom it gave a role, and only those.
        # sudo: res.users - whether there is any
        return "role_line_ids" in self._fields and bool(self.sudo().role_line_ids)

    def _apply_roles(self):
        """Give users the groups of their roles; groups given by hand stay."""
        # sudo: livechat.role, res.users - who may give which role was checked before
        role_groups = self.env["livechat.role"].sudo().search([]).group_id
        changes = defaultdict(self.sudo().browse)
        for subaccount in self._get_subaccount():
            wanted = subaccount.role_ids.group_id
            current = subaccount.user_id.group_ids & role_groups
            changes[wanted - current, current - wanted] |= subaccount.user_id
        for (gained, lost), users in changes.items():
            if gained or lost:
                commands = [Command.link(group.id) for group in gained]
                commands += [Command.unlink(group.id) for group in lost]
                users.write({"group_ids": commands})
        self.env.registry.clear_cache()

    # ------------------------------------------------------------
    # Coming and going
    # ------------------------------------------------------------

    def _end_access(self):
        """End the web sessions, websockets and API keys of these users, for good.

        Odoo refuses the sessions of archived users by itself, but would take them back when the
        user is enabled again.
        """
        # sudo: res.device, res.users.apikeys - whoever may archive a user ends its access
        devices = self.env["res.device"].sudo().search([("user_id", "in", self.ids)])
        devices.filtered(lambda device: not device.is_current)._revoke()
        self.sudo().api_key_ids.unlink()
        for user in self:
            # Makes the server look at the websocket's session again, which closes it.
            user._bus_send("im_livechat_subaccount/disabled", {})
        self._get_subaccount()._void_links()

    def _return_to_reception(self):
        """Let enabled sub-accounts start with a credit of zero."""
        ledger.clear_credits(self.env, self.ids)
        for subaccount in self._get_subaccount().filtered(lambda row: not row.activated_on):
            subaccount._store({"activated_on": fields.Datetime.now()})

    def _hand_over_chats(self, successor=None):
        """Let ``successor`` take over the open chats of these users, or dispatch them again.

        :type successor: res.users
        """
        self.env["discuss.channel"].flush_model(["dispatch_seat_partner_ids"])
        for user in self:
            domain = [("dispatch_seat_partner_ids", "in", user.partner_id.ids)]
            # sudo: res.users - whose sub-account it is
            if not user.sudo().main_account_id:
                # Of everybody else, what Odoo dispatches stays as Odoo leaves it.
                domain.append(("livechat_channel_id.dispatch_mode", "not in", (False, "native")))
            # sudo: discuss.channel - whoever takes an agent away sees to its chats
            chats = self.env["discuss.channel"].sudo().search(domain)
            chats._hand_over(user, successor, leavers=self)

    def _delete_subaccount(self):
        """Delete this user, or what can be deleted of it when records need it to stay.

        The partner stays, archived, as the author of what it wrote.
        """
        self.ensure_one()
        partner = self.partner_id
        self._get_subaccount()._drop()
        try:
            with self.env.cr.savepoint():
                self.unlink()
                self.env.flush_all()
        except (IntegrityError, UserError):
            # Orders, deliveries or invoices name this user, for good reason.
            self.write(
                {
                    "login": f"__deleted_{self.id}_{self.login}",
                    "password": secrets.token_urlsafe(32),
                    "main_account_id": False,
                    "group_ids": [Command.set(self.env.ref("base.group_user").ids)],
                    "livechat_channel_ids": [Command.clear()],
                }
            )
        partner.active = False

    @api.model
    def _check_dispatch_weight(self, vals):
        """Refuse a weight that is not a whole number within the limits.

        Before the ORM sees it: an integer field would take "abc" for a programming error and 99.9
        for 99.

        :raise ValidationError: with the limits in it.
        """
        if "dispatch_weight" not in vals:
            return
        weight = vals["dispatch_weight"]
        try:
            if isinstance(weight, bool) or weight != weight // 1:
                raise TypeError
            valid = WEIGHT_MIN <= weight <= WEIGHT_MAX
        except TypeError:
            valid = False
        if not valid:
            raise ValidationError(
                self.env._(
                    "A dispatch weight is a whole number from %(minimum)s to %(maximum)s.",
                    minimum=WEIGHT_MIN,
                    maximum=WEIGHT_MAX,
                )
            )
