"""A desk that trades while its connection is cut under it, and what it has to make good afterwards."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

from fixgw.config.build import load
from fixgw.config.resolve import Resolved
from fixgw.engine.gateway import Gateway
from fixgw.handlers.order import Order
from fixgw.handlers.positions import Positions
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.reconcile.delivery import to_gateway
from fixgw.reconcile.job import Job as CommandJob
from fixgw.reconcile.job import known_before, reconcile, repaired
from fixgw.reconcile.kalshi import DropCopyFeed
from fixgw.reconcile.model import BreakKind, Period, ReconciliationReport
from fixgw.reconcile.placing import PlacingCheck
from fixgw.reconcile.reconciler import Reconciler
from fixgw.reconcile.repair import Repair, RepairPlanner
from fixgw.reconcile.sources import Sources
from fixgw.records import Kind
from fixgw.sim.accounts import AccountSpec
from fixgw.sim.ledger import Ledger
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.orders import Traded
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.product import Product
from fixgw.sim.sessions import memory_plans, memory_sessions, memory_settings, write_sessions
from fixgw.sim.venue import MARKETS, SimSettings, Simulator
from fixgw.store.reader import records
from fixgw.transport.memory import MemoryNetwork
from fixgw.venues.kalshi.dropcopy import DropCopy
from fixgw.venues.kalshi.messages import NewOrderSingle
from fixgw.venues.kalshi.rest import KalshiRest
from tests.sim.rest import rest_of

Trade: TypeAlias = tuple[str, str]  # TrdMatchID(880) and OrderID(37)

ACCOUNT, CLIENT = "alpha", "alpha"
SESSIONS = {"orders": ("orders-nr", CLIENT)}
COPY = {"copy": ("drop-copy", "listener")}
SYMBOLS = tuple(market.symbol for market in MARKETS[Product.EVENTS])
HOUR_NS = 3_600 * 1_000_000_000
SETTLED = 10.0  # seconds after which everything is old enough to be judged
WORLD_SETTLED = 2.5  # the least of them
MOST_LOST = 40


@dataclass
class Desk:
    """A gateway without retransmission, a venue, and chance.

    Args:
        venue: the simulator.
        gateway: has the session ``orders``.
        chance: decides what is done.
        tape: of the session.
    """

    venue: Simulator
    gateway: Gateway
    chance: random.Random
    tape: Path
    resting: list[Order] = field(default_factory=list)

    @property
    def positions(self) -> Positions:
        """What the session was told; the gateway's count what its drop copy tells as well."""
        return self.gateway["orders"].positions

    @property
    def key_id(self) -> str:
        """The key whose connection is cut."""
        return self.gateway["orders"].link.settings.sender_comp_id

    async def trade(self, *, cuts: int) -> None:
        """Trade, lose the connection as often, and let everything come to rest."""
        await self.order()
        await self.fill()
        for _ in range(cuts):
            for _ in range(self.chance.randint(3, 8)):
                await self.step()
            await self.lose(self.chance.randint(0, MOST_LOST))
            await self.back()
        for _ in range(self.chance.randint(0, 4)):
            await self.step()
        await self.pause(SETTLED)

    async def step(self) -> None:
        """Do one thing, and let it arrive."""
        await self.chance.choice((self.order, self.order, self.take, self.fill, self.fill, self.cancel))()

    async def order(self) -> None:
        """Rest an order inside the house's prices."""
        side = self.chance.choice((Side.BUY, Side.SELL))
        cents = self.chance.randint(30, 45) if side is Side.BUY else self.chance.randint(55, 70)
        self.resting.append(await self.submit(side, cents, self.chance.randint(20, 60)))

    async def take(self) -> None:
        """Take what the house offers, and leave nothing."""
        side = self.chance.choice((Side.BUY, Side.SELL))
        symbol, cents = self.chance.choice(SYMBOLS), self.chance.randint(46, 54)
        self.venue.quote(symbol, _house(side), Decimal(cents) / 100, Decimal(self.chance.randint(1, 9)))
        await self.submit(side, cents, 10, symbol, TimeInForce.IMMEDIATE_OR_CANCEL)

    async def submit(
        self,
        side: Side,
        cents: int,
        qty: int,
        symbol: str = "",
        life: TimeInForce = TimeInForce.GOOD_TILL_CANCEL,
    ) -> Order:
        order = await self.gateway.orders.submit(
            NewOrderSingle(
                symbol=symbol or self.chance.choice(SYMBOLS),
                side=side,
                order_qty=Decimal(qty),
                price=Decimal(cents) / 100,
                time_in_force=life,
            )
        )
        await self.pause(0.01)
        return order

    async def fill(self) -> None:
        """Let the house trade with an order of ours."""
        open_ones = [order for order in self.resting if self._rests(order)]
        if open_ones:
            self.venue.fill(self.chance.choice(open_ones).cl_ord_id, Decimal(self.chance.randint(1, 3)))
        await self.pause(0.01)

    async def cancel(self) -> None:
        """Take an order back."""
        open_ones = [order for order in self.resting if order.open and order.order_id]
        if open_ones:
            await self.gateway.orders.cancel(self.chance.choice(open_ones))
        await self.pause(0.01)

    async def lose(self, count: int) -> None:
        """Cut the connection with so many reports of trades on their way, and others beside."""
        self.venue.pause_reports(self.key_id)
        for _ in range(count):
            await self.fill()
        if self.chance.random() < 0.4:
            await self.cancel()
        if self.chance.random() < 0.4:
            await self.order()
        self.venue.cut(self.key_id)

    async def back(self) -> None:
        """Wait for the next Logon."""
        await self.pause(0.05)
        await self.gateway["orders"].logged_on()
        await self.pause(0.05)

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    def _rests(self, order: Order) -> bool:
        try:
            return self.venue.ledger.order(order.cl_ord_id).leaves > 0
        except KeyError:  # on its way when the connection was cut
            return False

    # -- what is true --

    def lost(self) -> set[Trade]:
        """Return the trades of the ledger that are not on the tape."""
        return trades_of(self.venue.ledger) - set(on_tape(self.tape))

    def wrong(self, *, cash: bool) -> list[str]:
        """Return what the gateway's positions say otherwise than the ledger.

        Args:
            cash: what moved is compared, too: REST does not tell it.
        """
        found = []
        positions = {one.symbol: one for one in self.positions.snapshot()}
        for key, held in self.venue.ledger.holdings.items():
            if key.account != ACCOUNT:
                continue
            ours = positions[key.symbol]
            cost = ours.qty * ours.avg_px if ours.avg_px is not None else Decimal(0)
            rows = [
                ("qty", ours.qty, held.position),
                ("of the account", self.gateway.positions.net(key.symbol), held.position),
                ("latest", self.positions.latest(key.symbol), held.position),
                ("bought", ours.bought_qty, held.bought),
                ("sold", ours.sold_qty, held.sold),
                ("fees", ours.fees, held.fees),
                ("earned", round(ours.realised_pnl - cost, 4), round(held.realised - held.cost, 4)),
            ]
            rows += [("cash", ours.cash, held.cash)] if cash else []
            found += [f"{key.symbol}: {name} {mine}, {true}" for name, mine, true in rows if mine != true]
        return found

    def orders_wrong(self, gateway: Gateway | None = None) -> list[str]:
        """Return the orders that say otherwise than the ledger; those that never arrived are left out.

        Args:
            gateway: whose orders; those of the desk's own by default.
        """
        found = []
        fees = fees_of(self.venue.ledger)
        for mine in (gateway or self.gateway).orders.snapshot():
            if not mine.order_id:
                continue
            true = self.venue.ledger.orders[mine.order_id]
            if (mine.cum_qty, mine.leaves_qty, mine.fees) != (true.cum, true.leaves, fees[mine.order_id]):
                found.append(f"{mine}, and really {true}")
        return found


