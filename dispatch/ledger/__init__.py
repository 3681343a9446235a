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
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from functools import lru_cache, partial
from itertools import chain, islice, product, repeat
from typing import NamedTuple

from odoo.modules import module
from odoo.tools import file_open

from .. import credit, policy
from ..policy import Agent, Decision, Facts, Rules
from .packing import (
    LIVELY_SHIFT,
    QUIET_SHIFT,
    WEIGHT_SHIFT,
    pack,
    pack_split,
    unpack,
    unpack_facts,
    unpack_split,
)
from .session import has_session, reader, transaction

# First half of the advisory lock's key, so that no other addon's lock is met by accident: "LCDP".
LOCK_CLASS = 0x4C434450
LOCK_DECISION = 1

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


class Channel(NamedTuple):
    """What a decision is told by a channel: the values of fields of ``im_livechat.channel`` as they
    are stored, and whether shifts matter."""

    dispatch_mode: str
    max_sessions_mode: str
    max_sessions: int | None
    block_assignment_during_call: bool | None
    main_account_participation: str
    prefers_suited_agents: bool | None
    main_account_id: int | None
    queue_enabled: bool | None
    queue_limit: int | None
    offline_rule: str
    calendar_id: int | None
    ramp_minutes: int | None
    has_shifts: bool
    """Whether any agent of the database follows a shift; most shops have none."""


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
    cr.execute("DROP TABLE IF EXISTS livechat_dispatch_credit, livechat_dispatch_reservation")


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
    :raise psycopg2.errors.LockNotAvailable: the lock was not had in ``session.LOCK_TIMEOUT``; Odoo
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
        accounts, agents, is_refunded = _answer(cr, query)
        decision = decide(agents)
        if decision.winner is not None:
            _reserve(cr, accounts, decision, xid)
        elif is_refunded:
            _write(cr, accounts)
        if cr is not env.cr:
            cr.flush("COMMIT")
        yield decision


def _take_xid(cr) -> str:
    """Return the id of this transaction, which it is given now, and see to it that it ends within
    half a minute when its machine vanishes from the network."""
    cr.execute(
        """
        SELECT set_config('tcp_keepalives_idle', '10', true),
               set_config('tcp_keepalives_interval', '5', true),
               set_config('tcp_keepalives_count', '3', true),
               pg_current_xact_id()::text
        """
    )
    return cr.fetchone()[3]


def read_channel(cr, channel_id: int) -> Channel | None:
    """Return what the transaction of ``cr`` sees of a channel, ``None`` when it is gone."""
    # Served by im_livechat_channel_pkey.
    cr.execute(
        f"SELECT {_CHANNEL} FROM im_livechat_channel channel WHERE channel.id = %(channel_id)s",
        {"channel_id": channel_id},
    )
    row = cr.fetchone()
    return row and Channel(*row)


def read_credits(cr) -> dict[int, int]:
    """Return ``{user_id: credit}`` in ``1 / CHAT`` chat, without those who had no decision yet."""
    return _read(cr, None)[0].credits


def clear_credits(env, user_ids: Iterable[int]):
    """Let these agents start again with a credit of zero."""
    with _locked_transaction(env) as cr:
        accounts, _agents, _is_refunded = _read(cr, None, settles=True)
        accounts.credits.update(dict.fromkeys(user_ids, 0))
        _write(cr, accounts)


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
        return _has_room_among_few(asked, query, get_rules)


def is_prepared(cr) -> bool:
    """Tell whether :func:`has_room_at_once` would be quick: this process has taken decisions."""
    return not module.current_test and has_session(cr.dbname)


def _asking(cr):
    """Return the context in which to ask the session that has its statements prepared."""
    return nullcontext(cr) if module.current_test else reader(cr)


# Fragments of the statements below. A statement has only the parts that it needs.

# Served by res_users' index on dispatch_calendar_id.
_HAS_SHIFTS = "EXISTS (SELECT FROM res_users WHERE dispatch_calendar_id IS NOT NULL)"

# The values of a Channel.
_CHANNEL = ", ".join([*(f"channel.{name}" for name in Channel._fields[:-1]), _HAS_SHIFTS])

# The groups that are or imply the right to receive buyers: effective at this moment, whatever an
# application server may have cached. A few rows of res_groups_implied_rel.
_RECEIVE_GROUPS = """receive_group (id) AS (
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


def _has_room_among_few(cr, query: Query, get_rules: Callable[[Channel], Rules]) -> bool:
    """As :func:`has_room_at_once`."""
    # Served by im_livechat_channel_pkey, res_users_pkey, the unique index on mail_presence
    # (user_id), res_groups_users_rel's index on uid, livechat_dispatch_seat's on partner_id and
    # discuss_channel_pkey. Sub-selects of single values are planned at once and looked up for the
    # few only.
    cr.execute(
        f"""
        WITH RECURSIVE {_RECEIVE_GROUPS}
        SELECT few.dispatch_weight,
               load.lively + (
                   SELECT count(*)
                     FROM livechat_dispatch_reservation
                    WHERE user_id = few.id AND {_IS_HELD}
               ),
               load.quiet,
               channel.*
          FROM (SELECT {_CHANNEL} AS has_shifts
                  FROM im_livechat_channel channel
                 WHERE channel.id = %(channel_id)s) channel,
               LATERAL (
                   SELECT users.id, users.partner_id, users.dispatch_weight
                     FROM res_users users
                    WHERE {_is_of(query)}
                      AND users.active
                      AND NOT {_IS_PAUSED}
                      AND users.dispatch_overloaded IS NOT TRUE
                      AND users.id IS DISTINCT FROM channel.main_account_id
                      AND (SELECT status = 'online'
                             FROM mail_presence
                            WHERE user_id = users.id)
                      AND (SELECT count(*) > 0
                             FROM res_groups_users_rel
                            WHERE uid = users.id AND gid IN (SELECT id FROM receive_group))
                    LIMIT 5
               ) few,
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
    rows = cr.fetchall()
    if not rows:
        return False
    channel = Channel(*rows[0][3:])
    rules = get_rules(channel)
    if rules.mode == "native" or rules.block_during_call:
        return False
    if channel.calendar_id or channel.ramp_minutes or channel.has_shifts:
        return False
    return any(
        policy.has_room(lively, quiet, weight, rules) for weight, lively, quiet, *_channel in rows
    )


