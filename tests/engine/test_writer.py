"""What waits leaves in order: a paused transport, a replay, a peer that takes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fixgw.engine import writer as writer_module
from fixgw.engine.numbers import set_numbers
from fixgw.engine.settings import LinkSettings
from fixgw.engine.writer import Writer
from fixgw.fix.message import Message
from fixgw.records import Flag, Kind, Record
from fixgw.session.events import NotResent
from fixgw.session.hooks import ResendEverything
from fixgw.session.outcome import CloseCode, Replay
from fixgw.store.base import Sync
from fixgw.store.memory import MemoryStore
from fixgw.transport.memory import MemoryTransport
from tests.engine.orders import numbers, types
from tests.engine.rig import THEM, US, Counterparty, Rig, joined, until
from tests.engine.stores import SyncingStore
from tests.engine.test_dispatch import headline, news

TELLS_ALL = replace(US, resend_policy=ResendEverything())
BIG = "x" * 1_000


def deafen(party: Counterparty, deaf: bool = True) -> None:
    """Let the counterparty stop to read, or read again; it goes on to speak."""
    stream = party.link._stream
    assert stream is not None
    stream.pause_reading() if deaf else stream.resume_reading()


def heard(rig: Rig) -> list[str]:
    return [headline(message).removesuffix(BIG) for message in rig.them.handler.messages]


async def talk(rig: Rig) -> None:
    """Say more than the transport takes."""
    for number in range(200):
        rig.us.send(news(f"{number} {BIG}"))
        await asyncio.sleep(0)


async def test_while_the_transport_is_paused_everything_waits_in_order() -> None:
    async with joined() as rig:
        deafen(rig.them)
        await talk(rig)
        assert rig.us.snapshot().queues["writer"] > 0
        flushed = asyncio.ensure_future(rig.us.flushed())
        rig.us.send(news("late"))
        await rig.settle()
        assert not flushed.done()
        deafen(rig.them, False)
        await flushed
        rig.us.send(news("after"))
        await rig.settle()
        assert heard(rig) == [*(f"{number} " for number in range(200)), "late", "after"]
        assert rig.us.snapshot().queues["writer"] == 0


async def test_a_pause_while_nothing_waits_passes() -> None:
    async with joined() as rig:
        rig.link.pause_writing()
        rig.link.resume_writing()
        rig.link.pause_writing()
        rig.us.send(news("one"))
        await rig.settle()
        assert heard(rig) == []
        rig.link.resume_writing()
        await rig.settle()
        assert heard(rig) == ["one"]


async def test_a_peer_that_takes_nothing_is_cut() -> None:
    async with joined(link=LinkSettings(outbound_limit=50_000)) as rig:
        deafen(rig.them)
        connection = rig.us.link.ending
        for number in range(200):
            if rig.us.active:
                rig.us.send(news(f"{number} {BIG}"))
                await asyncio.sleep(0)
        assert connection is not None
        end = await connection.result
        assert end.reason.code is CloseCode.LOST
        assert "takes nothing" in end.reason.text


async def test_a_peer_that_takes_nothing_does_not_hold_up_the_end() -> None:
    async with joined() as rig:
        deafen(rig.them)
        await talk(rig)
        assert rig.us.snapshot().queues["writer"] > 0
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with asyncio.timeout(60):
            await rig.us.stop("good bye")
        assert loop.time() - begun < 5.0
        assert not rig.link.connected


async def test_what_waits_at_the_end_still_leaves_if_the_peer_takes_it() -> None:
    async with joined() as rig:
        deafen(rig.them)
        await talk(rig)
        stopping = asyncio.ensure_future(rig.us.stop("good bye"))
        await asyncio.sleep(2.5)  # the Logout was not answered: the connection closes
        deafen(rig.them, False)
        await stopping
        assert len(heard(rig)) == 200


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the MsgTypes of each write of the initiator, as they come."""
    made: list[str] = []
    write = MemoryTransport.write

    def noting(stream: MemoryTransport, data: bytes) -> None:
        if stream.get_extra_info("peername") == "them":
            made.append(types(data))
        write(stream, data)

    monkeypatch.setattr(MemoryTransport, "write", noting)
    return made


async def _forgotten(rig: Rig, count: int) -> None:
    """Send ``count`` messages, log out, and let the counterparty forget that it had them."""
    for number in range(count):
        rig.us.send(news(number))
        if number % 200 == 0:
            await asyncio.sleep(0)
    await rig.settle()
    await rig.gateway.logout("us")
    await rig.settle()
    set_numbers(rig.them.link, next_in=2, next_out=None, reason="test")
    rig.them.handler.messages.clear()


