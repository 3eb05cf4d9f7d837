"""Holds what both gateways believe against the ledger that the venue's matching engine has written."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from fixgw.cli.demo.stage import BOOKS, DESK, LISTENER, MAKER, MARKETS, NR, RT, Seat, Stage, until
from fixgw.engine.gateway import Gateway
from fixgw.sim.compare import differences, heard_differences, position_differences
from fixgw.sim.orders import Side
from fixgw.venues.kalshi.listener import Listener
from fixgw.venues.kalshi.market_data import MarketData

CATCH_UP = 5.0  # seconds for what is on its way


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is held against the ledger.

    Args:
        what: in a few words.
        wrong: a sentence for each difference.
    """

    what: str
    wrong: tuple[str, ...]


async def caught_up(stage: Stage, check: Callable[[Stage], Check]) -> Check:
    """Hold one thing against the ledger once what is on its way has come.

    Args:
        stage: whose.
        check: tells what differs; what still does so after some seconds is wrong.
    """
    with suppress(TimeoutError):
        await until(lambda: not check(stage).wrong, CATCH_UP)
    return check(stage)


async def audited(stage: Stage) -> list[Check]:
    """Compare everything that the gateways know."""
    return [await caught_up(stage, check) for check in CHECKS]


def rt_orders(stage: Stage) -> Check:
    """Compare the orders of one session."""
    return _orders(stage, RT)


def nr_orders(stage: Stage) -> Check:
    """Compare the orders of the other one."""
    return _orders(stage, NR)


def _orders(stage: Stage, seat: Seat) -> Check:
    orders = [order for order in stage.desk[seat.name].orders.snapshot() if not order.foreign]
    wrong = differences(stage.venue.ledger, stage.venue_name(seat), orders)
    return Check(
        f"orders of {seat.name} ({len(orders)}): ending, state, quantities, price, fees", tuple(wrong)
    )


def heard_orders(stage: Stage) -> Check:
    """Compare what the listener has heard of the whole account."""
    heard = stage.desk[LISTENER.name].client(Listener).orders.snapshot()
    wrong = heard_differences(stage.venue.ledger, LISTENER.account, heard)
    return Check(f"orders that the listener heard of ({len(heard)}): the same", tuple(wrong))


def desk_positions(stage: Stage) -> Check:
    """Compare what the desk holds and has earned."""
    return _positions(stage, DESK[0].account, stage.desk)


def maker_positions(stage: Stage) -> Check:
    """Compare what the maker holds and has earned."""
    return _positions(stage, MAKER[0].account, stage.maker)


def _positions(stage: Stage, account: str, gateway: Gateway) -> Check:
    held = gateway.positions.snapshot()
    wrong = position_differences(stage.venue.ledger, account, held)
    return Check(f"positions of {account} ({len(held)}): contracts, realised P&L, fees, cash", tuple(wrong))


def books(stage: Stage) -> Check:
    """Compare the books that market data has made with those of the matching engine."""
    data, wrong = stage.desk[BOOKS.name].client(MarketData), []
    for market in MARKETS:
        seen, book = data.book(market.symbol), stage.venue.engine.books[market.symbol]
        sides = ((seen.bids, Side.BUY), (seen.offers, Side.SELL))
        if any(levels != dict(book.side(side).depth()) for levels, side in sides):
            wrong.append(f"{market.symbol}: the book is {seen}, the venue's is another")
    return Check(f"books ({len(MARKETS)}): every price and size", tuple(wrong))


CHECKS = (rt_orders, nr_orders, heard_orders, desk_positions, maker_positions, books)
