"""Keeps one initiator session up: dial, wait for the end, decide, wait, dial again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from math import inf

from fixgw.engine.ending import LinkEnd
from fixgw.engine.hosts import Host, HostList
from fixgw.engine.hours import LOOK_AGAIN_SECONDS, keep_hours
from fixgw.engine.link import Link
from fixgw.engine.reconnect import Decision, Next, Tries, decide
from fixgw.engine.settings import RetrySettings
from fixgw.engine.timetable import Timekeeper
from fixgw.errors import ConnectError, LocalError
from fixgw.venues.base import LogoutRule

log = logging.getLogger("fixgw.supervisor")


class Upkeeping(StrEnum):
    """Where a supervisor stands."""

    IDLE = "idle"
    CLOSED = "closed"  # outside its schedule
    CONNECTING = "connecting"
    RUNNING = "running"
    WAITING = "waiting"
    STOPPED = "stopped"


class Supervisor:
    """Owns the task that keeps one link connected.

    Args:
        link: the session's link.
        hosts: where to dial, the preferred one first.
        retry: back-off settings.
        judge: the venue's table of Logout texts.
        keeper: knows the hours of the session; None: it is always connected.
        settled: waits until nothing is in flight and handlers have caught up; used at the end of the hours.
    """

    def __init__(
        self,
        link: Link,
        hosts: Sequence[Host],
        retry: RetrySettings,
        judge: Callable[[str], LogoutRule],
        *,
        keeper: Timekeeper | None,
        settled: Callable[[], Awaitable[None]],
    ) -> None:
        self.link = link
        self.hosts = HostList(hosts)
        self.leaving = False  # nothing new is sent any more, on this connection or another
        self.state = Upkeeping.IDLE
        self.tries = Tries()
        self.last_decision: Decision | None = None
        self.next_dial_in = 0.0
        self._retry = retry
        self._judge = judge
        self._keeper = keeper
        self._settled = settled
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._stopping = False
        self.finished: asyncio.Event = asyncio.Event()  # dials no more, for whatever reason
        self.gave_up: asyncio.Event = asyncio.Event()  # and nobody asked for that
        self.failed: asyncio.Event = asyncio.Event()  # and nobody can mend it while the gateway runs

    def start(self) -> None:
        """Begin, or begin again after a stop; while it waits, dial now.

        Raises:
            LocalError: it is being stopped at this moment, or is outside its schedule.
        """
        if self._task is not None and not self._task.done():
            if self._stopping:
                raise LocalError(f"{self.link.name} is logging out: try again once it is out")
            if self._keeper is not None and self.state is Upkeeping.CLOSED:
                raise LocalError(f"{self.link.name}: {_closed_text(self._keeper.opening[1])}")
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
            while await self._opened():
                self.last_decision = decision = await self._attempt()
                if decision.next is Next.STOP or self._stopping:
                    break
                self.link.reset_next_logon |= decision.reset
                await self._pause(decision)
        finally:
            self.state = Upkeeping.STOPPED
            self.next_dial_in = 0.0
            self.finished.set()
        if not self._stopping and self.last_decision is not None:
            log.error("session stopped", extra=self._detail(self.last_decision))
            self.gave_up.set()
            if not self.last_decision.mendable:
                self.failed.set()

    async def _opened(self) -> bool:
        """Wait for the hours of the session; return False when it is stopped."""
        keeper = self._keeper
        while keeper is not None and not self._stopping and not keeper.is_open:
            delay, opening = keeper.opening
            if self.state is not Upkeeping.CLOSED:
                self.state = Upkeeping.CLOSED
                self.tries = Tries()
                self.last_decision = Decision(Next.DIAL, delay, why=_closed_text(opening))
                log.info("outside its schedule", extra={"session": self.link.name, "opens": opening})
            await self._sleep(delay, LOOK_AGAIN_SECONDS)
        return not self._stopping

    async def _attempt(self) -> Decision:
        """Make one connection and return what to do after its end."""
        self.state = Upkeeping.CONNECTING
        link, keeper = self.link, self._keeper
        link.draining = self.leaving
        link.reset_next_logon |= keeper is not None and keeper.reset_due
        resetting = link.reset_next_logon
        end: LinkEnd | ConnectError
        try:
            await self.hosts.current.connector.connect(lambda: self.link)
        except ConnectError as error:
            end = error
        except Exception as error:  # a connector of the embedder's own must not end the attempts
            log.error("connector failed", exc_info=error, extra={"session": link.name})
            end = ConnectError(f"the connector raised {type(error).__name__}: {error}")
        else:
            self.state = Upkeeping.RUNNING
            end = await self._connected()
            link.reset_next_logon |= resetting and not end.logged_on  # the peer knows nothing of that reset
        self.tries = self.tries.after(end, self._retry, self._judge)
        self.hosts.after(end)
        jitter = self._retry.jitter()
        decision = decide(end, self.tries, self._retry, self._judge, link.settings.on_mismatch, jitter)
        return decision.of(link.name)

    async def _connected(self) -> LinkEnd:
        """Wait for the end of the connection, and look after the time meanwhile."""
        if self._keeper is None:
            return await self.link.ended()
        keeping = asyncio.ensure_future(keep_hours(self.link, self._keeper, self._settled))
        try:
            return await self.link.ended()
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])

    async def _pause(self, decision: Decision) -> None:
        if self._keeper is not None and not self._keeper.is_open:
            return  # the wait for its hours comes first
        self.state = Upkeeping.WAITING
        log.warning("will dial again", extra=self._detail(decision))
        await self._sleep(decision.delay)

    async def _sleep(self, delay: float, look_again: float = inf) -> None:
        """Wait until the delay is over or it is time to look again, or somebody asks for something."""
        self.next_dial_in = delay
        self._wake.clear()
        with suppress(TimeoutError):  # the ordinary end of the wait
            async with asyncio.timeout(min(delay, look_again)):
                await self._wake.wait()
        self.next_dial_in = 0.0

    def _detail(self, decision: Decision) -> dict[str, object]:
        return {
            "session": self.link.name,
            "why": decision.why,
            "remedy": decision.remedy,
            "delay_seconds": round(decision.delay, 3),
        }


def _closed_text(opening: str) -> str:
    return f"outside its schedule, which opens {opening}"