@pytest.mark.parametrize("level", [Sync.OS, Sync.ALWAYS])
async def test_a_replay_runs_in_slices_while_new_messages_wait_behind_it(
    writes: list[str], level: Sync
) -> None:
    async with joined(TELLS_ALL, store=lambda: MemoryStore(level)) as rig:
        await _forgotten(rig, 5_000)
        writes.clear()
        await rig.gateway.logon("us")
        await rig.us.logged_on()
        bytes_out = rig.us.snapshot().bytes_out
        for number in range(5_000, 5_100):
            rig.us.send(news(number))
            await asyncio.sleep(0)
        await rig.us.flushed()
        await rig.settle()
        assert heard(rig) == [str(number) for number in range(5_100)]
        received = numbers(rig.them.handler.messages)
        assert received == sorted(set(received))
        assert sum(message.poss_dup for message in rig.them.handler.messages) == 5_000
        assert rig.link.session.next_out == rig.them.link.session.next_in
        assert rig.link.session.next_in == rig.them.link.session.next_out
        assert max(len(write) for write in writes[:60]) <= 64
        assert rig.us.snapshot().bytes_out - bytes_out > 5_000 * 50


async def test_a_replay_ends_with_its_connection_and_the_next_one_brings_the_rest() -> None:
    async with joined(TELLS_ALL) as rig:
        await _forgotten(rig, 2_000)
        await rig.gateway.logon("us")
        await rig.us.logged_on()
        await until(lambda: len(rig.them.handler.messages) >= 500)
        rig.network.cut()
        await asyncio.sleep(0)
        at_cut = len(rig.them.handler.messages)
        assert at_cut < 2_000
        await asyncio.sleep(1.0)
        assert heard(rig) == [str(number) for number in range(2_000)]
        assert rig.link.session.next_out == rig.them.link.session.next_in


async def test_a_replay_stops_when_the_numbers_are_reset(writes: list[str]) -> None:
    async with joined(TELLS_ALL) as rig:
        await _forgotten(rig, 1_000)
        await rig.gateway.logon("us")
        await rig.us.logged_on()
        await until(lambda: len(rig.them.handler.messages) >= 100)
        rig.them.link.turn(rig.them.link.session.reset(rig.clock.now()))
        await rig.settle()
        assert len(rig.them.handler.messages) < 1_000
        assert rig.link.session.next_out == rig.them.link.session.next_in == 2


async def test_many_messages_that_are_not_sent_again_do_not_hold_up_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run of refused messages yields nothing to write, and may be long."""
    ticks = iter(range(10**9))
    monkeypatch.setattr(writer_module, "perf_counter", lambda: next(ticks) * 0.001)
    told: list[int] = []
    turns_between: list[int] = []
    turns = 0

    def replay(plan: Replay) -> Iterator[Record | NotResent]:
        for number in range(100):
            turns_between.append(turns)
            yield NotResent(Message("D"), number)
        yield Record(Kind.FRAME, Flag.OUTBOUND, 1, 1, 2, 1, 0, b"fill")

    store = MemoryStore()
    store.load()
    stream = MemoryTransport("peer", lambda size: size)
    written: list[bytes] = []
    monkeypatch.setattr(stream, "write", written.append)
    failures: list[Exception] = []
    made = Writer(
        store,
        replay,
        lambda event: told.append(event.msg_seq_num),
        failures.append,
        sync_always=False,
        limit=100,
    )
    made.attach(stream)
    made.push(Replay(1, 101, 1, 1))
    while made.depth:
        turns += 1
        await asyncio.sleep(0)
    assert failures == []
    assert told == list(range(100))
    assert written == [b"fill"]
    assert turns_between[-1] > 10


async def test_a_store_that_fails_during_a_replay_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    async with joined(TELLS_ALL, store=lambda: store) as rig:
        await _forgotten(rig, 10)

        def broken(begin: int, end: int) -> Iterator[Record]:
            raise OSError("the disk is gone")

        monkeypatch.setattr(store, "read", broken)
        await rig.gateway.logon("us")
        await rig.gateway.failed()
        assert "the disk is gone" in rig.us.why


async def test_chunks_committed_during_a_sync_leave_with_one_sync() -> None:
    store = SyncingStore(Sync.ALWAYS)
    async with joined(TELLS_ALL, THEM, store=lambda: store) as rig:
        await rig.settle()
        store.gate.clear()
        store.began.clear()
        rig.us.send(news("first"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert store.began.wait(10)
        before = len(store.threads)
        for number in range(10):
            rig.us.send(news(number))
            await asyncio.sleep(0)
        store.gate.set()
        await rig.us.flushed()
        assert len(store.threads) == before + 1
        await rig.settle()
        assert len(heard(rig)) == 11
