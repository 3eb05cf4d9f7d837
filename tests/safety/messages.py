"""Orders as a desk writes them, for the guards to judge."""

from __future__ import annotations

from fixgw.clock import Now
from fixgw.fix.message import Message
from fixgw.handlers.passage import CountingGuard

NOW = Now(100.0, 1_700_000_000_000_000_000)


def at(mono: float) -> Now:
    """Return an instant by the monotonic clock, seconds."""
    return Now(mono, NOW.utc_ns)


def leave(guard: CountingGuard, message: Message, now: Now) -> None:
    """Let a message pass a guard that is the only one, and leave."""
    guard.admit(message, now)
    guard.left(message, 1, now)


def new_order(
    cl_ord_id: str = "a", *, side: str = "1", qty: str = "10", price: str | None = "0.40", symbol: str = "M"
) -> Message:
    """Return a NewOrderSingle(D); prices in dollars."""
    prices = [(44, price)] if price is not None else []
    return Message("D", [(11, cl_ord_id), (38, qty), (40, "2"), *prices, (54, side), (55, symbol)])


def replace(
    original: str = "a",
    *,
    cl_ord_id: str = "b",
    side: str = "1",
    qty: str = "10",
    price: str | None = "0.40",
    symbol: str = "M",
) -> Message:
    """Return an OrderCancelReplaceRequest(G); prices in dollars."""
    prices = [(44, price)] if price is not None else []
    head = [(11, cl_ord_id), (41, original), (38, qty), (40, "2")]
    return Message("G", [*head, *prices, (54, side), (55, symbol)])
