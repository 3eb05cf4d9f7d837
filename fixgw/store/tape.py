"""The tape: a session's append-only log on disk, its message store and audit trail in one."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fixgw.errors import StoreCorrupt, StoreError, StoreFull
from fixgw.records import Flag, Kind, Record
from fixgw.store.base import Stored, Sync
from fixgw.store.checkpoint import Checkpoint, Pointer
from fixgw.store.lock import Lock, hold
from fixgw.store.progress import Run
from fixgw.store.recover import Recovered, Stretch, Tail, corrupt, recover
from fixgw.store.reserve import NO_SPACE, Reserve
from fixgw.store.segment import FILE_HEADER_SIZE, Segment, file_header, pack, pack_all, segment_name, size_of
from fixgw.store.unhandled import unhandled

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
        self._lock: Lock | None = None
        self._segment: Segment | None = None
        self._state = (
            Recovered()
        )  # of the committed records; ``synced`` is what has been announced on the tape
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
        """True when the records since the last checkpoint are many or large; never while the disk is full."""
        state, settings = self._state, self._settings
        due = (
            state.count >= settings.checkpoint_records or state.end - state.since >= settings.checkpoint_bytes
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
        self._make_directory()
        self._lock = hold(self.path / "lock")
        pointer, notes = self._read_pointer()
        segment = self._segment = self._open_segment(pointer)
        state = self._state = recover(segment, pointer)
        self._synced = state.synced
        if state.tail is not None:
            notes.append(self._cut(segment, state.tail))
        self._full = not self._reserve.take()
        if self._full:
            notes.append(f"{self.path}: the disk is full: no room for the reserve")
        progress = state.progress
        return Stored(
            numbers=progress.numbers,
            handled=progress.handled,
            books=state.books,
            since=Stretch(segment, state.since, state.end),
            unhandled=unhandled(Stretch(segment, progress.resume, state.end), progress.handled),
            fresh=state.end == FILE_HEADER_SIZE,
            notes=notes,
        )

    def _make_directory(self) -> None:
        missing = [path for path in (self.path, *self.path.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir(mode=0o700, exist_ok=True)

    def _read_pointer(self) -> tuple[Pointer | None, list[str]]:
        path = self.path / "checkpoint"
        if not path.exists():
            return None, []
        pointer = Pointer.decode(path.read_bytes())
        if pointer is None:
            return None, [f"{path} does not check: the whole tape was read"]
        return pointer, []

    def _open_segment(self, pointer: Pointer | None) -> Segment:
        path = self.path / segment_name(1)
        if pointer is not None and not path.exists():
            raise StoreCorrupt(
                f"{path}: missing at offset 0, but its checkpoint file is there: restore the segment, "
                "or move the whole directory away to begin anew"
            )
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(fd).st_size < FILE_HEADER_SIZE:
                os.ftruncate(fd, 0)
                os.pwrite(fd, file_header(secrets.randbits(32)), 0)
                os.fsync(fd)
                self._sync_directory()
            return Segment(path, fd)
        except BaseException:
            os.close(fd)
            raise

    def _cut(self, segment: Segment, tail: Tail) -> str:
        """Move a torn tail into a file beside the tape and return the sentence that says so."""
        kept = self._keep(segment, tail)
        os.ftruncate(segment.fd, tail.offset)
        os.fsync(segment.fd)
        self._sync_directory()
        return (
            f"{segment.path}: an unfinished write was cut at offset {tail.offset}: {tail.size} bytes "
            f"with {tail.records} whole records, kept in {kept.name}"
        )

    def _keep(self, segment: Segment, tail: Tail) -> Path:
        stem = f"{segment.path.name}.{tail.offset}"
        earlier = len(list(self.path.glob(f"{stem}.*torn")))
        kept = self.path / (f"{stem}.{earlier + 1}.torn" if earlier else f"{stem}.torn")
        with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            for offset in range(tail.offset, tail.offset + tail.size, 1 << 20):
                out.write(os.pread(segment.fd, min(1 << 20, tail.offset + tail.size - offset), offset))
            out.flush()
            os.fsync(out.fileno())
        return kept

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
        if self._synced > state.synced:
            records = [self._sync_record(records[0].utc_ns), *records]
        data = pack_all(records, segment.seed)
        self._append(segment.fd, data, state.end)
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

        It waits for the medium; after a ``sync`` in a thread there is little left to wait for.

        Raises:
            StoreFull: the disk is full.
            StoreError: the write failed.
        """
        segment, state = self._writable(), self._state
        state.progress.settle(state.end)
        payload = Checkpoint.of(state.progress, books, self._synced).encode()
        epoch, next_out, next_in = state.progress.numbers
        record = Record(Kind.CHECKPOINT, 0, epoch, 0, next_out, next_in, utc_ns, payload)
        self.commit([record])
        self.sync()
        state.since, state.count = state.end, 0
        self._point(Pointer(segment.path.name, state.end - size_of(record), state.end, segment.seed))

    def sync(self) -> None:
        """Bring what was committed to the medium; blocking, safe to call from a thread; nothing once closed.

        Raises:
            StoreError: the medium refused; the tape takes no more, as the kernel may have dropped the pages.
        """
        with self._sync_lock:
            end = self._state.end
            if self._segment is None or end <= self._synced:
                return
            if self._failure is not None:
                raise self._failure
            try:
                os.fdatasync(self._segment.fd)
            except OSError as error:
                raise self._fail("sync", error) from error
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
        segment, stop = self._writable(), self._state.end
        runs = self._state.progress.runs
        following = [*runs[1:], Run(stop, end + 1)]
        for run, after in zip(runs, following, strict=True):
            yield from _originals(segment, run, after, begin, min(end, after.first - 1))

    # -- inside

    def _writable(self) -> Segment:
        if self._failure is not None:
            raise self._failure
        if self._segment is None:
            raise StoreError(f"{self.path}: the store is not open")
        return self._segment

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

    def _point(self, pointer: Pointer) -> None:
        """Replace the pointer file; without room the old one stays, which leads to the new checkpoint too."""
        try:
            self._replace("checkpoint", pointer.encode())
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise self._fail("write the checkpoint file", error) from error
            self._full = True

    def _replace(self, name: str, content: bytes) -> None:
        new = self.path / f"{name}.new"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        new.replace(self.path / name)
        self._sync_directory()

    def _sync_record(self, utc_ns: int) -> Record:
        epoch, next_out, next_in = self._state.progress.numbers
        return Record(Kind.SYNC, 0, epoch, 0, next_out, next_in, utc_ns, b"%d" % self._synced)

    def _announce(self) -> None:
        """Append what is known to be synced, unless a record says so already."""
        state = self._state
        if state.synced < state.data_end and self._segment is not None:
            data = pack(self._sync_record(state.utc_ns), self._segment.seed)
            try:
                self._append(self._segment.fd, data, state.end)
            except StoreFull:
                return  # the next open reads the same without it
            state.end += len(data)

    def _sync_directory(self) -> None:
        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _fail(self, action: str, error: OSError) -> StoreError:
        self._failure = StoreError(
            f"{self.path}: could not {action}: {error.strerror}; nothing more is written to this store: "
            "check the disk, then restart"
        )
        return self._failure

    def _release(self) -> None:
        with self._sync_lock:
            if self._segment is not None:
                self._segment.close()
                self._segment = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _write(fd: int, data: bytes, offset: int) -> None:
    done = os.pwrite(fd, data, offset)
    while done < len(data):
        done += os.pwrite(fd, data[done:], offset + done)


def _originals(segment: Segment, run: Run, after: Run, begin: int, end: int) -> Iterator[Record]:
    """Yield the frames ``begin`` to ``end`` that lie between the two runs' offsets."""
    if begin > end or end < run.first:
        return
    offset = segment.find(run.offset, after.offset, lambda record: record.next_out <= begin)
    for found, record in segment.scan(offset, after.offset):
        offset = found + size_of(record)
        if record.kind == Kind.FRAME:
            if record.flags & _ORIGINAL == Flag.OUTBOUND and begin <= record.msg_seq_num <= end:
                yield record
            if record.next_out > end:
                return
    if offset < after.offset:
        corrupt(segment, offset, "it was read before")
