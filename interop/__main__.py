"""``python -m interop``: every engine in every role, two tables, exit code 1 when anything is wrong."""

# ruff: noqa: T201 -- a program that reports on stdout

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import trustme

from fixgw.errors import FixError
from interop import desk
from interop.ledger import Ledger
from interop.peer import Peer, running
from interop.relay import relaying
from interop.scenario import Scenario, Step
from interop.simulator import simulator
from interop.traders import KEYS_MADE, TRADERS, trader
from interop.trading import Trading

ROLES = ("acceptor", "initiator")
TRADER = "trader"  # the role of an engine that trades at the simulated venue
REFUSAL_SECONDS = 2.5  # an engine that dials has tried more than once by then


@dataclass(frozen=True)
class Engine:
    """Another engine.

    Args:
        name: its distribution's name.
        module: the program that runs it.
        tls: it speaks TLS.
        messages: how many go each way.
        trades: it is let loose on the simulated venue too.
    """

    name: str
    module: str
    tls: bool
    messages: int
    trades: bool = False


ENGINES = (
    Engine("quickfix-tls", "interop.peers.quickfix_peer", tls=True, messages=10_000, trades=True),
    Engine("fixcore-engine", "interop.peers.fixcore_peer", tls=False, messages=1_000),
)


@dataclass
class Run:
    """One engine in one role.

    Args:
        engine: which.
        role: its role; fixgw has the other one.
        directory: its stores, logs and certificates.
        dictionaries: of FIXT.1.1 and of the application.
        steps: what was done.
        total: how many messages went each way.
        own: what fixgw received.
        peer: what the engine received.
    """

    engine: Engine
    role: str
    directory: Path
    dictionaries: tuple[Path, Path]
    steps: list[Step] = field(default_factory=list)
    total: int = 0
    own: Ledger = field(default_factory=Ledger)
    peer: Ledger = field(default_factory=Ledger)

    @property
    def failed(self) -> bool:
        """True when a step went wrong."""
        return any(step.fault for step in self.steps)

    async def run(self) -> None:
        """Take every step."""
        pki = make_pki(self.directory / "pki")
        if self.engine.tls:
            self.steps.append(await self._refusal(pki))
        listening, dialled = free_port(), free_port()
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            relay = await enter(relaying(dialled, listening))
            tls = pki if self.engine.tls else None
            if self.role == "acceptor":  # whoever listens comes first
                peer = await enter(self._peer("peer", listening, pki))
                end = await enter(desk.initiator(self.directory / "fixgw", dialled, tls))
            else:
                end = await enter(desk.server(self.directory / "fixgw", listening, tls))
                peer = await enter(self._peer("peer", dialled, pki))
            scenario = Scenario(end, peer, relay, self.engine.messages)
            await scenario.run()
            state = await peer.state()
        self.steps += scenario.steps
        self.total, self.own = scenario.total, end.ledger
        self.peer = Ledger(state.received, state.repeated, state.twice, state.disordered)

    async def _refusal(self, pki: Path) -> Step:
        """fixgw refuses a certificate of an authority that it does not know, dialling or dialled."""
        started = perf_counter()
        other = make_pki(self.directory / "other-pki")
        faulty = await (self._dials(pki, other) if self.role == "acceptor" else self._is_dialled(pki, other))
        fault = "a session was there with a certificate of an unknown authority" if faulty else ""
        return Step("unknown authority refused", perf_counter() - started, fault)

    async def _dials(self, pki: Path, other: Path) -> bool:
        port = free_port()
        async with self._peer("refused-peer", port, pki):
            try:
                async with desk.initiator(self.directory / "refused", port, other):
                    return True
            except (FixError, ExceptionGroup) as error:
                return "certificate" not in repr(error)  # any other trouble does not count as a refusal

    async def _is_dialled(self, pki: Path, other: Path) -> bool:
        port = free_port()
        dials = self._peer("refused-peer", port, other)
        async with desk.server(self.directory / "refused", port, pki) as end, dials as peer:
            await asyncio.sleep(REFUSAL_SECONDS)
            return (await peer.state()).active or end.link.connections > 0

    def _peer(self, name: str, port: int, pki: Path) -> AbstractAsyncContextManager[Peer]:
        directory = self.directory / name
        directory.mkdir()
        options = {"directory": directory, "pki": pki}
        options |= dict(zip(("transport", "application"), self.dictionaries, strict=True))
        return running(self.engine.module, self.role, port, options)


