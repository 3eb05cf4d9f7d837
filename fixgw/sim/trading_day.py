"""The venue's calendar day, which ends at midnight in New York."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
_HOUR_NS = 3600 * 1_000_000_000
PERPETUAL_LEAD = timedelta(hours=8)  # from 16:00 to midnight
_MILLISECOND = timedelta(milliseconds=1)


def trade_date(utc_ns: int, *, perpetual: bool = False) -> str:
    """Return ClearingBusinessDate(715): the New York date of an instant, ``YYYYMMDD``.

    Args:
        utc_ns: UTC nanoseconds.
        perpetual: for perpetual futures, whose day begins at 16:00 of the day before, weekends included.
    """
    return _date_of_hour(utc_ns // _HOUR_NS, PERPETUAL_LEAD if perpetual else timedelta())


def end_of_day_ns(utc_ns: int) -> int:
    """Return when a Day order entered then expires: 23:59:59.999 in New York, as UTC nanoseconds."""
    tomorrow = _eastern(utc_ns).date() + timedelta(days=1)
    last = datetime.combine(tomorrow, time(), EASTERN).astimezone(UTC) - _MILLISECOND
    return round(last.timestamp() * 1000) * 1_000_000


@lru_cache(maxsize=16)
def _date_of_hour(hour: int, lead: timedelta) -> str:
    """New York is whole hours from UTC, so its date changes with an hour only.

    The lead is added to what the clock in New York shows, whatever it does in that night.
    """
    return (_eastern(hour * _HOUR_NS).replace(tzinfo=None) + lead).strftime("%Y%m%d")


def _eastern(utc_ns: int) -> datetime:
    return datetime.fromtimestamp(utc_ns // 1_000_000_000, EASTERN)
