"""What the matching engine refuses, with which code and text: docs.kalshi.com/fix/order-entry.

The checks run in the order in which they stand. Where the venue publishes no text, one is chosen in its
style.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from fixgw.sim.book import Book
from fixgw.sim.groups import OrderGroup
from fixgw.sim.orders import (
    CancelRequest,
    CxlRejReason,
    Named,
    Order,
    OrdRejReason,
    ReplaceRequest,
    State,
    Terms,
    TimeInForce,
)
from fixgw.sim.quirks import RECOMMENDED, Quirks

OrderRefusal: TypeAlias = tuple[OrdRejReason, str]
CancelRefusal: TypeAlias = tuple[CxlRejReason, str]

REDUCING = frozenset({TimeInForce.IOC})  # what a reduce-only order may be
REDUCING_PERPETUAL = frozenset({TimeInForce.IOC, TimeInForce.FOK})
QUOTE_GONE: OrderRefusal = (OrdRejReason.STALE_ORDER, "EXPIRED")
HELD: CancelRefusal = (CxlRejReason.OTHER, "INVALID_ORDER")


class Trading(Enum):
    """Whether the exchange trades; a pause's value is its Text(58)."""

    OPEN = ""
    PAUSED = "TRADING_PAUSED"  # no orders and no replaces; cancels work
    EXCHANGE_PAUSED = "EXCHANGE_PAUSED"  # nothing works


def refuse_order(
    terms: Terms,
    book: Book | None,
    trading: Trading,
    *,
    duplicate: bool,
    group: OrderGroup | None = None,
    quote_refusal: OrderRefusal | None = QUOTE_GONE,
    quirks: Quirks = RECOMMENDED,
) -> OrderRefusal | None:
    """Return why a new order can not be taken, or None.

    Args:
        terms: the order.
        book: its market, None when there is no such market.
        trading: the state of the exchange.
        duplicate: its ClOrdID is in use.
        group: the order group that it names, None when there is no such group.
        quote_refusal: why the RFQ quote that it names can not be had, None when it can.
        quirks: what the venue's pages leave open.
    """
    if duplicate:
        return OrdRejReason.DUPLICATE_ORDER, "ORDER_ALREADY_EXISTS"
    if book is None or not _is_there(terms.named, book):
        return OrdRejReason.UNKNOWN_SYMBOL, "MARKET_NOT_FOUND"
    if trading is not Trading.OPEN:
        return OrdRejReason.EXCHANGE_CLOSED, trading.value
    if book.refusal:
        return OrdRejReason.EXCHANGE_CLOSED, book.refusal
    refusal = _refuse_group(terms, group)
    if refusal is None and terms.quote is not None and (quote_refusal is not None or terms.reduce_only):
        refusal = quote_refusal or (OrdRejReason.UNSUPPORTED, "INVALID_ORDER")
    return refusal or _refuse_numbers(terms, book, quirks)


def _refuse_group(terms: Terms, group: OrderGroup | None) -> OrderRefusal | None:
    if terms.order_group is not None and group is None:
        return OrdRejReason.UNSUPPORTED, "ORDER_GROUP_NOT_FOUND"
    if group is not None and group.triggered:
        return OrdRejReason.EXCEEDS_LIMIT, "EXCEEDED_ORDER_GROUP_RISK_LIMIT"
    return None


def _refuse_numbers(terms: Terms, book: Book, quirks: Quirks) -> OrderRefusal | None:
    if not book.is_size(terms.qty):
        return OrdRejReason.INCORRECT_QUANTITY, "INVALID_QUANTITY"
    if not book.on_grid(terms.price):
        return OrdRejReason.UNSUPPORTED, quirks.bad_price_text
    if terms.reduce_only and terms.time_in_force not in (REDUCING_PERPETUAL if book.perpetual else REDUCING):
        return OrdRejReason.UNSUPPORTED, "INVALID_ORDER"
    return None


