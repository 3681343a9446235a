"""The rules of dispatch: facts about agents in, one decision with its reasons out.

Pure: no Odoo, no database, no clock, no randomness. The same facts give the same decision, which
is what makes a decision explainable afterwards and testable before.
"""

from collections.abc import Collection, Iterable
from functools import lru_cache
from heapq import nlargest, nsmallest
from itertools import repeat
from operator import attrgetter
from typing import NamedTuple

from .credit import CHAT, split_chat

#: Which rules a recorded decision followed; to be raised whenever the same facts may decide
#: differently than before.
VERSION = 2

# Credits closer than this are a tie (one millionth of a chat): what remains of thirds and sevenths
# must not decide between agents who are owed the same.
_TIE = CHAT // 10**6

# How many of the best candidates a decision describes one by one.
_DESCRIBED = 50

# A regular buyer goes to its agent while that agent has served no more than this many chats beyond
# its share: whoever has many regulars is not flooded with them.
_MAX_DEBT = 3 * CHAT

# Who is excluded for one of these is here and has room again soon: it makes sense to wait.
PASSING_REASONS = frozenset({"at_capacity", "in_call", "overloaded"})

# A load is a sum of whole chats and light holds; this many digits keep 0.1 + 0.2 from mattering.
_LOAD_DIGITS = 6


class Facts(NamedTuple):
    """What is true of an agent at the moment of a decision. Those of whom the same is true may
    share one such object, and what follows from it is found once."""

    weight: int
    enabled: bool
    permitted: bool
    """Holds the right to receive buyers, by effective groups."""
    online: bool
    paused: bool
    """By hand, or by dispatch for not answering."""
    in_call: bool
    is_main_account: bool
    speaks_language: int = 0
    """How well the agent speaks the buyer's language, as ``scope.rate_languages`` says; 0 when that
    is not known. Records from before there were variants have true for who speaks it."""
    same_country: bool = False
    """Is in the buyer's country; false when that is not known."""
    lively_chats: int = 0
    """Open chats on all channels with recent activity, and seats reserved for new ones."""
    quiet_chats: int = 0
    """Open chats on all channels in which nothing happened lately."""
    expertises: int = 0
    """How many of the asked expertises the agent has."""
    off_shift: bool = False
    """Follows a working calendar and does not work now."""
    declined: bool = False
    """Had this very chat and left its buyer without an answer."""
    missing_permission: bool = False
    """Lacks the permission that the buyer's group asks for."""
    overloaded: bool = False
    """Has more chats than it wants, and no new buyers until some of them have ended."""
    just_gone: bool = False
    """Is not online, but was a moment ago."""
    due: bool = False
    """Comes, or comes back, later today: its shift begins, or its pause or time off ends."""
    tickets: int = 0
    """Open tickets; read only where they count."""


class Agent(NamedTuple):
    """One agent at the moment of a decision; its facts are read like fields of its own."""

    user_id: int
    facts: Facts
    credit: int = 0
    """Entitled less served, in ``1 / CHAT`` chat."""
    last_turn: int = 0
    """The number of the decision that gave the agent its last new chat; 0 for none."""

    def __getattr__(self, name):
        return getattr(self.facts, name)

    def but(self, **facts) -> "Agent":
        """Return the agent with these facts changed."""
        return self._replace(facts=self.facts._replace(**facts))

    def to_list(self) -> list:
        """Return all that is known of the agent, as records hold it: the order is for ever."""
        facts = self.facts
        return [
            self.user_id,
            *facts[:_AFTER_CHATS],
            self.credit,
            self.last_turn,
            *facts[_AFTER_CHATS:],
        ]

    @classmethod
    def from_list(cls, values: list) -> "Agent":
        """Return the agent that :meth:`to_list` described, with the facts known at the time."""
        user_id, *values = values
        credit, last_turn = values[_AFTER_CHATS : _AFTER_CHATS + 2]
        facts = values[:_AFTER_CHATS] + values[_AFTER_CHATS + 2 :]
        return cls(user_id, Facts(*facts[: len(Facts._fields)]), credit, last_turn)


_AFTER_CHATS = Facts._fields.index("quiet_chats") + 1

QUIET_HOLD_DEFAULT = 0.5


class Rules(NamedTuple):
    """How a channel wants its buyers dispatched."""

    mode: str
    """``share`` or ``least_load``."""
    max_sessions: int | None = None
    """Capacity, in chats, of an agent of weight 100; ``None`` for no limit."""
    quiet_hold: float = QUIET_HOLD_DEFAULT
    """What a quiet chat counts, between 0 (nothing) and 1 (as any chat)."""
    block_during_call: bool = False
    main_account_participation: str = "never"
    """``never``, ``fallback`` (only when nobody else can) or ``member``."""
    asked_expertises: int = 0
    prefers_suited: bool = True
    """Whether language, expertise and country go before the rank."""
    needs_presence: bool = True
    """Whether an agent has to be online; false for those who take messages while away."""
    ticket_load: float = 0
    """What an open ticket counts, between 0 (nothing) and 1 (as any chat)."""


