from collections import Counter, deque
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from odoo import models

from ...dispatch import policy, replay, route
from ...dispatch.ledger import FORGOTTEN_AFTER, QUIET_AFTER
from ...dispatch.scope import Buyer, rate_languages
from ...tools.here import read_now

# So many records are in memory at a time: each may describe fifty agents.
_BATCH = 1000

# What is done about a buyer who has just come, and what gives a chat its first agent.
_ARRIVES = frozenset({"assign", "overflow", "queue", "pool", "nobody"})
_ASSIGNS = frozenset({"assign", "overflow"})

# By these rules the policy decided; a record of theirs holds the channel's rules.
_DECIDED = frozenset({"exclusive", "sticky", "share", "least_load", "nobody", "line"})

# What is true of an agent whatever the channel, and what may differ from one to the next.
_OWN_FACTS = ("enabled", "permitted", "online", "paused", "overloaded", "just_gone", "tickets")
_CHANNEL_FACTS = (*_OWN_FACTS, "weight", "in_call", "off_shift", "due", "is_main_account")

# Of a day without a single chat that ended, nobody knows how long one takes.
_SECONDS_DEFAULT = 600


class Past(NamedTuple):
    """What the records of a period tell."""

    day: replay.Day
    fates: list[replay.Fate]
    """What really became of each arrival of the day."""
    peaks: dict[int, float]
    """The most chats each agent really had, by ``user_id``."""
    weights: dict[int, int]
    """The weight each agent mostly had."""
    unseen: frozenset[int]
    """Agents of today at whom no decision of the period looked: whether they were there, nobody
    knows; the day says they were not."""
    unknown: int
    """Buyers whose records do not hold enough to decide again."""
    estimated: int
    """Arrivals of which nobody knows how long their chats would have taken."""


class ImLivechatChannel(models.Model):
    """What the records of dispatch tell about a past period."""

    _inherit = "im_livechat.channel"

    def _count_arrivals(self, start, end):
        """Return how many buyers came to this channel in a period, as the records tell.

        :param start: a datetime in UTC, and so is ``end``, which is not part of the period.
        """
        # sudo: livechat.dispatch.decision - a number, for who manages the channel's dispatch
        decisions = self.env["livechat.dispatch.decision"].sudo()
        # Served by livechat_dispatch_decision__channel_moment_idx.
        return decisions.search_count(
            [
                ("livechat_channel_id", "=", self.id),
                ("moment", ">=", start),
                ("moment", "<", end),
                ("kind", "in", list(_ARRIVES)),
                ("waited_seconds", "=", 0),
            ]
        )

    def _read_past(self, start, end):
        """Return what is known of a period, ready to be replayed.

        :param start: as for :meth:`_count_arrivals`.
        :rtype: Past
        """
        self.ensure_one()
        return _Reader(self, start, end).read()


@dataclass(slots=True, eq=False)
class _Chat:
    """What the records tell about one buyer."""

    id: int | None
    moment: float
    group_id: int | None
    user_id: int | None = None
    assigned: float | None = None
    gone: float | None = None
    pooled: float | None = None
    pooled_by_buyer: float | None = None
    put_first: list[float] = field(default_factory=list)
    fits: dict[int, replay.Fit] = field(default_factory=dict)
    regulars: tuple[policy.Regular, ...] = ()
    asked_expertises: int = 0
    known: bool = False


