"""What a replace does to the terms of an order, and when it may not: docs.kalshi.com/fix/order-entry."""

from __future__ import annotations

from dataclasses import replace

from fixgw.sim.admission import CancelRefusal
from fixgw.sim.book import Book
from fixgw.sim.orders import ZERO, Cause, CxlRejReason, Order, ReplaceRequest, Terms, TimeInForce
from fixgw.sim.trading_day import end_of_day_ns


def refuse_crossing(request: ReplaceRequest, order: Order, book: Book) -> CancelRefusal | None:
    """Refuse a replace that would trade with its own account, or trade at all when it is post-only."""
    price = order.terms.price if request.price is None else request.price
    open_qty = request.qty - order.cum
    for resting in book.all_against(order.terms.side, price):
        if open_qty <= ZERO:
            break
        if resting.terms.owner.holder == order.terms.owner.holder:
            return CxlRejReason.INVALID_PRICE_INCREMENT, "SELF_CROSS_ATTEMPT"
        if order.terms.post_only:
            return CxlRejReason.OTHER, Cause.POST_ONLY.value
        open_qty -= resting.leaves
    return None


def amended(terms: Terms, request: ReplaceRequest, now_ns: int) -> Terms:
    """Return the terms of an order once a replace has taken effect."""
    new = replace(
        terms,
        cl_ord_id=request.cl_ord_id,
        qty=request.qty,
        price=terms.price if request.price is None else request.price,
    )
    if request.time_in_force is None:
        return new
    return dated(replace(new, time_in_force=request.time_in_force, expire_ns=request.expire_ns), now_ns)


def dated(terms: Terms, now_ns: int) -> Terms:
    """Give a Day order its deadline, and make a GTD order whose time is over an IOC."""
    if terms.time_in_force is TimeInForce.DAY:
        return replace(terms, expire_ns=end_of_day_ns(now_ns))
    if terms.time_in_force is TimeInForce.GTD and (terms.expire_ns or 0) <= now_ns:
        return replace(terms, time_in_force=TimeInForce.IOC, expire_ns=None)
    return terms
