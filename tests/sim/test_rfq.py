"""Requests for quote at the venue, as frames: who hears of what, what is refused, and what executes when."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.errors import FieldError
from fixgw.sim.admission import Trading
from fixgw.sim.kinds import RFQ, RT, SessionKind
from fixgw.sim.logon import LogonFlags
from fixgw.sim.orders import Side
from fixgw.sim.rfq_reports import OBSCURED_ID, public_id
from tests.sim.desk import MARKET
from tests.sim.frames import text_of
from tests.sim.test_app import Port, Venue, buy

CONFIRM, EXECUTE = 30, 15  # seconds
NOON = "20261009-14:30:00.000"
GROUP = f"146=1|55={MARKET}|38=100"


class Floor:
    """A creator, two makers with an order-entry session each, and the words of all of them."""

    def __init__(self) -> None:
        self.venue = Venue()
        self.engine, self.ledger = self.venue.engine, self.venue.engine.ledger
        self.carl = self.venue.log_on("carl", RT)
        self.mary = self.venue.log_on("mary", RFQ, "mary")
        self.mark = self.venue.log_on("mark", RFQ, "mark")
        self.fills = self.venue.log_on("mary-orders", RT, "mary")

    def say(self, port: Port, text: str) -> None:
        self.venue.send(port, text)

    def ask(self, group: str = GROUP, quote_req_id: str = "c1", more: str = "") -> str:
        """Open a request and return the venue's id."""
        self.say(self.carl, f"35=R|131={quote_req_id}|{group}{more}")
        return self.last(self.carl).get(21023, "")

    def quote(
        self, rfq_id: str, prices: str = "132=0.40|133=0.55", quote_id: str = "q1", by: Port | None = None
    ) -> None:
        self.say(by or self.mary, f"35=S|117={quote_id}|131={rfq_id}|55={MARKET}|{prices}")

    def accepted(self, side: str = "1", more: str = "", prices: str = "132=0.40|133=0.55") -> str:
        """Go as far as the acceptance and return the request's id."""
        rfq_id = self.ask()
        self.quote(rfq_id, prices)
        self.say(self.carl, f"35=UA|117=q1|21023={rfq_id}|54={side}|11=a1{more}")
        return rfq_id

    def wait(self, seconds: float) -> None:
        self.venue.clock.advance(seconds)
        self.venue.app.rfq.run_due(self.venue.clock.now().utc_ns)

    def execute(self) -> None:
        """Confirm the accepted quote, and let its timer run."""
        self.say(self.mary, "35=U7|117=q1")
        self.wait(EXECUTE)

    def last(self, port: Port) -> dict[int, str]:
        return {tag: value.decode() for tag, value in port.sent[-1].pairs()}

    def heard(self, port: Port) -> str:
        return text_of(port.sent[-1])

    def positions(self, *accounts: str) -> list[Decimal]:
        return [self.ledger.positions.get((account, MARKET), Decimal(0)) for account in accounts]


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_the_whole_way_from_the_request_to_the_trade(floor: Floor) -> None:
    floor.say(floor.carl, f"35=R|131=c1|{GROUP}")
    rfq_id = floor.last(floor.carl)[21023]
    assert floor.heard(floor.carl) == f"35=b|131=c1|303=1|21023={rfq_id}|100=0"
    asked = f"35=R|131={rfq_id}|146=1|55={MARKET}|38=100.00|60={NOON}|453=1|448={public_id('carl')}"
    assert [floor.heard(maker) for maker in (floor.mary, floor.mark)] == [asked, asked]

    floor.quote(rfq_id)
    terms = "38=100.00|132=0.4000|134=100.00|133=0.5500|135=100.00"
    assert floor.heard(floor.mary) == f"35=AI|117=q1|131={rfq_id}|297=10|{terms}|60={NOON}"
    quoter = f"453=1|448={public_id('mary')}|452=35"
    assert floor.heard(floor.carl) == f"35=S|117=q1|131={rfq_id}|55={MARKET}|{terms}|60={NOON}|{quoter}"

    floor.say(floor.carl, f"35=UA|117=q1|21023={rfq_id}|54=1|38=100|11=a1")
    assert floor.heard(floor.carl) == "35=UC|117=q1|21025=0|21024=q1|11=a1"
    assert floor.heard(floor.mary) == f"35=AI|117=q1|131={rfq_id}|297=0|{terms}|54=2"

    floor.say(floor.mary, f"35=U7|117=q1|21023={rfq_id}")
    assert floor.heard(floor.mary) == "35=U8|117=q1|21010=0"
    assert floor.positions("carl", "mary") == [0, 0]
    floor.wait(EXECUTE)
    assert floor.positions("carl", "mary") == [100, -100]
    trade, other = floor.last(floor.carl), floor.last(floor.fills)
    assert [trade[tag] for tag in (35, 150, 11, 54, 31, 32)] == ["8", "F", "a1", "1", "0.4500", "100.00"]
    assert [other[tag] for tag in (35, 150, 11, 54, 31, 32)] == ["8", "F", "q1", "2", "0.4500", "100.00"]
    assert "8" not in [sent.msg_type for sent in floor.mary.sent]
    assert (floor.ledger.cash["carl"], floor.ledger.cash["mary"]) == (Decimal("-46.7325"), Decimal("-55"))


