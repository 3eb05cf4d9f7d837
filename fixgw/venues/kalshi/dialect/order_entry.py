"""Kalshi's orders and reports: the shared messages with its own fields and without those it does not know.

Kalshi refuses a message with a tag that is not in its tables (35=3, 373=3), so a constructor takes the fields
of these tables and no others. What is received may hold anything: unknown tags stay in ``message``.
Source: docs.kalshi.com/fix/order-entry and /fix/error-handling.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from fixgw.fix import tags as fix
from fixgw.fix.fieldtypes import BOOLEAN, DECIMAL, STRING, UTC_TIMESTAMP, enum
from fixgw.fix.schema import LATE, FieldSpec, Group, TypedMessage, field, group
from fixgw.messages import order_entry
from fixgw.venues.kalshi import tags
from fixgw.venues.kalshi.dialect.parties import Party


class SelfTradePreventionType(StrEnum):
    """SelfTradePreventionType(2964): which order goes when two of one's own would meet."""

    TAKER_AT_CROSS = "1"  # what is left of the incoming order; the venue's default
    MAKER = "2"  # the resting order, in full


class CollateralAmountType(StrEnum):
    """CollateralAmountType(1705)."""

    BALANCE = "BALANCE"  # a change of the cash balance
    PAYOUT = "PAYOUT"  # what netting YES against NO paid


class MassCancelRequestType(StrEnum):
    """MassCancelRequestType(530)."""

    CANCEL_FOR_SESSION = "6"


class MassCancelResponse(StrEnum):
    """MassCancelResponse(531)."""

    REJECTED = "0"
    CANCELED_FOR_SESSION = "6"


def _only(message: type[TypedMessage], *known: int) -> tuple[FieldSpec, ...]:
    """Return the declared fields of a shared message that Kalshi knows."""
    return tuple(spec for spec in message.FIELDS if spec.tag in known)


class CollateralAmountChange(Group):
    """An entry of NoCollateralAmountChanges(1703), always in dollars."""

    collateral_amount_change: Decimal = field(fix.COLLATERAL_AMOUNT_CHANGE, DECIMAL)
    collateral_amount_type: CollateralAmountType = field(
        fix.COLLATERAL_AMOUNT_TYPE, enum(CollateralAmountType)
    )


class NewOrderSingle(order_entry.NewOrderSingle, msg_type="D"):
    """NewOrderSingle(D): a limit order for YES; selling is buying NO.

    ``price`` is the YES price on both sides, in dollars; see ``venues.kalshi.units`` for sessions in cents.
    ``alloc_account`` is the subaccount, 0 to 63; ``ex_destination`` the exchange index.
    """

    FIELDS = _only(order_entry.NewOrderSingle, 11, 526, 453, 79, 18, 100, 55, 54, 38, 40, 44, 117, 59, 126)

    parties: tuple[Party, ...] = group(fix.NO_PARTY_IDS, Party, default=())
    sender_sub_id: str | None = field(fix.SENDER_SUB_ID, STRING, default=None)
    transact_time: datetime | None = field(fix.TRANSACT_TIME, UTC_TIMESTAMP, default=None)
    order_qty: Decimal = field(fix.ORDER_QTY, DECIMAL)
    price: Decimal = field(fix.PRICE, DECIMAL)
    self_trade_prevention_type: SelfTradePreventionType | None = field(
        fix.SELF_TRADE_PREVENTION_TYPE, enum(SelfTradePreventionType), default=None
    )
    cancel_order_on_pause: bool | None = field(tags.CANCEL_ORDER_ON_PAUSE, BOOLEAN, default=None)
    max_execution_cost: Decimal | None = field(tags.MAX_EXECUTION_COST, DECIMAL, default=None)
    rfq_id: str | None = field(tags.RFQ_ID, STRING, default=None)


class OrderCancelReplaceRequest(order_entry.OrderCancelReplaceRequest, msg_type="G"):
    """OrderCancelReplaceRequest(G): another price, total quantity or expiry for a resting order."""

    FIELDS = _only(
        order_entry.OrderCancelReplaceRequest, 37, 453, 41, 11, 79, 100, 55, 54, 38, 40, 44, 59, 126
    )

    parties: tuple[Party, ...] = group(fix.NO_PARTY_IDS, Party, default=())
    sender_sub_id: str | None = field(fix.SENDER_SUB_ID, STRING, default=None)
    orig_cl_ord_id: str = field(fix.ORIG_CL_ORD_ID, STRING)
    transact_time: datetime | None = field(fix.TRANSACT_TIME, UTC_TIMESTAMP, default=None)
    order_qty: Decimal = field(fix.ORDER_QTY, DECIMAL)


