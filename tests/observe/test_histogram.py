"""The histogram of durations."""

from __future__ import annotations

import tracemalloc

import pytest

from fixgw.observe.histogram import BOUNDS, Histogram, HistogramSnapshot


def _histogram(*seconds: float) -> HistogramSnapshot:
    histogram = Histogram()
    for value in seconds:
        histogram.record(value)
    return histogram.snapshot()


@pytest.mark.parametrize("index", range(len(BOUNDS)))
def test_a_bound_belongs_to_the_bucket_below_it(index: int) -> None:
    counts = _histogram(BOUNDS[index], BOUNDS[index] * 1.001).counts
    assert counts[index : index + 2] == (1, 1)
    assert sum(counts) == 2


def test_total_and_count_add_up() -> None:
    taken = _histogram(0.0, 0.001, 100.0)
    assert (taken.count, taken.total) == (3, 100.001)
    assert (taken.counts[0], taken.counts[-1]) == (1, 1)


def test_quantiles_are_bucket_bounds() -> None:
    taken = _histogram(*[0.00002] * 98, 0.004, 20.0)
    assert taken.quantile(0.5) == 0.000_025
    assert taken.quantile(0.99) == 0.005
    assert taken.quantile(1.0) == float("inf")
    assert taken.quantile(0.0) == 0.000_025
    assert HistogramSnapshot().quantile(0.5) is None


def test_a_snapshot_does_not_change_afterwards() -> None:
    histogram = Histogram()
    before = histogram.snapshot()
    histogram.record(0.1)
    assert (before.count, histogram.snapshot().count) == (0, 1)


def test_recording_allocates_nothing() -> None:
    histogram = Histogram()
    for _ in range(300):  # counters leave the range of cached small integers
        histogram.record(0.001)
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        for _ in range(1000):
            histogram.record(0.001)
        grown = tracemalloc.take_snapshot().compare_to(before, "filename")
    finally:
        tracemalloc.stop()
    kept = sum(row.size_diff for row in grown if "histogram.py" in str(row.traceback))
    assert kept < 200  # one int and one float in place of the former ones
