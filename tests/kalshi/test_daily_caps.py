"""Sessions of clearing members with UseCapReservation(21032): the day's cap of a customer, and its rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from fixgw.errors import LocalError, Rejected
from fixgw.handlers.order import Ending, OrderState
from fixgw.messages.order_entry import PartyRole
from fixgw.sim.accounts import AccountSpec
from fixgw.venues.kalshi.messages import NewOrderSingle, OrderCancelReplaceRequest, Party
from fixgw.venues.kalshi.profile import VENUE
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from fixgw.venues.kalshi.rfq_maker import RfqMaker
from tests.kalshi.covers import Words, covers, rows_by_kind
from tests.kalshi.desk import BUY, MARKET, SELL, SHARD, Joined, Opener, Seat, limit

BOTH = ("orders-nr", "orders-rt")
CAPPED = {"use_cap_reservation": True}
ACCOUNTS = (
    AccountSpec("alpha", customers=frozenset({"A1", "A2"})),
    AccountSpec("alpha_A1", daily_cap=Decimal(10)),
)
OVER = "EVENT_CONTRACT_DAILY_CAP_EXCEEDED"


def of_customer(suffix: str = "A1") -> dict[str, Any]:
    return {"parties": (Party(party_id=f"alpha_{suffix}", party_role=PartyRole.CUSTOMER_ACCOUNT),)}


def order_of(qty: int, price: str = "0.50", suffix: str = "A1", **fields: Any) -> NewOrderSingle:
    return limit(BUY, qty, price, **of_customer(suffix), **fields)


@asynccontextmanager
async def lane(desk: Opener, kind: str, **more: Seat) -> AsyncIterator[Joined]:
    seats = {"desk": Seat(kind, options=CAPPED, more={"heartbeat": 3600}), **more}
    async with desk(seats, accounts=ACCOUNTS) as joined:
        yield joined


@dataclass(frozen=True)
class Refusal:
    """An order that the lane does not take.

    Args:
        what: why.
        code: OrdRejReason(103).
        text: Text(58).
        order: fields on top of a good order's.
        spoken: the messages that are driven.
    """

    what: str
    code: int
    text: str
    order: Mapping[str, Any] = field(default_factory=dict)
    spoken: str = "D, 8"


REFUSALS = (
    Refusal("103=3 more than the day's cap", 3, OVER, {"qty": 21}),
    Refusal("103=15 a customer without a cap", 15, "EVENT_CONTRACT_DAILY_CAP_NOT_FOUND", {"suffix": "A2"}),
    Refusal("103=11 routed by hand", 11, "INVALID_ORDER", {"ex_destination": "0"}),
)


@rows_by_kind(REFUSALS, *BOTH)
async def test_what_the_lane_does_not_take(desk: Opener, kind: str, row: Refusal) -> None:
    async with lane(desk, kind) as joined:
        order = await joined.submit("desk", order_of(**{"qty": 20, **row.order}))
        await joined.heard("desk", f"8|150=8|39=8|103={row.code}|58={row.text}")
        with pytest.raises(Rejected, match=row.text) as caught:
            await order.acknowledged()
        assert caught.value.meaning == VENUE.profile.meanings.texts[row.text]


@rows_by_kind([Words("21032: what is cancelled is free again, and a new day", "D, F, 8")], *BOTH)
async def test_what_is_reserved_of_a_cap(desk: Opener, kind: str, row: Words) -> None:
    async with lane(desk, kind) as joined:
        first = await joined.submit("desk", order_of(20))
        joined.venue.fill(first.cl_ord_id, Decimal(4))  # two of ten dollars are gone for the day
        await joined["desk"].orders.cancel(first)
        second = await joined.submit("desk", order_of(17))
        third = await joined.submit("desk", order_of(16))
        assert (second.state, second.text) == (OrderState.REJECTED, OVER)
        assert third.state is OrderState.NEW
        await asyncio.sleep(86_400)
        fourth = await joined.submit("desk", order_of(20))
        assert fourth.state is OrderState.NEW


@dataclass(frozen=True)
class Amendment:
    """A replace that the lane does not take.

    Args:
        what: why.
        code: CxlRejReason(102).
        text: Text(58).
        changes: what it asks for.
        untold: the report of the replace before it has not left the venue.
        spoken: the messages that are driven.
    """

    what: str
    code: int
    text: str
    changes: Mapping[str, Any]
    untold: bool = False
    spoken: str = "G, 9"


AMENDMENTS = (
    Amendment("102=2 more than the day's cap", 2, OVER, {"order_qty": Decimal(21)}),
    Amendment(
        "102=2 a replace before the last one is told",
        2,
        "ORDER_AMEND_IN_PROGRESS",
        {"order_qty": Decimal(18)},
        untold=True,
    ),
    Amendment("102=99 routed by hand", 99, "INVALID_ORDER", {"ex_destination": "0"}),
)


@rows_by_kind(AMENDMENTS, *BOTH)
async def test_what_the_lane_does_not_amend(desk: Opener, kind: str, row: Amendment) -> None:
    async with lane(desk, kind) as joined:
        orders = joined["desk"].orders
        order = await joined.submit("desk", order_of(20))
        if row.untold:
            joined.venue.pause_reports(joined.key_ids["desk"])
            await orders.replace(order, order_qty=Decimal(19))
        request = await orders.replace(order, **row.changes)
        await joined.settle()
        joined.venue.resume_reports(joined.key_ids["desk"])
        await joined.settle()
        joined.assert_fits(
            joined.frames("desk")[-1], f"9|37={order.order_id}|434=2|102={row.code}|58={row.text}"
        )
        with pytest.raises(Rejected, match=row.text) as caught:
            await request.acknowledged()
        assert caught.value.meaning == VENUE.profile.meanings.texts[row.text]
        assert order.order_qty == (19 if row.untold else 20)


@rows_by_kind([Words("21032: a replace names OrderID by itself", "G, 8")], *BOTH)
async def test_a_replace_names_the_venues_id(desk: Opener, kind: str, row: Words) -> None:
    async with lane(desk, kind) as joined:
        order = await joined.submit("desk", order_of(18))
        joined.look()
        request = await joined["desk"].orders.replace(order, order_qty=Decimal(20))
        await joined.told("desk", f"G|37={order.order_id}|38=20|453=1|448=alpha_A1|452=24|!100|!447")
        assert request.ending is Ending.ACKNOWLEDGED
        assert order.order_qty == 20


@rows_by_kind([Words("21032: no replace before OrderID is known", "D")], *BOTH)
async def test_a_replace_before_the_venues_id_is_known(desk: Opener, kind: str, row: Words) -> None:
    async with lane(desk, kind) as joined:
        order = await joined["desk"].orders.submit(order_of(18))
        with pytest.raises(LocalError, match=r"has no OrderID\(37\) yet"):
            await joined["desk"].orders.replace(order, order_qty=Decimal(20))
        await order.acknowledged(timeout=1)
        await joined["desk"].orders.replace(order, order_qty=Decimal(20))
        await joined.settle()
        assert order.order_qty == 20


@dataclass(frozen=True)
class Wrong:
    """A replace that the desk's own order book would not write.

    Args:
        what: what is wrong with it.
        answer: the venue's, see ``fits``.
        fields: of the replace, on top of those of a good one.
        spoken: the messages that are driven.
    """

    what: str
    answer: str
    fields: Mapping[str, Any]
    spoken: str = "G, 9"


MISMATCH = "9|11=g1|434=2|102=1|58=ORDER_ATTRIBUTES_MISMATCH"
WRONG = (
    Wrong("102=1 another side", MISMATCH, {"side": SELL}),
    Wrong("102=1 another market", MISMATCH, {"symbol": SHARD}),
    Wrong("380=5 a replace without OrderID", "j|372=G|379=g1|380=5|58", {"order_id": None}, "G, j"),
)


@rows_by_kind(WRONG, *BOTH)
async def test_a_replace_that_is_not_of_its_order(desk: Opener, kind: str, row: Wrong) -> None:
    async with lane(desk, kind) as joined:
        order = await joined.submit("desk", order_of(18))
        joined.look()
        fields = {"order_id": order.order_id, "side": BUY, "symbol": MARKET, **row.fields}
        joined["desk"].send(
            OrderCancelReplaceRequest(
                cl_ord_id="g1", orig_cl_ord_id=order.cl_ord_id, order_qty=Decimal(20), **fields
            )
        )
        await joined.heard("desk", row.answer)
        assert order.order_qty == 18


@covers("D orders-rt", "8 orders-rt", row="21032: an order that accepts a quote reserves nothing")
async def test_a_quote_is_accepted_without_a_reservation(desk: Opener) -> None:
    async with lane(desk, "orders-rt", maker=Seat("rfq", "beta")) as joined:
        creator, maker = joined["desk"].client(RfqCreator), joined["maker"].client(RfqMaker)
        handle = await creator.request(MARKET, order_qty=Decimal(100))
        maker.quote(await anext(aiter(maker)), offer_px=Decimal("0.50"))
        offered = await anext(aiter(handle))
        joined.look()
        order = await joined.submit("desk", limit(BUY, 100, "0.50", quote_id=offered.quote_id))
        await joined.heard("desk", "8|150=0|39=0|38=100.00")
        assert order.state is OrderState.NEW
