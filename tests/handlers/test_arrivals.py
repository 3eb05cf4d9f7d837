"""Things that come one by one, for readers that come when they like."""

from __future__ import annotations

import asyncio

from fixgw.handlers.arrivals import Arrivals


async def read(arrivals: Arrivals[int]) -> list[int]:
    return [item async for item in arrivals]


def arrivals(*items: int, kept: int = 10) -> Arrivals[int]:
    made: Arrivals[int] = Arrivals(kept)
    for item in items:
        made.append(item)
    return made


async def test_a_reader_gets_what_is_there_and_what_comes() -> None:
    come = arrivals(1, 2)
    reading = asyncio.ensure_future(read(come))
    await asyncio.sleep(0)
    come.append(3)
    await asyncio.sleep(0)
    come.append(4)
    come.end()
    assert await reading == [1, 2, 3, 4]


async def test_readers_do_not_take_things_from_each_other() -> None:
    come = arrivals(1)
    readers = [asyncio.ensure_future(read(come)) for _ in range(2)]
    await asyncio.sleep(0)
    come.append(2)
    come.end()
    assert await asyncio.gather(*readers) == [[1, 2], [1, 2]]


async def test_the_oldest_are_forgotten_and_counted() -> None:
    come = arrivals(1, 2, 3, kept=2)
    come.end()
    assert await read(come) == [2, 3]
    assert len(come) == 3


async def test_a_slow_reader_goes_on_with_what_is_left() -> None:
    come = arrivals(1, kept=2)
    reader = aiter(come)
    assert await anext(reader) == 1
    for item in (2, 3, 4):
        come.append(item)
    assert [await anext(reader), await anext(reader)] == [3, 4]


async def test_what_has_ended_ends_its_readers() -> None:
    come = arrivals()
    reading = asyncio.ensure_future(read(come))
    await asyncio.sleep(0)
    come.end()
    assert await reading == []
