"""A configuration that can not be used is told as what, where, and what to do, before anything connects."""

from __future__ import annotations

import pytest

from fixgw.config.problems import InvalidConfigError
from fixgw.sim.venue import Simulator
from tests.trouble.desk import Desk


def told(desk: Desk) -> list[str]:
    """Return the lines of the refusal."""
    with pytest.raises(InvalidConfigError) as caught:
        desk.open()
    return [line.strip() for line in str(caught.value).splitlines()]


def line_of(desk: Desk, text: str) -> int:
    return next(
        number for number, line in enumerate(desk.file.read_text().splitlines(), 1) if line.strip() == text
    )


def test_an_unknown_setting(desk: Desk) -> None:
    desk.spoil({"sessions.0.hartbeat": 30})
    assert told(desk) == [
        "unknown setting 'hartbeat'",
        f"{desk.file}:{line_of(desk, 'hartbeat: 30')} sessions[0].hartbeat",
        "did you mean 'heartbeat'?",
    ]


def test_a_secret_in_clear(venue: Simulator, desk: Desk) -> None:
    pem = venue.keys["desk"].path.read_text()
    desk.spoil({"sessions.0.key_file": ..., "sessions.0.key": pem})
    what, where, remedy = told(desk)
    assert what == "the secret stands in the file in clear"
    assert where.startswith(f"{desk.file}:")
    assert where.endswith(" sessions[0].key")
    assert remedy == "move it out, treat it as leaked, and write ${file:/path} or ${env:NAME} in its place"


def test_a_password_in_clear_among_the_logon_fields(desk: Desk) -> None:
    desk.spoil({"sessions.0.logon_fields": {554: "hunter2"}})
    lines = told(desk)
    assert lines[0] == "the secret in 554 stands in the file in clear"
    assert "hunter2" not in "\n".join(lines)


def test_a_key_that_others_can_read(venue: Simulator, desk: Desk) -> None:
    key = desk.path / "key.pem"
    key.write_bytes(venue.keys["desk"].path.read_bytes())
    key.chmod(0o644)
    desk.spoil({"sessions.0.key_file": str(key)})
    assert told(desk) == [
        f"the key file {key} can be read by other users (mode 0644)",
        f"{desk.file}:{line_of(desk, f'key_file: {key}')} sessions[0].key_file",
        f"chmod 600 {key}, or set allow_readable_key: true if the directory keeps others out",
    ]


def test_every_fault_is_told_at_once(desk: Desk) -> None:
    desk.spoil({"sessions.0.heartbeat": 1, "defaults.cancel_on_disconnect": ...})
    places = [line.rpartition(" ")[2] for line in told(desk)[1::3]]
    assert sorted(places) == ["sessions[0].cancel_on_disconnect", "sessions[0].heartbeat"]
