"""Thousands of random operations: at the end all that the desks believe is what the venue's ledger says."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fixgw.fix.tags import EXEC_TYPE
from fixgw.handlers.executions import Identity
from fixgw.handlers.order import OrderState
from fixgw.handlers.position import Fill
from fixgw.messages.order_entry import Side
from fixgw.venues.kalshi.asks import ENDED, Acceptance, RequestState
from fixgw.venues.kalshi.messages import ExecutionReport
from fixgw.venues.kalshi.quotes import QuoteState
from fixgw.venues.kalshi.recovery import Recovered, Recovery
from tests.conftest import soak
from tests.kalshi.desk import MARKET
from tests.kalshi.floor import Floor, opened
from tests.kalshi.operations import DAY
from tests.kalshi.verdict import faults

WHOLE = 20_000
MORNING = 1_500  # enough for everything to happen


async def lived(keys: Path, seed: int, count: int) -> tuple[list[str], list[Any]]:
    """Return what the desks and the venue disagree about after a day, and what happened to every order."""
    async with opened(keys, seed, DAY) as floor:
        await floor.run(count)
        orders = floor.venue.ledger.dump()["orders"]
        return faults(floor), [(one["order_id"], one["state"], one["cum"], one["avg_px"]) for one in orders]


async def nothing(*_: object, **__: object) -> Recovered:
    """Ask for nothing."""
    return Recovered((), (), ())


async def test_a_short_day_ends_with_books_that_agree(keys: Path) -> None:
    disagreed, _ = await lived(keys, seed=1, count=500)
    assert disagreed == []


async def test_the_same_seed_makes_the_same_day(keys: Path) -> None:
    (_, one), (_, other) = [await lived(keys, seed=2, count=100) for _ in range(2)]
    assert one == other


async def test_another_seed_makes_another_day(keys: Path) -> None:
    (_, one), (_, other) = [await lived(keys, seed=seed, count=100) for seed in (2, 3)]
    assert one != other


@pytest.mark.slow
async def test_what_is_lost_is_missed_unless_it_is_asked_for(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recovery, "recover", nothing)
    monkeypatch.setattr(Recovery, "due", False)
    disagreed, _ = await lived(keys, seed=1, count=MORNING)
    assert disagreed != []


def order_filled(floor: Floor) -> None:
    floor.traders["rt"].sent[0].cum_qty += 1


def order_charged(floor: Floor) -> None:
    floor.traders["rt"].sent[1].fees += 1


def order_forgotten(floor: Floor) -> None:
    del floor.traders["second"].sent[0]


def fill_invented(floor: Floor) -> None:
    floor.gateways["beta"].positions.book(Fill(Identity("0", 10**40), MARKET, "", Decimal(1), Decimal("0.5")))


def group_widened(floor: Floor) -> None:
    group = next(one for trader in floor.traders.values() for one in trader.groups if one.limit)
    group.limit = 1_000


def request_reopened(floor: Floor) -> None:
    handles = floor.creator.requests.values()
    next(one for one in handles if one.state in ENDED).state = RequestState.OPEN


def acceptance_invented(floor: Floor) -> None:
    acceptance = Acceptance("q", "none of ours", Side.BUY)
    traded = next(order for order in floor.traders["rt"].sent if order.state is OrderState.FILLED)
    acceptance.report = ExecutionReport.view(
        next(one for one in traded.reports if one.get(EXEC_TYPE) == b"F")
    )
    floor.creator.acceptances["none of ours"] = acceptance


def quote_confirmed(floor: Floor) -> None:
    quotes = floor.maker.quotes
    next(one for one in quotes if one.state is QuoteState.REPLACED).state = QuoteState.CONFIRMED


WRONGS = (
    order_filled,
    order_charged,
    order_forgotten,
    fill_invented,
    group_widened,
    request_reopened,
    acceptance_invented,
    quote_confirmed,
)


@pytest.mark.slow
async def test_whatever_is_wrong_is_seen(keys: Path) -> None:
    async with opened(keys, 1, DAY) as floor:
        await floor.run(MORNING)
        seen = [len(faults(floor))]
        for wrong in WRONGS:
            wrong(floor)
            seen.append(len(faults(floor)))
        unseen = [
            wrong.__name__ for wrong, (less, more) in zip(WRONGS, pairwise(seen), strict=True) if more <= less
        ]
        assert unseen == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 1 + soak(20)))
async def test_a_long_day_ends_with_books_that_agree(keys: Path, seed: int) -> None:
    disagreed, _ = await lived(keys, seed, WHOLE)
    assert disagreed == []
