"""The record format of the tape, and how one file of it is scanned and searched.

A segment is a file header of 16 bytes and then records, nothing else:

    file header   8s magic "fixgwtp1" | u32 seed | u32 crc32 of the 12 bytes before
    record        4s magic F1 58, version 1, 0 | u32 crc32 | u32 length | u32 epoch | u32 msg_seq_num
                  | u32 next_out | u32 next_in | u64 utc_ns | u8 kind | u8 0 | u16 flags | payload

all little endian, 40 bytes before the payload. The CRC covers everything after itself and starts from the
file's random seed: bytes in a payload that look like a record do not check (a peer may put anything into a
data field).

There is no index, in memory or on disk. Each record carries the session's numbers after it, so the last one
that checks gives the numbers, and any one gives a key (epoch, next_out) that only grows while nobody sets
the numbers back. A number is found by binary search over file offsets: look at the middle, find the next
record there by magic and CRC, compare, halve. That needs constant memory however long the tape is, and
leaves nothing to rebuild after a crash and nothing that could disagree with the records.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fixgw.errors import StoreCorrupt, StoreError
from fixgw.records import Kind, Record

MAGIC = b"\xf1X\x01\x00"
HEADER_SIZE = 40
FILE_HEADER_SIZE = 16
MAX_PAYLOAD = 64 << 20  # a larger length is damage, not a reason to read it

_FILE_MAGIC = b"fixgwtp1"
_FILE_HEADER = struct.Struct("<8sII")
_AFTER_CRC = struct.Struct("<IIIIIQBBH")
_RECORD = struct.Struct("<4sIIIIIIQBBH")
_CRC_END = 8  # where the bytes that the CRC covers begin
_CHUNK = 256 << 10
_WINDOW = 16 << 10  # one look of the binary search; below 4 of them a scan is cheaper

_crc32 = zlib.crc32
_pack_after_crc = _AFTER_CRC.pack
_pack_crc = struct.Struct("<I").pack


def segment_name(number: int) -> str:
    """Return the file name of a segment; the names sort in order."""
    return f"{number:08d}.tape"


def file_header(seed: int) -> bytes:
    """Return the header of a segment whose CRCs start from ``seed``."""
    start = _FILE_HEADER.pack(_FILE_MAGIC, seed, 0)[:-4]
    return start + _crc32(start).to_bytes(4, "little")


def pack(record: Record, seed: int) -> bytes:
    """Return the bytes of a record.

    Raises:
        StoreError: the payload is larger than ``MAX_PAYLOAD``.
    """
    kind, flags, epoch, msg_seq_num, next_out, next_in, utc_ns, payload = record
    if len(payload) > MAX_PAYLOAD:
        raise StoreError(f"a record of {len(payload)} bytes is over the tape's limit of {MAX_PAYLOAD}")
    covered = (
        _pack_after_crc(len(payload), epoch, msg_seq_num, next_out, next_in, utc_ns, kind, 0, flags) + payload
    )
    return MAGIC + _crc32(covered, seed).to_bytes(4, "little") + covered


def pack_all(records: Sequence[Record], seed: int) -> bytes:
    """Return the bytes of records that follow each other; ``pack`` without a call a record."""
    parts: list[bytes] = []
    for record in records:
        kind, flags, epoch, msg_seq_num, next_out, next_in, utc_ns, payload = record
        length = len(payload)
        if length > MAX_PAYLOAD:
            return pack(record, seed)  # which raises
        head = _pack_after_crc(length, epoch, msg_seq_num, next_out, next_in, utc_ns, kind, 0, flags)
        parts += (MAGIC, _pack_crc(_crc32(payload, _crc32(head, seed))), head, payload)
    return b"".join(parts)


def _unpack(buffer: bytes, at: int, seed: int) -> Record | int:
    """Return the record at ``at``; the bytes it needs if the buffer is too short; 0 if it does not check."""
    if len(buffer) - at < HEADER_SIZE:
        return HEADER_SIZE
    magic, crc, length, epoch, msg_seq_num, next_out, next_in, utc_ns, kind, _, flags = _RECORD.unpack_from(
        buffer, at
    )
    if magic != MAGIC or length > MAX_PAYLOAD:
        return 0
    end: int = at + HEADER_SIZE + length
    if end > len(buffer):
        return end - at
    covered = buffer[at + _CRC_END : end]
    if _crc32(covered, seed) != crc:
        return 0
    payload = covered[HEADER_SIZE - _CRC_END :]
    return Record(kind, flags, epoch, msg_seq_num, next_out, next_in, utc_ns, payload)


def size_of(record: Record) -> int:
    """Return how many bytes a record takes on the tape."""
    return HEADER_SIZE + len(record.payload)


class Segment:
    """One open file of a tape, for reading; it owns the descriptor.

    Args:
        path: the file.
        fd: its descriptor.

    Raises:
        StoreCorrupt: the file header does not check.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd
        self.seed = self._read_seed()

    def size(self) -> int:
        """Return the length of the file, in bytes."""
        return os.fstat(self.fd).st_size

    def close(self) -> None:
        """Close the descriptor; idempotent."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def scan(self, start: int, end: int, chunk: int = _CHUNK) -> Iterator[tuple[int, Record]]:
        """Yield (offset, record) from ``start``, a record's offset, to ``end`` or to what does not check."""
        want = chunk
        while start < end:
            asked = min(want, end - start)
            buffer = self._pread(asked, start)
            at = 0
            while isinstance(found := _unpack(buffer, at, self.seed), Record):
                yield start + at, found
                at += HEADER_SIZE + len(found.payload)
            start += at
            if found == 0 or start + found > end or len(buffer) < asked:
                return
            want = max(found, chunk)

    def resync(self, start: int, end: int) -> Iterator[tuple[int, Record]]:
        """Yield (offset, record) of each record that checks from ``start`` to ``end``, over any damage."""
        while start < end:
            window = self._pread(min(_WINDOW, end - start), start)
            at = window.find(MAGIC)
            if at < 0:
                start += max(len(window) - len(MAGIC) + 1, 1)
                continue
            start += at
            following = start + 1
            for offset, record in self.scan(start, end, _WINDOW):
                yield offset, record
                following = offset + size_of(record)
            start = following

    def find(self, start: int, end: int, before: Callable[[Record], bool]) -> int:
        """Return the offset of a record, a few windows at most before the first whose ``before`` is false.

        Args:
            start: a record's offset.
            end: where the search stops, a record's offset too.
            before: true for the records up to some place, false for those after it; not asked about cursors,
                which name a position of their own.
        """
        low, high = start, end
        while high - low > 4 * _WINDOW:
            middle = (low + high) // 2
            probe = self._probe(middle, high)
            if probe is not None and before(probe[1]):
                low = probe[0]
            else:
                high = middle
        return low

    def _probe(self, start: int, end: int) -> tuple[int, Record] | None:
        """Return the first record after ``start`` whose numbers count."""
        for offset, record in self.resync(start, end):
            if record.kind != Kind.CURSOR:
                return offset, record
        return None

    def _pread(self, size: int, offset: int) -> bytes:
        try:
            return os.pread(self.fd, size, offset)
        except OSError as error:
            reason = "it is closed" if self.fd < 0 else error.strerror
            raise StoreError(f"{self.path}: can not be read at offset {offset}: {reason}") from error

    def _read_seed(self) -> int:
        header = self._pread(FILE_HEADER_SIZE, 0)
        if len(header) == FILE_HEADER_SIZE and header[12:] == _crc32(header[:12]).to_bytes(4, "little"):
            magic, seed, _ = _FILE_HEADER.unpack(header)
            if magic == _FILE_MAGIC:
                return int(seed)
            raise StoreError(
                f"{self.path}: another version of the tape's format: {magic!r}; this is {_FILE_MAGIC!r}"
            )
        raise StoreCorrupt(
            f"{self.path}: the file header at offset 0 does not check; "
            "this is no tape, or its first bytes were damaged: restore it from a copy"
        )
