"""The table of reports, row by row, and the Logon flags that change it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fixgw.fix.message import Message
from fixgw.sim.admission import Trading
from fixgw.sim.logon import LogonFlags
from fixgw.sim.orders import Order, Owner, SelfTrade, Side, TimeInForce
from fixgw.sim.reports import render, timestamp
from tests.sim.desk import MARKET, NOON, SECOND, Desk, cancel_of
from tests.sim.frames import text_of

BUY, SELL = Side.BUY, Side.SELL
PLAIN = LogonFlags(use_dollars=True, skip_pending_exec_reports=True)


class Watched(Desk):
    """A desk whose first account's reports are collected."""

    def __init__(self, **flags: bool) -> None:
        super().__init__(clock=103)
        self.flags = LogonFlags(**{"use_dollars": True, "skip_pending_exec_reports": True, **flags})
        submit = self.engine.submit
        self.reports: list[Message] = []
        self.engine.submit = self.watch(submit)  # type: ignore[method-assign]
        self.engine.cancel = self.watch(self.engine.cancel)  # type: ignore[method-assign]
        self.engine.replace = self.watch(self.engine.replace)  # type: ignore[method-assign]
        self.engine.expire = self.watch(self.engine.expire)  # type: ignore[method-assign]
        self.engine.pause = self.watch(self.engine.pause)  # type: ignore[method-assign]
        self.engine.close_market = self.watch(self.engine.close_market)  # type: ignore[method-assign]

    def watch(self, call: Any) -> Any:
        def watched(*arguments: Any) -> Any:
            events = call(*arguments)
            for event in events:
                subject = event.order.terms if getattr(event, "order", None) is not None else event.request
                report = render(event, self.flags) if subject.owner.account == "ann" else None
                if report is not None:
                    self.reports.append(report)
            return events

        return watched

    def rows(self) -> list[tuple[str | None, ...]]:
        """ExecType, OrdStatus, Text of each report."""
        return [(r.text(150), r.text(39), r.text(58)) for r in self.reports]


def ids(report: Message) -> tuple[str | None, str | None, str | None]:
    return report.text(11), report.text(41), report.text(17)


class TestSamples:
    """Field for field as in appendix B of the reference, ids and fees apart."""

    def test_new(self) -> None:
        desk = Watched()
        desk.buy("ann", 10, "0.75", cl_ord_id="550e8400-e29b-41d4-a716-446655440000")
        assert text_of(desk.reports[0], without=(37,)) == (
            "35=8|11=550e8400-e29b-41d4-a716-446655440000|17=104;1|150=0|39=0|54=1|55=HIGHNY-26DEC31|44=0.7500"
            "|38=10.00|151=10.00|14=0.00|6=0.0000|60=20261009-14:30:00.000|30=0"
        )

    def test_trade(self) -> None:
        desk = Watched()
        desk.buy("ann", 10, "0.75", cl_ord_id="c0")
        desk.sell("bob", 4, "0.75")
        assert text_of(desk.reports[1], without=(37, 880)) == (
            "35=8|11=c0|17=105;3|150=F|39=1|54=1|55=HIGHNY-26DEC31|44=0.7500|38=10.00|151=6.00|14=4.00|6=0.7500"
            "|31=0.7500|32=4.00|60=20261009-14:30:00.000|30=0|704=4.00|136=1|137=0.00|138=USD|139=4|891=0"
            "|1703=1|1704=-3.0000|1705=BALANCE|1057=N|715=20261009"
        )

    def test_cancel(self) -> None:
        desk = Watched()
        order = desk.buy("ann", 10, "0.75", cl_ord_id="c0")
        desk.sell("bob", 4, "0.75")
        desk.engine.cancel(cancel_of(order, "c1"), desk.now)
        assert text_of(desk.reports[2]) == (
            f"35=8|37={order.order_id}|11=c1|41=c0|17=106;1|150=4|39=4|54=1|55=HIGHNY-26DEC31|44=0.7500"
            "|38=4.00|151=0.00|14=4.00|6=0.7500|60=20261009-14:30:00.000|30=0"
        )


