"""What the venue's REST side tells of its ledger, in the venue's own words and over HTTPS."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fixgw.config.check import check
from fixgw.config.settings import load_settings
from fixgw.errors import ConfigError
from fixgw.messages.order_entry import Side
from fixgw.sim.accounts import AccountSpec
from fixgw.sim.orders import Holder, ReplaceRequest, TimeInForce
from fixgw.sim.product import Product
from fixgw.sim.rest.server import HttpAnswer, HttpRequest, HttpServer
from fixgw.sim.sessions import memory_settings, write_sessions
from fixgw.sim.settlement import Result
from fixgw.sim.venue import MARKETS, MarketSpec, SimSettings, Simulator
from fixgw.venues.kalshi.rest import KalshiRest, RestSettings, signed_headers
from fixgw.venues.kalshi.rest_errors import Unavailable
from fixgw.venues.kalshi.rest_models import Fill, MarketPosition, OrderStatus, Settlement
from fixgw.venues.kalshi.signer import KalshiSigner
from tests.sim.rest import BUY, MARKET, SELL, Traders, credentials_of, rest_of

pytest_plugins = ["fixgw.testing"]

SHARD = "SHARD-26DEC31"
CLOSED = "CLOSED-26DEC31"  # all that was bought there is sold
CENT = Decimal("0.01")


@pytest.fixture
async def memory_venue_settings(tmp_path: Path) -> SimSettings:
    return memory_settings(
        tmp_path / "venue",
        markets=(MarketSpec(MARKET), MarketSpec(SHARD, exchange_index=2)),
        accounts=(AccountSpec("alpha", balances={0: Decimal(100), 3: Decimal(50)}),),
    )


class Told(NamedTuple):
    """All that REST tells of an account; positions by subaccount."""

    fills: list[Fill]
    orders: list[OrderStatus]
    positions: dict[int, list[MarketPosition]]
    settlements: list[Settlement]


@pytest.fixture
def traders(memory_venue: Simulator) -> Traders:
    return Traders(memory_venue)


async def ask(venue: Simulator, target: str, method: str = "GET", client: str = "alpha") -> HttpAnswer:
    """Ask the desk as a client does that speaks no Python."""
    credentials = credentials_of(venue, client)
    path = f"/trade-api/v2{target}"
    stamp = venue.now().utc_ns // 1_000_000
    headers = signed_headers(credentials, KalshiSigner(credentials.key), method, path, stamp)
    lowered = {name.lower(): value for name, value in headers.items()}
    return await venue.rest.answer(HttpRequest(method, path, lowered))


async def told(venue: Simulator, target: str, client: str = "alpha") -> Any:
    answer = await ask(venue, target, client=client)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


class TestOrders:
    async def test_a_replaced_order_keeps_its_id_and_shows_its_new_terms(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        order = traders.order("alpha", BUY, 5, "0.40")
        traders.order("maker", SELL, 2, "0.40")
        request = ReplaceRequest(
            "new",
            order.terms.cl_ord_id,
            order.terms.owner,
            MARKET,
            BUY,
            Decimal(9),
            Decimal("0.30"),
        )
        traders.do(lambda now_ns: memory_venue.engine.replace(request, now_ns))
        (row,) = (await told(memory_venue, "/portfolio/orders"))["orders"]
        assert (row["order_id"], row["client_order_id"]) == (order.order_id, "new")
        assert (row["status"], row["yes_price_dollars"], row["no_price_dollars"]) == (
            "resting",
            "0.3000",
            "0.7000",
        )
        counts = (row["initial_count_fp"], row["fill_count_fp"], row["remaining_count_fp"])
        assert counts == ("5.00", "2.00", "7.00")

    async def test_a_refused_order_was_never_there(self, memory_venue: Simulator, traders: Traders) -> None:
        traders.order("alpha", BUY, 5, "0.405")
        assert (await told(memory_venue, "/portfolio/orders"))["orders"] == []

    async def test_what_is_cancelled_at_once_is_canceled(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        traders.order("alpha", BUY, 5, "0.40", time_in_force=TimeInForce.IOC)
        (row,) = (await told(memory_venue, "/portfolio/orders?status=canceled"))["orders"]
        assert (row["remaining_count_fp"], row["fill_count_fp"]) == ("0.00", "0.00")

    async def test_costs_are_told_apart_by_maker_and_taker(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        traders.order("maker", SELL, 2, "0.40")
        order = traders.order("alpha", BUY, 5, "0.45")
        traders.order("maker", SELL, 3, "0.45")
        (row,) = (await told(memory_venue, "/portfolio/orders"))["orders"]
        fees = [trade.fee for trade in memory_venue.ledger.trades(order.terms.cl_ord_id)]
        assert [Decimal(row[f"{who}_fill_cost_dollars"]) for who in ("taker", "maker")] == [
            Decimal("0.80"),
            Decimal("1.35"),
        ]
        assert [Decimal(row[f"{who}_fees_dollars"]) for who in ("taker", "maker")] == fees

    async def test_orders_of_every_subaccount_are_told_unless_one_is_named(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        for subaccount in (0, 3):
            traders.order("alpha", BUY, 1, "0.40", subaccount=subaccount)
        lists = [
            (await told(memory_venue, f"/portfolio/orders{query}"))["orders"]
            for query in ("", "?subaccount=0", "?subaccount=3", "?subaccount=4")
        ]
        assert [[row["subaccount_number"] for row in rows] for rows in lists] == [[3, 0], [0], [3], []]


class TestFills:
    async def test_both_sides_of_a_trade_share_the_price_of_yes(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        traders.order("beta", SELL, 2, "0.40")
        traders.order("alpha", BUY, 2, "0.40")
        rows = [(await told(memory_venue, "/portfolio/fills", who))["fills"][0] for who in ("alpha", "beta")]
        assert [row["yes_price_dollars"] for row in rows] == ["0.4000", "0.4000"]
        assert [(row["outcome_side"], row["book_side"], row["is_taker"]) for row in rows] == [
            ("yes", "bid", True),
            ("no", "ask", False),
        ]
        assert rows[0]["fill_id"] == rows[0]["trade_id"] == rows[1]["fill_id"]

    async def test_a_fill_names_its_exchange_and_can_be_asked_for_by_it(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        traders.trade("alpha", BUY, 1, "0.40")
        traders.trade("alpha", BUY, 2, "0.40", symbol=SHARD)
        every = (await told(memory_venue, "/portfolio/fills"))["fills"]
        shard = (await told(memory_venue, "/portfolio/fills?exchange_index=2"))["fills"]
        assert [row["exchange_index"] for row in every] == [2, 0]
        assert [row["ticker"] for row in shard] == [SHARD]

    async def test_several_markets_may_be_named(self, memory_venue: Simulator, traders: Traders) -> None:
        for symbol in (MARKET, SHARD):
            traders.trade("alpha", BUY, 1, "0.40", symbol=symbol)
        rows = (await told(memory_venue, f"/portfolio/fills?ticker={MARKET},{SHARD}"))["fills"]
        assert {row["ticker"] for row in rows} == {MARKET, SHARD}

    async def test_a_replica_that_is_behind_does_not_have_the_latest(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        traders.trade("alpha", BUY, 1, "0.40")
        await asyncio.sleep(10)
        traders.trade("alpha", BUY, 2, "0.40")
        memory_venue.rest.faults.lag_seconds = 5
        assert [row["count_fp"] for row in (await told(memory_venue, "/portfolio/fills"))["fills"]] == [
            "1.00"
        ]
        (position,) = (await told(memory_venue, "/portfolio/positions"))["market_positions"]
        assert position["position_fp"] == "1.00"

    async def test_a_period_has_both_its_ends(self, memory_venue: Simulator, traders: Traders) -> None:
        first = memory_venue.now().utc_ns // 1_000_000_000
        for qty in (1, 2, 3):
            traders.trade("alpha", BUY, qty, "0.40")
            await asyncio.sleep(10)
        rows = (await told(memory_venue, f"/portfolio/fills?min_ts={first + 10}&max_ts={first + 20}"))[
            "fills"
        ]
        assert [row["count_fp"] for row in rows] == ["3.00", "2.00"]

    @pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=nonsense", "min_ts=now"])
    async def test_a_query_that_makes_no_sense_is_refused(self, memory_venue: Simulator, query: str) -> None:
        assert (await ask(memory_venue, f"/portfolio/fills?{query}")).status == 400


class TestMoney:
    async def test_no_costs_what_yes_does_not(self, memory_venue: Simulator, traders: Traders) -> None:
        traders.trade("alpha", SELL, 10, "0.70")
        (row,) = (await told(memory_venue, "/portfolio/positions"))["market_positions"]
        assert row["position_fp"] == "-10.00"
        assert [Decimal(row[f"{name}_dollars"]) for name in ("market_exposure", "total_traded")] == [3, 3]

    async def test_what_was_closed_is_realised(self, memory_venue: Simulator, traders: Traders) -> None:
        traders.trade("alpha", BUY, 10, "0.40")
        traders.trade("alpha", SELL, 4, "0.65")
        (row,) = (await told(memory_venue, "/portfolio/positions"))["market_positions"]
        assert row["position_fp"] == "6.00"
        names = ("realized_pnl", "market_exposure", "fees_paid")
        fees = memory_venue.ledger.holding("alpha", 0, MARKET).fees
        assert [Decimal(row[f"{name}_dollars"]) for name in names] == [1, Decimal("2.4"), fees]

    async def test_positions_and_balance_are_of_one_subaccount(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        traders.trade("alpha", BUY, 1, "0.40")
        traders.trade("alpha", BUY, 2, "0.40", subaccount=3)
        held = [
            (await told(memory_venue, f"/portfolio/positions{query}"))["market_positions"][0]["position_fp"]
            for query in ("", "?subaccount=3")
        ]
        assert held == ["1.00", "2.00"]
        balances = [
            Decimal((await told(memory_venue, f"/portfolio/balance{query}"))["balance_dollars"])
            for query in ("", "?subaccount=3")
        ]
        moved = [memory_venue.ledger.holding("alpha", subaccount, MARKET).cash for subaccount in (0, 3)]
        assert balances == [100 + moved[0], 50 + moved[1]]

    async def test_open_orders_tie_money_up(self, memory_venue: Simulator, traders: Traders) -> None:
        traders.order("alpha", BUY, 10, "0.40")
        order = traders.order("alpha", SELL, 10, "0.80")
        assert (await told(memory_venue, "/portfolio/balance"))["balance"] == 10_000 - 400 - 200
        traders.do(lambda now_ns: memory_venue.engine.cancel_where(lambda one: one is order, now_ns))
        assert (await told(memory_venue, "/portfolio/balance"))["balance"] == 10_000 - 400

    async def test_what_is_held_is_worth_its_last_price(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        traders.trade("alpha", SELL, 10, "0.70")
        traders.trade("beta", BUY, 1, "0.60")
        assert (await told(memory_venue, "/portfolio/balance"))["portfolio_value"] == 400

    async def test_cents_are_rounded_down_below_zero_too(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        traders.trade("beta", BUY, "0.01", "0.40")
        balance = await told(memory_venue, "/portfolio/balance", "beta")
        assert balance["balance"] == -1
        assert Decimal("-0.01") < Decimal(balance["balance_dollars"]) < 0


class TestWhichPositions:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", [MARKET, SHARD, CLOSED]),
            ("?settlement_status=settled", [SHARD]),
            ("?settlement_status=unsettled", [MARKET, CLOSED]),
            ("?count_filter=position", [MARKET]),
            ("?count_filter=position,total_traded", [MARKET, SHARD, CLOSED]),
            ("?event_ticker=SHARD,CLOSED", [SHARD, CLOSED]),
            (f"?ticker={MARKET}", [MARKET]),
            ("?exchange_index=2", [SHARD]),
        ],
    )
    async def test_a_filter_lets_through(
        self, memory_venue: Simulator, traders: Traders, query: str, found: list[str]
    ) -> None:
        memory_venue.market(CLOSED)
        for symbol in (MARKET, SHARD, CLOSED):
            traders.trade("alpha", BUY, 1, "0.40", symbol=symbol)
        traders.trade("alpha", SELL, 1, "0.40", symbol=CLOSED)
        memory_venue.settle_market(SHARD, Result.YES)
        rows = (await told(memory_venue, f"/portfolio/positions{query}"))["market_positions"]
        assert [row["ticker"] for row in rows] == found

    @pytest.mark.parametrize("query", ["settlement_status=paid", "count_filter=fees"])
    async def test_a_filter_that_is_none_is_refused(self, memory_venue: Simulator, query: str) -> None:
        assert (await ask(memory_venue, f"/portfolio/positions?{query}")).status == 400


class TestSettlements:
    async def test_subaccounts_are_told_together_unless_one_is_named(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        traders.trade("alpha", BUY, 10, "0.60")
        traders.trade("alpha", SELL, 4, "0.70", subaccount=3)
        memory_venue.settle_market(MARKET, Result.NO)
        (row,) = (await told(memory_venue, "/portfolio/settlements"))["settlements"]
        (third,) = (await told(memory_venue, "/portfolio/settlements?subaccount=3"))["settlements"]
        assert (row["yes_count_fp"], row["no_count_fp"], row["revenue"]) == ("10.00", "4.00", 400)
        assert (third["yes_count_fp"], third["no_count_fp"], third["revenue"]) == ("0.00", "4.00", 400)

    async def test_what_was_paid_for_it_is_told(self, memory_venue: Simulator, traders: Traders) -> None:
        traders.trade("alpha", BUY, 10, "0.60", symbol=SHARD)
        traders.trade("alpha", SELL, 4, "0.70", symbol=SHARD, subaccount=3)
        memory_venue.settle_market(SHARD, Result.YES)
        (row,) = (await told(memory_venue, "/portfolio/settlements"))["settlements"]
        costs = [Decimal(row[f"{side}_total_cost_dollars"]) for side in ("yes", "no")]
        assert costs == [6, Decimal("1.2")]
        assert row["exchange_index"] == 2

    async def test_a_settled_market_leaves_no_position(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        traders.trade("alpha", BUY, 10, "0.60")
        memory_venue.settle_market(MARKET, Result.YES)
        (row,) = (await told(memory_venue, "/portfolio/positions"))["market_positions"]
        assert (row["position_fp"], row["realized_pnl_dollars"]) == ("0.00", "4.00")


class TestTogether:
    """A day of trading by chance, as three subaccounts see it: lists agree with each other and the ledger."""

    @pytest.fixture
    async def told_of(self, memory_venue: Simulator, traders: Traders) -> Told:
        chance = random.Random(20261009)
        for _ in range(300):
            traders.order(
                chance.choice(("alpha", "alpha", "beta")),
                chance.choice((BUY, SELL)),
                Decimal(chance.randrange(1, 1_000)) / 100,
                Decimal(chance.randrange(40, 61)) / 100,
                symbol=chance.choice((MARKET, SHARD)),
                subaccount=chance.choice((0, 3)),
            )
            await asyncio.sleep(chance.random())
        memory_venue.settle_market(SHARD, Result.YES)
        async with rest_of(memory_venue, page_size=7) as rest:
            return Told(
                [fill async for fill in rest.fills()],
                [order async for order in rest.orders()],
                {number: [one async for one in rest.positions(subaccount=number)] for number in (0, 3)},
                [paid async for paid in rest.settlements()],
            )

    async def test_fills_are_what_orders_have_filled(self, told_of: Told) -> None:
        filled = Counter[str]()
        for fill in told_of.fills:
            filled[fill.order_id] += fill.qty  # type: ignore[assignment]
        assert len(told_of.fills) > 100
        assert {one.order_id: one.cum_qty for one in told_of.orders if one.cum_qty} == filled

    async def test_fees_of_fills_are_those_of_orders_and_positions(self, told_of: Told) -> None:
        fees = sum(fill.fee for fill in told_of.fills)
        assert fees == sum(order.fees for order in told_of.orders)
        assert fees == sum(one.fees_paid for rows in told_of.positions.values() for one in rows)

    async def test_fills_make_positions(self, told_of: Told) -> None:
        for number, rows in told_of.positions.items():
            (held,) = (one.position for one in rows if one.symbol == MARKET)
            mine = [one for one in told_of.fills if (one.subaccount, one.symbol) == (number, MARKET)]
            assert held == sum(one.qty if one.side is Side.BUY else -one.qty for one in mine)

    async def test_a_settlement_pays_what_was_held(self, told_of: Told) -> None:
        (paid,) = told_of.settlements
        mine = [one for one in told_of.fills if one.symbol == SHARD]
        net = sum(one.qty if one.side is Side.BUY else -one.qty for one in mine)
        assert paid.yes_qty - paid.no_qty == net
        assert paid.revenue == paid.yes_qty.quantize(CENT, ROUND_DOWN)

    async def test_when_no_order_ties_money_up_the_balance_is_the_ledgers(
        self, memory_venue: Simulator, told_of: Told
    ) -> None:
        assert [order for order in told_of.orders if order.status == "resting"]
        async with rest_of(memory_venue) as rest:
            await rest.cancel_all()
            for number, start in ((0, 100), (3, 50)):
                moved = memory_venue.ledger.purse(Holder("alpha", number))
                assert (await rest.balance(subaccount=number)).cash == start + moved


class TestDoor:
    @pytest.mark.parametrize(
        ("method", "target"),
        [("GET", "/portfolio/nothing"), ("POST", "/portfolio/orders"), ("DELETE", "/portfolio/fills")],
    )
    async def test_what_is_not_there_is_not_found(
        self, memory_venue: Simulator, method: str, target: str
    ) -> None:
        assert (await ask(memory_venue, target, method)).status == 404

    @pytest.mark.parametrize(
        "changes",
        [
            {"kalshi-access-key": ""},
            {"kalshi-access-timestamp": "²"},
            {"kalshi-access-timestamp": "-1"},
            {"kalshi-access-signature": ""},
            {"kalshi-access-signature": "!"},
        ],
        ids=["no key", "digits of another kind", "before 1970", "no signature", "no base64"],
    )
    async def test_a_request_without_a_good_signature_is_refused(
        self, memory_venue: Simulator, changes: dict[str, str]
    ) -> None:
        credentials, path = credentials_of(memory_venue, "alpha"), "/trade-api/v2/portfolio/balance"
        stamp = memory_venue.now().utc_ns // 1_000_000
        headers = signed_headers(credentials, KalshiSigner(credentials.key), "GET", path, stamp)
        lowered = {name.lower(): value for name, value in headers.items()} | changes
        assert (await memory_venue.rest.answer(HttpRequest("GET", path, lowered))).status == 401

    async def test_in_memory_there_is_no_address(self, memory_venue: Simulator) -> None:
        with pytest.raises(ConfigError, match="the REST side does not listen"):
            _ = memory_venue.rest_url


async def test_perpetual_futures_are_written_down_and_loaded_without_rest(tmp_path: Path) -> None:
    settings = SimSettings(
        tmp_path / "venue", product=Product.MARGIN, markets=MARKETS[Product.MARGIN], tls=False
    )
    async with Simulator(settings) as venue:
        file = write_sessions(venue, tmp_path / "desk", {"orders": ("orders-rt", "rsa")})
        assert check(load_settings(file)) == []
        with pytest.raises(ConfigError, match="no REST side here"):
            _ = venue.rest_url


@pytest.fixture
async def rest(venue: Simulator) -> AsyncIterator[KalshiRest]:
    trust = ssl.create_default_context(cafile=str(venue.ca_path))
    settings = RestSettings(attempts=2, base_seconds=0.01)
    async with KalshiRest(
        venue.rest_url, credentials_of(venue, "rsa"), settings=settings, trust=trust
    ) as client:
        yield client


class TestOverHttps:
    async def test_an_account_is_read_and_its_orders_are_cancelled(
        self, venue: Simulator, rest: KalshiRest
    ) -> None:
        traders = Traders(venue)
        traders.trade("alpha", BUY, 1, "0.50")
        order = traders.order("alpha", BUY, 3, "0.20")
        assert [fill.qty async for fill in rest.fills()] == [1]
        await rest.cancel_all()
        assert order.leaves == 0
        assert (await rest.order(order.order_id)).status == "canceled"

    async def test_a_connection_that_ends_without_a_reply_is_tried_again(
        self, venue: Simulator, rest: KalshiRest
    ) -> None:
        venue.rest.faults.down = True
        with pytest.raises(Unavailable, match="no reply"):
            await rest.balance()
        assert rest.retries == 1
        venue.rest.faults.down = False
        await rest.balance()

    async def test_no_log_shows_what_signs(
        self, venue: Simulator, rest: KalshiRest, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        await rest.balance()
        pem_lines = credentials_of(venue, "rsa").key.decode().strip().splitlines()[1:-1]
        assert "/trade-api/v2/portfolio/balance" in caplog.text
        assert [one for one in ("ACCESS-SIGNATURE", *pem_lines) if one.lower() in caplog.text.lower()] == []

    async def test_a_certificate_that_is_not_trusted_ends_it(self, venue: Simulator) -> None:
        settings = RestSettings(attempts=1)
        async with KalshiRest(venue.rest_url, credentials_of(venue, "rsa"), settings=settings) as client:
            with pytest.raises(Unavailable, match=r"CERTIFICATE_VERIFY_FAILED.* as rest\.ca_file"):
                await client.balance()


async def raw(port: int, *parts: bytes) -> bytes:
    """Send bytes, and return all that comes back before the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    try:
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def broken(request: HttpRequest) -> HttpAnswer:
    if request.path == "/fault":
        raise RuntimeError("a fault in the desk")
    return HttpAnswer(200, request.target.encode())


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    serving = await HttpServer(broken, "127.0.0.1").start()
    yield serving
    await serving.close()


