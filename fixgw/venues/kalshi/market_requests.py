"""Which MarketDataRequests wait for an answer, which of them an answer answers, and who waits for it.

The venue names no request: a snapshot names its symbol, and a MarketDataRequestReject(Y) nothing at all. What
can be relied on is the order: snapshots of one symbol come in the order in which they were asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from fixgw.errors import OutcomeUnknown, Rejected
from fixgw.fix.message import Message
from fixgw.venues.kalshi.market_book import MarketBook
from fixgw.venues.kalshi.messages import (
    MarketDataRequest,
    MarketDataRequestReject,
    MarketDataSymbol,
    MDReqRejReason,
    SecurityStatusRequest,
    SecurityStatusSubscription,
    SubscriptionRequestType,
)

SYMBOLS_PER_REQUEST = 1_000

UNKNOWN_REASON = "the venue gave a reason that is not in its table"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that the venue did not carry out.

    Args:
        symbols: the markets that it named; empty when no request can be told.
        text: what the venue says; of a MarketDataRequestReject, what its reason means too.
        md_req_rej_reason: MDReqRejReason(281), None when the message itself was refused.
        report: the MarketDataRequestReject, BusinessMessageReject or Reject; None when nothing was sent.
        meaning: what the venue's table says that it means, and what to do.
    """

    symbols: tuple[str, ...]
    text: str
    md_req_rej_reason: MDReqRejReason | None = None
    report: Message | None = None
    meaning: str = ""

    @classmethod
    def of(cls, reject: MarketDataRequestReject, symbols: tuple[str, ...], meaning: str) -> Refusal:
        """Return what a MarketDataRequestReject says of a request for these symbols."""
        reason = reject.md_req_rej_reason
        meaning = "the venue gave no reason" if reason is None else meaning or UNKNOWN_REASON
        told = f" ({reject.text})" if reject.text else ""
        return cls(symbols, f"MDReqRejReason(281) {reason}: {meaning}{told}", reason, reject.message, meaning)


class MarketDataRefused(Rejected):
    """The venue refused to tell of a market.

    Args:
        refusal: what it said.
    """

    def __init__(self, refusal: Refusal) -> None:
        told = refusal.meaning in refusal.text
        super().__init__(refusal.text, refusal.report, "" if told else refusal.meaning)
        self.meaning = refusal.meaning
        self.md_req_rej_reason = refusal.md_req_rej_reason


@dataclass(slots=True, eq=False)
class Request:
    """One MarketDataRequest(V) for snapshots.

    Args:
        ref_seq_num: its MsgSeqNum(34).
        symbols: the markets that it names.
        subscribes: it asks for updates as well.
        mono: when it was sent, monotonic seconds.
        answered: a snapshot has come for one of its symbols, so that it was not refused.
        missing: how many snapshots are still to come.
        ended: symbols that were unsubscribed from meanwhile.
    """

    ref_seq_num: int
    symbols: tuple[str, ...]
    subscribes: bool
    mono: float
    answered: bool = False
    missing: int = 0
    ended: set[str] = field(default_factory=set)

    def tells(self, symbol: str) -> bool:
        """Tell whether updates follow its snapshot of this symbol."""
        return self.subscribes and symbol not in self.ended


