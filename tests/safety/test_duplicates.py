"""The same order twice within a window."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.errors import LimitBreached
from fixgw.fix.message import Message
from fixgw.fix.tags import ALLOC_ACCOUNT
from fixgw.handlers.orders import Orders
from fixgw.handlers.passage import GuardedSession
from fixgw.safety.duplicates import DuplicateGuard
from tests.safety.messages import at, leave, new_order, replace

WINDOW = 0.5


@pytest.fixture
def guard() -> DuplicateGuard:
    return DuplicateGuard(WINDOW, "sessions.nr.risk")


def test_the_same_order_again_is_refused_until_the_window_is_over(guard: DuplicateGuard) -> None:
    leave(guard, new_order("a"), at(100.0))
    with pytest.raises(LimitBreached) as caught:
        leave(guard, new_order("b"), at(100.25))
    assert str(caught.value) == (
        "duplicate_window: like order a of 0.250 s ago, and 0.5 s have to lie between "
        "(set by sessions.nr.risk.duplicate_window)"
    )
    leave(guard, new_order("b"), at(100.5))


def test_a_refused_order_does_not_make_the_window_longer(guard: DuplicateGuard) -> None:
    leave(guard, new_order("a"), at(100.0))
    with pytest.raises(LimitBreached):
        leave(guard, new_order("b"), at(100.4))
    leave(guard, new_order("c"), at(100.6))


@pytest.mark.parametrize(
    "other", [{"symbol": "N"}, {"side": "2"}, {"qty": "11"}, {"price": "0.41"}, {"price": None}]
)
def test_an_order_that_differs_leaves(guard: DuplicateGuard, other: dict[str, Any]) -> None:
    leave(guard, new_order("a"), at(100.0))
    leave(guard, new_order("b", **other), at(100.0))


def test_the_same_order_in_another_subaccount_leaves(guard: DuplicateGuard) -> None:
    other, primary = new_order("b"), new_order("c")
    other.append(ALLOC_ACCOUNT, "2")
    primary.append(ALLOC_ACCOUNT, "0")
    leave(guard, new_order("a"), at(100.0))
    leave(guard, other, at(100.0))
    with pytest.raises(LimitBreached):
        leave(guard, primary, at(100.0))


def test_numbers_are_compared_and_not_their_digits(guard: DuplicateGuard) -> None:
    leave(guard, new_order("a", qty="10", price="0.40"), at(100.0))
    with pytest.raises(LimitBreached):
        leave(guard, new_order("b", qty="10.00", price="0.4000"), at(100.0))


def test_a_retry_under_the_same_cl_ord_id_leaves(guard: DuplicateGuard) -> None:
    leave(guard, new_order("a"), at(100.0))
    leave(guard, new_order("a"), at(100.1))


def test_the_same_replace_of_the_same_order_is_refused(guard: DuplicateGuard) -> None:
    leave(guard, new_order("a"), at(100.0))
    leave(guard, replace("a", cl_ord_id="b"), at(100.1))
    with pytest.raises(LimitBreached, match="like order b"):
        leave(guard, replace("a", cl_ord_id="c"), at(100.2))
    leave(guard, replace("other", cl_ord_id="d"), at(100.2))


def test_a_replace_that_leaves_the_price_is_like_one_that_says_it() -> None:
    orders = Orders()
    orders.on_sent(new_order("a", price="0.40"), 2)
    guard = DuplicateGuard(WINDOW)
    guard.bind(cast(GuardedSession, SimpleNamespace(orders=orders)))
    leave(guard, replace("a", cl_ord_id="b", qty="12", price="0.40"), at(100.0))
    with pytest.raises(LimitBreached):
        leave(guard, replace("a", cl_ord_id="c", qty="12", price=None), at(100.1))


def test_a_cancel_is_never_refused(guard: DuplicateGuard) -> None:
    for cl_ord_id in ("a", "b"):
        leave(guard, Message("F", [(11, cl_ord_id), (41, "o"), (54, "1"), (55, "M")]), at(100.0))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 3)), max_size=40))
def test_alike_orders_that_leave_lie_a_window_apart(steps: list[tuple[int, int]]) -> None:
    guard, mono, left = DuplicateGuard(WINDOW), Decimal(100), dict[int, Decimal]()
    for number, (wait, qty) in enumerate(steps):
        mono += Decimal(wait) / 64
        try:
            leave(guard, new_order(str(number), qty=str(qty)), at(float(mono)))
        except LimitBreached:
            assert mono - left[qty] < Decimal("0.5")
        else:
            assert qty not in left or mono - left[qty] >= Decimal("0.5")
            left[qty] = mono
