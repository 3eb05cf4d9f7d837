"""The shipped stunnel configuration under the real program: only ports, far address and CA are rewritten."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from fixgw.transport.tcp import TcpConnector, TcpSettings

from .conftest import Echo, PemFiles, Recorder, Recorders, Serve

CONFIGURATION = Path(__file__).parents[2] / "stunnel" / "kalshi.conf"
PROGRAM = shutil.which("stunnel") or shutil.which("stunnel4")
HOSTS = ("mm.fix.elections.kalshi.com", "marketdata.fix.elections.kalshi.com")
PORTS = range(8228, 8234)
HEARTBEAT = b"8=FIXT.1.1\x019=5\x0135=0\x0110=241\x01"

pytestmark = [
    pytest.mark.stunnel,
    pytest.mark.skipif(PROGRAM is None, reason="stunnel is not installed (apt-get install stunnel4)"),
]


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [sock.getsockname()[1] for sock in sockets]


def rewritten(far_port: int, ca: Path) -> tuple[str, list[int]]:
    """Return the shipped file with other ports, our listener as far end and our CA; and the near ports."""
    text, near = CONFIGURATION.read_text(), free_ports(len(PORTS))
    for port, here in zip(PORTS, near, strict=True):
        text, count = re.subn(
            rf"^accept = 127\.0\.0\.1:{port}$", f"accept = 127.0.0.1:{here}", text, flags=re.M
        )
        assert count == 1
    text, count = re.subn(r"^connect = .*$", f"connect = 127.0.0.1:{far_port}", text, flags=re.M)
    assert count == len(PORTS)
    text, count = re.subn(r"^CAfile = .*$", f"CAfile = {ca}", text, flags=re.M)
    assert count == 1
    return text, near


@contextlib.asynccontextmanager
async def tunnel(configuration: str, folder: Path) -> AsyncIterator[list[str]]:
    """Run stunnel until the block ends; the list is what it logged, complete after that."""
    assert PROGRAM is not None
    path = folder / "stunnel.conf"
    path.write_text(configuration)
    process = await asyncio.create_subprocess_exec(PROGRAM, str(path), stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    log: list[str] = []
    try:
        async for line in process.stderr:
            log.append(line.decode())
            if "Configuration successful" in log[-1]:
                break
        else:
            pytest.fail("stunnel did not start:\n" + "".join(log))
        yield log
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        log += (await process.stderr.read()).decode().splitlines()
        await process.wait()


async def dial(port: int) -> tuple[asyncio.Transport, Recorder]:
    clients = Recorders()
    await TcpConnector(TcpSettings(host="127.0.0.1", port=port, tls=None)).connect(clients)
    return await clients.all[0].made, clients.all[0]


@pytest.fixture
def venue_pem(tmp_path: Path, authority: trustme.CA) -> PemFiles:
    return PemFiles(tmp_path, authority, authority.issue_cert(*HOSTS))


async def test_every_port_carries_fix_over_tls_and_back(
    serve: Serve, venue_pem: PemFiles, tmp_path: Path
) -> None:
    settings, servers, names = venue_pem.listen_settings(), Recorders(Echo), list[str | None]()
    assert settings.tls is not None
    settings.tls.sni_callback = lambda sslobject, name, context: names.append(name)
    listener = await serve(settings, servers)
    configuration, near = rewritten(listener.port, venue_pem.ca)
    async with tunnel(configuration, tmp_path):
        for port in near:
            transport, client = await dial(port)
            transport.write(HEARTBEAT)
            assert await client.until(len(HEARTBEAT)) == HEARTBEAT
            transport.close()
            await client.lost
    assert names == [HOSTS[0]] * 5 + [HOSTS[1]]
    assert [bytes(server.received) for server in servers.all] == [HEARTBEAT] * len(PORTS)


async def refused(serve: Serve, pem: PemFiles, ca: Path, folder: Path) -> str:
    """Dial in vain through a tunnel that trusts ``ca``; return what stunnel logged."""
    servers = Recorders()
    listener = await serve(pem.listen_settings(), servers)
    configuration, near = rewritten(listener.port, ca)
    async with tunnel(configuration, folder) as log:
        with contextlib.suppress(ConnectionError):
            transport, client = await dial(near[0])
            transport.write(HEARTBEAT)
            await client.lost
        assert client.received == b""
    assert b"".join(bytes(server.received) for server in servers.all) == b""
    return "".join(log)


async def test_an_unknown_authority_gets_no_byte(serve: Serve, venue_pem: PemFiles, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    assert "certificate verify failed" in await refused(serve, venue_pem, other, tmp_path)


async def test_a_certificate_for_another_host_gets_no_byte(
    serve: Serve, authority: trustme.CA, tmp_path: Path
) -> None:
    pem = PemFiles(tmp_path, authority, authority.issue_cert("fix.example"))
    assert "certificate verify failed" in await refused(serve, pem, pem.ca, tmp_path)


async def answer_with_pin(serve: Serve, pem: PemFiles, pinned: Path, folder: Path) -> bytes:
    """Send a message to an echo through a tunnel that pins a certificate; return what came back."""
    listener = await serve(pem.listen_settings(), Recorders(Echo))
    configuration, near = rewritten(listener.port, pinned)
    assert ";   verifyPeer = yes\n" in configuration
    configuration = configuration.replace("verifyChain = yes\n", "").replace(";   verifyPeer", "verifyPeer")
    async with tunnel(configuration, folder):
        transport, client = await dial(near[2])
        transport.write(HEARTBEAT)
        answer = asyncio.ensure_future(client.until(len(HEARTBEAT)))
        await asyncio.wait((answer, client.lost), return_when=asyncio.FIRST_COMPLETED)
        answer.cancel()
        transport.abort()
        await client.lost
    return bytes(client.received)


async def test_the_pinning_lines_of_the_comments_hold_to_one_certificate(
    serve: Serve, venue_pem: PemFiles, authority: trustme.CA, tmp_path: Path
) -> None:
    pinned, folder = tmp_path / "kalshi.pem", tmp_path / "renewed"
    venue_pem.leaf.cert_chain_pems[0].write_to_path(pinned)
    assert await answer_with_pin(serve, venue_pem, pinned, tmp_path) == HEARTBEAT
    folder.mkdir()
    renewed = PemFiles(folder, authority, authority.issue_cert(*HOSTS))
    assert await answer_with_pin(serve, renewed, pinned, tmp_path) == b""
