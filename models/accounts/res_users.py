import re
import secrets
from collections import defaultdict

from psycopg2 import IntegrityError

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command

from ...dispatch import ledger
from ...tools.rights import READERS


class ResUsers(models.Model):
    _name = "res.users"
    _inherit = ["res.users", "livechat.field.mixin"]

    # None of these is in SELF_WRITEABLE_FIELDS: nobody raises their own weight.
    main_account_id = fields.Many2one(
        "res.users",
        "Main Account",
        index="btree_not_null",
        ondelete="restrict",
        copy=False,
        groups=READERS,
        help="The shop owner whose sub-account this user is.",
        frees_seats=False,
        logged=False,
        shown="staff",
    )
    main_account_code = fields.Char(
        "Short Name",
        index="btree_not_null",
        copy=False,
        groups=READERS,
        help="What the logins of this main account's sub-accounts start with. It is set once.",
        frees_seats=False,
        logged=False,
    )
    subaccount_ids = fields.One2many(
        "livechat.subaccount",
        "user_id",
        "Sub-account",
        readonly=True,
        groups="base.group_erp_manager",
    )
    _main_account_code_uniq = models.UniqueIndex(
        "(main_account_code)", "Another main account has this short name."
    )

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
        users = super().create(vals_list)
        users.filtered("main_account_id")._join_shop()
        return users

    def write(self, vals):
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
            self.env["livechat.announcement"]._agent_leaves(self)
        if returners:
            returners._return_to_reception()
        if "group_ids" in vals:
            self.env["im_livechat.channel"]._release_lost_agents()
        return result

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
