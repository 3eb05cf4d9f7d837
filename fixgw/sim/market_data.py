"""Market data: books, trades and trading states for those who asked: docs.kalshi.com/fix/market-data.

What the venue leaves open is decided here: trades come before levels, a deleted level has the size 0.00, a
level names the last order of the reader's own account that changed it, and no pause of the exchange is a
change of a market's state. Messages are built pair by pair, not with the client's typed ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from fixgw.errors import FieldError
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.sim.book import Book
from fixgw.sim.orders import (
    ZERO,
    Accepted,
    Cancelled,
    CancelRejected,
    EngineEvent,
    Pending,
    Rejected,
    Replaced,
    Side,
    Terms,
    Traded,
)
from fixgw.sim.reports import timestamp

ENTRIES_PER_MESSAGE = 100

REQUIRED_TAG_MISSING = 1  # SessionRejectReason(373)
VALUE_INCORRECT = 5
REPEATED = 13

SNAPSHOT, UPDATES, DISABLE = "0", "1", "2"  # SubscriptionRequestType(263)
NEW, CHANGE, DELETE = "0", "1", "2"  # MDUpdateAction(279)
TRADE = "2"  # MDEntryType(269)
BLOCK_TRADE = "1"  # TrdType(828)
FORMER_PRICE = Decimal(-1)  # of an order that was replaced: its report does not hold it
ENTRY_TYPES = {Side.BUY: "0", Side.SELL: "1"}

Pairs: TypeAlias = list[tuple[int, str]]
Price: TypeAlias = tuple[Side, Decimal]
Levels: TypeAlias = dict[Price, Decimal]


class Refusal(StrEnum):
    """MDReqRejReason(281)."""

    TOO_MANY_SYMBOLS = "2"
    UNSUPPORTED_REQUEST = "4"


class TradingState(StrEnum):
    """SecurityTradingStatus(326)."""

    HALTED = "2"
    RESUMED = "3"
    DETERMINED = "100"
    SETTLED = "101"


@dataclass(slots=True)
class Reader:
    """A session and what it asked for.

    Args:
        account: its orders are named on the levels that they changed.
        deliver: sends to it.
        books: symbols whose updates it gets.
        states: symbols whose trading state it gets.
    """

    account: str
    deliver: Callable[[Message], None]
    books: dict[str, None] = field(default_factory=dict)
    states: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an update.

    Args:
        symbol: the market.
        pairs: what everybody is told.
        causes: the terms of the orders that changed the level.
    """

    symbol: str
    pairs: Pairs
    causes: Sequence[Terms] = ()

    def told_to(self, account: str) -> Pairs:
        """Return what a reader is told: the own order that changed the level is named."""
        for terms in reversed(self.causes):
            if terms.owner.account == account:
                own = [(tags.CL_ORD_ID, terms.cl_ord_id), (tags.ALLOC_ACCOUNT, str(terms.owner.subaccount))]
                return [*self.pairs, *own]
        return self.pairs


