"""The drop copy: past ExecutionReports again, on request: docs.kalshi.com/fix/drop-copy."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from fixgw.errors import FieldError
from fixgw.fix.message import Message
from fixgw.sim.accounts import sees
from fixgw.sim.cycle import ExecId
from fixgw.sim.ledger import Ledger
from fixgw.sim.logon import LogonFlags
from fixgw.sim.orders import Execution
from fixgw.sim.quirks import RECOMMENDED, Quirks
from fixgw.sim.reports import render

LOOK_BACK_NS = 3 * 3600 * 1_000_000_000

BEGIN_EXEC_ID = 21001
END_EXEC_ID = 21002
RESEND_EVENT_COUNT = 21003
EVENT_RESEND_REJECT_REASON = 21004
VALUE_INCORRECT = 5


class ResendRefusal(StrEnum):
    """EventResendRejectReason(21004)."""

    TOO_MANY_REQUESTS = "1"
    SERVER_ERROR = "2"
    BEGIN_TOO_SMALL = "3"
    END_TOO_LARGE = "4"
    NOT_ENABLED = "5"


def refused(request: Message, reason: ResendRefusal) -> Message:
    """Return the EventResendReject(U3) of an EventResendRequest(U1)."""
    return Message("U3", [(45, str(request.msg_seq_num)), (EVENT_RESEND_REJECT_REASON, reason.value)])


def trail(
    request: Message,
    ledger: Ledger,
    account: str,
    flags: LogonFlags,
    now_ns: int,
    quirks: Quirks = RECOMMENDED,
) -> Iterator[Message]:
    """Yield the answer to EventResendRequest(U1): reports and EventResendComplete(U2), or a reject (U3).

    Args:
        request: the U1, checked against its layout.
        ledger: of the venue.
        account: only its executions are shown, and those of its customers.
        flags: how this session wants reports; those of the session that received them first do not count.
        now_ns: the present instant, UTC nanoseconds; nothing older than three hours is shown.
        quirks: what the venue's pages leave open.

    Raises:
        FieldError: an ExecID is malformed, or the two are of different exchange indices.
    """
    first = _exec_id(request, BEGIN_EXEC_ID)
    last = _exec_id(request, END_EXEC_ID) if END_EXEC_ID in request else None
    if last is not None and last.exchange_index != first.exchange_index:
        raise _incorrect(END_EXEC_ID, "is of another exchange index")
    found, newest = _since(ledger, first)
    if found and found[0][1].at_ns < now_ns - LOOK_BACK_NS:
        yield refused(request, ResendRefusal.BEGIN_TOO_SMALL)
        return
    if last is not None and last > newest:
        yield refused(request, ResendRefusal.END_TOO_LARGE)
        return
    count = 0
    for number, event in found:
        if number <= (last or newest) and sees(event.order.terms.owner.account, account):
            report = render(event, flags, quirks)
            if report is not None:
                count += 1
                yield report
    yield Message("U2", [(45, str(request.msg_seq_num)), (RESEND_EVENT_COUNT, str(count))])


def _since(ledger: Ledger, first: ExecId) -> tuple[list[tuple[ExecId, Execution]], ExecId]:
    """Return the executions of an exchange index from one on, oldest first, and the newest of that index."""
    found: list[tuple[ExecId, Execution]] = []
    newest = ExecId(first.exchange_index, 0, 0)
    for event in reversed(ledger.executions):
        number = ExecId.parse(event.exec_id)
        if number.exchange_index != first.exchange_index:
            continue
        newest = max(newest, number)
        if number < first:
            break
        found.append((number, event))
    return found[::-1], newest


def _exec_id(request: Message, tag: int) -> ExecId:
    try:
        return ExecId.parse(request.text(tag) or "")
    except ValueError:
        raise _incorrect(tag, "is not an ExecID") from None


def _incorrect(tag: int, what: str) -> FieldError:
    return FieldError(tag, VALUE_INCORRECT, f"Value is incorrect for this tag, {tag} {what}")
