"""Orders and what becomes of them: D F G 8 9 of FIX 5.0SP2, with the fields that venues share.

A venue subclasses a message to add its own fields, or redeclares a field to require it or to let it be
missing.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from fixgw.fix import tags
from fixgw.fix.fieldtypes import (
    BOOLEAN,
    DATA,
    DECIMAL,
    INT,
    LOCAL_MKT_DATE,
    STRING,
    UTC_TIMESTAMP,
    enum,
    enums,
)
from fixgw.fix.schema import LATE, Group, TypedMessage, field, group


class Side(StrEnum):
    """Side(54)."""

    BUY = "1"
    SELL = "2"
    BUY_MINUS = "3"
    SELL_PLUS = "4"
    SELL_SHORT = "5"
    SELL_SHORT_EXEMPT = "6"
    UNDISCLOSED = "7"
    CROSS = "8"


class OrdType(StrEnum):
    """OrdType(40)."""

    MARKET = "1"
    LIMIT = "2"
    STOP = "3"
    STOP_LIMIT = "4"
    PREVIOUSLY_QUOTED = "D"
    PEGGED = "P"


class TimeInForce(StrEnum):
    """TimeInForce(59)."""

    DAY = "0"
    GOOD_TILL_CANCEL = "1"
    AT_THE_OPENING = "2"
    IMMEDIATE_OR_CANCEL = "3"
    FILL_OR_KILL = "4"
    GOOD_TILL_CROSSING = "5"
    GOOD_TILL_DATE = "6"
    AT_THE_CLOSE = "7"


class ExecInst(StrEnum):
    """ExecInst(18)."""

    NOT_HELD = "1"
    WORK = "2"
    GO_ALONG = "3"
    HELD = "5"
    PARTICIPATE_DONT_INITIATE = "6"
    DO_NOT_INCREASE = "E"
    DO_NOT_REDUCE = "F"
    ALL_OR_NONE = "G"
    REINSTATE_ON_SYSTEM_FAILURE = "H"
    SUSPEND = "S"


class HandlInst(StrEnum):
    """HandlInst(21)."""

    AUTOMATED_PRIVATE = "1"
    AUTOMATED_PUBLIC = "2"
    MANUAL = "3"


class ExecType(StrEnum):
    """ExecType(150): what this report reports."""

    NEW = "0"
    DONE_FOR_DAY = "3"
    CANCELED = "4"
    REPLACED = "5"
    PENDING_CANCEL = "6"
    STOPPED = "7"
    REJECTED = "8"
    SUSPENDED = "9"
    PENDING_NEW = "A"
    CALCULATED = "B"
    EXPIRED = "C"
    RESTATED = "D"
    PENDING_REPLACE = "E"
    TRADE = "F"
    TRADE_CORRECT = "G"
    TRADE_CANCEL = "H"
    ORDER_STATUS = "I"
    TRIGGERED = "L"


class OrdStatus(StrEnum):
    """OrdStatus(39): where the order stands after the event."""

    NEW = "0"
    PARTIALLY_FILLED = "1"
    FILLED = "2"
    DONE_FOR_DAY = "3"
    CANCELED = "4"
    REPLACED = "5"
    PENDING_CANCEL = "6"
    STOPPED = "7"
    REJECTED = "8"
    SUSPENDED = "9"
    PENDING_NEW = "A"
    CALCULATED = "B"
    EXPIRED = "C"
    ACCEPTED_FOR_BIDDING = "D"
    PENDING_REPLACE = "E"


class OrdRejReason(StrEnum):
    """OrdRejReason(103)."""

    BROKER = "0"
    UNKNOWN_SYMBOL = "1"
    EXCHANGE_CLOSED = "2"
    ORDER_EXCEEDS_LIMIT = "3"
    TOO_LATE_TO_ENTER = "4"
    UNKNOWN_ORDER = "5"
    DUPLICATE_ORDER = "6"
    DUPLICATE_OF_VERBAL_ORDER = "7"
    STALE_ORDER = "8"
    TRADE_ALONG_REQUIRED = "9"
    INVALID_INVESTOR_ID = "10"
    UNSUPPORTED_ORDER_CHARACTERISTIC = "11"
    SURVEILLANCE_OPTION = "12"
    INCORRECT_QUANTITY = "13"
    INCORRECT_ALLOCATED_QUANTITY = "14"
    UNKNOWN_ACCOUNT = "15"
    PRICE_EXCEEDS_CURRENT_PRICE_BAND = "16"
    INVALID_PRICE_INCREMENT = "18"
    OTHER = "99"


class CxlRejReason(StrEnum):
    """CxlRejReason(102)."""

    TOO_LATE_TO_CANCEL = "0"
    UNKNOWN_ORDER = "1"
    BROKER = "2"
    ORDER_ALREADY_PENDING = "3"
    UNABLE_TO_PROCESS_MASS_CANCEL = "4"
    ORIG_ORD_MOD_TIME_MISMATCH = "5"
    DUPLICATE_CL_ORD_ID = "6"
    PRICE_EXCEEDS_CURRENT_PRICE = "7"
    PRICE_EXCEEDS_CURRENT_PRICE_BAND = "8"
    INVALID_PRICE_INCREMENT = "18"
    OTHER = "99"


class CxlRejResponseTo(StrEnum):
    """CxlRejResponseTo(434)."""

    ORDER_CANCEL_REQUEST = "1"
    ORDER_CANCEL_REPLACE_REQUEST = "2"


class ExecRestatementReason(StrEnum):
    """ExecRestatementReason(378)."""

    GT_CORPORATE_ACTION = "0"
    GT_RENEWAL = "1"
    VERBAL_CHANGE = "2"
    REPRICING = "3"
    BROKER_OPTION = "4"
    PARTIAL_DECLINE = "5"
    CANCEL_ON_TRADING_HALT = "6"
    CANCEL_ON_SYSTEM_FAILURE = "7"
    MARKET_OPTION = "8"
    CANCELED_NOT_BEST = "9"
    WAREHOUSE_RECAP = "10"
    PEG_REFRESH = "11"
    OTHER = "99"


class PartyIDSource(StrEnum):
    """PartyIDSource(447)."""

    BIC = "B"
    GENERALLY_ACCEPTED_MARKET_PARTICIPANT = "C"
    PROPRIETARY = "D"
    ISO_COUNTRY_CODE = "E"
    MIC = "G"
    LEGAL_ENTITY_IDENTIFIER = "N"


class PartyRole(StrEnum):
    """PartyRole(452)."""

    EXECUTING_FIRM = "1"
    BROKER_OF_CREDIT = "2"
    CLIENT_ID = "3"
    CLEARING_FIRM = "4"
    INVESTOR_ID = "5"
    INTRODUCING_FIRM = "6"
    ENTERING_FIRM = "7"
    ORDER_ORIGINATION_TRADER = "11"
    EXECUTING_TRADER = "12"
    ORDER_ORIGINATION_FIRM = "13"
    CONTRA_FIRM = "17"
    CLEARING_ORGANIZATION = "21"
    EXCHANGE = "22"
    CUSTOMER_ACCOUNT = "24"
    ENTERING_TRADER = "36"
    CONTRA_TRADER = "37"
    LIQUIDITY_PROVIDER = "35"
    POSITION_ACCOUNT = "38"


class MiscFeeType(StrEnum):
    """MiscFeeType(139)."""

    REGULATORY = "1"
    TAX = "2"
    LOCAL_COMMISSION = "3"
    EXCHANGE_FEES = "4"
    STAMP = "5"
    LEVY = "6"
    OTHER = "7"
    MARKUP = "8"
    CONSUMPTION_TAX = "9"
    PER_TRANSACTION = "10"
    CONVERSION = "11"
    AGENT = "12"


class MiscFeeBasis(StrEnum):
    """MiscFeeBasis(891)."""

    ABSOLUTE = "0"
    PER_UNIT = "1"
    PERCENTAGE = "2"


class Party(Group):
    """An entry of NoPartyIDs(453)."""

    party_id: str = field(tags.PARTY_ID, STRING)
    party_id_source: PartyIDSource | None = field(tags.PARTY_ID_SOURCE, enum(PartyIDSource), default=None)
    party_role: PartyRole | None = field(tags.PARTY_ROLE, enum(PartyRole), default=None)


class MiscFee(Group):
    """An entry of NoMiscFees(136)."""

    misc_fee_amt: Decimal = field(tags.MISC_FEE_AMT, DECIMAL)
    misc_fee_curr: str | None = field(tags.MISC_FEE_CURR, STRING, default=None)
    misc_fee_type: MiscFeeType | None = field(tags.MISC_FEE_TYPE, enum(MiscFeeType), default=None)
    misc_fee_basis: MiscFeeBasis | None = field(tags.MISC_FEE_BASIS, enum(MiscFeeBasis), default=None)


class NewOrderSingle(TypedMessage, msg_type="D"):
    """NewOrderSingle(D)."""

    cl_ord_id: str = field(tags.CL_ORD_ID, STRING, default=LATE)
    secondary_cl_ord_id: str | None = field(tags.SECONDARY_CL_ORD_ID, STRING, default=None)
    parties: tuple[Party, ...] = group(tags.NO_PARTY_IDS, Party, default=())
    account: str | None = field(tags.ACCOUNT, STRING, default=None)
    alloc_account: str | None = field(tags.ALLOC_ACCOUNT, STRING, default=None)
    handl_inst: HandlInst | None = field(tags.HANDL_INST, enum(HandlInst), default=None)
    exec_inst: tuple[ExecInst, ...] | None = field(tags.EXEC_INST, enums(ExecInst), default=None)
    min_qty: Decimal | None = field(tags.MIN_QTY, DECIMAL, default=None)
    max_floor: Decimal | None = field(tags.MAX_FLOOR, DECIMAL, default=None)
    ex_destination: str | None = field(tags.EX_DESTINATION, STRING, default=None)
    symbol: str = field(tags.SYMBOL, STRING)
    side: Side = field(tags.SIDE, enum(Side))
    transact_time: datetime | None = field(tags.TRANSACT_TIME, UTC_TIMESTAMP, default=LATE)
    order_qty: Decimal | None = field(tags.ORDER_QTY, DECIMAL, default=None)
    cash_order_qty: Decimal | None = field(tags.CASH_ORDER_QTY, DECIMAL, default=None)
    ord_type: OrdType = field(tags.ORD_TYPE, enum(OrdType), default=OrdType.LIMIT)
    price: Decimal | None = field(tags.PRICE, DECIMAL, default=None)
    stop_px: Decimal | None = field(tags.STOP_PX, DECIMAL, default=None)
    currency: str | None = field(tags.CURRENCY, STRING, default=None)
    quote_id: str | None = field(tags.QUOTE_ID, STRING, default=None)
    time_in_force: TimeInForce | None = field(tags.TIME_IN_FORCE, enum(TimeInForce), default=None)
    expire_time: datetime | None = field(tags.EXPIRE_TIME, UTC_TIMESTAMP, default=None)
    expire_date: date | None = field(tags.EXPIRE_DATE, LOCAL_MKT_DATE, default=None)
    text: str | None = field(tags.TEXT, STRING, default=None)
    encoded_text: bytes | None = field(tags.ENCODED_TEXT, DATA, default=None)


class OrderCancelRequest(TypedMessage, msg_type="F"):
    """OrderCancelRequest(F): cancels all that is left of an order."""

    orig_cl_ord_id: str | None = field(tags.ORIG_CL_ORD_ID, STRING, default=None)
    order_id: str | None = field(tags.ORDER_ID, STRING, default=None)
    cl_ord_id: str = field(tags.CL_ORD_ID, STRING, default=LATE)
    parties: tuple[Party, ...] = group(tags.NO_PARTY_IDS, Party, default=())
    account: str | None = field(tags.ACCOUNT, STRING, default=None)
    alloc_account: str | None = field(tags.ALLOC_ACCOUNT, STRING, default=None)
    ex_destination: str | None = field(tags.EX_DESTINATION, STRING, default=None)
    symbol: str = field(tags.SYMBOL, STRING)
    side: Side = field(tags.SIDE, enum(Side))
    transact_time: datetime | None = field(tags.TRANSACT_TIME, UTC_TIMESTAMP, default=LATE)
    order_qty: Decimal | None = field(tags.ORDER_QTY, DECIMAL, default=None)
    text: str | None = field(tags.TEXT, STRING, default=None)


class OrderCancelReplaceRequest(TypedMessage, msg_type="G"):
    """OrderCancelReplaceRequest(G): changes price, quantity or validity of an order."""

    order_id: str | None = field(tags.ORDER_ID, STRING, default=None)
    parties: tuple[Party, ...] = group(tags.NO_PARTY_IDS, Party, default=())
    orig_cl_ord_id: str | None = field(tags.ORIG_CL_ORD_ID, STRING, default=None)
    cl_ord_id: str = field(tags.CL_ORD_ID, STRING, default=LATE)
    account: str | None = field(tags.ACCOUNT, STRING, default=None)
    alloc_account: str | None = field(tags.ALLOC_ACCOUNT, STRING, default=None)
    handl_inst: HandlInst | None = field(tags.HANDL_INST, enum(HandlInst), default=None)
    exec_inst: tuple[ExecInst, ...] | None = field(tags.EXEC_INST, enums(ExecInst), default=None)
    min_qty: Decimal | None = field(tags.MIN_QTY, DECIMAL, default=None)
    max_floor: Decimal | None = field(tags.MAX_FLOOR, DECIMAL, default=None)
    ex_destination: str | None = field(tags.EX_DESTINATION, STRING, default=None)
    symbol: str = field(tags.SYMBOL, STRING)
    side: Side = field(tags.SIDE, enum(Side))
    transact_time: datetime | None = field(tags.TRANSACT_TIME, UTC_TIMESTAMP, default=LATE)
    order_qty: Decimal | None = field(tags.ORDER_QTY, DECIMAL, default=None)
    cash_order_qty: Decimal | None = field(tags.CASH_ORDER_QTY, DECIMAL, default=None)
    ord_type: OrdType = field(tags.ORD_TYPE, enum(OrdType), default=OrdType.LIMIT)
    price: Decimal | None = field(tags.PRICE, DECIMAL, default=None)
    stop_px: Decimal | None = field(tags.STOP_PX, DECIMAL, default=None)
    currency: str | None = field(tags.CURRENCY, STRING, default=None)
    time_in_force: TimeInForce | None = field(tags.TIME_IN_FORCE, enum(TimeInForce), default=None)
    expire_time: datetime | None = field(tags.EXPIRE_TIME, UTC_TIMESTAMP, default=None)
    expire_date: date | None = field(tags.EXPIRE_DATE, LOCAL_MKT_DATE, default=None)
    text: str | None = field(tags.TEXT, STRING, default=None)


class ExecutionReport(TypedMessage, msg_type="8"):
    """ExecutionReport(8): what happened to an order."""

    order_id: str = field(tags.ORDER_ID, STRING)
    cl_ord_id: str | None = field(tags.CL_ORD_ID, STRING, default=None)
    orig_cl_ord_id: str | None = field(tags.ORIG_CL_ORD_ID, STRING, default=None)
    secondary_cl_ord_id: str | None = field(tags.SECONDARY_CL_ORD_ID, STRING, default=None)
    secondary_order_id: str | None = field(tags.SECONDARY_ORDER_ID, STRING, default=None)
    ord_status_req_id: str | None = field(tags.ORD_STATUS_REQ_ID, STRING, default=None)
    tot_num_reports: int | None = field(tags.TOT_NUM_REPORTS, INT, default=None)
    last_rpt_requested: bool | None = field(tags.LAST_RPT_REQUESTED, BOOLEAN, default=None)
    parties: tuple[Party, ...] = group(tags.NO_PARTY_IDS, Party, default=())
    exec_id: str = field(tags.EXEC_ID, STRING)
    exec_ref_id: str | None = field(tags.EXEC_REF_ID, STRING, default=None)
    exec_type: ExecType = field(tags.EXEC_TYPE, enum(ExecType))
    ord_status: OrdStatus = field(tags.ORD_STATUS, enum(OrdStatus))
    ord_rej_reason: OrdRejReason | None = field(tags.ORD_REJ_REASON, enum(OrdRejReason), default=None)
    exec_restatement_reason: ExecRestatementReason | None = field(
        tags.EXEC_RESTATEMENT_REASON, enum(ExecRestatementReason), default=None
    )
    account: str | None = field(tags.ACCOUNT, STRING, default=None)
    alloc_account: str | None = field(tags.ALLOC_ACCOUNT, STRING, default=None)
    symbol: str = field(tags.SYMBOL, STRING)
    side: Side = field(tags.SIDE, enum(Side))
    order_qty: Decimal | None = field(tags.ORDER_QTY, DECIMAL, default=None)
    cash_order_qty: Decimal | None = field(tags.CASH_ORDER_QTY, DECIMAL, default=None)
    ord_type: OrdType | None = field(tags.ORD_TYPE, enum(OrdType), default=None)
    price: Decimal | None = field(tags.PRICE, DECIMAL, default=None)
    stop_px: Decimal | None = field(tags.STOP_PX, DECIMAL, default=None)
    currency: str | None = field(tags.CURRENCY, STRING, default=None)
    time_in_force: TimeInForce | None = field(tags.TIME_IN_FORCE, enum(TimeInForce), default=None)
    expire_time: datetime | None = field(tags.EXPIRE_TIME, UTC_TIMESTAMP, default=None)
    expire_date: date | None = field(tags.EXPIRE_DATE, LOCAL_MKT_DATE, default=None)
    exec_inst: tuple[ExecInst, ...] | None = field(tags.EXEC_INST, enums(ExecInst), default=None)
    last_qty: Decimal | None = field(tags.LAST_QTY, DECIMAL, default=None)
    last_px: Decimal | None = field(tags.LAST_PX, DECIMAL, default=None)
    last_mkt: str | None = field(tags.LAST_MKT, STRING, default=None)
    leaves_qty: Decimal = field(tags.LEAVES_QTY, DECIMAL)
    cum_qty: Decimal = field(tags.CUM_QTY, DECIMAL)
    avg_px: Decimal | None = field(tags.AVG_PX, DECIMAL, default=None)
    trade_date: date | None = field(tags.TRADE_DATE, LOCAL_MKT_DATE, default=None)
    transact_time: datetime | None = field(tags.TRANSACT_TIME, UTC_TIMESTAMP, default=None)
    min_qty: Decimal | None = field(tags.MIN_QTY, DECIMAL, default=None)
    max_floor: Decimal | None = field(tags.MAX_FLOOR, DECIMAL, default=None)
    trd_match_id: str | None = field(tags.TRD_MATCH_ID, STRING, default=None)
    aggressor_indicator: bool | None = field(tags.AGGRESSOR_INDICATOR, BOOLEAN, default=None)
    clearing_business_date: date | None = field(tags.CLEARING_BUSINESS_DATE, LOCAL_MKT_DATE, default=None)
    misc_fees: tuple[MiscFee, ...] = group(tags.NO_MISC_FEES, MiscFee, default=())
    text: str | None = field(tags.TEXT, STRING, default=None)
    encoded_text: bytes | None = field(tags.ENCODED_TEXT, DATA, default=None)


class OrderCancelReject(TypedMessage, msg_type="9"):
    """OrderCancelReject(9): a cancel or replace was refused, the order stands as it did."""

    order_id: str = field(tags.ORDER_ID, STRING)
    secondary_order_id: str | None = field(tags.SECONDARY_ORDER_ID, STRING, default=None)
    cl_ord_id: str | None = field(tags.CL_ORD_ID, STRING, default=None)
    orig_cl_ord_id: str | None = field(tags.ORIG_CL_ORD_ID, STRING, default=None)
    ord_status: OrdStatus = field(tags.ORD_STATUS, enum(OrdStatus))
    account: str | None = field(tags.ACCOUNT, STRING, default=None)
    alloc_account: str | None = field(tags.ALLOC_ACCOUNT, STRING, default=None)
    transact_time: datetime | None = field(tags.TRANSACT_TIME, UTC_TIMESTAMP, default=None)
    cxl_rej_response_to: CxlRejResponseTo = field(tags.CXL_REJ_RESPONSE_TO, enum(CxlRejResponseTo))
    cxl_rej_reason: CxlRejReason | None = field(tags.CXL_REJ_REASON, enum(CxlRejReason), default=None)
    text: str | None = field(tags.TEXT, STRING, default=None)
