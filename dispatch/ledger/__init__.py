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

The tables are in ``ledger.sql``. ``facts`` reads what is true of agents, ``accounts`` keeps
credits, turns and reservations, ``packing`` makes few values of many numbers, ``locks`` knows whose
turn it is, and ``session`` is the connection that the short transactions have to themselves.
``door`` keeps who asks for a chat, in the transactions of those who ask.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext

from odoo.modules import module
from odoo.tools import file_open

from ..policy import Agent, Decision, Rules
from . import accounts
from .facts import (
    FORGOTTEN_AFTER,
    QUIET_AFTER,
    Channel,
    Query,
    has_room_among_few,
    read_channel,
)
from .locks import BEGIN_DECISION
from .session import has_session, reader, transaction

__all__ = [
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
            xid = accounts.take_xid(cr)
            accounts.ask(cr, query, settles=True)
        else:
            # Two connections, so PostgreSQL does both at the same time.
            accounts.ask(cr, query, settles=True)
            cr.flush()
            xid = accounts.take_xid(env.cr)
        stored, agents, is_refunded = accounts.answer(cr, query)
        decision = decide(agents)
        if decision.winner is not None:
            accounts.reserve(cr, stored, decision, xid)
        elif is_refunded:
            accounts.write(cr, stored)
        if cr is not env.cr:
            cr.flush("COMMIT")
        yield decision


def read_credits(cr) -> dict[int, int]:
    """Return ``{user_id: credit}`` in ``1 / CHAT`` chat, without those who had no decision yet."""
    return accounts.read(cr, None)[0].credits


def clear_credits(env, user_ids: Iterable[int]):
    """Let these agents start again with a credit of zero."""
    with _locked_transaction(env) as cr:
        stored, _agents, _is_refunded = accounts.read(cr, None, settles=True)
        stored.credits.update(dict.fromkeys(user_ids, 0))
        accounts.write(cr, stored)


def read_agents(cr, query: Query, committed: bool = False) -> list[Agent]:
    """Return the facts about the agents of the query as they are now, without waiting for the lock:
    good enough to show, and to say who is available.

    Effective rights, presence, chats and reservations are those that are committed; a chat and the
    reservation it came from are never both counted.

    :param committed: whether what the transaction of ``cr`` did itself need not be seen: quicker.
    """
    with _asking(cr) if committed else nullcontext(cr) as asked:
        return accounts.read(asked, query)[1]


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
