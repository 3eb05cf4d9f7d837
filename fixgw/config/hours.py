"""Hours as people write them: windows of the week, times of day, time zones."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from fixgw.config.values import fault
from fixgw.engine.schedule import DAY, WEEK, Schedule, Window

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = rf"(?:{'|'.join(_DAYS)})"
_TIME = r"\d{1,2}:\d{2}(?::\d{2})?"
_SOME_DAYS = rf"{_DAY}(?:-{_DAY})?"
_DAILY = re.compile(rf"(daily|{_SOME_DAYS}(?:,{_SOME_DAYS})*)\s+({_TIME})\s*-\s*({_TIME})")
_WEEKLY = re.compile(rf"({_DAY})\s+({_TIME})\s*-\s*({_DAY})\s+({_TIME})")
_FORMS = "write `mon-fri 08:00-17:00`, `daily 17:05-17:00` or `sun 18:00 - fri 17:00`, in quotes"
_RESET_FORM = "write a time of day and a time zone: `17:05:00 America/New_York`"


def parse_windows(text: Any) -> tuple[Window, ...]:
    """Return the windows that one line of a schedule means.

    Args:
        text: days with a beginning and an end, or a span of the week. An end that is not after the beginning
            is on the day after.
    """
    words = text.lower().strip() if isinstance(text, str) else ""
    if match := _DAILY.fullmatch(words):
        opens, closes = _second(match[2], text), _second(match[3], text)
        length = closes - opens if closes > opens else closes - opens + DAY
        return tuple(_window(day * DAY + opens, length) for day in _days(match[1]))
    if match := _WEEKLY.fullmatch(words):
        begin = _DAYS.index(match[1]) * DAY + _second(match[2], text)
        end = _DAYS.index(match[3]) * DAY + _second(match[4], text)
        return (_window(begin, (end - begin) % WEEK or WEEK),)
    raise _unreadable(text, _FORMS)


def parse_time_zone(name: Any) -> ZoneInfo:
    """Return the time zone of that name."""
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError):  # no such zone, no such name, or a directory of zones
        known = available_timezones()
    if not known:
        raise fault("this machine has no time zone database", "install one: pip install tzdata")
    raise fault(f"{name!r} is no time zone", f"{_near(str(name), known)} names look like Europe/London")


def parse_reset_time(text: Any) -> Schedule:
    """Return the daily periods that begin at a time of day."""
    time, _, zone = text.strip().partition(" ") if isinstance(text, str) else ("", "", "")
    if not re.fullmatch(_TIME, time) or not zone:
        raise _unreadable(text, _RESET_FORM)
    return Schedule.daily(_second(time, text) % DAY, parse_time_zone(zone.strip()))


def _near(name: str, known: set[str]) -> str:
    """Return a name that is like it, or whose city is the one that was written."""
    city = name.rpartition("/")[2].replace(" ", "_").lower()
    close = [zone for zone in sorted(known) if zone.lower().rpartition("/")[2] == city]
    close += get_close_matches(name, sorted(known), n=1)
    return f"did you mean {close[0]!r}? IANA" if close else "IANA"


def _days(text: str) -> list[int]:
    """Return the days of ``mon-wed,fri``; a range may go over the end of the week."""
    if text == "daily":
        return list(range(7))
    days: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        days += [(begin + step) % 7 for step in range((end - begin) % 7 + 1)]
    return days


def _window(opens: int, length: int) -> Window:
    return Window(opens % WEEK, (opens + length) % WEEK)


def _second(time: str, text: Any) -> int:
    hour, minute, second = (int(part) for part in f"{time}:00".split(":")[:3])
    if minute > 59 or second > 59 or (hour, minute, second) > (24, 0, 0):
        raise _unreadable(text, f"{time} is no time of day: say 00:00 to 24:00")
    return hour * 3600 + minute * 60 + second


def _unreadable(text: Any, remedy: str) -> PydanticCustomError:
    return fault(f"{text!r} can not be read", remedy)


WindowText = Annotated[
    tuple[Window, ...],
    PlainValidator(parse_windows),
    WithJsonSchema({"type": "string", "examples": ["mon-fri 08:00-17:00", "sun 18:00 - fri 17:00"]}),
]
TimeZone = Annotated[
    ZoneInfo, PlainValidator(parse_time_zone), WithJsonSchema({"type": "string", "examples": ["UTC"]})
]
ResetTime = Annotated[
    Schedule,
    PlainValidator(parse_reset_time),
    WithJsonSchema({"type": "string", "pattern": rf"^{_TIME} \S+$"}),
]
