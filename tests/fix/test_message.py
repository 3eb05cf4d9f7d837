"""The message: fields in order, quick look-up, groups, simplefix, and frames made of it."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simplefix.message import FixMessage

from fixgw.errors import EncodeError, FieldError
from fixgw.fix import tags
from fixgw.fix.framing import Framer
from fixgw.fix.message import FrameEncoder, Message
from tests.fix.samples import KALSHI_FRAMES, LOGON, NEW_ORDER, TRADE_REPORT
from tests.wire import pipes, wire

TIME = b"20261009-14:30:00.000"
ENCODER = FrameEncoder("FIXT.1.1", "A", "B")

body_tags = st.integers(min_value=1, max_value=9999).filter(
    lambda tag: (
        tag not in tags.HEADER_TAGS | tags.TRAILER_TAGS
        and tag not in tags.RAW_DATA_TAGS
        and tag not in tags.RAW_DATA_TAGS.values()
    )
)
plain_values = st.binary(min_size=1, max_size=12).filter(lambda data: b"\x01" not in data)
body_pairs = st.lists(st.tuples(body_tags, plain_values), max_size=20)
raw_data = st.tuples(
    st.sampled_from(sorted(set(tags.RAW_DATA_TAGS) - tags.HEADER_TAGS - tags.TRAILER_TAGS)),
    st.binary(min_size=1, max_size=12),
).map(lambda raw: [(raw[0], b"%d" % len(raw[1])), (tags.RAW_DATA_TAGS[raw[0]], raw[1])])
all_pairs = st.lists(st.one_of(st.tuples(body_tags, plain_values).map(lambda pair: [pair]), raw_data)).map(
    lambda runs: [pair for run in runs for pair in run]
)


def encoded(message: Message, **options: Any) -> str:
    return pipes(ENCODER.encode(message, 7, TIME, **options))


# -- decode --


def test_a_decoded_message_knows_its_header() -> None:
    message = Message.decode(wire("35=8|34=12|43=Y|49=A|56=B|52=x|37=1"))
    assert (message.msg_type, message.msg_seq_num, message.poss_dup) == ("8", 12, True)
    assert message.begin_string == "FIXT.1.1"
    assert message.fields == [b"35=8", b"34=12", b"43=Y", b"49=A", b"56=B", b"52=x", b"37=1"]


@pytest.mark.parametrize("number", ["", "x", "-5", "9" * 30])
def test_a_number_that_is_none_reads_as_zero(number: str) -> None:
    assert Message.decode(wire(f"35=8|34={number}|37=1")).msg_seq_num == 0


def test_a_message_without_number_has_number_zero_and_a_long_type_is_kept() -> None:
    message = Message.decode(wire("35=UMS|37=1"))
    assert (message.msg_type, message.msg_seq_num, message.poss_dup) == ("UMS", 0, False)


def test_values_are_found_by_tag() -> None:
    message = Message.decode(TRADE_REPORT)
    assert message[44] == b"0.7500"
    assert message.get(44) == b"0.7500"
    assert message.get(9999) is None
    assert message.get(9999, b"-") == b"-"
    assert message.text(55) == "HIGHNY-26DEC31"
    assert message.text(9999) is None
    assert 44 in message
    assert 9999 not in message
    with pytest.raises(KeyError):
        message[9999]


def test_every_value_of_a_repeated_tag_is_there_in_order() -> None:
    message = Message("8", [(448, "a"), (452, "1"), (448, "b")])
    assert message.get_all(448) == [b"a", b"b"]
    assert message[448] == b"a"
    assert message.pairs() == [(35, b"8"), (448, b"a"), (452, b"1"), (448, b"b")]


def test_a_field_that_is_none_is_a_field_error() -> None:
    with pytest.raises(FieldError, match="Invalid tag number"):
        Message.decode(wire("35=0|34=2|4garbled9=TW"))


# -- build and change --


def test_python_values_take_their_fix_form() -> None:
    message = Message(
        "D",
        [(11, "id"), (44, Decimal("0.50")), (38, 10), (141, True), (60, datetime(2026, 10, 9, tzinfo=UTC))],
    )
    assert repr(message) == "<Message 35=D|11=id|44=0.50|38=10|141=Y|60=20261009-00:00:00.000>"


def test_fields_are_set_inserted_and_removed() -> None:
    message = Message("D", [(55, "X"), (448, "a"), (448, "b")])
    assert 11 not in message
    message.insert(11, "id")
    message.set(55, "Y")
    message.set(58, "text")
    message.append(58, "more")
    assert message.fields == [b"35=D", b"11=id", b"55=Y", b"448=a", b"448=b", b"58=text", b"58=more"]
    assert message[11] == b"id"
    message.remove(448)
    message.remove(35)
    assert 448 not in message
    assert message.fields == [b"35=D", b"11=id", b"55=Y", b"58=text", b"58=more"]


def test_a_changed_message_is_no_longer_the_frame_it_came_from() -> None:
    message = Message.decode(NEW_ORDER)
    assert message.frame == NEW_ORDER
    message.set(44, "0.80")
    assert message.frame == b""
    assert message.begin_string == "FIXT.1.1"
    assert message[44] == b"0.80"


@pytest.mark.parametrize(
    ("tag", "value", "why"),
    [
        (0, "x", "0 is no tag"),
        (-1, "x", "-1 is no tag"),
        ("11", "x", "'11' is no tag"),
        (8, "FIX.4.4", "BeginString"),
        (9, "5", "BodyLength"),
        (10, "000", "CheckSum"),
        (35, "D", "MsgType"),
        (58, "", "Text.58.: a string must not be empty"),
        (58, "a\x01b", "SOH"),
        (58, b"a\x01b", "Text.58. holds SOH"),
        (44, 0.5, "never float"),
    ],
)
def test_what_can_not_stand_in_a_message_is_refused(tag: Any, value: Any, why: str) -> None:
    message = Message("D", [(55, "X")])
    for put in (message.append, message.insert, message.set):
        with pytest.raises(EncodeError, match=why):
            put(tag, value)
    with pytest.raises(EncodeError, match=why):
        Message("D", [(tag, value)])
    assert message.fields == [b"35=D", b"55=X"]


def test_ready_bytes_are_taken_as_they_are() -> None:
    message = Message.rendered("D", b"\x0111=id\x0155=X")
    assert message.body() == b"\x0111=id\x0155=X"
    assert message == Message("D", [(11, "id"), (55, "X")])
    assert Message("D", [(11, "id"), (55, "X")]).body() == message.body()
    assert Message.rendered("", b"\x01448=a").fields == [b"448=a"]
    assert Message.rendered("0", b"").fields == [b"35=0"]


def test_fields_are_taken_as_they_are() -> None:
    fields = [b"35=UOG", b"11=id"]
    message = Message.of(fields)
    assert message.fields is fields
    assert message.msg_type == "UOG"
    assert Message.of([b"448=a"]).msg_type == ""


def test_a_message_has_no_other_attributes() -> None:
    message = Message("D")
    with pytest.raises(AttributeError, match="a Message has no 'price'"):
        message.price  # type: ignore[attr-defined]  # noqa: B018


def test_messages_are_equal_by_their_fields_and_can_not_be_keys() -> None:
    assert Message("D", [(11, "a")]) == Message("D", [(11, b"a")])
    assert Message("D", [(11, "a")]) != Message("F", [(11, "a")])
    assert Message("D") != "D"
    with pytest.raises(TypeError, match="unhashable"):
        hash(Message("D"))


def test_repr_masks_secrets() -> None:
    assert repr(Message("A", [(553, "user"), (554, "hunter2")])) == "<Message 35=A|553=user|554=*******>"


@pytest.mark.parametrize("frame", KALSHI_FRAMES)
def test_messages_survive_pickling_and_copying(frame: bytes) -> None:
    message = Message.decode(frame)
    for twin in (pickle.loads(pickle.dumps(message)), copy.copy(message), copy.deepcopy(message)):
        assert twin == message
        assert twin.frame == frame
        assert (twin.msg_seq_num, twin.begin_string) == (message.msg_seq_num, "FIXT.1.1")
        twin.append(58, "changed")
        assert message.fields[-1] != b"58=changed"


# -- groups --

PARTIES = Message(
    "8", [(453, "2"), (448, "a"), (452, "1"), (802, "1"), (523, "s"), (448, "b"), (58, "after")]
)


def entries(message: Message, *args: Any) -> list[list[bytes]]:
    return [entry.fields for entry in message.group(453, *args)]


def test_entries_begin_at_the_delimiter_and_hold_nested_groups() -> None:
    members = {448, 452, 802, 523}
    assert entries(PARTIES, members) == [[b"448=a", b"452=1", b"802=1", b"523=s"], [b"448=b"]]
    assert entries(PARTIES, members, 448) == entries(PARTIES, members)


def test_without_members_the_last_entry_reaches_to_the_end() -> None:
    assert entries(PARTIES)[1] == [b"448=b", b"58=after"]


def test_no_count_or_a_count_of_zero_is_no_entry() -> None:
    assert Message("8").group(453) == []
    assert Message("8", [(453, "0")]).group(453) == []


def test_an_entry_can_be_read_like_a_message() -> None:
    entry = PARTIES.group(453)[0]
    assert entry.text(448) == "a"
    assert entry.group(802, {523})[0][523] == b"s"


@pytest.mark.parametrize(
    ("pairs", "tag", "reason"),
    [
        ([(453, "3"), (448, "a"), (448, "b")], 453, 16),
        ([(453, "1"), (448, "a"), (448, "b")], 453, 16),
        ([(453, "1")], 453, 16),
        ([(453, "1"), (58, "x")], 453, 16),
        ([(453, "1"), (452, "1"), (448, "a")], 452, 15),
        ([(453, "x"), (448, "a")], 453, 6),
        ([(453, "-1"), (448, "a")], 453, 6),
        ([(453, "9" * 10), (448, "a")], 453, 6),
    ],
)
def test_a_group_that_is_not_what_its_count_says_is_refused(pairs: Any, tag: int, reason: int) -> None:
    with pytest.raises(FieldError) as caught:
        Message("8", pairs).group(453, {448, 452}, 448)
    assert (caught.value.tag, caught.value.reason) == (tag, reason)


# -- simplefix --


def of_simplefix(pairs: list[tuple[int, bytes]]) -> FixMessage:
    made = FixMessage()  # type: ignore[no-untyped-call]
    for tag, value in pairs:
        made.append_pair(tag, value)  # type: ignore[no-untyped-call]
    return made


@pytest.mark.parametrize("frame", KALSHI_FRAMES)
def test_simplefix_writes_the_frame_that_we_read(frame: bytes) -> None:
    message = Message.decode(frame)
    there = message.to_simplefix()
    assert there.encode() == frame  # type: ignore[no-untyped-call]
    back = Message.from_simplefix(there)
    assert back == message
    assert back.begin_string == "FIXT.1.1"


@given(all_pairs)
def test_every_pair_survives_the_way_to_simplefix_and_back(pairs: list[tuple[int, bytes]]) -> None:
    message = Message("D", pairs)
    there = message.to_simplefix()
    assert [(int(tag), value) for tag, value in there.pairs] == message.pairs()
    assert Message.from_simplefix(there) == message


@given(all_pairs)
def test_every_pair_survives_the_way_from_simplefix_and_back(pairs: list[tuple[int, bytes]]) -> None:
    theirs = of_simplefix([(8, b"FIXT.1.1"), (35, b"D"), *pairs])
    assert Message.from_simplefix(theirs).to_simplefix().pairs == theirs.pairs


def test_simplefix_messages_without_begin_string_or_with_length_and_sum_are_taken() -> None:
    theirs = of_simplefix([(9, b"5"), (11, b"id"), (35, b"UOG"), (10, b"0")])
    ours = Message.from_simplefix(theirs)
    assert ours.fields == [b"35=UOG", b"11=id"]
    assert ours.begin_string == ""


@pytest.mark.parametrize(("tag", "value"), [(b"x", b"y"), (58, b"a\x01b"), (58, b"")])
def test_simplefix_messages_that_can_not_be_sent_are_refused(tag: Any, value: bytes) -> None:
    theirs = of_simplefix([(35, b"D")])
    theirs.pairs.append((tag if isinstance(tag, bytes) else b"%d" % tag, value))
    with pytest.raises(EncodeError):
        Message.from_simplefix(theirs)
    with pytest.raises(EncodeError, match="no MsgType"):
        Message.from_simplefix(of_simplefix([]))


# -- frames --


@pytest.mark.parametrize("frame", KALSHI_FRAMES)
def test_frames_of_the_reference_encode_byte_for_byte(frame: bytes) -> None:
    message = Message.decode(frame)
    encoder = FrameEncoder("FIXT.1.1", message.text(49) or "", message.text(56) or "")
    assert encoder.encode(message, message.msg_seq_num, message[52]) == frame


@given(all_pairs)
def test_a_message_comes_back_from_its_frame(pairs: list[tuple[int, bytes]]) -> None:
    message = Message("D", pairs)
    frame = ENCODER.encode(message, 7, TIME)
    assert Framer().feed(frame) == [frame]
    back = Message.decode(frame)
    assert back.pairs()[5:] == message.pairs()[1:]
    assert ENCODER.encode(back, 7, TIME) == frame


@given(body_pairs)
def test_ready_bytes_and_fields_give_the_same_frame(pairs: list[tuple[int, bytes]]) -> None:
    message = Message("D", pairs)
    ready = Message.rendered("D", message.body())
    assert ENCODER.encode(ready, 7, TIME) == ENCODER.encode(message, 7, TIME)


def test_the_header_is_ascending_and_the_body_as_given() -> None:
    message = Message("D", [(55, "X"), (50, "sub"), (11, "id"), (1128, "9"), (115, "behalf")])
    assert encoded(message) == (
        f"8=FIXT.1.1|35=D|34=7|49=A|50=sub|52={TIME.decode()}|56=B|115=behalf|1128=9|55=X|11=id"
    )


def test_a_replay_is_marked_and_keeps_its_first_time() -> None:
    marked = encoded(Message("D", [(11, "id")]), poss_dup=True, orig_sending_time=b"earlier")
    assert marked == f"8=FIXT.1.1|35=D|34=7|43=Y|49=A|52={TIME.decode()}|56=B|122=earlier|11=id"
    extra = encoded(Message("D", [(11, "id"), (57, "x")]), poss_dup=True, orig_sending_time=b"earlier")
    assert extra == f"8=FIXT.1.1|35=D|34=7|43=Y|49=A|52={TIME.decode()}|56=B|57=x|122=earlier|11=id"


def test_what_the_session_owns_is_ignored_in_the_message_which_stays_as_it_is() -> None:
    message = Message.decode(wire("35=D|34=99|43=Y|49=X|52=old|56=Y|122=older|11=id"))
    before = list(message.fields)
    assert encoded(message) == f"8=FIXT.1.1|35=D|34=7|49=A|52={TIME.decode()}|56=B|11=id"
    assert message.fields == before


def test_hops_stay_together_in_the_header() -> None:
    hops: list[tuple[int, str | bytes]] = [
        (627, "2"),
        (628, "a"),
        (629, "t"),
        (628, "b"),
        (629, "u"),
        (90, "3"),
        (91, b"a\x01b"),
    ]
    assert "|56=B|90=3|91=a|b|627=2|628=a|629=t|628=b|629=u" in encoded(Message("D", hops))


def test_a_value_may_end_with_an_equals_sign() -> None:
    frame = ENCODER.encode(Message("A", [(95, "4"), (96, "abc=")]), 7, TIME)
    assert b"\x0196=abc=\x01" in frame


@pytest.mark.parametrize(
    "field", [b"58=a\x01b", b"58=", b"96=a\x01b", b"50=a\x01b", b"58=\x01", b"58=a\x0144=1"], ids=repr
)
@pytest.mark.parametrize("at", [1, 2])
def test_trusted_fields_can_not_smuggle_soh_or_nothing(field: bytes, at: int) -> None:
    fields = [b"35=D", b"11=id"]
    fields.insert(at, field)
    with pytest.raises(EncodeError, match=r"has no value|holds SOH"):
        ENCODER.encode(Message.of(fields), 7, TIME)


@pytest.mark.parametrize(
    "pairs",
    [
        [(95, "2"), (96, "abc")],
        [(95, "4"), (96, "abc")],
        [(95, "2"), (96, b"a\x01b")],
        [(95, "2"), (50, "sub"), (96, "abc")],  # the header field goes elsewhere, so the two meet
        [(91, "abc"), (90, "2")],  # the header is sorted, so these do as well
        [(212, "12"), (11, "id"), (213, "01")],
    ],
    ids=repr,
)
def test_raw_data_with_a_wrong_length_is_refused_before_a_peer_misreads_it(pairs: Any) -> None:
    with pytest.raises(EncodeError, match=r"is not as long as the length field before it says"):
        encoded(Message("D", pairs))


def test_raw_data_is_checked_in_a_message_that_was_changed() -> None:
    message = Message("D", [(11, "id")])
    message.append(95, "2")
    message.append(96, "abc")
    with pytest.raises(EncodeError, match=r"RawData\(96\) is not as long"):
        encoded(message)


def test_a_received_length_may_have_leading_zeros() -> None:
    assert b"\x0195=003\x0196=a\x01b\x01" in ENCODER.encode(
        Message("D", [(95, "003"), (96, b"a\x01b")]), 7, TIME
    )


def test_raw_data_without_a_length_is_sent_as_any_text() -> None:
    assert b"\x0196=abc\x01" in ENCODER.encode(Message("D", [(96, "abc")]), 7, TIME)


def test_a_logon_signature_may_hold_any_byte() -> None:
    signature = bytes(range(256))
    frame = ENCODER.encode(Message("A", [(95, 256), (96, signature), (108, 30)]), 1, TIME)
    assert Message.decode(frame)[96] == signature
    assert Message.decode(frame)[108] == b"30"


def test_an_encoder_needs_names() -> None:
    with pytest.raises(EncodeError, match="SenderCompID"):
        FrameEncoder("FIXT.1.1", "", "B")


def test_the_logon_of_the_reference_can_be_built() -> None:
    given = Message.decode(LOGON)
    built = Message("A", [pair for pair in given.pairs() if pair[0] not in tags.HEADER_TAGS])
    encoder = FrameEncoder("FIXT.1.1", given.text(49) or "", "KalshiNR")
    assert encoder.encode(built, 1, TIME) == LOGON
