"""A kind of session sends what is its own, and nothing else leaves."""

from __future__ import annotations

import pytest

from fixgw.errors import NotAllowed, Refused
from fixgw.fix.message import Message
from fixgw.safety.kind import SessionKindGuard
from fixgw.venues.kalshi.profile import VENUE
from tests.safety.messages import NOW

KINDS = VENUE.profile.kinds
ALL_SENT = sorted({msg_type for kind in KINDS.values() for msg_type in kind.sends})


def _guard(kind: str) -> SessionKindGuard:
    return SessionKindGuard(kind, KINDS[kind].sends, VENUE.profile.senders)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("msg_type", ALL_SENT)
def test_a_kind_sends_exactly_what_its_row_names(kind: str, msg_type: str) -> None:
    guard = _guard(kind)
    if msg_type in KINDS[kind].sends:
        guard.admit(Message(msg_type), NOW)
    else:
        with pytest.raises(NotAllowed):
            guard.admit(Message(msg_type), NOW)


def test_the_refusal_names_the_kinds_that_do_send_it() -> None:
    with pytest.raises(NotAllowed) as caught:
        _guard("orders-rt").admit(Message("q"), NOW)
    assert str(caught.value) == "35=q is not sent on orders-rt: use a session of kind orders-nr"


def test_the_refusal_names_every_such_kind() -> None:
    with pytest.raises(NotAllowed, match="use a session of kind orders-nr or orders-rt"):
        _guard("market-data").admit(Message("D"), NOW)


def test_what_no_kind_sends_is_said_to_be_unknown() -> None:
    with pytest.raises(NotAllowed, match="35=H is not sent on orders-rt: the venue knows no such request"):
        _guard("orders-rt").admit(Message("H"), NOW)


def test_a_refusal_is_counted_under_its_rule() -> None:
    with pytest.raises(Refused) as caught:
        _guard("orders-rt").admit(Message("q"), NOW)
    assert caught.value.rule == "kind"


def test_waiting_changes_nothing() -> None:
    assert _guard("orders-rt").delay(Message("q"), NOW) == 0
