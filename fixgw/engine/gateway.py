"""What a program holds: every session of a configuration, started, watched and drained together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from typing import Any, Literal, Self, TypeAlias, TypeVar

from fixgw.clock import Clock, SystemClock
from fixgw.engine import numbers
from fixgw.engine.acceptor import Acceptor
from fixgw.engine.acceptor_settings import AcceptorPlan
from fixgw.engine.handle import SessionHandle
from fixgw.engine.killing import Killing, KillSettings
from fixgw.engine.link import Link
from fixgw.engine.reconciled import read_reports
from fixgw.engine.settings import SessionPlan
from fixgw.engine.views import positions_view
from fixgw.errors import ConfigError, FixError, LocalError, RemoteError
from fixgw.handlers.account import Account
from fixgw.handlers.base import Client
from fixgw.handlers.orders import Orders
from fixgw.observe.reconciliation import ReconciliationView
from fixgw.observe.snapshot import GatewaySnapshot
from fixgw.safety.kill_steps import KillReport
from fixgw.safety.kill_switch import KillSwitch
from fixgw.safety.traffic import Traffic

C = TypeVar("C", bound=Client)

log = logging.getLogger("fixgw.gateway")

Wait = Literal["required", "all", "none"]
Service: TypeAlias = Callable[["Gateway"], AbstractAsyncContextManager[object]]


class Gateway:
    """Runs sessions, those that it dials and those that their peers open; use it as ``async with``.

    Args:
        plans: one per session that is dialled.
        clock: the only source of time.
        wait: which sessions have to be logged on before ``async with`` goes on.
        timeout: seconds to wait for them.
        drain_timeout: seconds that leaving waits for answers to what is in flight.
        services: run beside the sessions for as long as the gateway does (metrics, administration); each is
            called with the gateway and returns an async context manager.
        acceptors: sessions that their peers open, by port; they are found in ``served``.
        kill: how the kill switch works; by default a restart forgets it.

    Raises:
        ConfigError: two sessions share a name.
    """

    def __init__(
        self,
        plans: Sequence[SessionPlan],
        *,
        clock: Clock | None = None,
        wait: Wait = "required",
        timeout: float = 30.0,
        drain_timeout: float = 5.0,
        services: Sequence[Service] = (),
        acceptors: Sequence[AcceptorPlan] = (),
        kill: KillSettings | None = None,
    ) -> None:
        self._plans = list(plans)
        self._clock = clock or SystemClock()
        self._wait = wait
        self._timeout = timeout
        self._drain_timeout = drain_timeout
        self._services = list(services)
        self._acceptors = [Acceptor(plan, clock=self._clock) for plan in acceptors]
        self._handles: dict[str, SessionHandle] = {}
        self._accounts: dict[str, Account] = {}
        settings = kill or KillSettings()
        self._switch = KillSwitch(settings.file)
        self._killing = Killing(settings, self._switch)
        self._reconciliation: ReconciliationView | None = None
        self._stack: AsyncExitStack | None = None
        self._failed: asyncio.Event = asyncio.Event()
        names = [plan.session.name for plan in self._plans]
        names += [served.session.name for plan in acceptors for served in plan.sessions]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(
                f"two sessions are named {twice[0]!r}", remedy="give each session a name of its own"
            )

    async def __aenter__(self) -> Self:
        """Open the stores, start every session, and wait for those that were asked for.

        Raises:
            StoreError: a store can not be opened.
            ExceptionGroup: sessions that had to be logged on are not; one error each.
        """
        self._stack = AsyncExitStack()
        self._handles.clear()
        self._failed.clear()
        try:
            await self._stack.enter_async_context(self._running())
            for service in self._services:
                await self._stack.enter_async_context(service(self))
            await self._wait_for_logons()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *details: object) -> None:
        """Drain: no new sends, wait for answers, log out, close."""
        if self._stack is not None:
            await self._stack.aclose()

    def __getitem__(self, name: str) -> SessionHandle:
        """Return the session with this name."""
        try:
            return self._handles[name]
        except KeyError:
            if name in self.served:
                raise LocalError(f"{name} is opened by its peer: find it in `served`") from None
            known = ", ".join([*self._handles, *self.served]) or "none is running"
            raise LocalError(f"no session is named {name!r}; there are: {known}") from None

    @property
    def sessions(self) -> list[SessionHandle]:
        """Every session, in the order of the configuration."""
        return list(self._handles.values())

    @property
    def served(self) -> dict[str, Link]:
        """The sessions that their peers open, by name: ``send``, ``active`` and the rest."""
        return {link.name: link for acceptor in self._acceptors for link in acceptor.sessions}

    @property
    def orders(self) -> Orders:
        """The orders of the one order-entry session.

        Raises:
            LocalError: there is none, or more than one: use ``gateway["name"].orders``.
        """
        offering = [handle for handle in self._handles.values() if handle.has_orders]
        if len(offering) != 1:
            names = ", ".join(handle.name for handle in offering) or "none"
            raise LocalError(f"gateway.orders needs exactly one order-entry session; there are: {names}")
        return offering[0].orders

    @property
    def positions(self) -> Account:
        """The positions of the one account, by all its sessions; what two of them tell counts once.

        Raises:
            LocalError: no session tells executions, or those of several venues or accounts do: use
                ``gateway["name"].positions``.
        """
        if len(self._accounts) != 1:
            names = ", ".join(self._accounts) or "none"
            raise LocalError(f"gateway.positions needs sessions of exactly one account; there are: {names}")
        return next(iter(self._accounts.values()))

    def client(self, kind: type[C]) -> C:
        """Return the client of a class, such as Kalshi's ``DropCopy``, of the one session that has it.

        Raises:
            LocalError: none has it, or more than one: use ``gateway["name"].client(...)``.
        """
        offering = [handle for handle in self._handles.values() if handle.has_client(kind)]
        if len(offering) != 1:
            names = ", ".join(handle.name for handle in offering) or "none"
            raise LocalError(f"{kind.__name__} is looked for on one session and is on: {names}")
        return offering[0].client(kind)

    def snapshot(self) -> GatewaySnapshot:
        """Return what can be seen of every session now."""
        sessions = {handle.name: handle.snapshot() for handle in self._handles.values()}
        for acceptor in self._acceptors:
            sessions |= acceptor.snapshot()
        positions = {name: positions_view(account) for name, account in self._accounts.items()}
        now_ns = self._clock.now().utc_ns
        return GatewaySnapshot(now_ns, sessions, positions, self._switch.pulled, self._reconciliation)

    # -- the kill switch --

    @property
    def killed(self) -> bool:
        """True while the kill switch is on."""
        return self._switch.on

    async def kill(self, reason: str) -> KillReport:
        """Keep back everything that may lead to a trade, on every session, and take open orders out.

        It holds until ``release``, also over a restart where it has a file. A session that is down is cleared
        at its next Logon, and as long as orders stay open the steps are taken again.

        Args:
            reason: who and why, for the audit trail.

        Returns:
            What was done on each session and which orders are still open, once each has been cleared once.
        """
        self._switch.pull(reason, self._clock.now().utc_ns)
        self._killing.begin(self.sessions)
        self._killing.block(dict.fromkeys(self.served.values(), Traffic()))
        self._killing.save()
        log.critical("killed", extra={"reason": reason})
        return await self._killing.report()

    async def release(self, reason: str) -> None:
        """Let messages leave again.

        Args:
            reason: who and why, for the audit trail.

        Raises:
            LocalError: the switch is not on, its file can not be removed, or the kill is still at work.
        """
        if self._killing.at_work:
            raise LocalError("the kill is still at work: wait for its report, then release")
        self._switch.release()
        self._killing.end(reason)
        log.warning("released", extra={"reason": reason})

    # -- administration --

    def reconciled(self, told: ReconciliationView) -> None:
        """Take in what a reconciliation of the tapes came to, for the snapshot and the metrics."""
        self._reconciliation = told

    async def apply(self, name: str, rows: Sequence[Any], run_id: str, source: str) -> int:
        """Take in reports of a session's orders that never came on the wire; each counts once.

        Args:
            name: the session.
            rows: one a report: its fields behind MsgType(35), as pairs of tag and value, in the wire's units.
            run_id: of the reconciliation that found them.
            source: which of its feeds told them.

        Returns:
            How many were new.
        """
        applied = self[name].link.apply(read_reports(rows, run_id, source))
        log.warning("reconciled", extra={"session": name, "run": run_id, "from": source, "new": applied})
        return applied

    async def logon(self, name: str) -> None:
        """Dial again now, also after the session gave up."""
        if name in self.served:
            raise LocalError(f"{name}: it is for the peer to log on")
        self[name].start()

    async def logout(self, name: str) -> None:
        """Log a session out; it stays out until ``logon``, or until its peer opens it again."""
        link = self.served.get(name)
        if link is None:
            await self[name].stop()
        elif link.connected:
            link.logout()
            await link.ended()

    async def reconnect(self, name: str) -> None:
        """Log a session out and on again."""
        if name in self.served:
            await self.logout(name)
        else:
            await self[name].reconnect()

    async def resume(self, name: str) -> None:
        """Hold nothing back any more over a pause of a session's venue."""
        self[name].resume()

    async def reset(self, name: str, reason: str) -> None:
        """Begin a new epoch at 1 and 1 on a session that is logged out."""
        numbers.reset_numbers(self._link(name), reason)

    async def set_numbers(self, name: str, next_in: int | None, next_out: int | None, reason: str) -> None:
        """Set the next numbers of a session that is logged out."""
        numbers.set_numbers(self._link(name), next_in, next_out, reason)

    def _link(self, name: str) -> Link:
        return self.served.get(name) or self[name].link

    async def failed(self) -> None:
        """Return when a required session has given up for good."""
        await self._failed.wait()

    async def drain(self) -> None:
        """Refuse new sends and wait, up to ``drain_timeout``, for answers and for handlers."""
        parts: list[SessionHandle | Acceptor] = [*self._handles.values(), *self._acceptors]
        for part in parts:
            part.begin_drain()
        try:
            async with asyncio.timeout(self._drain_timeout):
                await asyncio.gather(self._killing.settled(), *(part.settled() for part in parts))
        except TimeoutError:
            waiting = {handle.name: handle.in_flight for handle in self._handles.values() if handle.in_flight}
            log.warning("drained in part: requests without an answer", extra={"waiting": waiting})

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        watchers: list[asyncio.Future[None]] = []
        try:
            self._open_sessions()
            if self._switch.pulled is not None:
                log.critical("the kill switch is on", extra={"reason": self._switch.pulled.reason})
                self._killing.begin(self.sessions)
            watchers += [asyncio.ensure_future(self._watch(handle)) for handle in self._handles.values()]
            for handle in self._handles.values():
                handle.start()
            async with AsyncExitStack() as serving:
                for acceptor in self._acceptors:
                    await serving.enter_async_context(acceptor)
                if self._switch.on:
                    self._killing.block(dict.fromkeys(self.served.values(), Traffic()))
                yield
                await self.drain()
        finally:
            for watcher in watchers:
                watcher.cancel()
            self._killing.close()
            await self._stop()

    def _open_sessions(self) -> None:
        """Rebuild every session from its store, then the accounts that they share."""
        self._accounts = {plan.account: Account() for plan in self._plans if plan.positions is not None}
        for plan in self._plans:
            account = self._accounts.get(plan.account)
            self._handles[plan.session.name] = SessionHandle(plan, self._clock, account, self._switch)
        for account in self._accounts.values():
            account.begin()

    async def _stop(self) -> None:
        """Log every session out and close its store, also when the logging out is cut short."""
        try:
            await asyncio.gather(*(handle.stop() for handle in self._handles.values()))
        finally:
            with ExitStack() as closing:  # each is closed, whatever another one's end brings
                for handle in self._handles.values():
                    closing.callback(handle.close)

    async def _watch(self, handle: SessionHandle) -> None:
        await handle.failed()
        if handle.required:
            self._failed.set()

    async def _wait_for_logons(self) -> None:
        waited = [handle for handle in self._handles.values() if self._is_waited_for(handle)]
        results = await asyncio.gather(*(self._logon_of(handle) for handle in waited), return_exceptions=True)
        errors = [error for error in results if isinstance(error, FixError)]
        if errors:
            raise ExceptionGroup("sessions are not logged on", errors)
        for error in results:
            if isinstance(error, BaseException):
                raise error

    def _is_waited_for(self, handle: SessionHandle) -> bool:
        """Tell whether start-up waits for a session; one outside its schedule logs on in its own time."""
        wanted = self._wait == "all" or (self._wait == "required" and handle.required)
        return wanted and handle.is_open

    async def _logon_of(self, handle: SessionHandle) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await handle.logged_on()
        except TimeoutError:
            why = handle.why or "no answer"
            raise RemoteError(f"{handle.name}: not logged on after {self._timeout:g} s: {why}") from None
