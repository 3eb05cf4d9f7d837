"""Orders and requests as they are sent, or read back from the store: each retry stays one order."""

from __future__ import annotations

from decimal import Decimal

from fixgw.clock import Now
from fixgw.fix.message import Message
from fixgw.fix.tags import CL_ORD_ID, EXPIRE_TIME, ORIG_CL_ORD_ID, SENDING_TIME, TIME_IN_FORCE
from fixgw.fix.values import parse_utc_timestamp_ns
from fixgw.handlers.order import Ending, Order, OrderState, Request
from fixgw.handlers.orderindex import OrderIndex
from fixgw.messages.order_entry import NewOrderSingle, OrderCancelReplaceRequest

IMMEDIATE, GOOD_TILL_DATE = b"3", b"6"  # TimeInForce(59)


class SentOrders(OrderIndex):
    """Makes an order of what is sent, and a request of what is asked about one."""

    def _sent(self, message: Message, msg_seq_num: int) -> None:
        if CL_ORD_ID not in message:  # nobody could follow it
            return
        if message.msg_type == "D":
            self._placed(message, msg_seq_num, Now(0.0, _instant(message, SENDING_TIME)))
        elif message.msg_type in ("F", "G"):
            original = self._by_id.get(message.text(ORIG_CL_ORD_ID) or "")
            if original is not None:
                self._requested(original, message, msg_seq_num, 0.0)

    def _placed(self, message: Message, number: int, sent: Now) -> Order:
        view = NewOrderSingle.view(message)
        request = Request("D", view.cl_ord_id or "", number, sent.mono)
        known = self._in_doubt(request.cl_ord_id)
        if known is not None:
            return self._retried(known, request)
        order = Order(
            request,
            view.symbol,
            str(view.side),
            view.order_qty or Decimal(0),
            view.price,
            ord_type=str(view.ord_type),
            immediate=_is_immediate(message, sent.utc_ns),
            sent=message,
            chain=[request.cl_ord_id],
        )
        order.leaves_qty = order.order_qty
        self._adopt(order)
        self._track(order, request)
        return order

    def _in_doubt(self, cl_ord_id: str) -> Order | None:
        """Return the order that was sent under this ClOrdID, if nobody knows whether the venue has it."""
        known = self._by_id.get(cl_ord_id)
        doubtful = known is not None and known.ending is Ending.UNKNOWN
        return known if known is not None and doubtful and known.request.cl_ord_id == cl_ord_id else None

    def _retried(self, order: Order, request: Request) -> Order:
        """The order was sent once more: it is one order, whichever attempt arrives."""
        order.formers = (*order.formers, order.request)
        order.request = request
        if order.state is OrderState.UNKNOWN:
            self._move(order, OrderState.SENT)
        self._track(order, request)
        return order

    def _go_back(self, order: Order) -> None:
        """The last attempt never arrived: what is known is what was known of the one before."""
        *before, order.request = order.formers
        order.formers = tuple(before)
        self._requests[order.request.cl_ord_id] = (order, order.request)
        if order.state is OrderState.SENT:
            self._move(order, OrderState.UNKNOWN)

    def _requested(self, order: Order, message: Message, number: int, sent_at: float) -> Request:
        request = Request(message.msg_type, message.text(CL_ORD_ID) or "", number, sent_at)
        if message.msg_type == "G":
            view = OrderCancelReplaceRequest.view(message)
            request.price, request.order_qty = view.price, view.order_qty
        order.pending[request.cl_ord_id] = request
        self._track(order, request)
        return request


def _is_immediate(message: Message, sent_ns: int) -> bool:
    """Tell whether what does not fill at once is dead; venues take a date in the past for that wish too."""
    time_in_force = message.get(TIME_IN_FORCE)
    if time_in_force != GOOD_TILL_DATE:
        return time_in_force == IMMEDIATE
    return 0 < _instant(message, EXPIRE_TIME) <= sent_ns


def _instant(message: Message, tag: int) -> int:
    """Return a time in a message, UTC nanoseconds; 0 where there is none that can be read."""
    try:
        return parse_utc_timestamp_ns(message.get(tag) or b"")
    except ValueError:
        return 0
