"""``python -m bench``: everything in one run, side by side."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from bench import codec, market_data, report, roundtrip, turn
from bench.codec import Cost
from bench.roundtrip import PEERS, Peer, Runs
from bench.workload import QUICK, Plan

PARTS = ("codec", "market-data", "roundtrip")


def arguments(line: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of a command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run: does it work at all?")
    parser.add_argument("--runs", type=int, default=5, help="runs of each peer, in turn (default 5)")
    parser.add_argument("--only", choices=PARTS, help="leave the other parts out")
    parser.add_argument(
        "--peers",
        type=names,
        help=f"comma-separated, of: {', '.join(peer.name for peer in PEERS)}",
    )
    parser.add_argument(
        "--attempts", type=int, default=1, help="how often a run that other programs disturbed is repeated"
    )
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    return parser.parse_args(line)


def names(text: str) -> frozenset[str]:
    """Return the peers' names of a comma-separated list."""
    chosen = frozenset(part.strip() for part in text.split(","))
    unknown = sorted(chosen - {peer.name for peer in PEERS})
    if unknown:
        raise argparse.ArgumentTypeError(f"no peer is named {', '.join(unknown)}")
    return chosen


def peers(chosen: frozenset[str] | None) -> list[Peer]:
    """Return the peers to run: those chosen, of those that are installed."""
    wanted = [peer for peer in PEERS if chosen is None or peer.name in chosen]
    found = roundtrip.available(wanted, lambda package: find_spec(package) is not None)
    for peer in wanted:
        if peer not in found:
            print(f"bench: {peer.name} is left out: run bench/setup", file=sys.stderr)
    return found


def measure_codec(quick: bool) -> list[Cost]:
    """Return what one message and one turn cost on one core."""
    if quick:
        return codec.measure(loops=1_000, repeats=3) + turn.measure(orders=1_000, repeats=1)
    return codec.measure() + turn.measure()


def measure_market_data(quick: bool) -> list[Cost]:
    """Return what one update of market data costs on one core."""
    return market_data.measure(messages=200, markets=1_000, repeats=3) if quick else market_data.measure()


def main() -> int:
    """Measure, print, and return 1 when a goal was missed, except in a quick run."""
    options = arguments()
    plan = QUICK if options.quick else Plan()
    costs: list[Cost] = []
    runs: Runs = {}
    if options.only in (None, "codec"):
        costs += measure_codec(options.quick)
    if options.only in (None, "market-data"):
        costs += measure_market_data(options.quick)
    if options.only in (None, "roundtrip"):
        rounds = 1 if options.quick else options.runs
        runs = roundtrip.run_all(peers(options.peers), plan, rounds, options.attempts)
    print(report.text(costs, runs, plan))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report.as_json(costs, runs, plan), indent=1) + "\n")
    missed = [goal for goal in report.goals(costs, runs) if not goal.passed]
    return 1 if missed and not options.quick else 0


if __name__ == "__main__":
    raise SystemExit(main())
