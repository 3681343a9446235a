from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_datetime, format_time

from ...dispatch import credit, ledger, policy
from ...dispatch.weights import WEIGHT_DEFAULT, WEIGHT_MIN
from ...tools.here import SET_AWAY, read_now
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
        loads = {agent.user_id: policy.load(agent, rules) for agent in staff}
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

        :return: ``{"paused", "until", "reason", "reasons", "overloaded", "full", "load", "chats",
            "quiet", "tickets", "capacity", "waiting", "lines"}``; the capacity is that of the
            agent's roomiest channel, ``None`` for no limit; ``chats`` are all its open ones,
            ``quiet`` those of them that count less in ``load``, ``tickets`` how many open ones
            count in it; ``full`` says that one more fits on none of its channels,
            or is more than it wants; ``lines`` says of which channel how many are waiting;
            ``reasons`` are those of ``get_pause_reasons``, ``reason`` the name of the one given.
        """
        user = self.env.user
        channels = user._get_served_channels().filtered(
            lambda channel: channel.dispatch_mode != "native"
        )
        if not channels or not user._has_agent_group():
            return False
        # sudo: res.users - the agent's own figures
        user = user.sudo()
        loads, capacities, rooms = [(0, 0, 0, 0)], [], []
        for channel in channels:
            rules = channel._get_dispatch_rules()
            for agent in channel._read_dispatch_agents(user):
                lively, quiet = agent.lively_chats, agent.quiet_chats
                load = policy.load(agent, rules)
                loads.append((load, lively + quiet, quiet, agent.tickets))
                capacities.append(policy.capacity(rules.max_sessions, agent.weight))
                rooms.append(policy.has_room(lively, quiet, agent.weight, rules, agent.tickets))
        load, chats, quiet, tickets = max(loads)
        lines = {channel.id: channel.dispatch_queued_count for channel in channels}
        paused, until = user._is_paused(), user.dispatch_paused_until
        return {
            "paused": paused,
            "until": fields.Datetime.to_string(until) if paused and until else False,
            "reason": (paused and user.dispatch_pause_reason_id.name) or False,
            "reasons": self.env.user.get_pause_reasons(),
            "overloaded": user.dispatch_overloaded,
            "full": user.dispatch_overloaded or not any(rooms or [True]),
            "load": load,
            "chats": chats,
            "quiet": quiet,
            "tickets": tickets,
            "capacity": None if None in capacities else max(capacities, default=None),
            "waiting": sum(lines.values()),
            "lines": lines,
        }

    @api.model
    def get_why_no_buyers(self):
        """Return in one sentence why dispatch gives the caller no new buyers now, by the reasons of
        a decision; ``False`` when it may, or to who is no agent.

        :rtype: str | bool
        """
        # sudo: res.users, im_livechat.channel - one's own account, and where it serves
        user = self.env.user.sudo()
        channels = user._get_served_channels()
        if not user._has_agent_group() or not channels:
            if not user.main_account_id:
                return False
            if user._has_agent_group():
                return self.env._("You are an agent of no channel.")
            return self.env._("None of your roles lets you receive buyers.")
        hindrances = []
        for channel in channels:
            if channel.dispatch_mode == "native":
                return False
            for group in channel._get_groups_of(user):
                code = channel._find_exclusion(user, group)
                if not code:
                    return False
                hindrances.append((channel, group, code))
        # Who waits for a seat to become free waits for the shortest time.
        hindrances.sort(key=lambda hindrance: hindrance[2] not in policy.PASSING_REASONS)
        return user._say_why_no_buyers(*hindrances[0]) if hindrances else False

    def _say_why_no_buyers(self, channel, group, code):
        if code == "paused" and not self._is_paused():
            return self.env._(
                "You are paused in %s: who manages dispatch lets you take its buyers again.",
                group.name,
            )
        if code == "paused":
            until = self.dispatch_paused_until
            if until:
                return self.env._("You are paused until %s.", self._format_moment(until))
            return self.env._("You are paused.")
        if code == "off_shift":
            return self._say_why_off_shift(channel, group)
        if code == "offline":
            if self.manual_im_status in SET_AWAY:
                return self.env._("You have set yourself away.")
            return self.env._("Nothing was heard of you for a while.")
        if code == "not_permitted" and self.second_factor_due:
            return self.env._(
                "Your role asks for a second factor: set it up in your preferences, under Security."
            )
        if code == "missing_permission":
            return self.env._(
                "%(group)s gives you no buyers: it asks for %(permission)s.",
                group=group.name,
                permission=group.required_permission_id.name,
            )
        return {
            "in_call": self.env._("You are in a call."),
            "overloaded": self.env._("You have more chats than you want."),
            "at_capacity": self.env._("You have no room for another chat."),
            "main_account_reserved": self.env._("The main account stands back here."),
        }.get(code, self.env._("You may not receive buyers."))

    def _say_why_off_shift(self, channel, group):
        """Return why none of somebody's hours is now, and until when."""
        opening = self._find_returns(channel.calendar_id | group.calendar_id)[self]
        until = self._format_moment(opening) if opening else self.env._("further notice")
        for closed, calendar in ((channel, channel.calendar_id), (group, group.calendar_id)):
            if not calendar._is_working_now():
                return self.env._(
                    "%(name)s is closed until %(time)s.", name=closed.name, time=until
                )
        if self._find_time_off().filtered(lambda off: off.date_from <= read_now(self.env)):
            return self.env._("You have time off until %s.", until)
        return self.env._("You are off shift until %s.", until)

    def _format_moment(self, moment):
        """Return a moment of today by its time, another with its day, where this user is."""
        zone = self.tz or "UTC"
        here = fields.Datetime.context_timestamp(self.with_context(tz=zone), moment)
        if here.date() == fields.Date.context_today(self.with_context(tz=zone), read_now(self.env)):
            return format_time(self.env, here.time(), time_format="short")
        return format_datetime(self.env, moment, tz=zone, dt_format="EEE d MMM HH:mm")

    def dispatch_set_weight(self, weight):
        """Give these agents another weight; it counts for the next buyer.

        :param weight: a whole number from 10 to 1000.
        :raise AccessError: for who does not manage their dispatch; nobody of a shop but its main
            account sets the own weight.
        :raise UserError: one of them was deleted meanwhile.
        :raise ValidationError: a weight out of range, with the limits in it.
        """
        (vals,) = self._read_sent([{"dispatch_weight": weight}])
        if self.exists() != self:
            raise UserError(self.env._("This agent or group is not there any more."))
        if self._find_manageable(self.env.user)[0] != self:
            raise AccessError(
                self.env._("You can set the weights of other agents of your shop only.")
            )
        # sudo: res.users - checked above, and nothing but the weight
        users = self.sudo().with_context(self.env["livechat.subaccount"]._clean_context())
        users.write(vals)
        # What follows from it is logged now, before the caller's context has a say in it.
        users.env.flush_all()
        return True
