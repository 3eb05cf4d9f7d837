"""Orders of a desk that is faster than its account may be: on a loop whose time jumps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from fixgw.engine.gateway import Gateway
from fixgw.engine.handle import SessionHandle
from fixgw.errors import EncodeError, LimitBreached, NotLoggedOn, RateLimited
from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.handlers.passage import Guard, Passage
from fixgw.safety.buckets import Budget, MessageCost, RateLimits, Tier
from fixgw.safety.duplicates import DuplicateGuard
from fixgw.safety.rate import Policy, RateGuard
from fixgw.sim.jumploop import START
from tests.engine.orders import Acknowledging, new_order
from tests.engine.rig import US, plan_for, settle, standing, the_clock

LIMITS = RateLimits(messages={"F": MessageCost(cost=2, reserve=True)})
TIER = Tier(100, 100, 100, 100)  # ten orders at once, then one each tenth of a second


class Timed(Acknowledging):
    """A venue that notes when each message came."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_message(self, message: Message, ctx: Context) -> None:
        self.seconds.append(round(asyncio.get_running_loop().time() - START, 3))
        super().on_message(message, ctx)


@asynccontextmanager
async def trading(*guards: Guard) -> AsyncIterator[tuple[SessionHandle, Timed]]:
    """Run a session with these guards."""
    venue = Timed()
    async with standing(handler=venue) as (network, _):
        plan = replace(plan_for(network.connector("them"), US), passage=lambda: Passage(guards))
        async with Gateway([plan], clock=the_clock(), drain_timeout=0.2) as gateway:
            yield gateway.sessions[0], venue
            await settle()


def limited(policy: Policy = Policy.WAIT, reserve: float = 0.0) -> RateGuard:
    return RateGuard(Budget(LIMITS, TIER), policy, reserve)


async def test_submits_wait_for_tokens_and_none_is_refused() -> None:
    async with trading(limited()) as (us, venue):
        await asyncio.gather(*(us.orders.submit(new_order()) for _ in range(13)))
    assert venue.seconds == [0.0] * 10 + [0.1, 0.2, 0.3]


async def test_those_that_wait_leave_in_the_order_of_coming() -> None:
    ids = [f"id{number}" for number in range(40)]
    async with trading(limited()) as (us, venue):
        await asyncio.gather(*(us.orders.submit(new_order(cl_ord_id=name)) for name in ids))
    assert venue.ids() == ids


async def test_whoever_comes_later_goes_behind_those_that_wait() -> None:
    async with trading(limited()) as (us, venue):
        first = asyncio.gather(*(us.orders.submit(new_order(cl_ord_id=f"a{n}")) for n in range(12)))
        await asyncio.sleep(0.15)
        await us.orders.submit(new_order(cl_ord_id="b"))
        await first
    assert venue.ids()[-3:] == ["a10", "a11", "b"]


async def test_a_waiting_order_that_is_given_up_lets_the_next_one_by() -> None:
    async with trading(limited()) as (us, venue):
        for _ in range(10):
            await us.orders.submit(new_order())
        given_up = asyncio.ensure_future(us.orders.submit(new_order(cl_ord_id="given up")))
        kept = asyncio.ensure_future(us.orders.submit(new_order(cl_ord_id="kept")))
        await asyncio.sleep(0.05)
        given_up.cancel()
        await kept
    assert (venue.ids()[-1], venue.seconds[-1]) == ("kept", 0.1)


async def test_a_waiting_order_of_a_session_that_went_down_is_not_sent() -> None:
    async with trading(limited()) as (us, venue):
        waiting = [asyncio.ensure_future(us.orders.submit(new_order())) for _ in range(11)]
        await settle()
        await us.stop()
        with pytest.raises(NotLoggedOn):
            await waiting[-1]
    assert len(venue.ids()) == 10


async def test_a_place_does_not_wait() -> None:
    async with trading(limited()) as (us, _):
        for _ in range(10):
            us.orders.place(new_order())
        with pytest.raises(RateLimited, match="try again in"):
            us.orders.place(new_order())


async def test_a_submit_under_the_policy_refuse_does_not_wait() -> None:
    async with trading(limited(Policy.REFUSE)) as (us, _):
        for _ in range(10):
            await us.orders.submit(new_order())
        with pytest.raises(RateLimited):
            await us.orders.submit(new_order())


async def test_an_order_refused_here_can_be_placed_again_with_its_cl_ord_id() -> None:
    async with trading(limited()) as (us, venue):
        for _ in range(10):
            us.orders.place(new_order())
        with pytest.raises(RateLimited) as caught:
            us.orders.place(new_order(cl_ord_id="again"))
        await asyncio.sleep(caught.value.retry_in)
        us.orders.place(new_order(cl_ord_id="again"))
    assert venue.ids()[-1] == "again"


async def test_cancels_leave_out_of_the_reserve() -> None:
    async with trading(limited(Policy.REFUSE, reserve=20.0)) as (us, venue):
        placed = [await us.orders.submit(new_order()) for _ in range(8)]
        with pytest.raises(RateLimited):
            await us.orders.submit(new_order())
        for order in placed:
            await order.acknowledged()
            await us.orders.cancel(order)
    assert venue.types == "D" * 8 + "F" * 8


async def test_what_another_guard_refuses_has_used_up_nothing() -> None:
    async with trading(limited(), DuplicateGuard(60.0)) as (us, _):
        us.orders.place(new_order(price="0.01"))
        for _ in range(20):
            with pytest.raises(LimitBreached):
                us.orders.place(new_order(price="0.01"))
        for cents in range(2, 11):
            us.orders.place(new_order(price=f"0.{cents:02d}"))


async def test_what_can_not_be_encoded_has_used_up_nothing() -> None:
    async with trading(limited(), DuplicateGuard(60.0)) as (us, _):
        for _ in range(20):
            with pytest.raises(EncodeError):
                us.send(Message("D", [(11, "a"), (58, "SOH\x01 in it")]))
        for cents in range(1, 11):
            us.orders.place(new_order(price=f"0.{cents:02d}"))