def test_selling_takes_the_price_for_yes(floor: Floor) -> None:
    floor.accepted("2")
    assert floor.last(floor.mary)[54] == "1"
    floor.execute()
    assert floor.positions("carl", "mary") == [-100, 100]
    assert floor.last(floor.carl)[31] == "0.4000"


class TestTheRequest:
    def test_does_not_reach_other_sessions_of_its_account(self, floor: Floor) -> None:
        own = floor.venue.log_on("own", RFQ, "carl")
        floor.ask()
        assert own.sent == []

    def test_may_hide_who_asks(self, floor: Floor) -> None:
        floor.ask(GROUP + "|21034=Y")
        assert floor.last(floor.mary)[448] == OBSCURED_ID

    def test_may_name_dollars(self, floor: Floor) -> None:
        floor.ask(f"146=1|55={MARKET}|152=50")
        told = floor.last(floor.mary)
        assert (told[38], told[152]) == ("0.00", "50.00")

    @pytest.mark.parametrize(("flag", "size"), [("", "106.99"), ("|21033=Y", "111.11")])
    def test_in_dollars_buys_what_they_are_good_for(self, floor: Floor, flag: str, size: str) -> None:
        """45 cents a contract, with or without the fee of 0.07 * 0.45 * 0.55 inside."""
        rfq_id = floor.ask(f"146=1|55={MARKET}|152=50{flag}")
        floor.quote(rfq_id, "133=0.55")
        offered = floor.last(floor.carl)
        assert (offered[135], 38 in offered, 132 in offered) == (size, False, False)
        floor.say(floor.carl, f"35=UA|117=q1|54=1|11=a1|21023={rfq_id}")
        floor.execute()
        assert floor.positions("carl") == [Decimal(size)]

    @pytest.mark.parametrize(
        ("group", "reason", "text"),
        [
            ("146=1|55=NONE|38=1", "1", "MARKET_NOT_FOUND"),
            (f"146=1|55={MARKET}", "99", "invalid_parameters"),
            (f"146=1|55={MARKET}|38=1|152=1", "99", "invalid_parameters"),
            (f"146=1|55={MARKET}|38=0.001", "99", "invalid_parameters"),
            (f"146=1|55={MARKET}|38=1|21033=Y", "99", "invalid_parameters"),
        ],
    )
    def test_is_refused(self, floor: Floor, group: str, reason: str, text: str) -> None:
        floor.ask(group)
        assert floor.heard(floor.carl) == f"35=AG|131=c1|658={reason}|58={text}"
        assert floor.mary.sent == []

    def test_is_refused_in_a_pause_and_in_a_closed_market(self, floor: Floor) -> None:
        floor.engine.trading = Trading.PAUSED
        floor.ask()
        assert floor.last(floor.carl)[58] == "TRADING_PAUSED"
        floor.engine.trading = Trading.OPEN
        floor.venue.app.close_market(MARKET, floor.venue.clock.now().utc_ns)
        floor.ask()
        assert floor.last(floor.carl)[58] == "MARKET_INACTIVE"

    def test_is_one_a_market(self, floor: Floor) -> None:
        floor.ask()
        floor.ask(quote_req_id="c2")
        assert floor.heard(floor.carl) == "35=AG|131=c2|658=99|58=RFQ already exists"

    def test_may_stand_beside_one_other_and_closes_those_before(self, floor: Floor) -> None:
        first = floor.ask()
        floor.ask(GROUP + "|21016=Y", "c2")
        floor.say(floor.carl, f"35=R|131=c3|{GROUP}|21016=Y")
        closed, opened = floor.carl.sent[-2:]
        assert text_of(closed) == f"35=UB|131=c1|21023={first}|21013=2|58=RFQ_CLOSED"
        assert opened.msg_type == "b"

    def test_has_no_flags_outside_its_group(self, floor: Floor) -> None:
        floor.ask()
        floor.ask(quote_req_id="c2", more="|79=0|21016=Y")
        assert floor.last(floor.carl)[58] == "RFQ already exists"

    def test_is_closed_by_either_id(self, floor: Floor) -> None:
        rfq_id = floor.ask()
        floor.say(floor.carl, "35=UE|131=c1")
        assert floor.heard(floor.carl) == f"35=UB|131=c1|21023={rfq_id}|21013=0"
        assert floor.heard(floor.mary) == f"35=AG|131={rfq_id}|658=99|58=RFQ_CLOSED"
        again = floor.ask(quote_req_id="c2")
        floor.say(floor.carl, f"35=UE|21023={again}")
        assert floor.heard(floor.carl) == f"35=UB|131=c2|21023={again}|21013=0"

    def test_that_is_not_there_can_not_be_closed(self, floor: Floor) -> None:
        floor.say(floor.carl, "35=UE|131=c1")
        assert floor.heard(floor.carl) == "35=UB|131=c1|21013=1|58=NOT_FOUND"
        floor.ask()
        floor.say(floor.carl, "35=UE|131=c1")
        floor.say(floor.carl, "35=UE|131=c1")
        assert floor.heard(floor.carl) == "35=UB|131=c1|21013=1|58=RFQ_CLOSED"

    def test_ends_after_a_day(self, floor: Floor) -> None:
        rfq_id = floor.ask()
        floor.wait(24 * 3600 - 1)
        assert floor.last(floor.carl)[35] == "b"
        floor.wait(1)
        assert floor.heard(floor.carl) == f"35=UB|131=c1|21023={rfq_id}|21013=2|58=EXPIRED"
        assert floor.last(floor.mary)[35] == "AG"

    def test_is_forgotten_a_day_after_its_end(self, floor: Floor) -> None:
        floor.quote(floor.ask())
        floor.wait(24 * 3600)
        floor.wait(24 * 3600)
        assert (floor.venue.app.rfq.rfqs.requests, floor.venue.app.rfq.rfqs.quotes) == ({}, {})

    def test_ends_with_its_market(self, floor: Floor) -> None:
        rfq_id = floor.ask()
        floor.venue.app.close_market(MARKET, floor.venue.clock.now().utc_ns)
        assert floor.heard(floor.carl) == f"35=UB|131=c1|21023={rfq_id}|21013=2|58=RFQ_CLOSED"

    def test_waits_for_a_creator_who_is_away(self, floor: Floor) -> None:
        rfq_id = floor.ask()
        floor.carl.active = False
        floor.quote(rfq_id)
        assert [kept.msg_type for kept in floor.carl.kept] == ["S"]

    @pytest.mark.parametrize(
        ("text", "tag"),
        [
            (f"35=R|131=c1|146=2|55={MARKET}|38=1", 146),
            (f"35=R|131=c1|146=2|55={MARKET}|38=1|55={MARKET}|38=1", 146),
            ("35=R|131=c1|146=1|38=1", 55),
            ("35=R|131=c1|146=1|38=1|20180=C", 20180),
            ("35=R|131=c1|146=1|38=1|20180=C|20181=1|20182=E|20184=yes", 20183),
            ("35=R|131=c1|146=1|38=1|20180=C|20181=1|20182=E|20183=M|20184=perhaps", 20184),
            ("35=UE", 131),
            ("35=UA|117=q|54=1|132=1", 132),
        ],
    )
    def test_that_is_malformed_is_a_reject(self, floor: Floor, text: str, tag: int) -> None:
        refusal = floor.venue.refused(floor.carl, text)
        assert refusal.ref_tag == tag


