"""What lives on the loop of a ``BlockingGateway``, as other threads see it.

Methods wait for their answer, asynchronous iterators are plain ones, and attributes are read on the loop,
between two of its turns. What can change comes wrapped in the same way; values, messages and snapshots come
as they are.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections import deque
from collections.abc import AsyncIterator, Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from decimal import Decimal
from enum import Enum
from functools import cache, partial
from typing import Any, Generic, TypeVar

from fixgw.engine.loopthread import Call, LoopThread
from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage
from fixgw.handlers.base import Book
from fixgw.handlers.mass_cancel import MassCancel
from fixgw.handlers.order import Ending, Order, OrderSnapshot, OrderState, Request
from fixgw.handlers.orders import Orders
from fixgw.messages.order_entry import NewOrderSingle

T = TypeVar("T")

_AS_IT_IS = (Message, TypedMessage, Enum, BaseException, type, types.FunctionType, types.MethodType)
_END: Any = object()


class Blocking(Generic[T]):
    """Something that lives on the loop; its public attributes and methods are those of the thing itself.

    Args:
        thread: the loop.
        target: the thing.
        orders: the order book that it belongs to, where there is one.
    """

    __slots__ = ("_orders", "_target", "_thread")

    def __init__(self, thread: LoopThread, target: T, orders: Orders | None = None) -> None:
        self._thread = thread
        self._target = target
        self._orders = target if isinstance(target, Orders) else orders

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{name} is not for other threads")
        method = getattr(type(self._target), name, None)
        if inspect.isfunction(method) or inspect.ismethod(method):
            return partial(self._call, name)
        return self._do(lambda: getattr(self._target, name), reads=True)

    def __repr__(self) -> str:
        return f"<Blocking {self._do(lambda: repr(self._target), reads=True)}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Blocking) and other._target is self._target

    def __hash__(self) -> int:
        return id(self._target)

    def __bool__(self) -> bool:
        return bool(self._do(lambda: bool(self._target), reads=True))

    def __len__(self) -> int:
        target: Any = self._target
        return int(self._do(lambda: len(target), reads=True))

    def __contains__(self, item: object) -> bool:
        target: Any = self._target
        return bool(self._do(lambda: _given(item) in target, reads=True))

    def __getitem__(self, key: Any) -> Any:
        target: Any = self._target
        return self._do(lambda: target[_given(key)], reads=True)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over what is there now, or, where things arrive, wait for each of them."""
        target: Any = self._target
        if hasattr(target, "__aiter__"):
            return iter(self._do(lambda: aiter(target)))
        return iter(self._do(lambda: list(target), reads=True))

    def _call(self, name: str, /, *arguments: Any, **named: Any) -> Any:
        """Call a method on the loop and wait for what comes of it."""
        given = [_given(argument) for argument in arguments]
        given_by_name = {key: _given(argument) for key, argument in named.items()}
        return self._do(lambda: getattr(self._target, name)(*given, **given_by_name))

    def _do(self, function: Callable[[], Any], *, reads: bool = False) -> Any:
        """Run a function on the loop; what is only read may be read here once nothing changes any more."""
        if reads and self._thread.over:
            return self._show(function())
        return self._thread.call(function, self._show)

    def _show(self, value: Any) -> Any:
        return shown(self._thread, value, self._orders)


class BlockingIterator(Iterator[T]):
    """An asynchronous iterator, waited for one by one.

    Args:
        thread: the loop.
        source: the iterator.
        show: makes of an item what the caller gets.
    """

    def __init__(self, thread: LoopThread, source: AsyncIterator[Any], show: Callable[[Any], T]) -> None:
        self._thread = thread
        self._source = source
        self._show = show
        self._waiting: Call | None = None

    def __iter__(self) -> BlockingIterator[T]:
        return self

    def __next__(self) -> T:
        return self.next()

    def next(self, timeout: float | None = None) -> T:
        """Wait for the next item; a wait that is given up, or interrupted, loses none.

        Args:
            timeout: seconds to wait.

        Raises:
            StopIteration: there are no more.
            TimeoutError: none came in time.
            LocalError: the gateway was left.
        """
        if self._waiting is None:
            self._waiting = self._thread.begin(self._step, lambda item: item)
        call = self._waiting
        try:
            item = call.answer.result(timeout)
        except TimeoutError:
            if call.answer.done():
                raise
            raise TimeoutError(f"nothing came within {timeout:g} s") from None
        finally:
            if call.answer.done():
                self._waiting = None
        if item is _END:
            raise StopIteration
        result: T = item
        return result

    async def _step(self) -> Any:
        try:
            return self._show(await anext(self._source))
        except StopAsyncIteration:
            return _END


class BlockingRequest(Blocking[Request]):
    """A replace or a cancel; see ``fixgw.handlers.order.Request``."""

    __slots__ = ()

    cl_ord_id: str
    msg_type: str
    msg_seq_num: int
    ending: Ending | None
    text: str
    meaning: str
    report: Message | None

    def acknowledged(self, timeout: float | None = None) -> Message | None:
        """Wait for the ending and return the report that acknowledged it; see ``Request.acknowledged``."""
        report: Message | None = self._call("acknowledged", timeout)
        return report


class BlockingMassCancel(BlockingRequest):
    """A mass cancel; see ``fixgw.handlers.mass_cancel.MassCancel``."""

    __slots__ = ()

    response: str
    reject_reason: str
    orders: tuple[BlockingOrder, ...]
    ended: tuple[BlockingOrder, ...]

    def closed(self, timeout: float | None = None) -> tuple[BlockingOrder, ...]:
        """Wait until every one of its orders has ended, and return them; see ``MassCancel.closed``."""
        ended: tuple[BlockingOrder, ...] = self._call("closed", timeout)
        return ended


