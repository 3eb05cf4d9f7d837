"""A report as JSON and as rows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fixgw.reconcile.plain import BREAK_COLUMNS, break_rows, plain
from tests.reconcile.sample import CLEAN, EVERYTHING


@pytest.fixture
def told() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(plain(EVERYTHING), allow_nan=False))
    return read


def test_instants_are_written_as_the_venue_writes_them(told: dict[str, Any]) -> None:
    assert told["period"] == {"begin": "2026-10-08T14:30:00.000000Z", "end": "2026-10-09T14:30:00.000000Z"}
    assert told["breaks"][0]["time"] == "2026-10-09T09:00:00.000000Z"


def test_amounts_are_texts_so_that_nothing_is_rounded(told: dict[str, Any]) -> None:
    theirs = told["breaks"][0]["theirs"]
    assert (theirs["qty"], theirs["price"], theirs["fee"]) == ("1", "0.40", "0.17")


def test_verdict_exit_code_and_kinds_are_words_and_numbers(told: dict[str, Any]) -> None:
    assert (told["verdict"], told["exit_code"], told["matched"]) == ("breaks", 1, 1_204)
    assert [one["kind"] for one in told["breaks"][3:]] == [
        "field mismatch",
        "foreign order",
        "position difference",
    ]


def test_what_is_not_proven_is_there_by_session(told: dict[str, Any]) -> None:
    assert [one["end"] for one in told["unproven"]["orders"]] == ["2026-10-08T17:30:00.000000Z"]


def test_a_row_has_a_cell_for_every_column() -> None:
    assert {len(row) for row in break_rows(EVERYTHING)} == {len(BREAK_COLUMNS)}


def test_a_row_says_what_differs() -> None:
    row = dict(zip(BREAK_COLUMNS, list(break_rows(EVERYTHING))[3], strict=True))
    assert row["what"] == (
        "REST tells it with another price, fee (price: 0.40 here, 0.41 there; fee: 0.17 here, 0.19 there)"
    )


def test_a_clean_report_has_no_rows() -> None:
    assert list(break_rows(CLEAN)) == []
