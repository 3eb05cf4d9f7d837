"""What a configuration lets a session send."""

from __future__ import annotations

from typing import Any

import pytest

from fixgw.config.build import session_plan
from fixgw.config.check import check
from fixgw.config.resolve import resolve_sessions
from fixgw.errors import NotAllowed
from fixgw.fix.message import Message
from fixgw.handlers.passage import Passage
from tests.config.conftest import Spoil
from tests.safety.messages import NOW, new_order

LISTENER = {"sessions.0.options": {"listener_session": True, "skip_pending_exec_reports": True}}
GENERIC = {
    "sessions.0.venue": "generic",
    "sessions.0.kind": "orders",
    "sessions.0.cancel_on_disconnect": ...,
    "sessions.0.key_file": ...,
    "sessions.0.target": "THEM",
    "sessions.0.connect": {"host": "127.0.0.1", "port": 1},
    "defaults.environment": ...,
    "sessions.1.environment": "demo",
    "sessions.2.environment": "demo",
}


def _passages(spoil: Spoil, changes: dict[str, Any] | None = None) -> list[Passage]:
    loaded = spoil(changes)
    assert check(loaded) == []
    return [session_plan(session).passage() for session in resolve_sessions(loaded).sessions]


def _admit(passage: Passage, message: Message) -> None:
    for guard in passage.guards:
        guard.admit(message, NOW)


def test_a_session_refuses_what_its_kind_does_not_send(spoil: Spoil) -> None:
    rt, nr, md = _passages(spoil)
    mass_cancel = Message("q", [(11, "a"), (530, "6")])
    _admit(nr, mass_cancel)
    for passage in (rt, md):
        with pytest.raises(NotAllowed, match="use a session of kind orders-nr"):
            _admit(passage, mass_cancel)


def test_a_listener_sends_nothing(spoil: Spoil) -> None:
    listener, *_ = _passages(spoil, LISTENER)
    with pytest.raises(NotAllowed, match="a session of kind orders-rt that only listens"):
        _admit(listener, new_order())


def test_a_generic_session_sends_what_it_likes(spoil: Spoil) -> None:
    generic, *_ = _passages(spoil, GENERIC)
    _admit(generic, Message("H", [(11, "a")]))
