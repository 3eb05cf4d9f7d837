"""The tape: a session's append-only log on disk, its message store and audit trail in one."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from fixgw.errors import ConfigError, StoreError, StoreFull
from fixgw.records import Flag, Kind, Record
from fixgw.store.base import Stored, Sync
from fixgw.store.chain import Chain, Part, begin_segment, open_segment
from fixgw.store.checkpoint import Checkpoint, Pointer
from fixgw.store.files import make_directory, replace, sync_directory
from fixgw.store.header import Header
from fixgw.store.housekeeping import DAY_NS, Housekeeper
from fixgw.store.lock import Lock, hold
from fixgw.store.opening import cut_tail, open_chain, read_pointer
from fixgw.store.progress import Run
from fixgw.store.recover import Recovered, Stretch, recover
from fixgw.store.reserve import NO_SPACE, Reserve
from fixgw.store.segment import Segment, pack, pack_all, size_of
from fixgw.store.unhandled import unhandled

log = logging.getLogger("fixgw.store")

_NEVER = 1 << 64
_RETRY_NS = 60 * 10**9
_ORIGINAL = Flag.OUTBOUND | Flag.POSS_DUP


@dataclass(frozen=True, slots=True)
class TapeSettings:
    """How a tape is kept.

    Args:
        sync: what a commit survives; the driver calls ``Tape.sync`` accordingly, the tape itself never does.
        checkpoint_bytes: a checkpoint is due after so many bytes,
        checkpoint_records: or after so many records.
        reserve_bytes: disk that is held back for urgent messages.
        segment_bytes: a new segment begins once the present one holds so many bytes,
        roll_daily: and, when true, with the first record of another day (UTC).
        compress: whether a segment of which nothing can be asked for any more is compressed.
        retention_days: how long such a segment is kept after its last record; 0 keeps it for ever.
    """

    sync: Sync = Sync.OS
    checkpoint_bytes: int = 16 << 20
    checkpoint_records: int = 65_536
    reserve_bytes: int = 1 << 20
    segment_bytes: int = 64 << 20
    roll_daily: bool = True
    compress: bool = True
    retention_days: int = 30

    def __post_init__(self) -> None:
        if self.segment_bytes < 1 or self.retention_days < 0:
            raise ConfigError(
                f"segment_bytes {self.segment_bytes} and retention_days {self.retention_days} can not be",
                remedy="give segment_bytes 1 or more, and retention_days 0 (for ever) or more",
            )


class Tape:
    """A store in a directory of its own: segments, ``checkpoint``, ``lock``, ``reserve``, and torn tails.

    Args:
        path: the session's directory; made by ``load``, with mode 0700, when it is missing.
        settings: how it is kept.
    """

    def __init__(self, path: str | Path, settings: TapeSettings = TapeSettings()) -> None:
        self.path = Path(path)
        self._settings = settings
        self._reserve = Reserve(self.path / "reserve", settings.reserve_bytes)
        self._housekeeper = Housekeeper(self.path, settings.compress, settings.retention_days)
        self._lock: Lock | None = None
        self._chain = Chain(self.path, [])
        self._segment: Segment | None = None  # the one that is written to
        self._rolled: list[Segment] = []  # those before it that were not synced to their end
        self._roll_end = self._roll_utc_ns = 0
        self._state = Recovered()  # of what is committed; its ``synced`` is what the tape says of itself
        self._synced = 0
        self._full = False
        self._failure: StoreError | None = None
        self._sync_lock = threading.Lock()

    @property
    def sync_level(self) -> Sync:
        """What a commit survives."""
        return self._settings.sync

    @property
    def full(self) -> bool:
        """True from the moment the disk was found full until the reserve could be allocated again."""
        return self._full

    @property
    def checkpoint_due(self) -> bool:
        """True when the records since the last checkpoint are many or large, or a segment began since.

        Never while the disk is full.
        """
        state, settings = self._state, self._settings
        due = (
            state.count >= settings.checkpoint_records
            or state.end - state.since >= settings.checkpoint_bytes
            or (self._segment is not None and state.since < self._segment.base)
        )
        return due and not self._full

    # -- opening

    def load(self) -> Stored:
        """Lock the directory, read from the last checkpoint, cut a torn tail, and return what is known.

        Raises:
            StoreLocked: another process is the writer.
            StoreCorrupt: what was on the medium does not check.
            StoreError: the directory can not be used.
        """
        if self._segment is not None:
            raise StoreError(f"{self.path}: the store is open already; close it first")
        self._failure = None
        try:
            return self._load()
        except OSError as error:
            self._release()
            raise StoreError(
                f"{self.path}: can not be used as a store: {error.strerror} ({error.filename}); "
                "name a directory on a local disk with room, writable for this user"
            ) from error
        except BaseException:
            self._release()
            raise

    def _load(self) -> Stored:
        make_directory(self.path)
        self._lock = hold(self.path / "lock")
        notes: list[str] = []
        pointer = read_pointer(self.path, notes)
        chain = self._chain = open_chain(self.path, pointer, notes)
        state = self._state = recover(chain, pointer)
        self._synced = state.synced
        if state.tail is not None:
            notes.append(cut_tail(chain, state.tail))
        self._open_last()
        self._full = not self._reserve.take()
        if self._full:
            notes.append(f"{self.path}: the disk is full: no room for the reserve")
        progress = state.progress
        due = unhandled(Stretch(chain, progress.resume, state.end), progress.handled)
        if not due:
            progress.catch_up(state.end)
        elif due[-1].flags & Flag.RECONCILED:
            progress.hold()
        return Stored(
            numbers=progress.numbers,
            handled=progress.handled,
            books=state.books,
            since=Stretch(chain, state.since, state.end),
            unhandled=due,
            fresh=chain.last.number == 1 and state.end == chain.start,
            notes=notes,
        )

    def _open_last(self) -> None:
        """Open the last segment for writing, with all that a process before may have left unsynced."""
        path = self._chain.last.path
        fd = os.open(path, os.O_RDWR)
        try:
            segment = self._segment = Segment(path, fd)
        except BaseException:
            os.close(fd)
            raise
        for part, following in pairwise(self._chain.parts):
            if following.base >= self._synced:  # equal: the name of the following one may not be synced
                self._rolled.append(open_segment(part.path))
        first = next((record for _, record in segment.scan(segment.start, self._state.end)), None)
        self._limit(segment, segment.header.utc_ns or (first.utc_ns if first is not None else 0))

    # -- writing

    def commit(self, records: Sequence[Record]) -> None:
        """Append all records in one write; on return they survive the end of the process.

        Raises:
            StoreFull: the disk is full and the reserve used up; none of the records counts as written.
            StoreError: the write failed; the tape takes no more.
        """
        if not records:
            return
        segment, state, was_full = self._segment, self._state, self._full
        if segment is None or self._failure is not None:
            segment = self._writable()
        if state.end >= self._roll_end or records[0].utc_ns >= self._roll_utc_ns:
            segment = self._roll(segment, records[0].utc_ns)
        if self._synced > state.synced:
            records = [self._sync_record(records[0].utc_ns), *records]
        data = pack_all(records, segment.seed)
        self._append(segment.fd, data, state.end - segment.base)
        if records[0].kind == Kind.SYNC:
            state.synced = int(records[0].payload)
        state.progress.follow(records, state.end)
        state.end = state.data_end = state.end + len(data)
        state.count += len(records)
        state.utc_ns = records[-1].utc_ns
        if was_full:
            with suppress(OSError):  # the records are written; without its reserve the tape stays full
                self._full = not self._reserve.take()

    def checkpoint(self, books: Mapping[str, bytes], utc_ns: int) -> None:
        """Write numbers, cursor and the books' blobs, so that the next ``load`` starts here.

        It waits for the medium; after a ``sync`` in a thread there is little left to wait for. A thread then
        sees to the segments of which nothing can be asked for any more.

        Raises:
            StoreFull: the disk is full.
            StoreError: the write failed.
        """
        self._writable()
        state = self._state
        state.progress.settle(state.end)
        payload = Checkpoint.of(state.progress, books, self._synced).encode()
        epoch, next_out, next_in = state.progress.numbers
        record = Record(Kind.CHECKPOINT, 0, epoch, 0, next_out, next_in, utc_ns, payload)
        self.commit([record])
        self.sync()
        state.since, state.count = state.end, 0
        segment, begin = self._writable(), state.end - size_of(record)
        if self._point(Pointer(segment.path.name, begin, state.end, segment.seed)) and segment.base:
            progress = state.progress
            self._housekeeper.start(min(begin, progress.resume, progress.runs[0].offset), utc_ns)

    def sync(self) -> None:
        """Bring what was committed to the medium; blocking, safe to call from a thread; nothing once closed.

        Raises:
            StoreError: the medium refused; the tape takes no more, as the kernel may have dropped the pages.
        """
        with self._sync_lock:
            # In this order: a segment that begins meanwhile only makes this sync more than it has to.
            end, segment, rolled = self._state.end, self._segment, tuple(self._rolled)
            if segment is None or end <= self._synced:
                return
            if self._failure is not None:
                raise self._failure
            try:
                for before in rolled:
                    os.fdatasync(before.fd)
                os.fdatasync(segment.fd)
                if rolled:
                    sync_directory(self.path)
            except OSError as error:
                raise self._fail("sync", error) from error
            for before in rolled:
                self._rolled.remove(before)
                before.close()
            self._synced = end

    def close(self) -> None:
        """Sync, say so on the tape, release the lock, and end; idempotent."""
        try:
            if self._segment is not None and self._failure is None:
                self.sync()
                self._announce()
        finally:
            self._release()

    # -- reading

    def read(self, begin: int, end: int) -> Iterator[Record]:
        """Yield our original frames of the present epoch by number, lazily; missing ones are left out.

        Args:
            begin: first MsgSeqNum.
            end: last MsgSeqNum, included.

        Raises:
            StoreCorrupt: the tape does not check on the way.
        """
        self._writable()
        stop, runs = self._state.end, self._state.progress.runs
        following = [*runs[1:], Run(stop, end + 1)]
        for run, after in zip(runs, following, strict=True):
            yield from _originals(self._chain, run, after, begin, min(end, after.first - 1))

    # -- inside

    def _writable(self) -> Segment:
        if self._failure is not None:
            raise self._failure
        if self._segment is None:
            raise StoreError(f"{self.path}: the store is not open")
        return self._segment

    def _roll(self, segment: Segment, utc_ns: int) -> Segment:
        """Begin a segment and return it; where that fails the present one goes on, and a later commit tries.

        It waits for no medium: the next ``sync`` does.
        """
        state = self._state
        if state.end == segment.start:
            self._limit(segment, utc_ns)
            return segment
        progress = state.progress
        header = Header(
            secrets.randbits(32), segment.seed, state.end, utc_ns, progress.numbers, progress.handled
        )
        try:
            begun = begin_segment(self.path, self._chain.last.number + 1, header)
        except OSError as error:
            log.warning("segment not begun", extra={"tape": str(self.path), "error": str(error)})
            self._roll_end = state.end + self._settings.checkpoint_bytes
            self._roll_utc_ns = max(self._roll_utc_ns, utc_ns + _RETRY_NS)
            return segment
        self._chain.parts.append(Part.of(begun))
        self._rolled.append(segment)  # before the other takes its place: see ``sync``
        self._segment = begun
        state.end = begun.start
        self._limit(begun, utc_ns)
        return begun

    def _limit(self, segment: Segment, utc_ns: int) -> None:
        """Set where a segment ends: at its size, or with the day of ``utc_ns`` (0: of the next record)."""
        self._roll_end = segment.base + self._settings.segment_bytes
        self._roll_utc_ns = utc_ns - utc_ns % DAY_NS + DAY_NS if utc_ns else 0
        if not self._settings.roll_daily:
            self._roll_utc_ns = _NEVER

    def _append(self, fd: int, data: bytes, offset: int) -> None:
        try:
            _write(fd, data, offset)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise self._fail("write", error) from error
            self._append_from_reserve(fd, data, offset)

    def _append_from_reserve(self, fd: int, data: bytes, offset: int) -> None:
        self._full = True
        try:
            self._reserve.free()
            try:
                _write(fd, data, offset)
            except OSError as error:
                os.ftruncate(fd, offset)
                if error.errno not in NO_SPACE:
                    raise
                raise StoreFull(
                    f"{self.path}: the disk is full and the reserve is used up; free some room"
                ) from error
        except OSError as error:
            raise self._fail("write", error) from error

    def _point(self, pointer: Pointer) -> bool:
        """Replace the pointer file; without room the old one stays, which leads to the new checkpoint too."""
        try:
            replace(self.path / "checkpoint", pointer.encode())
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise self._fail("write the checkpoint file", error) from error
            self._full = True
        return not self._full

    def _sync_record(self, utc_ns: int) -> Record:
        epoch, next_out, next_in = self._state.progress.numbers
        return Record(Kind.SYNC, 0, epoch, 0, next_out, next_in, utc_ns, b"%d" % self._synced)

    def _announce(self) -> None:
        """Append what is known to be synced, unless a record says so already."""
        state = self._state
        if state.synced < state.data_end and self._segment is not None:
            data = pack(self._sync_record(state.utc_ns), self._segment.seed)
            try:
                self._append(self._segment.fd, data, state.end - self._segment.base)
            except StoreFull:
                return  # the next open reads the same without it
            state.end += len(data)

    def _fail(self, action: str, error: OSError) -> StoreError:
        self._failure = StoreError(
            f"{self.path}: could not {action}: {error.strerror}; nothing more is written to this store: "
            "check the disk, then restart"
        )
        return self._failure

    def _release(self) -> None:
        self._housekeeper.stop()
        with self._sync_lock:
            for segment in (*self._rolled, self._segment):
                if segment is not None:
                    segment.close()
            self._rolled.clear()
            self._segment = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _write(fd: int, data: bytes, offset: int) -> None:
    done = os.pwrite(fd, data, offset)
    while done < len(data):
        done += os.pwrite(fd, data[done:], offset + done)


def _originals(chain: Chain, run: Run, after: Run, begin: int, end: int) -> Iterator[Record]:
    """Yield the frames ``begin`` to ``end`` that lie between the two runs' offsets."""
    if begin > end or end < run.first:
        return
    offset = chain.find(run.offset, after.offset, lambda record: record.next_out <= begin)
    for found, record in chain.scan(offset, after.offset):
        offset = found + size_of(record)
        if record.kind == Kind.FRAME:
            if record.flags & _ORIGINAL == Flag.OUTBOUND and begin <= record.msg_seq_num <= end:
                yield record
            if record.next_out > end:
                return
    if chain.skip_header(offset) < after.offset:
        chain.corrupt(offset, "it was read before")
