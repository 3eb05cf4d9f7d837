"""What a driver calls: receive in any pieces, send, timers, hold, snapshot."""

from __future__ import annotations

import json

import pytest

from fixgw.errors import EncodeError
from fixgw.fix.message import Message
from fixgw.records import Flag
from fixgw.session.outcome import CloseCode
from fixgw.session.snapshot import MAX_MSG_TYPES, OTHER_TYPES
from fixgw.session.state import Phase, Role
from fixgw.session.verdict import Accept
from tests.session.desk import Desk, in_phase


@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_bytes_may_come_in_any_pieces(size: int) -> None:
    desk = Desk.on()
    data = b"".join(desk.frame("D", number, f"11={number}") for number in range(2, 6))
    got: list[int] = []
    for start in range(0, len(data), size):
        desk.hear(data[start : start + size])
        got += desk.delivered()
    assert got == [2, 3, 4, 5]


def test_what_follows_the_end_in_one_read_is_not_taken() -> None:
    desk = Desk.on()
    desk.hear(desk.frame("5", 2) + desk.frame("D", 3))
    assert desk.code is CloseCode.LOGOUT
    assert desk.heard(Message) == []
    assert desk.session.next_in == 3


def test_a_sent_message_is_one_record_and_its_payload_the_bytes() -> None:
    desk = Desk.on()
    assert desk.send("D", (11, "id"), (115, "JCD")) == "35=D|34=2|115=JCD|11=id"
    (record,) = desk.records
    assert record.flags == Flag.OUTBOUND
    assert (record.msg_seq_num, record.next_out, record.next_in) == (2, 3, 2)


def test_a_message_that_can_not_be_encoded_uses_no_number() -> None:
    desk = Desk.on()
    with pytest.raises(EncodeError):
        desk.session.send(Message.of([b"35=D", b"58=one\x01two"]), desk.clock.now())
    assert desk.numbers == (2, 2)


def test_heartbeats_go_out_when_idle_4a() -> None:
    desk = Desk.on()
    assert desk.session.deadline == desk.clock.now().mono + 30
    assert desk.wait(29.9) == []
    assert desk.wait(0.1) == ["35=0|34=2"]
    desk.send()
    assert desk.session.deadline == desk.clock.now().mono + 6  # the peer's silence comes first


def test_silence_is_tested_then_ends_without_a_logout_6() -> None:
    desk = Desk.on()
    assert desk.wait(30.0) == ["35=0|34=2"]
    assert desk.wait(6.0) == ["35=1|34=3|112=TEST"]
    assert desk.wait(35.9) == []
    assert desk.wait(0.1) == []
    assert desk.code is CloseCode.SILENT
    assert desk.session.deadline is None


def test_any_bytes_are_a_sign_of_life() -> None:
    desk = Desk.on()
    desk.wait(30.0)
    desk.wait(6.0)
    desk.clock.advance(20.0)
    desk.hear(b"8=FIX")
    assert desk.wait(20.0) == ["35=0|34=4"]
    assert desk.session.active


def test_a_peer_that_is_not_read_is_not_judged() -> None:
    desk = Desk.on()
    desk.session.hold(True, desk.clock.now())
    for beat in range(2, 6):
        assert desk.wait(30.0) == [f"35=0|34={beat}"]
    desk.session.hold(False, desk.clock.now())
    assert desk.wait(36.0) == ["35=1|34=6|112=TEST"]


def test_a_tick_too_early_does_nothing() -> None:
    for phase in Phase:
        desk = in_phase(phase)
        assert desk.wait(0.0) == []
        assert desk.session.phase is phase


def test_a_peer_that_wants_no_heartbeats_gets_none() -> None:
    desk = Desk()
    desk.do(desk.session.accept(desk.clock.now()))
    desk.say("A", 1, "98=0", "108=0", "1137=9")
    desk.do(desk.session.admit(Accept(), desk.clock.now()))
    assert desk.session.active
    assert desk.session.deadline is None


def test_the_snapshot_counts_and_is_json() -> None:
    desk = Desk.on(Role.INITIATOR)
    desk.send()
    desk.say("8", 5)
    desk.hear(b"garbage")
    taken = desk.session.snapshot()
    plain = json.loads(json.dumps(taken.to_dict()))
    assert plain["phase"] == "active"
    assert plain["role"] == "initiator"
    assert (plain["next_out"], plain["next_in"], plain["epoch"]) == (4, 2, 1)
    assert (plain["gap_last"], plain["waiting"], plain["heart_bt_int"]) == (4, 1, 30)
    tally = plain["tally"]
    assert tally["received"] == {"A": 1, "8": 1}
    assert tally["sent"] == {"A": 1, "D": 1, "2": 1}
    assert (tally["gaps"], tally["resend_requests_out"], tally["garbled"], tally["logons"]) == (1, 1, 1, 1)
    assert tally["clock_offset"] == 0.0
    assert tally["last_received_utc_ns"] == tally["last_sent_utc_ns"] == desk.clock.now().utc_ns
    desk.send()
    assert taken.tally.sent == {"A": 1, "D": 1, "2": 1}


def test_invented_message_types_do_not_grow_the_counts_without_bound() -> None:
    desk = Desk.on()
    for number in range(2, 2 + MAX_MSG_TYPES + 50):
        desk.say(f"X{number}", number)
    received = desk.session.snapshot().tally.received
    assert len(received) == MAX_MSG_TYPES + 1
    assert received[OTHER_TYPES] == 51
