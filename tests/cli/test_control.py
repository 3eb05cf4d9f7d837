"""``fixgw status``, ``session`` and ``seqnum``, against a running ``fixgw run``."""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixgw.records import Kind
from fixgw.store.reader import records
from tests.cli.conftest import Running, Sim, config, fixgw, lines

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def file(sim: Sim, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The configuration of a gateway that runs and is logged on."""
    directory = tmp_path_factory.mktemp("run")
    running = Running(config(sim, directory, key="third"), directory)
    assert running.notified() == "READY=1"
    yield directory / "sessions.yaml"
    code, _, err = running.stop()
    assert code == 0, err


@pytest.fixture
def logged_out(file: Path) -> Iterator[Path]:
    """The same, with its session logged out; it begins anew afterwards."""
    assert fixgw("session", "logout", "orders", "-c", file).exit_code == 0
    yield file
    for arguments in (("seqnum", "reset", "orders", "--yes"), ("session", "logon", "orders")):
        assert fixgw(*arguments, "-c", file).exit_code == 0
    until_logged_on(file)


def until_logged_on(file: Path) -> None:
    while numbers(file)["phase"] != "active":
        assert numbers(file)["state"] != "stopped"


def numbers(file: Path) -> dict[str, object]:
    result = fixgw("seqnum", "show", "orders", "--json", "-c", file)
    assert (result.exit_code, result.stderr) == (0, "")
    shown: dict[str, object] = json.loads(result.stdout)
    return shown


def mismatch(file: Path) -> list[str]:
    """Let the session meet a venue that expects another number; return what ``status`` says then."""
    for arguments in (
        ("session", "logout", "orders"),
        ("seqnum", "set", "orders", "--out", "2", "--yes"),
        ("session", "logon", "orders"),
    ):
        assert fixgw(*arguments, "-c", file).exit_code == 0
    while numbers(file)["state"] != "stopped":
        pass
    return fixgw("status", "-c", file).stdout.splitlines()


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


# -- status


def test_status_is_a_table(file: Path) -> None:
    result = fixgw("status", "-c", file)
    assert (result.exit_code, result.stderr) == (0, "")
    head, row = rows(result.stdout)
    assert head[0] == "session"
    assert (row[0], row[1], row[-1]) == ("orders", "active", "running")


def test_status_of_one_session_as_json(file: Path) -> None:
    result = fixgw("status", "orders", "--json", "--socket", file.parent / "admin.sock")
    assert (result.exit_code, result.stderr) == (0, "")
    (line,) = result.stdout.splitlines()
    view = json.loads(line)["sessions"]["orders"]
    assert (view["active"], view["session"]["phase"]) == (True, "active")


def test_status_says_why_a_session_is_out(logged_out: Path) -> None:
    shown = fixgw("status", "-c", logged_out).stdout.splitlines()
    assert shown[1].split()[-1] == "stopped"
    assert shown[2] == "orders: logout"


def test_a_mismatch_is_shown_with_both_numbers_and_mended(file: Path) -> None:
    _, row, why, remedy = mismatch(file)
    assert row.split()[-1] == "stopped"
    found = re.fullmatch(r"orders: MsgSeqNum too low: the venue expects (\d+) and got 2", why)
    assert found is not None
    assert remedy.strip().startswith(f"take the venue's number (fixgw seqnum set orders --out {found[1]})")
    assert fixgw("seqnum", "set", "orders", "--out", found[1], "--yes", "-c", file).exit_code == 0
    assert fixgw("session", "logon", "orders", "-c", file).exit_code == 0
    until_logged_on(file)


def test_a_session_that_there_is_not(file: Path) -> None:
    result = fixgw("status", "order", "-c", file)
    assert result.exit_code == 4
    assert lines(result) == ["no session is named 'order'; did you mean 'orders'?"]


@pytest.mark.parametrize(
    "command", [("status",), ("seqnum", "show", "orders"), ("session", "logon", "orders")]
)
def test_a_gateway_that_does_not_run(sim: Sim, tmp_path: Path, command: tuple[str, ...]) -> None:
    result = fixgw(*command, "-c", config(sim, tmp_path))
    assert result.exit_code == 3
    assert lines(result) == [
        f"no gateway runs at {tmp_path / 'admin.sock'}",
        "start it with `fixgw run`, or name its socket (admin.socket in its configuration)",
    ]


def test_a_configuration_without_a_socket(sim: Sim, tmp_path: Path) -> None:
    file = config(sim, tmp_path)
    file.write_text(file.read_text().replace("admin: {", "venue_overrides: {"))
    result = fixgw("status", "-c", file)
    assert result.exit_code == 2
    assert lines(result) == [
        "the configuration names no control socket",
        f"{file} admin.socket",
        "add one and start the gateway anew, or give --socket",
    ]


# -- session


def test_a_session_is_logged_out_and_on(file: Path) -> None:
    out = fixgw("session", "logout", "orders", "-c", file)
    assert (out.exit_code, rows(out.stdout)[2][1]) == (0, "closed")
    for command in ("logon", "reconnect"):
        assert fixgw("session", command, "orders", "-c", file).exit_code == 0
        until_logged_on(file)


# -- seqnum


def test_seqnum_shows_the_numbers(file: Path) -> None:
    result = fixgw("seqnum", "show", "orders", "-c", file)
    assert (result.exit_code, result.stderr) == (0, "")
    assert rows(result.stdout)[1][:5] == ["session", "phase", "epoch", "next_in", "next_out"]


def test_numbers_are_not_set_without_a_yes(logged_out: Path) -> None:
    before = numbers(logged_out)
    result = fixgw("seqnum", "set", "orders", "--out", "99", "-c", logged_out)
    assert result.exit_code == 4
    assert [line.strip() for line in result.stderr.splitlines()] == [
        "seqnum.set was not confirmed: it changes what is sent and expected next",
        "orders",
        "give --yes, as there is no terminal to ask on",
    ]
    assert numbers(logged_out) == before


def test_on_a_terminal_a_person_is_asked(logged_out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = numbers(logged_out)
    monkeypatch.setattr("fixgw.cli.seqnum.is_terminal", lambda: True)
    refused = fixgw("seqnum", "reset", "orders", "-c", logged_out, input="n\n")
    assert refused.exit_code == 1
    assert "seqnum.reset on orders?" in refused.output
    assert numbers(logged_out) == before
    assert fixgw("seqnum", "reset", "orders", "-c", logged_out, input="y\n").exit_code == 0
    assert (numbers(logged_out)["next_in"], numbers(logged_out)["next_out"]) == (1, 1)


def test_numbers_are_not_set_while_logged_on(file: Path) -> None:
    result = fixgw("seqnum", "set", "orders", "--out", "99", "--yes", "-c", file)
    assert result.exit_code == 4
    assert result.stderr.strip() == "orders: log out first: numbers are not changed while connected"


def test_setting_shows_before_and_after_and_leaves_an_audit_trail(logged_out: Path) -> None:
    before = numbers(logged_out)
    arguments = ("--in", "7", "--out", "9", "--yes", "--reason", "agreed by phone")
    result = fixgw("seqnum", "set", "orders", *arguments, "-c", logged_out)
    assert (result.exit_code, result.stderr) == (0, "")
    titles = [
        line.strip()
        for line in result.stdout.splitlines()
        if line.startswith("orders ") and "closed" not in line
    ]
    assert titles == ["orders before", "orders after"]
    assert (numbers(logged_out)["next_in"], numbers(logged_out)["next_out"]) == (7, 9)
    assert before != numbers(logged_out)
    tape = records(logged_out.parent / "tapes" / "orders")
    note = [record.payload.decode() for record in tape if record.kind == Kind.NUMBERS][-1]
    user = getpass.getuser()
    assert note.startswith(f"{user} (pid ")
    assert note.endswith(f"): agreed by phone (by {user})")


def test_a_reset_is_audited_too(logged_out: Path) -> None:
    result = fixgw("seqnum", "reset", "orders", "--yes", "--reason", "a new day", "-c", logged_out)
    assert result.exit_code == 0
    assert (numbers(logged_out)["next_in"], numbers(logged_out)["next_out"]) == (1, 1)
    tape = records(logged_out.parent / "tapes" / "orders")
    notes = [record.payload.decode() for record in tape if record.kind == Kind.NOTE]
    assert "a new day" in notes[-1]


def test_there_has_to_be_something_to_set(file: Path) -> None:
    result = fixgw("seqnum", "set", "orders", "-c", file)
    assert result.exit_code == 2
    assert lines(result) == ["nothing to set", "orders", "give --in, --out or both"]


def test_a_number_below_one_is_refused(logged_out: Path) -> None:
    result = fixgw("seqnum", "set", "orders", "--in", "0", "--yes", "-c", logged_out)
    assert result.exit_code == 4
    assert result.stderr.strip() == "next_in is 0: a MsgSeqNum is 1 or more"


# -- kill and release


def test_a_kill_says_what_was_done_and_holds_until_it_is_released(file: Path) -> None:
    killed = fixgw("kill", "--reason", "fat finger", "-c", file)
    assert (killed.exit_code, killed.stderr) == (0, "")
    assert re.fullmatch(r"killed: .* \(pid \d+\): fat finger \(by .*\)\n", killed.stdout)
    assert "the kill switch is on: " in fixgw("status", "-c", file).stdout
    assert fixgw("release", "-c", file).exit_code == 4
    released = fixgw("release", "--yes", "--reason", "checked", "-c", file)
    assert (released.exit_code, released.stderr) == (0, "released: messages leave again\n")


def test_a_kill_as_json(file: Path) -> None:
    report = json.loads(fixgw("kill", "--json", "-c", file).stdout)
    assert (report["complete"], report["saved"]) == (True, True)
    assert fixgw("release", "--yes", "-c", file).exit_code == 0


def test_a_kill_that_can_not_be_written_down_says_what_to_do(file: Path) -> None:
    in_the_way = file.parent / "tapes" / "kill-switch.json"
    in_the_way.mkdir()
    killed = fixgw("kill", "-c", file)
    in_the_way.rmdir()
    assert fixgw("release", "--yes", "-c", file).exit_code == 0
    assert "let kill_switch.file name a file that can be written" in killed.stderr


def test_a_release_of_what_is_not_on_is_refused(file: Path) -> None:
    result = fixgw("release", "--yes", "-c", file)
    assert (result.exit_code, "nothing to release" in result.stderr) == (4, True)
