"""What the venue's pages leave open, each way round: the desk comes to the same, whatever the venue does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from fixgw.handlers.order import OrderState
from fixgw.messages.order_entry import TimeInForce
from fixgw.sim.quirks import Quirks
from fixgw.venues.kalshi.quotes import QuoteState
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from fixgw.venues.kalshi.rfq_maker import RfqMaker
from tests.kalshi.covers import Words, covers, rows_by_kind
from tests.kalshi.desk import BUY, FINE, SELL, Joined, Opener, Seat, fits, limit

BOTH = ("orders-nr", "orders-rt")
PENDING = {"skip_pending_exec_reports": False}


async def replaced(desk: Joined) -> Any:
    order = await desk.submit("desk", limit(BUY, 10, "0.60"))
    desk.venue.fill(order.cl_ord_id, Decimal(4))
    await desk.settle()
    await desk["desk"].orders.replace(order, price=Decimal("0.61"), order_qty=Decimal(9))
    await desk.settle()
    return order.state, order.order_qty, order.leaves_qty, order.cum_qty, order.price


async def filled_in_part_at_once(desk: Joined) -> Any:
    desk.rest(SELL, 4, "0.60")
    order = await desk.submit("desk", limit(BUY, 10, "0.60", TimeInForce.IMMEDIATE_OR_CANCEL))
    return order.state, order.cum_qty, order.leaves_qty


async def lived(desk: Joined) -> Any:
    order = await desk.submit("desk", limit(BUY, 10, "0.60"))
    await desk["desk"].orders.cancel(order)
    await desk.settle()
    return order.state, order.ending


async def refused(desk: Joined) -> Any:
    order = await desk.submit("desk", limit(BUY, 10, "0.605"))
    return order.state, order.ending


@dataclass(frozen=True)
class OpenPoint:
    """A point that the pages leave open.

    Args:
        what: the point.
        quirks: the other way round.
        act: what the desk does; what it returns has to be the same either way.
        told: a frame that comes only this way round.
        spoken: the messages that are driven.
    """

    what: str
    quirks: Quirks
    act: Callable[[Joined], Awaitable[Any]]
    told: str
    spoken: str = "D, 8"


POINTS = (
    OpenPoint("39 of a Replaced report", Quirks(replaced_status=False), replaced, "8|150=5|39=1", "G, 8"),
    OpenPoint(
        "151 of an IOC that fills in part",
        Quirks(ioc_leaves_open=False),
        filled_in_part_at_once,
        "8|150=F|151=0.00|14=4.00",
    ),
    OpenPoint("no pending reports at all", Quirks(pending_reports=False), lived, "8|150=4|39=4", "D, F, 8"),
    OpenPoint("17 of a refusal", Quirks(reject_exec_id="0"), refused, "8|150=8|17=0"),
    OpenPoint(
        "58 of a bad price", Quirks(bad_price_text="INVALID_PRICE"), refused, "8|150=8|58=INVALID_PRICE"
    ),
    OpenPoint("49 of the venue", Quirks(venue_comp_id="Kalshi"), lived, "8|49=Kalshi|150=4", "D, F, 8"),
)


@rows_by_kind(POINTS, *BOTH)
async def test_either_way_the_desk_comes_to_the_same(desk: Opener, kind: str, row: OpenPoint) -> None:
    outcomes = []
    for quirks in (Quirks(), row.quirks):
        async with desk({"desk": Seat(kind, options=PENDING)}, quirks=quirks) as joined:
            outcomes.append(await row.act(joined))
            told = [frame for frame in joined.frames("desk") if fits(frame, row.told)]
            assert bool(told) is (quirks is row.quirks) or row.what == "no pending reports at all"
            pending = [frame for frame in joined.frames("desk") if frame.get(150) in ("A", "6", "E")]
            assert bool(pending) is quirks.pending_reports
    assert outcomes[0] == outcomes[1]


@covers("UA orders-rt", "AI rfq")
@pytest.mark.parametrize("of_maker", [True, False], ids=["what the maker gets", "what the creator does"])
async def test_54_of_an_accepted_quote_does_not_matter_when_it_has_one_price(
    desk: Opener, of_maker: bool
) -> None:
    seats = {"creator": Seat("orders-rt"), "maker": Seat("rfq", "beta")}
    async with desk(seats, quirks=Quirks(accepted_side_of_maker=of_maker)) as joined:
        creator, maker = joined["creator"].client(RfqCreator), joined["maker"].client(RfqMaker)
        handle = await creator.request("HIGHNY-26DEC31", order_qty=Decimal(1))
        quote = maker.quote(await anext(aiter(maker)), offer_px=Decimal("0.55"))
        await creator.accept(await anext(aiter(handle)), BUY)
        assert await quote.accepted(timeout=1) is SELL
        assert quote.state is QuoteState.ACCEPTED
        joined.assert_fits(joined.frames("maker")[-1], f"AI|297=0|54={'2' if of_maker else '1'}")


# -- units --


@rows_by_kind([Words("21005=N: cents on the wire, dollars at the desk", "D, G, 8")], *BOTH)
async def test_cents(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind, options={"use_dollars": False})}) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60"))
        joined.venue.fill(order.cl_ord_id, Decimal(4))
        await joined.settle()
        await joined["desk"].orders.replace(order, price=Decimal("0.55"))
        await joined.told("desk", "D|44=60", "G|44=55")
        await joined.heard(
            "desk",
            "8|150=0|44=60|6=0.00",
            "8|150=F|44=60|31=60|6=60.00|1704=-2.4000",  # money is dollars in either unit
            "8|150=5|44=55|6=60.00",
        )
        assert (order.price, order.avg_px) == (Decimal("0.55"), Decimal("0.60"))


@rows_by_kind([Words("21005=Y: prices on $0.0001", "D, 8")], *BOTH)
async def test_parts_of_a_cent(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.6055", symbol=FINE))
        joined.venue.fill(order.cl_ord_id, Decimal(10))
        await joined.heard("desk", "8|150=0|44=0.6055", "8|150=F|44=0.6055|31=0.6055|6=0.6055")
        assert (order.state, order.avg_px) == (OrderState.FILLED, Decimal("0.6055"))


@rows_by_kind([Words("contracts in hundredths", "D, 8")], *BOTH)
async def test_parts_of_a_contract(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        order = await joined.submit("desk", limit(BUY, "0.50", "0.60"))
        joined.venue.fill(order.cl_ord_id, Decimal("0.01"))
        await joined.heard("desk", "8|150=0|38=0.50|151=0.50", "8|150=F|32=0.01|14=0.01|151=0.49")
        assert order.cum_qty == Decimal("0.01")
