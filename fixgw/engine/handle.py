"""One session as its user holds it: send, orders, log on and out, numbers, snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from fixgw.clock import Clock, Now
from fixgw.engine.link import Link
from fixgw.engine.settings import SessionPlan
from fixgw.engine.supervisor import Supervisor
from fixgw.errors import LocalError, NotLoggedOn, RemoteError
from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage
from fixgw.handlers.base import Book
from fixgw.handlers.orders import Orders
from fixgw.handlers.router import Router
from fixgw.observe.histogram import Histogram
from fixgw.observe.snapshot import SessionView


class SessionHandle:
    """A running session; the gateway makes it.

    Args:
        plan: what to run.
        clock: the only source of time.

    Raises:
        StoreError: the store can not be opened.
    """

    def __init__(self, plan: SessionPlan, clock: Clock) -> None:
        self.name = plan.session.name
        self.kind = plan.kind
        self.required = plan.required
        self.acks = Histogram()
        self._orders = self._make_orders(plan)
        books: list[Book] = [self._orders] if self._orders is not None else []
        router = Router(plan.handler, plan.messages, books)
        self.link = Link(plan.session, plan.store(), router, clock, plan.link)
        self.supervisor = Supervisor(self.link, plan.connector, plan.retry, plan.judge_logout)
        self._draining = False
        if self._orders is not None:
            self._orders.bind(self)

    # -- sending (handlers.base.SessionPort) --

    @property
    def orders(self) -> Orders:
        """The session's orders.

        Raises:
            LocalError: no orders are sent on this kind of session.
        """
        if self._orders is None:
            raise LocalError(f"{self.name}: no orders are sent on a session of kind {self.kind or 'unknown'}")
        return self._orders

    @property
    def has_orders(self) -> bool:
        """True when orders are sent on this session."""
        return self._orders is not None

    @property
    def active(self) -> bool:
        """True while application messages may be sent."""
        return self.link.active and not self._draining

    @property
    def epoch(self) -> int:
        """The epoch of the numbers in use."""
        return self.link.epoch

    def now(self) -> Now:
        """The instant, by the clock of the session."""
        return self.link.now()

    def send(self, message: Message | TypedMessage, *, urgent: bool = False) -> int:
        """Number, commit and write one application message; see ``SessionPort.send``."""
        if self._draining and not urgent:
            raise NotLoggedOn(f"{self.name}: the gateway is draining: nothing new is sent")
        return self.link.send(message, urgent=urgent)

    def flushed(self) -> Awaitable[None]:
        """Wait until all that was sent is committed and handed to the transport, or the link is gone."""
        return self.link.flushed()

    # -- life --

    def start(self) -> None:
        """Hand what was not handled before to the handler, then keep the session up."""
        self.link.redeliver()
        self.supervisor.start()

    async def stop(self, text: str = "") -> None:
        """Log out and dial no more, until ``start``."""
        await self.supervisor.stop(text)

    async def reconnect(self) -> None:
        """Log out, then log on again at once."""
        await self.supervisor.stop()
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
        """Wait until the session dials no more."""
        await self.supervisor.finished.wait()

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
        """Refuse new sends; cancels still go."""
        self._draining = True

    async def settled(self) -> None:
        """Wait until nothing is in flight and handlers have caught up."""
        while self.in_flight and self.link.active:
            await asyncio.sleep(
                0.01
            )  # answers arrive by turns of the loop; a hundredth of a second is soon enough
        await self.link.dispatcher.drain()

    def close(self) -> None:
        """Close the store; the session must be stopped."""
        self.link.close()

    # -- numbers --

    def set_numbers(self, next_in: int | None, next_out: int | None, reason: str) -> None:
        """Set the next numbers while logged out, with an audit record.

        Args:
            next_in: the next MsgSeqNum expected from the peer; None leaves it.
            next_out: the next MsgSeqNum of ours; None leaves it.
            reason: who and why, for the audit trail.
        """
        self.link.apply_numbers(next_in, next_out, reason)

    def reset_numbers(self, reason: str) -> None:
        """Begin a new epoch at 1 and 1 while logged out, with an audit record; the next Logon says so."""
        self.link.reset_numbers(reason)

    def snapshot(self) -> SessionView:
        """Return what can be seen of the session now."""
        raise NotImplementedError

    def _make_orders(self, plan: SessionPlan) -> Orders | None:
        if not plan.orders:
            return None
        orders = Orders(plan.messages, unknown_outcome_texts=plan.unknown_outcome_texts)
        orders.ack_seconds = self.acks.record
        return orders
