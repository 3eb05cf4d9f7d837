"""An event loop whose time jumps to the next timer whenever there is nothing left to do.

``await asyncio.sleep(30)`` takes no real time, and every timer on the way fires in its order: a desk and a
venue that are joined in memory live through a day of trading in seconds, and through the same one each time.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import selectors
from collections.abc import Callable, Mapping
from typing import Any

from fixgw.clock import Clock, Now, SystemClock
from fixgw.errors import LocalError

START = 1000.0
START_UTC_NS = 1_791_556_200_000_000_000  # 2026-10-09T14:30:00Z
PATIENCE = 30 * 86_400.0  # seconds of loop time after which whoever still waits has failed


class _JumpSelector(selectors.BaseSelector):
    """Waits for real only while a thread works; otherwise moves the loop's time."""

    def __init__(self, real: selectors.BaseSelector) -> None:
        self._real = real
        self.loop: JumpLoop

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if (self.loop.threads and self.loop.waits_for_threads) or timeout is None:
            return self._real.select(0.01)
        self.loop.jump(timeout)
        return []


class JumpLoop(asyncio.SelectorEventLoop):
    """The loop; its time starts at ``START``, and stands while a thread works unless somebody wants else."""

    waits_for_threads = True

    def __init__(self) -> None:
        self._instant = START
        self.threads = 0
        selector = _JumpSelector(selectors.DefaultSelector())
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Return the loop's monotonic second."""
        return self._instant

    def jump(self, seconds: float) -> None:
        """Move the time, by more than what a float of this size can lose.

        Raises:
            LocalError: a month went by.
        """
        self._instant += max(seconds, 1e-9)
        if self._instant >= START + PATIENCE:
            raise LocalError("a month of loop time went by: nothing ends what waits; give it a timeout")

    def run_in_executor(  # type: ignore[override]
        self, executor: concurrent.futures.Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run a function in a thread, during which the time stands."""
        self.threads += 1
        future: asyncio.Future[Any] = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self.threads -= 1


class LoopClock:
    """The clock of a loop that jumps: both times move with it.

    Args:
        loop: tells the monotonic second.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> Now:
        """Return the loop's instant."""
        mono = self._loop.time()
        return Now(mono, START_UTC_NS + round((mono - START) * 1e9))


def running_clock() -> Clock:
    """Return the clock that goes with the running loop: its own when its time jumps, else the system's."""
    loop = asyncio.get_running_loop()
    return LoopClock(loop) if isinstance(loop, JumpLoop) else SystemClock()
