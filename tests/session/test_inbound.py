"""Each row of the table of verdicts on the wire; ``2b`` and the like name FIX session test cases."""

from __future__ import annotations

import pytest

from fixgw.errors import Reject
from fixgw.fix.message import Message
from fixgw.records import Flag, SeqNums
from fixgw.session.events import (
    Alarm,
    GapDetected,
    GapLost,
    GarbledReceived,
    HeartbeatRoundTrip,
    NumberTooLow,
    RejectReceived,
)
from fixgw.session.outcome import CloseCode
from fixgw.session.state import OnGap, Phase, Role
from tests.session.desk import Desk, in_phase

INITIATOR, ACCEPTOR = Role.INITIATOR, Role.ACCEPTOR


class TestEqual:
    def test_an_application_message_in_sequence_is_recorded_and_delivered_2a(self) -> None:
        desk = Desk.on()
        assert desk.say("D", 2, "11=id") == []
        (event,) = desk.events
        assert isinstance(event, Message)
        assert (event.msg_seq_num, event.poss_dup, event[11]) == (2, False, b"id")
        (record,) = desk.records
        assert (record.flags, record.msg_seq_num, record.next_in) == (Flag.NONE, 2, 3)
        assert record.payload == event.frame

    def test_many_in_one_read_are_delivered_in_order(self) -> None:
        desk = Desk.on()
        desk.hear(b"".join(desk.frame("D", number) for number in range(2, 7)))
        assert desk.delivered() == [2, 3, 4, 5, 6]
        assert [record.next_in for record in desk.records] == [3, 4, 5, 6, 7]

    def test_a_possible_duplicate_not_seen_before_is_processed_2e(self) -> None:
        desk = Desk.on()
        desk.repeat("D", 2)
        assert desk.delivered() == [2]
        assert desk.heard(Message)[0].poss_dup
        assert desk.session.snapshot().tally.recovered == 1

    def test_a_heartbeat_moves_the_number_and_is_not_delivered(self) -> None:
        desk = Desk.on()
        desk.say("0", 2)
        assert desk.numbers == (2, 3)
        assert desk.heard(Message) == []
        assert desk.records[0].flags == Flag.ADMIN

    def test_a_test_request_is_answered_4b(self) -> None:
        desk = Desk.on()
        assert desk.say("1", 2, "112=HELLO") == ["35=0|34=2|112=HELLO"]

    def test_a_test_request_without_an_id_is_refused(self) -> None:
        desk = Desk.on()
        assert desk.say("1", 2) == ["35=3|34=2|45=2|58=Required tag missing|371=112|372=1|373=1"]
        assert desk.say("1", 3, "112=")[0].endswith("58=Tag specified without a value|371=112|372=1|373=4")
        assert desk.numbers == (4, 4)

    def test_a_reject_is_told_7(self) -> None:
        desk = Desk.on()
        desk.say("3", 2, "45=1", "58=no")
        (event,) = desk.events
        assert isinstance(event, RejectReceived)
        assert event.ref_seq_num == 1
        desk.say("3", 3)
        assert desk.heard(RejectReceived)[0].ref_seq_num == 0
        assert desk.numbers == (2, 4)

    def test_our_own_probe_is_answered_and_measured(self) -> None:
        desk = Desk.on()
        desk.clock.advance(20.0)
        desk.send()
        assert desk.wait(16.0) == ["35=1|34=3|112=TEST"]
        desk.clock.advance(0.25)
        desk.say("0", 2, "112=TEST")
        assert desk.heard(HeartbeatRoundTrip) == [HeartbeatRoundTrip(0.25)]
        desk.say("0", 3, "112=TEST")
        assert desk.heard(HeartbeatRoundTrip) == []


