from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from fixgw.errors import ConfigError, ConnectError
from fixgw.transport.address import peer_of
from fixgw.transport.listen import ListenSettings, listen
from fixgw.transport.tcp import TcpConnector, TcpSettings
from fixgw.transport.tls import TlsSettings

from .conftest import GREETING, Echo, Greeter, HangUp, Recorders, Serve, late_turn


def plain(port: int, host: str = "127.0.0.1", **settings: Any) -> TcpConnector:
    return TcpConnector(TcpSettings(host=host, port=port, tls=None, **settings))


async def failure(connector: TcpConnector) -> ConnectError:
    recorders = Recorders()
    with pytest.raises(ConnectError) as caught:
        await connector.connect(recorders)
    assert recorders.all == []
    assert not caught.value.fatal
    assert caught.value.remedy
    return caught.value


async def test_bytes_pass_both_ways_between_a_connector_and_a_listener(serve: Serve) -> None:
    servers, clients = Recorders(Echo), Recorders()
    listener = await serve(ListenSettings(), servers)
    peer = await plain(listener.port).connect(clients)
    transport = await clients.all[0].made
    transport.write(b"35=0\x01")
    assert await clients.all[0].until(5) == b"35=0\x01"
    assert (peer.address, peer.tls) == (f"127.0.0.1:{listener.port}", "off")
    near = transport.get_extra_info("sockname")
    assert peer_of(await servers.all[0].made).address == f"127.0.0.1:{near[1]}"
    transport.close()
    assert await clients.all[0].lost is None


async def test_both_ends_send_at_once_and_the_client_watches_for_a_dead_peer(serve: Serve) -> None:
    servers, clients = Recorders(), Recorders()
    listener = await serve(ListenSettings(), servers)
    await plain(listener.port, keepalive=7).connect(clients)
    near: socket.socket = (await clients.all[0].made).get_extra_info("socket")
    far: socket.socket = (await servers.all[0].made).get_extra_info("socket")
    assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert far.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert near.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    if hasattr(socket, "TCP_KEEPIDLE"):
        assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 7
    (await clients.all[0].made).abort()


async def test_keepalive_can_be_switched_off(serve: Serve) -> None:
    clients = Recorders()
    listener = await serve(ListenSettings(), Recorders())
    await plain(listener.port, keepalive=0).connect(clients)
    transport = await clients.all[0].made
    assert not transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    transport.abort()


async def test_a_closed_listener_refuses_and_leaves_its_streams_alone(serve: Serve) -> None:
    clients = Recorders()
    listener = await serve(ListenSettings(), Recorders(Echo))
    await plain(listener.port).connect(clients)
    await listener.close()
    assert "connection refused" in (await failure(plain(listener.port))).what
    transport = await clients.all[0].made
    transport.write(b"35=0\x01")
    assert await clients.all[0].until(5) == b"35=0\x01"
    transport.abort()


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose queue is full, so that a further SYN stays unanswered."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        waiting = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(server.getsockname())
            waiting.append(sock)
        yield server.getsockname()[1]
        for sock in waiting:
            sock.close()


async def test_a_connection_that_is_not_answered_ends_at_its_timeout(full_port: int) -> None:
    error = await failure(plain(full_port, connect_timeout=0.05))
    assert error.what == f"127.0.0.1:{full_port}: no connection within 0.05 s"


def resolve_to(monkeypatch: pytest.MonkeyPatch, answer: list[Any] | OSError) -> None:
    """Stand in for the system's resolver of ``localhost``."""
    loop = asyncio.get_running_loop()
    resolve = loop.getaddrinfo

    async def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> list[Any]:
        if host != "localhost":
            return list(await resolve(host, *args, **kwargs))
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)


async def test_every_address_of_a_name_gets_its_share_of_the_time(
    serve: Serve, full_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = await serve(ListenSettings(), Recorders())
    addresses = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        for port in (full_port, 1, listener.port)
    ]
    resolve_to(monkeypatch, addresses)
    clients = Recorders()
    peer = await plain(listener.port, host="localhost", connect_timeout=0.3).connect(clients)
    assert peer.address == f"127.0.0.1:{listener.port}"
    (await clients.all[0].made).abort()


async def test_a_name_without_addresses_is_not_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, [])
    assert "no address" in (await failure(plain(1, host="localhost"))).what


async def test_a_name_that_does_not_resolve_is_not_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    error = await failure(plain(1, host="localhost"))
    assert error.what == "localhost: the name can not be resolved: Name or service not known"


async def test_a_name_that_is_no_name_is_told_apart_from_a_network_fault() -> None:
    error = await failure(plain(1, host="a" * 64 + ".example", allow_plain_remote=True))
    assert "can not be resolved" in error.what


async def test_a_server_that_speaks_first_is_heard(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    late_turn(monkeypatch)
    listener, clients = await serve(ListenSettings(), Recorders(Greeter)), Recorders()
    await plain(listener.port).connect(clients)
    assert await clients.all[0].until(len(GREETING)) == GREETING
    (await clients.all[0].made).abort()


async def test_a_server_that_hangs_up_at_once_is_not_fatal(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    late_turn(monkeypatch)
    listener = await serve(ListenSettings(), Recorders(HangUp))
    assert "closed the connection at once" in (await failure(plain(listener.port))).what


async def test_an_error_of_the_protocol_factory_comes_out_of_connect(serve: Serve) -> None:
    def broken() -> asyncio.Protocol:
        raise LookupError("no such handler")

    servers = Recorders()
    listener = await serve(ListenSettings(), servers)
    with pytest.raises(LookupError, match="no such handler"):
        await plain(listener.port).connect(broken)
    await servers.all[0].lost


async def test_a_cancelled_connect_leaves_no_socket_open(full_port: int) -> None:
    connecting = asyncio.ensure_future(plain(full_port).connect(Recorders()))
    await asyncio.sleep(0)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting


@pytest.mark.parametrize("host", ["192.0.2.1", "fix.example", "::", "2001:db8::1"])
async def test_plain_tcp_stays_on_this_machine_unless_it_is_allowed_out(host: str) -> None:
    with pytest.raises(ConfigError, match="unencrypted") as caught:
        plain(8230, host=host)
    assert "allow_plain_remote" in caught.value.remedy
    assert plain(8230, host=host, allow_plain_remote=True).settings.host == host
    with pytest.raises(ConfigError, match="unencrypted"):
        await listen(ListenSettings(host=host), lambda _: None)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_plain_tcp_to_this_machine_needs_no_leave(host: str) -> None:
    assert plain(8230, host=host).settings.endpoint.endswith(":8230")


async def test_a_port_in_use_is_a_configuration_error(serve: Serve) -> None:
    listener = await serve(ListenSettings(), Recorders())
    with pytest.raises(ConfigError, match=f"can not listen on 127.0.0.1:{listener.port}"):
        await listen(ListenSettings(port=listener.port), lambda _: None)


def test_tls_is_on_unless_it_is_switched_off() -> None:
    settings = TcpSettings(host="fix.example", port=8230)
    assert settings.tls == TlsSettings()
    assert settings.endpoint == "fix.example:8230"
    assert TcpSettings(host="::1", port=8230).endpoint == "[::1]:8230"
