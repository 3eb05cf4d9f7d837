"""Text into fields: the quick way and the careful one give the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.errors import FieldError
from fixgw.fix import fields
from fixgw.fix.fields import split

tag_numbers = st.integers(min_value=1, max_value=50_000)
plain_values = st.binary(max_size=10).filter(lambda data: b"\x01" not in data)


def test_the_first_of_several_values_is_the_one_indexed() -> None:
    assert split(b"35=8\x01448=a\x01448=b") == ([b"35=8", b"448=a", b"448=b"], {35: b"8", 448: b"a"})


def test_a_value_may_be_empty_or_hold_an_equals_sign() -> None:
    assert split(b"35=8\x0158=\x0196=a=b=")[1] == {35: b"8", 58: b"", 96: b"a=b="}


def test_raw_data_is_read_by_its_length() -> None:
    found, index = split(b"35=A\x0195=5\x0196=a\x01b=c\x01108=30")
    assert found == [b"35=A", b"95=5", b"96=a\x01b=c", b"108=30"]
    assert index[96] == b"a\x01b=c"


def test_raw_data_may_be_the_last_field() -> None:
    assert split(b"35=B\x01354=3\x01355=a\x01b")[0][-1] == b"355=a\x01b"


def test_a_length_without_its_data_is_just_a_field() -> None:
    assert split(b"35=A\x0195=5\x01108=30")[0] == [b"35=A", b"95=5", b"108=30"]


def test_data_without_its_length_ends_at_soh() -> None:
    assert split(b"35=A\x0196=abc\x01108=30")[0] == [b"35=A", b"96=abc", b"108=30"]


@pytest.mark.parametrize(
    ("text", "tag", "reason"),
    [
        (b"35=A\x0195=9\x0196=abc\x01108=30", 96, 6),
        (b"35=A\x0195=900\x0196=abc", 96, 6),
        (b"35=A\x0195=x\x0196=abc", 95, 6),
        (b"35=A\x0195=\x0196=abc", 95, 4),
        (b"35=A\x0195=1234567890\x0196=abc", 95, 6),
        (b"35=A\x01garbled=TW\x01108=30", 0, 0),
        (b"35=A\x014garbled9=TW", 0, 0),
        (b"35=A\x0158\x01108=30", 58, 0),
        (b"35=A\x0158", 58, 0),
        (b"35=A\x01\x01108=30", 0, 0),
        (b"35=A\x01", 0, 0),
        (b"35=A\x01=x", 0, 0),
        (b"35=A\x01058=x", 58, 0),
        (b"35=A\x010=x", 0, 0),
        (b"35=A\x01-1=x", 0, 0),
        (b"35=A\x011234567890=x", 0, 0),
    ],
)
def test_what_is_no_field_is_a_field_error(text: bytes, tag: int, reason: int) -> None:
    with pytest.raises(FieldError) as caught:
        split(text)
    assert (caught.value.tag, caught.value.reason) == (tag, reason)


def test_the_error_shows_no_secret() -> None:
    with pytest.raises(FieldError) as caught:
        split(b"35=A\x010554=hunter2")
    assert "hunter2" not in str(caught.value)


@given(st.lists(st.tuples(tag_numbers, plain_values), min_size=1, max_size=20))
def test_both_ways_agree(pairs: list[tuple[int, bytes]]) -> None:
    text = b"\x01".join(b"%d=%b" % pair for pair in pairs)
    try:
        expected = fields._split_carefully(text)
    except FieldError:
        return
    assert split(text) == expected
    assert split(text) == expected  # the second time round every tag is known


def test_the_table_of_tags_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(fields._NUMBERS)
    monkeypatch.setattr(fields, "_NUMBERS", known)
    monkeypatch.setattr(fields, "_NUMBERS_MAX", len(known) + 1)
    split(b"35=8\x017000001=a\x017000002=b")
    assert split(b"35=8\x017000001=a\x017000002=b")[1] == {35: b"8", 7000001: b"a", 7000002: b"b"}
    assert b"7000001" in known
    assert b"7000002" not in known
