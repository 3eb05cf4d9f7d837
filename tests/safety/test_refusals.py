"""What is kept back is counted by its rule, and uses up nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from fixgw.engine.gateway import Gateway
from fixgw.errors import LimitBreached, LocalError, NotAllowed, NotLoggedOn, Refused
from fixgw.fix.message import Message
from fixgw.messages.order_entry import Side
from fixgw.safety.grid import PriceRange
from fixgw.sim.sessions import memory_plans
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle, OrderMassCancelRequest

pytest_plugins = ["fixgw.testing"]

MARKET = "HIGHNY-26DEC31"


@pytest_asyncio.fixture
async def gateway(memory_venue: Simulator) -> AsyncIterator[Gateway]:
    """A session in cents, with limits."""
    settings: dict[str, dict[str, Any]] = {
        "orders": {"risk": {"max_order_qty": 10, "duplicate_window": 60}, "options": {}}
    }
    plans = memory_plans(memory_venue, {"orders": ("orders-rt", "alpha")}, settings=settings)
    async with Gateway(plans, clock=memory_venue.settings.clock) as running:
        yield running


def _order(qty: str = "5", price: str = "0.50", **more: Any) -> NewOrderSingle:
    return NewOrderSingle(symbol=MARKET, side=Side.BUY, order_qty=Decimal(qty), price=Decimal(price), **more)


async def test_a_refusal_is_counted_under_its_rule(gateway: Gateway) -> None:
    session = gateway["orders"]
    session.grids.put(MARKET, [PriceRange(Decimal("0.02"), Decimal("0.98"), Decimal("0.02"))])
    with pytest.raises(LimitBreached):
        await gateway.orders.submit(_order("11"))
    with pytest.raises(NotAllowed):
        session.send(Message("q", [(11, "a"), (530, "6")]))
    with pytest.raises(Refused, match="which is no price"):
        await gateway.orders.submit(_order(price="1", qty="1"))
    session.grids.remove(MARKET)
    with pytest.raises(Refused, match="whole cents"):
        await gateway.orders.submit(_order(price="0.505"))
    await gateway.orders.submit(_order())
    with pytest.raises(LimitBreached):
        await gateway.orders.submit(_order())
    refused = session.snapshot().safety.refused
    assert refused == {"max_order_qty": 1, "kind": 1, "grid": 1, "cents": 1, "duplicate_window": 1}


async def test_what_can_not_be_said_in_cents_is_no_order_that_left(gateway: Gateway) -> None:
    for _ in range(2):
        with pytest.raises(Refused, match="whole cents"):
            await gateway.orders.submit(_order(price="0.505"))


async def test_a_refusal_uses_no_number_and_no_cl_ord_id(memory_venue: Simulator, gateway: Gateway) -> None:
    session = gateway["orders"]
    before = session.snapshot().session.next_out
    with pytest.raises(LimitBreached):
        await gateway.orders.submit(_order("11", cl_ord_id="mine"))
    assert session.snapshot().session.next_out == before
    assert gateway.orders.get("mine") is None
    order = await gateway.orders.submit(_order("10", cl_ord_id="mine"))
    await order.acknowledged(timeout=1)
    assert [frame.get(38) for frame in memory_venue.log.of(msg_type="D", outbound=False)] == ["10"]


async def test_a_replace_is_held_to_the_same_limits_and_a_cancel_to_none(gateway: Gateway) -> None:
    order = await gateway.orders.submit(_order("10"))
    await order.acknowledged(timeout=1)
    with pytest.raises(LimitBreached, match="max_order_qty: 11 contracts"):
        await gateway.orders.replace(order, order_qty=Decimal(11))
    await (await gateway.orders.replace(order, order_qty=Decimal(9))).acknowledged(timeout=1)
    await (await gateway.orders.cancel(order)).acknowledged(timeout=1)
    assert not order.open


async def test_while_logged_off_that_is_the_reason(gateway: Gateway) -> None:
    await gateway["orders"].stop()
    with pytest.raises(NotLoggedOn):
        await gateway.orders.submit(_order("11"))
    assert gateway["orders"].snapshot().safety.refused == {}


async def test_a_kind_without_prices_has_no_grids(memory_venue: Simulator) -> None:
    plans = memory_plans(memory_venue, {"copy": ("drop-copy", "listener")})
    async with Gateway(plans, clock=memory_venue.settings.clock) as gateway:
        with pytest.raises(LocalError, match="no prices are sent on a session of kind drop-copy"):
            _ = gateway["copy"].grids


async def test_a_typed_message_of_another_kind_does_not_leave(gateway: Gateway) -> None:
    with pytest.raises(NotAllowed, match="use a session of kind orders-nr"):
        gateway["orders"].send(OrderMassCancelRequest(cl_ord_id="a"))


async def test_sessions_of_a_gateway_share_the_grids_of_their_venue(memory_venue: Simulator) -> None:
    sessions = {"one": ("orders-rt", "alpha"), "other": ("orders-nr", "beta")}
    plans = memory_plans(memory_venue, sessions)
    async with Gateway(plans, clock=memory_venue.settings.clock) as gateway:
        assert gateway["one"].grids is gateway["other"].grids
