"""Prove every night that no fill was missed, and give the books those that were.

    python examples/nightly_reconciliation.py

An order is filled while the connection is down, on a session without retransmission: no report ever comes.
The job finds it at the venue, gives it to the running gateway, and is clean when it runs again. From a shell
this is `fixgw reconcile --apply --yes --format html --output night.html`; deploy/ starts it with a timer.
"""

from __future__ import annotations

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path

import fixgw
from fixgw.messages.order_entry import Side
from fixgw.observe import logs
from fixgw.observe.metrics import write_reconciliation
from fixgw.reconcile.job import Job, reconcile
from fixgw.reconcile.model import ReconciliationReport
from fixgw.reconcile.outcome import outcome
from fixgw.reconcile.page.document import page
from fixgw.reconcile.repair import Repair
from fixgw.reconcile.words import conclusion, headline, terms
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle

MARKET = "HIGHNY-26DEC31"
YOUNG = 2.5  # seconds until an execution is old enough to be judged


async def lose_a_fill(venue: Simulator, gateway: fixgw.Gateway) -> None:
    """Have a resting order filled while the gateway is away."""
    bid = NewOrderSingle(symbol=MARKET, side=Side.BUY, order_qty=Decimal(10), price=Decimal("0.40"))
    order = await gateway.orders.submit(bid)
    await order.acknowledged(timeout=2)
    key_id = venue.keys["rsa"].key_id
    venue.pause_reports(key_id)
    venue.quote(MARKET, HouseSide.SELL, Decimal("0.40"), Decimal(3))
    venue.cut(key_id)
    await gateway["orders"].logged_on()


def approve(repair: Repair) -> bool:
    """Say whether to apply what was worked out; a desk may look at it first."""
    return True


async def night(config: Path, results: Path) -> ReconciliationReport:
    """Run the job once: what it found goes to a page and to metrics."""
    report = await reconcile(Job(config), approve=approve)
    (results / "night.html").write_text(page(report), encoding="utf-8")
    write_reconciliation(results / "night.prom", outcome(report))
    for one in report.missing:
        print(f"the gateway never saw: {terms(one)} {one.symbol}")
    print(f"{headline(report)}: {conclusion(report)}; {report.applied} applied")
    return report


async def main() -> None:
    logs.setup("critical")  # the lost connection is on purpose
    with tempfile.TemporaryDirectory() as directory:
        async with Simulator(SimSettings(Path(directory) / "venue")) as venue:
            config = write_sessions(venue, Path(directory) / "gateway", {"orders": ("orders-nr", "rsa")})
            async with fixgw.load(config) as gateway:
                await lose_a_fill(venue, gateway)
                print(f"the books say: {gateway.positions.net(MARKET)}")
                await asyncio.sleep(YOUNG)
                await night(config, Path(directory))
                print(f"the books say: {gateway.positions.net(MARKET)}")
                await night(config, Path(directory))


if __name__ == "__main__":
    asyncio.run(main())
