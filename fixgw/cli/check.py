"""``fixgw check``: everything that can be known about a configuration without connecting."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fixgw.cli.paths import find_handlers_beside
from fixgw.cli.render import Exit, err, out, told
from fixgw.clock import SystemClock
from fixgw.config.build import build
from fixgw.config.check import check as findings
from fixgw.config.problems import Level
from fixgw.config.sections import ScheduleSection
from fixgw.config.settings import load_settings


def check(
    file: Annotated[Path, typer.Argument(help="the configuration")] = Path("sessions.yaml"),
) -> None:
    """Check a configuration: keys, permissions, pins, ports, stores, handlers; nothing is connected.

    Exit codes: 0 it can be used, 2 it can not.
    """
    with told():
        loaded = load_settings(file)
        find_handlers_beside(file)
        problems = findings(loaded)
        for problem in problems:
            style = "red" if problem.level is Level.ERROR else "yellow"
            err.print(f"{problem.level.value}: {problem}", style=style, markup=False)
        if any(problem.level is Level.ERROR for problem in problems):
            raise typer.Exit(int(Exit.USAGE))
        build(loaded)
    for section in loaded.settings.sessions:
        ready = f"{section.name}: {section.venue} {section.kind}, ready to run"
        out.print(f"{ready}{_hours(section.schedule, SystemClock().now().utc_ns)}", markup=False)


def _hours(schedule: ScheduleSection | None, utc_ns: int) -> str:
    """Tell what a schedule means at this moment, so that a wrong zone is seen before it counts."""
    if schedule is None:
        return ""
    hours = schedule.hours
    change = hours.local_text(hours.next_change(utc_ns))
    return f"; open, next change {change}" if hours.is_open(utc_ns) else f"; closed until {change}"
