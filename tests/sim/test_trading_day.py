"""The venue's day ends at midnight in New York, summer and winter."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fixgw.sim.trading_day import end_of_day_ns, trade_date


def ns(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


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
