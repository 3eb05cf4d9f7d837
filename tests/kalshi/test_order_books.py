"""What the desk's book makes of races, failures and restarts, against what the venue really did."""

# mypy: disable-error-code=comparison-overlap

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from fixgw.engine.gateway import Gateway
from fixgw.errors import NotAllowed, Rejected
from fixgw.handlers.order import Ending, Order, OrderState
from fixgw.messages.order_entry import TimeInForce
from fixgw.sim.admission import Trading
from fixgw.sim.failures import Failure
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.orders import State
from fixgw.sim.sessions import memory_plans, memory_settings
from fixgw.sim.venue import Simulator
from tests.kalshi.desk import BUY, MARKET, PLAIN, SELL, Joined, Opener, Seat, limit

IOC = TimeInForce.IMMEDIATE_OR_CANCEL
VENUES_WORDS = {
    State.OPEN: {OrderState.NEW, OrderState.PARTIALLY_FILLED},
    State.FILLED: {OrderState.FILLED},
    State.CANCELLED: {OrderState.CANCELED},
    State.EXPIRED: {OrderState.EXPIRED, OrderState.CANCELED},
    State.REJECTED: {OrderState.REJECTED},
}


@pytest.fixture(params=["orders-nr", "orders-rt"])
async def rt_or_nr(desk: Opener, request: pytest.FixtureRequest) -> AsyncIterator[Joined]:
    async with desk({"us": Seat(request.param)}) as joined:
        yield joined


@pytest.fixture
async def rt(desk: Opener) -> AsyncIterator[Joined]:
    async with desk({"us": Seat("orders-rt")}) as joined:
        yield joined


def agrees(joined: Joined, order: Order) -> bool:
    """Tell whether the desk and the venue say the same of an order."""
    theirs = joined.venue.ledger.order(order.cl_ord_id)
    return (
        order.state in VENUES_WORDS[theirs.state]
        and theirs.cl_ord_ids[: len(order.chain)] == order.chain  # theirs has those of cancels too
        and (order.cum_qty, order.leaves_qty) == (theirs.cum, theirs.leaves)
        and (not order.open or (order.order_qty, order.price) == (theirs.terms.qty, theirs.terms.price))
    )


# -- races --


async def test_a_fill_while_a_replace_is_in_flight(rt_or_nr: Joined) -> None:
    orders = rt_or_nr["us"].orders
    order = await rt_or_nr.submit("us", limit(BUY, 10, "0.40"))
    change = await orders.replace(order, order_qty=Decimal(6))
    rt_or_nr.rest(SELL, 4, "0.40")  # before the venue has read the replace
    await rt_or_nr.settle()
    assert change.ending is Ending.ACKNOWLEDGED
    assert (order.order_qty, order.cum_qty, order.leaves_qty) == (6, 4, 2)
    assert agrees(rt_or_nr, order)


async def test_a_fill_that_a_cancel_comes_too_late_for(rt_or_nr: Joined) -> None:
    order = await rt_or_nr.submit("us", limit(BUY, 10, "0.40"))
    cancel = await rt_or_nr["us"].orders.cancel(order)
    rt_or_nr.rest(SELL, 10, "0.40")
    with pytest.raises(Rejected, match="ORDER_ALREADY_FILLED") as caught:
        await cancel.acknowledged(timeout=1)
    assert caught.value.meaning
    assert order.state is OrderState.FILLED
    assert agrees(rt_or_nr, order)


async def test_two_replaces_and_a_cancel_without_waiting(rt_or_nr: Joined) -> None:
    orders = rt_or_nr["us"].orders
    order = await rt_or_nr.submit("us", limit(BUY, 10, "0.40"))
    first = await orders.replace(order, order_qty=Decimal(20))
    second = await orders.replace(order, price=Decimal("0.41"))
    cancel = await orders.cancel(order)
    await rt_or_nr.settle()
    assert {one.ending for one in (first, second, cancel)} == {Ending.ACKNOWLEDGED}
    assert (order.order_qty, order.price, order.state) == (20, Decimal("0.41"), OrderState.CANCELED)
    assert order.chain == [order.chain[0], first.cl_ord_id, second.cl_ord_id]


async def test_a_replace_behind_one_that_is_refused_is_refused_too(rt_or_nr: Joined) -> None:
    orders = rt_or_nr["us"].orders
    order = await rt_or_nr.submit("us", limit(BUY, 10, "0.40"))
    rt_or_nr.venue.fill(order.cl_ord_id, Decimal(5))
    first = await orders.replace(order, order_qty=Decimal(4))  # less than has filled
    second = await orders.replace(order, price=Decimal("0.41"))
    await rt_or_nr.settle()
    assert (first.ending, second.ending) == (Ending.REFUSED, Ending.REFUSED)
    assert agrees(rt_or_nr, order)
    third = await orders.replace(order, price=Decimal("0.41"))
    await third.acknowledged(timeout=1)
    assert agrees(rt_or_nr, order)


