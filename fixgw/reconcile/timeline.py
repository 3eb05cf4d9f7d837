"""When a session was connected and what it lost, read off its tape as the records go by."""

from __future__ import annotations

import re

from fixgw.reconcile.model import Period, SessionTimeline
from fixgw.records import Flag, Kind, Record

LOGON = re.compile(rb"\x0135=A\x01")
UNHEARD = int(Flag.OUTBOUND | Flag.GARBLED | Flag.RECONCILED)
RESET_LOGON = re.compile(rb"\x01141=Y\x01")


class Timeline:
    """Takes the records of one tape in order.

    Args:
        name: the session's name.
        retransmission: what it misses, it asks for again; only a reset of its numbers loses something.
    """

    def __init__(self, name: str, *, retransmission: bool) -> None:
        self._name = name
        self._retransmission = retransmission
        self._connected: list[Period] = []
        self._lost: list[Period] = []
        self._up_since: int | None = None
        self._heard_ns: int | None = (
            None  # the last frame that the peer sent in an earlier or this connection
        )
        self._next_in = 1

    def take(self, record: Record) -> None:
        """Take in one record."""
        if record.kind in (Kind.CONNECT, Kind.DROP):
            self._down()
        elif record.kind == Kind.FRAME and not record.flags & UNHEARD:
            self._inbound(record)

    def result(self) -> SessionTimeline:
        """Return what is known so far."""
        connected = list(self._connected)
        if self._up_since is not None and self._heard_ns is not None:
            connected.append(Period(self._up_since, self._heard_ns))
        return SessionTimeline(self._name, tuple(connected), tuple(self._lost), self._retransmission)

    def _inbound(self, record: Record) -> None:
        if self._up_since is None:
            self._up(record)
        elif not self._retransmission and record.msg_seq_num > self._next_in:
            self._lose(record.utc_ns)
        self._next_in = max(record.next_in, 1)
        self._heard_ns = record.utc_ns

    def _up(self, record: Record) -> None:
        """The first frame of a connection; what was sent before it is gone unless it is asked for."""
        self._up_since = record.utc_ns
        anew = (
            LOGON.search(record.payload[:64]) is not None and RESET_LOGON.search(record.payload) is not None
        )
        if anew or not self._retransmission:
            self._lose(record.utc_ns)

    def _lose(self, until_ns: int) -> None:
        if self._heard_ns is not None and self._heard_ns < until_ns:
            self._lost.append(Period(self._heard_ns, until_ns))

    def _down(self) -> None:
        if self._up_since is not None and self._heard_ns is not None:
            self._connected.append(Period(self._up_since, self._heard_ns))
        self._up_since = None
