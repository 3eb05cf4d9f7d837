"""What a tape holds, up to the last byte that checks, and what to make of the bytes after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from fixgw.errors import StoreCorrupt
from fixgw.records import Kind, Record
from fixgw.store.checkpoint import Checkpoint, Pointer
from fixgw.store.progress import Progress
from fixgw.store.segment import FILE_HEADER_SIZE, Segment, size_of


class Stretch:
    """The records between two offsets, read anew each time they are iterated.

    Args:
        segment: the file.
        start: a record's offset.
        end: where a record ends.
    """

    def __init__(self, segment: Segment, start: int, end: int) -> None:
        self._segment = segment
        self._start = start
        self._end = end

    def __iter__(self) -> Iterator[Record]:
        for _, record in self._segment.scan(self._start, self._end):
            yield record


class Tail(NamedTuple):
    """Bytes after the last record that checks.

    Args:
        offset: where they begin.
        size: how many they are.
        records: how many whole records can still be read among them.
    """

    offset: int
    size: int
    records: int


@dataclass(slots=True)
class Recovered:
    """The state of a tape at its last valid record.

    Args:
        progress: numbers, cursor and offsets.
        books: the last checkpoint's blobs.
        since: where the first record after that checkpoint begins.
        end: where the last valid record ends.
        count: how many records lie between the two.
        synced: the highest offset that is recorded as synced.
        data_end: where the last record that is no SYNC ends.
        utc_ns: when the last record was made.
        tail: what lies after ``end``, or None.
    """

    progress: Progress = field(default_factory=Progress)
    books: Mapping[str, bytes] = field(default_factory=dict)
    since: int = FILE_HEADER_SIZE
    end: int = FILE_HEADER_SIZE
    count: int = 0
    synced: int = 0
    data_end: int = FILE_HEADER_SIZE
    utc_ns: int = 0
    tail: Tail | None = None

    def take(self, offset: int, record: Record) -> None:
        """Take in the next record."""
        self.progress.follow((record,), offset)
        self.end = offset + size_of(record)
        self.count += 1
        self.utc_ns = record.utc_ns
        self.synced = max(self.synced, _evidence(record))
        if record.kind != Kind.SYNC:
            self.data_end = self.end
        if record.kind == Kind.CHECKPOINT:
            self.since, self.count = self.end, 0
            self.books = Checkpoint.decode(record.payload).books


def recover(segment: Segment, pointer: Pointer | None) -> Recovered:
    """Read a tape to its end, from the checkpoint that the pointer names or its beginning; change nothing.

    Raises:
        StoreCorrupt: what does not check was on the medium once.
    """
    size = segment.size()
    state = Recovered() if pointer is None else _at_checkpoint(segment, pointer, size)
    for offset, record in segment.scan(state.end, size):
        state.take(offset, record)
    if state.end < size:
        state.tail = judge(segment, state.end, size)
    return state


def judge(segment: Segment, offset: int, end: int) -> Tail:
    """Return the torn tail that begins at ``offset``, where no valid record does.

    A crash may leave any mixture of old and new pages after the last sync, valid records among them, so
    records alone prove nothing. A SYNC or CHECKPOINT record that says that the medium held more than
    ``offset`` does.

    Raises:
        StoreCorrupt: such a record lies after ``offset``.
    """
    records = 0
    for found, record in segment.resync(offset + 1, end):
        records += 1
        synced = _evidence(record)
        if synced > offset:
            corrupt(
                segment, offset, f"the record at offset {found} says that {synced} bytes were on the medium"
            )
    return Tail(offset, end - offset, records)


def corrupt(segment: Segment, offset: int, evidence: str) -> NoReturn:
    """Raise StoreCorrupt for the bytes at ``offset``, with what proves it and what to do."""
    raise StoreCorrupt(
        f"{segment.path}: what lies at offset {offset} does not check, and {evidence}: this is damage, not "
        "an unfinished write. Restore it from a copy; or move "
        f"{segment.path.parent} away, start with an empty tape, and ask the venue for every open order"
    )


def _at_checkpoint(segment: Segment, pointer: Pointer, size: int) -> Recovered:
    """Return the state just after the checkpoint that the pointer names."""
    if pointer.end > size:
        corrupt(segment, size, f"its checkpoint file says that {pointer.end} bytes were on the medium")
    if (pointer.segment, pointer.seed) != (segment.path.name, segment.seed):
        corrupt(segment, 0, f"its checkpoint file belongs to another tape, {pointer.segment}")
    offset, record = next(segment.scan(pointer.offset, pointer.end), (0, None))
    if record is None or record.kind != Kind.CHECKPOINT:
        corrupt(segment, pointer.offset, "its checkpoint file says that a checkpoint was on the medium there")
    state = Recovered(progress=Checkpoint.decode(record.payload).progress(record))
    state.take(offset, record)
    state.synced = pointer.end
    return state


def _evidence(record: Record) -> int:
    """Return up to which offset a record says that the medium held the tape."""
    if record.kind == Kind.SYNC:
        return int(record.payload)
    if record.kind == Kind.CHECKPOINT:
        return Checkpoint.decode(record.payload).synced
    return 0
