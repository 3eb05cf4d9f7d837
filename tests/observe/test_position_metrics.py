"""Positions as metrics, and in the snapshot's JSON."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry

from fixgw.engine.views import positions_view
from fixgw.handlers.holdings import Holdings
from fixgw.observe.metrics import SYMBOLS, registry
from fixgw.observe.snapshot import GatewaySnapshot
from tests.handlers.fills import SYMBOL, fill


def holding(*sizes: int) -> GatewaySnapshot:
    """Return a snapshot with one position of each size, and something earned in the first."""
    holdings = Holdings()
    for number, size in enumerate(sizes):
        symbol = f"{SYMBOL}-{number}"
        holdings.book(fill(2 * number, size, "0.40", symbol)._replace(fees=Decimal("0.07")))
    holdings.book(fill(1, -1, "0.60", f"{SYMBOL}-0")._replace(venue_qty=Decimal(7)))
    return GatewaySnapshot(0, {}, {"kalshi": positions_view(holdings)})


def value(metrics: CollectorRegistry, name: str, **labels: str) -> float | None:
    return metrics.get_sample_value(f"fixgw_{name}", {"venue": "kalshi", **labels})


@pytest.mark.parametrize(
    ("name", "expected"),
    [("position_contracts", 9), ("position_fees_dollars", 0.07), ("position_realised_pnl_dollars", 0.2)],
)
def test_a_market_has_its_position_fees_and_profit(name: str, expected: float) -> None:
    metrics = registry(lambda: holding(10, -5))
    assert value(metrics, name, symbol=f"{SYMBOL}-0", subaccount="") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fees_dollars", 0.14),
        ("realised_pnl_dollars", 0.2),
        ("executions_counted", 3),
        ("executions_doubtful", 0),
        ("positions_differing", 1),
        ("positions_left_out", 0),
    ],
)
def test_a_venue_has_its_sums(name: str, expected: float) -> None:
    assert value(registry(lambda: holding(10, -5)), name) == expected


def test_only_the_largest_positions_have_metrics_of_their_own() -> None:
    metrics = registry(lambda: holding(*range(2, SYMBOLS + 12)))
    shown = [
        sample
        for family in metrics.collect()
        for sample in family.samples
        if sample.name == "fixgw_position_contracts"
    ]
    assert len(shown) == SYMBOLS
    assert min(sample.value for sample in shown) == 12
    assert value(metrics, "positions_left_out") == 10


def test_positions_are_in_the_json_with_exact_decimals() -> None:
    view = json.loads(holding(10).to_json())["positions"]["kalshi"]
    [position] = view["each"]
    assert (position["qty"], position["fees"], position["agrees"]) == ("9", "0.07", False)
    assert Decimal(position["avg_px"]) == Decimal("0.4")
