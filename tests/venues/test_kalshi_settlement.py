"""Settlements: pages are joined by market, in any order, over a restart."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.venues.kalshi.messages import MarketResult
from fixgw.venues.kalshi.settlement import KEPT, Settlement, Settlements
from tests.handlers.port import Port


def page(
    number: int,
    symbol: str = "A",
    *,
    last: bool | None = True,
    total: int | None = None,
    price: str = "100.00",
) -> Message:
    pairs: list[tuple[int, str | int]] = [
        (20105, f"{symbol}{number}"),
        (55, symbol),
        (715, "20261009"),
        (20107, "yes"),
        (730, price),
        (20108, 1),
        (20109, f"user{number}"),
        (20110, 24),
        (704, "5.00"),
    ]
    pairs += [] if total is None else [(20106, total)]
    return Message("UMS", pairs if last is None else [*pairs, (893, "Y" if last else "N")])


def told(*pages: Message, to: Settlements | None = None) -> Settlements:
    settlements = Settlements() if to is None else to
    for one in pages:
        settlements.on_message(one, Context(Port(), 1))
    return settlements


async def first(settlements: Settlements) -> Settlement:
    async for settlement in settlements:
        return settlement
    raise AssertionError("it never ends")


async def test_one_page_is_a_settlement() -> None:
    settled = await first(told(page(1, price="30.60")))
    assert (settled.symbol, settled.market_result) == ("A", MarketResult.YES)
    assert settled.settl_price == Decimal("0.306")
    assert [party.market_settlement_party_id for party in settled.parties] == ["user1"]


async def test_a_page_that_does_not_say_whether_more_follow_is_the_last() -> None:
    assert len(told(page(1, last=None))) == 1


async def test_pages_of_two_markets_may_mix() -> None:
    settlements = told(
        page(1, last=False), page(1, "B", last=False), page(2, "B"), page(2, last=False), page(3)
    )
    assert len(settlements) == 2
    assert [party.market_settlement_party_id for party in (await first(settlements)).parties] == [
        "user1",
        "user2",
    ]


def test_the_last_page_may_come_before_others() -> None:
    settlements = told(page(2, total=2))
    assert settlements.incomplete == ["A"]
    told(page(1, last=False, total=2), to=settlements)
    assert (len(settlements), settlements.incomplete) == (1, [])


def test_a_page_that_comes_again_counts_once() -> None:
    settlements = told(page(1, last=False, total=2), page(1, last=False, total=2))
    assert settlements.incomplete == ["A"]


def test_a_page_that_can_not_be_read_is_counted_and_left() -> None:
    settlements = told(Message("UMS", [(55, "A")]), page(1))
    assert (settlements.malformed, len(settlements)) == (1, 1)


def test_other_messages_are_not_its_business() -> None:
    assert len(told(Message("8", [(37, "V1")]))) == 0


def test_pages_that_wait_survive_a_restart() -> None:
    before = told(page(1, last=False))
    after = Settlements()
    after.load(before.dump())
    assert after.incomplete == ["A"]
    assert len(told(page(2), to=after)) == 1


def test_a_fresh_one_loads_nothing() -> None:
    settlements = Settlements()
    settlements.load(b"")
    settlements.on_disconnect()
    settlements.on_reset(2, 0)
    assert (len(settlements), settlements.incomplete) == (0, [])


async def test_whoever_waits_is_told_when_it_comes() -> None:
    settlements = Settlements()
    waiting = asyncio.ensure_future(first(settlements))
    await asyncio.sleep(0)
    told(page(1), to=settlements)
    assert (await asyncio.wait_for(waiting, 5)).symbol == "A"


async def test_whoever_comes_late_is_told_of_those_that_are_kept() -> None:
    settlements = told(*(page(1, f"M{number}") for number in range(KEPT + 2)))
    assert len(settlements) == KEPT + 2
    assert (await first(settlements)).symbol == "M2"
