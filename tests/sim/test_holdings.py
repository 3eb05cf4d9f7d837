"""What holders have: average cost, realised profit, netting, and the ledger's sums over subaccounts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.sim.holdings import Holding
from fixgw.sim.orders import Owner, Side, Terms
from fixgw.sim.settlement import Result
from tests.sim.desk import MARKET, Desk

BUY, SELL = Side.BUY, Side.SELL
D = Decimal


def played(*trades: tuple[Side, str, str]) -> Holding:
    holding = Holding()
    for side, qty, price in trades:
        terms = Terms("a", Owner("ann", "ann"), MARKET, side, D(qty), D(price))
        holding.trade(terms, D(price), D(qty), D(0))
    return holding


@pytest.mark.parametrize(
    ("trades", "position", "cost", "realised"),
    [
        ([(BUY, "10", "0.40"), (BUY, "10", "0.60")], "20", "10", "0"),
        ([(BUY, "10", "0.40"), (BUY, "10", "0.60"), (SELL, "5", "0.70")], "15", "7.5", "1"),
        ([(BUY, "10", "0.40"), (SELL, "10", "0.30")], "0", "0", "-1"),
        ([(SELL, "10", "0.40"), (BUY, "4", "0.30")], "-6", "-2.4", "0.4"),
        ([(SELL, "4", "0.40"), (BUY, "10", "0.30")], "6", "1.8", "0.4"),
        ([(BUY, "4", "0.40"), (SELL, "10", "0.50")], "-6", "-3", "0.4"),
    ],
)
def test_profit_by_average_cost(
    trades: list[tuple[Side, str, str]], position: str, cost: str, realised: str
) -> None:
    holding = played(*trades)
    assert (holding.position, holding.cost, holding.realised) == (D(position), D(cost), D(realised))


@pytest.mark.parametrize(("price", "realised", "paid"), [("1", "6", "10"), ("0", "-4", "0")])
def test_settlement_realises_the_rest(price: str, realised: str, paid: str) -> None:
    holding = played((BUY, "10", "0.40"))
    holding.pay(D(price), D(paid), D(0))
    assert (holding.position, holding.cost, holding.realised) == (D(0), D(0), D(realised))
    assert holding.cash == D(realised)


def test_when_all_is_closed_cash_is_profit_less_fees() -> None:
    desk = Desk()
    desk.sell("bob", 10, "0.40")
    desk.buy("ann", 10, "0.40")
    desk.buy("bob", 10, "0.55")
    desk.sell("ann", 10, "0.55")
    ann = desk.ledger.holding("ann", 0, MARKET)
    assert (ann.bought, ann.sold, ann.realised) == (D(10), D(10), D("1.5"))
    assert ann.cash == ann.realised - ann.fees == desk.ledger.cash["ann"]


def test_sums_are_over_subaccounts() -> None:
    desk = Desk()
    desk.sell("bob", 10, "0.40")
    for subaccount in (0, 3):
        terms = desk.terms("ann", BUY, 2, "0.40")
        owner = Owner("ann", "ann", subaccount=subaccount)
        desk.submit(Terms(terms.cl_ord_id, owner, MARKET, BUY, D(2), D("0.40")))
    assert desk.ledger.holding("ann", 3, MARKET).position == 2
    assert desk.ledger.positions["ann", MARKET] == 4
    assert desk.ledger.fees == sum(holding.fees for holding in desk.ledger.holdings.values())


def test_a_market_pays_each_subaccount() -> None:
    desk = Desk()
    desk.sell("bob", 2, "0.40")
    desk.submit(Terms("a", Owner("ann", "ann", subaccount=3), MARKET, BUY, D(2), D("0.40")))
    market = desk.ledger.pay(MARKET, Result.YES, D(1), desk.now)
    assert [(one.account, one.position) for one in market.payouts] == [
        ("ann", D(2)),
        ("bob", D(-2)),
    ]
    assert desk.ledger.holding("ann", 3, MARKET).position == 0
