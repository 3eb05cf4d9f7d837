"""Dictionaries in the XML format of QuickFIX."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixgw.errors import ConfigError
from fixgw.fix.dictionary import Dictionary, FieldDef, GroupDef, Member, MessageDef
from fixgw.fix.formats import FORMATS
from fixgw.fix.quickfix_xml import read, write

SMALL = """<?xml version='1.0' encoding='UTF-8'?>
<fix type='FIX' major='4' minor='4' servicepack='0'>
 <!-- a whole version in one file -->
 <header>
  <field name='BeginString' required='Y'/>
  <component name='Hops' required='N'/>
 </header>
 <messages>
  <message name='Logout' msgtype='5' msgcat='admin'/>
  <message name='NewOrderSingle' msgtype='D' msgcat='app'>
   <field name='ClOrdID' required='Y'/>
   <component name='Instrument' required='Y'/>
   <component name='Parties' required='N'/>
   <field name='Side' required='y'/>
  </message>
 </messages>
 <trailer><field name='CheckSum' required='Y'/></trailer>
 <components>
  <component name='Instrument'><field name='Symbol' required='Y'/>
   <field name='SecurityID' required='N'/></component>
  <component name='Parties'>
   <group name='NoPartyIDs' required='Y'>
    <field name='PartyID' required='Y'/>
    <component name='SubIDs' required='N'/>
   </group>
   <component name='Instrument2' required='Y'/>
  </component>
  <component name='Instrument2'><field name='Text' required='Y'/></component>
  <component name='SubIDs'>
   <group name='NoPartySubIDs' required='Y'><field name='PartySubID' required='N'/></group>
  </component>
  <component name='Hops'>
   <group name='NoHops' required='Y'><field name='HopCompID' required='N'/></group>
  </component>
 </components>
 <fields>
  <field number='8' name='BeginString' type='STRING'/>
  <field number='10' name='CheckSum' type='STRING'/>
  <field number='11' name='ClOrdID' type='string'/>
  <field number='48' name='SecurityID' type='STRING'/>
  <field number='54' name='Side' type='CHAR'>
   <value enum='1' description='BUY'/>
   <value enum='2' description='SELL &amp; &lt;&#10;more'/>
   <value enum='3'/>
  </field>
  <field number='55' name='Symbol' type='STRING'/>
  <field number='58' name='Text' type='STRING' allowOtherValues='true'>
   <value enum='a' description='A'/>
  </field>
  <field number='448' name='PartyID' type='STRING'/>
  <field number='453' name='NoPartyIDs' type='NUMINGROUP'/>
  <field number='523' name='PartySubID' type='STRING'/>
  <field number='627' name='NoHops' type='INT'/>
  <field number='628' name='HopCompID' type='STRING'/>
  <field number='802' name='NoPartySubIDs' type='NUMINGROUP'/>
 </fields>
