"""A copy of a message with other values."""

from __future__ import annotations

import pytest

from fixgw.fix.message import Message
from fixgw.fix.revalue import with_values
from fixgw.messages.order_entry import NewOrderSingle
from tests.wire import wire


def test_the_copy_has_the_values_and_the_message_keeps_its_own() -> None:
    message = Message("D", [(11, "a"), (44, "0.75"), (38, "10")])
    copy = with_values(message, {44: b"75", 38: b"1"})
    assert copy.fields == [b"35=D", b"11=a", b"44=75", b"38=1"]
    assert (copy.msg_type, copy[44], copy[11]) == ("D", b"75", b"a")
    assert (message[44], message.fields[2]) == (b"0.75", b"44=0.75")


def test_the_first_of_several_fields_is_the_one() -> None:
    copy = with_values(Message("X", [(44, "1"), (55, "M"), (44, "2"), (44, "1")]), {44: b"9"})
    assert copy.fields == [b"35=X", b"44=9", b"55=M", b"44=2", b"44=1"]
    assert copy.get_all(44) == [b"9", b"2", b"1"]


def test_a_received_message_leaves_its_header_to_the_copy() -> None:
    received = Message.decode(wire("8=FIX.4.4|35=8|34=9|43=Y|44=75"))
    copy = with_values(received, {44: b"0.75"})
    assert (copy.begin_string, copy.msg_seq_num, copy.poss_dup) == ("FIX.4.4", 9, True)
    assert (copy.frame, received.frame != b"") == (b"", True)


def test_a_typed_message_is_copied_as_it_is_written() -> None:
    order = NewOrderSingle(cl_ord_id="a", symbol="M", side="1", text="44=0.75")  # type: ignore[arg-type]
    order.message.append(44, "0.75")
    copy = with_values(order.message, {44: b"75"})
    assert copy.body() == order.message.body().replace(b"\x0144=0.75", b"\x0144=75")


@pytest.mark.parametrize("values", [{}, {44: b"75"}])
def test_the_copy_can_be_changed_alone(values: dict[int, bytes]) -> None:
    message = Message("D", [(44, "0.75")])
    copy = with_values(message, values)
    copy.append(55, "M")
    assert (55 in copy, 55 in message, len(message.fields)) == (True, False, 2)
