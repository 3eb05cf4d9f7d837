"""What Kalshi's REST API says of an account and its markets, as typed values: docs.kalshi.com/api-reference.

Money is in dollars, quantities in contracts, both ``Decimal``; instants are UTC nanoseconds. Directions are
those of FIX: buying is bidding for YES.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from fixgw.messages.order_entry import Side
from fixgw.venues.kalshi.rest_errors import MalformedReply

CENTS = Decimal(100)
MOST_DIGITS = 18  # before the point and behind it; a number may be written as 1e999999999


def read_json(body: bytes) -> Any:
    """Return the JSON of a body; its numbers are ``Decimal`` or ``int``.

    Raises:
        ValueError: it is none.
    """
    return json.loads(body, parse_float=Decimal, parse_constant=_no_number)


def _no_number(written: str) -> None:
    """Refuse NaN and the infinities, which Python would read."""
    raise ValueError(f"{written} is no JSON")


class Row:
    """One JSON object of a reply, read field by field.

    Args:
        plain: the object; its numbers are ``Decimal`` or ``int``.
        name: what it is, for errors.

    Raises:
        MalformedReply: it is no object; the readers raise it for a field that is missing or can not be read.
    """

    def __init__(self, plain: Any, name: str) -> None:
        if not isinstance(plain, Mapping):
            raise MalformedReply(f"{name} is no JSON object", "the venue may have changed its reply")
        self._plain = plain
        self._name = name

    def text(self, *keys: str, default: str | None = None) -> str:
        """Return a text under the first of the keys that is there."""
        value = self._find(keys, default)
        if not isinstance(value, str):
            raise self._fault(keys[0], value)
        return value

    def number(self, key: str, default: Decimal | None = None) -> Decimal:
        """Return a decimal number, written as a text or as a number."""
        value = self._find((key,), default)
        try:
            if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
                raise ValueError
            number = Decimal(value)
        except (InvalidOperation, ValueError):
            raise self._fault(key, value) from None
        if not number.is_finite() or (number and abs(number.adjusted()) > MOST_DIGITS):
            raise self._fault(key, value)
        return number

    def dollars(self, key: str) -> Decimal:
        """Return money: a whole number is in cents, a text in dollars."""
        value = self._find((key,), None)
        return self.number(key) if isinstance(value, str) else self.number(key) / CENTS

    def whole(self, key: str, default: int | None = None) -> int:
        """Return a whole number."""
        value = self._find((key,), default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._fault(key, value)
        return value

    def flag(self, key: str, default: bool | None = None) -> bool:
        """Return true or false."""
        value = self._find((key,), default)
        if not isinstance(value, bool):
            raise self._fault(key, value)
        return value

    def instant(self, key: str) -> int:
        """Return an instant as UTC nanoseconds: RFC 3339, or whole seconds since 1970."""
        value = self._find((key,), None)
        if isinstance(value, int) and not isinstance(value, bool):
            return value * 1_000_000_000
        try:
            return utc_ns(self.text(key))
        except ValueError:
            raise self._fault(key, value) from None

    def maybe_instant(self, key: str) -> int | None:
        """Return an instant, None where there is none."""
        return None if self._plain.get(key) in (None, "") else self.instant(key)

    def side(self) -> Side:
        """Return the FIX side of ``outcome_side`` or ``book_side``: yes and bid buy, no and ask sell."""
        value = self.text("outcome_side", "book_side")
        if value not in SIDES:
            raise self._fault("outcome_side", value)
        return SIDES[value]

    def rows(self, key: str) -> Iterator[Row]:
        """Yield the objects of a list; an absent list has none."""
        value = self._plain.get(key)
        if value is None:
            value = []
        if not isinstance(value, list):
            raise self._fault(key, value)
        return (Row(item, f"{self._name}.{key}[{index}]") for index, item in enumerate(value))

    def row(self, key: str) -> Row:
        """Return an object inside this one."""
        return Row(self._plain.get(key), f"{self._name}.{key}")

    def has(self, key: str) -> bool:
        """Tell whether a field is there."""
        return key in self._plain

    def _find(self, keys: tuple[str, ...], default: Any) -> Any:
        for key in keys:
            value = self._plain.get(key)
            if value is not None:
                return value
        if default is None:
            raise self._fault(keys[0], None)
        return default

    def _fault(self, key: str, value: Any) -> MalformedReply:
        said = "is missing" if value is None else f"is {str(value)[:60]!r}"
        return MalformedReply(f"{self._name}.{key} {said}", "the venue may have changed its reply")


SIDES: Mapping[str, Side] = {"yes": Side.BUY, "bid": Side.BUY, "no": Side.SELL, "ask": Side.SELL}


def utc_ns(text: str) -> int:
    """Return an RFC 3339 instant as UTC nanoseconds; up to nine decimals of a second.

    Raises:
        ValueError: it is no instant.
    """
    head, point, tail = text.partition(".")
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))] if point else ""
    zone = tail[len(digits) :] if point else ""
    moment = datetime.fromisoformat(head + zone if point else text)
    if moment.tzinfo is None or len(digits) > 9:
        raise ValueError(f"{text!r} is no instant with a zone")
    seconds = int(moment.astimezone(UTC).timestamp())
    return seconds * 1_000_000_000 + int(digits.ljust(9, "0") or "0")


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of one of the account's orders.

    Args:
        trade_id: TrdMatchID(880) of its report, as far as is known; both sides of a trade have it.
        order_id: OrderID(37).
        symbol: the ticker.
        side: buying or selling YES.
        qty: contracts.
        yes_price: of YES, dollars.
        fee: dollars.
        is_taker: AggressorIndicator(1057).
        utc_ns: when it was executed.
        subaccount: AllocAccount(79).
        exchange_index: LastMkt(30).
    """

    trade_id: str
    order_id: str
    symbol: str
    side: Side
    qty: Decimal
    yes_price: Decimal
    fee: Decimal
    is_taker: bool
    utc_ns: int
    subaccount: int = 0
    exchange_index: int = 0

    @classmethod
    def of(cls, row: Row) -> Fill:
        """Read a fill."""
        return cls(
            trade_id=row.text("trade_id", "fill_id"),
            order_id=row.text("order_id"),
            symbol=row.text("ticker", "market_ticker"),
            side=row.side(),
            qty=row.number("count_fp"),
            yes_price=row.number("yes_price_dollars"),
            fee=row.number("fee_cost"),
            is_taker=row.flag("is_taker"),
            utc_ns=row.instant("created_time"),
            subaccount=row.whole("subaccount_number", 0),
            exchange_index=row.whole("exchange_index", 0),
        )


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """One of the account's orders.

    Args:
        order_id: OrderID(37).
        cl_ord_id: ClOrdID(11), empty when the venue does not tell.
        symbol: the ticker.
        side: buying or selling YES.
        status: resting, canceled or executed.
        yes_price: its limit, dollars of YES.
        initial_qty: contracts asked for.
        cum_qty: contracts filled.
        leaves_qty: contracts that may still fill.
        fees: of all its fills, dollars.
        created_utc_ns: when it was made; None when the venue does not tell.
        subaccount: AllocAccount(79).
        exchange_index: where it lives.
        updated_utc_ns: when it last changed; None when the venue does not tell.
    """

    order_id: str
    cl_ord_id: str
    symbol: str
    side: Side
    status: str
    yes_price: Decimal
    initial_qty: Decimal
    cum_qty: Decimal
    leaves_qty: Decimal
    fees: Decimal
    created_utc_ns: int | None
    subaccount: int = 0
    exchange_index: int = 0
    updated_utc_ns: int | None = None

    @classmethod
    def of(cls, row: Row) -> OrderStatus:
        """Read an order."""
        zero = Decimal(0)
        return cls(
            order_id=row.text("order_id"),
            cl_ord_id=row.text("client_order_id", default=""),
            symbol=row.text("ticker"),
            side=row.side(),
            status=row.text("status"),
            yes_price=row.number("yes_price_dollars"),
            initial_qty=row.number("initial_count_fp"),
            cum_qty=row.number("fill_count_fp"),
            leaves_qty=row.number("remaining_count_fp"),
            fees=row.number("taker_fees_dollars", zero) + row.number("maker_fees_dollars", zero),
            created_utc_ns=row.maybe_instant("created_time"),
            subaccount=row.whole("subaccount_number", 0),
            exchange_index=row.whole("exchange_index", 0),
            updated_utc_ns=row.maybe_instant("last_update_time"),
        )


