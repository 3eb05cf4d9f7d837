"""What the demo shows at the end: every order with its ending, every position, every session."""

from __future__ import annotations

from collections.abc import Iterator

from fixgw.cli.demo.stage import DESK, MAKER, NR, RT, Seat, Stage, dollars, plain
from fixgw.cli.render import table
from fixgw.engine.gateway import Gateway
from fixgw.messages.order_entry import Side
from fixgw.observe.snapshot import SessionView

Row = tuple[object, ...]

ORDERS = ("order", "market", "side", "qty", "price", "state", "filled", "average", "fees", "ending")
POSITIONS = ("account", "market", "net", "average", "bought", "sold", "realised P&L", "fees", "cash")
SESSIONS = ("session", "in", "out", "logons", "came again", "open orders")
NUMBERS = frozenset(ORDERS[3:5] + ORDERS[6:9] + POSITIONS[2:] + SESSIONS[1:])


def show(stage: Stage) -> None:
    """Print the tables."""
    for seat in (RT, NR):
        table(f"\nOrders of {seat.name}", ORDERS, _orders(stage, seat), right=NUMBERS)
    rows = [*_positions(DESK[0].account, stage.desk), *_positions(MAKER[0].account, stage.maker)]
    table("\nPositions, each execution counted once; money in dollars", POSITIONS, rows, right=NUMBERS)
    views = [*stage.desk.snapshot().sessions.values(), *stage.maker.snapshot().sessions.values()]
    table("\nSessions: messages in and out", SESSIONS, map(_session, views), right=NUMBERS)


def _orders(stage: Stage, seat: Seat) -> Iterator[Row]:
    for order in stage.desk[seat.name].orders.snapshot():
        yield (
            order.chain[0],
            order.symbol,
            Side(order.side).name.lower(),
            plain(order.order_qty),
            dollars(order.price),
            order.state.value,
            plain(order.cum_qty),
            dollars(order.avg_px if order.cum_qty else None, 4),
            dollars(order.fees if order.cum_qty else None, 4),
            order.ending.value if order.ending is not None else "pending",
        )


def _positions(account: str, gateway: Gateway) -> Iterator[Row]:
    for one in gateway.positions.snapshot():
        yield (
            account,
            one.symbol,
            plain(one.qty),
            dollars(one.avg_px, 4),
            plain(one.bought_qty),
            plain(one.sold_qty),
            dollars(one.realised_pnl, 4),
            dollars(one.fees, 4),
            dollars(one.cash, 4),
        )


def _session(view: SessionView) -> Row:
    tally = view.session.tally
    open_orders = "" if view.orders is None else view.orders.open
    return (
        view.name,
        sum(tally.received.values()),
        sum(tally.sent.values()),
        tally.logons,
        tally.recovered,
        open_orders,
    )
