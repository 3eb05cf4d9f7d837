"""A tape that can not be used: in use elsewhere, no directory, damaged, or on a full disk."""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path

import pytest

from fixgw.config.problems import InvalidConfigError
from fixgw.errors import StoreCorrupt, StoreError, StoreFull, StoreLocked
from fixgw.handlers.order import Ending
from fixgw.records import Kind
from fixgw.sim.venue import Simulator
from fixgw.store.chain import segment_name
from fixgw.store.reader import records
from tests.store.test_full import Disk
from tests.trouble.conftest import Scripted
from tests.trouble.desk import Desk, Peer, limit_order

HOLD = """\
import sys
from fixgw.store.lock import hold
lock = hold(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


async def held_by_another(path: Path) -> asyncio.subprocess.Process:
    """Start a process that holds a lock until its input ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, path, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    return process


async def test_a_tape_in_use_by_another_process_is_left_alone(desk: Desk) -> None:
    desk.tape.mkdir(parents=True)
    other = await held_by_another(desk.tape / "lock")
    try:
        with pytest.raises(StoreLocked) as caught:
            await desk.open().__aenter__()
    finally:
        await other.communicate(b"")
    assert str(caught.value).startswith(f"{desk.tape / 'lock'} is held by pid {other.pid} on host ")
    assert str(caught.value).endswith("; stop it first, or use another path")
    async with desk.open() as gateway:  # the first try left nothing behind
        assert gateway["orders"].active


async def test_a_key_in_use_by_another_gateway_of_this_machine(venue: Simulator, desk: Desk) -> None:
    async with desk.open():
        with pytest.raises(StoreLocked) as caught:
            await Desk(venue, desk.path / "second").open().__aenter__()
    assert venue.keys["desk"].key_id in str(caught.value)
    assert str(caught.value).endswith(
        "; a key carries one connection: stop that gateway first, or use a key of its own here"
    )


async def test_a_key_id_may_hold_what_a_file_name_may_not(desk: Desk) -> None:
    desk.spoil({"sessions.0.sender": "desk/a:1", "sessions.0.connect.port": 1})
    async with desk.open(wait="none") as gateway:
        assert [handle.name for handle in gateway.sessions] == ["orders"]


async def test_a_file_in_place_of_the_directory(desk: Desk) -> None:
    (desk.path / "tapes").write_text("no directory")
    with pytest.raises(InvalidConfigError) as caught:
        desk.open()
    what, where, remedy = str(caught.value).split("\n  ")
    assert what == f"{desk.path / 'tapes'} can not be written"
    assert where.startswith(f"{desk.file}:")
    assert where.endswith(" defaults.store.path")
    assert remedy == "choose another directory, or chown it"


async def test_a_file_in_place_of_the_session_s_directory(desk: Desk) -> None:
    desk.tape.parent.mkdir()
    desk.tape.write_text("no directory")
    with pytest.raises(StoreError) as caught:
        await desk.open().__aenter__()
    assert str(caught.value) == (
        f"{desk.tape / 'lock'}: the lock file can not be opened: Not a directory; "
        "make the directory writable for this user"
    )


async def test_a_damaged_tape_is_not_written_to(desk: Desk) -> None:
    async with desk.open():
        pass
    segment = desk.tape / segment_name(1)
    content = segment.read_bytes()
    segment.write_bytes(content[:200] + b"?" + content[201:])
    (desk.tape / "checkpoint").unlink()  # or the beginning would not be read
    with pytest.raises(StoreCorrupt) as caught:
        await desk.open().__aenter__()
    assert str(segment) in str(caught.value)
    assert "offset" in str(caught.value)
    assert segment.read_bytes()[:201] == content[:200] + b"?"


async def test_a_full_disk_refuses_orders_and_still_lets_cancels_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, log_text: io.StringIO
) -> None:
    async with desk.open() as gateway:
        resting = await gateway.orders.submit(limit_order())
        await resting.acknowledged(2)
        disk = Disk(monkeypatch, 0)
        disk.reserved = 1 << 20  # what the tape holds back
        last = await gateway.orders.submit(limit_order())  # its record is what finds the disk full
        await last.acknowledged(2)
        with pytest.raises(StoreFull) as caught:
            await gateway.orders.submit(limit_order())
        assert str(caught.value) == "orders: the disk is full: only cancels are sent until there is room"
        assert gateway["orders"].snapshot().store.full
        request = await gateway.orders.cancel(resting)
        await request.acknowledged(2)
        assert request.ending is Ending.ACKNOWLEDGED
    assert '"session stopped"' not in log_text.getvalue()


async def test_a_stop_that_is_cut_short_lets_go_of_tape_and_key(scripted: Scripted) -> None:
    peer = Peer()  # answers no Logout
    desk = (await scripted(peer)).spoil({"defaults.timing.logout_timeout": 60})
    running = asyncio.Event()

    async def run() -> None:
        async with desk.open():
            running.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(run())
    await running.wait()
    task.cancel()
    await peer.received("5")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with desk.spoil({"defaults.timing.logout_timeout": 0.1}).open() as gateway:
        assert gateway["orders"].active
    drops = [record.payload.decode().strip() for record in records(desk.tape) if record.kind == Kind.DROP]
    assert drops == ["stopped", "logout not answered"]
