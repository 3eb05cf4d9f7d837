"""Takes inbound streams: nothing is known of a peer until its first Logon, which a small reader waits for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, cast

from fixgw.engine.link import Link
from fixgw.errors import Reject
from fixgw.fix.framing import Framer
from fixgw.fix.message import Message
from fixgw.session.state import Phase
from fixgw.session.verdict import Refuse, Verdict
from fixgw.transport.base import Peer
from fixgw.transport.tcp import peer_of

log = logging.getLogger("fixgw.acceptor")

LOGON = "A"


@dataclass(frozen=True, slots=True)
class Admission:
    """What an acceptor does with a stream whose Logon it has seen.

    Args:
        link: the session's link, which takes the stream and the Logon; it must not be connected.
        verdict: judges the credentials; may be awaited. Nothing of the session changes before it accepts.
    """

    link: Link
    verdict: Callable[[Message], Verdict | Awaitable[Verdict]]


Reception: TypeAlias = Callable[[Message, Peer], Admission | None]


class Acceptor:
    """Makes a protocol for each inbound stream; hand ``protocol`` to a listener.

    Args:
        reception: finds the session of a Logon, or returns None to close without a word.
        logon_timeout: seconds from accept to a complete Logon.
        max_logon_size: the longest first frame, bytes.
        max_pending: streams that may wait for their Logon at once; the surplus is closed at accept.
    """

    def __init__(
        self,
        reception: Reception,
        *,
        logon_timeout: float = 10.0,
        max_logon_size: int = 8_192,
        max_pending: int = 256,
    ) -> None:
        self._reception = reception
        self._logon_timeout = logon_timeout
        self._max_logon_size = max_logon_size
        self._max_pending = max_pending
        self._pending: set[_Stranger] = set()
        self._verdicts: set[asyncio.Task[None]] = set()

    @property
    def pending(self) -> int:
        """How many streams wait for their Logon."""
        return len(self._pending)

    def protocol(self) -> asyncio.Protocol:
        """Return the protocol for one inbound stream."""
        return _Stranger(self)

    def close(self) -> None:
        """Close every stream that has not logged on."""
        for stranger in list(self._pending):
            stranger.close()

    def arrived(self, stranger: _Stranger) -> bool:
        """Let a stream wait, unless too many do."""
        if len(self._pending) >= self._max_pending:
            log.warning("too many streams wait for their Logon", extra={"limit": self._max_pending})
            return False
        self._pending.add(stranger)
        return True

    def left(self, stranger: _Stranger) -> None:
        """A stream has logged on or gone."""
        self._pending.discard(stranger)

    def admit(self, logon: Message, peer: Peer, stream: asyncio.Transport, data: bytes) -> bool:
        """Hand a stream to its session's link, with every byte read so far; False to close it."""
        try:
            admission = self._reception(logon, peer)
        except Exception as error:
            log.error("reception failed", exc_info=error, extra={"peer": peer.address})
            return False
        if admission is None or admission.link.connected:
            return False
        link = admission.link
        link.judge = lambda message: self._judge(link, admission, message)
        stream.set_protocol(link)
        link.connection_made(stream)
        link.data_received(data)
        return True

    def _judge(self, link: Link, admission: Admission, logon: Message) -> None:
        try:
            verdict = admission.verdict(logon)
        except Exception as error:
            verdict = _unjudged(link, error)
        if isinstance(verdict, Awaitable):
            task = asyncio.ensure_future(self._judge_later(link, link.connections, verdict))
            self._verdicts.add(task)
            task.add_done_callback(self._verdicts.discard)
        else:
            link.admit(verdict)

    async def _judge_later(self, link: Link, connection: int, verdict: Awaitable[Verdict]) -> None:
        try:
            answer = await verdict
        except Exception as error:
            answer = _unjudged(link, error)
        if link.connections == connection and link.session.phase is Phase.LOGON_PENDING:
            link.admit(answer)  # else its peer has gone, and another one may wait in its place


def _unjudged(link: Link, error: Exception) -> Verdict:
    """Refuse without a word: whoever was to judge the credentials could not."""
    log.error("credentials could not be judged", exc_info=error, extra={"session": link.name})
    return Refuse.silently()


class _Stranger(asyncio.Protocol):
    """A stream that has not told who it is."""

    def __init__(self, acceptor: Acceptor) -> None:
        self._acceptor = acceptor
        self._framer = Framer(max_frame_size=acceptor._max_logon_size)
        self._data = bytearray()
        self._stream: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._stream = cast(asyncio.Transport, transport)
        if not self._acceptor.arrived(self):
            self._stream.abort()
            return
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._acceptor._logon_timeout, self.close)

    def data_received(self, data: bytes) -> None:
        if self._stream is None or self._stream.is_closing():
            return
        self._data += data
        frames = self._framer.feed(data)
        if frames:  # or garbage: the framer holds no more than the longest Logon
            self._first(frames[0])

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()

    def close(self) -> None:
        """End the stream without a word: its peer has no identity yet."""
        self._forget()
        if self._stream is not None:
            self._stream.abort()

    def _first(self, frame: object) -> None:
        """Only a well-formed Logon gets an answer."""
        logon = self._logon(frame)
        stream = self._stream
        assert stream is not None
        if logon is None:
            self.close()
            return
        self._forget()
        if not self._acceptor.admit(logon, peer_of(stream), stream, bytes(self._data)):
            stream.abort()

    @staticmethod
    def _logon(frame: object) -> Message | None:
        if not isinstance(frame, bytes):
            return None
        try:
            message = Message.decode(frame)
        except Reject:
            return None
        return message if message.msg_type == LOGON else None

    def _forget(self) -> None:
        self._acceptor.left(self)
        if self._deadline is not None:
            self._deadline.cancel()
