"""A live session of either role: frames, noise, time, sends and lost connections in any order.

Whatever happens, a driver hears of nothing but LocalError, and only where it asked for what is not possible;
memory stays within the settings; numbers never go back within an epoch and none is used twice; the tape knows
at any time what the session knows; and what a restart would deliver again is what was delivered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fixgw.errors import ConfigError, LocalError, Reject
from fixgw.fix.framing import Framer, seal
from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage
from fixgw.fix.values import Value
from fixgw.messages import admin
from fixgw.records import Flag, Kind, Position, Record, SeqNums
from fixgw.session.events import NotResent, NumbersReset
from fixgw.session.outcome import Outcome, Replay, Send
from fixgw.session.state import OnGap, Phase, Role
from fixgw.session.verdict import Accept, Refuse, Verdict
from fixgw.store.unhandled import unhandled
from tests.fuzz.choices import Choices, pieces
from tests.session.desk import Desk

SECRET = "hush-hush"

_MSG_TYPES = ("D", "8", "0", "1", "2", "3", "4", "5", "A", "j", "UMS", "*", "")
_TAGS = (
    "7", "16", "36", "43", "123", "122", "141", "45", "112", "789", "34", "35", "49", "52", "56", "58", "95",
    "96", "98", "108", "115", "1137", "9999", "0", "-1", "x", "554", "369",
)  # fmt: skip
_VALUES = (
    "Y", "N", "1", "2", "3", "5", "8", "0", "", "X", "-1", "999999", "4294967294", "1000002", "30", "US",
    "THEM", "20261009-14:30:00", "20261009-14:30:00.000", "99991231-23:59:60", "\udcff",
    "MsgSeqNum too low, expecting 2 but received 1",
)  # fmt: skip
_RELATIONS = (0, 0, 0, 0, 1, 2, -1, 5, -3, 1000, 1_000_001)
_WAITS = (0.0, 0.5, 1.0, 2.0, 6.0, 10.0, 12.0, 31.0, 36.0, 75.0)
_VERDICTS: tuple[Verdict, ...] = (
    Accept(), Accept(((58, "hello"),)), Refuse.silently(), Refuse.with_logout("no"),
    Refuse.with_reject(99, "no"),
)  # fmt: skip
_OPTIONS: tuple[dict[str, Any], ...] = (
    {"retransmission": False},
    {"strict_sending_time": True},
    {"waiting_messages": 2, "waiting_bytes": 300},
    {"resend_limit": 3, "max_resend": 2},
    {"answer_bad_logon": True, "reset_on_logon": True},
    {"resend_chunk": 2, "next_expected": True, "last_processed": True},
    {"reset_on_logout": True, "reset_on_disconnect": True},
    {"reject_garbled": True, "validate_checksum": False, "max_frame_size": 400, "on_gap": OnGap.RECONNECT},
)
_ORDERS: tuple[tuple[tuple[int, Value], ...], ...] = (
    ((11, "id"),), ((11, "id"), (50, "sub")), ((95, 2), (96, "abc")), ((58, b"\xff"),), ((0, "x"),), (),
)  # fmt: skip
_ADMIN: dict[str, type[TypedMessage]] = {
    one.MSG_TYPE: one
    for one in (
        admin.Logon, admin.Heartbeat, admin.TestRequest, admin.ResendRequest, admin.Reject,
        admin.SequenceReset, admin.Logout,
    )
}  # fmt: skip

TOKENS = (
    *(bytes([op]) for op in range(16)),
    b"\x02\x00\x08\x00\x00", b"\x02\x00\x04\x00\x02\x00\x07\x01\x07", b"\x02\x00\x06\x00\x02\x02\x04\x04\x00",
    b"35=0\x0134=2\x01", b"35=2\x0134=2\x017=1\x0116=0\x01",
    b"49=THEM\x0156=US\x0152=20261009-14:30:00.000\x01",
)  # fmt: skip


def seeds() -> list[bytes]:
    """Return lives of the project's own: logged on, then one thing after the other."""
    return [
        bytes([role, options, 1, *life])
        for role in (0, 1)
        for options in (0, 1, 4, 32, 64)
        for life in (
            [0, 0, 0, 0, 0] * 3,
            [0, 0, 0, 5, 0, 0, 0, 0, 0, 0],
            [9, 9, 0, 4, 0, 2, 0, 2, 1, 3],
            [11, 0, 7, 0, 0, 14],
            [7, 7, 8, 8, 8, 8],
            [5, 40, *b"35=2\x0134=2\x017=1\x0116=0\x0149=THEM\x0156=US\x01"],
        )
    ]


def run(data: bytes) -> None:
    """Live one life."""
    choices = Choices(data)
    role = choices.pick((Role.ACCEPTOR, Role.INITIATOR))
    try:
        life = _Life(choices, role, _settings(choices.byte()))
    except ConfigError:  # settings that contradict each other
        return
    life.live()


