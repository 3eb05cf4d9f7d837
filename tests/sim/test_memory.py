"""A venue without sockets: the gateway's own plans, real signatures, and time that jumps."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from fixgw.clock import SystemClock
from fixgw.engine.gateway import Gateway
from fixgw.errors import ConfigError, OutcomeUnknown
from fixgw.handlers.order import Ending, OrderState
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.sim.jumploop import START, JumpLoop
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.sessions import memory_plans, memory_settings
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle

pytest_plugins = ["fixgw.testing"]

MARKET = "HIGHNY-26DEC31"


def bid(cl_ord_id: str, qty: int = 10, **more: object) -> NewOrderSingle:
    return NewOrderSingle(
        cl_ord_id=cl_ord_id,
        symbol=MARKET,
        side=Side.BUY,
        order_qty=Decimal(qty),
        price=Decimal("0.50"),
        **more,  # type: ignore[arg-type]
    )


async def test_an_order_trades(memory_gateway: Gateway, memory_venue: Simulator) -> None:
    order = await memory_gateway.orders.submit(bid("a1"))
    await order.acknowledged(timeout=1)
    memory_venue.quote(MARKET, HouseSide.SELL, Decimal("0.40"), Decimal(10))
    await order.closed(timeout=1)
    assert (order.state, order.cum_qty) == (OrderState.FILLED, Decimal(10))


async def test_hours_of_heartbeats_take_no_time(memory_gateway: Gateway, memory_venue: Simulator) -> None:
    await asyncio.sleep(3 * 3600)
    assert asyncio.get_running_loop().time() >= START + 3 * 3600
    assert memory_gateway.sessions[0].snapshot().connections == 1
    assert len(memory_venue.log.of(msg_type="0", outbound=True)) >= 300


async def test_the_venues_own_timer_runs_by_the_same_clock(
    memory_gateway: Gateway, memory_venue: Simulator
) -> None:
    await (await memory_gateway.orders.submit(bid("a1", time_in_force=TimeInForce.DAY))).acknowledged(1)
    order = memory_gateway.orders.get("a1")
    assert order is not None
    await order.closed(timeout=86_400)
    assert order.state is OrderState.CANCELED


async def test_a_cut_is_a_reset_and_the_session_comes_back(
    memory_gateway: Gateway, memory_venue: Simulator
) -> None:
    await (await memory_gateway.orders.submit(bid("a1"))).acknowledged(timeout=1)
    session = memory_gateway.sessions[0]
    assert memory_venue.cut(memory_venue.keys["alpha"].key_id) == 1
    into_nothing = await memory_gateway.orders.submit(bid("a2"))
    with pytest.raises(OutcomeUnknown):
        await into_nothing.acknowledged(timeout=0.1)
    memory_venue.quote(MARKET, HouseSide.SELL, Decimal("0.40"), Decimal(10))
    await asyncio.sleep(1)
    assert session.snapshot().connections == 2
    assert into_nothing.ending is Ending.NOT_SENT
    order = memory_gateway.orders.get("a1")
    assert order is not None
    assert (order.ending, order.state) == (Ending.ACKNOWLEDGED, OrderState.FILLED)


async def test_it_keeps_nothing_but_keys_on_disk(memory_gateway: Gateway, memory_venue: Simulator) -> None:
    kept = {path.suffix for path in memory_venue.settings.state.iterdir()}
    assert kept == {".pem", ".id", ".json"}
    assert not memory_venue.ca_path.exists()


async def test_settings_are_those_of_the_file(memory_venue: Simulator) -> None:
    (plan,) = memory_plans(
        memory_venue, {"copy": ("drop-copy", "beta")}, settings={"copy": {"heartbeat": 11}}
    )
    assert (plan.session.heart_bt_int, plan.host, plan.kind) == (11, "KalshiDC", "drop-copy")
    with pytest.raises(ConfigError, match="unknown setting 'hartbeat'"):
        memory_plans(memory_venue, {"copy": ("drop-copy", "beta")}, settings={"copy": {"hartbeat": 11}})


async def test_a_venue_on_tcp_has_no_plans_in_memory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="listens on TCP"):
        memory_plans(Simulator(SimSettings(tmp_path)), {})


def test_on_a_plain_loop_time_is_that_of_the_machine(tmp_path: Path) -> None:
    async def trade() -> int:
        async with Simulator(memory_settings(tmp_path)) as venue:
            assert isinstance(venue.settings.clock, SystemClock)
            plans = memory_plans(venue, {"orders": ("orders-nr", "alpha")})
            async with Gateway(plans, clock=venue.settings.clock) as gateway:
                await (await gateway.orders.submit(bid("a1"))).acknowledged(timeout=20)
            return len(venue.ledger.orders)

    assert asyncio.run(trade()) == 1


def _a_day(directory: Path) -> str:
    """Trade, lose the connection, trade again; return the ledger."""

    async def trade() -> str:
        async with Simulator(memory_settings(directory)) as venue:
            plans = memory_plans(venue, {"orders": ("orders-nr", "alpha")})
            async with Gateway(plans, clock=venue.settings.clock) as gateway:
                for number in range(5):
                    await (await gateway.orders.submit(bid(f"a{number}"))).acknowledged(timeout=1)
                    venue.quote(MARKET, HouseSide.SELL, Decimal("0.40"), Decimal(number + 1))
                    venue.cut(venue.keys["alpha"].key_id)
                    await asyncio.sleep(7)
            return venue.ledger.to_json()

    with asyncio.Runner(loop_factory=JumpLoop) as runner:
        return runner.run(trade())


def test_what_is_done_twice_happens_twice_alike(tmp_path: Path) -> None:
    assert _a_day(tmp_path / "first") == _a_day(tmp_path / "second")
