"""What one order costs the acceptor's process, from the bytes of a read to the bytes of the write.

The link, its session, store and handler are the real ones; only socket and TLS are left out.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, time_ns
from typing import Any

from bench.codec import Cost
from bench.peers.fixgw_peer import ACCEPTOR, INITIATOR, MESSAGES, Venue, new_order
from fixgw.clock import SystemClock
from fixgw.engine.link import Link
from fixgw.engine.settings import LinkSettings
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.values import sending_time
from fixgw.handlers.router import Router
from fixgw.session.verdict import Accept
from fixgw.store.base import Store
from fixgw.store.memory import MemoryStore
from fixgw.store.tape import Tape

BATCH = 50


class Sink(asyncio.Transport):
    """A transport that counts the frames written to it and keeps none."""

    def __init__(self) -> None:
        super().__init__()
        self.reports = 0

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Count the ExecutionReports of one write."""
        self.reports += bytes(data).count(b"\x0135=8\x01")

    def close(self) -> None:
        """Nothing is open."""

    def abort(self) -> None:
        """Nothing is open."""


def frames(count: int, first: int) -> list[bytes]:
    """Return ``count`` NewOrderSingles as the initiator would send them, MsgSeqNum ``first`` and on."""
    encoder = FrameEncoder(INITIATOR.begin_string, INITIATOR.sender_comp_id, INITIATOR.target_comp_id)
    stamp = sending_time(time_ns(), "us")
    return [
        encoder.encode(new_order(number).message, number, stamp) for number in range(first, first + count)
    ]


def logon() -> bytes:
    """Return the initiator's Logon, which starts at 1."""
    encoder = FrameEncoder(INITIATOR.begin_string, INITIATOR.sender_comp_id, INITIATOR.target_comp_id)
    message = Message("A", [(98, 0), (108, 30), (141, True), (1137, "9")])
    return encoder.encode(message, 1, sending_time(time_ns(), "us"))


@contextmanager
def logged_on(store: Store) -> Iterator[tuple[Link, Sink]]:
    """Hold an acceptor's link that has answered a Logon."""
    link = Link(ACCEPTOR, store, Router(Venue(), MESSAGES), SystemClock(), LinkSettings())
    link.judge = lambda message: link.admit(Accept())
    sink = Sink()
    link.connection_made(sink)
    link.data_received(logon())
    if not link.active:
        raise RuntimeError("the link did not take the Logon")
    try:
        yield link, sink
    finally:
        link.connection_lost(None)
        link.close()


def run(store: Store, reads: Sequence[bytes], orders: int) -> float:
    """Feed the reads and return microseconds an order.

    Raises:
        RuntimeError: an order was not answered.
    """
    with logged_on(store) as (link, sink):
        started = perf_counter()
        for data in reads:
            link.data_received(data)
        taken = perf_counter() - started
        if sink.reports != orders:
            raise RuntimeError(f"{sink.reports} of {orders} orders were answered")
    return taken / orders * 1e6


def _store(kind: str, directory: Path) -> Store:
    return Tape(directory) if kind == "tape" else MemoryStore()


async def _measure(orders: int, repeats: int) -> list[Cost]:
    single = frames(orders, 2)
    batched = [b"".join(single[at : at + BATCH]) for at in range(0, orders, BATCH)]
    costs: list[Cost] = []
    with tempfile.TemporaryDirectory(prefix="fixgw-turn-") as name:
        for operation, reads in ((" alone", single), (f", {BATCH} in one read", batched)):
            for kind in ("tape", "memory"):
                stores = (_store(kind, Path(name, f"{len(costs)}-{at}")) for at in range(repeats))
                taken = [run(store, reads, orders) for store in stores]
                costs.append(Cost(f"fixgw, {kind}", f"NOS -> ER{operation}", min(taken)))
    return costs


def measure(*, orders: int = 10_000, repeats: int = 5) -> list[Cost]:
    """Time the turn with either store, one order a read and many."""
    return asyncio.run(_measure(orders, repeats))