class TestHigh:
    def test_what_is_missing_is_asked_for_once_and_nothing_is_lost_2b(self) -> None:
        desk = Desk.on()
        assert desk.say("D", 5) == ["35=2|34=2|7=2|16=0"]
        assert desk.events == [GapDetected(2, 4)]
        assert desk.records[0].flags == Flag.WAITING
        assert desk.say("D", 6) == []
        assert desk.numbers == (3, 2)
        for number in (2, 3):
            desk.repeat("D", number)
            assert desk.delivered() == [number]
        desk.repeat("D", 4)
        assert desk.delivered() == [4, 5, 6]
        assert desk.records[0].next_in == 7  # the record that closed the gap holds where the numbers stand
        assert desk.session.gap.is_open is False

    def test_a_peer_may_send_again_without_saying_so_2m(self) -> None:
        desk = Desk.on()
        desk.say("D", 3)
        desk.say("D", 2)
        assert desk.delivered() == [2, 3]
        assert desk.session.next_in == 4
        assert not desk.session.gap.is_open

    def test_admin_messages_wait_for_their_turn_as_well(self) -> None:
        desk = Desk.on()
        desk.say("1", 4, "112=later")
        assert desk.records[0].flags == Flag.WAITING | Flag.ADMIN
        desk.repeat("D", 2)
        assert desk.repeat("D", 3) == ["35=0|34=3|112=later"]
        assert desk.session.next_in == 5

    def test_a_second_hole_is_asked_for_when_the_first_is_closed(self) -> None:
        desk = Desk.on()
        desk.say("D", 4)
        assert desk.say("D", 6) == []
        desk.repeat("D", 2)
        assert desk.repeat("D", 3) == ["35=2|34=3|7=5|16=0"]
        assert desk.delivered() == [3, 4]
        assert desk.heard(GapDetected) == [GapDetected(5, 5)]
        desk.repeat("D", 5)
        assert desk.delivered() == [5, 6]

    def test_a_full_room_asks_again_for_what_it_turned_away(self) -> None:
        desk = Desk.on(waiting_messages=2)
        for number in (4, 5, 6, 7):
            desk.say("D", number)
        desk.repeat("D", 2)
        assert desk.repeat("D", 3) == ["35=2|34=3|7=6|16=0"]
        assert desk.delivered() == [3, 4, 5]
        desk.repeat("D", 6)
        desk.repeat("D", 7)
        assert desk.delivered() == [7]
        assert desk.session.deadline == desk.session.liveness.send_by  # no gap any more

    def test_a_gap_without_progress_is_asked_for_once_more_then_given_up(self) -> None:
        desk = Desk.on()
        desk.say("D", 5)
        desk.clock.advance(9.0)
        desk.repeat("D", 2)
        desk.say("2", 9, "7=1", "16=1")  # not progress
        assert desk.wait(9.9) == []
        assert desk.wait(0.1) == ["35=2|34=3|7=3|16=0"]
        assert desk.wait(10.0) == ["35=5|34=4|58=MsgSeqNum 3 to 4 were not sent again"]
        assert desk.code is CloseCode.GAP_TIMEOUT
        assert desk.session.next_in == 3

    def test_what_waits_is_not_judged_before_its_turn_and_then_refused_once(self) -> None:
        desk = Desk.on()
        assert desk.say("D", 3, "11=id", target="") == ["35=2|34=2|7=2|16=0"]
        assert desk.repeat("D", 2) == ["35=3|34=3|45=3|58=Required tag missing|371=56|372=D|373=1"]
        assert desk.delivered() == [2]
        assert desk.session.next_in == 4

    def test_what_waits_behind_a_fatal_fault_is_still_delivered(self) -> None:
        desk = Desk.on()
        desk.say("D", 3, "43=Y", "122=20300101-00:00:00")
        desk.say("1", 4, "112=x")
        desk.say("3", 5, "45=1")
        desk.say("2", 7, "7=1", "16=0")
        desk.say("D", 6, sender="")
        desk.say("D", 8)
        sent = desk.repeat("D", 2)
        assert sent[0].endswith("58=SendingTime accuracy problem|372=D|373=10")
        assert sent[1:] == ["35=5|34=4"]
        assert desk.delivered() == [2, 8]
        assert len(desk.heard(RejectReceived)) == 1
        assert desk.code is CloseCode.PROTOCOL
        assert desk.session.next_in == 9

    def test_the_same_number_twice_waits_once(self) -> None:
        desk = Desk.on()
        desk.say("D", 3)
        desk.say("D", 3)
        desk.repeat("D", 2)
        assert desk.delivered() == [2, 3]


