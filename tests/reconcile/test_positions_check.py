"""What is held, and what of it is proven."""

from __future__ import annotations

from typing import cast

from fixgw.reconcile.positions_check import PositionsCheck
from fixgw.venues.kalshi.rest import KalshiRest
from tests.reconcile.sample import CLEAN

NOBODY = cast(KalshiRest, None)  # to be asked


async def test_where_nothing_traded_nothing_is_asked_and_nothing_proven() -> None:
    report = await PositionsCheck(NOBODY).run(CLEAN)
    assert report.feeds[:-1] == CLEAN.feeds
    assert report.feeds[-1].proofs == ()
    assert report.feeds[-1].notes == ("no position was compared: no market traded in the period",)
