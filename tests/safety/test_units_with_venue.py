"""Prices are dollars at the desk, whether the wire has dollars or cents: against the simulator, both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from fixgw.engine.gateway import Gateway
from fixgw.errors import LocalError
from fixgw.handlers.order import Order
from fixgw.messages.order_entry import Side
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.sessions import memory_plans, memory_settings
from fixgw.sim.settlement import Result
from fixgw.sim.venue import MarketSpec, SimSettings, Simulator
from fixgw.venues.kalshi.dropcopy import DropCopy
from fixgw.venues.kalshi.market_data import MarketData
from fixgw.venues.kalshi.messages import NewOrderSingle
from fixgw.venues.kalshi.quotes import QuoteState
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from fixgw.venues.kalshi.rfq_maker import RfqMaker
from fixgw.venues.kalshi.settlement import Settlements

pytest_plugins = ["fixgw.testing"]

MARKET, FINE = "HIGHNY-26DEC31", "FINE-26DEC31"
SESSIONS = {
    "orders": ("orders-rt", "alpha"),
    "nr": ("orders-nr", "gamma"),
    "copy": ("drop-copy", "listener"),
    "quotes": ("rfq", "beta"),
    "md": ("market-data", "watcher"),
}
CLIENTS = [
    ClientSpec(name, Algorithm.ED25519, account, f"key-of-{name}")
    for name, account in (
        ("alpha", "alpha"),
        ("gamma", "gamma"),
        ("listener", "alpha"),
        ("beta", "beta"),
        ("watcher", "alpha"),
    )
]


@pytest.fixture(params=[True, False], ids=["dollars", "cents"])
def dollars(request: pytest.FixtureRequest) -> bool:
    """What the wire has."""
    return bool(request.param)


@pytest_asyncio.fixture
async def memory_venue_settings(tmp_path: Path) -> SimSettings:
    markets = [MarketSpec(MARKET), MarketSpec(FINE, subpenny=True)]
    return memory_settings(tmp_path / "venue", clients=CLIENTS, markets=markets)


def _gateway(venue: Simulator, directory: Path, dollars: bool) -> Gateway:
    """Return a gateway whose sessions keep their tapes, and ask for dollars or do not."""
    settings: dict[str, dict[str, object]] = {
        name: {"store": {"kind": "tape", "path": str(directory)}, "options": {"use_dollars": dollars}}
        for name, (kind, _) in SESSIONS.items()
    }
    settings["md"]["options"] = {}
    for name in ("orders", "nr"):
        settings[name]["options"] = {"use_dollars": dollars, "receive_settlement_reports": True}
    return Gateway(memory_plans(venue, SESSIONS, settings=settings), clock=venue.settings.clock)


@pytest_asyncio.fixture
async def gateway(memory_venue: Simulator, tmp_path: Path, dollars: bool) -> AsyncIterator[Gateway]:
    async with _gateway(memory_venue, tmp_path / "tapes", dollars) as running:
        yield running


def _order(price: str, *, symbol: str = MARKET, side: Side = Side.BUY) -> NewOrderSingle:
    return NewOrderSingle(symbol=symbol, side=side, order_qty=Decimal(10), price=Decimal(price))


def _on_the_wire(venue: Simulator, msg_type: str, tag: int, *, outbound: bool) -> set[Decimal]:
    values = (frame.get(tag) for frame in venue.log.of(msg_type=msg_type, outbound=outbound))
    return {Decimal(value) for value in values if value}


async def _filled(venue: Simulator, gateway: Gateway, session: str = "orders") -> Order:
    """Return an order of which half has filled at 0.40, and after a replace the other half at 0.42."""
    order = await gateway[session].orders.submit(_order("0.40"))
    await order.acknowledged(timeout=1)
    venue.quote(MARKET, HouseSide.SELL, Decimal("0.40"), Decimal(5))
    await asyncio.sleep(1)
    await (await gateway[session].orders.replace(order, price=Decimal("0.42"))).acknowledged(timeout=1)
    venue.quote(MARKET, HouseSide.SELL, Decimal("0.42"), Decimal(5))
    await order.closed(timeout=1)
    return order


@pytest.mark.parametrize("session", ["orders", "nr"])
async def test_an_orders_prices_are_dollars(
    memory_venue: Simulator, gateway: Gateway, session: str, dollars: bool
) -> None:
    order = await _filled(memory_venue, gateway, session)
    assert (order.price, order.avg_px, order.cum_qty) == (Decimal("0.42"), Decimal("0.41"), Decimal(10))
    assert memory_venue.ledger.order(order.cl_ord_id).terms.price == Decimal("0.42")
    unit = 1 if dollars else 100
    assert _on_the_wire(memory_venue, "D", 44, outbound=False) == {Decimal("0.40") * unit}
    assert _on_the_wire(memory_venue, "G", 44, outbound=False) == {Decimal("0.42") * unit}
    last_px = _on_the_wire(memory_venue, "8", 31, outbound=True)
    assert last_px == {Decimal("0.40") * unit, Decimal("0.42") * unit}


async def test_an_order_is_the_same_after_a_restart(
    memory_venue: Simulator, tmp_path: Path, dollars: bool
) -> None:
    async with _gateway(memory_venue, tmp_path / "tapes", dollars) as first:
        order = await first["orders"].orders.submit(_order("0.40"))
        await order.acknowledged(timeout=1)
        memory_venue.quote(MARKET, HouseSide.SELL, Decimal("0.40"), Decimal(5))
        await asyncio.sleep(1)
    async with _gateway(memory_venue, tmp_path / "tapes", dollars) as second:
        rebuilt = second["orders"].orders.get(order.cl_ord_id)
        assert rebuilt is not None
        assert (rebuilt.price, rebuilt.avg_px) == (Decimal("0.40"), Decimal("0.40"))


async def test_a_drop_copys_reports_are_dollars(memory_venue: Simulator, gateway: Gateway) -> None:
    await _filled(memory_venue, gateway)
    resent = await gateway["copy"].client(DropCopy).query("0;0", timeout=5)
    trades = [report for report in resent.reports if report.last_qty]
    assert [report.last_px for report in trades] == [Decimal("0.40"), Decimal("0.42")]


async def test_makers_and_creators_quotes_are_dollars(
    memory_venue: Simulator, gateway: Gateway, dollars: bool
) -> None:
    maker, creator = gateway["quotes"].client(RfqMaker), gateway["orders"].client(RfqCreator)
    requests = aiter(maker)
    asked = await creator.request(MARKET, order_qty=Decimal(100))
    quote = maker.quote(await anext(requests), bid_px=Decimal("0.40"), offer_px=Decimal("0.55"))
    offered = await anext(aiter(asked))
    assert (offered.bid_px, offered.offer_px) == (Decimal("0.40"), Decimal("0.55"))
    await quote.acknowledged(timeout=1)
    assert quote.state is QuoteState.PENDING
    unit = 1 if dollars else 100
    assert _on_the_wire(memory_venue, "S", 132, outbound=False) == {Decimal("0.40") * unit}
    assert _on_the_wire(memory_venue, "AI", 133, outbound=True) == {Decimal("0.55") * unit}
    assert _on_the_wire(memory_venue, "S", 132, outbound=True) == {Decimal("0.40")}


async def test_a_books_prices_and_a_settlement_are_dollars(memory_venue: Simulator, gateway: Gateway) -> None:
    await _filled(memory_venue, gateway)
    memory_venue.make_market(MARKET, Decimal("0.40"), Decimal("0.45"), Decimal(7))
    book = await gateway["md"].client(MarketData).snapshot(MARKET)
    assert list(book.bids) == [Decimal("0.40")]
    memory_venue.settle_market(MARKET, Result.SCALAR, Decimal("0.306"))
    settlement = await anext(aiter(gateway["orders"].client(Settlements)))
    assert settlement.settl_price == Decimal("0.306")


async def test_a_price_between_two_cents_leaves_in_dollars_alone(
    memory_venue: Simulator, gateway: Gateway, dollars: bool
) -> None:
    if dollars:
        order = await gateway["orders"].orders.submit(_order("0.405", symbol=FINE))
        await order.acknowledged(timeout=1)
        assert memory_venue.ledger.order(order.cl_ord_id).terms.price == Decimal("0.405")
        return
    with pytest.raises(LocalError, match="round it, or set the option use_dollars"):
        await gateway["orders"].orders.submit(_order("0.405", symbol=FINE))
    assert memory_venue.log.of(msg_type="D", outbound=False) == []