class TestACombination:
    LEGS = f"20180=COMBO|20181=2|20182=E1|20183={MARKET}|20184=yes|20182=E2|20183=OTHER|20184=no"

    @pytest.fixture
    def floor(self) -> Floor:
        floor = Floor()
        floor.engine.list_market("OTHER")
        return floor

    def test_becomes_a_volatile_market(self, floor: Floor) -> None:
        floor.ask("146=1|38=10", more=f"|{self.LEGS}")
        symbol = floor.last(floor.carl)[55]
        assert symbol.startswith("COMBO-")
        assert floor.engine.books[symbol].high_volatility
        assert floor.heard(floor.mary).endswith(self.LEGS)
        assert floor.last(floor.mary)[55] == symbol

    def test_is_the_same_market_whatever_the_order_of_its_legs(self, floor: Floor) -> None:
        floor.ask("146=1|38=10", more=f"|{self.LEGS}")
        other = f"20180=COMBO|20181=2|20182=E2|20183=OTHER|20184=no|20182=E1|20183={MARKET}|20184=yes"
        floor.ask("146=1|38=10", "c2", f"|{other}")
        assert floor.last(floor.carl)[58] == "RFQ already exists"

    @pytest.mark.parametrize(
        ("second", "code", "market"),
        [
            (f"E1|20183={MARKET}|20184=yes", "duplicated_legs", MARKET),
            (f"E1|20183={MARKET}|20184=no", "conflicting_leg_outcomes", MARKET),
            ("E3|20183=NONE|20184=no", "invalid_market_combination", "NONE"),
        ],
    )
    def test_that_makes_no_market_is_refused(self, floor: Floor, second: str, code: str, market: str) -> None:
        legs = f"20180=COMBO|20181=2|20182=E1|20183={MARKET}|20184=yes|20182={second}"
        floor.ask("146=1|38=10", more=f"|{legs}")
        assert floor.heard(floor.carl) == f"35=AG|131=c1|658=99|20187={code}|20185=1|20186={market}|58={code}"


