"""Kalshi's messages beside orders, against bodies as the venue's pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from fixgw.errors import EncodeError, FieldError
from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage
from fixgw.messages.order_entry import (
    ExecInst,
    MiscFee,
    MiscFeeBasis,
    MiscFeeType,
    PartyRole,
    Side,
)
from fixgw.venues.kalshi import messages as kalshi
from fixgw.venues.kalshi.profile import VENUE

BY_TYPE = {cls.MSG_TYPE: cls for cls in kalshi.MESSAGES}
MOMENT = datetime(2026, 9, 24, 14, 30, 5, 123_000, UTC)
GROUP = "770e8400-e29b-41d4-a716-446655440002"
AT = time(16, 0, 0, 123_000, UTC)


def related(**fields: Any) -> tuple[kalshi.RelatedSymbol, ...]:
    return (kalshi.RelatedSymbol(**fields),)


LEGS = (
    kalshi.SelectedLeg(event_ticker="EVENT1", market_ticker="MKT1", side=kalshi.SelectedLegSide.YES),
    kalshi.SelectedLeg(event_ticker="EVENT2", market_ticker="MKT2", side=kalshi.SelectedLegSide.NO),
)
SETTLED = kalshi.MarketSettlementParty(
    market_settlement_party_id="user-456",
    market_settlement_party_role=PartyRole.CUSTOMER_ACCOUNT,
    long_qty=Decimal(100),
    short_qty=Decimal(0),
    collateral_amount_changes=(
        kalshi.CollateralAmountChange(
            collateral_amount_change=Decimal("100.00"),
            collateral_amount_type=kalshi.CollateralAmountType.PAYOUT,
        ),
    ),
    misc_fees=(
        MiscFee(
            misc_fee_amt=Decimal("0.00"),
            misc_fee_curr="USD",
            misc_fee_type=MiscFeeType.EXCHANGE_FEES,
            misc_fee_basis=MiscFeeBasis.ABSOLUTE,
        ),
    ),
)

# What stands behind the header on the wire, and what it means.
BODIES: list[tuple[str, Mapping[str, Any]]] = [
    (
        "35=UOG|20131=1|20132=5000|79=2",
        {
            "order_group_action": kalshi.OrderGroupAction.CREATE,
            "order_group_contracts_limit": 5000,
            "alloc_account": "2",
        },
    ),
    (
        f"35=UOG|20131=2|20130={GROUP}|100=0",
        {
            "order_group_action": kalshi.OrderGroupAction.RESET,
            "order_group_id": GROUP,
            "ex_destination": "0",
        },
    ),
    (
        f"35=UOH|20130={GROUP}|20132=5000|79=0",
        {"order_group_id": GROUP, "order_group_contracts_limit": 5000, "alloc_account": "0"},
    ),
    (
        "35=U1|21001=12345;67890|21002=12350;67895",
        {"begin_exec_id": "12345;67890", "end_exec_id": "12350;67895"},
    ),
    ("35=U2|45=7|21003=12", {"ref_seq_num": 7, "resend_event_count": 12}),
    (
        "35=U3|45=7|21004=5",
        {"ref_seq_num": 7, "event_resend_reject_reason": kalshi.EventResendRejectReason.NOT_ENABLED},
    ),
    (
        "35=R|131=client-req-123|146=1|55=HIGHNY-23DEC31|38=100",
        {
            "quote_req_id": "client-req-123",
            "related_symbols": related(symbol="HIGHNY-23DEC31", order_qty=Decimal(100)),
        },
    ),
    (
        (
            "35=R|131=client-req-456|146=1|38=100|20180=PARLAY-COLLECTION|20181=2|20182=EVENT1|20183=MKT1|20184=yes|"
            "20182=EVENT2|20183=MKT2|20184=no"
        ),
        {
            "quote_req_id": "client-req-456",
            "related_symbols": related(order_qty=Decimal(100)),
            "multivariate_collection_ticker": "PARLAY-COLLECTION",
            "selected_legs": LEGS,
        },
    ),
    (
        "35=R|131=r|146=1|152=50.5|21033=Y|21034=Y|21015=N|21016=Y|453=1|448=subtrader-uuid|452=24",
        {
            "quote_req_id": "r",
            "related_symbols": related(
                cash_order_qty=Decimal("50.5"),
                target_cost_excludes_fees=True,
                obscure_creator_id=True,
                rest_remainder=False,
                replace_existing=True,
                parties=(kalshi.Party(party_id="subtrader-uuid", party_role=PartyRole.CUSTOMER_ACCOUNT),),
            ),
        },
    ),
    (
        "35=R|131=server-rfq-456|146=1|55=HIGHNY-23DEC31|38=100|60=20260924-14:30:05.123|453=1|448=anon-456",
        {
            "quote_req_id": "server-rfq-456",
            "related_symbols": related(
                symbol="HIGHNY-23DEC31",
                order_qty=Decimal(100),
                transact_time=MOMENT,
                parties=(kalshi.Party(party_id="anon-456"),),
            ),
        },
    ),
    (
        "35=b|131=client-req-123|303=1|21023=server-rfq-456|100=0",
        {
            "quote_req_id": "client-req-123",
            "quote_request_type": kalshi.QuoteRequestType.MANUAL,
            "rfq_id": "server-rfq-456",
            "ex_destination": "0",
        },
    ),
    (
        "35=AG|131=client-req-456|658=99|20187=duplicated_legs|20185=1|20186=MKT1|58=no",
        {
            "quote_req_id": "client-req-456",
            "quote_request_reject_reason": kalshi.QuoteRequestRejectReason.OTHER,
            "mve_validation_reason_code": kalshi.MveValidationReasonCode.DUPLICATED_LEGS,
            "offending_legs": (kalshi.OffendingLeg(market_ticker="MKT1"),),
            "text": "no",
        },
    ),
    (
        "35=S|117=quote-789|131=server-rfq-456|55=HIGHNY-23DEC31|132=75|133=25|18=6|21015=Y",
        {
            "quote_id": "quote-789",
            "quote_req_id": "server-rfq-456",
            "symbol": "HIGHNY-23DEC31",
            "bid_px": Decimal(75),
            "offer_px": Decimal(25),
            "exec_inst": (ExecInst.PARTICIPATE_DONT_INITIATE,),
            "rest_remainder": True,
        },
    ),
    (
        (
            "35=S|117=quote-789|131=server-rfq-456|55=HIGHNY-23DEC31|132=0.7500|133=0.2500|38=100|"
            "60=20260924-14:30:05.123|453=1|448=quoter-public-id|452=35"
        ),
        {
            "quote_id": "quote-789",
            "quote_req_id": "server-rfq-456",
            "symbol": "HIGHNY-23DEC31",
            "bid_px": Decimal("0.7500"),
            "offer_px": Decimal("0.2500"),
            "order_qty": Decimal(100),
            "transact_time": MOMENT,
            "parties": (kalshi.Party(party_id="quoter-public-id", party_role=PartyRole.LIQUIDITY_PROVIDER),),
        },
    ),
    (
        "35=AI|117=quote-789|131=server-rfq-456|297=10|38=100|132=75|133=25|60=20260924-14:30:05.123",
        {
            "quote_id": "quote-789",
            "quote_req_id": "server-rfq-456",
            "quote_status": kalshi.QuoteStatus.PENDING,
            "order_qty": Decimal(100),
            "bid_px": Decimal(75),
            "offer_px": Decimal(25),
            "transact_time": MOMENT,
        },
    ),
    ("35=Z|117=q|21023=r", {"quote_id": "q", "rfq_id": "r"}),
    (
        "35=U9|117=q|298=1|58=NOT_FOUND",
        {"quote_id": "q", "quote_cancel_result": kalshi.QuoteCancelResult.REJECTED, "text": "NOT_FOUND"},
    ),
    ("35=U7|117=q|21023=r", {"quote_id": "q", "rfq_id": "r"}),
    ("35=U8|117=q|21010=0", {"quote_id": "q", "quote_confirm_status": kalshi.QuoteConfirmResult.ACCEPTED}),
    (
        "35=UA|117=quote-789|21023=server-rfq-456|54=1|38=100|11=client-accept-123|21022=Y",
        {
            "quote_id": "quote-789",
            "rfq_id": "server-rfq-456",
            "side": Side.BUY,
            "order_qty": Decimal(100),
            "cl_ord_id": "client-accept-123",
            "prefer_better_quote": True,
        },
    ),
    (
        "35=UC|117=quote-789|21025=0|21024=quote-790|11=client-accept-123",
        {
            "quote_id": "quote-789",
            "accept_quote_status": kalshi.AcceptQuoteResult.ACCEPTED,
            "accepted_quote_id": "quote-790",
            "cl_ord_id": "client-accept-123",
        },
    ),
    ("35=UE|131=client-req-123", {"quote_req_id": "client-req-123"}),
    (
        "35=UB|131=client-req-123|21023=server|21013=2",
        {
            "quote_req_id": "client-req-123",
            "rfq_id": "server",
            "rfq_cancel_status": kalshi.RfqCancelResult.EXPIRED,
        },
    ),
    (
        (
            "35=UMS|20105=settle-123|55=HIGHNY-23DEC31|715=20231231|20106=2|20107=yes|730=100.00|893=Y|20108=1|"
            "20109=user-456|20110=24|704=100|705=0|1703=1|1704=100.00|1705=PAYOUT|136=1|137=0.00|138=USD|139=4|891=0"
        ),
        {
            "market_settlement_report_id": "settle-123",
            "symbol": "HIGHNY-23DEC31",
            "clearing_business_date": date(2023, 12, 31),
            "tot_num_market_settlement_reports": 2,
            "market_result": kalshi.MarketResult.YES,
            "settl_price": Decimal("100.00"),
            "last_fragment": True,
            "market_settlement_parties": (SETTLED,),
        },
    ),
    (
        "35=V|263=1|146=2|55=A|55=B",
        {
            "subscription_request_type": kalshi.SubscriptionRequestType.SNAPSHOT_AND_UPDATES,
            "related_symbols": (kalshi.MarketDataSymbol(symbol="A"), kalshi.MarketDataSymbol(symbol="B")),
        },
    ),
    ("35=V|263=2", {"subscription_request_type": kalshi.SubscriptionRequestType.DISABLE}),
    (
        "35=W|55=A|268=2|269=0|270=0.3500|271=10.00|272=20260817|273=16:00:00.123|269=1|270=0.65|271=5",
        {
            "symbol": "A",
            "md_entries": (
                kalshi.SnapshotEntry(
                    md_entry_type=kalshi.MDEntryType.BID,
                    md_entry_px=Decimal("0.3500"),
                    md_entry_size=Decimal("10.00"),
                    md_entry_date=date(2026, 8, 17),
                    md_entry_time=AT,
                ),
                kalshi.SnapshotEntry(
                    md_entry_type=kalshi.MDEntryType.OFFER,
                    md_entry_px=Decimal("0.65"),
                    md_entry_size=Decimal(5),
                ),
            ),
        },
    ),
    (
        (
            "35=X|268=2|279=1|55=A|269=0|270=0.3500|271=15.00|11=my-order-123|79=3|"
            "279=0|55=A|269=2|270=0.6500|271=3.00|2446=1|828=1|1003=trade"
        ),
        {
            "md_entries": (
                kalshi.IncrementalEntry(
                    md_update_action=kalshi.MDUpdateAction.CHANGE,
                    symbol="A",
                    md_entry_type=kalshi.MDEntryType.BID,
                    md_entry_px=Decimal("0.3500"),
                    md_entry_size=Decimal("15.00"),
                    cl_ord_id="my-order-123",
                    alloc_account="3",
                ),
                kalshi.IncrementalEntry(
                    md_update_action=kalshi.MDUpdateAction.NEW,
                    symbol="A",
                    md_entry_type=kalshi.MDEntryType.TRADE,
                    md_entry_px=Decimal("0.6500"),
                    md_entry_size=Decimal("3.00"),
                    aggressor_side=Side.BUY,
                    trd_type=kalshi.TrdType.BLOCK_TRADE,
                    trade_id="trade",
                ),
            )
        },
    ),
    (
        "35=Y|281=2|58=too many",
        {"md_req_rej_reason": kalshi.MDReqRejReason.INSUFFICIENT_BANDWIDTH, "text": "too many"},
    ),
    (
        "35=e|263=1|55=A",
        {"subscription_request_type": kalshi.SecurityStatusSubscription.SUBSCRIBE, "symbol": "A"},
    ),
    (
        "35=A|98=0|108=30|95=4|96=c2ln|141=Y|1137=9|20200=48|21005=Y|21011=Y|21026=N",
        {
            "heart_bt_int": 30,
            "raw_data": b"c2ln",
            "reset_seq_num_flag": True,
            "default_appl_ver_id": "9",
            "message_retention_period": 48,
            "use_dollars": True,
            "skip_pending_exec_reports": True,
            "always_emit_new_before_trade": False,
        },
    ),
    ("35=f|55=A|326=101", {"symbol": "A", "security_trading_status": kalshi.SecurityTradingStatus.SETTLED}),
]


def received(body: str) -> TypedMessage:
    message = Message.of(body.encode().split(b"|"))
    return BY_TYPE[message.msg_type].view(message)


@pytest.mark.parametrize(("body", "meaning"), BODIES, ids=lambda value: str(value)[:24])
class TestEachMessage:
    def test_is_read_as_it_is_meant(self, body: str, meaning: Mapping[str, Any]) -> None:
        message = received(body)
        message.check()
        assert {name: getattr(message, name) for name in meaning} == meaning

    def test_is_written_as_the_venue_shows_it(self, body: str, meaning: Mapping[str, Any]) -> None:
        message = BY_TYPE[received(body).MSG_TYPE](**meaning)
        assert b"35=%b" % message.MSG_TYPE.encode() + message.message.body() == body.encode().replace(
            b"|", b"\x01"
        )


def test_every_message_that_a_session_sends_or_receives_has_a_type() -> None:
    kinds = VENUE.profile.kinds.values()
    spoken = {msg_type for kind in kinds for msg_type in (*kind.sends, *kind.receives)}
    assert spoken <= BY_TYPE.keys()


def test_a_logon_has_every_field_that_a_session_may_ask_for() -> None:
    asked_for = {tag for tag, _ in VENUE.profile.logon_options.values()}
    assert asked_for <= kalshi.Logon.TAGS


def test_a_quote_that_was_refused_has_an_empty_id() -> None:
    report = received("35=AI|117=|131=r|297=5|58=INSUFFICIENT_BALANCE")
    assert isinstance(report, kalshi.QuoteStatusReport)
    assert (report.quote_id, report.quote_status) == ("", kalshi.QuoteStatus.REJECTED)


@pytest.mark.parametrize("at", ["16:00:00", "16:00:00.1", "16:00:00.123456", "16:00:00.123456789"])
def test_the_time_of_an_entry_has_any_precision(at: str) -> None:
    book = received(f"35=W|55=A|268=1|269=0|270=1|271=1|273={at}")
    assert isinstance(book, kalshi.MarketDataSnapshotFullRefresh)
    assert str(book.md_entries[0].md_entry_time) == f"{time.fromisoformat(at[:15])}+00:00"


def test_a_book_that_is_not_known_is_empty() -> None:
    book = received("35=W|55=NOBODY|268=0")
    assert isinstance(book, kalshi.MarketDataSnapshotFullRefresh)
    assert book.md_entries == ()


def test_a_settlement_is_read_whatever_the_order_of_its_fields() -> None:
    report = received(
        "35=UMS|55=A|715=20250601|893=N|20105=s|20107=no|730=0.00|20108=1|20109=u|20110=24|705=5.0000000000"
    )
    report.check()
    assert isinstance(report, kalshi.MarketSettlementReport)
    assert report.last_fragment is False
    assert report.market_settlement_parties[0].short_qty == 5


def test_a_word_that_is_no_member_is_refused_before_it_leaves() -> None:
    with pytest.raises(EncodeError, match="OrderGroupAction"):
        kalshi.OrderGroupRequest(order_group_action="9")  # type: ignore[arg-type]


def test_a_word_that_is_not_known_arrives_whole() -> None:
    reject = received("35=U3|45=7|21004=6")
    assert isinstance(reject, kalshi.EventResendReject)
    assert reject.event_resend_reject_reason == "6"
    with pytest.raises(FieldError, match="21004"):
        reject.check()
