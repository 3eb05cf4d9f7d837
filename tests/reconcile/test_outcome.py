"""What is kept of a report where somebody watches."""

from __future__ import annotations

from dataclasses import replace

from fixgw.reconcile.model import BreakKind
from fixgw.reconcile.outcome import outcome
from tests.reconcile.sample import CLEAN, EVERYTHING


def test_every_kind_of_break_has_a_number() -> None:
    assert outcome(CLEAN).breaks == {kind.name.lower(): 0 for kind in BreakKind}


def test_breaks_are_counted_by_kind() -> None:
    assert outcome(EVERYTHING).breaks["missing_in_fix"] == 3


def test_what_is_not_proven_is_added_up_by_session() -> None:
    assert outcome(EVERYTHING).unproven_seconds == {"orders": 10_800, "quotes": 10_800}


def test_a_session_that_is_proven_has_a_0() -> None:
    assert outcome(CLEAN).unproven_seconds == {"orders": 0, "quotes": 0}


def test_a_stretch_below_a_second_is_not_nothing() -> None:
    brief = replace(CLEAN, unproven={"orders": (CLEAN.period._replace(begin_ns=CLEAN.period.end_ns - 1),)})
    assert outcome(brief).unproven_seconds["orders"] == 1


def test_the_verdict_and_its_exit_code_are_kept() -> None:
    assert (outcome(EVERYTHING).verdict, outcome(EVERYTHING).exit_code) == ("breaks", 1)
