"""What orders tie up, and which are too much for their account: docs.kalshi.com/fix/order-entry."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from fixgw.sim.accounts import Accounts
from fixgw.sim.admission import OrderRefusal
from fixgw.sim.fees import FeeModel
from fixgw.sim.holdings import Open
from fixgw.sim.ledger import Ledger
from fixgw.sim.orders import ZERO, Holder, Order, OrdRejReason, Side, Terms

INSUFFICIENT_BALANCE: OrderRefusal = (OrdRejReason.EXCEEDS_LIMIT, "INSUFFICIENT_BALANCE")
MARKET_LIMIT: OrderRefusal = (OrdRejReason.EXCEEDS_LIMIT, "EXCEEDED_PER_MARKET_RISK_LIMIT")
SELL_FLOOR: OrderRefusal = (OrdRejReason.EXCEEDS_LIMIT, "EXCEEDED_SELL_POSITION_FLOOR")


class Risk:
    """Holds an order against what its account has.

    Args:
        accounts: what each began with, and its limits.
        ledger: what it has now.
        fees: what a trade costs.
    """

    def __init__(self, accounts: Accounts, ledger: Ledger, fees: FeeModel) -> None:
        self._accounts = accounts
        self._ledger = ledger
        self._fees = fees

    def refuse(self, terms: Terms, leaves: Decimal, open_orders: Iterable[Order]) -> OrderRefusal | None:
        """Return why an order is too much, or None.

        Args:
            terms: the order, as it is to be.
            leaves: its contracts that are to execute.
            open_orders: every open order of the venue but this one.
        """
        account = self._accounts.of(terms.owner.account)
        if not account.limited:
            return None
        mine = [
            (one.terms, one.leaves) for one in open_orders if one.terms.owner.holder == terms.owner.holder
        ]
        here = [(one, qty) for one, qty in mine if one.symbol == terms.symbol]
        reach = self._reach([*here, (terms, leaves)], terms)
        if account.market_limit is not None and abs(reach) > account.market_limit:
            return MARKET_LIMIT
        if account.sell_floor is not None and terms.side is Side.SELL and reach < account.sell_floor:
            return SELL_FLOOR
        start = self._accounts.start(terms.owner.holder)
        if start is not None and self._need(terms, leaves, mine) > start + self._ledger.purse(
            terms.owner.holder
        ):
            return INSUFFICIENT_BALANCE
        return None

    def available(self, holder: Holder, open_orders: Iterable[Order]) -> Decimal | None:
        """Return the dollars that a subaccount may still spend; None for no end of money.

        Args:
            holder: whose.
            open_orders: every open order of the venue.
        """
        start = self._accounts.start(holder)
        if start is None:
            return None
        return start + self._ledger.purse(holder) - self.tied_up(holder, open_orders)

    def tied_up(self, holder: Holder, open_orders: Iterable[Order]) -> Decimal:
        """Return the dollars that a subaccount's open orders tie up; arguments as for ``available``."""
        mine = [(one.terms, one.leaves) for one in open_orders if one.terms.owner.holder == holder]
        return sum(self._ledger.tied_up(mine).values(), ZERO)

    def _reach(self, orders: Iterable[Open], terms: Terms) -> Decimal:
        """The position when every open order of the side has executed, and none of the other."""
        position = self._ledger.holding(*terms.owner.holder, terms.symbol).position
        sign = 1 if terms.side is Side.BUY else -1
        return position + sign * sum((qty for one, qty in orders if one.side is terms.side), ZERO)

    def _need(self, terms: Terms, leaves: Decimal, mine: list[Open]) -> Decimal:
        """What all orders tie up with this one, its fee included; nothing costs more than its limit."""
        fee = self._fees.trade_fee(terms.price, leaves, aggressor=True, perpetual=terms.perpetual)
        return sum(self._ledger.tied_up([*mine, (terms, leaves)]).values(), ZERO) + fee
