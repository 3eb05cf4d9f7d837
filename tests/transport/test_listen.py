"""Accepting: every address of a host, one connection a loop iteration, and a way out of every shortage."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import suppress
from typing import Any

import pytest

from fixgw.errors import ConfigError
from fixgw.transport import listen as listening
from fixgw.transport.base import Accepted
from fixgw.transport.listen import ListenSettings, TcpListener, listen

from .conftest import Echo, Recorder


class Desk:
    """Gives each connection an echo, and remembers whom it saw."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.echoes: list[Recorder] = []

    def receive(self, accepted: Accepted) -> asyncio.Protocol | None:
        self.hosts.append(accepted.host)
        self.echoes.append(Echo())
        return self.echoes[-1]


async def echoed(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"35=0")
    try:
        async with asyncio.timeout(5.0):
            return await reader.read(4)
    finally:
        writer.close()


def addresses(monkeypatch: pytest.MonkeyPatch, *found: tuple[int, tuple[Any, ...]]) -> None:
    """Stand in for the system's resolver of the host to bind."""
    loop = asyncio.get_running_loop()

    async def getaddrinfo(host: Any, port: int, **_: Any) -> list[Any]:
        return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address) for family, address in found]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)


async def test_every_address_of_a_host_is_bound_to_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    with monkeypatch.context() as patched:
        addresses(patched, (socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_INET, ("127.0.0.2", 0)))
        listener = await listen(ListenSettings(host="localhost"), desk.receive)
    assert await echoed("127.0.0.1", listener.port) == b"35=0"
    assert await echoed("127.0.0.2", listener.port) == b"35=0"
    assert desk.hosts == ["127.0.0.1", "127.0.0.1"]
    await listener.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
async def test_ipv6_has_its_own_sockets() -> None:
    desk = Desk()
    listener = await listen(ListenSettings(host="::1"), desk.receive)
    assert await echoed("::1", listener.port) == b"35=0"
    assert desk.hosts == ["::1"]
    await listener.close()


async def test_an_address_that_can_not_be_bound_frees_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        addresses(patched, (socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_INET, ("192.0.2.1", 0)))
        with pytest.raises(ConfigError, match="can not listen on localhost:0: "):
            await listen(ListenSettings(host="localhost"), Desk().receive)


async def test_a_port_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match=r"can not listen on 127.0.0.1:99999: .*0-65535"):
        await listen(ListenSettings(port=99_999), Desk().receive)


async def test_a_host_that_does_not_resolve_is_named() -> None:
    name = "a" * 64
    with pytest.raises(ConfigError, match=f"can not listen on {name}:0: "):
        await listen(ListenSettings(host=name, allow_plain_remote=True), Desk().receive)


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EMFILE, "Too many open files"), ConnectionAbortedError(errno.ECONNABORTED, "gone")],
)
async def test_accepting_goes_on_after_an_error(error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, errors = asyncio.get_running_loop(), [error]
    sock_accept = loop.sock_accept

    async def failing(sock: socket.socket) -> Any:
        if errors:
            raise errors.pop()
        return await sock_accept(sock)

    monkeypatch.setattr(listening, "ACCEPT_PAUSE", 0.01)
    monkeypatch.setattr(loop, "sock_accept", failing)
    listener = await listen(ListenSettings(), Desk().receive)
    assert await echoed("127.0.0.1", listener.port) == b"35=0"
    assert errors == []
    await listener.close()


async def test_a_connection_that_nobody_wants_is_closed() -> None:
    listener = await listen(ListenSettings(), lambda _: None)
    assert await echoed("127.0.0.1", listener.port) == b""
    await listener.close()


async def test_a_handshake_that_fails_is_told_to_the_protocol(pem: Any) -> None:
    recorder = Recorder()
    listener: TcpListener = await listen(pem.listen_settings(), lambda _: recorder)
    _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"8=FIXT.1.1")
    assert isinstance(await recorder.lost, OSError)
    assert not recorder.made.done()
    writer.close()
    await listener.close()


async def test_a_handshake_can_be_cut(pem: Any) -> None:
    cuts: list[Accepted] = []

    def receive(accepted: Accepted) -> asyncio.Protocol:
        cuts.append(accepted)
        return Recorder()

    listener = await listen(pem.listen_settings(), receive)
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    while not cuts:  # noqa: ASYNC110 - nobody tells when the loop has seen the connection
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    cuts[0].cut()
    async with asyncio.timeout(5.0):
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.close()
    await listener.close()


async def test_a_connection_can_be_cut_before_it_has_begun_to_open() -> None:
    def receive(accepted: Accepted) -> asyncio.Protocol:
        asyncio.get_running_loop().call_soon(accepted.cut)
        return Recorder()

    listener = await listen(ListenSettings(), receive)
    assert await echoed("127.0.0.1", listener.port) == b""
    await listener.close()


async def test_a_receiver_that_fails_closes_the_connection_and_the_next_is_received(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers: list[asyncio.Protocol] = [Echo()]

    def receive(accepted: Accepted) -> asyncio.Protocol | None:
        if len(caplog.records) == 0:
            raise KeyError("no such desk")
        return answers.pop()

    listener = await listen(ListenSettings(), receive)
    assert await echoed("127.0.0.1", listener.port) == b""
    assert await echoed("127.0.0.1", listener.port) == b"35=0"
    assert "no such desk" in str(caplog.records[0].exc_info)
    await listener.close()


async def test_a_burst_of_connections_is_accepted_in_full() -> None:
    desk = Desk()
    listener = await listen(ListenSettings(), desk.receive)
    burst = 3 * listening.ACCEPT_BURST
    assert (
        await asyncio.gather(*(echoed("127.0.0.1", listener.port) for _ in range(burst))) == [b"35=0"] * burst
    )
    await listener.close()


@pytest.mark.parametrize("keepalive", [7, 0])
async def test_a_silent_peer_is_probed_by_the_kernel(keepalive: int) -> None:
    desk = Desk()
    listener = await listen(ListenSettings(keepalive=keepalive), desk.receive)
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"35=0")
    assert await reader.readexactly(4) == b"35=0"
    sock = (await desk.echoes[0].made).get_extra_info("socket")
    assert bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) == bool(keepalive)
    if keepalive:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == keepalive
    writer.close()
    await listener.close()
    await desk.echoes[0].lost
