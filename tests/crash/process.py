"""`fixgw run` as a child: started, watched, killed, stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fixgw.admin.client import AdminClient, NotReachableError

HERE = Path(__file__).parent
PATIENCE = 20.0  # seconds for anything that has to happen


@dataclass(frozen=True)
class Orders:
    """What the trader of one process is to do; see ``trader``."""

    run: str
    seed: int
    pace: float
    dies: str = ""


@dataclass
class Process:
    """One `fixgw run`.

    Args:
        file: the configuration, with ``admin.sock`` beside it.
        orders: for its trader.
    """

    file: Path
    orders: Orders
    lines: list[str] = field(default_factory=list)

    async def start(self) -> None:
        """Start it; its log goes to a file beside the configuration."""
        orders = self.orders
        environ = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HERE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]),
            "TRADER_RUN": orders.run,
            "TRADER_SEED": str(orders.seed),
            "TRADER_PACE": str(orders.pace),
            "TRADER_DIES": orders.dies,
        }
        with self.log.open("wb") as log:
            self._child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "fixgw", "run", str(self.file)),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=environ,
            )
        self._reader = asyncio.create_task(self._read())

    @property
    def log(self) -> Path:
        """Its standard error."""
        return self.file.with_name(f"{self.orders.run}.log")

    @property
    def running(self) -> bool:
        """True until its end was seen."""
        return self._child.returncode is None

    def told(self, word: str) -> list[str]:
        """Return what the trader said about a word."""
        return [line.split()[1] for line in self.lines if line.startswith(f"{word} ")]

    def kill(self) -> None:
        """`kill -9`, unless it has done so itself."""
        with suppress(ProcessLookupError):
            self._child.kill()

    def arm(self) -> None:
        """Tell the trader that it may kill itself from now on."""
        self._child.send_signal(signal.SIGUSR1)

    async def ended(self) -> int:
        """Wait for its end and return its exit code."""
        async with asyncio.timeout(PATIENCE):
            code = await self._child.wait()
            await self._reader
        return code

    async def stop(self) -> int:
        """Stop it as systemd does, and return its exit code."""
        self._child.terminate()
        return await self.ended()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that has no event, as long as the process runs."""
        async with asyncio.timeout(PATIENCE):
            while not condition() and self.running:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        assert self.running, self.log.read_text()

    async def status(self) -> dict[str, Any] | None:
        """Return what the gateway says of its one session, None while it can not be asked."""
        client = AdminClient(self.file.with_name("admin.sock"), PATIENCE)
        try:
            answer = await asyncio.to_thread(client.call, "status")
        except NotReachableError:
            assert self.running, self.log.read_text()
            return None
        (session,) = answer["sessions"].values()
        assert isinstance(session, dict)
        return session

    async def recovered(self, settled: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until it is logged on and what it says of its orders is settled; return that."""
        seen: dict[str, Any] | None = None
        try:
            async with asyncio.timeout(PATIENCE):
                while seen is None or not (seen["active"] and settled(seen)):
                    await asyncio.sleep(0.01)
                    seen = await self.status()
        except TimeoutError:
            raise AssertionError(f"not recovered: {seen}\n{self.log.read_text()}") from None
        return seen

    async def _read(self) -> None:
        stream = self._child.stdout
        assert stream is not None
        async for line in stream:
            if line.endswith(b"\n"):  # the last one may be torn by the kill
                self.lines.append(line.decode().strip())
