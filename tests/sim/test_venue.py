"""The whole venue over sockets, against a client made of strings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from fixgw.clock import ManualClock
from fixgw.errors import ConfigError
from fixgw.sim.admission import Trading
from fixgw.sim.kinds import DC, NR, PT, RFQ, RT, SessionKind
from fixgw.sim.orders import Side, State
from fixgw.sim.pki import DEFAULT_CLIENTS, KeyRegistry, StateDirectory, public_pem
from fixgw.sim.reports import timestamp
from fixgw.sim.venue import KnownKey, SimSettings, Simulator
from tests.sim.desk import MARKET
from tests.sim.wire import Wire, wire


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates, made once for all tests."""
    path = tmp_path_factory.mktemp("venue")
    StateDirectory(path, ManualClock().now().utc_ns).clients(DEFAULT_CLIENTS, KeyRegistry())
    return path


@pytest.fixture
async def venue(state: Path) -> AsyncIterator[Simulator]:
    async with Simulator(SimSettings(state, tls=False, clock=ManualClock())) as running:
        yield running


def buy(cl_ord_id: str, qty: str = "10", price: str = "0.55") -> str:
    return f"11={cl_ord_id}|38={qty}|40=2|44={price}|54=1|55={MARKET}|59=1"


async def ordered(client: Wire, cl_ord_id: str, qty: str = "10") -> dict[int, str]:
    client.send("D", buy(cl_ord_id, qty))
    return await client.receive("8")


async def settled(venue: Simulator, name: str, kind: str = "KalshiNR") -> None:
    """Wait until the venue has noticed the end of a connection."""
    await venue.links[f"{kind}/{venue.keys[name].key_id}"].ended()


async def test_over_tls_with_both_kinds_of_key(state: Path) -> None:
    async with Simulator(SimSettings(state)) as venue:
        for name in ("rsa", "ed25519"):
            async with wire(venue, NR, name) as client:
                reply = await client.log_on()
                assert (reply[49], reply[56], reply[34], reply[108], reply[141]) == (
                    "KalshiNR",
                    venue.keys[name].key_id,
                    "1",
                    "30",
                    "Y",
                )
                assert (await ordered(client, name))[150] == "0"
    assert {order.state for order in venue.ledger.orders.values()} == {State.OPEN}


async def test_a_trade_with_the_house(venue: Simulator) -> None:
    async with wire(venue, NR) as client:
        await client.log_on()
        await ordered(client, "a1")
        quote = venue.quote(MARKET, Side.SELL, Decimal("0.50"), Decimal(4))
        trade = await client.receive("8")
        assert (trade[150], trade[31], trade[32], trade[151]) == ("F", "0.5500", "4.00", "6.00")
        assert quote.state is State.FILLED
        assert venue.ledger.positions["beta", MARKET] == 4
        assert venue.ledger.order("a1").terms.owner.connection == 1


class TestRefusedLogons:
    async def test_wrong_session_for_the_port(self, venue: Simulator) -> None:
        async with wire(venue, NR) as client:
            client.send_logon(target="KalshiRT")
            logout = await client.receive("5")
            assert (logout[58], logout[34], logout[49]) == ("Invalid TargetCompID", "1", "KalshiRT")
            assert await client.closed()

    async def test_missing_reset(self, venue: Simulator) -> None:
        async with wire(venue, DC) as client:
            client.send_logon("")
            assert "141" in (await client.receive("5"))[58]
            assert await client.closed()

    async def test_second_connection_of_a_key_whatever_its_kind(self, venue: Simulator) -> None:
        async with wire(venue, NR) as first, wire(venue, RT) as second:
            await first.log_on()
            second.send_logon()
            assert (await second.receive("5"))[58] == "already exists"
            assert await second.closed()
            assert (await ordered(first, "still-here"))[150] == "0"

    async def test_sending_time(self, venue: Simulator) -> None:
        async with wire(venue, NR) as client:
            client.send_logon()
            assert isinstance(venue.settings.clock, ManualClock)
            venue.settings.clock.advance(31)
            reject = await client.receive("3")
            assert (reject[373], reject[372]) == ("10", "A")
            assert await client.closed()

    async def test_a_logon_without_a_name_is_not_answered(self, venue: Simulator) -> None:
        async with wire(venue, NR) as client:
            client.send("A", "98=0|108=30|141=Y|1137=9", sender="")
            assert await client.closed()

    async def test_the_refusal_is_on_the_log_and_no_session_was_made(self, venue: Simulator) -> None:
        async with wire(venue, NR) as client:
            client.send_logon(target="KalshiRT")
            await client.receive("5")
        key_id = venue.keys["ed25519"].key_id
        assert [frame.msg_type for frame in venue.log.of(f"refused/KalshiNR/{key_id}")] == ["A", "5"]
        assert venue.links == {}


