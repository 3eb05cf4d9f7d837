"""How much a peer may ask of a session, and what becomes of what it may not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from fixgw.errors import EncodeError, Reject
from fixgw.fix.message import Message
from fixgw.fix.values import sending_time
from fixgw.records import SeqNums
from fixgw.session.events import (
    Alarm,
    GapLost,
    GarbledReceived,
    LoggedOn,
    LoggedOut,
    LogonRefused,
)
from fixgw.session.hooks import LogonContext
from fixgw.session.outcome import CloseCode
from fixgw.session.resend import MAX_REPLAYS
from fixgw.session.session import Session
from fixgw.session.snapshot import OTHER_TYPES
from fixgw.session.state import Phase, Role
from fixgw.session.verdict import Accept, Refuse
from tests.session.desk import Desk, in_phase

ACCEPTOR, INITIATOR = Role.ACCEPTOR, Role.INITIATOR
LOGON = ("98=0", "108=30", "1137=9")


class TestJumps:
    @pytest.mark.parametrize("msg_type", ["D", "0", "2", "4"])
    @pytest.mark.parametrize("retransmission", [True, False])
    def test_a_number_too_far_ahead_ends_and_moves_nothing(self, msg_type: str, retransmission: bool) -> None:
        desk = Desk.on(max_jump=100, retransmission=retransmission)
        fields = ("36=200", "123=Y", "7=1", "16=0")
        text = "MsgSeqNum too far, expecting 2 but received 103"
        assert desk.say(msg_type, 103, *fields) == [f"35=5|34=2|58={text}"]
        assert (desk.code, desk.session.next_in) == (CloseCode.PROTOCOL, 2)
        assert desk.events == []
        assert desk.records[0].msg_seq_num == 0

    def test_the_furthest_number_is_a_gap_like_any_other(self) -> None:
        desk = Desk.on(max_jump=100)
        assert desk.say("D", 102) == ["35=2|34=2|7=2|16=0"]
        desk = Desk.on(max_jump=100, retransmission=False)
        desk.say("D", 102)
        assert desk.heard(GapLost) == [GapLost(2, 101)]

    def test_a_logout_is_answered_however_far_its_number(self) -> None:
        desk = Desk.on(max_jump=100)
        desk.say("5", 5_000_000)
        assert desk.code is CloseCode.LOGOUT

    @pytest.mark.parametrize("fields", [("36=103",), ("36=4294967294",)])
    def test_a_reset_too_far_ahead_is_refused_and_moves_nothing(self, fields: tuple[str, ...]) -> None:
        desk = Desk.on(max_jump=100)
        fault = "58=Value is incorrect (out of range) for this tag|371=36|372=4|373=5"
        assert desk.say("4", 7, *fields) == [f"35=3|34=2|45=7|{fault}"]
        assert desk.session.next_in == 2
        assert desk.say("4", 7, "36=102") == []
        assert desk.session.next_in == 102

    def test_a_gap_fill_too_far_ahead_is_refused_and_uses_its_own_number_alone(self) -> None:
        desk = Desk.on(max_jump=100)
        fault = "58=Value is incorrect (out of range) for this tag|371=36|372=4|373=5"
        assert desk.say("4", 2, "36=103", "123=Y") == [f"35=3|34=2|45=2|{fault}"]
        assert desk.session.next_in == 3
        assert desk.say("4", 3, "36=103", "123=Y") == []
        assert desk.session.next_in == 103

    def test_an_acceptor_refuses_a_logon_too_far_ahead(self) -> None:
        desk = Desk(numbers=SeqNums(1, 7, 5), max_jump=100)
        text = "MsgSeqNum too far, expecting 5 but received 106"
        assert desk.log_on(106) == [f"35=5|34=7|58={text}"]
        assert (desk.code, desk.numbers) == (CloseCode.REFUSED, (7, 5))
        assert desk.heard(LoggedOn) == []

    def test_an_initiator_leaves_on_an_answer_too_far_ahead(self) -> None:
        desk = Desk(INITIATOR, SeqNums(1, 7, 5), max_jump=100)
        assert desk.log_on(106)[1:] == ["35=5|34=8|58=MsgSeqNum too far, expecting 5 but received 106"]
        assert desk.code is CloseCode.PROTOCOL
        assert desk.session.next_in == 5


class TestRequests:
    def test_the_same_request_is_served_a_few_times_then_the_connection_ends(self) -> None:
        desk = Desk(numbers=SeqNums(1, 50, 1), repeated_resend_limit=3)
        desk.log_on(1)
        for number in (2, 3, 4):
            assert len(desk.say("2", number, "7=40", "16=45")) == 1
        text = "ResendRequest for 40 to 45 again and again, with nothing new in between"
        assert desk.say("2", 5, "7=40", "16=45") == [f"35=5|34=51|58={text}"]
        assert len(desk.heard(Alarm)) == 1
        assert desk.code is CloseCode.RESEND_LIMIT

    def test_another_request_in_between_begins_the_count_anew(self) -> None:
        desk = Desk(numbers=SeqNums(1, 50, 1), repeated_resend_limit=1)
        desk.log_on(1)
        for number in range(2, 12):
            desk.say("2", number, "7=40", f"16={40 + number % 2}")
        assert desk.session.active

    def test_a_new_message_makes_an_open_request_another_one(self) -> None:
        desk = Desk(numbers=SeqNums(1, 50, 1), repeated_resend_limit=1)
        desk.log_on(1)
        for number in range(2, 12):
            desk.say("2", number, "7=40", "16=0")
            desk.send()
        assert desk.session.active

    def test_so_does_a_new_connection(self) -> None:
        desk = Desk(numbers=SeqNums(1, 50, 1), repeated_resend_limit=1)
        for number in (1, 3, 5):
            desk.log_on(number)
            desk.say("2", number + 1, "7=40", "16=45")
            assert desk.session.active
            desk.do(desk.session.lost(desk.clock.now()))

    def test_too_many_ranges_at_once_end_the_connection(self) -> None:
        desk = Desk(numbers=SeqNums(1, 5000, 1))
        desk.log_on(1)
        for number in range(2, 2 + MAX_REPLAYS):
            request = desk.frame("2", number, f"7={number * 3}", f"16={number * 3}")
            assert desk.session.receive(request, desk.clock.now()).close is None  # nothing is sent yet
        sent = desk.say("2", 2 + MAX_REPLAYS, "7=4000", "16=4000")
        assert sent == [f"35=5|34=5001|58=too many ResendRequests at once, {MAX_REPLAYS} are still served"]
        assert len(desk.heard(Alarm)) == 1
        assert desk.code is CloseCode.RESEND_LIMIT


class TestGarbled:
    def test_what_is_garbled_in_its_fields_is_refused_where_that_is_wanted(self) -> None:
        desk = Desk.on(reject_garbled=True)
        assert desk.say("D", 2, "4garbled9=TW") == ["35=3|34=2|45=2|58=Invalid tag number|372=D|373=0"]
        assert desk.session.next_in == 3
        assert desk.heard(GarbledReceived) == []

    def test_what_is_no_frame_is_skipped_there_too(self) -> None:
        desk = Desk.on(reject_garbled=True)
        assert desk.hear(desk.frame("D", 2).replace(b"35=D", b"35=F")) == []
        assert len(desk.heard(GarbledReceived)) == 1
        assert desk.session.next_in == 2

    @pytest.mark.parametrize("number", [1, 5])
    def test_so_is_what_is_not_due(self, number: int) -> None:
        desk = Desk.on(reject_garbled=True)
        assert desk.say("D", number, "4garbled9=TW") == []
        assert desk.session.next_in == 2

    def test_a_wrong_checksum_is_taken_where_nobody_checks(self) -> None:
        for checked, taken in ((True, 0), (False, 1)):
            desk = Desk.on(validate_checksum=checked)
            desk.hear(desk.frame("D", 2, "11=id").replace(b"11=id", b"11=xy"))
            assert len(desk.delivered()) == taken


class TestTimes:
    @pytest.mark.parametrize(("ours", "digits"), [("ms", 3), ("us", 6), ("ns", 9)])
    @pytest.mark.parametrize("theirs", ["s", "ms", "us", "ns"])
    def test_each_side_has_its_own_precision(self, ours: str, digits: int, theirs: str) -> None:
        desk = Desk.on(time_precision=ours)
        desk.clock.advance(0.123456789)
        stamp = sending_time(desk.clock.now().utc_ns, theirs).decode()
        desk.say("D", 2, stamp=stamp)
        assert desk.delivered() == [2]
        desk.send()
        fraction = (Message.decode(desk.records[0].payload).text(52) or "").partition(".")[2]
        assert fraction == "123456789"[:digits]

    def test_a_first_sending_time_may_be_finer_than_the_second_one(self) -> None:
        desk = Desk.on()
        desk.clock.advance(0.5)
        desk.say("D", 2, "43=Y", "122=20261009-14:30:00.499999999", stamp="20261009-14:30:00.500")
        assert desk.delivered() == [2]
        desk.say("D", 3, "43=Y", "122=20261009-14:30:00.500000001", stamp="20261009-14:30:00.500")
        assert desk.code is CloseCode.PROTOCOL


class TestWhatIsSentHoldsNoSoh:
    def test_a_logon_field(self) -> None:
        desk = Desk(INITIATOR, SeqNums(1, 7, 5), logon_fields=((8013, "N\x01141=Y"),))
        with pytest.raises(EncodeError, match="SOH"):
            desk.session.dial(desk.clock.now())
        assert (desk.session.phase, desk.numbers) == (Phase.CLOSED, (7, 5))

    @pytest.mark.parametrize("value", ["hush\x01hush", b"hush\x01hush"])
    def test_a_field_of_the_signer(self, value: str | bytes) -> None:
        class Signer:
            secret_tags = frozenset({554})

            def logon_fields(self, context: LogonContext) -> Sequence[tuple[int, str | bytes]]:
                return [(554, value)]

        desk = Desk(INITIATOR, signer=Signer())
        with pytest.raises(EncodeError, match="SOH") as caught:
            desk.session.dial(desk.clock.now())
        assert "hush" not in str(caught.value)
        assert desk.session.phase is Phase.CLOSED

    def test_a_field_of_the_verdict(self) -> None:
        desk = in_phase(Phase.LOGON_PENDING)
        with pytest.raises(EncodeError, match="SOH"):
            desk.session.admit(Accept(((58, "a\x01b"),)), desk.clock.now())
        assert desk.session.phase is Phase.LOGON_PENDING
        desk.do(desk.session.admit(Accept(), desk.clock.now()))  # it can be said better
        assert desk.session.active

    @pytest.mark.parametrize("name", ["sender_comp_id", "target_comp_id", "begin_string"])
    def test_a_name_of_the_session(self, name: str) -> None:
        change: dict[str, Any] = {name: "A\x01B"}
        with pytest.raises(EncodeError, match="SOH"):
            Session(replace(Desk().session.settings, **change))

    @pytest.mark.parametrize("text", ["a\x01b", "a\ud800b"])
    def test_a_text_is_made_harmless(self, text: str) -> None:
        harmless = text.replace("\x01", " ").replace("\ud800", "?")
        desk = Desk.on()
        assert desk.do(desk.session.logout(text, desk.clock.now())) == [f"35=5|34=2|58={harmless}"]
        desk = in_phase(Phase.LOGON_PENDING)
        sent = desk.do(desk.session.admit(Refuse.with_logout(text), desk.clock.now()))
        assert sent == [f"35=5|34=1|58={harmless}"]
        desk = Desk.on()
        desk.say("D", 2)
        fault = Reject(0, text, business=True, ref_id=text)
        sent = desk.do(desk.session.refuse(fault, desk.events[0], desk.clock.now()))  # type: ignore[arg-type]
        assert sent == [f"35=j|34=2|45=2|58={harmless}|372=D|379={harmless}|380=0"]


class TestWhatIsToldOfAPeer:
    @pytest.mark.parametrize("msg_type", ["5", "3"])
    def test_control_characters_of_a_text_are_escaped_and_a_long_one_cut(self, msg_type: str) -> None:
        desk = in_phase(Phase.LOGON_SENT)
        desk.say(msg_type, 1, "45=1", "58=no\n\x1b[31mFAKE " + "x" * 1000)
        (refused,) = desk.heard(LogonRefused)
        assert refused.text.startswith("no\\n\\x1b[31mFAKE xxx")
        assert refused.text.endswith("x... (513 more characters)")
        assert desk.close is not None
        assert desk.close.text == refused.text

    def test_so_they_are_after_the_logon(self) -> None:
        desk = Desk.on()
        desk.say("5", 2, "58=a\r\nb\u2028c")
        assert desk.events == [LoggedOut("a\\r\\nb\\u2028c", by_us=False)]

    def test_a_message_type_before_the_logon(self) -> None:
        desk = in_phase(Phase.LOGON_WAIT)
        desk.say("\n" + "Z" * 1000, 1)
        assert desk.close is not None
        assert desk.close.text.startswith("MsgType \\nZZZ")
        assert len(desk.close.text) < 600

    @pytest.mark.parametrize("msg_type", ["Z" * 17, "a\nb", "\udcff"])
    def test_an_odd_message_type_is_counted_without_its_name(self, msg_type: str) -> None:
        desk = Desk.on()
        desk.say(msg_type, 2)
        assert desk.session.snapshot().tally.received == {"A": 1, OTHER_TYPES: 1}

    def test_a_version_that_is_not_accepted(self) -> None:
        desk = in_phase(Phase.LOGON_WAIT, accepted_appl_ver_ids=frozenset({"9"}))
        desk.say("A", 1, "98=0", "108=30", "1137=\x1b[2J")
        assert desk.close is not None
        assert "\\x1b[2J" in desk.close.text


def test_what_is_said_twice_passes_through() -> None:
    desk = Desk.on()
    desk.say("D", 2, "97=Y", "11=id")
    (message,) = desk.heard(Message)
    assert message.get(97) == b"Y"
    assert not message.poss_dup
    assert desk.send("8", (97, "Y"), (37, "id")) == "35=8|34=2|97=Y|37=id"
