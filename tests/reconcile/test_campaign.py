"""Whatever a connection loses while it is cut: a run finds it, makes it good, and finds nothing any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from fixgw.reconcile.model import FeedResult, ReconciliationReport, Subject, Verdict
from tests.conftest import soak
from tests.reconcile.campaign import found_by, in_memory, over_sockets, rebuilt

Play: TypeAlias = Callable[[Path, Path, int], Awaitable[None]]

FIRST = 20_261_121
CUTS = 2


async def with_everything(keys: Path, directory: Path, seed: int) -> None:
    """REST and the drop copy are there."""
    async with in_memory(keys, directory, seed) as job:
        await job.desk.trade(cuts=CUTS)
        lost = job.desk.lost()
        report = await job.run(apply=True)
        assert found_by(report) == sorted(lost)
        assert job.desk.lost() == set()
        assert (job.desk.wrong(cash=True), job.desk.orders_wrong()) == ([], [])
        again = await job.run(apply=True)
        assert (again.exit_code, again.applied, again.breaks) == (0, 0, ())
        async with await rebuilt(job) as after_a_crash:
            assert after_a_crash["orders"].positions.snapshot() == job.desk.positions.snapshot()
            assert job.desk.orders_wrong(after_a_crash) == []


async def without_entitlement(keys: Path, directory: Path, seed: int) -> None:
    """The drop copy says no: REST tells the executions, but for what they moved on the account."""
    async with in_memory(keys, directory, seed, entitled=False) as job:
        await job.desk.trade(cuts=CUTS)
        lost = job.desk.lost()
        report = await job.run(apply=True)
        assert found_by(report) == sorted(lost)
        assert "EventResendRejectReason(21004) 5" in feed(report, "drop copy").failure
        assert (job.desk.wrong(cash=False), job.desk.orders_wrong()) == ([], [])
        again = await job.run(apply=True)
        assert (again.exit_code, again.applied, again.breaks) == (0, 0, ())


async def with_the_drop_copy_alone(keys: Path, directory: Path, seed: int) -> None:
    """REST is down: executions are found all the same, and the verdict says that the rest is not known."""
    async with in_memory(keys, directory, seed) as job:
        await job.desk.trade(cuts=CUTS)
        lost = job.desk.lost()
        job.desk.venue.rest.faults.down = True
        report = await job.run(apply=True)
        assert found_by(report) == sorted(lost)
        assert job.desk.wrong(cash=True) == []
        again = await job.run(apply=True)
        assert (again.verdict, again.exit_code, again.breaks) == (Verdict.UNPROVEN, 2, ())
        proven = {subject for one in again.feeds for proof in one.proofs for subject in proof.subjects}
        assert proven == {Subject.EXECUTIONS}
        assert all(feed(again, name).failure for name in ("REST", "REST orders", "REST positions"))


def feed(report: ReconciliationReport, name: str) -> FeedResult:
    """Return how a feed did."""
    [found] = [one for one in report.feeds if one.name == name]
    return found


KINDS: tuple[Play, ...] = (with_everything, without_entitlement, with_the_drop_copy_alone)


def name_of(play: object) -> str:
    return getattr(play, "__name__", str(play))


@pytest.mark.parametrize("play", KINDS, ids=name_of)
async def test_what_was_lost_is_found_and_made_good(keys: Path, tmp_path: Path, play: Play) -> None:
    await play(keys, tmp_path, FIRST)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(soak(60)))
@pytest.mark.parametrize("play", KINDS, ids=name_of)
async def test_so_it_is_for_many_seeds(keys: Path, tmp_path: Path, play: Play, seed: int) -> None:
    await play(keys, tmp_path, FIRST + seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(soak(20)))
async def test_so_it_is_over_tls_while_the_gateway_runs(over_tls: Path, seed: int) -> None:
    """The command's own way: a configuration, sockets, and the administration of a running gateway."""
    async with over_sockets(over_tls, FIRST + seed) as job:
        await job.desk.trade(cuts=1)
        lost = job.desk.lost()
        report = await job.run(apply=True)
        assert found_by(report) == sorted(lost)
        assert (job.desk.wrong(cash=True), job.desk.orders_wrong()) == ([], [])
        again = await job.run(apply=True)
        assert (again.exit_code, again.applied, again.breaks) == (0, 0, ())
