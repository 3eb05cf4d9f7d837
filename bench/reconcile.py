"""How long a reconciliation takes: a tape on disk against fills as REST tells them.

    python -m bench.reconcile [--count N]... [--keep DIRECTORY]

The fills are made while they are read, so that memory shows what the reconciliation holds. The tape is a real
one, written before the clock starts. Prints one line a count; the last count is the largest.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from fixgw.fix.framing import seal
from fixgw.fix.values import sending_time
from fixgw.messages.order_entry import Side
from fixgw.reconcile.kalshi import execution_of_fill
from fixgw.reconcile.model import Execution, Period, Proof, SessionTimeline, Verdict
from fixgw.reconcile.reconciler import Reconciler
from fixgw.reconcile.tapes import EXECUTIONS, TapeFeed, TapeSource
from fixgw.records import Flag, Kind, Record
from fixgw.store.base import Sync
from fixgw.store.tape import Tape, TapeSettings
from fixgw.venues.kalshi.rest_models import Fill

COUNTS = (10_000, 100_000, 1_000_000)
FIRST_NS = 1_791_556_200_000_000_000  # 2026-10-09T14:30:00Z
STEP_NS = 20_000_000  # 50 executions a second
BATCH = 1_000  # records in one append
LIMIT_SECONDS = 60.0
LIMIT_MIB = 1_024.0
PRICE, QTY, FEE = Decimal("0.4300"), Decimal("12.00"), Decimal("0.2100")


def fill(number: int) -> Fill:
    """Return the fill with a number; one in four is a second fill of the order before."""
    return Fill(
        trade_id=f"6f0c0f0e-8a33-4d7a-9a39-{number:012d}",
        order_id=f"91ab0f0e-8a33-4d7a-9a39-{number - (number % 4 == 3):012d}",
        symbol=f"KXBENCH-26OCT09-T{number % 50}",
        side=Side.BUY if number % 2 else Side.SELL,
        qty=QTY,
        yes_price=PRICE,
        fee=FEE,
        is_taker=number % 3 == 0,
        utc_ns=FIRST_NS + number * STEP_NS,
    )


def report(number: int) -> bytes:
    """Return the ExecutionReport of a fill as the venue sends it."""
    one = fill(number)
    stamp = sending_time(one.utc_ns).decode()
    fields = (
        f"35=8|34={number + 2}|49=KalshiNR|52={stamp}|56=bench|37={one.order_id}|"
        f"11=550e8400-e29b-41d4-a716-{number:012d}|17=105;{number}|150=F|39=2|54={one.side}|55={one.symbol}|"
        f"44=0.4300|38=12.00|151=0.00|14=12.00|6=0.4300|31=0.4300|32=12.00|60={stamp}|30=0|704=12.00|"
        f"136=1|137=0.2100|138=USD|139=4|891=0|1703=1|1704=-5.3700|1705=BALANCE|880={one.trade_id}|"
        f"1057={'Y' if one.is_taker else 'N'}|715=20261009|"
    )
    return seal(b"FIXT.1.1", fields.replace("|", "\x01").encode())


def write_tape(directory: Path, count: int) -> None:
    """Write a tape with that many executions."""
    tape = Tape(directory, TapeSettings(sync=Sync.OS))
    tape.load()
    logon = b"8=FIXT.1.1\x019=5\x0135=A\x0134=1\x0149=bench\x0156=KalshiNR\x0121005=Y\x0110=000\x01"
    tape.commit([Record(Kind.FRAME, Flag.OUTBOUND | Flag.ADMIN, 1, 1, 2, 1, FIRST_NS, logon)])
    for begin in range(0, count, BATCH):
        tape.commit(
            [
                Record(Kind.FRAME, Flag.NONE, 1, n + 2, 2, n + 3, FIRST_NS + n * STEP_NS, report(n))
                for n in range(begin, min(begin + BATCH, count))
            ]
        )
    tape.close()


class Generated:
    """The venue's side: fills that are made when they are asked for."""

    name = "REST"
    ours = False

    def __init__(self, count: int) -> None:
        self._count = count
        self._period = Period(0, 0)

    async def executions(self, period: Period) -> AsyncIterator[Execution]:
        """Yield every fill, oldest first."""
        self._period = period
        for number in range(self._count):
            yield execution_of_fill(fill(number))

    def proves(self) -> Sequence[Proof]:
        """All of it."""
        return (Proof(self.name, self._period, EXECUTIONS),)

    def timeline(self) -> SessionTimeline | None:
        """Of no session."""
        return None

    def notes(self) -> Sequence[str]:
        """Nothing."""
        return ()


def measure(directory: Path, count: int) -> tuple[float, float]:
    """Reconcile a tape with its fills; return seconds and the most memory that was held, MiB."""
    name = "bench"
    period = Period(FIRST_NS, FIRST_NS + count * STEP_NS)
    tape = TapeFeed(TapeSource(name, directory), period.end_ns)
    shown = sys.stderr.isatty()

    def progress(feed: str, told: int, utc_ns: int) -> None:
        if shown:
            print(f"\r{feed}: {told:,} of {count:,}", end="", file=sys.stderr)

    started = time.perf_counter()
    run = Reconciler([tape, Generated(count)], period, progress=progress)
    result = asyncio.run(run.run())
    seconds = time.perf_counter() - started
    if shown:
        print("\r", end="", file=sys.stderr)
    if result.verdict is not Verdict.CLEAN or result.counts.matched != count:
        raise SystemExit(f"bench: {result.verdict}, {result.counts.matched} of {count} matched")
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def counts(line: Sequence[str] | None = None) -> Iterator[int]:
    """Yield the counts of a command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.reconcile", description=__doc__)
    parser.add_argument("--count", type=int, action="append", help="executions; may be given again")
    yield from parser.parse_args(line).count or COUNTS


def main() -> None:
    """Measure each count in a process of its own, and say whether the largest keeps the limits."""
    print("executions    seconds   us each   MiB")
    for count in counts():
        with tempfile.TemporaryDirectory(prefix="fixgw-bench-") as made:
            directory = Path(made) / "tape"
            write_tape(directory, count)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                seconds, mib = pool.apply(measure, (directory, count))
        print(f"{count:>10,} {seconds:>10.1f} {seconds / count * 1e6:>9.1f} {mib:>5.0f}", flush=True)
    kept = seconds < LIMIT_SECONDS and mib < LIMIT_MIB
    print(f"{'kept' if kept else 'MISSED'}: under {LIMIT_SECONDS:.0f} s and {LIMIT_MIB:.0f} MiB")


if __name__ == "__main__":
    main()
