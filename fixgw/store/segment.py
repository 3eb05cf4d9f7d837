"""The record format of the tape, and how one file of it is scanned.

A segment is a file header (see ``header``) and then records, nothing else:

    record        4s magic F1 58, version 1, 0 | u32 crc32 | u32 length | u32 epoch | u32 msg_seq_num
                  | u32 next_out | u32 next_in | u64 utc_ns | u8 kind | u8 0 | u16 flags | payload

all little endian, 40 bytes before the payload. The CRC covers everything after itself and starts from the
file's random seed: bytes in a payload that look like a record do not check (a peer may put anything into a
data field).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from fixgw.errors import StoreError
from fixgw.records import Record
from fixgw.store.header import FILE_HEADER_SIZE, Header

MAGIC = b"\xf1X\x01\x00"
HEADER_SIZE = 40
MAX_PAYLOAD = 64 << 20  # a larger length is damage, not a reason to read it

_AFTER_CRC = struct.Struct("<IIIIIQBBH")
_RECORD = struct.Struct("<4sIIIIIIQBBH")
_CRC_END = 8  # where the bytes that the CRC covers begin
_CHUNK = 256 << 10
WINDOW = 16 << 10  # one look for the next record

_crc32 = zlib.crc32
_pack_after_crc = _AFTER_CRC.pack
_pack_crc = struct.Struct("<I").pack


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
    """One open file of a tape, for reading; it owns the descriptor. Its offsets are those of the whole tape.

    Args:
        path: the file.
        fd: its descriptor.

    Raises:
        StoreCorrupt: the file header does not check.
        StoreError: it is of another version, or can not be read.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd
        self.header = Header.decode(self.read_bytes(FILE_HEADER_SIZE, 0), str(path))
        self.seed = self.header.seed
        self.base = self.header.base
        self.start = self.base + self.header.size

    def end(self) -> int:
        """Return the offset after the last byte."""
        return self.base + os.fstat(self.fd).st_size

    def close(self) -> None:
        """Close the descriptor; idempotent."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Segment:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def scan(self, start: int, end: int, chunk: int = _CHUNK) -> Iterator[tuple[int, Record]]:
        """Yield (offset, record) from ``start``, a record's offset, to ``end`` or to what does not check."""
        want = chunk
        while start < end:
            asked = min(want, end - start)
            buffer = self.read_bytes(asked, start - self.base)
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
            window = self.read_bytes(min(WINDOW, end - start), start - self.base)
            if not window:
                return
            at = window.find(MAGIC)
            if at < 0:
                start += max(len(window) - len(MAGIC) + 1, 1)
                continue
            start += at
            following = start + 1
            for offset, record in self.scan(start, end, WINDOW):
                yield offset, record
                following = offset + size_of(record)
            start = following

    def read_bytes(self, size: int, offset: int) -> bytes:
        """Return up to ``size`` bytes at an offset in the file; less where it ends.

        Raises:
            StoreError: it is closed, or can not be read.
        """
        try:
            return os.pread(self.fd, size, offset)
        except OSError as error:
            reason = "it is closed" if self.fd < 0 else error.strerror
            raise StoreError(f"{self.path}: can not be read at offset {offset}: {reason}") from error
