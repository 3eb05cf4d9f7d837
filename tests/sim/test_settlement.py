"""What settled markets pay, and who is told."""

from __future__ import annotations

from decimal import Decimal
from itertools import count

import pytest

from fixgw.sim.accounts import sees
from fixgw.sim.kinds import DC, NR, PT, RT, SessionKind
from fixgw.sim.orders import Side
from fixgw.sim.settlement import Payout, Result, SettledMarket, pages, payout
from tests.sim.desk import MARKET, NOON
from tests.sim.frames import text_of
from tests.sim.test_app import Port, Venue, buy


@pytest.mark.parametrize(
    ("position", "price", "paid", "fee"),
    [
        ("100", "1", "100", "0"),
        ("-100", "1", "0", "0"),
        ("-100", "0", "100", "0"),
        ("100.01", "0.306", "30.6030", "0.00006"),
        ("-1", "0.306", "0.694", "0"),
    ],
)
def test_what_a_position_gets(position: str, price: str, paid: str, fee: str) -> None:
    got = payout("a", Decimal(position), Decimal(price))
    assert (got.paid, got.fee) == (Decimal(paid), Decimal(fee))


def test_each_page_has_an_id_of_its_own_and_the_last_says_so() -> None:
    payouts = [payout(f"a{number}", Decimal(5), Decimal(1)) for number in range(3)]
    market = SettledMarket(MARKET, Result.YES, Decimal(1), NOON, tuple(payouts))
    ids = map(str, count(1))
    first, last = pages(market, payouts, 2, lambda: next(ids))
    assert (first.text(20105), first.text(20106), first.text(20108), first.text(893)) == ("1", "2", "2", "N")
    assert (last.text(20105), last.text(20106), last.text(20108), last.text(893)) == ("2", "2", "1", "Y")
    assert text_of(last).startswith(f"35=UMS|20105=2|55={MARKET}|715=20261009|20106=2|20107=yes|730=100.00|")


def test_an_account_sees_its_own_and_those_of_its_customers() -> None:
    assert sees("fcm", "fcm")
    assert sees("fcm_17", "fcm")
    assert not sees("fcm2", "fcm")
    assert not sees("fcm", "fcm_17")


class TestTheVenue:
    @pytest.fixture
    def venue(self) -> Venue:
        return Venue()

    def holding(self, venue: Venue, kind: SessionKind, flags: str = "") -> Port:
        """Return a session of an account that has bought five contracts."""
        ann = venue.log_on("ann", account="desk")
        watching = venue.log_on("watching", kind, "desk", f"|{flags}" if flags else "")
        venue.house(Side.SELL, "5", "0.40")
        venue.send(ann, buy("a1", "5"))
        return watching

    @pytest.mark.parametrize(
        ("kind", "flags", "told"),
        [
            (PT, "", 1),
            (PT, "20127=N", 0),
            (RT, "", 0),
            (RT, "20127=Y", 1),
            (NR, "20127=Y", 1),
            (DC, "20127=Y", 0),
        ],
    )
    def test_tells_who_asked_to_be_told(self, venue: Venue, kind: SessionKind, flags: str, told: int) -> None:
        watching = self.holding(venue, kind, flags)
        venue.app.settle(MARKET, Result.YES, Decimal(1), venue.clock.now().utc_ns)
        assert [sent.msg_type for sent in watching.sent].count("UMS") == told

    def test_pays_positions_out_and_leaves_none(self, venue: Venue) -> None:
        self.holding(venue, PT)
        ledger = venue.app.engine.ledger
        before = ledger.cash["desk"]
        venue.app.settle(MARKET, Result.YES, Decimal(1), venue.clock.now().utc_ns)
        assert ledger.positions["desk", MARKET] == 0
        assert ledger.cash["desk"] - before == 5
        desk = next(one for one in ledger.settlements[0].payouts if one.account == "desk")
        assert desk == Payout("desk", Decimal(5), Decimal("5.0000"), Decimal(0))

    def test_cancels_what_rests(self, venue: Venue) -> None:
        ann = venue.log_on("ann", account="desk")
        venue.send(ann, buy("a1", "5"))
        venue.app.settle(MARKET, Result.NO, Decimal(0), venue.clock.now().utc_ns)
        assert ann.sent[-1].text(150) == "4"
