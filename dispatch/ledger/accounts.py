"""Whom the shop owes how much and who had the last turn, all agents of a circle in one row; and the
seats that are reserved, with what they were charged.

One row instead of one for each agent takes a fifth, a tenth and a fortieth of the time among 20,
100 and 1000 agents (0.35 → 0.07, 0.76 → 0.08 and 14.3 → 0.32 ms). Its numbers are packed; the view
``livechat_dispatch_credits`` says them to people.
"""

import struct
from collections import defaultdict
from collections.abc import Iterable
from itertools import chain, islice
from typing import NamedTuple

from .. import credit
from .circle import OF_CHANNEL, Circles
from .facts import IS_HELD


def _end(which):
    """Return the WITH query of reservations whose transaction has ended: they are forgotten, and
    those that were rolled back are given back.

    :param which: of which of them.
    """
    # Served by a scan: they are a handful of rows.
    return f"""ended AS (
            DELETE FROM livechat_dispatch_reservation
             WHERE {which}
               AND xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
               AND NOT ({IS_HELD})
         RETURNING CASE WHEN pg_visible_in_snapshot(xid, pg_current_snapshot())
                        THEN pg_xact_status(xid) = 'aborted' END AS is_unused,
                   circle,
                   user_id,
                   split
        )"""


#: Those of the channel's circle.
ENDED = _end(f"circle = ({OF_CHANNEL})")
_ENDED_ANYWHERE = _end("true")


class Accounts(NamedTuple):
    """What the ledger keeps about the agents of a circle who were ever part of a decision, by
    ``user_id``."""

    circle: int | None
    """``None`` of channels that have none yet."""
    turn: int
    """The number of the last decision that chose somebody."""
    credits: dict[int, int]
    """In ``1 / CHAT`` chat."""
    last_turns: dict[int, int]
    """The number of the decision that gave the agent its last chat."""
    stored: int
    """How many agents are stored; those after them are new."""


def unpack_accounts(circle_id, turn, user_ids, credits, last_turns):
    """Return what a row of ``livechat_dispatch_credit`` says; of a circle without one, nothing."""
    if circle_id is None:
        return Accounts(None, 0, {}, {}, 0)
    user_ids = unpack("<i", user_ids)
    return Accounts(
        circle_id,
        turn,
        dict(zip(user_ids, unpack("<q", credits), strict=True)),
        dict(zip(user_ids, unpack("<I", last_turns), strict=True)),
        len(user_ids),
    )


def give_back(accounts, reservations):
    """Undo in the accounts what these decisions have charged, of whom nobody got a chat."""
    for winner, split in reservations:
        charged = credit.charge(unpack_split(split), winner)
        credit.add_changes(accounts.credits, {user: -amount for user, amount in charged.items()})


def read_all(cr):
    """Return the accounts of all circles."""
    cr.execute("SELECT circle, turn, user_ids, credits, last_turns FROM livechat_dispatch_credit")
    return [unpack_accounts(*row) for row in cr.fetchall()]


def settle_all(cr) -> list[Accounts]:
    """Return the accounts of all circles, with what has to be given back; only when alone."""
    cr.execute(f"WITH {_ENDED_ANYWHERE} SELECT circle, user_id, split FROM ended WHERE is_unused")
    ended = cr.fetchall()
    kept = read_all(cr)
    for accounts in kept:
        give_back(accounts, [row for circle_id, *row in ended if circle_id == accounts.circle])
    return kept


def move(kept: list[Accounts], circles: Circles) -> Iterable[Accounts]:
    """Return the accounts with each agent where it is now; who serves no channel stays."""
    moved = {
        circle_id: Accounts(circle_id, 0, {}, {}, 0) for circle_id in circles.by_channel.values()
    }
    for accounts in kept:
        for user_id, amount in accounts.credits.items():
            circle_id = circles.by_user.get(user_id, accounts.circle)
            target = moved.setdefault(circle_id, Accounts(circle_id, 0, {}, {}, 0))
            credit.add_changes(target.credits, {user_id: amount})
            target.last_turns[user_id] = max(
                accounts.last_turns.get(user_id, 0), target.last_turns.get(user_id, 0)
            )
            # The next turn comes after all of theirs.
            moved[circle_id] = target._replace(turn=max(target.turn, accounts.turn))
    return moved.values()


