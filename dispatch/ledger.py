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

The tables are in ``ledger.sql``, the connection that the short transactions have to themselves in
``session.py``.
"""

import struct
from collections.abc import Callable, Iterable
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from itertools import product
from typing import NamedTuple

from odoo.modules import module
from odoo.tools import file_open

from .credit import charge
from .policy import Agent, Decision, Rules, exclusion, has_room
from .session import reader, transaction

# First half of the advisory lock's key, so that no other addon's lock is met by accident: "LCDP".
LOCK_CLASS = 0x4C434450
LOCK_DECISION = 1

# A decision takes milliseconds. Whoever waits longer than this for its turn is in trouble that
# waiting will not mend: PostgreSQL then reports it and Odoo retries the request.
LOCK_TIMEOUT = "10s"

# Nobody may sit on the lock either: PostgreSQL ends a decision whose process has gone silent.
SILENCE_TIMEOUT = "10s"

# After this time without a message a chat is quiet and keeps only a light hold; the same time
# after which core forgets it altogether.
QUIET_AFTER = timedelta(minutes=15)

# After this time without a message a chat holds nothing: buyers close the tab without a word, and
# core may leave such a chat open for good.
FORGOTTEN_AFTER = timedelta(hours=24)

# Core removes a call session that was not refreshed for so long (discuss.channel.rtc.session).
CALL_ALIVE = timedelta(minutes=1)


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
    asks_in_call: bool = False
    """Whether it matters who is in a call."""
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
    stored: int
    """How many agents are stored; those after them are new."""


def create_tables(cr):
    """Create the tables of the ledger and seat the agents of the chats that are open.

    Safe to run again.
    """
    with file_open("im_livechat_subaccount/dispatch/ledger.sql") as file:
        cr.execute(file.read())


def drop_tables(cr):
    """Remove what :func:`create_tables` made, but the relation table, which the ORM drops."""
    cr.execute("DROP TABLE IF EXISTS livechat_dispatch_credit, livechat_dispatch_reservation")


def reserve_seat(env, query: Query, decide: Callable[[list[Agent]], Decision]) -> Decision:
    """Take one decision and reserve the winner's seat for the caller's transaction.

    The seat is bound to whatever open chat the caller's transaction creates for the winner; until
    that transaction ends the reservation holds it.

    :param env: the caller's; its transaction is given an id, and ends within half a minute when its
        machine vanishes from the network. Otherwise it is left alone.
    :param query: whom to read.
    :param decide: the policy, called once with the agents as they are under the lock.
    :return: what ``decide`` returned.
    :raise psycopg2.errors.LockNotAvailable: the lock was not had in ``LOCK_TIMEOUT``; Odoo retries.
    """
    env.cr.execute(
        """
        SET LOCAL tcp_keepalives_idle = 10;
        SET LOCAL tcp_keepalives_interval = 5;
        SET LOCAL tcp_keepalives_count = 3;
        SELECT pg_current_xact_id()::text
        """
    )
    (xid,) = env.cr.fetchone()
    with _locked_transaction(env) as cr:
        accounts, refunded = _settle_reservations(cr)
        decision = decide(_read_agents(cr, query, accounts))
        if decision.winner is not None:
            _reserve(cr, accounts, decision, xid)
        elif refunded:
            _write_accounts(cr, accounts, {})
    return decision


def read_credits(cr) -> dict[int, int]:
    """Return ``{user_id: credit}`` in ``1 / CHAT`` chat, without those who had no decision yet."""
    return _read_accounts(cr).credits


def clear_credits(env, user_ids: Iterable[int]):
    """Let these agents start again with a credit of zero."""
    with _locked_transaction(env) as cr:
        accounts, _refunded = _settle_reservations(cr)
        accounts.credits.update(dict.fromkeys(user_ids, 0))
        _write_accounts(cr, accounts, {})


def read_agents(cr, query: Query) -> list[Agent]:
    """Return the facts about the agents of the query as they are now, without waiting for the lock:
    good enough to show, and to say who is available.

    Effective rights, presence, chats and reservations are those that are committed; a chat and the
    reservation it came from are never both counted.
    """
    return _read_agents(cr, query, _read_accounts(cr))


def is_agent_available(cr, query: Query, rules: Rules) -> bool:
    """Tell whether anybody of the query could take a chat now.

    It is asked on every page view of the shop. Mostly one of the first agents has room, and a look
    at a few of them is quickest; when none has, the shop is busy and ``policy.exclusion`` judges
    all. It is told what is committed.
    """
    with nullcontext(cr) if module.current_test else reader(cr) as asked:
        return _has_room_among_few(asked, query, rules) or any(
            not exclusion(agent, rules) for agent in read_agents(asked, query)
        )


# Fragments of the statements below. A statement has only the parts that it needs.

# The groups that are or imply the right to receive buyers: effective at this moment, whatever an
# application server may have cached. A few rows of res_groups_implied_rel.
_RECEIVE_GROUPS = """
        WITH RECURSIVE receive_group (id) AS (
            SELECT %(receive_group_id)s::integer
             UNION
            SELECT implied.gid
              FROM res_groups_implied_rel implied
              JOIN receive_group ON implied.hid = receive_group.id
        )"""

# Whether a reservation holds a seat: while its transaction is in progress. Our own is past that:
# what it did, its own statements see. No request lives for ten minutes; a reservation that old came
# with a database restored on another server, which has yet to reach its transaction id.
_IS_HELD = """NOT pg_visible_in_snapshot(xid, pg_current_snapshot())
                   AND xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
                   AND created_at > now() - interval '10 minutes'"""

# The isolation level comes first, then the lock, in one message with the first thing that is read:
# each statement sees what was committed when it started.
_BEGIN = f"""
        BEGIN ISOLATION LEVEL READ COMMITTED;
        SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';
        SET LOCAL idle_in_transaction_session_timeout = '{SILENCE_TIMEOUT}';
        SELECT pg_advisory_xact_lock({LOCK_CLASS}, {LOCK_DECISION});"""

# By hand, for a time or until told otherwise.
_IS_PAUSED = """(users.dispatch_paused IS TRUE
                    AND (users.dispatch_paused_until IS NULL
                         OR users.dispatch_paused_until > %(now)s))"""

_IS_IN_CALL = """users.partner_id IN (
                   SELECT member.partner_id
                     FROM discuss_channel_rtc_session session
                     JOIN discuss_channel_member member ON member.id = session.channel_member_id
                    WHERE member.partner_id IS NOT NULL
                      AND session.write_date >= %(call_alive_after)s
               )"""

_SPEAKS_LANGUAGE = """coalesce(partner.lang = %(lang)s, false) OR users.id IN (
                   SELECT settings.user_id
                     FROM res_lang lang
                     JOIN res_lang_res_users_settings_rel spoken ON spoken.res_lang_id = lang.id
                     JOIN res_users_settings settings
                       ON settings.id = spoken.res_users_settings_id
                    WHERE lang.code = %(lang)s
               )"""


# What the bits of such a number say of an agent, from `enabled` to `same_country`, and above them
# `overloaded`: nine columns of a thousand rows take their time.
_FLAGS = tuple(product((False, True), repeat=8)) * 2
_OVERLOADED = 256


def _is_of(query: Query) -> str:
    """Return the condition on ``users`` that selects the agents of the query."""
    if query.user_ids is not None:
        return "users.id = ANY(%(user_ids)s)"
    main_account = "UNION ALL SELECT %(main_account_id)s" if query.main_account_id else ""
    return f"""users.id IN (
                   SELECT user_id
                     FROM im_livechat_channel_im_user
                    WHERE channel_id = %(channel_id)s
                    {main_account}
               )"""


def _values(query: Query) -> dict:
    """Return the parameters of the statements that read agents."""
    return {
        **query._asdict(),
        "quiet_before": query.now - QUIET_AFTER,
        "forgotten_before": query.now - FORGOTTEN_AFTER,
        "call_alive_after": query.now - CALL_ALIVE,
    }


def _has_room_among_few(cr, query: Query, rules: Rules) -> bool:
    """Tell whether one of the first agents who are there has room for a chat, by the rules of
    ``policy.exclusion``; False when it would take more to know."""
    if rules.block_during_call:
        return False
    # Served by res_users_pkey, the unique index on mail_presence (user_id), res_groups_users_rel's
    # index on uid, livechat_dispatch_seat's on partner_id and discuss_channel_pkey. Sub-selects of
    # single values are planned at once and looked up for the few only.
    cr.execute(
        f"""
        {_RECEIVE_GROUPS}
        SELECT few.dispatch_weight,
               load.lively + (
                   SELECT count(*)
                     FROM livechat_dispatch_reservation
                    WHERE user_id = few.id AND {_IS_HELD}
               ),
               load.quiet
          FROM (SELECT users.id, users.partner_id, users.dispatch_weight
                  FROM res_users users
                 WHERE {_is_of(query)}
                   AND users.active
                   AND NOT {_IS_PAUSED}
                   AND users.dispatch_overloaded IS NOT TRUE
                   AND users.id IS DISTINCT FROM %(main_account_id)s
                   AND (SELECT status = 'online' FROM mail_presence WHERE user_id = users.id)
                   AND (SELECT count(*) > 0
                          FROM res_groups_users_rel
                         WHERE uid = users.id AND gid IN (SELECT id FROM receive_group))
                 LIMIT 5) few,
               LATERAL (
                   SELECT count(*) FILTER (WHERE chat.last_interest_dt >= %(quiet_before)s),
                          count(*) FILTER (WHERE chat.last_interest_dt < %(quiet_before)s)
                     FROM livechat_dispatch_seat seat
                     JOIN discuss_channel chat ON chat.id = seat.discuss_channel_id
                    WHERE seat.partner_id = few.partner_id
                      AND chat.livechat_end_dt IS NULL
                      AND chat.last_interest_dt >= %(forgotten_before)s
               ) load (lively, quiet)
        """,
        _values(query),
    )
    return any(has_room(lively, quiet, weight, rules) for weight, lively, quiet in cr.fetchall())


def _read_agents(cr, query: Query, accounts: Accounts) -> list[Agent]:
    """Return the facts about the agents of the query, with these accounts."""
    in_call = _IS_IN_CALL if query.asks_in_call else "false"
    speaks_language = _SPEAKS_LANGUAGE if query.lang else "false"
    same_country = (
        "coalesce(partner.country_id = %(country_id)s, false)" if query.country_id else "false"
    )
    partner = "JOIN res_partner partner ON partner.id = users.partner_id"
    # One statement, because open chats and the reservations that are no chat yet must belong
    # together. Of the chats only those that have gone quiet are looked at: a seat's chat is open.
    # Served by im_livechat_channel_im_user_pkey, res_users_pkey, a scan of livechat_dispatch_seat
    # (the seats of open chats only), discuss_channel__dispatch_quiet_idx (likewise), the unique
    # index on mail_presence (user_id), res_groups_users_rel's index on gid and res_partner_pkey.
    cr.execute(
        f"""
        {_RECEIVE_GROUPS}
        SELECT users.id,
               users.dispatch_weight,
               {_OVERLOADED} * (users.dispatch_overloaded IS TRUE)::integer
               + 128 * (users.active IS TRUE)::integer
               + 64 * (users.id IN (
                   SELECT uid FROM res_groups_users_rel WHERE gid IN (SELECT id FROM receive_group)
               ))::integer
               + 32 * (users.id IN (
                   SELECT user_id FROM mail_presence WHERE user_id IS NOT NULL AND status = 'online'
               ))::integer
               + 16 * ({_IS_PAUSED})::integer
               + 8 * ({in_call})::integer
               + 4 * (users.id IS NOT DISTINCT FROM %(main_account_id)s)::integer
               + 2 * ({speaks_language})::integer
               + ({same_country})::integer,
               coalesce(load.lively, 0) + coalesce(reserved.seats, 0),
               coalesce(load.quiet, 0)
          FROM res_users users
               {partner if query.lang or query.country_id else ""}
     LEFT JOIN (SELECT seat.partner_id,
                       count(*) - count(quiet.id) AS lively,
                       count(quiet.id) FILTER (
                           WHERE quiet.last_interest_dt >= %(forgotten_before)s
                       ) AS quiet
                  FROM livechat_dispatch_seat seat
             LEFT JOIN discuss_channel quiet
                    ON quiet.id = seat.discuss_channel_id
                   AND quiet.livechat_end_dt IS NULL
                   AND quiet.channel_type = 'livechat'
                   AND quiet.last_interest_dt < %(quiet_before)s
              GROUP BY seat.partner_id) load ON load.partner_id = users.partner_id
     LEFT JOIN (SELECT user_id, count(*) AS seats
                  FROM livechat_dispatch_reservation
                 WHERE {_IS_HELD}
              GROUP BY user_id) reserved ON reserved.user_id = users.id
         WHERE {_is_of(query)}
        """,
        _values(query),
    )
    facts = cr.fetchall()
    expertises = _read_expertises(cr, query)
    credits, last_turns = accounts.credits, accounts.last_turns
    return [
        Agent(
            *(
                user_id,
                weight,
                *_FLAGS[flags],
                lively,
                quiet,
                credits.get(user_id, 0),
                last_turns.get(user_id, 0),
                expertises.get(user_id, 0),
                False,
                False,
                False,
                flags >= _OVERLOADED,
            )
        )
        for user_id, weight, flags, lively, quiet in facts
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
         WHERE known.im_livechat_expertise_id = ANY(%(expertise_ids)s)
      GROUP BY settings.user_id
        """,
        {"expertise_ids": list(query.expertise_ids)},
    )
    return dict(cr.fetchall())


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
    with transaction(env.cr.dbname, _BEGIN) as cr:
        yield cr


