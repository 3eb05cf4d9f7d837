"""The matching engine: price, then time; synchronous, without a clock, one matching cycle a call.

Rules: docs.kalshi.com/fix/order-entry (requests, outcomes and texts). What the
venue leaves open is decided here and said in the method that decides it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from decimal import Decimal

from fixgw.sim import admission
from fixgw.sim.admission import QUOTE_GONE, CancelRefusal, OrderRefusal, Trading
from fixgw.sim.amending import amended
from fixgw.sim.book import Book
from fixgw.sim.cycle import Cycle
from fixgw.sim.groups import OrderGroup
from fixgw.sim.markets import Markets
from fixgw.sim.orders import (
    ZERO,
    Accepted,
    Cancelled,
    CancelRejected,
    CancelRequest,
    Cause,
    CxlRejReason,
    EngineEvent,
    Fate,
    Order,
    Pending,
    Rejected,
    Replaced,
    ReplaceRequest,
    SelfTrade,
    State,
    Terms,
    TimeInForce,
    Traded,
)

AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


class MatchingEngine(Markets):
    """All markets of a venue, and what is done there, a matching cycle each; it writes the ledger."""

    @property
    def next_expiry(self) -> int | None:
        """When ``expire`` may have something to do, UTC nanoseconds; never too late, perhaps too early."""
        return self._expiries[0][0] if self._expiries else None

    def submit(
        self,
        terms: Terms,
        now_ns: int,
        quote_refusal: OrderRefusal | None = QUOTE_GONE,
        *,
        barred: OrderRefusal | None = None,
    ) -> list[EngineEvent]:
        """Take in a new order: Pending, then Rejected, or Accepted and what came of it.

        Args:
            terms: the order; one that names a quote is held.
            now_ns: the instant, UTC nanoseconds.
            quote_refusal: why the quote that it names can not be had; None when it can.
            barred: why it can not be taken, whatever it says; None when it may.
        """
        cycle = self._begin(now_ns)
        terms = self._stated(terms, now_ns)
        order = Order(self.new_id(), terms)
        cycle.events.append(Pending(order.snapshot(), None, now_ns))
        refusal = barred or self._refuse_order(terms, order, quote_refusal)
        self.ledger.enter(order, refused=refusal is not None)
        if refusal is None and terms.quote is not None:
            self.held[order.order_id] = order
            cycle.events.append(Accepted(self._exec_id(cycle, order), now_ns, order.snapshot(), Fate.RESTS))
        elif refusal is None:
            self._take_in(cycle, order)
        else:
            order.state = State.REJECTED
            cycle.events.append(Rejected(now_ns, order.snapshot(), *refusal))
        return self._end(cycle)

    def release(self, order: Order, now_ns: int) -> list[EngineEvent]:
        """Let a held order into its book: it trades, and rests with what is left."""
        cycle = self._begin(now_ns)
        del self.held[order.order_id]
        self._enter(cycle, order)
        return self._end(cycle)

    def cancel(
        self, request: CancelRequest, now_ns: int, *, barred: CancelRefusal | None = None
    ) -> list[EngineEvent]:
        """Cancel what is left of an order: Pending and Cancelled, or CancelRejected.

        Args:
            request: what is asked for.
            now_ns: the instant, UTC nanoseconds.
            barred: why it can not be done, whatever it says; None when it may.
        """
        cycle = self._begin(now_ns)
        order, duplicate = self._target(request)
        book = self.books.get(request.symbol)
        refusal = barred or admission.refuse_cancel(
            request, order, book, self.trading, duplicate=duplicate, quirks=self.quirks
        )
        if refusal is None and order is not None:
            cycle.events.append(Pending(order.snapshot(), request, now_ns))
            self._cancel(cycle, order, Cause.REQUEST, request)
        else:
            self._refuse(cycle, request, order, refusal)
        return self._end(cycle)

    def replace(
        self, request: ReplaceRequest, now_ns: int, *, barred: CancelRefusal | None = None
    ) -> list[EngineEvent]:
        """Change an order: Pending and Replaced with what came of it, or Cancelled, or CancelRejected.

        The place in the queue is kept unless the price changes or the quantity grows. A quantity equal to
        what has executed cancels the order. A price at which it would trade with an order of its own account
        is refused; so is one at which a post-only order would trade. Arguments as for ``cancel``.
        """
        cycle = self._begin(now_ns)
        order, duplicate = self._target(request)
        book = self.books.get(request.symbol)
        refusal = barred or admission.refuse_replace(
            request, order, book, self.trading, now_ns, duplicate=duplicate, quirks=self.quirks
        )
        if refusal is None and order is not None and book is not None:
            refusal = self._refuse_amendment(request, order, book)
        if refusal is None and order is not None:
            cycle.events.append(Pending(order.snapshot(), request, now_ns))
            self._amend(cycle, order, request)
        else:
            self._refuse(cycle, request, order, refusal)
        return self._end(cycle)

    def cancel_where(
        self, chosen: Callable[[Order], bool], now_ns: int, cause: Cause = Cause.REQUEST
    ) -> list[EngineEvent]:
        """Cancel every resting order that ``chosen`` picks, in one cycle."""
        cycle = self._begin(now_ns)
        for order in [order for order in self.open_orders() if chosen(order)]:
            self._cancel(cycle, order, cause)
        return self._end(cycle)

    def expire(self, now_ns: int) -> list[EngineEvent]:
        """Cancel the orders whose time is over."""
        due = []
        while self._expiries and self._expiries[0][0] <= now_ns:
            due.append(heapq.heappop(self._expiries)[1])
        cycle = self._begin(now_ns)
        for order_id in dict.fromkeys(due):
            order = self.ledger.orders[order_id]
            expire_ns = order.terms.expire_ns
            if order.state is State.OPEN and expire_ns is not None and expire_ns <= now_ns:
                self._cancel(cycle, order, Cause.EXPIRY)
        return self._end(cycle)

    def close_market(self, symbol: str, now_ns: int) -> list[EngineEvent]:
        """Deactivate a market and cancel what rests in it."""
        self.books[symbol].active = False
        return self.cancel_where(lambda order: order.terms.symbol == symbol, now_ns, Cause.CLOSE)

    def raise_floor(self, symbol: str, floor: Decimal, now_ns: int) -> list[EngineEvent]:
        """Let YES be worth that much for certain, and cancel what rests at such a price or below.

        Args:
            symbol: the market.
            floor: dollars a contract.
            now_ns: the instant, UTC nanoseconds.
        """
        self.books[symbol].floor = floor
        return self.cancel_where(
            lambda order: order.terms.symbol == symbol and order.terms.price <= floor, now_ns, Cause.BOUNDS
        )

    def pause(self, trading: Trading, now_ns: int) -> list[EngineEvent]:
        """Change the state of the exchange; a pause cancels the orders that asked for it with 21006."""
        self.trading = trading
        paused = trading is not Trading.OPEN
        return self.cancel_where(lambda order: paused and order.terms.cancel_on_pause, now_ns)

    def _begin(self, now_ns: int) -> Cycle:
        return Cycle(self._clocks, now_ns)

    def trigger(self, group: OrderGroup, now_ns: int) -> list[EngineEvent]:
        """Cancel what rests in an order group; no order may join it until it is reset."""
        group.triggered = True
        return self.cancel_where(
            lambda order: self._group_of(order.terms) is group, now_ns, Cause.ORDER_GROUP
        )

    def _end(self, cycle: Cycle) -> list[EngineEvent]:
        if cycle.triggered:
            for order in [one for one in self.open_orders() if self._group_of(one.terms) in cycle.triggered]:
                self._cancel(cycle, order, Cause.ORDER_GROUP)
        self.ledger.record(cycle.events)
        return cycle.events

    def _refuse(
        self,
        cycle: Cycle,
        request: CancelRequest | ReplaceRequest,
        order: Order | None,
        refusal: tuple[CxlRejReason, str] | None,
    ) -> None:
        reason, text = refusal or (CxlRejReason.UNKNOWN_ORDER, "ORDER_NOT_FOUND")
        snapshot = order.snapshot() if order is not None else None
        cycle.events.append(CancelRejected(cycle.at_ns, request, snapshot, reason, text))

    def _take_in(self, cycle: Cycle, order: Order) -> None:
        accepted = (self._exec_id(cycle, order), cycle.at_ns, order.snapshot())
        place = len(cycle.events)
        cause = self._enter(cycle, order)
        fate = Fate.TRADES if order.cum else Fate.RESTS if cause is None else Fate.DIES
        cycle.events.insert(place, Accepted(*accepted, fate))

    def _enter(self, cycle: Cycle, order: Order) -> Cause | None:
        """Trade an order and let what is left rest; return why that was cancelled, if it was."""
        book = self.books[order.terms.symbol]
        cause = self._barred(book, order) or self._match(cycle, book, order)
        if cause is Cause.IOC and not self.quirks.ioc_leaves_open:
            cycle.close_last_trade(order)
        if cause is not None:
            self._cancel(cycle, order, cause, on_entry=True)
        else:
            self._rest(book, order)
        return cause

    def _rest(self, book: Book, order: Order) -> None:
        if order.leaves:
            book.rest(order)
            self._watch(order)

    def _watch(self, order: Order) -> None:
        if order.terms.expire_ns is not None:
            heapq.heappush(self._expiries, (order.terms.expire_ns, order.order_id))

    def _barred(self, book: Book, order: Order) -> Cause | None:
        """Why an order is cancelled before it trades at all.

        MaxExecutionCost(21009) is judged against what the order would cost at worst: its fills at the book's
        prices, and the rest, if it may rest, at its own limit.
        """
        terms = order.terms
        if terms.post_only and book.first_against(terms.side, terms.price):
            return Cause.POST_ONLY
        if terms.reduce_only and not self._closable(terms):
            return Cause.REDUCE_ONLY
        fills = list(book.fills(order))
        rest = order.leaves - sum((qty for _, qty in fills), ZERO)
        if terms.time_in_force is TimeInForce.FOK and rest:
            return Cause.FOK
        resting_cost = ZERO if terms.time_in_force in AT_ONCE else terms.cost(terms.price, rest)
        worst = sum((terms.cost(price, qty) for price, qty in fills), resting_cost)
        return Cause.MAX_COST if terms.max_cost is not None and worst > terms.max_cost else None

    def _match(self, cycle: Cycle, book: Book, taker: Order) -> Cause | None:
        """Trade an incoming order against the book; return why its remainder has to go, if it has to."""
        terms = taker.terms
        most = min(taker.leaves, self._closable(terms)) if terms.reduce_only else taker.leaves
        end = taker.cum + most
        while taker.cum < end:
            maker = book.first_against(terms.side, terms.price)
            if maker is None:
                break
            if maker.terms.owner.holder != terms.owner.holder:
                self._trade(cycle, book, taker, maker, min(end - taker.cum, maker.leaves))
            elif terms.self_trade is SelfTrade.TAKER:
                return self._own_cause(taker)
            else:
                self._cancel(cycle, maker, Cause.MAKER)
        if not taker.leaves or terms.time_in_force not in AT_ONCE:
            return None
        return Cause.REDUCE_ONLY if taker.cum == end else Cause.IOC

    def _own_cause(self, taker: Order) -> Cause:
        """Why an incoming order is cancelled that would meet one of its own account."""
        if not self.quirks.self_cross_attempt:
            return Cause.TAKER
        return Cause.SELF_CROSS_FILLED if taker.cum else Cause.SELF_CROSS

    def _trade(self, cycle: Cycle, book: Book, taker: Order, maker: Order, qty: Decimal) -> None:
        price = maker.terms.price
        match_id = self.new_id()
        for order, aggressor in ((taker, True), (maker, False)):
            order.cum += qty
            order.paid += price * qty
            if order.cum == order.terms.qty:
                order.state = State.FILLED
            triggered = self.groups.fill(order.terms, book.exchange_index, qty, cycle.at_ns)
            cycle.triggered += [triggered] if triggered is not None else []
            paid = self._charge(order, price, qty, aggressor=aggressor)
            settled = self.ledger.settle(order.terms, price, qty, paid)
            cycle.events.append(
                Traded(
                    cycle.exec_id(book.exchange_index),
                    cycle.at_ns,
                    order.snapshot(),
                    price,
                    qty,
                    match_id,
                    aggressor,
                    settled.position,
                    paid,
                    settled.balance,
                    settled.payout,
                    settled.ranged,
                )
            )
        if maker.state is State.FILLED:
            book.remove(maker)

    def _cancel(
        self,
        cycle: Cycle,
        order: Order,
        cause: Cause,
        request: CancelRequest | ReplaceRequest | None = None,
        *,
        on_entry: bool = False,
    ) -> None:
        if self.held.pop(order.order_id, None) is None and not on_entry:
            self.books[order.terms.symbol].remove(order)
        order.state = State.EXPIRED if cause.is_expiry else State.CANCELLED
        own = order.terms.cl_ord_id
        if request is not None:
            self.ledger.name(order, request.cl_ord_id)
        cl_ord_id = own if request is None else request.cl_ord_id
        operator = None if request is None else request.named.operator
        exec_id = self._exec_id(cycle, order)
        cycle.events.append(
            Cancelled(exec_id, cycle.at_ns, order.snapshot(), cause, cl_ord_id, own, on_entry, operator)
        )

    def _amend(self, cycle: Cycle, order: Order, request: ReplaceRequest) -> None:
        if request.qty == order.cum:
            self._cancel(cycle, order, Cause.REQUEST, request)
            return
        book = self.books[request.symbol]
        old = order.terms
        new = amended(old, request, cycle.at_ns)
        moves = new.price != old.price or new.qty > old.qty
        if moves:
            book.remove(order)
        order.terms = new
        self.ledger.name(order, new.cl_ord_id)
        exec_id = cycle.exec_id(book.exchange_index)
        operator = request.named.operator
        cycle.events.append(Replaced(exec_id, cycle.at_ns, order.snapshot(), old.cl_ord_id, operator))
        if moves:
            self._match(cycle, book, order)
            self._rest(book, order)
        else:
            self._watch(order)
