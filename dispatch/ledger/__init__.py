"""The seat ledger: the one short transaction in which a decision is taken.

What it promises: dispatch never puts an agent above capacity, however many server processes and
nodes take part, and no seat outlives its chat. How:

* **One decision at a time.** Each decision runs in a transaction of its own and takes one advisory
  lock first. One lock serves the whole database, because an agent may serve any of its channels.
* **Read after waiting.** Odoo's transactions are REPEATABLE READ: they would read what was true
  before they waited for the lock. The short transaction is READ COMMITTED: each of its statements
  sees all that was committed when it started.
* **A reservation lives as long as its caller's transaction.** The chosen seat must count at once,
  yet the chat that fills it appears only when the caller commits. So the reservation carries the
  caller's transaction id and counts while that transaction is in progress. When it commits, the
  chat becomes visible in the very snapshot in which the reservation stops to count: never both,
  never neither. When it rolls back, is retried, or its process dies, PostgreSQL ends the
  transaction and the seat is free again. When a whole machine vanishes without a goodbye,
  PostgreSQL is told to notice within half a minute.
* **What was not used is given back.** The next decision finds reservations whose transaction was
  aborted and reverses what they charged.

The tables are in ``ledger.sql``. ``facts`` says how to read what is true of agents, ``locks`` whose
turn it is, and ``session`` is the connection that the short transactions have to themselves.
``door`` keeps who asks for a chat, in the transactions of those who ask.
"""

import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import chain, islice, repeat
from typing import NamedTuple

from odoo.modules import module
from odoo.tools import file_open

from .. import credit
from ..policy import Agent, Decision, Rules
from .facts import (
    CHANNEL_FIELDS,
    FORGOTTEN_AFTER,
    IS_HELD,
    QUIET_AFTER,
    RECEIVE_GROUPS,
    Channel,
    Query,
    get_values,
    has_room_among_few,
    read_channel,
    read_expertises,
    select_facts,
    unpack_facts,
)
from .locks import BEGIN_DECISION, KEEPALIVE
from .session import has_session, reader, transaction

__all__ = [
    "CHANNEL_FIELDS",
    "FORGOTTEN_AFTER",
    "QUIET_AFTER",
    "Channel",
    "Query",
    "clear_credits",
    "create_tables",
    "drop_tables",
    "has_room_at_once",
    "is_prepared",
    "read_agents",
    "read_channel",
    "read_credits",
    "reserve_seat",
    "reserving",
]

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


def create_tables(cr):
    """Create the tables of the ledger and seat the agents of the chats that are open.

    Safe to run again.
    """
    with file_open("im_livechat_subaccount/dispatch/ledger/ledger.sql") as file:
        cr.execute(file.read())


def drop_tables(cr):
    """Remove what :func:`create_tables` made, but the relation table, which the ORM drops."""
    cr.execute(
        "DROP TABLE IF EXISTS livechat_dispatch_credit, livechat_dispatch_reservation,"
        " livechat_dispatch_buyer, livechat_dispatch_rate, livechat_dispatch_refusal"
    )


def reserve_seat(env, query: Query, decide: Callable[[list[Agent]], Decision]) -> Decision:
    """Take one decision and reserve the winner's seat for the caller's transaction.

    The parameters and errors are those of :func:`reserving`.

    :return: what ``decide`` returned.
    """
    with reserving(env, query, decide) as decision:
        return decision


@contextmanager
def reserving(env, query: Query, decide: Callable[[list[Agent]], Decision]) -> Iterator[Decision]:
    """Take one decision and yield it while the winner's seat is being reserved for the caller's
    transaction; it is reserved at the end of the block.

    The seat is bound to whatever open chat the caller's transaction creates for the winner; until
    that transaction ends the reservation holds it.

    :param env: the caller's; its transaction is given an id, and ends within half a minute when its
        machine vanishes from the network. Otherwise it is left alone.
    :param query: whom to read.
    :param decide: the policy, called once with the agents as they are under the lock.
    :raise psycopg2.errors.LockNotAvailable: the lock was not had in ``locks.LOCK_TIMEOUT``; Odoo
        retries.
    """
    with _locked_transaction(env) as cr:
        if cr is env.cr:
            xid = _take_xid(cr)
            _ask(cr, query, settles=True)
        else:
            # Two connections, so PostgreSQL does both at the same time.
            _ask(cr, query, settles=True)
            cr.flush()
            xid = _take_xid(env.cr)
        stored, agents, is_refunded = _answer(cr, query)
        decision = decide(agents)
        if decision.winner is not None:
            _reserve(cr, stored, decision, xid)
        elif is_refunded:
            _write(cr, stored)
        if cr is not env.cr:
            cr.flush("COMMIT")
        yield decision


