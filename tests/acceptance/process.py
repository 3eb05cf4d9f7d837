"""The echo acceptor in a process of its own, with its memory in sight."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "echo_acceptor.py"
END_SECONDS = 10.0


class EchoAcceptor:
    """A running ``examples/echo_acceptor.py``.

    Args:
        process: the process, ready.
        port: where it listens.
    """

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.port = port
        self._process = process
        self._status = Path(f"/proc/{process.pid}/status")

    def resident(self) -> int:
        """Return its resident memory, bytes, and forget the peak so far (Linux)."""
        self._status.with_name("clear_refs").write_text("5")
        return self._kib("VmRSS") * 1024

    def peak(self) -> int:
        """Return the most resident memory since ``resident``, bytes (Linux)."""
        return self._kib("VmHWM") * 1024

    def stop(self) -> int:
        """End it with SIGTERM and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(END_SECONDS)

    def _kib(self, name: str) -> int:
        found = re.search(rf"^{name}:\s+(\d+) kB$", self._status.read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1])


@contextmanager
def echo_acceptor(*arguments: str | Path, log: Path) -> Iterator[EchoAcceptor]:
    """Run it until the block ends; it has to end well.

    Args:
        arguments: of its command line.
        log: file for what it logs.
    """
    command = [sys.executable, "-W", "error", EXAMPLE, *arguments]
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"the echo acceptor did not start: {log.read_text(encoding='utf-8')}")
        acceptor = EchoAcceptor(process, json.loads(line)["port"])
        try:
            yield acceptor
            assert acceptor.stop() == 0, log.read_text(encoding="utf-8")
        finally:
            process.kill()
