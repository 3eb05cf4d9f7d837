"""Market data of the venue: who is told what, in which order, and a whole desk that reads it over TLS."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from fixgw.engine.gateway import Gateway
from fixgw.errors import FieldError, Reject
from fixgw.fix.message import Message
from fixgw.handlers.base import Context, Handler
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.sim.kinds import MD
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.rates import RateSettings
from fixgw.sim.settlement import Result
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.market_book import Level
from fixgw.venues.kalshi.market_data import MarketData
from fixgw.venues.kalshi.messages import (
    MarketDataIncrementalRefresh,
    MarketDataSnapshotFullRefresh,
    NewOrderSingle,
    SecurityStatus,
    SecurityTradingStatus,
)
from tests.sim.desk import MARKET
from tests.sim.frames import message, text_of
from tests.sim.test_app import Port, Venue, buy, sell

pytest_plugins = ["fixgw.testing"]

STAMP = "272=20261009|273=14:30:00.000"
SUBSCRIBE = f"35=V|263=1|146=1|55={MARKET}"


@pytest.fixture
def venue_app() -> Venue:
    return Venue()


def reading(venue: Venue, account: str = "reader", request: str = SUBSCRIBE) -> Port:
    """Return a session that has made a request, what it was told so far taken away."""
    port = venue.log_on(account, MD, account)
    venue.send(port, request)
    port.sent.clear()
    return port


def told(port: Port) -> list[str]:
    """Return what a session was told since the last call."""
    texts = [text_of(one) for one in port.sent]
    port.sent.clear()
    return texts


def level(action: str, kind: str, px: str, size: str, more: str = "") -> str:
    return f"279={action}|55={MARKET}|269={kind}|270={px}|271={size}|{STAMP}{more}"


class TestSnapshots:
    def test_every_level_from_the_best(self, venue_app: Venue) -> None:
        for side, price in ((HouseSide.BUY, "0.40"), (HouseSide.BUY, "0.41"), (HouseSide.SELL, "0.60")):
            venue_app.house(side, "5", price)
        venue_app.house(HouseSide.BUY, "2.5", "0.40")
        port = venue_app.log_on("r", MD)
        venue_app.send(port, f"35=V|263=0|146=1|55={MARKET}")
        levels = ("0|270=0.4100|271=5.00", "0|270=0.4000|271=7.50", "1|270=0.6000|271=5.00")
        assert told(port) == [f"35=W|55={MARKET}|268=3|" + "|".join(f"269={one}|{STAMP}" for one in levels)]

    def test_an_unknown_market_is_empty(self, venue_app: Venue) -> None:
        port = venue_app.log_on("r", MD)
        venue_app.send(port, "35=V|263=1|146=2|55=X|55=Y")
        assert told(port) == ["35=W|55=X|268=0", "35=W|55=Y|268=0"]

    def test_after_a_snapshot_alone_nothing_follows(self, venue_app: Venue) -> None:
        port = reading(venue_app, request=f"35=V|263=0|146=1|55={MARKET}")
        venue_app.house(HouseSide.BUY, "5", "0.40")
        assert told(port) == []


class TestUpdates:
    def test_a_level_comes_changes_and_goes(self, venue_app: Venue) -> None:
        port, ann = reading(venue_app), venue_app.log_on("ann")
        venue_app.send(ann, buy("a1", "10", "0.55"))
        venue_app.house(HouseSide.BUY, "5", "0.55")
        venue_app.send(ann, f"35=F|11=a2|41=a1|54=1|55={MARKET}")
        venue_app.send(ann, sell("a3", "5", "0.55"))
        new, change, less, trade = told(port)
        assert new == f"35=X|268=1|{level('0', '0', '0.5500', '10.00')}"
        assert change == f"35=X|268=1|{level('1', '0', '0.5500', '15.00')}"
        assert less == f"35=X|268=1|{level('1', '0', '0.5500', '5.00')}"
        match_id = next(iter(venue_app.engine.ledger.trades())).match_id
        assert trade == (
            f"35=X|268=2|{level('0', '2', '0.5500', '5.00', f'|2446=2|1003={match_id}')}"
            f"|{level('2', '0', '0.5500', '0.00')}"
        )

    def test_what_changes_nothing_is_not_told(self, venue_app: Venue) -> None:
        port, ann = reading(venue_app), venue_app.log_on("ann")
        venue_app.send(ann, buy("a1", "0", "0.55"))
        venue_app.send(ann, buy("a2", "1", "0.55", "|59=3"))
        venue_app.send(ann, f"35=F|11=a3|41=none|54=1|55={MARKET}")
        assert told(port) == []

    def test_a_replaced_order_leaves_one_price_for_another(self, venue_app: Venue) -> None:
        port, ann = reading(venue_app, "ann-reads"), venue_app.log_on("ann", account="ann-reads")
        venue_app.send(ann, buy("a1", "10", "0.55", "|79=3"))
        port.sent.clear()
        venue_app.send(ann, f"35=G|11=a2|41=a1|38=10|40=2|44=0.56|54=1|55={MARKET}")
        own = "|11=a2|79=3"
        assert told(port) == [
            f"35=X|268=2|{level('0', '0', '0.5600', '10.00', own)}|{level('2', '0', '0.5500', '0.00', own)}"
        ]

    def test_own_orders_are_named_and_those_of_others_are_not(self, venue_app: Venue) -> None:
        mine, theirs = reading(venue_app, "ann"), reading(venue_app, "bob")
        venue_app.send(venue_app.log_on("a", account="ann"), buy("a1", "10", "0.55"))
        assert told(mine) == [f"35=X|268=1|{level('0', '0', '0.5500', '10.00', '|11=a1|79=0')}"]
        assert told(theirs) == [f"35=X|268=1|{level('0', '0', '0.5500', '10.00')}"]
        venue_app.send(venue_app.log_on("b", account="bob"), sell("b1", "4", "0.55"))
        left = level("1", "0", "0.5500", "6.00")
        assert told(mine)[0].endswith(f"{left}|11=a1|79=0")
        assert told(theirs)[0].endswith(f"{left}|11=b1|79=0")

    def test_offers_come_behind_bids(self, venue_app: Venue) -> None:
        venue_app.house(HouseSide.SELL, "1", "0.60")
        port = reading(venue_app)
        ann = venue_app.log_on("ann")
        venue_app.send(ann, buy("a1", "3", "0.60"))
        [update] = told(port)
        assert update.index("269=2|") < update.index("269=0|") < update.index("269=1|")

    def test_many_changes_are_told_in_several_messages(self, venue_app: Venue) -> None:
        ann = venue_app.log_on("ann")
        for cents in range(1, 91):
            venue_app.send(ann, buy(f"a{cents}", "1", f"0.{cents:02d}"))
        venue_app.engine.list_market("OTHER")
        for cents in range(1, 31):
            venue_app.send(ann, buy(f"o{cents}", "1", f"0.{cents:02d}").replace(MARKET, "OTHER"))
        port = reading(venue_app, request=f"35=V|263=1|146=2|55={MARKET}|55=OTHER")
        venue_app.send(ann, "35=q|11=q1|530=6")
        assert [one.text(268) for one in port.sent] == ["100", "20"]
        assert [len(one.get_all(279)) for one in port.sent] == [100, 20]

    def test_a_subscription_ends_by_name_or_all_at_once(self, venue_app: Venue) -> None:
        for request in (f"35=V|263=2|146=1|55={MARKET}", "35=V|263=2"):
            port = reading(venue_app)
            venue_app.send(port, request)
            venue_app.house(HouseSide.BUY, "5", "0.40")
            assert told(port) == []

    def test_one_who_leaves_does_not_end_it_for_others(self, venue_app: Venue) -> None:
        stays, leaves = reading(venue_app, "stays"), reading(venue_app, "leaves")
        leaves.active = False
        venue_app.app.on_disconnect(leaves)
        leaves.active = True
        venue_app.house(HouseSide.BUY, "5", "0.40")
        assert (len(told(stays)), told(leaves)) == (1, [])


class TestRefusals:
    @pytest.fixture
    def port(self, venue_app: Venue) -> Port:
        return venue_app.log_on("r", MD)

    def test_too_many_symbols_in_a_request(self, venue_app: Venue, port: Port) -> None:
        symbols = "|".join(f"55=M{number}" for number in range(1_001))
        venue_app.send(port, f"35=V|263=1|146=1001|{symbols}")
        assert told(port) == ["35=Y|281=2|58=too many symbols"]

    def test_too_many_subscriptions(self) -> None:
        venue_app = Venue(RateSettings(subscriptions=2))
        port = venue_app.log_on("r", MD)
        venue_app.send(port, "35=V|263=1|146=2|55=A|55=B")
        told(port)
        venue_app.send(port, "35=V|263=1|146=1|55=A")
        venue_app.send(port, "35=V|263=1|146=1|55=C")
        assert told(port) == ["35=W|55=A|268=0", "35=Y|281=2|58=too many symbols"]

    def test_an_unknown_kind_of_subscription(self, venue_app: Venue, port: Port) -> None:
        venue_app.send(port, "35=V|263=3|146=1|55=A")
        assert told(port) == ["35=Y|281=4|58=unsupported request"]

    @pytest.mark.parametrize(
        ("request_text", "tag", "reason"),
        [
            ("35=V|263=1", 146, 1),
            ("35=V|263=2|55=A", 146, 1),
            ("35=V|263=1|146=2|55=A", 146, 16),
            ("35=V|263=1|146=1|55=A|262=x", 262, 2),
            ("35=e|263=0|55=A", 263, 5),
            ("35=e|263=1|55=A|55=B", 55, 13),
            ("35=e|263=1", 55, 1),
        ],
    )
    def test_a_malformed_request_is_rejected(
        self, venue_app: Venue, port: Port, request_text: str, tag: int, reason: int
    ) -> None:
        with pytest.raises(Reject) as caught:
            venue_app.send(port, request_text)
        error = caught.value
        assert (error.tag if isinstance(error, FieldError) else error.ref_tag, error.reason) == (tag, reason)

    def test_orders_are_not_taken(self, venue_app: Venue, port: Port) -> None:
        refusal = venue_app.refused(port, buy("a1"))
        assert (refusal.reason, refusal.business) == (3, True)


class TestStates:
    def test_only_changes_are_told(self, venue_app: Venue) -> None:
        port = reading(venue_app, request=f"35=e|263=1|55={MARKET}")
        now_ns = venue_app.clock.now().utc_ns
        venue_app.app.close_market(MARKET, now_ns)
        venue_app.app.close_market(MARKET, now_ns)
        venue_app.app.reopen_market(MARKET)
        venue_app.app.reopen_market(MARKET)
        assert told(port) == [f"35=f|55={MARKET}|326=2", f"35=f|55={MARKET}|326=3"]

    def test_a_reopened_market_trades_again(self, venue_app: Venue) -> None:
        venue_app.app.close_market(MARKET, venue_app.clock.now().utc_ns)
        venue_app.app.reopen_market(MARKET)
        ann = venue_app.log_on("ann")
        venue_app.send(ann, buy("a1"))
        assert ann.types() == ["0"]

    def test_settled_is_the_last_that_is_heard(self, venue_app: Venue) -> None:
        port = reading(venue_app, request=f"35=e|263=1|55={MARKET}")
        venue_app.app.settle(MARKET, Result.YES, Decimal(1), venue_app.clock.now().utc_ns)
        venue_app.app.reopen_market(MARKET)
        assert told(port) == [f"35=f|55={MARKET}|326=100", f"35=f|55={MARKET}|326=101"]

    def test_it_is_given_up(self, venue_app: Venue) -> None:
        port = reading(venue_app, request=f"35=e|263=1|55={MARKET}")
        venue_app.send(port, f"35=e|263=2|55={MARKET}")
        venue_app.app.close_market(MARKET, venue_app.clock.now().utc_ns)
        assert told(port) == []


class Watcher(Handler):
    """Keeps what happens, for whoever waits for the next event."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[str] = asyncio.Queue()

    def on_market_data_snapshot_full_refresh(self, book: MarketDataSnapshotFullRefresh, ctx: Context) -> None:
        self._events.put_nowait("snapshot")

    def on_market_data_incremental_refresh(self, update: MarketDataIncrementalRefresh, ctx: Context) -> None:
        self._events.put_nowait("update")

    def on_security_status(self, status: SecurityStatus, ctx: Context) -> None:
        self._events.put_nowait("state")

    def on_disconnect(self, reason: str) -> None:
        self._events.put_nowait("disconnect")

    async def until(self, event: str) -> None:
        async with asyncio.timeout(5):
            while await self._events.get() != event:
                pass