class TestWithoutRetransmission:
    def test_a_gap_is_lost_and_what_revealed_it_delivered(self) -> None:
        desk = Desk.on(INITIATOR, retransmission=False)
        assert desk.say("8", 5) == []
        assert desk.events[0] == GapLost(2, 4)
        assert desk.delivered() == [5]
        assert desk.session.next_in == 6

    def test_it_may_reconnect_instead(self) -> None:
        desk = Desk.on(INITIATOR, retransmission=False, on_gap=OnGap.RECONNECT)
        assert desk.say("8", 5) == ["35=5|34=2"]
        assert desk.delivered() == [5]
        assert desk.code is CloseCode.GAP

    def test_on_the_way_out_nobody_reconnects(self) -> None:
        desk = Desk.on(INITIATOR, retransmission=False, on_gap=OnGap.RECONNECT)
        desk.do(desk.session.logout("", desk.clock.now()))
        assert desk.say("8", 5) == []
        assert desk.code is None

    @pytest.mark.parametrize(("msg_type", "fields"), [("2", ("7=1", "16=0")), ("4", ("36=9", "123=Y"))])
    def test_what_belongs_to_retransmission_is_refused_and_the_session_goes_on(
        self, msg_type: str, fields: tuple[str, ...]
    ) -> None:
        desk = Desk.on(retransmission=False)
        assert desk.say(msg_type, 2, *fields) == [f"35=3|34=2|45=2|58=Invalid MsgType|372={msg_type}|373=11"]
        assert desk.session.active
        assert desk.session.next_in == 3


class TestLow:
    def test_it_ends_with_both_numbers_2c(self) -> None:
        desk = Desk.on()
        desk.say("0", 2)
        assert desk.say("D", 1) == ["35=5|34=2|58=MsgSeqNum too low, expecting 3 but received 1"]
        assert desk.events == [NumberTooLow(3, 1, by_peer=False)]
        assert desk.code is CloseCode.TOO_LOW
        assert desk.numbers == (3, 3)
        assert desk.records[0].msg_seq_num == 0

    def test_a_duplicate_is_ignored_2e(self) -> None:
        desk = Desk.on()
        assert desk.repeat("D", 1) == []
        assert desk.events == []
        assert desk.records[0].flags == Flag.ADMIN | Flag.POSS_DUP
        assert desk.session.tally.redundant == 1

    def test_a_duplicate_without_first_sending_time_is_refused_2g(self) -> None:
        desk = Desk.on()
        reject = "35=3|34=2|45=1|58=Required tag missing|371=122|372=D|373=1"
        assert desk.say("D", 1, "43=Y") == [reject]
        assert desk.session.next_in == 2
        assert desk.session.active

    def test_a_duplicate_first_sent_after_it_was_sent_ends_2f(self) -> None:
        desk = Desk.on()
        assert desk.repeat("D", 1, age=-10.0) == [
            "35=3|34=2|45=1|58=SendingTime accuracy problem|372=D|373=10",
            "35=5|34=3",
        ]
        assert desk.code is CloseCode.PROTOCOL

    def test_the_same_is_checked_when_it_is_in_sequence(self) -> None:
        desk = Desk.on()
        assert desk.say("D", 2, "43=Y")[0].endswith("371=122|372=D|373=1")
        assert desk.delivered() == []
        assert desk.session.next_in == 3
        desk.repeat("D", 3, age=-10.0)
        assert desk.code is CloseCode.PROTOCOL

    def test_a_gap_fill_may_come_without_first_sending_time(self) -> None:
        desk = Desk.on()
        desk.say("4", 2, "43=Y", "36=5", "123=Y")
        assert desk.session.next_in == 5
        assert desk.say("4", 2, "43=Y", "36=9", "123=Y") == []
        assert desk.session.next_in == 5


