from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command

from ...dispatch import scope as scopes
from ...tools import phrase, sent
from .livechat_dispatch_scope import BY_GROUP


class LivechatDispatchGroup(sent.Reader, models.Model):
    """A node of a shop's organisation tree, which owns the buyers of some scope.

    What no group's scope claims is the default group's: the channel's agents who are in no group
    with a scope.
    """

    _name = "livechat.dispatch.group"
    _description = "Dispatch Group"
    _inherit = ["livechat.field.mixin"]
    _order = "sequence, id"
    _parent_store = True
    _opens_with = frozenset({"channel_id", "parent_id"})

    name = fields.Char(required=True, frees_seats=False, logged=True, shown="trees")
    channel_id = fields.Many2one(
        "im_livechat.channel", "Channel", required=True, index=True, ondelete="cascade"
    )
    parent_id = fields.Many2one(
        "livechat.dispatch.group",
        "Parent Group",
        index=True,
        ondelete="restrict",
        help="Its agents help out when a buyer of this group has waited long enough.",
        falsy_value_label=phrase.NO_GROUP_ABOVE,
        frees_seats=True,
        logged=True,
        shown="trees",
    )
    parent_path = fields.Char(index=True, readonly=True)
    child_ids = fields.One2many(
        "livechat.dispatch.group", "parent_id", "Groups Below", readonly=True
    )
    sequence = fields.Integer(
        default=10,
        at_least=0,
        at_most=sent.MANY,
        help="Of two groups whose scopes fit a buyer equally well, the first one wins.",
        frees_seats=False,
        logged=True,
        shown="trees",
    )
    user_ids = fields.Many2many(
        "res.users", string="Agents", frees_seats=True, logged="each", shown="trees"
    )
    scope_ids = fields.One2many(
        "livechat.dispatch.scope", "group_id", "Scope", frees_seats=True, logged=True, shown="trees"
    )
    agent_domain = fields.Binary(
        compute="_compute_agent_domain",
        help="Whom the reader may make an agent: nobody is offered whom saving refuses.",
    )
    scope_summary = fields.Char("Receives", compute="_compute_scope_summary")
    required_permission_id = fields.Many2one(
        "livechat.permission",
        "Required Permission",
        index="btree_not_null",
        ondelete="restrict",
        help="Only agents who have this permission get the buyers of this group, for example "
        "Refund for a group that refunds.",
        frees_seats=True,
        logged=True,
        shown="trees",
    )
    overflow_seconds = fields.Integer(
        "Overflow After (seconds)",
        default=60,
        at_least=0,
        at_most=sent.MANY,
        help="When a buyer has waited so long, the agents of the parent group join.",
        frees_seats=True,
        logged=True,
        shown="trees",
    )
    calendar_id = fields.Many2one(
        "resource.calendar",
        "Shift",
        ondelete="restrict",
        help="Its agents get buyers of this group in these working hours only; empty: always.",
        frees_seats=True,
        logged=True,
        shown="trees",
    )
    lamp = fields.Selection(
        [("light", "Whether somebody is here"), ("names", "Also the names of who is here")],
        "Lamp on Web Pages",
        help="Buyers see this group by its name, with a lamp that is lit while one of its agents "
        "is here, and choose it with a click, whatever its scope says. Empty: no page shows it. "
        "Put the lamps on a page with the website's building block, or with the line on the "
        "channel's page Widget.",
        copy=False,
        frees_seats=False,
        logged=True,
    )
    agent_count = fields.Integer("Number of Agents", compute="_compute_agent_count")

    _overflow_seconds_range = models.Constraint(
        "CHECK (overflow_seconds >= 0)", "Buyers cannot wait less than no time before an overflow."
    )

    @api.depends("name")
    @api.depends_context("uid")
    def _compute_display_name(self):
        # sudo: livechat.dispatch.group - taken away, except from the server's own user: Odoo shows
        # what a many-to-one refers to with sudo, whoever chose it
        readable = self.sudo(self.env.uid == SUPERUSER_ID)._filtered_access("read")
        for group in self:
            group.display_name = (
                group.name if group in readable or not group.id else self.env._("Dispatch group")
            )

    @api.depends("scope_ids.kind", "scope_ids.value")
    @api.depends_context("lang", "uid")
    def _compute_scope_summary(self):
        kinds = dict(self.env["livechat.dispatch.scope"]._get_kinds())
        for group in self:
            group.scope_summary = phrase.enumerate_parts(
                self.env,
                [
                    phrase.label(
                        self.env,
                        kinds.get(kind, kind),
                        phrase.join(self.env, (line.value or "" for line in lines)),
                    )
                    for kind, lines in group.scope_ids.grouped("kind").items()
                ],
            )

    @api.depends_context("uid")
    def _compute_agent_domain(self):
        self.agent_domain = list(self.env["im_livechat.channel"]._get_agent_domain())

    @api.depends("user_ids")
    def _compute_agent_count(self):
        for group in self:
            group.agent_count = len(group.user_ids)

    @api.model_create_multi
    def create(self, vals_list):
        """Make groups; their agents become agents of the channel.

        :raise AccessError: a channel, a parent, an agent or a field that is not the caller's.
        :raise ValidationError: a parent of another channel, a scope that another group has.
        """
        by_group = self.with_context(
            {**sent.without_defaults(self.env.context), "livechat_dispatch_lines": BY_GROUP}
        )
        vals_list = by_group.browse()._read_sent(vals_list, new=True)
        commands_list = [vals.pop("user_ids", []) for vals in vals_list]
        groups = super(LivechatDispatchGroup, by_group).create(vals_list).with_env(self.env)
        groups._check_parent()
        for group, commands in zip(groups, commands_list, strict=True):
            group._set_agents(commands)
        groups._on_scope_change()
        return groups

    def write(self, vals):
        """Change groups; see ``create``. No running chat moves.

        :raise ValidationError: also for a parent below the group, and for another channel.
        """
        by_group = self.with_context(livechat_dispatch_lines=BY_GROUP)
        (vals,) = self._read_sent([vals])
        commands = vals.pop("user_ids", [])
        channel_id = vals.get("channel_id")
        if channel_id and any(group.channel_id.id != channel_id for group in self):
            raise ValidationError(
                self.env._(
                    "A dispatch group stays in its channel. Make a new group in the other channel."
                )
            )
        if vals.get("parent_id"):
            self._check_no_cycle(self.browse(vals["parent_id"]))
        # With nothing left to write it still tells whether the caller may write.
        result = super(LivechatDispatchGroup, by_group).write(vals)
        if "parent_id" in vals:
            self._check_parent()
        for group in self if commands else ():
            group._set_agents(commands)
        if vals.keys() & {"scope_ids", "sequence"}:
            self._on_scope_change()
        elif vals.keys() & {"name", "lamp"}:
            # What the lamps of channels say is cached.
            self.env.registry.clear_cache()
        return result

    def unlink(self):
        channels = self.channel_id
        result = super().unlink()
        # The scopes of channels are cached.
        self.env.registry.clear_cache()
        # Who waits for them, in line or in the pool, is now everybody's.
        self.env["livechat.announcement"]._seat_may_be_free(channels)
        return result

    def _find_freed_channels(self, names):
        return self.channel_id

    @api.ondelete(at_uninstall=False)
    def _unlink_except_in_use(self):
        for group in self.with_context(active_test=False):
            if group.user_ids:
                raise UserError(
                    self.env._(
                        "%(group)s still has agents (%(agents)s). Put them into another group, or "
                        "take them out of this one, and delete it then.",
                        group=group.name,
                        agents=phrase.join(self.env, group.user_ids[:5].mapped("name")),
                    )
                )
            if group.child_ids - self:
                raise UserError(
                    self.env._(
                        "%(group)s has groups below it (%(groups)s). Move them under another group "
                        "and delete it then.",
                        group=group.name,
                        groups=phrase.join(self.env, (group.child_ids - self)[:5].mapped("name")),
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _keep_answers(self):
        # sudo: livechat.dispatch.group - which groups are above, whoever deletes them
        self.env["mail.canned.response"]._leave_groups(self.sudo())

    def copy_data(self, default=None):
        sent.expect_ids(self)
        sent.expect_values(self.env, default or {})
        # Agents and all, but no scope: another group has it.
        return [
            {**vals, "name": (default or {}).get("name") or self.env._("%s (copy)", group.name)}
            for group, vals in zip(self, super().copy_data(default), strict=True)
        ]

    def _check_no_cycle(self, parent):
        """Refuse a parent that is one of these groups, or below one."""
        # sudo: livechat.dispatch.group - the tree as it is, whoever sees how much of it
        above = {int(part) for part in (parent.sudo().parent_path or "").split("/") if part}
        for group in self:
            if group.id in above:
                raise ValidationError(
                    self.env._(
                        "%(group)s cannot be below itself. Choose a parent group that is not one "
                        "of the groups below it.",
                        group=group.name,
                    )
                )

    def _check_parent(self):
        """Refuse a parent in another channel."""
        # sudo: livechat.dispatch.group - to compare
        for group in self.sudo():
            if group.parent_id and group.parent_id.channel_id != group.channel_id:
                raise ValidationError(
                    self.env._(
                        "The parent of %(group)s belongs to another channel. Choose one of the "
                        "same channel.",
                        group=group.name,
                    )
                )

    def _set_agents(self, commands):
        """Let those be the agents of this group whom commands leave, and agents of its channel.

        :raise AccessError: who may not be an agent of the channel, as the channel itself says.
        """
        self.ensure_one()
        group = self.with_context(active_test=False)
        channel = group.channel_id
        agents = sent.get_chosen(group.user_ids, commands)
        joining, leaving = agents - group.user_ids, group.user_ids - agents
        # A write, because assigning commands would forget the agents who are not active yet.
        newcomers = joining - channel.user_ids
        if newcomers:
            channel.write({"user_ids": [Command.link(user.id) for user in newcomers]})
        commands = [Command.link(user.id) for user in joining]
        commands += [Command.unlink(user.id) for user in leaving]
        if commands:
            super(LivechatDispatchGroup, group).write({"user_ids": commands})
            if leaving:
                group._forget_agents(leaving)
            self.env["livechat.subaccount"].invalidate_model(["dispatch_group_ids"])

    @api.model
    def _release_former_agents(self):
        """Take out of every group who is no agent of its channel any more.

        Called whenever agents of channels change, from whatever side.
        """
        self.env["im_livechat.channel"].flush_model(["user_ids"])
        self.env["res.users"].flush_model(["livechat_channel_ids"])
        self.flush_model(["user_ids", "channel_id"])
        # A scan of the relation, a few rows for each group; im_livechat_channel_im_user_pkey.
        self.env.cr.execute(
            """
            SELECT dispatch_group.id, member.res_users_id
              FROM livechat_dispatch_group_res_users_rel member
              JOIN livechat_dispatch_group dispatch_group
                ON dispatch_group.id = member.livechat_dispatch_group_id
             WHERE NOT EXISTS (
                       SELECT FROM im_livechat_channel_im_user agent
                        WHERE agent.channel_id = dispatch_group.channel_id
                          AND agent.user_id = member.res_users_id
                   )
            """
        )
        for group_id, user_id in self.env.cr.fetchall():
            # sudo: livechat.dispatch.group - whoever takes an agent out of the channel takes it out
            # of the channel's groups
            self.sudo().browse(group_id)._release_agent(user_id)
            self.env["livechat.subaccount"].invalidate_model(["dispatch_group_ids"])

    def _release_agent(self, user_id):
        """Take out an agent who has left the channel."""
        super().write({"user_ids": [Command.unlink(user_id)]})
        self._forget_agents(self.env["res.users"].browse(user_id))

    def _forget_agents(self, agents):
        """Forget what is said of these agents in this group, which they have left."""

    def _get_agents(self):
        """Return the agents of this group who are agents of its channel."""
        self.ensure_one()
        return self.user_ids & self.channel_id.user_ids

    def _get_agent_ids(self):
        """As :meth:`_get_agents`, the ids alone: a channel may have many more agents than a group,
        and each of them would be read for every buyer (a group of 20 in a shop of 1000 took eight
        times a shop of 20)."""
        self.ensure_one()
        self.env["res.users"].flush_model(["active"])
        # Served by the primary keys of the relations and of res_users.
        self.env.cr.execute(
            """
            SELECT member.res_users_id
              FROM livechat_dispatch_group_res_users_rel member
              JOIN livechat_dispatch_group team ON team.id = member.livechat_dispatch_group_id
              JOIN im_livechat_channel_im_user agent
                ON agent.channel_id = team.channel_id AND agent.user_id = member.res_users_id
              JOIN res_users users ON users.id = member.res_users_id AND users.active
             WHERE team.id = %s
            """,
            [self.id],
        )
        return {user_id for (user_id,) in self.env.cr.fetchall()}

    def _get_ascent(self):
        """Yield this group, its parent, …, up to the top of the tree; each when it is asked for."""
        group = self
        while group:
            yield group
            group = group.parent_id

    def _on_scope_change(self):
        """Refuse scopes that two groups have, and forget what is cached.

        :raise ValidationError: naming the groups and what both claim.
        """
        self.env.registry.clear_cache()
        # Who is in no group with a scope takes the buyers whom no group claims.
        self.env["livechat.announcement"]._seat_may_be_free(self.channel_id)
        self.env["livechat.announcement"]._look_again(self, "trees")
        # Two who save at the same time do not see each other's scopes: PostgreSQL lets one of them
        # wait and then fail, and Odoo tries that one again with the other's in sight.
        self.env.cr.execute(
            "UPDATE im_livechat_channel SET write_date = write_date WHERE id = ANY(%s)",
            [self.channel_id.ids],
        )
        # sudo: livechat.dispatch.group - all groups of the channel count
        for channel in self.sudo().channel_id:
            claimed = scopes.find_claimed_twice(channel._read_dispatch_scopes())
            if not claimed:
                continue
            first, second, shared = claimed
            # sudo: livechat.dispatch.group - named to whoever claims the same
            groups = self.sudo().browse([first.group_id, second.group_id])
            lines = groups[0].scope_ids.filtered(
                lambda line, shared=shared: shared.get(line.kind) == line._get_value()
            )
            raise ValidationError(
                self.env._(
                    "%(first)s and %(second)s would receive the same buyers (%(scope)s). Take that "
                    "out of one of them, or add something that tells them apart.",
                    first=groups[0].name,
                    second=groups[1].name,
                    scope=phrase.enumerate_parts(self.env, lines.mapped("display_name")),
                )
            )

    def _read_scope(self):
        """Return what this group receives, as a :class:`scope.Scope`."""
        self.ensure_one()
        values = tuple(
            (kind, frozenset(line._get_value() for line in lines))
            for kind, lines in self.scope_ids.grouped("kind").items()
        )
        return scopes.Scope(
            group_id=self.id, sequence=self.sequence, values=values, has_lamp=bool(self.lamp)
        )

    def action_test(self):
        """Open the page that tells which group a buyer would go to."""
        return self.channel_id[:1].action_test_dispatch_groups()
