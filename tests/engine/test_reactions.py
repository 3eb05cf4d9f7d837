"""Each event of a session has its consequence."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import get_args

import pytest

from fixgw.engine.link import Link
from fixgw.engine.reactions import REACTIONS
from fixgw.engine.settings import LinkSettings
from fixgw.errors import Reject
from fixgw.fix.framing import seal
from fixgw.fix.message import Message
from fixgw.handlers.base import Book
from fixgw.handlers.router import Router
from fixgw.session import events
from fixgw.session.outcome import CloseCode
from fixgw.store.memory import MemoryStore
from fixgw.transport.memory import MemoryNetwork
from tests.engine.rig import THEM, US, Recorder, joined, no_retransmission, settle, the_clock
from tests.engine.test_dispatch import news, told
from tests.engine.test_reception import Client, logon


class GapBook(Book):
    name = "gaps"

    def __init__(self) -> None:
        self.gaps: list[tuple[int, int]] = []

    def on_gap(self, first: int, last: int) -> None:
        self.gaps.append((first, last))


def test_every_event_has_a_row() -> None:
    assert set(REACTIONS) == set(get_args(events.Event)) - {Message}


async def test_a_lost_gap_is_told_to_books_the_handler_and_the_log(caplog: pytest.LogCaptureFixture) -> None:
    handler = Recorder()
    us, them = no_retransmission(US), no_retransmission(THEM)
    async with joined(us, them, handler=handler) as rig:
        book = GapBook()
        rig.us.link.router.books.append(book)
        theirs = rig.them.link.session
        theirs.next_out += 3
        await told(rig, "after the gap")
        assert handler.events[-1] == "gap 2-4"
        assert book.gaps == [(2, 4)]
        assert len(handler.messages) == 1
        [lost] = [record for record in caplog.records if record.message == "messages lost"]
        assert (vars(lost)["first"], vars(lost)["last"]) == (2, 4)


async def test_numbers_that_begin_anew_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "fixgw.link")
    async with joined() as rig:
        caplog.clear()
        rig.us.link.turn(rig.us.link.session.reset(rig.us.link.now()))
        await rig.settle()
        told = [record for record in caplog.records if record.message == "numbers are back to 1"]
        assert [vars(one)["session"] for one in told] == ["us", "them"]


async def test_garbage_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with joined() as rig:
        stream = rig.them.link._stream
        assert stream is not None
        stream.write(b"8=FIXT.1.1\x019=5\x0135=X\x0110=000\x01")
        await rig.settle()
        [garbled] = [record for record in caplog.records if record.message == "garbled bytes skipped"]
        assert vars(garbled)["session"] == "us"


async def test_the_text_of_a_reject_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with joined() as rig:
        rig.them.link.refuse(Reject(5, "no\n\x1b[31mFAKE"), Message("D"))
        await rig.settle()
        [rejected] = [r for r in caplog.records if r.message == "message rejected by the peer"]
        assert vars(rejected)["text"] == "no\\n\\x1b[31mFAKE"


async def test_a_peer_with_another_heartbeat_is_an_alarm(caplog: pytest.LogCaptureFixture) -> None:
    network, client = MemoryNetwork(), Client()
    network.listen("venue", lambda: client)
    link = Link(replace(US, heart_bt_int=30), MemoryStore(), Router(None, ()), the_clock(), LinkSettings())
    await network.connector("venue").connect(lambda: link)
    await settle()
    answer = logon(1, (141, True)).replace(b"108=30", b"108=20")
    swapped = answer.replace(b"49=US", b"49=XX").replace(b"56=THEM", b"56=US").replace(b"49=XX", b"49=THEM")
    client.say(seal(b"FIXT.1.1", swapped[swapped.index(b"35=") : -7]))
    await settle()
    assert link.session.active
    assert any("HeartBtInt" in str(vars(record).get("why")) for record in caplog.records)
    link.close()


async def test_round_trips_of_heartbeats_are_measured() -> None:
    async with joined() as rig:
        theirs = rig.them.link
        theirs.session.liveness.stop()  # it answers, but says nothing by itself
        await asyncio.sleep(100.0)
        assert rig.us.active
        assert rig.us.snapshot().heartbeats.count >= 1


async def test_a_session_that_nobody_judges_stays_outside() -> None:
    network = MemoryNetwork()
    link = Link(THEM, MemoryStore(), Router(None, ()), the_clock(), LinkSettings())
    network.listen("door", lambda: link)
    client = Client()
    network.join("door", lambda: client)
    client.say(logon())
    await asyncio.sleep(11.0)
    assert client.lost.done()
    assert (await link.ended()).reason.code is CloseCode.LOGON_TIMEOUT
    link.logout("nobody is there")
    link.close()


async def test_a_logon_waits_for_whoever_still_waits() -> None:
    network = MemoryNetwork()
    client = Client()
    network.listen("venue", lambda: client)
    link = Link(US, MemoryStore(), Router(None, ()), the_clock(), LinkSettings())
    waiting = asyncio.ensure_future(link.became_active())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    await network.connector("venue").connect(lambda: link)
    assert not link.session.active
    link.close()
    assert link.connections == 1


async def test_a_cancelled_waiter_does_not_disturb_the_logon() -> None:
    async with joined(wait="none") as rig:
        waiting = asyncio.ensure_future(rig.link.became_active())
        await asyncio.sleep(0)
        waiting.cancel()
        await rig.us.logged_on()
        rig.us.send(news("up"))


async def test_a_link_that_is_closed_while_connected_tells_its_end() -> None:
    handler = Recorder()
    network = MemoryNetwork()
    client = Client()
    network.listen("venue", lambda: client)
    store = MemoryStore()
    link = Link(US, store, Router(handler, ()), the_clock(), LinkSettings())
    await network.connector("venue").connect(lambda: link)
    link.close()
    await settle()
    assert handler.events == ["disconnect stopped"]
    assert client.lost.done()
    assert (await link.ended()).reason.code is CloseCode.STOPPED
