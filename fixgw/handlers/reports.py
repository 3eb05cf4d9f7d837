"""What one ExecutionReport does to one order."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from fixgw.handlers.order import Order, OrderState
from fixgw.messages.order_entry import ExecutionReport

# ExecType(150) that ends an order; for all others the quantities tell the state.
ENDED = {"4": OrderState.CANCELED, "C": OrderState.EXPIRED}
UNDECIDED = frozenset({"A", "6", "E"})  # the venue has received something, and decided nothing
UNIDENTIFIED = UNDECIDED | {"8"}  # pending and rejecting reports carry no ExecID of their own
STATUS = "I"  # neither does an answer about the status, but its quantities count
CORRECTIONS = frozenset({"G", "H"})  # a trade was corrected or busted: CumQty may shrink


class _Said(NamedTuple):
    """The terms of a report, all read before the first is applied: one that is malformed changes nothing."""

    order_id: str
    cum_qty: Decimal
    leaves_qty: Decimal
    avg_px: Decimal | None
    price: Decimal | None
    order_qty: Decimal | None


def apply_report(order: Order, report: ExecutionReport) -> OrderState | None:
    """Apply a report to its order; return the state to move to, None when its ExecID(17) was applied before.

    Quantities follow CumQty(14) and LeavesQty(151), never OrdStatus(39): venues differ in what they say there
    after a replace.

    Raises:
        FieldError: a field that is needed is missing or can not be read; the order is as it was.
    """
    kind, text = str(report.exec_type), report.text
    if kind in UNIDENTIFIED:
        waits = kind == "A" and order.state in (OrderState.SENT, OrderState.UNKNOWN)
        state = OrderState.PENDING_NEW if waits else order.state
    else:
        exec_id = report.exec_id
        if exec_id in order.exec_ids:
            return None
        said = _Said(
            report.order_id,
            report.cum_qty,
            report.leaves_qty,
            report.avg_px,
            report.price,
            report.order_qty,
        )
        if kind != STATUS:
            order.exec_ids.add(exec_id)
        state = _apply(order, kind, report.cl_ord_id or "", said)
    order.reports.append(report.message)
    order.text = text or order.text
    return state


def _apply(order: Order, kind: str, cl_ord_id: str, said: _Said) -> OrderState:
    order.order_id = said.order_id or order.order_id
    if said.cum_qty >= order.cum_qty or kind in CORRECTIONS:  # else an older report that came late
        _quantities(order, said)
    request = order.pending.get(cl_ord_id)
    if kind == "5" or (request is not None and request.msg_type == "G"):
        _replaced(order, cl_ord_id, said)
    return _state(order, kind)


def _quantities(order: Order, said: _Said) -> None:
    order.cum_qty = said.cum_qty
    order.leaves_qty = said.leaves_qty
    if said.avg_px is not None:
        order.avg_px = said.avg_px
    if order.order_qty == 0:  # a foreign order
        order.order_qty = said.order_qty or said.cum_qty + said.leaves_qty


def _replaced(order: Order, cl_ord_id: str, said: _Said) -> None:
    """The new ClOrdID becomes the one to name, and the new terms stand.

    Any report that bears the ClOrdID of a replace tells that it was accepted: the one to say so may be lost.
    """
    request = order.pending.get(cl_ord_id)
    if cl_ord_id and cl_ord_id not in order.chain:
        order.chain.append(cl_ord_id)
    if said.price is not None:
        order.price = said.price
    elif request is not None and request.price is not None:
        order.price = request.price
    order.order_qty = said.cum_qty + said.leaves_qty


def _state(order: Order, kind: str) -> OrderState:
    if kind in ENDED:
        return ENDED[kind]
    if order.state in ENDED.values():  # a late fill after a cancel adjusts the quantities and opens nothing
        return order.state
    if order.cum_qty > 0 and order.leaves_qty == 0:
        return OrderState.FILLED
    return OrderState.PARTIALLY_FILLED if order.cum_qty > 0 else OrderState.NEW
