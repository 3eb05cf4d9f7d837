"""A price that its market does not take stays here."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fixgw.errors import ConfigError, Refused
from fixgw.fix.message import Message
from fixgw.safety.grid import Grid, GridGuard, Grids, PriceRange
from tests.safety.messages import NOW, new_order, replace


def _range(start: str, end: str, step: str) -> PriceRange:
    return PriceRange(Decimal(start), Decimal(end), Decimal(step))


TAPERED = (_range("0", "0.1", "0.001"), _range("0.1", "0.9", "0.01"), _range("0.9", "1", "0.001"))
FINEST = (_range("0", "1", "0.0001"),)


@pytest.mark.parametrize(
    ("price", "held"),
    [
        ("0.001", True),
        ("0.0005", False),
        ("0.099", True),
        ("0.10", True),
        ("0.1000", True),
        ("0.105", False),
        ("0.55", True),
        ("0.895", False),
        ("0.901", True),
        ("0.999", True),
        ("0", False),
        ("1", False),
        ("-0.01", False),
        ("55", False),
    ],
)
def test_the_step_is_that_of_the_range(price: str, held: bool) -> None:
    assert Grid(TAPERED, event=True).holds(Decimal(price)) is held


@given(st.integers(1, 99))
def test_a_whole_cent_is_a_price_of_every_event_contract(cents: int) -> None:
    assert Grid([_range("0.02", "0.98", "0.04")], event=True).holds(Decimal(cents) / 100)


@given(st.integers(1, 9_999))
def test_the_finest_grid_holds_every_hundredth_of_a_cent(units: int) -> None:
    grid = Grid(FINEST, event=True)
    assert grid.holds(Decimal(units).scaleb(-4))
    assert not grid.holds(Decimal(units).scaleb(-4) + Decimal("0.00005"))


def test_other_contracts_have_the_prices_of_their_ranges_alone() -> None:
    grid = Grid([_range("0.5", "100", "0.5")])
    assert [grid.holds(Decimal(price)) for price in ("19.5", "19.51", "0.51", "100.5")] == [
        True,
        False,
        False,
        False,
    ]


@given(st.decimals("-0.5", "1.5", places=5))
def test_the_next_prices_are_on_the_grid_and_enclose_the_one_asked_for(price: Decimal) -> None:
    grid = Grid(TAPERED, event=True)
    assume(not grid.holds(price))
    near = grid.around(price)
    assert all(grid.holds(one) for one in near)
    if 0 < price < 1:
        assert all(abs(one - price) <= Decimal("0.01") for one in near)


@pytest.mark.parametrize(
    ("start", "end", "step"), [("0", "1", "0"), ("0.5", "0.4", "0.01"), ("0", "1", "-1")]
)
def test_a_range_without_prices_is_refused(start: str, end: str, step: str) -> None:
    with pytest.raises(ConfigError, match="no price lies"):
        Grids().put("M", [_range(start, end, step)])


def _guard(symbol: str = "M") -> GridGuard:
    grids = Grids(event=True)
    grids.put(symbol, TAPERED)
    return GridGuard(grids)


@pytest.mark.parametrize("make", [new_order, replace], ids=["order", "replace"])
def test_orders_and_replaces_off_the_grid_are_refused(make: Callable[..., Message]) -> None:
    _guard().admit(make(price="0.55"), NOW)
    with pytest.raises(Refused) as caught:
        _guard().admit(make(price="0.555"), NOW)
    assert str(caught.value) == "Price(44) is 0.555, which is no price of M: take 0.55 or 0.56"
    assert caught.value.rule == "grid"


def test_a_replace_that_leaves_the_price_passes() -> None:
    _guard().admit(replace(price=None), NOW)


def test_a_market_without_a_grid_takes_any_price() -> None:
    _guard().admit(new_order(symbol="OTHER", price="0.555"), NOW)
    GridGuard(Grids(event=True)).admit(new_order(price="0.555"), NOW)


def test_a_quotes_price_for_no_is_judged_by_what_it_means_for_yes() -> None:
    guard = GridGuard(grids := Grids(event=True))
    grids.put("M", [_range("0", "0.5", "0.001")])
    guard.admit(Message("S", [(55, "M"), (132, "0.401"), (133, "0.599")]), NOW)
    guard.admit(Message("S", [(55, "M"), (132, "0"), (133, "0.599")]), NOW)
    with pytest.raises(Refused, match=r"OfferPx\(133\) is 0.401, .* take 0.41 or 0.40"):
        guard.admit(Message("S", [(55, "M"), (132, "0.401"), (133, "0.401")]), NOW)


def test_a_price_that_is_no_number_is_refused() -> None:
    with pytest.raises(Refused, match="grid can not judge it"):
        _guard().admit(new_order(price="cheap"), NOW)


def test_a_pattern_is_for_markets_without_a_grid_of_their_own() -> None:
    grids = Grids(event=True)
    grids.put("KXHIGHNY-*", TAPERED)
    grids.put("KXHIGHNY-A", FINEST)
    grids.put("*", [_range("0", "1", "0.01")])
    price = Decimal("0.0005")
    found = [grids.find(symbol) for symbol in ("KXHIGHNY-A", "KXHIGHNY-B", "OTHER")]
    assert [grid is not None and grid.holds(price) for grid in found] == [True, False, False]
    assert [grid is not None and grid.holds(Decimal("0.001")) for grid in found] == [True, True, False]


def test_grids_change_while_the_session_runs() -> None:
    guard = _guard("KX*")
    order = new_order(symbol="KXA", price="0.5555")
    with pytest.raises(Refused):
        guard.admit(order, NOW)
    guard.grids.put("KXA", FINEST)
    guard.admit(order, NOW)
    guard.grids.remove("KXA")
    with pytest.raises(Refused):
        guard.admit(order, NOW)
    guard.grids.remove("KX*")
    guard.admit(order, NOW)
