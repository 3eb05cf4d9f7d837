"""The tag table."""

from __future__ import annotations

import pytest
from simplefix.data import RAW_DATA

from fixgw.fix import tags
from fixgw.fix.fields import split


def test_tags_are_known_by_the_names_of_the_specification() -> None:
    assert tags.label(11) == "ClOrdID(11)"
    assert tags.label(453) == "NoPartyIDs(453)"
    assert tags.label(21005) == "tag 21005"


def test_no_two_names_share_a_tag() -> None:
    constants = [value for name, value in vars(tags).items() if name.isupper() and isinstance(value, int)]
    assert len(constants) == len(set(constants)) == len(tags.NAMES)


def test_raw_data_tags_agree_with_simplefix() -> None:
    assert {pair for pair in RAW_DATA if pair[0] != pair[1]} <= set(tags.RAW_DATA_TAGS.items())


@pytest.mark.parametrize(("length", "data"), [(1184, 1185), (2715, 2716), (2802, 2801), (43110, 42486)])
def test_xml_formulas_and_later_texts_are_read_by_length(length: int, data: int) -> None:
    fields, index = split(b"35=d\x01%d=5\x01%d=a\x01b=c\x0158=x" % (length, data))
    assert len(fields) == 4
    assert index[data] == b"a\x01b=c"


def test_what_the_session_writes_is_header_or_trailer() -> None:
    assert tags.SESSION_TAGS <= tags.HEADER_TAGS | tags.TRAILER_TAGS
