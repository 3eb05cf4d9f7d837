"""``fixgw demo``: the whole venue in one command, and proof that nothing was lost on it."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest

from fixgw.cli.demo import audit, command
from fixgw.cli.demo.command import ACTS, Act
from fixgw.cli.demo.stage import LISTENER, NR, RATE, Stage, entered, limit
from fixgw.messages.order_entry import Side
from tests.cli.conftest import fixgw, lines, process

pytestmark = pytest.mark.slow

COLUMNS = 100
PROCESSOR_SECONDS = 8.0  # the rest is the venue's own timers, about two seconds
ORDER = re.compile(r"(rt|nr|race|grp|rfq|lost|gone)-\d ")


def test_the_demo_plays_every_act_and_agrees_with_the_ledger(tmp_path: Path) -> None:
    environment = {**os.environ, "COLUMNS": "60"}  # a narrow terminal somewhere must not fold a pipe's lines
    before = os.times()
    done = process("demo", "--directory", tmp_path / "kept", env=environment)
    after = os.times()
    hint = f"kept in {tmp_path}/kept; to see what was said: fixgw decode {tmp_path}/kept/tapes/orders-rt\n"
    assert (done.returncode, done.stderr) == (0, hint)
    assert "\x1b" not in done.stdout
    shown = [line.rstrip() for line in done.stdout.splitlines()]
    assert [line for line in shown if re.match(r" ?\d+  ", line)] == [
        f"{number:2}  {act.heading}" for number, act in enumerate(ACTS, 1)
    ]
    assert [line for line in shown if len(line) > COLUMNS] == []
    orders = {line.split()[0]: line for line in shown if ORDER.match(line)}
    assert len(orders) == 26
    unlike = {
        name: line.split("  ")[-1].strip()
        for name, line in orders.items()
        if not line.endswith("acknowledged")
    }
    assert unlike == {"rt-6": "refused", "grp-3": "refused", "gone-3": "not sent"}
    positions = [line.split() for line in shown if line.startswith(("alpha", "beta"))]
    assert [row[:3] for row in positions] == [
        ["alpha", "HIGHNY-26DEC31", "15"],
        ["alpha", "KXFED-26DEC-T4.00", "5"],
        ["alpha", "STORM-26DEC31", "0"],
        ["beta", "STORM-26DEC31", "0"],
    ]
    assert [row[-3] for row in positions] == ["0.7286", "2.5100", "55.0000", "-55.0000"]
    assert sum(line.endswith(" equal") for line in shown) == 6
    assert re.fullmatch(r"Nothing was lost and nothing invented: \d+ executions\.", shown[-1])
    assert (tmp_path / "kept" / "sessions.yaml").exists()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent < PROCESSOR_SECONDS


def test_the_demo_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(
        prefix="d"
    ) as made:  # a short path: that of a socket has to fit into 107 bytes
        monkeypatch.chdir(made)
        monkeypatch.setattr(tempfile, "tempdir", made)
        monkeypatch.setattr(command, "ACTS", ACTS[:2])
        assert fixgw("demo").exit_code == 0
        locks = "fixgw-" + os.environ.get("USER", "root")
        left = [path.name for path in Path(made).iterdir() if not path.name.startswith(locks)]
        monkeypatch.undo()
    assert left == []


async def _go_unheard(stage: Stage) -> None:
    """Let an order fill of which neither its session nor the listener is told."""
    await entered(stage.nr, limit("unheard", RATE, Side.BUY, 10, "0.44"))
    for seat in (NR, LISTENER):
        stage.venue.pause_reports(stage.key_id(seat))
    stage.venue.fill("unheard", Decimal(4))


def test_what_a_gateway_does_not_know_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "ACTS", (Act("A fill goes unheard", _go_unheard),))
    monkeypatch.setattr(audit, "CATCH_UP", 0.05)
    done = fixgw("demo")
    assert done.exit_code == 1
    told = [line.strip() for line in done.stderr.splitlines()]
    assert told[0] == "the gateways and the ledger disagree:"
    assert told.count("unheard: cum_qty is 0.00, the ledger says 4") == 2  # the session's and the listener's
    assert f"{RATE}: the venue has a position, the client does not know it" in told
    assert sum(re.search(r" \d+ differences$", line) is not None for line in done.stdout.splitlines()) == 3
    assert "Nothing was lost" not in done.stdout


def test_the_demo_ends_when_something_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    async def wait_for_ever(stage: Stage) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(command, "ACTS", (Act("Nothing comes", wait_for_ever),))
    monkeypatch.setattr(command, "LIMIT", 1.0)
    done = fixgw("demo")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[0] == "something did not come in time"


def test_a_directory_that_can_not_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = fixgw("demo", "--directory", tmp_path / "file" / "kept")
    assert done.exit_code == 2
    assert lines(done) == [
        "the directory can not be made: Not a directory",
        str(tmp_path / "file" / "kept"),
        "choose another one",
    ]


def test_a_directory_of_a_former_run(tmp_path: Path) -> None:
    (tmp_path / "sessions.yaml").write_text("")
    done = fixgw("demo", "--directory", tmp_path)
    assert done.exit_code == 2
    assert lines(done) == ["the directory is not empty", str(tmp_path), "choose a new one, or empty it"]
