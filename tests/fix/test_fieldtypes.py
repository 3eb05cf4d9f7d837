"""Field types: what they take, what they give, what they refuse."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest

from fixgw.errors import EncodeError, FieldError
from fixgw.fix import fieldtypes as types


class Side(StrEnum):
    BUY = "1"
    SELL = "2"


class Inst(StrEnum):
    HELD = "5"
    WORK = "2"


SIDE = types.enum(Side)
INSTS = types.enums(Inst)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (types.STRING, "abc", "abc"),
        (types.STRING, Side.BUY, "1"),
        (types.CHAR, "a", "a"),
        (types.INT, -5, "-5"),
        (types.BOOLEAN, True, "Y"),
        (types.BOOLEAN, False, "N"),
        (types.DECIMAL, Decimal("1E+2"), "100"),
        (types.UTC_TIMESTAMP, datetime(2026, 10, 9, tzinfo=UTC), "20261009-00:00:00.000"),
        (types.LOCAL_MKT_DATE, date(2026, 10, 9), "20261009"),
        (types.UTC_TIME_ONLY, time(16, 0, 0, 123_000, UTC), "16:00:00.123"),
        (types.UTC_TIME_ONLY, time(16, 0, 0, 123_456, UTC), "16:00:00.123456"),
        (types.MULTIPLE_STRINGS, ("a", "b"), "a b"),
        (types.DATA, b"\x01\xff", "\x01\udcff"),
        (SIDE, Side.SELL, "2"),
        (INSTS, (Inst.HELD, Inst.WORK), "5 2"),
    ],
)
def test_values_are_written_and_read_back(kind: types.FieldType[Any], value: Any, text: str) -> None:
    assert kind.text(value) == text
    data = text.encode("utf-8", "surrogateescape")
    assert kind.decode(58, data) == value
    kind.check(58, data)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (types.STRING, 5),
        (types.STRING, ""),
        (types.STRING, "a\x01"),
        (types.CHAR, "ab"),
        (types.INT, True),
        (types.INT, "5"),
        (types.BOOLEAN, 1),
        (types.DECIMAL, 0.5),
        (types.DECIMAL, Decimal("sNaN")),
        (types.UTC_TIMESTAMP, date(2026, 10, 9)),
        (types.LOCAL_MKT_DATE, datetime(2026, 10, 9, tzinfo=UTC)),
        (types.LOCAL_MKT_DATE, "20261009"),
        (types.UTC_TIME_ONLY, "16:00:00"),
        (types.UTC_TIME_ONLY, time(16, tzinfo=timezone(timedelta(hours=1)))),
        (types.MULTIPLE_STRINGS, "ab"),
        (types.DATA, "ab"),
        (types.DATA, b""),
        (SIDE, "9"),
        (SIDE, None),
        (INSTS, ()),
        (INSTS, "5"),
        (INSTS, ("9",)),
    ],
)
def test_what_can_not_be_written_is_refused(kind: types.FieldType[Any], value: Any) -> None:
    with pytest.raises(EncodeError):
        kind.text(value)


def test_an_unknown_member_is_kept_as_text_and_is_out_of_range() -> None:
    assert SIDE.decode(54, b"9") == "9"
    assert INSTS.decode(18, b"5 9") == (Inst.HELD, "9")
    for kind, data in ((SIDE, b"9"), (INSTS, b"5 9")):
        with pytest.raises(FieldError, match=r"out of range.*'9'") as caught:
            kind.check(54, data)
        assert caught.value.reason == 5


def test_nothing_is_no_value_of_any_type() -> None:
    for kind in (types.STRING, types.DATA, SIDE, INSTS):
        with pytest.raises(FieldError, match="without a value") as caught:
            kind.check(54, b"")
        assert caught.value.reason == 4
