"""Why a received message is refused, and how that is told."""

from __future__ import annotations

from fixgw.clock import Now
from fixgw.errors import FieldError, Reject
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.session import admin
from fixgw.session.handshake import Handshake
from fixgw.session.outcome import CloseCode, Outcome
from fixgw.session.state import Phase

# SessionRejectReason(373) of faults that end the connection: CompID problem, SendingTime accuracy problem.
FATAL = frozenset({9, 10})


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
        self.tally.rejects_out += 1
        self._emit(admin.refusal(fault, message), now, out)
        if fault.reason in FATAL and not fault.business:
            self._log_out_and_end(CloseCode.PROTOCOL, fault.text, now, out)
