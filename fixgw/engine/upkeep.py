"""What a link owes its store beside the turn: the handled cursor, group syncs and checkpoints."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from fixgw.clock import Clock
from fixgw.errors import StoreError
from fixgw.handlers.base import Book
from fixgw.records import Flag, Kind, Position, Record
from fixgw.session.session import Session
from fixgw.store.base import Store, Sync

log = logging.getLogger("fixgw.store")


class Upkeep:
    """Timers that write what need not be in a turn.

    Args:
        store: the link's store.
        session: for the numbers that a record carries.
        books: asked for their blobs at a checkpoint.
        clock: stamps the records.
        position: up to where handlers have returned.
        flush: commits what the link has gathered.
        on_failure: called when the store fails in a timer.
        cursor_interval: seconds after which a moved cursor is written.
        sync_interval: seconds between two syncs of a store whose level is ``batch``.
    """

    def __init__(
        self,
        store: Store,
        session: Session,
        books: Sequence[Book],
        clock: Clock,
        position: Position,
        flush: Callable[[], None],
        on_failure: Callable[[StoreError], None],
        *,
        cursor_interval: float,
        sync_interval: float,
    ) -> None:
        self._store = store
        self._session = session
        self._books = books
        self._clock = clock
        self._handled = position
        self._written = position
        self._flush = flush
        self._on_failure = on_failure
        self._cursor_interval = cursor_interval
        self._sync_interval = sync_interval
        self.batch = store.sync_level is Sync.BATCH
        self._cursor_timer: asyncio.TimerHandle | None = None
        self._sync_timer: asyncio.TimerHandle | None = None
        self._syncing: asyncio.Future[None] | None = None
        self._closed = False
        self._found = 0  # by reconciliations, and not handled yet

    def handled(self, position: Position) -> None:
        """Move the cursor; it is written within ``cursor_interval``: a crash delivers that much again."""
        self._handled = position
        if self._cursor_timer is None and not self._closed:
            loop = asyncio.get_running_loop()
            self._cursor_timer = loop.call_later(self._cursor_interval, self._cursor_due)

    def found(self, count: int) -> None:
        """So many reports that a reconciliation found go to handlers now."""
        self._found += count

    def found_handled(self, count: int) -> None:
        """Handlers have returned for so many of them; once for all, the tape says so at once."""
        self._found -= count
        if self._found or self._closed:
            return
        try:
            self._write_cursor(Flag.RECONCILED)
        except StoreError as error:
            self._on_failure(error)

    def committed(self) -> None:
        """A commit happened: with level ``batch`` a sync follows, off the loop."""
        if self._sync_timer is None and not self._closed:
            loop = asyncio.get_running_loop()
            self._sync_timer = loop.call_later(self._sync_interval, self._sync_due)

    def record(
        self,
        kind: Kind,
        payload: bytes,
        *,
        msg_seq_num: int = 0,
        epoch: int | None = None,
        flags: Flag = Flag.NONE,
    ) -> Record:
        """Return a record of the link's own, carrying the session's present numbers."""
        session = self._session
        return Record(
            kind,
            flags,
            session.epoch if epoch is None else epoch,
            msg_seq_num,
            session.next_out,
            session.next_in,
            self._clock.now().utc_ns,
            payload,
        )

    def write_cursor(self) -> None:
        """Write the cursor when it has moved."""
        if self._handled != self._written:
            self._write_cursor(Flag.NONE)

    def _write_cursor(self, flags: Flag) -> None:
        epoch, msg_seq_num = self._handled
        self._store.commit([self.record(Kind.CURSOR, b"", msg_seq_num=msg_seq_num, epoch=epoch, flags=flags)])
        self._written = self._handled

    def checkpoint(self) -> None:
        """Write numbers, cursor and books, so that the next start reads from here."""
        self._flush()  # the books know what was sent a moment ago, so the tape has to know it too
        self.write_cursor()
        self._store.checkpoint({book.name: book.dump() for book in self._books}, self._clock.now().utc_ns)

    def close(self) -> None:
        """Stop the timers and write the last checkpoint; from here on nothing is written.

        Raises:
            StoreError: the checkpoint could not be written.
        """
        self._closed = True
        for timer in (self._cursor_timer, self._sync_timer):
            if timer is not None:
                timer.cancel()
        self.checkpoint()

    def _cursor_due(self) -> None:
        self._cursor_timer = None
        try:
            self.write_cursor()
            if self._store.checkpoint_due and self._syncing is None:
                self._sync(then=self._checkpoint)  # so that the checkpoint itself has little left to sync
        except StoreError as error:
            self._on_failure(error)

    def _checkpoint(self) -> None:
        """Write a checkpoint, unless messages wait: they would lie before it, and no book knows them."""
        if not len(self._session.room):
            self.checkpoint()

    def _sync_due(self) -> None:
        self._sync_timer = None
        if self._syncing is None:
            self._sync(then=lambda: None)
        else:
            self.committed()  # the sync that runs began before the latest commit

    def _sync(self, then: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._syncing = loop.run_in_executor(None, self._store.sync)
        self._syncing.add_done_callback(lambda done: self._synced(done, then))

    def _synced(self, done: asyncio.Future[None], then: Callable[[], None]) -> None:
        self._syncing = None
        if done.cancelled():
            return
        try:
            done.result()
            if not self._closed:
                then()
        except StoreError as error:
            self._on_failure(error)