# The reservations whose transaction has ended are forgotten; those that were rolled back are given
# back. Served by a scan: they are a handful of rows.
_ENDED = f"""ended AS (
            DELETE FROM livechat_dispatch_reservation
             WHERE xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
               AND NOT ({_IS_HELD})
         RETURNING CASE WHEN pg_visible_in_snapshot(xid, pg_current_snapshot())
                        THEN pg_xact_status(xid) = 'aborted' END AS is_unused,
                   user_id,
                   split
        )"""


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
    with_queries = [*([_RECEIVE_GROUPS] if query else []), *([_ENDED] if settles else [])]
    # One statement, because open chats and the reservations that are no chat yet must belong
    # together; and one row, which is faster than a thousand. The accounts are one row as well.
    cr.execute(
        f"""
        {"WITH RECURSIVE " if with_queries else ""}{", ".join(with_queries)}
        SELECT accounts.turn, accounts.user_ids, accounts.credits, accounts.last_turns
               {", facts.user_ids, facts.numbers" if query else ", NULL, NULL"}
               {", ended.user_id, ended.split" if settles else ", NULL, NULL"}
          FROM livechat_dispatch_credit accounts
               {f"CROSS JOIN ({_facts(query)}) facts" if query else ""}
               {"LEFT JOIN ended ON ended.is_unused" if settles else ""}
        """,
        _values(query) if query else {},
    )


def _answer(cr, query):
    """Return what :func:`_read` returns, from the statement that was run."""
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
    if expertises := _read_expertises(cr, query):
        facts = (
            agent_facts._replace(expertises=expertises.get(user_id, 0))
            for user_id, agent_facts in zip(user_ids, facts, strict=True)
        )
    credits = map(accounts.credits.get, user_ids, repeat(0))
    last_turns = map(accounts.last_turns.get, user_ids, repeat(0))
    # As Agent._make does, without a call of Python for each.
    rows = zip(user_ids, facts, credits, last_turns, strict=True)
    return accounts, list(map(partial(tuple.__new__, Agent), rows)), is_refunded


def _facts(query: Query) -> str:
    """Return the statement that reads what is true of the agents of the query: their ids as 32-bit
    integers and, in the same order, the numbers that say it as 64-bit integers."""
    in_call = _IS_IN_CALL if query.asks_in_call else "false"
    speaks_language = _SPEAKS_LANGUAGE if query.lang else "false"
    same_country = (
        "coalesce(partner.country_id = %(country_id)s, false)" if query.country_id else "false"
    )
    partner = "JOIN res_partner partner ON partner.id = users.partner_id"
    # Of the chats only those that have gone quiet are looked at: a seat's chat is open.
    # Served by im_livechat_channel_im_user_pkey, res_users_pkey, a scan of livechat_dispatch_seat
    # (the seats of open chats only), discuss_channel__dispatch_quiet_idx (likewise), the unique
    # index on mail_presence (user_id), res_groups_users_rel's index on gid and res_partner_pkey.
    return f"""
        SELECT string_agg(int4send(users.id), '') AS user_ids,
               string_agg(int8send(
                   (coalesce(reserved.seats, 0) << {LIVELY_SHIFT})
                   + (coalesce(load.chats, 0) << {QUIET_SHIFT})
                   + (users.dispatch_weight::bigint << {WEIGHT_SHIFT})
                   + 256 * (users.dispatch_overloaded IS TRUE)::integer
                   + 128 * (users.active IS TRUE)::integer
                   + 64 * (users.id IN (
                       SELECT uid
                         FROM res_groups_users_rel
                        WHERE gid = ANY(ARRAY(SELECT id FROM receive_group))
                   ))::integer
                   + 32 * (users.id IN (
                       SELECT user_id
                         FROM mail_presence
                        WHERE user_id IS NOT NULL AND status = 'online'
                   ))::integer
                   + 16 * ({_IS_PAUSED})::integer
                   + 8 * ({in_call})::integer
                   + 4 * (users.id IS NOT DISTINCT FROM %(main_account_id)s)::integer
                   + 2 * ({speaks_language})::integer
                   + ({same_country})::integer
               ), '') AS numbers
          FROM res_users users
               {partner if query.lang or query.country_id else ""}
     LEFT JOIN (SELECT seat.partner_id,
                       sum(
                           CASE WHEN quiet.id IS NULL THEN 1 << {LIVELY_SHIFT - QUIET_SHIFT}
                                WHEN quiet.last_interest_dt >= %(forgotten_before)s THEN 1
                                ELSE 0 END
                       ) AS chats
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
    """


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


def _reserve(cr, accounts: Accounts, decision: Decision, xid: str):
    """Hold the winner's seat for the transaction ``xid``, with what it would take to undo it, and
    store the accounts after the decision."""
    credit.add_changes(accounts.credits, credit.charge(decision.shares, decision.winner))
    reservation = {
        "xid": xid,
        "winner": decision.winner,
        "split": pack_split(decision.shares),
    }
    _write(cr, accounts._replace(turn=accounts.turn + 1), reservation)


def _write(cr, accounts: Accounts, reservation: dict | None = None):
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
