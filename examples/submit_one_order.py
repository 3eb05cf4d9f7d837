"""Send one order and follow it to its fill.

    python examples/submit_one_order.py

Against the venue only the configuration differs: ``fixgw.load("sessions.yaml")``. Here the simulator runs in
this process, over real TLS, and ``write_sessions`` makes the configuration for it.
"""

from __future__ import annotations

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path

import fixgw
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.observe import logs
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle

MARKET = "HIGHNY-26DEC31"


async def trade(config: Path) -> None:
    async with fixgw.load(config) as gateway:  # returns once the required sessions are logged on
        order = await gateway.orders.submit(
            NewOrderSingle(
                symbol=MARKET,
                side=Side.BUY,
                order_qty=Decimal(10),
                price=Decimal("0.55"),
                time_in_force=TimeInForce.GOOD_TILL_CANCEL,
            )
        )
        print(f"sent {order.cl_ord_id}")  # it is on the tape, and its bytes are on their way
        try:
            await order.acknowledged(timeout=2)
        except fixgw.Rejected as error:
            print(f"the venue said no: {error}")
            return
        except fixgw.OutcomeUnknown as error:
            print(f"ask the venue before doing anything else: {error}")
            return
        state = await order.closed(timeout=2)
        print(f"{state}: {order.cum_qty.normalize():f} at {order.avg_px.normalize():f}")
    # leaving waits for what is in flight, logs out and closes the tape


async def main() -> None:
    logs.setup("error")  # structured, with secrets masked; a program says what it wants to see
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        async with Simulator(SimSettings(path / "venue")) as venue:
            venue.quote(MARKET, HouseSide.SELL, price=Decimal("0.55"), qty=Decimal(100))
            await trade(write_sessions(venue, path, {"orders": ("orders-rt", "rsa")}))


if __name__ == "__main__":
    asyncio.run(main())
