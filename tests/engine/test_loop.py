"""The event loop that polls for a moment after traffic before it sleeps."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from fixgw.engine.loop import BusyPollSelector, event_loop

LONG_US = 5_000_000.0  # longer than any of these tests waits
DELAY_S = 0.05


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    pair = socket.socketpair()
    yield pair
    for one in pair:
        one.close()


def cpu_of(wait: float, selector: BusyPollSelector) -> float:
    """Return the seconds of processor time that a wait without an event takes."""
    before = time.thread_time()
    assert selector.select(wait) == []
    return time.thread_time() - before


def watching(reader: socket.socket, busy_poll_us: float) -> BusyPollSelector:
    selector = BusyPollSelector(busy_poll_us)
    selector.register(reader, 1)
    return selector


def some_traffic(selector: BusyPollSelector, pair: tuple[socket.socket, socket.socket]) -> None:
    reader, writer = pair
    writer.send(b"x")
    assert len(selector.select(1)) == 1
    reader.recv(1)


def test_it_sleeps_while_there_was_no_traffic(sockets: tuple[socket.socket, socket.socket]) -> None:
    with watching(sockets[0], LONG_US) as selector:
        assert cpu_of(DELAY_S, selector) < DELAY_S / 10


def test_it_stays_awake_after_traffic(sockets: tuple[socket.socket, socket.socket]) -> None:
    with watching(sockets[0], LONG_US) as selector:
        some_traffic(selector, sockets)
        assert cpu_of(DELAY_S, selector) > DELAY_S / 10


def test_it_sleeps_again_when_the_moment_is_over(sockets: tuple[socket.socket, socket.socket]) -> None:
    with watching(sockets[0], 1) as selector:
        some_traffic(selector, sockets)
        cpu_of(0.01, selector)
        assert cpu_of(DELAY_S, selector) < DELAY_S / 10


def test_it_never_waits_longer_than_it_is_asked_to(sockets: tuple[socket.socket, socket.socket]) -> None:
    with watching(sockets[0], LONG_US) as selector:
        some_traffic(selector, sockets)
        before = time.monotonic()
        selector.select(DELAY_S)
        assert time.monotonic() - before < LONG_US / 1e6 / 2


@pytest.mark.parametrize("timeout", [None, 5.0])
@pytest.mark.parametrize("busy_poll_us", [1.0, LONG_US])
def test_what_arrives_while_it_waits_ends_the_wait(
    sockets: tuple[socket.socket, socket.socket], busy_poll_us: float, timeout: float | None
) -> None:
    with watching(sockets[0], busy_poll_us) as selector:
        some_traffic(selector, sockets)
        sender = threading.Timer(DELAY_S, sockets[1].send, [b"y"])
        sender.start()
        assert len(selector.select(timeout)) == 1
        sender.join()


def test_a_look_without_waiting_does_not_wait(sockets: tuple[socket.socket, socket.socket]) -> None:
    with watching(sockets[0], LONG_US) as selector:
        some_traffic(selector, sockets)
        assert selector.select(0) == []


def uses_polling(busy_poll_us: float) -> bool:
    loop = event_loop(busy_poll_us)
    try:
        return isinstance(getattr(loop, "_selector", None), BusyPollSelector)
    finally:
        loop.close()


@pytest.mark.skipif(sys.platform == "win32", reason="asyncio's loop uses no selector there")
def test_a_program_gets_it_from_the_loop_factory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert uses_polling(100)
    assert not uses_polling(0)


def test_a_machine_with_one_processor_has_none_to_poll_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert not uses_polling(100)


def test_tasks_and_timers_run_on_it() -> None:
    async def work() -> str:
        await asyncio.sleep(0.001)
        return await asyncio.to_thread(lambda: "done")

    with asyncio.Runner(loop_factory=event_loop) as runner:
        assert runner.run(work()) == "done"
