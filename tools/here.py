"""Who is here, of agents and buyers alike, which agent is paused, and which has time off: each said
once in Python and, beside it, in SQL. ``tests/test_definitions.py`` holds the two together.

In the SQL ``presence`` is a row of ``mail_presence``, ``users`` one of ``res_users``, and ``now``
the parameter of this moment.

Now is what the database's clock says, which all nodes share. Each machine has a clock as well, and
one that is minutes off would take agents for gone who gave a sign of life to another a moment ago.
"""

import contextlib
import time
from datetime import datetime, timedelta, timezone

import psycopg2

from odoo import fields
from odoo.modules import module

#: Pages of agents, and of buyers who wait, give a sign of life every minute at least. Whoever gave
#: none for so long is not here, whatever the status says: the server that would have noticed has
#: died, or the phone is in a pocket.
SILENCE = timedelta(minutes=3)

#: Whoever is gone for less than this is about to be back: a page is loaded anew, a connection was
#: lost, a server starts again.
GRACE = timedelta(seconds=60)

#: Presence is read to the second: clocks that differ by less are taken for one.
SKEW = timedelta(seconds=2)

# Seconds after which a process compares the clocks again.
_COMPARED_EVERY = 60

# ``{database: (when it was compared, by how much the machine's clock is ahead)}``
_skews: dict[str, tuple[float, timedelta]] = {}

# Where it is kept until when nothing follows from silence.
_DEAF_UNTIL = "im_livechat_subaccount.deaf_until"

# What people can call themselves, as Odoo has it, when they do not want to be spoken to. Who does
# not want to be disturbed is here: an agent pauses.
SET_AWAY = ("away", "offline")


def read_now(env) -> datetime:
    """Return this moment in whole seconds, in UTC, as the database's clock has it."""
    return fields.Datetime.now() - _get_skew(env)


def to_shared_clock(env, moment):
    """Return a moment that core has just told by this machine's clock, as :func:`read_now` has it;
    any other moment, or none, as it is.

    :param moment: a datetime in UTC, or its text.
    """
    skew = _get_skew(env)
    if not skew or not moment:
        return moment
    moment = fields.Datetime.to_datetime(moment)
    return moment - skew if abs(moment - fields.Datetime.now()) < SKEW else moment


def read_skew(cr) -> timedelta:
    """Return by how much the clock of this machine is ahead of the database's."""
    before = datetime.now(timezone.utc)
    cr.execute("SELECT clock_timestamp()")
    after = datetime.now(timezone.utc)
    half = (after - before) / 2
    skew = before + half - cr.fetchone()[0]
    # The clocks agree as far as the way there and back lets one tell.
    return skew if abs(skew) > half else timedelta(0)


def _get_skew(env):
    """Return by how much this machine's clock is ahead, zero for as good as not, in whole
    seconds; compared once a minute."""
    if module.current_test:
        # Whoever pins the time means all clocks.
        return timedelta(0)
    dbname = env.cr.dbname
    compared_at, skew = _skews.get(dbname, (None, timedelta(0)))
    if compared_at is None or time.monotonic() - compared_at > _COMPARED_EVERY:
        # The transaction of who asks is left alone: its first statement decides what it sees.
        # Without a connection to ask over, what was known goes on to hold.
        with contextlib.suppress(psycopg2.Error), env.registry.cursor() as cr:
            skew = read_skew(cr)
        skew = timedelta(seconds=round(skew.total_seconds()) if abs(skew) >= SKEW else 0)
        _skews[dbname] = (time.monotonic(), skew)
    return skew


def note_downtime(env, due, was_on_time=False):
    """Note that something that was due at a moment, and that any server would have done then, comes
    so late that the servers were down: for a while nothing follows from anybody's silence.

    :param was_on_time: whether it came in time when it was due before.
    """
    now = read_now(env)
    # Where timers are late all the time, it is not the servers: of that once an hour is enough.
    is_new = was_on_time or not _is_deaf(env, now - timedelta(hours=1))
    if due <= now - SILENCE and is_new:
        until = fields.Datetime.to_string(now + SILENCE)
        # sudo: ir.config_parameter - a moment, noted by the server
        env["ir.config_parameter"].sudo().set_param(_DEAF_UNTIL, until)


def is_deaf(env) -> bool:
    """Tell whether nothing follows from anybody's silence, because the servers were down until just
    now: pages connect again within a minute, and agents who could not answer are to have time."""
    return _is_deaf(env, read_now(env))


def _is_deaf(env, moment):
    # sudo: ir.config_parameter - as above
    text = env["ir.config_parameter"].sudo().get_param(_DEAF_UNTIL)
    # Written here alone, in a form of which the order is that of the moments.
    return bool(text) and text > fields.Datetime.to_string(moment)


