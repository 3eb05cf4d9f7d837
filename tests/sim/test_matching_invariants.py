"""What holds whatever is asked of the matching engine."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fixgw.sim.orders import Accepted, Cancelled, Order, SelfTrade, Side, State, TimeInForce, Traded
from tests.sim.desk import MARKET, Desk

ACCOUNTS = ("ann", "bob", "cat")
prices = st.integers(40, 60).map(lambda cents: Decimal(cents) / 100)
sizes = st.integers(1, 500).map(lambda hundredths: Decimal(hundredths) / 100)
lives = st.sampled_from([TimeInForce.GTC, TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK])


class Market(RuleBasedStateMachine):
    """Three accounts that send anything; the book and the ledger are checked after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.sent: list[Order] = []
        self.seen = 0

    @rule(
        who=st.sampled_from(ACCOUNTS),
        side=st.sampled_from(Side),
        qty=sizes,
        price=prices,
        life=lives,
        way=st.sampled_from(SelfTrade),
        post_only=st.booleans(),
    )
    def submit(
        self,
        who: str,
        side: Side,
        qty: Decimal,
        price: Decimal,
        life: TimeInForce,
        way: SelfTrade,
        post_only: bool,
    ) -> None:
        more = {"time_in_force": life, "self_trade": way, "post_only": post_only}
        self.sent.append(self.desk.order(who, side, qty, price, **more))

    @rule(which=st.integers(0, 10_000))
    def cancel(self, which: int) -> None:
        if self.sent:
            self.desk.cancel(self.sent[which % len(self.sent)])

    @rule(which=st.integers(0, 10_000), qty=sizes, price=st.none() | prices)
    def replace(self, which: int, qty: Decimal, price: Decimal | None) -> None:
        if self.sent:
            self.desk.replace(self.sent[which % len(self.sent)], qty, price)

    @rule(seconds=st.integers(1, 40_000))
    def wait(self, seconds: int) -> None:
        self.desk.now += seconds * 1_000_000_000
        self.desk.engine.expire(self.desk.now)

    @invariant()
    def the_book_is_not_crossed(self) -> None:
        bid, offer = (self.desk.book.side(side).best for side in (Side.BUY, Side.SELL))
        assert bid is None or offer is None or bid.terms.price < offer.terms.price

    @invariant()
    def exactly_the_open_orders_rest(self) -> None:
        resting = {order.order_id for order in self.desk.engine.open_orders()}
        assert resting == {order.order_id for order in self.sent if order.state is State.OPEN}

    @invariant()
    def quantity_is_conserved(self) -> None:
        for order in self.sent:
            traded = sum(t.qty for t in self.desk.ledger.trades(order.terms.cl_ord_id))
            assert order.cum == traded <= order.terms.qty
            assert order.leaves == (order.terms.qty - order.cum if order.state is State.OPEN else 0)
            assert (order.state is State.FILLED) == (order.cum == order.terms.qty)

    @invariant()
    def positions_and_money_add_up(self) -> None:
        positions = [qty for (_, symbol), qty in self.desk.ledger.positions.items() if symbol == MARKET]
        assert sum(positions) == 0
        pairs_outstanding = sum(qty for qty in positions if qty > 0)
        assert sum(self.desk.ledger.cash.values()) + pairs_outstanding + self.desk.ledger.fees == 0

    @invariant()
    def cash_is_profit_less_fees_and_what_open_contracts_cost(self) -> None:
        for holding in self.desk.ledger.holdings.values():
            paid = holding.cost + max(-holding.position, Decimal(0))  # a NO costs what is left of one dollar
            assert abs(holding.cash + holding.fees - holding.realised + paid) < Decimal("1e-20")
            assert holding.position == holding.bought - holding.sold

    @invariant()
    def new_trades_respect_price_and_time(self) -> None:
        fresh = self.desk.ledger.executions[self.seen :]
        self.seen = len(self.desk.ledger.executions)
        for taken, made in pairwise(fresh):
            if isinstance(taken, Traded) and isinstance(made, Traded) and taken.match_id == made.match_id:
                self.check_trade(taken, made)

    def check_trade(self, taken: Traded, made: Traded) -> None:
        assert taken.aggressor
        assert not made.aggressor
        assert taken.order.terms.owner.account != made.order.terms.owner.account
        assert taken.price == made.order.terms.price
        limit, sign = taken.order.terms.price, 1 if taken.order.terms.side is Side.BUY else -1
        assert sign * taken.price <= sign * limit
        better = [
            resting
            for resting in self.desk.book.side(made.order.terms.side)
            if sign * resting.terms.price < sign * made.price
        ]
        assert not better or taken.order.terms.owner.account == better[0].terms.owner.account

    @invariant()
    def exec_ids_only_grow(self) -> None:
        numbers = [tuple(map(int, event.exec_id.split(";"))) for event in self.desk.ledger.executions]
        assert numbers == sorted(set(numbers))

    @invariant()
    def every_order_is_accepted_once_and_ends_once(self) -> None:
        for order in self.sent:
            mine = [e for e in self.desk.ledger.executions if e.order.order_id == order.order_id]
            assert sum(isinstance(event, Accepted) for event in mine) == 1
            assert sum(isinstance(event, Cancelled) for event in mine) == (
                order.state in (State.CANCELLED, State.EXPIRED)
            )


Market.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestMarket = Market.TestCase
