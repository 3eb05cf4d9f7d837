"""Dictionaries as data, and those of typed messages."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import pytest

from fixgw.errors import ConfigError
from fixgw.fix import tags
from fixgw.fix.dictionary import Dictionary, FieldDef, GroupDef, Member, MessageDef
from fixgw.fix.fieldtypes import DATA, DECIMAL, INT, STRING, enum, enums
from fixgw.fix.schema import LATE, Group, TypedMessage, field, group


class Side(StrEnum):
    BUY = "1"
    SELL = "2"


class Short(StrEnum):
    SHORT = "5"
    BUY_BACK = "1"


class Reason(StrEnum):
    BROKER = "0"
    OTHER = "99"


class Inst(StrEnum):
    HELD = "5"
    ALL_OR_NONE = "G"


class Sub(Group):
    sub_id: str = field(tags.PARTY_SUB_ID, STRING)


class Party(Group):
    party_id: str = field(tags.PARTY_ID, STRING)
    subs: tuple[Sub, ...] = group(tags.NO_PARTY_SUB_IDS, Sub, default=())


class Order(TypedMessage, msg_type="D"):
    operator: str | None = field(tags.SENDER_SUB_ID, STRING, default=None)
    cl_ord_id: str = field(tags.CL_ORD_ID, STRING, default=LATE)
    parties: tuple[Party, ...] = group(tags.NO_PARTY_IDS, Party, default=())
    side: Side = field(tags.SIDE, enum(Side), default=Side.BUY)
    insts: tuple[Inst, ...] | None = field(tags.EXEC_INST, enums(Inst), default=None)
    text: bytes | None = field(tags.ENCODED_TEXT, DATA, default=None)
    max_rfq_id: str | None = field(21009, STRING, default=None)


class Report(TypedMessage, msg_type="8"):
    side: Short = field(tags.SIDE, enum(Short))
    reason: Reason | None = field(tags.ORD_REJ_REASON, enum(Reason), default=None)
    insts: str | None = field(tags.EXEC_INST, STRING, default=None)
    last_qty: int | None = field(tags.LAST_QTY, INT, default=None)
    signature: bytes | None = field(tags.SIGNATURE, DATA, default=None)


class Fill(TypedMessage, msg_type="UF"):
    last_qty: Decimal = field(tags.LAST_QTY, DECIMAL)


class Logout(TypedMessage, msg_type="5"):
    pass


DESK = Dictionary.of_messages("desk", [Order, Report, Fill, Logout])


def test_a_typed_message_becomes_its_members_in_wire_order() -> None:
    subs = GroupDef(802, (Member(523, True),))
    parties = GroupDef(453, (Member(448, True), Member(802, False, subs)))
    assert DESK.messages["D"] == MessageDef(
        "D",
        "Order",
        "app",
        (
            Member(11, True),
            Member(453, False, parties),
            Member(54, True),
            Member(18, False),
            Member(354, False),
            Member(355, False),
            Member(21009, False),
        ),
    )


def test_declared_header_and_trailer_fields_go_where_they_stand_on_the_wire() -> None:
    assert DESK.header == (Member(50, False),)
    assert DESK.trailer == (Member(89, False), Member(93, False))
    assert {member.tag for member in DESK.messages["8"].members} == {54, 103, 18, 32}


def test_session_messages_are_admin() -> None:
    assert DESK.messages["5"].category == "admin"


def test_fields_take_name_type_and_values_of_the_declaration() -> None:
    assert DESK.fields[453] == FieldDef(453, "NoPartyIDs", "NUMINGROUP", {})
    assert DESK.fields[354] == FieldDef(354, "EncodedTextLen", "LENGTH", {})
    assert DESK.fields[355] == FieldDef(355, "EncodedText", "DATA", {})
    assert DESK.fields[21009] == FieldDef(21009, "MaxRfqID", "STRING", {})
    assert DESK.fields[523] == FieldDef(523, "PartySubID", "STRING", {})


def test_an_enumeration_with_longer_values_is_no_char() -> None:
    assert DESK.fields[103] == FieldDef(103, "OrdRejReason", "STRING", {"0": "BROKER", "99": "OTHER"})


class Legs(TypedMessage, msg_type="UL"):
    side: Side = field(tags.SIDE, enum(Side))
    leg: str = field(20184, STRING)
    market: str = field(20183, STRING)


class Markets(TypedMessage, msg_type="UM"):
    side: str = field(20185, STRING)
    market: str = field(20186, STRING)


def test_no_two_fields_share_a_name() -> None:
    fields = Dictionary.of_messages("desk", [Legs, Markets]).fields
    names = {tag: field.name for tag, field in fields.items()}
    assert names == {54: "Side", 20183: "Market20183", 20184: "Leg", 20185: "Side20185", 20186: "Market20186"}


def test_a_venue_names_its_own_fields_and_no_other() -> None:
    made = Dictionary.of_messages("desk", [Legs, Markets], {20184: "SelectedLeg", 20186: "Market"})
    names = {tag: field.name for tag, field in made.fields.items()}
    assert names == {
        54: "Side",
        20183: "Market20183",
        20184: "SelectedLeg",
        20185: "Side20185",
        20186: "Market",
    }


def test_values_that_two_messages_declare_add_up_under_the_first_name() -> None:
    values = {"1": "BUY", "2": "SELL", "5": "SHORT"}
    assert DESK.fields[54] == FieldDef(54, "Side", "CHAR", values)


def test_what_one_message_leaves_open_is_open() -> None:
    assert DESK.fields[18] == FieldDef(18, "ExecInst", "STRING", {"5": "HELD", "G": "ALL_OR_NONE"}, True)


def test_two_types_of_one_tag_make_a_string() -> None:
    assert DESK.fields[32] == FieldDef(32, "LastQty", "STRING", {})


@pytest.mark.parametrize(
    ("classes", "fault"),
    [([TypedMessage], "TypedMessage has no MsgType"), ([Order, Order], "Order has the MsgType of Order")],
)
def test_each_message_needs_a_msg_type_of_its_own(classes: list[type[TypedMessage]], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        Dictionary.of_messages("desk", classes)


def test_names_are_found_by_tag_value_and_msg_type() -> None:
    assert DESK.field_name(11) == "ClOrdID"
    assert DESK.value_name(54, "2") == "SELL"
    assert DESK.message_name("D") == "Order"


def test_what_is_not_known_has_no_name() -> None:
    assert DESK.field_name(1) is None
    assert DESK.value_name(1, "2") is None
    assert DESK.value_name(54, "9") is None
    assert DESK.message_name("Z") is None


def test_merged_dictionaries_hold_what_either_has_and_the_other_goes_first() -> None:
    base = Dictionary(
        "FIX.5.0SP2",
        {
            1: FieldDef(1, "Account", "STRING", {}),
            8: FieldDef(8, "BeginString", "STRING", {}),
            54: FieldDef(54, "OrdSide", "CHAR", {"1": "BID", "8": "CROSS"}),
        },
        {"D": MessageDef("D", "NewOrderSingle", "app", ()), "Z": MessageDef("Z", "Zero", "app", ())},
        (Member(8, True), Member(50, True)),
        (Member(93, False),),
    )
    both = base.merged(DESK)
    assert both.version == "desk"
    assert both.fields[1].name == "Account"
    assert both.fields[54] == FieldDef(
        54, "Side", "CHAR", {"1": "BUY", "8": "CROSS", "2": "SELL", "5": "SHORT"}
    )
    assert both.messages["D"] is DESK.messages["D"]
    assert both.messages["Z"].name == "Zero"
    assert both.header == (Member(8, True), Member(50, True))
    assert both.trailer == (Member(93, False), Member(89, False))
