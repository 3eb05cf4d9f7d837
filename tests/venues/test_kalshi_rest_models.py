"""How values of the REST API are read: exactly, whatever their form, or with the name of what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.messages.order_entry import Side
from fixgw.venues.kalshi.rest_errors import MalformedReply
from fixgw.venues.kalshi.rest_exchange import AccountLimits, ExchangeStatus, Market
from fixgw.venues.kalshi.rest_models import (
    Balance,
    EventPosition,
    Fill,
    MarketPosition,
    OrderStatus,
    Row,
    Settlement,
    read_json,
    utc_ns,
)

NOON = "2026-10-09T14:30:00Z"
NOON_NS = 1_791_556_200_000_000_000

MODELS: Mapping[str, tuple[Callable[[Row], object], Mapping[str, Any], tuple[str, ...]]] = {
    "fill": (
        Fill.of,
        {"trade_id": "t", "order_id": "o", "ticker": "T", "book_side": "bid", "is_taker": True},
        ("count_fp", "yes_price_dollars", "fee_cost"),
    ),
    "order": (
        OrderStatus.of,
        {"order_id": "o", "ticker": "T", "outcome_side": "no", "status": "resting"},
        (
            "yes_price_dollars",
            "initial_count_fp",
            "fill_count_fp",
            "remaining_count_fp",
            "taker_fees_dollars",
            "maker_fees_dollars",
        ),
    ),
    "market position": (
        MarketPosition.of,
        {"ticker": "T"},
        (
            "position_fp",
            "fees_paid_dollars",
            "realized_pnl_dollars",
            "market_exposure_dollars",
            "total_traded_dollars",
        ),
    ),
    "event position": (
        EventPosition.of,
        {"event_ticker": "T"},
        ("total_cost_dollars", "event_exposure_dollars", "realized_pnl_dollars", "fees_paid_dollars"),
    ),
    "settlement": (
        Settlement.of,
        {"ticker": "T", "market_result": "scalar", "settled_time": NOON},
        ("yes_count_fp", "no_count_fp", "revenue", "fee_cost", "value"),
    ),
    "balance": (Balance.of, {}, ("balance", "balance_dollars", "portfolio_value")),
    "market": (
        Market.of,
        {"ticker": "T", "status": "open"},
        ("yes_bid_dollars", "yes_ask_dollars"),
    ),
}

numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6)


def values(found: object) -> Iterator[object]:
    """Yield every value inside a model."""
    if is_dataclass(found):
        for field in fields(found):
            yield from values(getattr(found, field.name))
    elif isinstance(found, Mapping):
        for value in found.values():
            yield from values(value)
    elif isinstance(found, tuple):
        for value in found:
            yield from values(value)
    else:
        yield found


@pytest.mark.parametrize("name", MODELS)
@given(data=st.data(), quoted=st.booleans())
def test_no_number_becomes_a_float_on_its_way(name: str, data: st.DataObject, quoted: bool) -> None:
    read, texts, keys = MODELS[name]
    given_ = {key: data.draw(numbers, key) for key in keys}
    written = {key: f'"{value:f}"' if quoted else f"{value:f}" for key, value in given_.items()}
    parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in texts.items()]
    parts += [f'"{key}": {value}' for key, value in written.items()]
    parts += [] if name == "settlement" else [f'"created_time": "{NOON}"']
    found = list(values(read(Row(read_json(f"{{{', '.join(parts)}}}".encode()), name))))
    assert [value for value in found if isinstance(value, float)] == []


@given(numbers)
def test_a_number_is_read_to_its_last_digit(number: Decimal) -> None:
    row = Row(read_json(f'{{"a": "{number:f}", "b": {number:f}}}'.encode()), "row")
    assert (row.number("a"), row.number("b")) == (number, number)


@given(st.integers(-(10**9), 10**9))
def test_whole_numbers_of_money_are_cents(cents: int) -> None:
    row = Row({"whole": cents, "text": f"{cents}"}, "row")
    assert row.dollars("whole") * 100 == row.dollars("text") == cents


@pytest.mark.parametrize("value", [True, None, [], {}, "", "x", "1e999999999", "NaN", "Infinity", 1.5])
def test_what_is_no_number_is_named(value: object) -> None:
    with pytest.raises(MalformedReply, match=r"^row\.price is"):
        Row({"price": value}, "row").number("price")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NOON, NOON_NS),
        ("2026-10-09T14:30:00.1Z", NOON_NS + 100_000_000),
        ("2026-10-09T14:30:00.123456789Z", NOON_NS + 123_456_789),
        ("2026-10-09T10:30:00.000001-04:00", NOON_NS + 1_000),
        ("1970-01-01T00:00:00Z", 0),
    ],
)
def test_an_instant_is_read_to_the_nanosecond(text: str, expected: int) -> None:
    assert utc_ns(text) == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-10-09T14:30:00", "2026-10-09T14:30:00.1234567890Z", "2026-13-09T14:30:00Z"]
)
def test_what_is_no_instant_is_named(text: str) -> None:
    with pytest.raises(MalformedReply, match=r"^row\.at is '"):
        Row({"at": text}, "row").instant("at")


@pytest.mark.parametrize(
    ("key", "value", "side"),
    [
        ("outcome_side", "yes", Side.BUY),
        ("outcome_side", "no", Side.SELL),
        ("book_side", "bid", Side.BUY),
        ("book_side", "ask", Side.SELL),
    ],
)
def test_directions_are_those_of_fix(key: str, value: str, side: Side) -> None:
    assert Row({key: value}, "row").side() is side


def test_a_direction_that_nobody_knows_is_named() -> None:
    with pytest.raises(MalformedReply, match=r"row\.outcome_side is 'up'"):
        Row({"outcome_side": "up"}, "row").side()


@pytest.mark.parametrize(
    ("read", "row"),
    [
        (ExchangeStatus.of, {"exchange_active": "yes", "trading_active": True}),
        (AccountLimits.of, {"usage_tier": "premier", "read": [], "write": []}),
        (Market.of, {"ticker": "T", "status": "open", "price_ranges": {}}),
        (Market.of, {"ticker": "T", "status": "open", "price_ranges": ["0.01"]}),
        (Balance.of, {"balance": 1, "portfolio_value": 1, "balance_breakdown": [{"exchange_index": "0"}]}),
    ],
    ids=["flag", "object", "list", "list of objects", "whole number"],
)
def test_another_shape_is_malformed(read: Callable[[Row], object], row: Mapping[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        read(Row(row, "row"))
