"""Compares positions: the venue's own figure on the newest trade report with its figure over REST."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from fixgw.errors import FixError
from fixgw.messages.order_entry import Side
from fixgw.reconcile.kalshi import execution_of_fill
from fixgw.reconcile.model import (
    Break,
    BreakKind,
    Execution,
    FeedResult,
    FieldDifference,
    Proof,
    ReconciliationReport,
    Subject,
)
from fixgw.venues.kalshi.rest import KalshiRest

NAME = "REST positions"
NOTHING = "no position was compared: no market traded in the period"
ZERO = Decimal(0)
LOOKS = 3  # at a market that trades while it is looked at


class PositionsCheck:
    """Holds what was held after the newest trade of each market against what REST says is held now.

    Markets that did not trade in the period are left alone; so are those that traded after the instant up to
    which REST has the account's data.

    Args:
        rest: asks as the account.
    """

    def __init__(self, rest: KalshiRest) -> None:
        self._rest = rest

    async def run(self, report: ReconciliationReport) -> ReconciliationReport:
        """Return the report with positions that differ beyond what missing executions explain."""
        seen = [
            one
            for one in report.last_seen
            if one.position is not None and one.utc_ns < report.judged_until_ns
        ]
        if not seen:  # the venue is not asked, so nothing is proven
            return replace(report, feeds=(*report.feeds, FeedResult(NAME, notes=(NOTHING,))))
        try:
            breaks = [found async for found in self._differences(report, seen)]
        except FixError as error:
            return replace(report, feeds=(*report.feeds, FeedResult(NAME, failure=str(error))))
        proof = Proof(NAME, report.period, frozenset({Subject.POSITIONS}))
        return replace(
            report,
            breaks=(*report.breaks, *breaks),
            feeds=(*report.feeds, FeedResult(NAME, proofs=(proof,))),
        )

    async def _differences(
        self, report: ReconciliationReport, seen: Iterable[Execution]
    ) -> AsyncIterator[Break]:
        theirs = {
            (position.symbol, subaccount): position.position
            for subaccount in sorted({one.subaccount for one in seen})
            async for position in self._rest.positions(subaccount=subaccount)
        }
        for one in seen:
            expected = (one.position or ZERO) + sum(_missing_after(one, report.breaks), ZERO)
            held = theirs.get((one.symbol, one.subaccount), ZERO)
            if held == expected or (held == ZERO and await self._is_settled(one.symbol)):
                continue
            if not await self._traded_meanwhile(one):
                yield _difference(one, expected, held)

    async def _traded_meanwhile(self, last: Execution) -> bool:
        """Tell whether what the venue executed while both sides were read explains a difference."""
        for _ in range(LOOKS):
            fills = self._rest.fills(since_ns=last.utc_ns, symbol=last.symbol, subaccount=last.subaccount)
            told = [execution_of_fill(fill) async for fill in fills]
            later = [one for one in told if _is_later(one, last)]
            if not later:
                return False
            expected = (last.position or ZERO) + sum(map(_signed, later), ZERO)
            held = self._rest.positions(subaccount=last.subaccount)
            if expected == sum([one.position async for one in held if one.symbol == last.symbol], ZERO):
                return True
        return False

    async def _is_settled(self, symbol: str) -> bool:
        async for _ in self._rest.settlements(symbol=symbol):
            return True
        return False


def _is_later(one: Execution, last: Execution) -> bool:
    return one.utc_ns > last.utc_ns and one.trade_key != last.trade_key


def _signed(one: Execution) -> Decimal:
    return one.qty if one.side is Side.BUY else -one.qty


def _missing_after(last: Execution, breaks: Iterable[Break]) -> Iterator[Decimal]:
    """What the tapes lack after the newest trade that they have changes what is held."""
    for one in breaks:
        theirs = one.theirs
        if one.kind is BreakKind.FOREIGN_ORDER or theirs is None or one.ours is not None:
            continue
        if (theirs.symbol, theirs.subaccount) == (
            last.symbol,
            last.subaccount,
        ) and theirs.utc_ns >= last.utc_ns:
            yield _signed(theirs)


def _difference(one: Execution, expected: Decimal, held: Decimal) -> Break:
    what = (
        f"{expected} net YES are held in {one.symbol} by the reports, and {held} by REST"
        f"{f' (subaccount {one.subaccount})' if one.subaccount else ''}"
    )
    return Break(
        BreakKind.POSITION_DIFFERENCE,
        one.symbol,
        what,
        session=one.session,
        fields=(FieldDifference("position", f"{expected:f}", f"{held:f}"),),
    )
