"""What ``fixgw reconcile --apply`` shows and asks before anything is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import typer

from fixgw.cli.render import Exit, fail, say
from fixgw.cli.seqnum import is_terminal
from fixgw.reconcile.job import Approve
from fixgw.reconcile.repair import Batch, Repair
from fixgw.reconcile.words import counted

MOST_ROWS = 40
SIDES = {"1": "buy", "2": "sell"}
ENDS = {"4": "canceled", "C": "expired", "I": "filled"}


def check_askable(*, yes: bool) -> None:
    """Say before a long run, rather than after it, that nobody can be asked."""
    if not yes and not is_terminal():
        raise fail(
            "--apply would not be confirmed: it changes books and positions",
            Exit.USAGE,
            remedy="give --yes, as there is no terminal to ask on",
        )


def approval(*, yes: bool, hush: Callable[[], None]) -> Approve:
    """Return what shows a repair and asks whether to go on.

    Args:
        yes: do not ask.
        hush: called before anything is shown: takes the progress away.
    """

    def approve(repair: Repair) -> bool:
        hush()
        executions, ends = counted(repair.executions, "execution"), counted(repair.ends, "end")
        say(f"to be applied: {executions} and {ends} of orders")
        lines = [line for batch in repair.batches for line in _lines(batch)]
        for line in lines[:MOST_ROWS]:
            say(f"  {line}")
        if len(lines) > MOST_ROWS:
            say(f"  and {len(lines) - MOST_ROWS} more")
        return yes or typer.confirm("give them to the books?", err=True)

    return approve


def _lines(batch: Batch) -> Iterator[str]:
    for row in batch.in_dollars:
        told = dict(row)
        order = f"{told.get(11) or told[37]} on {batch.session}"
        if told[150] == "F":
            terms = f"{SIDES.get(told[54], told[54])} {told[32]} {told[55]} at {told[31]}"
            yield f"{terms}, order {order}, from {batch.source}"
        else:
            yield f"end of order {order}: {ENDS[told[150]]} with {told[14]} filled, from {batch.source}"
