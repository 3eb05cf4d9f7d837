"""What the matching engine stands on: markets, groups, limits, and the ids that it gives."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from fixgw.sim import admission
from fixgw.sim.accounts import Accounts
from fixgw.sim.admission import HELD, CancelRefusal, OrderRefusal, Trading
from fixgw.sim.amending import amended, dated, refuse_crossing
from fixgw.sim.book import Book
from fixgw.sim.cycle import Cycle
from fixgw.sim.fees import FeeModel
from fixgw.sim.groups import OrderGroup, OrderGroups
from fixgw.sim.ledger import Ledger
from fixgw.sim.orders import CancelRequest, CxlRejReason, Order, ReplaceRequest, Terms
from fixgw.sim.quirks import RECOMMENDED, Quirks
from fixgw.sim.risk import Risk

IDS = uuid.UUID("5f6d1b5a-7b3e-4f0e-9c55-0d3f3c1d7a10")


class Markets:
    """The markets of a venue, and what may be entered there.

    Args:
        ledger: where everything is written down; a new one when None.
        fees: what a fill costs.
        accounts: what each account has and may do.
        quirks: what the venue's pages leave open.
        seed: OrderIDs and TrdMatchIDs are UUIDs made from it and a counter.
        clock: the number of the last matching cycle before the first.

    Attributes:
        held: open orders that are in no book until ``release``, by OrderID: each accepts an RFQ quote.
    """

    def __init__(
        self,
        ledger: Ledger | None = None,
        *,
        fees: FeeModel | None = None,
        accounts: Accounts | None = None,
        quirks: Quirks = RECOMMENDED,
        seed: str = "venue",
        clock: int = 0,
    ) -> None:
        self.ledger = ledger or Ledger()
        self.trading = Trading.OPEN
        self.books: dict[str, Book] = {}
        self.groups = OrderGroups()
        self.held: dict[str, Order] = {}
        self.fees = fees or FeeModel()
        self.accounts = accounts or Accounts()
        self.quirks = quirks
        self.risk = Risk(self.accounts, self.ledger, self.fees)
        self._seed = seed
        self._clocks: Counter[int] = Counter({0: clock})
        self._expiries: list[tuple[int, str]] = []
        self._ids = 0

    def list_market(
        self,
        symbol: str,
        *,
        subpenny: bool = False,
        perpetual: bool = False,
        high_volatility: bool = False,
        exchange_index: int = 0,
    ) -> Book:
        """Open a market and return its book, see ``Book``; one that is open already stays as it is."""
        book = Book(
            symbol,
            subpenny=subpenny,
            perpetual=perpetual,
            high_volatility=high_volatility,
            exchange_index=exchange_index,
        )
        return self.books.setdefault(symbol, book)

    def open_orders(self) -> Iterator[Order]:
        """Yield every order that rests or is held."""
        for book in self.books.values():
            yield from book
        yield from self.held.values()

    def new_id(self) -> str:
        """Return a UUID that no other order, trade or report has."""
        self._ids += 1
        return str(uuid.uuid5(IDS, f"{self._seed}/{self._ids}"))

    def _exec_id(self, cycle: Cycle, order: Order) -> str:
        return cycle.exec_id(self.books[order.terms.symbol].exchange_index)

    def _refuse_order(
        self, terms: Terms, order: Order, quote_refusal: OrderRefusal | None
    ) -> OrderRefusal | None:
        """Why a new order can not be taken: by what it says, then by what its account has."""
        refusal = admission.refuse_order(
            terms,
            self.books.get(terms.symbol),
            self.trading,
            duplicate=self.ledger.find(terms.owner.session, terms.cl_ord_id) is not None,
            group=self._group_of(terms),
            quote_refusal=quote_refusal,
            quirks=self.quirks,
        )
        return refusal or self.risk.refuse(terms, order.leaves, self.open_orders())

    def _refuse_amendment(self, request: ReplaceRequest, order: Order, book: Book) -> CancelRefusal | None:
        """Why an order can not be changed so, though the request by itself is in order."""
        if order.order_id in self.held:
            return HELD
        terms = amended(order.terms, request, 0)
        others = (one for one in self.open_orders() if one is not order)
        risk = self.risk.refuse(terms, request.qty - order.cum, others)
        return refuse_crossing(request, order, book) or (risk and (CxlRejReason.OTHER, risk[1]))

    def _group_of(self, terms: Terms) -> OrderGroup | None:
        book = self.books.get(terms.symbol)
        return None if book is None else self.groups.of(terms, book.exchange_index)

    def _target(self, request: CancelRequest | ReplaceRequest) -> tuple[Order | None, bool]:
        """The order that a request names, and whether the request's own ClOrdID is in use."""
        session = request.owner.session
        return (
            self.ledger.find(session, request.orig_cl_ord_id),
            self.ledger.find(session, request.cl_ord_id) is not None,
        )

    def _stated(self, terms: Terms, now_ns: int) -> Terms:
        """Return a new order as it is taken: with its deadline, and with what its market is."""
        book = self.books.get(terms.symbol)
        terms = dated(terms, now_ns)
        return replace(terms, perpetual=True) if book is not None and book.perpetual else terms

    def _closable(self, terms: Terms) -> Decimal:
        """Contracts of the account's position that an order of this side would close."""
        return self.ledger.holding(*terms.owner.holder, terms.symbol).closable(terms.side)

    def _charge(self, order: Order, price: Decimal, qty: Decimal, *, aggressor: bool) -> Decimal:
        """The fee of a fill, rounded as its account's balance is."""
        terms = order.terms
        trade_fee = self.fees.trade_fee(price, qty, aggressor=aggressor, perpetual=terms.perpetual)
        precision = self.accounts.of(terms.owner.account).precision
        charge = self.fees.charge(trade_fee, -terms.cost(price, qty), precision, order.rounding)
        order.rounding = charge.accumulated
        return charge.net
