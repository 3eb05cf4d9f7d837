"""`kill -9` of `fixgw run` at seeded instants, restarted each time; the simulator's account is the judge."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle, islice
from pathlib import Path

import pytest

from fixgw.sim.venue import SimSettings, Simulator
from fixgw.store.base import Sync
from tests.conftest import soak
from tests.crash.campaign import INSTANTS, Campaign, Kill
from tests.crash.trader import Death

STOP_AFTER = 6  # kills, so that some crashes come soon after a checkpoint and others long after


async def prove(
    directory: Path, kind: str, sync: Sync, instants: Iterable[Kill | Death], seed: int
) -> Campaign:
    """Kill at each instant in turn, and demand that no promise was broken."""
    async with Simulator(SimSettings(directory / "venue")) as venue:
        campaign = Campaign(venue, directory, kind, sync, seed)
        try:
            for number, instant in enumerate(instants, start=1):
                await campaign.crash(instant)
                if number % STOP_AFTER == 0:
                    await campaign.stop()
            assert await campaign.verdict() == []
        finally:
            await campaign.close()
    return campaign


async def test_a_kill_before_the_report_loses_no_order(tmp_path: Path) -> None:
    campaign = await prove(tmp_path, "orders-rt", Sync.BATCH, [Kill.HELD], seed=1)
    assert campaign.between == 1


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("kind", "sync", "instants"),
    [("orders-rt", Sync.ALWAYS, INSTANTS), ("orders-nr", Sync.BATCH, INSTANTS[::-1])],
)
async def test_nothing_is_lost_invented_or_sent_twice_over_many_kills(
    tmp_path: Path, kind: str, sync: Sync, instants: tuple[Kill | Death, ...]
) -> None:
    kills = soak(50)
    campaign = await prove(tmp_path, kind, sync, islice(cycle(instants), kills), seed=kills)
    assert campaign.between * 2 >= kills
