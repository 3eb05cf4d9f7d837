"""What the REST API says of the exchange, and of the key that asks: docs.kalshi.com/api-reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fixgw.safety.grid import PriceRange
from fixgw.venues.kalshi.rest_models import Row

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class ExchangeStatus:
    """Whether the exchange works.

    Args:
        exchange_active: false when nothing at all changes.
        trading_active: false in a pause and out of hours.
        resumes_utc_ns: the venue's estimate of when it goes on; None when it gives none.
        trading_by_exchange: trading_active by exchange index, as far as is told.
    """

    exchange_active: bool
    trading_active: bool
    resumes_utc_ns: int | None
    trading_by_exchange: Mapping[int, bool]

    @classmethod
    def of(cls, row: Row) -> ExchangeStatus:
        """Read a status."""
        return cls(
            exchange_active=row.flag("exchange_active"),
            trading_active=row.flag("trading_active"),
            resumes_utc_ns=row.maybe_instant("exchange_estimated_resume_time"),
            trading_by_exchange={
                part.whole("exchange_index"): part.flag("trading_active")
                for part in row.rows("exchange_index_statuses")
            },
        )


@dataclass(frozen=True, slots=True)
class Hours:
    """One session of a day: ``HH:MM`` wall clock, US Eastern."""

    day: str
    opens: str
    closes: str


@dataclass(frozen=True, slots=True)
class Window:
    """A planned maintenance, UTC nanoseconds."""

    begin_utc_ns: int
    end_utc_ns: int


@dataclass(frozen=True, slots=True)
class ExchangeSchedule:
    """When the exchange trades, and when it is maintained."""

    hours: tuple[Hours, ...]
    maintenance: tuple[Window, ...]

    @classmethod
    def of(cls, row: Row) -> ExchangeSchedule:
        """Read a schedule."""
        schedule = row.row("schedule")
        return cls(
            tuple(
                Hours(day, part.text("open_time"), part.text("close_time"))
                for week in schedule.rows("standard_hours")
                for day in DAYS
                for part in week.rows(day)
            ),
            tuple(
                Window(part.instant("start_datetime"), part.instant("end_datetime"))
                for part in schedule.rows("maintenance_windows")
            ),
        )


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: tokens a second, and the most that it holds."""

    refill_rate: Decimal
    capacity: Decimal


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """The account's tier and budgets.

    Args:
        usage_tier: such as premier.
        read: for queries.
        write: for orders, shared with FIX.
        expires_utc_s: when the first grant of a tier ends, seconds since 1970; None for never.
    """

    usage_tier: str
    read: Bucket
    write: Bucket
    expires_utc_s: int | None

    @classmethod
    def of(cls, row: Row) -> AccountLimits:
        """Read limits."""
        ends = [grant.whole("expires_ts") for grant in row.rows("grants") if grant.has("expires_ts")]
        return cls(
            row.text("usage_tier"),
            _bucket(row.row("read")),
            _bucket(row.row("write")),
            min(ends, default=None),
        )


def _bucket(row: Row) -> Bucket:
    return Bucket(row.number("refill_rate"), row.number("bucket_capacity"))


@dataclass(frozen=True, slots=True)
class HistoricalCutoff:
    """Where the live lists stop and the historical ones begin, UTC nanoseconds.

    Args:
        trades_utc_ns: fills before it are historical.
        orders_utc_ns: orders last updated before it are.
    """

    trades_utc_ns: int
    orders_utc_ns: int

    @classmethod
    def of(cls, row: Row) -> HistoricalCutoff:
        """Read the cutoffs."""
        return cls(row.instant("trades_created_ts"), row.instant("orders_updated_ts"))


@dataclass(frozen=True, slots=True)
class Market:
    """One market.

    Args:
        symbol: the ticker.
        event_ticker: of the event that it belongs to.
        status: such as open, closed or settled.
        price_ranges: the prices that are taken.
        yes_bid: the best bid for YES, dollars; None when there is none.
        yes_ask: the best offer of YES, dollars; None when there is none.
        closes_utc_ns: when it closes; None when it is not told.
        exchange_index: where it lives.
    """

    symbol: str
    event_ticker: str
    status: str
    price_ranges: tuple[PriceRange, ...]
    yes_bid: Decimal | None
    yes_ask: Decimal | None
    closes_utc_ns: int | None
    exchange_index: int = 0

    @classmethod
    def of(cls, row: Row) -> Market:
        """Read a market."""
        return cls(
            symbol=row.text("ticker"),
            event_ticker=row.text("event_ticker", default=""),
            status=row.text("status"),
            price_ranges=tuple(
                PriceRange(part.number("start"), part.number("end"), part.number("step"))
                for part in row.rows("price_ranges")
            ),
            yes_bid=_price(row, "yes_bid_dollars"),
            yes_ask=_price(row, "yes_ask_dollars"),
            closes_utc_ns=row.maybe_instant("close_time"),
            exchange_index=row.whole("exchange_index", 0),
        )


def _price(row: Row, key: str) -> Decimal | None:
    """A price of zero stands for an empty side of the book."""
    price = row.number(key, Decimal(0))
    return price or None


def read_status(plain: Any) -> ExchangeStatus | None:
    """Return the status in a body, None when it is something else: an outage carries it as well."""
    if not isinstance(plain, Mapping) or "exchange_active" not in plain:
        return None
    return ExchangeStatus.of(Row(plain, "exchange/status"))
