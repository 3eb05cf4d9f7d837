"""What the tests of trouble share: a venue with quick keys, a configuration for it, and its log."""

from __future__ import annotations

import io
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from fixgw.observe import logs
from fixgw.sim.venue import Simulator
from fixgw.transport.listen import ListenSettings, TcpListener, listen
from tests.trouble.desk import Desk, Peer, settings

Scripted = Callable[[Peer], Awaitable[Desk]]


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates and keys, made once."""
    return tmp_path_factory.mktemp("venue")


@pytest.fixture
async def venue(state: Path) -> AsyncIterator[Simulator]:
    async with Simulator(settings(state)) as running:
        yield running


@pytest.fixture
def desk(venue: Simulator, tmp_path: Path) -> Desk:
    return Desk(venue, tmp_path / "desk")


@pytest.fixture
async def scripted(venue: Simulator, state: Path, tmp_path: Path) -> AsyncIterator[Scripted]:
    """Put a scripted peer, with the venue's own certificate, in the venue's place."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(state / "server.pem", state / "server.key")
    listeners: list[TcpListener] = []

    async def start(peer: Peer) -> Desk:
        listeners.append(await listen(ListenSettings(tls=context), lambda _: peer))
        desk = Desk(venue, tmp_path / "scripted")
        return desk.spoil({"sessions.0.connect.port": listeners[-1].port})

    yield start
    for listener in listeners:
        await listener.close()


@pytest.fixture
def log_text() -> Iterator[io.StringIO]:
    """Everything that is logged, as ``fixgw run`` writes it to a pipe, from debug upwards."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    text = io.StringIO()
    logs.setup("debug", "json", text)
    yield text
    root.setLevel(level)
    root.handlers[:] = handlers
