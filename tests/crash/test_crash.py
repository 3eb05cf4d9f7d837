"""`kill -9` of `fixgw run` at seeded instants, restarted each time; the simulator's account is the judge."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path

import pytest

from fixgw.sim.venue import SimSettings, Simulator
from fixgw.store.base import Sync
from tests.conftest import soak
from tests.crash.campaign import HELD, INSTANTS, Campaign


async def prove(directory: Path, kind: str, sync: Sync, instants: list[str], seed: int) -> Campaign:
    """Kill at each instant in turn, and demand that no promise was broken."""
    async with Simulator(SimSettings(directory / "venue")) as venue:
        campaign = Campaign(venue, directory, kind, sync, seed)
        try:
            for instant in instants:
                await campaign.crash(instant)
            assert await campaign.verdict() == []
        finally:
            await campaign.close()
    return campaign


async def test_a_kill_before_the_report_loses_no_order(tmp_path: Path) -> None:
    campaign = await prove(tmp_path, "orders-rt", Sync.BATCH, [HELD], seed=1)
    assert campaign.between == 1


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("kind", "sync", "kills"),
    [
        ("orders-rt", Sync.ALWAYS, soak(50)),
        ("orders-rt", Sync.BATCH, soak(20)),
        ("orders-nr", Sync.BATCH, soak(20)),
    ],
)
async def test_nothing_is_lost_invented_or_sent_twice_over_many_kills(
    tmp_path: Path, kind: str, sync: Sync, kills: int
) -> None:
    campaign = await prove(tmp_path, kind, sync, list(islice(cycle(INSTANTS), kills)), seed=kills)
    assert campaign.between * 2 >= kills
