"""Fixtures for testing a trading system against the simulator: ``pytest_plugins = ["fixgw.testing"]``.

They are asynchronous and need pytest-asyncio. ``venue`` and ``gateway`` speak real TLS on this machine, with
keys made for the test. ``memory_venue`` and ``memory_gateway`` need no socket: a test that asks for one of
them runs on a loop whose time jumps, so that ``await asyncio.sleep(3600)`` takes no time and the same test
always goes the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from fixgw.config.build import load
from fixgw.engine.gateway import Gateway
from fixgw.sim.jumploop import JumpLoop
from fixgw.sim.sessions import memory_plans, memory_settings, write_sessions
from fixgw.sim.venue import SimSettings, Simulator

SESSIONS = {"orders": ("orders-rt", "rsa")}
MEMORY_SESSIONS = {"orders": ("orders-rt", "alpha")}


@pytest.hookimpl(optionalhook=True, trylast=True)
def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Let the time jump in a test that has its venue in memory."""
    if "memory_venue" in getattr(item, "fixturenames", ()):
        return {"jump": JumpLoop}
    return {"plain": asyncio.new_event_loop}


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


@pytest_asyncio.fixture
async def memory_venue_settings(tmp_path: Path) -> SimSettings:
    """What the simulator in memory is made of: override it, asynchronous too, with ``memory_settings``."""
    return memory_settings(tmp_path / "venue")


@pytest.fixture
def memory_sessions() -> dict[str, tuple[str, str]]:
    """Session name -> (kind, name of the client's key), in memory; override it for other sessions."""
    return dict(MEMORY_SESSIONS)


@pytest_asyncio.fixture
async def memory_venue(memory_venue_settings: SimSettings) -> AsyncIterator[Simulator]:
    """A running simulator in memory."""
    async with Simulator(memory_venue_settings) as running:
        yield running


@pytest_asyncio.fixture
async def memory_gateway(
    memory_venue: Simulator,
    memory_sessions: dict[str, tuple[str, str]],
    gateway_handlers: dict[str, object],
) -> AsyncIterator[Gateway]:
    """A gateway that is logged on to the simulator in memory, by its clock."""
    plans = memory_plans(memory_venue, memory_sessions, handlers=gateway_handlers)
    async with Gateway(plans, clock=memory_venue.settings.clock) as running:
        yield running
