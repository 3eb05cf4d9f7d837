"""Requests for quote, arrow by arrow and timer by timer, between a creator and makers of other accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from fixgw.errors import OutcomeUnknown, Rejected
from fixgw.fix.message import Message
from fixgw.handlers.order import OrderState
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.sim.accounts import AccountSpec
from fixgw.sim.admission import Trading
from fixgw.sim.rfq_reports import OBSCURED_ID, public_id
from fixgw.venues.kalshi.asks import AcceptRefusal, QuoteGone, RequestRefused, RequestState, RfqHandle
from fixgw.venues.kalshi.messages import Quote, SelectedLeg, SelectedLegSide
from fixgw.venues.kalshi.quotes import QuoteHandle, QuoteState
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from fixgw.venues.kalshi.rfq_maker import RfqMaker
from tests.kalshi.covers import covers, rows
from tests.kalshi.desk import BUY, MARKET, SELL, STORM, Joined, Opener, Seat, limit

DAY = 86_400
SIZE = Decimal(100)
YES, NO = Decimal("0.40"), Decimal("0.55")
SEATS = {
    "creator": Seat("orders-rt", "alpha"),
    "maker": Seat("rfq", "beta"),
    "fills": Seat("orders-nr", "beta"),
}


@dataclass(frozen=True)
class Timers:
    """The timers of a market: seconds to confirm, seconds to execute."""

    symbol: str
    confirm: float
    execute: float


STANDARD, VOLATILE = Timers(MARKET, 30, 15), Timers(STORM, 3, 1)
both_speeds = pytest.mark.parametrize("timers", [STANDARD, VOLATILE], ids=["standard", "volatile"])


@dataclass
class Floor:
    """Creator and maker of one market."""

    joined: Joined
    creator: RfqCreator
    maker: RfqMaker
    requests: AsyncIterator[Any]

    async def ask(self, symbol: str = MARKET, **fields: Any) -> RfqHandle:
        return await self.creator.request(symbol, **({"order_qty": SIZE} | fields))

    async def quoted(
        self, symbol: str = MARKET, bid: Decimal | None = YES, offer: Decimal | None = NO, **fields: Any
    ) -> tuple[RfqHandle, Quote, QuoteHandle]:
        """Return a request, the quote as its creator has it, and as its maker has it."""
        handle = await self.ask(symbol, **fields)
        quote = self.maker.quote(await anext(self.requests), bid_px=bid, offer_px=offer)
        await quote.acknowledged(timeout=1)
        return handle, await anext(aiter(handle)), quote


@asynccontextmanager
async def floor(desk: Opener, *accounts: AccountSpec, **more: Seat) -> AsyncIterator[Floor]:
    async with desk({**SEATS, **more}, accounts=accounts) as joined:
        maker = joined["maker"].client(RfqMaker)
        yield Floor(joined, joined["creator"].client(RfqCreator), maker, aiter(maker))


@covers("R orders-rt", "b orders-rt", "R rfq")
async def test_a_request_goes_to_every_maker_of_another_account(desk: Opener) -> None:
    more = {"other": Seat("rfq", "gamma"), "own": Seat("rfq", "alpha")}
    async with floor(desk, **more) as at:
        handle = await at.ask()
        await at.joined.told("creator", f"R|131={handle.quote_req_id}|146=1|55={MARKET}|38=100")
        await at.joined.heard("creator", f"b|131={handle.quote_req_id}|303=1|21023={handle.rfq_id}|100=0|!55")
        asked = f"R|131={handle.rfq_id}|146=1|55={MARKET}|38=100.00|60|453=1|448={public_id('alpha')}|!452"
        await at.joined.heard("maker", asked)
        await at.joined.heard("other", asked)
        await at.joined.heard("own")
        assert handle.state is RequestState.OPEN
        request = await anext(at.requests)
        assert (request.rfq_id, request.order_qty) == (handle.rfq_id, SIZE)


@covers("S rfq", "AI rfq", "S orders-rt", row="297=10 a quote stands")
async def test_a_quote_is_confirmed_to_its_maker_and_goes_to_the_creator(desk: Opener) -> None:
    async with floor(desk) as at:
        handle = await at.ask()
        at.joined.look()
        quote = at.maker.quote(await anext(at.requests), bid_px=YES, offer_px=NO)
        terms = f"117={quote.quote_id}|131={handle.rfq_id}"
        await at.joined.heard(
            "maker", f"AI|{terms}|297=10|38=100.00|132=0.4000|133=0.5500|134=100.00|135=100.00|60|!54|!58"
        )
        await at.joined.heard(
            "creator",
            f"S|{terms}|55={MARKET}|132=0.4000|133=0.5500|38=100.00|60|453=1|448={public_id('beta')}|452=35",
        )
        assert quote.state is QuoteState.PENDING
        offered = handle.quotes[quote.quote_id]
        assert (offered.bid_px, offered.offer_px) == (YES, NO)


@covers("S rfq", "S orders-rt", "AI rfq")
async def test_a_quote_of_one_price_shows_no_other(desk: Opener) -> None:
    async with floor(desk) as at:
        _, offered, quote = await at.quoted(bid=None)
        assert (offered.bid_px, offered.offer_px) == (None, NO)
        ai = at.joined.frames("maker")[-1]
        at.joined.assert_fits(ai, "AI|297=10|!132|!134|133=0.5500|135=100.00")
        assert quote.state is QuoteState.PENDING


@covers("UA orders-rt", "UC orders-rt", "AI rfq", row="297=0 and 21025=0 a quote is accepted")
@pytest.mark.parametrize(("side", "left"), [(BUY, SELL), (SELL, BUY)], ids=["buy takes NO", "sell takes YES"])
async def test_an_acceptance_tells_the_maker_which_side_is_left(desk: Opener, side: Side, left: Side) -> None:
    async with floor(desk) as at:
        handle, offered, quote = await at.quoted()
        at.joined.look()
        taken = await at.creator.accept(offered, side)
        await at.joined.told("creator", f"UA|117={quote.quote_id}|21023={handle.rfq_id}|54={side.value}")
        await at.joined.heard(
            "creator", f"UC|117={quote.quote_id}|21025=0|21024={quote.quote_id}|11={taken.cl_ord_id}"
        )
        await at.joined.heard("maker", f"AI|117={quote.quote_id}|297=0|54={left.value}|38=100.00|!60")
        assert await quote.accepted(timeout=0.1) is left


@covers(
    "U7 rfq", "U8 rfq", "8 orders-rt", "8 orders-nr", row="21010=0 confirmed, executes when its timer has run"
)
@both_speeds
async def test_a_confirmed_quote_executes_when_its_timer_has_run(desk: Opener, timers: Timers) -> None:
    async with floor(desk) as at:
        handle, offered, quote = await at.quoted(timers.symbol)
        taken = await at.creator.accept(offered, BUY)
        await quote.accepted(timeout=1)
        at.joined.look()
        await at.maker.confirm(quote)
        confirmed_at = at.joined.venue.now().mono
        await at.joined.told("maker", f"U7|117={quote.quote_id}|21023={handle.rfq_id}")
        await at.joined.heard("maker", f"U8|117={quote.quote_id}|21010=0|!58")
        await at.joined.heard("creator")
        report = await taken.executed(timeout=timers.execute + 1)
        assert at.joined.venue.now().mono - confirmed_at == pytest.approx(timers.execute, abs=0.01)
        await at.joined.heard("creator", f"8|150=F|39=2|11={taken.cl_ord_id}|54=1|31=0.4500|32=100.00")
        # the maker's order is in the book when the creator's meets it
        await at.joined.heard(
            "fills",
            f"8|150=0|39=0|11={quote.quote_id}|54=2",
            f"8|150=F|39=2|11={quote.quote_id}|54=2|31=0.4500",
        )
        assert (report.cum_qty, report.last_px, report.leaves_qty) == (SIZE, Decimal("0.45"), Decimal(0))
        assert quote.state is QuoteState.CONFIRMED
        positions = at.joined.venue.ledger.positions
        assert sorted(positions.values()) == [-SIZE, SIZE]


@covers("AI rfq", "U7 rfq", "U8 rfq", row="297=17 and 21010=1 not confirmed in time")
@both_speeds
async def test_a_quote_that_is_not_confirmed_in_time_is_void(desk: Opener, timers: Timers) -> None:
    async with floor(desk) as at:
        handle, offered, quote = await at.quoted(timers.symbol)
        taken = await at.creator.accept(offered, BUY)
        await quote.accepted(timeout=1)
        at.joined.look()
        accepted_at = at.joined.venue.now().mono
        assert await quote.closed(timeout=timers.confirm + 1) is QuoteState.VOID
        assert at.joined.venue.now().mono - accepted_at == pytest.approx(timers.confirm, abs=0.01)
        await at.joined.heard("maker", f"AI|117={quote.quote_id}|297=17|!54")
        with pytest.raises(OutcomeUnknown, match="not confirmed"):
            await taken.executed(timeout=timers.execute + 1)
        at.joined.look()
        at.joined["maker"].send(Message("U7", [(117, quote.quote_id), (21023, handle.rfq_id)]))
        await at.joined.heard("maker", f"U8|117={quote.quote_id}|21010=1|58=EXPIRED")
        assert at.joined.venue.ledger.positions == {}
        assert handle.state is RequestState.OPEN  # it takes quotes again


@covers("Z rfq", "U9 rfq", "AI rfq", row="298=0 and 297=17 taken back by its maker")
async def test_a_quote_that_is_taken_back(desk: Opener) -> None:
    async with floor(desk) as at:
        handle, _, quote = await at.quoted()
        at.joined.look()
        await at.maker.cancel(quote)
        await at.joined.told("maker", f"Z|117={quote.quote_id}|21023={handle.rfq_id}")
        await at.joined.heard(
            "maker", f"U9|117={quote.quote_id}|298=0|!58", f"AI|117={quote.quote_id}|297=17|132=0.4000"
        )
        await at.joined.heard("creator")
        assert quote.state is QuoteState.CANCELED


@covers("Z rfq", "U9 rfq", row="298=1 accepted already")
async def test_a_quote_that_is_accepted_can_not_be_taken_back(desk: Opener) -> None:
    async with floor(desk) as at:
        _, offered, quote = await at.quoted()
        await at.creator.accept(offered, BUY)
        await quote.accepted(timeout=1)
        at.joined.look()
        with pytest.raises(Rejected, match="QUOTE_ALREADY_ACCEPTED"):
            await at.maker.cancel(quote)
        await at.joined.heard("maker", f"U9|117={quote.quote_id}|298=1|58=QUOTE_ALREADY_ACCEPTED")
        assert quote.state is QuoteState.ACCEPTED


@covers("UE orders-rt", "UB orders-rt", "AG rfq", row="21013=0 closed by its creator")
async def test_a_request_that_its_creator_closes(desk: Opener) -> None:
    async with floor(desk) as at:
        handle, _, quote = await at.quoted()
        at.joined.look()
        await at.creator.cancel(handle)
        await at.joined.told("creator", f"UE|131={handle.quote_req_id}|21023={handle.rfq_id}")
        await at.joined.heard("creator", f"UB|131={handle.quote_req_id}|21023={handle.rfq_id}|21013=0|!58")
        await at.joined.heard("maker", f"AG|131={handle.rfq_id}|658=99|58")
        assert handle.state is RequestState.CANCELED
        assert (quote.state, quote.request.withdrawn) == (QuoteState.CANCELED, "RFQ_CLOSED")


@covers("UE orders-rt", "UB orders-rt", row="21013=1 a quote is accepted")
async def test_a_request_with_an_accepted_quote_can_not_be_closed(desk: Opener) -> None:
    async with floor(desk) as at:
        handle, offered, _ = await at.quoted()
        await at.creator.accept(offered, BUY)
        at.joined.look()
        with pytest.raises(Rejected, match="RFQ_CLOSED") as caught:
            await at.creator.cancel(handle)
        assert caught.value.meaning
        await at.joined.heard("creator", f"UB|131={handle.quote_req_id}|21013=1|58=RFQ_CLOSED")
        assert handle.state is RequestState.OPEN


@covers("UB orders-rt", "AG rfq", row="21013=2 closed by the venue after a day")
async def test_a_request_that_the_venue_closes_after_a_day(desk: Opener) -> None:
    calm = {"heartbeat": 3600}  # a day of heartbeats is no part of this
    seats = {name: replace(seat, more=calm) for name, seat in SEATS.items()}
    async with floor(desk, **seats) as at:
        handle = await at.ask()
        at.joined.look()
        opened_at = at.joined.venue.now().mono
        assert await handle.closed(timeout=DAY + 1) is RequestState.EXPIRED
        assert at.joined.venue.now().mono - opened_at == pytest.approx(DAY, abs=0.01)
        await at.joined.heard(
            "creator", f"UB|131={handle.quote_req_id}|21023={handle.rfq_id}|21013=2|58=EXPIRED"
        )
        await at.joined.heard("maker", f"AG|131={handle.rfq_id}|658=99|58=EXPIRED")


@covers("UB orders-rt", "AG rfq", row="21013=2 its market closes")
async def test_a_request_that_ends_with_its_market(desk: Opener) -> None:
    async with floor(desk) as at:
        handle, _, quote = await at.quoted()
        at.joined.look()
        at.joined.venue.close_market(MARKET)
        await at.joined.heard("creator", f"UB|21023={handle.rfq_id}|21013=2|58=RFQ_CLOSED")
        await at.joined.heard("maker", f"AG|131={handle.rfq_id}|58=RFQ_CLOSED")
        assert (handle.state, quote.state) == (RequestState.EXPIRED, QuoteState.CANCELED)


@dataclass(frozen=True)
class NotOpened:
    """A request that is refused.

    Args:
        what: the reason, with its code.
        reason: QuoteRequestRejectReason(658).
        text: Text(58).
        before: what happens before.
        symbol: the market.
        spoken: the messages that are driven.
    """

    what: str
    reason: str
    text: str
    before: Callable[[Floor], Awaitable[object]] | None = None
    symbol: str = MARKET
    spoken: str = "R orders-rt, AG orders-rt"


async def pause(at: Floor) -> None:
    at.joined.venue.pause(Trading.PAUSED)


async def close_market(at: Floor) -> None:
    at.joined.venue.close_market(MARKET)


NOT_OPENED = (
    NotOpened("658=1 unknown market", "1", "MARKET_NOT_FOUND", symbol="NOWHERE"),
    NotOpened("658=99 one is open", "99", "RFQ already exists", Floor.ask),
    NotOpened("658=99 trading is paused", "99", "TRADING_PAUSED", pause),
    NotOpened("658=99 market inactive", "99", "MARKET_INACTIVE", close_market),
)


@rows(NOT_OPENED)
async def test_a_request_that_is_refused(desk: Opener, row: NotOpened) -> None:
    async with floor(desk) as at:
        if row.before is not None:
            await row.before(at)
        at.joined.look()
        with pytest.raises(RequestRefused, match=row.text) as caught:
            await at.ask(row.symbol)
        assert (caught.value.reason, bool(caught.value.meaning)) == (row.reason, True)
        await at.joined.heard("creator", f"AG|131|658={row.reason}|58={row.text}")
        await at.joined.heard("maker")


def leg(market: str, side: SelectedLegSide = SelectedLegSide.YES) -> SelectedLeg:
    return SelectedLeg(event_ticker="EVENT", market_ticker=market, side=side)


@covers("R orders-rt", "b orders-rt", "R rfq")
async def test_legs_become_a_market_of_their_own(desk: Opener) -> None:
    async with floor(desk) as at:
        legs = [leg(MARKET), leg(STORM, SelectedLegSide.NO)]
        handle = await at.creator.request(legs=legs, multivariate_collection_ticker="PARLAY", order_qty=SIZE)
        await at.joined.heard("creator", f"b|131={handle.quote_req_id}|55={handle.symbol}|100=0")
        await at.joined.heard(
            "maker",
            f"R|55={handle.symbol}|20180=PARLAY|20181=2|20182=EVENT,EVENT|20183={MARKET},{STORM}|20184=yes,no",
        )
        assert handle.symbol.startswith("PARLAY-")
        assert (await anext(at.requests)).legs == tuple(legs)


@dataclass(frozen=True)
class NoCombination:
    """Legs that make no market.

    Args:
        code: MVEValidationReasonCode(20187).
        legs: the legs.
        offending: the market that is the matter.
        spoken: the messages that are driven.
    """

    code: str
    legs: tuple[SelectedLeg, ...]
    offending: str = MARKET
    spoken: str = "R orders-rt, AG orders-rt"

    @property
    def what(self) -> str:
        """The row."""
        return f"20187={self.code}"


NO_COMBINATIONS = (
    NoCombination("duplicated_legs", (leg(MARKET), leg(MARKET))),
    NoCombination("conflicting_leg_outcomes", (leg(MARKET), leg(MARKET, SelectedLegSide.NO))),
    NoCombination("invalid_market_combination", (leg(MARKET), leg("NOWHERE")), "NOWHERE"),
)


@rows(NO_COMBINATIONS)
async def test_legs_that_make_no_market(desk: Opener, row: NoCombination) -> None:
    async with floor(desk) as at:
        with pytest.raises(RequestRefused) as caught:
            await at.creator.request(legs=row.legs, multivariate_collection_ticker="PARLAY", order_qty=SIZE)
        await at.joined.heard("creator", f"AG|658=99|20187={row.code}|20185=1|20186={row.offending}|58")
        assert (caught.value.code, caught.value.offending) == (row.code, (row.offending,))


@covers("R orders-rt", "R rfq")
async def test_a_creator_may_hide(desk: Opener) -> None:
    async with floor(desk) as at:
        await at.ask(obscure_creator_id=True)
        await at.joined.heard("maker", f"R|448={OBSCURED_ID}")
        assert (await anext(at.requests)).creator_id == OBSCURED_ID


@covers("R orders-rt", "R rfq", "S orders-rt", "AI rfq")
async def test_a_request_for_dollars_is_for_what_they_buy(desk: Opener) -> None:
    async with floor(desk) as at:
        handle, offered, _ = await at.quoted(
            order_qty=None, cash_order_qty=Decimal(45), target_cost_excludes_fees=True
        )
        at.joined.assert_fits(at.joined.frames("maker")[0], "R|38=0.00|152=45.00")
        at.joined.assert_fits(at.joined.frames("maker")[1], "AI|297=10|135=100.00|134=75.00|!38")
        assert (handle.symbol, offered.offer_size, offered.bid_size) == (MARKET, SIZE, Decimal(75))


@covers("R orders-rt", "UB orders-rt", "AG rfq")
async def test_of_three_requests_the_oldest_gives_way(desk: Opener) -> None:
    async with floor(desk) as at:
        first, second = await at.ask(), await at.ask(replace_existing=True)
        at.joined.look()
        third = await at.ask(replace_existing=True)
        await at.joined.heard("creator", f"UB|21023={first.rfq_id}|21013=2", f"b|131={third.quote_req_id}")
        states = [request.state for request in (first, second, third)]
        assert states == [RequestState.EXPIRED, RequestState.OPEN, RequestState.OPEN]


@covers("S rfq", "AI rfq", row="297=5 a quote is refused")
@pytest.mark.parametrize(
    ("what", "text"),
    [("off the grid", "invalid_parameters"), ("request is closed", "RFQ_CLOSED")],
    ids=lambda value: value if " " in value else "",
)
async def test_a_quote_that_is_refused(desk: Opener, what: str, text: str) -> None:
    async with floor(desk) as at:
        handle = await at.ask()
        request = await anext(at.requests)
        if what == "request is closed":  # and the maker has not heard of it yet
            at.joined.venue.pause_reports(at.joined.key_ids["maker"])
            await at.creator.cancel(handle)
        at.joined.look()
        quote = at.maker.quote(request, bid_px=Decimal("0.405") if what == "off the grid" else YES)
        await at.joined.settle()
        at.joined.venue.resume_reports(at.joined.key_ids["maker"])
        await at.joined.settle()
        at.joined.assert_fits(
            at.joined.frames("maker")[-1], f"AI|!117|131={handle.rfq_id}|297=5|58={text}|!132|!133"
        )
        if what == "off the grid":
            with pytest.raises(Rejected, match=text):
                await quote.acknowledged(timeout=1)
            assert quote.state is QuoteState.REJECTED


@covers("S rfq", "AI rfq", row="297=5 prices of more than a dollar")
async def test_prices_of_more_than_a_dollar_are_refused(desk: Opener) -> None:
    async with floor(desk) as at:
        handle = await at.ask()
        at.joined.look()
        pairs = [(117, "q"), (131, handle.rfq_id), (55, MARKET), (132, "0.60"), (133, "0.50")]
        at.joined["maker"].send(Message("S", pairs))
        await at.joined.heard("maker", f"AI|131={handle.rfq_id}|297=5|58=invalid_parameters")
        await at.joined.heard("creator")


@covers("S rfq", "AI rfq", "S orders-rt")
async def test_a_newer_quote_takes_the_place_of_the_older_one_without_a_word(desk: Opener) -> None:
    async with floor(desk) as at:
        handle, _, old = await at.quoted()
        at.joined.look()
        new = at.maker.quote(old.request, bid_px=Decimal("0.41"), offer_px=NO)
        await at.joined.heard("maker", f"AI|117={new.quote_id}|297=10")
        await at.joined.heard("creator", f"S|117={new.quote_id}|132=0.4100")
        assert (old.state, new.state) == (QuoteState.REPLACED, QuoteState.PENDING)
        assert list(handle.quotes) == [new.quote_id]


@covers("UA orders-rt", "UC orders-rt", row="21025=1 the quote is gone")
@pytest.mark.parametrize("text", ["NOT_FOUND", "EXPIRED"])
async def test_a_quote_that_is_gone_can_not_be_accepted(desk: Opener, text: str) -> None:
    async with floor(desk) as at:
        _, offered, quote = await at.quoted()
        if text == "NOT_FOUND":
            at.joined.venue.flush_quotes()
        else:
            await at.maker.cancel(quote)
        at.joined.look()
        with pytest.raises(QuoteGone) as caught:
            await at.creator.accept(offered, BUY)
        assert (caught.value.reason, bool(caught.value.meaning)) == (AcceptRefusal(text), True)
        await at.joined.heard("creator", f"UC|117={quote.quote_id}|21025=1|!21024|11|58={text}")


@covers("UA orders-rt", "UC orders-rt", "AI rfq", row="21025=0 and 21024 a better quote is taken")
async def test_a_better_quote_may_be_taken(desk: Opener) -> None:
    async with floor(desk, other=Seat("rfq", "gamma")) as at:
        _, offered, quote = await at.quoted()
        other = at.joined["other"].client(RfqMaker)
        better = other.quote(await anext(aiter(other)), offer_px=Decimal("0.60"))
        await better.acknowledged(timeout=1)
        at.joined.look()
        taken = await at.creator.accept(offered, BUY, prefer_better_quote=True)
        await at.joined.told("creator", f"UA|117={quote.quote_id}|21022=Y")
        await at.joined.heard("creator", f"UC|117={quote.quote_id}|21025=0|21024={better.quote_id}")
        await at.joined.heard("other", f"AI|117={better.quote_id}|297=0")
        await at.joined.heard("maker")
        assert taken.quote_id == better.quote_id


@covers("U7 rfq", "U8 rfq", row="21010=1 nobody accepted it")
async def test_a_quote_that_nobody_accepted_can_not_be_confirmed(desk: Opener) -> None:
    async with floor(desk) as at:
        _, _, quote = await at.quoted()
        at.joined.look()
        at.joined["maker"].send(Message("U7", [(117, quote.quote_id)]))
        await at.joined.heard("maker", f"U8|117={quote.quote_id}|21010=1|58=QUOTE_NOT_ACCEPTED")
        assert quote.state is QuoteState.PENDING


@covers("D orders-rt", "8 orders-rt", "AI rfq", "U7 rfq", "U8 rfq", "8 orders-nr")
@both_speeds
async def test_an_order_may_accept_a_quote(desk: Opener, timers: Timers) -> None:
    async with floor(desk) as at:
        handle, offered, quote = await at.quoted(timers.symbol)
        at.joined.look()
        order = limit(
            SELL,
            100,
            "0.40",
            TimeInForce.IMMEDIATE_OR_CANCEL,
            timers.symbol,
            quote_id=offered.quote_id,
            rfq_id=handle.rfq_id,
        )
        placed = await at.joined.submit("creator", order)
        await at.joined.heard("creator", "8|150=0|39=0")
        assert await quote.accepted(timeout=1) is BUY
        await at.maker.confirm(quote)
        await placed.closed(timeout=timers.execute + 1)
        await at.joined.heard("creator", "8|150=0", f"8|150=F|39=2|11={placed.cl_ord_id}|31=0.4000")
        assert (placed.state, placed.cum_qty) == (OrderState.FILLED, SIZE)


@covers("D orders-rt", "8 orders-rt", "AI rfq")
async def test_an_order_whose_quote_is_not_confirmed_is_cancelled(desk: Opener) -> None:
    async with floor(desk) as at:
        _, offered, quote = await at.quoted()
        order = limit(SELL, 100, "0.40", quote_id=offered.quote_id)
        placed = await at.joined.submit("creator", order)
        await placed.closed(timeout=31)
        at.joined.assert_fits(at.joined.frames("creator")[-1], "8|150=4|39=4|14=0.00|58")
        assert (placed.state, quote.state) == (OrderState.CANCELED, QuoteState.VOID)


@covers("S rfq", "8 orders-nr", "8 orders-rt")
async def test_a_post_only_quote_does_not_take_from_the_book(desk: Opener) -> None:
    async with floor(desk) as at:
        handle = await at.ask()
        quote = at.maker.quote(await anext(at.requests), bid_px=YES, post_only=True)
        offered = await anext(aiter(handle))
        taken = await at.creator.accept(offered, SELL)
        await quote.accepted(timeout=1)
        await at.maker.confirm(quote)
        at.joined.rest(SELL, 10, "0.39")
        at.joined.look()
        with pytest.raises(Rejected, match="IMMEDIATE_OR_CANCELLED"):
            await taken.executed(timeout=16)
        await at.joined.heard("fills", "8|150=4|39=4|58=POST_ONLY_CROSS")
        await at.joined.heard("creator", f"8|150=4|11={taken.cl_ord_id}|58=IMMEDIATE_OR_CANCELLED")


@covers("R orders-rt", "8 orders-rt")
async def test_what_a_creator_does_not_get_may_rest(desk: Opener) -> None:
    async with floor(desk) as at:
        handle = await at.ask(rest_remainder=True)
        quote = at.maker.quote(await anext(at.requests), bid_px=YES, post_only=True)
        taken = await at.creator.accept(await anext(aiter(handle)), SELL)
        await quote.accepted(timeout=1)
        await at.maker.confirm(quote)
        at.joined.rest(SELL, 10, "0.39")
        at.joined.look()
        with pytest.raises(OutcomeUnknown):
            await taken.executed(timeout=16)
        await at.joined.heard("creator", f"8|150=0|39=0|11={taken.cl_ord_id}|151=100.00")


@covers("S orders-rt", "S rfq", "AI rfq")
async def test_a_maker_may_quote_in_cents_while_the_creator_reads_dollars(desk: Opener) -> None:
    async with floor(desk, maker=Seat("rfq", "beta", {"use_dollars": False})) as at:
        _, offered, quote = await at.quoted()
        await at.joined.told("maker", f"S|117={quote.quote_id}|132=40|133=55")
        at.joined.assert_fits(at.joined.frames("maker")[-1], "AI|297=10|132=40|133=55")
        assert (offered.bid_px, offered.offer_px) == (YES, NO)
