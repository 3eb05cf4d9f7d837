"""Books of market data: what is asked, what the books say, and when they say that they may be wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fixgw.errors import EncodeError, LocalError, NotLoggedOn, OutcomeUnknown, Rejected, StoreFull
from fixgw.fix.message import Message
from fixgw.handlers.base import Context, Sendable
from fixgw.messages.order_entry import Side
from fixgw.venues.kalshi import market_data
from fixgw.venues.kalshi.market_book import CACHED_AMOUNTS, Level, MarketBook, Trade
from fixgw.venues.kalshi.market_data import MarketData
from fixgw.venues.kalshi.market_requests import MarketDataRefused
from fixgw.venues.kalshi.messages import (
    MarketDataRequest,
    MDReqRejReason,
    SecurityTradingStatus,
    SubscriptionRequestType,
    TrdType,
)
from fixgw.venues.kalshi.profile import VENUE
from tests.handlers.port import Port

MEANINGS = VENUE.profile.meanings
Pairs = list[tuple[int, str]]
BID, OFFER, TRADE = "0", "1", "2"
NEW, CHANGE, DELETE = "0", "1", "2"
STAMP: Pairs = [(272, "20261009"), (273, "14:30:00.123")]


class FullDisk(Port):
    """A session that has no room for anything new."""

    def send(self, message: Sendable, *, urgent: bool = False) -> int:
        raise StoreFull("the disk is full")


class Desk:
    """A client with its port, and the venue's voice."""

    def __init__(self, *symbols: str, port: Port | None = None) -> None:
        self.port = Port() if port is None else port
        self.data = MarketData(MEANINGS)
        self.data.bind(self.port)
        self.data.subscribe(*symbols)

    def tell(self, *messages: Message) -> None:
        for message in messages:
            self.data.on_message(message, Context(self.port, 1))

    def asked(self) -> list[tuple[str, list[str]]]:
        """Return what was asked since the last call: (SubscriptionRequestType, symbols)."""
        sent = [(m.text(263) or "", [s.decode() for s in m.get_all(55)]) for m in self.port.sent]
        self.port.sent.clear()
        return sent

    def reconnect(self) -> None:
        self.port.up = False
        self.data.on_disconnect()
        self.port.up = True
        self.data.on_logon()

    def book(self, symbol: str = "A") -> MarketBook:
        return self.data.book(symbol)

    async def asking(self, symbol: str, patience: float = 5.0) -> asyncio.Task[MarketBook]:
        task = asyncio.ensure_future(self.data.snapshot(symbol, timeout=patience))
        await asyncio.sleep(0)
        return task


def level(kind: str, px: str, size: str) -> Pairs:
    return [(269, kind), (270, px), (271, size), *STAMP]


def snapshot(symbol: str = "A", *levels: Pairs, count: int | None = None) -> Message:
    number = len(levels) if count is None else count
    return Message("W", [(55, symbol), (268, str(number)), *(pair for one in levels for pair in one)])


def entry(action: str, kind: str, px: str, size: str | None = None, symbol: str = "A", *more: Any) -> Pairs:
    sized = [] if size is None else [(271, size)]
    return [(279, action), (55, symbol), (269, kind), (270, px), *sized, *STAMP, *more]


def update(*entries: Pairs, count: int | None = None) -> Message:
    number = len(entries) if count is None else count
    return Message("X", [(268, str(number)), *(pair for one in entries for pair in one)])


def two_sided(symbol: str = "A") -> Message:
    return snapshot(symbol, level(BID, "0.3500", "10.00"), level(OFFER, "0.6500", "5.00"))


def rejected(reason: str | None = "2", text: str | None = None) -> Message:
    pairs = [(281, reason), (58, text)]
    return Message("Y", [(tag, value) for tag, value in pairs if value is not None])


@pytest.fixture
def desk() -> Desk:
    """A desk whose book of A has had its snapshot."""
    made = Desk("A")
    made.tell(two_sided())
    made.asked()
    return made


