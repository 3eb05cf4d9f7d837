"""Accepts streams: each connection is judged at its accept, before its TLS handshake and its first byte."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from fixgw.errors import ConfigError
from fixgw.transport.address import endpoint, refuse_plain_remote
from fixgw.transport.base import Accepted
from fixgw.transport.keepalive import keep_alive

log = logging.getLogger("fixgw.listen")

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Receive: TypeAlias = Callable[[Accepted], asyncio.Protocol | None]

ACCEPT_PAUSE = 1.0  # seconds without accepting once the process has run out of descriptors
# Connections accepted in one loop iteration: a flood of them leaves room for everybody's turn.
ACCEPT_BURST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings:
    """Where to accept streams.

    Args:
        host: the address to bind.
        port: the port to bind, 0 for any free one.
        tls: a context of ``tls.server_context``, or None for plain TCP.
        allow: the networks whose addresses may connect; empty: all. Others are closed at the accept.
        handshake_timeout: seconds for the TLS handshake.
        shutdown_timeout: seconds for the peer's close_notify after a close.
        keepalive: seconds of silence before the kernel probes the peer, 0 for never; a session without
            heartbeats has no other way to learn that its peer is gone.
        backlog: connections that the kernel may hold before they are accepted.
        allow_plain_remote: accept plain TCP from other machines.
    """

    host: str = "127.0.0.1"
    port: int = 0
    tls: ssl.SSLContext | None = None
    allow: tuple[Network, ...] = ()
    handshake_timeout: float = 10.0
    shutdown_timeout: float = 2.0
    keepalive: int = 30
    backlog: int = 1_024
    allow_plain_remote: bool = False


class TcpListener:
    """Bound sockets; made by ``listen``."""

    def __init__(self, bound: list[socket.socket], settings: ListenSettings, receive: Receive) -> None:
        self._bound = bound
        self._settings = settings
        self._receive = receive
        self._port: int = bound[0].getsockname()[1]
        self._opening: set[asyncio.Task[None]] = set()
        self._accepting = [asyncio.ensure_future(self._accept(sock)) for sock in bound]

    @property
    def port(self) -> int:
        """The port in use."""
        return self._port

    async def close(self) -> None:
        """Stop accepting; streams already accepted go on."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for sock in self._bound:
            sock.close()

    async def _accept(self, bound: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                self._arrived(*await loop.sock_accept(bound))
                for _ in range(ACCEPT_BURST - 1):
                    self._arrived(*bound.accept())
            except (ConnectionError, BlockingIOError):  # it was gone before its turn came, or there is none
                pass
            except OSError as error:
                log.error("no connection can be accepted", extra={"why": error.strerror})
                await asyncio.sleep(ACCEPT_PAUSE)
            await asyncio.sleep(0)

    def _arrived(self, sock: socket.socket, address: tuple[Any, ...]) -> None:
        sock.setblocking(False)
        host = str(address[0])
        opening = _Opening()
        protocol = self._protocol_for(Accepted(host, opening.cut))
        if protocol is None:
            sock.close()
            return
        with suppress(OSError):  # it is gone already, which its protocol will hear
            keep_alive(sock, self._settings.keepalive)
        task = opening.task = asyncio.ensure_future(self._open(sock, host, protocol))
        self._opening.add(task)
        task.add_done_callback(lambda _: self._opened(task, sock))

    def _protocol_for(self, accepted: Accepted) -> asyncio.Protocol | None:
        if not _is_allowed(accepted.host, self._settings.allow):
            log.debug("an address that is not allowed was closed", extra={"host": accepted.host})
            return None
        try:
            return self._receive(accepted)
        except Exception as error:
            log.error("a connection could not be received", exc_info=error, extra={"host": accepted.host})
            return None

    async def _open(self, sock: socket.socket, host: str, protocol: asyncio.Protocol) -> None:
        """Bring a connection and its protocol together, after the TLS handshake."""
        settings = self._settings
        secured = settings.tls is not None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol,
                sock,
                ssl=settings.tls,
                ssl_handshake_timeout=settings.handshake_timeout if secured else None,
                ssl_shutdown_timeout=settings.shutdown_timeout if secured else None,
            )
        except OSError as error:
            log.debug("a TLS handshake failed", extra={"host": host, "why": str(error)})
            protocol.connection_lost(error)

    def _opened(self, task: asyncio.Task[None], sock: socket.socket) -> None:
        self._opening.discard(task)
        if task.cancelled():  # perhaps before it began, so that no transport has the socket
            sock.close()


class _Opening:
    """A connection that is on its way to its protocol."""

    task: asyncio.Task[None] | None = None

    def cut(self) -> None:
        """End it."""
        if self.task is not None:
            self.task.cancel()


async def listen(settings: ListenSettings, receive: Receive) -> TcpListener:
    """Bind, and give each stream that comes in (after its TLS handshake) a protocol.

    Args:
        settings: where, and for whom.
        receive: called at each accept; returns the stream's protocol, or None to close it at once. The
            protocol's ``connection_lost`` is also called when the TLS handshake fails, in place of
            ``connection_made``.

    Raises:
        ConfigError: the address can not be bound, or plain TCP would be offered to other machines.
    """
    if settings.tls is None:
        refuse_plain_remote(settings.host, settings.allow_plain_remote)
    try:
        bound = await _bind(settings)
    except (OSError, UnicodeError, OverflowError) as error:  # no address, no name of a host, no port
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(
            f"can not listen on {endpoint(settings.host, settings.port)}: {why}",
            remedy="choose a free port and an address of this machine",
        ) from error
    return TcpListener(bound, settings, receive)


async def _bind(settings: ListenSettings) -> list[socket.socket]:
    """Bind every address of the host, all to one port."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        settings.host or None, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    bound: list[socket.socket] = []
    port = settings.port
    try:
        for family, _, proto, _, address in dict.fromkeys(found):
            bound.append(_bind_one(family, proto, (address[0], port, *address[2:]), settings.backlog))
            port = bound[0].getsockname()[1]
    except OSError:
        for sock in bound:
            sock.close()
        raise
    return bound


def _bind_one(family: int, proto: int, address: tuple[object, ...], backlog: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM, proto)  # asyncio sends at once only where it reads TCP
    try:
        sock.setblocking(False)
        if os.name == "posix" and sys.platform != "cygwin":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(backlog)
    except (OSError, OverflowError):
        sock.close()
        raise
    return sock


def _is_allowed(host: str, networks: tuple[Network, ...]) -> bool:
    if not networks:
        return True
    address = ipaddress.ip_address(host.partition("%")[0])  # without the zone of a link-local one
    return any(address in network for network in networks)
