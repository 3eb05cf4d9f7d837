"""A client made of a socket and strings, so that the venue is tested against nobody's engine."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from fixgw.sim.kinds import SessionKind
from fixgw.sim.pki import ClientKey
from fixgw.sim.reports import timestamp
from fixgw.sim.venue import Simulator

Fields = list[tuple[int, str]]


class Wire:
    """One connection."""

    def __init__(
        self,
        venue: Simulator,
        kind: SessionKind,
        key: ClientKey,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.reader, self.writer = streams
        self.next_out = 1
        self._venue = venue
        self._kind = kind
        self._key = key

    @classmethod
    async def connect(cls, venue: Simulator, kind: SessionKind, key: ClientKey) -> Self:
        context = ssl.create_default_context(cafile=str(venue.ca_path)) if venue.settings.tls else None
        return cls(
            venue,
            kind,
            key,
            await asyncio.open_connection(
                "127.0.0.1",
                venue.ports[kind.name],
                ssl=context,
                server_hostname="localhost" if context else None,
            ),
        )

    def send(
        self,
        msg_type: str,
        body: str = "",
        *,
        number: int | None = None,
        target: str | None = None,
        sent: str | None = None,
        sender: str | None = None,
    ) -> None:
        """Send one message; ``body`` is ``11=a|38=10``."""
        number = self.next_out if number is None else number
        self.next_out = number + 1
        sent = sent or timestamp(self._venue.now().utc_ns)
        sender = self._key.key_id if sender is None else sender
        name = f"49={sender}|" if sender else ""
        head = f"35={msg_type}|34={number}|{name}52={sent}|56={target or self._kind.target_comp_id}|"
        content = (head + (body + "|" if body else "")).replace("|", "\x01").encode()
        frame = b"8=FIXT.1.1\x019=%d\x01%b" % (len(content), content)
        self.writer.write(b"%b10=%03d\x01" % (frame, sum(frame) % 256))

    def send_logon(
        self, more: str = "141=Y|21005=Y|21011=Y", *, number: int = 1, target: str | None = None
    ) -> None:
        called = target or self._kind.target_comp_id
        sent = timestamp(self._venue.now().utc_ns)
        signature = self._sign("\x01".join((sent, "A", str(number), self._key.key_id, called)).encode())
        self.send(
            "A",
            f"98=0|108=30|95={len(signature)}|96={signature}|1137=9" + (f"|{more}" if more else ""),
            number=number,
            target=target,
            sent=sent,
        )

    async def log_on(self, more: str = "141=Y|21005=Y|21011=Y", *, number: int = 1) -> dict[int, str]:
        self.send_logon(more, number=number)
        return await self.receive("A")

    async def receive(self, msg_type: str | None = None) -> dict[int, str]:
        """Return the next message, first value of each tag; of another type than expected it fails."""
        head = await self.reader.readuntil(b"\x019=")
        length = await self.reader.readuntil(b"\x01")
        body = await self.reader.readexactly(int(length[:-1]))
        trailer = await self.reader.readexactly(7)
        whole = head + length + body
        assert trailer == b"10=%03d\x01" % (sum(whole) % 256)
        fields: dict[int, str] = {}
        for field in body.decode().rstrip("\x01").split("\x01"):
            tag, _, value = field.partition("=")
            fields.setdefault(int(tag), value)
        assert msg_type in (None, fields[35]), fields
        return fields

    async def closed(self) -> bool:
        """Wait for the end of the stream; return whether it came without another byte."""
        try:
            return await self.reader.read() == b""
        except ConnectionResetError:
            return True

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError, ssl.SSLError):  # it was cut
            await self.writer.wait_closed()

    def _sign(self, data: bytes) -> str:
        key = serialization.load_pem_private_key(self._key.path.read_bytes(), None)
        if isinstance(key, RSAPrivateKey):
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
            return base64.b64encode(key.sign(data, pss, hashes.SHA256())).decode()
        assert isinstance(key, Ed25519PrivateKey)
        return base64.b64encode(key.sign(data)).decode()


@asynccontextmanager
async def wire(venue: Simulator, kind: SessionKind, name: str = "ed25519") -> AsyncIterator[Wire]:
    """Connect as one of the venue's clients."""
    connection = await Wire.connect(venue, kind, venue.keys[name])
    try:
        yield connection
    finally:
        await connection.close()
