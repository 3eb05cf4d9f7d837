"""What a supervisor decides after each kind of end."""

from __future__ import annotations

import pytest

from fixgw.engine.ending import LinkEnd
from fixgw.engine.hosts import Host, HostList
from fixgw.engine.reconnect import Decision, Next, Tries, backoff, decide
from fixgw.engine.settings import RetrySettings, always_retry
from fixgw.errors import ConnectError
from fixgw.session.events import LogonRefused, NumberTooLow
from fixgw.session.outcome import CloseCode, CloseReason
from fixgw.session.state import OnMismatch
from fixgw.transport.memory import MemoryNetwork
from fixgw.venues.base import LogoutRule, Retry

RETRY = RetrySettings(base_seconds=1.0, cap_seconds=60.0, reset_seconds=30.0, max_refusals=3)
LOST = LinkEnd(CloseReason(CloseCode.LOST), logged_on=True, seconds=1.0)


def judge(text: str) -> LogoutRule:
    rows = {
        "already exists": LogoutRule("already exists", Retry.WAIT, 60.0),
        "busy": LogoutRule("busy", Retry.RETRY, passes=True),
        "Invalid TargetCompID": LogoutRule("Invalid", Retry.FATAL, meaning="wrong port", remedy="fix port"),
    }
    return rows.get(text, LogoutRule("", Retry.RETRY))


def refused(text: str) -> LinkEnd:
    return LinkEnd(CloseReason(CloseCode.REFUSED, text), refused=LogonRefused(text))


ONCE = Tries(1, 1)


def after(end: LinkEnd | ConnectError, tries: Tries = ONCE, jitter: float = 0.5) -> Decision:
    return decide(end, tries, RETRY, judge, OnMismatch.STOP, jitter)


def test_delays_double_up_to_the_cap() -> None:
    bounds = [backoff(failures, RETRY) for failures in (0, 1, 2, 3, 7, 500)]
    assert bounds == [1.0, 1.0, 2.0, 4.0, 60.0, 60.0]


def test_jitter_spreads_over_the_whole_delay() -> None:
    assert after(LOST, Tries(3), jitter=0.0).delay == 0.0
    assert after(LOST, Tries(3), jitter=1.0).delay == 4.0


def test_a_wrong_pin_stops() -> None:
    decision = after(ConnectError("the pin does not match", "check tls.pins", fatal=True))
    assert (decision.next, decision.remedy) == (Next.STOP, "check tls.pins")


def test_a_refused_connection_is_tried_again() -> None:
    assert after(ConnectError("connection refused")).next is Next.DIAL


def test_already_exists_waits_at_least_a_minute() -> None:
    assert after(refused("already exists"), jitter=0.0).delay == 60.0


def test_a_fatal_text_stops_with_its_remedy() -> None:
    decision = after(refused("Invalid TargetCompID"))
    assert decision.next is Next.STOP
    assert decision.remedy == "fix port"
    assert "wrong port" in decision.why


def test_a_fatal_text_in_a_later_logout_stops_too() -> None:
    end = LinkEnd(CloseReason(CloseCode.LOGOUT), logged_on=True, logout_text="Invalid TargetCompID")
    assert after(end).next is Next.STOP


def test_refusals_in_a_row_break_the_circuit() -> None:
    assert after(refused("no such thing"), Tries(2, 2)).next is Next.DIAL
    decision = after(refused("no such thing"), Tries(3, 3))
    assert decision.next is Next.STOP
    assert "3 refused Logons" in decision.why


def test_a_refusal_that_passes_by_itself_does_not_break_the_circuit() -> None:
    assert Tries(2, 2).after(refused("busy"), RETRY, judge) == Tries(3, 2)
    assert after(refused("busy"), Tries(9, 3)).next is Next.DIAL


def test_a_refusal_of_another_kind_still_counts_after_one_that_passes() -> None:
    tries = Tries(2, 2).after(refused("busy"), RETRY, judge).after(refused("no such thing"), RETRY, judge)
    assert tries == Tries(4, 3)
    assert after(refused("no such thing"), tries).next is Next.STOP


def test_a_refusal_says_what_the_text_means() -> None:
    rule = LogoutRule("busy", Retry.RETRY, meaning="the venue is overloaded", remedy="none is needed")
    decision = decide(refused("busy"), ONCE, RETRY, lambda _: rule, OnMismatch.STOP, 0.5)
    assert decision.why == "logon refused: busy (the venue is overloaded)"
    assert decision.remedy == "none is needed"


@pytest.mark.parametrize(("offset", "side"), [(-45.25, "ahead of"), (45.25, "behind")])
def test_a_refusal_because_of_the_time_says_how_far_this_clock_is_off(offset: float, side: str) -> None:
    refusal = LogonRefused("SendingTime accuracy problem", 10, offset)
    decision = after(LinkEnd(CloseReason(CloseCode.REFUSED, refusal.text), refused=refusal))
    assert decision.next is Next.DIAL
    assert decision.why.endswith(f"SendingTime accuracy problem (this clock is 45.2 s {side} the venue's)")
    assert decision.remedy == "set this machine's clock, by NTP"


