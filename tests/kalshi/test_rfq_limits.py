"""Requests for quote and what an account has: who can not pay, asks, quotes and confirms in vain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from fixgw.errors import Rejected
from fixgw.messages.order_entry import TimeInForce
from fixgw.sim.accounts import AccountSpec
from fixgw.sim.orders import Holder
from fixgw.venues.kalshi.asks import RequestRefused
from fixgw.venues.kalshi.profile import VENUE
from fixgw.venues.kalshi.quotes import QuoteState
from tests.kalshi.covers import covers, rows
from tests.kalshi.desk import BUY, MARKET, SELL, Opener, limit
from tests.kalshi.test_rfq_flow import NO, YES, floor

POOR = "INSUFFICIENT_BALANCE"


@dataclass(frozen=True)
class Refused:
    """A request that its account may not make.

    Args:
        what: the reason, with its code.
        reason: QuoteRequestRejectReason(658).
        text: Text(58).
        account: what the account has.
        size: of the request.
        spoken: the messages that are driven.
    """

    what: str
    reason: str
    text: str
    account: Mapping[str, Any]
    size: Mapping[str, Any] = field(default_factory=lambda: {"order_qty": Decimal(100)})
    spoken: str = "R orders-rt, AG orders-rt"


REFUSED = (
    Refused(
        "658=3 more than the account may hold",
        "3",
        "EXCEEDED_PER_MARKET_RISK_LIMIT",
        {"market_limit": Decimal(99)},
    ),
    Refused("658=11 not a cent a contract", "11", POOR, {"balances": {0: Decimal("0.99")}}),
    Refused(
        "658=11 more dollars than there are",
        "11",
        POOR,
        {"balances": {0: Decimal(49)}},
        {"cash_order_qty": Decimal(50)},
    ),
)


@rows(REFUSED)
async def test_a_request_that_its_account_may_not_make(desk: Opener, row: Refused) -> None:
    async with floor(desk, AccountSpec("alpha", **row.account)) as at:
        with pytest.raises(RequestRefused, match=row.text) as caught:
            await at.creator.request(MARKET, **row.size)
        assert caught.value.reason == row.reason
        assert caught.value.meaning == VENUE.profile.meanings.texts[row.text]
        await at.joined.heard("creator", f"AG|131|658={row.reason}|58={row.text}")
        await at.joined.heard("maker")


@covers("R orders-rt", "b orders-rt", row="what closes a position needs no money")
async def test_a_request_that_closes_a_position_needs_no_money(desk: Opener) -> None:
    async with floor(desk, AccountSpec("alpha", balances={0: Decimal(52)})) as at:
        at.joined.rest(SELL, 100, "0.50")
        await at.joined.submit("creator", limit(BUY, 100, "0.50", TimeInForce.IMMEDIATE_OR_CANCEL))
        assert at.joined.venue.ledger.purse(Holder("alpha", 0)) == Decimal("-51.75")  # a quarter is left
        at.joined.look()
        await at.ask()
        await at.joined.heard("creator", "b|303=1")


@covers("S rfq", "AI rfq", row="297=5 the maker can not pay for it")
async def test_a_quote_that_its_maker_can_not_pay_for(desk: Opener) -> None:
    async with floor(desk, AccountSpec("beta", balances={0: Decimal(50)})) as at:
        handle = await at.ask()
        request = await anext(at.requests)
        at.joined.look()
        both = at.maker.quote(request, bid_px=YES, offer_px=NO)  # NO for 55 dollars is too much
        await at.joined.heard("maker", f"AI|131={handle.rfq_id}|297=5|58={POOR}")
        with pytest.raises(Rejected, match=POOR):
            await both.acknowledged(timeout=1)
        one = at.maker.quote(request, bid_px=YES)
        await one.acknowledged(timeout=1)
        assert (both.state, one.state) == (QuoteState.REJECTED, QuoteState.PENDING)


@covers("U7 rfq", "U8 rfq", row="21010=1 the maker can not pay for it any more")
async def test_a_maker_that_can_not_pay_any_more_when_it_confirms(desk: Opener) -> None:
    async with floor(desk, AccountSpec("beta", balances={0: Decimal(60)})) as at:
        _, offered, quote = await at.quoted()
        await at.creator.accept(offered, BUY)
        await quote.accepted(timeout=1)
        await at.joined.submit("fills", limit(BUY, 20, "0.50"))
        at.joined.look()
        with pytest.raises(Rejected, match=POOR):
            await at.maker.confirm(quote)
        await at.joined.heard("maker", f"U8|117={quote.quote_id}|21010=1|58={POOR}")
