"""The venue's end of one FIX session: it can be cut, and it keeps reports for a client that is away."""

from __future__ import annotations

import asyncio
import socket
import struct

from fixgw.clock import Clock
from fixgw.engine.link import Link
from fixgw.engine.settings import LinkSettings
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.values import sending_time
from fixgw.handlers.base import Context
from fixgw.handlers.router import Router
from fixgw.records import Flag, Kind, Record
from fixgw.session.state import Phase, SessionSettings
from fixgw.sim.app import VenueApp
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
        """An application message came."""
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
    """

    def __init__(self, settings: SessionSettings, store: Store, router: Router, clock: Clock) -> None:
        super().__init__(settings, store, router, clock, LinkSettings())
        self._kept: list[Message] = []
        self._keeper = store
        self._encoder = FrameEncoder(settings.begin_string, settings.sender_comp_id, settings.target_comp_id)
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a stream."""
        self._transport = transport
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is gone; what was kept while it closed gets its numbers."""
        super().connection_lost(exc)
        self._transport = None
        self._store_kept()

    def keep(self, message: Message) -> None:
        """Number and store a message that can not be sent now; a ResendRequest brings it to the client."""
        self._kept.append(message)
        if self.session.phase is Phase.CLOSED:
            self._store_kept()

    def cut(self) -> bool:
        """Reset the connection (TCP RST), as a broken network does; return whether there was one."""
        transport = self._transport
        if transport is None:
            return False
        sock = transport.get_extra_info("socket")
        if sock is not None:  # a stream in memory is reset by ``abort`` alone
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        assert isinstance(transport, asyncio.Transport)
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
