"""What the book keeps of its orders: over checkpoints, resets, retries and as they grow old."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.fix.message import Message
from fixgw.handlers import orderindex
from fixgw.handlers.order import Ending, OrderState
from fixgw.handlers.orderbook import OrderBook
from fixgw.messages.order_entry import (
    NewOrderSingle,
    OrderCancelRequest,
    OrdType,
    Side,
)


def new_order(cl_ord_id: str) -> Message:
    order = NewOrderSingle(
        cl_ord_id=cl_ord_id, symbol="X", side=Side.BUY, order_qty=Decimal(1), ord_type=OrdType.LIMIT
    )
    return order.message


def checkpointed(book: OrderBook) -> OrderBook:
    """Return the book as the next process has it."""
    after = OrderBook()
    after.load(book.dump())
    return after


@pytest.mark.parametrize(
    ("sent", "immediate"),
    [(b"20261009-14:29:59.999", False), (b"20261009-14:30:00.000", True), (b"today", False)],
    ids=["before the date", "at the date", "nobody knows when"],
)
def test_an_order_read_back_was_immediate_if_its_date_was_over_when_it_was_sent(
    sent: bytes, immediate: bool
) -> None:
    message = new_order("a")
    message.append(59, "6")
    message.append(126, "20261009-14:30:00.000")
    message.append(52, sent)
    book = OrderBook()
    book.on_sent(message, 5)
    (order,) = book
    assert order.immediate is immediate


def test_a_number_of_a_former_epoch_proves_nothing_after_a_checkpoint() -> None:
    book = OrderBook()
    book.on_sent(new_order("a"), 5)
    book.on_disconnect()
    book.on_reset(2, 0)
    book = checkpointed(book)
    book.on_not_sent(5)  # another message had that number since
    (order,) = book
    assert order.ending is Ending.UNKNOWN


def test_a_number_of_the_present_epoch_counts_after_a_checkpoint() -> None:
    book = OrderBook()
    book.on_sent(new_order("a"), 5)
    book.on_disconnect()
    book = checkpointed(book)
    book.on_not_sent(5)
    (order,) = book
    assert order.ending is Ending.NOT_SENT


def test_closed_orders_of_a_checkpoint_are_let_go_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orderindex, "CLOSED_KEPT", 2)
    book = OrderBook()
    for number in (1, 2):
        book.on_sent(new_order(f"a{number}"), number)
        book.on_not_sent(number)
    book = checkpointed(book)
    book.on_sent(new_order("a3"), 3)
    book.on_not_sent(3)
    assert [order.cl_ord_id for order in book] == ["a2", "a3"]


def test_a_retry_is_found_when_the_order_that_never_left_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orderindex, "CLOSED_KEPT", 1)
    book = OrderBook()
    book.on_sent(new_order("a"), 1)
    book.on_not_sent(1)
    book.on_sent(new_order("a"), 2)
    book.on_sent(new_order("b"), 3)
    book.on_not_sent(3)
    retry = book.get("a")
    assert retry is not None
    assert retry.state is OrderState.SENT


def test_a_gap_fill_recorded_after_the_retry_ends_the_first_one_alone() -> None:
    book = OrderBook()
    book.on_sent(new_order("a"), 1)
    book.on_sent(new_order("a"), 2)
    book.on_not_sent(1)
    assert book.in_flight == 1
    book.on_disconnect()
    assert [order.ending for order in book] == [Ending.NOT_SENT, Ending.UNKNOWN]


def test_an_order_that_is_let_go_takes_the_ids_of_its_cancels_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orderindex, "CLOSED_KEPT", 0)
    book = OrderBook()
    book.on_sent(new_order("a"), 1)
    cancel = OrderCancelRequest(cl_ord_id="a-cancel", orig_cl_ord_id="a", symbol="X", side=Side.BUY)
    book.on_sent(cancel.message, 2)
    book.on_not_sent(1)
    assert book.get("a") is None
    assert book.get("a-cancel") is None