class TestTheBook:
    def test_is_stale_until_its_snapshot(self) -> None:
        desk = Desk("A")
        assert desk.book().stale
        desk.tell(two_sided())
        assert not desk.book().stale

    def test_holds_the_levels_of_the_snapshot(self, desk: Desk) -> None:
        book = desk.book()
        assert dict(book.bids) == {Decimal("0.35"): Decimal(10)}
        assert dict(book.offers) == {Decimal("0.65"): Decimal(5)}
        assert (book.best_bid, book.best_offer) == (
            Level(Decimal("0.35"), Decimal(10)),
            Level(Decimal("0.65"), Decimal(5)),
        )

    def test_of_an_unknown_market_is_empty(self) -> None:
        desk = Desk("NO-SUCH")
        desk.tell(snapshot("NO-SUCH"))
        book = desk.book("NO-SUCH")
        assert (book.stale, book.best_bid, book.best_offer, book.depth(5)) == (False, None, None, ([], []))
        assert (book.last_trade, book.status, book.md_entry_time) == (None, None, None)

    def test_a_later_snapshot_takes_the_place_of_everything(self, desk: Desk) -> None:
        desk.tell(snapshot("A", level(BID, "0.40", "1")))
        assert (dict(desk.book().bids), dict(desk.book().offers)) == ({Decimal("0.40"): Decimal(1)}, {})

    @pytest.mark.parametrize("action", [NEW, CHANGE])
    def test_an_update_sets_the_size_of_a_level(self, desk: Desk, action: str) -> None:
        desk.tell(update(entry(action, BID, "0.35", "15.00"), entry(action, OFFER, "0.64", "2")))
        assert desk.book().best_bid == Level(Decimal("0.35"), Decimal(15))
        assert desk.book().best_offer == Level(Decimal("0.64"), Decimal(2))

    @pytest.mark.parametrize("gone", [entry(DELETE, BID, "0.3500"), entry(CHANGE, BID, "0.35", "0.00")])
    def test_a_level_goes_by_deletion_or_with_its_size(self, desk: Desk, gone: Pairs) -> None:
        desk.tell(update(gone))
        assert dict(desk.book().bids) == {}

    def test_a_deletion_of_nothing_changes_nothing(self, desk: Desk) -> None:
        desk.tell(update(entry(DELETE, BID, "0.10", "1")))
        assert (len(desk.book().bids), desk.book().stale) == (1, False)

    def test_depth_is_sorted_from_the_best(self) -> None:
        desk = Desk("A")
        desk.tell(
            snapshot("A", *(level(BID, f"0.{n}", "1") for n in (30, 32, 31)), level(OFFER, "0.60", "1"))
        )
        bids, offers = desk.book().depth(2)
        assert [str(one.md_entry_px) for one in bids] == ["0.32", "0.31"]
        assert offers == [Level(Decimal("0.60"), Decimal(1))]

    def test_entries_of_one_update_go_to_their_own_markets(self) -> None:
        desk = Desk("A", "B")
        desk.tell(two_sided("A"), two_sided("B"))
        desk.tell(update(entry(CHANGE, BID, "0.35", "1", "B"), entry(CHANGE, BID, "0.35", "2", "A")))
        assert [desk.book(one).bids[Decimal("0.35")] for one in "AB"] == [2, 1]

    def test_the_last_trade_and_its_time(self, desk: Desk) -> None:
        desk.tell(
            update(entry(NEW, TRADE, "0.6500", "3.00", "A", (2446, "1"), (1003, "02cfae92"), (828, "1")))
        )
        when = datetime(2026, 10, 9, 14, 30, 0, 123000, UTC)
        assert desk.book().last_trade == Trade(
            Decimal("0.65"), Decimal(3), Side.BUY, TrdType.BLOCK_TRADE, "02cfae92", when
        )
        assert desk.book().md_entry_time == when
        assert dict(desk.book().offers) == {Decimal("0.65"): Decimal(5)}

    def test_a_trade_without_the_optional_fields(self, desk: Desk) -> None:
        desk.tell(update([(279, NEW), (55, "A"), (269, TRADE), (270, "0.5"), (271, "1")]))
        assert desk.book().last_trade == Trade(Decimal("0.5"), Decimal(1), None, None, None, None)

    def test_a_trade_counts_before_the_snapshot_too(self) -> None:
        desk = Desk("A")
        desk.tell(update(entry(NEW, TRADE, "0.50", "1")))
        assert desk.book().last_trade is not None
        assert desk.data.ignored == 0

    def test_a_time_that_is_none_does_not_spoil_the_level(self, desk: Desk) -> None:
        desk.tell(update([*entry(CHANGE, BID, "0.35", "7")[:-1], (273, "noon")]))
        assert (desk.book().best_bid, desk.book().stale) == (Level(Decimal("0.35"), Decimal(7)), False)
        assert desk.book().md_entry_time is None

    def test_a_copy_stays_as_it_is(self, desk: Desk) -> None:
        copy = desk.book().copy()
        desk.tell(update(entry(DELETE, BID, "0.35")))
        assert copy.best_bid == Level(Decimal("0.35"), Decimal(10))

    def test_levels_can_not_be_written(self, desk: Desk) -> None:
        with pytest.raises(TypeError):
            desk.book().bids[Decimal(1)] = Decimal(1)  # type: ignore[index]

    def test_repr_says_what_is_in_it(self, desk: Desk) -> None:
        assert repr(desk.book()) == "<MarketBook A: 1 bids, 1 offers>"
        assert repr(MarketBook("B")) == "<MarketBook B: 0 bids, 0 offers, stale>"

    def test_more_different_sizes_than_are_kept_are_read_all_the_same(self, desk: Desk) -> None:
        book = desk.book()
        for size in range(1, CACHED_AMOUNTS + 10):
            book.apply({b"279": b"1", b"55": b"A", b"269": b"0", b"270": b"0.35", b"271": b"%d" % size})
        assert book.bids[Decimal("0.35")] == CACHED_AMOUNTS + 9