class TestRows:
    def test_pending_comes_first_unless_it_is_skipped(self) -> None:
        desk = Watched(skip_pending_exec_reports=False)
        order = desk.buy("ann", 2, "0.50", cl_ord_id="c0")
        desk.replace(order, 3, cl_ord_id="c1")
        desk.engine.cancel(cancel_of(order, "c2"), desk.now)
        assert [row[:2] for row in desk.rows()] == [
            ("A", "A"),
            ("0", "0"),
            ("E", "E"),
            ("5", "5"),
            ("6", "6"),
            ("4", "4"),
        ]
        pendings = desk.reports[0::2]
        assert [ids(report) for report in pendings] == [
            ("c0", None, "-1;-1"),
            ("c1", "c0", "-1;-1"),
            ("c2", "c1", "-1;-1"),
        ]
        assert {report.text(30) for report in pendings} == {None}
        assert {report.text(37) for report in desk.reports} == {order.order_id}

    @pytest.mark.parametrize(("always_new", "expected"), [(False, ["F"]), (True, ["0", "F"])])
    def test_new_is_folded_into_a_trade_of_the_same_cycle(
        self, always_new: bool, expected: list[str]
    ) -> None:
        desk = Watched(always_emit_new_before_trade=always_new)
        desk.sell("bob", 5, "0.50")
        desk.buy("ann", 5, "0.50")
        assert [row[0] for row in desk.rows()] == expected
        assert desk.rows()[-1] == ("F", "2", None)

    def test_what_rests_after_a_trade_is_partly_filled(self) -> None:
        desk = Watched()
        desk.sell("bob", 2, "0.50")
        desk.buy("ann", 5, "0.50")
        assert desk.rows() == [("F", "1", None)]

    def test_ioc_without_a_fill(self) -> None:
        desk = Watched(always_emit_new_before_trade=True)
        desk.ioc("ann", BUY, 1, "0.50")
        assert desk.rows() == [("4", "4", "IMMEDIATE_OR_CANCELLED")]
        assert desk.reports[0].text(41) is None

    @pytest.mark.parametrize("enabled", [False, True])
    def test_ioc_filled_in_part(self, enabled: bool) -> None:
        desk = Watched(enable_ioc_cancel_report=enabled)
        desk.sell("bob", 1, "0.50")
        desk.ioc("ann", BUY, 3, "0.50")
        assert desk.rows() == [("F", "1", None)] + [("4", "4", "IMMEDIATE_OR_CANCELLED")] * enabled

    def test_fok(self) -> None:
        desk = Watched()
        desk.buy("ann", 3, "0.50", time_in_force=TimeInForce.FOK)
        assert desk.rows() == [("4", "4", "FOK_INSUFFICIENT_VOLUME")]

    def test_post_only(self) -> None:
        desk = Watched()
        desk.sell("bob", 1, "0.50")
        desk.buy("ann", 3, "0.50", post_only=True)
        assert desk.rows() == [("4", "4", "POST_ONLY_CROSS")]

    def test_self_trade_taker(self) -> None:
        desk = Watched()
        desk.sell("ann", 1, "0.50")
        desk.buy("ann", 1, "0.50")
        assert desk.rows() == [("0", "0", None), ("4", "4", "TAKER_CANCEL_FOR_SELF_TRADE_PREVENTION")]

    def test_self_trade_maker(self) -> None:
        desk = Watched()
        own = desk.sell("ann", 1, "0.50")
        desk.buy("ann", 1, "0.50", self_trade=SelfTrade.MAKER)
        assert [row for row in desk.rows() if row[0] == "4"] == [
            ("4", "4", "MAKER_CANCEL_FOR_SELF_TRADE_PREVENTION")
        ]
        assert [r.text(37) for r in desk.reports if r.text(150) == "4"] == [own.order_id]

    def test_reduce_only(self) -> None:
        desk = Watched()
        desk.ioc("ann", SELL, 1, "0.50", reduce_only=True)
        assert desk.rows() == [("4", "4", "REDUCE_ONLY")]

    def test_a_cancel_by_the_venue_carries_the_orders_own_id(self) -> None:
        desk = Watched()
        desk.buy("ann", 1, "0.50", cl_ord_id="c0", cancel_on_pause=True)
        desk.engine.pause(Trading.PAUSED, desk.now)
        assert ids(desk.reports[1]) == ("c0", "c0", "105;1")
        assert desk.rows()[1] == ("4", "4", None)

    def test_replaced_confirms_the_validity(self) -> None:
        desk = Watched()
        order = desk.buy("ann", 5, "0.50", cl_ord_id="c0")
        desk.replace(order, 6, "0.51", cl_ord_id="c1")
        desk.replace(order, 6, time_in_force=TimeInForce.DAY, cl_ord_id="c2")
        kept, dated = desk.reports[1:]
        assert (ids(kept), kept.text(59), kept.text(126)) == (("c1", "c0", "105;1"), "1", None)
        assert (kept.text(44), kept.text(38), kept.text(150), kept.text(39)) == ("0.5100", "6.00", "5", "5")
        assert (dated.text(59), dated.text(126)) == ("6", "20261010-03:59:59.999")

    def test_replace_to_the_filled_quantity(self) -> None:
        desk = Watched()
        order = desk.buy("ann", 5, "0.50", cl_ord_id="c0")
        desk.sell("bob", 2, "0.50")
        desk.replace(order, 2, cl_ord_id="c1")
        assert desk.rows()[-1] == ("4", "4", None)
        assert ids(desk.reports[-1])[:2] == ("c1", "c0")

    @pytest.mark.parametrize(("flag", "kind"), [(False, "4"), (True, "C")])
    def test_expiry_and_close(self, flag: bool, kind: str) -> None:
        desk = Watched(use_expired_ord_status=flag)
        gone = desk.buy("ann", 1, "0.50", time_in_force=TimeInForce.GTD, expire_ns=NOON + SECOND)
        desk.engine.expire(NOON + SECOND)
        desk.buy("ann", 1, "0.50")
        desk.engine.close_market(MARKET, desk.now)
        assert [row for row in desk.rows() if row[0] != "0"] == [
            (kind, kind, "OrderExpiryCancel"),
            (kind, kind, "CloseCancel"),
        ]
        desk.book.active = True
        desk.cancel(gone)
        assert (desk.reports[-1].msg_type, desk.reports[-1].text(39)) == ("9", kind)

    def test_rejected(self) -> None:
        desk = Watched()
        desk.buy("ann", 5, "0.50", symbol="NOWHERE", cl_ord_id="c0")
        (report,) = desk.reports
        assert desk.rows() == [("8", "8", "MARKET_NOT_FOUND")]
        assert (report.text(103), report.text(38), report.text(151)) == ("1", "5.00", "0.00")
        assert ids(report) == ("c0", None, "-1;-1")