@dataclass(frozen=True, slots=True)
class MarketPosition:
    """What the account holds in one market.

    Args:
        symbol: the ticker.
        position: net YES contracts; negative for NO.
        fees_paid: dollars.
        realized_pnl: dollars.
        exposure: cost of what is held, dollars.
        total_traded: dollars.
        exchange_index: where the market lives.
    """

    symbol: str
    position: Decimal
    fees_paid: Decimal
    realized_pnl: Decimal
    exposure: Decimal
    total_traded: Decimal
    exchange_index: int = 0

    @classmethod
    def of(cls, row: Row) -> MarketPosition:
        """Read a position."""
        return cls(
            symbol=row.text("ticker"),
            position=row.number("position_fp"),
            fees_paid=row.number("fees_paid_dollars"),
            realized_pnl=row.number("realized_pnl_dollars"),
            exposure=row.number("market_exposure_dollars"),
            total_traded=row.number("total_traded_dollars"),
            exchange_index=row.whole("exchange_index", 0),
        )


@dataclass(frozen=True, slots=True)
class EventPosition:
    """What the account holds over the markets of one event; dollars."""

    event_ticker: str
    total_cost: Decimal
    exposure: Decimal
    realized_pnl: Decimal
    fees_paid: Decimal

    @classmethod
    def of(cls, row: Row) -> EventPosition:
        """Read a position."""
        return cls(
            event_ticker=row.text("event_ticker"),
            total_cost=row.number("total_cost_dollars"),
            exposure=row.number("event_exposure_dollars"),
            realized_pnl=row.number("realized_pnl_dollars"),
            fees_paid=row.number("fees_paid_dollars"),
        )


