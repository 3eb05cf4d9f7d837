"""fixgw as a program would use it: ``Handler`` methods with typed messages, a tape on both sides, TLS 1.3.

Styles: ``book`` submits through the order book; ``sleep`` does without fixgw's event loop, which polls for a
moment after traffic; ``uvloop`` runs both sides on uvloop.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from bench import workload
from bench.peers import harness
from fixgw.engine.acceptor import Acceptor
from fixgw.engine.acceptor_settings import AcceptorPlan, AcceptorSession
from fixgw.engine.gateway import Gateway
from fixgw.engine.handle import SessionHandle
from fixgw.engine.loop import event_loop
from fixgw.engine.settings import SessionPlan
from fixgw.handlers.base import Context, Handler
from fixgw.messages.order_entry import (
    ExecType,
    ExecutionReport,
    NewOrderSingle,
    OrdStatus,
    OrdType,
    Side,
    TimeInForce,
)
from fixgw.session.state import Role, SessionSettings
from fixgw.store.tape import Tape
from fixgw.transport.listen import ListenSettings
from fixgw.transport.tcp import TcpConnector, TcpSettings
from fixgw.transport.tls import TlsSettings, server_context

MESSAGES = (NewOrderSingle, ExecutionReport)
ORDER_QTY = Decimal(workload.ORDER_QTY)
PRICES = tuple(Decimal(text) for text in workload.PRICES)
ZERO = Decimal(0)
TRADE_DATE = date(2026, 11, 20)
INITIATOR = SessionSettings(
    name="desk",
    role=Role.INITIATOR,
    sender_comp_id=workload.INITIATOR,
    target_comp_id=workload.ACCEPTOR,
    reset_on_logon=True,
    time_precision="us",
)
ACCEPTOR = replace(
    INITIATOR,
    name="venue",
    role=Role.ACCEPTOR,
    sender_comp_id=workload.ACCEPTOR,
    target_comp_id=workload.INITIATOR,
)


def new_order(number: int) -> NewOrderSingle:
    """Return the order of a number."""
    return NewOrderSingle(
        cl_ord_id=workload.cl_ord_id(number),
        symbol=workload.SYMBOL,
        side=Side.BUY,
        transact_time=datetime.now(UTC),
        order_qty=ORDER_QTY,
        ord_type=OrdType.LIMIT,
        price=PRICES[number % 99],
        time_in_force=TimeInForce.GOOD_TILL_CANCEL,
    )


class Venue(Handler):
    """Reads 7 fields of each order and answers with an ExecutionReport of 21 application fields."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def on_new_order_single(self, order: NewOrderSingle, ctx: Context) -> None:
        number = next(self._numbers)
        order_qty, price = order.order_qty, order.price
        ctx.session.send(
            ExecutionReport(
                order_id=f"VORD{number:09d}",
                cl_ord_id=order.cl_ord_id,
                exec_id=f"EXEC{number:09d}",
                exec_type=ExecType.TRADE,
                ord_status=OrdStatus.FILLED,
                account=workload.ACCOUNT,
                symbol=order.symbol,
                side=order.side,
                order_qty=order_qty,
                ord_type=order.ord_type,
                price=price,
                time_in_force=order.time_in_force,
                currency="USD",
                last_qty=order_qty,
                last_px=price,
                leaves_qty=ZERO,
                cum_qty=order_qty,
                avg_px=price,
                trade_date=TRADE_DATE,
                transact_time=datetime.now(UTC),
                text="filled in full",
            )
        )


class Desk(Handler):
    """Sends orders at the pace of the meter and reads 4 fields of each answer."""

    def __init__(self, task: harness.Task) -> None:
        self._book = task.style == "book"
        self._send: Any = None
        self.done: asyncio.Future[workload.Figures] = asyncio.get_running_loop().create_future()
        self._meter = workload.Meter(task.plan, self._order, self._finish)

    def begin(self, session: SessionHandle) -> None:
        """Send the first order."""
        self._send = session.orders.place if self._book else session.send
        self._meter.start()

    def on_execution_report(self, report: ExecutionReport, ctx: Context) -> None:
        filled = report.ord_status is OrdStatus.FILLED
        if not filled or report.cum_qty != ORDER_QTY or report.leaves_qty != ZERO:
            self.done.set_exception(ValueError(f"order is not filled: {report.message!r}"))
            return
        self._meter.answer(report.cl_ord_id)

    def on_disconnect(self, reason: str) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(reason))

    def _order(self, number: int) -> None:
        self._send(new_order(number))

    def _finish(self) -> None:
        self.done.set_result(self._meter.figures())


async def _serve(task: harness.Task) -> None:
    session = AcceptorSession(
        session=ACCEPTOR,
        store=lambda: Tape(task.directory / "tape"),
        messages=MESSAGES,
        handler=Venue(),
    )
    context = server_context(task.pki / "cert.pem", task.pki / "key.pem")
    plan = AcceptorPlan(listen=ListenSettings(port=task.port, tls=context), sessions=[session])
    async with Acceptor(plan):
        harness.ready()
        await asyncio.get_running_loop().run_in_executor(None, harness.wait_for_end)


async def _measure(task: harness.Task) -> None:
    desk = Desk(task)
    tls = TlsSettings(server_name="localhost", ca_file=task.pki / "ca.pem")
    plan = SessionPlan(
        session=INITIATOR,
        connector=TcpConnector(TcpSettings(host="127.0.0.1", port=task.port, tls=tls)),
        store=lambda: Tape(task.directory / "tape"),
        messages=MESSAGES,
        handler=desk,
        orders=task.style == "book",
    )
    async with Gateway([plan]) as gateway:
        desk.begin(gateway[INITIATOR.name])
        harness.report(await desk.done)


def _runner(task: harness.Task) -> asyncio.Runner:
    """Return the runner of fixgw's own event loop, unless the style is about another one."""
    return (
        harness.runner(task) if task.style in ("sleep", "uvloop") else asyncio.Runner(loop_factory=event_loop)
    )


def acceptor(task: harness.Task) -> None:
    """Serve until the orchestrator ends it."""
    with _runner(task) as runner:
        runner.run(_serve(task))


def initiator(task: harness.Task) -> None:
    """Run the plan and print the figures."""
    with _runner(task) as runner:
        runner.run(_measure(task))


if __name__ == "__main__":
    harness.run(acceptor, initiator)
