"""The shared order-entry messages on the frames of a real venue."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from fixgw.fix.message import FrameEncoder, Message
from fixgw.messages import order_entry
from fixgw.messages.order_entry import (
    CxlRejReason,
    CxlRejResponseTo,
    ExecInst,
    ExecType,
    ExecutionReport,
    MiscFee,
    MiscFeeBasis,
    MiscFeeType,
    NewOrderSingle,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrdStatus,
    OrdType,
    Party,
    PartyRole,
    Side,
    TimeInForce,
)
from tests.fix.samples import CANCEL, CANCELED, NEW_ORDER, NEW_REPORT, TRADE_REPORT
from tests.wire import pipes, wire

API_KEY = "00000000-0000-4000-8000-000000000001"


def test_a_new_order_is_read() -> None:
    order = NewOrderSingle.view(Message.decode(NEW_ORDER))
    assert order.cl_ord_id == "550e8400-e29b-41d4-a716-446655440000"
    assert (order.side, order.ord_type, order.time_in_force) == (
        Side.BUY,
        OrdType.LIMIT,
        TimeInForce.GOOD_TILL_CANCEL,
    )
    assert (order.order_qty, order.price) == (Decimal(10), Decimal("0.75"))


def test_a_new_order_is_written_as_declared() -> None:
    order = NewOrderSingle(
        cl_ord_id="c1",
        symbol="HIGHNY-26DEC31",
        side=Side.BUY,
        order_qty=Decimal(10),
        price=Decimal("0.7500"),
        exec_inst=(ExecInst.PARTICIPATE_DONT_INITIATE,),
        time_in_force=TimeInForce.GOOD_TILL_CANCEL,
        parties=(Party(party_id="p", party_role=PartyRole.CUSTOMER_ACCOUNT),),
        transact_time=datetime(2026, 10, 9, 14, 30, tzinfo=UTC),
    )
    frame = FrameEncoder("FIXT.1.1", "A", "B").encode(order.message, 2, b"T")
    assert pipes(frame) == (
        "8=FIXT.1.1|35=D|34=2|49=A|52=T|56=B|11=c1|453=1|448=p|452=24|18=6|55=HIGHNY-26DEC31|54=1|"
        "60=20261009-14:30:00.000|38=10|40=2|44=0.7500|59=1"
    )
    order.check()


def test_a_trade_report_is_read() -> None:
    report = ExecutionReport.view(Message.decode(TRADE_REPORT))
    assert (report.exec_type, report.ord_status, report.exec_id) == (
        ExecType.TRADE,
        OrdStatus.PARTIALLY_FILLED,
        "105;3",
    )
    assert (report.last_qty, report.last_px, report.leaves_qty, report.cum_qty) == (
        Decimal(4),
        Decimal("0.75"),
        Decimal(6),
        Decimal(4),
    )
    assert report.transact_time == datetime(2026, 10, 9, 14, 30, 2, 3000, tzinfo=UTC)
    assert report.clearing_business_date == date(2026, 10, 9)
    assert report.aggressor_indicator is False
    assert report.misc_fees == (
        MiscFee(
            misc_fee_amt=Decimal("0.05"),
            misc_fee_curr="USD",
            misc_fee_type=MiscFeeType.EXCHANGE_FEES,
            misc_fee_basis=MiscFeeBasis.ABSOLUTE,
        ),
    )


@pytest.mark.parametrize("frame", [NEW_REPORT, CANCELED])
def test_plain_reports_fit_the_shared_declaration(frame: bytes) -> None:
    ExecutionReport.view(Message.decode(frame)).check()


def test_a_cancel_and_its_rejection_are_read() -> None:
    cancel = OrderCancelRequest.view(Message.decode(CANCEL))
    assert (cancel.cl_ord_id, cancel.orig_cl_ord_id) == ("c1", "550e8400-e29b-41d4-a716-446655440000")
    refused = OrderCancelReject(
        order_id="NONE",
        cl_ord_id=cancel.cl_ord_id,
        ord_status=OrdStatus.FILLED,
        cxl_rej_response_to=CxlRejResponseTo.ORDER_CANCEL_REQUEST,
        cxl_rej_reason=CxlRejReason.TOO_LATE_TO_CANCEL,
    )
    refused.check()
    assert [field.decode() for field in refused.message.fields] == [
        "35=9",
        "37=NONE",
        "11=c1",
        "39=2",
        "434=1",
        "102=0",
    ]


def test_a_replace_is_written() -> None:
    replace = OrderCancelReplaceRequest(
        orig_cl_ord_id="c1",
        cl_ord_id="c2",
        symbol="X",
        side=Side.SELL,
        order_qty=Decimal(5),
        price=Decimal("0.4"),
    )
    assert replace.message.body() == b"\x0141=c1\x0111=c2\x0155=X\x0154=2\x0138=5\x0140=2\x0144=0.4"


def test_every_enumeration_holds_each_value_once() -> None:
    for thing in vars(order_entry).values():
        if isinstance(thing, type) and issubclass(thing, str):
            assert len({member.value for member in thing}) == len(thing.__members__)  # type: ignore[attr-defined]


def test_a_status_that_no_list_has_is_kept() -> None:
    report = ExecutionReport.view(Message.decode(wire("35=8|37=1|17=1|150=Z|39=Z|55=X|54=1|151=0|14=0")))
    assert report.exec_type == "Z"
