"""What a tape holds, up to the last byte that checks, and what to make of the bytes after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fixgw.errors import StoreCorrupt
from fixgw.records import Kind, Record
from fixgw.store.chain import Chain, Part, segment_name
from fixgw.store.checkpoint import Checkpoint, Pointer
from fixgw.store.header import FILE_HEADER_SIZE
from fixgw.store.progress import Progress, Run
from fixgw.store.segment import size_of


class Stretch:
    """The records between two offsets, read anew each time they are iterated.

    Args:
        chain: the tape.
        start: a record's offset.
        end: where a record ends.
    """

    def __init__(self, chain: Chain, start: int, end: int) -> None:
        self._chain = chain
        self._start = start
        self._end = end

    def __iter__(self) -> Iterator[Record]:
        for _, record in self._chain.scan(self._start, self._end):
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
        self.synced = max(self.synced, synced_before(record))
        if record.kind != Kind.SYNC:
            self.data_end = self.end
        if record.kind == Kind.CHECKPOINT:
            self.since, self.count = self.end, 0
            self.books = Checkpoint.decode(record.payload).books


def recover(chain: Chain, pointer: Pointer | None) -> Recovered:
    """Read a tape to its end, from the checkpoint that the pointer names or its beginning; change nothing.

    Raises:
        StoreCorrupt: what does not check was on the medium once, or what may be asked for is not there.
    """
    size = chain.end()
    state = _at_start(chain.parts[0]) if pointer is None else _at_checkpoint(chain, pointer, size)
    for offset, record in chain.scan(state.end, size):
        state.take(offset, record)
    state.end = chain.skip_header(state.end)
    if state.end < size:
        state.tail = judge(chain, state.end, size)
    return state


def judge(chain: Chain, offset: int, end: int) -> Tail:
    """Return the torn tail that begins at ``offset``, where no valid record does.

    A crash may leave any mixture of old and new pages after the last sync, valid records among them, so
    records alone prove nothing. A SYNC or CHECKPOINT record that says that the medium held more than
    ``offset`` does.

    Raises:
        StoreCorrupt: such a record lies after ``offset``.
    """
    records = 0
    for found, record in chain.resync(offset + 1, end):
        records += 1
        synced = synced_before(record)
        if synced > offset:
            path, within = chain.place(found)
            chain.corrupt(
                offset,
                f"the record at offset {within} of {path.name} says that {synced} bytes were on the medium",
            )
    return Tail(offset, end - offset, records)


def _at_start(first: Part) -> Recovered:
    """Return the state before the first record of a tape, whose older segments may be gone."""
    header, start = first.header, first.start
    progress = Progress(header.numbers, header.handled, (Run(start, 1),), start)
    return Recovered(progress, since=start, end=start, data_end=start, utc_ns=header.utc_ns)


def _at_checkpoint(chain: Chain, pointer: Pointer, size: int) -> Recovered:
    """Return the state just after the checkpoint that the pointer names."""
    if pointer.end > size:
        chain.corrupt(size, f"its checkpoint file says that {pointer.end} bytes were on the medium")
    part = next((part for part in chain.parts if segment_name(part.number) == pointer.segment), None)
    if part is None or part.header.seed != pointer.seed:
        chain.corrupt(0, f"its checkpoint file belongs to another tape, {pointer.segment}")
    offset, record = next(chain.scan(pointer.offset, pointer.end), (0, None))
    if record is None or record.kind != Kind.CHECKPOINT:
        chain.corrupt(pointer.offset, "its checkpoint file says that a checkpoint was on the medium there")
    state = Recovered(progress=Checkpoint.decode(record.payload).progress(record))
    state.take(offset, record)
    state.synced = pointer.end
    if min(state.progress.runs[0].offset, state.progress.resume) < chain.parts[0].base:
        raise StoreCorrupt(
            f"{chain.parts[0].path}: the segments before it are missing, and what they hold can still be "
            "asked for: restore them from a copy"
        )
    return state


def synced_before(record: Record) -> int:
    """Return up to which offset a record says that the medium held the tape."""
    if record.kind == Kind.SYNC:
        return int(record.payload)
    if record.kind == Kind.CHECKPOINT:
        return Checkpoint.decode(record.payload).synced
    return 0
