"""A creator's request for quote over its life, the quotes that answer it, and the one that was taken.

Source: docs.kalshi.com/fix/rfq-messages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from enum import StrEnum

from fixgw.errors import OutcomeUnknown, Rejected
from fixgw.handlers.arrivals import Arrivals
from fixgw.handlers.order import Ending
from fixgw.messages.order_entry import ExecType, Side
from fixgw.venues.kalshi.messages import AcceptQuoteStatus, ExecutionReport, Quote, QuoteRequestReject
from fixgw.venues.kalshi.rfq import KEPT, Life

OVER = frozenset({ExecType.CANCELED, ExecType.REJECTED, ExecType.EXPIRED})


class RequestState(StrEnum):
    """Where a request for quote stands."""

    SENT = "sent"  # no answer yet
    OPEN = "open"  # quotes may come
    REJECTED = "rejected"
    CANCELED = "canceled"  # we closed it
    EXPIRED = "expired"  # the venue closed it
    NOT_SENT = "not sent"
    UNKNOWN = "unknown"  # the link was lost before the venue answered


ENDED = frozenset({RequestState.REJECTED, RequestState.CANCELED, RequestState.EXPIRED, RequestState.NOT_SENT})
ENDINGS = {
    Ending.ACKNOWLEDGED: RequestState.OPEN,
    Ending.REFUSED: RequestState.REJECTED,
    Ending.NOT_SENT: RequestState.NOT_SENT,
    Ending.UNKNOWN: RequestState.UNKNOWN,
}


class AcceptRefusal(StrEnum):
    """Why a quote could not be accepted."""

    NOT_FOUND = "NOT_FOUND"  # the venue does not know it, perhaps no longer: ask for quotes again
    EXPIRED = "EXPIRED"  # it was cancelled, replaced or has expired: take another one
    OTHER = "OTHER"  # see the text


class RequestRefused(Rejected):
    """The venue refused a request for quote.

    Args:
        reject: what it said.
        meaning: what that means, and what to do.

    Attributes:
        reason: QuoteRequestRejectReason(658).
        code: why legs make no combination, else None.
        offending: the market tickers of those legs.
    """

    def __init__(self, reject: QuoteRequestReject, meaning: str = "") -> None:
        self.reason = reject.quote_request_reject_reason
        self.code = reject.mve_validation_reason_code
        self.offending = tuple(leg.market_ticker for leg in reject.offending_legs)
        legs = f" ({self.code}: {', '.join(self.offending)})" if self.code else ""
        said = reject.text or f"QuoteRequestRejectReason(658) {self.reason}"
        super().__init__(said + legs, reject, meaning)


class QuoteGone(Rejected):
    """The venue could not let us have a quote.

    Args:
        status: what it said.
        meaning: what that means, and what to do.

    Attributes:
        reason: what its text means.
    """

    def __init__(self, status: AcceptQuoteStatus, meaning: str = "") -> None:
        known = {reason.value: reason for reason in AcceptRefusal}
        self.reason = known.get(status.text or "", AcceptRefusal.OTHER)
        super().__init__(status.text or "refused without a text", status, meaning)


class RfqHandle(Life[RequestState]):
    """A request of ours over its life.

    Args:
        quote_req_id: our id.

    Attributes:
        rfq_id: the venue's id, empty until it has answered.
        symbol: the market; of legs, what the venue made of them.
        quotes: those that stand, by QuoteID(117), oldest first; their prices are dollars in every session.
    """

    def __init__(self, quote_req_id: str, symbol: str) -> None:
        super().__init__(RequestState.SENT)
        self.quote_req_id = quote_req_id
        self.symbol = symbol
        self.rfq_id = ""
        self.quotes: dict[str, Quote] = {}
        self._arrived: Arrivals[Quote] = Arrivals(KEPT)

    def __repr__(self) -> str:
        return f"<RfqHandle {self.quote_req_id} {self.state}>"

    def __aiter__(self) -> AsyncIterator[Quote]:
        """Yield each quote as it comes, those that came before first; ends when the request has ended."""
        return aiter(self._arrived)

    def move(self, state: RequestState, text: str | None = None) -> None:
        """Set the state and wake whoever waits; no quote comes to a request that has ended."""
        super().move(state, text)
        if state in ENDED:
            self._arrived.end()

    async def closed(self, timeout: float | None = None) -> RequestState:  # noqa: ASYNC109
        """Wait until the request has ended, and return how.

        Args:
            timeout: seconds to wait.

        Raises:
            TimeoutError: it has not ended.
        """
        return await self.reached(ENDED, timeout)

    def best(self, side: Side) -> Quote | None:
        """Return the best quote for us: to BUY the one with the highest NO price, to SELL the highest YES."""
        offers = [quote for quote in self.quotes.values() if price_of(quote, side)]
        return max(offers, key=lambda quote: price_of(quote, side), default=None)

    def add(self, quote: Quote) -> None:
        """Take in a quote, in place of the one that the same maker had: the venue does not tell of that."""
        makers = {party.party_id for party in quote.parties}
        for other in list(self.quotes.values()):
            if makers & {party.party_id for party in other.parties}:
                del self.quotes[other.quote_id]
        self.quotes[quote.quote_id] = quote
        self._arrived.append(quote)
        self.wake()


class AcceptanceState(StrEnum):
    """Where an accepted quote stands."""

    WAITING = "waiting"  # for the maker's confirmation and the execution
    EXECUTING = "executing"  # some contracts have traded
    DONE = "done"  # nothing more will trade


class Acceptance(Life[AcceptanceState]):
    """A quote that we took.

    Args:
        quote_id: the quote that the venue took, a better one than was named where that was allowed.
        cl_ord_id: ClOrdID(11) of its reports.
        side: our side.

    Attributes:
        report: the latest ExecutionReport.
    """

    def __init__(self, quote_id: str, cl_ord_id: str, side: Side) -> None:
        super().__init__(AcceptanceState.WAITING)
        self.quote_id = quote_id
        self.cl_ord_id = cl_ord_id
        self.side = side
        self.report: ExecutionReport | None = None

    def __repr__(self) -> str:
        return f"<Acceptance {self.quote_id} {self.state}>"

    async def executed(self, timeout: float = 60.0) -> ExecutionReport:  # noqa: ASYNC109
        """Wait until nothing more will trade, and return the last report: ``cum_qty`` says how much did.

        The venue does not say that a maker failed to confirm, and may not report what an order leaves that
        is not to rest: some time after the timers, 30 and 15 seconds or 3 and 1, is the end.

        Args:
            timeout: seconds to wait; with trades, the report of the last one counts when they pass.

        Raises:
            Rejected: it ended without a trade, with the venue's text.
            OutcomeUnknown: no report came in time: the quote is void, or the link is lost.
        """
        try:
            await self.reached((AcceptanceState.DONE,), timeout)
        except TimeoutError:
            if self.report is None or not self.report.cum_qty:
                text = f"no trade within {timeout:g} s: the maker has not confirmed, or the link is lost"
                raise OutcomeUnknown(text, self.cl_ord_id) from None
        assert self.report is not None
        if not self.report.cum_qty:
            raise Rejected(self.report.text or f"ended by ExecType {self.report.exec_type}", self.report)
        return self.report

    def take(self, report: ExecutionReport) -> None:
        """Take in a report."""
        over = report.exec_type in OVER or (report.exec_type is ExecType.TRADE and not report.leaves_qty)
        self.report = report
        traded = AcceptanceState.EXECUTING if report.cum_qty else AcceptanceState.WAITING
        self.move(AcceptanceState.DONE if over else traded, report.text)


def price_of(quote: Quote, side: Side) -> Decimal:
    """Return the maker's price that this side takes, dollars; zero when there is none."""
    return (quote.offer_px if side is Side.BUY else quote.bid_px) or Decimal(0)
