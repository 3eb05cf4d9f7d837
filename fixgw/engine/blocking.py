"""A gateway for programs without asyncio: its loop runs in a thread, and every call waits for its answer.

Nothing of this lies on the way of a gateway that is used with ``async with``. A call costs two changes of
thread beside what it does.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self, TypeVar

from fixgw.engine.blocked import Blocking, BlockingOrders
from fixgw.engine.gateway import Gateway
from fixgw.engine.handle import SessionHandle
from fixgw.engine.loopthread import LoopThread
from fixgw.errors import LocalError
from fixgw.handlers.base import Client
from fixgw.observe.snapshot import GatewaySnapshot

C = TypeVar("C", bound=Client)


class BlockingGateway:
    """The same gateway, for any number of threads: ``with BlockingGateway(load(...)) as gateway``.

    What it returns has the methods of what it stands for: coroutine functions are calls that wait,
    asynchronous iterators are iterators with ``next(timeout)``, and attributes are read safely. Errors are
    the same ones. An interrupt (Ctrl-C) ends a wait and nothing else: an order stays pending, and can be
    waited for again. Handlers run on the loop's thread, as always; there these calls are refused, because
    they would never end.

    Args:
        gateway: a gateway that nothing has entered.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._thread: LoopThread | None = None

    def __enter__(self) -> Self:
        """Start the loop and the gateway on it, and wait for the sessions that it waits for.

        Raises:
            LocalError: it is entered already.
            StoreError: a store can not be opened.
            ExceptionGroup: sessions that had to be logged on are not; one error each.
        """
        if self._thread is not None and not self._thread.over:
            raise LocalError("the gateway is entered already: use the object that `with` gave")
        self._thread = LoopThread(self._gateway)
        self._thread.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drain: no new sends, wait for answers, log out, close; then end the thread."""
        self._running.leave()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._facade, name)

    def __getitem__(self, name: str) -> Blocking[SessionHandle]:
        """Return the session with this name; see ``Gateway``."""
        session: Blocking[SessionHandle] = self._facade[name]
        return session

    @property
    def orders(self) -> BlockingOrders:
        """The orders of the one order-entry session; see ``Gateway.orders``."""
        orders: BlockingOrders = self._facade.orders
        return orders

    @property
    def sessions(self) -> list[Blocking[SessionHandle]]:
        """Every session, in the order of the configuration."""
        sessions: list[Blocking[SessionHandle]] = self._facade.sessions
        return sessions

    def client(self, kind: type[C]) -> Blocking[C]:
        """Return the client of a class, such as Kalshi's ``DropCopy``; see ``Gateway.client``."""
        client: Blocking[C] = self._facade.client(kind)
        return client

    def snapshot(self) -> GatewaySnapshot:
        """Return what can be seen of every session now."""
        snapshot: GatewaySnapshot = self._facade.snapshot()
        return snapshot

    @property
    def _running(self) -> LoopThread:
        if self._thread is None:
            raise LocalError("the gateway is not running: use it in `with`")
        return self._thread

    @property
    def _facade(self) -> Blocking[Gateway]:
        return Blocking(self._running, self._gateway)
