"""Weekly windows by the clock of a time zone, over changes of the clocks, midnight and the week's end."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.engine.schedule import DAY, WEEK, Schedule, Window
from fixgw.errors import ConfigError

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
NEW_YORK = ZoneInfo("America/New_York")  # 2026: forward on March 8 at 02:00, back on November 1 at 02:00
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # half an hour, at 02:00
APIA = ZoneInfo("Pacific/Apia")  # there was no 2011-12-30
UTC_ZONE = ZoneInfo("UTC")
HOUR = 3600
NS = 1_000_000_000


def at(day: int, hour: int, minute: int = 0) -> int:
    return day * DAY + hour * HOUR + minute * 60


def utc(text: str) -> int:
    """Return nanoseconds since 1970 of an ISO instant; without an offset it is UTC."""
    instant = datetime.fromisoformat(text)
    return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()) * NS


def working_days(zone: ZoneInfo = NEW_YORK) -> Schedule:
    return Schedule([Window(at(day, 8), at(day, 17)) for day in range(FRI + 1)], zone)


def test_a_window_holds_its_first_instant_and_not_its_last() -> None:
    schedule = working_days()
    assert not schedule.is_open(utc("2026-10-05T08:00:00-04:00") - 1)
    assert schedule.is_open(utc("2026-10-05T08:00:00-04:00"))
    assert schedule.is_open(utc("2026-10-05T17:00:00-04:00") - 1)
    assert not schedule.is_open(utc("2026-10-05T17:00:00-04:00"))


def test_changes_come_one_after_the_other_over_the_weekend() -> None:
    schedule, instant = working_days(), utc("2026-10-08T12:00:00-04:00")
    changes = []
    for _ in range(4):
        instant = schedule.next_change(instant)
        changes.append(schedule.local_text(instant))
    assert changes == [
        "Thu 2026-10-08 17:00:00 America/New_York",
        "Fri 2026-10-09 08:00:00 America/New_York",
        "Fri 2026-10-09 17:00:00 America/New_York",
        "Mon 2026-10-12 08:00:00 America/New_York",
    ]


def test_the_period_of_a_closed_hour_is_the_one_that_ended() -> None:
    schedule = working_days()
    friday = utc("2026-10-09T08:00:00-04:00")
    assert schedule.period_id(utc("2026-10-09T12:00:00-04:00")) == friday
    assert schedule.period_id(utc("2026-10-11T12:00:00-04:00")) == friday
    assert schedule.period_id(utc("2026-10-12T08:00:00-04:00")) > friday


def test_the_hours_follow_the_clocks_of_the_zone() -> None:
    schedule = working_days()
    assert schedule.next_change(utc("2026-10-30T00:00:00-04:00")) == utc("2026-10-30T12:00:00")
    assert schedule.next_change(utc("2026-11-02T00:00:00-05:00")) == utc("2026-11-02T13:00:00")


def test_a_window_over_midnight_is_one_period() -> None:
    schedule = Schedule([Window(at(TUE, 22), at(WED, 2))], UTC_ZONE)
    opens = utc("2026-10-06T22:00:00")
    assert schedule.is_open(utc("2026-10-07T01:59:59"))
    assert schedule.period_id(utc("2026-10-07T01:59:59")) == opens
    assert schedule.next_change(opens) == utc("2026-10-07T02:00:00")


def test_a_window_over_the_end_of_the_week_is_one_period() -> None:
    schedule = Schedule([Window(at(SUN, 18), at(FRI, 17))], NEW_YORK)
    opens = utc("2026-10-04T18:00:00-04:00")
    assert {schedule.period_id(utc(f"2026-10-{day:02}T12:00:00-04:00")) for day in range(5, 11)} == {opens}
    assert schedule.is_open(utc("2026-10-05T00:00:00-04:00"))
    assert not schedule.is_open(utc("2026-10-10T12:00:00-04:00"))


def test_a_window_that_closes_where_it_opens_lasts_the_week() -> None:
    schedule = Schedule([Window(at(SUN, 17), at(SUN, 17))], UTC_ZONE)
    instant = utc("2026-10-07T00:00:00")
    assert schedule.is_open(instant)
    assert schedule.next_change(instant) == utc("2026-10-11T17:00:00")
    assert schedule.is_open(utc("2026-10-11T17:00:00"))


def test_windows_that_touch_stay_open_and_begin_a_new_period() -> None:
    schedule = Schedule.daily(17 * HOUR, NEW_YORK)
    boundary = utc("2026-10-07T17:00:00-04:00")
    assert schedule.is_open(boundary - 1)
    assert schedule.is_open(boundary)
    assert schedule.next_change(boundary - 1) == boundary
    assert schedule.period_id(boundary) == boundary
    assert schedule.period_id(boundary - 1) == utc("2026-10-06T17:00:00-04:00")


@pytest.mark.parametrize(
    ("windows", "merged"),
    [
        ([(at(MON, 8), at(MON, 12)), (at(MON, 11), at(MON, 17))], [(at(MON, 8), at(MON, 17))]),
        ([(at(MON, 8), at(MON, 17)), (at(MON, 9), at(MON, 10))], [(at(MON, 8), at(MON, 17))]),
        ([(at(MON, 8), at(MON, 9)), (at(MON, 8), at(MON, 10))], [(at(MON, 8), at(MON, 10))]),
        ([(at(SUN, 20), at(MON, 4)), (at(MON, 2), at(MON, 6))], [(at(SUN, 20), at(MON, 6))]),
        ([(at(MON, 2), at(MON, 6)), (at(SAT, 20), at(MON, 3))], [(at(SAT, 20), at(MON, 6))]),
        ([(at(SUN, 0), at(SUN, 0)), (at(TUE, 1), at(TUE, 2))], [(at(SUN, 0), at(SUN, 0))]),
        (
            [(at(MON, 8), at(MON, 12)), (at(MON, 12), at(MON, 17))],
            [(at(MON, 8), at(MON, 12)), (at(MON, 12), at(MON, 17))],
        ),
    ],
)
def test_windows_that_overlap_are_one(windows: list[tuple[int, int]], merged: list[tuple[int, int]]) -> None:
    schedule = Schedule([Window(*window) for window in windows], UTC_ZONE)
    assert schedule.windows == tuple(Window(*window) for window in merged)


def test_windows_that_overlap_all_around_the_week_are_refused() -> None:
    windows = [Window(day * DAY, ((day + 1) * DAY + HOUR) % WEEK) for day in range(7)]
    with pytest.raises(ConfigError, match="overlap all around the week"):
        Schedule(windows, UTC_ZONE)


def test_a_schedule_without_windows_is_refused() -> None:
    with pytest.raises(ConfigError, match="never open"):
        Schedule([], UTC_ZONE)


# -- the clocks change --


@pytest.mark.parametrize(
    ("window", "opens", "closes"),
    [
        # forward at 02:00: 02:30 does not exist and stands for the change itself
        ((at(SUN, 2, 30), at(SUN, 5)), "2026-03-08T07:00:00", "2026-03-08T09:00:00"),
        ((at(SUN, 1), at(SUN, 2, 30)), "2026-03-08T06:00:00", "2026-03-08T07:00:00"),
        # back at 02:00: 01:30 comes twice, and the first one counts
        ((at(SUN, 1, 30), at(SUN, 5)), "2026-11-01T05:30:00", "2026-11-01T10:00:00"),
        ((at(SUN, 0), at(SUN, 1, 30)), "2026-11-01T04:00:00", "2026-11-01T05:30:00"),
        ((at(SUN, 1, 15), at(SUN, 1, 45)), "2026-11-01T05:15:00", "2026-11-01T05:45:00"),
    ],
)
def test_a_window_at_a_change_of_the_clocks(window: tuple[int, int], opens: str, closes: str) -> None:
    schedule = Schedule([Window(*window)], NEW_YORK)
    assert schedule.next_change(utc(opens) - 1) == utc(opens)
    assert schedule.next_change(utc(opens)) == utc(closes)
    assert schedule.is_open(utc(opens))
    assert not schedule.is_open(utc(closes))


def test_a_window_that_the_clocks_skip_does_not_open() -> None:
    schedule = Schedule([Window(at(SUN, 2, 10), at(SUN, 2, 50))], NEW_YORK)
    before = utc("2026-03-08T00:00:00-05:00")
    assert schedule.next_change(before) == utc("2026-03-15T02:10:00-04:00")
    assert schedule.period_id(before) == utc("2026-03-01T02:10:00-05:00")


def test_windows_that_touch_in_the_skipped_or_the_repeated_hour_still_touch() -> None:
    for second, change in ((at(0, 2, 30), "2026-03-08T07:00:00"), (at(0, 1, 30), "2026-11-01T05:30:00")):
        schedule = Schedule.daily(second, NEW_YORK)
        assert schedule.next_change(utc(change) - 1) == utc(change)
        assert schedule.is_open(utc(change) - 1)
        assert schedule.is_open(utc(change))


def test_a_change_of_half_an_hour_and_a_day_that_was_skipped() -> None:
    half = Schedule([Window(at(SUN, 2, 15), at(SUN, 4))], LORD_HOWE)
    assert half.next_change(utc("2026-10-04T00:00:00+10:30")) == utc("2026-10-03T15:30:00")
    skipped = Schedule([Window(at(FRI, 8), at(FRI, 17))], APIA)  # 2011-12-30 was a Friday
    assert skipped.next_change(utc("2011-12-29T12:00:00-10:00")) == utc("2012-01-06T08:00:00+14:00")


zones = st.sampled_from([NEW_YORK, LORD_HOWE, UTC_ZONE, ZoneInfo("Europe/London"), ZoneInfo("Asia/Kolkata")])
instants = st.integers(utc("2025-01-01T00:00:00"), utc("2027-12-31T00:00:00"))
seconds = st.integers(0, WEEK // 600 - 1).map(lambda tens: tens * 600)


@given(st.lists(st.builds(Window, seconds, seconds), min_size=1, max_size=4), zones, instants)
def test_nothing_changes_before_the_next_change(windows: list[Window], zone: ZoneInfo, instant: int) -> None:
    try:
        schedule = Schedule(windows, zone)
    except ConfigError:
        return
    change = schedule.next_change(instant)
    assert instant < change <= instant + 15 * DAY * NS
    for between in (instant, (instant + change) // 2, change - 1):
        assert schedule.is_open(between) == schedule.is_open(instant)
        assert schedule.period_id(between) == schedule.period_id(instant) <= between
    now = (schedule.is_open(change), schedule.period_id(change))
    assert now != (schedule.is_open(instant), schedule.period_id(instant))
