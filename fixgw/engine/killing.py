"""The kill switch at work: it blocks every session at once, and clears each of open orders once it is up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from fixgw.engine.handle import SessionHandle
from fixgw.engine.link import Link
from fixgw.safety.kill_steps import (
    STEP_SECONDS,
    KillReport,
    KillStep,
    SessionKill,
    carry_out,
    left_of,
)
from fixgw.safety.kill_switch import KillGuard, KillSwitch
from fixgw.safety.traffic import Traffic

log = logging.getLogger("fixgw.safety")


@dataclass(frozen=True, slots=True)
class KillSettings:
    """How the kill switch works.

    Args:
        file: where it is kept over a restart; None keeps it in memory alone.
        step_seconds: that each step waits for its confirmation.
        again_seconds: after which the steps are taken again while orders are still open.
    """

    file: Path | None = None
    step_seconds: float = STEP_SECONDS
    again_seconds: float = 5.0


class Killing:
    """What a gateway does while its kill switch is on.

    Args:
        settings: how it works.
        switch: the switch.
    """

    def __init__(self, settings: KillSettings, switch: KillSwitch) -> None:
        self.switch = switch
        self._settings = settings
        self._guards: dict[Link, KillGuard] = {}
        self._first: dict[str, asyncio.Future[SessionKill]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._saving: asyncio.Future[bool] | None = None

    def begin(self, sessions: Sequence[SessionHandle]) -> None:
        """Block sessions, and clear each of open orders: now, or as soon as it is logged on."""
        self.block({session.link: session.traffic for session in sessions})
        if self._clears:
            return
        self.stop()
        loop = asyncio.get_running_loop()
        for session in sessions:
            if session.kill_steps:
                first = self._first[session.name] = loop.create_future()
                clearing = self._keep_clear(session, first)
                self._tasks.append(loop.create_task(clearing, name=f"kill {session.name}"))

    def block(self, links: Mapping[Link, Traffic]) -> None:
        """Keep back everything that adds risk on these sessions, from now on."""
        assert self.switch.pulled is not None
        blocked = [link for link in links if link not in self._guards]
        for link in blocked:  # all of them, before anything is written
            self._guards[link] = KillGuard(self.switch, links[link])
            link.block(self._guards[link])
        for link in blocked:
            link.note(f"kill switch on: {self.switch.pulled.reason}")

    def save(self) -> None:
        """Let a restart know, off the loop: the cancels do not wait for the disk."""
        if not self._saves:
            self._saving = asyncio.get_running_loop().run_in_executor(None, self.switch.save)

    async def report(self) -> KillReport:
        """Wait until every session that is up was cleared once, and tell what came of it."""
        assert self.switch.pulled is not None
        pulled = self.switch.pulled
        sessions = [await asyncio.shield(first) for first in list(self._first.values())]
        saved = self._saving is not None and await asyncio.shield(self._saving)
        return KillReport(pulled.reason, pulled.utc_ns, saved, tuple(sessions))

    @property
    def at_work(self) -> bool:
        """True while a session is cleared for the first time, or the file is written."""
        return self._saves or self._clears

    @property
    def _saves(self) -> bool:
        return self._saving is not None and not self._saving.done()

    @property
    def _clears(self) -> bool:
        return any(not first.done() for first in self._first.values())

    async def settled(self) -> None:
        """Wait until every session that is up was cleared once."""
        if self._first:
            await asyncio.wait(list(self._first.values()))

    def end(self, reason: str) -> None:
        """Let messages leave again."""
        self.stop()
        for link, guard in self._guards.items():
            link.unblock(guard)
            link.note(f"kill switch released: {reason}")
        self._guards.clear()

    def close(self) -> None:
        """The gateway ends: its sessions are gone, the switch stays as it is."""
        self.stop()
        self._guards.clear()

    def stop(self) -> None:
        """Clear no session any more; what is blocked stays so."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        for name, first in self._first.items():
            if not first.done():
                first.set_result(SessionKill(name, waits="given up: the gateway ends"))
        self._first.clear()

    async def _keep_clear(self, session: SessionHandle, first: asyncio.Future[SessionKill]) -> None:
        """Take the steps once the session is up, on each further connection, and while anything is open."""
        steps, offline = session.kill_steps, list(session.offline_kill_steps)
        while True:
            await self._while_down(session, offline, first)
            connections = session.link.connections
            await self._clear(session, steps, first)
            steps = [step for step in steps if not step.once]
            while session.link.session.active and session.link.connections == connections:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.again_seconds):
                        await session.link.ended()
                if left_of(session, session.kill_steps):
                    break

    async def _while_down(
        self, session: SessionHandle, steps: list[KillStep], first: asyncio.Future[SessionKill]
    ) -> None:
        """Wait for the session, and take out of ``steps`` those that need none and have worked meanwhile."""
        while not session.link.session.active:
            done = await self._carry_out(session, steps)
            failed = {step.step for step in done.steps if step.failed}
            steps[:] = [step for step in steps if step.name in failed]
            if not first.done():
                left = left_of(session, session.kill_steps)
                waits = "not logged on: it is cleared at its next Logon"
                first.set_result(replace(done, still_open=left, waits=waits))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.again_seconds if steps else None):
                    await session.link.became_active()

    async def _clear(
        self, session: SessionHandle, steps: Sequence[KillStep], first: asyncio.Future[SessionKill]
    ) -> None:
        done = await self._carry_out(session, steps)
        if done.still_open:
            log.critical("still open", extra={"session": session.name, "ids": done.still_open})
        if not first.done():
            first.set_result(done)

    async def _carry_out(self, session: SessionHandle, steps: Sequence[KillStep]) -> SessionKill:
        """Take the steps, and note what came of each."""
        try:
            done = await carry_out(session, steps, self._settings.step_seconds)
        except Exception as error:  # a step that breaks must not stop the ones that come later
            log.exception("kill step failed", extra={"session": session.name})
            left = left_of(session, session.kill_steps)
            done = SessionKill(session.name, still_open=left, waits=repr(error))
        for step in done.steps:
            session.link.note(f"kill: {step}")
            log.warning("kill", extra={"session": session.name, "step": str(step)})
        return done
