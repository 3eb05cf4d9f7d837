"""What one ExecutionReport does to one order."""

from __future__ import annotations

from decimal import Decimal

from fixgw.handlers.order import OPEN, Order, OrderState
from fixgw.messages.order_entry import ExecutionReport

# ExecType(150) that ends an order; for all others the quantities tell the state.
ENDED = {"4": OrderState.CANCELED, "C": OrderState.EXPIRED}
UNIDENTIFIED = frozenset({"6", "8", "A", "E"})  # pending and rejecting reports carry no ExecID of their own


def apply_report(order: Order, report: ExecutionReport) -> OrderState | None:
    """Apply a report to its order; return the state to move to, None when its ExecID(17) was applied before.

    Quantities follow CumQty(14) and LeavesQty(151), never OrdStatus(39): venues differ in what they say there
    after a replace.
    """
    kind = str(report.exec_type)
    if kind not in UNIDENTIFIED:
        exec_id = report.exec_id
        if exec_id in order.exec_ids:
            return None
        order.exec_ids.add(exec_id)
    order.reports.append(report.message)
    order.text = report.text or order.text
    if kind in UNIDENTIFIED:
        waits = kind == "A" and order.state in (OrderState.SENT, OrderState.UNKNOWN)
        return OrderState.PENDING_NEW if waits else order.state
    order.order_id = report.order_id or order.order_id
    _quantities(order, report)
    if kind == "5":
        _replaced(order, report)
    return _state(order, kind)


def _quantities(order: Order, report: ExecutionReport) -> None:
    cum_qty = report.cum_qty
    if cum_qty < order.cum_qty:  # an older report that came late; what is known stands
        return
    order.cum_qty = cum_qty
    order.leaves_qty = report.leaves_qty
    if report.avg_px is not None:
        order.avg_px = report.avg_px
    if order.order_qty == 0:  # a foreign order
        order.order_qty = report.order_qty or cum_qty + report.leaves_qty


def _replaced(order: Order, report: ExecutionReport) -> None:
    """The new ClOrdID becomes the one to name, and the new terms stand."""
    cl_ord_id = report.cl_ord_id or order.cl_ord_id
    request = order.pending.get(cl_ord_id)
    if cl_ord_id != order.cl_ord_id:
        order.chain.append(cl_ord_id)
    if report.price is not None:
        order.price = report.price
    elif request is not None and request.price is not None:
        order.price = request.price
    order.order_qty = report.cum_qty + report.leaves_qty


def _state(order: Order, kind: str) -> OrderState:
    if kind in ENDED:
        order.leaves_qty = Decimal(0)
        return ENDED[kind]
    if order.state not in OPEN:  # a late fill after a cancel adjusts the quantities and opens nothing
        return order.state
    if order.cum_qty > 0 and order.leaves_qty == 0:
        return OrderState.FILLED
    return OrderState.PARTIALLY_FILLED if order.cum_qty > 0 else OrderState.NEW
