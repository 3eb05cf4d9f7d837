from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
import trustme

from fixgw.transport.listen import ListenSettings, TcpListener, listen
from fixgw.transport.tls import server_context


class Recorder(asyncio.Protocol):
    """Keeps what a transport told it."""

    def __init__(self) -> None:
        self.made: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.received = bytearray()
        self.news = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made.set_result(cast("asyncio.Transport", transport))

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)

    async def until(self, size: int) -> bytes:
        while len(self.received) < size:
            self.news.clear()
            await self.news.wait()
        return bytes(self.received)


class Echo(Recorder):
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.made.result().write(data)


GREETING = b"8=FIXT.1.1\x019=5\x0135=0\x01"


class Greeter(Recorder):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.made.result().write(GREETING)


class HangUp(Recorder):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.made.result().close()


def late_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever asked for a connection go on only when the peer has had time to act on it."""
    loop = asyncio.get_running_loop()
    create_connection: Any = loop.create_connection

    async def create_late(*args: Any, **kwargs: Any) -> Any:
        made = await create_connection(*args, **kwargs)
        for _ in range(20):
            await asyncio.sleep(0)
        return made

    monkeypatch.setattr(loop, "create_connection", create_late)


class Recorders:
    """A factory that remembers what it made."""

    def __init__(self, kind: type[Recorder] = Recorder) -> None:
        self.kind = kind
        self.all: list[Recorder] = []

    def __call__(self) -> Recorder:
        self.all.append(self.kind())
        return self.all[-1]


Serve = Callable[[ListenSettings, Recorders], Awaitable[TcpListener]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a listener that ends, with its streams, when the test does."""
    started: list[tuple[TcpListener, Recorders]] = []

    async def start(settings: ListenSettings, recorders: Recorders) -> TcpListener:
        listener = await listen(settings, lambda _: recorders())
        started.append((listener, recorders))
        return listener

    yield start
    for listener, recorders in started:
        await listener.close()
        for recorder in recorders.all:
            if recorder.made.done():
                recorder.made.result().abort()
                await recorder.lost


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


class PemFiles:
    """A CA and a certificate of it, in files as a venue would keep them."""

    def __init__(self, folder: Path, authority: trustme.CA, leaf: trustme.LeafCert) -> None:
        self.ca = folder / "ca.pem"
        self.cert = folder / "cert.pem"
        self.key = folder / "key.pem"
        self.leaf = leaf
        authority.cert_pem.write_to_path(self.ca)
        leaf.private_key_pem.write_to_path(self.key)
        self.cert.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))

    def listen_settings(self) -> ListenSettings:
        return ListenSettings(tls=server_context(self.cert, self.key))


@pytest.fixture
def pem(tmp_path: Path, authority: trustme.CA) -> PemFiles:
    return PemFiles(tmp_path, authority, authority.issue_cert("localhost"))
