"""Kalshi's margin products: each rule that differs from event contracts, driven between desk and venue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from fixgw.errors import ConfigError, Rejected
from fixgw.fix.message import Message
from fixgw.handlers.order import OrderState
from fixgw.messages.order_entry import ExecInst, Side, TimeInForce
from fixgw.sim.product import Product
from fixgw.sim.settlement import Result
from fixgw.sim.venue import MarketSpec, Simulator
from fixgw.venues.kalshi.dialect import margin
from fixgw.venues.kalshi.groups import OrderGroups
from tests.kalshi.desk import BUY, SELL, Joined, Opener, Seat, fits, limit

PERP = "BTC-PERP"
NR: Mapping[str, Seat] = {"desk": Seat("orders-nr")}
GTC, IOC, FOK = TimeInForce.GOOD_TILL_CANCEL, TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL


def listed(venue: Simulator, clock: object) -> None:
    """Open the market before the desk logs on."""
    venue.list_market(MarketSpec(PERP))


@asynccontextmanager
async def trading(desk: Opener, seats: Mapping[str, Seat] = NR, **more: Any) -> AsyncIterator[Joined]:
    async with desk(seats, product=Product.MARGIN, prepare=listed, **more) as joined:
        yield joined


def order(side: Side, qty: str, price: str, life: TimeInForce = GTC, **more: Any) -> margin.NewOrderSingle:
    return margin.NewOrderSingle(
        symbol=PERP,
        side=side,
        order_qty=Decimal(qty),
        price=Decimal(price),
        time_in_force=life,
        **more,
    )


async def test_there_are_four_kinds_of_session(desk: Opener) -> None:
    async with trading(desk) as joined:
        assert joined.venue.ports.keys() == {"orders-nr", "drop-copy", "orders-rt", "market-data"}


@pytest.mark.parametrize("kind", ["orders-nr", "drop-copy", "orders-rt", "market-data"])
async def test_each_of_them_is_logged_on(desk: Opener, kind: str) -> None:
    async with trading(desk, {"desk": Seat(kind)}) as joined:
        assert joined["desk"].active


@pytest.mark.parametrize("asked", [True, False])
async def test_a_price_is_dollars_and_may_be_above_one(desk: Opener, asked: bool) -> None:
    async with trading(desk, {"desk": Seat("orders-nr", options={"use_dollars": asked})}) as joined:
        bid = await joined.submit("desk", order(BUY, "10", "19.5001"))
        joined.rest(SELL, "10", "19.5", PERP)
        await joined.heard(
            "desk",
            "8|150=0|39=0|44=19.5001|38=10.00|60",
            "8|150=F|39=2|44=19.5001|31=19.5001|32=10.00|6=19.5001|704=10.00|!705|60",
        )
        assert (bid.state, bid.avg_px) == (OrderState.FILLED, Decimal("19.5001"))


@pytest.mark.parametrize("price", ["19.50005", "0", "-1"])
async def test_a_price_off_the_grid_is_refused(desk: Opener, price: str) -> None:
    async with trading(desk) as joined:
        bid = await joined.submit("desk", order(BUY, "10", price))
        await joined.heard("desk", "8|150=8|39=8|103=11|58=INVALID_ORDER|60")
        assert bid.state is OrderState.REJECTED


async def test_part_of_a_contract_is_refused_by_the_venue_too(desk: Opener) -> None:
    async with trading(desk) as joined:
        await joined.submit("desk", limit(BUY, "1.5", "19.5", symbol=PERP))
        await joined.heard("desk", "8|150=8|39=8|103=13|58=INVALID_QUANTITY")


async def test_what_is_closed_moves_its_profit_and_nothing_is_paid_for_contracts(desk: Opener) -> None:
    async with trading(desk) as joined:
        joined.rest(SELL, "10", "19.5", PERP)
        await joined.submit("desk", order(BUY, "10", "19.5"))
        joined.rest(BUY, "10", "20", PERP)
        await joined.submit("desk", order(SELL, "10", "20"))
        await joined.heard(
            "desk",
            "8|150=F|1704=-0.0975|1705=BALANCE|137=0.0975|704=10.00",
            "8|150=F|1704=4.9000|1705=BALANCE|137=0.10|!704|!705",
        )
        holding = joined.venue.ledger.holding("alpha", 0, PERP)
        assert (holding.position, holding.realised) == (Decimal(0), Decimal(5))
        assert holding.cash == Decimal("5.0") - holding.fees


@pytest.mark.parametrize("life", [IOC, FOK])
async def test_an_order_that_only_reduces_may_be_fill_or_kill(desk: Opener, life: TimeInForce) -> None:
    async with trading(desk) as joined:
        await joined.submit("desk", order(SELL, "5", "19.5", life, exec_inst=(ExecInst.DO_NOT_INCREASE,)))
        await joined.heard("desk", "8|150=4|39=4|58=REDUCE_ONLY")


async def test_it_may_not_rest(desk: Opener) -> None:
    async with trading(desk) as joined:
        resting = order(SELL, "5", "19.5", exec_inst=(ExecInst.DO_NOT_INCREASE,))
        await joined.submit("desk", resting)
        await joined.heard("desk", "8|150=8|39=8|103=11")


async def test_every_report_has_its_time(desk: Opener) -> None:
    seat = Seat("orders-nr", options={"skip_pending_exec_reports": False})
    async with trading(desk, {"desk": seat}) as joined:
        bid = await joined.submit("desk", order(BUY, "10", "19.5"))
        await joined["desk"].orders.cancel(bid)
        await joined.heard("desk", "8|150=A|60", "8|150=0|60", "8|150=6|60", "8|150=4|60")


async def test_the_business_day_begins_at_16_00_in_new_york(desk: Opener) -> None:
    async with trading(desk) as joined:  # it is 10:30 there, on Friday
        joined.rest(SELL, "10", "19.5", PERP)
        await joined.submit("desk", order(BUY, "1", "19.5"))
        await asyncio.sleep(5.5 * 3600 - 1)
        await joined.submit("desk", order(BUY, "1", "19.5"))
        await asyncio.sleep(1)
        await joined.submit("desk", order(BUY, "1", "19.5"))
        await joined.heard("desk", "8|150=F|715=20261009", "8|150=F|715=20261009", "8|150=F|715=20261010")


async def test_an_exchange_index_is_ignored(desk: Opener) -> None:
    async with trading(desk) as joined:
        await joined.submit("desk", limit(BUY, 1, "19.5", symbol=PERP, ex_destination="5"))
        await joined.heard("desk", "8|150=0|39=0")


@pytest.mark.parametrize("fields", [{"quote_id": "q"}, {"max_execution_cost": Decimal(1)}, {"rfq_id": "r"}])
async def test_what_the_product_does_not_have_is_rejected(desk: Opener, fields: dict[str, Any]) -> None:
    async with trading(desk) as joined:
        await joined["desk"].orders.submit(limit(BUY, 1, "19.5", symbol=PERP, **fields))
        await joined.settle()
        (reject,) = joined.frames("desk", admin=True)
        assert fits(reject, "3|372=D|373=2")


async def test_an_order_group_is_answered_by_its_id_alone(desk: Opener) -> None:
    async with trading(desk) as joined:
        groups = joined["desk"].client(OrderGroups)
        group = await groups.create(50)
        await groups.update(group, 60)
        await groups.trigger(group)
        await groups.delete(group)
        uoh = f"UOH|20130={group.order_group_id}|!20132|!79"
        await joined.heard("desk", uoh, uoh, uoh, uoh)
        with pytest.raises(Rejected, match="ORDER_GROUP_NOT_FOUND"):
            await groups.reset(group)


@pytest.mark.parametrize("tag", [79, 100])
async def test_an_order_group_names_neither_subaccount_nor_shard(desk: Opener, tag: int) -> None:
    async with trading(desk, {"desk": Seat("orders-nr", guarded=False)}) as joined:
        joined["desk"].link.send(Message("UOG", [(20131, "1"), (20132, "5"), (tag, "0")]))
        await joined.settle()
        (reject,) = joined.frames("desk", admin=True)
        assert fits(reject, f"3|371={tag}|372=UOG|373=2")


@pytest.mark.parametrize(
    ("kind", "msg_type"),
    [("orders-rt", "R"), ("orders-rt", "UA"), ("orders-nr", "U1"), ("market-data", "e")],
)
async def test_other_messages_of_event_contracts_are_not_taken(
    desk: Opener, kind: str, msg_type: str
) -> None:
    async with trading(desk, {"desk": Seat(kind, guarded=False)}) as joined:
        joined["desk"].link.send(Message(msg_type, [(55, PERP)]))
        await joined.heard("desk", f"j|372={msg_type}|380=3")


@pytest.mark.parametrize(("seconds", "refusal"), [(3, []), (2, ["HeartBtInt(108) must be greater than 2"])])
async def test_three_seconds_between_heartbeats_are_enough(
    desk: Opener, seconds: int, refusal: list[str]
) -> None:
    seat = Seat("orders-nr", wrong={"heart_bt_int": seconds})
    async with trading(desk, {"desk": seat}, wait="none") as joined:
        joined.seen = 0
        await joined.settle()
        said = [frame for frame in joined.frames("desk", admin=True) if frame.msg_type == "5"]
        assert [frame.get(58) for frame in said[:1]] == refusal
        assert joined["desk"].active is not bool(refusal)


@pytest.mark.parametrize("tag", [20127, 21026, 21027, 21032])
async def test_a_flag_of_event_contracts_is_refused(desk: Opener, tag: int) -> None:
    seat = Seat("orders-nr", wrong={"logon_fields": ((tag, "Y"),)})
    async with trading(desk, {"desk": seat}, wait="none") as joined:
        joined.seen = 0
        await joined.settle()
        first = joined.frames("desk", admin=True)[0]
        assert fits(first, "3|372=A|373=2")
        assert not joined["desk"].active


async def test_a_key_has_a_connection_of_each_kind(desk: Opener) -> None:
    seats = {"desk": Seat("orders-nr"), "other": Seat("orders-rt", key_of="desk")}
    async with trading(desk, seats) as joined:
        assert joined["desk"].active
        assert joined["other"].active


async def test_and_no_second_one(desk: Opener) -> None:
    seats = {"desk": Seat("orders-nr"), "other": Seat("orders-nr", key_of="desk")}
    async with trading(desk, seats, wait="none") as joined:
        await joined.settle()
        assert [joined[name].active for name in seats].count(True) == 1


async def test_perpetual_futures_are_not_settled(desk: Opener) -> None:
    async with trading(desk) as joined:
        with pytest.raises(ConfigError, match="never settled"):
            joined.venue.settle_market(PERP, Result.YES)
