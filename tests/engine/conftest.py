"""Every engine test runs on a loop whose time jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from fixgw.sim.jumploop import JumpLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Name the one loop of this directory."""
    return {"jump": JumpLoop}
