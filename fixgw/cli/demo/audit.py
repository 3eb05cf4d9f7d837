"""Holds what both gateways believe against the ledger that the venue's matching engine has written."""

from __future__ import annotations

from dataclasses import dataclass

from fixgw.cli.demo.stage import BOOKS, DESK, LISTENER, MAKER, MARKETS, NR, RT, Seat, Stage
from fixgw.engine.gateway import Gateway
from fixgw.sim.compare import differences, heard_differences, position_differences
from fixgw.sim.orders import Side
from fixgw.venues.kalshi.listener import Listener
from fixgw.venues.kalshi.market_data import MarketData


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is held against the ledger.

    Args:
        what: in a few words.
        wrong: a sentence for each difference.
    """

    what: str
    wrong: tuple[str, ...]


def audited(stage: Stage) -> list[Check]:
    """Compare everything that the gateways know."""
    return [
        _orders(stage, RT),
        _orders(stage, NR),
        _listener(stage),
        *(_positions(stage, *whose) for whose in ((DESK, stage.desk), (MAKER, stage.maker))),
        _books(stage),
    ]


def _orders(stage: Stage, seat: Seat) -> Check:
    orders = [order for order in stage.desk[seat.name].orders.snapshot() if not order.foreign]
    wrong = differences(stage.venue.ledger, stage.venue_name(seat), orders)
    return Check(
        f"orders of {seat.name} ({len(orders)}): ending, state, quantities, price, fees", tuple(wrong)
    )


def _listener(stage: Stage) -> Check:
    heard = stage.desk[LISTENER.name].client(Listener).orders.snapshot()
    wrong = heard_differences(stage.venue.ledger, LISTENER.account, heard)
    return Check(f"orders that the listener heard of ({len(heard)}): the same", tuple(wrong))


def _positions(stage: Stage, seats: tuple[Seat, ...], gateway: Gateway) -> Check:
    account, held = seats[0].account, gateway.positions.snapshot()
    wrong = position_differences(stage.venue.ledger, account, held)
    return Check(f"positions of {account} ({len(held)}): contracts, realised P&L, fees, cash", tuple(wrong))


def _books(stage: Stage) -> Check:
    wrong = [
        f"the book of {market.symbol} differs"
        for market in MARKETS
        if not book_is_right(stage, market.symbol)
    ]
    return Check(f"books ({len(MARKETS)}): every price and size", tuple(wrong))


def book_is_right(stage: Stage, symbol: str) -> bool:
    """Tell whether the desk sees a market's book as it is."""
    seen = stage.desk[BOOKS.name].client(MarketData).book(symbol)
    book = stage.venue.engine.books[symbol]
    sides = ((seen.bids, Side.BUY), (seen.offers, Side.SELL))
    return all(levels == dict(book.side(side).depth()) for levels, side in sides)