class TestGapFill:
    def test_it_moves_the_number_10(self) -> None:
        desk = Desk.on()
        assert desk.say("4", 2, "36=20", "123=Y") == []
        assert desk.session.next_in == 20

    def test_one_that_is_high_waits_10(self) -> None:
        desk = Desk.on()
        assert desk.say("4", 10, "36=20", "123=Y") == ["35=2|34=2|7=2|16=0"]
        assert desk.say("1", 20, "112=x") == []
        assert desk.say("4", 2, "36=10", "123=Y") == ["35=0|34=3|112=x"]
        assert desk.session.next_in == 21

    def test_one_that_is_low_10(self) -> None:
        desk = Desk.on()
        assert desk.repeat("4", 1, "36=20", "123=Y") == []
        assert desk.session.next_in == 2
        desk.say("4", 1, "36=20", "123=Y")
        assert desk.code is CloseCode.TOO_LOW

    @pytest.mark.parametrize("new_seq_no", ["1", "2"])
    def test_one_that_leads_nowhere_is_refused(self, new_seq_no: str) -> None:
        desk = Desk.on()
        (sent,) = desk.say("4", 2, f"36={new_seq_no}", "123=Y")
        assert sent.endswith("58=Value is incorrect (out of range) for this tag|372=4|373=5")
        assert desk.session.next_in == 3

    @pytest.mark.parametrize(
        ("fields", "fault"),
        [
            (("123=Y",), "58=Required tag missing|371=36|372=4|373=1"),
            (("36=x", "123=Y"), "58=Incorrect data format for value|371=36|372=4|373=6"),
            (("36=4294967295", "123=Y"), "58=Incorrect data format for value|371=36|372=4|373=6"),
            (("36=9", "123=X"), "58=Incorrect data format for value|371=123|372=4|373=6"),
        ],
    )
    def test_one_that_can_not_be_read_is_refused_and_uses_its_number(
        self, fields: tuple[str, ...], fault: str
    ) -> None:
        desk = Desk.on()
        assert desk.say("4", 2, *fields) == [f"35=3|34=2|45=2|{fault}"]
        assert desk.session.next_in == 3

    @pytest.mark.parametrize(("role", "taken"), [(INITIATOR, [4]), (ACCEPTOR, [])])
    def test_over_messages_that_wait(self, role: Role, taken: list[int]) -> None:
        desk = Desk.on(role)
        desk.say("D", 4)
        desk.say("1", 5, "112=x")
        desk.say("4", 6, "36=8", "123=Y")
        sent = desk.repeat("4", 2, "36=7", "123=Y")
        assert sent == ["35=0|34=3|112=x"]
        assert desk.delivered() == taken
        assert desk.session.next_in == 8


class TestSequenceReset:
    @pytest.mark.parametrize("flag", [(), ("123=N",)])
    def test_it_ignores_its_own_number_11a(self, flag: tuple[str, ...]) -> None:
        desk = Desk.on()
        for number, new_seq_no in ((0, 25), (99, 30)):
            assert desk.say("4", number, f"36={new_seq_no}", *flag) == []
            assert desk.session.next_in == new_seq_no
        desk.say("4", 0, "36=30", *flag)
        assert desk.session.next_in == 30
        assert desk.session.active

    def test_one_to_the_expected_number_is_told(self) -> None:
        """It does nothing, so whoever sent it took our number for another one (test case 11b)."""
        desk = Desk.on()
        assert desk.say("4", 1, "123=N", "36=2") == []
        (alarm,) = desk.heard(Alarm)
        assert alarm.text == "the peer's SequenceReset to 2 changes nothing: 2 is expected already"
        assert desk.numbers == (2, 2)

    def test_one_to_a_higher_number_is_not_told(self) -> None:
        desk = Desk.on()
        desk.say("4", 1, "123=N", "36=3")
        assert desk.heard(Alarm) == []

    def test_one_that_goes_back_is_refused_and_nothing_moves_11c(self) -> None:
        desk = Desk.on()
        refused = "35=3|34=2|45=0|58=Value is incorrect (out of range) for this tag|372=4|373=5"
        assert desk.say("4", 0, "36=1") == [refused]
        assert desk.session.next_in == 2

    @pytest.mark.parametrize(
        ("fields", "header", "fault"),
        [
            ((), {}, "371=36|372=4|373=1"),
            (("36=x",), {}, "371=36|372=4|373=6"),
            (("36=9",), {"target": ""}, "371=56|372=4|373=1"),
            ((), {"target": ""}, "371=56|372=4|373=1"),
        ],
    )
    def test_one_that_can_not_be_read_is_refused(
        self, fields: tuple[str, ...], header: dict[str, str], fault: str
    ) -> None:
        desk = Desk.on()
        assert desk.say("4", 2, *fields, **header)[0].endswith(fault)
        assert desk.session.next_in == 2

    def test_it_closes_the_gap_before_it(self) -> None:
        desk = Desk.on(INITIATOR)
        desk.say("8", 5)
        desk.say("8", 12)
        assert desk.say("4", 0, "36=10") == ["35=2|34=3|7=10|16=0"]
        assert desk.delivered() == [5]
        desk.say("4", 0, "36=12")
        assert desk.delivered() == [12]
        assert not desk.session.gap.is_open


