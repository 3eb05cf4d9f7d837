"""Pauses of the venue: how they are learnt, what they keep back, and how they end."""

from __future__ import annotations

import logging
from zoneinfo import ZoneInfo

import pytest

from fixgw.clock import ManualClock
from fixgw.engine.schedule import Schedule, Window
from fixgw.errors import Held
from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.safety.pauses import HoldReason, PauseGuard, Pauses, WindowGuard
from fixgw.venues.kalshi.profile import VENUE
from tests.handlers.port import Port, cancel_reject, report
from tests.safety.messages import leave

PROFILE = VENUE.profile
IN_THE_WINDOW = 1_791_446_400_000_000_000  # Thursday 2026-10-08 04:00 in New York
HOUR = 3600.0


class Desk:
    """A session's guard, with the venue's voice."""

    def __init__(self, pauses: Pauses | None = None, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.port = Port(self.clock)
        self.guard = PauseGuard(pauses or Pauses(), PROFILE.traffic, PROFILE.pauses)

    def hear(self, message: Message, *, redelivered: bool = False) -> None:
        self.guard.on_message(message, Context(self.port, 1, redelivered=redelivered))

    def refuse(self, text: str | None = "TRADING_PAUSED") -> None:
        self.hear(report("a1", "8", text=text))

    def passes(self, msg_type: str, symbol: str = "X") -> bool:
        message = Message(msg_type, [(55, symbol)] if symbol else [])
        try:
            leave(self.guard, message, self.clock.now())
        except Held:
            return False
        return True


@pytest.mark.parametrize(
    ("text", "reason", "held"),
    [
        ("TRADING_PAUSED", HoldReason.TRADING_PAUSED, "DGRSU7UA"),
        ("EXCHANGE_PAUSED", HoldReason.EXCHANGE_PAUSED, "DGRSU7UAFqZUE"),
        ("MARKET_INACTIVE", HoldReason.MARKET_INACTIVE, "DGRSU7UAFqZUE"),
        ("MARKET_ALREADY_CLOSED", HoldReason.MARKET_INACTIVE, "DGRSU7UAFqZUE"),
    ],
)
def test_a_refusal_tells_what_is_held(text: str, reason: HoldReason, held: str) -> None:
    desk = Desk()
    desk.refuse(text)
    sent = ["D", "G", "R", "S", "U7", "UA", "F", "q", "Z", "UE", "UOG", "V", "U1"]
    assert "".join(msg_type for msg_type in sent if not desk.passes(msg_type)) == held
    assert [hold.rule.reason for hold in desk.guard.pauses.holds] == [reason]


def test_a_held_order_says_why_and_what_to_do() -> None:
    desk = Desk()
    desk.refuse()
    desk.clock.advance(2.0)
    with pytest.raises(Held) as caught:
        desk.guard.admit(Message("D", [(55, "X")]), desk.clock.now())
    assert (caught.value.reason, caught.value.rule) == (HoldReason.TRADING_PAUSED, "held")
    assert str(caught.value) == (
        "trading paused: the venue has refused for that, so this is not sent; cancels still leave; "
        "try again in 3.0 s, or resume by hand if it trades"
    )


@pytest.mark.parametrize("text", ["INSUFFICIENT_BALANCE", "EXCHANGE_UNAVAILABLE", None])
def test_other_refusals_hold_nothing(text: str | None) -> None:
    desk = Desk()
    desk.refuse(text)
    assert desk.passes("D")


def test_a_refused_cancel_or_replace_tells_it_too() -> None:
    desk = Desk()
    desk.hear(cancel_reject("f1", "EXCHANGE_PAUSED"))
    assert not desk.passes("D")


def test_a_market_that_is_not_named_holds_nothing() -> None:
    desk = Desk()
    desk.hear(cancel_reject("f1", "MARKET_INACTIVE"))
    assert desk.passes("D")


def test_an_inactive_market_holds_no_other() -> None:
    desk = Desk()
    desk.refuse("MARKET_INACTIVE")
    assert desk.passes("D", "Y")


@pytest.mark.parametrize("how", ["poss_dup", "redelivered"])
def test_what_is_told_again_is_old(how: str) -> None:
    desk = Desk()
    refusal = report("a1", "8", text="TRADING_PAUSED")
    refusal.poss_dup = how == "poss_dup"
    desk.hear(refusal, redelivered=how == "redelivered")
    assert desk.passes("D")


def test_sessions_with_one_venue_learn_from_each_other() -> None:
    one = Desk()
    other = Desk(one.guard.pauses, one.clock)
    one.refuse()
    assert not other.passes("D")


# -- how it ends --


def test_one_message_is_let_through_to_ask() -> None:
    desk = Desk()
    desk.refuse()
    desk.clock.advance(5.0)
    assert [desk.passes("D"), desk.passes("D")] == [True, False]


def test_the_next_one_asks_later_when_there_is_no_answer() -> None:
    desk = Desk()
    desk.refuse()
    desk.clock.advance(5.0)
    assert desk.passes("D")
    desk.clock.advance(5.0)
    assert [desk.passes("D"), desk.passes("D")] == [True, False]


def test_a_refusal_of_the_one_that_asks_renews_the_hold() -> None:
    desk = Desk()
    desk.refuse()
    desk.clock.advance(5.0)
    assert desk.passes("D")
    desk.clock.advance(1.0)
    desk.refuse()
    desk.clock.advance(4.5)
    assert not desk.passes("D")


@pytest.mark.parametrize("exec_type", ["0", "5", "F"])
def test_an_order_that_is_taken_ends_it(exec_type: str) -> None:
    desk = Desk()
    desk.refuse()
    desk.hear(report("a2", exec_type))
    assert desk.passes("D")


@pytest.mark.parametrize("exec_type", ["A", "6", "E"])
def test_a_pending_report_decides_nothing(exec_type: str) -> None:
    desk = Desk()
    desk.refuse()
    desk.hear(report("a2", exec_type))
    assert not desk.passes("D")


@pytest.mark.parametrize(
    ("text", "original", "ends"),
    [
        ("TRADING_PAUSED", "a1", False),
        ("EXCHANGE_PAUSED", "a1", True),
        ("EXCHANGE_PAUSED", None, False),
        ("EXCHANGE_PAUSED", "f1", False),
    ],
    ids=["trading", "asked for", "by the venue", "by the venue with both ids"],
)
def test_a_cancel_by_request_ends_what_held_cancels(text: str, original: str | None, ends: bool) -> None:
    desk = Desk()
    desk.refuse(text)
    desk.hear(report("f1", "4", original=original))
    assert desk.passes("D") is ends


def test_an_order_that_is_taken_in_another_market_leaves_a_market_held() -> None:
    desk = Desk()
    desk.refuse("MARKET_INACTIVE")
    taken = report("a2", "0")
    taken.set(55, "Y")
    desk.hear(taken)
    assert not desk.passes("D")


def test_a_person_ends_everything() -> None:
    desk = Desk()
    desk.refuse()
    desk.refuse("MARKET_INACTIVE")
    desk.guard.pauses.resume()
    assert desk.passes("D")


def test_the_status_of_a_market_holds_and_releases_it() -> None:
    desk = Desk()
    desk.hear(Message("f", [(55, "X"), (326, "2")]))
    assert [desk.passes("D"), desk.passes("D", "Y")] == [False, True]
    desk.hear(Message("f", [(55, "X"), (326, "3")]))
    assert desk.passes("D")


def test_the_status_of_a_market_says_nothing_of_the_exchange() -> None:
    desk = Desk()
    desk.refuse()
    desk.hear(Message("f", [(55, "X"), (326, "3")]))
    assert not desk.passes("D")


# -- the weekly window --


def window(clock: ManualClock, *, hold: bool) -> WindowGuard:
    hours = Schedule([Window(3 * 86_400 + 3 * 3600, 3 * 86_400 + 5 * 3600)], ZoneInfo("America/New_York"))
    return WindowGuard("us", PROFILE.traffic, hours, hold=hold)


def held_by(guard: WindowGuard, clock: ManualClock, msg_type: str = "D") -> bool:
    try:
        guard.admit(Message(msg_type), clock.now())
    except Held:
        return True
    return False


@pytest.mark.parametrize(
    "two_hours_before",
    [1_791_435_600_000_000_000, 1_794_463_200_000_000_000],
    ids=["summer", "winter"],
)
def test_the_window_is_told_by_the_clocks_of_new_york(two_hours_before: int) -> None:
    clock = ManualClock(two_hours_before)  # 2026-10-08 and 2026-11-12, 01:00 there
    guard = window(clock, hold=True)
    seen = []
    for _ in range(6):
        seen.append(held_by(guard, clock))
        clock.advance(HOUR)
    assert seen == [False, False, True, True, False, False]


def test_a_window_that_holds_lets_cancels_leave() -> None:
    clock = ManualClock(IN_THE_WINDOW)
    guard = window(clock, hold=True)
    assert [held_by(guard, clock, msg_type) for msg_type in ("D", "F", "q", "UOG")] == [True] + [False] * 3


def test_a_window_that_holds_says_until_when() -> None:
    clock = ManualClock(IN_THE_WINDOW)
    with pytest.raises(Held, match=r"until Thu 2026-10-08 05:00:00 America/New_York"):
        window(clock, hold=True).admit(Message("D"), clock.now())


def test_a_window_that_warns_tells_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock(IN_THE_WINDOW)
    guard = window(clock, hold=False)
    with caplog.at_level(logging.WARNING, "fixgw.safety"):
        for _ in range(3):
            assert not held_by(guard, clock)
    assert [record.getMessage() for record in caplog.records] == ["the venue's maintenance window is on"]


def test_a_clock_that_is_set_back_is_believed() -> None:
    clock = ManualClock(IN_THE_WINDOW)
    guard = window(clock, hold=True)
    assert held_by(guard, clock)
    clock.advance(-2 * HOUR)
    assert not held_by(guard, clock)
