"""Comparisons beside that of executions: each adds what it finds to a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fixgw.reconcile.model import Break, FeedResult, ReconciliationReport


@dataclass(frozen=True, slots=True)
class Finding:
    """What a comparison found.

    Args:
        breaks: what differs.
        warnings: what a person should look at, though it breaks nothing.
        feeds: how the sources that it read did.
    """

    breaks: tuple[Break, ...] = ()
    warnings: tuple[str, ...] = ()
    feeds: tuple[FeedResult, ...] = ()


class Check(Protocol):
    """A comparison that is made once the executions are."""

    async def run(self, report: ReconciliationReport) -> Finding:
        """Compare.

        Args:
            report: what was found so far.
        """
        ...