def _settings(bits: int) -> dict[str, Any]:
    chosen: dict[str, Any] = {"logon_fields": ((554, SECRET),), "check": _no_9999}
    for bit, options in enumerate(_OPTIONS):
        if bits & 1 << bit:
            chosen |= options
    return chosen


def _no_9999(message: Message) -> None:
    if 9999 in message:
        raise Reject(3, "Undefined tag", ref_tag=9999)


class _Life:
    """One session, what decides about it, and what was seen of it."""

    def __init__(self, choices: Choices, role: Role, settings: dict[str, Any]) -> None:
        self._choices = choices
        self._desk = Desk(role, **settings)
        self._numbers = SeqNums()
        self._used: set[tuple[int, int]] = set()
        self._delivered: list[Position] = []
        self._epoch = 1  # of what is delivered, as the events tell it
        self._deeds: tuple[Callable[[], Outcome | None], ...] = (
            self._frame, self._frame, self._frame, self._frame, self._noise, self._text, self._text,
            self._wait, self._wake, self._send, self._admit, self._log_out, self._reset, self._lose,
            self._connect, self._operate,
        )  # fmt: skip

    def live(self) -> None:
        """Do one deed after the other, and check after each."""
        if self._choices.flag():
            self._desk.log_on()
            self._epoch = self._desk.session.epoch
            self._check_numbers()
        while self._choices.left:
            deed = self._choices.pick(self._deeds)
            phase = self._desk.session.phase
            try:
                outcome = deed()
            except LocalError:
                assert deed.__name__ not in ("_frame", "_noise", "_text", "_wait", "_wake", "_lose")
                assert self._desk.session.phase is phase
            else:
                if outcome is not None:
                    self._carry_out(outcome)
            self._check_numbers()
            self._check_bounds()
        self._check_restart()

    # -- deeds

    def _frame(self) -> Outcome:
        choices = self._choices
        number: object = max(self._desk.session.next_in + choices.pick(_RELATIONS), 0)
        rare = choices.byte()
        msg_type = choices.pick(_MSG_TYPES)
        fields = [f"{choices.pick(_TAGS)}={choices.pick(_VALUES)}" for _ in range(choices.byte() % 5)]
        if msg_type == "A" and rare < 128:
            fields += ["98=0", "108=30", "1137=9"]
        header: dict[str, Any] = {}
        if rare & 0xF == 0xF:
            number = choices.pick((None, "", "x", "-1", 2**32, 10**25))
            header = choices.pick(
                ({"sender": "WHO"}, {"sender": ""}, {"begin": "FIX.4.4"}, {"late": 121.0}, {"stamp": "x"})
            )
        return self._hear(self._desk.frame(msg_type, number, *fields, **header))

    def _noise(self) -> Outcome:
        return self._hear(self._choices.take(self._choices.byte()))

    def _text(self) -> Outcome:
        """A whole frame of anything."""
        text = self._choices.take(self._choices.byte())
        return self._hear(seal(b"FIXT.1.1", text if text.startswith(b"35=") else b"35=" + text))

    def _hear(self, data: bytes) -> Outcome:
        """Let the session receive bytes in pieces; return the outcome of the last."""
        outcome = Outcome()
        sizes = bytes([self._choices.pick((0, 0, 0, 1, 7, 50))])
        for piece in pieces(data, sizes):
            self._carry_out(outcome)
            outcome = self._desk.session.receive(piece, self._desk.clock.now())
        return outcome

    def _wait(self) -> Outcome:
        return self._desk.session.tick(self._desk.clock.advance(self._choices.pick(_WAITS)))

    def _wake(self) -> Outcome:
        """Tick at the deadline; what is due is done then and not due any more."""
        session, clock = self._desk.session, self._desk.clock
        deadline = session.deadline
        if deadline is None:
            return Outcome()
        now = clock.advance(max(deadline - clock.now().mono, 0.0))
        outcome = session.tick(now)
        assert session.deadline is None or session.deadline > deadline, (
            "a deadline that ticking does not move"
        )
        return outcome

    def _send(self) -> Outcome:
        pairs = self._choices.pick(_ORDERS)
        return Outcome([self._desk.session.send(Message("D", pairs), self._desk.clock.now())])

    def _admit(self) -> Outcome:
        return self._desk.session.admit(self._choices.pick(_VERDICTS), self._desk.clock.now())

    def _log_out(self) -> Outcome:
        return self._desk.session.logout(self._choices.pick(("", "bye")), self._desk.clock.now())

    def _reset(self) -> Outcome:
        return self._desk.session.reset(self._desk.clock.now())

    def _lose(self) -> Outcome:
        return self._desk.session.lost(self._desk.clock.now())

    def _connect(self) -> Outcome:
        session, now = self._desk.session, self._desk.clock.now()
        outcome = session.dial(now) if session.settings.initiator else session.accept(now)
        self._note(Kind.CONNECT)
        return outcome

    def _operate(self) -> Outcome | None:
        """What a driver or a person does now and then."""
        session, now = self._desk.session, self._desk.clock.now()
        match self._choices.byte() % 4:
            case 0:
                session.hold(self._choices.flag(), now)
                return None
            case 1:
                session.set_numbers(self._choices.byte(), self._choices.byte())
                self._epoch = session.epoch
                self._note(Kind.NUMBERS)
                return None
            case 2:
                message = Message.decode(self._desk.frame("D", 2, "11=id"))
                reject = Reject(5, "no", ref_tag=11, business=self._choices.flag())
                return session.refuse(reject, message, now)
            case _:
                assert session.snapshot().phase == session.phase.value
                return None

    def _note(self, kind: Kind) -> None:
        """Write down what a driver does beside frames."""
        session, now = self._desk.session, self._desk.clock.now()
        record = Record(kind, 0, session.epoch, 0, session.next_out, session.next_in, now.utc_ns, b"test")
        self._desk.store.commit([record])

    # -- checks

    def _carry_out(self, outcome: Outcome) -> None:
        desk = self._desk
        plans = [step for step in outcome.steps if isinstance(step, Replay)]
        assert len(outcome.steps) <= 3 * (len(desk.session.room) + 1000), "one call asks for too much"
        for step in outcome.steps:
            if isinstance(step, Send):
                self._check_record(step.record, step.wire)
            elif isinstance(step, Record):
                self._check_record(step, step.payload)
        for plan in plans:
            assert 1 <= plan.begin <= plan.end < 2**32
        desk.do(outcome)
        for record in desk.records:
            if record.flags & Flag.POSS_DUP and record.flags & Flag.OUTBOUND:
                self._check_frame(record.payload, record)
        for event in desk.events:
            assert SECRET not in repr(event)
            if isinstance(event, Message):
                self._note_delivery(event)
            elif isinstance(event, NumbersReset):
                self._epoch = event.epoch
            elif isinstance(event, NotResent):
                assert (plans[-1].epoch, event.msg_seq_num) in self._used
        if outcome.close is not None:
            assert desk.session.phase is Phase.CLOSED
            assert desk.session.deadline is None
            self._note(Kind.DROP)

    def _check_record(self, record: Record, wire: bytes) -> None:
        assert SECRET.encode() not in record.payload
        if record.kind != Kind.FRAME or not record.flags & Flag.OUTBOUND:
            return
        self._check_frame(wire, record)
        if record.msg_seq_num:
            assert (record.epoch, record.msg_seq_num) not in self._used, "a number is used twice"
            self._used.add((record.epoch, record.msg_seq_num))
            assert record.next_out == record.msg_seq_num + 1

    def _check_frame(self, frame: bytes, record: Record) -> None:
        """Check that a frame of ours is one, and valid by its own declaration."""
        assert Framer().feed(frame) == [frame]
        message = Message.decode(frame)
        assert record.msg_seq_num in (0, message.msg_seq_num)
        if message.msg_type in _ADMIN:
            _ADMIN[message.msg_type].view(message).check()

    def _note_delivery(self, message: Message) -> None:
        if message.msg_seq_num:  # else it was on its way when the numbers were reset
            position = Position(self._epoch, message.msg_seq_num)
            assert not self._delivered or position > self._delivered[-1], "delivered twice, or out of order"
            self._delivered.append(position)

    def _check_numbers(self) -> None:
        """The numbers go on, and the store, asked at any time, knows them."""
        session = self._desk.session
        numbers = SeqNums(session.epoch, session.next_out, session.next_in)
        before = self._numbers
        assert numbers.epoch >= before.epoch
        if numbers.epoch == before.epoch:
            assert numbers.next_out >= before.next_out
            assert numbers.next_in >= before.next_in
        assert min(numbers) >= 1
        self._numbers = numbers
        self._desk.store.close()
        assert self._desk.store.load().numbers == numbers, "the store knows other numbers"

    def _check_bounds(self) -> None:
        session = self._desk.session
        settings = session.settings
        assert len(session.room) <= settings.waiting_messages
        assert session._framer.pending <= settings.max_frame_size
        assert len(session._held) <= settings.waiting_messages + 1

    def _check_restart(self) -> None:
        """What a restart would hand to handlers that had handled nothing is what was delivered."""
        due = unhandled(self._desk.store.records, Position(0, 0))
        again = [Position(record.epoch, record.msg_seq_num) for record in due]
        assert again == self._delivered, "a restart delivers something else"
