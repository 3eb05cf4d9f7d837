"""Order groups: a limit on contracts filled in any 15 seconds, and what follows too many."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.errors import FieldError, Reject
from fixgw.sim.groups import OrderGroup
from fixgw.sim.kinds import NR
from fixgw.sim.orders import Holder, Side
from tests.sim.frames import text_of
from tests.sim.test_app import Port, Venue, buy

NOBODYS = "770e8400-e29b-41d4-a716-446655440002"


class Desk:
    """A client with one group of ten contracts, and the house to trade with."""

    def __init__(self) -> None:
        self.venue = Venue()
        self.ann = self.venue.log_on("ann", NR)
        self.group = self.create("10")

    def create(self, limit: str, more: str = "") -> str:
        """Return the id of a new group."""
        self.say(f"35=UOG|20131=1|20132={limit}{more}")
        return self.ann.sent[-1].text(20130) or ""

    def say(self, text: str) -> None:
        self.venue.send(self.ann, text)

    def refused(self, text: str, port: Port | None = None) -> Reject:
        return self.venue.refused(port or self.ann, text)

    def order(self, cl_ord_id: str, qty: str = "5", price: str = "0.55") -> None:
        self.say(buy(cl_ord_id, qty, price, more=f"|526={self.group}"))

    def fill(self, qty: str) -> None:
        self.venue.house(Side.SELL, qty, "0.01")

    def last(self) -> tuple[str | None, str | None]:
        """Return what the last report says: what happened and why."""
        return self.ann.sent[-1].text(150), self.ann.sent[-1].text(58)

    @property
    def resting(self) -> int:
        return len(list(self.venue.engine.open_orders()))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_new_group_is_told_its_id_limit_and_subaccount(desk: Desk) -> None:
    assert text_of(desk.ann.sent[0]) == f"35=UOH|20130={desk.group}|20132=10|79=0"


def test_fills_up_to_the_limit_trigger_nothing(desk: Desk) -> None:
    desk.order("a1", "10")
    desk.order("a2", "10", "0.50")
    desk.fill("10")
    assert desk.resting == 1


def test_fills_beyond_the_limit_cancel_what_rests_in_the_group(desk: Desk) -> None:
    desk.order("a1", "11")
    desk.order("a2", "10", "0.50")
    desk.say(buy("free"))
    desk.fill("11")
    assert desk.last() == ("4", "ORDER_GROUP_CANCEL")
    assert [order.terms.cl_ord_id for order in desk.venue.engine.open_orders()] == ["free"]


def test_what_was_filled_longer_ago_than_the_window_does_not_count(desk: Desk) -> None:
    desk.order("a1", "10")
    desk.fill("10")
    desk.venue.clock.advance(15)
    desk.order("a2", "10")
    desk.order("a3", "10", "0.50")
    desk.fill("10")
    assert desk.resting == 1


def test_a_triggered_group_takes_no_order_until_it_is_reset(desk: Desk) -> None:
    desk.say(f"35=UOG|20131=4|20130={desk.group}")
    desk.order("a1")
    assert desk.last() == ("8", "EXCEEDED_ORDER_GROUP_RISK_LIMIT")
    desk.say(f"35=UOG|20131=2|20130={desk.group}")
    desk.order("a2")
    assert desk.last()[0] == "0"


@pytest.mark.parametrize("action", ["3", "4"])
def test_the_answer_stands_before_the_reports_of_what_it_cancels(desk: Desk, action: str) -> None:
    desk.order("a1")
    desk.say(f"35=UOG|20131={action}|20130={desk.group}")
    assert text_of(desk.ann.sent[-2]) == f"35=UOH|20130={desk.group}|79=0"
    assert desk.last() == ("4", "ORDER_GROUP_CANCEL")


def test_a_deleted_group_is_gone(desk: Desk) -> None:
    desk.say(f"35=UOG|20131=3|20130={desk.group}")
    desk.order("a1")
    assert desk.last() == ("8", "ORDER_GROUP_NOT_FOUND")


def test_a_limit_below_what_was_filled_triggers_at_once(desk: Desk) -> None:
    desk.order("a1", "10")
    desk.fill("5")
    desk.say(f"35=UOG|20131=5|20130={desk.group}|20132=4")
    assert desk.last() == ("4", "ORDER_GROUP_CANCEL")


def test_a_greater_limit_triggers_nothing(desk: Desk) -> None:
    desk.order("a1", "10")
    desk.fill("5")
    desk.say(f"35=UOG|20131=5|20130={desk.group}|20132=6")
    assert text_of(desk.ann.sent[-1]) == f"35=UOH|20130={desk.group}|20132=6|79=0"


def test_a_group_belongs_to_its_subaccount(desk: Desk) -> None:
    group = desk.create("5", "|79=2")
    assert desk.refused(f"35=UOG|20131=2|20130={group}").text == "ORDER_GROUP_NOT_FOUND"
    desk.say(buy("a1", more=f"|79=2|526={group}"))
    assert desk.last()[0] == "0"


def test_a_group_belongs_to_its_account(desk: Desk) -> None:
    bob = desk.venue.log_on("bob", NR)
    refusal = desk.refused(f"35=UOG|20131=4|20130={desk.group}", bob)
    assert (refusal.business, refusal.reason, refusal.text) == (True, 1, "ORDER_GROUP_NOT_FOUND")


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("20131=9", 20131),
        ("20131=2", 20130),
        ("20131=2|20130=group", 20130),
        (f"20131=1|20132=5|20130={NOBODYS}", 20130),
        ("20131=1", 20132),
        ("20131=1|20132=0", 20132),
        ("20131=1|20132=1000001", 20132),
        ("20131=1|20132=5|79=64", 79),
    ],
)
def test_what_is_malformed_is_a_reject(desk: Desk, text: str, tag: int) -> None:
    refusal = desk.refused(f"35=UOG|{text}")
    assert isinstance(refusal, FieldError)
    assert refusal.ref_tag == tag


def test_a_window_ends_where_it_began() -> None:
    group = OrderGroup("g", Holder("a", 0), 0, Decimal(1))
    group.fills.append((0, Decimal(1)))
    assert group.filled(14_999_999_999) == 1
    assert group.filled(15_000_000_000) == 0
