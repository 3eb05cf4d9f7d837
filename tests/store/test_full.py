"""A full disk: injected, and a real one when this machine lets us mount it."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixgw.errors import StoreError, StoreFull
from fixgw.records import Kind, Record
from fixgw.store.reader import records as read_records
from fixgw.store.tape import Tape, TapeSettings
from tests.store.log import UTC_NS, Log

RESERVE = 4096
SETTINGS = TapeSettings(reserve_bytes=RESERVE, checkpoint_records=1)


class Disk:
    """A disk with little room, in place of the system calls that need some.

    Args:
        patch: where the calls are replaced.
        room: bytes that are left.
    """

    def __init__(self, patch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        self.chunk = 1 << 30
        self.reserved = 0
        self.no_space = errno.ENOSPC
        self._pwrite, self._unlink = os.pwrite, os.unlink
        patch.setattr(os, "pwrite", self.pwrite)
        patch.setattr(os, "posix_fallocate", self.allocate)
        patch.setattr(os, "unlink", self.unlink)

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        grows = max(0, offset + len(data) - os.fstat(fd).st_size)
        if grows and not self.room:
            raise OSError(self.no_space, os.strerror(self.no_space))
        size = min(len(data), self.chunk, len(data) - grows + self.room)
        before = os.fstat(fd).st_size
        done = self._pwrite(fd, data[:size], offset)
        self.room -= os.fstat(fd).st_size - before
        return done

    def allocate(self, fd: int, offset: int, size: int) -> None:
        if self.reserved == 0 and self.room < size:
            raise OSError(self.no_space, os.strerror(self.no_space))
        if self.reserved == 0:
            self.room -= size
            self.reserved = size

    def unlink(self, path: str | Path) -> None:
        self._unlink(path)
        if str(path).endswith("reserve"):
            self.room += self.reserved
            self.reserved = 0


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch, 10_000)


def frames(path: Path) -> list[Record]:
    return [record for record in read_records(path) if record.kind == Kind.FRAME]


def commit_until_refused(tape: Tape, log: Log, size: int) -> tuple[list[Record], StoreFull]:
    """Commit pairs until there is no room; return everything before the refused pair, and the refusal."""
    while True:
        committed = list(log.records)
        try:
            tape.commit([log.sent(size=size), log.sent(size=size)])
        except StoreFull as refusal:
            return committed, refusal


@pytest.mark.parametrize("chunk", [1 << 30, 7])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_urgent_messages_go_out_of_the_reserve_and_then_nothing_is_counted(
    tmp_path: Path, disk: Disk, chunk: int, code: int
) -> None:
    log = Log()
    tape = Tape(tmp_path, SETTINGS)
    tape.load()
    disk.chunk, disk.no_space = chunk, code
    while not tape.full:
        tape.commit([log.sent(size=100), log.received()])
    assert not (tmp_path / "reserve").exists()
    assert not tape.checkpoint_due
    assert frames(tmp_path) == log.records
    tape.commit([log.sent(size=100)])  # a cancel
    assert tape.full
    committed, refusal = commit_until_refused(tape, log, 100)
    assert "the disk is full and the reserve is used up" in str(refusal)
    assert frames(tmp_path) == committed
    numbers = committed[-1].next_out
    tape.close()
    tape = Tape(tmp_path, SETTINGS)
    stored = tape.load()
    assert stored.numbers.next_out == numbers
    assert tape.full
    assert any("no room for the reserve" in note for note in stored.notes)
    tape.close()


def test_full_ends_once_the_reserve_can_be_had_again(tmp_path: Path, disk: Disk) -> None:
    log = Log()
    tape = Tape(tmp_path, SETTINGS)
    tape.load()
    disk.room = 0
    tape.commit([log.sent()])
    assert tape.full
    disk.room = RESERVE - 1
    tape.commit([log.sent()])
    assert tape.full
    disk.room = 2 * RESERVE
    tape.commit([log.sent()])
    assert not tape.full
    assert disk.reserved == RESERVE
    assert frames(tmp_path) == log.records
    disk.room = 0
    tape.commit([log.sent()])  # and the reserve serves a second time
    assert tape.full
    tape.close()
    assert frames(tmp_path) == log.records


def test_a_batch_that_was_refused_can_be_committed_later(tmp_path: Path, disk: Disk) -> None:
    log = Log()
    tape = Tape(tmp_path, SETTINGS)
    tape.load()
    tape.commit([log.sent()])
    tape.sync()
    batch = [log.sent(size=9000), log.sent(size=9000)]
    with pytest.raises(StoreFull):
        tape.commit(batch)
    assert frames(tmp_path) == log.records[:1]
    disk.room = 40_000
    tape.commit(batch)
    assert not tape.full
    tape.close()
    assert frames(tmp_path) == log.records
    assert [r.kind for r in read_records(tmp_path)] == [1, Kind.SYNC, 1, 1, Kind.SYNC]


def test_closing_on_a_full_disk_is_quiet(tmp_path: Path, disk: Disk) -> None:
    log = Log()
    tape = Tape(tmp_path, SETTINGS)
    tape.load()
    tape.commit([log.sent()])
    disk.room = disk.reserved = 0
    tape.close()
    assert frames(tmp_path) == log.records


def failing(code: int, *, after: int = 0) -> object:
    """Return a system call that fails with ``code`` from a call on."""
    calls = iter(range(10_000))
    real = os.pwrite

    def call(*arguments: object) -> object:
        if next(calls) < after:
            raise OSError(errno.ENOSPC, "No space left on device")
        if code:
            raise OSError(code, os.strerror(code))
        return real(*arguments)  # type: ignore[arg-type]

    return call


def test_another_fault_while_the_reserve_is_used_ends_the_tape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log()
    tape = Tape(tmp_path)
    tape.load()
    tape.commit([log.sent()])
    monkeypatch.setattr(os, "pwrite", failing(errno.EIO, after=1))
    with pytest.raises(StoreError, match="Input/output error"):
        tape.commit([log.sent()])
    monkeypatch.undo()
    with pytest.raises(StoreError, match="nothing more is written"):
        tape.commit([log.sent()])
    tape.close()
    assert frames(tmp_path) == log.records[:1]


def test_a_fault_while_the_reserve_is_taken_back_leaves_the_tape_full_and_the_record_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log()
    tape = Tape(tmp_path)
    tape.load()
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", failing(0, after=1))
        patch.setattr(os, "posix_fallocate", failing(errno.EIO))
        tape.commit([log.sent()])
        tape.commit([log.sent()])
        assert tape.full
    tape.commit([log.sent()])
    assert not tape.full
    tape.close()
    assert frames(tmp_path) == log.records


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_without_room_for_the_pointer_the_older_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    log = Log()
    tape = Tape(tmp_path)
    tape.load()
    tape.commit([log.sent()])
    tape.checkpoint({"book": b"1"}, UTC_NS)
    pointer = (tmp_path / "checkpoint").read_bytes()
    monkeypatch.setattr(os, "fsync", failing(code))
    if code == errno.ENOSPC:
        tape.checkpoint({"book": b"2"}, UTC_NS)
        assert tape.full
    else:
        with pytest.raises(StoreError, match="could not write the checkpoint file"):
            tape.checkpoint({"book": b"2"}, UTC_NS)
    monkeypatch.undo()
    tape.close()
    assert (tmp_path / "checkpoint").read_bytes() == pointer
    tape = Tape(tmp_path)
    assert tape.load().books == {"book": b"2"}
    tape.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Return the mount point of a file system of 2 MiB."""
    point = tmp_path / "small"
    point.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small file system needs root and the mount program")
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(point)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"this machine does not let us mount a tmpfs: {done.stderr.strip()}")
    yield point
    subprocess.run(["umount", str(point)], check=True)


