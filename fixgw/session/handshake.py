"""How a session begins: Logon, the acceptor's verdict, resets of the numbers, both roles."""

from __future__ import annotations

from math import inf

from fixgw.clock import Now
from fixgw.errors import FieldError, LocalError, Reject
from fixgw.fix import tags
from fixgw.fix.framing import Garbled
from fixgw.fix.message import Message
from fixgw.records import SeqNums
from fixgw.session import admin
from fixgw.session.ending import Ending
from fixgw.session.events import (
    ClockOffset,
    LoggedOn,
    LogonReceived,
)
from fixgw.session.outcome import CloseCode, Outcome
from fixgw.session.sequence import Kind as NumberKind
from fixgw.session.sequence import Verdict as NumberVerdict
from fixgw.session.sequence import judge
from fixgw.session.state import Input, Phase, SessionSettings
from fixgw.session.verdict import Accept, Answer, Refuse, Verdict

FRESH = SeqNums()


class Handshake(Ending):
    """The Logon of a session, as initiator and as acceptor.

    Args:
        settings: what the session knows about itself.
        numbers: where the numbers stand.
    """

    def __init__(self, settings: SessionSettings, numbers: SeqNums = FRESH) -> None:
        super().__init__(settings, numbers)
        accepted = settings.accepted_sender_comp_ids or {settings.target_comp_id}
        self.heart_bt_int = 0
        self._accepted_ids = frozenset(name.encode() for name in accepted)
        self._our_id = settings.sender_comp_id.encode()
        self._peer_id = b""  # SenderCompID(49) of the peer's Logon, required on this connection
        self._prefix = b"8=%b\x01" % settings.begin_string.encode()
        self._window_ns = round(settings.sending_time_window * 1e9)
        self._check = settings.check
        self._pending: Message | None = None
        self._held: list[bytes | Garbled] = []  # what came while a verdict on the Logon is awaited
        self._held_bytes = 0
        self._asked_reset = False
        self._straggler_in = 0  # what was expected before a reset, while its answer is on the way

    # What a driver calls.

    def dial(self, now: Now, *, reset: bool | None = None) -> Outcome:
        """Begin as initiator on a fresh stream: send the Logon.

        Args:
            now: the instant; SendingTime(52) and the signature are made from it.
            reset: ask for ResetSeqNumFlag(141)=Y on this Logon; None: as the settings say.

        Raises:
            LocalError: a connection is in use.
        """
        self._after(Input.DIAL)
        wanted = self.settings.reset_on_logon if reset is None else reset
        heart_bt_int = self.settings.heart_bt_int
        # Signed before anything moves: a signer that fails leaves the session as it was.
        logon = self._logon(1 if wanted else self.next_out, wanted, heart_bt_int, now)
        self._connect(Input.DIAL, now)
        self._asked_reset = wanted
        out = Outcome()
        if wanted:
            self._reset("Logon with ResetSeqNumFlag", now, out)
        self._emit_logon(logon, now, out)
        return out

    def accept(self, now: Now) -> Outcome:
        """Begin as acceptor on a fresh stream: wait for a Logon.

        Raises:
            LocalError: a connection is in use.
        """
        self._connect(Input.ACCEPT, now)
        return Outcome()

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
        logon = self._logon(1, True, self.heart_bt_int, now)
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

    # The Logon, by phase.

    def _on_logon(self, message: Message, now: Now, out: Outcome) -> None:
        if self.phase is Phase.LOGON_WAIT:
            self._on_first_logon(message, now, out)
        elif self.phase is Phase.LOGON_SENT:
            self._on_logon_reply(message, now, out)
        else:
            raise Reject(99, "Logon while logged on")

    def _on_first_logon(self, message: Message, now: Now, out: Outcome) -> None:
        """Acceptor: check what needs no knowledge of the peer, then ask for a verdict; nothing moves yet."""
        self._keep(message, now, out, place=False)
        fault = self._logon_fault(message, now)
        if fault is None:
            self._step(Input.LOGON)
            self._pending = message
            self._held, self._held_bytes = [], 0
            self._measure(message, now, out)
            out.events.append(LogonReceived(message))
            return
        answer = Answer.REJECT if self.settings.answer_bad_logon else Answer.SILENT
        self._refuse_logon(Refuse(answer, fault.text, fault.reason), message, now, out, fault.ref_tag)

    def _logon_fault(self, message: Message, now: Now) -> Reject | None:
        try:
            if not message.frame.startswith(self._prefix):
                return Reject(99, "Incorrect BeginString")
            if self._is_stranger(message):
                return admin.problem(9)
            if self.settings.strict_time and abs(self._offset_ns(message, now)) > self._window_ns:
                return admin.problem(10)
            if self.settings.default_appl_ver_id is not None:
                admin.require(message, tags.DEFAULT_APPL_VER_ID)
            admin.require_number(message, tags.HEART_BT_INT)
            number = admin.require_number(message, tags.MSG_SEQ_NUM)
            if number < 1 or (admin.flag(message, tags.RESET_SEQ_NUM_FLAG) and number != 1):
                return admin.problem(5, tags.MSG_SEQ_NUM)
            if self._check is not None:
                self._check(message)
        except Reject as fault:
            return fault
        return None

    def _refuse_logon(
        self, verdict: Refuse, logon: Message, now: Now, out: Outcome, ref_tag: int | None = None
    ) -> None:
        """Answer without using up a number: 1 if the peer asked for a reset, else the one that comes next."""
        number = 1 if logon.get(tags.RESET_SEQ_NUM_FLAG) == b"Y" else self.next_out
        if verdict.answer is Answer.LOGOUT:
            self._emit_unnumbered(admin.logout(verdict.text), number, now, out)
        elif verdict.answer is Answer.REJECT:
            reject = Reject(verdict.reason, verdict.text, ref_tag=ref_tag)
            self._emit_unnumbered(admin.refusal(reject, logon), number, now, out)
        self._end(CloseCode.REFUSED, verdict.text, out)

    def _admit(self, verdict: Verdict, now: Now, out: Outcome) -> None:
        logon, self._pending = self._pending, None
        assert logon is not None
        if isinstance(verdict, Refuse):
            self._refuse_logon(verdict, logon, now, out)
            return
        asked = admin.flag(logon, tags.RESET_SEQ_NUM_FLAG)
        fresh = asked or self.settings.reset_on_logon
        if not fresh and self._verdict(logon) is NumberVerdict.TOO_LOW:
            self._too_low(logon, now, out)
            return
        self._welcome(logon, verdict, asked, fresh, now, out)

    def _welcome(
        self, logon: Message, verdict: Accept, asked: bool, fresh: bool, now: Now, out: Outcome
    ) -> None:
        """Acceptor: answer the Logon and be active."""
        heart_bt_int = admin.require_number(logon, tags.HEART_BT_INT)
        reply = self._logon(1 if fresh else self.next_out, asked, heart_bt_int, now, verdict.fields)
        self._step(Input.ADMIT)
        if fresh:
            self._reset("Logon received", now, out)
        missing = self._place_logon(logon)
        self._emit_logon(reply, now, out)
        self._begin(logon, fresh, heart_bt_int, now, out)
        self._mend(missing, logon, now, out)

    def _on_logon_reply(self, message: Message, now: Now, out: Outcome) -> None:
        """Initiator: the answer to our Logon."""
        fault = self._reply_fault(message, now)
        if fault is not None:
            self._keep(message, now, out, place=False)
            self._log_out_and_end(CloseCode.PROTOCOL, fault.text, now, out, told=fault.text)
            return
        reset = admin.flag(message, tags.RESET_SEQ_NUM_FLAG)
        if reset and not self._asked_reset:
            self._reset("the peer's Logon has ResetSeqNumFlag", now, out)
            self.next_out = 2  # our Logon counts as number 1 of the new epoch, as its answer does
        if self._verdict(message) is NumberVerdict.TOO_LOW:
            self._keep(message, now, out, place=False)
            self._too_low(message, now, out)
            return
        missing = self._place_logon(message)
        self._keep(message, now, out, place=message.msg_seq_num < self.next_in)
        self._step(Input.LOGON)
        heart_bt_int = self._agreed_interval(message, out)
        self._begin(message, reset or self._asked_reset, heart_bt_int, now, out)
        self._measure(message, now, out)
        self._mend(missing, message, now, out)

    def _reply_fault(self, message: Message, now: Now) -> Reject | None:
        try:
            if not message.frame.startswith(self._prefix):
                return Reject(99, "Incorrect BeginString")
            if self._is_stranger(message):
                return admin.problem(9)
            if self.settings.strict_time and abs(self._offset_ns(message, now)) > self._window_ns:
                return admin.problem(10)
            reset = admin.flag(message, tags.RESET_SEQ_NUM_FLAG) or self._asked_reset
            number = admin.require_number(message, tags.MSG_SEQ_NUM)
            if number < 1 or (reset and number != 1):
                return Reject(5, "a Logon that resets the numbers has MsgSeqNum 1")
        except FieldError as fault:
            return fault
        return None

    def _agreed_interval(self, reply: Message, out: Outcome) -> int:
        """Return the HeartBtInt(108) to live by: the peer's, which should echo ours."""
        ours = self.settings.heart_bt_int
        theirs = admin.parse_number(reply.get(tags.HEART_BT_INT) or b"")
        if theirs is None or theirs == ours:
            return ours
        self._alarm(f"the peer answered HeartBtInt {ours} with {theirs}; {theirs} is used", out)
        return theirs

    # What both roles do with a Logon.

    def _place_logon(self, logon: Message) -> tuple[int, int] | None:
        """Advance past a Logon in sequence, or one whose gap can not be filled; return what is missing."""
        first, number = self.next_in, logon.msg_seq_num
        in_sequence = self._verdict(logon) is NumberVerdict.ACCEPT
        if in_sequence or not self.settings.retransmission:
            self.next_in = number + 1
        return None if in_sequence else (first, number - 1)

    def _verdict(self, logon: Message) -> NumberVerdict:
        return judge(NumberKind.LOGON, logon.msg_seq_num, self.next_in, poss_dup=False)

    def _begin(self, logon: Message, reset: bool, heart_bt_int: int, now: Now, out: Outcome) -> None:
        """The handshake is through."""
        self._handshake_by = inf
        self._peer_id = logon[tags.SENDER_COMP_ID]
        self.heart_bt_int = heart_bt_int
        self.liveness.start(heart_bt_int, now.mono)
        self.tally.logons += 1
        out.events.append(LoggedOn(logon, reset))

    def _mend(self, missing: tuple[int, int] | None, logon: Message, now: Now, out: Outcome) -> None:
        """Ask for what is missing before a Logon, or report it lost."""
        if missing is None:
            return
        if self.settings.retransmission:
            self.room.keep(logon.msg_seq_num, None)
            self._ask(missing[1], now, out)
        else:
            self._lose(*missing, out)
            self._leave_gap(now, out)

    def _on_reset_logon(self, message: Message, now: Now, out: Outcome) -> None:
        """A Logon with 141=Y inside a running session: the peer's wish, or the answer to ours."""
        if message.msg_seq_num != 1:
            text = f"a Logon that resets the numbers has MsgSeqNum 1, not {message.msg_seq_num}"
            self._keep(message, now, out, place=False)
            self._log_out_and_end(CloseCode.PROTOCOL, text, now, out, told=text)
            return
        reply = self._logon(1, True, self.heart_bt_int, now) if self.phase is Phase.ACTIVE else None
        self._step(Input.LOGON)
        if reply is not None:
            self._reset("Logon with ResetSeqNumFlag received", now, out)
        self.next_in = 2
        self._keep(message, now, out)
        self._handshake_by = inf
        self.liveness.start(self.heart_bt_int, now.mono)
        if reply is not None:
            self._emit_logon(reply, now, out)

    # What a Logon has to say about identity and time.

    def _is_stranger(self, message: Message) -> bool:
        """True when a Logon's CompIDs are not those of this session."""
        return (
            message.get(tags.SENDER_COMP_ID) not in self._accepted_ids
            or message.get(tags.TARGET_COMP_ID) != self._our_id
        )

    def _measure(self, message: Message, now: Now, out: Outcome) -> None:
        """Note how far the peer's clock is off; a message without a readable SendingTime tells nothing."""
        seconds = self._offset(message, now)
        if seconds is not None:
            self.tally.clock_offset = seconds
            out.events.append(ClockOffset(seconds))