</fix>
"""
FIX44 = read(SMALL.encode(), "FIX44.xml")


def test_a_file_gives_version_fields_messages_header_and_trailer() -> None:
    assert FIX44.version == "FIX.4.4"
    assert FIX44.fields[11] == FieldDef(11, "ClOrdID", "STRING", {})
    assert FIX44.fields[54] == FieldDef(54, "Side", "CHAR", {"1": "BUY", "2": "SELL & <\nmore", "3": ""})
    assert FIX44.fields[58] == FieldDef(58, "Text", "STRING", {"a": "A"}, other_values=True)
    assert FIX44.messages["5"] == MessageDef("5", "Logout", "admin", ())
    hops = GroupDef(627, (Member(628, False),))
    assert FIX44.header == (Member(8, True), Member(627, False, hops))
    assert FIX44.trailer == (Member(10, True),)


def test_components_are_taken_apart_and_nothing_is_required_in_an_optional_one() -> None:
    subs = GroupDef(802, (Member(523, False),))
    parties = GroupDef(453, (Member(448, True), Member(802, False, subs)))
    assert FIX44.messages["D"].members == (
        Member(11, True),
        Member(55, True),
        Member(48, False),
        Member(453, False, parties),
        Member(58, False),
        Member(54, True),
    )


def test_one_component_may_be_required_here_and_optional_there() -> None:
    text = SMALL.replace("<message name='Logout'", "<message name='Test' msgtype='1' msgcat='admin'>"
        "<component name='Parties' required='Y'/></message><message name='Logout'")  # fmt: skip
    members = read(text.encode()).messages["1"].members
    assert members == (Member(453, True, FIX44.messages["D"].members[3].group), Member(58, True))


@pytest.mark.parametrize(
    ("attributes", "version"),
    [
        ("type='FIXT' major='1' minor='1' servicepack='0'", "FIXT.1.1"),
        ("type='FIX' major='5' minor='0' servicepack='2'", "FIX.5.0SP2"),
        ("type='FIX' major='4' minor='2'", "FIX.4.2"),
        ("type='FIX' major='4' minor='2' servicepack=''", "FIX.4.2"),
        ("type='FIX' major='Latest' minor='0' servicepack='0' extensionpack='269'", "FIX.Latest"),
        ("type='FIX' major='5' minor='0' version='kalshi'", "kalshi"),
    ],
)
def test_the_version_stands_in_the_outermost_element(attributes: str, version: str) -> None:
    assert read(f"<fix {attributes}/>".encode()) == Dictionary(version, {}, {})


def _swap(old: str, new: str, at: str = "") -> tuple[bytes, int]:
    """Return the small file with a fault in it, and the line of the fault: that of ``at`` or of ``new``."""
    assert SMALL.count(old) == 1
    text = SMALL.replace(old, new)
    return text.encode(), text[: text.rindex(at or new)].count("\n") + 1


PARTY = "<field name='PartyID' required='Y'/>"
FAULTS = [
    ((b"", 1), "this is no XML: no element found"),
    ((b"<fix>\n<fix", 2), "this is no XML: unclosed token"),
    ((b"<?xml version='1.0' encoding='klingon'?><fix/>", 1), "the encoding of the file is not known"),
    ((b"<?xml version='1.0' encoding='shift_jis'?><fix/>", 1), "the encoding of the file is not known"),
    ((b"<!DOCTYPE fix>\n<fix/>", 1), "a DOCTYPE, and with it entities, is not allowed"),
    ((b"<orchestra/>", 1), "<orchestra> is not known as the outermost element"),
    (_swap("<!-- a whole version in one file -->", "<message/>"), "<message> is not known in <fix>"),
    (_swap("<value enum='3'/>", "<value enum='3'><value/></value>"), "<value> is not known in <value>"),
    ((b"<fix major='4' minor='4'/>", 1), "<fix> has no type"),
    ((b"<fix type='FAST' major='4' minor='4'/>", 1), "type='FAST' is not known in <fix>"),
    ((b"<fix type='FIX' major='4'/>", 1), "<fix> has no minor"),
    ((b"<fix type='FIX' major='4' minor='x'/>", 1), "FIX.4.x is no version of FIX"),
    (_swap("<trailer>", "<header/><trailer>"), "<header> is defined twice"),
    (_swap("'NewOrderSingle' msgtype='D'", "'Logout' msgtype='D'"), "the message Logout is defined twice"),
    (_swap("msgtype='D'", "msgtype='5'"), "the msgtype 5 is defined twice"),
    (_swap("msgcat='app'", "msgcat='other'"), "msgcat='other' is not known in <message>"),
    (_swap("number='55'", "number='54'"), "the tag 54 is defined twice"),
    (_swap("'48' name='SecurityID'", "'48' name='ClOrdID'"), "the field ClOrdID is defined twice"),
    (_swap("enum='3'", "enum='2'"), "the value 2 is defined twice"),
    (_swap("number='55'", "number='0'"), "number='0' is no tag"),
    (_swap("number='55'", "number='x'"), "number='x' is no tag"),
    (_swap("number='55'", "number='9999999999'"), "number='9999999999' is no tag"),
    (_swap("type='CHAR'", "type='LETTER'"), "the type LETTER is not known"),
    (_swap("<component name='SubIDs'>", "<component name='Hops'>"), "the component Hops is defined twice"),
    (_swap(PARTY, "<field name='Who' required='Y'/>"), "the field Who is not known"),
    (_swap(PARTY, "<field name='PartyID'/>"), "<field> has no required"),
    (_swap("<component name='SubIDs' r", "<component name='Who' r"), "the component Who is not known"),
    (
        _swap("name='Instrument2' r", "name='Instrument' r", "<component name='Parties' r"),
        "the tag 55 stands twice in <message> NewOrderSingle",
    ),
    (
        _swap("<field name='Text' r", "<component name='Parties' r"),
        "a component holds itself: component Parties in component Instrument2 in component Parties",
    ),
    (
        _swap("name='NoHops' type='INT'", "name='NoHops' type='CHAR'", "<group name='NoHops'"),
        "the group NoHops has no count",
    ),
    (
        _swap("<field name='PartySubID' required='N'/>", "", "<group name='NoPartySubIDs'"),
        "the group NoPartySubIDs is empty",
    ),
]


@pytest.mark.parametrize(("file", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_a_fault_is_told_with_file_line_and_remedy(file: tuple[bytes, int], fault: str) -> None:
    text, line = file
    with pytest.raises(ConfigError) as caught:
        read(text, "var/FIX44.xml")
    assert caught.value.what.startswith(fault)
    assert caught.value.where == f"var/FIX44.xml:{line}"
    assert caught.value.remedy


def test_without_a_file_name_the_line_is_told() -> None:
    with pytest.raises(ConfigError, match="line:1"):
        read(b"")


def test_a_file_that_is_too_large_is_not_read() -> None:
    with pytest.raises(ConfigError, match="more than 10 bytes"):
        read(b"<fix type='FIX' major='4' minor='4'/>", max_bytes=10)


def test_elements_that_are_too_deep_are_refused() -> None:
    text = "<fix><header>" + "<group name='NoHops' required='N'>" * 40
    with pytest.raises(ConfigError, match="elements are more than 32 deep"):
        read(text.encode())


def test_components_that_are_too_deep_are_refused() -> None:
    inner = "".join(
        f"<component name='C{at}'><component name='C{at + 1}' required='Y'/></component>" for at in range(40)
    )
    header = "<header><component name='C0' required='Y'/></header>"
    text = f"<fix type='FIX' major='4' minor='4'>{header}<components>{inner}</components></fix>"
    with pytest.raises(ConfigError, match="component C32 is more than 32 deep"):
        read(text.encode())


def test_a_file_of_endless_elements_is_refused() -> None:
    text = b"<fix><fields>" + b"<field/>" * 150_001
    with pytest.raises(ConfigError, match="there are more than 150000 elements"):
        read(text)


def test_components_that_multiply_are_refused() -> None:
    fields = "".join(f"<field number='{tag}' name='F{tag}' type='INT'/>" for tag in range(1, 1101))
    many = "".join(f"<field name='F{tag}' required='N'/>" for tag in range(1, 1101))
    messages = "".join(
        f"<message name='M{at}' msgtype='U{at}' msgcat='app'><component name='Many' required='N'/></message>"
        for at in range(1000)
    )
    text = (
        f"<fix><messages>{messages}</messages><fields>{fields}</fields>"
        f"<components><component name='Many'>{many}</component></components></fix>"
    )
    with pytest.raises(ConfigError, match="there are more than 1000000 members"):
        read(text.encode())


def test_what_is_written_is_short_and_plain() -> None:
    assert write(Dictionary("FIX.5.0SP2", {1: FieldDef(1, "Account", "STRING", {"a<b": "'"})}, {})) == (
        '<fix type="FIX" major="5" minor="0" servicepack="2">\n'
        " <header />\n <messages />\n <trailer />\n <components />\n <fields>\n"
        '  <field number="1" name="Account" type="STRING">\n'
        '   <value enum="a&lt;b" description="\'" />\n'
        "  </field>\n </fields>\n</fix>\n"
    )


def test_a_group_in_several_places_becomes_a_component() -> None:
    sides = GroupDef(453, (Member(448, True),))
    parties = GroupDef(453, (Member(448, False),))
    alike = GroupDef(453, (Member(448, True),))  # equal to the first, but another object
    bodies = [
        (Member(453, required, group),)
        for required, group in ((True, sides), (False, parties), (True, alike), (False, parties))
    ]
    messages = {
        name: MessageDef(name, f"Message{name}", "app", body)
        for name, body in zip("UVWX", bodies, strict=True)
    }
    dictionary = Dictionary("venue", FIX44.fields, messages)
    text = write(dictionary)
    assert text.count("<group ") == 2
    assert '<component name="NoPartyIDsGrp.2" required="N" />' in text
    assert read(text.encode()) == dictionary


WORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=8
)
GROUP_TAGS = range(900, 905)


@st.composite
def _members(draw: st.DrawFn, tags: tuple[int, ...], depth: int = 0) -> tuple[Member, ...]:
    chosen = draw(st.lists(st.sampled_from(tags), unique=True, max_size=4, min_size=min(depth, 1)))
    members = []
    for tag in chosen:
        inner = None
        if tag in GROUP_TAGS and depth < 3:
            inner = GroupDef(tag, draw(_members(tags, depth + 1)))
        members.append(Member(tag, draw(st.booleans()), inner))
    return tuple(members)


@st.composite
def _dictionaries(draw: st.DrawFn) -> Dictionary:
    names = draw(st.lists(WORDS, unique=True, min_size=1, max_size=8))
    fields = {
        tag: FieldDef(
            tag,
            name,
            draw(st.sampled_from(sorted(FORMATS))),
            draw(st.dictionaries(WORDS, WORDS | st.just(""), max_size=3)),
            draw(st.booleans()),
        )
        for tag, name in enumerate(names, 1)
    }
    fields |= {tag: FieldDef(tag, f"No Group {tag}", "NUMINGROUP", {}) for tag in GROUP_TAGS}
    body = _members(tuple(fields))
    messages = {
        msg_type: MessageDef(
            msg_type, f"Name {msg_type}", draw(st.sampled_from(["admin", "app"])), draw(body)
        )
        for msg_type in draw(st.lists(WORDS, unique=True, max_size=3))
    }
    version = draw(
        st.sampled_from(["FIXT.1.1", "FIX.4.4", "FIX.5.0SP2", "FIX.Latest", "kalshi", "FIX.4.4SP0"])
    )
    return Dictionary(version, fields, messages, draw(body), draw(body))


@settings(max_examples=40)
@given(_dictionaries())
def test_what_is_written_reads_back_as_it_was(dictionary: Dictionary) -> None:
    assert read(write(dictionary).encode()) == dictionary


A = FieldDef(1, "A", "STRING", {})


@pytest.mark.parametrize(
    ("dictionary", "fault"),
    [
        (Dictionary("v", {1: A, 2: FieldDef(2, "A", "STRING", {})}, {}), "2 fields have the name A"),
        (
            Dictionary("v", {}, {"U": MessageDef("U", "M", "app", ()), "V": MessageDef("V", "M", "app", ())}),
            "2 messages have the name M",
        ),
        (Dictionary("v", {}, {}, (Member(1, True),)), "the tag 1 has no field"),
        (Dictionary("v", {1: FieldDef(1, "A\x00", "STRING", {})}, {}), "can not stand in XML"),
        (Dictionary("v", {1: FieldDef(1, "A", "STRING", {"": "EMPTY"})}, {}), "can not stand in XML"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(dictionary: Dictionary, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        write(dictionary)


def test_an_error_is_short_whatever_the_file_holds() -> None:
    with pytest.raises(ConfigError, match=r"<xxx.*\.\.\.") as caught:
        read(b"<" + b"x" * 100_000 + b"/>", "big.xml")
    assert len(str(caught.value)) < 1_000
