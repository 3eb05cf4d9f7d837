"""Drives one session over one stream at a time: bytes in, rules, books, handlers, one append, one write.

A *turn* is one call from the event loop. What came in and what goes out is appended and written once, when
the turn ends. No queue and no task lies on this path; tasks exist only
where something waits: the dispatcher for ``async def`` handlers, the writer for a paused transport, a replay
or a sync.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter
from typing import Any, cast

from fixgw.clock import Clock, Now
from fixgw.engine.dispatch import Dispatcher
from fixgw.engine.ending import Ending, LinkEnd
from fixgw.engine.outbox import Outbox
from fixgw.engine.reactions import react
from fixgw.engine.recovery import Rebuild, stored_message
from fixgw.engine.settings import LinkSettings
from fixgw.engine.timers import DeadlineTimer, ReadingPause
from fixgw.engine.upkeep import Upkeep
from fixgw.engine.writer import Writer
from fixgw.errors import LocalError, NotLoggedOn, Reject, StoreError, StoreFull
from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage
from fixgw.handlers.base import Sendable
from fixgw.handlers.orders import Orders
from fixgw.handlers.router import Router
from fixgw.observe.histogram import Histogram
from fixgw.records import Kind, Position, Record
from fixgw.session import events
from fixgw.session.outcome import CloseCode, CloseReason, Outcome, Replay
from fixgw.session.session import Session
from fixgw.session.state import SessionSettings
from fixgw.store.base import Store, Stored, Sync

log = logging.getLogger("fixgw.link")


class Link(asyncio.Protocol):
    """One session with its store, books and handler; it outlives its connections.

    Args:
        settings: the settings of the FIX session.
        store: opened here, closed by ``close``.
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
        self.turns = Histogram()
        self.heartbeats = Histogram()
        self.connections = 0
        self.bytes_in = 0
        self.last_end: LinkEnd | None = None
        self.store_error: StoreError | None = None
        self._clock = clock
        self._limits = limits
        self.store = store
        self._stored: Stored = store.load()
        self.session = Session(settings, self._stored.numbers)
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
        self.outbox = Outbox(store, self._writer, self._overrun)
        self.judge: Callable[[Message], None] | None = None  # acceptor: called with each Logon
        self.reset_next_logon = False
        self.numbers_set_in = 0  # the epoch in which a person set the numbers
        # A peer with retransmission sends again what was not appended: there one append, at the end of the
        # turn, is enough. On the other sessions nobody does: what came in is appended before handlers see it.
        self._append_first = not settings.retransmission
        self._before_send = router.before_send
        self.logon_waiters: list[asyncio.Future[None]] = []
        self._turning = False
        self._burst = False
        self._closing: CloseReason | None = None
        self._stream: asyncio.Transport | None = None
        self._cut_timer: asyncio.TimerHandle | None = None
        self._deadline = DeadlineTimer(lambda: self.session.deadline, clock, self.tick)
        self._pause = ReadingPause(limits.slow_handler_limit, self._held_too_long)
        self.epoch_delivered = self._stored.numbers.epoch
        self.ending: Ending | None = None
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
        Rebuild(router.books, self).run(self._stored)
        for note in self._stored.notes:
            log.warning("store", extra={"session": self.name, "note": note})
            self.outbox.records.append(self.upkeep.record(Kind.NOTE, note.encode()))

    # -- what books, clients and handlers see (handlers.base.SessionPort) --

    @property
    def name(self) -> str:
        """The session's name in the configuration."""
        return self.settings.name

    @property
    def active(self) -> bool:
        """True while application messages may be sent."""
        return self.session.active and self._closing is None

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
    def fresh(self) -> bool:
        """True when the store was empty at start."""
        return self._stored.fresh

    @property
    def connected(self) -> bool:
        """True while a stream is there."""
        return self._stream is not None

    @property
    def queue_depth(self) -> dict[str, int]:
        """What waits: events for handlers, chunks for the transport."""
        return {"handlers": self.dispatcher.backlog, "writer": self._writer.depth}

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
        if self._closing is not None:
            raise NotLoggedOn(f"{self.name}: the session is closing ({self._closing.code.value})")
        plain = message if isinstance(message, Message) else plain_message(message)
        if self._before_send is not None:
            self._before_send(plain)
        record = self.session.send(plain, self._clock.now())
        self.outbox.send(record)
        if not self._turning:
            self._open_turn()
        return record.msg_seq_num

    async def flushed(self) -> None:
        """Return once all that was sent is committed and handed to the transport, or the link is gone."""
        await self.outbox.flushed()

    # -- asyncio.Protocol --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a stream: an initiator sends its Logon, an acceptor waits for one."""
        stream = cast(asyncio.Transport, transport)
        self._stream = stream
        self.outbox.attach(stream)
        self.connections += 1
        self._closing = None
        self.ending = Ending()
        self.outbox.records.append(self.upkeep.record(Kind.CONNECT, describe_peer(transport)))
        now = self._clock.now()
        if not self.settings.initiator:
            self.turn(self.session.accept(now))
            return
        try:
            self.turn(self.session.dial(now, reset=True if self._begins_anew() else None))
        except Exception as error:  # whatever a signer raises: without a Logon there is nothing to wait for
            self.stop(CloseReason(CloseCode.STOPPED, f"the Logon could not be made: {error}"))

    def _begins_anew(self) -> bool:
        """Nothing was ever received in this epoch, or a person or a policy asked for a reset."""
        asked, self.reset_next_logon = self.reset_next_logon, False
        fresh = self.session.next_in == 1 and self.session.epoch != self.numbers_set_in
        if fresh and self.settings.retransmission and not asked:
            log.info(
                "nothing received in this epoch: logging on with ResetSeqNumFlag=Y",
                extra={"session": self.name},
            )
            return True
        return asked

    def data_received(self, data: bytes) -> None:
        """Run one turn on the bytes of one read."""
        started = perf_counter()
        self.bytes_in += len(data)
        self.turn(self.session.receive(data, self._clock.now()))
        self.turns.record(perf_counter() - started)

    def eof_received(self) -> bool:
        """The peer sends no more: let the stream close."""
        return False

    def pause_writing(self) -> None:
        """The transport takes no more for now."""
        self._writer.pause()

    def resume_writing(self) -> None:
        """The transport takes bytes again."""
        self._writer.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is gone, by whoever's will."""
        reason = self._closing or CloseReason(CloseCode.LOST, "" if exc is None else str(exc))
        self._closing = reason
        self.turn(self.session.lost(self._clock.now()))
        self._stream = None
        self.outbox.detach()
        self.outbox.records.append(
            self.upkeep.record(Kind.DROP, f"{reason.code.value} {reason.text}".encode())
        )
        self.turn(None)
        self._cancel_timers()
        for book in self.router.books:
            book.on_disconnect()
        self.dispatcher.signal("on_disconnect", f"{reason.code.value} {reason.text}".strip())
        self.outbox.release()
        if self.ending is not None:
            self.last_end = self.ending.conclude(reason, self._clock.now().mono)

    # -- what the supervisor, the acceptor and the gateway use --

    async def became_active(self) -> None:
        """Wait until the Logon handshake of this or a later connection is complete."""
        while not self.session.active:
            waiter = asyncio.get_running_loop().create_future()
            self.logon_waiters.append(waiter)
            await waiter

    async def ended(self) -> LinkEnd:
        """Wait for the end of the present connection and tell how it came."""
        assert self.ending is not None
        return await asyncio.shield(self.ending.result)

    def redeliver(self) -> int:
        """Hand the handler what was received but not handled before the last stop; return how many."""
        for record in self._stored.unhandled:
            position = Position(record.epoch, record.msg_seq_num)
            self.dispatcher.deliver(stored_message(record), position, redelivered=True)
        count = len(self._stored.unhandled)
        self._stored = replace(self._stored, unhandled=(), since=(), books={})
        return count

    def logout(self, text: str = "") -> None:
        """Begin the Logout handshake; the connection closes when it is complete or times out."""
        if self._stream is not None:
            self.turn(self.session.logout(text, self._clock.now()))

    def stop(self, reason: CloseReason) -> None:
        """Close the connection after what was sent has left."""
        self._closing = self._closing or reason
        if not self._turning:
            self._shut()

    def admit(self, verdict: Any) -> None:
        """Acceptor: carry out the verdict on the Logon that waits."""
        if self._stream is not None:
            self.turn(self.session.admit(verdict, self._clock.now()))

    def tick(self) -> None:
        """Let the session act on the time that has passed; the link's own timer calls this."""
        self.turn(self.session.tick(self._clock.now()))

    def close(self) -> None:
        """Cut what is still connected, write a checkpoint and close the store."""
        if self._stream is not None:
            self._closing = self._closing or CloseReason(CloseCode.STOPPED)
            self._stream.set_protocol(asyncio.Protocol())  # its end is told now, while there is a store
            self._stream.abort()
            self.connection_lost(None)
        self._cancel_timers()
        self.dispatcher.cancel()
        for end in (self.upkeep.close, self.store.close):
            try:
                end()
            except StoreError as error:
                log.error("store not closed well", extra={"session": self.name, "error": str(error)})

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

    # -- the turn --

    def _open_turn(self) -> None:
        """The first send of a loop iteration leaves at once, those after it together at its end."""
        if self._burst:
            return
        self._burst = True
        asyncio.get_running_loop().call_soon(self._end_burst)
        self.turn(None)

    def _end_burst(self) -> None:
        self._burst = False
        if self.outbox.records:
            self.turn(None)

    def turn(self, outcome: Outcome | None) -> None:
        """Carry out what the session wishes; a turn inside a turn adds to it."""
        outermost, self._turning = not self._turning, True
        try:
            if outcome is not None:
                self._take(outcome)
            if outermost:
                self._end_turn()
        except StoreError as error:
            self._store_failed(error)
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
        """What could not be written never leaves: its orders were not sent, and the link ends."""
        log.critical("store failed", extra={"session": self.name, "error": str(error)})
        for msg_seq_num in self.outbox.abandon():
            for book in self.router.books:
                book.on_not_sent(msg_seq_num)
        self.store_error = error
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


def describe_peer(transport: asyncio.BaseTransport) -> bytes:
    """Return the peer's address and the TLS version, as a CONNECT record holds them."""
    address = transport.get_extra_info("peername")
    tls = transport.get_extra_info("ssl_object")
    return f"{address} {tls.version() if tls is not None else 'plain'}".encode()


def plain_message(message: Sendable) -> Message:
    """Return the message itself, inside a typed one, or made of a simplefix one."""
    if isinstance(message, Message):
        return message
    return message.message if isinstance(message, TypedMessage) else Message.from_simplefix(message)
