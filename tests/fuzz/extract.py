"""Any text, in any pieces, searched for messages: the same are found and shown, and no secret comes out."""

from __future__ import annotations

import re

from fixgw.fix.extract import PREFIX_SIZE, Extractor, Found
from fixgw.fix.framing import Framer
from fixgw.fix.pretty import Decoder
from tests.fix.samples import KALSHI_FRAMES
from tests.fix.test_validate import FIXT, SP2
from tests.fuzz import outside
from tests.fuzz.choices import Choices, expanded, pieces, sealed

SECRET = b"hush-hush"

_WORDS = (
    b"8=FIX", b"8=FIXT.1.1", b"8=FIX.4.4|", b"|", b"\x01", b"^A", b"\\x01", b"<SOH>", b"; ", b"9=", b"|35=D|",
    b"10=", b"10=000|", b"\x0110=123\x01", b"\n", b"\r\n", b"\x01554=" + SECRET + b"\x01",
    b"|925=" + SECRET + b"|", b"\x0195=9\x0196=" + SECRET + b"\x01", b"2026-10-09 14:30:00 ", b"453=1",
    b"448=a", b"447=D", b"452=1", b"34=2", b"\xfe\xff", b"35=0\x0134=2\x01", b"=" * 60, b"x" * 120,
)  # fmt: skip
_HEADER_MAX = 64  # what may be held before a message is known to begin, bytes

_SUM = re.compile(rb"\x0110=[0-9]{3}\x01\Z")  # fewer digits are read as well

TOKENS = _WORDS
_DECODER = Decoder(FIXT.merged(SP2))


def seeds() -> list[bytes]:
    """Return lines of the project's own, and of elsewhere."""
    frames = (*KALSHI_FRAMES, *outside.frames())
    return [
        *(b"\x00\x01\x05" + b"14:30 < " + frame.replace(b"\x01", b"|") + b"\n" for frame in frames),
        *(b"\x00\x00" + frame for frame in frames),
        b"\x01\x01\x03" + bytes(range(0x80, 0x80 + len(_WORDS))),
    ]


def run(data: bytes) -> None:
    """Search one text."""
    if SECRET in data:  # not as the value of a field
        return
    choices = Choices(data)
    size = choices.pick((1 << 20, 100))
    sizes = choices.take(choices.byte() % 6)
    text = sealed(expanded(choices.rest(), _WORDS))
    whole = _find([text], size)
    split = _find(pieces(text, sizes), size)
    if size > len(text):  # else it is cut where a piece ends
        assert _plain(whole) <= _plain(split), "the pieces decide what is found"
    for found in (*whole, *split):
        _check(found)


def _plain(found: list[Found]) -> set[bytes]:
    """Return the messages that can be read in one way only, whatever part of the text is there."""
    return {
        one.frame
        for one in found
        if not one.faults
        and one.frame.count(b"8=FIX") == one.frame.count(b"\x0110=") == 1
        and b"\n" not in one.frame
    }


def _find(parts: list[bytes], size: int) -> list[Found]:
    extractor = Extractor(size)
    found: list[Found] = []
    for part in parts:
        found += extractor.feed(part)
        assert len(extractor._held) <= size + PREFIX_SIZE + _HEADER_MAX
    return found + extractor.finish()


def _check(found: Found) -> None:
    assert SECRET not in found.frame
    assert SECRET not in found.prefix
    assert len(found.prefix) <= PREFIX_SIZE
    view = _DECODER.view(found)
    assert SECRET.decode() not in repr(view)
    assert view.faults or not found.faults
    if not found.faults and b"*" not in found.frame and _SUM.search(found.frame):
        assert Framer(max_frame_size=1 << 21).feed(found.frame) == [found.frame], "faultless, and no frame"
