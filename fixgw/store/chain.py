"""The segments of a tape as one log, and the search in it.

There is no index, in memory or on disk. Each record carries the session's numbers after it, so the last one
that checks gives the numbers, and any one gives a key (epoch, next_out) that only grows while nobody sets
the numbers back. A number is found by binary search over the offsets of the tape, whatever segments they lie
in: look at the middle, find the next record there by magic and CRC, compare, halve. That needs constant
memory however long the tape is, and leaves nothing to rebuild after a crash and nothing that could disagree
with the records.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, NoReturn

from fixgw.errors import StoreCorrupt, StoreError
from fixgw.records import Kind, Record
from fixgw.store import segment as segments
from fixgw.store.archive import SUFFIX, Archive
from fixgw.store.header import FILE_HEADER_SIZE, Header, is_unfinished
from fixgw.store.reserve import NO_SPACE
from fixgw.store.segment import Segment, size_of

_LOOKS = 5
_NAME = re.compile(r"(\d{8,})\.tape(\.gz)?")


def segment_name(number: int) -> str:
    """Return the file name of a segment; the names sort in order."""
    return f"{number:08d}.tape"


def number_of(path: Path) -> int:
    """Return the number of a segment, compressed or not; 0 for any other file."""
    found = _NAME.fullmatch(path.name)
    return int(found[1]) if found else 0


def segment_paths(directory: Path) -> list[Path]:
    """Return the segments in a directory, in order; of one that is being compressed, what it is made of."""
    for _ in range(_LOOKS):
        paths = _look(directory)
        if not paths or number_of(paths[-1]) - number_of(paths[0]) + 1 == len(paths):
            break  # else a name may have come or gone while the directory was read
    return paths


def find_segment(directory: Path, number: int) -> Path | None:
    """Return the file of a segment, or None when there is none."""
    path = directory / segment_name(number)
    archive = path.with_name(path.name + SUFFIX)
    return path if path.exists() else archive if archive.exists() else None


def _look(directory: Path) -> list[Path]:
    paths: dict[int, Path] = {}
    for path in sorted(directory.iterdir()):  # an archive comes after what it is made of
        if number := number_of(path):
            paths.setdefault(number, path)
    return [paths[number] for number in sorted(paths)]


def open_segment(path: Path) -> Segment:
    """Open a segment for reading; it may have been compressed since its name was read.

    Raises:
        StoreCorrupt: its file header does not check.
        StoreError: it can not be opened, or is of another version.
    """
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError as error:
        archive = path.with_name(path.name + SUFFIX)
        if path.suffix == SUFFIX or not archive.exists():
            raise StoreError(f"{path}: no such segment; it was moved or deleted") from error
        return open_segment(archive)
    except OSError as error:
        raise StoreError(f"{path}: can not be opened: {error.strerror}") from error
    try:
        return Archive(path, fd) if path.suffix == SUFFIX else Segment(path, fd)
    except BaseException:
        os.close(fd)
        raise


def begin_segment(directory: Path, number: int, header: Header) -> Segment:
    """Make a segment and open it for writing; its name is there only once its header is.

    Raises:
        OSError: it can not be made.
    """
    path = directory / segment_name(number)
    new = path.with_name(path.name + ".new")
    fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        content = header.encode()
        if os.pwrite(fd, content, 0) < len(content):
            raise OSError(min(NO_SPACE), "no room for the header of a segment")
        new.replace(path)
        return Segment(path, fd)
    except BaseException:
        os.close(fd)
        new.unlink(missing_ok=True)
        raise


class Part(NamedTuple):
    """A segment, by its place on the tape.

    Args:
        number: the number in its name.
        path: the file, when it was looked at.
        header: what it begins with.
    """

    number: int
    path: Path
    header: Header

    @classmethod
    def of(cls, segment: Segment) -> Part:
        """Return the place of an open segment."""
        return cls(number_of(segment.path), segment.path, segment.header)

    @property
    def base(self) -> int:
        """The offset on the tape where the file begins."""
        return self.header.base

    @property
    def start(self) -> int:
        """The offset of its first record."""
        return self.header.base + self.header.size


class Chain:
    """The segments of one tape, in order; each is opened while it is read.

    Args:
        directory: where they lie.
        parts: the segments; one at least when it is read.
    """

    def __init__(self, directory: Path, parts: Sequence[Part]) -> None:
        self.directory = directory
        self.parts = list(parts)

    @classmethod
    def of(cls, directory: Path, archives: bool = True) -> Chain:
        """Look at the segments of a directory; one that was not finished is left out.

        Args:
            directory: where they lie.
            archives: whether to look at those too that are compressed; nothing can be asked of them.

        Raises:
            StoreCorrupt: they do not follow each other, or a file header does not check.
            StoreError: one can not be read.
        """
        paths = segment_paths(directory)
        if not archives:
            paths = paths[max((at for at, path in enumerate(paths, 1) if path.suffix == SUFFIX), default=0) :]
        chain = cls(directory, read_parts(paths))
        for part, fault in chain.breaks():
            raise StoreCorrupt(f"{part.path}: {fault}: restore what is missing from a copy")
        return chain

    @property
    def start(self) -> int:
        """The offset of the first record that is still there."""
        return self.parts[0].start

    @property
    def last(self) -> Part:
        """The segment that is written to."""
        return self.parts[-1]

    def end(self) -> int:
        """Return the offset after the last byte."""
        with open_segment(self.last.path) as segment:
            return segment.end()

    def breaks(self) -> Iterator[tuple[Part, str]]:
        """Yield each segment that does not follow the one before, with the reason."""
        for before, after in pairwise(self.parts):
            if after.number != before.number + 1:
                yield after, f"{segment_name(before.number + 1)} is missing before it"
            elif after.header.previous != before.header.seed:
                yield after, f"it does not continue {before.path.name}, and belongs to another tape"
            elif before.path.suffix != SUFFIX and before.base + _size(before.path) > after.base:
                yield after, f"{before.path.name} goes on after {after.path.name} has begun"

    def scan(self, start: int, end: int) -> Iterator[tuple[int, Record]]:
        """Yield (offset, record) from ``start``, a record's offset, to ``end`` or to what does not check."""
        for part, stop in self.between(start, end):
            with open_segment(part.path) as segment:
                at = max(start, part.start)
                for offset, record in segment.scan(at, min(stop, segment.end())):
                    yield offset, record
                    at = offset + size_of(record)
            if at < stop:
                return

    def resync(self, start: int, end: int) -> Iterator[tuple[int, Record]]:
        """Yield (offset, record) of each record that checks from ``start`` to ``end``, over any damage."""
        for part, stop in self.between(start, end):
            with open_segment(part.path) as segment:
                yield from segment.resync(max(start, part.start), min(stop, segment.end()))

    def find(self, start: int, end: int, before: Callable[[Record], bool]) -> int:
        """Return the offset of a record, a few windows at most before the first whose ``before`` is false.

        Args:
            start: a record's offset.
            end: where the search stops, a record's offset too.
            before: true for the records up to some place, false for those after it; not asked about cursors,
                which name a position of their own.
        """
        low, high = start, end
        while high - low > 4 * segments.WINDOW:  # below that a scan is cheaper
            middle = (low + high) // 2
            probe = self._probe(middle, high)
            if probe is not None and before(probe[1]):
                low = probe[0]
            else:
                high = middle
        return low

    def skip_header(self, offset: int) -> int:
        """Return where the next record begins: an offset in the header of a segment is moved behind it."""
        return next((part.start for part in self.parts if part.base <= offset < part.start), offset)

    def place(self, offset: int) -> tuple[Path, int]:
        """Return the file that an offset of the tape lies in, and the offset in that file."""
        part = next((part for part in reversed(self.parts) if part.base <= offset), self.parts[0])
        return part.path, offset - part.base

    def corrupt(self, offset: int, evidence: str) -> NoReturn:
        """Raise StoreCorrupt for the bytes at ``offset``, with what proves it and what to do."""
        path, within = self.place(offset)
        raise StoreCorrupt(
            f"{path}: what lies at offset {within} does not check, and {evidence}: this is damage, not "
            f"an unfinished write. `fixgw tape check {self.directory}` shows what is left. Restore it from a "
            f"copy; or move {self.directory} away, start with an empty tape, and ask the venue for every "
            "open order"
        )

    def between(self, start: int, end: int) -> list[tuple[Part, int]]:
        """Return the segments that hold anything from ``start`` to ``end``, each with where that stops."""
        stops = [part.base for part in self.parts[1:]] + [end]
        parts = zip(self.parts, stops, strict=True)
        return [(part, min(stop, end)) for part, stop in parts if part.base < end and start < stop]

    def _probe(self, start: int, end: int) -> tuple[int, Record] | None:
        """Return the first record after ``start`` whose numbers count."""
        for offset, record in self.resync(start, end):
            if record.kind != Kind.CURSOR:
                return offset, record
        return None


