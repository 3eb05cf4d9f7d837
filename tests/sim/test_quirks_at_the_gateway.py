"""The gateway comes to the same account of its orders, whatever the venue does where its pages are open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fixgw.engine.gateway import Gateway
from fixgw.errors import Rejected
from fixgw.handlers.order import Order, OrderState
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.sim.accounts import AccountSpec
from fixgw.sim.compare import differences, position_differences
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.orders import TimeInForce as Life
from fixgw.sim.quirks import CancelScope, Quirks
from fixgw.sim.sessions import memory_plans, memory_settings
from fixgw.sim.venue import MarketSpec, SimSettings, Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle

pytest_plugins = ["fixgw.testing"]

MARKET = "HIGHNY-26DEC31"
FINE = "KXBTC-26DEC31"  # prices on $0.0001, on another exchange index
FLIPS: dict[str, Any] = {
    **{field.name: not field.default for field in fields(Quirks) if isinstance(field.default, bool)},
    "venue_comp_id": "Kalshi",
    "bad_signature_text": "unauthorized",
    "reject_exec_id": "0",
    "unknown_order_id": "unknown",
    "bad_price_text": "INVALID_PRICE",
    "default_time_in_force": Life.DAY,
    "disconnect_scope": CancelScope.CONNECTION,
    "mass_cancel_scope": CancelScope.ACCOUNT,
}
TIDY = {"use_dollars": True, "skip_pending_exec_reports": True, "enable_ioc_cancel_report": True}
BARE = {"use_dollars": False}


def test_every_switch_is_turned() -> None:
    assert set(FLIPS) == {field.name for field in fields(Quirks)}


@pytest.fixture
def turned() -> str:
    return "replaced_status"


@pytest_asyncio.fixture
async def memory_venue_settings(tmp_path: Path, turned: str) -> SimSettings:
    return memory_settings(
        tmp_path,
        quirks=Quirks(**{turned: FLIPS[turned]}),
        markets=[MarketSpec(MARKET), MarketSpec(FINE, subpenny=True, exchange_index=1)],
        accounts=[AccountSpec("alpha", direct=False)],
    )


@pytest.fixture
def options() -> dict[str, bool]:
    return TIDY


@pytest_asyncio.fixture
async def memory_gateway(memory_venue: Simulator, options: dict[str, bool]) -> AsyncIterator[Gateway]:
    plans = memory_plans(
        memory_venue, {"orders": ("orders-nr", "alpha")}, settings={"orders": {"options": options}}
    )
    async with Gateway(plans, clock=memory_venue.settings.clock) as running:
        yield running


async def bid(gateway: Gateway, qty: int, price: str, **more: object) -> Order:
    terms: dict[str, Any] = {"symbol": MARKET, "side": Side.BUY, **more}
    return await gateway.orders.submit(NewOrderSingle(order_qty=Decimal(qty), price=Decimal(price), **terms))


@pytest.mark.parametrize("options", [TIDY, BARE], ids=["tidy", "bare"])
@pytest.mark.parametrize("turned", FLIPS)
async def test_a_day_of_trading(memory_venue: Simulator, memory_gateway: Gateway) -> None:
    venue, gateway = memory_venue, memory_gateway
    worked = await bid(gateway, 10, "0.50")
    await worked.acknowledged(timeout=5)
    venue.fill(worked.cl_ord_id, Decimal(4))
    request = await gateway.orders.replace(worked, price=Decimal("0.45"), order_qty=Decimal(8))
    await request.acknowledged(timeout=5)
    venue.fill(worked.cl_ord_id, Decimal(1))
    for qty, price in ((2, "0.50"), (1, "0.52")):
        venue.quote(MARKET, HouseSide.SELL, Decimal(price), Decimal(qty))
    at_once = await bid(gateway, 5, "0.52", time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
    await at_once.acknowledged(timeout=5)
    nowhere = await gateway.orders.submit(
        NewOrderSingle(symbol="NOWHERE", side=Side.BUY, order_qty=Decimal(1), price=Decimal("0.50"))
    )
    with pytest.raises(Rejected, match="MARKET_NOT_FOUND"):
        await nowhere.acknowledged(timeout=5)
    request = await gateway.orders.cancel(worked)
    await request.acknowledged(timeout=5)
    assert worked.state is OrderState.CANCELED
    assert [order.cum_qty for order in (worked, at_once)] == [5, 3]
    key = venue.keys["alpha"]
    assert differences(venue.ledger, f"KalshiNR/{key.key_id}", gateway.orders.snapshot()) == []
    assert position_differences(venue.ledger, key.account, gateway.positions.snapshot()) == []


@pytest.mark.parametrize("turned", ["repeat_identity", "replaced_status"])
async def test_a_subaccount_in_cents_on_another_shard(
    memory_venue: Simulator, memory_gateway: Gateway
) -> None:
    venue, gateway = memory_venue, memory_gateway
    worked = await bid(gateway, 10, "0.5501", symbol=FINE, alloc_account="3")
    await worked.acknowledged(timeout=5)
    venue.fill(worked.cl_ord_id, Decimal("4.07"))
    request = await gateway.orders.replace(worked, price=Decimal("0.4507"))
    await request.acknowledged(timeout=5)
    request = await gateway.orders.cancel(worked)
    await request.acknowledged(timeout=5)
    for price in ("0.3301", "0.3302"):
        venue.quote(FINE, HouseSide.SELL, Decimal(price), Decimal("0.03"))
    taker = await bid(gateway, 1, "0.4000", symbol=FINE)
    await taker.acknowledged(timeout=5)
    key = venue.keys["alpha"]
    assert {event.exec_id.split(";")[2] for event in venue.ledger.executions} == {"1"}
    assert differences(venue.ledger, f"KalshiNR/{key.key_id}", gateway.orders.snapshot()) == []
    assert position_differences(venue.ledger, key.account, gateway.positions.snapshot()) == []
