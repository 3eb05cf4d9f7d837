"""Where the demo plays: a venue, a desk and a market maker, and the words for what is seen."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from fixgw.cli.render import out
from fixgw.config.build import load
from fixgw.engine.gateway import Gateway
from fixgw.handlers.order import Order, OrderState
from fixgw.handlers.orders import Orders
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.sessions import ORDER_OPTIONS, write_sessions
from fixgw.sim.venue import MarketSpec, SimSettings, Simulator
from fixgw.venues.kalshi.market_data import MarketData
from fixgw.venues.kalshi.messages import NewOrderSingle

HIGH, RATE, STORM = "HIGHNY-26DEC31", "KXFED-26DEC-T4.00", "STORM-26DEC31"
MARKETS = (MarketSpec(HIGH), MarketSpec(RATE), MarketSpec(STORM, high_volatility=True))
HOUSE = (("0.20", "0.85"), ("0.15", "0.90"))  # what the house bids and asks in every market, dollars
HOUSE_QTY = 50

ANSWER = 10.0  # seconds that the venue gets for an answer; it takes milliseconds
LOGON = 30.0  # seconds that a session gets to come back
STANDS = frozenset({OrderState.NEW, OrderState.PARTIALLY_FILLED})
IN_WORDS = {
    OrderState.PARTIALLY_FILLED: "",  # the numbers say it
    OrderState.SENT: "sent, no answer yet",
    OrderState.UNKNOWN: "outcome unknown",
    OrderState.NOT_SENT: "never arrived: safe to send again",
}
INDENT, WHO, DONE, WIDTH = 4, 8, 50, 100  # characters


@dataclass(frozen=True, slots=True)
class Seat:
    """One session of the demo.

    Args:
        name: in the configuration; its API key goes by the same name.
        kind: the venue's kind of session.
        account: whose it is.
        algorithm: what its Logon is signed with.
        purpose: what it is for, in a few words.
        options: Logon options beside those that are usual.
    """

    name: str
    kind: str
    account: str
    algorithm: Algorithm
    purpose: str
    options: Mapping[str, bool] = field(default_factory=dict)


RT, NR, LISTENER, COPY, POST, BOOKS = (
    Seat(
        "orders-rt",
        "orders-rt",
        "alpha",
        Algorithm.RSA,
        "orders, quotes; sends again what was missed",
    ),
    Seat("orders-nr", "orders-nr", "alpha", Algorithm.ED25519, "orders, mass cancels; sends nothing again"),
    Seat(
        "listener",
        "orders-nr",
        "alpha",
        Algorithm.ED25519,
        "hears of every order of alpha, reads only",
        {"listener_session": True},
    ),
    Seat("drop-copy", "drop-copy", "alpha", Algorithm.ED25519, "gives out past reports"),
    Seat("post-trade", "post-trade", "alpha", Algorithm.RSA, "settlements"),
    Seat("market-data", "market-data", "alpha", Algorithm.ED25519, "books and trading states"),
)
QUOTES, FILLS = (
    Seat("quotes", "rfq", "beta", Algorithm.ED25519, "answers requests for quote"),
    Seat(
        "fills",
        "orders-nr",
        "beta",
        Algorithm.ED25519,
        "tells what beta's quotes trade and are paid",
        {"receive_settlement_reports": True},
    ),
)
DESK, MAKER = (RT, NR, LISTENER, COPY, POST, BOOKS), (QUOTES, FILLS)


@dataclass(frozen=True, slots=True)
class Stage:
    """The venue, and those who trade there.

    Args:
        venue: the simulator.
        desk: the gateway of account alpha.
        maker: the gateway of account beta, another firm.
    """

    venue: Simulator
    desk: Gateway
    maker: Gateway

    @property
    def rt(self) -> Orders:
        """The desk's orders on KalshiRT."""
        return self.desk[RT.name].orders

    @property
    def nr(self) -> Orders:
        """The desk's orders on KalshiNR."""
        return self.desk[NR.name].orders

    def key_id(self, seat: Seat) -> str:
        """Return the id of a session's API key."""
        return self.venue.keys[seat.name].key_id

    def venue_name(self, seat: Seat) -> str:
        """Return what the venue calls a session."""
        session = (self.desk if seat in DESK else self.maker)[seat.name].link.settings
        return f"{session.target_comp_id}/{session.sender_comp_id}"

    def bid(self, symbol: str, price: str, qty: int) -> None:
        """Let the house buy YES."""
        self.venue.quote(symbol, HouseSide.BUY, Decimal(price), Decimal(qty))

    def offer(self, symbol: str, price: str, qty: int) -> None:
        """Let the house sell YES."""
        self.venue.quote(symbol, HouseSide.SELL, Decimal(price), Decimal(qty))

    @staticmethod
    def heading(number: int, text: str) -> None:
        """Tell what comes now."""
        out.print(f"\n{number:2}  {text}", style="bold", markup=False)

    @staticmethod
    def step(who: str, done: str, seen: str) -> None:
        """Tell what was done, and what was seen of it."""
        out.print(f"{'':{INDENT}}{who:<{WHO}}{done:<{DONE}}{seen}", markup=False)

    @staticmethod
    def answer(text: str) -> None:
        """Tell what the venue said, and what that means, below the step that it answers."""
        margin = " " * (INDENT + WHO)
        out.print(textwrap.fill(text, WIDTH, initial_indent=margin, subsequent_indent=margin), markup=False)

    @staticmethod
    def note(text: str) -> None:
        """Tell something that belongs to no order."""
        out.print(f"{'':{INDENT}}{text}".rstrip(), markup=False)


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Stage]:
    """Start the venue, and both gateways once it listens; the desk sees every book. End them in turn.

    Args:
        directory: where keys, tapes and configurations go.
    """
    clients = tuple(ClientSpec(seat.name, seat.algorithm, seat.account) for seat in (*DESK, *MAKER))
    settings = SimSettings(directory / "venue", markets=MARKETS, clients=clients)
    async with Simulator(settings) as venue:
        for bid, offer in HOUSE:
            for market in MARKETS:
                venue.quote(market.symbol, HouseSide.BUY, Decimal(bid), Decimal(HOUSE_QTY))
                venue.quote(market.symbol, HouseSide.SELL, Decimal(offer), Decimal(HOUSE_QTY))
        desk = load(_configured(venue, directory, DESK))
        maker = load(_configured(venue, directory / "maker", MAKER))
        async with desk, maker:
            stage = Stage(venue, desk, maker)
            await _watch_books(stage)
            yield stage


