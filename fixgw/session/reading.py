"""From bytes to messages, and the quick way of those that come in sequence."""

from __future__ import annotations

from fixgw.clock import Now
from fixgw.errors import FieldError
from fixgw.fix.framing import EXCERPT_SIZE, Garbled
from fixgw.fix.message import Message
from fixgw.fix.redact import mask
from fixgw.records import Flag, Kind, Record
from fixgw.session.events import GarbledReceived
from fixgw.session.faults import salvage
from fixgw.session.inbound import Due, Inbound
from fixgw.session.outcome import CloseCode, Outcome
from fixgw.session.snapshot import count
from fixgw.session.state import LEGAL, Phase

_FRAME = int(Kind.FRAME)
_NONE = int(Flag.NONE)
_ADMIN = int(Flag.ADMIN)
_GARBLED = int(Flag.GARBLED | Flag.ADMIN)


class Reading(Inbound):
    """What a session does with each item of its framer."""

    def _take(self, item: bytes | Garbled, now: Now, out: Outcome) -> None:
        """Take one item of the framer."""
        if self.phase is Phase.LOGON_PENDING:
            self._hold_back(item, now, out)
        elif isinstance(item, bytes):
            self._take_frame(item, now, out)
        else:
            self._skip(item, now, out)

    def _take_frame(self, frame: bytes, now: Now, out: Outcome) -> None:
        try:
            message = Message.decode(frame)
        except FieldError as fault:
            self._take_damaged(frame, fault, now, out)
            return
        count(self.tally.received, message.msg_type)
        if self._is_plain(message, now):
            self._deliver_next(message, now, out)
        else:
            self._dispatch(message, now, out)

    def _take_damaged(self, frame: bytes, fault: FieldError, now: Now, out: Outcome) -> None:
        """Skip what does not parse, but refuse what is plainly wrong or comes again: skipping has no end."""
        message, refusal, plain = salvage(frame, fault)
        due_now = self.phase is Phase.ACTIVE and message.msg_seq_num == self.next_in
        if not due_now or not (plain or message.poss_dup or self.settings.reject_garbled):
            excerpt = mask(frame[:EXCERPT_SIZE], self._secret)
            self._skip(Garbled(fault.text, excerpt, len(frame)), now, out)
            return
        count(self.tally.received, message.msg_type)
        due: Due = [(message, self._identity_fault(message, now, out) or refusal)]
        due += self._advance(self.next_in + 1, now, out)
        self._keep(message, now, out)
        self._settle(due, now, out)

    def _skip(self, garbled: Garbled, now: Now, out: Outcome) -> None:
        """Ignore what is no message, unless it is the first thing said or can not be skipped."""
        self.tally.garbled += 1
        out.steps.append(
            Record(
                _FRAME,
                _GARBLED,
                self.epoch,
                0,
                self.next_out,
                self.next_in,
                now.utc_ns,
                garbled.excerpt,
            )
        )
        out.events.append(GarbledReceived(garbled.reason, garbled.excerpt, garbled.size))
        if garbled.fatal:
            self._end(CloseCode.FRAME_TOO_LONG, garbled.reason, now, out)
        elif self.phase is Phase.LOGON_WAIT:
            self._end(CloseCode.PROTOCOL, f"before the Logon: {garbled.reason}", now, out)

    def _hold_back(self, item: bytes | Garbled, now: Now, out: Outcome) -> None:
        """Keep what a hasty peer sends behind its Logon, within the bounds of the waiting room."""
        self._held.append(item)
        self._held_bytes += len(item) if isinstance(item, bytes) else 0
        settings = self.settings
        if len(self._held) > settings.waiting_messages or self._held_bytes > settings.waiting_bytes:
            self._end(CloseCode.PROTOCOL, "too much was sent before the Logon was answered", now, out)

    # The quick way: an application message in sequence, on a session without a gap.

    def _is_plain(self, message: Message, now: Now) -> bool:
        index = message.index
        return (
            message.msg_seq_num == self.next_in
            and self.phase is Phase.ACTIVE
            and not self.gap.last
            and not message.poss_dup
            and message.msg_type not in LEGAL
            and index.get(49) == self._peer_id
            and index.get(56) == self._our_id
            and message.frame.startswith(self._prefix)
            and self._is_in_time(index.get(52), now)
        )

    def _deliver_next(self, message: Message, now: Now, out: Outcome) -> None:
        number = self.next_in
        self.next_in = number + 1
        fault = None if self._check is None else self._content_fault(message)
        flags = _NONE if fault is None else _ADMIN
        out.steps.append(
            Record(_FRAME, flags, self.epoch, number, self.next_out, number + 1, now.utc_ns, message.frame)
        )
        if fault is None:
            out.events.append(message)
        else:
            self._reject(fault, message, now, out)
