"""What if: a past day's buyers once more through the policy, with other weights, groups or agents.

Pure: no Odoo, no database, no clock, no randomness. A day is a list of arrivals and of what was
true of the agents from which moment on; the replay is a heap of events, and each buyer goes where
``policy.ascend`` and ``policy.decide`` send it, charged by ``credit.charge`` as the ledger does.
What the engine keeps in the database (open chats, credits, the line, the pool) is kept here.

What a day's records do not tell is not invented: a buyer who did not leave in fact would have
waited, a chat stays with the agent it came to, and takes as long with any agent.

Moments are seconds since whenever; the same zero for all.
"""

from bisect import insort
from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush
from math import ceil, inf
from operator import attrgetter
from typing import NamedTuple

from . import policy
from .credit import CHAT, charge
from .policy import Agent, Decision, Regular, Rules

# What happens at the same moment happens in this order: a seat that becomes free is free for
# whoever comes in that second.
_ENDS, _GOES_QUIET, _RECORDED, _GOES, _OVERFLOWS = range(5)


class Fit(NamedTuple):
    """How one agent suits one buyer; see :class:`policy.Facts`."""

    speaks_language: bool = False
    same_country: bool = False
    expertises: int = 0
    missing_permission: bool = False


class Arrival(NamedTuple):
    """One buyer who opened a chat."""

    moment: float
    group_id: int | None
    """Whose scope fits; ``None`` for the default group."""
    seconds: float
    """How long the chat takes, from the agent's turn to its end."""
    lively_seconds: float | None = None
    """After which it goes quiet for good; ``None`` if it ends before."""
    gone_after: float | None = None
    """Seconds after which the buyer left the line; ``None`` for one who would have waited."""
    pooled_after: float | None = None
    """Seconds after which it left the line but a message as well."""
    regulars: tuple[Regular, ...] = ()
    asked_expertises: int = 0
    fits: Mapping[int, Fit] = {}
    """``{user_id: Fit}``; who is not in it suits like anybody."""


class State(NamedTuple):
    """What was true of an agent from a moment on."""

    moment: float
    user_id: int
    facts: Mapping[str, object]
    """Fields of :class:`policy.Facts`; the others stay."""


class Change(NamedTuple):
    """How the channel was dispatched from a moment on."""

    moment: float
    rules: Rules


class Membership(NamedTuple):
    """Who was in a group from a moment on."""

    moment: float
    group_id: int | None
    user_ids: frozenset[int]


class Seat(NamedTuple):
    """A chat that is not the replay's to give, but holds an agent's seat."""

    user_id: int
    start: float
    end: float
    quiet_at: float | None = None


class Charge(NamedTuple):
    """A decision that is not the replay's to take, but counts for the agents' credit."""

    moment: float
    shares: Mapping[int, int]
    winner: int


class Group(NamedTuple):
    """A node of the tree."""

    parent_id: int | None = None
    overflow_seconds: int = 0
    group_id: int | None = None


class Setup(NamedTuple):
    """The channel, apart from its rules."""

    groups: Mapping[int, Group] = {}
    queue_enabled: bool = False
    queue_limit: int = 0
    """Places in the line of each group, 0 for no limit."""
    keeps_pool: bool = False
    """Whether messages are kept when nobody is here."""
    offline_takers: frozenset[int] = frozenset()
    """Who takes chats when nobody is here, present or not."""


class Day(NamedTuple):
    """All that is known of a period."""

    agents: tuple[Agent, ...]
    """As they were when it began, but for their chats."""
    rules: Rules
    setup: Setup
    members: Mapping[int | None, frozenset[int]]
    """Who is in which group; the default group may be missing when there is no other one: all."""
    events: tuple[Arrival | State | Change | Membership | Charge, ...]
    """By moment, and within one in the order in which they were recorded."""
    seats: tuple[Seat, ...] = ()
    until: float = inf
    """Nothing happens after this moment: the present."""


class Plan(NamedTuple):
    """What the sheet says of one agent."""

    weight: int | None = None
    """``None``: as it was."""
    presence: tuple[tuple[float, float], ...] | None = None
    """When it takes buyers, as (from, to); ``None``: as it was."""


class Load(NamedTuple):
    """What one agent had."""

    served: int
    entitled: float
    """In chats."""
    peak: float
    """The most it had at the same time, in chats, a quiet one as the shop counts it."""


class Fate(NamedTuple):
    """What became of one buyer."""

    user_id: int | None
    """The agent, ``None`` if none came."""
    waited: float | None = None
    """Seconds before that."""
    pooled: bool = False
    """Whether it left a message instead of waiting."""


class Result(NamedTuple):
    """What a replay found."""

    fates: list[Fate]
    """By arrival, in their order."""
    loads: dict[int, Load]
    """By ``user_id``."""


