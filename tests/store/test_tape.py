"""The tape on disk: files, checkpoints, torn tails and damage."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixgw.errors import StoreCorrupt, StoreError
from fixgw.records import Flag, Kind, Position, Record
from fixgw.store.base import Stored
from fixgw.store.checkpoint import Pointer
from fixgw.store.header import FILE_HEADER_SIZE
from fixgw.store.reader import records as read_records
from fixgw.store.segment import size_of
from fixgw.store.tape import Tape, TapeSettings
from tests.store.log import UTC_NS, Log, numbers_of

SEGMENT = "00000001.tape"


def opened(path: Path, settings: TapeSettings | None = None) -> tuple[Tape, Stored]:
    """Return an open tape and what it knew."""
    tape = Tape(path, settings or TapeSettings())
    return tape, tape.load()


def seen(path: Path) -> tuple[list[Record], Stored]:
    """Open, read everything, close."""
    tape, stored = opened(path)
    try:
        return list(stored.since), stored
    finally:
        tape.close()


def abandon(tape: Tape) -> None:
    """End as a killed process does: nothing is synced or said, the lock goes."""
    tape._release()


@pytest.fixture
def busy(tmp_path: Path) -> tuple[Path, Log]:
    """Return the directory of a tape that a killed process left, without sync, and what it had committed."""
    path, log = tmp_path / "session", Log()
    tape, _ = opened(path)
    for _ in range(10):
        log.sent()
        log.received()
    tape.commit(log.records)
    abandon(tape)
    return path, log


# -- files


def test_files_and_directories_are_private(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    old = os.umask(0)
    try:
        tape, _ = opened(path)
        tape.commit([Log().sent()])
        tape.checkpoint({}, UTC_NS)
        tape.close()
    finally:
        os.umask(old)
    assert {entry.name for entry in path.iterdir()} == {SEGMENT, "checkpoint", "lock", "reserve"}
    assert [stat.S_IMODE(entry.stat().st_mode) for entry in path.iterdir()] == [0o600] * 4
    assert [stat.S_IMODE(entry.stat().st_mode) for entry in (path, path.parent)] == [0o700] * 2
    assert (path / "reserve").stat().st_blocks * 512 >= 1 << 20


def test_a_directory_that_can_not_be_used_is_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/session: can not be used .*writable for this user"):
        Tape(tmp_path / "file" / "session").load()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_write_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="make the directory writable"):
        Tape(tmp_path).load()


def test_a_file_that_is_no_tape_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / SEGMENT).write_bytes(b"somebody's own bytes")
    with pytest.raises(StoreCorrupt, match=r"00000001\.tape: the file header at offset 0"):
        Tape(tmp_path).load()
    assert (tmp_path / SEGMENT).read_bytes() == b"somebody's own bytes"


def test_a_failed_load_lets_go_of_the_lock(tmp_path: Path) -> None:
    (tmp_path / SEGMENT).write_bytes(b"somebody's own bytes")
    tape = Tape(tmp_path)
    for _ in range(2):
        with pytest.raises(StoreCorrupt):
            tape.load()
    (tmp_path / SEGMENT).unlink()
    tape.load()
    tape.close()


def test_opening_and_closing_without_a_commit_adds_nothing(busy: tuple[Path, Log]) -> None:
    path, _ = busy
    seen(path)
    size = (path / SEGMENT).stat().st_size
    seen(path)
    assert (path / SEGMENT).stat().st_size == size


# -- sync


def test_a_sync_is_announced_by_the_next_commit(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path)
    tape.commit([log.sent()])
    first = (tmp_path / SEGMENT).stat().st_size
    thread = threading.Thread(target=tape.sync)
    thread.start()
    thread.join()
    tape.sync()
    tape.commit([log.sent()])
    tape.commit([log.sent()])
    tape.close()
    kinds = [(record.kind, record.payload) for record in read_records(tmp_path) if record.kind == Kind.SYNC]
    assert kinds[0] == (Kind.SYNC, b"%d" % first)
    assert [r.kind for r in read_records(tmp_path)] == [1, Kind.SYNC, 1, 1, Kind.SYNC]


def test_a_failed_write_or_sync_ends_the_tape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise OSError(5, "Input/output error")

    for call, use in (("pwrite", "commit"), ("fdatasync", "sync")):
        log, path = Log(), tmp_path / call
        tape, _ = opened(path)
        tape.commit([log.sent()])
        with monkeypatch.context() as patch:
            patch.setattr(os, call, broken)
            with pytest.raises(StoreError, match=r"Input/output error.*then restart"):
                tape.commit([log.sent()]) if use == "commit" else tape.sync()
        calls: list[Callable[[], None]] = [
            partial(tape.commit, [log.sent()]),
            partial(tape.checkpoint, {}, UTC_NS),
            tape.sync,
        ]
        for again in calls:
            with pytest.raises(StoreError, match="nothing more is written"):
                again()
        tape.close()
        records, _ = seen(path)
        assert numbers_of(r for r in records if r.kind == Kind.FRAME) == [1]


# -- checkpoints


def test_a_checkpoint_is_due_by_records_and_by_bytes(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path, TapeSettings(checkpoint_records=3, checkpoint_bytes=2000))
    tape.commit([log.sent(), log.sent()])
    assert not tape.checkpoint_due
    tape.commit([log.sent()])
    assert tape.checkpoint_due
    tape.checkpoint({}, UTC_NS)
    assert not tape.checkpoint_due
    tape.commit([log.sent(size=2000)])
    assert tape.checkpoint_due
    tape.close()


def test_records_before_a_restart_count_towards_the_next_checkpoint(tmp_path: Path) -> None:
    log, limits = Log(), TapeSettings(checkpoint_records=4)
    tape, _ = opened(tmp_path, limits)
    tape.commit([log.sent(), log.sent(), log.sent()])
    abandon(tape)
    tape, _ = opened(tmp_path, limits)
    tape.commit([log.sent()])
    assert tape.checkpoint_due
    tape.close()


def checkpointed(path: Path) -> tuple[Log, int]:
    """Leave a tape with a checkpoint and records on both sides; return them and where the first ones end."""
    log = Log()
    tape, _ = opened(path)
    for _ in range(20):
        log.received()
        log.sent()
    log.cursor(20)
    tape.commit(log.records)
    tape.checkpoint({"book": b"blob"}, UTC_NS)
    end = (path / SEGMENT).stat().st_size
    tape.commit([log.sent(), log.received()])
    abandon(tape)
    return log, end


def test_only_what_follows_the_checkpoint_is_read(tmp_path: Path) -> None:
    log, _ = checkpointed(tmp_path)
    with (tmp_path / SEGMENT).open("r+b") as file:
        file.seek(FILE_HEADER_SIZE)
        file.write(bytes(100))
    records, stored = seen(tmp_path)
    assert [r.kind for r in records] == [Kind.SYNC, Kind.FRAME, Kind.FRAME]
    assert stored.books == {"book": b"blob"}
    assert numbers_of(stored.unhandled) == [21]
    assert stored.numbers == (1, log.next_out, log.next_in)


def test_damage_on_the_way_of_a_read_is_corruption(tmp_path: Path) -> None:
    checkpointed(tmp_path)
    with (tmp_path / SEGMENT).open("r+b") as file:
        file.seek(FILE_HEADER_SIZE)
        file.write(bytes(100))
    tape, _ = opened(tmp_path)
    with pytest.raises(StoreCorrupt, match=r"00000001\.tape: what lies at offset 56 does not check"):
        list(tape.read(1, 3))
    tape.close()


def test_without_the_pointer_the_whole_tape_is_read_and_the_same_is_known(tmp_path: Path) -> None:
    checkpointed(tmp_path)
    records, with_pointer = seen(tmp_path)
    (tmp_path / "checkpoint").unlink()
    again, without = seen(tmp_path)
    assert [r for r in again if r.kind != Kind.SYNC] == [r for r in records if r.kind != Kind.SYNC]
    for name in ("numbers", "handled", "books", "unhandled", "fresh", "notes"):
        assert getattr(without, name) == getattr(with_pointer, name)


@pytest.mark.parametrize("content", [b"", b"\0" * 40, b"00000001.tape 16 99 deadbeef 00000000\n"])
def test_an_unreadable_pointer_costs_time_and_a_note_only(tmp_path: Path, content: bytes) -> None:
    checkpointed(tmp_path)
    (tmp_path / "checkpoint").write_bytes(content)
    _, stored = seen(tmp_path)
    assert stored.books == {"book": b"blob"}
    assert "the whole tape was read" in stored.notes[0]


def test_an_older_pointer_leads_to_the_newer_checkpoint(tmp_path: Path) -> None:
    checkpointed(tmp_path)
    older = (tmp_path / "checkpoint").read_bytes()
    tape, _ = opened(tmp_path)
    tape.checkpoint({"book": b"newer"}, UTC_NS)
    tape.close()
    (tmp_path / "checkpoint").write_bytes(older)
    records, stored = seen(tmp_path)
    assert stored.books == {"book": b"newer"}
    assert [r.kind for r in records] == [Kind.SYNC]


def test_a_tape_that_ends_before_its_checkpoint_is_corruption(tmp_path: Path) -> None:
    _, end = checkpointed(tmp_path)
    os.truncate(tmp_path / SEGMENT, end - 1)
    with pytest.raises(
        StoreCorrupt, match=f"offset {end - 1} does not check.*{end} bytes were on the medium"
    ):
        seen(tmp_path)


def test_a_pointer_to_a_record_that_is_no_checkpoint_is_corruption(tmp_path: Path) -> None:
    checkpointed(tmp_path)
    pointer = Pointer.decode((tmp_path / "checkpoint").read_bytes())
    assert pointer is not None
    (tmp_path / "checkpoint").write_bytes(pointer._replace(offset=FILE_HEADER_SIZE).encode())
    with pytest.raises(StoreCorrupt, match=r"offset 56 does not check.*a checkpoint was on the medium there"):
        seen(tmp_path)


def test_a_missing_segment_with_a_checkpoint_is_corruption(tmp_path: Path) -> None:
    checkpointed(tmp_path)
    (tmp_path / SEGMENT).unlink()
    with pytest.raises(StoreCorrupt, match=r"00000001\.tape: missing"):
        seen(tmp_path)
    assert not (tmp_path / SEGMENT).exists()


def test_the_checkpoint_of_another_tape_is_not_used(tmp_path: Path) -> None:
    checkpointed(tmp_path / "one")
    checkpointed(tmp_path / "two")
    shutil.copy(tmp_path / "one" / "checkpoint", tmp_path / "two" / "checkpoint")
    with pytest.raises(StoreCorrupt, match="belongs to another tape"):
        seen(tmp_path / "two")


def test_the_scan_for_unhandled_frames_does_not_begin_at_the_start(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path)
    for number in range(1, 200):
        tape.commit([log.received()])
        if number > 3:
            tape.commit([log.cursor(number - 3)])  # always behind, as on a busy session
    tape.checkpoint({}, UTC_NS)
    resume = tape._state.progress.resume
    assert (tmp_path / SEGMENT).stat().st_size - resume < 2000
    tape.close()
    assert numbers_of(seen(tmp_path)[1].unhandled) == [197, 198, 199]


def test_a_session_that_only_beats_is_not_scanned_from_its_start(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path)
    tape.commit([log.received(), log.cursor(1)])
    for _ in range(2):
        for _ in range(100):
            tape.commit([log.received(Flag.ADMIN), log.sent(Flag.ADMIN)])
        tape.commit([log.reset()])
        tape.checkpoint({}, UTC_NS)
        tape.checkpoint({}, UTC_NS)
        assert (tmp_path / SEGMENT).stat().st_size - tape._state.progress.resume < 1000
        tape.close()
        tape, stored = opened(tmp_path)
        assert list(stored.unhandled) == []
    early = log.early(3)
    tape.commit([early, *(log.received(Flag.ADMIN) for _ in range(2))])
    log.filled(4)
    tape.commit([log.records[-1]])
    for _ in range(3):
        tape.checkpoint({}, UTC_NS)
    tape.close()
    assert seen(tmp_path)[1].unhandled == [early]


def test_a_frame_that_waits_is_found_however_far_the_cursor_went(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path)
    early = log.early(100)
    tape.commit([early])
    for number in range(1, 100):
        tape.commit([log.received(), log.cursor(number)])
    tape.checkpoint({}, UTC_NS)
    log.filled(101)
    tape.commit([log.records[-1]])
    tape.close()
    assert seen(tmp_path)[1].unhandled == [early]


def test_frames_before_a_lowered_expected_number_are_found(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path)
    for _ in range(9):
        tape.commit([log.received()])
    tape.commit([log.cursor(4), log.set_numbers(1, 5), log.cursor(4), log.cursor(4)])
    tape.checkpoint({}, UTC_NS)
    tape.close()
    assert numbers_of(seen(tmp_path)[1].unhandled) == [5, 6, 7, 8, 9]


# -- torn tails


def test_a_tape_cut_at_any_byte_of_its_last_records_opens_with_a_prefix(busy: tuple[Path, Log]) -> None:
    path, log = busy
    whole = (path / SEGMENT).read_bytes()
    ends = [FILE_HEADER_SIZE]
    for record in log.records:
        ends.append(ends[-1] + size_of(record))
    assert ends[-1] == len(whole)
    for cut in range(ends[-4], len(whole) + 1):
        (path / SEGMENT).write_bytes(whole[:cut])
        count = sum(end <= cut for end in ends) - 1
        records, stored = seen(path)
        assert [r for r in records if r.kind != Kind.SYNC] == log.records[:count]
        last = log.records[count - 1]
        assert stored.numbers == (last.epoch, last.next_out, last.next_in)
        torn = path / f"{SEGMENT}.{ends[count]}.torn"
        if cut == ends[count]:
            assert list(stored.notes) == []
        else:
            assert f"cut at offset {ends[count]}: {cut - ends[count]} bytes with 0 whole" in stored.notes[0]
            assert torn.read_bytes() == whole[ends[count] : cut]
            assert stat.S_IMODE(torn.stat().st_mode) == 0o600
        for kept in path.glob("*.torn"):
            kept.unlink()


@pytest.mark.parametrize("size", range(FILE_HEADER_SIZE + 1))
def test_a_tape_cut_in_its_file_header_is_fresh(tmp_path: Path, size: int) -> None:
    seen(tmp_path)
    os.truncate(tmp_path / SEGMENT, size)
    _, stored = seen(tmp_path)
    assert stored.fresh
    assert list(stored.notes) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=12),
    cut=st.floats(0, 1),
    junk=st.binary(max_size=80),
)
def test_any_tape_cut_anywhere_and_followed_by_anything_opens_with_a_prefix(
    tmp_path: Path, sizes: list[int], cut: float, junk: bytes
) -> None:
    shutil.rmtree(tmp_path / "s", ignore_errors=True)
    path, log = tmp_path / "s", Log()
    tape, _ = opened(path)
    tape.commit([log.sent(size=size) for size in sizes])
    abandon(tape)
    whole = (path / SEGMENT).read_bytes()
    at = FILE_HEADER_SIZE + int(cut * (len(whole) - FILE_HEADER_SIZE))
    (path / SEGMENT).write_bytes(whole[:at] + junk)
    records, _ = seen(path)
    found = [r for r in records if r.kind != Kind.SYNC]
    assert found == log.records[: len(found)]
    whole_records = sum(map(size_of, found)) + FILE_HEADER_SIZE
    assert at - whole_records < size_of(log.records[min(len(found), len(sizes) - 1)])
    tape, stored = opened(path)  # and what is written after the cut lasts
    assert list(stored.notes) == []
    tape.commit([log.sent()])
    tape.close()
    assert seen(path)[0][len(found) + 1] == log.records[-1]


def test_valid_records_after_a_hole_do_not_make_an_unsynced_tail_corrupt(busy: tuple[Path, Log]) -> None:
    path, log = busy
    hole = FILE_HEADER_SIZE + sum(map(size_of, log.records[:5]))
    with (path / SEGMENT).open("r+b") as file:
        file.seek(hole)
        file.write(bytes(20))
    records, stored = seen(path)
    assert [r for r in records if r.kind != Kind.SYNC] == log.records[:5]
    assert f"with {len(log.records) - 6} whole records" in stored.notes[0]


def test_a_second_torn_tail_at_one_offset_is_kept_as_well(busy: tuple[Path, Log]) -> None:
    path, _ = busy
    seen(path)
    size = (path / SEGMENT).stat().st_size
    for junk in (b"first", b"second"):
        with (path / SEGMENT).open("ab") as file:
            file.write(junk)
        seen(path)
    assert (path / f"{SEGMENT}.{size}.torn").read_bytes() == b"first"
    assert (path / f"{SEGMENT}.{size}.2.torn").read_bytes() == b"second"


# -- flipped bits


def synced(path: Path) -> tuple[Log, int, int]:
    """Leave a tape whose first part is known to be synced; return where the two parts end."""
    log = Log()
    tape, _ = opened(path)
    tape.commit([log.sent(), log.received(), log.sent()])
    tape.sync()
    middle = (path / SEGMENT).stat().st_size
    tape.commit([log.sent(), log.received()])
    abandon(tape)
    return log, middle, (path / SEGMENT).stat().st_size


def flip(path: Path, offset: int, bit: int) -> None:
    data = bytearray((path / SEGMENT).read_bytes())
    data[offset] ^= 1 << bit
    (path / SEGMENT).write_bytes(data)


def test_a_flipped_bit_before_the_synced_offset_is_corruption(tmp_path: Path) -> None:
    _, middle, _ = synced(tmp_path)
    whole = (tmp_path / SEGMENT).read_bytes()
    for offset in range(FILE_HEADER_SIZE, middle, 3):
        flip(tmp_path, offset, offset % 8)
        damaged = (tmp_path / SEGMENT).read_bytes()
        with pytest.raises(
            StoreCorrupt, match=r"00000001\.tape: what lies at offset \d+ .* start with an empty tape"
        ):
            seen(tmp_path)
        assert (tmp_path / SEGMENT).read_bytes() == damaged  # nothing was cut
        (tmp_path / SEGMENT).write_bytes(whole)


def test_a_flipped_bit_after_the_synced_offset_is_a_torn_tail(tmp_path: Path) -> None:
    log, middle, end = synced(tmp_path)
    whole = (tmp_path / SEGMENT).read_bytes()
    for offset in range(middle, end, 3):
        flip(tmp_path, offset, offset % 8)
        records, stored = seen(tmp_path)
        frames = [r for r in records if r.kind == Kind.FRAME]
        assert 3 <= len(frames) < 5
        assert frames == log.records[: len(frames)]
        assert "an unfinished write was cut" in stored.notes[0]
        (tmp_path / SEGMENT).write_bytes(whole)


def test_what_was_committed_while_a_sync_ran_does_not_count_as_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log()
    tape, _ = opened(tmp_path)
    tape.commit([log.sent()])
    end = (tmp_path / SEGMENT).stat().st_size
    monkeypatch.setattr(os, "fdatasync", lambda fd: tape.commit([log.sent()]))
    tape.sync()
    tape.commit([log.sent()])
    abandon(tape)
    monkeypatch.undo()
    assert [r.payload for r in read_records(tmp_path) if r.kind == Kind.SYNC] == [b"%d" % end]
    flip(tmp_path, end + 50, 0)
    records, stored = seen(tmp_path)
    assert records[:1] == log.records[:1]
    assert f"cut at offset {end}" in stored.notes[0]


@pytest.mark.parametrize("part", ["start", "middle", "end"])
def test_a_flipped_bit_in_the_checkpoint_itself_is_corruption(tmp_path: Path, part: str) -> None:
    _, end = checkpointed(tmp_path)
    offset = int((tmp_path / "checkpoint").read_text().split(" ")[1])
    flip(tmp_path, {"start": offset, "middle": offset + 41, "end": end - 1}[part], 0)
    with pytest.raises(StoreCorrupt, match=f"offset {offset} does not check"):
        seen(tmp_path)


def test_after_a_clean_close_any_damage_is_corruption(busy: tuple[Path, Log]) -> None:
    path, _ = busy
    seen(path)
    flip(path, FILE_HEADER_SIZE + 60, 3)
    with pytest.raises(StoreCorrupt, match="offset 56 "):
        seen(path)


def test_a_checkpoint_record_proves_what_was_synced_before_it(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path)
    tape.commit([log.sent()])
    tape.sync()
    tape._state.synced = tape._synced  # as if the SYNC record were the one that is lost
    tape.checkpoint({}, UTC_NS)
    abandon(tape)
    (tmp_path / "checkpoint").unlink()
    flip(tmp_path, FILE_HEADER_SIZE + 50, 1)
    with pytest.raises(StoreCorrupt):
        seen(tmp_path)


def test_the_handled_position_survives_a_checkpoint(tmp_path: Path) -> None:
    checkpointed(tmp_path)
    assert seen(tmp_path)[1].handled == Position(1, 20)
