"""One session over one stream at a time: connections come and go, numbers, books and handlers stay."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import cast

from fixgw.clock import Clock
from fixgw.engine.driver import Driver
from fixgw.engine.ending import Ending, LinkEnd
from fixgw.engine.reconciled import records_of
from fixgw.engine.recovery import Rebuild, stored_message
from fixgw.engine.settings import LinkSettings
from fixgw.errors import StoreError, StoreFull
from fixgw.fix.message import Message
from fixgw.handlers.router import Router
from fixgw.observe.histogram import Histogram
from fixgw.records import Flag, Kind, Position
from fixgw.session.outcome import CloseCode, CloseReason
from fixgw.session.state import Phase, SessionSettings
from fixgw.session.verdict import Verdict
from fixgw.store.base import Store

log = logging.getLogger("fixgw.link")


# A stream may hold hundreds of messages. Answering the first before the last are looked at lets the peer work
# meanwhile: with all of them in one turn two busy ends wait for each other, which halves the orders a second.
TURN_BYTES = 16_384


class Link(Driver, asyncio.Protocol, asyncio.BufferedProtocol):
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
        super().__init__(settings, store, router, clock, limits)
        self.turns = Histogram()
        self._buffer = memoryview(bytearray(TURN_BYTES))
        self.connections = 0
        self.bytes_in = 0
        self.reset_next_logon = False
        self.numbers_set_in = 0  # the epoch in which a person set the numbers
        try:
            Rebuild(router.books, self, router.passage.edge).run(self._stored)
        except BaseException:
            store.close()
            raise
        for note in self._stored.notes:
            log.warning("store", extra={"session": self.name, "note": note})
            self.outbox.records.append(self.upkeep.record(Kind.NOTE, note.encode()))

    @property
    def connected(self) -> bool:
        """True while a stream is there."""
        return self._stream is not None

    @property
    def occupied(self) -> bool:
        """True while a stream is there whose session has not ended."""
        return self._stream is not None and self.session.phase is not Phase.CLOSED

    @property
    def queue_depth(self) -> dict[str, int]:
        """What waits: events for handlers, chunks for the transport."""
        return {"handlers": self.dispatcher.backlog, "writer": self._writer.depth}

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

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the buffer into which the stream reads; one buffer is the most that one turn takes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Run one turn on what was read into the buffer."""
        self.data_received(self._buffer[:nbytes].tobytes())

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
        if not self.settings.initiator and reason.code is not CloseCode.LOGOUT:  # no supervisor tells it
            detail = {"session": self.name, "why": reason.code.value, "text": reason.text}
            log.warning("connection ended", extra=detail)
        self._cancel_timers()
        for book in self.router.books:
            book.on_disconnect()
        self.dispatcher.signal("on_disconnect", f"{reason.code.value} {reason.text}".strip())
        self.outbox.release()
        if self.ending is not None:
            self.ending.conclude(reason, self._clock.now().mono)

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
        missed = 0
        for record in self._stored.unhandled:
            found = bool(record.flags & Flag.RECONCILED)
            missed += found
            position = None if found else Position(record.epoch, record.msg_seq_num)
            self.dispatcher.deliver(stored_message(record), position, redelivered=True, reconciled=found)
        self._told_of(missed)
        count = len(self._stored.unhandled)
        self._stored = replace(self._stored, unhandled=(), since=(), books={})
        return count

    def apply(self, reports: Sequence[Message]) -> int:
        """Take in reports that never came on the wire: onto the tape, into the books, to the handler.

        What a book knows already is left out, so that applying twice changes nothing.

        Args:
            reports: ExecutionReports of this session's orders, oldest first, in the wire's units.

        Returns:
            How many were new.

        Raises:
            StoreFull: there is no room for them.
            StoreError: they could not be written; nothing was applied.
        """
        if self.store.full:
            raise StoreFull(f"{self.name}: the disk is full: free some room, then apply them again")
        records = records_of(self.settings, self.router.books, reports, self.upkeep.record)
        if not records:
            return 0
        self.outbox.records += records
        self.turn(None, tell=True)
        for record in records:
            self.dispatcher.deliver(stored_message(record), None, reconciled=True)
        self._told_of(len(records))
        return len(records)

    def _told_of(self, count: int) -> None:
        """Note on the tape when the handler has returned for what a reconciliation found."""
        if count:
            self.upkeep.found(count)
            self.dispatcher.afterwards(partial(self.upkeep.found_handled, count))

    def logout(self, text: str = "") -> None:
        """Begin the Logout handshake; the connection closes when it is complete or times out."""
        if self._stream is not None:
            self.turn(self.session.logout(text, self._clock.now()))

    def vacate(self) -> bool:
        """Acceptor: let go of a stream whose session has ended, though its peer does not hang up.

        Returns:
            True when another stream may be taken.
        """
        if self._stream is not None and not self.occupied:
            self._cut()
        return self._stream is None

    def admit(self, verdict: Verdict) -> None:
        """Acceptor: carry out the verdict on the Logon that waits; it has no effect once none does."""
        if self.session.phase is Phase.LOGON_PENDING:
            self.turn(self.session.admit(verdict, self._clock.now()))

    def close(self) -> None:
        """Cut what is still connected, write a checkpoint and close the store."""
        if self._stream is not None:
            self._closing = self._closing or CloseReason(CloseCode.STOPPED)
            self._cut()
        self._cancel_timers()
        self.dispatcher.cancel()
        for end in (self.upkeep.close, self.store.close):
            try:
                end()
            except StoreError as error:
                log.error("store not closed well", extra={"session": self.name, "error": str(error)})

    def _cut(self) -> None:
        """End the stream, and tell that now: its own word would come later, when there may be another."""
        assert self._stream is not None
        self._stream.set_protocol(asyncio.Protocol())
        self._stream.abort()
        self.connection_lost(None)


def describe_peer(transport: asyncio.BaseTransport) -> bytes:
    """Return the peer's address and the TLS version, as a CONNECT record holds them."""
    address = transport.get_extra_info("peername")
    tls = transport.get_extra_info("ssl_object")
    return f"{address} {tls.version() if tls is not None else 'plain'}".encode()
