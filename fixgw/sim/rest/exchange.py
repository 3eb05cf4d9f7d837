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
from fixgw.sim.orders import Side
from fixgw.sim.pki import KeyRegistry


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

    def cancel_all(self, account: str) -> None:
        """Cancel every open order of an account."""
        now_ns = self.now().utc_ns
        self.app.publish(
            self.app.engine.cancel_where(lambda order: order.terms.owner.account == account, now_ns)
        )


def best(book: Book, side: Side) -> Decimal | None:
    """Return the best price of one side of a book, dollars of YES."""
    order = book.side(side).best
    return None if order is None else order.terms.price
