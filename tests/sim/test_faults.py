"""What can go wrong between a venue and a gateway, and what the gateway makes of it: both real, in memory."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fixgw.engine.gateway import Gateway
from fixgw.errors import ConfigError, NotSent, OutcomeUnknown, Rejected
from fixgw.handlers.order import Ending, Order, OrderState
from fixgw.messages.order_entry import Side
from fixgw.sim.faults import Direction, Fault, FaultRule
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle

pytest_plugins = ["fixgw.testing"]

MARKET = "HIGHNY-26DEC31"
RESTS = "0.30"
SECONDS = 1.0  # more than any answer takes
PATIENCE = 20.0  # the same on a machine that is busy


class Events:
    """A handler that keeps what is said of gaps and connections."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_gap(self, first: int, last: int) -> None:
        self.seen.append(f"gap {first}-{last}")

    def on_disconnect(self, reason: str) -> None:
        self.seen.append(reason)


@pytest.fixture
def memory_sessions() -> dict[str, tuple[str, str]]:
    return {"rt": ("orders-rt", "alpha"), "nr": ("orders-nr", "beta")}


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def gateway_handlers(events: Events) -> dict[str, object]:
    return {"rt": events, "nr": events}


async def bid(gateway: Gateway, session: str, cl_ord_id: str) -> Order:
    new = NewOrderSingle(
        cl_ord_id=cl_ord_id, symbol=MARKET, side=Side.BUY, order_qty=Decimal(1), price=Decimal(RESTS)
    )
    return await gateway[session].orders.submit(new)


async def acknowledged(gateway: Gateway, session: str, cl_ord_id: str) -> Order:
    order = await bid(gateway, session, cl_ord_id)
    await order.acknowledged(timeout=SECONDS)
    return order


def mishaps(venue: Simulator) -> list[tuple[str, str, str]]:
    return [(one.fault, one.frame.session, one.frame.msg_type) for one in venue.log.mishaps]


class TestDrop:
    async def test_a_report_that_gets_lost_is_asked_for(
        self, memory_venue: Simulator, memory_gateway: Gateway
    ) -> None:
        memory_venue.inject(FaultRule(Fault.DROP, kind="orders-rt", msg_type="8", at=[1]))
        lost = await bid(memory_gateway, "rt", "a1")
        with pytest.raises(TimeoutError):
            await lost.acknowledged(timeout=SECONDS)
        await acknowledged(memory_gateway, "rt", "a2")
        assert lost.ending is Ending.ACKNOWLEDGED
        assert len(memory_venue.log.of("KalshiRT/key-of-alpha", "2", outbound=False)) == 1
        assert mishaps(memory_venue) == [("drop", "KalshiRT/key-of-alpha", "8")]

    async def test_without_retransmission_the_gap_is_told(
        self, memory_venue: Simulator, memory_gateway: Gateway, events: Events
    ) -> None:
        memory_venue.inject(FaultRule(Fault.DROP, kind="orders-nr", msg_type="8", at=[1]))
        lost = await bid(memory_gateway, "nr", "a1")
        await acknowledged(memory_gateway, "nr", "a2")
        assert events.seen == ["gap 2-2"]
        assert lost.ending is not Ending.ACKNOWLEDGED

    async def test_a_request_that_gets_lost_is_sent_again(
        self, memory_venue: Simulator, memory_gateway: Gateway
    ) -> None:
        memory_venue.inject(FaultRule(Fault.DROP, Direction.TO_VENUE, msg_type="D", at=[1]))
        lost = await bid(memory_gateway, "rt", "a1")
        await acknowledged(memory_gateway, "rt", "a2")
        await lost.acknowledged(timeout=SECONDS)
        again = [frame.get(11) for frame in memory_venue.log.of(msg_type="D") if frame.poss_dup]
        assert again == ["a1", "a2"]


class TestGarble:
    async def test_it_is_skipped_and_asked_for(
        self, memory_venue: Simulator, memory_gateway: Gateway
    ) -> None:
        memory_venue.inject(FaultRule(Fault.GARBLE, kind="orders-rt", msg_type="8", at=[1]))
        lost = await bid(memory_gateway, "rt", "a1")
        await acknowledged(memory_gateway, "rt", "a2")
        assert lost.ending is Ending.ACKNOWLEDGED
        assert memory_gateway["rt"].snapshot().session.tally.garbled == 1