def _configured(venue: Simulator, directory: Path, seats: Iterable[Seat]) -> Path:
    sessions = {seat.name: (seat.kind, seat.name) for seat in seats}
    settings = {seat.name: {"options": {**ORDER_OPTIONS, **seat.options}} for seat in seats if seat.options}
    return write_sessions(venue, directory, sessions, settings=settings)


async def _watch_books(stage: Stage) -> None:
    data = stage.desk[BOOKS.name].client(MarketData)
    data.subscribe(*(market.symbol for market in MARKETS))
    data.watch_status(STORM)
    await until(lambda: not any(book.stale for book in data.books.values()))


def limit(cl_ord_id: str, symbol: str, side: Side, qty: int, price: str, **fields: Any) -> NewOrderSingle:
    """Return a limit order that rests until it is cancelled, unless a field says otherwise."""
    rest = {"time_in_force": TimeInForce.GOOD_TILL_CANCEL, **fields}
    return NewOrderSingle(
        cl_ord_id=cl_ord_id,
        symbol=symbol,
        side=side,
        order_qty=Decimal(qty),
        price=Decimal(price),
        **rest,
    )


async def entered(orders: Orders, order: NewOrderSingle) -> Order:
    """Send an order, and return it once the venue has it."""
    sent = await orders.submit(order)
    await sent.acknowledged(ANSWER)
    return sent


async def until(condition: Callable[[], bool], patience: float = ANSWER) -> None:
    """Wait for what has no event.

    Args:
        condition: what to wait for.
        patience: seconds.

    Raises:
        TimeoutError: it has not come to be.
    """
    async with asyncio.timeout(patience):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def standing(order: Order) -> str:
    """Say in a few words how an order stands, as far as the desk knows."""
    said = [IN_WORDS.get(order.state, order.state.value)]
    if order.state is OrderState.FILLED:
        said.append(f"{plain(order.cum_qty)} at {dollars(order.avg_px)}")
    elif order.cum_qty:
        said.append(f"{plain(order.cum_qty)} of {plain(order.order_qty)} filled at {dollars(order.avg_px)}")
    if order.state in STANDS:
        said.append(f"{plain(order.leaves_qty)} open")
    return ", ".join(filter(None, said))


def plain(number: Decimal | None) -> str:
    """Return a quantity without the zeros that the venue pads with."""
    return "" if number is None else f"{number.normalize():f}"


def dollars(amount: Decimal | None, places: int = 2) -> str:
    """Return an amount of dollars, rounded to some decimals."""
    return "" if amount is None else f"{amount:.{places}f}"