class TestADesk:
    """A gateway and the venue over TLS."""

    watcher: Watcher

    @pytest.fixture
    def gateway_sessions(self) -> dict[str, tuple[str, str]]:
        return {"orders": ("orders-nr", "rsa"), "listener": ("market-data", "listener")}

    @pytest.fixture
    def gateway_handlers(self) -> dict[str, object]:
        self.watcher = Watcher()
        return {"listener": self.watcher}

    async def test_its_books_are_those_of_the_venue(self, venue: Simulator, gateway: Gateway) -> None:
        data = gateway.client(MarketData)
        venue.quote(MARKET, HouseSide.SELL, Decimal("0.60"), Decimal(8))
        data.subscribe(MARKET)
        assert (await data.snapshot(MARKET)).best_offer == Level(Decimal("0.60"), Decimal(8))
        order = await gateway.orders.submit(
            NewOrderSingle(
                symbol=MARKET,
                side=Side.BUY,
                order_qty=Decimal(10),
                price=Decimal("0.60"),
                time_in_force=TimeInForce.GOOD_TILL_CANCEL,
            )
        )
        await order.acknowledged(timeout=5)
        await self.watcher.until("update")
        book = data.book(MARKET)
        assert (book.best_bid, book.best_offer) == (Level(Decimal("0.60"), Decimal(2)), None)
        assert book.last_trade is not None
        assert (book.last_trade.md_entry_size, book.last_trade.aggressor_side) == (Decimal(8), Side.BUY)
        assert book.last_trade.trade_id == next(venue.ledger.trades()).match_id
        assert (data.ignored, data.unreadable, len(data.rejects)) == (0, 0, 0)

    async def test_a_reconnection_brings_books_and_states_back(
        self, venue: Simulator, gateway: Gateway
    ) -> None:
        data = gateway.client(MarketData)
        data.subscribe(MARKET)
        data.watch_status(MARKET)
        await self.watcher.until("snapshot")
        book = data.book(MARKET)
        venue.cut(venue.keys["listener"].key_id)
        await self.watcher.until("disconnect")
        assert book.stale
        venue.quote(MARKET, HouseSide.BUY, Decimal("0.30"), Decimal(4))
        await self.watcher.until("snapshot")
        assert not book.stale
        assert book.best_bid == Level(Decimal("0.30"), Decimal(4))
        venue.close_market(MARKET)
        await self.watcher.until("state")
        assert (book.status, book.best_bid) == (SecurityTradingStatus.TRADING_HALT, None)
        venue.reopen_market(MARKET)
        await self.watcher.until("state")
        assert book.status is SecurityTradingStatus.RESUME


def test_messages_of_the_venue_are_those_of_its_documents() -> None:
    venue = Venue()
    port = reading(venue)
    venue.house(HouseSide.BUY, "5", "0.40")
    [update] = port.sent
    MarketDataIncrementalRefresh.view(message(text_of(update))).check()
    assert isinstance(update, Message)
