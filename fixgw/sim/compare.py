"""Holds a client's account of its orders against the ledger: the proof that nothing was lost or invented."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fixgw.handlers.order import Ending, OrderSnapshot, OrderState
from fixgw.sim.ledger import Ledger
from fixgw.sim.orders import Order, State

# What the venue knows an order to be -> what its owner may believe.
STATES: dict[State, frozenset[OrderState]] = {
    State.OPEN: frozenset({OrderState.NEW, OrderState.PARTIALLY_FILLED}),
    State.FILLED: frozenset({OrderState.FILLED}),
    State.CANCELLED: frozenset({OrderState.CANCELED}),
    State.EXPIRED: frozenset({OrderState.EXPIRED, OrderState.CANCELED}),
    State.REJECTED: frozenset({OrderState.REJECTED}),
}


def differences(ledger: Ledger, session: str, orders: Iterable[OrderSnapshot]) -> list[str]:
    """Return a sentence for everything in which a client and the ledger disagree; prices in dollars.

    Args:
        ledger: what really happened.
        session: the session's name at the venue, ``TargetCompID/SenderCompID``.
        orders: what the client knows.
    """
    believed = {name: order for order in orders for name in order.chain}
    entered = [order for order in ledger.orders.values() if order.terms.owner.session == session]
    found = [f"{name}: never arrived" for name in _never_arrived(believed, entered)]
    for order in entered:
        names = [order.terms.cl_ord_id, *order.cl_ord_ids]  # among them those of requests to cancel it
        held = next((believed[name] for name in reversed(names) if name in believed), None)
        if held is None:
            found.append(f"{names[-1]}: the venue has it, the client does not know it")
        else:
            found += [f"{held.cl_ord_id}: {text}" for text in _compare(order, held)]
    return found


def _never_arrived(believed: dict[str, OrderSnapshot], entered: Iterable[Order]) -> Iterator[str]:
    arrived = {name for order in entered for name in (*order.cl_ord_ids, order.terms.cl_ord_id)}
    for name, order in believed.items():
        if name not in arrived and order.ending is not Ending.NOT_SENT:
            yield name


def _compare(order: Order, held: OrderSnapshot) -> Iterator[str]:
    ending = Ending.REFUSED if order.state is State.REJECTED else Ending.ACKNOWLEDGED
    if held.ending is not ending:
        yield f"ending is {held.ending}, the ledger says {ending}"
    if held.state not in STATES[order.state]:
        yield f"state is {held.state}, the ledger says {order.state.value}"
    if ending is Ending.REFUSED:
        return
    for name, ours, theirs in (
        ("cum_qty", held.cum_qty, order.cum),
        ("leaves_qty", held.leaves_qty, order.leaves),
        ("avg_px", round(held.avg_px, 4), round(order.avg_px, 4)),
    ):
        if ours != theirs:
            yield f"{name} is {ours}, the ledger says {theirs}"
