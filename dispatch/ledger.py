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

Tables (plain SQL: 64-bit integers and arrays are not the ORM's):

``livechat_dispatch_seat``
    relation of ``discuss.channel.dispatch_seat_partner_ids``: the agents of each *open* chat. It is
    kept by the ORM; here because counting over core's history of all chats ever would make a
    decision slower with every year the shop is in business.
``livechat_dispatch_credit``
    the credits of all agents, in one row: every decision changes those of all its candidates, and
    a thousand new row versions a decision cost more than all the rest of it.
``livechat_dispatch_reservation``
    one row per decision whose outcome is not settled: a handful at any time.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from odoo.modules import module

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


class Account(NamedTuple):
    """What the ledger keeps about one agent."""

    credit: int = 0
    """In ``1 / CHAT`` chat."""
    assigned_at: float = 0.0
    """When the agent got the last new chat, in seconds since the epoch; 0 for never."""


_NEW_ACCOUNT = Account()


def create_tables(cr):
    """Create the tables of the ledger and seat the agents of the chats that are open now.

    Safe to run again. The relation table is made here, before the ORM would make it, because the
    ORM fills a new one by computing every chat the shop ever had.
    """
    cr.execute(
        """
        CREATE TABLE IF NOT EXISTS livechat_dispatch_credit (
            id integer PRIMARY KEY CHECK (id = 1),
            user_ids integer[] NOT NULL,
            credits bigint[] NOT NULL,
            assigned_at double precision[] NOT NULL
        );
        INSERT INTO livechat_dispatch_credit VALUES (1, '{}', '{}', '{}') ON CONFLICT DO NOTHING;
        CREATE TABLE IF NOT EXISTS livechat_dispatch_reservation (
            id bigserial PRIMARY KEY,
            xid xid8 NOT NULL,
            user_id integer NOT NULL,
            candidate_ids integer[] NOT NULL,
            shares bigint[] NOT NULL
        );
        """
    )
    cr.execute("SELECT to_regclass('livechat_dispatch_seat')")
    if cr.fetchone()[0]:
        return
    # Served by the index discuss_channel__livechat_end_dt_idx (core: open chats only).
    cr.execute(
        """
        CREATE TABLE livechat_dispatch_seat (
            discuss_channel_id integer NOT NULL,
            partner_id integer NOT NULL,
            PRIMARY KEY (discuss_channel_id, partner_id)
        );
        CREATE INDEX ON livechat_dispatch_seat (partner_id, discuss_channel_id);
        INSERT INTO livechat_dispatch_seat (discuss_channel_id, partner_id)
        SELECT DISTINCT history.channel_id, history.partner_id
          FROM im_livechat_channel_member_history history
          JOIN discuss_channel chat ON chat.id = history.channel_id
         WHERE chat.livechat_end_dt IS NULL
           AND chat.channel_type = 'livechat'
           AND history.livechat_member_type = 'agent'
           AND history.member_id IS NOT NULL
           AND history.partner_id IS NOT NULL;
        """
    )


def drop_tables(cr):
    """Remove what :func:`create_tables` made, but the relation table, which the ORM drops."""
    cr.execute("DROP TABLE IF EXISTS livechat_dispatch_credit, livechat_dispatch_reservation")


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
    with _short_transaction(env) as cr:
        cr.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_CLASS, LOCK_DECISION])
        refunds = _settle_reservations(cr)
        accounts = _read_accounts(cr)
        for user_id, amount in refunds.items():
            account = accounts.get(user_id, _NEW_ACCOUNT)
            accounts[user_id] = account._replace(credit=account.credit + amount)
        decision = decide(_read_agents(cr, query, accounts))
        if decision.winner is not None:
            _charge(accounts, decision, query.now.timestamp())
            _reserve(cr, xid, decision)
        if decision.winner is not None or refunds:
            _write_accounts(cr, accounts)
    return decision


def flush(env):
    """Write what the ORM has not yet written of the records that the ledger reads."""
    for model in _MODELS_READ:
        env[model].flush_model()


def read_credits(cr) -> dict[int, int]:
    """Return ``{user_id: credit}`` in ``1 / CHAT`` chat, without those who had no decision yet."""
    return {user_id: account.credit for user_id, account in _read_accounts(cr).items()}


def read_agents(cr, query: Query) -> list[Agent]:
    """Return the facts about the agents of the query as they are now, without waiting for the lock:
    good enough to show, and to say who is available.

    Effective rights, presence, chats and reservations are those that are committed; a chat and the
    reservation it came from are never both counted.
    """
    return _read_agents(cr, query, _read_accounts(cr))


