"""The line of those who wait: who is next in it, at which place, and how long it will take.

Pure, but for the SQL that says the same of the rows of ``discuss_channel``, beside the Python that
it repeats: a line of thousands is not read to find who is next.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import Enum
from math import sqrt
from typing import NamedTuple

#: Messages may lie in the pool for weeks; the sum of an hour has to fit an integer of 32 bits.
LONGEST_WAIT = 24 * 3600

#: Whom the shop lets go first stands as if it had come so much earlier. So it passes only those who
#: have waited for less, and nobody waits for ever.
HEAD_START = timedelta(minutes=10)

# A chat that waits for an agent, or for somebody to come.
WAITING = ("queued", "pool")

_IS_OPEN = ("livechat_end_dt", "=", False)

#: The domains of the chats that wait, of those in a line and of those in the pool; served by
#: discuss_channel__dispatch_waiting_idx. A search leaves out what is archived, and so does the SQL:
#: nobody would see such a chat, and it waits again when it is archived no more.
IS_WAITING = (("dispatch_state", "in", WAITING), _IS_OPEN)
IS_IN_LINE = (("dispatch_state", "=", "queued"), _IS_OPEN)
IS_IN_POOL = (("dispatch_state", "=", "pool"), _IS_OPEN)

#: IS_WAITING and IS_IN_LINE in SQL.
IS_WAITING_SQL = f"dispatch_state IN {WAITING} AND livechat_end_dt IS NULL AND active"
IS_IN_LINE_SQL = "dispatch_state = 'queued' AND livechat_end_dt IS NULL AND active"


class Waiting(NamedTuple):
    """Somebody who waits. Who is less is served before: the fields stand in the order in which they
    decide that, and the number is of one only."""

    is_pooled: bool
    """Whether it left a message: the line comes before the pool."""
    is_new: int
    """Whether it had no agent yet: who was served before waits in front. Below zero for who was put
    first by hand; who was put there last is the first."""
    since: datetime | float
    """Since when it waits; who goes first counts :data:`HEAD_START` more, see :attr:`came_at`."""
    number: int
    group_id: int = 0
    """In whose line; 0 for the default group."""
    regular_id: int | None = None
    """The user id of the agent to whom it belongs."""
    came: datetime | float | None = None
    """When it really came, if that is another moment than ``since``."""

    @property
    def came_at(self) -> datetime | float:
        """Since when it really waits, which is what agents of groups above come for."""
        return self.since if self.came is None else self.came


# The order of Waiting.
ORDER_BY = f"""discuss_channel.dispatch_state = 'pool',
                   CASE WHEN discuss_channel.dispatch_put_first > 0
                        THEN -discuss_channel.dispatch_put_first
                        ELSE (discuss_channel.dispatch_assigned_at IS NULL)::integer END,
                   discuss_channel.dispatch_queued_at
                       - CASE WHEN discuss_channel.dispatch_goes_first IS TRUE
                              THEN interval '{HEAD_START.total_seconds():.0f} seconds'
                              ELSE interval '0' END,
                   discuss_channel.id"""


class Turn(Enum):
    """What came of somebody whose turn it was."""

    SERVED = "served"
    """An agent has it."""
    KEPT = "kept"
    """It goes on waiting, which tells nothing about the others."""
    NO_ROOM = "no room"
    """Nobody has room for it, nor for the others of its group who have come since."""
    AGAIN = "again"
    """Nothing was done: its turn is still to come."""


def judge(state: str | None, is_pooled: bool) -> Turn:
    """Return what is to come of somebody who waits.

    :param state: where it goes, see :class:`route.Route`.
    :param is_pooled: whether it has left a message.
    """
    if state == "assigned":
        return Turn.SERVED
    if state != "queued" and not is_pooled:
        # Where the shop keeps no messages of those who come, it keeps those of who waited.
        return Turn.KEPT
    return Turn.NO_ROOM


class Round:
    """One serving of the lines of a channel: each who waits is tried once, in order, until nobody
    is left for whom somebody may have room."""

    def __init__(self):
        self.tried = set()
        """The numbers of those who were tried and stay."""
        self.full = {}
        """``{group id: moment}``: nobody has room for those of the group who wait since then or
        later, but an agent of their own. For those who wait longer the agents of the group above
        may have joined."""
        self.roomy = frozenset()
        """The user ids of the agents who may have room for a buyer of their own."""

    def admits(self, waiting: Waiting) -> bool:
        """Tell whether it makes sense to try somebody who waits."""
        if waiting.number in self.tried:
            return False
        full_since = self.full.get(waiting.group_id)
        is_longer = full_since is not None and waiting.came_at < full_since
        return full_since is None or is_longer or waiting.regular_id in self.roomy

    def find_next(self, line: Iterable[Waiting]) -> Waiting | None:
        """Return the first who waits and is to be tried."""
        return min(filter(self.admits, line), default=None)

    def serve(
        self,
        find_next: Callable[[], Waiting | None],
        take_turn: Callable[[Waiting], Turn],
        find_roomy: Callable[[], Iterable[int]],
    ):
        """Let each who waits have its turn.

        :param find_next: returns the first who waits and is to be tried, ``None`` to end the round.
        :param take_turn: decides about somebody who waits, and does what follows.
        :param find_roomy: as for :meth:`pass_over`.
        """
        while waiting := find_next():
            match take_turn(waiting):
                case Turn.KEPT:
                    self.skip(waiting.number)
                case Turn.NO_ROOM:
                    self.pass_over(waiting, find_roomy)

    def skip(self, number: int):
        """Note that somebody is not to be tried again in this round."""
        self.tried.add(number)

    def pass_over(self, waiting: Waiting, find_roomy: Callable[[], Iterable[int]]):
        """Note that somebody was tried and nobody has room.

        :param find_roomy: returns the user ids of who could take a buyer of its own.
        """
        self.skip(waiting.number)
        since = self.full.get(waiting.group_id, waiting.came_at)
        self.full[waiting.group_id] = min(since, waiting.came_at)
        self.roomy = frozenset(find_roomy())

    def get_params(self) -> dict:
        """Return what :data:`IS_ADMITTED` asks for."""
        return {
            "tried": list(self.tried),
            "full_groups": list(self.full),
            "full_since": list(self.full.values()),
            "roomy": list(self.roomy),
        }


# Round.admits; a few groups and agents come along.
IS_ADMITTED = """id != ALL(%(tried)s)
               AND (NOT EXISTS (
                        SELECT
                          FROM unnest(%(full_groups)s::integer[], %(full_since)s::timestamp[])
                               AS full_group (id, since)
                         WHERE full_group.id = coalesce(dispatch_group_id, 0)
                           AND full_group.since <= coalesce(dispatch_queued_at, 'infinity')
                    )
                    OR dispatch_regular_id = ANY(%(roomy)s))"""


def number_places(line: Iterable[Waiting]) -> dict[int, int]:
    """Return the place of each who stands in line: ``{number: place}``, from 1 in each group; who
    left a message has none.

    :param line: who waits on one channel, in any order.
    """
    places, last = {}, {}
    for waiting in sorted(line):
        if not waiting.is_pooled:
            place = last[waiting.group_id] = last.get(waiting.group_id, 0) + 1
            places[waiting.number] = place
    return places


def estimate_wait(place, pace):
    """Return between how many seconds, and how many, the buyer at this place will probably wait.

    One seat of ``seats`` becomes free every ``mean / seats`` seconds; the spread of ``place`` such
    times grows with its square root.

    :param pace: see ``im_livechat.channel._get_pace``.
    :return: ``(shortest, longest)`` or ``None`` when the shop does not know.
    """
    if not pace:
        return None
    mean, deviation, seats = pace
    middle, spread = place * mean / seats, sqrt(place) * deviation / seats
    return max(0, round(middle - spread)), round(middle + spread)
