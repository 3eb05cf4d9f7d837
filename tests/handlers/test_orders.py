"""Orders: what is sent, what each request came to, and what the book knows of it."""

# mypy: disable-error-code=comparison-overlap

from __future__ import annotations

import asyncio
from datetime import datetime
from decimal import Decimal

import pytest

from fixgw.errors import LocalError, NotLoggedOn, NotSent, OutcomeUnknown, Rejected
from fixgw.fix.fieldtypes import STRING, UTC_TIMESTAMP
from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage, field
from fixgw.handlers import orderindex
from fixgw.handlers.order import Ending, Order, OrderState
from fixgw.handlers.orders import Orders, new_cl_ord_id
from fixgw.messages import order_entry
from tests.handlers.port import UNAVAILABLE, Desk, cancel_reject, order, report


@pytest.fixture
def desk() -> Desk:
    return Desk(order_entry.NewOrderSingle, order_entry.OrderCancelReplaceRequest)


def live(desk: Desk, name: str = "a") -> Order:
    """Return an order that the venue has."""
    placed = desk.orders.place(order(cl_ord_id=name))
    desk.hear(name, order_id=f"V-{name}")
    return placed


# -- sending --


async def test_a_submit_fills_in_id_and_time_once(desk: Desk) -> None:
    typed = order()
    placed = await desk.orders.submit(typed)
    [sent] = desk.port.sent
    assert (placed.cl_ord_id, sent.text(11), sent.text(60)) == ("id1", "id1", "20261009-14:30:00.000")
    assert (placed.state, placed.ending, placed.open) == (OrderState.SENT, None, True)
    assert (placed.order_qty, placed.leaves_qty, placed.price) == (10, 10, Decimal("0.55"))
    with pytest.raises(LocalError, match="ClOrdID id1 is in use"):
        await desk.orders.submit(typed)
    assert len(desk.port.sent) == 1


async def test_a_submit_that_fails_leaves_no_trace_and_keeps_its_id(desk: Desk) -> None:
    desk.port.up = False
    typed = order()
    with pytest.raises(NotLoggedOn):
        await desk.orders.submit(typed)
    assert len(desk.orders) == 0
    desk.port.up = True
    assert (await desk.orders.submit(typed)).cl_ord_id == "id1"


def test_an_order_may_be_without_price_and_quantity(desk: Desk) -> None:
    placed = desk.orders.place(order(qty=None, price=None, cl_ord_id="cash"))
    assert (placed.order_qty, placed.price) == (0, None)


def test_ids_are_fresh() -> None:
    assert len({new_cl_ord_id() for _ in range(100)}) == 100
    assert len(new_cl_ord_id()) == 36


async def test_orders_of_no_session_can_not_be_sent() -> None:
    with pytest.raises(NotLoggedOn, match="belongs to no session"):
        await Orders().submit(order())


class Timeless(TypedMessage, msg_type="F"):
    """A cancel of a venue that wants no TransactTime."""

    cl_ord_id: str = field(11, STRING)
    orig_cl_ord_id: str = field(41, STRING)
    side: str = field(54, STRING)
    symbol: str = field(55, STRING)


class Timed(Timeless, msg_type="F"):
    """One that wants it said by the sender."""

    transact_time: datetime | None = field(60, UTC_TIMESTAMP, default=None)


@pytest.mark.parametrize("cancel", [Timeless, Timed])
async def test_the_dialect_of_the_venue_is_spoken(cancel: type[TypedMessage]) -> None:
    desk = Desk(cancel)
    placed = live(desk)
    await desk.orders.cancel(placed)
    assert [tag for tag, _ in desk.port.sent[-1].pairs()] == [35, 11, 41, 54, 55]


async def test_a_replace_says_the_new_terms_and_what_stays(desk: Desk) -> None:
    placed = live(desk)
    change = await desk.orders.replace(placed, price=Decimal("0.60"), text="why")
    sent = desk.port.sent[-1]
    assert {tag: sent.text(tag) for tag in (35, 11, 41, 38, 44, 40, 54, 55, 58)} == {
        35: "G",
        11: change.cl_ord_id,
        41: "a",
        38: "10",
        44: "0.60",
        40: "2",
        54: "1",
        55: "X",
        58: "why",
    }
    desk.hear(change.cl_ord_id, "5", original="a", price="0.60")
    await desk.orders.replace(placed, order_qty=Decimal(3))
    assert (desk.port.sent[-1].text(38), desk.port.sent[-1].text(44)) == ("3", "0.60")


