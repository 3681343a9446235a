from datetime import date, datetime

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


@pytest.mark.parametrize("zone", [pytz.utc, SHANGHAI, PARIS, APIA])
def test_a_moment_is_the_same_there_and_back(zone):
    moment = datetime(2026, 7, 1, 23, 30, 15)
    assert clock.to_moment(clock.to_local(moment, zone), zone) == moment
    assert clock.get_day(clock.begin_day(date(2026, 7, 1), zone), zone) == date(2026, 7, 1)
