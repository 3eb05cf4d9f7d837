"""The lane of sessions with UseCapReservation(21032), for clearing members: docs.kalshi.com/fix/order-entry.

What an order may cost is reserved of the day's cap of its customer's account. What the venue leaves open is
decided here: a cap is in dollars; an order counts for the day, by New York's clocks, on which it came or was
last amended, with what has executed and what may, at its limit; an amendment is in progress until its report
has left; a quote is accepted without a reservation, as the pages say.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from fixgw.sim.admission import CancelRefusal, OrderRefusal
from fixgw.sim.client import Client
from fixgw.sim.matching import MatchingEngine
from fixgw.sim.orders import (
    ZERO,
    Accepted,
    CxlRejReason,
    EngineEvent,
    Order,
    OrdRejReason,
    Replaced,
    ReplaceRequest,
    Terms,
)
from fixgw.sim.trading_day import trade_date

EXCEEDED = "EVENT_CONTRACT_DAILY_CAP_EXCEEDED"
NOT_FOUND: OrderRefusal = (OrdRejReason.UNKNOWN_ACCOUNT, "EVENT_CONTRACT_DAILY_CAP_NOT_FOUND")
ROUTED = "INVALID_ORDER"  # an explicit ExDestination(100): no text is published
MISMATCH: CancelRefusal = (CxlRejReason.UNKNOWN_ORDER, "ORDER_ATTRIBUTES_MISMATCH")
IN_PROGRESS: CancelRefusal = (CxlRejReason.BROKER, "ORDER_AMEND_IN_PROGRESS")


class CapLane:
    """Holds orders against the day's caps of their accounts.

    Args:
        engine: knows the accounts and the orders.
    """

    def __init__(self, engine: MatchingEngine) -> None:
        self._engine = engine
        self._day = ""
        self._orders: dict[str, Order] = {}  # of the day, by OrderID

    def refuse_order(self, terms: Terms, now_ns: int) -> OrderRefusal | None:
        """Return why the lane does not take a new order, or None."""
        if terms.named.exchange_index is not None:
            return OrdRejReason.UNSUPPORTED, ROUTED
        if terms.quote is not None:
            return None
        cap = self._engine.accounts.of(terms.owner.account).daily_cap
        if cap is None:
            return NOT_FOUND
        if self._reserved(terms, now_ns) + terms.cost(terms.price, terms.qty) > cap:
            return OrdRejReason.EXCEEDS_LIMIT, EXCEEDED
        return None

    def refuse_replace(self, client: Client, request: ReplaceRequest, now_ns: int) -> CancelRefusal | None:
        """Return why the lane does not take an amendment, or None; an order that is not known is not its."""
        if request.named.exchange_index is not None:
            return CxlRejReason.OTHER, ROUTED
        order = self._engine.ledger.find(request.owner.session, request.orig_cl_ord_id)
        if order is None:
            return None
        terms = order.terms
        if (terms.side, terms.symbol) != (request.side, request.symbol):
            return MISMATCH
        if _untold(client, order):
            return IN_PROGRESS
        price = terms.price if request.price is None else request.price
        cap = self._engine.accounts.of(terms.owner.account).daily_cap or ZERO
        if self._reserved(terms, now_ns, but=order) + terms.cost(price, request.qty) > cap:
            return CxlRejReason.BROKER, EXCEEDED
        return None

    def reserve(self, events: Iterable[EngineEvent]) -> None:
        """Take in what was accepted of what the lane has let through."""
        for event in events:
            if isinstance(event, Accepted | Replaced) and event.order.terms.quote is None:
                self._orders[event.order.order_id] = self._engine.ledger.orders[event.order.order_id]

    def _reserved(self, terms: Terms, now_ns: int, but: Order | None = None) -> Decimal:
        """Dollars that the day's orders of an account have reserved; what was cancelled is free again."""
        day = trade_date(now_ns)
        if day != self._day:
            self._day = day
            self._orders.clear()
        mine = [
            one
            for one in self._orders.values()
            if one is not but and one.terms.owner.account == terms.owner.account
        ]
        return sum((one.terms.cost(one.terms.price, one.cum + one.leaves) for one in mine), ZERO)


def _untold(client: Client, order: Order) -> bool:
    """Tell whether the report of an amendment is still held back."""
    return any(
        (report.msg_type, report.text(37), report.text(150)) == ("8", order.order_id, "5")
        for report in client.held or ()
    )
