"""Asking for what is missing in chunks."""

from __future__ import annotations

import pytest

from fixgw.records import SeqNums
from fixgw.session.events import Alarm, GapDetected, GapLost
from fixgw.session.outcome import CloseCode
from fixgw.session.state import Role
from tests.session.desk import Desk


def behind(last: int, chunk: int = 3) -> Desk:
    """Return a desk that misses the numbers 2 to ``last`` and has asked for the first chunk of them."""
    desk = Desk.on(resend_chunk=chunk)
    assert desk.say("D", last + 1) == [f"35=2|34=2|7=2|16={min(chunk + 1, last)}"]
    assert desk.heard(GapDetected) == [GapDetected(2, last)]
    return desk


def test_the_next_chunk_is_asked_for_when_one_is_complete() -> None:
    desk = behind(9)
    assert desk.repeat("D", 2) == []
    assert desk.repeat("D", 3) == []
    assert desk.repeat("D", 4) == ["35=2|34=3|7=5|16=7"]
    assert desk.heard(GapDetected) == []  # it is one gap
    desk.repeat("D", 5)
    desk.repeat("D", 6)
    assert desk.repeat("D", 7) == ["35=2|34=4|7=8|16=9"]
    desk.repeat("D", 8)
    assert desk.repeat("D", 9) == []
    assert desk.delivered() == [9, 10]
    assert not desk.session.gap.is_open
    assert (desk.session.tally.gaps, desk.session.tally.resend_requests_out) == (1, 3)


def test_a_gap_smaller_than_a_chunk_is_asked_for_to_its_end() -> None:
    desk = behind(2)
    desk.repeat("D", 2)
    assert desk.session.next_in == 4
    assert not desk.session.gap.is_open


@pytest.mark.parametrize(
    ("new_seq_no", "sent", "next_in"),
    [
        (4, [], 4),
        (5, ["35=2|34=3|7=5|16=7"], 5),
        (6, ["35=2|34=3|7=6|16=8"], 6),
        (9, ["35=2|34=3|7=9|16=9"], 9),
        (10, [], 11),
        (15, [], 15),
    ],
)
def test_a_gap_fill_may_end_anywhere(new_seq_no: int, sent: list[str], next_in: int) -> None:
    desk = behind(9)
    assert desk.repeat("4", 2, f"36={new_seq_no}", "123=Y") == sent
    assert desk.session.next_in == next_in


def test_a_peer_that_sends_more_than_was_asked_for_is_asked_no_more_than_once_a_chunk() -> None:
    desk = behind(20)
    sent = [line for number in range(2, 21) for line in desk.repeat("D", number)]
    assert [line.partition("|7=")[2] for line in sent] == [
        "5|16=7",
        "8|16=10",
        "11|16=13",
        "14|16=16",
        "17|16=19",
        "20|16=20",
    ]
    assert desk.session.next_in == 22


def test_each_chunk_has_its_own_deadline() -> None:
    desk = behind(9)
    desk.clock.advance(9.0)
    desk.repeat("4", 2, "36=5", "123=Y")
    assert desk.wait(9.9) == []
    assert desk.wait(0.1) == ["35=2|34=4|7=5|16=7"]  # asked for once more
    assert len(desk.heard(Alarm)) == 1
    desk.repeat("D", 5)
    assert desk.wait(9.9) == []
    assert desk.wait(0.1) == ["35=2|34=5|7=6|16=8"]
    assert desk.wait(10.0) == ["35=5|34=6|58=MsgSeqNum 6 to 9 were not sent again"]
    assert desk.code is CloseCode.GAP_TIMEOUT


def test_a_second_hole_is_asked_for_in_chunks_too() -> None:
    desk = behind(2)
    desk.say("D", 10)
    assert desk.repeat("D", 2) == ["35=2|34=3|7=4|16=6"]
    assert desk.heard(GapDetected) == [GapDetected(4, 9)]


def test_what_the_full_room_turned_away_is_asked_for_behind_the_last_hole() -> None:
    desk = Desk.on(resend_chunk=3, waiting_messages=2)
    for number in (3, 5, 6):  # 6 finds no place
        desk.say("D", number)
    assert desk.repeat("D", 2) == ["35=2|34=3|7=4|16=4"]
    assert desk.repeat("D", 4) == ["35=2|34=4|7=6|16=6"]
    desk.repeat("D", 6)
    assert (desk.session.next_in, desk.session.gap.is_open) == (7, False)


