"""Reports that a reconciliation found: what of them is new, and how they stand on a tape.

Such a record has no MsgSeqNum and moves no numbers, because it never came on the wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, cast

from fixgw.clock import Clock
from fixgw.engine.recovery import Rebuild
from fixgw.engine.settings import SessionPlan
from fixgw.errors import FieldError, LocalError
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.tags import EXEC_ID, EXEC_TYPE, POSS_RESEND, TEXT
from fixgw.fix.values import sending_time
from fixgw.handlers.amounts import trade_of
from fixgw.handlers.base import Book, SessionPort
from fixgw.handlers.executions import NO_EXEC_IDS
from fixgw.handlers.orderbook import OrderBook
from fixgw.handlers.positions import TRADE, TradeReport
from fixgw.messages.order_entry import ExecutionReport
from fixgw.records import Flag, Kind, Record
from fixgw.session.state import SessionSettings

TAKEN = frozenset(
    {TRADE, b"4", b"C", b"I"}
)  # ExecType(150) of what may be told: a trade, or how an order stands
NO_NUMBER = 0
NOBODY = cast(SessionPort, None)  # books that are rebuilt to be asked send nothing


class Recording(Protocol):
    """Makes a record that carries the session's present numbers."""

    def __call__(self, kind: Kind, payload: bytes, *, flags: Flag) -> Record:
        """Return the record."""
        ...


def read_reports(rows: Iterable[Any], run_id: str, source: str) -> list[Message]:
    """Return the reports in rows of plain values, each marked with who found it.

    Args:
        rows: one a report: its fields behind MsgType(35), as pairs of tag and value.
        run_id: of the reconciliation.
        source: which of its feeds told them.

    Raises:
        LocalError: a row is no ExecutionReport of a trade or of the end of an order.
    """
    return [_read_report(row, f"reconciled by run {run_id} from {source}") for row in rows]


def _read_report(row: Any, text: str) -> Message:
    try:
        message = Message(ExecutionReport.MSG_TYPE, [(int(tag), str(value)) for tag, value in row])
        message.set(TEXT, text)
        message.insert(POSS_RESEND, True)
        declared = TradeReport if message.get(EXEC_TYPE) == TRADE else ExecutionReport
        for spec in declared.FIELDS:
            if spec.required:
                spec.read(message)
    except (FieldError, LocalError, TypeError, ValueError) as error:
        raise LocalError(f"a report can not be read: {error}") from None
    if message.get(EXEC_TYPE) not in TAKEN:
        raise LocalError(
            "150 is none of F, 4, C and I: trades and the ends of orders alone are taken from outside"
        )
    return message


def records_of(
    settings: SessionSettings, books: Sequence[Book], reports: Iterable[Message], record: Recording
) -> list[Record]:
    """Return a record for each report that no book knows, the first of those that are one.

    Args:
        settings: of the session whose tape they go on.
        books: of that session.
        reports: in the wire's units.
        record: makes one.
    """
    encoder = FrameEncoder(settings.begin_string, settings.target_comp_id, settings.sender_comp_id)
    found = []
    for message in _new(books, reports):
        blank = record(Kind.FRAME, b"", flags=Flag.RECONCILED)
        frame = encoder.encode(message, NO_NUMBER, sending_time(blank.utc_ns, settings.time_precision))
        found.append(blank._replace(payload=frame))
    return found


def _new(books: Sequence[Book], reports: Iterable[Message]) -> Iterator[Message]:
    told: set[str] = set()
    for message in reports:
        names = {trade_of(message), message.text(EXEC_ID) or ""} - NO_EXEC_IDS
        if names.isdisjoint(told) and not any(book.knows(message) for book in books):
            told |= names
            yield message


def append_reports(plan: SessionPlan, reports: Sequence[Message], clock: Clock) -> int:
    """Append reports to the tape of a session that no gateway runs; it delivers them at its next start.

    Args:
        plan: the session.
        reports: ExecutionReports of its orders, oldest first, in the wire's units.
        clock: stamps the records.

    Returns:
        How many were new.

    Raises:
        StoreLocked: a gateway runs it.
        StoreError: the tape can not be read or written.
    """
    store = plan.store()
    stored = store.load()
    try:
        books: list[Book] = [
            OrderBook(plan.unknown_outcome_texts, plan.meanings, remainders_told=plan.remainders_told)
        ]
        if plan.positions is not None:
            books.append(plan.positions())
        Rebuild(books, NOBODY, plan.passage().edge).run(stored)
        now_ns, numbers = clock.now().utc_ns, stored.numbers

        def record(kind: Kind, payload: bytes, *, flags: Flag = Flag.NONE) -> Record:
            epoch, next_out, next_in = numbers
            return Record(kind, flags, epoch, NO_NUMBER, next_out, next_in, now_ns, payload)

        records = records_of(plan.session, books, reports, record)
        store.commit([*(record(Kind.NOTE, note.encode()) for note in stored.notes), *records])
        return len(records)
    finally:
        store.close()
