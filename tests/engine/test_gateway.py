"""A gateway: several sessions, started, waited for, drained and closed together."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixgw.engine.gateway import Gateway, Service, Wait
from fixgw.engine.settings import SessionPlan
from fixgw.errors import (
    ConfigError,
    ConnectError,
    LocalError,
    NotLoggedOn,
    RemoteError,
    StoreCorrupt,
    StoreError,
    StoreLocked,
)
from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.handlers.order import Ending
from fixgw.session.verdict import Accept, Refuse
from fixgw.store.tape import Tape
from fixgw.transport.memory import MemoryNetwork
from tests.engine.orders import Acknowledging, new_order, report
from tests.engine.rig import (
    THEM,
    US,
    Counterparty,
    counterparty,
    joined,
    plan_for,
    settle,
    standing,
    the_clock,
)
from tests.engine.test_dispatch import news
from tests.engine.test_supervisor import Flaky, Hanging


class World:
    """A network with any number of counterparties."""

    def __init__(self) -> None:
        self.network = MemoryNetwork()
        self.parties: dict[str, Counterparty] = {}

    def plan(self, name: str, **settings: Any) -> SessionPlan:
        """Return the plan of a session with a counterparty of its own."""
        party = counterparty(the_clock(), handler=settings.pop("their_handler", None))
        self.parties[name] = party
        self.network.listen(name, party.reception.protocol)
        kept = {key: settings.pop(key) for key in ("required", "identity_lock") if key in settings}
        made = plan_for(self.network.connector(name), replace(US, name=name), **settings)
        return replace(made, **kept)

    def close(self) -> None:
        for party in self.parties.values():
            party.link.close()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    made.close()


def gateway(*plans: SessionPlan, wait: Wait = "required", services: tuple[Service, ...] = ()) -> Gateway:
    return Gateway(plans, clock=the_clock(), wait=wait, timeout=5.0, drain_timeout=1.0, services=services)


# -- starting --


@pytest.mark.parametrize(
    ("wait", "up"),
    [("required", ["one"]), ("all", ["one", "two"]), ("none", [])],
)
async def test_entering_waits_for_those_that_were_asked_for(world: World, wait: Wait, up: list[str]) -> None:
    plans = [world.plan("one"), world.plan("two", required=False)]

    async def slowly(_: Message) -> Accept:
        await asyncio.sleep(2.0)
        return Accept()

    world.parties["two"].verdict = slowly
    if wait == "none":
        world.parties["one"].verdict = slowly
    async with gateway(*plans, wait=wait) as running:
        assert [session.name for session in running.sessions if session.active] == up
        await asyncio.sleep(3.0)
        assert all(session.active for session in running.sessions)


async def test_nobody_is_waited_for_when_nothing_is_required(world: World) -> None:
    async with gateway(world.plan("one", required=False)) as running:
        assert not running["one"].active


async def test_those_that_are_not_up_are_told_with_one_error_each(world: World) -> None:
    plans = [world.plan("up"), world.plan("refused"), world.plan("silent")]
    hanging = replace(plans[2], connector=Hanging())
    fatal = replace(plans[1], connector=Flaky(plans[1].connector, ConnectError("bad pin", "fix", fatal=True)))
    running = gateway(plans[0], fatal, hanging)
    with pytest.raises(ExceptionGroup) as caught:
        async with running:
            raise AssertionError
    texts = sorted(str(error) for error in caught.value.exceptions)
    assert texts == ["refused: bad pin; fix", "silent: not logged on after 5 s: no answer"]
    assert all(isinstance(error, RemoteError) for error in caught.value.exceptions)
    assert not world.parties["up"].link.connected


async def test_what_is_no_error_of_ours_goes_its_way(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    running = gateway(world.plan("one"))

    async def broken(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("fixgw.engine.handle.SessionHandle.logged_on", broken)
    with pytest.raises(ZeroDivisionError):
        await running.__aenter__()


async def test_two_sessions_need_two_names(world: World) -> None:
    one = world.plan("one")
    with pytest.raises(ConfigError, match="two sessions are named 'one'"):
        gateway(one, one)


@pytest.mark.filterwarnings("error::ResourceWarning")
async def test_a_start_that_fails_leaves_nothing_open(world: World, tmp_path: Path) -> None:
    lock = tmp_path / "identity"
    good = world.plan("good", store=lambda: Tape(tmp_path / "good"), identity_lock=lock)
    (tmp_path / "file").write_text("not a directory")
    bad = world.plan("bad", store=lambda: Tape(tmp_path / "file" / "bad"), identity_lock=tmp_path / "other")
    with pytest.raises(StoreError):
        async with gateway(good, bad):
            raise AssertionError
    gc.collect()
    async with gateway(good) as running:
        assert running["good"].active
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_a_tape_that_turns_out_to_be_damaged_is_let_go(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = world.plan("one", store=lambda: Tape(tmp_path / "one"))

    def damaged(self: object, stored: object) -> None:
        raise StoreCorrupt("the tape does not check at offset 77")

    with monkeypatch.context() as patched:
        patched.setattr("fixgw.engine.recovery.Rebuild.run", damaged)
        with pytest.raises(StoreCorrupt):
            async with gateway(plan):
                raise AssertionError
    async with gateway(plan) as running:
        assert running["one"].active


async def test_an_identity_is_used_once(world: World, tmp_path: Path) -> None:
    one = world.plan("one", identity_lock=tmp_path / "key")
    two = world.plan("two", identity_lock=tmp_path / "key")
    async with gateway(one):
        with pytest.raises(StoreLocked, match="held by"):
            async with gateway(two):
                raise AssertionError
    async with gateway(two):
        pass


async def test_a_gateway_may_be_entered_again(world: World) -> None:
    running = gateway(world.plan("one"))
    async with running:
        pass
    async with running:
        assert running["one"].active
        await running.orders.submit(new_order())


async def test_a_failure_of_the_former_time_is_forgotten(world: World) -> None:
    plan = world.plan("one")
    connector = Flaky(plan.connector, ConnectError("bad pin", fatal=True))
    running = gateway(replace(plan, connector=connector), wait="none")
    async with running:
        await running.failed()
    async with running:
        failed = asyncio.ensure_future(running.failed())
        await asyncio.sleep(1.0)
        assert not failed.done()
        failed.cancel()


async def test_a_gateway_that_was_never_entered_can_be_left(world: World) -> None:
    await gateway(world.plan("one")).__aexit__()


# -- looking things up --


async def test_a_name_that_is_not_known_is_told_with_those_that_are(world: World) -> None:
    running = gateway(world.plan("one"), world.plan("two"))
    with pytest.raises(LocalError, match="none is running"):
        running["one"]
    async with running:
        assert running["two"].name == "two"
        with pytest.raises(LocalError, match="no session is named 'three'; there are: one, two"):
            running["three"]


async def test_orders_need_exactly_one_session_that_sends_them(world: World) -> None:
    async with gateway(world.plan("one"), world.plan("two")) as running:
        with pytest.raises(LocalError, match="there are: one, two"):
            _ = running.orders
    async with gateway(world.plan("dropcopy", orders=False)) as running:
        with pytest.raises(LocalError, match="there are: none"):
            _ = running.orders
        with pytest.raises(LocalError, match="no orders are sent on a session of kind orders"):
            _ = running["dropcopy"].orders
        assert running["dropcopy"].snapshot().orders is None
        assert running["dropcopy"].in_flight == 0
    async with gateway(world.plan("three"), world.plan("dc", orders=False)) as running:
        assert running.orders is running["three"].orders


async def test_the_snapshot_holds_every_session_in_order(world: World) -> None:
    async with gateway(world.plan("b"), world.plan("a")) as running:
        assert list(running.snapshot().sessions) == ["b", "a"]
        assert running.snapshot().taken_utc_ns == the_clock().now().utc_ns


# -- ending --


async def test_a_session_that_is_not_required_fails_nobody(world: World) -> None:
    plan = world.plan("one", required=False)
    fatal = replace(plan, connector=Flaky(plan.connector, ConnectError("bad pin", fatal=True)))
    async with gateway(fatal) as running:
        await running["one"].gave_up()
        failed = asyncio.ensure_future(running.failed())
        await asyncio.sleep(10.0)
        assert not failed.done()
        failed.cancel()


async def test_leaving_waits_for_answers_and_refuses_new_orders(world: World) -> None:
    venue = Acknowledging()
    venue.answer = False
    plan = world.plan("one", their_handler=venue)
    loop = asyncio.get_running_loop()
    async with gateway(plan) as running:
        orders = running.orders
        open_order = await orders.submit(new_order(cl_ord_id="open"))
        await settle()
        venue.answer = True
        waiting = await orders.submit(new_order(cl_ord_id="waiting"))
        venue.answer = False
        late = loop.call_later(0.5, lambda: world.parties["one"].link.send(report("open")))
        leaving = asyncio.ensure_future(running.drain())
        await settle()
        assert not leaving.done()
        assert not running["one"].active
        with pytest.raises(NotLoggedOn, match="draining"):
            await orders.submit(new_order())
        cancel = await orders.cancel(waiting)
        assert cancel.ending is None
        begun = loop.time()
        await leaving
        assert late.cancelled() is False
        assert open_order.ending is Ending.ACKNOWLEDGED
        assert loop.time() - begun <= 1.0


async def test_what_is_not_answered_in_time_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    venue = Acknowledging()
    venue.answer = False
    async with gateway(world.plan("one", their_handler=venue)) as running:
        placed = await running.orders.submit(new_order())
    assert placed.ending is Ending.UNKNOWN
    [told] = [record for record in caplog.records if record.message.startswith("drained in part")]
    assert vars(told)["waiting"] == {"one": 1}


class Answering:
    """Answers what comes, whenever it comes."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def on_message(self, message: Message, ctx: Context) -> None:
        try:
            ctx.session.send(news("new business"))
        except NotLoggedOn as error:
            self.errors.append(str(error))


