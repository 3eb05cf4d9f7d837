"""Somebody to trade with: the house quotes both sides, and takes what it is told to take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from fixgw.sim.matching import MatchingEngine
from fixgw.sim.orders import EngineEvent, Order, Owner, Side, State, Terms, TimeInForce

HOUSE = Owner("house", "house")


@dataclass(slots=True)
class Quote:
    """One price that the house keeps in the book.

    Args:
        symbol: the market.
        side: buy or sell YES.
        price: YES price, dollars.
        size: contracts, each time anew.
        order: what stands for it now.
    """

    symbol: str
    side: Side
    price: Decimal
    size: Decimal
    order: Order


class Counterparty:
    """The house's orders.

    Args:
        engine: where they go.
        publish: reports the engine's events to those that they concern.
    """

    def __init__(self, engine: MatchingEngine, publish: Callable[[list[EngineEvent]], None]) -> None:
        self._engine = engine
        self._publish = publish
        self._quotes: list[Quote] = []
        self._numbers = count(1)
        self._renewing = False  # a new quote settles a cycle too

    def enter(
        self,
        symbol: str,
        side: Side,
        price: Decimal,
        qty: Decimal,
        now_ns: int,
        life: TimeInForce = TimeInForce.GTC,
    ) -> Order:
        """Enter one order and return it."""
        terms = Terms(f"house-{next(self._numbers)}", HOUSE, symbol, side, qty, price, life)
        self._publish(self._engine.submit(terms, now_ns))
        return self._engine.ledger.order(terms.cl_ord_id)

    def keep(self, symbol: str, side: Side, price: Decimal, size: Decimal, now_ns: int) -> None:
        """Keep ``size`` contracts at a price: what is taken whole is quoted again by ``renew``."""
        order = self.enter(symbol, side, price, size, now_ns)
        self._quotes.append(Quote(symbol, side, price, size, order))

    def renew(self, now_ns: int) -> None:
        """Quote again what was taken, but not into an order that waits there: it stays partly filled."""
        if self._renewing:
            return
        self._renewing = True
        for quote in self._quotes:
            taken = quote.order.state is State.FILLED
            if taken and not self._engine.books[quote.symbol].first_against(quote.side, quote.price):
                quote.order = self.enter(quote.symbol, quote.side, quote.price, quote.size, now_ns)
        self._renewing = False

    def take(self, order: Order, qty: Decimal, now_ns: int) -> Order:
        """Trade against a resting order at its price; orders with a better price or place come first."""
        terms = order.terms
        return self.enter(terms.symbol, terms.side.opposite, terms.price, qty, now_ns, TimeInForce.IOC)
