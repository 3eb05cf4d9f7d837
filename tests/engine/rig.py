"""A gateway session and a counterparty joined in memory, both the real engine, on one clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from fixgw.clock import ManualClock
from fixgw.engine.acceptor import Acceptor, Admission
from fixgw.engine.gateway import Gateway
from fixgw.engine.link import Link
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
from fixgw.store.base import Store
from fixgw.store.memory import MemoryStore
from fixgw.transport.base import Peer
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
    """The acceptor's side."""

    link: Link
    handler: Recorder
    acceptor: Acceptor
    verdict: Verdict = field(default_factory=Accept)


@dataclass
class Rig:
    """Both sides and what joins them."""

    clock: ManualClock
    network: MemoryNetwork
    them: Counterparty
    gateway: Gateway

    async def settle(self, turns: int = 200) -> None:
        """Let the loop run until everything that was sent has arrived."""
        for _ in range(turns):
            await asyncio.sleep(0)


def counterparty(
    clock: ManualClock,
    settings: SessionSettings = THEM,
    store: Store | None = None,
    handler: object | None = None,
) -> Counterparty:
    """Return an acceptor with one session."""
    recorder = Recorder()
    made = handler if handler is not None else recorder
    link = Link(settings, store or MemoryStore(), Router(made, ()), clock, LinkSettings())
    party: Counterparty

    def reception(logon: Message, peer: Peer) -> Admission | None:
        return Admission(link, lambda _: party.verdict)

    party = Counterparty(link, recorder, Acceptor(reception))
    return party


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
    clock: ManualClock | None = None,
    wait: str = "required",
) -> AsyncIterator[Rig]:
    """Run a gateway with one session against a counterparty, in memory."""
    clock = clock or ManualClock()
    network = MemoryNetwork(chunk_seed=chunk_seed)
    party = counterparty(clock, them, handler=their_handler)
    listener = network.listen("them", party.acceptor.protocol)
    plan = SessionPlan(
        us,
        network.connector("them"),
        store,
        messages=DIALECT,
        handler=handler,
        orders=orders,
        link=link or LinkSettings(),
        retry=retry,
    )
    gateway = Gateway([plan], clock=clock, timeout=5.0, drain_timeout=0.2, wait=wait)  # type: ignore[arg-type]
    async with gateway:
        yield Rig(clock, network, party, gateway)
    await listener.close()
    party.link.close()


def no_retransmission(settings: SessionSettings) -> SessionSettings:
    """Return the settings of a session that can not ask for what is missing."""
    return replace(settings, retransmission=False, reset_on_logon=settings.initiator)
