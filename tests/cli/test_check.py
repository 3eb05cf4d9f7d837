"""``fixgw check``: what can be known without a connection, on stdout what is good, on stderr what is not."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Sim, config, fixgw, lines, process

pytestmark = pytest.mark.slow

HANDLER = """\
from fixgw import Handler


class Fills(Handler):
    pass
"""


def test_a_good_configuration(sim: Sim, tmp_path: Path) -> None:
    result = fixgw("check", config(sim, tmp_path))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "orders: kalshi orders-rt, ready to run\n"
    assert not (tmp_path / "tapes").exists()  # nothing was made


@pytest.mark.parametrize(
    ("window", "told"), [("sun 00:00 - sun 00:00", "open, next change"), ("{} 12:00-12:01", "closed until")]
)
def test_a_schedule_is_told_as_it_stands_now(sim: Sim, tmp_path: Path, window: str, told: str) -> None:
    later = f"{datetime.now(UTC) + timedelta(days=3):%a}".lower()
    schedule = f"{{ time_zone: UTC, windows: {window.format(later)} }}"
    result = fixgw("check", config(sim, tmp_path, schedule=schedule))
    day = later.title() if "{}" in window else "Sun"
    assert re.fullmatch(
        rf"orders: .*, ready to run; {told} {day} \d{{4}}-\d\d-\d\d \d\d:\d\d:00 UTC\n", result.stdout
    )


def test_a_configuration_with_faults(sim: Sim, tmp_path: Path) -> None:
    file = config(sim, tmp_path, heartbeat="1", options="{ use_dollar: true }")
    result = fixgw("check", file)
    assert result.exit_code == 2
    assert lines(result) == [
        "error: heartbeat 1 s is below what kalshi accepts",
        f"{file}:13 sessions[0].heartbeat",
        "say 4 or more",
        "error: kalshi has no Logon option use_dollar",
        f"{file}:14 sessions[0].options.use_dollar",
        "did you mean use_dollars?",
    ]


def test_a_warning_is_told_and_does_no_harm(sim: Sim, tmp_path: Path) -> None:
    result = fixgw("check", config(sim, tmp_path, store="{ kind: memory }"))
    assert (result.exit_code, result.stdout) == (0, "orders: kalshi orders-rt, ready to run\n")
    assert result.stderr.startswith("warning: orders keeps its numbers in memory")


def test_a_control_socket_where_none_can_stand(sim: Sim, tmp_path: Path) -> None:
    file = config(sim, tmp_path)
    file.write_text(file.read_text().replace("admin.sock", "sessions.yaml/admin.sock"))
    result = fixgw("check", file)
    assert result.exit_code == 2
    assert lines(result) == [
        f"error: {file} can not be written",
        f"{file}:6 admin.socket",
        "choose a directory of your own",
    ]


def test_handlers_are_found_beside_the_configuration(
    sim: Sim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "desk_of_the_check.py").write_text(HANDLER)
    result = fixgw("check", config(sim, tmp_path, handlers="{ orders: desk_of_the_check:Fills }"))
    assert (result.exit_code, result.stderr) == (0, "")
    result = fixgw("check", config(sim, tmp_path, handlers="{ orders: desk_of_the_check:Fill }"))
    assert result.exit_code == 2
    assert "sessions[0].handlers.orders" in lines(result)[1]


@pytest.mark.parametrize("verdict", ["good", "bad"])
def test_a_pipe_gets_no_colour(sim: Sim, tmp_path: Path, verdict: str) -> None:
    file = config(sim, tmp_path, **({"heartbeat": "1"} if verdict == "bad" else {}))
    done = process("check", file)
    assert done.returncode == (2 if verdict == "bad" else 0)
    assert "\x1b" not in done.stdout + done.stderr


def test_the_schema_is_json_on_stdout() -> None:
    result = fixgw("config", "schema")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "sessions" in json.loads(result.stdout)["properties"]


def test_the_version() -> None:
    result = fixgw("--version")
    assert (result.exit_code, result.stdout.split()[0]) == (0, "fixgw")


@pytest.mark.parametrize("arguments", [("nonsense",), ("check", "--nonsense"), ("seqnum", "set")])
def test_a_command_that_there_is_not_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    result = fixgw(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage: " in result.stderr
