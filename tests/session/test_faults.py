"""Faults of identity, time and header, and how they are told; routing goes back the way it came."""

from __future__ import annotations

from typing import Any

import pytest

from fixgw.errors import Reject
from fixgw.session.events import Alarm
from fixgw.session.outcome import CloseCode
from fixgw.session.state import Phase, Role
from fixgw.session.verdict import Accept
from tests.session.desk import Desk, in_phase


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ({"sender": "WT"}, "58=CompID problem|372=D|373=9"),
        ({"target": "DLSI"}, "58=CompID problem|372=D|373=9"),
        ({"late": 121.0}, "58=SendingTime accuracy problem|372=D|373=10"),
        ({"late": -121.0}, "58=SendingTime accuracy problem|372=D|373=10"),
    ],
)
def test_wrong_identity_or_time_is_refused_and_ends_2k_2o(header: dict[str, Any], fault: str) -> None:
    desk = Desk.on()
    assert desk.say("D", 2, "11=id", **header) == [f"35=3|34=2|45=2|{fault}", "35=5|34=3"]
    assert desk.code is CloseCode.PROTOCOL
    assert desk.numbers == (4, 3)
    assert desk.delivered() == []


def test_a_stranger_with_a_high_number_moves_nothing() -> None:
    desk = Desk.on()
    desk.say("D", 7, sender="WT")
    assert desk.code is CloseCode.PROTOCOL
    assert desk.session.next_in == 2


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ({"sender": ""}, "58=Required tag missing|371=49|372=0|373=1"),
        ({"target": ""}, "58=Required tag missing|371=56|372=0|373=1"),
        ({"stamp": "20261009"}, "58=Incorrect data format for value|371=52|372=0|373=6"),
        ({"stamp": "99991231-23:59:60"}, "58=Incorrect data format for value|371=52|372=0|373=6"),
    ],
)
def test_a_header_that_can_not_be_read_is_refused_and_uses_its_number_14b(
    header: dict[str, Any], fault: str
) -> None:
    desk = Desk.on()
    assert desk.say("0", 2, **header) == [f"35=3|34=2|45=2|{fault}"]
    assert desk.session.active
    assert desk.session.next_in == 3


@pytest.mark.parametrize("stamp", ["20261009", "99991231-23:59:60"])
def test_an_application_message_of_no_time_is_refused(stamp: str) -> None:
    desk = Desk.on()
    assert desk.say("D", 2, stamp=stamp)[0].endswith("371=52|372=D|373=6")
    assert desk.session.next_in == 3


def test_an_empty_header_field_is_refused_14d() -> None:
    desk = Desk.on()
    (sent,) = desk.say("0", 2, "56=", target="")
    assert sent == "35=3|34=2|45=2|58=Tag specified without a value|371=56|372=0|373=4"


def test_a_lenient_side_raises_one_alarm_until_the_clock_comes_right() -> None:
    desk = Desk.on(Role.INITIATOR)
    alarms = []
    for number, late in enumerate((130.0, 131.0, 0.0, -130.0), 2):
        desk.say("0", number, late=late)
        alarms.append(len(desk.heard(Alarm)))
    assert alarms == [1, 0, 0, 1]
    assert desk.session.next_in == 6


def test_a_late_application_message_is_delivered_by_a_lenient_side() -> None:
    desk = Desk.on(Role.INITIATOR)
    desk.say("8", 2, late=500.0)
    assert desk.delivered() == [2]


def test_routing_tags_come_back_reversed() -> None:
    desk = Desk.on()
    desk.say("D", 2, "115=JCD", "116=CS", "144=CHI")
    (message,) = desk.events
    fault = Reject(5, "Value is incorrect (out of range) for this tag", ref_tag=40)
    sent = desk.do(desk.session.refuse(fault, message, desk.clock.now()))  # type: ignore[arg-type]
    tail = "45=2|58=Value is incorrect (out of range) for this tag|371=40|372=D|373=5"
    assert sent == [f"35=3|34=2|128=JCD|129=CS|145=CHI|{tail}"]
    desk.say("D", 3, "128=JCD", "129=CS", "145=CHI")
    sent = desk.do(desk.session.refuse(fault, desk.events[0], desk.clock.now()))  # type: ignore[arg-type]
    assert sent[0].startswith("35=3|34=3|115=JCD|116=CS|144=CHI|45=3|")


def test_an_empty_routing_tag_is_left_out() -> None:
    desk = Desk.on()
    desk.say("D", 2, "115=JCD", "116=")
    sent = desk.do(desk.session.refuse(Reject(4, ""), desk.events[0], desk.clock.now()))  # type: ignore[arg-type]
    assert sent == ["35=3|34=2|128=JCD|45=2|372=D|373=4"]


@pytest.mark.parametrize(
    ("reject", "wire"),
    [
        (Reject(3, "Unsupported Message Type", business=True), "58=Unsupported Message Type|372=8|380=3"),
        (Reject(0, "no", business=True, ref_tag=11, ref_id="id"), "58=no|372=8|379=id|380=0"),
    ],
)
def test_a_business_reject(reject: Reject, wire: str) -> None:
    desk = Desk.on()
    desk.say("8", 2)
    sent = desk.do(desk.session.refuse(reject, desk.events[0], desk.clock.now()))  # type: ignore[arg-type]
    assert sent == [f"35=j|34=2|45=2|{wire}"]
    assert desk.session.active


def test_a_business_reject_of_reason_10_does_not_end_the_session() -> None:
    desk = Desk.on()
    desk.say("8", 2)
    desk.do(desk.session.refuse(Reject(10, "x", business=True), desk.events[0], desk.clock.now()))  # type: ignore[arg-type]
    assert desk.session.active


@pytest.mark.parametrize("reason", [9, 10])
def test_a_refusal_by_the_application_does_not_end_the_session(reason: int) -> None:
    """A third party that it does not know is no fault of the session (test case 18b)."""
    desk = Desk.on()
    desk.say("D", 2, "115=CLIENT")
    fault = Reject(reason, "unknown client", ref_tag=115)
    sent = desk.do(desk.session.refuse(fault, desk.events[0], desk.clock.now()))  # type: ignore[arg-type]
    assert sent == [f"35=3|34=2|128=CLIENT|45=2|58=unknown client|371=115|372=D|373={reason}"]
    assert desk.session.active


@pytest.mark.parametrize("phase", [Phase.CLOSED, Phase.LOGON_SENT, Phase.RESET_SENT])
def test_nothing_is_refused_where_numbers_mean_nothing(phase: Phase) -> None:
    desk = in_phase(phase)
    other = Desk.on()
    other.say("D", 2)
    assert desk.do(desk.session.refuse(Reject(5, "x"), other.events[0], desk.clock.now())) == []  # type: ignore[arg-type]


def test_a_message_without_a_type_is_refused_without_naming_it() -> None:
    def check(message: object) -> None:
        raise Reject(11, "Invalid MsgType")

    desk = in_phase(Phase.LOGON_PENDING)
    desk.session._check = check
    desk.say("", 2)
    sent = desk.do(desk.session.admit(Accept(), desk.clock.now()))
    assert sent[1:] == ["35=3|34=2|45=2|58=Invalid MsgType|373=11"]
