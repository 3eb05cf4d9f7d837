"""Orders whose reports were lost, or of which the venue does not know: what a query makes of them."""

# mypy: disable-error-code=comparison-overlap

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from fixgw.errors import LocalError, NotLoggedOn
from fixgw.handlers.order import Ending, OrderState
from fixgw.sim.compare import differences, position_differences
from fixgw.sim.failures import Failure
from fixgw.venues.kalshi.dropcopy import DropCopy, ResendRefused
from fixgw.venues.kalshi.messages import EventResendRejectReason
from fixgw.venues.kalshi.recovery import Recovery
from tests.kalshi.desk import BUY, SELL, SHARD, Joined, Opener, Seat, limit

NR = {"nr": Seat("orders-nr")}
RT = {"rt": Seat("orders-rt"), "copy": Seat("drop-copy")}


async def lose(joined: Joined, seat: str = "nr") -> None:
    """Cut a session's connection with what is on its way, and log on again."""
    joined.venue.cut(joined.key_ids[seat])
    await joined[seat].link.dispatcher.drain()
    await asyncio.sleep(10)
    await joined[seat].logged_on()


def wrong(joined: Joined, seat: str = "nr") -> list[str]:
    """Return in what the desk and the ledger disagree."""
    kind = {"nr": "KalshiNR", "rt": "KalshiRT"}[seat]
    orders = joined[seat].orders.snapshot()
    found = differences(joined.venue.ledger, f"{kind}/{joined.key_ids[seat]}", orders)
    return found + position_differences(joined.venue.ledger, "alpha", joined.gateway.positions.snapshot())


async def test_fills_that_nobody_heard_of_come_with_a_query(desk: Opener) -> None:
    async with desk(NR) as joined:
        order = await joined.submit("nr", limit(BUY, 10, "0.40"))
        joined.venue.pause_reports(joined.key_ids["nr"])
        joined.venue.fill(order.cl_ord_id, Decimal(4))
        await lose(joined)
        assert order.cum_qty == 0
        assert joined["nr"].client(Recovery).due
        recovered = await joined["nr"].client(Recovery).recover()
        assert [report.exec_type for report in recovered.reports] == ["0", "F"]
        assert (order.cum_qty, order.state) == (4, OrderState.PARTIALLY_FILLED)
        assert wrong(joined) == []
        assert not joined["nr"].client(Recovery).due


async def test_an_order_whose_acceptance_was_lost_is_acknowledged(desk: Opener) -> None:
    async with desk(NR) as joined:
        joined.venue.pause_reports(joined.key_ids["nr"])
        order = await joined.submit("nr", limit(BUY, 10, "0.40"))
        await lose(joined)
        assert order.ending is Ending.UNKNOWN
        recovered = await joined["nr"].client(Recovery).recover()
        assert (order.ending, order.state, recovered.settled) == (Ending.ACKNOWLEDGED, OrderState.NEW, ())


async def test_what_never_arrived_may_be_sent_again(desk: Opener) -> None:
    async with desk(NR) as joined:
        standing = await joined.submit("nr", limit(BUY, 10, "0.40"))
        order = joined["nr"].orders.place(limit(BUY, 10, "0.41"))
        cancel = joined["nr"].orders.request_cancel(standing)
        await lose(joined)
        recovered = await joined["nr"].client(Recovery).recover()
        assert recovered.settled == (order.request, cancel)
        assert (order.ending, order.state) == (Ending.NOT_SENT, OrderState.NOT_SENT)
        assert (cancel.ending, standing.state) == (Ending.NOT_SENT, OrderState.NEW)
        again = await joined["nr"].orders.retry(order)
        await again.acknowledged(timeout=1)
        assert wrong(joined) == []


async def test_a_mass_cancel_that_never_arrived_leaves_its_orders_open(desk: Opener) -> None:
    async with desk(NR) as joined:
        order = await joined.submit("nr", limit(BUY, 10, "0.40"))
        mass_cancel = joined["nr"].orders.request_mass_cancel()
        await lose(joined)
        await joined["nr"].client(Recovery).recover()
        assert (mass_cancel.ending, order.open) == (Ending.NOT_SENT, True)


