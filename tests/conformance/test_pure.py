"""Every script against the session alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.play import Player, settings_of
from tests.conformance.pure import PureSystem
from tests.conformance.script import Script, load

SCRIPTS = load(Path(__file__).parent / "scripts")
CASES = [
    pytest.param(script, role, id=f"{script.name}-{role}")
    for script in SCRIPTS
    if not script.live_only
    for role in script.roles
]


@pytest.mark.parametrize(("script", "role"), CASES)
def test_the_session_does_what_the_script_says(script: Script, role: str) -> None:
    system = PureSystem(settings_of(script, role), script.numbers)
    Player(script, system, role).play()
    assert system.stored_numbers() == system.numbers(), "a restart would not go on where the session stands"
