"""What a session does about inbound numbers that are missing: ask, ask on, ask again, give up, report."""

from __future__ import annotations

from fixgw.clock import Now
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.session import admin
from fixgw.session.events import GapDetected
from fixgw.session.outcome import CloseCode, Outcome
from fixgw.session.state import OnGap, Phase
from fixgw.session.wire import Wire

_INVALID_MSG_TYPE = b"11"  # SessionRejectReason(373)


class Gaps(Wire):
    """The part of a session that mends, or reports, what is missing."""

    def _await_missing(self, last: int, now: Now, out: Outcome) -> None:
        """Note that everything from the expected number to ``last`` is missing and is on its way."""
        self.gap.open(self.next_in, last, now.mono)
        self.tally.gaps += 1
        out.events.append(GapDetected(self.next_in, last))

    def _ask(self, last: int, now: Now, out: Outcome) -> None:
        """Ask for everything from the first missing number on."""
        self._await_missing(last, now, out)
        self._request(now, out)

    def _ask_once(self, number: int, now: Now, out: Outcome) -> None:
        """Ask for what is missing before ``number``, once a gap; nobody asks on the way out."""
        if not self.gap.is_open and self.phase is Phase.ACTIVE:
            self._ask(number - 1, now, out)

    def _request(self, now: Now, out: Outcome) -> None:
        """Send a ResendRequest: for all that follows, or for as much as one may ask for at a time."""
        chunk = self.settings.resend_chunk
        end = min(self.next_in + chunk - 1, self.gap.last) if chunk else 0
        self.gap.asked(end or self.gap.last, self.next_out)
        self.tally.resend_requests_out += 1
        self._emit(admin.resend_request(self.next_in, end), now, out)

    def _mind_gap(self, now: Now, out: Outcome) -> None:
        """See whether the gap is closed, whether more is to be asked for, or another one lies behind it."""
        if not self.gap.is_open:
            return
        if self.next_in <= self.gap.last:
            self.gap.progress(self.next_in, now.mono)
            if self.next_in > self.gap.asked_to:
                self._request(now, out)
            return
        last = self.room.first() - 1 if len(self.room) else self.room.turned_away
        if not (self.settings.resend_chunk and len(self.room)):
            self.room.turned_away = 0  # it is asked for now, or comes with all that follows
        if last < self.next_in:
            self.gap.close()
        else:
            self._ask(last, now, out)

    def _gap_is_due(self, now: Now, out: Outcome) -> None:
        """No progress: ask once more from the first missing number, then give up the connection."""
        missing = f"MsgSeqNum {self.next_in} to {self.gap.last}"
        if self.gap.asked_again:
            text = f"{missing} were not sent again"
            self._log_out_and_end(CloseCode.GAP_TIMEOUT, text, now, out, told=text)
        else:
            self.gap.ask_again(now.mono)
            self._alarm(f"{missing} did not come and are asked for once more", out)
            self._request(now, out)

    def _refuses_to_resend(self, message: Message) -> bool:
        """Tell whether a message is the Reject of our latest ResendRequest, and we still want an answer.

        One that says that there is no such MsgType says nothing about what the peer keeps.
        """
        return (
            message.msg_type == "3"
            and self.gap.request > 0
            and self.phase is Phase.ACTIVE
            and admin.parse_number(message.get(tags.REF_SEQ_NUM) or b"") == self.gap.request
            and message.get(tags.SESSION_REJECT_REASON) != _INVALID_MSG_TYPE
        )

    def _give_up_oldest(self, now: Now, out: Outcome) -> bool:
        """Lose the oldest missing numbers and ask for the rest; return true when none is left to ask for.

        A peer keeps messages for a time and does not say where they begin. With each refusal twice as many
        are given up: few requests find the beginning, and little is lost that could have been had.
        """
        first = self.next_in
        last = min(first + 2**self.gap.refusals - 1, self.gap.last)
        self.gap.refusals += 1
        self._lose(first, last, out)
        self.next_in = last + 1
        if last == self.gap.last:
            return True
        self.gap.progress(self.next_in, now.mono)
        self._request(now, out)
        return False

    def _leave_gap(self, now: Now, out: Outcome) -> None:
        """Leave because of a lost gap, if that is what the settings say."""
        if self.settings.on_gap is OnGap.RECONNECT and self.phase is Phase.ACTIVE:
            self._log_out_and_end(CloseCode.GAP, "messages were lost", now, out)
