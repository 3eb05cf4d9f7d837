"""Compares orders: those that are open here only, and those of which nothing is known here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from fixgw.errors import FixError
from fixgw.handlers.order import OrderSnapshot
from fixgw.reconcile.model import (
    Break,
    BreakKind,
    FeedResult,
    Period,
    Proof,
    ReconciliationReport,
    Subject,
)
from fixgw.reconcile.witnesses import LastOrders, NamedOrders
from fixgw.venues.kalshi.rest import KalshiRest
from fixgw.venues.kalshi.rest_errors import NotFound
from fixgw.venues.kalshi.rest_models import OrderStatus

NAME = "REST orders"
RESTING = "resting"


class OrdersCheck:
    """Finds orders that are open here only, and orders that this gateway never sent.

    Args:
        rest: asks as the account.
        named: the ClOrdIDs on every tape.
        last: the order book at the end of each tape, by session.
    """

    def __init__(self, rest: KalshiRest, named: Sequence[NamedOrders], last: dict[str, LastOrders]) -> None:
        self._rest = rest
        self._named = named
        self._last = last

    async def run(self, report: ReconciliationReport) -> ReconciliationReport:
        """Return the report with what the orders add; executions of foreign orders go with their order."""
        try:
            foreign = await self._foreign(report)
            open_here = await self._open_here_only(report)
        except FixError as error:
            return replace(report, feeds=(*report.feeds, FeedResult(NAME, failure=str(error))))
        strangers = {one.order_id for one in foreign}
        kept = [one for one in report.breaks if one.order_id not in strangers]
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
        found: dict[str, Break] = {}
        told = {one.order_id: one for one in report.breaks if one.kind is BreakKind.MISSING_IN_FIX}
        until = min(report.period.end_ns, report.judged_until_ns)
        async for order in self._rest.orders(since_ns=report.period.begin_ns, until_ns=until):
            made = order.created_utc_ns
            if (
                made is not None
                and made in Period(report.period.begin_ns, until)
                and not self._is_ours(order)
            ):
                found[order.order_id] = _foreign_order(order, report.breaks)
            told.pop(order.order_id, None)
        for order_id in told:  # made before the period
            older = await self._order(order_id)
            if older is not None and not self._is_ours(older):
                found[order_id] = _foreign_order(older, report.breaks)
        return list(found.values())

    def _is_ours(self, order: OrderStatus) -> bool:
        return any(order.cl_ord_id in named for named in self._named)

    async def _order(self, order_id: str) -> OrderStatus | None:
        try:
            return await self._rest.order(order_id)
        except NotFound:
            return None

    # -- orders that are open here only --

    async def _open_here_only(self, report: ReconciliationReport) -> list[Break]:
        mine = [(name, order) for name, last in self._last.items() if not last.lost for order in last.open()]
        if not mine:
            return []
        resting = {order.order_id async for order in self._rest.orders(status=RESTING)}
        explained = {one.order_id for one in report.breaks if one.kind is BreakKind.MISSING_IN_FIX}
        found = []
        for name, order in mine:
            if order.order_id in resting or order.order_id in explained or not order.order_id:
                continue
            theirs = await self._order(order.order_id)
            if theirs is None or theirs.status != RESTING:
                found.append(_open_here(name, order, theirs))
        return found


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


def _open_here(session: str, order: OrderSnapshot, theirs: OrderStatus | None) -> Break:
    said = "does not know it" if theirs is None else f"says {theirs.status}, {theirs.cum_qty} filled"
    return Break(
        BreakKind.ORDER_OPEN_HERE_ONLY,
        order.symbol,
        f"order {order.cl_ord_id} is open here with {order.cum_qty} filled, and the venue {said}",
        order_id=order.order_id,
        session=session,
    )
