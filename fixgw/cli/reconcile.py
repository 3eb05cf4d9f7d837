"""``fixgw reconcile``: prove that no fill was missed, or say which were."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from fixgw.admin.client import AdminClient, NotReachableError, RefusedError
from fixgw.cli.applying import approval, check_askable
from fixgw.cli.control import DEFAULT_FILE, socket_of
from fixgw.cli.instants import instant_ns
from fixgw.cli.render import Exit, err, fail, say, told
from fixgw.cli.report import WIDTH, show
from fixgw.clock import SystemClock
from fixgw.errors import ConfigError
from fixgw.observe.metrics import write_reconciliation
from fixgw.observe.reconciliation import ReconciliationView
from fixgw.reconcile.job import Job
from fixgw.reconcile.job import reconcile as run
from fixgw.reconcile.model import ExitCode, ReconciliationReport
from fixgw.reconcile.outcome import outcome
from fixgw.reconcile.page.document import page
from fixgw.reconcile.plain import BREAK_COLUMNS, break_rows, plain
from fixgw.reconcile.reconciler import silent
from fixgw.reconcile.streams import Progress as Tell
from fixgw.reconcile.words import conclusion, headline, instant

TIMES = "2026-10-09, 2026-10-09T14:30:00Z, 3h (ago), today or yesterday"


class Format(StrEnum):
    """How a report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


def reconcile(
    file: Annotated[Path, typer.Argument(help="the configuration of the gateway")] = DEFAULT_FILE,
    session: Annotated[
        list[str] | None, typer.Option("--session", help="compare this session's tape alone; repeatable")
    ] = None,
    since: Annotated[str, typer.Option(help=f"beginning: {TIMES}; a day before the end")] = "",
    until: Annotated[str, typer.Option(help="end, written likewise; what the venue can tell by now")] = "",
    form: Annotated[
        Format, typer.Option("--format", help="how the report is written; csv lists the differences alone")
    ] = Format.TABLE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="write it to this file, in place of stdout")
    ] = None,
    metrics: Annotated[
        Path | None, typer.Option(help="write metrics to this .prom file, for a node exporter")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="give what was missed to the gateway's books, after asking")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask; needed without a terminal")] = False,
) -> None:
    """Compare what the gateway's tapes have with what the venue says; the gateway may run meanwhile.

    Nothing is changed without --apply. With it the running gateway takes in what it missed, or, where none
    runs, finds it on its tape at its next start; run it again to see that nothing is left.

    Exit codes: 0 clean, and proven for the whole period; 1 something differs; 2 it could not be compared, or
    nothing differs and not the whole period could be proven.
    """
    now_ns = SystemClock().now().utc_ns
    job = Job(file, session or (), _instant(since, "--since", now_ns), _instant(until, "--until", now_ns))
    _check_place(output, "--output")
    _check_place(metrics, "--metrics")
    if apply:
        check_askable(yes=yes)
    with _never_taken_for_breaks():
        with _progress() as (tell, hush):
            approve = approval(yes=yes, hush=hush) if apply else None
            report = asyncio.run(run(job, progress=tell, approve=approve))
        if form is Format.TABLE and output is None and sys.stdout.isatty():
            show(report, Console(highlight=False, markup=False))
        else:
            _write(WRITERS[form](report), output)
        if metrics is not None:
            write_reconciliation(metrics, outcome(report))
        _tell_gateway(file, outcome(report))
    if form is not Format.TABLE or output is not None:
        say(f"{headline(report)}: {conclusion(report)}")
    raise typer.Exit(int(report.exit_code))


def _instant(text: str, option: str, now_ns: int) -> int | None:
    try:
        return instant_ns(text, now_ns) if text else None
    except ValueError:
        raise fail(f"{text!r} is no instant", Exit.USAGE, where=option, remedy=f"write {TIMES}") from None


def _check_place(path: Path | None, option: str) -> None:
    """Say before a long run, rather than after it, that its result can not be written."""
    if path is not None and not path.parent.is_dir():
        raise fail(
            f"there is no directory {path.parent}",
            Exit.USAGE,
            where=option,
            remedy="make it, or name another",
        )


def _tell_gateway(file: Path, told: ReconciliationView) -> None:
    """Let the gateway show it among its metrics, if it runs and can be asked."""
    with suppress(ConfigError, NotReachableError):
        try:
            AdminClient(socket_of(file)).call("reconciled", outcome=asdict(told))
        except RefusedError as error:
            say(f"the gateway did not take the outcome into its metrics: {error}")


@contextmanager
def _never_taken_for_breaks() -> Iterator[None]:
    """End with 2 whatever goes wrong: 1 says that something differs."""
    try:
        with told():
            yield
    except typer.Exit:
        raise typer.Exit(int(ExitCode.COULD_NOT_RUN)) from None
    except Exception:
        err.print_exception()
        raise typer.Exit(int(ExitCode.COULD_NOT_RUN)) from None


@contextmanager
def _progress() -> Iterator[tuple[Tell, Callable[[], None]]]:
    """Show how far each feed is, where somebody looks on, until it is hushed."""
    if not err.is_terminal:
        yield silent, lambda: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,}"))
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as bars:
        everything = bars.add_task("executions read")
        tasks: dict[str, TaskID] = {}

        def tell(feed: str, count: int, utc_ns: int) -> None:
            if feed not in tasks:
                tasks[feed] = bars.add_task(feed)
            bars.update(tasks[feed], completed=count, description=f"{feed}, at {instant(utc_ns)}")
            bars.update(everything, completed=sum(one.completed for one in bars.tasks[1:]))

        yield tell, bars.stop


def _write(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise fail(
            f"the report can not be written: {error.strerror}",
            Exit.USAGE,
            where=str(output),
            remedy="name a file in a directory of your own",
        ) from None


def _table(report: ReconciliationReport) -> str:
    """Return what a terminal shows, without colour."""
    made = io.StringIO()
    show(report, Console(file=made, width=WIDTH, no_color=True, highlight=False, markup=False))
    return "".join(f"{line.rstrip()}\n" for line in made.getvalue().splitlines())


def _json(report: ReconciliationReport) -> str:
    return json.dumps(plain(report), indent=1) + "\n"


def _csv(report: ReconciliationReport) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(BREAK_COLUMNS)
    writer.writerows(break_rows(report))
    return text.getvalue()


WRITERS: Mapping[Format, Callable[[ReconciliationReport], str]] = {
    Format.TABLE: _table,
    Format.JSON: _json,
    Format.CSV: _csv,
    Format.HTML: page,
}
