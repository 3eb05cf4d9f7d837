"""The seam to the network: who makes a stream, and what a stream can do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """The certificate that a peer has proved to hold; it is verified already.

    Args:
        subject: whom it names, as RFC 4514 writes it (``CN=desk-1,O=Firm``).
        sha256: the SHA-256 of the certificate, 64 hex digits.
    """

    subject: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Peer:
    """The far end of a stream, for logs, records and verdicts.

    Args:
        address: ``host:port``, or a name for an in-memory stream.
        tls: the TLS version and cipher, or ``off``.
        certificate: the certificate that it showed, None when it showed none.
    """

    address: str
    tls: str = "off"
    certificate: PeerCertificate | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """An inbound connection at its accept, before a byte of it is read.

    Args:
        host: the peer's address without its port.
        cut: ends the connection while its TLS handshake lasts; later the stream itself is closed.
    """

    host: str
    cut: Callable[[], object]


class Connector(Protocol):
    """Makes outbound streams."""

    async def connect(self, protocol_factory: Callable[[], asyncio.Protocol]) -> Peer:
        """Open a stream, check all there is to check about the peer, then attach a protocol of the factory.

        The protocol's ``connection_made`` runs only after certificate, host name and pins were found right.

        Raises:
            ConnectError: with the fault and the remedy; ``fatal`` when trying again unchanged can not help.
        """
        ...


class Listener(Protocol):
    """A bound socket that accepts inbound streams."""

    @property
    def port(self) -> int:
        """The port in use."""
        ...

    async def close(self) -> None:
        """Stop accepting; streams already accepted go on."""
        ...
