"""Strangers at the door: what they may say, for how long, and what a verdict changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from fixgw.engine.acceptor_settings import AcceptorLimits
from fixgw.engine.link import Link
from fixgw.engine.reception import Admission, Judgement, Reception
from fixgw.engine.settings import LinkSettings
from fixgw.errors import ConfigError
from fixgw.fix.framing import seal
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.values import sending_time
from fixgw.handlers.router import Router
from fixgw.session.state import Phase, SessionSettings
from fixgw.session.verdict import Accept, Refuse, Verdict
from fixgw.store.memory import MemoryStore
from fixgw.transport.base import Accepted, Peer
from fixgw.transport.memory import MemoryNetwork
from tests.engine.orders import types
from tests.engine.rig import THEM, Recorder, later, settle, the_clock


class Client(asyncio.Protocol):
    """A peer that says what a test lets it say."""

    def __init__(self) -> None:
        self.received = b""
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.stream: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.stream = transport

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)

    def say(self, data: bytes) -> None:
        self.stream.write(data)


class Door:
    """A reception of one session, with what a test wants of it."""

    def __init__(self, settings: SessionSettings = THEM, **limits: float | int) -> None:
        self.handler = Recorder()
        self.store = MemoryStore()
        self.link = Link(settings, self.store, Router(self.handler, ()), the_clock(), LinkSettings())
        self.verdict: Callable[[Message], Verdict | Awaitable[Verdict]] = lambda _: Accept()
        self.known = True
        self.peers: list[Peer] = []
        self.reception = Reception(self.judge, AcceptorLimits(**limits))  # type: ignore[arg-type]
        self.network = MemoryNetwork()
        self.network.listen("door", self.reception.protocol)

    def judge(self, logon: Message, peer: Peer) -> Judgement | Awaitable[Judgement]:
        self.peers.append(peer)
        if not self.known:
            return None
        verdict = self.verdict(logon)
        return later(self.link, verdict) if isinstance(verdict, Awaitable) else Admission(self.link, verdict)

    def knock(self) -> Client:
        client = Client()
        self.network.join("door", lambda: client)
        return client


def frame(msg_type: str, number: int = 1, *pairs: tuple[int, str | int | bool]) -> bytes:
    stamp = sending_time(the_clock().now().utc_ns)
    return FrameEncoder("FIXT.1.1", "US", "THEM").encode(Message(msg_type, list(pairs)), number, stamp)


def logon(number: int = 1, *pairs: tuple[int, str | int | bool]) -> bytes:
    return frame("A", number, (98, "0"), (108, 30), (1137, "9"), *pairs)


async def test_a_logon_is_answered_and_what_came_with_it_is_taken() -> None:
    door = Door()
    client = door.knock()
    assert door.reception.pending == 1
    client.say(logon() + frame("B", 2, (148, "hasty")))
    await settle()
    assert types(client.received) == "A"
    assert [m.text(148) for m in door.handler.messages] == ["hasty"]
    assert door.reception.pending == 0
    assert door.peers == [Peer("door-client")]


async def test_a_logon_may_come_in_any_pieces() -> None:
    door = Door()
    client = door.knock()
    for byte in logon():
        client.say(bytes([byte]))
        await settle()
    assert types(client.received) == "A"


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: venue\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00" + bytes(600),
        b"8=FIXT.1.1\x019=5\x0135=A\x0110=000\x01",
        b"8=FIXT.1.1\x019=99999\x0135=A\x01",
        seal(b"FIXT.1.1", b"35=A\x01x=1\x01"),
        b"8=FIXT.1.1\x01" * 60,
        b"8=FIXT.1.1\x019=500\x0135=A\x01" + b"58=" + b"x" * 300,
    ],
)
async def test_garbage_is_closed_without_a_word(said: bytes) -> None:
    door = Door(max_logon_size=256)
    client = door.knock()
    client.say(said)
    await settle()
    assert client.lost.done()
    assert client.received == b""
    assert door.store.records == []
    assert door.reception.pending == 0


@pytest.mark.parametrize("msg_type", ["0", "5", "D", "2"])
async def test_whoever_does_not_begin_with_a_logon_is_closed_without_a_word(msg_type: str) -> None:
    door = Door()
    client = door.knock()
    client.say(frame(msg_type))
    await settle()
    assert client.lost.done()
    assert client.received == b""
    assert door.peers == []


async def test_a_logon_longer_than_allowed_is_closed() -> None:
    door = Door(max_logon_size=300)
    client = door.knock()
    client.say(logon(1, (58, "x" * 300)))
    await settle()
    assert client.lost.done()
    assert client.received == b""


async def test_a_logon_has_a_deadline_from_the_accept_on() -> None:
    door = Door(logon_timeout=10.0)
    client = door.knock()
    await asyncio.sleep(5.0)
    client.say(logon()[:20])
    await asyncio.sleep(4.9)
    assert not client.lost.done()
    await asyncio.sleep(0.2)
    assert client.lost.done()
    assert door.reception.pending == 0


async def test_a_peer_that_leaves_before_its_logon_is_forgotten() -> None:
    door = Door()
    client = door.knock()
    client.stream.abort()
    await settle()
    assert door.reception.pending == 0
    await asyncio.sleep(20.0)


async def test_too_many_strangers_are_closed_at_the_accept() -> None:
    door = Door(max_pending=2)
    waiting = [door.knock(), door.knock()]
    surplus = door.knock()
    surplus.say(logon())
    protocol = door.reception.protocol()
    protocol.data_received(logon())  # of a stream that is not there yet
    await settle()
    assert surplus.lost.done()
    assert surplus.received == b""
    assert not any(client.lost.done() for client in waiting)
    assert door.reception.pending == 2
    waiting[0].stream.abort()
    await settle()
    late = door.knock()
    late.say(logon())
    await settle()
    assert types(late.received) == "A"


def arrive(door: Door, host: str, cuts: list[str]) -> bool:
    """Return whether a connection may wait; those that are cut are noted."""
    return door.reception.accept(Accepted(host, lambda: cuts.append(host))) is not None


async def test_one_address_may_not_take_every_place() -> None:
    door = Door(max_pending=5, max_pending_per_address=2)
    cuts: list[str] = []
    hosts = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"]
    assert [arrive(door, host, cuts) for host in hosts] == [True, True, False, True, True, True, False]
    assert (door.reception.pending, door.reception.turned_away) == (5, 2)
    await asyncio.sleep(11.0)
    assert sorted(cuts) == ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]
    assert arrive(door, "192.0.2.1", cuts)


async def test_addresses_of_one_ipv6_network_count_together() -> None:
    door = Door(max_pending_per_address=2)
    hosts = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1", "fe80::1%eth0"]
    assert [arrive(door, host, []) for host in hosts] == [True, True, False, True, True]


async def test_a_stream_that_comes_after_its_deadline_is_closed() -> None:
    door = Door(logon_timeout=1.0)
    protocol = door.reception.accept(Accepted("192.0.2.1", lambda: None))
    assert protocol is not None
    await asyncio.sleep(2.0)
    client = Client()
    door.network.listen("late", lambda: protocol)
    door.network.join("late", lambda: client)
    await settle()
    assert client.lost.done()
    assert door.reception.pending == 0


async def test_a_crowd_is_one_line_a_second_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    door = Door(max_pending=1)
    for _ in range(51):
        arrive(door, "192.0.2.1", [])
    await asyncio.sleep(1.5)
    arrive(door, "192.0.2.1", [])
    said = "too many connections without a Logon: this one is closed"
    assert [record.message for record in caplog.records] == [said, said]
    assert [record.__dict__["held_back"] for record in caplog.records] == [0, 49]


@pytest.mark.parametrize("limit", ["logon_timeout", "max_logon_size", "max_pending", "max_sessions"])
def test_a_limit_under_which_nobody_could_log_on_is_refused(limit: str) -> None:
    with pytest.raises(ConfigError, match=f"with {limit} 0 nobody could log on"):
        AcceptorLimits(**{limit: 0})


async def test_whoever_is_let_go_is_told_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    door = Door(logon_timeout=0.01)
    silent, chatty = door.knock(), door.knock()
    chatty.say(frame("0"))
    await asyncio.wait_for(asyncio.gather(silent.lost, chatty.lost), 5)
    broken = door.reception.protocol()
    broken.connection_lost(OSError("peer did not return a certificate"))
    assert [(record.message, getattr(record, "why", "")) for record in caplog.records] == [
        ("a first message that is no Logon: closed", ""),
        ("a connection without a Logon was closed", ""),
        ("a TLS handshake failed", "peer did not return a certificate"),
    ]


async def test_a_closed_reception_lets_go_of_strangers_and_keeps_sessions() -> None:
    door = Door()
    known, stranger = door.knock(), door.knock()
    known.say(logon())
    await settle()
    door.reception.close()
    await settle()
    assert stranger.lost.done()
    assert not known.lost.done()


async def test_an_identity_that_nobody_knows_is_closed_without_a_word() -> None:
    door = Door()
    door.known = False
    client = door.knock()
    client.say(logon())
    await settle()
    assert client.lost.done()
    assert client.received == b""


async def test_an_identity_in_use_is_closed_and_its_session_lives_on() -> None:
    door = Door()
    first, second = door.knock(), door.knock()
    first.say(logon())
    await settle()
    second.say(logon())
    await settle()
    assert second.lost.done()
    assert second.received == b""
    assert not first.lost.done()
    assert door.link.session.next_in == 2


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (Refuse.silently(), ""),
        (Refuse.with_logout("not you"), "5"),
        (Refuse.with_reject(9, "not you"), "3"),
    ],
)
@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("reset", [False, True])
async def test_a_refused_logon_changes_nothing(refusal: Refuse, said: str, later: bool, reset: bool) -> None:
    door = Door()
    door.link.session.set_numbers(7, 9)
    numbers = door.link.session.snapshot()

    async def slowly() -> Verdict:
        await asyncio.sleep(0.5)
        return refusal

    door.verdict = (lambda _: slowly()) if later else (lambda _: refusal)
    client = door.knock()
    client.say(logon(1, (141, True)) if reset else logon(7))
    await asyncio.sleep(1.0)
    assert types(client.received) == said
    assert client.lost.done()
    after = door.link.session.snapshot()
    assert (after.epoch, after.next_in, after.next_out) == (numbers.epoch, 7, 9)
    assert door.handler.events == ["disconnect logon refused" + (" not you" if said else "")]
    door.verdict = lambda _: Accept()
    again = door.knock()
    again.say(logon(7))
    await settle()
    assert types(again.received) == "A"


async def test_a_verdict_may_be_awaited_while_the_peer_is_hasty() -> None:
    door = Door()

    async def slowly() -> Verdict:
        await asyncio.sleep(1.0)
        return Accept(fields=((58, "welcome"),))

    door.verdict = lambda _: slowly()
    client = door.knock()
    client.say(logon())
    await settle()
    client.say(frame("B", 2, (148, "hasty")))
    await settle()
    assert client.received == b""
    await asyncio.sleep(1.0)
    assert b"58=welcome" in client.received
    assert len(door.handler.messages) == 1


@pytest.mark.parametrize("awaited", [False, True])
async def test_a_peer_that_says_too_much_behind_its_logon_is_closed(awaited: bool) -> None:
    door = Door(replace(THEM, waiting_messages=3))
    verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    door.verdict = lambda _: verdict if awaited else Accept()
    client = door.knock()
    client.say(logon() + b"".join(frame("0", number) for number in range(2, 8)))
    await settle()
    verdict.set_result(Accept())
    await asyncio.wait_for(client.lost, 5)
    assert (client.received, door.link.connected) == (b"", False)


async def test_a_logon_that_is_being_judged_does_not_hold_up_another_of_the_same_identity() -> None:
    door = Door()
    first_verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    door.verdict = lambda _: first_verdict
    first = door.knock()
    first.say(logon())
    await settle()
    assert not door.link.connected
    door.verdict = lambda _: Accept()
    second = door.knock()
    second.say(logon())
    await settle()
    assert types(second.received) == "A"
    first_verdict.set_result(Accept())
    await settle()
    assert first.lost.done()
    assert first.received == b""
    assert door.link.session.phase is Phase.ACTIVE


async def test_a_peer_that_leaves_while_it_is_judged_is_forgotten() -> None:
    door = Door()
    verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    door.verdict = lambda _: verdict
    client = door.knock()
    client.say(logon())
    await settle()
    client.stream.abort()
    await settle()
    assert door.reception.pending == 0
    assert verdict.cancelled()
    assert door.store.records == []


async def test_a_hasty_peer_is_not_read_while_it_is_judged() -> None:
    door = Door()
    verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    door.verdict = lambda _: verdict
    client = door.knock()
    client.say(logon())
    await settle()
    client.say(b"x" * 1_000_000)
    await settle()
    assert client.stream.get_write_buffer_size() == 1_000_000
    verdict.set_result(Accept())
    await settle()
    assert client.stream.get_write_buffer_size() == 0


async def test_a_verdict_that_comes_too_late_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    door = Door(logon_timeout=2.0)
    verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    door.verdict = lambda _: verdict
    client = door.knock()
    client.say(logon())
    await asyncio.sleep(5.0)
    assert client.lost.done()
    assert verdict.cancelled()
    assert door.store.records == []
    assert "exception" not in caplog.text


@pytest.mark.parametrize("later", [False, True])
async def test_credentials_that_can_not_be_judged_are_refused(
    later: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> Verdict:
        raise ConnectionError("the directory is down")

    def broken_at_once(_: Message) -> Verdict:
        raise ConnectionError("the directory is down")

    door = Door()
    door.verdict = (lambda _: broken()) if later else broken_at_once
    client = door.knock()
    client.say(logon())
    await settle()
    assert client.lost.done()
    assert client.received == b""
    assert any("the directory is down" in str(record.exc_info) for record in caplog.records)


async def test_a_judge_that_fails_closes_the_stream(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Message, __: Peer) -> Admission | None:
        raise KeyError("no such client")

    network = MemoryNetwork()
    reception = Reception(broken)
    network.listen("door", reception.protocol)
    client = Client()
    network.join("door", lambda: client)
    client.say(logon())
    await settle()
    assert client.lost.done()
    assert reception.pending == 0
    assert any("no such client" in str(record.exc_info) for record in caplog.records)
    assert "asyncio" not in {record.name for record in caplog.records}
