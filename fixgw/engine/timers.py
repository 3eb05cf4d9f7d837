"""The two timers of a link: the session's next deadline, and how long reading may stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fixgw.clock import Clock
from fixgw.session.session import Session


class DeadlineTimer:
    """Calls back when a session's deadline has come.

    Args:
        session: tells the monotonic second at which something is due.
        clock: tells the monotonic second.
        due: called once it has come.
    """

    def __init__(self, session: Session, clock: Clock, due: Callable[[], None]) -> None:
        self._session = session
        self._clock = clock
        self._due = due
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0

    def arm(self) -> None:
        """Deadlines mostly move away, so a timer that runs is left alone unless one has come nearer."""
        deadline = self._session.deadline
        if deadline is None:
            return
        if self._timer is not None:
            if deadline >= self._at:
                return
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._at = deadline
        self._timer = loop.call_at(loop.time() + (deadline - self._clock.now().mono), self._fired)

    def cancel(self) -> None:
        """Forget the deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fired(self) -> None:
        self._timer = None
        deadline = self._session.deadline
        if deadline is not None and self._clock.now().mono >= deadline:
            self._due()
        else:
            self.arm()


class ReadingPause:
    """Stops reading from a stream, for a limited time.

    Args:
        limit: seconds that reading may stop at once.
        overdue: called when it lasted longer.
    """

    def __init__(self, limit: float, overdue: Callable[[], None]) -> None:
        self._limit = limit
        self._overdue = overdue
        self._timer: asyncio.TimerHandle | None = None

    @property
    def on(self) -> bool:
        """True while nothing is read."""
        return self._timer is not None

    def begin(self, stream: asyncio.ReadTransport) -> None:
        """Stop reading: the peer's bytes stay in the kernel, and then with the peer."""
        stream.pause_reading()
        self._timer = asyncio.get_running_loop().call_later(self._limit, self._overdue)

    def end(self, stream: asyncio.ReadTransport) -> None:
        """Read again."""
        stream.resume_reading()
        self.cancel()

    def cancel(self) -> None:
        """The stream is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