def _house(side: Side) -> HouseSide:
    """Return the side that the house takes against us."""
    return HouseSide.SELL if side is Side.BUY else HouseSide.BUY


def trades_of(ledger: Ledger) -> set[Trade]:
    """Return the account's trades as the matching engine wrote them."""
    return {
        (trade.match_id, trade.order.order_id)
        for trade in ledger.trades()
        if trade.order.terms.owner.account == ACCOUNT
    }


def fees_of(ledger: Ledger) -> Mapping[str, Decimal]:
    """Return the fees of each order."""
    fees = dict.fromkeys(ledger.orders, Decimal(0))
    for event in ledger.executions:
        if isinstance(event, Traded):
            fees[event.order.order_id] += event.fee
    return fees


def on_tape(path: Path) -> list[Trade]:
    """Return the trades that are told on a tape, read without the code under test."""
    found = []
    for record in records(path):
        if record.kind != Kind.FRAME:
            continue
        fields = dict(pair.partition(b"=")[::2] for pair in record.payload.split(b"\x01"))
        if fields.get(b"35") == b"8" and fields.get(b"150") == b"F":
            found.append((fields[b"880"].decode(), fields[b"37"].decode()))
    return found


def found_by(report: ReconciliationReport) -> list[Trade]:
    """Return the trades that a run says to be missing, in order."""
    return sorted((one.trade_id, one.order_id) for one in report.missing)


def others(report: ReconciliationReport) -> list[BreakKind]:
    """Return the kinds of the other differences that a run found."""
    return [one.kind for one in report.breaks if one.kind is not BreakKind.MISSING_IN_FIX]


async def rebuilt(job: Job) -> Gateway:
    """Return what a process would know that begins with the tape as it is now, as after a crash."""
    copy = job.desk.tape.with_name("crashed")
    shutil.copytree(job.desk.tape, copy / "orders")
    store = {"orders": {"store": {"kind": "tape", "path": str(copy)}}}
    [plan] = memory_plans(job.desk.venue, SESSIONS, settings=store)
    unreachable = replace(plan, connector=MemoryNetwork().connector("nobody"))
    return Gateway([unreachable], clock=job.desk.venue.settings.clock, wait="none")


