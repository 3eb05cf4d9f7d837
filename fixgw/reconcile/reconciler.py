"""Runs a reconciliation: reads the feeds side by side, joins, judges, and says what was proven."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import uuid4

from fixgw.clock import Clock, SystemClock
from fixgw.reconcile.checks import Check
from fixgw.reconcile.feeds import TOLERANCE_NS, Feed
from fixgw.reconcile.join import PATIENCE_NS, Join
from fixgw.reconcile.judge import Judge, young_from
from fixgw.reconcile.model import (
    FeedResult,
    Period,
    Proof,
    ReconciliationReport,
    SessionTimeline,
    Subject,
    Verdict,
    subtract,
)
from fixgw.reconcile.streams import Progress, Streams

SETTLE_EVERY = 256  # executions between two looks at what is complete


def silent(feed: str, count: int, utc_ns: int) -> None:
    """Tell nobody how far a run has come."""


class Reconciler:
    """Compares what the gateway's tapes have with what the venue says.

    Args:
        feeds: the gateway's own and the venue's, the best of the venue's first.
        period: what is asked for; its end may be open: see ``open_end``.
        checks: further comparisons, made after the executions: orders, positions, settlements.
        open_end: the period ends with what the venue's feeds can show, in place of at its end.
        clock: the only source of time.
        run_id: names the run; drawn by default.
        progress: told now and then: feed, executions so far, instant reached.
    """

    def __init__(
        self,
        feeds: Sequence[Feed],
        period: Period,
        *,
        checks: Sequence[Check] = (),
        open_end: bool = False,
        clock: Clock | None = None,
        run_id: str = "",
        progress: Progress = silent,
    ) -> None:
        self._feeds = list(feeds)
        self._period = period
        self._checks = list(checks)
        self._open_end = open_end
        self._clock = clock or SystemClock()
        self._run_id = run_id or str(uuid4())
        self._progress = progress

    async def run(self) -> ReconciliationReport:
        """Read everything once and return what was found; a feed that fails is part of the report."""
        started = self._clock.now().utc_ns
        streams = Streams(self._feeds, self._period.widened(PATIENCE_NS), self._progress)
        young = young_from(started)
        join, judge = Join(), Judge(self._period, young)
        await self._read(streams, join, judge)
        results = [(reading.feed, reading.result()) for reading in streams.readings]
        sessions = tuple(timeline for feed in self._feeds if feed.ours and (timeline := feed.timeline()))
        theirs = [proof for feed, result in results if not feed.ours for proof in result.proofs]
        judge.conclude(theirs, [result.proofs for feed, result in results if feed.ours])
        judge.twice(join)
        report = ReconciliationReport(
            run_id=self._run_id,
            period=self._period,
            started_ns=started,
            ended_ns=started,
            judged_until_ns=self._judged_until(theirs, young),
            verdict=Verdict.FAILED,
            sessions=sessions,
            feeds=tuple(result for _, result in results),
            counts=replace(judge.counts, twice=join.twice),
            breaks=tuple(judge.breaks),
            warnings=tuple(judge.warnings),
            totals=judge.totals(),
            last_seen=judge.last_seen(),
        )
        for check in self._checks:
            report = await check.run(report)
        unproven = self._unproven(sessions, results, report.judged_until_ns)
        return replace(
            report,
            unproven=unproven,
            verdict=_verdict(report, results, unproven),
            ended_ns=self._clock.now().utc_ns,
        )

    async def _read(self, streams: Streams, join: Join, judge: Judge) -> None:
        count = 0
        async for reading, execution in streams:
            join.add(execution, ours=reading.feed.ours)
            count += 1
            if count % SETTLE_EVERY == 0:
                for pair in join.settle(execution.utc_ns - TOLERANCE_NS):
                    judge.take(pair)
        for pair in join.finish():
            judge.take(pair)

    def _judged_until(self, theirs: Iterable[Proof], young: int) -> int:
        """Return up to where all was judged, which takes more than proofs: see ``young_from``."""
        ends = [proof.period.end_ns for proof in theirs if Subject.EXECUTIONS in proof.subjects]
        return max(min(max(ends, default=0), self._period.end_ns, young), self._period.begin_ns)

    def _unproven(
        self,
        sessions: Iterable[SessionTimeline],
        results: Sequence[tuple[Feed, FeedResult]],
        judged_until: int,
    ) -> dict[str, tuple[Period, ...]]:
        """Return the stretches for which a session's tape, or the venue's word on it, is missing."""
        end = judged_until if self._open_end else self._period.end_ns
        asked, judged = Period(self._period.begin_ns, end), Period(0, judged_until)
        found = {}
        for name in (session.name for session in sessions):
            left = set(subtract(asked, [judged]))
            for ours in (True, False):
                proven = [
                    proof.period
                    for feed, result in results
                    for proof in result.proofs
                    if feed.ours is ours and _covers(proof, name)
                ]
                left |= set(subtract(asked, proven))
            if left or asked.begin_ns >= asked.end_ns:
                found[name] = tuple(sorted(left)) or (self._period,)
        return found


def _covers(proof: Proof, session: str) -> bool:
    return Subject.EXECUTIONS in proof.subjects and (proof.sessions is None or session in proof.sessions)


def _verdict(
    report: ReconciliationReport,
    results: Sequence[tuple[Feed, FeedResult]],
    unproven: Mapping[str, tuple[Period, ...]],
) -> Verdict:
    for ours in (True, False):
        if all(result.failure for feed, result in results if feed.ours is ours):
            return Verdict.FAILED
    if report.breaks:
        return Verdict.BREAKS
    spared = {id(result) for feed, result in results if not feed.ours}  # theirs shows in what is proven
    failed = any(result.failure for result in report.feeds if id(result) not in spared)
    return Verdict.UNPROVEN if unproven or not report.sessions or failed else Verdict.CLEAN