def store_all(cr, kept: Iterable[Accounts]):
    """Store the accounts of all circles; only when alone."""
    cr.execute("DELETE FROM livechat_dispatch_credit")
    for accounts in kept:
        # Who has left the circle may be given back here what a decision had charged before.
        turns = [accounts.last_turns.get(user_id, 0) for user_id in accounts.credits]
        cr.execute(
            """
            INSERT INTO livechat_dispatch_credit (circle, turn, user_ids, credits, last_turns)
            VALUES (%(circle)s, %(turn)s, %(user_ids)s, %(credits)s, %(last_turns)s)
            """,
            {
                "circle": accounts.circle,
                "turn": accounts.turn,
                "user_ids": pack("<i", accounts.credits),
                "credits": pack("<q", accounts.credits.values()),
                "last_turns": pack("<I", turns),
            },
        )


def store(cr, accounts: Accounts, reservation: dict | None = None):
    """Store the accounts and, if there is one, the reservation; only under the lock."""
    values = {
        "circle": accounts.circle,
        "turn": accounts.turn,
        "credits": pack("<q", accounts.credits.values()),
    }
    columns = {"turn": "%(turn)s", "credits": "%(credits)s"}
    user_ids = list(accounts.credits)
    if new := user_ids[accounts.stored :]:
        values.update(new_ids=pack("<i", new), no_turns=pack("<I", [0] * len(new)))
        columns.update(user_ids="user_ids || %(new_ids)s", last_turns="last_turns || %(no_turns)s")
    insert = ""
    if reservation:
        insert = """
        WITH reservation AS (
            INSERT INTO livechat_dispatch_reservation (xid, user_id, split, circle)
            VALUES (%(xid)s::xid8, %(winner)s, %(split)s, %(circle)s)
        )"""
        # What is not sent is not copied: of the turns one changes.
        turns = columns.get("last_turns", "last_turns")
        columns["last_turns"] = f"overlay({turns} PLACING %(this_turn)s FROM %(place)s)"
        place = 1 + 4 * user_ids.index(reservation["winner"])
        values.update(reservation, this_turn=pack("<I", [accounts.turn]), place=place)
    # The insertion appends; the accounts are served by the primary key.
    cr.execute(
        f"""
        {insert}
        UPDATE livechat_dispatch_credit
           SET {", ".join(f"{column} = {value}" for column, value in columns.items())}
         WHERE circle = %(circle)s
        """,
        values,
    )


def pack(code: str, numbers: Iterable[int]) -> bytes:
    """Return the numbers one after the other.

    :param code: their byte order and type, as in ``struct``.
    """
    numbers = list(numbers)
    order, kind = code
    return struct.pack(f"{order}{len(numbers)}{kind}", *numbers)


def unpack(code: str, packed: memoryview) -> tuple[int, ...]:
    """Return the numbers that :func:`pack` packed."""
    order, kind = code
    return struct.unpack(f"{order}{len(packed) // struct.calcsize(code)}{kind}", packed)


def pack_split(shares: dict[int, int]) -> bytes:
    """Return who had which share of a chat: how many different shares there are, each with the
    number of those who had it, then their ids. Most agents have the share of many others."""
    by_share = defaultdict(list)
    for user_id, share in shares.items():
        by_share[share].append(user_id)
    heads = [number for share, user_ids in by_share.items() for number in (share, len(user_ids))]
    user_ids = chain.from_iterable(by_share.values())
    return pack("<q", [len(by_share), *heads]) + pack("<i", user_ids)


def unpack_split(packed: memoryview) -> dict[int, int]:
    """Return the ``{user_id: share}`` that :func:`pack_split` packed."""
    (count,) = unpack("<q", packed[:8])
    end = 8 + 16 * count
    heads = unpack("<q", packed[8:end])
    user_ids = iter(unpack("<i", packed[end:]))
    return {
        user_id: share
        for share, size in zip(heads[::2], heads[1::2], strict=True)
        for user_id in islice(user_ids, size)
    }
