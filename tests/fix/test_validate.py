"""Received messages against dictionaries: what passes, and which fault is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.errors import ConfigError, Reject
from fixgw.fix.dictionary import Dictionary, FieldDef, GroupDef, Member, MessageDef
from fixgw.fix.message import Message
from fixgw.fix.reasons import REASONS
from fixgw.fix.validate import Rules, Validator
from tests.wire import wire


def _fields(*lines: str) -> dict[int, FieldDef]:
    """Make fields of lines such as ``54 Side CHAR 1 2``."""
    fields = {}
    for line in lines:
        tag, name, kind, *values = line.split()
        fields[int(tag)] = FieldDef(int(tag), name, kind, {value: f"V{value}" for value in values})
    return fields


def _members(required: str, optional: str = "", *groups: Member) -> tuple[Member, ...]:
    """Make members of tags, with groups behind them."""
    plain = [Member(int(tag), True) for tag in required.split()]
    plain += [Member(int(tag), False) for tag in optional.split()]
    return (*plain, *groups)


HOPS = Member(627, False, GroupDef(627, _members("", "628 630")))
FIXT = Dictionary(
    "FIXT.1.1",
    _fields(
        *("8 BeginString STRING", "9 BodyLength LENGTH", "10 CheckSum STRING", "35 MsgType STRING 0 A"),
        *("34 MsgSeqNum SEQNUM", "49 SenderCompID STRING", "52 SendingTime UTCTIMESTAMP"),
        *("56 TargetCompID STRING", "58 Text STRING", "89 Signature DATA", "93 SignatureLength LENGTH"),
        *("95 RawDataLength LENGTH", "96 RawData DATA", "112 TestReqID STRING", "627 NoHops NUMINGROUP"),
        *("628 HopCompID STRING", "630 HopRefID SEQNUM", "1128 ApplVerID STRING 7 8 9"),
    ),
    {
        "0": MessageDef("0", "Heartbeat", "admin", _members("", "112")),
        "A": MessageDef("A", "Logon", "admin", _members("", "95 96 58")),
    },
    _members("8 9 35 49 56 34 52", "1128", HOPS),
    _members("10", "93 89"),
)
SUBS = Member(802, False, GroupDef(802, _members("523", "803")))
PARTIES = Member(453, False, GroupDef(453, _members("448", "447 58", SUBS, Member(452, True))))
MISC = Member(136, False, GroupDef(136, _members("", "137 138")))
SP2 = Dictionary(
    "FIX.5.0SP2",
    _fields(
        *("11 ClOrdID STRING", "18 ExecInst MULTIPLECHARVALUE 1 2 G", "38 OrderQty QTY", "54 Side CHAR 1 2"),
        *("55 Symbol STRING", "58 Text STRING", "60 TransactTime UTCTIMESTAMP", "44 Price PRICE"),
        *(
            "277 TradeCondition MULTIPLESTRINGVALUE A AB C",
            "447 PartyIDSource CHAR B D",
            "448 PartyID STRING",
        ),
        *("452 PartyRole INT 1 24", "453 NoPartyIDs NUMINGROUP", "523 PartySubID STRING"),
        *("803 PartySubIDType INT", "802 NoPartySubIDs INT", "999 LegUnitOfMeasure STRING"),
        *("136 NoMiscFees NUMINGROUP", "137 MiscFeeAmt AMT", "138 MiscFeeCurr CURRENCY"),
        *("7000 Flag BOOLEAN", "1057 AggressorIndicator BOOLEAN"),
    ),
    {
        "D": MessageDef("D", "Order", "app", _members("11 54 60", "38 55 44 18 277 58 7000", PARTIES, MISC)),
    },
)
FIX50 = Dictionary(
    "FIX.5.0", _fields("11 ClOrdID INT"), {"D": MessageDef("D", "Order", "app", _members("11"))}
)
STRICT = Validator(FIXT, {"9": SP2, "7": FIX50}, "9")
LENIENT = Validator(FIXT, {"9": SP2}, "9", Rules.LENIENT)

HEAD = "34=2|49=A|52=20261009-14:30:00.000|56=B"
HEARTBEAT = f"35=0|{HEAD}"
BODY = "11=id|54=1|60=20261009-14:30:00"
ORDER = f"35=D|{HEAD}|{BODY}"
PARTY = "448=a|447=D|452=1"


def _message(text: str) -> Message:
    """Decode what stands between BodyLength and CheckSum."""
    return Message.decode(wire(f"8=FIXT.1.1|9=1|{text}|10=000|"))


def _fault(text: str, validator: Validator = STRICT) -> tuple[int, int | None] | None:
    """Return reason and tag of the Reject, None if there is none; its text is always that of the reason."""
    try:
        validator.check(_message(text))
    except Reject as reject:
        fault = reject
    else:
        return None
    assert (fault.text, fault.business) == (REASONS[fault.reason], False)
    return fault.reason, fault.ref_tag


@pytest.mark.parametrize(
    "text",
    [
        HEARTBEAT,
        f"{HEARTBEAT}|112=x",
        f"35=A|{HEAD}|95=5|96=a\x01b=c",
        ORDER,
        f"{ORDER}|58=late|55=X|18=1 G 2|277=AB A|38=1.5",
        f"35=D|52=20261009-14:30:00.000|56=B|34=2|1128=9|49=A|{BODY}|93=3|89=a\x01b",
        f"35=D|{HEAD}|627=2|628=x|630=3|628=y|{BODY}",
        f"{ORDER}|453=0|58=x",
        f"{ORDER}|453=1|{PARTY}|55=X",
        f"{ORDER}|453=2|448=a|58=in|452=1|448=b|802=2|523=s|803=4|523=t|452=24|136=1|137=1|138=USD",
        f"{ORDER}|453=2|448=a|802=1|523=s|452=1|448=b|452=24|136=2|137=1|137=2|138=USD|55=X",
        f"35=D|{HEAD}|11=id|453=1|448=a|452=1|58=text of the order|54=1|60=20261009-14:30:00",
        f"35=D|{HEAD}|1128=7|11=5",
    ],
)
def test_valid_messages_pass(text: str) -> None:
    assert _fault(text) is None


FAULTS = [
    # position of header, body and trailer
    (f"35=D|11=id|{HEAD}|54=1|60=20261009-14:30:00", 14, 34),
    (f"35=0|{HEAD}|112=x|1128=9", 14, 1128),
    (f"35=0|{HEAD}|112=x|628=x", 14, 628),
    (f"35=D|{HEAD}|93=1|89=x|{BODY}", 14, 11),
    (f"{ORDER}|93=1|89=x|34=2", 14, 34),
    # version and type
    (f"35=*|{HEAD}", 11, None),
    (f"35=D|{HEAD}|1128=8|{BODY}", 18, 1128),
    (f"35=D|{HEAD}|1128=|{BODY}", 4, 1128),
    # required
    ("35=0|34=2|49=A|52=20261009-14:30:00.000", 1, 56),
    (f"35=D|{HEAD}|11=id", 1, 54),
    (f"{ORDER}|453=1|448=a|447=D", 1, 452),
    (f"{ORDER}|453=2|448=a|448=b|452=1", 1, 452),
    (f"{ORDER}|453=1|448=a|802=1|803=4|452=1", 15, 803),
    # repeated
    (f"{ORDER}|54=2", 13, 54),
    (f"35=D|{HEAD}|34=3|{BODY}", 13, 34),
    (f"35=0|9=1|{HEAD}", 13, 9),
    (f"{ORDER}|453=1|448=a|447=D|447=D|452=1", 13, 447),
    (f"{ORDER}|453=1|{PARTY}|453=1|{PARTY}", 13, 453),
    # without a value, format, enumeration
    (f"{HEARTBEAT}|112=", 4, 112),
    (f"{HEARTBEAT}|999=", 4, 999),
    (f"{ORDER}|453=1|448=|452=1", 4, 448),
    (f"{ORDER}|38=+200.00", 6, 38),
    (f"{ORDER}|18=12", 6, 18),
    (f"{ORDER}|453=x", 6, 453),
    (f"{ORDER}|453=1|448=a|447=DD|452=1", 6, 447),
    (f"{ORDER}|453=1|448=a|802=-1|452=1", 5, 802),
    (f"35=D|{HEAD}|11=id|54=3|60=20261009-14:30:00", 5, 54),
    (f"{ORDER}|18=1 3", 5, 18),
    (f"{ORDER}|277=B", 5, 277),
    (f"{ORDER}|453=1|448=a|447=D|452=2", 5, 452),
    # not known, not in this message
    (f"{HEARTBEAT}|999=HI", 0, 999),
    (f"{HEARTBEAT}|5000=HI", 0, 5000),
    (f"{ORDER}|1001=HI", 0, 1001),
    (f"{ORDER}|453=2|448=a|1001=x|452=1|448=b|452=1", 0, 1001),
    (f"{HEARTBEAT}|58=Text", 2, 58),
    (f"{ORDER}|999=HI", 2, 999),
    (f"{ORDER}|448=a", 2, 448),
    (f"{ORDER}|1057=x", 6, 1057),
    # groups
    (f"{ORDER}|453=1|447=D|448=a|452=1", 15, 447),
    (f"{ORDER}|453=1|448=a|452=1|447=D", 15, 447),
    (f"{ORDER}|453=0|{PARTY}", 16, 453),
    (f"{ORDER}|453=3|{PARTY}|{PARTY}|55=X", 16, 453),
    (f"{ORDER}|453=1|{PARTY}|{PARTY}", 16, 453),
    (f"{ORDER}|453=1", 16, 453),
    (f"{ORDER}|453=1|448=a|802=2|523=s|452=1", 16, 802),
    (f"35=D|{HEAD}|627=2|628=x|{BODY}", 16, 627),
]


@pytest.mark.parametrize(("text", "reason", "tag"), FAULTS)
def test_a_fault_is_told_with_its_reason_and_tag(text: str, reason: int, tag: int | None) -> None:
    assert _fault(text) == (reason, tag)


@pytest.mark.parametrize(
    ("text", "reason", "tag"),
    [
        (f"35=*|112=x|{HEAD}", 14, 34),
        ("35=*|34=2", 11, None),
        (f"35=D|{HEAD}|38=x|9999=y", 1, 11),
        (f"{ORDER}|999=|54=2", 4, 999),
        (f"{ORDER}|54=", 13, 54),
        (f"{ORDER}|38=x|1001=y", 6, 38),
        (f"{ORDER}|1001=y|38=x", 0, 1001),
    ],
)
def test_of_two_faults_the_first_in_order_is_told(text: str, reason: int, tag: int | None) -> None:
    assert _fault(text) == (reason, tag)


def test_what_is_required_beside_a_group_has_to_stand_there() -> None:
    fields = SP2.fields
    message = MessageDef("D", "Order", "app", (PARTIES, Member(448, True)))
    validator = Validator(FIXT, {"9": Dictionary("v", fields, {"D": message})}, "9")
    assert _fault(f"35=D|{HEAD}|453=1|{PARTY}|448=a", validator) is None
    assert _fault(f"35=D|{HEAD}|453=1|{PARTY}", validator) == (1, 448)


def test_values_beside_an_open_enumeration_pass() -> None:
    fields = {**SP2.fields, 54: FieldDef(54, "Side", "CHAR", {"1": "BUY"}, other_values=True)}
    validator = Validator(FIXT, {"9": Dictionary("v", fields, SP2.messages)}, "9")
    assert _fault(f"35=D|{HEAD}|11=id|54=Z|60=20261009-14:30:00", validator) is None
    assert _fault(f"35=D|{HEAD}|11=id|54=ZZ|60=20261009-14:30:00", validator) == (6, 54)


TOLERATED = [
    (Rules(unknown_tags=True), f"{ORDER}|1001=x|1001=y|999=z|448=a"),
    (Rules(unknown_tags=True), f"{ORDER}|453=2|448=a|1001=x|452=1|448=b|1001=x|452=1|55=X"),
    (Rules(user_defined_tags=True), f"{ORDER}|9999=x|9999=y"),
    (Rules(user_defined_tags=True), f"{HEARTBEAT}|9999=x"),
    (Rules(unknown_values=True), f"{ORDER}|18=7|277=Z|453=1|448=a|447=Z|452=9"),
    (Rules(field_order=True), f"35=D|{BODY}|93=1|89=x|{HEAD}"),
    (Rules(field_order=True), f"{ORDER}|453=2|447=D|448=a|452=1|447=D|452=1|448=b"),
    (Rules(empty_values=True), f"{ORDER}|38=|58="),
    (Rules(empty_values=True), f"{ORDER}|453=|18="),
    (Rules(empty_values=True, unknown_tags=True), f"{ORDER}|1001=|999="),
]


@pytest.mark.parametrize(("rules", "text"), TOLERATED)
def test_each_rule_tolerates_what_it_names(rules: Rules, text: str) -> None:
    assert _fault(text) is not None
    assert _fault(text, Validator(FIXT, {"9": SP2}, "9", rules)) is None


@pytest.mark.parametrize(
    ("rules", "text", "reason", "tag"),
    [
        (Rules(unknown_tags=True), f"{ORDER}|9999=x", 0, 9999),
        (Rules(unknown_tags=True), f"{ORDER}|1057=x", 6, 1057),
        (Rules(unknown_tags=True), f"{ORDER}|1001=", 4, 1001),
        (Rules(user_defined_tags=True), f"{ORDER}|1001=x", 0, 1001),
        (Rules(user_defined_tags=True), f"{ORDER}|7000=x", 6, 7000),
        (Rules(unknown_values=True), f"35=D|{HEAD}|11=id|54=12|60=20261009-14:30:00", 6, 54),
        (Rules(field_order=True), f"{ORDER}|9=1", 13, 9),
        (Rules(field_order=True), f"{ORDER}|453=1|55=X", 16, 453),
        (Rules(field_order=True), f"{ORDER}|453=1|447=D|448=a|452=1|448=b|452=1", 13, 448),
        (Rules(empty_values=True), f"{ORDER}|1001=", 0, 1001),
        (Rules(empty_values=True), f"{ORDER}|453=|{PARTY}", 16, 453),
        (Rules.LENIENT, f"35=*|{HEAD}", 11, None),
        (Rules.LENIENT, f"35=D|{HEAD}|11=id", 1, 54),
        (Rules.LENIENT, f"{ORDER}|11=id", 13, 11),
    ],
)
def test_no_rule_tolerates_more(rules: Rules, text: str, reason: int, tag: int | None) -> None:
    assert _fault(text, Validator(FIXT, {"9": SP2}, "9", rules)) == (reason, tag)


def test_up_to_fix_4_4_one_dictionary_has_everything() -> None:
    fix44 = FIXT.merged(SP2)
    validator = Validator(fix44, {}, None)
    assert _fault(f"{ORDER}|453=1|{PARTY}", validator) is None
    assert _fault(HEARTBEAT, validator) is None
    assert _fault(f"35=E|{HEAD}", validator) == (11, None)


def test_without_a_default_a_message_has_to_name_its_version() -> None:
    validator = Validator(FIXT, {"9": SP2}, None)
    assert _fault(ORDER, validator) == (11, None)
    assert _fault(f"35=D|{HEAD}|1128=9|{BODY}", validator) is None


A = _fields("1 Account STRING")
ORDER_OF_TAG_2 = {"D": MessageDef("D", "Order", "app", (Member(2, False),))}


@pytest.mark.parametrize(
    ("transport", "applications", "default", "fault"),
    [
        (SP2, {}, None, "the dictionary FIX.5.0SP2 is no transport"),
        (FIXT, {"9": SP2}, "8", "no dictionary is given for DefaultApplVerID 8"),
        (FIXT, {}, "8", "there are: none"),
        (FIXT, {"9": Dictionary("v", A, ORDER_OF_TAG_2)}, "9", "the tag 2 has no field"),
        (FIXT, {"9": Dictionary("v", _fields("1 A MONEY"), {})}, "9", "the type MONEY of A is not known"),
    ],
)
def test_dictionaries_that_do_not_go_together_are_refused(
    transport: Dictionary, applications: dict[str, Dictionary], default: str | None, fault: str
) -> None:
    with pytest.raises(ConfigError, match=fault):
        Validator(transport, applications, default)


PARTS = st.sampled_from(
    f"{ORDER}|{PARTY}|453=1|453=2|802=1|523=s|803=1|136=1|137=1|58=x|58=|999=x|7000=Y|7000=x|9999=x|93=1|89=x"
    "|627=1|628=x|38=+1".split("|")
)


@given(st.sampled_from(["35=D", "35=0", "35=*"]), st.lists(PARTS, max_size=25))
def test_any_message_passes_or_is_rejected_and_what_is_strictly_valid_is_valid(
    msg_type: str, parts: list[str]
) -> None:
    text = "|".join([msg_type, *parts])
    if _fault(text) is None:
        assert _fault(text, LENIENT) is None
    _fault(text, LENIENT)


VALUES = {"UTCTIMESTAMP": ["20261009-14:30:00"], "CURRENCY": ["USD"], "BOOLEAN": ["Y", "N"]}


@st.composite
def _valid(draw: st.DrawFn, members: tuple[Member, ...], delimiter: int = 0) -> list[str]:
    """Draw the fields of a valid body or entry, in order, each group as one."""
    parts = []
    for member in members:
        if not (member.required or member.tag == delimiter or draw(st.booleans())):
            continue
        field = SP2.fields[member.tag]
        if member.group is None:
            value = draw(st.sampled_from(sorted(field.values) or VALUES.get(field.type, ["1"])))
            parts.append(f"{member.tag}={value}")
            continue
        inner = member.group.members
        entries = draw(st.lists(_valid(inner, inner[0].tag), max_size=3))
        parts.append(
            "|".join([f"{member.tag}={len(entries)}", *(part for entry in entries for part in entry)])
        )
    return parts


@given(_valid(SP2.messages["D"].members).flatmap(st.permutations))
def test_what_follows_the_dictionary_passes_in_any_order(parts: list[str]) -> None:
    assert _fault("|".join([f"35=D|{HEAD}", *parts])) is None


@given(_valid(SP2.messages["D"].members), st.data())
def test_a_body_without_a_required_field_is_always_told_so(parts: list[str], data: st.DataObject) -> None:
    tag = data.draw(st.sampled_from([11, 54, 60]))
    left = [part for part in parts if not part.startswith(f"{tag}=")]
    assert _fault("|".join([f"35=D|{HEAD}", *left])) == (1, tag)


@given(_valid(SP2.messages["D"].members), st.data())
def test_a_repeated_field_is_always_told_so(parts: list[str], data: st.DataObject) -> None:
    again = data.draw(st.sampled_from([part for part in parts if part.startswith(("11=", "54=", "60="))]))
    assert _fault("|".join([f"35=D|{HEAD}", *parts, again])) == (13, int(again[:2]))
