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
    one row per agent: credit in ``1 / CHAT`` chat, moment of the last new chat.
``livechat_dispatch_reservation``
    one row per decision whose outcome is not settled: a handful at any time.
"""

from collections.abc import Callable
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from odoo.modules import module
from odoo.sql_db import Cursor

from .credit import charge
from .policy import Agent, Decision

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


def create_tables(cr):
    """Create the tables of the ledger and seat the agents of the chats that are open now.

    Safe to run again. The relation table is made here, before the ORM would make it, because the
    ORM fills a new one by computing every chat the shop ever had.
    """
    cr.execute(
        """
        CREATE TABLE IF NOT EXISTS livechat_dispatch_credit (
            user_id integer PRIMARY KEY REFERENCES res_users ON DELETE CASCADE,
            credit bigint NOT NULL DEFAULT 0,
            last_assigned_at timestamp
        ) WITH (fillfactor = 50);
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
        _settle_reservations(cr)
        decision = decide(read_agents(cr, query))
        if decision.winner is not None:
            _reserve(cr, xid, decision, query.now)
    return decision


def flush(env):
    """Write what the ORM has not yet written of the records that :func:`read_agents` reads."""
    for model in _MODELS_READ:
        env[model].flush_model()


def read_credits(cr, user_ids: list[int]) -> dict[int, int]:
    """Return ``{user_id: credit}`` in ``1 / CHAT`` chat, without those who had no decision yet."""
    # Served by livechat_dispatch_credit_pkey.
    cr.execute(
        "SELECT user_id, credit FROM livechat_dispatch_credit WHERE user_id = ANY(%s)", [user_ids]
    )
    return dict(cr.fetchall())


def read_agents(cr, query: Query) -> list[Agent]:
    """Return the facts about the agents of the query, in one statement.

    Effective rights, presence, chats and reservations are those that are committed when the
    statement starts, and belong together: a chat and the reservation it came from are never both
    counted.

    :param cr: any cursor. Under the lock the facts hold until the lock is released; elsewhere they
        are what was true a moment ago, good enough to say whether somebody is available.
    """
    # Served by im_livechat_channel_im_user's and livechat_dispatch_seat's primary keys,
    # discuss_channel_pkey, mail_presence__user_unique and res_groups_users_rel_pkey; the groups
    # that imply the right and the calls in progress are a few rows each.
    cr.execute(
        """
        WITH RECURSIVE receive_group (id) AS (
            SELECT %(receive_group_id)s::integer
             UNION
            SELECT implied.gid
              FROM res_groups_implied_rel implied
              JOIN receive_group ON implied.hid = receive_group.id
        ), permitted AS (
            SELECT DISTINCT uid
              FROM res_groups_users_rel
             WHERE gid IN (SELECT id FROM receive_group)
        ), seat AS (
            SELECT seat.partner_id,
                   count(*) FILTER (WHERE chat.last_interest_dt >= %(quiet_before)s) AS lively,
                   count(*) FILTER (WHERE chat.last_interest_dt < %(quiet_before)s
                                       OR chat.last_interest_dt IS NULL) AS quiet
              FROM livechat_dispatch_seat seat
              JOIN discuss_channel chat ON chat.id = seat.discuss_channel_id
             WHERE chat.livechat_end_dt IS NULL
          GROUP BY seat.partner_id
        ), reserved AS (
            SELECT user_id, count(*) AS seats
              FROM livechat_dispatch_reservation
             WHERE NOT pg_visible_in_snapshot(xid, pg_current_snapshot())
               AND xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
          GROUP BY user_id
        ), caller AS (
            SELECT DISTINCT member.partner_id
              FROM discuss_channel_rtc_session session
              JOIN discuss_channel_member member ON member.id = session.channel_member_id
             WHERE session.write_date >= %(call_alive_after)s
        ), speaker AS (
            SELECT settings.user_id
              FROM res_users_settings settings
              JOIN res_lang_res_users_settings_rel spoken
                ON spoken.res_users_settings_id = settings.id
              JOIN res_lang lang ON lang.id = spoken.res_lang_id
             WHERE lang.code = %(lang)s
        ), expert AS (
            SELECT settings.user_id, count(*) AS expertises
              FROM res_users_settings settings
              JOIN im_livechat_expertise_res_users_settings_rel known
                ON known.res_users_settings_id = settings.id
             WHERE known.im_livechat_expertise_id = ANY(%(expertise_ids)s)
          GROUP BY settings.user_id
        )
        SELECT users.id,
               users.dispatch_weight,
               users.active,
               permitted.uid IS NOT NULL,
               coalesce(presence.status = 'online', false),
               coalesce(users.dispatch_paused, false),
               caller.partner_id IS NOT NULL,
               coalesce(users.id = %(main_account_id)s, false),
               coalesce(seat.lively, 0) + coalesce(reserved.seats, 0),
               coalesce(seat.quiet, 0),
               coalesce(credit.credit, 0),
               coalesce(extract(epoch FROM credit.last_assigned_at), 0)::float,
               coalesce(partner.lang = %(lang)s, false) OR speaker.user_id IS NOT NULL,
               coalesce(partner.country_id = %(country_id)s, false),
               coalesce(expert.expertises, 0)
          FROM res_users users
          JOIN res_partner partner ON partner.id = users.partner_id
     LEFT JOIN permitted ON permitted.uid = users.id
     LEFT JOIN mail_presence presence ON presence.user_id = users.id
     LEFT JOIN seat ON seat.partner_id = users.partner_id
     LEFT JOIN reserved ON reserved.user_id = users.id
     LEFT JOIN caller ON caller.partner_id = users.partner_id
     LEFT JOIN speaker ON speaker.user_id = users.id
     LEFT JOIN expert ON expert.user_id = users.id
     LEFT JOIN livechat_dispatch_credit credit ON credit.user_id = users.id
         WHERE users.id = ANY(
                   coalesce(
                       %(user_ids)s::integer[],
                       ARRAY(
                           SELECT agent.user_id
                             FROM im_livechat_channel_im_user agent
                            WHERE agent.channel_id = %(channel_id)s
                            UNION
                           SELECT %(main_account_id)s
                       )
                   )
               )
        """,
        {
            **query._asdict(),
            "expertise_ids": list(query.expertise_ids),
            "quiet_before": query.now - QUIET_AFTER,
            "call_alive_after": query.now - CALL_ALIVE,
        },
    )
    return [Agent._make(row) for row in cr.fetchall()]


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
        assert isinstance(cr, Cursor)
        cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cr.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
        yield cr


