"""A tape written in any way and then damaged in any way: what is read is what was written, or an error.

A tape that nobody damaged reads whole. One that lost its end, or bytes in it, gives a beginning of what was
written or says that it is damaged; it never gives anything else, and once it was opened it is sound again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from fixgw.errors import StoreError
from fixgw.records import Flag, Kind, Position, Record, SeqNums
from fixgw.store.header import FILE_HEADER_SIZE
from fixgw.store.reader import records as read_records
from fixgw.store.segment import HEADER_SIZE
from fixgw.store.tape import Tape, TapeSettings
from fixgw.store.unhandled import unhandled
from tests.fuzz.choices import Choices
from tests.store.log import UTC_NS, Log, handled_of, originals

TOKENS = (b"\xf1X\x01\x00", b"fixgwtp1", b"fixgwtp2", bytes(16), b"\x01\x02\x0b", b"\x0a\x0b\x0c\x0d")

_SIZES = (64 << 20, 1, 400, 3000)
_MEMORY = Path("/dev/shm")  # where there is one, a disk has nothing to do
_LAST = HEADER_SIZE + 8  # bytes that the record takes which says how far the medium holds a tape
_OWN = (Kind.SYNC, Kind.CHECKPOINT)


def seeds() -> list[bytes]:
    """Return tapes of the project's own: some records, an end, and some damage."""
    return [
        bytes([size, deeds, *range(deeds), end, damage, 3, 200, 7])
        for size in range(4)
        for deeds in (6, 16)
        for end in (0, 1)
        for damage in range(8)
    ]


