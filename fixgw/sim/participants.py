"""Others at the venue: they quote, take, ask for quotes and answer, at instants and prices out of a seed.

Each has a session of its own without a wire: what it sends goes through the venue's rules as a client's does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import ClassVar, Protocol

from fixgw.clock import Clock, Now
from fixgw.config.values import Count, Duration, Name, Price, Probability, Quantity, Rate
from fixgw.engine.driver import plain_message
from fixgw.errors import ConfigError, LocalError, Reject
from fixgw.fix.message import Message
from fixgw.handlers.base import Sendable
from fixgw.handlers.orders import Orders
from fixgw.sim.app import VenueApp
from fixgw.sim.kinds import NR, RFQ, RT, SessionKind
from fixgw.sim.orders import Side

CENT = Decimal("0.01")
LEAST, MOST = CENT, Decimal("0.99")
LOGON = Message("A", [(21005, "Y"), (21011, "Y")])  # in dollars, without pending reports


@dataclass(frozen=True, slots=True)
class MakerSpec:
    """Quotes both sides of a market around a price that wanders.

    Args:
        name: of its account and session.
        symbol: the market.
        mid: the price around which it begins, dollars.
        spread: between its bid and its offer, dollars.
        size: contracts on each side.
        wander: how far the price may move from one pair of quotes to the next, dollars.
        rate: new pairs of quotes a second, on average.
    """

    name: Name
    symbol: str
    mid: Price = Decimal("0.50")
    spread: Price = Decimal("0.04")
    size: Quantity = Decimal(100)
    wander: Decimal = CENT
    rate: Rate = 1.0


@dataclass(frozen=True, slots=True)
class TakerSpec:
    """Buys or sells at the best price that stands.

    Args:
        name: of its account and session.
        symbol: the market.
        size: contracts at most, each time.
        rate: orders a second, on average.
    """

    name: Name
    symbol: str
    size: Count = 10
    rate: Rate = 1.0


@dataclass(frozen=True, slots=True)
class RfqCreatorSpec:
    """Asks makers for quotes, and takes some.

    Args:
        name: of its account and session.
        symbol: the market.
        size: contracts.
        rate: requests a second, on average.
        accept: probability with which it takes a quote, 0 to 1.
        latency: seconds that it thinks about one.
    """

    name: Name
    symbol: str
    size: Quantity = Decimal(100)
    rate: Rate = 0.1
    accept: Probability = 0.5
    latency: Duration = 0.1


@dataclass(frozen=True, slots=True)
class RfqQuoterSpec:
    """Answers requests for quote.

    Args:
        name: of its account and session.
        bid: the price at which it buys YES, dollars.
        offer: the price at which it sells.
        answer: probability with which it quotes, 0 to 1.
        confirm: probability with which it confirms a quote that was taken, 0 to 1.
        latency: seconds that it takes for either.
    """

    name: Name
    bid: Price = Decimal("0.45")
    offer: Price = Decimal("0.55")
    answer: Probability = 1.0
    confirm: Probability = 1.0
    latency: Duration = 0.05

    def __post_init__(self) -> None:
        if self.bid >= self.offer:
            raise ConfigError("bid is not below offer", remedy="say a bid below the offer")


@dataclass(frozen=True, slots=True)
class Participants:
    """Who else is there.

    Args:
        makers: quote both sides of a market.
        takers: take what stands.
        rfq_creators: ask for quotes.
        rfq_quoters: answer.
    """

    makers: Sequence[MakerSpec] = ()
    takers: Sequence[TakerSpec] = ()
    rfq_creators: Sequence[RfqCreatorSpec] = ()
    rfq_quoters: Sequence[RfqQuoterSpec] = ()


class Seat:
    """A session without a wire; implements ``VenuePort``.

    Args:
        name: of the session.
        clock: the venue's.
        hear: called with what the venue sends.
    """

    active = True
    epoch = 1
    connections = 1

    def __init__(self, name: str, clock: Clock, hear: Callable[[Message], None]) -> None:
        self.name = name
        self._clock = clock
        self._hear = hear
        self._sent = 0

    @property
    def orders(self) -> Orders:
        """There are none: nobody follows them.

        Raises:
            LocalError: always.
        """
        raise LocalError(f"{self.name}: a participant keeps no orders")

    def now(self) -> Now:
        """The instant, by the venue's clock."""
        return self._clock.now()

    def send(self, message: Sendable, *, urgent: bool = False) -> int:
        """Let the participant hear a message."""
        self._sent += 1
        self._hear(message if isinstance(message, Message) else plain_message(message))
        return self._sent

    def keep(self, message: Message) -> None:
        """As ``send``: it is always there."""
        self.send(message)

    def delay(self, message: Message) -> float:
        """Return 0: it may always send."""
        return 0.0

    async def flushed(self) -> None:
        """Return at once."""


