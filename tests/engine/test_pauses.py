"""Pauses of the simulated venue, over real sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fixgw.engine.gateway import Gateway
from fixgw.errors import Held, Rejected
from fixgw.handlers.order import Order
from fixgw.messages.order_entry import Side
from fixgw.safety.pauses import HoldReason
from fixgw.sim.admission import Trading
from fixgw.sim.sessions import memory_plans, memory_settings
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle

MARKET = "HIGHNY-26DEC31"


@asynccontextmanager
async def trading(directory: Path, **settings: Any) -> AsyncIterator[tuple[Gateway, Simulator]]:
    async with Simulator(memory_settings(directory)) as venue:
        plans = memory_plans(venue, {"rt": ("orders-rt", "alpha")}, settings={"rt": settings})
        async with Gateway(plans, clock=venue.settings.clock) as gateway:
            yield gateway, venue


async def submitted(gateway: Gateway, symbol: str = MARKET) -> Order:
    order = await gateway.orders.submit(
        NewOrderSingle(symbol=symbol, side=Side.BUY, order_qty=Decimal(1), price=Decimal("0.40"))
    )
    await order.acknowledged(1.0)
    return order


@pytest.mark.parametrize(
    ("trading_state", "reason", "cancels"),
    [
        (Trading.PAUSED, HoldReason.TRADING_PAUSED, True),
        (Trading.EXCHANGE_PAUSED, HoldReason.EXCHANGE_PAUSED, False),
    ],
)
async def test_a_pause_is_learnt_from_the_first_refusal_and_ends_by_itself(
    tmp_path: Path, trading_state: Trading, reason: HoldReason, cancels: bool
) -> None:
    async with trading(tmp_path) as (gateway, venue):
        resting = await submitted(gateway)
        venue.pause(trading_state)
        with pytest.raises(Rejected):
            await submitted(gateway)
        with pytest.raises(Held) as caught:
            await submitted(gateway)
        assert caught.value.reason is reason
        if not cancels:
            with pytest.raises(Held):
                await gateway.orders.cancel(resting)
        venue.pause(Trading.OPEN)
        await asyncio.sleep(5.0)
        await submitted(gateway)  # the one that asks
        await gateway.orders.cancel(resting)
        await submitted(gateway)


async def test_cancels_are_carried_out_in_a_trading_pause(tmp_path: Path) -> None:
    async with trading(tmp_path) as (gateway, venue):
        resting = await submitted(gateway)
        venue.pause(Trading.PAUSED)
        with pytest.raises(Rejected):
            await submitted(gateway)
        await (await gateway.orders.cancel(resting)).settled()
        assert not resting.open
        with pytest.raises(Held):
            await submitted(gateway)


async def test_a_closed_market_leaves_the_others_alone(tmp_path: Path) -> None:
    async with trading(tmp_path) as (gateway, venue):
        venue.close_market(MARKET)
        with pytest.raises(Rejected):
            await submitted(gateway)
        with pytest.raises(Held, match=f"market inactive in {MARKET}"):
            await submitted(gateway)
        await submitted(gateway, "KXFED-26DEC-T4.00")


async def test_a_person_resumes(tmp_path: Path) -> None:
    async with trading(tmp_path) as (gateway, venue):
        venue.pause(Trading.PAUSED)
        with pytest.raises(Rejected):
            await submitted(gateway)
        venue.pause(Trading.OPEN)
        await gateway.resume("rt")
        await submitted(gateway)


async def test_without_holding_every_order_leaves(tmp_path: Path) -> None:
    async with trading(tmp_path, pauses={"hold": False}) as (gateway, venue):
        venue.pause(Trading.PAUSED)
        for _ in range(3):
            with pytest.raises(Rejected):
                await submitted(gateway)
