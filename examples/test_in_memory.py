"""Test a strategy through hours and broken connections, without a socket and without waiting.

    pytest examples/test_in_memory.py

``memory_gateway`` is logged on to ``memory_venue`` with real signatures, over streams in memory. The loop's
time jumps to the next timer whenever nothing is left to do: three hours of heartbeats take a moment.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from fixgw import Ending, Gateway
from fixgw.messages.order_entry import Side
from fixgw.sim.faults import Fault, FaultRule
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle

pytest_plugins = ["fixgw.testing"]
pytestmark = pytest.mark.asyncio

MARKET = "HIGHNY-26DEC31"


def bid(price: str, qty: int = 5) -> NewOrderSingle:
    return NewOrderSingle(symbol=MARKET, side=Side.BUY, order_qty=Decimal(qty), price=Decimal(price))


async def test_an_order_rests_for_three_hours_and_is_filled(
    memory_gateway: Gateway, memory_venue: Simulator
) -> None:
    order = await memory_gateway.orders.submit(bid("0.40"))
    await asyncio.sleep(3 * 3600)
    memory_venue.quote(MARKET, HouseSide.SELL, Decimal("0.40"), Decimal(5))
    await order.closed(timeout=1)
    assert order.cum_qty == 5


async def test_a_report_that_gets_lost_is_asked_for(memory_gateway: Gateway, memory_venue: Simulator) -> None:
    memory_venue.inject(FaultRule(Fault.DROP, msg_type="8", at=[1]))
    lost = await memory_gateway.orders.submit(bid("0.40"))
    following = await memory_gateway.orders.submit(bid("0.41"))
    await following.acknowledged(timeout=1)
    assert lost.ending is Ending.ACKNOWLEDGED
    assert [mishap.frame.get(11) for mishap in memory_venue.log.mishaps] == [lost.cl_ord_id]


async def test_a_connection_that_breaks_comes_back(memory_gateway: Gateway, memory_venue: Simulator) -> None:
    order = await memory_gateway.orders.submit(bid("0.40"))
    await order.acknowledged(timeout=1)
    memory_venue.cut(memory_venue.keys["alpha"].key_id)
    memory_venue.quote(MARKET, HouseSide.SELL, Decimal("0.40"), Decimal(2))  # while nobody is there
    await asyncio.sleep(60)
    assert order.cum_qty == 2


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__, "-q"]))
