"""An act between two firms: a request for quote, from the question to the execution."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from fixgw.cli.demo.stage import ANSWER, QUOTES, RT, STORM, Stage, dollars, entered, limit, plain, standing
from fixgw.messages.order_entry import Side
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from fixgw.venues.kalshi.rfq_maker import RfqMaker

SIZE = Decimal(100)
YES, NO = Decimal("0.40"), Decimal("0.55")  # what the maker pays, dollars


async def ask_for_quotes(stage: Stage) -> None:
    """The desk asks, the maker quotes, the desk takes it with an order, the maker confirms."""
    creator, maker = stage.desk[RT.name].client(RfqCreator), stage.maker[QUOTES.name].client(RfqMaker)
    request = await creator.request(STORM, order_qty=SIZE)
    stage.step("alpha", f"asks every maker for {plain(SIZE)} contracts", f"request {request.state.value}")
    heard = await asyncio.wait_for(anext(aiter(maker)), ANSWER)
    quote = maker.quote(heard, bid_px=YES, offer_px=NO)
    await quote.acknowledged(ANSWER)
    stage.step("beta", f"pays {YES} for YES or {NO} for NO", f"quote {quote.state.value}")
    offered = await asyncio.wait_for(anext(aiter(request)), ANSWER)
    order = await entered(stage.rt, creator.order(offered, Side.BUY, cl_ord_id="rfq-1"))
    stage.step("rfq-1", f"alpha buys YES at {dollars(order.price)} from that quote", standing(order))
    side = await quote.accepted(ANSWER)
    await maker.confirm(quote, timeout=ANSWER)
    took = "sells" if side is Side.SELL else "buys"
    stage.step("beta", "confirms", f"quote {quote.state.value}, beta {took} YES")
    await order.closed(ANSWER)
    stage.step("rfq-1", "executes a second later, by the venue's timer", standing(order))
    resting = await entered(stage.rt, limit("rfq-2", STORM, Side.SELL, 40, "0.80"))
    stage.step("rfq-2", "alpha offers 40 of them at 0.80", standing(resting))