# -- in memory --


@dataclass(frozen=True)
class Job:
    """A reconciliation of a desk in memory, as a program that embeds it runs it.

    Args:
        desk: what is reconciled.
        resolved: the session whose tape is read.
        copy: asks for past reports; None: there is no drop copy.
        rest: asks over REST.
    """

    desk: Desk
    resolved: Resolved
    copy: DropCopy | None
    rest: KalshiRest | None

    async def run(self, *, apply: bool = False, **more: Any) -> ReconciliationReport:
        """Compare the last hour, and repair what can be."""
        report, repair = await self.planned(**more)
        if not apply:
            return report
        return await repaired(report, repair, lambda _: True, to_gateway(self.desk.gateway))

    async def planned(self, **more: Any) -> tuple[ReconciliationReport, Repair]:
        """Compare the last hour, and work out what can be repaired."""
        clock = self.desk.venue.settings.clock
        now_ns = clock.now().utc_ns
        sources = Sources()
        sources.add_tape(self.resolved, now_ns)
        if self.copy is not None:
            known = await known_before([self.resolved], now_ns)
            sources.feeds.append(DropCopyFeed(self.copy, known, clock))
        if self.rest is not None:
            sources.add_rest(self.rest, up_to_now=True)
        sources.checks.append(PlacingCheck(sources.named, sources.last))
        period = more.pop("period", Period(now_ns - HOUR_NS, now_ns))
        report = await Reconciler(
            sources.feeds, period, checks=sources.checks, open_end=True, clock=clock, **more
        ).run()
        return report, await RepairPlanner(sources.last, self.rest, sources.cents).plan(report)


@asynccontextmanager
async def in_memory(
    keys: Path,
    directory: Path,
    seed: int,
    *,
    entitled: bool = True,
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Job]:
    """Run a venue and a desk in memory; what is reconciled is up to the test.

    Args:
        keys: the directory of the clients' keys.
        directory: of the tape.
        seed: of the desk's chance.
        entitled: the account may query the drop copy.
        options: Logon options of the session beside the usual ones.
        settings: of the simulator.
    """
    accounts: Sequence[AccountSpec] = (AccountSpec(ACCOUNT, drop_copy=entitled),)
    made = memory_settings(keys, accounts=accounts, seed=seed, **settings)
    tape = directory / "tapes"
    further: dict[str, dict[str, Any]] = {"orders": {"store": {"kind": "tape", "path": str(tape)}}}
    if options is not None:
        further["orders"]["options"] = options
    async with Simulator(made) as venue:
        _, (resolved,) = memory_sessions(venue, SESSIONS, settings=further)
        plans = memory_plans(venue, {**SESSIONS, **COPY}, settings=further)
        plans = [replace(plan, required=False) for plan in plans]
        async with Gateway(plans, clock=made.clock, wait="all", drain_timeout=0.2) as gateway:
            assert resolved.store_path is not None
            desk = Desk(venue, gateway, random.Random(seed), resolved.store_path)
            async with rest_of(venue, CLIENT, attempts=2) as rest:
                yield Job(desk, resolved, gateway["copy"].client(DropCopy), rest)


# -- over sockets --


@dataclass(frozen=True)
class JobOverSockets:
    """A reconciliation from a configuration, beside the gateway that it is of.

    Args:
        desk: what is reconciled.
        file: the job's configuration: the gateway's, and a session that queries the drop copy.
    """

    desk: Desk
    file: Path

    async def run(self, *, apply: bool = False) -> ReconciliationReport:
        """Compare the last day, and repair what can be over the control socket."""
        return await reconcile(CommandJob(self.file), approve=(lambda _: True) if apply else None)


@dataclass
class HastyDesk(Desk):
    """A desk whose time is that of the world: it waits no longer than it has to."""

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(min(seconds, WORLD_SETTLED))

    async def back(self) -> None:
        """Wait for the next Logon."""
        await asyncio.sleep(0.2)
        await self.gateway["orders"].logged_on()
        await asyncio.sleep(0.1)


@asynccontextmanager
async def over_sockets(directory: Path, seed: int) -> AsyncIterator[JobOverSockets]:
    """Run a venue and a desk that talk TLS.

    Args:
        directory: of everything.
        seed: of the desk's chance.
    """
    clients = tuple(ClientSpec(name, Algorithm.ED25519, ACCOUNT) for name in ("desk", "copy"))
    settings = SimSettings(directory / "venue", clients=clients, seed=seed)
    sessions = {"orders": ("orders-nr", "desk")}
    async with Simulator(settings) as venue:
        file = write_sessions(venue, directory / "gateway", sessions)
        async with load(file) as gateway:
            write_sessions(venue, directory / "gateway", {**sessions, "copy": ("drop-copy", "copy")})
            tape = directory / "gateway" / "tapes" / "orders"
            yield JobOverSockets(HastyDesk(venue, gateway, random.Random(seed), tape), file)
