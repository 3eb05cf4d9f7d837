"""Lets the kernel find out that the far end of a silent connection is gone."""

from __future__ import annotations

import socket

_INTERVAL = 10  # seconds between probes
_PROBES = 3


def keep_alive(sock: socket.socket, idle: int) -> None:
    """Have the far end of a connection probed while it is silent, and the connection ended without an answer.

    Args:
        sock: a connected TCP socket.
        idle: seconds of silence before the first probe, 0 for never.

    Raises:
        OSError: the connection is gone already.
    """
    if not idle:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", idle),  # absent on macOS, where only the system's default can be had
        ("TCP_KEEPINTVL", _INTERVAL),
        ("TCP_KEEPCNT", _PROBES),
    ):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
