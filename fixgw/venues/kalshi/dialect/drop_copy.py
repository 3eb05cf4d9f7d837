"""Drop copy: asking for ExecutionReports of the last three hours again.

Source: docs.kalshi.com/fix/drop-copy.
"""

from __future__ import annotations

from enum import StrEnum

from fixgw.fix import tags as fix
from fixgw.fix.fieldtypes import INT, STRING, enum
from fixgw.fix.schema import TypedMessage, field
from fixgw.venues.kalshi import tags


class EventResendRejectReason(StrEnum):
    """EventResendRejectReason(21004)."""

    TOO_MANY_RESEND_REQUESTS = "1"
    SERVER_ERROR = "2"
    BEGIN_EXEC_ID_TOO_SMALL = "3"  # older than what is kept
    END_EXEC_ID_TOO_LARGE = "4"
    NOT_ENABLED = "5"  # the account is not on the venue's allow-list


class EventResendRequest(TypedMessage, msg_type="U1"):
    """EventResendRequest(U1): the reports from one ExecID to another, both included, of one exchange index.

    Without ``end_exec_id`` the range reaches to the newest report of that index.
    """

    begin_exec_id: str = field(tags.BEGIN_EXEC_ID, STRING)
    end_exec_id: str | None = field(tags.END_EXEC_ID, STRING, default=None)


class EventResendComplete(TypedMessage, msg_type="U2"):
    """EventResendComplete(U2): every report of the range was sent."""

    ref_seq_num: int = field(fix.REF_SEQ_NUM, INT)
    resend_event_count: int = field(tags.RESEND_EVENT_COUNT, INT)


class EventResendReject(TypedMessage, msg_type="U3"):
    """EventResendReject(U3): no report will come."""

    ref_seq_num: int = field(fix.REF_SEQ_NUM, INT)
    event_resend_reject_reason: EventResendRejectReason = field(
        tags.EVENT_RESEND_REJECT_REASON, enum(EventResendRejectReason)
    )


MESSAGES: tuple[type[TypedMessage], ...] = (EventResendRequest, EventResendComplete, EventResendReject)