def read_credits(cr) -> dict[int, int]:
    """Return ``{user_id: credit}`` in ``1 / CHAT`` chat, without those who had no decision yet."""
    return _read(cr, None)[0].credits


def clear_credits(env, user_ids: Iterable[int]):
    """Let these agents start again with a credit of zero."""
    with _locked_transaction(env) as cr:
        stored, _agents, _is_refunded = _read(cr, None, settles=True)
        stored.credits.update(dict.fromkeys(user_ids, 0))
        _write(cr, stored)


def read_agents(cr, query: Query, committed: bool = False) -> list[Agent]:
    """Return the facts about the agents of the query as they are now, without waiting for the lock:
    good enough to show, and to say who is available.

    Effective rights, presence, chats and reservations are those that are committed; a chat and the
    reservation it came from are never both counted.

    :param committed: whether what the transaction of ``cr`` did itself need not be seen: quicker.
    """
    with _asking(cr) if committed else nullcontext(cr) as asked:
        return _read(asked, query)[1]


def has_room_at_once(cr, query: Query, get_rules: Callable[[Channel], Rules]) -> bool:
    """Tell whether one of the first agents who are there has room for a chat, by the rules of
    ``policy.exclusion``; False when it would take more to know.

    It is asked on every page view of the shop, where mostly one of the first agents has room. It is
    told what is committed.

    :param query: of a channel, whose main account need not be known.
    :param get_rules: returns the rules of the channel.
    """
    with _asking(cr) as asked:
        return has_room_among_few(asked, query, get_rules)


def is_prepared(cr) -> bool:
    """Tell whether :func:`has_room_at_once` would be quick: this process has taken decisions."""
    return not module.current_test and has_session(cr.dbname)


def _asking(cr):
    """Return the context in which to ask the session that has its statements prepared."""
    return nullcontext(cr) if module.current_test else reader(cr)


@contextmanager
def _locked_transaction(env):
    """Yield the cursor of a READ COMMITTED transaction that takes the lock of decisions with its
    first statement and is committed at the end of the block.

    A test rolls everything back and its records are visible to its own transaction only, so there
    the block runs in a savepoint of it; ``tests/system`` covers the real thing.
    """
    if module.current_test:
        env.flush_all()
        with env.cr.savepoint(flush=False):
            yield env.cr
        return
    with transaction(env.cr.dbname, BEGIN_DECISION) as cr:
        yield cr


# ------------------------------------------------------------
# Whom the shop owes how much and who had the last turn, all agents in one row; and the seats that
# are reserved, with what they were charged.
#
# One row instead of one for each agent takes a fifth, a tenth and a fortieth of the time among 20,
# 100 and 1000 agents (0.35 → 0.07, 0.76 → 0.08 and 14.3 → 0.32 ms).
# ------------------------------------------------------------


def _read(cr, query: Query | None, settles=False) -> tuple[Accounts, list[Agent], bool]:
    """Return the accounts, and the facts about the agents of the query as they are now.

    :param query: ``None`` to read no agents.
    :param settles: whether to settle the reservations whose transaction has ended; only under the
        lock. The accounts are then those after that, not stored yet.
    :return: also whether anything was given back.
    """
    _ask(cr, query, settles)
    return _answer(cr, query)


def _ask(cr, query, settles):
    """Run the statement of :func:`_read`."""
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


