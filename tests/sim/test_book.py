"""The book: prices in order, time within a price, and the price grid."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.sim.book import Book, crosses
from fixgw.sim.orders import Order, Owner, Side, Terms


def order(name: str, side: Side, price: str, qty: str = "1") -> Order:
    return Order(name, Terms(name, Owner("a", "a"), "M", side, Decimal(qty), Decimal(price)))


def test_the_best_bid_is_the_highest_and_the_best_offer_the_lowest() -> None:
    book = Book("M")
    for name, side, price in (
        ("b1", Side.BUY, "0.40"),
        ("b2", Side.BUY, "0.45"),
        ("s1", Side.SELL, "0.60"),
        ("s2", Side.SELL, "0.55"),
    ):
        book.rest(order(name, side, price))
    assert [resting.order_id for resting in book] == ["b2", "b1", "s2", "s1"]
    assert book.side(Side.SELL).depth() == [(Decimal("0.55"), Decimal(1)), (Decimal("0.60"), Decimal(1))]
    assert book.side(Side.BUY).depth() == [(Decimal("0.45"), Decimal(1)), (Decimal("0.40"), Decimal(1))]


def test_within_a_price_the_oldest_comes_first_and_leaving_does_not_disturb_the_rest() -> None:
    book = Book("M")
    first, second, third = (order(name, Side.BUY, "0.40") for name in "abc")
    for resting in (first, second, third):
        book.rest(resting)
    book.remove(second)
    assert [resting.order_id for resting in book.side(Side.BUY)] == ["a", "c"]
    book.remove(first)
    book.remove(third)
    assert book.side(Side.BUY).best is None


def test_an_incoming_order_sees_only_what_its_limit_reaches() -> None:
    book = Book("M")
    for name, price in (("a", "0.50"), ("b", "0.51"), ("c", "0.52")):
        book.rest(order(name, Side.SELL, price))
    assert [resting.order_id for resting in book.all_against(Side.BUY, Decimal("0.51"))] == ["a", "b"]
    assert [resting.order_id for resting in book.all_against(Side.BUY, Decimal("0.99"))] == ["a", "b", "c"]
    assert book.first_against(Side.BUY, Decimal("0.49")) is None
    assert book.first_against(Side.SELL, Decimal("0.01")) is None


def test_equal_prices_cross_on_both_sides() -> None:
    assert crosses(Side.BUY, Decimal("0.50"), Decimal("0.50"))
    assert crosses(Side.SELL, Decimal("0.50"), Decimal("0.50"))
    assert not crosses(Side.SELL, Decimal("0.51"), Decimal("0.50"))


@pytest.mark.parametrize(
    ("price", "cents", "subpenny"),
    [
        ("0.01", True, True),
        ("0.99", True, True),
        ("0.5050", False, True),
        ("0.50005", False, False),
        ("0", False, False),
        ("1", False, False),
        ("-0.10", False, False),
    ],
)
def test_the_grid_of_prices(price: str, cents: bool, subpenny: bool) -> None:
    assert Book("M").on_grid(Decimal(price)) is cents
    assert Book("M", subpenny=True).on_grid(Decimal(price)) is subpenny