def test_a_refusal_because_of_the_time_that_bears_none_says_less() -> None:
    refusal = LogonRefused("SendingTime accuracy problem", 10)
    decision = after(LinkEnd(CloseReason(CloseCode.REFUSED, refusal.text), refused=refusal))
    assert decision.why == "logon refused: SendingTime accuracy problem"


def test_a_text_that_no_row_knows_stands_alone() -> None:
    unknown = LogoutRule("", Retry.RETRY, meaning="the venue gave a text that is not in its table")
    end = LinkEnd(CloseReason(CloseCode.LOGOUT), logged_on=True, logout_text="good night")
    assert decide(end, ONCE, RETRY, lambda _: unknown, OnMismatch.STOP, 0.5).why == "logout: good night"


@pytest.mark.parametrize(
    ("end", "remedy"),
    [
        (LinkEnd(CloseReason(CloseCode.LOST)), "port, TLS and CompIDs"),
        (LinkEnd(CloseReason(CloseCode.LOGON_TIMEOUT)), "host and port"),
        (LinkEnd(CloseReason(CloseCode.SILENT), logged_on=True), "the network"),
        (LinkEnd(CloseReason(CloseCode.SLOW_HANDLER), logged_on=True), "limits.queue_size"),
        (LinkEnd(CloseReason(CloseCode.LOST), logged_on=True), ""),
    ],
)
def test_an_end_without_words_of_the_venue_comes_with_a_remedy(end: LinkEnd, remedy: str) -> None:
    decision = after(end)
    assert decision.next is Next.DIAL
    assert remedy in decision.remedy
    assert bool(remedy) == bool(decision.remedy)


def test_refusals_without_a_text_break_the_circuit_too() -> None:
    decision = after(refused(""), Tries(3, 3))
    assert decision.next is Next.STOP
    assert decision.why == "3 refused Logons in a row, last: without a text"


@pytest.mark.parametrize("code", [CloseCode.STORE, CloseCode.RESEND_LIMIT, CloseCode.STOPPED])
def test_what_a_new_connection_can_not_cure_stops(code: CloseCode) -> None:
    decision = after(LinkEnd(CloseReason(code, "detail")))
    assert decision.next is Next.STOP
    assert decision.mendable is (code is CloseCode.RESEND_LIMIT)


@pytest.mark.parametrize(
    ("by_peer", "side", "mend"), [(True, "the venue", "--out 9"), (False, "this side", "--in 5")]
)
def test_a_number_too_low_stops_with_both_numbers(by_peer: bool, side: str, mend: str) -> None:
    end = LinkEnd(CloseReason(CloseCode.TOO_LOW), too_low=NumberTooLow(9, 5, by_peer))
    decision = after(end).of("orders")
    assert decision.next is Next.STOP
    assert f"{side} expects 9 and got 5" in decision.why
    assert f"fixgw seqnum set orders {mend}" in decision.remedy
    assert decision.mendable


def test_on_mismatch_reset_begins_a_new_epoch() -> None:
    end = LinkEnd(CloseReason(CloseCode.TOO_LOW), too_low=NumberTooLow(9, 5, by_peer=True))
    decision = decide(end, Tries(1), RETRY, always_retry, OnMismatch.RESET, 1.0)
    assert (decision.next, decision.reset) == (Next.DIAL, True)


def test_a_connection_that_lasted_clears_the_failures() -> None:
    lasted = LinkEnd(CloseReason(CloseCode.LOST), logged_on=True, seconds=31.0)
    assert Tries(5, 2).after(lasted, RETRY, judge) == Tries(0, 0)


def test_a_short_connection_counts_as_a_failure_and_clears_refusals() -> None:
    assert Tries(5, 2).after(LOST, RETRY, judge) == Tries(6, 0)


def test_a_network_failure_leaves_refusals_alone() -> None:
    assert Tries(1, 2).after(ConnectError("down"), RETRY, judge) == Tries(2, 2)


def test_a_refusal_counts_twice_over() -> None:
    assert Tries(1, 1).after(refused("no"), RETRY, judge) == Tries(2, 2)


# -- which host is next --


def host_after(*ends: LinkEnd | ConnectError) -> str:
    hosts = HostList([Host(name, MemoryNetwork().connector(name)) for name in ("a", "b", "c")])
    for end in ends:
        hosts.after(end)
    return hosts.current.name


DOWN = ConnectError("down")
OUT = LinkEnd(CloseReason(CloseCode.LOGOUT), logged_on=True)


@pytest.mark.parametrize(
    ("ends", "name"),
    [
        ([], "a"),
        ([DOWN], "b"),
        ([refused("no")], "b"),
        ([LinkEnd(CloseReason(CloseCode.LOGON_TIMEOUT))], "b"),
        ([DOWN, DOWN, DOWN], "a"),
        ([DOWN, LOST], "b"),
        ([DOWN, LOST, DOWN], "c"),
        ([DOWN, OUT], "a"),
    ],
    ids=["first", "down", "refused", "silent", "around", "lost", "lost and down", "logged out"],
)
def test_the_next_host_is_chosen_by_how_the_last_attempt_ended(
    ends: list[LinkEnd | ConnectError], name: str
) -> None:
    assert host_after(*ends) == name
