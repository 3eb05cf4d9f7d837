"""What the peer programs share: their command line, and commands on stdin with a line of answer each."""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Task:
    """How an engine is to be set up.

    Args:
        role: ``acceptor`` or ``initiator``.
        port: the acceptor's port on 127.0.0.1.
        directory: an empty directory for its store and settings.
        pki: the directory with ca.pem, cert.pem and key.pem.
        transport: the dictionary of FIXT.1.1.
        application: the dictionary of the application messages.
    """

    role: str
    port: int
    directory: Path
    pki: Path
    transport: Path
    application: Path

    @property
    def accepts(self) -> bool:
        """True for an acceptor."""
        return self.role == "acceptor"


class Engine(Protocol):
    """What an engine has to be able to do; a method may be a coroutine."""

    def send(self, first: int, count: int) -> Any:
        """Send messages of these numbers, in the background."""

    def skip(self, count: int) -> Any:
        """Leave out some of the own MsgSeqNums."""

    def rewind(self, count: int) -> Any:
        """Expect some MsgSeqNums of the peer once more."""

    def reset_sequence(self, ahead: int) -> Any:
        """Send a SequenceReset without GapFillFlag to a number that lies ahead."""

    def logout(self) -> Any:
        """Log out, and stay logged out."""

    def logon(self) -> Any:
        """Log on again, or allow it."""

    def state(self) -> dict[str, Any]:
        """Return counts of the ledger, ``active``, ``sent``, ``next_out`` and ``next_in``."""

    def stop(self) -> Any:
        """End."""


def task() -> Task:
    """Return the task given on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("acceptor", "initiator"))
    parser.add_argument("--port", type=int, required=True)
    for name in ("directory", "pki", "transport", "application"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    return Task(**vars(parser.parse_args()))


async def serve(engine: Engine) -> None:
    """Carry out the commands on stdin until it ends; each is answered with a line of JSON."""
    answer({"ready": True})
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        result = getattr(engine, command.pop("do"))(**command)
        answer(await result if inspect.isawaitable(result) else result)
    ended = engine.stop()
    if inspect.isawaitable(ended):
        await ended


def answer(value: Any) -> None:
    """Print one line of JSON."""
    print(json.dumps(value), flush=True)  # noqa: T201
