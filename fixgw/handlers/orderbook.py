"""The account of one order-entry session: every order, every request, and what each came to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

from fixgw.errors import FieldError
from fixgw.fix.message import Message
from fixgw.fix.tags import (
    BUSINESS_REJECT_REF_ID,
    CL_ORD_ID,
    EXEC_ID,
    EXEC_TYPE,
    ORD_REJ_REASON,
    ORD_STATUS,
    ORDER_ID,
    ORIG_CL_ORD_ID,
    TEXT,
)
from fixgw.handlers.amounts import trade_of
from fixgw.handlers.base import Context
from fixgw.handlers.executions import NO_EXEC_IDS
from fixgw.handlers.mass_cancel import MassCancels
from fixgw.handlers.meanings import Meanings
from fixgw.handlers.order import Ending, Order, OrderState, Request
from fixgw.handlers.reports import REPLACED, TRADE, UNDECIDED, apply_report, named_by, standing
from fixgw.handlers.sentorders import SentOrders
from fixgw.messages.business import BusinessMessageReject
from fixgw.messages.order_entry import (
    ExecutionReport,
    OrderCancelReject,
    OrdRejReason,
)

DUPLICATE_ORDER = OrdRejReason.DUPLICATE_ORDER.encode()
NO_MEANINGS = Meanings()
# OrdStatus(39) of an OrderCancelReject that says that nothing is left of the order
GONE = {b"2": OrderState.FILLED, b"4": OrderState.CANCELED, b"C": OrderState.EXPIRED}
UNSETTLED = (None, Ending.UNKNOWN)
NEVER_REACHED = "the message never reached the venue"
NOTHING_TOLD = "the venue has told all that it did, and this is not among it"
NOTHING_LEFT = "no order that it was about is open any more"


class OrderBook(SentOrders):
    """Follows orders by what was sent and what the venue says.

    Args:
        unknown_outcome_texts: values of Text(58) on a rejecting report which mean that nobody knows.
        meanings: what the venue's texts and codes mean.
        remainders_told: the venue reports what an immediate order leaves as cancelled; else its first trade
            ends it.

    Attributes:
        endings: how many requests came to each ending.
        duplicates: reports that were applied before.
        malformed: messages that could not be read.
    """

    name = "orders"

    def __init__(
        self,
        unknown_outcome_texts: frozenset[str] = frozenset(),
        meanings: Meanings = NO_MEANINGS,
        *,
        remainders_told: bool = False,
    ) -> None:
        super().__init__()
        self.endings = dict.fromkeys(Ending, 0)
        self.duplicates = 0
        self.malformed = 0
        self.ack_seconds: Callable[[float], None] | None = None
        self._unknown_texts = unknown_outcome_texts
        self._meanings = meanings
        self._remainders_told = remainders_told
        self._mass_cancels = MassCancels(meanings)
        self._takers = {
            "8": self._execution_report,
            "9": self._cancel_reject,
            "j": self._business_reject,
            "r": self._mass_cancels.reported,
        }

    # -- looking --

    @property
    def in_flight(self) -> int:
        """How many requests await an answer."""
        return sum(request.ending is None for request in self._awaited())

    async def settled(self) -> None:
        """Wait until every request that is in flight now has an ending."""
        await asyncio.gather(*(request.settled() for request in self._awaited()))

    def settle_untold(self, sent_before: float) -> list[Request]:
        """Give their ending to requests of unknown outcome, once all that the venue has done was told.

        What nothing was told of came to nothing: it never arrived, or was refused. Either way it is safe to
        send again.

        Args:
            sent_before: monotonic seconds; what was sent later stays as it is.

        Returns:
            The requests that have an ending now.
        """
        untold = [(order, request) for order, request in self._doubtful() if request.sent_at <= sent_before]
        for order, request in untold:
            self._by_number.pop(request.msg_seq_num, None)
            self._came_to_nothing(order, request, NOTHING_TOLD)
        settled = [request for _, request in untold]
        for mass_cancel in self._mass_cancels:
            if mass_cancel.ending is Ending.UNKNOWN and mass_cancel.sent_at <= sent_before:
                done = len(mass_cancel.ended) == len(mass_cancel.orders)
                ending = Ending.ACKNOWLEDGED if done else Ending.NOT_SENT
                self._mass_cancels.settle(mass_cancel, ending, NOTHING_LEFT if done else NOTHING_TOLD)
                settled.append(mass_cancel)
        return settled

    @property
    def doubtful(self) -> list[Request]:
        """The requests of unknown outcome, mass cancels among them."""
        cancels = [one for one in self._mass_cancels if one.ending is Ending.UNKNOWN]
        return [*(request for _, request in self._doubtful()), *cancels]

    # -- handlers.base.Book --

    def knows(self, message: Message) -> bool:
        """Tell whether an ExecutionReport was applied before, or ends an order that has ended."""
        order = self._reported_on(message)
        if order is None:
            return False
        trade = trade_of(message)
        ended = message.text(EXEC_TYPE) != TRADE and not order.open
        return ended or message.text(EXEC_ID) in order.exec_ids or (trade != "" and trade in order.exec_ids)

    def _reported_on(self, message: Message) -> Order | None:
        names = (message.text(tag) or "" for tag in (CL_ORD_ID, ORIG_CL_ORD_ID, ORDER_ID))
        return self._find(*names) if message.msg_type == "8" else None

    def on_message(self, message: Message, context: Context) -> None:
        """Take in what the venue reports about an order, and its refusals and mass cancels."""
        taker = self._takers.get(message.msg_type)
        if taker is None or (context.reconciled and self._reported_on(message) is None):
            return  # what was missed is of an order of ours: one that is not here any more was let go
        try:
            taker(message)
        except FieldError as fault:  # nothing has changed
            self.malformed += 1
            context.refuse(fault)

    def on_sent(self, message: Message, msg_seq_num: int) -> None:
        """Take in one of our own messages, read back from the store."""
        try:
            self._sent(message, msg_seq_num)
        except FieldError:  # not sent through this book, which would have refused it
            self.malformed += 1

    def on_reject(self, reject: Message, ref_seq_num: int) -> None:
        """A Reject(3) of our message: refused."""
        text = reject.text(TEXT) or "rejected by the session"
        self._refused_by(reject, self._by_number.get(ref_seq_num), text)
        self._mass_refused(reject, "", ref_seq_num, text)

    def on_not_sent(self, msg_seq_num: int) -> None:
        """The message never reached the venue: safe to send again."""
        mass_cancel = self._mass_cancels.find("", msg_seq_num)
        if mass_cancel is not None:
            self._mass_cancels.settle(mass_cancel, Ending.NOT_SENT, NEVER_REACHED)
        found = self._by_number.pop(msg_seq_num, None)
        if found is not None:
            self._came_to_nothing(*found, NEVER_REACHED)

    def on_disconnect(self) -> None:
        """Whatever was sent and not answered has an unknown outcome."""
        self._lost("the link was lost before an answer came")

    def on_gap(self, first: int, last: int) -> None:
        """What was lost may have been the answer to whatever is in flight, and does not come again."""
        self._lost("messages of the venue were lost, and the answer may be among them")

    def on_reset(self, epoch: int, utc_ns: int) -> None:
        """Nothing of the former epoch can be asked for again, so numbers mean nothing any more."""
        for _, request in self._by_number.values():
            request.msg_seq_num = 0  # also in a checkpoint: another message will have that number
        self._by_number.clear()
        self._mass_cancels.renumbered()

    # -- bookkeeping --

    def _came_to_nothing(self, order: Order, request: Request, text: str) -> None:
        self._end(request, Ending.NOT_SENT, text)
        if request in order.formers:
            order.formers = tuple(former for former in order.formers if former is not request)
        elif request is order.request and order.formers:
            self._go_back(order)
        else:
            self._forget(order, request)
            if request is order.request and request.ending is Ending.NOT_SENT:
                self._move(order, OrderState.NOT_SENT)

    def _mono(self) -> float:
        """Monotonic seconds; whoever sends knows the clock."""
        return 0.0

    def _awaited(self) -> list[Request]:
        """Return what has no final ending."""
        return [*(request for _, request in self._requests.values()), *self._mass_cancels]

    def _lost(self, text: str) -> None:
        for order, request in self._requests.values():
            if request.ending is None:
                self._end(request, Ending.UNKNOWN, text)
                if request is order.request and order.state is OrderState.SENT:
                    self._move(order, OrderState.UNKNOWN)
        self._mass_cancels.lost(text)

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
        ending = Ending.UNKNOWN if text in self._unknown_texts else Ending.REFUSED
        if request.ending in UNSETTLED:
            request.meaning = self._meanings.explain(report)
        if request is order.request and order.formers:
            if report.get(ORD_REJ_REASON) == DUPLICATE_ORDER:
                self._settle(order, request, Ending.ACKNOWLEDGED, text, report)
                self._move(order, standing(order))
                return
            ending, text = Ending.UNKNOWN, f"{text}, said of a retry: the one before may have arrived"
        settled = self._settle(order, request, ending, text, report)
        if settled and request is order.request:
            self._move(order, OrderState.UNKNOWN if ending is Ending.UNKNOWN else OrderState.REJECTED)

    def _refused_by(self, message: Message, found: tuple[Order, Request] | None, text: str) -> None:
        """Take in a refusal that is no ExecutionReport."""
        if found is None:
            return
        order, request = found
        order.text = text
        order.reports.append(message)
        self._refused(order, request, text, message)

    # -- what the venue says --

    def _execution_report(self, message: Message) -> None:
        report = ExecutionReport.view(message)
        named = named_by(report)
        kind, cl_ord_id, original, _ = named
        found = self._find(cl_ord_id, original, named.order_id)
        if found is None and kind == "8":  # of another session, and it never came to be
            return
        order = found or self._foreign(report, cl_ord_id)
        order_id, request = order.order_id, order.pending.get(cl_ord_id)
        former = order.pending.get(original)
        state = apply_report(order, report, named, remainders_told=self._remainders_told)
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
            if kind == REPLACED:  # by another session, over REST or with ``send``
                self._by_id.setdefault(order.cl_ord_id, order)
            if kind not in UNDECIDED:
                self._reported(order, (former, request, order.request), message)
            self._move(order, state)

    def _foreign(self, report: ExecutionReport, cl_ord_id: str) -> Order:
        """An order that this book did not send: another session's, or one from before the tape began."""
        request = Request("D", cl_ord_id, 0)
        request.settle(Ending.ACKNOWLEDGED)
        order = Order(request, report.symbol, str(report.side), Decimal(0), report.price, chain=[cl_ord_id])
        order.foreign = True
        return order

    def _reported(self, order: Order, answered: tuple[Request | None, ...], message: Message) -> None:
        """Whatever the venue decides about an order, it has it, and the requests that the report names."""
        for request in answered:
            if request is not None and request.ending in UNSETTLED:
                self._settle(order, request, Ending.ACKNOWLEDGED, order.text, message)

    def _reported_refused(
        self, order: Order, request: Request | None, cl_ord_id: str, report: ExecutionReport
    ) -> None:
        """A replace was refused, or the order itself; a refusal told before changes nothing any more."""
        if request is None and cl_ord_id == order.request.cl_ord_id:
            request = order.request
        if request is not None:
            self._refused(order, request, report.text or "rejected without a text", report.message)
        if order.state is OrderState.REJECTED and not order.order_id and report.order_id not in NO_EXEC_IDS:
            order.order_id = report.order_id  # the venue's records have it under that; else it says NONE

    def _cancel_reject(self, message: Message) -> None:
        report = OrderCancelReject.view(message)
        reason = report.cxl_rej_reason
        text = report.text or (f"CxlRejReason {reason}" if reason else "rejected without a reason")
        found = self._requests.get(report.cl_ord_id or "")
        self._refused_by(message, found, text)
        state = GONE.get(message.get(ORD_STATUS) or b"")
        if found is not None and state is not None and found[0].open:
            self._ended_unheard(found[0], state, message)

    def _ended_unheard(self, order: Order, state: OrderState, message: Message) -> None:
        """The refusal of a request tells that its order is at an end, of which no report came."""
        if state is OrderState.FILLED:
            order.cum_qty = order.order_qty
        self._reported(order, (order.request,), message)
        self._move(order, state)

    def _business_reject(self, message: Message) -> None:
        report = BusinessMessageReject.view(message)
        text = report.text or f"BusinessRejectReason {report.business_reject_reason}"
        found = self._requests.get(message.text(BUSINESS_REJECT_REF_ID) or "")
        if found is None and report.ref_seq_num is not None:
            found = self._by_number.get(report.ref_seq_num)
        self._refused_by(message, found, text)
        self._mass_refused(message, message.text(BUSINESS_REJECT_REF_ID) or "", report.ref_seq_num, text)

    def _mass_refused(self, message: Message, cl_ord_id: str, number: int | None, text: str) -> None:
        request = self._mass_cancels.find(cl_ord_id, number)
        if request is not None:
            self._mass_cancels.settle(request, Ending.REFUSED, text, message)
