"""The rules of matching, one by one."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.sim.admission import Trading
from fixgw.sim.orders import (
    Accepted,
    Cancelled,
    CancelRejected,
    Cause,
    CxlRejReason,
    Fate,
    OrdRejReason,
    Owner,
    Pending,
    Rejected,
    Replaced,
    ResponseTo,
    SelfTrade,
    Side,
    State,
    TimeInForce,
    Traded,
)
from tests.sim.desk import MARKET, NOON, SECOND, Desk, cancel_of, causes, kinds

BUY, SELL = Side.BUY, Side.SELL
D = Decimal


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_order_that_meets_nobody_rests(desk: Desk) -> None:
    (event,) = desk.submit(desk.terms("ann", BUY, 10, "0.55"))
    assert isinstance(event, Accepted)
    assert event.fate is Fate.RESTS
    assert desk.depth(BUY) == [("0.55", "10")]


def test_every_cycle_begins_with_pending_which_has_the_order_id_but_no_exec_id(desk: Desk) -> None:
    pending, accepted = desk.engine.submit(desk.terms("ann", BUY, 10, "0.55"), desk.now)
    assert isinstance(pending, Pending)
    assert isinstance(accepted, Accepted)
    assert pending.order.order_id == accepted.order.order_id
    assert not hasattr(pending, "exec_id")


def test_trades_happen_at_the_resting_price_best_first_then_oldest_first(desk: Desk) -> None:
    late_best = desk.sell("bob", 1, "0.50")
    first, second = desk.sell("bob", 2, "0.51"), desk.sell("cat", 2, "0.51")
    taker = desk.buy("ann", 4, "0.60")
    makers = [t.order.order_id for t in desk.ledger.trades() if not t.aggressor]
    assert makers == [late_best.order_id, first.order_id, second.order_id]
    assert [str(t.price) for t in desk.ledger.trades(taker.terms.cl_ord_id)] == ["0.50", "0.51", "0.51"]
    assert (taker.state, second.leaves, taker.avg_px) == (State.FILLED, Decimal(1), Decimal("0.5075"))


def test_a_partly_filled_order_rests_with_what_is_left(desk: Desk) -> None:
    desk.sell("bob", "2.5", "0.50")
    taker = desk.buy("ann", 10, "0.50")
    assert (taker.cum, taker.leaves, taker.state) == (Decimal("2.5"), Decimal("7.5"), State.OPEN)
    assert desk.depth(BUY) == [("0.50", "7.5")]
    assert desk.depth(SELL) == []


def test_both_sides_of_a_trade_share_the_match_id_and_only_the_taker_pays(desk: Desk) -> None:
    desk.sell("bob", 4, "0.75")
    desk.buy("ann", 4, "0.75")
    taken, made = desk.ledger.trades()
    assert taken.match_id == made.match_id
    assert (taken.aggressor, made.aggressor) == (True, False)
    assert (taken.fee, made.fee) == (Decimal("0.0525"), D(0))
    assert (taken.balance, made.balance) == (Decimal("-3.0525"), Decimal("-1.00"))


def test_fees_are_rounded_up_to_a_hundredth_of_a_cent(desk: Desk) -> None:
    desk.sell("bob", "0.01", "0.51")
    desk.buy("ann", "0.01", "0.51")
    assert next(desk.ledger.trades()).fee == Decimal("0.0002")  # 0.00017493


def test_exec_ids_are_the_cycle_and_a_counter_within_it(desk: Desk) -> None:
    desk.sell("bob", 1, "0.50")
    desk.buy("ann", 2, "0.50")
    desk.ioc("ann", BUY, 1, "0.10")
    assert [event.exec_id for event in desk.ledger.executions] == ["1;1", "2;1", "2;2", "2;3", "3;1", "3;2"]


def test_the_number_of_the_first_cycle_can_be_chosen() -> None:
    desk = Desk(clock=103)
    desk.sell("bob", 1, "0.50")
    assert desk.ledger.executions[0].exec_id == "104;1"


@pytest.mark.parametrize("other", ["x", "y"])
def test_ids_follow_from_the_seed(other: str) -> None:
    ids = [Desk(seed=seed).buy("ann", 1, "0.5").order_id for seed in ("x", "x", other)]
    assert ids[0] == ids[1]
    assert (ids[0] == ids[2]) is (other == "x")


class TestTimeInForce:
    def test_ioc_that_fills_in_part_drops_the_rest(self, desk: Desk) -> None:
        desk.sell("bob", 3, "0.50")
        events = desk.submit(desk.terms("ann", BUY, 5, "0.50", time_in_force=TimeInForce.IOC))
        assert kinds(events) == ["Accepted", "Traded", "Traded", "Cancelled"]
        assert causes(events) == ["IOC"]
        assert desk.depth(BUY) == []

    def test_ioc_that_fills_nothing_is_cancelled_on_entry(self, desk: Desk) -> None:
        events = desk.submit(desk.terms("ann", BUY, 5, "0.50", time_in_force=TimeInForce.IOC))
        accepted, cancelled = events
        assert isinstance(accepted, Accepted)
        assert isinstance(cancelled, Cancelled)
        assert accepted.fate is Fate.DIES
        assert (cancelled.cause, cancelled.on_entry, cancelled.order.leaves) == (Cause.IOC, True, D(0))

    def test_fok_fills_whole_or_not_at_all(self, desk: Desk) -> None:
        desk.sell("bob", 3, "0.50")
        desk.sell("bob", 3, "0.52")
        too_big = desk.buy("ann", 4, "0.51", time_in_force=TimeInForce.FOK)
        assert (too_big.cum, too_big.state) == (D(0), State.CANCELLED)
        assert desk.ledger.executions[-1].cause is Cause.FOK  # type: ignore[union-attr]
        fits = desk.buy("ann", 4, "0.52", time_in_force=TimeInForce.FOK)
        assert (fits.cum, fits.state) == (D(4), State.FILLED)

    def test_day_orders_last_until_midnight_in_new_york(self, desk: Desk) -> None:
        order = desk.buy("ann", 1, "0.50", time_in_force=TimeInForce.DAY)
        assert order.terms.expire_ns == 1_791_604_799_999_000_000  # 2026-10-10T03:59:59.999Z
        assert desk.engine.next_expiry == order.terms.expire_ns
        assert desk.engine.expire(order.terms.expire_ns - 1) == []
        events = desk.engine.expire(order.terms.expire_ns)
        assert causes(events) == ["EXPIRY"]
        assert order.state is State.EXPIRED
        assert list(desk.engine.open_orders()) == []

    def test_gtd_in_the_past_is_taken_as_ioc(self, desk: Desk) -> None:
        order = desk.buy("ann", 1, "0.50", time_in_force=TimeInForce.GTD, expire_ns=NOON)
        assert (order.terms.time_in_force, order.state) == (TimeInForce.IOC, State.CANCELLED)

    def test_only_what_is_still_open_and_due_expires(self, desk: Desk) -> None:
        gone, extended, due = (
            desk.buy("ann", 1, "0.50", time_in_force=TimeInForce.GTD, expire_ns=NOON + SECOND)
            for _ in range(3)
        )
        desk.cancel(gone)
        desk.replace(extended, 1, time_in_force=TimeInForce.GTD, expire_ns=NOON + 9 * SECOND)
        desk.engine.expire(NOON + SECOND)
        assert [order.state for order in (gone, extended, due)] == [
            State.CANCELLED,
            State.OPEN,
            State.EXPIRED,
        ]
        desk.replace(extended, 1, time_in_force=TimeInForce.GTC)
        assert desk.engine.expire(NOON + 9 * SECOND) == []


class TestPostOnlyAndReduceOnly:
    def test_post_only_that_would_trade_is_cancelled(self, desk: Desk) -> None:
        desk.sell("bob", 1, "0.50")
        events = desk.submit(desk.terms("ann", BUY, 1, "0.50", post_only=True))
        assert causes(events) == ["POST_ONLY"]

    def test_post_only_that_meets_nobody_rests(self, desk: Desk) -> None:
        desk.sell("bob", 1, "0.51")
        assert desk.buy("ann", 1, "0.50", post_only=True).state is State.OPEN

    def test_reduce_only_without_a_position_is_cancelled(self, desk: Desk) -> None:
        desk.buy("bob", 1, "0.50")
        order = desk.ioc("ann", SELL, 1, "0.50", reduce_only=True)
        assert (order.state, order.cum) == (State.CANCELLED, D(0))

    def test_reduce_only_stops_when_the_position_is_closed(self, desk: Desk) -> None:
        desk.sell("bob", 2, "0.50")
        desk.buy("ann", 2, "0.50")
        desk.buy("bob", 5, "0.49")
        order = desk.ioc("ann", SELL, 5, "0.49", reduce_only=True)
        assert (order.cum, desk.ledger.positions["ann", MARKET]) == (D(2), D(0))
        assert desk.ledger.executions[-1].cause is Cause.REDUCE_ONLY  # type: ignore[union-attr]

    def test_reduce_only_closes_no_with_a_buy(self, desk: Desk) -> None:
        desk.buy("bob", 2, "0.50")
        desk.sell("ann", 2, "0.50")
        desk.sell("bob", 1, "0.51")
        order = desk.ioc("ann", BUY, 2, "0.51", reduce_only=True)
        assert (order.cum, desk.ledger.positions["ann", MARKET]) == (D(1), D(-1))
        assert desk.ledger.executions[-1].cause is Cause.IOC  # type: ignore[union-attr]

    def test_reduce_only_has_to_be_ioc(self, desk: Desk) -> None:
        (event,) = desk.submit(desk.terms("ann", SELL, 1, "0.50", reduce_only=True))
        assert isinstance(event, Rejected)
        assert (event.reason, event.text) == (OrdRejReason.UNSUPPORTED, "INVALID_ORDER")


class TestMaxExecutionCost:
    @pytest.mark.parametrize(
        ("qty", "tif", "cost", "cum"),
        [
            (2, TimeInForce.IOC, "1.02", 2),  # 0.50 + 0.52
            (2, TimeInForce.IOC, "1.01", 0),
            (9, TimeInForce.IOC, "1.02", 2),  # the rest never costs anything
            (3, TimeInForce.GTC, "1.57", 2),  # the rest may cost 0.55
            (3, TimeInForce.GTC, "1.56", 0),
        ],
    )
    def test_buyer(self, desk: Desk, qty: int, tif: TimeInForce, cost: str, cum: int) -> None:
        desk.sell("bob", 1, "0.50")
        desk.sell("bob", 1, "0.52")
        order = desk.buy("ann", qty, "0.55", time_in_force=tif, max_cost=Decimal(cost))
        assert order.cum == cum
        assert order.state is (State.CANCELLED if cum == 0 else order.state)

    def test_a_seller_pays_for_no(self, desk: Desk) -> None:
        desk.buy("bob", 1, "0.80")
        assert desk.ioc("ann", SELL, 1, "0.80", max_cost=Decimal("0.19")).cum == 0
        assert desk.ioc("ann", SELL, 1, "0.80", max_cost=Decimal("0.20")).cum == 1


class TestSelfTrade:
    def test_taker_gives_way_after_trading_with_others(self, desk: Desk) -> None:
        desk.sell("bob", 1, "0.50")
        own = desk.sell("ann", 1, "0.51")
        events = desk.submit(desk.terms("ann", BUY, 3, "0.52"))
        assert kinds(events) == ["Accepted", "Traded", "Traded", "Cancelled"]
        assert causes(events) == ["TAKER"]
        assert own.state is State.OPEN

    def test_maker_gives_way_in_full_and_matching_goes_on(self, desk: Desk) -> None:
        own = desk.sell("ann", 1, "0.50")
        desk.sell("bob", 1, "0.51")
        order = desk.buy("ann", 3, "0.52", self_trade=SelfTrade.MAKER)
        assert (own.state, order.cum, order.leaves) == (State.CANCELLED, D(1), D(2))

    @pytest.mark.parametrize(("mode", "cum"), [(SelfTrade.TAKER, 0), (SelfTrade.MAKER, 2)])
    def test_fok_counts_only_what_it_could_trade(self, desk: Desk, mode: SelfTrade, cum: int) -> None:
        desk.sell("ann", 1, "0.50")
        desk.sell("bob", 2, "0.51")
        assert desk.buy("ann", 2, "0.52", self_trade=mode, time_in_force=TimeInForce.FOK).cum == cum

    def test_it_is_the_account_that_counts_not_the_session(self, desk: Desk) -> None:
        desk.sell("ann", 1, "0.50")
        other_key = desk.terms("ann", BUY, 1, "0.50", cl_ord_id="other")
        desk.submit(
            type(other_key)("k2", Owner("ann", "second key"), MARKET, BUY, Decimal(1), Decimal("0.50"))
        )
        assert list(desk.ledger.trades()) == []


class TestRefusedOrders:
    @pytest.mark.parametrize(
        ("change", "reason", "text"),
        [
            ({"symbol": "NOWHERE"}, OrdRejReason.UNKNOWN_SYMBOL, "MARKET_NOT_FOUND"),
            ({"qty": "0"}, OrdRejReason.INCORRECT_QUANTITY, "INVALID_QUANTITY"),
            ({"qty": "1.001"}, OrdRejReason.INCORRECT_QUANTITY, "INVALID_QUANTITY"),
            ({"order_group": "g"}, OrdRejReason.UNSUPPORTED, "ORDER_GROUP_NOT_FOUND"),
            ({"quote": "q"}, OrdRejReason.STALE_ORDER, "EXPIRED"),
            ({"qty": "-1"}, OrdRejReason.INCORRECT_QUANTITY, "INVALID_QUANTITY"),
            ({"price": "0.505"}, OrdRejReason.UNSUPPORTED, "INVALID_ORDER"),
            ({"price": "1"}, OrdRejReason.UNSUPPORTED, "INVALID_ORDER"),
        ],
    )
    def test_bad_terms(self, desk: Desk, change: dict[str, str], reason: OrdRejReason, text: str) -> None:
        terms = desk.terms("ann", BUY, change.pop("qty", 1), change.pop("price", "0.50"), **change)
        (event,) = desk.submit(terms)
        assert isinstance(event, Rejected)
        assert (event.reason, event.text, event.order.leaves) == (reason, text, D(0))
        assert desk.ledger.order(terms.cl_ord_id).state is State.REJECTED

    def test_a_used_id_stays_used_after_the_order_is_done(self, desk: Desk) -> None:
        first = desk.buy("ann", 1, "0.50", cl_ord_id="one")
        desk.cancel(first)
        (event,) = desk.submit(desk.terms("ann", BUY, 1, "0.50", cl_ord_id="one"))
        assert isinstance(event, Rejected)
        assert (event.reason, event.text) == (OrdRejReason.DUPLICATE_ORDER, "ORDER_ALREADY_EXISTS")
        assert desk.ledger.order("one") is first

    def test_the_id_of_a_refused_order_may_be_used_again(self, desk: Desk) -> None:
        desk.buy("ann", 0, "0.50", cl_ord_id="one")
        assert desk.buy("ann", 1, "0.50", cl_ord_id="one").state is State.OPEN

    def test_two_sessions_may_use_the_same_id(self, desk: Desk) -> None:
        desk.submit(desk.terms("ann", BUY, 1, "0.50", cl_ord_id="one"))
        (event,) = desk.submit(desk.terms("bob", BUY, 1, "0.50", cl_ord_id="one"))
        assert isinstance(event, Accepted)
        with pytest.raises(KeyError, match="known for 2 orders"):
            desk.ledger.order("one")


class TestCancel:
    def test_the_whole_rest_goes_under_the_id_of_the_request(self, desk: Desk) -> None:
        order = desk.buy("ann", 5, "0.50")
        desk.sell("bob", 2, "0.50")
        (event,) = desk.cancel(order)
        assert isinstance(event, Cancelled)
        assert (event.cause, event.cl_ord_id, event.orig_cl_ord_id) == (Cause.REQUEST, "f-3", "ann-1")
        assert (order.state, order.cum, order.leaves) == (State.CANCELLED, D(2), D(0))
        assert desk.depth(BUY) == []
        assert order.cl_ord_ids == ["ann-1", "f-3"]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"orig_cl_ord_id": "no such"},
            {"side": SELL},
            {"symbol": "OTHER"},
            {"order_id": "another"},
            {"owner": Owner("bob", "bob")},
        ],
    )
    def test_an_order_that_is_not_meant_is_unknown(self, desk: Desk, wrong: dict[str, object]) -> None:
        order = desk.buy("ann", 5, "0.50")
        (event,) = desk.cancel(order, **wrong)
        assert isinstance(event, CancelRejected)
        assert (event.reason, event.response_to) == (CxlRejReason.UNKNOWN_ORDER, ResponseTo.CANCEL)
        assert order.state is State.OPEN

    def test_the_right_order_id_is_accepted(self, desk: Desk) -> None:
        order = desk.buy("ann", 5, "0.50")
        assert kinds(desk.cancel(order, order_id=order.order_id)) == ["Cancelled"]

    def test_a_done_order_is_too_late(self, desk: Desk) -> None:
        filled, cancelled = desk.sell("bob", 1, "0.50"), desk.buy("ann", 2, "0.50")
        desk.cancel(cancelled)
        for order, text in ((filled, "ORDER_ALREADY_FILLED"), (cancelled, "ORDER_ALREADY_CANCELLED")):
            (event,) = desk.cancel(order)
            assert isinstance(event, CancelRejected)
            assert (event.reason, event.text) == (CxlRejReason.TOO_LATE, text)

    def test_an_earlier_id_of_the_chain_no_longer_works(self, desk: Desk) -> None:
        order = desk.buy("ann", 5, "0.50")
        desk.replace(order, 4)
        (event,) = desk.cancel(order, orig_cl_ord_id="ann-1")
        assert isinstance(event, CancelRejected)
        assert event.reason is CxlRejReason.UNKNOWN_ORDER

    def test_the_request_needs_an_id_of_its_own(self, desk: Desk) -> None:
        order = desk.buy("ann", 5, "0.50")
        (event,) = desk.engine.cancel(cancel_of(order, order.terms.cl_ord_id), desk.now)
        assert isinstance(event, CancelRejected)
        assert (event.reason, event.text) == (CxlRejReason.DUPLICATE_CL_ORD_ID, "ORDER_ALREADY_EXISTS")

    def test_many_at_once_in_one_cycle(self, desk: Desk) -> None:
        desk.buy("ann", 5, "0.50")
        desk.buy("bob", 5, "0.50")
        desk.sell("ann", 5, "0.60")
        events = desk.engine.cancel_where(lambda order: order.terms.owner.account == "ann", desk.now)
        assert [e.exec_id for e in events if isinstance(e, Cancelled)] == ["4;1", "4;2"]
        assert [order.terms.owner.account for order in desk.engine.open_orders()] == ["bob"]


class TestReplace:
    def queue(self, desk: Desk) -> list[str]:
        return [order.terms.owner.account for order in desk.book.side(BUY)]

    @pytest.mark.parametrize(
        ("qty", "price", "more", "keeps"),
        [
            (3, None, {}, True),
            (5, "0.50", {}, True),
            (5, None, {"time_in_force": TimeInForce.DAY}, True),
            (6, None, {}, False),
            (5, "0.49", {}, False),
        ],
    )
    def test_place_in_the_queue(
        self, desk: Desk, qty: int, price: str | None, more: dict[str, object], keeps: bool
    ) -> None:
        order = desk.buy("ann", 5, "0.50")
        desk.buy("bob", 5, "0.50")
        (event,) = desk.replace(order, qty, price, **more)
        assert isinstance(event, Replaced)
        assert self.queue(desk) == (["ann", "bob"] if keeps else ["bob", "ann"])
        assert (event.order.leaves, event.orig_cl_ord_id) == (D(qty), "ann-1")

    def test_the_chain_of_ids_grows_and_the_order_id_stays(self, desk: Desk) -> None:
        order = desk.buy("ann", 5, "0.50")
        for name in ("g1", "g2"):
            desk.replace(order, 5, cl_ord_id=name)
        assert order.cl_ord_ids == ["ann-1", "g1", "g2"]
        assert desk.ledger.order("g1") is order

    def test_to_the_executed_quantity_cancels(self, desk: Desk) -> None:
        order = desk.buy("ann", 5, "0.50")
        desk.sell("bob", 2, "0.50")
        (event,) = desk.replace(order, 2, cl_ord_id="g")
        assert isinstance(event, Cancelled)
        assert (event.cl_ord_id, event.orig_cl_ord_id, order.state) == ("g", "ann-1", State.CANCELLED)

    def test_a_new_price_may_trade_at_once(self, desk: Desk) -> None:
        desk.sell("bob", 2, "0.55")
        order = desk.buy("ann", 5, "0.50")
        events = desk.replace(order, 5, "0.55")
        assert kinds(events) == ["Replaced", "Traded", "Traded"]
        assert (order.cum, desk.depth(BUY)) == (D(2), [("0.55", "3")])

    def test_a_new_price_may_fill_it(self, desk: Desk) -> None:
        desk.sell("bob", 5, "0.55")
        order = desk.buy("ann", 5, "0.50")
        desk.replace(order, 5, "0.55")
        assert (order.state, list(desk.engine.open_orders())) == (State.FILLED, [])

    @pytest.mark.parametrize(
        ("qty", "price", "more", "reason", "text"),
        [
            (1, None, {}, CxlRejReason.BROKER, "INVALID_AMEND_QTY_FOR_ORDER"),
            (0, None, {}, CxlRejReason.BROKER, "INVALID_AMEND_QTY_FOR_ORDER"),
            (5, "0.505", {}, CxlRejReason.OTHER, "INVALID_PRICE"),
            (5, "1", {}, CxlRejReason.OTHER, "INVALID_PRICE"),
            (5, None, {"time_in_force": TimeInForce.IOC}, CxlRejReason.OTHER, "INVALID_ORDER"),
            (5, None, {"expire_ns": NOON + 1}, CxlRejReason.OTHER, "INVALID_ORDER"),
            (5, None, {"time_in_force": TimeInForce.GTD}, CxlRejReason.OTHER, "INVALID_ORDER"),
            (
                5,
                None,
                {"time_in_force": TimeInForce.GTD, "expire_ns": NOON},
                CxlRejReason.OTHER,
                "INVALID_ORDER",
            ),
            (5, None, {"side": SELL}, CxlRejReason.UNKNOWN_ORDER, "ORDER_NOT_FOUND"),
            (5, None, {"cl_ord_id": "ann-1"}, CxlRejReason.DUPLICATE_CL_ORD_ID, "ORDER_ALREADY_EXISTS"),
        ],
    )
    def test_refusals_leave_the_order_as_it_is(
        self,
        desk: Desk,
        qty: int,
        price: str | None,
        more: dict[str, object],
        reason: CxlRejReason,
        text: str,
    ) -> None:
        order = desk.buy("ann", 5, "0.50")
        desk.sell("bob", 2, "0.50")
        before = order.terms
        (event,) = desk.replace(order, qty, price, **more)
        assert isinstance(event, CancelRejected)
        assert (event.reason, event.text, event.response_to) == (reason, text, ResponseTo.REPLACE)
        assert order.terms is before

    def test_done_orders_can_not_be_replaced(self, desk: Desk) -> None:
        filled, cancelled = desk.sell("bob", 1, "0.50"), desk.buy("ann", 2, "0.50")
        desk.cancel(cancelled)
        for order, expected in (
            (filled, (CxlRejReason.BROKER, "CANNOT_UPDATE_FILLED_ORDER")),
            (cancelled, (CxlRejReason.TOO_LATE, "ORDER_ALREADY_CANCELLED")),
        ):
            (event,) = desk.replace(order, 3)
            assert isinstance(event, CancelRejected)
            assert (event.reason, event.text) == expected

    def test_an_order_may_not_be_moved_onto_ones_own(self, desk: Desk) -> None:
        desk.sell("ann", 1, "0.60")
        order = desk.buy("ann", 5, "0.50")
        (event,) = desk.replace(order, 5, "0.60")
        assert isinstance(event, CancelRejected)
        assert (event.reason, event.text) == (CxlRejReason.INVALID_PRICE_INCREMENT, "SELF_CROSS_ATTEMPT")

    def test_it_may_when_others_fill_it_before_it_reaches_ones_own(self, desk: Desk) -> None:
        desk.sell("bob", 5, "0.55")
        desk.sell("ann", 1, "0.60")
        order = desk.buy("ann", 5, "0.50")
        desk.replace(order, 5, "0.60")
        assert order.state is State.FILLED

    def test_a_post_only_order_may_not_be_moved_into_the_book(self, desk: Desk) -> None:
        desk.sell("bob", 1, "0.55")
        order = desk.buy("ann", 5, "0.50", post_only=True)
        (event,) = desk.replace(order, 5, "0.55")
        assert isinstance(event, CancelRejected)
        assert (event.reason, event.text) == (CxlRejReason.OTHER, "POST_ONLY_CROSS")

    def test_an_unknown_order_can_not_be_replaced(self, desk: Desk) -> None:
        order = desk.buy("ann", 5, "0.50")
        (event,) = desk.replace(order, 5, orig_cl_ord_id="no such")
        assert isinstance(event, CancelRejected)
        assert (event.reason, event.order) == (CxlRejReason.UNKNOWN_ORDER, None)


class TestPauses:
    def test_a_trading_pause_stops_orders_and_replaces_but_not_cancels(self, desk: Desk) -> None:
        stays = desk.buy("ann", 1, "0.50")
        goes = desk.buy("ann", 1, "0.50", cancel_on_pause=True)
        assert causes(desk.engine.pause(Trading.PAUSED, desk.now)) == ["REQUEST"]
        assert (stays.state, goes.state) == (State.OPEN, State.CANCELLED)
        (refused,) = desk.submit(desk.terms("ann", BUY, 1, "0.50"))
        assert isinstance(refused, Rejected)
        assert (refused.reason, refused.text) == (OrdRejReason.EXCHANGE_CLOSED, "TRADING_PAUSED")
        (unchanged,) = desk.replace(stays, 2)
        assert isinstance(unchanged, CancelRejected)
        assert unchanged.text == "TRADING_PAUSED"
        assert kinds(desk.cancel(stays)) == ["Cancelled"]

    def test_an_exchange_pause_stops_cancels_too(self, desk: Desk) -> None:
        order = desk.buy("ann", 1, "0.50")
        desk.engine.pause(Trading.EXCHANGE_PAUSED, desk.now)
        (event,) = desk.cancel(order)
        assert isinstance(event, CancelRejected)
        assert (event.reason, event.text) == (CxlRejReason.OTHER, "EXCHANGE_PAUSED")
        desk.engine.pause(Trading.OPEN, desk.now)
        assert kinds(desk.cancel(order)) == ["Cancelled"]

    def test_a_closed_market_cancels_what_rests_and_takes_nothing(self, desk: Desk) -> None:
        order = desk.buy("ann", 1, "0.50")
        assert causes(desk.engine.close_market(MARKET, desk.now)) == ["CLOSE"]
        assert order.state is State.EXPIRED
        (event,) = desk.submit(desk.terms("ann", BUY, 1, "0.50"))
        assert isinstance(event, Rejected)
        assert event.text == "MARKET_INACTIVE"

    def test_a_market_that_is_inactive_refuses_cancels_and_replaces(self, desk: Desk) -> None:
        order = desk.buy("ann", 1, "0.50")
        desk.book.active = False
        for events in (desk.cancel(order), desk.replace(order, 2)):
            (event,) = events
            assert isinstance(event, CancelRejected)
            assert event.text == "MARKET_INACTIVE"


def test_netting_pays_a_dollar_for_each_pair(desk: Desk) -> None:
    desk.sell("bob", 3, "0.40")
    desk.buy("ann", 3, "0.40")
    desk.buy("bob", 5, "0.70")
    desk.sell("ann", 5, "0.70")
    sold = [t for t in desk.ledger.trades() if isinstance(t, Traded) and t.order.terms.side is SELL][-1]
    assert (sold.position, sold.payout, sold.balance + sold.fee) == (D(-2), D(3), Decimal("-1.50"))