@dataclass
class TradingRun:
    """An engine as a trader at ``fixgw sim``.

    Args:
        engine: which.
        directory: stores, logs and keys.
        dictionaries: of FIXT.1.1 and of the application; all that the engine knows of the venue.
        steps: what was done.
        sent: how many messages the trader sent.
        heard: how many came in, by MsgType(35); those that came again apart.
        again: how many came again.
    """

    engine: Engine
    directory: Path
    dictionaries: tuple[Path, Path]
    role: str = TRADER
    steps: list[Step] = field(default_factory=list)
    sent: int = 0
    heard: Counter[str] = field(default_factory=Counter)
    again: int = 0

    @property
    def failed(self) -> bool:
        """True when a step went wrong."""
        return any(step.fault for step in self.steps)

    async def run(self) -> None:
        """Take every step."""
        venue_directory, own = self.directory / "venue", self.directory / "trader"
        venue_directory.mkdir()
        own.mkdir()
        relayed = free_port()
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            venue = await enter(simulator(venue_directory, KEYS_MADE))
            relay = await enter(relaying(relayed, venue.ports[TRADERS["rt"].target]))
            peer = await enter(trader(own, venue, self.dictionaries, relayed))
            steps = Trading(venue, peer, relay)
            await steps.run()
        self.steps = steps.steps
        self.sent = sum(session.sent for session in steps.sessions.values())
        self.heard = Counter(one.msg_type for one in steps.heard if not one.poss_dup)
        self.again = sum(one.poss_dup for one in steps.heard)


def make_pki(directory: Path) -> Path:
    """Make an authority and a certificate of localhost."""
    directory.mkdir()
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(directory / "ca.pem")
    certificate.private_key_pem.write_to_path(directory / "key.pem")
    (directory / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    return directory


def make_dictionaries(directory: Path) -> tuple[Path, Path]:
    """Return the dictionaries under ``FIXGW_DICTIONARIES``, or write those that fixgw exports."""
    given = os.environ.get("FIXGW_DICTIONARIES")
    paths = Path(given or directory, "FIXT11.xml"), Path(given or directory, "FIX50SP2.xml")
    if not given:
        for part, path in zip(("session", "application"), paths, strict=True):
            command = [sys.executable, "-m", "fixgw", "dict", "export", "--part", part, "--output", str(path)]
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603 -- our own command
    return paths


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def show_steps(run: Run | TradingRun) -> None:
    """Print a row for each step."""
    print(f"\n{run.engine.name} as {run.role}")
    for step in run.steps:
        print(f"  {'FAILED' if step.fault else 'ok':<7}{step.seconds:7.2f} s  {step.what}")
        if step.fault:
            print(f"          {step.fault}")


def show_traffic(runs: Sequence[Run]) -> None:
    """Print a row for each engine and role: what was sent each way, and what came at either end."""
    show_table(
        ("engine", "role", "over", "sent each way", "fixgw got", "again", "peer got", "again", "verdict"),
        [
            (
                *_engine(run),
                "TLS" if run.engine.tls else "TCP",
                *(str(run.total), str(run.own.received), str(run.own.repeated)),
                *(str(run.peer.received), str(run.peer.repeated)),
                _verdict(run),
            )
            for run in runs
        ],
    )


def show_trading(runs: Sequence[TradingRun]) -> None:
    """Print a row for each engine at the venue: what it sent, and what it understood."""
    show_table(
        ("engine", "role", "sent", "got", "again", "MsgTypes that it took", "verdict"),
        [
            (
                *_engine(run),
                *(str(run.sent), str(run.heard.total()), str(run.again), " ".join(sorted(run.heard))),
                _verdict(run),
            )
            for run in runs
        ],
    )


def show_table(head: tuple[str, ...], body: Sequence[tuple[str, ...]]) -> None:
    """Print rows in columns."""
    rows = [head, *body] if body else []
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))] if rows else []
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _engine(run: Run | TradingRun) -> tuple[str, str]:
    return f"{run.engine.name} {version(run.engine.name)}", run.role


def _verdict(run: Run | TradingRun) -> str:
    return "FAILED" if run.failed else "ok"


def make_runs(root: Path, names: Sequence[str], roles: Sequence[str]) -> list[Run | TradingRun]:
    """Return what is to be run, each in a directory of its own."""
    dictionaries = make_dictionaries(root)
    runs: list[Run | TradingRun] = []
    for engine in (one for one in ENGINES if one.name in names):
        for role in roles:
            directory = root / f"{engine.name}-{role}"
            if role in ROLES:
                runs.append(Run(engine, role, directory, dictionaries))
            elif engine.trades:
                runs.append(TradingRun(engine, directory, dictionaries))
    return runs


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="interop", description=__doc__)
    names, roles = [engine.name for engine in ENGINES], (*ROLES, TRADER)
    parser.add_argument("--engine", choices=names, action="append", help="only this one; repeatable")
    parser.add_argument("--role", choices=roles, action="append", help="only this one; repeatable")
    parser.add_argument("--keep", type=Path, help="an empty directory for stores and logs, which stay there")
    given = parser.parse_args()
    logging.getLogger("fixgw").setLevel(logging.CRITICAL)  # gaps and lost connections are what is wanted here
    started = perf_counter()
    with tempfile.TemporaryDirectory(prefix="interop-") as temporary:
        root = given.keep or Path(temporary)
        root.mkdir(parents=True, exist_ok=True)
        runs = make_runs(root, given.engine or names, given.role or roles)
        for run in runs:
            run.directory.mkdir()
            asyncio.run(run.run())
            show_steps(run)
    show_traffic([run for run in runs if isinstance(run, Run)])
    show_trading([run for run in runs if isinstance(run, TradingRun)])
    failed = any(run.failed for run in runs)
    print(f"\n{'FAILED' if failed else 'ok'} after {perf_counter() - started:.0f} s")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
