"""A session is kept up: through refusals, broken networks, stops and starts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from fixgw.engine.gateway import Gateway
from fixgw.engine.handle import SessionHandle
from fixgw.engine.hosts import Host
from fixgw.engine.numbers import set_numbers
from fixgw.engine.settings import RetrySettings
from fixgw.errors import ConnectError, LocalError, RemoteError
from fixgw.fix.message import Message
from fixgw.session.hooks import LogonContext
from fixgw.session.state import OnMismatch, SessionSettings
from fixgw.session.verdict import Accept, Refuse
from fixgw.transport.base import Connector, Peer
from fixgw.venues.base import LogoutRule, Retry
from tests.engine.rig import AT_ONCE, THEM, US, Counterparty, joined, plan_for, settle, standing, the_clock

SLOWLY = RetrySettings(base_seconds=8.0, cap_seconds=60.0, max_refusals=3)


class Flaky:
    """A connector that fails as it is told, then does what the other one does."""

    def __init__(self, connector: Connector, *failures: Exception) -> None:
        self.connector = connector
        self.failures = list(failures)
        self.attempts = 0

    async def connect(self, protocol_factory: Callable[[], asyncio.Protocol]) -> Peer:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        return await self.connector.connect(protocol_factory)


class Hanging:
    """A connector that never comes to an end; it may have handed over the stream before."""

    def __init__(self, connector: Connector | None = None) -> None:
        self.connector = connector

    async def connect(self, protocol_factory: Callable[[], asyncio.Protocol]) -> Peer:
        if self.connector is not None:
            await self.connector.connect(protocol_factory)
        await asyncio.Event().wait()
        raise AssertionError


def judge(text: str) -> LogoutRule:
    rows = {
        "already exists": LogoutRule("already exists", Retry.WAIT, 60.0),
        "come tomorrow": LogoutRule("come tomorrow", Retry.WAIT, 86_400.0),
        "wrong port": LogoutRule("wrong port", Retry.FATAL, meaning="not this one", remedy="fix the port"),
    }
    return rows.get(text, LogoutRule("", Retry.RETRY))


@asynccontextmanager
async def running(
    connector: Callable[[Connector], Connector] = lambda made: made,
    us: SessionSettings = US,
    retry: RetrySettings = AT_ONCE,
    verdicts: Sequence[Accept | Refuse] = (),
) -> AsyncIterator[tuple[Gateway, SessionHandle, Counterparty]]:
    """Run a gateway that waits for nobody; the counterparty gives the verdicts, then accepts."""
    answers = list(verdicts)
    async with standing() as (network, party):
        party.verdict = lambda _: answers.pop(0) if answers else Accept()
        plan = replace(plan_for(connector(network.connector("them")), us, retry=retry), judge_logout=judge)
        async with Gateway([plan], clock=the_clock(), wait="none", drain_timeout=0.2) as gateway:
            yield gateway, gateway["us"], party


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_network_that_fails_is_tried_again_until_it_does_not() -> None:
    failures = [ConnectError("no route", "check the cable"), ConnectError("refused")]
    begun = now()
    async with running(lambda made: Flaky(made, *failures), retry=SLOWLY) as (_, us, _party):
        await settle()
        view = us.snapshot().supervisor
        assert (view.state, view.failures, view.why, view.remedy) == (
            "waiting",
            1,
            "no route",
            "check the cable",
        )
        assert 0.0 <= view.retry_in <= 8.0
        await us.logged_on()
        assert now() - begun <= 8.0 + 16.0
        view = us.snapshot().supervisor
        assert (view.state, view.failures, view.retry_in) == ("running", 2, 0.0)


async def test_a_fatal_failure_ends_the_attempts() -> None:
    fatal = ConnectError("the pin does not match", "check tls.pins", fatal=True)
    async with running(lambda made: Flaky(made, fatal)) as (gateway, us, _):
        with pytest.raises(RemoteError, match=r"the pin does not match; check tls\.pins"):
            await us.logged_on()
        await gateway.failed()
        assert us.snapshot().supervisor.state == "stopped"
        assert us.why == "the pin does not match; check tls.pins"


async def test_whatever_else_a_connector_raises_is_told_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(lambda made: Flaky(made, OSError("surprise"))) as (_, us, _party):
        await us.logged_on()
        assert "surprise" in us.why
        assert any(record.exc_info for record in caplog.records)


async def test_already_exists_waits_for_its_time() -> None:
    begun = now()
    async with running(verdicts=[Refuse.with_logout("already exists")]) as (_, us, party):
        await us.logged_on()
        assert now() - begun >= 60.0
        assert us.snapshot().supervisor.refusals == 1
        assert party.link.session.next_in == 2  # the refused Logon moved no number


async def test_a_wait_may_be_long() -> None:
    begun = now()
    async with running(verdicts=[Refuse.with_logout("come tomorrow")]) as (_, us, _party):
        await us.logged_on()
        assert now() - begun >= 86_400.0


async def test_a_fatal_text_stops_the_session_and_fails_the_gateway() -> None:
    async with running(verdicts=[Refuse.with_logout("wrong port")]) as (gateway, us, _):
        await gateway.failed()
        assert us.why == "logon refused: wrong port (not this one); fix the port"


@pytest.mark.parametrize(
    "refusal", [Refuse.with_logout("no"), Refuse.with_reject(99, ""), Refuse.with_logout("")]
)
async def test_refusals_in_a_row_stop_the_session(refusal: Refuse) -> None:
    async with running(retry=SLOWLY, verdicts=[refusal] * 9) as (gateway, us, _):
        await gateway.failed()
        assert us.why.startswith("3 refused Logons in a row")
        assert us.snapshot().connections == 3


async def test_a_stop_ends_a_connection_attempt() -> None:
    async with running(lambda _: Hanging()) as (_, us, _party):
        await settle()
        assert us.snapshot().supervisor.state == "connecting"
        await us.stop()
        assert us.snapshot().supervisor.state == "stopped"


async def test_a_stop_waits_for_a_stream_that_was_handed_over_already() -> None:
    async with running(Hanging) as (_, us, _party):
        await settle()
        assert us.link.connected
        await us.stop()
        assert not us.link.connected


async def test_a_stop_ends_the_wait_between_attempts() -> None:
    begun = now()
    async with running(lambda made: Flaky(made, ConnectError("x"), ConnectError("x")), retry=SLOWLY) as (
        _,
        us,
        _party,
    ):
        await settle()
        assert us.snapshot().supervisor.state in ("waiting", "connecting")
        await us.stop()
        assert now() - begun < 1.0


async def test_a_stopped_session_starts_again_and_fails_nobody() -> None:
    async with running() as (gateway, us, party):
        await us.logged_on()
        await gateway.logout("us")
        await settle()
        assert party.handler.events[-2:] == ["logout", "disconnect logout"]
        failed = asyncio.ensure_future(gateway.failed())
        await asyncio.sleep(100.0)
        assert not failed.done()  # a person wanted it out
        await gateway.logon("us")
        await us.logged_on()
        assert us.snapshot().connections == 2
        await gateway.reconnect("us")
        await us.logged_on()
        assert us.snapshot().connections == 3
        assert not failed.done()
        failed.cancel()


async def test_a_start_while_it_waits_dials_at_once() -> None:
    begun = now()
    at_most = replace(SLOWLY, jitter=lambda: 1.0)
    async with running(lambda made: Flaky(made, ConnectError("x")), retry=at_most) as (gateway, us, _):
        await settle()
        await gateway.logon("us")
        await us.logged_on()
        assert now() - begun < 1.0


async def test_a_start_while_it_logs_out_is_refused() -> None:
    async with running() as (gateway, us, _):
        await us.logged_on()
        stopping = asyncio.ensure_future(gateway.logout("us"))
        await asyncio.sleep(0)
        with pytest.raises(LocalError, match="us is logging out"):
            await gateway.logon("us")
        await stopping
        await gateway.logon("us")
        await us.logged_on()


async def test_a_reconnect_that_nobody_waits_for_any_more_goes_on() -> None:
    async with running() as (_, us, party):
        await us.logged_on()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await us.reconnect()
        await settle()
        assert (us.active, party.link.connections) == (True, 2)


async def test_a_reconnect_does_not_bring_a_session_back_that_leaves() -> None:
    async with running() as (_, us, party):
        await us.logged_on()
        us.begin_drain()
        await us.reconnect()
        await settle()
        assert (us.active, party.link.connections) == (False, 1)


async def test_a_start_while_it_runs_changes_nothing() -> None:
    async with running() as (gateway, us, _):
        await us.logged_on()
        await gateway.logon("us")
        await settle()
        assert us.snapshot().connections == 1


async def test_a_stop_that_was_never_preceded_by_a_start_is_fine() -> None:
    async with standing() as (network, _):
        handle = SessionHandle(plan_for(network.connector("them")), the_clock())
        await handle.stop()
        handle.close()


async def test_a_mismatch_stops_with_both_numbers() -> None:
    async with running() as (gateway, us, party):
        await us.logged_on()
        await gateway.logout("us")
        await settle()
        set_numbers(party.link, next_in=50, next_out=None, reason="test")
        failed = asyncio.ensure_future(gateway.failed())
        await gateway.logon("us")
        await us.gave_up()
        assert "the venue expects 50 and got 3" in us.why
        assert "fixgw seqnum" in us.why
        await settle()
        assert not failed.done()  # the gateway is needed to set the number
        await gateway.set_numbers("us", None, 50, "test")
        await gateway.logon("us")
        await us.logged_on()
        failed.cancel()


async def test_a_mismatch_resets_if_it_is_told_to() -> None:
    async with running(us=replace(US, on_mismatch=OnMismatch.RESET)) as (gateway, us, party):
        await us.logged_on()
        await gateway.logout("us")
        await settle()
        set_numbers(party.link, next_in=50, next_out=None, reason="test")
        epoch = us.link.epoch
        await gateway.logon("us")
        await us.logged_on()
        assert us.link.epoch == epoch + 1
        assert us.link.session.next_out == party.link.session.next_in == 2


class BrokenSigner:
    """Can not sign."""

    secret_tags: frozenset[int] = frozenset()

    def logon_fields(self, context: LogonContext) -> Sequence[tuple[int, str | bytes]]:
        raise LocalError("the key is too short")


async def test_a_logon_that_can_not_be_signed_stops_the_session() -> None:
    async with running(us=replace(US, signer=BrokenSigner())) as (gateway, us, party):
        await gateway.failed()
        assert "the key is too short" in us.why
        assert not us.link.connected
        assert us.link.session.next_out == 1
        await settle()
        assert not party.link.connected


async def test_the_first_logon_of_an_empty_tape_resets_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with joined() as rig:
        assert "ResetSeqNumFlag" in caplog.text
        assert rig.link.epoch == 2


async def test_numbers_that_a_person_has_set_are_used() -> None:
    """Asking for everything again, from number 1 on, is what next_in = 1 is for."""
    async with running() as (gateway, us, party):
        await us.logged_on()
        for number in range(3):
            party.link.send(Message("B", [(148, str(number))]))
        await settle()
        await gateway.logout("us")
        next_out = us.link.session.next_out
        await gateway.set_numbers("us", 1, None, "see it all again")
        await gateway.logon("us")
        await us.logged_on()
        await settle()
        assert us.link.session.next_out > next_out
        assert us.link.session.next_in == party.link.session.next_out
        await gateway.logout("us")
        await gateway.reset("us", "begin anew")
        await gateway.logon("us")
        await us.logged_on()
        assert us.link.session.next_out == 2


async def test_numbers_are_not_changed_while_connected() -> None:
    async with running() as (gateway, us, _):
        await us.logged_on()
        with pytest.raises(LocalError, match="log out first"):
            await gateway.set_numbers("us", 1, None, "test")
        with pytest.raises(LocalError, match="log out first"):
            await gateway.reset("us", "test")


async def test_a_logon_that_takes_too_long_is_given_up_and_tried_again() -> None:
    async with running() as (_, us, party):

        async def never(_: Message) -> Accept:
            await asyncio.sleep(1e6)
            return Accept()

        party.verdict = never
        await asyncio.sleep(11.0)
        assert us.snapshot().connections >= 2
        assert "logon not answered" in us.why


async def test_hosts_are_tried_in_turn_and_the_first_again_after_a_logout() -> None:
    async with standing() as (network, party):
        answers: list[Accept | Refuse] = [Refuse.with_logout("busy")]
        party.verdict = lambda _: answers.pop(0) if answers else Accept()
        first = Flaky(network.connector("them"), ConnectError("down"))
        plan = replace(
            plan_for(first),
            host="a:1",
            standby=[Host("b:2", network.connector("them")), Host("c:3", network.connector("them"))],
        )
        async with Gateway([plan], clock=the_clock(), drain_timeout=0.2) as gateway:
            us = gateway["us"]
            assert us.snapshot().supervisor.host == "c:3"  # a is down, and b refused
            network.cut()
            await us.link.ended()
            await us.logged_on()
            assert us.snapshot().supervisor.host == "c:3"
            await gateway.reconnect("us")
            await us.logged_on()
            assert us.snapshot().supervisor.host == "a:1"


async def test_a_reset_asked_for_by_a_person_survives_a_connection_that_fails() -> None:
    us = replace(US, retransmission=False)
    async with standing(replace(THEM, retransmission=False)) as (network, party):
        connector = Flaky(network.connector("them"))
        plan = plan_for(connector, us)
        async with Gateway([plan], clock=the_clock(), drain_timeout=0.2) as gateway:
            await gateway.logout("us")
            connector.failures.append(ConnectError("down"))
            await gateway.reset("us", "begin anew")
            await gateway.logon("us")
            await gateway["us"].logged_on()
            assert connector.attempts == 3
            assert party.link.session.next_in == 2