def is_silent(last_poll, now):
    """Tell whether the last sign of life, false for none, is too long ago to be here still."""
    return not last_poll or last_poll <= now - SILENCE


def get_status(status, last_poll, set_by_hand, now):
    """Return whether somebody is ``online``, which is *here*, or ``away`` or ``offline``.

    :param status: of the ``mail.presence``, false without one, and so is ``last_poll``, the last
        sign of life.
    :param set_by_hand: what the user has set itself to (``res.users.manual_im_status``).
    """
    if status not in ("online", "away") or is_silent(last_poll, now):
        return "offline"
    return "away" if status == "away" or set_by_hand in SET_AWAY else "online"


def is_just_gone(status, offline_since, set_by_hand, now):
    """Tell whether somebody is not *here* for a moment only, as far as anybody can know.

    :param offline_since: since when the status is ``offline``.
    """
    return bool(
        status == "offline"
        and offline_since
        and offline_since > now - GRACE
        and set_by_hand not in SET_AWAY
    )


def find_gone_since(presences, now, expected_since=None):
    """Return since when somebody is gone, ``None`` for who is not, and for who was never seen.

    :param presences: ``(status, last_poll, offline_since)`` of each ``mail.presence`` that somebody
        has: a contact may have several users, and is not gone while one of them is there.
    :param expected_since: since when signs of life are expected: a page that does not wait gives
        none, and its buyer is not gone.
    """
    since = []
    for status, last_poll, offline_since in presences:
        if status in ("online", "away"):
            moment = max(filter(None, (last_poll, expected_since)), default=None)
            if not is_silent(moment, now):
                return None
        else:
            moment = offline_since or last_poll
        since.append(moment)
    return max(filter(None, since), default=None)


def is_paused(paused, until, now):
    """Tell whether an agent has paused by hand, or dispatch has paused it: for a time or until told
    otherwise. A pause that is over is none, whether or not somebody has noticed."""
    return bool(paused) and (not until or until > now)


_SILENT = f"%(now)s::timestamp - interval '{SILENCE.total_seconds():.0f} seconds'"

#: As ``get_status(…) == "online"``, in two parts: of the presence and of the user.
IS_ONLINE = f"(presence.status = 'online' AND presence.last_poll > {_SILENT})"
IS_SET_AWAY = f"coalesce(users.manual_im_status IN {SET_AWAY}, false)"

#: As :func:`is_just_gone`, of the presence; the other part is as above.
IS_JUST_GONE = f"""(presence.status = 'offline'
                    AND presence.livechat_offline_since > %(now)s::timestamp
                        - interval '{GRACE.total_seconds():.0f} seconds')"""

#: As :func:`is_paused`.
IS_PAUSED = """(users.dispatch_paused IS TRUE
                    AND (users.dispatch_paused_until IS NULL
                         OR users.dispatch_paused_until > %(now)s))"""

#: The domain of the time off of people, whenever it is, as Odoo's own ``resource.calendar`` counts
#: it; not that of an employee who has left, whom *Employees* archives: the person may be hired
#: again as another. What is not over is served by resource_calendar_leaves__livechat_own_idx.
TIME_OFF = [
    ("resource_id", "!=", False),
    ("resource_id.active", "=", True),
    ("resource_id.user_id", "!=", False),
    ("time_type", "=", "leave"),
]

#: As TIME_OFF: the rows ``off``, with the ``resource`` of which they are.
TIMES_OFF = """resource_calendar_leaves off
                         JOIN resource_resource resource
                           ON resource.id = off.resource_id
                          AND off.resource_id IS NOT NULL
                          AND off.time_type = 'leave'
                          AND resource.active
                          AND resource.user_id IS NOT NULL"""

#: Who has time off now.
IS_OFF = f"""users.id IN (
                       SELECT resource.user_id
                         FROM {TIMES_OFF}
                        WHERE off.date_to > %(now)s AND off.date_from <= %(now)s
                   )"""


def gone_since(expected_since="NULL"):
    """Return the aggregate that says over rows of ``mail_presence`` what :func:`find_gone_since`
    says."""
    heard = f"greatest(presence.last_poll, {expected_since})"
    is_there = f"(presence.status IN ('online', 'away') AND {heard} > {_SILENT})"
    return f"""
        CASE WHEN NOT bool_or(coalesce({is_there}, false))
             THEN max(CASE WHEN presence.status IN ('online', 'away') THEN {heard}
                           ELSE coalesce(presence.livechat_offline_since, presence.last_poll) END)
        END"""
