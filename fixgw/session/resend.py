"""Serving a ResendRequest: which of our numbers are sent again, and which are filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fixgw.clock import Now
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.fix.values import sending_time
from fixgw.records import Flag, Kind, Record
from fixgw.session import admin
from fixgw.session.events import NotResent
from fixgw.session.outcome import CloseCode, Outcome, Replay
from fixgw.session.state import Phase
from fixgw.session.wire import Wire

_RESENT = int(Flag.OUTBOUND | Flag.POSS_DUP)
_FILL = int(Flag.OUTBOUND | Flag.POSS_DUP | Flag.ADMIN)

INFINITY = frozenset({0, 999_999})  # EndSeqNo(16): 0 since FIX 4.2, 999999 before


class Resending(Wire):
    """The part of a session that answers ResendRequests."""

    def replay(
        self, plan: Replay, records: Iterator[Record], now: Callable[[], Now]
    ) -> Iterator[Record | NotResent]:
        """Yield what answers a ResendRequest; pull it in slices, write each frame soon: its stamp is fresh.

        Application messages come again with PossDupFlag(43)=Y and their first SendingTime as
        OrigSendingTime(122). Runs of admin messages, of messages with secrets, of those that the resend
        policy refuses, and of numbers that the store does not hold become one gap fill each. It ends early
        when the epoch or the connection is another one.

        Args:
            plan: the step of the outcome.
            records: our original frames ``plan.begin`` to ``plan.end``, ascending; numbers may be missing.
            now: tells the instant at which a frame is made.

        Yields:
            Records to append and write, and ``NotResent`` for each application message whose number is
            filled; that is told before the gap fill, because a refusal is final: age only grows.
        """
        unanswered = plan.begin
        for record in records:
            if not self._may_replay(plan):
                return
            if record.flags & Flag.ADMIN:
                continue
            instant = now()
            message = Message.decode(record.payload)
            if record.flags & Flag.REDACTED or not self._may_resend(message, record, instant):
                yield NotResent(message, record.msg_seq_num)
                continue
            if unanswered < record.msg_seq_num:
                yield self._fill(unanswered, record.msg_seq_num, instant)
                if not self._may_replay(plan):
                    return
            yield self._again(message, record, instant)
            unanswered = record.msg_seq_num + 1
        if unanswered <= plan.end and self._may_replay(plan):
            yield self._fill(unanswered, plan.end + 1, now())

    def _may_replay(self, plan: Replay) -> bool:
        return (
            self.epoch == plan.epoch
            and self._connection == plan.connection
            and self.phase in (Phase.ACTIVE, Phase.LOGOUT_SENT)
        )

    def _may_resend(self, message: Message, record: Record, now: Now) -> bool:
        age = (now.utc_ns - record.utc_ns) / 1e9
        former = record.msg_seq_num < self._first_out
        return self.settings.resend_policy.may_resend(message.msg_type, age, former)

    def _again(self, message: Message, record: Record, now: Now) -> Record:
        self.tally.resent += 1
        return self._duplicate(message, record.msg_seq_num, message.get(tags.SENDING_TIME), _RESENT, now)

    def _fill(self, first: int, new_seq_no: int, now: Now) -> Record:
        self.tally.filled += new_seq_no - first
        return self._duplicate(admin.gap_fill(new_seq_no), first, None, _FILL, now)

    def _duplicate(
        self, message: Message, number: int, first_sent: bytes | None, flags: int, now: Now
    ) -> Record:
        stamp = sending_time(now.utc_ns, self._precision)
        frame = self._encoder.encode(
            message, number, stamp, poss_dup=True, orig_sending_time=first_sent or stamp
        )
        self.liveness.sent(now.mono)
        return Record(Kind.FRAME, flags, self.epoch, number, self.next_out, self.next_in, now.utc_ns, frame)

    def _on_resend_request(self, message: Message, now: Now, out: Outcome) -> None:
        """Ask the driver for a replay.

        Raises:
            Reject: the request makes no sense, or the session has no retransmission.
        """
        if not self.settings.retransmission:
            raise admin.problem(11)
        last = self.next_out - 1
        begin = admin.require_number(message, tags.BEGIN_SEQ_NO)
        end = admin.require_number(message, tags.END_SEQ_NO)
        end = last if end in INFINITY else min(end, last)
        if begin < 1 or begin > last:
            self._alarm(f"the peer asks for {begin} and what follows; {last} was sent last", out)
            raise admin.problem(5, tags.BEGIN_SEQ_NO)
        if end < begin:
            raise admin.problem(5, tags.END_SEQ_NO)
        self.tally.resend_requests_in += 1
        self._serve_request(begin, end, now, out)

    def _serve_request(self, begin: int, end: int, now: Now, out: Outcome) -> None:
        count = end - begin + 1
        if count > min(self.settings.max_resend, self.settings.resend_limit):
            self._alarm(f"the peer asks for {count} messages, {begin} to {end}", out)
        if count > self.settings.resend_limit:
            text = f"ResendRequest for {count} messages, the limit is {self.settings.resend_limit}"
            self._log_out_and_end(CloseCode.RESEND_LIMIT, text, now, out, told=text)
            return
        out.steps.append(Replay(begin, end, self.epoch, self._connection))
