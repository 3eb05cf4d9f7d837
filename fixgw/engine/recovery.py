"""Rebuilds a session's books from the last checkpoint and the records after it."""

from __future__ import annotations

from collections.abc import Sequence

from fixgw.errors import FieldError
from fixgw.fix.message import Message
from fixgw.fix.tags import MSG_SEQ_NUM, MSG_TYPE, NEW_SEQ_NO, POSS_DUP_FLAG, REF_SEQ_NUM
from fixgw.handlers.base import Book, Context, SessionPort
from fixgw.handlers.passage import Edge
from fixgw.records import Flag, Kind, Record
from fixgw.session.admin import parse_number
from fixgw.store.base import Stored

_NEW_NUMBERS = (Kind.RESET, Kind.NUMBERS)
_NEW_CONNECTION = (Kind.CONNECT, Kind.DROP)  # a process that is killed writes no DROP
_REFUSED = Flag.ADMIN | Flag.POSS_DUP  # of an inbound frame: it waited, and was not delivered in the end

REJECT = b"3"
SEQUENCE_RESET = b"4"


def stored_message(record: Record) -> Message:
    """Return the message of a frame record, with its number and PossDupFlag as a live one has them."""
    message = Message.decode(record.payload)
    message.msg_seq_num = record.msg_seq_num
    message.poss_dup = message.get(POSS_DUP_FLAG) == b"Y"
    return message


class Rebuild:
    """Replays stored records into books, in the order in which a live link would have told them.

    Args:
        books: the books, empty.
        port: the session they belong to, for the context of each message.
        edge: translates what stands on the tape; None where the wire's units are the desk's.
    """

    def __init__(self, books: Sequence[Book], port: SessionPort, edge: Edge | None = None) -> None:
        self._books = books
        self._port = port
        self._edge = edge
        self._epoch = 0
        self._waiting: dict[int, Record] = {}

    def run(self, stored: Stored) -> None:
        """Load the checkpoint's blobs, then apply every record after it, and end with nothing in flight."""
        if not self._books:
            return
        for book in self._books:
            if book.name in stored.books:
                book.load(stored.books[book.name])
        for record in stored.since:
            self._apply(record)
        for book in self._books:
            book.on_disconnect()

    def _apply(self, record: Record) -> None:
        if record.kind == Kind.CURSOR:  # its epoch is that of the messages that were handled
            return
        if record.kind in _NEW_NUMBERS and record.epoch != self._epoch:
            self._waiting.clear()
            for book in self._books:
                book.on_reset(record.epoch, record.utc_ns)
        elif record.kind in _NEW_CONNECTION:
            self._waiting.clear()
            for book in self._books:
                book.on_disconnect()
        elif record.kind == Kind.FRAME and not record.flags & Flag.GARBLED:
            self._frame(record)
        self._epoch = record.epoch

    def _frame(self, record: Record) -> None:
        if record.flags & Flag.OUTBOUND:
            self._outbound(record)
        elif record.flags & Flag.WAITING:
            self._waiting[record.msg_seq_num] = record  # counts once the numbers have passed it
        else:
            if record.flags & _REFUSED == _REFUSED:
                self._waiting.pop(record.msg_seq_num, None)
            self._inbound(record)
        for number in sorted(n for n in self._waiting if n < record.next_in):
            self._inbound(self._waiting.pop(number))

    def _inbound(self, record: Record) -> None:
        if record.flags & Flag.ADMIN:
            self._inbound_admin(record)
            return
        message = self._application(record)
        reconciled = bool(record.flags & Flag.RECONCILED)
        context = Context(self._port, message.msg_seq_num, message.poss_dup, True, reconciled)
        for book in self._books:
            book.on_message(message, context)

    def _application(self, record: Record) -> Message:
        message = stored_message(record)
        return message if self._edge is None else self._edge.inward(message)

    def _inbound_admin(self, record: Record) -> None:
        try:
            message = stored_message(record)
        except FieldError:  # it was refused when it came
            return
        if message.get(MSG_TYPE) != REJECT:
            return
        refused = parse_number(message.get(REF_SEQ_NUM) or b"") or 0
        for book in self._books:
            book.on_reject(message, refused)

    def _outbound(self, record: Record) -> None:
        if not record.flags & (Flag.ADMIN | Flag.POSS_DUP):
            message = self._application(record)
            for book in self._books:
                book.on_sent(message, record.msg_seq_num)
        elif record.flags & Flag.POSS_DUP:
            self._gap_fill(stored_message(record))

    def _gap_fill(self, message: Message) -> None:
        """A gap fill that went out in place of an order is the proof that the order never arrived."""
        if message.get(MSG_TYPE) != SEQUENCE_RESET:
            return
        first, after = int(message.get(MSG_SEQ_NUM) or b"0"), int(message.get(NEW_SEQ_NO) or b"0")
        for number in range(first, after):
            for book in self._books:
                book.on_not_sent(number)
