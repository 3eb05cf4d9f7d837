"""The venue's application: who gets which report, and what a session may send."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fixgw.clock import ManualClock, Now
from fixgw.errors import LocalError, Reject
from fixgw.fix.message import Message
from fixgw.handlers.orders import Orders
from fixgw.sim.admission import Trading
from fixgw.sim.app import VenueApp
from fixgw.sim.client import Client
from fixgw.sim.kinds import DC, NR, PT, RT, SessionKind
from fixgw.sim.matching import MatchingEngine
from fixgw.sim.orders import Owner, Side, State, Terms
from fixgw.sim.rates import PUBLISHED, RateSettings
from tests.sim.desk import MARKET
from tests.sim.frames import message, text_of


class Port:
    """What the application sees of a session: what is sent, and what is kept while it is down."""

    def __init__(self, name: str, clock: ManualClock) -> None:
        self.name = name
        self.active = True
        self.epoch = 1
        self.connections = 1
        self.sent: list[Message] = []
        self.kept: list[Message] = []
        self._clock = clock

    def now(self) -> Now:
        return self._clock.now()

    @property
    def orders(self) -> Orders:
        raise LocalError("a venue sends no orders")

    def send(self, message: object, *, urgent: bool = False) -> int:
        assert isinstance(message, Message)
        assert self.active
        self.sent.append(message)
        return len(self.sent)

    def keep(self, message: Message) -> None:
        self.kept.append(message)

    def delay(self, message: Message) -> float:
        return 0.0

    async def flushed(self) -> None:
        """Nothing waits here."""

    def types(self) -> list[str | None]:
        return [report.text(150) or report.msg_type for report in self.sent]


class Venue:
    def __init__(self, rates: RateSettings = PUBLISHED, **engine: Any) -> None:
        self.clock = ManualClock()
        self.engine = MatchingEngine(**engine)
        self.engine.list_market(MARKET)
        self.settled = 0
        self.app = VenueApp(self.engine, self.count, rates)

    def count(self) -> None:
        self.settled += 1

    def log_on(
        self,
        key: str,
        kind: SessionKind = NR,
        account: str = "",
        flags: str = "",
        subaccount: int | None = None,
    ) -> Port:
        port = Port(f"{kind.target_comp_id}/{key}", self.clock)
        self.app.client(port.name, kind, account or key, subaccount)
        self.app.on_logon(port, message(f"35=A|21005=Y|21011=Y{flags}"))
        return port

    def send(self, port: Port, text: str) -> None:
        self.app.on_message(port, message(text))

    def refused(self, port: Port, text: str) -> Reject:
        with pytest.raises(Reject) as raised:
            self.send(port, text)
        return raised.value

    def house(self, side: Side, qty: str, price: str) -> None:
        terms = Terms(
            f"h{self.engine.new_id()}", Owner("house", "house"), MARKET, side, Decimal(qty), Decimal(price)
        )
        self.app.publish(self.engine.submit(terms, self.clock.now().utc_ns))


@pytest.fixture
def venue() -> Venue:
    return Venue()


def buy(cl_ord_id: str, qty: str = "10", price: str = "0.55", more: str = "") -> str:
    return f"35=D|11={cl_ord_id}|38={qty}|40=2|44={price}|54=1|55={MARKET}{more}"


def sell(cl_ord_id: str, qty: str = "10", price: str = "0.55") -> str:
    return f"35=D|11={cl_ord_id}|38={qty}|40=2|44={price}|54=2|55={MARKET}"


def test_an_order_is_reported_to_its_session_alone(venue: Venue) -> None:
    ann, bob = venue.log_on("ann"), venue.log_on("bob")
    venue.send(ann, buy("a1"))
    assert (ann.types(), bob.types()) == (["0"], [])


def test_both_sides_hear_of_a_trade(venue: Venue) -> None:
    ann, bob = venue.log_on("ann"), venue.log_on("bob", RT)
    venue.send(ann, buy("a1"))
    venue.send(bob, sell("b1", "4"))
    assert (ann.types(), bob.types()) == (["0", "F"], ["F"])
    assert ann.sent[1].text(880) == bob.sent[0].text(880)


def test_cancel_and_replace(venue: Venue) -> None:
    ann = venue.log_on("ann")
    venue.send(ann, buy("a1"))
    venue.send(ann, f"35=G|11=a2|41=a1|38=12|40=2|44=0.56|54=1|55={MARKET}")
    venue.send(ann, f"35=F|11=a3|41=a2|54=1|55={MARKET}")
    venue.send(ann, f"35=F|11=a4|41=a2|54=1|55={MARKET}")
    assert ann.types() == ["0", "5", "4", "9"]
    assert venue.settled == 4


def test_the_ledger_knows_session_and_connection(venue: Venue) -> None:
    ann = venue.log_on("ann", account="desk")
    ann.connections = 3
    venue.send(ann, buy("a1"))
    assert venue.engine.ledger.order("a1").terms.owner == Owner("desk", "KalshiNR/ann", 3)


def test_cents_mode(venue: Venue) -> None:
    port = Port("KalshiNR/ann", venue.clock)
    venue.app.client(port.name, NR, "ann")
    venue.app.on_logon(port, message("35=A"))
    venue.send(port, buy("a1", price="55.5"))
    assert port.types() == ["A", "0"]
    assert port.sent[1].text(44) == "55"


class TestListener:
    def test_it_hears_of_its_account_only(self, venue: Venue) -> None:
        ear = venue.log_on("ear", account="desk", flags="|20126=Y")
        ann, bob = venue.log_on("ann", account="desk"), venue.log_on("bob", account="other")
        venue.send(ann, buy("a1"))
        venue.send(bob, buy("b1"))
        assert [report.text(11) for report in ear.sent] == ["a1"]
        assert text_of(ear.sent[0]) == text_of(ann.sent[0])

    def test_it_may_send_nothing(self, venue: Venue) -> None:
        ear = venue.log_on("ear", flags="|20126=Y")
        reject = venue.refused(ear, buy("a1"))
        assert (reject.business, reject.reason, reject.ref_id) == (True, 6, "a1")


class TestRefusals:
    @pytest.mark.parametrize(
        ("kind", "text"),
        [(DC, buy("a")), (PT, buy("a")), (RT, "35=q|11=a|530=6"), (NR, "35=R|131=x"), (NR, "35=H|11=a|37=b")],
    )
    def test_what_the_session_does_not_take(self, venue: Venue, kind: SessionKind, text: str) -> None:
        reject = venue.refused(venue.log_on("ann", kind), text)
        assert (reject.business, reject.reason) == (True, 3)

    def test_malformed_messages_reach_no_engine(self, venue: Venue) -> None:
        ann = venue.log_on("ann")
        assert venue.refused(ann, buy("a1", more="|9999=1")).reason == 3
        assert venue.refused(ann, buy("a1", price="x")).reason == 6
        assert venue.engine.ledger.orders == {}


class TestMassCancel:
    def test_the_report_comes_before_the_orders(self, venue: Venue) -> None:
        ann, bob = venue.log_on("ann"), venue.log_on("bob")
        for port, name in ((ann, "a1"), (ann, "a2"), (bob, "b1")):
            venue.send(port, buy(name))
        venue.send(ann, "35=q|11=q1|530=6")
        assert ann.types() == ["0", "0", "r", "4", "4"]
        assert text_of(ann.sent[2], without=(37,)) == "35=r|11=q1|531=6"
        assert bob.types() == ["0"]

    def test_one_a_second(self, venue: Venue) -> None:
        ann = venue.log_on("ann")
        venue.send(ann, "35=q|11=q1|530=6")
        reject = venue.refused(ann, "35=q|11=q2|530=6")
        assert (reject.business, reject.reason, reject.ref_id) == (True, 8, "q2")
        venue.clock.advance(1)
        venue.send(ann, "35=q|11=q3|530=6")
        assert ann.types() == ["r", "r"]

    def test_an_exchange_pause_refuses_it(self, venue: Venue) -> None:
        ann = venue.log_on("ann")
        venue.send(ann, buy("a1"))
        venue.engine.pause(Trading.EXCHANGE_PAUSED, 0)
        venue.send(ann, "35=q|11=q1|530=6")
        assert text_of(ann.sent[1], without=(37,)) == "35=r|11=q1|531=0|532=99|58=EXCHANGE_PAUSED"
        assert venue.engine.ledger.order("a1").state is State.OPEN


class TestDisconnect:
    def drop(self, venue: Venue, port: Port) -> None:
        port.active = False
        venue.app.on_disconnect(port)

    def test_orders_stay_unless_their_session_asked_for_a_cancel(self, venue: Venue) -> None:
        ann, bob = venue.log_on("ann"), venue.log_on("bob", flags="|8013=Y")
        venue.send(ann, buy("a1"))
        venue.send(bob, buy("b1"))
        self.drop(venue, ann)
        self.drop(venue, bob)
        ledger = venue.engine.ledger
        assert (ledger.order("a1").state, ledger.order("b1").state) == (State.OPEN, State.CANCELLED)

    def test_a_session_that_retransmits_keeps_its_reports(self, venue: Venue) -> None:
        ann, bob = venue.log_on("ann", RT), venue.log_on("bob", NR)
        venue.send(ann, buy("a1", "1"))
        venue.send(bob, buy("b1", "1"))
        self.drop(venue, ann)
        self.drop(venue, bob)
        venue.house(Side.SELL, "2", "0.50")
        assert [report.text(150) for report in ann.kept] == ["F"]
        assert (len(ann.sent), len(bob.sent), bob.kept) == (1, 1, [])

    def test_a_session_that_never_logged_on_gets_nothing(self, venue: Venue) -> None:
        client = venue.app.client("KalshiRT/new", RT, "new")
        client.deliver(message("35=8"))
        assert client.owner == Owner("new", "KalshiRT/new", 0)


class TestPausedReports:
    def client(self, venue: Venue, port: Port) -> Client:
        return venue.app.clients[port.name]

    def test_they_come_later_in_order(self, venue: Venue) -> None:
        ann = venue.log_on("ann")
        self.client(venue, ann).held = []
        venue.send(ann, buy("a1"))
        venue.send(ann, buy("a2"))
        assert ann.sent == []
        self.client(venue, ann).release()
        venue.send(ann, buy("a3"))
        assert [report.text(11) for report in ann.sent] == ["a1", "a2", "a3"]

    @pytest.mark.parametrize(("kind", "kept"), [(NR, 0), (RT, 1)])
    def test_a_disconnect_ends_the_pause(self, venue: Venue, kind: SessionKind, kept: int) -> None:
        ann = venue.log_on("ann", kind)
        self.client(venue, ann).held = []
        venue.send(ann, buy("a1"))
        ann.active = False
        venue.app.on_disconnect(ann)
        assert (len(ann.kept), ann.sent) == (kept, [])


class TestDropCopy:
    @pytest.fixture
    def copy(self, venue: Venue) -> Callable[[str], list[str]]:
        ann, bob = venue.log_on("ann", account="desk"), venue.log_on("bob")
        port = venue.log_on("copy", DC, account="desk")
        venue.send(ann, buy("a1", "4"))  # 1;1
        venue.send(bob, sell("b1", "2"))  # 2;1 to 2;3
        venue.send(ann, buy("bad", "0"))  # no execution
        venue.send(ann, f"35=F|11=a2|41=a1|54=1|55={MARKET}")  # 3;1

        def ask(text: str) -> list[str]:
            port.sent.clear()
            venue.send(port, f"35=U1|34=7|{text}")
            return [report.text(17) or text_of(report) for report in port.sent]

        return ask

    def test_all_reports_of_the_account_again(self, copy: Callable[[str], list[str]]) -> None:
        assert copy("21001=1;1") == ["1;1", "2;3", "3;1", "35=U2|45=7|21003=3"]

    @pytest.mark.parametrize(
        ("asked", "got"),
        [
            ("21001=1;2|21002=2;3", ["2;3"]),
            ("21001=2;3|21002=2;3;0", ["2;3"]),
            ("21001=3;2", []),
        ],
    )
    def test_a_range_includes_both_ends(
        self, copy: Callable[[str], list[str]], asked: str, got: list[str]
    ) -> None:
        assert copy(asked) == [*got, f"35=U2|45=7|21003={len(got)}"]

    def test_an_end_beyond_the_newest(self, copy: Callable[[str], list[str]]) -> None:
        assert copy("21001=1;1|21002=9;9") == ["35=U3|45=7|21004=4"]

    def test_nothing_older_than_three_hours(self, venue: Venue, copy: Callable[[str], list[str]]) -> None:
        venue.clock.advance(3 * 3600 + 1)
        assert copy("21001=3;1") == ["35=U3|45=7|21004=3"]
        venue.house(Side.BUY, "1", "0.40")
        assert copy("21001=3;2") == ["35=U2|45=7|21003=0"]

    def test_before_anything_happened(self, venue: Venue) -> None:
        port = venue.log_on("copy", DC)
        venue.send(port, "35=U1|34=2|21001=1;1")
        assert text_of(port.sent[0]) == "35=U2|45=2|21003=0"

    @pytest.mark.parametrize("value", ["7", "a;b", "1;2;x", "1;2;3;4"])
    def test_what_is_no_exec_id(self, venue: Venue, value: str) -> None:
        reject = venue.refused(venue.log_on("copy", DC), f"35=U1|34=2|21001={value}")
        assert (reject.ref_tag, reject.reason) == (21001, 5)

    def test_reports_follow_the_flags_of_the_asking_session(self, venue: Venue) -> None:
        ann = venue.log_on("ann", account="desk")
        port = Port("KalshiDC/copy", venue.clock)
        venue.app.client(port.name, DC, "desk")
        venue.app.on_logon(port, message("35=A"))
        venue.house(Side.SELL, "1", "0.50")
        venue.send(ann, buy("a1", "2", more="|59=3"))
        venue.send(port, "35=U1|34=2|21001=2;1")
        assert [(report.text(150), report.text(44)) for report in port.sent[:-1]] == [("F", "55")]
