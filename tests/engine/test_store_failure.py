"""A store that fails: nothing unwritten leaves, nothing received is lost, every order knows its ending."""

from __future__ import annotations

import asyncio

import pytest

from fixgw.errors import NotSent, StoreError, StoreFull
from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.handlers.order import Ending, OrderState
from fixgw.session.outcome import CloseCode
from tests.engine.orders import Acknowledging, new_order
from tests.engine.rig import THEM, US, Recorder, Rig, joined, no_retransmission
from tests.engine.stores import FailingStore, outbound
from tests.engine.test_dispatch import headline, news, told


async def ended(rig: Rig) -> None:
    """Wait until the session has given up, for its store."""
    await rig.gateway.failed()
    assert (await rig.link.ended()).reason.code is CloseCode.STORE
    await rig.settle()


async def mended(rig: Rig, store: FailingStore) -> None:
    """Make room and start the session again, as a person would."""
    store.failing, store.refused = False, ""
    await rig.gateway.logon("us")
    await rig.us.logged_on()
    await rig.settle()


def agree(rig: Rig) -> None:
    ours, theirs = rig.link.session, rig.them.link.session
    assert (ours.next_out, ours.next_in) == (theirs.next_in, theirs.next_out)


async def test_on_a_full_disk_orders_are_refused_before_a_number_is_used_and_cancels_still_go() -> None:
    store = FailingStore()
    async with joined(their_handler=Acknowledging(), store=lambda: store) as rig:
        orders = rig.gateway.orders
        placed = await orders.submit(new_order())
        await placed.acknowledged(timeout=1)
        store.full = True
        expected = rig.link.session.next_out
        with pytest.raises(StoreFull, match="only cancels"):
            await orders.submit(new_order(cl_ord_id="refused"))
        with pytest.raises(StoreFull):
            await orders.replace(placed, order_qty=placed.order_qty)
        assert rig.link.session.next_out == expected
        assert orders.get("refused") is None
        assert rig.us.snapshot().store.full
        cancel = await orders.cancel(placed)
        await cancel.acknowledged(timeout=1)
        assert placed.state is OrderState.CANCELED
        store.full = False


@pytest.mark.parametrize("error", [StoreFull("no room"), StoreError("the disk is gone")])
async def test_an_order_that_could_not_be_written_never_left(error: StoreError) -> None:
    store = FailingStore()
    async with joined(their_handler=Acknowledging(), store=lambda: store) as rig:
        store.refused, store.error = "D", error
        with pytest.raises(type(error)):
            await rig.gateway.orders.submit(new_order(cl_ord_id="one"))
        assert rig.gateway.orders.get("one") is None
        await ended(rig)
        assert "D" not in outbound(store)
        await mended(rig, store)
        again = await rig.gateway.orders.submit(new_order(cl_ord_id="one"))
        await again.acknowledged(timeout=1)
        agree(rig)


async def test_orders_that_were_gathered_when_the_store_failed_never_left() -> None:
    store = FailingStore()
    async with joined(store=lambda: store) as rig:
        orders = rig.gateway.orders
        store.refused = "D"
        submits = [asyncio.ensure_future(orders.submit(new_order(cl_ord_id=str(n)))) for n in range(3)]
        rig.us.send(news("leaves at once, and the submits are gathered behind it"))
        results = await asyncio.gather(*submits, return_exceptions=True)
        assert all(isinstance(result, NotSent) for result in results)
        assert [order.ending for order in orders] == [Ending.NOT_SENT] * 3
        assert orders.in_flight == 0
        await ended(rig)
        assert "D" not in [m.msg_type for m in rig.them.handler.messages]
        await mended(rig, store)
        agree(rig)


async def test_a_placed_order_that_waits_for_the_turn_to_end_is_not_sent_when_the_turn_fails() -> None:
    store = FailingStore()
    async with joined(store=lambda: store) as rig:
        rig.us.send(news("leaves at once"))
        store.refused = "D"
        placed = rig.gateway.orders.place(new_order())
        await rig.settle()
        with pytest.raises(NotSent):
            await placed.acknowledged(timeout=1)
        assert placed.state is OrderState.NOT_SENT
        store.refused = ""


class Ordering(Recorder):
    """Sends an order for each piece of news."""

    def on_message(self, message: Message, ctx: Context) -> None:  # type: ignore[override]
        super().on_message(message, ctx)
        ctx.session.orders.place(new_order(cl_ord_id=f"{headline(message)}-{len(self.messages)}"))


async def test_what_came_in_a_turn_that_could_not_be_written_comes_again() -> None:
    store, handler = FailingStore(), Ordering()
    async with joined(handler=handler, store=lambda: store) as rig:
        await told(rig, "first")
        store.refused = "D"
        rig.them.link.send(news("second"))
        await ended(rig)
        assert rig.gateway.orders.get("second-2") is not None
        assert rig.gateway.orders.get("second-2").ending is Ending.NOT_SENT  # type: ignore[union-attr]
        await mended(rig, store)
        assert [headline(message) for message in handler.messages] == ["first", "second", "second"]
        assert [m.text(11) for m in rig.them.handler.messages] == ["first-1", "second-3"]
        agree(rig)


async def test_what_could_not_be_written_is_not_shown_where_nobody_sends_it_again() -> None:
    store, handler = FailingStore(), Recorder()
    us, them = no_retransmission(US), no_retransmission(THEM)
    async with joined(us, them, handler=handler, store=lambda: store) as rig:
        store.failing = True
        rig.them.link.send(news("lost"))
        await ended(rig)
        assert handler.messages == []
        await mended(rig, store)


async def test_a_connection_that_can_not_be_written_down_is_not_used() -> None:
    store = FailingStore()
    async with joined(store=lambda: store) as rig:
        await rig.gateway.logout("us")
        next_out = rig.link.session.next_out
        store.failing = True
        await rig.gateway.logon("us")
        await ended(rig)
        assert rig.link.session.next_out == next_out
        await mended(rig, store)
        agree(rig)


async def test_numbers_that_can_not_be_written_down_stay() -> None:
    store = FailingStore()
    async with joined(store=lambda: store) as rig:
        await rig.gateway.logout("us")
        before = rig.link.session.snapshot()
        store.failing = True
        with pytest.raises(StoreFull):
            await rig.gateway.set_numbers("us", 70, 80, "test")
        with pytest.raises(StoreFull):
            await rig.gateway.reset("us", "test")
        after = rig.link.session.snapshot()
        assert (after.epoch, after.next_in, after.next_out) == (before.epoch, before.next_in, before.next_out)
        store.failing = False


async def test_the_failure_is_told(caplog: pytest.LogCaptureFixture) -> None:
    store = FailingStore()
    async with joined(store=lambda: store) as rig:
        store.failing = True
        rig.link.tick()
        with pytest.raises(StoreFull):
            rig.us.send(news("x"))
        await ended(rig)
        assert "store failed" in caplog.text
        assert "no room is left" in rig.us.why
        assert "make room or mend the disk" in rig.us.why
        store.failing = False
