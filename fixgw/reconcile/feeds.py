"""What a reconciliation reads from: each feed tells executions in order, and says what it has shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from fixgw.reconcile.model import Execution, Period, Proof, SessionTimeline

TOLERANCE_NS = 2_000_000_000  # that two feeds may differ on the instant of one execution


class Feed(Protocol):
    """A source of executions.

    Attributes:
        name: in reports.
        ours: it tells what the gateway saw; otherwise, what the venue says.
    """

    name: str
    ours: bool

    def executions(self, period: Period) -> AsyncIterator[Execution]:
        """Yield the executions of a period, oldest first; the order may be off by ``TOLERANCE_NS``.

        Raises:
            FixError: it can not be read, or not to the end; the text says why and what to do.
        """
        ...

    def proves(self) -> Sequence[Proof]:
        """Return what it has shown; asked after the last execution."""
        ...

    def timeline(self) -> SessionTimeline | None:
        """Return the session that it is of, as far as was read; None for a feed of no session."""
        ...

    def notes(self) -> Sequence[str]:
        """Return what a person should know of it; asked after the last execution."""
        ...
