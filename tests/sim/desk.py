"""Two traders at the matching engine, in few words."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from typing import Any

from fixgw.sim.matching import MatchingEngine
from fixgw.sim.orders import (
    Cancelled,
    CancelRequest,
    EngineEvent,
    Order,
    Owner,
    Pending,
    ReplaceRequest,
    Side,
    Terms,
    TimeInForce,
)

MARKET = "HIGHNY-26DEC31"
NOON = 1_791_556_200_000_000_000  # 2026-10-09T14:30:00Z
SECOND = 1_000_000_000


class Desk:
    """An engine with one market, and the words to trade on it."""

    def __init__(self, **engine: Any) -> None:
        self.engine = MatchingEngine(**engine)
        self.ledger = self.engine.ledger
        self.book = self.engine.list_market(MARKET)
        self.now = NOON
        self._numbers = count(1)

    def terms(self, who: str, side: Side, qty: object, price: object, **more: Any) -> Terms:
        cl_ord_id = more.pop("cl_ord_id", None) or f"{who}-{next(self._numbers)}"
        symbol = more.pop("symbol", MARKET)
        return Terms(cl_ord_id, Owner(who, who), symbol, side, Decimal(str(qty)), Decimal(str(price)), **more)

    def submit(self, terms: Terms) -> list[EngineEvent]:
        return without_pending(self.engine.submit(terms, self.now))

    def order(self, who: str, side: Side, qty: object, price: object, **more: Any) -> Order:
        terms = self.terms(who, side, qty, price, **more)
        self.submit(terms)
        return self.ledger.order(terms.cl_ord_id)

    def buy(self, who: str, qty: object, price: object, **more: Any) -> Order:
        return self.order(who, Side.BUY, qty, price, **more)

    def sell(self, who: str, qty: object, price: object, **more: Any) -> Order:
        return self.order(who, Side.SELL, qty, price, **more)

    def ioc(self, who: str, side: Side, qty: object, price: object, **more: Any) -> Order:
        return self.order(who, side, qty, price, time_in_force=TimeInForce.IOC, **more)

    def cancel(self, order: Order, **more: Any) -> list[EngineEvent]:
        return without_pending(
            self.engine.cancel(cancel_of(order, f"f-{next(self._numbers)}", **more), self.now)
        )

    def replace(self, order: Order, qty: object, price: object = None, **more: Any) -> list[EngineEvent]:
        request = ReplaceRequest(
            more.pop("cl_ord_id", f"g-{next(self._numbers)}"),
            more.pop("orig_cl_ord_id", order.terms.cl_ord_id),
            more.pop("owner", order.terms.owner),
            more.pop("symbol", order.terms.symbol),
            more.pop("side", order.terms.side),
            Decimal(str(qty)),
            None if price is None else Decimal(str(price)),
            **more,
        )
        return without_pending(self.engine.replace(request, self.now))

    def depth(self, side: Side) -> list[tuple[str, str]]:
        return [(str(price), str(qty)) for price, qty in self.book.side(side).depth()]


def cancel_of(order: Order, cl_ord_id: str, **more: Any) -> CancelRequest:
    return CancelRequest(
        cl_ord_id,
        more.pop("orig_cl_ord_id", order.terms.cl_ord_id),
        more.pop("owner", order.terms.owner),
        more.pop("symbol", order.terms.symbol),
        more.pop("side", order.terms.side),
        **more,
    )


def without_pending(events: list[EngineEvent]) -> list[EngineEvent]:
    return [event for event in events if not isinstance(event, Pending)]


def kinds(events: list[EngineEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


def causes(events: list[EngineEvent]) -> list[str]:
    return [event.cause.name for event in events if isinstance(event, Cancelled)]
