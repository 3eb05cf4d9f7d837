"""Reads a whole tape, changes nothing, and says what is there and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from fixgw.errors import StoreCorrupt, StoreError
from fixgw.records import Flag, Kind, Position, Record, SeqNums
from fixgw.store.account import Account
from fixgw.store.archive import SUFFIX
from fixgw.store.chain import Chain, Part, finished, open_segment, segment_paths
from fixgw.store.checkpoint import Pointer
from fixgw.store.recover import synced_before
from fixgw.store.segment import HEADER_SIZE, size_of

_HEADER = "the file header does not check: restore the file from a copy"
_ARCHIVE = f"{_HEADER}, or move it away with all before it: nothing in them can be asked for"

MAX_FAULTS = 100  # of a tape; more are counted


class Fault(NamedTuple):
    """Something that is wrong.

    Args:
        file: the name of the file.
        offset: where in that file.
        what: a sentence.
        mendable: whether ``repair`` can do something about it.
    """

    file: str
    offset: int
    what: str
    mendable: bool = False


class Hole(NamedTuple):
    """A stretch in which no record checks.

    Args:
        part: the segment.
        start: where it begins on the tape.
        end: where it ends.
        before: the numbers before it.
        utc_ns: when the record before it was made.
        after: the first record that checks again; None when there is none in the segment.
    """

    part: Part
    start: int
    end: int
    before: SeqNums
    utc_ns: int
    after: Record | None


@dataclass(slots=True)
class Span:
    """The numbers of one epoch in one segment; 0 where there is none.

    Args:
        epoch: the epoch.
        first_out: the first MsgSeqNum(34) of an outbound frame.
        last_out: the last one.
        first_in: the first MsgSeqNum(34) of an inbound frame.
        last_in: the last one.
    """

    epoch: int
    first_out: int = 0
    last_out: int = 0
    first_in: int = 0
    last_in: int = 0

    def take(self, record: Record) -> None:
        """Take in a frame."""
        number = record.msg_seq_num
        if record.flags & Flag.OUTBOUND:
            self.first_out = min(self.first_out or number, number)
            self.last_out = max(self.last_out, number)
        else:
            self.first_in = min(self.first_in or number, number)
            self.last_in = max(self.last_in, number)


@dataclass(slots=True)
class SegmentCheck:
    """What a segment holds.

    Args:
        name: of the file.
        bytes: its size on the disk.
        compressed: whether it is.
        records: how many check.
        spans: the numbers in it, by epoch.
        torn_bytes: how many bytes of an unfinished write it ends with.
        damaged_bytes: how many bytes do not check otherwise.
    """

    name: str
    bytes: int
    compressed: bool
    records: int = 0
    spans: dict[int, Span] = field(default_factory=dict)
    torn_bytes: int = 0
    damaged_bytes: int = 0


@dataclass(slots=True)
class TapeCheck:
    """What a tape holds, and what is wrong with it.

    Args:
        path: its directory.
        chain: the segments whose header checks.
        segments: from the oldest to the newest.
        faults: what is wrong, in the order of the tape; the first ``MAX_FAULTS``.
        more_faults: how many there are beyond those.
        numbers: epoch and next numbers after the last record.
        handled: up to where handlers have returned.
        holes: where no record checks, although it was on the medium once.
        tail: where an unfinished write begins on the tape, which the next start cuts; None without one.
    """

    path: Path
    chain: Chain
    segments: list[SegmentCheck] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    more_faults: int = 0
    numbers: SeqNums = field(default=SeqNums())
    handled: Position = field(default=Position(1, 0))
    holes: list[Hole] = field(default_factory=list)
    tail: int | None = None

    @property
    def sound(self) -> bool:
        """True when nothing is wrong; an unfinished write at the end is not wrong."""
        return not self.faults

    def add(self, fault: Fault) -> None:
        """Take in something that is wrong."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(fault)
        else:
            self.more_faults += 1


def tapes_in(path: Path) -> list[Path]:
    """Return the directories of tapes at a path: itself, or those directly in it.

    Raises:
        StoreError: there is none, or it can not be read.
    """
    try:
        if segment_paths(path):
            return [path]
        found = sorted(entry for entry in path.iterdir() if entry.is_dir() and segment_paths(entry))
    except OSError as error:
        raise StoreError(f"{path}: can not be read: {error.strerror}; name a directory of tapes") from error
    if not found:
        raise StoreError(f"{path}: no tape is here; name a session's directory, or that of all sessions")
    return found


def check(directory: Path) -> TapeCheck:
    """Read a tape from its oldest segment to its end, also while a gateway writes it.

    Args:
        directory: a session's directory.

    Raises:
        StoreError: it can not be read.
    """
    return _Walk(directory).run()


