"""What an account can afford: balances, what open orders tie up, and limits on positions."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest

from fixgw.sim.accounts import Accounts, AccountSpec
from fixgw.sim.holdings import collateral
from fixgw.sim.kinds import RFQ, RT
from fixgw.sim.orders import CancelRejected, Holder, Owner, Rejected, Side, Terms
from tests.sim.desk import MARKET, Desk
from tests.sim.test_app import Venue

BUY, SELL = Side.BUY, Side.SELL
D = Decimal
OTHER = "KXFED-26DEC-T4.00"


def rich(dollars: str, **limits: Decimal) -> Desk:
    """A desk at which ann has so many dollars."""
    spec = AccountSpec("ann", balances={0: D(dollars)}, **limits)  # type: ignore[arg-type]
    desk = Desk(accounts=Accounts([spec]))
    desk.engine.list_market(OTHER)
    return desk


def refused(desk: Desk, side: Side, qty: object, price: object, **more: object) -> str:
    """Return why an order of ann's is refused, empty when it is not."""
    events = desk.submit(desk.terms("ann", side, qty, price, **more))
    return next((event.text for event in events if isinstance(event, Rejected)), "")


def terms(side: Side, price: str) -> Terms:
    return Terms("a", Owner("ann", "ann"), MARKET, side, D(100), D(price))


@pytest.mark.parametrize(
    ("orders", "position", "dollars"),
    [
        ([], "0", "0"),
        ([(BUY, "0.40", "10")], "0", "4"),
        ([(SELL, "0.40", "10")], "0", "6"),
        ([(BUY, "0.40", "10"), (SELL, "0.40", "10")], "0", "10"),
        ([(SELL, "0.40", "10")], "10", "0"),
        ([(SELL, "0.40", "10"), (SELL, "0.50", "10")], "15", "2.5"),
        ([(BUY, "0.40", "10")], "-4", "2.4"),
        ([(BUY, "0.40", "10")], "4", "4"),
    ],
)
def test_what_open_orders_tie_up(orders: list[tuple[Side, str, str]], position: str, dollars: str) -> None:
    entered = [(terms(side, price), D(leaves)) for side, price, leaves in orders]
    assert collateral(entered, D(position)) == D(dollars)


@pytest.mark.parametrize(("side", "price"), [(BUY, "0.40"), (SELL, "0.60")])
def test_an_order_needs_its_price_and_its_fee(side: Side, price: str) -> None:
    # ten contracts cost 4 dollars, and 0.168 of fee if they are taken
    assert refused(rich("4.16"), side, 10, price) == "INSUFFICIENT_BALANCE"
    assert refused(rich("4.168"), side, 10, price) == ""


def test_the_reject_has_reason_3() -> None:
    desk = rich("1")
    events = desk.submit(desk.terms("ann", BUY, 10, "0.40"))
    assert isinstance(events[0], Rejected)
    assert int(events[0].reason) == 3


def test_resting_orders_of_every_market_count() -> None:
    desk = rich("9")
    desk.buy("ann", 10, "0.40", symbol=OTHER)
    assert refused(desk, BUY, 10, "0.50") == "INSUFFICIENT_BALANCE"
    assert refused(desk, BUY, 10, "0.40") == ""


def test_a_cancelled_order_ties_nothing_up() -> None:
    desk = rich("5")
    order = desk.buy("ann", 10, "0.40")
    assert refused(desk, BUY, 10, "0.40") == "INSUFFICIENT_BALANCE"
    desk.cancel(order)
    assert refused(desk, BUY, 10, "0.40") == ""


def test_what_trades_cost_and_brought_counts() -> None:
    desk = rich("5")
    desk.sell("bob", 10, "0.40")
    desk.buy("ann", 10, "0.40")  # 4 dollars and 0.168 of fee
    assert refused(desk, BUY, 2, "0.50") == "INSUFFICIENT_BALANCE"
    assert refused(desk, SELL, 10, "0.90") == ""  # closes what it holds
    desk.buy("bob", 10, "0.90")
    assert desk.ledger.cash["ann"] == D("4.832")
    assert refused(desk, BUY, 10, "0.90") == ""


def test_a_replace_is_held_against_the_balance_too() -> None:
    desk = rich("5")
    order = desk.buy("ann", 10, "0.40")
    (event,) = desk.replace(order, 10, "0.55")
    assert isinstance(event, CancelRejected)
    assert (event.text, order.terms.price) == ("INSUFFICIENT_BALANCE", D("0.40"))
    desk.replace(order, 10, "0.45")
    assert order.terms.price == D("0.45")


