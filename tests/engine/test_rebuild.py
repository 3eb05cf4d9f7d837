"""What a book knows after a crash: everything it knew before, and nothing twice."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from fixgw.engine.link import Link
from fixgw.engine.recovery import Rebuild
from fixgw.engine.settings import LinkSettings
from fixgw.fix.message import FrameEncoder, Message
from fixgw.handlers.order import Ending
from fixgw.handlers.orders import Orders
from fixgw.handlers.router import Router
from fixgw.records import Flag, Kind, Record
from fixgw.store.base import Stored
from fixgw.store.tape import Tape, TapeSettings
from tests.engine.orders import new_order, report
from tests.engine.rig import DIALECT, THEM, US, Recorder, Rig, joined, no_retransmission, the_clock
from tests.engine.test_dispatch import news, told
from tests.session.desk import Desk


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


async def test_what_waited_when_the_process_was_killed_counts_when_it_comes_again() -> None:
    encoder = FrameEncoder("FIXT.1.1", "THEM", "US")
    answer = report("a")

    def record(kind: Kind, flags: int, number: int, next_in: int, message: Message | None = None) -> Record:
        frame = encoder.encode(message, number, b"20261120-12:00:00.000") if message is not None else b""
        return Record(kind, flags, 1, number, 3, next_in, 0, frame)

    orders = Orders(DIALECT)
    async with joined() as rig:
        stored = Stored(
            since=[
                record(Kind.FRAME, Flag.OUTBOUND, 2, 4, new_order(cl_ord_id="a").message),
                record(Kind.FRAME, Flag.WAITING, 5, 4, answer),
                record(Kind.CONNECT, 0, 0, 4),  # the former connection ended without a word
                record(Kind.FRAME, 0, 4, 5, news("resent")),
                record(Kind.FRAME, 0, 5, 6, answer),
            ]
        )
        Rebuild([orders], rig.link).run(stored)
    assert [order.ending for order in orders] == [Ending.ACKNOWLEDGED]
    assert orders.duplicates == 0


async def test_what_waited_and_was_refused_in_the_end_is_not_told_to_books() -> None:
    encoder = FrameEncoder("FIXT.1.1", "THEM", "US")

    def record(flags: int, number: int, next_in: int, message: Message) -> Record:
        frame = encoder.encode(message, number, b"20261120-12:00:00.000")
        return Record(Kind.FRAME, flags, 1, number, 3, next_in, 0, frame)

    orders = Orders(DIALECT)
    async with joined() as rig:
        stored = Stored(
            since=[
                record(Flag.OUTBOUND, 2, 4, new_order(cl_ord_id="a").message),
                record(Flag.WAITING, 5, 4, report("a")),
                record(Flag.ADMIN | Flag.POSS_DUP, 5, 4, report("a")),
                record(0, 4, 6, news("resent")),
            ]
        )
        Rebuild([orders], rig.link).run(stored)
    assert [order.ending for order in orders] == [Ending.UNKNOWN]


@pytest.mark.parametrize("field", ["-1=x", "0=x", "x", "95=9\x0196=short"])
async def test_a_refused_message_that_does_not_parse_does_not_keep_a_session_from_starting(
    field: str,
) -> None:
    async with joined() as rig:
        desk = Desk.on()
        desk.say("8", 2, "11=a", field)
        orders = Orders(DIALECT)
        Rebuild([orders], rig.link).run(Stored(since=desk.store.records))
    assert list(orders) == []
