"""A listener session: it hears the whole account, sends nothing, and its fills count once in the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fixgw.engine.gateway import Gateway
from fixgw.errors import LocalError
from fixgw.fix.message import Message
from fixgw.handlers.order import Order, OrderState
from fixgw.messages.order_entry import ExecType, Side, TimeInForce
from fixgw.sim.compare import position_differences
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.sessions import memory_plans, memory_settings
from fixgw.sim.settlement import Result
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.groups import OrderGroups
from fixgw.venues.kalshi.listener import Listener
from fixgw.venues.kalshi.messages import NewOrderSingle
from fixgw.venues.kalshi.positions import KalshiPositions
from fixgw.venues.kalshi.profile import VENUE

pytest_plugins = ["fixgw.testing"]

MARKET = "HIGHNY-26DEC31"
CLIENTS = tuple(ClientSpec(name, Algorithm.ED25519, "alpha") for name in ("one", "two", "ear", "book"))
SESSIONS = {
    "one": ("orders-rt", "one"),
    "two": ("orders-nr", "two"),
    "ear": ("orders-rt", "ear"),
    "book": ("post-trade", "book"),
}
LISTENS = {
    "options": {
        "use_dollars": True,
        "skip_pending_exec_reports": True,
        "enable_ioc_cancel_report": True,
        "listener_session": True,
    }
}


@pytest_asyncio.fixture
async def memory_venue_settings(tmp_path: Path) -> SimSettings:
    return memory_settings(tmp_path / "venue", clients=CLIENTS)


def settings(tapes: Path | None = None) -> dict[str, dict[str, Any]]:
    """Return the further settings of each session, with tapes when a directory is given."""
    store = {} if tapes is None else {"store": {"kind": "tape", "path": str(tapes)}}
    return {name: {**store, **(LISTENS if name == "ear" else {})} for name in SESSIONS}


def opened(venue: Simulator, further: Mapping[str, Mapping[str, Any]]) -> Gateway:
    """Return a gateway with two sessions for orders, a listener and a session for settlements."""
    return Gateway(memory_plans(venue, SESSIONS, settings=further), clock=venue.settings.clock)


@pytest_asyncio.fixture
async def gateway(memory_venue: Simulator) -> AsyncIterator[Gateway]:
    async with opened(memory_venue, settings()) as running:
        yield running


async def settle() -> None:
    """Let everything arrive that was sent."""
    await asyncio.sleep(1e-6)


async def trade(
    gateway: Gateway,
    session: str,
    side: Side,
    qty: str,
    price: str,
    life: TimeInForce = TimeInForce.GOOD_TILL_CANCEL,
) -> Order:
    order = await gateway[session].orders.submit(
        NewOrderSingle(
            symbol=MARKET, side=side, order_qty=Decimal(qty), price=Decimal(price), time_in_force=life
        )
    )
    await settle()
    return order


def offer(venue: Simulator, qty: str, price: str = "0.55") -> None:
    venue.quote(MARKET, HouseSide.SELL, Decimal(price), Decimal(qty))


def bid(venue: Simulator, qty: str, price: str) -> None:
    venue.quote(MARKET, HouseSide.BUY, Decimal(price), Decimal(qty))


async def busy_day(venue: Simulator, gateway: Gateway) -> None:
    """Trade on both sessions: fills, partial fills, both ways through zero, cancels and refusals."""
    offer(venue, "10")
    await trade(gateway, "one", Side.BUY, "10", "0.60")
    offer(venue, "3", "0.57")
    await trade(gateway, "two", Side.BUY, "7", "0.57")
    bid(venue, "25", "0.61")
    await trade(gateway, "two", Side.SELL, "25.5", "0.58", TimeInForce.IMMEDIATE_OR_CANCEL)
    resting = await trade(gateway, "one", Side.BUY, "1", "0.10")
    await gateway["one"].orders.cancel(resting)
    await trade(gateway, "two", Side.BUY, "5", "1.50")
    await settle()


def wrong(venue: Simulator, gateway: Gateway) -> list[str]:
    """Return what the gateway's positions and the ledger disagree about."""
    return position_differences(venue.ledger, "alpha", gateway.positions.snapshot())


# -- reading only --


async def test_a_listener_sends_no_orders(gateway: Gateway) -> None:
    with pytest.raises(LocalError, match="a listener reads only; send orders on another session"):
        _ = gateway["ear"].orders


async def test_a_listener_sends_nothing_else_either(gateway: Gateway) -> None:
    with pytest.raises(LocalError):
        gateway["ear"].send(Message("D", [(11, "a")]))
    assert not gateway["ear"].has_client(OrderGroups)


async def test_a_listener_need_not_say_what_becomes_of_orders_it_does_not_send(
    memory_venue: Simulator,
) -> None:
    further = {"ear": {**LISTENS, "cancel_on_disconnect": None}}
    [plan] = memory_plans(memory_venue, {"ear": ("orders-nr", "ear")}, settings=further)
    assert (plan.listens, plan.orders) == (True, False)


async def test_a_session_that_does_not_listen_has_no_listener(gateway: Gateway) -> None:
    assert [handle.name for handle in gateway.sessions if handle.has_client(Listener)] == ["ear"]


# -- hearing --