async def test_a_mass_cancel_whose_answer_was_lost_is_known_by_its_orders(desk: Opener) -> None:
    async with desk(NR) as joined:
        await joined.submit("nr", limit(BUY, 10, "0.40"))
        joined.venue.pause_reports(joined.key_ids["nr"])
        mass_cancel = joined["nr"].orders.request_mass_cancel()
        await joined.settle()
        await lose(joined)
        await joined["nr"].client(Recovery).recover()
        assert mass_cancel.ending is Ending.ACKNOWLEDGED
        assert wrong(joined) == []


async def test_what_was_sent_just_now_stays_unknown(desk: Opener) -> None:
    async with desk(NR) as joined:
        order = joined["nr"].orders.place(limit(BUY, 10, "0.41"))
        await lose(joined)
        recovered = await joined["nr"].client(Recovery).recover(grace=60)
        assert recovered.unknown == (order.request,)
        assert joined["nr"].client(Recovery).due
        await asyncio.sleep(60)
        assert (await joined["nr"].client(Recovery).recover(grace=60)).settled == (order.request,)


async def test_what_the_venue_itself_does_not_know_comes_with_a_query(desk: Opener) -> None:
    async with desk(NR) as joined:
        await joined.submit("nr", limit(SELL, 3, "0.60"))
        joined.venue.fail_next(Failure.APPLIED)
        order = await joined.submit("nr", limit(BUY, 10, "0.40"))
        assert order.ending is Ending.UNKNOWN
        await joined["nr"].client(Recovery).recover()
        assert order.ending is Ending.ACKNOWLEDGED
        assert wrong(joined) == []


async def test_every_exchange_that_was_heard_of_is_asked(desk: Opener) -> None:
    async with desk(NR) as joined:
        orders = [await joined.submit("nr", limit(BUY, 10, "0.40", symbol=SHARD)) for _ in range(2)]
        joined.venue.pause_reports(joined.key_ids["nr"])
        joined.venue.fill(orders[0].cl_ord_id, Decimal(4))
        await lose(joined)
        await joined["nr"].client(Recovery).recover()
        assert orders[0].cum_qty == 4


async def test_a_session_that_may_not_ask_lets_another_one_do_it(desk: Opener) -> None:
    async with desk(RT) as joined:
        recovery = joined["rt"].client(Recovery)
        with pytest.raises(LocalError, match="name the DropCopy of another one"):
            await recovery.recover()
        await joined.submit("rt", limit(SELL, 3, "0.60"))
        joined.venue.fail_next(Failure.APPLIED)
        order = await joined.submit("rt", limit(BUY, 10, "0.40"))
        assert recovery.due
        await recovery.recover(joined["copy"].client(DropCopy))
        assert order.ending is Ending.ACKNOWLEDGED
        assert wrong(joined, "rt") == []


async def test_a_session_that_is_down_can_not_recover(desk: Opener) -> None:
    async with desk(NR) as joined:
        await joined["nr"].stop()
        with pytest.raises(NotLoggedOn, match="recover when it is"):
            await joined["nr"].client(Recovery).recover()


async def test_where_the_doubt_began_outlives_a_restart(desk: Opener) -> None:
    async with desk(NR) as joined:
        order = await joined.submit("nr", limit(BUY, 10, "0.40"))
        joined.venue.pause_reports(joined.key_ids["nr"])
        joined.venue.fill(order.cl_ord_id, Decimal(4))
        await lose(joined)
        recovery = joined["nr"].client(Recovery)
        former = recovery.dump()
        await recovery.recover()
        recovery.load(former)
        assert recovery.due
        recovered = await recovery.recover()
        assert [report.exec_type for report in recovered.reports] == ["0", "F"]


async def test_what_is_older_than_the_venue_tells_is_refused_and_settles_nothing(desk: Opener) -> None:
    async with desk(NR) as joined:
        await joined.submit("nr", limit(BUY, 10, "0.40"))
        await asyncio.sleep(4 * 3_600)
        order = joined["nr"].orders.place(limit(BUY, 10, "0.41"))
        await lose(joined)
        with pytest.raises(ResendRefused) as caught:
            await joined["nr"].client(Recovery).recover()
        assert caught.value.reason is EventResendRejectReason.BEGIN_EXEC_ID_TOO_SMALL
        assert order.ending is Ending.UNKNOWN
