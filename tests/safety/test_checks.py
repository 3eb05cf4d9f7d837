"""The desk's own limits on single orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixgw.errors import LimitBreached, LocalError, Refused
from fixgw.fix.message import Message
from fixgw.handlers.orders import Orders
from fixgw.handlers.passage import GuardedSession
from fixgw.safety.checks import AllowedSymbols, MaxNotional, MaxOrderQty, PreTradeChecks, PriceBand, Rule
from tests.safety.messages import NOW, new_order, replace

D = Decimal
Make = Callable[..., Message]
both = pytest.mark.parametrize("make", [new_order, replace], ids=["order", "replace"])


def _guard(*rules: Rule, orders: Orders | None = None) -> PreTradeChecks:
    guard = PreTradeChecks(rules, "sessions.nr.risk")
    if orders is not None:
        guard.bind(cast(GuardedSession, SimpleNamespace(orders=orders)))
    return guard


def _refuses(guard: PreTradeChecks, message: Message) -> bool:
    try:
        guard.admit(message, NOW)
    except LimitBreached:
        return True
    return False


@both
@pytest.mark.parametrize(
    ("rule", "fits", "breaks"),
    [
        (MaxOrderQty(D(10)), {"qty": "10.00"}, {"qty": "10.01"}),
        (MaxNotional(D(4), event=True), {"qty": "10", "price": "0.40"}, {"qty": "10", "price": "0.41"}),
        (MaxNotional(D(4), event=True), {"side": "2", "price": "0.60"}, {"side": "2", "price": "0.59"}),
        (MaxNotional(D(200), event=False), {"side": "2", "price": "20"}, {"side": "2", "price": "20.01"}),
        (PriceBand(D("0.05"), D("0.95")), {"price": "0.05"}, {"price": "0.0499"}),
        (PriceBand(D("0.05"), D("0.95")), {"price": "0.95"}, {"price": "0.9501"}),
        (PriceBand(None, D("0.95")), {"price": "0.0001"}, {"price": "0.96"}),
        (PriceBand(D("0.05"), None), {"price": "0.99"}, {"price": "0.04"}),
        (AllowedSymbols(["KX*-26*", "M"]), {"symbol": "KXHIGHNY-26DEC31"}, {"symbol": "KXHIGHNY-27DEC31"}),
        (AllowedSymbols(["KX*-26*", "M"]), {"symbol": "M"}, {"symbol": "m"}),
    ],
)
def test_a_limit_may_be_reached_and_not_passed(
    make: Make, rule: Rule, fits: Mapping[str, str], breaks: Mapping[str, str]
) -> None:
    guard = _guard(rule)
    assert (_refuses(guard, make(**fits)), _refuses(guard, make(**breaks))) == (False, True)


def test_a_refusal_names_rule_value_limit_and_setting() -> None:
    with pytest.raises(LimitBreached) as caught:
        _guard(MaxOrderQty(D(10))).admit(new_order(qty="11"), NOW)
    assert (
        str(caught.value)
        == "max_order_qty: 11 contracts, and 10 at most (set by sessions.nr.risk.max_order_qty)"
    )
    assert caught.value.rule == "max_order_qty"
    assert isinstance(caught.value, LocalError)


def test_the_first_rule_that_is_broken_is_named() -> None:
    guard = _guard(AllowedSymbols(["A"]), MaxOrderQty(D(1)))
    with pytest.raises(LimitBreached, match=r"^symbols: M, and only A "):
        guard.admit(new_order(), NOW)


@pytest.mark.parametrize("msg_type", ["F", "q", "UOG", "S", "V"])
def test_what_is_no_order_is_not_judged(msg_type: str) -> None:
    guard = _guard(MaxOrderQty(D(1)), AllowedSymbols(["A"]), PriceBand(D("0.5"), None))
    guard.admit(Message(msg_type, [(38, "100"), (55, "M"), (44, "0.01")]), NOW)


@pytest.mark.parametrize(
    ("rule", "order"),
    [
        (MaxNotional(D(1), event=True), {"price": None}),
        (PriceBand(None, D(1)), {"price": None}),
    ],
)
def test_what_can_not_be_judged_does_not_leave(rule: Rule, order: dict[str, Any]) -> None:
    with pytest.raises(LimitBreached, match=r"there (is|are) no .*Price\(44\) to judge"):
        _guard(rule).admit(new_order(**order), NOW)


@pytest.mark.parametrize("msg_type", ["E", "s", "t", "AB", "AC"])
def test_orders_in_another_form_do_not_leave(msg_type: str) -> None:
    with pytest.raises(Refused, match="send each as a NewOrderSingle"):
        _guard(MaxOrderQty(D(10))).admit(Message(msg_type, [(11, "a")]), NOW)


def test_an_order_without_a_quantity_does_not_leave() -> None:
    with pytest.raises(LimitBreached, match=r"there is no OrderQty\(38\) to judge"):
        _guard(MaxOrderQty(D(1))).admit(Message("D", [(11, "a"), (44, "0.5"), (54, "1"), (55, "M")]), NOW)


def test_a_quantity_that_is_no_number_does_not_leave() -> None:
    with pytest.raises(Refused, match="can not judge it") as caught:
        _guard(MaxOrderQty(D(1))).admit(new_order(qty="many"), NOW)
    assert caught.value.rule == "risk"


def test_a_replace_without_a_price_is_judged_by_the_orders() -> None:
    orders = Orders()
    orders.on_sent(new_order("a", price="0.60"), 2)
    guard = _guard(MaxNotional(D(5), event=True), orders=orders)
    assert not _refuses(guard, replace("a", qty="8", price=None))
    assert _refuses(guard, replace("a", qty="9", price=None))


def test_a_replace_of_an_unknown_order_without_a_price_does_not_leave() -> None:
    assert _refuses(_guard(PriceBand(None, D(1)), orders=Orders()), replace("x", price=None))


def test_waiting_changes_nothing() -> None:
    assert _guard(MaxOrderQty(D(1))).delay(new_order(qty="11"), NOW) == 0
