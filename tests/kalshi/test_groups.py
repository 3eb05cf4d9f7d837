"""Order groups: each action, its answer, and what it does to orders."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from fixgw.errors import Rejected
from fixgw.fix.message import Message
from fixgw.handlers.order import OrderState
from fixgw.venues.kalshi.groups import OrderGroup, OrderGroups
from tests.kalshi.covers import Words, rows_by_kind
from tests.kalshi.desk import BUY, Opener, Seat, limit

BOTH = ("orders-nr", "orders-rt")
WINDOW = 15
UUID = "770e8400-e29b-41d4-a716-446655440002"


@rows_by_kind([Words("20131=1 create", "UOG, UOH")], *BOTH)
async def test_create(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        group = await joined.gateway.client(OrderGroups).create(5000)
        await joined.told("desk", "UOG|20131=1|20132=5000|!20130")
        await joined.heard("desk", f"UOH|20130={group.order_group_id}|20132=5000|79=0")
        assert group == OrderGroup(group.order_group_id, 5000, "0")


@rows_by_kind([Words("20131=1 create in a subaccount", "UOG, UOH")], *BOTH)
async def test_create_in_a_subaccount(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        group = await joined.gateway.client(OrderGroups).create(5000, alloc_account="2")
        await joined.told("desk", "UOG|20131=1|20132=5000|79=2")
        await joined.heard("desk", "UOH|20132=5000|79=2")
        assert group.alloc_account == "2"


@rows_by_kind([Words("more than the limit within the window triggers", "UOG, UOH, D, 8")], *BOTH)
async def test_fills_beyond_the_limit(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        group = await joined.gateway.client(OrderGroups).create(5)
        first = await joined.submit("desk", limit(BUY, 10, "0.60", secondary_cl_ord_id=group.order_group_id))
        second = await joined.submit("desk", limit(BUY, 10, "0.59", secondary_cl_ord_id=group.order_group_id))
        joined.look()
        joined.venue.fill(first.cl_ord_id, Decimal(5))
        await joined.heard("desk", "8|150=F|39=1|32=5.00")  # the limit itself may fill
        joined.look()
        joined.venue.fill(first.cl_ord_id, Decimal(1))
        gone = "8|150=4|39=4|151=0.00|58=ORDER_GROUP_CANCEL"
        await joined.heard("desk", "8|150=F|39=1|32=1.00|14=6.00", gone + "|14=6.00", gone + "|14=0.00")
        assert [order.state for order in (first, second)] == [OrderState.CANCELED] * 2
        assert first.cum_qty == 6


@rows_by_kind([Words("what filled before the window does not count", "UOG, UOH, D, 8")], *BOTH)
async def test_fills_that_are_apart(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        group = await joined.gateway.client(OrderGroups).create(5)
        order = await joined.submit("desk", limit(BUY, 10, "0.60", secondary_cl_ord_id=group.order_group_id))
        joined.venue.fill(order.cl_ord_id, Decimal(5))
        await asyncio.sleep(WINDOW + 0.001)
        joined.venue.fill(order.cl_ord_id, Decimal(5))
        await joined.settle()
        assert order.state is OrderState.FILLED


@rows_by_kind([Words("20131=2 reset", "UOG, UOH, D, 8")], *BOTH)
async def test_reset(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        groups = joined.gateway.client(OrderGroups)
        group = await groups.create(5)
        await groups.trigger(group)
        refused = await joined.submit("desk", limit(BUY, 1, "0.6", secondary_cl_ord_id=group.order_group_id))
        joined.look()
        await groups.reset(group)
        await joined.told("desk", f"UOG|20131=2|20130={group.order_group_id}|!20132")
        await joined.heard("desk", f"UOH|20130={group.order_group_id}|!20132|79=0")
        taken = await joined.submit("desk", limit(BUY, 1, "0.6", secondary_cl_ord_id=group.order_group_id))
        assert [order.state for order in (refused, taken)] == [OrderState.REJECTED, OrderState.NEW]


@rows_by_kind([Words("20131=4 trigger", "UOG, UOH, 8"), Words("20131=3 delete", "UOG, UOH, 8")], *BOTH)
async def test_trigger_and_delete(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        groups = joined.gateway.client(OrderGroups)
        group = await groups.create(5)
        order = await joined.submit("desk", limit(BUY, 10, "0.60", secondary_cl_ord_id=group.order_group_id))
        joined.look()
        number, verb = (4, groups.trigger) if "trigger" in row.what else (3, groups.delete)
        await verb(group)
        await joined.told("desk", f"UOG|20131={number}|20130={group.order_group_id}")
        await joined.heard("desk", "UOH|!20132|79=0", "8|150=4|58=ORDER_GROUP_CANCEL")
        assert order.state is OrderState.CANCELED
        late = await joined.submit("desk", limit(BUY, 1, "0.60", secondary_cl_ord_id=group.order_group_id))
        text = "EXCEEDED_ORDER_GROUP_RISK_LIMIT" if number == 4 else "ORDER_GROUP_NOT_FOUND"
        assert (late.state, late.text) == (OrderState.REJECTED, text)


@rows_by_kind([Words("20131=5 update", "UOG, UOH")], *BOTH)
async def test_update(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        groups = joined.gateway.client(OrderGroups)
        group = await groups.create(5)
        joined.look()
        changed = await groups.update(group, 2500)
        await joined.told("desk", f"UOG|20131=5|20130={group.order_group_id}|20132=2500")
        await joined.heard("desk", f"UOH|20130={group.order_group_id}|20132=2500|79=0")
        assert changed.contracts_limit == 2500


@rows_by_kind([Words("20131=5 update below what has filled triggers", "UOG, UOH, 8")], *BOTH)
async def test_update_below_what_has_filled(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        groups = joined.gateway.client(OrderGroups)
        group = await groups.create(100)
        order = await joined.submit("desk", limit(BUY, 10, "0.60", secondary_cl_ord_id=group.order_group_id))
        joined.venue.fill(order.cl_ord_id, Decimal(4))
        await joined.settle()
        joined.look()
        await groups.update(group, 3)
        await joined.heard("desk", "UOH|20132=3", "8|150=4|14=4.00|58=ORDER_GROUP_CANCEL")
        assert order.state is OrderState.CANCELED


@rows_by_kind([Words("380=1 group of another subaccount", "UOG, j")], *BOTH)
async def test_another_subaccount(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        groups = joined.gateway.client(OrderGroups)
        group = await groups.create(5, alloc_account="2")
        joined.look()
        with pytest.raises(Rejected, match="ORDER_GROUP_NOT_FOUND") as caught:
            await groups.reset(OrderGroup(group.order_group_id, 5, "3"))
        assert caught.value.meaning
        await joined.heard("desk", "j|372=UOG|380=1|58=ORDER_GROUP_NOT_FOUND")


@rows_by_kind([Words("an order of another subaccount does not join", "UOG, D, 8")], *BOTH)
async def test_an_order_of_another_subaccount(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        group = await joined.gateway.client(OrderGroups).create(5, alloc_account="2")
        joined.look()
        order = await joined.submit("desk", limit(BUY, 1, "0.60", secondary_cl_ord_id=group.order_group_id))
        await joined.heard("desk", "8|150=8|103=11|58=ORDER_GROUP_NOT_FOUND")
        assert order.state is OrderState.REJECTED


MALFORMED = {
    "373=5 bad UUID": ([(20131, "2"), (20130, "no-uuid")], 20130, 5),
    "373=5 create with an id": ([(20131, "1"), (20130, UUID), (20132, "5")], 20130, 5),
    "373=5 limit of nought": ([(20131, "1"), (20132, "0")], 20132, 5),
    "373=5 limit of more than a million": ([(20131, "1"), (20132, "1000001")], 20132, 5),
    "373=5 no such action": ([(20131, "6"), (20130, UUID)], 20131, 5),
    "373=1 create without a limit": ([(20131, "1")], 20132, 1),
    "373=1 no action": ([(20130, UUID)], 20131, 1),
}


@rows_by_kind([Words(what, "UOG, 3 in") for what in MALFORMED], *BOTH)
async def test_what_is_malformed(desk: Opener, kind: str, row: Words) -> None:
    pairs, tag, reason = MALFORMED[row.what]
    async with desk({"desk": Seat(kind)}) as joined:
        number = joined["desk"].send(Message("UOG", pairs))
        await joined.settle()
        (reject,) = joined.frames("desk", admin=True)
        joined.assert_fits(reject, f"3|45={number}|372=UOG|373={reason}|371={tag}|58")
