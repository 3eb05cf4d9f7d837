"""Acts in which orders live and end: both order sessions, races, and an order group."""

from __future__ import annotations

from decimal import Decimal

from fixgw.cli.demo.stage import ANSWER, HIGH, NR, RATE, Stage, dollars, entered, limit, plain, standing
from fixgw.errors import Rejected
from fixgw.handlers.order import Order, Request
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.venues.kalshi.groups import OrderGroups

BUY, SELL = Side.BUY, Side.SELL


async def trade(stage: Stage) -> None:
    """Orders that rest, fill, fill in part, are replaced, cancelled and refused."""
    orders = stage.rt
    resting = await entered(orders, limit("rt-1", HIGH, BUY, 10, "0.40"))
    stage.step("rt-1", "buy 10 at 0.40, where nobody sells", standing(resting))
    stage.offer(HIGH, "0.50", 4)
    partly = await entered(orders, limit("rt-2", HIGH, BUY, 10, "0.50"))
    stage.step("rt-2", "buy 10 at 0.50, where 4 are offered", standing(partly))
    await (await orders.cancel(partly)).acknowledged(ANSWER)
    stage.step("", "cancel the rest", standing(partly))
    changed = await entered(orders, limit("rt-3", HIGH, SELL, 5, "0.70"))
    request = await orders.replace(changed, price=Decimal("0.65"), order_qty=Decimal(8))
    await request.acknowledged(ANSWER)
    stage.step("rt-3", "sell 5 at 0.70, replaced by 8 at 0.65", standing(changed))
    stage.offer(HIGH, "0.40", 10)
    await resting.closed(ANSWER)
    stage.step("rt-1", "somebody sells 10 at 0.40", standing(resting))
    stage.bid(HIGH, "0.55", 6)
    closing = await entered(orders, limit("rt-4", HIGH, SELL, 6, "0.55"))
    await closing.closed(ANSWER)
    stage.step("rt-4", "sell 6 of the 14 at 0.55, where somebody bids", standing(closing))
    at_once = limit("rt-5", HIGH, BUY, 3, "0.60", time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
    immediate = await entered(orders, at_once)
    await immediate.closed(ANSWER)
    stage.step("rt-5", "buy 3 at 0.60 at once or not at all", standing(immediate))
    await _refused(stage)


async def _refused(stage: Stage) -> None:
    order = await stage.rt.submit(limit("rt-6", "NO-SUCH-MARKET", BUY, 1, "0.50"))
    told = await _refusal(order.request)
    stage.step("rt-6", "buy 1 in a market that does not exist", standing(order))
    stage.answer(told)


async def _refusal(request: Request) -> str:
    """Return what the venue says against a request, and what that means."""
    try:
        await request.acknowledged(ANSWER)
    except Rejected as refused:
        return str(refused)
    return "the venue has taken it"


async def trade_without_retransmission(stage: Stage) -> None:
    """The other session for orders, the only one that can cancel everything at once."""
    orders = stage.nr
    resting = [
        await entered(orders, limit(name, RATE, BUY, 10, price))
        for name, price in (("nr-1", "0.30"), ("nr-2", "0.31"), ("nr-3", "0.32"))
    ]
    stage.step("nr-1..3", "buy 10 each at 0.30, 0.31 and 0.32", f"{len(orders.open)} open")
    everything = await orders.mass_cancel()
    await everything.acknowledged(ANSWER)
    for order in resting:
        await order.closed(ANSWER)
    stage.step("", "cancel everything with one message", f"{len(orders.open)} open")
    stage.offer(RATE, "0.45", 6)
    bought = await entered(orders, limit("nr-4", RATE, BUY, 6, "0.45"))
    await bought.closed(ANSWER)
    stage.step("nr-4", "buy 6 at 0.45", standing(bought))
    stage.bid(RATE, "0.48", 2)
    sold = await entered(orders, limit("nr-5", RATE, SELL, 2, "0.48"))
    await sold.closed(ANSWER)
    stage.step("nr-5", "sell 2 of them at 0.48", standing(sold))


async def race(stage: Stage) -> None:
    """Replaces that cross with fills, and with each other."""
    orders = stage.rt
    partly = await entered(orders, limit("race-1", RATE, SELL, 10, "0.70"))
    stage.step("race-1", "sell 10 at 0.70", standing(partly))
    stage.venue.fill("race-1", Decimal(4))
    crossing = _crossing(stage, partly)
    await (await orders.replace(partly, order_qty=Decimal(8))).acknowledged(ANSWER)
    stage.step("", f"ask for 8 in all: {crossing}", standing(partly))
    whole = await entered(orders, limit("race-2", RATE, SELL, 5, "0.69"))
    stage.step("race-2", "sell 5 at 0.69", standing(whole))
    stage.venue.fill("race-2", Decimal(5))
    crossing = _crossing(stage, whole)
    told = await _refusal(await orders.replace(whole, price=Decimal("0.68")))
    stage.step("", f"ask for 0.68: {crossing}", standing(whole))
    stage.answer(told)
    twice = await entered(orders, limit("race-3", RATE, SELL, 3, "0.75"))
    stage.step("race-3", "sell 3 at 0.75", standing(twice))
    requests = [await orders.replace(twice, price=Decimal(price)) for price in ("0.74", "0.73")]
    for request in requests:
        await request.acknowledged(ANSWER)
    stage.step(
        "", "ask for 0.74 and, before any answer, for 0.73", f"{standing(twice)} at {dollars(twice.price)}"
    )


def _crossing(stage: Stage, order: Order) -> str:
    """Say what the venue has filled of an order, and how much of it the desk has heard of."""
    filled = stage.venue.ledger.order(order.cl_ord_id).cum
    return f"{plain(filled)} are filled, {plain(order.cum_qty)} are heard of"


async def trip_a_group(stage: Stage) -> None:
    """More fills than the group's limit: the venue cancels what is left of its orders."""
    orders, groups = stage.nr, stage.desk[NR.name].client(OrderGroups)
    group = await groups.create(5)
    stage.note(f"a group, of whose orders {group.contracts_limit} contracts may fill in any 15 seconds")
    member = {"secondary_cl_ord_id": group.order_group_id}
    first = await entered(orders, limit("grp-1", RATE, BUY, 10, "0.40", **member))
    second = await entered(orders, limit("grp-2", RATE, BUY, 10, "0.39", **member))
    stage.step("grp-1", "buy 10 at 0.40", standing(first))
    stage.step("grp-2", "buy 10 at 0.39", standing(second))
    stage.venue.fill("grp-1", Decimal(6))
    for order in (first, second):
        await order.closed(ANSWER)
    stage.step("grp-1", "6 of it fill, one more than the limit", standing(first))
    stage.step("grp-2", "", standing(second))
    late = await orders.submit(limit("grp-3", RATE, BUY, 1, "0.40", **member))
    told = await _refusal(late.request)
    stage.step("grp-3", "a further order of the group", standing(late))
    stage.answer(told)
    await groups.reset(group)
    again = await entered(orders, limit("grp-4", RATE, BUY, 1, "0.40", **member))
    stage.step("grp-4", "and one after the group was reset", standing(again))
