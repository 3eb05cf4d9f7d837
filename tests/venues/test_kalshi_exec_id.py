"""ExecIDs: numbers, compared within an exchange index."""

from __future__ import annotations

import pytest

from fixgw.venues.kalshi.exec_id import ExecID


@pytest.mark.parametrize("text", ["4;7", "4;7;1", "0;0", "104;1"])
def test_an_identity_comes_back_as_it_was_written(text: str) -> None:
    assert str(ExecID.parse(text)) == text


def test_index_nought_may_be_written_out() -> None:
    assert ExecID.parse("4;7;0") == ExecID.parse("4;7")


@pytest.mark.parametrize(
    "text", ["-1;-1", "", "4", "4;", "4;7;", "4;7;1;2", "a;b", " 4;7", "4;7\n", "\u0664;\u0667"]
)
def test_what_is_no_identity(text: str) -> None:
    assert ExecID.parse(text) is None


def test_they_are_compared_as_numbers() -> None:
    texts = ["10;2", "9;10", "9;9", "2;100;1"]
    assert [str(one) for one in sorted(filter(None, map(ExecID.parse, texts)))] == [
        "9;9",
        "9;10",
        "10;2",
        "2;100;1",
    ]