class Waits(NamedTuple):
    """How a set of buyers fared."""

    arrived: int
    served: int
    waited: int
    """Who did not get an agent at once, but got one."""
    mean: float
    """Seconds, of all who got an agent without leaving a message; 0 for none."""
    p95: float
    longest: float
    pooled: int
    unanswered: int
    """Who got no agent at all."""


def summarize(fates: Iterable[Fate]) -> Waits:
    """Return how these buyers fared; percentiles by the nearest rank."""
    fates = list(fates)
    waits = sorted(fate.waited for fate in fates if fate.user_id is not None and not fate.pooled)
    served = sum(fate.user_id is not None for fate in fates)
    return Waits(
        arrived=len(fates),
        served=served,
        waited=sum(wait > 0 for wait in waits),
        mean=sum(waits) / len(waits) if waits else 0,
        p95=waits[ceil(0.95 * len(waits)) - 1] if waits else 0,
        longest=waits[-1] if waits else 0,
        pooled=sum(fate.pooled for fate in fates),
        unanswered=len(fates) - served,
    )


def apply_plans(day: Day, plans: Mapping[int, Plan]) -> Day:
    """Return the same day with agents as the sheet says.

    Who is to take buyers at some hours is present and not paused in them, and away in the others;
    all else about it stays as it was.
    """
    overridden = {}
    for user_id, plan in plans.items():
        names = {"weight"} if plan.weight is not None else set()
        if plan.presence is not None:
            names |= {"online", "paused", "overloaded", "off_shift"}
        overridden[user_id] = names
    events = []
    for event in day.events:
        names = isinstance(event, State) and overridden.get(event.user_id)
        if names:
            facts = {name: fact for name, fact in event.facts.items() if name not in names}
            event = event._replace(facts=facts)
            if not facts:
                continue
        events.append(event)
    agents = []
    for agent in day.agents:
        plan = plans.get(agent.user_id, Plan())
        if plan.weight is not None:
            agent = agent.but(weight=plan.weight)
        if plan.presence is not None:
            agent = agent.but(online=False, paused=False, overloaded=False, off_shift=False)
            for start, end in plan.presence:
                events.append(State(start, agent.user_id, {"online": True}))
                events.append(State(end, agent.user_id, {"online": False}))
        agents.append(agent)
    # Stable: what was recorded in one second stays in its order; who comes on the sheet is there
    # for the first buyer of its second.
    events.sort(key=lambda event: (event.moment, not isinstance(event, State)))
    return day._replace(agents=tuple(agents), events=tuple(events))


def replay(day: Day) -> Result:
    """Let the day's buyers come once more.

    :return: the same for the same day, always. Nobody is given a chat above capacity, and of those
        who wait in one line nobody is served before whoever came earlier, but a regular buyer.
    """
    return _Replay(day).run()


class _Waiting:
    """A buyer without an agent."""

    __slots__ = ("arrival", "index", "pooled")

    def __init__(self, index, arrival):
        self.index, self.arrival, self.pooled = index, arrival, False

    @property
    def place(self):
        return self.arrival.moment, self.index


class _Line:
    """Those who wait, in order; found without looking at all of them."""

    def __init__(self):
        self._by_group = {}
        self._with_regular = []

    def __bool__(self):
        return any(self._by_group.values())

    def __contains__(self, waiting):
        return waiting in self._by_group.get(waiting.arrival.group_id, ())

    def count(self, group_id):
        return len(self._by_group.get(group_id, ()))

    def _get_lists(self, waiting):
        lists = [self._by_group.setdefault(waiting.arrival.group_id, [])]
        return [*lists, self._with_regular] if waiting.arrival.regulars else lists

    def add(self, waiting):
        for those in self._get_lists(waiting):
            insort(those, waiting, key=attrgetter("place"))

    def remove(self, waiting):
        for those in self._get_lists(waiting):
            those.remove(waiting)

    def find_next(self, full, tried, roomy):
        """Return the first one to try.

        :param full: groups of which nobody has room; only who has an agent of its own with room,
            one of ``roomy``, is tried of them.
        :param tried: who was tried already; each of them is in a full group.
        """
        candidates = [
            those[0] for group, those in self._by_group.items() if those and group not in full
        ]
        if full and roomy:
            for waiting in self._with_regular:
                if waiting not in tried and waiting.arrival.regulars[0].user_id in roomy:
                    candidates.append(waiting)
                    break
        return min(candidates, key=attrgetter("place"), default=None)


