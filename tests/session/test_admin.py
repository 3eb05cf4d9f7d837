"""Reading fields of admin messages, and the texts that two engines exchange about numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.errors import FieldError
from fixgw.fix.message import Message
from fixgw.session import admin


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_the_text_about_a_low_number_is_read_as_it_is_written(expected: int, received: int) -> None:
    assert admin.parse_too_low(admin.too_low_text(expected, received)) == (expected, received)


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_so_is_the_text_about_an_expectation_that_is_too_high(sends_next: int, expected: int) -> None:
    text = admin.expects_too_much_text(sends_next, expected)
    assert admin.parse_expects_too_much(text) == (sends_next, expected)
    assert admin.parse_too_low(text) is None
    theirs = (
        f"Tag 789 (NextExpectedMsgSeqNum) is higher than expected. Expected {sends_next}, Received {expected}"
    )
    assert admin.parse_expects_too_much(theirs) == (sends_next, expected)


@pytest.mark.parametrize("text", ["", "MsgSeqNum too high", "MsgSeqNum too low", "too low, expecting 1"])
def test_any_other_text_is_none(text: str) -> None:
    assert admin.parse_too_low(text) is None
    assert admin.parse_expects_too_much(text) is None


@pytest.mark.parametrize(
    ("value", "number"),
    [(b"0", 0), (b"007", 7), (b"4294967294", 4294967294), (b"4294967295", None), (b"", None), (b"-1", None),
     (b"1.0", None), (b" 1", None), (b"00000000001", None), (b"9" * 40, None)],
)  # fmt: skip
def test_a_number_is_digits_that_a_record_can_hold(value: bytes, number: int | None) -> None:
    assert admin.parse_number(value) == number


@given(st.binary(max_size=12).filter(lambda value: b"\x01" not in value))
def test_reading_a_field_gives_a_value_or_a_field_error(value: bytes) -> None:
    message = Message.of([b"35=0", b"112=" + value])
    for read in (admin.require, admin.require_number, admin.require_time, admin.flag):
        fault = None
        try:
            read(message, 112)
        except FieldError as error:
            fault = error
        assert fault is None or (fault.tag, fault.reason) in {(112, 4), (112, 6)}
    assert isinstance(admin.text_of(message, 112), str)


def test_a_flag_that_is_absent_is_false() -> None:
    assert admin.flag(Message("4"), 123) is False
    assert admin.flag(Message("4", [(123, True)]), 123) is True
