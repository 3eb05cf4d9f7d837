"""What a tape remembers of its own records: numbers, cursor and a few offsets, in constant size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fixgw.records import Flag, Kind, Position, Record, SeqNums
from fixgw.store.header import FILE_HEADER_SIZE
from fixgw.store.segment import HEADER_SIZE


class Run(NamedTuple):
    """A stretch of the tape in which next_out only grows; setting the numbers back begins another.

    Args:
        offset: where it begins.
        first: the lowest MsgSeqNum(34) that is looked for in it; those from the next run's ``first`` are not.
    """

    offset: int
    first: int


_FRESH = SeqNums()
_NOTHING = Position(1, 0)
_NOT_DELIVERED = Flag.OUTBOUND | Flag.ADMIN | Flag.RECONCILED
_START = Run(FILE_HEADER_SIZE, 1)


class Progress:
    """Follows the records of one tape, whether they are read or written.

    Args:
        numbers: the numbers before the first record that it is to follow.
        handled: the cursor there.
        runs: the stretches of the present epoch.
        resume: no inbound frame after the cursor lies before this offset.
        ahead: the highest inbound number of the epoch that may lie on the tape without being passed yet.
    """

    def __init__(
        self,
        numbers: SeqNums = _FRESH,
        handled: Position = _NOTHING,
        runs: Sequence[Run] = (_START,),
        resume: int = FILE_HEADER_SIZE,
        ahead: int = 0,
    ) -> None:
        self._epoch, self._next_out, self._next_in = numbers
        self.handled = handled
        self.runs = list(runs)
        self.resume = resume
        self.ahead = ahead
        self._mark = (resume, handled)
        self._held = False  # what a reconciliation found was not handled yet
        self._due_in = max(self._next_in, ahead + 1)  # after the last inbound application frame of the epoch
        self._due_before = Position(self._epoch, 0)  # the last one of the epochs before

    @property
    def numbers(self) -> SeqNums:
        """Epoch and next numbers after the last record."""
        return SeqNums(self._epoch, self._next_out, self._next_in)

    def follow(self, records: Sequence[Record], offset: int) -> None:
        """Take in records that lie at ``offset``, one after the other."""
        for record in records:
            kind, flags, epoch, _, next_out, next_in, _, payload = record
            end = offset + HEADER_SIZE + len(payload)
            if kind == 1 and not flags & 64 and epoch == self._epoch and next_out >= self._next_out:
                self._next_out = next_out
                self._next_in = next_in
                if not flags & 49:  # neither outbound, nor admin, nor from a reconciliation
                    if next_in > self._due_in:
                        self._due_in = next_in
                elif flags & 16:
                    self._held = True
            else:  # the branch above is the path of nearly every frame: literals, and no call
                self._follow_other(record, offset, end)
            offset = end

    def settle(self, end: int) -> None:
        """Move ``resume`` as far as the cursor allows; ``end`` is where the next record will begin.

        Up to the mark's offset every application frame has a position up to the mark's, so a cursor that has
        passed the mark leaves nothing unhandled before it. One mark at a time is constant in size, and late
        by two cursors at most.
        """
        if self._held:
            return
        for _ in range(2):
            offset, position = self._mark
            if self.handled < position:
                return
            self.resume = offset
            if self.ahead < self._next_in:
                self._mark = (end, self._due())

    def hold(self) -> None:
        """Keep ``resume`` where it is until handlers have returned for all that a reconciliation found."""
        self._held = True

    def catch_up(self, end: int) -> None:
        """Take in that nothing before ``end`` is unhandled, as whoever read all of it knows."""
        if self.ahead < self._next_in:
            self.resume, self._mark = end, (end, self.handled)
            self._due_in, self._due_before = 1, self.handled

    def _due(self) -> Position:
        """Return up to where handlers have to return."""
        return Position(self._epoch, self._due_in - 1) if self._due_in > 1 else self._due_before

    def _follow_other(self, record: Record, offset: int, end: int) -> None:
        if record.kind == Kind.CURSOR:  # its epoch is the position's; its numbers say nothing
            self.handled = max(self.handled, Position(record.epoch, record.msg_seq_num))
            if record.flags & Flag.RECONCILED:
                self._held = False
            self.settle(end)
            return
        self._follow_numbers(record, offset)
        if record.kind == Kind.FRAME and record.flags & Flag.WAITING:
            self.ahead = max(self.ahead, record.msg_seq_num)
            self._due_in = max(self._due_in, record.msg_seq_num + 1)
        elif record.kind == Kind.FRAME and not record.flags & _NOT_DELIVERED:
            self._due_in = max(self._due_in, record.next_in)
        elif record.kind == Kind.FRAME and record.flags & Flag.RECONCILED:
            self._held = True

    def _follow_numbers(self, record: Record, offset: int) -> None:
        if record.epoch != self._epoch:
            self.runs = [Run(offset, 1)]
            self.ahead = 0
            self._due_before, self._due_in = self._due(), 1
        else:
            if record.next_out < self._next_out:
                self.runs = [run for run in self.runs if run.first < record.next_out]
                self.runs.append(Run(offset, record.next_out))
            if record.next_in < self._next_in:
                self.ahead = max(self.ahead, self._next_in - 1)
        self._epoch, self._next_out, self._next_in = record.epoch, record.next_out, record.next_in
