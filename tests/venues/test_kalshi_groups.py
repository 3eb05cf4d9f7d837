"""Order groups: what answers a request, and what is refused before it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import pytest

from fixgw.errors import LocalError, NotLoggedOn, OutcomeUnknown, Rejected
from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.venues.kalshi.groups import OrderGroup, OrderGroups
from fixgw.venues.kalshi.profile import VENUE
from tests.handlers.port import Port

T = TypeVar("T")
GROUP = OrderGroup("770e8400-e29b-41d4-a716-446655440002", 10)


class Desk:
    """A client with its port, and the venue's voice."""

    def __init__(self) -> None:
        self.port = Port()
        self.groups = OrderGroups(VENUE.profile.meanings)
        self.groups.bind(self.port)

    async def asking(self, request: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a request and return once it was sent."""
        sent = len(self.port.sent)
        task = asyncio.ensure_future(request)
        for _ in range(100):
            if len(self.port.sent) > sent:
                return task
            await asyncio.sleep(0)
        raise AssertionError("nothing was sent")

    def tell(self, message: Message) -> None:
        self.groups.on_message(message, Context(self.port, 1))

    @property
    def last(self) -> list[tuple[int, bytes]]:
        return self.port.sent[-1].pairs()[1:]


def confirmed(group_id: str = GROUP.order_group_id, limit: str | None = None) -> Message:
    pairs = [(20130, group_id), (79, "0")]
    return Message("UOH", pairs if limit is None else [*pairs, (20132, limit)])


async def test_a_group_is_made() -> None:
    desk = Desk()
    making = await desk.asking(desk.groups.create(10))
    assert desk.last == [(20131, b"1"), (20132, b"10")]
    desk.tell(confirmed(limit="10"))
    assert await making == GROUP


async def test_a_group_of_a_subaccount_is_asked_for_with_it() -> None:
    desk = Desk()
    making = await desk.asking(desk.groups.create(10, alloc_account="2"))
    assert desk.last == [(20131, b"1"), (20132, b"10"), (79, b"2")]
    desk.tell(Message("UOH", [(20130, "g"), (20132, "10"), (79, "2")]))
    assert (await making).alloc_account == "2"


async def test_a_group_gets_another_limit() -> None:
    desk = Desk()
    changing = await desk.asking(desk.groups.update(GROUP, 20))
    assert desk.last == [(20131, b"5"), (20130, GROUP.order_group_id.encode()), (20132, b"20"), (79, b"0")]
    desk.tell(confirmed(limit="20"))
    assert (await changing).contracts_limit == 20


@pytest.mark.parametrize(
    ("act", "code"),
    [(OrderGroups.reset, b"2"), (OrderGroups.delete, b"3"), (OrderGroups.trigger, b"4")],
)
async def test_what_can_be_done_to_a_group(
    act: Callable[[OrderGroups, OrderGroup], Coroutine[Any, Any, None]], code: bytes
) -> None:
    desk = Desk()
    acting = await desk.asking(act(desk.groups, GROUP))
    assert desk.last == [(20131, code), (20130, GROUP.order_group_id.encode()), (79, b"0")]
    desk.tell(confirmed())
    await acting


async def test_the_answer_about_another_group_is_not_ours() -> None:
    desk = Desk()
    acting = await desk.asking(desk.groups.reset(GROUP))
    desk.tell(confirmed("another"))
    await asyncio.sleep(0)
    assert not acting.done()
    desk.tell(confirmed())
    await acting


async def fails(task: Awaitable[object], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        await task


async def test_the_venue_refuses() -> None:
    desk = Desk()
    acting = await desk.asking(desk.groups.reset(GROUP))
    desk.tell(Message("j", [(45, 1), (372, "D"), (380, "8")]))
    desk.tell(Message("j", [(45, 2), (372, "UOG"), (380, "1"), (58, "ORDER_GROUP_NOT_FOUND")]))
    await fails(acting, Rejected, "ORDER_GROUP_NOT_FOUND")


async def test_the_session_refuses() -> None:
    desk = Desk()
    acting = await desk.asking(desk.groups.reset(GROUP))
    desk.groups.on_reject(Message("3", [(45, 1)]), 1)
    desk.groups.on_reject(Message("3", [(45, 2), (58, "Value is incorrect")]), 2)
    await fails(acting, Rejected, "Value is incorrect")


async def test_a_lost_link_leaves_the_outcome_open() -> None:
    desk = Desk()
    acting = await desk.asking(desk.groups.reset(GROUP))
    desk.groups.on_disconnect()
    await fails(acting, OutcomeUnknown, "link was lost")


async def test_a_request_that_a_resend_left_out_did_not_leave() -> None:
    desk = Desk()
    acting = await desk.asking(desk.groups.reset(GROUP))
    desk.groups.on_not_sent(1)
    desk.groups.on_not_sent(2)
    await fails(acting, OutcomeUnknown, "did not leave")


async def test_no_answer_in_time() -> None:
    desk = Desk()
    acting = await desk.asking(desk.groups.reset(GROUP, timeout=0.01))
    await fails(acting, OutcomeUnknown, r"within 0\.01 s")


async def test_an_answer_that_can_not_be_read() -> None:
    desk = Desk()
    acting = await desk.asking(desk.groups.reset(GROUP))
    desk.tell(Message("UOH", [(79, "0")]))
    await fails(acting, Rejected, "can not be read")


async def test_nothing_is_asked_while_logged_off() -> None:
    desk = Desk()
    desk.port.up = False
    await fails(desk.groups.create(5), NotLoggedOn, "closed")


@pytest.mark.parametrize("limit", [0, 1_000_001])
async def test_a_limit_that_is_none_is_refused_before_it_leaves(limit: int) -> None:
    desk = Desk()
    await fails(desk.groups.create(limit), LocalError, "1 to 1,000,000")
    assert desk.port.sent == []


async def test_without_a_request_nothing_happens() -> None:
    desk = Desk()
    desk.tell(confirmed())
    desk.groups.on_disconnect()
    making = await desk.asking(desk.groups.create(10))
    desk.tell(confirmed(limit="10"))
    assert await making == GROUP
