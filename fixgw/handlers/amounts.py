"""What a report says of its trade: the fees, what was moved on the account, and which trade it is."""

from __future__ import annotations

from decimal import Decimal

from fixgw.errors import FieldError
from fixgw.fix.message import Message
from fixgw.fix.tags import (
    COLLATERAL_AMOUNT_CHANGE,
    MISC_FEE_AMT,
    MISC_FEE_BASIS,
    NO_COLLATERAL_AMOUNT_CHANGES,
    NO_MISC_FEES,
    ORDER_ID,
    TRD_MATCH_ID,
)
from fixgw.fix.values import decode_decimal
from fixgw.handlers.position import ZERO
from fixgw.messages.order_entry import ExecutionReport, MiscFeeBasis

_COUNT_MISMATCH = 16  # SessionRejectReason(373)
_ABSOLUTE = (None, MiscFeeBasis.ABSOLUTE)
_CHANGE = b"%d=" % COLLATERAL_AMOUNT_CHANGE


def fees_of(message: Message) -> Decimal:
    """Return the fees of a report: the amounts in NoMiscFees(136), in its currency.

    Amounts with a MiscFeeBasis(891) other than absolute are rates, which the sum leaves out.

    Raises:
        FieldError: the group can not be read.
    """
    index = message.index
    count = index.get(NO_MISC_FEES)
    if count is None:
        return ZERO
    if count == b"1" and MISC_FEE_AMT in index and index.get(MISC_FEE_BASIS, b"0") == b"0":
        return decode_decimal(MISC_FEE_AMT, index[MISC_FEE_AMT])  # nearly all: a third of the cost of a group
    fees = ExecutionReport.view(message).misc_fees
    return sum((fee.misc_fee_amt for fee in fees if fee.misc_fee_basis in _ABSOLUTE), ZERO)


def trade_of(message: Message) -> str:
    """Return TrdMatchID(880) with OrderID(37): what makes one side of a trade unique; empty without."""
    index = message.index
    trade = index.get(TRD_MATCH_ID)
    return "" if trade is None else (b"%b %b" % (trade, index.get(ORDER_ID, b""))).decode("latin-1")


def cash_of(message: Message) -> Decimal:
    """Return what a report moved on the account: every amount in NoCollateralAmountChanges(1703), dollars.

    Raises:
        FieldError: an amount can not be read, or there are not as many as were announced.
    """
    index = message.index
    count = index.get(NO_COLLATERAL_AMOUNT_CHANGES)
    if count is None:
        return ZERO
    if count == b"1" and COLLATERAL_AMOUNT_CHANGE in index:
        return decode_decimal(COLLATERAL_AMOUNT_CHANGE, index[COLLATERAL_AMOUNT_CHANGE])
    amounts = [field[len(_CHANGE) :] for field in message.fields if field.startswith(_CHANGE)]
    if count != b"%d" % len(amounts):
        text = f"Incorrect NumInGroup count for repeating group, {len(amounts)} entries are there"
        raise FieldError(NO_COLLATERAL_AMOUNT_CHANGES, _COUNT_MISMATCH, text)
    return sum((decode_decimal(COLLATERAL_AMOUNT_CHANGE, amount) for amount in amounts), ZERO)
