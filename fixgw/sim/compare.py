"""Holds a client's account of orders and positions against the ledger: nothing was lost or invented."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TypeAlias

from fixgw.handlers.order import Ending, OrderSnapshot, OrderState
from fixgw.handlers.position import PositionSnapshot
from fixgw.sim.holdings import Holding
from fixgw.sim.ledger import Ledger
from fixgw.sim.orders import ZERO, Order, State

Key: TypeAlias = tuple[str, str]  # Symbol(55) and AllocAccount(79)
Row: TypeAlias = tuple[str, Decimal, Decimal]  # what, by the client, by the ledger
ROUNDED = Decimal("0.0001")  # dollars; each closing part of a position is charged a quotient

# What the venue knows an order to be -> what its owner may believe.
STATES: dict[State, frozenset[OrderState]] = {
    State.OPEN: frozenset({OrderState.NEW, OrderState.PARTIALLY_FILLED}),
    State.FILLED: frozenset({OrderState.FILLED}),
    State.CANCELLED: frozenset({OrderState.CANCELED}),
    State.EXPIRED: frozenset({OrderState.EXPIRED, OrderState.CANCELED}),
    State.REJECTED: frozenset({OrderState.REJECTED}),
}


def differences(
    ledger: Ledger, session: str, orders: Iterable[OrderSnapshot], *, refusals_lost: bool = False
) -> list[str]:
    """Return a sentence for everything in which a client and the ledger disagree; prices in dollars.

    Args:
        ledger: what really happened.
        session: the session's name at the venue, ``TargetCompID/SenderCompID``.
        orders: what the client knows.
        refusals_lost: the client may take a refused order for one that never arrived, because nobody tells
            of a refusal again.
    """
    believed = {name: order for order in orders for name in order.chain}
    entered = [order for order in ledger.orders.values() if order.terms.owner.session == session]
    found = [f"{name}: never arrived" for name in _never_arrived(believed, entered)]
    fees = _fees(ledger)
    for order in entered:
        names = [order.terms.cl_ord_id, *order.cl_ord_ids]  # among them those of requests to cancel it
        held = next((believed[name] for name in reversed(names) if name in believed), None)
        if held is None:
            found.append(f"{names[-1]}: the venue has it, the client does not know it")
        elif not (refusals_lost and order.state is State.REJECTED and held.ending is Ending.NOT_SENT):
            found += [
                f"{held.cl_ord_id}: {text}" for text in _compare(order, held, fees.get(order.order_id, ZERO))
            ]
    return found


def _fees(ledger: Ledger) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for trade in ledger.trades():
        order_id = trade.order.order_id
        found[order_id] = found.get(order_id, ZERO) + trade.fee
    return found


def _never_arrived(believed: dict[str, OrderSnapshot], entered: Iterable[Order]) -> Iterator[str]:
    arrived = {name for order in entered for name in (*order.cl_ord_ids, order.terms.cl_ord_id)}
    for name, order in believed.items():
        turned_away = (
            order.ending is Ending.REFUSED and not order.order_id
        )  # by 35=3 or 35=j: no order was made
        if name not in arrived and order.ending is not Ending.NOT_SENT and not turned_away:
            yield name


def _compare(order: Order, held: OrderSnapshot, fees: Decimal) -> Iterator[str]:
    ending = Ending.REFUSED if order.state is State.REJECTED else Ending.ACKNOWLEDGED
    if held.ending is not ending:
        yield f"ending is {held.ending}, the ledger says {ending}"
    if held.state not in STATES[order.state]:
        yield f"state is {held.state}, the ledger says {order.state.value}"
    if ending is Ending.REFUSED:
        return
    yield from _unequal(
        (
            ("cum_qty", held.cum_qty, order.cum),
            ("leaves_qty", held.leaves_qty, order.leaves),
            ("avg_px", round(held.avg_px, 4), round(order.avg_px, 4)),
            ("fees", held.fees, fees),
        )
    )


def heard_differences(ledger: Ledger, account: str, orders: Iterable[OrderSnapshot]) -> list[str]:
    """Return a sentence for everything in which a listener and the ledger disagree; prices in dollars.

    Args:
        ledger: what really happened.
        account: whose orders, on all of its sessions; refused ones are none.
        orders: what the listener has heard of.
    """
    heard = {order.order_id: order for order in orders}
    entered = {
        order.order_id: order
        for order in ledger.orders.values()
        if order.terms.owner.account == account and order.state is not State.REJECTED
    }
    fees = _fees(ledger)
    found = [f"{heard[order_id].cl_ord_id}: never arrived" for order_id in heard.keys() - entered.keys()]
    for order_id, order in entered.items():
        held = heard.get(order_id)
        if held is None:
            found.append(f"{order.terms.cl_ord_id}: the venue has it, the listener has not heard of it")
        else:
            found += [f"{held.cl_ord_id}: {text}" for text in _compare(order, held, fees.get(order_id, ZERO))]
    return found


def position_differences(ledger: Ledger, account: str, positions: Iterable[PositionSnapshot]) -> list[str]:
    """Return a sentence for everything in which a client's positions and the ledger disagree.

    Args:
        ledger: what really happened.
        account: whose positions, all of its sessions together.
        positions: what the client knows.
    """
    believed = {(one.symbol, one.alloc_account): one for one in positions}
    held = {
        (key.symbol, str(key.subaccount) if key.subaccount else ""): holding
        for key, holding in ledger.holdings.items()
        if key.account == account
    }
    found = []
    for symbol, alloc_account in sorted(believed.keys() | held.keys()):
        ours, theirs = believed.get((symbol, alloc_account)), held.get((symbol, alloc_account), Holding())
        where = f"{symbol} {alloc_account}".rstrip()
        if ours is None:
            found.append(f"{where}: the venue has a position, the client does not know it")
        else:
            found += [f"{where}: {text}" for text in _unequal(_held(ours, theirs))]
    for symbol in sorted({symbol for symbol, _ in held}):
        found += [f"{symbol}: {text}" for text in _unequal(_moved(symbol, believed, held))]
    return found


def _held(ours: PositionSnapshot, theirs: Holding) -> Iterator[Row]:
    yield "qty", ours.qty, theirs.position
    yield "bought_qty", ours.bought_qty, theirs.bought
    yield "sold_qty", ours.sold_qty, theirs.sold
    if abs(ours.realised_pnl - theirs.realised) > ROUNDED:
        yield "realised_pnl", ours.realised_pnl, theirs.realised


def _moved(
    symbol: str, believed: Mapping[Key, PositionSnapshot], held: Mapping[Key, Holding]
) -> Iterator[Row]:
    """What moved the account's cash: of a settlement the venue does not say which subaccount's it is."""
    ours = [one for (name, _), one in believed.items() if name == symbol]
    theirs = [one for (name, _), one in held.items() if name == symbol]
    yield "fees", sum((one.fees for one in ours), ZERO), sum((one.fees for one in theirs), ZERO)
    yield "cash", sum((one.cash for one in ours), ZERO), sum((one.cash for one in theirs), ZERO)


def _unequal(rows: Iterable[Row]) -> Iterator[str]:
    for name, ours, theirs in rows:
        if ours != theirs:
            yield f"{name} is {ours}, the ledger says {theirs}"
