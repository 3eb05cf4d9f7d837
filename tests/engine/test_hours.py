"""Sessions with a timetable: connected inside their hours, numbers back at 1 when it is time for that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fixgw.clock import ManualClock
from fixgw.engine.gateway import Gateway, Wait
from fixgw.engine.handle import SessionHandle
from fixgw.engine.schedule import DAY, Schedule, Window
from fixgw.engine.timetable import Timekeeper, Timetable
from fixgw.errors import ConfigError, LocalError
from fixgw.fix.message import Message
from fixgw.handlers.order import Ending
from fixgw.records import Kind, Record
from fixgw.session.hooks import LogonContext
from fixgw.session.verdict import Accept, Refuse
from fixgw.sim.jumploop import START_UTC_NS
from fixgw.store.base import Store
from fixgw.store.memory import MemoryStore
from fixgw.store.tape import Tape
from tests.engine.orders import new_order
from tests.engine.rig import THEM, US, Counterparty, no_retransmission, plan_for, settle, standing, the_clock

ZONE = ZoneInfo("UTC")
HOUR = 3600.0
FRI, SAT = 4, 5


def at(day: int, hour: int, minute: int = 0) -> int:
    return day * DAY + hour * 3600 + minute * 60


# The clock starts on Friday 2026-10-09 at 14:30.
OPEN_TODAY = Schedule([Window(at(FRI, 14), at(FRI, 17)), Window(at(SAT, 14), at(SAT, 17))], ZONE)
OPEN_LATER = Schedule([Window(at(FRI, 16), at(FRI, 17))], ZONE)
AT_THREE = Schedule.daily(15 * 3600, ZONE)


@asynccontextmanager
async def running(
    timetable: Timetable,
    *,
    store: Store | None = None,
    wait: Wait = "required",
    retransmission: bool = True,
) -> AsyncIterator[tuple[Gateway, SessionHandle, Counterparty]]:
    us, them = (US, THEM) if retransmission else (no_retransmission(US), no_retransmission(THEM))
    us = replace(us, reset_on_logon=False, heart_bt_int=600)
    async with standing(them) as (network, party):
        made = store or MemoryStore()
        plan = plan_for(network.connector("them"), us, store=lambda: made)
        plan = replace(plan, timetable=timetable)
        async with Gateway([plan], clock=the_clock(), wait=wait, timeout=5.0, drain_timeout=0.2) as gateway:
            yield gateway, gateway["us"], party


async def test_a_session_is_logged_out_at_the_end_of_its_hours_and_on_at_their_beginning() -> None:
    async with running(Timetable(OPEN_TODAY)) as (_, us, party):
        epoch = us.link.epoch
        await asyncio.sleep(2.5 * HOUR - 1)
        assert us.active
        await asyncio.sleep(2)
        assert not us.link.connected
        assert party.handler.events == ["logon", "logout", "disconnect logout"]
        view = us.snapshot().supervisor
        assert (view.state, view.why) == (
            "closed",
            "outside its schedule, which opens Sat 2026-10-10 14:00:00 UTC",
        )
        await asyncio.sleep(21 * HOUR - 10)
        assert us.snapshot().connections == 1
        assert 0 < us.snapshot().supervisor.retry_in <= 21 * HOUR
        await us.logged_on()
        assert the_clock().now().utc_ns == pytest.approx(START_UTC_NS + 23.5 * HOUR * 1e9, abs=1e9)
        assert us.link.epoch == epoch  # the numbers go on


async def test_start_up_does_not_wait_for_a_session_outside_its_hours() -> None:
    async with running(Timetable(OPEN_LATER)) as (_, us, _party):
        assert the_clock().now().utc_ns - START_UTC_NS < 1e9
        await settle()
        assert us.snapshot().supervisor.state == "closed"
        await asyncio.sleep(1.5 * HOUR + 1)
        assert us.active


async def test_a_person_is_told_why_a_closed_session_is_not_dialled() -> None:
    async with running(Timetable(OPEN_LATER)) as (gateway, _, _party):
        await settle()
        with pytest.raises(LocalError, match="outside its schedule, which opens Fri 2026-10-09 16:00:00 UTC"):
            await gateway.logon("us")


async def test_a_closed_session_is_stopped_at_once_and_stays_out() -> None:
    async with running(Timetable(OPEN_LATER)) as (gateway, us, _):
        await settle()
        await gateway.logout("us")
        assert the_clock().now().utc_ns - START_UTC_NS < 1e9
        await asyncio.sleep(2 * HOUR)
        assert us.snapshot().supervisor.state == "stopped"
        assert us.snapshot().connections == 0


async def test_the_end_of_the_hours_waits_for_answers_and_sends_nothing_new() -> None:
    async with running(Timetable(OPEN_TODAY, drain_seconds=3.0)) as (_, us, _party):
        await asyncio.sleep(2.5 * HOUR - 1)
        order = await us.orders.submit(new_order())
        await asyncio.sleep(2)
        assert us.link.connected  # the order has no answer yet
        with pytest.raises(LocalError):
            await us.orders.submit(new_order())
        await asyncio.sleep(3)
        assert not us.link.connected
        assert order.snapshot().ending is Ending.UNKNOWN
        await us.logged_on()
        await us.orders.submit(new_order())


async def test_a_gateway_that_leaves_at_the_end_of_the_hours_sends_nothing_in_the_next_ones() -> None:
    always = Schedule.daily(15 * 3600, ZONE)
    async with running(Timetable(always, reset=True)) as (gateway, us, _):
        await asyncio.sleep(HOUR / 2 - 0.05)
        us.begin_drain()
        await asyncio.sleep(5)
        assert us.link.session.active
        assert not us.active
        await gateway.logout("us")


@pytest.mark.parametrize("reset", [True, False])
async def test_a_new_period_begins_at_number_one_if_it_is_told_to(reset: bool) -> None:
    async with running(Timetable(OPEN_TODAY, reset=reset)) as (_, us, party):
        epoch = us.link.epoch
        await asyncio.sleep(24 * HOUR)
        assert us.active
        assert us.link.epoch == party.link.epoch == epoch + reset


@pytest.mark.parametrize("reset", [True, False])
async def test_where_two_windows_touch_only_a_reset_ends_the_connection(reset: bool) -> None:
    async with running(Timetable(AT_THREE, reset=reset)) as (_, us, _party):
        epoch = us.link.epoch
        await asyncio.sleep(HOUR)
        assert us.active
        assert (us.link.connections, us.link.epoch) == (1 + reset, epoch + reset)


@pytest.mark.parametrize("retransmission", [True, False])
async def test_the_numbers_go_back_to_one_inside_the_session_at_a_time_of_day(retransmission: bool) -> None:
    timetable = Timetable(reset_times=AT_THREE)
    async with running(timetable, retransmission=retransmission) as (_, us, party):
        epoch = us.link.epoch
        await asyncio.sleep(HOUR / 2 - 1)
        assert us.link.epoch == epoch
        await asyncio.sleep(2)
        assert (us.link.connections, us.link.epoch) == (1, epoch + 1)
        assert us.link.session.next_out == us.link.session.next_in == 2
        assert party.link.session.next_out == party.link.session.next_in == 2
        us.link.send(Message("B", [(148, "news")]))
        await settle()
        assert [message.get(148) for message in party.handler.messages] == [b"news"]
        await asyncio.sleep(24 * HOUR)
        assert (us.link.connections, us.link.epoch) == (1, epoch + 2)


async def test_a_time_of_day_that_passes_while_logged_out_is_made_up_for() -> None:
    async with running(Timetable(reset_times=AT_THREE)) as (gateway, us, _):
        epoch = us.link.epoch
        await gateway.logout("us")
        await asyncio.sleep(HOUR)
        await gateway.logon("us")
        await us.logged_on()
        assert us.link.epoch == epoch + 1
        await gateway.reconnect("us")
        await us.logged_on()
        assert us.link.epoch == epoch + 1


@pytest.mark.parametrize("kept", ["memory", "tape"])
async def test_a_period_that_ended_while_the_process_was_down_is_made_up_for(
    tmp_path: Path, kept: str
) -> None:
    store: Store = MemoryStore() if kept == "memory" else Tape(tmp_path / "tape")
    timetable = Timetable(reset_times=AT_THREE)
    async with standing() as (network, party):
        for expected in (2, 3, 3):
            plan = plan_for(network.connector("them"), store=lambda: store)
            async with Gateway([replace(plan, timetable=timetable)], clock=the_clock()) as gateway:
                await gateway["us"].logged_on()
                assert gateway["us"].link.epoch == expected
                assert party.link.session.next_in == gateway["us"].link.session.next_out
            await asyncio.sleep(HOUR if expected == 2 else 60.0)


async def test_a_reset_that_the_peer_refused_is_asked_for_again() -> None:
    async with running(Timetable(reset_times=AT_THREE), retransmission=False) as (gateway, us, party):
        await gateway.logout("us")
        await asyncio.sleep(HOUR)
        answers = [Refuse.with_logout("busy"), Refuse.with_logout("busy")]
        party.verdict = lambda _: answers.pop() if answers else Accept()
        await gateway.logon("us")
        await us.logged_on()
        assert us.snapshot().connections == 4
        assert party.link.session.next_in == us.link.session.next_out == 2


class LaterBroken:
    """Signs until it is told not to."""

    secret_tags: frozenset[int] = frozenset()
    broken = False

    def logon_fields(self, context: LogonContext) -> Sequence[tuple[int, str | bytes]]:
        if self.broken:
            raise LocalError("the key is gone")
        return ()


async def test_a_reset_that_can_not_be_signed_ends_the_session_with_the_reason() -> None:
    signer = LaterBroken()
    async with standing() as (network, _):
        plan = plan_for(network.connector("them"), replace(US, signer=signer))
        plan = replace(plan, timetable=Timetable(reset_times=AT_THREE))
        async with Gateway([plan], clock=the_clock(), drain_timeout=0.2) as gateway:
            signer.broken = True
            await gateway.failed()
            assert "the key is gone" in gateway["us"].why


def test_numbers_of_a_store_that_does_not_know_their_age_are_kept_until_the_next_period() -> None:
    clock = ManualClock(START_UTC_NS)
    keeper = Timekeeper(Timetable(reset_times=AT_THREE), clock)
    assert not keeper.reset_due
    clock.advance(HOUR)
    assert keeper.reset_due


async def test_the_age_of_the_numbers_is_read_from_the_records_of_a_process_that_was_killed() -> None:
    store = MemoryStore()
    store.load()
    yesterday = START_UTC_NS - DAY * 10**9
    store.commit(
        [
            Record(Kind.RESET, 0, 2, 0, 1, 1, yesterday, b""),
            Record(Kind.NOTE, 0, 2, 0, 5, 5, START_UTC_NS, b""),
        ]
    )
    store.close()
    async with running(Timetable(reset_times=AT_THREE), store=store) as (_, us, party):
        assert us.link.epoch == 3
        assert party.link.session.next_in == us.link.session.next_out == 2


@pytest.mark.parametrize("reset_times", [None, AT_THREE])
def test_a_timetable_without_hours_has_no_periods_to_reset(reset_times: Schedule | None) -> None:
    with pytest.raises(ConfigError, match="a timetable without hours"):
        Timetable(reset=True, reset_times=reset_times)


def test_a_timetable_says_something() -> None:
    with pytest.raises(ConfigError, match="a timetable without hours"):
        Timetable()
