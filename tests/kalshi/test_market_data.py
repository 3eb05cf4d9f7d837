"""Market data: books, trades and trading states of a session, as frames and as the client's books."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.fix.message import Message
from fixgw.messages.order_entry import Side
from fixgw.sim.admission import Trading
from fixgw.sim.rates import RateSettings
from fixgw.sim.settlement import Result
from fixgw.venues.kalshi.market_book import Level
from fixgw.venues.kalshi.market_data import MarketData
from fixgw.venues.kalshi.market_requests import MarketDataRefused
from fixgw.venues.kalshi.messages import MDReqRejReason, SecurityTradingStatus, TrdType
from tests.kalshi.covers import covers
from tests.kalshi.desk import BUY, MARKET, SELL, STORM, Joined, Opener, Seat, limit

SEATS = {"books": Seat("market-data"), "desk": Seat("orders-nr")}
AT = "272=20261009|273=14:30:00.000"


def client_of(joined: Joined) -> MarketData:
    return joined["books"].client(MarketData)


async def subscribed(joined: Joined) -> MarketData:
    """Let the house quote both sides, and subscribe."""
    joined.rest(BUY, 10, "0.35")
    joined.rest(SELL, 5, "0.65")
    client = client_of(joined)
    client.subscribe(MARKET)
    await joined.settle()
    return client


@covers("V market-data", "W market-data")
async def test_263_0_a_snapshot_is_all_that_comes(desk: Opener) -> None:
    async with desk(SEATS) as joined:
        joined.rest(BUY, 10, "0.35")
        joined.rest(SELL, 5, "0.65")
        book = await client_of(joined).snapshot(MARKET)
        await joined.told("books", f"V|263=0|146=1|55={MARKET}")
        joined.rest(BUY, 1, "0.36")
        await joined.heard(
            "books",
            f"W|55={MARKET}|268=2|269=0,1|270=0.3500,0.6500|271=10.00,5.00|272=20261009,20261009|273",
        )
        assert book.best_bid == Level(Decimal("0.35"), Decimal(10))
        assert book.best_offer == Level(Decimal("0.65"), Decimal(5))


@covers("V market-data", "W market-data", "X market-data")
async def test_263_1_updates_follow_the_snapshot(desk: Opener) -> None:
    async with desk(SEATS) as joined:
        client = await subscribed(joined)
        await joined.told("books", f"V|263=1|146=1|55={MARKET}")
        joined.rest(BUY, 5, "0.35")
        joined.rest(BUY, 3, "0.34")
        await joined.heard(
            "books",
            "W|268=2",
            f"X|268=1|279=1|55={MARKET}|269=0|270=0.3500|271=15.00|{AT}|!11|!79",
            f"X|268=1|279=0|55={MARKET}|269=0|270=0.3400|271=3.00|{AT}",
        )
        assert client.book(MARKET).bids == {Decimal("0.35"): 15, Decimal("0.34"): 3}
        assert not client.book(MARKET).stale


@covers("X market-data")
async def test_279_2_a_level_that_is_gone(desk: Opener) -> None:
    async with desk(SEATS) as joined:
        order = await joined.submit("desk", limit(BUY, 4, "0.30"))
        client = await subscribed(joined)
        joined.look()
        await joined["desk"].orders.cancel(order)
        await joined.heard("books", "X|268=1|279=2|269=0|270=0.3000|271=0.00")
        assert Decimal("0.30") not in client.book(MARKET).bids


@covers("X market-data")
@pytest.mark.parametrize(
    ("side", "price", "aggressor"), [(BUY, "0.65", "1"), (SELL, "0.35", "2")], ids=["bought", "sold"]
)
async def test_269_2_a_trade_tells_its_aggressor(
    desk: Opener, side: Side, price: str, aggressor: str
) -> None:
    async with desk({"books": Seat("market-data", "beta"), "desk": Seat("orders-nr")}) as joined:
        client = await subscribed(joined)
        joined.look()
        await joined.submit("desk", limit(side, 3, price))
        (update,) = await joined.heard("books", f"X|268=2|279=0,1|2446={aggressor}|1003|!828|!11|!79")
        joined.assert_fits(update, f"X|269=2,{2 - int(aggressor)}|270={price}00,{price}00")
        trade = client.book(MARKET).last_trade
        assert trade is not None
        assert (trade.aggressor_side, trade.trade_id) == (side, update.get(1003))
        assert trade.md_entry_size == 3


@covers("X market-data")
async def test_828_1_a_block_trade_leaves_the_book_alone(desk: Opener) -> None:
    async with desk({"books": Seat("market-data", "beta"), "deaf": Seat("market-data")}) as joined:
        client = await subscribed(joined)
        before = dict(client.book(MARKET).bids)
        joined.look()
        joined.venue.block_trade(MARKET, Decimal("0.42"), Decimal(500))
        await joined.heard("books", "X|268=1|279=0|269=2|270=0.4200|271=500.00|828=1|1003|!2446|!11")
        await joined.heard("deaf")
        trade = client.book(MARKET).last_trade
        assert trade is not None
        assert (trade.trd_type, trade.aggressor_side) == (TrdType.BLOCK_TRADE, None)
        assert dict(client.book(MARKET).bids) == before


@covers("X market-data")
async def test_11_and_79_name_the_own_order_that_changed_a_level(desk: Opener) -> None:
    async with desk({**SEATS, "stranger": Seat("market-data", "beta")}) as joined:
        for seat in ("books", "stranger"):
            joined[seat].client(MarketData).subscribe(MARKET)
        await joined.settle()
        joined.look()
        order = await joined.submit("desk", limit(BUY, 4, "0.30", alloc_account="3"))
        await joined.heard("books", f"X|279=0|271=4.00|11={order.cl_ord_id}|79=3")
        await joined.heard("stranger", "X|279=0|271=4.00|!11|!79")


@covers("W market-data")
async def test_an_unknown_market_has_an_empty_book(desk: Opener) -> None:
    async with desk(SEATS) as joined:
        book = await client_of(joined).snapshot("NOWHERE")
        await joined.heard("books", "W|55=NOWHERE|268=0|!269")
        assert (dict(book.bids), dict(book.offers), book.stale) == ({}, {}, False)


@covers("V market-data")
@pytest.mark.parametrize("named", [True, False], ids=["the named ones", "all"])
async def test_263_2_no_more_updates_come(desk: Opener, named: bool) -> None:
    async with desk(SEATS) as joined:
        client = await subscribed(joined)
        joined.look()
        client.unsubscribe(*([MARKET] if named else []))
        await joined.told("books", f"V|263=2|146=1|55={MARKET}" if named else "V|263=2|!146")
        joined.rest(BUY, 1, "0.36")
        await joined.heard("books")
        assert MARKET not in client.books


@covers("V market-data", "Y market-data")
async def test_281_4_an_unknown_kind_of_subscription(desk: Opener) -> None:
    async with desk(SEATS) as joined:
        joined["books"].send(Message("V", [(263, "9"), (146, "1"), (55, MARKET)]))
        await joined.heard("books", "Y|281=4|58")
        (refusal,) = client_of(joined).rejects
        assert refusal.md_req_rej_reason is MDReqRejReason.UNSUPPORTED_SUBSCRIPTION_REQUEST_TYPE


@covers("V market-data", "Y market-data")
async def test_281_2_too_many_symbols_in_a_request(desk: Opener) -> None:
    async with desk(SEATS) as joined:
        symbols = [(55, f"M{number}") for number in range(1001)]
        joined["books"].send(Message("V", [(263, "0"), (146, "1001"), *symbols]))
        await joined.heard("books", "Y|281=2|58")


@covers("V market-data", "Y market-data")
async def test_281_2_too_many_subscriptions_of_a_session(desk: Opener) -> None:
    async with desk(SEATS, rates=RateSettings(subscriptions=1)) as joined:
        client = client_of(joined)
        client.subscribe(MARKET)
        await joined.settle()
        joined.look()
        client.subscribe(STORM)
        await joined.heard("books", "Y|281=2|58")
        (refusal,) = client.rejects
        assert (refusal.symbols, refusal.md_req_rej_reason) == (
            (STORM,),
            MDReqRejReason.INSUFFICIENT_BANDWIDTH,
        )
        assert (client.book(MARKET).stale, client.book(STORM).stale) == (False, True)
        with pytest.raises(MarketDataRefused, match="too many symbols"):
            await client.snapshot(STORM)


@covers("V market-data", "3 market-data in")
async def test_373_1_a_snapshot_of_no_market(desk: Opener) -> None:
    async with desk(SEATS) as joined:
        number = joined["books"].send(Message("V", [(263, "0")]))
        await joined.settle()
        (reject,) = joined.frames("books", admin=True)
        joined.assert_fits(reject, f"3|45={number}|372=V|373=1|371=146")


@covers("e market-data", "f market-data")
async def test_326_the_states_of_a_market(desk: Opener) -> None:
    async with desk(SEATS) as joined:
        client = client_of(joined)
        client.watch_status(MARKET)
        await joined.told("books", f"e|263=1|55={MARKET}")
        await joined.heard("books")  # nothing is told before something changes
        joined.venue.close_market(MARKET)
        await joined.settle()
        assert client.book(MARKET).status is SecurityTradingStatus.TRADING_HALT
        joined.venue.reopen_market(MARKET)
        joined.venue.pause(Trading.PAUSED)  # of the exchange: no change of the market
        await joined.settle()
        assert client.book(MARKET).status is SecurityTradingStatus.RESUME
        joined.venue.settle_market(MARKET, Result.YES)
        await joined.heard("books", *(f"f|55={MARKET}|326={state}" for state in (2, 3, 100, 101)))
        assert client.book(MARKET).status is SecurityTradingStatus.SETTLED


@covers("V market-data", "3 market-data in", row="373=16 fewer symbols than announced")
async def test_a_count_that_is_wrong(desk: Opener) -> None:
    async with desk(SEATS) as joined:
        number = joined["books"].send(Message("V", [(263, "0"), (146, "2"), (55, MARKET)]))
        await joined.settle()
        (reject,) = joined.frames("books", admin=True)
        joined.assert_fits(reject, f"3|45={number}|372=V|373=16|371=146")


@covers("e market-data", "f market-data")
async def test_263_2_no_more_states_come(desk: Opener) -> None:
    async with desk(SEATS) as joined:
        client = client_of(joined)
        client.watch_status(MARKET)
        await joined.settle()
        joined.look()
        client.unwatch_status(MARKET)
        await joined.told("books", f"e|263=2|55={MARKET}")
        joined.venue.close_market(MARKET)
        await joined.heard("books")
        assert MARKET not in client.books


def asks(row: str) -> pytest.MarkDecorator:
    return covers("e market-data", "3 market-data in", row=row)


@pytest.mark.parametrize(
    ("pairs", "tag", "reason"),
    [
        pytest.param([(263, "1"), (55, "A"), (55, "B")], 55, 13, id="two", marks=asks("373=13 two markets")),
        pytest.param([(263, "0"), (55, "A")], 263, 5, id="kind", marks=asks("373=5 begins and ends nothing")),
    ],
)
async def test_a_request_for_states_that_is_rejected(
    desk: Opener, pairs: list[tuple[int, str]], tag: int, reason: int
) -> None:
    async with desk(SEATS) as joined:
        number = joined["books"].send(Message("e", pairs))
        await joined.settle()
        (reject,) = joined.frames("books", admin=True)
        joined.assert_fits(reject, f"3|45={number}|372=e|373={reason}|371={tag}")


@covers("V market-data", "e market-data", "W market-data")
async def test_a_new_connection_asks_for_everything_again(desk: Opener) -> None:
    async with desk(SEATS) as joined:
        client = await subscribed(joined)
        client.watch_status(MARKET)
        await joined.settle()
        joined.look()
        joined.venue.cut(joined.key_ids["books"])
        await joined["books"].logged_on()
        await joined.told("books", f"V|263=1|146=1|55={MARKET}", f"e|263=1|55={MARKET}")
        await joined.heard("books", f"W|55={MARKET}|268=2")
        assert not client.book(MARKET).stale
