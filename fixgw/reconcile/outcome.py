"""What of a report is kept where somebody watches: in metrics, and in the gateway that it is about."""

from __future__ import annotations

from collections import Counter

from fixgw.observe.reconciliation import ReconciliationView
from fixgw.reconcile.model import BreakKind, ReconciliationReport

NS = 1_000_000_000


def outcome(report: ReconciliationReport) -> ReconciliationView:
    """Return a report in numbers; every kind of break and every session has one, also when it is 0."""
    found = Counter(one.kind for one in report.breaks)
    names = [session.name for session in report.sessions]
    unproven = {name: report.unproven.get(name, ()) for name in [*names, *report.unproven]}
    return ReconciliationView(
        run_id=report.run_id,
        verdict=report.verdict.value,
        exit_code=int(report.exit_code),
        ended_utc_ns=report.ended_ns,
        judged_until_utc_ns=report.judged_until_ns,
        matched=report.counts.matched,
        pending=report.counts.pending,
        applied=report.applied,
        breaks={kind.name.lower(): found[kind] for kind in BreakKind},
        unproven_seconds={
            name: -(-sum(one.end_ns - one.begin_ns for one in left) // NS) for name, left in unproven.items()
        },
    )
