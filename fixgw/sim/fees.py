"""What a fill costs: docs.kalshi.com/getting_started/fee_rounding.

The trade fee is rounded up; then the change of the balance is rounded down to what the account is kept in,
and the difference is a rounding fee. Each order adds these up, and gets a rebate when they exceed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_UP, Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Charge:
    """The fee of one fill, dollars.

    Args:
        trade: by the model.
        rounding: what brings the balance to its precision.
        rebate: what is paid back of earlier rounding.
        accumulated: rounding fees of the order that are not paid back yet.
    """

    trade: Decimal
    rounding: Decimal
    rebate: Decimal
    accumulated: Decimal

    @property
    def net(self) -> Decimal:
        """What the fill costs in the end; never negative."""
        return self.trade + self.rounding - self.rebate


@dataclass(frozen=True, slots=True)
class FeeModel:
    """The venue's fees.

    Args:
        taker_rate: who comes second pays ``taker_rate * qty * price * (1 - price)``.
        maker_rate: who came first pays the same with this rate.
        perpetual_rate: on a perpetual future who comes second pays ``perpetual_rate * qty * price``, and who
            came first nothing.
        grid: what the trade fee is rounded up to, dollars.
        rebate: what is paid back once an order's rounding fees exceed it, dollars.
    """

    taker_rate: Decimal = Decimal("0.07")
    maker_rate: Decimal = ZERO
    perpetual_rate: Decimal = Decimal("0.0005")
    grid: Decimal = Decimal("0.000001")
    rebate: Decimal = Decimal("0.01")

    def trade_fee(self, price: Decimal, qty: Decimal, *, aggressor: bool, perpetual: bool = False) -> Decimal:
        """Return the fee by the model, dollars.

        Args:
            price: of YES, dollars.
            qty: contracts.
            aggressor: the order came second.
            perpetual: the contracts are perpetual futures.
        """
        if perpetual:
            base = self.perpetual_rate * qty * price if aggressor else ZERO
        else:
            base = (self.taker_rate if aggressor else self.maker_rate) * qty * price * (1 - price)
        return base.quantize(self.grid, ROUND_UP)

    def charge(
        self, trade_fee: Decimal, revenue: Decimal, precision: Decimal, accumulated: Decimal = ZERO
    ) -> Charge:
        """Return what a fill costs once its account's balance is rounded.

        Args:
            trade_fee: by the model, dollars.
            revenue: change of the balance before fees, dollars; negative for a purchase.
            precision: what the account's balance is kept in, dollars.
            accumulated: rounding fees of the same order before, not paid back yet, dollars.
        """
        before = revenue - trade_fee
        rounding = before - before.quantize(precision, ROUND_FLOOR)
        accumulated += rounding
        due = accumulated > self.rebate and trade_fee + rounding >= self.rebate
        rebate = self.rebate if due else ZERO
        return Charge(trade_fee, rounding, rebate, accumulated - rebate)
