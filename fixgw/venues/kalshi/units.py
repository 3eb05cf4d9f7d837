"""Cents on the wire, dollars at the desk: the edge of a session that did not ask for dollars.

Source: docs.kalshi.com/fix/subpenny-pricing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from fixgw.errors import FieldError, Refused
from fixgw.fix.message import Message
from fixgw.fix.revalue import with_values
from fixgw.fix.tags import label
from fixgw.fix.values import decimal_text, decode_decimal

RULE = "cents"  # under which refusals are counted
_CENT, _DOLLAR = Decimal("0.01"), Decimal(1)
_WHOLE_CENTS = {b"%d" % cents: b"%d.%02d" % divmod(cents, 100) for cents in range(101)}

PriceTags = Mapping[str, Sequence[int]]  # MsgType -> the tags that are cents on the wire


class CentsEdge:
    """Makes dollars of the cents that come in, and whole cents of the dollars that go out.

    Implements ``handlers.passage.Edge``. On the wire and on the tape are cents, everywhere else dollars.

    Args:
        sends: MsgType -> price tags of what the session sends.
        receives: the same of what it receives; no MsgType stands in both.
    """

    def __init__(self, sends: PriceTags, receives: PriceTags) -> None:
        self._sends = sends
        self._both = {**sends, **receives}  # what we sent comes back from the tape

    def inward(self, message: Message) -> Message:
        """Return a message from the wire or the tape with its prices in dollars; others as they are."""
        tags = self._both.get(message.msg_type)
        if tags is None:
            return message
        values = {}
        for tag in tags:
            cents = message.get(tag)
            dollars = None if cents is None else _WHOLE_CENTS.get(cents) or _dollars(tag, cents)
            if dollars is not None:
                values[tag] = dollars
        return with_values(message, values) if values else message

    def outward(self, message: Message) -> Message:
        """Return a message of the desk's with its prices in whole cents; others as they are.

        Raises:
            Refused: a price is not whole cents, which the venue would cut off without a word, or no part
                of a dollar.
        """
        tags = self._sends.get(message.msg_type)
        if tags is None:
            return message
        values = {tag: _cents(tag, dollars) for tag in tags if (dollars := message.get(tag)) is not None}
        return with_values(message, values) if values else message


def _dollars(tag: int, cents: bytes) -> bytes | None:
    """Return an average or a price between two cents in dollars; None for what is no number."""
    try:
        return decimal_text(decode_decimal(tag, cents) * _CENT).encode()
    except FieldError:  # whoever reads the field answers the peer
        return None


def _cents(tag: int, dollars: bytes) -> bytes:
    try:
        price = decode_decimal(tag, dollars)
    except FieldError as error:
        raise Refused(f"{error.text}: write a price in dollars", RULE) from None
    if not 0 <= price <= _DOLLAR:
        raise Refused(f"{label(tag)} is {price}: a price is dollars from 0 to 1, whatever the wire has", RULE)
    if price % _CENT:
        text = f"{label(tag)} is {price} dollars, and this session has whole cents on the wire"
        raise Refused(f"{text}: round it, or set the option use_dollars", RULE)
    return b"%d" % (price / _CENT)
