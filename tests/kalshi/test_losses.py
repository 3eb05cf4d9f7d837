"""What crosses the end of a connection: it comes with the next one."""

# mypy: disable-error-code=comparison-overlap

from __future__ import annotations

from decimal import Decimal

from fixgw.handlers.order import OrderState
from tests.kalshi.desk import BUY, SELL, Opener, Seat, limit

RT = {"rt": Seat("orders-rt")}


async def test_an_order_in_the_bytes_of_a_logout_is_told_of_after_the_next_logon(desk: Opener) -> None:
    async with desk(RT) as joined:
        joined.rest(SELL, 3, "0.40")
        joined.rest(SELL, 7, "0.41")
        order = joined["rt"].orders.place(limit(BUY, 10, "0.41"))
        await joined["rt"].reconnect()
        await joined["rt"].logged_on()
        await joined.settle()
        assert (order.state, order.avg_px) == (OrderState.FILLED, Decimal("0.407"))
