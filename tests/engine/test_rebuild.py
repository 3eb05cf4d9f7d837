"""What a book knows after a crash: everything it knew before, and nothing twice."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from fixgw.engine.link import Link
from fixgw.engine.settings import LinkSettings
from fixgw.fix.message import Message
from fixgw.handlers.order import Ending
from fixgw.handlers.orders import Orders
from fixgw.handlers.router import Router
from fixgw.store.tape import Tape, TapeSettings
from tests.engine.orders import new_order, report
from tests.engine.rig import DIALECT, THEM, US, Recorder, Rig, joined, no_retransmission, the_clock
from tests.engine.test_dispatch import news, told


def send_as(rig: Rig, number: int, message: Message) -> None:
    """Let the counterparty send a message with a number of our choice."""
    theirs = rig.them.link.session
    following, theirs.next_out = theirs.next_out, number
    rig.them.link.send(message)
    theirs.next_out = max(following, number + 1)


async def test_a_report_that_waited_while_a_checkpoint_was_due_is_not_forgotten(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "us", TapeSettings(checkpoint_records=1))
    them = no_retransmission(THEM)  # so that the gap stays open until the missing message comes by itself
    async with joined(them=them, handler=Recorder(), store=lambda: tape) as rig:
        order = await rig.gateway.orders.submit(new_order(cl_ord_id="a"))
        await told(rig, "arms the timer of the cursor")
        missing = rig.them.link.session.next_out
        send_as(rig, missing + 1, report("a"))
        await asyncio.sleep(0.2)
        assert order.ending is None
        send_as(rig, missing, news("late"))
        await rig.settle()
        assert order.ending is Ending.ACKNOWLEDGED
        shutil.copytree(tmp_path / "us", tmp_path / "crashed")
    orders = Orders(DIALECT)
    link = Link(US, Tape(tmp_path / "crashed"), Router(None, DIALECT, [orders]), the_clock(), LinkSettings())
    assert [order.ending for order in orders] == [Ending.ACKNOWLEDGED]
    link.close()


async def test_a_checkpoint_is_written_once_nothing_waits(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "us", TapeSettings(checkpoint_records=1))
    async with joined(them=no_retransmission(THEM), handler=Recorder(), store=lambda: tape) as rig:
        missing = rig.them.link.session.next_out
        send_as(rig, missing + 1, news("early"))
        send_as(rig, missing, news("late"))
        await asyncio.sleep(0.2)
        assert not tape.checkpoint_due
