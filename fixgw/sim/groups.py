"""Order groups: a limit on contracts filled in any 15 seconds: docs.kalshi.com/fix/order-groups."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from fixgw.sim.orders import ZERO, Terms

WINDOW_NS = 15 * 1_000_000_000
ALLOC_ACCOUNT = 79
PRIMARY = "0"


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
    subaccount: str


@dataclass(slots=True)
class OrderGroup:
    """One group.

    Args:
        group_id: OrderGroupID(20130).
        account: whose orders may join.
        subaccount: AllocAccount(79) of these orders.
        limit: contracts that may fill in any 15 seconds.
        triggered: its orders were cancelled, and no further one may join until it is reset.
        fills: (UTC nanoseconds, contracts), oldest first; none is older than the window.
    """

    group_id: str
    account: str
    subaccount: str
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
        self._groups: dict[tuple[str, str, str], OrderGroup] = {}

    def add(self, group: OrderGroup) -> None:
        """Take in a new group."""
        self._groups[group.account, group.subaccount, group.group_id] = group

    def remove(self, group: OrderGroup) -> None:
        """Forget a group."""
        del self._groups[group.account, group.subaccount, group.group_id]

    def find(self, account: str, subaccount: str, group_id: str) -> OrderGroup | None:
        """Return a group of an account; one of another subaccount is not found."""
        return self._groups.get((account, subaccount, group_id))

    def of(self, terms: Terms) -> OrderGroup | None:
        """Return the group that an order names."""
        if terms.order_group is None:
            return None
        subaccount = dict(terms.echo).get(ALLOC_ACCOUNT, PRIMARY)
        return self.find(terms.owner.account, subaccount, terms.order_group)

    def fill(self, terms: Terms, qty: Decimal, now_ns: int) -> OrderGroup | None:
        """Count a fill of an order; return its group when that triggers it."""
        group = self.of(terms)
        if group is None:
            return None
        group.fills.append((now_ns, qty))
        if group.triggered or not group.exceeded(now_ns):
            return None
        group.triggered = True
        return group
