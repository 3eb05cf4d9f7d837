"""The admin messages that a session sends, and how it reads the fields of those that it gets."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fixgw.errors import FieldError, Reject
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.fix.reasons import REASONS
from fixgw.fix.values import parse_utc_timestamp_ns

Pairs = list[tuple[int, str | bytes | int | bool]]

TEST_REQ_ID = b"TEST"

# A refusal goes back the way the message came: each routing tag returns as its counterpart.
REVERSE_ROUTE: tuple[tuple[int, int], ...] = (
    (tags.DELIVER_TO_COMP_ID, tags.ON_BEHALF_OF_COMP_ID),
    (tags.DELIVER_TO_SUB_ID, tags.ON_BEHALF_OF_SUB_ID),
    (tags.ON_BEHALF_OF_COMP_ID, tags.DELIVER_TO_COMP_ID),
    (tags.ON_BEHALF_OF_SUB_ID, tags.DELIVER_TO_SUB_ID),
    (tags.DELIVER_TO_LOCATION_ID, tags.ON_BEHALF_OF_LOCATION_ID),
    (tags.ON_BEHALF_OF_LOCATION_ID, tags.DELIVER_TO_LOCATION_ID),
)

MAX_SEQ_NUM = 2**32 - 2  # the number after it still fits the 32 bits of a record

MAX_TEXT = 500  # characters of a peer's Text(58) that are shown

_TOO_LOW = re.compile(r"MsgSeqNum too low, expecting (\d{1,10}) but received (\d{1,10})", re.IGNORECASE)

_TOO_HIGH = re.compile(
    r"NextExpectedMsgSeqNum\b.{0,40}?\bexpect\w* (\d{1,10}),?.{0,5}? received (\d{1,10})", re.IGNORECASE
)


def clean(text: str) -> str:
    """Return a text that can stand in a field, whatever a peer or a handler put into it."""
    return text.replace("\x01", " ").encode("utf-8", "replace").decode()


def too_low_text(expected: int, received: int) -> str:
    """Return the Logout text for a number that is too low."""
    return f"MsgSeqNum too low, expecting {expected} but received {received}"


def parse_too_low(text: str) -> tuple[int, int] | None:
    """Return (expected, received) when a peer's Logout text complains about our number, else None."""
    found = _TOO_LOW.search(text)
    return (int(found[1]), int(found[2])) if found else None


def expects_too_much_text(sent_next: int, expected: int) -> str:
    """Return the Logout text for a NextExpectedMsgSeqNum(789) beyond what is sent next."""
    return f"NextExpectedMsgSeqNum too high, expecting {sent_next} but received {expected}"


def parse_expects_too_much(text: str) -> tuple[int, int] | None:
    """Return (what the peer sends next, what we expect) when its Logout text says that we expect more."""
    found = _TOO_HIGH.search(text)
    return (int(found[1]), int(found[2])) if found else None


def problem(reason: int, ref_tag: int | None = None) -> Reject:
    """Return a refusal with the standard text of SessionRejectReason(373) ``reason``."""
    return Reject(reason, REASONS[reason], ref_tag=ref_tag)


def logon(
    heart_bt_int: int,
    reset: bool,
    next_expected: int | None,
    appl_ver_id: str | None,
    extra: Iterable[tuple[int, str | bytes]],
) -> Message:
    """Return a Logon: 98, 108, 141 if set, 789 and 1137 if given, then ``extra`` as it comes."""
    pairs: Pairs = [(tags.ENCRYPT_METHOD, "0"), (tags.HEART_BT_INT, heart_bt_int)]
    if reset:
        pairs.append((tags.RESET_SEQ_NUM_FLAG, True))
    if next_expected is not None:
        pairs.append((tags.NEXT_EXPECTED_MSG_SEQ_NUM, next_expected))
    if appl_ver_id is not None:
        pairs.append((tags.DEFAULT_APPL_VER_ID, appl_ver_id))
    pairs.extend(extra)
    return Message("A", pairs)


def logout(text: str) -> Message:
    """Return a Logout, with Text(58) when there is one."""
    return Message("5", [(tags.TEXT, clean(text))] if text else [])


