"""The rounding of fees, by the vectors that the venue publishes, and what accounts pay in the end."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.sim.accounts import Accounts, AccountSpec
from fixgw.sim.fees import FeeModel
from tests.sim.desk import Desk

CENT = Decimal("0.01")


@pytest.mark.parametrize(
    ("qty", "price", "trade_fee", "net"),
    [
        ("1", "0.055", "0.0085", ["0.0150", "0.0050", "0.0150"]),
        ("0.30", "0.50", "0.0041", ["0.0100", "0", "0.0100"]),
        ("0.03", "0.3301", "0.0005", ["0.010097", "0.000097", "0.000097"]),
    ],
)
def test_rebates_pay_back_what_rounding_took(qty: str, price: str, trade_fee: str, net: list[str]) -> None:
    accumulated, paid = Decimal(0), []
    for _ in net:
        revenue = -Decimal(qty) * Decimal(price)
        charge = FeeModel().charge(Decimal(trade_fee), revenue, CENT, accumulated)
        assert (revenue - charge.trade - charge.rounding) % CENT == 0
        accumulated = charge.accumulated
        paid.append(charge.net)
    assert paid == [Decimal(amount) for amount in net]


@pytest.mark.parametrize("price", ["0.01", "0.3301", "0.50", "0.9999"])
@pytest.mark.parametrize("precision", ["0.0001", "0.01"])
def test_a_fee_is_never_negative(price: str, precision: str) -> None:
    accumulated = Decimal(0)
    for number in range(1, 60):
        qty = Decimal(number) / 100
        trade_fee = FeeModel().trade_fee(Decimal(price), qty, aggressor=True)
        charge = FeeModel().charge(trade_fee, -qty * Decimal(price), Decimal(precision), accumulated)
        accumulated = charge.accumulated
        assert charge.net >= 0


def test_the_model_is_rounded_up_to_a_millionth() -> None:
    fee = FeeModel().trade_fee(Decimal("0.3301"), Decimal("0.03"), aggressor=True)
    assert fee == Decimal("0.000465")
    assert FeeModel().trade_fee(Decimal("0.3301"), Decimal(1), aggressor=False) == 0


def fees(desk: Desk, who: str) -> list[Decimal]:
    return [trade.fee for trade in desk.ledger.trades() if trade.order.terms.owner.account == who]


def test_a_direct_member_pays_to_a_hundredth_of_a_cent() -> None:
    desk = Desk()
    desk.sell("bob", 1, "0.05")
    desk.buy("ann", 1, "0.05")
    assert fees(desk, "ann") == [Decimal("0.0034")]


def test_others_pay_to_a_cent() -> None:
    desk = Desk(accounts=Accounts([AccountSpec("ann", direct=False)]))
    desk.sell("bob", 3, "0.05")
    desk.buy("ann", 1, "0.05")  # an order of its own: its rounding counts apart
    desk.sell("cid", 1, "0.10")
    order = desk.buy("ann", 3, "0.10")
    assert order.cum == 3
    assert fees(desk, "ann") == [Decimal("0.01"), Decimal("0.01"), Decimal("0.01")]


def test_makers_may_pay_too() -> None:
    desk = Desk(fees=FeeModel(maker_rate=Decimal("0.0175")))
    desk.sell("bob", 1, "0.50")
    desk.buy("ann", 1, "0.50")
    assert (fees(desk, "ann"), fees(desk, "bob")) == ([Decimal("0.0175")], [Decimal("0.0044")])
