"""Where the kill switch is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixgw.config.kill import kill_settings
from tests.config.conftest import Spoil

MEMORY = {f"sessions.{index}.store": {"kind": "memory"} for index in range(3)}


@pytest.mark.parametrize(
    ("changes", "file"),
    [
        ({}, "tape/kill-switch.json"),
        ({"kill_switch": {"file": "run/killed"}}, "run/killed"),
        ({**MEMORY, "kill_switch": {"file": "run/killed"}}, "run/killed"),
    ],
    ids=["beside the tapes", "its own", "without tapes"],
)
def test_it_is_kept_in_a_file(spoil: Spoil, tmp_path: Path, changes: dict[str, Any], file: str) -> None:
    assert kill_settings(spoil(changes)).file == tmp_path / file


def test_without_tapes_and_a_file_it_is_kept_in_memory(spoil: Spoil) -> None:
    assert kill_settings(spoil(MEMORY)).file is None
