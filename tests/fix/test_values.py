"""Values to bytes and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.errors import EncodeError, FieldError
from fixgw.fix import values
from fixgw.fix.tags import PASSWORD, PRICE


class Colour(StrEnum):
    RED = "r"


class Level(IntEnum):
    HIGH = 7


@given(st.text(st.characters(blacklist_characters="\x01", blacklist_categories=["Cs"]), min_size=1))
def test_text_comes_back(text: str) -> None:
    assert values.decode_string(values.encode_string(text)) == text


@given(st.binary(min_size=1).filter(lambda data: b"\x01" not in data))
def test_any_bytes_are_text_and_the_same_bytes_again(data: bytes) -> None:
    assert values.encode_string(values.decode_string(data)) == data


@given(st.integers(min_value=-(10**17), max_value=10**18))
def test_integers_come_back(number: int) -> None:
    assert values.decode_int(34, values.encode_int(number)) == number


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_come_back_exactly_and_never_with_an_exponent(number: Decimal) -> None:
    data = values.encode_decimal(number)
    assert set(data) <= set(b"0123456789.-")
    assert values.decode_decimal(44, data) == number


@given(st.dates())
def test_dates_come_back(day: date) -> None:
    assert values.decode_date(75, values.encode_date(day)) == day


@given(st.datetimes(timezones=st.just(UTC)))
def test_datetimes_come_back(instant: datetime) -> None:
    assert values.decode_utc_timestamp(60, values.encode_utc_timestamp(instant)) == instant


@given(st.integers(min_value=0, max_value=4_000_000_000 * 10**9), st.sampled_from(["s", "ms", "us", "ns"]))
def test_sending_time_comes_back_cut_to_its_precision(utc_ns: int, precision: str) -> None:
    step = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[precision]
    written = values.sending_time(utc_ns, precision)
    assert values.parse_utc_timestamp_ns(written) == utc_ns - utc_ns % step


@pytest.mark.parametrize(
    ("precision", "written"),
    [
        ("s", b"20261009-14:30:00"),
        ("ms", b"20261009-14:30:00.012"),
        ("us", b"20261009-14:30:00.012345"),
        ("ns", b"20261009-14:30:00.012345678"),
    ],
)
def test_sending_time_is_written_as_fix_has_it(precision: str, written: bytes) -> None:
    assert values.sending_time(1_791_556_200_012_345_678, precision) == written


def test_a_timestamp_is_in_milliseconds_unless_that_would_lose_something() -> None:
    instant = datetime(2026, 10, 9, 14, 30, tzinfo=UTC)
    assert values.encode_utc_timestamp(instant) == b"20261009-14:30:00.000"
    assert values.encode_utc_timestamp(instant + timedelta(microseconds=1)) == b"20261009-14:30:00.000001"
    elsewhere = instant.astimezone(timezone(timedelta(hours=-4)))
    assert values.encode_utc_timestamp(elsewhere) == b"20261009-14:30:00.000"


@pytest.mark.parametrize(
    ("data", "instant"),
    [
        (b"20261009-14:30:00", datetime(2026, 10, 9, 14, 30, tzinfo=UTC)),
        (b"20261009-14:30:00.5", datetime(2026, 10, 9, 14, 30, 0, 500_000, tzinfo=UTC)),
        (b"20261009-14:30:00.123456789", datetime(2026, 10, 9, 14, 30, 0, 123_456, tzinfo=UTC)),
        (b"20261009-14:30:00.123456789012", datetime(2026, 10, 9, 14, 30, 0, 123_456, tzinfo=UTC)),
        (b"20261231-23:59:60.1", datetime(2027, 1, 1, 0, 0, 0, 100_000, tzinfo=UTC)),
    ],
)
def test_timestamps_of_every_precision_are_read(data: bytes, instant: datetime) -> None:
    assert values.decode_utc_timestamp(60, data) == instant


BAD_TIMESTAMPS = [
    b"20261009",
    b"20261009-14:30",
    b"20261009 14:30:00",
    b"20261009-14:30:00.",
    b"20261009-14:30:00,5",
    b"20261009-14:30:00.12x",
    b"20261009-14:30:00.1234567890123",
    b"20261009-14:30:61",
    b"20261009-24:00:00",
    b"20261309-14:30:00",
    b"20260229-14:30:00",
    b"2026100x-14:30:00",
    b"20261009-1x:30:00",
    b"99991231-23:59:60",
]


@pytest.mark.parametrize("data", BAD_TIMESTAMPS)
def test_what_is_no_timestamp_is_refused(data: bytes) -> None:
    with pytest.raises(FieldError, match=r"TransactTime\(60\) is not a UTC timestamp") as caught:
        values.decode_utc_timestamp(60, data)
    assert caught.value.reason == 6


@pytest.mark.parametrize("data", BAD_TIMESTAMPS)
def test_what_is_no_timestamp_has_no_nanoseconds(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller knows the field, the text is made there
        values.parse_utc_timestamp_ns(data)


@pytest.mark.parametrize(
    ("decode", "data"),
    [
        (values.decode_int, b"+5"),
        (values.decode_int, b"5.0"),
        (values.decode_int, b"-"),
        (values.decode_int, b"1_000"),
        (values.decode_int, b"9" * 5000),
        (values.decode_boolean, b"y"),
        (values.decode_char, b"ab"),
        (values.decode_decimal, b"1E5"),
        (values.decode_decimal, b"NaN"),
        (values.decode_decimal, b" 1"),
        (values.decode_decimal, b"1_0"),
        (values.decode_decimal, b"+1"),
        (values.decode_decimal, b"1.2.3"),
        (values.decode_decimal, b"1-2"),
        (values.decode_decimal, b"-"),
        (values.decode_decimal, b"."),
        (values.decode_date, b"2026-10-09"),
        (values.decode_date, b"20261301"),
        (values.decode_date, b"2026 109"),
        (values.decode_time, b"16:00"),
        (values.decode_time, b"25:00:00"),
        (values.decode_time, b"16:00:00+01:00"),
        (values.decode_multiple, b"a  b"),
        (values.decode_multiple, b" a"),
    ],
)
def test_what_does_not_parse_is_a_field_error_with_its_tag(decode: Any, data: bytes) -> None:
    with pytest.raises(FieldError, match=r"Incorrect data format for value, Price\(44\) is not ") as caught:
        decode(PRICE, data)
    assert (caught.value.tag, caught.value.reason, caught.value.ref_tag) == (44, 6, 44)


@pytest.mark.parametrize(
    "decode",
    [
        values.decode_int,
        values.decode_boolean,
        values.decode_char,
        values.decode_decimal,
        values.decode_date,
        values.decode_time,
        values.decode_utc_timestamp,
        values.decode_multiple,
    ],
)
def test_an_empty_value_has_a_reason_of_its_own(decode: Any) -> None:
    with pytest.raises(FieldError, match="Tag specified without a value") as caught:
        decode(44, b"")
    assert caught.value.reason == 4


def test_an_error_never_shows_a_secret() -> None:
    with pytest.raises(FieldError) as caught:
        values.decode_int(PASSWORD, b"hunter2")
    assert "hunter2" not in str(caught.value)


def test_booleans_chars_and_words() -> None:
    assert [values.decode_boolean(43, data) for data in (b"Y", b"N")] == [True, False]
    assert values.decode_char(54, values.encode_char("1")) == "1"
    assert values.decode_multiple(18, values.encode_multiple(("6", "E"))) == ("6", "E")


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ("text", b"text"),
        (Colour.RED, b"r"),
        (b"raw\x01", b"raw\x01"),
        (-5, b"-5"),
        (Level.HIGH, b"7"),
        (True, b"Y"),
        (False, b"N"),
        (Decimal("1E+3"), b"1000"),
        (datetime(2026, 10, 9, tzinfo=UTC), b"20261009-00:00:00.000"),
        (date(2026, 10, 9), b"20261009"),
        (("6", "E"), b"6 E"),
    ],
)
def test_any_value_is_encoded_by_its_python_type(value: Any, data: bytes) -> None:
    assert values.encode(58, value) == data


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "must not be empty"),
        ("a\x01b", "SOH"),
        ("\ud800", "surrogate"),
        (b"", "must not be empty"),
        (0.55, "money is Decimal, never float"),
        (None, "no FIX form for NoneType"),
        (Decimal("NaN"), "NaN can not stand"),
        (Decimal("-Infinity"), "-Infinity can not stand"),
        (datetime(2026, 10, 9), "needs a time zone"),
        ((), "must not be empty"),
        (("a b",), "hold a space"),
    ],
)
def test_what_can_not_stand_on_the_wire_is_refused_with_the_field(value: Any, why: str) -> None:
    with pytest.raises(EncodeError, match=rf"^Text\(58\): .*{why}"):
        values.encode(58, value)


def test_a_char_is_one_character() -> None:
    with pytest.raises(EncodeError, match="exactly one character"):
        values.encode_char("ab")


@pytest.mark.parametrize("value", [0.55, True, "1"])
def test_decimal_text_takes_exact_numbers_only(value: Any) -> None:
    with pytest.raises(EncodeError, match="is not exact"):
        values.decimal_text(value)


def test_decimal_text_takes_whole_numbers_as_int() -> None:
    assert values.decimal_text(10) == "10"  # type: ignore[arg-type]