class TestGap:
    async def test_the_number_is_asked_for_and_filled(
        self, memory_venue: Simulator, memory_gateway: Gateway, events: Events
    ) -> None:
        memory_venue.inject(FaultRule(Fault.GAP, kind="orders-rt", msg_type="8", at=[1]))
        await acknowledged(memory_gateway, "rt", "a1")
        await acknowledged(memory_gateway, "rt", "a2")
        (fill,) = memory_venue.log.of("KalshiRT/key-of-alpha", "4", outbound=True)
        assert (fill.get(34), fill.get(36)) == ("3", "4")
        assert events.seen == []

    async def test_without_retransmission_it_is_told(
        self, memory_venue: Simulator, memory_gateway: Gateway, events: Events
    ) -> None:
        memory_venue.inject(FaultRule(Fault.GAP, kind="orders-nr", msg_type="8", at=[1]))
        await acknowledged(memory_gateway, "nr", "a1")
        await acknowledged(memory_gateway, "nr", "a2")
        assert events.seen == ["gap 3-3"]


class TestDelay:
    async def test_it_holds_what_is_behind_it_too(
        self, memory_venue: Simulator, memory_gateway: Gateway
    ) -> None:
        loop = asyncio.get_running_loop()
        memory_venue.inject(FaultRule(Fault.DELAY, kind="orders-rt", msg_type="8", at=[1], lasts=0.5))
        began = loop.time()
        first, second = await bid(memory_gateway, "rt", "a1"), await bid(memory_gateway, "rt", "a2")
        await second.acknowledged(timeout=SECONDS)
        assert loop.time() - began == pytest.approx(0.5)
        assert first.ending is Ending.ACKNOWLEDGED

    async def test_what_waits_is_lost_with_the_connection(
        self, memory_venue: Simulator, memory_gateway: Gateway
    ) -> None:
        memory_venue.inject(FaultRule(Fault.DELAY, Direction.TO_VENUE, msg_type="D", lasts=0.5))
        order = await bid(memory_gateway, "nr", "a1")
        await asyncio.sleep(0.1)
        memory_venue.cut("key-of-beta")
        await asyncio.sleep(5)
        assert memory_venue.ledger.orders == {}
        assert order.ending is Ending.UNKNOWN


class TestDuplicate:
    async def test_a_number_that_comes_twice_stops_the_session(
        self, memory_venue: Simulator, memory_gateway: Gateway
    ) -> None:
        memory_venue.inject(FaultRule(Fault.DUPLICATE, kind="orders-rt", msg_type="8", at=[1]))
        await acknowledged(memory_gateway, "rt", "a1")
        await asyncio.sleep(5)
        decision = memory_gateway["rt"].supervisor.last_decision
        assert decision is not None
        assert "expects 3 and got 2" in decision.why

    async def test_where_each_logon_begins_anew_the_session_comes_back(
        self, memory_venue: Simulator, memory_gateway: Gateway
    ) -> None:
        memory_venue.inject(FaultRule(Fault.DUPLICATE, kind="orders-nr", msg_type="8", at=[1]))
        await acknowledged(memory_gateway, "nr", "a1")
        await asyncio.sleep(5)
        session = memory_gateway["nr"]
        assert (session.active, session.snapshot().connections) == (True, 2)