class Regular(NamedTuple):
    """An agent to whom a buyer belongs."""

    user_id: int
    rule: str
    """``exclusive`` (appointed) or ``sticky`` (answered the buyer last)."""
    even_paused: bool
    """Whether this buyer still reaches the agent when it is paused or overloaded."""
    answered_at: str | None = None
    """When the agent last wrote to the buyer, UTC in ISO format; it only explains."""


class Candidate(NamedTuple):
    """One agent who could take the chat, with the figures that rank it."""

    user_id: int
    weight: int
    load: float
    capacity: int | None
    share: int
    """Entitlement to this chat, in ``1 / CHAT`` chat."""
    credit: int
    """Credit after this chat's entitlement, before the winner pays, in ``1 / CHAT`` chat."""
    last_turn: int
    """As in :class:`Agent`."""


class Decision(NamedTuple):
    """Who gets the chat, and why."""

    winner: int | None
    rule: str
    """What decided: the mode, ``exclusive``, ``sticky``, or ``nobody``."""
    shares: dict[int, int]
    """``{user_id: share}`` of all candidates, as :func:`credit.split_chat` gave them."""
    ranking: tuple[Candidate, ...]
    """The candidates by rank, best first; the best 50 of them."""
    excluded: dict[int, str]
    """``{user_id: reason code}`` of the agents who could not take the chat."""


@lru_cache(1024)
def capacity(max_sessions: int | None, weight: int) -> int | None:
    """Return how many chats an agent of this weight may have at the same time.

    :param max_sessions: chats at weight 100, ``None`` for no limit.
    :return: at least 1, or ``None`` for no limit. Halves round to even, as Python's ``round``.
    """
    return max_sessions and max(1, round(max_sessions * weight / 100))


def read_quiet_hold(text: str | None) -> float:
    """Return what a quiet chat counts, as the shop has said it."""
    return _read_part(text, QUIET_HOLD_DEFAULT)


def read_ticket_load(text: str | None) -> float:
    """Return what an open ticket counts, as the shop has said it."""
    return _read_part(text, 0)


def _read_part(text, default):
    """Return the default for what is no number between 0 and 1, as it can be typed by hand and a
    mistake there must not close the shop."""
    try:
        part = float(text or default)
    except ValueError:
        return default
    return part if 0 <= part <= 1 else default


def load(facts: Facts | Agent, rules: Rules) -> float:
    """Return the agent's load in chats; a quiet chat counts ``quiet_hold``, because it may wake, an
    open ticket ``ticket_load``."""
    return _load(facts.lively_chats, facts.quiet_chats, facts.tickets, rules)


def _load(lively_chats, quiet_chats, tickets, rules):
    if not (quiet_chats or tickets):
        return lively_chats
    held = rules.quiet_hold * quiet_chats + rules.ticket_load * tickets
    return round(lively_chats + held, _LOAD_DIGITS)


def has_room(
    lively_chats: int, quiet_chats: int, weight: int, rules: Rules, tickets: int = 0
) -> bool:
    """Tell whether one more chat fits an agent of this weight with these open chats and tickets."""
    limit = capacity(rules.max_sessions, weight)
    return (
        limit is None
        # Mostly there is room even if all quiet chats woke up; the load itself takes longer.
        or lively_chats + quiet_chats + tickets + 1 <= limit
        or _load(lively_chats, quiet_chats, tickets, rules) + 1 <= limit
    )


def exclusion(facts: Facts | Agent, rules: Rules) -> str | None:
    """Return the code of the first reason why this agent cannot take the chat, ``None`` if it can.

    What the shop decided comes before what passes by itself: an agent who is both disabled and
    offline is told *disabled*.
    """
    if not facts.enabled:
        return "disabled"
    if not facts.permitted:
        return "not_permitted"
    if facts.missing_permission:
        return "missing_permission"
    if facts.is_main_account and rules.main_account_participation == "never":
        return "main_account_reserved"
    if facts.paused:
        return "paused"
    if rules.needs_presence and facts.off_shift:
        return "off_shift"
    if rules.needs_presence and not facts.online:
        return "offline"
    if facts.declined:
        return "declined"
    if facts.in_call and rules.block_during_call:
        return "in_call"
    if facts.overloaded:
        return "overloaded"
    if not has_room(facts.lively_chats, facts.quiet_chats, facts.weight, rules, facts.tickets):
        return "at_capacity"
    return None


