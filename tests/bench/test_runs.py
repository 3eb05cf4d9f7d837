"""Every measurement that needs no foreign peer, in small: real processes, real TLS, real tapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import codec, market_data, roundtrip, turn
from bench.roundtrip import PEERS, Peer
from bench.workload import Plan

PLAN = Plan(round_trips=20, orders=60, outstanding=7)
OWN = [peer for peer in PEERS if not peer.needs]


@pytest.mark.slow
@pytest.mark.parametrize("peer", OWN, ids=lambda peer: peer.name)
def test_a_peer_completes_the_plan_in_two_processes(peer: Peer, tmp_path: Path) -> None:
    roundtrip.make_certificates(tmp_path)
    figures = roundtrip.run_once(peer, PLAN, tmp_path)
    assert 0 < figures.p50 <= figures.p99
    assert figures.orders_per_second > 0


@pytest.mark.slow
def test_a_peer_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"cert\.pem"):
        roundtrip.run_once(roundtrip.FIXGW, PLAN, tmp_path)


def test_every_turn_is_timed_with_either_store() -> None:
    costs = turn.measure(orders=100, repeats=1)
    assert {cost.codec for cost in costs} == {"fixgw, tape", "fixgw, memory"}
    assert all(cost.microseconds > 0 for cost in costs)


def test_every_operation_of_fixgw_is_timed() -> None:
    timed = {cost.operation for cost in codec.measure(loops=5, repeats=1) if cost.codec == "fixgw"}
    assert timed == set(codec.ROWS)


def test_updates_of_market_data_are_timed_beside_simplefix() -> None:
    costs = market_data.measure(messages=20, markets=50, repeats=1)
    assert [(cost.codec, cost.operation) for cost in costs] == [
        ("fixgw", market_data.DECODE),
        ("simplefix", market_data.DECODE),
        ("fixgw", market_data.APPLY),
    ]


def test_updates_of_market_data_that_are_not_applied_are_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_data, "subscribed", lambda markets: market_data.empty(markets[:1]))
    with pytest.raises(RuntimeError, match="entries were ignored"):
        market_data.measure(messages=20, markets=50, repeats=1)
