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
  transaction and the seat is free again. No clock, no heartbeat, nothing to clean up in time.
* **What was not used is given back.** The next decision finds reservations whose transaction was
  aborted and reverses what they charged.

The tables, and the statements that read agents, are in ``ledger.sql``.
"""

import struct
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from odoo.modules import module
from odoo.tools import file_open

from .credit import charge
from .policy import Agent, Decision, Rules

# First half of the advisory lock's key, so that no other addon's lock is met by accident: "LCDP".
LOCK_CLASS = 0x4C434450
LOCK_DECISION = 1

# A decision takes milliseconds. Whoever waits longer than this for its turn is in trouble that
# waiting will not mend: PostgreSQL then reports it and Odoo retries the request.
LOCK_TIMEOUT = "10s"

# After this time without a message a chat is quiet and keeps only a light hold; the same time
# after which core forgets it altogether.
QUIET_AFTER = timedelta(minutes=15)

# Core removes a call session that was not refreshed for so long (discuss.channel.rtc.session).
CALL_ALIVE = timedelta(minutes=1)

_MODELS_READ = (
    "discuss.channel",
    "discuss.channel.member",
    "discuss.channel.rtc.session",
    "im_livechat.channel",
    "im_livechat.channel.member.history",
    "mail.presence",
    "res.groups",
    "res.partner",
    "res.users",
    "res.users.settings",
)


class Query(NamedTuple):
    """Whom to read for a decision, and what about the buyer they are compared with."""

    receive_group_id: int
    """``res.groups`` id; holding it, directly or by implication, is the right to receive buyers."""
    now: datetime
    channel_id: int | None = None
    """All agents of this ``im_livechat.channel``, or …"""
    user_ids: list[int] | None = None
    """… exactly these users, when given."""
    main_account_id: int | None = None
    lang: str | None = None
    country_id: int | None = None
    expertise_ids: tuple[int, ...] = ()


class Accounts(NamedTuple):
    """What the ledger keeps about the agents who were ever part of a decision, by ``user_id``."""

    turn: int
    """The number of the last decision that chose somebody."""
    credits: dict[int, int]
    """In ``1 / CHAT`` chat."""
    last_turns: dict[int, int]
    """The number of the decision that gave the agent its last chat."""


def create_tables(cr):
    """Create the tables and functions of the ledger and seat the agents of the chats that are open.

    Safe to run again.
    """
    with file_open("im_livechat_subaccount/dispatch/ledger.sql") as file:
        cr.execute(file.read())


def drop_tables(cr):
    """Remove what :func:`create_tables` made, but the relation table, which the ORM drops."""
    cr.execute(
        """
        DROP TABLE IF EXISTS livechat_dispatch_credit, livechat_dispatch_reservation;
        DROP FUNCTION IF EXISTS livechat_dispatch_agents, livechat_dispatch_is_available,
                                livechat_dispatch_receive_groups, livechat_dispatch_is_held,
                                livechat_dispatch_has_room;
        """
    )


def reserve_seat(env, query: Query, decide: Callable[[list[Agent]], Decision]) -> Decision:
    """Take one decision and reserve the winner's seat for the caller's transaction.

    The seat is bound to whatever open chat the caller's transaction creates for the winner; until
    that transaction ends the reservation holds it.

    :param env: the caller's; its transaction is given an id and otherwise left alone.
    :param query: whom to read.
    :param decide: the policy, called once with the agents as they are under the lock.
    :return: what ``decide`` returned.
    :raise psycopg2.errors.LockNotAvailable: the lock was not had in ``LOCK_TIMEOUT``; Odoo retries.
    """
    env.cr.execute("SELECT pg_current_xact_id()::text")
    (xid,) = env.cr.fetchone()
    with _locked_transaction(env) as cr:
        accounts = _read_accounts(cr)
        refunded = _settle_reservations(cr, accounts)
        decision = decide(_read_agents(cr, query, accounts))
        if decision.winner is not None:
            accounts = _charge(accounts, decision)
            _reserve(cr, xid, decision)
        if decision.winner is not None or refunded:
            _write_accounts(cr, accounts)
    return decision


def flush(env):
    """Write what the ORM has not yet written of the records that the ledger reads."""
    for model in _MODELS_READ:
        env[model].flush_model()


def read_credits(cr) -> dict[int, int]:
    """Return ``{user_id: credit}`` in ``1 / CHAT`` chat, without those who had no decision yet."""
    return _read_accounts(cr).credits


def read_agents(cr, query: Query) -> list[Agent]:
    """Return the facts about the agents of the query as they are now, without waiting for the lock:
    good enough to show, and to say who is available.

    Effective rights, presence, chats and reservations are those that are committed; a chat and the
    reservation it came from are never both counted.
    """
    return _read_agents(cr, query, _read_accounts(cr))


def is_agent_available(cr, query: Query, rules: Rules) -> bool:
    """Tell whether anybody of the query's channel could take a chat now.

    The same rules as ``policy.exclusion``, in one statement that stops at the first such agent.
    """
    cr.execute(
        "SELECT livechat_dispatch_is_available(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            query.channel_id,
            query.main_account_id,
            rules.main_account_participation == "never",
            query.receive_group_id,
            query.now - QUIET_AFTER,
            query.now - CALL_ALIVE,
            rules.max_sessions,
            rules.quiet_hold,
            rules.block_during_call,
        ],
    )
    return cr.fetchone()[0]


def _read_agents(cr, query: Query, accounts: Accounts) -> list[Agent]:
    """Return the facts about the agents of the query, with these accounts."""
    cr.execute(
        "SELECT * FROM livechat_dispatch_agents(%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            query.channel_id,
            query.user_ids,
            query.main_account_id,
            query.receive_group_id,
            query.lang,
            query.country_id,
            query.now - QUIET_AFTER,
            query.now - CALL_ALIVE,
        ],
    )
    facts = cr.fetchall()
    expertises = _read_expertises(cr, query)
    credits, last_turns = accounts.credits, accounts.last_turns
    return [
        Agent._make(
            (
                *fact,
                credits.get(fact[0], 0),
                last_turns.get(fact[0], 0),
                expertises.get(fact[0], 0),
            )
        )
        for fact in facts
    ]


def _read_expertises(cr, query: Query) -> dict[int, int]:
    """Return ``{user_id: number}`` of the asked expertises, for those who have any."""
    if not query.expertise_ids:
        return {}
    # Served by im_livechat_expertise_res_users_settings_rel's index on the expertise.
    cr.execute(
        """
        SELECT settings.user_id, count(*)
          FROM im_livechat_expertise_res_users_settings_rel known
          JOIN res_users_settings settings ON settings.id = known.res_users_settings_id
         WHERE known.im_livechat_expertise_id = ANY(%s)
      GROUP BY settings.user_id
        """,
        [list(query.expertise_ids)],
    )
    return dict(cr.fetchall())


@contextmanager
def _locked_transaction(env):
    """Yield the cursor of a READ COMMITTED transaction that holds the lock of decisions and is
    committed at the end of the block.

    A test rolls everything back and its records are visible to its own transaction only, so there
    the block runs in a savepoint of it; ``tests/system`` covers the real thing.
    """
    if module.current_test:
        flush(env)
        with env.cr.savepoint(flush=False):
            yield env.cr
        return
    with env.registry.cursor() as cr:
        # One message, one answer; what is read after the lock is read by later statements.
        cr.execute(
            """
            SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
            SET LOCAL lock_timeout = %s;
            SELECT pg_advisory_xact_lock(%s, %s)
            """,
            [LOCK_TIMEOUT, LOCK_CLASS, LOCK_DECISION],
        )
        yield cr


def _settle_reservations(cr, accounts: Accounts) -> bool:
    """Forget the reservations whose transaction has ended, and give back to the accounts what those
    charged that were rolled back.

    A database restored on another server may bring reservations whose transaction id that server
    has yet to reach: they look as if in progress, but nobody holds the lock that every transaction
    in progress holds on its own id.

    :return: whether there were any that were rolled back.
    """
    # Served by a scan: the table holds the decisions under way, a handful of rows.
    cr.execute(
        """
        DELETE FROM livechat_dispatch_reservation
         WHERE xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
           AND (NOT livechat_dispatch_is_held(xid)
                OR created_at < clock_timestamp() - interval '1 minute'
                   AND NOT EXISTS (SELECT
                                     FROM pg_locks
                                    WHERE locktype = 'transactionid'
                                      AND transactionid = livechat_dispatch_reservation.xid::xid))
     RETURNING CASE WHEN livechat_dispatch_is_held(xid) THEN false
                    ELSE pg_xact_status(xid) = 'aborted' END,
               user_id, candidate_ids, shares
        """
    )
    refunded = False
    for unused, winner, candidate_ids, shares in cr.fetchall():
        if unused:
            refunded = True
            shares = dict(zip(_unpack(candidate_ids), _unpack(shares), strict=True))
            charged = charge(shares, winner)
            for user_id, amount in charged.items():
                accounts.credits[user_id] = accounts.credits.get(user_id, 0) - amount
    return refunded


def _reserve(cr, xid: str, decision: Decision):
    """Hold the winner's seat for the transaction ``xid``, with what it would take to undo it."""
    cr.execute(
        """
        INSERT INTO livechat_dispatch_reservation (xid, user_id, candidate_ids, shares)
        VALUES (%s::xid8, %s, %s, %s)
        """,
        [xid, decision.winner, _pack(decision.shares), _pack(decision.shares.values())],
    )