async def test_only_cancels_are_urgent(desk: Desk) -> None:
    placed = live(desk)
    await desk.orders.replace(placed, order_qty=Decimal(3))
    await desk.orders.cancel(placed)
    assert desk.port.urgent == [False, False, True]


async def test_a_closed_order_can_not_be_changed(desk: Desk) -> None:
    placed = live(desk)
    desk.hear("a", "4", leaves=0)
    with pytest.raises(LocalError, match="order a is canceled"):
        await desk.orders.cancel(placed)
    with pytest.raises(LocalError, match="order a is canceled"):
        await desk.orders.replace(placed, order_qty=Decimal(1))


# -- the four endings --


async def test_acknowledged(desk: Desk) -> None:
    latencies: list[float] = []
    desk.orders.ack_seconds = latencies.append
    placed = desk.orders.place(order(cl_ord_id="a"))
    waiting = asyncio.ensure_future(placed.acknowledged(timeout=5))
    await asyncio.sleep(0)
    desk.port.clock.advance(0.25)
    desk.hear("a")
    answer = await waiting
    assert answer is not None
    assert answer.text(150) == "0"
    assert await placed.acknowledged() is answer  # at any later time too
    assert (placed.state, placed.ending, placed.order_id) == (OrderState.NEW, Ending.ACKNOWLEDGED, "V1")
    assert latencies == [pytest.approx(0.25)]
    assert desk.orders.in_flight == 0


@pytest.mark.parametrize(
    "said",
    [
        report("a", "8", text="INSUFFICIENT_BALANCE"),
        Message("j", [(379, "a"), (372, "D"), (380, "0"), (58, "INSUFFICIENT_BALANCE")]),
        Message("j", [(45, "2"), (372, "D"), (380, "0"), (58, "INSUFFICIENT_BALANCE")]),
    ],
)
async def test_refused_by_a_report_or_a_business_reject(desk: Desk, said: Message) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.tell(said)
    with pytest.raises(Rejected, match="INSUFFICIENT_BALANCE") as caught:
        await placed.acknowledged(timeout=1)
    assert caught.value.report is said
    assert (placed.state, placed.text, placed.leaves_qty) == (OrderState.REJECTED, "INSUFFICIENT_BALANCE", 0)
    assert list(placed.reports) == [said]
    assert desk.orders.endings[Ending.REFUSED] == 1


@pytest.mark.parametrize(("told", "known"), [("o7", "o7"), ("NONE", ""), ("0", "")])
async def test_a_refused_order_has_the_id_that_the_venue_keeps_it_under(
    desk: Desk, told: str, known: str
) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    said = report("a", "8", text="INSUFFICIENT_BALANCE")
    said.set(37, told)
    desk.tell(said)
    assert (placed.state, placed.order_id) == (OrderState.REJECTED, known)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (report("a", "8"), "rejected without a text"),
        (Message("j", [(379, "a"), (372, "D"), (380, "3")]), "BusinessRejectReason 3"),
    ],
)
async def test_a_refusal_without_a_text_is_told_by_its_reason(desk: Desk, said: Message, text: str) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.tell(said)
    with pytest.raises(Rejected, match=text):
        await placed.acknowledged()


@pytest.mark.parametrize(
    ("text", "told"), [("no such tag", "no such tag"), (None, "rejected by the session")]
)
async def test_refused_by_a_session_reject(desk: Desk, text: str | None, told: str) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    said = Message("3", [(45, "2")] + ([(58, text)] if text else []))
    desk.orders.on_reject(said, 2)
    desk.orders.on_reject(said, 77)  # not ours
    with pytest.raises(Rejected, match=told) as caught:
        await placed.acknowledged()
    assert caught.value.report is said


