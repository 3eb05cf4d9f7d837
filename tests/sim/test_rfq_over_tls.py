"""A request for quote over TLS, between two accounts: from the request to the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from fixgw.clock import Now, SystemClock
from fixgw.config.build import load
from fixgw.engine.gateway import Gateway
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.sim.compare import differences
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import MarketSpec, SimSettings, Simulator
from fixgw.venues.kalshi.asks import AcceptRefusal, QuoteGone, RequestState, RfqHandle
from fixgw.venues.kalshi.messages import NewOrderSingle, Quote
from fixgw.venues.kalshi.quotes import QuoteHandle, QuoteState
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from fixgw.venues.kalshi.rfq_maker import RfqMaker

pytestmark = pytest.mark.slow

pytest_plugins = ["fixgw.testing"]

MARKET = "STORM"


class Ahead(SystemClock):
    """The clock of this machine, which can be put ahead."""

    seconds = 0

    def now(self) -> Now:
        now = super().now()
        return Now(now.mono, now.utc_ns + self.seconds * 1_000_000_000)


@pytest.fixture
def clock() -> Ahead:
    return Ahead()


@pytest.fixture
def venue_settings(tmp_path: Path, clock: Ahead) -> SimSettings:
    markets = [MarketSpec(MARKET, high_volatility=True)]
    return SimSettings(tmp_path / "venue", markets=markets, clock=clock)


@pytest.fixture
def gateway_sessions() -> dict[str, tuple[str, str]]:
    """The creator's; its account is alpha."""
    return {"orders": ("orders-rt", "rsa")}


@pytest_asyncio.fixture
async def desk(venue: Simulator, tmp_path: Path) -> AsyncIterator[Gateway]:
    """The maker's gateway; its account is beta."""
    async with load(write_sessions(venue, tmp_path / "desk", {"quotes": ("rfq", "ed25519")})) as running:
        yield running


async def quoted(gateway: Gateway, desk: Gateway) -> tuple[RfqHandle, Quote, QuoteHandle]:
    """Return a request, the quote that came to it, and the same quote as its maker has it."""
    maker = desk.client(RfqMaker)
    requests = aiter(maker)
    asked = await gateway.client(RfqCreator).request(MARKET, order_qty=Decimal(100))
    async with asyncio.timeout(5):
        quote = maker.quote(await anext(requests), bid_px=Decimal("0.40"), offer_px=Decimal("0.55"))
        return asked, await anext(aiter(asked)), quote


async def test_from_the_request_to_the_trade(venue: Simulator, gateway: Gateway, desk: Gateway) -> None:
    creator, maker = gateway.client(RfqCreator), desk.client(RfqMaker)
    _, offered, quote = await quoted(gateway, desk)
    assert (offered.quote_id, offered.bid_px, offered.offer_px) == (
        quote.quote_id,
        Decimal("0.40"),
        Decimal("0.55"),
    )
    acceptance = await creator.accept(offered, Side.BUY)
    assert await quote.accepted(timeout=5) is Side.SELL
    await maker.confirm(quote)
    report = await acceptance.executed(timeout=5)
    assert (report.cum_qty, report.last_px) == (Decimal(100), Decimal("0.45"))

    ledger = venue.ledger
    assert [ledger.positions[account, MARKET] for account in ("alpha", "beta")] == [100, -100]
    assert ledger.cash["beta"] == Decimal("-55")
    session = f"KalshiRT/{venue.keys['rsa'].key_id}"
    orders = gateway["orders"].orders
    assert differences(ledger, session, [order.snapshot() for order in orders]) == []


async def test_an_order_may_accept(venue: Simulator, gateway: Gateway, desk: Gateway, clock: Ahead) -> None:
    asked, offered, quote = await quoted(gateway, desk)
    order = await gateway.orders.submit(
        NewOrderSingle(
            symbol=MARKET,
            side=Side.SELL,
            order_qty=Decimal(100),
            price=Decimal("0.40"),
            time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
            quote_id=offered.quote_id,
            rfq_id=asked.rfq_id,
        )
    )
    await order.acknowledged(timeout=5)
    assert await quote.accepted(timeout=5) is Side.BUY
    await desk.client(RfqMaker).confirm(quote)
    clock.seconds += 1
    venue.expire()
    await order.closed(timeout=5)
    assert (order.cum_qty, venue.ledger.positions["beta", MARKET]) == (Decimal(100), Decimal(100))


async def test_what_is_gone_can_not_be_accepted(venue: Simulator, gateway: Gateway, desk: Gateway) -> None:
    creator, maker = gateway.client(RfqCreator), desk.client(RfqMaker)
    asked, offered, quote = await quoted(gateway, desk)
    await maker.cancel(quote)
    with pytest.raises(QuoteGone) as caught:
        await creator.accept(offered, Side.BUY)
    assert caught.value.reason is AcceptRefusal.EXPIRED
    again = maker.quote(quote.request, offer_px=Decimal("0.50"))
    await again.acknowledged(timeout=5)
    await creator.cancel(asked)
    assert asked.state is RequestState.CANCELED
    assert await again.closed(timeout=5) is QuoteState.CANCELED
