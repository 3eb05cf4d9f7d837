"""A peer of an acceptor that says what a test lets it say, over real sockets."""

from __future__ import annotations

import asyncio
import ssl
from typing import Self

from fixgw.clock import SystemClock
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.values import sending_time

Pairs = tuple[int, str | int | bool]
SECONDS = 5.0  # after which a test that waits has failed


def frame(
    msg_type: str,
    number: int = 1,
    *pairs: Pairs,
    sender: str = "TW",
    target: str = "ISLD",
    begin_string: str = "FIXT.1.1",
) -> bytes:
    """Return a frame that is sent now."""
    stamp = sending_time(SystemClock().now().utc_ns)
    return FrameEncoder(begin_string, sender, target).encode(Message(msg_type, list(pairs)), number, stamp)


def logon(*pairs: Pairs, sender: str = "TW", begin_string: str = "FIXT.1.1") -> bytes:
    """Return a Logon with MsgSeqNum 1."""
    version: tuple[Pairs, ...] = ((1137, "9"),) if begin_string == "FIXT.1.1" else ()
    fields: tuple[Pairs, ...] = ((98, "0"), (108, 30), *version, *pairs)
    return frame("A", 1, *fields, sender=sender, begin_string=begin_string)


class TcpPeer:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def dial(cls, port: int, tls: ssl.SSLContext | None = None) -> Self:
        """Connect to the acceptor on this machine."""
        name = "localhost" if tls is not None else None
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name))

    async def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self) -> Message:
        """Return the next message."""
        async with asyncio.timeout(SECONDS):
            head = await self.reader.readuntil(b"\x01")
            length = await self.reader.readuntil(b"\x01")
            rest = await self.reader.readexactly(int(length[2:-1]) + 7)
        return Message.decode(head + length + rest)

    async def ended(self, seconds: float = SECONDS) -> bytes:
        """Wait for the acceptor to close, and return what it said before."""
        async with asyncio.timeout(seconds):
            try:
                return await self.reader.read()
            except (ConnectionError, ssl.SSLError):
                return b""
            finally:
                self.writer.close()

    def close(self) -> None:
        """Leave."""
        self.writer.close()
