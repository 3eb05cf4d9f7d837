"""The kill switch against the simulated venue, over real sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fixgw.admin.commands import Request, check_arguments, find_command
from fixgw.engine.gateway import Gateway
from fixgw.engine.killing import KillSettings
from fixgw.errors import Killed, LocalError
from fixgw.fix.message import Message
from fixgw.handlers.order import Order
from fixgw.messages.order_entry import Side
from fixgw.records import Kind
from fixgw.safety.kill_steps import KillReport, SessionKill
from fixgw.sim.admission import Trading
from fixgw.sim.orders import State
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.sessions import memory_plans, memory_settings
from fixgw.sim.venue import Simulator
from fixgw.store.reader import TapeReader
from fixgw.venues.kalshi.groups import OrderGroups
from fixgw.venues.kalshi.messages import NewOrderSingle
from fixgw.venues.kalshi.quotes import QuoteHandle, QuoteState
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from fixgw.venues.kalshi.rfq_maker import RfqMaker
from tests.engine.rig import settle

MARKET = "HIGHNY-26DEC31"
NAMES = ("alpha", "beta", "gamma", "delta")
CLIENTS = tuple(ClientSpec(name, Algorithm.ED25519, name, f"key-of-{name}") for name in NAMES)


class Desk:
    """A venue and the gateways that trade there, one after the other."""

    def __init__(self, venue: Simulator, directory: Path) -> None:
        self.venue = venue
        self.directory = directory

    @asynccontextmanager
    async def gateway(self, **kinds: str | tuple[str, dict[str, Any]]) -> AsyncIterator[Gateway]:
        """Run a gateway; each session is a kind, or a kind with further settings."""
        store = {"kind": "tape", "path": str(self.directory / "tapes")}
        sessions, settings = {}, {}
        for (name, kind), client in zip(kinds.items(), NAMES, strict=False):
            kind, further = kind if isinstance(kind, tuple) else (kind, {})
            sessions[name] = (kind, client)
            settings[name] = {"store": store, **further}
        plans = memory_plans(self.venue, sessions, settings=settings)
        kill = KillSettings(self.directory / "kill-switch.json")
        async with Gateway(plans, clock=self.venue.settings.clock, kill=kill) as running:
            yield running

    def live(self) -> list[str]:
        """Return the ClOrdIDs of the orders that rest at the venue."""
        orders = self.venue.ledger.orders.values()
        return sorted(order.terms.cl_ord_id for order in orders if order.state is State.OPEN)

    def notes(self, session: str) -> list[str]:
        """Return the audit notes on a session's tape, the gateway being gone."""
        reader = TapeReader(self.directory / "tapes" / session)
        try:
            return [record.payload.decode() for record in reader.read() if record.kind == Kind.NOTE]
        finally:
            reader.close()

    def arrived(self, msg_type: str) -> int:
        """Return how many messages of a type the venue has had."""
        return len(self.venue.log.of(msg_type=msg_type, outbound=False))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with Simulator(memory_settings(tmp_path / "venue", clients=CLIENTS)) as venue:
        yield Desk(venue, tmp_path)


def bid(cl_ord_id: str, price: str = "0.40", **fields: Any) -> NewOrderSingle:
    return NewOrderSingle(
        cl_ord_id=cl_ord_id,
        symbol=MARKET,
        side=Side.BUY,
        order_qty=Decimal(10),
        price=Decimal(price),
        **fields,
    )


async def resting(gateway: Gateway, session: str, *cl_ord_ids: str, **fields: Any) -> list[Order]:
    placed = [await gateway[session].orders.submit(bid(name, **fields)) for name in cl_ord_ids]
    for order in placed:
        await order.acknowledged(1.0)
    return placed


async def quoted(gateway: Gateway) -> QuoteHandle:
    maker = gateway["maker"].client(RfqMaker)
    await gateway["rt"].client(RfqCreator).request(MARKET, order_qty=Decimal(10))
    await settle()
    (request,) = maker.open_requests.values()
    quote = maker.quote(request, bid_px=Decimal("0.40"))
    await settle()
    return quote


def of(report: KillReport, session: str) -> SessionKill:
    return next(part for part in report.sessions if part.session == session)


def steps(report: KillReport, session: str) -> list[str]:
    return [step.step for step in of(report, session).steps]


# -- what is cancelled --


