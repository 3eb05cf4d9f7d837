"""Campaigns in memory run as the tests of Kalshi's rows do; those over TLS in the world's time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kalshi.conftest import keys, pytest_asyncio_loop_factories

__all__ = ["keys", "over_tls", "pytest_asyncio_loop_factories"]


@pytest.fixture
def over_tls(tmp_path: Path) -> Path:
    """The directory of a venue, its certificates and a gateway."""
    return tmp_path
