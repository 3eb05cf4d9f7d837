"""Cents on the wire and dollars at the desk."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.errors import LocalError, Refused
from fixgw.fix.message import Message
from fixgw.messages.order_entry import Side
from fixgw.venues.kalshi.messages import NewOrderSingle
from fixgw.venues.kalshi.profile import VENUE, KalshiVenue
from fixgw.venues.kalshi.units import CentsEdge
from tests.wire import wire

KINDS = VENUE.profile.kinds


def _edge(kind: str = "orders-rt", **options: Any) -> CentsEdge:
    edge = VENUE.edge(KINDS[kind], options)
    assert edge is not None
    return edge


def _message(line: str) -> Message:
    """Return the message of fields written with ``|`` for SOH."""
    return Message.of(line.encode().split(b"|"))


def _text(found: Message) -> str:
    return b"|".join(found.fields).decode()


@pytest.mark.parametrize("kind", ["orders-nr", "orders-rt", "drop-copy", "rfq"])
def test_a_session_with_prices_has_an_edge_until_it_asks_for_dollars(kind: str) -> None:
    assert VENUE.edge(KINDS[kind], {}) is not None
    assert VENUE.edge(KINDS[kind], {"use_dollars": False}) is not None
    assert VENUE.edge(KINDS[kind], {"use_dollars": True}) is None


@pytest.mark.parametrize("kind", ["market-data", "post-trade"])
def test_a_session_whose_prices_are_always_the_same_has_none(kind: str) -> None:
    assert VENUE.edge(KINDS[kind], {}) is None


@pytest.mark.parametrize(
    ("kind", "sent", "on_the_wire"),
    [
        ("orders-nr", "35=D|11=a|44=0.7500", "35=D|11=a|44=75"),
        ("orders-nr", "35=D|44=0.07", "35=D|44=7"),
        ("orders-nr", "35=D|44=.5", "35=D|44=50"),
        ("orders-nr", "35=D|44=1", "35=D|44=100"),
        ("orders-nr", "35=D|44=0|21009=0.55", "35=D|44=0|21009=0.55"),
        ("orders-nr", "35=D|11=a|38=0.75", "35=D|11=a|38=0.75"),
        ("orders-rt", "35=G|41=a|44=0.01", "35=G|41=a|44=1"),
        ("orders-rt", "35=G|41=a|38=5", "35=G|41=a|38=5"),
        ("orders-rt", "35=F|44=0.75", "35=F|44=0.75"),
        ("orders-rt", "35=R|131=a|146=1|55=M|152=0.75", "35=R|131=a|146=1|55=M|152=0.75"),
        ("rfq", "35=S|117=a|132=0.75|133=0.24", "35=S|117=a|132=75|133=24"),
    ],
)
def test_dollars_leave_as_whole_cents(kind: str, sent: str, on_the_wire: str) -> None:
    before = _message(sent)
    assert _text(_edge(kind).outward(before)) == on_the_wire
    assert _text(before) == sent


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (
            "35=D|44=0.755",
            r"Price\(44\) is 0.755 dollars, .* whole cents on the wire: round it",
        ),
        ("35=G|44=0.0001", "whole cents"),
        ("35=G|44=0.75000000000000000000000000000000000000001", "whole cents"),
        ("35=D|44=75", "a price is dollars from 0 to 1"),
        ("35=D|44=-0.01", "a price is dollars from 0 to 1"),
        ("35=D|44=cheap", "write a price in dollars"),
    ],
)
def test_what_can_not_be_said_in_cents_does_not_leave(sent: str, text: str) -> None:
    with pytest.raises(LocalError, match=text) as caught:
        _edge().outward(_message(sent))
    assert isinstance(caught.value, Refused)
    assert caught.value.rule == "cents"


@pytest.mark.parametrize(
    ("kind", "on_the_wire", "seen"),
    [
        ("orders-nr", "35=8|6=66.5|31=70|44=75|137=0.05", "35=8|6=0.665|31=0.70|44=0.75|137=0.05"),
        ("orders-nr", "35=8|6=0|44=100", "35=8|6=0.00|44=1.00"),
        ("orders-rt", "35=8|44=7.25|1703=1|1704=-3.05", "35=8|44=0.0725|1703=1|1704=-3.05"),
        ("orders-rt", "35=8|44=cheap|6=1e2", "35=8|44=cheap|6=1e2"),
        ("orders-rt", "35=S|117=a|132=0.75|133=0.24", "35=S|117=a|132=0.75|133=0.24"),
        ("orders-rt", "35=UMS|730=75.00", "35=UMS|730=75.00"),
        ("orders-rt", "35=9|11=a|44=75", "35=9|11=a|44=75"),
        ("drop-copy", "35=8|6=75|31=75|44=75", "35=8|6=0.75|31=0.75|44=0.75"),
        ("rfq", "35=AI|117=a|132=75|133=24", "35=AI|117=a|132=0.75|133=0.24"),
        ("rfq", "35=R|131=a|152=75", "35=R|131=a|152=75"),
    ],
)
def test_cents_arrive_as_dollars(kind: str, on_the_wire: str, seen: str) -> None:
    before = _message(on_the_wire)
    assert _text(_edge(kind).inward(before)) == seen
    assert _text(before) == on_the_wire


@pytest.mark.parametrize(
    ("kind", "sent"),
    [("orders-rt", "35=D|44=0.75"), ("orders-nr", "35=G|44=0.07"), ("rfq", "35=S|132=0.10|133=0.24")],
)
def test_what_was_sent_reads_the_same_from_the_tape(kind: str, sent: str) -> None:
    edge = _edge(kind)
    assert _text(edge.inward(edge.outward(_message(sent)))) == sent


def test_an_order_with_types_leaves_in_cents_and_keeps_its_own_price() -> None:
    order = NewOrderSingle(
        symbol="M", side=Side.BUY, order_qty=Decimal(10), price=Decimal("0.75"), cl_ord_id="a"
    )
    assert _edge().outward(order.message).get(44) == b"75"
    assert order.message.get(44) == b"0.75"


def test_a_received_message_keeps_what_it_was_received_as() -> None:
    received = Message.decode(wire("35=8|34=7|43=Y|44=75"))
    seen = _edge().inward(received)
    assert (seen.begin_string, seen.msg_seq_num, seen.poss_dup) == ("FIXT.1.1", 7, True)
    assert (seen.get(44), seen.index[34], seen.frame) == (b"0.75", b"7", b"")


@given(st.integers(0, 100))
def test_every_whole_cent_goes_out_and_comes_back(cents: int) -> None:
    edge = _edge()
    order = _message(f"35=D|44={Decimal(cents).scaleb(-2)}")
    sent = edge.outward(order)
    assert sent.get(44) == b"%d" % cents
    assert Decimal((edge.inward(sent).get(44) or b"").decode()) == Decimal(cents).scaleb(-2)


@given(st.decimals(0, 100, places=4))
def test_every_average_in_cents_is_a_hundredth_in_dollars(cents: Decimal) -> None:
    seen = _edge().inward(_message(f"35=8|6={cents:f}")).get(6) or b""
    assert Decimal(seen.decode()) * 100 == cents


def test_which_fields_are_cents_can_be_changed() -> None:
    venue = KalshiVenue({"cents": {"sends": {"D": [44, 21009]}}})
    edge = venue.edge(venue.profile.kinds["orders-nr"], {})
    assert edge is not None
    assert _text(edge.outward(_message("35=D|44=0.75|21009=0.10"))) == "35=D|44=75|21009=10"
