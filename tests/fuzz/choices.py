"""Bytes as a run of decisions, so that whoever makes bytes - a fuzzer, Hypothesis, a corpus - decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from fixgw.fix.framing import seal

T = TypeVar("T")

MARK = b"\xfe\xff"
"""Bytes between two marks become the text of a well-formed frame: no fuzzer has to guess a checksum."""


class Choices:
    """Reads decisions off ``data``; once that is used up, every decision is the first one.

    Args:
        data: what decides.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes are not used yet."""
        return max(len(self._data) - self._at, 0)

    def byte(self) -> int:
        """Return the next byte, 0 at the end."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def flag(self) -> bool:
        """Return one decision of two."""
        return bool(self.byte() & 1)

    def pick(self, options: Sequence[T]) -> T:
        """Return one of at most 256 options."""
        return options[self.byte() % len(options)]

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer at the end."""
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken

    def rest(self) -> bytes:
        """Return everything that is left."""
        return self.take(self.left)


def sealed(data: bytes, begin_string: bytes = b"FIXT.1.1") -> bytes:
    """Return ``data`` with each stretch between two marks made a frame."""
    parts = data.split(MARK)
    return b"".join(seal(begin_string, part) if at % 2 else part for at, part in enumerate(parts))


def expanded(data: bytes, words: Sequence[bytes]) -> bytes:
    """Return ``data`` with each byte from 0x80 on made one of at most 128 words."""
    return b"".join(
        words[(byte - 0x80) % len(words)] if byte >= 0x80 else data[at : at + 1]
        for at, byte in enumerate(data)
    )


def compacted(data: bytes, words: Sequence[bytes]) -> bytes:
    """Return what ``expanded`` makes ``data`` of; there is no byte from 0x80 on in that."""
    for word, at in sorted(((word, at) for at, word in enumerate(words)), key=lambda item: -len(item[0])):
        if word.isascii():
            data = data.replace(word, bytes([0x80 + at]))
    return data


def pieces(data: bytes, sizes: bytes) -> list[bytes]:
    """Cut ``data`` into pieces as long as ``sizes`` says, over and over; a size of 0 is all that is left."""
    cut: list[bytes] = []
    turn = 0
    while data:
        size = sizes[turn % len(sizes)] if sizes else 0
        cut.append(data[: size or len(data)])
        data = data[size or len(data) :]
        turn += 1
    return cut
