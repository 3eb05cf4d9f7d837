"""``fixgw demo``: show the whole venue over TLS, lose connections, and prove that nothing was lost."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from fixgw.cli.demo import losses, opening, quoting, telling, trading
from fixgw.cli.demo.audit import Check, audited
from fixgw.cli.demo.stage import RT, Stage, opened
from fixgw.cli.demo.tables import show
from fixgw.cli.render import Exit, fail, out, say, told
from fixgw.errors import ConfigError
from fixgw.observe import logs

LIMIT = 80.0  # seconds for all of it; it takes a few


@dataclass(frozen=True, slots=True)
class Act:
    """A part of the demo.

    Args:
        heading: what it shows.
        play: does it, and tells what is seen.
    """

    heading: str
    play: Callable[[Stage], Awaitable[None]]


ACTS = (
    Act("Eight sessions log on over TLS, each signed with an API key of its own", opening.show_sessions),
    Act("Orders on KalshiRT rest, fill, fill in part, and are replaced, cancelled, refused", trading.trade),
    Act("Orders on KalshiNR, which can cancel all at once", trading.trade_without_retransmission),
    Act("Replaces cross with fills, and with each other", trading.race),
    Act("An order group trips", trading.trip_a_group),
    Act("A request for quote, from the question to the execution", quoting.ask_for_quotes),
    Act(
        "KalshiRT loses its connection with reports on their way: they are sent again",
        losses.recover_by_resend,
    ),
    Act(
        "KalshiNR loses its connection, and reports for good: the drop copy has them",
        losses.recover_by_drop_copy,
    ),
    Act("A market's book", telling.show_a_book),
    Act("A market settles", telling.settle),
    Act("The listener has heard it all", telling.ask_the_listener),
)


def demo(
    directory: Annotated[Path | None, typer.Option(help="keep keys, tapes and configuration here")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="show the log as well")] = False,
) -> None:
    """Start the venue, trade on every kind of session over TLS, lose connections, compare, stop.

    Exit codes: 0 the gateways' account of every order and position equals the venue's ledger, 1 it does not.
    """
    logs.setup("info" if verbose else "critical")
    with told():
        try:
            if directory is not None:
                _make(directory)
                wrong = asyncio.run(_play(directory))
            else:
                with tempfile.TemporaryDirectory(prefix="fixgw-demo-") as made:
                    wrong = asyncio.run(_play(Path(made)))
        except TimeoutError:
            what, where = "something did not come in time", "in the act that was told last"
            raise fail(what, where=where, remedy="is the machine busy? try again, with --verbose") from None
    if directory is not None:
        say(f"kept in {directory}; to see what was said: fixgw decode {directory}/tapes/{RT.name}")
    if wrong:
        raise fail("the gateways and the ledger disagree:\n" + "\n".join(wrong), Exit.BAD)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        used = any(directory.iterdir())
    except OSError as error:
        what = f"the directory can not be made: {error.strerror}"
        raise ConfigError(what, str(directory), "choose another one") from error
    if used:  # the numbers on tapes of a former venue are not those of a new one
        raise ConfigError("the directory is not empty", str(directory), "choose a new one, or empty it")


async def _play(directory: Path) -> list[str]:
    out.print("A venue like Kalshi on this machine; alpha is the desk, beta a market maker.", markup=False)
    async with asyncio.timeout(LIMIT), opened(directory) as stage:
        for number, act in enumerate(ACTS, 1):
            stage.heading(number, act.heading)
            await act.play(stage)
        checks = await audited(stage)
        show(stage)
        _conclude(stage, checks)
    return [sentence for check in checks for sentence in check.wrong]


def _conclude(stage: Stage, checks: Sequence[Check]) -> None:
    out.print("\nHeld against the venue's ledger, which its matching engine has written", style="bold")
    for check in checks:
        verdict = f"{len(check.wrong)} differences" if check.wrong else "equal"
        stage.note(f"{check.what:<72}{verdict}")
    if not any(check.wrong for check in checks):
        count = len(stage.venue.ledger.executions)
        out.print(f"\nNothing was lost and nothing invented: {count} executions.", style="bold", markup=False)
