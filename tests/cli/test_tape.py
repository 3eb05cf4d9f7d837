"""``fixgw tape``: what a check prints, what a repair does, and how both end."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fixgw.store.tape import Tape
from tests.cli.conftest import fixgw
from tests.store.test_check import flip, worked
from tests.store.test_rolling import names


@pytest.fixture
def tapes(tmp_path: Path) -> Path:
    """Return a directory of two sessions, and a third that has nothing yet."""
    worked(tmp_path / "orders")
    worked(tmp_path / "drop-copy")
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_a_sound_tape_is_shown_as_a_table(tapes: Path) -> None:
    result = fixgw("tape", "check", tapes / "orders")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[:2] == [
        [str(tapes / "orders")],
        ["segment", "bytes", "records", "epoch", "out", "in", "state"],
    ]
    first = tapes / "orders" / "00000001.tape"
    assert lines[2][:2] == ["00000001.tape", str(first.stat().st_size)]
    assert lines[2][3:] == ["1", "1-13", "1-13"]
    assert lines[-1] == [
        "next",
        "out",
        "42,",
        "next",
        "in",
        "41,",
        "epoch",
        "2;",
        "handled",
        "up",
        "to",
        "40",
        "of",
        "epoch",
        "2",
    ]


def test_every_session_is_looked_at_and_the_worst_counts(tapes: Path) -> None:
    assert fixgw("tape", "check", tapes).exit_code == 0
    flip(tapes / "orders" / "00000002.tape", 400)
    result = fixgw("tape", "check", tapes)
    assert result.exit_code == 1
    assert result.stdout.count("next out 42") == 2
    said = result.stderr.splitlines()
    assert said[0].startswith("00000002.tape: offset ")
    assert said[0].endswith(" bytes do not check")
    assert said[1] == f"what to do: restore from a copy, or `fixgw tape repair {tapes / 'orders'}`"
    assert "bytes damaged" in result.stdout


def test_what_can_not_be_mended_is_not_promised_to_be(tapes: Path) -> None:
    for segment in (tapes / "orders").glob("*.tape*"):
        flip(segment, 8)
    result = fixgw("tape", "check", tapes / "orders")
    assert result.exit_code == 1
    assert "next out" not in result.stdout
    assert result.stderr.splitlines()[-1] == "what to do: restore from a copy"


def test_the_same_as_json(tapes: Path) -> None:
    flip(tapes / "orders" / "00000002.tape", 400)
    result = fixgw("tape", "check", tapes, "--json")
    assert (result.exit_code, result.stderr) == (1, "")
    first, second = map(json.loads, result.stdout.splitlines())
    assert (first["path"], first["sound"], first["faults"]) == (str(tapes / "drop-copy"), True, [])
    assert (second["path"], second["sound"]) == (str(tapes / "orders"), False)
    assert [segment["name"] for segment in second["segments"]] == names(tapes / "orders")
    assert second["segments"][0]["spans"][0] == {
        "epoch": 1, "first_out": 1, "last_out": 13, "first_in": 1, "last_in": 13
    }  # fmt: skip
    assert second["segments"][1]["damaged_bytes"] > 0
    (fault,) = second["faults"]
    assert (fault["file"], fault["mendable"]) == ("00000002.tape", True)
    assert second["numbers"] == {"epoch": 2, "next_out": 42, "next_in": 41}
    assert second["handled"] == {"epoch": 2, "msg_seq_num": 40}


@pytest.mark.parametrize("command", ["check", "repair"])
def test_what_is_no_tape_is_told(tmp_path: Path, command: str) -> None:
    result = fixgw("tape", command, tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        result.stderr == f"{tmp_path}: no tape is here; name a session's directory, or that of all sessions\n"
    )
    result = fixgw("tape", command, tmp_path / "missing")
    assert result.exit_code == 2
    assert "No such file or directory" in result.stderr


def test_a_repair_says_what_it_did_and_the_tape_is_sound_again(tapes: Path) -> None:
    flip(tapes / "orders" / "00000002.tape", 400)
    with (tapes / "drop-copy" / names(tapes / "drop-copy")[-1]).open("ab") as file:
        file.write(b"torn")
    dry = fixgw("tape", "repair", tapes, "--dry-run")
    assert dry.exit_code == 0
    assert dry.stdout.count("would do: ") == 2
    assert fixgw("tape", "check", tapes).exit_code == 1
    result = fixgw("tape", "repair", tapes)
    assert (result.exit_code, result.stderr) == (0, "")
    cut, noted = result.stdout.splitlines()
    assert "an unfinished write at offset" in cut
    assert ".torn" in cut
    assert "a note stands in their place, kept in 00000002.tape." in noted
    assert "lost: " in noted
    assert fixgw("tape", "check", tapes).exit_code == 0
    again = fixgw("tape", "repair", tapes)
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr.splitlines() == [
        f"{tapes / name}: nothing to repair" for name in ("drop-copy", "orders")
    ]


def test_what_can_not_be_repaired_stays_and_is_told(tapes: Path) -> None:
    (tapes / "orders" / "00000002.tape").unlink()
    result = fixgw("tape", "repair", tapes / "orders")
    assert result.exit_code == 1
    assert "stays: 00000003.tape: offset 0: 00000002.tape is missing before it" in result.stderr


def test_a_tape_that_is_in_use_is_checked_and_not_repaired(tapes: Path) -> None:
    tape = Tape(tapes / "orders")
    tape.load()
    assert fixgw("tape", "check", tapes).exit_code == 0
    result = fixgw("tape", "repair", tapes)
    assert result.exit_code == 4
    assert f"is held by pid {os.getpid()} on host" in result.stderr
    assert "stop that gateway first" in result.stderr
    tape.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anywhere")
def test_a_tape_that_may_not_be_read_is_told(tapes: Path) -> None:
    (tapes / "orders" / "00000001.tape").chmod(0)
    result = fixgw("tape", "check", tapes)
    assert result.exit_code == 2
    assert "Permission denied" in result.stderr
