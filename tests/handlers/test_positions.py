"""Positions: what executions, corrections and settlements do to them, each counted once."""

# mypy: disable-error-code=comparison-overlap

from __future__ import annotations

import itertools
import json
import random
from decimal import Decimal

import pytest

from fixgw.fix.message import Message
from fixgw.handlers.account import Account
from fixgw.handlers.base import Context
from fixgw.handlers.executions import Executions, Identity, Verdict
from fixgw.handlers.holdings import CORRECTABLE, KEPT, Holdings
from fixgw.handlers.position import Position, Settled, traded
from fixgw.handlers.positions import Positions
from tests.handlers.fills import SYMBOL, fill, tell, trade
from tests.handlers.port import Port

FEE = {"t136": "1", "t137": "0.07", "t138": "USD", "t139": "4", "t891": "0"}


def after(*messages: Message) -> Position:
    """Return the position after a session has told of these reports."""
    positions = Positions()
    tell(positions, *messages)
    assert positions.malformed == 0
    found = positions.get(SYMBOL)
    assert found is not None
    return found


def told(positions: Holdings) -> tuple[str, str]:
    """Return net and realised of the one market."""
    found = positions.get(SYMBOL)
    if found is None:
        return "none", "none"
    return f"{found.qty.normalize():f}", f"{found.realised_pnl.normalize():f}"


# -- arithmetic --


@pytest.mark.parametrize(
    ("trades", "qty", "avg_px", "realised"),
    [
        ([(10, "0.50")], "10", "0.50", "0"),
        ([(10, "0.50"), (10, "0.60")], "20", "0.55", "0"),
        ([(10, "0.50"), (-4, "0.60")], "6", "0.50", "0.40"),
        ([(10, "0.50"), (-10, "0.40")], "0", None, "-1.00"),
        ([(10, "0.50"), (-15, "0.60")], "-5", "0.60", "1.00"),
        ([(-10, "0.30")], "-10", "0.30", "0"),
        ([(-10, "0.30"), (4, "0.20")], "-6", "0.30", "0.40"),
        ([(-10, "0.30"), (25, "0.40")], "15", "0.40", "-1.00"),
        ([("0.01", "0.9999"), ("-0.01", "0.0001")], "0", None, "-0.009998"),
    ],
)
def test_average_cost(
    trades: list[tuple[str | int, str]], qty: str, avg_px: str | None, realised: str
) -> None:
    position = after(*(trade(size, price) for size, price in trades))
    assert position.qty == Decimal(qty)
    assert position.avg_px == (None if avg_px is None else Decimal(avg_px))
    assert position.realised_pnl == Decimal(realised)


def test_what_was_bought_and_sold_adds_up() -> None:
    position = after(trade(10), trade(-4), trade(3))
    assert (position.bought_qty, position.sold_qty) == (13, 4)


@pytest.mark.parametrize("seed", range(20))
def test_no_cent_is_lost_however_often_a_position_is_closed_in_part(seed: int) -> None:
    chance = random.Random(seed)
    held = cost = realised = flow = Decimal(0)
    for _ in range(200):
        qty = Decimal(chance.choice([-1, 1]) * chance.randint(1, 999)) / 100
        price = Decimal(chance.randint(1, 9999)) / 10000
        held, cost, earned = traded(held, cost, qty, price)
        realised += earned
        flow -= qty * price
    assert realised - cost == flow
    held, cost, earned = traded(held, cost, -held, Decimal("0.5"))
    assert (held, cost) == (0, 0)


def test_fees_are_the_sum_of_the_group() -> None:
    two = {"t136": "2", "t137": "0.07", "t138": "USD", "t139": "4"}
    message = trade(10, **two)
    message.append(137, "0.01")
    assert after(message, trade(1, **FEE)).fees == Decimal("0.15")


def test_fees_that_are_rates_are_left_out() -> None:
    assert after(trade(10, **FEE | {"t891": "2"})).fees == 0


def test_cash_is_what_the_venue_says_that_was_moved() -> None:
    message = trade(10, t1703="2", t1704="-5.0700", t1705="BALANCE")
    message.append(1704, "3.0000")
    message.append(1705, "PAYOUT")
    assert after(message).cash == Decimal("-2.07")


