"""Requests for quote, both roles: R b AG S AI Z U9 U7 U8 UA UC UE UB.

A creator asks on KalshiRT, makers answer on KalshiRFQ. ``quote_req_id`` is the creator's own id towards the
creator and the venue's id towards makers; ``rfq_id`` is always the venue's.
Source: docs.kalshi.com/fix/rfq-messages.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from fixgw.fix import tags as fix
from fixgw.fix.fieldtypes import BOOLEAN, DECIMAL, STRING, UTC_TIMESTAMP, enum, enums
from fixgw.fix.schema import Group, TypedMessage, field, group
from fixgw.messages.order_entry import ExecInst, Side
from fixgw.venues.kalshi import tags
from fixgw.venues.kalshi.dialect.parties import Party


class SelectedLegSide(StrEnum):
    """MultivariateSelectedLegSide(20184)."""

    YES = "yes"
    NO = "no"


class QuoteRequestType(StrEnum):
    """QuoteRequestType(303)."""

    MANUAL = "1"


class QuoteRequestRejectReason(StrEnum):
    """QuoteRequestRejectReason(658)."""

    UNKNOWN_SYMBOL = "1"
    QUOTE_REQUEST_EXCEEDS_LIMIT = "3"
    INSUFFICIENT_CREDIT = "11"
    OTHER = "99"


class MveValidationReasonCode(StrEnum):
    """MVEValidationReasonCode(20187): why legs make no combination."""

    CONFLICTING_LEG_OUTCOMES = "conflicting_leg_outcomes"
    DUPLICATED_LEGS = "duplicated_legs"
    INVALID_MARKET_COMBINATION = "invalid_market_combination"


class QuoteStatus(StrEnum):
    """QuoteStatus(297)."""

    ACCEPTED = "0"  # the creator took it; it is now to be confirmed
    REJECTED = "5"
    PENDING = "10"  # it stands
    CANCELED = "17"


class QuoteCancelResult(StrEnum):
    """QuoteCancelType(298), which Kalshi uses for the result of a cancel."""

    CANCELED = "0"
    REJECTED = "1"


class QuoteConfirmResult(StrEnum):
    """QuoteConfirmStatus(21010)."""

    ACCEPTED = "0"
    REJECTED = "1"


class AcceptQuoteResult(StrEnum):
    """AcceptQuoteStatus(21025)."""

    ACCEPTED = "0"
    REJECTED = "1"


class RfqCancelResult(StrEnum):
    """RFQCancelStatus(21013)."""

    CANCELED = "0"
    REJECTED = "1"
    EXPIRED = "2"  # unsolicited: the venue closed the request


class SelectedLeg(Group):
    """An entry of NoMultivariateSelectedLegs(20181): one leg of a combination."""

    event_ticker: str = field(tags.MULTIVARIATE_SELECTED_LEG_EVENT_TICKER, STRING)
    market_ticker: str = field(tags.MULTIVARIATE_SELECTED_LEG_MARKET_TICKER, STRING)
    side: SelectedLegSide = field(tags.MULTIVARIATE_SELECTED_LEG_SIDE, enum(SelectedLegSide))


class OffendingLeg(Group):
    """An entry of NoMVEOffendingLegs(20185)."""

    market_ticker: str = field(tags.MVE_OFFENDING_MARKET_TICKER, STRING)


class RelatedSymbol(Group):
    """The one entry of NoRelatedSym(146): what is asked for, and how much of it.

    ``symbol`` is left out when the request names legs; the size is ``order_qty`` contracts or
    ``cash_order_qty`` dollars. Outside this group the venue ignores the flags without a word.
    """

    symbol: str | None = field(fix.SYMBOL, STRING, default=None)
    order_qty: Decimal | None = field(fix.ORDER_QTY, DECIMAL, default=None)
    cash_order_qty: Decimal | None = field(fix.CASH_ORDER_QTY, DECIMAL, default=None)
    target_cost_excludes_fees: bool | None = field(tags.TARGET_COST_EXCLUDES_FEES, BOOLEAN, default=None)
    obscure_creator_id: bool | None = field(tags.OBSCURE_CREATOR_ID, BOOLEAN, default=None)
    rest_remainder: bool | None = field(tags.REST_REMAINDER, BOOLEAN, default=None)
    replace_existing: bool | None = field(tags.REPLACE_EXISTING, BOOLEAN, default=None)
    transact_time: datetime | None = field(fix.TRANSACT_TIME, UTC_TIMESTAMP, default=None)
    parties: tuple[Party, ...] = group(fix.NO_PARTY_IDS, Party, default=())


class QuoteRequest(TypedMessage, msg_type="R"):
    """QuoteRequest(R): a creator asks, or the venue passes the question on to a maker."""

    quote_req_id: str = field(fix.QUOTE_REQ_ID, STRING)
    related_symbols: tuple[RelatedSymbol, ...] = group(fix.NO_RELATED_SYM, RelatedSymbol)
    alloc_account: str | None = field(fix.ALLOC_ACCOUNT, STRING, default=None)
    multivariate_collection_ticker: str | None = field(
        tags.MULTIVARIATE_COLLECTION_TICKER, STRING, default=None
    )
    selected_legs: tuple[SelectedLeg, ...] = group(
        tags.NO_MULTIVARIATE_SELECTED_LEGS, SelectedLeg, default=()
    )


class QuoteRequestAck(TypedMessage, msg_type="b"):
    """QuoteRequestAck(b): the request is open; ``symbol`` is the market that its legs make."""

    quote_req_id: str = field(fix.QUOTE_REQ_ID, STRING)
    quote_request_type: QuoteRequestType | None = field(
        fix.QUOTE_REQUEST_TYPE, enum(QuoteRequestType), default=None
    )
    rfq_id: str | None = field(tags.RFQ_ID, STRING, default=None)
    symbol: str | None = field(fix.SYMBOL, STRING, default=None)
    ex_destination: str | None = field(fix.EX_DESTINATION, STRING, default=None)
    text: str | None = field(fix.TEXT, STRING, default=None)


class QuoteRequestReject(TypedMessage, msg_type="AG"):
    """QuoteRequestReject(AG): a creator's request was refused, or a maker's was withdrawn."""

    quote_req_id: str = field(fix.QUOTE_REQ_ID, STRING)
    quote_request_reject_reason: QuoteRequestRejectReason = field(
        fix.QUOTE_REQUEST_REJECT_REASON, enum(QuoteRequestRejectReason)
    )
    mve_validation_reason_code: MveValidationReasonCode | None = field(
        tags.MVE_VALIDATION_REASON_CODE, enum(MveValidationReasonCode), default=None
    )
    offending_legs: tuple[OffendingLeg, ...] = group(tags.NO_MVE_OFFENDING_LEGS, OffendingLeg, default=())
    text: str | None = field(fix.TEXT, STRING, default=None)


class Quote(TypedMessage, msg_type="S"):
    """Quote(S): a maker's YES price ``bid_px`` and NO price ``offer_px``, one of which may be absent.

    It is for the whole size of the request. Prices are dollars; see ``venues.kalshi.units`` for sessions in
    cents.
    """

    quote_id: str = field(fix.QUOTE_ID, STRING)
    quote_req_id: str = field(fix.QUOTE_REQ_ID, STRING)
    symbol: str = field(fix.SYMBOL, STRING)
    bid_px: Decimal | None = field(fix.BID_PX, DECIMAL, default=None)
    offer_px: Decimal | None = field(fix.OFFER_PX, DECIMAL, default=None)
    exec_inst: tuple[ExecInst, ...] | None = field(fix.EXEC_INST, enums(ExecInst), default=None)
    alloc_account: str | None = field(fix.ALLOC_ACCOUNT, STRING, default=None)
    rest_remainder: bool | None = field(tags.REST_REMAINDER, BOOLEAN, default=None)
    order_qty: Decimal | None = field(fix.ORDER_QTY, DECIMAL, default=None)
    bid_size: Decimal | None = field(fix.BID_SIZE, DECIMAL, default=None)
    offer_size: Decimal | None = field(fix.OFFER_SIZE, DECIMAL, default=None)
    transact_time: datetime | None = field(fix.TRANSACT_TIME, UTC_TIMESTAMP, default=None)
    parties: tuple[Party, ...] = group(fix.NO_PARTY_IDS, Party, default=())


class QuoteStatusReport(TypedMessage, msg_type="AI"):
    """QuoteStatusReport(AI): what became of a maker's quote; ``side`` is what the creator took."""

    quote_id: str | None = field(fix.QUOTE_ID, STRING, default=None)
    quote_req_id: str = field(fix.QUOTE_REQ_ID, STRING)
    quote_status: QuoteStatus = field(fix.QUOTE_STATUS, enum(QuoteStatus))
    alloc_account: str | None = field(fix.ALLOC_ACCOUNT, STRING, default=None)
    order_qty: Decimal | None = field(fix.ORDER_QTY, DECIMAL, default=None)
    bid_px: Decimal | None = field(fix.BID_PX, DECIMAL, default=None)
    offer_px: Decimal | None = field(fix.OFFER_PX, DECIMAL, default=None)
    bid_size: Decimal | None = field(fix.BID_SIZE, DECIMAL, default=None)
    offer_size: Decimal | None = field(fix.OFFER_SIZE, DECIMAL, default=None)
    side: Side | None = field(fix.SIDE, enum(Side), default=None)
    transact_time: datetime | None = field(fix.TRANSACT_TIME, UTC_TIMESTAMP, default=None)
    text: str | None = field(fix.TEXT, STRING, default=None)


