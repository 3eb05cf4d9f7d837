"""What a check finds in a tape, and what a repair makes of it."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from fixgw.errors import StoreError, StoreLocked
from fixgw.records import Flag, Kind, Record
from fixgw.store import check as check_module
from fixgw.store import repair as repair_module
from fixgw.store.chain import Chain
from fixgw.store.check import TapeCheck, check, tapes_in
from fixgw.store.repair import repair
from fixgw.store.segment import size_of
from fixgw.store.tape import TapeSettings
from tests.conftest import soak
from tests.store.log import UTC_NS, Log, numbers_of
from tests.store.test_conformance import random_session
from tests.store.test_rolling import frames, names, opened, rolled

SMALL = TapeSettings(segment_bytes=3000, compress=False)


def worked(path: Path, settings: TapeSettings = SMALL) -> Log:
    """Leave a tape of two epochs, cursors and checkpoints over several segments, closed."""
    log = Log()
    tape, _ = opened(path, settings)
    for turn in range(2):
        for number in range(1, 41):
            tape.commit([log.received(), log.sent(size=100)])
            if number % 10 == 0:
                tape.commit([log.cursor(number)])
                tape.checkpoint({"book": b"%d" % number}, UTC_NS)
                tape._housekeeper.wait()
        if not turn:
            tape.commit([log.reset()])
    tape.commit([log.sent()])
    tape.close()
    return log


def whats(found: TapeCheck) -> list[str]:
    return [f"{fault.file}:{fault.offset} {fault.what}" for fault in found.faults]


def flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def place_of(path: Path, wanted: Record) -> tuple[Path, int]:
    """Return file and offset of a record."""
    chain = Chain.of(path)
    for offset, record in chain.scan(chain.start, chain.end()):
        if record == wanted:
            return chain.place(offset)
    raise AssertionError(wanted)


# -- what is sound


@pytest.mark.parametrize("compress", [True, False])
def test_a_sound_tape_is_told_segment_by_segment(tmp_path: Path, compress: bool) -> None:
    log = worked(tmp_path, TapeSettings(segment_bytes=3000, compress=compress))
    found = check(tmp_path)
    assert (found.sound, found.faults, found.holes, found.tail) == (True, [], [], None)
    assert (found.numbers, found.handled) == ((2, log.next_out, log.next_in), (2, 40))
    assert [segment.name for segment in found.segments] == names(tmp_path)
    assert [segment.compressed for segment in found.segments].count(True) == (3 if compress else 0)
    assert [segment.bytes for segment in found.segments] == [
        (tmp_path / name).stat().st_size for name in names(tmp_path)
    ]
    assert sum(segment.records for segment in found.segments) > len(log.records)
    spans = [span for segment in found.segments for span in segment.spans.values()]
    assert [span.epoch for span in spans] == sorted(span.epoch for span in spans)
    for epoch, last_out in ((1, 40), (2, 41)):
        ours = [span for span in spans if span.epoch == epoch]
        assert (ours[0].first_out, ours[-1].last_out) == (1, last_out)
        assert all(a.last_out + 1 == b.first_out for a, b in pairwise(ours))
        assert (ours[0].first_in, max(span.last_in for span in ours)) == (1, 40)


@pytest.mark.parametrize("segment_bytes", [1, 4000, 1 << 20])
def test_whatever_a_session_does_is_sound(tmp_path: Path, segment_bytes: int) -> None:
    records = random_session(3, 2000)
    tape, _ = opened(tmp_path, TapeSettings(segment_bytes=segment_bytes))
    for at in range(0, len(records), 25):
        tape.commit(records[at : at + 25])
        if at % 500 == 0:
            tape.checkpoint({}, UTC_NS)
    tape.close()
    faults = [what for what in whats(check(tmp_path)) if "cursor" not in what]  # its cursors are random
    assert faults == []


def test_a_tape_is_checked_beside_its_writer_and_an_unfinished_write_is_no_fault(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path, SMALL)
    tape.commit([log.sent(), log.received()])
    with (tmp_path / "00000001.tape").open("ab") as file:
        file.write(b"\xf1X\x01\x00 and so on")
    found = check(tmp_path)
    assert (found.sound, found.tail, found.segments[0].torn_bytes) == (
        True,
        56 + size_of(log.records[0]) * 2,
        14,
    )
    assert found.numbers == (1, 2, 2)
    tape._release()


def test_an_unfinished_write_may_reach_over_segments(tmp_path: Path) -> None:
    rolled(tmp_path)
    first = tmp_path / "00000001.tape"
    os.truncate(first, first.stat().st_size - 1)
    found = check(tmp_path)
    assert found.sound
    assert [segment.torn_bytes > 0 for segment in found.segments] == [True, True, True]
    assert repair(tmp_path).done != []
    assert names(tmp_path)[0] == "00000001.tape"
    assert check(tmp_path).tail is None


def test_a_header_that_was_not_finished_is_a_fault_before_others(tmp_path: Path) -> None:
    rolled(tmp_path, 4)
    for name in ("00000002.tape", "00000004.tape"):  # the second might be in the making
        (tmp_path / name).write_bytes(b"")
    assert whats(check(tmp_path)) == [
        "00000002.tape:0 the file header does not check: restore the file from a copy",
        "00000003.tape:0 00000002.tape is missing before it",
    ]


def test_a_tape_whose_old_segments_were_deleted_is_sound(tmp_path: Path) -> None:
    worked(tmp_path)
    (tmp_path / "00000001.tape").unlink()
    (tmp_path / "00000002.tape").unlink()
    assert check(tmp_path).faults == []


def test_an_empty_tape_and_one_that_is_being_made_are_sound(tmp_path: Path) -> None:
    tape, _ = opened(tmp_path)
    tape._release()
    assert check(tmp_path).sound
    (tmp_path / "00000001.tape").write_bytes(b"")
    assert (check(tmp_path).sound, check(tmp_path).segments) == (True, [])


# -- what is not


def test_damage_is_named_with_its_segment_and_offset(tmp_path: Path) -> None:
    log = worked(tmp_path)
    path, offset = place_of(tmp_path, log.records[30])
    flip(path, offset + 50)
    found = check(tmp_path)
    size = size_of(log.records[30])
    assert whats(found) == [f"{path.name}:{offset} {size} bytes do not check"]
    damaged = {segment.name: segment.damaged_bytes for segment in found.segments if segment.damaged_bytes}
    assert damaged == {path.name: size}


def written(path: Path, records: list[Record]) -> None:
    """Leave a tape of records that need not agree."""
    tape, _ = opened(path)
    tape.commit(records)
    tape._release()


OUT = Flag.OUTBOUND


def sent(number: int) -> Record:
    return Record(1, OUT, 1, number, number + 1, 1, 9, b"")


@pytest.mark.parametrize(
    ("records", "what"),
    [
        ([Record(1, OUT, 1, 5, 6, 1, 9, b"")], None),  # the first of an epoch may be any
        ([sent(1), sent(1)], "number 1 is used again where 2"),
        ([sent(1), sent(4)], "our numbers 2 to 3 are missing"),
        ([Record(1, OUT, 1, 1, 3, 1, 9, b"")], "after our number 1 the next is said to be 3"),
        ([Record(1, 0, 1, 1, 1, 2, 9, b""), Record(1, 0, 1, 1, 1, 1, 9, b"")], "numbers go back"),
        ([Record(1, 0, 3, 1, 1, 2, 9, b"")], "epoch 3 follows epoch 1 without a reset"),
        ([Record(4, 0, 2, 0, 1, 1, 9, b""), Record(1, OUT, 1, 1, 2, 1, 9, b"")], "epoch 1 follows epoch 2"),
        ([Record(6, 0, 1, 7, 1, 1, 9, b"")], r"the cursor says that \(1, 7\) was handled, and only \(1, 0\)"),
        ([Record(5, 0, 1, 0, 9, 9, 9, b""), Record(1, OUT, 1, 9, 10, 9, 9, b"")], None),
        ([Record(1, 64, 1, 7, 1, 1, 9, b""), Record(6, 0, 1, 7, 1, 1, 9, b"")], None),
    ],
)  # fmt: skip
def test_records_that_do_not_agree_are_named(tmp_path: Path, records: list[Record], what: str | None) -> None:
    written(tmp_path, records)
    found = whats(check(tmp_path))
    if what is None:
        assert found == []
    else:
        assert len(found) == 1
        assert re.search(what, found[0])


def test_a_checkpoint_that_does_not_agree_is_named(tmp_path: Path) -> None:
    for name, field, what in (("a", "handled", "was handled"), ("b", "runs", "places where numbers begin")):
        log = Log()
        tape, _ = opened(tmp_path / name)
        tape.commit([log.received(), log.reset(), log.received()])
        progress = tape._state.progress
        if field == "handled":
            progress.handled = progress.handled._replace(msg_seq_num=1)
        else:
            progress.runs = [progress.runs[0]._replace(offset=progress.runs[0].offset + 1)]
        tape.checkpoint({}, UTC_NS)
        tape.close()
        (found,) = whats(check(tmp_path / name))
        assert what in found


def test_a_header_that_does_not_agree_is_named(tmp_path: Path) -> None:
    rolled(tmp_path)
    path = tmp_path / "00000003.tape"
    content = bytearray(path.read_bytes())
    header = Chain.of(tmp_path).parts[2].header
    content[:56] = header._replace(numbers=header.numbers._replace(next_in=1)).encode()
    path.write_bytes(content)
    (found,) = whats(check(tmp_path))
    assert "the header says epoch 1 out 3 in 1" in found


def test_segments_that_are_missing_or_foreign_are_named(tmp_path: Path) -> None:
    for name in ("one", "two", "three", "four"):
        rolled(tmp_path / name)
    (tmp_path / "one" / "00000002.tape").unlink()
    (tmp_path / "two" / "00000002.tape").replace(tmp_path / "three" / "00000002.tape")
    flip(tmp_path / "four" / "00000002.tape", 30)
    assert whats(check(tmp_path / "one")) == ["00000003.tape:0 00000002.tape is missing before it"]
    assert "belongs to another tape" in whats(check(tmp_path / "three"))[0]
    assert whats(check(tmp_path / "four"))[0].startswith("00000002.tape:0 the file header does not check")


def test_what_can_still_be_asked_for_and_is_missing_is_named(tmp_path: Path) -> None:
    worked(tmp_path)
    for name in names(tmp_path)[:-1]:
        (tmp_path / name).unlink()
    found = whats(check(tmp_path))
    assert any("the segments before it are missing" in what for what in found)


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda path: (path / "checkpoint").write_bytes(b"junk"), "checkpoint:0 it does not check"),
        (lambda path: flip(path / names(path)[-1], 8), "file header does not check"),
        (lambda path: os.truncate(path / names(path)[-1], 56), "bytes before what was on the medium"),
    ],
)
def test_a_checkpoint_file_that_leads_nowhere_is_named(tmp_path: Path, spoil: object, what: str) -> None:
    log = Log()
    tape, _ = opened(tmp_path)
    tape.commit([log.sent()])
    tape.checkpoint({}, UTC_NS)
    tape.close()
    spoil(tmp_path)  # type: ignore[operator]
    assert any(what in found for found in whats(check(tmp_path)))


def test_faults_beyond_the_limit_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_module, "MAX_FAULTS", 3)
    written(tmp_path, [Record(1, OUT, 1, 1, 2, 1, 9, b"")] * 10)
    found = check(tmp_path)
    assert (len(found.faults), found.more_faults, found.sound) == (3, 6, False)


def test_tapes_are_found_by_session_and_by_directory_of_sessions(tmp_path: Path) -> None:
    for name in ("b", "a"):
        rolled(tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert tapes_in(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert tapes_in(tmp_path / "a") == [tmp_path / "a"]
    with pytest.raises(StoreError, match="no tape is here; name a session's directory"):
        tapes_in(tmp_path / "empty")
    with pytest.raises(StoreError, match="No such file or directory; name a directory of tapes"):
        tapes_in(tmp_path / "missing")


# -- repair


def test_there_is_nothing_to_repair_in_a_sound_tape(tmp_path: Path) -> None:
    worked(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "lock"}
    made = repair(tmp_path)
    assert (made.done, made.left) == ([], [])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "lock"} == before


def test_a_dry_run_says_the_same_and_changes_nothing(tmp_path: Path) -> None:
    log = worked(tmp_path)
    path, offset = place_of(tmp_path, log.records[30])
    flip(path, offset + 50)
    with (tmp_path / names(tmp_path)[-1]).open("ab") as file:
        file.write(b"torn")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "lock"}
    would = repair(tmp_path, dry_run=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "lock"} == before
    done = repair(tmp_path)
    assert [sentence.partition(":")[0] for sentence in would.done] == [
        sentence.partition(":")[0] for sentence in done.done
    ]
    assert len(done.done) == 2
    assert (would.left, done.left) == ([], [])


def test_damage_is_taken_out_and_every_sound_record_stays(tmp_path: Path) -> None:
    log = worked(tmp_path)
    lost = [log.records[30], log.records[31], log.records[-20]]
    for path, offset in [place_of(tmp_path, record) for record in lost]:
        flip(path, offset + 41)
    contents = [place_of_bytes(tmp_path, found.start, found.end) for found in check(tmp_path).holes]
    with pytest.raises(StoreError):
        list(frames(tmp_path))
    made = repair(tmp_path)
    assert made.left == []
    assert len(made.done) == 2
    assert "lost: our number 15 and their number 16 of epoch 1" in made.done[0]
    kept = sorted(tmp_path.glob("*.damaged"))
    assert sorted(path.read_bytes() for path in kept) == sorted(contents)
    assert all(path.name in " ".join(made.done) for path in kept)
    found = frames(tmp_path)
    notes = [record for record in found if record.kind == Kind.NOTE]
    assert [record for record in found if record.kind != Kind.NOTE] == [
        r for r in log.records if r not in lost
    ]
    assert all(note.payload.startswith(b"repair: ") for note in notes)
    assert check(tmp_path).sound
    tape, stored = opened(tmp_path, SMALL)
    assert (list(stored.notes), stored.numbers) == ([], (2, log.next_out, log.next_in))
    expected = [
        n for n in range(1, 42) if n not in {r.msg_seq_num for r in lost if r.epoch == 2 and r.flags & OUT}
    ]
    assert numbers_of(tape.read(1, 99)) == expected
    tape.close()


def place_of_bytes(path: Path, start: int, end: int) -> bytes:
    file, at = Chain.of(path).place(start)
    return file.read_bytes()[at : at + end - start]


def test_a_lost_end_is_cut_and_its_checkpoint_forgotten(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path)
    tape.commit([log.sent(), log.sent()])
    tape.checkpoint({"book": b"1"}, UTC_NS)
    tape.close()
    path, offset = place_of(tmp_path, log.records[1])
    os.truncate(path, offset + 5)
    made = repair(tmp_path)
    assert made.left == []
    assert "lost: what came after our number 1" in made.done[0]
    assert not (tmp_path / "checkpoint").exists()
    assert (tmp_path / f"{path.name}.{offset}.torn").stat().st_size == 5
    tape, stored = opened(tmp_path)
    assert stored.numbers == (1, 2, 1)
    tape.close()


def test_a_checkpoint_that_names_a_place_in_the_damage_is_forgotten(tmp_path: Path) -> None:
    log = worked(tmp_path)
    reset = next(record for record in log.records if record.kind == Kind.RESET)
    path, offset = place_of(tmp_path, reset)
    with path.open("r+b") as file:
        file.seek(offset - 10)
        file.write(b"?" * 60)
    assert "checkpoint:0 its checkpoint names an offset where nothing checks" in whats(check(tmp_path))
    assert repair(tmp_path).left == []
    tape, stored = opened(tmp_path, SMALL)
    assert stored.numbers == (2, log.next_out, log.next_in)
    assert numbers_of(tape.read(1, 99)) == list(range(1, 42))
    tape.close()


def test_a_segment_that_ends_too_early_gets_its_length_back(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path, TapeSettings(segment_bytes=1))
    for _ in range(3):
        tape.commit([log.sent(size=100)])
        tape.sync()
    tape.close()
    os.truncate(tmp_path / "00000001.tape", 80)
    assert repair(tmp_path).left == []
    assert check(tmp_path).sound
    tape, _ = opened(tmp_path)
    assert numbers_of(tape.read(1, 9)) == [2, 3]
    tape.close()


def test_a_damaged_archive_is_unpacked_as_far_as_it_goes(tmp_path: Path) -> None:
    log, chance = Log(), random.Random(1)
    tape, _ = opened(tmp_path, TapeSettings(segment_bytes=60_000))
    sent = []
    while len(names(tmp_path)) < 3:
        record = log.sent()
        sent.append(record._replace(payload=record.payload + chance.randbytes(300)))
        tape.commit(sent[-1:])
    tape.commit([log.reset()])
    for _ in range(3):
        tape.checkpoint({}, UTC_NS)
        tape._housekeeper.wait()
    tape.close()
    archive = tmp_path / "00000001.tape.gz"
    damaged = bytearray(archive.read_bytes())
    damaged[len(damaged) // 2] ^= 255
    archive.write_bytes(damaged)
    found = check(tmp_path)
    assert not found.sound
    tape, stored = opened(tmp_path)  # nothing in it can be asked for, so it is no obstacle
    assert stored.numbers == (2, 1, 1)
    tape.close()
    made = repair(tmp_path)
    assert made.left == []
    assert (tmp_path / "00000001.tape.gz.damaged").read_bytes() == damaged
    own = [record for record in frames(tmp_path) if record.kind == Kind.FRAME]
    assert [record for record in own if record in sent] == own
    assert len(sent) - 140 < len(own) < len(sent)
    assert check(tmp_path).sound


def test_a_stretch_is_filled_whatever_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair_module, "MAX_PAYLOAD", 60)
    hole = check_module.Hole(None, 100, 0, Log().sent()[2:5], 7, None)  # type: ignore[arg-type]
    for size in range(40, 500):
        notes = repair_module._notes(hole._replace(end=100 + size, before=(1, 2, 3)), 5)  # type: ignore[arg-type]
        assert sum(map(size_of, notes)) == size
        assert all(0 <= len(note.payload) <= 60 for note in notes)


def test_bytes_that_were_put_in_can_not_be_mended(tmp_path: Path) -> None:
    log = Log()
    tape, _ = opened(tmp_path)
    tape.commit([log.sent(), log.sent()])
    tape.close()
    path, offset = place_of(tmp_path, log.records[1])
    content = path.read_bytes()
    path.write_bytes(content[:offset] + b"+++" + content[offset:])
    made = repair(tmp_path)
    assert made.done == []
    assert made.left == [f"00000001.tape: offset {offset}: 3 bytes do not check"]


HOLDER = """
import sys
from fixgw.store.tape import Tape
tape = Tape(sys.argv[1])
tape.load()
print("open", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_tape_that_a_gateway_holds_is_not_repaired(tmp_path: Path, dry_run: bool) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        with pytest.raises(StoreLocked, match=f"is held by pid {holder.pid} on .*; stop that gateway first"):
            repair(tmp_path, dry_run)
        holder.stdin.close()


def damage_and_repair(path: Path, chance: random.Random) -> None:
    """Spoil a tape somewhere, repair it, and see that it opens and holds nothing that was not there."""
    log = worked(path)
    for _ in range(chance.randrange(1, 4)):
        file = path / chance.choice(names(path))
        if file.suffix != ".tape" or file.stat().st_size <= 57:
            continue
        start = chance.randrange(56, file.stat().st_size)
        if chance.random() < 0.2 and file.name == names(path)[-1]:
            os.truncate(file, start)
        else:
            with file.open("r+b") as opened_file:
                opened_file.seek(start)
                left = file.stat().st_size - start
                opened_file.write(chance.randbytes(min(left, chance.choice((1, 60, 500)))))
    before = [r for r in sound_records(path) if r.kind not in (Kind.SYNC, Kind.CHECKPOINT)]
    assert repair(path).left == []
    assert [r for r in frames(path) if r.kind != Kind.NOTE] == before
    tape, stored = opened(path, SMALL)
    assert stored.numbers.epoch in (1, 2)
    assert set(numbers_of(tape.read(1, 99))) <= set(range(1, 42))
    tape.commit([log.add(Kind.CONNECT)._replace(epoch=3, next_out=1, next_in=1, kind=Kind.RESET)])
    tape.close()


def sound_records(path: Path) -> list[Record]:
    chain = Chain.of(path)
    return [record for _, record in chain.resync(chain.start, chain.end())]


def test_whatever_is_damaged_no_sound_record_is_lost(tmp_path: Path) -> None:
    for seed in range(6):
        damage_and_repair(tmp_path / str(seed), random.Random(seed))


@pytest.mark.soak
def test_whatever_is_damaged_no_sound_record_is_lost_often(tmp_path: Path) -> None:
    for seed in range(1000, 1000 + soak(400)):
        damage_and_repair(tmp_path / str(seed), random.Random(seed))
