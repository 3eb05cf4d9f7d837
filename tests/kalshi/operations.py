"""What two desks may do in a random day, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from fixgw.messages.order_entry import ExecInst, Side, TimeInForce
from fixgw.sim.admission import Trading
from fixgw.sim.failures import Failure
from fixgw.sim.faults import Direction, Fault, FaultRule
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.asks import RequestState
from fixgw.venues.kalshi.groups import OrderGroups
from fixgw.venues.kalshi.messages import NewOrderSingle, SelfTradePreventionType
from fixgw.venues.kalshi.quotes import QuoteState
from tests.kalshi.desk import FINE, MARKET, SHARD, STORM
from tests.kalshi.floor import Day, Floor, Group, Trader

ODDS = 0.0003  # of each trouble, for each frame
LIVES = {
    TimeInForce.GOOD_TILL_CANCEL: 60,
    TimeInForce.IMMEDIATE_OR_CANCEL: 15,
    TimeInForce.FILL_OR_KILL: 5,
    TimeInForce.DAY: 8,
    TimeInForce.GOOD_TILL_DATE: 12,
}
SYMBOLS = {MARKET: 5, FINE: 2, STORM: 2, SHARD: 2}


async def place(floor: Floor) -> None:
    """Send an order of any kind."""
    rng, trader = floor.rng, floor.trader()
    symbol, life = floor.one_of(SYMBOLS), floor.one_of(LIVES)
    fields: dict[str, Any] = {"self_trade_prevention_type": rng.choice([None, *SelfTradePreventionType])}
    if life is TimeInForce.GOOD_TILL_DATE:
        seconds = floor.venue.now().utc_ns / 1e9 + rng.randint(1, 90)
        fields["expire_time"] = datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(seconds))
    if rng.random() < 0.1:
        reduces = life is TimeInForce.IMMEDIATE_OR_CANCEL
        fields["exec_inst"] = (ExecInst.DO_NOT_INCREASE if reduces else ExecInst.PARTICIPATE_DONT_INITIATE,)
    if rng.random() < 0.03:
        fields["max_execution_cost"] = Decimal(rng.randint(1, 8))
    groups = [group for group in trader.groups if group.limit is not None]
    if groups and rng.random() < 0.2:
        fields["secondary_cl_ord_id"] = rng.choice(groups).made.order_group_id
    elif rng.random() < 0.1:
        fields["alloc_account"] = "1"
    order = await trader.handle.orders.submit(
        NewOrderSingle(
            cl_ord_id=floor.new_id(),
            symbol=symbol,
            side=rng.choice((Side.BUY, Side.SELL)),
            order_qty=floor.size(),
            price=floor.price(symbol),
            time_in_force=life,
            **fields,
        )
    )
    trader.sent.append(order)
    trader.live.append(order)


async def change(floor: Floor) -> None:
    """Replace an order: another price, another quantity, or both."""
    trader = floor.trader()
    order = floor.live_order(trader)
    price = floor.price(order.symbol) if floor.rng.random() < 0.7 else None
    qty = floor.size() + order.cum_qty if price is None or floor.rng.random() < 0.5 else None
    await trader.handle.orders.replace(order, price=price, order_qty=qty)


async def cancel(floor: Floor) -> None:
    """Cancel an order."""
    trader = floor.trader()
    await trader.handle.orders.cancel(floor.live_order(trader))


async def cancel_all(floor: Floor) -> None:
    """Cancel every order of a session that can."""
    await floor.traders[floor.rng.choice(("second", "nr"))].handle.orders.mass_cancel()


async def wait(floor: Floor) -> None:
    """Let time pass."""
    await asyncio.sleep(floor.rng.expovariate(1.0))


async def fail(floor: Floor) -> None:
    """Let the exchange fail behind the venue's gateway."""
    rng = floor.rng
    failure = rng.choice(list(Failure))
    floor.venue.fail_next(failure, msg_type=rng.choice("DDFG"), key_id=floor.trader().name.split("/")[1])


async def pause(floor: Floor) -> None:
    """Let the venue trade no more for a while."""
    floor.venue.pause(floor.rng.choice((Trading.PAUSED, Trading.EXCHANGE_PAUSED)))
    floor.later("pause", _open_later(floor.venue, floor.rng.uniform(0.1, 2)))


async def _open_later(venue: Simulator, seconds: float) -> None:
    await asyncio.sleep(seconds)
    venue.pause(Trading.OPEN)


