"""Reports that a session without retransmission lost, asked for again over TLS."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.engine.gateway import Gateway
from fixgw.errors import LocalError
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.dropcopy import DropCopy, ResendRefused
from fixgw.venues.kalshi.messages import EventResendRejectReason, NewOrderSingle

pytest_plugins = ["fixgw.testing"]

MARKET = "HIGHNY-26DEC31"


@pytest.fixture
def gateway_sessions() -> dict[str, tuple[str, str]]:
    return {"orders": ("orders-nr", "rsa"), "copy": ("drop-copy", "listener")}


async def test_a_query_brings_what_the_ledger_holds(venue: Simulator, gateway: Gateway) -> None:
    venue.quote(MARKET, HouseSide.SELL, Decimal("0.50"), Decimal(5))
    order = await gateway.orders.submit(
        NewOrderSingle(
            symbol=MARKET,
            side=Side.BUY,
            order_qty=Decimal(5),
            price=Decimal("0.50"),
            time_in_force=TimeInForce.GOOD_TILL_CANCEL,
        )
    )
    await order.closed(timeout=5)
    resent = await gateway["copy"].client(DropCopy).query("0;0", timeout=5)
    assert resent.complete
    assert [report.cl_ord_id for report in resent.reports if report.last_qty] == [order.cl_ord_id]


async def test_a_range_beyond_the_newest_is_refused_with_the_venues_reason(
    venue: Simulator, gateway: Gateway
) -> None:
    with pytest.raises(ResendRefused) as caught:
        await gateway["copy"].client(DropCopy).query("1;1", "999999999;1", timeout=5)
    assert caught.value.reason is EventResendRejectReason.END_EXEC_ID_TOO_LARGE


async def test_a_session_that_knows_no_queries_says_so(gateway: Gateway) -> None:
    class Unknown(DropCopy):
        pass

    with pytest.raises(LocalError, match="no Unknown on a session of kind drop-copy; there is: DropCopy"):
        gateway["copy"].client(Unknown)
    with pytest.raises(LocalError, match="Unknown is looked for on one session and is on: none"):
        gateway.client(Unknown)


async def test_two_sessions_that_may_ask_are_told_apart_by_name(gateway: Gateway) -> None:
    with pytest.raises(LocalError, match="DropCopy is looked for on one session and is on: orders, copy"):
        gateway.client(DropCopy)
