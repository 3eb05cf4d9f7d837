"""Ask makers for a quote, take the best one, and wait for the trade.

    python examples/ask_for_quotes.py

Two makers answer here. To buy YES is to take a maker's price for NO: the higher that is, the less we pay.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import fixgw
from fixgw.errors import Rejected
from fixgw.messages.order_entry import Side
from fixgw.sim.pki import DEFAULT_CLIENTS, Algorithm, ClientSpec
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import MarketSpec, SimSettings, Simulator
from fixgw.venues.kalshi.asks import QuoteGone
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from fixgw.venues.kalshi.rfq_maker import RfqMaker

MARKET = "STORM-26DEC31"


async def make(desk: fixgw.Gateway, session: str, no_price: str) -> None:
    """Be a maker: offer NO at a price, and confirm when it is taken."""
    maker = desk[session].client(RfqMaker)
    async for request in maker:
        quote = maker.quote(request, offer_px=Decimal(no_price))
        with suppress(Rejected):  # the request was closed: another quote was taken
            await quote.accepted()
            await maker.confirm(quote)


async def ask(gateway: fixgw.Gateway) -> None:
    """Collect two quotes, take the better one and wait until it has traded."""
    creator = gateway.client(RfqCreator)
    request = await creator.request(MARKET, order_qty=Decimal(100))
    async for _ in request:
        if len(request.quotes) == 2:
            break
    print("quotes for NO:", *sorted(str(quote.offer_px) for quote in request.quotes.values()))
    best = request.best(Side.BUY)
    assert best is not None
    try:
        acceptance = await creator.accept(best, Side.BUY)
    except QuoteGone as gone:  # quotes come and go: NOT_FOUND and EXPIRED are everyday answers
        print(f"gone: {gone.reason}")
        return
    report = await acceptance.executed(timeout=10)
    print(f"bought {report.cum_qty} YES at {report.last_px}")


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        settings = SimSettings(
            Path(directory) / "venue",
            markets=[MarketSpec(MARKET, high_volatility=True)],  # 3 seconds to confirm, 1 to the execution
            clients=(*DEFAULT_CLIENTS, ClientSpec("gamma", Algorithm.ED25519, "gamma")),
        )
        async with Simulator(settings) as venue:
            file = write_sessions(venue, Path(directory) / "gateway", {"orders": ("orders-rt", "rsa")})
            makers = {"mary": ("rfq", "ed25519"), "mark": ("rfq", "gamma")}
            desk_file = write_sessions(venue, Path(directory) / "desk", makers)
            async with fixgw.load(file) as gateway, fixgw.load(desk_file) as desk:
                quoting = [
                    asyncio.create_task(make(desk, "mary", "0.52")),
                    asyncio.create_task(make(desk, "mark", "0.55")),
                ]
                await ask(gateway)
                for task in quoting:
                    task.cancel()
                await asyncio.gather(*quoting, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
