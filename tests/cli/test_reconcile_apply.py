"""``fixgw reconcile --apply``: shown, asked, and given to whoever has the tape."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from fixgw.config.build import load
from fixgw.engine.gateway import Gateway
from fixgw.messages.order_entry import Side
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import Simulator
from fixgw.store.check import check
from fixgw.venues.kalshi.messages import NewOrderSingle
from tests.cli.conftest import fixgw, lines

pytestmark = pytest.mark.slow

pytest_plugins = ["fixgw.testing"]

MARKET = "HIGHNY-26DEC31"
SETTLED = 2.5  # seconds until an execution is old enough to be judged


async def lose_a_fill(venue: Simulator, gateway: Gateway) -> None:
    """Rest an order that is filled while the gateway is away."""
    order = await gateway.orders.submit(
        NewOrderSingle(symbol=MARKET, side=Side.BUY, order_qty=Decimal(3), price=Decimal("0.40"))
    )
    await order.acknowledged(timeout=5)
    key = venue.keys["rsa"].key_id
    venue.pause_reports(key)
    venue.quote(MARKET, HouseSide.SELL, Decimal("0.40"), Decimal(3))
    venue.cut(key)


async def test_the_gateway_takes_what_it_missed(venue: Simulator, tmp_path: Path) -> None:
    file = write_sessions(venue, tmp_path / "gateway", {"orders": ("orders-nr", "rsa")})
    async with load(file) as gateway:
        await lose_a_fill(venue, gateway)
        await asyncio.sleep(SETTLED)
        first = await asyncio.to_thread(fixgw, "reconcile", file, "--apply", "--yes")
        assert first.exit_code == 1
        said = first.stderr.splitlines()
        assert said[0] == "to be applied: 1 execution and 0 ends of orders"
        assert said[1].startswith(f"  buy 3.00 {MARKET} at 0.4000, order ")
        assert gateway.positions.net(MARKET) == 3
        second = await asyncio.to_thread(fixgw, "reconcile", file, "--apply", "--yes")
        assert (second.exit_code, second.stderr) == (0, "")
        assert gateway.positions.net(MARKET) == 3
    shown = fixgw("decode", tmp_path / "gateway" / "tapes" / "orders", "--type", "ExecutionReport").stdout
    assert [line.split()[1] for line in shown.splitlines()][-1] == "rec"


async def test_a_gateway_that_does_not_run_finds_it_at_its_next_start(
    venue: Simulator, tmp_path: Path
) -> None:
    file = write_sessions(venue, tmp_path / "gateway", {"orders": ("orders-nr", "rsa")})
    async with load(file) as gateway:
        await lose_a_fill(venue, gateway)
    await asyncio.sleep(SETTLED)
    first = await asyncio.to_thread(fixgw, "reconcile", file, "--apply", "--yes")
    assert first.exit_code == 1
    assert check(tmp_path / "gateway" / "tapes" / "orders").sound
    async with load(file) as gateway:
        assert gateway.positions.net(MARKET) == 3
    again = await asyncio.to_thread(fixgw, "reconcile", file)
    assert again.exit_code == 0, again.stdout


def test_nobody_to_ask_is_told_before_the_run(tmp_path: Path) -> None:
    result = fixgw("reconcile", tmp_path / "none.yaml", "--apply")
    assert result.exit_code == 2
    assert lines(result) == [
        "--apply would not be confirmed: it changes books and positions",
        "give --yes, as there is no terminal to ask on",
    ]
