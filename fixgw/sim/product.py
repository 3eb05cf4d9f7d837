"""What the venue lists: event contracts, or perpetual futures on margin, with rules of their own.

Sources: docs.kalshi.com/fix/connectivity, /fix/authentication; /fix-margin/connectivity,
/fix-margin/authentication, /fix-margin/order-entry, /fix-margin/order-groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fixgw.sim.kinds import KINDS, MARGIN_KINDS, SessionKind


class Product(StrEnum):
    """What is traded."""

    EVENTS = "events"
    MARGIN = "margin"


@dataclass(frozen=True, slots=True)
class ProductRules:
    """How the sessions of a product differ.

    Args:
        venue: the name that a client's configuration has for it.
        kinds: the kinds of session that there are.
        perpetual: contracts never pay out; see ``Book``.
        always_dollars: prices are dollars whatever UseDollars(21005) says.
        least_heart_bt_int: the least HeartBtInt(108), seconds.
        absent: fields that messages do not have, by MsgType(35).
        key_per_kind: an API key may have a connection of each kind; otherwise one in all.
        plain_groups: an OrderGroupResponse(UOH) names the group alone.
    """

    venue: str
    kinds: tuple[SessionKind, ...]
    perpetual: bool = False
    always_dollars: bool = False
    least_heart_bt_int: int = 4
    absent: Mapping[str, frozenset[int]] = field(default_factory=dict)
    key_per_kind: bool = False
    plain_groups: bool = False


EVENTS = ProductRules("kalshi", KINDS)
MARGIN = ProductRules(
    "kalshi-margin",
    MARGIN_KINDS,
    perpetual=True,
    always_dollars=True,
    least_heart_bt_int=3,
    absent={
        "A": frozenset({20127, 21026, 21027, 21032}),
        "D": frozenset({117, 21009, 21023}),
        "UOG": frozenset({79, 100}),
    },
    key_per_kind=True,
    plain_groups=True,
)

RULES: Mapping[Product, ProductRules] = {Product.EVENTS: EVENTS, Product.MARGIN: MARGIN}
