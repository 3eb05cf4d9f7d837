"""A quote is taken by an order, which the desk's book follows like any other."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.errors import LocalError, Rejected
from fixgw.handlers.order import OrderState
from fixgw.messages.order_entry import Side
from tests.kalshi.desk import BUY, MARKET, SELL, Opener
from tests.kalshi.test_rfq_flow import NO, SIZE, YES, floor


@pytest.mark.parametrize(("side", "price"), [(BUY, 1 - NO), (SELL, YES)], ids=["buy", "sell"])
async def test_an_order_takes_a_quote(desk: Opener, side: Side, price: Decimal) -> None:
    async with floor(desk) as at:
        handle, offered, quote = await at.quoted()
        at.joined.look()
        order = await at.joined.submit("creator", at.creator.order(offered, side, cl_ord_id="mine"))
        await at.joined.told(
            "creator",
            f"D|11=mine|55={MARKET}|38=100.00|44={price:.4f}|117={quote.quote_id}|21023={handle.rfq_id}|59=1",
        )
        assert order.state is OrderState.NEW
        await at.maker.confirm(quote)
        assert await order.closed(timeout=60) is OrderState.FILLED
        assert (order.cum_qty, order.avg_px) == (SIZE, price)


async def test_an_order_may_take_a_part(desk: Opener) -> None:
    async with floor(desk) as at:
        _, offered, _ = await at.quoted()
        assert at.creator.order(offered, BUY, order_qty=Decimal(40)).order_qty == 40


async def test_an_order_comes_too_late_for_a_quote_that_is_gone(desk: Opener) -> None:
    async with floor(desk) as at:
        _, offered, quote = await at.quoted()
        await at.maker.cancel(quote)
        order = await at.joined.submit("creator", at.creator.order(offered, BUY))
        with pytest.raises(Rejected, match="EXPIRED: the quote has expired"):
            await order.acknowledged(timeout=1)


async def test_a_side_without_a_price_can_not_be_taken(desk: Opener) -> None:
    async with floor(desk) as at:
        _, offered, _ = await at.quoted(bid=None)
        with pytest.raises(LocalError, match="has no price to SELL at"):
            at.creator.order(offered, SELL)