@dataclass(frozen=True, slots=True)
class Settlement:
    """A market that paid.

    Args:
        symbol: the ticker.
        result: yes, no or scalar.
        yes_qty: YES contracts held.
        no_qty: NO contracts held.
        revenue: what was paid out, dollars.
        fee: dollars.
        yes_value: what one YES contract of a scalar market paid, dollars; None for yes and no.
        utc_ns: when it was settled.
        exchange_index: where the market lived.
    """

    symbol: str
    result: str
    yes_qty: Decimal
    no_qty: Decimal
    revenue: Decimal
    fee: Decimal
    yes_value: Decimal | None
    utc_ns: int
    exchange_index: int = 0

    @classmethod
    def of(cls, row: Row) -> Settlement:
        """Read a settlement; the venue gives revenue and value in cents."""
        return cls(
            symbol=row.text("ticker"),
            result=row.text("market_result"),
            yes_qty=row.number("yes_count_fp"),
            no_qty=row.number("no_count_fp"),
            revenue=row.dollars("revenue"),
            fee=row.number("fee_cost", Decimal(0)),
            yes_value=row.dollars("value") if row.has("value") else None,
            utc_ns=row.instant("settled_time"),
            exchange_index=row.whole("exchange_index", 0),
        )


@dataclass(frozen=True, slots=True)
class Balance:
    """The account's cash, dollars; ``by_exchange`` is by exchange index."""

    cash: Decimal
    portfolio_value: Decimal
    by_exchange: Mapping[int, Decimal]

    @classmethod
    def of(cls, row: Row) -> Balance:
        """Read a balance."""
        return cls(
            cash=row.number("balance_dollars") if row.has("balance_dollars") else row.dollars("balance"),
            portfolio_value=row.dollars("portfolio_value"),
            by_exchange={
                part.whole("exchange_index"): part.dollars("balance")
                for part in row.rows("balance_breakdown")
            },
        )
