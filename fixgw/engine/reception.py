"""Receives inbound streams: nothing is known of a peer until its first Logon, and little is spent on it."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, cast

from fixgw.engine.acceptor_settings import AcceptorLimits
from fixgw.engine.link import Link
from fixgw.engine.seldom import SeldomLog
from fixgw.errors import Reject
from fixgw.fix.framing import Framer
from fixgw.fix.message import Message
from fixgw.session.verdict import Verdict
from fixgw.transport.address import peer_of
from fixgw.transport.base import Accepted, Peer

log = logging.getLogger("fixgw.acceptor")

LOGON = "A"
_NETWORK_BITS = 64  # of an IPv6 address: what one customer of a provider has to himself
_DEFAULT = AcceptorLimits()


@dataclass(frozen=True, slots=True)
class Admission:
    """What becomes of a stream whose Logon was judged.

    Args:
        link: the session's link, which takes the stream and the Logon unless another stream has it.
        verdict: on the credentials; the session carries it out once the Logon has passed its own checks.
    """

    link: Link
    verdict: Verdict


Judgement: TypeAlias = Admission | None
Judge: TypeAlias = Callable[[Message, Peer], Judgement | Awaitable[Judgement]]


class Reception:
    """Holds inbound streams until their Logon is complete and judged.

    Args:
        judge: finds the session of a Logon and judges the credentials, or returns None to close without a
            word; may be awaited. The session's link learns of the stream only then.
        limits: what strangers may cost.

    Attributes:
        turned_away: how many connections were closed at the accept because too many waited.
    """

    def __init__(self, judge: Judge, limits: AcceptorLimits = _DEFAULT) -> None:
        self.judge = judge
        self.limits = limits
        self.turned_away = 0
        self._waiting: set[_Stranger] = set()
        self._origins: Counter[str] = Counter()
        self._seldom = SeldomLog(log)
        self._closed = False

    @property
    def pending(self) -> int:
        """How many connections are without a Logon."""
        return len(self._waiting)

    def accept(self, accepted: Accepted) -> asyncio.Protocol | None:
        """Return the protocol for a connection at its accept, None when too many wait already."""
        stranger = _Stranger(self)
        return stranger if stranger.enter(_origin(accepted.host), accepted.cut) else None

    def protocol(self) -> asyncio.Protocol:
        """Return the protocol for a stream whose accept nobody saw; it is counted once it is there."""
        return _Stranger(self)

    def close(self) -> None:
        """Close every stream that has not logged on, and let no other wait."""
        self._closed = True
        for stranger in list(self._waiting):
            stranger.close()

    def arrived(self, stranger: _Stranger, origin: str) -> bool:
        """Let a stranger wait, unless too many do."""
        limits = self.limits
        if self._closed:
            return False
        if self.pending >= limits.max_pending or self._origins[origin] >= limits.max_pending_per_address:
            self.turned_away += 1
            self._seldom.warning("too many connections without a Logon: this one is closed", peer=origin)
            return False
        self._waiting.add(stranger)
        self._origins[origin] += 1
        return True

    def tell(self, what: str, origin: str, **detail: object) -> None:
        """Tell the log that a stranger was let go, and why."""
        self._seldom.warning(what, peer=origin, **detail)

    def left(self, stranger: _Stranger, origin: str) -> None:
        """A stranger has logged on or gone."""
        if stranger in self._waiting:
            self._waiting.remove(stranger)
            self._origins[origin] -= 1
            if not self._origins[origin]:
                del self._origins[origin]


class _Stranger(asyncio.Protocol):
    """A stream that has not told who it is."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._framer = Framer(max_frame_size=reception.limits.max_logon_size)
        self._data = bytearray()
        self._origin = ""
        self._cut: Callable[[], object] | None = None
        self._stream: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._verdict: asyncio.Task[None] | None = None
        self._closed = False

    def enter(self, origin: str, cut: Callable[[], object]) -> bool:
        """Begin to wait; False when there is no room."""
        if not self._reception.arrived(self, origin):
            return False
        self._origin, self._cut = origin, cut
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._reception.limits.logon_timeout, self._late)
        return True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = self._stream = cast(asyncio.Transport, transport)
        if self._closed or (self._cut is None and not self.enter(_origin(_host_of(stream)), stream.abort)):
            stream.abort()

    def data_received(self, data: bytes) -> None:
        if self._stream is None or self._stream.is_closing():
            return
        self._data += data
        frames = self._framer.feed(data) if self._verdict is None else []
        if frames:  # or garbage: the framer holds no more than the longest Logon
            self._first(frames[0])

    def connection_lost(self, exc: Exception | None) -> None:
        if self._stream is None and exc is not None:  # never made
            self._reception.tell("a TLS handshake failed", self._origin, why=str(exc))
        self._forget()

    def close(self) -> None:
        """End the connection without a word: its peer has no identity yet."""
        self._closed = True
        self._forget()
        if self._stream is not None:
            self._stream.abort()
        elif self._cut is not None:
            self._cut()

    def _late(self) -> None:
        seconds = self._reception.limits.logon_timeout
        self._reception.tell("a connection without a Logon was closed", self._origin, seconds=seconds)
        self.close()

    def _first(self, frame: object) -> None:
        """Only a well-formed Logon gets an answer."""
        logon = _logon(frame)
        stream = self._stream
        assert stream is not None
        if logon is None:
            self._reception.tell("a first message that is no Logon: closed", self._origin)
            self.close()
            return
        try:
            answer = self._reception.judge(logon, peer_of(stream))
        except Exception as error:
            answer = self._unjudged(error)
        if isinstance(answer, Awaitable):
            stream.pause_reading()  # whatever a hasty peer sends behind its Logon can wait at its end
            self._verdict = asyncio.ensure_future(self._wait(answer, stream))
        else:
            self._admit(answer, stream)

    async def _wait(self, verdict: Awaitable[Judgement], stream: asyncio.Transport) -> None:
        try:
            answer = await verdict
        except Exception as error:
            answer = self._unjudged(error)
        self._verdict = None
        if not self._closed:
            stream.resume_reading()
            self._admit(answer, stream)

    def _unjudged(self, error: Exception) -> Judgement:
        """Whoever was to judge the Logon could not: close without a word."""
        log.error("a Logon could not be judged", exc_info=error, extra={"peer": self._origin})
        return None

    def _admit(self, admission: Judgement, stream: asyncio.Transport) -> None:
        """Hand the stream to its session's link, with every byte read so far."""
        if admission is None or stream.is_closing() or not admission.link.vacate():
            self.close()
            return
        self._forget()
        link = admission.link
        link.judge = lambda _: link.admit(admission.verdict)
        stream.set_protocol(link)
        link.connection_made(stream)
        link.data_received(bytes(self._data))

    def _forget(self) -> None:
        self._reception.left(self, self._origin)
        if self._deadline is not None:
            self._deadline.cancel()
        if self._verdict is not None:
            self._verdict.cancel()


def _logon(frame: object) -> Message | None:
    if not isinstance(frame, bytes):
        return None
    try:
        message = Message.decode(frame)
    except Reject:
        return None
    return message if message.msg_type == LOGON else None


def _host_of(stream: asyncio.Transport) -> str:
    name = stream.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) else str(name)


def _origin(host: str) -> str:
    """Return what counts as one origin: an IPv4 address, or the network of an IPv6 address."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))
