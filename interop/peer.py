"""The other engine's process, and how it is told what to do."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANSWER_SECONDS = 15.0
ANSWER_BYTES = 1 << 24  # the longest line that is read


@dataclass(frozen=True)
class State:
    """How an engine stands; see ``ledger.Ledger`` for the counts."""

    received: int
    repeated: int
    twice: int
    disordered: int
    active: bool
    sent: int
    next_out: int
    next_in: int


class Peer:
    """A running engine.

    Args:
        process: one of ``interop.peers``.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, command: str, **arguments: Any) -> Any:
        """Give a command of the program and return its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command, **arguments}).encode() + b"\n")
        return await self.answer()

    async def state(self) -> State:
        """Ask how it stands."""
        return State(**await self.do("state"))

    async def answer(self) -> Any:
        """Wait for the next line of its answers; what an engine prints by itself is passed over."""
        assert self._process.stdout is not None
        async with asyncio.timeout(ANSWER_SECONDS):
            while line := await self._process.stdout.readline():
                try:
                    return json.loads(line)
                except ValueError:
                    continue
        raise RuntimeError(f"the peer ended with exit code {await self._process.wait()}")

    async def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def running(module: str, role: str, port: int, options: Mapping[str, Path]) -> AsyncIterator[Peer]:
    """Start an engine that plays one side of a session; see ``started``.

    Args:
        module: one of ``interop.peers``.
        role: ``acceptor`` or ``initiator``.
        port: where it listens or dials.
        options: the other options of ``harness.Task``; its directory has to be there.
    """
    arguments = [role, "--port", str(port)]
    for name, path in options.items():
        arguments += [f"--{name}", str(path)]
    async with started(module, arguments, options["directory"]) as peer:
        yield peer


@asynccontextmanager
async def started(module: str, arguments: Sequence[str], directory: Path) -> AsyncIterator[Peer]:
    """Start a program of ``interop.peers`` and wait until it is ready.

    Args:
        module: its name.
        arguments: its command line.
        directory: what it says on stderr goes to ``stderr.log`` there.
    """
    with (directory / "stderr.log").open("wb") as errors:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            stdin=pipe,
            stdout=pipe,
            stderr=errors,
            limit=ANSWER_BYTES,
        )
        peer = Peer(process)
        try:
            await peer.answer()
            yield peer
        finally:
            await peer.stop()
