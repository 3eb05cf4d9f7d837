"""When one session is connected, and when its numbers go back to 1."""

from __future__ import annotations

from dataclasses import dataclass

from fixgw.clock import Clock
from fixgw.engine.schedule import Schedule
from fixgw.errors import ConfigError
from fixgw.handlers.base import Book


@dataclass(frozen=True, slots=True)
class Timetable:
    """The hours of one session.

    Args:
        hours: the session is connected only while this is open; None: always.
        reset: the numbers go back to 1 with the first Logon of each period of ``hours``.
        reset_times: the numbers go back to 1 where a period of this begins, by a Logon with
            ResetSeqNumFlag=Y inside the running session; None: never.
        drain_seconds: how long answers and handlers are waited for, once the hours are over.

    Raises:
        ConfigError: there is neither, or periods of hours that there are not begin at 1.
    """

    hours: Schedule | None = None
    reset: bool = False
    reset_times: Schedule | None = None
    drain_seconds: float = 5.0

    def __post_init__(self) -> None:
        if self.hours is None and (self.reset or self.reset_times is None):
            raise ConfigError("a timetable without hours", remedy="give it hours, or reset_times alone")

    @property
    def resets(self) -> bool:
        """True when the numbers ever go back to 1 because of the time."""
        return self.reset or self.reset_times is not None

    def period_id(self, utc_ns: int) -> int:
        """Return the beginning of the period of the numbers that the instant lies in; 0: there are none."""
        hours = self.hours if self.reset else None
        return max(
            (part.period_id(utc_ns) for part in (hours, self.reset_times) if part is not None), default=0
        )


class Timekeeper(Book):
    """Compares the clock with a timetable; it is one of the session's books, to outlive the process.

    Args:
        timetable: the hours.
        clock: the only source of time.
    """

    name = "timekeeper"

    def __init__(self, timetable: Timetable, clock: Clock) -> None:
        self.timetable = timetable
        self._clock = clock
        # Of a store that does not know: there is no reset before the next period.
        self._numbers_since = clock.now().utc_ns

    @property
    def is_open(self) -> bool:
        """True while the session may be connected."""
        hours = self.timetable.hours
        return hours is None or hours.is_open(self._clock.now().utc_ns)

    @property
    def reset_due(self) -> bool:
        """True when the numbers are those of a former period."""
        period_id = self.timetable.period_id
        return period_id(self._numbers_since) < period_id(self._clock.now().utc_ns)

    @property
    def seconds_to_change(self) -> float:
        """The time to the next instant at which a session that is connected has something to do."""
        now = self._clock.now().utc_ns
        parts = (self.timetable.hours, self.timetable.reset_times)
        return min(part.next_change(now) - now for part in parts if part is not None) / 1e9

    @property
    def opening(self) -> tuple[float, str]:
        """The seconds to the next opening of hours that are over, and when that is by their clock."""
        hours = self.timetable.hours
        assert hours is not None
        now = self._clock.now().utc_ns
        opening = hours.next_change(now)
        return (opening - now) / 1e9, hours.local_text(opening)

    @property
    def period_over(self) -> bool:
        """True when the connection has to end: the hours are over, or another period of theirs has begun."""
        hours = self.timetable.hours
        if hours is None:
            return False
        now = self._clock.now().utc_ns
        if not hours.is_open(now):
            return True
        return self.timetable.reset and hours.period_id(self._numbers_since) < hours.period_id(now)

    # -- handlers.base.Book --

    def on_reset(self, epoch: int, utc_ns: int) -> None:
        """The numbers are those of another period now."""
        self._numbers_since = utc_ns

    def dump(self) -> bytes:
        """Return since when the numbers run."""
        return str(self._numbers_since).encode()

    def load(self, blob: bytes) -> None:
        """Take since when the numbers run."""
        self._numbers_since = int(blob)
