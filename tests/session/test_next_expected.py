"""NextExpectedMsgSeqNum(789) on the Logon, both roles; LastMsgSeqNumProcessed(369) on every message."""

from __future__ import annotations

import pytest

from fixgw.errors import ConfigError
from fixgw.fix.message import Message
from fixgw.records import SeqNums
from fixgw.session.events import GapDetected, LoggedOn, NotResent, NumberTooLow
from fixgw.session.hooks import ResendFresh
from fixgw.session.outcome import CloseCode
from fixgw.session.state import Phase, Role, SessionSettings
from fixgw.session.verdict import Accept
from tests.session.desk import Desk

T0 = "20261009-14:30:00.000"
ACCEPTOR, INITIATOR = Role.ACCEPTOR, Role.INITIATOR
BOTH = pytest.mark.parametrize("role", [ACCEPTOR, INITIATOR])


def desk_of(role: Role, next_out: int, next_in: int, **settings: object) -> Desk:
    return Desk(role, SeqNums(1, next_out, next_in), next_expected=True, **settings)


def sent_four(role: Role) -> Desk:
    """Return a desk that sent 1 Logon, 2 D, 3 D, 4 D, received 1 and has lost its connection."""
    desk = Desk.on(role, next_expected=True)
    for cl_ord_id in "abc":
        desk.send("D", (11, cl_ord_id))
    desk.do(desk.session.lost(desk.clock.now()))
    return desk


def fill(number: int, new_seq_no: int) -> str:
    return f"35=4|34={number}|43=Y|122={T0}|36={new_seq_no}|123=Y"


def again(number: int, cl_ord_id: str) -> str:
    return f"35=D|34={number}|43=Y|122={T0}|11={cl_ord_id}"


def test_an_initiator_says_what_it_expects() -> None:
    desk = desk_of(INITIATOR, 7, 5)
    assert desk.do(desk.session.dial(desk.clock.now())) == ["35=A|34=7|98=0|108=30|789=5|1137=9"]


def test_an_initiator_that_resets_expects_1() -> None:
    desk = desk_of(INITIATOR, 7, 5, reset_on_logon=True)
    sent = desk.do(desk.session.dial(desk.clock.now()))
    assert sent == ["35=A|34=1|98=0|108=30|141=Y|789=1|1137=9"]


@pytest.mark.parametrize(("number", "expects"), [(5, 6), (9, 5)])
def test_an_acceptor_counts_the_logon_that_it_answers_if_that_was_due(number: int, expects: int) -> None:
    desk = desk_of(ACCEPTOR, 7, 5)
    assert desk.log_on(number, "789=7")[0] == f"35=A|34=7|98=0|108=30|789={expects}|1137=9"


@pytest.mark.parametrize("option", [{"reset_on_logon": True}, {}])
def test_an_acceptor_that_begins_anew_expects_2(option: dict[str, bool]) -> None:
    desk = desk_of(ACCEPTOR, 7, 5, **option)
    extra = [] if option else ["141=Y"]
    assert "|789=2|" in desk.log_on(1, *extra, "789=1")[0]
    assert desk.session.active


@BOTH
def test_what_the_peer_expects_is_sent_again_unasked_with_our_logon_filled(role: Role) -> None:
    desk = sent_four(role)
    sent = desk.log_on(2, "789=3")
    assert sent[1:] == [again(3, "b"), again(4, "c"), fill(5, 6)]
    assert desk.session.active
    assert desk.numbers == (6, 3)
    assert desk.session.tally.resent == 2


@pytest.mark.parametrize(("role", "expected"), [(ACCEPTOR, 5), (INITIATOR, 6)])
def test_a_peer_that_misses_nothing_gets_nothing(role: Role, expected: int) -> None:
    desk = sent_four(role)
    assert desk.log_on(2, f"789={expected}")[1:] == []
    assert desk.session.active


def test_a_peer_that_missed_our_logon_alone_gets_it_filled() -> None:
    desk = sent_four(INITIATOR)
    assert desk.log_on(2, "789=5")[1:] == [fill(5, 6)]