def is_at_work(agent: Agent, rules: Rules) -> bool:
    """Tell whether this agent is here for buyers, and has room for one now or soon."""
    reason = exclusion(agent, rules)
    return reason is None or reason in PASSING_REASONS


def is_worth_waiting_for(agent: Agent, rules: Rules, has_line: bool) -> bool:
    """Tell whether this agent can take a chat, or will soon.

    :param has_line: whether buyers wait for room as well, and for who is due; without a line they
        wait for nobody but those who are about to be back.
    """
    if agent.just_gone:
        agent = agent.but(online=True)
    if has_line and agent.due:
        agent = agent.but(online=True, off_shift=False, paused=False)
    reason = exclusion(agent, rules)
    return reason is None or (has_line and reason in PASSING_REASONS)


def prefer(agents: list[Agent], asked_expertises: int) -> list[Agent]:
    """Keep the best-suited agents: the first rung of core's ladder that anybody stands on.

    Language counts more than country, country more than expertise alone. Core's own ladder is in
    ``im_livechat.channel._get_operator``; unlike there, a buyer of unknown country prefers nobody,
    and who speaks another variant of the language comes after those who speak the buyer's.
    """
    spoken = max((agent.facts.speaks_language for agent in agents), default=0)
    on_step = (
        [agent for agent in agents if spoken and agent.facts.speaks_language == spoken]
        or [agent for agent in agents if agent.facts.same_country]
        or agents
    )
    if not asked_expertises:
        return on_step
    # Who has all that is asked, else who has any of it, else whoever is on this step.
    return (
        [agent for agent in on_step if agent.facts.expertises == asked_expertises]
        or [agent for agent in on_step if agent.facts.expertises]
        or on_step
    )


def sort_agents(agents: Iterable[Agent], rules: Rules) -> tuple[list[Agent], dict[int, str]]:
    """Part the agents into those who can take a chat and those who cannot.

    :return: the candidates, and ``{user_id: reason code}`` of the others. A main account in
        ``fallback`` is a candidate only when nobody else is, else ``main_account_reserved``.
    """
    candidates, excluded, reasons = [], {}, {}
    # A list, so that all of them live while they are told apart by identity: to compare a dozen
    # facts takes as long as to judge them.
    for agent in list(agents):
        facts = agent.facts
        if (key := id(facts)) not in reasons:
            reasons[key] = exclusion(facts, rules)
        if reason := reasons[key]:
            excluded[agent.user_id] = reason
        else:
            candidates.append(agent)
    if rules.main_account_participation == "fallback":
        staff = [agent for agent in candidates if not agent.is_main_account]
        if staff:
            for agent in candidates:
                if agent.is_main_account:
                    excluded[agent.user_id] = "main_account_reserved"
            candidates = staff
    return candidates, excluded


def find_roomy(agents: Iterable[Agent], rules: Rules) -> set[int]:
    """Return the user ids of the agents who could take a buyer of their own, even when paused."""
    return {
        agent.user_id
        for agent in agents
        if not exclusion(agent.but(paused=False, overloaded=False), rules)
    }


def find_regular(
    agents: Iterable[Agent], rules: Rules, regulars: Iterable[Regular]
) -> Regular | None:
    """Return the first of the buyer's regular agents who can take this chat.

    Bounded by capacity, and by debt for those who are merely the last to have answered.
    """
    by_id = {agent.user_id: agent for agent in agents}
    for regular in regulars:
        agent = by_id.get(regular.user_id)
        if (
            agent
            and (regular.rule == "exclusive" or agent.credit >= -_MAX_DEBT)
            and not exclusion(
                agent.but(paused=False, overloaded=False) if regular.even_paused else agent, rules
            )
        ):
            return regular
    return None


