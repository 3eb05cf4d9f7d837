"""An order of unknown outcome is sent again under its own ClOrdID, and stays one order."""

# mypy: disable-error-code=comparison-overlap

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.errors import LocalError, NotSent, OutcomeUnknown, Rejected
from fixgw.fix.message import Message
from fixgw.handlers.order import Ending, Order, OrderState
from fixgw.handlers.orderbook import OrderBook
from tests.handlers.port import UNAVAILABLE, Desk, order, report


@pytest.fixture
def desk() -> Desk:
    return Desk()


def lost(desk: Desk) -> Order:
    """Return an order of which nobody knows."""
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.hear("a", "8", text=UNAVAILABLE)
    assert placed.ending is Ending.UNKNOWN
    return placed


def refusal(text: str, reason: str) -> Message:
    said = report("a", "8", text=text, order_id="V-refused")
    said.append(103, reason)
    return said


EXISTS = refusal("ORDER_ALREADY_EXISTS", "6")


async def test_a_retry_is_the_same_order_and_says_the_same(desk: Desk) -> None:
    placed = lost(desk)
    assert await desk.orders.retry(placed) is placed
    first, second = desk.port.sent
    assert first.pairs() == second.pairs()
    assert (placed.state, placed.ending, len(desk.orders)) == (OrderState.SENT, None, 1)
    desk.hear("a")
    assert await placed.acknowledged(timeout=1) is not None
    assert (placed.state, placed.order_id) == (OrderState.NEW, "V1")


async def test_submitting_it_again_is_a_retry(desk: Desk) -> None:
    placed = lost(desk)
    assert await desk.orders.submit(order(cl_ord_id="a")) is placed
    assert len(desk.port.sent) == 2


@pytest.mark.parametrize("other", [order(qty=9, cl_ord_id="a"), order(price="0.56", cl_ord_id="a")])
async def test_a_retry_with_other_terms_is_not_sent(desk: Desk, other: object) -> None:
    lost(desk)
    with pytest.raises(LocalError, match="other terms"):
        await desk.orders.submit(other)  # type: ignore[arg-type]
    assert len(desk.port.sent) == 1


async def test_that_its_id_is_in_use_confirms_the_first_attempt(desk: Desk) -> None:
    placed = lost(desk)
    await desk.orders.retry(placed)
    desk.tell(EXISTS)
    assert await placed.acknowledged(timeout=1) is EXISTS
    assert (placed.state, placed.order_id, placed.leaves_qty) == (OrderState.NEW, "", 10)
    assert desk.orders.endings[Ending.REFUSED] == 0
    desk.hear("a", "F", cum=10, leaves=0, order_id="V7")
    assert (placed.state, placed.order_id) == (OrderState.FILLED, "V7")


async def test_that_its_id_is_in_use_refuses_an_order_that_was_never_tried_before(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.tell(EXISTS)
    assert (placed.ending, placed.state) == (Ending.REFUSED, OrderState.REJECTED)


async def test_that_its_id_is_in_use_after_a_late_report_changes_nothing(desk: Desk) -> None:
    placed = lost(desk)
    await desk.orders.retry(placed)
    desk.hear("a", "F", cum=4, leaves=6)
    desk.tell(EXISTS)
    assert (placed.state, placed.ending) == (OrderState.PARTIALLY_FILLED, Ending.ACKNOWLEDGED)


@pytest.mark.parametrize(
    "said",
    [
        refusal("INSUFFICIENT_BALANCE", "3"),
        refusal("INTERNAL_ERROR", "99"),
        Message("j", [(45, "3"), (372, "D"), (380, "8"), (58, "rate limit exceeded")]),
    ],
)
async def test_any_other_refusal_of_a_retry_says_nothing_of_the_first_attempt(
    desk: Desk, said: Message
) -> None:
    placed = lost(desk)
    await desk.orders.retry(placed)
    desk.tell(said)
    with pytest.raises(OutcomeUnknown, match="the one before may have arrived"):
        await placed.acknowledged(timeout=1)
    assert (placed.state, placed.open) == (OrderState.UNKNOWN, True)
    await desk.orders.retry(placed)
    desk.tell(EXISTS)
    assert (placed.state, placed.ending) == (OrderState.NEW, Ending.ACKNOWLEDGED)


async def test_once_the_first_attempt_is_known_not_to_have_arrived_a_refusal_is_one(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.orders.on_disconnect()
    await desk.orders.retry(placed)
    desk.orders.on_not_sent(2)  # the gap fill for the first one
    assert placed.ending is None
    desk.tell(refusal("INSUFFICIENT_BALANCE", "3"))
    with pytest.raises(Rejected, match="INSUFFICIENT_BALANCE"):
        await placed.acknowledged(timeout=1)
    assert placed.state is OrderState.REJECTED


async def test_a_retry_that_never_arrived_leaves_what_was_known_before(desk: Desk) -> None:
    placed = lost(desk)
    await desk.orders.retry(placed)
    attempt = placed.request
    desk.orders.on_not_sent(3)
    with pytest.raises(NotSent):
        await attempt.acknowledged(timeout=1)
    assert (placed.ending, placed.state) == (Ending.UNKNOWN, OrderState.UNKNOWN)
    desk.hear("a")
    assert (placed.ending, placed.state) == (Ending.ACKNOWLEDGED, OrderState.NEW)


async def test_an_order_that_never_left_is_a_new_one_when_it_is_sent_again(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.orders.on_not_sent(2)
    again = await desk.orders.retry(placed)
    desk.hear("a")
    assert (placed.ending, again.ending) == (Ending.NOT_SENT, Ending.ACKNOWLEDGED)


@pytest.mark.parametrize("exec_type", [None, "0", "F"])
async def test_an_order_whose_outcome_is_known_or_awaited_is_not_sent_again(
    desk: Desk, exec_type: str | None
) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    if exec_type is not None:
        desk.hear("a", exec_type)
    with pytest.raises(LocalError, match="can not be sent again"):
        await desk.orders.retry(placed)


async def test_the_id_of_a_replace_is_no_name_to_retry_under(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.hear("a")
    change = await desk.orders.replace(placed, order_qty=Decimal(5))
    desk.orders.on_disconnect()
    with pytest.raises(LocalError, match="is in use"):
        await desk.orders.submit(order(cl_ord_id=change.cl_ord_id))


def test_a_retry_is_one_after_a_restart_from_the_tape() -> None:
    book, sent = OrderBook(), order(cl_ord_id="a").message
    book.on_sent(sent, 1)
    book.on_disconnect()
    book.on_sent(sent, 2)
    desk = Desk()
    desk.orders.load(book.dump())
    [placed] = desk.orders
    desk.tell(EXISTS)
    assert (placed.ending, placed.state) == (Ending.ACKNOWLEDGED, OrderState.NEW)


async def test_an_order_of_a_checkpoint_can_be_sent_again_as_it_was(desk: Desk) -> None:
    lost(desk)
    after = Desk()
    after.orders.load(desk.orders.dump())
    [placed] = after.orders
    await after.orders.retry(placed)
    assert after.port.sent[0].pairs() == desk.port.sent[0].pairs()
    after.tell(EXISTS)
    assert placed.ending is Ending.ACKNOWLEDGED


def test_the_numbers_of_attempts_are_forgotten_with_the_outcome(desk: Desk) -> None:
    lost(desk)
    desk.orders.place(order(cl_ord_id="a"))
    desk.hear("a")
    assert desk.orders._by_number == {}
    assert desk.orders._requests == {}
