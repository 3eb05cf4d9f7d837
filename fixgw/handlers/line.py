"""A line in which orders wait until the guards let them leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Line:
    """Lets those who have to wait leave in the order in which they came.

    Only the first in the line has a timer. Whoever comes while others wait goes behind them, also when there
    would be room at that moment: otherwise the newest would always be served first.
    """

    def __init__(self) -> None:
        self._waiting = 0
        self._first = asyncio.Lock()  # served in order

    async def wait(self, delay: Callable[[], float]) -> bool:
        """Wait for one's turn; what is done next, before anything is awaited, is done in that turn.

        Args:
            delay: tells the seconds after which it may be worth trying, 0 for now.

        Returns:
            True when that took time.
        """
        if not self._waiting and delay() <= 0:
            return False
        self._waiting += 1
        try:
            async with self._first:
                while (seconds := delay()) > 0:  # noqa: ASYNC110  a bucket has no event
                    await asyncio.sleep(seconds)
        finally:
            self._waiting -= 1
        return True
