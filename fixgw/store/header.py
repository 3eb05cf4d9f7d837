"""What a segment of a tape says about itself in its first bytes.

    version 2   8s magic "fixgwtp2" | u32 seed | u32 seed of the segment before | u64 base | u64 utc_ns
                | u32 epoch | u32 next_out | u32 next_in | u32 handled epoch | u32 handled MsgSeqNum
                | u32 crc32 of all before
    version 1   8s magic "fixgwtp1" | u32 seed | u32 crc32 of the 12 bytes before; only a first segment

all little endian. A tape is its segments one after the other, headers included: an offset on the tape is
what it would be in one file made with ``cat``. The header of a segment holds what is known before its first
record, so that reading may begin with any segment.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from fixgw.errors import StoreCorrupt, StoreError
from fixgw.records import Position, SeqNums

FILE_HEADER_SIZE = 56

_MAGIC = b"fixgwtp2"
_FIRST_MAGIC = b"fixgwtp1"
_STRUCT = struct.Struct("<8sIIQQIIIII")
_FIRST_STRUCT = struct.Struct("<8sI")
_CRC_SIZE = 4
_SIZES = {_MAGIC: FILE_HEADER_SIZE, _FIRST_MAGIC: _FIRST_STRUCT.size + _CRC_SIZE}


class Header(NamedTuple):
    """The beginning of a segment.

    Args:
        seed: where the CRCs of its records start.
        previous: the seed of the segment before; 0 for the first.
        base: the offset on the tape where the file begins.
        utc_ns: when its first record was made; 0 when that was not known yet.
        numbers: the numbers before its first record.
        handled: the cursor there.
        size: the length of the header, bytes.
    """

    seed: int
    previous: int = 0
    base: int = 0
    utc_ns: int = 0
    numbers: SeqNums = SeqNums()
    handled: Position = Position(1, 0)
    size: int = FILE_HEADER_SIZE

    def encode(self) -> bytes:
        """Return the bytes of a header of version 2."""
        start = _STRUCT.pack(
            _MAGIC, self.seed, self.previous, self.base, self.utc_ns, *self.numbers, *self.handled
        )
        return start + zlib.crc32(start).to_bytes(_CRC_SIZE, "little")

    @classmethod
    def decode(cls, content: bytes, where: str) -> Header:
        """Return the header that a file begins with.

        Args:
            content: at least the first ``FILE_HEADER_SIZE`` bytes of the file, or all that it holds.
            where: the file's name, for errors.

        Raises:
            StoreCorrupt: it does not check.
            StoreError: it checks, and is of another version.
        """
        for magic, size in _SIZES.items():
            end = size - _CRC_SIZE
            if len(content) >= size and content[end:size] == zlib.crc32(content[:end]).to_bytes(4, "little"):
                return cls._of(magic, content[:end], where)
        raise StoreCorrupt(
            f"{where}: the file header at offset 0 does not check; "
            "this is no tape, or its first bytes were damaged: restore it from a copy"
        )

    @classmethod
    def _of(cls, magic: bytes, content: bytes, where: str) -> Header:
        if content[: len(magic)] != magic:
            raise StoreError(
                f"{where}: another version of the tape's format: {content[:8]!r}; "
                f"this is {_MAGIC!r}, which reads {_FIRST_MAGIC!r} too"
            )
        if magic == _FIRST_MAGIC:
            return cls(_FIRST_STRUCT.unpack(content)[1], size=_SIZES[magic])
        _, seed, previous, base, utc_ns, *rest = _STRUCT.unpack(content)
        return cls(seed, previous, base, utc_ns, SeqNums(*rest[:3]), Position(*rest[3:]))


def is_unfinished(content: bytes) -> bool:
    """Return whether a file holds no more than a beginning of its header, as a crash may leave it.

    Args:
        content: as for ``Header.decode``.
    """
    if not any(content):
        return True  # its length was on the medium before its bytes were
    size = _SIZES.get(content[:8])
    if size is None:
        return any(magic.startswith(content) for magic in _SIZES)
    return len(content) < size
