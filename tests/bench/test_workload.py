"""The pace and the stop watch that every peer is given."""

from __future__ import annotations

import pytest

from bench.workload import Meter, Plan, Stamp, cl_ord_id, quantile

PLAN = Plan(round_trips=20, orders=30, outstanding=7, warm_up=0.5)


class Peer:
    """Answers orders in the order in which they came, one at a time."""

    def __init__(self) -> None:
        self.unanswered: list[int] = []
        self.most_unanswered: list[int] = []
        self.finished = 0
        self.meter = Meter(PLAN, self.take, self.finish)

    def take(self, number: int) -> None:
        self.unanswered.append(number)

    def finish(self) -> None:
        self.finished += 1

    def run(self) -> None:
        self.meter.start()
        while self.unanswered:
            self.most_unanswered.append(len(self.unanswered))
            self.meter.answer(cl_ord_id(self.unanswered.pop(0)))


def test_round_trips_go_one_by_one_and_then_so_many_stay_outstanding() -> None:
    peer = Peer()
    peer.run()
    assert peer.most_unanswered[:20] == [1] * 20
    assert peer.most_unanswered[20:44] == [7] * 24
    assert peer.most_unanswered[44:] == [6, 5, 4, 3, 2, 1]
    assert peer.finished == 1


def test_figures_are_positive_and_ordered() -> None:
    peer = Peer()
    peer.run()
    figures = peer.meter.figures()
    assert 0 < figures.p50 <= figures.p99 <= figures.p999
    assert figures.orders_per_second > 0


def test_an_answer_to_another_order_is_an_error() -> None:
    peer = Peer()
    peer.meter.start()
    with pytest.raises(ValueError, match="answer 1 is for ORD000000002"):
        peer.meter.answer(cl_ord_id(2))


def test_quantile_is_the_nearest_rank() -> None:
    ordered = list(range(1, 101))
    assert quantile(ordered, 0.5) == 51
    assert quantile(ordered, 0.99) == 100
    assert quantile([3.0], 0.999) == 3.0


def test_a_stamp_has_the_form_of_a_utc_timestamp_and_never_goes_back() -> None:
    stamp = Stamp()
    first, second = stamp(), stamp()
    assert len(first) == len("20261120-14:30:00.123456")
    assert first <= second
