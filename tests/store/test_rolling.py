"""A tape of many segments: when one begins, what may be asked over them, and what a crash leaves."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from fixgw.errors import ConfigError, StoreCorrupt, StoreError
from fixgw.records import Flag, Kind, Position, Record
from fixgw.store import segment as segment_module
from fixgw.store.archive import compress
from fixgw.store.base import Stored
from fixgw.store.check import check
from fixgw.store.header import FILE_HEADER_SIZE
from fixgw.store.housekeeping import DAY_NS
from fixgw.store.memory import MemoryStore
from fixgw.store.reader import TapeReader
from fixgw.store.reader import records as read_records
from fixgw.store.segment import HEADER_SIZE, pack_all
from fixgw.store.tape import Tape, TapeSettings
from tests.conftest import soak
from tests.store.log import UTC_NS, Log, numbers_of, originals
from tests.store.test_conformance import random_session

SMALL = TapeSettings(segment_bytes=2000)
TINY = TapeSettings(segment_bytes=1)


def opened(path: Path, settings: TapeSettings = SMALL) -> tuple[Tape, Stored]:
    tape = Tape(path, settings)
    return tape, tape.load()


def names(path: Path) -> list[str]:
    """Return the names of the segments of a tape."""
    return sorted(entry.name for entry in path.iterdir() if ".tape" in entry.name)


def frames(path: Path) -> list[Record]:
    return [record for record in read_records(path) if record.kind not in (Kind.SYNC, Kind.CHECKPOINT)]


def rolled(path: Path, segments: int = 3) -> Log:
    """Leave a tape of some segments with two records each, as a killed process does."""
    log = Log()
    tape, _ = opened(path, TINY)
    for _ in range(segments):
        tape.commit([log.sent(), log.received()])
    tape._release()
    assert names(path) == [f"{number:08d}.tape" for number in range(1, segments + 1)]
    return log


# -- when a segment begins


def test_a_segment_begins_once_the_present_one_is_large_enough(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path)
    while log.next_out < 100:
        tape.commit([log.sent(size=100), log.received(), log.sent(size=100)])
    tape.close()
    sizes = [(tmp_path / name).stat().st_size for name in names(tmp_path)]
    assert len(sizes) > 5
    assert all(2000 <= size < 2600 for size in sizes[:-1])
    assert frames(tmp_path) == log.records


def test_a_batch_is_never_divided(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path, TINY)
    for _ in range(3):
        tape.commit([log.sent(size=3000), log.sent(size=3000)])
    tape.close()
    for number, name in enumerate(names(tmp_path)):
        found = [r for r in read_records(tmp_path / name) if r.kind == Kind.FRAME]
        assert found == log.records[2 * number : 2 * number + 2]


def days(path: Path, settings: TapeSettings, times: list[int]) -> list[list[int]]:
    """Commit a record at each time, opening the tape each time; return the times by segment."""
    log = Log()
    for utc_ns in times:
        tape, _ = opened(path, settings)
        tape.commit([log.sent()._replace(utc_ns=utc_ns)])
        tape.close()
    return [[r.utc_ns for r in read_records(path / name) if r.kind == Kind.FRAME] for name in names(path)]


MIDNIGHT = UTC_NS - UTC_NS % DAY_NS


def test_a_segment_begins_with_another_day(tmp_path: Path) -> None:
    first = [MIDNIGHT, MIDNIGHT + DAY_NS - 1]
    third = [MIDNIGHT + 2 * DAY_NS + 5, MIDNIGHT + 2 * DAY_NS, MIDNIGHT + 3 * DAY_NS - 1]
    assert days(tmp_path, TapeSettings(), first + third) == [first, third]


def test_days_do_not_matter_when_they_shall_not(tmp_path: Path) -> None:
    times = [MIDNIGHT + day * DAY_NS for day in range(3)]
    assert days(tmp_path, TapeSettings(roll_daily=False), times) == [times]


def test_an_empty_segment_does_not_end(tmp_path: Path) -> None:
    log = Log()
    for _ in range(3):
        tape, _stored = opened(tmp_path, TINY)
        tape._release()
    tape, _stored = opened(tmp_path, TINY)
    tape.commit([log.sent()])
    tape.close()
    assert names(tmp_path) == ["00000001.tape"]


def test_a_segment_deserves_a_checkpoint(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path)
    tape.commit([log.sent(size=2000)])
    assert not tape.checkpoint_due
    tape.commit([log.sent()])
    assert tape.checkpoint_due
    tape.checkpoint({}, UTC_NS)
    assert not tape.checkpoint_due
    tape.close()


def test_settings_that_can_not_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="give segment_bytes 1 or more"):
        TapeSettings(segment_bytes=0)
    with pytest.raises(ConfigError, match="retention_days 0"):
        TapeSettings(retention_days=-1)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EMFILE])
def test_where_no_segment_can_begin_the_present_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    log = Log()
    tape, _ = opened(tmp_path, TapeSettings(segment_bytes=1, checkpoint_bytes=500))
    tape.commit([log.sent()])
    real = os.open

    def refusing(path: Path, *arguments: int) -> int:
        if str(path).endswith(".tape.new"):
            raise OSError(code, os.strerror(code))
        return real(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refusing)
        tape.commit([log.sent()])
        tape.commit([log.sent()])
        assert [record.message for record in caplog.records] == ["segment not begun"]
        tape.commit([log.sent(size=500)])
    assert names(tmp_path) == ["00000001.tape"]
    tape.commit([log.sent()])
    assert names(tmp_path) == ["00000001.tape", "00000002.tape"]
    tape.close()
    assert frames(tmp_path) == log.records


# -- reading over segments


@pytest.mark.parametrize("segment_bytes", [1, 5000])
def test_numbers_are_found_over_segments_whatever_was_done_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, segment_bytes: int
) -> None:
    monkeypatch.setattr(segment_module, "WINDOW", HEADER_SIZE)
    records = random_session(segment_bytes, 3000)
    memory, (tape, _) = MemoryStore(), opened(tmp_path, TapeSettings(segment_bytes=segment_bytes))
    memory.load()
    for at in range(0, len(records), 40):
        for store in (memory, tape):
            store.commit(records[at : at + 40])
    top = max(record.next_out for record in records)
    for begin, end in [(1, top), (1, 1), (top // 2, top // 2 + 9), (top - 3, top + 5), (top, 2**31)]:
        assert list(tape.read(begin, end)) == list(memory.read(begin, end))
    tape.close()
    tape, stored = opened(tmp_path)
    assert stored.numbers == memory._numbers
    assert list(tape.read(1, top)) == originals(records, 1, top)
    tape.close()
    assert frames(tmp_path) == records


def test_what_is_known_does_not_depend_on_the_segments(tmp_path: Path) -> None:
    log = Log()
    for name, settings in (("one", TapeSettings()), ("many", TINY)):
        log.__init__()  # type: ignore[misc]
        tape, _ = opened(tmp_path / name, settings)
        for number in range(1, 30):
            tape.commit([log.received(), log.sent()])
            if number % 3 == 0:
                tape.commit([log.cursor(number - 2)])
            if number % 10 == 0:
                tape.checkpoint({"book": b"%d" % number}, UTC_NS)
        tape.close()
    (one, first), (many, second) = opened(tmp_path / "one"), opened(tmp_path / "many", TINY)
    for field in ("numbers", "handled", "books", "unhandled", "fresh", "notes"):
        assert getattr(second, field) == getattr(first, field)
    since = [[r for r in stored.since if r.kind == Kind.FRAME] for stored in (first, second)]
    assert since[0] == since[1]
    assert numbers_of(many.read(1, 99)) == list(range(1, 30))
    one.close()
    many.close()


def test_a_sync_covers_the_segments_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rolled(tmp_path)
    tape, _ = opened(tmp_path, TINY)
    synced: list[str] = []
    real = os.fdatasync

    def noting(fd: int) -> None:
        synced.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        real(fd)

    monkeypatch.setattr(os, "fdatasync", noting)
    tape.commit([Log().sent()])
    tape.sync()
    assert synced == ["00000001.tape", "00000002.tape", "00000003.tape", "00000004.tape"]
    synced.clear()
    tape.commit([Log().sent()])
    tape.sync()
    assert synced == ["00000004.tape", "00000005.tape"]
    tape.close()


def test_a_sync_covers_the_name_of_a_segment_that_a_process_before_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log()
    tape, _ = opened(tmp_path, TINY)
    tape.commit([log.sent()])
    tape.sync()
    tape.commit([log.sent()])  # in another segment, which tells of that sync
    tape._release()
    tape, _ = opened(tmp_path)
    directories: list[Path] = []
    monkeypatch.setattr("fixgw.store.tape.sync_directory", directories.append)
    tape.sync()
    assert directories == [tmp_path]
    tape.close()


# -- beside the writer


def test_a_reader_follows_over_segments(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path, TINY)
    with TapeReader(tmp_path) as reader:
        for size in (1, 1, 3, 1):
            for _ in range(size):
                tape.commit([log.sent(), log.received()])
            assert list(reader.read()) == log.records[-2 * size :]
        assert list(reader.read()) == []
    tape.close()
    assert list(read_records(tmp_path / "00000002.tape")) == log.records[2:4]


def test_a_reader_that_is_overtaken_by_retention_says_so(tmp_path: Path) -> None:
    log = rolled(tmp_path, 4)
    with TapeReader(tmp_path) as reader:
        assert next(reader.read()) == log.records[0]
        (tmp_path / "00000001.tape").unlink()
        (tmp_path / "00000002.tape").unlink()
        with pytest.raises(StoreError, match=r"00000001\.tape: the segment after it was deleted"):
            list(reader.read())


def test_a_reader_does_not_go_on_with_another_tape(tmp_path: Path) -> None:
    rolled(tmp_path / "one")
    rolled(tmp_path / "two")
    with TapeReader(tmp_path / "one") as reader:
        next(reader.read())
        (tmp_path / "two" / "00000002.tape").replace(tmp_path / "one" / "00000002.tape")
        with pytest.raises(StoreCorrupt, match="belongs to another tape"):
            list(reader.read())


# -- tapes of the first version


def first_version(path: Path, log: Log) -> None:
    """Write a tape as it was when it had one segment, with a header of 16 bytes."""
    seed = 0xABCD
    start = struct.pack("<8sI", b"fixgwtp1", seed)
    path.mkdir()
    content = start + struct.pack("<I", zlib.crc32(start)) + pack_all(log.records, seed)
    (path / "00000001.tape").write_bytes(content)


def test_a_tape_of_the_first_version_goes_on(tmp_path: Path) -> None:
    path, log = tmp_path / "session", Log()
    for _ in range(20):
        log.sent()
        log.received()
    log.cursor(15)
    first_version(path, log)
    tape, stored = opened(path, TapeSettings())
    assert stored.numbers == (1, 21, 21)
    assert stored.handled == Position(1, 15)
    assert numbers_of(stored.unhandled) == [16, 17, 18, 19, 20]
    tape.commit([log.sent()])
    tape.checkpoint({"book": b"1"}, UTC_NS)
    tape.commit([log.sent()._replace(utc_ns=UTC_NS + DAY_NS)])
    assert numbers_of(tape.read(1, 99)) == list(range(1, 23))
    tape.close()
    assert names(path) == ["00000001.tape", "00000002.tape"]
    tape, stored = opened(path, TapeSettings())
    assert (stored.numbers, stored.books) == ((1, 23, 21), {"book": b"1"})
    assert numbers_of(tape.read(19, 22)) == [19, 20, 21, 22]
    tape.close()


def test_a_tape_of_the_first_version_has_the_day_of_its_first_record(tmp_path: Path) -> None:
    path, log = tmp_path / "session", Log()
    log.sent()
    first_version(path, log)
    tape, _ = opened(path, TapeSettings())
    tape.commit([log.sent()])
    tape.commit([log.sent()._replace(utc_ns=UTC_NS + DAY_NS)])
    tape.close()
    assert names(path) == ["00000001.tape", "00000002.tape"]


# -- segments that do not belong together, and torn tails over several


def test_a_segment_that_is_missing_in_the_middle_is_named(tmp_path: Path) -> None:
    rolled(tmp_path)
    (tmp_path / "00000002.tape").unlink()
    with pytest.raises(StoreCorrupt, match=r"00000003\.tape: 00000002\.tape is missing before it"):
        opened(tmp_path)


def test_a_segment_of_another_tape_is_named(tmp_path: Path) -> None:
    rolled(tmp_path / "one")
    rolled(tmp_path / "two")
    (tmp_path / "two" / "00000003.tape").replace(tmp_path / "one" / "00000003.tape")
    with pytest.raises(StoreCorrupt, match=r"00000003\.tape: it does not continue 00000002\.tape"):
        opened(tmp_path / "one")


def test_a_segment_that_goes_on_after_the_next_has_begun_is_named(tmp_path: Path) -> None:
    rolled(tmp_path)
    with (tmp_path / "00000001.tape").open("ab") as file:
        file.write(b"more")
    with pytest.raises(StoreCorrupt, match=r"00000001\.tape goes on after 00000002\.tape has begun"):
        opened(tmp_path)


def test_what_can_still_be_asked_for_has_to_be_there(tmp_path: Path) -> None:
    rolled(tmp_path)
    tape, _ = opened(tmp_path)
    tape.checkpoint({}, UTC_NS)
    tape.close()
    (tmp_path / "00000001.tape").unlink()
    with pytest.raises(StoreCorrupt, match=r"00000002\.tape: the segments before it are missing"):
        opened(tmp_path)


def test_the_segment_of_the_checkpoint_has_to_be_there(tmp_path: Path) -> None:
    rolled(tmp_path)
    tape, _ = opened(tmp_path)
    tape.checkpoint({}, UTC_NS)
    tape.close()
    (tmp_path / "00000003.tape").unlink()
    with pytest.raises(StoreCorrupt, match=r"00000003\.tape: missing at offset 0"):
        opened(tmp_path)


@pytest.mark.parametrize("lost", [1, 50, 90])
def test_an_unsynced_tail_may_reach_over_segments(tmp_path: Path, lost: int) -> None:
    log = rolled(tmp_path)
    first = tmp_path / "00000001.tape"
    os.truncate(first, first.stat().st_size - lost)  # the power went before this was on the medium
    tape, stored = opened(tmp_path)
    kept = [record for record in stored.since if record.kind == Kind.FRAME]
    assert kept == log.records[: 2 - (lost + 65) // 66]
    assert "an unfinished write was cut" in stored.notes[0]
    assert stored.notes[0].count(".torn") == 3 if lost != 66 else 2
    assert names(tmp_path)[0] == "00000001.tape"
    assert "00000002.tape.torn" in names(tmp_path)
    log.next_out, log.next_in = stored.numbers.next_out, stored.numbers.next_in
    tape.commit([log.sent()])
    tape.close()
    tape, stored = opened(tmp_path)
    assert (list(stored.notes), stored.numbers.next_out) == ([], log.next_out)
    tape.close()


def test_a_synced_tail_over_segments_is_corruption(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path, TINY)
    for _ in range(3):
        tape.commit([log.sent()])
        tape.sync()
    tape._release()
    first = tmp_path / "00000001.tape"
    os.truncate(first, first.stat().st_size - 1)
    with pytest.raises(StoreCorrupt, match=r"00000001\.tape: .*offset 56 .*of 00000002\.tape says"):
        opened(tmp_path)


@pytest.mark.parametrize("content", [b"", bytes(FILE_HEADER_SIZE), b"fixgwtp2" + bytes(40), b"fix"])
def test_a_segment_whose_header_was_not_finished_is_begun_again(tmp_path: Path, content: bytes) -> None:
    log = rolled(tmp_path, 2)
    (tmp_path / "00000003.tape").write_bytes(content)
    (tmp_path / "00000009.tape.new").write_bytes(content)
    assert frames(tmp_path) == log.records
    tape, stored = opened(tmp_path, TINY)
    assert (stored.numbers.next_out, list(stored.notes)) == (log.next_out, [])
    tape.commit([log.sent()])
    tape.close()
    assert names(tmp_path) == ["00000001.tape", "00000002.tape", "00000003.tape"]
    assert frames(tmp_path) == log.records


def zero_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(FILE_HEADER_SIZE))


def test_the_records_of_a_segment_whose_header_never_reached_the_medium_are_kept_aside(
    tmp_path: Path,
) -> None:
    log = rolled(tmp_path)
    last = tmp_path / "00000003.tape"
    zero_header(last)
    left = last.read_bytes()
    assert frames(tmp_path) == log.records[:4]
    tape, stored = opened(tmp_path, TINY)
    assert stored.numbers.next_out == 3
    assert f"{last}: its header was not finished" in stored.notes[0]
    assert (tmp_path / "00000003.tape.torn").read_bytes() == left
    log.next_out, log.next_in = stored.numbers.next_out, stored.numbers.next_in
    tape.commit([log.sent()])
    tape.close()
    assert frames(tmp_path) == [*log.records[:4], log.records[-1]]


def test_several_segments_may_be_unfinished_at_the_end(tmp_path: Path) -> None:
    log = rolled(tmp_path, 4)
    zero_header(tmp_path / "00000003.tape")
    (tmp_path / "00000004.tape").write_bytes(b"")
    assert frames(tmp_path) == log.records[:4]
    tape, stored = opened(tmp_path, TINY)
    tape.close()
    assert stored.numbers.next_out == 3
    assert names(tmp_path) == ["00000001.tape", "00000002.tape", "00000003.tape.torn"]


def test_archives_are_no_tape_to_begin_anew_beside(tmp_path: Path) -> None:
    rolled(tmp_path, 2)
    compress(tmp_path / "00000001.tape", lambda: False)
    zero_header(tmp_path / "00000002.tape")
    with pytest.raises(StoreCorrupt, match=r"00000001\.tape\.gz: the segments after it are missing"):
        opened(tmp_path)
    assert names(tmp_path) == ["00000001.tape.gz", "00000002.tape"]


def test_a_first_segment_that_lost_its_header_is_corruption_and_stays(tmp_path: Path) -> None:
    rolled(tmp_path, 1)
    zero_header(tmp_path / "00000001.tape")
    left = (tmp_path / "00000001.tape").read_bytes()
    for read in (opened, frames):
        with pytest.raises(StoreCorrupt, match=r"00000001\.tape: the file header at offset 0"):
            read(tmp_path)
    assert (tmp_path / "00000001.tape").read_bytes() == left


def test_a_damaged_header_of_a_later_segment_is_corruption(tmp_path: Path) -> None:
    rolled(tmp_path)
    with (tmp_path / "00000003.tape").open("r+b") as file:
        file.seek(30)
        file.write(b"?")
    with pytest.raises(StoreCorrupt, match=r"00000003\.tape: the file header at offset 0"):
        opened(tmp_path)


# -- a process that is killed while a segment begins

# It begins a segment with each commit, writes a checkpoint now and then, resets, and compresses what it may.
ROLLER = """
import os, sys
from fixgw.store.tape import Tape, TapeSettings
from tests.store.log import UTC_NS, Log
log, tape = Log(), Tape(sys.argv[1], TapeSettings(segment_bytes=1))
stored = tape.load()
log.epoch, log.next_out, log.next_in = stored.numbers
while True:
    tape.commit([log.sent(), log.received(), log.sent(size=log.next_out % 700)])
    os.write(1, b"%d %d\\n" % (log.epoch, log.next_out))
    if len(sys.argv) > 2:
        sys.stdin.readline()  # who watches sets the pace
    log.records.clear()
    tape.commit([log.cursor(log.next_in - 1)])
    if log.next_out % 13 == 1:
        tape.checkpoint({"numbers": b"%d" % log.next_out}, UTC_NS)
    if log.next_out % 90 == 1:
        tape.commit([log.reset()])
