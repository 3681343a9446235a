from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tools import ormcache

from ..dispatch import ledger, policy

# Context key, and its only meaningful value, of a call that just shows the widget to a buyer. An
# object, because a browser can put any JSON in the context but never this.
PREVIEW = object()


# What the people of a shop may set about their own channel; the rest is for live chat's managers.
_SHOP_FIELDS = frozenset(
    {
        "name",
        "button_text",
        "default_message",
        "header_background_color",
        "title_color",
        "button_background_color",
        "button_text_color",
        "review_link",
        "user_ids",
        "dispatch_mode",
        "dispatch_setup_hidden",
        "main_account_participation",
        "max_sessions_mode",
        "max_sessions",
        "block_assignment_during_call",
        "order_days",
        "prefers_suited_agents",
        "sticky_hours",
        "queue_enabled",
        "queue_limit",
        "offline_rule",
        "proxy_user_ids",
        "pool_email",
        "no_reply_seconds",
        "calendar_id",
        "ramp_minutes",
    }
)


# What gives a seat to somebody who waits when it changes.
_FREES_SEATS = frozenset(
    {
        "user_ids",
        "dispatch_mode",
        "main_account_participation",
        "max_sessions_mode",
        "max_sessions",
        "block_assignment_during_call",
        "offline_rule",
        "proxy_user_ids",
        "queue_enabled",
        "calendar_id",
        "ramp_minutes",
    }
)


class Settings(NamedTuple):
    """What a channel is asked for at each decision."""

    rules: policy.Rules
    query: ledger.Query
    """Whom to read."""
    has_line: bool
    calendar_id: int | bool
    """The ``resource.calendar`` of the opening hours, ``False`` for always."""
    ramp_minutes: int


