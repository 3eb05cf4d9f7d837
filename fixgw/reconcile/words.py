"""What verdicts and breaks mean, and what a person does about them; for terminals and pages alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from fixgw.reconcile.model import (
    BreakKind,
    Counts,
    Execution,
    Period,
    ReconciliationReport,
    SymbolTotals,
    Verdict,
)

NS = 1_000_000_000
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

VERDICTS = {
    Verdict.CLEAN: "every execution is on both sides, and the whole period is proven",
    Verdict.BREAKS: "the two sides differ",
    Verdict.UNPROVEN: "no difference was found, but that could not be shown for the whole period",
    Verdict.FAILED: "nothing could be compared; the feeds say why",
}


class Advice(NamedTuple):
    """What a kind of break means, and what a person does about it; each in sentences."""

    meaning: str
    remedy: str


ADVICE = {
    BreakKind.MISSING_IN_FIX: Advice(
        "The venue has an execution that no tape has: the gateway never saw it, and its books and positions"
        " lack it.",
        "Run it again with --apply, which gives the execution to the books. Then look in the time line for"
        " the loss that explains it; where no session was away, ask the venue why it sent no report.",
    ),
    BreakKind.MISSING_AT_VENUE: Advice(
        "A tape has an execution that the venue does not show, although it shows everything of that time.",
        "Leave the books as they are and run it again in an hour, because the venue's data lags. If it stays,"
        " give ExecID, order and trade to the venue's support: the trade may have been busted.",
    ),
    BreakKind.FIELD_MISMATCH: Advice(
        "Both sides have the execution, or the order, and tell it differently.",
        "Give both values and the ids to the venue's support. Until it answers, count with the venue's for"
        " money and with the worse one for risk.",
    ),
    BreakKind.FOREIGN_ORDER: Advice(
        "The venue has an order of this account that the compared tapes never sent.",
        "Find out who trades on the account: the web site, another program, a session that was left out of"
        " the comparison, or one whose tape was deleted. If nobody did it, revoke the API keys and cancel the"
        " order at once.",
    ),
    BreakKind.ORDER_OPEN_HERE_ONLY: Advice(
        "The gateway takes the order for open, and the venue does not: the report of its end was lost.",
        "Cancel it through the gateway: the venue's answer ends it here too. Until then it ties up the limits"
        " that count open orders.",
    ),
    BreakKind.POSITION_DIFFERENCE: Advice(
        "The venue holds another quantity than its newest report on the tapes leads to, missing executions"
        " counted.",
        "Clear up the other breaks of this market first and compare again. If it stays, go further back with"
        " --since; until it is explained, the venue's figure is what settles.",
    ),
    BreakKind.SETTLEMENT_DIFFERENCE: Advice(
        "A market was settled, and its report is missing or differs from the venue's list.",
        "If the report is missing, check that a session receives settlement reports and was connected. If it"
        " differs, give both to the venue's support; the balance follows the venue's figure.",
    ),
}


def headline(report: ReconciliationReport) -> str:
    """Return the outcome in two or three words."""
    if report.verdict is Verdict.BREAKS:
        return counted(len(report.breaks), "difference")
    return {Verdict.CLEAN: "clean", Verdict.UNPROVEN: "not proven", Verdict.FAILED: "failed"}[report.verdict]


def conclusion(report: ReconciliationReport) -> str:
    """Return the outcome in one sentence: what was found, and how much of it is proven."""
    said = VERDICTS[report.verdict]
    if report.applied:
        given = counted(report.applied, "execution")
        return f"{said}; {given} given to the books: run it again to see what is left"
    if report.verdict is Verdict.BREAKS and report.unproven:
        return f"{said}, and not the whole period is proven: there may be more"
    if report.verdict is Verdict.UNPROVEN and not report.unproven:
        failed = ", ".join(feed.name for feed in report.feeds if feed.failure)
        why = f"failed: {failed}" if failed else "no tape was read"
        return f"no difference was found, but not everything was compared; {why}"
    return said


def agree(one: SymbolTotals) -> bool:
    """Return whether both sides tell the same of a market."""
    theirs = (one.their_count, one.their_qty, one.their_fees)
    return (one.our_count, one.our_qty, one.our_fees) == theirs


def how_matched(counts: Counts) -> str:
    """Return by what the executions were matched; empty when none were."""
    ways = (("ExecID", counts.by_exec_id), ("trade id", counts.by_trade_id), ("terms alone", counts.by_terms))
    return ", ".join(f"{count:,} by {how}" for how, count in ways if count)


def sentence(text: str) -> str:
    """Return a text as a sentence of a document: begun with a capital, ended with a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def counted(count: int, what: str) -> str:
    """Return a number with its noun."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def instant(utc_ns: int) -> str:
    """Return an instant in UTC, to the millisecond where it has any."""
    moment = datetime.fromtimestamp(utc_ns // NS, UTC)
    millis = utc_ns % NS // 1_000_000
    return f"{moment:%Y-%m-%d %H:%M:%S}{f'.{millis:03}' if millis else ''}"


def stretch(period: Period) -> str:
    """Return a period; its day is said once."""
    end = instant(period.end_ns)
    if period.begin_ns <= 0:
        return f"the beginning to {end}"
    begin = instant(period.begin_ns)
    return f"{begin} to {end[11:] if begin[:10] == end[:10] else end}"


def duration(ns: int) -> str:
    """Return a length of time in its two largest units."""
    if ns < NS:
        return f"{ns // 1_000_000} ms"
    left, parts = ns // NS, []
    for seconds, unit in UNITS:
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count} {unit}")
        if len(parts) == 2 or (parts and not count):
            break
    return " ".join(parts)


def terms(one: Execution) -> str:
    """Return what was traded: side, contracts, and dollars of YES."""
    return f"{one.side.name.lower()} {one.qty:f} at {one.price:f}"
