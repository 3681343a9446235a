import logging
import time
from collections import defaultdict
from datetime import datetime, timedelta
from functools import cache, partial
from typing import NamedTuple

import pytz

from odoo import api, fields, models
from odoo.tools.intervals import Intervals

from ...dispatch import ledger, policy, route
from ...dispatch.line import IS_IN_POOL, WAITING
from ...dispatch.scope import Buyer, clean_page, rate_languages
from ...dispatch.weights import WEIGHT_MIN
from ...tools import clock
from ...tools.here import GRACE, IS_OFF, IS_PAUSED, TIMES_OFF, read_now
from ...tools.names import fold_typed
from ...tools.sent import is_text, without_defaults
from ...tools.sentinels import PREVIEW
from .staff import Staff, Tree


class Settings(NamedTuple):
    """What a channel is asked for at each decision."""

    rules: policy.Rules
    query: ledger.Query
    """Whom to read."""
    setup: route.Setup
    """Without groups."""
    calendar_id: int | bool
    """The ``resource.calendar`` of the opening hours, ``False`` for always."""
    ramp_minutes: int
    has_shifts: bool
    """Whether any agent follows a shift."""


_logger = logging.getLogger(__name__)

# A buyer who returns so soon reaches the last agent even when that agent is paused.
_STICKY_EVEN_PAUSED = timedelta(hours=24)

# So many records an hour tell that nobody was found on a channel: more than a shop has such buyers,
# as the chat is not even offered then, and so few that a script which asks without end fills no
# disk. Who comes after that is turned away without a record, and not counted.
NOBODY_RECORDS_MAX = 100

# Where a transaction keeps the outcome of its dispatch until the chat is there: in its
# `postcommit.data`. Its `precommit.data` is emptied by whoever makes a savepoint meanwhile.
_OUTCOME = "livechat_dispatch_outcome"

# As many characters as an order's number has.
_ORDER_LENGTH = 64


class Outcome(NamedTuple):
    """Where dispatch sends one buyer."""

    agent: models.Model
    """``res.users``; empty when nobody takes the chat now."""
    state: str | None
    """``assigned``, ``queued``, ``pool``, or ``None``: nobody is here, as core would say it."""
    group: models.Model
    """``livechat.dispatch.group`` whose scope fits; empty for the default group."""
    values: dict
    """What a decision record says about it."""