def run(data: bytes) -> None:
    """Write one tape, damage it, and read it."""
    choices = Choices(data)
    settings = TapeSettings(segment_bytes=choices.pick(_SIZES), reserve_bytes=1, retention_days=0)
    directory = Path(tempfile.mkdtemp(prefix="fixgw-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        _Case(choices, directory / "session", settings).check()
    finally:
        shutil.rmtree(directory)


class _Case:
    """One tape and what was written to it."""

    def __init__(self, choices: Choices, path: Path, settings: TapeSettings) -> None:
        self._choices = choices
        self._path = path
        self._settings = settings
        self._log = Log()
        self._tape = Tape(path, settings)
        self._books: dict[str, bytes] = {}
        self._closed = self._cut = False
        self._uncommitted = 0  # records of the log that are not on the tape yet
        self._deeds: tuple[Callable[[], object], ...] = (
            self._log.sent, self._log.received, self._send, self._receive, self._early, self._fill,
            self._cursor, self._reset, self._turn, self._commit, self._checkpoint, self._sync, self._reopen,
        )  # fmt: skip
        self._damages: tuple[Callable[[], bool], ...] = (
            self._none, self._shorten, self._spoil, self._zero, self._lengthen, self._forget, self._mislead,
            self._delete,
        )  # fmt: skip

    def check(self) -> None:
        """Write, damage, read."""
        self._open()
        for _ in range(self._choices.byte() % 48):
            self._choices.pick(self._deeds)()
        self._commit()
        if self._choices.flag():
            self._tape.close()  # which says on the tape how far the medium holds it
            self._closed = True
        else:
            self._tape._housekeeper.wait()
            self._tape._release()
        whole = self._choices.pick(self._damages)()
        self._check_reader(whole)
        self._check_store(whole)

    # -- writing

    def _open(self) -> None:
        self._tape = Tape(self._path, self._settings)
        stored = self._tape.load()
        self._check_stored(stored.numbers, stored.handled, stored.unhandled, self._log.records)

    def _send(self) -> None:
        self._log.sent(self._choices.pick((0, Flag.ADMIN, Flag.REDACTED)), self._choices.byte())

    def _receive(self) -> None:
        self._log.received(self._choices.pick((0, Flag.ADMIN, Flag.POSS_DUP)))

    def _early(self) -> None:
        self._log.early(self._log.next_in + 1 + self._choices.byte() % 4)

    def _fill(self) -> None:
        self._log.filled(self._log.next_in + 1 + self._choices.byte() % 4)

    def _cursor(self) -> None:
        self._log.cursor(self._choices.byte() % self._log.next_in)

    def _reset(self) -> None:
        self._log.reset()

    def _turn(self) -> None:
        self._log.add(self._choices.pick((Kind.CONNECT, Kind.DROP, Kind.NOTE)), payload=self._choices.take(9))

    def _pending(self) -> list[Record]:
        return self._log.records[self._uncommitted :]

    def _commit(self) -> None:
        self._tape.commit(self._pending())
        self._uncommitted = len(self._log.records)

    def _checkpoint(self) -> None:
        self._commit()
        self._books = {"book": self._choices.take(self._choices.byte() % 8)}
        self._tape.checkpoint(self._books, UTC_NS)

    def _sync(self) -> None:
        self._tape.sync()

    def _reopen(self) -> None:
        self._commit()
        self._tape.close()
        self._open()
        self._log.add(Kind.CONNECT)  # what another process does first

    # -- damage; each returns whether the records are all still there

    def _files(self) -> list[Path]:
        return sorted(path for path in self._path.iterdir() if ".tape" in path.name)

    def _any_file(self) -> Path:
        return self._choices.pick(self._files())

    def _none(self) -> bool:
        return True

    def _shorten(self) -> bool:
        path = self._files()[-1]
        os.truncate(path, self._place(path))
        self._cut = True
        return False

    def _place(self, path: Path) -> int:
        """Return an offset in a file, from its end or from its beginning."""
        size = path.stat().st_size
        offset = min(self._choices.byte() + 256 * self._choices.byte(), size)
        return offset if self._choices.flag() else size - offset

    def _spoil(self) -> bool:
        return self._write(self._choices.take(1 + self._choices.byte() % 8))

    def _zero(self) -> bool:
        return self._write(bytes(self._choices.byte()))

    def _write(self, data: bytes) -> bool:
        path = self._any_file()
        content = bytearray(path.read_bytes())
        at = self._place(path)
        content[at : at + len(data)] = data[: len(content) - at]
        same = bytes(content) == path.read_bytes()
        path.write_bytes(content)
        unfinished = not any(content[:FILE_HEADER_SIZE])  # looks as if it had never been on the medium
        self._cut = unfinished or at + len(data) > len(content) - _LAST  # what says that more was is gone
        return same

    def _lengthen(self) -> bool:
        path = self._files()[-1]
        if path.suffix != ".tape":
            return True
        with path.open("ab") as out:
            out.write(self._choices.rest() or b"x")
        return True

    def _forget(self) -> bool:
        (self._path / "checkpoint").unlink(missing_ok=True)
        return True

    def _mislead(self) -> bool:
        (self._path / "checkpoint").write_bytes(self._choices.rest())
        return True

    def _delete(self) -> bool:
        self._any_file().unlink()
        self._cut = True
        return False

    # -- what has to hold

    def _check_reader(self, whole: bool) -> None:
        try:
            found = self._read_all()
        except StoreError as error:
            self._check_error(error, whole)
            return
        self._check_records(found, whole)

    def _check_error(self, error: StoreError, whole: bool) -> None:
        assert str(self._path) in str(error)
        assert not whole, f"a tape that is whole is refused: {error}"

    def _check_records(self, found: Sequence[Record], whole: bool) -> None:
        written = self._log.records
        if whole or (self._closed and not self._cut):  # damage in what the medium held is never passed over
            assert list(found) == written
        elif found:  # the first segments may be deleted
            start = written.index(found[0])
            assert list(found) == written[start : start + len(found)], "what is read was not written"

    def _check_store(self, whole: bool) -> None:
        tape = Tape(self._path, self._settings)
        try:
            stored = tape.load()
        except StoreError as error:
            self._check_error(error, whole)
            return
        if whole:
            assert dict(stored.books) == self._books
        if whole or not self._books:
            left = self._read_all()
            self._check_records(left, whole)
        else:  # what lies before the checkpoint was not looked at, and may be damaged
            left = self._log.records
        if whole or not left or (left[0] == self._log.records[0] and not self._books):
            self._check_stored(stored.numbers, stored.handled, stored.unhandled, left)
            frames = list(tape.read(1, stored.numbers.next_out))
            assert frames == originals(left, 1, stored.numbers.next_out)
        assert stored.numbers in self._numbers()
        self._go_on(tape)

    def _read_all(self) -> list[Record]:
        return [record for record in read_records(self._path) if record.kind not in _OWN]

    def _numbers(self) -> set[SeqNums]:
        """Return what the numbers were at some time."""
        counted = [record for record in self._log.records if record.kind != Kind.CURSOR]
        return {SeqNums(), *(SeqNums(record.epoch, record.next_out, record.next_in) for record in counted)}

    def _check_stored(
        self, numbers: SeqNums, handled: Position, due: Sequence[Record], written: Sequence[Record]
    ) -> None:
        """What a store knows is what its records say."""
        counted = [record for record in written if record.kind != Kind.CURSOR]
        last = counted[-1] if counted else None
        assert numbers == (SeqNums(last.epoch, last.next_out, last.next_in) if last else SeqNums())
        assert handled == handled_of(written)
        assert list(due) == unhandled(written, handled)

    def _go_on(self, tape: Tape) -> None:
        """A tape that was opened can be written, and is sound from then on."""
        added = self._log.sent()
        tape.commit([added])
        tape.close()
        again = Tape(self._path, self._settings)
        stored = again.load()
        again.close()
        assert not any("was cut" in note for note in stored.notes)
        assert stored.numbers == SeqNums(added.epoch, added.next_out, added.next_in)
