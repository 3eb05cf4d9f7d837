"""Token buckets: what they hold, who pays, and what is kept back."""

from __future__ import annotations

import pytest

from fixgw.errors import ConfigError
from fixgw.fix.message import Message
from fixgw.safety.buckets import Budget, RateLimits, Tier, TokenBucket
from fixgw.venues.kalshi.profile import VENUE

PREMIER = 3600.0  # tokens in a write bucket


def budget(tier: str = "premier", share: float = 1.0) -> Budget:
    limits = VENUE.profile.rate_limits
    assert limits is not None
    return Budget(limits, limits.tiers[tier], share)


def order(msg_type: str = "D", **fields: str) -> Message:
    return Message(msg_type, [(int(tag.removeprefix("t")), value) for tag, value in fields.items()])


# -- one bucket --


def test_a_bucket_is_full_at_first() -> None:
    assert TokenBucket(10, 30).level(5000.0) == 30


def test_tokens_come_back_with_time_and_no_further_than_the_capacity() -> None:
    bucket = TokenBucket(10, 30)
    bucket.take(30, 100.0)
    assert [bucket.level(mono) for mono in (100.0, 100.5, 103.0, 900.0)] == [0, 5, 30, 30]


def test_a_bucket_tells_when_it_holds_enough() -> None:
    bucket = TokenBucket(10, 30)
    bucket.take(28, 100.0)
    assert bucket.seconds_to(2, 100.0) == 0
    assert bucket.seconds_to(10, 100.0) == pytest.approx(0.8)


def test_a_clock_that_stands_or_steps_back_makes_no_tokens() -> None:
    bucket = TokenBucket(10, 30)
    bucket.take(30, 100.0)
    assert (bucket.level(100.0), bucket.level(50.0)) == (0, 0)


# -- who pays --


@pytest.mark.parametrize(
    ("message", "paid"),
    [
        (order("D"), {"write": 10}),
        (order("D", t100="-1"), {"write": 10}),
        (order("D", t100="0"), {"write": 10}),
        (order("D", t100="2"), {"write-2": 10}),
        (order("G", t100="1"), {"write-1": 10}),
        (order("F"), {"write": 2}),
        (order("F", t100="1"), {"write-1": 2}),
        (order("D", t117="q1"), {"write": 10, "write-1": 10}),
        (order("D", t117="q1", t100="2"), {"write": 10, "write-1": 10}),
        (order("R"), {"write": 10, "write-1": 10}),
        (order("UA"), {"write": 10, "write-1": 10}),
        (order("S"), {"write": 2, "write-1": 2}),
        (order("Z"), {"write": 2, "write-1": 2}),
        (order("U7"), {"write": 10, "write-1": 10}),
        (order("UOG"), {"write": 10}),
        (order("q"), {"write": 10}),
        (order("ZZ"), {"write": 10}),
    ],
    ids=lambda value: repr(value) if isinstance(value, dict) else value.msg_type,
)
def test_the_buckets_that_the_venue_bills_pay(message: Message, paid: dict[str, float]) -> None:
    made = budget()
    made.take(message, 100.0)
    assert made.levels(100.0) == {name: PREMIER - cost for name, cost in paid.items()}


@pytest.mark.parametrize("msg_type", ["U1", "V", "e"])
def test_queries_draw_on_the_read_bucket(msg_type: str) -> None:
    made = budget()
    made.take(order(msg_type), 100.0)
    assert made.levels(100.0) == {"read": 1190}


@pytest.mark.parametrize(
    ("tier", "orders"), [("basic", 10), ("advanced", 90), ("premier", 360), ("prestige", 2880)]
)
def test_a_burst_is_as_long_as_the_tier_allows(tier: str, orders: int) -> None:
    made, sent = budget(tier), 0
    while made.seconds_to(order(), 0.0, 100.0) == 0:
        made.take(order(), 100.0)
        sent += 1
    assert sent == orders


def test_a_share_is_a_part_of_rate_and_capacity() -> None:
    made = budget(share=0.5)
    made.take(order(), 100.0)
    assert made.levels(100.0) == {"write": 1790}
    made.empty("D", 100.0)
    assert made.levels(101.0) == {"write": 600}


# -- the reserve --


def test_new_orders_leave_the_reserve_alone_and_cancels_use_it() -> None:
    made = Budget(RateLimits(messages=budget().limits.messages), Tier(1, 1, 100, 100))
    for _ in range(8):
        made.take(order(), 100.0)
    assert made.seconds_to(order(), 20.0, 100.0) == pytest.approx(0.1)
    assert made.seconds_to(order("F"), 20.0, 100.0) == 0


def test_the_reserve_is_no_matter_of_queries() -> None:
    made = Budget(budget().limits, Tier(10, 10, 100, 100))
    assert made.seconds_to(order("U1"), 50.0, 100.0) == 0


def test_a_reserve_that_would_keep_everything_back_is_refused() -> None:
    with pytest.raises(ConfigError, match="a reserve of 95 tokens would keep every new order back"):
        budget("basic").check_reserve(95)
    budget("basic").check_reserve(90)


def test_a_refusal_of_the_venue_empties_what_may_have_paid() -> None:
    made = budget()
    for message in (order("D"), order("D", t100="1"), order("U1")):
        made.take(message, 100.0)
    made.empty("D", 100.0)
    assert made.levels(100.0) == {"write": 0, "write-1": 0, "read": 1190}


def test_what_comes_back_while_a_message_is_late_is_not_used() -> None:
    limits = budget().limits
    made = Budget(limits, limits.tiers["premier"], share=0.5, jitter=0.05)
    made.take(order(), 100.0)
    assert made.levels(100.0) == {"write": pytest.approx((3600 - 60) / 2 - 10)}
