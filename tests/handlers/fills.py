"""Reports of trades as tests write them."""

from __future__ import annotations

import itertools
from decimal import Decimal

from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.handlers.executions import Identity
from fixgw.handlers.position import Fill
from fixgw.handlers.positions import Positions
from tests.handlers.port import Port

NUMBERS = itertools.count(1)
SYMBOL = "HIGHNY"


def trade(qty: str | int, price: str = "0.50", exec_id: str | None = None, **fields: str) -> Message:
    """Return an ExecutionReport of a trade; a negative quantity was sold.

    Args:
        fields: ``t`` and a tag -> value, in place of or beside the usual ones; an empty value leaves one out.
    """
    size = str(qty)
    values = {
        "37": "V1",
        "11": "a",
        "17": exec_id or f"{next(NUMBERS)};1",
        "150": "F",
        "39": "1",
        "54": "2" if size.startswith("-") else "1",
        "55": SYMBOL,
        "32": size.removeprefix("-"),
        "31": price,
        "151": "0",
        "14": size.removeprefix("-"),
    } | {name.removeprefix("t"): value for name, value in fields.items()}
    return Message("8", [(int(tag), value) for tag, value in values.items() if value])


def tell(positions: Positions, *messages: Message) -> None:
    """Let a session tell of each message."""
    for message in messages:
        positions.on_message(message, Context(Port(), 1))


def fill(number: int, qty: str | int, price: str = "0.50", symbol: str = SYMBOL) -> Fill:
    """Return an execution without fees."""
    return Fill(Identity("0", number), symbol, "", Decimal(qty), Decimal(price))
