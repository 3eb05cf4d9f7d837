"""Reads several feeds as one stream in the order of time; one that fails leaves the others alone."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from fixgw.errors import FixError
from fixgw.reconcile.feeds import Feed
from fixgw.reconcile.model import Execution, FeedResult, Period

log = logging.getLogger("fixgw.reconcile")

Progress = Callable[[str, int, int], None]

STEP = 1_000  # executions between two words about progress


@dataclass(slots=True)
class Reading:
    """A feed while it is read.

    Args:
        feed: what is read.
        rows: what it still has.
        head: its next execution, None at its end.
        count: how many it has told.
        failure: why it ended before its end.
    """

    feed: Feed
    rows: AsyncIterator[Execution]
    head: Execution | None = None
    count: int = 0
    failure: str = ""

    async def advance(self) -> None:
        """Go to the next execution."""
        try:
            self.head = await anext(self.rows, None)
        except FixError as error:
            log.error("a feed failed", extra={"feed": self.feed.name, "error": str(error)})
            self.head, self.failure = None, str(error)
            return
        if self.head is not None:
            self.count += 1

    def result(self) -> FeedResult:
        """Return how the feed did; one that failed proves nothing."""
        proofs = () if self.failure else tuple(self.feed.proves())
        notes = tuple(self.feed.notes())
        return FeedResult(self.feed.name, self.count, proofs, self.failure, notes, self.feed.ours)


class Streams:
    """Every feed of a run, read side by side.

    Args:
        feeds: what to read.
        period: what is asked for.
        progress: told now and then: feed, executions so far, instant reached.
    """

    def __init__(self, feeds: Sequence[Feed], period: Period, progress: Progress) -> None:
        self.readings = [Reading(feed, feed.executions(period)) for feed in feeds]
        self._progress = progress

    async def __aiter__(self) -> AsyncIterator[tuple[Reading, Execution]]:
        """Yield executions, each with where it comes from, oldest first."""
        live = []
        for reading in self.readings:
            await reading.advance()
            if reading.head is not None:
                live.append(reading)
        while live:
            reading = min(live, key=_instant)
            execution = reading.head
            assert execution is not None
            yield reading, execution
            if reading.count % STEP == 0:
                self._progress(reading.feed.name, reading.count, execution.utc_ns)
            await reading.advance()
            if reading.head is None:
                live.remove(reading)


def _instant(reading: Reading) -> int:
    assert reading.head is not None
    return reading.head.utc_ns
