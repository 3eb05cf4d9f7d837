"""What every session has: phase, numbers, timers, and the one way to number and record a message."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from fixgw.clock import Now
from fixgw.errors import LocalError
from fixgw.fix import tags
from fixgw.fix.framing import Framer
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.redact import mask
from fixgw.fix.values import sending_time
from fixgw.records import Flag, Kind, Record, SeqNums
from fixgw.session import admin
from fixgw.session.events import Alarm, GapLost, NumbersReset, NumberTooLow
from fixgw.session.hooks import LogonContext
from fixgw.session.liveness import Liveness
from fixgw.session.outcome import CloseCode, CloseReason, Outcome, Send
from fixgw.session.sequence import Gap, WaitingRoom
from fixgw.session.snapshot import Tally, count
from fixgw.session.state import PHASES, Input, Phase, SessionSettings

_OUT = int(Flag.OUTBOUND)
_OUT_ADMIN = int(Flag.OUTBOUND | Flag.ADMIN)
_OUT_SECRET = int(Flag.OUTBOUND | Flag.ADMIN | Flag.REDACTED)
_ADMIN = int(Flag.ADMIN)
_REDACTED = int(Flag.REDACTED)
_FRAME = int(Kind.FRAME)


class TellingEncoder(FrameEncoder):
    """Writes LastMsgSeqNumProcessed(369) into the header of each frame.

    Args:
        settings: what the session knows about itself.
        processed: returns the number of the last message taken in sequence.
    """

    __slots__ = ("_processed",)

    def __init__(self, settings: SessionSettings, processed: Callable[[], int]) -> None:
        super().__init__(settings.begin_string, settings.sender_comp_id, settings.target_comp_id)
        self._processed = processed

    def encode(
        self,
        message: Message,
        msg_seq_num: int,
        sending_time: bytes,
        *,
        poss_dup: bool = False,
        orig_sending_time: bytes | None = None,
    ) -> bytes:
        """Return the frame of ``message``; see ``FrameEncoder.encode``."""
        fields = [field for field in message.fields if not field.startswith(b"369=")]
        told = Message.of(fields)
        told.append(tags.LAST_MSG_SEQ_NUM_PROCESSED, self._processed())
        return super().encode(
            told, msg_seq_num, sending_time, poss_dup=poss_dup, orig_sending_time=orig_sending_time
        )


def encoder_of(settings: SessionSettings, processed: Callable[[], int]) -> FrameEncoder:
    """Return the encoder that a session's settings ask for."""
    if settings.last_processed:
        return TellingEncoder(settings, processed)
    return FrameEncoder(settings.begin_string, settings.sender_comp_id, settings.target_comp_id)


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
        self._encoder = encoder_of(settings, lambda: self.next_in - 1)
        self._precision = settings.time_precision
        self._framer = self._new_framer()
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
        self._framer = self._new_framer()
        self._connection += 1
        self._first_out = self.next_out
        self._handshake_by = now.mono + self.settings.logon_timeout

    def _new_framer(self) -> Framer:
        settings = self.settings
        return Framer(max_frame_size=settings.max_frame_size, check_checksum=settings.validate_checksum)

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
        self,
        number: int,
        next_in: int,
        reset: bool,
        heart_bt_int: int,
        now: Now,
        extra: Iterable[tuple[int, str]] = (),
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
        next_expected = next_in if settings.next_expected else None
        return admin.logon(heart_bt_int, reset, next_expected, settings.default_appl_ver_id, fields)

    def _emit_logon(self, logon: Message, now: Now, out: Outcome) -> None:
        """Send a Logon; the record of one with secrets is masked and differs from the wire."""
        record = self._number(logon, now, _OUT_ADMIN)
        kept = mask(record.payload, self._secret)
        if kept == record.payload:
            out.steps.append(record)
        else:
            out.steps.append(Send(record._replace(payload=kept, flags=_OUT_SECRET), record.payload))

    def _reset(self, why: str, now: Now, out: Outcome) -> None:
        """Begin a new epoch with both numbers at 1; what was missing can not be asked for any more."""
        last = max(self.gap.last, self.room.highest())
        if self.gap.is_open and self.next_in <= last:
            self._lose(self.next_in, last, out)
        self.epoch += 1
        self.next_out = self.next_in = self._first_out = 1
        self._forget()
        out.steps.append(Record(Kind.RESET, 0, self.epoch, 0, 1, 1, now.utc_ns, why.encode()))
        out.events.append(NumbersReset(self.epoch))

    def _forget(self) -> None:
        """Drop what only had a meaning with these numbers on this connection."""
        self.gap.close()
        self.room.clear()

    def _end(self, code: CloseCode, text: str, now: Now, out: Outcome) -> None:
        """Ask the driver to close once the steps are out; from here on nothing is received or sent."""
        if self._begins_anew(code):
            self._reset(f"the connection ended: {code.value}", now, out)
        self._step(Input.END)
        self._handshake_by = inf
        self.liveness.stop()
        self._forget()
        out.close = CloseReason(code, text)

    def _begins_anew(self, code: CloseCode) -> bool:
        """Return whether the numbers are to be reset; a peer that was not admitted moves nothing."""
        if self.phase in (Phase.LOGON_WAIT, Phase.LOGON_PENDING):
            return False
        answered = code is CloseCode.LOGOUT and self.settings.reset_on_logout
        return answered or self.settings.reset_on_disconnect

    def _log_out_and_end(self, code: CloseCode, text: str, now: Now, out: Outcome, told: str = "") -> None:
        """Send a Logout with the text ``told`` and close without waiting for the answer."""
        self._emit(admin.logout(told), now, out)
        self._end(code, text, now, out)

    def _alarm(self, text: str, out: Outcome) -> None:
        out.events.append(Alarm(text))

    def _lose(self, first: int, last: int, out: Outcome) -> None:
        """Report numbers that can not be asked for."""
        self.tally.gaps += 1
        out.events.append(GapLost(first, last))

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