class TestRejects:
    async def test_an_undefined_tag(self, venue: Simulator) -> None:
        async with wire(venue, NR) as client:
            await client.log_on()
            client.send("D", buy("a1") + "|333333=1")
            reject = await client.receive("3")
            assert (reject[45], reject[371], reject[372], reject[373]) == ("2", "333333", "D", "3")

    @pytest.mark.parametrize(("msg_type", "body"), [("2", "7=1|16=0"), ("4", "123=Y|36=9"), ("4", "36=9")])
    @pytest.mark.parametrize("kind", [NR, RFQ], ids=lambda kind: kind.name)
    async def test_nothing_is_sent_again_or_renumbered_without_retransmission(
        self, venue: Simulator, kind: SessionKind, msg_type: str, body: str
    ) -> None:
        async with wire(venue, kind) as client:
            await client.log_on()
            client.send(msg_type, body)
            reject = await client.receive("3")
            assert [reject[tag] for tag in (45, 372, 373)] == ["2", msg_type, "11"]
            client.send("1", "112=well")
            assert (await client.receive("0"))[112] == "well"

    async def test_a_message_that_the_session_does_not_take(self, venue: Simulator) -> None:
        async with wire(venue, PT) as client:
            await client.log_on()
            client.send("D", buy("a1"))
            reject = await client.receive("j")
            assert (reject[45], reject[372], reject[379], reject[380]) == ("2", "D", "a1", "3")


class TestSessionLoss:
    async def test_cancel_on_disconnect_when_the_connection_is_cut(self, venue: Simulator) -> None:
        async with wire(venue, NR) as client:
            await client.log_on("141=Y|21005=Y|21011=Y|8013=Y")
            await ordered(client, "a1")
            assert venue.cut(venue.keys["ed25519"].key_id) == 1
            assert await client.closed()
        await settled(venue, "ed25519")
        assert venue.ledger.order("a1").state is State.CANCELLED

    async def test_cancel_on_disconnect_after_a_clean_logout(self, venue: Simulator) -> None:
        async with wire(venue, NR) as client:
            await client.log_on("141=Y|21005=Y|21011=Y|8013=Y")
            await ordered(client, "a1")
            client.send("5")
            await client.receive("5")
            await client.close()
        await settled(venue, "ed25519")
        assert venue.ledger.order("a1").state is State.CANCELLED

    async def test_orders_stay_without_it(self, venue: Simulator) -> None:
        async with wire(venue, NR) as client:
            await client.log_on()
            await ordered(client, "a1")
            venue.cut(venue.keys["ed25519"].key_id)
        await settled(venue, "ed25519")
        assert venue.ledger.order("a1").state is State.OPEN

    async def test_rt_reports_of_the_absence_come_on_request(self, venue: Simulator) -> None:
        async with wire(venue, RT) as client:
            await client.log_on("21005=Y|21011=Y")
            assert (await ordered(client, "a1"))[34] == "2"
            venue.cut(venue.keys["ed25519"].key_id)
            await client.closed()
        await settled(venue, "ed25519", "KalshiRT")
        venue.quote(MARKET, Side.SELL, Decimal("0.50"), Decimal(4))
        venue.quote(MARKET, Side.SELL, Decimal("0.50"), Decimal(6))
        async with wire(venue, RT) as client:
            reply = await client.log_on("21005=Y|21011=Y", number=3)
            assert reply[34] == "5"
            client.send("2", "7=3|16=0")
            replayed = [await client.receive() for _ in range(3)]
            assert [(m[35], m[34], m.get(43)) for m in replayed] == [
                ("8", "3", "Y"),
                ("8", "4", "Y"),
                ("4", "5", "Y"),
            ]
            assert [m.get(32) for m in replayed] == ["4.00", "6.00", None]
            assert (await ordered(client, "a2"))[34] == "6"
        assert venue.log.reused_numbers() == []

    async def test_rt_reports_that_meet_a_logout_are_kept_too(self, venue: Simulator) -> None:
        async with wire(venue, RT) as client:
            await client.log_on("21005=Y|21011=Y")
            await ordered(client, "a1")
            venue.links[f"KalshiRT/{venue.keys['ed25519'].key_id}"].logout("bye")
            venue.quote(MARKET, Side.SELL, Decimal("0.50"), Decimal(4))
            assert (await client.receive("5"))[34] == "3"
            client.send("5")
            assert await client.closed()
        await settled(venue, "ed25519", "KalshiRT")
        async with wire(venue, RT) as client:
            assert (await client.log_on("21005=Y|21011=Y", number=4))[34] == "5"
            client.send("2", "7=4|16=4")
            assert (await client.receive("8"))[150] == "F"

    async def test_nr_begins_anew_and_the_ledger_knows_the_connection(self, venue: Simulator) -> None:
        for number in (1, 2):
            async with wire(venue, NR) as client:
                assert (await client.log_on())[34] == "1"
                await ordered(client, f"a{number}")
            await settled(venue, "ed25519")
        connections = [order.terms.owner.connection for order in venue.ledger.orders.values()]
        assert connections == [1, 2]
        assert {frame.epoch for frame in venue.log.of(msg_type="D")} == {2, 3}
        assert venue.log.reused_numbers() == []

    async def test_cutting_an_unknown_key_cuts_nothing(self, venue: Simulator) -> None:
        assert venue.cut("nobody") == 0