async def test_orders_of_every_session_are_cancelled(desk: Desk) -> None:
    async with desk.gateway(nr="orders-nr", rt="orders-rt") as gateway:
        await resting(gateway, "nr", "a1", "a2")
        await resting(gateway, "rt", "b1", "b2")
        report = await gateway.kill("fat finger")
        assert desk.live() == []
        assert (report.complete, report.saved, report.reason) == (True, True, "fat finger")
        assert [session.orders.open for session in gateway.sessions] == [[], []]


async def test_the_mildest_step_that_does_it_is_the_last(desk: Desk) -> None:
    async with desk.gateway(nr="orders-nr", rt=("orders-rt", {"cancel_on_disconnect": True})) as gateway:
        await resting(gateway, "nr", "a1")
        await resting(gateway, "rt", "b1")
        report = await gateway.kill("test")
        assert (steps(report, "nr"), steps(report, "rt")) == (["mass cancel"], ["cancel each"])
        assert gateway["rt"].link.connections == 1


async def test_a_mass_cancel_leaves_also_when_no_order_is_known(desk: Desk) -> None:
    async with desk.gateway(nr="orders-nr", rt="orders-rt") as gateway:
        report = await gateway.kill("test")
        assert (steps(report, "nr"), steps(report, "rt")) == (["mass cancel"], [])


async def test_a_gateway_that_drains_still_sends_a_mass_cancel(desk: Desk) -> None:
    async with desk.gateway(nr="orders-nr") as gateway:
        await resting(gateway, "nr", "a1")
        gateway["nr"].begin_drain()
        report = await gateway.kill("test")
        assert (report.complete, steps(report, "nr"), desk.live()) == (True, ["mass cancel"], [])


async def test_a_gateway_that_ends_tells_what_the_kill_came_to(desk: Desk) -> None:
    async with desk.gateway(nr="orders-nr", rt="orders-rt") as gateway:
        for name, key in (("nr", "alpha"), ("rt", "beta")):
            await resting(gateway, name, name)
            desk.venue.pause_reports(f"key-of-{key}")
        killing = asyncio.create_task(gateway.kill("test"))
        await settle()
    report = await killing
    assert [part.session for part in report.sessions] == ["nr", "rt"]
    assert of(report, "nr").waits == "given up: the gateway ends"


