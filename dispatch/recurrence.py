"""When a dated change is in force: its occurrences, in the time zone of the shop.

Clock times are the shop's: what begins at 20:00 begins at 20:00 on every day, whatever summer time
does to UTC. All moments that come in and go out are naive UTC, as Odoo stores them.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, timezone
from itertools import pairwise, takewhile
from typing import NamedTuple

import pytz
from dateutil import rrule

_WEEKDAYS = (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU)

RULE_LENGTH_MAX = 200

# What a custom rule may say. The time of day comes from the start, so that no rule is denser than a
# day; and rules by the day or the week cannot be so picky that the search for a match takes long.
_PARTS_BY_FREQUENCY = {
    "DAILY": {"BYDAY"},
    "WEEKLY": {"BYDAY"},
    "MONTHLY": {"BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"},
    "YEARLY": {"BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "BYYEARDAY", "BYWEEKNO"},
}
# The bounds of each number, and whether it may count from the end.
_NUMBERS = {
    "INTERVAL": (366, False),
    "COUNT": (1000, False),
    "BYMONTH": (12, False),
    "BYMONTHDAY": (31, True),
    "BYYEARDAY": (366, True),
    "BYWEEKNO": (53, True),
    "BYSETPOS": (366, True),
}
_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_NUMBER = re.compile(r"[+-]?[0-9]{1,4}")


class Schedule(NamedTuple):
    """A first occurrence and how it comes again."""

    start: datetime
    stop: datetime
    tz: str = "UTC"
    recurrence: str = "none"
    """``none``, ``daily``, ``weekly``, ``yearly`` or ``custom``."""
    weekdays: tuple[int, ...] = ()
    """Of a weekly one: 0 for Monday to 6 for Sunday."""
    rule: str = ""
    """Of a custom one: RFC 5545, as :func:`clean_rule` lets it pass."""
    until: date | None = None
    """The last day, in the shop, on which an occurrence begins."""


class Occurrence(NamedTuple):
    """From when to when; the stop does not belong to it."""

    start: datetime
    stop: datetime


class RuleError(ValueError):
    """A rule that is none, or that this module does not follow; ``args[0]`` is the part."""


def clean_rule(text: str) -> str:
    """Return a custom rule in the form in which it is kept.

    :param text: such as ``FREQ=MONTHLY;BYDAY=1MO``, with or without ``RRULE:`` before it.
    :raise RuleError: naming the part that cannot be followed.
    """
    if not isinstance(text, str) or len(text) > RULE_LENGTH_MAX:
        raise RuleError("")
    text = text.strip().upper().removeprefix("RRULE:").rstrip(";")
    parts = {}
    for part in text.split(";"):
        name, equals, value = part.strip().partition("=")
        if not equals or name in parts:
            raise RuleError(part)
        parts[name] = value
    frequency = parts.pop("FREQ", "")
    if frequency not in _PARTS_BY_FREQUENCY:
        raise RuleError(f"FREQ={frequency}")
    for name, value in parts.items():
        if name not in {"INTERVAL", "COUNT", "WKST", *_PARTS_BY_FREQUENCY[frequency]}:
            raise RuleError(name)
        if not _is_value(name, value):
            raise RuleError(f"{name}={value}")
    return ";".join(f"{name}={value}" for name, value in {"FREQ": frequency, **parts}.items())


def _is_value(name, value):
    if name == "WKST":
        return value in {"MO", "TU", "WE", "TH", "FR", "SA", "SU"}
    if name == "BYDAY":
        return all(_DAY.fullmatch(day) for day in value.split(","))
    maximum, from_the_end = _NUMBERS[name]
    values = value.split(",")
    if name in ("INTERVAL", "COUNT") and len(values) > 1:
        return False
    return all(
        _NUMBER.fullmatch(number)
        and (0 < int(number) <= maximum or (from_the_end and -maximum <= int(number) < 0))
        for number in values
    )


def get_occurrences(
    schedule: Schedule, after: datetime, before: datetime | None = None
) -> Iterator[Occurrence]:
    """Yield in order the occurrences that stop later than ``after`` and start before ``before``.

    An occurrence of which the change to summer time leaves nothing is left out.

    :raise RuleError: dateutil does not understand the rule after all.
    """
    zone = pytz.timezone(schedule.tz)
    local_start = _to_local(schedule.start, zone)
    lasts = _to_local(schedule.stop, zone) - local_start
    try:
        starts = _repeat(schedule, local_start)
        if schedule.until:
            starts = takewhile(lambda start: start.date() <= schedule.until, starts)
        for start in starts:
            if start.year > 9000:
                return
            occurrence = Occurrence(_to_utc(start, zone), _to_utc(start + lasts, zone))
            if before is not None and occurrence.start >= before:
                return
            if occurrence.stop > after and occurrence.stop > occurrence.start:
                yield occurrence
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise RuleError(schedule.rule) from error


def _repeat(schedule, start):
    match schedule.recurrence:
        case "daily":
            return iter(rrule.rrule(rrule.DAILY, dtstart=start))
        case "weekly":
            days = [_WEEKDAYS[day] for day in schedule.weekdays]
            return iter(rrule.rrule(rrule.WEEKLY, dtstart=start, byweekday=days or None))
        case "yearly":
            return iter(rrule.rrule(rrule.YEARLY, dtstart=start))
        case "custom":
            return iter(rrule.rrulestr(schedule.rule, dtstart=start))
    return iter([start])


def _to_local(moment, zone):
    return moment.replace(tzinfo=timezone.utc).astimezone(zone).replace(tzinfo=None)


def _to_utc(moment, zone):
    # Of an hour that comes twice the second one; an hour that does not come is the one after it.
    return zone.localize(moment, is_dst=False).astimezone(timezone.utc).replace(tzinfo=None)


def get_next(schedule: Schedule, now: datetime, last_start: datetime | None = None):
    """Return the occurrence that is in force at ``now``, or else the next one, if any.

    :param last_start: occurrences that start then or earlier are over, whatever their stop.
    """
    for occurrence in get_occurrences(schedule, now):
        if last_start is None or occurrence.start > last_start:
            return occurrence
    return None


def find_overlap(one, other):
    """Return the first two occurrences that share a moment, ``None`` if there are none.

    :param one: occurrences in order, none overlapping the next.
    :param other: the same of another change.
    """
    ones, others = iter(one), iter(other)
    mine, its = next(ones, None), next(others, None)
    while mine and its:
        if mine.start < its.stop and its.start < mine.stop:
            return mine, its
        if mine.stop <= its.start:
            mine = next(ones, None)
        else:
            its = next(others, None)
    return None


def overlaps_itself(occurrences):
    """Return the first occurrence that begins before the one before it has stopped, or ``None``."""
    return next((two for one, two in pairwise(occurrences) if two.start < one.stop), None)
