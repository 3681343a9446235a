import re
from collections import defaultdict

from psycopg2 import IntegrityError

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command

from ...dispatch import ledger
from ...tools import history, sent
from ...tools.here import read_now
from ...tools.rights import READERS

_AGENTS = "im_livechat.im_livechat_group_user"


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
    livechat_waiting_count = fields.Integer(
        "Waiting Sub-accounts",
        compute="_compute_livechat_waiting_count",
        groups="base.group_erp_manager",
        help="Sub-accounts that cannot log in because their shop has no main account.",
    )
    _main_account_code_uniq = models.UniqueIndex(
        "(main_account_code)", "Another main account has this short name."
    )

    @api.depends("main_account_code")
    def _compute_livechat_waiting_count(self):
        # sudo: livechat.subaccount - how many there are, for who manages accounts
        rows = self.env["livechat.subaccount"].sudo()
        counts = dict(
            rows._read_group(
                [("waits_for_owner", "=", True), ("main_account_id", "in", self.ids)],
                ["main_account_id"],
                ["__count"],
            )
        )
        for user in self:
            user.livechat_waiting_count = counts.get(user._origin, 0)

    @api.constrains("group_ids", "main_account_id")
    def _check_main_account_id(self):
        # sudo: res.users - sub-accounts the editor does not see count as well
        members = self.sudo().filtered("main_account_id")
        if not members:
            return
        owners = members.search([("main_account_id", "in", members.ids)]).main_account_id
        for user in members:
            if user in owners or user.main_account_id.main_account_id:
                raise ValidationError(
                    self.env._(
                        "%(user)s cannot be a sub-account of %(main_account)s: a main account is "
                        "nobody's sub-account.",
                        user=user.display_name,
                        main_account=user.main_account_id.display_name,
                    )
                )
        self.env["livechat.role"]._check_boundary_of(members)

    @api.constrains("main_account_code")
    def _check_main_account_code(self):
        for user in self.filtered("main_account_code"):
            if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,31}", user.main_account_code):
                raise ValidationError(
                    self.env._("A short name has up to 32 small letters, digits, dots or dashes.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        # Said of everybody, so that of who is nobody's staff it is not read again.
        sent.expect_rows(self.env, vals_list)
        names = ["main_account_id", "main_account_code"]
        said = {**dict.fromkeys(names, False), **self.default_get(names)}
        users = super().create([{**said, **vals} for vals in vals_list])
        if members := users.filtered("main_account_id"):
            members._join_shop()
        return users

    def _on_webclient_bootstrap(self):
        # No bot greets who comes to serve buyers, or to run a shop, however the account was made.
        if "odoobot_state" in self._fields and self._get_shop_owner():
            # sudo: res.users - that nobody is to be greeted, as core notes it
            ungreeted = self.sudo().filtered(
                lambda user: user.odoobot_state in (False, "not_initialized")
            )
            ungreeted.odoobot_state = "disabled"
        return super()._on_webclient_bootstrap()

    def unlink(self):
        # Also of users that an administrator deletes by hand.
        self.env["livechat.account.log"]._forget(self.filtered(lambda user: user._get_shop_owner()))
        return super().unlink()

    def write(self, vals):
        log = self.env["livechat.account.log"]
        if "main_account_code" in vals and any(
            user.main_account_code and user.main_account_code != vals["main_account_code"]
            for user in self
        ):
            raise ValidationError(
                self.env._("The short name of a main account is set once: logins start with it.")
            )
        if vals.get("email") and not self.env.su and self.env["ir.rule"]._serves_staff():
            # In one's own preferences; core asks nothing there.
            self.env["livechat.subaccount"]._check_own_name(str(vals["email"]), self)
        known = self.browse()
        if vals.keys() & {"active", "group_ids"}:
            # Before, because whoever loses a right is concerned as well.
            known = self._filter_known()
        agents = known._filter_given(_AGENTS)
        if vals.get("active") is False:
            # sudo: res.users - whether it is a sub-account, whoever disables it
            leavers = known.filtered(lambda user: user.active and user.sudo().main_account_id)
            leavers._end_access()
            log._note("disabled", leavers)
        returners = self.browse()
        if vals.get("active"):
            # sudo: res.users - as above, whoever enables it
            returners = known.filtered(lambda user: not user.active and user.sudo().main_account_id)
        if "main_account_id" in vals:
            # sudo: res.users - as above
            stays = (False, vals["main_account_id"])
            log._note(
                "left", self.filtered(lambda user: user.sudo().main_account_id.id not in stays)
            )
        result = super().write(vals)
        if "main_account_id" in vals:
            self._join_shop()
        if known and vals.get("active") is False:
            self.env["livechat.announcement"]._agent_leaves(known)
            self.env["livechat.subaccount"]._end_secrets_of_lesser(known)
        if returners:
            returners._return_to_reception()
        if known and "group_ids" in vals:
            self.env["im_livechat.channel"]._release_lost_agents()
            # Core may have taken them out of their channels already.
            self.env["livechat.announcement"]._agent_leaves(agents - agents._filter_given(_AGENTS))
            self.env["livechat.subaccount"]._end_secrets_of_lesser()
        if "totp_secret" in vals:
            self._follow_second_factor()
        if "auth_passkey_key_ids" in vals:
            self._note_passkeys(vals["auth_passkey_key_ids"])
        # sudo: res.users - whether it has been a main account
        if any(known.sudo().mapped("main_account_code")):
            self._follow_owners()
        return result

    def _note_passkeys(self, commands):
        """Write down what opens these accounts without the password from now on.

        :param commands: as core's form sends them.
        """
        for command in commands or ():
            if command[0] == Command.CREATE:
                accounts = self.filtered(lambda user: user._get_shop_owner())
                self.env["livechat.account.log"]._note("passkey", accounts, command[2].get("name"))

    def _frees_seats(self, names):
        if not super()._frees_seats(names):
            return False
        # Nobody waits for who is no agent.
        if names.keys() & {"active", "group_ids"}:
            return bool(self._filter_known())
        return any(user._has_agent_group() for user in self)

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
        (members - newcomers)._leave_former_shop()
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
        for owner in members.main_account_id:
            # By it main accounts are found, also when they are none any more.
            owner._get_main_account_code()
        for row in rows.exists():
            foreign = row.role_ids.filtered("main_account_id").filtered(
                lambda role, owner=row.main_account_id: role.main_account_id != owner
            )
            if foreign:
                row._set_roles(row.role_ids - foreign)
        # Record rules are cached and depend on it.
        self.env.registry.clear_cache()
        # Who managed them in the former shop may know their passwords.
        self.env["livechat.subaccount"]._end_secrets_of_lesser()

    def _leave_former_shop(self):
        """Take these users, who belong to another shop now, out of the channels and groups of the
        former one, hand over their chats and let them log in anew."""
        for user in self:
            channels = user.livechat_channel_ids.filtered(
                lambda channel, owner=user.main_account_id: (
                    channel.main_account_id and channel.main_account_id != owner
                )
            )
            # sudo: livechat.dispatch.group - whoever moves somebody to another shop
            groups = self.env["livechat.dispatch.group"].sudo().with_context(active_test=False)
            groups = groups.search(
                [
                    ("user_ids", "in", user.ids),
                    ("channel_id.main_account_id", "!=", user.main_account_id.id),
                ]
            )
            if channels or groups:
                groups.write({"user_ids": [Command.unlink(user.id)]})
                channels.write({"user_ids": [Command.unlink(user.id)]})
                self.env["livechat.announcement"]._agent_leaves(user)
                user._end_sessions()

    # ------------------------------------------------------------
    # A shop without its main account
    # ------------------------------------------------------------

    def _runs_shop(self):
        """Tell whether this main account is there to answer for its sub-accounts."""
        self.ensure_one()
        # sudo: res.users - whoever asks
        owner = self.sudo()
        return owner.active and owner.has_group("im_livechat_subaccount.group_main_account")

    def _shares_company(self):
        """Tell whether another shop shares the company of this main account, and so its orders,
        deliveries, invoices and products."""
        # sudo: res.users - whether there is another
        owner = self.sudo()
        return bool(
            owner.search_count(
                [
                    ("company_ids", "in", owner.company_id.ids),
                    ("main_account_id", "not in", [False, *self.ids]),
                ],
                limit=1,
            )
        )

    @api.model
    def _follow_owners(self):
        """Disable the sub-accounts of main accounts that are gone, and enable those again whose
        main account is back."""
        # sudo: res.users - whoever took the main account its rights, or gave them back
        owners = self.sudo().with_context(active_test=False)
        owners = owners.search([("main_account_code", "!=", False)])
        gone = owners.filtered(lambda owner: not owner._runs_shop())
        # sudo: livechat.subaccount - as above
        rows = self.env["livechat.subaccount"].sudo()
        left = rows.search([("main_account_id", "in", gone.ids)])
        left._void_links()
        left = left.filtered(lambda row: row.state == "enabled")
        left._store({"waits_for_owner": True})
        left.user_id.write({"active": False})
        for owner, members in left.grouped("main_account_id").items():
            self._tell_about_lost_shop(owner, len(members))
        back = rows.search(
            [("waits_for_owner", "=", True), ("main_account_id", "in", (owners - gone).ids)]
        )
        back._store({"waits_for_owner": False})
        back.user_id.write({"active": True})

    def _tell_about_lost_shop(self, owner, count):
        """Tell whoever took the main account away, and all administrators, what has become of its
        sub-accounts."""
        # sudo: res.groups - who can mend it
        administrators = self.env.ref("base.group_system").sudo().all_user_ids
        for person in self.env.user | administrators.filtered("active"):
            env = person.with_context(lang=person.lang or self.env.lang).env
            person._bus_send(
                "simple_notification",
                {
                    "type": "warning",
                    "sticky": True,
                    "title": env._("A shop has lost its main account"),
                    "message": env._(
                        "%(count)s sub-accounts of %(owner)s cannot log in until you hand the shop "
                        "over to somebody else.",
                        count=count,
                        owner=owner.name,
                    ),
                },
            )

    def action_hand_shop_over(self, successor_id):
        """Make somebody else the main account of this one's shop, with its past and all else.

        :param int successor_id: an internal user; a sub-account of this shop becomes its owner.
        :raise AccessError: not an administrator.
        :raise UserError: who runs no shop, or cannot.
        """
        if not self.env.is_admin():
            raise AccessError(self.env._("Only administrators hand a shop over."))
        sent.expect(self.env, len(self) == 1 and sent.is_record_id(successor_id))
        sent.expect_ids(self)
        # sudo: res.users - an administrator of accounts names a main account
        owner = self.sudo()
        successor = owner.search([("id", "=", successor_id), ("share", "=", False)])
        if (
            not successor
            or successor == owner
            or successor.main_account_id - owner
            or not owner.main_account_code
        ):
            raise UserError(self.env._("Choose somebody who works for no other shop."))
        successor.main_account_id = False
        group = self.env.ref("im_livechat_subaccount.group_main_account")
        successor.group_ids = [Command.link(group.id)]
        # Channels and roles first, so that nobody leaves what comes along.
        owner._get_shop_channels().main_account_id = successor
        # sudo: livechat.role - as above
        roles = self.env["livechat.role"].sudo().search([("main_account_id", "=", owner.id)])
        roles.main_account_id = successor
        for name in ("livechat.pause.reason", "mail.canned.response"):
            # sudo: these models - what the shop has made for its agents
            lists = self.env[name].sudo().with_context(active_test=False)
            lists.search([("main_account_id", "=", owner.id)]).main_account_id = successor
        members = owner.with_context(active_test=False)
        members = members.search([("main_account_id", "=", owner.id)])
        rows = members._get_subaccount()
        rows.filtered(lambda row: row.password_maker_id == owner)._store(
            {"password_maker_id": successor.id}
        )
        members.main_account_id = successor
        successor._get_main_account_code()
        successor._follow_owners()
        history.give_past(self.env, owner, successor)
        return True

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
        # sudo: res.users.apikeys - whoever may archive a user ends its access
        self.sudo().api_key_ids.unlink()
        self._end_sessions()
        self._end_sending()
        self._get_subaccount()._void_links()
        # Nor does anybody get in by a link that one has made for somebody else.
        # sudo: livechat.subaccount - as above
        rows = self.env["livechat.subaccount"].sudo()
        rows.search([("link_maker_id", "in", self.ids)])._void_links()

    def _end_sessions(self):
        """End the web sessions and websockets of these users, for good."""
        # sudo: res.device - whoever ends their access, or moves them to another shop
        devices = self.env["res.device"].sudo().search([("user_id", "in", self.ids)])
        devices.filtered(lambda device: not device.is_current)._revoke()
        self._look_at_sessions()

    def _look_at_sessions(self):
        """Make the server look at the sessions of these users' websockets again, which closes those
        that have ended."""
        for user in self:
            user._bus_send("im_livechat_subaccount/disabled", {})

    def _end_sending(self):
        """End what Odoo sends to these users: as followers, to their devices, and mail on its way.
        A device that was trusted with the second factor is trusted no more."""
        partners = self.partner_id
        for name, field, ids in (
            ("mail.followers", "partner_id", partners.ids),
            ("mail.push.device", "partner_id", partners.ids),
            ("auth_totp.device", "user_id", self.ids),
        ):
            if name in self.env:
                # sudo: these models - whoever may archive a user ends what is sent to it
                self.env[name].sudo().search([(field, "in", ids)]).unlink()
        # sudo: mail.notification - as above
        self.env["mail.notification"].sudo().search(
            [("res_partner_id", "in", partners.ids), ("notification_status", "=", "ready")]
        ).notification_status = "canceled"
        self.env["mail.mail"]._take_back(partners)
        # sudo: digest.digest - as above
        digests = self.env["digest.digest"].sudo().search([("user_ids", "in", self.ids)])
        digests.user_ids = [Command.unlink(user.id) for user in self]

    def _return_to_reception(self):
        """Let enabled sub-accounts start with a credit of zero."""
        ledger.clear_credits(self.env, self.ids)
        rows = self._get_subaccount()
        newcomers = rows.filtered(lambda row: not row.activated_on)
        newcomers._store({"activated_on": read_now(self.env)})
        newcomers._note("activated")
        (rows - newcomers)._note("enabled")

    def _delete_subaccount(self):
        """Delete this user, or what can be deleted of it when records need it to stay.

        The partner stays, archived, as the author of what it wrote.
        """
        self.ensure_one()
        partner = self.partner_id
        self.env["livechat.account.log"]._note("deleted", self)
        self.env["ir.rule"]._forget_private(self)
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
                    # As the login: somebody else may have it.
                    "email": False,
                    "main_account_id": False,
                    "group_ids": [Command.set(self.env.ref("base.group_user").ids)],
                    "livechat_channel_ids": [Command.clear()],
                }
            )
            self._lose_password()
        partner.active = False
