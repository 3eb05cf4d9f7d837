"""The account of one order-entry session: every order, every request, and what each came to."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal

from fixgw.errors import FixError
from fixgw.fix.message import Message
from fixgw.fix.tags import BUSINESS_REJECT_REF_ID, CL_ORD_ID, ORIG_CL_ORD_ID, TEXT
from fixgw.handlers.base import Book, Context
from fixgw.handlers.meanings import Meanings
from fixgw.handlers.order import Ending, Order, OrderSnapshot, OrderState, Request, dump_order, load_order
from fixgw.handlers.reports import UNDECIDED, apply_report
from fixgw.messages.business import BusinessMessageReject
from fixgw.messages.order_entry import (
    ExecutionReport,
    NewOrderSingle,
    OrderCancelReject,
    OrderCancelReplaceRequest,
)

CLOSED_KEPT = 2_000
NO_MEANINGS = Meanings()


class OrderBook(Book):
    """Follows orders by what was sent and what the venue says.

    Args:
        unknown_outcome_texts: values of Text(58) on a rejecting report which mean that nobody knows.
        meanings: what the venue's texts and codes mean.
    """

    name = "orders"

    def __init__(
        self, unknown_outcome_texts: frozenset[str] = frozenset(), meanings: Meanings = NO_MEANINGS
    ) -> None:
        super().__init__()
        self.endings = dict.fromkeys(Ending, 0)
        self.duplicates = 0
        self.malformed = 0
        self.ack_seconds: Callable[[float], None] | None = None
        self._unknown_texts = unknown_outcome_texts
        self._meanings = meanings
        self._by_id: dict[str, Order] = {}
        self._by_order_id: dict[str, Order] = {}
        self._requests: dict[str, tuple[Order, Request]] = {}
        self._by_number: dict[int, tuple[Order, Request]] = {}
        self._orders: dict[int, Order] = {}
        self._closed: deque[Order] = deque()
        self._takers = {"8": self._execution_report, "9": self._cancel_reject, "j": self._business_reject}

    # -- looking --

    def __iter__(self) -> Iterator[Order]:
        return iter(list(self._orders.values()))

    def __len__(self) -> int:
        return len(self._orders)

    def get(self, cl_ord_id: str) -> Order | None:
        """Return the order that carries or carried this ClOrdID(11)."""
        return self._by_id.get(cl_ord_id)

    @property
    def open(self) -> list[Order]:
        """The orders that may still fill, oldest first."""
        return [order for order in self._orders.values() if order.open]

    @property
    def in_flight(self) -> int:
        """How many requests await an answer."""
        return sum(request.ending is None for _, request in self._requests.values())

    async def settled(self) -> None:
        """Wait until every request that is in flight now has an ending."""
        await asyncio.gather(*(request.settled() for _, request in list(self._requests.values())))

    def snapshot(self) -> list[OrderSnapshot]:
        """Return what can be seen of every order, oldest first."""
        return [order.snapshot() for order in self._orders.values()]

    # -- handlers.base.Book --

    def on_message(self, message: Message, context: Context) -> None:
        """Take in an ExecutionReport, an OrderCancelReject or a BusinessMessageReject."""
        taker = self._takers.get(message.msg_type)
        if taker is None:
            return
        try:
            taker(message)
        except FixError:  # must not stop the ones after it; a handler that reads the field answers the peer
            self.malformed += 1

    def on_sent(self, message: Message, msg_seq_num: int) -> None:
        """Take in one of our own messages, read back from the store."""
        try:
            self._sent(message, msg_seq_num)
        except FixError:  # not sent through this book, which would have refused it
            self.malformed += 1

    def on_reject(self, reject: Message, ref_seq_num: int) -> None:
        """A Reject(3) of our message: refused."""
        found = self._by_number.get(ref_seq_num)
        self._refused_by(reject, found, reject.text(TEXT) or "rejected by the session")

    def on_not_sent(self, msg_seq_num: int) -> None:
        """The message never reached the venue: safe to send again."""
        found = self._by_number.pop(msg_seq_num, None)
        if found is None:
            return
        order, request = found
        self._end(request, Ending.NOT_SENT, "the message never reached the venue")
        self._forget(order, request)
        if request is order.request and request.ending is Ending.NOT_SENT:
            self._move(order, OrderState.NOT_SENT)

    def on_disconnect(self) -> None:
        """Whatever was sent and not answered has an unknown outcome."""
        for order, request in self._requests.values():
            if request.ending is None:
                self._end(request, Ending.UNKNOWN, "the link was lost before an answer came")
                if request is order.request and order.state is OrderState.SENT:
                    self._move(order, OrderState.UNKNOWN)

    def on_reset(self, epoch: int, utc_ns: int) -> None:
        """Nothing of the former epoch can be asked for again, so numbers mean nothing any more."""
        for _, request in self._by_number.values():
            request.msg_seq_num = 0  # also in a checkpoint: another message will have that number
        self._by_number.clear()

    def dump(self) -> bytes:
        """Return all orders for a checkpoint."""
        rows = [dump_order(order) for order in self._orders.values()]
        return json.dumps(rows, default=str, separators=(",", ":")).encode()

    def load(self, blob: bytes) -> None:
        """Take the orders of a checkpoint."""
        for plain in json.loads(blob):
            order = load_order(plain)
            self._adopt(order)
            if not order.open:
                self._closed.append(order)
            for request in (order.request, *order.pending.values()):
                if request.ending in (None, Ending.UNKNOWN):
                    self._track(order, request)

    # -- bookkeeping --

    def _mono(self) -> float:
        """Monotonic seconds; whoever sends knows the clock."""
        return 0.0

    def _sent(self, message: Message, msg_seq_num: int) -> None:
        if CL_ORD_ID not in message:  # nobody could follow it
            return
        if message.msg_type == "D":
            self._placed(message, msg_seq_num, 0.0)
        elif message.msg_type in ("F", "G"):
            original = self._by_id.get(message.text(ORIG_CL_ORD_ID) or "")
            if original is not None:
                self._requested(original, message, msg_seq_num, 0.0)

    def _placed(self, message: Message, number: int, sent_at: float) -> Order:
        view = NewOrderSingle.view(message)
        request = Request("D", view.cl_ord_id or "", number, sent_at)
        order = Order(
            request,
            view.symbol,
            str(view.side),
            view.order_qty or Decimal(0),
            view.price,
            ord_type=str(view.ord_type),
            chain=[request.cl_ord_id],
        )
        order.leaves_qty = order.order_qty
        self._adopt(order)
        self._track(order, request)
        return order

    def _requested(self, order: Order, message: Message, number: int, sent_at: float) -> Request:
        request = Request(message.msg_type, message.text(CL_ORD_ID) or "", number, sent_at)
        if message.msg_type == "G":
            view = OrderCancelReplaceRequest.view(message)
            request.price, request.order_qty = view.price, view.order_qty
        order.pending[request.cl_ord_id] = request
        self._track(order, request)
        return request

    def _adopt(self, order: Order) -> None:
        self._orders[id(order)] = order
        for cl_ord_id in filter(None, order.chain):  # a foreign order may be reported without
            self._by_id[cl_ord_id] = order
        if order.order_id:
            self._by_order_id[order.order_id] = order

    def _track(self, order: Order, request: Request) -> None:
        self._requests[request.cl_ord_id] = (order, request)
        if request.msg_seq_num:
            self._by_number[request.msg_seq_num] = (order, request)
        self._by_id.setdefault(request.cl_ord_id, order)
        order.request_ids.append(request.cl_ord_id)

    def _forget(self, order: Order, request: Request) -> None:
        """The request has its final ending: nothing more is awaited for it."""
        if (order, request) == self._requests.get(request.cl_ord_id):  # a retry bears the same ClOrdID
            del self._requests[request.cl_ord_id]
        self._by_number.pop(request.msg_seq_num, None)
        order.pending.pop(request.cl_ord_id, None)

    def _settle(self, order: Order, request: Request, ending: Ending, text: str, report: Message) -> bool:
        """Note the ending that a report tells; false when the request had its final one before."""
        if request.ending is None and request.sent_at and self.ack_seconds is not None:
            self.ack_seconds(self._mono() - request.sent_at)
        settled = self._end(request, ending, text, report)
        if ending is not Ending.UNKNOWN:
            self._forget(order, request)
        return settled

    def _end(self, request: Request, ending: Ending, text: str, report: Message | None = None) -> bool:
        settled = request.settle(ending, text, report)
        self.endings[ending] += settled
        return settled

    def _refused(self, order: Order, request: Request, text: str, report: Message) -> None:
        unknown = text in self._unknown_texts
        request.meaning = self._meanings.explain(report)
        settled = self._settle(order, request, Ending.UNKNOWN if unknown else Ending.REFUSED, text, report)
        if settled and request is order.request:
            self._move(order, OrderState.UNKNOWN if unknown else OrderState.REJECTED)

    def _refused_by(self, message: Message, found: tuple[Order, Request] | None, text: str) -> None:
        """Take in a refusal that is no ExecutionReport."""
        if found is None:
            return
        order, request = found
        order.text = text
        order.reports.append(message)
        self._refused(order, request, text, message)

    def _move(self, order: Order, state: OrderState) -> None:
        was_open = order.open
        order.move(state)
        if was_open and not order.open:
            self._closed.append(order)
            while len(self._closed) > CLOSED_KEPT:
                self._evict(self._closed.popleft())

    def _evict(self, order: Order) -> None:
        if order.open:  # it was reopened by a later report
            return
        self._orders.pop(id(order), None)
        if self._by_order_id.get(order.order_id) is order:
            del self._by_order_id[order.order_id]
        for request in [request for request in order.pending.values() if request.ending is not None]:
            self._forget(order, request)
        for cl_ord_id in {*order.chain, *order.request_ids}:
            if self._by_id.get(cl_ord_id) is order:  # a retry bears the same ClOrdID
                del self._by_id[cl_ord_id]

    # -- what the venue says --

    def _execution_report(self, message: Message) -> None:
        report = ExecutionReport.view(message)
        kind, cl_ord_id = str(report.exec_type), report.cl_ord_id or ""
        found = self._find(cl_ord_id, report.orig_cl_ord_id or "", report.order_id)
        if found is None and kind == "8":  # of another session, and it never came to be
            return
        order = found or self._foreign(report, cl_ord_id)
        order_id, request = order.order_id, order.pending.get(cl_ord_id)
        state = apply_report(order, report)
        if state is None:
            self.duplicates += 1
            return
        if found is None:
            self._adopt(order)
        if order.order_id != order_id:
            self._by_order_id.pop(order_id, None)
            self._by_order_id[order.order_id] = order
        if kind == "8":
            self._reported_refused(order, request, cl_ord_id, report)
        else:
            self._reported(order, request, kind, report)
            self._move(order, state)

    def _find(self, cl_ord_id: str, original: str, order_id: str) -> Order | None:
        return self._by_id.get(cl_ord_id) or self._by_id.get(original) or self._by_order_id.get(order_id)

    def _foreign(self, report: ExecutionReport, cl_ord_id: str) -> Order:
        """An order that this book did not send: another session's, or one from before the tape began."""
        request = Request("D", cl_ord_id, 0)
        request.settle(Ending.ACKNOWLEDGED)
        order = Order(request, report.symbol, str(report.side), Decimal(0), report.price, chain=[cl_ord_id])
        order.foreign = True
        return order

    def _reported(self, order: Order, request: Request | None, kind: str, report: ExecutionReport) -> None:
        """Whatever the venue decides about an order, it has it, and the request that the report answers."""
        if kind in UNDECIDED:
            return
        for answered in (request, order.request):
            if answered is not None and answered.ending in (None, Ending.UNKNOWN):
                self._settle(order, answered, Ending.ACKNOWLEDGED, order.text, report.message)

    def _reported_refused(
        self, order: Order, request: Request | None, cl_ord_id: str, report: ExecutionReport
    ) -> None:
        """A replace was refused, or the order itself; a refusal told before changes nothing any more."""
        if request is None and cl_ord_id == order.request.cl_ord_id:
            request = order.request
        if request is not None:
            self._refused(order, request, report.text or "rejected without a text", report.message)

    def _cancel_reject(self, message: Message) -> None:
        report = OrderCancelReject.view(message)
        reason = report.cxl_rej_reason
        text = report.text or (f"CxlRejReason {reason}" if reason else "rejected without a reason")
        self._refused_by(message, self._requests.get(report.cl_ord_id or ""), text)

    def _business_reject(self, message: Message) -> None:
        report = BusinessMessageReject.view(message)
        text = report.text or f"BusinessRejectReason {report.business_reject_reason}"
        found = self._requests.get(message.text(BUSINESS_REJECT_REF_ID) or "")
        if found is None and report.ref_seq_num is not None:
            found = self._by_number.get(report.ref_seq_num)
        self._refused_by(message, found, text)