class TestTheLog:
    async def test_it_finds_what_a_client_does_wrong(self, venue: Simulator) -> None:
        async with wire(venue, NR) as client:
            await client.log_on()
            await ordered(client, "a1")
            client.send("D", buy("a1"))
            assert (await client.receive("8"))[58] == "ORDER_ALREADY_EXISTS"
            assert [frame.get(11) for frame in venue.log.duplicate_cl_ord_ids()] == ["a1"]
            client.send("D", buy("a2"), number=2)
            assert "expecting 4 but received 2" in (await client.receive("5"))[58]
        (again,) = venue.log.reused_numbers()
        assert (again.msg_seq_num, again.get(11), again.outbound) == (2, "a2", False)

    async def test_the_signature_is_not_on_it(self, venue: Simulator) -> None:
        async with wire(venue, NR) as client:
            await client.log_on()
        (logon,) = venue.log.of(venue.keys["ed25519"].key_id, "A", outbound=False)
        assert set(logon.get(96) or "") == {"*"}
        assert len(venue.log) == len(list(venue.log))


class TestControls:
    async def test_paused_reports_come_when_resumed(self, venue: Simulator) -> None:
        key_id = venue.keys["ed25519"].key_id
        async with wire(venue, NR) as client:
            await client.log_on()
            venue.pause_reports(key_id)
            venue.pause_reports("somebody else")
            client.send("D", buy("a1"))
            client.send("1", "112=ping")
            assert (await client.receive("0"))[112] == "ping"
            assert venue.ledger.order("a1").state is State.OPEN
            venue.resume_reports("somebody else")
            venue.resume_reports(key_id)
            assert (await client.receive("8"))[11] == "a1"

    async def test_pause_and_close(self, venue: Simulator) -> None:
        async with wire(venue, NR) as client:
            await client.log_on()
            venue.pause(Trading.PAUSED)
            assert (await ordered(client, "a1"))[58] == "TRADING_PAUSED"
            venue.pause(Trading.OPEN)
            await ordered(client, "a2")
            venue.close_market(MARKET)
            assert (await client.receive("8"))[58] == "CloseCancel"

    async def test_orders_expire_by_the_venues_clock(self, venue: Simulator) -> None:
        assert isinstance(venue.settings.clock, ManualClock)
        async with wire(venue, NR) as client:
            await client.log_on()
            client.send("D", buy("a1").replace("59=1", "59=6|126=20261009-14:30:05.000"))
            await client.receive("8")
            venue.expire()
            assert venue.ledger.order("a1").state is State.OPEN
            venue.settings.clock.advance(5)
            venue.expire()
            assert (await client.receive("8"))[58] == "OrderExpiryCancel"

    async def test_the_venues_timer_expires_orders(self, state: Path) -> None:
        async with Simulator(SimSettings(state, tls=False)) as venue, wire(venue, NR) as client:
            await client.log_on()
            due = timestamp(venue.now().utc_ns + 20_000_000)
            client.send("D", buy("a1").replace("59=1", f"59=6|126={due}"))
            assert [(await client.receive("8"))[150] for _ in range(2)] == ["0", "4"]
            assert venue.ledger.order("a1").state is State.EXPIRED
            client.send("D", buy("a2").replace("59=1", "59=0"))
            await client.receive("8")
        assert venue.ledger.order("a2").state is State.OPEN

    async def test_the_house_quotes_again_what_was_taken_but_leaves_the_rest_of_an_order_alone(
        self, venue: Simulator
    ) -> None:
        venue.make_market(MARKET, Decimal("0.50"), Decimal("0.55"), Decimal(4))
        async with wire(venue, NR) as client:
            await client.log_on()
            client.send("D", buy("a1", "4"))
            assert (await client.receive("8"))[39] == "2"
            client.send("D", buy("a2", "6"))
            trade = await client.receive("8")
            assert (trade[39], trade[151]) == ("1", "2.00")
            venue.fill("a2", Decimal(1))
            assert (await client.receive("8"))[151] == "1.00"
            client.send("F", f"11=a3|41=a2|54=1|55={MARKET}")
            await client.receive("8")
            offers = [(str(price), str(qty)) for price, qty in venue.market(MARKET).side(Side.SELL).depth()]
            assert offers == [("0.55", "4")]

    async def test_a_market_may_be_opened_later(self, venue: Simulator) -> None:
        assert venue.market("NEW", subpenny=True) is venue.market("NEW")
        venue.quote("NEW", Side.BUY, Decimal("0.5050"), Decimal(1))
        assert venue.ledger.order("house-1").state is State.OPEN

    async def test_leaving_logs_every_session_out(self, state: Path) -> None:
        async def answer() -> str:
            text = (await connection.receive("5"))[58]
            connection.send("5")
            return text

        async with Simulator(SimSettings(state, tls=False, clock=ManualClock())) as venue:
            connection = await Wire.connect(venue, NR, venue.keys["ed25519"])
            await connection.log_on()
            answering = asyncio.ensure_future(answer())
        assert await answering == "the venue closes"
        await connection.close()

    async def test_a_client_that_does_not_answer_the_logout_is_cut(self, state: Path) -> None:
        settings = SimSettings(state, tls=False, clock=ManualClock(), logout_timeout=0.01)
        async with Simulator(settings) as venue:
            connection = await Wire.connect(venue, NR, venue.keys["ed25519"])
            await connection.log_on()
        assert not venue.links[f"KalshiNR/{venue.keys['ed25519'].key_id}"].connected
        await connection.close()


