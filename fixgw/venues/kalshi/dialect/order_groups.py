"""Order groups: a limit on contracts filled in any 15 seconds, and what answers a request about one.

Source: docs.kalshi.com/fix/order-groups.
"""

from __future__ import annotations

from enum import StrEnum

from fixgw.fix import tags as fix
from fixgw.fix.fieldtypes import INT, STRING, enum
from fixgw.fix.schema import TypedMessage, field
from fixgw.venues.kalshi import tags


class OrderGroupAction(StrEnum):
    """OrderGroupAction(20131)."""

    CREATE = "1"
    RESET = "2"  # clears the trigger and the counter
    DELETE = "3"  # cancels all resting orders of the group
    TRIGGER = "4"  # the same, and refuses new ones until a reset
    UPDATE = "5"  # a limit below what was filled in the window triggers at once


class OrderGroupRequest(TypedMessage, msg_type="UOG"):
    """OrderGroupRequest(UOG): makes, changes or ends a group.

    ``order_group_id`` is left out to create one and needed for everything else; a limit of 1 to 1,000,000
    contracts is for create and update. A group belongs to the subaccount ``alloc_account``.
    """

    order_group_action: OrderGroupAction = field(tags.ORDER_GROUP_ACTION, enum(OrderGroupAction))
    order_group_id: str | None = field(tags.ORDER_GROUP_ID, STRING, default=None)
    order_group_contracts_limit: int | None = field(tags.ORDER_GROUP_CONTRACTS_LIMIT, INT, default=None)
    alloc_account: str | None = field(fix.ALLOC_ACCOUNT, STRING, default=None)
    ex_destination: str | None = field(fix.EX_DESTINATION, STRING, default=None)


class OrderGroupResponse(TypedMessage, msg_type="UOH"):
    """OrderGroupResponse(UOH): the request was carried out; it carries no id of the request."""

    order_group_id: str = field(tags.ORDER_GROUP_ID, STRING)
    order_group_contracts_limit: int | None = field(tags.ORDER_GROUP_CONTRACTS_LIMIT, INT, default=None)
    alloc_account: str | None = field(fix.ALLOC_ACCOUNT, STRING, default=None)


MESSAGES: tuple[type[TypedMessage], ...] = (OrderGroupRequest, OrderGroupResponse)
