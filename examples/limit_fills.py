"""Stop yourself when too much fills too quickly: an order group.

    python examples/limit_fills.py

More contracts than its limit within 15 seconds, and the venue cancels all of its orders and takes no more.
"""

from __future__ import annotations

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path

import fixgw
from fixgw.handlers.order import Order
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.groups import OrderGroup, OrderGroups
from fixgw.venues.kalshi.messages import NewOrderSingle

MARKET = "HIGHNY-26DEC31"


async def bid(gateway: fixgw.Gateway, group: OrderGroup, qty: int, price: str) -> Order:
    """Send an order of the group."""
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


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with Simulator(SimSettings(Path(directory) / "venue")) as venue:
            config = write_sessions(venue, Path(directory) / "gateway", {"orders": ("orders-nr", "rsa")})
            async with fixgw.load(config) as gateway:
                groups = gateway.client(OrderGroups)
                group = await groups.create(contracts_limit=10)
                best, next_best = await bid(gateway, group, 11, "0.55"), await bid(gateway, group, 5, "0.50")
                await next_best.acknowledged(timeout=2)

                venue.fill(best.cl_ord_id, Decimal(11))  # one more than the limit
                print(f"after 11 fills: {await next_best.closed(timeout=2)}")

                await groups.reset(group)
                again = await bid(gateway, group, 5, "0.50")
                await again.acknowledged(timeout=2)
                print(f"after a reset: {again.state}")


if __name__ == "__main__":
    asyncio.run(main())
