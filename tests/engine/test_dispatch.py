"""Handlers: plain and async, in order, slow, failing, behind."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixgw.engine.settings import LinkSettings
from fixgw.errors import ConfigError, NotLoggedOn, Reject
from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.handlers.order import Ending
from fixgw.messages.order_entry import ExecutionReport
from fixgw.records import Flag, Kind, Position
from fixgw.session.outcome import CloseCode
from fixgw.store.memory import MemoryStore
from fixgw.store.tape import Tape
from tests.engine.orders import new_order, report
from tests.engine.rig import Rig, joined, standing


def news(text: object) -> Message:
    return Message("B", [(148, str(text))])


def headline(message: Message) -> str:
    return message.text(148) or ""


async def told(rig: Rig, *texts: object) -> None:
    """Let the counterparty send news."""
    for text in texts:
        rig.them.link.send(news(text))
    await rig.settle()


class Failing:
    """Raises on ``bad`` news."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_message(self, message: Message, ctx: Context) -> None:
        self.seen.append(headline(message))
        if headline(message) == "bad":
            raise ZeroDivisionError("by the user")


class FailingLater(Failing):
    """The same, in a task."""

    async def on_message(self, message: Message, ctx: Context) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        super().on_message(message, ctx)


@pytest.mark.parametrize("make", [Failing, FailingLater])
async def test_an_exception_is_counted_and_told_and_the_cursor_moves_past_it(
    make: type[Failing], caplog: pytest.LogCaptureFixture
) -> None:
    handler, store = make(), MemoryStore()
    async with joined(handler=handler, store=lambda: store) as rig:
        await told(rig, "bad", "good")
        await asyncio.sleep(0.2)
        assert handler.seen == ["bad", "good"]
        assert rig.us.snapshot().handlers.errors == 1
        expected = rig.link.session.next_in - 1
        assert _cursor(store) == Position(rig.link.epoch, expected)
        [raised] = [record for record in caplog.records if record.message == "handler raised"]
        detail = vars(raised)
        assert (detail["method"], detail["epoch"], detail["msg_seq_num"]) == ("on_message", 2, expected - 1)


def _cursor(store: MemoryStore) -> Position:
    cursors = [r for r in store.records if r.kind == Kind.CURSOR]
    return Position(cursors[-1].epoch, cursors[-1].msg_seq_num)


@pytest.mark.parametrize("make", [Failing, FailingLater])
async def test_an_exception_ends_the_session_if_it_is_told_to(make: type[Failing]) -> None:
    handler = make()
    async with joined(handler=handler, link=LinkSettings(stop_on_error=True)) as rig:
        rig.them.link.send(news("bad"))
        await rig.gateway.failed()
        assert rig.us.snapshot().supervisor.state == "stopped"
        assert "handler raised ZeroDivisionError" in rig.us.why


class Hooks:
    """Fails in the methods that are told of events."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def on_logon(self, ctx: Context) -> None:
        raise self.error


class LaterHooks(Hooks):
    """The same, in a task."""

    async def on_logon(self, ctx: Context) -> None:  # type: ignore[override]
        raise self.error


@pytest.mark.parametrize("make", [Hooks, LaterHooks])
@pytest.mark.parametrize("error", [KeyError("x"), Reject(5, "nothing to refuse here")])
async def test_a_failing_event_method_is_counted(make: type[Hooks], error: Exception) -> None:
    async with joined(handler=make(error)) as rig:
        await rig.settle()
        assert rig.us.active
        assert rig.us.snapshot().handlers.errors == 1


class Slow:
    """Takes its time."""

    def on_message(self, message: Message, ctx: Context) -> None:
        if headline(message) == "slow":
            end = time.perf_counter() + 0.002
            while time.perf_counter() < end:
                pass

    def on_logout(self, text: str) -> None:
        end = time.perf_counter() + 0.002
        while time.perf_counter() < end:
            pass


async def test_slow_plain_handlers_are_counted_and_named(caplog: pytest.LogCaptureFixture) -> None:
    async with joined(handler=Slow()) as rig:
        await told(rig, "slow", "quick", "slow")
        assert rig.us.snapshot().handlers.slow_calls["on_message"] == 2
        await rig.us.stop()
        assert rig.us.snapshot().handlers.slow_calls["on_logout"] == 1
        warnings = [r for r in caplog.records if r.message == "slow handler"]
        assert [vars(r)["method"] for r in warnings] == ["on_message", "on_logout"]  # each once


class Mixed:
    """An async method and a plain one behind it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.gate = asyncio.Event()

    def on_logon(self, ctx: Context) -> None:
        self.seen.append("logon")

    async def on_message(self, message: Message, ctx: Context) -> None:
        self.seen.append(f"begin {headline(message)}")
        await self.gate.wait()
        self.seen.append(f"end {headline(message)}")

    def on_execution_report(self, report: object, ctx: Context) -> None:
        self.seen.append("report")

    def on_disconnect(self, reason: str) -> None:
        self.seen.append(f"gone: {reason}")


