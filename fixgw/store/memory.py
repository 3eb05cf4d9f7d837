"""A store that lasts as long as its object: for tests, and for sessions that begin anew each time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fixgw.errors import StoreError
from fixgw.records import Flag, Kind, Position, Record, SeqNums
from fixgw.store.base import Stored, Sync
from fixgw.store.unhandled import unhandled

_ORIGINAL = Flag.OUTBOUND | Flag.POSS_DUP


class MemoryStore:
    """Keeps every record in a list; after ``close`` it may be loaded again, as a tape may in another process.

    Args:
        sync_level: what it pretends that a commit survives.
    """

    def __init__(self, sync_level: Sync = Sync.OS) -> None:
        self.sync_level = sync_level
        self.full = False
        self.checkpoint_due = False
        self.records: list[Record] = []
        self._open = False
        self._numbers = SeqNums()
        self._frames: dict[int, Record] = {}  # our originals of the present epoch
        self._handled = Position(1, 0)
        self._books: Mapping[str, bytes] = {}
        self._since = 0

    def load(self) -> Stored:
        """Open, and return what is known.

        Raises:
            StoreError: it is open already.
        """
        if self._open:
            raise StoreError("the store in memory is open already; close it first")
        self._open = True
        return Stored(
            numbers=self._numbers,
            handled=self._handled,
            books=dict(self._books),
            since=self.records[self._since :],
            unhandled=unhandled(self.records, self._handled),
            fresh=not self.records,
        )

    def commit(self, records: Sequence[Record]) -> None:
        """Append all records.

        Raises:
            StoreError: it is not open.
        """
        self._check_open()
        for record in records:
            self._take(record)
        self.records.extend(records)

    def read(self, begin: int, end: int) -> Iterator[Record]:
        """Yield our original frames of the present epoch by number; missing ones are left out."""
        self._check_open()
        frames = self._frames
        return iter([frames[number] for number in sorted(frames) if begin <= number <= end])

    def checkpoint(self, books: Mapping[str, bytes], utc_ns: int) -> None:
        """Keep the books' blobs, so that the next ``load`` starts here."""
        epoch, next_out, next_in = self._numbers
        self.commit([Record(Kind.CHECKPOINT, 0, epoch, 0, next_out, next_in, utc_ns, b"")])
        self._books = dict(books)
        self._since = len(self.records)

    def sync(self) -> None:
        """Do nothing: there is no medium."""

    def close(self) -> None:
        """End; idempotent."""
        self._open = False

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError("the store in memory is not open")

    def _take(self, record: Record) -> None:
        if record.kind == Kind.CURSOR:  # its epoch is the position's; its numbers say nothing
            self._handled = max(self._handled, Position(record.epoch, record.msg_seq_num))
            return
        if record.epoch != self._numbers.epoch:
            self._frames.clear()
        elif record.next_out < self._numbers.next_out:  # set back: those numbers will be used again
            self._frames = {n: frame for n, frame in self._frames.items() if n < record.next_out}
        self._numbers = SeqNums(record.epoch, record.next_out, record.next_in)
        if record.kind == Kind.FRAME and record.flags & _ORIGINAL == Flag.OUTBOUND:
            self._frames[record.msg_seq_num] = record
