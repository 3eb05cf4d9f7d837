"""The desk's own limits on its orders: what breaks one stays here.

They judge NewOrderSingle(D) and OrderCancelReplaceRequest(G), the latter by its new total. A cancel always
leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Protocol

from fixgw.clock import Now
from fixgw.errors import LimitBreached
from fixgw.fix.message import Message
from fixgw.handlers.base import SessionPort
from fixgw.safety.proposal import Proposal, proposal_of

DOLLAR = Decimal(1)


class Rule(Protocol):
    """One limit on one order.

    Attributes:
        name: of its setting, under which its refusals are counted.
    """

    name: str

    def breach(self, order: Proposal) -> str | None:
        """Return what is wrong, value and limit; None when nothing is."""
        ...


class MaxOrderQty:
    """No order is larger.

    Args:
        limit: contracts.
    """

    name = "max_order_qty"

    def __init__(self, limit: Decimal) -> None:
        self._limit = limit

    def breach(self, order: Proposal) -> str | None:
        """Return what is wrong with the quantity."""
        if order.qty is None:
            return "there is no OrderQty(38) to judge"
        return f"{order.qty} contracts, and {self._limit} at most" if order.qty > self._limit else None


class MaxNotional:
    """No order costs more.

    Args:
        limit: dollars.
        event: a contract pays one dollar, so a seller puts up what is left of it; else both sides the price.
    """

    name = "max_notional"

    def __init__(self, limit: Decimal, *, event: bool) -> None:
        self._limit = limit
        self._event = event

    def breach(self, order: Proposal) -> str | None:
        """Return what is wrong with price times quantity."""
        if order.qty is None or order.price is None:
            return "there are no OrderQty(38) and Price(44) to judge"
        each = order.price if order.buys or not self._event else DOLLAR - order.price
        notional = order.qty * each
        return f"{notional} dollars, and {self._limit} at most" if notional > self._limit else None


class PriceBand:
    """No order has a price outside of it.

    Args:
        least: dollars, or None.
        most: dollars, or None.
    """

    name = "price_band"

    def __init__(self, least: Decimal | None, most: Decimal | None) -> None:
        self._least = least
        self._most = most

    def breach(self, order: Proposal) -> str | None:
        """Return what is wrong with the price."""
        if order.price is None:
            return "there is no Price(44) to judge"
        if self._least is not None and order.price < self._least:
            return f"{order.price} dollars, and {self._least} at least"
        if self._most is not None and order.price > self._most:
            return f"{order.price} dollars, and {self._most} at most"
        return None


class AllowedSymbols:
    """Only these markets are traded.

    Args:
        patterns: symbols, or patterns such as ``KXHIGHNY-*``.
    """

    name = "symbols"

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = tuple(patterns)

    def breach(self, order: Proposal) -> str | None:
        """Return what is wrong with the symbol."""
        if any(fnmatchcase(order.symbol, pattern) for pattern in self._patterns):
            return None
        return f"{order.symbol or 'no Symbol(55)'}, and only {', '.join(self._patterns)}"


class PreTradeChecks:
    """Holds each order to its limits; a ``handlers.passage.Guard``.

    Args:
        rules: asked in this order.
        where: what holds their settings, for errors.
    """

    def __init__(self, rules: Sequence[Rule], where: str = "risk") -> None:
        self._rules = tuple(rules)
        self._where = where
        self._port: SessionPort | None = None

    def bind(self, port: SessionPort) -> None:
        """Look up there what a replace changes."""
        self._port = port

    def admit(self, message: Message, now: Now) -> None:
        """Let an order leave that breaks no limit, and whatever is no order.

        Raises:
            LimitBreached: it breaks one; the text names rule, value, limit and setting.
        """
        order = proposal_of(message, self._port)
        if order is None:
            return
        for rule in self._rules:
            wrong = rule.breach(order)
            if wrong is not None:
                raise LimitBreached(rule.name, wrong, self._where)

    def delay(self, message: Message, now: Now) -> float:
        """Return 0: waiting makes no order smaller."""
        return 0.0
