"""Two sides that disagree on a number: the session stops, says both, and can be mended."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fixgw.engine.gateway import Gateway
from fixgw.records import Kind
from fixgw.sim.venue import Simulator
from fixgw.store.reader import records
from tests.trouble.desk import Desk, limit_order, settings

RESET = {"sessions.0.on_mismatch": "reset"}


async def buy(gateway: Gateway) -> None:
    await (await gateway.orders.submit(limit_order())).acknowledged(2)


async def trade(desk: Desk, orders: int = 1) -> None:
    """Log on, send orders, and log out."""
    async with desk.open() as gateway:
        for _ in range(orders):
            await buy(gateway)


@asynccontextmanager
async def stopped(desk: Desk) -> AsyncIterator[Gateway]:
    """Run the session until it gives up; its status says the same as its handle."""
    async with desk.open(wait="none") as gateway:
        async with asyncio.timeout(5):
            await gateway["orders"].gave_up()
        view = gateway.snapshot().sessions["orders"].supervisor
        assert view.state == "stopped"
        assert gateway["orders"].why == f"{view.why}; {view.remedy}"
        yield gateway


@pytest.fixture
async def outdated(desk: Desk) -> Desk:
    """A tape that was restored from a backup: the venue has seen more since."""
    await trade(desk)
    backup = desk.path / "backup"
    shutil.copytree(desk.tape, backup)
    await trade(desk, orders=3)
    shutil.rmtree(desk.tape)
    shutil.move(backup, desk.tape)
    return desk


@pytest.fixture
async def forgotten(state: Path, tmp_path: Path) -> AsyncIterator[Desk]:
    """A venue that has lost its numbers since the desk logged on last."""
    async with Simulator(settings(state)) as before:
        desk = Desk(before, tmp_path / "desk")
        await trade(desk, orders=3)
    async with Simulator(settings(state)) as after:
        yield desk.spoil({"sessions.0.connect.port": after.ports["orders-rt"]})


async def test_our_number_is_too_low_for_the_venue(outdated: Desk) -> None:
    async with stopped(outdated) as gateway:
        assert gateway["orders"].why == (
            "MsgSeqNum too low: the venue expects 9 and got 4; take the venue's number (fixgw seqnum set "
            "orders --out 9) or reset both (fixgw seqnum reset orders), then fixgw session logon orders"
        )
        await gateway.set_numbers("orders", None, 9, "the tape is a backup")
        await gateway.logon("orders")
        await gateway["orders"].logged_on()
        await buy(gateway)
        assert gateway["orders"].epoch == 2
    notes = [record.payload for record in records(outdated.tape) if record.kind == Kind.NUMBERS]
    assert notes == [b"the tape is a backup"]


async def test_the_venue_s_number_is_too_low_for_us(forgotten: Desk) -> None:
    async with stopped(forgotten) as gateway:
        assert gateway["orders"].why == (
            "MsgSeqNum too low: this side expects 6 and got 1; take the venue's number (fixgw seqnum set "
            "orders --in 1) or reset both (fixgw seqnum reset orders), then fixgw session logon orders"
        )
        await gateway.reset("orders", "the venue began anew")
        await gateway.logon("orders")
        await gateway["orders"].logged_on()
        await buy(gateway)
        assert gateway["orders"].epoch > 2


async def recovers(desk: Desk, log_text: io.StringIO) -> bool:
    """Trade with ``on_mismatch: reset``; return whether the session began a new epoch by itself."""
    async with desk.spoil(RESET).open() as gateway:
        await buy(gateway)
        return gateway["orders"].epoch == 3 and "; on_mismatch is reset" in log_text.getvalue()


async def test_on_mismatch_reset_takes_the_venue_along(outdated: Desk, log_text: io.StringIO) -> None:
    assert await recovers(outdated, log_text)


async def test_on_mismatch_reset_follows_a_venue_that_forgot(forgotten: Desk, log_text: io.StringIO) -> None:
    assert await recovers(forgotten, log_text)
