"""The one protocol of all stores: where a session's numbers, frames and books survive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from fixgw.records import Position, Record, SeqNums


class Sync(StrEnum):
    """What a commit survives."""

    OS = "os"  # the end of the process
    BATCH = "batch"  # as os; and a power cut, but for the last 50 ms
    ALWAYS = "always"  # a power cut, before any byte of the commit leaves


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store knows when it is opened.

    Args:
        numbers: epoch and next numbers.
        handled: up to where handlers have returned.
        books: the latest checkpoint's blob of each book, by name.
        since: every record after that checkpoint, in order (all when there was none); may be iterated
            again, and only while the store is open: a tape reads them as they are asked for.
        unhandled: inbound application frames after ``handled`` that were delivered or due, in order.
        fresh: true when the store was empty.
        notes: sentences for the log (a torn tail was cut, ...).
    """

    numbers: SeqNums = field(default=SeqNums())
    handled: Position = field(default=Position(1, 0))
    books: Mapping[str, bytes] = field(default_factory=dict)
    since: Iterable[Record] = ()
    unhandled: Sequence[Record] = ()
    fresh: bool = True
    notes: Sequence[str] = ()


class Store(Protocol):
    """Durability of one session.

    Every method but ``sync`` is quick and is called on the event loop. A store has one writer.
    """

    @property
    def sync_level(self) -> Sync:
        """What a commit survives; with ``always`` the driver awaits ``sync`` before bytes leave."""
        ...

    @property
    def full(self) -> bool:
        """True once the disk was found full: only urgent messages may still be sent, out of a reserve."""
        ...

    def load(self) -> Stored:
        """Open, check, and return what is known; called once, first.

        Raises:
            StoreLocked: another process is the writer.
            StoreCorrupt: a record before the last synced offset does not check.
            StoreError: the directory can not be used.
        """
        ...

    def commit(self, records: Sequence[Record]) -> None:
        """Append all records in one write; on return they survive the end of the process.

        Raises:
            StoreFull: the disk is full and the reserve used up; none of the records counts as written.
            StoreError: the write failed.
        """
        ...

    def read(self, begin: int, end: int) -> Iterator[Record]:
        """Yield our original outbound frames of the present epoch by number, lazily; without the missing.

        Args:
            begin: first MsgSeqNum.
            end: last MsgSeqNum, included.
        """
        ...

    def checkpoint(self, books: Mapping[str, bytes], utc_ns: int) -> None:
        """Write numbers, cursor and the books' blobs, so that the next ``load`` starts here."""
        ...

    @property
    def checkpoint_due(self) -> bool:
        """True when enough was appended since the last checkpoint to deserve another."""
        ...

    def sync(self) -> None:
        """Bring what was committed to the medium (fdatasync); blocking, safe to call from a thread."""
        ...

    def close(self) -> None:
        """Sync, release the lock, and end; idempotent."""
        ...