class _Replay:
    def __init__(self, day):
        self.day = day
        self.rules = day.rules
        self.setup = day.setup
        self.agents = {agent.user_id: agent for agent in day.agents}
        self.members = dict(day.members)
        self.turn = max((agent.last_turn for agent in day.agents), default=0)
        self.served = dict.fromkeys(self.agents, 0)
        self.entitled = dict.fromkeys(self.agents, 0)
        self.peaks = dict.fromkeys(self.agents, 0)
        self.fates = []
        self.line, self.pool = _Line(), _Line()
        self.now = 0
        # (moment, rank, number, event): the number keeps the order of what happens at the same
        # moment, and events are never compared.
        events = [*day.seats, *day.events]
        self.heap = [
            (event.start if isinstance(event, Seat) else event.moment, _RECORDED, number, event)
            for number, event in enumerate(events)
        ]
        self.count = len(events)

    def run(self):
        heapify(self.heap)
        while self.heap and self.heap[0][0] <= self.day.until:
            self.now, _rank, _number, event = heappop(self.heap)
            self._happen(event)
        loads = {
            user_id: Load(self.served[user_id], self.entitled[user_id] / CHAT, self.peaks[user_id])
            for user_id in self.agents
        }
        return Result(self.fates, loads)

    def _push(self, moment, rank, event):
        self.count += 1
        heappush(self.heap, (max(moment, self.now), rank, self.count, event))

    def _happen(self, event):
        match event:
            case Arrival():
                self._arrive(event)
            case State():
                if event.user_id in self.agents:
                    self._set(event.user_id, **event.facts)
                    self._serve_line()
            case Change():
                self.rules = event.rules
                self._serve_line()
            case Membership():
                self.members[event.group_id] = event.user_ids
                self._serve_line()
            case Charge():
                self._charge(event.shares, event.winner)
            case Seat():
                if event.user_id in self.agents:
                    self._sit(event.user_id, event.end, event.quiet_at)
            case ("end", user_id, kind):
                self._count_chats(user_id, **{kind[0]: -1})
                self._serve_line()
            case ("quiet", user_id, kind):
                kind[0] = "quiet"
                self._count_chats(user_id, lively=-1, quiet=1)
                self._serve_line()
            case ("gone", waiting):
                self._leave(waiting)
            case ("pooled", waiting):
                if waiting in self.line:
                    self._enter_pool(waiting)
            case "overflow":
                self._serve_line()

    # --- agents ---------------------------------------------------------------------------------

    def _set(self, user_id, **facts):
        self.agents[user_id] = self.agents[user_id].but(**facts)

    def _count_chats(self, user_id, lively=0, quiet=0):
        agent = self.agents[user_id]
        agent = agent.but(
            lively_chats=agent.lively_chats + lively, quiet_chats=agent.quiet_chats + quiet
        )
        self.agents[user_id] = agent
        load = policy.load(agent, self.rules.quiet_hold)
        if load > self.peaks[user_id]:
            self.peaks[user_id] = load

    def _sit(self, user_id, end, quiet_at):
        """Let a chat hold a seat of this agent from now on."""
        # In a list, because it changes when the chat goes quiet.
        kind = ["lively"]
        self._count_chats(user_id, lively=1)
        if quiet_at is not None and quiet_at < end:
            self._push(quiet_at, _GOES_QUIET, ("quiet", user_id, kind))
        self._push(end, _ENDS, ("end", user_id, kind))

    def _charge(self, shares, winner):
        """Charge a decision as the ledger does."""
        for user_id, amount in charge(shares, winner).items():
            agent = self.agents.get(user_id)
            if agent:
                self.agents[user_id] = agent._replace(credit=agent.credit + amount)
        self.turn += 1
        if winner in self.agents:
            self.agents[winner] = self.agents[winner]._replace(last_turn=self.turn)

    # --- one decision ---------------------------------------------------------------------------

    def _get_levels(self, group_id, waited):
        """As the channel's ``_get_levels``."""
        if group_id is None or group_id not in self.setup.groups:
            members = self.members.get(None)
            return (None if members is None else [members]), True
        return policy.climb(
            self._get_ascent(group_id),
            lambda group: self.members.get(group.group_id, frozenset()),
            waited if self.setup.queue_enabled else None,
        )

    def _get_ascent(self, group_id):
        while group_id is not None:
            group = self.setup.groups[group_id]
            yield group
            group_id = group.parent_id

    def _suit(self, arrival):
        """Return the agents with what this buyer makes of them."""
        if not arrival.fits:
            return self.agents.values()
        return [
            agent.but(**arrival.fits[agent.user_id]._asdict())
            if agent.user_id in arrival.fits
            else agent
            for agent in self.agents.values()
        ]

    def _dispatch(self, index, arrival, arrives):
        """Decide about one buyer, as the channel's ``_dispatch``.

        :return: ``assigned``, ``queued``, ``pool`` or ``None`` for nobody.
        """
        waited = self.now - arrival.moment
        in_line = self.line.count(arrival.group_id) if arrives else 0
        behind = self.setup.queue_enabled and in_line > 0
        agents = self._suit(arrival)
        levels, to_the_top = self._get_levels(arrival.group_id, waited)
        if behind:
            able = set(self.agents) if levels is None else levels[-1]
            levels = [able & {regular.user_id for regular in arrival.regulars}]
        rules = self.rules._replace(asked_expertises=arrival.asked_expertises)
        ascent = policy.ascend(
            agents,
            rules,
            levels,
            arrival.regulars,
            regulars_only=behind,
            to_the_top=to_the_top,
        )
        decision = ascent.decision
        if decision.winner is not None:
            self._assign(index, arrival, decision)
            return "assigned"
        waits = behind or self._is_worth_waiting(decision, arrival.group_id)
        if waits and not (self.setup.queue_limit and in_line >= self.setup.queue_limit):
            return "queued"
        return self._dispatch_offline(index, arrival, agents)

    def _is_worth_waiting(self, decision, group_id):
        """As the channel's ``_is_worth_waiting``."""
        if not self.setup.queue_enabled:
            return False
        if policy.PASSING_REASONS & set(decision.excluded.values()):
            return True
        if group_id not in self.setup.groups:
            return False
        for group in list(self._get_ascent(group_id))[1:]:
            for user_id in self.members.get(group.group_id, ()):
                agent = self.agents.get(user_id)
                if agent and policy.exclusion(agent, self.rules) in (None, *policy.PASSING_REASONS):
                    return True
        return False

    def _dispatch_offline(self, index, arrival, agents):
        """As the channel's ``_dispatch_offline``."""
        if self.setup.keeps_pool:
            return "pool"
        takers = [agent for agent in agents if agent.user_id in self.setup.offline_takers]
        if takers:
            rules = self.rules._replace(needs_presence=False, main_account_participation="member")
            decision = policy.decide(takers, rules)
            if decision.winner is not None:
                self._assign(index, arrival, decision)
                return "assigned"
        return None

    def _assign(self, index, arrival, decision: Decision):
        winner = decision.winner
        self.served[winner] += 1
        for user_id, share in decision.shares.items():
            self.entitled[user_id] += share
        self._charge(decision.shares, winner)
        waited = self.now - arrival.moment
        self.fates[index] = Fate(winner, waited, self.fates[index].pooled)
        lively = arrival.lively_seconds
        self._sit(winner, self.now + arrival.seconds, lively and self.now + lively)

    # --- those who wait -------------------------------------------------------------------------

    def _arrive(self, arrival):
        index = len(self.fates)
        self.fates.append(Fate(None))
        state = self._dispatch(index, arrival, arrives=True)
        waiting = _Waiting(index, arrival)
        if state == "queued":
            self.line.add(waiting)
            self._expect(waiting)
        elif state == "pool":
            self._enter_pool(waiting)
        if state in ("queued", "pool"):
            if arrival.gone_after is not None:
                self._push(arrival.moment + arrival.gone_after, _GOES, ("gone", waiting))
            # A seat may be free for those who wait.
            self._serve_line()

    def _expect(self, waiting):
        """Note when the agents above join, and when this buyer will leave a message."""
        arrival = waiting.arrival
        if arrival.pooled_after is not None:
            self._push(arrival.moment + arrival.pooled_after, _GOES, ("pooled", waiting))
        if arrival.group_id not in self.setup.groups:
            return
        due = 0
        for group in self._get_ascent(arrival.group_id):
            due += group.overflow_seconds
            if group.parent_id is not None:
                self._push(arrival.moment + due, _OVERFLOWS, "overflow")

    def _enter_pool(self, waiting):
        self._leave(waiting)
        waiting.pooled = True
        self.fates[waiting.index] = Fate(None, pooled=True)
        self.pool.add(waiting)

    def _leave(self, waiting):
        for those in (self.line, self.pool):
            if waiting in those:
                those.remove(waiting)

    def _serve_line(self):
        """Give seats to those who wait, as the channel's ``_serve_line``."""
        full, tried, roomy = set(), set(), frozenset()
        while waiting := self.line.find_next(full, tried, roomy) or self.pool.find_next(
            full, tried, roomy
        ):
            arrival = waiting.arrival
            state = self._dispatch(waiting.index, arrival, arrives=False)
            if state == "assigned":
                self._leave(waiting)
                continue
            tried.add(waiting)
            if state == "pool" and not waiting.pooled:
                self._enter_pool(waiting)
                continue
            full.add(arrival.group_id)
            roomy = self._find_roomy()

    def _find_roomy(self):
        """Return who could take a buyer of its own, even when paused."""
        return {
            agent.user_id
            for agent in self.agents.values()
            if not policy.exclusion(agent.but(paused=False, overloaded=False), self.rules)
        }
