"""How far back a tape is read for what handlers have not had: always far enough."""

from __future__ import annotations

from pathlib import Path

from fixgw.store.tape import Tape
from tests.store.log import UTC_NS, Log, numbers_of


def due_after_crash(path: Path, log: Log, checkpoint_at: int = 0) -> list[int]:
    """Return the numbers that a tape delivers again after its writer was killed."""
    tape = Tape(path)
    tape.load()
    tape.commit(log.records[:checkpoint_at])
    if checkpoint_at:
        tape.checkpoint({}, UTC_NS)
    tape.commit(log.records[checkpoint_at:])
    tape._release()
    tape = Tape(path)
    try:
        return numbers_of(tape.load().unhandled)
    finally:
        tape.close()


def test_an_early_frame_that_a_gap_fill_made_due_is_not_passed_by_the_cursor_before_it(
    tmp_path: Path,
) -> None:
    log = Log()
    log.early(4)
    log.received()
    log.filled(5)
    log.cursor(1)
    assert due_after_crash(tmp_path, log) == [4]


def test_nor_one_that_was_early_when_a_checkpoint_was_written(tmp_path: Path) -> None:
    log = Log()
    log.received()
    log.early(3)
    log.filled(4)
    log.cursor(1)
    assert due_after_crash(tmp_path, log, checkpoint_at=2) == [3]
