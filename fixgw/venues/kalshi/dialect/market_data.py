"""Books, trades and trading states of markets: V W X Y e f. Prices are always dollars.

Answers are matched to requests by Symbol(55); MDReqID(262) is not used.
Source: docs.kalshi.com/fix/market-data.
"""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from enum import StrEnum

from fixgw.fix import tags as fix
from fixgw.fix.fieldtypes import DECIMAL, LOCAL_MKT_DATE, STRING, UTC_TIME_ONLY, enum
from fixgw.fix.schema import Group, TypedMessage, field, group
from fixgw.messages.order_entry import Side


class SubscriptionRequestType(StrEnum):
    """SubscriptionRequestType(263)."""

    SNAPSHOT = "0"
    SNAPSHOT_AND_UPDATES = "1"
    DISABLE = "2"


class MDEntryType(StrEnum):
    """MDEntryType(269)."""

    BID = "0"
    OFFER = "1"
    TRADE = "2"


class MDUpdateAction(StrEnum):
    """MDUpdateAction(279)."""

    NEW = "0"
    CHANGE = "1"
    DELETE = "2"


class MDReqRejReason(StrEnum):
    """MDReqRejReason(281)."""

    INSUFFICIENT_BANDWIDTH = "2"  # too many symbols in the request or the session
    UNSUPPORTED_SUBSCRIPTION_REQUEST_TYPE = "4"


class TrdType(StrEnum):
    """TrdType(828)."""

    BLOCK_TRADE = "1"


class SecurityTradingStatus(StrEnum):
    """SecurityTradingStatus(326)."""

    TRADING_HALT = "2"
    RESUME = "3"
    DETERMINED = "100"
    SETTLED = "101"  # the last that is heard of the market


class MarketDataSymbol(Group):
    """An entry of NoRelatedSym(146)."""

    symbol: str = field(fix.SYMBOL, STRING)


class SnapshotEntry(Group):
    """An entry of NoMDEntries(268) in a snapshot: one price level."""

    md_entry_type: MDEntryType = field(fix.MD_ENTRY_TYPE, enum(MDEntryType))
    md_entry_px: Decimal = field(fix.MD_ENTRY_PX, DECIMAL)
    md_entry_size: Decimal = field(fix.MD_ENTRY_SIZE, DECIMAL)
    md_entry_date: date | None = field(fix.MD_ENTRY_DATE, LOCAL_MKT_DATE, default=None)
    md_entry_time: time | None = field(fix.MD_ENTRY_TIME, UTC_TIME_ONLY, default=None)


class IncrementalEntry(Group):
    """An entry of NoMDEntries(268) in an update: the new size of one price level, or a trade.

    ``cl_ord_id`` and ``alloc_account`` stand on entries that one's own order caused.
    """

    md_update_action: MDUpdateAction = field(fix.MD_UPDATE_ACTION, enum(MDUpdateAction))
    symbol: str = field(fix.SYMBOL, STRING)
    md_entry_type: MDEntryType = field(fix.MD_ENTRY_TYPE, enum(MDEntryType))
    md_entry_px: Decimal = field(fix.MD_ENTRY_PX, DECIMAL)
    md_entry_size: Decimal | None = field(fix.MD_ENTRY_SIZE, DECIMAL, default=None)
    md_entry_date: date | None = field(fix.MD_ENTRY_DATE, LOCAL_MKT_DATE, default=None)
    md_entry_time: time | None = field(fix.MD_ENTRY_TIME, UTC_TIME_ONLY, default=None)
    aggressor_side: Side | None = field(fix.AGGRESSOR_SIDE, enum(Side), default=None)
    trd_type: TrdType | None = field(fix.TRD_TYPE, enum(TrdType), default=None)
    trade_id: str | None = field(fix.TRADE_ID, STRING, default=None)
    cl_ord_id: str | None = field(fix.CL_ORD_ID, STRING, default=None)
    alloc_account: str | None = field(fix.ALLOC_ACCOUNT, STRING, default=None)


class MarketDataRequest(TypedMessage, msg_type="V"):
    """MarketDataRequest(V): at most 1,000 symbols; DISABLE without symbols ends every subscription."""

    subscription_request_type: SubscriptionRequestType = field(
        fix.SUBSCRIPTION_REQUEST_TYPE, enum(SubscriptionRequestType)
    )
    related_symbols: tuple[MarketDataSymbol, ...] = group(fix.NO_RELATED_SYM, MarketDataSymbol, default=())


class MarketDataSnapshotFullRefresh(TypedMessage, msg_type="W"):
    """MarketDataSnapshotFullRefresh(W): the whole book of a market; empty for one that is not known."""

    symbol: str = field(fix.SYMBOL, STRING)
    md_entries: tuple[SnapshotEntry, ...] = group(fix.NO_MD_ENTRIES, SnapshotEntry, default=())


class MarketDataIncrementalRefresh(TypedMessage, msg_type="X"):
    """MarketDataIncrementalRefresh(X): changes of books, and trades."""

    md_entries: tuple[IncrementalEntry, ...] = group(fix.NO_MD_ENTRIES, IncrementalEntry)


class MarketDataRequestReject(TypedMessage, msg_type="Y"):
    """MarketDataRequestReject(Y): nothing of the request was done."""

    md_req_rej_reason: MDReqRejReason | None = field(
        fix.MD_REQ_REJ_REASON, enum(MDReqRejReason), default=None
    )
    text: str | None = field(fix.TEXT, STRING, default=None)


class SecurityStatusSubscription(StrEnum):
    """SubscriptionRequestType(263) of a SecurityStatusRequest."""

    SUBSCRIBE = "1"
    UNSUBSCRIBE = "2"


class SecurityStatusRequest(TypedMessage, msg_type="e"):
    """SecurityStatusRequest(e): be told when one market halts, resumes, is determined or settled."""

    subscription_request_type: SecurityStatusSubscription = field(
        fix.SUBSCRIPTION_REQUEST_TYPE, enum(SecurityStatusSubscription)
    )
    symbol: str = field(fix.SYMBOL, STRING)


class SecurityStatus(TypedMessage, msg_type="f"):
    """SecurityStatus(f): a change; nothing comes on subscribing, nor for scheduled openings."""

    symbol: str = field(fix.SYMBOL, STRING)
    security_trading_status: SecurityTradingStatus = field(
        fix.SECURITY_TRADING_STATUS, enum(SecurityTradingStatus)
    )


MESSAGES: tuple[type[TypedMessage], ...] = (
    MarketDataRequest,
    MarketDataSnapshotFullRefresh,
    MarketDataIncrementalRefresh,
    MarketDataRequestReject,
    SecurityStatusRequest,
    SecurityStatus,
)
