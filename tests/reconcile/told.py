"""Feeds that tell what a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from fixgw.errors import RemoteError
from fixgw.messages.order_entry import Side
from fixgw.reconcile.model import ExecKey, Execution, Period, Proof, SessionTimeline, Subject

NOON = 1_791_556_200_000_000_000  # 2026-10-09T14:30:00Z
SECOND = 1_000_000_000
DAY = Period(NOON, NOON + 3600 * SECOND)
EXECUTIONS = frozenset({Subject.EXECUTIONS})


def execution(number: int, **more: Any) -> Execution:
    """Return the execution with a number: one a second, each of an order of its own."""
    values: dict[str, Any] = {
        "order_id": f"order-{number}",
        "symbol": "HIGHNY-26DEC31",
        "side": Side.BUY,
        "qty": Decimal(10),
        "price": Decimal("0.40"),
        "fee": Decimal("0.17"),
        "utc_ns": NOON + number * SECOND,
        "trade_id": f"trade-{number}",
        "exec_key": ExecKey(0, 1, number),
        "is_taker": True,
    }
    return Execution(**(values | more))


def over_rest(one: Execution, **more: Any) -> Execution:
    """Return an execution as REST tells it: without an ExecID."""
    return replace(one, exec_key=None, **more)


@dataclass
class Told:
    """A feed over a list."""

    name: str
    rows: Sequence[Execution] = ()
    ours: bool = False
    proven: Sequence[Period] = (DAY,)
    fails_after: int | None = None
    said: list[str] = field(default_factory=list)

    async def executions(self, period: Period) -> AsyncIterator[Execution]:
        for index, row in enumerate(self.rows):
            if index == self.fails_after:
                break
            if row.utc_ns in period:
                yield replace(row, feed=self.name)
        if self.fails_after is not None:
            raise RemoteError(f"{self.name} does not answer")

    def proves(self) -> Sequence[Proof]:
        return [Proof(self.name, period, EXECUTIONS) for period in self.proven]

    def timeline(self) -> SessionTimeline | None:
        return SessionTimeline("orders", (DAY,)) if self.ours else None

    def notes(self) -> Sequence[str]:
        return self.said


def tape(*rows: Execution, **more: Any) -> Told:
    return Told("tape", rows, ours=True, **more)


def venue(*rows: Execution, **more: Any) -> Told:
    return Told("rest", rows, **more)
