"""What a handler can reach through its context."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.errors import LocalError
from fixgw.handlers.base import Context, Handler
from fixgw.handlers.order import Ending
from fixgw.messages.order_entry import NewOrderSingle, OrdType, Side
from tests.engine.rig import joined


class Buyer(Handler):
    """Buys as soon as it can."""

    def on_logon(self, ctx: Context) -> None:
        self.order = ctx.orders.place(
            NewOrderSingle(
                cl_ord_id="1", symbol="X", side=Side.BUY, order_qty=Decimal(1), ord_type=OrdType.LIMIT
            )
        )


class Looker(Handler):
    """Asks for orders where none are sent."""

    error: Exception | None = None

    def on_logon(self, ctx: Context) -> None:
        try:
            len(ctx.orders)
        except LocalError as error:
            self.error = error


async def test_a_handler_places_an_order_in_the_turn_of_its_logon() -> None:
    buyer = Buyer()
    async with joined(handler=buyer) as rig:
        await rig.settle()
        assert rig.gateway.orders.get("1") is buyer.order
        (arrived,) = rig.them.handler.messages
        assert arrived.text(11) == "1"
        assert buyer.order.ending is None
    assert buyer.order.ending is Ending.UNKNOWN


async def test_a_handler_without_orders_is_told_so() -> None:
    looker = Looker()
    async with joined(handler=looker, orders=False) as rig:
        await rig.settle()
    with pytest.raises(LocalError, match="us: no orders are sent on this session"):
        raise looker.error or AssertionError("nothing was raised")