def test_what_is_missing_before_a_logon_comes_in_chunks() -> None:
    desk = Desk(Role.INITIATOR, SeqNums(1, 5, 3), resend_chunk=4)
    assert desk.log_on(9)[1:] == ["35=2|34=6|7=3|16=6"]
    assert desk.repeat("4", 3, "36=7", "123=Y") == ["35=2|34=7|7=7|16=8"]
    desk.repeat("4", 7, "36=9", "123=Y")
    assert desk.numbers == (8, 10)


class TestAPeerThatRefusesToSendAgain:
    """A Reject of our ResendRequest: the peer keeps messages for a time, and some are older."""

    def test_the_oldest_is_lost_and_the_rest_is_asked_for(self) -> None:
        desk = Desk.on()
        assert desk.say("D", 9) == ["35=2|34=2|7=2|16=0"]
        assert desk.say("3", 10, "45=2", "372=2", "371=7") == ["35=2|34=3|7=3|16=0"]
        assert desk.heard(GapLost) == [GapLost(2, 2)]
        assert desk.repeat("4", 3, "36=9", "123=Y") == []
        assert desk.delivered() == [9]
        assert (desk.session.next_in, desk.session.gap.is_open) == (11, False)

    def test_each_refusal_gives_up_twice_as_much(self) -> None:
        desk = Desk.on()
        desk.say("D", 40)
        begins = []
        for number in range(41, 46):
            (request,) = desk.say("3", number, f"45={desk.session.next_out - 1}")
            begins.append(request.partition("|7=")[2])
        assert begins == ["3|16=0", "5|16=0", "9|16=0", "17|16=0", "33|16=0"]
        assert desk.heard(GapLost)[-1] == GapLost(17, 32)
        assert desk.delivered() == []

    def test_what_waited_is_taken_when_all_is_lost(self) -> None:
        desk = Desk.on()
        desk.say("D", 3)
        desk.say("D", 4)
        assert desk.say("3", 5, "45=2") == []
        assert desk.heard(GapLost) == [GapLost(2, 2)]
        assert desk.delivered() == [3, 4]
        assert (desk.session.next_in, desk.session.gap.is_open) == (6, False)

    def test_only_as_much_is_lost_as_is_missing(self) -> None:
        desk = Desk.on()
        desk.say("D", 5)
        desk.say("3", 6, "45=2")
        desk.say("3", 7, "45=3")
        assert desk.heard(GapLost) == [GapLost(3, 4)]
        assert desk.session.next_in == 8

    def test_another_message_of_ours_may_be_refused_meanwhile(self) -> None:
        desk = Desk.on()
        desk.say("D", 5)
        assert desk.say("3", 6, "45=1") == []
        assert desk.heard(GapLost) == []
        assert desk.session.gap.is_open

    def test_a_peer_that_knows_no_such_request_may_yet_send_what_is_missing(self) -> None:
        desk = Desk.on()
        desk.say("D", 5)
        assert desk.say("3", 6, "45=2", "373=11") == []
        assert desk.heard(GapLost) == []
        assert desk.session.gap.is_open

    def test_each_request_has_a_deadline_of_its_own(self) -> None:
        desk = behind(9)
        desk.clock.advance(9.0)
        assert desk.say("3", 11, "45=2") == ["35=2|34=3|7=3|16=5"]
        assert desk.wait(9.9) == []
        assert desk.wait(0.1) == ["35=2|34=4|7=3|16=5"]  # asked for once more

    def test_a_hole_behind_the_lost_one_is_asked_for_from_its_beginning(self) -> None:
        desk = Desk.on()
        desk.say("D", 3)
        desk.say("D", 20)
        assert desk.say("3", 21, "45=2") == ["35=2|34=3|7=4|16=0"]
        assert desk.heard(GapLost) == [GapLost(2, 2)]
        assert desk.say("3", 22, "45=3") == ["35=2|34=4|7=5|16=0"]
        assert desk.heard(GapLost) == [GapLost(4, 4)]
