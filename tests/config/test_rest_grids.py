"""Price grids from the venue's own list."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from fixgw.config.build import load
from fixgw.errors import Refused
from fixgw.messages.order_entry import Side
from fixgw.safety.grid import Grids
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import MarketSpec, SimSettings, Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle
from fixgw.venues.kalshi.rest_grids import load_grids
from tests.sim.rest import rest_of

pytest_plugins = ["fixgw.testing"]

WHOLE, FINE = "HIGHNY-26DEC31", "FINE-26DEC31"
MARKETS = (MarketSpec(WHOLE), MarketSpec(FINE, subpenny=True))


def asked_for(file: Path, series: str) -> Path:
    """Let a configuration for a simulator ask for the grids of some series."""
    lines = file.read_text().splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("rest: {"))
    lines[at] = lines[at].replace("{", f'{{"attempts": 1, "grids": [{series}], ', 1)
    file.write_text("\n".join(lines))
    return file


def bid(symbol: str) -> NewOrderSingle:
    return NewOrderSingle(symbol=symbol, side=Side.BUY, order_qty=Decimal(1), price=Decimal("0.4050"))


@pytest.fixture
def venue_settings(tmp_path: Path) -> SimSettings:
    return SimSettings(tmp_path / "venue", markets=MARKETS)


async def test_a_price_off_the_grid_that_the_venue_lists_does_not_leave(
    venue: Simulator, tmp_path: Path
) -> None:
    file = write_sessions(venue, tmp_path / "desk", {"orders": ("orders-rt", "rsa")})
    async with load(asked_for(file, "HIGHNY, FINE")) as gateway:
        with pytest.raises(Refused, match=r"take 0\.4000 or 0\.4100"):
            gateway.orders.place(bid(WHOLE))
        await gateway.orders.place(bid(FINE)).acknowledged(timeout=2)


async def test_only_the_series_that_are_named_are_loaded(venue: Simulator, tmp_path: Path) -> None:
    file = write_sessions(venue, tmp_path / "desk", {"orders": ("orders-rt", "rsa")})
    async with load(asked_for(file, "FINE")) as gateway:
        assert gateway["orders"].grids.find(WHOLE) is None
        assert gateway["orders"].grids.find(FINE) is not None


async def test_a_venue_that_does_not_answer_keeps_no_gateway_from_starting(
    venue: Simulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    venue.rest.faults.down = True
    file = write_sessions(venue, tmp_path / "desk", {"orders": ("orders-rt", "rsa")})
    async with load(asked_for(file, "HIGHNY")) as gateway:
        assert gateway["orders"].grids.find(WHOLE) is None
    assert "price grids are not known" in caplog.text


async def test_markets_that_are_closed_are_left_out(memory_venue: Simulator) -> None:
    memory_venue.close_market(WHOLE)
    grids = Grids(event=True)
    assert await load_grids(rest_of(memory_venue), grids, ["HIGHNY", "KXFED"]) == 1
    assert grids.find(WHOLE) is None
