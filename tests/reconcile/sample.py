"""A report with everything in it that a report can have."""

from __future__ import annotations

from decimal import Decimal

from fixgw.messages.order_entry import Side
from fixgw.reconcile.model import (
    Break,
    BreakKind,
    Counts,
    FeedResult,
    FieldDifference,
    Period,
    Proof,
    ReconciliationReport,
    SessionTimeline,
    Subject,
    SymbolTotals,
    Verdict,
)
from tests.reconcile.told import EXECUTIONS, NOON, SECOND, execution, over_rest

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = Period(NOON - 24 * HOUR, NOON)
UNKNOWN = Period(NOON - 24 * HOUR, NOON - 21 * HOUR)
GAP = Period(NOON - 6 * HOUR, NOON - 5 * HOUR)
TAPE = "tape of orders"


def at(hours: float) -> int:
    """Return the instant so many hours before the end."""
    return NOON - round(hours * HOUR)


def missing(number: int, hours: float) -> Break:
    """Return a break of an execution that the gateway never saw."""
    theirs = over_rest(
        execution(
            number,
            utc_ns=at(hours),
            order_id=f"b6ac3688-a36e-5d67-a331-6317c8d0c4{number:02}",
            trade_id=f"c780ec4b-647e-5a2e-885f-1331672776{number:02}",
            qty=Decimal(number),
            side=Side.SELL if number % 2 else Side.BUY,
            feed="REST",
        )
    )
    return Break(
        BreakKind.MISSING_IN_FIX,
        theirs.symbol,
        "REST has it and no tape has: the gateway never saw it",
        theirs.order_id,
        theirs.trade_id,
        "orders",
        theirs.utc_ns,
        theirs=theirs,
    )


def mismatch() -> Break:
    ours = execution(3, utc_ns=at(9), symbol="KXHIGHNY-26DEC31-T45.5", order_id="order-of-the-mismatch")
    return Break(
        BreakKind.FIELD_MISMATCH,
        ours.symbol,
        "REST tells it with another price, fee",
        ours.order_id,
        ours.trade_id,
        "orders",
        ours.utc_ns,
        ours,
        over_rest(ours, price=Decimal("0.41")),
        (FieldDifference("price", "0.40", "0.41"), FieldDifference("fee", "0.17", "0.19")),
    )


OTHERS = (
    mismatch(),
    Break(
        BreakKind.FOREIGN_ORDER,
        "HIGHNY-26DEC31",
        "the venue has an order to buy 5.00 at 0.30, now resting, that this gateway never sent",
        order_id="5a2e885f-0000-1111-2222-133167277600",
        utc_ns=at(2),
    ),
    Break(
        BreakKind.POSITION_DIFFERENCE,
        "HIGHNY-26DEC31",
        "42.00 net YES are held in HIGHNY-26DEC31 by the reports, and 47.00 by REST",
        session="orders",
        fields=(FieldDifference("position", "42.00", "47.00"),),
    ),
)
FEEDS = (
    FeedResult(TAPE, 1_204, (Proof(TAPE, Period(0, NOON), EXECUTIONS, frozenset({"orders"})),)),
    FeedResult(
        "drop copy",
        failure="the venue refused: NO_PERMISSION (21004=5): ask the venue to put the key on its list",
    ),
    FeedResult(
        "REST",
        1_207,
        (Proof("REST", Period(UNKNOWN.end_ns, NOON - 2 * SECOND), EXECUTIONS),),
        notes=("its data is complete up to 2026-10-09T14:29:58.000000Z",),
    ),
    FeedResult("REST orders", 0, (Proof("REST orders", DAY, frozenset({Subject.ORDERS})),)),
)


def report(*breaks: Break, verdict: Verdict = Verdict.BREAKS, proven: bool = False) -> ReconciliationReport:
    """Return a report of a day with these breaks."""
    return ReconciliationReport(
        run_id="0b8f5f7e-6f3c-4a55-9a53-1c1f6d0f0c11",
        period=DAY,
        started_ns=NOON,
        ended_ns=NOON + 3_400_000_000,
        judged_until_ns=NOON - 2 * SECOND,
        verdict=verdict,
        sessions=(
            SessionTimeline(
                "orders",
                (Period(DAY.begin_ns, GAP.begin_ns), Period(GAP.end_ns, NOON)),
                (GAP, Period(at(3.02), at(3))),
            ),
            SessionTimeline("quotes", (Period(at(16), NOON),), retransmission=True),
        ),
        unproven={} if proven else {"orders": (UNKNOWN,), "quotes": (UNKNOWN,)},
        feeds=FEEDS,
        counts=Counts(by_exec_id=0, by_trade_id=1_203, by_terms=1, pending=2),
        breaks=breaks,
        warnings=("1 executions have no id in common and were matched by order, price, quantity and time",),
        totals=(
            SymbolTotals(
                "HIGHNY-26DEC31",
                904,
                904 + 2 * bool(breaks),
                Decimal(9_041),
                Decimal(9_041 + 20 * bool(breaks)),
                Decimal("81.36"),
                Decimal("81.79") if breaks else Decimal("81.36"),
            ),
            SymbolTotals(
                "KXHIGHNY-26DEC31-T45.5", 300, 300, Decimal(3_000), Decimal(3_000), Decimal(51), Decimal(51)
            ),
        ),
    )


EVERYTHING = report(missing(1, 5.5), missing(2, 5.4), missing(3, 3.01), *OTHERS)
CLEAN = report(verdict=Verdict.CLEAN, proven=True)
