"""What can be repaired: executions that were missed, and the ends of orders that are open here only.

Each becomes an ExecutionReport, as the venue sent it where a feed has it, else put together from what REST
says of the execution and its order. The gateway that holds the tape writes it, or nobody does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from fixgw.errors import FixError
from fixgw.fix.tags import CUM_QTY
from fixgw.handlers.order import OPEN, OrderSnapshot
from fixgw.messages.order_entry import Side
from fixgw.reconcile.kalshi import execution_of_fill
from fixgw.reconcile.model import BreakKind, Execution, ReconciliationReport, TradeKey
from fixgw.reconcile.synthesis import CANCELED, Fields, Figures, end_of, in_cents, report_of, told_by
from fixgw.reconcile.witnesses import LastOrders
from fixgw.venues.kalshi.rest import KalshiRest
from fixgw.venues.kalshi.rest_errors import NotFound
from fixgw.venues.kalshi.rest_models import OrderStatus

ZERO = Decimal(0)
RESTING = "resting"
REST = "REST"
AT_THE_END = 1 << 63  # an end without executions goes after everything else


@dataclass(frozen=True, slots=True)
class Batch:
    """Reports for one session, from one feed, oldest first.

    Args:
        session: whose orders they are of.
        source: the feed.
        rows: each report's fields behind MsgType(35), in the units of the session's wire.
        in_dollars: the same with every price in dollars, for people.
        executions: how many of them are trades; the others end orders.
    """

    session: str
    source: str
    rows: tuple[Fields, ...]
    in_dollars: tuple[Fields, ...]
    executions: int


@dataclass(frozen=True, slots=True)
class Repair:
    """What is to be applied.

    Args:
        run_id: of the reconciliation.
        batches: in the order of time.
        left: a sentence for each difference that only a person can settle.
    """

    run_id: str
    batches: tuple[Batch, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def executions(self) -> int:
        """How many executions it gives to the books."""
        return sum(batch.executions for batch in self.batches)

    @property
    def ends(self) -> int:
        """How many orders it ends."""
        return sum(len(batch.rows) for batch in self.batches) - self.executions


@dataclass(slots=True)
class _Row:
    """A report that is to be applied; ``utc_ns`` gives the order."""

    session: str
    source: str
    utc_ns: int
    fields: Fields
    is_execution: bool


class RepairPlanner:
    """Works out a repair from a report.

    Args:
        last: the order book at the end of each tape, by session.
        rest: asks what the orders are now; None without REST.
        cents: by session, the tags whose prices are in cents on its wire.
    """

    def __init__(
        self,
        last: Mapping[str, LastOrders],
        rest: KalshiRest | None = None,
        cents: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self._last = last
        self._rest = rest
        self._cents = cents or {}
        self._left: list[str] = []
        self._rows: list[_Row] = []
        self._positions: Mapping[TradeKey, Decimal] = {}

    async def plan(self, report: ReconciliationReport) -> Repair:
        """Return what can be applied, and what can not be.

        Args:
            report: of a run over the same tapes.
        """
        self._left, self._rows = [], []
        if any(one.failure for one in report.feeds if one.ours):
            return Repair(
                report.run_id, left=("a tape was not read to its end: nothing is applied before it is",)
            )
        self._positions = dict(_positions(report))
        missing: dict[tuple[str, str], list[Execution]] = {}
        for one in report.missing:
            if one.session:
                missing.setdefault((one.order_id, one.session), []).append(one)
            else:
                self._left.append(
                    f"execution {one.trade_id} of order {one.order_id}: no tape names the order"
                )
        for gone in report.breaks:
            if gone.kind is BreakKind.ORDER_OPEN_HERE_ONLY:
                missing.setdefault((gone.order_id, gone.session), [])
        for (order_id, session), executions in missing.items():
            await self._order(order_id, session, executions)
        return Repair(report.run_id, tuple(self._batches()), tuple(self._left))

    async def _order(self, order_id: str, session: str, missing: Sequence[Execution]) -> None:
        """Plan what one order lacks: its executions, then its end."""
        status, known = await self._asked(order_id)
        names = {one.cl_ord_id for one in missing} | ({status.cl_ord_id} if status is not None else set())
        last = self._last[session]
        here = None if last.lost else last.find(order_id, names)
        filled = here.cum_qty if here is not None else ZERO
        for one in missing:
            figures = known.get(one.trade_key) or _figures_here(here, one)
            position = None if one.trade_key is None else self._positions.get(one.trade_key)
            fields = told_by(one) or report_of(one, figures, position, here, status)
            filled = max([filled, *(Decimal(value) for tag, value in fields if tag == CUM_QTY)])
            self._rows.append(_Row(session, one.feed, one.utc_ns, fields, is_execution=True))
        if here is not None and here.state in OPEN:
            self._end(session, here, status, filled, missing)

    def _end(
        self,
        session: str,
        here: OrderSnapshot,
        status: OrderStatus | None,
        filled: Decimal,
        missing: Sequence[Execution],
    ) -> None:
        """Plan the end of an order that would stay open here, if the venue tells one."""
        if status is None:
            if not missing:
                self._left.append(f"order {here.cl_ord_id}: the venue does not tell how it ended: ask it")
        elif status.status != RESTING and filled != status.cum_qty:
            self._left.append(
                f"order {here.cl_ord_id} has ended: by the venue with {status.cum_qty} filled, by the tapes "
                f"with {filled}: run it again in a minute, and if it stays so, with an earlier --since"
            )
        elif status.status == CANCELED or (status.status != RESTING and not missing):  # else they filled it
            at = missing[-1].utc_ns if missing else AT_THE_END
            self._rows.append(_Row(session, REST, at, end_of(here, status), is_execution=False))

    async def _asked(self, order_id: str) -> tuple[OrderStatus | None, Mapping[TradeKey | None, Figures]]:
        """Return what REST says of an order, and its figures after each of its executions."""
        if self._rest is None:
            return None, {}
        try:
            status = await self._rest.order(order_id)
            fills = [execution_of_fill(fill) async for fill in self._rest.fills(order_id=order_id)]
        except NotFound:
            return None, {}
        except FixError as error:
            self._left.append(f"order {order_id}: REST could not be asked about it: {error}")
            return None, {}
        return status, dict(_figures(status, fills))

    def _batches(self) -> Iterator[Batch]:
        rows = sorted(self._rows, key=attrgetter("utc_ns"))
        for (session, source), group in groupby(rows, key=attrgetter("session", "source")):
            ours = list(group)
            cents = self._cents.get(session, ())
            in_dollars = tuple(row.fields for row in ours)
            on_the_wire = tuple(in_cents(fields, cents) for fields in in_dollars)
            executions = sum(row.is_execution for row in ours)
            yield Batch(session, source, on_the_wire, in_dollars, executions)


def _figures(status: OrderStatus, fills: Sequence[Execution]) -> Iterator[tuple[TradeKey | None, Figures]]:
    """Yield the order's figures after each of its fills; what the list lacks is older than all of them."""
    oldest_first = fills[::-1]  # as far as their instants leave that open
    cum_qty = max(status.cum_qty - sum((one.qty for one in fills), ZERO), ZERO)
    cost = None if cum_qty else ZERO
    asked = max(status.initial_qty, status.cum_qty) if status.status != RESTING else None
    for one in sorted(oldest_first, key=attrgetter("utc_ns")):
        cum_qty += one.qty
        cost = None if cost is None else cost + one.qty * one.price
        whole = asked if asked is not None else status.cum_qty + status.leaves_qty
        avg_px = None if cost is None else round(cost / cum_qty, 8)
        yield one.trade_key, Figures(cum_qty, max(whole - cum_qty, ZERO), avg_px)


def _figures_here(here: OrderSnapshot | None, one: Execution) -> Figures:
    """Return the figures that are known here, for want of the venue's own: an execution changes none of them.

    A report that came after it may have told them with it in them.
    """
    if here is None:
        return Figures(one.qty, ZERO, None)
    return Figures(here.cum_qty, here.leaves_qty, None)


def _positions(report: ReconciliationReport) -> Iterator[tuple[TradeKey, Decimal]]:
    """Yield what is held after each missing execution that is newer than all that the tapes have.

    It follows from the venue's figure on the newest report, unless somebody else traded the market as well.
    """
    foreign = {one.symbol for one in report.breaks if one.kind is BreakKind.FOREIGN_ORDER}
    held = {(one.symbol, one.subaccount): one for one in report.last_seen if one.position is not None}
    now = {key: one.position or ZERO for key, one in held.items()}
    for one in report.missing:
        key = (one.symbol, one.subaccount)
        if key not in held or one.symbol in foreign or one.utc_ns < held[key].utc_ns:
            continue
        now[key] += one.qty if one.side is Side.BUY else -one.qty
        if one.trade_key is not None:
            yield one.trade_key, now[key]
