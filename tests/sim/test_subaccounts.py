"""Subaccounts and customers: whose position it is, who trades with whom, and what reports say of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.sim.accounts import Accounts, AccountSpec
from fixgw.sim.kinds import DC, PT, RFQ, RT
from fixgw.sim.orders import Side, State
from fixgw.sim.quirks import Quirks
from fixgw.sim.settlement import Result
from tests.sim.desk import MARKET
from tests.sim.frames import text_of
from tests.sim.test_app import Port, Venue, buy, sell


def cancel(cl_ord_id: str, orig: str, more: str = "") -> str:
    return f"35=F|11={cl_ord_id}|41={orig}|54=1|55={MARKET}{more}"


def party(customer: str) -> str:
    return f"|453=1|448={customer}|452=24"


def reason(report: object) -> tuple[str | None, str | None, str | None]:
    text = report.text  # type: ignore[attr-defined]
    return text(150), text(103), text(58)


class TestSubaccounts:
    @pytest.fixture
    def venue(self) -> Venue:
        return Venue()

    def test_each_has_positions_of_its_own(self, venue: Venue) -> None:
        ann = venue.log_on("ann")
        venue.house(Side.SELL, "5", "0.50")
        venue.send(ann, buy("a1", "2", more="|79=0"))
        venue.send(ann, buy("a2", "3", more="|79=63"))
        ledger = venue.engine.ledger
        assert [ledger.holding("ann", number, MARKET).position for number in (0, 63)] == [2, 3]
        assert [report.text(704) for report in ann.sent] == ["2.00", "3.00"]
        assert [report.text(79) for report in ann.sent] == ["0", "63"]

    def test_two_of_one_account_trade_with_each_other(self, venue: Venue) -> None:
        ann = venue.log_on("ann")
        venue.send(ann, buy("a1", "2", more="|79=1"))
        venue.send(ann, sell("a2", "2") + "|79=2")
        assert ann.types() == ["0", "F", "F"]

    def test_one_does_not_trade_with_itself(self, venue: Venue) -> None:
        ann = venue.log_on("ann")
        venue.send(ann, buy("a1", "2", more="|79=1"))
        venue.send(ann, sell("a2", "2") + "|79=1")
        assert (ann.types(), ann.sent[-1].text(58)) == (
            ["0", "4"],
            "TAKER_CANCEL_FOR_SELF_TRADE_PREVENTION",
        )

    def test_a_request_has_to_name_the_one_of_its_order(self, venue: Venue) -> None:
        ann = venue.log_on("ann")
        venue.send(ann, buy("a1", more="|79=1"))
        venue.send(ann, cancel("c1", "a1", "|79=2"))
        assert (ann.sent[-1].msg_type, ann.sent[-1].text(102)) == ("9", "1")
        venue.send(ann, cancel("c2", "a1", "|79=1"))
        assert ann.sent[-1].text(150) == "4"

    @pytest.mark.parametrize(("strict", "answer"), [(False, "8"), (True, "9")])
    def test_whether_it_may_be_left_out_is_a_quirk(self, strict: bool, answer: str) -> None:
        venue = Venue(quirks=Quirks(repeat_identity=strict))
        ann = venue.log_on("ann")
        venue.send(ann, buy("a1", more="|79=1"))
        venue.send(ann, cancel("c1", "a1"))
        assert ann.sent[-1].msg_type == answer

    def test_a_settlement_is_told_once_for_the_party(self, venue: Venue) -> None:
        ann, after = venue.log_on("ann"), venue.log_on("after", PT, "ann")
        venue.house(Side.SELL, "5", "0.50")
        venue.send(ann, buy("a1", "5", "0.50", more="|79=1"))
        venue.house(Side.BUY, "2", "0.40")
        venue.send(ann, sell("a2", "2", "0.40") + "|79=2")
        venue.app.settle(MARKET, Result.YES, Decimal(1), venue.clock.now().utc_ns)
        (told,) = after.sent
        assert (told.text(20108), told.text(20109), told.text(704), told.text(705), told.text(1704)) == (
            "1",
            "ann",
            "5.00",
            "2.00",
            "5.0000",
        )


class TestCustomers:
    @pytest.fixture
    def venue(self) -> Venue:
        return Venue(accounts=Accounts([AccountSpec("fcm", customers=frozenset({"a1", "B2"}))]))

    @pytest.fixture
    def fcm(self, venue: Venue) -> Port:
        return venue.log_on("fcm")

    def test_an_order_is_the_customers(self, venue: Venue, fcm: Port) -> None:
        venue.house(Side.SELL, "2", "0.50")
        venue.send(fcm, buy("o1", "2", more=party("fcm_a1")))
        assert venue.engine.ledger.positions["fcm_a1", MARKET] == 2
        assert ("fcm", MARKET) not in venue.engine.ledger.positions
        assert text_of(fcm.sent[0]).count("|453=1|448=fcm_a1|452=24|") == 1

    def test_customers_trade_with_each_other(self, venue: Venue, fcm: Port) -> None:
        venue.send(fcm, buy("o1", "2", more=party("fcm_a1")))
        venue.send(fcm, sell("o2", "2") + party("fcm_B2"))
        assert fcm.types() == ["0", "F", "F"]

    @pytest.mark.parametrize(
        ("customer", "text"),
        [
            ("fcm_a2", "CUSTOMER_ACCOUNT_NOT_FOUND"),
            ("fcm_b2", "CUSTOMER_ACCOUNT_NOT_FOUND"),
            ("fcm", "PERMISSION_DENIED_FOR_CUSTOMER_ACCOUNT"),
            ("other_a1", "PERMISSION_DENIED_FOR_CUSTOMER_ACCOUNT"),
        ],
    )
    def test_others_are_refused(self, venue: Venue, fcm: Port, customer: str, text: str) -> None:
        venue.send(fcm, buy("o1", more=party(customer)))
        assert reason(fcm.sent[0]) == ("8", "15", text)

    def test_a_group_of_another_shape_is_ignored(self, venue: Venue, fcm: Port) -> None:
        venue.send(fcm, buy("o1", more="|453=2|448=fcm_a1|452=24|448=x|452=24"))
        assert venue.engine.ledger.order("o1").terms.owner.account == "fcm"

    def test_an_account_that_is_no_fcm_only_gets_it_back(self, venue: Venue) -> None:
        ann = venue.log_on("ann")
        venue.send(ann, buy("o1", more=party("fcm_a1")))
        assert venue.engine.ledger.order("o1").terms.owner.account == "ann"
        assert ann.sent[0].text(448) == "fcm_a1"

    def test_a_request_for_another_customers_order_does_not_find_it(self, venue: Venue, fcm: Port) -> None:
        venue.send(fcm, buy("o1", more=party("fcm_a1")))
        venue.send(fcm, cancel("c1", "o1", party("fcm_B2")))
        assert (fcm.sent[-1].msg_type, fcm.sent[-1].text(102)) == ("9", "1")

    def test_the_fcm_sees_all_of_it(self, venue: Venue, fcm: Port) -> None:
        listener = venue.log_on("ear", RT, "fcm", "|20126=Y")
        copy = venue.log_on("copy", DC, "fcm")
        after = venue.log_on("after", PT, "fcm")
        venue.house(Side.SELL, "2", "0.50")
        venue.send(fcm, buy("o1", "2", more=party("fcm_a1")))
        venue.send(copy, "35=U1|34=7|21001=1;1")
        venue.app.settle(MARKET, Result.YES, Decimal(1), venue.clock.now().utc_ns)
        assert (listener.types(), copy.types()) == (["F"], ["F", "U2"])
        assert after.sent[0].text(20109) == "fcm_a1"

    def test_requests_for_quote_are_the_customers_too(self, venue: Venue) -> None:
        creator, maker = venue.log_on("fcm", RT), venue.log_on("maker", RFQ)
        own = venue.log_on("own", RFQ, "fcm")
        venue.send(creator, f"35=R|131=c1|146=1|55={MARKET}|38=10|453=1|448=fcm_a1|452=24")
        assert (maker.types(), own.types()) == (["R"], [])
        rfq_id = creator.sent[-1].text(21023)
        venue.send(maker, f"35=S|117=q1|131={rfq_id}|55={MARKET}|133=0.50")
        venue.send(creator, "35=UA|117=q1|54=1")
        assert creator.sent[-1].text(58) == "NOT_FOUND"
        venue.send(creator, "35=UA|117=q1|54=1" + party("fcm_a1"))
        assert creator.sent[-1].text(21025) == "0"
        venue.send(creator, "35=UE|131=c2" + party("fcm_c3"))
        assert creator.sent[-1].text(58) == "CUSTOMER_ACCOUNT_NOT_FOUND"


class TestOperators:
    def test_the_creators_is_on_every_report_but_those_that_another_asked_for(self) -> None:
        venue = Venue()
        ann = venue.log_on("ann")
        venue.send(ann, buy("a1", "5", more="|50=joe" + party("c_1")))
        venue.house(Side.SELL, "2", "0.55")
        venue.send(ann, f"35=G|11=a2|41=a1|38=4|40=2|54=1|55={MARKET}|50=jim")
        venue.send(ann, cancel("a3", "a2"))
        operators = [text_of(report).split("|453=2|448=c_1|452=24|448=")[1][:3] for report in ann.sent]
        assert operators == ["joe", "joe", "jim", "joe"]

    def test_it_may_be_the_only_party(self) -> None:
        venue = Venue()
        ann = venue.log_on("ann")
        venue.send(ann, buy("a1", "5", more="|50=joe smith"))
        assert "|453=1|448=joe smith|452=12|" in text_of(ann.sent[0])

    def test_an_order_that_accepts_a_quote_has_none(self) -> None:
        venue = Venue()
        ann = venue.log_on("ann")
        venue.send(ann, buy("a1", "5", more="|50=joe|117=gone"))
        assert (ann.sent[0].text(58), ann.sent[0].text(448)) == ("EXPIRED", None)

    @pytest.mark.parametrize("name", ["seventeen letters", "tab\there", "caf\u00e9"])
    def test_it_is_up_to_sixteen_printable_characters(self, name: str) -> None:
        venue = Venue()
        reject = venue.refused(venue.log_on("ann"), buy("a1", more=f"|50={name}"))
        assert (reject.ref_tag, reject.reason) == (50, 5)

    def test_other_messages_have_none(self) -> None:
        venue = Venue()
        reject = venue.refused(venue.log_on("ann"), "35=q|11=m|530=6|50=joe")
        assert (reject.ref_tag, reject.reason) == (50, 2)


def test_a_lost_connection_cancels_the_orders_of_every_subaccount() -> None:
    venue = Venue()
    ann = venue.log_on("ann", flags="|8013=Y")
    for number in (0, 7):
        venue.send(ann, buy(f"a{number}", more=f"|79={number}"))
    ann.active = False
    venue.app.on_disconnect(ann)
    assert {order.state for order in venue.engine.ledger.orders.values()} == {State.CANCELLED}