def _settle_reservations(cr):
    """Forget the reservations whose transaction has ended, and reverse the charges of those that
    were rolled back."""
    # Served by a scan: the table holds the decisions under way, a handful of rows.
    cr.execute(
        """
        WITH ended AS (
            DELETE FROM livechat_dispatch_reservation
             WHERE pg_visible_in_snapshot(xid, pg_current_snapshot())
               AND xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
         RETURNING user_id, candidate_ids, shares, pg_xact_status(xid) = 'aborted' AS unused
        ), back AS (
            SELECT user_id, sum(amount) AS amount
              FROM (SELECT unnest(candidate_ids) AS user_id, -unnest(shares) AS amount
                      FROM ended
                     WHERE unused
                 UNION ALL
                    SELECT user_id, (SELECT sum(share) FROM unnest(shares) share)
                      FROM ended
                     WHERE unused) charged
          GROUP BY user_id
        )
        UPDATE livechat_dispatch_credit credit
           SET credit = credit.credit + back.amount
          FROM back
         WHERE credit.user_id = back.user_id
        """
    )


def _reserve(cr, xid: str, decision: Decision, now: datetime):
    """Charge the decision to the candidates' credits and hold the winner's seat for ``xid``."""
    shares = decision.shares
    changes = charge(shares, decision.winner)
    values = {
        "xid": xid,
        "winner": decision.winner,
        "user_ids": list(changes),
        "shares": [shares[user_id] for user_id in changes],
        "changes": list(changes.values()),
        "now": now,
    }
    # Served by livechat_dispatch_credit_pkey.
    cr.execute(
        """
        WITH reservation AS (
            INSERT INTO livechat_dispatch_reservation (xid, user_id, candidate_ids, shares)
            VALUES (%(xid)s::xid8, %(winner)s, %(user_ids)s, %(shares)s)
        )
        UPDATE livechat_dispatch_credit credit
           SET credit = credit.credit + change.amount,
               last_assigned_at = CASE WHEN credit.user_id = %(winner)s THEN %(now)s
                                       ELSE credit.last_assigned_at END
          FROM unnest(%(user_ids)s, %(changes)s::bigint[]) change (user_id, amount)
         WHERE credit.user_id = change.user_id
        """,
        values,
    )
    if cr.rowcount < len(changes):
        # Somebody's first decision: a new agent starts at zero, so the change is the credit.
        cr.execute(
            """
            INSERT INTO livechat_dispatch_credit (user_id, credit, last_assigned_at)
            SELECT user_id, amount, CASE WHEN user_id = %(winner)s THEN %(now)s::timestamp END
              FROM unnest(%(user_ids)s, %(changes)s::bigint[]) change (user_id, amount)
                ON CONFLICT (user_id) DO NOTHING
            """,
            values,
        )
