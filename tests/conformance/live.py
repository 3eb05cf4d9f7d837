"""The engine's link over streams in memory, on a loop whose time jumps, as the system under test."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, TypeVar, cast

from fixgw.engine.acceptor_settings import AcceptorLimits
from fixgw.engine.link import Link
from fixgw.engine.numbers import set_numbers
from fixgw.engine.reception import Admission, Reception
from fixgw.engine.settings import LinkSettings
from fixgw.fix.message import Message
from fixgw.handlers.router import Router
from fixgw.session.snapshot import SessionSnapshot
from fixgw.session.state import SessionSettings
from fixgw.session.verdict import Accept, Verdict
from fixgw.sim.jumploop import JumpLoop, LoopClock
from fixgw.store.memory import MemoryStore
from fixgw.transport.memory import MemoryNetwork
from tests.conformance.peer import PEER, SYSTEM, Connection, instant
from tests.conformance.play import Application

LINK_LIMITS = {"outbound_limit": int, "close_timeout": float}
RECEPTION_LIMITS = {
    "logon_timeout": float,
    "max_logon_size": int,
    "max_pending": int,
    "max_pending_per_address": int,
}

T = TypeVar("T")


class LiveApplication(Application):
    """The application as a handler, which also learns why a connection ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[str] = []

    def on_disconnect(self, reason: str) -> None:
        self.ends.append(reason)


class Wire(asyncio.Protocol):
    """The counterparty's end of a stream."""

    def __init__(self, system: LiveSystem) -> None:
        self._system = system
        self.connection: Connection | None = None
        self.stream: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.stream = cast(asyncio.Transport, transport)
        self._system.wires.append(self)

    def data_received(self, data: bytes) -> None:
        assert self.connection is not None
        self.connection.take(data, self._system.now())

    def connection_lost(self, exc: Exception | None) -> None:
        assert self.connection is not None
        self.connection.closed = True


class _Warnings(logging.Handler):
    """Keeps what the engine warns of, with the details that it gives."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        details = (str(record.__dict__.get(name, "")) for name in ("why", "reason", "text", "first", "last"))
        self._kept.append(" ".join((record.getMessage(), *filter(None, details))))


class LiveSystem:
    """A link, and for an acceptor the reception in front of it.

    Args:
        settings: of the session.
        numbers: (next_in, next_out) to begin with.
        limits: limits of the engine by name, as written in a script.
    """

    def __init__(
        self, settings: SessionSettings, numbers: tuple[int, int], limits: dict[str, str] | None = None
    ) -> None:
        chosen = limits or {}
        self.application = LiveApplication()
        self.verdict: Verdict = Accept()
        self.warnings: list[str] = []
        self.wires: list[Wire] = []
        self._handler = _Warnings(self.warnings)
        logging.getLogger("fixgw").addHandler(self._handler)
        self._loop = JumpLoop()
        self._network = MemoryNetwork(chunk_seed=1)
        self._run(self._start(settings, numbers, chosen))

    async def _start(
        self, settings: SessionSettings, numbers: tuple[int, int], limits: dict[str, str]
    ) -> None:
        self._clock = LoopClock(self._loop)
        link = LinkSettings(**_chosen(LINK_LIMITS, limits))
        self._link = Link(settings, MemoryStore(), Router(self.application, ()), self._clock, link)
        set_numbers(self._link, *numbers, reason="as the script begins")
        strangers = AcceptorLimits(**_chosen(RECEPTION_LIMITS, limits))
        self._reception = Reception(lambda *_: Admission(self._link, self.verdict), strangers)
        if settings.initiator:
            self._network.listen(PEER, lambda: Wire(self))
        else:
            self._network.listen(SYSTEM, self._reception.protocol)

    @property
    def ends(self) -> list[str]:
        """Why each connection ended, in words."""
        return self.application.ends

    def connect(self, connection: Connection) -> bool:
        known = len(self.wires)
        self._run(self._connect(connection))
        return len(self.wires) > known and not self.wires[-1].stream.is_closing()

    async def _connect(self, connection: Connection) -> None:
        if self._link.settings.initiator:
            self._network.join(PEER, lambda: self._link)
        else:
            self._network.join(SYSTEM, lambda: Wire(self))
        self.wires[-1].connection = connection

    def disconnect(self, connection: Connection) -> None:
        self._run(self._abort(self._wire(connection)))

    async def _abort(self, wire: Wire) -> None:
        wire.stream.abort()

    def hear(self, connection: Connection, data: bytes) -> None:
        self._run(self._write(self._wire(connection), data))

    async def _write(self, wire: Wire, data: bytes) -> None:
        wire.stream.write(data)

    def read_on(self, connection: Connection, wanted: bool) -> None:
        self._run(self._read_on(self._wire(connection).stream, wanted))

    async def _read_on(self, stream: asyncio.Transport, wanted: bool) -> None:
        if wanted:
            stream.resume_reading()
        else:
            stream.pause_reading()

    def wait(self, seconds: float) -> None:
        self._run(asyncio.sleep(seconds))

    def send(self, message: Message) -> None:
        self._run(self._send(message))

    async def _send(self, message: Message) -> None:
        self._link.send(message)

    def log_out(self, text: str) -> None:
        self._run(self._log_out(text))

    async def _log_out(self, text: str) -> None:
        self._link.logout(text)

    def reset(self) -> None:
        self._run(self._reset())

    async def _reset(self) -> None:
        self._link.turn(self._link.session.reset(self._clock.now()))

    def now(self) -> datetime:
        return instant(self._clock.now().utc_ns)

    def snapshot(self) -> SessionSnapshot:
        return self._link.session.snapshot()

    def close(self) -> None:
        """End everything."""
        self._run(self._close())
        self._loop.close()
        logging.getLogger("fixgw").removeHandler(self._handler)

    async def _close(self) -> None:
        self._reception.close()
        self._network.cut()
        await asyncio.sleep(1e-6)
        self._link.close()

    def _wire(self, connection: Connection) -> Wire:
        return next(wire for wire in self.wires if wire.connection is connection)

    def _run(self, deed: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(_settled(deed))


async def _settled(deed: Coroutine[Any, Any, T]) -> T:
    """Do something, then let the loop run until nothing is left to do now."""
    try:
        return await deed
    finally:
        await asyncio.sleep(1e-6)  # time moves only when nothing is left to do


def _chosen(kinds: dict[str, type], limits: dict[str, str]) -> dict[str, Any]:
    return {name: kinds[name](text) for name, text in limits.items() if name in kinds}
