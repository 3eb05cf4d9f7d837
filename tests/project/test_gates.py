"""The gates themselves: what CI may not skip, how long runs scale, and what make offers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fixgw
from tests.conftest import soak

ROOT = Path(fixgw.__file__).parent.parent
SKIPPING = """
import pytest

@pytest.mark.MARK
@pytest.mark.skipif(True, reason="no such program")
def test_needs_it(): ...

@pytest.mark.MARK
def test_finds_out_late():
    pytest.skip("not today")
"""


def _run(tmp_path: Path, mark: str, ci: str) -> str:
    """Run two skipping tests under the project's conftest and return the last line."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(SKIPPING.replace("MARK", mark))
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nmarkers =\n  {mark}\nasyncio_mode = auto\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:fixgw",
        str(tmp_path),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "CI": ci}, check=False
    )
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("mark", "ci", "summary"),
    [
        ("stunnel", "true", "1 failed, 1 error"),
        ("soak", "true", "1 failed, 1 error"),
        ("screenshot", "true", "1 failed, 1 error"),
        ("soak", "", "2 skipped"),
        ("bench", "true", "2 skipped"),
    ],
)
def test_ci_does_not_skip_what_is_required(tmp_path: Path, mark: str, ci: str, summary: str) -> None:
    assert _run(tmp_path, mark, ci).startswith(summary)


@pytest.mark.parametrize(("scale", "rounds"), [(None, 1000), ("0.1", 100), ("0.0001", 1), ("2", 2000)])
def test_long_runs_scale(monkeypatch: pytest.MonkeyPatch, scale: str | None, rounds: int) -> None:
    monkeypatch.delenv("FIXGW_SOAK", raising=False)
    if scale is not None:
        monkeypatch.setenv("FIXGW_SOAK", scale)
    assert soak(1000) == rounds


def test_make_explains_its_targets() -> None:
    text = (ROOT / "Makefile").read_text()
    explained = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    assert {"demo", "test", "lint", "type", "bench"} <= explained


def test_the_ci_script_parses_and_can_be_run() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