class TestAsking:
    def test_one_request_holds_a_thousand_symbols(self) -> None:
        symbols = [f"M{number}" for number in range(2_001)]
        asked = Desk(*symbols).asked()
        assert [(kind, len(named)) for kind, named in asked] == [("1", 1000), ("1", 1000), ("1", 1)]
        assert [symbol for _, named in asked for symbol in named] == symbols

    def test_what_is_subscribed_to_is_not_asked_for_again(self, desk: Desk) -> None:
        desk.data.subscribe("A", "B", "B")
        desk.data.subscribe("A", "B")
        assert desk.asked() == [("1", ["B"])]

    def test_what_has_had_no_answer_for_long_is(self) -> None:
        desk = Desk("A")
        desk.asked()
        desk.port.clock.advance(market_data.ASK_AGAIN_AFTER)
        desk.data.subscribe("A")
        assert desk.asked() == [("1", ["A"])]

    def test_more_than_the_venue_takes_are_refused_before_anything_leaves(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(market_data, "MOST_SUBSCRIPTIONS", 3)
        desk = Desk("A", "B")
        desk.asked()
        with pytest.raises(LocalError, match="4 subscriptions: a session takes 3; use another one"):
            desk.data.subscribe("A", "C", "D")
        assert (desk.asked(), list(desk.data.books)) == ([], ["A", "B"])
        desk.data.subscribe("A", "C")
        assert desk.asked() == [("1", ["C"])]

    def test_the_limit_is_that_of_the_venue(self) -> None:
        with pytest.raises(LocalError, match="100001 subscriptions"):
            Desk().data.subscribe(*map(str, range(100_001)))

    def test_answers_that_never_come_are_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(market_data, "MOST_EXPECTED", 2)
        desk = Desk("A", "B")
        with pytest.raises(LocalError, match="2 snapshots have not come yet"):
            desk.data.subscribe("C")
        assert list(desk.data.books) == ["A", "B"]

    def test_a_symbol_that_is_none_is_refused_before_anything_leaves(self) -> None:
        desk = Desk()
        with pytest.raises(EncodeError):
            desk.data.subscribe("A", "")
        assert (desk.asked(), len(desk.data.books)) == ([], 0)

    def test_while_the_session_is_down_it_is_remembered(self) -> None:
        desk = Desk(port=Port(up=False))
        desk.data.subscribe("A")
        desk.data.watch_status("B")
        desk.port.up = True
        desk.data.on_logon()
        assert desk.asked() == [("1", ["A"]), ("1", ["B"])]

    def test_unsubscribing_drops_the_books(self) -> None:
        desk = Desk("A", "B", "C")
        desk.asked()
        desk.data.unsubscribe("A", "C", "X", "A")
        assert (desk.asked(), list(desk.data.books)) == ([("2", ["A", "C"])], ["B"])

    def test_unsubscribing_without_symbols_drops_all(self) -> None:
        desk = Desk("A", "B")
        book = desk.book()
        desk.tell(two_sided())
        desk.asked()
        desk.data.unsubscribe()
        assert (desk.asked(), len(desk.data.books), book.stale) == ([("2", [])], 0, True)

    def test_while_the_session_is_down_unsubscribing_is_forgetting(self, desk: Desk) -> None:
        desk.port.up = False
        desk.data.on_disconnect()
        desk.data.unsubscribe("A")
        desk.port.up = True
        desk.data.on_logon()
        assert desk.asked() == []

    def test_an_unknown_book_says_what_to_do(self) -> None:
        with pytest.raises(LocalError, match=r"Z is not subscribed to: call subscribe\('Z'\) first"):
            Desk().book("Z")

    def test_the_answer_to_a_former_subscription_is_not_taken_for_the_present_one(self) -> None:
        desk = Desk("A")
        desk.data.unsubscribe("A")
        desk.data.subscribe("A")
        desk.tell(two_sided())
        assert desk.book().stale  # updates do not follow this one
        desk.tell(two_sided())
        assert not desk.book().stale

    def test_a_session_that_it_belongs_to_is_needed(self) -> None:
        with pytest.raises(NotLoggedOn):
            MarketData(MEANINGS).subscribe("A")


class TestStates:
    @pytest.mark.parametrize("state", list(SecurityTradingStatus))
    def test_a_change_is_kept_with_the_book(self, desk: Desk, state: SecurityTradingStatus) -> None:
        desk.data.watch_status("A")
        desk.tell(Message("f", [(55, "A"), (326, state.value)]))
        assert desk.book().status is state

    def test_it_is_asked_for_and_given_up(self) -> None:
        desk = Desk()
        desk.data.watch_status("A")
        desk.data.unwatch_status("A")
        desk.data.unwatch_status("A")
        assert [message.msg_type for message in desk.port.sent] == ["e", "e"]
        assert desk.asked() == [("1", ["A"]), ("2", ["A"])]
        assert len(desk.data.books) == 0

    def test_a_book_that_is_subscribed_to_outlives_it(self, desk: Desk) -> None:
        desk.data.watch_status("A")
        desk.data.unwatch_status("A")
        desk.data.watch_status("A")
        desk.data.unsubscribe("A")
        assert list(desk.data.books) == ["A"]

    def test_giving_up_while_the_session_is_down_sends_nothing(self) -> None:
        desk = Desk()
        desk.data.watch_status("A")
        desk.asked()
        desk.port.up = False
        desk.data.unwatch_status("A")
        assert (desk.asked(), len(desk.data.books)) == ([], 0)

    def test_a_stranger_s_state_is_not_kept(self, desk: Desk) -> None:
        desk.tell(Message("f", [(55, "Z"), (326, "2")]))
        assert list(desk.data.books) == ["A"]

    def test_after_a_reconnection_it_is_asked_for_again_but_not_for_a_settled_market(self) -> None:
        desk = Desk()
        desk.data.watch_status("A")
        desk.data.watch_status("B")
        desk.tell(Message("f", [(55, "A"), (326, "2")]), Message("f", [(55, "B"), (326, "101")]))
        desk.asked()
        desk.reconnect()
        assert desk.asked() == [("1", ["A"])]
        assert (desk.book("A").status, desk.book("B").status) == (None, SecurityTradingStatus.SETTLED)

    def test_few_refusable_requests_are_remembered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(market_data, "KEPT_STATUS_REQUESTS", 1)
        desk = Desk()
        desk.data.watch_status("A")
        desk.data.watch_status("B")
        desk.data.on_reject(Message("3"), 2)
        desk.data.on_reject(Message("3"), 3)
        assert [refusal.symbols for refusal in desk.data.rejects] == [("B",)]


class TestDoubt:
    def test_books_are_stale_from_the_disconnect_to_the_next_snapshot(self, desk: Desk) -> None:
        desk.port.up = False
        desk.data.on_disconnect()
        assert desk.book().stale
        assert desk.book().best_bid is not None  # what was known last can still be read
        desk.port.up = True
        desk.data.on_logon()
        assert desk.asked() == [("1", ["A"])]
        desk.tell(update(entry(CHANGE, BID, "0.35", "99")))
        assert desk.book().bids[Decimal("0.35")] == 10
        desk.tell(two_sided())
        assert not desk.book().stale

    def test_an_update_before_the_snapshot_is_counted_and_ignored(self) -> None:
        desk = Desk("A")
        desk.tell(update(entry(NEW, BID, "0.35", "1")))
        assert (desk.data.ignored, dict(desk.book().bids)) == (1, {})

    def test_an_update_of_a_stranger_is_counted_and_ignored(self, desk: Desk) -> None:
        desk.tell(update(entry(NEW, BID, "0.35", "1", "Z"), entry(NEW, BID, "0.36", "1")))
        assert (desk.data.ignored, len(desk.book().bids)) == (1, 2)

    def test_an_entry_of_an_unknown_type_is_counted_and_ignored(self, desk: Desk) -> None:
        desk.tell(update(entry(NEW, "B", "1000", "1")))
        assert (desk.data.ignored, desk.book().stale) == (1, False)

    @pytest.mark.parametrize(
        "bad",
        [
            entry(CHANGE, BID, "0.3x", "1"),
            entry(CHANGE, BID, "-0.35", "1"),
            entry(CHANGE, BID, "0.35", "9" * 40),
            entry(CHANGE, BID, "0.35"),
            entry("5", BID, "0.35", "1"),
            entry(NEW, TRADE, "0.35", "many"),
            [(279, CHANGE), (55, "A")],
        ],
        ids=["price", "negative", "too long", "no size", "action", "trade", "nothing"],
    )
    def test_an_entry_that_can_not_be_read_makes_its_book_stale_and_asks_for_it(
        self, desk: Desk, bad: Pairs
    ) -> None:
        desk.data.subscribe("B")
        desk.tell(two_sided("B"))
        desk.asked()
        desk.tell(update(bad, entry(CHANGE, BID, "0.35", "8", "B")))
        assert (desk.book().stale, desk.data.unreadable) == (True, 1)
        assert desk.book().bids[Decimal("0.35")] == 10
        assert desk.book("B").bids[Decimal("0.35")] == 8
        assert desk.asked() == [("0", ["A"])]
        desk.tell(two_sided())
        assert not desk.book().stale

    def test_a_book_is_asked_for_once_until_its_answer(self, desk: Desk) -> None:
        bad = update(entry(CHANGE, BID, "x", "1"))
        desk.tell(bad, bad)
        assert desk.asked() == [("0", ["A"])]

    def test_an_answer_that_does_not_come_is_asked_for_again_when_the_market_moves(self, desk: Desk) -> None:
        desk.tell(update(entry(CHANGE, BID, "x", "1")))
        desk.asked()
        desk.port.clock.advance(market_data.ASK_AGAIN_AFTER)
        move = entry(CHANGE, BID, "0.35", "1")
        desk.tell(update(move, move))
        assert desk.asked() == [("0", ["A"])]

    @pytest.mark.parametrize(
        "bad",
        [
            update(entry(CHANGE, BID, "0.35", "1"), count=2),
            update(entry(CHANGE, BID, "0.35", "1"), count=0),
            Message("X", [(268, "one")]),
            update([(279, CHANGE), (269, BID), (270, "0.35"), (271, "1")]),
        ],
        ids=["fewer", "more", "no count", "no symbol"],
    )
    def test_an_update_that_may_concern_any_book_puts_all_in_doubt(self, bad: Message) -> None:
        desk = Desk("A", "B")
        desk.tell(two_sided("A"), two_sided("B"))
        desk.asked()
        desk.tell(bad)
        assert [book.stale for book in desk.data.books.values()] == [True, True]
        assert desk.asked() == [("0", ["A", "B"])]

    @pytest.mark.parametrize(
        "bad",
        [
            snapshot("A", level(BID, "0.35", "1"), count=2),
            snapshot("A", level(BID, "0.35", "x")),
            snapshot("A", [(269, BID)]),
        ],
        ids=["count", "size", "no price"],
    )
    def test_a_snapshot_that_can_not_be_read_leaves_the_book_stale(self, desk: Desk, bad: Message) -> None:
        desk.tell(bad)
        assert (desk.book().stale, desk.data.unreadable) == (True, 1)
        assert desk.book().bids[Decimal("0.35")] == 10
        assert desk.asked() == []  # the same would come again, without end

    @pytest.mark.parametrize("bad", [Message("W"), Message("f", [(55, "A")])], ids=["W", "f"])
    def test_a_message_without_what_it_needs_is_counted(self, desk: Desk, bad: Message) -> None:
        desk.tell(bad)
        assert (desk.data.unreadable, desk.book().stale) == (1, False)

    def test_lost_messages_put_all_in_doubt(self) -> None:
        desk = Desk("A", "B")
        desk.tell(two_sided("A"))
        desk.asked()
        desk.data.on_gap(5, 7)
        assert desk.book("A").stale
        assert desk.asked() == [("0", ["A"]), ("1", ["B"])]

    async def test_a_snapshot_that_may_be_lost_is_asked_for_again(self) -> None:
        desk = Desk()
        task = await desk.asking("A")
        desk.asked()
        desk.data.on_gap(5, 7)
        assert desk.asked() == [("0", ["A"])]
        desk.tell(two_sided())
        assert (await task).best_bid is not None

    def test_a_full_disk_is_told_among_the_refusals(self) -> None:
        desk = Desk(port=FullDisk(up=False))
        desk.data.subscribe("A")
        desk.data.watch_status("A")
        desk.port.up = True
        desk.data.on_logon()
        assert [(one.symbols, one.text) for one in desk.data.rejects] == [
            (("A",), "not sent: the disk is full")
        ] * 2

    def test_other_messages_are_not_its_business(self, desk: Desk) -> None:
        desk.tell(Message("8", [(37, "V1")]))
        assert (desk.data.unreadable, desk.data.ignored) == (0, 0)


class TestRefusals:
    @pytest.mark.parametrize("reason", list(MDReqRejReason))
    async def test_a_snapshot_that_is_refused_says_why_and_what_to_do(self, reason: MDReqRejReason) -> None:
        desk = Desk()
        task = await desk.asking("A")
        desk.tell(rejected(reason.value, "too many"))
        with pytest.raises(MarketDataRefused) as caught:
            await task
        assert caught.value.md_req_rej_reason is reason
        assert str(caught.value) == f"MDReqRejReason(281) {reason}: {MEANINGS.codes[281][reason]} (too many)"

    @pytest.mark.parametrize(
        ("reason", "text"), [("9", "the venue gave a reason that is not in its table"), (None, "no reason")]
    )
    def test_a_reason_outside_the_table(self, reason: str | None, text: str) -> None:
        desk = Desk("A")
        desk.tell(rejected(reason))
        assert text in desk.data.rejects[0].text

    def test_a_refused_subscription_is_kept_with_its_symbols_and_can_be_tried_again(self) -> None:
        desk = Desk("A", "B")
        desk.asked()
        desk.tell(rejected())
        [refusal] = desk.data.rejects
        assert refusal.symbols == ("A", "B")
        assert refusal.md_req_rej_reason is MDReqRejReason.INSUFFICIENT_BANDWIDTH
        desk.data.subscribe("B")
        assert desk.asked() == [("1", ["B"])]

    def test_the_refused_one_is_the_oldest_of_which_nothing_has_come(self) -> None:
        desk = Desk("A", "B")
        desk.data.subscribe("C")
        desk.data.subscribe("D")
        desk.tell(two_sided("B"), rejected())
        assert [one.symbols for one in desk.data.rejects] == [("C",)]

    def test_a_refusal_of_nothing_that_waits_is_kept_without_symbols(self, desk: Desk) -> None:
        desk.tell(rejected())
        assert [one.symbols for one in desk.data.rejects] == [()]

    @pytest.mark.parametrize("told", [rejected, lambda: Message("j", [(45, "2"), (380, "8"), (58, "slow")])])
    async def test_both_who_wait_are_told(self, told: Callable[[], Message]) -> None:
        desk = Desk()
        tasks = [await desk.asking("A"), await desk.asking("A")]
        assert desk.asked() == [("0", ["A"])]
        desk.tell(told())
        for task in tasks:
            with pytest.raises(Rejected):
                await task

    async def test_what_a_business_reject_means_is_told(self) -> None:
        desk = Desk()
        task = await desk.asking("A")
        desk.tell(Message("j", [(45, "2"), (372, "V"), (380, "8"), (58, "rate limit exceeded")]))
        with pytest.raises(MarketDataRefused, match="rate limit exceeded: the rate limit was") as caught:
            await task
        assert caught.value.meaning == MEANINGS.codes[380]["8"]
        assert desk.data.rejects[-1].meaning == caught.value.meaning

    async def test_a_business_reject_and_a_reject_name_the_request(self) -> None:
        desk = Desk("A")
        desk.data.subscribe("B")
        desk.data.watch_status("C")
        desk.tell(Message("j", [(45, "3"), (372, "V"), (380, "8"), (58, "rate limit exceeded")]))
        desk.data.on_reject(Message("3", [(58, "no such tag")]), 2)
        desk.tell(Message("j", [(45, "4"), (372, "e"), (380, "8")]))
        desk.tell(Message("j", [(45, "99"), (380, "8")]), Message("j", [(380, "8")]))
        assert [(one.symbols, one.text) for one in desk.data.rejects] == [
            (("B",), "rate limit exceeded"),
            (("A",), "no such tag"),
            (("C",), "refused by the venue"),
        ]

    def test_numbers_of_before_a_reset_name_nothing(self) -> None:
        desk = Desk("A")
        desk.data.watch_status("B")
        desk.data.on_reset(2, 0)
        desk.data.on_reject(Message("3"), 2)
        desk.data.on_reject(Message("3"), 3)
        assert len(desk.data.rejects) == 0
        desk.tell(two_sided())
        assert not desk.book().stale


class TestSnapshots:
    async def test_a_market_that_is_not_subscribed_to_leaves_no_book(self) -> None:
        desk = Desk()
        task = await desk.asking("A")
        assert desk.asked() == [("0", ["A"])]
        desk.tell(two_sided())
        book = await task
        assert (book.best_bid, book.stale) == (Level(Decimal("0.35"), Decimal(10)), False)
        assert len(desk.data.books) == 0

    async def test_of_a_subscribed_market_refreshes_its_book(self, desk: Desk) -> None:
        task = await desk.asking("A")
        desk.tell(snapshot("A", level(BID, "0.40", "1")))
        copy = await task
        assert copy is not desk.book()
        assert dict(copy.bids) == dict(desk.book().bids) == {Decimal("0.40"): Decimal(1)}

    async def test_one_that_is_about_to_come_is_shared(self) -> None:
        desk = Desk("A")
        task = await desk.asking("A")
        assert desk.asked() == [("1", ["A"])]
        desk.tell(two_sided())
        assert (await task).best_bid == desk.book().best_bid

    async def test_a_subscription_meanwhile_waits_for_its_own(self) -> None:
        desk = Desk()
        task = await desk.asking("A")
        desk.data.subscribe("A")
        desk.tell(two_sided())
        assert (await task).best_bid is not None
        assert desk.book().stale
        desk.tell(two_sided())
        assert not desk.book().stale

    async def test_no_answer_in_time(self) -> None:
        desk = Desk()
        with pytest.raises(OutcomeUnknown, match=r"no snapshot of A came within 0\.01 s"):
            await desk.data.snapshot("A", timeout=0.01)

    async def test_an_old_subscription_without_an_answer_is_renewed_by_it(self) -> None:
        desk = Desk("A")
        desk.asked()
        desk.port.clock.advance(market_data.ASK_AGAIN_AFTER)
        task = await desk.asking("A")
        assert desk.asked() == [("1", ["A"])]
        desk.tell(two_sided())
        await task
        assert not desk.book().stale

    async def test_the_link_is_lost_first(self) -> None:
        desk = Desk()
        task = await desk.asking("A")
        desk.data.on_disconnect()
        with pytest.raises(OutcomeUnknown, match="the link was lost before the snapshot came"):
            await task

    async def test_one_that_can_not_be_read_is_told(self) -> None:
        desk = Desk()
        task = await desk.asking("A")
        desk.tell(snapshot("A", level(BID, "0.35", "x")))
        with pytest.raises(Rejected, match="the snapshot of A can not be read"):
            await task

    @pytest.mark.parametrize("answer", [two_sided(), rejected()], ids=["W", "Y"])
    async def test_whoever_gave_up_does_not_disturb_the_answer(self, answer: Message) -> None:
        desk = Desk()
        task = await desk.asking("A")
        task.cancel()
        await asyncio.sleep(0)  # it is cancelled, and has not run yet
        desk.tell(answer)
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_while_the_session_is_down_nothing_is_asked(self) -> None:
        with pytest.raises(NotLoggedOn):
            await Desk(port=Port(up=False)).data.snapshot("A")


def test_market_data_sessions_have_the_client_and_others_have_not() -> None:
    offering = [
        name
        for name, kind in VENUE.profile.kinds.items()
        if any(isinstance(client, MarketData) for client in VENUE.clients(kind))
    ]
    assert offering == ["market-data"]


def test_what_is_sent_is_what_the_venue_documents() -> None:
    desk = Desk("KXNBAGAME-26MAY25NYKCLE-NYK")
    request = MarketDataRequest.view(desk.port.sent[0])
    request.check()
    assert request.subscription_request_type is SubscriptionRequestType.SNAPSHOT_AND_UPDATES
    assert desk.port.sent[0].pairs()[1:] == [(263, b"1"), (146, b"1"), (55, b"KXNBAGAME-26MAY25NYKCLE-NYK")]
