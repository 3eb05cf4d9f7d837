"""Fields that the venue took out of its replies in March 2026, for clients that still demand them.

Money is in whole cents and contracts are whole numbers; what does not fit is rounded down, as it was then.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from typing import Any, TypeAlias

from fixgw.sim.rest.views import cents

Plain: TypeAlias = dict[str, Any]

MONEY = "_dollars"
QUANTITY = "_fp"

# list -> what its rows had beside the twins; the values are those that nobody ever read
BESIDE: Mapping[str, Plain] = {
    "orders": {"queue_position": 0},
    "market_positions": {"resting_orders_count": 0},
}


def with_twins(name: str, row: Plain) -> Plain:
    """Return a row with its former fields.

    Args:
        name: of the list that it is in.
        row: as the venue writes it today.
    """
    old = {**BESIDE.get(name, {}), **_twins(row)}
    if "outcome_side" in row:  # both directions were told as purchases
        old |= {"side": row["outcome_side"], "action": "buy"}
    if name == "fills":
        prices = {f"{side}_price_fixed": row[f"{side}_price_dollars"] for side in ("yes", "no")}
        old |= {**prices, "price": float(row["yes_price_dollars"])}
    return {**old, **row}


def _twins(row: Plain) -> Plain:
    twins: Plain = {}
    for key, value in row.items():
        if key.endswith(MONEY):
            twins[key.removesuffix(MONEY)] = cents(Decimal(value))
        elif key.endswith(QUANTITY):
            twins[key.removesuffix(QUANTITY)] = int(Decimal(value).to_integral_value(ROUND_FLOOR))
    return twins
