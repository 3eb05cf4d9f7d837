"""What comes one by one, for whoever cares: an asynchronous iterator that forgets the oldest."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Arrivals(Generic[T]):
    """Things in the order of their arrival; any number of readers, each at its own pace.

    Args:
        kept: how many stay for readers that come late, or are slow; the oldest go first.
    """

    def __init__(self, kept: int) -> None:
        self._kept: deque[T] = deque(maxlen=kept)
        self._count = 0
        self._ended = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """Return how many have come, those that are forgotten included."""
        return self._count

    @property
    def kept(self) -> list[T]:
        """What readers that come now would see first, oldest first."""
        return list(self._kept)

    def append(self, item: T) -> None:
        """Take in one more."""
        self._kept.append(item)
        self._count += 1
        self._changed.set()

    def end(self) -> None:
        """Say that no more will come: readers end once they have seen all."""
        self._ended = True
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[T]:
        """Yield each thing as it comes, those that are kept first; ends with ``end``."""
        seen = self._count - len(self._kept)
        while True:
            while seen < self._count:
                seen = max(seen, self._count - len(self._kept))
                yield self._kept[seen - self._count]
                seen += 1
            if self._ended:
                return
            self._changed.clear()
            await self._changed.wait()
