"""A gateway session and a counterparty joined in memory, both the real engine, on one clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from fixgw.clock import Clock, ManualClock
from fixgw.engine.gateway import Gateway, Wait
from fixgw.engine.handle import SessionHandle
from fixgw.engine.link import Link
from fixgw.engine.reception import Admission, Judgement, Reception
from fixgw.engine.settings import LinkSettings, RetrySettings, SessionPlan
from fixgw.fix.message import Message
from fixgw.handlers.router import Router
from fixgw.messages.business import BusinessMessageReject
from fixgw.messages.order_entry import (
    ExecutionReport,
    NewOrderSingle,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
)
from fixgw.session.hooks import ResendFresh
from fixgw.session.state import Role, SessionSettings
from fixgw.session.verdict import Accept, Verdict
from fixgw.sim.jumploop import JumpLoop, LoopClock
from fixgw.store.base import Store
from fixgw.store.memory import MemoryStore
from fixgw.transport.base import Connector, Peer
from fixgw.transport.memory import MemoryNetwork

DIALECT = (
    NewOrderSingle,
    OrderCancelRequest,
    OrderCancelReplaceRequest,
    ExecutionReport,
    OrderCancelReject,
    BusinessMessageReject,
)
US = SessionSettings("us", Role.INITIATOR, "US", "THEM", resend_policy=ResendFresh())
THEM = SessionSettings("them", Role.ACCEPTOR, "THEM", "US")
AT_ONCE = RetrySettings(base_seconds=0.0, cap_seconds=0.0)
UNAVAILABLE = "EXCHANGE_UNAVAILABLE"


class Recorder:
    """A handler that keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.events: list[str] = []

    def on_message(self, message: Message, ctx: object) -> None:
        self.messages.append(message)

    def on_logon(self, ctx: object) -> None:
        self.events.append("logon")

    def on_logout(self, text: str) -> None:
        self.events.append(f"logout {text}".strip())

    def on_disconnect(self, reason: str) -> None:
        self.events.append(f"disconnect {reason}")

    def on_gap(self, first: int, last: int) -> None:
        self.events.append(f"gap {first}-{last}")

    def on_reject(self, reject: Message, ref_seq_num: int) -> None:
        self.events.append(f"reject {ref_seq_num}")


@dataclass
class Counterparty:
    """The acceptor's side; it outlives the gateways that come and go."""

    link: Link
    handler: Recorder
    reception: Reception
    verdict: Callable[[Message], Verdict | Awaitable[Verdict]] = field(default=lambda _: Accept())


@dataclass
class Rig:
    """Both sides and what joins them."""

    clock: Clock
    network: MemoryNetwork
    them: Counterparty
    gateway: Gateway

    @property
    def us(self) -> SessionHandle:
        """The gateway's one session."""
        return self.gateway.sessions[0]

    @property
    def link(self) -> Link:
        """The link of that session."""
        return self.us.link

    async def settle(self) -> None:
        """Let the loop run until everything that was sent has arrived."""
        await settle()


async def settle() -> None:
    """Let the loop run until nothing is left to do now."""
    if isinstance(asyncio.get_running_loop(), JumpLoop):
        await asyncio.sleep(1e-6)  # time moves only when nothing is left to do
        return
    for _ in range(200):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Give the loop one turn after the other until the condition holds."""
    while not condition():  # noqa: ASYNC110 - to stop in the midst of what goes on is the point
        await asyncio.sleep(0)


def the_clock() -> Clock:
    """Return the clock that goes with the running loop."""
    loop = asyncio.get_running_loop()
    return LoopClock(loop) if isinstance(loop, JumpLoop) else ManualClock()


async def later(link: Link, verdict: Awaitable[Verdict]) -> Judgement:
    """Return the admission once the verdict is there."""
    return Admission(link, await verdict)


def counterparty(
    clock: Clock,
    settings: SessionSettings = THEM,
    store: Store | None = None,
    handler: object | None = None,
) -> Counterparty:
    """Return an acceptor with one session."""
    recorder = Recorder()
    made = handler if handler is not None else recorder
    link = Link(settings, store or MemoryStore(), Router(made, ()), clock, LinkSettings())
    party: Counterparty

    def judge(logon: Message, peer: Peer) -> Judgement | Awaitable[Judgement]:
        verdict = party.verdict(logon)
        return later(link, verdict) if isinstance(verdict, Awaitable) else Admission(link, verdict)

    party = Counterparty(link, recorder, Reception(judge))
    return party


@asynccontextmanager
async def standing(
    them: SessionSettings = THEM, *, handler: object | None = None, chunk_seed: int | None = None
) -> AsyncIterator[tuple[MemoryNetwork, Counterparty]]:
    """Run a counterparty that listens as ``them``, for as many gateways as come."""
    network = MemoryNetwork(chunk_seed=chunk_seed)
    party = counterparty(the_clock(), them, handler=handler)
    listener = network.listen("them", party.reception.protocol)
    yield network, party
    await listener.close()
    if party.link.connected:
        network.cut()
        await settle()
    party.link.close()


def plan_for(
    connector: Connector,
    us: SessionSettings = US,
    *,
    handler: object | None = None,
    store: Callable[[], Store] = MemoryStore,
    orders: bool = True,
    link: LinkSettings | None = None,
    retry: RetrySettings = AT_ONCE,
) -> SessionPlan:
    """Return the plan of an order session."""
    return SessionPlan(
        us,
        connector,
        store,
        kind="orders",
        messages=DIALECT,
        handler=handler,
        orders=orders,
        unknown_outcome_texts=frozenset({UNAVAILABLE}),
        link=link or LinkSettings(),
        retry=retry,
    )


@asynccontextmanager
async def joined(
    us: SessionSettings = US,
    them: SessionSettings = THEM,
    *,
    handler: object | None = None,
    their_handler: object | None = None,
    store: Callable[[], Store] = MemoryStore,
    orders: bool = True,
    link: LinkSettings | None = None,
    retry: RetrySettings = AT_ONCE,
    chunk_seed: int | None = None,
    clock: Clock | None = None,
    wait: Wait = "required",
    peer: tuple[MemoryNetwork, Counterparty] | None = None,
) -> AsyncIterator[Rig]:
    """Run a gateway with one session against a counterparty, in memory.

    Args:
        peer: a counterparty that stands already; else one is made for this gateway alone.
    """
    if peer is None:
        async with (
            standing(them, handler=their_handler, chunk_seed=chunk_seed) as made,
            joined(
                us,
                handler=handler,
                store=store,
                orders=orders,
                link=link,
                retry=retry,
                clock=clock,
                wait=wait,
                peer=made,
            ) as rig,
        ):
            yield rig
        return
    network, party = peer
    plan = plan_for(
        network.connector("them"), us, handler=handler, store=store, orders=orders, link=link, retry=retry
    )
    clock = clock or the_clock()
    gateway = Gateway([plan], clock=clock, timeout=5.0, drain_timeout=0.2, wait=wait)
    async with gateway:
        yield Rig(clock, network, party, gateway)


def no_retransmission(settings: SessionSettings) -> SessionSettings:
    """Return the settings of a session that can not ask for what is missing."""
    return replace(settings, retransmission=False, reset_on_logon=settings.initiator)
