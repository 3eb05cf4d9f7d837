"""Two desks with four sessions between them and a venue, for a day out of a seed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from fixgw.engine.gateway import Gateway
from fixgw.engine.handle import SessionHandle
from fixgw.engine.settings import RetrySettings
from fixgw.errors import LocalError, NotSent, OutcomeUnknown, Rejected
from fixgw.handlers.order import Order
from fixgw.sim.accounts import AccountSpec
from fixgw.sim.faults import FaultRule
from fixgw.sim.jumploop import START
from fixgw.sim.kinds import KINDS
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.sessions import ORDER_OPTIONS, memory_plans, memory_settings
from fixgw.sim.settlement import Result
from fixgw.sim.venue import Simulator
from fixgw.transport.memory import MemoryNetwork
from fixgw.venues.kalshi.asks import RequestState
from fixgw.venues.kalshi.dropcopy import DropCopy
from fixgw.venues.kalshi.exec_id import ExecID
from fixgw.venues.kalshi.groups import OrderGroup, OrderGroups
from fixgw.venues.kalshi.quotes import QuoteState
from fixgw.venues.kalshi.recovery import Recovery
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from fixgw.venues.kalshi.rfq_maker import RfqMaker
from tests.kalshi.desk import FINE, MARKETS, STORM

SOON = RetrySettings(base_seconds=0.3, cap_seconds=2.0, jitter=lambda: 1.0)
EXPECTED = (LocalError, NotSent, OutcomeUnknown, Rejected)  # what an operation may come to
GRACE = 0.5  # seconds for which an order that nothing was told of stays unknown
TIMERS = 60.0  # seconds after which an accepted quote has executed or is void
DESKS: Mapping[str, Mapping[str, str]] = {
    "alpha": {"rt": "orders-rt", "second": "orders-nr", "ear": "orders-rt", "copy": "drop-copy"},
    "beta": {"nr": "orders-nr", "maker": "rfq"},
}
LISTENS = {"options": {"listener_session": True, "skip_pending_exec_reports": True, "use_dollars": True}}
PAID = {"options": {"receive_settlement_reports": True, **ORDER_OPTIONS}}
TROUBLED = 0.03  # seconds of trouble for each operation; on average one takes more
TRADERS = ("rt", "second", "nr")
RICH = AccountSpec("beta", balances={0: Decimal(20_000)}, direct=False)
TARGETS = {kind.name: kind.target_comp_id for kind in KINDS}
FIRST = (ExecID(0, 0, 0), ExecID(1, 0, 0))


@dataclass
class Trader:
    """One session that sends orders, and all that it ever had.

    Args:
        handle: the session.
        name: at the venue.
    """

    handle: SessionHandle
    name: str
    sent: list[Order] = field(default_factory=list)
    live: list[Order] = field(default_factory=list)
    heard: dict[int, Order] = field(default_factory=dict)  # those that the venue told of first
    groups: list[Group] = field(default_factory=list)

    def note_heard(self) -> None:
        """Keep the orders that the book may let go once they are closed."""
        self.heard |= {id(order): order for order in self.handle.orders if order.foreign}


@dataclass
class Group:
    """An order group as its desk believes it to be; a limit of None: gone."""

    made: OrderGroup
    limit: int | None
    sure: bool = True


@dataclass(frozen=True)
class Day:
    """What may happen.

    Args:
        operations: with their weights.
        troubles: what goes wrong with frames, until so many seconds after the venue's start.
    """

    operations: Mapping[Callable[[Floor], Awaitable[None]], float]
    troubles: Callable[[float], Iterable[FaultRule]]


class Floor:
    """Everybody at work.

    Args:
        venue: the simulated venue.
        gateways: of the two desks, by account.
        rng: decides everything.
        day: what may happen.
    """

    def __init__(self, venue: Simulator, gateways: Mapping[str, Gateway], rng: Random, day: Day) -> None:
        self.venue = venue
        self._day = day
        self.gateways = gateways
        self.rng = rng
        self.handles = {name: gateways[desk][name] for desk, names in DESKS.items() for name in names}
        self.names = {
            name: f"{TARGETS[kind]}/{venue.keys[name].key_id}"
            for names in DESKS.values()
            for name, kind in names.items()
        }
        self.traders = {name: Trader(self.handles[name], self.names[name]) for name in TRADERS}
        self.creator = self.handles["rt"].client(RfqCreator)
        self.maker = self.handles["maker"].client(RfqMaker)
        self.done: dict[str, int] = {}
        self.came_to: dict[str, int] = {}
        self._numbers = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = False

    # -- running --

    async def run(self, count: int) -> None:
        """Do so many operations, then let everything come to its end."""
        for rule in self._day.troubles(self.venue.now().mono - START + count * TROUBLED):
            self.venue.inject(rule)
        keepers = [asyncio.create_task(self._keep(name)) for name in TRADERS]
        operations, weights = zip(*self._day.operations.items(), strict=True)
        for number, operation in enumerate(self.rng.choices(operations, weights, k=count)):
            await self._try(operation.__name__, operation(self))
            if self.rng.random() < 0.4:
                await asyncio.sleep(self.rng.choice((1e-6, 1e-4, 0.01, 0.1)))
            if number % 500 == 0:
                self._note_heard()
        await asyncio.sleep(TIMERS)
        await asyncio.gather(*self._tasks)
        await self._resolve()
        self.venue.settle_market(STORM, self.rng.choice((Result.YES, Result.NO)))
        self._over = True
        await asyncio.gather(*keepers)
        self._note_heard()

    def _note_heard(self) -> None:
        for trader in self.traders.values():
            trader.note_heard()

    async def _try(self, name: str, operation: Awaitable[None]) -> None:
        self.done[name] = self.done.get(name, 0) + 1
        try:
            await operation
        except EXPECTED as error:
            what = f"{name}: {type(error).__name__}"
            self.came_to[what] = self.came_to.get(what, 0) + 1

    def later(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Do something that waits for an answer, while the others go on."""
        task = asyncio.create_task(self._try(name, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep(self, name: str) -> None:
        """Ask for what was lost, as soon as something was."""
        handle = self.handles[name]
        recovery = handle.client(Recovery)
        copy = self.handles["copy"].client(DropCopy) if name == "rt" else None
        while not self._over or recovery.due:
            if handle.active and recovery.due:
                await self._try("recover", self._recover(recovery, copy))
            await asyncio.sleep(1)

    async def _recover(self, recovery: Recovery, copy: DropCopy | None) -> None:
        await recovery.recover(copy, first=FIRST, grace=GRACE)

    async def _resolve(self) -> None:
        """Ask again about whatever a loss has left open."""
        for handle in self.handles.values():
            await handle.logged_on()
        for request in self.creator.requests.values():
            if request.state is RequestState.UNKNOWN:
                await self._try("resolve", self.creator.cancel(request))
        for quote in self.maker.quotes:
            if quote.state is QuoteState.UNKNOWN:
                await self._try("resolve", self.maker.cancel(quote))
            if quote.state is QuoteState.UNKNOWN:
                await self._try("resolve", self.maker.confirm(quote))
        for trader in self.traders.values():
            for group in trader.groups:
                if not group.sure:
                    await self._try("resolve", self.change_group(trader, group, "update", 50))

    async def change_group(self, trader: Trader, chosen: Group, action: str, limit: int) -> None:
        """Do something with a group, and note what is known of it then."""
        client = trader.handle.client(OrderGroups)
        try:
            if action == "update":
                chosen.made = await client.update(chosen.made, limit)
                chosen.limit, chosen.sure = limit, True
            else:
                await getattr(client, action)(chosen.made)
                if action == "delete":
                    chosen.limit, chosen.sure = None, True
        except OutcomeUnknown:
            chosen.sure = chosen.sure and action in ("reset", "trigger")
            raise
        except Rejected:
            chosen.limit, chosen.sure = None, True  # there is no such group any more
            raise

    # -- choosing --

    def trader(self) -> Trader:
        """Choose a session."""
        return self.traders[self.rng.choice(TRADERS)]

    def live_order(self, trader: Trader) -> Order:
        """Choose an order that is open, as far as its owner knows.

        Raises:
            LocalError: there is none.
        """
        live = trader.live
        while live:
            at = self.rng.randrange(len(live))
            if live[at].open:
                return live[at]
            live[at] = live[-1]
            live.pop()
        raise LocalError("no order is open")

    def new_id(self) -> str:
        """Return a ClOrdID that the seed alone decides."""
        self._numbers += 1
        return f"op-{self._numbers}"

    def price(self, symbol: str) -> Decimal:
        """Choose a price, now and then one that the market does not have."""
        cents = Decimal(self.rng.randint(42, 58)) / 100
        odd = self.rng.random() < (0.5 if symbol == FINE else 0.01)
        return cents + Decimal(self.rng.randint(1, 99)) / 10_000 if odd else cents

    def size(self) -> Decimal:
        """Choose a number of contracts, now and then a fraction."""
        whole = Decimal(self.rng.randint(1, 20))
        return whole + Decimal(self.rng.randint(1, 99)) / 100 if self.rng.random() < 0.2 else whole

    def one_of(self, weights: Mapping[Any, int]) -> Any:
        """Choose by weight."""
        return self.rng.choices(list(weights), list(weights.values()))[0]


# -- opening --


@asynccontextmanager
async def opened(keys: Path, seed: int, day: Day) -> AsyncIterator[Floor]:
    """Run a venue and two desks, and let chance decide.

    Args:
        keys: the directory of the clients' keys.
        seed: everything comes out of it.
        day: what may happen.
    """
    clients = tuple(
        ClientSpec(name, Algorithm.ED25519, account) for account, names in DESKS.items() for name in names
    )
    network = MemoryNetwork(chunk_seed=seed, max_chunk=1_000)
    settings = memory_settings(
        keys, network=network, markets=MARKETS, clients=clients, accounts=(RICH,), seed=seed
    )
    async with Simulator(settings) as venue:
        gateways = {account: _gateway(venue, names) for account, names in DESKS.items()}
        async with gateways["alpha"], gateways["beta"]:
            yield Floor(venue, gateways, Random(seed), day)


def _gateway(venue: Simulator, names: Mapping[str, str]) -> Gateway:
    sessions = {name: (kind, name) for name, kind in names.items()}
    further = {name: LISTENS if name == "ear" else PAID for name in names if name in {"ear", *TRADERS}}
    plans = memory_plans(venue, sessions, settings=further)
    plans = [replace(plan, retry=SOON) for plan in plans]
    return Gateway(plans, clock=venue.settings.clock, wait="all", drain_timeout=0.2)
