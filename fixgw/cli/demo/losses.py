"""Acts in which reports are lost with their connection, and come back: sent again, or asked for."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from fixgw.cli.demo.stage import (
    COPY,
    HIGH,
    LOGON,
    NR,
    RATE,
    RT,
    Seat,
    Stage,
    dollars,
    entered,
    limit,
    standing,
    until,
)
from fixgw.engine.ending import LinkEnd
from fixgw.engine.handle import SessionHandle
from fixgw.handlers.order import Ending, Order
from fixgw.messages.order_entry import Side
from fixgw.venues.kalshi.dropcopy import DropCopy
from fixgw.venues.kalshi.messages import NewOrderSingle
from fixgw.venues.kalshi.recovery import Recovery

BUY = Side.BUY


async def recover_by_resend(stage: Stage) -> None:
    """KalshiRT: the numbers go on after the next Logon, and the venue sends what was missed."""
    handle = stage.desk[RT.name]
    before = handle.snapshot().session.tally.recovered
    stage.venue.pause_reports(stage.key_id(RT))
    wanted = (("lost-1", "0.41"), ("lost-2", "0.42"), ("lost-3", "0.43"))
    orders = [await _unheard(stage, RT, limit(name, HIGH, BUY, 5, price)) for name, price in wanted]
    for order in orders:
        stage.step(order.cl_ord_id, f"buy 5 at {dollars(order.price)}", standing(order))
    stage.offer(HIGH, "0.42", 7)
    await _back(handle, _cut(stage, RT))
    await until(lambda: all(order.ending is Ending.ACKNOWLEDGED for order in orders), LOGON)
    stage.note("the venue holds reports back; somebody sells 7 at 0.42; the connection is reset")
    again = handle.snapshot().session.tally.recovered - before
    stage.note(f"logged on again, the missing numbers are asked for: {again} reports come again")
    for order in orders:
        stage.step(order.cl_ord_id, "", standing(order))


async def recover_by_drop_copy(stage: Stage) -> None:
    """KalshiNR: nothing comes again, so the drop copy is asked, and the order book brought up to date."""
    handle = stage.desk[NR.name]
    filled = await entered(handle.orders, limit("gone-1", RATE, BUY, 10, "0.44"))
    stage.step("gone-1", "buy 10 at 0.44", standing(filled))
    stage.venue.pause_reports(stage.key_id(NR))
    stage.venue.fill("gone-1", Decimal(4))
    stage.step("", "4 fill, but the venue holds reports back", standing(filled))
    unheard = await _unheard(stage, NR, limit("gone-2", RATE, BUY, 5, "0.43"))
    stage.step("gone-2", "buy 5 at 0.43", standing(unheard))
    ended = _cut(stage, NR)
    never = await handle.orders.submit(limit("gone-3", RATE, BUY, 5, "0.42"))
    stage.step("gone-3", "buy 5 at 0.42, as the connection is reset", standing(never))
    await _back(handle, ended)
    orders = (filled, unheard, never)
    stage.note("logged on again; no report comes a second time")
    before = [standing(order) for order in orders]
    recovered = await handle.client(Recovery).recover(stage.desk[COPY.name].client(DropCopy), grace=0)
    count = len(recovered.reports)
    stage.note(f"KalshiDC is asked for all since the last report that was heard: {count} reports")
    for order, known in zip(orders, before, strict=True):
        stage.step(order.cl_ord_id, f"before: {known}", f"now: {standing(order)}")


async def _unheard(stage: Stage, seat: Seat, order: NewOrderSingle) -> Order:
    """Send an order, and return it once the venue has it, though it does not say so."""
    sent = await stage.desk[seat.name].orders.submit(order)
    name = stage.venue_name(seat)
    await until(lambda: stage.venue.ledger.find(name, sent.cl_ord_id) is not None)
    return sent


def _cut(stage: Stage, seat: Seat) -> asyncio.Future[LinkEnd]:
    """Reset a session's connection; return what is done when this side has noticed."""
    ended = asyncio.ensure_future(stage.desk[seat.name].link.ended())
    stage.venue.cut(stage.key_id(seat))
    return ended


async def _back(handle: SessionHandle, ended: asyncio.Future[LinkEnd]) -> None:
    async with asyncio.timeout(LOGON):
        await ended
        await handle.logged_on()