class QuoteCancel(TypedMessage, msg_type="Z"):
    """QuoteCancel(Z): a maker takes a quote back."""

    quote_id: str = field(fix.QUOTE_ID, STRING)
    rfq_id: str | None = field(tags.RFQ_ID, STRING, default=None)


class QuoteCancelStatus(TypedMessage, msg_type="U9"):
    """QuoteCancelStatus(U9): whether it could be taken back."""

    quote_id: str = field(fix.QUOTE_ID, STRING)
    quote_cancel_result: QuoteCancelResult = field(fix.QUOTE_CANCEL_TYPE, enum(QuoteCancelResult))
    text: str | None = field(fix.TEXT, STRING, default=None)


class QuoteConfirm(TypedMessage, msg_type="U7"):
    """QuoteConfirm(U7): a maker stands by an accepted quote; with ``rfq_id`` it costs fewer tokens."""

    quote_id: str = field(fix.QUOTE_ID, STRING)
    rfq_id: str | None = field(tags.RFQ_ID, STRING, default=None)


class QuoteConfirmStatus(TypedMessage, msg_type="U8"):
    """QuoteConfirmStatus(U8): whether the confirmation was in time."""

    quote_id: str = field(fix.QUOTE_ID, STRING)
    quote_confirm_status: QuoteConfirmResult = field(tags.QUOTE_CONFIRM_STATUS, enum(QuoteConfirmResult))
    text: str | None = field(fix.TEXT, STRING, default=None)


