"""The drop copy: queries for past reports, on the session that is for them and between orders."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from fixgw.fix.message import Message
from fixgw.venues.kalshi.dropcopy import DropCopy, ResendRefused
from fixgw.venues.kalshi.messages import EventResendRejectReason
from tests.kalshi.covers import Words, rows_by_kind
from tests.kalshi.desk import BUY, Joined, Opener, Seat, limit

BOTH = ("drop-copy", "orders-nr")
HOUR = 3600


async def traded(joined: Joined) -> list[str]:
    """Let an order live and fill, another be refused; return the ExecIDs of what may be asked for."""
    order = await joined.submit("desk", limit(BUY, 10, "0.60"))
    joined.venue.fill(order.cl_ord_id, Decimal(4))
    await joined.settle()
    await joined["desk"].orders.cancel(order)
    await joined.submit("desk", limit(BUY, 10, "0.605"))
    ids = [frame.get(17) for frame in joined.frames("desk") if frame.get(150) != "8"]
    joined.look()
    return [exec_id for exec_id in ids if exec_id]


def seats(kind: str) -> dict[str, Seat]:
    calm = {"heartbeat": HOUR}  # hours of heartbeats are no part of this
    return {"desk": Seat("orders-nr", more=calm), "copy": Seat(kind, more=calm)}


def asker(joined: Joined) -> DropCopy:
    return joined["copy"].client(DropCopy)


@rows_by_kind([Words("from an ExecID to the newest", "U1, 8, U2")], *BOTH)
async def test_to_the_newest(desk: Opener, kind: str, row: Words) -> None:
    async with desk(seats(kind)) as joined:
        ids = await traded(joined)
        resent = await asker(joined).query(ids[0])
        (asked,) = await joined.told("copy", f"U1|21001={ids[0]}|!21002")
        await joined.heard(
            "copy",
            f"8|150=0|17={ids[0]}",
            f"8|150=F|17={ids[1]}",
            f"8|150=4|17={ids[2]}",
            f"U2|45={asked.msg_seq_num}|21003=3",
        )
        assert [report.exec_id for report in resent.reports] == ids
        assert resent.complete


@rows_by_kind([Words("from one ExecID to another, both included", "U1, 8, U2")], *BOTH)
async def test_a_range(desk: Opener, kind: str, row: Words) -> None:
    async with desk(seats(kind)) as joined:
        ids = await traded(joined)
        resent = await asker(joined).query(ids[1], ids[1])
        await joined.told("copy", f"U1|21001={ids[1]}|21002={ids[1]}")
        await joined.heard("copy", f"8|17={ids[1]}", "U2|21003=1")
        assert len(resent.reports) == 1


@rows_by_kind([Words("nothing in the range", "U1, U2")], *BOTH)
async def test_nothing(desk: Opener, kind: str, row: Words) -> None:
    async with desk({**seats(kind), "other": Seat("orders-nr", "beta")}) as joined:
        order = await joined.submit("other", limit(BUY, 10, "0.60"))
        exec_id = order.reports[-1].text(17)
        resent = await asker(joined).query(exec_id or "")
        await joined.heard("copy", "U2|21003=0")  # what another account did is nobody else's affair
        assert (resent.reports, resent.complete) == ((), True)


@rows_by_kind([Words("21004=3 begins before the last three hours", "U1, U3")], *BOTH)
async def test_too_old(desk: Opener, kind: str, row: Words) -> None:
    async with desk(seats(kind)) as joined:
        ids = await traded(joined)
        await asyncio.sleep(3 * HOUR + 1)
        joined.look()
        with pytest.raises(ResendRefused) as caught:
            await asker(joined).query(ids[0])
        assert caught.value.reason is EventResendRejectReason.BEGIN_EXEC_ID_TOO_SMALL
        assert "three hours" in caught.value.meaning
        (asked,) = await joined.told("copy", "U1")
        await joined.heard("copy", f"U3|45={asked.msg_seq_num}|21004=3")


@rows_by_kind([Words("the last three hours are there", "U1, 8, U2")], *BOTH)
async def test_old_enough(desk: Opener, kind: str, row: Words) -> None:
    async with desk(seats(kind)) as joined:
        ids = await traded(joined)
        await asyncio.sleep(3 * HOUR - 1)
        assert len((await asker(joined).query(ids[0])).reports) == 3


@rows_by_kind([Words("21004=4 ends after the newest", "U1, U3")], *BOTH)
async def test_not_yet(desk: Opener, kind: str, row: Words) -> None:
    async with desk(seats(kind)) as joined:
        ids = await traded(joined)
        with pytest.raises(ResendRefused) as caught:
            await asker(joined).query(ids[0], "9999;1")
        assert caught.value.reason is EventResendRejectReason.END_EXEC_ID_TOO_LARGE
        assert caught.value.meaning
        await joined.heard("copy", "U3|45|21004=4")


@rows_by_kind([Words("373=5 no ExecID", "U1, 3 in")], *BOTH)
async def test_no_exec_id(desk: Opener, kind: str, row: Words) -> None:
    async with desk(seats(kind)) as joined:
        number = joined["copy"].send(Message("U1", [(21001, "first")]))
        await joined.settle()
        (reject,) = joined.frames("copy", admin=True)
        joined.assert_fits(reject, f"3|45={number}|372=U1|373=5|371=21001")


@rows_by_kind([Words("replayed reports bear the numbers of this session", "U1, 8, U2")], "drop-copy")
async def test_numbers(desk: Opener, kind: str, row: Words) -> None:
    async with desk(seats(kind)) as joined:
        ids = await traded(joined)
        await asker(joined).query(ids[0])
        replayed = joined.frames("copy")
        assert [frame.msg_seq_num for frame in replayed] == [2, 3, 4, 5]
        assert not any(frame.poss_dup for frame in replayed)


@rows_by_kind([Words("the flags of this session count", "U1, 8")], "drop-copy")
async def test_flags(desk: Opener, kind: str, row: Words) -> None:
    cents = Seat("drop-copy", options={"use_dollars": False, "preserve_original_order_qty": True})
    async with desk({"desk": Seat("orders-nr"), "copy": cents}) as joined:
        ids = await traded(joined)
        resent = await asker(joined).query(ids[0])
        joined.assert_fits(joined.frames("copy")[1], "8|150=F|31=60|44=60")
        joined.assert_fits(joined.frames("copy")[2], "8|150=4|38=10.00|44=60")
        assert resent.reports[1].last_px == Decimal("0.60")
