"""The session-level messages of FIXT.1.1: A 5 0 1 2 3 4, for whoever reads or scripts them.

A session writes its own without them; simulators, tests and tools use these.
"""

from __future__ import annotations

from enum import StrEnum

from fixgw.fix import tags
from fixgw.fix.fieldtypes import BOOLEAN, DATA, INT, STRING, enum
from fixgw.fix.schema import TypedMessage, field


class EncryptMethod(StrEnum):
    """EncryptMethod(98)."""

    NONE = "0"


class SessionRejectReason(StrEnum):
    """SessionRejectReason(373)."""

    INVALID_TAG_NUMBER = "0"
    REQUIRED_TAG_MISSING = "1"
    TAG_NOT_DEFINED_FOR_THIS_MESSAGE_TYPE = "2"
    UNDEFINED_TAG = "3"
    TAG_SPECIFIED_WITHOUT_A_VALUE = "4"
    VALUE_IS_INCORRECT = "5"
    INCORRECT_DATA_FORMAT = "6"
    DECRYPTION_PROBLEM = "7"
    SIGNATURE_PROBLEM = "8"
    COMP_ID_PROBLEM = "9"
    SENDING_TIME_ACCURACY_PROBLEM = "10"
    INVALID_MSG_TYPE = "11"
    XML_VALIDATION_ERROR = "12"
    TAG_APPEARS_MORE_THAN_ONCE = "13"
    TAG_SPECIFIED_OUT_OF_REQUIRED_ORDER = "14"
    REPEATING_GROUP_FIELDS_OUT_OF_ORDER = "15"
    INCORRECT_NUM_IN_GROUP_COUNT = "16"
    NON_DATA_VALUE_INCLUDES_FIELD_DELIMITER = "17"
    INVALID_UNSUPPORTED_APPL_VER = "18"
    OTHER = "99"


class Logon(TypedMessage, msg_type="A"):
    """Logon(A)."""

    encrypt_method: EncryptMethod = field(
        tags.ENCRYPT_METHOD, enum(EncryptMethod), default=EncryptMethod.NONE
    )
    heart_bt_int: int = field(tags.HEART_BT_INT, INT)
    raw_data: bytes | None = field(tags.RAW_DATA, DATA, default=None)
    reset_seq_num_flag: bool | None = field(tags.RESET_SEQ_NUM_FLAG, BOOLEAN, default=None)
    next_expected_msg_seq_num: int | None = field(tags.NEXT_EXPECTED_MSG_SEQ_NUM, INT, default=None)
    max_message_size: int | None = field(tags.MAX_MESSAGE_SIZE, INT, default=None)
    test_message_indicator: bool | None = field(tags.TEST_MESSAGE_INDICATOR, BOOLEAN, default=None)
    username: str | None = field(tags.USERNAME, STRING, default=None)
    password: str | None = field(tags.PASSWORD, STRING, default=None)
    new_password: str | None = field(tags.NEW_PASSWORD, STRING, default=None)
    default_appl_ver_id: str | None = field(tags.DEFAULT_APPL_VER_ID, STRING, default=None)
    text: str | None = field(tags.TEXT, STRING, default=None)


class Logout(TypedMessage, msg_type="5"):
    """Logout(5)."""

    text: str | None = field(tags.TEXT, STRING, default=None)


class Heartbeat(TypedMessage, msg_type="0"):
    """Heartbeat(0)."""

    test_req_id: str | None = field(tags.TEST_REQ_ID, STRING, default=None)


class TestRequest(TypedMessage, msg_type="1"):
    """TestRequest(1)."""

    __test__ = False  # no test case, whatever its name

    test_req_id: str = field(tags.TEST_REQ_ID, STRING)


class ResendRequest(TypedMessage, msg_type="2"):
    """ResendRequest(2): both numbers included, 0 as the end means all."""

    begin_seq_no: int = field(tags.BEGIN_SEQ_NO, INT)
    end_seq_no: int = field(tags.END_SEQ_NO, INT)


class Reject(TypedMessage, msg_type="3"):
    """Reject(3)."""

    ref_seq_num: int = field(tags.REF_SEQ_NUM, INT)
    ref_tag_id: int | None = field(tags.REF_TAG_ID, INT, default=None)
    ref_msg_type: str | None = field(tags.REF_MSG_TYPE, STRING, default=None)
    session_reject_reason: SessionRejectReason | None = field(
        tags.SESSION_REJECT_REASON, enum(SessionRejectReason), default=None
    )
    text: str | None = field(tags.TEXT, STRING, default=None)


class SequenceReset(TypedMessage, msg_type="4"):
    """SequenceReset(4): a gap fill, or a reset when GapFillFlag(123) is not ``Y``."""

    gap_fill_flag: bool | None = field(tags.GAP_FILL_FLAG, BOOLEAN, default=None)
    new_seq_no: int = field(tags.NEW_SEQ_NO, INT)
