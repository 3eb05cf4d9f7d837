"""Kalshi's messages against frames whose lengths and checksums were computed elsewhere."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from fixgw.errors import EncodeError, FieldError
from fixgw.fix.framing import Framer
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.schema import TypedMessage
from fixgw.messages.business import BusinessMessageReject, BusinessRejectReason
from fixgw.messages.order_entry import (
    CxlRejReason,
    CxlRejResponseTo,
    ExecInst,
    ExecType,
    MiscFee,
    MiscFeeBasis,
    MiscFeeType,
    OrdStatus,
    OrdType,
    PartyRole,
    Side,
    TimeInForce,
)
from fixgw.venues.kalshi.messages import (
    MESSAGES,
    CollateralAmountChange,
    CollateralAmountType,
    ExecutionReport,
    MassCancelRequestType,
    MassCancelResponse,
    NewOrderSingle,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrderMassCancelReport,
    OrderMassCancelRequest,
    Party,
    SelfTradePreventionType,
)
from fixgw.venues.kalshi.profile import VENUE

KEY_ID = "00000000-0000-4000-8000-000000000001"
ORDER = "550e8400-e29b-41d4-a716-446655440000"
ORDER_ID = "7f1c0f0e-8a33-4d7a-9a39-0b1d5f0c0001"
OUR_HEADER = f"49={KEY_ID}|52=20261009-14:30:0"
HEADER = "49=KalshiNR|52=20261009-14:30:0"

FRAMES = {
    "order": (
        f"8=FIXT.1.1|9=176|35=D|34=2|{OUR_HEADER}1.000|56=KalshiNR|11={ORDER}|38=10|40=2|44=0.7500|54=1|"
        "55=HIGHNY-26DEC31|59=1|10=097|"
    ),
    "new": (
        f"8=FIXT.1.1|9=286|35=8|34=2|{HEADER}1.004|56={KEY_ID}|37={ORDER_ID}|11={ORDER}|17=104;1|150=0|"
        "39=0|54=1|55=HIGHNY-26DEC31|44=0.7500|38=10.00|151=10.00|14=0.00|6=0.0000|"
        "60=20261009-14:30:01.003|30=0|10=011|"
    ),
    "trade": (
        f"8=FIXT.1.1|9=441|35=8|34=3|{HEADER}2.004|56={KEY_ID}|37={ORDER_ID}|11={ORDER}|17=105;3|150=F|"
        "39=1|54=1|55=HIGHNY-26DEC31|44=0.7500|38=10.00|151=6.00|14=4.00|6=0.7500|31=0.7500|32=4.00|"
        "60=20261009-14:30:02.003|30=0|704=4.00|136=1|137=0.05|138=USD|139=4|891=0|1703=1|1704=-3.0500|"
        "1705=BALANCE|880=02cfae92-12f4-4bc6-b613-4806e3604514|1057=N|715=20261009|10=096|"
    ),
    "cancel": (
        f"8=FIXT.1.1|9=156|35=F|34=3|{OUR_HEADER}3.000|56=KalshiNR|11=c1|41={ORDER}|54=1|"
        "55=HIGHNY-26DEC31|10=016|"
    ),
    "canceled": (
        f"8=FIXT.1.1|9=290|35=8|34=4|{HEADER}3.004|56={KEY_ID}|37={ORDER_ID}|11=c1|41={ORDER}|17=106;1|"
        "150=4|39=4|54=1|55=HIGHNY-26DEC31|44=0.7500|38=4.00|151=0.00|14=4.00|6=0.7500|"
        "60=20261009-14:30:03.003|30=0|10=255|"
    ),
    "throttled": (
        f"8=FIXT.1.1|9=134|35=j|34=6|{HEADER}5.004|56={KEY_ID}|45=5|372=D|379=c3|380=8|"
        "58=rate limit exceeded|10=178|"
    ),
}
CLASSES = {cls.MSG_TYPE: cls for cls in MESSAGES}


def frame(name: str) -> bytes:
    return FRAMES[name].replace("|", "\x01").encode()


def decoded(name: str) -> Message:
    [message] = Framer().feed(frame(name))
    assert isinstance(message, bytes)
    return Message.decode(message)


def typed(name: str) -> TypedMessage:
    message = decoded(name)
    return CLASSES[message.msg_type].view(message)


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_valid_and_comes_out_again_byte_for_byte(name: str) -> None:
    view = typed(name)
    view.check()
    message = view.message
    encoder = FrameEncoder("FIXT.1.1", message.text(49) or "", message.text(56) or "")
    assert encoder.encode(message, message.msg_seq_num, message[52]) == frame(name)


def test_an_order_decodes() -> None:
    order = typed("order")
    assert isinstance(order, NewOrderSingle)
    assert (order.cl_ord_id, order.symbol, order.side) == (ORDER, "HIGHNY-26DEC31", Side.BUY)
    assert (order.order_qty, order.price) == (Decimal(10), Decimal("0.75"))
    assert (order.ord_type, order.time_in_force) == (OrdType.LIMIT, TimeInForce.GOOD_TILL_CANCEL)
    assert (order.rfq_id, order.parties, order.transact_time) == (None, (), None)


def test_an_acknowledgement_decodes() -> None:
    report = typed("new")
    assert isinstance(report, ExecutionReport)
    assert (report.exec_type, report.ord_status) == (ExecType.NEW, OrdStatus.NEW)
    assert (report.order_id, report.exec_id, report.last_mkt) == (ORDER_ID, "104;1", "0")
    assert (report.leaves_qty, report.cum_qty, report.avg_px) == (Decimal(10), Decimal(0), Decimal(0))
    assert report.transact_time == datetime(2026, 10, 9, 14, 30, 1, 3000, tzinfo=UTC)
    assert report.collateral_amount_changes == ()


def test_a_trade_decodes_with_its_groups() -> None:
    trade = typed("trade")
    assert isinstance(trade, ExecutionReport)
    assert (trade.exec_type, trade.ord_status) == (ExecType.TRADE, OrdStatus.PARTIALLY_FILLED)
    assert (trade.last_px, trade.last_qty, trade.long_qty) == (Decimal("0.75"), Decimal(4), Decimal(4))
    assert trade.short_qty is None
    assert (trade.aggressor_indicator, trade.clearing_business_date) == (False, date(2026, 10, 9))
    assert trade.trd_match_id == "02cfae92-12f4-4bc6-b613-4806e3604514"
    [fee] = trade.misc_fees
    assert isinstance(fee, MiscFee)
    assert (fee.misc_fee_amt, fee.misc_fee_curr) == (Decimal("0.05"), "USD")
    assert (fee.misc_fee_type, fee.misc_fee_basis) == (MiscFeeType.EXCHANGE_FEES, MiscFeeBasis.ABSOLUTE)
    [change] = trade.collateral_amount_changes
    assert (change.collateral_amount_change, change.collateral_amount_type) == (
        Decimal("-3.05"),
        CollateralAmountType.BALANCE,
    )


def test_a_cancel_and_its_report_decode() -> None:
    cancel, report = typed("cancel"), typed("canceled")
    assert isinstance(cancel, OrderCancelRequest)
    assert isinstance(report, ExecutionReport)
    assert (cancel.cl_ord_id, cancel.orig_cl_ord_id) == (report.cl_ord_id, report.orig_cl_ord_id)
    assert (report.exec_type, report.leaves_qty, report.order_qty) == (
        ExecType.CANCELED,
        Decimal(0),
        Decimal(4),
    )


def test_a_rate_limit_decodes() -> None:
    reject = typed("throttled")
    assert isinstance(reject, BusinessMessageReject)
    assert reject.business_reject_reason is BusinessRejectReason.THROTTLE_LIMIT_EXCEEDED
    assert (reject.ref_seq_num, reject.business_reject_ref_id) == (5, "c3")


def body(message: TypedMessage) -> str:
    return "|".join(field.decode() for field in message.message.fields)


def unordered(text: str) -> list[str]:
    return sorted(text.split("|"))


def test_an_order_with_everything_is_written_with_kalshis_tags() -> None:
    order = NewOrderSingle(
        cl_ord_id="c1",
        sender_sub_id="OP1",
        symbol="HIGHNY-26DEC31",
        side=Side.SELL,
        order_qty=Decimal("0.50"),
        price=Decimal("0.7500"),
        time_in_force=TimeInForce.GOOD_TILL_DATE,
        expire_time=datetime(2026, 10, 10, tzinfo=UTC),
        exec_inst=(ExecInst.PARTICIPATE_DONT_INITIATE,),
        alloc_account="3",
        ex_destination="-1",
        quote_id="q1",
        rfq_id="r1",
        secondary_cl_ord_id="g1",
        parties=(Party(party_id="fcm_A1", party_role=PartyRole.CUSTOMER_ACCOUNT),),
        self_trade_prevention_type=SelfTradePreventionType.MAKER,
        cancel_order_on_pause=True,
        max_execution_cost=Decimal("1000000"),
    )
    assert unordered(body(order)) == unordered(
        "35=D|50=OP1|11=c1|526=g1|453=1|448=fcm_A1|452=24|79=3|18=6|100=-1|55=HIGHNY-26DEC31|54=2|38=0.50|40=2|"
        "44=0.7500|117=q1|59=6|126=20261010-00:00:00.000|2964=2|21006=Y|21009=1000000|21023=r1"
    )
    NewOrderSingle.view(
        Message.decode(FrameEncoder("FIXT.1.1", "a", "b").encode(order.message, 1, b"1"))
    ).check()


def test_the_least_order_has_no_field_that_kalshi_does_not_know() -> None:
    order = NewOrderSingle(cl_ord_id="c1", symbol="X", side=Side.BUY, order_qty=Decimal(1), price=Decimal(50))
    assert unordered(body(order)) == unordered("35=D|11=c1|55=X|54=1|38=1|40=2|44=50")


def test_a_replace_keeps_what_it_does_not_name() -> None:
    replace = OrderCancelReplaceRequest(
        orig_cl_ord_id="c1", cl_ord_id="c2", symbol="X", side=Side.BUY, order_qty=Decimal(7)
    )
    assert unordered(body(replace)) == unordered("35=G|41=c1|11=c2|55=X|54=1|38=7|40=2")


def test_the_session_is_cancelled_as_a_whole() -> None:
    request = OrderMassCancelRequest(cl_ord_id="m1")
    assert body(request) == "35=q|11=m1|530=6"
    assert request.mass_cancel_request_type is MassCancelRequestType.CANCEL_FOR_SESSION
    report = OrderMassCancelReport.view(Message("r", [(11, "m1"), (37, "op"), (531, "6")]))
    assert report.mass_cancel_response is MassCancelResponse.CANCELED_FOR_SESSION
    assert report.mass_cancel_reject_reason is None


def test_a_cancel_reject_decodes() -> None:
    pairs = [(37, "NONE"), (11, "c2"), (41, "c1"), (39, "2"), (434, "2"), (102, "0"), (58, "filled")]
    reject = OrderCancelReject.view(Message("9", pairs))
    reject.check()
    assert reject.ord_status is OrdStatus.FILLED
    assert reject.cxl_rej_response_to is CxlRejResponseTo.ORDER_CANCEL_REPLACE_REQUEST
    assert reject.cxl_rej_reason is CxlRejReason.TOO_LATE_TO_CANCEL


def test_values_that_are_new_at_the_venue_are_kept() -> None:
    message = decoded("trade")
    message.set(1705, "REBATE")
    message.set(2964, "3")
    trade = ExecutionReport.view(message)
    assert trade.collateral_amount_changes[0].collateral_amount_type == "REBATE"
    assert trade.self_trade_prevention_type == "3"


@pytest.mark.parametrize(
    "missing", [{"order_qty": None}, {"price": None}, {"symbol": None}, {"side": None}], ids=str
)
def test_an_order_needs_what_the_venue_needs(missing: dict[str, None]) -> None:
    fields = {
        "cl_ord_id": "c1",
        "symbol": "X",
        "side": Side.BUY,
        "order_qty": Decimal(1),
        "price": Decimal(1),
    }
    with pytest.raises(EncodeError, match=next(iter(missing))):
        NewOrderSingle(**{**fields, **missing})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["account", "currency", "stop_px", "text", "min_qty", "handl_inst"])
def test_a_field_that_kalshi_does_not_know_is_no_argument(name: str) -> None:
    fields = {"symbol": "X", "side": Side.BUY, "order_qty": Decimal(1), "price": Decimal(1), name: "1"}
    with pytest.raises(TypeError, match=name):
        NewOrderSingle(**fields)  # type: ignore[arg-type]


def test_a_tag_that_kalshi_does_not_know_fails_the_check() -> None:
    message = decoded("order")
    message.append(333333, "x")
    with pytest.raises(FieldError) as caught:
        NewOrderSingle.view(message).check()
    assert (caught.value.tag, caught.value.reason) == (333333, 3)


def test_groups_are_written_entry_by_entry() -> None:
    change = CollateralAmountChange(
        collateral_amount_change=Decimal("-1.5"), collateral_amount_type=CollateralAmountType.PAYOUT
    )
    report = ExecutionReport(
        order_id="o", exec_id="1;1", exec_type=ExecType.TRADE, ord_status=OrdStatus.FILLED, symbol="X",
        side=Side.BUY, leaves_qty=Decimal(0), cum_qty=Decimal(1), collateral_amount_changes=(change, change),
    )  # fmt: skip
    assert body(report).endswith("|1703=2|1704=-1.5|1705=PAYOUT|1704=-1.5|1705=PAYOUT")


def test_every_kind_that_sends_or_receives_orders_has_its_classes() -> None:
    kinds = VENUE.profile.kinds
    assert set(CLASSES) >= kinds["orders-nr"].sends & {"D", "F", "G", "q"}
    assert set(CLASSES) >= kinds["orders-nr"].receives & {"8", "9", "r", "j"}
    assert len(CLASSES) == len(MESSAGES)