class TestCancelReject:
    def reject(self, desk: Watched) -> Message:
        report = desk.reports[-1]
        assert report.msg_type == "9"
        return report

    def test_unknown_order(self) -> None:
        desk = Watched()
        order = desk.buy("bob", 1, "0.50")
        desk.engine.cancel(cancel_of(order, "c1", orig_cl_ord_id="c0", owner=Owner("ann", "ann")), desk.now)
        assert text_of(self.reject(desk)) == "35=9|37=NONE|11=c1|41=c0|39=8|434=1|102=1|58=ORDER_NOT_FOUND"

    def test_replace_of_a_working_order_leaves_its_status(self) -> None:
        desk = Watched()
        order = desk.buy("ann", 5, "0.50", cl_ord_id="c0")
        desk.replace(order, 5, "0.505", cl_ord_id="c1")
        assert text_of(self.reject(desk)) == (
            f"35=9|37={order.order_id}|11=c1|41=c0|39=0|434=2|102=99|58=INVALID_PRICE"
        )
        desk.sell("bob", 2, "0.50")
        desk.replace(order, 1, cl_ord_id="c2")
        assert (self.reject(desk).text(39), self.reject(desk).text(102)) == ("1", "2")

    def test_done_orders(self) -> None:
        desk = Watched()
        filled = desk.buy("ann", 1, "0.50")
        desk.sell("bob", 1, "0.50")
        desk.cancel(filled)
        assert (self.reject(desk).text(39), self.reject(desk).text(102)) == ("2", "0")
        cancelled = desk.buy("ann", 1, "0.50")
        desk.cancel(cancelled)
        desk.cancel(cancelled)
        assert (self.reject(desk).text(39), self.reject(desk).text(102)) == ("4", "0")

    def test_a_request_that_names_a_refused_order_finds_none(self) -> None:
        desk = Watched()
        refused: Order = desk.buy("ann", 0, "0.50")
        desk.cancel(refused)
        assert (self.reject(desk).text(37), self.reject(desk).text(39)) == ("NONE", "8")


