"""Hours as people write them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from pydantic_core import PydanticCustomError

from fixgw.config import hours
from fixgw.config.hours import parse_reset_time, parse_time_zone, parse_windows
from fixgw.engine.schedule import DAY, WEEK, Schedule, Window


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> int:
    return (day * DAY + hour * 3600 + minute * 60 + second) % WEEK


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("mon 08:00-17:00", [(at(0, 8), at(0, 17))]),
        ("MON 8:00 - 17:00:30", [(at(0, 8), at(0, 17, 0, 30))]),
        ("mon-wed 08:00-17:00", [(at(day, 8), at(day, 17)) for day in (0, 1, 2)]),
        ("mon,wed-thu 08:00-17:00", [(at(day, 8), at(day, 17)) for day in (0, 2, 3)]),
        ("sat-mon 08:00-17:00", [(at(day, 8), at(day, 17)) for day in (5, 6, 0)]),
        ("fri 22:00-02:00", [(at(4, 22), at(5, 2))]),
        ("sun 22:00-02:00", [(at(6, 22), at(0, 2))]),
        ("sun 00:00-24:00", [(at(6, 0), at(0, 0))]),
        ("sun 24:00-01:00", [(at(0, 0), at(0, 1))]),
        ("daily 17:05-17:00", [(at(day, 17, 5), at(day + 1, 17)) for day in range(7)]),
        ("daily 17:00-17:00", [(at(day, 17), at(day + 1, 17)) for day in range(7)]),
        ("sun 18:00 - fri 17:00", [(at(6, 18), at(4, 17))]),
        ("sun 18:00 - sun 18:00", [(at(6, 18), at(6, 18))]),
        ("sun 18:00 - sun 17:00", [(at(6, 18), at(6, 17))]),
    ],
)
def test_windows_are_read(text: str, windows: list[tuple[int, int]]) -> None:
    assert list(parse_windows(text)) == [Window(*window) for window in windows]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("08:00-17:00", "write `mon-fri 08:00-17:00`"),
        ("mon-wed-fri 08:00-17:00", "write `mon-fri 08:00-17:00`"),
        ("monday 08:00-17:00", "in quotes"),
        (28_800, "in quotes"),
        (None, "in quotes"),
        ("mon 08:60-17:00", "08:60 is no time of day"),
        ("mon 08:00-24:01", "24:01 is no time of day"),
    ],
)
def test_a_window_that_can_not_be_read_is_told_with_how_to_write_one(text: object, remedy: str) -> None:
    with pytest.raises(PydanticCustomError, match="can not be read") as caught:
        parse_windows(text)
    assert caught.value.context is not None
    assert remedy in caught.value.context["remedy"]


def test_a_time_zone_is_found_by_its_name() -> None:
    assert parse_time_zone("America/New_York") == ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("America/New York", "did you mean 'America/New_York'?"),
        ("Chicago", "did you mean 'America/Chicago'?"),
        ("Europe/Londn", "did you mean 'Europe/London'?"),
        ("America", "IANA names look like"),
        ("../UTC", "IANA names look like"),
        ("~~~", "IANA names look like"),
        (5, "IANA names look like"),
    ],
)
def test_a_time_zone_that_does_not_exist_is_told_with_one_that_does(name: object, remedy: str) -> None:
    with pytest.raises(PydanticCustomError, match="is no time zone") as caught:
        parse_time_zone(name)
    assert caught.value.context is not None
    assert remedy in caught.value.context["remedy"]


def test_a_machine_without_time_zones_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hours, "available_timezones", set)
    with pytest.raises(PydanticCustomError, match="no time zone database") as caught:
        parse_time_zone("Europe/Nowhere")
    assert caught.value.context is not None
    assert caught.value.context["remedy"] == "install one: pip install tzdata"


def test_a_reset_time_begins_a_period_each_day() -> None:
    zone = ZoneInfo("America/Chicago")
    assert parse_reset_time("17:05:30 America/Chicago").windows == Schedule.daily(61_530, zone).windows
    assert parse_reset_time("17:05 America/Chicago").time_zone == zone
    assert parse_reset_time("24:00 UTC").windows[0].opens == 0


@pytest.mark.parametrize("text", ["17:05:00", "America/Chicago 17:05", 61_500, "25:00 UTC", "17:05 Mars"])
def test_a_reset_time_that_can_not_be_read_is_refused(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_reset_time(text)
