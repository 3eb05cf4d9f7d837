"""Asks for quotes and takes them, on KalshiRT.

Source: docs.kalshi.com/fix/rfq-messages.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from fixgw.errors import FieldError, LocalError, NotSent, Rejected
from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.handlers.meanings import Meanings
from fixgw.handlers.order import Ending, Request
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.venues.kalshi.asks import (
    ENDED,
    ENDINGS,
    Acceptance,
    QuoteGone,
    RequestRefused,
    RequestState,
    RfqHandle,
    price_of,
)
from fixgw.venues.kalshi.messages import (
    AcceptQuote,
    AcceptQuoteResult,
    AcceptQuoteStatus,
    ExecutionReport,
    NewOrderSingle,
    Party,
    Quote,
    QuoteRequest,
    QuoteRequestAck,
    QuoteRequestReject,
    RelatedSymbol,
    RfqCancel,
    RfqCancelResult,
    RfqCancelStatus,
    SelectedLeg,
)
from fixgw.venues.kalshi.rfq import GONE, KEPT, Asking, Waiting

CONTRACT = Decimal("0.01")
ENDED_BY = {
    RfqCancelResult.CANCELED: RequestState.CANCELED,
    RfqCancelResult.EXPIRED: RequestState.EXPIRED,
}


class RfqCreator(Asking):
    """Our requests for quote and what came of them; nothing is kept over a restart.

    Args:
        meanings: what the venue's texts and codes mean.
        ids: makes QuoteReqIDs(131) and ClOrdIDs(11).

    Attributes:
        requests: by our own id, the newest last; also those of which nobody knows whether they are open.
        acceptances: by ClOrdID(11), the newest last; also those that were not answered in time.
        malformed: messages that could not be read.
    """

    name = "rfq_creator"

    def __init__(self, meanings: Meanings, ids: Callable[[], str] = lambda: str(uuid.uuid4())) -> None:
        super().__init__(meanings)
        self.requests: dict[str, RfqHandle] = {}
        self.malformed = 0
        self._ids = ids
        self._opening: dict[str, Request] = {}
        self._cancels = Waiting()
        self._accepts: dict[str, Request] = {}
        self.acceptances: dict[str, Acceptance] = {}
        self._by_rfq_id: dict[str, RfqHandle] = {}
        self._takers: dict[str, Callable[[Message], None]] = {
            "b": self._opened,
            "AG": self._refused,
            "S": self._quoted,
            "UB": self._ended,
            "UC": self._accepted,
            "8": self._reported,
            "j": self._business_reject,
        }

    async def request(
        self,
        symbol: str | None = None,
        *,
        legs: Sequence[SelectedLeg] = (),
        multivariate_collection_ticker: str | None = None,
        order_qty: Decimal | None = None,
        cash_order_qty: Decimal | None = None,
        target_cost_excludes_fees: bool | None = None,
        obscure_creator_id: bool | None = None,
        rest_remainder: bool | None = None,
        replace_existing: bool | None = None,
        alloc_account: str | None = None,
        parties: Sequence[Party] = (),
        timeout: float = 5.0,  # noqa: ASYNC109
    ) -> RfqHandle:
        """Ask every maker for a quote, and return the open request.

        Args:
            symbol: the market; or
            legs: the legs of a combination, of
            multivariate_collection_ticker: this collection.
            order_qty: contracts in hundredths; or
            cash_order_qty: dollars.
            target_cost_excludes_fees: the taker's fee comes on top of ``cash_order_qty``.
            obscure_creator_id: makers do not learn even our pseudonym.
            rest_remainder: what does not execute rests in the book.
            replace_existing: older requests on this market may be closed for it; at most two are open.
            alloc_account: the subaccount; the primary one when None.
            parties: for whom, where that applies.
            timeout: seconds for the answer.

        Raises:
            RequestRefused: the venue refused, with its reason and text.
            Rejected: it refused the message itself.
            NotLoggedOn: the session is not up; nothing was sent.
            NotSent: the request never reached the venue.
            OutcomeUnknown: the link was lost or no answer came in time; the request, which may be open, is in
                ``requests`` by the id that the error bears as ``cl_ord_id``.
            LocalError: neither or both of symbol and legs, or of the sizes, or one is none.
        """
        if (symbol is None) is not bool(legs) or bool(legs) is not (
            multivariate_collection_ticker is not None
        ):
            raise LocalError("a request names a symbol, or legs together with their collection")
        _check_size(order_qty, cash_order_qty, target_cost_excludes_fees)
        entry = RelatedSymbol(
            symbol=symbol,
            order_qty=order_qty,
            cash_order_qty=cash_order_qty,
            target_cost_excludes_fees=target_cost_excludes_fees,
            obscure_creator_id=obscure_creator_id,
            rest_remainder=rest_remainder,
            replace_existing=replace_existing,
            parties=tuple(parties),
        )
        message = QuoteRequest(
            quote_req_id=self._ids(),
            related_symbols=(entry,),
            alloc_account=alloc_account,
            multivariate_collection_ticker=multivariate_collection_ticker,
            selected_legs=tuple(legs),
        )
        return await self._open(message, RfqHandle(message.quote_req_id, symbol or ""), timeout)

    async def _open(self, message: QuoteRequest, handle: RfqHandle, patience: float) -> RfqHandle:
        name = handle.quote_req_id
        asked = self._ask(message, name, lambda request: _move(handle, request))
        self.requests[name] = handle
        self._opening[name] = asked
        for kept in (self.requests, self._opening):
            if len(kept) > KEPT:
                del kept[next(iter(kept))]
        try:
            await self._answered(asked, patience)
        except Rejected as rejected:
            if isinstance(rejected.report, Message) and rejected.report.msg_type == "AG":
                raise RequestRefused(QuoteRequestReject.view(rejected.report), rejected.meaning) from None
            raise
        return handle

    async def accept(
        self,
        quote: Quote,
        side: Side,
        *,
        order_qty: Decimal | None = None,
        cl_ord_id: str | None = None,
        prefer_better_quote: bool | None = None,
        timeout: float = 5.0,  # noqa: ASYNC109
    ) -> Acceptance:
        """Take a quote; it executes when its maker has confirmed it and the venue's timer has run.

        Args:
            quote: one that stands.
            side: BUY takes its NO price, so we buy YES; SELL takes its YES price.
            order_qty: contracts; the whole size when None.
            cl_ord_id: of the reports; a fresh one when None.
            prefer_better_quote: the venue may take another quote that is at least as good.
            timeout: seconds for the answer.

        Raises:
            QuoteGone: the venue could not, with the reason.
            Rejected: it refused the message itself.
            NotLoggedOn: the session is not up; nothing was sent.
            NotSent: the acceptance never reached the venue.
            OutcomeUnknown: the link was lost or no answer came in time: the quote may be accepted, and its
                reports come to the one of ``acceptances`` that the error names as ``cl_ord_id``.
            LocalError: the quote has no price for this side.
        """
        if not price_of(quote, side):
            raise LocalError(f"the quote {quote.quote_id} has no price to {side.name} at")
        name = cl_ord_id or self._ids()
        message = AcceptQuote(
            quote_id=quote.quote_id,
            rfq_id=self._rfq_id(quote),
            side=side,
            order_qty=order_qty,
            cl_ord_id=name,
            prefer_better_quote=prefer_better_quote,
        )
        acceptance = self.acceptances[name] = Acceptance(quote.quote_id, name, side)
        if len(self.acceptances) > KEPT:
            del self.acceptances[next(iter(self.acceptances))]
        try:
            return await self._taken(message, acceptance, timeout)
        except (Rejected, NotSent):
            del self.acceptances[name]
            raise

    def order(
        self,
        quote: Quote,
        side: Side,
        *,
        order_qty: Decimal | None = None,
        time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCEL,
        **fields: Any,
    ) -> NewOrderSingle:
        """Return an order that takes a quote: ``orders.submit`` follows it like any other.

        Its limit is the quote's price, so that it trades with nobody at a worse one.

        Args:
            quote: one that stands.
            side: BUY takes its NO price, so we buy YES at a dollar less that; SELL takes its YES price.
            order_qty: contracts; the quote's whole size when None.
            time_in_force: what becomes of the rest, should less execute.
            fields: further fields of NewOrderSingle, such as ``cl_ord_id``.

        Raises:
            LocalError: the quote has no price for this side, or tells no size and ``order_qty`` is None.
        """
        price = price_of(quote, side)
        qty = order_qty or quote.order_qty or (quote.offer_size if side is Side.BUY else quote.bid_size)
        if not price or not qty:
            lacking = "price" if not price else "size"
            raise LocalError(f"the quote {quote.quote_id} has no {lacking} to {side.name} at")
        return NewOrderSingle(
            symbol=quote.symbol,
            side=side,
            order_qty=qty,
            price=1 - price if side is Side.BUY else price,
            time_in_force=time_in_force,
            quote_id=quote.quote_id,
            rfq_id=self._rfq_id(quote),
            **fields,
        )

    async def _taken(self, message: AcceptQuote, acceptance: Acceptance, patience: float) -> Acceptance:
        name = acceptance.cl_ord_id
        asked = self._accepts[name] = self._ask(message, name)
        try:
            answer = await self._answered(asked, patience)
        except Rejected as rejected:
            if isinstance(rejected.report, Message) and rejected.report.msg_type == "UC":
                raise QuoteGone(AcceptQuoteStatus.view(rejected.report), rejected.meaning) from None
            raise
        finally:
            del self._accepts[name]
        if answer is not None and answer.msg_type == "UC":
            acceptance.quote_id = AcceptQuoteStatus.view(answer).accepted_quote_id or acceptance.quote_id
        return acceptance

    async def cancel(self, request: RfqHandle, *, timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Close a request; its makers are told.

        Args:
            request: ours, also one whose outcome is unknown.
            timeout: seconds for the answer.

        Raises:
            Rejected: a quote of it is accepted, or it is not (or no longer) open.
            NotLoggedOn: the session is not up; nothing was sent.
            NotSent: the cancel never reached the venue.
            OutcomeUnknown: the link was lost or no answer came in time.
            LocalError: the request has ended.
        """
        if request.state in ENDED:
            raise LocalError(f"the request is {request.state} already")
        name = request.quote_req_id
        message = RfqCancel(quote_req_id=name, rfq_id=request.rfq_id or None)
        asked = self._cancels.add(self._ask(message, name))
        try:
            await self._answered(asked, timeout)
        finally:
            self._cancels.remove(asked)

    # -- handlers.base.Book --

    def on_message(self, message: Message, context: Context) -> None:
        """Take in what concerns requests and the quotes that were taken."""
        taker = self._takers.get(message.msg_type)
        if taker is None:
            return
        try:
            taker(message)
        except FieldError as fault:
            self.malformed += 1
            context.refuse(fault)

    def _opened(self, message: Message) -> None:
        ack = QuoteRequestAck.view(message)
        handle = self.requests.get(ack.quote_req_id)
        if handle is None:
            return
        handle.rfq_id, handle.symbol = ack.rfq_id or handle.rfq_id, ack.symbol or handle.symbol
        if handle.rfq_id:
            self._by_rfq_id[handle.rfq_id] = handle
        if len(self._by_rfq_id) > KEPT:
            del self._by_rfq_id[next(iter(self._by_rfq_id))]
        self._answer(self._opening.pop(ack.quote_req_id, None), Ending.ACKNOWLEDGED, report=message)

    def _refused(self, message: Message) -> None:
        reject = QuoteRequestReject.view(message)
        asked = self._opening.pop(reject.quote_req_id, None)
        self._answer(asked, Ending.REFUSED, reject.text or "", message)

    def _quoted(self, message: Message) -> None:
        quote = Quote.view(message)
        quote.check()
        handle = self._by_rfq_id.get(quote.quote_req_id) or self.requests.get(quote.quote_req_id)
        if handle is not None and quote.quote_id not in handle.quotes:
            handle.add(quote)

    def _ended(self, message: Message) -> None:
        status = RfqCancelStatus.view(message)
        handle = self._by_rfq_id.get(status.rfq_id or "") or self.requests.get(status.quote_req_id)
        if handle is None:
            return
        asked, text = self._cancels.next(handle.quote_req_id), status.text or ""
        if status.rfq_cancel_status is RfqCancelResult.REJECTED:
            self._answer(asked, Ending.REFUSED, text, message)
        if status.rfq_cancel_status not in ENDED_BY:
            return
        self._answer(self._opening.pop(handle.quote_req_id, None), Ending.ACKNOWLEDGED, report=message)
        self._answer(asked, Ending.ACKNOWLEDGED, text, message)
        handle.quotes.clear()
        handle.move(ENDED_BY[status.rfq_cancel_status], text)
        self._by_rfq_id.pop(handle.rfq_id, None)

    def _accepted(self, message: Message) -> None:
        status = AcceptQuoteStatus.view(message)
        asked = self._accepts.get(status.cl_ord_id or "")
        done = status.accept_quote_status is AcceptQuoteResult.ACCEPTED
        if done:
            self._answer(asked, Ending.ACKNOWLEDGED, report=message)
        else:
            self._answer(asked, Ending.REFUSED, status.text or "", message)
            for handle in self._by_rfq_id.values() if status.text in GONE else ():
                handle.quotes.pop(status.quote_id, None)

    def _reported(self, message: Message) -> None:
        report = ExecutionReport.view(message)
        acceptance = self.acceptances.get(report.cl_ord_id or "")
        if acceptance is not None:
            self._answer(self._accepts.get(acceptance.cl_ord_id), Ending.ACKNOWLEDGED, report=message)
            acceptance.take(report)

    def _rfq_id(self, quote: Quote) -> str | None:
        """The venue's id of the request that a quote answers, when the quote bears that one."""
        return quote.quote_req_id if quote.quote_req_id in self._by_rfq_id else None


def _move(handle: RfqHandle, request: Request) -> None:
    if request.ending is not None:
        handle.move(ENDINGS[request.ending], request.text)


def _check_size(order_qty: Decimal | None, cash: Decimal | None, excludes_fees: bool | None) -> None:
    sizes = [size for size in (order_qty, cash) if size is not None]
    if len(sizes) != 1:
        raise LocalError("a request is for order_qty contracts, or for cash_order_qty dollars")
    if sizes[0] <= 0 or sizes[0] % CONTRACT:
        raise LocalError(f"a size of {sizes[0]} is none: more than nought, in hundredths")
    if excludes_fees and cash is None:
        raise LocalError("target_cost_excludes_fees needs cash_order_qty")
