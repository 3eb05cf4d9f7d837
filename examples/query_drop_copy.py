"""Get back the reports that a session without retransmission lost.

    python examples/query_drop_copy.py

KalshiNR sends no report twice: what was on its way when a connection broke is gone. KalshiDC has the reports
of the last three hours and gives them out by ExecID.
"""

from __future__ import annotations

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path

import fixgw
from fixgw.handlers.order import Order
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.observe import logs
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.dropcopy import DropCopy
from fixgw.venues.kalshi.messages import NewOrderSingle

MARKET = "HIGHNY-26DEC31"
CLIENTS = {"orders": ("orders-nr", "rsa"), "copy": ("drop-copy", "listener")}


async def rest(gateway: fixgw.Gateway) -> Order:
    """Put an order into the book."""
    order = await gateway["orders"].orders.submit(
        NewOrderSingle(
            symbol=MARKET,
            side=Side.BUY,
            order_qty=Decimal(10),
            price=Decimal("0.55"),
            time_in_force=TimeInForce.GOOD_TILL_CANCEL,
        )
    )
    await order.acknowledged(timeout=2)
    return order


async def main() -> None:
    logs.setup("critical")  # the lost connection is on purpose
    with tempfile.TemporaryDirectory() as directory:
        async with Simulator(SimSettings(Path(directory) / "venue")) as venue:
            config = write_sessions(venue, Path(directory) / "gateway", CLIENTS)
            async with fixgw.load(config) as gateway:
                order = await rest(gateway)
                key_id = venue.keys["rsa"].key_id
                venue.pause_reports(key_id)
                venue.fill(order.cl_ord_id, Decimal(10))
                venue.cut(key_id)  # the report of the fill is lost
                await gateway["orders"].logged_on()
                print(f"our book says: {order.state.value}, {order.cum_qty} filled")

                resent = await gateway["copy"].client(DropCopy).query("0;0")
                for report in resent.reports:
                    print(f"the venue says: {report.exec_id} {report.exec_type.name} {report.last_qty or ''}")


if __name__ == "__main__":
    asyncio.run(main())
