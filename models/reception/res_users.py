from odoo import api, fields, models
from odoo.exceptions import AccessError

from ...dispatch import credit, ledger, policy
from ...dispatch.weights import WEIGHT_DEFAULT, WEIGHT_MIN
from ...tools.rights import READERS


class ResUsers(models.Model):
    _inherit = "res.users"

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

    @api.model
    def get_dispatch_status(self):
        """Return what an agent sees about itself, ``False`` for whoever is none.

        :return: ``{"paused", "until", "overloaded", "load", "capacity", "waiting", "lines"}``; the
            capacity is that of the agent's roomiest channel, ``None`` for no limit; ``lines`` says
            of which channel how many are waiting.
        """
        user = self.env.user
        # sudo: im_livechat.channel, res.users - the agent's own figures
        channels = user.sudo().livechat_channel_ids.filtered(
            lambda channel: channel.dispatch_mode != "native"
        )
        if not channels or not user._has_agent_group():
            return False
        # sudo: res.users - the agent's own figures
        user = user.sudo()
        loads, capacities = [0], []
        for channel in channels:
            rules = channel._get_dispatch_rules()
            for agent in channel._read_dispatch_agents(user):
                loads.append(policy.load(agent, rules.quiet_hold))
                capacities.append(policy.capacity(rules.max_sessions, agent.weight))
        lines = {channel.id: channel.dispatch_queued_count for channel in channels}
        paused, until = user._is_paused(), user.dispatch_paused_until
        return {
            "paused": paused,
            "until": fields.Datetime.to_string(until) if paused and until else False,
            "overloaded": user.dispatch_overloaded,
            "load": max(loads),
            "capacity": None if None in capacities else max(capacities, default=None),
            "waiting": sum(lines.values()),
            "lines": lines,
        }

    def dispatch_set_weight(self, weight):
        """Give these agents another weight; it counts for the next buyer.

        :param weight: a whole number from 10 to 1000.
        :raise AccessError: for who does not manage their dispatch; nobody of a shop but its main
            account sets the own weight.
        :raise ValidationError: a weight out of range, with the limits in it.
        """
        (vals,) = self._read_sent([{"dispatch_weight": weight}])
        if self.exists()._find_manageable(self.env.user)[0] != self:
            raise AccessError(
                self.env._("You can set the weights of other agents of your shop only.")
            )
        # sudo: res.users - checked above, and nothing but the weight
        users = self.sudo().with_context(self.env["livechat.subaccount"]._clean_context())
        users.write(vals)
        # What follows from it is logged now, before the caller's context has a say in it.
        users.env.flush_all()
        return True