async def test_handlers_send_nothing_new_while_the_gateway_drains(world: World) -> None:
    handler = Answering()
    async with gateway(world.plan("one", handler=handler)) as running:
        await running.drain()
        world.parties["one"].link.send(news("temptation"))
        await settle()
    assert len(handler.errors) == 1
    assert "draining" in handler.errors[0]


async def test_handlers_finish_their_work_before_the_end(world: World) -> None:
    class Working:
        def __init__(self) -> None:
            self.done = 0

        async def on_message(self, message: Message, ctx: Context) -> None:
            await asyncio.sleep(0.2)
            self.done += 1

    handler = Working()
    async with gateway(world.plan("one", handler=handler)):
        for number in range(3):
            world.parties["one"].link.send(news(number))
        await settle()
    assert handler.done == 3


async def test_services_are_entered_with_the_gateway_and_left_before_the_sessions(world: World) -> None:
    told: list[str] = []

    @asynccontextmanager
    async def service(running: Gateway) -> AsyncIterator[None]:
        told.append(f"in {running['one'].link.connected}")
        yield
        told.append(f"out {running['one'].active}")

    async with gateway(world.plan("one"), services=(service,)):
        told.append("up")
    assert told[1:] == ["up", "out True"]


@pytest.mark.filterwarnings("error::ResourceWarning")
async def test_a_service_that_fails_ends_what_was_begun(world: World, tmp_path: Path) -> None:
    @asynccontextmanager
    async def broken(running: Gateway) -> AsyncIterator[None]:
        raise ConfigError("the port is taken")
        yield

    plan = world.plan("one", store=lambda: Tape(tmp_path / "one"))
    with pytest.raises(ConfigError, match="the port is taken"):
        async with gateway(plan, services=(broken,)):
            raise AssertionError
    async with gateway(plan):
        pass


