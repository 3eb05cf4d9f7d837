"""The rate limits of the accounts that the sessions use: settings and the venue's table become budgets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from fixgw.config.problems import Problem, suggest
from fixgw.config.resolve import Resolved
from fixgw.config.settings import Loaded
from fixgw.errors import ConfigError
from fixgw.safety.buckets import Budget
from fixgw.safety.rate import RateGuard


def rate_guard(session: Resolved, budgets: dict[str, Budget]) -> RateGuard | None:
    """Return the guard of a session's rate limit, None when it is not asked for.

    Args:
        session: the session and its venue's facts.
        budgets: of the gateway's accounts, by ``Resolved.account``; a missing one is added.

    Raises:
        ConfigError: the venue has no such limits, or the reserve leaves no room.
    """
    limit = session.section.rate_limit
    if limit is None:
        return None
    budget = budgets.get(session.account) or _budget(session)
    budgets[session.account] = budget
    return RateGuard(budget, limit.policy, limit.cancel_reserve)


def rate_limit(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """The venue knows the tier, and the reserve leaves room for orders."""
    limit = session.section.rate_limit
    if limit is None:
        return
    path = (*session.path, "rate_limit")
    try:
        _budget(session).check_reserve(limit.cancel_reserve)
    except ConfigError as error:
        yield loaded.problem(error.what, (*path, error.where) if error.where else path, error.remedy)


def one_budget(loaded: Loaded, sessions: list[Resolved]) -> Iterator[Problem]:
    """Sessions of one account say the same of it."""
    limited = [session for session in sessions if session.section.rate_limit is not None]
    for first, second in combinations(limited, 2):
        one, other = first.section.rate_limit, second.section.rate_limit
        if one is None or other is None or first.account != second.account:
            continue
        for name in ("tier", "share", "jitter"):
            if getattr(one, name) != getattr(other, name):
                what = (
                    f"{first.section.name} and {second.section.name} draw on one account and differ in {name}"
                )
                remedy = "say the same, or name the account of each with `account:`"
                yield loaded.problem(what, (*second.path, "rate_limit", name), remedy)


def _budget(session: Resolved) -> Budget:
    limit, limits = session.section.rate_limit, session.profile.rate_limits
    assert limit is not None
    if limits is None:
        what = f"{session.section.venue} has no rate limits that are known"
        raise ConfigError(what, remedy="remove it, or add them to venue_overrides")
    tier = limits.tiers.get(limit.tier)
    if tier is None:
        what = f"{session.section.venue} has no tier {limit.tier!r}"
        raise ConfigError(what, "tier", suggest(limit.tier, limits.tiers))
    return Budget(limits, tier, limit.share, limit.jitter)
