"""Carries out the wishes of one session: records to the store, frames to the stream, events to the handlers.

A *turn* is one call from the event loop. What came in and what goes out is appended and written once, when
the turn ends. No queue and no task lies on this path; tasks exist only where something waits: the dispatcher
for ``async def`` handlers, the writer for a paused transport, a replay or a sync.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator

from fixgw.clock import Clock, Now
from fixgw.engine.dispatch import Dispatcher
from fixgw.engine.ending import Ending
from fixgw.engine.outbox import Outbox
from fixgw.engine.reactions import react
from fixgw.engine.settings import LinkSettings
from fixgw.engine.timers import DeadlineTimer, ReadingPause
from fixgw.engine.upkeep import Upkeep
from fixgw.engine.writer import Writer
from fixgw.errors import LocalError, NotLoggedOn, Refused, Reject, StoreError, StoreFull
from fixgw.fix.message import Message, SimplefixMessage
from fixgw.fix.schema import TypedMessage
from fixgw.handlers.base import Sendable
from fixgw.handlers.orders import Orders
from fixgw.handlers.passage import CountingGuard, Guard
from fixgw.handlers.router import Router
from fixgw.observe.histogram import Histogram
from fixgw.records import Kind, Position, Record
from fixgw.session import events
from fixgw.session.outcome import CloseCode, CloseReason, Outcome, Replay
from fixgw.session.session import Session
from fixgw.session.state import SessionSettings
from fixgw.store.base import Store, Stored, Sync

log = logging.getLogger("fixgw.link")


class Driver:
    """What books, clients and handlers see of a link, and the turns behind it.

    Args:
        settings: the settings of the FIX session.
        store: opened here.
        router: books and handler.
        clock: the only source of time.
        limits: the link's limits.

    Raises:
        StoreError: the store can not be opened.
    """

    def __init__(
        self, settings: SessionSettings, store: Store, router: Router, clock: Clock, limits: LinkSettings
    ) -> None:
        self.settings = settings
        self.router = router
        self.store = store
        self.heartbeats = Histogram()
        self.refusals: Counter[str] = Counter()  # rule -> messages that did not leave
        self.ending: Ending | None = None
        self.judge: Callable[[Message], None] | None = None  # acceptor: called with each Logon
        self.logon_waiters: list[asyncio.Future[None]] = []
        self.draining = False  # only cancels are sent
        self._clock = clock
        self._limits = limits
        self._stored: Stored = store.load()
        self.session = Session(settings, self._stored.numbers)
        self.epoch_delivered = self.session.epoch
        self.dispatcher = Dispatcher(
            router, self, queue_size=limits.queue_size, stop_on_error=limits.stop_on_error
        )
        self._writer = Writer(
            store,
            self._open_replay,
            lambda event: react(self, event),
            self._writer_failed,
            sync_always=store.sync_level is Sync.ALWAYS,
            limit=limits.outbound_limit,
        )
        self.outbox = Outbox(store, self._stored.numbers, self._writer, self._overrun)
        self.upkeep = Upkeep(
            store,
            self.session,
            router.books,
            clock,
            self._stored.handled,
            lambda: self.turn(None),
            self._store_failed,
            cursor_interval=limits.cursor_interval,
            sync_interval=limits.batch_sync_interval,
        )
        # A peer with retransmission sends again what was not appended: there one append, at the end of the
        # turn, is enough. On the other sessions nobody does: what came in is appended before handlers see it.
        self._append_first = not settings.retransmission
        self._before_send = router.before_send
        self._guards, self._edge = tuple(router.passage.guards), router.passage.edge
        self._counting = tuple(guard for guard in self._guards if isinstance(guard, CountingGuard))
        self._turning = False
        self._burst = False
        self._closing: CloseReason | None = None
        self._stream: asyncio.Transport | None = None
        self._cut_timer: asyncio.TimerHandle | None = None
        self._deadline = DeadlineTimer(self.session, clock, self.tick)
        self._pause = ReadingPause(limits.slow_handler_limit, self._held_too_long)

    # -- what books, clients and handlers see (handlers.base.SessionPort) --

    @property
    def name(self) -> str:
        """The session's name in the configuration."""
        return self.settings.name

    @property
    def active(self) -> bool:
        """True while application messages may be sent."""
        return self.session.active and self._closing is None and not self.draining

    @property
    def epoch(self) -> int:
        """The epoch of the numbers in use."""
        return self.session.epoch

    @property
    def orders(self) -> Orders:
        """The session's orders.

        Raises:
            LocalError: no orders are sent on this session.
        """
        for book in self.router.books:
            if isinstance(book, Orders):
                return book
        raise LocalError(f"{self.name}: no orders are sent on this session")

    @property
    def holding(self) -> bool:
        """True while reading stops because handlers are behind."""
        return self._pause.on

    def now(self) -> Now:
        """The instant, by the clock of the session."""
        return self._clock.now()

    def send(self, message: Sendable, *, urgent: bool = False) -> int:
        """Number, commit and write one application message; see ``SessionPort.send``."""
        if self.store.full and not urgent:
            raise StoreFull(f"{self.name}: the disk is full: only cancels are sent until there is room")
        if self.draining and not urgent:
            raise NotLoggedOn(f"{self.name}: the gateway is draining: nothing new is sent")
        if self._closing is not None:
            raise NotLoggedOn(f"{self.name}: the session is closing ({self._closing.code.value})")
        plain = message if isinstance(message, Message) else plain_message(message)
        if self._before_send is not None:
            self._before_send(plain)
        now = self._clock.now()
        outward = plain
        if (self._guards or self._edge is not None) and self.session.active:
            outward = self._passed(plain, now)
        record = self.session.send(outward, now)
        for guard in self._counting:
            guard.left(plain, record.msg_seq_num, now)
        self.outbox.send(record)
        if not self._turning:
            self._open_turn()
        return record.msg_seq_num

    def _passed(self, message: Message, now: Now) -> Message:
        """Return a message that may leave, as the wire wants it."""
        try:
            outward = message if self._edge is None else self._edge.outward(message)
            for guard in self._guards:
                guard.admit(message, now)
            return outward
        except Refused as refused:
            self.refusals[refused.rule] += 1
            raise

    def delay(self, message: Message) -> float:
        """Return the seconds after which the guards would let a message leave; 0 for now."""
        return self.router.passage.delay(message, self._clock.now()) if self._guards else 0.0

    async def flushed(self) -> None:
        """Return once all that was sent is committed and handed to the transport, or the link is gone."""
        await self.outbox.flushed()

    # -- what the kill switch asks for --

    def block(self, guard: Guard) -> None:
        """Ask this guard before all others about what is to leave, until ``unblock``."""
        self._guards = (guard, *self._guards)

    def unblock(self, guard: Guard) -> None:
        """Ask it no more."""
        self._guards = tuple(other for other in self._guards if other is not guard)

    def note(self, text: str) -> None:
        """Write a sentence for the audit trail; on a full disk there is no room for it."""
        if not self.store.full:
            self.outbox.records.append(self.upkeep.record(Kind.NOTE, text.encode()))
            self.turn(None)

    # -- what the dispatcher asks for --

    def refuse(self, reject: Reject, message: Message) -> None:
        """Answer a received message with 35=3 or 35=j."""
        if self._stream is not None and self.session.active:
            self.turn(self.session.refuse(reject, message, self._clock.now()))

    def handled(self, position: Position) -> None:
        """Handlers have returned for everything up to ``position``."""
        self.upkeep.handled(position)

    def hold(self, held: bool) -> None:
        """Stop reading from the peer while handlers catch up; its silence is not judged meanwhile."""
        if self._stream is None:
            return
        self.session.hold(held, self._clock.now())
        if held:
            log.warning("handlers are behind: reading stops", extra={"session": self.name})
            self._pause.begin(self._stream)
        else:
            self._pause.end(self._stream)

    def handler_failed(self, error: Exception) -> None:
        """A handler raised and the session is configured to stop on that."""
        self.stop(CloseReason(CloseCode.STOPPED, f"handler raised {type(error).__name__}"))

    def stop(self, reason: CloseReason) -> None:
        """Close the connection after what was sent has left."""
        self._closing = self._closing or reason
        if not self._turning:
            self._shut()

    def tick(self) -> None:
        """Let the session act on the time that has passed; the link's own timer calls this."""
        self.turn(self.session.tick(self._clock.now()))

    # -- the turn --

    def _open_turn(self) -> None:
        """The first send of a loop iteration leaves at once, those after it together at its end."""
        if self._burst:
            return
        self._burst = True
        asyncio.get_running_loop().call_soon(self._end_burst)
        self.turn(None, tell=True)

    def _end_burst(self) -> None:
        self._burst = False
        if self.outbox.records:
            self.turn(None)

    def turn(self, outcome: Outcome | None, *, tell: bool = False) -> None:
        """Carry out what the session wishes; a turn inside a turn adds to it.

        Args:
            outcome: the session's wishes; None to bring out what was gathered.
            tell: the caller wants to know of a store that fails, which ends the connection in any case.

        Raises:
            StoreError: with ``tell``: what this turn was to bring out was not written and never left.
        """
        outermost, self._turning = not self._turning, True
        try:
            if outcome is not None:
                self._take(outcome)
            if outermost:
                self._end_turn()
        except StoreError as error:
            self._store_failed(error)
            if tell:
                raise
        finally:
            if outermost:
                self._turning = False

    def _take(self, outcome: Outcome) -> None:
        outbox = self.outbox
        for step in outcome.steps:
            outbox.step(step)
        if outcome.events:
            if outbox.records and self._append_first:
                outbox.commit()
            for event in outcome.events:
                if type(event) is Message:
                    self.dispatcher.deliver(event, Position(self.epoch_delivered, event.msg_seq_num))
                else:
                    react(self, event)
        if outcome.close is not None and self._closing is None:
            self._closing = outcome.close

    def _end_turn(self) -> None:
        self.outbox.flush()
        if self.upkeep.batch:
            self.upkeep.committed()
        if self._closing is not None and self._stream is not None:
            self._shut()
        self._deadline.arm()

    def _shut(self) -> None:
        """Close once nothing waits; a stream that takes too long for that, or to close, is cut."""
        stream = self._stream
        if stream is None or self._cut_timer is not None:
            return
        self._cut_timer = asyncio.get_running_loop().call_later(self._limits.close_timeout, stream.abort)
        if self._writer.depth:
            self._writer.when_done(stream.close)
        else:
            stream.close()

    # -- when things go wrong --

    def _open_replay(self, plan: Replay) -> Iterator[Record | events.NotResent]:
        return self.session.replay(plan, self.store.read(plan.begin, plan.end), self._clock.now)

    def _writer_failed(self, error: Exception) -> None:
        self._store_failed(error if isinstance(error, StoreError) else StoreError(repr(error)))

    def _store_failed(self, error: StoreError) -> None:
        """What could not be written never leaves: its orders were not sent, and the link ends.

        The numbers go back to what is written: what was received and not written is asked for again.
        """
        log.critical("store failed", extra={"session": self.name, "error": str(error)})
        for msg_seq_num in self.outbox.abandon():
            for book in self.router.books:
                book.on_not_sent(msg_seq_num)
        session = self.session
        session.lost(self._clock.now())
        session.epoch, session.next_out, session.next_in = self.outbox.numbers
        self.epoch_delivered = session.epoch
        self._closing = CloseReason(CloseCode.STORE, str(error))
        if self._stream is not None:
            self._stream.abort()

    def _overrun(self) -> None:
        log.error("the peer takes nothing: cutting the connection", extra={"session": self.name})
        self._closing = self._closing or CloseReason(CloseCode.LOST, "the peer takes nothing")
        if self._stream is not None:
            self._stream.abort()

    def _held_too_long(self) -> None:
        self.stop(CloseReason(CloseCode.SLOW_HANDLER, "handlers did not catch up"))

    def _cancel_timers(self) -> None:
        self._deadline.cancel()
        self._pause.cancel()
        if self._cut_timer is not None:
            self._cut_timer.cancel()
            self._cut_timer = None


def plain_message(message: TypedMessage | SimplefixMessage) -> Message:
    """Return the message inside a typed one, or made of a simplefix one."""
    return message.message if isinstance(message, TypedMessage) else Message.from_simplefix(message)
