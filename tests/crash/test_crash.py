"""`kill -9` of `fixgw run` at seeded instants, restarted each time; the simulator's account is the judge."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle, islice
from pathlib import Path

import pytest

from fixgw.sim.venue import SimSettings, Simulator
from fixgw.store.base import Sync
from tests.conftest import soak
from tests.crash.campaign import INSTANTS, Campaign, Kill, Setup
from tests.crash.trader import Death, PatientTrader, Trader

STOP_AFTER = 6  # kills, so that some crashes come soon after a checkpoint and others long after


async def prove(directory: Path, setup: Setup, instants: Iterable[Kill | Death]) -> Campaign:
    """Kill at each instant in turn, and demand that no promise was broken."""
    async with Simulator(SimSettings(directory / "venue")) as venue:
        campaign = Campaign(venue, directory, setup)
        try:
            for number, instant in enumerate(instants, start=1):
                await campaign.crash(instant)
                if number % STOP_AFTER == 0:
                    await campaign.stop()
            assert await campaign.verdict() == []
        finally:
            await campaign.close()
    return campaign


@pytest.mark.slow
async def test_a_kill_before_the_report_loses_no_order(tmp_path: Path) -> None:
    setup = Setup("orders-rt", Sync.BATCH, Trader, seed=1)
    campaign = await prove(tmp_path, setup, [Kill.HELD])
    assert campaign.between == 1


@pytest.mark.soak
@pytest.mark.parametrize(
    ("setup", "instants", "kills"),
    [
        pytest.param(Setup("orders-rt", Sync.ALWAYS, PatientTrader, 2), INSTANTS, 50, id="rt"),
        pytest.param(Setup("orders-nr", Sync.BATCH, Trader, 3), INSTANTS[::-1], 50, id="nr"),
        pytest.param(Setup("orders-rt", Sync.BATCH, Trader, 4), INSTANTS, 20, id="rt-one-append-a-turn"),
    ],
)
async def test_nothing_is_lost_invented_or_sent_twice_over_many_kills(
    tmp_path: Path, setup: Setup, instants: tuple[Kill | Death, ...], kills: int
) -> None:
    count = soak(kills)
    campaign = await prove(tmp_path, setup, islice(cycle(instants), count))
    assert campaign.between * 2 >= count
