"""Sends orders on one session and follows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any
from uuid import uuid4

from fixgw.errors import LocalError
from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage
from fixgw.fix.tags import CL_ORD_ID, TRANSACT_TIME
from fixgw.fix.values import sending_time
from fixgw.handlers.base import Client
from fixgw.handlers.line import Line
from fixgw.handlers.meanings import Meanings
from fixgw.handlers.order import Ending, Order, Request
from fixgw.handlers.orderbook import NO_MEANINGS, OrderBook
from fixgw.messages.order_entry import NewOrderSingle, OrderCancelReplaceRequest, OrderCancelRequest


def new_cl_ord_id() -> str:
    """Return a fresh ClOrdID(11): a random UUID."""
    return str(uuid4())


class Orders(OrderBook, Client):
    """The order book of one session, with the means to send.

    Args:
        messages: the venue's dialect; its D, F and G are used in place of the plain ones.
        unknown_outcome_texts: values of Text(58) on a rejecting report which mean that nobody knows.
        meanings: what the venue's texts and codes mean.
        cl_ord_ids: makes ClOrdIDs.
    """

    def __init__(
        self,
        messages: Iterable[type[TypedMessage]] = (),
        *,
        unknown_outcome_texts: frozenset[str] = frozenset(),
        meanings: Meanings = NO_MEANINGS,
        cl_ord_ids: Callable[[], str] = new_cl_ord_id,
    ) -> None:
        super().__init__(unknown_outcome_texts, meanings)
        dialect = {cls.MSG_TYPE: cls for cls in messages}
        self._replace_type: Any = dialect.get("G", OrderCancelReplaceRequest)
        self._cancel_type: Any = dialect.get("F", OrderCancelRequest)
        new_type = dialect.get("D", NewOrderSingle)
        self._stamped = frozenset(
            cls.MSG_TYPE
            for cls in (new_type, self._replace_type, self._cancel_type)
            if any(spec.tag == TRANSACT_TIME and spec.required for spec in cls.FIELDS)
        )
        self._cl_ord_ids = cl_ord_ids
        self._line = Line()

    async def submit(self, order: NewOrderSingle) -> Order:
        """Send a NewOrderSingle; return once it is committed and its bytes are handed to the transport.

        While a guard says to wait (a rate limit), orders leave in the order in which they were submitted.

        Args:
            order: the order; a missing ClOrdID(11) is filled in with a fresh one.

        Raises:
            NotSent: the link went away before the bytes left; safe to send again.
            NotLoggedOn: the session is not up; nothing was numbered.
            StoreFull: the disk is full; nothing was numbered.
            StoreError: it could not be written, so it did not leave.
            LocalError: its ClOrdID is in use, or one of the session's guards says no.
        """
        await self._line.wait(lambda: self.port.delay(order.message))
        placed = self.place(order)
        await self.port.flushed()
        if placed.ending is Ending.NOT_SENT:
            await placed.acknowledged()
        return placed

    def place(self, order: NewOrderSingle) -> Order:
        """Like ``submit``, for use inside a handler's turn: the bytes leave when the turn ends."""
        message = order.message
        cl_ord_id = message.text(CL_ORD_ID)
        if cl_ord_id is None:
            cl_ord_id = self._cl_ord_ids()
            message.insert(CL_ORD_ID, cl_ord_id)
        self._refuse_used(cl_ord_id)
        self._stamp(message)
        number = self.port.send(message)
        return self._placed(message, number, self._mono())

    async def replace(
        self, order: Order, *, price: Decimal | None = None, order_qty: Decimal | None = None, **fields: Any
    ) -> Request:
        """Send an OrderCancelReplaceRequest for a live order.

        Args:
            order: the order to change.
            price: the new Price(44); left as it is when None.
            order_qty: the new total OrderQty(38), contracts; left as it is when None.
            fields: further fields of the venue's message.

        Raises:
            LocalError: the order is closed.
        """
        self._refuse_closed(order)
        message = self._replace_type(
            cl_ord_id=self._cl_ord_ids(),
            orig_cl_ord_id=order.cl_ord_id,
            order_qty=order.order_qty if order_qty is None else order_qty,
            ord_type=order.ord_type,
            price=order.price if price is None else price,
            side=order.side,
            symbol=order.symbol,
            **fields,
        ).message
        self._stamp(message)
        number = self.port.send(message)
        request = self._requested(order, message, number, self._mono())
        await self.port.flushed()
        return request

    async def cancel(self, order: Order, **fields: Any) -> Request:
        """Send an OrderCancelRequest for a live order; may use the store's reserve on a full disk.

        Args:
            order: the order to cancel.
            fields: further fields of the venue's message.

        Raises:
            LocalError: the order is closed.
        """
        self._refuse_closed(order)
        message = self._cancel_type(
            cl_ord_id=self._cl_ord_ids(),
            orig_cl_ord_id=order.cl_ord_id,
            side=order.side,
            symbol=order.symbol,
            **fields,
        ).message
        self._stamp(message)
        number = self.port.send(message, urgent=True)
        request = self._requested(order, message, number, self._mono())
        await self.port.flushed()
        return request

    def _mono(self) -> float:
        return self.port.now().mono

    def _stamp(self, message: Message) -> None:
        """Fill in TransactTime(60) where the venue's dialect asks for it."""
        if message.msg_type in self._stamped and TRANSACT_TIME not in message:
            message.append(TRANSACT_TIME, sending_time(self.port.now().utc_ns))

    def _refuse_used(self, cl_ord_id: str) -> None:
        used = self._by_id.get(cl_ord_id)
        if used is not None and used.ending is not Ending.NOT_SENT:
            raise LocalError(
                f"ClOrdID {cl_ord_id} is in use ({used.state.value}); use orders.get() to find it"
            )

    def _refuse_closed(self, order: Order) -> None:
        if not order.open:
            raise LocalError(f"order {order.cl_ord_id} is {order.state.value}: nothing is left to change")
