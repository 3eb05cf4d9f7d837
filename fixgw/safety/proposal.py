"""An order that is about to leave, as the desk's own limits judge it."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from fixgw.errors import LocalError, Refused
from fixgw.fix.message import Message
from fixgw.fix.tags import ORDER_QTY, ORIG_CL_ORD_ID, PRICE, SIDE, SYMBOL
from fixgw.handlers.base import SessionPort
from fixgw.handlers.order import Order
from fixgw.messages.order_entry import Side
from fixgw.safety.reading import decimal_of

NEW_ORDER, REPLACE = "D", "G"
# Orders in lists, crosses and several legs: what no limit can judge does not leave where there is one.
UNJUDGED = frozenset({"E", "s", "t", "AB", "AC"})
BUYERS = frozenset({Side.BUY, Side.BUY_MINUS})
RULE = "risk"  # under which an order that can not be read is counted


class Proposal(NamedTuple):
    """What an order would be.

    Args:
        symbol: Symbol(55).
        side: Side(54), as on the wire.
        qty: OrderQty(38), contracts; of a replace the new total, or what the order has; None for neither.
        price: Price(44), dollars; of a replace the new one, or what the order has; None for neither.
        order: what a replace changes; None for a new order, and for one that the session does not know.
    """

    symbol: str
    side: str
    qty: Decimal | None
    price: Decimal | None
    order: Order | None = None

    @property
    def buys(self) -> bool:
        """True for a buyer of YES."""
        return self.side in BUYERS


def proposal_of(message: Message, port: SessionPort | None) -> Proposal | None:
    """Return what a NewOrderSingle(D) or an OrderCancelReplaceRequest(G) proposes; None for anything else.

    Args:
        message: as the desk sees it.
        port: the session, for the order that a replace changes.

    Raises:
        Refused: price or quantity is no number, or the message holds orders of another form.
    """
    if message.msg_type in UNJUDGED:
        text = f"35={message.msg_type} holds orders that the limits of risk can not judge"
        raise Refused(f"{text}: send each as a NewOrderSingle(D)", RULE)
    if message.msg_type not in (NEW_ORDER, REPLACE):
        return None
    qty, price = decimal_of(message, ORDER_QTY, RULE), decimal_of(message, PRICE, RULE)
    order = None
    if message.msg_type == REPLACE:
        order = _order(port, message.text(ORIG_CL_ORD_ID) or "")
        if order is not None:
            qty = order.order_qty if qty is None else qty
            price = order.price if price is None else price
    return Proposal(message.text(SYMBOL) or "", message.text(SIDE) or "", qty, price, order)


def _order(port: SessionPort | None, cl_ord_id: str) -> Order | None:
    try:
        return port.orders.get(cl_ord_id) if port is not None else None
    except LocalError:  # the session keeps no orders
        return None