class OrderCancelRequest(order_entry.OrderCancelRequest, msg_type="F"):
    """OrderCancelRequest(F): cancels all that is left of an order."""

    FIELDS = _only(order_entry.OrderCancelRequest, 41, 37, 11, 453, 79, 100, 55, 54)

    parties: tuple[Party, ...] = group(fix.NO_PARTY_IDS, Party, default=())
    sender_sub_id: str | None = field(fix.SENDER_SUB_ID, STRING, default=None)
    orig_cl_ord_id: str = field(fix.ORIG_CL_ORD_ID, STRING)
    transact_time: datetime | None = field(fix.TRANSACT_TIME, UTC_TIMESTAMP, default=None)


class OrderMassCancelRequest(TypedMessage, msg_type="q"):
    """OrderMassCancelRequest(q): cancels every order of this session; on KalshiNR, once a second at most."""

    cl_ord_id: str = field(fix.CL_ORD_ID, STRING, default=LATE)
    mass_cancel_request_type: MassCancelRequestType = field(
        fix.MASS_CANCEL_REQUEST_TYPE,
        enum(MassCancelRequestType),
        default=MassCancelRequestType.CANCEL_FOR_SESSION,
    )


class OrderMassCancelReport(TypedMessage, msg_type="r"):
    """OrderMassCancelReport(r): the verdict; one report for each cancelled order follows it."""

    cl_ord_id: str | None = field(fix.CL_ORD_ID, STRING, default=None)
    order_id: str | None = field(fix.ORDER_ID, STRING, default=None)
    mass_cancel_response: MassCancelResponse = field(fix.MASS_CANCEL_RESPONSE, enum(MassCancelResponse))
    mass_cancel_reject_reason: str | None = field(fix.MASS_CANCEL_REJECT_REASON, STRING, default=None)
    text: str | None = field(fix.TEXT, STRING, default=None)


class ExecutionReport(order_entry.ExecutionReport, msg_type="8"):
    """ExecutionReport(8): what happened to an order.

    ``last_px`` is the YES price on both sides; ``long_qty`` and ``short_qty`` are the net YES and NO position
    after a trade; ``last_mkt`` is the exchange index. What is left is ``leaves_qty``, whatever the status.
    """

    FIELDS = _only(
        order_entry.ExecutionReport,
        *(37, 11, 41, 453, 17, 150, 39, 103, 378, 79, 55, 54, 38, 44, 59, 126, 32, 31, 30),
        *(151, 14, 6, 60, 880, 1057, 715, 136, 58),
    )

    parties: tuple[Party, ...] = group(fix.NO_PARTY_IDS, Party, default=())
    self_trade_prevention_type: SelfTradePreventionType | None = field(
        fix.SELF_TRADE_PREVENTION_TYPE, enum(SelfTradePreventionType), default=None
    )
    long_qty: Decimal | None = field(fix.LONG_QTY, DECIMAL, default=None)
    short_qty: Decimal | None = field(fix.SHORT_QTY, DECIMAL, default=None)
    collateral_amount_changes: tuple[CollateralAmountChange, ...] = group(
        fix.NO_COLLATERAL_AMOUNT_CHANGES, CollateralAmountChange, default=()
    )
    single_market_collateral_return: Decimal | None = field(
        tags.SINGLE_MARKET_COLLATERAL_RETURN, DECIMAL, default=None
    )
    ranged_market_collateral_return: Decimal | None = field(
        tags.RANGED_MARKET_COLLATERAL_RETURN, DECIMAL, default=None
    )


class OrderCancelReject(order_entry.OrderCancelReject, msg_type="9"):
    """OrderCancelReject(9): a cancel or replace was refused; the order stands as it did."""

    FIELDS = _only(order_entry.OrderCancelReject, 37, 11, 41, 39, 434, 102, 58)


MESSAGES: Sequence[type[TypedMessage]] = (
    NewOrderSingle,
    OrderCancelRequest,
    OrderCancelReplaceRequest,
    OrderMassCancelRequest,
    ExecutionReport,
    OrderCancelReject,
    OrderMassCancelReport,
)