class ImLivechatChannel(models.Model):
    _inherit = "im_livechat.channel"

    def _default_dispatch_mode(self):
        return self.env["res.config.settings"]._get_dispatch_mode_default()

    main_account_id = fields.Many2one(
        "res.users",
        "Main Account",
        index="btree_not_null",
        domain="[('share', '=', False), ('main_account_id', '=', False)]",
        help="The shop owner whose sub-accounts receive buyers here.",
    )
    dispatch_mode = fields.Selection(
        [
            ("native", "Odoo's own: least active agent, ties at random"),
            ("share", "Share: new chats in proportion to the weights"),
            ("least_load", "Least load: the lowest load for its weight"),
        ],
        string="Dispatch",
        default=_default_dispatch_mode,
        required=True,
        help="How the agent of a new buyer is chosen.",
    )
    main_account_participation = fields.Selection(
        [
            ("never", "Never"),
            ("fallback", "When nobody else can"),
            ("member", "Like any agent"),
        ],
        string="Main Account Takes Chats",
        default="never",
        required=True,
        help="When the shop's owner receives buyers, too.",
    )
    dispatch_overrun_count = fields.Integer(
        "Agents Above Capacity",
        compute="_compute_dispatch_overrun_count",
        help="Agents with more chats than they may be given: quiet chats woke up, or they joined "
        "chats themselves. They get no new buyers until they are below their capacity again.",
    )
    reception_partner_id = fields.Many2one(
        "res.partner",
        "Reception Desk",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="Whom a buyer sees before an agent is chosen: the shop itself.",
    )

    def init(self):
        # Installed before an upgrade that adds a table of the ledger.
        ledger.create_tables(self.env.cr)

    @api.depends("dispatch_mode", "user_ids.dispatch_weight")
    def _compute_remaining_session_capacity(self):
        dispatched = self.filtered(lambda channel: channel.dispatch_mode != "native")
        super(ImLivechatChannel, self - dispatched)._compute_remaining_session_capacity()
        for channel in dispatched:
            rules = channel._get_dispatch_rules()
            channel.remaining_session_capacity = rules.max_sessions and sum(
                max(
                    0,
                    policy.capacity(rules.max_sessions, agent.weight)
                    - policy.load(agent, rules.quiet_hold),
                )
                for agent in channel._get_dispatch_staff()
            )

    @api.depends("dispatch_mode", "max_sessions_mode", "max_sessions", "user_ids.dispatch_weight")
    def _compute_dispatch_overrun_count(self):
        for channel in self:
            rules = channel._get_dispatch_rules()
            limited = channel.dispatch_mode != "native" and rules.max_sessions
            channel.dispatch_overrun_count = limited and sum(
                policy.load(agent, rules.quiet_hold)
                > policy.capacity(rules.max_sessions, agent.weight)
                for agent in channel._get_dispatch_staff()
            )

    @api.model_create_multi
    def create(self, vals_list):
        channels = super().create(vals_list)
        if channels.main_account_id:
            # Record rules are cached and depend on it.
            self.env.registry.clear_cache()
        channels._open_reception_desk()
        return channels

    def write(self, vals):
        if not self.env.su and not self.env.user.has_group("im_livechat.im_livechat_group_manager"):
            self._check_shop_values(vals)
        result = super().write(vals)
        if "main_account_id" in vals:
            # Record rules are cached and depend on it.
            self.env.registry.clear_cache()
        if "dispatch_mode" in vals:
            self._open_reception_desk()
        if _FREES_SEATS & vals.keys():
            self._drain_soon()
        if "name" in vals:
            # sudo: res.partner - the desk is the channel's own and carries its name
            self.sudo().reception_partner_id.name = vals["name"]
        return result

    def _check_shop_values(self, vals):
        """Refuse what a shop's people may not say about their channel.

        :raise AccessError: a field for live chat's managers, or agents of somebody else.
        """
        for name in vals.keys() - _SHOP_FIELDS:
            raise AccessError(self.env._("You cannot set %(field)s of a channel.", field=name))
        if "user_ids" in vals:
            for channel in self:
                agents = self.env["livechat.subaccount"]._read_set(
                    self.env["res.users"], vals["user_ids"], channel.user_ids
                )
                owner = self.env.user._get_shop_owner()
                # sudo: res.users - whose sub-accounts they are
                if (
                    (agents - channel.user_ids)
                    .sudo()
                    .filtered(
                        lambda agent, owner=owner: agent.main_account_id != owner and agent != owner
                    )
                ):
                    raise AccessError(self.env._("Only sub-accounts of your shop can be agents."))

    def action_join(self):
        # Core lets every agent join every channel, with sudo.
        owner = self.env.user._get_shop_owner()
        if self.env.user._is_shop_staff() and any(
            # sudo: im_livechat.channel - whose it is
            channel.main_account_id != owner
            for channel in self.sudo()
        ):
            raise AccessError(self.env._("This channel belongs to another shop."))
        return super().action_join()

    @api.model
    def _release_lost_agents(self):
        """Take agents who lost the right to receive buyers out of every dispatched channel, and
        hand over their chats.

        Called whenever groups change. A channel in ``native`` mode keeps the agents core leaves
        there, except a shop's sub-accounts.
        """
        self.env["res.users"].flush_model()
        group = self.env.ref("im_livechat.im_livechat_group_user")
        # Not a search for "not in": that finds everybody who has some other group as well.
        # sudo: res.users, im_livechat.channel - whoever changed the rights changed who is an agent
        lost = (
            self.env["res.users"]
            .sudo()
            .with_context(active_test=False)
            .search(
                [
                    ("livechat_channel_ids", "!=", False),
                    "|",
                    ("main_account_id", "!=", False),
                    ("livechat_channel_ids.dispatch_mode", "!=", "native"),
                ]
            )
            .filtered(lambda user: group not in user.all_group_ids)
        )
        for user in lost:
            channels = user.livechat_channel_ids.filtered(
                lambda channel, user=user: channel.dispatch_mode != "native" or user.main_account_id
            )
            # A right is taken away whatever else a channel asks for: without a proxy left, it
            # keeps the messages instead.
            channels.filtered(
                lambda channel, user=user: (
                    channel.offline_rule == "proxy"
                    and not (channel.proxy_user_ids & channel.user_ids) - user
                )
            ).offline_rule = "pool"
            channels.write({"user_ids": [Command.unlink(user.id)]})
        lost._hand_over_chats()

    def _open_reception_desk(self):
        """Give each dispatched channel the partner that buyers see before an agent is chosen."""
        for channel in self:
            if channel.dispatch_mode != "native" and not channel.reception_partner_id:
                # sudo: res.partner, im_livechat.channel - whoever may configure the channel opens
                # its desk; archived, because it is nobody's contact
                channel.sudo().reception_partner_id = (
                    # sudo: res.partner - as above; no "Contact created" that would tell other shops
                    self.env["res.partner"]
                    .sudo()
                    .with_context(tracking_disable=True)
                    .create({"name": channel.name, "active": False})
                )

    # ------------------------------------------------------------
    # Core's hooks
    # ------------------------------------------------------------

    def _get_operator_info(
        self, /, *, lang, country_id, previous_operator_id=None, chatbot_script_id=None, **kwargs
    ):
        info = super()._get_operator_info(
            lang=lang,
            country_id=country_id,
            previous_operator_id=previous_operator_id,
            chatbot_script_id=chatbot_script_id,
            **kwargs,
        )
        if (
            self._is_preview()
            and info["operator_model"] == "res.users"
            and self._is_reception_open()
        ):
            # sudo: res.partner - a buyer may see the desk of the shop
            info["operator_partner"] = self.sudo().reception_partner_id
        return info

    def _get_operator(
        self, previous_operator_id=None, lang=None, country_id=None, expertises=None, users=None
    ):
        """Choose by dispatch mode; see ``dispatch.policy``. The winner's seat is reserved until
        the caller's transaction ends.

        ``previous_operator_id`` comes from the buyer's browser and is not considered.
        """
        self.ensure_one()
        buyer = {
            "lang": lang,
            "country_id": country_id,
            "expertises": expertises,
            "users": users,
        }
        settings = self._recall_settings()
        if settings.rules.mode != "native":
            try:
                return self._choose_agent(settings, **buyer)
            except ledger.Outdated:
                pass
        elif self.dispatch_mode == "native":
            return super()._get_operator(previous_operator_id=previous_operator_id, **buyer)
        self._forget_settings()
        settings = self._read_settings()
        if settings.rules.mode == "native":
            return super()._get_operator(previous_operator_id=previous_operator_id, **buyer)
        return self._choose_agent(settings, **buyer)

    def _choose_agent(self, settings, lang, country_id, expertises, users):
        """As :meth:`_get_operator`, by these settings.

        :raise ledger.Outdated: they are remembered and have been changed; nothing was done.
        """
        if self._is_preview() or (users is not None and not users):
            return self.env["res.users"]
        outcome = self._dispatch(
            self._get_buyer(lang, country_id),
            users=users,
            expertises=expertises,
            settings=settings,
        )
        self._keep_outcome(outcome)
        return outcome.agent

    def _get_available_operators_by_livechat_channel(self, users=None):
        dispatched = self.filtered(lambda channel: channel.dispatch_mode != "native")
        operators = super(
            ImLivechatChannel, self - dispatched
        )._get_available_operators_by_livechat_channel(users)
        for channel in dispatched:
            able, _excluded = policy.sort_agents(
                channel._read_dispatch_agents(users), channel._get_dispatch_rules()
            )
            operators[channel] = self.env["res.users"].browse([agent.user_id for agent in able])
        return operators

    def _is_livechat_available(self):
        if self._is_room_at_once():
            return True
        if self.dispatch_mode == "native":
            return super()._is_livechat_available()
        return self._is_open_otherwise() or bool(self.chatbot_script_count)

    # ------------------------------------------------------------
    # Dispatch
    # ------------------------------------------------------------

    def _is_preview(self):
        """Tell whether the caller just shows the widget: no seat, no credit, no person."""
        return (
            self.env.context.get("livechat_dispatch_preview") is PREVIEW
            and self.dispatch_mode != "native"
        )

    def _is_reception_open(self):
        """Tell whether a buyer who came now would be taken: by an agent, the line or the pool."""
        return self._is_room_at_once() or self._is_open_otherwise()

    def _is_open_otherwise(self):
        """Tell whether a buyer would be taken though a look at a few agents found no room."""
        return self.offline_rule == "pool" or self._is_agent_available() or self._is_line_open()

    def _is_room_at_once(self):
        """Tell whether a look at a few agents finds one who could take a buyer now. That is asked
        on every page view of the shop, and takes one query."""
        self.env.flush_all()
        # Once more by what is true now, if what is remembered is not.
        for _time in range(2):
            settings = self._recall_settings()
            remembered = settings.rules.mode, settings.calendar_id, settings.ramp_minutes
            if remembered[0] == "native" or any(remembered[1:]) or settings.query.has_shifts:
                if remembered == (self.dispatch_mode, self.calendar_id.id, self.ramp_minutes):
                    return False
                self._forget_settings()
                continue
            try:
                return ledger.has_room_at_once(self.env.cr, settings.query, settings.rules)
            except ledger.Outdated:
                self._forget_settings()
        return False

    def _is_agent_available(self):
        """Tell whether a buyer who came now would get an agent."""
        settings = self._read_settings()
        complete = self._complete_facts(self.env["livechat.dispatch.group"], (), settings)
        agents = complete(ledger.read_agents(self.env.cr, settings.query, committed=True))
        return any(not policy.exclusion(agent, settings.rules) for agent in agents)

    @ormcache()
    def _get_memory(self):
        """Return what is remembered: ``{id of a channel: Settings}``. It may be out of date, as the
        threads of one process see different moments of the database."""
        return {}

    def _recall_settings(self):
        """Return how this channel is set, as it is remembered; whoever decides by that has the
        ledger check the version.

        :rtype: Settings
        """
        self.ensure_one()
        memory = self._get_memory()
        # The version is that of the database.
        self.flush_recordset()
        settings = memory.get(self.id)
        if not settings:
            settings = self.sudo()._read_settings()  # sudo: the same for whoever asks
            version = ledger.read_version(self.env.cr, self.id)
            settings = settings._replace(query=settings.query._replace(version=version))
            memory[self.id] = settings
        hold = self.env["res.config.settings"]._get_dispatch_quiet_hold()
        return settings._replace(
            rules=settings.rules._replace(quiet_hold=hold),
            query=settings.query._replace(now=fields.Datetime.now()),
        )

    def _forget_settings(self):
        self._get_memory().pop(self.id, None)

    def _read_settings(self, has_shifts=None):
        """Return how this channel is set.

        :param has_shifts: whether any agent follows a shift, where that is known.
        :rtype: Settings
        """
        if has_shifts is None:
            has_shifts = self.env["res.users"]._is_there_a_shift()
        return Settings(
            rules=self._get_dispatch_rules(),
            query=self._get_dispatch_query()._replace(has_shifts=has_shifts),
            has_line=self.queue_enabled,
            calendar_id=self.calendar_id._origin.id,
            ramp_minutes=self.ramp_minutes,
        )

    def _get_dispatch_rules(self):
        """Return how this channel wants its buyers dispatched.

        :rtype: policy.Rules
        """
        self.ensure_one()
        return policy.Rules(
            mode=self.dispatch_mode,
            max_sessions=self.max_sessions if self.max_sessions_mode == "limited" else None,
            quiet_hold=self.env["res.config.settings"]._get_dispatch_quiet_hold(),
            block_during_call=self.block_assignment_during_call,
            main_account_participation=self.main_account_participation,
            prefers_suited=self.prefers_suited_agents,
        )

    def _get_load(self, agent):
        """Return the load of a :class:`policy.Agent` as this channel counts it."""
        return policy.load(agent, self._get_dispatch_rules().quiet_hold)

    def _get_capacity(self, agent):
        """Return how many chats a :class:`policy.Agent` may have here, ``None`` for no limit."""
        return policy.capacity(self._get_dispatch_rules().max_sessions, agent.weight)

    def _get_dispatch_query(self, users=None):
        """Return whom to read for this channel.

        :param users: these instead of the channel's agents.
        :rtype: ledger.Query
        """
        self.ensure_one()
        if users is None and self != self._origin:
            # A form being filled in: its agents, not those of the database.
            users = self.user_ids | self.main_account_id
        return ledger.Query(
            receive_group_id=self.env["ir.model.data"]._xmlid_to_res_id(
                "im_livechat.im_livechat_group_user"
            ),
            now=fields.Datetime.now(),
            channel_id=self._origin.id or None,
            asks_in_call=self.block_assignment_during_call,
            user_ids=None if users is None else users._origin.ids,
            main_account_id=self.main_account_id._origin.id or None,
        )

    def _read_dispatch_agents(self, users=None):
        """Return what is true of the channel's agents right now.

        :rtype: list[policy.Agent]
        """
        self.env.flush_all()
        complete = self._complete_facts(self.env["livechat.dispatch.group"], ())
        return complete(ledger.read_agents(self.env.cr, self._get_dispatch_query(users)))

    def _get_dispatch_staff(self):
        """Return the agents who take this channel's chats in the ordinary way, present or not.

        :rtype: list[policy.Agent]
        """
        as_member = self.main_account_participation == "member"
        return [
            agent
            for agent in self._read_dispatch_agents()
            if agent.enabled and agent.permitted and (as_member or not agent.is_main_account)
        ]
