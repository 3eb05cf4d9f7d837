"""What belongs together is found by id first, by terms last, and nothing is held longer than it must be."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

from fixgw.reconcile.join import How, Join, Pair
from fixgw.reconcile.model import ExecKey
from tests.reconcile.told import SECOND, execution, over_rest


def joined(ours: list[int], theirs: list[int]) -> list[Pair]:
    join = Join()
    for number in sorted({*ours, *theirs}):
        if number in ours:
            join.add(execution(number), ours=True)
        if number in theirs:
            join.add(over_rest(execution(number), feed="rest"), ours=False)
    return list(join.finish())


def test_a_trade_is_found_by_its_id() -> None:
    [pair] = joined([1], [1])
    assert (pair.how, pair.alone) == (How.TRADE_ID, False)


def test_two_reports_are_joined_by_exec_id() -> None:
    join = Join()
    join.add(execution(1, trade_id=""), ours=True)
    join.add(execution(1, feed="listener"), ours=False)
    [pair] = join.finish()
    assert pair.how is How.EXEC_ID


def test_exec_ids_of_two_exchanges_are_not_one() -> None:
    join = Join()
    join.add(execution(1, trade_id=""), ours=True)
    join.add(execution(1, trade_id="", exec_key=ExecKey(1, 1, 1), price=Decimal("0.41")), ours=False)
    assert [pair.alone for pair in join.finish()] == [True, True]


def test_both_orders_of_a_self_match_stay_apart() -> None:
    join = Join()
    for order_id in ("bid", "offer"):
        join.add(execution(1, order_id=order_id, exec_key=None), ours=True)
        join.add(execution(1, order_id=order_id, exec_key=None, feed="rest"), ours=False)
    assert [pair.alone for pair in join.finish()] == [False, False]


def test_what_each_side_has_alone_is_told() -> None:
    pairs = joined([1, 2], [2, 3])
    assert [(pair.ours is not None, bool(pair.theirs)) for pair in sorted(pairs, key=lambda p: p.utc_ns)] == [
        (True, False),
        (True, True),
        (False, True),
    ]


def test_without_a_common_id_order_price_quantity_and_time_join() -> None:
    join = Join()
    join.add(execution(1, trade_id=""), ours=True)
    join.add(over_rest(execution(1), utc_ns=execution(2).utc_ns, feed="rest"), ours=False)
    [pair] = join.finish()
    assert (pair.how, pair.alone) == (How.TERMS, False)


def test_terms_do_not_join_what_is_more_than_two_seconds_apart() -> None:
    join = Join()
    join.add(execution(1, trade_id=""), ours=True)
    join.add(over_rest(execution(1), utc_ns=execution(4).utc_ns, feed="rest"), ours=False)
    assert [pair.alone for pair in join.finish()] == [True, True]


def test_of_two_fills_alike_the_id_decides_which_is_missing() -> None:
    join = Join()
    twin = execution(1, trade_id="twin", exec_key=ExecKey(0, 1, 2))
    join.add(execution(1), ours=True)
    for one in (execution(1), twin):
        join.add(over_rest(one, feed="rest"), ours=False)
    alone = [pair.theirs[0].trade_id for pair in join.finish() if pair.alone]
    assert alone == ["twin"]


def test_a_report_with_both_ids_joins_what_had_one_each() -> None:
    join = Join()
    join.add(execution(1, trade_id="", feed="listener"), ours=False)
    join.add(over_rest(execution(1), feed="rest"), ours=False)
    join.add(execution(1), ours=True)
    [pair] = join.finish()
    assert sorted(one.feed for one in pair.theirs) == ["listener", "rest"]


def test_what_a_feed_tells_twice_counts_once() -> None:
    join = Join()
    for _ in range(2):
        join.add(execution(1), ours=True)
        join.add(over_rest(execution(1), feed="rest"), ours=False)
    assert (len(list(join.finish())), join.twice) == (1, 2)


def test_only_the_last_seconds_and_what_is_alone_are_held() -> None:
    join = Join()
    most = 0
    for number in range(10_000):
        one = execution(number, utc_ns=execution(0).utc_ns + number * SECOND // 10)
        join.add(one, ours=True)
        if number % 1_000:
            join.add(over_rest(one, feed="rest"), ours=False)
        for _ in join.settle(one.utc_ns):
            pass
        most = max(most, len(join))
    assert most < 100


def test_a_report_that_is_sent_again_hours_later_still_finds_its_trade() -> None:
    join = Join()
    join.add(over_rest(execution(1), feed="rest"), ours=False)
    assert list(join.settle(execution(9_000).utc_ns)) == []
    join.add(execution(1), ours=True)
    [pair] = join.finish()
    assert (pair.how, pair.alone) == (How.TRADE_ID, False)


def test_any_order_within_the_tolerance_gives_the_same_pairs() -> None:
    rng = random.Random(7)
    rows = [(number, ours) for number in range(300) for ours in (True, False) if rng.random() < 0.9]
    expected = sorted(
        (number, (number, True) in rows, (number, False) in rows) for number in {row[0] for row in rows}
    )
    for _ in range(5):
        shuffled = sorted(rows, key=lambda row: row[0] + rng.random() * 2)
        join = Join()
        found: list[Pair] = []
        for number, ours in shuffled:
            one = replace(execution(number), feed="x")
            join.add(one if ours else over_rest(one), ours=ours)
            found += join.settle(one.utc_ns - 2 * SECOND)
        found += join.finish()
        got = sorted(
            ((p.ours or p.theirs[0]).order_id.partition("-")[2], p.ours is not None, bool(p.theirs))
            for p in found
        )
        assert sorted((int(n), a, b) for n, a, b in got) == expected
