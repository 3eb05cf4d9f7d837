"""One market's book: resting orders by price, then by time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal

from fixgw.sim.orders import ZERO, Order, SelfTrade, Side

CENT = Decimal("0.01")
SUBPENNY = Decimal("0.0001")
CONTRACT = Decimal("0.01")


class HalfBook:
    """The orders of one side; the best price first, within a price the oldest first.

    Args:
        side: which side rests here.
    """

    def __init__(self, side: Side) -> None:
        self._sign = -1 if side is Side.BUY else 1
        self._keys: list[Decimal] = []  # sign * price, ascending: the best comes first
        self._levels: dict[Decimal, dict[str, Order]] = {}

    def add(self, order: Order) -> None:
        """Put an order behind all others of its price."""
        key = self._sign * order.terms.price
        level = self._levels.get(key)
        if level is None:
            level = self._levels[key] = {}
            insort(self._keys, key)
        level[order.order_id] = order

    def remove(self, order: Order) -> None:
        """Take an order out."""
        key = self._sign * order.terms.price
        level = self._levels[key]
        del level[order.order_id]
        if not level:
            del self._levels[key]
            del self._keys[bisect_left(self._keys, key)]

    @property
    def best(self) -> Order | None:
        """The order that trades next."""
        return next(iter(self._levels[self._keys[0]].values())) if self._keys else None

    def __iter__(self) -> Iterator[Order]:
        """Yield the orders in the order in which they would trade."""
        for key in self._keys:
            yield from self._levels[key].values()

    def depth(self) -> list[tuple[Decimal, Decimal]]:
        """Return (price, contracts) by level, the best first."""
        return [
            (self._sign * key, sum((order.leaves for order in self._levels[key].values()), ZERO))
            for key in self._keys
        ]


class Book:
    """A market's book.

    Args:
        symbol: the market's ticker.
        subpenny: prices may stand on $0.0001; otherwise whole cents only.
        perpetual: contracts never pay out: they are whole, and a price may be any number of dollars, on
            $0.0001; otherwise a contract pays one dollar to YES or to NO.
        high_volatility: an accepted quote is confirmed and executed in seconds; see ``rfq.Timers``.
        exchange_index: the shard of the exchange that it lives on.

    Attributes:
        active: it trades, unless the exchange is paused.
        settled: it has paid, and never trades again.
        floor: what YES will pay at least, dollars; no order may stand there or below.
    """

    def __init__(
        self,
        symbol: str,
        *,
        subpenny: bool = False,
        perpetual: bool = False,
        high_volatility: bool = False,
        exchange_index: int = 0,
    ) -> None:
        self.symbol = symbol
        self.perpetual = perpetual
        self.exchange_index = exchange_index
        self.high_volatility = high_volatility
        self.tick = SUBPENNY if subpenny or perpetual else CENT
        self.active = True
        self.settled = False
        self.floor = ZERO
        self._sides = {side: HalfBook(side) for side in Side}

    def on_grid(self, price: Decimal) -> bool:
        """Return true for a price above the floor, below one dollar where that is paid, on the tick."""
        return price > self.floor and (self.perpetual or price < 1) and price % self.tick == 0

    @property
    def refusal(self) -> str:
        """Text(58) that refuses what is sent to it; empty while it is active."""
        if self.active:
            return ""
        return "MARKET_ALREADY_CLOSED" if self.settled else "MARKET_INACTIVE"

    def is_size(self, qty: Decimal) -> bool:
        """Return true for a number of contracts that can be traded."""
        return qty > ZERO and qty % (1 if self.perpetual else CONTRACT) == 0

    def side(self, side: Side) -> HalfBook:
        """Return the resting orders of one side."""
        return self._sides[side]

    def rest(self, order: Order) -> None:
        """Put an order at the end of the queue of its price."""
        self._sides[order.terms.side].add(order)

    def remove(self, order: Order) -> None:
        """Take an order out."""
        self._sides[order.terms.side].remove(order)

    def __iter__(self) -> Iterator[Order]:
        """Yield all resting orders, bids first."""
        for half in self._sides.values():
            yield from half

    def first_against(self, side: Side, limit: Decimal) -> Order | None:
        """Return the resting order that an incoming one at ``limit`` trades with first, if any."""
        resting = self._sides[side.opposite].best
        return resting if resting is not None and crosses(side, limit, resting.terms.price) else None

    def all_against(self, side: Side, limit: Decimal) -> Iterator[Order]:
        """Yield, in order of priority, every resting order that an incoming one could trade with."""
        for resting in self._sides[side.opposite]:
            if not crosses(side, limit, resting.terms.price):
                return
            yield resting

    def fills(self, order: Order) -> Iterator[tuple[Decimal, Decimal]]:
        """Yield what an incoming order would trade, as (price, contracts), without trading it."""
        terms, open_qty = order.terms, order.leaves
        for resting in self.all_against(terms.side, terms.price):
            own = resting.terms.owner.holder == terms.owner.holder
            if not open_qty or (own and terms.self_trade is SelfTrade.TAKER):
                return
            if not own:
                qty = min(open_qty, resting.leaves)
                open_qty -= qty
                yield resting.terms.price, qty


def crosses(side: Side, limit: Decimal, resting: Decimal) -> bool:
    """Return true when an incoming order at ``limit`` may trade with a resting one at ``resting``."""
    return limit >= resting if side is Side.BUY else limit <= resting
