"""Kalshi's margin products: what differs from event contracts, in facts and in messages."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from fixgw.errors import ConfigError, EncodeError, FieldError, LocalError
from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage
from fixgw.messages.order_entry import ExecInst, OrdRejReason, Side, TimeInForce
from fixgw.venues.base import venue
from fixgw.venues.kalshi.dialect import margin
from fixgw.venues.kalshi.groups import OrderGroups
from fixgw.venues.kalshi.margin import VENUE
from fixgw.venues.kalshi.profile import VENUE as EVENTS

PROFILE = VENUE.profile
BY_TYPE = {one.MSG_TYPE: one for one in margin.MESSAGES}


def read(text: str) -> TypedMessage:
    message = Message.of(text.encode().split(b"|"))
    return BY_TYPE[message.msg_type].view(message)


def test_it_is_found_by_its_name() -> None:
    assert venue("kalshi-margin") is VENUE


def test_there_are_four_kinds_and_one_of_them_retransmits() -> None:
    rows = {(one.target_comp_id, one.port, one.retransmission) for one in PROFILE.kinds.values()}
    assert rows == {
        ("KalshiNR", 8228, False),
        ("KalshiDC", 8229, False),
        ("KalshiRT", 8230, True),
        ("KalshiMD", 8233, False),
    }


def test_the_hosts_are_the_margin_ones() -> None:
    assert PROFILE.hosts == {
        "production": {
            "orders": "margin-mm.fix.elections.kalshi.com",
            "market-data": "margin-marketdata.fix.elections.kalshi.com",
        },
        "demo": {
            "orders": "margin-fix.demo.kalshi.co",
            "market-data": "margin-marketdata.fix.demo.kalshi.co",
        },
    }


def test_neither_requests_for_quote_nor_settlements_nor_states_are_spoken() -> None:
    spoken = {name for kind in PROFILE.kinds.values() for name in (*kind.sends, *kind.receives)}
    assert spoken == {*"DFGq89rj", "UOG", "UOH", "U1", "U2", "U3", *"VWXY"}
    assert spoken <= BY_TYPE.keys()


def test_prices_are_dollars_whatever_is_asked_for() -> None:
    kind = PROFILE.kinds["orders-nr"]
    assert VENUE.edge(kind, {}) is None
    assert EVENTS.edge(EVENTS.profile.kinds["orders-nr"], {}) is not None


def test_the_heartbeat_may_be_three_seconds() -> None:
    assert (PROFILE.heart_bt_int, PROFILE.heart_bt_int_min) == (30, 3)


@pytest.mark.parametrize(
    "option",
    [
        "receive_settlement_reports",
        "always_emit_new_before_trade",
        "split_collateral_return",
        "use_cap_reservation",
    ],
)
def test_a_flag_that_the_product_does_not_have_is_refused(option: str) -> None:
    with pytest.raises(ConfigError, match="has no Logon option"):
        VENUE.logon_fields(PROFILE.kinds["orders-nr"], {option: True})


def test_the_flags_that_it_has_are_written() -> None:
    options = {"enable_ioc_cancel_report": True, "skip_pending_exec_reports": True}
    assert VENUE.logon_fields(PROFILE.kinds["orders-rt"], {**options, "message_retention_period": 72}) == [
        (20200, "72"),
        (21007, "Y"),
        (21011, "Y"),
    ]


def test_a_logon_has_every_field_that_a_session_may_ask_for_and_no_other_flag() -> None:
    flags = {tag for tag in margin.Logon.TAGS if tag >= 8013}
    assert flags == {tag for tag, _ in PROFILE.logon_options.values()} | {21006}


def test_a_stale_order_has_a_code_of_its_own() -> None:
    stale = read(
        "35=8|37=o|17=-1;-1|150=8|39=8|54=1|55=BTC-PERP|38=1|151=0|14=0|60=20261009-14:30:00.000|103=5"
    )
    assert isinstance(stale, margin.ExecutionReport)
    assert PROFILE.meanings.explain(stale.message) == "the order's time is over"
    assert "8" not in PROFILE.meanings.codes[103]
    assert stale.ord_rej_reason is OrdRejReason.UNKNOWN_ORDER  # the word that FIX has for the number


def test_the_words_for_other_codes_are_the_same() -> None:
    assert PROFILE.meanings.codes[380] == EVENTS.profile.meanings.codes[380]


def test_overrides_are_laid_over_both_files() -> None:
    changed = VENUE.with_overrides({"kinds": {"orders-nr": {"port": 9228}}}).profile
    assert (changed.name, changed.kinds["orders-nr"].port) == ("kalshi-margin", 9228)
    assert changed.kinds.keys() == PROFILE.kinds.keys()
    assert changed.heart_bt_int_min == 3


def test_what_is_taken_out_stays_in_the_other_product() -> None:
    assert {"post-trade", "rfq"} <= EVENTS.profile.kinds.keys()
    assert EVENTS.profile.meanings.codes[103]["8"]


class TestOrders:
    def order(self, qty: str, price: str = "19.5000") -> margin.NewOrderSingle:
        return margin.NewOrderSingle(
            cl_ord_id="c1",
            symbol="BTC-PERP",
            side=Side.BUY,
            order_qty=Decimal(qty),
            price=Decimal(price),
            time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
            exec_inst=(ExecInst.DO_NOT_INCREASE,),
        )

    def test_a_price_may_be_above_one_dollar(self) -> None:
        body = self.order("10.00").message.body().decode().replace("\x01", "|")
        assert body == "|11=c1|18=E|55=BTC-PERP|54=1|38=10.00|40=2|44=19.5000|59=3"

    @pytest.mark.parametrize("qty", ["0.5", "10.01"])
    def test_part_of_a_contract_is_refused_before_it_leaves(self, qty: str) -> None:
        with pytest.raises(EncodeError, match="no whole number of contracts"):
            self.order(qty)
        with pytest.raises(EncodeError, match="no whole number of contracts"):
            margin.OrderCancelReplaceRequest(
                cl_ord_id="c2",
                orig_cl_ord_id="c1",
                symbol="BTC-PERP",
                side=Side.BUY,
                order_qty=Decimal(qty),
            )

    @pytest.mark.parametrize(("name", "value"), [("ex_destination", "0"), ("quote_id", "q"), ("rfq_id", "r")])
    def test_an_order_names_neither_shard_nor_quote(self, name: str, value: str) -> None:
        with pytest.raises(TypeError, match=name):
            margin.NewOrderSingle(
                symbol="BTC-PERP",
                side=Side.BUY,
                order_qty=Decimal(1),
                price=Decimal(1),
                **{name: value},  # type: ignore[arg-type]
            )


# What stands behind the header on the wire.
BODIES = [
    "35=A|98=0|108=3|95=4|96=c2ln|141=Y|1137=9|8013=Y|21005=Y|21007=Y|21008=Y|21011=Y|21012=Y",
    "35=D|11=c1|38=10.00|40=2|44=19.5000|54=1|55=BTC-PERP|59=1",
    "35=F|11=c2|41=c1|54=1|55=BTC-PERP",
    "35=G|11=c2|41=c1|38=8|40=2|44=20.25|54=1|55=BTC-PERP",
    "35=q|11=c3|530=6",
    "35=8|37=o|11=c1|17=4;7|150=0|39=0|54=1|55=BTC-PERP|38=10.00|151=10.00|14=0.00|6=0|60=20261009-14:30:00.000",
    "35=9|37=o|11=c2|41=c1|39=0|434=1|102=99|58=MARKET_INACTIVE",
    "35=r|11=c3|37=m|531=6",
    "35=UOG|20131=1|20132=5000",
    "35=UOH|20130=770e8400-e29b-41d4-a716-446655440002",
    "35=U1|21001=4;7",
    "35=U2|45=7|21003=12",
    "35=U3|45=7|21004=3",
    "35=V|263=1|146=1|55=BTC-PERP",
    "35=W|55=BTC-PERP|268=1|269=0|270=19.5000|271=10",
    "35=X|268=1|279=0|55=BTC-PERP|269=2|270=19.5000|271=3",
    "35=Y|281=4|58=unsupported",
    "35=j|45=7|372=D|380=4|58=unavailable",
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.partition("|")[0][3:])
def test_each_message_is_read_and_written_again(body: str) -> None:
    message = read(body)
    message.check()
    given = {spec.name: getattr(message, spec.name) for spec in message.FIELDS if spec.tag in message.message}
    again = type(message)(**given)
    assert sorted(again.message.pairs()) == sorted(message.message.pairs())


def test_every_class_is_among_them() -> None:
    assert {body.partition("|")[0][3:] for body in BODIES} == BY_TYPE.keys()


def test_a_report_without_its_time_is_not_valid() -> None:
    report = read("35=8|37=o|11=c1|17=4;7|150=0|39=0|54=1|55=BTC-PERP|38=10|151=10|14=0|6=0")
    with pytest.raises(FieldError, match=r"TransactTime\(60\)"):
        report.check()


def test_a_trade_s_business_date_is_read_as_it_stands() -> None:
    trade = read(
        "35=8|37=o|11=c1|17=4;7|150=F|39=2|54=1|55=BTC-PERP|38=1|151=0|14=1|6=19.5|31=19.5|32=1|704=1|"
        "60=20261009-20:00:00.000|715=20261010"
    )
    assert isinstance(trade, margin.ExecutionReport)
    assert trade.transact_time == datetime(2026, 10, 9, 20, tzinfo=UTC)
    assert trade.clearing_business_date == date(2026, 10, 10)
    assert trade.long_qty == 1


async def test_an_order_group_names_no_subaccount() -> None:
    (groups,) = [one for one in VENUE.clients(PROFILE.kinds["orders-nr"]) if isinstance(one, OrderGroups)]
    with pytest.raises(LocalError, match="no subaccount"):
        await groups.create(10, alloc_account="2")
