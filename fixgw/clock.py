"""Two clocks in one value: monotonic seconds for deadlines, UTC nanoseconds for stamps."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic, time_ns
from typing import NamedTuple, Protocol


class Now(NamedTuple):
    """An instant.

    Args:
        mono: monotonic seconds; only differences mean anything.
        utc_ns: nanoseconds since 1970-01-01T00:00:00Z.
    """

    mono: float
    utc_ns: int


class Clock(Protocol):
    """Whatever can tell the instant."""

    def now(self) -> Now:
        """Return the present instant."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def now(self) -> Now:
        """Return the present instant."""
        return Now(monotonic(), time_ns())


class ManualClock:
    """A clock that stands still until it is moved.

    Args:
        utc_ns: the first wall-clock instant, nanoseconds since 1970.
    """

    def __init__(self, utc_ns: int = 1_791_556_200_000_000_000) -> None:  # 2026-10-09T14:30:00Z
        self._now = Now(1000.0, utc_ns)

    def now(self) -> Now:
        """Return the instant it was left at."""
        return self._now

    def advance(self, seconds: float) -> Now:
        """Move both clocks by ``seconds`` and return the new instant."""
        self._now = Now(self._now.mono + seconds, self._now.utc_ns + round(seconds * 1e9))
        return self._now


def rfc3339(utc_ns: int) -> str:
    """Return an instant as people and REST write it: ``2026-10-09T14:30:00.000000Z``."""
    seconds, rest = divmod(utc_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"
