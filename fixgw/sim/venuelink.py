"""The venue's end of one FIX session: it can be cut, and it keeps reports for a client that is away."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import cast

from fixgw.clock import Clock
from fixgw.engine.link import Link
from fixgw.engine.settings import LinkSettings
from fixgw.errors import Reject
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.redact import mask
from fixgw.fix.tags import CL_ORD_ID, MSG_SEQ_NUM
from fixgw.fix.values import sending_time
from fixgw.handlers.base import Context
from fixgw.handlers.router import Router
from fixgw.records import Flag, Kind, Record
from fixgw.session.state import SessionSettings
from fixgw.sim.app import VenueApp
from fixgw.sim.faults import Direction, Fault, SessionFaults
from fixgw.sim.faultystream import FaultyStream, Lane
from fixgw.sim.messagelog import LoggedFrame, MessageLog, Mishap, field_of
from fixgw.store.base import Store

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 seconds


class VenueHandler:
    """Brings the events of one session to the application.

    Args:
        app: the venue's application.

    Attributes:
        logon: the latest Logon that was accepted.
        port: the session's link.
    """

    logon: Message
    port: VenueLink

    def __init__(self, app: VenueApp) -> None:
        self._app = app

    def on_logon(self, ctx: Context) -> None:
        """The session is up."""
        self._app.on_logon(self.port, self.logon)

    def on_message(self, message: Message, ctx: Context) -> None:
        """An application message came.

        Raises:
            Reject: the message is refused, by the rules of the venue or by a fault that was asked for.
        """
        rule = self.port.faults.refusal(ctx.msg_seq_num)
        if rule is not None:
            ref_id = message.text(CL_ORD_ID)
            raise Reject(rule.reason, rule.text, business=rule.business, ref_id=ref_id)
        self._app.on_message(ctx.session, message)

    def on_disconnect(self, reason: str) -> None:
        """The connection is gone."""
        self._app.on_disconnect(self.port)


class VenueLink(Link):
    """A link that may number messages while nobody is connected.

    Args:
        settings: of the FIX session.
        store: where kept messages go; the client asks for them by number after its next Logon.
        router: the application.
        clock: the only source of time.
        faults: what happens to frames between the session and the stream.
        log: hears of each.
    """

    def __init__(
        self,
        settings: SessionSettings,
        store: Store,
        router: Router,
        clock: Clock,
        faults: SessionFaults,
        log: MessageLog,
    ) -> None:
        super().__init__(settings, store, router, clock, LinkSettings())
        self.faults = faults
        self._log = log
        self._lanes: tuple[Lane, Lane] | None = None
        self._kept: list[Message] = []
        self._keeper = store
        self._encoder = FrameEncoder(settings.begin_string, settings.sender_comp_id, settings.target_comp_id)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a stream, with what may happen on it."""
        self.faults.begin_connection()
        stream = self._transport = cast(asyncio.Transport, transport)
        outward = Lane(self.faults, Direction.TO_CLIENT, stream.write, self)
        self._lanes = Lane(self.faults, Direction.TO_VENUE, super().data_received, self), outward
        super().connection_made(FaultyStream(stream, outward))

    def data_received(self, data: bytes) -> None:
        """Run a turn on what arrives of the bytes of one read."""
        assert self._lanes is not None
        self._lanes[0].feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is gone; what was kept while it closed gets its numbers."""
        for lane in self._lanes or ():
            lane.close()
        super().connection_lost(exc)
        self._transport = None
        self._store_kept()

    def happened(self, fault: Fault, direction: Direction, frame: bytes) -> None:
        """Write down what happened to a frame."""
        outbound = direction is Direction.TO_CLIENT
        number = int(field_of(frame, MSG_SEQ_NUM) or 0)
        logged = LoggedFrame(
            self.name,
            self.connections,
            outbound,
            self.session.epoch,
            number,
            self.now().utc_ns,
            mask(frame),
        )
        self._log.mishaps.append(Mishap(fault, logged))

    def skip_number(self) -> None:
        """Leave the next of the venue's numbers out: no message ever bears it."""
        self.session.next_out += 1

    def keep(self, message: Message) -> None:
        """Number and store a message that can not be sent now; a ResendRequest brings it to the client."""
        self._kept.append(message)
        if self._transport is None:  # else numbers of the turn that runs may not be stored yet
            self._store_kept()

    def cut(self) -> bool:
        """Reset the connection (TCP RST), as a broken network does; return whether there was one."""
        transport = self._transport
        if transport is None:
            return False
        sock = transport.get_extra_info("socket")
        if sock is not None:  # a stream in memory is reset by ``abort`` alone
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
        return True

    def _store_kept(self) -> None:
        kept, self._kept = self._kept, []
        for message in kept:
            session, now = self.session, self.now()
            number, expected = session.next_out, session.next_in
            frame = self._encoder.encode(message, number, sending_time(now.utc_ns))
            session.set_numbers(expected, number + 1)
            record = Record(
                Kind.FRAME, Flag.OUTBOUND, session.epoch, number, number + 1, expected, now.utc_ns, frame
            )
            self._keeper.commit([record])
