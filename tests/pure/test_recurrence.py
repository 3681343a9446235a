from datetime import date, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.recurrence import (
    Occurrence,
    RuleError,
    Schedule,
    clean_rule,
    find_overlap,
    get_next,
    get_occurrences,
    overlaps_itself,
)

PARIS = "Europe/Paris"


def utc(*parts):
    return datetime(*parts)


def test_an_evening_shift_stays_at_20_00_when_summer_time_ends():
    # 24 October 2026, 20:00 to 23:00 in Paris: UTC+2 until the next morning, UTC+1 then.
    schedule = Schedule(utc(2026, 10, 24, 18), utc(2026, 10, 24, 21), PARIS, "daily")
    found = list(islice(get_occurrences(schedule, utc(2026, 10, 24)), 2))
    assert found == [
        (utc(2026, 10, 24, 18), utc(2026, 10, 24, 21)),
        (utc(2026, 10, 25, 19), utc(2026, 10, 25, 22)),
    ]


def test_a_night_over_the_change_keeps_its_clock_times():
    schedule = Schedule(utc(2026, 3, 27, 21), utc(2026, 3, 28, 5), PARIS, "daily")  # 22:00-06:00
    nights = list(islice(get_occurrences(schedule, utc(2026, 3, 27)), 3))
    assert [night.start.hour for night in nights] == [21, 21, 20]
    assert [night.stop.hour for night in nights] == [5, 4, 4]


def test_an_occurrence_of_which_summer_time_leaves_nothing_is_left_out():
    schedule = Schedule(utc(2026, 3, 28, 1, 30), utc(2026, 3, 28, 2), PARIS, "daily")  # 02:30-03:00
    days = [found.start.day for found in islice(get_occurrences(schedule, utc(2026, 3, 28)), 3)]
    assert days == [28, 30, 31]


def test_18_june_comes_every_year():
    schedule = Schedule(utc(2026, 6, 17, 16), utc(2026, 6, 18, 16), "Asia/Shanghai", "yearly")
    found = list(islice(get_occurrences(schedule, utc(2026, 1, 1)), 3))
    assert found == [(utc(year, 6, 17, 16), utc(year, 6, 18, 16)) for year in (2026, 2027, 2028)]


def test_chosen_weekdays_only_and_until_the_last_day():
    schedule = Schedule(
        utc(2026, 11, 2, 8), utc(2026, 11, 2, 9), "UTC", "weekly", (0, 4), until=date(2026, 11, 13)
    )
    days = [found.start.day for found in get_occurrences(schedule, utc(2026, 11, 1))]
    assert days == [2, 6, 9, 13]


def test_the_last_day_is_the_shops_day():
    # 00:30 of the 4th in Shanghai is the 3rd in UTC.
    schedule = Schedule(
        utc(2026, 11, 1, 16, 30),
        utc(2026, 11, 1, 17),
        "Asia/Shanghai",
        "daily",
        until=date(2026, 11, 4),
    )
    days = [found.start.day for found in get_occurrences(schedule, utc(2026, 11, 1))]
    assert days == [1, 2, 3]


def test_a_custom_rule_is_followed():
    rule = clean_rule("rrule:freq=monthly;byday=1MO;")
    assert rule == "FREQ=MONTHLY;BYDAY=1MO"
    schedule = Schedule(utc(2026, 11, 2, 8), utc(2026, 11, 2, 9), "UTC", "custom", rule=rule)
    days = [found.start for found in islice(get_occurrences(schedule, utc(2026, 11, 1)), 3)]
    assert days == [utc(2026, 11, 2, 8), utc(2026, 12, 7, 8), utc(2027, 1, 4, 8)]


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;INTERVAL=5",
        "FREQ=HOURLY",
        "FREQ=DAILY;BYHOUR=1,2,3",
        "FREQ=DAILY;BYSECOND=1",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;UNTIL=20300101",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=100000",
        "FREQ=DAILY;COUNT=1,2",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=YEARLY;BYMONTH=13",
        "FREQ=YEARLY;BYDAY=9MO",
        "FREQ=YEARLY;BYEASTER=0",
        "FREQ=DAILY\nDTSTART:20200101T000000",
        "DTSTART:20200101T000000",
        "BYDAY=MO",
        "FREQ",
        "",
        "x" * 300,
        None,
        5,
    ],
)
def test_what_is_no_rule_or_too_dense_is_refused(text):
    with pytest.raises(RuleError):
        clean_rule(text)


def test_an_occurrence_that_was_ended_does_not_come_again():
    schedule = Schedule(utc(2026, 11, 2, 8), utc(2026, 11, 2, 12), "UTC", "daily")
    now = utc(2026, 11, 2, 9)
    assert get_next(schedule, now).start == utc(2026, 11, 2, 8)
    assert get_next(schedule, now, now).start == utc(2026, 11, 3, 8)
    once = schedule._replace(recurrence="none")
    assert get_next(once, now, now) is None
    assert get_next(once, utc(2026, 11, 2, 12)) is None


def test_an_occurrence_longer_than_its_distance_overlaps_itself():
    schedule = Schedule(utc(2026, 11, 2, 8), utc(2026, 11, 3, 9), "UTC", "daily")
    found = overlaps_itself(get_occurrences(schedule, utc(2026, 11, 1), utc(2026, 12, 1)))
    assert found.start == utc(2026, 11, 3, 8)
    whole = schedule._replace(stop=utc(2026, 11, 3, 8))
    assert not overlaps_itself(get_occurrences(whole, utc(2026, 11, 1), utc(2026, 12, 1)))


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 5)), max_size=12)


def _to_occurrences(pairs):
    day, found = utc(2026, 1, 1), []
    for start, length in sorted(dict(pairs).items()):
        if not found or day + timedelta(hours=start) >= found[-1].stop:
            begin = day + timedelta(hours=start)
            found.append(Occurrence(begin, begin + timedelta(hours=length)))
    assert all(one.stop <= other.start for one, other in pairwise(found))
    return found


@given(spans, spans)
def test_an_overlap_is_found_exactly_when_there_is_one(one, other):
    one, other = _to_occurrences(one), _to_occurrences(other)
    expected = any(a.start < b.stop and b.start < a.stop for a in one for b in other)
    assert bool(find_overlap(one, other)) == expected
