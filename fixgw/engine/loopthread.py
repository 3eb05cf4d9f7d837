"""An event loop in a thread of its own, and the way in for those outside it."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any

from fixgw.engine.loop import event_loop
from fixgw.errors import LocalError

LEFT = "the gateway was left: enter it again to go on"
INSIDE = (
    "this call would wait for the thread that it runs on: handlers and callbacks use ctx.session, "
    "ctx.orders.place() and the like, which do not wait"
)


class Call:
    """One call that runs on the loop.

    Args:
        function: what to call; what it returns is awaited if it can be.
        finish: makes of the result what the caller gets; runs on the loop too.
    """

    def __init__(self, function: Callable[[], Any], finish: Callable[[Any], Any]) -> None:
        self.answer: Future[Any] = Future()
        self._function = function
        self._finish = finish
        self._task: asyncio.Task[Any] | None = None

    def start(self) -> None:
        """Begin, on the loop, unless that is at its end."""
        if self.answer.done():
            return
        try:
            result = self._function()
            if isinstance(result, Awaitable):
                waiting = result if inspect.iscoroutine(result) else _awaited(result)
                self._task = asyncio.get_running_loop().create_task(waiting)
                self._task.add_done_callback(self._done)
                return
            shown = self._finish(result)
        except Exception as error:
            self.fail(error)
        else:
            self._answer(shown)

    @property
    def started(self) -> bool:
        """True while it waits for something on the loop, which is cancelled with the loop."""
        return self._task is not None

    def cancel(self) -> None:
        """Give up waiting, on the loop; what was asked for goes on by itself."""
        if self._task is not None:
            self._task.cancel()

    def fail(self, error: BaseException) -> None:
        """End with an error, unless it has ended."""
        if not self.answer.done():
            self.answer.set_exception(error)

    def _answer(self, shown: Any) -> None:
        if not self.answer.done():
            self.answer.set_result(shown)

    def _done(self, task: asyncio.Future[Any]) -> None:
        error = LocalError(LEFT) if task.cancelled() else task.exception()
        if error is None:
            try:
                self._answer(self._finish(task.result()))
            except Exception as fault:
                self.fail(fault)
        else:
            self.fail(error)


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


class LoopThread:
    """Keeps an asynchronous context entered on a loop of its own, for callers of any other thread.

    Args:
        context: entered when the thread starts, left when it ends, both in one task.
    """

    def __init__(self, context: AbstractAsyncContextManager[object]) -> None:
        self._context = context
        self._thread = threading.Thread(target=self._run, name="fixgw loop", daemon=True)
        self._entered: Future[None] = Future()
        self._ended: Future[None] = Future()
        self._lock = threading.Lock()  # nothing is begun once the loop is over
        self._over = False
        self._given_up = False
        self._calls: set[Call] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._leaving: asyncio.Event | None = None

    @property
    def over(self) -> bool:
        """True once nothing runs any more."""
        return self._over

    def enter(self) -> None:
        """Start the thread and wait until the context is entered.

        Raises:
            Exception: whatever entering raises; nothing runs any more then.
        """
        self._thread.start()
        try:
            self._entered.result()
        except BaseException:
            self._give_up()
            self._thread.join()
            raise

    def leave(self) -> None:
        """Leave the context and end the thread; an interrupt cuts short what leaving waits for.

        Raises:
            LocalError: called from a handler.
            Exception: whatever leaving raises.
        """
        self._refuse_inside()
        if self._loop is not None and self._leaving is not None and not self._over:
            self._loop.call_soon_threadsafe(self._leaving.set)
        try:
            self._ended.result()
        except BaseException:
            self._give_up()
            raise
        finally:
            self._thread.join()

    def begin(self, function: Callable[[], Any], finish: Callable[[Any], Any]) -> Call:
        """Begin a call; see ``Call``.

        Raises:
            LocalError: the loop is over, or this is its own thread.
        """
        self._refuse_inside()
        call = Call(function, finish)
        call.answer.add_done_callback(lambda _: self._calls.discard(call))
        with self._lock:
            if self._over or self._loop is None:
                raise LocalError(LEFT)
            self._calls.add(call)
            self._loop.call_soon_threadsafe(call.start)
        return call

    def call(self, function: Callable[[], Any], finish: Callable[[Any], Any]) -> Any:
        """Call a function on the loop and wait for its answer; an interrupt ends the wait alone.

        Raises:
            LocalError: the loop is over, or this is its own thread.
            Exception: whatever the function raises.
        """
        call = self.begin(function, finish)
        try:
            return call.answer.result()
        except BaseException:
            self.cancel(call)
            raise

    def cancel(self, call: Call) -> None:
        """End a call that nobody waits for any more."""
        with self._lock:
            if not call.answer.done() and not self._over and self._loop is not None:
                self._loop.call_soon_threadsafe(call.cancel)

    def _refuse_inside(self) -> None:
        if threading.current_thread() is self._thread:
            raise LocalError(INSIDE)

    def _give_up(self) -> None:
        with self._lock:
            self._given_up = True
            if self._main is not None and self._loop is not None and not self._over:
                self._loop.call_soon_threadsafe(self._main.cancel)

    def _run(self) -> None:
        failure: BaseException | None = None
        try:
            with asyncio.Runner(loop_factory=event_loop) as runner:
                try:
                    runner.run(self._live())
                finally:
                    self._end()
        except BaseException as error:
            failure = error
        for future in (self._entered, self._ended):
            if future.done():
                continue
            if failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(None)

    def _end(self) -> None:
        """Let nothing begin any more; the calls that wait are cancelled with the loop."""
        with self._lock:
            self._over = True
            calls = list(self._calls)
        for call in calls:
            if not call.started:
                call.fail(LocalError(LEFT))

    async def _live(self) -> None:
        leaving = asyncio.Event()
        with self._lock:
            self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
            self._leaving = leaving
            if self._given_up:
                raise asyncio.CancelledError
        async with self._context:
            self._entered.set_result(None)
            await leaving.wait()