def heartbeat(test_req_id: bytes | None = None) -> Message:
    """Return a Heartbeat, with the TestReqID(112) that it answers."""
    return Message("0", [] if test_req_id is None else [(tags.TEST_REQ_ID, test_req_id)])


def test_request() -> Message:
    """Return a TestRequest."""
    return Message("1", [(tags.TEST_REQ_ID, TEST_REQ_ID)])


def resend_request(begin: int, end: int) -> Message:
    """Return a ResendRequest from ``begin`` to ``end``, both included; 0: to whatever was sent last."""
    return Message("2", [(tags.BEGIN_SEQ_NO, begin), (tags.END_SEQ_NO, end)])


def gap_fill(new_seq_no: int) -> Message:
    """Return a SequenceReset that fills the numbers up to ``new_seq_no``, exclusive."""
    return Message("4", [(tags.NEW_SEQ_NO, new_seq_no), (tags.GAP_FILL_FLAG, True)])


def refusal(reject: Reject, message: Message) -> Message:
    """Return the Reject(3) or BusinessMessageReject(j) that refuses a received message."""
    pairs: Pairs = [(back, value) for back, came in REVERSE_ROUTE if (value := message.get(came))]
    pairs.append((tags.REF_SEQ_NUM, message.msg_seq_num))
    if reject.text:
        pairs.append((tags.TEXT, clean(reject.text)))
    if reject.ref_tag is not None and not reject.business:
        pairs.append((tags.REF_TAG_ID, reject.ref_tag))
    if message.msg_type:
        pairs.append((tags.REF_MSG_TYPE, message.msg_type))
    if not reject.business:
        pairs.append((tags.SESSION_REJECT_REASON, reject.reason))
        return Message("3", pairs)
    if reject.ref_id:
        pairs.append((tags.BUSINESS_REJECT_REF_ID, clean(reject.ref_id)))
    pairs.append((tags.BUSINESS_REJECT_REASON, reject.reason))
    return Message("j", pairs)


def text_of(message: Message, tag: int = tags.TEXT) -> str:
    """Return a field as one line for a person, whatever bytes it holds; empty when it is absent."""
    return shown((message.get(tag) or b"").decode("utf-8", "replace"))


def shown(text: str) -> str:
    """Return a text of a peer as it may stand in a log: control characters escaped, cut when it is long."""
    line = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text[:MAX_TEXT]
    )
    cut = len(text) - MAX_TEXT
    return f"{line}... ({cut} more characters)" if cut > 0 else line


def parse_number(value: bytes) -> int | None:
    """Return an integer from 0 to ``MAX_SEQ_NUM``, else None."""
    if len(value) <= 10 and value.isdigit() and int(value) <= MAX_SEQ_NUM:
        return int(value)
    return None


def require(message: Message, tag: int) -> bytes:
    """Return a field that has to be there and to have a value.

    Raises:
        FieldError: 373=1 when it is absent, 373=4 when it is empty.
    """
    value = message.get(tag)
    if value:
        return value
    reason = 1 if value is None else 4
    raise FieldError(tag, reason, REASONS[reason])


def require_number(message: Message, tag: int) -> int:
    """Return a SeqNum, Length or count.

    Raises:
        FieldError: 373=1 absent, 373=4 empty, 373=6 no number.
    """
    number = parse_number(require(message, tag))
    if number is None:
        raise FieldError(tag, 6, REASONS[6])
    return number


def require_time(message: Message, tag: int) -> int:
    """Return a UTCTimestamp as nanoseconds since 1970.

    Raises:
        FieldError: 373=1 absent, 373=4 empty, 373=6 no timestamp.
    """
    try:
        return parse_utc_timestamp_ns(require(message, tag))
    except (ValueError, OverflowError):
        raise FieldError(tag, 6, REASONS[6]) from None


def flag(message: Message, tag: int) -> bool:
    """Return a Boolean field, false when it is absent.

    Raises:
        FieldError: 373=6 when it is neither Y nor N.
    """
    value = message.get(tag, b"N")
    if value not in (b"Y", b"N"):
        raise FieldError(tag, 6, REASONS[6])
    return value == b"Y"
