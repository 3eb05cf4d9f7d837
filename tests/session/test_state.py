"""The tables: every phase has a row, every way leads somewhere, and both tables agree with the code."""

from __future__ import annotations

import pytest

from fixgw.errors import LocalError, NotLoggedOn
from fixgw.fix.message import Message
from fixgw.session.session import Session
from fixgw.session.state import ESTABLISHED, HANDSHAKE, LEGAL, PHASES, Input, Phase, Role, SessionSettings
from fixgw.session.verdict import Accept
from tests.session.desk import Desk, in_phase


def test_each_phase_has_a_row_and_can_be_left_and_reached() -> None:
    assert set(PHASES) == set(Phase)
    reached = {after for row in PHASES.values() for after in row.values()}
    assert reached == set(Phase)
    assert all(PHASES.values())


def test_every_connection_can_end_in_any_phase_but_closed() -> None:
    assert [phase for phase, row in PHASES.items() if Input.END not in row] == [Phase.CLOSED]


def test_each_phase_is_closed_or_in_one_group() -> None:
    assert frozenset({Phase.CLOSED}) | ESTABLISHED | HANDSHAKE == set(Phase)
    assert not ESTABLISHED & HANDSHAKE


def test_every_legal_message_has_its_method() -> None:
    for method, phases in LEGAL.values():
        assert callable(getattr(Session, method))
        assert phases


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.CLOSED])
def test_no_second_connection_begins_while_one_is_in_use(phase: Phase) -> None:
    desk = in_phase(phase)
    for begin in (desk.session.dial, desk.session.accept):
        with pytest.raises(LocalError, match=phase.value):
            begin(desk.clock.now())
    assert desk.session.phase is phase


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.LOGON_PENDING])
def test_a_verdict_without_a_logon_is_an_error(phase: Phase) -> None:
    desk = in_phase(phase)
    with pytest.raises(LocalError, match="logon admitted is not possible"):
        desk.session.admit(Accept(), desk.clock.now())


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in (Phase.CLOSED, Phase.ACTIVE)])
def test_a_reset_between_closed_and_active_is_an_error(phase: Phase) -> None:
    desk = in_phase(phase)
    before = desk.session.epoch
    with pytest.raises(LocalError, match="reset asked for is not possible"):
        desk.session.reset(desk.clock.now())
    assert desk.session.epoch == before


@pytest.mark.parametrize("phase", list(Phase))
def test_application_messages_are_sent_while_active_and_only_then(phase: Phase) -> None:
    desk = in_phase(phase)
    before = desk.session.next_out
    assert desk.session.active is (phase is Phase.ACTIVE)
    if desk.session.active:
        desk.send()
        assert desk.session.next_out == before + 1
        return
    with pytest.raises(NotLoggedOn, match=phase.value):
        desk.send()
    assert desk.session.next_out == before


@pytest.mark.parametrize("msg_type", sorted(LEGAL))
def test_admin_messages_are_not_for_the_user_to_send(msg_type: str) -> None:
    desk = Desk.on()
    with pytest.raises(LocalError, match=f"MsgType {msg_type}"):
        desk.session.send(Message(msg_type), desk.clock.now())
    assert desk.numbers == (2, 2)


@pytest.mark.parametrize("phase", list(Phase))
def test_a_lost_stream_closes_whatever_the_phase(phase: Phase) -> None:
    desk = in_phase(phase)
    desk.do(desk.session.lost(desk.clock.now()))
    assert desk.session.phase is Phase.CLOSED
    assert desk.session.deadline is None
    assert (desk.code is None) is (phase is Phase.CLOSED)
    assert desk.hear(desk.frame("0", 1)) == []
    assert desk.records == []


def test_strictness_about_time_follows_the_role_unless_it_is_said() -> None:
    def strict(role: Role, said: bool | None) -> bool:
        return SessionSettings("s", role, "A", "B", strict_sending_time=said).strict_time

    assert strict(Role.ACCEPTOR, None)
    assert not strict(Role.INITIATOR, None)
    assert strict(Role.INITIATOR, True)
    assert not strict(Role.ACCEPTOR, False)
