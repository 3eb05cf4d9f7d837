"""What can go wrong at the REST side of the venue, on demand."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fixgw.config.values import Duration
from fixgw.errors import ConfigError

Distortion = Callable[[dict[str, Any]], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class RestTrouble:
    """What is wrong at the REST side from now on; what is left out is well.

    Args:
        down: every request ends without an answer.
        delay: how late each answer comes.
        lag: how far the replica of user data is behind the exchange.
        statuses: HTTP statuses that the next requests get in place of an answer, one each.
    """

    down: bool = False
    delay: Duration = 0.0
    lag: Duration = 0.0
    statuses: Sequence[int] = ()

    def __post_init__(self) -> None:
        for status in self.statuses:
            if not 400 <= status <= 599:
                raise ConfigError(f"{status} is no status of a failure", remedy="say 400 to 599, such as 503")


@dataclass(slots=True)
class RestFaults:
    """Faults that last until they are changed back.

    Args:
        lag_seconds: how far the replica of user data is behind the exchange.
        delay_seconds: how late each answer comes.
        down: every request ends without an answer.
        repeat_cursor: every page names itself as the next one.
        clock_seconds: how far the venue's clock is ahead of ours.
        next_statuses: statuses that the next requests get in place of an answer, in order.
        distort: by list (``fills``, ``orders``, ``market_positions``, ``settlements``): changes a row on its
            way out, or drops it.
    """

    lag_seconds: float = 0.0
    delay_seconds: float = 0.0
    down: bool = False
    repeat_cursor: bool = False
    clock_seconds: float = 0.0
    next_statuses: deque[int] = field(default_factory=deque)
    distort: dict[str, Distortion] = field(default_factory=dict)

    def begin(self, trouble: RestTrouble) -> None:
        """Let all of this be wrong from now on, and what it does not name be well."""
        self.down = trouble.down
        self.delay_seconds = trouble.delay
        self.lag_seconds = trouble.lag
        self.next_statuses.clear()
        self.fail_next(*trouble.statuses)

    def fail_next(self, *statuses: int) -> None:
        """Answer the next requests with these statuses, one each."""
        self.next_statuses.extend(statuses)

    async def late(self) -> None:
        """Wait as long as answers are late."""
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
