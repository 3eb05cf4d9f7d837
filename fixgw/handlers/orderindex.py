"""The orders of one session and the requests about them, found by every name that they have."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator

from fixgw.handlers.base import Book
from fixgw.handlers.order import (
    OPEN,
    Ending,
    Order,
    OrderSnapshot,
    OrderState,
    Request,
    dump_order,
    load_order,
)

CLOSED_KEPT = 2_000


class OrderIndex(Book):
    """Keeps orders and what is awaited for them; those that closed long ago are let go."""

    def __init__(self) -> None:
        super().__init__()
        self._by_id: dict[str, Order] = {}
        self._by_order_id: dict[str, Order] = {}
        self._requests: dict[str, tuple[Order, Request]] = {}
        self._by_number: dict[int, tuple[Order, Request]] = {}
        self._orders: dict[int, Order] = {}
        self._closed: deque[Order] = deque()

    def __iter__(self) -> Iterator[Order]:
        return iter(list(self._orders.values()))

    def __len__(self) -> int:
        return len(self._orders)

    def get(self, cl_ord_id: str) -> Order | None:
        """Return the order that carries or carried this ClOrdID(11)."""
        return self._by_id.get(cl_ord_id)

    @property
    def open(self) -> list[Order]:
        """The orders that may still fill, oldest first."""
        return [order for order in self._orders.values() if order.open]

    def snapshot(self) -> list[OrderSnapshot]:
        """Return what can be seen of every order, oldest first."""
        return [order.snapshot() for order in self._orders.values()]

    # -- over a restart --

    def dump(self) -> bytes:
        """Return all orders for a checkpoint."""
        rows = [dump_order(order) for order in self._orders.values()]
        return json.dumps(rows, default=str, separators=(",", ":")).encode()

    def load(self, blob: bytes) -> None:
        """Take the orders of a checkpoint."""
        for plain in json.loads(blob):
            order = load_order(plain)
            self._adopt(order)
            if not order.open:
                self._closed.append(order)
            for request in (*order.formers, order.request, *order.pending.values()):
                if request.ending in (None, Ending.UNKNOWN):
                    self._track(order, request)

    # -- keeping --

    def _find(self, cl_ord_id: str, original: str, order_id: str) -> Order | None:
        return self._by_id.get(cl_ord_id) or self._by_id.get(original) or self._by_order_id.get(order_id)

    def _doubtful(self) -> list[tuple[Order, Request]]:
        """Return the requests of unknown outcome, earlier attempts before the last."""
        return [
            (order, one)
            for order, request in self._requests.values()
            for one in ((*order.formers, request) if request is order.request else (request,))
            if one.ending is Ending.UNKNOWN
        ]

    def _adopt(self, order: Order) -> None:
        self._orders[id(order)] = order
        for cl_ord_id in filter(None, order.chain):  # a foreign order may be reported without
            self._by_id[cl_ord_id] = order
        if order.order_id:
            self._by_order_id[order.order_id] = order

    def _track(self, order: Order, request: Request) -> None:
        self._requests[request.cl_ord_id] = (order, request)
        if request.msg_seq_num:
            self._by_number[request.msg_seq_num] = (order, request)
        self._by_id.setdefault(request.cl_ord_id, order)
        order.request_ids.append(request.cl_ord_id)

    def _forget(self, order: Order, request: Request) -> None:
        """The request has its final ending: nothing more is awaited for it, or for attempts before it."""
        if request is order.request and order.formers:
            for former in order.formers:
                self._by_number.pop(former.msg_seq_num, None)
            order.formers = ()
        if (order, request) == self._requests.get(request.cl_ord_id):  # a retry bears the same ClOrdID
            del self._requests[request.cl_ord_id]
        self._by_number.pop(request.msg_seq_num, None)
        order.pending.pop(request.cl_ord_id, None)

    def _move(self, order: Order, state: OrderState) -> None:
        was_open = order.open
        order.move(state)
        if was_open and state not in OPEN:
            self._closed.append(order)
            while len(self._closed) > CLOSED_KEPT:
                self._evict(self._closed.popleft())

    def _evict(self, order: Order) -> None:
        if order.open:  # it was reopened by a later report
            return
        self._orders.pop(id(order), None)
        if self._by_order_id.get(order.order_id) is order:
            del self._by_order_id[order.order_id]
        for request in [request for request in order.pending.values() if request.ending is not None]:
            self._forget(order, request)
        for cl_ord_id in {*order.chain, *order.request_ids}:
            if self._by_id.get(cl_ord_id) is order:  # a retry bears the same ClOrdID
                del self._by_id[cl_ord_id]
