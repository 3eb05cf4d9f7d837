"""Numbers that begin anew: by hand while closed, by a Logon with ResetSeqNumFlag(141)=Y while active."""

from __future__ import annotations

from math import inf

from fixgw.clock import Now
from fixgw.errors import LocalError
from fixgw.fix.message import Message
from fixgw.records import SeqNums
from fixgw.session import admin
from fixgw.session.ending import Ending
from fixgw.session.outcome import CloseCode, Outcome
from fixgw.session.state import Input, Phase, SessionSettings


class Numbers(Ending):
    """The numbers of a session as a person or a peer sets them.

    Args:
        settings: what the session knows about itself.
        numbers: where the numbers stand.
    """

    def __init__(self, settings: SessionSettings, numbers: SeqNums) -> None:
        super().__init__(settings, numbers)
        self.heart_bt_int = 0
        self._straggler_in = 0  # what was expected before our reset, while its answer is on the way; else 0

    def reset(self, now: Now) -> Outcome:
        """Put both numbers back to 1: at once while closed, by a Logon with 141=Y while active.

        Raises:
            LocalError: the session is between the two.
        """
        out = Outcome()
        if self.phase is Phase.CLOSED:
            self._reset("reset by hand", now, out)
            return out
        self._after(Input.RESET)
        logon = self._logon(1, 1, True, self.heart_bt_int, now)
        self._straggler_in = self.next_in
        self._step(Input.RESET)
        self._reset("reset while active", now, out)
        self._emit_logon(logon, now, out)
        self.liveness.stop()
        self._handshake_by = now.mono + self.settings.logon_timeout
        return out

    def set_numbers(self, next_in: int | None, next_out: int | None) -> None:
        """Set the numbers by hand; one that goes back begins a new epoch, so that none is used twice in one.

        Args:
            next_in: the next expected inbound MsgSeqNum; None: as it is.
            next_out: the next outbound MsgSeqNum; None: as it is.

        Raises:
            LocalError: the session is not closed, or a number is out of range.
        """
        next_in = self.next_in if next_in is None else next_in
        next_out = self.next_out if next_out is None else next_out
        if self.phase is not Phase.CLOSED:
            raise LocalError(f"session {self.settings.name}: log out first: numbers are set while closed")
        if min(next_in, next_out) < 1 or max(next_in, next_out) > admin.MAX_SEQ_NUM:
            raise LocalError(f"session {self.settings.name}: numbers run from 1 to {admin.MAX_SEQ_NUM}")
        if next_in < self.next_in or next_out < self.next_out:
            self.epoch += 1
        self.next_in, self.next_out = next_in, next_out

    def _on_reset_logon(self, message: Message, fault: str, now: Now, out: Outcome) -> None:
        """A Logon with 141=Y inside a running session: the peer's wish, or the answer to ours.

        Args:
            message: the Logon.
            fault: why it can not be taken; empty: it can.
            now: the instant.
            out: takes what there is to do.
        """
        if message.msg_seq_num != 1:
            fault = f"a Logon that resets the numbers has MsgSeqNum 1, not {message.msg_seq_num}"
        if fault:
            self._keep(message, now, out, place=False)
            self._log_out_and_end(CloseCode.PROTOCOL, fault, now, out, told=fault)
            return
        reply = self._logon(1, 2, True, self.heart_bt_int, now) if self.phase is Phase.ACTIVE else None
        self._step(Input.LOGON)
        if not self._straggler_in:
            self._reset("Logon with ResetSeqNumFlag received", now, out)
        self._straggler_in = 0
        self.next_in = 2
        self._keep(message, now, out)
        if self.phase is Phase.ACTIVE:
            self._handshake_by = inf
            self.liveness.start(self.heart_bt_int, now.mono)
        if reply is not None:
            self._emit_logon(reply, now, out)