class Named(Protocol):
    """What every participant's specification says."""

    @property
    def name(self) -> str:
        """Of its account and session."""
        ...


class Participant:
    """One of them.

    Args:
        spec: who it is.
        app: the venue's application.
        clock: the venue's.
        seed: what it does comes out of it.
    """

    kind: ClassVar[SessionKind]

    def __init__(self, spec: Named, app: VenueApp, clock: Clock, seed: int) -> None:
        self.name = spec.name
        self._app = app
        self._rng = Random(f"{seed}/{type(self).__name__}/{spec.name}")  # noqa: S311 - not for secrets
        self._seat = Seat(f"{self.kind.target_comp_id}/{spec.name}", clock, self.hear)
        self._numbers = 0
        self._timers: set[asyncio.TimerHandle] = set()

    def start(self) -> None:
        """Take the seat."""
        self._app.client(self._seat.name, self.kind, self.name)
        self._app.on_logon(self._seat, LOGON)

    def stop(self) -> None:
        """Do nothing any more."""
        for timer in self._timers:
            timer.cancel()

    def hear(self, message: Message) -> None:
        """Whoever reacts does so later, never inside the venue's turn."""

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        def due() -> None:
            self._timers.discard(timer)
            act()

        timer = asyncio.get_running_loop().call_later(seconds, due)
        self._timers.add(timer)

    def _keep_acting(self, rate: float, act: Callable[[], None]) -> None:
        """Act at random instants, ``rate`` times a second on average."""

        def again() -> None:
            act()
            self._later(self._rng.expovariate(rate), again)

        self._later(self._rng.expovariate(rate), again)

    def _send(self, msg_type: str, pairs: Sequence[tuple[int, str]]) -> None:
        """Send; a refusal is taken as it comes."""
        try:
            self._app.on_message(self._seat, Message(msg_type, pairs))
        except Reject:
            return

    def _new_id(self) -> str:
        self._numbers += 1
        return f"{self.name}-{self._numbers}"

    def _order(self, symbol: str, side: Side, price: Decimal, qty: object, time_in_force: str) -> str:
        cl_ord_id = self._new_id()
        pairs = [(11, cl_ord_id), (38, str(qty)), (40, "2"), (44, str(price)), (54, side.value)]
        self._send("D", [*pairs, (55, symbol), (59, time_in_force)])
        return cl_ord_id


class Maker(Participant):
    """See ``MakerSpec``."""

    kind = NR

    def __init__(self, spec: MakerSpec, app: VenueApp, clock: Clock, seed: int) -> None:
        super().__init__(spec, app, clock, seed)
        self._spec = spec
        self._mid = spec.mid
        self._quotes: list[tuple[str, Side]] = []

    def start(self) -> None:
        """Quote now, and again and again."""
        super().start()
        self._quote()
        self._keep_acting(self._spec.rate, self._requote)

    def _requote(self) -> None:
        spec = self._spec
        for cl_ord_id, side in self._quotes:
            self._send("F", [(11, self._new_id()), (41, cl_ord_id), (54, side.value), (55, spec.symbol)])
        self._mid = min(MOST, max(LEAST, self._mid + self._rng.choice((-1, 0, 1)) * spec.wander))
        self._quote()

    def _quote(self) -> None:
        half = self._spec.spread / 2
        self._quotes = [
            (self._order(self._spec.symbol, side, _on_grid(price), self._spec.size, "1"), side)
            for side, price in ((Side.BUY, self._mid - half), (Side.SELL, self._mid + half))
        ]