class _Reader:
    """Reads the records of one channel and one period."""

    def __init__(self, channel, start, end):
        self.channel, self.start, self.end = channel, start, end
        self.cr = channel.env.cr
        self.chats, self.by_id = [], {}
        self.events = []
        """What was recorded, in its order, each new buyer as a :class:`_Chat`."""
        self.agents = {}
        self.facts = {}
        self.weights = {}
        self.peaks = Counter()
        self.members = {}
        self.first_members = {}
        self.first_paused, self.pauses = self._read_group_pauses()
        self.paused = dict(self.first_paused)
        self.rules = self.first_rules = None
        self.participations = set()
        self.has_line = False

    def read(self):
        self.channel.env.flush_all()
        for row in self._stream():
            self._follow_group_pauses(self._to_seconds(row["moment"]))
            self._read_row(row)
        self._follow_group_pauses(self._to_seconds(self.end))
        self._follow_the_pending()
        self._add_agents_never_seen()
        known = [chat for chat in self.chats if chat.known]
        records = self._read_chats(known)
        lengths, estimated = self._measure_all(known, records)
        self._add_fits_never_seen(known, records)
        rules = self.first_rules or self.channel._get_dispatch_rules()
        day = replay.Day(
            agents=tuple(self.agents.values()),
            rules=self._correct(rules),
            setup=self._get_setup(),
            members={**self._get_present_members(), **self.first_members},
            events=tuple(self._list_events(lengths, records)),
            seats=tuple(self._read_seats()),
            until=self._to_seconds(read_now(self.channel.env)),
            paused=self.first_paused,
        )
        fates = [
            replay.Fate(
                chat.user_id,
                None if chat.user_id is None else chat.assigned - chat.moment,
                pooled=chat.pooled is not None,
            )
            for chat in known
        ]
        weights = {user_id: counts.most_common(1)[0][0] for user_id, counts in self.weights.items()}
        unknown = len(self.chats) - len(known)
        unseen = frozenset(self.agents.keys() - self.facts.keys())
        return Past(day, fates, dict(self.peaks), weights, unseen, unknown, estimated)

    def _to_seconds(self, moment):
        return (moment - self.start).total_seconds()

    # ------------------------------------------------------------
    # Records
    # ------------------------------------------------------------

    def _stream(self):
        """Yield the records of the period, of this channel and of those that share its agents."""
        agents = self.channel.with_context(active_test=False).user_ids
        params = {
            "channel_id": self.channel.id,
            "channel_ids": (agents.livechat_channel_ids | self.channel).ids,
            "start": self.start,
            "end": self.end,
            "last": (self.start, 0),
            "batch": _BATCH,
        }
        rows = None
        while rows is None or len(rows) == _BATCH:
            # Served by livechat_dispatch_decision's indexes on moment and discuss_channel_id.
            self.cr.execute(
                """
                SELECT moment, id, kind, rule, group_id, user_id, discuss_channel_id,
                       waited_seconds, facts, candidates, candidate_count,
                       livechat_channel_id = %(channel_id)s AS is_own,
                       EXISTS (
                           SELECT
                             FROM livechat_dispatch_decision earlier
                            WHERE earlier.discuss_channel_id = decision.discuss_channel_id
                              AND earlier.moment < %(start)s
                       ) AS is_earlier
                  FROM livechat_dispatch_decision decision
                 WHERE livechat_channel_id = ANY(%(channel_ids)s)
                   AND moment >= %(start)s
                   AND moment < %(end)s
                   AND (moment, id) > %(last)s
              ORDER BY moment, id
                 LIMIT %(batch)s
                """,
                params,
            )
            rows = self.cr.dictfetchall()
            yield from rows
            params["last"] = rows and (rows[-1]["moment"], rows[-1]["id"])

    def _read_row(self, row):
        moment = self._to_seconds(row["moment"])
        facts = row["facts"] or {}
        agents = [policy.Agent.from_list(values) for values in facts.get("agents") or ()]
        if row["is_own"]:
            # Without a line buyers wait for who is about to be back.
            self.has_line |= row["kind"] == "queue" and (
                row["rule"] == "line" or not any(agent.just_gone for agent in agents)
            )
            self._follow_rules(row, moment, facts.get("rules"))
            self._follow_members(row, moment, agents)
        self._follow_agents(row, moment, agents)
        chat = row["is_own"] and self._follow_chat(row, moment)
        if not chat or row["kind"] not in _ARRIVES:
            self._follow_charge(row, moment)
        elif not chat.known and facts.get("agents") is not None:
            self._describe(chat, facts, agents)

    def _follow_rules(self, row, moment, sent):
        """Note the rules a record was decided by, when they are others than before."""
        if not sent or row["rule"] not in _DECIDED or row["kind"] not in _ARRIVES:
            return
        rules = policy.Rules(
            **{name: value for name, value in sent.items() if name in policy.Rules._fields}
        )._replace(asked_expertises=0, needs_presence=True)
        self.participations.add(rules.main_account_participation)
        if rules != self.rules:
            if self.rules is None:
                self.first_rules = rules
            else:
                self.events.append(replay.Change(moment, rules))
            self.rules = rules

    def _follow_members(self, row, moment, agents):
        """Note who was in a group: whoever was looked at when its own agents were enough."""
        if row["kind"] != "assign" or row["rule"] not in ("share", "least_load") or not agents:
            return
        group_id = row["group_id"]
        members = frozenset(agent.user_id for agent in agents if not agent.is_main_account)
        if self.members.get(group_id) != members:
            if group_id not in self.members:
                self.first_members[group_id] = members
            else:
                self.events.append(replay.Membership(moment, group_id, members))
            self.members[group_id] = members

    def _read_group_pauses(self):
        """Return who was paused in one group when the period began, ``{group id: user ids}``, and
        what became of that, as the change log tells."""
        agents = self.channel.with_context(active_test=False).user_ids
        groups = (agents.livechat_channel_ids | self.channel).dispatch_group_ids
        # sudo: livechat.dispatch.group, livechat.dispatch.log - of whoever shares the agents
        groups = groups.sudo()
        paused = {group.id: frozenset(group.paused_user_ids.ids) for group in groups}
        # Served by livechat_dispatch_log's indexes on group_id and moment.
        rows = (
            self.channel.env["livechat.dispatch.log"]
            .sudo()
            .search(
                [
                    ("what", "=", "livechat.dispatch.group.paused_user_ids"),
                    ("group_id", "in", groups.ids),
                    ("moment", ">=", self.start),
                ],
                order="id desc",
            )
        )
        events = deque()
        for row in rows:
            # Backwards from what is true today.
            group_id, user_ids = row.group_id.id, paused[row.group_id.id]
            events.appendleft(replay.GroupPause(self._to_seconds(row.moment), group_id, user_ids))
            agent_ids = {row.agent_id.id}
            paused[group_id] = user_ids - agent_ids if row.new_value else user_ids | agent_ids
        return paused, events

    def _follow_group_pauses(self, moment):
        """Note who was paused in one group, and who no more, up to a moment."""
        while self.pauses and self.pauses[0].moment <= moment:
            event = self.pauses.popleft()
            self.paused[event.group_id] = event.user_ids
            self.events.append(event)

    def _follow_agents(self, row, moment, agents):
        names = _CHANNEL_FACTS if row["is_own"] else _OWN_FACTS
        rules = self.rules or policy.Rules(mode="share", quiet_hold=0)
        for agent in agents:
            user_id = agent.user_id
            if user_id not in self.agents:
                self.agents[user_id] = agent.but(
                    speaks_language=0,
                    same_country=False,
                    expertises=0,
                    lively_chats=0,
                    quiet_chats=0,
                    declined=False,
                    missing_permission=False,
                    paused=agent.paused and user_id not in self.paused.get(row["group_id"], ()),
                )
                self.facts[user_id] = {}
            known = self.facts[user_id]
            facts = {name: getattr(agent, name) for name in names}
            if user_id in self.paused.get(row["group_id"], ()):
                # Its record does not tell whether it would have taken chats of other groups.
                del facts["paused"]
            facts = dict(facts.items() - known.items())
            if known and facts:
                self.events.append(replay.State(moment, user_id, facts))
            known.update(facts)
            if row["is_own"]:
                self.weights.setdefault(user_id, Counter())[agent.weight] += 1
            load = policy.load(agent, rules) + (user_id == row["user_id"])
            self.peaks[user_id] = max(self.peaks[user_id], load)

    def _follow_chat(self, row, moment):
        """Note what became of a buyer; return it, if it is one of this period."""
        chat_id, kind = row["discuss_channel_id"], row["kind"]
        chat = self.by_id.get(chat_id)
        if not chat:
            if row["is_earlier"] or kind not in _ARRIVES or row["waited_seconds"]:
                return None
            chat = _Chat(chat_id, moment, row["group_id"])
            # After what its record says of the agents.
            self.events.append(chat)
            self.chats.append(chat)
            if chat_id:
                self.by_id[chat_id] = chat
        # An agent who was deleted since is known by its number only.
        user_id = row["user_id"] or (row["candidates"] or [{}])[0].get("user_id")
        self._note(chat, kind, moment, user_id, by_buyer=not row["facts"])
        return chat

    def _note(self, chat, kind, moment, user_id, by_buyer):
        if chat.user_id is not None:
            return
        if kind in _ASSIGNS:
            chat.user_id, chat.assigned = user_id, moment
        elif kind == "pool" and chat.pooled is None:
            chat.pooled = moment
            if by_buyer:
                chat.pooled_by_buyer = moment
        elif kind == "queue":
            # Its buyer's page has come back.
            chat.pooled = chat.pooled_by_buyer = None
        elif kind == "first":
            chat.put_first.append(moment)
        elif kind == "leave" and chat.gone is None:
            chat.gone = moment

    def _describe(self, chat, facts, agents):
        """Note what was known about a buyer."""
        chat.known = True
        chat.regulars = tuple(policy.Regular(*regular) for regular in facts.get("regulars") or ())
        chat.asked_expertises = (facts.get("rules") or {}).get("asked_expertises", 0)
        for agent in agents:
            chat.fits[agent.user_id] = replay.Fit(
                agent.speaks_language,
                agent.same_country,
                agent.expertises,
                agent.missing_permission,
            )

    def _follow_charge(self, row, moment):
        """Note a decision that the replay does not take: of another channel, or of a chat that
        went from one agent to another."""
        shares = {candidate["user_id"]: candidate["share"] for candidate in row["candidates"] or ()}
        if row["user_id"] in shares and len(shares) == row["candidate_count"]:
            self.events.append(replay.Charge(moment, shares, row["user_id"]))

    def _follow_the_pending(self):
        """Note what became, after the period, of those who still waited at its end."""
        pending = [
            chat.id for chat in self.chats if chat.id and not chat.user_id and chat.gone is None
        ]
        # sudo: livechat.dispatch.decision - of the chats of a channel that the caller manages
        decisions = self.channel.env["livechat.dispatch.decision"].sudo()
        # Served by livechat_dispatch_decision's index on discuss_channel_id.
        for row in decisions.search_fetch(
            [("discuss_channel_id", "in", pending), ("moment", ">=", self.end)],
            ["moment", "kind", "user_id", "discuss_channel_id", "facts"],
            order="moment, id",
        ):
            chat, moment = self.by_id[row.discuss_channel_id.id], self._to_seconds(row.moment)
            self._note(chat, row.kind, moment, row.user_id.id or None, by_buyer=not row.facts)

    # ------------------------------------------------------------
    # What the records do not hold
    # ------------------------------------------------------------

    def _add_agents_never_seen(self):
        """Add the channel's agents of today whom no record knows: they were not here."""
        for agent in self.channel._read_dispatch_agents():
            if agent.user_id not in self.agents:
                self.agents[agent.user_id] = agent.but(
                    online=False, paused=False, overloaded=False, lively_chats=0, quiet_chats=0
                )

    def _read_chats(self, chats):
        """Return ``{id: discuss.channel}`` of those that are still there."""
        # sudo: discuss.channel - how long they took and what their buyers asked for
        records = self.channel.env["discuss.channel"].sudo().with_context(active_test=False)
        names = "livechat_end_dt", "last_interest_dt", "create_date", "livechat_lang_id"
        domain = [("id", "in", [chat.id for chat in chats if chat.id])]
        names = [*names, "country_id", "dispatch_goes_first"]
        found = records.search_fetch(domain, names, order="id")
        return {record.id: record for record in found}

    def _measure_all(self, chats, records):
        """Return ``{chat: (seconds, lively seconds)}``, and how many of them are estimates."""
        lengths = {}
        for chat in chats:
            record = records.get(chat.id)
            if record and chat.user_id and chat.assigned is not None:
                interest = record.last_interest_dt or record.create_date
                seconds, lively = self._measure(record.livechat_end_dt, interest)
                lengths[chat] = max(0, seconds - chat.assigned), max(1, lively - chat.assigned)
        lasted = [seconds for seconds, _lively in lengths.values()]
        usual = median(lasted) if lasted else _SECONDS_DEFAULT
        estimated = len(chats) - len(lengths)
        return {chat: lengths.get(chat, (usual, usual)) for chat in chats}, estimated

    def _measure(self, end, interest):
        """Return the moments at which a chat gives its seat back, and goes quiet before that."""
        # In the very second it still holds what it held.
        forgotten = self._to_seconds(interest + FORGOTTEN_AFTER) + 1
        return (
            min(self._to_seconds(end), forgotten) if end else forgotten,
            self._to_seconds(interest + QUIET_AFTER) + 1,
        )

    def _add_fits_never_seen(self, chats, records):
        """Add how the agents whom a record does not mention suit its buyer, as far as that can be
        told today: by language, country and the group's permission."""
        # sudo: res.users - what the engine itself compares
        users = self.channel.env["res.users"].sudo().browse(self.agents).exists()
        languages = {user.id: {user.lang, *user.livechat_lang_ids.mapped("code")} for user in users}
        langs = {lang for spoken in languages.values() for lang in spoken if lang}
        countries = {user.id: user.partner_id.country_id.id for user in users}
        lacking = {
            group.id: self.channel._find_lacking(group, users)
            for group in self.channel.dispatch_group_ids
        }
        nothing = replay.Fit()
        unknown = self.channel.env["discuss.channel"]
        for chat in chats:
            record = records.get(chat.id, unknown)
            code, country_id = record.livechat_lang_id.code, record.country_id.id
            rates = rate_languages(Buyer(lang=code or None), langs)
            lack = lacking.get(chat.group_id, ())
            if code or country_id or lack:
                for user in users:
                    chat.fits.setdefault(
                        user.id,
                        replay.Fit(
                            speaks_language=max(rates.get(lang, 0) for lang in languages[user.id]),
                            same_country=bool(country_id) and countries[user.id] == country_id,
                            missing_permission=user.id in lack,
                        ),
                    )
            # Most agents suit most buyers like anybody.
            chat.fits = {user_id: fit for user_id, fit in chat.fits.items() if fit != nothing}

    def _read_seats(self):
        """Return the chats that held seats of these agents and are not to be given again."""
        # Served by im_livechat_channel_member_history's index on partner_id.
        self.cr.execute(
            """
            SELECT users.id, history.create_date, chat.id, chat.livechat_end_dt,
                   coalesce(chat.last_interest_dt, chat.create_date)
              FROM res_users users
              JOIN im_livechat_channel_member_history history
                ON history.partner_id = users.partner_id
              JOIN discuss_channel chat ON chat.id = history.channel_id
             WHERE users.id = ANY(%(user_ids)s)
               AND history.livechat_member_type = 'agent'
               AND history.create_date < %(end)s
               AND coalesce(chat.livechat_end_dt, chat.last_interest_dt + %(forgotten)s) > %(start)s
          ORDER BY history.create_date, history.id
            """,
            {
                "user_ids": list(self.agents),
                "start": self.start,
                "end": self.end,
                "forgotten": FORGOTTEN_AFTER,
            },
        )
        seats = []
        for user_id, since, chat_id, ended, interest in self.cr.fetchall():
            if chat_id not in self.by_id:
                end, quiet_at = self._measure(ended, interest)
                seats.append(replay.Seat(user_id, self._to_seconds(since), end, quiet_at))
        return seats

    # ------------------------------------------------------------
    # The day
    # ------------------------------------------------------------

    def _get_setup(self):
        setup = self.channel._read_settings().setup
        return setup._replace(
            groups={
                group.id: route.Group(group.parent_id.id or None, group.overflow_seconds, group.id)
                for group in self.channel.dispatch_group_ids
            },
            queue_enabled=self.has_line or setup.queue_enabled,
        )

    def _get_present_members(self):
        return {
            group_id: frozenset(user_ids)
            for group_id in (None, *self.channel.dispatch_group_ids.ids)
            if (user_ids := self.channel._get_member_ids(group_id)) is not None
        }

    def _correct(self, rules):
        """Return rules with the main account's part in them: a record of a decision below the top
        of the tree says that it takes none, though it stands in above."""
        present = self.channel.main_account_participation
        stands_in = "fallback" in self.participations or (
            present == "fallback" and "member" not in self.participations
        )
        if stands_in and rules.main_account_participation == "never":
            return rules._replace(main_account_participation="fallback")
        return rules

    def _list_events(self, lengths, records):
        """Yield what was recorded, in its order."""
        for event in self.events:
            match event:
                case _Chat(known=known):
                    if known:
                        yield self._make_arrival(event, *lengths[event], records.get(event.id))
                case replay.Change(rules=rules):
                    yield event._replace(rules=self._correct(rules))
                case _:
                    yield event

    def _make_arrival(self, chat, seconds, lively, record):
        def after(moment):
            return None if moment is None else moment - chat.moment

        return replay.Arrival(
            moment=chat.moment,
            group_id=chat.group_id,
            seconds=seconds,
            lively_seconds=lively if lively < seconds else None,
            gone_after=after(chat.gone),
            pooled_after=after(chat.pooled_by_buyer),
            put_first_after=tuple(map(after, chat.put_first)),
            goes_first=bool(record and record.dispatch_goes_first),
            regulars=chat.regulars,
            asked_expertises=chat.asked_expertises,
            fits=chat.fits,
        )