async def test_not_sent(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.orders.on_not_sent(2)
    desk.orders.on_not_sent(2)
    with pytest.raises(NotSent, match="never reached") as caught:
        await placed.acknowledged()
    assert caught.value.cl_ord_id == "a"
    assert (placed.state, placed.open, placed.leaves_qty) == (OrderState.NOT_SENT, False, 0)
    again = await desk.orders.submit(order(cl_ord_id="a"))
    desk.hear("a")
    assert again.ending is Ending.ACKNOWLEDGED
    assert placed.ending is Ending.NOT_SENT


async def test_unknown_until_something_settles_it(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.orders.on_disconnect()
    desk.orders.on_disconnect()
    with pytest.raises(OutcomeUnknown, match="link was lost") as caught:
        await placed.acknowledged()
    assert caught.value.cl_ord_id == "a"
    assert (placed.state, placed.open) == (OrderState.UNKNOWN, True)
    assert desk.orders.endings[Ending.UNKNOWN] == 1
    desk.hear("a", "F", cum=10, leaves=0)
    assert await placed.acknowledged() is not None
    assert placed.state is OrderState.FILLED


@pytest.mark.parametrize(
    ("settle", "ending", "state"),
    [
        (lambda desk: desk.hear("a"), Ending.ACKNOWLEDGED, OrderState.NEW),
        (lambda desk: desk.hear("a", "8", text="no"), Ending.REFUSED, OrderState.REJECTED),
        (lambda desk: desk.orders.on_not_sent(2), Ending.NOT_SENT, OrderState.NOT_SENT),
        (lambda desk: desk.hear("a", "8", text=UNAVAILABLE), Ending.UNKNOWN, OrderState.UNKNOWN),
        (lambda desk: desk.hear("a", "A"), Ending.UNKNOWN, OrderState.PENDING_NEW),
    ],
)
@pytest.mark.parametrize("lost", [False, True])
def test_an_unknown_outcome_may_still_turn_out_as_anything(
    desk: Desk, settle: object, ending: Ending, state: OrderState, lost: bool
) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    if lost:
        desk.orders.on_disconnect()
    else:
        desk.hear("a", "8", text=UNAVAILABLE)
        assert placed.state is OrderState.UNKNOWN
    settle(desk)  # type: ignore[operator]
    assert (placed.ending, placed.state) == (ending, state)
    assert desk.orders.endings[Ending.UNKNOWN] == 1


@pytest.mark.parametrize("ending", [Ending.ACKNOWLEDGED, Ending.REFUSED, Ending.NOT_SENT])
def test_every_other_ending_is_final(desk: Desk, ending: Ending) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    ways = {
        Ending.ACKNOWLEDGED: lambda: desk.hear("a"),
        Ending.REFUSED: lambda: desk.hear("a", "8", text="no"),
        Ending.NOT_SENT: lambda: desk.orders.on_not_sent(2),
    }
    ways[ending]()
    for way in (*ways.values(), desk.orders.on_disconnect):
        way()
    assert placed.ending is ending


async def test_no_answer_in_time_decides_nothing(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    with pytest.raises(TimeoutError):
        await placed.acknowledged(timeout=0.001)
    assert (placed.ending, placed.state, desk.orders.in_flight) == (None, OrderState.SENT, 1)
    desk.hear("a")
    await placed.acknowledged(timeout=0.001)


async def test_many_may_wait_for_one_ending(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    gone = asyncio.ensure_future(placed.acknowledged())
    waiting = [asyncio.ensure_future(placed.acknowledged()) for _ in range(3)]
    everything = asyncio.ensure_future(desk.orders.settled())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    desk.hear("a")
    assert len({id(answer) for answer in await asyncio.gather(*waiting)}) == 1
    await everything


# -- life of an order --


def test_fills_add_up(desk: Desk) -> None:
    placed = live(desk)
    desk.hear("a", "F", cum=4, leaves=6, avg_px="0.55")
    assert (placed.state, placed.cum_qty, placed.leaves_qty, placed.avg_px) == (
        OrderState.PARTIALLY_FILLED,
        4,
        6,
        Decimal("0.55"),
    )
    desk.hear("a", "F", cum=10, leaves=0, avg_px="0.545")
    assert (placed.state, placed.open, placed.avg_px) == (OrderState.FILLED, False, Decimal("0.545"))


def test_a_report_counts_once(desk: Desk) -> None:
    placed = live(desk)
    fill = report("a", "F", cum=4, leaves=6)
    for _ in range(3):
        desk.tell(fill)
    assert (placed.cum_qty, desk.orders.duplicates, len(placed.reports)) == (4, 2, 2)


def test_reports_of_status_count_each(desk: Desk) -> None:
    """FIX lets them all carry ExecID 0."""
    placed = live(desk)
    desk.hear("a", "I", cum=1, leaves=9, exec_id="0")
    desk.hear("a", "I", cum=2, leaves=8, exec_id="0")
    assert placed.cum_qty == 2


def test_an_older_report_that_comes_late_takes_nothing_back(desk: Desk) -> None:
    placed = live(desk)
    desk.hear("a", "F", cum=8, leaves=2, avg_px="0.50")
    desk.hear("a", "F", cum=4, leaves=6, avg_px="0.40")
    assert (placed.cum_qty, placed.leaves_qty, placed.avg_px) == (8, 2, Decimal("0.50"))


@pytest.mark.parametrize("kind", ["G", "H"])
def test_a_trade_that_is_busted_or_corrected_does(desk: Desk, kind: str) -> None:
    placed = live(desk)
    desk.hear("a", "F", cum=10, leaves=0)
    assert not placed.open
    desk.hear("a", kind, cum=4, leaves=6)
    assert (placed.cum_qty, placed.leaves_qty, placed.state) == (4, 6, OrderState.PARTIALLY_FILLED)


@pytest.mark.parametrize(("kind", "state"), [("4", OrderState.CANCELED), ("C", OrderState.EXPIRED)])
async def test_an_order_ends(desk: Desk, kind: str, state: OrderState) -> None:
    placed = live(desk)
    waiting = asyncio.ensure_future(placed.closed(timeout=5))
    await asyncio.sleep(0)
    desk.hear("a", kind, cum=3, leaves=0)
    assert await waiting is state
    assert (placed.cum_qty, placed.leaves_qty) == (3, 0)
    assert await placed.closed() is state


async def test_waiting_for_the_end_of_an_open_order_may_time_out(desk: Desk) -> None:
    placed = live(desk)
    with pytest.raises(TimeoutError):
        await placed.closed(timeout=0.001)
    desk.hear("a", "4", leaves=0)
    assert await placed.closed() is OrderState.CANCELED


def test_a_late_fill_after_a_cancel_counts_and_opens_nothing(desk: Desk) -> None:
    placed = live(desk)
    desk.hear("a", "4", cum=0, leaves=0)
    desk.hear("a", "F", cum=3, leaves=7)
    assert (placed.state, placed.cum_qty, placed.leaves_qty) == (OrderState.CANCELED, 3, 0)


@pytest.mark.parametrize("end", [lambda d: d.orders.on_not_sent(2), lambda d: d.hear("a", "8", text="no")])
def test_what_the_venue_reports_as_living_lives(desk: Desk, end: object) -> None:
    """A report contradicts what was believed: facts win, and the order can be cancelled."""
    placed = desk.orders.place(order(cl_ord_id="a"))
    end(desk)  # type: ignore[operator]
    assert not placed.open
    desk.hear("a", "F", cum=3, leaves=7)
    assert (placed.state, placed.open, placed.leaves_qty) == (OrderState.PARTIALLY_FILLED, True, 7)


def test_pending_reports_settle_nothing(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.hear("a", "A")
    assert (placed.state, placed.ending) == (OrderState.PENDING_NEW, None)
    desk.hear("a")
    desk.hear("a", "A")
    assert placed.state is OrderState.NEW
    for kind in "6E":
        desk.hear("a", kind)
        assert placed.state is OrderState.NEW


def test_an_order_refused_at_once_was_pending_before(desk: Desk) -> None:
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.hear("a", "A")
    desk.hear("a", "8", text="no")
    assert (placed.state, placed.ending) == (OrderState.REJECTED, Ending.REFUSED)


def test_a_second_message_with_its_id_refused_does_not_end_a_living_order(desk: Desk) -> None:
    placed = live(desk)
    desk.hear("a", "8", text="ORDER_ALREADY_EXISTS")
    assert (placed.state, placed.ending) == (OrderState.NEW, Ending.ACKNOWLEDGED)


# -- replaces and cancels --


async def test_a_chain_of_replaces(desk: Desk) -> None:
    placed = live(desk)
    first = await desk.orders.replace(placed, price=Decimal("0.60"), order_qty=Decimal(20))
    desk.hear(first.cl_ord_id, "E", original="a")
    assert first.ending is None
    desk.hear(first.cl_ord_id, "5", original="a", leaves=20, price="0.60", order_id="V-a")
    assert await first.acknowledged(timeout=1) is not None
    assert (placed.cl_ord_id, placed.order_qty, placed.price) == ("id1", 20, Decimal("0.60"))
    second = await desk.orders.replace(placed, order_qty=Decimal(5))
    assert desk.port.sent[-1].text(41) == "id1"
    desk.hear(second.cl_ord_id, "5", original="id1", leaves=5)
    assert placed.chain == ["a", "id1", "id2"]
    assert all(desk.orders.get(name) is placed for name in placed.chain)
    assert (placed.order_qty, placed.price) == (5, Decimal("0.60"))
    desk.hear("id2", "F", cum=5, leaves=0)
    assert placed.state is OrderState.FILLED


async def test_a_venue_that_says_no_price_means_the_one_that_was_asked_for(desk: Desk) -> None:
    placed = live(desk)
    change = await desk.orders.replace(placed, price=Decimal("0.60"))
    desk.hear(change.cl_ord_id, "5", original="a")
    assert placed.price == Decimal("0.60")


async def test_a_replace_of_the_same_id_only_changes_terms(desk: Desk) -> None:
    placed = live(desk)
    desk.hear("a", "5", leaves=4)
    assert (placed.chain, placed.order_qty) == (["a"], 4)


async def test_a_race_of_two_replaces(desk: Desk) -> None:
    placed = live(desk)
    first = await desk.orders.replace(placed, order_qty=Decimal(8))
    second = await desk.orders.replace(placed, order_qty=Decimal(6))
    desk.hear(first.cl_ord_id, "5", original="a", leaves=8)
    desk.tell(cancel_reject(second.cl_ord_id, "UNKNOWN_ORDER"))
    assert (first.ending, second.ending) == (Ending.ACKNOWLEDGED, Ending.REFUSED)
    assert (placed.state, placed.order_qty, placed.chain) == (OrderState.NEW, 8, ["a", "id1"])
    with pytest.raises(Rejected, match="UNKNOWN_ORDER"):
        await second.acknowledged()


async def test_a_replace_that_crosses_a_fill(desk: Desk) -> None:
    placed = live(desk)
    change = await desk.orders.replace(placed, order_qty=Decimal(6))
    desk.hear("a", "F", cum=4, leaves=6)
    desk.hear(change.cl_ord_id, "5", original="a", cum=4, leaves=2)
    assert (placed.order_qty, placed.leaves_qty, placed.state) == (6, 2, OrderState.PARTIALLY_FILLED)


async def test_a_replace_to_the_filled_quantity_cancels(desk: Desk) -> None:
    placed = live(desk)
    desk.hear("a", "F", cum=4, leaves=6)
    change = await desk.orders.replace(placed, order_qty=Decimal(4))
    desk.hear(change.cl_ord_id, "4", original="a", cum=4, leaves=0)
    assert change.ending is Ending.ACKNOWLEDGED
    assert (placed.state, placed.cum_qty, placed.leaves_qty) == (OrderState.CANCELED, 4, 0)


@pytest.mark.parametrize("kind", ["8", "9"])
async def test_a_replace_that_is_refused_leaves_the_order_alone(desk: Desk, kind: str) -> None:
    placed = live(desk)
    change = await desk.orders.replace(placed, order_qty=Decimal(4))
    for _ in range(2):  # also when it is told twice
        if kind == "8":
            desk.hear(change.cl_ord_id, "8", original="a", text="SELF_CROSS_ATTEMPT")
        else:
            desk.tell(cancel_reject(change.cl_ord_id, "SELF_CROSS_ATTEMPT"))
    assert change.ending is Ending.REFUSED
    assert (placed.state, placed.open, placed.chain) == (OrderState.NEW, True, ["a"])


async def test_a_replaced_report_that_was_lost_is_made_up_for_by_the_next(desk: Desk) -> None:
    placed = live(desk)
    change = await desk.orders.replace(placed, order_qty=Decimal(20))
    desk.hear(change.cl_ord_id, "F", original="a", cum=1, leaves=19)
    assert change.ending is Ending.ACKNOWLEDGED
    assert placed.cl_ord_id == change.cl_ord_id
    await desk.orders.cancel(placed)
    assert desk.port.sent[-1].text(41) == change.cl_ord_id


async def test_a_cancel_and_a_fill_that_was_faster(desk: Desk) -> None:
    placed = live(desk)
    cancel = await desk.orders.cancel(placed)
    desk.hear("a", "F", cum=10, leaves=0)
    desk.tell(cancel_reject(cancel.cl_ord_id))
    assert placed.state is OrderState.FILLED
    with pytest.raises(Rejected, match="TOO_LATE"):
        await cancel.acknowledged()


async def test_a_cancel_reject_without_a_text_is_told_by_its_reason(desk: Desk) -> None:
    placed = live(desk)
    first, second = await desk.orders.cancel(placed), await desk.orders.cancel(placed)
    desk.tell(cancel_reject(first.cl_ord_id, None, reason="1"))
    desk.tell(cancel_reject(second.cl_ord_id, None))
    assert (first.text, second.text) == ("CxlRejReason 1", "rejected without a reason")


async def test_a_cancel_of_unknown_outcome_leaves_the_order_alone(desk: Desk) -> None:
    placed = live(desk)
    cancel = await desk.orders.cancel(placed)
    desk.tell(cancel_reject(cancel.cl_ord_id, UNAVAILABLE))
    assert (cancel.ending, placed.state) == (Ending.UNKNOWN, OrderState.NEW)
    desk.hear(cancel.cl_ord_id, "4", original="a", leaves=0)
    assert (cancel.ending, placed.state) == (Ending.ACKNOWLEDGED, OrderState.CANCELED)
    assert "F id1 acknowledged" in repr(cancel)


async def test_a_cancel_that_never_left_leaves_the_order_alone(desk: Desk) -> None:
    placed = live(desk)
    cancel = await desk.orders.cancel(placed)
    assert repr(cancel) == "<Request F id1 pending>"
    desk.orders.on_not_sent(cancel.msg_seq_num)
    assert (cancel.ending, placed.state, placed.pending) == (Ending.NOT_SENT, OrderState.NEW, {})


# -- others' orders, and what can not be read --


def test_an_order_of_another_session_is_followed(desk: Desk) -> None:
    desk.hear("theirs", "F", cum=4, leaves=6, order_id="V9", price="0.40")
    [foreign] = desk.orders
    assert (foreign.foreign, foreign.order_qty, foreign.state) == (True, 10, OrderState.PARTIALLY_FILLED)
    assert foreign.snapshot().price == Decimal("0.40")
    desk.hear("other name", "4", cum=4, leaves=0, order_id="V9")
    assert foreign.state is OrderState.CANCELED
    assert len(desk.orders) == 1
    assert desk.orders.endings == dict.fromkeys(Ending, 0)


def test_orders_without_a_cl_ord_id_are_told_apart_by_their_order_id(desk: Desk) -> None:
    desk.tell(report(None, order_id="V1"))
    desk.tell(report(None, order_id="V2"))
    desk.tell(report(None, "4", order_id="V1", leaves=0))
    assert [placed.state for placed in desk.orders] == [OrderState.CANCELED, OrderState.NEW]


def test_an_order_of_another_session_that_was_refused_never_was(desk: Desk) -> None:
    desk.hear("theirs", "8", text="no")
    desk.tell(cancel_reject("theirs"))
    desk.tell(Message("j", [(379, "theirs"), (372, "D"), (380, "0")]))
    assert len(desk.orders) == 0


@pytest.mark.parametrize(
    "said",
    [
        Message("8", [(150, "F")]),
        Message("8", [(37, "V1"), (11, "a"), (17, "e"), (150, "F"), (14, "4")]),
        Message("8", [(37, "V1"), (11, "a"), (17, "e"), (150, "F"), (151, "x"), (14, "4")]),
        Message("8", [(37, "V1"), (11, "a"), (17, "e"), (150, "F"), (151, "6"), (14, "4"), (44, "1e9")]),
        Message("8", [(37, "V1"), (11, "a"), (17, "e"), (150, "F"), (151, "6"), (14, "4"), (6, "NaN")]),
        Message("8", [(37, "V1"), (11, "b"), (17, "e"), (150, "F"), (151, "6"), (14, "4")]),
        Message("9", [(11, "a"), (58, "x"), (102, "y")]),
        Message("j", [(45, "-"), (372, "D"), (380, "0")]),
    ],
)
def test_what_can_not_be_read_changes_nothing(desk: Desk, said: Message) -> None:
    placed = live(desk)
    before = placed.snapshot()
    desk.tell(said)
    assert placed.snapshot() == before
    assert len(desk.orders) == 1
    assert desk.orders.malformed == (said.msg_type != "9")
    desk.hear("a", "F", cum=4, leaves=6, exec_id="e")  # the venue says it again, properly
    assert placed.cum_qty == 4


def test_other_messages_are_none_of_its_business(desk: Desk) -> None:
    desk.tell(Message("B", [(148, "news")]))
    desk.tell(Message("j", [(372, "D"), (380, "0")]))
    assert len(desk.orders) == 0


@pytest.mark.parametrize("msg_type", ["D", "F", "G"])
def test_messages_of_ours_without_an_id_are_not_followed(desk: Desk, msg_type: str) -> None:
    live(desk)
    desk.orders.on_sent(Message(msg_type, [(41, "a"), (55, "X"), (54, "1")]), 9)
    desk.orders.on_sent(Message("B"), 10)
    assert len(desk.orders) == 1
    assert desk.orders.in_flight == 0


# -- keeping --


async def test_a_checkpoint_keeps_all_that_is_known(desk: Desk) -> None:
    placed = live(desk)
    change = await desk.orders.replace(placed, price=Decimal("0.60"), order_qty=Decimal(8))
    desk.hear("a", "F", cum=4, leaves=6, exec_id="fill", avg_px="0.5", order_id="V-a")
    closed = live(desk, "b")
    desk.hear("b", "4", leaves=0, order_id="V-b")
    lost = desk.orders.place(order(cl_ord_id="c", price=None))
    desk.hear("c", "8", text=UNAVAILABLE)
    again = Desk()
    again.orders.load(desk.orders.dump())
    assert again.orders.snapshot() == desk.orders.snapshot()
    assert [o.cl_ord_id for o in again.orders.open] == ["a", "c"]
    again.orders.on_disconnect()
    assert again.orders.endings[Ending.UNKNOWN] == 1  # the replace; the lost one was so before
    again.hear("a", "F", cum=4, leaves=6, exec_id="fill")
    assert again.orders.duplicates == 1
    again.hear(change.cl_ord_id, "5", original="a", cum=4, leaves=4, order_id="V-a")
    kept = again.orders.get("a")
    assert kept is not None
    assert (kept.price, kept.order_qty) == (Decimal("0.60"), 8)
    assert (closed.open, lost.ending) == (False, Ending.UNKNOWN)
    again.hear("x", "F", cum=8, leaves=0, order_id="V-a")  # by OrderID
    assert kept.state is OrderState.FILLED


async def test_what_is_closed_for_long_is_let_go_with_all_that_is_known_of_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orderindex, "CLOSED_KEPT", 3)
    for number in range(50):
        name = f"o{number}"
        placed = live(desk, name)
        change = await desk.orders.replace(placed, order_qty=Decimal(7))
        desk.hear(change.cl_ord_id, "5", original=name, leaves=7)
        refused = await desk.orders.replace(placed, order_qty=Decimal(9))
        desk.tell(cancel_reject(refused.cl_ord_id))
        await desk.orders.cancel(placed)
        desk.orders.on_disconnect()
        desk.hear(placed.cl_ord_id, "F", cum=7, leaves=0)
    book = desk.orders
    assert [placed.chain[0] for placed in book] == ["o47", "o48", "o49"]
    assert len(book._by_id) == 12
    assert len(book._by_order_id) <= 4
    assert len(book._requests) == len(book._by_number) == 3


async def test_an_order_that_lives_again_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orderindex, "CLOSED_KEPT", 1)
    placed = desk.orders.place(order(cl_ord_id="a"))
    desk.orders.on_not_sent(2)
    desk.hear("a", cum=0, leaves=10)
    for name in "bcd":
        live(desk, name)
        desk.hear(name, "4", leaves=0)
    assert desk.orders.get("a") is placed
    desk.hear("a", "4", leaves=0)
    live(desk, "e")
    desk.hear("e", "4", leaves=0)
    assert desk.orders.get("a") is None
