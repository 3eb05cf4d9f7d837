"""The helper that every room's tests write frames with."""

from __future__ import annotations

import pytest

from tests.fix.samples import KALSHI_FRAMES
from tests.wire import pipes, wire


@pytest.mark.parametrize("frame", KALSHI_FRAMES)
def test_lines_and_frames_are_the_same_thing(frame: bytes) -> None:
    assert wire(pipes(frame)) == frame


def test_what_the_line_gives_is_kept() -> None:
    assert wire("8=FIX.4.4|9=999|35=0|10=123|") == b"8=FIX.4.4\x019=999\x0135=0\x01" + b"10=123\x01"
    assert wire("35=0") == wire("8=FIXT.1.1|35=0|")
    assert wire("35=0|58=é").count("é".encode("latin-1")) == 1
