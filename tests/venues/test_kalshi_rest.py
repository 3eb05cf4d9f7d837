"""The REST client at the simulated venue in memory, through faults too, on a loop whose time jumps."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from fixgw.messages.order_entry import Side
from fixgw.safety.grid import PriceRange
from fixgw.sim.accounts import AccountSpec, Scope, Tier
from fixgw.sim.admission import Trading
from fixgw.sim.jumploop import START_UTC_NS
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.settlement import Result
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.rest import KalshiRest
from fixgw.venues.kalshi.rest_errors import (
    ClockSkewed,
    EndlessPages,
    KeyRefused,
    MalformedReply,
    NotFound,
    NotPermitted,
    RestError,
    TooManyRequests,
    Unavailable,
)
from fixgw.venues.kalshi.rest_exchange import Market
from fixgw.venues.kalshi.rest_models import Fill
from tests.sim.rest import BUY, HOST, MARKET, SELL, DeskTransport, Traders, credentials_of, rest_of

pytest_plugins = ["fixgw.testing"]

SECOND = 1_000_000_000
FILLS = "GET /trade-api/v2/portfolio/fills?limit=1000"
ATTEMPTS = 6  # of a GET, as long as nothing else is said


@pytest.fixture
def traders(memory_venue: Simulator) -> Traders:
    return Traders(memory_venue)


@pytest.fixture
def transport(memory_venue: Simulator) -> DeskTransport:
    return DeskTransport(memory_venue)


@pytest.fixture
def rest(memory_venue: Simulator, transport: DeskTransport) -> KalshiRest:
    return rest_of(memory_venue, transport=transport)


async def every(rows: AsyncIterator[Any]) -> list[Any]:
    return [row async for row in rows]


async def refused(rest: KalshiRest) -> RestError:
    with pytest.raises(RestError) as caught:
        await rest.balance()
    return caught.value


class Canned(httpx.AsyncBaseTransport):
    """Answers with the same reply every time, or does what an action does."""

    def __init__(self, reply: Callable[[httpx.Request], httpx.Response]) -> None:
        self._reply = reply
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return self._reply(request)


def canned(venue: Simulator, body: object, status: int = 200) -> KalshiRest:
    content = body if isinstance(body, str) else json.dumps(body)
    return rest_of(venue, transport=Canned(lambda _: httpx.Response(status, text=content)))


class TestLists:
    async def test_pages_are_followed_to_the_end(
        self, memory_venue: Simulator, traders: Traders, transport: DeskTransport
    ) -> None:
        for _ in range(5):
            traders.trade("alpha", BUY, 1, "0.50")
        rest = rest_of(memory_venue, transport=transport, page_size=2)
        fills = await every(rest.fills(symbol=MARKET))
        assert len({fill.trade_id for fill in fills}) == 5
        assert [f"ticker={MARKET}&limit=2" in asked for asked in transport.asked] == [True] * 3
        assert ["cursor=" in asked for asked in transport.asked] == [False, True, True]

    async def test_an_empty_list_is_one_page(self, rest: KalshiRest, transport: DeskTransport) -> None:
        assert await every(rest.fills()) == []
        assert transport.asked == [FILLS]

    async def test_a_cursor_that_comes_twice_ends_the_list(
        self, memory_venue: Simulator, traders: Traders, rest: KalshiRest, transport: DeskTransport
    ) -> None:
        traders.trade("alpha", BUY, 1, "0.50")
        memory_venue.rest.faults.repeat_cursor = True
        with pytest.raises(EndlessPages, match="cursor of a page came twice"):
            await every(rest.fills())
        assert len(transport.asked) == 2

    async def test_a_list_without_end_is_given_up(self, memory_venue: Simulator) -> None:
        numbers = iter(range(100))
        endless = Canned(lambda _: httpx.Response(200, json={"fills": [], "cursor": str(next(numbers))}))
        with pytest.raises(EndlessPages, match="more than 3 pages"):
            await every(rest_of(memory_venue, transport=endless, max_pages=3).fills())

    async def test_a_period_is_rounded_outward_to_whole_seconds(
        self, rest: KalshiRest, transport: DeskTransport
    ) -> None:
        await every(rest.fills(since_ns=5 * SECOND + 1, until_ns=9 * SECOND + 1))
        assert "min_ts=5&max_ts=10&" in transport.asked[0]

    async def test_fills_before_the_cutoff_are_in_the_historical_list_alone(
        self, memory_venue: Simulator, traders: Traders, rest: KalshiRest
    ) -> None:
        traders.trade("alpha", BUY, 1, "0.50")
        await asyncio.sleep(10)
        memory_venue.rest.cutoff_ns = memory_venue.now().utc_ns
        traders.trade("alpha", BUY, 2, "0.50")
        old, new = await every(rest.fills(historical=True)), await every(rest.fills())
        cutoff = await rest.historical_cutoff()
        assert ([fill.qty for fill in old], [fill.qty for fill in new]) == ([1], [2])
        assert old[0].utc_ns < cutoff.trades_utc_ns <= new[0].utc_ns

    async def test_an_order_that_rests_is_live_whatever_its_age(
        self, memory_venue: Simulator, traders: Traders, rest: KalshiRest
    ) -> None:
        resting = traders.order("alpha", BUY, 3, "0.20")
        ended = traders.trade("alpha", BUY, 1, "0.50")
        await asyncio.sleep(10)
        memory_venue.rest.cutoff_ns = memory_venue.now().utc_ns
        assert [one.order_id for one in await every(rest.orders())] == [resting.order_id]
        assert [one.order_id for one in await every(rest.orders(historical=True))] == [ended.order_id]


class TestAttempts:
    async def test_a_busy_venue_is_asked_again(self, memory_venue: Simulator, rest: KalshiRest) -> None:
        memory_venue.rest.faults.fail_next(429, 500, 502, 503, 504)
        assert (await rest.balance()).cash == 0
        assert rest.retries == 5

    async def test_it_gives_up_after_as_many_attempts_as_are_set(
        self, memory_venue: Simulator, transport: DeskTransport
    ) -> None:
        memory_venue.rest.faults.fail_next(*[429] * 10)
        error = await refused(rest_of(memory_venue, transport=transport, attempts=3))
        assert (type(error), len(transport.asked)) == (TooManyRequests, 3)

    async def test_a_broken_connection_counts_as_no_reply(
        self, memory_venue: Simulator, rest: KalshiRest, transport: DeskTransport
    ) -> None:
        memory_venue.rest.faults.down = True
        error = await refused(rest)
        assert (type(error), error.status, len(transport.asked)) == (Unavailable, 0, ATTEMPTS)
        assert "RemoteProtocolError" in str(error)

    async def test_an_attempt_has_an_end(self, memory_venue: Simulator, rest: KalshiRest) -> None:
        memory_venue.rest.faults.delay_seconds = 11
        started = asyncio.get_running_loop().time()
        error = await refused(rest)
        assert "no reply (TimeoutError)" in str(error)
        assert ATTEMPTS * 10 <= asyncio.get_running_loop().time() - started < ATTEMPTS * 10 + 8

    @pytest.mark.parametrize("status", [400, 403, 404, 409])
    async def test_a_refusal_is_final(
        self, memory_venue: Simulator, rest: KalshiRest, transport: DeskTransport, status: int
    ) -> None:
        memory_venue.rest.faults.fail_next(status)
        assert (await refused(rest)).status == status
        assert len(transport.asked) == 1

    async def test_waits_are_random_below_a_bound_that_doubles(self, memory_venue: Simulator) -> None:
        loop, asked = asyncio.get_running_loop(), list[float]()

        def busy(_: httpx.Request) -> httpx.Response:
            asked.append(loop.time())
            return httpx.Response(429, json={"error": "too many requests"})

        for _ in range(30):
            await refused(rest_of(memory_venue, transport=Canned(busy), attempts=8))
        waits = [
            [after - before for before, after in zip(asked[at:], asked[at + 1 : at + 8], strict=False)]
            for at in range(0, len(asked), 8)
        ]
        bounds = [0.25, 0.5, 1, 2, 4, 8, 8]
        assert all(0 <= wait <= bound for run in waits for wait, bound in zip(run, bounds, strict=True))

    async def test_waits_spread_over_the_whole_range(self, memory_venue: Simulator) -> None:
        loop, waits = asyncio.get_running_loop(), list[float]()
        for seed in range(100):
            memory_venue.rest.faults.fail_next(429)
            begun = loop.time()
            rest = KalshiRest(
                HOST,
                credentials_of(memory_venue, "alpha"),
                clock=memory_venue.settings.clock,
                transport=DeskTransport(memory_venue),
                seed=seed,
            )
            await rest.balance()
            waits.append(loop.time() - begun)
        assert min(waits) < 0.025
        assert max(waits) > 0.225
        assert 0.1 < sum(waits) / len(waits) < 0.15

    @pytest.mark.parametrize("status", [429, 500, 503])
    async def test_a_cancel_of_everything_is_never_repeated(
        self, memory_venue: Simulator, rest: KalshiRest, transport: DeskTransport, status: int
    ) -> None:
        memory_venue.rest.faults.fail_next(status)
        with pytest.raises(RestError):
            await rest.cancel_all()
        assert transport.asked == ["DELETE /trade-api/v2/portfolio/events/orders"]

    async def test_a_cancel_of_everything_without_a_reply_is_not_known(
        self, memory_venue: Simulator, rest: KalshiRest, transport: DeskTransport
    ) -> None:
        memory_venue.rest.faults.down = True
        with pytest.raises(Unavailable):
            await rest.cancel_all()
        assert len(transport.asked) == 1


class TestClock:
    async def test_a_stamp_that_was_too_old_once_is_made_anew(self, memory_venue: Simulator) -> None:
        desk, late = DeskTransport(memory_venue), [31.0, 0.0]

        class Stalling(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                await asyncio.sleep(late.pop(0))
                return await desk.handle_async_request(request)

        assert (await rest_of(memory_venue, transport=Stalling(), timeout=60.0).balance()).cash == 0
        assert late == []

    @pytest.mark.parametrize(("ahead", "said"), [(45.0, "45 s behind"), (-45.0, "45 s ahead of")])
    async def test_a_wrong_clock_is_named_after_two_attempts(
        self,
        memory_venue: Simulator,
        rest: KalshiRest,
        transport: DeskTransport,
        ahead: float,
        said: str,
    ) -> None:
        memory_venue.rest.faults.clock_seconds = ahead
        error = await refused(rest)
        assert (type(error), error.code) == (ClockSkewed, "header_timestamp_expired")
        assert said in str(error)
        assert len(transport.asked) == 2

    async def test_the_difference_of_the_clocks_is_known_after_any_reply(
        self, memory_venue: Simulator, rest: KalshiRest
    ) -> None:
        memory_venue.rest.faults.clock_seconds = 7.0
        assert rest.skew_seconds is None
        await rest.balance()
        assert rest.skew_seconds == 7.0

    async def test_a_wrong_clock_whose_error_is_not_known_is_told_all_the_same(
        self, memory_venue: Simulator
    ) -> None:
        expired = {"error": {"code": "header_timestamp_expired", "message": "too old"}}
        error = await refused(canned(memory_venue, expired, 401))
        assert str(error).endswith("401 too old: synchronise this machine's clock")

    async def test_a_reply_without_a_date_says_nothing_of_clocks(self, memory_venue: Simulator) -> None:
        rest = canned(memory_venue, {"as_of_time": "2026-10-09T14:30:00Z"})
        await rest.user_data_timestamp()
        assert rest.skew_seconds is None


class TestKeys:
    async def test_an_unknown_key_is_refused_at_once(
        self, memory_venue: Simulator, transport: DeskTransport
    ) -> None:
        known = credentials_of(memory_venue, "alpha")
        rest = KalshiRest(
            HOST,
            type(known)("nobody", known.key),
            clock=memory_venue.settings.clock,
            transport=transport,
        )
        error = await refused(rest)
        assert (type(error), error.status, len(transport.asked)) == (KeyRefused, 401, 1)
        assert "check that the API key id belongs to this private key" in str(error)

    async def test_a_key_of_somebody_else_is_refused_at_once(
        self, memory_venue: Simulator, transport: DeskTransport
    ) -> None:
        mixed = type(credentials_of(memory_venue, "alpha"))(
            memory_venue.keys["alpha"].key_id, memory_venue.keys["beta"].path.read_bytes()
        )
        rest = KalshiRest(HOST, mixed, clock=memory_venue.settings.clock, transport=transport)
        assert isinstance(await refused(rest), KeyRefused)
        assert len(transport.asked) == 1

    async def test_nothing_secret_is_in_errors_logs_and_representations(
        self, memory_venue: Simulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        known = credentials_of(memory_venue, "alpha")
        signatures = list[str]()

        def refuse(request: httpx.Request) -> httpx.Response:
            signatures.append(request.headers["kalshi-access-signature"])
            return httpx.Response(503, json={"error": "no"})

        rest = rest_of(memory_venue, transport=Canned(refuse))
        error = await refused(rest)
        said = "\n".join([caplog.text, str(error), repr(error), repr(rest), repr(known), repr(vars(rest))])
        pem_lines = known.key.decode().strip().splitlines()[1:-1]
        assert len(signatures) == ATTEMPTS
        assert [secret for secret in (*signatures, *pem_lines) if secret in said] == []

    async def test_a_path_is_signed_as_it_stands_on_the_wire(self, rest: KalshiRest) -> None:
        with pytest.raises(NotFound):  # and not KeyRefused
            await rest.market("A/B C%41ü?x=1")


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "code", "message"),
        [
            ({"error": {"code": "c", "message": "m", "details": "d"}}, "c", "m: d"),
            ({"error": {"code": "c"}}, "c", "c"),
            ({"code": "c", "message": "m"}, "c", "m"),
            ({"error": "plainly no"}, "", "plainly no"),
            ("upstream is gone", "", "upstream is gone"),
            ("", "", "no reason given"),
            ({"error": None}, "", "None"),
            (["x"], "", "['x']"),
        ],
        ids=["nested", "code alone", "flat", "text", "no JSON", "empty", "null", "list"],
    )
    async def test_an_error_is_read_in_every_form(
        self, memory_venue: Simulator, body: object, code: str, message: str
    ) -> None:
        error = await refused(canned(memory_venue, body, 400))
        assert error.code == code
        assert f"GET /portfolio/balance: 400 {message}" in str(error)

    async def test_a_long_page_of_an_error_is_cut(self, memory_venue: Simulator) -> None:
        assert len(str(await refused(canned(memory_venue, "<html>" * 1_000, 400)))) < 300

    @pytest.mark.parametrize(
        "body",
        ["<html>", '{"balance": NaN}', '{"balance": 1', "[]", '{"balance": true}', '{"balance": null}'],
    )
    async def test_a_reply_that_can_not_be_read_is_malformed(
        self, memory_venue: Simulator, body: str
    ) -> None:
        assert isinstance(await refused(canned(memory_venue, body)), MalformedReply)

    async def test_a_malformed_reply_is_not_asked_for_again(self, memory_venue: Simulator) -> None:
        transport = Canned(lambda _: httpx.Response(200, text="<html>"))
        await refused(rest_of(memory_venue, transport=transport))
        assert transport.asked == 1

    async def test_unknown_fields_are_left_alone(
        self, memory_venue: Simulator, traders: Traders, rest: KalshiRest
    ) -> None:
        traders.trade("alpha", BUY, 1, "0.50")
        expected = await every(rest.fills())
        memory_venue.rest.faults.distort["fills"] = lambda row: {**row, "new": {"a": [1.5]}}
        assert await every(rest.fills()) == expected

    async def test_a_missing_field_is_named(
        self, memory_venue: Simulator, traders: Traders, rest: KalshiRest
    ) -> None:
        traders.trade("alpha", BUY, 1, "0.50")
        memory_venue.rest.faults.distort["fills"] = lambda row: {**row, "fee_cost": None}
        with pytest.raises(MalformedReply, match=r"portfolio/fills\.fills\[0\]\.fee_cost is missing"):
            await every(rest.fills())

    async def test_a_number_without_quotes_is_exact(self, memory_venue: Simulator) -> None:
        balance = await canned(memory_venue, '{"balance_dollars": 0.1, "portfolio_value": 29}').balance()
        assert (balance.cash, balance.portfolio_value) == (Decimal("0.1"), Decimal("0.29"))


class TestModels:
    async def test_a_fill(self, traders: Traders, memory_venue: Simulator, rest: KalshiRest) -> None:
        order = traders.trade("alpha", SELL, "2.50", "0.37", subaccount=3)
        trade = next(memory_venue.ledger.trades(order.terms.cl_ord_id))
        assert await every(rest.fills()) == [
            Fill(
                trade_id=trade.match_id,
                order_id=order.order_id,
                symbol=MARKET,
                side=Side.SELL,
                qty=Decimal("2.5"),
                yes_price=Decimal("0.37"),
                fee=trade.fee,
                is_taker=True,
                utc_ns=START_UTC_NS,
                subaccount=3,
            )
        ]
        assert trade.fee > 0

    async def test_an_order(self, traders: Traders, rest: KalshiRest) -> None:
        resting = traders.order("alpha", BUY, 5, "0.40", subaccount=2)
        traders.order("maker", SELL, 2, "0.40")
        order = await rest.order(resting.order_id)
        assert (order.order_id, order.cl_ord_id, order.symbol) == (
            resting.order_id,
            resting.terms.cl_ord_id,
            MARKET,
        )
        assert (order.side, order.status, order.yes_price) == (Side.BUY, "resting", Decimal("0.4"))
        assert [order.initial_qty, order.cum_qty, order.leaves_qty] == [5, 2, 3]
        assert (order.created_utc_ns, order.subaccount, order.exchange_index) == (START_UTC_NS, 2, 0)

    async def test_an_order_that_the_venue_does_not_know(self, rest: KalshiRest) -> None:
        with pytest.raises(NotFound, match="there is no such order"):
            await rest.order("nothing")

    async def test_orders_by_status(self, traders: Traders, rest: KalshiRest) -> None:
        resting, done = traders.order("alpha", BUY, 5, "0.20"), traders.trade("alpha", BUY, 1, "0.60")
        by_status = {
            status: [order.order_id for order in await every(rest.orders(status=status))]
            for status in ("resting", "executed", "canceled")
        }
        assert by_status == {"resting": [resting.order_id], "executed": [done.order_id], "canceled": []}

    async def test_a_position(self, traders: Traders, rest: KalshiRest) -> None:
        traders.trade("alpha", SELL, 10, "0.60")
        (position,) = await every(rest.positions())
        assert (position.symbol, position.position) == (MARKET, -10)
        assert [position.exposure, position.total_traded, position.realized_pnl] == [4, 4, 0]

    async def test_a_position_by_event(
        self, memory_venue: Simulator, traders: Traders, transport: DeskTransport
    ) -> None:
        for symbol in ("RAIN-26DEC31-A", "RAIN-26DEC31-B"):
            memory_venue.market(symbol)
            traders.trade("alpha", BUY, 10, "0.60", symbol=symbol)
        traders.trade("alpha", SELL, 10, "0.70", symbol="RAIN-26DEC31-A")
        rest = rest_of(memory_venue, transport=transport, page_size=1)
        (position,) = await every(rest.event_positions())
        markets = await every(rest.positions())
        assert position.event_ticker == "RAIN-26DEC31"
        assert [position.total_cost, position.exposure, position.realized_pnl] == [15, 6, 1]
        assert position.fees_paid == sum(one.fees_paid for one in markets) > 0

    async def test_a_settlement(self, traders: Traders, memory_venue: Simulator, rest: KalshiRest) -> None:
        traders.trade("alpha", BUY, 10, "0.60")
        memory_venue.settle_market(MARKET, Result.YES)
        (paid,) = await every(rest.settlements())
        assert (paid.symbol, paid.result, paid.yes_qty, paid.no_qty) == (MARKET, "yes", 10, 0)
        assert (paid.revenue, paid.fee, paid.yes_value, paid.utc_ns) == (10, 0, None, START_UTC_NS)

    async def test_a_scalar_settlement_says_what_yes_was_worth(
        self, traders: Traders, memory_venue: Simulator, rest: KalshiRest
    ) -> None:
        traders.trade("alpha", BUY, 10, "0.60")
        memory_venue.settle_market(MARKET, Result.SCALAR, Decimal("0.35"))
        (paid,) = await every(rest.settlements())
        assert (paid.result, paid.revenue, paid.yes_value) == ("scalar", Decimal("3.5"), Decimal("0.35"))

    async def test_limits_of_an_account_without_any(self, rest: KalshiRest) -> None:
        limits = await rest.limits()
        assert limits.usage_tier == "prestige"
        assert [limits.read.capacity, limits.write.refill_rate] == [12_000, 9_600]
        assert limits.expires_utc_s is None

    async def test_the_first_grant_that_ends_counts(self, memory_venue: Simulator) -> None:
        bucket = {"refill_rate": 1_200, "bucket_capacity": 3_600}
        grants: list[dict[str, object]] = [{}, {"expires_ts": 1_794_000_000}, {"expires_ts": 1_793_000_000}]
        body = {"usage_tier": "premier", "read": bucket, "write": bucket, "grants": grants}
        assert (await canned(memory_venue, body).limits()).expires_utc_s == 1_793_000_000

    async def test_the_exchange_in_a_pause(self, memory_venue: Simulator, rest: KalshiRest) -> None:
        memory_venue.pause(Trading.PAUSED)
        status = await rest.exchange_status()
        assert (status.exchange_active, status.trading_active, status.resumes_utc_ns) == (True, False, None)

    async def test_an_outage_that_says_so_is_an_answer(
        self, memory_venue: Simulator, rest: KalshiRest, transport: DeskTransport
    ) -> None:
        memory_venue.rest.faults.fail_next(503)
        status = await rest.exchange_status()
        assert (status.exchange_active, len(transport.asked)) == (False, 1)

    async def test_the_status_of_each_exchange(self, memory_venue: Simulator) -> None:
        shards = [{"exchange_index": index, "trading_active": index != 2} for index in range(3)]
        body = {
            "exchange_active": True,
            "trading_active": True,
            "exchange_estimated_resume_time": "2026-10-09T14:30:00Z",
            "exchange_index_statuses": shards,
        }
        status = await canned(memory_venue, body).exchange_status()
        assert status.trading_by_exchange == {0: True, 1: True, 2: False}
        assert status.resumes_utc_ns == START_UTC_NS

    async def test_a_status_page_without_a_status(self, memory_venue: Simulator) -> None:
        with pytest.raises(MalformedReply, match="exchange_active is missing"):
            await canned(memory_venue, {"hello": 1}).exchange_status()

    async def test_a_schedule(self, memory_venue: Simulator) -> None:
        hours = {"monday": [{"open_time": "08:00", "close_time": "24:00"}], "sunday": []}
        window = {"start_datetime": "2026-10-09T14:30:00Z", "end_datetime": "2026-10-09T10:30:01-04:00"}
        schedule = {"standard_hours": [hours], "maintenance_windows": [window]}
        read = await canned(memory_venue, {"schedule": schedule}).exchange_schedule()
        assert [(one.day, one.opens, one.closes) for one in read.hours] == [("monday", "08:00", "24:00")]
        assert [(one.begin_utc_ns, one.end_utc_ns) for one in read.maintenance] == [
            (START_UTC_NS, START_UTC_NS + SECOND)
        ]

    async def test_how_fresh_the_data_is(self, memory_venue: Simulator, rest: KalshiRest) -> None:
        memory_venue.rest.faults.lag_seconds = 5
        assert await rest.user_data_timestamp() == START_UTC_NS - 5 * SECOND

    async def test_a_market(self, traders: Traders, rest: KalshiRest) -> None:
        traders.order("maker", BUY, 1, "0.40")
        market = await rest.market(MARKET)
        assert (market.symbol, market.status) == (MARKET, "open")
        assert (market.yes_bid, market.yes_ask) == (Decimal("0.4"), None)
        cents = PriceRange(Decimal(0), Decimal(1), Decimal("0.01"))
        assert market.price_ranges == (cents,)

    async def test_a_market_that_the_venue_does_not_know(self, rest: KalshiRest) -> None:
        with pytest.raises(NotFound, match="there is no such market"):
            await rest.market("NOTHING")

    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            ({}, ["HIGHNY-26DEC31", "KXFED-26DEC-T4.00"]),
            ({"status": "closed"}, []),
            ({"series_ticker": "KXFED"}, ["KXFED-26DEC-T4.00"]),
            ({"event_ticker": "KXFED-26DEC"}, ["KXFED-26DEC-T4.00"]),
            ({"symbols": "HIGHNY-26DEC31,X"}, ["HIGHNY-26DEC31"]),
        ],
        ids=["all", "status", "series", "event", "symbols"],
    )
    async def test_markets(self, rest: KalshiRest, filters: dict[str, str], found: list[str]) -> None:
        markets: list[Market] = await every(rest.markets(**filters))
        assert [market.symbol for market in markets] == found


class TestAccounts:
    @pytest.fixture
    async def memory_venue_settings(self, memory_venue_settings: Any) -> Any:
        return memory_venue_settings.__class__(
            memory_venue_settings.state,
            network=memory_venue_settings.network,
            clock=memory_venue_settings.clock,
            clients=(
                ClientSpec("alpha", Algorithm.ED25519, "alpha", "all-of-alpha"),
                ClientSpec("third", Algorithm.ED25519, "alpha", "third-of-alpha", subaccount=3),
                ClientSpec("reader", Algorithm.RSA, "alpha", "reader", frozenset({Scope.READ})),
                ClientSpec("writer", Algorithm.ED25519, "alpha", "writer", frozenset({Scope.WRITE})),
            ),
            accounts=(AccountSpec("alpha", tier=Tier.PREMIER, balances={0: Decimal(100)}),),
        )

    async def test_a_key_may_do_what_its_scope_says(self, memory_venue: Simulator) -> None:
        await rest_of(memory_venue, "reader").balance()
        await rest_of(memory_venue, "writer").cancel_all()
        with pytest.raises(NotPermitted, match="no scope write"):
            await rest_of(memory_venue, "reader").cancel_all()
        with pytest.raises(NotPermitted, match="no scope read"):
            await rest_of(memory_venue, "writer").balance()

    async def test_a_restricted_key_sees_its_subaccount(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        traders.trade("alpha", BUY, 1, "0.50")
        traders.trade("alpha", BUY, 2, "0.50", subaccount=3)
        third = rest_of(memory_venue, "third")
        assert [fill.qty for fill in await every(third.fills())] == [2]
        assert [one.position for one in await every(third.positions())] == [2]
        with pytest.raises(NotPermitted, match="another subaccount"):
            await every(third.fills(subaccount=0))

    async def test_a_restricted_key_cancels_in_its_subaccount(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        stays = traders.order("alpha", BUY, 1, "0.20")
        goes = traders.order("alpha", BUY, 1, "0.20", subaccount=3)
        await rest_of(memory_venue, "third").cancel_all()
        assert [stays.leaves, goes.leaves] == [1, 0]

    async def test_reads_are_paid_for_by_tier(
        self, memory_venue: Simulator, transport: DeskTransport
    ) -> None:
        rest = rest_of(memory_venue, transport=transport, attempts=1)
        for _ in range(120):
            await rest.balance()
        with pytest.raises(TooManyRequests, match="too many requests"):
            await rest.balance()
        await asyncio.sleep(0.01)
        await rest.balance()

    async def test_the_limits_are_those_of_the_tier(self, memory_venue: Simulator) -> None:
        limits = await rest_of(memory_venue).limits()
        assert limits.usage_tier == "premier"
        assert [limits.read.capacity, limits.write.capacity] == [1_200, 3_600]

    async def test_a_balance_is_what_orders_leave_free(
        self, memory_venue: Simulator, traders: Traders
    ) -> None:
        traders.trade("alpha", BUY, 10, "0.50")
        traders.order("alpha", BUY, 10, "0.20")
        balance = await rest_of(memory_venue).balance()
        moved = memory_venue.ledger.cash["alpha"]
        assert balance.cash == 100 + moved - 2
        assert balance.portfolio_value == 5
        assert balance.by_exchange == {0: balance.cash}
