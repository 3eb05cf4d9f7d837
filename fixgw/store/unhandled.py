"""Which received messages still have to reach the handlers."""

from __future__ import annotations

from collections.abc import Iterable

from fixgw.records import Flag, Kind, Position, Record

_NOT_DELIVERED = Flag.OUTBOUND | Flag.ADMIN
_REFUSED = Flag.ADMIN | Flag.POSS_DUP
_REFUSED_MASK = _REFUSED | Flag.OUTBOUND


class _Sieve:
    """Takes records in order and keeps the frames that handlers were or will be given, each position once."""

    def __init__(self, after: Position) -> None:
        self.due: dict[Position, Record] = {}
        self.reconciled: list[Record] = []
        self._after = after
        self._epoch = 0
        self._next_in = 0
        self._waiting: dict[int, Record] = {}

    def take(self, record: Record) -> None:
        if record.flags & Flag.RECONCILED:
            self._reconciled(record)
            return
        if record.kind == Kind.CURSOR:
            return
        if record.epoch != self._epoch or record.kind in (Kind.CONNECT, Kind.DROP):
            self._waiting.clear()
        expected = self._next_in if record.epoch == self._epoch else 0
        self._epoch, self._next_in = record.epoch, record.next_in
        if record.kind == Kind.FRAME and not record.flags & _NOT_DELIVERED:
            if record.flags & Flag.WAITING:
                self._waiting.setdefault(record.msg_seq_num, record)
            elif expected <= record.msg_seq_num < record.next_in:
                self._keep(record)
        elif record.kind == Kind.FRAME and record.flags & _REFUSED_MASK == _REFUSED:
            self._waiting.pop(record.msg_seq_num, None)
        self._pass_waiting()

    def _reconciled(self, record: Record) -> None:
        """These have no numbers; a cursor of theirs says that handlers have returned for all before it."""
        if record.kind == Kind.CURSOR:
            self.reconciled.clear()
        else:
            self.reconciled.append(record)

    def _pass_waiting(self) -> None:
        for number in [number for number in self._waiting if number < self._next_in]:
            self._keep(self._waiting.pop(number))

    def _keep(self, record: Record) -> None:
        position = Position(record.epoch, record.msg_seq_num)
        if position > self._after:
            self.due.setdefault(position, record)


def unhandled(records: Iterable[Record], after: Position) -> list[Record]:
    """Return the inbound application frames after a position, in the order of their numbers.

    Those from a reconciliation, which have no number, follow in the order in which they were found.

    A frame counts when it moved the expected number past its own; one that was received early
    (Flag.WAITING) when the numbers pass it while its connection and epoch last, unless it was kept once more
    as one that is not delivered. Ignored duplicates, garbled frames and admin messages do not.

    Args:
        records: the tape, from any place before the first such frame.
        after: up to where handlers have returned.
    """
    sieve = _Sieve(after)
    for record in records:
        sieve.take(record)
    return [*(sieve.due[position] for position in sorted(sieve.due)), *sieve.reconciled]
