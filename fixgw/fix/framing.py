"""A stream of bytes into checked FIX frames.

A frame is ``8=FIX...|9=length|35=...|10=sum|``. What does not hold is skipped and reported, never raised: FIX
wants a garbled message to be ignored, and the gap in MsgSeqNum brings it again (FIX session layer, test case
2d).
"""

from __future__ import annotations

import re
from typing import NamedTuple
from zlib import adler32

from fixgw.fix.redact import mask

EXCERPT_SIZE = 64

_START = b"8=FIX"
_BEGIN_MAX = (
    19  # "8=", at most 16 characters, SOH: a window keeps the search for SOH from running over the buffer
)
_LENGTH_MAX = 10  # nine digits and SOH
_HEADER_MAX = _BEGIN_MAX + len("9=") + _LENGTH_MAX + len("35=")
_HEADER = re.compile(rb"8=FIX[^\x01=]{0,13}\x019=([0-9]{1,9})\x0135=")
_TRAILER = re.compile(rb"\x0110=[^\x01]{0,8}\x01")
_TRAILER_SIZE = 7  # "10=ddd" and SOH
_LONGEST_TRAILER = 13  # what _TRAILER can match

# The checksum of a whole frame, by its trailer: one look-up checks "10=", three digits and SOH, and no slice
# of the frame has to be copied to leave the trailer out of the sum.
_WHOLE_SUMS = {
    trailer: (value + sum(trailer)) & 255 for value in range(256) for trailer in [b"10=%03d\x01" % value]
}


class Garbled(NamedTuple):
    """Bytes that were skipped.

    Args:
        reason: which check failed.
        excerpt: the first bytes, at most 64, secrets masked.
        size: how many bytes were skipped.
        fatal: the frame would have been too long; the connection is of no more use.
    """

    reason: str
    excerpt: bytes
    size: int
    fatal: bool = False


def checksum(data: bytes) -> int:
    """Return the sum of all bytes modulo 256, the CheckSum(10) of ``data``."""
    # adler32 holds 1 + sum modulo 65521 in its low half, so it is exact as long as the sum is below 65520:
    # 256 bytes of any value, 515 of ASCII. Measured 9 times faster than sum().
    step = 512 if data.isascii() else 256
    if len(data) <= step:
        return (adler32(data) - 1) & 255
    return sum((adler32(data[at : at + step]) & 0xFFFF) - 1 for at in range(0, len(data), step)) & 255


def seal(begin_string: bytes, text: bytes) -> bytes:
    """Return a frame: BeginString(8) and BodyLength(9) before ``text``, CheckSum(10) after it.

    Args:
        begin_string: BeginString(8), such as ``b"FIXT.1.1"``.
        text: all fields from 35 on, each ended by SOH.
    """
    frame = b"8=%b\x019=%d\x01%b" % (begin_string, len(text), text)
    return b"%b10=%03d\x01" % (frame, checksum(frame))


