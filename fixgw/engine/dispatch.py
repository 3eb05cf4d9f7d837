"""Brings events to the user's handler: plain methods in the turn, ``async def`` ones through a queue."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

from fixgw.errors import FieldError, Reject
from fixgw.fix.message import Message
from fixgw.fix.tags import label
from fixgw.handlers.base import Context, SessionPort
from fixgw.handlers.router import Route, Router
from fixgw.records import Position

log = logging.getLogger("fixgw.handlers")

SLOW_CALL_SECONDS = 0.001  # a plain handler beyond this delays every other session of the process


class HandlerHost(SessionPort, Protocol):
    """What the dispatcher needs from the link it serves."""

    @property
    def holding(self) -> bool:
        """True while nothing is read from the peer, until handlers have caught up or the stream is gone."""
        ...

    def refuse(self, reject: Reject, message: Message) -> None:
        """Answer a received message with 35=3 or 35=j."""
        ...

    def handled(self, position: Position) -> None:
        """Handlers have returned for everything up to ``position``."""
        ...

    def hold(self, held: bool) -> None:
        """Stop reading from the peer, or go on."""
        ...

    def handler_failed(self, error: Exception) -> None:
        """A handler raised and the session is configured to stop on that."""
        ...


@dataclass(slots=True)
class HandlerStats:
    """What handlers cost and how they fail.

    Args:
        errors: calls that raised something other than ``Reject``.
        slow_calls: plain calls that took longer than a millisecond, by method name.
        queue_high: the most events that waited at once.
        malformed: messages that a book could not read, by MsgType(35), tag and SessionRejectReason(373).
    """

    errors: int
    slow_calls: dict[str, int]
    queue_high: int = 0
    malformed: Counter[tuple[str, int, int]] = field(default_factory=Counter)


@dataclass(slots=True)
class _Job:
    """One event on its way to the handler; ``message`` is None for a session event."""

    route: Route
    arguments: tuple[Any, ...]
    message: Message | None
    position: Position | None


class Dispatcher:
    """The way from a link's events to one user handler, in order.

    Args:
        router: the table of methods.
        host: the link.
        queue_size: events that may wait for ``async def`` methods before the link stops reading.
        stop_on_error: an exception out of a handler closes the session in place of being counted.
    """

    def __init__(
        self, router: Router, host: HandlerHost, *, queue_size: int = 10_000, stop_on_error: bool = False
    ) -> None:
        self.router = router
        self.stats = HandlerStats(0, {})
        self._books = router.books
        self._edge = router.passage.edge
        self._routes = router.routes
        self._host = host
        self._stop_on_error = stop_on_error
        self._queue: deque[_Job] = deque()
        self._queue_size = queue_size
        self._task: asyncio.Task[None] | None = None

    @property
    def backlog(self) -> int:
        """How many events wait."""
        return len(self._queue) + (self._task is not None)

    def deliver(
        self,
        message: Message,
        position: Position | None,
        *,
        redelivered: bool = False,
        reconciled: bool = False,
    ) -> None:
        """Settle the books, then hand one application message to the handler's method for it.

        What a book can not read is refused, unless it was when it first came.

        Args:
            message: as it was on the wire.
            position: None for what has none, because a reconciliation found it.
            redelivered: books have it already.
            reconciled: it never came on the wire.
        """
        if self._edge is not None:
            message = self._edge.inward(message)
        context = Context(self._host, message.msg_seq_num, message.poss_dup, redelivered, reconciled)
        if not redelivered:
            for book in self._books:  # before any user code sees it
                book.on_message(message, context)
            if context.fault is not None:
                self._malformed(context.fault, message, answered=not reconciled)
        route = self._routes[message.msg_type]
        if route is None:
            if self._task is None and position is not None:
                self._host.handled(position)
            return
        shown = message if route.view is None else route.view(message)
        if route.waits or self._task is not None:
            self._enqueue(_Job(route, (shown, context), message, position))
            return
        self._call(route, (shown, context), message, position)
        if position is not None:
            self._host.handled(position)

    def afterwards(self, done: Callable[[], None]) -> None:
        """Call a function once the handler has returned for all that it was given so far."""
        if self._task is None:
            done()
        else:
            self._enqueue(_Job(Route(None, done, "afterwards", waits=False), (), None, None))

    def signal(self, name: str, *arguments: Any) -> None:
        """Call one of the handler's event methods (``on_logon``, ...), in order with the messages."""
        route = self.router.hooks.get(name)
        if route is None:
            return
        if route.waits or self._task is not None:
            self._enqueue(_Job(route, arguments, None, None))
        else:
            self._call(route, arguments, None, None)

    async def drain(self) -> None:
        """Return once every waiting event was handled."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def cancel(self) -> None:
        """Drop what waits; it was not handled, so it is delivered again at the next start."""
        self._queue.clear()
        if self._task is not None:
            self._task.cancel()

    def _call(
        self, route: Route, arguments: tuple[Any, ...], message: Message | None, position: Position | None
    ) -> None:
        """The hot path: one plain method, timed, inside the turn."""
        started = perf_counter()
        try:
            result = route.call(*arguments)
            if result is not None and inspect.iscoroutine(result):
                result.close()
                raise TypeError(f"{route.name} returned a coroutine: it has to be an `async def` itself")
        except Exception as error:  # a user's mistake must not take the session down
            self._failed(_Job(route, arguments, message, position), error)
        if perf_counter() - started > SLOW_CALL_SECONDS:
            self._note_slow(route)

    def _enqueue(self, job: _Job) -> None:
        self._queue.append(job)
        self.stats.queue_high = max(self.stats.queue_high, len(self._queue))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(
                self._run(), name=f"handlers {self._host.name}"
            )
        if len(self._queue) >= self._queue_size and not self._host.holding:
            self._host.hold(True)

    async def _run(self) -> None:
        try:
            while self._queue:
                await self._work(self._queue.popleft())
                if self._host.holding and len(self._queue) <= self._queue_size // 2:
                    self._host.hold(False)
        finally:
            self._task = None

    async def _work(self, job: _Job) -> None:
        if job.route.waits:
            try:
                await job.route.call(*job.arguments)
            except Exception as error:
                self._failed(job, error)
        else:
            self._call(job.route, job.arguments, job.message, job.position)
        if job.position is not None:
            self._host.handled(job.position)

    def _failed(self, job: _Job, error: Exception) -> None:
        route, message, position = job.route, job.message, job.position
        if isinstance(error, Reject) and message is not None and position is not None:
            told = job.arguments[1].fault is not None
            if not told and position.epoch == self._host.epoch:  # else its number names another one by now
                self._host.refuse(error, message)
            return
        self.stats.errors += 1
        epoch, msg_seq_num = position or (self._host.epoch, 0)
        log.error(
            "handler raised",
            exc_info=error,
            extra={
                "session": self._host.name,
                "method": route.name,
                "epoch": epoch,
                "msg_seq_num": msg_seq_num,
            },
        )
        if self._stop_on_error:
            self._host.handler_failed(error)

    def _malformed(self, fault: FieldError, message: Message, *, answered: bool) -> None:
        """Count and refuse what can not be read; each kind is told once, without the value."""
        kind = (message.msg_type, fault.tag, fault.reason)
        if kind not in self.stats.malformed:
            detail = {"msg_type": message.msg_type, "tag": label(fault.tag), "reason": fault.reason}
            numbered = {"session": self._host.name, "msg_seq_num": message.msg_seq_num}
            log.error("a message can not be read and is refused", extra=detail | numbered)
        self.stats.malformed[kind] += 1
        if answered:
            self._host.refuse(fault, message)

    def _note_slow(self, route: Route) -> None:
        slow = self.stats.slow_calls
        if route.name not in slow:
            log.warning("slow handler", extra={"session": self._host.name, "method": route.name})
        slow[route.name] = slow.get(route.name, 0) + 1
