"""The venue for another engine's trader: ``fixgw sim`` in a process, and the ledger that it leaves."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

SCENARIO = Path(__file__).with_name("venue.yaml")
READY_SECONDS = 20.0
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Key:
    """An API key: its id, and the file of its private half."""

    key_id: str
    path: Path


class Venue:
    """A running simulator.

    Args:
        process: ``fixgw sim``.
        state: its state directory.
        told: the line that it prints when it is ready.
        made: keys that were made elsewhere, by name.

    Attributes:
        ports: by TargetCompID(56).
        ca: the certificate that a client has to trust.
        keys: by name; those that were made elsewhere are among them.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        state: Path,
        told: Mapping[str, Any],
        made: Mapping[str, Key],
    ) -> None:
        self._process = process
        self._state = state
        self.ports: dict[str, int] = told["ports"]
        self.ca = Path(told["ca"])
        self.keys = {one["name"]: Key(one["id"], Path(one["private_key"])) for one in told["keys"]}
        self.keys |= made

    async def stop(self) -> dict[str, Any]:
        """Ask it to end, as Ctrl-C does, and return its ledger; empty when it has been stopped before."""
        if self._process.returncode is not None:
            return {}
        self._process.terminate()
        async with asyncio.timeout(STOP_SECONDS):
            await self._process.wait()
        ledger: dict[str, Any] = json.loads((self._state / "ledger.json").read_text(encoding="utf-8"))
        return ledger


@asynccontextmanager
async def simulator(directory: Path, names: tuple[str, ...]) -> AsyncIterator[Venue]:
    """Run ``fixgw sim``; what it says on stderr goes to ``sim.log``.

    Args:
        directory: an empty directory.
        names: keys to make here, each with an account of its own; the venue gets the public halves.
    """
    made = {name: _make_key(directory, name) for name in names}
    state = directory / "state"
    command = [sys.executable, "-m", "fixgw", "sim", "--base-port", "0", "--state-dir", str(state)]
    command += ["--scenario", str(SCENARIO)]
    for key in made.values():
        command += ["--key-id", key.key_id, "--public-key", f"{key.path}.pub"]
    with (directory / "sim.log").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=errors
        )
        assert process.stdout is not None
        async with asyncio.timeout(READY_SECONDS):
            told = json.loads(await process.stdout.readline())
        venue = Venue(process, state, told, made)
        try:
            yield venue
        finally:
            await venue.stop()


def _make_key(directory: Path, name: str) -> Key:
    private = ed25519.Ed25519PrivateKey.generate()
    path = directory / f"{name}.pem"
    path.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    path.chmod(0o600)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    Path(f"{path}.pub").write_bytes(public)
    return Key(name, path)