async def test_plain_methods_wait_for_the_async_ones_before_them() -> None:
    handler = Mixed()
    async with joined(handler=handler) as rig:
        rig.them.link.send(news("a"))
        rig.them.link.send(Message("8", [(37, "V"), (17, "1"), (150, "0")]))
        rig.them.link.send(news("b"))
        await rig.settle()
        assert handler.seen == ["logon", "begin a"]
        assert rig.us.snapshot().queues["handlers"] == 3
        handler.gate.set()
        await rig.settle()
        assert handler.seen[1:] == ["begin a", "end a", "report", "begin b", "end b"]
        assert rig.us.snapshot().handlers.queue_high == 3
        await rig.us.stop()
        assert handler.seen[-1] == "gone: logout"


class Gated:
    """Async; handles one message each time it is let."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.redelivered: list[str] = []
        self.permits = asyncio.Semaphore(0)

    async def on_message(self, message: Message, ctx: Context) -> None:
        await self.permits.acquire()
        self.seen.append(headline(message))
        if ctx.redelivered:
            self.redelivered.append(headline(message))

    def let(self, count: int) -> None:
        for _ in range(count):
            self.permits.release()


QUEUE = LinkSettings(queue_size=4, slow_handler_limit=30.0)


async def test_a_full_queue_stops_reading_and_half_an_empty_one_resumes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    handler = Gated()
    async with joined(handler=handler, link=QUEUE) as rig:
        for number in range(10):
            await told(rig, number)
        view = rig.us.snapshot()
        assert view.handlers.held
        assert view.queues["handlers"] == 5  # one is being handled
        assert view.session.next_in == 2 + 5  # no more was read
        assert "handlers are behind: reading stops" in caplog.text
        handler.let(3)
        await rig.settle()
        assert rig.us.snapshot().session.next_in == 2 + 10
        handler.let(7)
        await rig.settle()
        assert not rig.us.snapshot().handlers.held
        assert handler.seen == [str(number) for number in range(10)]


async def test_a_peer_that_is_not_read_is_not_silent() -> None:
    handler = Gated()
    async with joined(handler=handler, link=LinkSettings(queue_size=1, slow_handler_limit=200.0)) as rig:
        await told(rig, 0, 1)
        await asyncio.sleep(150.0)  # five heartbeat intervals
        assert rig.us.active
        assert rig.us.snapshot().connections == 1
        assert rig.them.link.connected  # our heartbeats went on
        handler.let(2)
        await asyncio.sleep(100.0)
        assert rig.us.snapshot().connections == 1


async def test_handlers_that_do_not_catch_up_end_the_connection() -> None:
    handler = Gated()
    async with joined(handler=handler, link=QUEUE) as rig:
        first = rig.link.ending
        await told(rig, *range(8))
        await asyncio.sleep(29.0)
        assert rig.us.snapshot().connections == 1
        await asyncio.sleep(1.5)
        assert first is not None
        assert first.result.result().reason.code is CloseCode.SLOW_HANDLER
        handler.let(100)
        await asyncio.sleep(5.0)
        assert rig.us.active
        assert handler.seen == [str(number) for number in range(8)]


async def test_a_queue_that_is_still_full_stops_reading_on_the_next_connection_too() -> None:
    handler = Gated()
    async with joined(handler=handler, link=QUEUE) as rig:
        await told(rig, *range(4))
        rig.network.cut()
        await rig.settle()
        for number in range(4, 40):
            if rig.them.link.active:
                await told(rig, number)
        assert rig.us.snapshot().connections == 2
        assert rig.us.snapshot().handlers.held
        assert rig.us.snapshot().queues["handlers"] < 12
        handler.let(100)
        await asyncio.sleep(1.0)
        assert handler.seen == [str(number) for number in range(40)]


async def test_what_was_not_handled_is_delivered_again_after_a_restart(tmp_path: Path) -> None:
    first, second, third = Gated(), Gated(), Gated()
    async with standing() as peer:
        async with joined(handler=first, store=lambda: Tape(tmp_path / "us"), peer=peer) as rig:
            await told(rig, *range(6))
            first.let(2)
            await rig.settle()
        assert first.seen == ["0", "1"]
        async with joined(handler=second, store=lambda: Tape(tmp_path / "us"), peer=peer) as rig:
            await told(rig, 6)
            second.let(5)
            await rig.settle()
            assert second.seen == ["2", "3", "4", "5", "6"]
            assert second.redelivered == ["2", "3", "4", "5"]
        async with joined(handler=third, store=lambda: Tape(tmp_path / "us"), peer=peer) as rig:
            await told(rig, 7)
            third.let(1)
            await rig.settle()
        assert third.seen == ["7"]


async def test_a_restart_with_more_than_the_queue_holds_loses_nothing(tmp_path: Path) -> None:
    first, second = Gated(), Gated()
    async with standing() as peer:
        async with joined(handler=first, store=lambda: Tape(tmp_path / "us"), peer=peer) as rig:
            await told(rig, *range(50))
        async with joined(handler=second, store=lambda: Tape(tmp_path / "us"), link=QUEUE, peer=peer) as rig:
            for number in range(50, 60):
                await told(rig, number)
            assert rig.us.snapshot().handlers.held
            second.let(60)
            await asyncio.sleep(1.0)
            assert second.seen == [str(number) for number in range(60)]


class Stubborn:
    """Async; does not let itself be cancelled, and refuses what it was given when it is told to go on."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def on_message(self, message: Message, ctx: Context) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            self.ended.set()


