"""One market's book as the venue tells it: price levels, the last trade, the trading state.

Updates are read field by field, without typed views: they are most of what such a session brings.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from fixgw.errors import FieldError
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.fix.values import decode_decimal, decode_int, decode_string, decode_utc_timestamp, malformed
from fixgw.messages.order_entry import Side
from fixgw.venues.kalshi.messages import SecurityTradingStatus, TrdType

COUNT_MISMATCH = 16  # SessionRejectReason(373)
CACHED_AMOUNTS = 65_536
LONGEST_AMOUNT = 32  # characters; what is cached may not be as long as a peer likes

Entry: TypeAlias = dict[bytes, bytes]

MD_UPDATE_ACTION = b"279"
MD_ENTRY_TYPE = b"269"
SYMBOL = b"55"
_PX, _SIZE, _DATE, _TIME = b"270", b"271", b"272", b"273"
_AGGRESSOR_SIDE, _TRD_TYPE, _TRADE_ID = b"2446", b"828", b"1003"
_BID, _OFFER, _TRADE = b"0", b"1", b"2"
_BOOK_SIDES = frozenset({_BID, _OFFER})
_DELETE = b"2"
_ACTIONS = frozenset({b"0", b"1", _DELETE})
_NONE = Decimal(0)
_AMOUNTS: dict[bytes, Decimal] = {}
_SIDES = {side.value.encode(): side for side in Side}


class Level(NamedTuple):
    """A price and how much stands there.

    Args:
        md_entry_px: YES price, dollars.
        md_entry_size: contracts.
    """

    md_entry_px: Decimal
    md_entry_size: Decimal


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade of anybody's.

    Args:
        md_entry_px: YES price, dollars.
        md_entry_size: contracts.
        aggressor_side: what the order did that came second.
        trd_type: BLOCK_TRADE for one, else None.
        trade_id: the venue's UUID of it.
        md_entry_time: when, UTC.
    """

    md_entry_px: Decimal
    md_entry_size: Decimal
    aggressor_side: Side | None
    trd_type: TrdType | None
    trade_id: str | None
    md_entry_time: datetime | None


class MarketBook:
    """A market's book; only the client that keeps it writes it.

    Args:
        symbol: the market.

    Attributes:
        symbol: the market.
        stale: what stands here may not be true any more: no snapshot has come since the last Logon, or an
            update could not be read.
        status: the last trading state that was told since the last Logon, None when there was none.
    """

    __slots__ = ("_bids", "_day", "_offers", "_time", "_traded", "stale", "status", "symbol")

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.stale = True
        self.status: SecurityTradingStatus | None = None
        self._bids: dict[Decimal, Decimal] = {}
        self._offers: dict[Decimal, Decimal] = {}
        self._day: bytes | None = None
        self._time: bytes | None = None
        self._traded: Entry | None = None

    @property
    def bids(self) -> Mapping[Decimal, Decimal]:
        """Price -> contracts that are bid for YES, in no order; dollars."""
        return MappingProxyType(self._bids)

    @property
    def offers(self) -> Mapping[Decimal, Decimal]:
        """Price -> contracts of YES that are offered, in no order; dollars."""
        return MappingProxyType(self._offers)

    @property
    def best_bid(self) -> Level | None:
        """The highest bid."""
        return _level(self._bids, max(self._bids, default=None))

    @property
    def best_offer(self) -> Level | None:
        """The lowest offer."""
        return _level(self._offers, min(self._offers, default=None))

    def depth(self, levels: int) -> tuple[list[Level], list[Level]]:
        """Return the best ``levels`` bids and the best ``levels`` offers, the best first."""
        bids = heapq.nlargest(levels, self._bids.items())
        offers = heapq.nsmallest(levels, self._offers.items())
        return [Level(*bid) for bid in bids], [Level(*offer) for offer in offers]

    @property
    def last_trade(self) -> Trade | None:
        """The last trade that was told, None before the first."""
        return None if self._traded is None else _trade(self._traded)

    @property
    def md_entry_time(self) -> datetime | None:
        """MDEntryDate(272) and MDEntryTime(273) of the last level or trade, UTC; None when there is none."""
        return _instant(self._day, self._time)

    def copy(self) -> MarketBook:
        """Return the book as it is now; it does not change with this one."""
        made = MarketBook(self.symbol)
        made.stale, made.status = self.stale, self.status
        made._bids, made._offers = dict(self._bids), dict(self._offers)
        made._day, made._time, made._traded = self._day, self._time, self._traded
        return made

    def __repr__(self) -> str:
        stale = ", stale" if self.stale else ""
        return f"<MarketBook {self.symbol}: {len(self._bids)} bids, {len(self._offers)} offers{stale}>"

    def doubt(self) -> None:
        """What stands here may not be true any more; a settled market stays settled."""
        self.stale = True
        if self.status is not SecurityTradingStatus.SETTLED:
            self.status = None

    def refresh(self, entries: Iterable[Entry]) -> None:
        """Take the entries of a snapshot in place of everything; those of other types are left out.

        Raises:
            FieldError: a value can not be read; the book is as before.
            KeyError: a field is missing; the book is as before.
        """
        bids: dict[Decimal, Decimal] = {}
        offers: dict[Decimal, Decimal] = {}
        sides = {_BID: bids, _OFFER: offers}
        last: Entry = {}
        for entry in entries:
            levels = sides.get(entry[MD_ENTRY_TYPE])
            if levels is not None:
                levels[_amount(entry[_PX])] = _amount(entry[_SIZE])
                last = entry
        self._bids, self._offers = bids, offers
        self.stale = False
        self._day = last.get(_DATE, self._day)
        self._time = last.get(_TIME, self._time)

    def apply(self, entry: Entry) -> bool:
        """Take one entry of an update and return true, or false when it is of no use here.

        A level of a stale book is of no use, nor is an entry of a type that is neither bid, offer nor trade.

        Raises:
            FieldError: a value can not be read.
            KeyError: a field is missing.
        """
        kind = entry[MD_ENTRY_TYPE]
        if kind == _TRADE:
            _amount(entry[_PX])
            _amount(entry[_SIZE])
            self._traded = entry
        elif self.stale or kind not in _BOOK_SIDES:
            return False
        else:
            _change(self._bids if kind == _BID else self._offers, entry)
        # not the entry: to free one that has lain for a while costs as much as to read a new one
        self._day = entry.get(_DATE)
        self._time = entry.get(_TIME)
        return True