def test_subaccounts_are_positions_of_their_own() -> None:
    positions = Positions()
    tell(positions, trade(10, t79="1"), trade(-4, t79="2"), trade(1))
    assert [(one.alloc_account, one.qty) for one in positions] == [("1", 10), ("2", -4), ("", 1)]
    assert positions.net(SYMBOL) == 7


# -- the venue's own figure --


@pytest.mark.parametrize(
    ("fields", "venue_qty", "agrees"),
    [
        ({"t704": "10.00"}, Decimal(10), True),
        ({"t705": "3.00"}, Decimal(-3), False),
        ({"t704": "10", "t705": "0"}, Decimal(10), True),
        ({}, None, True),
    ],
)
def test_the_venues_figure_is_kept_and_compared(
    fields: dict[str, str], venue_qty: Decimal | None, agrees: bool
) -> None:
    snapshot = after(trade(10, **fields)).snapshot()
    assert (snapshot.venue_qty, snapshot.agrees) == (venue_qty, agrees)


def test_a_late_execution_does_not_bring_back_an_old_figure() -> None:
    position = Position(SYMBOL)
    position.book(fill(9, 5)._replace(venue_qty=Decimal(15)))
    position.book(fill(8, 10)._replace(venue_qty=Decimal(10)))
    assert (position.qty, position.venue_qty) == (15, 15)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=lambda order: str(order))
def test_what_was_earned_does_not_depend_on_who_tells_first(order: tuple[int, ...]) -> None:
    net = itertools.accumulate((10, -4, 6, -20))
    made = [
        fill(number, qty, price)._replace(venue_qty=Decimal(held), fees=Decimal("0.01"))
        for number, (qty, price, held) in enumerate(
            zip((10, -4, 6, -20), ("0.40", "0.60", "0.50", "0.55"), net, strict=True)
        )
    ]
    one, other = Holdings(), Holdings()
    for each in made:
        one.book(each)
    for number in order:
        other.book(made[number])
    assert other.snapshot() == one.snapshot()


# -- exactly once --


def test_an_execution_that_is_told_twice_counts_once() -> None:
    positions = Positions()
    tell(positions, trade(10, exec_id="5;1"), trade(10, exec_id="5;1"))
    assert (told(positions), positions.duplicates) == (("10", "0"), 1)


def test_a_lower_execution_that_comes_late_still_counts() -> None:
    holdings = Holdings()
    for number in (7, 9, 8, 8):
        holdings.book(fill(number, 1))
    assert (holdings.net(SYMBOL), holdings.duplicates) == (3, 1)


def test_memory_is_bounded_and_what_is_older_is_left_and_counted() -> None:
    executions = Executions(kept=3)
    for number in (1, 5, 3, 7, 9):
        assert executions.take(Identity("0", number)) is Verdict.NEW
    verdicts = {number: executions.take(Identity("0", number)) for number in (1, 2, 3, 5, 9, 6)}
    assert verdicts == {
        1: Verdict.DOUBTFUL,
        2: Verdict.DOUBTFUL,
        3: Verdict.SEEN,
        5: Verdict.DOUBTFUL,
        6: Verdict.NEW,
        9: Verdict.SEEN,
    }


def test_what_was_missed_and_comes_at_once_is_all_remembered() -> None:
    executions = Executions(kept=3)
    found = [executions.take(Identity("0", number), missed=True) for number in [*range(50)] * 2]
    assert found == [Verdict.NEW] * 50 + [Verdict.SEEN] * 50
    again = Executions(kept=3)
    again.load(executions.dump())
    assert all(Identity("0", number) in again for number in range(50))


def test_places_for_what_was_missed_are_given_back() -> None:
    executions = Executions(kept=3)
    for number in range(200):
        executions.take(Identity("0", number), missed=number < 50)
    assert executions.dump() == {"0": [196, 197, 198, 199]}


def test_exchanges_are_told_apart() -> None:
    executions = Executions(kept=1)
    for number in (8, 9):
        executions.take(Identity("0", number))
    assert executions.take(Identity("1", 2)) is Verdict.NEW


