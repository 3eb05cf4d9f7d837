"""What a gateway is told of the last reconciliation of its tapes, and what a node exporter reads of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from fixgw.errors import LocalError


@dataclass(frozen=True, slots=True)
class ReconciliationView:
    """What one run came to.

    Args:
        run_id: names the run in records and logs.
        verdict: ``clean``, ``breaks``, ``unproven`` or ``failed``.
        exit_code: 0 clean, 1 breaks, 2 unproven or failed.
        ended_utc_ns: when it was done, nanoseconds since 1970.
        judged_until_utc_ns: nothing after this instant was judged.
        matched: executions that both sides have.
        pending: executions that were too young to be judged.
        applied: executions that the run gave to the gateway's books.
        breaks: how many there are of each kind, those of which there are none included.
        unproven_seconds: for how long nothing shows that no execution is missing, by session.
    """

    run_id: str
    verdict: str
    exit_code: int
    ended_utc_ns: int
    judged_until_utc_ns: int
    matched: int = 0
    pending: int = 0
    applied: int = 0
    breaks: Mapping[str, int] = field(default_factory=dict)
    unproven_seconds: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> ReconciliationView:
        """Return what another process tells.

        Raises:
            LocalError: something is missing, unknown or of another type.
        """
        names = {one.name: one.type for one in fields(cls)}
        if set(told) != set(names):
            raise LocalError(f"a reconciliation is told with {', '.join(names)}")
        for name, kind in names.items():
            if not _is_a(str(kind), told[name]):
                raise LocalError(f"{name!r} of a reconciliation can not be {told[name]!r}")
        return cls(**told)


def _is_a(kind: str, value: object) -> bool:
    if kind.startswith("Mapping"):
        return isinstance(value, dict) and all(
            type(key) is str and type(count) is int for key, count in value.items()
        )
    return type(value).__name__ == kind