class TestAQuote:
    @pytest.mark.parametrize(
        ("prices", "text"),
        [
            ("18=6", "invalid_parameters"),
            ("132=0|133=0", "invalid_parameters"),
            ("132=0.50|133=0.51", "invalid_parameters"),
            ("132=0.405", "invalid_parameters"),
            ("133=1", "invalid_parameters"),
        ],
    )
    def test_is_refused(self, floor: Floor, prices: str, text: str) -> None:
        rfq_id = floor.ask()
        floor.quote(rfq_id, prices)
        assert floor.heard(floor.mary) == f"35=AI|131={rfq_id}|297=5|58={text}"
        assert floor.last(floor.carl)[35] == "b"

    def test_may_add_up_to_a_dollar(self, floor: Floor) -> None:
        floor.quote(floor.ask(), "132=0.50|133=0.50")
        assert floor.last(floor.mary)[297] == "10"

    def test_may_have_one_price(self, floor: Floor) -> None:
        rfq_id = floor.ask()
        floor.quote(rfq_id, "132=0.40|133=0")
        assert 133 not in floor.last(floor.carl)
        floor.say(floor.carl, "35=UA|117=q1|54=1")
        assert floor.heard(floor.carl) == "35=UC|117=q1|21025=1|58=invalid_parameters"

    def test_of_nothing_that_is_open_is_refused(self, floor: Floor) -> None:
        floor.quote("nothing")
        assert floor.last(floor.mary)[58] == "NOT_FOUND"
        rfq_id = floor.ask()
        floor.say(floor.carl, "35=UE|131=c1")
        floor.quote(rfq_id)
        assert floor.heard(floor.mary) == f"35=AI|131={rfq_id}|297=5|58=RFQ_CLOSED"

    def test_of_another_market_or_with_an_old_id_is_refused(self, floor: Floor) -> None:
        rfq_id = floor.ask()
        floor.say(floor.mary, f"35=S|117=q1|131={rfq_id}|55=OTHER|132=0.40")
        assert floor.last(floor.mary)[58] == "invalid_parameters"
        floor.quote(rfq_id)
        floor.quote(rfq_id)
        assert floor.last(floor.mary)[58] == "invalid_parameters"

    def test_of_the_creator_is_refused(self, floor: Floor) -> None:
        own = floor.venue.log_on("own", RFQ, "carl")
        floor.quote(floor.ask(), by=own)
        assert floor.last(own)[58] == "NOT_FOUND"

    def test_is_in_cents_without_dollars(self, floor: Floor) -> None:
        floor.venue.app.clients[floor.mary.name].flags = LogonFlags()
        floor.quote(floor.ask(), "132=40.9|133=55")
        ours, theirs = floor.last(floor.mary), floor.last(floor.carl)
        assert (ours[132], ours[133], theirs[132], theirs[133]) == ("40", "55", "0.4000", "0.5500")

    def test_replaces_the_one_before_without_a_word(self, floor: Floor) -> None:
        rfq_id = floor.ask()
        floor.quote(rfq_id)
        floor.quote(rfq_id, quote_id="q2")
        assert [sent.text(297) for sent in floor.mary.sent[1:]] == ["10", "10"]
        floor.say(floor.carl, "35=UA|117=q1|54=1")
        assert floor.heard(floor.carl) == "35=UC|117=q1|21025=1|58=EXPIRED"
        floor.say(floor.carl, "35=UA|117=q2|54=1")
        assert floor.last(floor.carl)[21025] == "0"

    def test_does_not_replace_that_of_another_maker(self, floor: Floor) -> None:
        rfq_id = floor.ask()
        floor.quote(rfq_id)
        floor.quote(rfq_id, quote_id="q2", by=floor.mark)
        floor.say(floor.carl, "35=UA|117=q1|54=1")
        assert floor.last(floor.carl)[21025] == "0"

    def test_is_taken_back(self, floor: Floor) -> None:
        rfq_id = floor.ask()
        floor.quote(rfq_id)
        floor.say(floor.mary, f"35=Z|117=q1|21023={rfq_id}")
        assert text_of(floor.mary.sent[-2]) == "35=U9|117=q1|298=0"
        assert floor.last(floor.mary)[297] == "17"
        floor.say(floor.carl, "35=UA|117=q1|54=1")
        assert floor.last(floor.carl)[58] == "EXPIRED"

    @pytest.mark.parametrize(
        ("which", "text"), [("117=none", "NOT_FOUND"), ("117=q1|21023=other", "NOT_FOUND")]
    )
    def test_that_is_not_there_can_not_be_taken_back(self, floor: Floor, which: str, text: str) -> None:
        floor.quote(floor.ask())
        floor.say(floor.mary, f"35=Z|{which}")
        assert floor.last(floor.mary)[298] == "1"
        assert floor.last(floor.mary)[58] == text

    def test_that_is_accepted_can_not_be_taken_back(self, floor: Floor) -> None:
        floor.accepted()
        floor.say(floor.mary, "35=Z|117=q1")
        assert floor.heard(floor.mary) == "35=U9|117=q1|298=1|58=QUOTE_ALREADY_ACCEPTED"

    def test_of_another_maker_is_not_to_be_touched(self, floor: Floor) -> None:
        floor.quote(floor.ask())
        floor.say(floor.mark, "35=Z|117=q1")
        assert floor.last(floor.mark)[58] == "NOT_FOUND"

    def test_that_the_venue_has_forgotten_is_not_found(self, floor: Floor) -> None:
        floor.quote(floor.ask())
        floor.venue.app.rfq.rfqs.flush()
        floor.say(floor.carl, "35=UA|117=q1|54=1")
        assert floor.last(floor.carl)[58] == "NOT_FOUND"

    def test_may_not_be_reduce_only(self, floor: Floor) -> None:
        refusal = floor.venue.refused(floor.mary, f"35=S|117=q1|131=r|55={MARKET}|132=0.4|18=E")
        assert isinstance(refusal, FieldError)