def refuse_cancel(
    request: CancelRequest,
    order: Order | None,
    book: Book | None,
    trading: Trading,
    *,
    duplicate: bool,
    quirks: Quirks = RECOMMENDED,
) -> CancelRefusal | None:
    """Return why a cancel can not be carried out, or None."""
    if trading is Trading.EXCHANGE_PAUSED:
        return CxlRejReason.OTHER, trading.value
    refusal = _refuse_target(request, order, book, quirks, duplicate=duplicate)
    if refusal is None and order is not None and order.state is not State.OPEN:
        return CxlRejReason.TOO_LATE, f"ORDER_ALREADY_{order.state.name}"
    return refusal or _refuse_inactive(book)


def refuse_replace(
    request: ReplaceRequest,
    order: Order | None,
    book: Book | None,
    trading: Trading,
    now_ns: int,
    *,
    duplicate: bool,
    quirks: Quirks = RECOMMENDED,
) -> CancelRefusal | None:
    """Return why a replace can not be carried out, or None; crossing prices are the engine's to judge."""
    if trading is not Trading.OPEN:
        return CxlRejReason.OTHER, trading.value
    refusal = _refuse_target(request, order, book, quirks, duplicate=duplicate)
    if refusal or order is None or book is None:
        return refusal
    if order.state is State.FILLED:
        return CxlRejReason.BROKER, "CANNOT_UPDATE_FILLED_ORDER"
    if order.state is not State.OPEN:
        return CxlRejReason.TOO_LATE, f"ORDER_ALREADY_{order.state.name}"
    return _refuse_inactive(book) or _refuse_amendment(request, order, book, now_ns)


def _refuse_amendment(request: ReplaceRequest, order: Order, book: Book, now_ns: int) -> CancelRefusal | None:
    if not book.is_size(request.qty) or request.qty < order.cum:
        return CxlRejReason.BROKER, "INVALID_AMEND_QTY_FOR_ORDER"
    if request.price is not None and not book.on_grid(request.price):
        return CxlRejReason.OTHER, "INVALID_PRICE"
    if not _is_expiry(request, now_ns):
        return CxlRejReason.OTHER, "INVALID_ORDER"
    return None


def _refuse_target(
    request: CancelRequest | ReplaceRequest,
    order: Order | None,
    book: Book | None,
    quirks: Quirks,
    *,
    duplicate: bool,
) -> CancelRefusal | None:
    if book is not None and not _is_there(request.named, book):
        return CxlRejReason.OTHER, "MARKET_NOT_FOUND"
    if order is None or not _is_meant(request, order) or not _is_owned(request.named, order, quirks):
        return CxlRejReason.UNKNOWN_ORDER, "ORDER_NOT_FOUND"
    if duplicate:
        return CxlRejReason.DUPLICATE_CL_ORD_ID, "ORDER_ALREADY_EXISTS"
    return None


def _is_there(named: Named, book: Book) -> bool:
    """A market lives on one exchange index; who names another one does not find it, but for perpetuals."""
    return book.perpetual or named.exchange_index in (None, book.exchange_index)


def _is_meant(request: CancelRequest | ReplaceRequest, order: Order) -> bool:
    """Side, Symbol, OrderID and, while the order is open, the latest ClOrdID have to agree."""
    return (
        request.side is order.terms.side
        and request.symbol == order.terms.symbol
        and request.order_id in (None, order.order_id)
        and (order.state is not State.OPEN or request.orig_cl_ord_id == order.terms.cl_ord_id)
    )


def _is_owned(named: Named, order: Order, quirks: Quirks) -> bool:
    """Subaccount and customer have to agree; whether they may be left out is not certain."""
    subaccount, customer = order.terms.owner.subaccount, order.terms.named.customer
    if quirks.repeat_identity:
        return (named.subaccount or 0) == subaccount and named.customer == customer
    return named.subaccount in (None, subaccount) and named.customer in (None, customer)


def _refuse_inactive(book: Book | None) -> CancelRefusal | None:
    return None if book is None or book.active else (CxlRejReason.OTHER, book.refusal)


def _is_expiry(request: ReplaceRequest, now_ns: int) -> bool:
    """TimeInForce of a replace: Day or GTC without ExpireTime, GTD with a future one, or neither."""
    if request.time_in_force is TimeInForce.GTD:
        return request.expire_ns is not None and request.expire_ns > now_ns
    return request.expire_ns is None and request.time_in_force in (None, TimeInForce.DAY, TimeInForce.GTC)
