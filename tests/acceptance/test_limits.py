"""What strangers cost an acceptor in a process of its own: time of others, sockets, memory, room on disk."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from fixgw.fix.message import FrameEncoder, Message
from tests.conftest import soak

from .peer import SECONDS, TcpPeer, frame, logon
from .process import EchoAcceptor, echo_acceptor

pytestmark = pytest.mark.slow

LOGON_TIMEOUT = 1.5  # seconds
TARGETS = ("--target", "TW", "--reset-on", "never")
MIB = 1024 * 1024
linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


async def seconds_to_log_on(port: int) -> float:
    """Return the least time of three Logons: what the acceptor makes others wait shows in each of them."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        peer = await TcpPeer.dial(port)
        await peer.say(logon((141, True)))
        assert (await peer.hear()).msg_type == "A"
        times.append(time.perf_counter() - begun)
        await peer.say(frame("5", 2))
        await peer.ended()
    return min(times)


@asynccontextmanager
async def dribbling(port: int, data: bytes, seconds: float) -> AsyncIterator[asyncio.Task[bool]]:
    """Send bytes one by one over so many seconds; the task tells whether the acceptor lost patience."""

    async def dribble() -> bool:
        peer = await TcpPeer.dial(port)
        try:
            for byte in data:
                await peer.say(bytes([byte]))
                await asyncio.sleep(seconds / len(data))
        except ConnectionError:
            return True
        finally:
            peer.close()
        return False

    task = asyncio.ensure_future(dribble())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def crowd(log: Path, size: int, deadline: float) -> None:
    """Let ``size`` idle strangers and a dribbled Logon wait while a session logs on."""
    room = str(size + 10)
    limits = ("--max-pending", room, "--max-pending-per-address", room, "--logon-timeout", str(deadline))
    with echo_acceptor(*TARGETS, *limits, log=log) as acceptor:
        alone = await seconds_to_log_on(acceptor.port)
        begun = time.perf_counter()
        idle = [await TcpPeer.dial(acceptor.port) for _ in range(size)]
        all_in = time.perf_counter()
        async with dribbling(acceptor.port, logon(), 2 * deadline) as dribble:
            crowded = await seconds_to_log_on(acceptor.port)
            assert crowded < alone + 0.050, f"{crowded:.4f} s instead of {alone:.4f} s"
            for peer in idle:
                assert await peer.ended(deadline + SECONDS) == b""
            last_end = time.perf_counter()
            assert deadline - 0.1 < last_end - begun
            assert last_end - all_in < deadline + 1.0
            assert await dribble
        print(f"{size} strangers: Logon {crowded * 1e3:.1f} ms, alone {alone * 1e3:.1f} ms")


async def test_strangers_delay_no_logon_and_are_closed_at_the_deadline(tmp_path: Path) -> None:
    await crowd(tmp_path / "log", 200, LOGON_TIMEOUT)


@pytest.mark.soak
async def test_a_crowd_of_strangers_delays_no_logon(tmp_path: Path) -> None:
    await crowd(tmp_path / "log", max(200, soak(2_000)), 6.0)


async def test_by_default_the_surplus_of_an_address_is_closed_at_the_accept(tmp_path: Path) -> None:
    with echo_acceptor(*TARGETS, log=tmp_path / "log") as acceptor:
        peers = [await TcpPeer.dial(acceptor.port) for _ in range(40)]
        closed = [peer for peer in peers[16:] if await peer.ended() == b""]
        assert len(closed) == 24
        assert not any(peer.reader.at_eof() for peer in peers[:16])
        for peer in peers:
            peer.close()


ENDLESS = {
    "a BodyLength of ten digits": b"8=FIXT.1.1\x019=2000000000\x0135=A\x01",
    "a BodyLength of nine digits": b"8=FIXT.1.1\x019=999999999\x0135=A\x01",
    "a BeginString without an end": b"8=",
    "a BeginString of FIX without an end": b"8=FIX",
}


async def pour(acceptor: EchoAcceptor, head: bytes) -> int:
    """Say ``head`` and up to 200 MB behind it; return how many bytes went out before the acceptor closed."""
    peer, sent = await TcpPeer.dial(acceptor.port), 0
    block = b"x" * (64 * 1024)
    with suppress(ConnectionError):
        await peer.say(head)
        while sent < 200_000_000:
            await peer.say(block)
            sent += len(block)
    assert await peer.ended() == b""
    return sent


@linux
async def test_an_endless_first_message_costs_no_memory_and_is_closed(tmp_path: Path) -> None:
    with echo_acceptor(*TARGETS, log=tmp_path / "log") as acceptor:
        await pour(acceptor, b"no FIX at all")  # whatever is loaded when it is first needed
        for name, head in ENDLESS.items():
            before = acceptor.resident()
            sent = await pour(acceptor, head)
            cost = acceptor.peak() - before
            print(f"{name}: {sent} bytes went out, {cost / 1024:.0f} KiB of memory")
            assert sent < 20_000_000, name
            assert cost < MIB, name


async def settled(path: Path) -> dict[str, bytes]:
    """Return what is on disk of a session once the last cursor is there."""
    before: dict[str, bytes] = {}
    while (now := {file.name: file.read_bytes() for file in path.iterdir()}) != before:
        before = now
        await asyncio.sleep(0.15)
    return now


def refused_logons() -> dict[str, bytes]:
    """Return Logons that ask for a reset and are refused."""
    fields: list[tuple[int, str | int | bool]] = [(98, "0"), (108, 30), (141, True)]
    old = Message("A", [*fields, (1137, "9")])
    return {
        "an unknown sender": logon((141, True), sender="NOBODY"),
        "an unknown BeginString": logon((141, True), begin_string="FIX.4.4"),
        "a SendingTime of long ago": FrameEncoder("FIXT.1.1", "TW", "ISLD").encode(
            old, 1, b"20010101-00:00:00.000"
        ),
        "no DefaultApplVerID": frame("A", 1, *fields),
    }


async def test_a_refused_logon_changes_nothing_on_disk(tmp_path: Path) -> None:
    kept = tmp_path / "store" / "ISLD-TW"
    with echo_acceptor(*TARGETS, "--store", tmp_path / "store", log=tmp_path / "log") as acceptor:
        peer = await TcpPeer.dial(acceptor.port)
        await peer.say(logon() + frame("D", 2, (11, "one"), (55, "X")))
        assert [(await peer.hear()).msg_type for _ in "AD"] == ["A", "D"]
        await peer.say(frame("5", 3))
        await peer.ended()
        tape = await settled(kept)
        for why, said in refused_logons().items():
            stranger = await TcpPeer.dial(acceptor.port)
            await stranger.say(said)
            assert await stranger.ended() == b"", why
            assert await settled(kept) == tape, why
        again = await TcpPeer.dial(acceptor.port)
        await again.say(frame("A", 4, (98, "0"), (108, 30), (1137, "9")))
        assert (await again.hear()).msg_seq_num == 4
        again.close()
        await again.writer.wait_closed()