class TestServer:
    async def test_requests_on_one_connection_are_answered_in_order(self, server: HttpServer) -> None:
        first = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
        last = b"GET /d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        said = await raw(server.port, first + last)
        assert [part.rpartition(b"\r\n\r\n")[2] for part in said.split(b"HTTP/1.1 ")[1:]] == [
            b"/a?b=c",
            b"/d",
        ]

    async def test_a_fault_behind_it_is_a_500(
        self, server: HttpServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        said = await raw(server.port, b"GET /fault HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 500 ")
        assert "a request could not be answered" in caplog.text

    @pytest.mark.parametrize(
        "sent",
        [
            b"\x00\x01\x02\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + bytes(1_100_000),
        ],
        ids=["no HTTP", "a large body"],
    )
    async def test_what_can_not_be_taken_ends_the_connection(self, server: HttpServer, sent: bytes) -> None:
        with suppress(ConnectionError):  # a reset, when not all of it was read
            assert await raw(server.port, sent) == b""

    async def test_closing_does_not_wait_for_a_late_answer(self) -> None:
        asked = asyncio.Event()

        async def never(request: HttpRequest) -> HttpAnswer:
            asked.set()
            await asyncio.Event().wait()
            return HttpAnswer(200)

        serving = await HttpServer(never, "127.0.0.1").start()
        asking = asyncio.ensure_future(raw(serving.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
        await asked.wait()
        await asyncio.wait_for(serving.close(), 5)
        with suppress(ConnectionError):
            assert await asking == b""

    async def test_a_port_that_is_taken_is_named(self, server: HttpServer) -> None:
        with pytest.raises(ConfigError, match=f"127.0.0.1:{server.port} can not be listened on"):
            await HttpServer(broken, "127.0.0.1", server.port).start()
