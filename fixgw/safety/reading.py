"""The fields of a message that guards judge."""

from __future__ import annotations

from decimal import Decimal

from fixgw.errors import FieldError, Refused
from fixgw.fix.message import Message
from fixgw.fix.tags import ALLOC_ACCOUNT
from fixgw.fix.values import decode_decimal

PRIMARY = "0"  # AllocAccount(79) that says the same as none


def alloc_account_of(message: Message) -> str:
    """Return the subaccount that a message names, empty for the primary one."""
    account = message.text(ALLOC_ACCOUNT) or ""
    return "" if account == PRIMARY else account


def decimal_of(message: Message, tag: int, rule: str) -> Decimal | None:
    """Return a number of an outbound message, None when the message has none.

    Args:
        message: as the desk sees it.
        tag: of a price or a quantity.
        rule: the rule that asks.

    Raises:
        Refused: it is no number, so the rule can not let it leave.
    """
    value = message.get(tag)
    if value is None:
        return None
    try:
        return decode_decimal(tag, value)
    except FieldError as error:
        raise Refused(f"{error.text}: {rule} can not judge it", rule) from None
