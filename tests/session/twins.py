"""Two live sessions joined in memory: one clock, two stores, and a path that can cut, lose, repeat and spoil.

Each side is what a driver makes of a session, without any I/O: it commits records before they leave, serves
replays, and dials again when a connection is gone. Everything that chance decides comes from one seed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from fixgw.clock import ManualClock, Now
from fixgw.fix.message import Message
from fixgw.records import Flag, Record
from fixgw.session.events import Event, LogonReceived, NotResent
from fixgw.session.outcome import CloseReason, Outcome, Replay, Send
from fixgw.session.session import Session
from fixgw.session.state import Phase, Role, SessionSettings
from fixgw.session.verdict import Accept
from fixgw.store.memory import MemoryStore


class Side:
    """One session with its store; ``outbound`` are the frames on their way to the other side.

    Args:
        settings: of the session.
        slow: what is to be sent again, and all behind it, waits until ``write`` is called.
    """

    def __init__(self, settings: SessionSettings, slow: bool) -> None:
        self.settings = settings
        self.slow = slow
        self.waiting: deque[bytes | Replay] = deque()
        self._replayed: Iterator[Record | NotResent] | None = None  # what the first that waits has left
        self.store = MemoryStore()
        self.session = Session(settings, self.store.load().numbers)
        self.outbound: deque[bytes] = deque()
        self.sent: list[str] = []
        self.received: list[str] = []
        self.events: list[Event] = []
        self.ends: list[CloseReason] = []

    @property
    def numbers(self) -> tuple[int, int]:
        """(next_out, next_in)."""
        return self.session.next_out, self.session.next_in

    def send(self, text: str, now: Now) -> None:
        """Send one application message that carries ``text``, if the session is active."""
        if self.session.active:
            record = self.session.send(Message("D", [(11, text)]), now)
            self._keep(record, record.payload)
            self.sent.append(text)

    def carry_out(self, outcome: Outcome, now: Now) -> None:
        """Do what a driver does with an outcome; a Logon is always accepted."""
        for step in outcome.steps:
            if isinstance(step, Replay):
                self.waiting.append(step)
            elif isinstance(step, Send):
                self._keep(step.record, step.wire)
            else:
                self._keep(step, step.payload)
        for event in outcome.events:
            self.events.append(event)
            if isinstance(event, Message):
                self.received.append(event.text(11) or "")
        if outcome.close is not None:
            self.ends.append(outcome.close)
        waits = self.session.phase is Phase.LOGON_PENDING  # what came behind the Logon may have ended it all
        if waits and any(isinstance(event, LogonReceived) for event in outcome.events):
            self.carry_out(self.session.admit(Accept(), now), now)
        if not self.slow:
            self.write(now)

    def _keep(self, record: Record, wire: bytes) -> None:
        self.store.commit([record])
        if record.flags & Flag.OUTBOUND:
            (self.waiting or self.outbound).append(wire)

    def write(self, now: Now, count: int | None = None) -> None:
        """Let what waits go on its way, in order: all of it, or ``count`` pieces."""
        while self.waiting and count != 0:
            first = self.waiting[0]
            if isinstance(first, bytes):
                self.outbound.append(first)
                self.waiting.popleft()
            else:
                self._write_replayed(first, now)
            count = None if count is None else count - 1

    def _write_replayed(self, plan: Replay, now: Now) -> None:
        if self._replayed is None:
            self._replayed = self.session.replay(plan, self.store.read(plan.begin, plan.end), lambda: now)
        item = next(self._replayed, None)
        if item is None:
            self.waiting.popleft()
            self._replayed = None
        elif isinstance(item, NotResent):
            self.events.append(item)
        else:
            self.store.commit([item])
            self.outbound.append(item.payload)

    def hang_up(self) -> None:
        """Forget what has not reached the other side."""
        self.outbound.clear()
        self.waiting.clear()
        self._replayed = None

    def restart(self) -> None:
        """Begin again as another process would: from the store alone."""
        self.store.close()
        self.session = Session(self.settings, self.store.load().numbers)


class Twins:
    """An initiator and an acceptor, joined.

    Args:
        seed: decides everything that chance decides.
        slow: replays leave in pieces, with anything else between them.
        initiator: anything of ``SessionSettings`` for the initiator alone.
        settings: anything of ``SessionSettings`` for both sides.
    """

    def __init__(
        self, seed: int = 0, *, slow: bool = False, initiator: dict[str, Any] | None = None, **settings: Any
    ) -> None:
        self.random = Random(seed)
        self.clock = ManualClock()
        settings.setdefault("sending_time_window", 1e6)  # a message may lie on a bad path for long
        dialling = SessionSettings("initiator", Role.INITIATOR, "INIT", "ACPT", **settings)
        accepting = replace(
            dialling, name="acceptor", role=Role.ACCEPTOR, sender_comp_id="ACPT", target_comp_id="INIT"
        )
        self.initiator = Side(replace(dialling, **(initiator or {})), slow)
        self.acceptor = Side(accepting, slow)

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both, the initiator first."""
        return self.initiator, self.acceptor

    @property
    def agree(self) -> bool:
        """True when each side expects exactly the number that the other one uses next."""
        ours, theirs = self.initiator.numbers, self.acceptor.numbers
        return ours == theirs[::-1]

    def connect(self) -> None:
        """Cut whatever is there and join both sides anew; what was on its way is gone."""
        now = self.clock.now()
        for side in self.sides:
            side.hang_up()
            side.carry_out(side.session.lost(now), now)
        self.acceptor.carry_out(self.acceptor.session.accept(now), now)
        self.initiator.carry_out(self.initiator.session.dial(now), now)

    def deliver(self, sender: Side, count: int | None = None, chunk: int | None = None) -> None:
        """Carry frames to the other side, all of them by default.

        Args:
            sender: the side whose frames are carried.
            count: how many frames; None: all.
            chunk: the size of the pieces, bytes; None: one piece.
        """
        receiver = self.acceptor if sender is self.initiator else self.initiator
        count = len(sender.outbound) if count is None else min(count, len(sender.outbound))
        data = b"".join(sender.outbound.popleft() for _ in range(count))
        for start in range(0, len(data), chunk or max(len(data), 1)):
            now = self.clock.now()
            receiver.carry_out(receiver.session.receive(data[start : start + (chunk or len(data))], now), now)

    def exchange(self) -> None:
        """Carry frames both ways until none is left; a side that has closed is heard to its end."""
        while any(side.outbound or side.waiting for side in self.sides):
            for side in self.sides:
                side.write(self.clock.now())
                self.deliver(side)

    def wait(self, seconds: float) -> None:
        """Let time pass, deadline by deadline, over a path that works."""
        until = self.clock.now().mono + seconds
        while True:
            self.exchange()
            if any(side.session.phase is Phase.CLOSED for side in self.sides):
                self.connect()
                continue
            deadlines = [side.session.deadline for side in self.sides]
            mono = self.clock.now().mono
            first = min(max(deadline, mono) for deadline in deadlines if deadline is not None)
            if first > until:
                self.clock.advance(until - mono)
                return
            self.tick(first - mono)

    def tick(self, seconds: float) -> None:
        """Let time pass in one step and wake both sides."""
        now = self.clock.advance(seconds)
        for side in self.sides:
            side.carry_out(side.session.tick(now), now)

    def torment(self, steps: int) -> None:
        """Do ``steps`` things by chance: messages, reads of any size, time, and what a bad path does."""
        deeds = [self._talk, self._carry, self._lose, self._repeat, self._spoil, self._cut, self._age]
        weights = [30, 40, 3, 1, 2, 1, 3]
        if self.acceptor.slow:
            deeds.append(self._write)
            weights.append(40)
        for deed in self.random.choices(deeds, weights, k=steps):
            deed(self.random.choice(self.sides))
            if all(side.session.phase is Phase.CLOSED for side in self.sides):
                self.connect()

    def _talk(self, side: Side) -> None:
        for _ in range(self.random.randint(1, 5)):
            side.send(f"{side.settings.name}-{len(side.sent)}", self.clock.now())

    def _carry(self, side: Side) -> None:
        self.deliver(side, self.random.randint(1, 20), self.random.choice((None, 1, 3, 64, 1000)))

    def _write(self, side: Side) -> None:
        side.write(self.clock.now(), self.random.randint(1, 5))

    def _lose(self, side: Side) -> None:
        if side.outbound:
            del side.outbound[self.random.randrange(len(side.outbound))]

    def _repeat(self, side: Side) -> None:
        if side.outbound:
            place = self.random.randrange(len(side.outbound))
            side.outbound.insert(place, side.outbound[place])

    def _spoil(self, side: Side) -> None:
        if side.outbound:
            place = self.random.randrange(len(side.outbound))
            frame = bytearray(side.outbound[place])
            # One up, and not in CheckSum(10): spoiling a frame twice must not make it look right.
            frame[self.random.randrange(len(frame) - len("10=000|"))] += 1
            side.outbound[place] = bytes(frame)

    def _cut(self, side: Side) -> None:
        for each in self.sides:
            each.hang_up()
            each.carry_out(each.session.lost(self.clock.now()), self.clock.now())
        if self.random.random() < 0.5:
            side.restart()
        self.connect()

    def _age(self, side: Side) -> None:
        self.tick(self.random.choice((0.01, 1.0, 12.0, 31.0)))
