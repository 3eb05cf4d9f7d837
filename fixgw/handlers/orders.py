"""Sends orders on one session and follows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any
from uuid import uuid4

from fixgw.errors import LocalError
from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage
from fixgw.fix.tags import (
    ALLOC_ACCOUNT,
    BUSINESS_REJECT_REASON,
    CL_ORD_ID,
    EX_DESTINATION,
    NO_PARTY_IDS,
    TRANSACT_TIME,
)
from fixgw.fix.values import sending_time
from fixgw.handlers.base import Client
from fixgw.handlers.line import Line
from fixgw.handlers.mass_cancel import MassCancel
from fixgw.handlers.meanings import Meanings
from fixgw.handlers.order import Ending, Order, Request
from fixgw.handlers.orderbook import NO_MEANINGS, OrderBook
from fixgw.messages.order_entry import NewOrderSingle, OrderCancelReplaceRequest, OrderCancelRequest

RETRIED = (Ending.UNKNOWN, Ending.NOT_SENT)
CANCELS = frozenset({"F", "q"})
THROTTLED = b"8"  # BusinessRejectReason(380)
CARRIED = frozenset({ALLOC_ACCOUNT, EX_DESTINATION, NO_PARTY_IDS})  # what F and G repeat of their order


def new_cl_ord_id() -> str:
    """Return a fresh ClOrdID(11): a random UUID."""
    return str(uuid4())


class Orders(OrderBook, Client):
    """The order book of one session, with the means to send.

    Args:
        messages: the venue's dialect; its D, F and G are used in place of the plain ones.
        unknown_outcome_texts: values of Text(58) on a rejecting report which mean that nobody knows.
        meanings: what the venue's texts and codes mean.
        remainders_told: see ``OrderBook``.
        replaces_by_order_id: the venue wants OrderID(37) in each replace.
        cl_ord_ids: makes ClOrdIDs.
    """

    def __init__(
        self,
        messages: Iterable[type[TypedMessage]] = (),
        *,
        unknown_outcome_texts: frozenset[str] = frozenset(),
        meanings: Meanings = NO_MEANINGS,
        remainders_told: bool = False,
        replaces_by_order_id: bool = False,
        cl_ord_ids: Callable[[], str] = new_cl_ord_id,
    ) -> None:
        super().__init__(unknown_outcome_texts, meanings, remainders_told=remainders_told)
        dialect = {cls.MSG_TYPE: cls for cls in messages}
        self._replace_type: Any = dialect.get("G", OrderCancelReplaceRequest)
        self._cancel_type: Any = dialect.get("F", OrderCancelRequest)
        self._new_type: Any = dialect.get("D", NewOrderSingle)
        self._mass_cancel_type: Any = dialect.get("q")
        self._stamped = frozenset(
            cls.MSG_TYPE
            for cls in (self._new_type, self._replace_type, self._cancel_type)
            if any(spec.tag == TRANSACT_TIME and spec.required for spec in cls.FIELDS)
        )
        self._cl_ord_ids = cl_ord_ids
        self._replaces_by_order_id = replaces_by_order_id
        self._line, self._cancel_line = Line(), Line()  # a cancel never waits behind an order

    async def submit(self, order: NewOrderSingle) -> Order:
        """Send a NewOrderSingle; return once it is committed and its bytes are handed to the transport.

        An order whose outcome is unknown may be submitted again, under the same ClOrdID(11) and with the same
        terms: that gives the same ``Order``. The venue's word that the id is in use then says that an earlier
        attempt arrived; any other refusal leaves the outcome unknown, because it is said of the retry alone.

        Args:
            order: the order; a missing ClOrdID(11) is filled in with a fresh one.

        Raises:
            NotSent: the link went away before the bytes left; safe to send again.
            NotLoggedOn: the session is not up; nothing was numbered.
            StoreFull: the disk is full; nothing was numbered.
            StoreError: it could not be written, so it did not leave.
            LocalError: its ClOrdID is in use, or one of the session's guards says no.
        """
        return await self._submit(order.message)

    async def retry(self, order: Order) -> Order:
        """Send an order again as it was: of unknown outcome, never sent, or refused for the rate alone.

        A venue may compare its id with those of open orders alone: one that may have filled whole meanwhile
        is better asked for first.

        Returns:
            The order: the same one if its outcome was unknown (see ``submit``), else a new one.

        Raises:
            LocalError: its outcome is known, or it is not ours.
        """
        if not _is_repeatable(order.request) or order.sent is None:
            raise LocalError(
                f"order {order.cl_ord_id} can not be sent again: it is {order.ending or 'not answered yet'}"
            )
        return await self._submit(order.sent)

    def place(self, order: NewOrderSingle) -> Order:
        """Like ``submit``, for use inside a handler's turn: the bytes leave when the turn ends."""
        return self._place(order.message)

    async def replace(
        self, order: Order, *, price: Decimal | None = None, order_qty: Decimal | None = None, **fields: Any
    ) -> Request:
        """Send an OrderCancelReplaceRequest for a live order.

        It may follow another one that is not answered yet: it names that one's ClOrdID(11) and builds on its
        terms, as FIX wants it. Should that one be refused, the venue refuses this one too.

        Args:
            order: the order to change.
            price: the new Price(44); left as it is when None.
            order_qty: the new total OrderQty(38), contracts; left as it is when None.
            fields: further fields of the venue's message. Subaccount, parties and destination are those of
                the order unless they are said.

        Raises:
            LocalError: the order is closed, OrderID(37) has to be named and is not known yet, or one of the
                session's guards says no.
        """
        message = self._replacing(order, price, order_qty, fields)
        if await self._waited(message):  # what it builds on may have changed
            message = self._replacing(order, price, order_qty, fields)
        request = self._requested(order, message, self.port.send(message), self._mono())
        await self.port.flushed()
        return request

    def request_replace(
        self, order: Order, *, price: Decimal | None = None, order_qty: Decimal | None = None, **fields: Any
    ) -> Request:
        """Like ``replace``, for use inside a handler's turn: the bytes leave when the turn ends."""
        message = self._replacing(order, price, order_qty, fields)
        return self._requested(order, message, self.port.send(message), self._mono())

    async def cancel(self, order: Order, **fields: Any) -> Request:
        """Send an OrderCancelRequest for a live order; may use the store's reserve on a full disk.

        Args:
            order: the order to cancel; a replace that is not answered yet is named as in ``replace``.
            fields: further fields of the venue's message, as for ``replace``.

        Raises:
            LocalError: the order is closed, or one of the session's guards says no.
        """
        message = self._cancelling(order, fields)
        if await self._waited(message):
            message = self._cancelling(order, fields)
        request = self._requested(order, message, self.port.send(message, urgent=True), self._mono())
        await self.port.flushed()
        return request

    def request_cancel(self, order: Order, **fields: Any) -> Request:
        """Like ``cancel``, for use inside a handler's turn: the bytes leave when the turn ends."""
        message = self._cancelling(order, fields)
        return self._requested(order, message, self.port.send(message, urgent=True), self._mono())

    async def mass_cancel(self) -> MassCancel:
        """Cancel every order that was sent on this session, with one message.

        Returns:
            What to wait on: ``acknowledged`` for the venue's verdict, ``closed`` for the end of each order.

        Raises:
            LocalError: the venue, or this kind of session, has no mass cancel.
        """
        message = self._mass_cancelling()
        await self._waited(message)
        request = self._mass_cancelled(message)
        await self.port.flushed()
        return request

    def request_mass_cancel(self) -> MassCancel:
        """Like ``mass_cancel``, for use inside a handler's turn: the bytes leave when the turn ends."""
        return self._mass_cancelled(self._mass_cancelling())

    def _mass_cancelled(self, message: Message) -> MassCancel:
        cl_ord_id = message.text(CL_ORD_ID) or ""
        number = self.port.send(message, urgent=True)
        mine = tuple(order for order in self.open if not order.foreign)
        request = MassCancel(cl_ord_id, number, self._mono(), mine)
        self._mass_cancels.add(request)
        return request

    async def _submit(self, message: Message) -> Order:
        await self._waited(message)
        placed = self._place(message)
        attempt = placed.request
        await self.port.flushed()
        if attempt.ending is Ending.NOT_SENT:
            await attempt.acknowledged()
        return placed

    def _place(self, message: Message) -> Order:
        cl_ord_id = message.text(CL_ORD_ID)
        if cl_ord_id is None:
            cl_ord_id = self._cl_ord_ids()
            message.insert(CL_ORD_ID, cl_ord_id)
        elif cl_ord_id in self._by_id:
            self._refuse_used(cl_ord_id, message)
        self._stamp(message)
        number = self.port.send(message)
        return self._placed(message, number, self.port.now())

    async def _waited(self, message: Message) -> bool:
        """Wait until the session's guards would let a message leave; return whether that took time."""
        line = self._cancel_line if message.msg_type in CANCELS else self._line
        return await line.wait(lambda: self.port.delay(message))

    def _replacing(
        self, order: Order, price: Decimal | None, order_qty: Decimal | None, fields: dict[str, Any]
    ) -> Message:
        self._refuse_closed(order)
        latest = order.latest_replace
        standing_qty, standing_price = order.order_qty, order.price
        if latest is not None:
            standing_qty = standing_qty if latest.order_qty is None else latest.order_qty
            standing_price = standing_price if latest.price is None else latest.price
        message: Message = self._replace_type(
            cl_ord_id=self._cl_ord_ids(),
            orig_cl_ord_id=order.cl_ord_id if latest is None else latest.cl_ord_id,
            order_qty=standing_qty if order_qty is None else order_qty,
            ord_type=order.ord_type,
            price=standing_price if price is None else price,
            side=order.side,
            symbol=order.symbol,
            **(self._carried(order, self._replace_type) | self._order_id(order) | fields),
        ).message
        self._stamp(message)
        return message

    def _cancelling(self, order: Order, fields: dict[str, Any]) -> Message:
        self._refuse_closed(order)
        latest = order.latest_replace
        message: Message = self._cancel_type(
            cl_ord_id=self._cl_ord_ids(),
            orig_cl_ord_id=order.cl_ord_id if latest is None else latest.cl_ord_id,
            side=order.side,
            symbol=order.symbol,
            **(self._carried(order, self._cancel_type) | fields),
        ).message
        self._stamp(message)
        return message

    def _mass_cancelling(self) -> Message:
        if self._mass_cancel_type is None:
            raise LocalError(f"{self.port.name}: the venue has no mass cancel; cancel each order")
        message: Message = self._mass_cancel_type(cl_ord_id=self._cl_ord_ids()).message
        return message

    def _carried(self, order: Order, message_type: type[TypedMessage]) -> dict[str, Any]:
        """Return what a message about an order has to say as the order did."""
        if order.sent is None:
            return {}
        said = self._new_type.view(order.sent)
        specs = [spec for spec in message_type.FIELDS if spec.tag in CARRIED and spec.tag in order.sent]
        return {spec.name: getattr(said, spec.name) for spec in specs}

    def _order_id(self, order: Order) -> dict[str, str]:
        """Return the venue's id of an order where a replace has to name it.

        Raises:
            LocalError: the venue has not told it yet.
        """
        if not self._replaces_by_order_id:
            return {}
        if not order.order_id:
            raise LocalError(
                f"order {order.cl_ord_id} has no OrderID(37) yet, and this session has to name it: "
                f"wait for order.acknowledged()"
            )
        return {"order_id": order.order_id}

    def _mono(self) -> float:
        return self.port.now().mono

    def _stamp(self, message: Message) -> None:
        """Fill in TransactTime(60) where the venue's dialect asks for it."""
        if message.msg_type in self._stamped and TRANSACT_TIME not in message:
            message.append(TRANSACT_TIME, sending_time(self.port.now().utc_ns))

    def _refuse_used(self, cl_ord_id: str, message: Message) -> None:
        """Let a ClOrdID be used again by the order that has it, unless its outcome is known."""
        used = self._by_id[cl_ord_id]
        if used.request.cl_ord_id != cl_ord_id or not _is_repeatable(used.request):
            raise LocalError(
                f"ClOrdID {cl_ord_id} is in use ({used.state.value}); use orders.get() to find it"
            )
        if used.ending is Ending.UNKNOWN and _terms(message) != (
            used.symbol,
            used.side,
            used.order_qty,
            used.price,
        ):
            raise LocalError(
                f"ClOrdID {cl_ord_id} was sent with other terms; send it again as it was: orders.retry()"
            )

    def _refuse_closed(self, order: Order) -> None:
        if not order.open:
            raise LocalError(f"order {order.cl_ord_id} is {order.state.value}: nothing is left to change")


def _is_repeatable(request: Request) -> bool:
    """Nobody knows whether it arrived, it never left, or the venue did nothing but refuse it for its rate."""
    if request.ending in RETRIED:
        return True
    report = request.report
    throttled = report is not None and report.get(BUSINESS_REJECT_REASON) == THROTTLED
    return request.ending is Ending.REFUSED and throttled


def _terms(message: Message) -> tuple[str, str, Decimal, Decimal | None]:
    order = NewOrderSingle.view(message)
    return order.symbol, str(order.side), order.order_qty or Decimal(0), order.price
