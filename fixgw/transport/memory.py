"""A network inside one process: streams that behave like TLS over TCP, delivered by the event loop alone."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from typing import TypeAlias

from fixgw.errors import ConfigError, ConnectError
from fixgw.transport.base import Peer

ProtocolFactory: TypeAlias = Callable[[], asyncio.Protocol]

_HIGH_WATER = 64 * 1024  # asyncio's own default


class MemoryNetwork:
    """Joins connectors to listeners by name.

    Args:
        chunk_seed: seed of the sizes in which bytes arrive; None delivers all that is waiting at once.
        max_chunk: the largest chunk when sizes are drawn, bytes.
    """

    def __init__(self, *, chunk_seed: int | None = None, max_chunk: int = 64) -> None:
        self._random = None if chunk_seed is None else random.Random(chunk_seed)  # noqa: S311 - not for secrets
        self._max_chunk = max_chunk
        self._listeners: dict[str, MemoryListener] = {}
        self._ports = itertools.count(1)
        self._links: list[tuple[MemoryTransport, MemoryTransport]] = []

    def listen(self, name: str, protocol_factory: ProtocolFactory) -> MemoryListener:
        """Accept streams under ``name``; each gets a protocol of the factory.

        Raises:
            ConfigError: the name is taken.
        """
        if name in self._listeners:
            raise ConfigError(
                f"{name} is already listened on", remedy="close the first listener, or use another name"
            )
        listener = MemoryListener(
            next(self._ports), protocol_factory, lambda: self._listeners.pop(name, None)
        )
        self._listeners[name] = listener
        return listener

    def connector(self, name: str) -> MemoryConnector:
        """Return a connector to whoever listens under ``name`` when it is used."""
        return MemoryConnector(self, name)

    def cut(self) -> None:
        """Break every open stream, so that both ends see a reset."""
        for ends in self._links:
            for end in ends:
                end.fail(ConnectionResetError("the network was cut"))
        self._links.clear()

    def join(self, name: str, protocol_factory: ProtocolFactory) -> Peer:
        """Open a stream to the listener ``name``; the near protocol hears of it first.

        Raises:
            ConnectError: nobody listens.
        """
        listener = self._listeners.get(name)
        if listener is None:
            raise ConnectError(f"{name}: connection refused", "nothing listens under that name")
        near, far = MemoryTransport(name, self._chunk), MemoryTransport(f"{name}-client", self._chunk)
        near.peer, far.peer = far, near
        self._links = [link for link in self._links if not link[0].is_closing()]
        self._links.append((near, far))
        near.set_protocol(protocol_factory())
        far.set_protocol(listener.protocol_factory())
        for end in (near, far):
            end.get_protocol().connection_made(end)
        return Peer(name)

    def _chunk(self, available: int) -> int:
        if self._random is None:
            return available
        return min(available, self._random.randint(1, self._max_chunk))


class MemoryListener:
    """Accepts streams under a name; made by ``MemoryNetwork.listen``."""

    def __init__(self, port: int, protocol_factory: ProtocolFactory, forget: Callable[[], object]) -> None:
        self._port = port
        self._forget = forget
        self.protocol_factory = protocol_factory

    @property
    def port(self) -> int:
        """A number of its own within the network."""
        return self._port

    async def close(self) -> None:
        """Stop accepting; streams already accepted go on."""
        self._forget()


class MemoryConnector:
    """Makes streams to one name; made by ``MemoryNetwork.connector``."""

    def __init__(self, network: MemoryNetwork, name: str) -> None:
        self._network = network
        self._name = name

    async def connect(self, protocol_factory: ProtocolFactory) -> Peer:
        """Open a stream.

        Raises:
            ConnectError: nobody listens under the name.
        """
        return self._network.join(self._name, protocol_factory)


class MemoryTransport(asyncio.Transport):
    """One end of a stream in memory. What is written waits here until the far end reads it.

    As with TLS there is no half-closed stream: the end of one direction ends both.

    Args:
        peer_name: the far end's name.
        chunk: number of bytes waiting -> number of bytes to deliver now.
    """

    peer: MemoryTransport

    def __init__(self, peer_name: str, chunk: Callable[[int], int]) -> None:
        super().__init__(extra={"peername": peer_name})
        self._chunk = chunk
        self._outgoing = bytearray()
        self._reading = True
        self._closing = False
        self._lost = False
        self._turn_due = False
        self._writing_paused = False
        self.set_write_buffer_limits()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Attach the protocol that is told about this end."""
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the attached protocol."""
        return self._protocol

    def is_closing(self) -> bool:
        """Return true once this end was closed or lost."""
        return self._closing

    def is_reading(self) -> bool:
        """Return true while bytes are delivered to the protocol."""
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        """Keep arriving bytes at the far end."""
        self._reading = False

    def resume_reading(self) -> None:
        """Deliver again."""
        self._reading = True
        self.peer._schedule()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Queue bytes for the far end; after a close they are dropped."""
        if self._closing:
            return
        self._outgoing += data
        self._schedule()
        if len(self._outgoing) > self._high_water and not self._writing_paused:
            self._writing_paused = True
            self._protocol.pause_writing()

    def can_write_eof(self) -> bool:
        """Return false, as TLS does."""
        return False

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the far end has not read."""
        return len(self._outgoing)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and the high mark."""
        return self._low_water, self._high_water

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks between which ``pause_writing`` and ``resume_writing`` are called, bytes."""
        if high is None:
            high = _HIGH_WATER if low is None else 4 * low
        self._high_water = high
        self._low_water = high // 4 if low is None else low

    def close(self) -> None:
        """End the stream once the far end has read what was written."""
        if not self._closing:
            self._closing = True
            self._schedule()

    def abort(self) -> None:
        """End the stream now; the far end sees a reset."""
        self.fail(None)
        self.peer.fail(ConnectionResetError("the peer reset the connection"))

    def fail(self, error: Exception | None) -> None:
        """Lose this end now and drop what it had to write.

        Args:
            error: what ``connection_lost`` is told.
        """
        self._closing = True
        self._outgoing.clear()
        if not self._lost:
            self._lost = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, error)

    def _schedule(self) -> None:
        if not self._turn_due:
            self._turn_due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """Deliver one chunk, then see whether the writer may go on or the stream is over."""
        self._turn_due = False
        if self.peer._closing:
            self._outgoing.clear()  # the far end will read no more
        elif not self.peer._reading:
            return
        elif self._outgoing:
            self._deliver()
        if self._writing_paused and len(self._outgoing) <= self._low_water:
            self._writing_paused = False
            self._protocol.resume_writing()
        if self._outgoing:
            self._schedule()
        elif self._closing:
            self._finish()

    def _deliver(self) -> None:
        size = self._chunk(len(self._outgoing))
        chunk = bytes(self._outgoing[:size])
        del self._outgoing[:size]
        try:
            self.peer._protocol.data_received(chunk)
        except Exception as error:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "data_received() failed", "exception": error, "protocol": self.peer._protocol}
            )
            self.peer.fail(error)
            self.fail(ConnectionResetError("the peer reset the connection"))

    def _finish(self) -> None:
        self.fail(None)
        peer = self.peer
        if not peer._closing:
            peer._protocol.eof_received()
            peer.close()