async def drop(floor: Floor) -> None:
    """Lose a connection, or all of them, with whatever is on its way."""
    rng, venue = floor.rng, floor.venue
    name = rng.choice(list(floor.handles))
    key_id = venue.keys[name].key_id
    kind = rng.choice(("cut", "cut", "deaf", "leave", "network"))
    if kind == "deaf":  # what the venue says until the cut is lost
        venue.pause_reports(key_id)
        floor.later("drop", _cut_later(venue, key_id, rng.random()))
    elif kind == "leave":
        await floor.handles[name].reconnect()
    elif kind == "network":
        assert venue.settings.network is not None
        venue.settings.network.cut()
    else:
        venue.cut(key_id)


async def _cut_later(venue: Simulator, key_id: str, seconds: float) -> None:
    await asyncio.sleep(seconds)
    if not venue.cut(key_id):
        venue.resume_reports(key_id)


async def group(floor: Floor) -> None:
    """Make, change, reset, trigger or end an order group."""
    trader = floor.trader()
    living = [one for one in trader.groups if one.limit is not None]
    action = floor.rng.choice(("create", "update", "reset", "trigger", "delete"))
    if action == "create" or not living:
        if len(living) < 4:
            floor.later("group", make_group(trader, floor.rng.randint(5, 60)))
        return
    chosen = floor.rng.choice(living)
    floor.later("group", floor.change_group(trader, chosen, action, floor.rng.randint(5, 60)))


async def make_group(trader: Trader, limit: int) -> None:
    """Make a group; one of which nobody knows whether it was made is used by nobody."""
    made = await trader.handle.client(OrderGroups).create(limit)
    trader.groups.append(Group(made, limit))


async def ask(floor: Floor) -> None:
    """Ask for quotes, or close a request."""
    open_ones = [one for one in floor.creator.requests.values() if one.state is RequestState.OPEN]
    if open_ones and floor.rng.random() < 0.2:
        floor.later("close", floor.creator.cancel(floor.rng.choice(open_ones)))
        return
    floor.later("ask", _ask(floor, floor.rng.choice((MARKET, STORM)), floor.size()))


async def _ask(floor: Floor, symbol: str, qty: Decimal) -> None:
    rest, again = floor.rng.random() < 0.3, floor.rng.random() < 0.3
    await floor.creator.request(symbol, order_qty=qty, rest_remainder=rest, replace_existing=again)


async def quote(floor: Floor) -> None:
    """Answer a request, or take a quote back."""
    rng = floor.rng
    standing = [one for one in floor.maker.quotes[-50:] if one.state is QuoteState.PENDING]
    if standing and rng.random() < 0.1:
        floor.later("withdraw", floor.maker.cancel(rng.choice(standing)))
        return
    requests = [one for one in floor.maker.open_requests.values() if one.withdrawn is None]
    if requests:
        bid = Decimal(rng.randint(40, 50)) / 100
        offer = Decimal(rng.randint(35, 50)) / 100 if rng.random() < 0.8 else None
        floor.maker.quote(rng.choice(requests), bid_px=bid, offer_px=offer, post_only=rng.random() < 0.1)


async def accept(floor: Floor) -> None:
    """Take a quote."""
    quoted = [one for one in floor.creator.requests.values() if one.state is RequestState.OPEN and one.quotes]
    if quoted:
        side = floor.rng.choice((Side.BUY, Side.SELL))
        best = floor.rng.choice(quoted).best(side)
        if best is not None:
            floor.later("accept", _accept(floor, best, side))


async def _accept(floor: Floor, best: Any, side: Side) -> None:
    await floor.creator.accept(best, side, cl_ord_id=floor.new_id())


async def confirm(floor: Floor) -> None:
    """Stand by a quote that was taken."""
    for taken in floor.maker.quotes:
        if taken.state is QuoteState.ACCEPTED:
            floor.later("confirm", floor.maker.confirm(taken))
            return


OPERATIONS: Mapping[Callable[[Floor], Awaitable[None]], float] = {
    place: 50,
    change: 13,
    cancel: 17,
    cancel_all: 0.3,
    group: 1,
    ask: 1,
    quote: 2,
    accept: 1,
    confirm: 2,
    wait: 4,
    fail: 0.5,
    pause: 0.1,
    drop: 1,
}


def troubles(until: float) -> Iterator[FaultRule]:
    """Yield what goes wrong with frames, now and then.

    What a client sends gets lost with its connection alone: else nobody would ever hear of it.

    Args:
        until: seconds from the venue's start.
    """
    for fault in (Fault.DROP, Fault.GARBLE, Fault.GAP, Fault.DISCONNECT, Fault.DELAY):
        yield FaultRule(fault, probability=ODDS, until=until, lasts=0.2 if fault is Fault.DELAY else None)
    yield FaultRule(Fault.DISCONNECT, direction=Direction.TO_VENUE, probability=ODDS, until=until)
    yield FaultRule(Fault.REJECT, probability=ODDS, until=until)


DAY = Day(OPERATIONS, troubles)
