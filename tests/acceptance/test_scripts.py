"""Another engine's conformance scripts against the echo acceptor.

They are not part of the project: ``FIXGW_ACCEPTANCE`` names a directory with ``definitions/*.def`` and
``dictionaries/`` (``FIXT11.xml``, ``FIX50SP2.xml``), both in QuickFIX's formats, and ``at_runner.py``, which
plays them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .process import echo_acceptor

VARIABLE = "FIXGW_ACCEPTANCE"


@pytest.mark.acceptance
@pytest.mark.timeout(180)
def test_every_script_passes(tmp_path: Path) -> None:
    named = os.environ.get(VARIABLE)
    if not named:
        pytest.skip(f"{VARIABLE} names no directory of scripts")
    directory = Path(named).resolve()
    scripts = sorted((directory / "definitions").glob("*.def"))
    assert scripts, f"{VARIABLE}={named}: no definitions/*.def there"
    dictionaries = directory / "dictionaries"
    transport = ("--transport-dictionary", dictionaries / "FIXT11.xml")
    application = ("--app-dictionary", dictionaries / "FIX50SP2.xml")
    with echo_acceptor(*transport, *application, log=tmp_path / "log") as acceptor:
        where = ("--host", "127.0.0.1", "--port", str(acceptor.port))
        done = subprocess.run(
            [sys.executable, directory / "at_runner.py", *where, *scripts],
            capture_output=True,
            text=True,
            timeout=170,
        )
    print(done.stdout[-20_000:] + done.stderr)
    counted = re.search(r"^(\d+) passed, (\d+) failed$", done.stdout, re.MULTILINE)
    assert counted is not None, "the runner told no result"
    assert (done.returncode, counted.groups()) == (0, (str(len(scripts)), "0"))
