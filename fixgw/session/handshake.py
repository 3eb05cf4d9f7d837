"""How a session begins: Logon and the acceptor's verdict, both roles."""

from __future__ import annotations

from math import inf

from fixgw.clock import Now
from fixgw.errors import Reject
from fixgw.fix import tags
from fixgw.fix.framing import Garbled
from fixgw.fix.message import Message
from fixgw.records import SeqNums
from fixgw.session import admin
from fixgw.session.events import ClockOffset, LoggedOn, LogonReceived, NumberTooLow
from fixgw.session.numbers import Numbers
from fixgw.session.outcome import CloseCode, CloseReason, Outcome
from fixgw.session.resend import Resending
from fixgw.session.sequence import Kind as NumberKind
from fixgw.session.sequence import Verdict as NumberVerdict
from fixgw.session.sequence import judge
from fixgw.session.state import Input, Phase, SessionSettings
from fixgw.session.verdict import Accept, Answer, Refuse, Verdict

FRESH = SeqNums()


class Handshake(Numbers, Resending):
    """The Logon of a session, as initiator and as acceptor.

    Args:
        settings: what the session knows about itself.
        numbers: where the numbers stand.
    """

    def __init__(self, settings: SessionSettings, numbers: SeqNums = FRESH) -> None:
        super().__init__(settings, numbers)
        accepted = settings.accepted_sender_comp_ids or {settings.target_comp_id}
        self._accepted_ids = frozenset(name.encode() for name in accepted)
        self._our_id = (settings.called or settings.sender_comp_id).encode()
        self._peer_id = b""  # SenderCompID(49) of the peer's Logon, required on this connection
        self._prefix = b"8=%b\x01" % settings.begin_string.encode()
        self._window_ns = round(settings.sending_time_window * 1e9)
        self._check = settings.check
        self._pending: Message | None = None
        self._held: list[bytes | Garbled] = []  # what came while a verdict on the Logon is awaited
        self._held_bytes = 0
        self._asked_reset = False

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
        next_out, next_in = (1, 1) if wanted else (self.next_out, self.next_in)
        logon = self._logon(next_out, next_in, wanted, heart_bt_int, now)
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
        if fault is not None:
            answer = Answer.REJECT if self.settings.answer_bad_logon else Answer.SILENT
            self._refuse_logon(Refuse(answer, fault.text, fault.reason), message, now, out, fault.ref_tag)
            return
        version = self._version_fault(message)
        if version:
            self._refuse_logon(Refuse.with_logout(version), message, now, out)
            return
        self._step(Input.LOGON)
        self._pending = message
        self._held, self._held_bytes = [], 0
        self._measure(message, now, out)
        out.events.append(LogonReceived(message))

    def silent_refusal(self, logon: Message, now: Now) -> str:
        """Return why a peer's first Logon would be closed without a word, empty when it would not be.

        Nothing changes: whoever asks first can spare the session, and its store, a Logon that is none.
        """
        fault = None if self.settings.answer_bad_logon else self._logon_fault(logon, now)
        return "" if fault is None else fault.text

    def _logon_fault(self, message: Message, now: Now) -> Reject | None:
        try:
            if (stranger := self._identity_of_logon(message, now)) is not None:
                return stranger
            if self.settings.default_appl_ver_id is not None:
                admin.require(message, tags.DEFAULT_APPL_VER_ID)
            admin.require_number(message, tags.HEART_BT_INT)
            number = admin.require_number(message, tags.MSG_SEQ_NUM)
            if number < 1 or (admin.flag(message, tags.RESET_SEQ_NUM_FLAG) and number != 1):
                return admin.problem(5, tags.MSG_SEQ_NUM)
            self._next_expected(message)
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
        self._end(CloseCode.REFUSED, verdict.text, now, out)

    def _admit(self, verdict: Verdict, now: Now, out: Outcome) -> None:
        logon = self._pending
        assert logon is not None
        if isinstance(verdict, Refuse):
            self._refuse_logon(verdict, logon, now, out)
            return
        asked = admin.flag(logon, tags.RESET_SEQ_NUM_FLAG)
        fresh = asked or self.settings.reset_on_logon
        next_out, next_in = (1, 1) if fresh else (self.next_out, self.next_in)
        fault = self._number_fault(logon, next_in, next_out, out)
        if fault is not None:
            self._refuse_logon(Refuse.with_logout(fault.text), logon, now, out)
            return
        if not fresh and self._verdict(logon) is NumberVerdict.TOO_LOW:
            self._too_low(logon, now, out)
            return
        self._welcome(logon, verdict, asked, fresh, now, out)

    def _welcome(
        self, logon: Message, verdict: Accept, asked: bool, fresh: bool, now: Now, out: Outcome
    ) -> None:
        """Acceptor: answer the Logon and be active."""
        heart_bt_int = admin.require_number(logon, tags.HEART_BT_INT)
        next_out, next_in = (1, 1) if fresh else (self.next_out, self.next_in)
        next_in += logon.msg_seq_num == next_in
        reply = self._logon(next_out, next_in, asked, heart_bt_int, now, verdict.fields)
        self._step(Input.ADMIT)
        if fresh:
            self._reset("Logon received", now, out)
        missing = self._place_logon(logon)
        self._emit_logon(reply, now, out)
        self._begin(logon, fresh, heart_bt_int, now, out)
        self._send_missing(logon, next_out, now, out)
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
        if self._disagree(message, now, out):
            return
        missing = self._place_logon(message)
        self._keep(message, now, out, place=message.msg_seq_num < self.next_in)
        self._step(Input.LOGON)
        heart_bt_int = self._agreed_interval(message, out)
        self._begin(message, reset or self._asked_reset, heart_bt_int, now, out)
        self._measure(message, now, out)
        self._send_missing(message, self.next_out, now, out)
        self._mend(missing, message, now, out)

    def _disagree(self, message: Message, now: Now, out: Outcome) -> bool:
        """Initiator: leave when the numbers of the answer can not be lived with; return whether."""
        fault = self._number_fault(message, self.next_in, self.next_out, out)
        low = self._verdict(message) is NumberVerdict.TOO_LOW
        if fault is None and not low:
            return False
        self._keep(message, now, out, place=False)
        if fault is None:
            self._too_low(message, now, out)
        else:
            self._log_out_and_end(fault.code, fault.text, now, out, told=fault.text)
        return True

    def _reply_fault(self, message: Message, now: Now) -> Reject | None:
        try:
            if (stranger := self._identity_of_logon(message, now)) is not None:
                return stranger
            reset = admin.flag(message, tags.RESET_SEQ_NUM_FLAG) or self._asked_reset
            number = admin.require_number(message, tags.MSG_SEQ_NUM)
            if number < 1 or (reset and number != 1):
                return Reject(5, "a Logon that resets the numbers has MsgSeqNum 1")
            self._next_expected(message)
            if self._check is not None:
                self._check(message)
        except Reject as fault:
            return fault
        version = self._version_fault(message)
        return Reject(5, version) if version else None

    def _agreed_interval(self, reply: Message, out: Outcome) -> int:
        """Return the HeartBtInt(108) to live by: the peer's, which should echo ours."""
        ours = self.settings.heart_bt_int
        theirs = admin.parse_number(reply.get(tags.HEART_BT_INT) or b"")
        if theirs is None or theirs == ours:
            return ours
        self._alarm(f"the peer answered HeartBtInt {ours} with {theirs}; {theirs} is used", out)
        return theirs

    # What both roles do with a Logon.

    def _version_fault(self, logon: Message) -> str:
        """Return why the peer's DefaultApplVerID(1137) is not taken, else nothing."""
        accepted = self.settings.accepted_appl_ver_ids
        version = admin.text_of(logon, tags.DEFAULT_APPL_VER_ID)
        if not accepted or version in accepted:
            return ""
        return f"DefaultApplVerID {version or 'none'} is not accepted, only {', '.join(sorted(accepted))}"

    def _next_expected(self, logon: Message) -> int | None:
        """Return NextExpectedMsgSeqNum(789) when it is there and in use.

        Raises:
            Reject: it is no number, or 0.
        """
        if not self.settings.next_expected or tags.NEXT_EXPECTED_MSG_SEQ_NUM not in logon:
            return None
        expected = admin.require_number(logon, tags.NEXT_EXPECTED_MSG_SEQ_NUM)
        if expected < 1:
            raise admin.problem(5, tags.NEXT_EXPECTED_MSG_SEQ_NUM)
        return expected

    def _number_fault(self, logon: Message, next_in: int, next_out: int, out: Outcome) -> CloseReason | None:
        """Return why the numbers of a Logon can not be lived with: it is, or expects, too much."""
        text = self._too_far(logon, next_in)
        if text:
            return CloseReason(CloseCode.PROTOCOL, text)
        expected = self._next_expected(logon) or 0
        if expected <= next_out:
            return None
        out.events.append(NumberTooLow(expected, next_out, by_peer=True))
        return CloseReason(CloseCode.TOO_LOW, admin.expects_too_much_text(next_out, expected))

    def _jumps_too_far(self, number: int, expected: int) -> bool:
        return number - expected > self.settings.max_jump

    def _too_far(self, message: Message, expected: int) -> str:
        """Return the text about a number that lies too far beyond the expected one, else nothing."""
        number = message.msg_seq_num
        if not self._jumps_too_far(number, expected):
            return ""
        return f"MsgSeqNum too far, expecting {expected} but received {number}"

    def _send_missing(self, logon: Message, next_out: int, now: Now, out: Outcome) -> None:
        """Send again what NextExpectedMsgSeqNum(789) shows to be missing, our own Logon filled, unasked."""
        expected = self._next_expected(logon)
        if expected is not None and expected < next_out:
            self._serve_request((expected, self.next_out - 1), now, out)

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
        self._straggler_in = 0
        self.liveness.start(heart_bt_int, now.mono)
        self.tally.logons += 1
        out.events.append(LoggedOn(logon, reset))

    def _mend(self, missing: tuple[int, int] | None, logon: Message, now: Now, out: Outcome) -> None:
        """Ask for what is missing before a Logon, unless the peer sends it unasked, or report it lost."""
        if missing is None or self.phase is not Phase.ACTIVE:
            return
        if self.settings.retransmission:
            self.room.keep(logon.msg_seq_num, None)
            ask = self._ask if self._next_expected(logon) is None else self._await_missing
            ask(missing[1], now, out)
        else:
            self._lose(*missing, out)
            self._leave_gap(now, out)

    # What a Logon has to say about identity and time.

    def _identity_of_logon(self, message: Message, now: Now) -> Reject | None:
        """Return why a Logon is not from our peer, not of our time, or in no language that we speak.

        Raises:
            FieldError: SendingTime(52) can not be read and has to be.
        """
        if not message.frame.startswith(self._prefix):
            return Reject(99, "Incorrect BeginString")
        if self._is_stranger(message):
            return admin.problem(9)
        if self.settings.strict_time and abs(self._offset_ns(message, now)) > self._window_ns:
            return admin.problem(10)
        if message.get(tags.ENCRYPT_METHOD, b"0") != b"0":
            return admin.problem(7, tags.ENCRYPT_METHOD)  # what follows would not be readable
        return None

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