def _answer(cr, query):
    """Return what :func:`_read` returns, from the statement that was run."""
    rows = cr.fetchall()
    turn, user_ids, credits, last_turns, fact_ids, numbers, *_ended = rows[0]
    user_ids = _unpack("<i", user_ids)
    accounts = Accounts(
        turn,
        dict(zip(user_ids, _unpack("<q", credits), strict=True)),
        dict(zip(user_ids, _unpack("<I", last_turns), strict=True)),
        len(user_ids),
    )
    is_refunded = False
    for *_rest, winner, split in rows:
        if winner is not None:
            is_refunded = True
            charged = credit.charge(_unpack_split(split), winner)
            credit.add_changes(
                accounts.credits, {user: -amount for user, amount in charged.items()}
            )
    if not fact_ids:
        return accounts, [], is_refunded
    user_ids = _unpack(">i", fact_ids)
    facts = map(unpack_facts, _unpack(">q", numbers))
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


def _take_xid(cr) -> str:
    """Return the id of this transaction, which it is given now, and see to it that it ends within
    half a minute when its machine vanishes from the network."""
    cr.execute(f"SELECT {KEEPALIVE}, pg_current_xact_id()::text")
    return cr.fetchone()[-1]


def _reserve(cr, accounts: Accounts, decision: Decision, xid: str):
    """Hold the winner's seat for the transaction ``xid``, with what it would take to undo it, and
    store the accounts after the decision."""
    credit.add_changes(accounts.credits, credit.charge(decision.shares, decision.winner))
    reservation = {
        "xid": xid,
        "winner": decision.winner,
        "split": _pack_split(decision.shares),
    }
    _write(cr, accounts._replace(turn=accounts.turn + 1), reservation)


def _write(cr, accounts: Accounts, reservation: dict | None = None):
    """Store the accounts and, if there is one, the reservation; only under the lock."""
    values = {"turn": accounts.turn, "credits": _pack("<q", accounts.credits.values())}
    columns = {"turn": "%(turn)s", "credits": "%(credits)s"}
    user_ids = list(accounts.credits)
    if new := user_ids[accounts.stored :]:
        values.update(new_ids=_pack("<i", new), no_turns=_pack("<I", [0] * len(new)))
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
        values.update(reservation, this_turn=_pack("<I", [accounts.turn]), place=place)
    # The insertion appends, and the accounts are one row: no index is read.
    cr.execute(
        f"""
        {insert}
        UPDATE livechat_dispatch_credit
           SET {", ".join(f"{column} = {value}" for column, value in columns.items())}
        """,
        values,
    )


def _pack(code: str, numbers: Iterable[int]) -> bytes:
    """Return the numbers one after the other.

    :param code: their byte order and type, as in ``struct``.
    """
    numbers = list(numbers)
    order, kind = code
    return struct.pack(f"{order}{len(numbers)}{kind}", *numbers)


def _unpack(code: str, packed: memoryview) -> tuple[int, ...]:
    """Return the numbers that :func:`_pack` packed."""
    order, kind = code
    return struct.unpack(f"{order}{len(packed) // struct.calcsize(code)}{kind}", packed)


def _pack_split(shares: dict[int, int]) -> bytes:
    """Return who had which share of a chat: how many different shares there are, each with the
    number of those who had it, then their ids. Most agents have the share of many others."""
    by_share = defaultdict(list)
    for user_id, share in shares.items():
        by_share[share].append(user_id)
    heads = [number for share, user_ids in by_share.items() for number in (share, len(user_ids))]
    user_ids = chain.from_iterable(by_share.values())
    return _pack("<q", [len(by_share), *heads]) + _pack("<i", user_ids)


def _unpack_split(packed: memoryview) -> dict[int, int]:
    """Return the ``{user_id: share}`` that :func:`_pack_split` packed."""
    (count,) = _unpack("<q", packed[:8])
    end = 8 + 16 * count
    heads = _unpack("<q", packed[8:end])
    user_ids = iter(_unpack("<i", packed[end:]))
    return {
        user_id: share
        for share, size in zip(heads[::2], heads[1::2], strict=True)
        for user_id in islice(user_ids, size)
    }
