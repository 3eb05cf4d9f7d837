"""Turns measured figures into tables and verdicts."""

from __future__ import annotations

import os
import platform
import ssl
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench import codec, market_data, roundtrip
from bench.codec import Cost
from bench.roundtrip import FIXGW, QUIET, RAW, TAG, Runs, median
from bench.workload import Plan

PACKAGES = ("fixgw", "quickfix-tls", "simplefix", "uvloop", "cryptography")


@dataclass(frozen=True)
class Goal:
    """One line of the verdict.

    Args:
        what: the figure.
        measured: its value.
        limit: the value it has to reach.
        at_most: the limit is an upper one.
        unit: of both.
    """

    what: str
    measured: float
    limit: float
    at_most: bool
    unit: str = ""

    @property
    def passed(self) -> bool:
        """True when the goal is reached."""
        return self.measured <= self.limit if self.at_most else self.measured >= self.limit

    def __str__(self) -> str:
        sign = "<=" if self.at_most else ">="
        verdict = "PASS" if self.passed else "FAIL"
        return f"{verdict}  {self.what:<52} {self.measured:8.2f} {self.unit:<3} {sign} {self.limit:g}"


# Figure, whether the limit is an upper one, and the ratio to quickfix-tls in its raw-string style.
RATIOS = (("orders_per_second", False, 1.1), ("p50", True, 1.1), ("p99", True, 1.2))
MARKET_DATA_PER_SECOND = 20_000
CODEC_LIMITS = ((codec.PARSE_READ, 8.0), (codec.ENCODE, 5.0))
COLUMNS = (
    ("p50", "p50 us", 1),
    ("p99", "p99 us", 1),
    ("p999", "p99.9 us", 1),
    ("orders_per_second", "orders/s", 0),
    ("cpu_us", "CPU us/order", 1),
    ("max_rss_mib", "RSS MiB", 0),
    ("others", "others' CPU", 2),
)


def machine() -> dict[str, str]:
    """Return what the figures were measured on."""
    versions = {name: found for name in PACKAGES if (found := _version(name))}
    return {
        "machine": f"{os.cpu_count()} x {_processor()}, {platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}, {ssl.OPENSSL_VERSION}",
        "packages": ", ".join(f"{name} {number}" for name, number in versions.items()),
        "dictionaries": "on" if os.environ.get("FIXGW_DICTIONARIES") else "off: set FIXGW_DICTIONARIES",
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "processor unknown"


def codec_table(costs: Sequence[Cost]) -> str:
    """Return microseconds a message, a row an operation and a column a codec."""
    names = list(dict.fromkeys(cost.codec for cost in costs))
    cells = {(cost.operation, cost.codec): f"{cost.microseconds:.2f}" for cost in costs}
    operations = list(dict.fromkeys(cost.operation for cost in costs))
    rows = [[operation, *(cells.get((operation, name), "-") for name in names)] for operation in operations]
    return table(["us", *names], rows)


def speed_table(costs: Sequence[Cost]) -> str:
    """Return microseconds a message and messages a second, a row an operation of a codec."""
    rows = [
        [f"{cost.operation}, {cost.codec}", f"{cost.microseconds:.1f}", f"{1e6 / cost.microseconds:.0f}"]
        for cost in costs
    ]
    return table(["", "us", "messages/s"], rows)


def roundtrip_table(runs: Runs) -> str:
    """Return the medians of every peer's runs, with the span of orders/s."""
    rows = []
    for name, figures in runs.items():
        speeds = [one.orders_per_second for one in figures]
        span = f"{min(speeds):.0f}-{max(speeds):.0f}"
        rows.append(
            [
                name,
                *(f"{median(figures, key):.{digits}f}" for key, _, digits in COLUMNS),
                span,
                str(len(figures)),
            ]
        )
    return table(["", *(title for _, title, _ in COLUMNS), "span of orders/s", "runs"], rows)


def ratio_table(runs: Runs) -> str:
    """Return fixgw's medians over each style of quickfix-tls."""
    rows = [
        [key, *(f"{ratio(runs, key, peer.name):.2f}" for peer in (TAG, RAW) if peer.name in runs)]
        for key, _, _ in RATIOS
    ]
    return table(["fixgw over", *(peer.name for peer in (TAG, RAW) if peer.name in runs)], rows)


def ratio(runs: Runs, key: str, over: str) -> float:
    """Return the median of fixgw over the median of a peer."""
    return median(runs[FIXGW.name], key) / median(runs[over], key)


def goals(costs: Sequence[Cost], runs: Runs) -> list[Goal]:
    """Return every goal for which both sides were measured."""
    own = {cost.operation: cost.microseconds for cost in costs if cost.codec == "fixgw"}
    found = [
        Goal(f"{operation}", own[operation], limit, at_most=True, unit="us")
        for operation, limit in CODEC_LIMITS
        if operation in own
    ]
    if market_data.APPLY in own:
        speed = 1e6 / own[market_data.APPLY]
        found.append(Goal(market_data.APPLY, speed, MARKET_DATA_PER_SECOND, at_most=False, unit="/s"))
    if FIXGW.name in runs and RAW.name in runs:
        found += [
            Goal(f"{key}, fixgw over {RAW.name}", ratio(runs, key, RAW.name), limit, at_most, unit="x")
            for key, at_most, limit in RATIOS
        ]
    return found


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a plain table: the first column to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def as_json(costs: Sequence[Cost], runs: Runs, plan: Plan) -> dict[str, Any]:
    """Return everything measured, for a program to read."""
    return {
        "machine": machine(),
        "plan": asdict(plan),
        "codec": [asdict(cost) for cost in costs],
        "roundtrip": {name: [one.as_json() for one in figures] for name, figures in runs.items()},
        "goals": [{**asdict(goal), "passed": goal.passed} for goal in goals(costs, runs)],
    }


def text(costs: Sequence[Cost], runs: Runs, plan: Plan) -> str:
    """Return the whole report for a person."""
    parts = ["\n".join(f"{name}: {value}" for name, value in machine().items())]
    messages = [cost for cost in costs if cost.operation in codec.ROWS]
    updates = [cost for cost in costs if cost.operation in market_data.ROWS]
    turns = [cost for cost in costs if cost.operation not in (*codec.ROWS, *market_data.ROWS)]
    for title, rows in (("Codec, one core", messages), ("Turn, one core, no socket, no TLS", turns)):
        if rows:
            parts.append(f"{title}\n{codec_table(rows)}")
    if updates:
        parts.append(f"Market data, one core\n{speed_table(updates)}")
    if runs:
        title = (
            f"NewOrderSingle -> ExecutionReport, two processes, TLS 1.3 on loopback, medians: "
            f"{plan.round_trips} round trips, then {plan.orders} orders with {plan.outstanding} outstanding"
        )
        parts.append(f"{title}\n{roundtrip_table(runs)}")
    if roundtrip.FIXGW.name in runs and (TAG.name in runs or RAW.name in runs):
        parts.append(f"Ratios of medians\n{ratio_table(runs)}")
    if verdicts := goals(costs, runs):
        parts.append("\n".join(["Goals", *map(str, verdicts)]))
    disturbed = sum(one.others > QUIET for figures in runs.values() for one in figures)
    if disturbed:
        parts.append(
            f"{disturbed} runs were disturbed: other programs used more than {QUIET} processors beside them. "
            "Measure again on a quiet machine, or with --attempts."
        )
    return "\n\n".join(parts)
