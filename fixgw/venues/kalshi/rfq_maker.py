"""Answers requests for quote, on KalshiRFQ.

Source: docs.kalshi.com/fix/rfq-messages.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable
from decimal import Decimal

from fixgw.errors import FieldError, LocalError
from fixgw.fix.message import Message
from fixgw.handlers.arrivals import Arrivals
from fixgw.handlers.base import Context
from fixgw.handlers.meanings import Meanings
from fixgw.handlers.order import Ending, Request
from fixgw.messages.order_entry import ExecInst
from fixgw.venues.kalshi.messages import (
    Quote,
    QuoteCancel,
    QuoteCancelResult,
    QuoteCancelStatus,
    QuoteConfirm,
    QuoteConfirmResult,
    QuoteConfirmStatus,
    QuoteRequest,
    QuoteRequestReject,
    QuoteStatus,
    QuoteStatusReport,
)
from fixgw.venues.kalshi.quotes import ENDED, TAKEN, OpenRequest, QuoteHandle, QuoteState
from fixgw.venues.kalshi.rfq import GONE, KEPT, Asking, Waiting

DOLLAR = Decimal(1)


class RfqMaker(Asking):
    """Requests that can be quoted, and our quotes; nothing is kept over a restart.

    With a lost link or lost messages a quote may have been accepted or dropped meanwhile: open ones are
    UNKNOWN until the venue says more, and may be confirmed and cancelled; one that it says to be gone then is
    OVER, and may have executed. Iterate over it for the requests
    as they come; a handler's ``on_quote_request`` finds the same ones in ``open_requests``.

    Args:
        meanings: what the venue's texts and codes mean.
        quote_ids: makes QuoteIDs(117).

    Attributes:
        open_requests: by the venue's id, newest last.
        malformed: messages that could not be read.
    """

    name = "rfq_maker"

    def __init__(self, meanings: Meanings, quote_ids: Callable[[], str] = lambda: str(uuid.uuid4())) -> None:
        super().__init__(meanings)
        self.open_requests: dict[str, OpenRequest] = {}
        self.malformed = 0
        self._quote_ids = quote_ids
        self._quotes: dict[str, QuoteHandle] = {}
        self._over: deque[QuoteHandle] = deque()
        self._confirms = Waiting()
        self._cancels = Waiting()
        self._arrived: Arrivals[OpenRequest] = Arrivals(KEPT)
        self._takers: dict[str, Callable[[Message], None]] = {
            "R": self._requested,
            "AG": self._withdrawn,
            "AI": self._reported,
            "U8": self._confirmed,
            "U9": self._canceled,
            "j": self._business_reject,
        }

    async def __aiter__(self) -> AsyncIterator[OpenRequest]:
        """Yield each request that is open, those kept from before first; never ends."""
        async for request in self._arrived:
            if request.withdrawn is None:
                yield request

    @property
    def quotes(self) -> list[QuoteHandle]:
        """Our quotes, oldest first; those that ended are kept for a while."""
        return list(self._quotes.values())

    def quote(
        self,
        request: OpenRequest,
        *,
        bid_px: Decimal | None = None,
        offer_px: Decimal | None = None,
        post_only: bool = False,
        rest_remainder: bool | None = None,
        alloc_account: str | None = None,
    ) -> QuoteHandle:
        """Send a quote for the whole size of a request, in place of our last one for it.

        Args:
            request: what to answer.
            bid_px: what we pay for YES, dollars; None for no such price.
            offer_px: what we pay for NO, dollars.
            post_only: never take from the book; the venue cancels it at execution if it would.
            rest_remainder: what does not execute rests in the book.
            alloc_account: the subaccount; the key's own when None.

        Raises:
            LocalError: there is no price, one is none, or they add up to more than a dollar; or the request
                was withdrawn.
            NotLoggedOn: the session is not up; nothing was sent.
        """
        if request.withdrawn is not None:
            raise LocalError(f"the request {request.rfq_id} is closed: {request.withdrawn}")
        _check_prices(bid_px, offer_px)
        message = Quote(
            quote_id=self._quote_ids(),
            quote_req_id=request.rfq_id,
            symbol=request.symbol,
            bid_px=bid_px or None,
            offer_px=offer_px or None,
            exec_inst=(ExecInst.PARTICIPATE_DONT_INITIATE,) if post_only else None,
            rest_remainder=rest_remainder,
            alloc_account=alloc_account,
        )
        quote = QuoteHandle(message, request)
        quote.sent = self._ask(message, quote.quote_id, lambda sent: self._sent_ended(quote, sent))
        self._quotes[quote.quote_id] = quote
        request.quotes.append(quote)
        return quote

    async def confirm(self, quote: QuoteHandle, *, timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Stand by an accepted quote; it executes when the venue's timer has run.

        Args:
            quote: one that is accepted.
            timeout: seconds for the answer.

        Raises:
            Rejected: it was too late, or the venue does not know the quote (any more).
            NotLoggedOn: the session is not up; nothing was sent.
            OutcomeUnknown: the link was lost or no answer came in time.
            LocalError: the quote is not accepted.
        """
        if quote.state not in (QuoteState.ACCEPTED, QuoteState.UNKNOWN):
            raise LocalError(f"a quote that is {quote.state} can not be confirmed: wait until it is accepted")
        message = QuoteConfirm(quote_id=quote.quote_id, rfq_id=quote.request.rfq_id)
        asked = self._confirms.add(self._ask(message, quote.quote_id))
        await self._answered_about(asked, self._confirms, timeout)

    async def cancel(self, quote: QuoteHandle, *, timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Take a quote back.

        Args:
            quote: one that has not ended.
            timeout: seconds for the answer.

        Raises:
            Rejected: it is accepted, or gone already.
            NotLoggedOn: the session is not up; nothing was sent.
            OutcomeUnknown: the link was lost or no answer came in time.
            LocalError: the quote has ended.
        """
        if quote.state in ENDED:
            raise LocalError(f"the quote is {quote.state} already")
        message = QuoteCancel(quote_id=quote.quote_id, rfq_id=quote.request.rfq_id)
        asked = self._cancels.add(self._ask(message, quote.quote_id))
        await self._answered_about(asked, self._cancels, timeout)

    async def _answered_about(self, asked: Request, waiting: Waiting, patience: float) -> None:
        try:
            await self._answered(asked, patience)
        finally:
            waiting.remove(asked)

    # -- handlers.base.Book --

    def on_message(self, message: Message, context: Context) -> None:
        """Take in what concerns requests and quotes."""
        taker = self._takers.get(message.msg_type)
        if taker is None:
            return
        try:
            taker(message)
        except FieldError as fault:
            self.malformed += 1
            context.refuse(fault)

    def on_gap(self, first: int, last: int) -> None:
        """What was lost may have been about whatever is open, and does not come again."""
        self.on_disconnect()

    def on_disconnect(self) -> None:
        """The venue may have answered, accepted or dropped what was open; nobody will tell."""
        super().on_disconnect()
        for quote in self._quotes.values():
            if quote.state not in ENDED | {QuoteState.CONFIRMED}:
                quote.move(QuoteState.UNKNOWN)

    def _requested(self, message: Message) -> None:
        request = OpenRequest.of(QuoteRequest.view(message))
        if request.rfq_id in self.open_requests:
            return
        self.open_requests[request.rfq_id] = request
        if len(self.open_requests) > KEPT:  # their ends were told while the link was down
            for quote in self.open_requests.pop(next(iter(self.open_requests))).quotes:
                del self._quotes[quote.quote_id]
        self._arrived.append(request)

    def _withdrawn(self, message: Message) -> None:
        reject = QuoteRequestReject.view(message)
        request = self.open_requests.pop(reject.quote_req_id, None)
        if request is None:
            return
        request.withdrawn = reject.text or "withdrawn"
        for quote in list(request.quotes):
            if quote.state in (QuoteState.PENDING, QuoteState.UNKNOWN):
                self._end(quote, _ended_as(quote, QuoteState.CANCELED), request.withdrawn)

    def _reported(self, message: Message) -> None:
        report = QuoteStatusReport.view(message)
        quote = self._quotes.get(report.quote_id or "") or self._rejected_one(report)
        if quote is None:
            return
        status, text = report.quote_status, report.text or ""
        refused = status is QuoteStatus.REJECTED
        self._answer(quote.sent, Ending.REFUSED if refused else Ending.ACKNOWLEDGED, text, message)
        if status is QuoteStatus.PENDING:
            self._stands(quote)
        elif status is QuoteStatus.ACCEPTED:
            quote.take(report.side)
        elif status is QuoteStatus.CANCELED:
            self._answer(self._cancels.next(quote.quote_id), Ending.ACKNOWLEDGED, text, message)
            self._end(quote, QuoteState.VOID if quote.state in TAKEN else QuoteState.CANCELED, text)

    def _rejected_one(self, report: QuoteStatusReport) -> QuoteHandle | None:
        """The venue leaves QuoteID out of a rejection: the oldest quote that waits for an answer is meant."""
        if report.quote_id or report.quote_status is not QuoteStatus.REJECTED:
            return None
        waiting = (
            quote
            for quote in self._quotes.values()
            if quote.request.rfq_id == report.quote_req_id and quote.state is QuoteState.SENT
        )
        return next(waiting, None)

    def _stands(self, quote: QuoteHandle) -> None:
        """A quote that stands has replaced those before it, of which the venue says nothing."""
        if quote.state in (QuoteState.SENT, QuoteState.UNKNOWN):
            quote.move(QuoteState.PENDING)
        for older in quote.request.quotes[: quote.request.quotes.index(quote)]:
            if older.state in (QuoteState.PENDING, QuoteState.UNKNOWN):
                self._end(older, QuoteState.REPLACED)

    def _confirmed(self, message: Message) -> None:
        status = QuoteConfirmStatus.view(message)
        quote, asked = self._quotes.get(status.quote_id), self._confirms.next(status.quote_id)
        done, text = status.quote_confirm_status is QuoteConfirmResult.ACCEPTED, status.text or ""
        self._answer(asked, Ending.ACKNOWLEDGED if done else Ending.REFUSED, text, message)
        if quote is None or quote.state in ENDED:
            return
        if done:
            self._end(quote, QuoteState.CONFIRMED, text)
        elif text in GONE:
            self._end(quote, _ended_as(quote, QuoteState.VOID), text)

    def _canceled(self, message: Message) -> None:
        status = QuoteCancelStatus.view(message)
        quote, asked = self._quotes.get(status.quote_id), self._cancels.next(status.quote_id)
        done, text = status.quote_cancel_result is QuoteCancelResult.CANCELED, status.text or ""
        self._answer(asked, Ending.ACKNOWLEDGED if done else Ending.REFUSED, text, message)
        if quote is not None and quote.state not in ENDED and (done or text in GONE):
            self._end(quote, QuoteState.CANCELED if done else _ended_as(quote, QuoteState.CANCELED), text)

    def _sent_ended(self, quote: QuoteHandle, sent: Request) -> None:
        if sent.ending is Ending.REFUSED:
            self._end(quote, QuoteState.REJECTED, sent.text)
        elif sent.ending is Ending.NOT_SENT:
            self._end(quote, QuoteState.NOT_SENT, sent.text)

    def _end(self, quote: QuoteHandle, state: QuoteState, text: str = "") -> None:
        """Set a last state; the quote is kept for a while, because more may be said of it."""
        quote.move(state, text)
        if quote in quote.request.quotes:
            quote.request.quotes.remove(quote)
            self._over.append(quote)
        if len(self._over) > KEPT:
            self._quotes.pop(self._over.popleft().quote_id, None)


def _ended_as(quote: QuoteHandle, state: QuoteState) -> QuoteState:
    """Return how a quote has ended that the venue only says to be gone.

    One that was confirmed stays so, whatever a further request about it is told; of one that nobody saw end
    nobody knows whether it executed.
    """
    unseen = {QuoteState.UNKNOWN: QuoteState.OVER, QuoteState.CONFIRMED: QuoteState.CONFIRMED}
    return unseen.get(quote.state, state)


def _check_prices(bid_px: Decimal | None, offer_px: Decimal | None) -> None:
    """Prices are parts of a dollar, and YES and NO together cost no more than what they pay."""
    prices = [price for price in (bid_px, offer_px) if price]
    if not prices:
        raise LocalError("a quote needs bid_px, the price for YES, or offer_px, the price for NO")
    for price in prices:
        if not 0 < price < DOLLAR:
            raise LocalError(f"{price} is no price: say dollars between 0 and 1")
    if sum(prices) > DOLLAR:
        raise LocalError(f"YES at {bid_px} and NO at {offer_px} add up to more than a dollar")
