"""Every reason that the venue gives for a refusal, as a code on the wire and as a sentence to the desk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from fixgw.errors import Rejected
from fixgw.fix.message import Message
from fixgw.handlers.order import Ending, Order, OrderState, Request
from fixgw.messages.order_entry import ExecInst, TimeInForce
from fixgw.sim.admission import Trading
from fixgw.sim.faults import Fault, FaultRule
from fixgw.sim.orders import OrdRejReason
from fixgw.sim.settlement import Result
from fixgw.venues.kalshi.groups import OrderGroups
from fixgw.venues.kalshi.messages import NewOrderSingle, OrderCancelRequest, OrderMassCancelRequest
from fixgw.venues.kalshi.profile import VENUE
from tests.kalshi.covers import Words, covers, rows_by_kind
from tests.kalshi.desk import BUY, MARKET, SELL, Joined, Opener, Seat, limit

BOTH = ("orders-nr", "orders-rt")
GTD = TimeInForce.GOOD_TILL_DATE
NOBODY = "00000000-0000-4000-8000-000000000000"
REDUCE_ONLY, POST_ONLY = (ExecInst.DO_NOT_INCREASE,), (ExecInst.PARTICIPATE_DONT_INITIATE,)

Prepare = Callable[[Joined], Awaitable[Mapping[str, Any]]]


async def nothing(desk: Joined) -> Mapping[str, Any]:
    return {}


async def pause(desk: Joined) -> Mapping[str, Any]:
    desk.venue.pause(Trading.PAUSED)
    return {}


async def pause_exchange(desk: Joined) -> Mapping[str, Any]:
    desk.venue.pause(Trading.EXCHANGE_PAUSED)
    return {}


async def close_market(desk: Joined) -> Mapping[str, Any]:
    desk.venue.close_market(MARKET)
    return {}


async def settle_market(desk: Joined) -> Mapping[str, Any]:
    desk.venue.settle_market(MARKET, Result.YES)
    return {}


async def too_late(desk: Joined) -> Mapping[str, Any]:
    desk.venue.refuse_next("D", "MARKET_ALREADY_CLOSED", OrdRejReason.TOO_LATE)
    return {}


async def above_the_price(desk: Joined) -> Mapping[str, Any]:
    desk.venue.raise_floor(MARKET, Decimal("0.60"))
    return {}


async def triggered_group(desk: Joined) -> Mapping[str, Any]:
    groups = desk.gateway.client(OrderGroups)
    group = await groups.create(5)
    await groups.trigger(group)
    return {"secondary_cl_ord_id": group.order_group_id}


@dataclass(frozen=True)
class Refusal:
    """A new order that is refused.

    Args:
        what: why.
        code: OrdRejReason(103).
        text: Text(58).
        order: its fields, on top of a good order's.
        prepare: what happens before; returns more fields.
        spoken: the messages that are driven.
    """

    what: str
    code: int
    text: str
    order: Mapping[str, Any] = field(default_factory=dict)
    prepare: Prepare = nothing
    spoken: str = "D, 8"


ORDERS = (
    Refusal("103=1 unknown symbol", 1, "MARKET_NOT_FOUND", {"symbol": "NOWHERE"}),
    Refusal("103=2 trading paused", 2, "TRADING_PAUSED", prepare=pause),
    Refusal("103=2 exchange paused", 2, "EXCHANGE_PAUSED", prepare=pause_exchange),
    Refusal("103=2 market inactive", 2, "MARKET_INACTIVE", prepare=close_market),
    Refusal("103=2 market has paid", 2, "MARKET_ALREADY_CLOSED", prepare=settle_market),
    Refusal("103=4 too late", 4, "MARKET_ALREADY_CLOSED", prepare=too_late),
    Refusal("103=11 price below the settlement floor", 11, "INVALID_ORDER", prepare=above_the_price),
    Refusal(
        "103=3 order group has triggered",
        3,
        "EXCEEDED_ORDER_GROUP_RISK_LIMIT",
        prepare=triggered_group,
        spoken="D, 8, UOG, UOH",
    ),
    Refusal("103=8 the quote is gone", 8, "EXPIRED", {"quote_id": NOBODY}),
    Refusal("103=11 price off the grid", 11, "INVALID_ORDER", {"price": Decimal("0.605")}),
    Refusal("103=11 price of a dollar", 11, "INVALID_ORDER", {"price": Decimal(1)}),
    Refusal("103=11 reduce-only that may rest", 11, "INVALID_ORDER", {"exec_inst": REDUCE_ONLY}),
    Refusal("103=11 unknown order group", 11, "ORDER_GROUP_NOT_FOUND", {"secondary_cl_ord_id": NOBODY}),
    Refusal("103=13 part of a hundredth", 13, "INVALID_QUANTITY", {"order_qty": Decimal("0.005")}),
)


@rows_by_kind(ORDERS, *BOTH)
async def test_why_an_order_is_refused(desk: Opener, kind: str, row: Refusal) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        fields = {"symbol": MARKET, "order_qty": Decimal(1), "price": Decimal("0.60"), **row.order}
        fields |= await row.prepare(joined)
        joined.look()
        order = await joined.submit(
            "desk", NewOrderSingle(side=BUY, time_in_force=TimeInForce.GOOD_TILL_CANCEL, **fields)
        )
        await joined.heard("desk", f"8|150=8|39=8|103={row.code}|58={row.text}|17=-1;-1")
        assert (order.state, order.ending) == (OrderState.REJECTED, Ending.REFUSED)
        with pytest.raises(Rejected, match=row.text) as caught:
            await order.acknowledged()
        assert caught.value.meaning
        assert joined.venue.ledger.positions == {}


@rows_by_kind([Words("103=6 ClOrdID in use", "D, 8")], *BOTH)
async def test_a_cl_ord_id_twice(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        joined["desk"].send(limit(BUY, 1, "0.60", cl_ord_id="c1"))
        joined["desk"].send(limit(BUY, 2, "0.60", cl_ord_id="c1"))
        await joined.heard("desk", "8|150=0|11=c1", "8|150=8|103=6|58=ORDER_ALREADY_EXISTS|11=c1|37")
        assert [order.terms.qty for order in joined.venue.engine.open_orders()] == [1]


Attempt = Callable[[Joined, Order], Awaitable[Request]]


def amend(**fields: Any) -> Attempt:
    async def attempt(desk: Joined, order: Order) -> Request:
        return await desk["desk"].orders.replace(order, **fields)

    return attempt


async def cancel(desk: Joined, order: Order) -> Request:
    return await desk["desk"].orders.cancel(order)


async def cancel_another(desk: Joined, order: Order) -> Request:
    return await desk["desk"].orders.cancel(order, order_id=NOBODY)


async def filled_meanwhile(desk: Joined, order: Order) -> None:
    """The order fills, and the desk has not heard of it when it sends the next request."""
    desk.venue.pause_reports(desk.key_ids["desk"])
    desk.venue.fill(order.cl_ord_id, Decimal(10))


async def filled_in_part(desk: Joined, order: Order) -> None:
    desk.venue.fill(order.cl_ord_id, Decimal(4))
    await desk.settle()


async def exchange_is_paused(desk: Joined, order: Order) -> None:
    desk.venue.pause(Trading.EXCHANGE_PAUSED)


async def trading_is_paused(desk: Joined, order: Order) -> None:
    desk.venue.pause(Trading.PAUSED)


async def closed_meanwhile(desk: Joined, order: Order) -> None:
    desk.venue.pause_reports(desk.key_ids["desk"])
    desk.venue.close_market(MARKET)


async def floor_has_risen(desk: Joined, order: Order) -> None:
    desk.venue.raise_floor(MARKET, Decimal("0.55"))


async def an_own_offer(desk: Joined, order: Order) -> None:
    await desk.submit("desk", limit(SELL, 1, "0.70"))


async def an_offer(desk: Joined, order: Order) -> None:
    desk.rest(SELL, 1, "0.70")


@dataclass(frozen=True)
class CancelRefusal:
    """A cancel or replace that is refused.

    Args:
        what: why.
        code: CxlRejReason(102).
        text: Text(58).
        attempt: what is sent.
        before: what happens to the order before.
        status: OrdStatus(39) in the answer.
        order: fields of the order.
        state: where the order stands afterwards.
        spoken: the messages that are driven.
    """

    what: str
    code: int
    text: str
    attempt: Attempt
    before: Callable[[Joined, Order], Awaitable[None]] | None = None
    status: str = "0"
    order: Mapping[str, Any] = field(default_factory=dict)
    state: OrderState = OrderState.NEW
    spoken: str = "G, 9"


CANCELS = (
    CancelRefusal(
        "102=0 cancel of what has filled",
        0,
        "ORDER_ALREADY_FILLED",
        cancel,
        filled_meanwhile,
        status="2",
        state=OrderState.FILLED,
        spoken="F, 9",
    ),
    CancelRefusal(
        "102=0 cancel of what the close has cancelled",
        0,
        "ORDER_ALREADY_EXPIRED",
        cancel,
        closed_meanwhile,
        status="4",
        state=OrderState.CANCELED,
        spoken="F, 9",
    ),
    CancelRefusal("102=1 cancel of another OrderID", 1, "ORDER_NOT_FOUND", cancel_another, spoken="F, 9"),
    CancelRefusal("102=1 replace of another OrderID", 1, "ORDER_NOT_FOUND", amend(order_id=NOBODY)),
    CancelRefusal(
        "102=2 replace to less than has filled",
        2,
        "INVALID_AMEND_QTY_FOR_ORDER",
        amend(order_qty=Decimal(3)),
        filled_in_part,
        status="1",
        state=OrderState.PARTIALLY_FILLED,
    ),
    CancelRefusal(
        "102=2 replace of what has filled",
        2,
        "CANNOT_UPDATE_FILLED_ORDER",
        amend(price=Decimal("0.61")),
        filled_meanwhile,
        status="2",
        state=OrderState.FILLED,
    ),
    CancelRefusal(
        "102=18 replace would meet an own order",
        18,
        "SELF_CROSS_ATTEMPT",
        amend(price=Decimal("0.70")),
        an_own_offer,
    ),
    CancelRefusal(
        "102=99 replace of a post-only order would trade",
        99,
        "POST_ONLY_CROSS",
        amend(price=Decimal("0.70")),
        an_offer,
        order={"exec_inst": POST_ONLY},
    ),
    CancelRefusal(
        "102=99 replace to a price below the settlement floor",
        99,
        "INVALID_PRICE",
        amend(price=Decimal("0.50")),
        floor_has_risen,
    ),
    CancelRefusal("102=99 replace off the grid", 99, "INVALID_PRICE", amend(price=Decimal("0.605"))),
    CancelRefusal("102=99 replace to a price of nought", 99, "INVALID_PRICE", amend(price=Decimal(0))),
    CancelRefusal(
        "102=99 replace while trading is paused",
        99,
        "TRADING_PAUSED",
        amend(price=Decimal("0.61")),
        trading_is_paused,
    ),
    CancelRefusal(
        "102=99 cancel while the exchange is paused",
        99,
        "EXCHANGE_PAUSED",
        cancel,
        exchange_is_paused,
        spoken="F, 9",
    ),
    CancelRefusal(
        "102=99 replace with a date in the past",
        99,
        "INVALID_ORDER",
        amend(time_in_force=GTD),
    ),
)


@rows_by_kind(CANCELS, *BOTH)
async def test_why_a_change_is_refused(desk: Opener, kind: str, row: CancelRefusal) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60", **row.order))
        if row.before is not None:
            await row.before(joined, order)
        joined.look()
        request = await row.attempt(joined, order)
        await joined.settle()
        joined.venue.resume_reports(joined.key_ids["desk"])
        await joined.settle()
        answer = joined.frames("desk")[-1]
        to = "1" if row.spoken.startswith("F") else "2"
        ids = f"11={request.cl_ord_id}|41={order.cl_ord_id}"
        joined.assert_fits(answer, f"9|{ids}|39={row.status}|434={to}|102={row.code}|58={row.text}")
        with pytest.raises(Rejected, match=row.text) as caught:
            await request.acknowledged()
        assert caught.value.meaning
        assert (order.state, order.ending) == (row.state, Ending.ACKNOWLEDGED)
        if row.state is OrderState.NEW:
            assert order.price == Decimal("0.60")


@rows_by_kind([Words("102=6 ClOrdID of a cancel in use", "F, 9")], *BOTH)
async def test_a_cancel_whose_id_is_in_use(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60"))
        other = await joined.submit("desk", limit(BUY, 10, "0.59"))
        joined.look()
        cancel = OrderCancelRequest(
            cl_ord_id=other.cl_ord_id, orig_cl_ord_id=order.cl_ord_id, side=BUY, symbol=MARKET
        )
        joined["desk"].send(cancel)
        await joined.heard("desk", "9|102=6|58=ORDER_ALREADY_EXISTS|434=1")
        assert (order.state, other.state) == (OrderState.NEW, OrderState.NEW)


@rows_by_kind([Words("102=1 cancel of what nobody knows", "F, 9")], *BOTH)
async def test_a_cancel_of_what_nobody_knows(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        request = OrderCancelRequest(cl_ord_id="c1", orig_cl_ord_id="nobody", side=BUY, symbol=MARKET)
        joined["desk"].send(request)
        await joined.heard("desk", "9|37=NONE|11=c1|41=nobody|39=8|434=1|102=1|58=ORDER_NOT_FOUND")


# -- BusinessMessageReject(j) --


@rows_by_kind([Words("380=1 order group not found", "UOG, UOH, j")], *BOTH)
async def test_an_order_group_that_is_gone(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        groups = joined.gateway.client(OrderGroups)
        group = await groups.create(5)
        await groups.delete(group)
        joined.look()
        with pytest.raises(Rejected, match="ORDER_GROUP_NOT_FOUND") as caught:
            await groups.reset(group)
        assert caught.value.meaning
        await joined.heard("desk", f"j|372=UOG|380=1|379={group.order_group_id}|58=ORDER_GROUP_NOT_FOUND")


NOT_HERE = "380=3 a message of another kind of session"


@pytest.mark.parametrize(
    ("kind", "msg_type"),
    [
        pytest.param(kind, msg_type, id=f"{kind} {msg_type}", marks=covers(f"j {kind}", row=NOT_HERE))
        for kind, msg_type in [
            ("orders-nr", "R"),
            ("orders-rt", "q"),
            ("drop-copy", "D"),
            ("post-trade", "D"),
            ("rfq", "D"),
            ("market-data", "D"),
        ]
    ],
)
async def test_a_message_of_another_kind_of_session(desk: Opener, kind: str, msg_type: str) -> None:
    async with desk({"desk": Seat(kind, guarded=False)}) as joined:
        number = joined["desk"].send(Message(msg_type, [(11, "c1")]))
        await joined.heard("desk", f"j|45={number}|372={msg_type}|379=c1|380=3|58")


@rows_by_kind([Words("380=5 GTD without a date", "D, j")], *BOTH)
async def test_a_field_that_another_one_needs(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60", GTD))
        await joined.heard("desk", f"j|372=D|379={order.cl_ord_id}|380=5|58")
        with pytest.raises(Rejected, match="126") as caught:
            await order.acknowledged()
        assert caught.value.meaning


@rows_by_kind([Words("380=6 a listener reads only", "D, j")], *BOTH)
async def test_what_a_listener_may_not(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind, options={"listener_session": True}, guarded=False)}) as joined:
        number = joined["desk"].send(limit(BUY, 10, "0.60", cl_ord_id="c1"))
        await joined.heard("desk", f"j|45={number}|372=D|379=c1|380=6|58")
        assert list(joined.venue.ledger.orders) == []


@covers("q orders-nr", "r orders-nr", "j orders-nr")
async def test_380_8_a_second_mass_cancel_within_a_second(desk: Opener) -> None:
    async with desk({"desk": Seat("orders-nr")}) as joined:
        joined["desk"].send(OrderMassCancelRequest(cl_ord_id="one"))
        number = joined["desk"].send(OrderMassCancelRequest(cl_ord_id="two"))
        await joined.heard(
            "desk", "r|11=one|531=6", f"j|45={number}|372=q|379=two|380=8|58=rate limit exceeded"
        )


@covers("q orders-nr", "r orders-nr")
async def test_531_0_a_mass_cancel_while_the_exchange_is_paused(desk: Opener) -> None:
    async with desk({"desk": Seat("orders-nr")}) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60"))
        joined.venue.pause(Trading.EXCHANGE_PAUSED)
        joined.look()
        joined["desk"].send(OrderMassCancelRequest(cl_ord_id="sweep"))
        await joined.heard("desk", "r|11=sweep|531=0|532=99")
        assert order.state is OrderState.NEW


# -- Reject(3) --


@dataclass(frozen=True)
class Broken:
    """An order that breaks a rule of the session.

    Args:
        what: which.
        reason: SessionRejectReason(373).
        tag: RefTagID(371), the field at fault.
        broken: breaks a good order.
    """

    what: str
    reason: int
    tag: int
    broken: Callable[[Message], None]
    spoken: str = "D, 3 in"


def without(tag: int) -> Callable[[Message], None]:
    return lambda message: message.remove(tag)


def with_value(tag: int, value: str) -> Callable[[Message], None]:
    def broken(message: Message) -> None:
        if tag in message:
            message.set(tag, value)
        else:
            message.append(tag, value)

    return broken


BROKEN = (
    Broken("373=1 required tag missing", 1, 44, without(44)),
    Broken("373=2 tag of another message", 2, 531, with_value(531, "6")),
    Broken("373=3 undefined tag", 3, 333333, with_value(333333, "x")),
    Broken("373=5 value that is none of the list", 5, 54, with_value(54, "9")),
    Broken("373=5 subaccount out of range", 5, 79, with_value(79, "64")),
    Broken("373=6 no number", 6, 21009, with_value(21009, "much")),
    Broken("373=6 no time", 6, 126, with_value(126, "tomorrow")),
)


@rows_by_kind(BROKEN, *BOTH)
async def test_why_a_message_is_rejected(desk: Opener, kind: str, row: Broken) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        order = limit(BUY, 10, "0.60")
        row.broken(order.message)
        placed = await joined.submit("desk", order)
        rejects = [frame for frame in joined.frames("desk", admin=True) if frame.msg_type == "3"]
        assert len(rejects) == 1
        number = placed.request.msg_seq_num
        joined.assert_fits(rejects[0], f"3|45={number}|372=D|373={row.reason}|371={row.tag}|58")
        with pytest.raises(Rejected) as caught:
            await placed.acknowledged()
        assert caught.value.meaning
        assert (placed.state, placed.ending) == (OrderState.REJECTED, Ending.REFUSED)
        good = await joined.submit("desk", limit(BUY, 1, "0.60"))
        assert good.state is OrderState.NEW  # the number of the broken one counts, and the session goes on


@rows_by_kind([Words("373=10 clock is wrong", "3 in, 5 in")], *BOTH)
async def test_a_clock_that_runs_ahead(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        joined.clock.ahead = 31.0
        order = await joined.submit("desk", limit(BUY, 10, "0.60"))
        said = joined.frames("desk", admin=True)
        assert [(frame.msg_type, frame.get(373)) for frame in said[:2]] == [("3", "10"), ("5", None)]
        assert order.state is not OrderState.NEW
        assert list(joined.venue.ledger.orders) == []


# Codes of which the venue's pages say that there are such, and not when.
@dataclass(frozen=True)
class OnDemand:
    """A refusal that the simulated venue makes when it is asked to.

    Args:
        what: the code, and the venue's name for it.
        reason: the code.
        business: BusinessRejectReason(380) of 35=j; otherwise SessionRejectReason(373) of 35=3.
    """

    what: str
    reason: int
    business: bool = False

    @property
    def spoken(self) -> str:
        """The order and its refusal."""
        return "D, j" if self.business else "D, 3 in"


ON_DEMAND = (
    OnDemand("380=0 other", 0, business=True),
    OnDemand("380=2 unknown security", 2, business=True),
    OnDemand("380=4 application not available", 4, business=True),
    OnDemand("373=7 decryption problem", 7),
    OnDemand("373=8 signature problem", 8),
    OnDemand("373=9 CompID problem", 9),
    OnDemand("373=12 XML validation error", 12),
    OnDemand("373=14 tag out of order", 14),
    OnDemand("373=15 group out of order", 15),
    OnDemand("373=17 SOH in a value", 17),
    OnDemand("373=18 unsupported application version", 18),
    OnDemand("373=99 other", 99),
)


@rows_by_kind(ON_DEMAND, *BOTH)
async def test_a_code_whose_cause_is_not_published(desk: Opener, kind: str, row: OnDemand) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        rule = FaultRule(
            Fault.REJECT, msg_type="D", times=1, business=row.business, reason=row.reason, text="WHY"
        )
        joined.venue.inject(rule)
        order = await joined.submit("desk", limit(BUY, 10, "0.60"))
        (said,) = joined.frames("desk", admin=True)
        tag, answer = (380, "j") if row.business else (373, "3")
        joined.assert_fits(said, f"{answer}|45={order.request.msg_seq_num}|372=D|{tag}={row.reason}|58=WHY")
        with pytest.raises(Rejected, match="WHY") as caught:
            await order.acknowledged()
        assert caught.value.meaning == VENUE.profile.meanings.codes[tag][str(row.reason)]
        assert (order.state, order.ending) == (OrderState.REJECTED, Ending.REFUSED)


CANCEL = b"\x0111=c1\x0141=c0\x0154=1\x0155=HIGHNY-26DEC31"
RAW = {
    "373=4 tag without a value": (b"\x0179=", 79, 4),
    "373=0 no tag number": (b"\x010=1", 0, 0),
    "373=13 tag twice": (b"\x0155=HIGHNY-26DEC31", 55, 13),
}


@rows_by_kind([Words(what, "F, 3 in") for what in RAW], *BOTH)
async def test_what_the_desk_itself_would_not_write(desk: Opener, kind: str, row: Words) -> None:
    field, tag, reason = RAW[row.what]
    async with desk({"desk": Seat(kind)}) as joined:
        number = joined["desk"].send(Message.rendered("F", CANCEL + field))
        await joined.settle()
        (reject,) = joined.frames("desk", admin=True)
        joined.assert_fits(reject, f"3|45={number}|372=F|373={reason}|371={tag}|58")
        assert joined["desk"].active
