"""Makes records as a session would: each carries the numbers after it."""

from __future__ import annotations

from collections.abc import Iterable

from fixgw.records import Flag, Kind, Position, Record

UTC_NS = 1_791_556_200_000_000_000


class Log:
    """A session's numbers, and every record that was made from them.

    Args:
        epoch: the epoch that it begins in.
    """

    def __init__(self, epoch: int = 1) -> None:
        self.epoch, self.next_out, self.next_in = epoch, 1, 1
        self.records: list[Record] = []

    def add(self, kind: Kind, flags: int = 0, number: int = 0, payload: bytes = b"") -> Record:
        """Make a record of the present numbers."""
        utc_ns = UTC_NS + len(self.records)
        record = Record(kind, flags, self.epoch, number, self.next_out, self.next_in, utc_ns, payload)
        self.records.append(record)
        return record

    def sent(self, flags: int = 0, size: int = 0) -> Record:
        """We send the next number."""
        number = self.next_out
        self.next_out += 1
        return self.add(
            Kind.FRAME,
            Flag.OUTBOUND | flags,
            number,
            b"8=FIXT.1.1\x0135=D\x0134=%d\x01" % number + b"x" * size,
        )

    def replayed(self, number: int) -> Record:
        """We send a number again."""
        return self.add(Kind.FRAME, Flag.OUTBOUND | Flag.POSS_DUP, number, b"again %d" % number)

    def received(self, flags: int = 0) -> Record:
        """The next number comes in."""
        number = self.next_in
        self.next_in += 1
        return self.add(Kind.FRAME, flags, number, b"8=FIXT.1.1\x0135=8\x0134=%d\x01" % number)

    def early(self, number: int) -> Record:
        """A number comes in that is too high."""
        return self.add(Kind.FRAME, Flag.WAITING, number, b"early %d" % number)

    def low(self, number: int) -> Record:
        """A number comes in that was given already."""
        return self.add(Kind.FRAME, Flag.POSS_DUP, number, b"low %d" % number)

    def filled(self, next_in: int) -> Record:
        """A gap fill moves the expected number."""
        number, self.next_in = self.next_in, next_in
        return self.add(Kind.FRAME, Flag.ADMIN, number, b"gap fill")

    def cursor(self, number: int, epoch: int | None = None) -> Record:
        """Handlers returned for a position, maybe of an earlier epoch; every second has no numbers."""
        record = self.add(Kind.CURSOR, 0, number)._replace(epoch=self.epoch if epoch is None else epoch)
        if number % 2:
            record = record._replace(next_out=0, next_in=0)
        self.records[-1] = record
        return record

    def reset(self) -> Record:
        """Both numbers go back to 1."""
        self.epoch, self.next_out, self.next_in = self.epoch + 1, 1, 1
        return self.add(Kind.RESET)

    def set_numbers(self, next_out: int, next_in: int) -> Record:
        """A person sets the numbers."""
        self.next_out, self.next_in = next_out, next_in
        return self.add(Kind.NUMBERS, payload=b"operator: test")


def numbers_of(records: Iterable[Record]) -> list[int]:
    """Return the MsgSeqNums of records, in order."""
    return [record.msg_seq_num for record in records]


def originals(records: Iterable[Record], begin: int, end: int) -> list[Record]:
    """Return what ``Store.read`` has to yield, when the numbers were never set back within an epoch."""
    kept = [record for record in records if record.kind != Kind.CURSOR]
    epoch = kept[-1].epoch if kept else 1
    return [
        record
        for record in kept
        if record.kind == Kind.FRAME
        and record.flags & (Flag.OUTBOUND | Flag.POSS_DUP) == Flag.OUTBOUND
        and record.epoch == epoch
        and begin <= record.msg_seq_num <= end
    ]


def handled_of(records: Iterable[Record]) -> Position:
    """Return the highest cursor."""
    cursors = [Position(r.epoch, r.msg_seq_num) for r in records if r.kind == Kind.CURSOR]
    return max(cursors, default=Position(1, 0))
