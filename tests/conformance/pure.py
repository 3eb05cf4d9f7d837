"""A session alone, with a store in memory and a clock that stands still, as the system under test."""

from __future__ import annotations

from datetime import datetime

from fixgw.clock import ManualClock
from fixgw.errors import LocalError, Reject
from fixgw.fix.message import Message
from fixgw.records import Flag, Kind, Record, SeqNums
from fixgw.session.events import Alarm, Event, GapDetected, GapLost, GarbledReceived, LogonReceived, NotResent
from fixgw.session.outcome import Outcome, Replay, Send
from fixgw.session.session import Session
from fixgw.session.snapshot import SessionSnapshot
from fixgw.session.state import SessionSettings
from fixgw.session.verdict import Accept, Verdict
from fixgw.store.memory import MemoryStore
from tests.conformance.peer import Connection, Mismatch, instant
from tests.conformance.play import Application


class PureSystem:
    """The session and what a driver has to do for it, without any I/O.

    Args:
        settings: of the session.
        numbers: (next_in, next_out) to begin with.
    """

    def __init__(self, settings: SessionSettings, numbers: tuple[int, int]) -> None:
        next_in, next_out = numbers
        self.application = Application()
        self.verdict: Verdict = Accept()
        self.warnings: list[str] = []
        self.ends: list[str] = []
        self._clock = ManualClock()
        self._session = Session(settings, SeqNums(1, next_out, next_in))
        self._store = MemoryStore()
        self._store.load()
        utc_ns = self._clock.now().utc_ns
        self._store.commit(
            [Record(Kind.NUMBERS, 0, 1, 0, next_out, next_in, utc_ns, b"as the script begins")]
        )
        self._connection: Connection | None = None

    def connect(self, connection: Connection) -> bool:
        now = self._clock.now()
        try:
            initiator = self._session.settings.initiator
            outcome = self._session.dial(now) if initiator else self._session.accept(now)
        except LocalError:
            return False
        self._connection = connection
        self._do(outcome)
        return True

    def disconnect(self, connection: Connection) -> None:
        connection.closed = True
        self._connection = None
        self._do(self._session.lost(self._clock.now()))

    def hear(self, connection: Connection, data: bytes) -> None:
        if connection is self._connection:
            self._do(self._session.receive(data, self._clock.now()))

    def read_on(self, connection: Connection, wanted: bool) -> None:
        raise Mismatch("a session alone has no stream: mark the script as live")

    def wait(self, seconds: float) -> None:
        until = self._clock.now().mono + seconds
        while (deadline := self._session.deadline) is not None and deadline <= until:
            self._clock.advance(max(0.0, deadline - self._clock.now().mono))
            self._do(self._session.tick(self._clock.now()))
        self._clock.advance(until - self._clock.now().mono)

    def send(self, message: Message) -> None:
        record = self._session.send(message, self._clock.now())
        self._store.commit([record])
        self._write(record.payload)

    def log_out(self, text: str) -> None:
        self._do(self._session.logout(text, self._clock.now()))

    def reset(self) -> None:
        self._do(self._session.reset(self._clock.now()))

    def now(self) -> datetime:
        return instant(self._clock.now().utc_ns)

    def snapshot(self) -> SessionSnapshot:
        return self._session.snapshot()

    def numbers(self) -> SeqNums:
        """Return the numbers of the session."""
        return SeqNums(self._session.epoch, self._session.next_out, self._session.next_in)

    def stored_numbers(self) -> SeqNums:
        """Return the numbers with which the session would begin again after a restart."""
        self._store.close()
        return self._store.load().numbers

    def _do(self, outcome: Outcome) -> None:
        """Carry out an outcome: steps in order, then events, then the close."""
        for step in outcome.steps:
            if isinstance(step, Replay):
                self._replay(step)
                continue
            record = step.record if isinstance(step, Send) else step
            self._store.commit([record])
            if record.flags & Flag.OUTBOUND:
                self._write(step.wire if isinstance(step, Send) else record.payload)
        if outcome.close is not None:
            self.ends.append(f"{outcome.close.code.value} {outcome.close.text}".strip())
            if self._connection is not None:
                self._connection.closed = True
                self._connection = None
        for event in outcome.events:
            self._react(event)

    def _replay(self, plan: Replay) -> None:
        frames = self._store.read(plan.begin, plan.end)
        for item in self._session.replay(plan, frames, self._clock.now):
            if not isinstance(item, NotResent):
                self._store.commit([item])
                self._write(item.payload)

    def _write(self, frame: bytes) -> None:
        if self._connection is not None:
            self._connection.take(frame, self.now())

    def _react(self, event: Event) -> None:
        now = self._clock.now()
        if isinstance(event, LogonReceived):
            self._do(self._session.admit(self.verdict, now))
        elif isinstance(event, Message):
            try:
                self.application.on_message(event, None)
            except Reject as refusal:
                self._do(self._session.refuse(refusal, event, now))
        elif isinstance(event, Alarm):
            self.warnings.append(event.text)
        elif isinstance(event, GarbledReceived):
            self.warnings.append(event.reason)
        elif isinstance(event, GapDetected | GapLost):
            self.warnings.append(f"messages are missing: {event.first} to {event.last}")
