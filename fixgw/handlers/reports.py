"""What one ExecutionReport does to one order."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from fixgw.fix.tags import CL_ORD_ID, ORIG_CL_ORD_ID, TEXT
from fixgw.handlers.amounts import fees_of, trade_of
from fixgw.handlers.executions import NO_EXEC_IDS
from fixgw.handlers.order import Order, OrderState, Request
from fixgw.handlers.position import ZERO
from fixgw.messages.order_entry import ExecutionReport

# ExecType(150) that ends an order; for all others the quantities tell the state.
ENDED = {"4": OrderState.CANCELED, "C": OrderState.EXPIRED}
UNDECIDED = frozenset({"A", "6", "E"})  # the venue has received something, and decided nothing
UNIDENTIFIED = UNDECIDED | {"8"}  # pending and rejecting reports carry no ExecID of their own
TRADE, REPLACED = "F", "5"
STATUS = "I"  # neither does an answer about the status, but its quantities count
CORRECTIONS = frozenset({"G", "H"})  # a trade was corrected or busted: CumQty may shrink


class Named(NamedTuple):
    """What a report is about, and what kind it is."""

    kind: str
    cl_ord_id: str
    original: str
    order_id: str


class _Said(NamedTuple):
    """The terms of a report, all read before the first is applied: one that is malformed changes nothing."""

    cum_qty: Decimal
    leaves_qty: Decimal
    avg_px: Decimal | None
    price: Decimal | None
    order_qty: Decimal | None
    fees: Decimal


def named_by(report: ExecutionReport) -> Named:
    """Return what a report is about.

    Raises:
        FieldError: OrderID(37) or ExecType(150) is missing, or an id can not be read.
    """
    message = report.message
    return Named(
        str(report.exec_type),
        message.text(CL_ORD_ID) or "",
        message.text(ORIG_CL_ORD_ID) or "",
        report.order_id,
    )


def apply_report(
    order: Order, report: ExecutionReport, named: Named, *, remainders_told: bool
) -> OrderState | None:
    """Apply a report to its order; return the state to move to, None when its ExecID(17) was applied before.

    Quantities follow CumQty(14) and LeavesQty(151), never OrdStatus(39): venues differ in what they say there
    after a replace.

    Args:
        order: what it is about.
        report: what the venue says.
        named: see ``named_by``.
        remainders_told: the venue reports what an immediate order leaves as cancelled; else a trade says it.

    Raises:
        FieldError: a field that is needed is missing or can not be read; the order is as it was.
    """
    kind, message = named.kind, report.message
    text = message.text(TEXT)
    if kind in UNIDENTIFIED:
        waits = kind == "A" and order.state in (OrderState.SENT, OrderState.UNKNOWN)
        state = OrderState.PENDING_NEW if waits else order.state
    else:
        exec_id = report.exec_id
        trade = trade_of(message) if kind == TRADE else ""
        if exec_id in order.exec_ids or (trade and trade in order.exec_ids):
            return None
        fees = fees_of(message) if kind == TRADE else ZERO
        said = _Said(report.cum_qty, report.leaves_qty, report.avg_px, report.price, report.order_qty, fees)
        if kind != STATUS and exec_id not in NO_EXEC_IDS:
            order.applied(exec_id)
        if trade:
            order.applied(trade)
        _apply(order, named, said)
        state = _state(order, kind, remainders_told)
    order.reports.append(message)
    if text:
        order.text = text
    return state


def _apply(order: Order, named: Named, said: _Said) -> None:
    kind, cl_ord_id, original, order_id = named
    order.order_id = order_id or order.order_id
    order.fees += said.fees
    final = kind in CORRECTIONS or (kind == TRADE and not said.leaves_qty)
    if final or said.cum_qty >= order.cum_qty:  # else an older report that came late
        _quantities(order, said)
        if cl_ord_id != order.cl_ord_id and cl_ord_id in order.chain:  # it tells of former terms
            order.leaves_qty = max(order.order_qty - order.cum_qty, ZERO)
    if not order.pending and kind != REPLACED:
        return
    former = order.pending.get(original)
    if former is not None and former.msg_type == "G":  # what is named as the one before was accepted
        _renamed(order, original, former)
    request = order.pending.get(cl_ord_id)
    if kind == REPLACED or (request is not None and request.msg_type == "G"):
        _replaced(order, kind, cl_ord_id, request, said)


def _quantities(order: Order, said: _Said) -> None:
    order.cum_qty = said.cum_qty
    order.leaves_qty = said.leaves_qty
    if said.avg_px is not None:
        order.avg_px = said.avg_px
    if order.order_qty == 0:  # a foreign order
        order.order_qty = said.order_qty or said.cum_qty + said.leaves_qty


def _renamed(order: Order, cl_ord_id: str, request: Request | None) -> None:
    """The ClOrdID of an accepted replace becomes the one to name, and what it asked for stands."""
    if cl_ord_id and cl_ord_id not in order.chain:
        order.chain.append(cl_ord_id)
    if request is not None:
        order.price = order.price if request.price is None else request.price
        order.order_qty = order.order_qty if request.order_qty is None else request.order_qty


def _replaced(order: Order, kind: str, cl_ord_id: str, request: Request | None, said: _Said) -> None:
    """Take over the new terms.

    Any report that bears the ClOrdID of a replace tells that it was accepted: the one to say so may be lost.
    One about a replace before the last came late, and one that ends the order says nothing of its quantity.
    """
    if cl_ord_id in order.chain[:-1]:
        return
    _renamed(order, cl_ord_id, request)
    if said.price is not None:
        order.price = said.price
    if kind not in ENDED:
        order.order_qty = said.cum_qty + said.leaves_qty


def _state(order: Order, kind: str, remainders_told: bool) -> OrderState:
    if kind in ENDED:
        return ENDED[kind]
    if order.immediate and kind == TRADE:
        if order.cum_qty >= order.order_qty:
            return OrderState.FILLED
        if order.leaves_qty == 0 or not remainders_told:
            return OrderState.CANCELED
    if order.state in ENDED.values():  # a late fill after a cancel adjusts the quantities and opens nothing
        return order.state
    return standing(order)


def standing(order: Order) -> OrderState:
    """Return where an order that lives stands, by its quantities."""
    if order.cum_qty > 0 and order.leaves_qty == 0:
        return OrderState.FILLED
    return OrderState.PARTIALLY_FILLED if order.cum_qty > 0 else OrderState.NEW