def decide(agents: Iterable[Agent], rules: Rules, regulars: Iterable[Regular] = ()) -> Decision:
    """Choose the agent for one new chat.

    A regular buyer's agent comes first, and is charged as for any chat. Otherwise ``share`` takes
    the most credit; ``least_load`` the smallest load per weight, ties by credit. Last ties go to
    the agent longest without a new chat, then to the smallest id.

    :param agents: everybody the channel could think of, in any order.
    :param regulars: the agents to whom the buyer belongs, the strongest claim first.
    :return: the decision; ``winner`` is ``None`` when nobody can take the chat.
    """
    agents = list(agents)
    able, excluded = sort_agents(agents, rules)
    regular = regulars and find_regular(agents, rules, regulars)
    if not able and not regular:
        return Decision(None, "nobody", {}, (), excluded)
    suited = prefer(able, rules.asked_expertises) if rules.prefers_suited else able
    if regular and all(agent.user_id != regular.user_id for agent in suited):
        suited = [*suited, *(agent for agent in agents if agent.user_id == regular.user_id)]
        excluded.pop(regular.user_id, None)
    shares = split_chat({agent.user_id: agent.facts.weight for agent in suited})
    credits = [agent.credit + share for agent, share in zip(suited, shares.values(), strict=True)]
    contenders, loads = suited, None
    if rules.mode == "least_load":
        loads = _compare_loads(
            [load(agent.facts, rules) for agent in suited],
            [agent.facts.weight for agent in suited],
        )
    else:
        # Who is clearly owed less than the last of those to be described is not one of them.
        least = nlargest(_DESCRIBED, credits)[-1] - _TIE
        contenders = [agent for agent, owed in zip(suited, credits, strict=True) if owed >= least]
        credits = [owed for owed in credits if owed >= least]
    ranking = tuple(
        Candidate(
            agent.user_id,
            agent.facts.weight,
            load(agent.facts, rules),
            capacity(rules.max_sessions, agent.facts.weight),
            shares[agent.user_id],
            agent.credit + shares[agent.user_id],
            agent.last_turn,
        )
        for *_, agent in nsmallest(_DESCRIBED, _places(contenders, loads, credits))
    )
    if regular:
        return Decision(regular.user_id, regular.rule, shares, ranking, excluded)
    return Decision(ranking[0].user_id, rules.mode, shares, ranking, excluded)


class Ascent(NamedTuple):
    """A decision that began with a group and went up the tree as far as it had to."""

    decision: Decision
    level: int
    """0 for the group itself, 1 when the parent's agents have joined, …"""
    agents: list[Agent]
    """Whom the decision was about."""
    rules: Rules
    """How it was taken: a main account that stands in does so after the last level only."""
    regulars: Collection[Regular] = ()
    """The agents to whom the buyer belongs."""


def ascend(
    agents: Iterable[Agent],
    rules: Rules,
    levels: list[set[int]] | None,
    regulars: Collection[Regular] = (),
    *,
    regulars_only: bool = False,
    to_the_top: bool = True,
) -> Ascent:
    """Decide among the agents of a group; when none of them can, with those above as well.

    :param levels: the user ids of the group, then of the group and its parent, …; ``None`` for all
        agents. The last level has the main account as well, unless it takes no chats.
    :param regulars_only: only a regular agent may take the chat, because others wait before.
    :param to_the_top: whether the levels reach the top of the tree; a main account that stands in
        does so after that only.
    """
    agents = list(agents)
    last = len(levels or [None]) - 1
    takes_main_account = to_the_top and rules.main_account_participation != "never"
    for level, members in enumerate(levels or [None]):
        joined = agents
        if members is not None:
            joined = [
                agent
                for agent in agents
                if agent.user_id in members
                or (level == last and takes_main_account and agent.is_main_account)
            ]
        ruled = rules
        if (level < last or not to_the_top) and rules.main_account_participation == "fallback":
            ruled = rules._replace(main_account_participation="never")
        decision = decide(joined, ruled, regulars)
        if regulars_only and decision.rule not in ("exclusive", "sticky"):
            decision = decision._replace(winner=None)
        if decision.winner is not None:
            break
    return Ascent(decision, level, joined, ruled, regulars)


def rank(candidates: Iterable[Candidate], mode: str) -> list[Candidate]:
    """Return candidates of a recorded decision by the rank they have in this mode, best first."""
    candidates = list(candidates)
    loads = None
    if mode == "least_load":
        loads = _compare_loads(
            [candidate.load for candidate in candidates],
            [candidate.weight for candidate in candidates],
        )
    credits = [candidate.credit for candidate in candidates]
    return [candidate for *_, candidate in sorted(_places(candidates, loads, credits))]


def _compare_loads(loads, weights):
    """Return whole numbers that are in the order of the loads per weight, and equal where those
    are: divided, 0.7 chats at weight 50 and 2.1 at 150 would not be.

    Two loads per weight that differ do so by one unit over the product of the weights, at least.
    """
    scale = max(weights, default=1) ** 2
    return [
        round(load * 10**_LOAD_DIGITS) * scale // weight
        for load, weight in zip(loads, weights, strict=True)
    ]


def _places(agents, loads, credits):
    """Yield what agents are sorted by, and each agent at the end: the ids before it are all
    different, so the agents are never compared.

    :param loads: see :func:`_compare_loads`; ``None`` where they do not matter.
    """
    owed = [-((credit + _TIE // 2) // _TIE) for credit in credits]
    last_turns = map(attrgetter("last_turn"), agents)
    return zip(
        loads or repeat(0),
        owed,
        last_turns,
        map(attrgetter("user_id"), agents),
        agents,
        strict=False,
    )
