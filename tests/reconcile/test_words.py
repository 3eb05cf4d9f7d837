"""What verdicts, kinds and instants read like."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixgw.reconcile.model import BreakKind, Period, Verdict
from fixgw.reconcile.words import ADVICE, VERDICTS, conclusion, duration, headline, instant, sentence, stretch
from tests.reconcile.sample import CLEAN, EVERYTHING, missing, report
from tests.reconcile.told import NOON, SECOND


def test_every_kind_of_break_has_advice() -> None:
    assert set(ADVICE) == set(BreakKind)


def test_every_verdict_has_a_sentence() -> None:
    assert set(VERDICTS) == set(Verdict)


def test_a_single_difference_is_not_many() -> None:
    assert headline(report(missing(1, 1))) == "1 difference"


def test_differences_are_counted() -> None:
    assert headline(EVERYTHING) == "6 differences"


def test_what_is_clean_is_said_so() -> None:
    assert headline(CLEAN) == "clean"


def test_differences_in_a_proven_period_are_all_of_them() -> None:
    assert conclusion(report(missing(1, 1), proven=True)) == "the two sides differ"


def test_what_was_repaired_is_to_be_looked_at_again() -> None:
    repaired = replace(EVERYTHING, applied=2)
    assert conclusion(repaired) == (
        "the two sides differ; 2 executions given to the books: run it again to see what is left"
    )


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ms"),
        (999_999_999, "999 ms"),
        (SECOND, "1 s"),
        (90 * SECOND, "1 min 30 s"),
        (3_600 * SECOND, "1 h"),
        (3_601 * SECOND, "1 h"),
        (86_400 * SECOND + 7_260 * SECOND, "1 d 2 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(ns: int, text: str) -> None:
    assert duration(ns) == text


def test_milliseconds_are_shown_where_there_are_some() -> None:
    assert instant(NOON + 7_900_000) == "2026-10-09 14:30:00.007"


def test_whole_seconds_need_none() -> None:
    assert instant(NOON) == "2026-10-09 14:30:00"


def test_the_day_of_a_stretch_is_said_once() -> None:
    assert stretch(Period(NOON, NOON + SECOND)) == "2026-10-09 14:30:00 to 14:30:01"


def test_a_stretch_over_midnight_names_both_days() -> None:
    assert stretch(Period(NOON - 86_400 * SECOND, NOON)) == "2026-10-08 14:30:00 to 2026-10-09 14:30:00"


def test_a_sentence_begins_with_a_capital_and_keeps_the_others() -> None:
    assert sentence("missing in FIX") == "Missing in FIX."