async def test_a_handler_that_outlives_its_session_moves_no_cursor(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    handler, again = Stubborn(), Gated()
    async with standing() as peer:
        async with joined(handler=handler, store=lambda: Tape(tmp_path / "us"), peer=peer) as rig:
            await told(rig, "a")
        await handler.ended.wait()
        await asyncio.sleep(1.0)
        assert "store failed" not in caplog.text
        async with joined(handler=again, store=lambda: Tape(tmp_path / "us"), peer=peer) as rig:
            again.let(1)
            await rig.settle()
        assert again.redelivered == ["a"]


class RefusingLate:
    """Refuses a message once a test lets it."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def on_message(self, message: Message, ctx: Context) -> None:
        await self.gate.wait()
        raise Reject(5, "too late to say so")


async def test_a_message_of_a_former_epoch_is_not_refused_by_its_number() -> None:
    handler, store = RefusingLate(), MemoryStore()
    async with joined(handler=handler, store=lambda: store) as rig:
        await told(rig, "a")
        await rig.gateway.logout("us")
        await rig.gateway.reset("us", "test")
        await rig.gateway.logon("us")
        await rig.us.logged_on()
        handler.gate.set()
        await rig.settle()
        sent = [r.payload for r in store.records if r.flags & Flag.OUTBOUND]
        assert not any(b"\x0135=3\x01" in payload for payload in sent)


async def test_a_refusal_while_nobody_is_connected_is_kept_to_ourselves() -> None:
    handler = RefusingLate()
    async with joined(handler=handler) as rig:
        await told(rig, "a")
        await rig.gateway.logout("us")
        handler.gate.set()
        await rig.settle()
        assert rig.us.snapshot().handlers.errors == 0


class Sending:
    """Sends as it handles, wherever the session stands."""

    def __init__(self) -> None:
        self.errors: list[type[Exception]] = []

    def on_disconnect(self, reason: str) -> None:
        raise AssertionError("counted")

    def on_message(self, message: Message, ctx: Context) -> None:
        try:
            ctx.session.send(news("reply"))
        except NotLoggedOn as error:
            self.errors.append(type(error))


async def test_messages_without_a_method_move_the_cursor() -> None:
    class OnlyReports:
        def on_execution_report(self, report: object, ctx: Context) -> None: ...

    store = MemoryStore()
    async with joined(handler=OnlyReports(), store=lambda: store) as rig:
        await told(rig, "a", "b")
        await asyncio.sleep(0.2)
        assert _cursor(store) == Position(rig.link.epoch, rig.link.session.next_in - 1)


async def test_messages_without_a_method_stay_behind_those_that_wait() -> None:
    class Waiting:
        def __init__(self) -> None:
            self.gate = asyncio.Event()

        async def on_execution_report(self, report: object, ctx: Context) -> None:
            await self.gate.wait()

    store, handler = MemoryStore(), Waiting()
    async with joined(handler=handler, store=lambda: store) as rig:
        rig.them.link.send(Message("8", [(37, "V"), (17, "1"), (150, "0")]))
        await told(rig, "a")
        await asyncio.sleep(0.2)
        assert not [r for r in store.records if r.kind == Kind.CURSOR]
        handler.gate.set()
        await asyncio.sleep(0.2)
        assert _cursor(store).msg_seq_num >= rig.link.session.next_in - 2


class Returning:
    """A plain method that returns a coroutine: its work would never be done."""

    def on_message(self, message: Message, ctx: Context) -> Any:
        return self._work()

    async def _work(self) -> None: ...


async def test_a_plain_method_that_returns_a_coroutine_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    async with joined(handler=Returning()) as rig:
        await told(rig, "a")
        assert rig.us.snapshot().handlers.errors == 1
        assert "async def" in caplog.text


@pytest.mark.parametrize("level", [logging.INFO])
async def test_all_events_reach_their_methods(level: int) -> None:
    from tests.engine.rig import Recorder

    handler = Recorder()
    async with joined(handler=handler) as rig:
        number = rig.us.send(news("refused"))
        await rig.settle()
        rig.them.link.refuse(Reject(5, "no"), rig.them.handler.messages[0])
        await rig.settle()
        await rig.us.stop("good bye")
        assert handler.events == ["logon", f"reject {number}", "logout", "disconnect logout"]
        assert rig.them.handler.events == ["logon", "logout good bye", "disconnect logout good bye"]


def test_a_misspelt_method_is_refused() -> None:
    class Misspelt:
        def on_mesage(self, message: Message, ctx: Context) -> None: ...

    make: Callable[[], object] = Misspelt
    from fixgw.handlers.router import Router

    with pytest.raises(ConfigError, match="on_mesage"):
        Router(make(), ())


async def test_books_are_settled_in_order_before_the_handler_is_called() -> None:
    told: list[str] = []

    class Book:
        def __init__(self, name: str) -> None:
            self.name = name

        def on_message(self, message: Message, context: Context) -> None:
            told.append(f"{self.name} {context.msg_seq_num}")

    class Late:
        def on_message(self, message: Message, ctx: Context) -> None:
            told.append(f"handler {ctx.msg_seq_num}")

    async with joined(handler=Late()) as rig:
        rig.us.link.router.books += [Book("one"), Book("two")]  # type: ignore[list-item]
        rig.them.link.send(Message("B"))
        await rig.settle()
        del rig.us.link.router.books[-2:]
    assert told == ["one 2", "two 2", "handler 2"]


class Reading:
    """A handler that trips over the same field as the books."""

    def __init__(self) -> None:
        self.read: list[object] = []

    def on_execution_report(self, report: ExecutionReport, ctx: Context) -> None:
        self.read.append(report.cum_qty)


class ReadingLater(Reading):
    async def on_execution_report(  # type: ignore[override]
        self, report: ExecutionReport, ctx: Context
    ) -> None:
        self.read.append(report.cum_qty)


@pytest.mark.parametrize("make", [Reading, ReadingLater, lambda: None])
async def test_a_report_that_can_not_be_read_is_refused_once_and_the_next_one_counts(
    make: Callable[[], Reading | None], caplog: pytest.LogCaptureFixture
) -> None:
    handler = make()
    async with joined(handler=handler) as rig:
        order = await rig.us.orders.submit(new_order())
        await rig.settle()
        for leaves in ("ten", "eleven"):
            broken = report(order.cl_ord_id)
            broken.set(14, leaves)
            rig.them.link.send(broken)
        rig.them.link.send(report(order.cl_ord_id))
        await rig.settle()
        assert order.ending is Ending.ACKNOWLEDGED
        assert rig.them.handler.events == ["logon", "reject 2", "reject 3"]
        assert rig.us.snapshot().handlers.malformed == 2
        assert rig.us.snapshot().handlers.errors == 0
        assert handler is None or handler.read == [0]
    told = [entry for entry in caplog.records if "can not be read" in entry.message]
    assert [(one.__dict__["msg_type"], one.__dict__["tag"]) for one in told] == [("8", "CumQty(14)")]
    assert "ten" not in caplog.text


async def test_the_refusal_of_a_report_names_its_tag_and_the_reason() -> None:
    said: list[Message] = []

    class Venue:
        def on_reject(self, reject: Message, ref_seq_num: int) -> None:
            said.append(reject)

    async with joined(their_handler=Venue()) as rig:
        rig.them.link.send(Message("8", [(37, "V"), (17, "1"), (150, "F"), (151, "1")]))
        await rig.settle()
    assert [(one.text(371), one.text(372), one.text(373)) for one in said] == [("55", "8", "1")]


async def test_what_was_refused_before_a_restart_is_not_refused_again(tmp_path: Path) -> None:
    async with standing() as peer:
        for _ in range(2):
            async with joined(store=lambda: Tape(tmp_path), peer=peer) as rig:
                if rig.them.link.session.next_out == 2:
                    rig.them.link.send(Message("8", [(37, "V"), (17, "1"), (150, "F")]))
                await rig.settle()
        assert [one for one in peer[1].handler.events if "reject" in one] == ["reject 2"]
