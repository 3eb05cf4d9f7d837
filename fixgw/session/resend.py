"""Serving a ResendRequest: which of our numbers are sent again, and which are filled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from fixgw.clock import Now
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.fix.values import sending_time
from fixgw.records import Flag, Kind, Record, SeqNums
from fixgw.session import admin
from fixgw.session.events import NotResent
from fixgw.session.outcome import CloseCode, Outcome, Replay
from fixgw.session.state import Phase, SessionSettings
from fixgw.session.wire import Wire

_RESENT = int(Flag.OUTBOUND | Flag.POSS_DUP)
_FILL = int(Flag.OUTBOUND | Flag.POSS_DUP | Flag.ADMIN)

# Ranges that wait to be sent again at a time; they never overlap. Some peers ask for each number by itself.
MAX_REPLAYS = 256

_INFINITY_999999 = frozenset({"FIX.4.0", "FIX.4.1", "FIX.4.2"})  # later ones mean that number

Range = tuple[int, int]


def infinity(begin_string: str) -> frozenset[int]:
    """Return the values of EndSeqNo(16) that mean all that was sent: 0 since FIX 4.2, 999999 until then."""
    return frozenset({0, 999_999}) if begin_string in _INFINITY_999999 else frozenset({0})


def without(wanted: Range, taken: Iterable[Range]) -> list[Range]:
    """Return what is left of a range of numbers, in order; both ends of each range are included."""
    left = []
    begin, end = wanted
    for first, last in sorted(taken):
        if first > end:
            break
        if begin < first:
            left.append((begin, first - 1))
        begin = max(begin, last + 1)
    if begin <= end:
        left.append((begin, end))
    return left


class Resending(Wire):
    """The part of a session that answers ResendRequests.

    A number is sent again by one replay at a time: what another replay has still to send is left out of a
    new one, so that a peer that asks again and again gets each number once for all it asked meanwhile.

    Args:
        settings: what the session knows about itself.
        numbers: where the numbers stand.
    """

    def __init__(self, settings: SessionSettings, numbers: SeqNums) -> None:
        super().__init__(settings, numbers)
        self._replays: dict[Replay, int] = {}  # what is being sent again -> its first number not yet sent
        self._asked: Range = (0, 0)  # what was asked for last
        self._times_asked = 0  # how often, with nothing new in between

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
                yield self._fill(plan, unanswered, record.msg_seq_num, instant)
                if not self._may_replay(plan):
                    return
            yield self._again(plan, message, record, instant)
            unanswered = record.msg_seq_num + 1
        if unanswered <= plan.end and self._may_replay(plan):
            yield self._fill(plan, unanswered, plan.end + 1, now())

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

    def _again(self, plan: Replay, message: Message, record: Record, now: Now) -> Record:
        self.tally.resent += 1
        self._passed(plan, record.msg_seq_num + 1)
        return self._duplicate(message, record.msg_seq_num, message.get(tags.SENDING_TIME), _RESENT, now)

    def _fill(self, plan: Replay, first: int, new_seq_no: int, now: Now) -> Record:
        self.tally.filled += new_seq_no - first
        self._passed(plan, new_seq_no)
        return self._duplicate(admin.gap_fill(new_seq_no), first, None, _FILL, now)

    def _passed(self, plan: Replay, unanswered: int) -> None:
        """Note how far a replay is, before its frame leaves: from then on it can be asked for again."""
        if unanswered > plan.end:
            self._replays.pop(plan, None)
        elif plan in self._replays:
            self._replays[plan] = unanswered

    def _forget(self) -> None:
        super()._forget()
        self._replays.clear()
        self._asked = (0, 0)

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
        end = last if end in infinity(self.settings.begin_string) else min(end, last)
        if begin < 1 or begin > last:
            self._alarm(f"the peer asks for {begin} and what follows; {last} was sent last", out)
            raise admin.problem(5, tags.BEGIN_SEQ_NO)
        if end < begin:
            raise admin.problem(5, tags.END_SEQ_NO)
        self.tally.resend_requests_in += 1
        self._serve_request((begin, end), now, out)

    def _serve_request(self, wanted: Range, now: Now, out: Outcome) -> None:
        """Send a range of numbers again, unless that is too much, or asked for too often."""
        begin, end = wanted
        left = without(wanted, ((first, plan.end) for plan, first in self._replays.items()))
        count = end - begin + 1
        limit = self.settings.resend_limit
        if count > min(self.settings.max_resend, limit):
            self._alarm(f"the peer asks for {count} messages, {begin} to {end}", out)
        if count > limit:
            text = f"ResendRequest for {count} messages, the limit is {limit}"
        elif left and self._asks_too_often(wanted):
            text = f"ResendRequest for {begin} to {end} again and again, with nothing new in between"
            self._alarm(f"the peer is in a loop: {text}", out)
        elif len(self._replays) + len(left) > MAX_REPLAYS:
            text = f"too many ResendRequests at once, {len(self._replays)} are still served"
            self._alarm(text, out)
        else:
            self._plan(left, out)
            return
        self._log_out_and_end(CloseCode.RESEND_LIMIT, text, now, out, told=text)

    def _asks_too_often(self, wanted: Range) -> bool:
        """Count a request that is to be served; a new message of ours makes an open range another one."""
        self._times_asked = self._times_asked + 1 if wanted == self._asked else 1
        self._asked = wanted
        return self._times_asked > self.settings.repeated_resend_limit

    def _plan(self, ranges: Iterable[Range], out: Outcome) -> None:
        for begin, end in ranges:
            plan = Replay(begin, end, self.epoch, self._connection)
            self._replays[plan] = begin
            out.steps.append(plan)
