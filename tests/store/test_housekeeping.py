"""Old segments: compressed, read like the others, deleted late, never touched while they may be asked for."""

from __future__ import annotations

import errno
import gzip
import random
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fixgw.errors import StoreCorrupt
from fixgw.records import Kind, Position, Record
from fixgw.store import archive as archive_module
from fixgw.store.archive import Archive, compress
from fixgw.store.chain import Chain, open_segment
from fixgw.store.files import free_name
from fixgw.store.housekeeping import DAY_NS, Housekeeper, tidy
from fixgw.store.reader import TapeReader
from fixgw.store.tape import TapeSettings
from tests.store.log import UTC_NS, Log, numbers_of
from tests.store.test_rolling import frames, names, opened

SMALL = TapeSettings(segment_bytes=2000)


def never() -> bool:
    return False


def worked(path: Path, settings: TapeSettings = SMALL, reset: bool = True, utc_ns: int = UTC_NS) -> Log:
    """Leave a tape of an epoch of several segments, another after it, and a checkpoint at the end."""
    log = Log()
    tape, _ = opened(path, settings)
    for turn in range(2):
        for _ in range(40):
            tape.commit([log.received(), log.sent(size=100)])
        if reset and not turn:
            tape.commit([log.cursor(40), log.reset()])
    tape.commit([log.cursor(log.next_in - 1)])
    for _ in range(3):  # the place that nothing unhandled lies before follows the cursor by two
        tape.checkpoint({"book": b"blob"}, utc_ns)
        tape._housekeeper.wait()
    tape.close()
    return log


def epochs(path: Path) -> dict[str, set[int]]:
    """Return the epochs of the frames in each segment."""
    return {name: {r.epoch for r in frames(path / name)} for name in names(path)}


def test_what_is_of_a_former_epoch_is_compressed_and_read_like_the_rest(tmp_path: Path) -> None:
    log = worked(tmp_path)
    for name, found in epochs(tmp_path).items():
        assert name.endswith(".gz") == (found == {1})
    assert len([name for name in names(tmp_path) if name.endswith(".gz")]) > 2
    assert frames(tmp_path) == log.records
    tape, stored = opened(tmp_path)
    assert (stored.numbers, stored.handled) == ((2, 41, 41), Position(2, 40))
    assert numbers_of(tape.read(1, 99)) == list(range(1, 41))
    tape.close()


def test_without_a_pointer_archives_are_read_too(tmp_path: Path) -> None:
    log = worked(tmp_path)
    (tmp_path / "checkpoint").unlink()
    tape, stored = opened(tmp_path)
    assert stored.numbers == (2, log.next_out, log.next_in)
    assert stored.books == {"book": b"blob"}
    assert numbers_of(tape.read(1, 99)) == list(range(1, 41))
    tape.close()


def test_an_archive_is_the_segment_for_every_other_program(tmp_path: Path) -> None:
    worked(tmp_path / "plain", TapeSettings(segment_bytes=2000, compress=False))
    first = tmp_path / "plain" / "00000001.tape"
    content, before = first.read_bytes(), first.stat()
    assert compress(first, never)
    archive = tmp_path / "plain" / "00000001.tape.gz"
    assert gzip.decompress(archive.read_bytes()) == content
    assert not first.exists()
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert archive.stat().st_mtime_ns == before.st_mtime_ns
    with open_segment(first) as segment:
        assert segment.end() == len(content)


def test_nothing_of_the_present_epoch_is_touched(tmp_path: Path) -> None:
    log = worked(tmp_path, reset=False, utc_ns=UTC_NS + 1000 * DAY_NS)
    assert not any(name.endswith(".gz") for name in names(tmp_path))
    assert names(tmp_path)[0] == "00000001.tape"
    assert frames(tmp_path) == log.records


def test_what_no_handler_has_seen_is_not_touched(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path)
    for _ in range(60):
        tape.commit([log.received()])
    tape.commit([log.cursor(50), log.reset()])
    for _ in range(60):
        tape.commit([log.sent()])
    for _ in range(3):
        tape.checkpoint({}, UTC_NS + 1000 * DAY_NS)
        tape._housekeeper.wait()
    tape.close()
    assert frames(tmp_path) == log.records
    tape, stored = opened(tmp_path)
    assert numbers_of(stored.unhandled) == list(range(51, 61))
    tape.close()


def test_what_is_older_than_a_setting_back_to_one_is_compressed(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path)
    for number in (1, 1, 20):
        tape.commit([log.set_numbers(number, 1)])
        for _ in range(40):
            tape.commit([log.sent(size=100)])
    for _ in range(3):
        tape.checkpoint({}, UTC_NS)
        tape._housekeeper.wait()
    assert numbers_of(tape.read(1, 99)) == list(range(1, 60))
    tape.close()
    whole = [name for name in names(tmp_path) if not name.endswith(".gz")]
    assert frames(tmp_path) == log.records
    first = frames(tmp_path / whole[0])
    assert log.records.index(first[0]) <= 41 < log.records.index(first[-1])


