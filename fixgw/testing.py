"""Fixtures for testing a trading system against the simulator: ``pytest_plugins = ["fixgw.testing"]``.

They are asynchronous and need pytest-asyncio. Everything runs over real TLS on this machine, with keys made
for the test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fixgw.config.build import load
from fixgw.engine.gateway import Gateway
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import SimSettings, Simulator

SESSIONS = {"orders": ("orders-rt", "rsa")}


@pytest.fixture
def venue_settings(tmp_path: Path) -> SimSettings:
    """What the simulator is made of; override it to open other markets or make other clients."""
    return SimSettings(tmp_path / "venue")


@pytest.fixture
def gateway_sessions() -> dict[str, tuple[str, str]]:
    """Session name -> (kind, name of the client's key); override it for other sessions."""
    return dict(SESSIONS)


@pytest.fixture
def gateway_handlers() -> dict[str, object]:
    """Handler objects by session name; override it to plug in the one under test."""
    return {}


@pytest_asyncio.fixture
async def venue(venue_settings: SimSettings) -> AsyncIterator[Simulator]:
    """A running simulator."""
    async with Simulator(venue_settings) as running:
        yield running


@pytest_asyncio.fixture
async def gateway(
    venue: Simulator,
    tmp_path: Path,
    gateway_sessions: dict[str, tuple[str, str]],
    gateway_handlers: dict[str, object],
) -> AsyncIterator[Gateway]:
    """A gateway that is logged on to the simulator."""
    file = write_sessions(venue, tmp_path / "gateway", gateway_sessions)
    async with load(file, handlers=gateway_handlers) as running:
        yield running
