"""Every script against the engine: a link over a stream, in pieces of any size, with real timers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.live import LiveSystem
from tests.conformance.play import Player, settings_of
from tests.conformance.script import Script, load

SCRIPTS = load(Path(__file__).parent / "scripts")
CASES = [
    pytest.param(script, role, id=f"{script.name}-{role}") for script in SCRIPTS for role in script.roles
]


@pytest.mark.parametrize(("script", "role"), CASES)
def test_the_engine_does_what_the_script_says(script: Script, role: str) -> None:
    system = LiveSystem(settings_of(script, role), script.numbers, dict(script.limits))
    try:
        Player(script, system, role).play()
    finally:
        system.close()
