"""A snapshot with something in every corner."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from fixgw.handlers.order import Ending, OrderSnapshot, OrderState
from fixgw.observe.histogram import Histogram, HistogramSnapshot
from fixgw.observe.snapshot import (
    GatewaySnapshot,
    HandlersView,
    OrdersView,
    SafetyView,
    SessionView,
    StoreView,
    SupervisorView,
)
from fixgw.safety.kill_switch import Pulled
from fixgw.session.snapshot import SessionSnapshot, Tally

ORDER = OrderSnapshot(
    cl_ord_id="c-2",
    order_id="o-1",
    symbol="HIGHNY-26DEC31",
    side="1",
    order_qty=Decimal(10),
    price=Decimal("0.0000001"),
    state=OrderState.PARTIALLY_FILLED,
    ending=Ending.ACKNOWLEDGED,
    cum_qty=Decimal(4),
    leaves_qty=Decimal(6),
    avg_px=Decimal("0.5"),
    text="",
    foreign=False,
    chain=("c-1", "c-2"),
)


def histogram(*seconds: float) -> HistogramSnapshot:
    taken = Histogram()
    for value in seconds:
        taken.record(value)
    return taken.snapshot()


def session_snapshot(name: str, phase: str = "active") -> SessionSnapshot:
    tally = Tally(
        received={"0": 3, "8": 20},
        sent={"D": 10, "F": 2},
        logons=2,
        gaps=1,
        resend_requests_in=4,
        resend_requests_out=5,
        resent=6,
        filled=7,
        rejects_in=8,
        rejects_out=9,
        redundant=10,
        garbled=11,
        last_received_utc_ns=1_791_556_199_000_000_000,
        last_sent_utc_ns=1_791_556_198_000_000_000,
        clock_offset=0.25,
        heartbeat_rtt=0.002,
    )
    return SessionSnapshot(name, "initiator", phase, "us", "KalshiRT", 2, 14, 25, 30, 24, 1, tally)


@pytest.fixture
def snapshot() -> GatewaySnapshot:
    """Two sessions: one that trades, one that waits for its next attempt."""
    trading = SessionView(
        name="trading",
        kind="orders-rt",
        required=True,
        active=True,
        session=session_snapshot("trading"),
        supervisor=SupervisorView("running"),
        store=StoreView("tape", "batch", full=True, path="/var/lib/fixgw/trading"),
        handlers=HandlersView(2, {"on_execution_report": 3}, 40, held=True),
        orders=OrdersView(open=5, in_flight=1, outcome_unknown=2, not_sent=3, rejected=4, each=(ORDER,)),
        safety=SafetyView({"max_order_qty": 3, "rate": 2}, 1, {"write": 1234.5}, ("trading paused",)),
        connections=3,
        bytes_in=1000,
        bytes_out=2000,
        queues={"handlers": 7, "writer": 0},
        turns=histogram(0.00002, 0.0004),
        commits=histogram(0.00001),
        acks=histogram(0.003, 20.0),
        heartbeats=histogram(0.002),
    )
    quiet = replace(session_snapshot("quiet", "closed"), tally=Tally())
    waiting = SessionView(
        name="quiet",
        kind="drop-copy",
        required=False,
        active=False,
        session=quiet,
        supervisor=SupervisorView("waiting", 3, 1, 4.5, "connection refused", "wait for the venue"),
        store=StoreView("memory", "os"),
    )
    pulled = Pulled("ops: test", 1_791_556_198_000_000_000)
    return GatewaySnapshot(1_791_556_200_000_000_000, {"trading": trading, "quiet": waiting}, kill=pulled)
