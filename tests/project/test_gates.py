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
REQUIRED = ("stunnel", "soak", "screenshot", "slow")
MARKS = (*REQUIRED, "bench")
SKIPPING = """
@pytest.mark.MARK
@pytest.mark.skipif(True, reason="no such program")
def test_MARK_needs_it(): ...

@pytest.mark.MARK
def test_MARK_finds_out_late():
    pytest.skip("not today")
"""


def _outcomes(tmp_path: Path, ci: str) -> dict[str, set[str]]:
    """Run two skipping tests of each mark under the project's conftest; return the outcomes by mark."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    tests = "".join(SKIPPING.replace("MARK", mark) for mark in MARKS)
    (tmp_path / "test_it.py").write_text(f"import pytest\n{tests}")
    lines = "\n".join(f"  {mark}" for mark in MARKS)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nmarkers =\n{lines}\nasyncio_mode = auto\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-v",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:fixgw",
        str(tmp_path),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "CI": ci}, check=False
    )
    found = re.findall(r"::test_(\w+?)_\w+ (PASSED|SKIPPED|FAILED|ERROR)", done.stdout)
    return {mark: {outcome for name, outcome in found if name == mark} for mark in MARKS}


def test_ci_does_not_skip_what_is_required(tmp_path: Path) -> None:
    outcomes = _outcomes(tmp_path, "true")
    assert all(outcomes[mark] and outcomes[mark] <= {"FAILED", "ERROR"} for mark in REQUIRED)
    assert outcomes["bench"] == {"SKIPPED"}


def test_elsewhere_a_skip_is_a_skip(tmp_path: Path) -> None:
    assert _outcomes(tmp_path, "") == {mark: {"SKIPPED"} for mark in MARKS}


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