class Requests:
    """The requests of one connection that wait for an answer."""

    def __init__(self) -> None:
        self._open: dict[Request, None] = {}
        self._expected: dict[str, list[Request]] = {}  # the oldest first
        self._count = 0

    def __len__(self) -> int:
        """Return how many snapshots are to come."""
        return self._count

    def add(self, request: Request) -> None:
        """Take in a request that was sent."""
        self._open[request] = None
        request.missing = len(request.symbols)
        self._count += len(request.symbols)
        for symbol in request.symbols:
            self._expected.setdefault(symbol, []).append(request)

    def asked(self, symbol: str) -> float | None:
        """Return when the latest request that waits for this symbol was sent, monotonic seconds, or None."""
        expected = self._expected.get(symbol)
        return expected[-1].mono if expected else None

    def subscribing(self, symbol: str) -> bool:
        """Tell whether an answer is to come after which updates follow."""
        return any(request.tells(symbol) for request in self._expected.get(symbol, ()))

    def unsubscribe(self, symbol: str) -> None:
        """No updates follow the answers that are to come for this symbol."""
        for request in self._expected.get(symbol, ()):
            request.ended.add(symbol)

    def answered(self, symbol: str) -> bool:
        """A snapshot of this symbol came; return whether updates follow it."""
        expected = self._expected.get(symbol)
        if not expected:
            return False
        request = expected[0]
        request.answered = True
        self._settle(symbol, request)
        return request.tells(symbol)

    def forget(self, symbol: str) -> None:
        """Give up the answers that are to come for this symbol."""
        for request in list(self._expected.get(symbol, ())):
            self._settle(symbol, request)

    def drop(self, request: Request) -> None:
        """A request was refused: nothing comes for any of its symbols."""
        for symbol in request.symbols:
            if request in self._expected.get(symbol, ()):
                self._settle(symbol, request)

    def find(self, ref_seq_num: int) -> Request | None:
        """Return the request with this MsgSeqNum(34)."""
        return next((one for one in self._open if one.ref_seq_num == ref_seq_num), None)

    def unanswered(self) -> Request | None:
        """Return the oldest request of which nothing has come."""
        return next((one for one in self._open if not one.answered), None)

    def symbols(self) -> list[str]:
        """Return the symbols for which a snapshot is to come."""
        return list(self._expected)

    def clear(self) -> None:
        """Nothing will come any more."""
        self._open.clear()
        self._expected.clear()
        self._count = 0

    def renumber(self) -> None:
        """The numbers went back to 1: no reject can name a request of before."""
        for request in self._open:
            request.ref_seq_num = 0

    def _settle(self, symbol: str, request: Request) -> None:
        expected = self._expected[symbol]
        expected.remove(request)
        if not expected:
            del self._expected[symbol]
        self._count -= 1
        request.missing -= 1
        if not request.missing:
            del self._open[request]


class Waiters:
    """Who waits for snapshots: symbol -> futures."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[MarketBook]]] = {}

    async def wait(self, symbol: str, patience: float) -> MarketBook:
        """Return a copy of the book when its snapshot comes.

        Args:
            symbol: the market.
            patience: seconds.

        Raises:
            OutcomeUnknown: it did not come in time.
        """
        waiter: asyncio.Future[MarketBook] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(symbol, [])
        waiting.append(waiter)
        try:
            return await asyncio.wait_for(waiter, patience)
        except TimeoutError:
            raise OutcomeUnknown(f"no snapshot of {symbol} came within {patience:g} s") from None
        finally:
            waiting.remove(waiter)
            if not waiting and self._waiting.get(symbol) is waiting:
                del self._waiting[symbol]

    def answer(self, book: MarketBook) -> None:
        """Give a copy of the book to each who waits for it."""
        for waiter in self._waiting.pop(book.symbol, ()):
            if not waiter.done():
                waiter.set_result(book.copy())

    def fail(self, symbols: Iterable[str], error: Callable[[], Exception]) -> None:
        """Tell those who wait for any of these symbols that nothing will come."""
        for symbol in symbols:
            for waiter in self._waiting.pop(symbol, ()):
                if not waiter.done():
                    waiter.set_exception(error())

    def fail_all(self, error: Callable[[], Exception]) -> None:
        """Tell everybody that nothing will come."""
        self.fail(list(self._waiting), error)


def snapshot_requests(
    kind: SubscriptionRequestType, symbols: Iterable[str]
) -> list[tuple[tuple[str, ...], MarketDataRequest]]:
    """Return requests for markets, each with its symbols: at most 1,000.

    All are made before the first is sent, because a symbol may not be fit for the wire.

    Raises:
        EncodeError: a symbol can not stand on the wire.
    """
    every = tuple(symbols)
    parts = [every[at : at + SYMBOLS_PER_REQUEST] for at in range(0, len(every), SYMBOLS_PER_REQUEST)]
    return [(part, _request(kind, part)) for part in parts]


def _request(kind: SubscriptionRequestType, symbols: tuple[str, ...]) -> MarketDataRequest:
    return MarketDataRequest(
        subscription_request_type=kind,
        related_symbols=tuple(MarketDataSymbol(symbol=symbol) for symbol in symbols),
    )


def status_request(symbol: str, kind: SecurityStatusSubscription) -> SecurityStatusRequest:
    """Return a request for the trading states of a market.

    Raises:
        EncodeError: the symbol can not stand on the wire.
    """
    return SecurityStatusRequest(subscription_request_type=kind, symbol=symbol)
