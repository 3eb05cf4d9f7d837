"""Order groups: a limit on contracts filled in any 15 seconds: docs.kalshi.com/fix/order-groups."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from fixgw.sim.orders import NOBODY_NAMED, ZERO, Holder, Named, Terms

WINDOW_NS = 15 * 1_000_000_000


class GroupAction(StrEnum):
    """OrderGroupAction(20131)."""

    CREATE = "1"
    RESET = "2"
    DELETE = "3"
    TRIGGER = "4"
    UPDATE = "5"

    @property
    def has_limit(self) -> bool:
        """True for the actions that set the limit."""
        return self in (GroupAction.CREATE, GroupAction.UPDATE)


@dataclass(frozen=True, slots=True)
class GroupRequest:
    """What OrderGroupRequest(UOG) asks for; ``group_id`` is empty to create one."""

    action: GroupAction
    group_id: str
    limit: Decimal
    named: Named = NOBODY_NAMED


@dataclass(slots=True)
class OrderGroup:
    """One group.

    Args:
        group_id: OrderGroupID(20130).
        holder: whose orders may join.
        exchange_index: where they have to be.
        limit: contracts that may fill in any 15 seconds.
        triggered: its orders were cancelled, and no further one may join until it is reset.
        fills: (UTC nanoseconds, contracts), oldest first; none is older than the window.
    """

    group_id: str
    holder: Holder
    exchange_index: int
    limit: Decimal
    triggered: bool = False
    fills: deque[tuple[int, Decimal]] = field(default_factory=deque)

    def filled(self, now_ns: int) -> Decimal:
        """Return the contracts filled in the window that ends now."""
        while self.fills and self.fills[0][0] <= now_ns - WINDOW_NS:
            self.fills.popleft()
        return sum((qty for _, qty in self.fills), ZERO)

    def exceeded(self, now_ns: int) -> bool:
        """Tell whether more than the limit was filled."""
        return self.filled(now_ns) > self.limit

    def reset(self) -> None:
        """Let orders join again, and count from nought."""
        self.triggered = False
        self.fills.clear()


class OrderGroups:
    """Every group of every account."""

    def __init__(self) -> None:
        self._groups: dict[tuple[Holder, int, str], OrderGroup] = {}

    def __iter__(self) -> Iterator[OrderGroup]:
        return iter(list(self._groups.values()))

    def add(self, group: OrderGroup) -> None:
        """Take in a new group."""
        self._groups[group.holder, group.exchange_index, group.group_id] = group

    def remove(self, group: OrderGroup) -> None:
        """Forget a group."""
        del self._groups[group.holder, group.exchange_index, group.group_id]

    def find(self, holder: Holder, exchange_index: int, group_id: str) -> OrderGroup | None:
        """Return a group; one of another subaccount or exchange index is not found."""
        return self._groups.get((holder, exchange_index, group_id))

    def of(self, terms: Terms, exchange_index: int) -> OrderGroup | None:
        """Return the group that an order names, on the exchange index of its market."""
        if terms.order_group is None:
            return None
        return self.find(terms.owner.holder, exchange_index, terms.order_group)

    def fill(self, terms: Terms, exchange_index: int, qty: Decimal, now_ns: int) -> OrderGroup | None:
        """Count a fill of an order; return its group when that triggers it."""
        group = self.of(terms, exchange_index)
        if group is None:
            return None
        group.fills.append((now_ns, qty))
        if group.triggered or not group.exceeded(now_ns):
            return None
        group.triggered = True
        return group
