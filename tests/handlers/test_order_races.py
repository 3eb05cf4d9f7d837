"""Requests that cross each other and the market's own doings, and reports that leave things unsaid."""

# mypy: disable-error-code=comparison-overlap

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from fixgw.errors import Rejected
from fixgw.fix.message import Message
from fixgw.handlers import order as orders
from fixgw.handlers.order import Ending, Order, OrderState
from fixgw.messages import order_entry
from fixgw.messages.order_entry import PartyRole, TimeInForce
from fixgw.venues.kalshi import messages as kalshi
from tests.handlers.port import Desk, cancel_reject, order, report


@pytest.fixture
def desk() -> Desk:
    return Desk(order_entry.NewOrderSingle, order_entry.OrderCancelReplaceRequest)


def live(desk: Desk, name: str = "a") -> Order:
    """Return an order that the venue has."""
    placed = desk.orders.place(order(cl_ord_id=name))
    desk.hear(name, order_id=f"V-{name}")
    return placed


def last(desk: Desk) -> Message:
    """Return what was sent last."""
    return desk.port.sent[-1]


# -- reports in another order than that in which they were made --


@pytest.mark.parametrize(
    ("kind", "terms", "left"),
    [("0", {"leaves": 10}, (0, 4)), ("F", {"cum": 3, "leaves": 7}, (3, 1))],
    ids=["new", "trade"],
)
async def test_a_late_report_of_former_terms_tells_nothing_of_what_is_left(
    desk: Desk, kind: str, terms: dict[str, int], left: tuple[int, int]
) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    request = await desk.orders.replace(placed, order_qty=Decimal(4))
    desk.hear(request.cl_ord_id, "5", original="a", order_id="V-a", leaves=4)
    desk.hear("a", kind, order_id="V-a", **terms)
    assert (placed.cum_qty, placed.leaves_qty) == left
    assert placed.cl_ord_id == request.cl_ord_id


# -- replaces that follow one another before they are answered --


async def test_a_second_replace_names_the_first_and_builds_on_its_terms(desk: Desk) -> None:
    placed = live(desk)
    first = await desk.orders.replace(placed, order_qty=Decimal(20))
    await desk.orders.replace(placed, price=Decimal("0.60"))
    sent = last(desk)
    assert (sent.text(41), sent.text(38), sent.text(44)) == (first.cl_ord_id, "20", "0.60")


async def test_two_replaces_in_flight_are_told_of_one_by_one(desk: Desk) -> None:
    placed = live(desk)
    first = await desk.orders.replace(placed, order_qty=Decimal(20))
    second = await desk.orders.replace(placed, order_qty=Decimal(30))
    desk.hear(first.cl_ord_id, "5", original="a", leaves=20)
    assert (first.ending, second.ending, placed.order_qty) == (Ending.ACKNOWLEDGED, None, 20)
    desk.hear(second.cl_ord_id, "5", original=first.cl_ord_id, leaves=30)
    assert (second.ending, placed.order_qty) == (Ending.ACKNOWLEDGED, 30)
    assert placed.chain == ["a", first.cl_ord_id, second.cl_ord_id]


async def test_a_replace_that_is_named_as_the_one_before_was_accepted(desk: Desk) -> None:
    placed = live(desk)
    first = await desk.orders.replace(placed, price=Decimal("0.60"))
    second = await desk.orders.replace(placed, order_qty=Decimal(30))
    desk.hear(second.cl_ord_id, "5", original=first.cl_ord_id, leaves=30)
    assert (first.ending, second.ending) == (Ending.ACKNOWLEDGED, Ending.ACKNOWLEDGED)
    assert placed.chain == ["a", first.cl_ord_id, second.cl_ord_id]
    assert (placed.order_qty, placed.price) == (30, Decimal("0.60"))


async def test_a_first_replace_that_is_refused_leaves_the_second_in_flight(desk: Desk) -> None:
    placed = live(desk)
    first = await desk.orders.replace(placed, order_qty=Decimal(2))
    second = await desk.orders.replace(placed, order_qty=Decimal(30))
    desk.tell(cancel_reject(first.cl_ord_id, "INVALID_PRICE"))
    assert (first.ending, second.ending, placed.chain) == (Ending.REFUSED, None, ["a"])
    desk.hear(second.cl_ord_id, "5", original="a", leaves=30)
    assert (placed.order_qty, placed.cl_ord_id) == (30, second.cl_ord_id)


