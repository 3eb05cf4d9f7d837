"""What a configuration says of pauses, as guards."""

from __future__ import annotations

from typing import Any

import pytest

from fixgw.config.build import session_plan
from fixgw.config.check import check
from fixgw.config.resolve import resolve_sessions
from fixgw.config.safety import Shared
from fixgw.safety.pauses import PauseGuard, WindowGuard
from tests.config.conftest import Spoil


@pytest.mark.parametrize(
    ("pauses", "names"),
    [
        ({}, ["WindowGuard", "PauseGuard"]),
        ({"window": "ignore"}, ["PauseGuard"]),
        ({"hold": False}, ["WindowGuard"]),
        ({"hold": False, "window": "ignore"}, []),
    ],
    ids=["default", "no window", "no hold", "neither"],
)
def test_the_settings_decide_what_guards(spoil: Spoil, pauses: dict[str, Any], names: list[str]) -> None:
    session = resolve_sessions(spoil({"sessions.0.pauses": pauses})).sessions[0]
    guards = session_plan(session).passage().guards
    found = [type(guard).__name__ for guard in guards if isinstance(guard, PauseGuard | WindowGuard)]
    assert found == names


def test_sessions_with_one_venue_share_what_is_known(spoil: Spoil) -> None:
    shared = Shared()
    known = [
        guard.pauses
        for session in resolve_sessions(spoil()).sessions
        for guard in session_plan(session, shared=shared).passage().guards
        if isinstance(guard, PauseGuard)
    ]
    assert len(known) == 3
    assert len({id(pauses) for pauses in known}) == 1


def test_a_window_that_can_not_be_read_is_told(spoil: Spoil) -> None:
    changes = {"venue_overrides": {"kalshi": {"maintenance": {"windows": ["thursday at three"]}}}}
    problem = check(spoil(changes))[0]
    assert "'thursday at three' can not be read" in problem.what
    assert "venue_overrides.kalshi.maintenance" in problem.where
