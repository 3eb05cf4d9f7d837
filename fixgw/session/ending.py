"""How a session ends: Logout both ways, a refused Logon, a lost stream."""

from __future__ import annotations

from fixgw.clock import Now
from fixgw.errors import FieldError
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.session import admin
from fixgw.session.events import LoggedOut, LogonRefused, NumberTooLow, RejectReceived
from fixgw.session.gaps import Gaps
from fixgw.session.outcome import CloseCode, Outcome
from fixgw.session.state import Input, Phase


class Ending(Gaps):
    """The end of a connection, as either side brings it about."""

    def logout(self, text: str, now: Now) -> Outcome:
        """Leave: send a Logout and wait for its answer; before the Logon is through, just close."""
        out = Outcome()
        if self.phase in (Phase.ACTIVE, Phase.RESET_SENT):
            self._emit(admin.logout(text), now, out)
            self._step(Input.LOGOUT)
            self._handshake_by = now.mono + self.settings.logout_timeout
            self.liveness.stop()
            self.gap.close()
        elif self.phase not in (Phase.CLOSED, Phase.LOGOUT_SENT):
            self._end(CloseCode.STOPPED, text, now, out)
        return out

    def lost(self, now: Now) -> Outcome:
        """Note that the stream is gone; safe to call at any time."""
        out = Outcome()
        if self.phase is not Phase.CLOSED:
            self._end(CloseCode.LOST, "", now, out)
        return out

    def _on_logout(self, message: Message, now: Now, out: Outcome) -> None:
        text = admin.text_of(message)
        if (low := admin.parse_too_low(text)) is not None:
            out.events.append(NumberTooLow(*low, by_peer=True))
        elif (high := admin.parse_expects_too_much(text)) is not None:
            sends_next, expected = high
            out.events.append(NumberTooLow(expected, sends_next, by_peer=False))
        if self.phase is Phase.LOGON_SENT:
            out.events.append(LogonRefused(text))
            self._end(CloseCode.REFUSED, text, now, out)
            return
        by_us = self.phase is Phase.LOGOUT_SENT
        out.events.append(LoggedOut(text, by_us))
        if not by_us:
            self._emit(admin.logout(""), now, out)
        self._end(CloseCode.LOGOUT, text, now, out)

    def _on_reject(self, message: Message, now: Now, out: Outcome) -> None:
        self.tally.rejects_in += 1
        if self.phase is Phase.LOGON_SENT:
            text = admin.text_of(message)
            reason = admin.parse_number(message.get(tags.SESSION_REJECT_REASON) or b"")
            out.events.append(LogonRefused(text, reason, self._offset(message, now)))
            self._end(CloseCode.REFUSED, text, now, out)
            return
        ref_seq_num = admin.parse_number(message.get(tags.REF_SEQ_NUM) or b"") or 0
        out.events.append(RejectReceived(message, ref_seq_num))

    def _offset_ns(self, message: Message, now: Now) -> int:
        """Return SendingTime(52) minus our clock.

        Raises:
            FieldError: it is absent, empty or no timestamp.
        """
        return admin.require_time(message, tags.SENDING_TIME) - now.utc_ns

    def _offset(self, message: Message, now: Now) -> float | None:
        """Return SendingTime(52) minus our clock in seconds, None when it can not be read."""
        try:
            return self._offset_ns(message, now) / 1e9
        except FieldError:
            return None