def _settle_reservations(cr) -> tuple[Accounts, bool]:
    """Forget the reservations whose transaction has ended, and give back what those charged that
    were rolled back.

    :return: the accounts after that, not stored yet, and whether anything was given back.
    """
    # Served by scans: the reservations are a handful of rows, the accounts are one.
    cr.execute(
        f"""
        WITH ended AS (
            DELETE FROM livechat_dispatch_reservation
             WHERE xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
               AND NOT ({_IS_HELD})
         RETURNING CASE WHEN pg_visible_in_snapshot(xid, pg_current_snapshot())
                        THEN pg_xact_status(xid) = 'aborted' END AS unused,
                   user_id, candidate_ids, shares
        )
        SELECT accounts.turn, accounts.user_ids, accounts.credits, accounts.last_turns,
               ended.user_id, ended.candidate_ids, ended.shares
          FROM livechat_dispatch_credit accounts
     LEFT JOIN ended ON ended.unused
        """
    )
    rows = cr.fetchall()
    accounts = _unpack_accounts(*rows[0][:4])
    refunded = False
    for *_accounts, winner, candidate_ids, shares in rows:
        if winner is not None:
            refunded = True
            shares = dict(zip(_unpack(candidate_ids), _unpack(shares), strict=True))
            for user_id, amount in charge(shares, winner).items():
                accounts.credits[user_id] = accounts.credits.get(user_id, 0) - amount
    return accounts, refunded


