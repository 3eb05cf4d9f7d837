"""Drop-copy queries: what answers them, and what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from fixgw.errors import LocalError, NotLoggedOn, OutcomeUnknown, Rejected
from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.venues.kalshi.dropcopy import DropCopy, ResendRefused, Resent
from fixgw.venues.kalshi.messages import EventResendRejectReason
from fixgw.venues.kalshi.profile import VENUE
from tests.handlers.port import Port, report


async def until(condition: Callable[[], bool]) -> None:
    """Let tasks run until something holds; what it waits for takes a few steps of the loop."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come about")


class Desk:
    """A client with its port, and the venue's voice."""

    def __init__(self) -> None:
        self.port = Port()
        self.copy = DropCopy(VENUE.profile.meanings)
        self.copy.bind(self.port)

    async def asking(self, begin: str, end: str | None = None, patience: float = 5.0) -> asyncio.Task[Resent]:
        """Begin a query and return once it was sent."""
        sent = len(self.port.sent)
        task = asyncio.ensure_future(self.copy.query(begin, end, timeout=patience))
        await until(lambda: len(self.port.sent) > sent)
        return task

    def tell(self, *messages: Message) -> None:
        for message in messages:
            self.copy.on_message(message, Context(self.port, 1))

    def tell_reports(self, *exec_ids: str) -> None:
        self.tell(*(report("a", "F", exec_id=exec_id) for exec_id in exec_ids))


def complete(count: int, ref_seq_num: int = 2) -> Message:
    return Message("U2", [(45, ref_seq_num), (21003, count)])


def refused(reason: str, ref_seq_num: int = 2) -> Message:
    return Message("U3", [(45, ref_seq_num), (21004, reason)])


async def test_the_reports_of_the_range_come_in_the_order_of_their_ids() -> None:
    desk = Desk()
    query = await desk.asking("9;1", "10;5")
    assert desk.port.sent[0].pairs()[1:] == [(21001, b"9;1"), (21002, b"10;5")]
    desk.tell_reports("10;1", "9;2")
    desk.tell(complete(2))
    resent = await query
    assert [one.exec_id for one in resent.reports] == ["9;2", "10;1"]
    assert resent.complete


async def test_live_reports_in_between_are_not_part_of_it() -> None:
    desk = Desk()
    query = await desk.asking("9;1", "9;9")
    desk.tell_reports("9;5", "10;1", "8;1", "9;6;1", "-1;-1")
    desk.tell(complete(1))
    assert [one.exec_id for one in (await query).reports] == ["9;5"]


async def test_a_report_that_comes_twice_counts_once() -> None:
    desk = Desk()
    query = await desk.asking("9;1")
    desk.tell_reports("9;5", "9;5")
    desk.tell(complete(1))
    assert (await query).complete


async def test_fewer_reports_than_announced_are_not_complete() -> None:
    desk = Desk()
    query = await desk.asking("9;1")
    desk.tell_reports("9;5")
    desk.tell(complete(2))
    assert not (await query).complete


async def test_the_end_of_another_query_is_not_ours() -> None:
    desk = Desk()
    query = await desk.asking("9;1")
    desk.tell(complete(7, ref_seq_num=99), refused("2", ref_seq_num=99), complete(0))
    assert (await query).announced == 0


@pytest.mark.parametrize("reason", EventResendRejectReason)
async def test_each_refusal_says_what_to_do(reason: EventResendRejectReason) -> None:
    desk = Desk()
    query = await desk.asking("9;1")
    desk.tell(refused(reason.value))
    with pytest.raises(
        ResendRefused, match=VENUE.profile.meanings.codes[21004][reason].split(":")[0]
    ) as caught:
        await query
    assert caught.value.reason is reason


async def test_a_reason_that_is_not_known_arrives_whole() -> None:
    desk = Desk()
    query = await desk.asking("9;1")
    desk.tell(refused("77"))
    with pytest.raises(ResendRefused, match="77: the venue gave a reason that is not in its table"):
        await query


async def test_a_business_reject_of_the_query_ends_it() -> None:
    desk = Desk()
    query = await desk.asking("9;1")
    desk.tell(
        Message("j", [(45, 1), (372, "U1"), (380, "0")]),
        Message("j", [(45, 2), (372, "U1"), (380, "8"), (58, "rate limit exceeded")]),
    )
    with pytest.raises(Rejected, match="rate limit exceeded"):
        await query


async def test_a_reject_of_the_query_ends_it() -> None:
    desk = Desk()
    query = await desk.asking("9;1")
    desk.copy.on_reject(Message("3", [(45, 1), (58, "another")]), 1)
    desk.copy.on_reject(Message("3", [(45, 2), (58, "Undefined tag received")]), 2)
    with pytest.raises(Rejected, match="Undefined tag received"):
        await query


async def test_a_lost_link_leaves_the_outcome_open() -> None:
    desk = Desk()
    query = await desk.asking("9;1")
    desk.copy.on_disconnect()
    desk.tell(complete(0))
    with pytest.raises(OutcomeUnknown, match="link was lost"):
        await query


async def test_a_venue_that_does_not_end_is_not_waited_for() -> None:
    desk = Desk()
    query = await desk.asking("9;1", patience=0.01)
    with pytest.raises(OutcomeUnknown, match=r"within 0\.01 s"):
        await query


async def test_an_answer_that_can_not_be_read_ends_it() -> None:
    desk = Desk()
    query = await desk.asking("9;1")
    desk.tell(Message("U2", [(45, 2), (21003, "many")]))
    with pytest.raises(Rejected, match="can not be read"):
        await query


async def test_queries_wait_for_one_another() -> None:
    desk = Desk()
    first = await desk.asking("9;1")
    second = asyncio.ensure_future(desk.copy.query("10;1", timeout=5))
    await asyncio.sleep(0)
    assert len(desk.port.sent) == 1
    desk.tell(complete(0))
    await first
    await until(lambda: len(desk.port.sent) == 2)
    desk.tell_reports("10;1")
    desk.tell(complete(1, ref_seq_num=3))
    assert (await second).complete


async def test_nothing_is_asked_while_logged_off() -> None:
    desk = Desk()
    desk.port.up = False
    with pytest.raises(NotLoggedOn):
        await desk.copy.query("9;1")


async def test_nothing_is_asked_without_a_session() -> None:
    with pytest.raises(NotLoggedOn, match="no session"):
        await DropCopy(VENUE.profile.meanings).query("9;1")


@pytest.mark.parametrize(
    ("begin", "end", "fault"),
    [
        ("-1;-1", None, "is no ExecID"),
        ("9;1", "x", "is no ExecID"),
        ("9;1", "8;1", "is no range"),
        ("9;1", "9;2;1", "is no range"),
    ],
)
async def test_a_range_that_is_none_is_refused_before_it_leaves(
    begin: str, end: str | None, fault: str
) -> None:
    desk = Desk()
    with pytest.raises(LocalError, match=fault):
        await desk.copy.query(begin, end)
    assert desk.port.sent == []


async def test_without_a_query_nothing_is_kept() -> None:
    desk = Desk()
    desk.tell_reports("9;1")
    desk.copy.on_reject(Message("3", [(45, 2)]), 2)
    desk.copy.on_disconnect()
    desk.copy.on_reset(2, 0)
    desk.copy.load(desk.copy.dump())
    query = await desk.asking("9;1")
    desk.tell(complete(0))
    assert (await query).reports == ()
