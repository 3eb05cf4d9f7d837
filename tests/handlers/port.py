"""A session for books: it numbers what is sent and keeps it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fixgw.clock import ManualClock, Now
from fixgw.errors import FieldError, NotLoggedOn
from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage
from fixgw.handlers.base import Context, Sendable
from fixgw.handlers.orders import Orders
from fixgw.messages.order_entry import NewOrderSingle, OrdType, Side

UNAVAILABLE = "EXCHANGE_UNAVAILABLE"


@dataclass
class Port:
    """What a book sends through."""

    clock: ManualClock = field(default_factory=ManualClock)
    sent: list[Message] = field(default_factory=list)
    urgent: list[bool] = field(default_factory=list)
    up: bool = True
    name: str = "us"
    epoch: int = 1

    @property
    def active(self) -> bool:
        return self.up

    @property
    def orders(self) -> Orders:
        raise NotImplementedError

    def now(self) -> Now:
        return self.clock.now()

    def send(self, message: Sendable, *, urgent: bool = False) -> int:
        if not self.up:
            raise NotLoggedOn("us is closed")
        assert isinstance(message, Message | TypedMessage)
        self.sent.append(message if isinstance(message, Message) else message.message)
        self.urgent.append(urgent)
        return len(self.sent) + 1

    def delay(self, message: Message) -> float:
        return 0.0

    async def flushed(self) -> None: ...


class Desk:
    """A book with its port, and the venue's voice."""

    def __init__(self, *messages: type[TypedMessage], remainders_told: bool = False) -> None:
        self.port = Port()
        self.refused: list[FieldError] = []
        ids = itertools.count(1)
        self.orders = Orders(
            messages,
            unknown_outcome_texts=frozenset({UNAVAILABLE}),
            remainders_told=remainders_told,
            cl_ord_ids=lambda: f"id{next(ids)}",
        )
        self.orders.bind(self.port)

    def tell(self, message: Message) -> None:
        """Let the venue say something."""
        context = Context(self.port, 1)
        self.orders.on_message(message, context)
        if context.fault is not None:
            self.refused.append(context.fault)

    def hear(self, cl_ord_id: str, exec_type: str = "0", **terms: Any) -> None:
        """Let the venue report."""
        self.tell(report(cl_ord_id, exec_type, **terms))


_EXEC_IDS = itertools.count(1)


def order(qty: int | None = 10, price: str | None = "0.55", **fields: Any) -> NewOrderSingle:
    """Return an order to buy."""
    return NewOrderSingle(
        symbol="X",
        side=Side.BUY,
        order_qty=None if qty is None else Decimal(qty),
        ord_type=OrdType.LIMIT,
        price=None if price is None else Decimal(price),
        **fields,
    )


def report(
    cl_ord_id: str | None,
    exec_type: str = "0",
    *,
    cum: int | str = 0,
    leaves: int | str = 10,
    original: str | None = None,
    exec_id: str | None = None,
    order_id: str = "V1",
    price: str | None = None,
    text: str | None = None,
    avg_px: str | None = None,
) -> Message:
    """Return an ExecutionReport; its ExecID is a fresh one, or ``-1;-1`` where venues give none."""
    if exec_id is None:
        exec_id = "-1;-1" if exec_type in "A6E8" else f"E{next(_EXEC_IDS)}"
    optional = {11: cl_ord_id, 41: original, 44: price, 58: text, 6: avg_px}
    pairs: list[tuple[int, str]] = [
        (37, order_id),
        (17, exec_id),
        (150, exec_type),
        (39, "0"),
        (55, "X"),
        (54, "1"),
        (14, str(cum)),
        (151, str(leaves)),
    ]
    return Message("8", pairs + [(tag, value) for tag, value in optional.items() if value is not None])


def cancel_reject(cl_ord_id: str, text: str | None = "TOO_LATE", *, reason: str | None = None) -> Message:
    """Return an OrderCancelReject."""
    pairs = [(37, "V1"), (11, cl_ord_id), (39, "0"), (434, "1")]
    return Message("9", pairs + [(t, v) for t, v in ((58, text), (102, reason)) if v is not None])
