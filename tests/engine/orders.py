"""Orders and reports as tests write them."""

from __future__ import annotations

import itertools
import re
from decimal import Decimal
from typing import Any

from fixgw.fix.message import Message
from fixgw.fix.tags import CL_ORD_ID, MSG_SEQ_NUM
from fixgw.handlers.base import Context
from fixgw.messages.order_entry import NewOrderSingle, OrdType, Side

_EXEC_IDS = itertools.count(1)


def new_order(qty: int = 10, price: str = "0.55", **fields: Any) -> NewOrderSingle:
    """Return an order to buy."""
    return NewOrderSingle(
        symbol="HIGHNY",
        side=Side.BUY,
        order_qty=Decimal(qty),
        ord_type=OrdType.LIMIT,
        price=Decimal(price),
        **fields,
    )


def report(
    cl_ord_id: str,
    exec_type: str = "0",
    *,
    leaves: int = 10,
    cum: int = 0,
    original: str | None = None,
    exec_id: str | None = None,
    order_id: str = "V1",
    price: str | None = "0.55",
    text: str | None = None,
) -> Message:
    """Return an ExecutionReport; a fresh ExecID unless one is given."""
    pairs: list[tuple[int, str]] = [(37, order_id), (11, cl_ord_id)]
    if original is not None:
        pairs.append((41, original))
    pairs += [
        (17, exec_id or f"E{next(_EXEC_IDS)}"),
        (150, exec_type),
        (39, exec_type),
        (55, "HIGHNY"),
        (54, "1"),
    ]
    if price is not None:
        pairs.append((44, price))
    pairs += [(151, str(leaves)), (14, str(cum))]
    if text is not None:
        pairs.append((58, text))
    return Message("8", pairs)


def cancel_reject(cl_ord_id: str, original: str, text: str = "TOO_LATE") -> Message:
    """Return an OrderCancelReject."""
    return Message(
        "9", [(37, "V1"), (11, cl_ord_id), (41, original), (39, "0"), (434, "1"), (102, "0"), (58, text)]
    )


def types(data: bytes) -> str:
    """Return the MsgTypes of all frames in ``data``, such as ``A8D``."""
    return b"".join(re.findall(rb"\x0135=([^\x01]+)\x01", data)).decode()


def numbers(messages: list[Message]) -> list[int]:
    """Return the MsgSeqNums of received messages."""
    return [int(message[MSG_SEQ_NUM]) for message in messages]


class Acknowledging:
    """A venue that keeps what it gets and acknowledges each order, replace and cancel at once."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.answer = True

    def on_message(self, message: Message, ctx: Context) -> None:
        self.messages.append(message)
        if self.answer:
            for reply in answers(message):
                ctx.session.send(reply)

    @property
    def types(self) -> str:
        """MsgTypes in the order of arrival."""
        return "".join(message.msg_type for message in self.messages)

    def ids(self, msg_type: str = "D") -> list[str]:
        """Return the ClOrdIDs of what came."""
        return [m.text(CL_ORD_ID) or "" for m in self.messages if m.msg_type == msg_type]


def answers(message: Message) -> list[Message]:
    """Return what a willing venue says to a request."""
    cl_ord_id, original = message.text(11) or "", message.text(41)
    if message.msg_type == "D":
        return [report(cl_ord_id, order_id=f"V-{cl_ord_id}")]
    if message.msg_type == "G":
        qty = int(Decimal(message.text(38) or "0"))
        return [report(cl_ord_id, "5", original=original, leaves=qty, price=message.text(44))]
    if message.msg_type == "F":
        return [report(cl_ord_id, "4", original=original, leaves=0)]
    return []