def test_nothing_is_compressed_when_it_shall_not_be(tmp_path: Path) -> None:
    worked(tmp_path, TapeSettings(segment_bytes=2000, compress=False))
    assert not any(name.endswith(".gz") for name in names(tmp_path))


@pytest.mark.parametrize("compressing", [True, False])
@pytest.mark.parametrize(("days", "kept"), [(29, True), (31, False)])
def test_what_is_older_than_the_retention_is_deleted(
    tmp_path: Path, compressing: bool, days: int, kept: bool
) -> None:
    settings = TapeSettings(segment_bytes=2000, compress=compressing)
    log = worked(tmp_path, settings, utc_ns=UTC_NS + days * DAY_NS)
    assert (names(tmp_path)[0][:8] == "00000001") == kept
    found = frames(tmp_path)
    assert found == log.records[-len(found) :]
    assert {r.epoch for r in found} >= ({1, 2} if kept else {2})
    tape, stored = opened(tmp_path, settings)
    assert (stored.numbers, stored.fresh) == ((2, 41, 41), False)
    assert numbers_of(tape.read(1, 99)) == list(range(1, 41))
    tape.close()
    (tmp_path / "checkpoint").unlink()  # and without it no more is delivered again
    tape, stored = opened(tmp_path, settings)
    assert (stored.numbers, stored.handled) == ((2, 41, 41), Position(2, 40))
    assert list(stored.unhandled) == []
    tape.close()


def test_a_retention_of_zero_days_is_for_ever(tmp_path: Path) -> None:
    settings = TapeSettings(segment_bytes=2000, compress=False, retention_days=0)
    log = worked(tmp_path, settings, utc_ns=UTC_NS + 10_000 * DAY_NS)
    assert frames(tmp_path) == log.records


def test_a_reader_follows_from_a_segment_into_an_archive(tmp_path: Path) -> None:
    log = worked(tmp_path, TapeSettings(segment_bytes=2000, compress=False))
    with TapeReader(tmp_path) as reader:
        read = reader.read()
        assert next(read) == log.records[0]
        chain = Chain.of(tmp_path)
        tidy(tmp_path, chain.parts[4].base, 0, True, never)
        assert names(tmp_path)[3].endswith(".gz")
        rest = [record for record in read if record.kind not in (Kind.SYNC, Kind.CHECKPOINT)]
    assert rest == log.records[1:]


# -- the thread


def test_the_work_is_done_in_a_thread_that_a_close_does_not_wait_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = worked(tmp_path, TapeSettings(segment_bytes=2000, compress=False))
    before = names(tmp_path)
    began, goes_on = threading.Event(), threading.Event()
    real = archive_module.compress

    def slow(path: Path, stopped: Callable[[], bool]) -> bool:
        began.set()
        while not stopped():
            goes_on.wait(0.001)
        return real(path, stopped)

    monkeypatch.setattr("fixgw.store.housekeeping.compress", slow)
    tape, _ = opened(tmp_path)
    tape.checkpoint({}, UTC_NS)
    assert began.wait(10)
    tape.commit([log.sent()])  # the tape is not held up
    tape.checkpoint({}, UTC_NS)
    tape.close()
    assert names(tmp_path) == before
    monkeypatch.undo()
    tape, _ = opened(tmp_path)
    tape.checkpoint({}, UTC_NS)
    tape._housekeeper.wait()
    tape.close()
    assert names(tmp_path)[0] == "00000001.tape.gz"


def test_a_fault_of_the_work_is_logged_and_the_tape_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    worked(tmp_path, TapeSettings(segment_bytes=2000, compress=False))
    before = names(tmp_path)

    def full(*_: object) -> tuple[int, int]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive_module, "_compress_to", full)
    tape, stored = opened(tmp_path)
    tape.checkpoint({}, UTC_NS)
    tape._housekeeper.wait()
    assert [record.message for record in caplog.records] == ["old segments kept"]
    assert "No space left" in str(vars(caplog.records[0])["error"])
    tape.checkpoint({}, UTC_NS)
    tape.close()
    assert stored.numbers == (2, 41, 41)
    assert names(tmp_path) == before


def test_a_housekeeper_with_nothing_to_do_begins_no_thread(tmp_path: Path) -> None:
    threads = threading.active_count()
    Housekeeper(tmp_path, False, 0).start(1 << 40, UTC_NS)
    assert threading.active_count() == threads


# -- compressing, step by step


