"""The drop copy: past ExecutionReports again, on request: docs.kalshi.com/fix/drop-copy."""

from __future__ import annotations

from collections.abc import Iterator

from fixgw.errors import FieldError
from fixgw.fix.message import Message
from fixgw.sim.ledger import Ledger
from fixgw.sim.logon import LogonFlags
from fixgw.sim.reports import render

LOOK_BACK_NS = 3 * 3600 * 1_000_000_000

BEGIN_EXEC_ID = 21001
END_EXEC_ID = 21002
RESEND_EVENT_COUNT = 21003
EVENT_RESEND_REJECT_REASON = 21004

BEGIN_TOO_SMALL = "3"
END_TOO_LARGE = "4"
VALUE_INCORRECT = 5


def trail(
    request: Message, ledger: Ledger, account: str, flags: LogonFlags, now_ns: int
) -> Iterator[Message]:
    """Yield the answer to EventResendRequest(U1): reports and EventResendComplete(U2), or a reject (U3).

    Args:
        request: the U1, checked against its layout.
        ledger: of the venue.
        account: only its executions are shown.
        flags: how this session wants reports; those of the session that received them first do not count.
        now_ns: the present instant, UTC nanoseconds; nothing older than three hours is shown.

    Raises:
        FieldError: an ExecID is malformed.
    """
    first = _exec_id(request, BEGIN_EXEC_ID)
    last = _exec_id(request, END_EXEC_ID) if END_EXEC_ID in request else None
    ids = [(_numbers(event.exec_id), event) for event in ledger.executions]
    ref = (45, str(request.msg_seq_num))
    newest = ids[-1][0] if ids else (0, 0)
    forgotten = [number for number, event in ids if event.at_ns < now_ns - LOOK_BACK_NS]
    if forgotten and first <= forgotten[-1]:
        yield Message("U3", [ref, (EVENT_RESEND_REJECT_REASON, BEGIN_TOO_SMALL)])
        return
    if last is not None and last > newest:
        yield Message("U3", [ref, (EVENT_RESEND_REJECT_REASON, END_TOO_LARGE)])
        return
    count = 0
    for number, event in ids:
        if first <= number <= (last or newest) and event.order.terms.owner.account == account:
            report = render(event, flags)
            if report is not None:
                count += 1
                yield report
    yield Message("U2", [ref, (RESEND_EVENT_COUNT, str(count))])


def _exec_id(request: Message, tag: int) -> tuple[int, int]:
    """``clock;event``, or ``clock;event;0``: there is one exchange."""
    parts = (request.text(tag) or "").split(";")
    if len(parts) not in (2, 3) or not all(part.isdigit() for part in parts) or parts[2:] not in ([], ["0"]):
        raise FieldError(tag, VALUE_INCORRECT, f"Value is incorrect for this tag, {tag} is not an ExecID")
    return int(parts[0]), int(parts[1])


def _numbers(exec_id: str) -> tuple[int, int]:
    clock, event = exec_id.split(";")
    return int(clock), int(event)