class Framer:
    """Cuts a stream into frames, whatever pieces it comes in.

    Memory is bounded by ``max_frame_size`` and one read; cost is linear: an unfinished frame is not looked at
    again before the bytes are there that it waits for.

    Args:
        max_frame_size: the longest frame accepted, bytes.
        check_checksum: compare CheckSum(10); its form is checked either way.
    """

    __slots__ = ("_check_checksum", "_held", "_max_frame_size", "_needed", "_prefix", "_searched")

    def __init__(self, *, max_frame_size: int = 65_536, check_checksum: bool = True) -> None:
        self._max_frame_size = max_frame_size
        self._check_checksum = check_checksum
        self._held = bytearray()
        self._prefix = b"8=FIXT.1.1\x019="  # how the last frame began: one comparison instead of a search
        self._needed = 0  # size of _held below which nothing new can be said
        self._searched = 0  # how far into _held the trailer of a garbled frame was looked for in vain

    @property
    def pending(self) -> int:
        """Bytes held of an unfinished frame."""
        return len(self._held)

    def feed(self, data: bytes) -> list[bytes | Garbled]:
        """Take in bytes; return what is complete, in order.

        Returns:
            Frames that passed every check, and ``Garbled`` for what was skipped between them. A long run of
            garbage is reported in the pieces in which it came.
        """
        held = self._held
        buffer: bytes | bytearray = data
        if held:
            held += data
            if len(held) < self._needed:
                return []
            buffer = held
        found: list[bytes | Garbled] = []
        start, size = 0, len(buffer)
        while start < size:
            frame = self._intact(buffer, start, size)
            if frame is None and self._learn_prefix(buffer, start):
                frame = self._intact(buffer, start, size)
            if frame is not None:
                found.append(frame)
                start += len(frame)
                continue
            garbled = self._fault(buffer, start, size)
            if garbled is None:
                break
            found.append(garbled)
            start += garbled.size
            self._searched = 0
        if buffer is held:
            del held[:start]
        elif start < size:
            held += data[start:]
        return found

    def _intact(self, buffer: bytes | bytearray, start: int, size: int) -> bytes | None:
        """Return the frame at ``start`` if it is whole, checks, and begins as the ones before it."""
        prefix = self._prefix
        length_at = start + len(prefix)
        soh = buffer.find(b"\x01", length_at, length_at + _LENGTH_MAX)
        digits = buffer[length_at:soh]
        if (
            soh < 0
            or not digits.isdigit()
            or not buffer.startswith(prefix, start)
            or not buffer.startswith(b"35=", soh + 1)
        ):
            return None
        end = soh + int(digits) + 1 + _TRAILER_SIZE
        if end > size or end - start > self._max_frame_size:
            return None
        frame = bytes(buffer[start:end])
        whole = _WHOLE_SUMS.get(frame[-_TRAILER_SIZE:])
        if whole is None or frame[-_TRAILER_SIZE - 1] != 1:
            return None
        return None if self._check_checksum and checksum(frame) != whole else frame

    def _learn_prefix(self, buffer: bytes | bytearray, start: int) -> bool:
        """Take the BeginString(8) at ``start`` for the usual one; false if it is that, or there is none."""
        header = _HEADER.match(buffer, start)
        if header is None or header[0].startswith(self._prefix):
            return False
        self._prefix = bytes(buffer[start : header.start(1)])
        return True

    def _fault(self, buffer: bytes | bytearray, start: int, size: int) -> Garbled | None:
        """Say what is wrong at ``start``, or None to wait for more bytes."""
        header = _HEADER.match(buffer, start)
        if header is None:
            return self._header_fault(buffer, start, size)
        soh = header.end(1) + int(header[1])  # where the SOH before the trailer has to be
        if soh + 1 + _TRAILER_SIZE - start > self._max_frame_size:
            reason = f"BodyLength(9) makes a frame longer than {self._max_frame_size} bytes"
            return self._up_to_next_start(buffer, start, size, reason, fatal=True)
        if size < soh + 1 + _TRAILER_SIZE:
            self._needed = soh + 1 + _TRAILER_SIZE - start
            return None
        return self._trailer_fault(buffer, start, size, soh)

    def _header_fault(self, buffer: bytes | bytearray, start: int, size: int) -> Garbled | None:
        if buffer.startswith(_START, start):
            if size - start < _HEADER_MAX:
                self._needed = size - start + 1
                return None
            reason = "BeginString(8), BodyLength(9) and MsgType(35) do not come first, in this order"
            return self._up_to_next_start(buffer, start, size, reason)
        if _START.startswith(bytes(buffer[start : start + len(_START)])):
            self._needed = len(_START)
            return None
        return self._up_to_next_start(buffer, start, size, "no BeginString(8) at the start")

    def _trailer_fault(self, buffer: bytes | bytearray, start: int, size: int, soh: int) -> Garbled | None:
        # The garbled frame ends with the first trailer at or after the place where BodyLength points: a
        # length that is too short costs one message, one that is too long also the next (FIX acceptance test
        # 2m).
        limit = start + self._max_frame_size
        trailer = _TRAILER.search(buffer, max(soh, start + self._searched), limit)
        if trailer is None:
            if size < limit:
                self._needed = size - start + 1
                self._searched = size - start - _LONGEST_TRAILER
                return None
            return _garbled(buffer, start, limit, "no CheckSum(10) follows")
        if trailer.start() != soh:
            reason = "BodyLength(9) does not lead to CheckSum(10)"
        elif bytes(buffer[soh + 1 : trailer.end()]) not in _WHOLE_SUMS:
            reason = "CheckSum(10) is not three digits from 000 to 255"
        else:
            reason = "CheckSum(10) is wrong"
        return _garbled(buffer, start, trailer.end(), reason)

    def _up_to_next_start(
        self, buffer: bytes | bytearray, start: int, size: int, reason: str, *, fatal: bool = False
    ) -> Garbled:
        end = buffer.find(_START, start + 1)
        while 0 <= end <= size - _HEADER_MAX and not _HEADER.match(
            buffer, end
        ):  # one report for a run of them
            end = buffer.find(_START, end + 1)
        if end < 0:  # the last bytes may be the beginning of a start
            kept = next(
                (n for n in range(len(_START) - 1, 0, -1) if buffer.endswith(_START[:n], start + 1)), 0
            )
            end = size - kept
        return _garbled(buffer, start, end, reason, fatal=fatal)


def _garbled(buffer: bytes | bytearray, start: int, end: int, reason: str, *, fatal: bool = False) -> Garbled:
    excerpt = mask(bytes(buffer[start : min(end, start + EXCERPT_SIZE)]))
    return Garbled(reason, excerpt, end - start, fatal)
