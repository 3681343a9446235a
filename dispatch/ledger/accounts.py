"""Whom the shop owes how much and who had the last turn, all agents in one row; and the seats that
are reserved, with what they were charged.

One row instead of one for each agent takes a fifth, a tenth and a fortieth of the time among 20,
100 and 1000 agents (0.35 → 0.07, 0.76 → 0.08 and 14.3 → 0.32 ms).
"""

from functools import partial
from itertools import repeat
from typing import NamedTuple

from .. import credit
from ..policy import Agent, Decision
from .facts import IS_HELD, RECEIVE_GROUPS, Query, get_values, read_expertises, select_facts
from .locks import KEEPALIVE
from .packing import pack, pack_split, unpack, unpack_facts, unpack_split

# The reservations whose transaction has ended are forgotten; those that were rolled back are given
# back. Served by a scan: they are a handful of rows.
_ENDED = f"""ended AS (
            DELETE FROM livechat_dispatch_reservation
             WHERE xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
               AND NOT ({IS_HELD})
         RETURNING CASE WHEN pg_visible_in_snapshot(xid, pg_current_snapshot())
                        THEN pg_xact_status(xid) = 'aborted' END AS is_unused,
                   user_id,
                   split
        )"""


class Accounts(NamedTuple):
    """What the ledger keeps about the agents who were ever part of a decision, by ``user_id``."""

    turn: int
    """The number of the last decision that chose somebody."""
    credits: dict[int, int]
    """In ``1 / CHAT`` chat."""
    last_turns: dict[int, int]
    """The number of the decision that gave the agent its last chat."""
    stored: int
    """How many agents are stored; those after them are new."""


def read(cr, query: Query | None, settles=False) -> tuple[Accounts, list[Agent], bool]:
    """Return the accounts, and the facts about the agents of the query as they are now.

    :param query: ``None`` to read no agents.
    :param settles: whether to settle the reservations whose transaction has ended; only under the
        lock. The accounts are then those after that, not stored yet.
    :return: also whether anything was given back.
    """
    ask(cr, query, settles)
    return answer(cr, query)


def ask(cr, query, settles):
    """Run the statement of :func:`read`."""
    with_queries = [*([RECEIVE_GROUPS] if query else []), *([_ENDED] if settles else [])]
    # One statement, because open chats and the reservations that are no chat yet must belong
    # together; and one row, which is faster than a thousand. The accounts are one row as well.
    cr.execute(
        f"""
        {"WITH RECURSIVE " if with_queries else ""}{", ".join(with_queries)}
        SELECT accounts.turn, accounts.user_ids, accounts.credits, accounts.last_turns
               {", facts.user_ids, facts.numbers" if query else ", NULL, NULL"}
               {", ended.user_id, ended.split" if settles else ", NULL, NULL"}
          FROM livechat_dispatch_credit accounts
               {f"CROSS JOIN ({select_facts(query)}) facts" if query else ""}
               {"LEFT JOIN ended ON ended.is_unused" if settles else ""}
        """,
        get_values(query) if query else {},
    )


def answer(cr, query):
    """Return what :func:`read` returns, from the statement that was run."""
    rows = cr.fetchall()
    turn, user_ids, credits, last_turns, fact_ids, numbers, *_ended = rows[0]
    user_ids = unpack("<i", user_ids)
    accounts = Accounts(
        turn,
        dict(zip(user_ids, unpack("<q", credits), strict=True)),
        dict(zip(user_ids, unpack("<I", last_turns), strict=True)),
        len(user_ids),
    )
    is_refunded = False
    for *_read, winner, split in rows:
        if winner is not None:
            is_refunded = True
            charged = credit.charge(unpack_split(split), winner)
            credit.add_changes(
                accounts.credits, {user: -amount for user, amount in charged.items()}
            )
    if not fact_ids:
        return accounts, [], is_refunded
    user_ids = unpack(">i", fact_ids)
    facts = map(unpack_facts, unpack(">q", numbers))
    if expertises := read_expertises(cr, query):
        facts = (
            agent_facts._replace(expertises=expertises.get(user_id, 0))
            for user_id, agent_facts in zip(user_ids, facts, strict=True)
        )
    credits = map(accounts.credits.get, user_ids, repeat(0))
    last_turns = map(accounts.last_turns.get, user_ids, repeat(0))
    # As Agent._make does, without a call of Python for each.
    rows = zip(user_ids, facts, credits, last_turns, strict=True)
    return accounts, list(map(partial(tuple.__new__, Agent), rows)), is_refunded


def take_xid(cr) -> str:
    """Return the id of this transaction, which it is given now, and see to it that it ends within
    half a minute when its machine vanishes from the network."""
    cr.execute(f"SELECT {KEEPALIVE}, pg_current_xact_id()::text")
    return cr.fetchone()[-1]


def reserve(cr, accounts: Accounts, decision: Decision, xid: str):
    """Hold the winner's seat for the transaction ``xid``, with what it would take to undo it, and
    store the accounts after the decision."""
    credit.add_changes(accounts.credits, credit.charge(decision.shares, decision.winner))
    reservation = {
        "xid": xid,
        "winner": decision.winner,
        "split": pack_split(decision.shares),
    }
    write(cr, accounts._replace(turn=accounts.turn + 1), reservation)


def write(cr, accounts: Accounts, reservation: dict | None = None):
    """Store the accounts and, if there is one, the reservation; only under the lock."""
    values = {"turn": accounts.turn, "credits": pack("<q", accounts.credits.values())}
    columns = {"turn": "%(turn)s", "credits": "%(credits)s"}
    user_ids = list(accounts.credits)
    if new := user_ids[accounts.stored :]:
        values.update(new_ids=pack("<i", new), no_turns=pack("<I", [0] * len(new)))
        columns.update(user_ids="user_ids || %(new_ids)s", last_turns="last_turns || %(no_turns)s")
    insert = ""
    if reservation:
        insert = """
        WITH reservation AS (
            INSERT INTO livechat_dispatch_reservation (xid, user_id, split)
            VALUES (%(xid)s::xid8, %(winner)s, %(split)s)
        )"""
        # What is not sent is not copied: of the turns one changes.
        turns = columns.get("last_turns", "last_turns")
        columns["last_turns"] = f"overlay({turns} PLACING %(this_turn)s FROM %(place)s)"
        place = 1 + 4 * user_ids.index(reservation["winner"])
        values.update(reservation, this_turn=pack("<I", [accounts.turn]), place=place)
    # The insertion appends, and the accounts are one row: no index is read.
    cr.execute(
        f"""
        {insert}
        UPDATE livechat_dispatch_credit
           SET {", ".join(f"{column} = {value}" for column, value in columns.items())}
        """,
        values,
    )
