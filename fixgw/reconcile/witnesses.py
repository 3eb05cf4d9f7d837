"""What is gathered from a tape while it is read once: ids that were sent, open orders, settlements."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from typing import Protocol, cast

from fixgw.engine.recovery import Rebuild, stored_message
from fixgw.fix.tags import SYMBOL
from fixgw.handlers.base import Context, SessionPort
from fixgw.handlers.order import OrderSnapshot
from fixgw.handlers.orderbook import OrderBook
from fixgw.handlers.passage import Edge
from fixgw.records import Flag, Kind, Record
from fixgw.store.base import Stored
from fixgw.store.checkpoint import Checkpoint
from fixgw.venues.kalshi.settlement import Settlement, Settlements

ADMIN = int(Flag.ADMIN | Flag.GARBLED)
CL_ORD_ID = re.compile(rb"\x0111=([^\x01]+)\x01")
IS_SETTLEMENT = b"\x0135=UMS\x01"
MOST_SINCE = 200_000  # records after the last checkpoint that are kept to rebuild the order book
NOBODY = cast(SessionPort, None)  # a book that is rebuilt sends nothing


class Witness(Protocol):
    """Looks at the records of a tape as they go by."""

    def take(self, record: Record) -> None:
        """Take in one record, in the order of the tape."""
        ...


class NamedOrders:
    """Every ClOrdID(11) that stands on a tape, as numbers: a million take some 60 MB, not 200."""

    def __init__(self) -> None:
        self._ids: set[int] = set()

    def take(self, record: Record) -> None:
        """Note the id that a frame names."""
        if record.kind == Kind.FRAME and not record.flags & ADMIN:
            found = CL_ORD_ID.search(record.payload)
            if found is not None:
                self._ids.add(hash(found[1]))

    def __contains__(self, cl_ord_id: str) -> bool:
        return hash(cl_ord_id.encode()) in self._ids


class LastOrders:
    """The order book at the end of a tape, rebuilt as a gateway rebuilds it.

    Args:
        make: makes the book of the session.
        edge: translates what stands on the tape, as in the session's own gateway.

    Attributes:
        lost: too much stands after the last checkpoint for it to be rebuilt here.
    """

    def __init__(self, make: Callable[[], OrderBook] = OrderBook, edge: Edge | None = None) -> None:
        self.lost = False
        self._make = make
        self._edge = edge
        self._built: OrderBook | None = None
        self._names: set[str] | None = None
        self._books: dict[str, bytes] = {}
        self._since: list[Record] = []

    def take(self, record: Record) -> None:
        """Keep what a gateway would start from."""
        self._built = self._names = None
        if record.kind == Kind.CHECKPOINT:
            self._books = dict(Checkpoint.decode(record.payload).books)
            self._since.clear()
            self.lost = False
        elif len(self._since) < MOST_SINCE:
            self._since.append(record)
        else:
            self.lost = True

    def open_before(self, utc_ns: int) -> list[OrderSnapshot]:
        """Return the orders that may still fill, as far as the tape tells.

        Args:
            utc_ns: those of which a frame tells from this instant on are left out: they may change at the
                venue while the two are compared.
        """
        moving = {
            found[1].decode("latin-1")
            for record in self._since
            if record.utc_ns >= utc_ns and (found := CL_ORD_ID.search(record.payload)) is not None
        }
        open_ones = (order.snapshot() for order in self._book.open)
        return [order for order in open_ones if moving.isdisjoint(order.chain)]

    def find(self, order_id: str, cl_ord_ids: Container[str]) -> OrderSnapshot | None:
        """Return an order as the book has it; None for one that is not in it, or not any more."""
        for order in self._book:
            if order_id == order.order_id or any(name in cl_ord_ids for name in order.chain):
                return order.snapshot()
        return None

    def names(self, cl_ord_id: str) -> bool:
        """Tell whether an order has a ClOrdID, also when its frames were deleted with their segment."""
        if self._names is None:
            self._names = set() if self.lost else {name for order in self._book for name in order.chain}
        return cl_ord_id in self._names

    @property
    def _book(self) -> OrderBook:
        if self._built is None:
            self._built = self._make()
            Rebuild([self._built], NOBODY, self._edge).run(Stored(books=self._books, since=self._since))
        return self._built


def session_of(
    cl_ord_id: str, named: Mapping[str, NamedOrders], last: Mapping[str, LastOrders]
) -> str | None:
    """Return whose tape names an order, in a frame or in an order book; None when none does."""
    for name, ids in named.items():
        if cl_ord_id in ids:
            return name
    return next((name for name, book in last.items() if book.names(cl_ord_id)), None)


class SettledMarkets:
    """The market settlements on a tape, their pages joined.

    Attributes:
        told_ns: when the newest page of each market came, UTC nanoseconds.
    """

    def __init__(self) -> None:
        self.told_ns: dict[str, int] = {}
        self._joins = Settlements()

    @property
    def complete(self) -> list[Settlement]:
        """The settlements of which every page is there, oldest first."""
        return self._joins.complete

    def take(self, record: Record) -> None:
        """Take in a page."""
        if record.kind == Kind.FRAME and IS_SETTLEMENT in record.payload[:64]:
            message = stored_message(record)
            self._joins.on_message(message, Context(NOBODY, record.msg_seq_num))
            self.told_ns[message.text(SYMBOL) or ""] = record.utc_ns
