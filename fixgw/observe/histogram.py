"""A histogram of durations that costs one bisection and two additions a value, and allocates nothing."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

BOUNDS: tuple[float, ...] = (
    0.000_010,
    0.000_025,
    0.000_050,
    0.000_100,
    0.000_250,
    0.000_500,
    0.001,
    0.002_5,
    0.005,
    0.010,
    0.025,
    0.050,
    0.100,
    0.250,
    0.500,
    1.0,
    2.5,
    5.0,
    10.0,
)


@dataclass(frozen=True, slots=True)
class HistogramSnapshot:
    """The state of a histogram at one instant.

    Args:
        counts: values per bucket; the first holds those up to ``BOUNDS[0]``, the last those above
            ``BOUNDS[-1]``.
        total: the sum of all values, seconds.
    """

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    total: float = 0.0

    @property
    def count(self) -> int:
        """How many values were recorded."""
        return sum(self.counts)

    def quantile(self, share: float) -> float | None:
        """Return the upper bound, in seconds, of the bucket in which ``share`` (0 to 1) is reached.

        None without values; infinity when it lies above the last bound.
        """
        wanted = share * self.count
        reached = 0
        for count, bound in zip(self.counts, (*BOUNDS, float("inf")), strict=True):
            reached += count
            if count and reached >= wanted:
                return bound
        return None


EMPTY = HistogramSnapshot()


class Histogram:
    """Counts durations in the fixed buckets of ``BOUNDS``; for one thread."""

    __slots__ = ("_counts", "_total")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._total = 0.0

    def record(self, seconds: float) -> None:
        """Take in one duration."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._total += seconds

    def snapshot(self) -> HistogramSnapshot:
        """Return the state of now."""
        return HistogramSnapshot(tuple(self._counts), self._total)
