"""When a session is open: weekly windows on the clock of one time zone, and the periods that they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from fixgw.errors import ConfigError

DAY = 86_400  # seconds on the clock, whatever a change of the clocks makes of them
WEEK = 7 * DAY

_UTC = ZoneInfo("UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=_UTC)
_NS = 1_000_000_000
# Enough for a window of a week, and for one that a change of the clocks swallows.
_WEEKS_AROUND = range(-2, 3)


class Window(NamedTuple):
    """A part of the week, by the clock of the schedule's time zone.

    Args:
        opens: seconds from Monday 00:00 to its beginning, 0 to ``WEEK`` - 1.
        closes: seconds from Monday 00:00 to its end; at or before ``opens``: in the week after.
    """

    opens: int
    closes: int

    @property
    def seconds(self) -> int:
        """How long it lasts, by the clock; a window that closes where it opens lasts the whole week."""
        return (self.closes - self.opens) % WEEK or WEEK


class Schedule:
    """Weekly windows in one time zone; every instant goes in and comes out as nanoseconds since 1970.

    Windows that overlap are one window. Windows that touch stay two: it is open all along, and a new period
    begins where they touch. A time of day that the clocks skip stands for the instant of the change, and one
    that they repeat for its first pass.

    Args:
        windows: at least one.
        time_zone: whose clock they are told by.

    Raises:
        ConfigError: there is no window, or they overlap all around the week, so that no period ever begins.
    """

    def __init__(self, windows: Sequence[Window], time_zone: ZoneInfo) -> None:
        self.time_zone = time_zone
        self.windows = _merged(windows)

    @classmethod
    def daily(cls, second: int, time_zone: ZoneInfo) -> Self:
        """Return a schedule that is always open and begins a new period each day.

        Args:
            second: of the day, 0 to 86399.
            time_zone: whose clock it is told by.
        """
        starts = range(second, WEEK, DAY)
        return cls([Window(start, (start + DAY) % WEEK) for start in starts], time_zone)

    def is_open(self, utc_ns: int) -> bool:
        """Return true inside a window; its first instant belongs to it, its last does not."""
        return any(opens <= utc_ns < closes for opens, closes in self._spans(utc_ns))

    def next_change(self, utc_ns: int) -> int:
        """Return the next instant at which it opens or closes, or a new period begins."""
        return min(instant for span in self._spans(utc_ns) for instant in span if instant > utc_ns)

    def period_id(self, utc_ns: int) -> int:
        """Return the opening of the window in which the instant lies, or of the last one before it."""
        return max(opens for opens, _ in self._spans(utc_ns) if opens <= utc_ns)

    def local_text(self, utc_ns: int) -> str:
        """Return an instant as a person in the time zone reads it."""
        return f"{_local(utc_ns, self.time_zone):%a %Y-%m-%d %H:%M:%S} {self.time_zone.key}"

    def _spans(self, utc_ns: int) -> list[tuple[int, int]]:
        """Return the windows around an instant, in order, without those that the clocks skip."""
        today = _local(utc_ns, self.time_zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        monday = today - timedelta(days=today.weekday())
        spans = []
        for week in _WEEKS_AROUND:
            for window in self.windows:
                opens = monday + timedelta(weeks=week, seconds=window.opens)
                closes = opens + timedelta(seconds=window.seconds)
                spans.append((_instant(opens, self.time_zone), _instant(closes, self.time_zone)))
        return [span for span in spans if span[0] < span[1]]


def _local(utc_ns: int, time_zone: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(seconds=utc_ns // _NS)).astimezone(time_zone)


def _instant(clock: datetime, time_zone: ZoneInfo) -> int:
    """Return the one instant for what a clock shows: never earlier for what it shows later."""
    before, after = clock.replace(tzinfo=time_zone), clock.replace(tzinfo=time_zone, fold=1)
    first, last = _seconds(after), _seconds(before)
    if first >= last:  # shown once, or twice: then the first pass
        return last * _NS
    offset = after.utcoffset()  # the clocks skip it: look for the second of the change
    while first + 1 < last:
        middle = (first + last) // 2
        if _local(middle * _NS, time_zone).utcoffset() == offset:
            last = middle
        else:
            first = middle
    return last * _NS


def _seconds(instant: datetime) -> int:
    return (instant.astimezone(_UTC) - _EPOCH) // timedelta(seconds=1)


def _merged(windows: Iterable[Window]) -> tuple[Window, ...]:
    longest: dict[int, int] = {}
    for window in windows:
        longest[window.opens] = max(window.seconds, longest.get(window.opens, 0))
    if not longest:
        raise ConfigError("a schedule without windows is never open", remedy="add one, or leave it out")
    free = [start for start in longest if not any(_covers(*item, start) for item in longest.items())]
    if not free:
        raise ConfigError(
            "the windows overlap all around the week, so that no period ever begins",
            remedy="let two of them touch where a period begins, or leave the schedule out",
        )
    return _sweep(sorted(((start - free[0]) % WEEK, seconds) for start, seconds in longest.items()), free[0])


def _covers(start: int, seconds: int, point: int) -> bool:
    """Tell whether a point lies inside a window, not where it opens or closes."""
    return 0 < (point - start) % WEEK < seconds


def _sweep(spans: Iterable[tuple[int, int]], origin: int) -> tuple[Window, ...]:
    """Join what overlaps, from a point on over which no window reaches."""
    joined: list[tuple[int, int]] = []
    for start, seconds in spans:
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], start + seconds))
        else:
            joined.append((start, start + seconds))
    return tuple(sorted(Window((origin + start) % WEEK, (origin + end) % WEEK) for start, end in joined))