def entries_of(message: Message, first: bytes) -> list[Entry]:
    """Return the entries of NoMDEntries(268), each as field name -> value.

    Args:
        message: a snapshot or an update.
        first: the field that begins an entry.

    Raises:
        FieldError: there are more or fewer than the message says.
    """
    found: list[Entry] = []
    entry: Entry = {}  # what stands before the first entry is nobody's
    for field in message.fields:
        name, _, value = field.partition(b"=")
        if name == first:
            entry = {}
            found.append(entry)
        entry[name] = value
    count = message.get(tags.NO_MD_ENTRIES, b"0") or b"0"
    if decode_int(tags.NO_MD_ENTRIES, count) != len(found):
        text = f"Incorrect NumInGroup count for repeating group, {len(found)} entries are there"
        raise FieldError(tags.NO_MD_ENTRIES, COUNT_MISMATCH, text)
    return found


def _change(levels: dict[Decimal, Decimal], entry: Entry) -> None:
    """Sizes are absolute: what the venue tells twice is still right."""
    action, px = entry[MD_UPDATE_ACTION], _amount(entry[_PX])
    size = _NONE if action == _DELETE else _amount(entry[_SIZE])
    if action not in _ACTIONS:
        raise malformed(tags.MD_UPDATE_ACTION, action, "new, change or delete")
    if size:
        levels[px] = size
    else:
        levels.pop(px, None)


def _trade(entry: Entry) -> Trade:
    trade_id = entry.get(_TRADE_ID)
    return Trade(
        _amount(entry[_PX]),
        _amount(entry[_SIZE]),
        _SIDES.get(entry.get(_AGGRESSOR_SIDE, b"")),
        TrdType.BLOCK_TRADE if entry.get(_TRD_TYPE) == b"1" else None,
        None if trade_id is None else decode_string(trade_id),
        _instant(entry.get(_DATE), entry.get(_TIME)),
    )


def _amount(value: bytes) -> Decimal:
    """Return a price or size; the same ones come again and again, and reading takes five times as long."""
    amount = _AMOUNTS.get(value)
    return _read_amount(value) if amount is None else amount


def _read_amount(value: bytes) -> Decimal:
    amount = decode_decimal(tags.MD_ENTRY_PX, value) if len(value) <= LONGEST_AMOUNT else Decimal(-1)
    if amount < 0:
        raise malformed(tags.MD_ENTRY_PX, value, "a price or size of at least zero")
    if len(_AMOUNTS) >= CACHED_AMOUNTS:
        _AMOUNTS.clear()
    _AMOUNTS[value] = amount
    return amount


def _instant(day: bytes | None, time: bytes | None) -> datetime | None:
    if day is None or time is None:
        return None
    try:
        return decode_utc_timestamp(tags.MD_ENTRY_TIME, b"%b-%b" % (day, time))
    except FieldError:  # the levels are right without it
        return None


def _level(levels: Mapping[Decimal, Decimal], px: Decimal | None) -> Level | None:
    return None if px is None else Level(px, levels[px])
