"""Requests of unknown outcome, once all that the venue has done was told."""

# mypy: disable-error-code=comparison-overlap

from __future__ import annotations

from math import inf

import pytest

from fixgw.handlers.order import Ending, OrderState
from fixgw.venues.kalshi import messages as kalshi
from tests.handlers.port import Desk, order


@pytest.fixture
def desk() -> Desk:
    return Desk(*kalshi.MESSAGES)


async def test_an_order_that_was_sent_twice_came_to_nothing_once(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.orders.on_disconnect()
    first = placed.request
    assert await desk.orders.retry(placed) is placed
    desk.orders.on_disconnect()
    assert desk.orders.settle_untold(inf) == [first, placed.request]
    assert (placed.state, placed.formers, first.ending) == (OrderState.NOT_SENT, (), Ending.NOT_SENT)
    assert desk.orders.doubtful == []


async def test_an_order_that_was_sent_twice_and_told_of_once_stands(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.orders.on_disconnect()
    await desk.orders.retry(placed)
    desk.orders.on_disconnect()
    desk.hear("a")
    assert desk.orders.settle_untold(inf) == []
    assert (placed.state, placed.ending) == (OrderState.NEW, Ending.ACKNOWLEDGED)


async def test_a_replace_that_came_to_nothing_leaves_the_terms_as_they_were(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.hear("a")
    change = desk.orders.request_replace(placed, order_qty=placed.order_qty + 5)
    desk.orders.on_disconnect()
    assert desk.orders.settle_untold(inf) == [change]
    assert (placed.state, placed.order_qty, placed.pending) == (OrderState.NEW, 10, {})


def test_what_awaits_its_answer_is_left_alone(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    assert desk.orders.settle_untold(inf) == []
    assert placed.state is OrderState.SENT


def test_what_was_sent_later_is_left_alone(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.orders.on_disconnect()
    assert desk.orders.settle_untold(placed.request.sent_at - 1) == []
    assert desk.orders.doubtful == [placed.request]