"""


def kill_at(path: Path, lines: int) -> None:
    """Let a process write until it told that many commits, kill it, and see that nothing is lost."""
    command = [sys.executable, "-c", ROLLER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        told = [writer.stdout.readline() for _ in range(lines)]
        writer.kill()
        told += writer.stdout.readlines()
        assert writer.stderr.read() == ""
    epoch, next_out = map(int, told[-1].split())
    tape, stored = opened(path)
    try:
        assert (epoch, next_out) <= stored.numbers[:2] <= (epoch + 1, next_out + 2)
        assert numbers_of(tape.read(1, 1000)) == list(range(1, stored.numbers.next_out))
        assert list(stored.notes) == []
    finally:
        tape.close()
    assert check(path).faults == []


def test_a_process_killed_while_segments_begin_leaves_a_tape_that_opens(tmp_path: Path) -> None:
    for lines in (7, 130, 3):
        kill_at(tmp_path, lines)
    assert len(names(tmp_path)) > 50
    assert any(name.endswith(".gz") for name in names(tmp_path))


def test_a_reader_follows_another_process_over_segments_and_archives(tmp_path: Path) -> None:
    opened(tmp_path)[0].close()
    command = [sys.executable, "-c", ROLLER, str(tmp_path), "paced"]
    with (
        TapeReader(tmp_path) as reader,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as writer,
    ):
        assert writer.stdin is not None
        assert writer.stdout is not None
        found: list[Record] = []
        for turn in range(100):
            told = writer.stdout.readline()
            writer.stdin.write(b"\n")
            if turn % 10 == 0:  # it is late now and then, and finds archives
                found += reader.read()
        writer.kill()
        writer.stdout.read()
        found += reader.read()
    epoch, next_out = map(int, told.split())
    assert (found[-1].epoch, found[-1].next_out) >= (epoch, next_out)
    assert found == list(read_records(tmp_path))
    assert sum(record.flags & Flag.OUTBOUND for record in found) >= 200


@pytest.mark.soak
def test_many_kills_while_segments_begin(tmp_path: Path) -> None:
    for kill in range(soak(100)):
        kill_at(tmp_path / str(kill // 5), 1 + kill * 37 % 120)


# -- each step of beginning a segment


def test_a_crash_at_each_step_of_beginning_a_segment_leaves_a_tape_that_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> int:
        raise Killed

    steps: dict[str, tuple[object, str, Callable[..., object]]] = {
        "open": (os, "open", killed),
        "header": (os, "pwrite", killed),
        "rename": (Path, "replace", killed),
        "unlink": (Path, "unlink", lambda *_, **__: None),
    }
    for name in ("open", "header", "rename"):
        log, path = Log(), tmp_path / name
        tape, _ = opened(path, TINY)
        tape.commit([log.sent()])
        with monkeypatch.context() as patch:
            for step in (name, "unlink"):
                patch.setattr(*steps[step])
            with pytest.raises(Killed):
                tape.commit([log.sent()])
        tape._release()
        tape, stored = opened(path, TINY)
        assert stored.numbers.next_out == 2
        assert {entry.name for entry in path.iterdir()} == {"00000001.tape", "lock", "reserve"}
        tape.close()