class TestSilence:
    async def test_the_gateway_notices_and_comes_back(
        self, memory_venue: Simulator, memory_gateway: Gateway, events: Events
    ) -> None:
        memory_venue.inject(FaultRule(Fault.SILENCE, kind="orders-rt", msg_type="8", at=[1]))
        unheard = await bid(memory_gateway, "rt", "a1")
        await asyncio.sleep(120)
        assert [reason for reason in events.seen if "silent" in reason] == events.seen
        assert len(events.seen) == 1
        assert memory_gateway["rt"].snapshot().connections == 2
        assert unheard.ending is Ending.ACKNOWLEDGED

    async def test_one_that_ends_gives_everything_back(
        self, memory_venue: Simulator, memory_gateway: Gateway, events: Events
    ) -> None:
        memory_venue.inject(FaultRule(Fault.SILENCE, kind="orders-rt", msg_type="8", at=[1], lasts=10.0))
        first, second = await bid(memory_gateway, "rt", "a1"), await bid(memory_gateway, "rt", "a2")
        await asyncio.sleep(9.9)
        assert (first.ending, second.ending) == (None, None)
        await asyncio.sleep(0.2)
        assert (first.ending, second.ending) == (Ending.ACKNOWLEDGED, Ending.ACKNOWLEDGED)
        assert events.seen == []


class TestReject:
    @pytest.mark.parametrize(("business", "msg_type"), [(True, "j"), (False, "3")])
    async def test_the_order_is_refused_and_never_arrives(
        self, memory_venue: Simulator, memory_gateway: Gateway, business: bool, msg_type: str
    ) -> None:
        memory_venue.inject(FaultRule(Fault.REJECT, msg_type="D", at=[1], business=business, text="not now"))
        order = await bid(memory_gateway, "rt", "a1")
        with pytest.raises(Rejected, match="not now"):
            await order.acknowledged(timeout=SECONDS)
        assert len(memory_venue.log.of(msg_type=msg_type, outbound=True)) == 1
        assert memory_venue.ledger.orders == {}
        await acknowledged(memory_gateway, "rt", "a2")


class TestDisconnect:
    async def test_a_report_that_meets_it_comes_after_the_next_logon(
        self, memory_venue: Simulator, memory_gateway: Gateway, events: Events
    ) -> None:
        memory_venue.inject(FaultRule(Fault.DISCONNECT, kind="orders-rt", msg_type="8", at=[2]))
        order = await acknowledged(memory_gateway, "rt", "a1")
        memory_venue.quote(MARKET, HouseSide.SELL, Decimal(RESTS), Decimal(1))
        await asyncio.sleep(5)
        assert events.seen == ["connection lost the peer reset the connection"]
        assert order.state is OrderState.FILLED

    async def test_a_request_that_meets_it_never_arrives(
        self, memory_venue: Simulator, memory_gateway: Gateway
    ) -> None:
        memory_venue.inject(FaultRule(Fault.DISCONNECT, Direction.TO_VENUE, msg_type="D", at=[1]))
        order = await bid(memory_gateway, "rt", "a1")
        await asyncio.sleep(5)
        assert memory_venue.ledger.orders == {}
        assert order.ending is Ending.NOT_SENT  # the venue asks for its number and gets a gap fill


class TestChoice:
    async def fired(self, venue: Simulator, gateway: Gateway, count: int = 8, **rule: Any) -> list[str]:
        """Send an order a second; return the ClOrdIDs of those that a delay met."""
        venue.inject(FaultRule(Fault.DELAY, Direction.TO_VENUE, lasts=0.0, **rule))
        for number in range(1, count + 1):
            await acknowledged(gateway, "nr", f"a{number}")
            await asyncio.sleep(1)
        return [one.frame.get(11) or "" for one in venue.log.mishaps]

    async def test_every_frame(self, memory_venue: Simulator, memory_gateway: Gateway) -> None:
        assert await self.fired(memory_venue, memory_gateway, 3) == ["a1", "a2", "a3"]

    async def test_certain_frames(self, memory_venue: Simulator, memory_gateway: Gateway) -> None:
        assert await self.fired(memory_venue, memory_gateway, at=[2, 5]) == ["a2", "a5"]

    async def test_every_third(self, memory_venue: Simulator, memory_gateway: Gateway) -> None:
        assert await self.fired(memory_venue, memory_gateway, every=3) == ["a3", "a6"]

    async def test_no_more_often_than_it_may(self, memory_venue: Simulator, memory_gateway: Gateway) -> None:
        assert await self.fired(memory_venue, memory_gateway, every=3, times=1) == ["a3"]

    async def test_chance_comes_out_of_the_seed(
        self, memory_venue: Simulator, memory_gateway: Gateway
    ) -> None:
        met = await self.fired(memory_venue, memory_gateway, probability=0.4)
        assert met == ["a2", "a7", "a8"]

    async def test_a_span_of_time(self, memory_venue: Simulator, memory_gateway: Gateway) -> None:
        assert await self.fired(memory_venue, memory_gateway, after=2.5, until=4.5) == ["a4", "a5"]

    async def test_one_kind_and_one_key(self, memory_venue: Simulator, memory_gateway: Gateway) -> None:
        scopes: list[dict[str, Any]] = [{"kind": "orders-rt"}, {"key": "alpha"}, {"key": "key-of-alpha"}]
        for scope in scopes:
            memory_venue.inject(FaultRule(Fault.DELAY, lasts=0.0, **scope))
        await acknowledged(memory_gateway, "nr", "a1")
        assert mishaps(memory_venue) == []
        await acknowledged(memory_gateway, "rt", "a2")
        assert mishaps(memory_venue) == [("delay", "KalshiRT/key-of-alpha", "8")] * 3

    async def test_secrets_do_not_show(self, memory_venue: Simulator, memory_gateway: Gateway) -> None:
        memory_venue.inject(FaultRule(Fault.DELAY, Direction.TO_VENUE, msg_type="A", lasts=0.0))
        memory_venue.cut("key-of-beta")
        await asyncio.sleep(5)
        (mishap,) = memory_venue.log.mishaps
        assert set(mishap.frame.get(96) or "") == {"*"}