class TestAnAcceptance:
    def test_closes_the_request_for_others(self, floor: Floor) -> None:
        rfq_id = floor.ask()
        floor.quote(rfq_id, quote_id="q2", by=floor.mark)
        floor.quote(rfq_id)
        floor.say(floor.carl, "35=UA|117=q1|54=1")
        floor.say(floor.carl, "35=UA|117=q2|54=1")
        assert floor.last(floor.carl)[58] == "RFQ_CLOSED"
        floor.quote(rfq_id, quote_id="q3", by=floor.mark)
        assert floor.last(floor.mark)[58] == "RFQ_CLOSED"
        floor.say(floor.carl, "35=UE|131=c1")
        assert floor.last(floor.carl)[21013] == "1"

    def test_of_the_better_quote(self, floor: Floor) -> None:
        rfq_id = floor.ask()
        floor.quote(rfq_id)
        floor.quote(rfq_id, "132=0.41|133=0.58", "q2", floor.mark)
        floor.say(floor.carl, "35=UA|117=q1|54=1|21022=Y")
        assert floor.heard(floor.carl) == "35=UC|117=q1|21025=0|21024=q2"
        assert floor.last(floor.mark)[297] == "0"

    def test_for_less_than_the_whole(self, floor: Floor) -> None:
        floor.accepted(more="|38=40")
        floor.execute()
        assert floor.positions("carl", "mary") == [40, -40]

    @pytest.mark.parametrize("qty", ["100.01", "0", "0.001"])
    def test_for_a_size_that_is_none(self, floor: Floor, qty: str) -> None:
        floor.accepted(more=f"|38={qty}")
        assert floor.heard(floor.carl) == "35=UC|117=q1|21025=1|11=a1|58=invalid_parameters"

    @pytest.mark.parametrize("which", ["117=none", "117=q1|21023=other"])
    def test_of_what_is_not_there(self, floor: Floor, which: str) -> None:
        floor.quote(floor.ask())
        floor.say(floor.carl, f"35=UA|{which}|54=1")
        assert floor.last(floor.carl)[58] == "NOT_FOUND"

    def test_by_another_account(self, floor: Floor) -> None:
        floor.quote(floor.ask())
        floor.say(floor.fills, "35=UA|117=q1|54=1")
        assert floor.last(floor.fills)[58] == "NOT_FOUND"

    def test_that_is_not_confirmed_is_void_and_the_request_open_again(self, floor: Floor) -> None:
        rfq_id = floor.accepted()
        floor.wait(CONFIRM - 0.001)
        assert floor.last(floor.mary)[297] == "0"
        floor.wait(0.001)
        assert floor.last(floor.mary)[297] == "17"
        floor.say(floor.mary, "35=U7|117=q1")
        assert floor.heard(floor.mary) == "35=U8|117=q1|21010=1|58=EXPIRED"
        floor.wait(EXECUTE)
        assert floor.positions("carl", "mary") == [0, 0]
        floor.quote(rfq_id, quote_id="q2")
        assert floor.last(floor.mary)[297] == "10"

    def test_confirmed_late_executes_at_its_own_time(self, floor: Floor) -> None:
        floor.accepted()
        floor.wait(CONFIRM - 1)
        floor.say(floor.mary, "35=U7|117=q1")
        floor.wait(EXECUTE - 1)
        assert floor.positions("carl") == [0]
        floor.wait(1)
        assert floor.positions("carl") == [100]

    def test_in_a_volatile_market_has_three_seconds_and_one(self, floor: Floor) -> None:
        floor.engine.books[MARKET].high_volatility = True
        floor.accepted()
        floor.wait(2.999)
        floor.say(floor.mary, "35=U7|117=q1")
        assert floor.last(floor.mary)[21010] == "0"
        floor.wait(1)
        assert floor.positions("carl") == [100]

    def test_of_the_venues_own_choice_has_an_id_of_the_venues(self, floor: Floor) -> None:
        floor.quote(floor.ask())
        floor.say(floor.carl, "35=UA|117=q1|54=1")
        floor.execute()
        assert floor.last(floor.carl)[150] == "F"

    @pytest.mark.parametrize("quote_id", ["q1", "none"])
    def test_that_is_none_can_not_be_confirmed(self, floor: Floor, quote_id: str) -> None:
        floor.quote(floor.ask())
        floor.say(floor.mary, f"35=U7|117={quote_id}")
        text = {"q1": "QUOTE_NOT_ACCEPTED", "none": "NOT_FOUND"}[quote_id]
        assert floor.heard(floor.mary) == f"35=U8|117={quote_id}|21010=1|58={text}"


