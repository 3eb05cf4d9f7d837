"""Logon, the acceptor's verdict, resets and Logout, both roles; ``1a`` and the like name FIX test cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from fixgw.errors import EncodeError, LocalError, Reject
from fixgw.fix.message import Message
from fixgw.records import Flag, Kind, SeqNums
from fixgw.session.events import (
    Alarm,
    ClockOffset,
    GapDetected,
    GapLost,
    LoggedOn,
    LoggedOut,
    LogonReceived,
    LogonRefused,
    NumbersReset,
    NumberTooLow,
    RejectReceived,
)
from fixgw.session.hooks import LogonContext
from fixgw.session.outcome import CloseCode, Send
from fixgw.session.state import OnGap, Phase, Role
from fixgw.session.verdict import Accept, Refuse
from tests.session.desk import Desk, in_phase, short

LOGON = ("98=0", "108=30", "1137=9")
INITIATOR = Role.INITIATOR


class Signer:
    """Signs with the characters that it was shown, so that a test can read what was covered."""

    secret_tags = frozenset({96})
    contexts: list[LogonContext]

    def __init__(self) -> None:
        self.contexts = []

    def logon_fields(self, context: LogonContext) -> Sequence[tuple[int, str | bytes]]:
        self.contexts.append(context)
        return [(95, "6"), (96, b"secret")]


class TestInitiatorLogon:
    def test_a_logon_goes_out_and_its_answer_makes_the_session_active(self) -> None:
        desk = Desk(INITIATOR, logon_fields=((8013, "N"),))
        assert desk.do(desk.session.dial(desk.clock.now())) == ["35=A|34=1|98=0|108=30|1137=9|8013=N"]
        assert desk.session.phase is Phase.LOGON_SENT
        assert desk.say("A", 1, *LOGON) == []
        assert desk.session.active
        assert desk.numbers == (2, 2)
        logged_on, offset = desk.events
        assert isinstance(logged_on, LoggedOn)
        assert not logged_on.reset
        assert offset == ClockOffset(0.0)

    def test_the_records_carry_the_numbers_after_them(self) -> None:
        desk = Desk(INITIATOR)
        desk.do(desk.session.dial(desk.clock.now()))
        sent = desk.records[0]
        assert (sent.flags, sent.msg_seq_num) == (Flag.OUTBOUND | Flag.ADMIN, 1)
        assert (sent.next_out, sent.next_in) == (2, 1)
        desk.say("A", 1, *LOGON)
        got = desk.records[0]
        assert (got.flags, got.msg_seq_num, got.next_out, got.next_in) == (Flag.ADMIN, 1, 2, 2)

    def test_stamp_signature_and_bytes_are_one(self) -> None:
        signer = Signer()
        desk = Desk(INITIATOR, SeqNums(1, 7, 4), signer=signer, time_precision="us", heart_bt_int=20)
        desk.clock.advance(0.123456)
        outcome = desk.session.dial(desk.clock.now())
        (step,) = outcome.steps
        assert isinstance(step, Send)
        (context,) = signer.contexts
        wire = Message.decode(step.wire)
        assert wire.text(52) == context.sending_time
        assert wire.text(34) == str(context.msg_seq_num) == "7"
        assert (wire.text(49), wire.text(56)) == (context.sender_comp_id, context.target_comp_id)
        assert (context.begin_string, context.msg_type, context.heart_bt_int) == ("FIXT.1.1", "A", 20)
        assert context.utc_ns == desk.clock.now().utc_ns

    def test_secrets_go_out_but_are_not_written_down(self) -> None:
        desk = Desk(INITIATOR, signer=Signer())
        outcome = desk.session.dial(desk.clock.now())
        (step,) = outcome.steps
        assert isinstance(step, Send)
        assert b"\x0196=secret\x01" in step.wire
        assert b"\x0196=******\x01" in step.record.payload
        assert len(step.wire) == len(step.record.payload)
        assert step.record.flags == Flag.OUTBOUND | Flag.ADMIN | Flag.REDACTED
        assert "secret" not in repr(outcome)

    def test_a_signer_that_fails_leaves_everything_as_it_was(self) -> None:
        class Broken(Signer):
            def logon_fields(self, context: LogonContext) -> Sequence[tuple[int, str | bytes]]:
                raise EncodeError("no key")

        desk = Desk(INITIATOR, SeqNums(3, 9, 9), signer=Broken(), reset_on_logon=True)
        with pytest.raises(EncodeError):
            desk.session.dial(desk.clock.now())
        assert desk.session.phase is Phase.CLOSED
        assert (desk.session.epoch, *desk.numbers) == (3, 9, 9)

    def test_a_number_too_high_is_active_and_asks_1a(self) -> None:
        desk = Desk(INITIATOR, SeqNums(1, 5, 3))
        assert desk.log_on(9)[1:] == ["35=2|34=6|7=3|16=0"]
        assert desk.session.active
        assert desk.numbers == (7, 3)
        assert desk.heard(GapDetected) == [GapDetected(3, 8)]
        assert desk.records[0].msg_seq_num == 0  # the Logon takes its place when its turn comes
        desk.repeat("4", 3, "36=9", "123=Y")
        assert desk.numbers == (7, 10)

    def test_a_number_too_low_is_reported_and_ends(self) -> None:
        desk = Desk(INITIATOR, SeqNums(1, 5, 9))
        assert desk.log_on(4)[1:] == ["35=5|34=6|58=MsgSeqNum too low, expecting 9 but received 4"]
        assert desk.heard(NumberTooLow) == [NumberTooLow(9, 4, by_peer=False)]
        assert desk.code is CloseCode.TOO_LOW
        assert desk.numbers == (7, 9)

    @pytest.mark.parametrize("on_gap", list(OnGap))
    def test_a_gap_that_can_not_be_filled_is_lost(self, on_gap: OnGap) -> None:
        desk = Desk(INITIATOR, SeqNums(1, 5, 3), retransmission=False, on_gap=on_gap)
        sent = desk.log_on(9)[1:]
        assert desk.heard(GapLost) == [GapLost(3, 8)]
        assert desk.session.next_in == 10
        if on_gap is OnGap.RECONNECT:
            assert (sent, desk.code) == (["35=5|34=6"], CloseCode.GAP)
        else:
            assert (sent, desk.code) == ([], None)

    def test_a_venue_may_speak_under_another_of_its_names_and_keeps_to_it(self) -> None:
        desk = Desk(INITIATOR, accepted_sender_comp_ids=frozenset({"THEM", "Venue"}))
        desk.do(desk.session.dial(desk.clock.now()))
        desk.say("A", 1, *LOGON, sender="Venue")
        assert desk.session.active
        assert desk.say("0", 2, sender="THEM")[0].endswith("58=CompID problem|372=0|373=9")
        assert desk.code is CloseCode.PROTOCOL

    @pytest.mark.parametrize(
        ("fields", "header", "text"),
        [
            (LOGON, {"sender": "Stranger"}, "CompID problem"),
            (LOGON, {"target": "Stranger"}, "CompID problem"),
            (LOGON, {"sender": ""}, "CompID problem"),
            (LOGON, {"begin": "FIX.4.4"}, "Incorrect BeginString"),
            ((*LOGON, "141=X"), {}, "Incorrect data format for value"),
        ],
    )
    def test_an_answer_that_is_no_good_ends_with_a_logout(
        self, fields: tuple[str, ...], header: dict[str, Any], text: str
    ) -> None:
        desk = in_phase(Phase.LOGON_SENT)
        assert desk.say("A", 1, *fields, **header) == [f"35=5|34=2|58={text}"]
        assert desk.code is CloseCode.PROTOCOL
        assert desk.session.next_in == 1

    def test_the_check_of_the_settings_sees_the_answer(self) -> None:
        def check(message: Message) -> None:
            raise Reject(2, "Tag not defined for this message type", ref_tag=999)

        desk = in_phase(Phase.LOGON_SENT, check=check)
        assert desk.say("A", 1, *LOGON) == ["35=5|34=2|58=Tag not defined for this message type"]
        assert (desk.code, desk.session.next_in) == (CloseCode.PROTOCOL, 1)

    @pytest.mark.parametrize("number", [None, "x", 0, 4_294_967_295, "99999999999999999999"])
    def test_an_answer_without_a_usable_number_ends(self, number: object) -> None:
        desk = in_phase(Phase.LOGON_SENT)
        (sent,) = desk.say("A", number, *LOGON)
        assert sent.startswith("35=5|")
        assert desk.code is CloseCode.PROTOCOL

    @pytest.mark.parametrize("late", [121.0, -121.0])
    def test_a_clock_that_is_off_is_measured_and_only_a_strict_initiator_leaves(self, late: float) -> None:
        for strict in (False, True):
            desk = in_phase(Phase.LOGON_SENT, strict_sending_time=strict)
            desk.say("A", 1, *LOGON, late=late)
            assert desk.session.active is not strict
            assert desk.heard(ClockOffset) == ([] if strict else [ClockOffset(-late)])

    def test_a_strict_initiator_needs_a_sending_time(self) -> None:
        desk = in_phase(Phase.LOGON_SENT, strict_sending_time=True)
        desk.say("A", 1, *LOGON, stamp="now")
        assert desk.code is CloseCode.PROTOCOL

    def test_an_initiator_that_is_not_strict_lives_without_a_sending_time(self) -> None:
        desk = in_phase(Phase.LOGON_SENT)
        desk.say("A", 1, *LOGON, stamp="99991231-23:59:60")
        assert desk.session.active
        assert desk.heard(ClockOffset) == []

    def test_the_peers_interval_is_taken_and_told_when_it_is_another(self) -> None:
        for answer, agreed, alarms in (("108=30", 30, 0), ("108=x", 30, 0), ("108=7", 7, 1)):
            desk = in_phase(Phase.LOGON_SENT)
            desk.say("A", 1, "98=0", answer, "1137=9")
            assert desk.session.heart_bt_int == agreed
            assert len(desk.heard(Alarm)) == alarms

    def test_no_answer_ends_after_the_timeout(self) -> None:
        desk = in_phase(Phase.LOGON_SENT)
        assert desk.session.deadline == desk.clock.now().mono + 10
        assert desk.wait(9.9) == []
        assert desk.code is None
        desk.wait(0.1)
        assert desk.code is CloseCode.LOGON_TIMEOUT

    def test_the_same_session_dials_again_with_its_numbers(self) -> None:
        desk = Desk.on(INITIATOR)
        desk.send()
        desk.do(desk.session.lost(desk.clock.now()))
        assert desk.code is CloseCode.LOST
        assert desk.do(desk.session.dial(desk.clock.now()))[0].startswith("35=A|34=3|")

    def test_fix_4_has_no_default_appl_ver_id(self) -> None:
        desk = Desk(INITIATOR, begin_string="FIX.4.4", default_appl_ver_id=None)
        assert desk.do(desk.session.dial(desk.clock.now())) == ["35=A|34=1|98=0|108=30"]
        desk.say("A", 1, "98=0", "108=30", begin="FIX.4.4")
        assert desk.session.active


class TestRefusedLogon:
    def test_a_logout_is_a_refusal_with_its_text_and_moves_no_number(self) -> None:
        desk = Desk(INITIATOR, SeqNums(1, 5, 9))
        desk.do(desk.session.dial(desk.clock.now()))
        assert desk.say("5", 1, "58=rate limit exceeded") == []
        assert desk.events == [LogonRefused("rate limit exceeded")]
        assert (desk.code, desk.close and desk.close.text) == (CloseCode.REFUSED, "rate limit exceeded")
        assert desk.numbers == (6, 9)
        assert desk.records[0].msg_seq_num == 0

    def test_an_answer_that_asks_for_encryption_is_not_taken_17b(self) -> None:
        desk = in_phase(Phase.LOGON_SENT)
        assert desk.say("A", 1, "98=5", "108=30", "1137=9") == ["35=5|34=2|58=Decryption problem"]
        assert desk.code is CloseCode.PROTOCOL
        assert desk.numbers == (3, 1)

    def test_a_reject_is_a_refusal_with_its_reason(self) -> None:
        desk = in_phase(Phase.LOGON_SENT)
        desk.say("3", 1, "45=1", "58=SendingTime accuracy problem", "373=10")
        assert desk.events == [LogonRefused("SendingTime accuracy problem", 10, clock_offset=0.0)]
        assert desk.code is CloseCode.REFUSED

    def test_a_refusal_tells_how_far_the_clocks_are_apart_where_it_can(self) -> None:
        desk = in_phase(Phase.LOGON_SENT)
        desk.say("3", 1, "45=1", "373=10", late=45.0)
        assert desk.events == [LogonRefused("", 10, clock_offset=-45.0)]
        desk = in_phase(Phase.LOGON_SENT)
        desk.say("3", 1, "45=1", "373=10", stamp="noon")
        assert desk.events == [LogonRefused("", 10)]

    def test_a_reject_without_a_reason_is_one_too(self) -> None:
        desk = in_phase(Phase.LOGON_SENT)
        desk.say("3", 1, "45=1")
        assert desk.events == [LogonRefused("", None, clock_offset=0.0)]

    def test_a_complaint_about_our_number_is_also_told_as_such(self) -> None:
        desk = in_phase(Phase.LOGON_SENT)
        desk.say("5", 1, "58=Logon: msgseqnum too low, expecting 9 but received 1")
        assert desk.events[0] == NumberTooLow(9, 1, by_peer=True)
        assert isinstance(desk.events[1], LogonRefused)

    @pytest.mark.parametrize("msg_type", ["0", "1", "2", "4", "D", "*"])
    def test_anything_else_before_the_answer_ends(self, msg_type: str) -> None:
        desk = in_phase(Phase.LOGON_SENT)
        assert desk.say(msg_type, 1) == []
        assert desk.code is CloseCode.PROTOCOL
        assert desk.numbers == (2, 1)


class TestResetByInitiator:
    def test_a_reset_begins_an_epoch_before_the_logon(self) -> None:
        desk = Desk(INITIATOR, SeqNums(4, 70, 60), reset_on_logon=True)
        assert desk.do(desk.session.dial(desk.clock.now())) == ["35=A|34=1|98=0|108=30|141=Y|1137=9"]
        reset, logon = desk.records
        assert (reset.kind, reset.epoch, reset.next_out, reset.next_in) == (Kind.RESET, 5, 1, 1)
        assert (logon.epoch, logon.next_out) == (5, 2)
        assert desk.events == [NumbersReset(5)]
        desk.say("A", 1, *LOGON, "141=Y")
        assert desk.heard(LoggedOn)[0].reset
        assert (desk.session.epoch, *desk.numbers) == (5, 2, 2)

    def test_a_reset_may_be_asked_for_once(self) -> None:
        desk = Desk(INITIATOR, SeqNums(1, 5, 5))
        assert "141=Y" in desk.do(desk.session.dial(desk.clock.now(), reset=True))[0]
        desk.say("A", 1, *LOGON)  # a venue that does not echo the flag has reset all the same
        assert desk.session.active
        desk.do(desk.session.lost(desk.clock.now()))
        assert "141=Y" not in desk.do(desk.session.dial(desk.clock.now()))[0]

    @pytest.mark.parametrize("flag", ["141=Y", "141=N"])
    def test_the_answer_to_a_reset_has_number_1(self, flag: str) -> None:
        desk = Desk(INITIATOR, reset_on_logon=True)
        desk.do(desk.session.dial(desk.clock.now()))
        (sent,) = desk.say("A", 2, *LOGON, flag)
        assert sent == "35=5|34=2|58=a Logon that resets the numbers has MsgSeqNum 1"
        assert desk.code is CloseCode.PROTOCOL

    def test_a_reset_that_only_the_peer_asks_for_is_taken(self) -> None:
        desk = Desk(INITIATOR, SeqNums(1, 5, 9))
        desk.log_on(1, "141=Y")
        assert (desk.session.epoch, *desk.numbers) == (2, 2, 2)
        assert desk.events[0] == NumbersReset(2)
        assert desk.heard(LoggedOn)[0].reset
        assert [record.kind for record in desk.records] == [Kind.RESET, Kind.FRAME]


class TestAcceptorLogon:
    def test_nothing_changes_before_the_verdict(self) -> None:
        desk = Desk(numbers=SeqNums(4, 70, 60))
        assert desk.do(desk.session.accept(desk.clock.now())) == []
        assert desk.say("A", 1, *LOGON, "141=Y") == []
        assert desk.session.phase is Phase.LOGON_PENDING
        assert (desk.session.epoch, *desk.numbers) == (4, 70, 60)
        assert len(desk.heard(LogonReceived)) == 1
        assert [record.msg_seq_num for record in desk.records] == [0]

    def test_an_accepted_logon_is_answered_in_kind_1a(self) -> None:
        desk = Desk()
        sent = desk.log_on(1)
        assert sent == ["35=A|34=1|98=0|108=30|1137=9"]
        assert desk.session.active
        assert (desk.numbers, desk.session.heart_bt_int) == ((2, 2), 30)
        assert desk.records[-1].next_in == 2

    def test_the_verdict_may_add_fields_to_the_answer(self) -> None:
        desk = in_phase(Phase.LOGON_PENDING)
        sent = desk.do(desk.session.admit(Accept(((20200, "24"),)), desk.clock.now()))
        assert sent == ["35=A|34=1|98=0|108=30|1137=9|20200=24"]

    def test_a_number_too_high_is_answered_then_asked_for_1a(self) -> None:
        desk = Desk()
        assert desk.log_on(5) == ["35=A|34=1|98=0|108=30|1137=9", "35=2|34=2|7=1|16=0"]
        assert desk.numbers == (3, 1)

    def test_a_number_too_low_ends(self) -> None:
        desk = Desk(numbers=SeqNums(1, 4, 9))
        assert desk.log_on(3) == ["35=5|34=4|58=MsgSeqNum too low, expecting 9 but received 3"]
        assert desk.code is CloseCode.TOO_LOW
        assert desk.heard(NumberTooLow) == [NumberTooLow(9, 3, by_peer=False)]

    def test_a_reset_happens_once_it_is_accepted(self) -> None:
        desk = Desk(numbers=SeqNums(4, 70, 60))
        assert desk.log_on(1, "141=Y") == ["35=A|34=1|98=0|108=30|141=Y|1137=9"]
        assert (desk.session.epoch, *desk.numbers) == (5, 2, 2)
        assert [record.kind for record in desk.records] == [Kind.RESET, Kind.FRAME]
        assert [type(event) for event in desk.events] == [NumbersReset, LoggedOn]

    def test_an_acceptor_may_begin_anew_with_each_logon_without_saying_so(self) -> None:
        desk = Desk(numbers=SeqNums(4, 70, 60), reset_on_logon=True)
        assert desk.log_on(5) == ["35=A|34=1|98=0|108=30|1137=9", "35=2|34=2|7=1|16=0"]
        assert desk.session.epoch == 5

    def test_secrets_of_a_received_logon_are_not_written_down(self) -> None:
        desk = in_phase(Phase.LOGON_WAIT)
        desk.say("A", 1, "98=0", "95=6", "96=secret", "108=30", "554=password", "1137=9")
        (record,) = desk.records
        assert record.flags == Flag.ADMIN | Flag.REDACTED
        assert b"96=******\x01" in record.payload
        assert b"554=********\x01" in record.payload
        assert desk.heard(LogonReceived)[0].logon[96] == b"secret"
        assert "secret" not in repr(desk.events)

    @pytest.mark.parametrize(
        ("fields", "header", "reason"),
        [
            (LOGON, {"sender": "Stranger"}, "58=CompID problem|372=A|373=9"),
            (LOGON, {"target": "Stranger"}, "58=CompID problem|372=A|373=9"),
            (LOGON, {"late": 121.0}, "58=SendingTime accuracy problem|372=A|373=10"),
            (LOGON, {"stamp": "yesterday"}, "58=Incorrect data format for value|371=52|372=A|373=6"),
            (("98=0", "108=30"), {}, "58=Required tag missing|371=1137|372=A|373=1"),
            (("98=0", "1137=9"), {}, "58=Required tag missing|371=108|372=A|373=1"),
            (("108=-1", "1137=9"), {}, "58=Incorrect data format for value|371=108|372=A|373=6"),
            (("108=", "1137=9"), {}, "58=Tag specified without a value|371=108|372=A|373=4"),
            (LOGON, {"begin": "FIX.3.9"}, "58=Incorrect BeginString|372=A|373=99"),
            (("98=5", "108=30", "1137=9"), {}, "58=Decryption problem|371=98|372=A|373=7"),
        ],
    )
    def test_a_logon_that_fails_its_checks_is_closed_in_silence_or_told_1c_1d(
        self, fields: tuple[str, ...], header: dict[str, Any], reason: str
    ) -> None:
        silent = in_phase(Phase.LOGON_WAIT)
        assert silent.say("A", 1, *fields, **header) == []
        assert silent.code is CloseCode.REFUSED
        assert silent.numbers == (1, 1)
        told = in_phase(Phase.LOGON_WAIT, answer_bad_logon=True)
        assert told.say("A", 1, *fields, **header) == [f"35=3|34=1|45=1|{reason}"]
        assert told.numbers == (1, 1)
        assert told.records[-1].msg_seq_num == 0

    @pytest.mark.parametrize(
        ("fields", "answered", "why"),
        [
            (LOGON, False, ""),
            (("98=0", "108=30"), False, "Required tag missing"),
            (("98=0", "108=30"), True, ""),
        ],
    )
    def test_whoever_asks_first_learns_of_a_silent_refusal(
        self, fields: tuple[str, ...], answered: bool, why: str
    ) -> None:
        desk = in_phase(Phase.LOGON_WAIT, answer_bad_logon=answered)
        desk.say("A", 1, *fields)
        logon = Message.decode(desk.records[0].payload)
        assert desk.session.silent_refusal(logon, desk.clock.now()).startswith(why)
        assert bool(desk.session.silent_refusal(logon, desk.clock.now())) is bool(why)

    @pytest.mark.parametrize(("number", "flag"), [(0, "141=N"), (2, "141=Y"), (None, "141=N"), (1, "141=?")])
    def test_a_logon_whose_number_makes_no_sense_is_refused(self, number: object, flag: str) -> None:
        desk = in_phase(Phase.LOGON_WAIT)
        assert desk.say("A", number, *LOGON, flag) == []
        assert desk.code is CloseCode.REFUSED

    def test_a_lenient_acceptor_takes_any_clock(self) -> None:
        desk = in_phase(Phase.LOGON_WAIT, strict_sending_time=False)
        desk.say("A", 1, *LOGON, late=1000.0)
        assert desk.session.phase is Phase.LOGON_PENDING

    def test_fix_4_asks_for_no_default_appl_ver_id(self) -> None:
        desk = in_phase(Phase.LOGON_WAIT, begin_string="FIX.4.4", default_appl_ver_id=None)
        desk.say("A", 1, "98=0", "108=30", begin="FIX.4.4")
        assert desk.session.phase is Phase.LOGON_PENDING

    def test_the_check_of_the_settings_sees_the_logon(self) -> None:
        def check(message: Message) -> None:
            raise Reject(2, "Tag not defined for this message type", ref_tag=999)

        desk = in_phase(Phase.LOGON_WAIT, check=check, answer_bad_logon=True)
        assert desk.say("A", 1, *LOGON)[0].endswith("371=999|372=A|373=2")

    @pytest.mark.parametrize("msg_type", ["0", "1", "2", "3", "4", "5", "D"])
    def test_anything_but_a_logon_is_closed_without_a_word_1e(self, msg_type: str) -> None:
        desk = in_phase(Phase.LOGON_WAIT)
        assert desk.say(msg_type, 1) == []
        assert desk.code is CloseCode.PROTOCOL
        assert desk.numbers == (1, 1)

    @pytest.mark.parametrize("phase", [Phase.LOGON_WAIT, Phase.LOGON_PENDING])
    def test_a_handshake_that_takes_too_long_ends(self, phase: Phase) -> None:
        desk = in_phase(phase)
        assert desk.wait(10.0) == []
        assert desk.code is CloseCode.LOGON_TIMEOUT


class TestVerdict:
    def test_refused_in_silence(self) -> None:
        desk = in_phase(Phase.LOGON_PENDING)
        assert desk.do(desk.session.admit(Refuse.silently(), desk.clock.now())) == []
        assert (desk.code, desk.numbers) == (CloseCode.REFUSED, (1, 1))

    def test_refused_with_a_logout_that_uses_no_number(self) -> None:
        desk = Desk(numbers=SeqNums(2, 5, 5))
        desk.do(desk.session.accept(desk.clock.now()))
        desk.say("A", 5, *LOGON)
        refusal = Refuse.with_logout("Invalid signature")
        assert desk.do(desk.session.admit(refusal, desk.clock.now())) == ["35=5|34=5|58=Invalid signature"]
        assert desk.close is not None
        assert desk.close.text == "Invalid signature"
        assert (desk.session.epoch, *desk.numbers) == (2, 5, 5)

    def test_a_refused_reset_changes_nothing_and_is_answered_as_number_1(self) -> None:
        desk = Desk(numbers=SeqNums(2, 5, 5))
        desk.do(desk.session.accept(desk.clock.now()))
        desk.say("A", 1, *LOGON, "141=Y")
        refusal = Refuse.with_reject(10, "SendingTime accuracy problem")
        sent = desk.do(desk.session.admit(refusal, desk.clock.now()))
        assert sent == ["35=3|34=1|45=1|58=SendingTime accuracy problem|372=A|373=10"]
        assert (desk.session.epoch, *desk.numbers) == (2, 5, 5)

    def test_what_a_hasty_peer_sends_meanwhile_is_taken_after_the_answer(self) -> None:
        desk = in_phase(Phase.LOGON_PENDING)
        assert desk.say("D", 2) == []
        assert desk.hear(b"garbage" + desk.frame("1", 3, "112=x")) == []
        assert desk.events == []
        sent = desk.do(desk.session.admit(Accept(), desk.clock.now()))
        assert sent == ["35=A|34=1|98=0|108=30|1137=9", "35=0|34=2|112=x"]
        assert desk.delivered() == [2]

    def test_what_follows_a_refused_logon_is_dropped(self) -> None:
        desk = in_phase(Phase.LOGON_PENDING)
        desk.say("D", 2)
        desk.do(desk.session.admit(Refuse.silently(), desk.clock.now()))
        assert desk.events == []

    def test_a_hasty_peer_is_bounded(self) -> None:
        for limits in ({"waiting_messages": 1}, {"waiting_bytes": 100}):
            desk = in_phase(Phase.LOGON_PENDING, **limits)
            desk.say("D", 2)
            desk.say("D", 3)
            assert desk.code is CloseCode.PROTOCOL


class TestResetWhileActive:
    def test_the_peer_asks_and_both_sides_begin_at_1(self) -> None:
        desk = Desk.on()
        desk.send()
        desk.say("0", 2)
        assert desk.say("A", 1, *LOGON, "141=Y") == ["35=A|34=1|98=0|108=30|141=Y|1137=9"]
        assert (desk.session.epoch, *desk.numbers) == (2, 2, 2)
        assert desk.events == [NumbersReset(2)]
        assert desk.say("1", 2, "112=x") == ["35=0|34=2|112=x"]

    @pytest.mark.parametrize("phase", [Phase.ACTIVE, Phase.RESET_SENT])
    def test_its_number_has_to_be_1(self, phase: Phase) -> None:
        desk = in_phase(phase)
        (sent,) = desk.say("A", 3, *LOGON, "141=Y")
        assert "58=a Logon that resets the numbers has MsgSeqNum 1, not 3" in sent
        assert desk.code is CloseCode.PROTOCOL

    @pytest.mark.parametrize("role", list(Role))
    def test_we_ask_and_the_answer_makes_the_session_active_again(self, role: Role) -> None:
        desk = Desk.on(role)
        desk.say("0", 2)
        sent = desk.do(desk.session.reset(desk.clock.now()))
        assert sent == ["35=A|34=1|98=0|108=30|141=Y|1137=9"]
        assert (desk.session.phase, desk.session.epoch) == (Phase.RESET_SENT, 2)
        assert desk.wait(1.0) == []
        assert desk.say("A", 1, *LOGON, "141=Y") == []
        assert desk.session.active
        assert desk.numbers == (2, 2)
        assert desk.wait(30.0) == ["35=0|34=2"]

    def test_what_was_on_its_way_is_delivered_and_asks_for_nothing(self) -> None:
        desk = in_phase(Phase.RESET_SENT)
        assert desk.say("8", 2) == []
        assert len(desk.heard(Message)) == 1
        assert desk.say("8", 9) == []
        assert len(desk.heard(Message)) == 1
        assert desk.say("8", 9) == []
        assert desk.heard(Message) == []
        assert desk.say("1", 10, "112=x") == []
        assert desk.say("3", 11, "45=1") == []
        assert len(desk.heard(RejectReceived)) == 1
        assert desk.numbers == (2, 1)
        assert all(record.msg_seq_num == 0 for record in desk.records)

    def test_a_peer_that_leaves_instead_is_answered(self) -> None:
        desk = in_phase(Phase.RESET_SENT)
        assert desk.say("5", 2, "58=no") == ["35=5|34=2"]
        assert desk.code is CloseCode.LOGOUT

    def test_no_answer_ends(self) -> None:
        desk = in_phase(Phase.RESET_SENT)
        desk.wait(10.0)
        assert desk.code is CloseCode.LOGON_TIMEOUT

    def test_a_reset_while_closed_is_written_down(self) -> None:
        desk = Desk(numbers=SeqNums(1, 5, 5))
        desk.do(desk.session.reset(desk.clock.now()))
        assert [record.kind for record in desk.records] == [Kind.RESET]
        assert (desk.session.epoch, *desk.numbers) == (2, 1, 1)

    def test_a_second_logon_without_a_reset_is_refused_and_the_session_goes_on(self) -> None:
        desk = Desk.on()
        assert desk.say("A", 2, *LOGON) == ["35=3|34=2|45=2|58=Logon while logged on|372=A|373=99"]
        assert desk.session.active
        assert desk.numbers == (3, 3)


class TestNumbersByHand:
    def test_numbers_that_go_on_stay_in_the_epoch(self) -> None:
        desk = Desk(numbers=SeqNums(1, 5, 5))
        desk.session.set_numbers(7, None)
        desk.session.set_numbers(None, 9)
        assert (desk.session.epoch, *desk.numbers) == (1, 9, 7)

    @pytest.mark.parametrize(("next_in", "next_out"), [(4, None), (None, 4)])
    def test_a_number_that_goes_back_begins_an_epoch(self, next_in: int | None, next_out: int | None) -> None:
        desk = Desk(numbers=SeqNums(1, 5, 5))
        desk.session.set_numbers(next_in, next_out)
        assert desk.session.epoch == 2

    @pytest.mark.parametrize(("next_in", "next_out"), [(0, 1), (1, 0), (2**32, 1)])
    def test_numbers_out_of_range_are_an_error(self, next_in: int, next_out: int) -> None:
        with pytest.raises(LocalError, match="from 1"):
            Desk().session.set_numbers(next_in, next_out)

    def test_numbers_are_not_set_while_connected(self) -> None:
        with pytest.raises(LocalError, match="log out first"):
            Desk.on().session.set_numbers(1, 1)


class TestLogout:
    def test_the_peer_leaves_and_is_answered_13b(self) -> None:
        desk = Desk.on()
        assert desk.say("5", 2, "58=bye") == ["35=5|34=2"]
        assert desk.events == [LoggedOut("bye", by_us=False)]
        assert desk.code is CloseCode.LOGOUT
        assert desk.numbers == (3, 3)

    @pytest.mark.parametrize(("number", "next_in"), [(1, 2), (9, 2)])
    def test_a_logout_is_answered_whatever_its_number(self, number: int, next_in: int) -> None:
        desk = Desk.on()
        assert desk.say("5", number) == ["35=5|34=2"]
        assert desk.code is CloseCode.LOGOUT
        assert desk.session.next_in == next_in

    def test_we_leave_and_the_answer_closes(self) -> None:
        desk = Desk.on()
        assert desk.do(desk.session.logout("maintenance", desk.clock.now())) == ["35=5|34=2|58=maintenance"]
        assert desk.code is None
        assert desk.say("5", 2) == []
        assert desk.events == [LoggedOut("", by_us=True)]
        assert desk.code is CloseCode.LOGOUT

    def test_what_comes_before_the_answer_is_taken_and_served(self) -> None:
        desk = Desk.on()
        desk.send()
        desk.do(desk.session.logout("", desk.clock.now()))
        desk.say("8", 2)
        assert desk.delivered() == [2]
        assert desk.say("2", 3, "7=2", "16=2")[0].startswith("35=D|34=2|43=Y|")
        assert desk.say("1", 4, "112=x") == ["35=0|34=4|112=x"]
        assert desk.say("A", 5, *LOGON)[0].endswith("58=Logon while logged on|372=A|373=99")
        assert desk.say("8", 9) == []  # nobody asks on the way out
        assert desk.session.next_in == 6
        assert desk.wait(1.0) == []

    def test_no_answer_closes_after_the_timeout(self) -> None:
        desk = in_phase(Phase.LOGOUT_SENT)
        assert desk.session.deadline == desk.clock.now().mono + 2
        desk.wait(2.0)
        assert desk.code is CloseCode.LOGOUT_TIMEOUT

    def test_leaving_twice_is_leaving_once(self) -> None:
        desk = in_phase(Phase.LOGOUT_SENT)
        assert desk.do(desk.session.logout("again", desk.clock.now())) == []

    @pytest.mark.parametrize("phase", [Phase.LOGON_SENT, Phase.LOGON_WAIT, Phase.LOGON_PENDING])
    def test_leaving_before_the_logon_is_through_just_closes(self, phase: Phase) -> None:
        desk = in_phase(phase)
        assert desk.do(desk.session.logout("stop", desk.clock.now())) == []
        assert desk.code is CloseCode.STOPPED

    def test_leaving_while_closed_does_nothing(self) -> None:
        desk = Desk()
        assert desk.do(desk.session.logout("", desk.clock.now())) == []
        assert desk.code is None

    def test_a_text_of_ours_never_ends_a_field(self) -> None:
        desk = Desk.on()
        outcome = desk.session.logout("one\x01two", desk.clock.now())
        (step,) = outcome.steps
        assert short(step.payload) == "35=5|34=2|58=one two"  # type: ignore[union-attr]

    def test_a_complaint_about_our_number_is_told(self) -> None:
        desk = Desk.on()
        desk.say("5", 2, "58=MsgSeqNum too low, expecting 9 but received 5")
        assert desk.events[0] == NumberTooLow(9, 5, by_peer=True)
        assert isinstance(desk.events[1], LoggedOut)

    def test_a_text_that_is_no_utf_8_is_shown_anyhow(self) -> None:
        desk = Desk.on()
        desk.say("5", 2, "58=caf\udce9")
        assert desk.events == [LoggedOut("caf\ufffd", by_us=False)]
