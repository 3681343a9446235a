"""Where a buyer goes: to an agent, into the line, into the pool, or nowhere. It is decided here and
nowhere else, in this order:

1. Who comes while others wait in its line stands behind them, but its own agent may take it.
2. The agents of its group, then those of the groups above, each after its time (``ascend``).
3. The line, while somebody who may take from it is here, is about to be back or is due today, and
   a place is left. Without a line a buyer waits for who is about to be back only.
4. The rule for when nobody is here: the pool, those who take chats while away, or nothing.

It goes the same way for who comes and for who waits already.

Pure: no Odoo, no database, no clock, no randomness. The live channel, the replay of a past day and
the demo's history ask here; what they know of agents and groups they tell as a :class:`Staff`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from math import inf
from typing import NamedTuple, Protocol

from . import policy
from .policy import Agent, Ascent, Regular, Rules

#: So many messages the pool of a channel keeps; who comes later is told that nobody is here.
POOL_PLACES = 500


#: The rules for when nobody is here by which messages are kept: for who comes, or until they become
#: tickets of a helpdesk.
KEEPING_RULES = frozenset({"pool", "ticket"})


class Group(NamedTuple):
    """A node of the shop's tree."""

    parent_id: int | None = None
    overflow_seconds: int = 0
    """After which the agents of the parent join."""
    group_id: int | None = None


class Setup(NamedTuple):
    """How a channel is set up, apart from the rules of its decisions."""

    groups: Mapping[int, Group] = {}
    """At least those that the buyers asked about come to, and all above them."""
    queue_enabled: bool = False
    queue_limit: int = 0
    """Places in the line of each group, 0 for no limit."""
    keeps_pool: bool = False
    """Whether messages are kept when nobody is here."""
    offline_takers: Collection[int] = frozenset()
    """The user ids of those who take chats when nobody is here, present or not."""
    main_account_id: int | None = None


class Request(NamedTuple):
    """One buyer who is to go somewhere."""

    group_id: int | None = None
    """Whose scope fits; ``None`` for the default group."""
    regulars: Collection[Regular] = ()
    asked_expertises: int = 0
    in_line: int = 0
    """How many wait in the same line before a buyer who has just come."""
    in_pool: int = 0
    """How many messages the pool keeps when a buyer has just come."""
    waited: float = 0
    """Seconds."""
    waits: bool = False
    """Whether it waits already: it goes on as long as that makes sense, whether or not there is a
    line by now."""
    user_ids: Collection[int] | None = None
    """Only these agents, when given."""
    offline: bool = True
    """Whether the rule for when nobody is here may choose."""


class Staff(Protocol):
    """What is true of a channel's agents at the moment of the decision."""

    def get_members(self, group_id: int | None) -> Collection[int] | None:
        """Return the user ids of a group's agents; ``None`` stands for the default group and, as
        the answer, for all agents of the channel."""

    def choose(
        self, user_ids: Collection[int] | None, decide: Callable[[Iterable[Agent]], Ascent]
    ) -> Ascent:
        """Call ``decide`` with these agents, all for ``None``, hold the winner's seat, and return
        the answer."""

    def look(self, user_ids: Collection[int] | None) -> Iterable[Agent]:
        """Return these agents, all for ``None``, without holding a seat."""


class Route(NamedTuple):
    """Where a buyer goes, and why."""

    state: str | None
    """``assigned``, ``queued``, ``pool``, or ``None``: nobody takes it."""
    kind: str
    """Of the decision record."""
    rule: str
    """What decided, as in :class:`policy.Decision`; ``line`` for others who wait, ``offline`` for
    who takes chats while nobody is here."""
    ascent: Ascent
    """The decision among agents that led there."""


