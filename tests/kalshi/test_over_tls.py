"""One conversation for each kind of session over real sockets and real TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from fixgw.config.build import load
from fixgw.engine.gateway import Gateway
from fixgw.handlers.order import Order, OrderState
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.sessions import write_sessions
from fixgw.sim.settlement import Result
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.dropcopy import DropCopy
from fixgw.venues.kalshi.market_data import MarketData
from fixgw.venues.kalshi.quotes import QuoteState
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from fixgw.venues.kalshi.rfq_maker import RfqMaker
from fixgw.venues.kalshi.settlement import Settlements
from tests.kalshi.covers import covers
from tests.kalshi.desk import BUY, MARKET, MARKETS, limit

Tls = Callable[..., AbstractAsyncContextManager[tuple[Simulator, Gateway]]]


@pytest.fixture
def over_tls(keys: Path, tmp_path: Path) -> Tls:
    """Opens a venue that listens on this machine, and a gateway with sessions of these kinds."""

    @asynccontextmanager
    async def opened(**sessions: tuple[str, str]) -> AsyncIterator[tuple[Simulator, Gateway]]:
        clients = tuple(
            ClientSpec(f"tls-{name}", Algorithm.ED25519, account) for name, (_, account) in sessions.items()
        )
        async with Simulator(SimSettings(keys, markets=MARKETS, clients=clients)) as venue:
            named = {name: (kind, f"tls-{name}") for name, (kind, _) in sessions.items()}
            async with load(write_sessions(venue, tmp_path, named), wait="all") as gateway:
                yield venue, gateway

    return opened


async def bought(venue: Simulator, gateway: Gateway, qty: int = 10) -> Order:
    """Let an order fill whole."""
    order = await gateway.orders.submit(limit(BUY, qty, "0.60"))
    await order.acknowledged(timeout=5)
    venue.fill(order.cl_ord_id, Decimal(qty))
    assert await order.closed(timeout=5) is OrderState.FILLED
    return order


@covers("A orders-nr out", "A orders-nr in", "D orders-nr", "F orders-nr", "8 orders-nr", "5 orders-nr out")
async def test_orders_over_tls(over_tls: Tls) -> None:
    async with over_tls(desk=("orders-nr", "alpha")) as (venue, gateway):
        await bought(venue, gateway)
        order = await gateway.orders.submit(limit(BUY, 5, "0.50"))
        await (await gateway.orders.cancel(order)).acknowledged(timeout=5)
        assert order.state is OrderState.CANCELED


@covers("D orders-rt", "8 orders-rt", "2 orders-rt out")
async def test_orders_with_retransmission_over_tls(over_tls: Tls) -> None:
    async with over_tls(desk=("orders-rt", "alpha")) as (venue, gateway):
        order = await gateway.orders.submit(limit(BUY, 10, "0.60"))
        await order.acknowledged(timeout=5)
        await gateway.logout("desk")
        venue.fill(order.cl_ord_id, Decimal(10))  # what is missed comes after the next Logon
        await gateway.logon("desk")
        assert await order.closed(timeout=5) is OrderState.FILLED


@covers("U1 drop-copy", "8 drop-copy", "U2 drop-copy")
async def test_a_drop_copy_over_tls(over_tls: Tls) -> None:
    async with over_tls(desk=("orders-rt", "alpha"), copy=("drop-copy", "alpha")) as (venue, gateway):
        order = await bought(venue, gateway)
        first = order.reports[0].text(17)
        resent = await gateway["copy"].client(DropCopy).query(first or "", timeout=5)
        assert resent.complete
        assert [report.order_id for report in resent.reports] == [order.order_id] * 2


@covers("UMS post-trade")
async def test_a_settlement_over_tls(over_tls: Tls) -> None:
    async with over_tls(desk=("orders-nr", "alpha"), settled=("post-trade", "alpha")) as (venue, gateway):
        await bought(venue, gateway)
        venue.settle_market(MARKET, Result.YES)
        async with asyncio.timeout(5):
            settlement = await anext(aiter(gateway["settled"].client(Settlements)))
        assert settlement.parties[0].long_qty == 10


@covers("R rfq", "S rfq", "AI rfq", "Z rfq", "U9 rfq", "R orders-rt", "b orders-rt", "S orders-rt")
async def test_a_quote_over_tls(over_tls: Tls) -> None:
    async with over_tls(asks=("orders-rt", "alpha"), quotes=("rfq", "beta")) as (_, gateway):
        maker = gateway.client(RfqMaker)
        handle = await gateway.client(RfqCreator).request(MARKET, order_qty=Decimal(10))
        async with asyncio.timeout(5):
            quote = maker.quote(await anext(aiter(maker)), bid_px=Decimal("0.40"))
            offered = await anext(aiter(handle))
        assert (offered.quote_id, offered.bid_px) == (quote.quote_id, Decimal("0.40"))
        await maker.cancel(quote)
        assert quote.state is QuoteState.CANCELED


@covers("V market-data", "W market-data", "X market-data")
async def test_a_book_over_tls(over_tls: Tls) -> None:
    async with over_tls(books=("market-data", "alpha")) as (venue, gateway):
        client = gateway.client(MarketData)
        client.subscribe(MARKET)
        book = await client.snapshot(MARKET, timeout=5)
        assert book.best_bid is None
        venue.quote(MARKET, HouseSide.BUY, Decimal("0.35"), Decimal(10))
        async with asyncio.timeout(5):
            while client.book(MARKET).best_bid is None:  # noqa: ASYNC110  a book has no event
                await asyncio.sleep(0.001)
        assert client.book(MARKET).bids == {Decimal("0.35"): Decimal(10)}
