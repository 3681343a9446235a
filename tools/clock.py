"""Days where somebody is. A moment is a datetime without a zone, in UTC, as the database has it; a
zone is one of pytz, which knows the offset of a moment only when asked for that moment."""

from datetime import datetime, time, timedelta

import pytz

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def to_local(moment, zone):
    """Return what the clocks of a zone show at a moment, without the zone."""
    return moment.replace(tzinfo=pytz.utc).astimezone(zone).replace(tzinfo=None)


def to_moment(local, zone):
    """Return the moment at which the clocks of a zone show this."""
    return zone.localize(local).astimezone(pytz.utc).replace(tzinfo=None)


def begin_hour(moment, zone):
    """Return when the hour began that the clocks of a zone show at a moment: there are zones in
    which it is not that of UTC."""
    local = to_local(moment, zone)
    return moment - timedelta(
        minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )


def get_day(moment, zone):
    """Return the date of a moment where somebody is: of now, what "today" means."""
    return to_local(moment, zone).date()


def begin_day(day, zone):
    """Return the moment at which a date begins where somebody is."""
    midnight = datetime.combine(day, time.min)
    # Where clocks go back to midnight it comes twice, and the day begins with the first; where they
    # go forward from it, it does not come, and only the second is of that day.
    moments = [
        zone.localize(midnight, is_dst=is_dst).astimezone(pytz.utc).replace(tzinfo=None)
        for is_dst in (True, False)
    ]
    return min((one for one in moments if get_day(one, zone) == day), default=moments[1])


def get_midnight(now, zone, days=0):
    """Return the moment at which today began where somebody is, or the day so many days later."""
    return begin_day(get_day(now, zone) + timedelta(days=days), zone)
