"""How far back messages can be asked for, and what sessions hold every message against."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fixgw.clock import ManualClock
from fixgw.sim.kinds import NR, RT
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.quirks import Quirks
from fixgw.sim.rates import RateSettings
from fixgw.sim.venue import SimSettings, Simulator
from tests.sim.desk import MARKET
from tests.sim.wire import Wire, wire

HOUR = 3600
CLIENTS = (ClientSpec("ed25519", Algorithm.ED25519, "beta"),)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("retention")


@asynccontextmanager
async def running(state: Path, **settings: object) -> AsyncIterator[Simulator]:
    made = SimSettings(state, tls=False, clock=ManualClock(), clients=CLIENTS, **settings)  # type: ignore[arg-type]
    async with Simulator(made) as venue:
        yield venue


def wait(venue: Simulator, hours: float) -> None:
    assert isinstance(venue.settings.clock, ManualClock)
    venue.settings.clock.advance(hours * HOUR)


async def order(client: Wire, cl_ord_id: str) -> None:
    client.send("D", f"11={cl_ord_id}|38=1|40=2|44=0.30|54=1|55={MARKET}")
    assert (await client.receive("8"))[11] == cl_ord_id


async def later(venue: Simulator, hours: float, logon: str = "21005=Y|21011=Y") -> str:
    """Two orders with hours in between, a new connection, and the answer to a request for both reports."""
    async with wire(venue, RT) as client:
        await client.log_on(logon + "|141=Y")
        await order(client, "a1")
    await venue.links[f"KalshiRT/{venue.keys['ed25519'].key_id}"].ended()
    wait(venue, hours)
    async with wire(venue, RT) as client:
        await client.log_on(logon, number=3)
        await order(client, "a2")
        client.send("2", "7=2|16=0")
        answer = await client.receive()
        return f"{answer[35]} {answer.get(373) or answer.get(36) or answer[34]}"


@pytest.mark.parametrize(
    ("logon", "hours", "answer"),
    [
        ("", 23.9, "8 2"),
        ("", 24.1, "3 5"),
        ("|20200=1", 0.9, "8 2"),
        ("|20200=1", 1.1, "3 5"),
        ("|20200=72", 71.9, "8 2"),
        ("|20200=72", 72.1, "3 5"),
    ],
)
async def test_messages_are_retained_for_so_many_hours(
    state: Path, logon: str, hours: float, answer: str
) -> None:
    async with running(state) as venue:
        assert await later(venue, hours, f"21005=Y|21011=Y{logon}") == answer


async def test_what_is_too_old_may_be_filled(state: Path) -> None:
    async with running(state, quirks=Quirks(fill_expired=True)) as venue:
        assert await later(venue, 25) == "4 4"  # the report and the second Logon


async def test_a_rejected_request_leaves_the_session_up(state: Path) -> None:
    async with running(state) as venue, wire(venue, RT) as client:
        await client.log_on()
        await order(client, "a1")
        wait(venue, 25)
        client.send("2", "7=1|16=0")
        reject = await client.receive("3")
        assert (reject[371], reject[372], reject[45]) == ("7", "2", "3")
        await order(client, "a2")
        client.send("2", "7=4|16=4")
        assert (await client.receive("8"))[11] == "a2"


class TestEveryMessage:
    @pytest.mark.parametrize("msg_type", ["0", "D"])
    async def test_a_clock_that_is_off_ends_the_session(self, state: Path, msg_type: str) -> None:
        async with running(state) as venue, wire(venue, NR) as client:
            await client.log_on()
            body = f"11=a|38=1|40=2|44=0.30|54=1|55={MARKET}" if msg_type == "D" else ""
            client.send(msg_type, body, sent="20200101-00:00:00.000")
            assert (await client.receive("3"))[373] == "10"
            assert (await client.receive())[35] == "5"

    @pytest.mark.parametrize(
        ("msg_type", "body", "reason", "tag"),
        [
            ("0", "333333=x", "3", "333333"),
            ("0", "55=x", "2", "55"),
            ("1", "112=x|333333=x", "3", "333333"),
            ("D", f"11=a|38=1|40=2|44=0.30|54=1|55={MARKET}|333333=x", "3", "333333"),
        ],
    )
    async def test_undefined_tags_are_rejected(
        self, state: Path, msg_type: str, body: str, reason: str, tag: str
    ) -> None:
        async with running(state) as venue, wire(venue, NR) as client:
            await client.log_on()
            client.send(msg_type, body)
            reject = await client.receive("3")
            assert (reject[373], reject[371]) == (reason, tag)

    @pytest.mark.parametrize(("more", "reason"), [("|333333=x", "3"), ("|55=x", "2")])
    async def test_so_they_are_in_a_logon(self, state: Path, more: str, reason: str) -> None:
        async with running(state) as venue, wire(venue, NR) as client:
            client.send_logon("141=Y" + more)
            assert (await client.receive("3"))[373] == reason
            assert await client.closed()


class TestLogons:
    async def test_too_many_are_refused(self, state: Path) -> None:
        async with running(state, rates=RateSettings(logons_per_minute=1)) as venue:
            for expected in ("A", "5"):
                async with wire(venue, NR) as client:
                    client.send_logon()
                    answer = await client.receive(expected)
            assert answer[58] == "rate limit exceeded"

    async def test_a_busy_venue_says_so(self, state: Path) -> None:
        async with running(state) as venue:
            venue.refuse_logons()
            async with wire(venue, NR) as client:
                client.send_logon()
                assert (await client.receive("5"))[58] == "FIX logon service busy; retry with backoff"
            async with wire(venue, NR) as client:
                await client.log_on()

    async def test_the_venue_may_have_one_name_for_all_sessions(self, state: Path) -> None:
        quirks = Quirks(venue_comp_id="Kalshi")
        async with running(state, quirks=quirks) as venue, wire(venue, NR) as client:
            assert (await client.log_on())[49] == "Kalshi"
            await order(client, "a1")


async def test_the_same_seed_makes_the_same_ids(state: Path) -> None:
    ledgers = []
    for seed in (7, 7, 8):
        async with running(state, seed=seed) as venue, wire(venue, NR) as client:
            await client.log_on()
            await order(client, "a1")
            ledgers.append(venue.ledger.to_json())
    assert ledgers[0] == ledgers[1] != ledgers[2]
