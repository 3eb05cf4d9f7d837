"""The venue's day ends at midnight in New York, summer and winter."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fixgw.sim.trading_day import end_of_day_ns, trade_date


def ns(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        ("2026-10-09T19:59:59", "20261009"),
        ("2026-10-09T20:00:00", "20261010"),  # 16:00 on a Friday, and the weekend counts
        ("2026-10-11T03:59:59", "20261011"),
        ("2026-12-31T20:59:59", "20261231"),  # an hour later in winter
        ("2026-12-31T21:00:00", "20270101"),
        ("2026-11-01T04:30:00", "20261101"),  # the clocks go back in the night between
        ("2026-11-01T20:59:59", "20261101"),
        ("2026-11-01T21:00:00", "20261102"),
    ],
)
def test_a_day_of_perpetual_futures_begins_at_16_00_the_day_before(utc: str, day: str) -> None:
    assert trade_date(ns(utc), perpetual=True) == day


@pytest.mark.parametrize(
    ("utc", "day", "end"),
    [
        ("2026-10-09T03:59:59", "20261008", "2026-10-09T04:00:00"),
        ("2026-10-09T04:00:00", "20261009", "2026-10-10T04:00:00"),
        ("2026-12-31T23:00:00", "20261231", "2027-01-01T05:00:00"),
        ("2026-11-01T04:30:00", "20261101", "2026-11-02T05:00:00"),  # clocks go back on this day
        ("2026-03-08T06:30:00", "20260308", "2026-03-09T04:00:00"),  # and forward on this
    ],
)
def test_days(utc: str, day: str, end: str) -> None:
    assert trade_date(ns(utc)) == day
    assert end_of_day_ns(ns(utc)) == ns(end) - 1_000_000
