"""What the peer programs share: their command line, their one line of output, and how an acceptor ends."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.workload import Figures, Plan


@dataclass(frozen=True)
class Task:
    """One process's share of a run.

    Args:
        role: ``acceptor`` or ``initiator``.
        port: the acceptor's port on 127.0.0.1.
        directory: an empty directory for stores and settings; ca.pem, cert.pem and key.pem lie in ``pki``.
        pki: the directory of the certificates.
        style: a variant that the peer knows.
        plan: how much to send.
    """

    role: str
    port: int
    directory: Path
    pki: Path
    style: str
    plan: Plan


def task() -> Task:
    """Return the task given on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("acceptor", "initiator"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--pki", type=Path, required=True)
    parser.add_argument("--style", default="")
    parser.add_argument("--plan", type=json.loads, default={})
    given = vars(parser.parse_args())
    return Task(**{**given, "plan": Plan(**given["plan"])})


def ready() -> None:
    """Say that the acceptor listens."""
    print("ready", flush=True)


def wait_for_end() -> None:
    """Wait until the orchestrator closes our standard input."""
    sys.stdin.read()


def report(figures: Figures) -> None:
    """Print the initiator's figures, one JSON object on one line."""
    print(json.dumps(figures.as_json()), flush=True)


def runner(task: Task) -> asyncio.Runner:
    """Return an event loop's runner: uvloop's for the style of that name, else asyncio's."""
    if task.style != "uvloop":
        return asyncio.Runner()
    import uvloop

    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def _pin(role: str) -> None:
    """Give each of the two processes a processor of its own, where the system can and there are two.

    Left alone, the scheduler puts both on one processor in some runs and on two in others, which moves a
    round trip by a half and mixes two distributions.
    """
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[0] if role == "acceptor" else allowed[-1]})


def run(acceptor: Callable[[Task], None], initiator: Callable[[Task], None]) -> None:
    """Run the role given on the command line."""
    given = task()
    _pin(given.role)
    (acceptor if given.role == "acceptor" else initiator)(given)
