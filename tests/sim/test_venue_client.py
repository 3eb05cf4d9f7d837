"""The venue's own Python client at the simulator's REST side: signatures and replies that nobody here wrote.

Its version 3.2 is from before March 2026 and demands the fields that the venue took out then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import pytest
from kalshi_python_sync.api.orders_api import OrdersApi
from kalshi_python_sync.api.portfolio_api import PortfolioApi
from kalshi_python_sync.api_client import ApiClient
from kalshi_python_sync.auth import KalshiAuth
from kalshi_python_sync.configuration import Configuration
from kalshi_python_sync.exceptions import NotFoundException, UnauthorizedException

from fixgw.sim.settlement import Result
from fixgw.sim.venue import Simulator
from tests.sim.rest import BUY, MARKET, SELL, Traders, credentials_of

pytestmark = pytest.mark.slow

pytest_plugins = ["fixgw.testing"]

T = TypeVar("T")


@pytest.fixture
def client(venue: Simulator) -> ApiClient:
    """The client with an RSA key, which is the one kind that it takes."""
    venue.rest.legacy_twins = True
    configuration = Configuration(
        host=f"{venue.rest_url}/trade-api/v2", ssl_ca_cert=str(venue.ca_path), retries=False
    )
    made = ApiClient(configuration)
    sign_as(made, venue, venue.keys["rsa"].key_id)
    return made


def sign_as(client: ApiClient, venue: Simulator, key_id: str) -> None:
    """Give it a key; its own method for that fails on a name that it forgot to import."""
    client.kalshi_auth = KalshiAuth(key_id, credentials_of(venue, "rsa").key.decode())  # type: ignore[assignment]


@pytest.fixture
def traders(venue: Simulator) -> Traders:
    return Traders(venue)


async def asked(question: Callable[[], T]) -> T:
    """Ask in a thread: the client blocks, and the venue answers on this loop."""
    return await asyncio.to_thread(question)


async def test_it_reads_fills_page_by_page(client: ApiClient, traders: Traders) -> None:
    orders = [traders.trade("alpha", BUY, 2, "0.40"), traders.trade("alpha", SELL, 1, "0.60")]
    portfolio = PortfolioApi(client)
    last = await asked(lambda: portfolio.get_fills(limit=1, ticker=MARKET))
    first = await asked(lambda: portfolio.get_fills(limit=1, ticker=MARKET, cursor=last.cursor))
    assert [page.fills[0].order_id for page in (first, last)] == [order.order_id for order in orders]
    fill = first.fills[0]
    assert (fill.count, fill.side, fill.yes_price, fill.no_price, fill.is_taker) == (2, "yes", 40, 60, True)
    assert first.cursor == ""


async def test_it_reads_orders(client: ApiClient, traders: Traders) -> None:
    resting = traders.order("alpha", BUY, 5, "0.20")
    done = traders.trade("alpha", BUY, 1, "0.60")
    orders = OrdersApi(client)
    listed = await asked(lambda: orders.get_orders(status="resting"))
    one = await asked(lambda: orders.get_order(done.order_id))
    assert [(order.order_id, order.remaining_count) for order in listed.orders] == [(resting.order_id, 5)]
    assert (one.order.status, one.order.fill_count, one.order.yes_price) == ("executed", 1, 60)


async def test_it_reads_positions(client: ApiClient, traders: Traders) -> None:
    traders.trade("alpha", SELL, 10, "0.70")
    held = await asked(lambda: PortfolioApi(client).get_positions())
    assert [(one.ticker, one.position, one.market_exposure) for one in held.market_positions] == [
        (MARKET, -10, 300)
    ]


async def test_it_reads_the_balance(client: ApiClient, traders: Traders, venue: Simulator) -> None:
    traders.trade("alpha", BUY, 10, "0.70")
    balance = await asked(lambda: PortfolioApi(client).get_balance())
    assert Decimal(balance.balance) <= venue.ledger.cash["alpha"] * 100 < balance.balance + 1
    assert balance.portfolio_value == 700


async def test_it_reads_settlements(client: ApiClient, traders: Traders, venue: Simulator) -> None:
    traders.trade("alpha", BUY, 10, "0.70")
    venue.settle_market(MARKET, Result.YES)
    paid = await asked(lambda: PortfolioApi(client).get_settlements())
    assert [(one.ticker, one.yes_count, one.yes_total_cost, one.revenue) for one in paid.settlements] == [
        (MARKET, 10, 700, 1_000)
    ]


async def test_what_is_not_there_is_not_found(client: ApiClient) -> None:
    with pytest.raises(NotFoundException):
        await asked(lambda: OrdersApi(client).get_order("nothing"))


async def test_a_key_that_is_not_known_is_unauthorized(client: ApiClient, venue: Simulator) -> None:
    sign_as(client, venue, "nobody")
    with pytest.raises(UnauthorizedException):
        await asked(lambda: PortfolioApi(client).get_balance())
