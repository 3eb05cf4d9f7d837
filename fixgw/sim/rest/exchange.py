"""What the REST side of the venue needs of the rest of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from fixgw.clock import Now
from fixgw.sim.admission import Trading
from fixgw.sim.app import VenueApp
from fixgw.sim.book import Book
from fixgw.sim.ledger import Ledger
from fixgw.sim.orders import ZERO, Holder, Order, Side, Traded
from fixgw.sim.pki import KeyRegistry, RegisteredKey
from fixgw.sim.rates import READ

READ_TOKENS = 10
CANCEL_ALL_TOKENS = 2


@dataclass(frozen=True, slots=True)
class Exchange:
    """The venue behind its REST side.

    Args:
        app: its application.
        registry: the API keys.
        now: its clock.
    """

    app: VenueApp
    registry: KeyRegistry
    now: Callable[[], Now]

    @property
    def ledger(self) -> Ledger:
        """What really happened."""
        return self.app.engine.ledger

    @property
    def exchange_active(self) -> bool:
        """False when nothing at all changes."""
        return self.app.engine.trading is not Trading.EXCHANGE_PAUSED

    @property
    def trading_active(self) -> bool:
        """False in any pause."""
        return self.app.engine.trading is Trading.OPEN

    def books(self) -> Iterator[Book]:
        """Yield every market."""
        yield from self.app.engine.books.values()

    def book(self, symbol: str) -> Book | None:
        """Return a market, None when there is no such market."""
        return self.app.engine.books.get(symbol)

    def available(self, holder: Holder) -> Decimal:
        """Return the dollars that a subaccount may still spend, from zero where no start is told."""
        engine = self.app.engine
        start = engine.accounts.start(holder) or ZERO
        return start + self.ledger.purse(holder) - engine.risk.tied_up(holder, engine.open_orders())

    def worth(self, holder: Holder) -> Decimal:
        """Return the dollars that a subaccount's contracts are worth at the last price of each market."""
        last = {one.order.terms.symbol: one for one in self.ledger.executions if isinstance(one, Traded)}
        worth = ZERO
        for key, holding in self.ledger.holdings.items():
            if key.holder == holder and not last[key.symbol].order.terms.perpetual:
                price = last[key.symbol].price
                worth += holding.position * (price if holding.position > 0 else price - 1)
        return worth

    def pays(self, account: str, *, write: bool) -> bool:
        """Take the tokens of a request out of the account's budget, and tell whether there were enough."""
        shard, tokens = (0, CANCEL_ALL_TOKENS) if write else (READ, READ_TOKENS)
        return self.app.rates.spend(account, shard, tokens, self.now().utc_ns)

    def cancel_all(self, key: RegisteredKey) -> None:
        """Cancel every open order that a key may work on."""

        def is_its_own(order: Order) -> bool:
            owner = order.terms.owner
            return owner.account == key.account and key.subaccount in (None, owner.subaccount)

        self.app.publish(self.app.engine.cancel_where(is_its_own, self.now().utc_ns))


def best(book: Book, side: Side) -> Decimal | None:
    """Return the best price of one side of a book, dollars of YES."""
    order = book.side(side).best
    return None if order is None else order.terms.price
