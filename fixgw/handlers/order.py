"""A live order: its state, its ClOrdID chain, its quantities, and how each request about it ended."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any

from fixgw.errors import NotSent, OutcomeUnknown, Rejected
from fixgw.fix.message import Message

REPORTS_KEPT = 32
EXEC_IDS_KEPT = 2_000  # of one order, with those of its trades; an older report changes no quantity anyway


class Ending(StrEnum):
    """What a request came to; each ends in exactly one of these, and only UNKNOWN may still change."""

    ACKNOWLEDGED = "acknowledged"  # the venue has it
    REFUSED = "refused"  # the venue said no
    NOT_SENT = "not sent"  # it never left, or the venue said that it has not got it
    UNKNOWN = "unknown"  # it left and no answer is known


class OrderState(StrEnum):
    """Where an order stands."""

    SENT = "sent"  # no answer yet
    PENDING_NEW = "pending new"
    NEW = "new"
    PARTIALLY_FILLED = "partially filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    NOT_SENT = "not sent"
    UNKNOWN = "unknown"


OPEN = frozenset(
    {
        OrderState.SENT,
        OrderState.PENDING_NEW,
        OrderState.NEW,
        OrderState.PARTIALLY_FILLED,
        OrderState.UNKNOWN,
    }
)


class Request:
    """One message about an order (new, replace or cancel) and its ending.

    Args:
        msg_type: MsgType(35): ``D``, ``G`` or ``F``.
        cl_ord_id: ClOrdID(11) of the message.
        msg_seq_num: MsgSeqNum(34) that it was sent with, 0 once the session numbers from 1 again.
        sent_at: monotonic seconds of the send, 0 when it was read back from the store.
    """

    __slots__ = (
        "_waiters",
        "cl_ord_id",
        "ending",
        "meaning",
        "msg_seq_num",
        "msg_type",
        "order_qty",
        "price",
        "report",
        "sent_at",
        "text",
    )

    def __init__(self, msg_type: str, cl_ord_id: str, msg_seq_num: int, sent_at: float = 0.0) -> None:
        self.msg_type = msg_type
        self.cl_ord_id = cl_ord_id
        self.msg_seq_num = msg_seq_num
        self.sent_at = sent_at
        self.price: Decimal | None = None
        self.order_qty: Decimal | None = None
        self.ending: Ending | None = None
        self.text = ""
        self.meaning = ""  # of the text, by the venue's table
        self.report: Message | None = None
        self._waiters: list[asyncio.Future[None]] = []

    def __repr__(self) -> str:
        return f"<Request {self.msg_type} {self.cl_ord_id} {self.ending or 'pending'}>"

    def settle(self, ending: Ending, text: str = "", report: Message | None = None) -> bool:
        """Set the ending and wake whoever waits; false when it had this one, or a final one, before."""
        if self.ending not in (None, Ending.UNKNOWN) or self.ending is ending:
            return False
        self.ending, self.text, self.report = ending, text, report
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        return True

    async def settled(self) -> None:
        """Wait for the ending, whichever it is."""
        if self.ending is None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    async def acknowledged(self, timeout: float | None = None) -> Message | None:  # noqa: ASYNC109
        """Wait for the ending and return the report that acknowledged it.

        Args:
            timeout: seconds to wait; when they pass the request stays pending and nothing is decided.

        Raises:
            Rejected: the venue said no.
            NotSent: it never reached the venue; safe to send again.
            OutcomeUnknown: it left, and then the link was lost or the venue does not know.
            TimeoutError: no ending yet.
        """
        async with asyncio.timeout(timeout):
            await self.settled()
        if self.ending is Ending.REFUSED:
            raise Rejected(self.text or "refused without a text", self.report, self.meaning)
        if self.ending is Ending.NOT_SENT:
            raise NotSent(self.text, self.cl_ord_id)
        if self.ending is Ending.UNKNOWN:
            text = f"{self.text}: {self.meaning}" if self.meaning else self.text
            raise OutcomeUnknown(text, self.cl_ord_id)
        return self.report


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """What can be seen of an order.

    Args:
        cl_ord_id: the last accepted ClOrdID(11); ``chain`` holds all, oldest first.
        order_id: the venue's OrderID(37), empty until it is known.
        symbol: Symbol(55).
        side: Side(54), as on the wire.
        order_qty: OrderQty(38), contracts.
        price: Price(44), dollars, or None.
        state: where it stands.
        ending: what the submit came to, None while it is pending.
        cum_qty: filled contracts.
        leaves_qty: contracts that may still fill.
        avg_px: average price of the fills, dollars.
        text: the last Text(58) about it.
        foreign: reported by the venue, but not sent from this book.
        chain: every accepted ClOrdID(11), oldest first.
        fees: of the fills that were told, dollars.
    """

    cl_ord_id: str
    order_id: str
    symbol: str
    side: str
    order_qty: Decimal
    price: Decimal | None
    state: OrderState
    ending: Ending | None
    cum_qty: Decimal
    leaves_qty: Decimal
    avg_px: Decimal
    text: str
    foreign: bool
    chain: tuple[str, ...]
    fees: Decimal = Decimal(0)


@dataclass(eq=False, slots=True, repr=False)
class Order:
    """A live order; fields change as reports arrive.

    Args:
        request: the NewOrderSingle's request, whose ending is the order's.
        symbol: Symbol(55).
        side: Side(54), as on the wire.
        order_qty: OrderQty(38), contracts.
        price: Price(44), dollars, or None.

    Attributes:
        immediate: TimeInForce(59) says that what does not fill at once is dead.
        sent: the NewOrderSingle, as it was handed over; None for a foreign order, and for one that had ended
            when the process began.
        formers: earlier attempts under the same ClOrdID of which nobody knows whether the venue has them.
    """

    request: Request
    symbol: str
    side: str
    order_qty: Decimal
    price: Decimal | None
    ord_type: str = "2"
    immediate: bool = False
    sent: Message | None = None
    order_id: str = ""
    state: OrderState = OrderState.SENT
    cum_qty: Decimal = Decimal(0)
    leaves_qty: Decimal = Decimal(0)
    avg_px: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    text: str = ""
    foreign: bool = False
    chain: list[str] = field(default_factory=list)
    reports: deque[Message] = field(default_factory=lambda: deque(maxlen=REPORTS_KEPT))
    exec_ids: dict[str, None] = field(default_factory=dict)  # those applied, with their trades, in order
    pending: dict[str, Request] = field(default_factory=dict)
    request_ids: list[str] = field(default_factory=list)  # of every message about it that this process knows
    formers: tuple[Request, ...] = ()
    _closed: list[asyncio.Future[None]] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<Order {self.cl_ord_id} {self.state}>"

    @property
    def cl_ord_id(self) -> str:
        """The last accepted ClOrdID(11)."""
        return self.chain[-1]

    @property
    def latest_replace(self) -> Request | None:
        """The last replace in flight: what follows it names its ClOrdID and builds on its terms."""
        for request in reversed(self.pending.values()):
            if request.msg_type == "G" and request.ending is None:
                return request
        return None

    @property
    def open(self) -> bool:
        """True while contracts may still fill, as far as is known."""
        return self.state in OPEN

    @property
    def ending(self) -> Ending | None:
        """What the submit came to, None while it is pending."""
        return self.request.ending

    async def acknowledged(self, timeout: float | None = None) -> Message | None:  # noqa: ASYNC109
        """Wait for the submit's ending; see ``Request.acknowledged``."""
        return await self.request.acknowledged(timeout)

    async def closed(self, timeout: float | None = None) -> OrderState:  # noqa: ASYNC109
        """Wait until nothing can fill any more, and return the final state.

        A venue may leave it unsaid that the rest of an immediate order is dead. Such an order is closed by
        its first trade; others that come in the same bytes are counted by then, later ones as they come.

        Args:
            timeout: seconds to wait.

        Raises:
            TimeoutError: it is still open.
        """
        async with asyncio.timeout(timeout):
            while self.open:
                waiter = asyncio.get_running_loop().create_future()
                self._closed.append(waiter)
                await waiter
        return self.state

    def applied(self, exec_id: str) -> None:
        """Note that a report was applied."""
        self.exec_ids[exec_id] = None
        if len(self.exec_ids) > EXEC_IDS_KEPT:
            del self.exec_ids[next(iter(self.exec_ids))]

    def move(self, state: OrderState) -> None:
        """Set the state and wake whoever waits for the close."""
        self.state = state
        if state not in OPEN:
            self.leaves_qty = Decimal(0)
            waiters, self._closed = self._closed, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def snapshot(self) -> OrderSnapshot:
        """Return what can be seen of it now."""
        return OrderSnapshot(
            self.cl_ord_id,
            self.order_id,
            self.symbol,
            self.side,
            self.order_qty,
            self.price,
            self.state,
            self.ending,
            self.cum_qty,
            self.leaves_qty,
            self.avg_px,
            self.text,
            self.foreign,
            tuple(self.chain),
            self.fees,
        )


