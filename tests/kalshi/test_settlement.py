"""Settlements: who is told, what a position gets, and pages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import pytest

from fixgw.sim.settlement import Result
from fixgw.venues.kalshi.messages import MarketResult
from fixgw.venues.kalshi.settlement import Settlement, Settlements
from tests.kalshi.covers import covers, rows
from tests.kalshi.desk import BUY, MARKET, SELL, Joined, Opener, Seat, limit

TRADER = Seat("orders-nr", "alpha")


async def position(joined: Joined, qty: str) -> None:
    """Let the desk trade its way to a position: YES contracts, or NO ones when negative."""
    size = Decimal(qty)
    order = await joined.submit(
        "desk", limit(BUY if size > 0 else SELL, str(abs(size)), "0.60" if size > 0 else "0.40")
    )
    joined.venue.fill(order.cl_ord_id, abs(size))
    await joined.settle()
    joined.look()


async def first_of(joined: Joined, seat: str) -> Settlement:
    async with asyncio.timeout(1):
        return await anext(aiter(joined[seat].client(Settlements)))


@dataclass(frozen=True)
class Outcome:
    """How a market ends for a position.

    Args:
        what: in words.
        held: net YES contracts (negative: NO).
        result: of the market.
        price: what YES pays, for a scalar result.
        fields: what the one page says.
        paid: dollars.
        spoken: the messages that are driven.
    """

    what: str
    held: str
    result: Result
    price: str | None
    fields: str
    paid: str
    spoken: str = "UMS post-trade"


OUTCOMES = (
    Outcome(
        "yes, YES held",
        "100",
        Result.YES,
        None,
        "20107=yes|730=100.00|704=100.00|705=0.00|1704=100.0000|137=0.00",
        "100",
    ),
    Outcome(
        "yes, NO held", "-100", Result.YES, None, "20107=yes|704=0.00|705=100.00|1704=0.0000|137=0.00", "0"
    ),
    Outcome(
        "no, NO held", "-100", Result.NO, None, "20107=no|730=0.00|705=100.00|1704=100.0000|137=0.00", "100"
    ),
    Outcome(
        "scalar, rounding is the fee",
        "100.01",
        Result.SCALAR,
        "0.306",
        "20107=scalar|730=30.60|704=100.01|1704=30.6030|137=0.00006",
        "30.6030",
    ),
    Outcome(
        "scalar, NO held", "-10", Result.SCALAR, "0.25", "730=25.00|705=10.00|1704=7.5000|137=0.00", "7.5"
    ),
)


@rows(OUTCOMES)
async def test_what_a_position_gets(desk: Opener, row: Outcome) -> None:
    async with desk({"desk": TRADER, "settled": Seat("post-trade", "alpha")}) as joined:
        await position(joined, row.held)
        price = None if row.price is None else Decimal(row.price)
        joined.venue.settle_market(MARKET, row.result, price)
        fixed = "20106=1|893=Y|20108=1|20110=24|1703=1|1705=PAYOUT|136=1|138=USD|139=4|891=0|715=20261009"
        await joined.heard("settled", f"UMS|20105|55={MARKET}|{fixed}|{row.fields}")
        settlement = await first_of(joined, "settled")
        assert settlement.market_result is MarketResult(row.result.value)
        (party,) = settlement.parties
        (change,) = party.collateral_amount_changes
        assert change.collateral_amount_change == Decimal(row.paid)


@dataclass(frozen=True)
class Told:
    """Which sessions hear of settlements.

    Args:
        what: in words.
        kind: of the session.
        options: its Logon options.
        told: it hears.
    """

    what: str
    kind: str
    options: Mapping[str, bool]
    told: bool

    @property
    def spoken(self) -> str:
        """The message where it is told."""
        return f"UMS {self.kind}" if self.told else ""


TOLD = (
    Told("KalshiPT", "post-trade", {}, True),
    Told("KalshiPT with 20127=N", "post-trade", {"receive_settlement_reports": False}, False),
    Told("KalshiRT", "orders-rt", {}, False),
    Told("KalshiRT with 20127=Y", "orders-rt", {"receive_settlement_reports": True}, True),
    Told("KalshiNR", "orders-nr", {}, False),
    Told("KalshiNR with 20127=Y", "orders-nr", {"receive_settlement_reports": True}, True),
)


@rows(TOLD)
async def test_who_is_told(desk: Opener, row: Told) -> None:
    async with desk({"desk": TRADER, "ears": Seat(row.kind, "alpha", row.options)}) as joined:
        await position(joined, "10")
        joined.venue.settle_market(MARKET, Result.YES)
        await joined.heard("ears", *(["UMS|704=10.00"] if row.told else []))
        assert len(joined["ears"].client(Settlements)) == int(row.told)


@covers("UMS post-trade")
async def test_nobody_is_told_of_the_positions_of_others(desk: Opener) -> None:
    async with desk({"desk": TRADER, "settled": Seat("post-trade", "beta")}) as joined:
        await position(joined, "10")
        joined.venue.settle_market(MARKET, Result.YES)
        await joined.heard("settled")


@covers("UMS post-trade")
async def test_a_settlement_of_several_pages_is_one(desk: Opener) -> None:
    seats = {
        "desk": TRADER,
        "customer": Seat("orders-nr", "alpha_1"),
        "another": Seat("orders-nr", "alpha_2"),
        "settled": Seat("post-trade", "alpha"),
    }
    async with desk(seats) as joined:
        joined.venue.app.settlement_page = 1
        for seat, qty in (("desk", 10), ("customer", 5), ("another", 2)):
            order = await joined.submit(seat, limit(BUY, qty, "0.60"))
            joined.venue.fill(order.cl_ord_id, Decimal(qty))
        await joined.settle()
        joined.look()
        joined.venue.settle_market(MARKET, Result.YES)
        pages = await joined.heard(
            "settled",
            "UMS|20106=3|20108=1|893=N|704=10.00",
            "UMS|20106=3|20108=1|893=N|704=5.00",
            "UMS|20106=3|20108=1|893=Y|704=2.00",
        )
        assert len({page.get(20105) for page in pages}) == 3  # each page has an id of its own
        settlement = await first_of(joined, "settled")
        assert [party.long_qty for party in settlement.parties] == [10, 5, 2]
        assert len(joined["settled"].client(Settlements)) == 1


@covers("UMS post-trade", "2 post-trade out", "4 post-trade in")
async def test_a_settlement_that_was_missed_comes_with_the_next_logon(desk: Opener) -> None:
    async with desk({"desk": TRADER, "settled": Seat("post-trade", "alpha")}) as joined:
        await position(joined, "10")
        await joined.gateway.logout("settled")
        joined.venue.settle_market(MARKET, Result.YES)
        joined.look()
        await joined.gateway.logon("settled")
        await joined["settled"].logged_on()
        await joined.heard("settled", f"UMS|43=Y|122|55={MARKET}|704=10.00")
        said = joined.frames("settled", outbound=None, admin=True)
        assert [frame.msg_type for frame in said] == ["A", "A", "2", "UMS", "4"]
        assert (await first_of(joined, "settled")).settl_price == Decimal(1)


@covers("8 orders-nr", "UMS orders-nr")
async def test_the_orders_of_a_settled_market_are_cancelled_first(desk: Opener) -> None:
    seat = Seat("orders-nr", options={"receive_settlement_reports": True})
    async with desk({"desk": seat}) as joined:
        await position(joined, "10")
        resting = await joined.submit("desk", limit(BUY, 1, "0.10"))
        joined.look()
        joined.venue.settle_market(MARKET, Result.NO)
        await joined.heard("desk", "8|150=4|58=CloseCancel", "UMS|20107=no|1704=0.0000")
        assert not resting.open


@pytest.mark.parametrize("result", list(Result), ids=str)
def test_the_words_of_venue_and_desk_are_the_same(result: Result) -> None:
    assert MarketResult(result.value).name == result.name
