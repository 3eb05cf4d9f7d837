"""Books, trades and trading states of markets, as one KalshiMD session tells them.

Source: docs.kalshi.com/fix/market-data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType

from fixgw.errors import FieldError, LocalError, OutcomeUnknown, Rejected, StoreError
from fixgw.fix.message import Message
from fixgw.fix.tags import REF_SEQ_NUM, TEXT
from fixgw.fix.values import encode_string
from fixgw.handlers.base import Client, Context
from fixgw.handlers.meanings import Meanings
from fixgw.venues.kalshi.market_book import (
    MD_ENTRY_TYPE,
    MD_UPDATE_ACTION,
    SYMBOL,
    Entry,
    MarketBook,
    entries_of,
)
from fixgw.venues.kalshi.market_requests import (
    MarketDataRefused,
    Refusal,
    Request,
    Requests,
    Waiters,
    snapshot_requests,
    status_request,
)
from fixgw.venues.kalshi.messages import (
    BusinessMessageReject,
    MarketDataRequest,
    MarketDataRequestReject,
    MarketDataSnapshotFullRefresh,
    SecurityStatus,
    SecurityStatusRequest,
    SecurityStatusSubscription,
    SecurityTradingStatus,
    SubscriptionRequestType,
)

MOST_SUBSCRIPTIONS = 100_000
MOST_EXPECTED = 2 * MOST_SUBSCRIPTIONS
KEPT_REJECTS = 100
KEPT_STATUS_REQUESTS = 10_000
ASK_AGAIN_AFTER = 5.0  # seconds
NEVER = float("-inf")
_KINDS = {False: SubscriptionRequestType.SNAPSHOT, True: SubscriptionRequestType.SNAPSHOT_AND_UPDATES}


class MarketData(Client):
    """The books of one session; nothing is kept over a restart.

    What is subscribed to is asked for again after each Logon. A handler for the messages themselves
    (``on_market_data_incremental_refresh``) is called when the books are settled.

    Args:
        meanings: what the venue's texts and codes mean.

    Attributes:
        rejects: the last 100 requests that were refused, the newest last. Their symbols stay subscribed to
            here, with stale books: they are asked for again by ``subscribe`` and after the next Logon.
        ignored: entries of updates that were of no use: for a book without a snapshot, a market that is not
            subscribed to, or of an unknown type.
        unreadable: messages and entries that could not be read.
    """

    name = "market_data"

    def __init__(self, meanings: Meanings) -> None:
        super().__init__()
        self._meanings = meanings
        self.rejects: deque[Refusal] = deque(maxlen=KEPT_REJECTS)
        self.ignored = 0
        self.unreadable = 0
        self._books: dict[str, MarketBook] = {}
        self._by_wire: dict[bytes, MarketBook] = {}  # the same by Symbol(55) as it comes
        self._subscribed: dict[str, float] = {}  # when last asked for, monotonic seconds
        self._confirmed: set[str] = set()
        self._watched: dict[str, None] = {}
        self._requests = Requests()
        self._status_requests: dict[int, str] = {}
        self._waiters = Waiters()
        self._takers: dict[str, Callable[[Message], None]] = {
            "X": self._update,
            "W": self._snapshot,
            "Y": self._refused,
            "f": self._status,
            "j": self._business_reject,
        }

    @property
    def books(self) -> Mapping[str, MarketBook]:
        """Symbol -> book, of every market that is subscribed to or watched."""
        return MappingProxyType(self._books)

    def book(self, symbol: str) -> MarketBook:
        """Return a market's book: stale until its first snapshot, empty when the venue knows no such market.

        Raises:
            LocalError: it is neither subscribed to nor watched.
        """
        found = self._books.get(symbol)
        if found is None:
            raise LocalError(f"{symbol} is not subscribed to: call subscribe({symbol!r}) first")
        return found

    def subscribe(self, *symbols: str) -> None:
        """Ask for books and their updates; those that are told already are not asked for again.

        While the session is down this is remembered, and asked for after the next Logon.

        Args:
            symbols: markets, at most 100,000 on one session.

        Raises:
            LocalError: they would be too many, or a symbol can not stand on the wire; nothing was sent.
            StoreError: a request could not be written; the symbols of those before it are subscribed to.
        """
        wanted = dict.fromkeys(symbols)
        count = len(self._subscribed.keys() | wanted.keys())
        if count > MOST_SUBSCRIPTIONS:
            raise LocalError(f"{count} subscriptions: a session takes {MOST_SUBSCRIPTIONS}; use another one")
        due = [symbol for symbol in wanted if not self._is_told(symbol)]
        kind = SubscriptionRequestType.SNAPSHOT_AND_UPDATES
        for part, request in snapshot_requests(kind, due):
            if self.port.active:
                self._send(part, request)
            for symbol in part:
                self._subscribed.setdefault(symbol, NEVER)
                self._open(symbol)

    def unsubscribe(self, *symbols: str) -> None:
        """Ask for no more updates.

        Args:
            symbols: markets; without any, all that are subscribed to.

        Raises:
            StoreError: a request could not be written; the symbols of those before it are given up.
        """
        gone = [symbol for symbol in dict.fromkeys(symbols or self._subscribed) if symbol in self._subscribed]
        disable = SubscriptionRequestType.DISABLE
        if not symbols:
            self._disable(gone, MarketDataRequest(subscription_request_type=disable))
            return
        for part, request in snapshot_requests(disable, gone):
            self._disable(part, request)

    def watch_status(self, symbol: str) -> None:
        """Ask to be told when a market halts, resumes, is determined or settled: ``book(symbol).status``.

        Raises:
            LocalError: the symbol can not stand on the wire; nothing was sent.
            StoreError: the request could not be written.
        """
        request = status_request(symbol, SecurityStatusSubscription.SUBSCRIBE)
        if self.port.active:
            self._send_status(symbol, request)
        self._watched[symbol] = None
        self._open(symbol)

    def unwatch_status(self, symbol: str) -> None:
        """Ask for no more trading states of a market.

        Raises:
            StoreError: the request could not be written.
        """
        if symbol not in self._watched:
            return
        if self.port.active:
            self._send_status(symbol, status_request(symbol, SecurityStatusSubscription.UNSUBSCRIBE))
        del self._watched[symbol]
        self._leave(symbol)

    async def snapshot(self, symbol: str, *, timeout: float = 10.0) -> MarketBook:  # noqa: ASYNC109
        """Return a copy of the whole book of a market, subscribed to or not.

        Args:
            symbol: the market; the book of one that the venue does not know is empty.
            timeout: seconds.

        Raises:
            MarketDataRefused: the venue refused, with its reason and what to do.
            Rejected: the answer can not be read.
            NotLoggedOn: the session is not up; nothing was sent.
            OutcomeUnknown: the link was lost or no answer came in time; ask again.
            LocalError: the symbol can not stand on the wire, or too many answers are missing already.
        """
        asked = self._requests.asked(symbol)
        if asked is None or self._is_long_ago(asked):
            for part, request in snapshot_requests(_KINDS[self._is_unconfirmed(symbol)], [symbol]):
                self._requests.forget(symbol)
                self._send(part, request)
        return await self._waiters.wait(symbol, timeout)

    # -- handlers.base.Book --

    def on_message(self, message: Message, context: Context) -> None:
        """Take in what concerns the books."""
        taker = self._takers.get(message.msg_type)
        if taker is not None:
            try:
                taker(message)
            except FieldError as fault:
                self.unreadable += 1
                context.refuse(fault)

    def on_reject(self, reject: Message, ref_seq_num: int) -> None:
        """A Reject(3) of one of our requests."""
        self._refuse_number(ref_seq_num, reject.text(TEXT) or "rejected by the session", reject)

    def on_logon(self) -> None:
        """Ask for everything again: the venue keeps no subscription over a connection."""
        self._renew(self._subscribed)
        for symbol in self._watched:
            if self._books[symbol].status is not SecurityTradingStatus.SETTLED:
                request = status_request(symbol, SecurityStatusSubscription.SUBSCRIBE)
                self._try((symbol,), partial(self._send_status, symbol, request))

    def on_disconnect(self) -> None:
        """Nothing that stands in the books is known to be true any more."""
        self._requests.clear()
        self._status_requests.clear()
        self._confirmed.clear()
        self._doubt_everything()
        self._waiters.fail_all(lambda: OutcomeUnknown("the link was lost before the snapshot came"))

    def on_reset(self, epoch: int, utc_ns: int) -> None:
        """No reject can name a request of the former numbers."""
        self._requests.renumber()
        self._status_requests.clear()

    def on_gap(self, first: int, last: int) -> None:
        """Updates or answers are lost: every book is asked for again."""
        missing = self._requests.symbols()
        self._requests.clear()
        self._doubt_everything()
        self._renew(dict.fromkeys((*self._subscribed, *missing)))

    # -- what comes --

    def _update(self, message: Message) -> None:
        try:
            entries = entries_of(message, MD_UPDATE_ACTION)
        except FieldError:  # it may concern any book
            self.unreadable += 1
            self._renew(self._doubt(self._subscribed))
            return
        find, renewed = self._by_wire.get, []
        for entry in entries:
            book = find(entry.get(SYMBOL, b""))
            try:
                if book is None or not book.apply(entry):
                    renewed += self._left_out(book, entry)
            except (FieldError, KeyError):
                assert book is not None
                self.unreadable += 1
                renewed += self._doubt([book.symbol])
        if renewed:
            self._renew(renewed)

    def _left_out(self, book: MarketBook | None, entry: Entry) -> list[str]:
        """Count an entry of no use; return what has to be asked for because of it."""
        if SYMBOL not in entry:
            self.unreadable += 1
            return self._doubt(self._subscribed)
        self.ignored += 1
        return [book.symbol] if book is not None and book.stale and self._is_due(book.symbol) else []

    def _snapshot(self, message: Message) -> None:
        symbol = MarketDataSnapshotFullRefresh.view(message).symbol
        if self._requests.answered(symbol):
            self._confirmed.add(symbol)
        book = self._books[symbol] if symbol in self._confirmed else MarketBook(symbol)
        try:
            book.refresh(entries_of(message, MD_ENTRY_TYPE))
        except (FieldError, KeyError):
            self.unreadable += 1
            book.stale = True
            self._waiters.fail(
                [symbol], lambda: Rejected(f"the snapshot of {symbol} can not be read", message)
            )
            return
        self._waiters.answer(book)

    def _refused(self, message: Message) -> None:
        reject = MarketDataRequestReject.view(message)
        request = self._requests.unanswered()  # it names none, and a refused one was not answered in part
        symbols = () if request is None else request.symbols
        self._refuse(request, Refusal.of(reject, symbols, self._meanings.explain(message)))

    def _status(self, message: Message) -> None:
        change = SecurityStatus.view(message)
        book = self._books.get(change.symbol)
        if book is not None:
            book.status = change.security_trading_status

    def _business_reject(self, message: Message) -> None:
        reject = BusinessMessageReject.view(message)
        number = message.text(REF_SEQ_NUM) or ""
        if number.isdigit():
            self._refuse_number(int(number), reject.text or "refused by the venue", message)

    def _refuse_number(self, ref_seq_num: int, text: str, report: Message) -> None:
        request, meaning = self._requests.find(ref_seq_num), self._meanings.explain(report)
        if request is not None:
            self._refuse(request, Refusal(request.symbols, text, None, report, meaning))
        elif ref_seq_num in self._status_requests:
            symbol = self._status_requests.pop(ref_seq_num)
            self.rejects.append(Refusal((symbol,), text, None, report, meaning))

    def _refuse(self, request: Request | None, refusal: Refusal) -> None:
        self.rejects.append(refusal)
        if request is not None:
            self._requests.drop(request)
        self._waiters.fail(refusal.symbols, lambda: MarketDataRefused(refusal))

    # -- what is asked --

    def _is_told(self, symbol: str) -> bool:
        """True when updates come, or are about to."""
        if symbol not in self._subscribed:
            return False
        if symbol in self._confirmed:
            return True
        return self._requests.subscribing(symbol) and not self._is_long_ago(self._subscribed[symbol])

    def _is_unconfirmed(self, symbol: str) -> bool:
        """True when it is subscribed to, and no answer has said that the venue knows it."""
        return symbol in self._subscribed and symbol not in self._confirmed

    def _is_due(self, symbol: str) -> bool:
        """True for a stale book that is subscribed to and was not asked for lately."""
        return symbol in self._subscribed and self._is_long_ago(self._subscribed[symbol])

    def _is_long_ago(self, mono: float) -> bool:
        return self.port.now().mono - mono >= ASK_AGAIN_AFTER

    def _doubt(self, symbols: Iterable[str]) -> list[str]:
        """Make books stale; return those that were not and that no answer is about to mend."""
        fresh = [symbol for symbol in symbols if not self._books[symbol].stale]
        for symbol in fresh:
            self._books[symbol].stale = True
        return [symbol for symbol in fresh if self._requests.asked(symbol) is None]

    def _doubt_everything(self) -> None:
        for book in self._books.values():
            book.doubt()

    def _renew(self, symbols: Iterable[str]) -> None:
        """Ask for snapshots; with updates where none has come since they were last asked for."""
        chosen: dict[bool, list[str]] = {False: [], True: []}
        for symbol in dict.fromkeys(symbols):
            self._requests.forget(symbol)
            chosen[self._is_unconfirmed(symbol)].append(symbol)
        for subscribes, kind in _KINDS.items():
            for part, request in snapshot_requests(kind, chosen[subscribes]):
                self._try(part, partial(self._send, part, request))

    def _try(self, symbols: tuple[str, ...], send: Callable[[], None]) -> None:
        """Send what nobody waits for: a full disk or a closing session is told among the refusals."""
        try:
            send()
        except (LocalError, StoreError) as error:
            self.rejects.append(Refusal(symbols, f"not sent: {error}"))

    def _send(self, symbols: tuple[str, ...], request: MarketDataRequest) -> None:
        if len(self._requests) + len(symbols) > MOST_EXPECTED:
            raise LocalError(f"{len(self._requests)} snapshots have not come yet: wait for some of them")
        number, mono = self.port.send(request), self.port.now().mono
        subscribes = request.subscription_request_type is SubscriptionRequestType.SNAPSHOT_AND_UPDATES
        self._requests.add(Request(number, symbols, subscribes, mono))
        for symbol in symbols:
            if subscribes or symbol in self._subscribed:
                self._subscribed[symbol] = mono

    def _send_status(self, symbol: str, request: SecurityStatusRequest) -> None:
        self._status_requests[self.port.send(request)] = symbol
        if len(self._status_requests) > KEPT_STATUS_REQUESTS:
            del self._status_requests[next(iter(self._status_requests))]

    def _disable(self, symbols: Iterable[str], request: MarketDataRequest) -> None:
        if self.port.active:
            self.port.send(request)
        for symbol in symbols:
            del self._subscribed[symbol]
            self._confirmed.discard(symbol)
            self._requests.unsubscribe(symbol)
            self._books[symbol].stale = True
            self._leave(symbol)

    def _open(self, symbol: str) -> None:
        if symbol not in self._books:
            self._books[symbol] = self._by_wire[encode_string(symbol)] = MarketBook(symbol)

    def _leave(self, symbol: str) -> None:
        if symbol not in self._subscribed and symbol not in self._watched:
            del self._books[symbol], self._by_wire[encode_string(symbol)]
