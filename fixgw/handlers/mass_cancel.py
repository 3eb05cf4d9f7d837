"""Mass cancels of one session: what the venue said, and what became of the orders that were open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from fixgw.fix.message import Message
from fixgw.fix.tags import CL_ORD_ID, MASS_CANCEL_REJECT_REASON, MASS_CANCEL_RESPONSE, TEXT
from fixgw.handlers.meanings import Meanings
from fixgw.handlers.order import Ending, Order, Request

REJECTED = "0"  # MassCancelResponse(531)
KEPT = 100


class MassCancel(Request):
    """One OrderMassCancelRequest(q); the venue answers with its verdict, then with a report for each order.

    Args:
        cl_ord_id: ClOrdID(11) of the message.
        msg_seq_num: MsgSeqNum(34) that it was sent with.
        sent_at: monotonic seconds of the send.
        orders: the session's orders that were open when it was sent.

    Attributes:
        response: MassCancelResponse(531), empty until the venue has answered.
        reject_reason: MassCancelRejectReason(532), empty when there is none.
    """

    __slots__ = ("orders", "reject_reason", "response")

    def __init__(self, cl_ord_id: str, msg_seq_num: int, sent_at: float, orders: tuple[Order, ...]) -> None:
        super().__init__("q", cl_ord_id, msg_seq_num, sent_at)
        self.orders = orders
        self.response = ""
        self.reject_reason = ""

    @property
    def ended(self) -> tuple[Order, ...]:
        """Those of its orders that can fill no more, whichever way that came about."""
        return tuple(order for order in self.orders if not order.open)

    async def closed(self, timeout: float | None = None) -> tuple[Order, ...]:  # noqa: ASYNC109
        """Wait until every one of its orders has ended, and return them.

        Args:
            timeout: seconds to wait; ``ended`` tells how far it came when they pass.

        Raises:
            Rejected: the venue said no.
            NotSent: it never reached the venue; safe to send again.
            OutcomeUnknown: it left, and then the link was lost.
            TimeoutError: some are still open.
        """
        async with asyncio.timeout(timeout):
            await self.acknowledged()
            for order in self.orders:
                await order.closed()
        return self.orders


class MassCancels:
    """The mass cancels that have no final ending yet.

    Args:
        meanings: what the venue's texts and codes mean.
    """

    def __init__(self, meanings: Meanings) -> None:
        self._meanings = meanings
        self._waiting: dict[str, MassCancel] = {}

    def __iter__(self) -> Iterator[MassCancel]:
        return iter(list(self._waiting.values()))

    def add(self, request: MassCancel) -> None:
        """Follow one that was sent; the oldest of which nobody ever learned more is let go."""
        self._waiting[request.cl_ord_id] = request
        if len(self._waiting) > KEPT:
            del self._waiting[next(iter(self._waiting))]

    def find(self, cl_ord_id: str, msg_seq_num: int | None) -> MassCancel | None:
        """Return the one that an answer names by its id, or by its number."""
        named = self._waiting.get(cl_ord_id)
        return named or next((one for one in self if msg_seq_num and one.msg_seq_num == msg_seq_num), None)

    def reported(self, message: Message) -> None:
        """Take in an OrderMassCancelReport(r)."""
        request = self._waiting.get(message.text(CL_ORD_ID) or "")
        if request is None:
            return
        request.response = message.text(MASS_CANCEL_RESPONSE) or ""
        request.reject_reason = message.text(MASS_CANCEL_REJECT_REASON) or ""
        refused = request.response == REJECTED
        text = message.text(TEXT) or (f"MassCancelRejectReason {request.reject_reason}" if refused else "")
        self.settle(request, Ending.REFUSED if refused else Ending.ACKNOWLEDGED, text, message)

    def settle(
        self, request: MassCancel, ending: Ending, text: str = "", report: Message | None = None
    ) -> None:
        """Set an ending; one that is unknown may still turn out."""
        if ending is Ending.REFUSED and report is not None:
            request.meaning = self._meanings.explain(report)
        request.settle(ending, text, report)
        if ending is not Ending.UNKNOWN:
            self._waiting.pop(request.cl_ord_id, None)

    def lost(self, text: str) -> None:
        """What was not answered has an unknown outcome, for the reason that the text gives."""
        for request in self:
            self.settle(request, Ending.UNKNOWN, text)

    def renumbered(self) -> None:
        """Numbers began anew: those of before name other messages."""
        for request in self:
            request.msg_seq_num = 0
