"""How two sides of one execution differ, as a person reads it."""

from __future__ import annotations

from typing import Any

import pytest

from fixgw.messages.order_entry import Side
from fixgw.reconcile.compare import differences
from fixgw.reconcile.feeds import TOLERANCE_NS
from fixgw.reconcile.model import FieldDifference
from tests.reconcile.told import NOON, SECOND, execution


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"side": Side.SELL}, FieldDifference("side", "buy", "sell")),
        ({"is_taker": False}, FieldDifference("aggressor", "taker", "maker")),
        ({"subaccount": 3}, FieldDifference("subaccount", "0", "3")),
        (
            {"utc_ns": NOON + 3 * SECOND},
            FieldDifference("time", "2026-10-09T14:30:00.000000Z", "2026-10-09T14:30:03.000000Z"),
        ),
    ],
)
def test_a_difference_is_readable(change: dict[str, Any], expected: FieldDifference) -> None:
    assert differences(execution(0), execution(0, **change)) == [expected]


@pytest.mark.parametrize("change", [{"is_taker": None}, {"utc_ns": NOON + TOLERANCE_NS}, {"fee": 9}])
def test_what_is_not_told_or_judged_elsewhere_is_no_difference(change: dict[str, Any]) -> None:
    assert differences(execution(0), execution(0, **change)) == []
