"""Differences are named for what they are, and what can be repaired is: in the books, and over a restart."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixgw.cli.applying import approval
from fixgw.engine.gateway import Gateway
from fixgw.errors import LocalError
from fixgw.handlers.order import OrderState
from fixgw.messages.order_entry import Side
from fixgw.reconcile.delivery import Holder, to_gateway
from fixgw.reconcile.job import repaired
from fixgw.reconcile.model import Break, BreakKind, Period, ReconciliationReport, Verdict
from fixgw.reconcile.placing import PlacingCheck
from fixgw.reconcile.reconciler import Reconciler
from fixgw.reconcile.repair import Batch, RepairPlanner
from fixgw.reconcile.sources import Sources
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.rest.faults import Distortion
from fixgw.sim.sessions import memory_plans, memory_sessions, memory_settings
from fixgw.sim.settlement import Result
from fixgw.sim.venue import Simulator
from tests.reconcile.campaign import HOUR_NS, SESSIONS, SYMBOLS, Desk, Job, in_memory
from tests.sim.rest import BUY, DeskTransport, Traders, rest_of

SYMBOL = SYMBOLS[0]
PLAIN = {"use_dollars": True, "skip_pending_exec_reports": True}


async def bought(job: Job, times: int = 1) -> None:
    """Buy 2 contracts as often, and hear of it."""
    for _ in range(times):
        job.desk.venue.quote(SYMBOL, HouseSide.SELL, Decimal("0.50"), Decimal(2))
        await job.desk.submit(Side.BUY, 50, 2, SYMBOL)


async def lost(job: Job, fills: int = 1, *, then: Callable[[], Any] = lambda: None) -> None:
    """Lose trades of an order that rests, 1 contract each."""
    order = await job.desk.submit(Side.BUY, 40, 10, SYMBOL)
    job.desk.venue.pause_reports(job.desk.key_id)
    for _ in range(fills):
        job.desk.venue.fill(order.cl_ord_id, Decimal(1))
    then()
    job.desk.venue.cut(job.desk.key_id)
    await job.desk.back()


def distorted(name: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> dict[str, Distortion]:
    return {name: change}


def only(report: ReconciliationReport) -> Break:
    [found] = report.breaks
    return found


# -- the venue says something else


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [("yes_price_dollars", "0.5100", "price"), ("count_fp", "3.00", "quantity"), ("fee_cost", "0.99", "fee")],
)
async def test_a_changed_field_is_named(
    keys: Path, tmp_path: Path, field: str, value: str, named: str
) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        await bought(job)
        await job.desk.pause(10)
        job.desk.venue.rest.faults.distort = distorted("fills", lambda row: {**row, field: value})
        report = await replace(job, copy=None).run(apply=True)
        found = [one for one in report.breaks if one.kind is BreakKind.FIELD_MISMATCH]
        assert [one.fields[0].name for one in found] == [named]
        assert report.applied == 0


async def test_a_fill_that_the_venue_does_not_show(keys: Path, tmp_path: Path) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        await bought(job)
        await job.desk.pause(10)
        job.desk.venue.rest.faults.distort = distorted("fills", lambda row: None)
        assert only(await replace(job, copy=None).run()).kind is BreakKind.MISSING_AT_VENUE


@pytest.mark.parametrize("rest_is_down", [False, True])
async def test_an_order_that_this_gateway_never_sent_is_foreign_with_all_its_fills(
    keys: Path, tmp_path: Path, rest_is_down: bool
) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        await bought(job)
        traders = Traders(job.desk.venue)
        for _ in range(2):
            traders.trade("alpha", BUY, 3, "0.30", symbol=SYMBOLS[1])
        await job.desk.pause(10)
        job.desk.venue.rest.faults.down = rest_is_down
        report = await job.run(apply=True)
        assert [one.kind for one in report.breaks] == [BreakKind.FOREIGN_ORDER] * 2
        assert report.applied == 0
        assert job.desk.positions.get(SYMBOLS[1]) is None


async def test_a_settlement_that_differs(keys: Path, tmp_path: Path) -> None:
    options = {**PLAIN, "receive_settlement_reports": True}
    async with in_memory(keys, tmp_path, 1, options=options) as job:
        await bought(job)
        job.desk.venue.settle_market(SYMBOL, Result.YES)
        await job.desk.pause(10)
        assert (await job.run()).verdict is Verdict.CLEAN
        faults = job.desk.venue.rest.faults
        faults.distort = distorted("settlements", lambda row: None)
        unpaid = [one for one in (await job.run()).breaks if one.kind is BreakKind.SETTLEMENT_DIFFERENCE]
        assert [one.what.partition(", and ")[2] for one in unpaid] == ["the venue lists no settlement of it"]
        faults.distort = distorted("settlements", lambda row: {**row, "revenue": row["revenue"] + 100})
        found = only(await job.run())
        assert (found.kind, [one.name for one in found.fields]) == (
            BreakKind.SETTLEMENT_DIFFERENCE,
            ["payout"],
        )


async def test_a_position_that_differs(keys: Path, tmp_path: Path) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        await bought(job)
        await job.desk.pause(10)
        faults = job.desk.venue.rest.faults
        faults.distort = distorted("market_positions", lambda row: {**row, "position_fp": "9.00"})
        assert only(await job.run()).kind is BreakKind.POSITION_DIFFERENCE


class Trading(DeskTransport):
    """Lets a trade happen just before the venue is asked what is held."""

    def __init__(self, job: Job, order: str) -> None:
        super().__init__(job.desk.venue)
        self._job = job
        self._order = order

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if "/portfolio/positions" in request.url.path and self._order:
            self._job.desk.venue.fill(self._order, Decimal(1))
            self._order = ""
        return await super().handle_async_request(request)


async def test_a_trade_while_both_sides_are_read_is_no_difference(keys: Path, tmp_path: Path) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        await bought(job)
        order = await job.desk.submit(Side.BUY, 40, 10, SYMBOL)
        await job.desk.pause(10)
        async with rest_of(job.desk.venue, transport=Trading(job, order.cl_ord_id)) as rest:
            assert (await replace(job, rest=rest).run()).breaks == ()


# -- what is repaired


async def test_after_a_flat_market_what_was_missed_still_adds_up(keys: Path, tmp_path: Path) -> None:
    async with in_memory(keys, tmp_path, 1, entitled=False) as job:
        await bought(job)
        job.desk.venue.quote(SYMBOL, HouseSide.BUY, Decimal("0.50"), Decimal(2))
        await job.desk.submit(Side.SELL, 50, 2, SYMBOL)
        await lost(job, 3)
        await job.desk.pause(10)
        await job.run(apply=True)
        assert job.desk.positions.latest(SYMBOL) == Decimal(3)
        assert job.desk.wrong(cash=False) == []


async def test_prices_go_onto_a_tape_of_cents_in_cents(keys: Path, tmp_path: Path) -> None:
    options = {"skip_pending_exec_reports": True}
    async with in_memory(keys, tmp_path, 1, entitled=False, options=options) as job:
        await lost(job, 2)
        await job.desk.pause(10)
        await job.run(apply=True)
        assert job.desk.wrong(cash=False) == []
        again = await job.run()
        assert (again.verdict, again.counts.matched) == (Verdict.CLEAN, 2)


async def test_a_repair_of_a_session_with_cents_is_shown_in_dollars(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"skip_pending_exec_reports": True}
    async with in_memory(keys, tmp_path, 1, entitled=False, options=options) as job:
        await lost(job)
        await job.desk.pause(10)
        _, repair = await job.planned()
        assert approval(yes=True, hush=lambda: None)(repair)
        assert f"buy 1.00 {SYMBOL} at 0.4000, order" in capsys.readouterr().err


async def test_an_order_whose_end_was_lost_learns_it(keys: Path, tmp_path: Path) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        await lost(job, 0, then=lambda: job.desk.venue.close_market(SYMBOL))
        await job.desk.pause(10)
        report = await job.run(apply=True)
        assert (only(report).kind, report.applied) == (BreakKind.ORDER_OPEN_HERE_ONLY, 1)
        [order] = job.desk.gateway.orders
        assert order.state is OrderState.CANCELED
        assert (await job.run()).verdict is Verdict.CLEAN


async def test_an_order_of_unknown_outcome_that_has_ended_learns_it(keys: Path, tmp_path: Path) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        job.desk.venue.pause_reports(job.desk.key_id)
        order = await job.desk.submit(Side.BUY, 40, 10, SYMBOL)
        job.desk.venue.close_market(SYMBOL)
        job.desk.venue.cut(job.desk.key_id)
        await job.desk.back()
        before = order.state
        await job.desk.pause(10)
        assert (await job.run(apply=True)).applied == 1
        assert (before, order.state) == (OrderState.UNKNOWN, OrderState.CANCELED)


async def test_an_order_that_filled_before_the_period_is_left_to_a_person(keys: Path, tmp_path: Path) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        await lost(job, 2, then=lambda: job.desk.venue.close_market(SYMBOL))
        await job.desk.pause(3700)
        report = await replace(job, copy=None).run(apply=True)
        assert (only(report).kind, report.applied) == (BreakKind.ORDER_OPEN_HERE_ONLY, 0)
        assert report.warnings[-1].endswith("if it stays so, with an earlier --since")


async def test_nobody_runs_the_gateway_and_its_next_start_delivers(keys: Path, tmp_path: Path) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        await bought(job)
        await lost(job, 4)
        await job.desk.pause(10)
        report, repair = await job.planned()
        venue, clock = job.desk.venue, job.desk.venue.settings.clock
        settings = {"orders": {"store": {"kind": "tape", "path": str(job.desk.tape.parent)}}}
        plans = {plan.session.name: plan for plan in memory_plans(venue, SESSIONS, settings=settings)}
        holder = Holder(plans, None, clock)
        told = await repaired(report, repair, lambda _: True, holder)
        assert told.applied == 0
        assert "names no control socket" in told.warnings[-1]
        await job.desk.gateway.__aexit__()
        told = await repaired(report, repair, lambda _: True, holder)
        assert told.applied == 4
        assert (await repaired(report, repair, lambda _: True, holder)).applied == 0
        async with Gateway(list(plans.values()), clock=clock) as gateway:
            job.desk.gateway = gateway
            assert (job.desk.wrong(cash=True), job.desk.orders_wrong()) == ([], [])


async def test_a_repair_that_breaks_off_can_be_applied_again(keys: Path, tmp_path: Path) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        await lost(job, 3)
        await job.desk.pause(10)
        report, repair = await job.planned()

        async def broken(run_id: str, batch: Batch) -> int:
            await job.desk.gateway.apply(batch.session, batch.rows[:1], run_id, batch.source)
            raise LocalError("the gateway hung up")

        told = await repaired(report, repair, lambda _: True, broken)
        assert told.warnings[-1].endswith("applying again does no harm: the gateway hung up")
        assert (await job.run(apply=True)).applied == 2
        assert job.desk.wrong(cash=True) == []


async def test_long_reports_go_to_a_gateway_in_smaller_portions(keys: Path, tmp_path: Path) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        sizes: list[int] = []

        class Counting(Gateway):
            async def apply(self, name: str, rows: Sequence[Any], run_id: str, source: str) -> int:
                sizes.append(len(rows))
                return 0

        long = [(37, "x" * 4_000)]
        batch = Batch("orders", "REST", (long,) * 20, (long,) * 20, 0)
        await to_gateway(Counting([], clock=job.desk.venue.settings.clock))("run", batch)
        assert sizes == [7, 7, 6]


async def test_a_gateway_goes_on_while_it_is_given_much(keys: Path, tmp_path: Path) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        await bought(job)
        report, _ = await job.planned()
        end = [
            (37, "gone"),
            (17, "-1;-1"),
            (150, "4"),
            (39, "4"),
            (54, "1"),
            (55, SYMBOL),
            (151, "0"),
            (14, "0"),
        ]
        batch = Batch("orders", "REST", (end,) * 60, (end,) * 60, 0)
        turns: list[int] = []
        ticker = asyncio.create_task(_ticking(turns))
        await to_gateway(job.desk.gateway)(report.run_id, batch)
        ticker.cancel()
        assert len(turns) >= 3


async def _ticking(turns: list[int]) -> None:
    while True:
        turns.append(1)
        await asyncio.sleep(0)


async def test_without_a_yes_nothing_is_changed(keys: Path, tmp_path: Path) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        await lost(job, 3)
        await job.desk.pause(10)
        before = job.desk.positions.snapshot()
        assert (await job.run()).applied == 0
        assert job.desk.positions.snapshot() == before


async def test_a_listeners_own_report_is_applied_word_for_word(keys: Path, tmp_path: Path) -> None:
    """Neither REST nor the drop copy: another session of the account has heard everything."""
    heard = {"options": {**PLAIN, "listener_session": True}, "store": store(tmp_path)}
    sessions = {**SESSIONS, "heard": ("orders-nr", "listener")}
    settings: dict[str, dict[str, Any]] = {"orders": {"store": store(tmp_path)}, "heard": heard}
    async with Simulator(memory_settings(keys)) as venue:
        clock = venue.settings.clock
        _, resolved = memory_sessions(venue, sessions, settings=settings)
        async with Gateway(memory_plans(venue, sessions, settings=settings), clock=clock) as gateway:
            tape = resolved[0].store_path
            assert tape is not None
            desk = Desk(venue, gateway, random.Random(1), tape)
            job = Job(desk, resolved[0], None, None)
            await bought(job)
            await lost(job, 3)
            await desk.pause(10)
            now_ns = clock.now().utc_ns
            sources = Sources()
            for one in resolved:
                sources.add_tape(one, now_ns)
            checks = [PlacingCheck(sources.named, sources.last)]
            period = Period(now_ns - HOUR_NS, now_ns)
            report = await Reconciler(sources.feeds, period, checks=checks, clock=clock).run()
            assert [one.kind for one in report.breaks] == [BreakKind.MISSING_IN_FIX] * 3
            repair = await RepairPlanner(sources.last, None, sources.cents).plan(report)
            assert [batch.source for batch in repair.batches] == ["tape of heard"]
            told = await repaired(report, repair, lambda _: True, to_gateway(gateway))
            assert (told.applied, desk.wrong(cash=True), desk.orders_wrong()) == (3, [], [])


def store(directory: Path) -> dict[str, str]:
    return {"kind": "tape", "path": str(directory / "tapes")}
