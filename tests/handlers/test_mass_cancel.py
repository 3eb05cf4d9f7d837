"""Mass cancels: the verdict, and the end of each order."""

from __future__ import annotations

import asyncio

import pytest

from fixgw.errors import LocalError, NotSent, OutcomeUnknown, Rejected
from fixgw.fix.message import Message
from fixgw.handlers.mass_cancel import KEPT
from fixgw.handlers.meanings import Meanings
from fixgw.handlers.order import Ending, OrderState
from fixgw.handlers.orders import Orders
from fixgw.venues.kalshi import messages as kalshi
from tests.handlers.port import Desk, order


@pytest.fixture
def desk() -> Desk:
    desk = Desk(*kalshi.MESSAGES)
    for name in "ab":
        desk.orders.place(order(cl_ord_id=name))
        desk.hear(name, order_id=f"V-{name}")
    return desk


def verdict(cl_ord_id: str, response: str = "6", *more: tuple[int, str]) -> Message:
    return Message("r", [(11, cl_ord_id), (37, "M1"), (531, response), *more])


async def test_a_mass_cancel_says_what_it_is(desk: Desk) -> None:
    asked = await desk.orders.mass_cancel()
    assert desk.port.sent[-1].pairs() == [(35, b"q"), (11, asked.cl_ord_id.encode()), (530, b"6")]
    assert desk.port.urgent[-1]
    assert [one.cl_ord_id for one in asked.orders] == ["a", "b"]
    assert desk.orders.in_flight == 1


async def test_the_verdict_comes_first_and_then_each_order(desk: Desk) -> None:
    asked = await desk.orders.mass_cancel()
    waiting = asyncio.ensure_future(asked.closed(timeout=5))
    said = verdict(asked.cl_ord_id)
    desk.tell(said)
    assert await asked.acknowledged(timeout=1) is said
    assert (asked.response, asked.reject_reason, asked.ended) == ("6", "", ())
    desk.hear("a", "4", leaves=0, order_id="V-a")
    assert [one.cl_ord_id for one in asked.ended] == ["a"]
    desk.hear(asked.cl_ord_id, "4", original="b", leaves=0, order_id="V-b")
    assert {one.state for one in await waiting} == {OrderState.CANCELED}
    assert desk.orders.in_flight == 0


async def test_a_refusal_brings_its_reason(desk: Desk) -> None:
    asked = await desk.orders.mass_cancel()
    desk.tell(verdict(asked.cl_ord_id, "0", (532, "99")))
    with pytest.raises(Rejected, match="MassCancelRejectReason 99"):
        await asked.closed(timeout=1)
    assert (asked.response, asked.reject_reason) == ("0", "99")


async def test_a_refusal_with_a_text_is_told_by_it(desk: Desk) -> None:
    asked = await desk.orders.mass_cancel()
    desk.tell(verdict(asked.cl_ord_id, "0", (58, "EXCHANGE_PAUSED")))
    with pytest.raises(Rejected, match="EXCHANGE_PAUSED"):
        await asked.acknowledged(timeout=1)


@pytest.mark.parametrize("named", [(45, "4"), (379, "id1")])
async def test_one_too_many_a_second_is_refused_with_what_to_do(named: tuple[int, str]) -> None:
    desk = Desk()
    desk.orders = Orders(
        kalshi.MESSAGES, meanings=Meanings({}, {380: {"8": "send less"}}), cl_ord_ids=lambda: "id1"
    )
    desk.orders.bind(desk.port)
    desk.port.sent = [Message("0"), Message("0")]
    asked = await desk.orders.mass_cancel()
    desk.tell(Message("j", [named, (372, "q"), (380, "8"), (58, "rate limit exceeded")]))
    with pytest.raises(Rejected, match="rate limit exceeded: send less"):
        await asked.acknowledged(timeout=1)


async def test_every_ending_of_a_request_is_one_of_a_mass_cancel(desk: Desk) -> None:
    refused, unsent, lost = [await desk.orders.mass_cancel() for _ in range(3)]
    desk.orders.on_reject(Message("3", [(45, str(refused.msg_seq_num)), (58, "no")]), refused.msg_seq_num)
    desk.orders.on_not_sent(unsent.msg_seq_num)
    desk.orders.on_disconnect()
    assert [one.ending for one in (refused, unsent, lost)] == [
        Ending.REFUSED,
        Ending.NOT_SENT,
        Ending.UNKNOWN,
    ]
    with pytest.raises(NotSent):
        await unsent.acknowledged()
    with pytest.raises(OutcomeUnknown):
        await lost.closed()
    desk.tell(verdict(lost.cl_ord_id))
    assert lost.ending is Ending.ACKNOWLEDGED


async def test_a_number_of_a_former_epoch_names_no_mass_cancel(desk: Desk) -> None:
    asked = await desk.orders.mass_cancel()
    number = asked.msg_seq_num
    desk.orders.on_reset(2, 0)
    desk.orders.on_not_sent(number)
    assert asked.ending is None


async def test_only_so_many_that_were_lost_are_kept(desk: Desk) -> None:
    lost = [await desk.orders.mass_cancel() for _ in range(KEPT + 1)]
    desk.orders.on_disconnect()
    desk.orders.on_reset(2, 0)
    assert desk.orders.doubtful == lost[1:]


def test_inside_a_turn_it_is_sent_without_waiting(desk: Desk) -> None:
    desk.orders.request_mass_cancel()
    assert desk.port.sent[-1].msg_type == "q"


async def test_a_venue_without_one_says_so() -> None:
    with pytest.raises(LocalError, match="no mass cancel; cancel each order"):
        await Desk().orders.mass_cancel()


async def test_a_verdict_that_nobody_asked_for_changes_nothing(desk: Desk) -> None:
    desk.tell(verdict("stranger"))
    assert len(desk.orders.open) == 2
