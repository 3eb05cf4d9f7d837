"""The report of a reconciliation as text, for terminals and mails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fixgw.reconcile.model import Break, BreakKind, FeedResult, Period, ReconciliationReport, SymbolTotals
from fixgw.reconcile.words import (
    ADVICE,
    agree,
    conclusion,
    counted,
    duration,
    headline,
    how_matched,
    instant,
    sentence,
    stretch,
    terms,
)

WIDTH = 100  # columns, where no terminal says otherwise
MOST_BREAKS = 100  # of a kind
MOST_LINES = 20  # markets, warnings and stretches
FAILED = "failed: "
ELSEWHERE = "--format csv, json or html has more"


def show(report: ReconciliationReport, console: Console) -> None:
    """Print a report: differences first, the verdict last."""
    for kind in BreakKind:
        found = [one for one in report.breaks if one.kind is kind]
        if found:
            _show_kind(kind, found, console)
    _show_table("Markets", ("market", "executions", "contracts", "fees"), _market_rows(report), console)
    _show_table("Feeds", ("feed", "executions", "what it proves"), map(_feed_row, report.feeds), console)
    for line in _ending(report):
        console.print(line, soft_wrap=False)
    style = "red" if report.exit_code else "green"
    console.print(Text(f"{headline(report)}: {conclusion(report)}", style=style))


def _show_kind(kind: BreakKind, found: Sequence[Break], console: Console) -> None:
    advice = ADVICE[kind]
    console.print(Text(f"{sentence(kind.value).removesuffix('.')}: {len(found):,}", style="bold red"))
    for text in (advice.meaning, f"What to do: {advice.remedy}"):
        console.print(_indented(text, 2))
    for one in found[:MOST_BREAKS]:
        console.print()
        console.print(_indented("  ".join(_subject(one)), 2, style="bold"))
        for line in _details(one):
            console.print(_indented(line, 4))
    if len(found) > MOST_BREAKS:
        console.print(_indented(f"\nand {len(found) - MOST_BREAKS:,} more; {ELSEWHERE}", 2))
    console.print()


def _subject(one: Break) -> Iterator[str]:
    execution = one.theirs or one.ours
    yield one.symbol
    if execution is not None:
        yield terms(execution)
    if one.utc_ns is not None:
        yield instant(one.utc_ns)
    if one.session:
        yield f"session {one.session}"


def _details(one: Break) -> Iterator[str]:
    yield one.what
    for field in one.fields:
        yield f"{field.name}: {field.ours} here, {field.theirs} at the venue"
    for name, value in (("order", one.order_id), ("trade", one.trade_id)):
        if value:
            yield f"{name} {value}"


def _market_rows(report: ReconciliationReport) -> Iterator[Sequence[str]]:
    different_first = sorted(report.totals, key=agree)
    for one in different_first[:MOST_LINES]:
        yield _market_row(one)
    if len(different_first) > MOST_LINES:
        yield f"and {len(different_first) - MOST_LINES:,} more", "", "", ""


def _market_row(one: SymbolTotals) -> Sequence[str]:
    return (
        one.symbol,
        _both(one.our_count, one.their_count),
        _both(one.our_qty, one.their_qty),
        _both(one.our_fees, one.their_fees),
    )


def _both(ours: object, theirs: object) -> str:
    return f"{ours}" if ours == theirs else f"{ours} here, {theirs} there"


def _feed_row(feed: FeedResult) -> Sequence[str]:
    proofs = [f"{'/'.join(sorted(one.subjects))}: {stretch(one.period)}" for one in feed.proofs]
    said = [f"{FAILED}{feed.failure}"] if feed.failure else _capped(proofs)
    return feed.name, f"{feed.executions:,}", "\n".join([*said, *feed.notes]) or "nothing"


def _ending(report: ReconciliationReport) -> Iterator[str]:
    counts = report.counts
    how = how_matched(counts)
    yield (
        f"{counts.matched:,} matched{f' ({how})' if how else ''}, {counts.pending:,} too young to judge; "
        f"{stretch(report.period)}, in {duration(report.ended_ns - report.started_ns)}"
    )
    if report.applied:
        yield f"{counted(report.applied, 'execution')} given to the books"
    for name, periods in report.unproven.items():
        yield f"{name}: not proven {'; '.join(_capped([_with_length(one) for one in periods]))}"
    for warning in _capped(report.warnings):
        yield f"warning: {warning}"


def _with_length(period: Period) -> str:
    return f"{stretch(period)} ({duration(period.end_ns - period.begin_ns)})"


def _capped(lines: Sequence[str]) -> list[str]:
    more = [f"and {len(lines) - MOST_LINES:,} more"] if len(lines) > MOST_LINES else []
    return [*lines[:MOST_LINES], *more]


def _show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], console: Console) -> None:
    made = Table(
        title=title, title_justify="left", title_style="bold", show_edge=False, pad_edge=False, box=None
    )
    for column in columns:
        made.add_column(column, overflow="fold", header_style="")
    for row in rows:
        failed = any(cell.startswith(FAILED) for cell in row)
        made.add_row(*map(Text, row), style="red" if failed else "")
    if made.rows:
        console.print(made)
        console.print()


def _indented(text: str, by: int, style: str = "") -> Padding:
    return Padding(Text(text, style=style), (0, 0, 0, by))
