"""Comparisons beside that of executions: each amends the report."""

from __future__ import annotations

from typing import Protocol

from fixgw.reconcile.model import ReconciliationReport


class Check(Protocol):
    """A comparison that is made once the executions are."""

    async def run(self, report: ReconciliationReport) -> ReconciliationReport:
        """Return the report with what this comparison adds or explains.

        A source that can not be read is told as a feed that failed, so that the verdict is not clean.

        Args:
            report: what was found so far.
        """
        ...