def test_what_may_have_been_counted_before_changes_nothing_and_is_counted() -> None:
    holdings = Holdings()
    holdings._executions = Executions(kept=1)
    for number in (8, 9, 7):
        holdings.book(fill(number, 1))
    assert (holdings.net(SYMBOL), holdings.doubtful) == (2, 1)


# -- what can not be read --


@pytest.mark.parametrize(
    "broken",
    [
        {"t32": "0"},
        {"t32": ""},
        {"t32": "-5", "t54": "1"},
        {"t32": "1" + "0" * 12},
        {"t31": ""},
        {"t31": "a lot"},
        {"t31": "9" * 40},
        {"t54": "?"},
        {"t54": ""},
        {"t55": ""},
        {"t136": "1"},
        {"t136": "1", "t137": "free"},
        {"t136": "2", "t137": "0.07"},
        {"t1703": "2", "t1704": "1"},
        {"t704": "long"},
    ],
)
def test_a_report_that_can_not_be_read_changes_nothing_and_is_counted(broken: dict[str, str]) -> None:
    positions = Positions()
    tell(positions, trade(10))
    before = positions.dump()
    tell(positions, trade(7, **broken))
    assert (positions.malformed, positions.dump()) == (1, before)


@pytest.mark.parametrize("exec_type", ["0", "4", "5", "8", "A", "I"])
def test_reports_of_no_trade_are_not_its_business(exec_type: str) -> None:
    positions = Positions()
    tell(positions, trade(10, t150=exec_type), Message("9", [(37, "V1")]))
    assert (len(positions), positions.malformed) == (0, 0)


# -- corrections --


@pytest.mark.parametrize("earlier", [[], [4], [-4], [-10], [-15]])
def test_what_a_busted_trade_earned_or_cost_is_taken_back(earlier: list[int]) -> None:
    positions = Positions()
    tell(positions, trade(10, "0.50"), *(trade(qty, "0.60") for qty in earlier))
    before = [(one.qty, one.cost, one.realised_pnl) for one in positions]
    tell(positions, trade(-7, "0.80", exec_id="A"), trade(0, t150="H", t19="A"))
    assert [(one.qty, one.cost, one.realised_pnl) for one in positions] == before


def test_money_adds_up_when_an_older_trade_is_busted() -> None:
    positions = Positions()
    tell(positions, trade(10, "0.50", exec_id="A"), trade(-6, "0.60"), trade(0, t150="H", t19="A"))
    [position] = positions
    assert (position.qty, position.realised_pnl - position.cost) == (-6, Decimal("3.60"))


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_trade_may_be_busted_after_its_market_has_paid(at: int) -> None:
    positions = Positions()
    trades = [trade(10, "0.50"), trade(10, "0.60", exec_id="A")]
    tell(positions, *trades[:at])
    positions.settle(paid("1", "10"))
    tell(positions, *trades[at:])
    tell(positions, trade(0, t150="H", t19="A"))
    assert told(positions) == ("0", "5")


def test_a_busted_trade_leaves_no_trace_but_its_fees_given_back() -> None:
    positions = Positions()
    tell(positions, trade(10, exec_id="1;1", **FEE), trade(4, "0.80", exec_id="2;1", **FEE))
    tell(positions, trade(0, exec_id="3;1", t150="H", t19="2;1"))
    [position] = positions
    assert (position.qty, position.avg_px, position.bought_qty, position.fees) == (
        10,
        Decimal("0.50"),
        10,
        Decimal("0.07"),
    )


def test_a_corrected_trade_counts_with_its_new_terms() -> None:
    positions = Positions()
    tell(positions, trade(-10, "0.50", exec_id="1;1"))
    tell(positions, trade(-8, "0.40", exec_id="2;1", t150="G", t19="1;1"))
    [position] = positions
    assert (position.qty, position.avg_px, position.sold_qty) == (-8, Decimal("0.40"), 8)


def test_a_correction_is_told_once_too() -> None:
    positions = Positions()
    bust = trade(0, exec_id="3;1", t150="H", t19="2;1")
    tell(positions, trade(4, exec_id="2;1"), bust, bust)
    assert (told(positions)[0], positions.duplicates) == ("0", 1)


