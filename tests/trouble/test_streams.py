"""A peer that stops, floods, garbles or asks for too much: what happens, and what a person reads."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from fixgw.clock import ManualClock
from fixgw.config.build import session_plan
from fixgw.config.resolve import resolve_sessions
from fixgw.config.settings import load_settings
from fixgw.engine.gateway import Gateway
from fixgw.engine.handle import SessionHandle
from fixgw.fix.message import Message
from fixgw.records import Flag, Record
from fixgw.store.tape import Tape
from tests.trouble.conftest import Scripted
from tests.trouble.desk import Peer, until

REQUEST = Message(
    "UOG", [(20131, "2"), (20130, "770e8400-e29b-41d4-a716-446655440002")]
)  # resets an order group
ORDERS = 10_050  # more than max_resend


def logged(text: io.StringIO, event: str) -> list[dict[str, Any]]:
    """Return the log lines with this event."""
    lines = [json.loads(line) for line in text.getvalue().splitlines()]
    return [line for line in lines if line["event"] == event]


async def stopped(handle: SessionHandle) -> str:
    """Wait until the session dials no more, and return why."""
    await handle.gave_up()
    return handle.why


def numbers(frames: Sequence[bytes], field: bytes) -> list[int]:
    return [Message.decode(frame).msg_seq_num for frame in frames if field in frame]


async def test_a_peer_that_stops_in_the_middle_of_a_frame_is_found_dead(scripted: Scripted) -> None:
    peer, clock = Peer(), ManualClock(time.time_ns())
    desk = (await scripted(peer)).spoil({"defaults.reconnect.base_seconds": 60})
    async with desk.open(clock=clock) as gateway:
        handle = gateway["orders"]
        received = handle.link.bytes_in
        end = asyncio.ensure_future(handle.link.ended())
        peer.write(peer.frame("35=0")[:30])
        await until(lambda: handle.link.bytes_in > received)
        clock.advance(36)  # 1.2 x HeartBtInt
        handle.link.tick()
        await peer.received("1")
        clock.advance(35.9)
        handle.link.tick()
        assert not end.done()
        clock.advance(0.2)  # 2.4 x HeartBtInt
        handle.link.tick()
        await end
        await until(lambda: handle.why)
        assert handle.why == (
            "peer silent: no answer to our TestRequest; "
            "look at the network on the way, or ask the venue whether it was down"
        )


async def test_a_frame_that_is_too_long_ends_the_connection(scripted: Scripted) -> None:
    peer = Peer()
    desk = await scripted(peer)
    async with desk.open() as gateway:
        end = asyncio.ensure_future(gateway["orders"].link.ended())
        peer.write(b"8=FIXT.1.1\x019=70000\x0135=8\x01")
        await end
        await until(lambda: gateway["orders"].why)
        assert gateway["orders"].why == (
            "frame too long: BodyLength(9) makes a frame longer than 65536 bytes; "
            "see that the port is that of the FIX service, then ask the venue"
        )
        await until(lambda: gateway["orders"].active)  # and the next connection is as good as any


def long_body(frame: bytes) -> bytes:
    """Return the frame with a BodyLength(9) that reaches beyond its end."""
    return frame.replace(b"\x019=", b"\x019=1", 1)


def wrong_sum(frame: bytes) -> bytes:
    """Return the frame with another CheckSum(10)."""
    return frame[:-4] + b"%03d\x01" % ((int(frame[-4:-1]) + 1) % 256)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(long_body, "BodyLength(9) does not lead to CheckSum(10)"), (wrong_sum, "CheckSum(10) is wrong")],
)
async def test_a_garbled_frame_is_skipped_and_asked_for_again(
    scripted: Scripted, log_text: io.StringIO, spoil: Callable[[bytes], bytes], reason: str
) -> None:
    peer = Peer()
    desk = await scripted(peer)
    async with desk.open() as gateway:
        peer.write(spoil(peer.frame("35=0")))
        while not peer.has("2"):  # a BodyLength that is too great swallows what follows, to its end
            peer.say("35=0")
            await asyncio.sleep(0.01)
        (request,) = await peer.received("2")
        assert (request[7], request[16]) == (b"2", b"0")
        assert gateway["orders"].active
        assert gateway["orders"].snapshot().session.tally.garbled == 1
    (line,) = logged(log_text, "garbled bytes skipped")
    assert (line["session"], line["reason"]) == ("orders", reason)
    assert line["excerpt"].startswith("8=FIXT.1.1|9=")
    (gap,) = logged(log_text, "messages are missing and were asked for")
    assert (gap["session"], gap["first"]) == ("orders", 2)


async def send_requests(handle: SessionHandle, count: int) -> None:
    for _ in range(count):
        handle.send(REQUEST)
    await handle.flushed()


async def test_a_great_resend_is_served_in_full_and_in_slices(
    scripted: Scripted, log_text: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10,050 messages: each once more, marked, in order; what is sent meanwhile comes after them."""
    slices: list[int] = []
    commit = Tape.commit

    def noted(self: Tape, records: Sequence[Record]) -> None:
        slices.append(sum(bool(record.flags & Flag.POSS_DUP) for record in records))
        commit(self, records)

    peer = Peer()
    desk = await scripted(peer)
    async with desk.open() as gateway:
        handle = gateway["orders"]
        await send_requests(handle, ORDERS)
        monkeypatch.setattr(Tape, "commit", noted)
        peer.say("35=2|7=1|16=0")
        await until(lambda: handle.link.queue_depth["writer"])
        late = handle.send(REQUEST)
        await peer.received("4")
        await until(lambda: late in numbers(peer.frames[-3:], b"\x0135=UOG\x01"))
    again = numbers(peer.frames, b"\x0143=Y\x01")
    assert again == list(range(1, ORDERS + 2))  # the gap fill for our Logon, then every message
    assert max(slices) <= 64
    assert numbers(peer.frames, b"\x0135=UOG\x01")[-1] == late
    (alarm,) = logged(log_text, "look at this session")
    assert alarm["why"] == f"the peer asks for {ORDERS + 1} messages, 1 to {ORDERS + 1}"


async def test_a_resend_beyond_the_limit_is_refused(scripted: Scripted, log_text: io.StringIO) -> None:
    peer = Peer()
    desk = await scripted(peer)
    plan = session_plan(resolve_sessions(load_settings(desk.file)).sessions[0])
    plan = replace(plan, session=replace(plan.session, resend_limit=100))
    async with Gateway([plan]) as gateway:
        handle = gateway["orders"]
        await send_requests(handle, 150)
        peer.say("35=2|7=1|16=0")
        assert await stopped(handle) == (
            "the peer asked for more messages than resend_limit: ResendRequest for 151 messages, "
            "the limit is 100; agree on the numbers with the venue, fixgw seqnum reset orders, "
            "then fixgw session logon orders"
        )
    (logout,) = await peer.received("5")
    assert logout[58] == b"ResendRequest for 151 messages, the limit is 100"
    assert numbers(peer.frames, b"\x0143=Y\x01") == []
    (alarm,) = logged(log_text, "look at this session")
    assert alarm["why"] == "the peer asks for 151 messages, 1 to 151"