class TestOverTls:
    """The same over sockets: what is special there is how a stream is cut and read."""

    @pytest.fixture
    def venue_settings(self, tmp_path: Path) -> SimSettings:
        faults = [
            FaultRule(Fault.GARBLE, msg_type="8", at=[1]),
            FaultRule(Fault.DISCONNECT, Direction.TO_VENUE, msg_type="D", at=[3]),
        ]
        clients = (ClientSpec("desk", Algorithm.ED25519, "alpha"),)
        return SimSettings(tmp_path / "venue", clients=clients, faults=faults)

    @pytest.fixture
    def gateway_sessions(self) -> dict[str, tuple[str, str]]:
        return {"rt": ("orders-rt", "desk")}

    @pytest.fixture
    def gateway_handlers(self, events: Events) -> dict[str, object]:
        return {"rt": events}

    async def test_a_garbled_report_comes_again_and_a_broken_connection_too(
        self, venue: Simulator, gateway: Gateway, events: Events
    ) -> None:
        first, _ = await bid(gateway, "rt", "a1"), await bid(gateway, "rt", "a2")
        await first.acknowledged(timeout=PATIENCE)
        lost = await bid(gateway, "rt", "a3")
        with pytest.raises((OutcomeUnknown, NotSent)):
            await lost.acknowledged(timeout=PATIENCE)
        await gateway["rt"].logged_on()
        assert len(events.seen) == 1
        assert [mishap.fault for mishap in venue.log.mishaps] == ["garble", "disconnect"]
        assert [order.terms.cl_ord_id for order in venue.ledger.orders.values()] == ["a1", "a2"]


@pytest.mark.parametrize(
    ("what", "rule"),
    [
        ("at, every and probability exclude each other", {"at": [1], "every": 2}),
        ("counted from 1", {"at": [0]}),
        ("from 0 to 1", {"probability": 1.5}),
        ("a gap goes to_client alone", {"fault": Fault.GAP, "direction": Direction.TO_VENUE}),
        ("a reject goes to_venue alone", {"fault": Fault.REJECT, "direction": Direction.TO_CLIENT}),
        ("a session message can not be refused", {"fault": Fault.REJECT, "msg_type": "1"}),
        ("a delay needs a time", {"fault": Fault.DELAY}),
        ("a drop does not last", {"lasts": 1.0}),
        ("no kind of session 'orders'", {"kind": "orders"}),
        ("nobody speaks MsgType", {"msg_type": "ER"}),
        ("ends before it begins", {"after": 2.0, "until": 1.0}),
    ],
)
def test_a_rule_that_makes_no_sense(what: str, rule: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=what):
        FaultRule(**{"fault": Fault.DROP, **rule})
