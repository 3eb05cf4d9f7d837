"""A position that a limit keeps small, with every open order counted: against the simulator."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fixgw.engine.gateway import Gateway
from fixgw.errors import Held, LimitBreached, NotLoggedOn, Rejected
from fixgw.fix.message import Message
from fixgw.handlers.order import Order, OrderState
from fixgw.handlers.orders import Orders
from fixgw.messages.order_entry import OrdType, Side
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.sessions import memory_plans
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle, OrderCancelReplaceRequest

pytest_plugins = ["fixgw.testing"]

MARKET = "HIGHNY-26DEC31"
LIMIT = 20


def _gateway(venue: Simulator, directory: Path, kind: str = "orders-rt") -> Gateway:
    settings = {
        "orders": {
            "risk": {"max_position": LIMIT},
            "store": {"kind": "tape", "path": str(directory)},
        }
    }
    plans = memory_plans(venue, {"orders": (kind, "alpha")}, settings=settings)
    return Gateway(plans, clock=venue.settings.clock)


@pytest_asyncio.fixture
async def orders(memory_venue: Simulator, tmp_path: Path) -> AsyncIterator[Orders]:
    """The orders of a session that may hold 20 contracts of a market."""
    async with _gateway(memory_venue, tmp_path / "tapes") as gateway:
        yield gateway.orders


def _order(
    side: Side, qty: int, *, price: str = "0.50", account: str | None = None, **fields: Any
) -> NewOrderSingle:
    terms: dict[str, Any] = {
        "symbol": MARKET,
        "side": side,
        "order_qty": Decimal(qty),
        "price": Decimal(price),
    }
    return NewOrderSingle(**terms, alloc_account=account, **fields)


def _replace(order: Order, qty: int) -> OrderCancelReplaceRequest:
    return OrderCancelReplaceRequest(
        cl_ord_id=f"{order.cl_ord_id}-raw",
        orig_cl_ord_id=order.cl_ord_id,
        symbol=MARKET,
        side=Side(order.side),
        order_qty=Decimal(qty),
        price=order.price,
        ord_type=OrdType.LIMIT,
    )


async def _rests(orders: Orders, side: Side, qty: int, *, price: str = "0.50") -> Order:
    order = await orders.submit(_order(side, qty, price=price))
    await order.acknowledged(timeout=1)
    return order


async def _fills(venue: Simulator, order: Order, qty: int) -> None:
    venue.fill(order.cl_ord_id, Decimal(qty))
    await asyncio.sleep(1)


async def _room(orders: Orders, side: Side) -> int:
    """Return how many contracts more may be asked for; the order that shows it is taken back."""
    for qty in range(3 * LIMIT, 0, -1):
        try:
            order = await orders.submit(_order(side, qty, price="0.01" if side is Side.BUY else "0.99"))
        except LimitBreached:
            continue
        await order.acknowledged(timeout=1)
        await (await orders.cancel(order)).acknowledged(timeout=1)
        await order.closed(timeout=1)
        return qty
    return 0


async def test_open_orders_of_a_side_count_as_filled(orders: Orders) -> None:
    await _rests(orders, Side.BUY, 15)
    assert (await _room(orders, Side.BUY), await _room(orders, Side.SELL)) == (5, 20)


async def test_the_refusal_names_worst_case_limit_and_setting(orders: Orders) -> None:
    await _rests(orders, Side.BUY, 15)
    with pytest.raises(LimitBreached) as caught:
        await orders.submit(_order(Side.BUY, 6))
    assert str(caught.value) == (
        "max_position: 21 contracts of HIGHNY-26DEC31 long at worst, and 20 at most "
        "(set by sessions.orders.risk.max_position)"
    )


async def test_an_order_that_has_not_been_answered_counts(orders: Orders) -> None:
    orders.place(_order(Side.BUY, 15))
    with pytest.raises(LimitBreached, match="21 contracts"):
        orders.place(_order(Side.BUY, 6))


async def test_what_has_filled_is_the_position(memory_venue: Simulator, orders: Orders) -> None:
    await _fills(memory_venue, await _rests(orders, Side.BUY, 15), 15)
    assert (await _room(orders, Side.BUY), await _room(orders, Side.SELL)) == (5, 35)


async def test_a_part_that_has_filled_counts_once(memory_venue: Simulator, orders: Orders) -> None:
    await _fills(memory_venue, await _rests(orders, Side.SELL, 15), 6)
    assert (await _room(orders, Side.SELL), await _room(orders, Side.BUY)) == (5, 26)


async def test_a_canceled_order_leaves_room(orders: Orders) -> None:
    order = await _rests(orders, Side.BUY, 20)
    await (await orders.cancel(order)).acknowledged(timeout=1)
    assert await _room(orders, Side.BUY) == 20


async def test_a_refused_order_leaves_room(memory_venue: Simulator, orders: Orders) -> None:
    memory_venue.close_market(MARKET)
    order = await orders.submit(_order(Side.BUY, 20))
    await order.closed(timeout=1)
    memory_venue.reopen_market(MARKET)
    await asyncio.sleep(10)  # the venue's refusal holds further orders back for a while
    assert order.state is OrderState.REJECTED
    assert await _room(orders, Side.BUY) == 20


async def test_a_replace_counts_by_its_new_total(memory_venue: Simulator, orders: Orders) -> None:
    order = await _rests(orders, Side.BUY, 10)
    await _fills(memory_venue, order, 4)
    with pytest.raises(LimitBreached, match="21 contracts"):
        await orders.replace(order, order_qty=Decimal(21))
    await (await orders.replace(order, order_qty=Decimal(20))).acknowledged(timeout=1)
    assert await _room(orders, Side.BUY) == 0


async def test_a_replace_in_flight_counts_by_the_greater_total(orders: Orders) -> None:
    order = await _rests(orders, Side.BUY, 10)
    await orders.replace(order, order_qty=Decimal(18))
    with pytest.raises(LimitBreached, match="21 contracts"):
        orders.place(_order(Side.BUY, 3))
    await order.pending[next(iter(order.pending))].settled()
    smaller = await orders.replace(order, order_qty=Decimal(5))
    with pytest.raises(LimitBreached, match="21 contracts"):
        orders.place(_order(Side.BUY, 3))
    await smaller.settled()
    orders.place(_order(Side.BUY, 15))


async def test_what_makes_an_order_smaller_or_moves_it_always_leaves(
    memory_venue: Simulator, orders: Orders
) -> None:
    order = await _rests(orders, Side.BUY, 20)
    memory_venue.quote(MARKET, HouseSide.SELL, Decimal("0.60"), Decimal(5))
    await (await orders.replace(order, price=Decimal("0.55"))).acknowledged(timeout=1)
    await (await orders.replace(order, order_qty=Decimal(19))).acknowledged(timeout=1)
    assert order.order_qty == 19


async def test_a_subaccount_has_a_position_of_its_own(orders: Orders) -> None:
    await _rests(orders, Side.BUY, 20)
    orders.place(_order(Side.BUY, 20, account="2"))
    for account in (None, "0", "2"):
        with pytest.raises(LimitBreached):
            orders.place(_order(Side.BUY, 1, account=account))


async def test_a_restart_knows_position_and_open_orders(memory_venue: Simulator, tmp_path: Path) -> None:
    async with _gateway(memory_venue, tmp_path / "tapes") as first:
        await _fills(memory_venue, await _rests(first.orders, Side.BUY, 12), 12)
        await _rests(first.orders, Side.BUY, 5)
        await _rests(first.orders, Side.SELL, 7, price="0.90")
    async with _gateway(memory_venue, tmp_path / "tapes") as second:
        assert (await _room(second.orders, Side.BUY), await _room(second.orders, Side.SELL)) == (3, 25)


async def test_an_order_whose_outcome_is_unknown_counts(
    memory_venue: Simulator, tmp_path: Path, orders: Orders
) -> None:
    memory_venue.cut(memory_venue.keys["alpha"].key_id)
    order = orders.place(_order(Side.BUY, 20))
    await asyncio.sleep(0.1)
    assert order.state is OrderState.UNKNOWN
    await asyncio.sleep(10)
    assert order.state in (OrderState.NOT_SENT, OrderState.NEW)
    assert await _room(orders, Side.BUY) == (20 if order.state is OrderState.NOT_SENT else 0)


async def test_a_retry_of_an_unknown_order_counts_once(memory_venue: Simulator, tmp_path: Path) -> None:
    async with _gateway(memory_venue, tmp_path / "tapes", "orders-nr") as gateway:
        memory_venue.pause_reports(memory_venue.keys["alpha"].key_id)
        order = await gateway.orders.submit(_order(Side.BUY, 20))
        await asyncio.sleep(1)
        memory_venue.cut(memory_venue.keys["alpha"].key_id)
        await asyncio.sleep(10)
        assert order.state is OrderState.UNKNOWN
        assert await gateway.orders.retry(order) is order
        memory_venue.resume_reports(memory_venue.keys["alpha"].key_id)
        await asyncio.sleep(10)
        assert [one.state for one in gateway.orders.snapshot()] == [OrderState.NEW]
        assert await _room(gateway.orders, Side.BUY) == 0


async def test_an_order_sent_past_the_order_book_counts_at_once(orders: Orders) -> None:
    orders.port.send(_order(Side.BUY, 15, cl_ord_id="raw"))
    with pytest.raises(LimitBreached, match="21 contracts"):
        orders.port.send(_order(Side.BUY, 6, cl_ord_id="more"))
    await asyncio.sleep(1)
    assert await _room(orders, Side.BUY) == 5


async def test_a_replace_sent_past_the_order_book_counts_at_once(orders: Orders) -> None:
    order = await _rests(orders, Side.BUY, 10)
    orders.port.send(_replace(order, 15))
    with pytest.raises(LimitBreached, match="21 contracts"):
        orders.place(_order(Side.BUY, 6))


async def test_what_was_sent_past_the_order_book_and_refused_leaves_room(
    memory_venue: Simulator, orders: Orders
) -> None:
    order = await _rests(orders, Side.SELL, 1, price="0.99")
    await (await orders.cancel(order)).acknowledged(timeout=1)
    orders.port.send(_order(Side.BUY, 20, price="0.505", cl_ord_id="a part of a cent"))
    await asyncio.sleep(1)
    orders.port.send(_replace(order, 20))
    await asyncio.sleep(1)
    orders.port.send(Message("D", [(11, "no side"), (55, MARKET), (38, "20"), (40, "2"), (44, "0.5")]))
    await asyncio.sleep(1)
    assert (await _room(orders, Side.BUY), await _room(orders, Side.SELL)) == (20, 20)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_the_position_stays_within_the_limit(
    memory_venue: Simulator, orders: Orders, seed: int
) -> None:
    dice = random.Random(seed)
    key = memory_venue.keys["alpha"].key_id
    reached = Decimal(0)
    for _ in range(150):
        with suppress(LimitBreached, NotLoggedOn, Rejected, Held):
            await _something(dice, memory_venue, orders, key)
        await asyncio.sleep(dice.choice((0, 0, 0.001, 0.5)))
        held = memory_venue.ledger.positions.get(("alpha", MARKET), Decimal(0))
        assert abs(held) <= LIMIT
        reached = max(reached, abs(held))
    assert reached > 0


async def _something(dice: random.Random, venue: Simulator, orders: Orders, key: str) -> None:
    """Trade at random, on either side of the wire, or lose the connection."""
    price = Decimal(dice.randint(45, 55)) / 100
    live = orders.open
    doings = ("order", "order", "order", "replace", "past", "past", "cancel", "house", "house", "cut")
    match dice.choice(doings):
        case "order":
            await orders.submit(
                _order(dice.choice((Side.BUY, Side.SELL)), dice.randint(1, 12), price=str(price))
            )
        case "replace" if live:
            await orders.replace(dice.choice(live), order_qty=Decimal(dice.randint(1, 25)), price=price)
        case "past" if live and dice.random() < 0.5:
            orders.port.send(_replace(dice.choice(live), dice.randint(1, 25)))
        case "past":
            way, cl_ord_id = dice.choice((Side.BUY, Side.SELL)), str(dice.random())
            orders.port.send(_order(way, dice.randint(1, 12), price=str(price), cl_ord_id=cl_ord_id))
        case "cancel" if live:
            await orders.cancel(dice.choice(live))
        case "house":
            side = dice.choice((HouseSide.BUY, HouseSide.SELL))
            venue.quote(MARKET, side, price, Decimal(dice.randint(1, 15)))
        case "cut" if dice.random() < 0.2:
            venue.cut(key)
