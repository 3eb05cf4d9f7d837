"""Requests that fail behind the venue's gateway: refused, lost, or carried out though nobody says so."""

from __future__ import annotations

import pytest

from fixgw.sim.failures import Failure, Planned
from fixgw.sim.kinds import DC, RT
from fixgw.sim.orders import Side, State
from tests.sim.desk import MARKET
from tests.sim.frames import text_of
from tests.sim.test_app import Port, Venue, buy, sell


@pytest.fixture
def venue() -> Venue:
    return Venue()


@pytest.fixture
def ann(venue: Venue) -> Port:
    return venue.log_on("ann")


def fail(venue: Venue, failure: Failure, **more: object) -> None:
    venue.app.failures.plan(Planned(failure, **more))  # type: ignore[arg-type]


def rejected(port: Port) -> tuple[str | None, ...]:
    return tuple(port.sent[-1].text(tag) for tag in (150, 39, 103, 58))


@pytest.mark.parametrize("failure", [Failure.INTERNAL_ERROR, Failure.UNAVAILABLE])
def test_an_order_that_was_not_carried_out_may_be_sent_again(
    venue: Venue, ann: Port, failure: Failure
) -> None:
    fail(venue, failure)
    venue.send(ann, buy("a1"))
    assert rejected(ann) == ("8", "8", "99", failure.text)
    assert list(venue.engine.open_orders()) == []
    venue.send(ann, buy("a1"))
    assert ann.sent[-1].text(150) == "0"


class TestCarriedOut:
    def test_its_sender_is_told_that_nobody_knows(self, venue: Venue, ann: Port) -> None:
        fail(venue, Failure.APPLIED)
        venue.send(ann, buy("a1"))
        assert [rejected(ann), len(ann.sent)] == [("8", "8", "99", "EXCHANGE_UNAVAILABLE"), 1]
        assert venue.engine.ledger.order("a1").state is State.OPEN

    def test_sent_again_it_exists_already(self, venue: Venue, ann: Port) -> None:
        fail(venue, Failure.APPLIED)
        venue.send(ann, buy("a1"))
        venue.send(ann, buy("a1"))
        assert rejected(ann) == ("8", "8", "6", "ORDER_ALREADY_EXISTS")

    def test_its_later_fills_are_told(self, venue: Venue, ann: Port) -> None:
        fail(venue, Failure.APPLIED)
        venue.send(ann, buy("a1"))
        venue.house(Side.SELL, "2", "0.55")
        assert ann.types() == ["8", "F"]

    def test_others_hear_the_truth(self, venue: Venue, ann: Port) -> None:
        ear, bob = venue.log_on("ear", RT, "ann", "|20126=Y"), venue.log_on("bob")
        copy = venue.log_on("copy", DC, "ann")
        venue.send(bob, sell("b1"))
        fail(venue, Failure.APPLIED)
        venue.send(ann, buy("a1"))
        venue.send(copy, "35=U1|34=7|21001=1;1")
        assert (ann.types(), bob.types(), ear.types()) == (["8"], ["0", "F"], ["F"])
        assert copy.types() == ["F", "U2"]


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (Failure.INTERNAL_ERROR, State.OPEN),
        (Failure.UNAVAILABLE, State.OPEN),
        (Failure.APPLIED, State.CANCELLED),
    ],
)
def test_cancels_fail_with_a_cancel_reject(venue: Venue, ann: Port, failure: Failure, state: State) -> None:
    venue.send(ann, buy("a1"))
    fail(venue, failure, msg_type="F")
    venue.send(ann, f"35=F|11=a2|41=a1|54=1|55={MARKET}")
    assert [report.msg_type for report in ann.sent] == ["8", "9"]
    reject = ann.sent[-1]
    assert [reject.text(tag) for tag in (434, 102, 39, 58)] == ["1", "99", "0", failure.text]
    assert venue.engine.ledger.order("a1").state is state


@pytest.mark.parametrize(
    ("failure", "qty"),
    [(Failure.INTERNAL_ERROR, 10), (Failure.UNAVAILABLE, 10), (Failure.APPLIED, 7)],
)
def test_so_do_replaces(venue: Venue, ann: Port, failure: Failure, qty: int) -> None:
    venue.send(ann, buy("a1"))
    fail(venue, failure, msg_type="G")
    venue.send(ann, f"35=G|11=a2|41=a1|38=7|40=2|54=1|55={MARKET}")
    reject = ann.sent[-1]
    assert [reject.text(tag) for tag in (434, 102, 58)] == ["2", "99", failure.text]
    assert venue.engine.ledger.order("a1").terms.qty == qty


def test_a_query_of_events_meets_a_server_error(venue: Venue) -> None:
    copy = venue.log_on("copy", DC)
    fail(venue, Failure.INTERNAL_ERROR, msg_type="U1")
    venue.send(copy, "35=U1|34=7|21001=1;1")
    assert text_of(copy.sent[0]) == "35=U3|45=7|21004=2"


def test_what_fails_is_chosen_by_type_key_and_number(venue: Venue, ann: Port) -> None:
    bob = venue.log_on("bob")
    fail(venue, Failure.INTERNAL_ERROR, count=2, msg_type="D", key_id="bob")
    venue.send(ann, buy("a1"))
    for number in range(3):
        venue.send(bob, buy(f"b{number}"))
    venue.send(bob, f"35=F|11=c|41=b2|54=1|55={MARKET}")
    assert (ann.types(), bob.types()) == (["0"], ["8", "8", "0", "4"])