# A checkpoint holds up the loop, and ``asdict`` copies each value, which takes four times as long.
_SEEN = tuple(one.name for one in fields(OrderSnapshot))


def dump_order(order: Order) -> dict[str, Any]:
    """Return an order as plain values for a checkpoint."""
    seen = order.snapshot()
    plain = {name: getattr(seen, name) for name in _SEEN}
    plain["ord_type"] = order.ord_type
    plain["immediate"] = order.immediate
    plain["exec_ids"] = list(order.exec_ids)
    plain["requests"] = [_dump_request(r) for r in (order.request, *order.pending.values())]
    plain["formers"] = [_dump_request(r) for r in order.formers]
    if order.sent is not None and (order.open or order.state is OrderState.NOT_SENT):
        plain["sent"] = [[tag, value.decode("latin-1")] for tag, value in order.sent.pairs()]
    return plain


def _dump_request(request: Request) -> list[Any]:
    r = request
    return [r.msg_type, r.cl_ord_id, r.msg_seq_num, r.ending, r.text, r.price, r.order_qty]


def load_order(plain: dict[str, Any]) -> Order:
    """Return the order that ``dump_order`` was given, without its reports."""
    first, *others = [_load_request(row) for row in plain["requests"]]
    return Order(
        first,
        plain["symbol"],
        plain["side"],
        Decimal(plain["order_qty"]),
        _decimal(plain["price"]),
        ord_type=plain["ord_type"],
        order_id=plain["order_id"],
        state=OrderState(plain["state"]),
        cum_qty=Decimal(plain["cum_qty"]),
        leaves_qty=Decimal(plain["leaves_qty"]),
        avg_px=Decimal(plain["avg_px"]),
        fees=Decimal(plain.get("fees", 0)),
        text=plain["text"],
        foreign=plain["foreign"],
        chain=list(plain["chain"]),
        immediate=plain.get("immediate", False),
        sent=_load_message(plain.get("sent")),
        exec_ids=dict.fromkeys(plain["exec_ids"]),
        pending={request.cl_ord_id: request for request in others},
        formers=tuple(_load_request(row) for row in plain.get("formers", ())),
    )


def _load_message(pairs: list[tuple[int, str]] | None) -> Message | None:
    if pairs is None:
        return None
    body = [b"%d=%b" % (tag, value.encode("latin-1")) for tag, value in pairs]
    return Message.of(body)


def _load_request(row: list[Any]) -> Request:
    msg_type, cl_ord_id, msg_seq_num, ending, text, price, order_qty = row
    request = Request(msg_type, cl_ord_id, msg_seq_num)
    request.ending = None if ending is None else Ending(ending)
    request.text = text
    request.price, request.order_qty = _decimal(price), _decimal(order_qty)
    return request


def _decimal(plain: str | None) -> Decimal | None:
    return None if plain is None else Decimal(plain)
