"""What every session has: phase, numbers, timers, and the one way to number and record a message."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from fixgw.clock import Now
from fixgw.errors import LocalError
from fixgw.fix.framing import Framer
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.redact import mask
from fixgw.fix.values import sending_time
from fixgw.records import Flag, Kind, Record, SeqNums
from fixgw.session import admin
from fixgw.session.events import Alarm, GapDetected, GapLost, NumbersReset, NumberTooLow
from fixgw.session.hooks import LogonContext
from fixgw.session.liveness import Liveness
from fixgw.session.outcome import CloseCode, CloseReason, Outcome, Send
from fixgw.session.sequence import Gap, WaitingRoom
from fixgw.session.snapshot import Tally, count
from fixgw.session.state import PHASES, Input, OnGap, Phase, SessionSettings

_OUT = int(Flag.OUTBOUND)
_OUT_ADMIN = int(Flag.OUTBOUND | Flag.ADMIN)
_OUT_SECRET = int(Flag.OUTBOUND | Flag.ADMIN | Flag.REDACTED)
_ADMIN = int(Flag.ADMIN)
_REDACTED = int(Flag.REDACTED)
_FRAME = int(Kind.FRAME)


class Wire:
    """Phase, numbers and timers of one session, and the outbound half of it.

    Args:
        settings: what the session knows about itself.
        numbers: where the numbers stand.
    """

    def __init__(self, settings: SessionSettings, numbers: SeqNums) -> None:
        self.settings = settings
        self.phase = Phase.CLOSED
        self.epoch, self.next_out, self.next_in = numbers
        self.liveness = Liveness(settings.test_request_factor, settings.dead_factor)
        self.tally = Tally()
        self.gap = Gap(settings.gap_timeout)
        self.room = WaitingRoom(settings.waiting_messages, settings.waiting_bytes)
        self._secret = settings.signer.secret_tags
        self._encoder = FrameEncoder(settings.begin_string, settings.sender_comp_id, settings.target_comp_id)
        self._precision = settings.time_precision
        self._framer = Framer(max_frame_size=settings.max_frame_size)
        self._connection = 0  # counts connections, so that a replay of a former one stops
        self._first_out = self.next_out  # our first number on this connection
        self._handshake_by = inf

    @property
    def active(self) -> bool:
        """True while application messages may be sent."""
        return self.phase is Phase.ACTIVE

    @property
    def deadline(self) -> float | None:
        """The monotonic second at which ``tick`` has something to do; None when nothing is due ever."""
        live = self.liveness
        first = min(live.send_by, live.hear_by, self.gap.deadline, self._handshake_by)
        return None if first == inf else first

    def _after(self, event: Input) -> Phase:
        """Return the phase that an input leads to.

        Raises:
            LocalError: the input is not possible in the present phase.
        """
        after = PHASES[self.phase].get(event)
        if after is None:
            raise LocalError(
                f"session {self.settings.name}: {event.value} is not possible while {self.phase.value}"
            )
        return after

    def _step(self, event: Input) -> None:
        self.phase = self._after(event)

    def _connect(self, event: Input, now: Now) -> None:
        """Forget what belonged to the connection before and start the clock of the Logon handshake."""
        self._step(event)
        self._framer = Framer(max_frame_size=self.settings.max_frame_size)
        self._connection += 1
        self._first_out = self.next_out
        self._handshake_by = now.mono + self.settings.logon_timeout

    def _number(self, message: Message, now: Now, flags: int) -> Record:
        """Give a message its number, stamp and bytes; nothing has changed when this raises."""
        number = self.next_out
        frame = self._encoder.encode(message, number, sending_time(now.utc_ns, self._precision))
        self.next_out = number + 1
        self.liveness.sent(now.mono)
        tally = self.tally
        tally.last_sent_utc_ns = now.utc_ns
        count(tally.sent, message.msg_type)
        return Record(_FRAME, flags, self.epoch, number, self.next_out, self.next_in, now.utc_ns, frame)

    def _emit(self, message: Message, now: Now, out: Outcome) -> None:
        """Send an admin message, unless the connection is at its end."""
        if self.phase is not Phase.CLOSED:
            out.steps.append(self._number(message, now, _OUT_ADMIN))

    def _emit_unnumbered(self, message: Message, number: int, now: Now, out: Outcome) -> None:
        """Send an admin message that uses up no number: the refusal of a Logon changes nothing."""
        frame = self._encoder.encode(message, number, sending_time(now.utc_ns, self._precision))
        count(self.tally.sent, message.msg_type)
        out.steps.append(
            Record(_FRAME, _OUT_ADMIN, self.epoch, 0, self.next_out, self.next_in, now.utc_ns, frame)
        )

    def _logon(
        self, number: int, reset: bool, heart_bt_int: int, now: Now, extra: Iterable[tuple[int, str]] = ()
    ) -> Message:
        """Build a Logon, signed over the exact characters that ``_emit_logon`` stamps for that instant."""
        settings = self.settings
        context = LogonContext(
            begin_string=settings.begin_string,
            msg_type="A",
            msg_seq_num=number,
            sender_comp_id=settings.sender_comp_id,
            target_comp_id=settings.target_comp_id,
            sending_time=sending_time(now.utc_ns, self._precision).decode("ascii"),
            heart_bt_int=heart_bt_int,
            utc_ns=now.utc_ns,
        )
        fields = [*settings.logon_fields, *extra, *settings.signer.logon_fields(context)]
        return admin.logon(heart_bt_int, reset, settings.default_appl_ver_id, fields)

    def _emit_logon(self, logon: Message, now: Now, out: Outcome) -> None:
        """Send a Logon; the record of one with secrets is masked and differs from the wire."""
        record = self._number(logon, now, _OUT_ADMIN)
        kept = mask(record.payload, self._secret)
        if kept == record.payload:
            out.steps.append(record)
        else:
            out.steps.append(Send(record._replace(payload=kept, flags=_OUT_SECRET), record.payload))

    def _reset(self, why: str, now: Now, out: Outcome) -> None:
        """Begin a new epoch with both numbers at 1."""
        self.epoch += 1
        self.next_out = self.next_in = self._first_out = 1
        self.gap.close()
        self.room.clear()
        out.steps.append(Record(Kind.RESET, 0, self.epoch, 0, 1, 1, now.utc_ns, why.encode()))
        out.events.append(NumbersReset(self.epoch))

    def _end(self, code: CloseCode, text: str, out: Outcome) -> None:
        """Ask the driver to close once the steps are out; from here on nothing is received or sent."""
        self._step(Input.END)
        self._handshake_by = inf
        self.liveness.stop()
        self.gap.close()
        self.room.clear()
        out.close = CloseReason(code, text)

    def _log_out_and_end(self, code: CloseCode, text: str, now: Now, out: Outcome, told: str = "") -> None:
        """Send a Logout with the text ``told`` and close without waiting for the answer."""
        self._emit(admin.logout(told), now, out)
        self._end(code, text, out)

    def _alarm(self, text: str, out: Outcome) -> None:
        out.events.append(Alarm(text))

    def _ask(self, last: int, now: Now, out: Outcome) -> None:
        """Ask for everything from the first missing number on."""
        self.gap.open(self.next_in, last, now.mono)
        self.tally.gaps += 1
        out.events.append(GapDetected(self.next_in, last))
        self._request(now, out)

    def _request(self, now: Now, out: Outcome) -> None:
        self.tally.resend_requests_out += 1
        self._emit(admin.resend_request(self.next_in), now, out)

    def _lose(self, first: int, last: int, out: Outcome) -> None:
        """Report numbers that can not be asked for."""
        self.tally.gaps += 1
        out.events.append(GapLost(first, last))

    def _leave_gap(self, now: Now, out: Outcome) -> None:
        """Leave because of a lost gap, if that is what the settings say."""
        if self.settings.on_gap is OnGap.RECONNECT and self.phase is Phase.ACTIVE:
            self._log_out_and_end(CloseCode.GAP, "messages were lost", now, out)

    def _too_low(self, message: Message, now: Now, out: Outcome) -> None:
        text = admin.too_low_text(self.next_in, message.msg_seq_num)
        out.events.append(NumberTooLow(self.next_in, message.msg_seq_num, by_peer=False))
        self._log_out_and_end(CloseCode.TOO_LOW, text, now, out, told=text)

    def _keep(
        self, message: Message, now: Now, out: Outcome, flags: int = _ADMIN, *, place: bool = True
    ) -> None:
        """Write down a received frame; one that takes no place in the sequence is kept with number 0."""
        frame = message.frame
        if message.msg_type == "A":
            frame = mask(frame, self._secret)
            flags |= 0 if frame is message.frame else _REDACTED
        number = message.msg_seq_num if place else 0
        out.steps.append(
            Record(_FRAME, flags, self.epoch, number, self.next_out, self.next_in, now.utc_ns, frame)
        )
