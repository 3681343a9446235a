from datetime import date, datetime, timedelta

import pytest
import pytz

from tools import clock

SHANGHAI, PARIS, APIA = map(pytz.timezone, ("Asia/Shanghai", "Europe/Paris", "Pacific/Apia"))


@pytest.mark.parametrize(
    ("zone", "now", "begins"),
    [
        (pytz.utc, datetime(2026, 11, 11, 23, 59), datetime(2026, 11, 11)),
        (SHANGHAI, datetime(2026, 11, 11, 15, 59), datetime(2026, 11, 10, 16)),
        (SHANGHAI, datetime(2026, 11, 11, 16, 0), datetime(2026, 11, 11, 16)),
        # Summer time ends on this day: it began with another offset.
        (PARIS, datetime(2026, 10, 25, 12), datetime(2026, 10, 24, 22)),
    ],
)
def test_today_began_at_midnight_where_somebody_is(zone, now, begins):
    assert clock.get_midnight(now, zone) == begins


def test_a_day_of_the_change_of_clocks_has_23_or_25_hours():
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)):
        start = clock.begin_day(day, PARIS)
        end = clock.get_midnight(start, PARIS, 1)
        assert (end - start).total_seconds() == 3600 * hours


@pytest.mark.parametrize(
    ("name", "now", "begins", "hours"),
    [
        # Clocks go back to midnight: it comes twice.
        ("Atlantic/Azores", datetime(2026, 10, 25, 0, 30), datetime(2026, 10, 25), 25),
        ("America/Havana", datetime(2026, 11, 1, 4, 30), datetime(2026, 11, 1, 4), 25),
        # They go forward from it: it does not come.
        ("America/Sao_Paulo", datetime(2018, 11, 4, 12), datetime(2018, 11, 4, 3), 23),
        # A day that there was not.
        ("Pacific/Apia", datetime(2011, 12, 30, 12), datetime(2011, 12, 30, 10), 24),
    ],
)
def test_a_day_begins_once_where_clocks_change_at_midnight(name, now, begins, hours):
    zone = pytz.timezone(name)
    assert clock.get_midnight(now, zone) == begins
    end = clock.get_midnight(now, zone, 1)
    assert (end - begins).total_seconds() == 3600 * hours
    for moment in (begins, now, end - timedelta(seconds=1)):
        assert clock.get_midnight(moment, zone) == begins


@pytest.mark.parametrize("zone", [pytz.utc, SHANGHAI, PARIS, APIA])
def test_a_moment_is_the_same_there_and_back(zone):
    moment = datetime(2026, 7, 1, 23, 30, 15)
    assert clock.to_moment(clock.to_local(moment, zone), zone) == moment
    assert clock.get_day(clock.begin_day(date(2026, 7, 1), zone), zone) == date(2026, 7, 1)
