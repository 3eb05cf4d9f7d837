"""The session's own tables, for each kind: Logon flags, refusals of a Logon, numbers and heartbeats."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from fixgw.engine.settings import RetrySettings
from fixgw.fix.message import Message
from fixgw.handlers.order import OrderState
from fixgw.sim.accounts import AccountSpec, Tier
from fixgw.sim.faults import Direction, Fault, FaultRule
from fixgw.sim.messagelog import LoggedFrame
from fixgw.sim.quirks import Quirks
from fixgw.sim.rates import RateSettings
from fixgw.sim.settlement import Result
from fixgw.sim.venue import Simulator
from fixgw.venues.base import Retry
from fixgw.venues.kalshi.profile import VENUE
from tests.kalshi.covers import Words, covers, rows, rows_by_kind
from tests.kalshi.desk import BUY, MARKET, DeskClock, Joined, Opener, Seat, limit

KINDS = tuple(VENUE.profile.kinds)
NUMBERED = tuple(kind.name for kind in VENUE.profile.kinds.values() if kind.retransmission)
RESETTING = tuple(kind.name for kind in VENUE.profile.kinds.values() if kind.must_reset)
SECOND = RetrySettings(base_seconds=1.0, cap_seconds=1.0, jitter=lambda: 1.0)
DOUBLING = replace(SECOND, cap_seconds=60.0)
NEEDS = {"listener_session": {"skip_pending_exec_reports": True}}
VALUES: Mapping[str, object] = {"message_retention_period": 48}


def admin(joined: Joined, seat: str, msg_type: str, *, outbound: bool = True) -> list[LoggedFrame]:
    """Return the session messages of a type that passed since the last look."""
    return [
        frame for frame in joined.frames(seat, outbound=outbound, admin=True) if frame.msg_type == msg_type
    ]


# -- Logon --


@rows_by_kind([Words("Logon and its answer", "A out, A in")], *KINDS)
async def test_a_logon_is_answered(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        joined.seen = 0
        (asked,) = admin(joined, "desk", "A", outbound=False)
        (answer,) = admin(joined, "desk", "A")
        target = VENUE.profile.kinds[kind].target_comp_id
        joined.assert_fits(asked, f"A|34=1|56={target}|98=0|108=30|141=Y|1137=9|95=88|96|!50")
        joined.assert_fits(answer, f"A|34=1|49={target}|56={joined.key_ids['desk']}|98=0|108=30|141=Y|1137=9")
        assert joined["desk"].active


FLAGS = [
    (option.name, option.tag, kind)
    for option in VENUE._options.values()
    if option.name != "cancel_orders_on_disconnect"  # asked for by a setting of its own, below
    for kind in KINDS
    if kind in option.kinds
]


@pytest.mark.parametrize(
    ("option", "tag", "kind"),
    [
        pytest.param(option, tag, kind, id=f"{kind}: {tag} {option}", marks=covers(f"A {kind} out"))
        for option, tag, kind in FLAGS
    ],
)
async def test_a_logon_flag_is_taken(desk: Opener, option: str, tag: int, kind: str) -> None:
    value = VALUES.get(option, True)
    options = {**NEEDS.get(option, {}), option: value}
    async with desk({"desk": Seat(kind, options=options)}) as joined:
        joined.seen = 0
        (asked,) = admin(joined, "desk", "A", outbound=False)
        joined.assert_fits(asked, f"A|{tag}={'Y' if value is True else value}")
        assert joined["desk"].active


@rows_by_kind([Words("8013 CancelOrdersOnDisconnect", "A out")], "orders-nr", "orders-rt")
async def test_the_flag_that_has_a_setting_of_its_own(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind, more={"cancel_on_disconnect": True})}) as joined:
        joined.seen = 0
        joined.assert_fits(admin(joined, "desk", "A", outbound=False)[0], "A|8013=Y")
        assert joined["desk"].active


@rows_by_kind([Words("141 not Y", "A out, 5 in")], *RESETTING)
async def test_a_logon_that_does_not_reset(desk: Opener, kind: str, row: Words) -> None:
    seat = Seat(kind, wrong={"reset_on_logon": False})
    async with desk({"desk": seat}, wait="none", retry=SECOND) as joined:
        joined.seen = 0
        await joined.settle()
        text = f"ResetSeqNumFlag(141) must be Y on {VENUE.profile.kinds[kind].target_comp_id}"
        assert [frame.get(58) for frame in admin(joined, "desk", "5")] == [text]
        assert text in joined["desk"].why


# -- refusals --


def wrong_key(venue: Simulator, clock: DeskClock) -> None:
    """The venue has the public half of another key."""
    ours, other = (venue.keys[name] for name in ("alpha-desk", "alpha-other"))
    key = venue.registry.get(other.key_id)
    assert key is not None
    venue.registry._keys[ours.key_id] = key


def fast_clock(venue: Simulator, clock: DeskClock) -> None:
    clock.ahead = 31.0


A_SEAT = Seat("orders-nr")


@dataclass(frozen=True)
class Refused:
    """A Logon that the venue refuses.

    Args:
        what: the reason, in words.
        text: Text(58) of its Logout, or of its Reject.
        action: what the desk does about it.
        seat: what logs on.
        prepare: what is wrong beside that.
        answer: MsgType of the refusal.
        spoken: the messages that are driven.
    """

    what: str
    text: str
    action: Retry = Retry.RETRY
    seat: Seat = A_SEAT
    prepare: Callable[[Simulator, DeskClock], None] | None = None
    answer: str = "5"

    @property
    def spoken(self) -> str:
        """The Logon and its refusal."""
        return f"A {self.seat.kind} out, {self.answer} {self.seat.kind} in"


def with_fields(kind: str, *pairs: tuple[int, str]) -> Seat:
    return Seat(kind, wrong={"logon_fields": pairs})


REFUSED = (
    Refused("port of another kind", "Invalid TargetCompID", Retry.FATAL, Seat("orders-rt", dial="KalshiDC")),
    Refused("signed with another key", "Invalid signature", prepare=wrong_key),
    Refused("nobody's key", "Unknown API key", seat=Seat("orders-nr", wrong={"sender_comp_id": "nobody"})),
    Refused(
        "SenderSubID", "SenderSubID(50) is not allowed on Logon", seat=with_fields("orders-nr", (50, "X"))
    ),
    Refused(
        "heartbeats too often",
        "HeartBtInt(108) must be greater than 3",
        seat=Seat("orders-nr", wrong={"heart_bt_int": 3}),
    ),
    Refused(
        "another version",
        "DefaultApplVerID(1137) must be 9",
        seat=Seat("orders-nr", wrong={"default_appl_ver_id": "7"}),
    ),
    Refused(
        "listener with pending reports",
        "ListenerSession(20126) requires SkipPendingExecReports(21011)=Y",
        seat=with_fields("orders-nr", (20126, "Y")),
    ),
    Refused(
        "listener that cancels",
        "CancelOrdersOnDisconnect(8013) conflicts with ListenerSession(20126)",
        seat=with_fields("orders-rt", (8013, "Y"), (20126, "Y"), (21011, "Y")),
    ),
    Refused(
        "listener where there are no orders",
        "ListenerSession(20126) is not allowed on this session",
        seat=with_fields("drop-copy", (20126, "Y"), (21011, "Y")),
    ),
    Refused(
        "cancel on disconnect where there are no orders",
        "CancelOrdersOnDisconnect(8013) is not allowed on this session",
        seat=with_fields("rfq", (8013, "Y")),
    ),
    Refused(
        "retention where nothing is retained",
        "MessageRetentionPeriod(20200) is not allowed on this session",
        seat=with_fields("market-data", (20200, "24")),
    ),
    Refused(
        "retention of more than 72 hours",
        "MessageRetentionPeriod(20200) must be 1 to 72",
        seat=with_fields("post-trade", (20200, "73")),
    ),
    Refused(
        "clock is wrong",
        "SendingTime accuracy problem",
        prepare=fast_clock,
        answer="3",
    ),
)


@rows(REFUSED)
async def test_a_logon_that_is_refused(desk: Opener, row: Refused) -> None:
    other = Seat("drop-copy")  # whose Logon is good
    async with desk(
        {"desk": row.seat, "other": other}, wait="none", retry=SECOND, prepare=row.prepare
    ) as joined:
        joined.seen = 0
        await joined.settle()
        sender = row.seat.wrong.get("sender_comp_id", joined.key_ids["desk"])
        refusals = [
            frame for frame in joined.venue.log.of(sender, outbound=True) if frame.msg_type == row.answer
        ]
        assert len(refusals) == 1
        assert refusals[0].get(58) == row.text
        handle = joined["desk"]
        assert not handle.active
        assert row.text in handle.why
        decision = handle.supervisor.last_decision
        assert decision is not None
        gave_up = handle.supervisor.gave_up.is_set()
        assert gave_up is (row.action is Retry.FATAL)


@rows_by_kind([Words("already exists", "A out, 5 in")], *KINDS)
async def test_a_second_connection_of_a_key(desk: Opener, kind: str, row: Words) -> None:
    seats = {"desk": Seat(kind), "second": Seat(kind, key_of="desk")}
    async with desk(seats, wait="none", retry=SECOND) as joined:
        joined.seen = 0
        await joined.settle()
        assert [frame.get(58) for frame in admin(joined, "desk", "5")] == ["already exists"]
        assert "another connection with this API key is live" in joined["second"].why
        assert joined["desk"].active  # the first one goes on
        await joined.gateway.logout("desk")
        await asyncio.sleep(59)
        assert not joined["second"].active  # a dead connection lives on at the venue for a minute
        await asyncio.sleep(2)
        assert joined["second"].active


@rows_by_kind(
    [Words("already exists, until the venue notices that a connection is dead", "A out, 5 in")], *KINDS
)
async def test_a_connection_whose_desk_is_dead(desk: Opener, kind: str, row: Words) -> None:
    seats = {"desk": Seat(kind), "second": Seat(kind, key_of="desk")}
    async with desk(seats, wait="none", retry=SECOND) as joined:
        joined.venue.inject(FaultRule(Fault.SILENCE, Direction.TO_VENUE, msg_type="0", times=1))
        joined.seen = 0
        await asyncio.sleep(62)  # the second attempt
        assert [frame.get(58) for frame in admin(joined, "desk", "5")].count("already exists") == 2
        assert {logon.connection for logon in admin(joined, "desk", "A")} == {1}
        await asyncio.sleep(15)  # the venue has asked and heard nothing: the key is free
        assert {logon.connection for logon in admin(joined, "desk", "A")} == {1, 2}


# -- Logout --


@rows_by_kind([Words("the desk logs out", "5 out, 5 in")], *KINDS)
async def test_the_desk_logs_out(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        await joined.gateway.logout("desk")
        ways = [
            (frame.outbound, frame.msg_type) for frame in joined.frames("desk", outbound=None, admin=True)
        ]
        assert ways == [(False, "5"), (True, "5")]
        assert not joined["desk"].active


@rows_by_kind([Words("the venue logs out", "5 in, 5 out")], *KINDS)
async def test_the_venue_logs_out(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}, retry=SECOND) as joined:
        (link,) = joined.venue.links.values()
        link.logout("the venue closes")
        await joined.settle()
        frames = joined.frames("desk", outbound=None, admin=True)
        assert [(frame.outbound, frame.msg_type, frame.get(58)) for frame in frames] == [
            (True, "5", "the venue closes"),
            (False, "5", None),
        ]
        assert "the venue closes" in joined["desk"].why
        await asyncio.sleep(2)
        assert joined["desk"].active  # it logs on again


# -- heartbeats --


@rows_by_kind([Words("heartbeats of an idle session", "0 out, 0 in")], *KINDS)
async def test_an_idle_session_beats(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind, more={"heartbeat": 10})}) as joined:
        await asyncio.sleep(35)
        assert len(admin(joined, "desk", "0")) == 3
        assert len(admin(joined, "desk", "0", outbound=False)) == 3
        assert joined["desk"].active


@rows_by_kind([Words("the desk hears nothing and asks", "1 out, 0 in")], *KINDS)
async def test_the_desk_tests_a_silent_venue(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind, more={"heartbeat": 10})}) as joined:
        joined.venue.inject(FaultRule(Fault.DROP, Direction.TO_CLIENT, msg_type="0", times=1))
        await asyncio.sleep(20)
        (asked,) = admin(joined, "desk", "1", outbound=False)
        answers = [frame.get(112) for frame in admin(joined, "desk", "0") if frame.get(112)]
        assert answers == [asked.get(112)]
        await asyncio.sleep(20)
        if VENUE.profile.kinds[kind].retransmission:
            assert joined["desk"].active


@rows_by_kind([Words("the venue hears nothing and asks", "1 in, 0 out")], *KINDS)
async def test_the_venue_tests_a_silent_desk(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind, more={"heartbeat": 10})}) as joined:
        joined.venue.inject(FaultRule(Fault.DROP, Direction.TO_VENUE, msg_type="0", times=1))
        await asyncio.sleep(20)
        (asked,) = admin(joined, "desk", "1")
        answers = [frame.get(112) for frame in admin(joined, "desk", "0", outbound=False) if frame.get(112)]
        assert answers == [asked.get(112)]


@rows_by_kind([Words("no answer ends the connection", "1 out, A out")], *KINDS)
async def test_a_venue_that_stays_silent_is_left(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind, more={"heartbeat": 10})}, retry=SECOND) as joined:
        joined.venue.inject(FaultRule(Fault.SILENCE, Direction.TO_CLIENT, msg_type="0", times=1))
        await asyncio.sleep(40)
        assert len(admin(joined, "desk", "1", outbound=False)) == 1
        assert len(admin(joined, "desk", "A", outbound=False)) == 1
        assert joined["desk"].active


# -- numbers --


@rows_by_kind([Words("a number that is too low", "A out, 5 in")], *NUMBERED)
async def test_a_number_too_low(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}, retry=SECOND) as joined:
        await asyncio.sleep(65)  # two heartbeats
        await joined.gateway.logout("desk")
        await joined.gateway.set_numbers("desk", None, 1, "a test")
        joined.look()
        await joined.gateway.logon("desk")
        await joined.settle()
        (refusal,) = admin(joined, "desk", "5")
        assert "MsgSeqNum too low" in (refusal.get(58) or "")
        assert not joined["desk"].active
        assert joined["desk"].supervisor.gave_up.is_set()  # a person has to decide


@rows_by_kind([Words("the venue asks for what it lacks", "2 in, 4 out")], *NUMBERED)
async def test_a_number_too_high(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}, retry=SECOND) as joined:
        await joined.gateway.logout("desk")
        ahead = joined["desk"].link.session.next_out + 5
        await joined.gateway.set_numbers("desk", None, ahead, "a test")
        joined.look()
        await joined.gateway.logon("desk")
        await joined["desk"].logged_on()
        await joined.settle()
        (asked,) = admin(joined, "desk", "2")
        joined.assert_fits(asked, f"2|7={ahead - 5}|16=0")
        (filled,) = admin(joined, "desk", "4", outbound=False)
        joined.assert_fits(filled, f"4|43=Y|34={ahead - 5}|123=Y|36={ahead + 1}")


@covers("2 orders-rt out", "8 orders-rt", "4 orders-rt in")
async def test_the_desk_asks_for_what_it_missed(desk: Opener) -> None:
    async with desk({"desk": Seat("orders-rt")}, retry=SECOND) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60"))
        await joined.gateway.logout("desk")
        joined.venue.fill(order.cl_ord_id, order.order_qty)
        await asyncio.sleep(3600)
        joined.look()
        await joined.gateway.logon("desk")
        assert await order.closed(timeout=5) is OrderState.FILLED
        (asked,) = admin(joined, "desk", "2", outbound=False)
        missed = int(asked.get(7) or 0)
        await joined.heard("desk", f"8|34={missed}|43=Y|122=20261009-14:30:00.000|150=F|39=2")
        # the Logon itself is no message to be sent again
        (filled,) = admin(joined, "desk", "4")
        joined.assert_fits(filled, f"4|34={missed + 1}|123=Y|43=Y")


@rows_by_kind([Words("373=11 nothing is sent again on such a session", "3 in")], *RESETTING)
async def test_a_resend_request_where_nothing_is_sent_again(desk: Opener, kind: str, row: Words) -> None:
    seat = Seat(kind, more={"heartbeat": 10}, wrong={"retransmission": True})  # so it asks for what it missed
    async with desk({"desk": seat}) as joined:
        joined.venue.inject(FaultRule(Fault.DROP, msg_type="0", times=1))
        await asyncio.sleep(21)
        (asked,) = admin(joined, "desk", "2", outbound=False)
        (reject,) = admin(joined, "desk", "3")
        joined.assert_fits(reject, f"3|45={asked.msg_seq_num}|372=2|373=11|58")
        assert joined["desk"].active


@rows_by_kind([Words("numbers begin anew after a lost connection", "A out")], *RESETTING)
async def test_numbers_begin_anew_with_each_connection(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        joined.venue.cut(joined.key_ids["desk"])
        await joined["desk"].logged_on()
        logons = admin(joined, "desk", "A", outbound=False)
        assert [(logon.msg_seq_num, logon.get(141)) for logon in logons] == [(1, "Y")]
        assert admin(joined, "desk", "2", outbound=False) == []


@covers("2 orders-rt out", "3 orders-rt in", "8 orders-rt")
async def test_what_is_no_longer_retained_is_lost_and_the_rest_comes(desk: Opener) -> None:
    calm = {"heartbeat": 3600}
    seats = {"desk": Seat("orders-rt", options={"message_retention_period": 2}, more=calm)}
    async with desk(seats, retry=SECOND) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60"))
        await joined.gateway.logout("desk")
        for qty in (1, 2, 3):  # told after no, one and two hours: the first is too old in the end
            joined.venue.fill(order.cl_ord_id, Decimal(qty))
            await asyncio.sleep(3600)
        joined.look()
        await joined.gateway.logon("desk")
        await joined["desk"].logged_on()
        await joined.settle()
        first, second = admin(joined, "desk", "2", outbound=False)
        (reject,) = admin(joined, "desk", "3")
        joined.assert_fits(reject, f"3|45={first.msg_seq_num}|371=7|372=2|373=5")
        assert "older than the 2 hours" in (reject.get(58) or "")
        missing = int(first.get(7) or 0)
        joined.assert_fits(second, f"2|7={missing + 1}|16=0")
        await joined.heard("desk", f"8|34={missing + 1}|43=Y|14=3.00", f"8|34={missing + 2}|43=Y|14=6.00")
        assert joined["desk"].active
        assert order.cum_qty == 6  # each report tells the whole
        assert joined["desk"].link.session.tally.gaps == 2


@covers("2 post-trade out", "3 post-trade in")
async def test_a_session_goes_on_when_nothing_of_what_it_missed_is_retained(desk: Opener) -> None:
    calm = {"heartbeat": 3600}
    seats = {
        "desk": Seat("orders-nr", more=calm),
        "settled": Seat("post-trade", options={"message_retention_period": 1}, more=calm),
    }
    async with desk(seats, retry=SECOND) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60"))
        joined.venue.fill(order.cl_ord_id, Decimal(10))
        await joined.gateway.logout("settled")
        joined.venue.settle_market(MARKET, Result.YES)
        await asyncio.sleep(2 * 3600)
        joined.look()
        await joined.gateway.logon("settled")
        await joined["settled"].logged_on()
        await asyncio.sleep(60)
        assert [frame.get(371) for frame in admin(joined, "settled", "3")] == ["7"]
        assert len(admin(joined, "settled", "A")) == 1  # the connection lasts
        await joined.gateway.reconnect("settled")
        await joined.settle()
        assert len(admin(joined, "settled", "2", outbound=False)) == 1  # it was asked for once, for good


@dataclass(frozen=True)
class Barred:
    """An account, or a key, that may not log on.

    Args:
        what: why.
        kind: the kind of session.
        text: Text(58) of the Logout.
        settings: of the venue.
        action: what the desk does about it.
    """

    what: str
    kind: str
    text: str
    settings: Mapping[str, Any]
    action: Retry

    @property
    def spoken(self) -> str:
        """The Logon and its refusal."""
        return f"A {self.kind} out, 5 {self.kind} in"


BASIC = {"accounts": (AccountSpec("alpha", tier=Tier.EXPERT),)}
CLOSED = {"accounts": (AccountSpec("alpha", retransmission=False),)}
TIER = "API usage level is not allowed for FIX"
BARRED = (
    *(Barred(f"tier below Premier, {kind}", kind, TIER, BASIC, Retry.FATAL) for kind in KINDS),
    Barred(
        "KalshiRT is not enabled",
        "orders-rt",
        "KalshiRT is not enabled for this account",
        CLOSED,
        Retry.RETRY,
    ),
    Barred(
        "KalshiPT is not enabled",
        "post-trade",
        "KalshiPT is not enabled for this account",
        CLOSED,
        Retry.RETRY,
    ),
)


@rows(BARRED)
async def test_who_may_not_log_on(desk: Opener, row: Barred) -> None:
    async with desk({"desk": Seat(row.kind)}, wait="none", retry=SECOND, **row.settings) as joined:
        joined.seen = 0
        await joined.settle()
        assert [frame.get(58) for frame in admin(joined, "desk", "5")] == [row.text]
        assert row.text in joined["desk"].why or row.action is Retry.FATAL
        assert joined["desk"].supervisor.gave_up.is_set() is (row.action is Retry.FATAL)


BUSY = "FIX logon service busy; retry with backoff"


@rows_by_kind([Words("logon service busy", "A out, A in, 5 in")], *KINDS)
async def test_a_busy_logon_service(desk: Opener, kind: str, row: Words) -> None:
    def busy(venue: Simulator, clock: DeskClock) -> None:
        venue.refuse_logons(20)

    async with desk({"desk": Seat(kind)}, wait="none", retry=DOUBLING, prepare=busy) as joined:
        joined.seen = 0
        await asyncio.sleep(1800)
        assert [frame.get(58) for frame in admin(joined, "desk", "5")] == [BUSY] * 20
        assert joined["desk"].active  # however long it takes


@rows_by_kind([Words("rate limit exceeded at Logon", "A out, 5 in")], *KINDS)
async def test_too_many_logons(desk: Opener, kind: str, row: Words) -> None:
    rates = RateSettings(logons_per_minute=1)
    async with desk({"desk": Seat(kind)}, retry=DOUBLING, rates=rates) as joined:
        joined.venue.cut(joined.key_ids["desk"])
        await joined.settle()
        await asyncio.sleep(1.5)
        texts = [frame.get(58) for frame in admin(joined, "desk", "5")]
        assert texts
        assert set(texts) == {"rate limit exceeded"}
        await asyncio.sleep(90)
        assert joined["desk"].active


@rows_by_kind([Words("373=11 a message of another kind of session", "3 in")], *KINDS)
async def test_a_venue_that_answers_with_a_reject(desk: Opener, kind: str, row: Words) -> None:
    quirks = Quirks(wrong_session_by_reject=True)
    async with desk({"desk": Seat(kind, guarded=False)}, quirks=quirks) as joined:
        number = joined["desk"].send(Message("AE", [(11, "c1")]))
        await joined.settle()
        (reject,) = admin(joined, "desk", "3")
        joined.assert_fits(reject, f"3|45={number}|372=AE|373=11")
        assert joined["desk"].active