class BlockingOrder(Blocking[Order]):
    """A live order; see ``fixgw.handlers.order.Order``. ``snapshot()`` reads all of it at one instant."""

    __slots__ = ()

    cl_ord_id: str
    order_id: str
    symbol: str
    side: str
    order_qty: Decimal
    price: Decimal | None
    state: OrderState
    ending: Ending | None
    open: bool
    cum_qty: Decimal
    leaves_qty: Decimal
    avg_px: Decimal
    text: str
    foreign: bool
    chain: list[str]

    def acknowledged(self, timeout: float | None = None) -> Message | None:
        """Wait for the submit's ending; see ``Request.acknowledged``."""
        report: Message | None = self._call("acknowledged", timeout)
        return report

    def closed(self, timeout: float | None = None) -> OrderState:
        """Wait until nothing can fill any more, and return the final state; see ``Order.closed``."""
        state: OrderState = self._call("closed", timeout)
        return state

    def snapshot(self) -> OrderSnapshot:
        """Return what can be seen of it now."""
        snapshot: OrderSnapshot = self._call("snapshot")
        return snapshot

    def replace(
        self, *, price: Decimal | None = None, order_qty: Decimal | None = None, **fields: Any
    ) -> BlockingRequest:
        """Send a replace for it; see ``Orders.replace``."""
        return self._book.replace(self, price=price, order_qty=order_qty, **fields)

    def cancel(self, **fields: Any) -> BlockingRequest:
        """Send a cancel for it; see ``Orders.cancel``."""
        return self._book.cancel(self, **fields)

    def retry(self) -> BlockingOrder:
        """Send it again when nobody knows whether the venue has it; see ``Orders.retry``."""
        return self._book.retry(self)

    @property
    def _book(self) -> BlockingOrders:
        assert self._orders is not None
        return BlockingOrders(self._thread, self._orders)


class BlockingOrders(Blocking[Orders]):
    """The orders of one session; see ``fixgw.handlers.orders.Orders``."""

    __slots__ = ()

    open: list[BlockingOrder]
    in_flight: int

    def submit(self, order: NewOrderSingle) -> BlockingOrder:
        """Send a NewOrderSingle; see ``Orders.submit``."""
        placed: BlockingOrder = self._call("submit", order)
        return placed

    def retry(self, order: BlockingOrder) -> BlockingOrder:
        """Send an order of unknown outcome again; see ``Orders.retry``."""
        placed: BlockingOrder = self._call("retry", order)
        return placed

    def replace(
        self,
        order: BlockingOrder,
        *,
        price: Decimal | None = None,
        order_qty: Decimal | None = None,
        **fields: Any,
    ) -> BlockingRequest:
        """Send a replace; see ``Orders.replace``."""
        request: BlockingRequest = self._call("replace", order, price=price, order_qty=order_qty, **fields)
        return request

    def cancel(self, order: BlockingOrder, **fields: Any) -> BlockingRequest:
        """Send a cancel; see ``Orders.cancel``."""
        request: BlockingRequest = self._call("cancel", order, **fields)
        return request

    def mass_cancel(self) -> BlockingMassCancel:
        """Cancel every order of the session; see ``Orders.mass_cancel``."""
        request: BlockingMassCancel = self._call("mass_cancel")
        return request

    def get(self, cl_ord_id: str) -> BlockingOrder | None:
        """Return the order that carries or carried this ClOrdID(11)."""
        order: BlockingOrder | None = self._call("get", cl_ord_id)
        return order

    def snapshot(self) -> list[OrderSnapshot]:
        """Return what can be seen of every order, oldest first."""
        orders: list[OrderSnapshot] = self._call("snapshot")
        return orders


_FACADES: Mapping[type, type[Blocking[Any]]] = {
    Orders: BlockingOrders,
    Order: BlockingOrder,
    MassCancel: BlockingMassCancel,
    Request: BlockingRequest,
}


def shown(thread: LoopThread, value: Any, orders: Orders | None = None) -> Any:
    """Return what another thread gets for a value of the loop's; called on the loop."""
    show = partial(shown, thread, orders=orders)
    if isinstance(value, list | deque | ValuesView | KeysView | ItemsView):
        return [show(item) for item in value]
    if isinstance(value, set | frozenset):
        return {show(item) for item in value}
    if type(value) is tuple:
        return tuple(show(item) for item in value)
    if isinstance(value, dict | types.MappingProxyType):
        return {key: show(item) for key, item in value.items()}
    if isinstance(value, AsyncIterator):
        return BlockingIterator(thread, value, show)
    kind: Any = type(value)
    if not _changes(kind):
        return value
    facade = next((_FACADES[base] for base in kind.__mro__ if base in _FACADES), Blocking)
    return facade(thread, value, orders)


@cache
def _changes(kind: type) -> bool:
    """Tell whether things of a class are to be left on the loop: what waits, and what of ours can change."""
    if issubclass(kind, _AS_IT_IS):
        return False
    if issubclass(kind, Book) or hasattr(kind, "__aiter__"):
        return True
    public = [getattr(kind, name, None) for name in dir(kind) if not name.startswith("_")]
    if any(inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one) for one in public):
        return True
    frozen = dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    return kind.__module__.startswith("fixgw.") and not frozen and not issubclass(kind, tuple | str | int)


def _given(value: Any) -> Any:
    """Return what the loop gets for an argument."""
    if isinstance(value, Blocking):
        return value._target
    if type(value) in (list, tuple, set):
        return type(value)(_given(item) for item in value)
    return value
