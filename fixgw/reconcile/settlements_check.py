"""Compares settlements: what MarketSettlementReports said with what REST says was paid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from fixgw.errors import FixError
from fixgw.reconcile.model import (
    Break,
    BreakKind,
    FeedResult,
    FieldDifference,
    Period,
    Proof,
    ReconciliationReport,
    Subject,
)
from fixgw.reconcile.witnesses import SettledMarkets
from fixgw.venues.kalshi.messages import MarketSettlementParty
from fixgw.venues.kalshi.rest import KalshiRest
from fixgw.venues.kalshi.rest_models import Settlement as Paid
from fixgw.venues.kalshi.settlement import Settlement

NAME = "REST settlements"
ZERO = Decimal(0)
CENT = Decimal("0.01")  # REST tells the revenue in whole cents, and not whether the fee is in it


class SettlementsCheck:
    """Holds each settlement on a tape against the venue's list, and the other way round.

    Args:
        rest: asks as the account.
        told: the settlements on the tapes that receive them.
    """

    def __init__(self, rest: KalshiRest, told: Sequence[SettledMarkets]) -> None:
        self._rest = rest
        self._told = told

    async def run(self, report: ReconciliationReport) -> ReconciliationReport:
        """Return the report with settlements that differ."""
        ours = {one.symbol: one for told in self._told for one in told.complete}
        until = min(report.period.end_ns, report.judged_until_ns)
        try:
            theirs = {
                one.symbol: one
                async for one in self._rest.settlements(since_ns=report.period.begin_ns, until_ns=until)
            }
            breaks = [
                found
                for symbol, paid in theirs.items()
                if (found := _compare(symbol, ours.get(symbol), paid))
            ]
            untold = ours.keys() - theirs.keys()
            told_in = Period(report.period.begin_ns, until)
            for symbol, told_ns in self._told_in(told_in):
                if symbol in untold and _holds(ours[symbol]) and not await self._is_paid(symbol):
                    breaks.append(_not_at_venue(symbol, told_ns))
        except FixError as error:
            return replace(report, feeds=(*report.feeds, FeedResult(NAME, failure=str(error))))
        proof = Proof(NAME, report.period, frozenset({Subject.SETTLEMENTS}))
        return replace(
            report,
            breaks=(*report.breaks, *breaks),
            feeds=(*report.feeds, FeedResult(NAME, proofs=(proof,))),
        )

    def _told_in(self, period: Period) -> Iterator[tuple[str, int]]:
        for told in self._told:
            yield from ((symbol, told_ns) for symbol, told_ns in told.told_ns.items() if told_ns in period)

    async def _is_paid(self, symbol: str) -> bool:
        """Tell whether the venue lists it at all: it may have been paid outside the period."""
        async for _ in self._rest.settlements(symbol=symbol):
            return True
        return False


def _holds(ours: Settlement) -> bool:
    return any(party.long_qty or party.short_qty for party in ours.parties)


def _not_at_venue(symbol: str, told_ns: int) -> Break:
    what = f"a MarketSettlementReport of {symbol} is on a tape, and the venue lists no settlement of it"
    return Break(BreakKind.SETTLEMENT_DIFFERENCE, symbol, what, utc_ns=told_ns)


def _compare(symbol: str, ours: Settlement | None, theirs: Paid) -> Break | None:
    if ours is None:
        what = f"{symbol} was settled at the venue, and no MarketSettlementReport of it is on a tape"
        return Break(BreakKind.SETTLEMENT_DIFFERENCE, symbol, what, utc_ns=theirs.utc_ns)
    fields = tuple(_differences(ours, theirs))
    if not fields:
        return None
    names = ", ".join(field.name for field in fields)
    what = f"the settlement of {symbol} differs in {names}"
    return Break(BreakKind.SETTLEMENT_DIFFERENCE, symbol, what, utc_ns=theirs.utc_ns, fields=fields)


def _differences(ours: Settlement, theirs: Paid) -> Iterator[FieldDifference]:
    parties = ours.parties
    fee = sum(map(_fee, parties), ZERO)
    paid = sum(map(_payout, parties), ZERO)
    rows: Sequence[tuple[str, Decimal | str, Decimal | str]] = (
        ("result", str(ours.market_result).lower(), theirs.result),
        ("YES held", sum((party.long_qty or ZERO for party in parties), ZERO), theirs.yes_qty),
        ("NO held", sum((party.short_qty or ZERO for party in parties), ZERO), theirs.no_qty),
        ("fee", fee, theirs.fee),
    )
    for name, mine, other in rows:
        if mine != other:
            yield FieldDifference(name, str(mine), str(other))
    if all(abs(amount - theirs.revenue) >= CENT for amount in (paid, paid + fee)):
        yield FieldDifference("payout", str(paid), str(theirs.revenue))


def _payout(party: MarketSettlementParty) -> Decimal:
    return sum((change.collateral_amount_change for change in party.collateral_amount_changes), ZERO)


def _fee(party: MarketSettlementParty) -> Decimal:
    return sum((fee.misc_fee_amt for fee in party.misc_fees), ZERO)
