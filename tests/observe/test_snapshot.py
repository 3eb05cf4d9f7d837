"""The snapshot and its JSON."""

from __future__ import annotations

import json

from fixgw.handlers.order import OrderState
from fixgw.observe.snapshot import GatewaySnapshot


def test_json_holds_every_session_and_all_around_it(snapshot: GatewaySnapshot) -> None:
    data = json.loads(snapshot.to_json())
    assert list(data["sessions"]) == ["trading", "quiet"]
    trading = data["sessions"]["trading"]
    assert trading["session"]["phase"] == "active"
    assert trading["session"]["tally"]["received"] == {"0": 3, "8": 20}
    assert trading["orders"]["outcome_unknown"] == 2
    assert trading["handlers"]["slow_calls"] == {"on_execution_report": 3}
    assert data["sessions"]["quiet"]["supervisor"]["remedy"] == "wait for the venue"
    assert data["sessions"]["quiet"]["orders"] is None


def test_json_says_what_is_kept_back(snapshot: GatewaySnapshot) -> None:
    data = json.loads(snapshot.to_json())
    assert data["kill"] == {"reason": "ops: test", "utc_ns": 1_791_556_198_000_000_000}
    assert data["sessions"]["trading"]["safety"] == {
        "refused": {"max_order_qty": 3, "rate": 2},
        "throttled": 1,
        "tokens": {"write": 1234.5},
        "held": ["trading paused"],
    }


def test_orders_are_shown_with_exact_decimals(snapshot: GatewaySnapshot) -> None:
    (order,) = json.loads(snapshot.to_json())["sessions"]["trading"]["orders"]["each"]
    assert (order["price"], order["cum_qty"], order["chain"]) == ("0.0000001", "4", ["c-1", "c-2"])
    assert order["state"] == OrderState.PARTIALLY_FILLED.value


def test_durations_are_summed_up(snapshot: GatewaySnapshot) -> None:
    sessions = json.loads(snapshot.to_json())["sessions"]
    assert sessions["trading"]["turns"] == {"count": 2, "mean": 0.00021, "p50": 0.000025, "p99": 0.0005}
    assert sessions["quiet"]["turns"] == {"count": 0, "mean": None, "p50": None, "p99": None}


def test_a_duration_beyond_all_buckets_stays_json(snapshot: GatewaySnapshot) -> None:
    assert snapshot.to_dict()["sessions"]["trading"]["acks"]["p99"] is None


def test_json_is_one_line(snapshot: GatewaySnapshot) -> None:
    assert "\n" not in snapshot.to_json()
