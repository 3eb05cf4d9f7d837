"""Secrets stay out of whatever is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.fix.redact import mask, printable
from fixgw.fix.tags import SECRET_TAGS
from tests.fix.samples import LOGON, NEW_ORDER
from tests.wire import wire


def test_a_signature_becomes_stars_of_the_same_length() -> None:
    masked = mask(LOGON)
    assert len(masked) == len(LOGON)
    assert b"\x0196=" + b"*" * 88 + b"\x01141=Y" in masked
    assert masked.replace(b"*", b"") == LOGON.replace(LOGON[LOGON.find(b"96=") + 3 :][:88], b"")


def test_a_frame_without_secrets_is_given_back_as_it_is() -> None:
    assert mask(NEW_ORDER) is NEW_ORDER


@pytest.mark.parametrize("tag", sorted(SECRET_TAGS))
@pytest.mark.parametrize("separator", [b"\x01", b"|"])
def test_every_secret_tag_is_masked_wherever_it_stands(tag: int, separator: bytes) -> None:
    field = b"%d=hunter2" % tag
    for data in (field, b"35=A" + separator + field, b"35=A" + separator + b"0" + field + b"\x0158=x"):
        assert b"hunter2" not in mask(data)


def test_several_secrets_are_masked_and_what_is_between_them_stays() -> None:
    masked = mask(wire("35=A|553=user|554=one|925=two|58=text"))
    assert b"\x01553=user\x01554=***\x01925=***\x0158=text\x01" in masked


def test_a_data_field_is_masked_for_as_long_as_its_length_says() -> None:
    assert mask(b"95=8\x0196=a\x01b\x0158=c\x0158=d") == b"95=8\x0196=********\x0158=d"


def test_a_length_that_lies_hides_more_and_never_less() -> None:
    assert mask(b"95=1\x0196=abc\x0158=d") == b"95=1\x0196=***\x0158=d"
    assert mask(b"95=99\x0196=abc\x0158=d") == b"95=99\x0196=" + b"*" * 8


def test_a_length_that_ends_within_a_secret_hides_all_of_it() -> None:
    assert mask(b"95=7\x0196=a\x01x=y\x01554=hunter2\x0158=d") == b"95=7\x0196=" + b"*" * 17 + b"\x0158=d"


def test_more_tags_can_be_secret() -> None:
    assert mask(b"35=A\x019001=key\x01", {9001}) == b"35=A\x019001=***\x01"
    assert "key" not in printable(b"35=A\x019001=key\x01", extra=[9001])


def test_a_tag_that_only_ends_like_a_secret_one_is_shown() -> None:
    assert mask(b"35=A\x011554=plain\x01") == b"35=A\x011554=plain\x01"


def test_printable_is_one_line_of_ascii() -> None:
    assert printable(b"35=0\x0158=a\nb\xff\x01") == "35=0|58=a\\x0ab\\xff|"


def test_printable_counts_what_it_cuts_and_masks_before_cutting() -> None:
    assert printable(b"x" * 20, limit=8) == "xxxxxxxx... (12 more bytes)"
    assert printable(b"554=hunter2\x01", limit=8) == "554=****... (4 more bytes)"


@given(st.binary(max_size=200))
def test_masking_keeps_the_length_and_printing_never_fails(data: bytes) -> None:
    assert len(mask(data)) == len(data)
    assert printable(data).isprintable()
