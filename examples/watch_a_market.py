"""Read a market: its book, its trades, its trading state.

    python examples/watch_a_market.py

``MarketData`` keeps the books of what it is told to subscribe to, over reconnections too. A handler is called
for each message, when the books are settled; an ``async def`` one may print, which takes its time.
"""

from __future__ import annotations

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path

import fixgw
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.observe import logs
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.market_book import MarketBook
from fixgw.venues.kalshi.market_data import MarketData
from fixgw.venues.kalshi.messages import MarketDataIncrementalRefresh, NewOrderSingle, SecurityStatus

MARKET = "HIGHNY-26DEC31"
CLIENTS = {"orders": ("orders-rt", "rsa"), "prices": ("market-data", "listener")}


class Watcher(fixgw.Handler):
    """Prints what changes in the market, until it halts."""

    book: MarketBook

    def __init__(self) -> None:
        self.halted = asyncio.Event()

    async def on_market_data_incremental_refresh(
        self, update: MarketDataIncrementalRefresh, ctx: fixgw.Context
    ) -> None:
        """Print the trades of an update, and what the book says after it."""
        for entry in update.md_entries:
            if entry.aggressor_side is not None:
                print(f"{entry.aggressor_side.name} {entry.md_entry_size} at {entry.md_entry_px}")
        show(self.book)

    async def on_security_status(self, status: SecurityStatus, ctx: fixgw.Context) -> None:
        """Print the state of the market."""
        print(f"{status.symbol}: {status.security_trading_status.name}")
        self.halted.set()


def show(book: MarketBook) -> None:
    """Print the best prices of a book."""
    bid, offer = book.best_bid, book.best_offer
    print(
        f"bid {f'{bid.md_entry_size} at {bid.md_entry_px}' if bid else 'nothing'}, "
        f"offer {f'{offer.md_entry_size} at {offer.md_entry_px}' if offer else 'nothing'}"
    )


async def buy(gateway: fixgw.Gateway) -> None:
    """Buy ten contracts at what is offered."""
    order = await gateway.orders.submit(
        NewOrderSingle(
            symbol=MARKET,
            side=Side.BUY,
            order_qty=Decimal(10),
            price=Decimal("0.55"),
            time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
        )
    )
    await order.closed(timeout=5)


async def main() -> None:
    logs.setup("error")  # the venue is in this process: that it is slow at first is nobody's affair
    watcher = Watcher()
    with tempfile.TemporaryDirectory() as directory:
        async with Simulator(SimSettings(Path(directory) / "venue")) as venue:
            venue.make_market(MARKET, Decimal("0.50"), Decimal("0.55"), Decimal(100))
            config = write_sessions(venue, Path(directory) / "gateway", CLIENTS)
            async with fixgw.load(config, handlers={"prices": watcher}) as gateway:
                prices = gateway.client(MarketData)
                prices.subscribe(MARKET)
                prices.watch_status(MARKET)
                watcher.book = prices.book(MARKET)
                show(await prices.snapshot(MARKET))  # the subscription's own

                await buy(gateway)
                venue.close_market(MARKET)
                await asyncio.wait_for(watcher.halted.wait(), 5)


if __name__ == "__main__":
    asyncio.run(main())
