"""Why a received message is refused, and how that is told."""

from __future__ import annotations

import re

from fixgw.clock import Now
from fixgw.errors import FieldError, Reject
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.fix.values import parse_utc_timestamp_ns
from fixgw.session import admin
from fixgw.session.handshake import Handshake
from fixgw.session.outcome import CloseCode, Outcome
from fixgw.session.state import Phase

# SessionRejectReason(373) of faults that end the connection: CompID problem, SendingTime accuracy problem.
FATAL = frozenset({9, 10})

_RAW_DATA = frozenset(tags.RAW_DATA_TAGS) | frozenset(tags.RAW_DATA_TAGS.values())
_TAG_DIGITS = 9
_INTEGER = re.compile(rb"-?\d{1,18}")


def salvage(frame: bytes, fault: FieldError) -> tuple[Message, Reject, bool]:
    """Read what can be read of a frame whose fields do not parse.

    Args:
        frame: a frame that the framer has checked.
        fault: why it does not parse.

    Returns:
        The fields that are in order, the refusal of the rest, and whether refusing is in place: bytes that
        are not ``number=value`` at all are line noise, which FIX wants ignored (test case 3c).
    """
    readable: list[bytes] = []
    invalid: list[bytes] = []
    for field in frame[frame.find(b"\x0135=") + 1 : -8].split(b"\x01"):
        tag, equals, _ = field.partition(b"=")
        if not equals or not tag.isdigit() or tag.startswith(b"0") or len(tag) > _TAG_DIGITS:
            invalid.append(tag if equals else b"")
        elif int(tag) not in _RAW_DATA:
            readable.append(field)
    message = Message.of(readable)
    message.frame = frame
    message.msg_seq_num = admin.parse_number(message.get(tags.MSG_SEQ_NUM) or b"") or 0
    message.poss_dup = message.get(tags.POSS_DUP_FLAG) == b"Y"
    if not invalid:
        return message, admin.problem(fault.reason, fault.tag), True
    integers = [int(tag) for tag in invalid if _INTEGER.fullmatch(tag)]
    ref_tag = integers[0] if integers else None
    return message, admin.problem(0, ref_tag), len(integers) == len(invalid)


class Faults(Handshake):
    """The checks of a session on what it receives."""

    _clock_is_off = False  # an alarm was raised and SendingTime has not come right since

    def _identity_fault(self, message: Message, now: Now, out: Outcome) -> Reject | None:
        """Return what ends the connection whatever the number: wrong CompIDs, a clock that is off."""
        sender, target = message.get(tags.SENDER_COMP_ID), message.get(tags.TARGET_COMP_ID)
        if (sender and sender != self._peer_id) or (target and target != self._our_id):
            return admin.problem(9)
        try:
            offset = self._offset_ns(message, now)
        except FieldError:
            return None  # refused when its turn comes
        if abs(offset) <= self._window_ns:
            self._clock_is_off = False
        elif self.settings.strict_time:
            return admin.problem(10)
        elif not self._clock_is_off:
            self._clock_is_off = True
            self._alarm(f"the peer's SendingTime is {offset / 1e9:+.3f} s off our clock", out)
        return None

    def _is_in_time(self, stamp: bytes | None, now: Now) -> bool:
        try:
            return abs(parse_utc_timestamp_ns(stamp or b"") - now.utc_ns) <= self._window_ns
        except (ValueError, OverflowError):
            return False

    def _content_fault(self, message: Message) -> Reject | None:
        """Return why a message whose turn has come is refused."""
        try:
            admin.require(message, tags.SENDER_COMP_ID)
            admin.require(message, tags.TARGET_COMP_ID)
            sent = admin.require_time(message, tags.SENDING_TIME)
            if message.poss_dup:
                self._check_first_sent(message, sent)
            if self._check is not None:
                self._check(message)
        except Reject as fault:
            return fault
        return None

    def _check_first_sent(self, message: Message, sent: int) -> None:
        """Check OrigSendingTime(122) of a possible duplicate; gap fills of many engines come without."""
        if message.msg_type == "4" and tags.ORIG_SENDING_TIME not in message:
            return
        if admin.require_time(message, tags.ORIG_SENDING_TIME) > sent:
            raise admin.problem(10)

    def _reject(self, fault: Reject, message: Message, now: Now, out: Outcome) -> None:
        """Refuse a message; a fault of identity or time also ends the connection."""
        if self.phase is Phase.CLOSED:
            return
        self._emit_refusal(fault, message, now, out)
        if fault.reason in FATAL and not fault.business:
            self._log_out_and_end(CloseCode.PROTOCOL, fault.text, now, out)

    def _emit_refusal(self, fault: Reject, message: Message, now: Now, out: Outcome) -> None:
        self.tally.rejects_out += 1
        self._emit(admin.refusal(fault, message), now, out)
