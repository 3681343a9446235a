"""The part of the benchmark that installs the addon into a shop with a past.

Run by run.py. Three shops install it: one that is new, one with many ended chats, and one of the
same size that has marked its messages before (docs/operations.md). Measured are the seconds of the
installation and for how many of them each table could not be written.
"""

import contextlib
import threading
import time

import devenv
from tools import said

MESSAGES_PER_CHAT = 8
POLL = 0.05
# Tables that a shop at work writes with each chat.
WRITTEN = ("discuss_channel", "mail_message", "res_partner", "res_users", "mail_guest")

_FILL = """
INSERT INTO discuss_channel
       (name, channel_type, active, uuid, livechat_channel_id, livechat_operator_id, create_date,
        last_interest_dt, livechat_end_dt, livechat_failure)
SELECT 'Visitor ' || n, 'livechat', true, left(md5(n::text), 10), channel.id, operator.partner_id,
       moment, moment, moment + interval '8 minutes', 'no_failure'
  FROM generate_series(1, %(chats)s) n,
       LATERAL (SELECT now() AT TIME ZONE 'UTC' - n * interval '10 minutes' AS moment) past,
       (SELECT min(id) AS id FROM im_livechat_channel) channel,
       (SELECT partner_id FROM res_users WHERE login = 'admin') operator;
INSERT INTO discuss_channel_member
       (channel_id, partner_id, create_date, last_interest_dt, new_message_separator)
SELECT id, livechat_operator_id, create_date, last_interest_dt, 0
  FROM discuss_channel WHERE channel_type = 'livechat';
INSERT INTO im_livechat_channel_member_history
       (channel_id, partner_id, livechat_member_type, create_date, member_id)
SELECT channel_id, partner_id, 'agent', member.create_date, member.id
  FROM discuss_channel_member member
  JOIN discuss_channel chat ON chat.id = channel_id AND channel_type = 'livechat';
INSERT INTO mail_message
       (model, res_id, message_type, body, author_id, date, create_date)
SELECT 'discuss.channel', id, 'comment', '<p>Where is my parcel S' || lpad(id::text, 8, '0')
       || '? ' || n || '</p>', livechat_operator_id, create_date, create_date
  FROM discuss_channel, generate_series(1, %(messages)s) n
 WHERE channel_type = 'livechat';
ANALYZE;
"""
_HELD = """
SELECT DISTINCT relname
  FROM pg_locks
  JOIN pg_class ON pg_class.oid = relation
 WHERE granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
   AND relname = ANY(%s)
"""


def measure(core_template, chats, is_marked):
    """Install the addon once; the seconds it took, and for which each table could not be written.

    :param int chats: how many ended chats there are
    :param bool is_marked: whether the shop has marked its messages before
    """
    with devenv.temp_db(core_template) as db:
        with contextlib.closing(devenv.connect(db)) as connection, connection.cursor() as cursor:
            if chats:
                cursor.execute(_FILL, {"chats": chats, "messages": MESSAGES_PER_CHAT})
            if is_marked:
                said.mark(cursor)
        with _watching(db) as held:
            started = time.perf_counter()
            devenv.install(db, [devenv.ADDON])
            seconds = time.perf_counter() - started
    return {"chats": chats, "is_marked": is_marked, "seconds": seconds, "held": held}


@contextlib.contextmanager
def _watching(db):
    """Note for how long each table is held so that nobody else writes it."""
    held, is_over = {}, threading.Event()

    def watch():
        with contextlib.closing(devenv.connect(db)) as connection, connection.cursor() as cursor:
            while not is_over.wait(POLL):
                cursor.execute(_HELD, [list(WRITTEN)])
                for (table,) in cursor.fetchall():
                    held[table] = held.get(table, 0) + POLL

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield held
    finally:
        is_over.set()
        watcher.join()
