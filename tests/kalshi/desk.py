"""A desk's gateway and the simulated venue, joined in memory on one clock: real sessions, real signatures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from fixgw.cli.dict import session_dictionary
from fixgw.clock import Now
from fixgw.engine.gateway import Gateway, Wait
from fixgw.engine.handle import SessionHandle
from fixgw.engine.settings import RetrySettings, SessionPlan
from fixgw.fix.dictionary import Dictionary
from fixgw.fix.message import Message
from fixgw.fix.validate import Rules, Validator
from fixgw.handlers.order import Order
from fixgw.handlers.passage import Passage
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.sim.jumploop import LoopClock
from fixgw.sim.messagelog import LoggedFrame
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.product import Product
from fixgw.sim.sessions import memory_plans, memory_settings
from fixgw.sim.venue import MarketSpec, Simulator
from fixgw.transport.memory import MemoryNetwork
from fixgw.venues.base import Venue
from fixgw.venues.kalshi.margin import VENUE as MARGIN
from fixgw.venues.kalshi.messages import NewOrderSingle
from fixgw.venues.kalshi.profile import VENUE as EVENTS

MARKET = "HIGHNY-26DEC31"
FINE = "FINE-26DEC31"  # a market with prices on $0.0001
STORM = "STORM-26DEC31"  # a volatile one
SHARD = "SHARD-26DEC31"  # one on exchange index 1
MARKETS = (
    MarketSpec(MARKET),
    MarketSpec(FINE, subpenny=True),
    MarketSpec(STORM, high_volatility=True),
    MarketSpec(SHARD, exchange_index=1),
)
ADMIN = frozenset("A012345")
DOLLARS: Mapping[str, Any] = {"use_dollars": True}
PLAIN: Mapping[str, Any] = {"use_dollars": True, "skip_pending_exec_reports": True}
OPTIONS = {"orders-nr": PLAIN, "orders-rt": PLAIN, "drop-copy": DOLLARS, "rfq": DOLLARS}
AT_ONCE = RetrySettings(base_seconds=0.0, cap_seconds=0.0, jitter=lambda: 1.0)
BUY, SELL = Side.BUY, Side.SELL


@dataclass(frozen=True)
class Seat:
    """One session of the desk.

    Args:
        kind: the venue's kind of session.
        account: whose API key logs on; each seat has a key of its own.
        options: Logon options on top of those that are usual here.
        key_of: another seat whose key it uses, which no configuration would allow.
        more: other settings of the session, as a ``sessions.yaml`` has them.
        wrong: changes to the settings of its FIX session that no ``sessions.yaml`` could ask for.
        dial: TargetCompID(56) whose port it dials, when that is not its own.
        guarded: false lets through what the desk's own guards would keep from the venue.
    """

    kind: str
    account: str = "alpha"
    options: Mapping[str, Any] = field(default_factory=dict)
    key_of: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    wrong: Mapping[str, Any] = field(default_factory=dict)
    dial: str = ""
    guarded: bool = True

    def spec(self, name: str) -> ClientSpec:
        """Return what its key is made from."""
        return ClientSpec(f"{self.account}-{name}", Algorithm.ED25519, self.account)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its settings, as a ``sessions.yaml`` has them."""
        return {"options": {**OPTIONS.get(self.kind, {}), **self.options}, **self.more}


