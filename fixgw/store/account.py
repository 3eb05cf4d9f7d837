"""Whether the records of a tape agree with each other: numbers, epochs, cursor and checkpoints."""

from __future__ import annotations

from collections.abc import Iterator

from fixgw.records import Flag, Kind, Position, Record, SeqNums
from fixgw.store.chain import Part
from fixgw.store.checkpoint import Checkpoint
from fixgw.store.progress import Progress, Run

REPAIRED = Flag.GARBLED  # a note with this flag stands in the place of damage

_ORIGINAL = Flag.OUTBOUND | Flag.POSS_DUP
_MAY_BEGIN_EPOCH = (Kind.RESET, Kind.NUMBERS)


class Account:
    """Follows the records of a whole tape, in order, and tells what does not fit.

    Args:
        first: its oldest segment.
    """

    def __init__(self, first: Part) -> None:
        header = first.header
        self._progress = Progress(header.numbers, header.handled, (Run(first.start, 1),), first.start)
        self._broken = False  # records are missing before the next one: it can not be held against them
        self._gap = False  # and neither can what a checkpoint or a cursor among them would have said
        self._began = True  # the next frame may be the first of an epoch
        self.named = [first.start]  # the offsets that the last checkpoint names
        self.count = 0

    @property
    def numbers(self) -> SeqNums:
        """Epoch and next numbers after the last record."""
        return self._progress.numbers

    @property
    def handled(self) -> Position:
        """Up to where handlers have returned."""
        return self._progress.handled

    def broken(self) -> None:
        """Records are missing here."""
        self._broken = self._gap = True

    def begin(self, part: Part) -> Iterator[str]:
        """Yield what is wrong with the header of the segment that comes next."""
        header = part.header
        if not self.count or self._broken:
            return
        if header.numbers != self.numbers:
            yield f"the header says {_told(header.numbers)}, the records before it {_told(self.numbers)}"
        if header.handled != self.handled and not self._gap:  # else a cursor may be lost
            said, known = tuple(header.handled), tuple(self.handled)
            yield f"the header says that {said} was handled, the records before it {known}"

    def take(self, offset: int, record: Record) -> Iterator[str]:
        """Take in the next record, and yield what is wrong with it."""
        if record.kind == Kind.CURSOR:
            yield from self._cursor(record)
        elif not self._broken:
            yield from self._numbers(record)
        if record.kind == Kind.CHECKPOINT:
            yield from self._checkpoint(record)
        if record.kind != Kind.CURSOR:
            self._broken = record.kind == Kind.NOTE and bool(record.flags & REPAIRED)
            self._gap |= self._broken
            self._began = record.kind in _MAY_BEGIN_EPOCH or (self._began and record.kind != Kind.FRAME)
        self._progress.follow((record,), offset)
        self.count += 1

    def _numbers(self, record: Record) -> Iterator[str]:
        before, after = self.numbers, SeqNums(record.epoch, record.next_out, record.next_in)
        begins = record.kind in _MAY_BEGIN_EPOCH
        if record.epoch != before.epoch:
            if record.epoch != before.epoch + 1 or not begins:
                yield f"epoch {record.epoch} follows epoch {before.epoch} without a reset"
            return
        if not begins and (after.next_out < before.next_out or after.next_in < before.next_in):
            yield f"numbers go back from {_told(before)} to {_told(after)}"
        elif record.kind == Kind.FRAME and record.flags & _ORIGINAL == Flag.OUTBOUND and record.msg_seq_num:
            yield from self._sent(record.msg_seq_num, before.next_out, after.next_out)

    def _sent(self, number: int, expected: int, following: int) -> Iterator[str]:
        if number < expected and not (self._began and number + 1 == expected):
            yield f"our number {number} is used again where {expected} comes next"
        elif number > expected and not self._began:
            yield f"our numbers {expected} to {number - 1} are missing"
        elif following != number + 1:
            yield f"after our number {number} the next is said to be {following}"

    def _cursor(self, record: Record) -> Iterator[str]:
        position = Position(record.epoch, record.msg_seq_num)
        epoch, _, next_in = self.numbers
        highest = max(self._progress.ahead, next_in - 1)
        if not self._broken and position > Position(epoch, highest):
            yield f"the cursor says that {tuple(position)} was handled, and only {(epoch, highest)} had come"

    def _checkpoint(self, record: Record) -> Iterator[str]:
        stored = Checkpoint.decode(record.payload).progress(record)
        self.named = [stored.resume, *(run.offset for run in stored.runs)]
        if self._gap:
            self._progress, self._gap = stored, False
        elif stored.handled != self.handled:
            yield f"the checkpoint says that {tuple(stored.handled)} was handled, not {tuple(self.handled)}"
        elif stored.runs != self._progress.runs and stored.runs[0] >= self._progress.runs[0]:
            yield "the checkpoint names other places where numbers begin than the records before it"


def _told(numbers: SeqNums) -> str:
    return f"epoch {numbers.epoch} out {numbers.next_out} in {numbers.next_in}"
