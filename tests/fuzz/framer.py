"""Any stream into the framer: in whatever pieces, the same frames come out, and each of them checks."""

from __future__ import annotations

import re

from fixgw.fix.framing import Framer, Garbled, seal
from tests.fuzz import outside
from tests.fuzz.choices import MARK, Choices, pieces, sealed

TOKENS = (
    b"8=FIX", b"8=FIXT.1.1\x01", b"8=FIX.4.2\x01", b"9=", b"9=5\x01", b"9=999999999\x01", b"35=0\x01",
    b"\x0110=", b"10=000\x01", MARK, MARK + b"35=0\x01" + MARK, b"8=F", b"\x01", b"=",
)  # fmt: skip

_HEADER_MAX = 34  # what the framer may hold before it knows anything, bytes
_LAST = seal(b"FIXT.1.1", b"35=0\x0158=last\x01")
_WHOLE = re.compile(rb"8=FIX[^\x01=]{0,13}\x019=([0-9]{1,9})\x01(35=.*\x01)10=([0-9]{3})\x01", re.DOTALL)


def seeds() -> list[bytes]:
    """Return streams of the project's own, and of elsewhere."""
    frame = MARK + b"35=0\x0134=2\x01" + MARK
    wrong = seal(b"FIXT.1.1", b"35=0\x01")[:-4] + b"255\x01"
    return [
        b"\x00\x01\x00" + frame * 3,
        b"\x01\x02\x07\x03" + frame + b"garbage" + frame,
        b"\x02\x00" + wrong + frame,
        b"\x02\x01\x03" + b"8=FIXT.1.1\x019=3\x0135=0\x0110=000\x01" + frame,
        b"\x02\x01\x03" + b"8=FIXT.1.1\x019=9\x0135=0\x0110=000\x01" + frame,
        b"\x02\x00" + b"8=FIXT.1.1\x019=900000000\x0135=0\x01" + frame,
        b"\x02\x00" + b"8=FIX8=FIX8=FIX" * 5,
        *(b"\x02\x00" + frame for frame in outside.frames()),
    ]


def run(data: bytes) -> None:
    """Check one stream."""
    choices = Choices(data)
    limit = choices.pick((200, 64, 1024))
    sizes = choices.take(choices.byte() % 6)
    stream = sealed(choices.rest())
    whole = _feed([stream], limit)
    split = _feed(pieces(stream, sizes), limit)
    assert _spans(whole) == _spans(split), "what comes out depends on the pieces"
    _check_recovery(stream, limit)


def _feed(stream: list[bytes], limit: int) -> list[bytes | Garbled]:
    """Return what a framer makes of the pieces, up to a fatal fault; check what it holds meanwhile."""
    framer = Framer(max_frame_size=limit)
    found: list[bytes | Garbled] = []
    given = 0
    for piece in stream:
        given += len(piece)
        for item in framer.feed(piece):
            found.append(item)
            if isinstance(item, Garbled) and item.fatal:
                return found
        assert framer.pending <= max(limit, _HEADER_MAX)
        assert sum(_size(item) for item in found) + framer.pending == given, "bytes were lost or invented"
    return found


def _size(item: bytes | Garbled) -> int:
    return item.size if isinstance(item, Garbled) else len(item)


def _spans(found: list[bytes | Garbled]) -> list[tuple[int, bytes]]:
    """Return where the frames lie; what was skipped may be reported in more or fewer pieces."""
    spans: list[tuple[int, bytes]] = []
    at = 0
    for item in found:
        if isinstance(item, Garbled):
            assert item.size > 0
            assert len(item.excerpt) <= 64
        else:
            _check_frame(item)
            spans.append((at, item))
        at += _size(item)
    return spans


def _check_frame(frame: bytes) -> None:
    """Check a frame by the book, with none of the framer's own means."""
    match = _WHOLE.fullmatch(frame)
    assert match is not None, "no frame"
    assert int(match[1]) == len(match[2])
    assert int(match[3]) == sum(frame[: match.start(3) - len("10=")]) % 256


def _check_recovery(stream: bytes, limit: int) -> None:
    """Whatever came before, good frames over more than the longest frame are found again."""
    good = _LAST * (2 * limit // len(_LAST) + 2)
    found = _feed([stream, good], limit)
    if not any(isinstance(item, Garbled) and item.fatal for item in found):
        assert found[-1] == _LAST, "the stream was not found again"