@pytest.mark.parametrize(("role", "sends_next"), [(ACCEPTOR, 5), (INITIATOR, 6)])
def test_a_peer_that_expects_more_than_was_sent_is_told_and_left(role: Role, sends_next: int) -> None:
    desk = sent_four(role)
    sent = desk.log_on(2, f"789={sends_next + 1}")
    text = f"NextExpectedMsgSeqNum too high, expecting {sends_next} but received {sends_next + 1}"
    number = 5 if role is ACCEPTOR else 6  # an acceptor refuses the Logon, which uses up no number
    assert sent[-1] == f"35=5|34={number}|58={text}"
    assert desk.heard(NumberTooLow) == [NumberTooLow(sends_next + 1, sends_next, by_peer=True)]
    assert desk.heard(LoggedOn) == []
    assert desk.code is (CloseCode.REFUSED if role is ACCEPTOR else CloseCode.TOO_LOW)
    assert desk.session.next_in == 2


def test_a_peer_that_says_so_of_us_is_understood() -> None:
    desk = desk_of(INITIATOR, 7, 9)
    desk.do(desk.session.dial(desk.clock.now()))
    desk.say("5", 5, "58=NextExpectedMsgSeqNum too high, expecting 5 but received 9")
    assert desk.heard(NumberTooLow) == [NumberTooLow(9, 5, by_peer=False)]
    assert desk.code is CloseCode.REFUSED


@pytest.mark.parametrize("extra", [("789=9",), ("789=0",), ("789=x",), ("789=",)])
def test_a_refused_reset_leaves_the_numbers_alone(extra: tuple[str, ...]) -> None:
    desk = desk_of(ACCEPTOR, 7, 5)
    desk.log_on(1, "141=Y", *extra)
    assert desk.code is CloseCode.REFUSED
    assert (desk.session.epoch, *desk.numbers) == (1, 7, 5)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "Value is incorrect (out of range) for this tag"),
        ("x", "Incorrect data format for value"),
        ("", "Tag specified without a value"),
    ],
)
def test_an_initiator_leaves_when_the_answer_expects_nonsense(value: str, text: str) -> None:
    desk = desk_of(INITIATOR, 7, 5)
    assert desk.log_on(5, f"789={value}")[1:] == [f"35=5|34=8|58={text}"]
    assert desk.code is CloseCode.PROTOCOL
    assert desk.session.next_in == 5


@BOTH
def test_a_gap_of_ours_is_not_asked_for_when_the_peer_sees_it_too(role: Role) -> None:
    desk = desk_of(role, 7, 5)
    sent = desk.log_on(9, "789=7" if role is ACCEPTOR else "789=8")
    assert len(sent) == 1
    assert desk.heard(GapDetected) == [GapDetected(5, 8)]
    desk.repeat("4", 5, "36=10", "123=Y")
    assert desk.numbers == (8, 10)
    assert not desk.session.gap.is_open


@BOTH
def test_a_peer_that_says_nothing_of_what_it_expects_is_asked(role: Role) -> None:
    desk = desk_of(role, 7, 5)
    assert desk.log_on(9)[1:] == ["35=2|34=8|7=5|16=0"]


def test_a_peer_that_does_not_send_by_itself_is_asked_after_a_while() -> None:
    desk = desk_of(ACCEPTOR, 7, 5)
    desk.log_on(9, "789=7")
    assert desk.wait(10.0) == ["35=2|34=8|7=5|16=0"]
    assert desk.wait(10.0) == ["35=5|34=9|58=MsgSeqNum 5 to 8 were not sent again"]


def test_chunks_are_for_requests_and_none_is_needed_here() -> None:
    desk = desk_of(ACCEPTOR, 7, 2, resend_chunk=2)
    desk.log_on(9, "789=7")
    for number in range(2, 9):
        assert desk.repeat("D", number) == []
    assert desk.session.next_in == 10


def test_it_is_not_heeded_where_it_is_off() -> None:
    desk = Desk(numbers=SeqNums(1, 7, 5))
    assert desk.log_on(5, "789=2") == ["35=A|34=7|98=0|108=30|1137=9"]
    desk = Desk(numbers=SeqNums(1, 7, 5))
    desk.log_on(5, "789=99")
    assert desk.session.active


def test_the_limit_of_a_resend_holds_here_too() -> None:
    desk = desk_of(ACCEPTOR, 50, 5, resend_limit=10)
    sent = desk.log_on(9, "789=10")
    assert sent[1:] == ["35=5|34=51|58=ResendRequest for 41 messages, the limit is 10"]
    assert desk.code is CloseCode.RESEND_LIMIT
    assert desk.session.deadline is None