class DeskClock:
    """The clock of the desk's machine, which may be wrong.

    Args:
        loop: moves it.

    Attributes:
        ahead: how much its wall clock is ahead of the venue's, seconds.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._true = LoopClock(loop)
        self.ahead = 0.0

    def now(self) -> Now:
        """Return the instant."""
        now = self._true.now()
        return Now(now.mono, now.utc_ns + round(self.ahead * 1e9))


@dataclass
class Joined:
    """A gateway that is logged on to a venue.

    Attributes:
        seen: how many frames of the venue's log were looked at.
    """

    venue: Simulator
    gateway: Gateway
    network: MemoryNetwork
    clock: DeskClock
    key_ids: Mapping[str, str]
    seen: int = 0

    def __getitem__(self, seat: str) -> SessionHandle:
        return self.gateway[seat]

    async def settle(self) -> None:
        """Let the loop run until all that was sent has arrived, and what follows from it too."""
        await asyncio.sleep(1e-6)  # time moves only when nothing is left to do

    async def submit(self, seat: str, order: NewOrderSingle) -> Order:
        """Send an order and let it arrive."""
        placed = await self[seat].orders.submit(order)
        await self.settle()
        return placed

    def frames(self, seat: str, *, outbound: bool | None = True, admin: bool = False) -> list[LoggedFrame]:
        """Return the frames of a seat's connection that passed since the last ``look``.

        Args:
            seat: whose.
            outbound: what the venue sent; False for what it received.
            admin: session messages too.
        """
        return [
            frame
            for frame in list(self.venue.log)[self.seen :]
            if frame.session.endswith(self.key_ids[seat])
            and outbound in (None, frame.outbound)
            and (admin or frame.msg_type not in ADMIN)
        ]

    def look(self) -> None:
        """Leave out of ``frames`` what has passed so far."""
        self.seen = len(self.venue.log)

    async def heard(self, seat: str, *patterns: str, admin: bool = False) -> list[LoggedFrame]:
        """Check what the venue has sent to a seat since the last ``look``, frame by frame.

        Args:
            seat: to whom.
            patterns: one a frame, see ``fits``.
            admin: session messages count too.
        """
        await self.settle()
        frames = self.frames(seat, admin=admin)
        shown = "\n".join(shown_of(frame) for frame in frames) or "nothing"
        assert len(frames) == len(patterns), f"{len(patterns)} frames expected, came:\n{shown}"
        for frame, pattern in zip(frames, patterns, strict=True):
            assert fits(frame, pattern), f"expected {pattern}\n     came {shown_of(frame)}\n  of all\n{shown}"
        return frames

    async def told(self, seat: str, *patterns: str) -> list[LoggedFrame]:
        """Check what the venue has received from a seat since the last ``look``; as ``heard``."""
        await self.settle()
        frames = self.frames(seat, outbound=False)
        shown = "\n".join(shown_of(frame) for frame in frames) or "nothing"
        assert len(frames) == len(patterns), f"{len(patterns)} frames expected, went:\n{shown}"
        for frame, pattern in zip(frames, patterns, strict=True):
            assert fits(frame, pattern), f"expected {pattern}\n     went {shown_of(frame)}"
        return frames

    @staticmethod
    def assert_fits(frame: LoggedFrame, pattern: str) -> None:
        """Check one frame; see ``fits``."""
        assert fits(frame, pattern), f"expected {pattern}\n     came {shown_of(frame)}"

    def rest(self, side: Side, qty: int | str, price: str, symbol: str = MARKET) -> None:
        """Let the house rest an order."""
        self.venue.quote(symbol, HouseSide(side.value), Decimal(price), Decimal(qty))


@dataclass(frozen=True)
class Opener:
    """Opens desks.

    Args:
        keys: the directory of the clients' keys.
    """

    keys: Path

    @asynccontextmanager
    async def __call__(
        self,
        seats: Mapping[str, Seat],
        *,
        wait: Wait = "all",
        retry: RetrySettings = AT_ONCE,
        prepare: Callable[[Simulator, DeskClock], None] | None = None,
        **settings: Any,
    ) -> AsyncIterator[Joined]:
        """Run a venue and a gateway with these sessions; at the end the venue has kept to its dictionary.

        Args:
            seats: by name.
            wait: for which Logons.
            retry: the gateway's back-off; at once by default.
            prepare: called before the gateway dials.
            settings: further settings of the venue.
        """
        clock = DeskClock(asyncio.get_running_loop())
        specs = {name: seat.spec(name) for name, seat in seats.items()}
        made = memory_settings(
            self.keys,
            markets=MARKETS,
            clients=tuple({spec.name: spec for spec in specs.values()}.values()),
            **settings,
        )
        assert made.network is not None
        async with Simulator(made) as venue:
            key_ids = {name: venue.keys[spec.name].key_id for name, spec in specs.items()}
            plans = _plans(venue, made.network, seats, specs)
            if prepare is not None:
                prepare(venue, clock)
            plans = [replace(plan, retry=retry) for plan in plans]
            gateway = Gateway(plans, clock=clock, wait=wait, timeout=5.0, drain_timeout=0.2)
            async with gateway:
                joined = Joined(venue, gateway, made.network, clock, key_ids)
                joined.look()
                yield joined
            assert_in_dictionary(venue)


def _plans(
    venue: Simulator, network: MemoryNetwork, seats: Mapping[str, Seat], specs: Mapping[str, ClientSpec]
) -> list[SessionPlan]:
    """Return the plans of a configuration with these seats, changed where it could not ask for them."""
    made = memory_plans(
        venue,
        {name: (seat.kind, specs[name].name) for name, seat in seats.items()},
        settings={name: seat.settings for name, seat in seats.items()},
    )
    by_name = {plan.session.name: plan for plan in made}
    return [_bent(by_name[name], seat, network, by_name) for name, seat in seats.items()]


def _bent(
    plan: SessionPlan, seat: Seat, network: MemoryNetwork, plans: Mapping[str, SessionPlan]
) -> SessionPlan:
    """Let a session do what no configuration would let it, to hear what the venue says to that."""
    if not seat.guarded:
        edge = plan.passage().edge
        plan = replace(plan, passage=lambda: Passage((), edge))
    if seat.dial:
        plan = replace(plan, connector=network.connector(seat.dial))
    wrong = dict(seat.wrong)
    if seat.key_of:
        owner = plans[seat.key_of].session
        wrong |= {"sender_comp_id": owner.sender_comp_id, "signer": owner.signer}
    return replace(plan, session=replace(plan.session, **wrong))


def assert_in_dictionary(venue: Simulator) -> None:
    """Hold every frame that the venue has sent against what ``fixgw dict export`` writes."""
    for frame in venue.log:
        if frame.outbound:
            EXPORTED[venue.settings.product].check(Message.decode(frame.frame))


def _validator(spoken: Venue) -> Validator:
    dialect = Dictionary.of_messages(spoken.profile.name, spoken.messages, spoken.profile.field_names)
    return Validator(session_dictionary().merged(dialect), {"9": dialect}, "9", Rules())


EXPORTED = {Product.EVENTS: _validator(EVENTS), Product.MARGIN: _validator(MARGIN)}


def limit(
    side: Side,
    qty: int | str,
    price: str,
    life: TimeInForce = TimeInForce.GOOD_TILL_CANCEL,
    symbol: str = MARKET,
    **fields: Any,
) -> NewOrderSingle:
    """Return a limit order for YES."""
    return NewOrderSingle(
        symbol=symbol,
        side=side,
        order_qty=Decimal(qty),
        price=Decimal(price),
        time_in_force=life,
        **fields,
    )


def fits(frame: LoggedFrame, pattern: str) -> bool:
    """Tell whether a frame is as ``8|150=4|58=TEXT|41|!32``: type, a value, any value, and no such tag.

    A tag that occurs more than once lists its values: ``1705=BALANCE,PAYOUT``.
    """
    msg_type, *parts = pattern.split("|")
    found = values_of(frame)
    return frame.msg_type == msg_type and all(_fits(found, part) for part in parts)


def _fits(found: Mapping[int, Sequence[str]], part: str) -> bool:
    if part.startswith("!"):
        return int(part[1:]) not in found
    tag, equals, value = part.partition("=")
    values = found.get(int(tag))
    return values is not None and (not equals or ",".join(values) == value)


def values_of(frame: LoggedFrame) -> dict[int, list[str]]:
    """Return the values of each tag, in their order."""
    found: dict[int, list[str]] = {}
    for pair in frame.frame.rstrip(b"\x01").split(b"\x01"):
        tag, _, value = pair.partition(b"=")
        found.setdefault(int(tag), []).append(value.decode())
    return found


def shown_of(frame: LoggedFrame) -> str:
    """Return a frame in one readable line."""
    return frame.frame.replace(b"\x01", b"|").decode()


def texts(frames: Iterable[LoggedFrame], tag: int) -> list[str | None]:
    """Return one tag of each frame."""
    return [frame.get(tag) for frame in frames]
