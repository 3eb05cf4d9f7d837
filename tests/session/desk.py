"""One session under test, and the words to talk to it as its peer does."""

from __future__ import annotations

from typing import Any

from fixgw.clock import ManualClock
from fixgw.fix.framing import seal
from fixgw.fix.message import Message
from fixgw.fix.values import sending_time
from fixgw.records import Flag, Record, SeqNums
from fixgw.session.events import Event, NotResent
from fixgw.session.handshake import FRESH
from fixgw.session.outcome import CloseCode, CloseReason, Outcome, Replay, Send
from fixgw.session.session import Session
from fixgw.session.state import Phase, Role, SessionSettings
from fixgw.session.verdict import Accept
from fixgw.store.memory import MemoryStore

HIDDEN = ("8=", "9=", "49=", "52=", "56=", "10=")
SECOND = 1_000_000_000


def short(frame: bytes) -> str:
    """Return a frame as ``35=0|34=2|112=HELLO``: without what is the same in all of them."""
    fields = frame.decode("utf-8", "surrogateescape").rstrip("\x01").split("\x01")
    return "|".join(field for field in fields if not field.startswith(HIDDEN))


class Desk:
    """A session with a store and a clock that stands still.

    Args:
        role: which side the session is; this object speaks for the other one.
        numbers: where the numbers stand.
        settings: anything else of ``SessionSettings``.
    """

    def __init__(self, role: Role = Role.ACCEPTOR, numbers: SeqNums = FRESH, **settings: Any) -> None:
        self.clock = ManualClock()
        self.session = Session(SessionSettings("desk", role, "US", "THEM", **settings), numbers)
        self.store = MemoryStore()
        self.store.load()
        self.events: list[Event] = []
        self.records: list[Record] = []
        self.close: CloseReason | None = None

    @classmethod
    def on(cls, role: Role = Role.ACCEPTOR, **settings: Any) -> Desk:
        """Return a desk that is logged on with 34=1 both ways."""
        desk = cls(role, **settings)
        desk.log_on()
        return desk

    @property
    def code(self) -> CloseCode | None:
        """Why the session wants the connection closed."""
        return None if self.close is None else self.close.code

    @property
    def numbers(self) -> tuple[int, int]:
        """(next_out, next_in)."""
        return self.session.next_out, self.session.next_in

    def log_on(self, number: int = 1, *extra: str) -> list[str]:
        """Complete a Logon handshake; return what the session sent."""
        now = self.clock.now()
        settings = self.session.settings
        fields = ["98=0", "108=30", *extra]
        if settings.default_appl_ver_id is not None:
            fields.append("1137=9")
        if settings.role is Role.INITIATOR:
            return self.do(self.session.dial(now)) + self.say("A", number, *fields)
        self.do(self.session.accept(now))
        sent = self.say("A", number, *fields)
        if self.session.phase is Phase.LOGON_PENDING:
            sent += self.do(self.session.admit(Accept(), now))
        return sent

    def frame(
        self,
        msg_type: str,
        number: object,
        *fields: str,
        begin: str = "",
        sender: str = "THEM",
        target: str = "US",
        late: float = 0.0,
        stamp: str = "",
    ) -> bytes:
        """Return a frame of the peer; an empty ``sender`` or ``target``, or no ``number``, is left out."""
        stamp = stamp or sending_time(self.clock.now().utc_ns - round(late * SECOND)).decode()
        header = [f"35={msg_type}", f"34={number}" if number is not None else ""]
        header += [f"49={sender}" if sender else "", f"52={stamp}", f"56={target}" if target else ""]
        text = "".join(f"{field}\x01" for field in [*header, *fields] if field)
        begin = begin or self.session.settings.begin_string
        return seal(begin.encode(), text.encode("utf-8", "surrogateescape"))

    def say(self, msg_type: str, number: object, *fields: str, **header: Any) -> list[str]:
        """Let the session receive one message; return what it sent."""
        return self.hear(self.frame(msg_type, number, *fields, **header))

    def hear(self, data: bytes) -> list[str]:
        """Let the session receive bytes; return what it sent."""
        return self.do(self.session.receive(data, self.clock.now()))

    def repeat(self, msg_type: str, number: int, *fields: str, age: float = 1.0) -> list[str]:
        """Let the session receive one possible duplicate, first sent ``age`` seconds ago."""
        first = sending_time(self.clock.now().utc_ns - round(age * SECOND)).decode()
        return self.say(msg_type, number, "43=Y", f"122={first}", *fields)

    def send(self, msg_type: str = "D", *pairs: tuple[int, str]) -> str:
        """Let the session send one application message."""
        record = self.session.send(Message(msg_type, pairs or [(11, "id")]), self.clock.now())
        self.records = [record]
        self.store.commit([record])
        return short(record.payload)

    def wait(self, seconds: float) -> list[str]:
        """Let time pass, then tick; return what the session sent."""
        self.clock.advance(seconds)
        return self.do(self.session.tick(self.clock.now()))

    def do(self, outcome: Outcome) -> list[str]:
        """Carry out an outcome as a driver does; return what was sent."""
        self.events, self.close = list(outcome.events), outcome.close
        self.records = []
        sent: list[bytes] = []
        for step in outcome.steps:
            if isinstance(step, Replay):
                sent += self.replay(step)
                continue
            record = step.record if isinstance(step, Send) else step
            self.records.append(record)
            self.store.commit([record])
            if record.flags & Flag.OUTBOUND:
                sent.append(step.wire if isinstance(step, Send) else record.payload)
        return [short(frame) for frame in sent]

    def replay(self, plan: Replay) -> list[bytes]:
        """Serve a replay in one go."""
        sent: list[bytes] = []
        for item in self.session.replay(plan, self.store.read(plan.begin, plan.end), self.clock.now):
            if isinstance(item, NotResent):
                self.events.append(item)
            else:
                self.records.append(item)
                sent.append(item.payload)
        return sent

    def delivered(self) -> list[int]:
        """Return the numbers of the application messages of the last outcome."""
        return [event.msg_seq_num for event in self.events if isinstance(event, Message)]

    def heard(self, kind: type) -> list[Any]:
        """Return the events of one kind of the last outcome."""
        return [event for event in self.events if isinstance(event, kind)]


def in_phase(phase: Phase, **settings: Any) -> Desk:
    """Return a desk whose session stands in ``phase``."""
    initiator = phase is Phase.LOGON_SENT
    desk = Desk(Role.INITIATOR if initiator else Role.ACCEPTOR, **settings)
    now = desk.clock.now()
    if phase is Phase.CLOSED:
        return desk
    if initiator:
        desk.do(desk.session.dial(now))
        return desk
    desk.do(desk.session.accept(now))
    if phase is not Phase.LOGON_WAIT:
        desk.say("A", 1, "98=0", "108=30", "1137=9")
    if phase not in (Phase.LOGON_WAIT, Phase.LOGON_PENDING):
        desk.do(desk.session.admit(Accept(), now))
    if phase is Phase.RESET_SENT:
        desk.do(desk.session.reset(now))
    if phase is Phase.LOGOUT_SENT:
        desk.do(desk.session.logout("", now))
    assert desk.session.phase is phase
    return desk
