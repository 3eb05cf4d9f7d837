"""How the figures are judged and laid out."""

from __future__ import annotations

import argparse
from dataclasses import replace

import pytest

from bench import market_data, report, roundtrip
from bench.__main__ import names
from bench.codec import ENCODE, PARSE_READ, Cost
from bench.report import Goal
from bench.workload import Figures, Plan


def figures(orders_per_second: float, p50: float, p99: float) -> Figures:
    return Figures(p50, p99, p99 * 2, orders_per_second, cpu_us=10.0, max_rss_mib=30.0)


def runs(own: Figures, other: Figures) -> dict[str, list[Figures]]:
    return {roundtrip.FIXGW.name: [own], roundtrip.RAW.name: [other]}


def test_goals_compare_medians_with_the_raw_string_style() -> None:
    found = runs(figures(33_000, 90, 150), figures(30_000, 100, 120))
    verdicts = {goal.what: goal.passed for goal in report.goals([], found)}
    assert verdicts == {
        "orders_per_second, fixgw over quickfix-tls raw": True,
        "p50, fixgw over quickfix-tls raw": True,
        "p99, fixgw over quickfix-tls raw": False,
    }


def test_the_median_decides_and_not_the_best_run() -> None:
    slow, quick = figures(10_000, 300, 400), figures(50_000, 50, 60)
    found = {roundtrip.FIXGW.name: [slow, quick, slow], roundtrip.RAW.name: [figures(20_000, 100, 120)]}
    assert not any(goal.passed for goal in report.goals([], found))


def test_codec_goals_are_limits_in_microseconds() -> None:
    costs = [Cost("fixgw", PARSE_READ, 7.9), Cost("fixgw", ENCODE, 5.1), Cost("simplefix", ENCODE, 1.0)]
    assert [goal.passed for goal in report.goals(costs, {})] == [True, False]


@pytest.mark.parametrize(("microseconds", "passed"), [(49.9, True), (50.1, False)])
def test_the_goal_of_market_data_is_messages_a_second(microseconds: float, passed: bool) -> None:
    costs = [Cost("simplefix", market_data.DECODE, 1.0), Cost("fixgw", market_data.APPLY, microseconds)]
    [goal] = report.goals(costs, {})
    assert goal.passed is passed
    assert f"{1e6 / microseconds:.0f}" in report.text(costs, {}, Plan())


def test_nothing_is_judged_that_was_not_measured() -> None:
    assert report.goals([], {roundtrip.FIXGW.name: [figures(1, 1, 1)]}) == []


def test_a_missed_goal_says_fail_with_both_numbers() -> None:
    line = str(Goal("p99", 1.25, 1.2, at_most=True, unit="x"))
    assert line.startswith("FAIL")
    assert "1.25" in line
    assert "<= 1.2" in line


def test_the_report_holds_every_peer_and_the_machine() -> None:
    found = runs(figures(33_000, 90, 150), figures(30_000, 100, 120))
    text = report.text([Cost("fixgw", ENCODE, 3.2)], found, Plan())
    for part in ("fixgw", "quickfix-tls raw", "33000", "3.20", "python: CPython", "Goals"):
        assert part in text


def test_columns_line_up() -> None:
    lines = report.table(["", "a", "long title"], [["first", "1", "2"], ["b", "10", "20"]]).splitlines()
    assert lines == ["        a  long title", "first   1           2", "b      10          20"]


def test_an_unknown_peer_is_named() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no peer is named quickfox"):
        names("fixgw, quickfox")


def test_a_disturbed_run_is_owned_up_to() -> None:
    quiet, loud = figures(1, 1, 1), replace(figures(1, 1, 1), others=0.8)
    assert "1 runs were disturbed" in report.text([], runs(quiet, loud), Plan())
    assert "disturbed" not in report.text([], runs(quiet, quiet), Plan())
