"""The counterparty that a script speaks for: it makes frames, right or wrong, and reads what comes back.

Nothing of fixgw is used to read or write here, so that a fault of the codec does not hide itself.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.conformance.script import Fields

HEADER = (34, 49, 52, 56)  # in this order behind MsgType(35), as most engines write them
PEER, SYSTEM = "PEER", "SYSTEM"  # CompIDs
_INSTANT = re.compile(r"@([+-]\d+(?:\.\d+)?s)?")
_FILLER = re.compile(r"%(\d+)")
_STAMP = re.compile(r"\d{8}-\d{2}:\d{2}:\d{2}(\.\d{3}|\.\d{6}|\.\d{9})?")
_WRONG_LENGTHS = {"length-short": -1, "length-long": 1}
_TOLERANCE = timedelta(milliseconds=20)  # a stamp is cut to its precision, and handing over takes loop time


class Mismatch(AssertionError):
    """What came is not what the script expects."""


def stamp(utc: datetime) -> str:
    """Return a UTCTimestamp with milliseconds."""
    return utc.strftime("%Y%m%d-%H:%M:%S.") + f"{utc.microsecond // 1000:03d}"


def instant(utc_ns: int) -> datetime:
    """Return nanoseconds since 1970 as a time, cut to microseconds."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=utc_ns // 1000)


def resolve(value: str, utc: datetime) -> str:
    """Return a value of a script: ``@-60s`` is the instant a minute before ``utc``, ``%300`` 300 letters."""
    filler = _FILLER.fullmatch(value)
    if filler is not None:
        return "x" * int(filler[1])
    match = _INSTANT.fullmatch(value)
    if match is None:
        return value
    return stamp(utc + timedelta(seconds=float(match[1][:-1]) if match[1] else 0.0))


def encode(pairs: Iterable[tuple[int, str]]) -> bytes:
    """Return fields as they stand on the wire; a value holds any byte as the character of that number."""
    return "".join(f"{tag}={value}\x01" for tag, value in pairs).encode("latin-1")


def seal(begin_string: str, body: bytes) -> bytes:
    """Return a frame with BeginString(8), BodyLength(9) and CheckSum(10) around a body."""
    frame = f"8={begin_string}\x019={len(body)}\x01".encode("latin-1") + body
    return frame + b"10=%03d\x01" % (sum(frame) % 256)


