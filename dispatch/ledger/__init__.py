"""The seat ledger: the one short transaction in which a decision is taken.

What it promises: dispatch never puts an agent above capacity, however many server processes and
nodes take part, and no seat outlives its chat. How:

* **One decision at a time.** Each decision runs in a transaction of its own and takes an advisory
  lock first: that of the channels that share agents, because an agent may serve any of them. Shops
  without agents in common do not wait for each other; ``circle`` says which those are.
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

The tables are in ``ledger.sql``. ``facts`` says how to read what is true of agents, ``accounts``
what the ledger keeps of them, ``locks`` whose turn it is, and ``session`` is the connection that
the short transactions have to themselves. ``door`` keeps who asks for a chat, in the transactions
of those who ask, ``tickets`` who is owed a ticket, in those of who makes one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from itertools import repeat

from psycopg2.errors import SerializationFailure

from odoo.modules import module
from odoo.tools import file_open

from .. import credit
from ..policy import Agent, Decision, Rules
from . import circle, locks, tickets
from .accounts import (
    ENDED,
    Accounts,
    give_back,
    move,
    pack_split,
    read_all,
    settle_all,
    store,
    store_all,
    unpack,
    unpack_accounts,
)
from .facts import (
    CHANNEL_FIELDS,
    FORGOTTEN_AFTER,
    QUIET_AFTER,
    RECEIVE_GROUPS,
    Channel,
    Query,
    get_values,
    has_room_among_few,
    read_channel,
    read_expertises,
    read_quiet_times,
    read_tickets,
    select_facts,
    unpack_facts,
    with_agents,
)
from .locks import KEEPALIVE
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
    "forget_credits",
    "has_room_at_once",
    "is_prepared",
    "note_change",
    "note_forgotten",
    "read_agents",
    "read_channel",
    "read_credits",
    "read_quiet_times",
    "reserve_seat",
    "reserving",
]

# Circles are made anew in a moment, and only when somebody has changed who serves what.
_ATTEMPTS = 5


class _Outdated(Exception):
    """A decision has not the locks that it needs."""


def create_tables(cr):
    """Create the tables of the ledger and seat the agents of the chats that are open.

    Safe to run again.
    """
    with file_open("im_livechat_subaccount/dispatch/ledger/ledger.sql") as file:
        # An hour before it is forgotten, for clocks that differ.
        values = {"chat": credit.CHAT, "woken_after": FORGOTTEN_AFTER - timedelta(hours=1)}
        cr.execute(file.read(), values)
    tickets.create_table(cr)


def drop_tables(cr):
    """Remove what :func:`create_tables` made, but the relation table, which the ORM drops."""
    cr.execute(
        "DROP TRIGGER IF EXISTS livechat_dispatch_regroup ON im_livechat_channel_im_user;"
        "DROP TRIGGER IF EXISTS livechat_dispatch_wake ON discuss_channel;"
        "DROP FUNCTION IF EXISTS livechat_dispatch_regroup(), livechat_dispatch_wake();"
        "DROP VIEW IF EXISTS livechat_dispatch_credits;"
        "DROP TABLE IF EXISTS livechat_dispatch_credit, livechat_dispatch_reservation,"
        " livechat_dispatch_circle, livechat_dispatch_regroup,"
        " livechat_dispatch_buyer, livechat_dispatch_rate, livechat_dispatch_refusal,"
        " livechat_ticket_credit"
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
    circles = (query.circle,) if query.circle else None
    for _attempt in range(_ATTEMPTS):
        if circles is None:
            circles = circle.find(env.cr, query.channel_id, query.user_ids)
        try:
            with _locked_transaction(env, locks.take_turn(circles)) as cr:
                if cr is env.cr:
                    xid = _take_xid(cr)
                    _ask(cr, query, circles)
                else:
                    # Two connections, so PostgreSQL does both at the same time.
                    _ask(cr, query, circles)
                    cr.flush()
                    xid = _take_xid(env.cr)
                stored, agents, is_refunded = _answer(cr, query)
                decision = decide(agents)
                if decision.winner is not None:
                    _reserve(cr, stored, decision, xid)
                elif is_refunded:
                    store(cr, stored)
                if cr is not env.cr:
                    cr.flush("COMMIT")
                yield decision
            return
        except _Outdated:
            circles = _renew_circles(env, query)
            if circles is None:
                # The channel is not committed yet, or gone: nobody serves it.
                yield decide([])
                return
    raise SerializationFailure("The agents of channels are being changed all the time")


def _renew_circles(env, query):
    """Make the circles anew, with what is kept of their agents, and return those that a decision is
    about; ``None`` when its channel has none."""
    with _transaction_alone(env) as cr:
        kept = settle_all(cr)
        circles = circle.make_anew(cr)
        store_all(cr, move(kept, circles))
        if query.channel_id not in circles.by_channel:
            return None
        return circle.find(cr, query.channel_id, query.user_ids)


def note_forgotten(cr):
    """Note on the seats of chats in which nobody has written for long that they hold nothing; for
    the daily cleaning."""
    # Served by scans of the seats that are not forgotten yet, and discuss_channel_pkey.
    cr.execute(
        """
        UPDATE livechat_dispatch_seat seat
           SET is_forgotten = true
          FROM discuss_channel chat
         WHERE NOT seat.is_forgotten
           AND chat.id = seat.discuss_channel_id
           AND chat.last_interest_dt < now() AT TIME ZONE 'UTC' - %s
        """,
        [FORGOTTEN_AFTER],
    )


def note_change(cr):
    """Let the next decision look anew at who serves which channel, once the transaction of ``cr``
    is committed. Of the lists of agents PostgreSQL notes it by itself."""
    cr.execute("INSERT INTO livechat_dispatch_regroup DEFAULT VALUES")


def read_credits(cr) -> dict[int, int]:
    """Return ``{user_id: credit}`` in ``1 / CHAT`` chat, without those who had no decision yet."""
    found = defaultdict(int)
    for accounts in read_all(cr):
        credit.add_changes(found, accounts.credits)
    return found


def clear_credits(env, user_ids: Iterable[int]):
    """Let these agents start again with a credit of zero, for chats and for tickets."""
    user_ids = set(user_ids)
    with _transaction_alone(env) as cr:
        kept = settle_all(cr)
        for accounts in kept:
            accounts.credits.update(dict.fromkeys(user_ids & accounts.credits.keys(), 0))
        store_all(cr, kept)
    # Whoever makes a ticket holds these until it is made: no chat waits for that.
    tickets.clear(env.cr, user_ids)


def forget_credits(env, user_ids: Iterable[int]):
    """Forget the credits of users who are gone."""
    user_ids = set(user_ids)
    with _transaction_alone(env) as cr:
        kept = settle_all(cr)
        for accounts in kept:
            for user_id in user_ids & accounts.credits.keys():
                del accounts.credits[user_id]
        store_all(cr, kept)


def read_agents(cr, query: Query, committed: bool = False) -> list[Agent]:
    """Return the facts about the agents of the query as they are now, without waiting for the lock:
    good enough to show, and to say who is available.

    Effective rights, presence, chats and reservations are those that are committed; a chat and the
    reservation it came from are never both counted.

    :param committed: whether what the transaction of ``cr`` did itself need not be seen: quicker.
    """
    with _asking(cr) if committed else nullcontext(cr) as asked:
        _ask(asked, query)
        return _answer(asked, query)[1]


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
def _locked_transaction(env, begin):
    """Yield the cursor of a READ COMMITTED transaction that takes its locks with its first
    statement and is committed at the end of the block.

    A test rolls everything back and its records are visible to its own transaction only, so there
    the block runs in a savepoint of it; ``tests/system`` covers the real thing.

    :param begin: the statement that takes its locks.
    """
    if module.current_test:
        env.flush_all()
        with env.cr.savepoint(flush=False):
            yield env.cr
        return
    with transaction(env.cr.dbname, begin) as cr:
        yield cr


def _transaction_alone(env):
    """As :func:`_locked_transaction`; nobody takes a decision meanwhile."""
    return _locked_transaction(env, locks.ALONE)


def _ask(cr, query: Query, circles: tuple[int, ...] | None = None):
    """Run the statement that :func:`_answer` reads.

    :param circles: those whose locks are held: then the reservations whose transaction has ended
        are settled, and it is asked whether these are the right locks. ``None`` for no lock.
    """
    is_locked = circles is not None
    with_queries = [RECEIVE_GROUPS, with_agents(query), *([ENDED] if is_locked else [])]
    is_outdated = "false"
    if is_locked:
        is_outdated = circle.IS_OUTDATED if query.circle else circle.IS_OUTDATED_OF_USERS
    # One statement, because open chats and the reservations that are no chat yet must belong
    # together; and one row, which is faster than a thousand. The accounts are one row as well.
    cr.execute(
        f"""
        WITH RECURSIVE {", ".join(with_queries)}
        SELECT {is_outdated},
               accounts.circle, accounts.turn,
               accounts.user_ids, accounts.credits, accounts.last_turns,
               facts.user_ids, facts.numbers
               {", ended.user_id, ended.split" if is_locked else ", NULL, NULL"}
          FROM ({select_facts(query)}) facts
     LEFT JOIN livechat_dispatch_credit accounts ON accounts.circle = ({circle.OF_CHANNEL})
               {"LEFT JOIN ended ON ended.is_unused" if is_locked else ""}
        """,
        {**get_values(query), "circles": list(circles or ())},
    )


def _answer(cr, query: Query) -> tuple[Accounts, list[Agent], bool]:
    """Return the accounts of the channel's circle and the facts about the agents of the query, as
    the statement of :func:`_ask` read them.

    :return: also whether anything was given back: the accounts are those after that, not stored
        yet.
    :raise _Outdated: these were not the right locks.
    """
    rows = cr.fetchall()
    is_outdated, *packed, fact_ids, numbers, _winner, _split = rows[0]
    if is_outdated:
        raise _Outdated
    accounts = unpack_accounts(*packed)
    given_back = [(winner, split) for *_rest, winner, split in rows if winner is not None]
    give_back(accounts, given_back)
    is_refunded = bool(given_back)
    if not fact_ids:
        return accounts, [], is_refunded
    user_ids = unpack(">i", fact_ids)
    facts = map(unpack_facts, unpack(">q", numbers))
    if expertises := read_expertises(cr, query):
        facts = (
            agent_facts._replace(expertises=expertises.get(user_id, 0))
            for user_id, agent_facts in zip(user_ids, facts, strict=True)
        )
    if tickets := read_tickets(cr, query, user_ids):
        facts = (
            agent_facts._replace(tickets=tickets.get(user_id, 0))
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
        "split": pack_split(decision.shares),
    }
    store(cr, accounts._replace(turn=accounts.turn + 1), reservation)
