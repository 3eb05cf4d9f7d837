"""The verdict: clean only when everything was compared and the whole period is proven."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from fixgw.clock import ManualClock
from fixgw.messages.order_entry import Side
from fixgw.reconcile.feeds import Feed
from fixgw.reconcile.model import (
    Break,
    BreakKind,
    ExecKey,
    Period,
    ReconciliationReport,
    Verdict,
    subtract,
)
from fixgw.reconcile.reconciler import Reconciler
from tests.reconcile.told import DAY, NOON, SECOND, Told, execution, over_rest, tape, venue

THREE = [execution(number) for number in (1, 2, 3)]


async def run(*feeds: Feed, later_s: int = 7200, **more: Any) -> ReconciliationReport:
    clock = ManualClock(NOON + later_s * SECOND)
    return await Reconciler(feeds, DAY, clock=clock, run_id="run", **more).run()


def only(report: ReconciliationReport) -> Break:
    [found] = report.breaks
    return found


async def test_the_same_on_both_sides_is_clean() -> None:
    report = await run(tape(*THREE), venue(*map(over_rest, THREE)))
    assert (report.verdict, report.exit_code, report.counts.matched) == (Verdict.CLEAN, 0, 3)


async def test_a_fill_that_no_tape_has_is_found_and_nothing_else() -> None:
    report = await run(tape(THREE[0], THREE[2]), venue(*map(over_rest, THREE)))
    found = only(report)
    assert (found.kind, found.trade_id, report.exit_code) == (BreakKind.MISSING_IN_FIX, "trade-2", 1)
    assert [one.trade_id for one in report.missing] == ["trade-2"]


async def test_a_fill_that_the_venue_does_not_show_is_found() -> None:
    report = await run(tape(*THREE), venue(over_rest(THREE[0]), over_rest(THREE[2])))
    assert (only(report).kind, only(report).order_id) == (BreakKind.MISSING_AT_VENUE, "order-2")


async def test_each_changed_field_is_named() -> None:
    for name, value, field in (
        ("price", Decimal("0.41"), "price"),
        ("qty", Decimal(9), "quantity"),
        ("side", Side.SELL, "side"),
        ("is_taker", False, "aggressor"),
        ("subaccount", 3, "subaccount"),
        ("utc_ns", THREE[0].utc_ns + 3 * SECOND, "time"),
    ):
        report = await run(tape(THREE[0]), venue(over_rest(THREE[0], **{name: value})))
        assert (only(report).kind, [one.name for one in only(report).fields]) == (
            BreakKind.FIELD_MISMATCH,
            [field],
        )


async def test_fees_are_compared_by_order_to_the_last_digit() -> None:
    report = await run(tape(THREE[0]), venue(over_rest(THREE[0], fee=Decimal("0.170001"))))
    assert only(report).fields[0] == ("fee", "0.17", "0.170001")


async def test_roundings_of_an_order_may_make_each_other_good() -> None:
    rows = [execution(number, order_id="one") for number in (1, 2)]
    told = [over_rest(rows[0], fee=Decimal("0.18")), over_rest(rows[1], fee=Decimal("0.16"))]
    report = await run(tape(*rows), venue(*told))
    assert report.verdict is Verdict.CLEAN


async def test_what_the_replica_can_not_have_yet_is_pending() -> None:
    shown = Period(DAY.begin_ns, THREE[2].utc_ns)
    report = await run(tape(*THREE), venue(*map(over_rest, THREE[:2]), proven=[shown]), open_end=True)
    assert (report.verdict, report.counts.pending, report.judged_until_ns) == (Verdict.CLEAN, 1, shown.end_ns)


async def test_what_the_venue_tells_in_the_last_seconds_is_pending() -> None:
    report = await run(tape(), venue(over_rest(THREE[0])), later_s=2)
    assert (report.breaks, report.counts.pending) == ((), 1)


async def test_a_period_that_is_proven_in_part_is_never_clean() -> None:
    half = Period(DAY.begin_ns, DAY.begin_ns + 1800 * SECOND)
    report = await run(tape(*THREE), venue(*map(over_rest, THREE), proven=[half]))
    assert (report.verdict, report.exit_code) == (Verdict.UNPROVEN, 2)
    assert report.unproven == {"orders": (Period(half.end_ns, DAY.end_ns),)}


async def test_two_feeds_may_prove_a_period_together() -> None:
    middle = DAY.begin_ns + 1800 * SECOND
    first = Told("drop copy", [THREE[0]], proven=[Period(DAY.begin_ns, middle + SECOND)])
    second = Told("rest", [over_rest(one) for one in THREE], proven=[Period(middle, DAY.end_ns)])
    report = await run(tape(*THREE), first, second)
    assert report.verdict is Verdict.CLEAN


async def test_a_tape_that_begins_late_leaves_the_period_unproven() -> None:
    late = Period(DAY.begin_ns + 600 * SECOND, DAY.end_ns)
    report = await run(tape(proven=[late]), venue())
    assert report.verdict is Verdict.UNPROVEN


async def test_what_is_older_than_a_tape_is_not_said_to_be_missing() -> None:
    late = Period(DAY.begin_ns + 600 * SECOND, DAY.end_ns)
    report = await run(tape(proven=[late]), venue(over_rest(THREE[0])))
    assert (report.verdict, report.missing) == (Verdict.UNPROVEN, [])
    assert report.warnings == (
        "1 executions of the venue are of a time of which not every tape tells: not judged",
    )


async def test_what_a_tape_that_failed_may_have_is_not_said_to_be_missing() -> None:
    broken = Told("second tape", ours=True, fails_after=0)
    report = await run(tape(*THREE[:2]), broken, venue(*map(over_rest, THREE)))
    assert (report.verdict, report.breaks) == (Verdict.UNPROVEN, ())


@pytest.mark.parametrize("open_end", [True, False])
async def test_nothing_is_proven_of_seconds_that_were_too_young_to_be_judged(open_end: bool) -> None:
    last = execution(3_599)
    report = await run(tape(), venue(over_rest(last)), later_s=3_600, open_end=open_end)
    assert report.counts.pending == 1
    assert report.judged_until_ns == DAY.end_ns - 2 * SECOND
    assert report.unproven == ({} if open_end else {"orders": (Period(report.judged_until_ns, DAY.end_ns),)})


async def test_an_execution_that_is_told_again_hours_later_counts_once() -> None:
    many = [execution(number) for number in range(1, 600)]
    report = await run(tape(*many, many[0]), venue(*map(over_rest, many)))
    assert (report.verdict, report.counts.twice) == (Verdict.CLEAN, 1)


async def test_an_execution_that_is_told_otherwise_hours_later_is_a_difference() -> None:
    many = [execution(number) for number in range(1, 600)]
    again = replace(many[0], qty=Decimal(11))
    report = await run(tape(*many, again), venue(*map(over_rest, many)))
    assert report.verdict is Verdict.BREAKS


async def test_a_feed_that_fails_half_way_proves_nothing() -> None:
    report = await run(tape(*THREE), venue(*map(over_rest, THREE), fails_after=2))
    assert (report.verdict, report.exit_code) == (Verdict.FAILED, 2)
    assert report.feeds[1].failure == "rest does not answer"


async def test_a_feed_that_fails_does_no_harm_beside_one_that_proves_all() -> None:
    report = await run(tape(*THREE), Told("drop copy", fails_after=0), venue(*map(over_rest, THREE)))
    assert report.verdict is Verdict.CLEAN


async def test_no_session_is_no_clean_verdict() -> None:
    report = await run(venue())
    assert report.exit_code == 2


async def test_what_lies_outside_the_period_is_left_alone() -> None:
    before = execution(1, utc_ns=DAY.begin_ns - SECOND)
    report = await run(tape(), venue(over_rest(before)))
    assert report.verdict is Verdict.CLEAN


async def test_an_execution_on_the_edge_of_the_period_is_matched_over_it() -> None:
    ours = execution(1, utc_ns=DAY.begin_ns - 1)
    report = await run(tape(ours), venue(over_rest(ours, utc_ns=DAY.begin_ns + 1)))
    assert report.breaks == ()


async def test_an_execution_that_is_on_the_tape_twice_counts_once() -> None:
    report = await run(tape(THREE[0], THREE[0]), venue(over_rest(THREE[0])))
    assert (report.verdict, report.counts.twice, report.totals[0].our_count) == (Verdict.CLEAN, 1, 1)


async def test_totals_are_kept_by_market() -> None:
    other = execution(2, symbol="KXFED", qty=Decimal(3), exec_key=ExecKey(0, 2, 2))
    report = await run(tape(THREE[0]), venue(over_rest(THREE[0]), over_rest(other)))
    assert [(t.symbol, int(t.our_qty), int(t.their_qty)) for t in report.totals] == [
        ("HIGHNY-26DEC31", 10, 10),
        ("KXFED", 0, 3),
    ]


async def test_progress_is_told() -> None:
    told: list[tuple[str, int]] = []
    many = [execution(number) for number in range(2_000)]
    await run(
        tape(*many), venue(*map(over_rest, many)), progress=lambda name, count, at: told.append((name, count))
    )
    assert ("rest", 1_000) in told


def test_what_is_left_of_a_period() -> None:
    whole = Period(0, 10)
    assert list(subtract(whole, [Period(2, 4), Period(3, 6)])) == [Period(0, 2), Period(6, 10)]
