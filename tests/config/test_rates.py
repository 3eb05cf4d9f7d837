"""Rate limits in the configuration: what is accepted, what is refused, and who shares a budget."""

from __future__ import annotations

from typing import Any

import pytest

from fixgw.config.build import session_plan
from fixgw.config.check import check
from fixgw.config.resolve import resolve_sessions
from fixgw.config.safety import Shared
from fixgw.config.settings import Loaded
from fixgw.safety.rate import RateGuard
from tests.config.conftest import Spoil

PREMIER = {"tier": "premier"}


def limits_of(loaded: Loaded) -> list[RateGuard | None]:
    """Return the rate guard of each session, as one gateway has them."""
    shared = Shared()
    passages = [
        session_plan(session, shared=shared).passage() for session in resolve_sessions(loaded).sessions
    ]
    return [
        next((guard for guard in passage.guards if isinstance(guard, RateGuard)), None)
        for passage in passages
    ]


def test_nothing_is_counted_unless_it_is_asked_for(spoil: Spoil) -> None:
    assert limits_of(spoil()) == [None, None, None]


def test_sessions_of_one_account_share_a_budget(spoil: Spoil) -> None:
    one, other, none = limits_of(spoil({"sessions.0.rate_limit": PREMIER, "sessions.1.rate_limit": PREMIER}))
    assert none is None
    assert one is not None
    assert other is not None
    assert one.budget is other.budget


def test_sessions_of_other_accounts_have_their_own(spoil: Spoil) -> None:
    limits = {"sessions.0.rate_limit": PREMIER, "sessions.1.rate_limit": {"tier": "prime"}}
    one, other, _ = limits_of(spoil({**limits, "sessions.1.account": "b"}))
    assert one is not None
    assert other is not None
    assert (one.budget.tier.write_per_s, other.budget.tier.write_per_s) == (1200, 4800)


def test_a_tier_of_the_venues_table_can_be_changed(spoil: Spoil) -> None:
    tiers = {"premier": {"write_per_s": 1000}}
    changes = {
        "sessions.0.rate_limit": PREMIER,
        "venue_overrides": {"kalshi": {"rate_limits": {"tiers": tiers}}},
    }
    guard = limits_of(spoil(changes))[0]
    assert guard is not None
    assert (guard.budget.tier.write_per_s, guard.budget.tier.write_capacity) == (1000, 3600)


@pytest.mark.parametrize(
    ("changes", "where", "what", "remedy"),
    [
        (
            {"sessions.0.rate_limit": {"tier": "premiere"}},
            "sessions[0].rate_limit.tier",
            "kalshi has no tier 'premiere'",
            "did you mean 'premier'?",
        ),
        (
            {"sessions.0.rate_limit": {"tier": "basic", "cancel_reserve": 100}},
            "sessions[0].rate_limit",
            "a reserve of 100 tokens would keep every new order back",
            "keep back 85 at most, or give this process a larger share",
        ),
        (
            {"sessions.0.rate_limit": {"tier": "basic", "cancel_reserve": 0, "share": 0.01}},
            "sessions[0].rate_limit",
            "a reserve of 0 tokens would keep every new order back",
            "give this process a larger share",
        ),
        (
            {"sessions.0.rate_limit": PREMIER, "sessions.1.rate_limit": {"tier": "prime"}},
            "sessions[1].rate_limit.tier",
            "rt and nr draw on one account and differ in tier",
            "say the same, or name the account of each with `account:`",
        ),
    ],
    ids=["tier", "reserve", "share", "differ"],
)
def test_what_does_not_fit_is_told(
    spoil: Spoil, changes: dict[str, Any], where: str, what: str, remedy: str
) -> None:
    (problem,) = check(spoil(changes))
    assert (problem.where.split(" ", 1)[1], problem.what, problem.remedy) == (where, what, remedy)


def test_limits_can_be_given_to_a_venue_that_has_none(spoil: Spoil) -> None:
    tier = {"read_per_s": 10, "read_capacity": 10, "write_per_s": 10, "write_capacity": 50}
    generic = {"rate_limits": {"tiers": {"desk": tier}, "messages": {"F": {"cost": 1, "reserve": True}}}}
    changes: dict[str, Any] = {
        "venue_overrides": {"generic": generic},
        "sessions.0": {
            "name": "other",
            "venue": "generic",
            "kind": "orders",
            "environment": None,
            "sender": "US",
            "target": "THEM",
            "connect": {"host": "127.0.0.1", "port": 9999, "tls": False},
            "rate_limit": {"tier": "desk", "cancel_reserve": 10},
        },
    }
    guard = limits_of(spoil(changes))[0]
    assert guard is not None
    assert guard.budget.limits.cost_of("F").reserve


def test_accounts_have_positions_of_their_own(spoil: Spoil) -> None:
    loaded = spoil({"sessions.0.account": "desk-a", "sessions.1.account": "desk-b"})
    assert check(loaded) == []
    plans = [session_plan(session) for session in resolve_sessions(loaded).sessions]
    assert len({plan.account for plan in plans}) == 3