async def test_after_a_refused_replace_the_next_names_the_accepted_one(desk: Desk) -> None:
    placed = live(desk)
    first = await desk.orders.replace(placed, order_qty=Decimal(2))
    desk.tell(cancel_reject(first.cl_ord_id, "INVALID_PRICE"))
    await desk.orders.replace(placed, price=Decimal("0.60"))
    assert (last(desk).text(41), last(desk).text(38)) == ("a", "10")


async def test_a_replaced_report_of_before_the_last_takes_no_terms_back(desk: Desk) -> None:
    placed = live(desk)
    first = await desk.orders.replace(placed, order_qty=Decimal(20))
    second = await desk.orders.replace(placed, order_qty=Decimal(30), price=Decimal("0.60"))
    desk.hear(second.cl_ord_id, "5", original=first.cl_ord_id, leaves=30, price="0.60")
    desk.hear(first.cl_ord_id, "5", original="a", leaves=20, price="0.55")
    assert (placed.order_qty, placed.price, placed.cl_ord_id) == (30, Decimal("0.60"), second.cl_ord_id)


# -- cancels that cross --


def test_a_replace_that_was_not_sent_here_gives_the_order_its_name(desk: Desk) -> None:
    placed = live(desk)
    desk.hear("b", "5", original="a", order_id="V-a", leaves=7)
    assert (placed.cl_ord_id, desk.orders.get("b")) == ("b", placed)


async def test_a_cancel_that_crosses_a_replace_names_the_replace(desk: Desk) -> None:
    placed = live(desk)
    change = await desk.orders.replace(placed, order_qty=Decimal(20))
    cancel = await desk.orders.cancel(placed)
    assert last(desk).text(41) == change.cl_ord_id
    desk.hear(change.cl_ord_id, "5", original="a", leaves=20)
    desk.hear(cancel.cl_ord_id, "4", original=change.cl_ord_id, leaves=0)
    assert (change.ending, cancel.ending) == (Ending.ACKNOWLEDGED, Ending.ACKNOWLEDGED)
    assert (placed.state, placed.order_qty) == (OrderState.CANCELED, 20)


async def test_a_fill_between_a_cancel_and_its_report_counts(desk: Desk) -> None:
    placed = live(desk)
    cancel = await desk.orders.cancel(placed)
    desk.hear("a", "F", cum=4, leaves=6)
    desk.hear(cancel.cl_ord_id, "4", original="a", cum=4, leaves=0)
    assert (placed.state, placed.cum_qty, placed.order_qty) == (OrderState.CANCELED, 4, 10)


@pytest.mark.parametrize("reason", ["0", "1"])
async def test_a_cancel_of_an_order_that_had_filled_is_refused_and_the_order_filled(
    desk: Desk, reason: str
) -> None:
    placed = live(desk)
    cancel = await desk.orders.cancel(placed)
    desk.hear("a", "F", cum=10, leaves=0)
    desk.tell(cancel_reject(cancel.cl_ord_id, None, reason=reason))
    assert (cancel.ending, placed.state, placed.cum_qty) == (Ending.REFUSED, OrderState.FILLED, 10)


async def test_the_last_trade_tells_what_filled_whatever_a_refused_cancel_let_think(desk: Desk) -> None:
    placed = live(desk)
    change = await desk.orders.replace(placed, order_qty=Decimal(7))
    desk.orders.on_disconnect()
    cancel = await desk.orders.cancel(placed)
    refusal = cancel_reject(cancel.cl_ord_id)
    refusal.set(39, "2")
    desk.tell(refusal)
    assert (placed.state, placed.cum_qty) == (OrderState.FILLED, 10)
    desk.hear(change.cl_ord_id, "5", original="a", leaves=7)
    desk.hear(change.cl_ord_id, "F", cum=3, leaves=4)
    desk.hear(change.cl_ord_id, "F", cum=7, leaves=0)
    assert (placed.state, placed.cum_qty, placed.order_qty) == (OrderState.FILLED, 7, 7)


async def test_the_quantity_of_an_order_survives_a_report_that_shrinks_it(desk: Desk) -> None:
    """OrderQty(38) of a cancelled order is CumQty where PreserveOriginalOrderQty(21008) is off."""
    placed = live(desk)
    shrunk = report("a", "4", cum=4, leaves=0)
    shrunk.append(38, "4.00")
    desk.tell(shrunk)
    assert (placed.state, placed.order_qty, placed.cum_qty) == (OrderState.CANCELED, 10, 4)


async def test_a_replace_of_which_only_the_end_of_the_order_tells_keeps_its_quantity(desk: Desk) -> None:
    placed = live(desk)
    change = await desk.orders.replace(placed, order_qty=Decimal(20))
    desk.hear(change.cl_ord_id, "4", original="a", cum=3, leaves=0, text="ORDER_GROUP_CANCEL")
    assert (placed.state, placed.order_qty, placed.cl_ord_id) == (
        OrderState.CANCELED,
        20,
        change.cl_ord_id,
    )


