"""The texts of the venue: those that an account, a limit or a failure brings, and where all others are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from fixgw.errors import OutcomeUnknown, Rejected
from fixgw.handlers.order import Ending, OrderState
from fixgw.messages.order_entry import PartyRole, TimeInForce
from fixgw.sim.accounts import AccountSpec
from fixgw.sim.failures import Failure
from fixgw.sim.orders import State
from fixgw.venues.kalshi.messages import NewOrderSingle, Party
from fixgw.venues.kalshi.profile import VENUE
from tests.kalshi import table, test_daily_caps, test_reasons, test_reports
from tests.kalshi.covers import Words, rows_by_kind
from tests.kalshi.desk import BUY, MARKET, SELL, Opener, Seat, limit

BOTH = ("orders-nr", "orders-rt")


def account(**limits: Any) -> dict[str, Any]:
    return {"accounts": (AccountSpec("alpha", **limits),)}


def customer(party_id: str) -> dict[str, Any]:
    return {"parties": (Party(party_id=party_id, party_role=PartyRole.CUSTOMER_ACCOUNT),)}


@dataclass(frozen=True)
class Limited:
    """An order that its account may not send.

    Args:
        what: why.
        code: OrdRejReason(103).
        text: Text(58).
        settings: of the venue.
        order: fields of the order.
        spoken: the messages that are driven.
    """

    what: str
    code: int
    text: str
    settings: Mapping[str, Any]
    order: Mapping[str, Any] = field(default_factory=dict)
    spoken: str = "D, 8"


LIMITED = (
    Limited(
        "103=3 more than the account has",
        3,
        "INSUFFICIENT_BALANCE",
        account(balances={0: Decimal(5)}),
    ),
    Limited(
        "103=3 more than the account may hold",
        3,
        "EXCEEDED_PER_MARKET_RISK_LIMIT",
        account(market_limit=Decimal(9)),
    ),
    Limited(
        "103=3 a sale below the floor",
        3,
        "EXCEEDED_SELL_POSITION_FLOOR",
        account(sell_floor=Decimal(-9)),
        {"side": SELL},
    ),
    Limited(
        "103=15 unknown customer",
        15,
        "CUSTOMER_ACCOUNT_NOT_FOUND",
        account(customers=frozenset({"A1"})),
        customer("alpha_B2"),
    ),
    Limited(
        "103=15 another one's customer",
        15,
        "PERMISSION_DENIED_FOR_CUSTOMER_ACCOUNT",
        account(customers=frozenset({"A1"})),
        customer("beta_A1"),
    ),
)


@rows_by_kind(LIMITED, *BOTH)
async def test_what_an_account_may_not(desk: Opener, kind: str, row: Limited) -> None:
    async with desk({"desk": Seat(kind)}, **row.settings) as joined:
        fields = {"side": BUY, "symbol": MARKET, "order_qty": Decimal(10), "price": Decimal("0.60")}
        order = await joined.submit(
            "desk", NewOrderSingle(**{**fields, "time_in_force": TimeInForce.GOOD_TILL_CANCEL, **row.order})
        )
        await joined.heard("desk", f"8|150=8|39=8|103={row.code}|58={row.text}")
        assert order.ending is Ending.REFUSED
        with pytest.raises(Rejected, match=row.text) as caught:
            await order.acknowledged()
        assert caught.value.meaning == VENUE.profile.meanings.texts[row.text]


@rows_by_kind([Words("customer and operator are named in reports", "D, 8, F")], *BOTH)
async def test_who_stands_behind_an_order(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}, **account(customers=frozenset({"A1"}))) as joined:
        placed = limit(BUY, 10, "0.60", sender_sub_id="OP1", **customer("alpha_A1"))
        order = await joined.submit("desk", placed)
        await joined["desk"].orders.cancel(order, sender_sub_id="OP2")
        await joined.heard(
            "desk",
            "8|150=0|453=2|448=alpha_A1,OP1|452=24,12",
            "8|150=4|453=2|448=alpha_A1,OP2|452=24,12",
        )
        assert order.state is OrderState.CANCELED


@rows_by_kind([Words("103=99 INTERNAL_ERROR", "D, 8")], *BOTH)
async def test_a_failure_that_did_nothing(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        joined.venue.fail_next(Failure.INTERNAL_ERROR)
        order = await joined.submit("desk", limit(BUY, 10, "0.60"))
        await joined.heard("desk", "8|150=8|39=8|103=99|58=INTERNAL_ERROR")
        assert (order.state, order.ending) == (OrderState.REJECTED, Ending.REFUSED)
        assert "send again" in order.request.meaning


@pytest.mark.parametrize("failure", [Failure.UNAVAILABLE, Failure.APPLIED], ids=lambda value: value.name)
@rows_by_kind([Words("103=99 EXCHANGE_UNAVAILABLE", "D, 8")], *BOTH)
async def test_an_order_of_which_nobody_knows(desk: Opener, kind: str, row: Words, failure: Failure) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        joined.venue.fail_next(failure)
        order = await joined.submit("desk", limit(BUY, 10, "0.60"))
        await joined.heard("desk", "8|150=8|39=8|103=99|58=EXCHANGE_UNAVAILABLE")
        assert (order.state, order.ending) == (OrderState.UNKNOWN, Ending.UNKNOWN)
        with pytest.raises(OutcomeUnknown, match="nobody knows"):
            await order.acknowledged()
        open_there = joined.venue.ledger.order(order.cl_ord_id).state is State.OPEN
        assert open_there is failure.applied


@rows_by_kind([Words("102=99 EXCHANGE_UNAVAILABLE", "F, 9")], *BOTH)
async def test_a_cancel_of_which_nobody_knows(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60"))
        joined.venue.fail_next(Failure.UNAVAILABLE)
        joined.look()
        request = await joined["desk"].orders.cancel(order)
        await joined.heard("desk", "9|434=1|102=99|58=EXCHANGE_UNAVAILABLE")
        with pytest.raises(OutcomeUnknown):
            await request.acknowledged()
        assert order.open


@rows_by_kind([Words("102=99 INTERNAL_ERROR", "G, 9")], *BOTH)
async def test_a_replace_that_failed(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60"))
        joined.venue.fail_next(Failure.INTERNAL_ERROR)
        joined.look()
        request = await joined["desk"].orders.replace(order, price=Decimal("0.61"))
        await joined.heard("desk", "9|434=2|102=99|58=INTERNAL_ERROR")
        assert (request.ending, order.price) == (Ending.REFUSED, Decimal("0.60"))


ELSEWHERE = {
    "ORDER_ALREADY_EXISTS": test_reasons.test_a_cl_ord_id_twice,
    "TAKER_CANCEL_FOR_SELF_TRADE_PREVENTION": test_reports.test_of_two_own_orders_the_incoming_one_goes,
    "MAKER_CANCEL_FOR_SELF_TRADE_PREVENTION": test_reports.test_of_two_own_orders_the_resting_one_goes,
    "ORDER_GROUP_CANCEL": test_reports.test_what_an_order_group_takes_along,
    "EXCHANGE_UNAVAILABLE": test_an_order_of_which_nobody_knows,
    "INTERNAL_ERROR": test_a_failure_that_did_nothing,
    "ORDER_ATTRIBUTES_MISMATCH": test_daily_caps.test_a_replace_that_is_not_of_its_order,
}
OF_QUOTES = {"NOT_FOUND", "RFQ_CLOSED", "RFQ already exists", "invalid_parameters"}  # test_rfq_flow.py


def test_each_text_of_the_venue_is_driven() -> None:
    tables: tuple[Sequence[Any], ...] = (
        *(test_reports.TABLE, test_reports.CROSSED, test_reasons.ORDERS, test_reasons.CANCELS),
        *(LIMITED, test_daily_caps.REFUSALS, test_daily_caps.AMENDMENTS),
    )
    driven = {row.text for table in tables for row in table if row.text}
    known = set(VENUE.profile.meanings.texts)
    assert known - driven - ELSEWHERE.keys() - OF_QUOTES == set()


@pytest.mark.parametrize("text", sorted({row.text for row in (*test_reasons.ORDERS, *test_reasons.CANCELS)}))
def test_a_text_that_refuses_has_a_meaning_of_its_own(text: str) -> None:
    missing = {"ORDER_ALREADY_FILLED", "ORDER_ALREADY_EXPIRED"}  # not published: the code's meaning counts
    assert (text in VENUE.profile.meanings.texts) is (text not in missing)


def test_each_code_of_the_venue_is_driven() -> None:
    driven = {
        (int(tag), code)
        for row in {one.row for one in table.driven()}
        for tag, code in re.findall(r"\b(\d{3,5})[= ](\w+)", row)
    }
    known = {(tag, code) for tag, codes in VENUE.profile.meanings.codes.items() for code in codes}
    assert known - driven == set()
