"""The other engine's process, and how it is told what to do."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANSWER_SECONDS = 15.0


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

    async def do(self, command: str, **arguments: int) -> Any:
        """Give a command of ``harness.Engine`` and return its answer."""
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
    """Start an engine and wait until it is ready; what it says on stderr goes to ``stderr.log``.

    Args:
        module: one of ``interop.peers``.
        role: ``acceptor`` or ``initiator``.
        port: where it listens or dials.
        options: the other options of ``harness.Task``; its directory has to be there.
    """
    command = [sys.executable, "-m", module, role, "--port", str(port)]
    for name, path in options.items():
        command += [f"--{name}", str(path)]
    with (options["directory"] / "stderr.log").open("wb") as errors:
        pipe = asyncio.subprocess.PIPE
        peer = Peer(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=errors))
        try:
            await peer.answer()
            yield peer
        finally:
            await peer.stop()
