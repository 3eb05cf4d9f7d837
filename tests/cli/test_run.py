"""``fixgw run``: it stays until it is told to stop, and says why when it can not."""

from __future__ import annotations

import json
import signal
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fixgw.records import Kind
from fixgw.store.reader import records
from tests.cli.conftest import Running, Sim, config, fixgw, lines, process

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_logs_out(sim: Sim, tmp_path: Path, number: signal.Signals) -> None:
    running = Running(config(sim, tmp_path), tmp_path)
    assert running.notified() == "READY=1"
    code, out, err = running.stop(number)
    assert (code, out) == (0, "")
    first, *logged = err.splitlines()
    assert first == f"running orders, pid {running.process.pid}; Ctrl-C drains and stops"
    events = [json.loads(line)["event"] for line in logged]
    assert events[-3:] == ["every required session is logged on", "draining", "logged out"]
    drops = [record.payload for record in records(tmp_path / "tapes" / "orders") if record.kind == Kind.DROP]
    assert [drop.split() for drop in drops] == [[b"logout"]]


def test_a_session_outside_its_schedule_keeps_nobody_waiting(sim: Sim, tmp_path: Path) -> None:
    later = f"{datetime.now(UTC) + timedelta(days=3):%a}".lower()
    schedule = f"{{ time_zone: UTC, windows: {later} 12:00-12:01 }}"
    running = Running(config(sim, tmp_path, schedule=schedule), tmp_path)
    assert running.notified() == "READY=1"
    shown = fixgw("status", "-c", tmp_path / "sessions.yaml").stdout.splitlines()
    assert shown[1].split()[-2:] == [f"127.0.0.1:{sim.ready['ports']['KalshiRT']}", "closed"]
    assert shown[2].startswith(f"orders: outside its schedule, which opens {later.title()} ")
    code, _, err = running.stop(signal.SIGTERM)
    assert code == 0
    assert [json.loads(line)["event"] for line in err.splitlines() if line.startswith("{")][-2:] == [
        "ready",
        "draining",
    ]


def test_systemd_hears_of_the_end_too(sim: Sim, tmp_path: Path) -> None:
    running = Running(config(sim, tmp_path), tmp_path)
    assert running.notified() == "READY=1"
    running.process.terminate()
    assert running.notified() == "STOPPING=1"
    assert running.end()[0] == 0


def test_a_required_session_that_gives_up_ends_it(sim: Sim, tmp_path: Path) -> None:
    code, out, err = Running(config(sim, tmp_path, target="KalshiDC"), tmp_path).end()
    assert (code, out) == (1, "")
    assert [line.strip() for line in err.splitlines()[-3:]] == [
        "a required session gave up: orders",
        "logon refused: Invalid TargetCompID (the port does not serve this kind of session)",
        "take port and kind from the same row: leave port out to get the venue's own",
    ]


def test_only_the_session_that_gave_up_is_blamed(sim: Sim, tmp_path: Path) -> None:
    file = config(sim, tmp_path, target="KalshiDC")
    file.write_text(file.read_text() + second_session(sim))
    code, _, err = Running(file, tmp_path).end()
    assert code == 1
    assert [line for line in err.splitlines() if "gave up: " in line] == [
        "a required session gave up: orders"
    ]


def second_session(sim: Sim) -> str:
    """Return the YAML of a session that logs on."""
    return f"""\
  - name: healthy
    kind: drop-copy
    sender: second
    key_file: {sim.state / "second"}.pem
    connect: {{ port: {sim.ready["ports"]["KalshiDC"]} }}
"""


def test_a_session_that_is_not_required_may_give_up(sim: Sim, tmp_path: Path) -> None:
    file = config(sim, tmp_path, target="KalshiDC", required="false")
    running = Running(file, tmp_path)
    assert running.notified() == "READY=1"
    code, _, err = running.stop()
    assert code == 0
    assert "a required session gave up" not in err


def test_a_configuration_that_can_not_be_used(sim: Sim, tmp_path: Path) -> None:
    file = config(sim, tmp_path, hartbeat="30")
    result = fixgw("run", file)
    assert result.exit_code == 2
    assert lines(result) == [
        "unknown setting 'hartbeat'",
        f"{file}:13 sessions[0].hartbeat",
        "did you mean 'heartbeat'?",
    ]


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    result = fixgw("run", tmp_path / "nothing.yaml")
    assert result.exit_code == 2
    assert lines(result) == [
        "the configuration can not be read: No such file or directory",
        str(tmp_path / "nothing.yaml"),
        "name an existing file",
    ]


def test_a_port_for_metrics_that_is_taken(sim: Sim, tmp_path: Path) -> None:
    file = config(sim, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file.write_text(file.read_text() + f'metrics: {{ listen: "127.0.0.1:{port}" }}\n')
        done = process("run", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.strip() for line in done.stderr.splitlines()[-3:]] == [
        f"the metrics can not be offered on 127.0.0.1:{port}: [Errno 98] Address already in use",
        "metrics.listen",
        "choose a free port of this machine",
    ]


def test_a_key_that_another_gateway_uses(sim: Sim, tmp_path: Path) -> None:
    running = Running(config(sim, tmp_path), tmp_path)
    assert running.notified() == "READY=1"
    (tmp_path / "other").mkdir()
    done = process("run", config(sim, tmp_path / "other"))
    assert running.stop()[0] == 0
    assert (done.returncode, done.stdout) == (1, "")
    assert f"is held by pid {running.process.pid} on host " in done.stderr
    assert "a key carries one connection" in done.stderr
