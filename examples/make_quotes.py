"""Answer requests for quote, as a maker: quote, confirm, and see the fill.

    python examples/make_quotes.py

A quote that is accepted is void when it is not confirmed in time. What it trades is reported on the account's
order-entry session, here of its second key.
"""

from __future__ import annotations

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path

import fixgw
from fixgw.messages.order_entry import ExecType, Side
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import MarketSpec, SimSettings, Simulator
from fixgw.venues.kalshi.messages import ExecutionReport
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from fixgw.venues.kalshi.rfq_maker import RfqMaker

MARKET = "STORM-26DEC31"


class Fills(fixgw.Handler):
    """Keeps the first trade."""

    def __init__(self) -> None:
        self.first: asyncio.Future[ExecutionReport] = asyncio.get_running_loop().create_future()

    async def on_execution_report(self, report: ExecutionReport, ctx: fixgw.Context) -> None:
        """Take in what our quotes trade."""
        if report.exec_type is ExecType.TRADE and not self.first.done():
            self.first.set_result(report)


async def make(desk: fixgw.Gateway) -> None:
    """Answer the first request."""
    maker = desk.client(RfqMaker)
    async for request in maker:
        print(f"{request.order_qty} contracts of {request.symbol}?")
        quote = maker.quote(request, bid_px=Decimal("0.40"), offer_px=Decimal("0.55"), post_only=True)
        side = await quote.accepted(timeout=5)
        print(f"accepted: we {'buy YES' if side is Side.BUY else 'sell YES'}")
        await maker.confirm(quote)
        return


async def ask(customer: fixgw.Gateway) -> None:
    """Be the other side: ask, and take the first quote that comes."""
    creator = customer.client(RfqCreator)
    request = await creator.request(MARKET, order_qty=Decimal(100))
    async for quote in request:
        await creator.accept(quote, Side.BUY)
        return


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        markets = [MarketSpec(MARKET, high_volatility=True)]  # 3 seconds to confirm, 1 to the execution
        async with Simulator(SimSettings(Path(directory) / "venue", markets=markets)) as venue:
            ours = {"quotes": ("rfq", "rsa"), "orders": ("orders-nr", "listener")}
            desk_file = write_sessions(venue, Path(directory) / "desk", ours)
            other_file = write_sessions(venue, Path(directory) / "other", {"rt": ("orders-rt", "ed25519")})
            fills = Fills()
            async with (
                fixgw.load(desk_file, handlers={"orders": fills}) as desk,
                fixgw.load(other_file) as customer,
            ):
                await asyncio.gather(make(desk), ask(customer))
                trade = await asyncio.wait_for(fills.first, 5)
                print(f"{trade.side.name} {trade.last_qty} at {trade.last_px}")


if __name__ == "__main__":
    asyncio.run(main())
