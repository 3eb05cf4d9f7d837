"""Positions of a session and of a gateway: live, after a crash, and after the numbers began anew."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fixgw.engine.gateway import Gateway
from fixgw.engine.link import Link
from fixgw.engine.settings import LinkSettings
from fixgw.errors import LocalError
from fixgw.fix.message import Message
from fixgw.handlers.positions import Positions
from fixgw.handlers.router import Router
from fixgw.store.tape import Tape, TapeSettings
from fixgw.transport.memory import MemoryNetwork
from tests.engine.rig import DIALECT, US, Rig, joined, plan_for, the_clock
from tests.handlers import fills
from tests.handlers.fills import SYMBOL, trade


async def tell(rig: Rig, *messages: Message) -> None:
    """Let the counterparty report, and all of it arrive."""
    for message in messages:
        rig.them.link.send(message)
    await rig.settle()


def day() -> list[Message]:
    """Return reports that open, close in part and turn a position."""
    return [trade(10, "0.50"), trade(-4, "0.60"), trade(-9, "0.40", t136="1", t137="0.05"), trade(1, "0.30")]


def rebuilt(path: Path) -> Positions:
    """Return the positions that a process finds on a tape."""
    positions = Positions()
    Link(US, Tape(path), Router(None, DIALECT, [positions]), the_clock(), LinkSettings()).close()
    return positions


def cut(path: Path, size: int) -> None:
    """Take the last bytes off a tape, as a process that is killed may leave it."""
    [tape] = path.glob("*.tape")
    with tape.open("r+b") as file:
        file.truncate(tape.stat().st_size - size)


async def test_a_session_and_its_gateway_know_the_same_where_there_is_one() -> None:
    async with joined() as rig:
        await tell(rig, *day())
        assert rig.gateway.positions.snapshot() == rig.us.positions.snapshot()
        assert rig.us.positions.net(SYMBOL) == -2


@pytest.mark.parametrize("checkpoint_records", [1, 3, 1000])
async def test_a_killed_process_finds_its_positions_again(tmp_path: Path, checkpoint_records: int) -> None:
    tape = Tape(tmp_path / "us", TapeSettings(checkpoint_records=checkpoint_records))
    async with joined(store=lambda: tape) as rig:
        await tell(rig, *day())
        before = rig.us.positions.snapshot()
        shutil.copytree(tmp_path / "us", tmp_path / "crashed")
    assert rebuilt(tmp_path / "crashed").snapshot() == before


async def test_a_report_that_was_torn_off_does_not_count_until_it_comes_again(tmp_path: Path) -> None:
    last = trade(5, "0.20", exec_id="E-last")
    async with joined(store=lambda: Tape(tmp_path / "us")) as rig:
        await tell(rig, *day())
        before = rig.us.positions.snapshot()
        await tell(rig, last)
        after = rig.us.positions.snapshot()
        shutil.copytree(tmp_path / "us", tmp_path / "crashed")
    cut(tmp_path / "crashed", 3)
    positions = rebuilt(tmp_path / "crashed")
    assert positions.snapshot() == before
    fills.tell(positions, last, last)
    assert (positions.snapshot(), positions.duplicates) == (after, 1)


async def test_positions_outlive_a_reset_of_the_numbers(tmp_path: Path) -> None:
    async with joined(store=lambda: Tape(tmp_path / "us")) as rig:
        await tell(rig, *day())
        before = rig.us.positions.snapshot()
    async with joined(replace(US, reset_on_logon=True), store=lambda: Tape(tmp_path / "us")) as rig:
        assert rig.us.positions.snapshot() == before


async def test_a_trade_that_can_not_be_read_is_refused_once_for_all_books() -> None:
    async with joined() as rig:
        await tell(rig, trade(10, t32="ten"))
        assert rig.us.positions.malformed == 1
        assert [event.split()[0] for event in rig.them.handler.events].count("reject") == 1


# -- which positions are meant --


async def test_where_no_executions_are_told_there_are_no_positions() -> None:
    connector = MemoryNetwork().connector("them")
    silent = replace(plan_for(connector), positions=None)
    async with Gateway([silent], wait="none", clock=the_clock()) as gateway:
        with pytest.raises(LocalError, match="no executions are told on a session of kind orders"):
            _ = gateway["us"].positions
        with pytest.raises(LocalError, match="exactly one account; there are: none"):
            _ = gateway.positions


async def test_positions_of_two_accounts_are_not_thrown_together() -> None:
    connector = MemoryNetwork().connector("them")
    plans = [
        replace(plan_for(connector, replace(US, name=name)), account=f"{name} demo")
        for name in ("one", "two")
    ]
    async with Gateway(plans, wait="none", clock=the_clock()) as gateway:
        with pytest.raises(LocalError, match="exactly one account; there are: one demo, two demo"):
            _ = gateway.positions
        assert list(gateway.snapshot().positions) == ["one demo", "two demo"]
