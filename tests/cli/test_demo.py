"""``fixgw demo``: the whole way in one command, and proof that nothing was lost on it."""

from __future__ import annotations

import os
from pathlib import Path

from tests.cli.conftest import process


def test_the_demo_shows_every_order_and_agrees_with_the_ledger(tmp_path: Path) -> None:
    environment = {**os.environ, "COLUMNS": "60"}  # a narrow terminal somewhere must not fold a pipe's lines
    done = process("demo", "--directory", tmp_path / "kept", env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    shown = done.stdout.splitlines()
    assert "\x1b" not in done.stdout
    assert shown[1] == "Logged on: KalshiRT signed with RSA-PSS, KalshiNR signed with Ed25519"
    assert shown[-1].startswith("Every ending, quantity, price, position and fee equals the venue's ledger (")
    assert (
        "connection reset with reports in flight; logged on again, the missing reports were resent" in shown
    )
    orders = [line.split() for line in shown if line.count("-") >= 4 and line.split()[1] in ("buy", "sell")]
    assert len(orders) == 13
    endings = [order[-1] for order in orders]
    assert (endings.count("acknowledged"), endings.count("refused")) == (11, 2)
    assert (tmp_path / "kept" / "sessions.yaml").exists()


def test_the_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    assert process("demo", cwd=tmp_path, env=environment).returncode == 0
    left = [
        path.name
        for path in tmp_path.iterdir()
        if not path.name.startswith("fixgw-" + os.environ.get("USER", "root"))
    ]
    assert left == []


def test_a_directory_that_can_not_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = process("demo", "--directory", tmp_path / "file" / "kept")
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.strip() for line in done.stderr.splitlines()] == [
        "the directory can not be made: Not a directory",
        str(tmp_path / "file" / "kept"),
        "choose another one",
    ]
