"""Random trading out of a seed: two desks with four sessions between them, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from fixgw.engine.gateway import Gateway
from fixgw.engine.handle import SessionHandle
from fixgw.engine.settings import RetrySettings
from fixgw.errors import LocalError, NotSent, OutcomeUnknown, Rejected
from fixgw.handlers.order import Order
from fixgw.messages.order_entry import ExecInst, Side, TimeInForce
from fixgw.sim.accounts import AccountSpec
from fixgw.sim.admission import Trading
from fixgw.sim.failures import Failure
from fixgw.sim.kinds import KINDS
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.sessions import ORDER_OPTIONS, memory_plans, memory_settings
from fixgw.sim.settlement import Result
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.asks import RequestState
from fixgw.venues.kalshi.dropcopy import DropCopy
from fixgw.venues.kalshi.exec_id import ExecID
from fixgw.venues.kalshi.groups import OrderGroup, OrderGroups
from fixgw.venues.kalshi.messages import NewOrderSingle, SelfTradePreventionType
from fixgw.venues.kalshi.quotes import QuoteState
from fixgw.venues.kalshi.recovery import Recovery
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from fixgw.venues.kalshi.rfq_maker import RfqMaker
from tests.kalshi.desk import FINE, MARKET, MARKETS, SHARD, STORM

SOON = RetrySettings(base_seconds=0.3, cap_seconds=2.0, jitter=lambda: 1.0)
EXPECTED = (LocalError, NotSent, OutcomeUnknown, Rejected)  # what an operation may come to
GRACE = 0.5  # seconds for which an order that nothing was told of stays unknown
TIMERS = 60.0  # seconds after which an accepted quote has executed or is void
LIVES = {
    TimeInForce.GOOD_TILL_CANCEL: 60,
    TimeInForce.IMMEDIATE_OR_CANCEL: 15,
    TimeInForce.FILL_OR_KILL: 5,
    TimeInForce.DAY: 8,
    TimeInForce.GOOD_TILL_DATE: 12,
}
SYMBOLS = {MARKET: 5, FINE: 2, STORM: 2, SHARD: 2}
DESKS: Mapping[str, Mapping[str, str]] = {
    "alpha": {"rt": "orders-rt", "second": "orders-nr", "ear": "orders-rt", "copy": "drop-copy"},
    "beta": {"nr": "orders-nr", "maker": "rfq"},
}
LISTENS = {"options": {"listener_session": True, "skip_pending_exec_reports": True, "use_dollars": True}}
PAID = {"options": {"receive_settlement_reports": True, **ORDER_OPTIONS}}
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


class Floor:
    """Everybody at work.

    Args:
        venue: the simulated venue.
        gateways: of the two desks, by account.
        rng: decides everything.
    """

    def __init__(self, venue: Simulator, gateways: Mapping[str, Gateway], rng: Random) -> None:
        self.venue = venue
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
        keepers = [asyncio.create_task(self._keep(name)) for name in TRADERS]
        operations, weights = zip(*OPERATIONS.items(), strict=True)
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
                    await self._try("resolve", change_group(self, trader, group, "update", 50))

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


# -- the operations --


async def place(floor: Floor) -> None:
    """Send an order of any kind."""
    rng, trader = floor.rng, floor.trader()
    symbol, life = floor.one_of(SYMBOLS), floor.one_of(LIVES)
    fields: dict[str, Any] = {"self_trade_prevention_type": rng.choice([None, *SelfTradePreventionType])}
    if life is TimeInForce.GOOD_TILL_DATE:
        seconds = floor.venue.now().utc_ns / 1e9 + rng.randint(1, 90)
        fields["expire_time"] = datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(seconds))
    if rng.random() < 0.1:
        reduces = life is TimeInForce.IMMEDIATE_OR_CANCEL
        fields["exec_inst"] = (ExecInst.DO_NOT_INCREASE if reduces else ExecInst.PARTICIPATE_DONT_INITIATE,)
    if rng.random() < 0.03:
        fields["max_execution_cost"] = Decimal(rng.randint(1, 8))
    groups = [group for group in trader.groups if group.limit is not None]
    if groups and rng.random() < 0.2:
        fields["secondary_cl_ord_id"] = rng.choice(groups).made.order_group_id
    elif rng.random() < 0.1:
        fields["alloc_account"] = "1"
    order = await trader.handle.orders.submit(
        NewOrderSingle(
            cl_ord_id=floor.new_id(),
            symbol=symbol,
            side=rng.choice((Side.BUY, Side.SELL)),
            order_qty=floor.size(),
            price=floor.price(symbol),
            time_in_force=life,
            **fields,
        )
    )
    trader.sent.append(order)
    trader.live.append(order)


async def change(floor: Floor) -> None:
    """Replace an order: another price, another quantity, or both."""
    trader = floor.trader()
    order = floor.live_order(trader)
    price = floor.price(order.symbol) if floor.rng.random() < 0.7 else None
    qty = floor.size() + order.cum_qty if price is None or floor.rng.random() < 0.5 else None
    await trader.handle.orders.replace(order, price=price, order_qty=qty)


async def cancel(floor: Floor) -> None:
    """Cancel an order."""
    trader = floor.trader()
    await trader.handle.orders.cancel(floor.live_order(trader))


async def cancel_all(floor: Floor) -> None:
    """Cancel every order of a session that can."""
    await floor.traders[floor.rng.choice(("second", "nr"))].handle.orders.mass_cancel()


async def wait(floor: Floor) -> None:
    """Let time pass."""
    await asyncio.sleep(floor.rng.expovariate(1.0))


async def fail(floor: Floor) -> None:
    """Let the exchange fail behind the venue's gateway."""
    rng = floor.rng
    failure = rng.choice(list(Failure))
    floor.venue.fail_next(failure, msg_type=rng.choice("DDFG"), key_id=floor.trader().name.split("/")[1])


