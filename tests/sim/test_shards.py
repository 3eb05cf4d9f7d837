"""Exchange shards: where a market lives, how its executions are numbered, and what has to agree with it."""

from __future__ import annotations

import pytest

from fixgw.sim.cycle import ExecId
from fixgw.sim.kinds import DC, RT
from tests.sim.desk import MARKET
from tests.sim.frames import text_of
from tests.sim.test_app import Port, Venue, buy

FAR = "FAR-26DEC31"


@pytest.fixture
def venue() -> Venue:
    made = Venue()
    made.engine.list_market(FAR, exchange_index=2)
    return made


@pytest.fixture
def ann(venue: Venue) -> Port:
    return venue.log_on("ann")


def far(cl_ord_id: str, more: str = "") -> str:
    return buy(cl_ord_id, more=more).replace(MARKET, FAR)


def test_each_index_has_a_clock_of_its_own(venue: Venue, ann: Port) -> None:
    for text in (buy("a1"), far("b1"), far("b2"), buy("a2"), far("b3")):
        venue.send(ann, text)
    assert [report.text(17) for report in ann.sent] == ["1;1", "1;1;2", "2;1;2", "2;1", "3;1;2"]
    assert [report.text(30) for report in ann.sent] == ["0", "2", "2", "0", "2"]


def test_one_cycle_may_execute_on_several(venue: Venue, ann: Port) -> None:
    for text in (buy("a1"), far("b1"), buy("a2")):
        venue.send(ann, text)
    venue.send(ann, "35=q|11=m|530=6")
    assert [report.text(17) for report in ann.sent[4:]] == ["3;1", "3;2", "2;1;2"]


def test_what_executes_nothing_uses_up_no_clock(venue: Venue, ann: Port) -> None:
    venue.send(ann, buy("bad", "0"))
    venue.send(ann, buy("a1"))
    assert ann.sent[-1].text(17) == "1;1"


@pytest.mark.parametrize("named", ["", "|100=-1", "|100=2"])
def test_its_index_may_be_named_or_left_to_the_venue(venue: Venue, ann: Port, named: str) -> None:
    venue.send(ann, far("b1", named))
    assert ann.sent[0].text(150) == "0"


@pytest.mark.parametrize("named", ["|100=0", "|100=1"])
def test_on_another_index_there_is_no_such_market(venue: Venue, ann: Port, named: str) -> None:
    venue.send(ann, far("b1", named))
    assert (ann.sent[0].text(103), ann.sent[0].text(58)) == ("1", "MARKET_NOT_FOUND")
    venue.send(ann, far("b2"))
    venue.send(ann, f"35=F|11=c|41=b2|54=1|55={FAR}{named}")
    assert (ann.sent[-1].text(102), ann.sent[-1].text(58)) == ("99", "MARKET_NOT_FOUND")


def test_a_range_of_the_drop_copy_is_of_one_index(venue: Venue, ann: Port) -> None:
    copy = venue.log_on("copy", DC, "ann")
    for text in (buy("a1"), far("b1"), far("b2"), buy("a2")):
        venue.send(ann, text)
    venue.send(copy, "35=U1|34=7|21001=1;1;2")
    venue.send(copy, "35=U1|34=8|21001=1;1|21002=2;1")
    told = [report.text(17) or text_of(report) for report in copy.sent]
    assert told == ["1;1;2", "2;1;2", "35=U2|45=7|21003=2", "1;1", "2;1", "35=U2|45=8|21003=2"]
    reject = venue.refused(copy, "35=U1|34=9|21001=1;1|21002=2;1;2")
    assert (reject.ref_tag, reject.reason) == (21002, 5)


def test_an_order_group_lives_on_one_index(venue: Venue, ann: Port) -> None:
    venue.send(ann, "35=UOG|20131=1|20132=1|100=2")
    group = ann.sent[-1].text(20130)
    venue.send(ann, buy("a1", more=f"|526={group}"))
    assert ann.sent[-1].text(58) == "ORDER_GROUP_NOT_FOUND"
    venue.send(ann, far("b1", f"|526={group}"))
    assert ann.sent[-1].text(150) == "0"
    reset = f"35=UOG|20131=2|20130={group}"
    assert venue.refused(ann, reset).text == "ORDER_GROUP_NOT_FOUND"
    venue.send(ann, f"{reset}|100=2")


def test_a_group_is_triggered_by_the_fills_of_its_index(venue: Venue, ann: Port) -> None:
    venue.send(ann, "35=UOG|20131=1|20132=1|100=2")
    group = ann.sent[-1].text(20130)
    venue.send(ann, far("b1", f"|526={group}"))
    bob = venue.log_on("bob")
    venue.send(bob, far("x").replace("54=1", "54=2").replace("38=10", "38=2"))
    assert (ann.sent[-1].text(150), ann.sent[-1].text(58)) == ("4", "ORDER_GROUP_CANCEL")


def test_an_acknowledged_request_for_quote_names_it(venue: Venue) -> None:
    creator = venue.log_on("carl", RT)
    venue.send(creator, f"35=R|131=c1|146=1|55={FAR}|38=10")
    assert creator.sent[-1].text(100) == "2"


def test_an_index_is_a_number_from_minus_one(venue: Venue, ann: Port) -> None:
    reject = venue.refused(ann, buy("a1", more="|100=-2"))
    assert (reject.ref_tag, reject.reason) == (100, 5)


@pytest.mark.parametrize("text", ["4;7", "4;7;1"])
def test_exec_ids_are_read_as_they_are_written(text: str) -> None:
    assert str(ExecId.parse(text)) == text


def test_a_trade_has_the_index_of_its_market(venue: Venue, ann: Port) -> None:
    venue.send(ann, far("b1"))
    bob = venue.log_on("bob")
    venue.send(bob, far("x").replace("54=1", "54=2"))
    assert [report.text(17) for report in (*ann.sent, *bob.sent)] == ["1;1;2", "2;3;2", "2;2;2"]
