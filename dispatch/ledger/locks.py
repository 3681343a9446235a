"""The advisory locks of this addon, and how long anybody may keep one.

Each is held by a transaction and never by a session: it ends with what it protects, and a pooler
may give the next transaction another connection. When a process dies, PostgreSQL ends its
transactions. When a whole machine vanishes without a goodbye, PostgreSQL is told to notice within
half a minute; otherwise that takes hours.
"""

from collections.abc import Iterable

# First halves of the keys, so that no other addon's lock is met by accident: "LCDP", "LCDC",
# "LCDQ", "LCDW". The second half is the circle of the second, and the channel of the last two.
_LEDGER, _CIRCLE, _SERVING, _NEXT = 0x4C434450, 0x4C434443, 0x4C434451, 0x4C434457

#: Whoever takes a decision has it with others; who changes what all have, alone.
ALL_CIRCLES = (_LEDGER, 1)
#: One counts the totals at a time.
COUNTING = (_LEDGER, 2)

# A transaction takes milliseconds. Whoever waits longer than this for a lock is in trouble that
# waiting will not mend: PostgreSQL then reports it and Odoo retries the request.
LOCK_TIMEOUT = "10s"

# Nobody may sit on a lock either: PostgreSQL ends a transaction whose process has gone silent.
SILENCE_TIMEOUT = "10s"

#: Settings of one transaction: three probes five seconds apart, after ten seconds of silence; and
#: as long for an answer that nobody receives.
KEEPALIVE = """
               set_config('tcp_keepalives_idle', '10', true),
               set_config('tcp_keepalives_interval', '5', true),
               set_config('tcp_keepalives_count', '3', true),
               set_config('tcp_user_timeout', '25000', true)"""


#: The isolation level comes first, then the locks, in one message with the first thing that is
#: read: each statement sees what was committed when it started.
BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED;"


def take_turn(circles: Iterable[int]) -> str:
    """Return what takes the locks of a decision: one at a time in each of the circles.

    :param circles: in the order that all keep.
    """
    taken = "".join(f", pg_advisory_xact_lock({_CIRCLE}, {circle})" for circle in circles)
    return f"SELECT pg_advisory_xact_lock_shared{ALL_CIRCLES}{taken};"


#: Takes the lock of a transaction beside which no decision is taken.
ALONE = f"SELECT pg_advisory_xact_lock{ALL_CIRCLES};"


def serving(channel_id: int) -> tuple[int, int]:
    """Return the key of the lock of whoever serves the line of a channel now."""
    return _SERVING, channel_id


def serving_next(channel_id: int) -> tuple[int, int]:
    """Return the key of the lock of whoever serves that line as soon as that is done."""
    return _NEXT, channel_id


#: Whether a row of ``pg_locks`` is that of who waits to serve a line after somebody else.
WAITS_TO_SERVE = f"""NOT granted AND locktype = 'advisory' AND classid = {_SERVING}"""


def guard(cr, lock_timeout: str = LOCK_TIMEOUT, silence_timeout: str | None = None):
    """Let this transaction end soon after its machine vanishes from the network, and fail rather
    than wait for any lock for longer.

    :param silence_timeout: after so long without a statement it ends as well.
    """
    settings = {"lock_timeout": lock_timeout}
    if silence_timeout:
        settings["idle_in_transaction_session_timeout"] = silence_timeout
    others = "".join(f", set_config('{name}', %({name})s, true)" for name in settings)
    cr.execute(f"SELECT {KEEPALIVE}{others}", settings)


def take(cr, key: tuple[int, int]):
    """Wait for a lock; this transaction has it until it ends.

    :raise psycopg2.errors.LockNotAvailable: see :func:`guard`, which comes first.
    """
    cr.execute("SELECT pg_advisory_xact_lock(%s, %s)", key)


def has_turn(cr) -> bool:
    """Say that whoever took a lock in this transaction goes on; always true.

    :raise psycopg2.Error: the transaction has ended, and with it the turn.
    """
    cr.execute("SELECT true")
    return cr.fetchone()[0]


def try_take(cr, key: tuple[int, int]) -> bool:
    """Take a lock if nobody has it, and tell whether that is so."""
    cr.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", key)
    return cr.fetchone()[0]
