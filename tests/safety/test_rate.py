"""The guard that keeps a session inside its rate limits."""

from __future__ import annotations

import pytest

from fixgw.clock import ManualClock
from fixgw.errors import RateLimited
from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.safety.buckets import Budget, Tier
from fixgw.safety.rate import Policy, RateGuard
from fixgw.venues.kalshi.profile import VENUE
from tests.handlers.port import Port
from tests.safety.messages import leave

D, F, Q = Message("D"), Message("F"), Message("q")


class Desk:
    """A guard with its clock."""

    def __init__(
        self, policy: Policy = Policy.WAIT, reserve: float = 0.0, budget: Budget | None = None
    ) -> None:
        limits = VENUE.profile.rate_limits
        assert limits is not None
        self.clock = ManualClock()
        self.port = Port(self.clock)
        self.budget = budget or Budget(limits, Tier(100, 100, 100, 100))
        self.guard = RateGuard(self.budget, policy, reserve)

    def send(self, message: Message, times: int = 1) -> None:
        for _ in range(times):
            leave(self.guard, message, self.clock.now())

    def delay(self, message: Message) -> float:
        return self.guard.delay(message, self.clock.now())

    def hear(
        self, reason: str = "8", *, ref: str = "D", redelivered: bool = False, poss_dup: bool = False
    ) -> None:
        reject = Message("j", [(45, "7"), (372, ref), (380, reason)])
        reject.poss_dup = poss_dup
        self.guard.on_message(reject, Context(self.port, 1, redelivered=redelivered))


def test_what_the_budget_has_no_room_for_is_refused_with_the_time_to_wait() -> None:
    desk = Desk()
    desk.send(D, 10)
    with pytest.raises(RateLimited, match=r"35=D would exceed .*try again in 0\.100 s") as caught:
        desk.send(D)
    assert caught.value.retry_in == pytest.approx(0.1)


def test_it_may_leave_once_the_time_has_passed() -> None:
    desk = Desk()
    desk.send(D, 10)
    desk.clock.advance(0.1)
    desk.send(D)


def test_a_refused_message_has_used_up_nothing() -> None:
    desk = Desk()
    desk.send(D, 10)
    for _ in range(5):
        with pytest.raises(RateLimited):
            desk.send(D)
    assert desk.delay(D) == pytest.approx(0.1)


@pytest.mark.parametrize(("policy", "waits"), [(Policy.WAIT, True), (Policy.REFUSE, False)])
def test_the_policy_says_whether_orders_wait(policy: Policy, waits: bool) -> None:
    desk = Desk(policy)
    desk.send(D, 10)
    assert (desk.delay(D) > 0) is waits


def test_cancels_leave_when_new_orders_may_not() -> None:
    desk = Desk(reserve=20.0)
    desk.send(D, 8)
    with pytest.raises(RateLimited):
        desk.send(D)
    desk.send(F, 10)
    with pytest.raises(RateLimited, match="35=F"):
        desk.send(F)


def test_mass_cancels_leave_once_a_second() -> None:
    desk = Desk()
    desk.send(Q)
    assert desk.delay(Q) == pytest.approx(1.0)
    desk.clock.advance(1.0)
    desk.send(Q)


def test_the_pace_of_mass_cancels_is_each_sessions_own() -> None:
    one = Desk()
    other = Desk(budget=one.budget)
    one.send(Q)
    assert other.delay(Q) == 0


def test_sessions_of_one_account_draw_on_one_budget() -> None:
    one = Desk()
    other = Desk(budget=one.budget)
    one.send(D, 10)
    assert other.delay(D) == pytest.approx(0.1)


def test_a_refusal_for_the_rate_empties_the_budget() -> None:
    desk = Desk()
    desk.send(D)
    desk.hear()
    assert desk.delay(D) == pytest.approx(0.1)
    assert desk.guard.refused_by_venue == 1


@pytest.mark.parametrize(
    "heard",
    [{"reason": "6"}, {"redelivered": True}, {"poss_dup": True}],
    ids=["another", "restart", "replay"],
)
def test_other_and_old_refusals_say_nothing_of_the_budget(heard: dict[str, object]) -> None:
    desk = Desk()
    desk.send(D)
    desk.hear(**heard)  # type: ignore[arg-type]
    assert desk.delay(D) == 0
