"""What cannot be, looked for in the database: each function says where it is so all the same.

Whoever asks sees what is committed. Nothing here mends anything, and nothing is asked on the way of
a buyer.
"""

from .accounts import read_all
from .facts import IS_HELD
from .locks import WAITS_TO_SERVE

# A request that holds a seat takes milliseconds; so does whoever makes others wait.
_LONG = "1 minute"
_LONG_WAIT = "5 seconds"

# An open chat that dispatch has given to somebody; forgotten ones hold nothing any more.
_IS_GIVEN = """chat.channel_type = 'livechat'
               AND chat.livechat_end_dt IS NULL
               AND chat.dispatch_state = 'assigned'
               AND channel.dispatch_mode != 'native'"""


def find_ended_waits(cr) -> list[int]:
    """Return the ids of the chats that have ended, and wait in line or in the pool."""
    # Served by discuss_channel__dispatch_waiting_idx.
    cr.execute(
        """
        SELECT id
          FROM discuss_channel
         WHERE dispatch_state IN ('queued', 'pool') AND livechat_end_dt IS NOT NULL
        """
    )
    return _read_ids(cr)


def find_seats_without_chat(cr) -> list[int]:
    """Return the ids of the chats in which somebody is seated who takes no part, or no more."""
    # Served by a scan of the seats, which are of open chats, discuss_channel_pkey and im_livechat_-
    # channel_member_history's index on channel_id.
    cr.execute(
        """
        SELECT discuss_channel_id
          FROM livechat_dispatch_seat seat
         WHERE NOT EXISTS (
                   SELECT
                     FROM discuss_channel chat
                     JOIN im_livechat_channel_member_history history
                       ON history.channel_id = chat.id
                    WHERE chat.id = seat.discuss_channel_id
                      AND chat.livechat_end_dt IS NULL
                      AND history.partner_id = seat.partner_id
                      AND history.livechat_member_type = 'agent'
                      AND history.member_id IS NOT NULL
               )
        """
    )
    return _read_ids(cr)


def find_chats_without_seat(cr) -> list[int]:
    """Return the ids of the open chats that dispatch has given to somebody, and that nobody has."""
    # Served by discuss_channel__dispatch_quiet_idx and livechat_dispatch_seat_pkey.
    cr.execute(
        f"""
        SELECT chat.id
          FROM discuss_channel chat
          JOIN im_livechat_channel channel ON channel.id = chat.livechat_channel_id
         WHERE {_IS_GIVEN}
           AND NOT EXISTS (SELECT FROM livechat_dispatch_seat WHERE discuss_channel_id = chat.id)
        """
    )
    return _read_ids(cr)


def find_seated_users(cr) -> list[int]:
    """Return the ids of the users, archived ones as well, who are seated in chats that dispatch has
    given to somebody."""
    # Served by a scan of the seats, discuss_channel_pkey and res_users' index on partner_id.
    cr.execute(
        f"""
        SELECT DISTINCT users.id
          FROM livechat_dispatch_seat seat
          JOIN discuss_channel chat ON chat.id = seat.discuss_channel_id
          JOIN im_livechat_channel channel ON channel.id = chat.livechat_channel_id
          JOIN res_users users ON users.partner_id = seat.partner_id
         WHERE {_IS_GIVEN}
        """
    )
    return _read_ids(cr)


def find_credits_of_nobody(cr) -> list[int]:
    """Return the ids of the users whose credit is kept, and who have been deleted."""
    kept = {user_id for accounts in read_all(cr) for user_id in accounts.credits}
    # Served by res_users_pkey.
    cr.execute(
        """
        SELECT kept.id
          FROM unnest(%s::integer[]) kept (id)
         WHERE NOT EXISTS (SELECT FROM res_users WHERE res_users.id = kept.id)
        """,
        [sorted(kept)],
    )
    return _read_ids(cr)


def count_long_reservations(cr) -> int:
    """Return how many seats requests have been holding for more than a minute."""
    # Served by a scan: they are a handful of rows.
    cr.execute(
        f"""
        SELECT count(*)
          FROM livechat_dispatch_reservation
         WHERE {IS_HELD} AND created_at < clock_timestamp() - interval '{_LONG}'
        """
    )
    return cr.fetchone()[0]


def count_long_waits(cr) -> int:
    """Return how many statements have been waiting for a lock for more than five seconds, without
    those whose turn it is to serve a line next: a line of hundreds takes longer."""
    cr.execute(
        f"""
        SELECT count(*)
          FROM pg_stat_activity
         WHERE datname = current_database()
           AND wait_event_type = 'Lock'
           AND query_start < clock_timestamp() - interval '{_LONG_WAIT}'
           AND pid NOT IN (SELECT pid FROM pg_locks WHERE {WAITS_TO_SERVE})
        """
    )
    return cr.fetchone()[0]


def _read_ids(cr):
    return sorted({record_id for (record_id,) in cr.fetchall()})