def read_parts(paths: Sequence[Path]) -> list[Part]:
    """Return segments by their files, in order, without those at the end whose header was not finished.

    Raises:
        StoreCorrupt: a file header does not check.
        StoreError: a file can not be read.
    """
    parts = []
    for path in finished(paths):
        with open_segment(path) as segment:
            parts.append(Part.of(segment))
    return parts


def finished(paths: Sequence[Path]) -> list[Path]:
    """Return segments without those at the end whose header was not finished.

    Raises:
        StoreError: one can not be read.
    """
    left = list(paths)
    while left and _is_unfinished_file(left[-1]):
        left.pop()
    return left


def _is_unfinished_file(path: Path) -> bool:
    """Return whether the header of a segment never was on the medium; that of a first one always was.

    Raises:
        StoreError: it can not be read.
    """
    try:
        with path.open("rb") as file:
            unfinished = is_unfinished(file.read(FILE_HEADER_SIZE))
    except FileNotFoundError:
        return False  # it was compressed or deleted a moment ago
    except OSError as error:
        raise StoreError(f"{path}: can not be read: {error.strerror}") from error
    return unfinished and not (number_of(path) == 1 and holds_records(path))


def holds_records(path: Path) -> bool:
    """Return whether anything but zeros stands behind the header of a segment.

    Raises:
        StoreError: it can not be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(FILE_HEADER_SIZE)
            return any(chunk.count(0) < len(chunk) for chunk in iter(partial(file.read, 1 << 20), b""))
    except OSError as error:
        raise StoreError(f"{path}: can not be read: {error.strerror}") from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # it was compressed or deleted a moment ago
        return 0
