"""Now, by the one clock that all nodes share: the database's.

Each machine has a clock, and they may differ by minutes. One would then take agents for gone who
gave a sign of life to another a moment ago. Odoo's own moments are those of its machine; what says
who is here, and since when somebody waits or owes a word, is told by this.
"""

import threading
import time
from datetime import datetime, timedelta, timezone

from odoo import fields
from odoo.modules import module

#: Presence is read to the second: clocks that differ by less are taken for one.
SKEW = timedelta(seconds=2)

# Seconds after which a process compares the clocks again.
_COMPARED_EVERY = 60

# ``{database: (when it was compared, by how much the machine's clock is ahead)}``
_skews: dict[str, tuple[float, timedelta]] = {}
_lock = threading.Lock()


def read_now(env) -> datetime:
    """Return this moment in whole seconds, in UTC, as the database's clock has it."""
    return fields.Datetime.now() - _get_skew(env)


def read_skew(cr) -> timedelta:
    """Return by how much the clock of this machine is ahead of the database's."""
    before = datetime.now(timezone.utc)
    cr.execute("SELECT clock_timestamp()")
    after = datetime.now(timezone.utc)
    # Half of the way there and back.
    return before + (after - before) / 2 - cr.fetchone()[0]


def _get_skew(env):
    """Return by how much this machine's clock is ahead, zero for as good as not; compared once a
    minute."""
    if module.current_test:
        # Whoever pins the time means all clocks.
        return timedelta(0)
    dbname = env.cr.dbname
    compared_at, skew = _skews.get(dbname, (None, timedelta(0)))
    if compared_at is None or time.monotonic() - compared_at > _COMPARED_EVERY:
        # The transaction of who asks is left alone: its first statement decides what it sees.
        with env.registry.cursor() as cr:
            skew = read_skew(cr)
        skew = skew if abs(skew) >= SKEW else timedelta(0)
        with _lock:
            _skews[dbname] = (time.monotonic(), skew)
    return skew
