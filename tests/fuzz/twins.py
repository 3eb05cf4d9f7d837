"""Two live sessions, one of each role, over a path that cuts, loses, repeats and spoils, then works again.

Whatever the path did, each message then has arrived once, in order, and both sides agree on the numbers.
"""

from __future__ import annotations

from random import Random
from typing import Any

from tests.fuzz.choices import Choices
from tests.session.test_twins import check
from tests.session.twins import Twins

_OPTIONS: tuple[dict[str, Any], ...] = (
    {"resend_chunk": 2},
    {"next_expected": True},
    {"last_processed": True},
    {"waiting_messages": 2},
    {"waiting_bytes": 200},
    {"reject_garbled": True},
    {"slow": True},
)
_QUIET_SECONDS = 90.0  # three heartbeat intervals

TOKENS = (bytes(8), b"\xff" * 8, b"\x40" * 8)


class _Chance(Random):
    """Chance as the input has it; once that is used up, always the first of all options."""

    def __init__(self, choices: Choices) -> None:
        super().__init__(0)
        self._choices = choices

    def random(self) -> float:
        """Return a number from 0 to 1."""
        return self._choices.byte() / 256

    def getrandbits(self, k: int, /) -> int:
        """Return a number of ``k`` bits."""
        return int.from_bytes(self._choices.take((k + 7) // 8), "big") >> (-k % 8)


def seeds() -> list[bytes]:
    """Return some paths."""
    return [
        bytes([options]) + Random(seed).randbytes(160) for seed, options in enumerate((0, 1, 2, 8, 35, 83))
    ]


def run(data: bytes) -> None:
    """Take one path."""
    choices = Choices(data)
    bits = choices.byte()
    settings: dict[str, Any] = {}
    for bit, options in enumerate(_OPTIONS):
        settings |= options if bits & 1 << bit else {}
    twins = Twins(**settings)
    twins.random = _Chance(choices)
    twins.connect()
    while choices.left:
        twins.torment(1)
    twins.wait(_QUIET_SECONDS)
    check(twins)