class TestExecution:
    def test_ends_the_request(self, floor: Floor) -> None:
        rfq_id = floor.accepted()
        floor.execute()
        assert floor.heard(floor.mark) == f"35=AG|131={rfq_id}|658=99|58=RFQ_CLOSED"
        floor.quote(rfq_id, quote_id="q2")
        assert floor.last(floor.mary)[58] == "RFQ_CLOSED"

    def test_goes_through_the_book(self, floor: Floor) -> None:
        """Somebody offers YES for less than the maker does: the creator gets that first."""
        floor.accepted()
        floor.venue.house(Side.SELL, "30", "0.42")
        floor.execute()
        assert floor.positions("carl", "mary", "house") == [100, -70, -30]

    @pytest.mark.parametrize(("flag", "resting"), [("", []), ("|21015=Y", ["30"])])
    def test_leaves_nothing_of_the_quote_unless_told_to(
        self, floor: Floor, flag: str, resting: list[str]
    ) -> None:
        floor.accepted(prices=f"132=0.40|133=0.55{flag}")
        floor.venue.house(Side.SELL, "30", "0.42")
        floor.execute()
        assert [str(order.leaves) for order in floor.engine.open_orders()] == resting

    @pytest.mark.parametrize(("flag", "resting"), [("", 0), ("|21015=Y", 1)])
    def test_leaves_nothing_of_the_request_unless_told_to(
        self, floor: Floor, flag: str, resting: int
    ) -> None:
        """A post-only quote gives way to a bid that it would take, and the creator bids below that."""
        floor.quote(floor.ask(GROUP + flag), "133=0.55|18=6")
        floor.say(floor.carl, "35=UA|117=q1|54=1|11=a1")
        floor.venue.house(Side.BUY, "5", "0.46")
        floor.execute()
        assert (floor.last(floor.fills)[150], floor.last(floor.fills)[58]) == ("4", "POST_ONLY_CROSS")
        assert floor.positions("mary", "carl") == [0, 0]
        own = [order for order in floor.engine.open_orders() if order.terms.owner.account == "carl"]
        assert len(own) == resting

    def test_repeats_the_subaccount(self, floor: Floor) -> None:
        floor.say(floor.carl, f"35=R|131=c1|{GROUP}|79=3")
        floor.say(floor.mary, f"35=S|117=q1|131={floor.last(floor.carl)[21023]}|55={MARKET}|133=0.55|79=5")
        assert floor.last(floor.mary)[79] == "5"
        floor.say(floor.carl, "35=UA|117=q1|54=1|11=a1")
        floor.execute()
        assert (floor.last(floor.carl)[79], floor.last(floor.fills)[79]) == ("3", "5")


