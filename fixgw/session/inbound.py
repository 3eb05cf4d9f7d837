"""What happens to a received message: checks, its number's verdict, its effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from fixgw.clock import Now
from fixgw.errors import FieldError, Reject
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.fix.reasons import REASONS
from fixgw.records import Flag
from fixgw.session import admin
from fixgw.session.events import HeartbeatRoundTrip, NumbersReset
from fixgw.session.faults import FATAL, Faults
from fixgw.session.outcome import CloseCode, Outcome
from fixgw.session.sequence import Kind as NumberKind
from fixgw.session.sequence import Verdict, judge
from fixgw.session.state import ESTABLISHED, HANDSHAKE, LEGAL

_NONE = int(Flag.NONE)
_ADMIN = int(Flag.ADMIN)
_IGNORED = int(Flag.ADMIN | Flag.POSS_DUP)
_WAITING = int(Flag.WAITING)

Due = list[tuple[Message, Reject | None]]


class Inbound(Faults):
    """The inbound half of a session."""

    def _dispatch(self, message: Message, now: Now, out: Outcome) -> None:
        method, phases = LEGAL.get(message.msg_type, ("", ESTABLISHED))
        if self.phase not in phases:
            self._out_of_place(message, now, out)
        elif self.phase in HANDSHAKE:
            if message.msg_type != "A":
                self._keep(message, now, out, place=False)
            getattr(self, method)(message, now, out)
        else:
            self._established(message, now, out)

    def _out_of_place(self, message: Message, now: Now, out: Outcome) -> None:
        """A message that is not legal before the Logon ends the connection."""
        self._keep(message, now, out, place=False)
        text = f"MsgType {admin.shown(message.msg_type)} before the Logon"
        self._end(CloseCode.PROTOCOL, text, now, out)

    def _straggler(self, message: Message, now: Now, out: Outcome) -> None:
        """What was on its way when we reset: facts are delivered, the old numbers mean nothing any more."""
        if message.msg_type == "A":
            self._on_reset_logon(message, "", now, out)
            return
        application = message.msg_type not in LEGAL
        number, message.msg_seq_num = message.msg_seq_num, 0
        self._keep(message, now, out, _NONE if application else _ADMIN)
        if message.msg_type == "5":
            self._on_logout(message, now, out)
        elif message.msg_type == "3":
            self._on_reject(message, now, out)
        elif application and number >= self._straggler_in:
            self._straggler_in = number + 1
            out.events.append(message)

    def _established(self, message: Message, now: Now, out: Outcome) -> None:
        if not message.frame.startswith(self._prefix):
            self._drop_out(message, "Incorrect BeginString", now, out)
            return
        if admin.parse_number(message.get(tags.MSG_SEQ_NUM) or b"") is None:
            reason = 1 if message.get(tags.MSG_SEQ_NUM) is None else 6
            self._drop_out(message, f"{REASONS[reason]}: MsgSeqNum(34)", now, out)
            return
        fault = self._identity_fault(message, now, out)
        if fault is not None:
            self._advance_past(message)
            self._keep(message, now, out, place=message.msg_seq_num < self.next_in)
            self._reject(fault, message, now, out)
        elif self._straggler_in:
            self._straggler(message, now, out)
        elif message.msg_type == "A" and message.get(tags.RESET_SEQ_NUM_FLAG) == b"Y":
            content = self._content_fault(message)
            self._on_reset_logon(message, "" if content is None else content.text, now, out)
        else:
            self._judge(message, now, out)

    def _judge(self, message: Message, now: Now, out: Outcome) -> None:
        """Carry out the verdict on a message's number; one that lies too far ahead ends the connection."""
        kind = _kind(message, self.settings.retransmission)
        text = self._too_far(message, self.next_in)
        if text and kind not in (NumberKind.RESET, NumberKind.LOGOUT):
            self._drop_out(message, text, now, out)
            return
        verdict = judge(kind, message.msg_seq_num, self.next_in, message.poss_dup)
        self.CARRY_OUT[verdict](self, message, now, out)

    def _drop_out(self, message: Message, text: str, now: Now, out: Outcome) -> None:
        self._keep(message, now, out, place=False)
        self._log_out_and_end(CloseCode.PROTOCOL, text, now, out, told=text)

    # Verdicts.

    def _set_number(self, message: Message, now: Now, out: Outcome) -> None:
        """SequenceReset-Reset: take NewSeqNo(36), unless it goes back or too far: then nothing moves."""
        fault = self._content_fault(message)
        try:
            new_seq_no = admin.require_number(message, tags.NEW_SEQ_NO)
            if fault is None and new_seq_no < self.next_in:
                fault = admin.problem(5)
            elif fault is None and self._jumps_too_far(new_seq_no, self.next_in):
                fault = admin.problem(5, tags.NEW_SEQ_NO)
        except FieldError as missing:
            new_seq_no, fault = 0, fault or missing
        if fault is not None:
            self._keep(message, now, out, place=False)
            self._reject(fault, message, now, out)
            return
        if new_seq_no == self.next_in:
            self._alarm(
                f"the peer's SequenceReset to {new_seq_no} changes nothing: {new_seq_no} is expected already",
                out,
            )
        due = self._advance(new_seq_no, now, out)
        self._keep(message, now, out, place=False)
        self._settle(due, now, out)

    def _log_out(self, message: Message, now: Now, out: Outcome) -> None:
        self._advance_past(message)
        self._keep(message, now, out, place=message.msg_seq_num < self.next_in)
        self._on_logout(message, now, out)

    def _serve(self, message: Message, now: Now, out: Outcome) -> None:
        """Serve a ResendRequest at once; asking first would lock up two peers that ask each other."""
        number = message.msg_seq_num
        if number == self.next_in:
            self._accept(message, now, out)
            return
        self._keep(message, now, out, place=number > self.next_in)
        self._settle([(message, self._content_fault(message))], now, out)
        if number > self.next_in:
            self.room.keep(number, None)
            self._ask_once(number, now, out)

    def _accept(self, message: Message, now: Now, out: Outcome) -> None:
        """Take a message whose number is due, then what waited for it."""
        fault = self._content_fault(message)
        due: Due = [(message, fault)]
        due += self._advance(self._number_after(message, fault), now, out)
        delivered = fault is None and message.msg_type not in LEGAL
        self.tally.recovered += delivered and message.poss_dup
        self._keep(message, now, out, _NONE if delivered else _ADMIN)
        self._settle(due, now, out)

    def _wait(self, message: Message, now: Now, out: Outcome) -> None:
        """Keep a message whose number is too high, or, without retransmission, give up what is missing."""
        number = message.msg_seq_num
        if not self.settings.retransmission:
            self._lose(self.next_in, number - 1, out)
            self.next_in = number
            self._accept(message, now, out)
            self._leave_gap(now, out)
            return
        if self.room.keep(number, message):
            self._keep(message, now, out, _WAITING if message.msg_type not in LEGAL else _WAITING | _ADMIN)
        else:  # another one has its number, or it will be asked for again
            self._keep(message, now, out, _IGNORED, place=False)
        if not self._refuses_to_resend(message):
            self._ask_once(number, now, out)
        elif self._give_up_oldest(now, out):
            due = self._advance(self.next_in, now, out)
            self._keep(message, now, out)  # once more, with the numbers as they are now
            self._settle(due, now, out)

    def _ignore(self, message: Message, now: Now, out: Outcome) -> None:
        """A duplicate of what was taken already."""
        self._keep(message, now, out, _IGNORED, place=False)
        try:
            self._check_first_sent(message, admin.require_time(message, tags.SENDING_TIME))
        except Reject as fault:
            self._reject(fault, message, now, out)
        else:
            self.tally.redundant += 1

    def _refuse_low(self, message: Message, now: Now, out: Outcome) -> None:
        self._keep(message, now, out, place=False)
        self._too_low(message, now, out)

    CARRY_OUT: ClassVar[dict[Verdict, Callable[[Inbound, Message, Now, Outcome], None]]] = {
        Verdict.SET_NUMBER: _set_number,
        Verdict.LOG_OUT: _log_out,
        Verdict.SERVE: _serve,
        Verdict.ACCEPT: _accept,
        Verdict.WAIT: _wait,
        Verdict.IGNORE: _ignore,
        Verdict.TOO_LOW: _refuse_low,
    }

    # Numbers move.

    def _advance_past(self, message: Message) -> None:
        """Advance for a message that is dealt with out of turn, if it happens to be its turn."""
        if message.msg_seq_num == self.next_in:
            self.next_in += 1

    def _number_after(self, message: Message, fault: Reject | None) -> int:
        """Return the expected number once a message is taken: a gap fill leads further than one."""
        number = message.msg_seq_num
        if message.msg_type == "4" and fault is None and self.settings.retransmission:
            new_seq_no = admin.parse_number(message.get(tags.NEW_SEQ_NO) or b"") or 0
            if message.get(tags.GAP_FILL_FLAG) == b"Y" and not self._jumps_too_far(new_seq_no, number):
                return max(new_seq_no, number + 1)
        return number + 1

    def _advance(self, next_in: int, now: Now, out: Outcome) -> Due:
        """Move the expected number on, over what waits and is now due; return that, in order.

        A waiting message whose number a gap fill jumped over is still taken by an initiator, because what was
        received is a fact. An acceptor drops an application message then: its sender counts it as not sent.
        What is not delivered in the end is kept once more, so that a restart does not deliver it either.
        """
        due: Due = []
        while len(self.room) and self.room.first() <= next_in:
            number = self.room.first()
            message = self.room.pop()
            if message is None:
                next_in = max(next_in, number + 1)
                continue
            taken = number == next_in or self.settings.initiator or message.msg_type in LEGAL
            fault = self._content_fault(message) if taken else None
            if message.msg_type not in LEGAL and (fault is not None or not taken):
                self._keep(message, now, out, _IGNORED)
            if taken:
                due.append((message, fault))
                next_in = max(next_in, self._number_after(message, fault))
        self.next_in = next_in
        return due

    def _settle(self, due: Due, now: Now, out: Outcome) -> None:
        """Let messages take effect, in order, then see how the gap stands."""
        begun = len(out.events)
        for message, fault in due:
            refusal = fault
            if refusal is not None and message.msg_type == "3" and refusal.reason not in FATAL:
                # Two engines that are strict in their own ways would refuse each other's refusals for ever.
                self._alarm(f"the peer's Reject is at fault itself: {refusal.text}", out)
                refusal = None
            if refusal is None and message.msg_type in LEGAL:
                refusal = self._take_effect(message, now, out)
            if refusal is not None:
                self._reject(refusal, message, now, out)
            elif message.msg_type not in LEGAL:
                out.events.append(message)
        if out.close is not None:  # a reset that came with the end is no news before what it puts an end to
            out.events[begun:] = sorted(out.events[begun:], key=lambda event: isinstance(event, NumbersReset))
        self._mind_gap(now, out)

    def _take_effect(self, message: Message, now: Now, out: Outcome) -> Reject | None:
        try:
            getattr(self, LEGAL[message.msg_type][0])(message, now, out)
        except Reject as fault:
            return fault
        return None

    # Admin messages whose turn has come.

    def _on_heartbeat(self, message: Message, now: Now, out: Outcome) -> None:
        self._measure(message, now, out)
        if message.get(tags.TEST_REQ_ID) == admin.TEST_REQ_ID:
            seconds = self.liveness.answered(now.mono)
            if seconds is not None:
                self.tally.heartbeat_rtt = seconds
                out.events.append(HeartbeatRoundTrip(seconds))

    def _on_test_request(self, message: Message, now: Now, out: Outcome) -> None:
        self._emit(admin.heartbeat(admin.require(message, tags.TEST_REQ_ID)), now, out)

    def _on_sequence_reset(self, message: Message, now: Now, out: Outcome) -> None:
        """A gap fill: the numbers have moved already, what is left is to refuse one that makes no sense."""
        if not self.settings.retransmission:
            raise admin.problem(11)
        admin.flag(message, tags.GAP_FILL_FLAG)
        new_seq_no = admin.require_number(message, tags.NEW_SEQ_NO)
        if new_seq_no <= message.msg_seq_num:
            raise admin.problem(5)
        if self._jumps_too_far(new_seq_no, message.msg_seq_num):
            raise admin.problem(5, tags.NEW_SEQ_NO)


def _kind(message: Message, retransmission: bool) -> NumberKind:
    if message.msg_type == "5":
        return NumberKind.LOGOUT
    if not retransmission:
        return NumberKind.OTHER
    if message.msg_type == "2":
        return NumberKind.RESEND_REQUEST
    if message.msg_type == "4" and message.get(tags.GAP_FILL_FLAG, b"N") == b"N":
        return NumberKind.RESET
    return NumberKind.OTHER