def is_agent_available(cr, query: Query, rules: Rules) -> bool:
    """Tell whether anybody of the query could take a chat now.

    The same rules as ``policy.exclusion``, as one statement that stops at the first such agent: it
    is asked on every page view of the shop. A test holds the two against each other.
    """
    # Served by the primary keys of res_users and discuss_channel, the unique index on
    # mail_presence (user_id) and livechat_dispatch_seat (partner_id, discuss_channel_id).
    cr.execute(
        f"""
        {_RECEIVE_GROUPS}
        SELECT EXISTS (
            SELECT
              FROM res_users users
              JOIN mail_presence presence ON presence.user_id = users.id
             WHERE {_agents(query)}
               AND (%(main_account_participation)s <> 'never'
                    OR users.id IS DISTINCT FROM %(main_account_id)s)
               AND users.active
               AND users.dispatch_paused IS NOT TRUE
               AND presence.status = 'online'
               AND EXISTS (
                       SELECT
                         FROM res_groups_users_rel
                        WHERE uid = users.id AND gid IN (SELECT id FROM receive_group)
                   )
               AND (NOT %(block_during_call)s OR NOT EXISTS (
                       SELECT
                         FROM discuss_channel_rtc_session session
                         JOIN discuss_channel_member member ON member.id = session.channel_member_id
                        WHERE member.partner_id = users.partner_id
                          AND session.write_date >= %(call_alive_after)s
                   ))
               AND (%(max_sessions)s IS NULL OR greatest(
                       1, round((%(max_sessions)s * users.dispatch_weight / 100.0)::float8)
                   ) >= 1 + round((
                       SELECT coalesce(sum(
                                  CASE WHEN chat.last_interest_dt >= %(quiet_before)s THEN 1
                                       ELSE %(quiet_hold)s END
                              ), 0)
                         FROM livechat_dispatch_seat seat
                         JOIN discuss_channel chat ON chat.id = seat.discuss_channel_id
                        WHERE seat.partner_id = users.partner_id AND chat.livechat_end_dt IS NULL
                   )::numeric, 6) + (
                       SELECT count(*)
                         FROM livechat_dispatch_reservation
                        WHERE user_id = users.id
                          AND NOT pg_visible_in_snapshot(xid, pg_current_snapshot())
                          AND xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
                   ))
        )
        """,  # noqa: S608 - fragments written above, values as parameters
        {**_values(query), **rules._asdict()},
    )
    return cr.fetchone()[0]


# The groups that are or imply the right to receive buyers: effective at this moment, whatever an
# application server may have cached.
_RECEIVE_GROUPS = """
        WITH RECURSIVE receive_group (id) AS (
            SELECT %(receive_group_id)s::integer
             UNION
            SELECT implied.gid
              FROM res_groups_implied_rel implied
              JOIN receive_group ON implied.hid = receive_group.id
        )
"""


def _agents(query: Query) -> str:
    """Return the condition on ``users`` that selects the agents of the query."""
    if query.user_ids is not None:
        return "users.id = ANY(%(user_ids)s)"
    return """users.id IN (
                       SELECT user_id
                         FROM im_livechat_channel_im_user
                        WHERE channel_id = %(channel_id)s
                        UNION ALL
                       SELECT %(main_account_id)s
                   )"""


def _values(query: Query) -> dict:
    """Return the parameters of the statements that read agents."""
    return {
        **query._asdict(),
        "quiet_before": query.now - QUIET_AFTER,
        "call_alive_after": query.now - CALL_ALIVE,
    }


