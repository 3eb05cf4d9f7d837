"""What an update of market data costs on one core: decoded and applied to the books of 10,000 markets.

simplefix, which keeps no books, decodes the same messages alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from time import perf_counter
from typing import Any

import simplefix

from bench.codec import Cost, wire
from fixgw.clock import Now, SystemClock
from fixgw.errors import LocalError
from fixgw.fix.message import Message
from fixgw.handlers.base import Context, Sendable
from fixgw.handlers.orders import Orders
from fixgw.venues.kalshi.market_data import MarketData
from fixgw.venues.kalshi.messages import MarketDataSnapshotFullRefresh, MDEntryType, SnapshotEntry
from fixgw.venues.kalshi.profile import VENUE

ENTRIES = 10
SYMBOLS = 10_000
LEVELS = 10
APPLY = f"X with {ENTRIES} entries, decoded and applied"
DECODE = f"X with {ENTRIES} entries, decoded"
ROWS = (DECODE, APPLY)

_HEADER = ((35, "X"), (34, "1234"), (49, "KalshiMD"), (52, "20261120-14:30:00.123"))
_KEY_ID = "7e57ab1e-0000-4000-8000-00000000f1c5"
_TRADE_SHARE = 0.05
_DELETE_SHARE = 0.1


class Port:
    """A session that is up and drops what is sent."""

    name = "market-data"
    active = True
    epoch = 1

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._number = 1

    @property
    def orders(self) -> Orders:
        """No orders are sent here."""
        raise LocalError("no orders are sent here")

    def now(self) -> Now:
        """Return the instant."""
        return self._clock.now()

    def send(self, message: Sendable, *, urgent: bool = False) -> int:
        """Count a message."""
        self._number += 1
        return self._number

    def delay(self, message: Message) -> float:
        """Nothing is held back here."""
        return 0.0

    async def flushed(self) -> None:
        """Nothing waits here."""


def symbols(count: int) -> list[str]:
    """Return tickers of the usual length."""
    return [f"KXNBAGAME-26MAY{number % 28 + 1:02d}NYKCLE-{number:05d}" for number in range(count)]


def updates(count: int, markets: Sequence[str]) -> list[bytes]:
    """Return frames of MarketDataIncrementalRefresh(X), their entries spread over the markets."""
    chance = random.Random(20261120)
    return [
        wire([*_HEADER, (56, _KEY_ID), (268, str(ENTRIES)), *_entries(chance, markets)]) for _ in range(count)
    ]


def _entries(chance: random.Random, markets: Sequence[str]) -> list[tuple[int, str]]:
    fields: list[tuple[int, str]] = []
    for _ in range(ENTRIES):
        trade, deleted = chance.random() < _TRADE_SHARE, chance.random() < _DELETE_SHARE
        fields += [
            (279, "0" if trade else "2" if deleted else "1"),
            (55, chance.choice(markets)),
            (269, "2" if trade else chance.choice("01")),
            (270, f"{chance.randrange(1, 100) / 100:.4f}"),
            (271, f"{chance.randrange(1, 5_000)}.00"),
            (272, "20261120"),
            (273, f"14:30:{chance.randrange(60):02d}.{chance.randrange(1000):03d}"),
        ]
        if trade:
            fields += [(2446, chance.choice("12")), (1003, "02cfae92-12f4-4bc6-b613-4806e3604514")]
    return fields


def empty(markets: Sequence[str]) -> MarketData:
    """Return the books of markets that wait for their snapshots."""
    books = MarketData(VENUE.profile.meanings)
    books.bind(Port())
    books.subscribe(*markets)
    return books


def subscribed(markets: Sequence[str]) -> MarketData:
    """Return the books of markets that have had their snapshots."""
    books = empty(markets)
    context = Context(Port(), 1)
    for symbol in markets:
        entries = tuple(
            SnapshotEntry(
                md_entry_type=MDEntryType.BID if cents < 50 else MDEntryType.OFFER,
                md_entry_px=Decimal(cents) / 100,
                md_entry_size=Decimal(100),
            )
            for cents in range(50 - LEVELS, 50 + LEVELS)
        )
        snapshot = MarketDataSnapshotFullRefresh(symbol=symbol, md_entries=entries)
        books.on_message(snapshot.message, context)
    return books


def _apply(books: MarketData) -> Callable[[bytes], object]:
    context = Context(Port(), 1)
    decode, take = Message.decode, books.on_message
    return lambda frame: take(decode(frame), context)


def _simplefix() -> Callable[[bytes], object]:
    library: Any = simplefix  # it has no types
    parser = library.FixParser()

    def parse(frame: bytes) -> object:
        parser.append_buffer(frame)
        return parser.get_message()

    return parse


def measure(*, messages: int = 2_000, markets: int = SYMBOLS, repeats: int = 10) -> list[Cost]:
    """Time decoding alone, in fixgw and simplefix, and decoding with the books.

    Raises:
        RuntimeError: an entry was not applied.
    """
    tickers = symbols(markets)
    frames = updates(messages, tickers)
    books = subscribed(tickers)
    works: dict[tuple[str, str], Callable[[bytes], object]] = {
        ("fixgw", DECODE): Message.decode,
        ("simplefix", DECODE): _simplefix(),
        ("fixgw", APPLY): _apply(books),
    }
    times: dict[tuple[str, str], list[float]] = {key: [] for key in works}
    for _ in range(repeats):
        for key, work in works.items():
            started = perf_counter()
            for frame in frames:
                work(frame)
            times[key].append((perf_counter() - started) / messages * 1e6)
    if books.ignored or books.unreadable or any(book.stale for book in books.books.values()):
        raise RuntimeError(f"{books.ignored} entries were ignored, {books.unreadable} not read")
    return [Cost(codec, operation, min(taken)) for (codec, operation), taken in times.items()]
