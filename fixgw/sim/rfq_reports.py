"""What the venue says about requests and quotes: docs.kalshi.com/fix/rfq-messages.

Built pair by pair, not with the client's typed messages, so that a fault in those shows. Order of the fields:
as in the published examples. Prices to makers are in the session's unit, those to creators are dollars.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256

from fixgw.fix.message import Message
from fixgw.sim.logon import LogonFlags
from fixgw.sim.orders import Side
from fixgw.sim.quotes import (
    Acceptance,
    Legs,
    NotACombination,
    Offer,
    Quote,
    QuoteState,
    Refused,
    Request,
)
from fixgw.sim.reports import Pairs, price_text, qty_text, timestamp

OBSCURED_ID = sha256(b"").hexdigest()
QUOTER = "35"
DOLLARS = LogonFlags(use_dollars=True)
CANCELED, REJECTED, EXPIRED = "0", "1", "2"  # RFQCancelStatus(21013)


def public_id(account: str) -> str:
    """Return the pseudonym by which the other side knows an account; always the same."""
    return sha256(f"communications/{account}".encode()).hexdigest()


def opened(request: Request, exchange_index: int) -> Message:
    """Return QuoteRequestAck(b) for the creator."""
    ask = request.ask
    pairs: Pairs = [(131, ask.quote_req_id), (303, "1"), (21023, request.rfq_id)]
    if ask.legs is not None:
        pairs.append((55, ask.symbol))
    return Message("b", [*pairs, (100, str(exchange_index))])


def refused_request(quote_req_id: str, refusal: Refused) -> Message:
    """Return QuoteRequestReject(AG) for the creator."""
    pairs: Pairs = [(131, quote_req_id), (658, refusal.reason.value)]
    if isinstance(refusal, NotACombination):
        pairs += [(20187, refusal.code), (20185, str(len(refusal.offending)))]
        pairs += [(20186, market) for market in refusal.offending]
    return Message("AG", [*pairs, (58, refusal.text)])


def withdrawn(request: Request, text: str) -> Message:
    """Return QuoteRequestReject(AG) for a maker."""
    return Message("AG", [(131, request.rfq_id), (658, "99"), (58, text)])


def asked(request: Request) -> Message:
    """Return QuoteRequest(R) for a maker; OrderQty(38) is zero when cash is what was given."""
    ask = request.ask
    pairs: Pairs = [(131, request.rfq_id), (146, "1"), (55, ask.symbol)]
    pairs.append((38, qty_text(ask.qty or Decimal(0))))
    if ask.cash is not None:
        pairs.append((152, qty_text(ask.cash)))
    who = OBSCURED_ID if ask.obscured else public_id(ask.owner.account)
    pairs += [(60, timestamp(request.opened_ns)), (453, "1"), (448, who)]
    return Message("R", [*pairs, *(_legs(ask.legs) if ask.legs is not None else ())])


def _legs(chosen: Legs) -> Iterator[tuple[int, str]]:
    yield from ((20180, chosen.collection), (20181, str(len(chosen.legs))))
    for leg in chosen.legs:
        yield from ((20182, leg.event), (20183, leg.market), (20184, leg.side))


def request_ended(quote_req_id: str, rfq_id: str | None, status: str, text: str = "") -> Message:
    """Return RFQCancelStatus(UB) for the creator, asked for or not."""
    pairs: Pairs = [(131, quote_req_id)]
    if rfq_id is not None:
        pairs.append((21023, rfq_id))
    pairs.append((21013, status))
    return Message("UB", [*pairs, (58, text)] if text else pairs)


def offered(quote: Quote, sizes: dict[Side, Decimal], flags: LogonFlags = DOLLARS) -> Message:
    """Return Quote(S) for the creator; a price of zero is left out.

    Args:
        quote: the quote.
        sizes: contracts by the creator's side.
        flags: say in which unit the prices are.
    """
    pairs: Pairs = [
        (117, quote.offer.quote_id),
        (131, quote.request.rfq_id),
        (55, quote.request.ask.symbol),
        *_terms(quote, sizes, flags),
        (60, timestamp(quote.quoted_ns)),
        *((453, "1"), (448, public_id(quote.offer.owner.account)), (452, QUOTER)),
    ]
    return Message("S", pairs)


def quote_status(
    quote: Quote, sizes: dict[Side, Decimal], flags: LogonFlags, *, of_maker: bool = True
) -> Message:
    """Return QuoteStatusReport(AI) for the maker.

    Args:
        quote: the quote.
        sizes: contracts by the creator's side.
        flags: of the maker's session.
        of_maker: the accepted side is what the maker gets, 1 YES or 2 NO; otherwise what the creator does.
    """
    status = {QuoteState.PENDING: "10", QuoteState.ACCEPTED: "0"}.get(quote.state, "17")
    pairs: Pairs = [(117, quote.offer.quote_id), (131, quote.request.rfq_id), (297, status)]
    pairs += [pair for pair in quote.offer.echo if pair[0] == 79]
    pairs += _terms(quote, sizes, flags)
    if quote.state is QuoteState.ACCEPTED:
        side = quote.taken.side
        pairs.append((54, (side.opposite if of_maker else side).value))
    if quote.state is QuoteState.PENDING:
        pairs.append((60, timestamp(quote.quoted_ns)))
    return Message("AI", pairs)


def _terms(quote: Quote, sizes: dict[Side, Decimal], flags: LogonFlags) -> Iterator[tuple[int, str]]:
    """Size and prices; what the YES price is good for is what the creator may sell."""
    offer, ask = quote.offer, quote.request.ask
    if ask.qty is not None:
        yield 38, qty_text(ask.qty)
    if offer.bid:
        yield from ((132, price_text(offer.bid, flags)), (134, qty_text(sizes[Side.SELL])))
    if offer.offer:
        yield from ((133, price_text(offer.offer, flags)), (135, qty_text(sizes[Side.BUY])))


def quote_rejected(offer: Offer, text: str) -> Message:
    """Return QuoteStatusReport(AI) for a quote that was refused; it does not say which one it was."""
    return Message("AI", [(131, offer.rfq_id), (297, "5"), (58, text)])


def quote_canceled(quote_id: str, text: str = "") -> Message:
    """Return QuoteCancelStatus(U9); with a text it was refused."""
    return _answer("U9", quote_id, 298, text)


def quote_confirmed(quote_id: str, text: str = "") -> Message:
    """Return QuoteConfirmStatus(U8); with a text it was refused."""
    return _answer("U8", quote_id, 21010, text)


def _answer(msg_type: str, quote_id: str, status: int, text: str) -> Message:
    pairs: Pairs = [(117, quote_id), (status, "1" if text else "0")]
    return Message(msg_type, [*pairs, (58, text)] if text else pairs)


def acceptance(asked_for: Acceptance, accepted: Quote | None, text: str = "") -> Message:
    """Return AcceptQuoteStatus(UC) for the creator; with a text it was refused."""
    pairs: Pairs = [(117, asked_for.quote_id), (21025, "1" if accepted is None else "0")]
    if accepted is not None:
        pairs.append((21024, accepted.offer.quote_id))
    if asked_for.cl_ord_id is not None:
        pairs.append((11, asked_for.cl_ord_id))
    return Message("UC", [*pairs, (58, text)] if text else pairs)
