"""Keeps one initiator session up: dial, wait for the end, decide, wait, dial again."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

from fixgw.engine.ending import LinkEnd
from fixgw.engine.link import Link
from fixgw.engine.reconnect import Decision, Next, Tries, decide
from fixgw.engine.settings import RetrySettings
from fixgw.errors import ConnectError, LocalError
from fixgw.transport.base import Connector
from fixgw.venues.base import LogoutRule

log = logging.getLogger("fixgw.supervisor")


class Upkeeping(StrEnum):
    """Where a supervisor stands."""

    IDLE = "idle"
    CONNECTING = "connecting"
    RUNNING = "running"
    WAITING = "waiting"
    STOPPED = "stopped"


class Supervisor:
    """Owns the task that keeps one link connected.

    Args:
        link: the session's link.
        connector: makes its streams.
        retry: back-off settings.
        judge: the venue's table of Logout texts.
        rng: returns a random number from 0 to 1 for each decision.
    """

    def __init__(
        self,
        link: Link,
        connector: Connector,
        retry: RetrySettings,
        judge: Callable[[str], LogoutRule],
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.link = link
        self.state = Upkeeping.IDLE
        self.tries = Tries()
        self.last_decision: Decision | None = None
        self.next_dial_in = 0.0
        self._connector = connector
        self._retry = retry
        self._judge = judge
        self._rng = rng
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._stopping = False
        self.finished: asyncio.Event = asyncio.Event()  # dials no more, for whatever reason
        self.gave_up: asyncio.Event = asyncio.Event()  # and nobody asked for that
        self.failed: asyncio.Event = asyncio.Event()  # and nobody can mend it while the gateway runs

    def start(self) -> None:
        """Begin, or begin again after a stop; while it waits, dial now.

        Raises:
            LocalError: it is being stopped at this moment.
        """
        if self._task is not None and not self._task.done():
            if self._stopping:
                raise LocalError(f"{self.link.name} is logging out: try again once it is out")
            self._wake.set()
            return
        self._stopping = False
        self.tries = Tries()
        self.finished.clear()
        self.gave_up.clear()
        self.failed.clear()
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"supervisor {self.link.name}")

    async def stop(self, text: str = "") -> None:
        """Log out if logged on, close, and dial no more.

        Args:
            text: Text(58) of the Logout.
        """
        self._stopping = True
        self._wake.set()
        if self._task is None:
            return
        if self.state is Upkeeping.CONNECTING:
            self._task.cancel()
        self.link.logout(text)
        await asyncio.wait([self._task])
        if self.link.connected:
            await self.link.ended()

    async def _run(self) -> None:
        try:
            while not self._stopping:
                decision = await self._attempt()
                self.last_decision = decision
                if decision.next is Next.STOP or self._stopping:
                    break
                await self._pause(decision)
        finally:
            self.state = Upkeeping.STOPPED
            self.finished.set()
        if not self._stopping and self.last_decision is not None:
            log.error("session stopped", extra=self._detail(self.last_decision))
            self.gave_up.set()
            if not self.last_decision.mendable:
                self.failed.set()

    async def _attempt(self) -> Decision:
        """Make one connection and return what to do after its end."""
        self.state = Upkeeping.CONNECTING
        end: LinkEnd | ConnectError
        try:
            await self._connector.connect(lambda: self.link)
        except ConnectError as error:
            end = error
        except Exception as error:  # a connector of the embedder's own must not end the attempts
            log.error("connector failed", exc_info=error, extra={"session": self.link.name})
            end = ConnectError(f"the connector raised {type(error).__name__}: {error}")
        else:
            self.state = Upkeeping.RUNNING
            end = await self.link.ended()
        self.tries = self.tries.after(end, self._retry)
        on_mismatch = self.link.settings.on_mismatch
        return decide(end, self.tries, self._retry, self._judge, on_mismatch, self._rng())

    async def _pause(self, decision: Decision) -> None:
        self.state = Upkeeping.WAITING
        self.link.reset_next_logon = decision.reset
        self.next_dial_in = decision.delay
        log.warning("will dial again", extra=self._detail(decision))
        self._wake.clear()
        with suppress(TimeoutError):  # the ordinary end of the wait
            async with asyncio.timeout(decision.delay):
                await self._wake.wait()
        self.next_dial_in = 0.0

    def _detail(self, decision: Decision) -> dict[str, object]:
        return {
            "session": self.link.name,
            "why": decision.why,
            "remedy": decision.remedy,
            "delay_seconds": round(decision.delay, 3),
        }
