"""The maker's side of a request for quote: what a quote comes to, and what is refused before it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from fixgw.errors import LocalError, NotLoggedOn, NotSent, OutcomeUnknown, Rejected
from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.messages.order_entry import Side
from fixgw.venues.kalshi.profile import VENUE
from fixgw.venues.kalshi.quotes import OpenRequest, QuoteHandle, QuoteState
from fixgw.venues.kalshi.rfq_maker import RfqMaker
from tests.handlers.port import Port

YES, NO = Decimal("0.40"), Decimal("0.55")


class Desk:
    """A maker with its port, and the venue's voice."""

    def __init__(self) -> None:
        self.port = Port()
        ids = count(1)
        self.maker = RfqMaker(VENUE.profile.meanings, lambda: f"q{next(ids)}")
        self.maker.bind(self.port)

    def tell(self, msg_type: str, text: str) -> None:
        pairs = [(int(tag), value) for tag, _, value in (one.partition("=") for one in text.split("|"))]
        self.maker.on_message(Message(msg_type, pairs), Context(self.port, 1))

    def asked(self, rfq_id: str = "r1", size: str = "38=100") -> OpenRequest:
        self.tell("R", f"131={rfq_id}|146=1|55=X|{size}|453=1|448=anon")
        return self.maker.open_requests[rfq_id]

    def quoting(self, **terms: Any) -> QuoteHandle:
        request = self.maker.open_requests.get("r1") or self.asked()
        return self.maker.quote(request, **(terms or {"bid_px": YES, "offer_px": NO}))

    def pending(self, **terms: Any) -> QuoteHandle:
        quote = self.quoting(**terms)
        self.tell("AI", f"117={quote.quote_id}|131=r1|297=10")
        return quote

    def accepted(self, side: str = "2", **terms: Any) -> QuoteHandle:
        quote = self.pending(**terms)
        self.tell("AI", f"117={quote.quote_id}|131=r1|297=0|54={side}")
        return quote

    @property
    def last(self) -> str:
        return "|".join(f"{tag}={value.decode()}" for tag, value in self.port.sent[-1].pairs())


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def started(request: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = asyncio.ensure_future(request)
    await asyncio.sleep(0)
    return task


def test_a_request_is_told_with_all_that_the_venue_says(desk: Desk) -> None:
    desk.tell(
        "R",
        "131=r1|146=1|55=C-1|38=0.00|152=50|60=20261009-14:30:00.000|453=1|448=anon"
        "|20180=C|20181=1|20182=E|20183=M|20184=no",
    )
    request = desk.maker.open_requests["r1"]
    assert (request.symbol, request.order_qty, request.cash_order_qty) == ("C-1", Decimal(0), Decimal(50))
    assert (request.creator_id, request.legs[0].market_ticker) == ("anon", "M")
    assert request.transact_time is not None


async def test_requests_are_yielded_while_they_are_open(desk: Desk) -> None:
    desk.asked("r1")
    desk.asked("r2")
    desk.tell("AG", "131=r1|658=99|58=RFQ_CLOSED")
    requests = desk.maker.__aiter__()
    assert (await anext(requests)).rfq_id == "r2"
    following = asyncio.ensure_future(anext(requests))
    await asyncio.sleep(0)
    desk.asked("r3")
    assert (await following).rfq_id == "r3"


def test_the_oldest_requests_go_with_their_quotes_when_there_are_too_many(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fixgw.venues.kalshi.rfq_maker.KEPT", 2)
    quote = desk.quoting()
    desk.asked("r2")
    desk.asked("r3")
    assert list(desk.maker.open_requests) == ["r2", "r3"]
    desk.tell("AI", "117=q1|131=r1|297=10")
    assert quote.state is QuoteState.SENT


def test_a_request_that_can_not_be_read_is_counted(desk: Desk) -> None:
    desk.tell("R", "131=r1|146=1|38=1")
    desk.tell("R", "131=r1|146=2|55=X")
    assert (desk.maker.malformed, desk.maker.open_requests) == (2, {})


def test_a_quote_leaves_with_what_was_said(desk: Desk) -> None:
    desk.quoting(bid_px=YES, offer_px=NO, post_only=True, rest_remainder=True, alloc_account="2")
    assert desk.last == "35=S|117=q1|131=r1|55=X|132=0.40|133=0.55|18=6|79=2|21015=Y"


def test_a_price_of_nought_is_left_out(desk: Desk) -> None:
    desk.quoting(bid_px=Decimal(0), offer_px=NO)
    assert desk.last == "35=S|117=q1|131=r1|55=X|133=0.55"


@pytest.mark.parametrize(
    ("bid", "offer", "text"),
    [
        (None, None, "bid_px"),
        ("0", None, "bid_px"),
        ("0.50", "0.51", "more than a dollar"),
        ("-0.1", None, "no price"),
        ("0.50", "40", "no price"),
        ("40", None, "no price: say dollars"),
        ("1", None, "no price"),
    ],
)
def test_prices_that_are_none_do_not_leave(desk: Desk, bid: str | None, offer: str | None, text: str) -> None:
    prices = {
        name: None if price is None else Decimal(price)
        for name, price in (("bid_px", bid), ("offer_px", offer))
    }
    with pytest.raises(LocalError, match=text):
        desk.quoting(**prices)
    assert desk.port.sent == []


@pytest.mark.parametrize(("bid", "offer"), [("0.45", "0.55"), ("0.99", None)])
def test_prices_may_add_up_to_a_dollar(desk: Desk, bid: str, offer: str | None) -> None:
    desk.quoting(bid_px=Decimal(bid), offer_px=offer and Decimal(offer))
    assert len(desk.port.sent) == 1


def test_a_request_that_was_withdrawn_is_not_quoted(desk: Desk) -> None:
    request = desk.asked()
    desk.tell("AG", "131=r1|658=99|58=RFQ_CLOSED")
    with pytest.raises(LocalError, match="RFQ_CLOSED"):
        desk.maker.quote(request, bid_px=YES)
    assert desk.maker.open_requests == {}


def test_nothing_is_quoted_while_logged_off(desk: Desk) -> None:
    request = desk.asked()
    desk.port.up = False
    with pytest.raises(NotLoggedOn):
        desk.maker.quote(request, bid_px=YES)
    assert request.quotes == []


async def test_a_quote_stands(desk: Desk) -> None:
    quote = desk.pending()
    await quote.acknowledged(timeout=1)
    assert (quote.state, quote.request.quotes) == (QuoteState.PENDING, [quote])


async def test_a_quote_is_rejected_by_its_id(desk: Desk) -> None:
    quote = desk.quoting()
    desk.tell("AI", "117=q1|131=r1|297=5|58=invalid_parameters")
    with pytest.raises(Rejected, match="invalid_parameters"):
        await quote.acknowledged()
    assert (quote.state, quote.text, quote.request.quotes) == (QuoteState.REJECTED, "invalid_parameters", [])


@pytest.mark.parametrize("without", ["131=r1|297=5|58=RFQ_CLOSED", "117=|131=r1|297=5|58=RFQ_CLOSED"])
def test_a_rejection_without_id_is_of_the_oldest_that_waits(desk: Desk, without: str) -> None:
    stands, first, second = desk.pending(), desk.quoting(), desk.quoting()
    message = Message.of([b"35=AI", *(field.encode() for field in without.split("|"))])
    desk.maker.on_message(message, Context(desk.port, 1))
    assert [quote.state for quote in (stands, first, second)] == ["pending", "rejected", "sent"]


@pytest.mark.parametrize("message", ["j", "3"])
async def test_a_quote_is_refused_by_its_number(desk: Desk, message: str) -> None:
    quote = desk.quoting()
    if message == "j":
        desk.tell("j", "45=1|372=S|380=8|58=another")
        desk.tell("j", "45=2|372=S|380=8|58=rate limit exceeded")
    else:
        desk.maker.on_reject(Message("3", [(45, 2), (58, "rate limit exceeded")]), 2)
    with pytest.raises(Rejected, match="rate limit exceeded"):
        await quote.acknowledged()
    assert quote.state is QuoteState.REJECTED


def test_a_newer_quote_replaces_the_one_that_stands(desk: Desk) -> None:
    old, new = desk.pending(), desk.pending()
    assert (old.state, new.state) == (QuoteState.REPLACED, QuoteState.PENDING)


def test_a_newer_quote_that_is_rejected_replaces_nothing(desk: Desk) -> None:
    old = desk.pending()
    desk.quoting()
    desk.tell("AI", "131=r1|297=5|58=invalid_parameters")
    assert old.state is QuoteState.PENDING


class TestTheAcceptance:
    @pytest.mark.parametrize(
        ("terms", "told", "side"),
        [
            ({"bid_px": YES, "offer_px": NO}, "2", Side.SELL),
            ({"bid_px": YES, "offer_px": NO}, "1", Side.BUY),
            ({"bid_px": YES}, "2", Side.BUY),
            ({"offer_px": NO}, "1", Side.SELL),
        ],
    )
    async def test_says_the_side_unless_the_quote_leaves_but_one(
        self, desk: Desk, terms: dict[str, Decimal], told: str, side: Side
    ) -> None:
        quote = desk.accepted(told, **terms)
        assert await quote.accepted(timeout=1) is side

    async def test_is_waited_for(self, desk: Desk) -> None:
        quote = desk.pending()
        waiting = asyncio.ensure_future(quote.accepted())
        await asyncio.sleep(0)
        desk.tell("AI", "117=q1|131=r1|297=0|54=1")
        assert await waiting is Side.BUY

    async def test_does_not_come_to_a_quote_that_ended(self, desk: Desk) -> None:
        quote = desk.pending()
        desk.tell("AG", "131=r1|658=99|58=RFQ_CLOSED")
        with pytest.raises(Rejected, match="canceled: RFQ_CLOSED"):
            await quote.accepted()

    async def test_that_does_not_come_in_time_decides_nothing(self, desk: Desk) -> None:
        quote = desk.pending()
        with pytest.raises(TimeoutError):
            await quote.accepted(timeout=0.01)
        assert quote.state is QuoteState.PENDING

    def test_is_not_undone_by_the_end_of_the_request(self, desk: Desk) -> None:
        quote = desk.accepted()
        desk.tell("AG", "131=r1|658=99|58=RFQ_CLOSED")
        assert quote.state is QuoteState.ACCEPTED

    def test_is_void_when_the_venue_cancels_the_quote(self, desk: Desk) -> None:
        quote = desk.accepted()
        desk.tell("AI", "117=q1|131=r1|297=17")
        assert quote.state is QuoteState.VOID


class TestTheConfirmation:
    async def test_is_sent_with_the_request_and_answered(self, desk: Desk) -> None:
        quote = desk.accepted()
        confirming = await started(desk.maker.confirm(quote))
        assert desk.last == "35=U7|117=q1|21023=r1"
        desk.tell("U8", "117=q1|21010=0")
        await confirming
        assert await quote.closed() is QuoteState.CONFIRMED

    async def test_that_comes_too_late_makes_the_quote_void(self, desk: Desk) -> None:
        quote = desk.accepted()
        confirming = await started(desk.maker.confirm(quote))
        desk.tell("U8", "117=q1|21010=1|58=EXPIRED")
        with pytest.raises(Rejected, match="EXPIRED: the quote has expired: ask for another one"):
            await confirming
        assert quote.state is QuoteState.VOID

    async def test_refused_for_another_reason_leaves_the_quote_accepted(self, desk: Desk) -> None:
        quote = desk.accepted()
        confirming = await started(desk.maker.confirm(quote))
        desk.tell("U8", "117=q1|21010=1|58=TRADING_PAUSED")
        with pytest.raises(Rejected, match="TRADING_PAUSED"):
            await confirming
        assert quote.state is QuoteState.ACCEPTED

    async def test_of_a_quote_that_is_not_accepted_does_not_leave(self, desk: Desk) -> None:
        quote = desk.pending()
        with pytest.raises(LocalError, match="pending"):
            await desk.maker.confirm(quote)
        assert len(desk.port.sent) == 1

    async def test_not_answered_in_time_is_unknown(self, desk: Desk) -> None:
        quote = desk.accepted()
        with pytest.raises(OutcomeUnknown, match=r"U7 within 0\.01 s"):
            await desk.maker.confirm(quote, timeout=0.01)
        desk.tell("U8", "117=q1|21010=0")
        assert quote.state is QuoteState.CONFIRMED

    async def test_over_a_lost_link_is_unknown(self, desk: Desk) -> None:
        quote = desk.accepted()
        confirming = await started(desk.maker.confirm(quote))
        desk.maker.on_disconnect()
        with pytest.raises(OutcomeUnknown, match="link was lost"):
            await confirming
        assert quote.state is QuoteState.UNKNOWN

    async def test_of_a_second_one_that_is_refused_leaves_the_first_standing(self, desk: Desk) -> None:
        quote = desk.accepted()
        first, second = [await started(desk.maker.confirm(quote, timeout=60)) for _ in range(2)]
        desk.tell("U8", "117=q1|21010=0")
        desk.tell("U8", "117=q1|21010=1|58=EXPIRED")
        await first
        with pytest.raises(Rejected, match="EXPIRED"):
            await second
        assert quote.state is QuoteState.CONFIRMED


class TestTheCancel:
    @pytest.mark.parametrize("answer", [("U9", "117=q1|298=0"), ("AI", "117=q1|131=r1|297=17")])
    async def test_is_answered_by_either_message(self, desk: Desk, answer: tuple[str, str]) -> None:
        quote = desk.pending()
        canceling = await started(desk.maker.cancel(quote))
        assert desk.last == "35=Z|117=q1|21023=r1"
        desk.tell(*answer)
        await canceling
        assert (quote.state, quote.request.quotes) == (QuoteState.CANCELED, [])

    async def test_answered_by_both_ends_once(self, desk: Desk) -> None:
        quote = desk.pending()
        canceling = await started(desk.maker.cancel(quote))
        desk.tell("U9", "117=q1|298=0")
        desk.tell("AI", "117=q1|131=r1|297=17")
        await canceling
        assert quote.state is QuoteState.CANCELED

    @pytest.mark.parametrize(
        ("text", "state"),
        [("QUOTE_ALREADY_ACCEPTED", QuoteState.PENDING), ("NOT_FOUND", QuoteState.CANCELED)],
    )
    async def test_is_refused(self, desk: Desk, text: str, state: QuoteState) -> None:
        quote = desk.pending()
        canceling = await started(desk.maker.cancel(quote))
        desk.tell("U9", f"117=q1|298=1|58={text}")
        with pytest.raises(Rejected, match=text):
            await canceling
        assert quote.state is state

    async def test_of_a_quote_that_ended_does_not_leave(self, desk: Desk) -> None:
        quote = desk.pending()
        desk.tell("AI", "117=q1|131=r1|297=17")
        with pytest.raises(LocalError, match="canceled already"):
            await desk.maker.cancel(quote)


class TestALostLink:
    def test_and_lost_messages_are_the_same(self, desk: Desk) -> None:
        quote = desk.pending()
        desk.maker.on_gap(5, 7)
        assert quote.state is QuoteState.UNKNOWN

    async def test_does_not_keep_an_accepted_quote_from_being_confirmed(self, desk: Desk) -> None:
        quote = desk.accepted()
        desk.maker.on_disconnect()
        confirming = await started(desk.maker.confirm(quote))
        desk.tell("U8", "117=q1|21010=0")
        await confirming
        assert quote.state is QuoteState.CONFIRMED

    async def test_leaves_what_was_open_unknown(self, desk: Desk) -> None:
        stands, sent = desk.pending(), desk.quoting()
        desk.maker.on_disconnect()
        assert (stands.state, sent.state) == (QuoteState.UNKNOWN, QuoteState.UNKNOWN)
        with pytest.raises(OutcomeUnknown):
            await sent.acknowledged()
        with pytest.raises(OutcomeUnknown):
            await stands.accepted()

    @pytest.mark.parametrize(
        "word",
        [("U8", "117=q1|21010=1|58=EXPIRED"), ("U9", "117=q1|298=1|58=NOT_FOUND"), ("AG", "131=r1|658=99")],
        ids=["not confirmed", "not canceled", "withdrawn"],
    )
    def test_leaves_open_how_a_quote_that_is_gone_has_ended(self, desk: Desk, word: tuple[str, str]) -> None:
        quote = desk.accepted()
        desk.maker.on_disconnect()
        desk.tell(*word)
        assert quote.state is QuoteState.OVER

    def test_leaves_what_was_over_as_it_was(self, desk: Desk) -> None:
        old = desk.pending()
        desk.pending()
        desk.maker.on_disconnect()
        assert old.state is QuoteState.REPLACED

    def test_is_made_good_by_what_the_venue_says_later(self, desk: Desk) -> None:
        quote = desk.quoting()
        desk.maker.on_disconnect()
        desk.maker.on_reset(2, 0)
        desk.tell("AI", "117=q1|131=r1|297=10")
        assert quote.state is QuoteState.PENDING

    def test_does_not_reach_messages_of_the_next_connection(self, desk: Desk) -> None:
        quote = desk.quoting()
        desk.maker.on_disconnect()
        desk.maker.on_reset(2, 0)
        desk.maker.on_reject(Message("3", [(45, 2)]), 2)
        assert quote.state is QuoteState.UNKNOWN

    async def test_before_the_quote_was_written_says_so(self, desk: Desk) -> None:
        quote = desk.quoting()
        desk.maker.on_not_sent(2)
        with pytest.raises(NotSent):
            await quote.acknowledged()
        assert quote.state is QuoteState.NOT_SENT


def test_what_is_of_no_quote_of_ours_changes_nothing(desk: Desk) -> None:
    for msg_type, text in (
        ("AI", "117=x|131=r9|297=10"),
        ("U8", "117=x|21010=0"),
        ("U9", "117=x|298=0"),
        ("AG", "131=r9|658=99|58=RFQ_CLOSED"),
        ("8", "11=x"),
    ):
        desk.tell(msg_type, text)
    assert desk.maker.malformed == 0


def test_an_answer_that_can_not_be_read_is_counted(desk: Desk) -> None:
    quote = desk.quoting()
    desk.tell("AI", "117=q1|131=r1")
    assert (desk.maker.malformed, quote.state) == (1, QuoteState.SENT)


def test_a_status_that_is_not_in_the_table_changes_nothing(desk: Desk) -> None:
    quote = desk.pending()
    desk.tell("AI", "117=q1|131=r1|297=77")
    assert quote.state is QuoteState.PENDING