def _read_agents(cr, query: Query, accounts: dict[int, Account]) -> list[Agent]:
    """Return the facts about the agents of the query, with these accounts."""
    # One statement for what must belong together: the open chats and the reservations that are no
    # chat yet. Served by livechat_dispatch_seat's primary key and the index
    # discuss_channel__dispatch_open_idx (open chats only).
    cr.execute(
        """
        SELECT users.id, load.lively, load.quiet
          FROM (SELECT seat.partner_id,
                       count(*) FILTER (WHERE chat.last_interest_dt >= %(quiet_before)s) AS lively,
                       count(*) FILTER (WHERE chat.last_interest_dt < %(quiet_before)s
                                           OR chat.last_interest_dt IS NULL) AS quiet
                  FROM livechat_dispatch_seat seat
                  JOIN discuss_channel chat ON chat.id = seat.discuss_channel_id
                 WHERE chat.livechat_end_dt IS NULL AND chat.channel_type = 'livechat'
              GROUP BY seat.partner_id) load
          JOIN res_users users ON users.partner_id = load.partner_id
     UNION ALL
        SELECT user_id, count(*), 0
          FROM livechat_dispatch_reservation
         WHERE NOT pg_visible_in_snapshot(xid, pg_current_snapshot())
           AND xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
      GROUP BY user_id
        """,
        _values(query),
    )
    lively, quiet = Counter(), Counter()
    for user_id, lively_chats, quiet_chats in cr.fetchall():
        lively[user_id] += lively_chats
        quiet[user_id] += quiet_chats
    # Served by res_users_pkey, res_partner_pkey, the unique index on mail_presence (user_id) and
    # the index on res_groups_users_rel (gid); the other sub-selects are a few rows, read once.
    cr.execute(
        f"""
        {_RECEIVE_GROUPS}
        SELECT users.id,
               users.dispatch_weight,
               users.active,
               users.id IN (
                   SELECT uid FROM res_groups_users_rel WHERE gid IN (SELECT id FROM receive_group)
               ),
               users.id IN (
                   SELECT user_id FROM mail_presence WHERE user_id IS NOT NULL AND status = 'online'
               ),
               users.dispatch_paused IS TRUE,
               users.partner_id IN (
                   SELECT member.partner_id
                     FROM discuss_channel_rtc_session session
                     JOIN discuss_channel_member member ON member.id = session.channel_member_id
                    WHERE member.partner_id IS NOT NULL
                      AND session.write_date >= %(call_alive_after)s
               ),
               users.id IS NOT DISTINCT FROM %(main_account_id)s,
               (partner.lang = %(lang)s) IS TRUE
               OR users.id IN (
                   SELECT settings.user_id
                     FROM res_users_settings settings
                     JOIN res_lang_res_users_settings_rel spoken
                       ON spoken.res_users_settings_id = settings.id
                     JOIN res_lang lang ON lang.id = spoken.res_lang_id
                    WHERE lang.code = %(lang)s
               ),
               (partner.country_id = %(country_id)s) IS TRUE
          FROM res_users users
          JOIN res_partner partner ON partner.id = users.partner_id
         WHERE {_agents(query)}
        """,  # noqa: S608 - fragments written above, values as parameters
        _values(query),
    )
    facts = cr.fetchall()
    expertises = _read_expertises(cr, query)
    agents = []
    for user_id, weight, enabled, permitted, online, paused, in_call, is_main, *suits in facts:
        credit, assigned_at = accounts.get(user_id, _NEW_ACCOUNT)
        agents.append(
            Agent(
                user_id,
                weight,
                enabled,
                permitted,
                online,
                paused,
                in_call,
                is_main,
                lively[user_id],
                quiet[user_id],
                credit,
                assigned_at,
                *suits,
                expertises.get(user_id, 0),
            )
        )
    return agents


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
def _short_transaction(env):
    """Yield the cursor of a READ COMMITTED transaction that is committed at the end of the block.

    A test rolls everything back and its records are visible to its own transaction only, so there
    the block runs in a savepoint of it; ``tests/system`` covers the real thing.
    """
    if module.current_test:
        flush(env)
        with env.cr.savepoint(flush=False):
            yield env.cr
        return
    with env.registry.cursor() as cr:
        cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cr.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
        yield cr


def _settle_reservations(cr) -> dict[int, int]:
    """Forget the reservations whose transaction has ended.

    :return: ``{user_id: amount}`` that reverses the charges of those that were rolled back.
    """
    # Served by a scan: the table holds the decisions under way, a handful of rows.
    cr.execute(
        """
        DELETE FROM livechat_dispatch_reservation
         WHERE pg_visible_in_snapshot(xid, pg_current_snapshot())
           AND xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
     RETURNING pg_xact_status(xid) = 'aborted', user_id, candidate_ids, shares
        """
    )
    refunds = Counter()
    for unused, user_id, candidate_ids, shares in cr.fetchall():
        if unused:
            for candidate_id, amount in charge(
                dict(zip(candidate_ids, shares, strict=True)), user_id
            ).items():
                refunds[candidate_id] -= amount
    return refunds


def _reserve(cr, xid: str, decision: Decision):
    """Hold the winner's seat for the transaction ``xid``, with what it would take to undo it."""
    shares = decision.shares
    cr.execute(
        """
        INSERT INTO livechat_dispatch_reservation (xid, user_id, candidate_ids, shares)
        VALUES (%s::xid8, %s, %s, %s)
        """,
        [xid, decision.winner, _array(shares), _array(shares.values())],
    )


def _charge(accounts: dict[int, Account], decision: Decision, moment: float):
    """Charge the decision to the candidates' accounts."""
    for user_id, amount in charge(decision.shares, decision.winner).items():
        credit, assigned_at = accounts.get(user_id, _NEW_ACCOUNT)
        accounts[user_id] = Account(credit + amount, assigned_at)
    accounts[decision.winner] = accounts[decision.winner]._replace(assigned_at=moment)


def _read_accounts(cr) -> dict[int, Account]:
    """Return the account of every agent who was ever part of a decision, by ``user_id``."""
    cr.execute("SELECT user_ids, credits, assigned_at FROM livechat_dispatch_credit")
    user_ids, *accounts = cr.fetchone()
    return dict(zip(user_ids, map(Account, *accounts), strict=True))


def _write_accounts(cr, accounts: dict[int, Account]):
    """Store the accounts; only under the lock."""
    cr.execute(
        "UPDATE livechat_dispatch_credit SET user_ids = %s, credits = %s, assigned_at = %s",
        [
            _array(accounts),
            _array(account.credit for account in accounts.values()),
            _array(account.assigned_at for account in accounts.values()),
        ],
    )


def _array(numbers: Iterable) -> str:
    """Return a PostgreSQL array literal; psycopg2 takes ten times as long over a list."""
    return "{" + ",".join(map(str, numbers)) + "}"
