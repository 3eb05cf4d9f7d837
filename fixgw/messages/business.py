"""BusinessMessageReject(j): a message that was understood and can not be served."""

from __future__ import annotations

from enum import StrEnum

from fixgw.fix import tags
from fixgw.fix.fieldtypes import INT, STRING, enum
from fixgw.fix.schema import TypedMessage, field


class BusinessRejectReason(StrEnum):
    """BusinessRejectReason(380)."""

    OTHER = "0"
    UNKNOWN_ID = "1"
    UNKNOWN_SECURITY = "2"
    UNSUPPORTED_MESSAGE_TYPE = "3"
    APPLICATION_NOT_AVAILABLE = "4"
    CONDITIONALLY_REQUIRED_FIELD_MISSING = "5"
    NOT_AUTHORIZED = "6"
    DELIVER_TO_FIRM_NOT_AVAILABLE = "7"
    THROTTLE_LIMIT_EXCEEDED = "8"
    INVALID_PRICE_INCREMENT = "18"


class BusinessMessageReject(TypedMessage, msg_type="j"):
    """BusinessMessageReject(j)."""

    ref_seq_num: int | None = field(tags.REF_SEQ_NUM, INT, default=None)
    ref_msg_type: str = field(tags.REF_MSG_TYPE, STRING)
    business_reject_ref_id: str | None = field(tags.BUSINESS_REJECT_REF_ID, STRING, default=None)
    business_reject_reason: BusinessRejectReason = field(
        tags.BUSINESS_REJECT_REASON, enum(BusinessRejectReason)
    )
    text: str | None = field(tags.TEXT, STRING, default=None)
