"""``fixgw reconcile``: prove that no fill was missed, or say which were."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from fixgw.cli.control import DEFAULT_FILE
from fixgw.cli.instants import instant_ns
from fixgw.cli.render import Exit, err, fail, say, table, told
from fixgw.clock import SystemClock, rfc3339
from fixgw.reconcile.job import Job
from fixgw.reconcile.job import reconcile as run
from fixgw.reconcile.model import Period, ReconciliationReport, Verdict
from fixgw.reconcile.plain import BREAK_COLUMNS, break_rows, plain
from fixgw.reconcile.reconciler import silent
from fixgw.reconcile.streams import Progress as Tell

TIMES = "2026-10-09, 2026-10-09T14:30:00Z, 3h (ago), today or yesterday"
FEED_COLUMNS = ("feed", "executions", "proves", "notes")
TOTAL_COLUMNS = ("symbol", "executions here", "there", "contracts here", "there", "fees here", "there")
WORDS = {
    Verdict.CLEAN: "clean: every execution is on both sides, and the whole period is proven",
    Verdict.BREAKS: "the two sides differ",
    Verdict.UNPROVEN: "no difference was found, but not for the whole period could that be shown",
    Verdict.FAILED: "nothing could be compared",
}


class Format(StrEnum):
    """How a report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def reconcile(
    file: Annotated[Path, typer.Argument(help="the configuration of the gateway")] = DEFAULT_FILE,
    session: Annotated[
        list[str] | None, typer.Option("--session", help="compare this session's tape alone; repeatable")
    ] = None,
    since: Annotated[str, typer.Option(help=f"beginning: {TIMES}; a day before the end")] = "",
    until: Annotated[str, typer.Option(help="end, written likewise; what the venue can tell by now")] = "",
    form: Annotated[Format, typer.Option("--format", help="how the report is written")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="write it to this file")] = None,
) -> None:
    """Compare what the gateway's tapes have with what the venue says; the gateway may run meanwhile.

    Exit codes: 0 clean and proven for the whole period, 1 something differs, 2 it could not be compared, or
    not be proven.
    """
    now_ns = SystemClock().now().utc_ns
    job = Job(file, session or (), _instant(since, "--since", now_ns), _instant(until, "--until", now_ns))
    with told(), _progress() as tell:
        report = asyncio.run(run(job, progress=tell))
    if form is Format.TABLE and output is None:
        _show(report)
    else:
        _write(WRITERS[form](report), output)
    say(WORDS[report.verdict])
    raise typer.Exit(int(report.exit_code))


def _instant(text: str, option: str, now_ns: int) -> int | None:
    try:
        return instant_ns(text, now_ns) if text else None
    except ValueError:
        raise fail(f"{text!r} is no instant", Exit.USAGE, where=option, remedy=f"write {TIMES}") from None


@contextmanager
def _progress() -> Iterator[Tell]:
    """Show how far each feed is, where somebody looks on."""
    if not err.is_terminal:
        yield silent
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,}"))
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(feed: str, count: int, utc_ns: int) -> None:
            if feed not in tasks:
                tasks[feed] = bars.add_task(feed)
            bars.update(tasks[feed], completed=count, description=f"{feed}, at {rfc3339(utc_ns)}")

        yield tell


def _show(report: ReconciliationReport) -> None:
    if report.breaks:
        table("Differences", BREAK_COLUMNS, break_rows(report))
    table("Feeds", FEED_COLUMNS, _feed_rows(report))
    table("Markets", TOTAL_COLUMNS, _total_rows(report))
    for name, periods in report.unproven.items():
        say(f"{name}: not proven {', '.join(map(_period, periods))}")
    for warning in report.warnings:
        say(f"warning: {warning}")


def _feed_rows(report: ReconciliationReport) -> Iterator[tuple[object, ...]]:
    for feed in report.feeds:
        proves = ", ".join(f"{'/'.join(sorted(p.subjects))} {_period(p.period)}" for p in feed.proofs)
        yield feed.name, feed.executions, feed.failure or proves, "; ".join(feed.notes)


def _total_rows(report: ReconciliationReport) -> Iterator[tuple[object, ...]]:
    for one in report.totals:
        yield (
            one.symbol,
            one.our_count,
            one.their_count,
            f"{one.our_qty:f}",
            f"{one.their_qty:f}",
            f"{one.our_fees:f}",
            f"{one.their_fees:f}",
        )


def _period(period: Period) -> str:
    begin = rfc3339(period.begin_ns) if period.begin_ns > 0 else "the beginning"
    return f"{begin} to {rfc3339(period.end_ns)}"


def _write(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise fail(
            f"the report can not be written: {error.strerror}", Exit.USAGE, where=str(output)
        ) from None


def _json(report: ReconciliationReport) -> str:
    return json.dumps(plain(report), indent=1) + "\n"


def _csv(report: ReconciliationReport) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(BREAK_COLUMNS)
    writer.writerows(break_rows(report))
    return text.getvalue()


WRITERS: Mapping[Format, Callable[[ReconciliationReport], str]] = {
    Format.TABLE: _json,
    Format.JSON: _json,
    Format.CSV: _csv,
}