async def pause(floor: Floor) -> None:
    """Let the venue trade no more for a while."""
    floor.venue.pause(floor.rng.choice((Trading.PAUSED, Trading.EXCHANGE_PAUSED)))
    floor.later("pause", _open_later(floor.venue, floor.rng.uniform(0.1, 2)))


async def _open_later(venue: Simulator, seconds: float) -> None:
    await asyncio.sleep(seconds)
    venue.pause(Trading.OPEN)


async def drop(floor: Floor) -> None:
    """Lose a connection, or all of them, with whatever is on its way."""
    rng, venue = floor.rng, floor.venue
    name = rng.choice(list(floor.handles))
    key_id = venue.keys[name].key_id
    kind = rng.choice(("cut", "cut", "deaf", "leave", "network"))
    if kind == "deaf":  # what the venue says until the cut is lost
        venue.pause_reports(key_id)
        floor.later("drop", _cut_later(venue, key_id, rng.random()))
    elif kind == "leave":
        await floor.handles[name].reconnect()
    elif kind == "network":
        assert venue.settings.network is not None
        venue.settings.network.cut()
    else:
        venue.cut(key_id)


async def _cut_later(venue: Simulator, key_id: str, seconds: float) -> None:
    await asyncio.sleep(seconds)
    if not venue.cut(key_id):
        venue.resume_reports(key_id)


async def group(floor: Floor) -> None:
    """Make, change, reset, trigger or end an order group."""
    trader = floor.trader()
    living = [one for one in trader.groups if one.limit is not None]
    action = floor.rng.choice(("create", "update", "reset", "trigger", "delete"))
    if action == "create" or not living:
        if len(living) < 4:
            floor.later("group", make_group(trader, floor.rng.randint(5, 60)))
        return
    chosen = floor.rng.choice(living)
    floor.later("group", change_group(floor, trader, chosen, action, floor.rng.randint(5, 60)))


async def make_group(trader: Trader, limit: int) -> None:
    """Make a group; one of which nobody knows whether it was made is used by nobody."""
    made = await trader.handle.client(OrderGroups).create(limit)
    trader.groups.append(Group(made, limit))


