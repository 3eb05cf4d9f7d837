"""Trade from a program without asyncio: the gateway's loop runs in a thread, and every call waits.

    python examples/blocking_orders.py

Against the venue only the configuration differs: ``fixgw.load("sessions.yaml")``. Here the simulator runs in
a process of its own, as it would with ``fixgw sim``.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path

import fixgw
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.observe import logs
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle

MARKET = "HIGHNY-26DEC31"


def buy(price: str) -> NewOrderSingle:
    return NewOrderSingle(
        symbol=MARKET,
        side=Side.BUY,
        order_qty=Decimal(10),
        price=Decimal(price),
        time_in_force=TimeInForce.GOOD_TILL_CANCEL,
    )


def trade(config: Path) -> None:
    with fixgw.BlockingGateway(fixgw.load(config)) as gateway:  # the required sessions are logged on
        resting = gateway.orders.submit(buy("0.40"))
        resting.acknowledged(timeout=5)
        print(f"resting: {resting.state}")
        resting.replace(price=Decimal("0.41")).acknowledged(timeout=5)
        resting.cancel().acknowledged(timeout=5)
        print(f"resting: {resting.closed(timeout=5)}")

        order = gateway.orders.submit(buy("0.55"))
        try:
            order.acknowledged(timeout=5)
        except fixgw.Rejected as error:
            print(f"the venue said no: {error}")
            return
        except fixgw.OutcomeUnknown:
            order.retry().acknowledged(timeout=5)  # under the same ClOrdID: it can not become two orders
        state = order.closed(timeout=5)
        print(f"{state}: {order.cum_qty.normalize():f} at {order.avg_px.normalize():f}")
    # leaving waits for what is in flight, logs out and closes the tape


async def venue(directory: Path, parent: Connection) -> None:
    async with Simulator(SimSettings(directory / "venue")) as running:
        running.quote(MARKET, HouseSide.SELL, price=Decimal("0.55"), qty=Decimal(100))
        parent.send(write_sessions(running, directory, {"orders": ("orders-rt", "rsa")}))
        await asyncio.to_thread(parent.recv)


def run_venue(directory: Path, parent: Connection) -> None:
    logs.setup("error")
    asyncio.run(venue(directory, parent))


def main() -> None:
    logs.setup("error")  # structured, with secrets masked; a program says what it wants to see
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    with tempfile.TemporaryDirectory() as directory:
        simulator = processes.Process(target=run_venue, args=(Path(directory), theirs))
        simulator.start()
        theirs.close()
        try:
            trade(ours.recv())
        finally:
            ours.send("done")
            simulator.join()


if __name__ == "__main__":
    main()
