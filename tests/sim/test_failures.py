"""Requests that fail behind the venue's gateway: refused, lost, or carried out though nobody says so."""

from __future__ import annotations

import pytest

from fixgw.errors import ConfigError
from fixgw.sim.failures import ANSWERED, Failure, Planned, Refusal
from fixgw.sim.kinds import DC, RFQ, RT
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


def fail(venue: Venue, failure: Failure | Refusal, **more: object) -> None:
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


NOBODYS = "00000000-0000-4000-8000-000000000000"
# MsgType(35) -> a request, the code that refuses it, and the answer that tells so
REFUSED = {
    "D": (buy("a1"), 4, "8", {150: "8", 103: "4"}),
    "F": (f"35=F|11=a2|41=a1|54=1|55={MARKET}", 0, "9", {434: "1", 102: "0"}),
    "G": (f"35=G|11=a2|41=a1|38=7|40=2|54=1|55={MARKET}", 18, "9", {434: "2", 102: "18"}),
    "R": (f"35=R|131=c1|146=1|55={MARKET}|38=100", 3, "AG", {131: "c1", 658: "3"}),
    "S": (f"35=S|117=q1|131={NOBODYS}|55={MARKET}|132=0.40", 99, "AI", {297: "5"}),
    "Z": ("35=Z|117=q1", 99, "U9", {117: "q1", 298: "1"}),
    "U7": ("35=U7|117=q1", 99, "U8", {117: "q1", 21010: "1"}),
    "UA": ("35=UA|117=q1|54=1", 99, "UC", {117: "q1", 21025: "1"}),
    "UE": ("35=UE|131=c1", 99, "UB", {131: "c1", 21013: "1"}),
}


@pytest.mark.parametrize("msg_type", ANSWERED)
def test_each_request_is_refused_with_the_words_that_are_asked_for(venue: Venue, msg_type: str) -> None:
    request, code, answer, fields = REFUSED[msg_type]
    ann = venue.log_on("ann", RFQ if msg_type in ("S", "Z", "U7") else RT)
    fail(venue, Refusal(msg_type, "WHY", code), msg_type=msg_type)
    venue.send(ann, request)
    assert (ann.sent[0].msg_type, ann.sent[0].text(58)) == (answer, "WHY")
    assert {tag: ann.sent[0].text(tag) for tag in fields} == fields


@pytest.mark.parametrize(
    ("msg_type", "code", "said"),
    [
        ("V", 99, r"no answer that refuses MsgType\(35\) 'V'\n.*fault `reject`"),
        ("D", 5, "no answer to D has the code 5\n  say one of 1, 2, 3, 4, 6, 8, 11, 13, 15, 99"),
        ("S", 3, "no answer to S has the code 3\n  say one of 99"),
    ],
)
def test_a_refusal_that_the_venue_could_not_tell_is_told_off(msg_type: str, code: int, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Refusal(msg_type, "WHY", code)


@pytest.mark.parametrize("msg_type", ["R", "V", "nothing"])
def test_only_what_goes_to_the_exchange_fails_behind_the_gateway(msg_type: str) -> None:
    with pytest.raises(ConfigError, match=r"does not fail behind the gateway\n.*one of D, F, G, U1"):
        Planned(Failure.APPLIED, msg_type=msg_type)


def test_a_failure_without_a_type_leaves_requests_for_quote_alone(venue: Venue) -> None:
    ann = venue.log_on("ann", RT)
    fail(venue, Failure.INTERNAL_ERROR)
    venue.send(ann, f"35=R|131=c1|146=1|55={MARKET}|38=100")
    venue.send(ann, buy("a1"))
    assert ann.types() == ["b", "8"]