def test_an_archive_that_does_not_hold_the_segment_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    worked(tmp_path, TapeSettings(segment_bytes=2000, compress=False))
    real = archive_module._compress_to

    def damaging(new: Path, path: Path, stopped: Callable[[], bool]) -> tuple[int, int]:
        done = real(new, path, stopped)
        new.write_bytes(gzip.compress(path.read_bytes()[:-1]))
        return done

    monkeypatch.setattr(archive_module, "_compress_to", damaging)
    before = names(tmp_path)
    tape, _ = opened(tmp_path)
    tape.checkpoint({}, UTC_NS)
    tape._housekeeper.wait()
    tape.close()
    assert names(tmp_path) == before
    assert "does not hold what 00000001.tape holds" in str(vars(caplog.records[0])["error"])


def test_a_stop_ends_the_reading_back_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worked(tmp_path, TapeSettings(segment_bytes=2000, compress=False))
    first = tmp_path / "00000001.tape"
    with first.open("ab") as file:
        file.write(bytes(1 << 20))
    read: list[int] = []
    real = Archive.read_bytes

    def noting(archive: Archive, size: int, offset: int) -> bytes:
        read.append(offset)
        return real(archive, size, offset)

    monkeypatch.setattr(Archive, "read_bytes", noting)
    assert not compress(first, lambda: len(read) > 2)
    assert max(read) < 1 << 20
    assert [name for name in names(tmp_path) if name.startswith("00000001")] == ["00000001.tape"]


def test_files_kept_aside_never_take_the_place_of_others(tmp_path: Path) -> None:
    for name in ("tape.torn", "tape.2.torn", "tape.3.torn"):
        assert free_name(tmp_path / "tape", ".torn").name == name
        (tmp_path / name).touch()
    (tmp_path / "tape.2.torn").unlink()
    assert free_name(tmp_path / "tape", ".torn").name == "tape.2.torn"


def test_what_a_crash_left_of_compressing_is_no_obstacle(tmp_path: Path) -> None:
    log = worked(tmp_path, TapeSettings(segment_bytes=2000, compress=False))
    first = tmp_path / "00000001.tape"
    content = first.read_bytes()
    (tmp_path / "00000001.tape.gz.new").write_bytes(b"half")
    (tmp_path / "00000001.tape.gz").write_bytes(gzip.compress(content))  # and the other was not removed yet
    assert frames(tmp_path) == log.records
    tape, _ = opened(tmp_path)
    tape.checkpoint({}, UTC_NS)
    tape._housekeeper.wait()
    tape.close()
    assert names(tmp_path)[0] == "00000001.tape.gz"
    assert "00000001.tape" not in names(tmp_path)
    assert "00000001.tape.gz.new" not in names(tmp_path)
    assert frames(tmp_path) == log.records


@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_a_damaged_archive_is_read_up_to_the_damage(tmp_path: Path, damage: str) -> None:
    log, chance = Log(), random.Random(1)
    tape, _ = opened(tmp_path, TapeSettings(segment_bytes=60_000))
    while len(names(tmp_path)) < 3:
        tape.commit([log.sent()._replace(payload=chance.randbytes(200))])
        tape.sync()
    tape.close()
    assert compress(tmp_path / "00000001.tape", never)
    archive = tmp_path / "00000001.tape.gz"
    content = bytearray(archive.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    else:
        content[len(content) // 2] ^= 255
    archive.write_bytes(content)
    found: list[Record] = []
    with pytest.raises(StoreCorrupt, match=r"00000001\.tape\.gz: what lies at offset \d+ does not check"):
        found.extend(TapeReader(tmp_path).read())
    own = [record for record in found if record.kind == Kind.FRAME]
    assert 80 < len(own) < 200
    assert own == [r._replace(payload=found_.payload) for r, found_ in zip(log.records, own, strict=False)]


def test_an_archive_can_be_read_backwards_too(tmp_path: Path) -> None:
    log, chance = Log(), random.Random(2)
    tape, _ = opened(tmp_path, TapeSettings(segment_bytes=100_000))
    while len(names(tmp_path)) < 2:
        tape.commit([log.sent()._replace(payload=chance.randbytes(500))])
    tape.close()
    content = (tmp_path / "00000001.tape").read_bytes()
    assert compress(tmp_path / "00000001.tape", never)
    with open_segment(tmp_path / "00000001.tape.gz") as segment:
        for offset in (90_000, 0, 50_000, 49_990, 20, 99_000):
            assert segment.read_bytes(900, offset) == content[offset : offset + 900]
        assert segment.read_bytes(100, len(content)) == b""


def test_archives_alone_are_no_tape_to_go_on_with(tmp_path: Path) -> None:
    worked(tmp_path)
    (tmp_path / "checkpoint").unlink()
    for name in names(tmp_path):
        if not name.endswith(".gz"):
            (tmp_path / name).unlink()
    with pytest.raises(StoreCorrupt, match=r"\.tape\.gz: the segments after it are missing: restore them"):
        opened(tmp_path)
    assert all(name.endswith(".gz") for name in names(tmp_path))
