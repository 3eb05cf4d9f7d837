"""Compares orders: those that are open here only, and those of which nothing is known here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace

from fixgw.errors import FixError
from fixgw.handlers.order import OrderSnapshot
from fixgw.reconcile.judge import young_from
from fixgw.reconcile.model import (
    Break,
    BreakKind,
    FeedResult,
    Period,
    Proof,
    ReconciliationReport,
    Subject,
)
from fixgw.reconcile.witnesses import LastOrders, NamedOrders, session_of
from fixgw.venues.kalshi.rest import KalshiRest
from fixgw.venues.kalshi.rest_errors import NotFound
from fixgw.venues.kalshi.rest_models import OrderStatus

NAME = "REST orders"
RESTING = "resting"


class OrdersCheck:
    """Finds orders that are open here only, and orders that this gateway never sent.

    Args:
        rest: asks as the account.
        named: the ClOrdIDs on each tape, by session.
        last: the order book at the end of each tape, by session.
    """

    def __init__(
        self, rest: KalshiRest, named: Mapping[str, NamedOrders], last: Mapping[str, LastOrders]
    ) -> None:
        self._rest = rest
        self._named = named
        self._last = last
        self._missed: dict[str, OrderStatus] = {}  # orders of which an execution is missing here
        self._made: dict[str, OrderStatus] = {}  # of the period, by ClOrdID

    async def run(self, report: ReconciliationReport) -> ReconciliationReport:
        """Return the report with what the orders add; executions of foreign orders go with their order."""
        try:
            foreign = await self._foreign(report)
            open_here = await self._open_here_only(report)
        except FixError as error:
            return replace(report, feeds=(*report.feeds, FeedResult(NAME, failure=str(error))))
        strangers = {one.order_id for one in foreign}
        kept = [self._placed(one) for one in report.breaks if one.order_id not in strangers]
        proof = Proof(NAME, report.period, frozenset({Subject.ORDERS}))
        lost = [
            f"{name}: open orders were not compared: no checkpoint"
            for name, o in self._last.items()
            if o.lost
        ]
        return replace(
            report,
            breaks=(*kept, *foreign, *open_here),
            warnings=(*report.warnings, *lost),
            feeds=(*report.feeds, FeedResult(NAME, proofs=(proof,))),
        )

    # -- orders of which nothing is known here --

    async def _foreign(self, report: ReconciliationReport) -> list[Break]:
        """Look at every order made in the period, and at those whose executions are missing here."""
        foreign: dict[str, Break] = {}
        missing = {one.order_id for one in report.breaks if one.kind is BreakKind.MISSING_IN_FIX}
        told_from = max(report.period.begin_ns, _tapes_begin(report))
        made_in = Period(told_from, min(report.period.end_ns, report.judged_until_ns))
        async for order in self._made_in(made_in):
            self._made[order.cl_ord_id] = order
            if order.order_id in missing:
                missing.discard(order.order_id)
                self._missed[order.order_id] = order
            if order.created_utc_ns in made_in and self._session_of(order.cl_ord_id) is None:
                foreign[order.order_id] = _foreign_order(order, report.breaks)
        for order_id in sorted(missing):  # made before the period
            older = await self._order(order_id)
            if older is None:
                continue
            self._missed[order_id] = older
            if self._session_of(older.cl_ord_id) is None:
                foreign[order_id] = _foreign_order(older, report.breaks)
        return list(foreign.values())

    async def _made_in(self, period: Period) -> AsyncIterator[OrderStatus]:
        """Yield the orders of a period: those that the venue puts away meanwhile are in another list."""
        for historical in (False, True):
            if historical and period.begin_ns >= (await self._rest.historical_cutoff()).orders_utc_ns:
                return
            orders = self._rest.orders(
                since_ns=period.begin_ns, until_ns=period.end_ns, historical=historical
            )
            async for order in orders:
                yield order

    def _session_of(self, cl_ord_id: str) -> str | None:
        return session_of(cl_ord_id, self._named, self._last)

    def _placed(self, one: Break) -> Break:
        """Say on which session a missing execution should have come, and for which ClOrdID."""
        order = self._missed.get(one.order_id)
        if one.kind is not BreakKind.MISSING_IN_FIX or order is None or one.theirs is None:
            return one
        session = self._session_of(order.cl_ord_id) or ""
        theirs = replace(one.theirs, session=session, cl_ord_id=one.theirs.cl_ord_id or order.cl_ord_id)
        return replace(one, session=session, theirs=theirs)

    async def _order(self, order_id: str) -> OrderStatus | None:
        try:
            return await self._rest.order(order_id)
        except NotFound:
            return None

    # -- orders that are open here only --

    async def _open_here_only(self, report: ReconciliationReport) -> list[Break]:
        settled = min(report.judged_until_ns, young_from(report.started_ns))
        mine = [
            (name, order)
            for name, last in self._last.items()
            if not last.lost
            for order in last.open_before(settled)
        ]
        if not mine:
            return []
        resting = {order.order_id async for order in self._rest.orders(status=RESTING)}
        explained = {one.order_id for one in report.breaks if one.kind is BreakKind.MISSING_IN_FIX}
        found = []
        for name, order in mine:
            order_id = order.order_id or self._id_of(order)
            if order_id in resting or order_id in explained or not order_id:
                continue
            theirs = await self._order(order_id)
            if theirs is None or (theirs.status != RESTING and (theirs.updated_utc_ns or 0) < settled):
                found.append(_open_here(name, order, order_id, theirs))
        return found

    def _id_of(self, order: OrderSnapshot) -> str:
        """Return the id of an order that was never acknowledged here; empty if it may never have arrived."""
        made = next((self._made[name] for name in order.chain if name in self._made), None)
        return made.order_id if made is not None else ""


def _tapes_begin(report: ReconciliationReport) -> int:
    """Return the instant from which every tape tells what was sent, UTC nanoseconds."""
    return max((proof.period.begin_ns for one in report.feeds if one.ours for proof in one.proofs), default=0)


def _foreign_order(order: OrderStatus, breaks: Iterable[Break]) -> Break:
    fills = sum(one.order_id == order.order_id and one.kind is BreakKind.MISSING_IN_FIX for one in breaks)
    with_fills = f", with {fills} executions" if fills else ""
    return Break(
        BreakKind.FOREIGN_ORDER,
        order.symbol,
        f"the venue has an order to {order.side.name.lower()} {order.initial_qty} at {order.yes_price}, now "
        f"{order.status}{with_fills}, that this gateway never sent",
        order_id=order.order_id,
        utc_ns=order.created_utc_ns,
    )


def _open_here(session: str, order: OrderSnapshot, order_id: str, theirs: OrderStatus | None) -> Break:
    said = "does not know it" if theirs is None else f"says {theirs.status}, {theirs.cum_qty} filled"
    return Break(
        BreakKind.ORDER_OPEN_HERE_ONLY,
        order.symbol,
        f"order {order.cl_ord_id} is open here with {order.cum_qty} filled, and the venue {said}",
        order_id=order_id,
        session=session,
    )
