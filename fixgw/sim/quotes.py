"""The vocabulary of requests for quote: what is asked, offered and accepted, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, StrEnum

from fixgw.sim.orders import Order, Owner, Side


class RejectReason(StrEnum):
    """QuoteRequestRejectReason(658), as far as this venue uses it."""

    UNKNOWN_SYMBOL = "1"
    EXCEEDS_LIMIT = "3"
    INSUFFICIENT_CREDIT = "11"
    OTHER = "99"


class Refused(Exception):
    """A rule does not allow it.

    Args:
        text: Text(58).
        reason: for a refused request.
    """

    def __init__(self, text: str, reason: RejectReason = RejectReason.OTHER) -> None:
        super().__init__(text)
        self.text = text
        self.reason = reason


class NotACombination(Refused):
    """Legs that make no market.

    Args:
        code: MVEValidationReasonCode(20187).
        offending: the market tickers that are the matter.
    """

    def __init__(self, code: str, offending: tuple[str, ...]) -> None:
        super().__init__(code)
        self.code = code
        self.offending = offending


class QuoteState(Enum):
    """What has become of a quote."""

    PENDING = "pending"  # it stands
    ACCEPTED = "accepted"  # it waits for its maker's confirmation
    CONFIRMED = "confirmed"  # it waits for its execution
    EXECUTED = "executed"
    OVER = "over"  # taken back, replaced, void, or gone with its request


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of a combination; ``side`` is ``yes`` or ``no``."""

    event: str
    market: str
    side: str


@dataclass(frozen=True, slots=True)
class Legs:
    """MultivariateCollectionTicker(20180) and the legs that were selected."""

    collection: str
    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """What QuoteRequest(R) asks for.

    Args:
        quote_req_id: the creator's id.
        owner: the creator.
        symbol: the market, empty when ``legs`` make one.
        qty: contracts; or
        cash: dollars.
        cash_excludes_fees: the fee comes on top of ``cash``.
        obscured: makers are not told who asks.
        rest_remainder: what does not execute rests in the book.
        replaces: older requests on this market may be closed for it.
        legs: the combination that is asked for.
        echo: fields that reports repeat as they came, such as AllocAccount(79).
    """

    quote_req_id: str
    owner: Owner
    symbol: str = ""
    qty: Decimal | None = None
    cash: Decimal | None = None
    cash_excludes_fees: bool = False
    obscured: bool = False
    rest_remainder: bool = False
    replaces: bool = False
    legs: Legs | None = None
    echo: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """What Quote(S) offers; a price of zero is none.

    Args:
        quote_id: the maker's id.
        rfq_id: the request.
        owner: the maker.
        symbol: the request's market.
        bid: what the maker pays for YES, dollars.
        offer: what it pays for NO.
        post_only: it may not take from the book.
        rest_remainder: what does not execute rests in the book.
        echo: as of ``Ask``.
    """

    quote_id: str
    rfq_id: str
    owner: Owner
    symbol: str
    bid: Decimal
    offer: Decimal
    post_only: bool = False
    rest_remainder: bool = False
    echo: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What AcceptQuote(UA), or an order that names a quote, accepts.

    Args:
        quote_id: the quote that is meant.
        owner: who accepts.
        side: the creator's own: BUY takes the NO price, SELL the YES price.
        cl_ord_id: of the order to come; the venue makes one when None.
        qty: contracts; the whole size when None.
        rfq_id: a check; None for none.
        prefer_better: another quote at a better price may be taken.
        order: the held order that accepts; None for AcceptQuote.
    """

    quote_id: str
    owner: Owner
    side: Side
    cl_ord_id: str | None = None
    qty: Decimal | None = None
    rfq_id: str | None = None
    prefer_better: bool = False
    order: Order | None = None


@dataclass(slots=True)
class Request:
    """An open or closed request.

    Args:
        rfq_id: the venue's id.
        ask: what it asks for, with its market.
        opened_ns: when, UTC nanoseconds.
        open: it takes quotes, unless one is accepted.
        accepted: the quote that was accepted and is not void.
        quotes: the pending ones, oldest first.
    """

    rfq_id: str
    ask: Ask
    opened_ns: int
    open: bool = True
    accepted: Quote | None = None
    quotes: dict[str, Quote] = field(default_factory=dict)


@dataclass(slots=True)
class Quote:
    """A quote over its life.

    Args:
        offer: what it offers.
        request: what it answers.
        quoted_ns: when, UTC nanoseconds.
        state: what has become of it.
        acceptance: of the one that was accepted.
        due_ns: when its confirmation or execution is due.
    """

    offer: Offer
    request: Request
    quoted_ns: int
    state: QuoteState = QuoteState.PENDING
    acceptance: Acceptance | None = None
    due_ns: int = 0

    def price(self, side: Side) -> Decimal | None:
        """Return the YES price at which the creator trades on this side, None when there is none."""
        if side is Side.BUY:
            return 1 - self.offer.offer if self.offer.offer else None
        return self.offer.bid or None

    @property
    def taken(self) -> Acceptance:
        """The acceptance of a quote that was accepted."""
        assert self.acceptance is not None
        return self.acceptance
