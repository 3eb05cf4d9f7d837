"""A kill while FIX is down: the orders of a session that can not be reached are cancelled over REST."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from fixgw.engine.gateway import Gateway
from fixgw.engine.killing import KillSettings
from fixgw.handlers.order import OrderState
from fixgw.messages.order_entry import Side
from fixgw.safety.kill_steps import KillReport
from fixgw.sim.sessions import memory_plans, memory_settings
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle
from fixgw.venues.kalshi.rest_kill import CancelAllOverRest
from tests.engine.rig import settle
from tests.sim.rest import BUY, MARKET, DeskTransport, Traders, rest_of

DELETE = "DELETE /trade-api/v2/portfolio/events/orders"
AGAIN = 5.0  # seconds


class Desk:
    """A venue in memory, and a gateway whose one session may ask it over REST."""

    def __init__(self, venue: Simulator) -> None:
        self.venue = venue
        self.transport = DeskTransport(venue)

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Gateway]:
        """Run the gateway."""
        step = CancelAllOverRest(lambda: rest_of(self.venue, transport=self.transport))
        (plan,) = memory_plans(self.venue, {"rt": ("orders-rt", "alpha")})
        plans = [replace(plan, offline_kill_steps=(step,))]
        settings = KillSettings(again_seconds=AGAIN)
        async with Gateway(plans, clock=self.venue.settings.clock, kill=settings) as running:
            yield running


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with Simulator(memory_settings(tmp_path / "venue")) as venue:
        yield Desk(venue)


async def resting(gateway: Gateway) -> None:
    order = NewOrderSingle(
        cl_ord_id="a1", symbol=MARKET, side=Side.BUY, order_qty=Decimal(10), price=Decimal("0.40")
    )
    await (await gateway.orders.submit(order)).acknowledged(1.0)


def outcomes(report: KillReport) -> list[str]:
    return [f"{step.step}: {step.outcome}" for step in report.sessions[0].steps]


async def test_orders_of_a_session_that_is_down_are_cancelled_over_rest(desk: Desk) -> None:
    async with desk.gateway() as gateway:
        await resting(gateway)
        await gateway["rt"].stop()
        report = await gateway.kill("test")
        assert desk.venue.ledger.order("a1").leaves == 0
        assert outcomes(report)[0].startswith("cancel all over REST: accepted")
        assert report.sessions[0].waits == "not logged on: it is cleared at its next Logon"


async def test_what_became_of_them_is_told_at_the_next_logon(desk: Desk) -> None:
    async with desk.gateway() as gateway:
        await resting(gateway)
        await gateway["rt"].stop()
        report = await gateway.kill("test")
        assert report.sessions[0].still_open == ("a1",)
        gateway["rt"].start()
        await gateway["rt"].logged_on()
        await settle()
        order = gateway.orders.get("a1")
        assert order is not None
        assert order.state is OrderState.CANCELED


async def test_orders_that_the_gateway_does_not_know_of_are_cancelled_too(desk: Desk) -> None:
    other = Traders(desk.venue).order("alpha", BUY, 3, "0.20")
    async with desk.gateway() as gateway:
        await gateway["rt"].stop()
        await gateway.kill("test")
        assert other.leaves == 0


async def test_a_session_that_is_up_is_cleared_over_fix(desk: Desk) -> None:
    async with desk.gateway() as gateway:
        await resting(gateway)
        report = await gateway.kill("test")
        assert [step.step for step in report.sessions[0].steps] == ["cancel each"]
        assert desk.transport.asked == []


async def test_what_failed_is_tried_again_while_the_session_is_down(desk: Desk) -> None:
    desk.venue.rest.faults.fail_next(503)
    async with desk.gateway() as gateway:
        await resting(gateway)
        await gateway["rt"].stop()
        report = await gateway.kill("test")
        assert "503 the service is not available" in outcomes(report)[0]
        assert desk.venue.ledger.order("a1").leaves == 10
        await asyncio.sleep(AGAIN + 1)
        assert desk.venue.ledger.order("a1").leaves == 0


async def test_what_was_accepted_is_not_asked_for_again(desk: Desk) -> None:
    async with desk.gateway() as gateway:
        await gateway["rt"].stop()
        await gateway.kill("test")
        await asyncio.sleep(10 * AGAIN)
        assert desk.transport.asked == [DELETE]


async def test_a_venue_that_does_not_answer_keeps_nobody_waiting(desk: Desk) -> None:
    desk.venue.rest.faults.delay_seconds = 1_000
    async with desk.gateway() as gateway:
        await gateway["rt"].stop()
        begun = asyncio.get_running_loop().time()
        report = await gateway.kill("test")
        assert outcomes(report) == ["cancel all over REST: not confirmed within 5 s"]
        assert asyncio.get_running_loop().time() - begun == pytest.approx(5.0)
