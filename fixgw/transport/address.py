"""Addresses: how they are written, which are of this machine, and who is at the far end of a stream."""

from __future__ import annotations

import asyncio
import ipaddress

from fixgw.errors import ConfigError
from fixgw.transport.base import Peer
from fixgw.transport.tls import peer_certificate


def endpoint(host: str, port: int) -> str:
    """Return ``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def peer_of(transport: asyncio.BaseTransport) -> Peer:
    """Return the far end of a stream: its address, and its certificate when it showed one."""
    name = transport.get_extra_info("peername")
    address = endpoint(name[0], name[1]) if isinstance(name, tuple) else str(name)
    secured = transport.get_extra_info("ssl_object")
    if secured is None:
        return Peer(address)
    return Peer(address, f"{secured.version()} {secured.cipher()[0]}", peer_certificate(secured))


def refuse_plain_remote(host: str, allowed: bool) -> None:
    """Keep plain TCP on this machine, unless that was allowed.

    Raises:
        ConfigError: ``host`` is not of this machine.
    """
    if not (allowed or _is_loopback(host)):
        raise ConfigError(
            f"plain TCP with {host or 'every address'} would carry orders unencrypted",
            remedy="switch tls on, or set allow_plain_remote: true if the network itself is private",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