class ImLivechatChannel(models.Model):
    _inherit = "im_livechat.channel"

    dispatch_overrun_count = fields.Integer(
        "Agents Above Capacity",
        compute="_compute_dispatch_overrun_count",
        help="Agents with more chats than they may be given: quiet chats woke up, or they joined "
        "chats themselves. They get no new buyers until they are below their capacity again.",
    )

    @api.depends("dispatch_mode", "user_ids.dispatch_weight")
    def _compute_remaining_session_capacity(self):
        dispatched = self.filtered(lambda channel: channel.dispatch_mode != "native")
        super(ImLivechatChannel, self - dispatched)._compute_remaining_session_capacity()
        for channel in dispatched:
            rules = channel._get_dispatch_rules()
            channel.remaining_session_capacity = rules.max_sessions and sum(
                max(
                    0,
                    policy.capacity(rules.max_sessions, agent.weight) - policy.load(agent, rules),
                )
                for agent in channel._get_dispatch_staff()
            )

    @api.depends("dispatch_mode", "max_sessions_mode", "max_sessions", "user_ids.dispatch_weight")
    def _compute_dispatch_overrun_count(self):
        for channel in self:
            rules = channel._get_dispatch_rules()
            limited = channel.dispatch_mode != "native" and rules.max_sessions
            channel.dispatch_overrun_count = limited and sum(
                policy.load(agent, rules) > policy.capacity(rules.max_sessions, agent.weight)
                for agent in channel._get_dispatch_staff()
            )

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
        outcome = self.env.cr.postcommit.data.get(_OUTCOME)
        if (
            outcome
            and not info["operator_partner"]
            and info["operator_model"] == "res.users"
            and outcome.state in WAITING
        ):
            # sudo: res.partner - the buyer writes to the desk of the shop, and an agent will come
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
        settings = self._read_settings()
        if settings.rules.mode == "native":
            return super()._get_operator(previous_operator_id=previous_operator_id, **buyer)
        if self._is_preview() or (users is not None and not users):
            return self.env["res.users"]
        dispatch = partial(
            self._dispatch,
            self._get_buyer(lang, country_id),
            users=users,
            expertises=expertises,
            settings=settings,
        )
        outcome = dispatch()
        if not outcome.state and self.env.user in self.user_ids | self.main_account_id:
            # As core: who tries the chat alone meets itself.
            outcome = dispatch(itself=self.env.user)
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
        if self.offline_rule in route.KEEPING_RULES and not self._is_pool_full():
            # Nothing more is asked.
            return True
        settings = self._read_settings()
        if settings.setup.keeps_pool and not self._is_pool_full():
            return True
        return self._is_open_to_agents(settings, settings.setup._replace(keeps_pool=False))

    def _keeps_words(self):
        """Tell whether what a buyer wrote now would be kept for who comes, since nobody is here who
        could ever answer it: a line that is full is served."""
        if self._is_room_at_once():
            return False
        settings = self._read_settings()
        if not settings.setup.keeps_pool or self._is_pool_full():
            return False
        # Whoever takes chats while nobody is here comes after the pool.
        setup = settings.setup._replace(keeps_pool=False, offline_takers=frozenset(), queue_limit=0)
        return not self._is_open_to_agents(settings, setup)

    def _is_open_to_agents(self, settings, setup):
        """Tell whether an agent could be reached, as of ``route.is_open``.

        :param route.Setup setup: instead of that of the settings.
        """
        nothing = self.env["livechat.dispatch.group"]
        staff = Staff(self, settings.query, partial(self._complete_facts, nothing, (), settings))
        return route.is_open(settings.rules, setup, staff, self._count_lines)

    def _is_pool_full(self):
        """Tell whether the pool keeps no more messages."""
        # sudo: discuss.channel - how many there are
        chats = self.env["discuss.channel"].sudo()
        # Served by discuss_channel__dispatch_waiting_idx.
        domain = [("livechat_channel_id", "=", self.id), *IS_IN_POOL]
        return chats.search_count(domain, limit=route.POOL_PLACES) >= route.POOL_PLACES

    def _is_room_at_once(self):
        """Tell whether a look at a few agents finds one who could take a buyer now. That is asked
        on every page view of the shop, and takes one query."""
        self.env.flush_all()
        if not ledger.is_prepared(self.env.cr) and self.dispatch_mode == "native":
            # A shop that leaves all to Odoo takes no decisions: there the question would have to be
            # planned each time, while Odoo reads the channel anyway.
            return False
        query = ledger.Query(
            receive_group_id=self._get_receive_group_id(),
            now=read_now(self.env),
            channel_id=self.id,
        )
        return ledger.has_room_at_once(self.env.cr, query, self._get_dispatch_rules)

    def _read_settings(self):
        """Return how this channel is set.

        :rtype: Settings
        """
        channel = self._read_dispatch_channel()
        takers = self._get_offline_takers(channel)
        # While each proxy is disabled, what buyers write is kept for whoever of the others comes.
        lacks_proxies = channel.offline_rule == "proxy" and not takers and bool(self.user_ids)
        return Settings(
            rules=self._get_dispatch_rules(channel),
            query=self._get_dispatch_query(channel=channel),
            setup=route.Setup(
                queue_enabled=bool(channel.queue_enabled),
                queue_limit=channel.queue_limit or 0,
                keeps_pool=channel.offline_rule in route.KEEPING_RULES or lacks_proxies,
                offline_takers=takers,
                main_account_id=channel.main_account_id or None,
            ),
            calendar_id=channel.calendar_id,
            ramp_minutes=channel.ramp_minutes,
            has_shifts=channel.has_shifts,
        )

    def _get_dispatch_query(self, users=None, channel=None):
        """Return whom to read for this channel.

        :param users: these instead of the channel's agents.
        :param ledger.Channel channel: what is stored, when that has just been read.
        :rtype: ledger.Query
        """
        self.ensure_one()
        channel = channel or self._get_dispatch_channel()
        if users is None and self != self._origin:
            # A form being filled in: its agents, not those of the database.
            users = self.user_ids | self.main_account_id
        query = ledger.Query(
            receive_group_id=self._get_receive_group_id(),
            now=read_now(self.env),
            channel_id=self._origin.id or None,
            asks_in_call=channel.block_assignment_during_call,
            user_ids=None if users is None else users._origin.ids,
            main_account_id=channel.main_account_id or None,
            circle=channel.circle,
        )
        if policy.read_ticket_load(channel.ticket_load):
            return self._ask_for_tickets(query)
        return query

    @api.model
    def _ask_for_tickets(self, query):
        """Return the query, which asks for open tickets as well, as they count.

        :rtype: ledger.Query
        """
        return query

    @api.model
    def _get_receive_group_id(self):
        """Return the id of the group whose members may receive buyers."""
        return self.env["ir.model.data"]._xmlid_to_res_id("im_livechat.im_livechat_group_user")

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

    def _dispatch(
        self,
        buyer,
        chat=None,
        users=None,
        declined=(),
        expertises=None,
        offline=True,
        settings=None,
        arrives=False,
        itself=None,
    ):
        """Decide where a buyer goes; the winner's seat is held until the transaction ends. Nobody
        gets its own chat, with whatever login it has come.

        :param scope.Buyer buyer: who comes.
        :param chat: the buyer's ``discuss.channel`` when there is one already; its group stays.
        :param users: only these ``res.users``, as a chatbot asks for them.
        :param declined: ids of users who left this very chat unanswered.
        :param expertises: ``im_livechat.expertise`` to prefer.
        :param offline: whether the rule for when nobody is here may choose.
        :param Settings settings: those of the channel, when they have just been read.
        :param arrives: whether a chat that waits takes its turn after those in line, as a new one
            does, instead of being the one that is served.
        :param itself: the ``res.users`` who may get its own chat all the same.
        :rtype: Outcome
        """
        self.ensure_one()
        started = time.perf_counter()
        own = self._find_users_of(buyer) - (itself or self.env["res.users"])
        declined = {*declined, *own.ids}
        settings = settings or self._read_settings()
        group = chat.dispatch_group_id if chat else self._find_dispatch_group(buyer)
        arrives = arrives or not chat or not chat.dispatch_state
        expertises = self.env["im_livechat.expertise"] if expertises is None else expertises
        request = route.Request(
            group_id=group.id or None,
            regulars=self._find_regulars(buyer),
            asked_expertises=len(expertises),
            in_line=self._count_waiting(group) if arrives and settings.setup.queue_enabled else 0,
            in_pool=route.POOL_PLACES
            if arrives and settings.setup.keeps_pool and self._is_pool_full()
            else 0,
            waited=chat._get_waited_seconds() if chat else 0,
            waits=bool(chat) and chat.dispatch_state in WAITING,
            user_ids=None if users is None else users.ids,
            offline=offline,
        )
        query = settings.query._replace(
            languages=rate_languages(buyer, self._read_langs()),
            country_id=buyer.country_id or None,
            expertise_ids=tuple(expertises.ids),
        )
        staff = Staff(self, query, partial(self._complete_facts, group, declined, settings))
        setup = settings.setup._replace(groups=Tree(group))
        found = route.find_route(request, settings.rules, setup, staff)
        values = {**staff.get_values(found.ascent), "kind": found.kind, "rule": found.rule}
        values["by_wish"] = chat.dispatch_by_wish if chat else self._is_wish(group, buyer)
        values["duration_ms"] = 1000 * (time.perf_counter() - started)
        agent = self.env["res.users"].browse(found.ascent.decision.winner)
        return Outcome(agent, found.state, group, values)

    @api.model
    def _find_users_of(self, buyer):
        """Return the users of a buyer's contact, if somebody who works here is among them.

        :param scope.Buyer buyer: the buyer.
        """
        # sudo: res.partner, res.users - who the buyer is, whoever asks
        contact = self.env["res.partner"].sudo().browse(buyer.partner_id or ())
        works_here = contact and not contact.partner_share
        return contact.user_ids if works_here else self.env["res.users"]

    @api.model
    def _is_wish(self, group, buyer):
        """Tell whether a buyer is one of this group because it asked for it."""
        return bool(group) and group.id == buyer.wished_group_id

    def _dispatch_but(self, givers, chat, declined=(), offline=True, arrives=False):
        """As :meth:`_dispatch`, of a chat that is there already: to who gave it away it returns
        only when nobody else who is here could take it, now or soon.

        :param givers: ``res.users``.
        :rtype: Outcome
        """
        dispatch = partial(
            self._dispatch,
            chat._get_buyer(),
            chat=chat,
            expertises=chat.livechat_expertise_ids,
            arrives=arrives,
        )
        if set(givers.ids).difference(declined):
            outcome = dispatch(declined={*givers.ids, *declined}, offline=False)
            if outcome.state:
                return outcome
        return dispatch(declined=declined, offline=offline)

    def _get_offline_takers(self, channel):
        """Return the user ids of those who take chats while nobody is here.

        :param ledger.Channel channel: this channel as it is stored.
        :rtype: frozenset[int]
        """
        if channel.offline_rule == "main_account" and channel.main_account_id:
            return frozenset([channel.main_account_id])
        if channel.offline_rule == "proxy":
            return frozenset((self.proxy_user_ids & self.user_ids)._origin.ids)
        return frozenset()

    def _dispatch_to(self, agent, group, ignore_capacity=False):
        """Take a seat for a chat that a colleague gives to this very agent.

        :param agent: ``res.users``.
        :param group: the chat's ``livechat.dispatch.group``, which may ask for a permission.
        :rtype: Outcome
        """
        self.ensure_one()
        rules, complete = self._judge_receivers(group)
        if ignore_capacity:
            rules = rules._replace(max_sessions=None)
        query = self._get_dispatch_query()._replace(user_ids=agent.ids)
        agents = []

        def decide(read):
            agents[:] = complete(read)
            return policy.decide(agents, rules)

        decision = ledger.reserve_seat(self.env, query, decide)
        values = self.env["livechat.dispatch.decision"]._describe_decision(decision, agents, rules)
        return self._make_outcome(self.env["res.users"].browse(decision.winner), values)

    def _judge_receivers(self, group):
        """Return by which rules a chat of this group may be given to an agent by hand, and a
        function that returns the agents that were read as these rules see them."""
        rules = self._get_dispatch_rules()._replace(main_account_participation="member")
        complete = self._complete_facts(group, ())
        # Who is about to be back has the chat by then.
        return rules, lambda read: [
            agent.but(online=agent.online or agent.just_gone) for agent in complete(read)
        ]

    def _make_outcome(self, agent, values=None):
        """Return the outcome that this agent, or nobody, takes a chat.

        :rtype: Outcome
        """
        values = values or {"user_id": agent.id, "rule": "by_hand" if agent else "nobody"}
        group = self.env["livechat.dispatch.group"]
        return Outcome(agent, "assigned" if agent else None, group, values)

    def _get_member_ids(self, group_id):
        """Return the user ids of a dispatch group's agents; of the default group for ``None``, and
        then ``None`` for all agents of the channel where no group has a scope."""
        if group_id:
            return self.env["livechat.dispatch.group"].browse(group_id)._get_agent_ids()
        if any(scope.values for scope in self._read_dispatch_scopes()):
            return self._get_default_agent_ids()
        return None

    def _get_groups_of(self, agent):
        """Return the groups of this channel whose buyers come to this agent; among them an empty
        one for the default group.

        :rtype: list
        """
        groups = [group for group in self.dispatch_group_ids if agent in group._get_agents()]
        members = self._get_member_ids(None)
        if members is None or agent.id in members:
            groups.append(self.env["livechat.dispatch.group"])
        return groups

    def _find_exclusion(self, agent, group):
        """Return the code of the reason why this agent cannot take a chat of this group now,
        ``None`` if it can."""
        query = self._get_dispatch_query(agent)
        self.env.flush_all()
        (facts,) = self._complete_facts(group, ())(ledger.read_agents(self.env.cr, query))
        return policy.exclusion(facts, self._get_dispatch_rules())

    def _complete_facts(self, group, declined, settings=None):
        """Return a function that adds to agents what the ledger does not read."""
        settings = settings or self._read_settings()
        lacking, paused = self._find_lacking(group), self._find_paused_in(group)
        off_shift, due = self._find_absences(group, settings)
        ramped = self._find_ramped_weights(settings.ramp_minutes)
        concerned = {*lacking, *paused, *off_shift, *due, *ramped, *declined}
        if not concerned:
            return list
        return lambda agents: [
            agent.but(
                declined=agent.user_id in declined,
                missing_permission=agent.user_id in lacking,
                paused=agent.paused or agent.user_id in paused,
                off_shift=agent.off_shift or agent.user_id in off_shift,
                due=agent.user_id in due,
                weight=ramped.get(agent.user_id, agent.weight),
            )
            if agent.user_id in concerned
            else agent
            for agent in agents
        ]

    @api.model
    def _find_paused_in(self, group):
        """Return the ids of the agents who are paused in this group; none for the default group."""
        return frozenset(group.paused_user_ids.ids) if group.has_paused else frozenset()

    def _find_lacking(self, group, agents=None):
        """Return the ids of the agents without the permission that the group asks for.

        :param agents: these ``res.users`` instead of the channel's.
        """
        permission = group.required_permission_id
        if not permission:
            return frozenset()
        # sudo: livechat.permission, res.groups - who may do what is for the server to know
        groups = permission.sudo()._get_groups()
        agents = (agents or self.user_ids | self.main_account_id).sudo()
        return frozenset(agents.filtered(lambda agent: groups - agent.all_group_ids).ids)

    def _find_absences(self, group, settings):
        """Return the ids of the agents who do not work at this hour, by their own shift or because
        the channel or the group is closed; and of those who come later today, or were to come just
        now: their hours begin, or in their hours a pause or a time off ends. While the channel is
        closed nobody is waited for, and without a line nobody who comes later."""
        calendars = self.env["resource.calendar"]
        opening = calendars.browse(settings.calendar_id or ())
        has_line = settings.setup.queue_enabled
        if opening and not opening._is_working_now():
            return frozenset((self.user_ids | self.main_account_id).ids), frozenset()
        if not (settings.has_shifts or group.calendar_id or has_line):
            return frozenset(), frozenset()
        now = read_now(self.env)
        # sudo: res.users - where the shop is
        shop_tz = self.sudo().main_account_id.tz

        @cache
        def find_hours(calendar_id, follows_group):
            kept = calendars.browse(calendar_id or ()) | (
                group.calendar_id if follows_group else calendars
            )
            # sudo: resource.calendar - as above
            tz = opening.sudo().tz or shop_tz or kept.sudo()[:1].tz or "UTC"
            until = clock.get_midnight(now, pytz.timezone(tz), 1)
            return (opening | kept)._get_hours(now - GRACE, until)

        members = set(group._get_agents().ids) if group.calendar_id else set()
        off_shift, due = set(), set()
        for user_id, calendar_id, times_off in self._read_absences(members, has_line):
            hours = find_hours(calendar_id, user_id in members)
            if not any(start <= now < end for start, end, _nothing in hours):
                off_shift.add(user_id)
            hours -= Intervals((start, end, set()) for start, end in times_off)
            if has_line and any(start > now - GRACE for start, _end, _nothing in hours):
                due.add(user_id)
        return frozenset(off_shift), frozenset(due)

    def _read_absences(self, members, has_line):
        """Yield the id of each agent whose hours are to be looked at, the id of its shift, and from
        when to when it is away whatever the hours.

        :param members: ids of agents who keep the hours of their group.
        :param has_line: whether it matters who comes back later.
        """
        self.env["res.users"].flush_model(
            ["dispatch_calendar_id", "dispatch_paused", "dispatch_paused_until"]
        )
        now = read_now(self.env)
        # Served by im_livechat_channel_im_user_pkey, res_users_pkey and the index on time off that
        # is not over.
        self.env.cr.execute(
            f"""
            SELECT users.id, users.dispatch_calendar_id,
                   CASE WHEN {IS_PAUSED} THEN coalesce(users.dispatch_paused_until, %(ever)s) END
              FROM res_users users
             WHERE users.id IN (
                       SELECT user_id
                         FROM im_livechat_channel_im_user
                        WHERE channel_id = %(channel_id)s
                    UNION ALL
                       SELECT %(main_account_id)s::integer
                   )
               AND (users.dispatch_calendar_id IS NOT NULL
                    OR users.id = ANY(%(members)s)
                    OR (%(has_line)s AND ({IS_PAUSED} OR {IS_OFF})))
            """,
            {
                "channel_id": self._origin.id or None,
                "main_account_id": self.main_account_id._origin.id or None,
                "members": list(members),
                "has_line": has_line,
                "now": now,
                "ever": datetime.max.replace(microsecond=0),
            },
        )
        rows = self.env.cr.fetchall()
        times_off = defaultdict(list)
        if rows and has_line:
            self.env["resource.calendar.leaves"].flush_model()
            # Served by resource_calendar_leaves__livechat_own_idx: what is not over.
            self.env.cr.execute(
                f"""
                SELECT resource.user_id, off.date_from, off.date_to
                  FROM {TIMES_OFF}
                 WHERE off.date_to > %s AND resource.user_id = ANY(%s)
                """,
                [now - GRACE, [user_id for user_id, *_times in rows]],
            )
            for user_id, start, end in self.env.cr.fetchall():
                times_off[user_id].append((start, end))
        for user_id, calendar_id, paused_until in rows:
            if paused_until:
                times_off[user_id].append((datetime.min, paused_until))
            yield user_id, calendar_id, times_off[user_id]

    def _find_ramped_weights(self, ramp_minutes):
        """Return ``{user_id: weight}`` of the agents who came so lately that they start slowly."""
        if not ramp_minutes:
            return {}
        now = read_now(self.env)
        self.env["res.users"].flush_model(["dispatch_weight"])
        self.env["mail.presence"].flush_model(["livechat_online_since"])
        # Served by im_livechat_channel_im_user_pkey and the unique index on mail_presence.
        self.env.cr.execute(
            """
            SELECT users.id, users.dispatch_weight, presence.livechat_online_since
              FROM im_livechat_channel_im_user agent
              JOIN res_users users ON users.id = agent.user_id
              JOIN mail_presence presence ON presence.user_id = users.id
             WHERE agent.channel_id = %(channel_id)s
               AND presence.livechat_online_since > %(since)s
            """,
            {
                "channel_id": self._origin.id or None,
                "since": now - timedelta(minutes=ramp_minutes),
            },
        )
        return {
            user_id: max(
                WEIGHT_MIN,
                round(weight * (now - since).total_seconds() / (60 * ramp_minutes)),
            )
            for user_id, weight, since in self.env.cr.fetchall()
        }

    def _get_buyer(self, lang=None, country_id=None):
        """Return what is known about whoever makes this request.

        :rtype: scope.Buyer
        """
        buyer = self.env.context.get("livechat_dispatch_buyer")
        # A browser can put any JSON in the context but never such an object.
        if not isinstance(buyer, Buyer):
            return self._make_buyer(*self._identify_buyer(), lang, country_id)
        return buyer._replace(lang=buyer.lang or lang, country_id=buyer.country_id or country_id)

    def _get_known_values(self):
        """Return what a new chat of this request keeps of its buyer, for whenever it is dispatched
        again. Core asks cookies, which pages elsewhere do not have."""
        buyer = self.env.context.get("livechat_dispatch_buyer")
        if not isinstance(buyer, Buyer):
            return {}
        known = {
            "country_id": buyer.country_id,
            "livechat_lang_id": buyer.lang and self._read_langs()[buyer.lang][0],
        }
        return {name: value for name, value in known.items() if value}

    def _find_regulars(self, buyer):
        """Return the agents to whom this buyer belongs, the strongest claim first.

        :rtype: list[policy.Regular]
        """
        regulars = []
        if buyer.partner_id:
            # sudo: res.partner - whom the shop appointed; whether that is an agent is seen later
            contact = self.env["res.partner"].sudo().browse(buyer.partner_id)
            appointed = contact.livechat_agent_id | contact.commercial_partner_id.livechat_agent_id
            # Of who has gone the buyer is no more.
            if appointed := appointed.filtered("active")[:1]:
                regulars.append(policy.Regular(appointed.id, "exclusive", True))
        if (buyer.partner_id or buyer.guest_id) and self.sticky_hours:
            now = read_now(self.env)
            agent, answered_at = self._find_last_answer(
                buyer, now - timedelta(hours=self.sticky_hours)
            )
            if agent:
                soon = answered_at >= now - _STICKY_EVEN_PAUSED
                regulars.append(
                    policy.Regular(agent.id, "sticky", soon, answered_at.isoformat(" ", "seconds"))
                )
        return regulars

    def _find_last_answer(self, buyer, since):
        """Return which agent of this channel wrote to a buyer last in time, and when.

        :param scope.Buyer buyer: the buyer.
        :param since: in chats in which something has happened since then.
        :rtype: tuple[res.users, datetime | None]
        """
        self.env["im_livechat.channel.member.history"].flush_model()
        self.env["mail.message"].flush_model()
        # Served by im_livechat_channel_member_history's indexes on partner_id, guest_id and
        # channel_id, discuss_channel's on dispatch_guest_id and mail_message's on (model, res_id):
        # the chats of one buyer. No answer is later than the last interest in its chat.
        self.env.cr.execute(
            """
            SELECT message.author_id, least(message.date, chat.last_interest_dt) AS answered_at
              FROM discuss_channel chat
              JOIN im_livechat_channel_member_history agent ON agent.channel_id = chat.id
              JOIN mail_message message
                ON message.model = 'discuss.channel'
               AND message.res_id = chat.id
               AND message.author_id = agent.partner_id
             WHERE chat.id IN (
                       SELECT channel_id
                         FROM im_livechat_channel_member_history
                        WHERE livechat_member_type = 'visitor'
                          AND (partner_id = %(partner_id)s OR guest_id = %(guest_id)s)
                    UNION ALL
                       SELECT id FROM discuss_channel WHERE dispatch_guest_id = %(guest_id)s
                   )
               AND chat.livechat_channel_id = %(channel_id)s
               AND chat.last_interest_dt > %(since)s
               AND agent.livechat_member_type = 'agent'
               AND message.message_type = 'comment'
          ORDER BY answered_at DESC, message.id DESC
             LIMIT 1
            """,
            {
                "partner_id": buyer.partner_id,
                "guest_id": buyer.guest_id,
                "channel_id": self.id,
                "since": since,
            },
        )
        row = self.env.cr.fetchone()
        if not row or row[1] <= since:
            return self.env["res.users"], None
        # sudo: res.partner, res.users - whether that is an agent is seen later
        return self._get_agents_of(self.env["res.partner"].sudo().browse(row[0])), row[1]

    def _get_livechat_discuss_channel_vals(self, /, **kwargs):
        values = super()._get_livechat_discuss_channel_vals(**kwargs)
        if self.dispatch_mode == "native":
            return values
        page = clean_page(self.env.context.get("livechat_dispatch_page"))
        values["dispatch_page"] = page or False
        values["dispatch_address"] = self._read_caller_address()
        values["dispatch_cart_id"] = self._read_cart_id()
        if self.first_question == "order":
            number = self.env.context.get("livechat_dispatch_order")
            values["dispatch_order_number"] = (
                is_text(number, _ORDER_LENGTH) and fold_typed(number).strip()
            )
        guest = self.env["mail.guest"]._get_guest_from_context()
        if guest and not self.env.user._is_public():
            values["dispatch_guest_id"] = guest.id
        if kwargs["operator_model"] == "chatbot.script":
            # Known now, wanted when the bot hands over.
            buyer = self._get_buyer()
            group = self._find_dispatch_group(buyer)
            return {
                **values,
                "dispatch_group_id": group.id,
                "dispatch_by_wish": self._is_wish(group, buyer),
            }
        outcome = self.env.cr.postcommit.data.get(_OUTCOME)
        now = read_now(self.env)
        if not outcome:
            return values
        values["dispatch_group_id"] = outcome.group.id
        values["dispatch_by_wish"] = outcome.values.get("by_wish", False)
        values["dispatch_wordless_since"] = now
        if outcome.state in WAITING and kwargs["operator_partner"] == self.reception_partner_id:
            # Who has written takes a place.
            values["livechat_failure"] = "no_agent"
        elif outcome.agent and kwargs["operator_partner"] == outcome.agent.partner_id:
            values.update(
                dispatch_state="assigned",
                dispatch_rule=outcome.values["rule"],
                dispatch_assigned_at=now,
                dispatch_is_away=outcome.values["rule"] == "offline",
            )
        return values

    def _get_channel_name(self, /, *, visitor_user=None, guest=None, agent=None, **kwargs):
        # sudo: mail.guest - the buyer's own name; core has it in the cache, which whoever makes a
        # savepoint may empty
        guest = guest and guest.sudo()
        if not agent and kwargs.get("operator_model") == "res.users":
            # Who waits has no agent to be named after yet.
            return f"{visitor_user.display_name if visitor_user else guest.name} {self.name}"
        return super()._get_channel_name(
            visitor_user=visitor_user, guest=guest, agent=agent, **kwargs
        )

    def _get_agent_member_vals(self, /, **kwargs):
        values = super()._get_agent_member_vals(**kwargs)
        if self.reception_partner_id and kwargs["operator_partner"] == self.reception_partner_id:
            # The desk is no agent: it takes no seat and answers nobody.
            values["livechat_member_type"] = "bot"
        if self.dispatch_mode != "native" and not values.get("chatbot_script_id"):
            # That there is none is what a history says by itself. Said here it would make that of
            # the agent first, alone, and change it afterwards, instead of all with one statement.
            values.pop("chatbot_script_id", None)
        return values

    def _record_decision(self, group, values):
        """Write down a decision of this channel.

        :param group: the ``livechat.dispatch.group`` it was taken for.
        :param values: of the record, as ``livechat.dispatch.decision._describe_decision`` says.
        :rtype: livechat.dispatch.decision
        """
        decisions = self.env["livechat.dispatch.decision"]
        # What a caller's context calls a default is no record of a decision.
        clean = decisions.with_context(without_defaults(self.env.context))
        # sudo: livechat.dispatch.decision - nobody writes these but dispatch
        return clean.sudo().create(
            {
                "livechat_channel_id": self.id,
                "main_account_id": self.main_account_id.id,
                "group_id": group.id,
                **values,
            }
        )

    def _record_nobody(self):
        """Write down that this request's buyer found nobody and was turned away, without a chat.

        The answer is the same whether that succeeds or not.
        """
        outcome = self._take_outcome()
        if not outcome or outcome.state:
            return
        try:
            with self.env.cr.savepoint():
                if self._may_record_nobody():
                    self._record_decision(outcome.group, outcome.values)
                    self.env["livechat.announcement"]._look_again(self, "lines")
        except Exception:
            _logger.exception("That a buyer found nobody could not be written down")

    @api.model
    def _say_nobody(self):
        """Return what somebody is told who has opened the window while an agent had room."""
        return self.env._(
            "Nobody can answer right now. What you wrote is still there: try again later."
        )

    def _may_record_nobody(self):
        """Tell whether fewer than ``NOBODY_RECORDS_MAX`` buyers found nobody in the last hour."""
        # sudo: livechat.dispatch.decision - how many there are
        decisions = self.env["livechat.dispatch.decision"].sudo()
        # Served by livechat_dispatch_decision__nobody_idx.
        recorded = decisions.search_count(
            [
                ("livechat_channel_id", "=", self.id),
                ("kind", "=", "nobody"),
                ("moment", ">", read_now(self.env) - timedelta(hours=1)),
            ],
            limit=NOBODY_RECORDS_MAX,
        )
        return recorded < NOBODY_RECORDS_MAX

    def _keep_outcome(self, outcome):
        """Remember the outcome for the chat that this transaction is about to open."""
        self.env.cr.postcommit.data[_OUTCOME] = outcome

    @api.model
    def _take_outcome(self):
        """Return the outcome that was kept and forget it.

        :rtype: Outcome | None
        """
        return self.env.cr.postcommit.data.pop(_OUTCOME, None)
