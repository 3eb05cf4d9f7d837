"""Messages as people and programs read them: names, words, groups, faults, and no secret."""

from __future__ import annotations

import json

import pytest

from fixgw.errors import ConfigError
from fixgw.fix.dictionary import Dictionary, FieldDef, GroupDef, Member, MessageDef
from fixgw.fix.extract import Found, examine, garbled
from fixgw.fix.framing import seal
from fixgw.fix.pretty import Decoder, Template, View, as_object, block, escaped, line
from tests.fix.samples import LOGON, NEW_ORDER

SUB = GroupDef(802, (Member(523, True), Member(803, False)))
PARTIES = GroupDef(453, (Member(448, True), Member(447, False), Member(802, False, SUB)))
DICTIONARY = Dictionary(
    "test",
    {
        54: FieldDef(54, "Side", "CHAR", {"1": "BUY", "2": "SELL"}),
        18: FieldDef(18, "ExecInst", "MULTIPLECHARVALUE", {"6": "PARTICIPATE", "G": "ALL_OR_NONE"}),
        5555: FieldDef(5555, "DeskNote", "STRING", {}),
    },
    {
        "D": MessageDef("D", "NewOrderSingle", "app", (Member(11, True), Member(453, False, PARTIES))),
        "A": MessageDef("A", "Logon", "admin", ()),
    },
    header=(Member(627, False, GroupDef(627, (Member(628, True), Member(629, False)))),),
)
DECODER = Decoder(DICTIONARY)
HEAD = "35=D|34=2|49=DESK|52=20261009-14:30:01.000|56=VENUE|"
NESTED = (
    f"{HEAD}11=c1|453=2|448=alice|447=D|802=2|523=x|803=1|523=y|448=bob|54=1|18=6 G|5555=hi|5556=what|58=end|"
)


def view(text: str, time: str = "", direction: str = "") -> View:
    return DECODER.view(
        examine(seal(b"FIXT.1.1", text.encode().replace(b"|", b"\x01")), b"log: "), time, direction
    )


def test_one_line_tells_what_a_person_looks_for() -> None:
    assert line(view(NESTED)) == (
        "20261009-14:30:01.000 DESK>VENUE 2 NewOrderSingle ClOrdID=c1 Side=BUY Text=end"
    )


def test_time_and_direction_of_the_record_come_first() -> None:
    shown = line(view(HEAD, "20261009-14:30:01.000002", "out"))
    assert shown == "20261009-14:30:01.000002 out DESK>VENUE 2 NewOrderSingle"
    assert line(view("35=D|49=A|56=B|34=1|")) == "A>B 1 NewOrderSingle"


def test_a_possible_duplicate_is_marked() -> None:
    assert "DESK>VENUE 2d NewOrderSingle" in line(view(HEAD + "43=Y|"))


def test_a_message_without_key_fields_shows_its_first_fields() -> None:
    shown = line(view("35=zz|49=A|56=B|34=1|9001=a|9002=b|9003=c|9004=d|9005=e|9006=f|9007=g|"))
    assert shown == "A>B 1 zz 9001=a 9002=b 9003=c 9004=d 9005=e 9006=f"


def test_one_field_a_line_with_groups_indented() -> None:
    rows = block(view(NESTED)).splitlines()
    begin = next(at for at, row in enumerate(rows) if "NoPartyIDs" in row)
    assert rows[begin : begin + 14] == [
        "    453 NoPartyIDs    2",
        "        [1]",
        "          448 PartyID        alice",
        "          447 PartyIDSource  D",
        "          802 NoPartySubIDs  2",
        "              [1]",
        "                523 PartySubID      x",
        "                803 PartySubIDType  1",
        "              [2]",
        "                523 PartySubID  y",
        "        [2]",
        "          448 PartyID  bob",
        "     54 Side          1  BUY",
        "     18 ExecInst      6 G  PARTICIPATE ALL_OR_NONE",
    ]
    assert rows[begin + 14 :][:2] == ["   5555 DeskNote      hi", "   5556 5556          what"]


def test_an_object_has_names_as_keys_and_groups_as_lists() -> None:
    made = as_object(view(NESTED, "now", "in"))
    assert made["NoPartyIDs"] == [
        {
            "PartyID": "alice",
            "PartyIDSource": "D",
            "NoPartySubIDs": [{"PartySubID": "x", "PartySubIDType": "1"}, {"PartySubID": "y"}],
        },
        {"PartyID": "bob"},
    ]
    about = {key: made[key] for key in made if key.islower()}
    assert about == {"time": "now", "direction": "in", "message": "NewOrderSingle", "prefix": "log:"}
    assert (made["MsgSeqNum"], made["Side"], made["5556"]) == ("2", "1", "what")


def test_a_field_that_is_there_more_than_once_becomes_a_list() -> None:
    assert as_object(view(HEAD + "58=a|58=b|58=c|"))["Text"] == ["a", "b", "c"]


