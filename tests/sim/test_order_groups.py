"""An order group over TLS: what fills too quickly is stopped."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.engine.gateway import Gateway
from fixgw.errors import Rejected
from fixgw.handlers.order import Order, OrderState
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.groups import OrderGroup, OrderGroups
from fixgw.venues.kalshi.messages import NewOrderSingle

pytest_plugins = ["fixgw.testing"]

MARKET = "HIGHNY-26DEC31"


async def join(gateway: Gateway, group: OrderGroup, qty: int, price: str) -> Order:
    return await gateway.orders.submit(
        NewOrderSingle(
            symbol=MARKET,
            side=Side.BUY,
            order_qty=Decimal(qty),
            price=Decimal(price),
            time_in_force=TimeInForce.GOOD_TILL_CANCEL,
            secondary_cl_ord_id=group.order_group_id,
        )
    )


async def test_too_many_fills_cancel_the_group_until_it_is_reset(venue: Simulator, gateway: Gateway) -> None:
    groups = gateway.client(OrderGroups)
    group = await groups.create(10)
    best, other = await join(gateway, group, 11, "0.55"), await join(gateway, group, 5, "0.50")
    await other.acknowledged(timeout=5)
    venue.fill(best.cl_ord_id, Decimal(11))
    assert await other.closed(timeout=5) is OrderState.CANCELED

    refused = await join(gateway, group, 5, "0.50")
    with pytest.raises(Rejected, match="EXCEEDED_ORDER_GROUP_RISK_LIMIT"):
        await refused.acknowledged(timeout=5)

    await groups.reset(group)
    again = await join(gateway, group, 5, "0.50")
    await again.acknowledged(timeout=5)
    assert again.state is OrderState.NEW
    await groups.delete(group)
    assert await again.closed(timeout=5) is OrderState.CANCELED
