"""Compares the two sides of one execution, field by field."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from fixgw.clock import rfc3339
from fixgw.messages.order_entry import Side
from fixgw.reconcile.feeds import TOLERANCE_NS
from fixgw.reconcile.model import Execution, FieldDifference

Reading = Callable[[Execution], Any]

# Fees are compared by order: what is rounded on one fill is made good on another.
EXACT: tuple[tuple[str, Reading], ...] = (
    ("order", attrgetter("order_id")),
    ("symbol", attrgetter("symbol")),
    ("side", attrgetter("side")),
    ("quantity", attrgetter("qty")),
    ("price", attrgetter("price")),
    ("aggressor", attrgetter("is_taker")),
    ("subaccount", attrgetter("subaccount")),
    ("exchange index", attrgetter("exchange_index")),
)


def differences(ours: Execution, theirs: Execution) -> list[FieldDifference]:
    """Return the fields that differ; what a feed does not tell is not compared."""
    found = []
    for name, read in EXACT:
        mine, other = read(ours), read(theirs)
        if mine != other and mine is not None and other is not None:
            found.append(FieldDifference(name, shown(mine), shown(other)))
    if abs(ours.utc_ns - theirs.utc_ns) > TOLERANCE_NS:
        found.append(FieldDifference("time", rfc3339(ours.utc_ns), rfc3339(theirs.utc_ns)))
    return found


def shown(value: Any) -> str:
    """Return a value as a person reads it."""
    if isinstance(value, Side):
        return value.name.lower()
    if isinstance(value, bool):
        return "taker" if value else "maker"
    return str(value)
