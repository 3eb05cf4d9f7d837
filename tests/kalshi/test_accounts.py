"""Accounts and shards: listeners, restricted keys, subaccounts, exchange indices and limits on rates."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from fixgw.errors import Rejected
from fixgw.handlers.order import Order, OrderState
from fixgw.messages.order_entry import TimeInForce
from fixgw.sim.accounts import AccountSpec, Tier
from fixgw.sim.failures import Failure
from fixgw.sim.pki import ClientSpec
from fixgw.sim.rates import RateSettings
from fixgw.venues.kalshi.dropcopy import DropCopy, ResendRefused
from fixgw.venues.kalshi.groups import OrderGroups
from fixgw.venues.kalshi.listener import Listener
from fixgw.venues.kalshi.messages import EventResendRejectReason
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from tests.kalshi.covers import Words, covers, rows, rows_by_kind
from tests.kalshi.desk import BUY, MARKET, SELL, SHARD, Joined, Opener, Seat, limit

BOTH = ("orders-nr", "orders-rt")
LISTENER = {"listener_session": True}


# -- listener sessions --


@rows_by_kind([Words("a listener hears what every session of the account does", "8")], *BOTH)
async def test_a_listener(desk: Opener, kind: str, row: Words) -> None:
    seats = {
        "nr": Seat("orders-nr"),
        "rt": Seat("orders-rt"),
        "ears": Seat(kind, options=LISTENER),
        "stranger": Seat(kind, "beta", LISTENER),
    }
    async with desk(seats) as joined:
        first = await joined.submit("nr", limit(BUY, 10, "0.60"))
        second = await joined.submit("rt", limit(BUY, 10, "0.59"))
        joined.venue.fill(first.cl_ord_id, Decimal(4))
        await joined["rt"].orders.replace(second, price=Decimal("0.58"))
        await joined["nr"].orders.cancel(first)
        await joined.heard(
            "ears",
            f"8|150=0|11={first.cl_ord_id}",
            f"8|150=0|11={second.cl_ord_id}",
            f"8|150=F|11={first.cl_ord_id}|32=4.00",
            f"8|150=5|41={second.cl_ord_id}",
            f"8|150=4|41={first.cl_ord_id}",
        )
        await joined.heard("stranger")
        heard = joined["ears"].client(Listener)
        assert [order.cl_ord_id for order in heard.orders.open] == [second.cl_ord_id]
        assert len(heard) == 5


# -- restricted keys --


@dataclass(frozen=True)
class Restricted(Seat):
    """A seat whose key is for one subaccount."""

    def spec(self, name: str) -> ClientSpec:
        """Return what its key is made from."""
        made = super().spec(name)
        return ClientSpec(made.name, made.algorithm, made.account, subaccount=7)


@dataclass(frozen=True)
class Barred:
    """A kind of session that a restricted key may not use."""

    kind: str
    options: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """The row."""
        return f"restricted key, {self.kind} {' '.join(self.options)}".strip()

    @property
    def spoken(self) -> str:
        """The Logon and its refusal."""
        return f"A {self.kind} out, 5 {self.kind} in"


@rows(
    [
        Barred("orders-rt"),
        Barred("drop-copy"),
        Barred("post-trade"),
        Barred("orders-nr", ("listener_session",)),
    ]
)
async def test_where_a_restricted_key_may_not_log_on(desk: Opener, row: Barred) -> None:
    seat = Restricted(row.kind, options=dict.fromkeys(row.options, True))
    async with desk({"desk": seat}, wait="none") as joined:
        joined.seen = 0
        await joined.settle()
        refusals = [frame for frame in joined.frames("desk", admin=True) if frame.msg_type == "5"]
        assert refusals[0].get(58) == "restricted API keys may not use this session"
        assert not joined["desk"].active


@covers("D orders-nr", "8 orders-nr")
@pytest.mark.parametrize("named", [None, "7"], ids=["left out", "named"])
async def test_a_restricted_key_works_on_its_subaccount(desk: Opener, named: str | None) -> None:
    async with desk({"desk": Restricted("orders-nr")}) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60", alloc_account=named))
        assert order.state is OrderState.NEW
        (open_order,) = joined.venue.engine.open_orders()
        assert open_order.terms.owner.subaccount == 7


@covers("D orders-nr", "8 orders-nr")
async def test_a_restricted_key_does_not_work_on_another_subaccount(desk: Opener) -> None:
    async with desk({"desk": Restricted("orders-nr")}) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60", alloc_account="3"))
        await joined.heard("desk", "8|150=8|103=15|58")
        with pytest.raises(Rejected) as caught:
            await order.acknowledged()
        assert caught.value.meaning


# -- subaccounts --


@rows_by_kind([Words("subaccounts of an account are strangers in the book", "D, 8")], *BOTH)
async def test_two_subaccounts_trade(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        resting = await joined.submit("desk", limit(SELL, 10, "0.60", alloc_account="1"))
        joined.look()
        taker = await joined.submit("desk", limit(BUY, 10, "0.60", alloc_account="2"))
        frames = await joined.heard("desk", "8|150=F|39=2", "8|150=F|39=2")
        told = {frame.get(11): (frame.get(79), frame.get(704), frame.get(705)) for frame in frames}
        assert told == {
            taker.cl_ord_id: ("2", "10.00", None),
            resting.cl_ord_id: ("1", None, "10.00"),
        }


# -- exchange indices --


async def lives_and_trades(joined: Joined, symbol: str, **fields: Any) -> Order:
    order = await joined.submit("desk", limit(BUY, 10, "0.60", symbol=symbol, **fields))
    joined.venue.fill(order.cl_ord_id, Decimal(10))
    await joined.settle()
    return order


@rows_by_kind([Words("reports name the exchange index", "D, 8")], *BOTH)
async def test_a_market_of_another_shard(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        order = await lives_and_trades(joined, SHARD)
        ids = [frame.get(17) or "" for frame in await joined.heard("desk", "8|150=0|30=1", "8|150=F|30=1")]
        assert [exec_id.split(";")[2:] for exec_id in ids] == [["1"], ["1"]]
        assert order.state is OrderState.FILLED
        joined.look()
        await lives_and_trades(joined, MARKET)
        ids = [frame.get(17) or "" for frame in await joined.heard("desk", "8|150=0|30=0", "8|150=F|30=0")]
        assert [exec_id.count(";") for exec_id in ids] == [1, 1]


@rows_by_kind([Words("100 routes by hand", "D, 8")], *BOTH)
@pytest.mark.parametrize(("index", "taken"), [("1", True), ("-1", True), ("0", False)])
async def test_a_route_by_hand(desk: Opener, kind: str, row: Words, index: str, taken: bool) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        order = await joined.submit("desk", limit(BUY, 10, "0.60", symbol=SHARD, ex_destination=index))
        await joined.told("desk", f"D|100={index}")
        await joined.heard("desk", "8|150=0|30=1" if taken else "8|150=8|58=MARKET_NOT_FOUND|103=1")
        assert order.open is taken


@rows_by_kind([Words("a query is for one exchange index", "U1, 8, U2")], "drop-copy", "orders-nr")
async def test_a_query_of_another_shard(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat("orders-rt"), "copy": Seat(kind)}) as joined:
        await lives_and_trades(joined, MARKET)
        order = await lives_and_trades(joined, SHARD)
        first = order.reports[0].text(17) or ""
        resent = await joined["copy"].client(DropCopy).query(first)
        assert [report.order_id for report in resent.reports] == [order.order_id] * 2
        await joined.heard("copy", f"8|17={first}|30=1", "8|150=F|30=1", "U2|21003=2")


@covers("R orders-rt", "b orders-rt")
async def test_a_request_names_its_exchange_index(desk: Opener) -> None:
    async with desk({"desk": Seat("orders-rt")}) as joined:
        await joined.gateway.client(RfqCreator).request(SHARD, order_qty=Decimal(1))
        await joined.heard("desk", "b|100=1")


@rows_by_kind([Words("a group does not span exchange indices", "UOG, UOH, D, 8")], *BOTH)
async def test_a_group_of_another_shard(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        group = await joined.gateway.client(OrderGroups).create(5)
        joined.look()
        order = await joined.submit(
            "desk", limit(BUY, 1, "0.60", symbol=SHARD, secondary_cl_ord_id=group.order_group_id)
        )
        await joined.heard("desk", "8|150=8|103=11|58=ORDER_GROUP_NOT_FOUND")
        assert order.state is OrderState.REJECTED


# -- limits on rates --

ONE_ORDER: dict[str, Any] = {
    "accounts": (AccountSpec("alpha", tier=Tier.PREMIER),),
    "rates": RateSettings(costs={"D": 3600, "U1": 1200}),
}


@rows_by_kind([Words("380=8 rate limit exceeded", "D, 8, j")], *BOTH)
async def test_more_than_the_bucket_holds(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}, **ONE_ORDER) as joined:
        taken = await joined.submit("desk", limit(BUY, 1, "0.60"))
        refused = await joined.submit("desk", limit(BUY, 2, "0.60"))
        number, cl_ord_id = refused.request.msg_seq_num, refused.cl_ord_id
        await joined.heard(
            "desk", "8|150=0", f"j|45={number}|372=D|379={cl_ord_id}|380=8|58=rate limit exceeded"
        )
        assert (taken.state, refused.state) == (OrderState.NEW, OrderState.REJECTED)
        with pytest.raises(Rejected, match="rate limit exceeded") as caught:
            await refused.acknowledged()
        assert "send less" in caught.value.meaning


@rows_by_kind([Words("buckets are shared by the sessions of an account", "D, j")], *BOTH)
async def test_one_bucket_for_two_sessions(desk: Opener, kind: str, row: Words) -> None:
    seats = {"first": Seat("orders-nr"), "second": Seat(kind), "stranger": Seat(kind, "beta")}
    async with desk(seats, **ONE_ORDER) as joined:
        await joined.submit("first", limit(BUY, 1, "0.60"))
        await joined.submit("second", limit(BUY, 1, "0.60"))
        await joined.heard("second", "j|372=D|380=8")
        await joined.submit("stranger", limit(BUY, 1, "0.60"))
        await joined.heard("stranger", "8|150=0")


@dataclass(frozen=True)
class NoCopy:
    """A query that the venue refuses.

    Args:
        what: the reason, with its code.
        reason: EventResendRejectReason(21004).
        settings: of the venue.
        spoken: the messages that are driven.
    """

    what: str
    reason: EventResendRejectReason
    settings: dict[str, Any]
    spoken: str = "U1, U3"


NO_COPY = (
    NoCopy("21004=1 too many queries", EventResendRejectReason.TOO_MANY_RESEND_REQUESTS, ONE_ORDER),
    NoCopy("21004=2 the venue failed", EventResendRejectReason.SERVER_ERROR, {}),
    NoCopy(
        "21004=5 not on the allow-list",
        EventResendRejectReason.NOT_ENABLED,
        {"accounts": (AccountSpec("alpha", drop_copy=False),)},
    ),
)


@rows_by_kind(NO_COPY, "drop-copy", "orders-nr")
async def test_why_a_query_is_refused(desk: Opener, kind: str, row: NoCopy) -> None:
    seats = {"desk": Seat("orders-rt"), "copy": Seat(kind)}
    async with desk(seats, **row.settings) as joined:
        order = await joined.submit("desk", limit(BUY, 1, "0.60"))
        first = order.reports[0].text(17) or ""
        client = joined["copy"].client(DropCopy)
        if row.reason is EventResendRejectReason.TOO_MANY_RESEND_REQUESTS:
            await client.query(first)
        if row.reason is EventResendRejectReason.SERVER_ERROR:
            joined.venue.fail_next(Failure.INTERNAL_ERROR, msg_type="U1")
        joined.look()
        with pytest.raises(ResendRefused) as caught:
            await client.query(first)
        assert (caught.value.reason, bool(caught.value.meaning)) == (row.reason, True)
        await joined.heard("copy", f"U3|45|21004={row.reason.value}")


@rows_by_kind([Words("cost of more than MaxExecutionCost", "D, 8")], *BOTH)
async def test_an_order_that_would_cost_too_much(desk: Opener, kind: str, row: Words) -> None:
    async with desk({"desk": Seat(kind)}) as joined:
        joined.rest(SELL, 10, "0.60")
        life = TimeInForce.IMMEDIATE_OR_CANCEL
        order = await joined.submit("desk", limit(BUY, 10, "0.60", life, max_execution_cost=Decimal(5)))
        await joined.heard("desk", "8|150=4|39=4|14=0.00|58")
        assert (order.state, order.cum_qty) == (OrderState.CANCELED, Decimal(0))