def _charge(accounts: Accounts, decision: Decision) -> Accounts:
    """Return the accounts after the decision."""
    turn = accounts.turn + 1
    credits = dict(accounts.credits)
    for user_id, amount in charge(decision.shares, decision.winner).items():
        credits[user_id] = credits.get(user_id, 0) + amount
    return Accounts(turn, credits, {**accounts.last_turns, decision.winner: turn})


def _read_accounts(cr) -> Accounts:
    """Return the accounts as they are stored."""
    cr.execute("SELECT turn, user_ids, credits, last_turns FROM livechat_dispatch_credit")
    turn, *packed = cr.fetchone()
    user_ids, credits, last_turns = map(_unpack, packed)
    return Accounts(
        turn,
        dict(zip(user_ids, credits, strict=True)),
        dict(zip(user_ids, last_turns, strict=True)),
    )


def _write_accounts(cr, accounts: Accounts):
    """Store the accounts; only under the lock."""
    last_turns = [accounts.last_turns.get(user_id, 0) for user_id in accounts.credits]
    cr.execute(
        """
        UPDATE livechat_dispatch_credit
           SET turn = %s, user_ids = %s, credits = %s, last_turns = %s
        """,
        [
            accounts.turn,
            _pack(accounts.credits),
            _pack(accounts.credits.values()),
            _pack(last_turns),
        ],
    )


def _pack(numbers: Iterable[int]) -> bytes:
    """Return the numbers as 64-bit integers, least significant byte first."""
    numbers = list(numbers)
    return struct.pack(f"<{len(numbers)}q", *numbers)


def _unpack(packed: memoryview) -> tuple[int, ...]:
    """Return the numbers that :func:`_pack` packed."""
    return struct.unpack(f"<{len(packed) // 8}q", packed)
