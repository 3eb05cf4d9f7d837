"""Token buckets: what messages cost, who shares a bucket, and how one that is empty is told."""

from __future__ import annotations

import pytest

from fixgw.sim.accounts import Accounts, AccountSpec, Tier
from fixgw.sim.kinds import DC, MD, NR, RFQ, RT, SessionKind
from fixgw.sim.quirks import Quirks
from fixgw.sim.rates import BUDGETS, Bucket, Budget, Rates, RateSettings
from tests.sim.desk import MARKET, NOON, SECOND
from tests.sim.frames import message, text_of
from tests.sim.test_app import Port, Venue, buy

GROUP = "770e8400-e29b-41d4-a716-446655440002"
SMALL = RateSettings(budgets={Tier.PREMIER: Budget(10, 10)})  # three orders can be saved up


@pytest.fixture
def venue() -> Venue:
    return Venue(SMALL, accounts=Accounts([AccountSpec("desk", tier=Tier.PREMIER)]))


def spend(venue: Venue, port: Port, count: int = 3) -> None:
    for number in range(count):
        venue.send(port, buy(f"{port.name}-{number}", "1"))


def test_one_more_is_refused_with_its_id(venue: Venue) -> None:
    ann = venue.log_on("ann", account="desk")
    spend(venue, ann)
    reject = venue.refused(ann, buy("more"))
    assert (reject.business, reject.reason, reject.ref_id) == (True, 8, "more")
    assert reject.text == "rate limit exceeded"


def test_tokens_come_back_continuously(venue: Venue) -> None:
    ann = venue.log_on("ann", account="desk")
    spend(venue, ann)
    venue.clock.advance(0.999)
    assert venue.refused(ann, buy("early")).reason == 8
    venue.clock.advance(0.001)
    venue.send(ann, buy("late"))
    assert ann.sent[-1].text(150) == "0"


def test_a_bucket_holds_three_seconds_of_writes() -> None:
    bucket = Bucket(30, 10, NOON)
    assert bucket.take(30, NOON + 3600 * SECOND)
    assert not bucket.take(1, NOON + 3600 * SECOND)


def test_sessions_of_an_account_share_it(venue: Venue) -> None:
    ann, other = venue.log_on("ann", account="desk"), venue.log_on("other", RT, account="desk")
    spend(venue, ann)
    assert venue.refused(other, buy("more")).reason == 8
    spend(venue, venue.log_on("bob"), 50)  # an account without a tier


def test_cancels_are_cheap(venue: Venue) -> None:
    ann = venue.log_on("ann", account="desk")
    spend(venue, ann, 2)
    for number in range(5):
        venue.send(ann, f"35=F|11=f{number}|41=none|54=1|55={MARKET}")
    assert venue.refused(ann, f"35=F|11=more|41=none|54=1|55={MARKET}").reason == 8


def test_reads_have_a_bucket_of_their_own(venue: Venue) -> None:
    ann, copy = venue.log_on("ann", account="desk"), venue.log_on("copy", DC, "desk")
    spend(venue, ann)
    venue.send(copy, "35=U1|34=7|21001=1;1")
    venue.send(copy, "35=U1|34=8|21001=1;1")
    assert text_of(copy.sent[-1]) == "35=U3|45=8|21004=1"
    assert venue.refused(venue.log_on("md", MD, "desk"), f"35=V|263=0|146=1|55={MARKET}").reason == 8


def test_so_have_the_other_exchange_indices(venue: Venue) -> None:
    venue.engine.list_market("ELSEWHERE", exchange_index=2)
    ann = venue.log_on("ann", account="desk")
    spend(venue, ann)
    elsewhere = buy("more").replace(MARKET, "ELSEWHERE")
    venue.send(ann, f"{elsewhere}|100=2")
    assert venue.refused(ann, elsewhere).reason == 8  # by symbol alone: the bucket of no index


@pytest.mark.parametrize(
    ("text", "shard"),
    [
        ("35=R|131=r", 1),
        ("35=S|117=q", 1),
        ("35=UA|117=q", 1),
        ("35=D|11=a|117=q", 1),
        ("35=D|11=a|100=3", 3),
        ("35=D|11=a|100=0", 0),
        ("35=UOG|20131=1", 0),
        ("35=V|263=0", -1),
    ],
)
def test_the_bucket_of_a_message(text: str, shard: int) -> None:
    rates = Rates(Accounts([AccountSpec("desk", tier=Tier.PREMIER)]), SMALL)
    assert rates.admit("desk", message(text), NOON)
    assert list(rates._buckets) == [("desk", shard)]


def test_orders_that_accept_a_quote_may_count_for_no_index() -> None:
    accounts = Accounts([AccountSpec("desk", tier=Tier.PREMIER)])
    rates = Rates(accounts, SMALL, Quirks(quote_orders_on_shard_one=False))
    assert rates.admit("desk", message("35=D|11=a|117=q"), NOON)
    assert list(rates._buckets) == [("desk", 0)]


def test_a_confirmation_that_names_its_request_is_cheaper() -> None:
    assert RateSettings().of(message("35=U7|117=q|21023=r")) < RateSettings().of(message("35=U7|117=q"))


def test_quotes_spend_of_the_account_too(venue: Venue) -> None:
    maker = venue.log_on("maker", RFQ, "desk")
    for number in range(15):
        venue.send(maker, f"35=S|117=q{number}|131=r|55={MARKET}|132=0.50")
    assert venue.refused(maker, "35=Z|117=q1").reason == 8
    spend(venue, venue.log_on("ann", NR, "desk"))


@pytest.mark.parametrize("tier", [tier for tier in Tier if tier is not Tier.BASIC])
def test_published_budgets(tier: Tier) -> None:
    assert BUDGETS[tier].write_seconds == 3
    assert (BUDGETS[Tier.PRESTIGE].read, BUDGETS[Tier.PRESTIGE].write) == (12_000, 9_600)


def test_costs_that_are_not_given_stay_as_they_are_published() -> None:
    settings = RateSettings(costs={"D": 3})
    costs = [settings.of(message(f"35={msg_type}")) for msg_type in ("D", "F", "G")]
    assert costs == [3, 2, 10]
    assert settings.budget(Tier.PRIME) == BUDGETS[Tier.PRIME]


@pytest.mark.parametrize(
    ("kind", "text", "name"),
    [
        (RFQ, "35=Z|117=q1", "q1"),
        (RT, "35=UE|131=r1", "r1"),
        (
            NR,
            "35=UOG|20131=2|20130=770e8400-e29b-41d4-a716-446655440002",
            "770e8400-e29b-41d4-a716-446655440002",
        ),
        (NR, f"35=F|11=f1|41=none|54=1|55={MARKET}", "f1"),
    ],
)
def test_the_refusal_names_the_request(kind: SessionKind, text: str, name: str) -> None:
    venue = Venue(
        RateSettings(budgets={Tier.PREMIER: Budget(0, 0)}),
        accounts=Accounts([AccountSpec("desk", tier=Tier.PREMIER)]),
    )
    assert venue.refused(venue.log_on("ann", kind, "desk"), text).ref_id == name