def test_a_correction_of_what_is_not_known_is_left_and_counted() -> None:
    positions = Positions()
    tell(positions, trade(4, exec_id="2;1"), trade(0, exec_id="3;1", t150="H", t19="1;1"))
    assert (told(positions)[0], positions.unmatched) == ("4", 1)


def test_only_so_many_trades_can_be_corrected() -> None:
    holdings = Holdings()
    for number in range(CORRECTABLE + 1):
        holdings.book(fill(number, 1))
    holdings.correct(Identity("0", 0), fill(CORRECTABLE + 2, 0))
    holdings.correct(Identity("0", 1), fill(CORRECTABLE + 3, 0))
    assert (holdings.net(SYMBOL), holdings.unmatched) == (CORRECTABLE, 1)


# -- settlements --


def paid(price: str, payout: str, fee: str = "0", account: str = "me") -> Settled:
    return Settled(SYMBOL, Decimal(price), 1, Decimal(fee), Decimal(payout), account)


@pytest.mark.parametrize(
    ("qty", "price", "realised"),
    [("10", "1", "6"), ("10", "0", "-4"), ("-10", "1", "-6"), ("-10", "0", "4"), ("10", "0.306", "-0.94")],
)
def test_a_settlement_pays_the_position_out(qty: str, price: str, realised: str) -> None:
    positions = Positions()
    tell(positions, trade(qty, "0.40"))
    positions.settle(paid(price, "1", "0.01"))
    [position] = positions
    assert (position.qty, position.realised_pnl) == (0, Decimal(realised))
    assert (position.payout, position.cash, position.fees) == (1, 1, Decimal("0.01"))
    assert position.settl_price == Decimal(price)


def test_a_settlement_counts_once_for_each_account() -> None:
    positions = Positions()
    tell(positions, trade(10, "0.40"))
    for account in ("one", "two", "one"):
        positions.settle(paid("1", "5", account=account))
    [position] = positions
    assert (position.realised_pnl, position.payout, positions.duplicates) == (6, 10, 1)


def test_an_execution_that_is_told_after_the_settlement_is_paid_at_once() -> None:
    late, punctual = Positions(), Positions()
    tell(late, trade(4, "0.40"))
    late.settle(paid("1", "10"))
    tell(late, trade(6, "0.50"))
    tell(punctual, trade(4, "0.40"), trade(6, "0.50"))
    punctual.settle(paid("1", "10"))
    assert told(late) == told(punctual)


def test_every_subaccount_is_paid() -> None:
    positions = Positions()
    tell(positions, trade(10, "0.40", t79="1"))
    positions.settle(paid("1", "10"))
    tell(positions, trade(10, "0.40", t79="2"))
    assert (positions.net(SYMBOL), positions.realised_pnl) == (0, 12)


# -- checkpoints --


def busy() -> Positions:
    """Return positions with something in every corner."""
    positions = Positions()
    tell(positions, trade(10, "0.50", exec_id="1;1", t704="10", **FEE), trade(-3, "0.4321", exec_id="2;1"))
    tell(positions, trade(5, t55="OTHER", t79="7", exec_id="3;1"))
    positions.settle(Settled("OTHER", Decimal("0.3"), 5, Decimal("0.01"), Decimal("1.49"), "me"))
    return positions


def test_a_checkpoint_brings_everything_back() -> None:
    before, back = busy(), Positions()
    back.load(before.dump())
    assert (back.dump(), back.snapshot()) == (before.dump(), before.snapshot())


def test_what_was_counted_before_a_checkpoint_does_not_count_again_after_it() -> None:
    back = Positions()
    back.load(busy().dump())
    tell(back, trade(10, "0.50", exec_id="1;1", **FEE), trade(0, exec_id="9;1", t150="H", t19="2;1"))
    assert (back.duplicates, back.net(SYMBOL)) == (1, 10)


# -- markets without end --