def test_a_group_of_the_header_is_known_in_every_message() -> None:
    made = as_object(view("35=zz|34=1|627=2|628=a|629=b|628=c|9=x|"))
    assert made["NoHops"] == [{"HopCompID": "a", "HopSendingTime": "b"}, {"HopCompID": "c"}]


@pytest.mark.parametrize(
    ("entries", "counted"), [("448=a|", 1), ("", 0), ("447=D|448=a|", 0), ("448=a|448=b|448=c|", 3)]
)
def test_a_count_that_is_not_so_is_a_fault(entries: str, counted: int) -> None:
    shown = view(f"{HEAD}453=2|{entries}58=end|")
    assert shown.faults == (f"NoPartyIDs(453) is 2, counted {counted}",)
    assert shown.value(58) == "end"
    assert line(shown).endswith(f"! NoPartyIDs(453) is 2, counted {counted}")


def test_secrets_are_three_stars() -> None:
    shown = DECODER.view(examine(LOGON))
    assert shown.value(96) == "***"
    assert shown.faults == ()
    texts = (line(shown), block(shown), json.dumps(as_object(shown)), Template("{96}", DECODER).render(shown))
    assert [text for text in texts if "VNUnxjlS" in text] == []


def test_raw_data_with_separators_in_it_stays_one_field() -> None:
    frame = seal(b"FIX.4.4", b"35=D\x01354=3\x01355=a\x01b\x0158=end\x01")
    shown = DECODER.view(examine(frame))
    assert (shown.value(355), shown.value(58)) == ("a\x01b", "end")
    assert "a\\x01b" in block(shown)


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (garbled(b"8=FIX\x07" + b"x" * 300, "no message"), "no message"),
        (
            examine(b"8=FIX.4.4\x019=5\x01hm=\x07\x0110=000\x01"),
            "Invalid tag number",
        ),
        (
            Found(b"8=FIX.4.4\x01354=9\x01355=x\x0110=000\x01"),
            "Incorrect data format for value, EncodedText(355)",
        ),
    ],
)
def test_garbled_text_is_shown_escaped_and_cut(found: Found, fault: str) -> None:
    shown = DECODER.view(found, "now", "in")
    assert shown.garbled
    assert any(one.startswith(fault) for one in shown.faults)
    assert line(shown).startswith("now in  garbled: 8=FIX")
    assert len(line(shown)) < 400
    assert "\x07" not in line(shown) + block(shown) + json.dumps(as_object(shown))
    assert as_object(shown)["garbled"].startswith("8=FIX")


def test_nothing_reaches_a_terminal_that_it_would_act_on() -> None:
    shown = view(HEAD + "58=\x1b[2J\u202eabc\x7f\xe4|11=\u2028|")
    assert line(shown).endswith("ClOrdID=\\x2028 Text=\\x1b[2J\\x202eabc\\x7f\xe4")
    assert escaped("a\x9bb\ud800") == "a\\x9bb\\xd800"


def test_bytes_that_are_no_text_are_escaped() -> None:
    assert DECODER.view(examine(seal(b"FIX.4.4", b"35=D\x0158=\xff\xfe\x01"))).value(58) == "\\xff\\xfe"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{MsgSeqNum} {ClOrdID} {35}", "2 c1 D"),
        ("{54} {54:word} {Side:word} {11:word}", "1 BUY BUY c1"),
        ("{PartyID}\\t{PartySubID}\\n", "alice,bob\tx,y\n"),
        ("{DeskNote}{Text}{9999}{{}}", "hiend{}"),
        ("{time}|{direction}|{message}|{prefix}", "20261009-14:30:01.000||NewOrderSingle|log:"),
        ("no field", "no field"),
    ],
)
def test_a_template_takes_names_tags_and_words(template: str, expected: str) -> None:
    assert Template(template, DECODER).render(view(NESTED)) == expected


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("{ClOrdId}", "no field is named 'ClOrdId'"),
        ("{}", "no field is named ''"),
        ("{1234567890}", "no field is named '1234567890'"),
        ("{ClOrdID:>9}", "a field is shown as it is or as its word, not as '>9'"),
        ("{ClOrdID", "the template can not be read: expected '}' before end of string"),
    ],
)
def test_a_template_that_can_not_work_is_refused(template: str, what: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Template(template, DECODER)
    assert refused.value.what == what
    assert refused.value.remedy


def test_a_value_that_no_word_is_known_for_has_none() -> None:
    assert (DECODER.word(54, "9"), DECODER.word(58, "1"), DECODER.word(18, "6 Z")) == (
        "",
        "",
        "PARTICIPATE Z",
    )


def test_a_sample_of_a_venue_decodes() -> None:
    assert line(DECODER.view(examine(NEW_ORDER))) == (
        "20261009-14:30:01.000 00000000-0000-4000-8000-000000000001>KalshiNR 2 NewOrderSingle "
        "ClOrdID=550e8400-e29b-41d4-a716-446655440000 Side=BUY OrderQty=10 Symbol=HIGHNY-26DEC31 OrdType=2 "
        "Price=0.7500 TimeInForce=1"
    )