def garble(kind: str, frame: bytes) -> bytes:
    """Return a frame that is wrong in one way."""
    head, trailer = frame[:-7], frame[-7:]
    if kind == "checksum":
        return head + b"10=%03d\x01" % ((int(trailer[3:6]) + 1) % 256)
    if kind == "checksum-form":
        return head + b"10=%d\x01" % (int(trailer[3:6]) + 1000)
    if kind == "checksum-end":
        return frame[:-1]
    begin, length, rest = head.split(b"\x01", 2)
    if kind == "noise":
        return seal(begin[2:].decode("latin-1"), rest + b"!@#$%\x01")
    if kind in _WRONG_LENGTHS:
        length = b"9=%d" % (int(length[2:]) + _WRONG_LENGTHS[kind])
        head = b"\x01".join((begin, length, rest))
    else:  # MsgType(35) before BodyLength(9)
        msg_type, _, rest = rest.partition(b"\x01")
        head = b"\x01".join((begin, msg_type, length, rest))
    return head + b"10=%03d\x01" % (sum(head) % 256)


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of the system under test.

    Args:
        data: its bytes.
        pairs: its fields in wire order.
        came: when it arrived.
    """

    data: bytes
    pairs: tuple[tuple[int, str], ...]
    came: datetime

    def get(self, tag: int) -> str | None:
        """Return the first value of a tag."""
        return next((value for name, value in self.pairs if name == tag), None)

    def __str__(self) -> str:
        return "|".join(f"{tag}={value}" for tag, value in self.pairs)


def parse(data: bytes, came: datetime) -> tuple[Frame, bytes] | None:
    """Return the first frame and the bytes behind it, None while it is not whole.

    Raises:
        Mismatch: it is no FIX message, or BodyLength(9) or CheckSum(10) is wrong.
    """
    match = re.match(rb"8=[^\x01]+\x019=(\d+)\x01", data)
    if match is None:
        if re.fullmatch(rb"(8(=[^\x01]*(\x01(9(=\d*)?)?)?)?)?", data):
            return None
        raise Mismatch(f"no FIX message begins with {data[:40]!r}")
    end = match.end() + int(match[1])
    if len(data) < end + 7:
        return None
    frame, rest = data[: end + 7], data[end + 7 :]
    if frame[end:] != b"10=%03d\x01" % (sum(frame[:end]) % 256) or frame[end - 1] != 1:
        raise Mismatch(f"BodyLength(9) or CheckSum(10) is wrong: {frame!r}")
    fields = [field.partition("=") for field in frame.decode("latin-1")[:-1].split("\x01")]
    return Frame(frame, tuple((int(tag), value) for tag, _, value in fields), came), rest


class Connection:
    """The counterparty's end of one connection.

    Args:
        begin_string: BeginString(8), both ways.
        next_out: the MsgSeqNum(34) that the counterparty uses next.
        next_in: the MsgSeqNum(34) that it expects next.
    """

    def __init__(self, begin_string: str, next_out: int, next_in: int) -> None:
        self.begin_string = begin_string
        self.next_out = next_out
        self.next_in = next_in
        self.closed = False
        self._frames: deque[Frame] = deque()
        self._rest = b""

    def take(self, data: bytes, came: datetime) -> None:
        """Take in what the system sent."""
        self._rest += data
        while (found := parse(self._rest, came)) is not None:
            frame, self._rest = found
            self._frames.append(frame)

    def unread(self) -> list[str]:
        """Return what nobody expected so far."""
        return [str(frame) for frame in self._frames] + ([repr(self._rest)] if self._rest else [])

    # What it sends.

    def frame(self, msg_type: str, fields: Fields, now: datetime) -> bytes:
        """Return the next message of the counterparty; fields of the script come before what is filled in."""
        given = {tag: value for tag, value in fields if tag in (8, *HEADER)}
        header = {34: str(self.next_out), 49: PEER, 52: "@", 56: SYSTEM}
        merged = {tag: given.get(tag, value) for tag, value in header.items()}
        body = [(tag, value) for tag, value in fields if tag not in given]
        pairs = [*merged.items(), *body]
        made = [(tag, resolve(value, now)) for tag, value in pairs if value is not None]
        return seal(given.get(8) or self.begin_string, encode([(35, msg_type), *made]))

    def sent(self, fields: Fields) -> None:
        """Count a message that was sent; one that comes again, or a reset, moves the number otherwise."""
        values = dict(fields)
        number = values.get(34)
        if values.get(43) == "Y" or (34 in values and not (number or "").isdigit()):
            return
        used = int(number) if number else self.next_out
        self.next_out = used + 1 if values.get(141) == "Y" else max(self.next_out, used + 1)

    # What it expects.

    def expect(self, msg_type: str, fields: Fields) -> Frame:
        """Take the next message of the system, compare it and return it.

        Raises:
            Mismatch: none came, or it differs.
        """
        if not self._frames:
            raise Mismatch(f"{msg_type} did not come" + (f", but {self._rest!r}" if self._rest else ""))
        frame = self._frames.popleft()
        wanted: dict[int, str | None] = {
            8: self.begin_string,
            35: msg_type,
            49: SYSTEM,
            52: "@",
            56: PEER,
        }
        again = frame.get(43) == "Y"
        if not again:
            wanted[34] = str(self.next_in)
        given = dict(fields)
        for tag, value in (wanted | given).items():
            self._compare(frame, tag, value, [v for t, v in fields if t == tag])
        if not again:
            self.next_in = int(frame.get(34) or 0) + 1
        return frame

    @staticmethod
    def _compare(frame: Frame, tag: int, value: str | None, repeated: list[str | None]) -> None:
        found = [v for t, v in frame.pairs if t == tag]
        if value is None:
            if found:
                raise Mismatch(f"{tag} is there: {frame}")
            return
        if len(repeated) > 1:
            if found != repeated:
                raise Mismatch(f"{tag} is {found}, not {repeated}: {frame}")
            return
        if not found:
            raise Mismatch(f"{tag}={value} is not there: {frame}")
        if not _equal(found[0], value, frame.came):
            raise Mismatch(f"{tag}={found[0]}, not {resolve(value, frame.came)}: {frame}")


def _equal(found: str, wanted: str, came: datetime) -> bool:
    if wanted == "*":
        return True
    if wanted.startswith("~"):
        return re.fullmatch(wanted[1:], found) is not None
    if _INSTANT.fullmatch(wanted) is None:
        return found == wanted
    if _STAMP.fullmatch(found) is None:
        return False
    time = datetime.strptime(found[:17], "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
    time += timedelta(seconds=float(f"0{found[17:]}"))
    goal = datetime.strptime(resolve(wanted, came), "%Y%m%d-%H:%M:%S.%f").replace(tzinfo=UTC)
    return abs(time - goal) <= _TOLERANCE