# -- immediate orders --


@pytest.mark.parametrize("leaves", [6, 0])
async def test_the_rest_of_an_immediate_order_is_dead_though_nobody_says_so(desk: Desk, leaves: int) -> None:
    placed = desk.orders.place(order(cl_ord_id="a", time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL))
    waiting = asyncio.ensure_future(placed.closed(timeout=5))
    await asyncio.sleep(0)
    desk.hear("a", "F", cum=4, leaves=leaves)
    assert await waiting is OrderState.CANCELED
    assert (placed.cum_qty, placed.leaves_qty, placed.ending) == (4, 0, Ending.ACKNOWLEDGED)


async def test_an_immediate_order_counts_all_trades_of_its_cycle(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a", time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL))
    waiting = asyncio.ensure_future(placed.closed(timeout=5))
    await asyncio.sleep(0)
    desk.hear("a", "F", cum=4, leaves=6)
    desk.hear("a", "F", cum=10, leaves=0)
    assert await waiting is OrderState.FILLED
    assert placed.cum_qty == 10


def test_an_immediate_order_lives_until_it_trades(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a", time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL))
    desk.hear("a")
    assert placed.open
    desk.hear("a", "4", leaves=0, text="IMMEDIATE_OR_CANCELLED")
    assert (placed.state, placed.text) == (OrderState.CANCELED, "IMMEDIATE_OR_CANCELLED")


def test_where_the_rest_is_told_an_immediate_order_waits_for_that() -> None:
    desk = Desk(remainders_told=True)
    placed = desk.orders.place(order(cl_ord_id="a", time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL))
    desk.hear("a", "F", cum=4, leaves=6)
    assert (placed.state, placed.leaves_qty) == (OrderState.PARTIALLY_FILLED, 6)
    desk.hear("a", "4", cum=4, leaves=0)
    assert (placed.state, placed.cum_qty) == (OrderState.CANCELED, 4)


def test_an_order_says_in_short_what_it_is(desk: Desk) -> None:
    assert repr(live(desk)) == "<Order a new>"


def test_an_order_that_may_rest_lives_on_after_a_trade(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a", time_in_force=TimeInForce.GOOD_TILL_CANCEL))
    desk.hear("a", "F", cum=4, leaves=6)  # the New was folded into it
    assert (placed.state, placed.ending, placed.leaves_qty) == (
        OrderState.PARTIALLY_FILLED,
        Ending.ACKNOWLEDGED,
        6,
    )


def test_an_immediate_order_is_one_after_a_checkpoint_too(desk: Desk) -> None:
    desk.orders.place(order(cl_ord_id="a", time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL))
    again = Desk()
    again.orders.load(desk.orders.dump())
    again.hear("a", "F", cum=4, leaves=6)
    assert [placed.state for placed in again.orders] == [OrderState.CANCELED]


# -- ids of executions --


def test_a_report_without_an_id_of_its_own_is_no_duplicate(desk: Desk) -> None:
    placed = live(desk)
    desk.hear("a", "F", cum=2, leaves=8, exec_id="-1;-1")
    desk.hear("a", "F", cum=4, leaves=6, exec_id="-1;-1")
    assert (placed.cum_qty, desk.orders.duplicates) == (4, 0)


def test_the_ids_of_executions_take_bounded_room(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "EXEC_IDS_KEPT", 3)
    placed = live(desk)
    for number in range(1, 8):
        desk.hear("a", "F", cum=number, leaves=10 - number, exec_id=f"9;{number}")
    assert list(placed.exec_ids) == ["9;5", "9;6", "9;7"]
    desk.hear("a", "F", cum=7, leaves=3, exec_id="9;7")
    assert desk.orders.duplicates == 1
    desk.hear("a", "F", cum=1, leaves=9, exec_id="9;1")  # forgotten, and harmless
    assert (placed.cum_qty, placed.leaves_qty) == (7, 3)


# -- what the refusal of a request says of its order --


@pytest.mark.parametrize(
    ("status", "state", "cum"),
    [("4", OrderState.CANCELED, 3), ("C", OrderState.EXPIRED, 3), ("2", OrderState.FILLED, 10)],
)
async def test_a_refused_cancel_tells_of_an_end_that_no_report_told(
    desk: Desk, status: str, state: OrderState, cum: int
) -> None:
    placed = live(desk)
    desk.hear("a", "F", cum=3, leaves=7)
    cancel = await desk.orders.cancel(placed)
    said = cancel_reject(cancel.cl_ord_id, "ORDER_ALREADY_OVER", reason="0")
    said.set(39, status)
    desk.tell(said)
    assert (cancel.ending, placed.state) == (Ending.REFUSED, state)
    assert (placed.cum_qty, placed.leaves_qty) == (cum, 0)
    desk.hear("a", "F", cum=5, leaves=5)  # the fill that was lost
    assert placed.state is state


@pytest.mark.parametrize("status", ["0", "1", "8", "6"])
async def test_any_other_status_of_a_refusal_leaves_the_order_alone(desk: Desk, status: str) -> None:
    placed = live(desk)
    cancel = await desk.orders.cancel(placed)
    said = cancel_reject(cancel.cl_ord_id, "ORDER_NOT_FOUND", reason="1")
    said.set(39, status)
    desk.tell(said)
    assert (placed.state, placed.leaves_qty) == (OrderState.NEW, 10)


# -- what a request about an order has to repeat --


@pytest.mark.parametrize("ask", ["replace", "cancel"])
async def test_subaccount_party_and_destination_are_those_of_the_order(ask: str) -> None:
    desk = Desk(*kalshi.MESSAGES)
    customer = kalshi.Party(party_id="u_1", party_role=PartyRole.CUSTOMER_ACCOUNT)
    placed = desk.orders.place(
        kalshi.NewOrderSingle(
            cl_ord_id="a",
            symbol="X",
            side=order_entry.Side.BUY,
            order_qty=Decimal(10),
            price=Decimal("0.55"),
            alloc_account="5",
            ex_destination="1",
            parties=(customer,),
        )
    )
    desk.hear("a")
    await getattr(desk.orders, ask)(placed)
    sent = last(desk)
    assert [sent.text(tag) for tag in (79, 100, 453, 448, 452)] == ["5", "1", "1", "u_1", "24"]
    await getattr(desk.orders, ask)(placed, alloc_account="6")
    assert last(desk).get_all(79) == [b"6"]


async def test_an_order_of_another_session_is_cancelled_by_what_its_reports_said(desk: Desk) -> None:
    desk.hear("theirs", "0", leaves=10, order_id="V9")
    [foreign] = desk.orders
    await desk.orders.cancel(foreign)
    assert (last(desk).text(41), last(desk).text(55)) == ("theirs", "X")


# -- guards that make one wait --


@pytest.mark.parametrize("ask", ["replace", "cancel"])
async def test_what_had_to_wait_names_what_was_accepted_meanwhile(desk: Desk, ask: str) -> None:
    placed = live(desk)
    first = await desk.orders.replace(placed, order_qty=Decimal(20))
    waits = iter([0.001, 0.0])

    def delay(message: Message) -> float:
        seconds = next(waits)
        if not seconds:
            desk.tell(cancel_reject(first.cl_ord_id, "INVALID_PRICE"))
        return seconds

    desk.port.delay = delay  # type: ignore[method-assign]
    await getattr(desk.orders, ask)(placed)
    assert last(desk).text(41) == "a"


# -- inside a handler's turn --


def test_requests_can_be_made_without_waiting(desk: Desk) -> None:
    placed = live(desk)
    change = desk.orders.request_replace(placed, order_qty=Decimal(20))
    cancel = desk.orders.request_cancel(placed)
    assert [message.msg_type for message in desk.port.sent] == ["D", "G", "F"]
    assert desk.port.urgent == [False, False, True]
    assert (change.cl_ord_id, cancel.msg_type) == (last(desk).text(41), "F")


# -- lost messages --


async def test_a_gap_makes_the_outcome_of_what_is_in_flight_unknown(desk: Desk) -> None:
    known, sent = live(desk, "known"), desk.orders.place(order(cl_ord_id="sent"))
    cancel = await desk.orders.cancel(known)
    desk.orders.on_gap(5, 7)
    assert (sent.state, sent.ending, cancel.ending) == (
        OrderState.UNKNOWN,
        Ending.UNKNOWN,
        Ending.UNKNOWN,
    )
    assert known.state is OrderState.NEW
    desk.hear("sent")
    assert (sent.state, sent.ending) == (OrderState.NEW, Ending.ACKNOWLEDGED)


async def test_a_refusal_with_a_text_that_nobody_knows_arrives_whole(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    said = report("a", "8", text="A_NEW_WORD")
    said.append(103, "4711")
    desk.tell(said)
    with pytest.raises(Rejected, match="A_NEW_WORD") as caught:
        await placed.acknowledged()
    assert (caught.value.meaning, caught.value.report) == ("", said)
