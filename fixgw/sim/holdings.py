"""What one holder has in one market: contracts, what they cost, and what they brought."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from fixgw.sim.orders import ZERO, Holder, Side, Terms


class HoldingKey(NamedTuple):
    """A market in the hands of a holder."""

    account: str
    subaccount: int
    symbol: str

    @classmethod
    def of(cls, terms: Terms) -> HoldingKey:
        """Return the holding that an order changes."""
        return cls(*terms.owner.holder, terms.symbol)

    @property
    def holder(self) -> Holder:
        """Whose it is."""
        return Holder(self.account, self.subaccount)


Open: TypeAlias = tuple[Terms, Decimal]  # what an order says, and the contracts that may still execute


def collateral(orders: Iterable[Open], position: Decimal) -> Decimal:
    """Return the dollars that open orders of one holder in one market tie up.

    Args:
        orders: the first of them close the position; what closes it ties nothing up.
        position: net YES contracts.
    """
    closable = {Side.BUY: max(ZERO, -position), Side.SELL: max(ZERO, position)}
    total = ZERO
    for terms, leaves in orders:
        covered = min(closable[terms.side], leaves)
        closable[terms.side] -= covered
        total += terms.cost(terms.price, leaves - covered)
    return total


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one side of a trade did to an account.

    Args:
        position: net YES contracts after it (negative: NO).
        balance: change of cash by price and fee, dollars.
        payout: what netting YES against NO paid, dollars.
        ranged: the part of ``balance`` that netting across a group of markets freed, dollars.
    """

    position: Decimal
    balance: Decimal
    payout: Decimal
    ranged: Decimal = ZERO


@dataclass(slots=True)
class Holding:
    """One holding over its life.

    Args:
        position: net YES contracts (negative: NO).
        cost: sum of YES price times contracts of what is open, dollars; negative for NO.
        bought: contracts of YES that were bought.
        sold: contracts of YES that were sold.
        fees: dollars.
        cash: dollars that trades, netting and settlement have moved, after fees.
        realised: profit of what was closed, by average cost, before fees, dollars.
    """

    position: Decimal = ZERO
    cost: Decimal = ZERO
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    fees: Decimal = ZERO
    cash: Decimal = ZERO
    realised: Decimal = ZERO

    def closable(self, side: Side) -> Decimal:
        """Return the contracts that an order of this side would close."""
        return max(ZERO, -self.position if side is Side.BUY else self.position)

    def trade(self, terms: Terms, price: Decimal, qty: Decimal, fee: Decimal) -> Settlement:
        """Book one side of a trade; see ``Ledger.settle``."""
        netted, realised = min(qty, self.closable(terms.side)), self.realised
        self._close(terms.side, price, netted)
        opened = qty - netted if terms.side is Side.BUY else netted - qty
        self.cost += opened * price
        self.position += opened
        if terms.side is Side.BUY:
            self.bought += qty
        else:
            self.sold += qty
        moved = self.realised - realised if terms.perpetual else -terms.cost(price, qty)
        payout = ZERO if terms.perpetual else netted
        self.fees += fee
        self.cash += moved - fee + payout
        return Settlement(self.position, moved - fee, payout)

    def pay(self, price: Decimal, paid: Decimal, fee: Decimal) -> None:
        """End the holding: every YES contract was worth ``price`` dollars, and ``paid`` came of it."""
        side = Side.SELL if self.position > 0 else Side.BUY
        self._close(side, price, abs(self.position))
        self.cash += paid
        self.fees += fee

    def _close(self, side: Side, price: Decimal, qty: Decimal) -> None:
        """Close contracts at the average of what the open ones cost."""
        if not qty:
            return
        whole = qty == abs(self.position)
        released = self.cost if whole else self.cost * qty / abs(self.position)
        signed = qty if side is Side.BUY else -qty
        self.realised += -signed * price - released
        self.cost -= released
        self.position += signed
