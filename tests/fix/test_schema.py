"""Typed messages by declaration."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.errors import EncodeError, FieldError
from fixgw.fix import tags
from fixgw.fix.fieldtypes import (
    BOOLEAN,
    DATA,
    DECIMAL,
    INT,
    LOCAL_MKT_DATE,
    STRING,
    UTC_TIMESTAMP,
    enum,
    enums,
)
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.schema import LATE, Group, TypedMessage, field, group
from tests.wire import pipes, wire


class Side(StrEnum):
    BUY = "1"
    SELL = "2"


class Inst(StrEnum):
    HELD = "5"
    WORK = "2"


class Sub(Group):
    sub_id: str = field(tags.PARTY_SUB_ID, STRING)


class Party(Group):
    party_id: str = field(tags.PARTY_ID, STRING)
    party_role: int | None = field(tags.PARTY_ROLE, INT, default=None)
    subs: tuple[Sub, ...] = group(tags.NO_PARTY_SUB_IDS, Sub, default=())


class Order(TypedMessage, msg_type="D"):
    cl_ord_id: str = field(tags.CL_ORD_ID, STRING, default=LATE)
    parties: tuple[Party, ...] = group(tags.NO_PARTY_IDS, Party, default=())
    symbol: str = field(tags.SYMBOL, STRING)
    side: Side = field(tags.SIDE, enum(Side), default=Side.BUY)
    insts: tuple[Inst, ...] | None = field(tags.EXEC_INST, enums(Inst), default=None)
    price: Decimal | None = field(tags.PRICE, DECIMAL, default=None)
    alloc: int | None = field(tags.ALLOC_ACCOUNT, INT, default=None)
    on_pause: bool | None = field(21006, BOOLEAN, default=None)
    expire_time: datetime | None = field(tags.EXPIRE_TIME, UTC_TIMESTAMP, default=None)
    trade_date: date | None = field(tags.TRADE_DATE, LOCAL_MKT_DATE, default=None)
    text: str | None = field(tags.TEXT, STRING, default=None)
    encoded_text: bytes | None = field(tags.ENCODED_TEXT, DATA, default=None)
    password: str | None = field(tags.PASSWORD, STRING, default=None)


class VenueOrder(Order, msg_type="UOG"):
    operator: str | None = field(tags.SENDER_SUB_ID, STRING, default=None)
    price: Decimal = field(tags.PRICE, DECIMAL)
    cost: Decimal | None = field(21009, DECIMAL, default=None)


class Fees(TypedMessage, msg_type="UFE"):
    parties: tuple[Party, ...] = group(tags.NO_PARTY_IDS, Party)


class Nothing(TypedMessage, msg_type="0"):
    pass


FULL = Order(
    cl_ord_id="id",
    parties=(
        Party(party_id="a", party_role=24, subs=(Sub(sub_id="s"), Sub(sub_id="t"))),
        Party(party_id="b"),
    ),
    symbol="X",
    side=Side.SELL,
    insts=(Inst.HELD, Inst.WORK),
    price=Decimal("0.50"),
    alloc=3,
    on_pause=True,
    expire_time=datetime(2026, 10, 9, tzinfo=UTC),
    trade_date=date(2026, 10, 9),
    text="ünder",
    encoded_text=b"a\x01b\xff",
    password="hunter2",
)
FULL_LINE = (
    "35=D|11=id|453=2|448=a|452=24|802=2|523=s|523=t|448=b|55=X|54=2|18=5 2|44=0.50|79=3|21006=Y|"
    "126=20261009-00:00:00.000|75=20261009|58=ünder|354=4|355=a|b"
)


def line(order: TypedMessage) -> str:
    return "|".join(field.decode("utf-8", "replace").replace("\x01", "|") for field in order.message.fields)


def seen(text: str, kind: type[Any] = Order) -> Any:
    return kind.view(Message.decode(wire(text)))


# -- construction --


def test_fields_stand_in_the_order_of_declaration() -> None:
    assert line(FULL).startswith(FULL_LINE)
    assert line(FULL).endswith("|554=hunter2")


def test_what_is_not_given_is_not_written_but_for_defaults() -> None:
    assert line(Order(symbol="X")) == "35=D|55=X|54=1"
    assert line(Nothing()) == "35=0"


def test_a_required_argument_has_to_be_given() -> None:
    with pytest.raises(TypeError, match="symbol"):
        Order()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        Order("X")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="colour"):
        Order(symbol="X", colour="red")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"symbol": ""}, r"^Order.symbol, Symbol\(55\): a string must not be empty"),
        ({"symbol": None}, r"^Order.symbol, Symbol\(55\): a str is needed, not NoneType"),
        ({"symbol": 5}, "a str is needed, not int"),
        ({"symbol": "X", "text": "a\x01b"}, r"^Order.text, Text\(58\).*SOH"),
        ({"symbol": "X", "text": ""}, "must not be empty"),
        ({"symbol": "X", "side": "9"}, "'9' is not one of Side: BUY, SELL"),
        ({"symbol": "X", "side": None}, "None is not one of Side"),
        ({"symbol": "X", "price": 0.5}, r"^Order.price, Price\(44\): a float is not exact"),
        ({"symbol": "X", "price": Decimal("NaN")}, "NaN can not stand on the wire"),
        ({"symbol": "X", "alloc": "3"}, "an int is needed, not str"),
        ({"symbol": "X", "on_pause": 1}, r"^Order.on_pause, tag 21006: True or False"),
        ({"symbol": "X", "insts": ["5", "9"]}, "'9' is not one of Inst"),
        ({"symbol": "X", "expire_time": datetime(2026, 1, 1)}, "needs a time zone"),
        ({"symbol": "X", "encoded_text": "text"}, "bytes are needed"),
        ({"symbol": "X", "parties": ("a",)}, "a tuple of Party is needed"),
        ({"symbol": "X", "parties": (Sub(sub_id="s"),)}, "a tuple of Party is needed"),
        ({"symbol": "X", "parties": 5}, "Order.parties"),
    ],
)
def test_what_can_not_be_sent_is_named_by_its_attribute(given: dict[str, Any], why: str) -> None:
    with pytest.raises(EncodeError, match=why):
        Order(**given)


def test_an_error_in_construction_shows_no_secret() -> None:
    with pytest.raises(EncodeError) as caught:
        Order(symbol="X", password="hunter2\x01")
    assert "hunter2" not in str(caught.value)


def test_members_may_be_given_by_value_and_text_by_member() -> None:
    assert line(Order(symbol=Side.SELL, side="2")) == "35=D|55=2|54=2"  # type: ignore[arg-type]


def test_a_header_field_is_written_into_the_header() -> None:
    order = VenueOrder(symbol="X", price=Decimal(1), operator="op")
    frame = FrameEncoder("FIXT.1.1", "A", "B").encode(order.message, 1, b"T")
    assert pipes(frame) == "8=FIXT.1.1|35=UOG|34=1|49=A|50=op|52=T|56=B|55=X|54=1|44=1"
    assert VenueOrder.view(Message.decode(frame)).operator == "op"


def test_text_that_is_not_utf_8_goes_out_as_it_came_in() -> None:
    order = seen("35=D|55=X|54=1|58=a\xff")
    assert order.text == "a\udcff"
    again = Order(symbol="X", text=order.text)
    assert again.message[58] == b"a\xff"
    assert again.text == order.text


# -- inheritance --


def test_a_subclass_adds_behind_and_redeclares_in_place() -> None:
    names = [spec.name for spec in VenueOrder.FIELDS]
    assert names == [*(spec.name for spec in Order.FIELDS), "operator", "cost"]
    assert (Order.MSG_TYPE, VenueOrder.MSG_TYPE) == ("D", "UOG")
    with pytest.raises(TypeError, match="price"):
        VenueOrder(symbol="X")  # type: ignore[call-arg]


def test_a_subclass_without_a_type_keeps_that_of_its_base() -> None:
    class Late(Order):
        pass

    assert Late.MSG_TYPE == "D"
    assert Late(symbol="X").message.msg_type == "D"


def test_tags_hold_groups_and_lengths() -> None:
    assert {448, 452, 802, 523} == Party.TAGS
    assert Party.TAGS | {453, 354, 355, 55} <= Order.TAGS
    assert 21009 not in Order.TAGS


# -- reading --


def test_every_attribute_reads_what_was_written() -> None:
    back = Order.view(Message.decode(FrameEncoder("FIXT.1.1", "A", "B").encode(FULL.message, 1, b"T")))
    for spec in Order.FIELDS:
        assert getattr(back, spec.name) == getattr(FULL, spec.name), spec.name
    assert back.parties[0].subs[1].sub_id == "t"
    assert back.side is Side.SELL


def test_an_optional_field_that_is_not_there_is_none() -> None:
    order = seen("35=D|55=X|54=1")
    for spec in Order.FIELDS:
        if not spec.required:
            assert getattr(order, spec.name) == (() if spec.entry else None)


@pytest.mark.parametrize("name", ["cl_ord_id", "symbol", "side"])
def test_a_required_field_that_is_not_there_is_a_field_error(name: str) -> None:
    with pytest.raises(FieldError, match="Required tag missing") as caught:
        getattr(seen("35=D|58=x"), name)
    assert caught.value.reason == 1


def test_other_required_fields_and_groups_are_missed_as_well() -> None:
    with pytest.raises(FieldError, match="Required tag missing"):
        seen("35=UOG|55=X", VenueOrder).price  # noqa: B018
    with pytest.raises(FieldError, match="Required tag missing"):
        seen("35=UFE|58=X", Fees).parties  # noqa: B018


def test_a_value_of_the_wrong_format_is_a_field_error_when_read() -> None:
    order = seen("35=D|55=X|54=1|44=1E5|79=x")
    for name, tag in (("price", 44), ("alloc", 79)):
        with pytest.raises(FieldError) as caught:
            getattr(order, name)
        assert (caught.value.tag, caught.value.reason) == (tag, 6)


def test_an_unknown_member_is_kept_as_text() -> None:
    assert seen("35=D|55=X|54=9").side == "9"


def test_messages_are_read_only() -> None:
    with pytest.raises(AttributeError):
        FULL.symbol = "Y"  # type: ignore[misc]


def test_a_field_filled_in_later_is_read() -> None:
    order = Order(symbol="X")
    order.message.insert(tags.CL_ORD_ID, "late")
    assert order.cl_ord_id == "late"
    assert line(order) == "35=D|11=late|55=X|54=1"


# -- as values --


def test_equal_by_class_and_fields_and_no_key() -> None:
    assert Order(symbol="X") == Order(symbol="X")
    assert Order(symbol="X") != Order(symbol="Y")
    assert Order(symbol="X") != Order(symbol="X").message
    assert Party(party_id="a") == Party(party_id="a")
    assert Sub(sub_id="a") != Party(party_id="a")
    with pytest.raises(TypeError, match="unhashable"):
        hash(FULL)


def test_messages_survive_pickling() -> None:
    assert pickle.loads(pickle.dumps(FULL)) == FULL
    assert pickle.loads(pickle.dumps(FULL.parties[0])).subs == FULL.parties[0].subs


def test_repr_is_a_constructor_call_without_secrets() -> None:
    order = Order(symbol="X", parties=(Party(party_id="a"),), price=Decimal(1), password="hunter2")
    assert repr(order) == (
        "Order(parties=(Party(party_id='a'),), symbol='X', side=Side.BUY, price=Decimal('1'), password='***')"
    )


def test_repr_shows_what_does_not_parse_as_it_is() -> None:
    assert repr(seen("35=D|55=X|54=9|44=1E5")) == "Order(symbol='X', side='9', price=<1E5>)"


# -- check --


def test_a_valid_message_checks() -> None:
    order = seen(
        "35=D|34=1|49=A|52=T|56=B|50=sub|11=id|453=2|448=a|802=1|523=s|448=b|55=X|54=1|18=5 2|354=1|355=a"
    )
    order.check()
    seen("35=UOG|50=op|11=id|55=X|54=1|44=1|93=1|89=x", VenueOrder).check()
    seen("35=D|11=id|453=0|55=X|54=1").check()
    FULL.check()


@pytest.mark.parametrize(
    ("text", "tag", "reason"),
    [
        ("35=D|55=X|54=1", 11, 1),
        ("35=D|11=id|55=X|54=1|41=x", 41, 2),
        ("35=D|11=id|55=X|54=1|9999=x", 9999, 3),
        ("35=D|11=id|55=X|54=1|58=", 58, 4),
        ("35=D|34=|11=id|55=X|54=1", 34, 4),
        ("35=D|11=id|55=X|54=9", 54, 5),
        ("35=D|11=id|55=X|54=1|18=5 9", 18, 5),
        ("35=D|11=id|55=X|54=1|44=abc", 44, 6),
        ("35=D|11=id|55=X|54=1|21006=y", 21006, 6),
        ("35=D|11=id|55=X|54=1|44=1|44=2", 44, 13),
        ("35=D|11=id|34=1|55=X|54=1", 34, 14),
        ("35=D|11=id|453=1|452=1|448=a|55=X|54=1", 452, 15),
        ("35=D|11=id|453=2|448=a|55=X|54=1", 453, 16),
        ("35=D|11=id|453=x|448=a|55=X|54=1", 453, 6),
        ("35=D|11=id|453=1|448=a|452=x|55=X|54=1", 452, 6),
        ("35=D|11=id|453=1|448=a|452=1|452=2|55=X|54=1", 452, 13),
        ("35=D|11=id|453=1|448=a|802=2|523=s|55=X|54=1", 802, 16),
        ("35=D|11=id|448=a|55=X|54=1", 448, 2),
    ],
)
def test_what_does_not_fit_the_declaration_is_refused_with_its_reason(
    text: str, tag: int, reason: int
) -> None:
    with pytest.raises(FieldError) as caught:
        seen(text).check()
    assert (caught.value.tag, caught.value.reason) == (tag, reason)


# -- any values --

texts = st.text(
    st.characters(blacklist_characters="\x01", blacklist_categories=["Cs"]), min_size=1, max_size=8
)
orders = st.builds(
    Order,
    cl_ord_id=texts,
    symbol=texts,
    side=st.sampled_from(Side),
    parties=st.lists(
        st.builds(Party, party_id=texts, party_role=st.none() | st.integers(0, 99)), max_size=3
    ).map(tuple),
    price=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
    alloc=st.none() | st.integers(-(10**9), 10**9),
    on_pause=st.none() | st.booleans(),
    expire_time=st.none() | st.datetimes(timezones=st.just(UTC)),
    text=st.none() | texts,
    encoded_text=st.none() | st.binary(min_size=1, max_size=8),
)


@given(orders)
def test_any_message_comes_back_from_its_frame(order: Order) -> None:
    frame = FrameEncoder("FIXT.1.1", "A", "B").encode(order.message, 1, b"20261009-00:00:00.000")
    back = Order.view(Message.decode(frame))
    back.check()
    for spec in Order.FIELDS:
        assert getattr(back, spec.name) == getattr(order, spec.name), spec.name


@pytest.mark.parametrize("text", ["1.2.3", "--1", "-", "1e5", "NaN"])
def test_a_price_that_is_no_number_names_its_tag(text: str) -> None:
    order = Order.view(Message.of([b"35=D", b"44=" + text.encode()]))
    with pytest.raises(FieldError) as caught:
        _ = order.price
    assert (caught.value.tag, caught.value.reason) == (tags.PRICE, 6)


class Size(Group):
    symbol: str | None = field(tags.SYMBOL, STRING, default=None)
    order_qty: Decimal | None = field(tags.ORDER_QTY, DECIMAL, default=None)


class Request(TypedMessage, msg_type="R"):
    sizes: tuple[Size, ...] = group(tags.NO_RELATED_SYM, Size)


@pytest.mark.parametrize("given", [Size(symbol="A", order_qty=Decimal(5)), Size(order_qty=Decimal(5))])
def test_an_entry_whose_first_field_may_be_missing_begins_with_what_is_there(given: Size) -> None:
    request = Request(sizes=(given, given))
    request.check()
    assert request.sizes == (given, given)
