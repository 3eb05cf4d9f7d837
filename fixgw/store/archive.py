"""Segments of which nothing can be asked for any more: compressed with gzip, and read like the others."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from pathlib import Path

from fixgw.errors import StoreError
from fixgw.store.files import sync_directory
from fixgw.store.segment import Segment

SUFFIX = ".gz"
MAX_SIZE = (1 << 32) - 1  # the length in a gzip trailer has 32 bits

_GZIP = 16 + zlib.MAX_WBITS
_CHUNK = 256 << 10  # zlib lets other threads run while it works on one
_STEP = 16 << 10  # of a damaged archive so much is lost before the damage
_CRC32_AND_SIZE = 8  # the trailer of a gzip file


class Archive(Segment):
    """A compressed segment, for reading forwards; going back further than one read begins anew.

    Args:
        path: the file, ``*.tape.gz``.
        fd: its descriptor.

    Raises:
        StoreCorrupt: its file header does not check.
        StoreError: it is of another version, or can not be read.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self._inflater = zlib.decompressobj(_GZIP)
        self._input_at = 0
        self._window = b""  # what was inflated last, and may be asked for again
        self._window_at = 0
        super().__init__(path, fd)

    def end(self) -> int:
        """Return the offset after the last byte, as the trailer has it."""
        size = os.fstat(self.fd).st_size
        return self.base + int.from_bytes(os.pread(self.fd, 4, max(size - 4, 0)), "little")

    def read_bytes(self, size: int, offset: int) -> bytes:
        """Return up to ``size`` bytes at an offset in the segment; less where it ends or is damaged.

        Raises:
            StoreError: it is closed, or can not be read.
        """
        if offset < self._window_at:
            self._rewind()
        while self._window_at + len(self._window) < offset + size:
            skip = min(max(offset - self._window_at, 0), len(self._window))
            self._window = self._window[skip:]
            self._window_at += skip
            if not (more := self._inflate()):
                break
            self._window += more
        at = offset - self._window_at
        return self._window[at : at + size]

    def _rewind(self) -> None:
        self._inflater = zlib.decompressobj(_GZIP)
        self._window = b""
        self._input_at = self._window_at = 0

    def _inflate(self) -> bytes:
        """Return some more of the segment; nothing at its end, and from the first damage on."""
        inflater = self._inflater
        while not inflater.eof:
            pending = inflater.unconsumed_tail or self._input()
            try:
                more = inflater.decompress(pending, _STEP)
            except zlib.error:
                return b""
            if more or not pending:
                return more
        return b""

    def _input(self) -> bytes:
        data = super().read_bytes(_STEP, self._input_at)
        self._input_at += len(data)
        return data


def compress(path: Path, stopped: Callable[[], bool]) -> bool:
    """Replace a segment by a compressed one; it is removed only once the other was read back from the disk.

    Args:
        path: the segment, which nobody writes to any more.
        stopped: asked now and then; when it says so, the segment stays as it is.

    Returns:
        Whether it was replaced.

    Raises:
        OSError: a file can not be read or written.
        StoreError: what was read back is not what was compressed.
    """
    new = path.with_name(path.name + SUFFIX + ".new")
    try:
        crc, size = _compress_to(new, path, stopped)
        read_back = _read_back(new, stopped)
        if stopped():
            return False
        if read_back != (crc, size):
            raise StoreError(f"{new}: does not hold what {path.name} holds: check the disk")
        new.replace(path.with_name(path.name + SUFFIX))
        sync_directory(path.parent)
        path.unlink()
        return True
    finally:
        new.unlink(missing_ok=True)


def _compress_to(new: Path, path: Path, stopped: Callable[[], bool]) -> tuple[int, int]:
    """Write the compressed file, as old as the other; return CRC-32 and size of what went in."""
    deflater = zlib.compressobj(wbits=_GZIP)
    crc = size = 0
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with path.open("rb") as source, os.fdopen(descriptor, "wb") as out:
        while (chunk := source.read(_CHUNK)) and not stopped():
            crc = zlib.crc32(chunk, crc)
            size += len(chunk)
            out.write(deflater.compress(chunk))
        out.write(deflater.flush())
        out.flush()
        os.fsync(out.fileno())
        made = os.fstat(source.fileno())
    os.utime(new, ns=(made.st_atime_ns, made.st_mtime_ns))
    return crc, size


def _read_back(path: Path, stopped: Callable[[], bool]) -> tuple[int, int]:
    """Return CRC-32 and size of what a compressed file holds, as far as it can be read."""
    with Archive(path, os.open(path, os.O_RDONLY)) as archive:
        crc = size = 0
        while not stopped() and (chunk := archive.read_bytes(_CHUNK, size)):
            crc = zlib.crc32(chunk, crc)
            size += len(chunk)
    return crc, size
