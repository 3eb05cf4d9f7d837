"""The event loop that stays awake for a moment after traffic: the next message meets a warm processor."""

from __future__ import annotations

import asyncio
import os
import selectors
import sys
import time

BUSY_POLL_US = 100
Ready = list[tuple[selectors.SelectorKey, int]]


class BusyPollSelector(selectors.DefaultSelector):
    """A selector that, once something was ready, polls for a while before it lets the process sleep.

    A sleeping process is woken by an interrupt, on a processor that may have halted and whose caches others
    have used: work that takes 20 us in full flow takes 50 us then. Without traffic nothing is polled.

    Args:
        busy_poll_us: microseconds to poll after the last event.
    """

    def __init__(self, busy_poll_us: float) -> None:
        super().__init__()
        self._busy_poll = busy_poll_us / 1e6
        self._traffic = False

    def select(self, timeout: float | None = None) -> Ready:
        """Return what is ready, as the selector of the platform does."""
        ready = super().select(0)
        if not ready and self._traffic and (timeout is None or timeout > 0):
            ready = self._poll(timeout)
        if ready:
            self._traffic = True
        elif timeout is None or timeout > 0:
            self._traffic = False
            ready = super().select(timeout)
            self._traffic = bool(ready)
        return ready

    def _poll(self, timeout: float | None) -> Ready:
        select, now = super().select, time.perf_counter
        end = now() + (self._busy_poll if timeout is None else min(timeout, self._busy_poll))
        ready: Ready = []
        while not ready and now() < end:
            ready = select(0)
        return ready


def event_loop(busy_poll_us: float = BUSY_POLL_US) -> asyncio.AbstractEventLoop:
    """Return a new event loop of asyncio that stays awake for a moment after traffic.

    For ``asyncio.Runner(loop_factory=fixgw.event_loop)``. It is asyncio's usual loop where polling could only
    take the processor from those it waits for (a machine with one), and where that loop uses no selector
    (Windows).

    Args:
        busy_poll_us: microseconds of processor time that a pause in the traffic may cost; 0 sleeps at once.
    """
    if not busy_poll_us or sys.platform == "win32" or os.cpu_count() == 1:
        return asyncio.new_event_loop()
    return asyncio.SelectorEventLoop(BusyPollSelector(busy_poll_us))