async def test_what_is_in_flight_is_cancelled_behind_itself(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt") as gateway:
        orders = gateway["rt"].orders
        placed = [orders.place(bid(f"a{number}")) for number in range(3)]
        (kept,) = await resting(gateway, "rt", "b1")
        orders.request_replace(kept, price=Decimal("0.41"))
        report = await gateway.kill("test")
        assert (report.complete, desk.live()) == (True, [])
        assert not any(order.open for order in [*placed, kept])


async def test_an_order_whose_replace_is_refused_meanwhile_is_cancelled_under_its_own_id(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt") as gateway:
        (order,) = await resting(gateway, "rt", "a1")
        desk.venue.fill("a1", Decimal(5))
        await settle()
        gateway["rt"].orders.request_replace(order, order_qty=Decimal(3))  # less than has filled
        report = await gateway.kill("test")
        assert (report.complete, desk.live(), desk.arrived("F")) == (True, [], 2)


async def test_an_order_that_never_arrived_is_given_up_once_the_venue_has_said_so_twice(desk: Desk) -> None:
    async with desk.gateway(nr="orders-nr") as gateway:
        lost = gateway["nr"].orders.place(bid("a1"))
        desk.venue.cut("key-of-alpha")
        await gateway["nr"].link.ended()
        await gateway["nr"].logged_on()
        assert (lost.open, desk.live()) == (True, [])
        report = await gateway.kill("test")
        assert (report.complete, desk.arrived("F")) == (True, 2)


async def test_quotes_of_a_maker_are_taken_back(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt", maker="rfq") as gateway:
        quote = await quoted(gateway)
        report = await gateway.kill("test")
        assert (quote.state, steps(report, "maker")) == (QuoteState.CANCELED, ["cancel quotes"])


async def test_a_gateway_that_drains_still_takes_quotes_back(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt", maker="rfq") as gateway:
        quote = await quoted(gateway)
        gateway["maker"].begin_drain()
        report = await gateway.kill("test")
        assert (report.complete, quote.state) == (True, QuoteState.CANCELED)


async def test_a_quote_that_stands_is_told_and_cancelled_again(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt", maker="rfq") as gateway:
        quote = await quoted(gateway)
        desk.venue.pause_reports("key-of-beta")
        report = await gateway.kill("test")
        assert (report.complete, of(report, "maker").still_open) == (False, (quote.quote_id,))
        await asyncio.sleep(10)
        assert desk.arrived("Z") > 1


async def test_quotes_are_taken_back_as_fast_as_the_rate_limit_allows(desk: Desk) -> None:
    slow = {"rate_limit": {"tier": "basic", "share": 0.2, "cancel_reserve": 0}}
    async with desk.gateway(rt="orders-rt", maker=("rfq", slow)) as gateway:
        quote = await quoted(gateway)
        while gateway["maker"].delay(Message("Z")) == 0:
            gateway["maker"].send(Message("Z", [(117, "none"), (131, "none")]))
        await gateway.kill("test")
        assert quote.state is QuoteState.CANCELED


async def test_sessions_without_orders_have_nothing_to_do(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt", md="market-data") as gateway:
        report = await gateway.kill("test")
        assert [part.session for part in report.sessions] == ["rt"]


# -- when a step is not enough --


async def test_a_mass_cancel_without_an_answer_is_followed_by_single_cancels(desk: Desk) -> None:
    async with desk.gateway(nr="orders-nr") as gateway:
        await resting(gateway, "nr", "a1")
        desk.venue.pause_reports("key-of-alpha")
        asyncio.get_running_loop().call_later(6.0, desk.venue.resume_reports, "key-of-alpha")
        report = await gateway.kill("test")
        assert steps(report, "nr")[:2] == ["mass cancel", "cancel each"]
        assert of(report, "nr").steps[0].outcome == "not confirmed within 5 s"
        assert desk.live() == []


async def test_the_groups_of_open_orders_are_triggered(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt") as gateway:
        groups = gateway["rt"].client(OrderGroups)
        group = await groups.create(1000)
        await resting(gateway, "rt", "a1", secondary_cl_ord_id=group.order_group_id)
        desk.venue.pause_reports("key-of-alpha")
        asyncio.get_running_loop().call_later(7.0, desk.venue.resume_reports, "key-of-alpha")
        report = await gateway.kill("test")
        assert steps(report, "rt") == ["cancel each", "trigger order groups"]
        assert report.complete


async def test_the_connection_ends_where_that_cancels(desk: Desk) -> None:
    async with desk.gateway(rt=("orders-rt", {"cancel_on_disconnect": True})) as gateway:
        (order,) = await resting(gateway, "rt", "a1")
        desk.venue.pause_reports("key-of-alpha")  # until the connection ends
        report = await gateway.kill("test")
        assert steps(report, "rt") == ["cancel each", "trigger order groups", "disconnect"]
        assert (report.complete, order.open, desk.live()) == (True, False, [])


async def test_what_a_disconnect_did_is_asked_for_where_no_report_of_it_comes(desk: Desk) -> None:
    async with desk.gateway(nr=("orders-nr", {"cancel_on_disconnect": True})) as gateway:
        await resting(gateway, "nr", "a1")
        desk.venue.pause_reports("key-of-alpha")
        report = await gateway.kill("test")
        assert steps(report, "nr") == [
            "mass cancel",
            "cancel each",
            "trigger order groups",
            "disconnect",
            "cancel each",
        ]
        assert (report.complete, desk.live()) == (True, [])


async def test_a_paused_exchange_leaves_orders_open_and_they_go_when_it_resumes(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt") as gateway:
        await resting(gateway, "rt", "a1")
        desk.venue.pause(Trading.EXCHANGE_PAUSED)
        report = await gateway.kill("test")
        assert (report.complete, of(report, "rt").still_open) == (False, ("a1",))
        await asyncio.sleep(60.0)
        assert desk.live() == ["a1"]
        desk.venue.pause(Trading.OPEN)
        await asyncio.sleep(20.0)
        assert desk.live() == []


async def test_cancels_leave_as_fast_as_the_rate_limit_lets_them(desk: Desk) -> None:
    limit = {"rate_limit": {"tier": "basic", "cancel_reserve": 0}, "reconnect": {"base_seconds": 0.2}}
    async with desk.gateway(rt=("orders-rt", limit)) as gateway:
        await resting(gateway, "rt", *(f"a{number}" for number in range(60)))
        report = await gateway.kill("test")
        assert (report.complete, desk.live()) == (True, [])
        assert of(report, "rt").steps[0].outcome == "60 cancels sent"


# -- what leaves --


async def test_nothing_that_may_trade_leaves_until_it_is_released(desk: Desk) -> None:
    async with desk.gateway(nr="orders-nr", rt="orders-rt") as gateway:
        await gateway.kill("fat finger")
        for session in gateway.sessions:
            with pytest.raises(Killed, match=r"35=D is not sent: the kill switch is on \(fat finger\)"):
                session.orders.place(bid("x"))
        assert gateway.killed
        await gateway.release("checked")
        assert not gateway.killed
        await resting(gateway, "nr", "y")
        assert desk.live() == ["y"]


async def test_order_groups_can_still_be_triggered(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt") as gateway:
        groups = gateway["rt"].client(OrderGroups)
        group = await groups.create(1000)
        await gateway.kill("test")
        await groups.trigger(group)


async def test_a_release_of_what_is_not_on_is_refused(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt") as gateway:
        with pytest.raises(LocalError, match="nothing to release"):
            await gateway.release("test")


async def test_a_release_waits_for_the_kill(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt") as gateway:
        await resting(gateway, "rt", "a1")
        killing = asyncio.ensure_future(gateway.kill("test"))
        await asyncio.sleep(0)
        with pytest.raises(LocalError, match="still at work"):
            await gateway.release("too soon")
        await killing
        await gateway.release("now")


async def test_a_kill_goes_on_when_whoever_asked_has_left(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt") as gateway:
        await resting(gateway, "rt", "a1")
        killing = asyncio.ensure_future(gateway.kill("test"))
        await asyncio.sleep(0)
        killing.cancel()
        await settle()
        assert desk.live() == []


async def test_a_second_kill_tells_what_the_first_one_did_and_keeps_its_reason(desk: Desk) -> None:
    async with desk.gateway(nr="orders-nr") as gateway:
        await resting(gateway, "nr", "a1")
        one, other = await asyncio.gather(gateway.kill("first"), gateway.kill("second"))
        assert (one.reason, other.reason) == ("first", "first")
        assert one.sessions == other.sessions
        again = await gateway.kill("third")
        assert (again.reason, desk.arrived("q")) == ("first", 2)


# -- sessions that are down, and restarts --


async def test_a_session_that_is_down_is_cleared_at_its_next_logon(desk: Desk) -> None:
    async with desk.gateway(nr="orders-nr", rt="orders-rt") as gateway:
        await resting(gateway, "rt", "b1")
        await gateway["rt"].stop()
        report = await gateway.kill("test")
        assert of(report, "rt").waits == "not logged on: it is cleared at its next Logon"
        assert (of(report, "rt").still_open, desk.live()) == (("b1",), ["b1"])
        gateway["rt"].start()
        await gateway["rt"].logged_on()
        await settle()
        assert desk.live() == []


async def test_a_restart_finds_it_on(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt") as gateway:
        await gateway.kill("fat finger")
    async with desk.gateway(rt="orders-rt") as gateway:
        assert gateway.killed
        with pytest.raises(Killed, match="fat finger"):
            gateway["rt"].orders.place(bid("x"))
        await gateway.release("checked")
    async with desk.gateway(rt="orders-rt") as gateway:
        assert not gateway.killed


async def test_a_restart_clears_what_was_left_open(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt") as gateway:
        await resting(gateway, "rt", "a1")
    (desk.directory / "kill-switch.json").touch()
    async with desk.gateway(rt="orders-rt") as gateway:
        await settle()
        assert (gateway.killed, desk.live()) == (True, [])


async def test_the_tape_tells_what_was_done(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt") as gateway:
        await resting(gateway, "rt", "a1")
        await gateway.kill("fat finger")
        await gateway.release("checked")
    assert desk.notes("rt") == [
        "kill switch on: fat finger",
        "kill: cancel each: 1 cancels sent (1 open before, 0 after)",
        "kill switch released: checked",
    ]


async def test_an_administrator_kills_and_releases(desk: Desk) -> None:
    async with desk.gateway(rt="orders-rt") as gateway:
        await resting(gateway, "rt", "a1")
        report = await _command(gateway, "kill", reason="fat finger")
        assert (report["complete"], report["reason"], desk.live()) == (True, "ann (pid 1): fat finger", [])
        assert report["sessions"][0]["steps"][0]["step"] == "cancel each"
        assert await _command(gateway, "release", reason="checked") == {"released": True}
        assert not gateway.killed


async def _command(gateway: Gateway, name: str, **arguments: str) -> Any:
    command = find_command(name)
    return await command.run(Request(gateway, check_arguments(command, arguments), "ann (pid 1)"))
