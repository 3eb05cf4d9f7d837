"""Numbers that begin anew when a connection ends, and resets inside a session that meet something else."""

from __future__ import annotations

from typing import Any

import pytest

from fixgw.errors import Reject
from fixgw.fix.message import Message
from fixgw.records import Kind, SeqNums
from fixgw.session.events import GapLost, LoggedOut, NumbersReset
from fixgw.session.outcome import CloseCode
from fixgw.session.state import Phase, Role
from fixgw.session.verdict import Accept, Refuse
from tests.session.desk import Desk, in_phase
from tests.session.twins import Twins

LOGON = ("98=0", "108=30", "1137=9")
ROLES = pytest.mark.parametrize("role", list(Role))


class TestWhenAConnectionEnds:
    @ROLES
    def test_a_logout_of_the_peer_resets_where_that_is_wanted(self, role: Role) -> None:
        desk = Desk.on(role, reset_on_logout=True)
        desk.send()
        assert desk.say("5", 2) == ["35=5|34=3"]
        assert (desk.session.epoch, *desk.numbers) == (2, 1, 1)
        assert desk.events == [LoggedOut("", by_us=False), NumbersReset(2)]
        assert [record.kind for record in desk.records] == [Kind.FRAME, Kind.FRAME, Kind.RESET]
        assert desk.code is CloseCode.LOGOUT

    def test_so_does_the_answer_to_our_own(self) -> None:
        desk = Desk.on(reset_on_logout=True)
        desk.do(desk.session.logout("", desk.clock.now()))
        assert desk.numbers == (3, 2)
        desk.say("5", 2)
        assert desk.numbers == (1, 1)

    def test_any_other_end_does_not(self) -> None:
        for end in ("lost", "unanswered", "refused"):
            desk = Desk(Role.INITIATOR, SeqNums(1, 7, 5), reset_on_logout=True)
            if end == "refused":
                desk.do(desk.session.dial(desk.clock.now()))
                desk.say("5", 5)
                assert desk.numbers == (8, 5)
                continue
            desk.log_on(5)
            if end == "lost":
                desk.do(desk.session.lost(desk.clock.now()))
            else:
                desk.do(desk.session.logout("", desk.clock.now()))
                desk.wait(2.0)
            assert desk.session.epoch == 1

    @ROLES
    @pytest.mark.parametrize("end", ["lost", "logout", "silence", "protocol"])
    def test_every_end_resets_where_that_is_wanted(self, role: Role, end: str) -> None:
        desk = Desk.on(role, reset_on_disconnect=True)
        if end == "lost":
            desk.do(desk.session.lost(desk.clock.now()))
        elif end == "logout":
            desk.say("5", 2)
        elif end == "protocol":
            desk.say("D", 1)
        else:
            desk.wait(36.0)
            desk.wait(36.0)
        assert desk.close is not None
        assert (desk.session.epoch, *desk.numbers) == (2, 1, 1)
        assert desk.heard(NumbersReset) == [NumbersReset(2)]
        desk.store.close()
        assert desk.store.load().numbers == SeqNums(2, 1, 1)

    @pytest.mark.parametrize("phase", [Phase.LOGON_WAIT, Phase.LOGON_PENDING])
    def test_a_peer_that_was_not_admitted_resets_nothing(self, phase: Phase) -> None:
        desk = in_phase(phase, reset_on_disconnect=True)
        desk.do(desk.session.lost(desk.clock.now()))
        assert desk.session.epoch == 1
        assert [record.kind for record in desk.records] == []

    def test_a_logon_that_was_never_answered_does(self) -> None:
        desk = Desk(Role.INITIATOR, SeqNums(1, 7, 5), reset_on_disconnect=True)
        desk.do(desk.session.dial(desk.clock.now()))
        desk.do(desk.session.lost(desk.clock.now()))
        assert (desk.session.epoch, *desk.numbers) == (2, 1, 1)

    def test_what_was_missing_then_is_told(self) -> None:
        desk = Desk.on(reset_on_disconnect=True)
        desk.say("D", 5)
        desk.say("D", 9)
        desk.do(desk.session.lost(desk.clock.now()))
        assert desk.heard(GapLost) == [GapLost(2, 9)]

    @pytest.mark.parametrize("option", ["reset_on_logout", "reset_on_disconnect"])
    def test_both_sides_begin_again_at_1(self, option: str) -> None:
        options: dict[str, Any] = {option: True}
        twins = Twins(**options)
        for _ in range(3):
            twins.connect()
            twins.exchange()
            assert [side.numbers for side in twins.sides] == [(2, 2), (2, 2)]
            for side in twins.sides:
                side.send("one", twins.clock.now())
            twins.exchange()
            now = twins.clock.now()
            twins.initiator.carry_out(twins.initiator.session.logout("", now), now)
            twins.exchange()
        assert twins.initiator.received == twins.acceptor.received == ["one"] * 3


