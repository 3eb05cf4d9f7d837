"""The look of values, type by type, and in step with what the decoders take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fixgw.errors import FieldError
from fixgw.fix import values
from fixgw.fix.formats import FORMATS, pattern

GOOD = {
    "INT": ["0", "-1", "007", "999999999999999999"],
    "TAGNUM": ["11", "0", "-1"],
    "LENGTH": ["0", "12"],
    "SEQNUM": ["0", "12"],
    "NUMINGROUP": ["0", "12"],
    "QTY": ["1", "-1", "1.", ".5", "002000.00"],
    "CHAR": ["a", " ", "="],
    "BOOLEAN": ["Y", "N"],
    "MULTIPLECHARVALUE": ["a", "a b"],
    "MULTIPLESTRINGVALUE": ["a", "ab cd"],
    "UTCTIMESTAMP": [
        "20240229-23:59:60",
        "20261009-14:30:00.123",
        "20261009-14:30:00.123456",
        "20261009-14:30:00.123456789",
    ],
    "UTCTIMEONLY": ["00:00:00", "23:59:60.999"],
    "UTCDATE": ["20240229", "20000229", "00010101"],
    "LOCALMKTTIME": ["09:30:00"],
    "MONTHYEAR": ["202612", "20261231", "202612w5"],
    "DAYOFMONTH": ["1", "01", "31"],
    "TZTIMEONLY": ["07:39Z", "02:39-05", "15:39:00+08", "13:09+05:30", "13:09:01.123"],
    "TZTIMESTAMP": ["20060901-07:39Z", "20060901-13:09:00.123+05:30"],
    "TENOR": ["D5", "M13", "W13", "Y1"],
    "CURRENCY": ["USD", "GBp"],
    "COUNTRY": ["US"],
    "EXCHANGE": ["XNYS", "N"],
    "LANGUAGE": ["en"],
    "DATA": ["\x01=", "\n"],
    "STRING": ["a b", "é"],
}
BAD = {
    "INT": ["", "+1", "1.0", "1e3", " 1", "-", "1" * 19, "\u0661"],
    "TAGNUM": ["x"],
    "LENGTH": ["-1", "1.0"],
    "SEQNUM": ["-1"],
    "NUMINGROUP": ["-1", "x"],
    "QTY": ["+200.00", "1,5", ".", "-", "1e5", "NaN", "1.2.3", "1_0"],
    "CHAR": ["", "ab"],
    "BOOLEAN": ["y", "1", "YN"],
    "MULTIPLECHARVALUE": ["ab", "a  b", " a", "a "],
    "MULTIPLESTRINGVALUE": ["a  b", " a", "a "],
    "UTCTIMESTAMP": [
        "20230229-00:00:00",
        "20261009",
        "20261009-24:00:00",
        "20261009-14:60:00",
        "20261009-14:30:61",
        "20261009-14:30",
        "20261009-14:30:00.",
        "20261009 14:30:00",
        "20261009-14:30:00Z",
    ],
    "UTCTIMEONLY": ["24:00:00", "09:30"],
    "UTCDATE": ["19000229", "20261301", "20260431", "20260100", "00000101", "2026-10-09"],
    "LOCALMKTTIME": ["09:30", "09:30:00.1"],
    "MONTHYEAR": ["202613", "2026", "202612w6", "20261232"],
    "DAYOFMONTH": ["0", "32", "001"],
    "TZTIMEONLY": ["7:39Z", "07:39+15", "07:39+05:3"],
    "TZTIMESTAMP": ["07:39Z", "20060931-07:39Z"],
    "TENOR": ["5D", "D"],
    "CURRENCY": ["US", "US1"],
    "COUNTRY": ["USA", "us"],
    "EXCHANGE": ["XNYSX", "X-Y"],
    "LANGUAGE": ["eng", "e"],
    "DATA": [""],
    "STRING": [""],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in GOOD for value in GOOD[name]])
def test_good_values_have_the_format_of_their_type(name: str, value: str) -> None:
    assert pattern(FORMATS[name]).fullmatch(value.encode())


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BAD for value in BAD[name]])
def test_bad_values_do_not(name: str, value: str) -> None:
    assert not pattern(FORMATS[name]).fullmatch(value.encode())


DECODERS: dict[str, Callable[[int, bytes], Any]] = {
    "INT": values.decode_int,
    "PRICE": values.decode_decimal,
    "CHAR": values.decode_char,
    "BOOLEAN": values.decode_boolean,
    "UTCTIMESTAMP": values.decode_utc_timestamp,
    "LOCALMKTDATE": values.decode_date,
    "MULTIPLESTRINGVALUE": values.decode_multiple,
}
YEARS = st.sampled_from(["0000", "0001", "0004", "1900", "1996", "2000", "2026", "9998"])
DATES = st.builds("{}{:02}{:02}".format, YEARS, st.integers(0, 13), st.integers(0, 32))
TIMES = st.builds(
    "{:02}:{:02}:{:02}{}".format,
    st.integers(0, 24),
    st.integers(0, 60),
    st.integers(0, 61),
    st.sampled_from(["", ".", ".1", ".123", ".123456789012", ".1234567890123", "Z"]),
)
NUMBERS = st.text("0123456789.-+", max_size=18)
TEXTS = DATES | st.builds("{}-{}".format, DATES, TIMES) | NUMBERS | st.text("YN a1", max_size=4)


@pytest.mark.parametrize("name", DECODERS)
@given(TEXTS)
@example("20240229-23:59:60.123456")
@example("20230229")
def test_a_value_has_the_format_exactly_when_it_decodes(name: str, text: str) -> None:
    value = text.encode()
    try:
        DECODERS[name](11, value)
        decodes = True
    except FieldError:
        decodes = False
    assert bool(pattern(FORMATS[name]).fullmatch(value)) is decodes
