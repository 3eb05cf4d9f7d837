"""The simulated venue: listeners, keys, sessions, matching engine and ledger in one object."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from fixgw.clock import Clock, Now, SystemClock
from fixgw.engine.acceptor_settings import AcceptorLimits
from fixgw.engine.reception import Reception
from fixgw.errors import ConfigError
from fixgw.sim.accounts import ALL_SCOPES, Accounts, AccountSpec, Scope
from fixgw.sim.admission import Trading
from fixgw.sim.app import VenueApp
from fixgw.sim.book import Book
from fixgw.sim.counterparty import Counterparty
from fixgw.sim.demand import OnDemand
from fixgw.sim.doors import Doors
from fixgw.sim.faults import FaultRule, Faults
from fixgw.sim.fees import FeeModel
from fixgw.sim.kinds import SessionKind
from fixgw.sim.ledger import Ledger
from fixgw.sim.matching import MatchingEngine
from fixgw.sim.messagelog import MessageLog
from fixgw.sim.orders import Order, Side
from fixgw.sim.pki import DEFAULT_CLIENTS, ClientKey, ClientSpec, StateDirectory
from fixgw.sim.product import RULES, Product
from fixgw.sim.quirks import Quirks
from fixgw.sim.rates import LogonLimiter, RateSettings
from fixgw.sim.rest.desk import RestDesk
from fixgw.sim.rest.exchange import Exchange
from fixgw.sim.rest.server import HttpServer
from fixgw.sim.settlement import Result
from fixgw.transport.base import Listener
from fixgw.transport.listen import ListenSettings, listen
from fixgw.transport.memory import MemoryNetwork

REST = "rest"
REST_PORT = 8243  # beside those of the kinds; the venue has 443 on another host
LIMITS = AcceptorLimits(max_pending_per_address=256)  # every client of a simulator may be on this machine


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """A market that is open from the start.

    Args:
        symbol: the ticker.
        subpenny: prices on $0.0001; otherwise whole cents.
        high_volatility: accepted quotes are to be confirmed within 3 seconds and execute 1 second later;
            otherwise 30 and 15.
        exchange_index: the shard of the exchange that it lives on.
    """

    symbol: str
    subpenny: bool = False
    high_volatility: bool = False
    exchange_index: int = 0

    def __post_init__(self) -> None:
        if self.exchange_index < 0:
            raise ConfigError(
                f"there is no exchange index {self.exchange_index}", remedy="say 0 or a higher number"
            )


MARKETS: Mapping[Product, tuple[MarketSpec, ...]] = {
    Product.EVENTS: (MarketSpec("HIGHNY-26DEC31"), MarketSpec("KXFED-26DEC-T4.00")),
    Product.MARGIN: (MarketSpec("BTC-PERP"), MarketSpec("ETH-PERP")),
}
"""What is listed when nobody says what."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A client's key that was made elsewhere (``--key-id``, ``--public-key``).

    Args:
        key_id: the API key id.
        public_key: file with the public half, PEM.
        account: whose orders it works on; one of its own when empty.
        scopes: what it is good for.
        subaccount: the one that it is restricted to; None for all.
    """

    key_id: str
    public_key: Path
    account: str = ""
    scopes: frozenset[Scope] = ALL_SCOPES
    subaccount: int | None = None


@dataclass(frozen=True, slots=True)
class SimSettings:
    """What a simulator is made of.

    Args:
        state: directory for certificates and client keys; made when missing, used again when there.
        host: address to listen on.
        ports: port by kind of session (``orders-rt``, ...) and of ``rest``; any free one where none is given.
        tls: speak TLS; plain TCP only on this machine.
        network: listen there, under the names of the kinds (``KalshiNR``, ...), in place of TCP.
        markets: markets that are open from the start.
        clients: clients to make keys for.
        known_keys: keys that were made elsewhere.
        clock: the venue's clock.
        accounts: those that differ from the default, which may do everything.
        fees: what a fill costs.
        rates: what messages cost, and how often a key may log on.
        quirks: what the venue's pages leave open.
        logout_timeout: seconds that clients get to answer the Logout when the venue closes.
        faults: what goes wrong on the way to the clients and back.
        seed: the venue's ids, and what is left to chance, come out of it.
        product: what is traded: event contracts, or perpetual futures on margin.
    """

    state: Path
    host: str = "127.0.0.1"
    ports: Mapping[str, int] = field(default_factory=dict)
    tls: bool = True
    network: MemoryNetwork | None = None
    markets: Sequence[MarketSpec] = MARKETS[Product.EVENTS]
    clients: tuple[ClientSpec, ...] = DEFAULT_CLIENTS
    known_keys: Sequence[KnownKey] = ()
    clock: Clock = field(default_factory=SystemClock)
    accounts: Sequence[AccountSpec] = ()
    fees: FeeModel = field(default_factory=FeeModel)
    rates: RateSettings = field(default_factory=RateSettings)
    quirks: Quirks = field(default_factory=Quirks)
    logout_timeout: float = 1.0
    faults: Sequence[FaultRule] = ()
    seed: int = 0
    product: Product = Product.EVENTS


class Simulator(OnDemand):
    """A venue on this machine; use it as ``async with Simulator(settings) as venue``.

    Args:
        settings: what it is made of.

    Attributes:
        ledger: what really happened, written by the matching engine.
        log: every frame, by session.
        keys: the clients' keys by name.
        ports: port by kind of session, once it listens.
        rules: of the product that is traded.
        rest: the REST side.
    """

    def __init__(self, settings: SimSettings) -> None:
        self.settings = settings
        self.ledger = Ledger()
        self.log = MessageLog()
        self.engine = MatchingEngine(
            self.ledger,
            fees=settings.fees,
            accounts=Accounts(settings.accounts),
            quirks=settings.quirks,
            seed=str(settings.seed),
        )
        self.rules = RULES[settings.product]
        self.keys: dict[str, ClientKey] = {}
        self.ports: dict[str, int] = {}
        self._clock = settings.clock
        app = VenueApp(self.engine, self._settled, settings.rates, self.rules)
        logons = LogonLimiter(settings.rates.logons_per_minute)
        faults = Faults(settings.faults, settings.clock, settings.seed)
        doors = Doors(app, self.keys, faults, self.log, settings.clock, logons, self.rules)
        super().__init__(app, logons, doors, faults)
        self.registry = self._doors.registry
        self.links = self._doors.links
        self._directory: StateDirectory | None = None
        self._listeners: list[Listener] = []
        self._receptions: list[Reception] = []
        self._expiry: asyncio.TimerHandle | None = None
        self._house = Counterparty(self.engine, self.app.publish)
        self.rest = RestDesk(Exchange(self.app, self.registry, self.now))
        self._rest_server: HttpServer | None = None
        for market in settings.markets:
            self.list_market(market)

    @property
    def ca_path(self) -> Path:
        """The certificate that clients have to trust."""
        if self._directory is None:
            raise ConfigError("the simulator has not been started", remedy="use it in `async with`")
        return self._directory.ca_path

    def now(self) -> Now:
        """The instant, by the venue's clock."""
        return self._clock.now()

    async def __aenter__(self) -> Self:
        settings = self.settings
        self._directory = StateDirectory(
            settings.state, self.now().utc_ns, certificates=settings.network is None
        )
        self.keys.update(self._directory.clients(settings.clients, self.registry))
        for known in settings.known_keys:
            self.add_key(known)
        for kind in self.rules.kinds:
            reception = Reception(partial(self._doors.receive, kind), LIMITS)
            listener = await self._listen(kind, reception)
            self._receptions.append(reception)
            self._listeners.append(listener)
            self.ports[kind.name] = listener.port
        if settings.network is None and self.offers_rest:
            tls, port = self._server_context(), settings.ports.get(REST, 0)
            self._rest_server = await HttpServer(self.rest.answer, settings.host, port, tls).start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for listener in self._listeners:
            await listener.close()
        if self._rest_server is not None:
            await self._rest_server.close()
        for reception in self._receptions:
            reception.close()
        await self._log_out()
        if self._expiry is not None:
            self._expiry.cancel()
        for link in self.links.values():
            link.close()

    async def _listen(self, kind: SessionKind, reception: Reception) -> Listener:
        settings = self.settings
        if settings.network is not None:
            return settings.network.listen(kind.target_comp_id, reception.protocol)
        tls, port = self._server_context(), settings.ports.get(kind.name, 0)
        return await listen(ListenSettings(host=settings.host, port=port, tls=tls), reception.accept)

    def _server_context(self) -> ssl.SSLContext | None:
        assert self._directory is not None
        return self._directory.server_context() if self.settings.tls else None

    @property
    def offers_rest(self) -> bool:
        """True for event contracts: the API for perpetual futures is another one."""
        return not self.rules.perpetual

    @property
    def rest_url(self) -> str:
        """Scheme, host and port of the REST side.

        Raises:
            ConfigError: it does not listen: the simulator was not started, is in memory, or has none.
        """
        if not self.offers_rest:
            raise ConfigError("perpetual futures have no REST side here", remedy="list event contracts")
        if self._rest_server is None:
            raise ConfigError("the REST side does not listen", remedy="ask `rest.answer` in its place")
        return f"http{'s' if self.settings.tls else ''}://{self.settings.host}:{self._rest_server.port}"

    def add_key(self, known: KnownKey) -> None:
        """Register a key that was made elsewhere.

        Raises:
            ConfigError: the file can not be read, or holds no public key that the venue takes.
        """
        try:
            public_key = known.public_key.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"the public key of {known.key_id} can not be read: {error.strerror}",
                str(known.public_key),
                "give the path of a PEM file",
            ) from error
        self.registry.add(
            known.key_id, public_key, known.account, scopes=known.scopes, subaccount=known.subaccount
        )

    def list_market(self, market: MarketSpec) -> Book:
        """Open a market, or return the one that is open."""
        return self.engine.list_market(
            market.symbol,
            subpenny=market.subpenny,
            perpetual=self.rules.perpetual,
            high_volatility=market.high_volatility,
            exchange_index=market.exchange_index,
        )

    def market(self, symbol: str, *, subpenny: bool = False, high_volatility: bool = False) -> Book:
        """Open a market, or return the one that is open; see ``MarketSpec``."""
        return self.list_market(MarketSpec(symbol, subpenny, high_volatility))

    def quote(self, symbol: str, side: Side, price: Decimal, qty: Decimal) -> Order:
        """Enter an order of the house, which trades with whoever is there and rests with what is left.

        Args:
            symbol: an open market.
            side: buy or sell YES.
            price: YES price, dollars.
            qty: contracts.
        """
        return self._house.enter(symbol, side, price, qty, self.now().utc_ns)

    def make_market(self, symbol: str, bid: Decimal, offer: Decimal, size: Decimal) -> None:
        """Let the house quote both sides of an open market; what is taken whole is quoted again.

        Args:
            symbol: an open market.
            bid: the price at which the house buys YES, dollars.
            offer: the price at which it sells.
            size: contracts on each side.
        """
        for side, price in ((Side.BUY, bid), (Side.SELL, offer)):
            self._house.keep(symbol, side, price, size, self.now().utc_ns)

    def block_trade(self, symbol: str, price: Decimal, qty: Decimal) -> None:
        """Let others trade a block among themselves, away from the book; market data tells of it.

        Args:
            symbol: an open market.
            price: YES price, dollars.
            qty: contracts.
        """
        self.app.feed.tell_block(symbol, price, qty, self.engine.new_id(), self.now().utc_ns)

    def fill(self, cl_ord_id: str, qty: Decimal) -> Order:
        """Let the house trade against a client's resting order, in whole or in part, and return its order.

        Args:
            cl_ord_id: any id of the order's chain.
            qty: contracts; orders with a better price, or an older one at the same, are filled first.
        """
        return self._house.take(self.ledger.order(cl_ord_id), qty, self.now().utc_ns)

    def close_market(self, symbol: str) -> None:
        """Deactivate a market; its orders are cancelled."""
        self.app.close_market(symbol, self.now().utc_ns)

    def reopen_market(self, symbol: str) -> None:
        """Activate a market that was closed."""
        self.app.reopen_market(symbol)

    def settle_market(self, symbol: str, result: Result, price: Decimal | None = None) -> None:
        """Determine a market: its orders are cancelled, its positions paid out, and accounts told.

        Args:
            symbol: an open market.
            result: yes and no pay one dollar to their side.
            price: for a scalar result, what a YES contract pays, dollars.

        Raises:
            ConfigError: a scalar result has no price, or the venue lists perpetual futures.
        """
        if self.rules.perpetual:
            raise ConfigError("perpetual futures are never settled", remedy="close the market")
        paid = {Result.YES: Decimal(1), Result.NO: Decimal(0)}.get(result, price)
        if paid is None:
            raise ConfigError(
                "a scalar result needs a price", remedy="give what a YES contract pays, dollars"
            )
        self.app.settle(symbol, result, paid, self.now().utc_ns)

    def raise_floor(self, symbol: str, floor: Decimal) -> None:
        """Raise the settlement floor of a market: what rests there or below is cancelled, and none may join.

        No money moves: the venue's own floors are not live, as docs.kalshi.com/getting_started/
        settlement_bounds says.

        Args:
            symbol: an open market.
            floor: what a YES contract will pay at least, dollars.

        Raises:
            ConfigError: it is not less than a dollar, or the venue lists perpetual futures.
        """
        if self.rules.perpetual or not 0 <= floor < 1:
            raise ConfigError(
                f"a settlement floor of {floor} can not be",
                remedy="say less than a dollar, of an event contract",
            )
        self.app.publish(self.engine.raise_floor(symbol, floor, self.now().utc_ns))

    def pause(self, trading: Trading) -> None:
        """Pause trading or the whole exchange, or open it again."""
        self.app.publish(self.engine.pause(trading, self.now().utc_ns))

    def expire(self) -> None:
        """Cancel the orders, quotes and requests whose time is over, and execute the quotes that are due.

        The venue's own timer does the same.
        """
        now_ns = self.now().utc_ns
        self.app.rfq.run_due(now_ns)
        self.app.publish(self.engine.expire(now_ns))

    async def _log_out(self) -> None:
        """Log every session out, and cut those that do not answer."""
        connected = [link for link in self.links.values() if link.connected]
        for link in connected:
            link.logout("the venue closes")
        if connected:
            await asyncio.wait(
                [asyncio.ensure_future(link.ended()) for link in connected],
                timeout=self.settings.logout_timeout,
            )
        cut = [link for link in connected if link.cut()]
        for link in cut:
            await link.ended()

    def _settled(self) -> None:
        """A matching cycle was reported."""
        self._house.renew(self.now().utc_ns)
        self._arm_expiry()

    def _arm_expiry(self) -> None:
        """Set the one timer to the next instant at which an order, a quote or a request may be due."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        instants = [self.engine.next_expiry, self.app.rfq.rfqs.next_due]
        due = min((one for one in instants if one is not None), default=None)
        if due is not None and self._listeners:
            seconds = max(0.0, (due - self.now().utc_ns) / 1e9)
            self._expiry = asyncio.get_running_loop().call_later(seconds, self.expire)