class Feed:
    """Who is told of which markets, and what they were told last.

    Args:
        books: the markets of the venue.
        symbols_per_request: more are refused.
        subscriptions: the most that one session may have.
    """

    def __init__(self, books: dict[str, Book], symbols_per_request: int, subscriptions: int) -> None:
        self._symbols_per_request = symbols_per_request
        self._subscriptions = subscriptions
        self._books = books
        self._readers: dict[str, Reader] = {}
        self._told: dict[str, Levels] = {}  # of every market that has a reader

    def reader(self, session: str, account: str, deliver: Callable[[Message], None]) -> Reader:
        """Return the reader of a session, made at the first call of a connection."""
        return self._readers.setdefault(session, Reader(account, deliver))

    def leave(self, session: str) -> None:
        """A connection has ended, and with it what it asked for."""
        reader = self._readers.pop(session, None)
        if reader is not None:
            self._forget(list(reader.books))

    def request_books(self, reader: Reader, message: Message, now_ns: int) -> None:
        """Carry out MarketDataRequest(V).

        Raises:
            FieldError: the group of symbols is missing or malformed.
        """
        kind = message.text(tags.SUBSCRIPTION_REQUEST_TYPE)
        symbols = _symbols(message)
        refusal = self._refuse(reader, kind, symbols)
        if refusal is not None:
            text = refusal.name.lower().replace("_", " ")
            reader.deliver(Message("Y", [(tags.MD_REQ_REJ_REASON, refusal.value), (tags.TEXT, text)]))
        elif kind == DISABLE:
            gone = symbols or list(reader.books)
            for symbol in gone:
                reader.books.pop(symbol, None)
            self._forget(gone)
        elif not symbols:
            raise _no_symbols()
        else:
            self._begin(reader, symbols, now_ns, lasting=kind == UPDATES)

    def request_state(self, reader: Reader, message: Message) -> None:
        """Carry out SecurityStatusRequest(e); nothing is told before the state changes.

        Raises:
            FieldError: it names more than one market, or asks for neither beginning nor end.
        """
        kind, symbol = message.text(tags.SUBSCRIPTION_REQUEST_TYPE), message.text(tags.SYMBOL) or ""
        if len(message.get_all(tags.SYMBOL)) > 1:
            raise FieldError(tags.SYMBOL, REPEATED, "Tag appears more than once, Symbol(55)")
        if kind == UPDATES:
            reader.states[symbol] = None
        elif kind == DISABLE:
            reader.states.pop(symbol, None)
        else:
            tag = tags.SUBSCRIPTION_REQUEST_TYPE
            raise FieldError(tag, VALUE_INCORRECT, f"Value is incorrect for this tag, {tags.label(tag)}")

    def tell_state(self, symbol: str, state: TradingState) -> None:
        """Tell those who asked that a market's state has changed; after SETTLED they hear no more of it."""
        for reader in self._readers.values():
            if symbol in reader.states:
                pairs = [(tags.SYMBOL, symbol), (tags.SECURITY_TRADING_STATUS, state.value)]
                reader.deliver(Message("f", pairs))
                if state is TradingState.SETTLED:
                    del reader.states[symbol]

    def tell_block(self, symbol: str, price: Decimal, qty: Decimal, trade_id: str, now_ns: int) -> None:
        """Tell those who read a market of a trade that others have agreed on, away from the book.

        Args:
            symbol: the market.
            price: of YES, dollars.
            qty: contracts.
            trade_id: TradeID(1003).
            now_ns: the instant, UTC nanoseconds.
        """
        pairs = _entry(NEW, symbol, TRADE, price, qty, now_ns)
        block = Entry(symbol, [*pairs, (tags.TRD_TYPE, BLOCK_TRADE), (tags.TRADE_ID, trade_id)])
        for reader in list(self._readers.values()):
            if symbol in reader.books:
                reader.deliver(_update([block], reader.account))

    def tell(self, events: Sequence[EngineEvent]) -> None:
        """Tell what a matching cycle has changed in the books that somebody reads, and its trades."""
        if not self._told:
            return
        entries = list(self._entries(events))
        for reader in list(self._readers.values()):
            own = [entry for entry in entries if entry.symbol in reader.books]
            for at in range(0, len(own), ENTRIES_PER_MESSAGE):
                reader.deliver(_update(own[at : at + ENTRIES_PER_MESSAGE], reader.account))

    def _refuse(self, reader: Reader, kind: str | None, symbols: Sequence[str]) -> Refusal | None:
        if kind not in (SNAPSHOT, UPDATES, DISABLE):
            return Refusal.UNSUPPORTED_REQUEST
        active = len(reader.books.keys() | set(symbols)) if kind == UPDATES else 0
        if len(symbols) > self._symbols_per_request or active > self._subscriptions:
            return Refusal.TOO_MANY_SYMBOLS
        return None

    def _begin(self, reader: Reader, symbols: Iterable[str], now_ns: int, *, lasting: bool) -> None:
        for symbol in symbols:
            levels = self._levels(symbol)
            if lasting:
                reader.books[symbol] = None
                self._told[symbol] = levels
            reader.deliver(_snapshot(symbol, levels, now_ns))

    def _forget(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            if not any(symbol in reader.books for reader in self._readers.values()):
                self._told.pop(symbol, None)

    def _levels(self, symbol: str) -> Levels:
        book = self._books.get(symbol)
        if book is None:
            return {}
        return {(side, px): qty for side in Side for px, qty in book.side(side).depth()}

    def _entries(self, events: Sequence[EngineEvent]) -> Iterator[Entry]:
        of_market: dict[str, list[EngineEvent]] = {}
        for event in events:
            if not isinstance(event, Pending | Rejected | CancelRejected):
                of_market.setdefault(event.order.terms.symbol, []).append(event)
        for symbol, own in of_market.items():
            if symbol in self._told:
                yield from (_trade(event) for event in own if isinstance(event, Traded) and event.aggressor)
                yield from self._changes(symbol, own)

    def _changes(self, symbol: str, events: Sequence[EngineEvent]) -> Iterator[Entry]:
        before, now = self._told[symbol], self._levels(symbol)
        self._told[symbol] = now
        causes = _causes(events)
        at_ns = max(event.at_ns for event in events)
        for price in _in_order(before.keys() | now.keys()):
            old, new = before.get(price, ZERO), now.get(price, ZERO)
            if old != new:
                action = NEW if not old else CHANGE if new else DELETE
                pairs = _entry(action, symbol, ENTRY_TYPES[price[0]], price[1], new, at_ns)
                yield Entry(symbol, pairs, causes.get(price) or causes.get((price[0], FORMER_PRICE)) or [])


def _causes(events: Iterable[EngineEvent]) -> dict[Price, list[Terms]]:
    """Return the terms of the orders that changed each level: who rested there, and who took from it."""
    found: dict[Price, list[Terms]] = {}
    for event in events:
        if isinstance(event, Accepted | Cancelled | Replaced | Traded):
            terms = event.order.terms
            price = (terms.side, terms.price)
            if isinstance(event, Traded) and event.aggressor:
                price = (terms.side.opposite, event.price)
            found.setdefault(price, []).append(terms)
            if isinstance(event, Replaced):
                found.setdefault((terms.side, FORMER_PRICE), []).append(terms)
    return found


def _in_order(prices: Iterable[Price]) -> list[Price]:
    """Bids first, then offers, each from the best."""
    return sorted(prices, key=lambda price: (price[0], -price[1] if price[0] is Side.BUY else price[1]))


def _symbols(message: Message) -> list[str]:
    if tags.SYMBOL in message and tags.NO_RELATED_SYM not in message:
        raise _no_symbols()
    entries = message.group(tags.NO_RELATED_SYM, frozenset({tags.SYMBOL}), tags.SYMBOL)
    return list(dict.fromkeys(entry.text(tags.SYMBOL) or "" for entry in entries))


def _no_symbols() -> FieldError:
    return FieldError(tags.NO_RELATED_SYM, REQUIRED_TAG_MISSING, "Required tag missing, NoRelatedSym(146)")


def _snapshot(symbol: str, levels: Levels, now_ns: int) -> Message:
    message = Message("W", [(tags.SYMBOL, symbol), (tags.NO_MD_ENTRIES, str(len(levels)))])
    for (side, px), qty in levels.items():
        for tag, value in _level(ENTRY_TYPES[side], px, qty, now_ns):
            message.append(tag, value)
    return message


def _update(entries: Sequence[Entry], account: str) -> Message:
    pairs = [pair for entry in entries for pair in entry.told_to(account)]
    return Message("X", [(tags.NO_MD_ENTRIES, str(len(entries))), *pairs])


def _trade(event: Traded) -> Entry:
    symbol = event.order.terms.symbol
    pairs = _entry(NEW, symbol, TRADE, event.price, event.qty, event.at_ns)
    return Entry(
        symbol,
        [*pairs, (tags.AGGRESSOR_SIDE, event.order.terms.side.value), (tags.TRADE_ID, event.match_id)],
    )


def _entry(action: str, symbol: str, kind: str, px: Decimal, qty: Decimal, at_ns: int) -> Pairs:
    return [(tags.MD_UPDATE_ACTION, action), (tags.SYMBOL, symbol), *_level(kind, px, qty, at_ns)]


def _level(kind: str, px: Decimal, qty: Decimal, at_ns: int) -> Pairs:
    day, _, time = timestamp(at_ns).partition("-")
    return [
        (tags.MD_ENTRY_TYPE, kind),
        (tags.MD_ENTRY_PX, f"{px:.4f}"),
        (tags.MD_ENTRY_SIZE, f"{qty:.2f}"),
        (tags.MD_ENTRY_DATE, day),
        (tags.MD_ENTRY_TIME, time),
    ]