async def test_a_replace_to_what_has_filled_ends_the_order(rt_or_nr: Joined) -> None:
    order = await rt_or_nr.submit("us", limit(BUY, 10, "0.40"))
    rt_or_nr.venue.fill(order.cl_ord_id, Decimal(5))
    change = await rt_or_nr["us"].orders.replace(order, order_qty=Decimal(5))
    assert await order.closed(timeout=1) is OrderState.CANCELED
    assert (change.ending, order.cum_qty) == (Ending.ACKNOWLEDGED, 5)


# -- what the Logon options change --


@pytest.mark.parametrize("preserve", [True, False])
@pytest.mark.parametrize("pending", [True, False])
async def test_quantities_over_a_life_do_not_depend_on_the_options(
    desk: Opener, preserve: bool, pending: bool
) -> None:
    options = {"preserve_original_order_qty": preserve, "skip_pending_exec_reports": not pending}
    async with desk({"us": Seat("orders-nr", options=options)}) as joined:
        orders = joined["us"].orders
        order = await joined.submit("us", limit(BUY, 10, "0.40"))
        await (await orders.replace(order, order_qty=Decimal(8))).acknowledged(timeout=1)
        joined.venue.fill(order.cl_ord_id, Decimal(3))
        await (await orders.replace(order, order_qty=Decimal(9))).acknowledged(timeout=1)
        assert (order.order_qty, order.cum_qty, order.leaves_qty) == (9, 3, 6)
        await (await orders.cancel(order)).acknowledged(timeout=1)
        assert (order.state, order.order_qty, order.cum_qty) == (OrderState.CANCELED, 9, 3)
        assert agrees(joined, order)


@pytest.mark.parametrize("emit_new", [True, False])
async def test_an_order_that_trades_at_once_is_acknowledged_folded_or_not(
    desk: Opener, emit_new: bool
) -> None:
    options = {"always_emit_new_before_trade": emit_new}
    async with desk({"us": Seat("orders-nr", options=options)}) as joined:
        joined.rest(SELL, 4, "0.40")
        order = await joined.submit("us", limit(BUY, 10, "0.40"))
        report = await order.acknowledged(timeout=1)
        assert report is not None
        assert report.text(150) == ("0" if emit_new else "F")
        assert (order.state, order.leaves_qty) == (OrderState.PARTIALLY_FILLED, 6)


@pytest.mark.parametrize("told", [True, False])
async def test_an_immediate_order_ends_whether_or_not_its_rest_is_told(desk: Opener, told: bool) -> None:
    async with desk({"us": Seat("orders-nr", options={"enable_ioc_cancel_report": told})}) as joined:
        for price in ("0.38", "0.39", "0.40"):
            joined.rest(SELL, 2, price)
        order = await joined["us"].orders.submit(limit(BUY, 10, "0.40", IOC))
        assert await order.closed(timeout=1) is OrderState.CANCELED
        assert (order.cum_qty, order.leaves_qty, len(order.reports)) == (6, 0, 4 if told else 3)
        assert order.text == ("IMMEDIATE_OR_CANCELLED" if told else "")
        assert agrees(joined, order)


async def test_an_order_of_the_day_ends_as_expired_where_that_is_asked_for(desk: Opener) -> None:
    async with desk({"us": Seat("orders-rt", options={"use_expired_ord_status": True})}) as joined:
        order = await joined.submit("us", limit(BUY, 10, "0.40", TimeInForce.DAY))
        assert await order.closed(timeout=86_400) is OrderState.EXPIRED


# -- nobody knows --


@pytest.mark.parametrize("failure", [Failure.UNAVAILABLE, Failure.APPLIED])
async def test_an_order_that_nobody_knows_of_is_tried_again_and_is_one_order(
    rt_or_nr: Joined, failure: Failure
) -> None:
    orders = rt_or_nr["us"].orders
    rt_or_nr.venue.fail_next(failure, msg_type="D")
    order = await rt_or_nr.submit("us", limit(BUY, 10, "0.40"))
    assert (order.state, order.ending) == (OrderState.UNKNOWN, Ending.UNKNOWN)
    assert await orders.retry(order) is order
    await order.acknowledged(timeout=1)
    assert (order.state, order.order_qty) == (OrderState.NEW, 10)
    assert [one.cum for one in rt_or_nr.venue.ledger.orders.values() if one.state is State.OPEN] == [0]
    rt_or_nr.venue.fill(order.cl_ord_id, Decimal(10))
    assert await order.closed(timeout=1) is OrderState.FILLED


async def test_an_exchange_that_failed_did_nothing(rt_or_nr: Joined) -> None:
    rt_or_nr.venue.fail_next(Failure.INTERNAL_ERROR, msg_type="D")
    order = await rt_or_nr["us"].orders.submit(limit(BUY, 10, "0.40"))
    with pytest.raises(Rejected, match="INTERNAL_ERROR: the exchange failed and did nothing"):
        await order.acknowledged(timeout=1)
    assert order.state is OrderState.REJECTED