class TestBeforeAnyNumber:
    def test_another_begin_string_ends_2i(self) -> None:
        desk = Desk.on()
        assert desk.say("1", 2, "112=x", begin="FIX.4.1") == ["35=5|34=2|58=Incorrect BeginString"]
        assert desk.code is CloseCode.PROTOCOL

    @pytest.mark.parametrize(
        ("number", "text"),
        [
            (None, "Required tag missing: MsgSeqNum(34)"),
            ("", "Required tag missing: MsgSeqNum(34)"),
            ("x", "Incorrect data format for value: MsgSeqNum(34)"),
            (2**32, "Incorrect data format for value: MsgSeqNum(34)"),
        ],
    )
    def test_a_message_without_a_number_ends(self, number: object, text: str) -> None:
        desk = Desk.on()
        (sent,) = desk.say("D", None) if number in (None, "") else desk.say("D", number)
        assert sent == f"35=5|34=2|58={text}"
        assert desk.code is CloseCode.PROTOCOL

    def test_an_empty_number_ends(self) -> None:
        desk = Desk.on()
        desk.say("D", "")
        assert desk.code is CloseCode.PROTOCOL


class TestGarbled:
    def test_what_is_no_message_is_skipped_and_the_next_one_taken_2d(self) -> None:
        desk = Desk.on()
        good = desk.frame("0", 2)
        broken = good.replace(b"35=0", b"35=1")
        desk.hear(broken + good)
        assert len(desk.heard(GarbledReceived)) == 1
        assert [record.flags for record in desk.records] == [Flag.GARBLED | Flag.ADMIN, Flag.ADMIN]
        assert desk.session.next_in == 3

    def test_a_frame_whose_fields_are_none_is_skipped_3c(self) -> None:
        desk = Desk.on()
        assert desk.say("D", 2, "4garbled9=TW") == []
        (event,) = desk.events
        assert isinstance(event, GarbledReceived)
        assert len(event.excerpt) == 64
        assert event.size > 64
        assert desk.session.next_in == 2

    @pytest.mark.parametrize(
        ("field", "tag"), [("0=HI", 0), ("-1=HI", -1), ("05=HI", 5), ("12345678901=x", 12345678901)]
    )
    def test_a_tag_that_is_a_number_but_none_of_fix_is_refused_14a(self, field: str, tag: int) -> None:
        desk = Desk.on()
        sent = desk.say("0", 2, field)
        assert sent == [f"35=3|34=2|45=2|58=Invalid tag number|371={tag}|372=0|373=0"]
        assert desk.session.next_in == 3

    def test_a_data_field_that_is_not_as_long_as_it_says_is_refused(self) -> None:
        desk = Desk.on()
        desk.say("D", 4)
        desk.repeat("D", 2)
        (sent,) = desk.say("B", 3, "95=3", "96=abcdef")
        assert sent.endswith("58=Incorrect data format for value|371=96|372=B|373=6")
        assert desk.delivered() == [4]
        assert desk.session.next_in == 5

    def test_garbage_that_is_sent_again_as_garbage_is_refused_the_second_time(self) -> None:
        desk = Desk.on()
        assert desk.say("D", 2, "4garbled9=TW", "7=1") == []
        assert desk.say("D", 3) == ["35=2|34=2|7=2|16=0"]
        assert desk.repeat("D", 2, "4garbled9=TW", "noequals") == [
            "35=3|34=3|45=2|58=Invalid tag number|372=D|373=0"
        ]
        assert desk.delivered() == [3]

    def test_a_damaged_frame_of_a_stranger_ends(self) -> None:
        desk = Desk.on()
        sent = desk.say("D", 2, "0=x", sender="WHO")
        assert sent == ["35=3|34=2|45=2|58=CompID problem|372=D|373=9", "35=5|34=3"]
        assert desk.code is CloseCode.PROTOCOL

    def test_before_the_logon_it_ends_without_a_word_1d(self) -> None:
        desk = in_phase(Phase.LOGON_WAIT)
        assert desk.hear(b"GET / HTTP/1.1\r\n\r\n" + desk.frame("A", 1)) == []
        assert desk.code is CloseCode.PROTOCOL
        assert desk.session.phase is Phase.CLOSED

    def test_before_the_answer_to_our_logon_it_is_skipped(self) -> None:
        desk = in_phase(Phase.LOGON_SENT)
        desk.hear(b"noise" + desk.frame("A", 1, "98=0", "108=30"))
        assert desk.session.active

    def test_a_frame_that_would_be_too_long_ends(self) -> None:
        desk = Desk.on(max_frame_size=1000)
        desk.hear(b"8=FIXT.1.1\x019=99999\x0135=D\x01")
        assert desk.code is CloseCode.FRAME_TOO_LONG

    def test_no_secret_of_a_garbled_logon_is_shown(self) -> None:
        desk = Desk(Role.ACCEPTOR)
        desk.do(desk.session.accept(desk.clock.now()))
        desk.hear(b"8=FIXT.1.1\x019=5\x0135=A\x0195=6\x0196=secret\x0110=000\x01")
        assert "secret" not in repr(desk.events) + repr(desk.records)


