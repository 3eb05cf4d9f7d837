"""Acts in which the venue tells: of its books, of a settlement, and of all that an account does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from itertools import zip_longest

from fixgw.cli.demo.audit import books, caught_up, heard_orders
from fixgw.cli.demo.stage import (
    ANSWER,
    BOOKS,
    FILLS,
    LISTENER,
    NR,
    POST,
    RATE,
    STORM,
    Stage,
    dollars,
    plain,
    standing,
    until,
)
from fixgw.sim.settlement import Result
from fixgw.venues.kalshi.listener import Listener
from fixgw.venues.kalshi.market_book import Level
from fixgw.venues.kalshi.market_data import MarketData
from fixgw.venues.kalshi.messages import SecurityTradingStatus
from fixgw.venues.kalshi.settlement import Settlements

LEVELS = 4
LADDER = "{:>9}{:>8}{:>8}{:>11}"


async def show_a_book(stage: Stage) -> None:
    """What the updates have made of a snapshot that was taken before the first order."""
    book = stage.desk[BOOKS.name].client(MarketData).book(RATE)
    await caught_up(stage, books)
    stage.note(f"{RATE}, by the updates since before the first order")
    stage.note(LADDER.format("contracts", "bid", "offer", "contracts"))
    for bid, offer in zip_longest(*book.depth(LEVELS)):
        stage.note(LADDER.format(*reversed(_cells(bid)), *_cells(offer)))


def _cells(level: Level | None) -> Sequence[str]:
    return ("", "") if level is None else (dollars(level.md_entry_px), plain(level.md_entry_size))


async def settle(stage: Stage) -> None:
    """A market is determined: what rests there ends, positions are paid out, and both firms are told."""
    resting = stage.rt.get("rfq-2")
    assert resting is not None
    book = stage.desk[BOOKS.name].client(MarketData).book(STORM)
    stage.venue.settle_market(STORM, Result.YES)
    await resting.closed(ANSWER)
    await until(lambda: book.status is SecurityTradingStatus.SETTLED)
    stage.note(f"{STORM} is determined and settled, as market data tells too")
    stage.step("rfq-2", "what rested there is cancelled", standing(resting))
    for client in (stage.desk[POST.name].client(Settlements), stage.maker[FILLS.name].client(Settlements)):
        settlement = await asyncio.wait_for(anext(aiter(client)), ANSWER)
        pays = f"it is {settlement.market_result.name}: a YES contract pays {dollars(settlement.settl_price)}"
        for party in settlement.parties:
            changes = (change.collateral_amount_change for change in party.collateral_amount_changes)
            side, qty = ("YES", party.long_qty) if party.long_qty else ("NO", party.short_qty)
            held = f"held {plain(qty)} {side}, is paid {dollars(sum(changes, Decimal(0)))}"
            stage.step(party.market_settlement_party_id, pays, held)


async def ask_the_listener(stage: Stage) -> None:
    """One session has heard what the others did."""
    listener = stage.desk[LISTENER.name].client(Listener)
    await caught_up(stage, heard_orders)
    orders = f"{len(listener.orders)} orders, of which {len(listener.orders.open)} are open"
    stage.note(f"{len(listener)} reports about {orders}")
    for name in ("gone-1", "gone-2"):
        order = listener.orders.get(name)
        known = "not heard of" if order is None else standing(order)
        stage.step(name, f"without the reports that {NR.name} lost", known)
