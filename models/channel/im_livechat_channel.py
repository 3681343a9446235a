from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...dispatch import ledger, policy
from ...tools import sent

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


class ImLivechatChannel(sent.Guard, models.Model):
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
    reception_partner_id = fields.Many2one(
        "res.partner",
        "Reception Desk",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="Whom a buyer sees before an agent is chosen: the shop itself.",
    )
    prefers_suited_agents = fields.Boolean(
        "Prefer Language, Expertise and Country",
        default=True,
        help="Agents who speak the buyer's language, know what is asked or are in the buyer's "
        "country come first; among them the mode decides.",
    )
    sticky_hours = fields.Integer(
        "Returning Buyers (hours)",
        default=72,
        at_least=0,
        at_most=8760,
        help="So long a returning buyer gets the agent who answered last, if there is room; within "
        "24 hours even when that agent is paused. 0: never.",
    )
    queue_enabled = fields.Boolean(
        "Waiting Line",
        help="When everybody is busy, buyers wait in order and see their place.",
    )
    queue_limit = fields.Integer(
        "Places in Line",
        at_least=0,
        at_most=sent.MANY,
        help="Of each dispatch group; 0 for no limit. Beyond it, the rule for "
        "when nobody is here applies.",
    )
    offline_rule = fields.Selection(
        [
            ("native", "Odoo's own: the chat is not offered"),
            ("pool", "Message pool: keep the messages, hand them out later"),
            ("main_account", "Main account: takes the chats, present or not"),
            ("proxy", "Proxies: the named agents take the chats, present or not"),
        ],
        string="When Nobody Is Here",
        default="native",
        required=True,
        help="What becomes of buyers who come while no agent is here, or outside opening hours.",
    )
    proxy_user_ids = fields.Many2many(
        "res.users",
        "im_livechat_channel_proxy_rel",
        "channel_id",
        "user_id",
        string="Proxies",
        domain="[('id', 'in', user_ids)]",
        help="Agents of this channel who take chats while nobody is here.",
    )
    pool_email = fields.Char(
        "Tell by E-mail", help="Whom to tell when a buyer leaves a message in the pool."
    )
    no_reply_seconds = fields.Integer(
        "No Reply (seconds)",
        at_least=0,
        at_most=86400,
        help="A buyer who waits so long for a first answer goes to the next agent; after three "
        "such misses in a row the agent is paused. 0: never.",
    )
    calendar_id = fields.Many2one(
        "resource.calendar",
        "Opening Hours",
        ondelete="restrict",
        help="Outside these hours the rule for when nobody is here applies; empty: always open.",
    )
    ramp_minutes = fields.Integer(
        "Calm Start (minutes)",
        at_least=0,
        at_most=480,
        help="The weight of an agent who comes grows to its full size in this time; 0: at once.",
    )
    _ramp_minutes_range = models.Constraint(
        "CHECK(ramp_minutes BETWEEN 0 AND 480)", "A calm start takes 0 to 480 minutes."
    )
    _sticky_hours_range = models.Constraint(
        "CHECK(sticky_hours BETWEEN 0 AND 8760)",
        "Returning buyers can be kept for 0 to 8760 hours (a year).",
    )
    _queue_limit_range = models.Constraint(
        "CHECK(queue_limit >= 0)", "The places in line cannot be fewer than 0."
    )
    _no_reply_seconds_range = models.Constraint(
        "CHECK(no_reply_seconds = 0 OR no_reply_seconds BETWEEN 10 AND 86400)",
        "An agent has between 10 seconds and a day to reply; 0 is for ever.",
    )

    @api.constrains("offline_rule", "proxy_user_ids", "main_account_id", "user_ids")
    def _check_offline_rule(self):
        for channel in self:
            if channel.offline_rule == "main_account" and not channel.main_account_id:
                raise ValidationError(
                    self.env._("Choose a main account first: it is to take chats of this channel.")
                )
            if channel.offline_rule == "proxy" and not channel.proxy_user_ids & channel.user_ids:
                raise ValidationError(
                    self.env._("Name at least one agent of this channel as a proxy.")
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

    def init(self):
        # Installed before an upgrade that adds a table of the ledger.
        ledger.create_tables(self.env.cr)

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
