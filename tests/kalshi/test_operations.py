"""Thousands of random operations: at the end all that the desks believe is what the venue's ledger says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import soak
from tests.kalshi.operations import opened
from tests.kalshi.verdict import faults

DAY = 20_000


async def lived(keys: Path, seed: int, count: int) -> tuple[list[str], list[Any]]:
    """Return what the desks and the venue disagree about after a day, and what happened to every order."""
    async with opened(keys, seed) as floor:
        await floor.run(count)
        orders = floor.venue.ledger.dump()["orders"]
        return faults(floor), [(one["order_id"], one["state"], one["cum"], one["avg_px"]) for one in orders]


async def test_a_short_day_ends_with_books_that_agree(keys: Path) -> None:
    disagreed, _ = await lived(keys, seed=1, count=500)
    assert disagreed == []


async def test_the_same_seed_makes_the_same_day(keys: Path) -> None:
    (_, one), (_, other) = [await lived(keys, seed=2, count=100) for _ in range(2)]
    assert one == other


async def test_another_seed_makes_another_day(keys: Path) -> None:
    (_, one), (_, other) = [await lived(keys, seed=seed, count=100) for seed in (2, 3)]
    assert one != other


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 1 + soak(20)))
async def test_a_long_day_ends_with_books_that_agree(keys: Path, seed: int) -> None:
    disagreed, _ = await lived(keys, seed, DAY)
    assert disagreed == []
