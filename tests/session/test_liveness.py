"""When a heartbeat, a TestRequest and the end are due."""

from __future__ import annotations

from math import inf

from fixgw.session.liveness import Due, Liveness


def started(interval: float = 10) -> Liveness:
    live = Liveness(1.2, 2.4)
    live.start(interval, 100.0)
    return live


def test_a_heartbeat_is_due_one_interval_after_the_last_thing_sent() -> None:
    live = started()
    live.heard(105.0)
    assert live.due(109.9) is Due.NOTHING
    assert live.due(110.0) is Due.HEARTBEAT
    live.sent(110.0)
    assert live.send_by == 120.0


def test_silence_leads_to_a_test_request_at_1_2_and_to_the_end_at_2_4_intervals() -> None:
    live = started()
    live.sent(109.0)
    assert live.due(111.9) is Due.NOTHING
    assert live.due(112.0) is Due.TEST_REQUEST
    live.sent(112.0)
    live.probed(112.0)
    assert live.due(123.9) is Due.NOTHING  # no heartbeat of ours while it is unanswered
    assert live.due(124.0) is Due.CLOSE


def test_a_late_timer_asks_before_it_kills() -> None:
    live = started()
    assert live.due(500.0) is Due.TEST_REQUEST
    live.probed(500.0)
    assert live.hear_by == 512.0


def test_any_bytes_are_life_and_heartbeats_go_on() -> None:
    live = started()
    live.probed(112.0)
    live.sent(113.0)  # an application message: it does not bring the heartbeats back
    assert live.send_by == inf
    live.heard(115.0)
    assert (live.send_by, live.hear_by, live.probing) == (123.0, 127.0, False)


def test_the_round_trip_is_told_once() -> None:
    live = started()
    assert live.answered(111.0) is None
    live.probed(112.0)
    live.heard(112.5)
    assert live.answered(112.5) == 0.5
    assert live.answered(112.6) is None


def test_an_interval_of_zero_means_no_heartbeats() -> None:
    live = started(0)
    live.sent(100.0)
    live.heard(100.0)
    assert live.due(1e9) is Due.NOTHING
    live.deafen(100.0)
    live.listen(100.0)
    assert live.due(1e9) is Due.NOTHING


def test_a_side_that_does_not_read_sends_heartbeats_and_does_not_judge() -> None:
    live = started()
    live.probed(112.0)
    live.deafen(113.0)
    live.heard(114.0)  # bytes that were on their way
    assert live.hear_by == inf
    assert live.due(114.0) is Due.HEARTBEAT
    live.sent(114.0)
    live.listen(200.0)
    assert live.hear_by == 212.0
