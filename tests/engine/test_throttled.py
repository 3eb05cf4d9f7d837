"""What the venue refuses for its rate (380=8) was not applied: against the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fixgw.engine.gateway import Gateway
from fixgw.errors import LocalError, Rejected
from fixgw.handlers.order import Ending, Order, OrderState
from fixgw.handlers.orders import Orders
from fixgw.messages.order_entry import Side
from fixgw.sim.accounts import AccountSpec, Tier
from fixgw.sim.orders import State
from fixgw.sim.sessions import memory_plans, memory_settings
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle


@asynccontextmanager
async def trading(directory: Path, **settings: Any) -> AsyncIterator[tuple[Orders, Simulator]]:
    """Run one session of an account that the venue limits."""
    accounts = [AccountSpec("alpha", Tier.PREMIER)]
    async with Simulator(memory_settings(directory, accounts=accounts)) as venue:
        plans = memory_plans(venue, {"rt": ("orders-rt", "alpha")}, settings={"rt": settings})
        async with Gateway(plans, clock=venue.settings.clock) as gateway:
            yield gateway["rt"].orders, venue


def bid(cl_ord_id: str) -> NewOrderSingle:
    return NewOrderSingle(
        cl_ord_id=cl_ord_id,
        symbol="HIGHNY-26DEC31",
        side=Side.BUY,
        order_qty=Decimal(1),
        price=Decimal("0.01"),
    )


async def used_up(orders: Orders) -> list[Order]:
    """Send more orders than the account may, and return them with their answers."""
    placed = [orders.place(bid(f"a{number}")) for number in range(361)]
    await asyncio.gather(*(order.request.settled() for order in placed))
    return placed


def resting(venue: Simulator) -> int:
    return sum(order.state is State.OPEN for order in venue.ledger.orders.values())


async def test_an_order_that_was_refused_for_the_rate_may_be_sent_again_under_its_id(tmp_path: Path) -> None:
    async with trading(tmp_path) as (orders, venue):
        refused = (await used_up(orders))[-1]
        assert (refused.ending, refused.state, resting(venue)) == (Ending.REFUSED, OrderState.REJECTED, 360)
        await asyncio.sleep(1.0)
        again = await orders.submit(bid(refused.cl_ord_id))
        await again.acknowledged(1.0)
        assert (again.state, resting(venue)) == (OrderState.NEW, 361)
        assert orders.get(refused.cl_ord_id) is again


async def test_it_can_be_retried_as_it_was(tmp_path: Path) -> None:
    async with trading(tmp_path) as (orders, venue):
        refused = (await used_up(orders))[-1]
        await asyncio.sleep(1.0)
        again = await orders.retry(refused)
        await again.acknowledged(1.0)
        assert resting(venue) == 361


async def test_its_refusal_says_that_nothing_was_done(tmp_path: Path) -> None:
    async with trading(tmp_path) as (orders, _):
        refused = (await used_up(orders))[-1]
        with pytest.raises(Rejected, match="the rate limit was exceeded and nothing was done"):
            await refused.acknowledged()


async def test_an_order_that_was_refused_for_itself_keeps_its_id(tmp_path: Path) -> None:
    async with trading(tmp_path) as (orders, _):
        order = bid("a1")
        order.message.set(55, "NO-SUCH-MARKET")
        refused = orders.place(order)
        await refused.request.settled()
        with pytest.raises(LocalError, match="ClOrdID a1 is in use"):
            orders.place(bid("a1"))


@pytest.mark.parametrize("kind", ["cancel", "replace"])
async def test_a_refused_change_leaves_the_order_as_it_is(tmp_path: Path, kind: str) -> None:
    async with trading(tmp_path) as (orders, venue):
        order = (await used_up(orders))[0]
        for _ in range(6):  # until nothing is left of the bucket, cancels being cheap
            request = (
                orders.request_cancel(order)
                if kind == "cancel"
                else orders.request_replace(order, price=Decimal("0.02"))
            )
            await request.settled()
            assert request.ending is Ending.REFUSED
        before = (order.state, order.cl_ord_id, order.price, order.leaves_qty, order.pending)
        assert before == (OrderState.NEW, "a0", Decimal("0.01"), Decimal(1), {})
        assert resting(venue) == 360
        await asyncio.sleep(1.0)
        await orders.request_cancel(order).settled()
        assert not order.open


async def test_a_desk_that_counts_is_never_refused(tmp_path: Path) -> None:
    limit = {"rate_limit": {"tier": "premier", "cancel_reserve": 0}}
    async with trading(tmp_path, **limit) as (orders, venue):
        placed = await asyncio.gather(*(orders.submit(bid(f"a{number}")) for number in range(420)))
        await asyncio.gather(*(order.request.settled() for order in placed))
        assert {order.ending for order in placed} == {Ending.ACKNOWLEDGED}
        assert resting(venue) == 420
