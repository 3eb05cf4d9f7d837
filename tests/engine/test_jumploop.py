"""The loop whose time jumps keeps time as a loop does."""

from __future__ import annotations

import asyncio
import threading

import pytest

from fixgw.errors import LocalError
from fixgw.sim.jumploop import START, JumpLoop
from tests.engine.rig import the_clock


async def test_sleepers_wake_in_order_and_on_time() -> None:
    loop = asyncio.get_running_loop()
    woken: list[tuple[float, str]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append((loop.time() - START, name))

    await asyncio.gather(sleeper("late", 3600.0), sleeper("early", 0.5))
    assert woken == [(0.5, "early"), (3600.0, "late")]
    assert the_clock().now().mono == START + 3600.0


async def test_time_stands_while_a_thread_works() -> None:
    loop = asyncio.get_running_loop()
    go = threading.Event()
    work = loop.run_in_executor(None, go.wait)
    timer = asyncio.ensure_future(asyncio.sleep(1.0))
    loop.call_soon(go.set)
    await work
    assert loop.time() == START
    await timer


def test_a_test_that_waits_for_ever_is_told() -> None:
    loop = JumpLoop()
    with pytest.raises(LocalError, match="nothing ends what waits"):
        loop.jump(1e9)
    loop.close()
