"""What waited behind a gap and was not delivered in the end, or only as the connection ended."""

from __future__ import annotations

from fixgw.fix.message import Message
from fixgw.records import Flag, Position
from fixgw.session.events import NumbersReset, RejectReceived
from fixgw.store.unhandled import unhandled
from tests.session.desk import Desk

NOT_DELIVERED = Flag.ADMIN | Flag.POSS_DUP


def redelivered(desk: Desk) -> list[int]:
    """Return the numbers that a restart would hand to handlers which had handled nothing."""
    return [record.msg_seq_num for record in unhandled(desk.store.records, Position(0, 0))]


def test_what_is_refused_when_its_turn_comes_is_not_delivered_by_a_restart() -> None:
    desk = Desk.on()
    desk.say("D", 3, target="")
    desk.repeat("D", 2)
    assert desk.delivered() == [2]
    assert [record.flags for record in desk.records if b"\x0134=3\x0149=THEM" in record.payload] == [
        NOT_DELIVERED
    ]
    assert redelivered(desk) == [2]


def test_what_a_gap_fill_jumps_over_is_not_delivered_by_a_restart_of_an_acceptor() -> None:
    desk = Desk.on()
    desk.say("D", 3)
    desk.repeat("4", 2, "123=Y", "36=4")
    assert desk.delivered() == []
    assert redelivered(desk) == []


def test_a_reset_by_the_end_of_the_connection_is_told_behind_what_belongs_to_the_numbers_before() -> None:
    desk = Desk.on(reset_on_disconnect=True)
    desk.say("D", 3, "43=Y", "122=20300101-00:00:00")  # ends the connection when its turn comes
    desk.say("3", 4, "45=1")
    desk.say("D", 5)
    desk.repeat("D", 2)
    kinds = [type(event) for event in desk.events]
    assert kinds == [Message, RejectReceived, Message, NumbersReset]


def test_only_the_first_of_two_messages_with_one_number_is_delivered_by_a_restart() -> None:
    desk = Desk.on()
    desk.say("0", 3)
    desk.say("D", 3)
    desk.repeat("D", 2)
    assert desk.delivered() == [2]
    assert redelivered(desk) == [2]


def test_what_a_full_room_turned_away_is_no_message_yet() -> None:
    desk = Desk.on(waiting_messages=1)
    desk.say("D", 3)
    desk.say("D", 4)
    assert (desk.records[0].flags, desk.records[0].msg_seq_num) == (NOT_DELIVERED, 0)
    desk.repeat("D", 2)
    desk.repeat("D", 4)
    assert redelivered(desk) == [2, 3, 4]