class TestFormats:
    def test_cents(self) -> None:
        desk = Watched(use_dollars=False)
        desk.sell("bob", 1, "0.50")
        desk.sell("bob", 2, "0.51")
        desk.buy("ann", 3, "0.60")
        last = desk.reports[-1]
        assert (last.text(44), last.text(31), last.text(6)) == ("60", "51", "50.67")

    def test_cents_with_a_fraction_on_a_subpenny_market(self) -> None:
        desk = Watched(use_dollars=False)
        desk.engine.list_market("FINE", subpenny=True)
        desk.buy("ann", 1, "0.5050", symbol="FINE")
        assert desk.reports[0].text(44) == "50.5"

    @pytest.mark.parametrize(("preserve", "qty"), [(False, "2.00"), (True, "5.00")])
    def test_the_quantity_of_a_cancelled_order(self, preserve: bool, qty: str) -> None:
        desk = Watched(preserve_original_order_qty=preserve)
        desk.sell("bob", 2, "0.50")
        order = desk.buy("ann", 5, "0.50")
        desk.cancel(order)
        assert desk.reports[-1].text(38) == qty

    def test_a_taker_pays_and_a_fee_has_as_many_places_as_it_needs(self) -> None:
        desk = Watched()
        desk.sell("bob", 4, "0.75")
        desk.buy("ann", 4, "0.75")
        assert (desk.reports[0].text(137), desk.reports[0].text(1057)) == ("0.0525", "Y")
        assert desk.reports[0].text(1704) == "-3.0525"

    def test_netting_is_a_payout(self) -> None:
        desk = Watched()
        desk.sell("bob", 3, "0.40")
        desk.buy("ann", 3, "0.40")
        desk.buy("bob", 5, "0.70")
        desk.sell("ann", 4, "0.70")
        last = desk.reports[-1]
        changes = [(entry.text(1704), entry.text(1705)) for entry in last.group(1703)]
        assert changes == [("-1.2588", "BALANCE"), ("3.0000", "PAYOUT")]
        assert (last.text(704), last.text(705)) == (None, "1.00")

    def test_a_flat_position_has_neither_side(self) -> None:
        desk = Watched()
        desk.sell("bob", 3, "0.40")
        desk.buy("ann", 3, "0.40")
        desk.buy("bob", 5, "0.70")
        desk.sell("ann", 3, "0.70")
        assert (desk.reports[-1].text(704), desk.reports[-1].text(705)) == (None, None)

    def test_what_came_is_echoed(self) -> None:
        desk = Watched()
        desk.buy("ann", 1, "0.40", echo=((79, "2"), (453, "1"), (448, "fcm_a1"), (452, "24")))
        assert text_of(desk.reports[0]).endswith(
            "6=0.0000|79=2|453=1|448=fcm_a1|452=24|60=20261009-14:30:00.000|30=0"
        )

    def test_time_is_cut_to_milliseconds(self) -> None:
        assert timestamp(NOON + 1_999_999) == "20261009-14:30:00.001"

    def test_average_is_rounded_to_four_places(self) -> None:
        desk = Watched()
        desk.sell("bob", 1, "0.50")
        desk.sell("bob", 2, "0.51")
        order = desk.buy("ann", 3, "0.60")
        assert desk.reports[-1].text(6) == "0.5067"
        assert order.paid == Decimal("1.52")


def test_the_flags_alone_decide_nothing_is_dropped() -> None:
    loud = LogonFlags(enable_ioc_cancel_report=True, always_emit_new_before_trade=True)
    desk = Desk()
    desk.sell("bob", 1, "0.50")
    events = desk.engine.submit(desk.terms("ann", BUY, 2, "0.50", time_in_force=TimeInForce.IOC), desk.now)
    assert len([event for event in events if render(event, loud)]) == len(events)
    assert len([event for event in events if render(event, PLAIN)]) == 2
