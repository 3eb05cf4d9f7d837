"""React to what the venue says, and hold orders back before they leave.

    python examples/custom_handler.py

A handler is a plain class: implement the methods you care about, ``async def`` or not. A plain method runs
inside the turn that brought the message, and what it sends leaves with that turn. From a configuration file
the same class is named as ``handlers: {orders: desk.handlers:Desk}``.
"""

from __future__ import annotations

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path

import fixgw
from fixgw.messages.order_entry import Side
from fixgw.observe import logs
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.messages import ExecutionReport, NewOrderSingle

MARKET = "HIGHNY-26DEC31"
MAX_QTY = Decimal(50)


class Desk(fixgw.Handler):
    """Keeps the position per market, and lets no order above the limit out."""

    def __init__(self) -> None:
        self.position: dict[str, Decimal] = {}

    def on_logon(self, ctx: fixgw.Context) -> None:
        print("logged on")

    def on_execution_report(self, report: ExecutionReport, ctx: fixgw.Context) -> None:
        if ctx.redelivered:  # handlers see each message at least once; after a crash this one came before
            return
        if report.last_qty:
            signed = report.last_qty if report.side == Side.BUY else -report.last_qty
            self.position[report.symbol] = self.position.get(report.symbol, Decimal(0)) + signed
            print(f"fill: {report.last_qty.normalize():f} at {report.last_px}")

    def on_disconnect(self, reason: str) -> None:
        print(f"disconnected: {reason}")

    def before_send(self, message: fixgw.Message) -> None:
        """Raise to refuse: no number is used and nothing is sent."""
        if message.msg_type == NewOrderSingle.MSG_TYPE:
            qty = NewOrderSingle.view(message).order_qty or 0
            if qty > MAX_QTY:
                raise fixgw.LocalError(f"OrderQty {qty} is above the desk's limit of {MAX_QTY}")


def buy(qty: int) -> NewOrderSingle:
    return NewOrderSingle(symbol=MARKET, side=Side.BUY, order_qty=Decimal(qty), price=Decimal("0.55"))


async def main() -> None:
    logs.setup("error")  # structured, with secrets masked; a program says what it wants to see
    desk = Desk()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        async with Simulator(SimSettings(path / "venue")) as venue:
            venue.quote(MARKET, HouseSide.SELL, price=Decimal("0.55"), qty=Decimal(6))
            venue.quote(MARKET, HouseSide.SELL, price=Decimal("0.54"), qty=Decimal(4))
            config = write_sessions(venue, path, {"orders": ("orders-rt", "rsa")})
            async with fixgw.load(config, handlers={"orders": desk}) as gateway:
                order = await gateway.orders.submit(buy(10))
                await order.closed(timeout=2)
                try:
                    await gateway.orders.submit(buy(60))
                except fixgw.LocalError as error:
                    print(f"held back: {error}")
    print(f"position: {desk.position[MARKET].normalize():f}")


if __name__ == "__main__":
    asyncio.run(main())