async def change_group(floor: Floor, trader: Trader, chosen: Group, action: str, limit: int) -> None:
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


async def ask(floor: Floor) -> None:
    """Ask for quotes, or close a request."""
    open_ones = [one for one in floor.creator.requests.values() if one.state is RequestState.OPEN]
    if open_ones and floor.rng.random() < 0.2:
        floor.later("close", floor.creator.cancel(floor.rng.choice(open_ones)))
        return
    floor.later("ask", _ask(floor, floor.rng.choice((MARKET, STORM)), floor.size()))


async def _ask(floor: Floor, symbol: str, qty: Decimal) -> None:
    rest, again = floor.rng.random() < 0.3, floor.rng.random() < 0.3
    await floor.creator.request(symbol, order_qty=qty, rest_remainder=rest, replace_existing=again)


async def quote(floor: Floor) -> None:
    """Answer a request, or take a quote back."""
    rng = floor.rng
    standing = [one for one in floor.maker.quotes[-50:] if one.state is QuoteState.PENDING]
    if standing and rng.random() < 0.1:
        floor.later("withdraw", floor.maker.cancel(rng.choice(standing)))
        return
    requests = [one for one in floor.maker.open_requests.values() if one.withdrawn is None]
    if requests:
        bid = Decimal(rng.randint(40, 50)) / 100
        offer = Decimal(rng.randint(35, 50)) / 100 if rng.random() < 0.8 else None
        floor.maker.quote(rng.choice(requests), bid_px=bid, offer_px=offer, post_only=rng.random() < 0.1)


async def accept(floor: Floor) -> None:
    """Take a quote."""
    quoted = [one for one in floor.creator.requests.values() if one.state is RequestState.OPEN and one.quotes]
    if quoted:
        side = floor.rng.choice((Side.BUY, Side.SELL))
        best = floor.rng.choice(quoted).best(side)
        if best is not None:
            floor.later("accept", _accept(floor, best, side))


async def _accept(floor: Floor, best: Any, side: Side) -> None:
    await floor.creator.accept(best, side, cl_ord_id=floor.new_id())


async def confirm(floor: Floor) -> None:
    """Stand by a quote that was taken."""
    for taken in floor.maker.quotes:
        if taken.state is QuoteState.ACCEPTED:
            floor.later("confirm", floor.maker.confirm(taken))
            return


OPERATIONS: Mapping[Callable[[Floor], Awaitable[None]], float] = {
    place: 50,
    change: 13,
    cancel: 17,
    cancel_all: 0.3,
    group: 1,
    ask: 1,
    quote: 2,
    accept: 1,
    confirm: 2,
    wait: 4,
    fail: 0.5,
    pause: 0.1,
    drop: 1,
}


# -- opening --


@asynccontextmanager
async def opened(keys: Path, seed: int) -> AsyncIterator[Floor]:
    """Run a venue and two desks, and let chance decide.

    Args:
        keys: the directory of the clients' keys.
        seed: everything comes out of it.
    """
    clients = tuple(
        ClientSpec(name, Algorithm.ED25519, account) for account, names in DESKS.items() for name in names
    )
    settings = memory_settings(keys, markets=MARKETS, clients=clients, accounts=(RICH,), seed=seed)
    async with Simulator(settings) as venue:
        gateways = {account: _gateway(venue, names) for account, names in DESKS.items()}
        async with gateways["alpha"], gateways["beta"]:
            yield Floor(venue, gateways, Random(seed))


def _gateway(venue: Simulator, names: Mapping[str, str]) -> Gateway:
    sessions = {name: (kind, name) for name, kind in names.items()}
    further = {name: LISTENS if name == "ear" else PAID for name in names if name in {"ear", *TRADERS}}
    plans = memory_plans(venue, sessions, settings=further)
    plans = [replace(plan, retry=SOON) for plan in plans]
    return Gateway(plans, clock=venue.settings.clock, wait="all", drain_timeout=0.2)