class AcceptQuote(TypedMessage, msg_type="UA"):
    """AcceptQuote(UA): the creator takes a quote; BUY takes the maker's NO price, SELL its YES price."""

    quote_id: str = field(fix.QUOTE_ID, STRING)
    rfq_id: str | None = field(tags.RFQ_ID, STRING, default=None)
    side: Side = field(fix.SIDE, enum(Side))
    order_qty: Decimal | None = field(fix.ORDER_QTY, DECIMAL, default=None)
    cl_ord_id: str | None = field(fix.CL_ORD_ID, STRING, default=None)
    parties: tuple[Party, ...] = group(fix.NO_PARTY_IDS, Party, default=())
    prefer_better_quote: bool | None = field(tags.PREFER_BETTER_QUOTE, BOOLEAN, default=None)


class AcceptQuoteStatus(TypedMessage, msg_type="UC"):
    """AcceptQuoteStatus(UC): whether it was still there; ``accepted_quote_id`` may be a better one."""

    quote_id: str = field(fix.QUOTE_ID, STRING)
    accept_quote_status: AcceptQuoteResult = field(tags.ACCEPT_QUOTE_STATUS, enum(AcceptQuoteResult))
    accepted_quote_id: str | None = field(tags.ACCEPTED_QUOTE_ID, STRING, default=None)
    cl_ord_id: str | None = field(fix.CL_ORD_ID, STRING, default=None)
    text: str | None = field(fix.TEXT, STRING, default=None)


class RfqCancel(TypedMessage, msg_type="UE"):
    """RFQCancel(UE): the creator closes a request, by its own id or by the venue's."""

    quote_req_id: str | None = field(fix.QUOTE_REQ_ID, STRING, default=None)
    rfq_id: str | None = field(tags.RFQ_ID, STRING, default=None)
    parties: tuple[Party, ...] = group(fix.NO_PARTY_IDS, Party, default=())


class RfqCancelStatus(TypedMessage, msg_type="UB"):
    """RFQCancelStatus(UB): the answer to RFQCancel, or the venue's word that a request has ended."""

    quote_req_id: str = field(fix.QUOTE_REQ_ID, STRING)
    rfq_id: str | None = field(tags.RFQ_ID, STRING, default=None)
    rfq_cancel_status: RfqCancelResult = field(tags.RFQ_CANCEL_STATUS, enum(RfqCancelResult))
    text: str | None = field(fix.TEXT, STRING, default=None)


MESSAGES: tuple[type[TypedMessage], ...] = (
    QuoteRequest,
    QuoteRequestAck,
    QuoteRequestReject,
    Quote,
    QuoteStatusReport,
    QuoteCancel,
    QuoteCancelStatus,
    QuoteConfirm,
    QuoteConfirmStatus,
    AcceptQuote,
    AcceptQuoteStatus,
    RfqCancel,
    RfqCancelStatus,
)
