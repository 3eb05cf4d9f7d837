"""Hear what every session of an account does, and know what the account holds.

    python examples/listen_to_the_account.py

A session with ``listener_session: true`` has an API key of its own and reads only. A desk trades here, and
another gateway, which could run anywhere, listens.
"""

from __future__ import annotations

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path

import fixgw
from fixgw.messages.order_entry import ExecType, Side, TimeInForce
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.sessions import ORDER_OPTIONS, write_sessions
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.listener import Listener
from fixgw.venues.kalshi.messages import NewOrderSingle

MARKET = "HIGHNY-26DEC31"
LISTENER = {"listener": ("orders-rt", "listener")}  # session name -> kind, key
LISTENS = {"options": {**ORDER_OPTIONS, "listener_session": True}}


async def trade(gateway: fixgw.Gateway) -> None:
    """Buy ten contracts, of which four fill, and cancel the rest."""
    order = await gateway.orders.submit(
        NewOrderSingle(
            symbol=MARKET,
            side=Side.BUY,
            order_qty=Decimal(10),
            price=Decimal("0.55"),
            time_in_force=TimeInForce.GOOD_TILL_CANCEL,
        )
    )
    await order.acknowledged(timeout=2)
    request = await gateway.orders.cancel(order)
    await request.acknowledged(timeout=2)


async def listen(gateway: fixgw.Gateway) -> None:
    """Print what happens until an order is cancelled, then what the account holds."""
    listener = gateway.client(Listener)
    async for report in listener:
        open_qty = sum((order.leaves_qty for order in listener.orders.open), Decimal(0))
        print(f"{report.exec_type.name}: {report.last_qty or 0} traded; {open_qty} still open in the account")
        if report.exec_type is ExecType.CANCELED:
            break
    for position in gateway.positions.snapshot():
        print(f"{position.symbol}: {position.qty} at {position.avg_px}, fees {position.fees}")


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        async with Simulator(SimSettings(path / "venue")) as venue:
            venue.quote(MARKET, HouseSide.SELL, Decimal("0.55"), Decimal(4))
            desk = fixgw.load(write_sessions(venue, path / "desk", {"orders": ("orders-rt", "rsa")}))
            ear = fixgw.load(write_sessions(venue, path / "ear", LISTENER, settings={"listener": LISTENS}))
            async with ear, desk:
                listening = asyncio.create_task(listen(ear))
                await trade(desk)
                await listening


if __name__ == "__main__":
    asyncio.run(main())