async def test_an_error_in_the_body_drains_too(world: World) -> None:
    with pytest.raises(ZeroDivisionError):
        async with gateway(world.plan("one")):
            raise ZeroDivisionError
    assert world.parties["one"].handler.events[-1] == "disconnect logout"


async def test_a_peer_that_never_answers_the_logout_ends_nothing(world: World) -> None:
    loop = asyncio.get_running_loop()
    async with gateway(world.plan("one")) as running:
        stream = world.parties["one"].link._stream
        assert stream is not None
        stream.pause_reading()
        begun = loop.time()
    assert loop.time() - begun < 10.0
    assert not running["one"].link.connected


async def test_everything_is_closed_whatever_the_end_of_one_brings(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plans = [world.plan("one"), world.plan("two", store=lambda: Tape(tmp_path / "two"))]
    running = gateway(*plans)

    def broken() -> None:
        raise OSError("surprise")

    await running.__aenter__()
    monkeypatch.setattr(running["one"].link, "close", broken)
    with pytest.raises(OSError, match="surprise"):
        await running.__aexit__()
    two = Tape(tmp_path / "two")
    two.load()
    two.close()


async def test_logging_on_and_off_by_name() -> None:
    async with joined() as rig:
        await rig.gateway.logout("us")
        assert not rig.us.active
        await rig.gateway.logon("us")
        await rig.us.logged_on()
        await rig.gateway.reconnect("us")
        await rig.us.logged_on()
        with pytest.raises(LocalError):
            await rig.gateway.logon("nobody")


async def test_waiting_for_a_logon_that_is_refused_tells_why(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with standing(THEM) as (network, party):
        party.verdict = lambda _: Refuse.with_logout("go away")
        plan = plan_for(network.connector("them"))
        with pytest.raises(ExceptionGroup) as caught:
            async with Gateway([plan], clock=the_clock(), timeout=5.0):
                raise AssertionError
    assert "10 refused Logons in a row, last: go away" in str(caught.value.exceptions[0])
    assert any(vars(record).get("text") == "go away" for record in caplog.records)