def test_a_disk_that_is_really_full(small: Path) -> None:
    path, log = small / "session", Log()
    tape = Tape(path)
    tape.load()
    while not tape.full:
        tape.commit([log.sent(size=3000)])
    ordinary = len(log.records)
    committed, _ = commit_until_refused(tape, log, 3000)
    assert (len(committed) - ordinary) * 3050 > 900_000  # the reserve was of use
    assert frames(path) == committed
    assert os.statvfs(small).f_bavail * os.statvfs(small).f_bsize < 8192
    tape.close()

    tape = Tape(path)
    stored = tape.load()
    assert (tape.full, stored.numbers.next_out) == (True, committed[-1].next_out)
    subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
    log = Log()
    log.next_out, log.next_in = stored.numbers.next_out, stored.numbers.next_in
    tape.commit([log.sent()])
    assert not tape.full
    tape.checkpoint({"book": b"blob"}, UTC_NS)
    tape.close()
    assert frames(path) == [*committed, log.records[0]]


def test_a_disk_that_is_full_from_the_start_is_named(small: Path) -> None:
    room = os.statvfs(small).f_bavail * os.statvfs(small).f_bsize
    (small / "ballast").write_bytes(bytes(room))
    with pytest.raises(StoreError, match=r"small/session/lock: .*No space left on device; use .* with room"):
        Tape(small / "session").load()