class TestResetInsideASession:
    def test_it_is_not_taken_from_a_stranger(self) -> None:
        desk = Desk.on()
        desk.send()
        sent = desk.say("A", 1, *LOGON, "141=Y", sender="WHO")
        assert sent[0].endswith("58=CompID problem|372=A|373=9")
        assert desk.code is CloseCode.PROTOCOL
        assert (desk.session.epoch, desk.session.next_in) == (1, 2)

    def test_nor_out_of_time(self) -> None:
        desk = Desk.on()
        sent = desk.say("A", 1, *LOGON, "141=Y", late=121.0)
        assert sent[0].endswith("58=SendingTime accuracy problem|372=A|373=10")
        assert desk.session.epoch == 1

    def test_nor_against_the_check_of_the_settings(self) -> None:
        def check(message: Message) -> None:
            if message.get(58):
                raise Reject(2, "Tag not defined for this message type", ref_tag=58)

        desk = Desk.on(check=check)
        sent = desk.say("A", 1, *LOGON, "141=Y", "58=x")
        assert sent == ["35=5|34=2|58=Tag not defined for this message type"]
        assert desk.code is CloseCode.PROTOCOL
        assert desk.session.epoch == 1

    @pytest.mark.parametrize("by_us", [True, False])
    def test_what_is_missing_then_is_told(self, by_us: bool) -> None:
        desk = Desk.on()
        desk.say("D", 5)
        if by_us:
            desk.do(desk.session.reset(desk.clock.now()))
        else:
            desk.say("A", 1, *LOGON, "141=Y")
        assert desk.heard(GapLost) == [GapLost(2, 5)]

    def test_a_probe_and_a_replay_of_before_it_are_forgotten(self) -> None:
        desk = Desk.on()
        desk.send()
        outcome = desk.session.receive(desk.frame("2", 2, "7=1", "16=0"), desk.clock.now())
        assert desk.wait(36.0) == ["35=1|34=3|112=TEST"]
        desk.say("A", 1, *LOGON, "141=Y")
        assert desk.do(outcome) == []
        assert desk.wait(30.0) == ["35=0|34=2"]
        assert desk.session.active

    @pytest.mark.parametrize("stranger", [{"sender": "WHO"}, {"begin": "FIX.4.4"}])
    def test_a_stranger_between_it_and_its_answer_ends(self, stranger: dict[str, Any]) -> None:
        desk = in_phase(Phase.RESET_SENT)
        desk.say("8", 2, **stranger)
        assert desk.code is CloseCode.PROTOCOL
        assert desk.delivered() == []

    def test_leaving_before_its_answer_still_takes_what_was_on_its_way(self) -> None:
        desk = in_phase(Phase.RESET_SENT)
        assert desk.do(desk.session.logout("", desk.clock.now())) == ["35=5|34=2"]
        desk.say("8", 7)
        assert len(desk.heard(Message)) == 1
        assert desk.say("A", 1, *LOGON, "141=Y") == []
        assert desk.session.phase is Phase.LOGOUT_SENT
        desk.say("8", 2)
        assert desk.delivered() == [2]
        desk.say("5", 3)
        assert desk.code is CloseCode.LOGOUT
        assert desk.numbers == (3, 4)

    def test_a_reset_of_the_peer_that_crosses_our_logout_is_taken(self) -> None:
        desk = Desk.on()
        desk.say("0", 2)
        desk.do(desk.session.logout("", desk.clock.now()))
        assert desk.say("A", 1, *LOGON, "141=Y") == []
        assert (desk.session.epoch, *desk.numbers) == (2, 1, 2)
        assert desk.session.phase is Phase.LOGOUT_SENT
        assert desk.wait(2.0) == []  # the time to answer runs on
        assert desk.code is CloseCode.LOGOUT_TIMEOUT

    @pytest.mark.parametrize("who", [0, 1])
    @pytest.mark.parametrize("then", ["same", "other"])
    def test_a_reset_and_a_logout_that_cross_leave_numbers_that_fit(self, who: int, then: str) -> None:
        twins = Twins()
        twins.connect()
        twins.exchange()
        for side in twins.sides:
            for text in "abc":
                side.send(text, twins.clock.now())
        twins.exchange()
        now = twins.clock.now()
        side, other = twins.sides[who], twins.sides[1 - who]
        side.carry_out(side.session.reset(now), now)
        leaver = side if then == "same" else other
        leaver.carry_out(leaver.session.logout("", now), now)
        twins.exchange()
        assert [each.session.phase for each in twins.sides] == [Phase.CLOSED, Phase.CLOSED]
        twins.connect()
        twins.exchange()
        twins.wait(31.0)
        assert twins.agree
        assert all(each.session.active and not each.session.gap.is_open for each in twins.sides)


