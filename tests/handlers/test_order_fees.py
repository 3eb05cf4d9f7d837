"""What an order's fills cost in fees."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.fix.message import Message
from fixgw.handlers.orders import Orders
from tests.handlers.port import Desk, order, report

FEE = ((136, "1"), (137, "0.07"), (138, "USD"), (139, "4"), (891, "0"))


def filled(qty: int, leaves: int, exec_id: str, exec_type: str = "F") -> Message:
    """Return a report with a fee."""
    message = report("a", exec_type, cum=qty, leaves=leaves, exec_id=exec_id)
    for tag, value in FEE:
        message.append(tag, value)
    return message


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.orders.place(order(cl_ord_id="a"))
    return desk


def fees(orders: Orders) -> Decimal:
    found = orders.get("a")
    assert found is not None
    return found.snapshot().fees


def test_the_fees_of_all_fills_add_up(desk: Desk) -> None:
    desk.tell(filled(4, 6, "1;1"))
    desk.tell(filled(10, 0, "2;1"))
    assert fees(desk.orders) == Decimal("0.14")


def test_a_fill_that_comes_again_costs_nothing_more(desk: Desk) -> None:
    desk.tell(filled(4, 6, "1;1"))
    desk.tell(filled(4, 6, "1;1"))
    assert fees(desk.orders) == Decimal("0.07")


def test_a_fill_that_comes_late_costs_its_fee(desk: Desk) -> None:
    desk.tell(filled(10, 0, "2;1"))
    desk.tell(filled(4, 6, "1;1"))
    assert fees(desk.orders) == Decimal("0.14")


def test_a_report_of_the_status_costs_nothing(desk: Desk) -> None:
    desk.tell(filled(4, 6, "1;1", exec_type="I"))
    assert fees(desk.orders) == 0


def test_fees_survive_a_checkpoint(desk: Desk) -> None:
    desk.tell(filled(4, 6, "1;1"))
    back = Orders()
    back.load(desk.orders.dump())
    assert fees(back) == Decimal("0.07")
