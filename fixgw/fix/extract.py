"""Finds FIX messages in anything: raw streams, log lines, text that somebody pasted.

The separator is guessed for each message from what stands behind BeginString(8): SOH, ``|``, ``^A``, a
written ``\\x01``, or any other short run of signs. What is found has SOH as separator and no secret in it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from fixgw.fix.framing import checksum
from fixgw.fix.redact import mask
from fixgw.fix.tags import SECRET_TAGS

PREFIX_SIZE = 256

_SOH = b"\x01"
_BEGIN = re.compile(rb"(?<![0-9])8=FIX")
_BEGIN_SIZE = 5
_HEADER = re.compile(
    rb"8=FIXT?\.[0-9]\.[0-9]"
    rb"(\x01|\\+x01|\\+u0001|\^A|<SOH>|\xe2\x90\x81|[^0-9A-Za-z=.\r\n]{1,4}?)"
    rb"(?=[0-9]{1,9}=)"
)
_HEADER_SIZE = 40  # BeginString, the longest separator and the next tag fit in it
_BODY_LENGTH = re.compile(rb"9=([0-9]{1,9})\x0135=")
_BREAK = re.compile(rb"\n|(?<![0-9])8=FIX")
_TRAILER_SIZE = 7
_CHECK_SUM = re.compile(rb"\x0110=([0-9]{1,3})\x01\Z")

_SECRETS = b"|".join(b"%d" % tag for tag in sorted(SECRET_TAGS))
_SECRET = re.compile(rb"((?<![0-9])0*(?:%b)=)([^*\x01][^\x01]*)" % _SECRETS)
_CUT = re.compile(rb"(?<![0-9])0*(?:%b)=(?=[^\x01\n]*\Z)|[0-9]{1,6}\Z" % _SECRETS)
_MASKED = re.compile(rb"\x01(?:%b)=\*+\x01" % _SECRETS)


class Found(NamedTuple):
    """A message, or what began like one.

    Args:
        frame: its bytes with SOH after each field, secrets masked.
        prefix: what stands before it on its line, at most the last 256 bytes, secrets masked.
        faults: what is wrong with it; empty when length and checksum are right.
        garbled: its fields can not be told apart; ``frame`` is what stood there.
    """

    frame: bytes
    prefix: bytes = b""
    faults: tuple[str, ...] = ()
    garbled: bool = False


class Extractor:
    """Takes in bytes in any pieces and gives the messages among them, in order; what is none is dropped.

    Memory is bounded by ``max_size`` and one piece.

    Args:
        max_size: the longest message, bytes; of a longer one the first part is given, as cut.
    """

    def __init__(self, max_size: int = 1 << 20) -> None:
        self._max_size = max_size
        self._held = b""
        self._cut = False  # the last message was, so what follows on its line is the rest of it

    def feed(self, data: bytes) -> list[Found]:
        """Take in bytes; return what is complete."""
        return self._take(self._held + data, final=False)

    def finish(self) -> list[Found]:
        """Return what is left: no more bytes follow."""
        return self._take(self._held, final=True)

    def _take(self, data: bytes, *, final: bool) -> list[Found]:
        found: list[Found] = []
        at, kept = 0, len(data)
        while begin := _BEGIN.search(data, at):
            start = begin.start()
            end = self._end(data, start, final)
            if end is None:
                kept = start
                break
            one = examine(data[start:end], self._prefix(data, at, start))
            found.append(one)
            self._cut = _CHECK_SUM.search(one.frame) is None and not _BREAK.match(data, end)
            at = end
        # The prefix of a message to come is kept, and the first bytes of its "8=FIX" with it.
        self._held = b"" if final else self._prefix(data, at, kept) + data[kept:]
        return found

    def _prefix(self, data: bytes, start: int, end: int) -> bytes:
        if self._cut and b"\n" not in data[start:end]:
            return data[end - _begun(data[start:end]) : end]
        self._cut = False
        return _line(data, start, end)

    def _end(self, data: bytes, start: int, final: bool) -> int | None:
        """Return where the message at ``start`` ends, or None to wait for more bytes."""
        final = final or len(data) - start >= self._max_size
        header = _HEADER.match(data, start)
        if header is None:
            return self._broken(data, start, final or len(data) - start >= _HEADER_SIZE)
        trailer = _trailer(header[1])
        awaited = False
        if header[1] == _SOH and (length := _BODY_LENGTH.match(data, header.end())):
            # Only a length leads over a trailer, a line feed or another start inside a data field.
            soh = length.end(1) + int(length[1])
            if (whole := trailer.match(data, soh)) and _complete(whole, data, final):
                return whole.end()
            awaited = soh - start < self._max_size and len(data) <= soh + _TRAILER_SIZE
        stop = self._stop(data, start)
        found = trailer.search(data, start, len(data) if stop is None else stop)
        if found and _complete(found, data, final) and (stop is not None or not awaited):
            return found.end()
        if awaited and not final:
            return None
        return self._broken(data, start, final)

    def _broken(self, data: bytes, start: int, final: bool) -> int | None:
        """Return where a message without a trailer is given up: at the end of its line or the next start."""
        stop = self._stop(data, start)
        if stop is None and final:
            end = min(len(data), start + self._max_size)
            return end - _begun(data[start + 1 : end])
        return stop

    def _stop(self, data: bytes, start: int) -> int | None:
        stop = _BREAK.search(data, start + _BEGIN_SIZE, start + self._max_size)
        return stop.start() if stop else None


def _complete(trailer: re.Match[bytes], data: bytes, final: bool) -> bool:
    """Tell whether no further byte could belong to this trailer."""
    return bool(trailer[1]) or trailer.end() < len(data) or final


def _begun(data: bytes) -> int:
    """Return how many bytes at the end may be the beginning of another message."""
    return next((size for size in range(_BEGIN_SIZE - 1, 0, -1) if data.endswith(b"8=FIX"[:size])), 0)


def _line(data: bytes, start: int, end: int) -> bytes:
    """Return what stands before ``end`` on its line, cut to a prefix, but nothing before ``start``.

    Where it is cut within a secret, or a tag that may be one, the tag stays, as nothing else hides the rest.
    """
    begin = max(start, end - PREFIX_SIZE)
    _, feed, line = data[begin:end].rpartition(b"\n")
    cut = None if feed else _CUT.search(data, start, begin)
    return cut[0] + line if cut else line


@lru_cache(maxsize=64)
def _trailer(separator: bytes) -> re.Pattern[bytes]:
    sign = re.escape(separator)
    return re.compile(rb"%b10=[0-9]{1,3}(?![0-9])(%b)?" % (sign, sign))


@lru_cache(maxsize=64)
def _separators(separator: bytes) -> re.Pattern[bytes]:
    """Match a separator where a field begins, or at the end: a value may hold the same signs."""
    return re.compile(re.escape(separator) + rb"(?=[0-9]{1,9}=|\Z)")


def hide(data: bytes) -> bytes:
    """Return bytes of unknown form with the values of secret fields overwritten, up to the next SOH."""
    return _SECRET.sub(lambda found: found[1] + b"*" * len(found[2]), mask(data))


def _shown(prefix: bytes) -> bytes:
    return hide(prefix)[-PREFIX_SIZE:]


def garbled(data: bytes, fault: str, prefix: bytes = b"") -> Found:
    """Return bytes that are no message, with the reason."""
    return Found(hide(data), _shown(prefix), (fault,), garbled=True)


def examine(text: bytes, prefix: bytes = b"") -> Found:
    """Return the message that begins with ``text``, with SOH as separator, checked.

    Args:
        text: from BeginString(8) to CheckSum(10), with any separator.
        prefix: what stands before it.
    """
    header = _HEADER.match(text)
    if header is None:
        return garbled(text.rstrip(b"\r"), "no field follows BeginString(8)", prefix)
    frame = text if header[1] == _SOH else _separators(header[1]).sub(_SOH, text)
    if not frame.endswith(_SOH):
        frame = frame.rstrip(b"\r") + _SOH
    return Found(hide(frame), _shown(prefix), tuple(_faults(frame)))


def _faults(frame: bytes) -> list[str]:
    """Say what is wrong with length and checksum; a frame that was masked before has lost its sum."""
    trailer = _CHECK_SUM.search(frame, max(len(frame) - 9, 0))
    if trailer is None:
        return ["cut: CheckSum(10) is missing"]
    faults = []
    end = trailer.start() + 1
    length = _BODY_LENGTH.match(frame, frame.find(_SOH) + 1)
    if length is None:
        faults.append("BodyLength(9) and MsgType(35) do not follow BeginString(8)")
    elif int(length[1]) != (counted := end - length.end(1) - 1):
        faults.append(f"BodyLength(9) is {int(length[1])}, counted {counted}")
    computed = checksum(frame[:end])
    if int(trailer[1]) != computed and not _MASKED.search(frame):
        faults.append(f"CheckSum(10) is {trailer[1].decode()}, computed {computed:03d}")
    return faults