class TestChecks:
    def test_a_check_of_the_settings_refuses_and_the_number_is_used(self) -> None:
        def check(message: Message) -> None:
            if message.msg_type in "D0" and message.get(58):
                raise Reject(2, "Tag not defined for this message type", ref_tag=58)

        desk = Desk.on(check=check)
        refused = "58=Tag not defined for this message type|371=58|372=D|373=2"
        assert desk.say("D", 2, "58=x") == [f"35=3|34=2|45=2|{refused}"]
        assert (desk.delivered(), desk.records[0].flags) == ([], Flag.ADMIN)
        assert desk.say("0", 3, "58=x")[0].endswith("371=58|372=0|373=2")
        desk.say("D", 4)
        assert desk.delivered() == [4]

    def test_a_reject_that_is_at_fault_itself_is_told_and_never_refused_in_turn(self) -> None:
        def check(message: Message) -> None:
            raise Reject(5, "Value is incorrect (out of range) for this tag", ref_tag=373)

        desk = Desk.on()
        desk.session._check = check
        assert desk.say("3", 2, "45=1", "373=12345") == []  # two strict engines would never come to an end
        assert desk.heard(RejectReceived)[0].ref_seq_num == 1
        assert desk.heard(Alarm) == [
            Alarm("the peer's Reject is at fault itself: Value is incorrect (out of range) for this tag")
        ]
        assert desk.numbers == (2, 3)

    def test_numbers_survive_a_store(self) -> None:
        desk = Desk.on()
        desk.say("D", 4)
        desk.repeat("D", 2)
        desk.repeat("D", 3)
        desk.store.close()
        assert desk.store.load().numbers == SeqNums(1, *desk.numbers)
