"""Two sessions over a path that works, and over one that does everything wrong."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from fixgw.session.events import GapDetected, GapLost, NumbersReset, NumberTooLow
from fixgw.session.outcome import CloseCode
from fixgw.session.state import Phase
from tests.conftest import soak
from tests.session.twins import Twins


def joined(**settings: Any) -> Twins:
    twins = Twins(**settings)
    twins.connect()
    twins.exchange()
    return twins


def settled(seed: int, **settings: Any) -> Twins:
    """Return twins after 250 steps of torment and three quiet heartbeat intervals."""
    twins = Twins(seed, **settings)
    twins.connect()
    twins.torment(250)
    twins.wait(3 * 30.0)
    return twins


def check(twins: Twins) -> None:
    for sender, receiver in (twins.sides, twins.sides[::-1]):
        assert receiver.received == sender.sent
    assert twins.agree
    assert all(side.session.active and not side.session.gap.is_open for side in twins.sides)


@pytest.mark.parametrize("seed", range(100))
def test_every_message_arrives_once_and_in_order_whatever_the_path_does(seed: int) -> None:
    check(settled(seed))


@pytest.mark.parametrize("seed", range(20))
def test_so_it_does_with_a_small_waiting_room(seed: int) -> None:
    check(settled(seed, waiting_messages=seed % 4))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "options",
    [
        {"slow": True},
        {"slow": True, "next_expected": True, "resend_chunk": 4},
        {"next_expected": True, "initiator": {"next_expected": False, "resend_chunk": 2}},
        {"initiator": {"next_expected": True, "last_processed": True}, "resend_chunk": 3},
        {"resend_chunk": 2},
        {"next_expected": True},
        {"next_expected": True, "resend_chunk": 3, "last_processed": True, "time_precision": "ns"},
        {"begin_string": "FIX.4.4", "default_appl_ver_id": None, "next_expected": True},
        {"begin_string": "FIX.4.2", "default_appl_ver_id": None, "last_processed": True, "resend_chunk": 5},
        {"reject_garbled": True, "waiting_messages": 2, "resend_chunk": 1},
    ],
    ids=lambda options: "-".join(options),
)
def test_so_it_does_with_any_options(seed: int, options: dict[str, Any]) -> None:
    check(settled(seed, **options))


@pytest.mark.soak
def test_every_message_arrives_over_many_bad_paths() -> None:
    for seed in range(1_000, 1_000 + soak(1_000)):
        check(settled(seed, **options_by(seed)))


def options_by(seed: int) -> dict[str, Any]:
    """Return settings that differ from seed to seed."""
    chance = Random(seed)
    return {
        "resend_chunk": chance.choice((0, 1, 3, 20)),
        "next_expected": chance.random() < 0.5,
        "last_processed": chance.random() < 0.2,
        "slow": chance.random() < 0.5,
    }


def test_torment_really_happens() -> None:
    events, ends = set(), set()
    for seed in range(40):
        twins = settled(seed)
        events |= {type(event) for side in twins.sides for event in side.events}
        ends |= {end.code for side in twins.sides for end in side.ends}
    assert {GapDetected, NumberTooLow} <= events
    assert {CloseCode.LOST, CloseCode.TOO_LOW, CloseCode.GAP_TIMEOUT} <= ends


@pytest.mark.parametrize("chunk", [1, 2, 5, 100])
def test_two_sessions_talk_in_pieces_of_any_size(chunk: int) -> None:
    twins = Twins()
    twins.connect()
    for side in (twins.initiator, twins.acceptor):
        twins.deliver(side, chunk=chunk)
    for number in range(5):
        for side in twins.sides:
            side.send(f"{number}", twins.clock.now())
    for side in twins.sides:
        twins.deliver(side, chunk=chunk)
    check(twins)


def test_two_idle_sessions_keep_each_other_alive() -> None:
    twins = joined()
    twins.wait(600.0)
    assert twins.agree
    assert twins.initiator.session.tally.sent["0"] == twins.acceptor.session.tally.sent["0"] == 20
    assert "1" not in twins.initiator.session.tally.sent


def test_both_sides_ask_at_once_and_do_not_lock_up_20() -> None:
    twins = joined()
    for side in twins.sides:
        side.send("lost", twins.clock.now())
        side.outbound.clear()
        side.send("seen", twins.clock.now())
    twins.exchange()
    twins.wait(90.0)
    check(twins)
    assert [side.session.tally.resend_requests_out for side in twins.sides] == [1, 1]


def test_what_was_sent_while_the_path_was_down_comes_with_the_next_logon() -> None:
    twins = joined()
    for number in range(50):
        twins.acceptor.send(str(number), twins.clock.now())
    twins.connect()
    twins.exchange()
    check(twins)
    assert twins.initiator.session.tally.gaps == 1


@pytest.mark.parametrize("who", [0, 1])
def test_a_reset_while_active_starts_both_at_1(who: int) -> None:
    twins = joined()
    for side in twins.sides:
        side.send("before", twins.clock.now())
    twins.exchange()
    side, now = twins.sides[who], twins.clock.now()
    twins.sides[1 - who].send("on its way", now)
    side.carry_out(side.session.reset(now), now)
    twins.exchange()
    for each in twins.sides:
        assert each.numbers == (2, 2)
        assert NumbersReset(2) in each.events
        each.send("after", now)
    twins.exchange()
    check(twins)


def test_two_resets_that_cross_are_one() -> None:
    twins = joined()
    now = twins.clock.now()
    for side in twins.sides:
        side.carry_out(side.session.reset(now), now)
    twins.exchange()
    assert [side.numbers for side in twins.sides] == [(2, 2), (2, 2)]
    assert all(side.session.active for side in twins.sides)


def test_a_session_that_resets_at_each_logon() -> None:
    twins = joined(reset_on_logon=True, retransmission=False)
    twins.initiator.send("one", twins.clock.now())
    twins.exchange()
    twins.acceptor.send("lost", twins.clock.now())
    twins.connect()
    twins.exchange()
    assert [side.numbers for side in twins.sides] == [(2, 2), (2, 2)]
    assert twins.initiator.session.epoch == twins.acceptor.session.epoch == 3
    assert twins.initiator.received == []


def test_without_retransmission_a_loss_is_told_and_the_session_goes_on() -> None:
    twins = joined(retransmission=False)
    now = twins.clock.now()
    for text in ("one", "two", "three"):
        twins.acceptor.send(text, now)
    del twins.acceptor.outbound[1]
    twins.exchange()
    assert twins.initiator.received == ["one", "three"]
    assert GapLost(3, 3) in twins.initiator.events
    twins.wait(90.0)
    assert twins.agree


@pytest.mark.parametrize("who", [0, 1])
def test_either_side_leaves_and_both_close(who: int) -> None:
    twins = joined()
    side, now = twins.sides[who], twins.clock.now()
    side.carry_out(side.session.logout("end of day", now), now)
    twins.exchange()
    assert [each.ends[-1].code for each in twins.sides] == [CloseCode.LOGOUT, CloseCode.LOGOUT]
    assert all(each.session.phase is Phase.CLOSED for each in twins.sides)
    assert twins.agree
    twins.connect()
    twins.exchange()
    check(twins)


def test_both_leave_at_once() -> None:
    twins = joined()
    now = twins.clock.now()
    for side in twins.sides:
        side.carry_out(side.session.logout("", now), now)
    twins.exchange()
    assert [each.ends[-1].code for each in twins.sides] == [CloseCode.LOGOUT, CloseCode.LOGOUT]
    assert twins.agree


def test_a_peer_that_falls_silent_is_left() -> None:
    twins = joined()
    for _ in range(5):
        twins.tick(20.0)
        for side in twins.sides:
            side.outbound.clear()
    assert [each.ends[-1].code for each in twins.sides] == [CloseCode.SILENT, CloseCode.SILENT]
