"""How commands speak: data to stdout, talk to stderr, colour only on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from fixgw.errors import ConfigError, FixError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Exit(IntEnum):
    """Exit codes of every command."""

    GOOD = 0
    BAD = 1
    USAGE = 2
    NOT_REACHABLE = 3
    REFUSED = 4


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Collection[str] = (),
) -> None:
    """Print rows: a table on a terminal, aligned columns in a pipe alike.

    Args:
        title: above it; none when empty.
        columns: their names.
        rows: a cell a column.
        right: the columns whose cells are aligned on the right.
    """
    made = Table(title=title or None, title_justify="left", show_edge=False, pad_edge=False, box=None)
    for column in columns:
        made.add_column(column, overflow="fold", justify="right" if column in right else "left")
    for row in rows:
        made.add_row(*("" if cell is None else str(cell) for cell in row))
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(made)


def json_line(value: Any) -> None:
    """Print one line of JSON."""
    sys.stdout.write(json.dumps(value, separators=(",", ":"), default=str) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Tell the person something that is no data."""
    err.print(text, markup=False)


def fail(what: str, code: Exit = Exit.BAD, *, where: str = "", remedy: str = "") -> typer.Exit:
    """Tell what went wrong, where, and what to do, a line each; return what to raise."""
    tell(what, where, remedy)
    return typer.Exit(int(code))


def tell(what: str, where: str = "", remedy: str = "") -> None:
    """Tell what went wrong, where, and what to do, a line each."""
    err.print("\n  ".join(part for part in (what, where, remedy) if part), style="red", markup=False)


@contextmanager
def told() -> Iterator[None]:
    """Turn every error of ours into a message and an exit code; a traceback would help nobody."""
    try:
        yield
    except ConfigError as error:
        raise fail(str(error), Exit.USAGE) from None
    except FixError as error:
        raise fail(str(error)) from None
    except ExceptionGroup as group:
        ours, others = group.split(FixError)
        if others is not None:
            raise
        for leaf in leaves(ours) if ours is not None else ():
            err.print(str(leaf), style="red", markup=False)
        raise typer.Exit(int(Exit.BAD)) from None


def leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    """Yield the errors inside nested groups."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error
