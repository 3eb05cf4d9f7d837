"""What a market paid, account by account.

Source: docs.kalshi.com/fix/market-settlement.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum

from fixgw.fix import tags as fix
from fixgw.fix.fieldtypes import BOOLEAN, DECIMAL, INT, LOCAL_MKT_DATE, STRING, enum
from fixgw.fix.schema import Group, TypedMessage, field, group
from fixgw.messages.order_entry import MiscFee, PartyRole
from fixgw.venues.kalshi import tags
from fixgw.venues.kalshi.dialect.order_entry import CollateralAmountChange


class MarketResult(StrEnum):
    """MarketResult(20107)."""

    YES = "yes"
    NO = "no"
    SCALAR = "scalar"


class MarketSettlementParty(Group):
    """An entry of NoMarketSettlementPartyIDs(20108): one account's position and what it was paid.

    The PAYOUT among ``collateral_amount_changes`` is in dollars, the fee in ``misc_fees`` already deducted.
    """

    market_settlement_party_id: str = field(tags.MARKET_SETTLEMENT_PARTY_ID, STRING)
    market_settlement_party_role: PartyRole = field(tags.MARKET_SETTLEMENT_PARTY_ROLE, enum(PartyRole))
    long_qty: Decimal | None = field(fix.LONG_QTY, DECIMAL, default=None)
    short_qty: Decimal | None = field(fix.SHORT_QTY, DECIMAL, default=None)
    collateral_amount_changes: tuple[CollateralAmountChange, ...] = group(
        fix.NO_COLLATERAL_AMOUNT_CHANGES, CollateralAmountChange, default=()
    )
    misc_fees: tuple[MiscFee, ...] = group(fix.NO_MISC_FEES, MiscFee, default=())


class MarketSettlementReport(TypedMessage, msg_type="UMS"):
    """MarketSettlementReport(UMS): a page of a market's settlement; pages are joined by Symbol(55).

    ``settl_price`` is the YES price in **cents** whatever the session's mode. Each page has an id of its own.
    """

    market_settlement_report_id: str = field(tags.MARKET_SETTLEMENT_REPORT_ID, STRING)
    symbol: str = field(fix.SYMBOL, STRING)
    clearing_business_date: date = field(fix.CLEARING_BUSINESS_DATE, LOCAL_MKT_DATE)
    tot_num_market_settlement_reports: int | None = field(
        tags.TOT_NUM_MARKET_SETTLEMENT_REPORTS, INT, default=None
    )
    market_result: MarketResult = field(tags.MARKET_RESULT, enum(MarketResult))
    settl_price: Decimal = field(fix.SETTL_PRICE, DECIMAL)
    last_fragment: bool | None = field(fix.LAST_FRAGMENT, BOOLEAN, default=None)
    market_settlement_parties: tuple[MarketSettlementParty, ...] = group(
        tags.NO_MARKET_SETTLEMENT_PARTY_IDS, MarketSettlementParty, default=()
    )


MESSAGES: tuple[type[TypedMessage], ...] = (MarketSettlementReport,)