def test_markets_that_are_flat_are_folded_into_the_sums() -> None:
    holdings = Holdings()
    for number in range(2 * KEPT):
        symbol = f"M{number}"
        holdings.book(fill(2 * number, 1, "0.40", symbol)._replace(fees=Decimal("0.01")))
        if number:
            holdings.book(fill(2 * number + 1, -1, "0.60", symbol)._replace(cash=Decimal("0.20")))
    assert len(holdings) <= KEPT
    assert holdings.get("M0") is not None
    sums = (holdings.realised_pnl, holdings.fees, holdings.cash)
    assert sums == (
        (2 * KEPT - 1) * Decimal("0.2"),
        2 * KEPT * Decimal("0.01"),
        (2 * KEPT - 1) * Decimal("0.2"),
    )
    back = Holdings()
    back.restore(holdings.state())
    assert (back.realised_pnl, back.fees, back.cash) == sums


def test_positions_that_hold_something_are_never_folded() -> None:
    holdings = Holdings()
    for number in range(KEPT + 10):
        holdings.book(fill(number, 1, "0.40", f"M{number}"))
    assert len(holdings) == KEPT + 10


# -- the account of several sessions --


def sessions(account: Account, count: int = 2) -> list[Positions]:
    made = [Positions() for _ in range(count)]
    for one in made:
        one.join(account)
    return made


def test_what_two_sessions_tell_counts_once_in_the_account() -> None:
    account = Account()
    orders, listener = sessions(account)
    account.begin()
    tell(orders, trade(10, exec_id="1;1"))
    tell(listener, trade(10, exec_id="1;1"), trade(-4, "0.60", exec_id="2;1"))
    assert (told(orders)[0], told(listener)[0], told(account)) == ("10", "6", ("6", "0.4"))


def test_a_settlement_and_a_correction_reach_the_account() -> None:
    account = Account()
    orders, post_trade = sessions(account)
    account.begin()
    tell(orders, trade(10, exec_id="1;1"), trade(4, exec_id="2;1"))
    tell(orders, trade(0, exec_id="3;1", t150="H", t19="2;1"))
    post_trade.settle(paid("1", "10"))
    assert told(account) == ("0", "5")


def restarted(blobs: list[bytes], since: list[list[Message]]) -> Account:
    """Return the account after a restart: each session's checkpoint, and what it told after that."""
    account = Account()
    for one, blob, messages in zip(sessions(account, len(blobs)), blobs, since, strict=True):
        if blob:
            one.load(blob)
        tell(one, *messages)
    account.begin()
    return account


def test_the_account_survives_a_restart_however_old_each_checkpoint_is() -> None:
    chance = random.Random(7)
    live = Account()
    made = sessions(live, 3)
    live.begin()
    blobs: list[bytes] = [b"", b"", b""]
    since: list[list[Message]] = [[], [], []]
    for number in range(200):
        message = trade(chance.choice([-3, -1, 1, 2]), f"0.{chance.randint(10, 90)}", f"{number};1")
        for at in chance.sample(range(3), chance.choice([1, 1, 2, 3])):
            tell(made[at], message)
            since[at].append(message)
            if chance.random() < 0.05:
                blobs[at], since[at] = made[at].dump(), []
        if number % 40 == 39:
            again = restarted(blobs, since)
            assert (again.net(SYMBOL), again.counted) == (live.net(SYMBOL), live.counted)


def test_a_session_that_was_alone_brings_its_positions_into_an_account() -> None:
    alone = busy()
    assert "account" not in json.loads(alone.dump())
    account = restarted([alone.dump(), b""], [[], [trade(1, exec_id="8;1")]])
    assert (account.net(SYMBOL), account.counted) == (8, 5)


def test_a_session_that_was_left_out_for_a_while_does_not_bring_back_an_old_account() -> None:
    account = Account()
    orders, listener = sessions(account)
    account.begin()
    tell(orders, trade(10, exec_id="1;1"))
    tell(listener, trade(10, exec_id="1;1"), trade(-4, exec_id="2;1"))
    old = listener.dump()
    alone = Account()
    [again] = sessions(alone, 1)
    again.load(orders.dump())
    alone.begin()
    tell(again, *(trade(1, exec_id=f"{number};1") for number in range(3, 9)))
    assert told(restarted([again.dump(), old], [[], []]))[0] == told(alone)[0] == "12"


