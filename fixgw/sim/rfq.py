"""Requests for quote: who may quote, accept and confirm, and when: docs.kalshi.com/fix/rfq-messages.

Rules alone, without messages or a clock; ``rfq_desk`` brings them to the sessions. What the venue leaves open
is decided here: while a quote is accepted its request takes neither quotes nor acceptances, and is open again
when the quote is not confirmed in time. Texts that are not published are in the style of those that are.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from hashlib import sha256
from typing import TypeAlias

from fixgw.sim.accounts import sees
from fixgw.sim.admission import QUOTE_GONE, OrderRefusal, Trading
from fixgw.sim.book import CONTRACT, crosses
from fixgw.sim.matching import MatchingEngine
from fixgw.sim.orders import ZERO, OrdRejReason, Owner, Side, Terms
from fixgw.sim.quotes import (
    Acceptance,
    Ask,
    Legs,
    NotACombination,
    Offer,
    Quote,
    QuoteState,
    Refused,
    RejectReason,
    Request,
)
from fixgw.sim.risk import INSUFFICIENT_BALANCE, MARKET_LIMIT

SECOND_NS = 1_000_000_000
REQUEST_LIFE_NS = 24 * 3600 * SECOND_NS

NOT_FOUND = "NOT_FOUND"
EXPIRED = "EXPIRED"
CLOSED = "RFQ_CLOSED"
INVALID = "invalid_parameters"
ALREADY_OPEN = "RFQ already exists"


@dataclass(frozen=True, slots=True)
class Timers:
    """How long a quote may take.

    Args:
        confirm_ns: from acceptance to confirmation, nanoseconds.
        execute_ns: from confirmation to execution.
    """

    confirm_ns: int
    execute_ns: int


STANDARD = Timers(30 * SECOND_NS, 15 * SECOND_NS)
HIGH_VOLATILITY = Timers(3 * SECOND_NS, SECOND_NS)


Due: TypeAlias = tuple[int, int, Quote | Request]


class Rfqs:
    """Every request and its quotes.

    Args:
        engine: knows the markets.
    """

    def __init__(self, engine: MatchingEngine) -> None:
        self.requests: dict[str, Request] = {}
        self.quotes: dict[str, Quote] = {}
        self._engine = engine
        self._due: list[Due] = []
        self._number = 0

    @property
    def next_due(self) -> int | None:
        """When ``due`` may have something to tell, UTC nanoseconds; perhaps too early."""
        return self._due[0][0] if self._due else None

    def open(self, ask: Ask, now_ns: int) -> tuple[Request, list[Request]]:
        """Open a request; return it, and those that were closed for it.

        One request a market and account is open at a time; one that replaces leaves the newest beside it.

        Raises:
            Refused: with Text(58) and the reason.
            NotACombination: its legs make no market.
        """
        if self._engine.trading is not Trading.OPEN:
            raise Refused(self._engine.trading.value)
        ask = replace(ask, symbol=self._combination(ask.legs)) if ask.legs is not None else ask
        self._judge(ask)
        self._check_credit(ask)
        same = [one for one in self._open_of(ask.owner.account) if one.ask.symbol == ask.symbol]
        if same and not ask.replaces:
            raise Refused(ALREADY_OPEN)
        older = [one for one in same[:-1] if one.accepted is None]
        for one in older:
            self.close(one)
        request = Request(self._engine.new_id(), ask, now_ns)
        self.requests[request.rfq_id] = request
        self._watch(now_ns + REQUEST_LIFE_NS, request)
        return request, older

    def find(self, account: str, *, rfq_id: str | None = None, quote_req_id: str | None = None) -> Request:
        """Return the open request of an account by either id.

        Raises:
            Refused: there is none, or it is closed, or a quote of it is accepted.
        """
        mine = [one for one in self.requests.values() if one.ask.owner.account == account]
        named = [one for one in mine if one.rfq_id == rfq_id or one.ask.quote_req_id == quote_req_id]
        if not named:
            raise Refused(NOT_FOUND)
        if not named[-1].open or named[-1].accepted is not None:
            raise Refused(CLOSED)
        return named[-1]

    def close(self, request: Request) -> None:
        """End a request; its pending quotes end with it."""
        request.open = False
        for quote in request.quotes.values():
            quote.state = QuoteState.OVER
        request.quotes.clear()

    def quote(self, offer: Offer, now_ns: int) -> Quote:
        """Take in a quote, in place of the one that the same maker has in the request.

        Raises:
            Refused: with Text(58).
        """
        request = self.requests.get(offer.rfq_id)
        if request is None or sees(request.ask.owner.account, offer.owner.account):
            raise Refused(NOT_FOUND)
        book = self._engine.books[request.ask.symbol]
        if not request.open or request.accepted is not None or not book.active:
            raise Refused(CLOSED)
        prices = [price for price in (offer.bid, offer.offer) if price]
        if not prices or not all(book.on_grid(price) for price in prices) or sum(prices, ZERO) > 1:
            raise Refused(INVALID)
        if offer.symbol != request.ask.symbol or offer.quote_id in self.quotes:
            raise Refused(INVALID)
        quote = Quote(offer, request, now_ns)
        for side in Side:
            self._check_maker(quote, side, self.size(quote, side))
        for old in [one for one in request.quotes.values() if one.offer.owner.account == offer.owner.account]:
            self._end(old)
        self.quotes[offer.quote_id] = request.quotes[offer.quote_id] = quote
        return quote

    def cancel_quote(self, account: str, quote_id: str, rfq_id: str | None) -> Quote:
        """Take a pending quote back.

        Raises:
            Refused: with Text(58).
        """
        quote = self._of_maker(account, quote_id, rfq_id)
        if quote.state is not QuoteState.PENDING:
            raise Refused(EXPIRED if quote.state is QuoteState.OVER else "QUOTE_ALREADY_ACCEPTED")
        self._end(quote)
        return quote

    def accept(self, acceptance: Acceptance, now_ns: int) -> Quote:
        """Accept a quote, or a better one where that is preferred, and start the time for its confirmation.

        Raises:
            Refused: with Text(58).
        """
        quote = self._better(self._acceptable(acceptance), acceptance)
        qty, size = acceptance.qty, self.size(quote, acceptance.side)
        if not size or (qty is not None and (not is_size(qty) or qty > size)):
            raise Refused(INVALID)
        if acceptance.order is None:  # an order that accepts was judged when it came in
            self._check_balance(quote, acceptance.side, acceptance.owner, acceptance.side, qty or size)
        del quote.request.quotes[quote.offer.quote_id]
        quote.acceptance, quote.state = acceptance, QuoteState.ACCEPTED
        quote.request.accepted = quote
        self._watch(now_ns + self._timers(quote).confirm_ns, quote)
        return quote

    def _check_balance(self, quote: Quote, taken: Side, owner: Owner, side: Side, qty: Decimal) -> None:
        """Refuse what an account can not pay for.

        Args:
            quote: offers the price.
            taken: the creator's side.
            owner: whose account.
            side: its own side.
            qty: contracts.
        """
        price = quote.price(taken)
        if price is None:
            return
        terms = Terms("", owner, quote.request.ask.symbol, side, qty, price)
        refusal = self._engine.risk.refuse(terms, qty, self._engine.open_orders())
        if refusal is not None:
            raise Refused(refusal[1])

    def _check_maker(self, quote: Quote, taken: Side, qty: Decimal) -> None:
        self._check_balance(quote, taken, quote.offer.owner, taken.opposite, qty)

    def _check_credit(self, ask: Ask) -> None:
        """Refuse what its account may not trade, or could not pay for at the least of all prices."""
        engine, holder = self._engine, ask.owner.holder
        most, qty = engine.accounts.of(holder.account).market_limit, ask.qty or ZERO
        if most is not None and qty > most:
            raise Refused(MARKET_LIMIT[1], RejectReason.EXCEEDS_LIMIT)
        available = engine.risk.available(holder, engine.open_orders())
        opened = max(ZERO, qty - abs(engine.ledger.holding(*holder, ask.symbol).position))
        least = opened * engine.books[ask.symbol].tick if ask.cash is None else ask.cash
        if available is not None and least > available:
            raise Refused(INSUFFICIENT_BALANCE[1], RejectReason.INSUFFICIENT_CREDIT)

    def order_refusal(self, terms: Terms, rfq_id: str | None) -> OrderRefusal | None:
        """Return why an order can not have the quote that it names, or None."""
        acceptance = Acceptance(terms.quote or "", terms.owner, terms.side, rfq_id=rfq_id)
        try:
            quote = self._acceptable(acceptance)
        except Refused:
            return QUOTE_GONE
        price, meant = quote.price(terms.side), terms.symbol == quote.request.ask.symbol
        reached = price is not None and crosses(terms.side, terms.price, price)
        if not meant or not reached or not self.size(quote, terms.side):
            return OrdRejReason.UNSUPPORTED, "INVALID_ORDER"
        return None

    def confirm(self, account: str, quote_id: str, rfq_id: str | None, now_ns: int) -> Quote:
        """Let a maker stand by its accepted quote, and start the time to its execution.

        Raises:
            Refused: with Text(58).
        """
        quote = self._of_maker(account, quote_id, rfq_id)
        if quote.state is not QuoteState.ACCEPTED:
            raise Refused("QUOTE_NOT_ACCEPTED" if quote.state is QuoteState.PENDING else EXPIRED)
        taken = quote.taken
        self._check_maker(quote, taken.side, taken.qty or self.size(quote, taken.side))
        quote.state = QuoteState.CONFIRMED
        self._watch(now_ns + self._timers(quote).execute_ns, quote)
        return quote

    def void(self, quote: Quote) -> None:
        """End an accepted quote that was not confirmed; its request is open again."""
        quote.state = QuoteState.OVER
        quote.request.accepted = None

    def flush(self) -> None:
        """Forget every pending quote without a word, as the venue does when its servers change."""
        for request in self.requests.values():
            for quote_id in request.quotes:
                del self.quotes[quote_id]
            request.quotes.clear()

    def due(self, now_ns: int) -> Iterator[Quote | Request]:
        """Yield, in order of time, the quotes and open requests whose time is over."""
        while self._due and self._due[0][0] <= now_ns:
            due_ns, _, item = heapq.heappop(self._due)
            if isinstance(item, Quote):
                if item.due_ns == due_ns:  # else it was confirmed meanwhile
                    yield item
            elif item.open:
                self._watch(due_ns + REQUEST_LIFE_NS, item)
                yield item
            else:
                self._forget(item)

    def size(self, quote: Quote, side: Side) -> Decimal:
        """Return the contracts that a quote is for: the request's, or what its cash buys at the price."""
        ask, price = quote.request.ask, quote.price(side)
        if ask.qty is not None or price is None or ask.cash is None:
            return ask.qty or ZERO
        cost = price if side is Side.BUY else 1 - price
        fee = ZERO if ask.cash_excludes_fees else self._engine.fees.taker_rate * price * (1 - price)
        return (ask.cash / (cost + fee)).quantize(CONTRACT, ROUND_DOWN)

    def _combination(self, chosen: Legs) -> str:
        """Open the market that legs make, and return its ticker; all such markets are volatile."""
        markets = [leg.market for leg in chosen.legs]
        twice = tuple(dict.fromkeys(one for one in markets if markets.count(one) > 1))
        unknown = tuple(one for one in markets if one not in self._engine.books)
        if twice:
            same = len(set(chosen.legs)) < len(chosen.legs)
            raise NotACombination("duplicated_legs" if same else "conflicting_leg_outcomes", twice)
        if unknown:
            raise NotACombination("invalid_market_combination", unknown)
        words = sorted(f"{leg.market}={leg.side}" for leg in chosen.legs)
        symbol = f"{chosen.collection}-{sha256(' '.join(words).encode()).hexdigest()[:12].upper()}"
        return self._engine.list_market(symbol, high_volatility=True).symbol

    def _judge(self, ask: Ask) -> None:
        book = self._engine.books.get(ask.symbol)
        if book is None:
            raise Refused("MARKET_NOT_FOUND", RejectReason.UNKNOWN_SYMBOL)
        if book.refusal:
            raise Refused(book.refusal)
        sizes = [size for size in (ask.qty, ask.cash) if size is not None]
        if len(sizes) != 1 or not is_size(sizes[0]) or (ask.cash_excludes_fees and ask.cash is None):
            raise Refused(INVALID)

    def _open_of(self, account: str) -> Iterator[Request]:
        for request in self.requests.values():
            if request.open and request.ask.owner.account == account:
                yield request

    def _acceptable(self, acceptance: Acceptance) -> Quote:
        quote = self.quotes.get(acceptance.quote_id)
        if quote is None or acceptance.rfq_id not in (None, quote.request.rfq_id):
            raise Refused(NOT_FOUND)
        if quote.request.ask.owner.account != acceptance.owner.account:
            raise Refused(NOT_FOUND)
        if quote.state is not QuoteState.PENDING:
            raise Refused(EXPIRED)
        if quote.request.accepted is not None or self._engine.trading is not Trading.OPEN:
            raise Refused(self._engine.trading.value or CLOSED)
        return quote

    def _better(self, named: Quote, acceptance: Acceptance) -> Quote:
        """The best of the request's quotes for the side, the named one before others as good as it."""
        price = named.price(acceptance.side)
        if price is None:
            raise Refused(INVALID)
        best, sign = named, 1 if acceptance.side is Side.SELL else -1
        for other in named.request.quotes.values() if acceptance.prefer_better else ():
            offered = other.price(acceptance.side)
            if offered is not None and sign * offered > sign * price:
                best, price = other, offered
        return best

    def _of_maker(self, account: str, quote_id: str, rfq_id: str | None) -> Quote:
        quote = self.quotes.get(quote_id)
        if quote is None or quote.offer.owner.account != account:
            raise Refused(NOT_FOUND)
        if rfq_id not in (None, quote.request.rfq_id):
            raise Refused(NOT_FOUND)
        return quote

    def _timers(self, quote: Quote) -> Timers:
        volatile = self._engine.books[quote.request.ask.symbol].high_volatility
        return HIGH_VOLATILITY if volatile else STANDARD

    def _end(self, quote: Quote) -> None:
        quote.state = QuoteState.OVER
        del quote.request.quotes[quote.offer.quote_id]

    def _forget(self, request: Request) -> None:
        """Drop a closed request and the quotes that answered it; until then they are told to be expired."""
        del self.requests[request.rfq_id]
        for quote_id in [name for name, quote in self.quotes.items() if quote.request is request]:
            del self.quotes[quote_id]

    def _watch(self, due_ns: int, item: Quote | Request) -> None:
        self._number += 1
        if isinstance(item, Quote):
            item.due_ns = due_ns
        heapq.heappush(self._due, (due_ns, self._number, item))


def is_size(size: Decimal) -> bool:
    """Tell whether contracts or dollars are positive and in hundredths."""
    return size > ZERO and size % CONTRACT == 0