@pytest.mark.parametrize("failure", [Failure.UNAVAILABLE, Failure.APPLIED])
async def test_a_cancel_that_nobody_knows_of_can_be_sent_again(rt_or_nr: Joined, failure: Failure) -> None:
    orders = rt_or_nr["us"].orders
    order = await rt_or_nr.submit("us", limit(BUY, 10, "0.40"))
    rt_or_nr.venue.fail_next(failure, msg_type="F")
    cancel = await orders.cancel(order)
    await rt_or_nr.settle()
    assert (cancel.ending, order.open) == (Ending.UNKNOWN, True)
    again = await orders.cancel(order)
    assert await order.closed(timeout=1) is OrderState.CANCELED
    assert again.ending is (Ending.REFUSED if failure is Failure.APPLIED else Ending.ACKNOWLEDGED)


async def test_an_order_that_arrived_before_the_link_was_lost_is_confirmed_by_a_retry(
    desk: Opener,
) -> None:
    async with desk({"us": Seat("orders-nr")}) as joined:
        orders = joined["us"].orders
        joined.venue.pause_reports(joined.key_ids["us"])
        order = await joined.submit("us", limit(BUY, 10, "0.40"))
        joined.venue.cut(joined.key_ids["us"])
        await joined.settle()
        assert (order.state, order.ending) == (OrderState.UNKNOWN, Ending.UNKNOWN)
        await joined["us"].logged_on()
        await orders.retry(order)
        report = await order.acknowledged(timeout=1)
        assert report is not None
        assert report.text(58) == "ORDER_ALREADY_EXISTS"
        assert (order.state, order.order_id) == (OrderState.NEW, "")
        await (await orders.cancel(order)).acknowledged(timeout=1)
        assert agrees(joined, order)
        assert orders.endings[Ending.REFUSED] == 0


# -- over a restart --


async def test_a_book_is_rebuilt_from_the_tape_as_it_was(keys: Path, tmp_path: Path) -> None:
    made = {"store": {"kind": "tape", "path": str(tmp_path)}, "options": PLAIN}
    async with Simulator(memory_settings(keys)) as venue:

        def gateway() -> Gateway:
            plans = memory_plans(venue, {"us": ("orders-rt", "alpha")}, settings={"us": made})
            return Gateway(plans, clock=venue.settings.clock)

        async with gateway() as first:
            orders = first["us"].orders
            changed = await orders.submit(limit(BUY, 10, "0.40"))
            await orders.replace(changed, order_qty=Decimal(20))
            await orders.replace(changed, price=Decimal("0.41"))
            await asyncio.sleep(0.1)
            venue.fill(changed.cl_ord_id, Decimal(3))
            venue.quote(MARKET, HouseSide.SELL, Decimal("0.42"), Decimal(2))
            immediate = await orders.submit(limit(BUY, 10, "0.42", IOC))
            await asyncio.sleep(0.1)
            venue.fail_next(Failure.APPLIED, msg_type="D")
            unknown = await orders.submit(limit(BUY, 7, "0.40"))
            await asyncio.sleep(0.1)
            assert [one.state for one in (changed, immediate, unknown)] == [
                OrderState.PARTIALLY_FILLED,
                OrderState.CANCELED,
                OrderState.UNKNOWN,
            ]
            told = orders.snapshot()
        async with gateway() as second:
            orders = second["us"].orders
            assert orders.snapshot() == told
            again = orders.get(unknown.cl_ord_id)
            assert again is not None
            assert await orders.retry(again) is again
            await again.acknowledged(timeout=1)
            assert again.state is OrderState.NEW
        async with gateway() as third:
            assert [one.state for one in third["us"].orders] == [
                OrderState.PARTIALLY_FILLED,
                OrderState.CANCELED,
                OrderState.NEW,
            ]


# -- all at once --


async def test_a_mass_cancel_takes_every_order_of_the_session(desk: Opener) -> None:
    async with desk({"us": Seat("orders-nr"), "other": Seat("orders-rt")}) as joined:
        mine = [await joined.submit("us", limit(BUY, 10, f"0.{price}")) for price in (40, 41)]
        theirs = await joined.submit("other", limit(BUY, 10, "0.39"))
        asked = await joined["us"].orders.mass_cancel()
        assert await asked.closed(timeout=1) == tuple(mine)
        assert (asked.response, theirs.open) == ("6", True)
        assert all(agrees(joined, order) for order in mine)
        with pytest.raises(NotAllowed, match="orders-nr"):
            await joined["other"].orders.mass_cancel()


async def test_a_mass_cancel_that_is_refused_says_why(desk: Opener) -> None:
    async with desk({"us": Seat("orders-nr", guarded=False)}) as joined:
        order = await joined.submit("us", limit(BUY, 10, "0.40"))
        joined.venue.pause(Trading.EXCHANGE_PAUSED)
        asked = await joined["us"].orders.mass_cancel()
        with pytest.raises(Rejected, match="EXCHANGE_PAUSED: the exchange is paused"):
            await asked.closed(timeout=1)
        assert (asked.response, asked.reject_reason, order.open) == ("0", "99", True)
        again = await joined["us"].orders.mass_cancel()
        with pytest.raises(Rejected, match="rate limit exceeded"):
            await again.acknowledged(timeout=1)
