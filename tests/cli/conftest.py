"""A venue and gateways as processes of their own, and a runner for commands in this one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fixgw.cli.app import app

FIXGW = (sys.executable, "-m", "fixgw")
KEYS = ("desk", "second", "third")
PATIENCE = 20.0  # seconds


def fixgw(*arguments: str | Path, **options: Any) -> Result:
    """Run a command in this process; no terminal is there."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], **options)


def process(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own, to its end."""
    return subprocess.run(
        [*FIXGW, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False, **options
    )


def lines(result: Result) -> list[str]:
    """Return the lines of what a failed command said; nothing of it is data."""
    assert result.stdout == ""
    return [line.strip() for line in result.stderr.splitlines()]


@dataclass(frozen=True)
class Sim:
    """A running ``fixgw sim``.

    Args:
        state: its state directory.
        ready: the line that it printed.
    """

    state: Path
    ready: dict[str, Any]


@contextmanager
def running_sim(
    state: Path, *arguments: str | Path
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Start ``fixgw sim`` on free ports, and end it unless that was done."""
    command = [*FIXGW, "sim", "--base-port", "0", "--state-dir", state, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield running, json.loads(running.stdout.readline())
        finally:
            running.terminate()


@pytest.fixture(scope="session")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sim]:
    """A venue that knows keys made by ``fixgw keys new``."""
    state = tmp_path_factory.mktemp("sim")
    known: list[str | Path] = []
    for name in KEYS:
        assert fixgw("keys", "new", state / f"{name}.pem").exit_code == 0
        known += ["--key-id", name, "--public-key", state / f"{name}.pem.pub"]
    with running_sim(state / "venue", *known) as (_, ready):
        yield Sim(state, ready)


WriteConfig = Callable[..., Path]


def config(sim: Sim, directory: Path, key: str = "desk", target: str = "KalshiRT", **more: str) -> Path:
    """Write a configuration with one session, ``orders``.

    Args:
        sim: the venue.
        directory: where the file, the tape and the control socket go.
        key: the key, and its id.
        target: whose port to take.
        more: further settings of the session, as they stand in YAML.
    """
    further = "".join(f"    {name}: {value}\n" for name, value in more.items())
    file = directory / "sessions.yaml"
    file.write_text(
        f"""\
defaults:
  venue: kalshi
  cancel_on_disconnect: false
  connect: {{ host: 127.0.0.1, tls: {{ ca_file: {Path(sim.ready["ca"]).resolve()} }} }}
  store: {{ path: tapes }}
admin: {{ socket: admin.sock }}
sessions:
  - name: orders
    kind: orders-rt
    sender: {key}
    key_file: {sim.state / key}.pem
    connect: {{ port: {sim.ready["ports"][target]} }}
{further}"""
    )
    return file


class Running:
    """A ``fixgw run`` that tells through systemd's socket how it is.

    Args:
        file: the configuration.
        directory: where the notification socket goes.
    """

    def __init__(self, file: Path, directory: Path) -> None:
        address = directory / "notify.sock"
        self._notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notified.settimeout(PATIENCE)
        self._notified.bind(os.fspath(address))
        environment = {**os.environ, "NOTIFY_SOCKET": os.fspath(address)}
        self.process = subprocess.Popen(
            [*FIXGW, "run", file],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def notified(self) -> str:
        """Wait for the next message to systemd."""
        return self._notified.recv(100).decode()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal; return exit code, stdout and stderr."""
        self.process.send_signal(number)
        return self.end()

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; return exit code, stdout and stderr."""
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        finally:
            self.process.kill()
            self._notified.close()
        return self.process.returncode, out, err
