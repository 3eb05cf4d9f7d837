"""The venue's table of ExecutionReports, row by row: what is on the wire, and what the desk makes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fixgw.handlers.order import Ending, Order, OrderState
from fixgw.messages.order_entry import ExecInst, TimeInForce
from fixgw.sim.admission import Trading
from fixgw.sim.messagelog import LoggedFrame
from fixgw.sim.orders import Holder, State
from fixgw.sim.quirks import Quirks
from fixgw.venues.kalshi.groups import OrderGroups
from fixgw.venues.kalshi.messages import (
    CollateralAmountType,
    ExecutionReport,
    NewOrderSingle,
    OrderMassCancelRequest,
    SelfTradePreventionType,
)
from tests.kalshi.covers import Words, covers, rows_by_kind
from tests.kalshi.desk import BUY, MARKET, SELL, Joined, Opener, Seat, limit

BOTH = ("orders-nr", "orders-rt")
IOC, FOK = TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL
DAY, GTD = TimeInForce.DAY, TimeInForce.GOOD_TILL_DATE
POST_ONLY, REDUCE_ONLY = (ExecInst.PARTICIPATE_DONT_INITIATE,), (ExecInst.DO_NOT_INCREASE,)
BY_MAKER = SelfTradePreventionType.MAKER
PENDING = {"skip_pending_exec_reports": False}
END_OF_DAY = "20261010-03:59:59.999"
NEW = "8|150=0|39=0|38=10.00|151=10.00|14=0.00|30=0|60|!58|!31"
HALF = "8|150=F|39=1|32=4.00|31=0.6000|151=6.00|14=4.00|6=0.6000"
WHOLE = "8|150=F|39=2|32=10.00|31=0.6000|151=0.00|14=10.00|6=0.6000"
GONE = "8|150=4|39=4|38=0.00|151=0.00|14=0.00|30=0|60"

Act = Callable[[Joined, Order], Awaitable[None]]


@dataclass(frozen=True)
class Report:
    """A row of the table.

    Args:
        what: the event.
        order: makes the order that it is about.
        reports: every frame that comes for it.
        state: where the order stands then.
        book: orders of the house that were there before: side, contracts, price.
        then: what happens to the order.
        flags: Logon options beside the usual ones.
        cum: contracts that have filled.
        text: the words of the venue that the order bears.
        spoken: the messages that are driven.
    """

    what: str
    order: Callable[[], NewOrderSingle]
    reports: tuple[str, ...]
    state: OrderState
    book: tuple[tuple[Any, int, str], ...] = ()
    then: Act | None = None
    flags: Mapping[str, bool] = field(default_factory=dict)
    cum: int = 0
    text: str = ""
    spoken: str = "D, 8"


@dataclass(frozen=True)
class Flagged:
    """A row with Logon options.

    Args:
        what: the event.
        spoken: the messages that are driven.
        flags: Logon options beside the usual ones.
        kind_of_end: ExecType(150) of the last report.
    """

    what: str
    spoken: str
    flags: Mapping[str, bool]
    kind_of_end: str


def an_order() -> NewOrderSingle:
    return limit(BUY, 10, "0.60")


def with_life(life: TimeInForce, **more: Any) -> Callable[[], NewOrderSingle]:
    return lambda: limit(BUY, 10, "0.60", life, **more)


async def cancel(desk: Joined, order: Order) -> None:
    request = await desk["desk"].orders.cancel(order)
    await request.acknowledged(timeout=1)


async def replace_price(desk: Joined, order: Order) -> None:
    request = await desk["desk"].orders.replace(order, price=Decimal("0.55"))
    await request.acknowledged(timeout=1)


async def replace_to_filled(desk: Joined, order: Order) -> None:
    desk.venue.fill(order.cl_ord_id, Decimal(4))
    await desk.settle()
    request = await desk["desk"].orders.replace(order, order_qty=Decimal(4))
    await request.acknowledged(timeout=1)


async def replace_with_deadline(desk: Joined, order: Order) -> None:
    await desk["desk"].orders.replace(order, time_in_force=DAY)


async def fill_some(desk: Joined, order: Order) -> None:
    desk.venue.fill(order.cl_ord_id, Decimal(4))


async def fill_all(desk: Joined, order: Order) -> None:
    desk.venue.fill(order.cl_ord_id, Decimal(4))
    desk.venue.fill(order.cl_ord_id, Decimal(6))


async def close_market(desk: Joined, order: Order) -> None:
    desk.venue.close_market(MARKET)


async def raise_floor(desk: Joined, order: Order) -> None:
    desk.venue.raise_floor(MARKET, Decimal("0.60"))


async def pause(desk: Joined, order: Order) -> None:
    desk.venue.pause(Trading.PAUSED)


TABLE = (
    Report(
        "received",
        an_order,
        ("8|150=A|39=A|17=-1;-1|!30|38=10.00|151=10.00", NEW),
        OrderState.NEW,
        flags=PENDING,
    ),
    Report("accepted, rests", an_order, (NEW,), OrderState.NEW),
    Report(
        "accepted and trades in part at once, New folded",
        an_order,
        (HALF,),
        OrderState.PARTIALLY_FILLED,
        book=((SELL, 4, "0.60"),),
        cum=4,
    ),
    Report(
        "accepted and trades at once, New folded",
        an_order,
        (WHOLE,),
        OrderState.FILLED,
        book=((SELL, 10, "0.60"),),
        cum=10,
    ),
    Report(
        "accepted and trades at once, New apart",
        an_order,
        (NEW, WHOLE),
        OrderState.FILLED,
        book=((SELL, 10, "0.60"),),
        flags={"always_emit_new_before_trade": True},
        cum=10,
    ),
    Report("fill in part", an_order, (NEW, HALF), OrderState.PARTIALLY_FILLED, then=fill_some, cum=4),
    Report(
        "fills to the end",
        an_order,
        (NEW, HALF, "8|150=F|39=2|32=6.00|151=0.00|14=10.00"),
        OrderState.FILLED,
        then=fill_all,
        cum=10,
    ),
    Report(
        "IOC, nothing filled",
        with_life(IOC),
        (GONE + "|58=IMMEDIATE_OR_CANCELLED",),
        OrderState.CANCELED,
        text="IMMEDIATE_OR_CANCELLED",
    ),
    Report(
        "IOC, partly filled, no report of the rest",
        with_life(IOC),
        (HALF,),
        OrderState.CANCELED,
        book=((SELL, 4, "0.60"),),
        cum=4,
    ),
    Report(
        "IOC, partly filled, the rest reported",
        with_life(IOC),
        (HALF, "8|150=4|39=4|38=4.00|14=4.00|151=0.00|58=IMMEDIATE_OR_CANCELLED"),
        OrderState.CANCELED,
        book=((SELL, 4, "0.60"),),
        flags={"enable_ioc_cancel_report": True},
        cum=4,
        text="IMMEDIATE_OR_CANCELLED",
    ),
    Report(
        "FOK not fillable",
        with_life(FOK),
        (GONE + "|58=FOK_INSUFFICIENT_VOLUME",),
        OrderState.CANCELED,
        book=((SELL, 4, "0.60"),),
        text="FOK_INSUFFICIENT_VOLUME",
    ),
    Report(
        "post-only would cross",
        lambda: limit(BUY, 10, "0.60", exec_inst=POST_ONLY),
        (GONE + "|58=POST_ONLY_CROSS",),
        OrderState.CANCELED,
        book=((SELL, 4, "0.60"),),
        text="POST_ONLY_CROSS",
    ),
    Report(
        "reduce-only with no position",
        with_life(IOC, exec_inst=REDUCE_ONLY),
        (GONE + "|58=REDUCE_ONLY",),
        OrderState.CANCELED,
        book=((SELL, 4, "0.60"),),
        text="REDUCE_ONLY",
    ),
    Report(
        "cancel requested and done",
        an_order,
        ("8|150=A|39=A", NEW, "8|150=6|39=6|17=-1;-1|41", GONE + "|41|!58"),
        OrderState.CANCELED,
        then=cancel,
        flags=PENDING,
        spoken="D, F, 8",
    ),
    Report(
        "cancelled by F",
        an_order,
        (NEW, GONE + "|41|!58"),
        OrderState.CANCELED,
        then=cancel,
        spoken="D, F, 8",
    ),
    Report(
        "cancelled by F, OrderQty kept",
        an_order,
        (NEW, "8|150=4|39=4|38=10.00|151=0.00|14=0.00"),
        OrderState.CANCELED,
        then=cancel,
        flags={"preserve_original_order_qty": True},
        spoken="D, F, 8",
    ),
    Report(
        "cancelled by a pause",
        lambda: limit(BUY, 10, "0.60", cancel_order_on_pause=True),
        (NEW, GONE + "|!58"),
        OrderState.CANCELED,
        then=pause,
    ),
    Report("kept over a pause", an_order, (NEW,), OrderState.NEW, then=pause),
    Report(
        "replace requested and done",
        an_order,
        ("8|150=A|39=A", NEW, "8|150=E|39=E|17=-1;-1|41", "8|150=5|39=5|41|44=0.5500|59=1|!126"),
        OrderState.NEW,
        then=replace_price,
        flags=PENDING,
        spoken="D, G, 8",
    ),
    Report(
        "replaced",
        an_order,
        (NEW, "8|150=5|39=5|41|44=0.5500|38=10.00|151=10.00|59=1|!126"),
        OrderState.NEW,
        then=replace_price,
        spoken="D, G, 8",
    ),
    Report(
        "replaced with a deadline",
        an_order,
        (NEW, f"8|150=5|39=5|41|59=6|126={END_OF_DAY}"),
        OrderState.NEW,
        then=replace_with_deadline,
        spoken="D, G, 8",
    ),
    Report(
        "replaced to what has filled",
        an_order,
        (NEW, HALF, "8|150=4|39=4|38=4.00|14=4.00|151=0.00|41"),
        OrderState.CANCELED,
        then=replace_to_filled,
        cum=4,
        spoken="D, G, 8",
    ),
    Report(
        "market closes",
        an_order,
        (NEW, GONE + "|58=CloseCancel"),
        OrderState.CANCELED,
        then=close_market,
        text="CloseCancel",
    ),
    Report(
        "market closes, told as Expired",
        an_order,
        (NEW, "8|150=C|39=C|151=0.00|58=CloseCancel"),
        OrderState.EXPIRED,
        then=close_market,
        flags={"use_expired_ord_status": True},
        text="CloseCancel",
    ),
    Report(
        "settlement floor raised",
        an_order,
        (NEW, GONE + "|58=SETTLEMENT_BOUNDS_CANCEL"),
        OrderState.CANCELED,
        then=raise_floor,
        text="SETTLEMENT_BOUNDS_CANCEL",
    ),
    Report(
        "rejected",
        lambda: limit(BUY, 10, "0.605"),
        ("8|150=8|39=8|17=-1;-1|103=11|58=INVALID_ORDER|!30|38=10.00",),
        OrderState.REJECTED,
        text="INVALID_ORDER",
    ),
    Report(
        "rejected, received before",
        lambda: limit(BUY, 10, "0.605"),
        ("8|150=A|39=A", "8|150=8|39=8|17=-1;-1|103=11|58=INVALID_ORDER"),
        OrderState.REJECTED,
        flags=PENDING,
        text="INVALID_ORDER",
    ),
)


@rows_by_kind(TABLE, *BOTH)
async def test_a_row(desk: Opener, kind: str, row: Report) -> None:
    async with desk({"desk": Seat(kind, options=row.flags)}) as joined:
        for side, qty, price in row.book:
            joined.rest(side, qty, price)
        order = await joined.submit("desk", row.order())
        if row.then is not None:
            await row.then(joined, order)
        reports = await joined.heard("desk", *row.reports)
        assert_ids(reports, order)
        assert (order.state, order.cum_qty, order.text) == (row.state, Decimal(row.cum), row.text)
        assert order.open is (row.state in (OrderState.NEW, OrderState.PARTIALLY_FILLED))
        refused = row.state is OrderState.REJECTED
        assert order.ending is (Ending.REFUSED if refused else Ending.ACKNOWLEDGED)


def assert_ids(reports: list[LoggedFrame], order: Order) -> None:
    """Only what the exchange has done has an ExecID of its own; these rise."""
    real = [report.get(17) for report in reports if report.get(150) not in ("A", "6", "E", "8")]
    rising = sorted(set(real), key=lambda exec_id: [int(part) for part in (exec_id or "").split(";")])
    assert real == rising
    assert len({report.get(37) for report in reports}) == 1
    assert order.state is OrderState.REJECTED or reports[0].get(37) == order.order_id


@rows_by_kind([Words("self-trade prevention cancels the taker", "D, 8")], *BOTH)
async def test_of_two_own_orders_the_incoming_one_goes(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        resting = await joined.submit("desk", limit(SELL, 10, "0.60"))
        joined.rest(SELL, 4, "0.58")
        joined.look()
        taker = await joined.submit("desk", limit(BUY, 10, "0.60"))
        await joined.heard(
            "desk",
            "8|150=F|39=1|32=4.00|31=0.5800",
            "8|150=4|39=4|38=4.00|14=4.00|151=0.00|58=TAKER_CANCEL_FOR_SELF_TRADE_PREVENTION",
        )
        assert (taker.state, resting.state) == (OrderState.CANCELED, OrderState.NEW)
        assert taker.text == "TAKER_CANCEL_FOR_SELF_TRADE_PREVENTION"


@dataclass(frozen=True)
class Crossed:
    """An incoming order that would meet one of its own account, in the venue's other words.

    Args:
        what: the event.
        reports: every frame that comes for it.
        text: the words.
        before: contracts of the house at a better price.
        spoken: the messages that are driven.
    """

    what: str
    reports: tuple[str, ...]
    text: str
    before: int = 0
    spoken: str = "D, 8"


CROSSED = (
    Crossed("self-cross", (GONE,), "SELF_CROSS_ATTEMPT"),
    Crossed(
        "self-cross after a trade",
        ("8|150=F|39=1|32=4.00|31=0.5800", "8|150=4|39=4|38=4.00|14=4.00|151=0.00"),
        "SELF_CROSS_ATTEMPT_PARTIALLY_FILLED",
        before=4,
    ),
)


@rows_by_kind(CROSSED, *BOTH)
async def test_a_self_cross_in_the_venues_other_words(desk: Opener, kind: str, row: Crossed) -> None:
    async with desk({"desk": Seat(kind)}, quirks=Quirks(self_cross_attempt=True)) as joined:
        resting = await joined.submit("desk", limit(SELL, 10, "0.60"))
        if row.before:
            joined.rest(SELL, row.before, "0.58")
        joined.look()
        taker = await joined.submit("desk", limit(BUY, 10, "0.60"))
        *trades, end = row.reports
        await joined.heard("desk", *trades, f"{end}|58={row.text}")
        assert (taker.state, taker.text, resting.state) == (OrderState.CANCELED, row.text, OrderState.NEW)


@rows_by_kind([Words("self-trade prevention cancels the maker", "D, 8")], *BOTH)
async def test_of_two_own_orders_the_resting_one_goes(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        resting = await joined.submit("desk", limit(SELL, 10, "0.60"))
        joined.look()
        taker = await joined.submit("desk", limit(BUY, 10, "0.60", self_trade_prevention_type=BY_MAKER))
        reports = await joined.heard(
            "desk", "8|150=0|39=0", GONE + "|58=MAKER_CANCEL_FOR_SELF_TRADE_PREVENTION"
        )
        assert reports[1].get(11) == resting.cl_ord_id
        assert (taker.state, resting.state) == (OrderState.NEW, OrderState.CANCELED)
        assert resting.text == "MAKER_CANCEL_FOR_SELF_TRADE_PREVENTION"


@pytest.mark.parametrize("verb", ["trigger", "delete"])
@rows_by_kind([Words("order group triggered or deleted", "D, 8, UOG, UOH")], *BOTH)
async def test_what_an_order_group_takes_along(desk: Opener, kind: str, row: Words, verb: str) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        groups = joined.gateway.client(OrderGroups)
        group = await groups.create(100)
        member = await joined.submit("desk", limit(BUY, 10, "0.60", secondary_cl_ord_id=group.order_group_id))
        apart = await joined.submit("desk", limit(BUY, 10, "0.59"))
        joined.look()
        await getattr(groups, verb)(group)
        reports = await joined.heard("desk", "UOH|!20132|79=0", GONE + "|58=ORDER_GROUP_CANCEL")
        assert reports[1].get(41) == member.cl_ord_id
        assert (member.state, member.text) == (OrderState.CANCELED, "ORDER_GROUP_CANCEL")
        assert apart.state is OrderState.NEW


@covers("q orders-nr", "r orders-nr", "8 orders-nr")
async def test_cancelled_by_a_mass_cancel(desk: Opener) -> None:
    async with desk({"desk": Seat("orders-nr"), "other": Seat("orders-nr")}) as joined:
        mine = [await joined.submit("desk", limit(BUY, qty, "0.60")) for qty in (1, 2)]
        others = await joined.submit("other", limit(BUY, 3, "0.60"))
        joined.look()
        joined["desk"].send(OrderMassCancelRequest(cl_ord_id="sweep"))
        await joined.heard("desk", "r|11=sweep|37|531=6|!532", GONE, GONE)
        assert [order.state for order in mine] == [OrderState.CANCELED] * 2
        assert others.state is OrderState.NEW


@rows_by_kind(
    [
        Words("connection lost", "8"),
        Words("logged out", "8, 5 out"),
    ],
    *BOTH,
)
async def test_cancelled_by_the_end_of_the_connection(desk: Opener, kind: str, row: Words) -> None:
    seats = {
        "desk": Seat(kind, more={"cancel_on_disconnect": True}),
    }
    async with desk(seats) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60"))
        joined.look()
        if row.what == "logged out":
            await joined.gateway.logout("desk")
        else:
            joined.network.cut()
        await joined.settle()
        cancelled = joined.venue.ledger.order(order.cl_ord_id)
        assert cancelled.state is State.CANCELLED
        if kind == "orders-rt" and row.what == "logged out":  # what was missed comes with the next Logon
            await joined.gateway.logon("desk")
            await order.closed(timeout=5)
            assert order.state is OrderState.CANCELED


@rows_by_kind(
    [
        Flagged("GTD expires", "D, 8", {}, "4"),
        Flagged("GTD expires, told as Expired", "D, 8", {"use_expired_ord_status": True}, "C"),
    ],
    *BOTH,
)
async def test_a_date_that_has_come(desk: Opener, kind: str, row: Flagged) -> None:
    async with desk({"desk": Seat(kind, options=row.flags)}) as joined:
        until = datetime(2026, 10, 9, 15, 30, tzinfo=UTC)
        order = await joined.submit("desk", limit(BUY, 10, "0.60", GTD, expire_time=until))
        assert await order.closed(timeout=3700) is (
            OrderState.EXPIRED if row.kind_of_end == "C" else OrderState.CANCELED
        )
        reports = await joined.heard(
            "desk",
            "8|150=0|126=20261009-15:30:00.000",
            f"8|150={row.kind_of_end}|39={row.kind_of_end}|151=0.00|58=OrderExpiryCancel",
        )
        assert (reports[1].get(60) or "").startswith("20261009-15:30:00")


@rows_by_kind([Words("Day expires at midnight in New York", "D, 8")], *BOTH)
async def test_a_day_that_is_over(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind, more={"heartbeat": 3600})}) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60", DAY))
        await order.closed(timeout=86_400)
        reports = await joined.heard("desk", f"8|150=0|126={END_OF_DAY}", "8|150=4|39=4|58=OrderExpiryCancel")
        assert (reports[1].get(60) or "") >= END_OF_DAY


@rows_by_kind([Words("GTD in the past is an IOC", "D, 8")], *BOTH)
async def test_a_date_in_the_past(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        past = datetime(2026, 10, 9, 14, tzinfo=UTC)
        order = await joined.submit("desk", limit(BUY, 10, "0.60", GTD, expire_time=past))
        await joined.heard("desk", GONE + "|58=IMMEDIATE_OR_CANCELLED|!126")
        assert order.state is OrderState.CANCELED


@rows_by_kind([Words("GTD in the past, partly filled, no report of the rest", "D, 8")], *BOTH)
async def test_a_date_in_the_past_that_fills_in_part(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        joined.rest(SELL, 4, "0.60")
        past = datetime(2026, 10, 9, 14, tzinfo=UTC)
        order = await joined.submit("desk", limit(BUY, 10, "0.60", GTD, expire_time=past))
        await joined.heard("desk", HALF)
        assert (order.state, order.cum_qty, order.leaves_qty) == (OrderState.CANCELED, Decimal(4), Decimal(0))


@rows_by_kind([Words("fields of a trade", "D, 8")], *BOTH)
async def test_what_only_a_trade_tells(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        joined.rest(SELL, 10, "0.60")
        joined.rest(BUY, 10, "0.50")
        bought = await joined.submit("desk", limit(BUY, 10, "0.60"))
        sold = await joined.submit("desk", limit(SELL, 10, "0.50"))
        money = "136=1|137=0.1680|138=USD|139=4|891=0|1703=1|1704=-6.1680|1705=BALANCE"
        first, second = await joined.heard(
            "desk",
            f"8|150=F|704=10.00|!705|{money}|880|1057=Y|715=20261009",
            "8|150=F|!704|!705|1703=2|1705=BALANCE,PAYOUT|1057=Y|715=20261009",
        )
        assert first.get(880) != second.get(880)
        report = ExecutionReport.view(bought.reports[-1])
        assert (report.long_qty, report.misc_fees[0].misc_fee_amt) == (Decimal(10), Decimal("0.1680"))
        netted = ExecutionReport.view(sold.reports[-1]).collateral_amount_changes[1]
        assert netted.collateral_amount_type is CollateralAmountType.PAYOUT
        assert netted.collateral_amount_change == Decimal(10)


@rows_by_kind([Words("21027=Y: collateral that a trade freed", "D, 8")], *BOTH)
async def test_what_a_trade_freed(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind, options={"split_collateral_return": True})}) as joined:
        joined.rest(SELL, 10, "0.60")
        joined.rest(BUY, 10, "0.50")
        await joined.submit("desk", limit(BUY, 10, "0.60"))
        joined.venue.free_collateral("alpha", Decimal("2.5"))
        sold = await joined.submit("desk", limit(SELL, 10, "0.50"))
        await joined.heard(
            "desk",
            "8|150=F|!21030|!21031",
            "8|150=F|1704=-2.6750,10.0000|1705=BALANCE,PAYOUT|21030=10.0000|21031=2.5000",
        )
        report = ExecutionReport.view(sold.reports[-1])
        assert report.single_market_collateral_return == Decimal(10)
        assert report.ranged_market_collateral_return == Decimal("2.5")
        ledger = joined.venue.ledger
        assert joined["desk"].positions.cash == ledger.purse(Holder("alpha", 0))


@rows_by_kind([Words("21027=N: what a trade freed is not told apart", "D, 8")], *BOTH)
async def test_what_a_trade_freed_is_a_part_of_the_balance(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        joined.rest(SELL, 10, "0.60")
        joined.venue.free_collateral("alpha", Decimal("2.5"))
        await joined.submit("desk", limit(BUY, 10, "0.60"))
        await joined.heard("desk", "8|150=F|1703=1|1704=-3.6680|1705=BALANCE|!21030|!21031")


@rows_by_kind([Words("the seller's side of a trade is NO", "D, 8")], *BOTH)
async def test_a_seller_holds_no(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        order = await joined.submit("desk", limit(SELL, 10, "0.60"))
        joined.venue.fill(order.cl_ord_id, Decimal(10))
        await joined.heard(
            "desk", "8|150=0|54=2", "8|150=F|39=2|31=0.6000|705=10.00|!704|1057=N|1704=-4.0000"
        )
        assert (order.state, order.avg_px) == (OrderState.FILLED, Decimal("0.60"))


@rows_by_kind([Words("subaccount and parties are repeated", "D, 8, F")], *BOTH)
async def test_what_a_report_repeats(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60", alloc_account="3"))
        await cancel(joined, order)
        await joined.heard("desk", "8|150=0|79=3", "8|150=4|79=3")