def test_what_was_corrected_and_paid_since_the_checkpoint_counts_after_the_trades() -> None:
    account = Account()
    post_trade, orders = sessions(account)
    post_trade.settle(paid("1", "10"))
    bust = trade(0, exec_id="3;1", t150="H", t19="2;1")
    tell(orders, trade(10, "0.40", exec_id="1;1"), trade(4, "0.90", exec_id="2;1"), bust)
    account.begin()
    assert told(account) == ("0", "6")


def test_nothing_counts_before_every_session_was_rebuilt() -> None:
    account = Account()
    [one] = sessions(account, 1)
    tell(one, trade(10, exec_id="1;1"))
    assert (told(one)[0], told(account)[0]) == ("10", "none")
    account.begin()
    assert told(account)[0] == "10"


def test_a_trade_without_an_identity_counts_for_nothing() -> None:
    positions = Positions(lambda exec_id: None)
    tell(positions, trade(10))
    assert (len(positions), positions.malformed) == (0, 1)


# -- what a reconciliation found, without an ExecID


def missed(positions: Positions, *messages: Message) -> None:
    """Let a reconciliation tell of each message."""
    for message in messages:
        positions.on_message(message, Context(Port(), 0, reconciled=True))


def told_by_rest(number: int, qty: int, **more: str) -> Message:
    return trade(qty, exec_id="-1;-1", t880=f"trade-{number}", **more)


def test_a_trade_counts_once_for_all_sessions_by_whichever_name_it_is_told() -> None:
    account, orders, listener = Account(), Positions(), Positions()
    for one in (orders, listener):
        one.join(account)
    account.begin()
    tell(listener, trade(3, t880="trade-1"))
    missed(orders, told_by_rest(1, 3))
    tell(orders, trade(3, t880="trade-1"))
    assert [told(one)[0] for one in (account, orders, listener)] == ["3", "3", "3"]


def test_both_sides_of_a_trade_with_oneself_count() -> None:
    positions = Positions()
    missed(positions, told_by_rest(1, 3, t37="bid"), told_by_rest(1, -2, t37="offer"))
    assert told(positions)[0] == "1"


def test_a_trade_older_than_all_that_is_remembered_counts_when_it_is_known_to_be_missed() -> None:
    executions = Executions(kept=2)
    for number in range(5, 9):
        executions.take(Identity("0", number))
    assert executions.take(Identity("0", 1)) is Verdict.DOUBTFUL
    assert executions.take(Identity("0", 1), missed=True) is Verdict.NEW


def test_a_figure_that_was_reckoned_stands_unless_something_came_meanwhile() -> None:
    positions = Positions(flat_untold=True)
    tell(positions, trade(2, t704="2"))
    missed(positions, told_by_rest(1, 3, t704="5"))
    assert positions.latest(SYMBOL) == Decimal(5)
    tell(positions, trade(4, t704="10"))
    missed(positions, told_by_rest(2, 1, t704="6"))
    assert positions.latest(SYMBOL) == Decimal(10)


def test_without_a_figure_the_venues_own_stays() -> None:
    positions = Positions(flat_untold=True)
    tell(positions, trade(2, t704="2"))
    missed(positions, told_by_rest(1, 3))
    assert positions.latest(SYMBOL) == Decimal(2)


def test_what_was_missed_is_still_known_after_a_restart() -> None:
    positions, later = Positions(), Positions()
    missed(positions, told_by_rest(1, 3))
    later.load(positions.dump())
    assert later.knows(trade(3, t880="trade-1"))
    tell(later, trade(3, t880="trade-1"))
    assert told(later)[0] == "3"


def test_an_account_that_begins_anew_takes_them_in_the_order_in_which_they_were_told() -> None:
    account, orders = Account(), Positions(flat_untold=True)
    orders.join(account)
    tell(orders, trade(2, t704="2"))
    missed(orders, *(told_by_rest(number, 1, t704=str(held)) for number, held in ((9, 3), (5, 4), (7, 5))))
    account.begin()
    found = account.get(SYMBOL)
    assert found is not None
    assert (found.qty, found.venue_qty) == (Decimal(5), Decimal(5))
