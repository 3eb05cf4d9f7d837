"""The cursor, group syncs and checkpoints: written when they are due, off the loop where they wait."""

from __future__ import annotations

import asyncio
import shutil
import threading
from pathlib import Path

import pytest

from fixgw.errors import StoreError
from fixgw.records import Kind, Position
from fixgw.session.outcome import CloseCode
from fixgw.sim.jumploop import JumpLoop
from fixgw.store.base import Sync
from fixgw.store.memory import MemoryStore
from fixgw.store.tape import Tape, TapeSettings
from tests.engine.orders import Acknowledging, new_order
from tests.engine.rig import Recorder, joined
from tests.engine.stores import FailingStore, SyncingStore
from tests.engine.test_dispatch import news, told


def cursors(store: MemoryStore) -> list[Position]:
    return [Position(r.epoch, r.msg_seq_num) for r in store.records if r.kind == Kind.CURSOR]


async def test_the_cursor_is_written_within_a_tenth_of_a_second() -> None:
    store = MemoryStore()
    async with joined(handler=Recorder(), store=lambda: store) as rig:
        await told(rig, "a", "b")
        assert cursors(store) == []
        await asyncio.sleep(0.1)
        assert cursors(store) == [Position(2, 3)]
        await asyncio.sleep(5.0)
        assert len(cursors(store)) == 1  # it has not moved


async def test_the_cursor_is_written_at_close() -> None:
    store = MemoryStore()
    async with joined(handler=Recorder(), store=lambda: store) as rig:
        await told(rig, "a")
    assert cursors(store) == [Position(2, 2)]
    assert store.records[-1].kind == Kind.CHECKPOINT


async def test_nothing_is_written_once_the_store_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    async with joined(handler=Recorder()) as rig:
        await told(rig, "a")  # arms the timer of the cursor
    await asyncio.sleep(1.0)
    assert "store failed" not in caplog.text


async def test_a_checkpoint_is_written_when_it_is_due(tmp_path: Path) -> None:
    settings = TapeSettings(checkpoint_records=20)
    tape = Tape(tmp_path / "us", settings)
    async with joined(handler=Recorder(), their_handler=Acknowledging(), store=lambda: tape) as rig:
        for number in range(30):
            await rig.gateway.orders.submit(new_order(cl_ord_id=f"o{number}"))
            await rig.settle()
        assert tape.checkpoint_due
        await asyncio.sleep(0.2)
        assert not tape.checkpoint_due
    again = Tape(tmp_path / "us")
    assert len(again.load().books["orders"]) > 1000
    again.close()


async def test_a_checkpoint_knows_no_more_than_the_tape(tmp_path: Path) -> None:
    """A send that is gathered when the checkpoint comes is committed before it."""
    async with joined(store=lambda: Tape(tmp_path / "us")) as rig:
        orders = rig.gateway.orders
        orders.place(new_order(cl_ord_id="at once"))
        orders.place(new_order(cl_ord_id="gathered"))
        rig.link.upkeep.checkpoint()
        shutil.copytree(tmp_path / "us", tmp_path / "crashed")
        next_out = rig.link.session.next_out
    crashed = Tape(tmp_path / "crashed")
    assert crashed.load().numbers.next_out == next_out
    crashed.close()


async def test_a_batch_store_is_synced_off_the_loop_soon_after_a_commit() -> None:
    store = SyncingStore(Sync.BATCH)
    async with joined(store=lambda: store) as rig:
        await asyncio.sleep(0.2)
        store.threads.clear()
        rig.us.send(news("a"))
        await asyncio.sleep(0.04)
        assert store.threads == []
        await asyncio.sleep(0.02)
        assert len(store.threads) == 1
        assert store.threads[0] != threading.main_thread().name
        assert store.synced == len(store.records)
        await asyncio.sleep(1.0)
        assert len(store.threads) == 1  # nothing was committed since


async def test_a_commit_during_a_sync_is_synced_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    store = SyncingStore(Sync.BATCH)
    async with joined(store=lambda: store) as rig:
        await asyncio.sleep(0.2)
        monkeypatch.setattr(JumpLoop, "waits_for_threads", False)
        store.gate.clear()
        store.began.clear()
        rig.us.send(news("a"))
        await asyncio.sleep(0.06)
        assert store.began.wait(10)  # the sync has noted what there is, and hangs
        rig.us.send(news("b"))
        await asyncio.sleep(0.3)
        monkeypatch.undo()
        store.gate.set()
        await asyncio.sleep(0.3)
        assert store.synced == len(store.records)


@pytest.mark.parametrize("level", [Sync.BATCH, Sync.ALWAYS])
async def test_a_sync_that_fails_ends_the_connection(level: Sync) -> None:
    store = SyncingStore(level)
    async with joined(store=lambda: store) as rig:
        store.error = StoreError("the medium refused")
        rig.us.send(news("a"))
        await rig.gateway.failed()
        store.error = None
        assert (await rig.link.ended()).reason.code is CloseCode.STORE
        assert "the medium refused" in rig.us.why


async def test_a_cursor_that_can_not_be_written_ends_the_connection() -> None:
    store = FailingStore()
    async with joined(handler=Recorder(), store=lambda: store) as rig:
        await told(rig, "a")
        store.failing = True
        await rig.gateway.failed()
        assert "no room is left" in rig.us.why
        store.failing = False


async def test_a_store_that_can_not_be_closed_well_is_told(caplog: pytest.LogCaptureFixture) -> None:
    store = FailingStore()
    async with joined(store=lambda: store):
        store.failing = True
    assert "store not closed well" in caplog.text


async def test_always_waits_for_the_sync_before_bytes_leave() -> None:
    store = SyncingStore(Sync.ALWAYS)
    async with joined(store=lambda: store) as rig:
        await rig.settle()
        store.gate.clear()
        submits = [asyncio.ensure_future(rig.gateway.orders.submit(new_order())) for _ in range(3)]
        loop = asyncio.get_running_loop()
        for _ in range(5):
            await asyncio.sleep(0)
        assert rig.them.handler.messages == []
        assert not any(submit.done() for submit in submits)
        assert rig.us.snapshot().queues["writer"] > 0
        loop.call_soon(store.gate.set)
        await asyncio.gather(*submits)
        await rig.settle()
        assert len(rig.them.handler.messages) == 3
        assert store.synced >= len(store.records) - 1


async def test_always_does_not_close_before_the_last_bytes_have_left() -> None:
    store = SyncingStore(Sync.ALWAYS)
    async with joined(store=lambda: store) as rig:
        rig.us.send(news("last words"))
        await rig.us.stop("good bye")
        assert [m.text(148) for m in rig.them.handler.messages] == ["last words"]
        assert "logout good bye" in rig.them.handler.events