class TestAnOrderThatAccepts:
    @pytest.fixture
    def floor(self) -> Floor:
        floor = Floor()
        self.rfq_id = floor.ask()
        floor.quote(self.rfq_id)
        return floor

    def order(self, price: str = "0.45", more: str = "", qty: str = "100") -> str:
        return buy("a1", qty, price, f"|117=q1|21023={self.rfq_id}|59=1{more}")

    def test_is_answered_at_once_and_trades_when_the_quote_executes(self, floor: Floor) -> None:
        floor.say(floor.carl, self.order())
        assert floor.last(floor.carl)[150] == "0"
        assert floor.last(floor.mary)[297] == "0"
        floor.execute()
        trade = floor.last(floor.carl)
        assert [trade[tag] for tag in (150, 11, 31, 151)] == ["F", "a1", "0.4500", "0.00"]
        assert floor.positions("carl", "mary") == [100, -100]

    def test_rests_with_what_the_quote_does_not_fill(self, floor: Floor) -> None:
        floor.say(floor.carl, self.order(qty="120"))
        floor.execute()
        assert [str(order.leaves) for order in floor.engine.open_orders()] == ["20"]

    def test_keeps_its_end_of_day(self, floor: Floor) -> None:
        floor.say(floor.carl, buy("a1", "100", "0.45", "|117=q1|59=0"))
        floor.execute()
        assert floor.positions("carl") == [100]

    @pytest.mark.parametrize(
        ("more", "reason", "text"),
        [
            ("117=none", "8", "EXPIRED"),
            ("117=q1|21023=other", "8", "EXPIRED"),
            ("117=q1|18=E|59=3", "11", "INVALID_ORDER"),
        ],
    )
    def test_is_refused(self, floor: Floor, more: str, reason: str, text: str) -> None:
        floor.say(floor.carl, buy("a1", "100", "0.45", f"|{more}"))
        refused = floor.last(floor.carl)
        assert [refused[tag] for tag in (150, 103, 58)] == ["8", reason, text]

    def test_below_the_price_is_refused(self, floor: Floor) -> None:
        floor.say(floor.carl, self.order("0.44"))
        assert floor.last(floor.carl)[58] == "INVALID_ORDER"

    def test_for_a_quote_that_is_gone_is_expired(self, floor: Floor) -> None:
        floor.say(floor.mary, "35=Z|117=q1")
        floor.say(floor.carl, self.order())
        assert (floor.last(floor.carl)[103], floor.last(floor.carl)[58]) == ("8", "EXPIRED")

    def test_is_cancelled_when_the_quote_is_not_confirmed(self, floor: Floor) -> None:
        floor.say(floor.carl, self.order())
        floor.wait(CONFIRM)
        assert (floor.last(floor.carl)[150], floor.last(floor.carl)[58]) == ("4", "QUOTE_NOT_CONFIRMED")
        assert list(floor.engine.open_orders()) == []

    def test_can_be_cancelled_and_voids_the_quote(self, floor: Floor) -> None:
        floor.say(floor.carl, self.order())
        floor.say(floor.carl, f"35=F|11=f1|41=a1|54=1|55={MARKET}")
        assert floor.last(floor.carl)[150] == "4"
        floor.execute()
        assert floor.last(floor.mary)[297] == "17"
        assert floor.positions("carl", "mary") == [0, 0]

    def test_can_not_be_replaced(self, floor: Floor) -> None:
        floor.say(floor.carl, self.order())
        floor.say(floor.carl, f"35=G|11=g1|41=a1|38=90|40=2|54=1|55={MARKET}")
        assert (floor.last(floor.carl)[35], floor.last(floor.carl)[58]) == ("9", "INVALID_ORDER")

    def test_is_cancelled_with_its_market(self, floor: Floor) -> None:
        floor.say(floor.carl, self.order())
        floor.venue.app.close_market(MARKET, floor.venue.clock.now().utc_ns)
        assert floor.last(floor.carl)[58] == "CloseCancel"


@pytest.mark.parametrize("kind", [RT, RFQ])
def test_each_side_has_its_own_session(kind: SessionKind) -> None:
    floor = Floor()
    port = floor.venue.log_on("both", kind)
    text = "35=UA|117=q|54=1" if kind is RFQ else f"35=S|117=q|131=r|55={MARKET}"
    refusal = floor.venue.refused(port, text)
    assert (refusal.business, refusal.reason) == (True, 3)


def test_a_listener_hears_what_a_quote_of_its_account_trades() -> None:
    floor = Floor()
    ears = floor.venue.log_on("ears", RT, "mary", "|20126=Y")
    floor.accepted()
    floor.execute()
    assert ears.types() == ["0", "F"]
