"""Reports that never came on the wire: on the tape, in the books and at the handler, each once."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from fixgw.clock import ManualClock
from fixgw.engine.reconciled import append_reports, read_reports
from fixgw.errors import LocalError, StoreFull, StoreLocked
from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.handlers.order import Order, OrderState
from fixgw.records import Flag, Kind, Record
from fixgw.store.check import check
from fixgw.store.memory import MemoryStore
from fixgw.store.reader import records
from fixgw.store.tape import Tape
from fixgw.transport.memory import MemoryNetwork
from tests.engine.orders import Acknowledging, new_order
from tests.engine.rig import Rig, joined, plan_for, standing

RUN, SOURCE = "run-7", "REST"


def trade(number: int, cum: int, **more: str) -> list[tuple[int, str]]:
    """Return the fields of a trade of 2 contracts of the order ``a``, told without an ExecID."""
    values = {"t17": "-1;-1", "t37": "V-a", "t11": "a", "t880": f"trade-{number}", "t14": str(cum)} | more
    fixed = {"t150": "F", "t39": "1", "t55": "HIGHNY", "t54": "1", "t32": "2", "t31": "0.5"}
    fees = {"t136": "1", "t137": "0.02", "t138": "USD", "t139": "4"}
    every = {**fixed, "t151": str(10 - int(values["t14"])), **values, **fees}
    return [(int(tag[1:]), value) for tag, value in every.items()]


def ended(**more: str) -> list[tuple[int, str]]:
    values = {"t37": "V-a", "t11": "a", "t17": "-1;-1", "t150": "4", "t39": "4", "t55": "HIGHNY", "t54": "1"}
    return [(int(tag[1:]), value) for tag, value in {**values, "t151": "0", "t14": "0", **more}.items()]


class Told:
    """A handler that keeps the reports, and what it was told about them."""

    def __init__(self) -> None:
        self.reports: list[Message] = []
        self.contexts: list[Context] = []

    def on_execution_report(self, report: object, ctx: Context) -> None:
        self.reports.append(report.message)  # type: ignore[attr-defined]
        self.contexts.append(ctx)

    @property
    def reconciled(self) -> list[str]:
        """The trades that came from a reconciliation."""
        pairs = zip(self.reports, self.contexts, strict=True)
        return [report.text(880) or "" for report, ctx in pairs if ctx.reconciled]


class Stuck(Told):
    """A handler that does not return from what a reconciliation found."""

    async def on_execution_report(self, report: object, ctx: Context) -> None:  # type: ignore[override]
        super().on_execution_report(report, ctx)
        if ctx.reconciled:
            await asyncio.get_running_loop().create_future()


async def ordered(rig: Rig) -> Order:
    """Send the order ``a`` and let the venue take it."""
    order = await rig.gateway.orders.submit(new_order(cl_ord_id="a"))
    await rig.settle()
    return order


async def apply(rig: Rig, *rows: list[tuple[int, str]]) -> int:
    return await rig.gateway.apply("us", rows, RUN, SOURCE)


def seen(rig: Rig) -> tuple[str, str, str, str]:
    """Return what the books say: filled and fees of the order, held and fees by the positions."""
    order = rig.gateway.orders.get("a")
    assert order is not None
    position = rig.us.positions.get("HIGHNY")
    held = ("0", "0") if position is None else (f"{position.qty}", f"{position.fees}")
    return f"{order.cum_qty}", f"{order.fees}", *held


def on_tape(path: Path) -> list[Record]:
    return [record for record in records(path) if record.flags & Flag.RECONCILED]


async def test_it_counts_in_every_book_and_reaches_the_handler() -> None:
    told = Told()
    async with joined(handler=told, their_handler=Acknowledging()) as rig:
        await ordered(rig)
        assert await apply(rig, trade(1, 2), trade(2, 4)) == 2
        assert seen(rig) == ("4", "0.04", "4", "0.04")
        assert told.reconciled == ["trade-1", "trade-2"]
        assert told.reports[-1].text(58) == "reconciled by run run-7 from REST"
        assert rig.gateway.positions.net("HIGHNY") == 4


async def test_applying_twice_changes_nothing() -> None:
    told = Told()
    async with joined(handler=told, their_handler=Acknowledging()) as rig:
        await ordered(rig)
        await apply(rig, trade(1, 2))
        assert await apply(rig, trade(1, 2), trade(2, 4), trade(2, 4)) == 1
        assert await apply(rig, trade(1, 2), trade(2, 4)) == 0
        assert seen(rig) == ("4", "0.04", "4", "0.04")
        assert told.reconciled == ["trade-1", "trade-2"]


async def test_numbers_stay_as_they_are(tmp_path: Path) -> None:
    async with joined(store=lambda: Tape(tmp_path / "us"), their_handler=Acknowledging()) as rig:
        await ordered(rig)
        before = (rig.link.session.next_in, rig.link.session.next_out)
        await apply(rig, trade(1, 2))
        assert (rig.link.session.next_in, rig.link.session.next_out) == before
        found, cursor = on_tape(tmp_path / "us")
        assert (found.kind, found.msg_seq_num, cursor.kind) == (Kind.FRAME, 0, Kind.CURSOR)
        assert Message.decode(found.payload).text(97) == "Y"
        await ordered_again(rig)
    assert check(tmp_path / "us").sound


async def ordered_again(rig: Rig) -> None:
    """The session goes on as if nothing had been applied."""
    order = await rig.gateway.orders.submit(new_order(cl_ord_id="b"))
    await order.acknowledged(1)


@pytest.mark.parametrize("named", [{"t17": "X1"}, {"t17": "X9"}])
@pytest.mark.parametrize("known", [{"t17": "X1"}, {}])
async def test_the_genuine_report_that_comes_late_counts_once(
    known: Mapping[str, str], named: Mapping[str, str]
) -> None:
    async with joined(their_handler=Acknowledging()) as rig:
        await ordered(rig)
        await apply(rig, trade(1, 2, **known))
        rig.them.link.send(Message("8", trade(1, 2, **named)))
        await rig.settle()
        assert seen(rig) == ("2", "0.02", "2", "0.02")


async def test_what_came_on_the_wire_is_not_applied_again() -> None:
    async with joined(their_handler=Acknowledging()) as rig:
        await ordered(rig)
        rig.them.link.send(Message("8", trade(1, 2, t17="X1")))
        await rig.settle()
        assert await apply(rig, trade(1, 2)) == 0
        assert seen(rig) == ("2", "0.02", "2", "0.02")


async def test_an_older_figure_takes_nothing_back() -> None:
    async with joined(their_handler=Acknowledging()) as rig:
        await ordered(rig)
        rig.them.link.send(Message("8", trade(2, 4, t17="X2")))
        await rig.settle()
        await apply(rig, trade(1, 2))
        assert seen(rig) == ("4", "0.04", "4", "0.04")


async def test_the_end_of_an_order_is_told_once() -> None:
    async with joined(their_handler=Acknowledging()) as rig:
        order = await ordered(rig)
        assert [await apply(rig, ended()), await apply(rig, ended())] == [1, 0]
        assert order.state is OrderState.CANCELED


async def test_a_trade_of_an_order_that_is_not_here_any_more_moves_the_position_alone() -> None:
    async with joined(their_handler=Acknowledging()) as rig:
        await ordered(rig)
        assert await apply(rig, trade(1, 2, t11="old", t37="V-old")) == 1
        assert seen(rig) == ("0", "0", "2", "0.02")
        assert len(rig.gateway.orders) == 1


@pytest.mark.parametrize("checkpoint", [False, True])
async def test_books_survive_a_crash_and_handlers_are_not_told_again(
    tmp_path: Path, checkpoint: bool
) -> None:
    path, copy = tmp_path / "us", tmp_path / "copy"
    async with standing(handler=Acknowledging()) as peer:
        async with joined(store=lambda: Tape(path), peer=peer) as rig:
            await ordered(rig)
            await apply(rig, trade(1, 2))
            if checkpoint:
                rig.link.upkeep.checkpoint()
            await apply(rig, trade(2, 4))
            before = seen(rig)
            shutil.copytree(path, copy)
        told = Told()
        async with joined(store=lambda: Tape(copy), handler=told, peer=peer, wait="none") as rig:
            assert seen(rig) == before == ("4", "0.04", "4", "0.04")
            assert told.reconciled == []
            assert await apply(rig, trade(1, 2), trade(2, 4)) == 0


async def test_what_a_crash_tore_is_applied_the_next_time(tmp_path: Path) -> None:
    path, copy = tmp_path / "us", tmp_path / "copy"
    rows = [trade(number, 2 * number) for number in (1, 2, 3)]
    async with standing(handler=Acknowledging()) as peer:
        async with joined(store=lambda: Tape(path), peer=peer) as rig:
            await ordered(rig)
            await apply(rig, *rows)
            shutil.copytree(path, copy)
        segment = copy / "00000001.tape"
        data = segment.read_bytes()
        segment.write_bytes(data[: data.index(b"trade-2") + 3])  # as a process that was killed in its write
        async with joined(store=lambda: Tape(copy), peer=peer, wait="none") as rig:
            assert seen(rig) == ("2", "0.02", "2", "0.02")
            assert await apply(rig, *rows) == 2
            assert seen(rig) == ("6", "0.06", "6", "0.06")


@pytest.mark.parametrize("checkpoint", [False, True])
async def test_a_handler_that_had_not_returned_is_told_again(tmp_path: Path, checkpoint: bool) -> None:
    path, copy = tmp_path / "us", tmp_path / "copy"
    async with standing(handler=Acknowledging()) as peer:
        async with joined(store=lambda: Tape(path), handler=Stuck(), peer=peer) as rig:
            await ordered(rig)
            await apply(rig, trade(1, 2), trade(2, 4))
            await rig.settle()
            if checkpoint:
                rig.link.upkeep.checkpoint()
                rig.link.upkeep.checkpoint()
            shutil.copytree(path, copy)
        told = Told()
        async with joined(store=lambda: Tape(copy), handler=told, peer=peer, wait="none") as rig:
            await rig.settle()
            assert told.reconciled == ["trade-1", "trade-2"]
            assert all(ctx.redelivered for ctx in told.contexts if ctx.reconciled)
            assert seen(rig) == ("4", "0.04", "4", "0.04")
        again = Told()
        async with joined(store=lambda: Tape(copy), handler=again, peer=peer, wait="none") as rig:
            assert again.reconciled == []


async def test_a_session_that_nobody_runs_delivers_at_its_next_start(tmp_path: Path) -> None:
    path = tmp_path / "us"
    async with standing(handler=Acknowledging()) as peer:
        async with joined(store=lambda: Tape(path), peer=peer) as rig:
            await ordered(rig)
        plan = plan_for(MemoryNetwork().connector("them"), store=lambda: Tape(path))
        reports = read_reports([trade(1, 2), trade(2, 4)], RUN, SOURCE)
        assert [append_reports(plan, reports, ManualClock()) for _ in range(2)] == [2, 0]
        told = Told()
        async with joined(store=lambda: Tape(path), handler=told, peer=peer) as rig:
            assert seen(rig) == ("4", "0.04", "4", "0.04")
            assert rig.gateway.positions.net("HIGHNY") == 4
            assert told.reconciled == ["trade-1", "trade-2"]
    assert check(path).sound


async def test_a_tape_that_a_gateway_has_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "us"
    async with joined(store=lambda: Tape(path), their_handler=Acknowledging()) as rig:
        await ordered(rig)
        plan = plan_for(rig.network.connector("them"), store=lambda: Tape(path))
        with pytest.raises(StoreLocked):
            append_reports(plan, read_reports([trade(1, 2)], RUN, SOURCE), ManualClock())


async def test_on_a_full_disk_the_session_lives_and_nothing_is_applied() -> None:
    store = MemoryStore()
    async with joined(store=lambda: store, their_handler=Acknowledging()) as rig:
        await ordered(rig)
        store.full = True
        with pytest.raises(StoreFull, match="free some room"):
            await apply(rig, trade(1, 2))
        assert (seen(rig), rig.us.active) == (("0", "0", "0", "0"), True)


@pytest.mark.parametrize(
    "row",
    [
        trade(1, 2, t150="0"),
        trade(1, 2, t32="many"),
        [(37, "V-a")],
        [(37, "V-a", "more")],
        "35=8",
        trade(1, 2, t55="A\x01B"),
    ],
)
def test_what_is_no_report_of_a_trade_is_refused(row: object) -> None:
    with pytest.raises(LocalError):
        read_reports([row], RUN, SOURCE)


async def test_the_position_that_a_report_tells_is_the_venues_figure() -> None:
    async with joined(their_handler=Acknowledging()) as rig:
        await ordered(rig)
        await apply(rig, trade(1, 2, t704="2"))
        assert rig.us.positions.latest("HIGHNY") == Decimal(2)
