"""``fixgw demo``: trade with the simulator over TLS, lose a connection, and prove that nothing was lost."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from fixgw.cli.render import Exit, fail, out, table, told
from fixgw.config.build import load
from fixgw.engine.gateway import Gateway
from fixgw.engine.handle import SessionHandle
from fixgw.errors import ConfigError, FixError
from fixgw.handlers.order import Ending, Order
from fixgw.handlers.orders import Orders
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.observe import logs
from fixgw.observe.snapshot import GatewaySnapshot, SessionView
from fixgw.sim.compare import differences, position_differences
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle

MARKET = "HIGHNY-26DEC31"
CLIENTS = (
    ClientSpec("rsa", Algorithm.RSA, "alpha"),
    ClientSpec("ed25519", Algorithm.ED25519, "beta"),
)
ACCOUNTS = {spec.name: spec.account for spec in CLIENTS}
SESSIONS = {"retransmission": ("orders-rt", "rsa"), "no-retransmission": ("orders-nr", "ed25519")}
ORDER_COLUMNS = ("ClOrdID", "side", "qty", "price", "state", "cum", "leaves", "avg", "ending")
POSITION_COLUMNS = ("market", "net", "average", "bought", "sold", "realised", "fees")
SESSION_COLUMNS = ("session", "in", "out", "epoch", "resent", "reconnects")
ANSWER = 5.0  # seconds that the simulator gets for an answer


def demo(
    directory: Annotated[Path | None, typer.Option(help="keep keys, tapes and configuration here")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="show the log as well")] = False,
) -> None:
    """Start the simulator, trade with it on two signed sessions over TLS, lose a connection, compare, stop.

    Exit codes: 0 the gateway's account of every order equals the venue's ledger, 1 it does not.
    """
    logs.setup("info" if verbose else "critical")
    with told():
        if directory is not None:
            _make(directory)
            wrong = asyncio.run(_demo(directory))
        else:
            with tempfile.TemporaryDirectory(prefix="fixgw-demo-") as made:
                wrong = asyncio.run(_demo(Path(made)))
    if wrong:
        raise fail("the gateway and the ledger disagree:\n" + "\n".join(wrong), Exit.BAD)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"the directory can not be made: {error.strerror}"
        raise ConfigError(what, str(directory), "choose another one") from error


async def _demo(directory: Path) -> list[str]:
    async with Simulator(SimSettings(directory / "venue", clients=CLIENTS)) as venue:
        file = write_sessions(venue, directory, SESSIONS)
        ports = venue.ports
        _tell(f"Simulator on 127.0.0.1, TLS 1.3, ports {ports['orders-rt']} and {ports['orders-nr']}")
        async with load(file) as gateway:
            _tell("Logged on: KalshiRT signed with RSA-PSS, KalshiNR signed with Ed25519")
            await _trade(gateway, venue)
            await _lose_a_connection(gateway["retransmission"], venue)
            snapshot = gateway.snapshot()
        _show(snapshot)
        wrong = _compare(snapshot, venue)
        if not wrong:
            count = len(venue.ledger.executions)
            equal = "Every ending, quantity, price, position and fee equals the venue's ledger"
            _tell(f"{equal} ({count} executions).")
        return wrong


async def _trade(gateway: Gateway, venue: Simulator) -> None:
    """Orders that rest, fill in part, fill, are replaced, cancelled and rejected, on both sessions."""
    for handle in gateway.sessions:
        orders = handle.orders
        resting = await _order(orders, "0.40", "10")
        venue.quote(MARKET, HouseSide.SELL, Decimal("0.50"), Decimal(4))
        partly = await _order(orders, "0.50", "10")
        changed = await _order(orders, "0.70", "5", side=Side.SELL)
        request = await orders.replace(changed, price=Decimal("0.65"), order_qty=Decimal(8))
        await request.acknowledged(ANSWER)
        request = await orders.cancel(partly)
        await request.acknowledged(ANSWER)
        venue.quote(MARKET, HouseSide.SELL, Decimal("0.40"), Decimal(10))
        await resting.closed(ANSWER)
        remainder = await _order(orders, "0.60", "3", time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
        await remainder.closed(ANSWER)
        await _refused(orders)
        _tell(f"{handle.name}: rested, filled, filled in part, replaced, cancelled, rejected")


async def _order(
    orders: Orders,
    price: str,
    qty: str,
    *,
    side: Side = Side.BUY,
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCEL,
) -> Order:
    order = await orders.submit(
        NewOrderSingle(
            symbol=MARKET,
            side=side,
            order_qty=Decimal(qty),
            price=Decimal(price),
            time_in_force=time_in_force,
        )
    )
    await order.acknowledged(ANSWER)
    return order


async def _refused(orders: Orders) -> None:
    order = await orders.submit(
        NewOrderSingle(symbol="NO-SUCH-MARKET", side=Side.BUY, order_qty=Decimal(1), price=Decimal("0.50"))
    )
    try:
        await order.acknowledged(ANSWER)
    except FixError as error:
        _tell(f"  rejected as it should be: {error}")


async def _lose_a_connection(handle: SessionHandle, venue: Simulator) -> None:
    """Cut the connection while reports are on their way; after the next Logon they are asked for again."""
    key_id = venue.keys["rsa"].key_id
    venue.pause_reports(key_id)
    for price in ("0.41", "0.42", "0.43"):
        await handle.orders.submit(
            NewOrderSingle(symbol=MARKET, side=Side.BUY, order_qty=Decimal(2), price=Decimal(price))
        )
    await _until(lambda: len(venue.ledger.orders) >= _sent_orders(handle, venue))
    venue.quote(MARKET, HouseSide.SELL, Decimal("0.42"), Decimal(3))
    lost = asyncio.ensure_future(handle.link.ended())
    venue.cut(key_id)
    async with asyncio.timeout(30):
        await lost
        await handle.logged_on()
        await _until(lambda: all(order.ending is Ending.ACKNOWLEDGED for order in handle.orders.open))
    _tell("connection reset with reports in flight; logged on again, the missing reports were resent")


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  neither the ledger nor an unknown outcome has an event to wait for
        await asyncio.sleep(0.01)


def _sent_orders(handle: SessionHandle, venue: Simulator) -> int:
    others = [o for o in venue.ledger.orders.values() if not o.terms.owner.session.endswith(_sender(handle))]
    return len(others) + len(handle.orders)


def _sender(handle: SessionHandle) -> str:
    return handle.link.settings.sender_comp_id


def _compare(snapshot: GatewaySnapshot, venue: Simulator) -> list[str]:
    wrong = []
    for view in snapshot.sessions.values():
        name = f"{view.session.target_comp_id}/{view.session.sender_comp_id}"
        wrong += differences(venue.ledger, name, view.orders.each if view.orders is not None else ())
        positions = view.positions.each if view.positions is not None else ()
        wrong += position_differences(venue.ledger, ACCOUNTS[SESSIONS[view.name][1]], positions)
    return wrong


def _show(snapshot: GatewaySnapshot) -> None:
    for view in snapshot.sessions.values():
        table(f"\nOrders of {view.name}", ORDER_COLUMNS, _order_rows(view))
    for view in snapshot.sessions.values():
        table(f"\nPositions of {view.name}", POSITION_COLUMNS, _position_rows(view))
    table("\nSessions", SESSION_COLUMNS, (_session_row(view) for view in snapshot.sessions.values()))


def _order_rows(view: SessionView) -> list[tuple[object, ...]]:
    orders = view.orders.each if view.orders is not None else ()
    return [
        (
            order.cl_ord_id,
            Side(order.side).name.lower(),
            _plain(order.order_qty),
            _plain(order.price),
            order.state.value,
            _plain(order.cum_qty),
            _plain(order.leaves_qty),
            _plain(order.avg_px),
            order.ending.value if order.ending is not None else "pending",
        )
        for order in orders
    ]


def _position_rows(view: SessionView) -> list[tuple[object, ...]]:
    positions = view.positions.each if view.positions is not None else ()
    return [
        (
            one.symbol,
            *map(_plain, (one.qty, one.avg_px, one.bought_qty, one.sold_qty, one.realised_pnl, one.fees)),
        )
        for one in positions
    ]


def _plain(number: Decimal | None) -> str:
    """Drop the zeros that the venue pads with."""
    return "" if number is None else f"{number.normalize():f}"


def _session_row(view: SessionView) -> tuple[object, ...]:
    tally = view.session.tally
    return (
        view.name,
        sum(tally.received.values()),
        sum(tally.sent.values()),
        view.session.epoch,
        tally.recovered,
        view.connections - 1,
    )


def _tell(text: str) -> None:
    out.print(text, markup=False)