def a_stored_session(**settings: Any) -> Desk:
    """Return an acceptor's desk that has sent and received, lost its connection, and has a new one."""
    desk = Desk.on(**settings)
    desk.send("D", (11, "kept"))
    desk.say("D", 2)
    desk.do(desk.session.lost(desk.clock.now()))
    desk.do(desk.session.accept(desk.clock.now()))
    return desk


FAULTS: list[tuple[tuple[str, ...], dict[str, Any], dict[str, Any]]] = [
    (LOGON, {"sender": "WHO"}, {}),
    (LOGON, {"target": "WHO"}, {}),
    (LOGON, {"sender": ""}, {}),
    (LOGON, {"late": 121.0}, {}),
    (LOGON, {"stamp": "20010101-00:00:00"}, {}),
    (LOGON, {"stamp": "never"}, {}),
    (LOGON, {"begin": "FIX.4.4"}, {}),
    (("98=0", "108=30"), {}, {}),
    (("98=0", "1137=9"), {}, {}),
    (("98=0", "108=30", "1137=8"), {}, {"accepted_appl_ver_ids": frozenset({"9"})}),
    ((*LOGON, "789=99"), {}, {"next_expected": True}),
    ((*LOGON, "789=x"), {}, {"next_expected": True}),
    ((*LOGON, "4garbled9=TW"), {}, {}),
    ((*LOGON, "4garbled9=TW"), {}, {"reject_garbled": True}),
]
ENDS = pytest.mark.parametrize("settings", [{}, {"answer_bad_logon": True}, {"reset_on_disconnect": True},
                                            {"reset_on_logout": True}, {"reset_on_logon": True}])  # fmt: skip


class TestARefusedLogonChangesNothing:
    """Whatever it asked for and however it was refused: numbers and stored messages are as they were."""

    @ENDS
    @pytest.mark.parametrize(("fields", "header", "more"), FAULTS)
    def test_when_its_checks_fail(
        self,
        fields: tuple[str, ...],
        header: dict[str, Any],
        more: dict[str, Any],
        settings: dict[str, Any],
    ) -> None:
        desk = a_stored_session(**settings, **more)
        before = self.state(desk)
        desk.say("A", 1, *fields, "141=Y", **header)
        if desk.session.phase is Phase.LOGON_PENDING:
            desk.do(desk.session.admit(Accept(), desk.clock.now()))
        assert desk.code in (CloseCode.REFUSED, CloseCode.PROTOCOL)
        assert self.state(desk) == before

    @ENDS
    @pytest.mark.parametrize(
        "verdict", [Refuse.silently(), Refuse.with_logout("no"), Refuse.with_reject(9, "no")]
    )
    def test_when_its_credentials_do(self, verdict: Refuse, settings: dict[str, Any]) -> None:
        desk = a_stored_session(**settings)
        before = self.state(desk)
        desk.say("A", 1, *LOGON, "141=Y", "554=wrong")
        desk.do(desk.session.admit(verdict, desk.clock.now()))
        assert desk.code is CloseCode.REFUSED
        assert self.state(desk) == before

    @ENDS
    @pytest.mark.parametrize("end", ["lost", "late"])
    def test_when_nobody_judges_it(self, end: str, settings: dict[str, Any]) -> None:
        desk = a_stored_session(**settings)
        before = self.state(desk)
        desk.say("A", 1, *LOGON, "141=Y")
        if end == "lost":
            desk.do(desk.session.lost(desk.clock.now()))
        else:
            desk.wait(10.0)
        assert self.state(desk) == before

    def state(self, desk: Desk) -> tuple[object, ...]:
        """Return numbers and stored messages, as another process would find them."""
        numbers = (desk.session.epoch, *desk.numbers)
        desk.store.close()
        assert desk.store.load().numbers == SeqNums(*numbers)
        return (numbers, list(desk.store.read(1, 99)))