class TestKeysFromElsewhere:
    async def test_a_key_that_was_made_elsewhere_logs_on(self, state: Path, tmp_path: Path) -> None:
        made = StateDirectory(tmp_path, ManualClock().now().utc_ns).clients(
            DEFAULT_CLIENTS[1:2], KeyRegistry()
        )
        public = tmp_path / "public.pem"
        public.write_bytes(public_pem(made["ed25519"].path.read_bytes()))
        settings = SimSettings(
            state,
            tls=False,
            clock=ManualClock(),
            known_keys=[KnownKey(made["ed25519"].key_id, public, "elsewhere")],
        )
        async with Simulator(settings) as venue:
            connection = await Wire.connect(venue, NR, made["ed25519"])
            await connection.log_on()
            await ordered(connection, "a1")
            assert venue.ledger.order("a1").terms.owner.account == "elsewhere"
            await connection.close()

    async def test_a_file_that_is_not_there(self, state: Path) -> None:
        venue = Simulator(SimSettings(state))
        with pytest.raises(ConfigError, match="can not be read"):
            venue.add_key(KnownKey("k", state / "nothing.pem"))

    def test_before_the_start_there_is_no_certificate(self, state: Path) -> None:
        with pytest.raises(ConfigError, match="has not been started"):
            _ = Simulator(SimSettings(state)).ca_path
