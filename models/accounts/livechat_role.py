from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command, Domain

from ...tools import phrase, sent
from ...tools.rights import CONVERSATION_SCOPES
from ...tools.sentinels import MENDING


class LivechatRole(sent.Reader, models.Model):
    """A combination of permissions that a main account gives to its sub-accounts.

    Behind each role stands an access group that implies the groups of the role's permissions, so
    that a change reaches everybody who has the role at once.
    """

    _name = "livechat.role"
    _description = "Reception Role"
    _order = "sequence, name, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=100, at_least=0, at_most=sent.MANY)
    main_account_id = fields.Many2one(
        "res.users",
        "Main Account",
        index="btree_not_null",
        ondelete="cascade",
        readonly=True,
        copy=False,
        help="Whose role this is; empty for a template that every shop can use and copy.",
    )
    permission_ids = fields.Many2many(
        "livechat.permission", string="Permissions", domain=[("grantable", "=", True)]
    )
    conversation_scope = fields.Selection(
        [
            ("own", "Its own"),
            ("group", "Those of the channels it serves"),
            ("shop", "All of the shop"),
        ],
        "Sees Conversations",
        default="own",
        required=True,
        help="Which of its shop's conversations the holder of this role can read.",
    )
    second_factor = fields.Boolean(
        "Asks for a Second Factor",
        help="Who holds this role gets no buyers before it has set up two-factor authentication.",
    )
    second_factor_available = fields.Boolean(compute="_compute_second_factor_available")
    group_id = fields.Many2one(
        "res.groups",
        "Access Group",
        readonly=True,
        copy=False,
        ondelete="restrict",
        groups="base.group_erp_manager",
        help="The group that stands for this role; it implies the groups of the permissions.",
    )
    subaccount_ids = fields.Many2many(
        "livechat.subaccount",
        string="Sub-accounts",
        readonly=True,
        copy=False,
        # To search by it would tell of other shops.
        groups="base.group_erp_manager",
    )
    holder_ids = fields.Many2many(
        "livechat.subaccount", string="Held by", compute="_compute_holder_ids"
    )
    subaccount_count = fields.Integer("Holders", compute="_compute_holder_ids")
    can_edit = fields.Boolean(
        compute="_compute_can_edit", help="Whether the reader may change it: no shop a template."
    )

    _group_uniq = models.Constraint(
        "UNIQUE (group_id)", "Two roles cannot stand on the same access group."
    )

    @api.depends("subaccount_ids")
    @api.depends_context("uid")
    def _compute_holder_ids(self):
        visible = self.env["livechat.subaccount"]._search([])
        for role in self:
            # sudo: livechat.role - only the sub-accounts the caller can see are told
            role.holder_ids = role.sudo().subaccount_ids.filtered_domain([("id", "in", visible)])
            role.subaccount_count = len(role.holder_ids)

    @api.depends("main_account_id")
    @api.depends_context("uid")
    def _compute_can_edit(self):
        user, is_admin = self.env.user, self.env.is_admin()
        for role in self:
            # A new one becomes the reader's own.
            role.can_edit = is_admin or not role._origin or role.main_account_id == user

    def _compute_second_factor_available(self):
        self.second_factor_available = "totp_enabled" in self.env["res.users"]._fields

    @api.constrains("second_factor")
    def _check_second_factor(self):
        for role in self:
            if role.second_factor and not role.second_factor_available:
                raise ValidationError(
                    self.env._(
                        "There is no two-factor authentication here: an administrator installs it."
                    )
                )

    @api.constrains("permission_ids")
    def _check_permissions_grantable(self):
        for role in self:
            # sudo: livechat.permission - to name what is in the way
            permissions = role.sudo().permission_ids
            refused = permissions - permissions.filtered("grantable")
            if refused:
                raise ValidationError(
                    self.env._(
                        "No role can contain %(permissions)s: an administrator has not made it "
                        "grantable.",
                        permissions=phrase.join(self.env, refused.mapped("name")),
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        main_account = self._get_editor()
        vals_list = self.browse()._read_sent(vals_list, new=True)
        for vals in vals_list if main_account else ():
            vals["main_account_id"] = main_account.id
        roles = super(LivechatRole, self.with_context(self._clean_context())).create(vals_list)
        roles = roles.with_env(self.env)
        for role in roles._sudo_clean():
            # sudo: res.groups - a role stands on a group of its own, all of it built here. The
            # names of groups can be read by everybody; what a shop calls its roles is its own.
            role.group_id = role.env["res.groups"].create({"name": f"Reception role {role.id}"})
        roles._apply_permissions()
        return roles

    def write(self, vals):
        (vals,) = self._read_sent([vals])
        self._check_editable()
        before = {role: role.permission_ids for role in self}
        result = super(LivechatRole, self.with_context(self._clean_context())).write(vals)
        if "permission_ids" in vals:
            self._apply_permissions()
            for role, permissions in before.items():
                role._note_permissions("permission_given", role.permission_ids - permissions)
                role._note_permissions("permission_taken", permissions - role.permission_ids)
        if "conversation_scope" in vals:
            # Record rules are cached and depend on it.
            self.env.registry.clear_cache()
        if "second_factor" in vals:
            # sudo: livechat.subaccount - whoever holds the role
            self.sudo().subaccount_ids.user_id._follow_second_factor()
        if vals.keys() & {"permission_ids", "conversation_scope"}:
            self.env["livechat.subaccount"]._end_secrets_of_lesser()
        return result

    def unlink(self):
        self._check_editable()
        # sudo: livechat.subaccount, res.groups - whoever may remove a role takes it from its
        # holders, and its group with it
        holders, groups = self.sudo().subaccount_ids, self.sudo().group_id
        for role in self.sudo():
            role.subaccount_ids._note("role_taken", role.name)
        holders.user_id.write({"group_ids": [Command.unlink(group.id) for group in groups]})
        result = super().unlink()
        groups.unlink()
        holders.user_id._follow_second_factor()
        self.env.registry.clear_cache()
        return result

    def copy_data(self, default=None):
        sent.expect_ids(self)
        sent.expect_values(self.env, default or {})
        default = dict(default or {})
        return [
            {**vals, "name": default.get("name") or self.env._("%s (copy)", role.name)}
            for role, vals in zip(self, super().copy_data(default), strict=True)
        ]

    @api.model
    def _get_editor(self):
        """Return the main account that edits its roles now, nobody for an administrator.

        :raise AccessError: for anybody else.
        """
        if self.env.is_admin():
            return self.env["res.users"]
        if not self.env.user.has_group("im_livechat_subaccount.group_main_account"):
            raise AccessError(self.env._("Only a main account can edit its roles."))
        return self.env.user

    def _check_editable(self):
        """Refuse to change roles that are not the caller's own.

        :raise AccessError: a shared template, another shop's role, or not a main account.
        """
        editor = self._get_editor()
        if editor and any(role.main_account_id != editor for role in self):
            raise AccessError(
                self.env._(
                    "This role is not yours to change. Templates can be copied and the copy "
                    "changed."
                )
            )

    def _may_say(self, name):
        return super()._may_say(name) or (name == "main_account_id" and self.env.is_admin())

    def _clean_context(self):
        """Return the part of the caller's context that cannot change what is created."""
        kept = ("lang", "tz", "livechat_mending")
        return {key: self.env.context[key] for key in kept if key in self.env.context}

    def _sudo_clean(self):
        # sudo: livechat.role - the caller has checked who asks, and builds all values itself
        return self.sudo().with_context(self._clean_context())

    def _apply_permissions(self):
        """Let each role's group imply exactly the groups of its permissions."""
        # sudo: livechat.role, res.groups - a role's group follows its permissions, whoever changed
        # them
        for role in self.sudo():
            if role._has_drifted():
                granted = role._get_granted_groups()
                role._sudo_clean().group_id.write({"implied_ids": [Command.set(granted.ids)]})

    def _note_permissions(self, event, permissions):
        """Write into the account log what this role gives from now on, or gives no more: into its
        shop's, that of a template into those of all shops that use it."""
        if not permissions:
            return
        # sudo: livechat.role - whose it is
        role = self.sudo()
        shops = role.main_account_id or role.subaccount_ids.main_account_id
        names = phrase.join(self.env, permissions.mapped("name"))
        detail = phrase.label(self.env, role.name, names)
        self.env["livechat.account.log"]._note(event, self.env["res.users"], detail, shops)

    def _has_drifted(self):
        """Tell whether a group of these roles gives something else than the role's permissions."""
        return any(role.group_id.implied_ids != role._get_granted_groups() for role in self)

    def _get_granted_groups(self):
        return self.permission_ids._get_granted_groups() | self.env.ref("base.group_user")

    def _check_assignable(self):
        """Refuse roles that the caller may not give to a sub-account.

        A main account gives its own roles and the templates. A sub-account that manages others
        gives only roles that contain no more than its own permissions.
        """
        if self.env.is_admin():
            return
        user = self.env.user
        shop = user._get_shop_owner()
        # sudo: livechat.role - to compare
        roles = self.sudo()
        for role in roles:
            if role.main_account_id and role.main_account_id != shop:
                raise AccessError(self.env._("This role belongs to another shop."))
        if user != shop and roles._reaches_beyond(user):
            raise AccessError(
                self.env._("You cannot give permissions or a view that you do not have yourself.")
            )

    def _reaches_beyond(self, user):
        """Tell whether these roles allow more, or show more conversations, than the user's own."""
        own = user._get_subaccount().role_ids
        return bool(self.permission_ids - own.permission_ids) or (
            self._get_conversation_scope() > own._get_conversation_scope()
        )

    def _get_conversation_scope(self):
        """Return how much of the shop's conversations these roles show, as an index of
        ``CONVERSATION_SCOPES``; -1 without a role."""
        return max(
            (CONVERSATION_SCOPES.index(role.conversation_scope) for role in self), default=-1
        )

    @api.model
    def _check_boundary(self):
        """Refuse a state in which a role or a sub-account reaches an administrator's group.

        Called whenever groups change, from whatever side.

        :raise ValidationError: naming the role or the sub-account.
        """
        if self.env.context.get("livechat_mending") is MENDING:
            return
        forbidden = self.env["livechat.permission"]._get_forbidden_groups()
        # sudo: livechat.role, res.users - the boundary holds for all
        env = self.sudo().env
        for role in env["livechat.role"].search([("group_id", "in", forbidden.ids)], limit=1):
            raise ValidationError(
                self.env._(
                    "The role %(role)s would give an administrator's rights; no role can.",
                    role=role.name,
                )
            )
        users = env["res.users"].with_context(active_test=False)
        domain = [("main_account_id", "!=", False), ("all_group_ids", "in", forbidden.ids)]
        self._refuse_beyond(users.search(domain, limit=1))

    def _check_boundary_of(self, users):
        """As :meth:`_check_boundary`, when nobody but these sub-accounts may have got more."""
        if self.env.context.get("livechat_mending") is MENDING:
            return
        forbidden = self.env["livechat.permission"]._get_forbidden_groups()
        # sudo: res.users - the boundary holds for all
        users = users.sudo().with_context(active_test=False)
        domain = [("id", "in", users.ids), ("all_group_ids", "in", forbidden.ids)]
        self._refuse_beyond(users.search(domain, limit=1))

    def _refuse_beyond(self, user):
        """Raise a sentence about this sub-account, if there is one."""
        if user:
            raise ValidationError(
                self.env._(
                    "%(user)s is a sub-account and cannot have an administrator's rights. Make it "
                    "an ordinary user first.",
                    user=user.name,
                )
            )

    @api.model
    @api.readonly
    def get_matrix(self, search="", role_offset=0, subaccount_offset=0, limit=80):
        """Return a page of who has which permission, and through which role.

        :param str search: part of the names, or logins, to show; empty for all.
        :param int role_offset: how many roles to skip.
        :param int subaccount_offset: how many sub-accounts to skip.
        :param int limit: how many of each at most, up to 200.
        :return: ``{"permissions": [{id, name, description, availability, grantable}],
            "roles": [{id, name, shop, editable, permission_ids}], "role_count": int,
            "subaccounts": [{id, name, login, state, roles, grants}], "subaccount_count": int}``;
            ``roles`` are names, ``grants`` maps a permission's id to the roles that give it.
        :rtype: dict
        :raise UserError: parameters of another kind.
        """
        self.browse().check_access("read")
        numbers = (role_offset, subaccount_offset, limit)
        sent.expect(self.env, sent.is_text(search) and all(type(one) is int for one in numbers))
        role_offset, subaccount_offset = (
            min(max(0, offset), 2**31 - 1) for offset in (role_offset, subaccount_offset)
        )
        limit = min(max(1, limit), 200)
        permissions = self.env["livechat.permission"].search([])
        role_domain, subaccount_domain = Domain.TRUE, Domain.TRUE
        if search.strip():
            role_domain = Domain("name", "ilike", search.strip())
            subaccount_domain = role_domain | Domain("login", "ilike", search.strip())
        roles = self.search(role_domain, offset=role_offset, limit=limit)
        subaccounts = self.env["livechat.subaccount"]
        editable = roles if self.env.is_admin() else self.browse()
        if self.env.user.has_group("im_livechat_subaccount.group_main_account"):
            editable |= roles.filtered(lambda role: role.main_account_id == self.env.user)
        return {
            "permissions": permissions.read(["name", "description", "availability", "grantable"]),
            "roles": [
                {
                    "id": role.id,
                    "name": role.name,
                    "shop": role.main_account_id.display_name or False,
                    "permission_ids": role.permission_ids.ids,
                    "editable": role in editable,
                }
                for role in roles
            ],
            "role_count": self.search_count(role_domain),
            "subaccounts": [
                {
                    "id": subaccount.id,
                    "name": subaccount.name,
                    "login": subaccount.login,
                    "state": subaccount.state,
                    "roles": subaccount.role_ids.mapped("name"),
                    "grants": {
                        permission.id: subaccount.role_ids.filtered(
                            lambda role, permission=permission: permission in role.permission_ids
                        ).mapped("name")
                        for permission in subaccount.permission_ids
                    },
                }
                for subaccount in subaccounts.search(
                    subaccount_domain, offset=subaccount_offset, limit=limit
                )
            ],
            "subaccount_count": subaccounts.search_count(subaccount_domain),
        }

    def toggle_permission(self, permission_id, given=None):
        """Put a permission into this role, or take it out.

        :param bool given: whether the role shall have it; empty for what it is not now.
        :return: the role's permissions.
        :rtype: list[int]
        """
        self.ensure_one()
        sent.expect(self.env, sent.is_record_id(permission_id) and given in (None, True, False))
        permission = self.env["livechat.permission"].search([("id", "=", permission_id)])
        if not permission:
            raise UserError(self.env._("There is no such permission."))
        given = permission not in self.permission_ids if given is None else bool(given)
        self.permission_ids = [(Command.link if given else Command.unlink)(permission.id)]
        return self.permission_ids.ids
