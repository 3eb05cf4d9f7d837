"""Kalshi's messages for margin products: those for event contracts, where they differ.

Contracts are whole, prices are dollars and may be above one, an order names neither an exchange index nor a
quote, and an order group no subaccount. What is received may hold anything, as everywhere.
Source: docs.kalshi.com/fix-margin/order-entry, /fix-margin/order-groups, /fix-margin/market-data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from fixgw.errors import EncodeError
from fixgw.fix import tags as fix
from fixgw.fix.fieldtypes import DECIMAL, UTC_TIMESTAMP, FieldType
from fixgw.fix.schema import FieldSpec, TypedMessage, field
from fixgw.messages.business import BusinessMessageReject
from fixgw.venues.kalshi import tags
from fixgw.venues.kalshi.dialect import drop_copy, logon, market_data, order_entry, order_groups


def _whole(value: Any) -> str:
    text = DECIMAL.text(value)
    if value != int(value):
        raise EncodeError(f"{text} is no whole number of contracts")
    return text


CONTRACTS: FieldType[Decimal] = replace(DECIMAL, name="Qty", text=_whole)
"""A quantity that is whole when it is written; ``10.00`` is whole too."""


def _without(message: type[TypedMessage], *absent: int) -> tuple[FieldSpec, ...]:
    """Return the declared fields of a message but those that the product does not have."""
    return tuple(spec for spec in message.FIELDS if spec.tag not in absent)


class Logon(logon.Logon, msg_type="A"):
    """Logon(A); dollars are on whatever ``use_dollars`` says."""

    FIELDS = _without(
        logon.Logon,
        *(tags.RECEIVE_SETTLEMENT_REPORTS, tags.ALWAYS_EMIT_NEW_BEFORE_TRADE),
        *(tags.SPLIT_COLLATERAL_RETURN, tags.USE_CAP_RESERVATION),
    )


class NewOrderSingle(order_entry.NewOrderSingle, msg_type="D"):
    """NewOrderSingle(D): a limit order for whole contracts, in dollars."""

    FIELDS = _without(
        order_entry.NewOrderSingle,
        *(fix.EX_DESTINATION, fix.QUOTE_ID, tags.MAX_EXECUTION_COST, tags.RFQ_ID),
    )

    order_qty: Decimal = field(fix.ORDER_QTY, CONTRACTS)


class OrderCancelReplaceRequest(order_entry.OrderCancelReplaceRequest, msg_type="G"):
    """OrderCancelReplaceRequest(G): another price, whole quantity or expiry for a resting order."""

    FIELDS = _without(order_entry.OrderCancelReplaceRequest, fix.EX_DESTINATION)

    order_qty: Decimal = field(fix.ORDER_QTY, CONTRACTS)


class OrderCancelRequest(order_entry.OrderCancelRequest, msg_type="F"):
    """OrderCancelRequest(F): cancels all that is left of an order."""

    FIELDS = _without(order_entry.OrderCancelRequest, fix.EX_DESTINATION)


class ExecutionReport(order_entry.ExecutionReport, msg_type="8"):
    """ExecutionReport(8): what happened to an order, and when.

    ``long_qty`` and ``short_qty`` are the net position; a ``clearing_business_date`` begins at 16:00 in New
    York.
    """

    transact_time: datetime = field(fix.TRANSACT_TIME, UTC_TIMESTAMP)


class OrderGroupRequest(order_groups.OrderGroupRequest, msg_type="UOG"):
    """OrderGroupRequest(UOG): makes, changes or ends a group."""

    FIELDS = _without(order_groups.OrderGroupRequest, fix.ALLOC_ACCOUNT, fix.EX_DESTINATION)


MESSAGES: Sequence[type[TypedMessage]] = (
    Logon,
    NewOrderSingle,
    OrderCancelRequest,
    OrderCancelReplaceRequest,
    order_entry.OrderMassCancelRequest,
    ExecutionReport,
    order_entry.OrderCancelReject,
    order_entry.OrderMassCancelReport,
    OrderGroupRequest,
    order_groups.OrderGroupResponse,
    *drop_copy.MESSAGES,
    market_data.MarketDataRequest,
    market_data.MarketDataSnapshotFullRefresh,
    market_data.MarketDataIncrementalRefresh,
    market_data.MarketDataRequestReject,
    BusinessMessageReject,
)