def test_an_order_of_a_former_connection_is_filled_and_told() -> None:
    desk = Desk.on(INITIATOR, next_expected=True, resend_policy=ResendFresh())
    desk.send("D", (11, "former"))
    desk.do(desk.session.lost(desk.clock.now()))
    sent = desk.log_on(2, "789=2")
    assert sent[1:] == [fill(2, 4)]
    assert [event.msg_seq_num for event in desk.heard(NotResent)] == [2]


def test_a_request_for_what_is_on_its_way_is_not_served_twice() -> None:
    desk = sent_four(ACCEPTOR)
    desk.do(desk.session.accept(desk.clock.now()))
    desk.say("A", 2, "98=0", "108=30", "789=2", "1137=9")
    outcome = desk.session.admit(Accept(), desk.clock.now())
    request = desk.session.receive(desk.frame("2", 3, "7=2", "16=0"), desk.clock.now())
    assert desk.do(request) == []
    assert desk.do(outcome)[1:] == [again(2, "a"), again(3, "b"), again(4, "c"), fill(5, 6)]


def test_a_reset_while_active_says_what_is_expected() -> None:
    desk = Desk.on(next_expected=True)
    assert desk.do(desk.session.reset(desk.clock.now())) == ["35=A|34=1|98=0|108=30|141=Y|789=1|1137=9"]
    desk = Desk.on(next_expected=True)
    sent = desk.say("A", 1, "98=0", "108=30", "141=Y", "789=1", "1137=9")
    assert sent == ["35=A|34=1|98=0|108=30|141=Y|789=2|1137=9"]


@pytest.mark.parametrize("settings", [{"begin_string": "FIX.4.2", "default_appl_ver_id": None},
                                      {"retransmission": False}])  # fmt: skip
def test_it_needs_fix_4_4_and_retransmission(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"789[\s\S]*session desk"):
        SessionSettings("desk", ACCEPTOR, "US", "THEM", next_expected=True, **settings)  # type: ignore[arg-type]


class TestLastProcessed:
    def test_every_message_says_what_was_taken_last(self) -> None:
        desk = Desk.on(last_processed=True)
        assert desk.say("1", 2, "112=x") == ["35=0|34=2|369=2|112=x"]
        desk.say("D", 3)
        assert desk.send("D", (11, "id")) == "35=D|34=3|369=3|11=id"
        assert desk.say("D", 9) == ["35=2|34=4|369=3|7=4|16=0"]
        assert desk.do(desk.session.logout("", desk.clock.now())) == ["35=5|34=5|369=3"]

    @BOTH
    def test_so_does_a_logon(self, role: Role) -> None:
        desk = Desk(role, SeqNums(1, 7, 5), last_processed=True)
        processed = 4 if role is INITIATOR else 5  # an acceptor has taken the Logon that it answers
        assert desk.log_on(5)[0] == f"35=A|34=7|369={processed}|98=0|108=30|1137=9"

    def test_it_stands_in_its_place_in_the_header(self) -> None:
        desk = Desk.on(last_processed=True)
        sent = desk.send("D", (50, "desk"), (1128, "9"), (11, "id"), (369, "77"))
        assert sent == "35=D|34=2|50=desk|369=1|1128=9|11=id"

    def test_a_message_sent_again_says_what_was_taken_meanwhile(self) -> None:
        desk = Desk.on(last_processed=True)
        desk.send("D", (11, "id"))
        assert desk.say("2", 2, "7=1", "16=0") == [
            f"35=4|34=1|43=Y|122={T0}|369=2|36=2|123=Y",
            f"35=D|34=2|43=Y|122={T0}|369=2|11=id",
        ]

    def test_data_fields_stay_whole(self) -> None:
        desk = Desk.on(last_processed=True)
        message = Message("B", [(148, "news"), (95, 3)])
        message.fields.append(b"96=a\x01b")
        record = desk.session.send(message, desk.clock.now())
        assert Message.decode(record.payload)[96] == b"a\x01b"

    def test_a_refused_logon_too(self) -> None:
        desk = Desk(numbers=SeqNums(1, 7, 5), last_processed=True, answer_bad_logon=True)
        desk.do(desk.session.accept(desk.clock.now()))
        assert desk.session.phase is Phase.LOGON_WAIT
        sent = desk.say("A", 5, "98=0", "108=30")
        assert sent == ["35=3|34=7|369=4|45=5|58=Required tag missing|371=1137|372=A|373=1"]
