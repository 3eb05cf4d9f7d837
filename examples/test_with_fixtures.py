"""Test a strategy against the simulator, with the fixtures that fixgw ships.

    pytest examples/test_with_fixtures.py

``gateway`` is logged on to ``venue`` over real TLS; both are made for each test and gone after it. What is
special about a test is said by overriding a fixture: here the handler, ``gateway_handlers``.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw import Context, Gateway, Handler, Rejected
from fixgw.messages.order_entry import Side
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.messages import ExecutionReport, NewOrderSingle

pytest_plugins = ["fixgw.testing"]
pytestmark = pytest.mark.asyncio

MARKET = "HIGHNY-26DEC31"


class Scalper(Handler):
    """The strategy under test: what it buys it offers again, two cents higher."""

    def on_execution_report(self, report: ExecutionReport, ctx: Context) -> None:
        if report.last_qty and report.side == Side.BUY and report.last_px is not None:
            price = report.last_px + Decimal("0.02")
            ctx.orders.place(  # joins the turn: it leaves before anything else is read
                NewOrderSingle(symbol=report.symbol, side=Side.SELL, order_qty=report.last_qty, price=price)
            )


@pytest.fixture
def gateway_handlers() -> dict[str, object]:
    return {"orders": Scalper()}


def bid(price: str, qty: int = 5) -> NewOrderSingle:
    return NewOrderSingle(symbol=MARKET, side=Side.BUY, order_qty=Decimal(qty), price=Decimal(price))


async def test_what_is_bought_is_offered_two_cents_higher(gateway: Gateway, venue: Simulator) -> None:
    venue.quote(MARKET, HouseSide.SELL, Decimal("0.40"), Decimal(5))
    order = await gateway.orders.submit(bid("0.40"))
    await order.closed(timeout=2)
    await gateway.orders.settled()  # the strategy's own order is answered too
    assert venue.market(MARKET).side(HouseSide.SELL).depth() == [(Decimal("0.42"), Decimal(5))]


async def test_a_bid_that_rests_offers_nothing(gateway: Gateway, venue: Simulator) -> None:
    order = await gateway.orders.submit(bid("0.40"))
    await order.acknowledged(timeout=2)
    assert venue.market(MARKET).side(HouseSide.SELL).depth() == []


async def test_a_closed_market_takes_no_bid(gateway: Gateway, venue: Simulator) -> None:
    venue.close_market(MARKET)
    order = await gateway.orders.submit(bid("0.40"))
    with pytest.raises(Rejected, match="MARKET"):
        await order.acknowledged(timeout=2)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__, "-q"]))