class _Walk:
    """One pass over a tape."""

    def __init__(self, directory: Path) -> None:
        self._check = TapeCheck(directory, Chain(directory, []))
        self._pointer = self._read_pointer()
        self._pointed_at = False
        self._synced = self._pointer.end if self._pointer is not None else 0
        self._utc_ns = 0
        self._at = 0

    def run(self) -> TapeCheck:
        check, chain = self._check, self._check.chain
        chain.parts = self._parts()
        for part, what in chain.breaks():
            check.add(Fault(part.path.name, 0, what))
        if chain.parts:
            account = Account(chain.parts[0])
            for part, end in _with_ends(chain):
                self._segment(part, end, account)
            check.numbers, check.handled = account.numbers, account.handled
            if min(account.named) < chain.parts[0].base:
                what = "the segments before it are missing, and what they hold can still be asked for"
                self._fault(chain.parts[0], chain.parts[0].base, what)
            self._sort_holes(chain)
            self._check_pointer(chain, account.named)
        return check

    def _parts(self) -> list[Part]:
        """Return the segments whose header checks; one at the end may be in the making."""
        parts = []
        for path in finished(segment_paths(self._check.path)):
            try:
                with open_segment(path) as segment:
                    parts.append(Part.of(segment))
            except StoreCorrupt:
                self._check.add(Fault(path.name, 0, _ARCHIVE if path.suffix == SUFFIX else _HEADER))
        return parts

    def _segment(self, part: Part, end: int, account: Account) -> None:
        try:
            size = part.path.stat().st_size
        except FileNotFoundError:
            size = 0  # compressed a moment ago
        found = SegmentCheck(part.path.name, size, part.path.suffix == SUFFIX)
        self._check.segments.append(found)
        if len(self._check.segments) > 1 and part.base != self._at:
            account.broken()  # a segment is missing, which is told already
        for what in account.begin(part):
            self._fault(part, part.base, what)
        at = part.start
        for offset, record in self._records(part, end):
            if offset > at:
                self._hole(part, at, offset, account, record)
            self._take(part, found, offset, record, account)
            at = offset + size_of(record)
        if at < end:
            self._hole(part, at, end, account, None)
        self._at = end

    def _records(self, part: Part, end: int) -> Iterator[tuple[int, Record]]:
        """Yield what checks in a segment: in one go where all does, else from the next that does."""
        with open_segment(part.path) as segment:
            at, stop = part.start, min(end, segment.end())
            for offset, record in segment.scan(at, stop):
                yield offset, record
                at = offset + size_of(record)
            yield from segment.resync(at + 1, stop)

    def _take(self, part: Part, found: SegmentCheck, offset: int, record: Record, account: Account) -> None:
        for what in account.take(offset, record):
            self._fault(part, offset, what)
        found.records += 1
        self._utc_ns = record.utc_ns
        self._synced = max(self._synced, synced_before(record))
        if record.kind == Kind.FRAME and not record.flags & Flag.RECONCILED:  # those have no numbers
            found.spans.setdefault(record.epoch, Span(record.epoch)).take(record)
        if self._pointer is not None and offset == self._pointer.offset:
            self._pointed_at = record.kind == Kind.CHECKPOINT

    def _hole(self, part: Part, start: int, end: int, account: Account, after: Record | None) -> None:
        self._check.holes.append(Hole(part, start, end, account.numbers, self._utc_ns, after))
        account.broken()

    def _sort_holes(self, chain: Chain) -> None:
        """Tell damage from an unfinished write: what was on the medium once is damage."""
        check = self._check
        check.holes, torn = (
            [hole for hole in check.holes if hole.start < self._synced],
            [hole for hole in check.holes if hole.start >= self._synced],
        )
        segments = {part.number: found for part, found in zip(chain.parts, check.segments, strict=True)}
        for hole in check.holes:
            size = hole.end - hole.start
            segments[hole.part.number].damaged_bytes += size
            self._fault(hole.part, hole.start, f"{size} bytes do not check", size >= HEADER_SIZE)
        if torn:
            check.tail = torn[0].start
            for part, stop in chain.between(check.tail, self._at):
                segments[part.number].torn_bytes = stop - max(check.tail, part.base)

    def _read_pointer(self) -> Pointer | None:
        path = self._check.path / "checkpoint"
        try:
            pointer = Pointer.decode(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{path}: can not be read: {error.strerror}") from error
        if pointer is None:
            self._point_fault("it does not check; the next start reads the whole tape")
        return pointer

    def _check_pointer(self, chain: Chain, offsets: Sequence[int]) -> None:
        pointer = self._pointer
        if pointer is None:
            return
        named = next((part for part in chain.parts if part.path.name == pointer.segment), None)
        if named is None or named.header.seed != pointer.seed:
            self._point_fault(f"it names {pointer.segment}, which is not of this tape")
        elif pointer.end > self._at:
            lost = pointer.end - self._at
            self._point_fault(f"the tape ends {lost} bytes before what was on the medium: they are lost")
        elif not self._pointed_at:
            at = f"offset {pointer.offset - named.base} of {pointer.segment}"
            self._point_fault(f"no checkpoint is at {at}, which it names")
        elif any(hole.start < offset < hole.end for hole in self._check.holes for offset in offsets):
            self._point_fault("its checkpoint names an offset where nothing checks")

    def _fault(self, part: Part, offset: int, what: str, mendable: bool = False) -> None:
        self._check.add(Fault(part.path.name, offset - part.base, what, mendable))

    def _point_fault(self, what: str) -> None:
        self._check.add(Fault("checkpoint", 0, what, mendable=True))


def _with_ends(chain: Chain) -> Iterator[tuple[Part, int]]:
    """Yield each segment with where it ends: where the next begins, if that is there."""
    for part, after in zip_longest(chain.parts, chain.parts[1:]):
        if after is not None and after.number == part.number + 1:
            yield part, after.base
        else:
            with open_segment(part.path) as segment:
                yield part, segment.end()
