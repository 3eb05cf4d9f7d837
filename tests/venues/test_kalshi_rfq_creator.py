"""The creator's side of a request for quote: quotes as they come, and the one that is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar

import pytest

from fixgw.errors import LocalError, NotLoggedOn, NotSent, OutcomeUnknown, Rejected
from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.messages.order_entry import Side
from fixgw.venues.kalshi.asks import (
    AcceptanceState,
    AcceptRefusal,
    QuoteGone,
    RequestRefused,
    RequestState,
    RfqHandle,
)
from fixgw.venues.kalshi.messages import MveValidationReasonCode, Quote, SelectedLeg, SelectedLegSide
from fixgw.venues.kalshi.profile import VENUE
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from tests.handlers.port import Port, report

T = TypeVar("T")
LEG = SelectedLeg(event_ticker="E", market_ticker="M", side=SelectedLegSide.NO)


class Desk:
    """A creator with its port, and the venue's voice."""

    def __init__(self) -> None:
        self.port = Port()
        ids = count(1)
        self.creator = RfqCreator(VENUE.profile.meanings, lambda: f"c{next(ids)}")
        self.creator.bind(self.port)

    def tell(self, msg_type: str, text: str) -> None:
        pairs = [(int(tag), value) for tag, _, value in (one.partition("=") for one in text.split("|"))]
        self.hear(Message(msg_type, pairs))

    def hear(self, message: Message) -> None:
        self.creator.on_message(message, Context(self.port, 1))

    def quoted(
        self, quote_id: str = "q1", prices: str = "132=0.4000|133=0.5500", maker: str = "mary"
    ) -> None:
        self.tell("S", f"117={quote_id}|131=r1|55=X|{prices}|453=1|448={maker}|452=35")

    async def open(self) -> RfqHandle:
        """Open the request c1, which is the venue's r1."""
        asking = await started(self.creator.request("X", order_qty=Decimal(100)))
        self.tell("b", "131=c1|303=1|21023=r1|100=0")
        return await asking

    async def with_quote(self) -> tuple[RfqHandle, Quote]:
        handle = await self.open()
        self.quoted()
        return handle, handle.quotes["q1"]

    @property
    def last(self) -> str:
        return "|".join(f"{tag}={value.decode()}" for tag, value in self.port.sent[-1].pairs())


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def started(request: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    task = asyncio.ensure_future(request)
    await asyncio.sleep(0)
    return task


class TestARequest:
    async def test_is_open_when_the_venue_has_an_id_for_it(self, desk: Desk) -> None:
        handle = await desk.open()
        assert desk.last == "35=R|131=c1|146=1|55=X|38=100"
        assert (handle.state, handle.rfq_id, handle.symbol) == (RequestState.OPEN, "r1", "X")

    async def test_leaves_with_what_was_said(self, desk: Desk) -> None:
        await started(
            desk.creator.request(
                "X",
                cash_order_qty=Decimal(50),
                target_cost_excludes_fees=True,
                obscure_creator_id=True,
                rest_remainder=False,
                replace_existing=True,
                alloc_account="3",
            )
        )
        group = "146=1|55=X|152=50|21033=Y|21034=Y|21015=N|21016=Y"
        assert desk.last == f"35=R|131=c1|{group}|79=3"

    async def test_of_legs_learns_its_market(self, desk: Desk) -> None:
        request = desk.creator.request(legs=[LEG], multivariate_collection_ticker="C", order_qty=Decimal(1))
        asking = await started(request)
        assert desk.last == "35=R|131=c1|146=1|38=1|20180=C|20181=1|20182=E|20183=M|20184=no"
        desk.tell("b", "131=c1|303=1|21023=r1|55=C-1|100=0")
        assert (await asking).symbol == "C-1"

    @pytest.mark.parametrize(
        "terms",
        [
            {"order_qty": Decimal(1)},
            {"symbol": "X"},
            {"symbol": "X", "order_qty": Decimal(1), "cash_order_qty": Decimal(1)},
            {"symbol": "X", "order_qty": Decimal(0)},
            {"symbol": "X", "order_qty": Decimal("0.001")},
            {"symbol": "X", "order_qty": Decimal(1), "target_cost_excludes_fees": True},
            {"symbol": "X", "order_qty": Decimal(1), "legs": [LEG], "multivariate_collection_ticker": "C"},
            {"order_qty": Decimal(1), "legs": [LEG]},
            {"symbol": "X", "order_qty": Decimal(1), "multivariate_collection_ticker": "C"},
        ],
    )
    async def test_that_is_none_does_not_leave(self, desk: Desk, terms: dict[str, Any]) -> None:
        with pytest.raises(LocalError):
            await desk.creator.request(**terms)
        assert desk.port.sent == []

    async def test_is_not_made_while_logged_off(self, desk: Desk) -> None:
        desk.port.up = False
        with pytest.raises(NotLoggedOn):
            await desk.creator.request("X", order_qty=Decimal(1))
        assert desk.creator.requests == {}

    async def test_is_refused_with_reason_and_legs(self, desk: Desk) -> None:
        asking = await started(desk.creator.request("X", order_qty=Decimal(1)))
        desk.tell("AG", "131=c1|658=99|20187=duplicated_legs|20185=1|20186=M|58=duplicated_legs")
        with pytest.raises(RequestRefused, match="duplicated_legs: M") as caught:
            await asking
        assert caught.value.code is MveValidationReasonCode.DUPLICATED_LEGS
        assert caught.value.offending == ("M",)
        assert desk.creator.requests["c1"].state is RequestState.REJECTED

    async def test_that_is_refused_says_what_that_means(self, desk: Desk) -> None:
        asking = await started(desk.creator.request("X", order_qty=Decimal(1)))
        desk.tell("AG", "131=c1|658=1|58=MARKET_NOT_FOUND")
        with pytest.raises(RequestRefused, match=r"MARKET_NOT_FOUND: .*correct Symbol"):
            await asking

    async def test_is_refused_by_its_number(self, desk: Desk) -> None:
        asking = await started(desk.creator.request("X", order_qty=Decimal(1)))
        desk.tell("j", "45=2|372=R|380=6|58=not authorized")
        with pytest.raises(Rejected, match="not authorized"):
            await asking

    async def test_not_answered_in_time_can_still_open(self, desk: Desk) -> None:
        with pytest.raises(OutcomeUnknown) as caught:
            await desk.creator.request("X", order_qty=Decimal(1), timeout=0.01)
        handle = desk.creator.requests[caught.value.cl_ord_id]
        desk.tell("b", "131=c1|303=1|21023=r1")
        assert (handle.state, handle.rfq_id) == (RequestState.OPEN, "r1")

    async def test_over_a_lost_link_is_unknown_until_the_answer_comes_again(self, desk: Desk) -> None:
        asking = await started(desk.creator.request("X", order_qty=Decimal(1)))
        desk.creator.on_disconnect()
        with pytest.raises(OutcomeUnknown):
            await asking
        handle = desk.creator.requests["c1"]
        states = [handle.state]
        desk.tell("b", "131=c1|303=1|21023=r1")
        assert [*states, handle.state] == [RequestState.UNKNOWN, RequestState.OPEN]

    async def test_that_a_resend_left_out_was_not_sent(self, desk: Desk) -> None:
        asking = await started(desk.creator.request("X", order_qty=Decimal(1)))
        desk.creator.on_disconnect()
        desk.creator.on_not_sent(2)
        with pytest.raises(NotSent):
            await asking
        assert desk.creator.requests["c1"].state is RequestState.NOT_SENT

    async def test_is_closed(self, desk: Desk) -> None:
        handle, _ = await desk.with_quote()
        closing = await started(desk.creator.cancel(handle))
        assert desk.last == "35=UE|131=c1|21023=r1"
        desk.tell("UB", "131=c1|21013=0")
        await closing
        assert (handle.state, handle.quotes) == (RequestState.CANCELED, {})
        with pytest.raises(LocalError, match="canceled already"):
            await desk.creator.cancel(handle)

    async def test_can_not_be_closed_while_a_quote_is_accepted(self, desk: Desk) -> None:
        handle = await desk.open()
        closing = await started(desk.creator.cancel(handle))
        desk.tell("UB", "131=c1|21013=1|58=RFQ_CLOSED")
        with pytest.raises(Rejected, match="RFQ_CLOSED"):
            await closing
        assert handle.state is RequestState.OPEN

    async def test_is_closed_by_the_venue(self, desk: Desk) -> None:
        handle = await desk.open()
        waiting = asyncio.ensure_future(handle.closed())
        await asyncio.sleep(0)
        desk.tell("UB", "131=c1|21023=r1|21013=2|58=EXPIRED")
        assert (await waiting, handle.text) == (RequestState.EXPIRED, "EXPIRED")

    async def test_closed_by_the_venue_meanwhile_needs_no_cancel(self, desk: Desk) -> None:
        handle = await desk.open()
        closing = await started(desk.creator.cancel(handle))
        desk.tell("UB", "131=c1|21023=r1|21013=2")
        await closing
        assert handle.state is RequestState.EXPIRED

    async def test_with_a_status_that_is_not_in_the_table_stays(self, desk: Desk) -> None:
        handle = await desk.open()
        desk.tell("UB", "131=c1|21023=r1|21013=7")
        assert handle.state is RequestState.OPEN


class TestQuotes:
    async def test_come_in_order_and_end_with_the_request(self, desk: Desk) -> None:
        handle, _ = await desk.with_quote()
        desk.quoted("q2", maker="mark")
        reading = asyncio.ensure_future(_all(handle))
        await asyncio.sleep(0)
        desk.quoted("q3", maker="mona")
        await asyncio.sleep(0)
        desk.tell("UB", "131=c1|21023=r1|21013=2")
        assert [quote.quote_id for quote in await reading] == ["q1", "q2", "q3"]

    async def test_replace_the_one_of_the_same_maker(self, desk: Desk) -> None:
        handle, _ = await desk.with_quote()
        desk.quoted("q2", maker="mark")
        desk.quoted("q3", maker="mary")
        assert list(handle.quotes) == ["q2", "q3"]

    async def test_of_makers_who_are_not_named_stand_together(self, desk: Desk) -> None:
        handle = await desk.open()
        for quote_id in ("q1", "q2"):
            desk.tell("S", f"117={quote_id}|131=r1|55=X|132=0.4")
        assert list(handle.quotes) == ["q1", "q2"]

    async def test_that_come_again_count_once(self, desk: Desk) -> None:
        handle, _ = await desk.with_quote()
        desk.quoted()
        assert len(handle.quotes) == 1

    async def test_are_ranked_by_side(self, desk: Desk) -> None:
        handle = await desk.open()
        assert handle.best(Side.BUY) is None
        desk.quoted("q1", "132=0.41|133=0.50", "mary")
        desk.quoted("q2", "132=0.40|133=0.55", "mark")
        desk.quoted("q3", "132=0.39", "mona")
        buy, sell = handle.best(Side.BUY), handle.best(Side.SELL)
        assert buy is not None
        assert sell is not None
        assert (buy.quote_id, sell.quote_id) == ("q2", "q1")

    async def test_of_no_request_of_ours_change_nothing(self, desk: Desk) -> None:
        desk.quoted()
        desk.tell("UB", "131=c9|21013=2")
        desk.tell("b", "131=c9|303=1")
        assert desk.creator.malformed == 0

    async def test_that_can_not_be_read_are_counted(self, desk: Desk) -> None:
        handle = await desk.open()
        desk.quoted(prices="132=dear")
        assert (desk.creator.malformed, handle.quotes) == (1, {})


async def _all(handle: RfqHandle) -> list[Quote]:
    return [quote async for quote in handle]


class TestAccepting:
    async def test_is_answered(self, desk: Desk) -> None:
        _, quote = await desk.with_quote()
        accepting = await started(desk.creator.accept(quote, Side.BUY, order_qty=Decimal(40)))
        assert desk.last == "35=UA|117=q1|21023=r1|54=1|38=40|11=c2"
        desk.tell("UC", "117=q1|21025=0|21024=q1|11=c2")
        acceptance = await accepting
        assert (acceptance.quote_id, acceptance.cl_ord_id, acceptance.side) == ("q1", "c2", Side.BUY)

    async def test_may_bring_a_better_quote(self, desk: Desk) -> None:
        _, quote = await desk.with_quote()
        accepting = await started(
            desk.creator.accept(quote, Side.BUY, cl_ord_id="mine", prefer_better_quote=True)
        )
        assert desk.last == "35=UA|117=q1|21023=r1|54=1|11=mine|21022=Y"
        desk.tell("UC", "117=q1|21025=0|21024=q2|11=mine")
        assert (await accepting).quote_id == "q2"

    @pytest.mark.parametrize(
        ("text", "reason", "left"),
        [
            ("NOT_FOUND", AcceptRefusal.NOT_FOUND, []),
            ("EXPIRED", AcceptRefusal.EXPIRED, []),
            ("RFQ_CLOSED", AcceptRefusal.OTHER, ["q1"]),
        ],
    )
    async def test_is_refused_with_a_reason(
        self, desk: Desk, text: str, reason: AcceptRefusal, left: list[str]
    ) -> None:
        handle, quote = await desk.with_quote()
        accepting = await started(desk.creator.accept(quote, Side.SELL))
        desk.tell("UC", f"117=q1|21025=1|11=c2|58={text}")
        with pytest.raises(QuoteGone, match=text) as caught:
            await accepting
        assert caught.value.reason is reason
        assert (list(handle.quotes), desk.creator.acceptances) == (left, {})

    async def test_needs_a_price_for_the_side(self, desk: Desk) -> None:
        handle = await desk.open()
        desk.quoted(prices="132=0.40")
        with pytest.raises(LocalError, match="no price to BUY"):
            await desk.creator.accept(handle.quotes["q1"], Side.BUY)
        assert len(desk.port.sent) == 1

    async def test_over_a_lost_link_is_unknown_and_still_reported(self, desk: Desk) -> None:
        _, quote = await desk.with_quote()
        accepting = await started(desk.creator.accept(quote, Side.BUY))
        desk.creator.on_disconnect()
        with pytest.raises(OutcomeUnknown) as caught:
            await accepting
        desk.hear(report("c2", "F", cum=100, leaves=0))
        acceptance = desk.creator.acceptances[caught.value.cl_ord_id]
        assert (await acceptance.executed(timeout=1)).cum_qty == 100

    async def test_that_was_never_sent_leaves_nothing(self, desk: Desk) -> None:
        _, quote = await desk.with_quote()
        accepting = await started(desk.creator.accept(quote, Side.BUY))
        desk.creator.on_not_sent(3)
        with pytest.raises(NotSent):
            await accepting
        assert desk.creator.acceptances == {}

    async def test_is_answered_by_a_report_as_well(self, desk: Desk) -> None:
        _, quote = await desk.with_quote()
        accepting = await started(desk.creator.accept(quote, Side.BUY))
        desk.hear(report("c2", "0"))
        assert (await accepting).state is AcceptanceState.WAITING


class TestExecution:
    @pytest.fixture
    def reports(self) -> list[Message]:
        return [report("c2", "0", leaves=100), report("c2", "F", cum=60, leaves=40)]

    async def accepted(self, desk: Desk) -> Any:
        _, quote = await desk.with_quote()
        accepting = await started(desk.creator.accept(quote, Side.BUY))
        desk.tell("UC", "117=q1|21025=0|21024=q1|11=c2")
        return await accepting

    async def test_is_over_when_nothing_is_left(self, desk: Desk, reports: list[Message]) -> None:
        acceptance = await self.accepted(desk)
        waiting = asyncio.ensure_future(acceptance.executed())
        for one in reports:
            desk.hear(one)
            await asyncio.sleep(0)
        assert (acceptance.state, waiting.done()) == (AcceptanceState.EXECUTING, False)
        desk.hear(report("c2", "F", cum=100, leaves=0))
        assert (await waiting).cum_qty == 100

    async def test_is_what_has_traded_when_the_rest_is_cancelled(
        self, desk: Desk, reports: list[Message]
    ) -> None:
        acceptance = await self.accepted(desk)
        for one in [*reports, report("c2", "4", cum=60, leaves=0)]:
            desk.hear(one)
        assert (await acceptance.executed()).cum_qty == 60

    async def test_is_what_has_traded_when_no_more_is_reported(
        self, desk: Desk, reports: list[Message]
    ) -> None:
        acceptance = await self.accepted(desk)
        for one in reports:
            desk.hear(one)
        assert (await acceptance.executed(timeout=0.01)).cum_qty == 60

    async def test_that_ends_without_a_trade_is_rejected(self, desk: Desk) -> None:
        acceptance = await self.accepted(desk)
        desk.hear(report("c2", "8", leaves=0, text="MARKET_INACTIVE"))
        with pytest.raises(Rejected, match="MARKET_INACTIVE"):
            await acceptance.executed()

    async def test_that_does_not_come_is_unknown(self, desk: Desk) -> None:
        acceptance = await self.accepted(desk)
        with pytest.raises(OutcomeUnknown, match="the maker has not confirmed"):
            await acceptance.executed(timeout=0.01)