class Taker(Participant):
    """See ``TakerSpec``."""

    kind = NR

    def __init__(self, spec: TakerSpec, app: VenueApp, clock: Clock, seed: int) -> None:
        super().__init__(spec, app, clock, seed)
        self._spec = spec

    def start(self) -> None:
        """Take, again and again."""
        super().start()
        self._keep_acting(self._spec.rate, self._take)

    def _take(self) -> None:
        side, qty = self._rng.choice((Side.BUY, Side.SELL)), self._rng.randint(1, self._spec.size)
        standing = self._app.engine.books[self._spec.symbol].side(side.opposite).depth()
        if standing:
            self._order(self._spec.symbol, side, standing[0][0], qty, "3")


class RfqCreator(Participant):
    """See ``RfqCreatorSpec``."""

    kind = RT

    def __init__(self, spec: RfqCreatorSpec, app: VenueApp, clock: Clock, seed: int) -> None:
        super().__init__(spec, app, clock, seed)
        self._spec = spec

    def start(self) -> None:
        """Ask, again and again."""
        super().start()
        self._keep_acting(self._spec.rate, self._ask)

    def hear(self, message: Message) -> None:
        """Take a quote, or leave it."""
        if message.msg_type == "S" and self._rng.random() < self._spec.accept:
            self._later(self._spec.latency, lambda: self._accept(message))

    def _ask(self) -> None:
        spec = self._spec
        self._send("R", [(131, self._new_id()), (146, "1"), (55, spec.symbol), (38, str(spec.size))])

    def _accept(self, quote: Message) -> None:
        offered = [side for side, tag in ((Side.SELL, 132), (Side.BUY, 133)) if tag in quote]
        side = self._rng.choice(offered)
        self._send("UA", [(11, self._new_id()), (54, side.value), (117, quote.text(117) or "")])


class RfqQuoter(Participant):
    """See ``RfqQuoterSpec``."""

    kind = RFQ

    def __init__(self, spec: RfqQuoterSpec, app: VenueApp, clock: Clock, seed: int) -> None:
        super().__init__(spec, app, clock, seed)
        self._spec = spec

    def hear(self, message: Message) -> None:
        """Quote what is asked for, confirm what was taken."""
        spec = self._spec
        if message.msg_type == "R" and self._rng.random() < spec.answer:
            self._later(spec.latency, lambda: self._quote(message))
        taken = message.msg_type == "AI" and message.text(297) == "0"
        if taken and self._rng.random() < spec.confirm:
            self._later(spec.latency, lambda: self._send("U7", [(117, message.text(117) or "")]))

    def _quote(self, request: Message) -> None:
        pairs = [(55, request.text(55) or ""), (117, self._new_id()), (131, request.text(131) or "")]
        prices = [(132, str(self._spec.bid)), (133, str(self._spec.offer))]
        self._send("S", pairs + prices)


def seats(wanted: Participants, app: VenueApp, clock: Clock, seed: int) -> list[Participant]:
    """Return the participants, not started.

    Args:
        wanted: who they are.
        app: the venue's application.
        clock: the venue's.
        seed: what they do comes out of it.
    """
    return [
        *(Maker(spec, app, clock, seed) for spec in wanted.makers),
        *(Taker(spec, app, clock, seed) for spec in wanted.takers),
        *(RfqQuoter(spec, app, clock, seed) for spec in wanted.rfq_quoters),
        *(RfqCreator(spec, app, clock, seed) for spec in wanted.rfq_creators),
    ]


def _on_grid(price: Decimal) -> Decimal:
    return min(MOST, max(LEAST, price.quantize(CENT)))
