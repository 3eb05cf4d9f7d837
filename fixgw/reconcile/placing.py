"""Says on which session a missing execution should have come, by the ClOrdIDs on the tapes alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fixgw.reconcile.model import Break, BreakKind, ReconciliationReport
from fixgw.reconcile.witnesses import LastOrders, NamedOrders, session_of


class PlacingCheck:
    """Places what is not placed yet, as when REST is down; executions of foreign orders become one break.

    Args:
        named: the ClOrdIDs on each tape, by session.
        last: the order book at the end of each tape, by session.
    """

    def __init__(self, named: Mapping[str, NamedOrders], last: Mapping[str, LastOrders]) -> None:
        self._named = named
        self._last = last

    async def run(self, report: ReconciliationReport) -> ReconciliationReport:
        """Return the report with missing executions placed, as far as their feed tells a ClOrdID(11)."""
        placed = [self._placed(one) for one in report.breaks]
        strangers: dict[str, list[Break]] = {}
        for one in placed:
            if one.kind is BreakKind.FOREIGN_ORDER and one.theirs is not None:
                strangers.setdefault(one.order_id, []).append(one)
        kept = [one for one in placed if one.theirs is None or one.order_id not in strangers]
        return replace(report, breaks=(*kept, *(_foreign(fills) for fills in strangers.values())))

    def _placed(self, one: Break) -> Break:
        theirs = one.theirs
        if one.kind is not BreakKind.MISSING_IN_FIX or one.session or theirs is None or not theirs.cl_ord_id:
            return one
        session = session_of(theirs.cl_ord_id, self._named, self._last)
        if session is None:
            return replace(one, kind=BreakKind.FOREIGN_ORDER)
        return replace(one, session=session, theirs=replace(theirs, session=session))


def _foreign(fills: list[Break]) -> Break:
    first = fills[0]
    assert first.theirs is not None
    what = (
        f"the venue has order {first.theirs.cl_ord_id}, with {len(fills)} executions, that this gateway "
        "never sent"
    )
    return Break(
        BreakKind.FOREIGN_ORDER, first.symbol, what, order_id=first.order_id, utc_ns=first.theirs.utc_ns
    )
