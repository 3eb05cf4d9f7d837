"""A maker's quote over its life, and the request that it answers.

Source: docs.kalshi.com/fix/rfq-messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from fixgw.errors import FieldError, OutcomeUnknown, Rejected
from fixgw.handlers.order import Request
from fixgw.messages.order_entry import Side
from fixgw.venues.kalshi.messages import Quote, QuoteRequest, SelectedLeg
from fixgw.venues.kalshi.rfq import Life


class QuoteState(StrEnum):
    """Where a quote stands, as far as its session learns."""

    SENT = "sent"  # no answer yet
    PENDING = "pending"  # it stands
    ACCEPTED = "accepted"  # the creator took it: confirm it within 30 seconds, 3 in volatile markets
    CONFIRMED = "confirmed"  # it executes 15 seconds later, or 1; fills are told on the order-entry session
    VOID = "void"  # accepted, and then not confirmed in time or not executed
    CANCELED = "canceled"  # taken back, or gone with its request
    REPLACED = "replaced"  # a newer quote of ours stands in its place
    REJECTED = "rejected"
    NOT_SENT = "not sent"
    UNKNOWN = "unknown"  # the link was lost while it was open
    OVER = "over"  # it ended while the link was lost, by a trade or without one: the fills tell


TAKEN = frozenset({QuoteState.ACCEPTED, QuoteState.CONFIRMED})
ENDED = frozenset(
    {
        QuoteState.VOID,
        QuoteState.CANCELED,
        QuoteState.REPLACED,
        QuoteState.REJECTED,
        QuoteState.NOT_SENT,
        QuoteState.OVER,
    }
)


@dataclass(eq=False, slots=True)
class OpenRequest:
    """A request that the venue has passed on to us.

    Args:
        rfq_id: the venue's id.
        symbol: the market.
        order_qty: contracts; zero when the request names dollars.
        cash_order_qty: dollars, when it names them.
        creator_id: the creator's pseudonym, or the same placeholder for all who hide.
        legs: of a combination.
        transact_time: when it was opened, None when the venue does not say.
        withdrawn: the venue's words for its end, None while it is open.
        quotes: ours that stand or wait for an answer, oldest first.
    """

    rfq_id: str
    symbol: str
    order_qty: Decimal | None
    cash_order_qty: Decimal | None
    creator_id: str
    legs: tuple[SelectedLeg, ...]
    transact_time: datetime | None
    withdrawn: str | None = None
    quotes: list[QuoteHandle] = field(default_factory=list)

    @classmethod
    def of(cls, message: QuoteRequest) -> OpenRequest:
        """Return what a QuoteRequest(R) of the venue asks for.

        Raises:
            FieldError: it names no market, or the message is malformed.
        """
        message.check()
        asked = message.related_symbols[0]
        if asked.symbol is None:
            raise FieldError(55, 1, "Required tag missing, Symbol(55)")
        return cls(
            message.quote_req_id,
            asked.symbol,
            asked.order_qty,
            asked.cash_order_qty,
            asked.parties[0].party_id if asked.parties else "",
            message.selected_legs,
            asked.transact_time,
        )


class QuoteHandle(Life[QuoteState]):
    """A quote of ours over its life.

    Args:
        quote: as it was sent.
        request: what it answers.

    Attributes:
        quote_id: QuoteID(117); fills on the order-entry session bear it as ClOrdID at some venues.
        side: what the creator left to us once the quote is accepted: BUY for YES at ``bid_px``, SELL for NO
            at ``offer_px``. The venue documents the field both ways; a quote with one price leaves no doubt.
    """

    def __init__(self, quote: Quote, request: OpenRequest) -> None:
        super().__init__(QuoteState.SENT)
        self.quote_id = quote.quote_id
        self.bid_px = quote.bid_px
        self.offer_px = quote.offer_px
        self.request = request
        self.side: Side | None = None
        self.sent: Request | None = None

    def __repr__(self) -> str:
        return f"<QuoteHandle {self.quote_id} {self.state}>"

    async def acknowledged(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Wait until the venue has the quote.

        Args:
            timeout: seconds to wait; nothing is decided when they pass.

        Raises:
            Rejected: it refused, with its text.
            NotSent: the quote never reached it.
            OutcomeUnknown: the link was lost before it answered.
            TimeoutError: no answer yet.
        """
        assert self.sent is not None
        await self.sent.acknowledged(timeout)

    async def accepted(self, timeout: float | None = None) -> Side:  # noqa: ASYNC109
        """Wait until the creator takes the quote, and return ``side``.

        Args:
            timeout: seconds to wait.

        Raises:
            Rejected: the quote ended otherwise.
            OutcomeUnknown: the link was lost, so nobody knows.
            TimeoutError: it stands and was not taken.
        """
        state = await self.reached(TAKEN | ENDED | {QuoteState.UNKNOWN}, timeout)
        if state is QuoteState.UNKNOWN:
            raise OutcomeUnknown("the link was lost while the quote was open", self.quote_id)
        if state in ENDED or self.side is None:
            raise Rejected(f"the quote is {state}" + (f": {self.text}" if self.text else ""))
        return self.side

    async def closed(self, timeout: float | None = None) -> QuoteState:  # noqa: ASYNC109
        """Wait until it is confirmed or has ended, and return the state.

        Args:
            timeout: seconds to wait.

        Raises:
            TimeoutError: neither has happened.
        """
        return await self.reached(ENDED | {QuoteState.CONFIRMED}, timeout)

    def take(self, side: Side | None) -> None:
        """Note that the creator has taken it, on the side that is left when the quote has one price."""
        one_sided = Side.SELL if not self.bid_px else Side.BUY if not self.offer_px else None
        self.side = one_sided or side
        self.move(QuoteState.ACCEPTED)