def _reserve(cr, accounts: Accounts, decision: Decision, xid: str):
    """Hold the winner's seat for the transaction ``xid``, with what it would take to undo it, and
    store the accounts after the decision."""
    for user_id, amount in charge(decision.shares, decision.winner).items():
        accounts.credits[user_id] = accounts.credits.get(user_id, 0) + amount
    turn = accounts.turn + 1
    accounts.last_turns[decision.winner] = turn
    reservation = {
        "xid": xid,
        "winner": decision.winner,
        "candidate_ids": _pack(decision.shares),
        "shares": _pack(decision.shares.values()),
    }
    _write_accounts(cr, accounts._replace(turn=turn), reservation)


def _read_accounts(cr) -> Accounts:
    """Return the accounts as they are stored."""
    # The table is one row.
    cr.execute("SELECT turn, user_ids, credits, last_turns FROM livechat_dispatch_credit")
    return _unpack_accounts(*cr.fetchone())


def _unpack_accounts(turn, user_ids, credits, last_turns) -> Accounts:
    ids = _unpack(user_ids)
    return Accounts(
        turn,
        dict(zip(ids, _unpack(credits), strict=True)),
        dict(zip(ids, _unpack(last_turns), strict=True)),
        len(ids),
    )


def _write_accounts(cr, accounts: Accounts, reservation: dict):
    """Store the accounts and, unless it is empty, the reservation; only under the lock."""
    last_turns = accounts.last_turns
    columns = {
        "turn": accounts.turn,
        "credits": _pack(accounts.credits.values()),
        "last_turns": _pack(last_turns.get(user_id, 0) for user_id in accounts.credits),
    }
    # What is not written is not copied, either.
    if len(accounts.credits) > accounts.stored:
        columns["user_ids"] = _pack(accounts.credits)
    reserve = """
        WITH reservation AS (
            INSERT INTO livechat_dispatch_reservation (xid, user_id, candidate_ids, shares)
            VALUES (%(xid)s::xid8, %(winner)s, %(candidate_ids)s, %(shares)s)
        )"""
    # The insertion appends, and the accounts are one row: no index is read.
    cr.execute(
        f"""
        {reserve if reservation else ""}
        UPDATE livechat_dispatch_credit
           SET {", ".join(f"{column} = %({column})s" for column in columns)}
        """,
        {**reservation, **columns},
    )


def _pack(numbers: Iterable[int]) -> bytes:
    """Return the numbers as 64-bit integers, least significant byte first."""
    numbers = list(numbers)
    return struct.pack(f"<{len(numbers)}q", *numbers)


def _unpack(packed: memoryview) -> tuple[int, ...]:
    """Return the numbers that :func:`_pack` packed."""
    return struct.unpack(f"<{len(packed) // 8}q", packed)
