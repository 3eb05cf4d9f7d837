"""One session as its user holds it: send, orders, log on and out, numbers, snapshot."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TypeVar

from fixgw.clock import Clock, Now
from fixgw.engine import numbers
from fixgw.engine.hosts import Host
from fixgw.engine.link import Link
from fixgw.engine.settings import SessionPlan
from fixgw.engine.supervisor import Supervisor
from fixgw.engine.timetable import Timekeeper
from fixgw.engine.views import positions_view, session_view
from fixgw.errors import LocalError, RemoteError
from fixgw.fix.message import Message
from fixgw.handlers.account import Account
from fixgw.handlers.base import Book, Client, Sendable
from fixgw.handlers.order import Ending
from fixgw.handlers.orders import Orders
from fixgw.handlers.passage import SessionGuard
from fixgw.handlers.positions import Positions
from fixgw.handlers.router import Router
from fixgw.observe.histogram import Histogram
from fixgw.observe.snapshot import OrdersView, SessionView, SupervisorView
from fixgw.safety.grid import GridGuard, Grids
from fixgw.safety.kill_switch import KillSwitch, ResendUnlessKilled
from fixgw.safety.pauses import PauseGuard
from fixgw.session.state import SessionSettings
from fixgw.store.lock import hold

C = TypeVar("C", bound=Client)

ONE_CONNECTION = "a key carries one connection: stop that gateway first, or use a key of its own here"


class SessionHandle:
    """A running session; the gateway makes it.

    Args:
        plan: what to run.
        clock: the only source of time.
        account: hears of each execution; what several sessions tell of together.
        switch: the gateway's kill switch; while it is on, no order is sent again either.

    Raises:
        StoreError: the store can not be opened, or another process holds it or the identity.
    """

    def __init__(
        self,
        plan: SessionPlan,
        clock: Clock,
        account: Account | None = None,
        switch: KillSwitch | None = None,
    ) -> None:
        self.name = plan.session.name
        self.kind = plan.kind
        self.required = plan.required
        self.traffic = plan.traffic
        self.kill_steps = plan.kill_steps
        self.offline_kill_steps = plan.offline_kill_steps
        self.acks = Histogram()
        self._listens = plan.listens
        self._orders = self._make_orders(plan)
        self._positions = plan.positions() if plan.positions is not None else None
        self._keeper = Timekeeper(plan.timetable, clock) if plan.timetable is not None else None
        self._clients = list(plan.clients())
        books: list[Book] = [self._orders] if self._orders is not None else []
        if self._positions is not None:
            books.append(self._positions)
            if account is not None:
                self._positions.join(account)
        books += self._clients
        passage = plan.passage()
        books += [guard for guard in passage.guards if isinstance(guard, Book)]
        if self._keeper is not None and self._keeper.timetable.resets:
            books.append(self._keeper)
        router = Router(plan.handler, plan.messages, books, passage)
        self._lock = hold(plan.identity_lock, ONE_CONNECTION) if plan.identity_lock is not None else None
        try:
            self.link = Link(_settings(plan, switch), plan.store(), router, clock, plan.link)
        except BaseException:
            self._release()
            raise
        hosts = [Host(plan.host, plan.connector), *plan.standby]
        self.supervisor = Supervisor(
            self.link, hosts, plan.retry, plan.judge_logout, keeper=self._keeper, settled=self.settled
        )
        for client in (*self._clients, *([self._orders] if self._orders is not None else [])):
            client.bind(self)
        for guard in passage.guards:
            if isinstance(guard, SessionGuard):
                guard.bind(self)

    # -- sending (handlers.base.SessionPort) --

    @property
    def orders(self) -> Orders:
        """The session's orders.

        Raises:
            LocalError: no orders are sent on this kind of session.
        """
        if self._listens:
            raise LocalError(f"{self.name}: a listener reads only; send orders on another session")
        if self._orders is None:
            raise LocalError(f"{self.name}: no orders are sent on a session of kind {self.kind or 'unknown'}")
        return self._orders

    @property
    def positions(self) -> Positions:
        """The positions that the session's executions made; ``Gateway.positions`` has those of all.

        Raises:
            LocalError: no executions are told on this kind of session.
        """
        if self._positions is None:
            raise LocalError(f"{self.name}: no executions are told on a session of kind {self.kind}")
        return self._positions

    @property
    def grids(self) -> Grids:
        """The price grids of the venue's markets; more can be loaded while the session runs.

        Raises:
            LocalError: no prices are sent on this kind of session.
        """
        for guard in self.link.router.passage.guards:
            if isinstance(guard, GridGuard):
                return guard.grids
        raise LocalError(f"{self.name}: no prices are sent on a session of kind {self.kind or 'unknown'}")

    def client(self, kind: type[C]) -> C:
        """Return the session's client of a class, such as Kalshi's ``DropCopy``.

        Raises:
            LocalError: a session of this kind has none.
        """
        for client in self._clients:
            if isinstance(client, kind):
                return client
        offered = ", ".join(type(client).__name__ for client in self._clients) or "none"
        raise LocalError(
            f"{self.name}: no {kind.__name__} on a session of kind {self.kind}; there is: {offered}"
        )

    def has_client(self, kind: type[object]) -> bool:
        """Tell whether the session has a client of a class."""
        return any(isinstance(client, kind) for client in self._clients)

    @property
    def has_orders(self) -> bool:
        """True when orders are sent on this session."""
        return self._orders is not None

    @property
    def active(self) -> bool:
        """True while application messages may be sent."""
        return self.link.active

    @property
    def epoch(self) -> int:
        """The epoch of the numbers in use."""
        return self.link.epoch

    def now(self) -> Now:
        """The instant, by the clock of the session."""
        return self.link.now()

    def send(self, message: Sendable, *, urgent: bool = False) -> int:
        """Number, commit and write one application message; see ``SessionPort.send``."""
        return self.link.send(message, urgent=urgent)

    def delay(self, message: Message) -> float:
        """Return the seconds after which the session's guards would let a message leave; 0 for now."""
        return self.link.delay(message)

    async def flushed(self) -> None:
        """Wait until all that was sent is committed and handed to the transport, or the link is gone."""
        await self.link.flushed()

    def resume(self) -> None:
        """Hold nothing back any more over a pause of the venue, on all sessions with it."""
        for guard in self.link.router.passage.guards:
            if isinstance(guard, PauseGuard):
                guard.pauses.resume()

    # -- life --

    def start(self) -> None:
        """Keep the session up, until ``stop``; what handlers missed before goes to them first."""
        self.link.redeliver()
        self.supervisor.start()

    async def stop(self, text: str = "") -> None:
        """Log out and dial no more, until ``start``."""
        await self.supervisor.stop(text)

    async def reconnect(self) -> None:
        """Log out, then log on again at once; who gives up waiting for that does not keep the session out."""
        await asyncio.shield(asyncio.ensure_future(self._log_out_and_on()))

    async def _log_out_and_on(self) -> None:
        await self.supervisor.stop()
        if not self.supervisor.leaving:
            self.supervisor.start()

    async def logged_on(self) -> None:
        """Wait for the Logon handshake.

        Raises:
            RemoteError: the session gave up; the text says why and what to do.
        """
        up = asyncio.ensure_future(self.link.became_active())
        over = asyncio.ensure_future(self.supervisor.finished.wait())
        try:
            await asyncio.wait({up, over}, return_when=asyncio.FIRST_COMPLETED)
            if not up.done():
                raise RemoteError(f"{self.name}: {self.why}")
        finally:
            up.cancel()
            over.cancel()

    async def gave_up(self) -> None:
        """Wait until the session dials no more, other than by ``stop``."""
        await self.supervisor.gave_up.wait()

    async def failed(self) -> None:
        """Wait until the session has given up over what nobody can mend while the gateway runs."""
        await self.supervisor.failed.wait()

    @property
    def is_open(self) -> bool:
        """True while its timetable lets it be connected."""
        return self._keeper is None or self._keeper.is_open

    @property
    def why(self) -> str:
        """Why the last connection ended and what to do about it, empty when nothing is known."""
        decision = self.supervisor.last_decision
        if decision is None:
            return ""
        return f"{decision.why}; {decision.remedy}" if decision.remedy else decision.why

    @property
    def in_flight(self) -> int:
        """How many order requests await an answer."""
        return self._orders.in_flight if self._orders is not None else 0

    def begin_drain(self) -> None:
        """Refuse new sends from now on; cancels still go."""
        self.supervisor.leaving = True
        self.link.draining = True

    async def settled(self) -> None:
        """Wait until nothing is in flight and handlers have caught up."""
        if self._orders is not None and self.link.session.active:
            await self._orders.settled()
        await self.link.dispatcher.drain()

    def close(self) -> None:
        """Close the store, and cut the connection if ``stop`` was not waited for."""
        try:
            self.link.close()
        finally:
            self._release()

    # -- numbers --

    def set_numbers(self, next_in: int | None, next_out: int | None, reason: str) -> None:
        """Set the next numbers while logged out, with an audit record.

        Args:
            next_in: the next MsgSeqNum expected from the peer; None leaves it.
            next_out: the next MsgSeqNum of ours; None leaves it.
            reason: who and why, for the audit trail.
        """
        numbers.set_numbers(self.link, next_in, next_out, reason)

    def reset_numbers(self, reason: str) -> None:
        """Begin a new epoch at 1 and 1 while logged out, with an audit record; the next Logon says so."""
        numbers.reset_numbers(self.link, reason)

    def snapshot(self) -> SessionView:
        """Return what can be seen of the session now."""
        return session_view(
            self.link,
            self._supervisor_view(),
            kind=self.kind,
            required=self.required,
            orders=self._orders_view(),
            positions=positions_view(self._positions) if self._positions is not None else None,
            acks=self.acks.snapshot(),
        )

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _supervisor_view(self) -> SupervisorView:
        supervisor, decision = self.supervisor, self.supervisor.last_decision
        return SupervisorView(
            state=supervisor.state.value,
            failures=supervisor.tries.failures,
            refusals=supervisor.tries.refusals,
            retry_in=supervisor.next_dial_in,
            why=decision.why if decision is not None else "",
            remedy=decision.remedy if decision is not None else "",
            host=supervisor.hosts.current.name,
        )

    def _orders_view(self) -> OrdersView | None:
        orders = self._orders
        if orders is None:
            return None
        return OrdersView(
            open=len(orders.open),
            in_flight=orders.in_flight,
            outcome_unknown=orders.endings[Ending.UNKNOWN],
            not_sent=orders.endings[Ending.NOT_SENT],
            rejected=orders.endings[Ending.REFUSED],
            each=tuple(orders.snapshot()),
        )

    def _make_orders(self, plan: SessionPlan) -> Orders | None:
        if not plan.orders:
            return None
        orders = Orders(
            plan.messages,
            unknown_outcome_texts=plan.unknown_outcome_texts,
            meanings=plan.meanings,
            remainders_told=plan.remainders_told,
            replaces_by_order_id=plan.replaces_by_order_id,
        )
        orders.ack_seconds = self.acks.record
        return orders


def _settings(plan: SessionPlan, switch: KillSwitch | None) -> SessionSettings:
    """Return the settings of the FIX session, with the kill switch in its resend policy."""
    if switch is None:
        return plan.session
    policy = ResendUnlessKilled(plan.session.resend_policy, switch, plan.traffic)
    return replace(plan.session, resend_policy=policy)
