"""Streams over TCP, with TLS unless it is switched off for a tunnel on this machine."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from fixgw.errors import ConnectError
from fixgw.transport.address import endpoint, peer_of, refuse_plain_remote
from fixgw.transport.base import Peer
from fixgw.transport.keepalive import keep_alive
from fixgw.transport.tls import (
    TlsSettings,
    check_pins,
    client_context,
    handshake_error,
    not_tls_error,
    parse_pin,
)

ProtocolFactory: TypeAlias = Callable[[], asyncio.Protocol]


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpSettings:
    """Where to connect, and how long to wait for what.

    Args:
        host: a name or an address.
        port: 1 to 65535.
        tls: what to demand of the peer's certificate, or None for plain TCP.
        connect_timeout: seconds for name and TCP connection, shared out among the addresses of the name.
        handshake_timeout: seconds for the TLS handshake.
        shutdown_timeout: seconds for the peer's close_notify after a close.
        keepalive: seconds of silence before the kernel probes the peer, 0 for never.
        allow_plain_remote: let plain TCP leave this machine.
    """

    host: str
    port: int
    tls: TlsSettings | None = field(default_factory=TlsSettings)
    connect_timeout: float = 10.0
    handshake_timeout: float = 10.0
    shutdown_timeout: float = 2.0
    keepalive: int = 30
    allow_plain_remote: bool = False

    @property
    def endpoint(self) -> str:
        """``host:port``."""
        return endpoint(self.host, self.port)


class TcpConnector:
    """Makes outbound streams to one host and port.

    Raises:
        ConfigError: a pin or the CA file can not be used, or plain TCP would leave this machine.
    """

    def __init__(self, settings: TcpSettings) -> None:
        self.settings = settings
        self._context: ssl.SSLContext | None = None
        self._pins: frozenset[bytes] = frozenset()
        if settings.tls is None:
            refuse_plain_remote(settings.host, settings.allow_plain_remote)
        else:
            self._context = client_context(settings.tls)
            self._pins = frozenset(parse_pin(pin) for pin in settings.tls.pins)

    async def connect(self, protocol_factory: ProtocolFactory) -> Peer:
        """Open a stream, check all there is to check about the peer, then attach a protocol of the factory.

        The transport talks to that protocol directly: the checks cost nothing per message.

        Raises:
            ConnectError: with the fault and the remedy; ``fatal`` when trying again unchanged can not help.
        """
        stream, gate = await self._dial()
        try:
            if stream.is_closing():
                raise _closed_error(self.settings)
            if self._context is not None:
                stream = await self._secure(gate, stream, self._context)
                check_pins(stream, self._pins, self.settings.endpoint)
            peer = peer_of(stream)
            gate.hand_over(stream, protocol_factory())
        except BaseException:
            stream.abort()
            raise
        return peer

    async def _dial(self) -> tuple[asyncio.Transport, _Gate]:
        """Try the addresses of the host in turn, each with its share of the time that is left."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.settings.connect_timeout
        addresses = await self._resolve()
        failure: OSError = OSError("the name has no address")
        for left, (family, _, proto, _, (address, *_)) in zip(
            range(len(addresses), 0, -1), addresses, strict=True
        ):
            try:
                async with asyncio.timeout((end - loop.time()) / left):
                    return await loop.create_connection(
                        lambda: _Gate(self.settings.keepalive),
                        address,
                        self.settings.port,
                        family=family,
                        proto=proto,
                    )
            except OSError as error:
                failure = error
        raise _dial_error(failure, self.settings) from failure

    async def _resolve(self) -> list[_Address]:
        host, port = self.settings.host, self.settings.port
        try:
            async with asyncio.timeout(self.settings.connect_timeout):
                loop = asyncio.get_running_loop()
                return list(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            reason = "no answer in time" if isinstance(error, TimeoutError) else error.args[-1]
            raise ConnectError(
                f"{host}: the name can not be resolved: {reason}",
                "check the host name and this machine's DNS",
            ) from error

    async def _secure(
        self, gate: _Gate, stream: asyncio.Transport, context: ssl.SSLContext
    ) -> asyncio.Transport:
        settings = self.settings
        assert settings.tls is not None
        if gate.early:  # these bytes were not protected and must not pass for any that were
            raise not_tls_error(settings.endpoint)
        try:
            secured = await asyncio.get_running_loop().start_tls(
                stream,
                gate,
                context,
                server_hostname=settings.tls.server_name or settings.host,
                ssl_handshake_timeout=settings.handshake_timeout,
                ssl_shutdown_timeout=settings.shutdown_timeout,
            )
        except OSError as error:
            raise handshake_error(error, settings.endpoint) from error
        if secured is None or secured.is_closing():
            raise _closed_error(settings)
        return secured


class _Gate(asyncio.Protocol):
    """Stands in the user's place until the peer has shown that it is the right one."""

    def __init__(self, keepalive: int) -> None:
        self._keepalive = keepalive
        self.early = bytearray()  # a peer that speaks first may do so before our turn comes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        keep_alive(sock, self._keepalive)

    def data_received(self, data: bytes) -> None:
        self.early += data

    def hand_over(self, stream: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        """Attach ``protocol`` and step aside for good."""
        stream.set_protocol(protocol)
        protocol.connection_made(stream)
        if self.early:
            protocol.data_received(bytes(self.early))


_Address: TypeAlias = tuple[int, int, int, str, tuple[Any, ...]]  # as getaddrinfo gives it


def _dial_error(error: OSError, settings: TcpSettings) -> ConnectError:
    if isinstance(error, TimeoutError):
        return ConnectError(
            f"{settings.endpoint}: no connection within {settings.connect_timeout:g} s",
            "check host, port and the firewalls on the way",
        )
    if isinstance(error, ConnectionRefusedError):
        return ConnectError(
            f"{settings.endpoint}: connection refused",
            "nothing listens on that port; check it, or wait for the venue",
        )
    return ConnectError(f"{settings.endpoint}: {error.strerror or error}", "check this machine's network")


def _closed_error(settings: TcpSettings) -> ConnectError:
    return ConnectError(
        f"{settings.endpoint}: the peer closed the connection at once",
        "it may be in maintenance, or refuse this address; see that the address is allowed",
    )
