"""The work that every peer is given: the same fields, the same pace, the same stop watch."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

BEGIN_STRING = "FIXT.1.1"
INITIATOR = "DESKALPHA"
ACCEPTOR = "VENUE"
ACCOUNT = "ACCT-00042"
SYMBOL = "HIGHNY-26NOV21-T45"
PRICES = tuple(f"0.{cents:02d}" for cents in range(1, 100))
ORDER_QTY = "250"
TRADE_DATE = "20261120"
NEW_ORDER_SINGLE_SIZE = 180
EXECUTION_REPORT_SIZE = 314


@dataclass(frozen=True)
class Plan:
    """How much to send.

    Args:
        round_trips: orders sent one at a time, each after the answer to the one before it.
        orders: orders of the closed loop.
        outstanding: how many of them are unanswered at any instant.
        warm_up: the share of the round trips that comes first and is not counted.
    """

    round_trips: int = 20_000
    orders: int = 40_000
    outstanding: int = 500
    warm_up: float = 0.05


QUICK = Plan(round_trips=2_000, orders=5_000)


@dataclass(frozen=True)
class Figures:
    """What one run of one peer gave.

    Args:
        p50: median round trip, microseconds; p99 and p999 likewise.
        orders_per_second: completed pairs of NewOrderSingle and ExecutionReport in the closed loop.
        cpu_us: processor time of the initiator's process for one order of the closed loop, microseconds.
        max_rss_mib: most memory that the initiator's process held.
        others: processors that other programs used meanwhile.
    """

    p50: float
    p99: float
    p999: float
    orders_per_second: float
    cpu_us: float
    max_rss_mib: float
    others: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the figures under their names, rounded to what a reader can use."""
        return {name: round(value, 2) for name, value in asdict(self).items()}


def cl_ord_id(number: int) -> str:
    """Return ClOrdID(11) of order ``number``."""
    return f"ORD{number:09d}"


def price(number: int) -> str:
    """Return Price(44) of order ``number``."""
    return PRICES[number % 99]


class Stamp:
    """Renders UTCTimestamp in microseconds; the second is rendered once."""

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def __call__(self) -> str:
        """Return the present instant, such as ``20261120-14:30:00.123456``."""
        second, rest = divmod(time.time_ns(), 1_000_000_000)
        if second != self._second:
            self._second = second
            self._prefix = time.strftime("%Y%m%d-%H:%M:%S.", time.gmtime(second))
        return f"{self._prefix}{rest // 1000:06d}"


class Meter:
    """The initiator's pace and stop watch: round trips one by one, then a closed loop.

    Args:
        plan: how much to send.
        send: builds and sends the order of a number.
        done: called once, when the last answer was counted.
    """

    def __init__(self, plan: Plan, send: Callable[[int], None], done: Callable[[], None]) -> None:
        self._plan = plan
        self._send = send
        self._done = done
        self._sent = 0
        self._answered = 0
        self._last = plan.round_trips + plan.orders
        self._round_trips: list[int] = []
        self._started = self._ended = 0
        self._cpu = 0.0

    def start(self) -> None:
        """Send the first order."""
        self._next()

    def answer(self, answered: str) -> None:
        """Count the ExecutionReport that answers ClOrdID(11) ``answered`` and send what is next."""
        arrived = time.perf_counter_ns()
        self._answered += 1
        if answered != cl_ord_id(self._answered):
            raise ValueError(
                f"answer {self._answered} is for {answered}, not for {cl_ord_id(self._answered)}"
            )
        if self._answered <= self._plan.round_trips:
            self._round_trips.append(arrived - self._started)
            if self._answered < self._plan.round_trips:
                self._next()
            else:
                self._open_loop()
        elif self._sent < self._last:
            self._sent += 1
            self._send(self._sent)
        elif self._answered == self._last:
            self._close_loop(arrived)

    def _next(self) -> None:
        self._sent += 1
        self._started = time.perf_counter_ns()
        self._send(self._sent)

    def _open_loop(self) -> None:
        self._cpu = time.process_time()
        self._started = time.perf_counter_ns()
        for _ in range(min(self._plan.outstanding, self._plan.orders)):
            self._sent += 1
            self._send(self._sent)

    def _close_loop(self, arrived: int) -> None:
        self._ended = arrived
        self._cpu = time.process_time() - self._cpu
        self._done()

    def figures(self) -> Figures:
        """Return what was measured; call it after ``done``."""
        trips = sorted(self._round_trips[int(len(self._round_trips) * self._plan.warm_up) :])
        return Figures(
            p50=quantile(trips, 0.50) / 1e3,
            p99=quantile(trips, 0.99) / 1e3,
            p999=quantile(trips, 0.999) / 1e3,
            orders_per_second=self._plan.orders / ((self._ended - self._started) / 1e9),
            cpu_us=self._cpu / self._plan.orders * 1e6,
            max_rss_mib=max_rss_kib() / 1024,
        )


def max_rss_kib() -> int:
    """Return the most memory that this program held, KiB.

    Linux hands ``ru_maxrss`` on from the program that started this one, so its own account comes first.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` of the ordered values lie (nearest rank)."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
