"""A stretch of network between two engines that can be cut: what is on the way then is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

PIECE_SIZE = 64 << 10


class Relay:
    """Passes bytes on between whoever connects and a port of this machine.

    Args:
        target: the port.

    Attributes:
        gate: False turns new connections away.
    """

    def __init__(self, target: int) -> None:
        self.gate = True
        self._target = target
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Drop every connection at once, without a word to either end."""
        for writer in self._open:
            writer.transport.abort()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        if not self.gate:
            writer.transport.abort()
            return
        try:
            onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        self._open |= {writer, onward}
        await asyncio.gather(_pump(reader, onward), _pump(onward_reader, writer))
        self._open -= {writer, onward}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(PIECE_SIZE):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def relaying(port: int, target: int) -> AsyncIterator[Relay]:
    """Listen on one port and pass on to another."""
    relay = Relay(target)
    server = await asyncio.start_server(relay.connected, "127.0.0.1", port)
    try:
        yield relay
    finally:
        server.close()
        relay.cut()
        await asyncio.sleep(0)
