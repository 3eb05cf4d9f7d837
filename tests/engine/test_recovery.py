"""After a restart: books as they were, what is unknown named so, and the venue's ResendRequest settles it."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from fixgw.engine.numbers import set_numbers
from fixgw.engine.recovery import Rebuild
from fixgw.errors import NotSent, OutcomeUnknown, Reject, Rejected
from fixgw.fix.message import Message
from fixgw.handlers.order import Ending, Order, OrderSnapshot, OrderState
from fixgw.handlers.orders import Orders
from fixgw.records import Flag, Kind, Record
from fixgw.session.hooks import ResendEverything
from fixgw.store.base import Stored
from fixgw.store.tape import Tape, TapeSettings
from tests.engine.orders import Acknowledging, new_order, report
from tests.engine.rig import US, Counterparty, Rig, joined, standing
from tests.engine.stores import FailingStore
from tests.engine.test_dispatch import Failing, told
from tests.wire import wire


def forget(party: Counterparty, next_in: int) -> None:
    """Let the venue lack what came from this number on."""
    set_numbers(party.link, next_in=next_in, next_out=None, reason="test")


def order_of(rig: Rig, cl_ord_id: str) -> Order:
    found = rig.gateway.orders.get(cl_ord_id)
    assert found is not None
    return found


def seen(rig: Rig) -> list[OrderSnapshot]:
    return rig.gateway.orders.snapshot()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "us"


def crash(path: Path) -> Path:
    """Return the tape of a process that is killed now."""
    copy = path.with_name(path.name + "-crashed")
    shutil.copytree(path, copy)
    return copy


async def _trade(rig: Rig) -> None:
    """Leave orders in every state behind."""
    orders = rig.gateway.orders
    new = await orders.submit(new_order(cl_ord_id="new"))
    replaced = await orders.submit(new_order(cl_ord_id="replaced"))
    await orders.submit(new_order(cl_ord_id="filled"))
    canceled = await orders.submit(new_order(cl_ord_id="canceled"))
    await rig.settle()
    await (await orders.replace(replaced, order_qty=Decimal(7), price=Decimal("0.50"))).acknowledged(1)
    await (await orders.cancel(canceled)).acknowledged(1)
    rig.them.link.send(report("filled", "F", leaves=0, cum=10))
    rig.them.link.send(report("new", "F", leaves=6, cum=4))
    await rig.settle()
    assert new.state is OrderState.PARTIALLY_FILLED


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("checkpoint", [False, True])
async def test_books_are_as_they_were(path: Path, killed: bool, checkpoint: bool) -> None:
    venue = Acknowledging()
    async with standing(handler=venue) as peer:
        async with joined(store=lambda: Tape(path), peer=peer) as rig:
            await _trade(rig)
            if checkpoint:
                rig.link.upkeep.checkpoint()
            await (await rig.gateway.orders.submit(new_order(cl_ord_id="later"))).acknowledged(1)
            before = seen(rig)
            after_crash, next_out = crash(path), rig.link.session.next_out
        if killed:
            forget(peer[1], next_out)  # the Logout of a process that was killed never was
        async with joined(store=lambda: Tape(after_crash if killed else path), peer=peer) as rig:
            assert seen(rig) == before
            assert [order.cl_ord_id for order in rig.gateway.orders.open] == [
                "new",
                seen(rig)[1].cl_ord_id,
                "later",
            ]
            replaced = order_of(rig, "replaced")
            assert (len(replaced.chain), replaced.order_qty, replaced.price) == (
                2,
                Decimal(7),
                Decimal("0.50"),
            )
            await (await rig.gateway.orders.cancel(replaced)).acknowledged(1)
            assert venue.messages[-1].text(41) == replaced.chain[1]


async def test_what_was_in_flight_is_unknown_and_the_venues_request_settles_it(path: Path) -> None:
    """Orders and replaces that the venue lacks never execute late; cancels are sent again."""
    venue = Acknowledging()
    async with standing(handler=venue) as (network, party):
        async with joined(store=lambda: Tape(path), peer=(network, party)) as rig:
            live = await rig.gateway.orders.submit(new_order(cl_ord_id="live"))
            await live.acknowledged(1)
            venue.answer = False
            lacked = rig.link.session.next_out
            stale = await rig.gateway.orders.submit(new_order(cl_ord_id="stale"))
            change = await rig.gateway.orders.replace(live, order_qty=Decimal(5))
            cancel = await rig.gateway.orders.cancel(live)
            await rig.settle()
            network.cut()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            for request in (stale, change, cancel):
                with pytest.raises(OutcomeUnknown):
                    await request.acknowledged(1)
            after_crash = crash(path)
        forget(party, lacked)
        venue.messages.clear()
        venue.answer = True
        async with joined(store=lambda: Tape(after_crash), peer=(network, party), wait="none") as rig:
            assert order_of(rig, "stale").ending is Ending.UNKNOWN
            assert {request.ending for request in order_of(rig, "live").pending.values()} == {Ending.UNKNOWN}
            await rig.us.logged_on()
            await rig.settle()
            with pytest.raises(NotSent):
                await order_of(rig, "stale").acknowledged(1)
            assert order_of(rig, "stale").state is OrderState.NOT_SENT
            assert venue.types == "F"  # and nothing else was sent again
            assert order_of(rig, "live").state is OrderState.CANCELED
            assert rig.gateway.orders.in_flight == 0
            assert rig.us.snapshot().orders.not_sent == 2  # type: ignore[union-attr]
            assert rig.link.session.next_out == party.link.session.next_in
            retry = await rig.gateway.orders.submit(new_order(cl_ord_id="stale"))
            await retry.acknowledged(1)
        async with joined(store=lambda: Tape(after_crash), peer=(network, party)) as rig:
            assert order_of(rig, "stale").state is OrderState.NEW


async def test_a_gap_fill_is_remembered_over_another_crash(path: Path) -> None:
    venue = Acknowledging()
    venue.answer = False
    async with standing(handler=venue) as (network, party):
        async with joined(store=lambda: Tape(path), peer=(network, party)) as rig:
            lacked = rig.link.session.next_out
            await rig.gateway.orders.submit(new_order(cl_ord_id="stale"))
            await rig.settle()
        forget(party, lacked)
        async with joined(store=lambda: Tape(path), peer=(network, party)) as rig:
            await rig.settle()
            assert order_of(rig, "stale").ending is Ending.NOT_SENT
            after_crash = crash(path)
        async with joined(store=lambda: Tape(after_crash), peer=(network, party), wait="none") as rig:
            assert order_of(rig, "stale").ending is Ending.NOT_SENT


async def test_an_unknown_order_is_settled_by_a_later_report(path: Path) -> None:
    venue = Acknowledging()
    venue.answer = False
    async with standing(handler=venue) as (network, party):
        async with joined(store=lambda: Tape(path), peer=(network, party)) as rig:
            await rig.gateway.orders.submit(new_order(cl_ord_id="slow"))
            await rig.settle()
        async with joined(store=lambda: Tape(path), peer=(network, party)) as rig:
            slow = order_of(rig, "slow")
            assert slow.state is OrderState.UNKNOWN
            party.link.send(report("slow", "F", leaves=0, cum=10))
            await rig.settle()
            assert (slow.ending, slow.state) == (Ending.ACKNOWLEDGED, OrderState.FILLED)


@pytest.mark.parametrize("checkpoint", [False, True])
async def test_a_fill_that_comes_again_counts_once(path: Path, checkpoint: bool) -> None:
    async with standing(handler=Acknowledging()) as (network, party):
        async with joined(store=lambda: Tape(path), peer=(network, party)) as rig:
            placed = await rig.gateway.orders.submit(new_order(cl_ord_id="o"))
            await placed.acknowledged(1)
            fill = report("o", "F", leaves=7, cum=3, exec_id="fill-1")
            party.link.send(fill)
            party.link.send(report("o", "F", leaves=7, cum=3, exec_id="fill-1"))
            await rig.settle()
            assert rig.gateway.orders.duplicates == 1
            if checkpoint:
                rig.link.upkeep.checkpoint()
            await rig.gateway.logout("us")
            await rig.settle()
            await rig.gateway.set_numbers("us", 2, None, "see it all again")
            await rig.gateway.logon("us")
            await rig.us.logged_on()
            await rig.settle()
            assert rig.link.session.next_in == party.link.session.next_out
            assert rig.gateway.orders.duplicates >= 3
            assert (placed.cum_qty, placed.state) == (Decimal(3), OrderState.PARTIALLY_FILLED)
        async with joined(store=lambda: Tape(path), peer=(network, party)) as rig:
            party.link.send(report("o", "F", leaves=7, cum=3, exec_id="fill-1"))
            await rig.settle()
            assert rig.gateway.orders.duplicates == 1
            assert order_of(rig, "o").cum_qty == 3


async def test_numbers_set_back_by_hand_leave_older_orders_alone(path: Path) -> None:
    """Their numbers are used again, by other messages, which a gap fill may name."""
    venue = Acknowledging()
    venue.answer = False
    async with standing(handler=venue) as (network, party):
        async with joined(store=lambda: Tape(path), peer=(network, party)) as rig:
            number = rig.link.session.next_out
            old = await rig.gateway.orders.submit(new_order(cl_ord_id="old"))
            await rig.settle()
            await rig.gateway.logout("us")
            await rig.settle()
            await rig.gateway.set_numbers("us", None, number - 1, "the venue says so")
            forget(party, number - 1)
            await rig.gateway.logon("us")
            await rig.us.logged_on()
            new = await rig.gateway.orders.submit(new_order(cl_ord_id="new"))
            assert new.request.msg_seq_num == old.request.msg_seq_num or old.request.msg_seq_num == 0
            await rig.settle()
            await rig.gateway.logout("us")
            await rig.settle()
            forget(party, number)
            await rig.gateway.logon("us")
            await rig.us.logged_on()
            await rig.settle()
            assert (old.ending, new.ending) == (Ending.UNKNOWN, Ending.NOT_SENT)
            after_crash = crash(path)
        async with joined(store=lambda: Tape(after_crash), peer=(network, party), wait="none") as rig:
            assert order_of(rig, "old").ending is Ending.UNKNOWN
            assert order_of(rig, "new").ending is Ending.NOT_SENT


async def test_numbers_set_by_hand_count_where_the_handlers_stand(path: Path) -> None:
    first, second = Failing(), Failing()
    async with standing() as (network, party):
        async with joined(handler=first, store=lambda: Tape(path), peer=(network, party)) as rig:
            await told(rig, "a")
            await rig.gateway.logout("us")
            await rig.settle()
            await rig.gateway.set_numbers("us", 2, None, "test")
            await rig.gateway.logon("us")
            await rig.us.logged_on()
            await told(rig, "b")
        assert first.seen == ["a", "a", "b"]
        async with joined(handler=second, store=lambda: Tape(path), peer=(network, party)) as rig:
            await told(rig, "c")
        assert second.seen == ["c"]


async def test_what_can_not_be_read_does_not_keep_a_session_from_starting(path: Path) -> None:
    """Garbage from the peer, and messages of our own that are no proper orders, are on the tape too."""
    async with standing() as (network, party):
        async with joined(store=lambda: Tape(path), peer=(network, party)) as rig:
            rig.us.send(Message("D", [(11, "no symbol")]))
            rig.us.send(Message("F", [(11, "no original")]))
            stream = party.link._stream
            assert stream is not None
            stream.write(b"8=FIXT.1.1\x019=5\x0135=X\x0110=000\x01 and so on")
            await rig.settle()
            party.link.send(Message("j", [(45, "no number"), (372, "D"), (380, "0")]))
            party.link.send(Message("8", [(11, "x"), (150, "0")]))
            party.link.send(Message("9", [(11, "x")]))
            await rig.settle()
            assert rig.gateway.orders.malformed == 2
            after_crash, next_out = crash(path), rig.link.session.next_out
        forget(party, next_out)
        async with joined(store=lambda: Tape(after_crash), peer=(network, party)) as rig:
            assert rig.us.active
            assert rig.gateway.orders.malformed >= 3


async def test_a_reject_of_our_order_is_remembered(path: Path) -> None:
    venue = Acknowledging()
    venue.answer = False
    async with standing(handler=venue) as (network, party):
        async with joined(store=lambda: Tape(path), peer=(network, party)) as rig:
            placed = await rig.gateway.orders.submit(new_order(cl_ord_id="bad"))
            await rig.settle()
            party.link.refuse(Reject(5, "no such symbol"), venue.messages[0])
            await rig.settle()
            with pytest.raises(Rejected, match="no such symbol"):
                await placed.acknowledged(1)
            after_crash = crash(path)
        async with joined(store=lambda: Tape(after_crash), peer=(network, party), wait="none") as rig:
            bad = order_of(rig, "bad")
            assert (bad.ending, bad.state) == (Ending.REFUSED, OrderState.REJECTED)


async def test_notes_of_the_store_go_to_the_log_and_on_the_tape(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with standing() as peer:
        async with joined(store=lambda: Tape(path), peer=peer):
            pass
        with (path / sorted(p.name for p in path.glob("*.tape"))[0]).open("ab") as tape:
            tape.write(b"torn")
        async with joined(store=lambda: Tape(path), peer=peer):
            assert any("unfinished write" in str(vars(r).get("note")) for r in caplog.records)


# -- record by record --


def rebuilt(*records: Record) -> Orders:
    book = Orders()
    Rebuild([book], Port()).run(Stored(since=records))  # type: ignore[arg-type]
    return book


class Port:
    """Stands for the session of a book that is being rebuilt: nothing is asked of it."""


ORDER = "35=D|34={}|49=US|52=20261009-14:30:00.000|56=THEM|11={}|55=X|54=1|38=10|40=2|44=0.5"
REPORT = (
    "35=8|34={}|49=THEM|52=20261009-14:30:00.000|56=US|37=V|11={}|17=e{}|150=0|39=0|55=X|54=1|151=10|14=0"
)
REJECT = "35=3|34={}|49=THEM|52=20261009-14:30:00.000|56=US|45={}|58=bad"
FILL = "35=4|34={}|43=Y|49=US|52=20261009-14:30:00.000|56=THEM|122=20261009-14:30:00.000|123=Y|36={}"


def frame(
    line: str, number: int, flags: int = 0, *, epoch: int = 1, next_in: int = 1, next_out: int = 1
) -> Record:
    return Record(Kind.FRAME, flags, epoch, number, next_out, next_in, 0, wire(line))


def placed(number: int, name: str, epoch: int = 1) -> Record:
    return frame(ORDER.format(number, name), number, Flag.OUTBOUND, epoch=epoch)


def mark(kind: Kind, epoch: int = 1) -> Record:
    return Record(kind, 0, epoch, 0, 1, 1, 0, b"")


def endings(book: Orders) -> dict[str, Ending | None]:
    return {order.cl_ord_id: order.ending for order in book}


def test_a_waiting_report_counts_once_the_numbers_have_passed_it() -> None:
    early = frame(REPORT.format(6, "a", 6), 6, Flag.WAITING, next_in=5)
    passed = frame(REPORT.format(5, "b", 5), 5, next_in=7)
    assert endings(rebuilt(placed(1, "a"), placed(2, "b"), early)) == {"a": "unknown", "b": "unknown"}
    assert endings(rebuilt(placed(1, "a"), placed(2, "b"), early, passed)) == {
        "a": "acknowledged",
        "b": "acknowledged",
    }


def test_what_waited_is_told_in_the_order_of_its_numbers() -> None:
    late = frame(REPORT.format(7, "a", 7).replace("150=0", "150=F").replace("14=0", "14=10"), 7, Flag.WAITING)
    first = frame(REPORT.format(6, "a", 6), 6, Flag.WAITING)
    gap = frame("35=0|34=5|49=THEM|52=20261009-14:30:00.000|56=US", 5, Flag.ADMIN, next_in=8)
    [order] = rebuilt(placed(1, "a"), late, first, gap)
    assert [report.msg_seq_num for report in order.reports] == [6, 7]


def test_a_waiting_reject_is_a_reject() -> None:
    early = frame(REJECT.format(6, 1), 6, Flag.WAITING | Flag.ADMIN, next_in=5)
    passed = frame(REPORT.format(5, "other", 5), 5, next_in=7)
    assert endings(rebuilt(placed(1, "a"), early, passed))["a"] is Ending.REFUSED


@pytest.mark.parametrize("end", [mark(Kind.DROP), mark(Kind.RESET, 2)])
def test_what_still_waits_at_the_end_of_a_connection_is_forgotten(end: Record) -> None:
    early = frame(REPORT.format(6, "a", 6), 6, Flag.WAITING, next_in=5)
    passed = frame(REPORT.format(5, "b", 5), 5, next_in=7, epoch=end.epoch)
    assert endings(rebuilt(placed(1, "a"), early, end, passed))["a"] is Ending.UNKNOWN


@pytest.mark.parametrize("number", ["x", "", "99999999999999999999"])
def test_a_reject_without_a_proper_number_refuses_nothing(number: str) -> None:
    reject = frame(REJECT.format(5, number).replace("45=|", ""), 5, Flag.ADMIN)
    assert endings(rebuilt(placed(1, "a"), reject)) == {"a": "unknown"}


@pytest.mark.parametrize("kind", [Kind.RESET, Kind.NUMBERS])
def test_a_gap_fill_of_a_later_epoch_says_nothing_of_an_earlier_order(kind: Kind) -> None:
    fill = frame(FILL.format(1, 5), 1, Flag.OUTBOUND | Flag.POSS_DUP | Flag.ADMIN, epoch=2)
    assert endings(rebuilt(placed(1, "a"), mark(kind, 2), fill)) == {"a": "unknown"}


def test_numbers_that_were_set_forward_leave_the_epoch_as_it_is() -> None:
    fill = frame(FILL.format(1, 5), 1, Flag.OUTBOUND | Flag.POSS_DUP | Flag.ADMIN)
    assert endings(rebuilt(placed(1, "a"), mark(Kind.NUMBERS, 1), fill)) == {"a": "not sent"}


def test_an_order_that_is_replayed_was_not_filled() -> None:
    again = frame(ORDER.format(1, "a").replace("49=", "43=Y|49="), 1, Flag.OUTBOUND | Flag.POSS_DUP)
    assert endings(rebuilt(placed(1, "a"), again)) == {"a": "unknown"}


def test_other_records_and_other_admin_messages_say_nothing() -> None:
    logout = frame("35=5|34=2|49=THEM|52=20261009-14:30:00.000|56=US", 2, Flag.ADMIN)
    assert endings(rebuilt(mark(Kind.CONNECT), placed(1, "a"), logout, mark(Kind.NOTE))) == {"a": "unknown"}


def test_without_books_nothing_is_read() -> None:
    def unread() -> None:
        raise AssertionError

    class Unread:
        def __iter__(self) -> None:
            unread()

    Rebuild([], Port()).run(Stored(since=Unread()))  # type: ignore[arg-type]


async def test_a_checkpoint_in_the_midst_keeps_one_of_each(path: Path) -> None:
    """What the checkpoint knows already is not taken in again from the records behind it."""
    async with standing(handler=Acknowledging()) as peer:
        async with joined(store=lambda: Tape(path, TapeSettings(checkpoint_records=10)), peer=peer) as rig:
            for number in range(30):
                await rig.gateway.orders.submit(new_order(cl_ord_id=f"o{number}"))
                await asyncio.sleep(0.03)
            before = seen(rig)
            after_crash = crash(path)
        async with joined(store=lambda: Tape(after_crash), peer=peer, wait="none") as rig:
            assert seen(rig) == before


async def test_everything_is_sent_again_where_the_policy_says_so(path: Path) -> None:
    venue = Acknowledging()
    venue.answer = False
    tells_all = replace(US, resend_policy=ResendEverything())
    async with standing(handler=venue) as (network, party):
        async with joined(tells_all, store=lambda: Tape(path), peer=(network, party)) as rig:
            lacked = rig.link.session.next_out
            await rig.gateway.orders.submit(new_order(cl_ord_id="stale"))
            await rig.settle()
        forget(party, lacked)
        venue.answer = True
        async with joined(tells_all, store=lambda: Tape(path), peer=(network, party)) as rig:
            await rig.settle()
            assert order_of(rig, "stale").state is OrderState.NEW
            assert venue.messages[-1].poss_dup


async def test_an_order_that_could_not_be_written_is_not_there_after_a_restart() -> None:
    store = FailingStore()
    async with standing() as peer:
        async with joined(store=lambda: store, peer=peer) as rig:
            store.refused = "D"
            rig.us.send(Message("B", [(148, "at once")]))
            lost = rig.gateway.orders.place(new_order(cl_ord_id="lost"))
            await rig.gateway.failed()
            assert lost.ending is Ending.NOT_SENT
            store.refused = ""
        async with joined(store=lambda: store, peer=peer) as rig:
            assert order_of(rig, "lost").ending is Ending.NOT_SENT
