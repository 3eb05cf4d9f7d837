"""What a kill does about the open orders of a session: steps, the mildest first, until nothing is open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from fixgw.errors import FixError, LocalError, NotLoggedOn, RateLimited
from fixgw.fix.tags import CXL_REJ_REASON
from fixgw.handlers.base import Client
from fixgw.handlers.order import Order, Request
from fixgw.handlers.orders import Orders

C = TypeVar("C", bound=Client)

STEP_SECONDS = 5.0

_CANCEL_REJECT = "9"
_TOO_LATE = b"0"  # CxlRejReason(102)
_UNKNOWN_TWICE = [b"1", b"1"]


class Killable(Protocol):
    """What a step needs of a session; ``engine.handle.SessionHandle`` is one."""

    name: str

    @property
    def has_orders(self) -> bool:
        """True when orders are sent on this session."""
        ...

    @property
    def orders(self) -> Orders:
        """The session's orders."""
        ...

    def client(self, kind: type[C]) -> C:
        """Return the session's client of a class."""
        ...

    async def reconnect(self) -> None:
        """Log out, then log on again at once."""
        ...

    async def logged_on(self) -> None:
        """Wait for the Logon handshake."""
        ...


class KillStep(Protocol):
    """One way to take a session's orders or quotes out of the market.

    Attributes:
        name: what it is called in reports.
        always: it is taken also when nothing is known to be open, because that may be wrong.
        once: it is taken once in a kill, not again as long as something stays open.
    """

    name: str
    always: bool
    once: bool

    def left(self, session: Killable) -> tuple[str, ...]:
        """Return the ids of what it can take out of the market and is open as far as is known."""
        ...

    async def run(self, session: Killable, seconds: float) -> str:
        """Ask the venue, and wait for its confirmation.

        Args:
            session: the session, logged on.
            seconds: to wait for the venue, all in all.

        Returns:
            What was asked and what came of it.

        Raises:
            FixError: it could not be done, or the venue said no.
        """
        ...


@dataclass(frozen=True, slots=True)
class StepTaken:
    """What came of one step.

    Args:
        step: its name.
        seconds: how long it took.
        outcome: what was asked and what came of it.
        open_before: orders, or quotes, that were open when it began.
        open_after: those that were open when it ended.
        failed: it could not be done, or was not confirmed.
    """

    step: str
    seconds: float
    outcome: str
    open_before: int
    open_after: int
    failed: bool = False

    def __str__(self) -> str:
        return f"{self.step}: {self.outcome} ({self.open_before} open before, {self.open_after} after)"


@dataclass(frozen=True, slots=True)
class SessionKill:
    """What a kill did on one session.

    Args:
        session: its name.
        steps: in the order in which they were taken.
        still_open: ClOrdIDs of orders and QuoteIDs of quotes that are open as far as is known.
        waits: why nothing was done yet, empty when that is not so.
    """

    session: str
    steps: tuple[StepTaken, ...] = ()
    still_open: tuple[str, ...] = ()
    waits: str = ""


@dataclass(frozen=True, slots=True)
class KillReport:
    """What a kill did.

    Args:
        reason: who and why.
        utc_ns: when it was switched on, nanoseconds since 1970.
        saved: a restart will find it on.
        sessions: what was done on each.
    """

    reason: str
    utc_ns: int
    saved: bool
    sessions: tuple[SessionKill, ...]

    @property
    def complete(self) -> bool:
        """True when no order and no quote is open any more, as far as is known."""
        return not any(session.still_open or session.waits for session in self.sessions)


def still_open(session: Killable) -> list[Order]:
    """Return the orders that may still fill, without those that the venue does not know any more."""
    return [order for order in session.orders.open if not _is_gone(order)] if session.has_orders else []


def left_of(session: Killable, steps: Iterable[KillStep]) -> tuple[str, ...]:
    """Return the ids of all that these steps can take out of the market and that is still there."""
    return tuple(dict.fromkeys(one for step in steps for one in step.left(session)))


