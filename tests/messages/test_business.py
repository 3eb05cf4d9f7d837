"""BusinessMessageReject(j)."""

from __future__ import annotations

from fixgw.fix.message import Message
from fixgw.messages.business import BusinessMessageReject, BusinessRejectReason
from tests.fix.samples import BUSINESS_REJECT


def test_a_rate_limit_is_read() -> None:
    reject = BusinessMessageReject.view(Message.decode(BUSINESS_REJECT))
    reject.check()
    assert (reject.ref_seq_num, reject.ref_msg_type, reject.business_reject_ref_id) == (5, "D", "c3")
    assert reject.business_reject_reason is BusinessRejectReason.THROTTLE_LIMIT_EXCEEDED
    assert reject.text == "rate limit exceeded"


def test_a_reject_is_written() -> None:
    reject = BusinessMessageReject(
        ref_seq_num=5, ref_msg_type="D", business_reject_reason=BusinessRejectReason.NOT_AUTHORIZED
    )
    assert reject.message.body() == b"\x0145=5\x01372=D\x01380=6"
