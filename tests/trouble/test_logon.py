"""What a person reads when the venue does not let a session in."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from fixgw.clock import Now
from fixgw.config.build import session_plan
from fixgw.config.resolve import resolve_sessions
from fixgw.config.settings import load_settings
from fixgw.engine.gateway import Gateway
from fixgw.sim.venue import Simulator
from tests.trouble.conftest import Scripted
from tests.trouble.desk import Desk, Peer, until


class WrongClock:
    """The system's clock, some seconds off."""

    def __init__(self, seconds: float) -> None:
        self._ns = round(seconds * 1e9)

    def now(self) -> Now:
        return Now(time.monotonic(), time.time_ns() + self._ns)


async def test_a_wrong_key(venue: Simulator, desk: Desk) -> None:
    desk.spoil(
        {
            "sessions.0.key_file": str(venue.keys["other"].path),
            "defaults.reconnect.max_refusals": 2,
        }
    )
    assert await desk.refusal() == (
        "orders: 2 refused Logons in a row, last: Invalid signature "
        "(the venue did not accept the signature of the Logon); "
        "check that the API key id belongs to this private key and environment, and that the clock is right"
    )


async def test_a_key_id_that_the_venue_does_not_know(desk: Desk) -> None:
    desk.spoil({"sessions.0.sender": "nobody", "defaults.reconnect.max_refusals": 2})
    assert await desk.refusal() == (
        "orders: 2 refused Logons in a row, last: Unknown API key; "
        "look at the venue's text, then start the session again"
    )


@pytest.mark.parametrize(("seconds", "side"), [(45, "ahead of"), (-45, "behind")])
async def test_a_clock_that_is_off(desk: Desk, seconds: int, side: str) -> None:
    desk.spoil({"defaults.reconnect.max_refusals": 2})
    refusal = await desk.refusal(WrongClock(seconds))
    assert refusal.startswith(
        "orders: 2 refused Logons in a row, last: SendingTime accuracy problem (this clock is "
    )
    assert refusal.endswith(f" s {side} the venue's); set this machine's clock, by NTP")
    assert abs(float(refusal.partition("this clock is ")[2].split()[0]) - 45) < 1


async def test_the_port_of_another_kind_of_session(venue: Simulator, desk: Desk) -> None:
    desk.spoil({"sessions.0.connect.port": venue.ports["drop-copy"]})
    assert await desk.refusal() == (
        "orders: logon refused: Invalid TargetCompID (the port does not serve this kind of session); "
        "take port and kind from the same row: leave port out to get the venue's own"
    )


async def test_a_second_connection_with_the_same_key(venue: Simulator, desk: Desk) -> None:
    """The two gateways are on two machines, so the lock of this one does not part them."""
    second = load_settings(Desk(venue, desk.path / "second").file)
    plan = session_plan(resolve_sessions(second).sessions[0])
    async with (
        desk.open() as first,
        Gateway([replace(plan, identity_lock=None)], wait="none") as gateway,
    ):
        await until(lambda: gateway["orders"].why)
        assert gateway["orders"].why == (
            "logon refused: already exists (another connection with this API key is live); end the other "
            "one, or wait until the venue has noticed that it is dead; one key carries one connection"
        )
        assert gateway["orders"].snapshot().supervisor.retry_in >= 60
        assert first["orders"].active


async def test_a_logon_without_an_answer(scripted: Scripted) -> None:
    desk = await scripted(Peer(answers=False))
    desk.spoil({"defaults.timing.logon_timeout": 0.1})
    desk.patience = 0.3
    assert await desk.refusal() == (
        "orders: not logged on after 0.3 s: logon not answered; "
        "see that host and port are those of the FIX service; it may be in maintenance"
    )
