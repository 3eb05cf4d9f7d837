"""A desk that trades without rest under a seed; `fixgw run` loads it by name, from its environment:

TRADER_RUN    what its ClOrdIDs begin with, a fresh one for each process.
TRADER_SEED   of every decision.
TRADER_PACE   mean seconds between two orders; 0 for no trading at all.
TRADER_DIES   where to kill itself once SIGUSR1 has come: `kind:count`, see ``Death``; empty for nowhere.

It tells on standard output what a crash must not undo: `submitted <ClOrdID>` once a submit has returned, and
`report <ExecID>` once a report was handled.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from decimal import Decimal
from enum import StrEnum
from itertools import count
from random import Random
from typing import Any

from fixgw.errors import NotLoggedOn, NotSent
from fixgw.handlers.base import Context, Handler
from fixgw.handlers.order import Ending, Order
from fixgw.handlers.orders import Orders
from fixgw.messages.order_entry import ExecType, Side
from fixgw.venues.kalshi.messages import ExecutionReport, NewOrderSingle

MARKET = "HIGHNY-26DEC31"
WAIT = 0.001  # mean seconds that a patient trader takes over a report


class Death(StrEnum):
    """Instants at which it kills itself, exactly."""

    COMMITTED = "committed"  # an order is on the tape; with `sync: always` no byte of it has left
    SUBMITTED = "submitted"  # an order's bytes are handed over, and nothing was read since
    REPORTED = "reported"  # a report is on the tape, and its handler has not returned


class Trader(Handler):
    """Submits, replaces and cancels; some orders in the turn of a Logon or of a fill."""

    def __init__(self) -> None:
        environ = os.environ
        self._run = environ["TRADER_RUN"]
        self._rng = Random(environ["TRADER_SEED"])
        self._pace = float(environ["TRADER_PACE"])
        kind, _, number = environ.get("TRADER_DIES", "").partition(":")
        self._death = Death(kind) if kind else None
        self._chances = int(number or 0)
        self._armed = False
        self._numbers = count(1)
        self._task: asyncio.Task[None] | None = None
        signal.signal(signal.SIGUSR1, self._arm)

    def on_logon(self, ctx: Context) -> None:
        """Send the first order in this very turn, before anything missing was asked for."""
        if self._pace:
            ctx.orders.place(self._order())
            self._task = asyncio.get_running_loop().create_task(self._trade(ctx.orders))

    def on_disconnect(self, reason: str) -> None:
        """Trade no more on this connection."""
        if self._task is not None:
            self._task.cancel()

    def on_execution_report(self, report: ExecutionReport, ctx: Context) -> Any:
        """Answer some fills with another order."""
        if self._is_time(Death.REPORTED):
            self._die()
        if (
            not ctx.redelivered
            and self._pace
            and report.exec_type is ExecType.TRADE
            and self._rng.random() < 0.3
        ):
            with suppress(NotLoggedOn):  # the gateway drains
                ctx.orders.place(self._order())
        print(f"report {report.exec_id}", flush=True)

    async def _trade(self, orders: Orders) -> None:
        with suppress(NotLoggedOn, NotSent):  # the gateway drains, or the link is gone
            while True:
                await self._submit(orders)
                await self._change(orders)
                await asyncio.sleep(self._rng.expovariate(1 / self._pace))

    async def _submit(self, orders: Orders) -> None:
        order = self._order()
        if self._is_time(Death.COMMITTED):
            orders.place(order)
            self._die()
        placed = await orders.submit(order)
        if self._is_time(Death.SUBMITTED):
            self._die()
        print(f"submitted {placed.cl_ord_id}", flush=True)

    async def _change(self, orders: Orders) -> None:
        choice = self._rng.random()
        known = [order for order in orders.open if order.ending is Ending.ACKNOWLEDGED]
        if not known or choice > 0.5:
            return
        order: Order = self._rng.choice(known)
        if choice < 0.3:
            await orders.cancel(order)
        else:
            await orders.replace(order, price=self._price(), order_qty=order.order_qty + 1)

    def _order(self) -> NewOrderSingle:
        return NewOrderSingle(
            cl_ord_id=f"{self._run}-{next(self._numbers):04d}",
            symbol=MARKET,
            side=self._rng.choice((Side.BUY, Side.SELL)),
            order_qty=Decimal(self._rng.randint(1, 9)),
            price=self._price(),
        )

    def _price(self) -> Decimal:
        return Decimal(self._rng.randint(40, 60)) / 100

    def _arm(self, *details: object) -> None:
        self._armed = True

    def _is_time(self, place: Death) -> bool:
        if self._armed and place is self._death:
            self._chances -= 1
            return self._chances <= 0
        return False

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class PatientTrader(Trader):
    """The same with a handler that waits, so that reports queue up before it."""

    async def on_execution_report(self, report: ExecutionReport, ctx: Context) -> None:
        """Take some time over each report."""
        await asyncio.sleep(self._rng.expovariate(1 / WAIT))
        super().on_execution_report(report, ctx)