def find_route(request: Request, rules: Rules, setup: Setup, staff: Staff) -> Route:
    """Decide where a buyer goes."""
    behind = setup.queue_enabled and request.in_line > 0
    levels, to_the_top = _find_levels(request, setup, staff)
    of_all = levels is None
    if behind:
        # Who comes later waits behind the others; only regulars reach their agent at once.
        own = {regular.user_id for regular in request.regulars}
        of_all = of_all and bool(own)
        levels = [own if levels is None else own & levels[-1]]
    readers = None if of_all else _list_readers(levels, request, rules, setup)
    ascent = staff.choose(
        readers,
        partial(
            policy.ascend,
            rules=rules._replace(asked_expertises=request.asked_expertises),
            levels=levels,
            regulars=request.regulars,
            regulars_only=behind,
            to_the_top=to_the_top,
        ),
    )
    decision = ascent.decision
    if decision.winner is not None:
        return Route("assigned", "overflow" if ascent.level else "assign", decision.rule, ascent)
    rule = decision.rule
    is_worth = partial(
        policy.is_worth_waiting_for, rules=rules, has_line=setup.queue_enabled or request.waits
    )
    if any(map(is_worth, ascent.agents)) or (
        (behind or readers is not None)
        and any(map(is_worth, _look_further(request, rules, setup, staff)))
    ):
        rule = "line" if behind else rule
        if not (setup.queue_limit and request.in_line >= setup.queue_limit):
            return Route("queued", "queue", rule, ascent)
    return _find_offline_route(request, rules, setup, staff, Route(None, "nobody", rule, ascent))


def is_open(
    rules: Rules, setup: Setup, staff: Staff, count_lines: Callable[[], tuple[int, int]]
) -> bool:
    """Tell whether a buyer who came now, to whatever group, would be taken.

    :param count_lines: returns how many wait in the lines of the channel, and how many lines it
        has: one for each group and one for the default group.
    """
    if setup.keeps_pool:
        return True
    agents = list(staff.look(None))
    if any(policy.is_worth_waiting_for(agent, rules, has_line=False) for agent in agents):
        return True
    if setup.offline_takers and any(
        not policy.exclusion(agent, _get_offline_rules(rules))
        for agent in staff.look(setup.offline_takers)
    ):
        return True
    if not setup.queue_enabled or not any(
        policy.is_worth_waiting_for(agent, rules, has_line=True) for agent in agents
    ):
        return False
    if not setup.queue_limit:
        return True
    in_lines, lines = count_lines()
    return in_lines < setup.queue_limit * lines


def climb(groups: Mapping[int, Group], group_id: int | None) -> Iterator[tuple[Group, int]]:
    """Yield a group, its parent, …, up to the top of the tree, each with the seconds that a buyer
    of the first has to wait before the agents of that one join."""
    due = 0
    while group_id is not None:
        group = groups[group_id]
        yield group, due
        due += group.overflow_seconds
        group_id = group.parent_id


def _find_levels(request, setup, staff):
    """Return who may take the chat: first the group's agents, then those above it as well.

    :return: a list of sets of user ids, each holding the one before, ``None`` for all agents; and
        whether it goes to the top of the tree.
    """
    if request.user_ids is not None:
        return [set(request.user_ids)], True
    if request.group_id not in setup.groups:
        members = staff.get_members(None)
        return (None if members is None else [set(members)]), True
    levels, members = [], set()
    for group, due in climb(setup.groups, request.group_id):
        # Without a line nobody can wait for that time, and all join at once.
        if setup.queue_enabled and request.waited < due:
            return levels, False
        members = members.union(staff.get_members(group.group_id))
        levels.append(members)
    return levels, True


def _list_readers(levels, request, rules, setup):
    """Return the user ids of all whom a decision on these levels is about."""
    user_ids = set().union(*levels)
    if (
        setup.main_account_id
        and request.user_ids is None
        and rules.main_account_participation != "never"
    ):
        user_ids.add(setup.main_account_id)
    return user_ids


def _look_further(request, rules, setup, staff):
    """Return all agents who may take from a buyer's line, now or when it has waited for longer."""
    top = request._replace(waited=inf)
    levels, _to_the_top = _find_levels(top, setup, staff)
    return staff.look(None if levels is None else _list_readers(levels, top, rules, setup))


def _find_offline_route(request, rules, setup, staff, nobody):
    """Decide by the rule for when nobody is here.

    :param Route nobody: what is returned when that rule finds nobody either.
    """
    if not request.offline:
        return nobody
    if setup.keeps_pool and request.in_pool < POOL_PLACES:
        return nobody._replace(state="pool", kind="pool")
    if setup.offline_takers:
        decide = partial(policy.ascend, rules=_get_offline_rules(rules), levels=None)
        ascent = staff.choose(setup.offline_takers, decide)
        if ascent.decision.winner is not None:
            return Route("assigned", "assign", "offline", ascent)
    return nobody


def _get_offline_rules(rules):
    return rules._replace(needs_presence=False, main_account_participation="member")
