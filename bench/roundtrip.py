"""Runs the peers in turn, two processes each, over TLS 1.3 on loopback, and collects their figures."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import trustme

from bench.workload import Figures, Plan

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 180.0
QUIET = 0.1  # processors that other programs may use before a run counts as disturbed


@dataclass(frozen=True)
class Peer:
    """A column of the table.

    Args:
        name: what stands over it.
        module: the program, under ``bench.peers``.
        style: the variant of the program.
        needs: a package without which the column is left out.
    """

    name: str
    module: str
    style: str = ""
    needs: str = ""


FIXGW = Peer("fixgw", "fixgw_peer")
TAG = Peer("quickfix-tls", "quickfix_peer", "tag", needs="quickfix")
RAW = Peer("quickfix-tls raw", "quickfix_peer", "raw", needs="quickfix")
PEERS = (
    FIXGW,
    TAG,
    RAW,
    Peer("raw echo", "echo_peer"),
    Peer("fixgw + order book", "fixgw_peer", "book"),
    Peer("fixgw without polling", "fixgw_peer", "sleep"),
    Peer("fixgw + uvloop", "fixgw_peer", "uvloop", needs="uvloop"),
    Peer("raw echo + uvloop", "echo_peer", "uvloop", needs="uvloop"),
)

Runs = Mapping[str, Sequence[Figures]]


def make_certificates(directory: Path) -> None:
    """Write a CA and a server certificate for ``localhost`` and ``127.0.0.1``: ca.pem, cert.pem, key.pem."""
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(directory / "ca.pem")
    server.private_key_pem.write_to_path(directory / "key.pem")
    for blob in server.cert_chain_pems:
        blob.write_to_path(directory / "cert.pem", append=True)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody holds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(peer: Peer, role: str, port: int, directory: Path, pki: Path, plan: Plan) -> list[str]:
    """Return the command line of one process of a peer, its own directory made."""
    own = directory / role
    own.mkdir()
    line = [sys.executable, "-m", f"bench.peers.{peer.module}", role, "--style", peer.style]
    line += ["--port", str(port), "--directory", str(own), "--pki", str(pki)]
    return [*line, "--plan", json.dumps(asdict(plan))]


@contextmanager
def acceptor(line: Sequence[str], log: Path) -> Iterator[None]:
    """Hold the acceptor's process while the block runs; it ends when its standard input is closed."""
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if process.stdout.readline().strip() != b"ready":
                raise RuntimeError(f"{line[2]} did not start to listen:\n{log.read_text()}")
            yield
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def run_once(peer: Peer, plan: Plan, pki: Path) -> Figures:
    """Run one peer once.

    Raises:
        RuntimeError: a process failed; what both wrote to standard error is in the text.
    """
    with tempfile.TemporaryDirectory(prefix="fixgw-bench-") as name:
        directory = Path(name)
        port = free_port()
        log = directory / "acceptor.log"
        with acceptor(command(peer, "acceptor", port, directory, pki, plan), log):
            line = command(peer, "initiator", port, directory, pki, plan)
            ended = subprocess.run(
                line, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        if ended.returncode:
            raise RuntimeError(f"{peer.name} failed:\n{ended.stderr}\nacceptor:\n{log.read_text()}")
        return Figures(**json.loads(ended.stdout.splitlines()[-1]))


class Neighbours:
    """How much of the machine other programs took while the block ran, in processors."""

    def __enter__(self) -> Neighbours:
        self.processors = 0.0
        self._before = self._clocks()
        return self

    def __exit__(self, *_: object) -> None:
        busy, ours, wall = (
            after - before for after, before in zip(self._clocks(), self._before, strict=True)
        )
        self.processors = max(0.0, busy - ours) / wall

    @staticmethod
    def _clocks() -> tuple[float, float, float]:
        times = os.times()
        ours = times.user + times.system + times.children_user + times.children_system
        stat = Path("/proc/stat")
        if not stat.exists():
            return ours, ours, times.elapsed
        user, nice, system, _, _, irq, soft, steal, *_ = map(
            int, stat.read_text().split("\n", 1)[0].split()[1:]
        )
        return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK"), ours, times.elapsed


def available(peers: Iterable[Peer], installed: Callable[[str], bool]) -> list[Peer]:
    """Return the peers whose program and package are there."""
    programs = ROOT / "bench" / "peers"
    return [
        peer
        for peer in peers
        if (programs / f"{peer.module}.py").exists() and (not peer.needs or installed(peer.needs))
    ]


def run_quietly(peer: Peer, plan: Plan, pki: Path, attempts: int, label: str) -> Figures:
    """Run one peer, again while other programs disturb it, and return the least disturbed run."""
    seen: list[Figures] = []
    for _ in range(attempts):
        with Neighbours() as neighbours:
            figures = run_once(peer, plan, pki)
        seen.append(replace(figures, others=neighbours.processors))
        print(f"{label} {peer.name}: {seen[-1].as_json()}", file=sys.stderr, flush=True)
        if neighbours.processors <= QUIET:
            break
    return min(seen, key=lambda run: run.others)


def run_all(peers: Sequence[Peer], plan: Plan, runs: int, attempts: int = 1) -> Runs:
    """Run the peers in turn, ``runs`` times around, one line of progress a run on standard error."""
    found: dict[str, list[Figures]] = {peer.name: [] for peer in peers}
    with tempfile.TemporaryDirectory(prefix="fixgw-pki-") as pki:
        make_certificates(Path(pki))
        for number in range(1, runs + 1):
            for peer in peers:
                found[peer.name].append(run_quietly(peer, plan, Path(pki), attempts, f"run {number}"))
    return found


def median(runs: Sequence[Figures], name: str) -> float:
    """Return the median over the runs of the figure called ``name``."""
    values: list[float] = [getattr(one, name) for one in runs]
    return statistics.median(values)
