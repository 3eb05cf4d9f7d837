"""A stream on which faults happen, in both directions, frame by frame and in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any, Protocol

from fixgw.fix.framing import Framer, Garbled
from fixgw.sim.faults import Direction, Fault, SessionFaults

_TRAILER = b"\x0110="


class Victim(Protocol):
    """The venue's end of the session that suffers."""

    def happened(self, fault: Fault, direction: Direction, frame: bytes) -> None:
        """Write down what happened to a frame."""
        ...

    def skip_number(self) -> None:
        """Leave the next of the venue's numbers out."""
        ...

    def cut(self) -> bool:
        """Reset the connection."""
        ...


class Lane:
    """One direction of one connection.

    Args:
        faults: what happens to which frame.
        direction: where the frames go.
        deliver: takes what passes.
        victim: the session.
    """

    def __init__(
        self, faults: SessionFaults, direction: Direction, deliver: Callable[[bytes], None], victim: Victim
    ) -> None:
        self._faults = faults
        self._direction = direction
        self._deliver = deliver
        self._victim = victim
        self._framer = Framer()
        self._raw = bytearray()
        self._waiting: deque[tuple[float, bytes]] = deque()  # each with the loop's second at which it passes
        self._opens = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._emptied: Callable[[], None] | None = None
        self._closed = False

    @property
    def silent(self) -> bool:
        """True when nothing passes on this connection any more."""
        return self._opens == inf

    def feed(self, data: bytes) -> None:
        """Take in bytes; whole frames pass, unless something happens to them."""
        if self._faults.idle and not self._waiting and not self._raw:
            self._deliver(data)
            return
        self._raw += data
        for piece in self._framer.feed(data):
            size = piece.size if isinstance(piece, Garbled) else len(piece)
            raw = bytes(self._raw[:size])
            del self._raw[:size]
            if not self._closed:
                self._meet(raw, whole=not isinstance(piece, Garbled))

    def close(self) -> None:
        """The connection is gone, and what waited with it."""
        self._closed = True
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def when_empty(self, callback: Callable[[], None]) -> None:
        """Call back once nothing waits: now, later, or never when it is silent."""
        if self._waiting:
            self._emptied = callback
        elif not self.silent:
            callback()

    def _meet(self, raw: bytes, *, whole: bool) -> None:
        frames, skips = [raw], 0
        for rule in self._faults.happen_to(raw, self._direction) if whole else ():
            self._victim.happened(rule.fault, self._direction, raw)
            if rule.fault is Fault.DISCONNECT:
                self.close()
                self._victim.cut()
                return
            if rule.fault is Fault.GAP:
                skips += 1
            elif rule.fault is Fault.REJECT:
                self._faults.refuse(raw, rule)
            elif rule.fault in (Fault.DELAY, Fault.SILENCE):
                self._hold(inf if rule.lasts is None else rule.lasts)
            else:
                frames = _changed(rule.fault, frames)
        for frame in frames:
            self._pass(frame)
        for _ in range(skips):
            self._victim.skip_number()

    def _hold(self, seconds: float) -> None:
        self._opens = max(self._opens, asyncio.get_running_loop().time() + seconds)

    def _pass(self, frame: bytes) -> None:
        if not self._waiting and self._opens <= asyncio.get_running_loop().time():
            self._deliver(frame)
            return
        self._waiting.append((self._opens, frame))
        self._arm()

    def _arm(self) -> None:
        """Set the timer for what waits first."""
        if self._timer is None and self._waiting and self._waiting[0][0] < inf:
            self._timer = asyncio.get_running_loop().call_at(self._waiting[0][0], self._release)

    def _release(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0][0] <= now:
            self._deliver(self._waiting.popleft()[1])
        self._arm()
        if self._emptied is not None and not self._waiting:
            self._emptied()


class FaultyStream(asyncio.Transport):
    """A stream that writes through a lane.

    Args:
        stream: the real one.
        lane: what is written goes in there.
    """

    def __init__(self, stream: asyncio.Transport, lane: Lane) -> None:
        super().__init__()
        self._stream = stream
        self._lane = lane

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send what faults leave of it."""
        self._lane.feed(bytes(data))

    def close(self) -> None:
        """Close once all has passed that is to pass; behind a silence the stream stays open."""
        self._lane.when_empty(self._stream.close)

    def abort(self) -> None:
        """Close now."""
        self._stream.abort()

    def is_closing(self) -> bool:
        """As the real stream."""
        return self._stream.is_closing()

    def is_reading(self) -> bool:
        """As the real stream."""
        return self._stream.is_reading()

    def pause_reading(self) -> None:
        """As the real stream."""
        self._stream.pause_reading()

    def resume_reading(self) -> None:
        """As the real stream."""
        self._stream.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As the real stream."""
        return self._stream.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """As the real stream."""
        self._stream.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """As the real stream."""
        return self._stream.get_protocol()


def _changed(fault: Fault, frames: list[bytes]) -> list[bytes]:
    if fault is Fault.DROP:
        return []
    if fault is Fault.DUPLICATE:
        return frames * 2
    return [_garbled(frame) for frame in frames] if fault is Fault.GARBLE else frames


def _garbled(frame: bytes) -> bytes:
    """Change the last byte before the trailer, so that the checksum is off by one."""
    at = frame.rindex(_TRAILER) - 1
    return frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]