def test_each_subaccount_has_money_of_its_own() -> None:
    accounts = Accounts([AccountSpec("ann", balances={0: D(1), 1: D(100)})])
    desk = Desk(accounts=accounts)
    owners = [Owner("ann", "ann", subaccount=number) for number in (0, 1, 2)]
    texts = []
    for number, owner in enumerate(owners):
        events = desk.submit(Terms(f"a{number}", owner, MARKET, BUY, D(10), D("0.40")))
        texts.append([event.text for event in events if isinstance(event, Rejected)])
    assert texts == [["INSUFFICIENT_BALANCE"], [], []]


def test_others_have_no_end_of_money() -> None:
    desk = rich("0")
    assert refused(desk, BUY, 1, "0.40") == "INSUFFICIENT_BALANCE"
    assert desk.buy("bob", 1_000_000, "0.40").leaves == 1_000_000


class TestLimits:
    def test_contracts_of_one_market(self) -> None:
        desk = rich("1000", market_limit=D(10))
        assert refused(desk, BUY, 8, "0.40") == ""
        assert refused(desk, BUY, 3, "0.40") == "EXCEEDED_PER_MARKET_RISK_LIMIT"
        assert refused(desk, SELL, 10, "0.60") == ""
        assert refused(desk, BUY, 10, "0.40", symbol=OTHER) == ""

    def test_what_it_holds_counts(self) -> None:
        desk = rich("1000", market_limit=D(10))
        desk.sell("bob", 8, "0.40")
        desk.buy("ann", 8, "0.40")
        assert refused(desk, BUY, 3, "0.30") == "EXCEEDED_PER_MARKET_RISK_LIMIT"
        assert refused(desk, SELL, 18, "0.60") == ""

    def test_how_far_sales_may_lead(self) -> None:
        desk = rich("1000", sell_floor=D(-5))
        assert refused(desk, SELL, 5, "0.60") == ""
        assert refused(desk, SELL, 1, "0.60") == "EXCEEDED_SELL_POSITION_FLOOR"
        assert refused(desk, BUY, 100, "0.40") == ""


def test_the_dump_of_the_ledger_says_what_is_tied_up() -> None:
    desk = Desk()
    desk.buy("ann", 10, "0.40")
    desk.submit(Terms("a", Owner("ann", "ann", subaccount=3), MARKET, SELL, D(5), D("0.60")))
    assert desk.ledger.dump()["tied_up"] == [
        {"account": "ann", "subaccount": 0, "symbol": MARKET, "dollars": "4.00"},
        {"account": "ann", "subaccount": 3, "symbol": MARKET, "dollars": "2.00"},
    ]


@pytest.mark.parametrize("seed", range(5))
def test_nobody_spends_what_is_not_there(seed: int) -> None:
    """The fee of an order is known but for the rounding of each fill."""
    chance = Random(seed)
    desk = rich("20")
    ann = Holder("ann", 0)
    refusals = 0
    for _ in range(300):
        who, side = chance.choice(["ann", "bob"]), chance.choice([BUY, SELL])
        price = D(chance.randrange(30, 70)) / 100
        if who == "ann":
            refusals += bool(refused(desk, side, chance.randrange(1, 20), price))
        else:
            desk.order(who, side, chance.randrange(1, 20), price)
        open_orders = [(one.terms, one.leaves) for one in desk.engine.open_orders()]
        tied_up = sum(
            (paid for key, paid in desk.ledger.tied_up(open_orders).items() if key.holder == ann), D(0)
        )
        fills = sum(trade.order.terms.owner.holder == ann for trade in desk.ledger.trades())
        assert D(20) + desk.ledger.purse(ann) - tied_up >= -D("0.0001") * fills
    assert refusals
    assert fills


def test_a_quote_that_can_not_be_paid_for_is_not_accepted() -> None:
    venue = Venue(accounts=Accounts([AccountSpec("carl", balances={0: D(5)})]))
    creator, maker = venue.log_on("carl", RT), venue.log_on("mary", RFQ)
    venue.send(creator, f"35=R|131=c1|146=1|55={MARKET}|38=10")
    venue.send(maker, f"35=S|117=q1|131={creator.sent[-1].text(21023)}|55={MARKET}|133=0.45")
    venue.send(creator, "35=UA|117=q1|54=1")
    assert (creator.sent[-1].text(21025), creator.sent[-1].text(58)) == ("1", "INSUFFICIENT_BALANCE")
    venue.send(creator, "35=UA|117=q1|54=1|38=8")
    assert creator.sent[-1].text(21025) == "0"
