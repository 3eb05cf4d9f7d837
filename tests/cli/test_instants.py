"""Instants as people write them."""

from __future__ import annotations

import pytest

from fixgw.cli.instants import instant_ns

NS = 1_000_000_000
NOW = 1_791_556_200 * NS + 5  # 2026-10-09T14:30:00Z, and a little
DAY = 1_791_504_000 * NS  # its midnight, UTC


@pytest.mark.parametrize(
    ("text", "utc_ns"),
    [
        ("now", NOW),
        ("today", DAY),
        ("yesterday", DAY - 86_400 * NS),
        ("2026-10-09", DAY),
        ("2026-10-09T14:30:00Z", NOW - 5),
        ("2026-10-09 14:30", NOW - 5),
        ("2026-10-09T14:30:00", NOW - 5),
        ("2026-10-09T10:30:00-04:00", NOW - 5),
        ("2026-10-09T14:30:00.000001Z", NOW - 5 + 1_000),
        ("3h", NOW - 3 * 3_600 * NS),
        ("-3h", NOW - 3 * 3_600 * NS),
        ("90 s", NOW - 90 * NS),
        ("15m", NOW - 900 * NS),
        ("2d", NOW - 2 * 86_400 * NS),
        ("1w", NOW - 7 * 86_400 * NS),
    ],
)
def test_an_instant_is_read(text: str, utc_ns: int) -> None:
    assert instant_ns(text, NOW) == utc_ns


@pytest.mark.parametrize("text", ["", "5x", "h", "noon", "2026-13-01", "3h2m", "99999w", "1969-12-31"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        instant_ns(text, NOW)
