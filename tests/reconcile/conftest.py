"""Campaigns in memory run on a loop whose time jumps, with keys that are made once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fixgw.sim.jumploop import JumpLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Name the loop of a test: what needs sockets has one whose time is that of the world."""
    if "over_tls" in getattr(item, "fixturenames", ()):
        return {"plain": asyncio.new_event_loop}
    return {"jump": JumpLoop}


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the clients' keys."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
def over_tls(tmp_path: Path) -> Path:
    """The directory of a venue, its certificates and a gateway."""
    return tmp_path
