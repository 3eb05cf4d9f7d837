"""``fixgw status`` shows what a running gateway holds."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from fixgw.engine.gateway import Gateway
from fixgw.messages.order_entry import Side
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle
from tests.cli.conftest import fixgw

pytest_plugins = ["fixgw.testing"]

MARKET = "HIGHNY-26DEC31"


async def status(directory: Path) -> list[str]:
    """Return what the command prints, with one space between columns."""
    result = await asyncio.to_thread(fixgw, "status", "--socket", directory / "gateway" / "admin.sock")
    assert (result.exit_code, result.stderr) == (0, "")
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


async def buy(gateway: Gateway, qty: int) -> None:
    order = await gateway.orders.submit(
        NewOrderSingle(symbol=MARKET, side=Side.BUY, order_qty=Decimal(qty), price=Decimal("0.55"))
    )
    await order.closed(timeout=5)


async def test_positions_are_shown_with_what_they_earned(
    venue: Simulator, gateway: Gateway, tmp_path: Path
) -> None:
    venue.quote(MARKET, HouseSide.SELL, Decimal("0.55"), Decimal(10))
    await buy(gateway, 10)
    shown = await status(tmp_path)
    assert "market subaccount net average realised fees venue says" in shown
    assert f"{MARKET} 10.00 0.5500 0.0000 0.1733 10.00" in shown
    assert shown[-1] == "kalshi: realised 0.0000, fees 0.1733, 1 executions and settlements"


async def test_nothing_is_said_of_positions_before_the_first_trade(gateway: Gateway, tmp_path: Path) -> None:
    assert [line for line in await status(tmp_path) if "kalshi" in line] == []
