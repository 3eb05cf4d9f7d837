"""Hold the gateway's tape against a statement of your own: a clearing firm's file, a data base, another tape.

    python examples/embedded_reconciler.py

A feed is any object with five methods: it tells executions in order of time, and what they prove. Here the
venue's ledger writes the statement, and somebody gets one price wrong.
"""

from __future__ import annotations

import asyncio
import csv
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path

import fixgw
from fixgw.messages.order_entry import Side
from fixgw.reconcile.model import Execution, Period, Proof, SessionTimeline, Subject
from fixgw.reconcile.reconciler import Reconciler
from fixgw.reconcile.tapes import TapeFeed, TapeSource
from fixgw.reconcile.words import headline
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle

MARKET = "HIGHNY-26DEC31"
COLUMNS = ("trade", "order", "market", "side", "contracts", "price", "fee", "utc_ns")


class Statement:
    """The trades of a day, as a clearing firm sends them: a CSV file, oldest first.

    Args:
        file: the statement.
        period: the day that it is of.
    """

    name = "statement"
    ours = False

    def __init__(self, file: Path, period: Period) -> None:
        self._file = file
        self._period = period

    async def executions(self, period: Period) -> AsyncIterator[Execution]:
        """Yield its trades."""
        with self._file.open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                execution = Execution(
                    trade_id=row["trade"],
                    order_id=row["order"],
                    symbol=row["market"],
                    side=Side[row["side"]],
                    qty=Decimal(row["contracts"]),
                    price=Decimal(row["price"]),
                    fee=Decimal(row["fee"]),
                    utc_ns=int(row["utc_ns"]),
                    feed=self.name,
                )
                if execution.utc_ns in period:
                    yield execution

    def proves(self) -> Sequence[Proof]:
        """The day is complete, for every session of the account."""
        return [Proof(self.name, self._period, frozenset({Subject.EXECUTIONS}))]

    def timeline(self) -> SessionTimeline | None:
        """It is of no session."""
        return None

    def notes(self) -> Sequence[str]:
        """Nothing to remark."""
        return ()


async def buy(venue: Simulator, gateway: fixgw.Gateway, price: str) -> str:
    """Buy ten contracts and return the ClOrdID."""
    venue.quote(MARKET, HouseSide.SELL, Decimal(price), Decimal(10))
    bid = NewOrderSingle(symbol=MARKET, side=Side.BUY, order_qty=Decimal(10), price=Decimal(price))
    order = await gateway.orders.submit(bid)
    await order.closed(timeout=2)
    return order.cl_ord_id


def write_statement(venue: Simulator, cl_ord_ids: Sequence[str], file: Path) -> None:
    """Write the trades of orders, the last one with a wrong price."""
    rows = [
        [one.match_id, one.order.order_id, MARKET, "BUY", one.qty, one.price, one.fee, one.at_ns]
        for cl_ord_id in cl_ord_ids
        for one in venue.ledger.trades(cl_ord_id)
    ]
    rows[-1][COLUMNS.index("price")] = Decimal("0.61")
    with file.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([COLUMNS, *rows])


async def main() -> None:
    began_ns = time.time_ns()
    with tempfile.TemporaryDirectory() as directory:
        statement = Path(directory) / "statement.csv"
        async with Simulator(SimSettings(Path(directory) / "venue")) as venue:
            config = write_sessions(venue, Path(directory) / "gateway", {"orders": ("orders-rt", "rsa")})
            async with fixgw.load(config) as gateway:
                bought = [await buy(venue, gateway, price) for price in ("0.40", "0.50", "0.60")]
            write_statement(venue, bought, statement)

        now_ns = time.time_ns()
        period = Period(began_ns, now_ns)
        tape = TapeSource("orders", Path(directory) / "gateway" / "tapes" / "orders", in_dollars=True)
        report = await Reconciler([TapeFeed(tape, now_ns), Statement(statement, period)], period).run()
        print(f"{report.counts.matched} matched, {headline(report)}")
        for one in report.breaks:
            for field in one.fields:
                print(f"{one.kind}: {field.name} {field.ours} here, {field.theirs} there")


if __name__ == "__main__":
    asyncio.run(main())