async def carry_out(
    session: Killable, steps: Sequence[KillStep], seconds: float = STEP_SECONDS
) -> SessionKill:
    """Take the steps in turn, until nothing is open.

    Args:
        session: the session, logged on.
        steps: the mildest first.
        seconds: that each may wait for its confirmation.
    """
    taken = []
    for step in steps:
        before = len(step.left(session))
        if not before and not step.always:
            continue
        started, failed = asyncio.get_running_loop().time(), True
        try:
            outcome, failed = await step.run(session, seconds), False
        except TimeoutError:
            outcome = f"not confirmed within {seconds:g} s"
        except FixError as error:
            outcome = f"failed: {error}"
        lasted = asyncio.get_running_loop().time() - started
        taken.append(StepTaken(step.name, lasted, outcome, before, len(step.left(session)), failed))
    return SessionKill(session.name, tuple(taken), left_of(session, steps))


class OrderStep:
    """A step that is about orders."""

    def left(self, session: Killable) -> tuple[str, ...]:
        """Return the ClOrdIDs of the session's open orders."""
        return tuple(order.cl_ord_id for order in still_open(session))


class CancelEach(OrderStep):
    """An OrderCancelRequest(F) for each open order."""

    name = "cancel each"
    always = False
    once = False

    async def run(self, session: Killable, seconds: float) -> str:
        """Send a cancel for each and wait for the answers; then once more for those that are still open.

        A replace that was in flight may have changed the ClOrdID that a cancel has to name.
        """
        sent, failed, clock = 0, list[LocalError](), asyncio.get_running_loop().time
        for _ in range(2):
            asked, failed = await _cancel_open(session)
            sent, begun = sent + len(asked), clock()
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(request.settled() for request in asked))
            seconds -= clock() - begun
        not_sent = f", {len(failed)} not: {failed[0]}" if failed else ""
        return f"{sent} cancels sent{not_sent}"


class CancelAll(OrderStep):
    """One OrderMassCancelRequest(q) for all orders of the session, where the venue has that."""

    name = "mass cancel"
    always = True  # one message: also for what the book does not know of
    once = False

    async def run(self, session: Killable, seconds: float) -> str:
        """Send it, and wait for the verdict and for the end of each order."""
        try:
            request = session.orders.request_mass_cancel()
        except RateLimited as error:
            await asyncio.sleep(error.retry_in)
            request = session.orders.request_mass_cancel()
        with suppress(TimeoutError):
            await request.closed(seconds)
        if request.ending is None:
            raise TimeoutError
        return f"accepted, {len(request.ended)} of {len(request.orders)} orders have ended"


class Disconnect(OrderStep):
    """A Logout, where the venue cancels a session's orders when it ends; the session then logs on again."""

    name = "disconnect"
    always = False
    once = True

    async def run(self, session: Killable, seconds: float) -> str:
        """Log out and on again, and wait for what the venue reports of it."""
        orders = still_open(session)
        up = False
        try:
            async with asyncio.timeout(seconds):
                await session.reconnect()
                await session.logged_on()
                up = True
                await asyncio.gather(*(order.closed() for order in orders))
        except TimeoutError:
            if not up:
                raise
        return "logged out and on again: the venue cancels the orders of a session that ends"


async def _cancel_open(session: Killable) -> tuple[list[Request], list[LocalError]]:
    """Cancel what is open, as fast as the rate limit allows; return what was sent and what was not."""
    asked, failed = list[Request](), list[LocalError]()
    for order in still_open(session):
        try:
            while order.open:
                try:
                    asked.append(session.orders.request_cancel(order))
                    break
                except RateLimited as error:
                    await asyncio.sleep(error.retry_in)
        except NotLoggedOn:
            raise
        except LocalError as error:
            failed.append(error)
    return asked, failed


def _is_gone(order: Order) -> bool:
    """The venue says that it is too late to cancel it, or twice that it does not know it."""
    reasons = [
        report.get(CXL_REJ_REASON) if report.msg_type == _CANCEL_REJECT else None
        for report in list(order.reports)[-2:]
    ]
    return reasons[-1:] == [_TOO_LATE] or reasons == _UNKNOWN_TWICE