async def test_a_listener_hears_every_session_of_the_account(
    memory_venue: Simulator, gateway: Gateway
) -> None:
    offer(memory_venue, "4")
    first = await trade(gateway, "one", Side.BUY, "10", "0.55")
    second = await trade(gateway, "two", Side.BUY, "1", "0.20")
    await gateway["two"].orders.cancel(second)
    await settle()
    listener = gateway.client(Listener)
    heard = []
    async for report in listener:
        heard.append((report.cl_ord_id == first.cl_ord_id, report.exec_type))
        if len(heard) == len(listener):
            break
    assert heard == [(True, ExecType.TRADE), (False, ExecType.NEW), (False, ExecType.CANCELED)]


async def test_the_open_orders_of_the_account_are_seen(memory_venue: Simulator, gateway: Gateway) -> None:
    offer(memory_venue, "4")
    order = await trade(gateway, "one", Side.BUY, "10", "0.55")
    [seen] = gateway.client(Listener).orders.open
    assert seen.foreign
    assert (seen.order_id, seen.state, seen.leaves_qty) == (
        order.order_id,
        OrderState.PARTIALLY_FILLED,
        order.leaves_qty,
    )
    request = await gateway["one"].orders.replace(order, price=Decimal("0.50"))
    await request.acknowledged(1)
    [seen] = gateway.client(Listener).orders.open
    assert (seen.cl_ord_id, seen.price) == (order.cl_ord_id, Decimal("0.50"))
    memory_venue.fill(order.cl_ord_id, Decimal(6))
    await settle()
    assert gateway.client(Listener).orders.open == []


async def test_a_listener_says_that_something_may_have_passed_unheard(gateway: Gateway) -> None:
    listener = gateway.client(Listener)
    before = listener.breaks
    listener.on_gap(4, 5)
    listener.on_reset(2, 0)
    assert listener.breaks == before + 2


# -- positions --


async def test_the_gateway_counts_what_two_sessions_tell_once(
    memory_venue: Simulator, gateway: Gateway
) -> None:
    await busy_day(memory_venue, gateway)
    assert wrong(memory_venue, gateway) == []
    assert gateway["ear"].positions.net(MARKET) == gateway.positions.net(MARKET) == -12
    assert [one.agrees for one in gateway.positions.snapshot()] == [True]


async def test_what_one_session_did_differs_from_what_the_account_holds(
    memory_venue: Simulator, gateway: Gateway
) -> None:
    await busy_day(memory_venue, gateway)
    parts = [gateway[name].positions.net(MARKET) for name in ("one", "two")]
    assert (sum(parts), all(parts)) == (gateway.positions.net(MARKET), True)
    assert [one.agrees for one in gateway["two"].positions.snapshot()] == [False]


async def test_a_market_that_pays_is_booked_in_the_account(memory_venue: Simulator, gateway: Gateway) -> None:
    await busy_day(memory_venue, gateway)
    memory_venue.settle_market(MARKET, Result.YES)
    await settle()
    assert wrong(memory_venue, gateway) == []
    assert gateway.positions.net(MARKET) == 0
    assert gateway.positions.cash == memory_venue.ledger.cash["alpha"]


async def test_positions_are_in_the_snapshot(memory_venue: Simulator, gateway: Gateway) -> None:
    await busy_day(memory_venue, gateway)
    snapshot = gateway.snapshot()
    [account] = snapshot.positions.values()
    assert [str(one.qty) for one in account.each] == ["-12.00"]
    two = snapshot.sessions["two"].positions
    assert two is not None
    assert two.fees + _fees(gateway, "one") == account.fees


def _fees(gateway: Gateway, session: str) -> Decimal:
    return sum((order.fees for order in gateway[session].orders), Decimal(0))


async def test_positions_are_in_dollars_where_the_wire_has_cents(memory_venue: Simulator) -> None:
    further = {"one": {"options": {"skip_pending_exec_reports": True}}}
    plans = memory_plans(memory_venue, {"one": SESSIONS["one"]}, settings=further)
    async with Gateway(plans, clock=memory_venue.settings.clock) as gateway:
        offer(memory_venue, "10")
        await trade(gateway, "one", Side.BUY, "10", "0.60")
        assert wrong(memory_venue, gateway) == []
        assert [one.avg_px for one in gateway.positions] == [Decimal("0.55")]


@pytest.mark.parametrize(
    ("kind", "told"),
    [("orders-nr", True), ("drop-copy", True), ("post-trade", True), ("rfq", False), ("market-data", False)],
)
def test_positions_are_kept_where_executions_or_settlements_are_told(kind: str, told: bool) -> None:
    assert (VENUE.positions(VENUE.profile.kinds[kind]) is KalshiPositions) is told


async def test_positions_survive_a_restart(memory_venue: Simulator, tmp_path: Path) -> None:
    further = settings(tmp_path / "tapes")
    async with opened(memory_venue, further) as gateway:
        await busy_day(memory_venue, gateway)
        before = gateway.positions.snapshot()
        each = {handle.name: handle.positions.snapshot() for handle in gateway.sessions}
    async with opened(memory_venue, further) as gateway:
        await settle()
        assert gateway.positions.snapshot() == before
        assert {handle.name: handle.positions.snapshot() for handle in gateway.sessions} == each
        await busy_day(memory_venue, gateway)
        assert wrong(memory_venue, gateway) == []
