"""FIX.4.2 and FIX.4.4 from the same machine; DefaultApplVerID(1137) of FIXT.1.1."""

from __future__ import annotations

from typing import Any

import pytest

from fixgw.errors import ConfigError
from fixgw.records import SeqNums
from fixgw.session.events import LogonRefused
from fixgw.session.outcome import CloseCode
from fixgw.session.state import Phase, Role, SessionSettings
from tests.session.desk import Desk, in_phase

ACCEPTOR, INITIATOR = Role.ACCEPTOR, Role.INITIATOR
FIX_4 = pytest.mark.parametrize("begin_string", ["FIX.4.2", "FIX.4.4"])
ONLY_7_AND_9: dict[str, Any] = {"accepted_appl_ver_ids": frozenset({"9", "7"})}


def fix_4(begin_string: str, role: Role = ACCEPTOR, **settings: object) -> Desk:
    return Desk.on(role, begin_string=begin_string, default_appl_ver_id=None, **settings)


@FIX_4
@pytest.mark.parametrize("role", [ACCEPTOR, INITIATOR])
def test_a_logon_has_no_version_of_the_application(begin_string: str, role: Role) -> None:
    desk = Desk(role, begin_string=begin_string, default_appl_ver_id=None)
    assert desk.log_on() == ["35=A|34=1|98=0|108=30"]
    assert desk.session.active
    desk.send()
    assert desk.records[0].payload.startswith(b"8=%b\x019=" % begin_string.encode())


@FIX_4
def test_a_peer_of_another_version_is_left(begin_string: str) -> None:
    desk = fix_4(begin_string)
    assert desk.say("0", 2, begin="FIXT.1.1") == ["35=5|34=2|58=Incorrect BeginString"]
    assert desk.code is CloseCode.PROTOCOL


@FIX_4
def test_gaps_resends_and_rejects_are_the_same(begin_string: str) -> None:
    desk = fix_4(begin_string)
    assert desk.say("D", 3) == ["35=2|34=2|7=2|16=0"]
    assert desk.repeat("D", 2) == []
    assert desk.say("2", 4, "7=1", "16=0")[0].startswith("35=4|34=1|43=Y|")
    reject = "35=3|34=3|45=5|58=Required tag missing|371=112|372=1|373=1"
    assert desk.say("1", 5) == [reject]
    assert desk.say("A", 1, "98=0", "108=30", "141=Y") == ["35=A|34=1|98=0|108=30|141=Y"]


@pytest.mark.parametrize(
    ("begin_string", "all_of_it"), [("FIX.4.2", True), ("FIX.4.4", False), ("FIXT.1.1", False)]
)
def test_999999_means_all_that_was_sent_until_fix_4_2(begin_string: str, all_of_it: bool) -> None:
    version = "9" if begin_string == "FIXT.1.1" else None
    desk = Desk(numbers=SeqNums(1, 1_000_010, 1), begin_string=begin_string, default_appl_ver_id=version)
    desk.log_on()
    (sent,) = desk.say("2", 2, "7=999999", "16=999999")
    assert sent.endswith("36=1000011|123=Y" if all_of_it else "36=1000000|123=Y")


@FIX_4
def test_a_version_of_the_application_can_not_be_set(begin_string: str) -> None:
    with pytest.raises(ConfigError, match=r"no DefaultApplVerID\(1137\)[\s\S]*session s[\s\S]*None"):
        SessionSettings("s", ACCEPTOR, "US", "THEM", begin_string=begin_string)


class TestDefaultApplVerID:
    def test_an_acceptor_says_which_it_accepts_and_nothing_moves(self) -> None:
        desk = Desk(numbers=SeqNums(2, 7, 5), **ONLY_7_AND_9)
        desk.do(desk.session.accept(desk.clock.now()))
        sent = desk.say("A", 1, "98=0", "108=30", "141=Y", "1137=8")
        assert sent == ["35=5|34=1|58=DefaultApplVerID 8 is not accepted, only 7, 9"]
        assert desk.code is CloseCode.REFUSED
        assert (desk.session.epoch, *desk.numbers) == (2, 7, 5)

    def test_one_of_those_is_accepted(self) -> None:
        desk = in_phase(Phase.LOGON_WAIT, **ONLY_7_AND_9)
        desk.say("A", 1, "98=0", "108=30", "1137=7")
        assert desk.session.phase is Phase.LOGON_PENDING

    @pytest.mark.parametrize(("fields", "named"), [(("1137=8",), "8"), ((), "none")])
    def test_an_initiator_leaves(self, fields: tuple[str, ...], named: str) -> None:
        desk = in_phase(Phase.LOGON_SENT, **ONLY_7_AND_9)
        sent = desk.say("A", 1, "98=0", "108=30", *fields)
        assert sent == [f"35=5|34=2|58=DefaultApplVerID {named} is not accepted, only 7, 9"]
        assert desk.code is CloseCode.PROTOCOL
        assert desk.session.next_in == 1

    def test_an_initiator_is_told_what_the_acceptor_says(self) -> None:
        desk = in_phase(Phase.LOGON_SENT)
        desk.say("5", 1, "58=DefaultApplVerID 9 is not accepted, only 8")
        assert desk.events == [LogonRefused("DefaultApplVerID 9 is not accepted, only 8")]
