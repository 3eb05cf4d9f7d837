"""MsgSeqNum(34) against the expected number: verdicts, what waits behind a gap, the gap's deadline."""

from __future__ import annotations

from enum import Enum
from heapq import heappop, heappush
from math import inf

from fixgw.fix.message import Message


class Kind(Enum):
    """How a message type stands to its own number."""

    RESET = "SequenceReset without GapFillFlag"
    LOGOUT = "Logout"
    RESEND_REQUEST = "ResendRequest"
    LOGON = "Logon"
    OTHER = "any other"


class Relation(Enum):
    """A number against the expected one."""

    LOW = "low"
    EQUAL = "equal"
    HIGH = "high"


class Verdict(Enum):
    """What is done with a message because of its number."""

    SET_NUMBER = "its own number is ignored; take NewSeqNo"
    LOG_OUT = "answer and close; advance only if equal; ask for nothing"
    SERVE = "serve the request; advance only if equal; if high, then ask for our own gap"
    ACCEPT = "advance, then validate and deliver, then what waits"
    ANSWER = "answer the Logon, do not advance, ask"
    WAIT = "keep it unvalidated until its turn; ask once per gap"
    IGNORE = "redundant, after the checks of OrigSendingTime"
    TOO_LOW = "Logout with both numbers, close"


# None stands for any. The first row that fits counts.
ROWS: tuple[tuple[Kind | None, Relation | None, bool | None, Verdict], ...] = (
    (Kind.RESET, None, None, Verdict.SET_NUMBER),
    (Kind.LOGOUT, None, None, Verdict.LOG_OUT),
    (Kind.RESEND_REQUEST, None, None, Verdict.SERVE),
    (None, Relation.EQUAL, None, Verdict.ACCEPT),
    (Kind.LOGON, Relation.HIGH, None, Verdict.ANSWER),
    (None, Relation.HIGH, None, Verdict.WAIT),
    (None, Relation.LOW, True, Verdict.IGNORE),
    (None, Relation.LOW, False, Verdict.TOO_LOW),
)


def _first(kind: Kind, relation: Relation, poss_dup: bool) -> Verdict:
    asked = (kind, relation, poss_dup)
    return next(
        row[3] for row in ROWS if all(cell in (None, value) for cell, value in zip(row, asked, strict=False))
    )


VERDICTS: dict[tuple[Kind, Relation, bool], Verdict] = {
    (kind, relation, poss_dup): _first(kind, relation, poss_dup)
    for kind in Kind
    for relation in Relation
    for poss_dup in (False, True)
}


def relate(number: int, expected: int) -> Relation:
    """Return how a number stands to the expected one."""
    if number == expected:
        return Relation.EQUAL
    return Relation.HIGH if number > expected else Relation.LOW


def judge(kind: Kind, number: int, expected: int, poss_dup: bool) -> Verdict:
    """Return what is to be done with a message because of its number."""
    return VERDICTS[kind, relate(number, expected), poss_dup]


class WaitingRoom:
    """Messages whose number was too high, by number, bounded by count and bytes.

    A full room turns its newest guest away and remembers how far the numbers went, so that they are asked for
    again.

    Args:
        max_messages: how many messages it holds.
        max_bytes: how many bytes of frames it holds.
    """

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._guests: dict[int, Message | None] = {}
        self._order: list[int] = []
        self._bytes = 0
        self.turned_away = 0

    def __len__(self) -> int:
        return len(self._guests)

    def keep(self, number: int, message: Message | None) -> bool:
        """Keep a message until its turn; ``None`` holds the place of one that was dealt with on arrival.

        Returns:
            False when the number is taken or the room full.
        """
        size = len(message.frame) if message is not None else 0
        if number in self._guests:
            return False
        if len(self._guests) >= self._max_messages or self._bytes + size > self._max_bytes:
            self.turned_away = max(self.turned_away, number)
            return False
        self._guests[number] = message
        self._bytes += size
        heappush(self._order, number)
        return True

    def first(self) -> int:
        """Return the lowest number kept, 0 when the room is empty."""
        return self._order[0] if self._order else 0

    def highest(self) -> int:
        """Return the highest number kept or turned away, 0 when there is none."""
        return max(self.turned_away, *self._guests) if self._guests else self.turned_away

    def pop(self) -> Message | None:
        """Take out the message with the lowest number."""
        message = self._guests.pop(heappop(self._order))
        if message is not None:
            self._bytes -= len(message.frame)
        return message


class Gap:
    """Numbers that are missing, asked for, and have a deadline.

    Args:
        timeout: seconds without progress until the deadline.

    Attributes:
        request: MsgSeqNum of the latest ResendRequest for them, 0 when there is none.
        refusals: how many of these requests the peer has refused.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self.close()

    @property
    def is_open(self) -> bool:
        """True while numbers are missing."""
        return self.last > 0

    def open(self, first: int, last: int, mono: float) -> None:
        """Note that ``first`` to ``last`` are missing."""
        self._first = first
        self.last = self.asked_to = last
        self.request = self.refusals = 0
        self._wait(mono)

    def asked(self, last: int, request: int) -> None:
        """Note that the numbers up to ``last`` were asked for by ``request``, the rest was not yet."""
        self.asked_to = last
        self.request = request

    def progress(self, first: int, mono: float) -> None:
        """Note from where on numbers are missing now; if that has moved, the deadline moves as well."""
        if first > self._first:
            self._first = first
            self._wait(mono)

    def ask_again(self, mono: float) -> None:
        """Note the second and last request."""
        self._wait(mono)
        self.asked_again = True

    def close(self) -> None:
        """Note that nothing is missing."""
        self._first = self.last = self.asked_to = 0
        self.request = self.refusals = 0
        self.deadline = inf
        self.asked_again = False

    def _wait(self, mono: float) -> None:
        self.deadline = mono + self._timeout
        self.asked_again = False
